//! A scripted cruise controller: keeps a speed, a gap and the lane. It stands in for a learned policy.
//!
//! Gap: constant time headway, R. Rajamani, *Vehicle Dynamics and Control*, 2nd ed., chapter 6 (from memory). It believes what it
//! is told, however old that is.

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
/// What is told beyond this is nobody, in m.
const SIGHT: f64 = 240.0;
/// It stops speaking when it has been told nothing for this long.
const BLIND_AFTER: Span = Span::from_millis(2_500);
/// How hard it goes after a speed, in 1/s, and after a gap, in 1/s²: ours, tuned on the road without lag of sight.
const SPEED_GAIN: f64 = 0.6;
const GAP_GAIN: f64 = 0.12;
const CLOSING_GAIN: f64 = 0.9;
/// The gap that it keeps: so many m and so many s.
const GAP_AT_REST: f64 = 5.0;
const HEADWAY: f64 = 2.0;
/// How it steers, in rad/m and rad/rad: damped well from 5 to 17 m/s on the single-track model.
const OFFSET_GAIN: f64 = 0.0104;
const HEADING_GAIN: f64 = 0.35;
/// Fastest and hardest that it asks for, in m/s².
const ACCEL_MAX: f64 = 1.5;
const BRAKE_MAX: f64 = 4.8;
/// It stops this far before a person, in m, and brakes when that takes so much, in m/s².
const PERSON_ROOM: f64 = 4.0;
const PERSON_BRAKE: f64 = 2.0;
/// Arguments it knows how to fill.
const KNOWN: [&str; 2] = ["accel", "steer"];

/// The controller of one car.
pub struct Cruise {
    link: LinkId,
    state_topic: Arc<str>,
    drive_topic: Arc<str>,
    task_topics: Vec<Arc<str>>,
    /// Names of the arguments with the way to SI, as the rig wants them.
    args: Vec<(String, f64, f64)>,
    told: Option<Told>,
    task: Option<f64>,
    /// It has begun to brake for a person, and does until it stands or nobody is there.
    braking: bool,
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

/// What it was last told, in SI.
#[derive(Copy, Clone, Debug)]
struct Told {
    at: Time,
    speed: f64,
    offset: f64,
    heading: f64,
    lead_gap: f64,
    lead_speed: f64,
    person_gap: f64,
}

impl Cruise {
    /// The pilot of a device of the rig; the error says what the rig does not give it.
    pub fn new(device: &DeviceConfig, link: LinkId, noise: Noise) -> Result<Cruise, String> {
        let name = &device.name;
        let tells = device.tells.as_ref().ok_or_else(|| format!("the twin `cruise` of `{name}` needs `tells`"))?;
        let May { topic, args, .. } = device
            .may
            .first()
            .ok_or_else(|| format!("the twin `cruise` of `{name}` needs a command that it may ask for"))?;
        if let Some((unknown, ..)) = args.iter().find(|(arg, ..)| !KNOWN.contains(&arg.as_str())) {
            return Err(format!(
                "the twin `cruise` of `{name}` cannot fill the argument `{unknown}` (it knows {})",
                KNOWN.join(", ")
            ));
        }
        Ok(Cruise {
            link,
            state_topic: tells.topic.as_str().into(),
            drive_topic: topic.as_str().into(),
            task_topics: device.commands.iter().map(|c| c.send.as_str().into()).collect(),
            args: args.clone(),
            told: None,
            task: None,
            braking: false,
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
            self.task = message.number("speed").or(self.task);
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
        self.braking = false;
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
        let topic = self.drive_topic.clone();
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
        let Some(speed) = find("speed") else { return };
        let told = Told {
            at,
            speed,
            offset: find("offset").unwrap_or(0.0),
            heading: find("heading").unwrap_or(0.0),
            lead_gap: find("lead_gap").unwrap_or(f64::MAX),
            lead_speed: find("lead_speed").unwrap_or(speed),
            person_gap: find("person_gap").unwrap_or(f64::MAX),
        };
        let room = (told.person_gap - PERSON_ROOM).max(0.5);
        self.braking = told.person_gap < SIGHT && (self.braking || speed * speed / (2.0 * room) > PERSON_BRAKE);
        self.told = Some(told);
    }
    /// The policy: what it asks for, by what it was last told.
    fn words(&self, at: Time, told: &Told) -> Vec<(&str, f64)> {
        let (mut wrong, mut swing, mut beyond) = (0.0, 0.0, 0.0);
        for active in self.faults.iter() {
            match active.fault {
                // It is sure that what is before it is so much farther away.
                TwinFault::ConfidentWrong { by, .. } => wrong = by,
                TwinFault::Oscillate { hertz, size } => {
                    let turns = hertz * at.since(active.since).seconds();
                    swing = size * libm::sin(core::f64::consts::TAU * turns);
                }
                TwinFault::OutOfRange { by } => beyond = by,
                _ => {}
            }
        }
        let cruise = SPEED_GAIN * (self.task.unwrap_or(0.0) - told.speed);
        let gap = told.lead_gap + wrong - GAP_AT_REST - HEADWAY * told.speed;
        let closing = told.lead_speed - told.speed;
        // A gap that is large while the lead drives away is no reason to be faster than the task.
        let follow = GAP_GAIN * gap + CLOSING_GAIN * closing;
        let follow = if told.lead_gap < SIGHT { follow } else { f64::MAX };
        // Where only a hard brake helps, the law above is too soft: what stops just behind the lead at its speed.
        let last = if closing < 0.0 && told.lead_gap < SIGHT {
            -closing * closing / (2.0 * (told.lead_gap + wrong - GAP_AT_REST).max(1.0))
        } else {
            0.0
        };
        let last = if last < -1.5 { last } else { f64::MAX };
        let person = match self.braking {
            true => -told.speed * told.speed / (2.0 * (told.person_gap + wrong - PERSON_ROOM).max(0.5)) * 1.2 - 0.3,
            false => f64::MAX,
        };
        let accel = cruise.min(follow).min(last).min(person).clamp(-BRAKE_MAX, ACCEL_MAX) + swing + beyond;
        let steer = (-OFFSET_GAIN * told.offset - HEADING_GAIN * told.heading).clamp(-0.2, 0.2);
        let value = |name: &str| if name == "accel" { accel } else { steer };
        let own = |(name, scale, offset): &(String, f64, f64)| (value(name) - offset) / scale;
        self.args.iter().map(|arg| (arg.0.as_str(), own(arg))).collect()
    }
}

impl Controller for Cruise {
    fn subscriptions(&self) -> Vec<String> {
        Cruise::subscriptions(self).map(ToString::to_string).collect()
    }
    fn receive(&mut self, at: Time, frame: &Frame) {
        // Bytes of a serial link cannot come from a rig that was checked.
        if let Some(topic) = &frame.topic {
            Cruise::receive(self, at, topic, &frame.bytes);
        }
    }
    fn tick(&mut self, at: Time, out: &mut Vec<Frame>) {
        Cruise::tick(self, at, out);
    }
    fn next_deadline(&self) -> Time {
        Cruise::next_deadline(self)
    }
    fn start_fault(&mut self, at: Time, fault: &TwinFault) {
        Cruise::start_fault(self, at, fault);
    }
    fn stop_fault(&mut self, fault: &TwinFault) {
        Cruise::stop_fault(self, fault);
    }
}
