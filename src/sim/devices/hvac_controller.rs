//! The twin of a building controller: it is told rooms and plant as JSON and asks for positions of damper, valves and fan.
//!
//! Scripted: integral control of the supply air towards what warms the rooms to its goal, fresh air by the worst CO2, and no
//! output that moves faster than the 25 % per minute of ASHRAE Guideline 36. It does not know how old its sight is.

use super::Controller;
use super::active::ActiveFaults;
use super::power::{Power, Supply};
use crate::codec::DeviceConfig;
use crate::codec::json::device::{Told, propose};
use crate::fault::TwinFault;
use crate::sim::random::Noise;
use crate::time::{Span, Time};
use crate::wire::{Frame, LinkId};

/// It speaks this often, and stops when it was told nothing for so long.
const SAYS_EVERY: Span = Span::from_secs(10);
const BLIND_AFTER: Span = Span::from_secs(120);
/// No output moves further in one word: 3.5 % in 10 s are 21 % in a minute.
const STEP_MAX: f64 = 3.5;
/// What the rooms are to be, in degC, until a task says otherwise.
const GOAL: f64 = 21.5;
/// Share of fresh air at 700 ppm and below, and per ppm above, in percent.
const FRESH: (f64, f64) = (25.0, 0.25);
/// Supply air in degC that it asks for, at least and at most.
const SUPPLY: (f64, f64) = (16.0, 32.0);
const FAN: f64 = 60.0;
/// Arguments it knows how to fill, all in percent.
const KNOWN: [&str; 4] = ["damper", "heat", "cool", "fan"];
const UNKNOWN: &str = "self_destruct";

/// The controller of one air handler.
pub struct HvacController {
    link: LinkId,
    state_topic: String,
    asks_topic: String,
    task_topics: Vec<String>,
    args: Vec<String>,
    told: Option<(Time, Told)>,
    goal: f64,
    /// What it asked for last, in the order of [`KNOWN`].
    outputs: Option<[f64; 4]>,
    says_next: Time,
    thought: Time,
    said: Option<Vec<u8>>,
    power: Power,
    faults: ActiveFaults,
    noise: Noise,
}

impl HvacController {
    /// The controller of a device of the rig; the error says what the rig does not give it.
    pub fn new(device: &DeviceConfig, link: LinkId, noise: Noise) -> Result<HvacController, String> {
        let name = &device.name;
        let tells =
            device.tells.as_ref().ok_or_else(|| format!("the twin `hvac-controller` of `{name}` needs `tells`"))?;
        let may = device.may.first();
        let may = may.ok_or_else(|| format!("the twin `hvac-controller` of `{name}` needs a command to ask for"))?;
        if let Some((unknown, ..)) = may.args.iter().find(|(arg, ..)| !KNOWN.contains(&arg.as_str())) {
            let known = KNOWN.join(", ");
            return Err(format!(
                "the twin `hvac-controller` of `{name}` cannot fill the argument `{unknown}` (it knows {known})"
            ));
        }
        Ok(HvacController {
            link,
            state_topic: tells.topic.clone(),
            asks_topic: may.topic.clone(),
            task_topics: device.commands.iter().map(|command| command.send.clone()).collect(),
            args: may.args.iter().map(|(arg, ..)| arg.clone()).collect(),
            told: None,
            goal: GOAL,
            outputs: None,
            says_next: Time::ZERO,
            thought: Time::ZERO,
            said: None,
            power: Power::new(),
            faults: ActiveFaults::default(),
            noise,
        })
    }
    fn restart(&mut self) {
        (self.told, self.outputs, self.said, self.goal) = (None, None, None, GOAL);
    }
    fn every(&self) -> Span {
        let times = self.faults.latest(|active| match active.fault {
            TwinFault::Rate { times } => Some(times),
            _ => None,
        });
        let wanted = SAYS_EVERY.seconds() / times.unwrap_or(1.0).max(1e-3);
        Span::from_seconds(wanted).max(Span::from_millis(1))
    }
    /// What it asks for, in percent; nothing while it does not know enough.
    fn think(&mut self, at: Time) -> Option<[f64; 4]> {
        let (heard, told) = self.told.as_ref()?;
        if at.since(*heard) > BLIND_AFTER {
            return None;
        }
        let ending = |end: &str| -> Vec<f64> {
            let named = told.0.iter().filter(|(name, _)| name.rsplit('.').next() == Some(end));
            named.filter_map(|(name, _)| told.number(name)).collect()
        };
        let rooms = ending("temperature");
        let supply = *ending("supply").first()?;
        if rooms.is_empty() {
            return None;
        }
        let mean = rooms.iter().sum::<f64>() / rooms.len() as f64;
        let worst = ending("co2").into_iter().fold(0.0, f64::max);
        let mut goal = self.goal;
        for active in self.faults.iter() {
            if let TwinFault::ConfidentWrong { by, .. } = active.fault {
                goal -= by;
            }
        }
        let wanted = (goal + 4.0 * (goal - mean)).clamp(SUPPLY.0, SUPPLY.1);
        // It takes over where the plant stands.
        let now = KNOWN.map(|name| ending(name).first().copied().unwrap_or(0.0));
        let before = self.outputs.unwrap_or(now);
        let fresh = (FRESH.0 + FRESH.1 * (worst - 700.0).max(0.0)).min(100.0);
        let cool = if mean > goal + 1.5 && before[1] <= 0.0 { before[2] + 2.0 } else { 0.0 };
        let heat = if before[2] > 0.0 { 0.0 } else { before[1] + 0.4 * (wanted - supply) };
        let next = [fresh, heat, cool, FAN];
        let outputs: [f64; 4] =
            std::array::from_fn(|i| before[i] + (next[i].clamp(0.0, 100.0) - before[i]).clamp(-STEP_MAX, STEP_MAX));
        self.outputs = Some(outputs);
        Some(outputs)
    }
    fn speak(&mut self, at: Time) -> Option<(String, Vec<u8>)> {
        let topic = self.asks_topic.clone();
        let stale = self.faults.latest(|active| match active.fault {
            TwinFault::StaleOutput { every } => Some(every),
            _ => None,
        });
        let repeats = self.faults.has(&TwinFault::Frozen) || stale.is_some_and(|every| at.since(self.thought) < every);
        if repeats && let Some(said) = &self.said {
            return Some((topic, said.clone()));
        }
        let mut outputs = self.think(at)?;
        self.thought = at;
        for active in self.faults.iter() {
            match active.fault {
                TwinFault::OutOfRange { by } => outputs.iter_mut().for_each(|output| *output += 100.0 * by),
                TwinFault::Oscillate { hertz, size } => {
                    let turns = hertz * at.since(active.since).seconds();
                    let swing = 10.0 * size * libm::sin(core::f64::consts::TAU * turns);
                    outputs.iter_mut().for_each(|output| *output = (*output + swing).clamp(0.0, 100.0));
                }
                TwinFault::Garbage { .. } => return Some((topic, (0..24).map(|_| self.noise.byte()).collect())),
                TwinFault::NotANumber => {
                    let none: Vec<String> = self.args.iter().map(|arg| format!("{arg:?}:NaN")).collect();
                    return Some((topic, format!("{{{}}}", none.join(",")).into_bytes()));
                }
                _ => {}
            }
        }
        let value = |arg: &str| KNOWN.iter().position(|known| *known == arg).map_or(0.0, |place| outputs[place]);
        let mut words: Vec<(&str, f64)> = self.args.iter().map(|arg| (arg.as_str(), value(arg))).collect();
        if self.faults.has(&TwinFault::UnknownCommands) {
            words.push((UNKNOWN, 1.0));
        }
        Some((topic, propose(&words)))
    }
}

impl Controller for HvacController {
    fn subscriptions(&self) -> Vec<String> {
        std::iter::once(&self.state_topic).chain(&self.task_topics).cloned().collect()
    }
    fn receive(&mut self, at: Time, frame: &Frame) {
        if self.faults.has(&TwinFault::Deaf) || self.power.supply(at) > Supply::NoRadio {
            return;
        }
        let (Some(topic), Ok(told)) = (frame.topic.as_deref(), Told::read(&frame.bytes)) else { return };
        if topic == self.state_topic {
            self.told = Some((at, told));
        } else if self.task_topics.iter().any(|task| task == topic) {
            self.goal = told.number("temperature").unwrap_or(self.goal);
        }
    }
    fn tick(&mut self, at: Time, out: &mut Vec<Frame>) {
        if self.power.boots(at) {
            self.restart();
        }
        if at < self.says_next {
            return;
        }
        self.says_next = at + self.every();
        if self.power.supply(at) > Supply::NoRadio {
            return;
        }
        let Some((topic, bytes)) = self.speak(at) else {
            // Before it was told anything it looks again soon.
            self.says_next = at + SAYS_EVERY.min(Span::from_secs(1));
            return;
        };
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
        self.says_next = self.says_next.min(at + self.every());
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
