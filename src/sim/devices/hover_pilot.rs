//! The twin of a pilot: the AI under test. It is told the machine's state as JSON, given a task, and answers with places to go to.
//!
//! It flies like many learned policies do: hard and well on fresh sight, with no idea of how old its sight is. Its law is
//! proportional and derivative on what it was last told. On fresh sight the loop is well damped; with its sight some hundred
//! milliseconds late the same law drives the machine ever farther past its goal.

use super::Controller;
use super::active::ActiveFaults;
use super::power::{Power, Supply};
use crate::codec::json::device::{Told as Words, propose};
use crate::codec::{DeviceConfig, May};
use crate::fault::TwinFault;
use crate::sim::random::Noise;
use crate::time::{Span, Time};
use crate::wire::{Frame, LinkId};
use std::sync::Arc;

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
pub struct HoverPilot {
    link: LinkId,
    state_topic: Arc<str>,
    goto_topic: Arc<str>,
    task_topics: Vec<Arc<str>>,
    /// Names of the arguments with the way to SI, as the rig wants them.
    args: Vec<(String, f64, f64)>,
    told: Option<Told>,
    task: Option<Place>,
    says_next: Time,
    /// What it said last, and when it thought of it.
    said: Option<Vec<u8>>,
    thought: Time,
    power: Power,
    faults: ActiveFaults,
    noise: Noise,
}

/// Most often it speaks, however fast it is made to: once in this time.
const SAYS_AT_MOST_EVERY: Span = Span::from_micros(500);
/// An argument and the end of a topic that no rig declares.
const UNKNOWN: &str = "self_destruct";

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

impl HoverPilot {
    /// The pilot of a device of the rig; the error says what the rig does not give it.
    pub fn new(device: &DeviceConfig, link: LinkId, noise: Noise) -> Result<HoverPilot, String> {
        let name = &device.name;
        let tells = device.tells.as_ref().ok_or_else(|| format!("the twin `hover-pilot` of `{name}` needs `tells`"))?;
        let May { topic, args, .. } = device
            .may
            .first()
            .ok_or_else(|| format!("the twin `hover-pilot` of `{name}` needs a command that it may ask for"))?;
        if let Some((unknown, ..)) = args.iter().find(|(arg, ..)| !KNOWN.contains(&arg.as_str())) {
            return Err(format!(
                "the twin `hover-pilot` of `{name}` cannot fill the argument `{unknown}` (it knows {})",
                KNOWN.join(", ")
            ));
        }
        Ok(HoverPilot {
            link,
            state_topic: tells.topic.as_str().into(),
            goto_topic: topic.as_str().into(),
            task_topics: device.commands.iter().map(|c| c.send.as_str().into()).collect(),
            args: args.clone(),
            told: None,
            task: None,
            says_next: Time::ZERO,
            said: None,
            thought: Time::ZERO,
            power: Power::new(),
            faults: ActiveFaults::default(),
            noise,
        })
    }
    /// Topics it listens to.
    pub fn subscriptions(&self) -> impl Iterator<Item = &Arc<str>> {
        std::iter::once(&self.state_topic).chain(&self.task_topics)
    }
    /// Takes a message; what is not for it or not understood changes nothing.
    pub fn receive(&mut self, at: Time, topic: &str, payload: &[u8]) {
        if self.faults.has(&TwinFault::Deaf) || self.power.supply(at) > Supply::NoRadio {
            return;
        }
        let Ok(message) = Words::read(payload) else { return };
        if topic == &*self.state_topic {
            self.see(at, &message);
        } else if self.task_topics.iter().any(|t| topic == &**t) {
            let old = self.task.or(self.told.map(|t| t.place)).unwrap_or(Place([0.0; 3])).0;
            let part = |name, old| message.number(name).unwrap_or(old);
            self.task = Some(Place([part("x", old[0]), part("y", old[1]), part("z", old[2])]));
        }
    }
    /// When it speaks next.
    pub fn next_deadline(&self) -> Time {
        self.says_next
    }
    /// Speaks when it is time to.
    pub fn tick(&mut self, at: Time, out: &mut Vec<Frame>) {
        if self.power.boots(at) {
            self.restart();
        }
        if at < self.says_next {
            return;
        }
        let every = self.says_every();
        self.says_next += every;
        if self.says_next <= at {
            self.says_next = at + every;
        }
        if self.power.supply(at) > Supply::NoRadio {
            return;
        }
        let Some((topic, bytes)) = self.speak(at) else { return };
        self.said = Some(bytes.clone());
        if !self.faults.has(&TwinFault::Silence) && self.power.supply(at) == Supply::On {
            out.push(Frame::publish(self.link, &topic, bytes));
        }
    }
    /// A fault begins.
    pub fn start_fault(&mut self, at: Time, fault: &TwinFault) {
        let key = self.faults.start(at, fault);
        if let Some(active) = self.faults.latest(|a| (a.key == key).then(|| a.clone())) {
            self.power.start(&active);
        }
        // It begins to speak faster at once.
        self.says_next = self.says_next.min(at + self.says_every());
        if *fault == TwinFault::Restart {
            self.restart();
        }
    }
    /// A fault ends.
    pub fn stop_fault(&mut self, fault: &TwinFault) {
        if let Some(active) = self.faults.stop(fault) {
            self.power.stop(active.key);
        }
    }

    /// Starts anew: what it was told and its task are forgotten.
    fn restart(&mut self) {
        self.told = None;
        self.task = None;
        self.said = None;
    }
    fn says_every(&self) -> Span {
        let times = self.faults.latest(|a| match a.fault {
            TwinFault::Rate { times } => Some(times),
            _ => None,
        });
        times.map_or(SAYS_EVERY, |times| {
            // Slower than once an hour is silence, which has a fault of its own.
            Span::from_seconds((SAYS_EVERY.seconds() / times.max(1e-6)).min(3600.0)).max(SAYS_AT_MOST_EVERY)
        })
    }
    /// What it says now, and on which topic.
    fn speak(&mut self, at: Time) -> Option<(Arc<str>, Vec<u8>)> {
        let topic = self.goto_topic.clone();
        let stale = self.faults.latest(|a| match a.fault {
            TwinFault::StaleOutput { every } => Some(every),
            _ => None,
        });
        let repeats = self.faults.has(&TwinFault::Frozen) || stale.is_some_and(|every| at.since(self.thought) < every);
        if repeats && let Some(said) = &self.said {
            return Some((topic, said.clone()));
        }
        let told = self.told.filter(|t| at.since(t.at) <= BLIND_AFTER)?;
        self.thought = at;
        if self.faults.latest(|a| matches!(a.fault, TwinFault::Garbage { .. }).then_some(())).is_some() {
            return Some((topic, (0..24).map(|_| self.noise.byte()).collect()));
        }
        // Every other time it uses a topic of nobody's, else an argument that the command has not.
        let unknown = self.faults.has(&TwinFault::UnknownCommands).then(|| self.noise.byte().is_multiple_of(2));
        let mut words = self.words(at, &told);
        if self.faults.has(&TwinFault::NotANumber) {
            let none: Vec<String> = words.iter().map(|(name, _)| format!("{name:?}:NaN")).collect();
            return Some((topic, format!("{{{}}}", none.join(",")).into_bytes()));
        }
        match unknown {
            Some(true) => return Some((format!("{topic}/{UNKNOWN}").into(), propose(&words))),
            Some(false) => words.push((UNKNOWN, 1.0)),
            None => {}
        }
        Some((topic, propose(&words)))
    }
    fn see(&mut self, at: Time, message: &Words) {
        // Names come with their device (`fc.altitude`); this pilot knows of one machine, so the last part says it all.
        let find = |name: &str| {
            let full = message.0.iter().map(|(key, _)| key).find(|key| key.rsplit('.').next() == Some(name));
            full.and_then(|key| message.number(key))
        };
        let place = [find("x"), find("y"), find("altitude")];
        let [Some(x), Some(y), Some(altitude)] = place else { return };
        let speed = ["vx", "vy", "climb"].map(|name| find(name).unwrap_or(0.0));
        // The first yaw it is told is the one it keeps.
        let yaw = self.told.map_or_else(|| find("yaw").unwrap_or(0.0), |t| t.yaw);
        self.told = Some(Told { at, place: Place([x, y, altitude]), speed: Place(speed), yaw });
    }
    /// The policy: what it asks for, by what it was last told.
    fn words(&self, at: Time, told: &Told) -> Vec<(&str, f64)> {
        let here = told.place.0;
        let mut goal = self.task.map_or(here, |t| t.0);
        let mut swing = [0.0; 3];
        let mut beyond = 0.0;
        for active in self.faults.iter() {
            match active.fault {
                TwinFault::ConfidentWrong { by, bearing } => {
                    let (sin, cos) = libm::sincos(bearing);
                    goal = [goal[0] + by * cos, goal[1] + by * sin, goal[2]];
                }
                TwinFault::Oscillate { hertz, size } => {
                    let turns = hertz * at.since(active.since).seconds();
                    swing = [size * libm::sin(core::f64::consts::TAU * turns); 3];
                }
                TwinFault::OutOfRange { by } => beyond = by,
                _ => {}
            }
        }
        let mut speed: [f64; 3] = std::array::from_fn(|i| EAGERNESS * (goal[i] - here[i]) - DAMPING * told.speed.0[i]);
        if self.task.is_none() {
            speed = [0.0; 3];
        }
        let sideways = (speed[0] * speed[0] + speed[1] * speed[1]).sqrt();
        let shrink = (SPEED_MAX / sideways.max(1e-9)).min(1.0);
        let speed = [speed[0] * shrink, speed[1] * shrink, speed[2].clamp(-CLIMB_MAX, CLIMB_MAX)];
        let ahead: [f64; 3] = std::array::from_fn(|i| here[i] + LOOKAHEAD * speed[i]);
        let value = |name: &str| match name {
            "x" => ahead[0] + swing[0] + beyond,
            "y" => ahead[1] + swing[1] + beyond,
            // On the ground it is told a height a few centimetres below zero now and then; it does not ask to go there.
            "z" => (ahead[2] + swing[2]).max(0.0) + beyond,
            "vx" => speed[0],
            "vy" => speed[1],
            "climb" => speed[2],
            // Told and asked for in the rig's own unit of yaw: it passes through.
            _ => told.yaw,
        };
        let own = |name: &str, scale: f64, offset: f64| {
            if name == "yaw" { told.yaw } else { (value(name) - offset) / scale }
        };
        self.args.iter().map(|(name, scale, offset)| (name.as_str(), own(name, *scale, *offset))).collect()
    }
}

impl Controller for HoverPilot {
    fn subscriptions(&self) -> Vec<String> {
        HoverPilot::subscriptions(self).map(ToString::to_string).collect()
    }
    fn receive(&mut self, at: Time, frame: &Frame) {
        // Bytes of a serial link cannot come from a rig that was checked.
        if let Some(topic) = &frame.topic {
            HoverPilot::receive(self, at, topic, &frame.bytes);
        }
    }
    fn tick(&mut self, at: Time, out: &mut Vec<Frame>) {
        HoverPilot::tick(self, at, out);
    }
    fn next_deadline(&self) -> Time {
        HoverPilot::next_deadline(self)
    }
    fn start_fault(&mut self, at: Time, fault: &TwinFault) {
        HoverPilot::start_fault(self, at, fault);
    }
    fn stop_fault(&mut self, fault: &TwinFault) {
        HoverPilot::stop_fault(self, fault);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{CommandMap, Protocol, Tells};
    use crate::command::CommandId;
    use crate::wire::DeviceId;
    use serde_json::{Map, Value};

    /// A pilot as the drone rig sets it up.
    pub fn pilot() -> HoverPilot {
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
        HoverPilot::new(&device, LinkId(1), Noise::new(1, 1)).expect("the configuration is complete")
    }
    fn said(pilot: &mut HoverPilot, at: Time) -> Vec<Map<String, Value>> {
        let mut out = Vec::new();
        pilot.tick(at, &mut out);
        out.iter().map(|f| serde_json::from_slice(&f.bytes).expect("it speaks JSON")).collect()
    }
    const STATE: &[u8] = br#"{"fc.x": 0.0, "fc.y": 0, "fc.altitude": 3.0, "fc.climb": 0.1, "fc.yaw": 30}"#;

    #[test]
    fn it_says_nothing_before_it_is_told_and_when_it_is_blind() {
        let mut pilot = pilot();
        assert!(said(&mut pilot, Time::ZERO).is_empty());
        pilot.receive(Time::ZERO, "pilot/state", STATE);
        assert_eq!(said(&mut pilot, Time::from_nanos(40_000_000)).len(), 1);
        assert!(said(&mut pilot, Time::from_nanos(2_600_000_000)).is_empty());
    }

    #[test]
    fn without_a_task_it_stays_where_it_is_told_it_is() {
        let mut pilot = pilot();
        pilot.receive(Time::ZERO, "pilot/state", STATE);
        let words = said(&mut pilot, Time::ZERO);
        assert_eq!(words[0]["z"], 3.0);
        assert_eq!(words[0]["climb"], 0.0);
        assert_eq!(words[0]["yaw"], 30.0);
    }

    #[test]
    fn with_a_task_it_asks_to_go_there() {
        let mut pilot = pilot();
        pilot.receive(Time::ZERO, "pilot/state", STATE);
        pilot.receive(Time::ZERO, "pilot/task", br#"{"x": 2.0, "z": 4.0}"#);
        let words = said(&mut pilot, Time::ZERO);
        let number = |name: &str| words[0][name].as_f64().expect("a number");
        assert!(number("vx") > 0.0 && number("climb") > 0.0 && number("z") > 3.0 && number("vy") == 0.0);
    }

    #[test]
    fn nonsense_changes_nothing() {
        let mut pilot = pilot();
        for junk in [&b"\xff\x00"[..], b"[1, 2]", b"{\"fc.x\": \"far\"}", b""] {
            pilot.receive(Time::ZERO, "pilot/state", junk);
            pilot.receive(Time::ZERO, "pilot/task", junk);
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
        let error = HoverPilot::new(&device, LinkId(0), Noise::new(1, 1)).err().expect("`thrust` is unknown");
        assert!(error.contains("`thrust`"), "{error}");
    }
}
