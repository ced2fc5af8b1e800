//! Values that are told or asked for: what a fault makes of one number after the other.

use crate::fault::arrival::Arrival;
use crate::fault::rng::Dice;
use crate::fault::{Concerns, PipeFault};
use crate::signal::Value;
use crate::time::{Span, Time};
use core::f64::consts::TAU;
use std::collections::VecDeque;

/// The most values that a replay records, or a delay keeps: a minute at 1 kHz.
const KEPT_MAX: usize = 60_000;

/// A fault on one stream of values: a signal, an argument, a field.
#[derive(Clone, Debug)]
pub struct ValueFault {
    fault: PipeFault,
    started: Time,
    dice: Dice,
    arrival: Arrival,
    /// The value before the fault; then, for a slow stream, the last that got through.
    held: Option<Value>,
    /// For a delay: what it was, oldest first. For a replay: what it was in the first stretch.
    past: VecDeque<(Time, Value)>,
}

impl ValueFault {
    /// A fault that begins at `started` on a stream whose last value was `before`. Its chance is stream `stream` of
    /// `seed`.
    pub fn new(fault: PipeFault, started: Time, seed: u64, stream: u64, before: Option<Value>) -> ValueFault {
        let dice = Dice::new(seed, stream);
        let arrival = Arrival::new(fault, started, dice.clone());
        ValueFault { fault, started, dice, arrival, held: before, past: VecDeque::new() }
    }

    /// What becomes of the value that comes at `at`. Flags and states have no size to be off by: only what concerns
    /// arrival acts on them.
    pub fn act(&mut self, at: Time, value: Value) -> Value {
        match (self.fault.concerns(), value) {
            (Concerns::Values, Value::Number(number)) => self.number(at, number),
            (Concerns::Values, other) => match self.fault {
                PipeFault::PartialLoss { share } if self.dice.chance(share) => Value::Unknown,
                _ => other,
            },
            (Concerns::Arrival, value) => self.arriving(at, value),
            (Concerns::Bytes | Concerns::Stamps, value) => value,
        }
    }

    fn number(&mut self, at: Time, number: f64) -> Value {
        let since = at.since(self.started).seconds();
        Value::Number(match self.fault {
            PipeFault::Bias { by } => number + by,
            PipeFault::Drift { rate, cap } => {
                let off = rate * since;
                number + if cap > 0.0 { off.clamp(-cap, cap) } else { off }
            }
            PipeFault::Scale { gain } => number * gain,
            PipeFault::Noise { sigma } => number + sigma * self.dice.normal(),
            PipeFault::Garbage { lo, hi } => lo + (hi - lo) * self.dice.uniform(),
            PipeFault::Stuck { at } => at,
            PipeFault::Spike { share, size } => {
                // Both are drawn each time, so that a smaller share hits a part of what a greater one hits.
                let (hit, up) = (self.dice.chance(share), self.dice.chance(0.5));
                match (hit, up) {
                    (false, _) => number,
                    (true, true) => number + size,
                    (true, false) => number - size,
                }
            }
            PipeFault::Quantise { step } if step > 0.0 => libm::round(number / step) * step,
            PipeFault::Saturate { lo, hi } => number.max(lo).min(hi),
            PipeFault::NotANumber => f64::NAN,
            PipeFault::Misread { gain, offset } => number * gain + offset,
            PipeFault::Oscillate { amplitude, hertz } => number + amplitude * libm::sin(TAU * hertz * since),
            PipeFault::PartialLoss { share } if self.dice.chance(share) => return Value::Unknown,
            _ => number,
        })
    }

    fn arriving(&mut self, at: Time, value: Value) -> Value {
        match self.fault {
            PipeFault::Freeze => *self.held.get_or_insert(value),
            PipeFault::Delay { by } => self.as_it_was(at, by, value),
            PipeFault::Replay { age } => self.replayed(at, age, value),
            PipeFault::Slow { .. } => {
                if !self.arrival.loses(at) {
                    self.held = Some(value);
                }
                self.held.unwrap_or(value)
            }
            _ if self.arrival.loses(at) => Value::Unknown,
            _ => value,
        }
    }

    fn as_it_was(&mut self, at: Time, by: Span, now: Value) -> Value {
        let then = at - by.max(Span::ZERO);
        if self.past.len() == KEPT_MAX {
            self.past.pop_front();
        }
        self.past.push_back((at, now));
        while self.past.get(1).is_some_and(|(since, _)| *since <= then) {
            self.past.pop_front();
        }
        match self.past.front() {
            Some((since, value)) if *since <= then => *value,
            _ => self.held.unwrap_or(Value::Unknown),
        }
    }

    /// The first stretch passes and is recorded; from then on it is shown over and over.
    fn replayed(&mut self, at: Time, age: Span, now: Value) -> Value {
        let into = at.since(self.started);
        if into < age || self.past.is_empty() {
            if self.past.len() < KEPT_MAX {
                self.past.push_back((at, now));
            }
            return now;
        }
        let then = self.started + Span::from_nanos(into.nanos() % age.nanos().max(1));
        let later = self.past.partition_point(|(since, _)| *since <= then);
        self.past.get(later.saturating_sub(1)).map_or(now, |(_, value)| *value)
    }
}

/// Whether two values tell the same. Two unknowns do, whatever stands in them.
pub fn same(one: Value, other: Value) -> bool {
    one == other || (one.is_unknown() && other.is_unknown())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Time {
        Time::ZERO + Span::from_millis(millis)
    }

    /// What becomes of `input(i)` at every tenth millisecond.
    fn series(fault: PipeFault, count: i64, input: impl Fn(i64) -> f64) -> Vec<f64> {
        let mut faulted = ValueFault::new(fault, at(0), 7, 1, None);
        (0..count)
            .map(|place| match faulted.act(at(place * 10), Value::Number(input(place))) {
                Value::Number(number) => number,
                _ => f64::NAN,
            })
            .collect()
    }

    #[test]
    fn numbers_are_changed_as_their_fault_says() {
        let one = |fault, number| series(fault, 1, |_| number)[0];
        assert_eq!(one(PipeFault::Bias { by: -0.5 }, 2.0), 1.5);
        assert_eq!(one(PipeFault::Scale { gain: 1.25 }, 2.0), 2.5);
        assert_eq!(one(PipeFault::Stuck { at: 7.0 }, 2.0), 7.0);
        assert_eq!(one(PipeFault::Quantise { step: 0.25 }, 2.2), 2.25);
        assert_eq!(one(PipeFault::Saturate { lo: -1.0, hi: 1.0 }, 2.0), 1.0);
        assert_eq!(one(PipeFault::Saturate { lo: -1.0, hi: 1.0 }, -2.0), -1.0);
        assert!(one(PipeFault::NotANumber, 2.0).is_nan());
        assert_eq!(one(PipeFault::Misread { gain: 2.0, offset: 10.0 }, 2.0), 14.0);
        assert_eq!(one(PipeFault::Corrupt { bit_error_rate: 1.0 }, 2.0), 2.0, "a value has no bytes");
    }

    #[test]
    fn drift_grows_with_time_and_stops_at_its_cap() {
        let drift = series(PipeFault::Drift { rate: 2.0, cap: 0.05 }, 5, |_| 1.0);
        assert_eq!(drift, [1.0, 1.02, 1.04, 1.05, 1.05]);
        let endless = series(PipeFault::Drift { rate: -1.0, cap: 0.0 }, 101, |_| 0.0);
        assert_eq!(endless[100], -1.0);
    }

    #[test]
    fn an_oscillation_has_its_size_and_its_frequency() {
        // 2 Hz, looked at every 10 ms for 10 s: 20 times upwards through zero, the first time after the start.
        let wave = series(PipeFault::Oscillate { amplitude: 0.5, hertz: 2.0 }, 1_000, |_| 0.0);
        let upwards = wave.windows(2).filter(|pair| pair[0] <= 0.0 && pair[1] > 0.0).count();
        assert!((20..=21).contains(&upwards), "{upwards} periods in 10 s");
        let peak = wave.iter().fold(0.0_f64, |peak, x| peak.max(x.abs()));
        assert!((0.49..=0.5).contains(&peak), "{peak}");
    }

    #[test]
    fn noise_garbage_and_spikes_have_the_moments_that_they_are_said_to_have() {
        let count = 20_000;
        let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len() as f64;
        let deviation = |all: &[f64]| {
            let centre = mean(all);
            (all.iter().map(|x| (x - centre) * (x - centre)).sum::<f64>() / all.len() as f64).sqrt()
        };
        let noise = series(PipeFault::Noise { sigma: 0.5 }, count, |_| 4.0);
        assert!((mean(&noise) - 4.0).abs() < 0.02 && (deviation(&noise) - 0.5).abs() < 0.02);
        let garbage = series(PipeFault::Garbage { lo: -1.0, hi: 3.0 }, count, |_| 100.0);
        assert!(garbage.iter().all(|x| (-1.0..=3.0).contains(x)));
        assert!((mean(&garbage) - 1.0).abs() < 0.03 && (deviation(&garbage) - 4.0 / 12.0_f64.sqrt()).abs() < 0.02);
        let spikes = series(PipeFault::Spike { share: 0.05, size: 10.0 }, count, |_| 1.0);
        let hit = spikes.iter().filter(|x| **x != 1.0).count() as f64 / count as f64;
        assert!((hit - 0.05).abs() < 0.006, "{hit}");
        assert!(spikes.iter().all(|x| [1.0, 11.0, -9.0].contains(x)));
        assert!(mean(&spikes).abs() > 0.5, "up and down balance");
        assert_eq!(noise, series(PipeFault::Noise { sigma: 0.5 }, count, |_| 4.0), "the same seed, the same noise");
    }

    #[test]
    fn a_slow_signal_keeps_its_value_and_a_lost_one_is_unknown() {
        let slow = series(PipeFault::Slow { one_in: 3 }, 7, |place| place as f64);
        assert_eq!(slow, [0.0, 0.0, 0.0, 3.0, 3.0, 3.0, 6.0]);
        assert!(series(PipeFault::Off, 3, |_| 1.0).iter().all(|x| x.is_nan()));
        let gone = series(PipeFault::Intermittent { period: Span::from_millis(40), lost: 0.5 }, 8, |_| 1.0);
        let known: Vec<bool> = gone.iter().map(|x| !x.is_nan()).collect();
        assert_eq!(known, [false, false, true, true, false, false, true, true]);
        let partial = series(PipeFault::PartialLoss { share: 0.3 }, 10_000, |_| 1.0);
        let lost = partial.iter().filter(|x| x.is_nan()).count() as f64 / 10_000.0;
        assert!((lost - 0.3).abs() < 0.02, "{lost}");
    }

    #[test]
    fn a_replay_shows_its_first_stretch_over_and_over() {
        let shown = series(PipeFault::Replay { age: Span::from_millis(30) }, 9, |place| place as f64);
        assert_eq!(shown, [0.0, 1.0, 2.0, 0.0, 1.0, 2.0, 0.0, 1.0, 2.0]);
    }

    #[test]
    fn flags_have_no_size_but_can_be_lost_and_frozen() {
        let flag = |fault| ValueFault::new(fault, at(0), 1, 1, Some(Value::Flag(false))).act(at(1), Value::Flag(true));
        assert_eq!(flag(PipeFault::Bias { by: 1.0 }), Value::Flag(true));
        assert_eq!(flag(PipeFault::NotANumber), Value::Flag(true));
        assert_eq!(flag(PipeFault::Freeze), Value::Flag(false));
        assert_eq!(flag(PipeFault::Off), Value::Unknown);
        assert_eq!(flag(PipeFault::PartialLoss { share: 1.0 }), Value::Unknown);
    }

    #[test]
    fn two_unknowns_tell_the_same() {
        assert!(same(Value::Unknown, Value::Number(f64::NAN)));
        assert!(!same(Value::Unknown, Value::Number(0.0)));
        assert!(!same(Value::Flag(true), Value::Flag(false)));
    }
}
