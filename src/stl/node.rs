//! A node at work: its operator, its memory, and how its value follows from its children's.

use super::graph::{Before, NodeId, Op, Plan};
use super::interval::{self, Interval};
use super::ops::{Delay, Early, Liveness, Mean, Once, Rise, Since, Unless, Until};
use super::signals::SignalState;
use super::value::{Bits, Line, NEVER, Slot, Val, first_flip, tick_of};
use crate::time::Time;

/// What a node remembers.
#[derive(Clone, Debug)]
enum Memory {
    Nothing,
    Points(Vec<(f64, f64)>),
    Once(Once),
    Since(Since),
    Until(Until),
    Delay(Delay),
    Rise(Rise),
    Mean(Mean),
    Unless(Unless),
    Liveness(Liveness),
    Early(Early),
}

/// One node.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub op: Op,
    pub children: Vec<NodeId>,
    pub horizon: i64,
    pub lead: i64,
    memory: Memory,
    /// First slot from which its children are heeded.
    pub heed_from: Slot,
    /// First slot at which it has a value.
    pub begin: Slot,
    pub begun: bool,
}

/// What every node may look at.
pub(super) struct View<'a> {
    pub now: Slot,
    pub start: Time,
    pub ended: bool,
    pub values: &'a [Val],
    pub linear: &'a [bool],
    pub signals: &'a [SignalState],
}

impl View<'_> {
    fn value(&self, id: NodeId) -> Val {
        self.values[id as usize]
    }
    /// For arithmetic that can't follow a moving number.
    fn interval(&self, id: NodeId) -> Interval {
        if self.linear[id as usize] {
            interval::WHOLE
        } else {
            let value = &self.values[id as usize];
            (value.lo, value.hi)
        }
    }
}

impl Node {
    pub fn new(plan: Plan) -> Node {
        let memory = match &plan.op {
            Op::Outside(points) | Op::Table(points) => {
                Memory::Points(points.iter().map(|(x, y)| (x.get(), y.get())).collect())
            }
            Op::Once { width, late } => Memory::Once(Once::new(*width, !late && width.is_some())),
            Op::Since { width } => Memory::Since(Since::new(*width)),
            Op::Until { width } => Memory::Until(Until::new(*width)),
            Op::Delay { ticks, before } => {
                let before = match before {
                    Before::WarmUp | Before::Nothing => Val::WARM_UP,
                    Before::False => Val::FALSE,
                };
                Memory::Delay(Delay::new(ticks.saturating_mul(2), before))
            }
            Op::Rise => Memory::Rise(Rise::new()),
            Op::Mean(ticks) => Memory::Mean(Mean::new(*ticks)),
            Op::Unless => Memory::Unless(Unless::new()),
            Op::Liveness => Memory::Liveness(Liveness::default()),
            Op::Early(promise) => Memory::Early(Early::new(*promise)),
            _ => Memory::Nothing,
        };
        Node {
            op: plan.op,
            children: plan.children,
            horizon: plan.horizon,
            lead: plan.lead,
            memory,
            heed_from: Slot::MAX,
            begin: Slot::MAX,
            begun: false,
        }
    }

    /// The first instant found broken, of a watch for early violations.
    pub fn broken(&self) -> Option<Slot> {
        match &self.memory {
            Memory::Early(early) => early.broken,
            _ => None,
        }
    }

    /// Its value from `view.now` on, and when that changes by itself.
    pub fn eval(&mut self, view: &View<'_>) -> (Val, Slot) {
        let now = view.now;
        let child = |i: usize| self.children[i];
        match (&self.op, &mut self.memory) {
            (Op::Once { .. }, Memory::Once(once)) => once.eval(now, view.value(child(0))),
            (Op::Since { .. }, Memory::Since(since)) => since.eval(now, view.value(child(0)), view.value(child(1))),
            (Op::Until { .. }, Memory::Until(until)) => until.eval(now, view.value(child(0)), view.value(child(1))),
            (Op::Delay { .. }, Memory::Delay(delay)) => delay.eval(now, view.value(child(0))),
            (Op::Rise, Memory::Rise(rise)) => rise.eval(now, view.value(child(0))),
            (Op::Mean(_), Memory::Mean(mean)) => {
                let operand = if view.linear[child(0) as usize] { Val::UNKNOWN } else { view.value(child(0)) };
                mean.eval(now, operand)
            }
            (Op::Unless, Memory::Unless(unless)) => {
                unless.eval(now, view.value(child(0)), view.value(child(1)), view.value(child(2)))
            }
            (Op::Liveness, Memory::Liveness(liveness)) => {
                liveness.eval(now, view.value(child(0)), view.value(child(1)))
            }
            (Op::Early(_), Memory::Early(early)) => {
                early.eval(now, view.value(child(0)).bits, view.value(child(1)).bits, view.value(child(2)).bits)
            }
            (Op::Outside(_), Memory::Points(points)) => {
                let bits = taint(view, &self.children);
                (number(interval::outside(points, view.interval(child(0)), view.interval(child(1))), bits), NEVER)
            }
            (Op::Table(_), Memory::Points(points)) => {
                let bits = taint(view, &self.children);
                (number(interval::table(points, view.interval(child(0))), bits), NEVER)
            }
            (op, _) => plain(op, &self.children, view),
        }
    }
}

/// How sure a number is that is made of others.
fn taint(view: &View<'_>, children: &[NodeId]) -> Bits {
    let mut warm_up = false;
    for &id in children {
        match view.values[id as usize].bits {
            Bits::TRUE => {}
            Bits::WARM_UP => warm_up = true,
            _ => return Bits::UNKNOWN,
        }
    }
    if warm_up { Bits::WARM_UP } else { Bits::TRUE }
}

/// A number from its interval; wider than a point although its parts are certain: undefined.
fn number(i: Interval, bits: Bits) -> Val {
    let bits = if bits == Bits::TRUE && i.0 != i.1 { Bits::UNKNOWN } else { bits };
    Val { lo: i.0, hi: i.1, bits, ramp: None }
}

/// Operators without a memory.
fn plain(op: &Op, children: &[NodeId], view: &View<'_>) -> (Val, Slot) {
    let now = view.now;
    let signal = |id: u32| &view.signals[id as usize];
    let at = |i: usize| view.interval(children[i]);
    let value = match op {
        Op::Constant(key) => Val::number(key.get()),
        Op::Nothing => Val::UNKNOWN,
        Op::Truth(truth) => Val::truth(Bits::of(*truth)),
        Op::InScope => Val::truth(if view.ended { Bits::UNKNOWN } else { Bits::TRUE }),
        Op::Signal(id) => signal(*id).number(now),
        Op::Rate(id) => signal(*id).rate(now),
        Op::Age(_) if view.ended => Val::UNKNOWN,
        Op::Age(id) => signal(*id).age(view.start),
        Op::Flag(id) => signal(*id).flag(now),
        Op::State(id, places) => signal(*id).state(now, places),
        Op::Changed(id) => {
            let start = super::value::slot_of(view.start);
            let bits = signal(*id).changed(now, start);
            let next = if now & 1 == 0 { now + 1 } else { NEVER };
            return (Val::truth(bits), next);
        }
        Op::Negate | Op::Add | Op::Subtract | Op::Multiply | Op::Divide => arithmetic(op, children, view),
        Op::Abs => number(interval::abs(at(0)), taint(view, children)),
        Op::Min | Op::Max => {
            let pick = if *op == Op::Min { interval::min } else { interval::max };
            let folded = children.iter().map(|&c| view.interval(c)).reduce(pick);
            number(folded.unwrap_or(interval::WHOLE), taint(view, children))
        }
        Op::Clamp => number(interval::min(interval::max(at(0), at(1)), at(2)), taint(view, children)),
        Op::Sqrt => number(interval::sqrt(at(0)), taint(view, children)),
        Op::Sin => number(interval::sin(at(0)), taint(view, children)),
        Op::Cos => number(interval::cos(at(0)), taint(view, children)),
        Op::Atan2 => number(interval::atan2(at(0), at(1)), taint(view, children)),
        Op::Norm => number(interval::norm(children.iter().map(|&c| view.interval(c))), taint(view, children)),
        Op::Indicator => {
            let bits = view.value(children[0]).bits;
            let sure = if bits == Bits::FALSE || bits == Bits::TRUE {
                Bits::TRUE
            } else if bits.certain_but_for_warm_up() {
                Bits::WARM_UP
            } else {
                Bits::UNKNOWN
            };
            let one = |set: bool| if set { 1.0 } else { 0.0 };
            Val { lo: one(bits.certain()), hi: one(bits.possible()), bits: sure, ramp: None }
        }
        Op::Compare { strict, scale } => return compare(*strict, scale.get(), children, view),
        Op::Sign => Val::sign_only(view.value(children[0]).bits),
        Op::Not => view.value(children[0]).not(),
        Op::And | Op::Or => return lattice(*op == Op::Or, children, view),
        _ => unreachable!("operators with a memory are handled by Node::eval"),
    };
    (value, NEVER)
}

/// The operators that may follow a moving number.
fn arithmetic(op: &Op, children: &[NodeId], view: &View<'_>) -> Val {
    let bits = taint(view, children);
    let tick = tick_of(view.now);
    let a = view.value(children[0]);
    if children.iter().all(|&c| view.value(c).ramp.is_none()) {
        let x = (a.lo, a.hi);
        let y = children.get(1).map_or((0.0, 0.0), |&c| (view.value(c).lo, view.value(c).hi));
        let result = match op {
            Op::Negate => interval::negate(x),
            Op::Add => interval::add(x, y),
            Op::Subtract => interval::subtract(x, y),
            Op::Multiply => interval::multiply(x, y),
            _ => interval::divide(x, y),
        };
        return number(result, bits);
    }
    let scaled = |v: &Val, by: &dyn Fn(Line) -> Line, factor: f64| {
        let (lo, hi) = (by(v.lo_line()), by(v.hi_line()));
        if factor < 0.0 { Val::from_lines(hi, lo, bits, tick) } else { Val::from_lines(lo, hi, bits, tick) }
    };
    let b = children.get(1).map(|&c| view.value(c));
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
        (Op::Multiply, Some(b)) if b.lo == 0.0 && b.hi == 0.0 && b.ramp.is_none() => Val { bits, ..Val::number(0.0) },
        (Op::Multiply, Some(b)) if a.lo == 0.0 && a.hi == 0.0 && a.ramp.is_none() && b.ramp.is_some() => {
            Val { bits, ..Val::number(0.0) }
        }
        (Op::Multiply, Some(b)) if b.ramp.is_none() && b.lo == b.hi => scaled(&a, &|l| l.times(b.lo), b.lo),
        (Op::Multiply, Some(b)) if a.ramp.is_none() && a.lo == a.hi => scaled(&b, &|l| l.times(a.lo), a.lo),
        (Op::Divide, Some(b)) if b.ramp.is_none() && b.lo == b.hi && b.lo != 0.0 => scaled(&a, &|l| l.over(b.lo), b.lo),
        _ => Val::UNKNOWN,
    }
}

/// Signed distance of the first child above the second.
fn compare(strict: bool, scale: f64, children: &[NodeId], view: &View<'_>) -> (Val, Slot) {
    let (a, b) = (view.value(children[0]), view.value(children[1]));
    let unsure = match taint(view, children) {
        Bits::WARM_UP => Bits::WARM_UP,
        _ => Bits::UNKNOWN,
    };
    let truth = |lo: f64, hi: f64| {
        let holds = if strict { lo > 0.0 } else { lo >= 0.0 };
        let broken = if strict { hi <= 0.0 } else { hi < 0.0 };
        match (holds, broken) {
            (true, _) => Bits::TRUE,
            (_, true) => Bits::FALSE,
            _ => unsure,
        }
    };
    if a.ramp.is_none() && b.ramp.is_none() {
        let (lo, hi) = (a.lo - b.hi, a.hi - b.lo);
        let lo = if lo.is_nan() { f64::NEG_INFINITY } else { lo };
        let hi = if hi.is_nan() { f64::INFINITY } else { hi };
        let bits = truth(lo, hi);
        let margin = if scale == 1.0 { (lo, hi) } else { (lo / scale, hi / scale) };
        return (Val { lo: margin.0, hi: margin.1, bits, ramp: None }, NEVER);
    }
    let tick = tick_of(view.now);
    let lo = a.lo_line().plus(b.hi_line().negate(), tick);
    let hi = a.hi_line().plus(b.lo_line().negate(), tick);
    let bits = truth(lo.at(tick), hi.at(tick));
    // Truth can change where a bound reaches zero and where it leaves it.
    let next = [&lo, &hi]
        .into_iter()
        .flat_map(|line| [line.crossing(tick, 0.0, |v| v > 0.0), line.crossing(tick, 0.0, |v| v >= 0.0)])
        .flatten()
        .min();
    let (lo, hi) = if scale == 1.0 { (lo, hi) } else { (lo.over(scale), hi.over(scale)) };
    (Val::from_lines(lo, hi, bits, tick), next.map_or(NEVER, |t| t.saturating_mul(2)))
}

/// `and` and `or`.
fn lattice(or: bool, children: &[NodeId], view: &View<'_>) -> (Val, Slot) {
    let mut out = view.value(children[0]);
    if children.iter().all(|&c| view.value(c).ramp.is_none()) {
        for &id in &children[1..] {
            let value = &view.values[id as usize];
            out = if or { out.max_flat(*value) } else { out.min_flat(*value) };
        }
        return (out, NEVER);
    }
    let tick = tick_of(view.now);
    let mut bits = out.bits;
    for &id in &children[1..] {
        let more = view.values[id as usize].bits;
        bits = if or { bits.or(more) } else { bits.and(more) };
    }
    let (lo, lo_next) = extreme(or, tick, children.iter().map(|&c| view.value(c).lo_line()));
    let (hi, hi_next) = extreme(or, tick, children.iter().map(|&c| view.value(c).hi_line()));
    let next = [lo_next, hi_next].into_iter().flatten().min();
    (Val::from_lines(lo, hi, bits, tick), next.map_or(NEVER, |t| t.saturating_mul(2)))
}

/// The largest (or smallest) of some lines at `tick`, and the first later tick at which another one takes over.
fn extreme(largest: bool, tick: i64, lines: impl Iterator<Item = Line> + Clone) -> (Line, Option<i64>) {
    let better = |a: f64, b: f64| if largest { a > b } else { a < b };
    let mut best: Option<Line> = None;
    for line in lines.clone() {
        best = match best {
            Some(held) if !better(line.at(tick), held.at(tick)) => Some(held),
            _ => Some(line),
        };
    }
    let best = best.unwrap_or(Line::flat(0.0));
    let mut next: Option<i64> = None;
    for line in lines {
        let gap = (best.at(tick) - line.at(tick)).abs();
        let closing = if largest { line.rate() - best.rate() } else { best.rate() - line.rate() };
        if closing > 0.0
            && gap.is_finite()
            && let Some(flip) = first_flip(tick, gap / closing, |t| better(line.at(t), best.at(t)))
        {
            next = Some(next.map_or(flip, |n| n.min(flip)));
        }
    }
    (best, next)
}
