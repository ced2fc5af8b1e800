//! Pipes that faults act on: something goes in at an instant, and comes out later, changed, twice or never.
//!
//! A pipe without faults hands everything on at once. Several faults act one after the other, in the order of their
//! start. What is under way when a delay ends arrives as delayed as it was sent, and nothing overtakes it.

use crate::fault::PipeFault;
use crate::fault::rng::Dice;
use crate::signal::{SignalId, Value};
use crate::time::{Span, Time};
use crate::wire::Frame;
use std::collections::{BTreeMap, VecDeque};

/// Names a fault that acts on a pipe, so that it can be ended: the caller's own number.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FaultKey(pub u32);

/// When things arrive: acts out [`PipeFault::Delay`], `Drop`, `Off` and `Duplicate`, and lets the others be.
#[derive(Clone, Debug)]
pub struct Pipe<T> {
    seed: u64,
    active: Vec<(FaultKey, PipeFault, Dice)>,
    /// In order of arrival.
    under_way: VecDeque<(Time, T)>,
    last_arrival: Time,
}

impl<T: Clone> Pipe<T> {
    /// A pipe without faults. Its chance is fixed by `seed` and each fault's key.
    pub fn new(seed: u64) -> Pipe<T> {
        Pipe { seed, active: Vec::new(), under_way: VecDeque::new(), last_arrival: Time::MIN }
    }

    /// Starts a fault; one of the same key is replaced.
    pub fn start(&mut self, key: FaultKey, fault: PipeFault) {
        self.stop(key);
        self.active.push((key, fault, Dice::new(self.seed, u64::from(key.0))));
    }

    /// Ends a fault, if it acts.
    pub fn stop(&mut self, key: FaultKey) {
        self.active.retain(|(other, ..)| *other != key);
    }

    /// Something goes in.
    pub fn push(&mut self, at: Time, item: T) {
        let mut copies = 1;
        let mut arrival = at;
        for (_, fault, dice) in &mut self.active {
            match *fault {
                PipeFault::Delay { by } => arrival += by.max(Span::ZERO),
                PipeFault::Drop { share } if dice.chance(share) => copies = 0,
                PipeFault::Off => copies = 0,
                PipeFault::Duplicate { share } if dice.chance(share) => copies *= 2,
                PipeFault::Drop { .. } | PipeFault::Duplicate { .. } => {}
                _ => {}
            }
        }
        if copies > 0 {
            self.last_arrival = self.last_arrival.max(arrival);
            self.under_way.extend(std::iter::repeat_n((self.last_arrival, item), copies));
        }
    }

    /// What comes out next, if it has arrived by `at`. Ask until there is nothing.
    pub fn pop(&mut self, at: Time) -> Option<T> {
        match self.under_way.front() {
            Some((arrival, _)) if *arrival <= at => self.under_way.pop_front().map(|(_, item)| item),
            _ => None,
        }
    }

    /// When the next thing comes out.
    pub fn next_deadline(&self) -> Option<Time> {
        self.under_way.front().map(|(arrival, _)| *arrival)
    }

    /// Forgets what is under way (on a trip); faults stay.
    pub fn clear(&mut self) {
        self.under_way.clear();
    }
}

/// One telling: values of signals at one instant, in a fixed order.
pub type Telling = Vec<(SignalId, Value)>;

/// What a controller is told: a [`Pipe`] that also acts on values, on all signals or on one.
#[derive(Clone, Debug)]
pub struct TellPipe {
    seed: u64,
    pipe: Pipe<Telling>,
    active: Vec<SignalFault>,
    /// The values as last told, all faults applied.
    told: BTreeMap<SignalId, Value>,
}

/// A fault that acts on values.
#[derive(Clone, Debug)]
struct SignalFault {
    key: FaultKey,
    fault: PipeFault,
    /// `None`: every signal.
    only: Option<SignalId>,
    dice: Dice,
    /// The values as told before the fault.
    before: BTreeMap<SignalId, Value>,
    /// For a delay of one signal: what it was, oldest first.
    line: VecDeque<(Time, Value)>,
}

impl TellPipe {
    /// A pipe without faults. Its chance is fixed by `seed` and each fault's key.
    pub fn new(seed: u64) -> TellPipe {
        TellPipe { seed, pipe: Pipe::new(seed), active: Vec::new(), told: BTreeMap::new() }
    }

    /// Starts a fault on every signal (`only: None`) or on one. On one signal `Delay` shows its value as it was so long
    /// ago (at first the last one told), `Drop` and `Off` make it unknown, and `Duplicate` does nothing.
    /// `Corrupt` does nothing: samples have no bits on a wire.
    pub fn start(&mut self, key: FaultKey, fault: PipeFault, only: Option<SignalId>) {
        self.stop(key);
        if only.is_none() {
            self.pipe.start(key, fault);
        }
        let dice = Dice::new(self.seed, u64::from(key.0));
        self.active.push(SignalFault { key, fault, only, dice, before: self.told.clone(), line: VecDeque::new() });
    }

    /// Ends a fault, if it acts.
    pub fn stop(&mut self, key: FaultKey) {
        self.pipe.stop(key);
        self.active.retain(|active| active.key != key);
    }

    /// A telling goes in.
    pub fn push(&mut self, at: Time, telling: &[(SignalId, Value)]) {
        let mut telling = telling.to_vec();
        for (signal, value) in &mut telling {
            for active in &mut self.active {
                if active.only.is_none_or(|only| only == *signal) {
                    active.act(at, *signal, value);
                }
            }
            self.told.insert(*signal, *value);
        }
        self.pipe.push(at, telling);
    }

    /// The telling that comes out next, in the place of what `out` held; false when none has arrived by `at`.
    pub fn pop(&mut self, at: Time, out: &mut Telling) -> bool {
        match self.pipe.pop(at) {
            Some(telling) => {
                *out = telling;
                true
            }
            None => false,
        }
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
    fn act(&mut self, at: Time, signal: SignalId, value: &mut Value) {
        match (self.fault, &mut *value) {
            (PipeFault::Freeze, _) => *value = *self.before.entry(signal).or_insert(*value),
            (PipeFault::Bias { by }, Value::Number(number)) => *number += by,
            (PipeFault::Scale { gain }, Value::Number(number)) => *number *= gain,
            (PipeFault::Noise { sigma }, Value::Number(number)) => *number += sigma * self.dice.normal(),
            (PipeFault::Delay { by }, _) if self.only.is_some() => *value = self.as_it_was(at, by, signal, *value),
            (PipeFault::Off, _) if self.only.is_some() => *value = Value::Unknown,
            (PipeFault::Drop { share }, _) if self.only.is_some() => {
                if self.dice.chance(share) {
                    *value = Value::Unknown;
                }
            }
            // Flags and states have no size to be off by; whole tellings are the pipe's business.
            (PipeFault::Bias { .. } | PipeFault::Scale { .. } | PipeFault::Noise { .. }, _) => {}
            (PipeFault::Delay { .. } | PipeFault::Drop { .. } | PipeFault::Off, _) => {}
            (_, _) => {}
        }
    }

    fn as_it_was(&mut self, at: Time, by: Span, signal: SignalId, now: Value) -> Value {
        let then = at - by.max(Span::ZERO);
        self.line.push_back((at, now));
        while self.line.get(1).is_some_and(|(since, _)| *since <= then) {
            self.line.pop_front();
        }
        match self.line.front() {
            Some((since, value)) if *since <= then => *value,
            _ => self.before.get(&signal).copied().unwrap_or(Value::Unknown),
        }
    }
}

/// Frames on a link: a [`Pipe`] that also acts out [`PipeFault::Corrupt`].
#[derive(Clone, Debug)]
pub struct FramePipe {
    seed: u64,
    pipe: Pipe<Frame>,
    corrupting: Vec<(FaultKey, f64, Dice)>,
}

impl FramePipe {
    /// A pipe without faults. Its chance is fixed by `seed` and each fault's key.
    pub fn new(seed: u64) -> FramePipe {
        FramePipe { seed, pipe: Pipe::new(seed), corrupting: Vec::new() }
    }

    /// Starts a fault; one of the same key is replaced. Faults on values (`Freeze`, `Bias`, `Scale`, `Noise`) do
    /// nothing: a frame has no values yet.
    pub fn start(&mut self, key: FaultKey, fault: PipeFault) {
        self.stop(key);
        self.pipe.start(key, fault);
        if let PipeFault::Corrupt { bit_error_rate } = fault {
            self.corrupting.push((key, bit_error_rate, Dice::new(self.seed, u64::from(key.0))));
        }
    }

    /// Ends a fault, if it acts.
    pub fn stop(&mut self, key: FaultKey) {
        self.pipe.stop(key);
        self.corrupting.retain(|(other, ..)| *other != key);
    }

    /// A frame goes in.
    pub fn push(&mut self, at: Time, mut frame: Frame) {
        for (_, bit_error_rate, dice) in &mut self.corrupting {
            flip_bits(&mut frame.bytes, *bit_error_rate, dice);
        }
        self.pipe.push(at, frame);
    }

    /// The frame that comes out next, if it has arrived by `at`. Ask until there is none.
    pub fn pop(&mut self, at: Time) -> Option<Frame> {
        self.pipe.pop(at)
    }

    /// When the next frame comes out.
    pub fn next_deadline(&self) -> Option<Time> {
        self.pipe.next_deadline()
    }

    /// Forgets what is under way (on a trip); faults stay.
    pub fn clear(&mut self) {
        self.pipe.clear();
    }
}

/// Flips each bit with probability `rate`. Leaps from error to error, so that a clean megabyte costs one draw.
fn flip_bits(bytes: &mut [u8], rate: f64, dice: &mut Dice) {
    let bits = bytes.len() as u64 * 8;
    let mut bit = dice.failures_before_success(rate);
    while bit < bits {
        bytes[(bit / 8) as usize] ^= 1 << (bit % 8);
        bit = bit.saturating_add(1).saturating_add(dice.failures_before_success(rate));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::LinkId;

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

    /// Runs the pipe from deadline to deadline and notes what came out when.
    fn drain<T: Clone>(pipe: &mut Pipe<T>) -> Vec<(i64, T)> {
        let mut out = Vec::new();
        while let Some(due) = pipe.next_deadline() {
            assert!(due == Time::MIN || pipe.pop(due - Span::from_nanos(1)).is_none(), "not before its time");
            let item = pipe.pop(due).expect("due now");
            out.push((due.nanos() / 1_000_000, item));
        }
        out
    }

    /// Tells the altitude and what else stands there, and returns what comes out at once.
    fn tell(pipe: &mut TellPipe, millis: i64, telling: &[(SignalId, Value)]) -> Telling {
        pipe.push(at(millis), telling);
        let mut out = Telling::new();
        assert!(pipe.pop(at(millis), &mut out), "nothing holds it up");
        out
    }

    #[test]
    fn without_faults_everything_comes_out_at_once_and_in_order() {
        let mut pipe = Pipe::new(1);
        pipe.push(at(1), 'a');
        pipe.push(at(1), 'b');
        pipe.push(at(2), 'c');
        assert_eq!(drain(&mut pipe), [(1, 'a'), (1, 'b'), (2, 'c')]);
    }

    #[test]
    fn delays_add_up_and_nothing_overtakes_when_one_ends() {
        let mut pipe = Pipe::new(1);
        pipe.start(FIRST, delay(100));
        pipe.push(at(0), 'a');
        pipe.start(SECOND, delay(50));
        pipe.push(at(10), 'b');
        pipe.stop(FIRST);
        pipe.push(at(20), 'c');
        pipe.stop(SECOND);
        pipe.push(at(170), 'd');
        assert_eq!(drain(&mut pipe), [(100, 'a'), (160, 'b'), (160, 'c'), (170, 'd')]);
    }

    #[test]
    fn off_lets_nothing_in_but_what_is_under_way_arrives() {
        let mut pipe = Pipe::new(1);
        pipe.start(FIRST, delay(100));
        pipe.push(at(0), 'a');
        pipe.start(SECOND, PipeFault::Off);
        pipe.push(at(10), 'b');
        pipe.stop(SECOND);
        pipe.push(at(20), 'c');
        assert_eq!(drain(&mut pipe), [(100, 'a'), (120, 'c')]);
        pipe.push(at(130), 'd');
        pipe.clear();
        assert_eq!(drain(&mut pipe), []);
    }

    #[test]
    fn losses_and_doubles_come_at_their_share_and_the_same_for_the_same_seed() {
        let run = |seed: u64, fault: PipeFault| {
            let mut pipe = Pipe::new(seed);
            pipe.start(FIRST, fault);
            for number in 0..4_000 {
                pipe.push(at(number), number);
            }
            drain(&mut pipe)
        };
        let lost = 4_000 - run(1, PipeFault::Drop { share: 0.25 }).len();
        assert!((lost as f64 / 4_000.0 - 0.25).abs() < 0.03, "lost {lost} of 4000");
        let doubled = run(1, PipeFault::Duplicate { share: 0.1 });
        assert!(((doubled.len() - 4_000) as f64 / 4_000.0 - 0.1).abs() < 0.02, "{} of 4000", doubled.len());
        assert!(doubled.is_sorted(), "a double comes right behind its original");
        assert_eq!(run(1, PipeFault::Drop { share: 0.25 }), run(1, PipeFault::Drop { share: 0.25 }));
        assert_ne!(run(1, PipeFault::Drop { share: 0.25 }), run(2, PipeFault::Drop { share: 0.25 }));
        assert_eq!(run(1, PipeFault::Drop { share: 0.0 }).len(), 4_000);
        assert_eq!(run(1, PipeFault::Drop { share: 1.0 }).len(), 0);
    }

    #[test]
    fn a_second_fault_leaves_the_draws_of_the_first_as_they_were() {
        let run = |other: bool| {
            let mut pipe = Pipe::new(9);
            if other {
                pipe.start(SECOND, PipeFault::Duplicate { share: 0.5 });
            }
            pipe.start(FIRST, PipeFault::Drop { share: 0.5 });
            for number in 0..200 {
                pipe.push(at(number), number);
            }
            let mut numbers: Vec<i64> = drain(&mut pipe).into_iter().map(|(_, number)| number).collect();
            numbers.dedup();
            numbers
        };
        assert_eq!(run(false), run(true));
    }

    #[test]
    fn numbers_are_biased_and_scaled_in_the_order_of_the_faults_start() {
        let mut pipe = TellPipe::new(1);
        pipe.start(FIRST, PipeFault::Bias { by: 1.0 }, Some(ALTITUDE));
        pipe.start(SECOND, PipeFault::Scale { gain: 10.0 }, None);
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
        pipe.start(FIRST, PipeFault::Freeze, Some(ALTITUDE));
        for millis in 1..4 {
            let told = tell(&mut pipe, millis, &[(ALTITUDE, Value::Number(3.0)), (ROLL, Value::Number(0.2))]);
            assert_eq!(told, [(ALTITUDE, Value::Number(2.0)), (ROLL, Value::Number(0.2))]);
        }
        pipe.stop(FIRST);
        assert_eq!(tell(&mut pipe, 5, &[(ALTITUDE, Value::Number(4.0))]), [(ALTITUDE, Value::Number(4.0))]);
        pipe.start(FIRST, PipeFault::Freeze, None);
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
        pipe.start(FIRST, delay(30), Some(ALTITUDE));
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
        pipe.start(FIRST, PipeFault::Off, Some(ALTITUDE));
        let told = tell(&mut pipe, 0, &[(ALTITUDE, Value::Number(1.0)), (ROLL, Value::Number(2.0))]);
        assert_eq!(told, [(ALTITUDE, Value::Unknown), (ROLL, Value::Number(2.0))]);
        pipe.start(FIRST, PipeFault::Drop { share: 0.5 }, Some(ALTITUDE));
        let lost = (1..=400)
            .filter(|millis| tell(&mut pipe, *millis, &[(ALTITUDE, Value::Number(1.0))])[0].1 == Value::Unknown)
            .count();
        assert!((150..250).contains(&lost), "lost {lost} of 400 at one half");
    }

    #[test]
    fn a_whole_telling_is_delayed_with_the_values_it_had() {
        let mut pipe = TellPipe::new(1);
        pipe.start(FIRST, delay(100), None);
        pipe.push(at(0), &[(ALTITUDE, Value::Number(1.0))]);
        pipe.push(at(20), &[(ALTITUDE, Value::Number(2.0))]);
        let mut out = Telling::new();
        assert!(!pipe.pop(at(99), &mut out));
        assert_eq!(pipe.next_deadline(), Some(at(100)));
        assert!(pipe.pop(at(119), &mut out));
        assert_eq!(out, [(ALTITUDE, Value::Number(1.0))]);
        assert!(!pipe.pop(at(119), &mut out));
        pipe.clear();
        assert_eq!(pipe.next_deadline(), None);
    }

    #[test]
    fn noise_has_its_size_and_is_the_same_for_the_same_seed() {
        let run = |seed: u64| {
            let mut pipe = TellPipe::new(seed);
            pipe.start(FIRST, PipeFault::Noise { sigma: 0.5 }, None);
            (0..2_000).map(|millis| tell(&mut pipe, millis, &[(ALTITUDE, Value::Number(4.0))])[0].1).collect::<Vec<_>>()
        };
        let numbers: Vec<f64> = run(1)
            .into_iter()
            .map(|value| match value {
                Value::Number(number) => number - 4.0,
                other => panic!("a number stays a number, found {other:?}"),
            })
            .collect();
        let deviation = (numbers.iter().map(|x| x * x).sum::<f64>() / 2_000.0).sqrt();
        assert!((deviation - 0.5).abs() < 0.03, "standard deviation {deviation}");
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
    }

    #[test]
    fn bits_flip_at_their_rate_the_same_for_the_same_seed_and_no_longer_than_asked() {
        let run = |seed: u64, rate: f64| {
            let mut pipe = FramePipe::new(seed);
            pipe.start(FIRST, PipeFault::Corrupt { bit_error_rate: rate });
            pipe.push(at(0), Frame::serial(LinkId(0), vec![0_u8; 12_500]));
            pipe.stop(FIRST);
            pipe.push(at(0), Frame::serial(LinkId(0), vec![0_u8; 100]));
            let hit = pipe.pop(at(0)).expect("arrives at once").bytes;
            assert_eq!(pipe.pop(at(0)).expect("arrives at once").bytes, vec![0_u8; 100], "the fault had ended");
            hit
        };
        let flipped: u32 = run(1, 0.01).iter().map(|byte| byte.count_ones()).sum();
        assert!((900..1_100).contains(&flipped), "{flipped} of 100000 bits flipped at 0.01");
        assert_eq!(run(1, 0.01), run(1, 0.01));
        assert_ne!(run(1, 0.01), run(2, 0.01));
        assert_eq!(run(1, 0.0), vec![0; 12_500]);
        assert_eq!(run(1, 1.0), vec![255; 12_500]);
    }

    #[test]
    fn frames_are_delayed_dropped_and_doubled_whole() {
        let mut pipe = FramePipe::new(1);
        pipe.start(FIRST, delay(5));
        pipe.start(SECOND, PipeFault::Duplicate { share: 1.0 });
        let frame = Frame::publish(LinkId(0), "pilot/goto", "{}");
        pipe.push(at(0), frame.clone());
        assert_eq!((pipe.pop(at(4)), pipe.next_deadline()), (None, Some(at(5))));
        assert_eq!(
            (pipe.pop(at(5)), pipe.pop(at(5)), pipe.pop(at(5))),
            (Some(frame.clone()), Some(frame.clone()), None)
        );
        pipe.start(SECOND, PipeFault::Drop { share: 1.0 });
        pipe.push(at(10), frame);
        assert_eq!(pipe.next_deadline(), None);
        pipe.clear();
    }
}
