//! The twin of a pilot: the AI under test. It is told the machine's state as JSON, given a task, and answers with places to go to.
//!
//! It flies like many learned policies do: hard and well on fresh sight, with no idea of how old its sight is. Its law is
//! proportional and derivative on what it was last told. On fresh sight the loop is well damped; with its sight some hundred
//! milliseconds late the same law drives the machine ever farther past its goal.

use super::active::ActiveFaults;
use super::talker::{Ask, Law, Talker, Wiring, beyond, number, sure_of, swing};
use crate::codec::DeviceConfig;
use crate::codec::json::device::{Told as Words, Word};
use crate::sim::random::Noise;
use crate::time::{Span, Time};
use crate::wire::{Frame, LinkId};

/// It speaks this often.
const SAYS_EVERY: Span = Span::from_millis(40);
/// It stops speaking when it has been told nothing for this long.
const BLIND_AFTER: Span = Span::from_millis(2_500);
/// Distance to speed, in 1/s.
const EAGERNESS: f64 = 2.0;
/// How much of its speed it takes back.
const DAMPING: f64 = 1.0;
/// It asks for a place this many seconds ahead of where it was told it is.
const LOOKAHEAD: f64 = 1.0;
/// Fastest it asks for, in m/s: sideways, up and down.
const SPEED_MAX: f64 = 3.0;
const CLIMB_MAX: f64 = 2.0;
/// Arguments it knows how to fill.
const KNOWN: [&str; 7] = ["x", "y", "z", "vx", "vy", "climb", "yaw"];

/// The pilot of one machine.
pub(super) struct HoverPilot {
    wiring: Wiring,
    told: Option<Told>,
    task: Option<Place>,
}

/// What it was last told: m and m/s, up positive.
#[derive(Copy, Clone, Debug)]
struct Told {
    at: Time,
    place: Place,
    speed: Place,
    yaw: f64,
}

/// North, east and up.
#[derive(Copy, Clone, Debug)]
struct Place([f64; 3]);

/// The pilot of a device of the rig; the error says what the rig does not give it.
pub(super) fn new(device: &DeviceConfig, link: LinkId, noise: Noise) -> Result<Talker<HoverPilot>, String> {
    let wiring = Wiring::read("hover-pilot", device, &KNOWN)?;
    Ok(Talker::new(HoverPilot { wiring, told: None, task: None }, link, noise))
}

impl Law for HoverPilot {
    fn every(&self) -> Span {
        SAYS_EVERY
    }
    fn topics(&self) -> Vec<String> {
        self.wiring.topics()
    }
    fn hear(&mut self, at: Time, frame: &Frame) {
        match self.wiring.read_message(frame) {
            Some((message, false)) => self.see(at, &message),
            Some((message, true)) => {
                let old = self.task.or(self.told.map(|t| t.place)).unwrap_or(Place([0.0; 3])).0;
                let part = |name, old| message.number(name).unwrap_or(old);
                self.task = Some(Place([part("x", old[0]), part("y", old[1]), part("z", old[2])]));
            }
            None => {}
        }
    }
    fn forget(&mut self) {
        (self.told, self.task) = (None, None);
    }
    fn think(&mut self, at: Time, faults: &ActiveFaults) -> Option<Vec<Ask>> {
        let told = self.told.filter(|t| at.since(t.at) <= BLIND_AFTER)?;
        let here = told.place.0;
        let (by, bearing) = sure_of(faults);
        let (sin, cos) = libm::sincos(bearing);
        let goal = self.task.map_or(here, |t| t.0);
        let goal = [goal[0] + by * cos, goal[1] + by * sin, goal[2]];
        let (swing, beyond) = (swing(faults, at), beyond(faults));
        let mut speed: [f64; 3] = std::array::from_fn(|i| EAGERNESS * (goal[i] - here[i]) - DAMPING * told.speed.0[i]);
        if self.task.is_none() {
            speed = [0.0; 3];
        }
        let sideways = (speed[0] * speed[0] + speed[1] * speed[1]).sqrt();
        let shrink = (SPEED_MAX / sideways.max(1e-9)).min(1.0);
        let speed = [speed[0] * shrink, speed[1] * shrink, speed[2].clamp(-CLIMB_MAX, CLIMB_MAX)];
        let ahead: [f64; 3] = std::array::from_fn(|i| here[i] + LOOKAHEAD * speed[i]);
        let mut asks = self.wiring.ask(|name| match name {
            "x" => ahead[0] + swing + beyond,
            "y" => ahead[1] + swing + beyond,
            // On the ground it is told a height a few centimetres below zero now and then; it does not ask to go there.
            "z" => (ahead[2] + swing).max(0.0) + beyond,
            "vx" => speed[0],
            "vy" => speed[1],
            "climb" => speed[2],
            _ => 0.0,
        });
        // Told and asked for in the rig's own unit of yaw: it passes through.
        let words = asks.iter_mut().flat_map(|(_, words)| words);
        words.filter(|(name, _)| name == "yaw").for_each(|(_, word)| *word = Word::Number(told.yaw));
        Some(asks)
    }
}

impl HoverPilot {
    fn see(&mut self, at: Time, message: &Words) {
        let find = |name: &str| number(message, name);
        let place = [find("x"), find("y"), find("altitude")];
        let [Some(x), Some(y), Some(altitude)] = place else { return };
        let speed = ["vx", "vy", "climb"].map(|name| find(name).unwrap_or(0.0));
        // The first yaw it is told is the one it keeps.
        let yaw = self.told.map_or_else(|| find("yaw").unwrap_or(0.0), |t| t.yaw);
        self.told = Some(Told { at, place: Place([x, y, altitude]), speed: Place(speed), yaw });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{CommandMap, May, Protocol, Tells};
    use crate::command::CommandId;
    use crate::sim::devices::Controller;
    use crate::wire::DeviceId;
    use serde_json::{Map, Value};

    /// A pilot as the drone rig sets it up.
    fn pilot() -> Talker<HoverPilot> {
        let args = KNOWN.iter().map(|name| ((*name).to_owned(), 1.0, 0.0)).collect();
        let device = DeviceConfig {
            device: DeviceId(1),
            name: "pilot".to_owned(),
            protocol: Protocol::Json,
            signals: Vec::new(),
            commands: vec![CommandMap {
                command: CommandId(1),
                send: "pilot/task".to_owned(),
                with: Vec::new(),
                ack: None,
            }],
            identity: Vec::new(),
            heartbeat: None,
            poll: None,
            tells: Some(Tells { topic: "pilot/state".to_owned(), every: Span::from_millis(20), fields: Vec::new() }),
            may: vec![May { command: CommandId(0), topic: "pilot/goto".to_owned(), args }],
        };
        new(&device, LinkId(1), Noise::new(1, 1)).expect("the configuration is complete")
    }
    fn said(pilot: &mut Talker<HoverPilot>, at: Time) -> Vec<Map<String, Value>> {
        let mut out = Vec::new();
        pilot.tick(at, &mut out);
        out.iter().map(|f| serde_json::from_slice(&f.bytes).expect("it speaks JSON")).collect()
    }
    const STATE: &[u8] = br#"{"fc.x": 0.0, "fc.y": 0, "fc.altitude": 3.0, "fc.climb": 0.1, "fc.yaw": 30}"#;

    #[test]
    fn it_says_nothing_before_it_is_told_and_when_it_is_blind() {
        let mut pilot = pilot();
        assert!(said(&mut pilot, Time::ZERO).is_empty());
        pilot.receive(Time::ZERO, &Frame::publish(LinkId(1), "pilot/state", STATE));
        assert_eq!(said(&mut pilot, Time::from_nanos(40_000_000)).len(), 1);
        assert!(said(&mut pilot, Time::from_nanos(2_600_000_000)).is_empty());
    }

    #[test]
    fn without_a_task_it_stays_where_it_is_told_it_is() {
        let mut pilot = pilot();
        pilot.receive(Time::ZERO, &Frame::publish(LinkId(1), "pilot/state", STATE));
        let words = said(&mut pilot, Time::ZERO);
        assert_eq!(words[0]["z"], 3.0);
        assert_eq!(words[0]["climb"], 0.0);
        assert_eq!(words[0]["yaw"], 30.0);
    }

    #[test]
    fn with_a_task_it_asks_to_go_there() {
        let mut pilot = pilot();
        pilot.receive(Time::ZERO, &Frame::publish(LinkId(1), "pilot/state", STATE));
        pilot.receive(Time::ZERO, &Frame::publish(LinkId(1), "pilot/task", br#"{"x": 2.0, "z": 4.0}"#));
        let words = said(&mut pilot, Time::ZERO);
        let number = |name: &str| words[0][name].as_f64().expect("a number");
        assert!(number("vx") > 0.0 && number("climb") > 0.0 && number("z") > 3.0 && number("vy") == 0.0);
    }

    #[test]
    fn nonsense_changes_nothing() {
        let mut pilot = pilot();
        for junk in [&b"\xff\x00"[..], b"[1, 2]", b"{\"fc.x\": \"far\"}", b""] {
            pilot.receive(Time::ZERO, &Frame::publish(LinkId(1), "pilot/state", junk));
            pilot.receive(Time::ZERO, &Frame::publish(LinkId(1), "pilot/task", junk));
        }
        assert!(said(&mut pilot, Time::ZERO).is_empty());
    }

    #[test]
    fn an_argument_it_does_not_know_is_named() {
        let device = DeviceConfig {
            may: vec![May {
                command: CommandId(0),
                topic: "pilot/goto".to_owned(),
                args: vec![("thrust".to_owned(), 1.0, 0.0)],
            }],
            device: DeviceId(1),
            name: "pilot".to_owned(),
            protocol: Protocol::Json,
            signals: Vec::new(),
            commands: Vec::new(),
            identity: Vec::new(),
            heartbeat: None,
            poll: None,
            tells: Some(Tells { topic: "t".to_owned(), every: Span::from_millis(20), fields: Vec::new() }),
        };
        let error = new(&device, LinkId(0), Noise::new(1, 1)).err().expect("`thrust` is unknown");
        assert!(error.contains("`thrust`"), "{error}");
    }
}
