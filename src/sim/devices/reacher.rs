//! The twin of a reacher: the AI under test of a robot cell. It is told where the tool is and how near a person is, is given a
//! place to reach, and answers with the next place on the way and a speed.
//!
//! It slows down as a person comes near, and waits while they are there; it believes what it is told. What it says all the time
//! is whether it has something to do; commands it asks for only on its way.

use super::Controller;
use super::active::ActiveFaults;
use super::power::{Power, Supply};
use crate::codec::json::device::{Told, propose};
use crate::codec::{DeviceConfig, May};
use crate::fault::TwinFault;
use crate::sim::random::Noise;
use crate::time::{Span, Time};
use crate::wire::{Frame, LinkId};

/// It speaks this often.
const SAYS_EVERY: Span = Span::from_millis(100);
/// Most often it speaks, however fast it is made to.
const SAYS_AT_MOST_EVERY: Span = Span::from_micros(500);
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
/// An argument and the end of a topic that no rig declares.
const UNKNOWN: &str = "self_destruct";

type Place = [f64; 3];

/// The reacher of one cell.
pub struct Reacher {
    link: LinkId,
    state_topic: String,
    status_topic: String,
    move_topic: String,
    task_topics: Vec<String>,
    args: Vec<(String, f64, f64)>,
    told: Option<(Time, Place, f64)>,
    goal: Option<Place>,
    /// What it asked for last, so that it never asks to go back.
    asked: Option<Place>,
    says_next: Time,
    said: Option<Vec<u8>>,
    thought: Time,
    power: Power,
    faults: ActiveFaults,
    noise: Noise,
}

impl Reacher {
    /// The reacher of a device of the rig; the error says what the rig does not give it.
    pub fn new(device: &DeviceConfig, link: LinkId, noise: Noise) -> Result<Reacher, String> {
        let name = &device.name;
        let tells = device.tells.as_ref().ok_or_else(|| format!("the twin `reacher` of `{name}` needs `tells`"))?;
        let may = device.may.first();
        let May { topic, args, .. } =
            may.ok_or_else(|| format!("the twin `reacher` of `{name}` needs a command that it may ask for"))?;
        if let Some((unknown, ..)) = args.iter().find(|(arg, ..)| !KNOWN.contains(&arg.as_str())) {
            let known = KNOWN.join(", ");
            return Err(format!(
                "the twin `reacher` of `{name}` cannot fill the argument `{unknown}` (it knows {known})"
            ));
        }
        let status = device.signals.first().and_then(|map| map.field.split('#').next());
        let status =
            status.ok_or_else(|| format!("the twin `reacher` of `{name}` needs a signal that says that it is busy"))?;
        Ok(Reacher {
            link,
            status_topic: status.to_owned(),
            state_topic: tells.topic.clone(),
            move_topic: topic.clone(),
            task_topics: device.commands.iter().map(|command| command.send.clone()).collect(),
            args: args.clone(),
            told: None,
            goal: None,
            asked: None,
            says_next: Time::ZERO,
            said: None,
            thought: Time::ZERO,
            power: Power::new(),
            faults: ActiveFaults::default(),
            noise,
        })
    }
    fn restart(&mut self) {
        (self.told, self.goal, self.asked, self.said) = (None, None, None, None);
    }
    fn says_every(&self) -> Span {
        let times = self.faults.latest(|a| if let TwinFault::Rate { times } = a.fault { Some(times) } else { None });
        let seconds = SAYS_EVERY.seconds() / times.unwrap_or(1.0).max(1e-6);
        // Slower than once an hour is silence, which has a fault of its own.
        Span::from_seconds(seconds.min(3600.0)).max(SAYS_AT_MOST_EVERY)
    }
    /// The next place on the way, and how fast to go there.
    fn policy(&mut self, at: Time, here: Place, person: f64, goal: Place) -> Option<(Place, f64)> {
        let (mut goal, mut shift) = (goal, [0.0; 3]);
        for active in self.faults.iter() {
            match active.fault {
                TwinFault::ConfidentWrong { by, bearing } => {
                    let (sin, cos) = libm::sincos(bearing);
                    goal = [goal[0] + by * cos, goal[1] + by * sin, goal[2]];
                }
                TwinFault::Oscillate { hertz, size } => {
                    let turns = hertz * at.since(active.since).seconds();
                    shift = [size * libm::sin(core::f64::consts::TAU * turns); 3];
                }
                TwinFault::OutOfRange { by } => shift = [by; 3],
                _ => {}
            }
        }
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
        Some((std::array::from_fn(|axis| next[axis] + shift[axis]), speed))
    }
    fn speak(&mut self, at: Time) -> Option<(String, Vec<u8>)> {
        let topic = self.move_topic.clone();
        let stale =
            self.faults.latest(|a| if let TwinFault::StaleOutput { every } = a.fault { Some(every) } else { None });
        let repeats = self.faults.has(&TwinFault::Frozen) || stale.is_some_and(|every| at.since(self.thought) < every);
        if repeats && let Some(said) = &self.said {
            return Some((topic, said.clone()));
        }
        let (_, here, person) = self.told.filter(|(told, ..)| at.since(*told) <= BLIND_AFTER)?;
        let goal = self.goal?;
        self.thought = at;
        if self.faults.iter().any(|a| matches!(a.fault, TwinFault::Garbage { .. })) {
            return Some((topic, (0..24).map(|_| self.noise.byte()).collect()));
        }
        let (place, speed) = self.policy(at, here, person, goal)?;
        let value = |name: &str| match name {
            "x" => place[0],
            "y" => place[1],
            "z" => place[2],
            _ => speed,
        };
        let mut words: Vec<(&str, f64)> =
            self.args.iter().map(|(name, scale, offset)| (name.as_str(), (value(name) - offset) / scale)).collect();
        if self.faults.has(&TwinFault::NotANumber) {
            let none: Vec<String> = words.iter().map(|(name, _)| format!("{name:?}:NaN")).collect();
            return Some((topic, format!("{{{}}}", none.join(",")).into_bytes()));
        }
        if self.faults.has(&TwinFault::UnknownCommands) {
            // Every other time it uses a topic of nobody's, else an argument that the command has not.
            if self.noise.byte().is_multiple_of(2) {
                return Some((format!("{topic}/{UNKNOWN}"), propose(&words)));
            }
            words.push((UNKNOWN, 1.0));
        }
        Some((topic, propose(&words)))
    }
}

impl Controller for Reacher {
    fn subscriptions(&self) -> Vec<String> {
        std::iter::once(&self.state_topic).chain(&self.task_topics).cloned().collect()
    }
    fn receive(&mut self, at: Time, frame: &Frame) {
        if self.faults.has(&TwinFault::Deaf) || self.power.supply(at) > Supply::NoRadio {
            return;
        }
        let (Some(topic), Ok(message)) = (frame.topic.as_deref(), Told::read(&frame.bytes)) else { return };
        let full = |name: &str| message.0.iter().map(|(key, _)| key).find(|key| key.rsplit('.').next() == Some(name));
        let find = |name: &str| full(name).and_then(|key| message.number(key));
        if topic == self.state_topic {
            let ([Some(x), Some(y), Some(z)], Some(person)) = (["x", "y", "z"].map(find), find("distance")) else {
                return;
            };
            // A machine that is not homed, or at it, tells places that mean nothing.
            if full("state").and_then(|key| message.text(key)).is_some_and(|state| !matches!(state, "Idle" | "Run")) {
                self.told = None;
                return;
            }
            // What it is told is in mm, as motion controllers count; it thinks in m.
            self.told = Some((at, [x, y, z].map(|part| part / 1e3), person));
        } else if self.task_topics.iter().any(|task| topic == task) {
            let old = self.goal.or(self.told.map(|(_, place, _)| place)).unwrap_or([0.0; 3]);
            let part = |name, old: f64| message.number(name).map_or(old, |part| part / 1e3);
            self.goal = Some([part("x", old[0]), part("y", old[1]), part("z", old[2])]);
            self.asked = None;
        }
    }
    fn tick(&mut self, at: Time, out: &mut Vec<Frame>) {
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
        let asked = self.speak(at);
        if let Some((_, bytes)) = &asked {
            self.said = Some(bytes.clone());
        }
        if !self.faults.has(&TwinFault::Silence) && self.power.supply(at) == Supply::On {
            let status = format!("{{\"busy\":{}}}", asked.is_some());
            out.push(Frame::publish(self.link, &self.status_topic, status));
            out.extend(asked.map(|(topic, bytes)| Frame::publish(self.link, &topic, bytes)));
        }
    }
    fn next_deadline(&self) -> Time {
        self.says_next
    }
    fn start_fault(&mut self, at: Time, fault: &TwinFault) {
        let key = self.faults.start(at, fault);
        if let Some(active) = self.faults.latest(|a| (a.key == key).then(|| a.clone())) {
            self.power.start(&active);
        }
        self.says_next = self.says_next.min(at + self.says_every());
        if *fault == TwinFault::Restart {
            self.restart();
        }
    }
    fn stop_fault(&mut self, fault: &TwinFault) {
        if let Some(active) = self.faults.stop(fault) {
            self.power.stop(active.key);
        }
    }
}
