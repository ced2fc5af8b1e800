//! What the twins of all controllers have in common: when they speak, what is wrong with their ears, their power and their mouth,
//! and how they repeat themselves. What one thinks is its [`Law`].

use super::Controller;
use super::active::ActiveFaults;
use super::power::{Power, Supply};
use crate::codec::json::device::{Told, Word, write};
use crate::codec::{DeviceConfig, May};
use crate::fault::TwinFault;
use crate::sim::random::Noise;
use crate::time::{Span, Time};
use crate::wire::{Frame, LinkId};

/// Most often it speaks, however fast it is made to: once in this time.
const SAYS_AT_MOST_EVERY: Span = Span::from_micros(500);
/// Slower than this is silence, which has a fault of its own.
const SAYS_AT_LEAST_EVERY: Span = Span::from_secs(3600);
/// An argument and the end of a topic that no rig declares.
pub(super) const UNKNOWN: &str = "self_destruct";
/// How long a word of garbage is, in bytes.
const GARBAGE: usize = 24;

/// A command that is asked for: its topic and its arguments by name.
pub(super) type Ask = (String, Vec<(String, Word)>);

/// What a controller thinks.
pub(super) trait Law: Send {
    /// How often it speaks.
    fn every(&self) -> Span;
    /// When it looks again, after it had nothing to think about.
    fn looks_again_after(&self) -> Span {
        self.every()
    }
    /// Topics that it listens to.
    fn topics(&self) -> Vec<String>;
    /// Takes a message; what is not for it or not understood changes nothing.
    fn hear(&mut self, at: Time, frame: &Frame);
    /// Starts anew: what it was told and its task are forgotten.
    fn forget(&mut self);
    /// The commands that it asks for at this instant; `None` while it knows too little to think.
    fn think(&mut self, at: Time, faults: &ActiveFaults) -> Option<Vec<Ask>>;
    /// What it says whenever it speaks, whether it asks for something or not: topic and values.
    fn besides(&self, _asks: bool) -> Option<Ask> {
        None
    }
}

/// A controller with that law.
pub(super) struct Talker<L> {
    pub law: L,
    link: LinkId,
    says_next: Time,
    /// What it asked for last, and when it thought of it.
    said: Vec<(String, Vec<u8>)>,
    thought: Time,
    power: Power,
    faults: ActiveFaults,
    noise: Noise,
}

impl<L: Law> Talker<L> {
    /// One that was told nothing.
    pub fn new(law: L, link: LinkId, noise: Noise) -> Talker<L> {
        Talker {
            law,
            link,
            says_next: Time::ZERO,
            said: Vec::new(),
            thought: Time::ZERO,
            power: Power::new(),
            faults: ActiveFaults::default(),
            noise,
        }
    }
    fn restart(&mut self) {
        self.law.forget();
        self.said.clear();
    }
    fn every(&self) -> Span {
        let every = self.law.every();
        let times = self.faults.latest(|a| if let TwinFault::Rate { times } = a.fault { Some(times) } else { None });
        times.map_or(every, |times| {
            let wanted = (every.seconds() / times.max(1e-6)).min(SAYS_AT_LEAST_EVERY.seconds());
            Span::from_seconds(wanted).max(SAYS_AT_MOST_EVERY)
        })
    }
    /// The same, as bytes on topics.
    fn asks(&mut self, at: Time) -> Option<Vec<(String, Vec<u8>)>> {
        let stale =
            self.faults.latest(|a| if let TwinFault::StaleOutput { every } = a.fault { Some(every) } else { None });
        let repeats = self.faults.has(&TwinFault::Frozen) || stale.is_some_and(|every| at.since(self.thought) < every);
        if repeats && !self.said.is_empty() {
            return Some(self.said.clone());
        }
        let asks = self.law.think(at, &self.faults)?;
        self.thought = at;
        Some(asks.into_iter().map(|ask| self.spoilt(ask)).collect())
    }
    /// The bytes of a command, with what is wrong with the mouth.
    fn spoilt(&mut self, (mut topic, mut words): Ask) -> (String, Vec<u8>) {
        if self.faults.has(&TwinFault::UnknownCommands) {
            // Every other time it uses a topic of nobody's, else an argument that the command has not.
            if self.noise.byte().is_multiple_of(2) {
                topic = format!("{topic}/{UNKNOWN}");
            } else {
                words.push((UNKNOWN.to_owned(), Word::Number(1.0)));
            }
        }
        let bytes = if self.faults.iter().any(|a| matches!(a.fault, TwinFault::Garbage { .. })) {
            (0..GARBAGE).map(|_| self.noise.byte()).collect()
        } else if self.faults.has(&TwinFault::NotANumber) {
            let none: Vec<String> = words.iter().map(|(name, _)| format!("{name:?}:NaN")).collect();
            format!("{{{}}}", none.join(",")).into_bytes()
        } else {
            write(&words)
        };
        (topic, bytes)
    }
}

impl<L: Law> Controller for Talker<L> {
    fn subscriptions(&self) -> Vec<String> {
        self.law.topics()
    }
    fn receive(&mut self, at: Time, frame: &Frame) {
        if !self.faults.has(&TwinFault::Deaf) && self.power.supply(at) <= Supply::NoRadio {
            self.law.hear(at, frame);
        }
    }
    fn tick(&mut self, at: Time, out: &mut Vec<Frame>) {
        if self.power.boots(at) {
            self.restart();
        }
        if at < self.says_next {
            return;
        }
        let every = self.every();
        self.says_next += every;
        if self.says_next <= at {
            self.says_next = at + every;
        }
        if self.power.supply(at) > Supply::NoRadio {
            return;
        }
        let asks = self.asks(at);
        if asks.is_none() {
            self.says_next = self.says_next.min(at + self.law.looks_again_after());
        }
        let asks = asks.unwrap_or_default();
        if !asks.is_empty() {
            self.said.clone_from(&asks);
        }
        if !self.faults.has(&TwinFault::Silence) && self.power.supply(at) == Supply::On {
            let besides = self.law.besides(!asks.is_empty()).map(|(topic, words)| (topic, write(&words)));
            let frames = besides.into_iter().chain(asks);
            out.extend(frames.map(|(topic, bytes)| Frame::publish(self.link, &topic, bytes)));
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
        // It begins to speak faster at once.
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

/// How a scripted controller is wired: what it is told on which topic, and the one command that it asks for.
pub(super) struct Wiring {
    pub state_topic: String,
    ask_topic: String,
    task_topics: Vec<String>,
    /// Names of the arguments with the way to SI, as the rig wants them: what one raw count is, and the value at raw zero.
    pub args: Vec<(String, f64, f64)>,
}

impl Wiring {
    /// Of the twin of that kind for a device of the rig, which can fill the arguments `known`. The error says what the rig does not
    /// give it.
    pub fn read(twin: &str, device: &DeviceConfig, known: &[&str]) -> Result<Wiring, String> {
        let name = &device.name;
        let tells = device.tells.as_ref().ok_or_else(|| format!("the twin `{twin}` of `{name}` needs `tells`"))?;
        let may = device.may.first();
        let May { topic, args, .. } =
            may.ok_or_else(|| format!("the twin `{twin}` of `{name}` needs a command that it may ask for"))?;
        if let Some((unknown, ..)) = args.iter().find(|(arg, ..)| !known.contains(&arg.as_str())) {
            let known = known.join(", ");
            return Err(format!(
                "the twin `{twin}` of `{name}` cannot fill the argument `{unknown}` (it knows {known})"
            ));
        }
        Ok(Wiring {
            state_topic: tells.topic.clone(),
            ask_topic: topic.clone(),
            task_topics: device.commands.iter().map(|command| command.send.clone()).collect(),
            args: args.clone(),
        })
    }
    /// Topics that it listens to.
    pub fn topics(&self) -> Vec<String> {
        std::iter::once(&self.state_topic).chain(&self.task_topics).cloned().collect()
    }
    /// What a message says, and whether it is a task and no telling; `None` if it is neither.
    pub fn read_message(&self, frame: &Frame) -> Option<(Told, bool)> {
        // Bytes of a serial link cannot come from a rig that was checked.
        let topic = frame.topic.as_deref()?;
        let told = Told::read(&frame.bytes).ok()?;
        if topic == self.state_topic {
            return Some((told, false));
        }
        self.task_topics.iter().any(|task| topic == task).then_some((told, true))
    }
    /// The command with these values in SI, in the rig's own units.
    pub fn ask(&self, value: impl Fn(&str) -> f64) -> Vec<Ask> {
        let own =
            |(name, scale, offset): &(String, f64, f64)| (name.clone(), Word::Number((value(name) - offset) / scale));
        vec![(self.ask_topic.clone(), self.args.iter().map(own).collect())]
    }
}

/// The value of that name. Names come with their device (`fc.altitude`); who knows of one machine looks at the last part.
pub(super) fn named<'t>(told: &'t Told, name: &str) -> Option<&'t Word> {
    told.0.iter().find(|(key, _)| key.rsplit('.').next() == Some(name)).map(|(_, word)| word)
}

/// The same, where it is a number.
pub(super) fn number(told: &Told, name: &str) -> Option<f64> {
    if let Some(Word::Number(number)) = named(told, name) { Some(*number) } else { None }
}

/// How far the fault `oscillate` is from its middle now, in its own unit.
pub(super) fn swing(faults: &ActiveFaults, at: Time) -> f64 {
    let swing = faults.latest(|active| match active.fault {
        TwinFault::Oscillate { hertz, size } => {
            let turns = hertz * at.since(active.since).seconds();
            Some(size * libm::sin(core::f64::consts::TAU * turns))
        }
        _ => None,
    });
    swing.unwrap_or(0.0)
}

/// By how much the fault `out-of-range` shifts what is asked for.
pub(super) fn beyond(faults: &ActiveFaults) -> f64 {
    faults.latest(|active| if let TwinFault::OutOfRange { by } = active.fault { Some(by) } else { None }).unwrap_or(0.0)
}

/// How far off, and where to in rad, what it is sure of lies under the fault `confident-wrong`.
pub(super) fn sure_of(faults: &ActiveFaults) -> (f64, f64) {
    let sure = faults.latest(|active| match active.fault {
        TwinFault::ConfidentWrong { by, bearing } => Some((by, bearing)),
        _ => None,
    });
    sure.unwrap_or((0.0, 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts its thoughts, and asks for their number while it was told something.
    #[derive(Default)]
    struct Counter {
        told: bool,
        thoughts: u32,
    }

    impl Law for Counter {
        fn every(&self) -> Span {
            Span::from_millis(100)
        }
        fn looks_again_after(&self) -> Span {
            Span::from_millis(20)
        }
        fn topics(&self) -> Vec<String> {
            vec!["in".to_owned()]
        }
        fn hear(&mut self, _: Time, _: &Frame) {
            self.told = true;
        }
        fn forget(&mut self) {
            self.told = false;
        }
        fn think(&mut self, _: Time, _: &ActiveFaults) -> Option<Vec<Ask>> {
            self.thoughts += 1;
            let words = vec![("n".to_owned(), Word::Number(f64::from(self.thoughts)))];
            self.told.then(|| vec![("out".to_owned(), words)])
        }
        fn besides(&self, asks: bool) -> Option<Ask> {
            Some(("status".to_owned(), vec![("asks".to_owned(), Word::Flag(asks))]))
        }
    }

    fn ms(millis: i64) -> Time {
        Time::ZERO + Span::from_millis(millis)
    }
    fn told() -> Talker<Counter> {
        let mut talker = Talker::new(Counter::default(), LinkId(0), Noise::new(1, 1));
        talker.receive(Time::ZERO, &Frame::publish(LinkId(0), "in", "{}"));
        talker
    }
    /// What it says at each instant at which it wants to, up to `millis`: when, and the command's payload.
    fn says(talker: &mut Talker<Counter>, millis: i64) -> Vec<(i64, Option<String>)> {
        let mut all = Vec::new();
        while talker.next_deadline() <= ms(millis) {
            let (at, mut out) = (talker.next_deadline(), Vec::new());
            talker.tick(at, &mut out);
            assert!(talker.next_deadline() > at, "it gets on");
            let ask = out.iter().find(|frame| frame.topic.as_deref() != Some("status"));
            let text = ask.map(|frame| String::from_utf8_lossy(&frame.bytes).into_owned());
            if !out.is_empty() {
                all.push((at.nanos() / 1_000_000, text));
            }
        }
        all
    }
    fn number(n: u32) -> Option<String> {
        Some(format!("{{\"n\":{n}}}"))
    }

    #[test]
    fn it_speaks_every_period_and_looks_again_sooner_while_it_knows_too_little() {
        let mut talker = Talker::new(Counter::default(), LinkId(0), Noise::new(1, 1));
        assert_eq!(says(&mut talker, 45), [(0, None), (20, None), (40, None)]);
        talker.receive(ms(50), &Frame::publish(LinkId(0), "in", "{}"));
        assert_eq!(says(&mut talker, 199), [(60, number(4)), (160, number(5))]);
    }

    #[test]
    fn frozen_it_repeats_itself_and_stale_it_thinks_more_seldom() {
        let mut talker = told();
        assert_eq!(says(&mut talker, 0), [(0, number(1))]);
        talker.start_fault(ms(10), &TwinFault::Frozen);
        assert_eq!(says(&mut talker, 250), [(100, number(1)), (200, number(1))]);
        talker.stop_fault(&TwinFault::Frozen);
        talker.start_fault(ms(260), &TwinFault::StaleOutput { every: Span::from_millis(250) });
        assert_eq!(says(&mut talker, 600), [(300, number(2)), (400, number(2)), (500, number(2)), (600, number(3))]);
    }

    #[test]
    fn deaf_it_hears_nothing_and_silent_it_says_nothing_but_thinks_on() {
        let mut talker = Talker::new(Counter::default(), LinkId(0), Noise::new(1, 1));
        talker.start_fault(ms(0), &TwinFault::Deaf);
        talker.receive(ms(1), &Frame::publish(LinkId(0), "in", "{}"));
        assert!(says(&mut talker, 40).iter().all(|(_, ask)| ask.is_none()));
        talker.stop_fault(&TwinFault::Deaf);
        talker.receive(ms(41), &Frame::publish(LinkId(0), "in", "{}"));
        talker.start_fault(ms(42), &TwinFault::Silence);
        assert!(says(&mut talker, 300).is_empty());
        talker.stop_fault(&TwinFault::Silence);
        assert_eq!(says(&mut talker, 399), [(360, number(7))]);
    }

    #[test]
    fn a_restart_and_a_cut_of_its_power_make_it_forget() {
        let mut talker = told();
        talker.start_fault(ms(0), &TwinFault::Restart);
        assert_eq!(says(&mut talker, 0), [(0, None)]);
        let mut talker = told();
        talker.start_fault(ms(0), &TwinFault::PowerOff);
        assert!(says(&mut talker, 500).is_empty(), "without power not even its status");
        talker.stop_fault(&TwinFault::PowerOff);
        assert!(says(&mut talker, 1_000).iter().all(|(_, ask)| ask.is_none()));
    }

    #[test]
    fn its_mouth_says_garbage_no_numbers_and_unknown_commands() {
        for (fault, fits) in [
            (TwinFault::NotANumber, "{\"n\":NaN}"),
            (TwinFault::UnknownCommands, "self_destruct"),
            (TwinFault::Garbage { rate: 1.0 }, ""),
        ] {
            let mut talker = told();
            talker.start_fault(ms(0), &fault);
            let mut out = Vec::new();
            talker.tick(ms(0), &mut out);
            let frame = &out[1];
            let said =
                format!("{} {}", frame.topic.as_deref().unwrap_or_default(), String::from_utf8_lossy(&frame.bytes));
            assert!(said.contains(fits), "{fault:?}: {said}");
            assert_eq!(frame.bytes.len() == GARBAGE, matches!(fault, TwinFault::Garbage { .. }), "{said}");
        }
    }

    #[test]
    fn faster_it_speaks_at_once_and_more_often() {
        let mut talker = told();
        says(&mut talker, 0);
        talker.start_fault(ms(10), &TwinFault::Rate { times: 10.0 });
        let times: Vec<i64> = says(&mut talker, 50).into_iter().map(|(at, _)| at).collect();
        assert_eq!(times, [20, 30, 40, 50]);
    }
}
