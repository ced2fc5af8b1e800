//! What a controller is told: whole tellings, and each of their values.

use crate::fault::pipe::{Carried, FaultKey, Mark, Pipe, Tally};
use crate::fault::value::{ValueFault, same};
use crate::fault::{Concerns, PipeFault};
use crate::signal::{SignalId, Value};
use crate::time::{Span, Time};
use std::collections::BTreeMap;

/// One telling: values of signals at one instant, in a fixed order.
pub type Telling = Vec<(SignalId, Value)>;

/// A telling under way, with the stamp that it bears.
#[derive(Clone, PartialEq, Debug)]
struct Stamped {
    stamp: Time,
    telling: Telling,
}

impl Carried for Stamped {
    fn mark(&mut self, _mark: Mark) {}
}

/// What a controller is told: a [`Pipe`] that also acts on values, on all signals or on one.
#[derive(Clone, Debug)]
pub struct TellPipe {
    seed: u64,
    pipe: Pipe<Stamped>,
    active: Vec<SignalFault>,
    /// The values as last told, all faults applied.
    told: BTreeMap<SignalId, Value>,
}

/// A fault that acts on values or stamps.
#[derive(Clone, Debug)]
struct SignalFault {
    key: FaultKey,
    fault: PipeFault,
    started: Time,
    /// `None`: every signal.
    only: Option<SignalId>,
    /// The values as told before the fault.
    before: BTreeMap<SignalId, Value>,
    /// Each signal has a stream of chance and a past of its own.
    streams: BTreeMap<SignalId, ValueFault>,
    tally: Tally,
}

impl TellPipe {
    /// A pipe without faults. Its chance is fixed by `seed`, each fault's key and the signal.
    pub fn new(seed: u64) -> TellPipe {
        TellPipe { seed, pipe: Pipe::new(seed), active: Vec::new(), told: BTreeMap::new() }
    }

    /// Starts a fault on every signal (`only: None`) or on one. Faults on arrival act on whole tellings, except `Freeze`,
    /// which holds the values; on one signal they act as [`ValueFault`] says. Faults on bytes do nothing: samples have no
    /// bytes yet.
    pub fn start(&mut self, at: Time, key: FaultKey, fault: PipeFault, only: Option<SignalId>) {
        self.stop(key);
        if only.is_none() && fault.concerns() == Concerns::Arrival && fault != PipeFault::Freeze {
            return self.pipe.start(at, key, fault);
        }
        let (before, streams) = (self.told.clone(), BTreeMap::new());
        self.active.push(SignalFault { key, fault, started: at, only, before, streams, tally: Tally::default() });
    }

    /// Ends a fault, if it acts, and tells what it did.
    pub fn stop(&mut self, key: FaultKey) -> Tally {
        match self.active.iter().position(|active| active.key == key) {
            Some(place) => self.active.remove(place).tally,
            None => self.pipe.stop(key),
        }
    }

    /// A telling goes in.
    pub fn push(&mut self, at: Time, telling: &[(SignalId, Value)]) {
        let mut stamped = Stamped { stamp: at, telling: telling.to_vec() };
        for active in &mut self.active {
            active.act(at, self.seed, &mut stamped);
        }
        for (signal, value) in &stamped.telling {
            self.told.insert(*signal, *value);
        }
        self.pipe.push(at, stamped);
    }

    /// The telling that comes out next, in the place of what `out` held, with the stamp that it bears; `None` when none
    /// has arrived by `at`.
    pub fn pop(&mut self, at: Time, out: &mut Telling) -> Option<Time> {
        let stamped = self.pipe.pop(at)?;
        *out = stamped.telling;
        Some(stamped.stamp)
    }

    /// When the next telling comes out.
    pub fn next_deadline(&self) -> Option<Time> {
        self.pipe.next_deadline()
    }

    /// Forgets what is under way; faults stay.
    pub fn clear(&mut self) {
        self.pipe.clear();
    }
}

impl SignalFault {
    fn act(&mut self, at: Time, seed: u64, stamped: &mut Stamped) {
        if let PipeFault::Clock { offset, skew } = self.fault {
            let shift = offset + Span::from_seconds(skew * at.since(self.started).seconds());
            stamped.stamp += shift;
            return self.tally.count(shift != Span::ZERO);
        }
        let mut altered = false;
        for (signal, value) in &mut stamped.telling {
            if self.only.is_some_and(|only| only != *signal) {
                continue;
            }
            let stream = self.streams.entry(*signal).or_insert_with(|| {
                let number = u64::from(self.key.0) | (u64::from(signal.0) + 1) << 32;
                ValueFault::new(self.fault, self.started, seed, number, self.before.get(signal).copied())
            });
            let faulted = stream.act(at, *value);
            altered |= !same(faulted, *value);
            *value = faulted;
        }
        self.tally.count(altered);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALTITUDE: SignalId = SignalId(0);
    const ROLL: SignalId = SignalId(1);
    const ARMED: SignalId = SignalId(2);
    const FIRST: FaultKey = FaultKey(1);
    const SECOND: FaultKey = FaultKey(2);

    fn at(millis: i64) -> Time {
        Time::ZERO + Span::from_millis(millis)
    }

    fn delay(millis: i64) -> PipeFault {
        PipeFault::Delay { by: Span::from_millis(millis) }
    }

    /// Tells what stands there, and returns what comes out at once.
    fn tell(pipe: &mut TellPipe, millis: i64, telling: &[(SignalId, Value)]) -> Telling {
        pipe.push(at(millis), telling);
        let mut out = Telling::new();
        assert!(pipe.pop(at(millis), &mut out).is_some(), "nothing holds it up");
        out
    }

    #[test]
    fn numbers_are_biased_and_scaled_in_the_order_of_the_faults_start() {
        let mut pipe = TellPipe::new(1);
        pipe.start(at(0), FIRST, PipeFault::Bias { by: 1.0 }, Some(ALTITUDE));
        pipe.start(at(0), SECOND, PipeFault::Scale { gain: 10.0 }, None);
        let telling = [(ALTITUDE, Value::Number(2.0)), (ROLL, Value::Number(0.5)), (ARMED, Value::Flag(true))];
        let told = tell(&mut pipe, 0, &telling);
        assert_eq!(told, [(ALTITUDE, Value::Number(30.0)), (ROLL, Value::Number(5.0)), (ARMED, Value::Flag(true))]);
        pipe.stop(SECOND);
        pipe.stop(FIRST);
        assert_eq!(tell(&mut pipe, 1, &telling), telling);
    }

    #[test]
    fn a_frozen_signal_repeats_what_was_told_before_and_thaws() {
        let mut pipe = TellPipe::new(1);
        tell(&mut pipe, 0, &[(ALTITUDE, Value::Number(2.0)), (ROLL, Value::Number(0.1))]);
        pipe.start(at(0), FIRST, PipeFault::Freeze, Some(ALTITUDE));
        for millis in 1..4 {
            let told = tell(&mut pipe, millis, &[(ALTITUDE, Value::Number(3.0)), (ROLL, Value::Number(0.2))]);
            assert_eq!(told, [(ALTITUDE, Value::Number(2.0)), (ROLL, Value::Number(0.2))]);
        }
        pipe.stop(FIRST);
        assert_eq!(tell(&mut pipe, 5, &[(ALTITUDE, Value::Number(4.0))]), [(ALTITUDE, Value::Number(4.0))]);
        pipe.start(at(0), FIRST, PipeFault::Freeze, None);
        assert_eq!(
            tell(&mut pipe, 6, &[(ARMED, Value::Flag(true))]),
            [(ARMED, Value::Flag(true))],
            "never told before"
        );
        assert_eq!(tell(&mut pipe, 7, &[(ARMED, Value::Flag(false))]), [(ARMED, Value::Flag(true))]);
    }

    #[test]
    fn one_signal_can_lag_behind_the_others() {
        let mut pipe = TellPipe::new(1);
        tell(&mut pipe, 0, &[(ALTITUDE, Value::Number(0.0)), (ROLL, Value::Number(0.0))]);
        pipe.start(at(0), FIRST, delay(30), Some(ALTITUDE));
        let mut seen = Vec::new();
        for step in 1..=6 {
            let now = Value::Number(f64::from(step));
            let told = tell(&mut pipe, i64::from(step) * 10, &[(ALTITUDE, now), (ROLL, now)]);
            assert_eq!(told[1].1, now, "the others are on time");
            seen.push(told[0].1);
        }
        let expected = [0.0, 0.0, 0.0, 1.0, 2.0, 3.0].map(Value::Number);
        assert_eq!(seen, expected, "first what was told before, then what was 30 ms ago");
    }

    #[test]
    fn one_signal_can_be_lost_while_the_telling_arrives() {
        let mut pipe = TellPipe::new(1);
        pipe.start(at(0), FIRST, PipeFault::Off, Some(ALTITUDE));
        let told = tell(&mut pipe, 0, &[(ALTITUDE, Value::Number(1.0)), (ROLL, Value::Number(2.0))]);
        assert_eq!(told, [(ALTITUDE, Value::Unknown), (ROLL, Value::Number(2.0))]);
        pipe.start(at(0), FIRST, PipeFault::Drop { share: 0.5 }, Some(ALTITUDE));
        let lost = (1..=400)
            .filter(|millis| tell(&mut pipe, *millis, &[(ALTITUDE, Value::Number(1.0))])[0].1 == Value::Unknown)
            .count();
        assert!((150..250).contains(&lost), "lost {lost} of 400 at one half");
    }

    #[test]
    fn a_whole_telling_is_delayed_with_the_values_it_had() {
        let mut pipe = TellPipe::new(1);
        pipe.start(at(0), FIRST, delay(100), None);
        pipe.push(at(0), &[(ALTITUDE, Value::Number(1.0))]);
        pipe.push(at(20), &[(ALTITUDE, Value::Number(2.0))]);
        let mut out = Telling::new();
        assert_eq!(pipe.pop(at(99), &mut out), None);
        assert_eq!(pipe.next_deadline(), Some(at(100)));
        assert_eq!(pipe.pop(at(119), &mut out), Some(at(0)), "it bears the stamp of its telling");
        assert_eq!(out, [(ALTITUDE, Value::Number(1.0))]);
        assert_eq!(pipe.pop(at(119), &mut out), None);
        pipe.clear();
        assert_eq!(pipe.next_deadline(), None);
    }

    #[test]
    fn every_signal_has_noise_of_its_own_and_the_same_for_the_same_seed() {
        let run = |seed: u64| {
            let mut pipe = TellPipe::new(seed);
            pipe.start(at(0), FIRST, PipeFault::Noise { sigma: 0.5 }, None);
            let telling = [(ALTITUDE, Value::Number(4.0)), (ROLL, Value::Number(4.0))];
            (0..50).map(|millis| tell(&mut pipe, millis, &telling)).collect::<Vec<_>>()
        };
        assert!(run(1).iter().all(|told| told[0].1 != told[1].1));
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
    }

    #[test]
    fn a_wrong_clock_shifts_the_stamps_and_nothing_else() {
        let mut pipe = TellPipe::new(1);
        let clock = PipeFault::Clock { offset: Span::from_millis(-100), skew: 0.01 };
        pipe.start(at(0), FIRST, clock, None);
        let telling = [(ALTITUDE, Value::Number(4.0))];
        let mut out = Telling::new();
        for (now, stamp) in [(0, -100), (1_000, 910), (2_000, 1_920)] {
            pipe.push(at(now), &telling);
            assert_eq!((pipe.pop(at(now), &mut out), &out[..]), (Some(at(stamp)), &telling[..]));
        }
        assert_eq!(pipe.stop(FIRST), Tally { items: 3, altered: 3 });
    }

    #[test]
    fn what_a_fault_did_is_counted_from_the_difference() {
        let mut pipe = TellPipe::new(1);
        let telling = |altitude: f64| [(ALTITUDE, Value::Number(altitude)), (ROLL, Value::Number(0.0))];
        tell(&mut pipe, 0, &telling(2.0));
        pipe.start(at(1), FIRST, PipeFault::Freeze, Some(ALTITUDE));
        pipe.start(at(1), SECOND, PipeFault::Scale { gain: 2.0 }, Some(ROLL));
        tell(&mut pipe, 1, &telling(2.0));
        tell(&mut pipe, 2, &telling(3.0));
        assert_eq!(pipe.stop(FIRST), Tally { items: 2, altered: 1 }, "frozen at what it was anyway");
        assert_eq!(pipe.stop(SECOND), Tally { items: 2, altered: 0 }, "twice nothing is nothing");
        pipe.start(at(3), FIRST, PipeFault::Off, None);
        pipe.push(at(4), &telling(1.0));
        assert_eq!(pipe.stop(FIRST), Tally { items: 1, altered: 1 });
    }
}
