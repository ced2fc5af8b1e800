//! The twin of a signal-timing controller: it is told queues and calls as JSON, and asks for the stage that should have green.
//!
//! It serves the longer queue and changes its mind only for a clearly longer one; whoever waits to cross counts as vehicles.

use super::Controller;
use super::active::ActiveFaults;
use super::power::{Power, Supply};
use crate::codec::json::device::{Told, Word, propose};
use crate::codec::{DeviceConfig, May};
use crate::fault::TwinFault;
use crate::sim::random::Noise;
use crate::time::{Span, Time};
use crate::wire::{Frame, LinkId};

/// It speaks this often.
const SAYS_EVERY: Span = Span::from_millis(200);
/// Most often it speaks, however fast it is made to.
const SAYS_AT_MOST_EVERY: Span = Span::from_millis(1);
/// It stops speaking when it has been told nothing for this long.
const BLIND_AFTER: Span = Span::from_secs(2);
/// A queue must be longer by this many vehicles before the other stage is asked for.
const HYSTERESIS: f64 = 2.0;
/// Somebody who waits to cross counts as so many vehicles on the side road.
const CALL_WEIGHT: f64 = 4.0;
/// An argument and the end of a topic that no rig declares.
const UNKNOWN: &str = "self_destruct";

/// The controller of one junction.
pub struct SignalTiming {
    link: LinkId,
    state_topic: String,
    ask_topic: String,
    told: Option<(Time, f64, f64, bool)>,
    stage: f64,
    says_next: Time,
    said: Option<Vec<u8>>,
    thought: Time,
    power: Power,
    faults: ActiveFaults,
    noise: Noise,
}

impl SignalTiming {
    /// The controller of a device of the rig; the error says what the rig does not give it.
    pub fn new(device: &DeviceConfig, link: LinkId, noise: Noise) -> Result<SignalTiming, String> {
        let name = &device.name;
        let tells =
            device.tells.as_ref().ok_or_else(|| format!("the twin `signal-timing` of `{name}` needs `tells`"))?;
        let May { topic, args, .. } = device
            .may
            .first()
            .ok_or_else(|| format!("the twin `signal-timing` of `{name}` needs a command that it may ask for"))?;
        if args.len() != 1 || args[0].0 != "stage" {
            return Err(format!("the twin `signal-timing` of `{name}` fills the one argument `stage`"));
        }
        Ok(SignalTiming {
            link,
            state_topic: tells.topic.clone(),
            ask_topic: topic.clone(),
            told: None,
            stage: 0.0,
            says_next: Time::ZERO,
            said: None,
            thought: Time::ZERO,
            power: Power::new(),
            faults: ActiveFaults::default(),
            noise,
        })
    }
    fn restart(&mut self) {
        self.told = None;
        self.said = None;
        self.stage = 0.0;
    }
    fn says_every(&self) -> Span {
        let times = self.faults.latest(|a| match a.fault {
            TwinFault::Rate { times } => Some(times),
            _ => None,
        });
        times.map_or(SAYS_EVERY, |times| {
            Span::from_seconds((SAYS_EVERY.seconds() / times.max(1e-6)).min(3600.0)).max(SAYS_AT_MOST_EVERY)
        })
    }
    /// What it says now, and on which topic.
    fn speak(&mut self, at: Time) -> Option<(String, Vec<u8>)> {
        let topic = self.ask_topic.clone();
        let stale = self.faults.latest(|a| match a.fault {
            TwinFault::StaleOutput { every } => Some(every),
            _ => None,
        });
        let repeats = self.faults.has(&TwinFault::Frozen) || stale.is_some_and(|every| at.since(self.thought) < every);
        if repeats && let Some(said) = &self.said {
            return Some((topic, said.clone()));
        }
        let (_, main, side, call) = self.told.filter(|(heard, ..)| at.since(*heard) <= BLIND_AFTER)?;
        self.thought = at;
        if self.faults.latest(|a| matches!(a.fault, TwinFault::Garbage { .. }).then_some(())).is_some() {
            return Some((topic, (0..24).map(|_| self.noise.byte()).collect()));
        }
        if self.faults.has(&TwinFault::NotANumber) {
            return Some((topic, b"{\"stage\":NaN}".to_vec()));
        }
        let side = side + if call { CALL_WEIGHT } else { 0.0 };
        if main > side + HYSTERESIS {
            self.stage = 0.0;
        } else if side > main + HYSTERESIS {
            self.stage = 1.0;
        }
        let mut stage = self.stage;
        for active in self.faults.iter() {
            match active.fault {
                // Sure of the wrong stage: it starves the longer queue.
                TwinFault::ConfidentWrong { .. } => stage = 1.0 - self.stage,
                TwinFault::Oscillate { hertz, .. } => {
                    let turns = hertz * at.since(active.since).seconds();
                    stage = f64::from(turns - turns.floor() >= 0.5);
                }
                TwinFault::OutOfRange { by } => stage += by,
                _ => {}
            }
        }
        // Every other time it uses a topic of nobody's, else an argument that the command has not.
        match self.faults.has(&TwinFault::UnknownCommands).then(|| self.noise.byte().is_multiple_of(2)) {
            Some(true) => Some((format!("{topic}/{UNKNOWN}"), propose(&[("stage", stage)]))),
            Some(false) => Some((topic, propose(&[("stage", stage), (UNKNOWN, 1.0)]))),
            None => Some((topic, propose(&[("stage", stage)]))),
        }
    }
}

impl Controller for SignalTiming {
    fn subscriptions(&self) -> Vec<String> {
        vec![self.state_topic.clone()]
    }
    fn receive(&mut self, at: Time, frame: &Frame) {
        if self.faults.has(&TwinFault::Deaf) || self.power.supply(at) > Supply::NoRadio {
            return;
        }
        if frame.topic.as_deref() != Some(self.state_topic.as_str()) {
            return;
        }
        let Ok(told) = Told::read(&frame.bytes) else { return };
        // Names come with their device (`sc.main_queue`); the last part says it all.
        let find =
            |name: &str| told.0.iter().find(|(key, _)| key.rsplit('.').next() == Some(name)).map(|(_, word)| word);
        if let (Some(Word::Number(main)), Some(Word::Number(side))) = (find("main_queue"), find("side_queue")) {
            self.told = Some((at, *main, *side, find("call") == Some(&Word::Flag(true))));
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
        let Some((topic, bytes)) = self.speak(at) else { return };
        self.said = Some(bytes.clone());
        if !self.faults.has(&TwinFault::Silence) && self.power.supply(at) == Supply::On {
            out.push(Frame::publish(self.link, &topic, bytes));
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
