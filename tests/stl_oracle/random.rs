//! Random formulas and traces from a seed.

use super::naive::Trace;
use checkrein::expr::ir::{Comparison, Formula, Number, Window};
use checkrein::signal::{SignalId, Value};
use checkrein::stl::SignalSpec;
use checkrein::time::{Span, Time};
use std::collections::VecDeque;

/// A small generator of its own (splitmix64), so that a seed means the same for ever; or one that follows given bytes as
/// long as there are any, so that whoever changes a byte changes one decision.
pub struct Dice {
    state: u64,
    bytes: VecDeque<u8>,
}

impl Dice {
    pub fn new(seed: u64) -> Dice {
        let state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d;
        Dice { state, bytes: VecDeque::new() }
    }
    pub fn following(bytes: &[u8]) -> Dice {
        let seed =
            bytes.iter().fold(0xcbf2_9ce4_8422_2325, |h: u64, b| (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3));
        Dice { bytes: bytes.iter().copied().collect(), ..Dice::new(seed) }
    }
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    pub fn below(&mut self, n: u64) -> u64 {
        match self.bytes.pop_front() {
            Some(byte) if n <= 256 => u64::from(byte) % n,
            _ => self.next() % n,
        }
    }
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
    fn eighths(&mut self) -> f64 {
        (self.below(33) as f64 - 16.0) / 8.0
    }
}

/// A number whose square overflows.
const HUGE: f64 = 1e300;
/// How many signals a trace has.
pub const SIGNALS: u32 = 6;
/// Numbers 0, 1 and 5, a flag, a state, a pulse.
pub const NUMBERS: [u32; 3] = [0, 1, 5];
pub const FLAG: SignalId = SignalId(2);
pub const STATE: SignalId = SignalId(3);
pub const PULSE: SignalId = SignalId(4);

fn value(dice: &mut Dice, signal: u32) -> Value {
    match signal {
        _ if dice.one_in(14) => Value::Unknown,
        2 => Value::Flag(dice.one_in(2)),
        3 => Value::State(dice.below(3) as u16),
        4 => Value::Pulse,
        _ if dice.one_in(14) => {
            Value::Number([f64::NAN, f64::INFINITY, f64::NEG_INFINITY, HUGE][dice.below(4) as usize])
        }
        _ if dice.one_in(30) => Value::Flag(true),
        _ => Value::Number(dice.eighths()),
    }
}

/// A trace of six signals over `length` ns: rates that change, stretches in which nothing comes, bursts of a sample per ns,
/// several samples at one stamp, losses, wrong and unknown values, signals that go stale and some heard before the start.
pub fn trace(dice: &mut Dice, length: i64) -> Trace {
    let start = dice.below(10) as i64 - 3;
    let mut trace = Trace { start, ..Trace::default() };
    for signal in 0..SIGNALS {
        let stale = !dice.one_in(3) && signal != 5;
        let stale_after = stale.then(|| Span::from_nanos(1 + dice.below(9) as i64));
        trace.signals.push(SignalSpec { stale_after, every: None });
        if dice.one_in(2) {
            let stamp = Time::from_nanos(start - 1 - dice.below(5) as i64);
            trace.held.push((SignalId(signal), value(dice, signal), stamp));
        }
    }
    let place = |dice: &mut Dice| start + dice.below(length as u64) as i64;
    let mut busy = 2 + dice.below(6);
    let (turn, quiet, burst) = (place(dice), place(dice), place(dice));
    let quiet_for = if dice.one_in(3) { 2 + dice.below(length as u64 / 2) as i64 } else { 0 };
    let burst_for = if dice.one_in(3) { 2 + dice.below(8) as i64 } else { 0 };
    let burster = dice.below(u64::from(SIGNALS)) as u32;
    for at in start..start + length {
        if at == turn {
            busy = 1 + dice.below(12);
        }
        if (quiet..quiet + quiet_for).contains(&at) {
            continue;
        }
        let bursting = (burst..burst + burst_for).contains(&at);
        for signal in 0..SIGNALS {
            let told = bursting && signal == burster || dice.one_in(busy);
            if !told {
                continue;
            }
            let many = if dice.one_in(8) { 2 + dice.below(3) } else { 1 };
            for _ in 0..many {
                let told = if dice.one_in(25) { None } else { Some(value(dice, signal)) };
                trace.samples.push((at, SignalId(signal), told));
            }
        }
    }
    trace
}

/// Without huge numbers, beside which a mean loses all digits of its other samples.
pub fn calm(trace: &mut Trace) {
    trace.samples.retain(|s| s.2 != Some(Value::Number(HUGE)));
    trace.held.retain(|h| h.1 != Value::Number(HUGE));
}

fn span(dice: &mut Dice, below: u64) -> Span {
    Span::from_nanos(dice.below(below) as i64)
}

pub fn window(dice: &mut Dice, may_be_unbounded: bool) -> Window {
    let from = if dice.one_in(2) { Span::ZERO } else { span(dice, 4) };
    if may_be_unbounded && dice.one_in(5) {
        return Window { from, to: None };
    }
    Window { from, to: Some(from + span(dice, 6)) }
}

fn signal_number(dice: &mut Dice) -> SignalId {
    SignalId(NUMBERS[dice.below(3) as usize])
}

fn boxed(dice: &mut Dice, depth: u32) -> Box<Number> {
    Box::new(number(dice, depth))
}

/// A number that stands still between samples.
pub fn number(dice: &mut Dice, depth: u32) -> Number {
    if depth == 0 || dice.one_in(3) {
        return match dice.below(6) {
            0 => Number::Constant(dice.eighths()),
            1 => Number::Rate(signal_number(dice)),
            _ => Number::Signal(signal_number(dice)),
        };
    }
    let d = depth - 1;
    match dice.below(17) {
        16 => Number::Cos(boxed(dice, d)),
        0 => Number::Negate(boxed(dice, d)),
        1 => Number::Add(boxed(dice, d), boxed(dice, d)),
        2 => Number::Subtract(boxed(dice, d), boxed(dice, d)),
        3 => Number::Multiply(boxed(dice, d), boxed(dice, d)),
        4 => Number::Divide(boxed(dice, d), boxed(dice, d)),
        5 => Number::Abs(boxed(dice, d)),
        6 => Number::Min(vec![number(dice, d), number(dice, d)]),
        7 => Number::Max(vec![number(dice, d), number(dice, d), number(dice, d)]),
        8 => Number::Clamp(boxed(dice, d), Box::new(Number::Constant(-1.0)), Box::new(Number::Constant(1.5))),
        9 => Number::Sqrt(boxed(dice, d)),
        10 => Number::Sin(boxed(dice, d)),
        11 => Number::Atan2(boxed(dice, d), boxed(dice, d)),
        12 => Number::Norm(vec![number(dice, d), number(dice, d)]),
        13 => Number::Delta(span(dice, 7), boxed(dice, d)),
        14 => Number::Outside {
            polygon: vec![(-1.0, -1.0), (1.0, -1.0), (1.5, 0.5), (0.0, 0.0), (-1.0, 1.5)],
            x: boxed(dice, d),
            y: boxed(dice, d),
        },
        _ => Number::Table { input: boxed(dice, d), points: vec![(-1.0, 2.0), (0.0, 0.5), (1.0, 3.0)] },
    }
}

fn comparison(dice: &mut Dice) -> Comparison {
    [Comparison::Less, Comparison::LessEqual, Comparison::Greater, Comparison::GreaterEqual][dice.below(4) as usize]
}

/// A comparison whose margin moves between samples: age, mean, fraction.
fn moving(dice: &mut Dice, depth: u32) -> Formula {
    // Means over powers of two of eighths are exact, so that a threshold is met or not without rounding.
    let width = Span::from_nanos(1 << dice.below(4));
    let (left, right) = match dice.below(6) {
        4 => {
            let mean = Number::Mean(width, Box::new(number(dice, depth.min(1))));
            let part = Number::Divide(Box::new(mean), Box::new(Number::Constant(-4.0)));
            let moved = Number::Subtract(Box::new(Number::Constant(1.0)), Box::new(part));
            (Number::Negate(Box::new(moved)), Number::Constant(dice.eighths()))
        }
        0 | 1 => {
            let limit = Number::Constant(dice.below(12) as f64 / 1e9);
            (Number::Age(SignalId(dice.below(6) as u32)), limit)
        }
        2 => (Number::Mean(width, Box::new(Number::Signal(signal_number(dice)))), Number::Constant(dice.eighths())),
        3 => {
            let mean = Number::Mean(width, Box::new(Number::Signal(signal_number(dice))));
            let twice = Number::Multiply(Box::new(mean), Box::new(Number::Constant(-2.0)));
            (Number::Add(Box::new(twice), Box::new(Number::Constant(0.5))), Number::Signal(signal_number(dice)))
        }
        _ => {
            let share = Number::Fraction(width, Box::new(formula(dice, depth.min(1), false)));
            (share, Number::Constant(dice.below(9) as f64 / 8.0))
        }
    };
    if dice.one_in(4) {
        let hi = Number::Add(Box::new(right.clone()), Box::new(Number::Constant(0.25)));
        return Formula::In { expr: left, lo: right, hi, scale: 1.0 };
    }
    Formula::Compare { op: comparison(dice), left, right, scale: 1.0 }
}

/// A comparison, flag or state with no memory that is unknown whenever its signal is.
pub fn atom(dice: &mut Dice) -> Formula {
    match dice.below(5) {
        0 => Formula::Flag(FLAG),
        1 => {
            let mut any_of = vec![dice.below(3) as u16];
            if dice.one_in(3) {
                any_of.push(3);
            }
            Formula::State { signal: STATE, any_of }
        }
        _ => Formula::Compare {
            op: comparison(dice),
            left: Number::Signal(signal_number(dice)),
            right: Number::Constant(dice.eighths()),
            scale: 1.0,
        },
    }
}

/// Any formula; with `future` future operators too.
pub fn formula(dice: &mut Dice, depth: u32, future: bool) -> Formula {
    if depth == 0 || dice.one_in(6) {
        return match dice.below(12) {
            0 => Formula::Changed([FLAG, STATE, PULSE, SignalId(0)][dice.below(4) as usize]),
            1 => Formula::In {
                expr: Number::Signal(signal_number(dice)),
                lo: Number::Constant(-1.0),
                hi: Number::Constant(dice.eighths()),
                scale: 2.0,
            },
            2 => Formula::Constant(dice.one_in(2)),
            3 | 4 => moving(dice, depth),
            5..=7 => Formula::Compare {
                op: comparison(dice),
                left: number(dice, 2),
                right: number(dice, 1),
                scale: if dice.one_in(3) { 4.0 } else { 1.0 },
            },
            _ => atom(dice),
        };
    }
    let d = depth - 1;
    let sub = |dice: &mut Dice| Box::new(formula(dice, d, future));
    match dice.below(if future { 19 } else { 13 }) {
        0 => Formula::Not(sub(dice)),
        1 => Formula::And(vec![*sub(dice), *sub(dice)]),
        2 => Formula::Or(vec![*sub(dice), *sub(dice), *sub(dice)]),
        3 => Formula::Implies(sub(dice), sub(dice)),
        4 => Formula::Iff(sub(dice), sub(dice)),
        5 => Formula::Rise(sub(dice)),
        6 => Formula::Fall(sub(dice)),
        7 | 8 => Formula::Historically(window(dice, true), sub(dice)),
        9 | 10 => Formula::Once(window(dice, true), sub(dice)),
        11 | 12 => Formula::Since(window(dice, true), sub(dice), sub(dice)),
        13 | 14 => Formula::Always(window(dice, false), sub(dice)),
        15 | 16 => Formula::Eventually(window(dice, false), sub(dice)),
        17 => Formula::Until(window(dice, false), sub(dice), sub(dice)),
        _ => Formula::Unless(window(dice, false), sub(dice), sub(dice)),
    }
}
