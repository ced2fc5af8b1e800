//! The twin of a learned policy: the net that `checkrein controller` runs in its own process, in the bench's time.

use super::Controller;
use super::active::ActiveFaults;
use super::power::{Power, Supply};
use crate::codec::json::device::Word;
use crate::fault::TwinFault;
use crate::policy::{Mind, Nudge, Policy};
use crate::sim::random::Noise;
use crate::time::{Span, Time};
use crate::wire::{Frame, LinkId};
use std::sync::Arc;

/// Most often it speaks, however fast it is made to: once in this time.
const SAYS_AT_MOST_EVERY: Span = Span::from_micros(500);
/// An argument and the end of a topic that no rig declares.
const UNKNOWN: &str = "self_destruct";

/// What it says at once: topics and payloads.
type Words = Vec<(String, Vec<u8>)>;

/// A policy with a net.
pub struct Learned {
    link: LinkId,
    mind: Mind,
    says_next: Time,
    /// What it said last, and when it thought of it.
    said: Words,
    thought: Time,
    power: Power,
    faults: ActiveFaults,
    noise: Noise,
}

impl Learned {
    /// A policy that has heard nothing.
    pub fn new(policy: &Arc<Policy>, link: LinkId, noise: Noise) -> Learned {
        Learned {
            link,
            mind: Mind::new(policy),
            says_next: Time::ZERO,
            said: Vec::new(),
            thought: Time::ZERO,
            power: Power::new(),
            faults: ActiveFaults::default(),
            noise,
        }
    }
    fn restart(&mut self) {
        self.mind.forget();
        self.said.clear();
    }
    fn says_every(&self) -> Span {
        let every = self.mind.mapping().every;
        let times = self.faults.latest(|a| if let TwinFault::Rate { times } = a.fault { Some(times) } else { None });
        times.map_or(every, |times| {
            // Slower than once an hour is silence, which has a fault of its own.
            Span::from_seconds((every.seconds() / times.max(1e-6)).min(3600.0)).max(SAYS_AT_MOST_EVERY)
        })
    }
    /// What it says now.
    fn speak(&mut self, at: Time) -> Words {
        let stale =
            self.faults.latest(|a| if let TwinFault::StaleOutput { every } = a.fault { Some(every) } else { None });
        let repeats = self.faults.has(&TwinFault::Frozen) || stale.is_some_and(|every| at.since(self.thought) < every);
        if repeats && !self.said.is_empty() {
            return self.said.clone();
        }
        if self.mind.think(at).is_err() {
            return Vec::new();
        }
        self.thought = at;
        let mut nudge = Nudge::default();
        for active in self.faults.iter() {
            match active.fault {
                TwinFault::Oscillate { hertz, size } => {
                    let turns = hertz * at.since(active.since).seconds();
                    nudge.shift += size * libm::sin(core::f64::consts::TAU * turns);
                }
                TwinFault::OutOfRange { by } => nudge.shift += by,
                _ => {}
            }
        }
        let garbage = self.faults.iter().any(|a| matches!(a.fault, TwinFault::Garbage { .. }));
        let no_number = self.faults.has(&TwinFault::NotANumber);
        let unknown = self.faults.has(&TwinFault::UnknownCommands);
        let mut words = Vec::new();
        for (topic, mut message) in self.mind.messages(nudge) {
            let mut topic = topic.unwrap_or_default().to_owned();
            if unknown && self.noise.byte().is_multiple_of(2) {
                // Every other time it uses a topic of nobody's, else an argument that the command has not.
                topic = format!("{topic}/{UNKNOWN}");
            } else if unknown {
                message.push((UNKNOWN.to_owned(), Word::Number(1.0)));
            }
            let bytes = if garbage {
                (0..24).map(|_| self.noise.byte()).collect()
            } else if no_number {
                let none: Vec<String> = message.iter().map(|(name, _)| format!("{name:?}:NaN")).collect();
                format!("{{{}}}", none.join(",")).into_bytes()
            } else {
                Mind::bytes(&message)
            };
            words.push((topic, bytes));
        }
        words
    }
}

impl Controller for Learned {
    fn subscriptions(&self) -> Vec<String> {
        self.mind.mapping().topics().into_iter().map(ToOwned::to_owned).collect()
    }
    fn receive(&mut self, at: Time, frame: &Frame) {
        if self.faults.has(&TwinFault::Deaf) || self.power.supply(at) > Supply::NoRadio {
            return;
        }
        // What cannot be understood changes nothing: what was heard before grows stale by itself.
        let _ = self.mind.hear(at, frame.topic.as_deref(), frame.flags.retained, &frame.bytes);
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
        self.said = self.speak(at);
        if !self.faults.has(&TwinFault::Silence) && self.power.supply(at) == Supply::On {
            out.extend(self.said.iter().map(|(topic, bytes)| Frame::publish(self.link, topic, bytes.clone())));
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
