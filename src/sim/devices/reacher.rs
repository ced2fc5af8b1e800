//! The twin of a reacher: the AI under test of a robot cell. It is told where the tool is and how near a person is, is given a
//! place to reach, and answers with the next place on the way and a speed.
//!
//! It slows down as a person comes near, and waits while they are there; it believes what it is told. What it says all the time
//! is whether it has something to do; commands it asks for only on its way.

use super::active::ActiveFaults;
use super::talker::{Ask, Law, Talker, Wiring, beyond, named, number, sure_of, swing};
use crate::codec::DeviceConfig;
use crate::codec::json::device::Word;
use crate::sim::random::Noise;
use crate::time::{Span, Time};
use crate::wire::{Frame, LinkId};

/// It speaks this often.
const SAYS_EVERY: Span = Span::from_millis(100);
/// It stops speaking when it has been told nothing for this long.
const BLIND_AFTER: Span = Span::from_secs(2);
/// Fastest it asks for, in m/s.
const SPEED_MAX: f64 = 0.25;
/// Nearest person, in m, at which it goes at full speed, and at which it waits.
const FAR: f64 = 3.0;
const NEAR: f64 = 2.0;
/// It asks for a place that the tool reaches in this time, in s, and the way that it takes to brake at 1 m/s^2.
const LOOKAHEAD: f64 = 0.3;
const BRAKING: f64 = 1.0;
/// Slowest speed that it asks for, in m/s: a motion controller takes no zero.
const SPEED_MIN: f64 = 0.001;
/// It is there when the tool is this near, in m.
const THERE: f64 = 0.0005;
/// Arguments it knows how to fill.
const KNOWN: [&str; 4] = ["x", "y", "z", "speed"];

type Place = [f64; 3];

/// The reacher of one cell.
pub(super) struct Reacher {
    wiring: Wiring,
    status_topic: String,
    told: Option<(Time, Place, f64)>,
    goal: Option<Place>,
    /// What it asked for last, so that it never asks to go back.
    asked: Option<Place>,
}

/// The reacher of a device of the rig; the error says what the rig does not give it.
pub(super) fn new(device: &DeviceConfig, link: LinkId, noise: Noise) -> Result<Talker<Reacher>, String> {
    let wiring = Wiring::read("reacher", device, &KNOWN)?;
    let status = device.signals.first().and_then(|map| map.field.split('#').next());
    let status = status
        .ok_or_else(|| format!("the twin `reacher` of `{}` needs a signal that says that it is busy", device.name))?;
    let law = Reacher { wiring, status_topic: status.to_owned(), told: None, goal: None, asked: None };
    Ok(Talker::new(law, link, noise))
}

impl Reacher {
    /// The next place on the way, and how fast to go there; none where there is no way left, or somebody in it.
    fn step(&mut self, here: Place, person: f64, goal: Place) -> Option<(Place, f64)> {
        let speed = SPEED_MAX * ((person - NEAR) / (FAR - NEAR)).clamp(0.0, 1.0);
        let way: Place = std::array::from_fn(|axis| goal[axis] - here[axis]);
        let length = way.iter().map(|part| part * part).sum::<f64>().sqrt();
        let ahead = speed * LOOKAHEAD + speed * speed / (2.0 * BRAKING);
        if speed < SPEED_MIN || length < THERE {
            return None;
        }
        let share = if length > ahead { ahead / length } else { 1.0 };
        let next: Place = std::array::from_fn(|axis| here[axis] + share * way[axis]);
        // The tool was told late: what it has been asked for may lie further on the way.
        let left = |place: Place| (0..3).map(|a| (goal[a] - place[a]) * (goal[a] - place[a])).sum::<f64>();
        let next = match self.asked {
            Some(asked) if left(asked) <= left(next) => asked,
            _ => next,
        };
        self.asked = Some(next);
        Some((next, speed))
    }
}

impl Law for Reacher {
    fn every(&self) -> Span {
        SAYS_EVERY
    }
    fn topics(&self) -> Vec<String> {
        self.wiring.topics()
    }
    fn hear(&mut self, at: Time, frame: &Frame) {
        let Some((message, is_task)) = self.wiring.read_message(frame) else { return };
        if is_task {
            let old = self.goal.or(self.told.map(|(_, place, _)| place)).unwrap_or([0.0; 3]);
            let part = |name, old: f64| message.number(name).map_or(old, |part| part / 1e3);
            self.goal = Some([part("x", old[0]), part("y", old[1]), part("z", old[2])]);
            self.asked = None;
            return;
        }
        let find = |name: &str| number(&message, name);
        let ([Some(x), Some(y), Some(z)], Some(person)) = (["x", "y", "z"].map(find), find("distance")) else {
            return;
        };
        // A machine that is not homed, or at it, tells places that mean nothing.
        let lost =
            matches!(named(&message, "state"), Some(Word::Text(state)) if !matches!(state.as_str(), "Idle" | "Run"));
        // What it is told is in mm, as motion controllers count; it thinks in m.
        self.told = (!lost).then_some((at, [x, y, z].map(|part| part / 1e3), person));
    }
    fn forget(&mut self) {
        (self.told, self.goal, self.asked) = (None, None, None);
    }
    fn think(&mut self, at: Time, faults: &ActiveFaults) -> Option<Vec<Ask>> {
        let (_, here, person) = self.told.filter(|(told, ..)| at.since(*told) <= BLIND_AFTER)?;
        let goal = self.goal?;
        let (by, bearing) = sure_of(faults);
        let (sin, cos) = libm::sincos(bearing);
        let Some((place, speed)) = self.step(here, person, [goal[0] + by * cos, goal[1] + by * sin, goal[2]]) else {
            return Some(Vec::new());
        };
        let shift = swing(faults, at) + beyond(faults);
        Some(self.wiring.ask(|name| match name {
            "x" => place[0] + shift,
            "y" => place[1] + shift,
            "z" => place[2] + shift,
            _ => speed,
        }))
    }
    fn besides(&self, asks: bool) -> Option<Ask> {
        Some((self.status_topic.clone(), vec![("busy".to_owned(), Word::Flag(asks))]))
    }
}
