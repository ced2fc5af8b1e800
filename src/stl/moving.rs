//! Nodes whose value may move in a straight line between changes: `age`, `mean`, `fraction` and what is made of them.

use super::graph::{Before, Edge, Op, Plan};
use super::interval::{self, Interval};
use super::node::{View, number, sign_of};
use super::ops::{Delay, Mean};
use super::value::{Bits, Flat, Line, NEVER, Slot, Val, first_flip, tick_of};

/// What a moving node remembers.
#[derive(Clone, Debug)]
enum Memory {
    Nothing,
    Delay(Delay<Val>),
    Mean(Mean),
}

/// One node that may move.
#[derive(Clone, Debug)]
pub(super) struct Moving {
    op: Op,
    parts: Box<[Edge]>,
    memory: Memory,
}

impl Moving {
    pub fn new(plan: &Plan, room: usize) -> Moving {
        let memory = match &plan.op {
            Op::Delay { ticks, before } => {
                let before = match before {
                    Before::WarmUp | Before::Nothing => Flat::WARM_UP,
                    Before::False => Flat::FALSE,
                };
                Memory::Delay(Delay::new(ticks.saturating_mul(2), before.into(), false, room))
            }
            Op::Mean(ticks, share) => {
                let before = if *share { Flat { lo: 0.0, hi: 1.0, ..Flat::WARM_UP } } else { Flat::WARM_UP };
                Memory::Mean(Mean::new(*ticks, before, room))
            }
            _ => Memory::Nothing,
        };
        Moving { op: plan.op.clone(), parts: plan.children.clone().into_boxed_slice(), memory }
    }

    /// Bytes of memory of such a node.
    pub fn bytes(plan: &Plan, room: usize) -> usize {
        let memory = match &plan.op {
            Op::Delay { .. } => Delay::<Val>::bytes(room),
            Op::Mean(..) => Mean::bytes(room),
            _ => 0,
        };
        size_of::<Moving>() + memory + size_of_val(plan.children.as_slice())
    }

    /// Its value from `view.now` on, and when its truth or its slope changes by itself.
    pub fn eval(&mut self, view: &View, merged: &mut bool) -> (Val, Slot) {
        let part = |i: usize| view.val(self.parts[i]);
        match (&self.op, &mut self.memory) {
            (Op::Delay { .. }, Memory::Delay(delay)) => delay.eval(view.now, part(0), merged),
            (Op::Mean(..), Memory::Mean(mean)) => {
                let operand = if view.may_move(self.parts[0]) { Flat::UNKNOWN } else { view.flat(self.parts[0]) };
                mean.eval(view.now, operand, merged)
            }
            (Op::Age(_), _) if view.ended => (Flat::UNKNOWN.into(), NEVER),
            (Op::Age(id), _) => (view.signals[*id as usize].age(view.start), NEVER),
            (Op::Compare { strict, scale }, _) => compare(*strict, scale.get(), &part(0), &part(1), &self.parts, view),
            (Op::And, _) => both(&self.parts, view),
            (op, _) => (calculate(op, &self.parts, view), NEVER),
        }
    }
}

/// Arithmetic on intervals that stand still.
pub(super) fn arithmetic(op: &Op, x: Interval, y: Interval) -> Interval {
    match op {
        Op::Negate => interval::negate(x),
        Op::Add => interval::add(x, y),
        Op::Subtract => interval::subtract(x, y),
        Op::Multiply => interval::multiply(x, y),
        _ => interval::divide(x, y),
    }
}

/// The operators that may follow a moving number.
fn calculate(op: &Op, parts: &[Edge], view: &View) -> Val {
    let bits = view.taint(parts);
    let tick = tick_of(view.now);
    let a = view.val(parts[0]);
    let b = parts.get(1).map(|&part| view.val(part));
    if a.ramp.is_none() && b.is_none_or(|b| b.ramp.is_none()) {
        let y = b.map_or((0.0, 0.0), |b| (b.flat.lo, b.flat.hi));
        return number(arithmetic(op, (a.flat.lo, a.flat.hi), y), bits).into();
    }
    let scaled = |v: &Val, by: &dyn Fn(Line) -> Line, factor: f64| {
        let (lo, hi) = (by(v.lo_line()), by(v.hi_line()));
        if factor < 0.0 { Val::from_lines(hi, lo, bits, tick) } else { Val::from_lines(lo, hi, bits, tick) }
    };
    let point = |v: &Val| (v.ramp.is_none() && v.flat.lo == v.flat.hi).then_some(v.flat.lo);
    let zero: Val = Flat { bits, ..Flat::number(0.0) }.into();
    match (op, b) {
        (Op::Negate, _) => scaled(&a, &|l| l.negate(), -1.0),
        (Op::Add, Some(b)) => {
            Val::from_lines(a.lo_line().plus(b.lo_line(), tick), a.hi_line().plus(b.hi_line(), tick), bits, tick)
        }
        (Op::Subtract, Some(b)) => Val::from_lines(
            a.lo_line().plus(b.hi_line().negate(), tick),
            a.hi_line().plus(b.lo_line().negate(), tick),
            bits,
            tick,
        ),
        (Op::Multiply, Some(b)) => match (point(&a), point(&b)) {
            (_, Some(0.0)) | (Some(0.0), _) => zero,
            (_, Some(factor)) => scaled(&a, &|l| l.times(factor), factor),
            (Some(factor), _) => scaled(&b, &|l| l.times(factor), factor),
            _ => Flat::UNKNOWN.into(),
        },
        (Op::Divide, Some(b)) => match point(&b) {
            Some(divisor) if divisor != 0.0 => scaled(&a, &|l| l.over(divisor), divisor),
            _ => Flat::UNKNOWN.into(),
        },
        _ => Flat::UNKNOWN.into(),
    }
}

/// Signed distance of the first number above the second.
fn compare(strict: bool, scale: f64, a: &Val, b: &Val, parts: &[Edge], view: &View) -> (Val, Slot) {
    let sure =
        |bits: Bits| if bits == Bits::UNKNOWN && view.taint(parts) == Bits::WARM_UP { Bits::WARM_UP } else { bits };
    if a.ramp.is_none() && b.ramp.is_none() {
        let (lo, hi) = (a.flat.lo - b.flat.hi, a.flat.hi - b.flat.lo);
        let lo = if lo.is_nan() { f64::NEG_INFINITY } else { lo };
        let hi = if hi.is_nan() { f64::INFINITY } else { hi };
        let bits = sure(sign_of(strict, lo, hi));
        let margin = if scale == 1.0 { (lo, hi) } else { (lo / scale, hi / scale) };
        return (Flat { lo: margin.0, hi: margin.1, bits }.into(), NEVER);
    }
    let tick = tick_of(view.now);
    let lo = a.lo_line().plus(b.hi_line().negate(), tick);
    let hi = a.hi_line().plus(b.lo_line().negate(), tick);
    let bits = sure(sign_of(strict, lo.at(tick), hi.at(tick)));
    // Truth can change where a bound reaches zero and where it leaves it.
    let next = [&lo, &hi]
        .into_iter()
        .flat_map(|line| [line.crossing(tick, 0.0, |v| v > 0.0), line.crossing(tick, 0.0, |v| v >= 0.0)])
        .flatten()
        .min();
    let (lo, hi) = if scale == 1.0 { (lo, hi) } else { (lo.over(scale), hi.over(scale)) };
    (Val::from_lines(lo, hi, bits, tick), next.map_or(NEVER, |t| t.saturating_mul(2)))
}

/// `and` of formulas of which some may move.
fn both(parts: &[Edge], view: &View) -> (Val, Slot) {
    let tick = tick_of(view.now);
    let values = parts.iter().map(|&part| view.val(part));
    if values.clone().all(|value| value.ramp.is_none()) {
        return (values.fold(Flat::TRUE, |all, value| all.and(value.flat)).into(), NEVER);
    }
    let bits = values.clone().fold(Bits::TRUE, |all, value| all.and(value.flat.bits));
    let (lo, lo_next) = smallest(tick, values.clone().map(|value| value.lo_line()));
    let (hi, hi_next) = smallest(tick, values.map(|value| value.hi_line()));
    let next = [lo_next, hi_next].into_iter().flatten().min();
    (Val::from_lines(lo, hi, bits, tick), next.map_or(NEVER, |t| t.saturating_mul(2)))
}

/// The smallest of some lines at `tick`, and the first later tick at which another one takes over.
fn smallest(tick: i64, lines: impl Iterator<Item = Line> + Clone) -> (Line, Option<i64>) {
    let mut best: Option<Line> = None;
    for line in lines.clone() {
        best = match best {
            Some(held) if line.at(tick) >= held.at(tick) => Some(held),
            _ => Some(line),
        };
    }
    let best = best.unwrap_or(Line::flat(0.0));
    let mut next: Option<i64> = None;
    for line in lines {
        let gap = (best.at(tick) - line.at(tick)).abs();
        let closing = best.rate() - line.rate();
        if closing > 0.0
            && gap.is_finite()
            && let Some(flip) = first_flip(tick, gap / closing, |t| line.at(t) < best.at(t))
        {
            next = Some(next.map_or(flip, |n| n.min(flip)));
        }
    }
    (best, next)
}
