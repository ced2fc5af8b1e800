//! A node at work: what it does, its memory, and how its value follows from its children's.

use super::graph::{Before, Edge, Op, Plan};
use super::interval::{self, Interval};
use super::moving::{self, Moving};
use super::ops::{Delay, Early, Lasts, Liveness, Once, Rise, Since, Until, Waiting};
use super::signals::SignalState;
use super::value::{Bits, Flat, NEVER, Ramp, Slot, Val, slot_of};
use crate::time::Time;

/// What a node does. Operators whose operands stand still are here, in the order of how often they run; what may move
/// stands in `moving`.
#[derive(Clone, Debug)]
pub(super) enum Work {
    Limit(Limit),
    Both(Edge, Edge),
    Once(Box<Once>, Edge),
    Delay(Box<Delay<Flat>>, Edge),
    Signal(u32),
    Compare {
        more: Edge,
        less: Edge,
        strict: bool,
        scale: f64,
    },
    Flag(u32),
    State(u32, Box<[u16]>),
    Changed(u32),
    Rate(u32),
    All(Box<[Edge]>),
    Since(Box<Since>, Edge, Edge),
    Until(Box<Until>, Edge, Edge),
    Rise(Box<Rise>, Edge),
    Sign(Edge),
    Indicator(Edge),
    /// A watch over `c`, `p` and `q`; `foresees`: p and q may have a memory.
    Early {
        early: Box<Early>,
        parts: [Edge; 3],
        foresees: bool,
    },
    Waiting(Box<Waiting>, [Edge; 3]),
    Liveness(Box<Liveness>, Edge, Edge),
    Number(Box<Calculation>),
    Fixed(Flat),
    InScope,
    Moving(Box<Moving>),
}

/// A signal against a constant.
#[derive(Clone, Debug)]
pub(super) struct Limit {
    signal: u32,
    limit: f64,
    above: bool,
    /// The smallest signed distance that holds.
    least: f64,
    scale: f64,
}

impl Limit {
    #[inline(always)]
    pub fn eval(&self, view: &View) -> Flat {
        let x = view.signal(self.signal).number(view.now);
        let (lo, hi) =
            if self.above { (x.lo - self.limit, x.hi - self.limit) } else { (self.limit - x.hi, self.limit - x.lo) };
        scaled(lo, hi, self.scale, sign(self.least, lo, hi))
    }
}

/// The smallest signed distance that holds.
fn least(strict: bool) -> f64 {
    // The smallest positive number: nothing lies between it and zero.
    if strict { f64::from_bits(1) } else { 0.0 }
}

/// Arithmetic without a memory on numbers that stand still.
#[derive(Clone, Debug)]
pub(super) struct Calculation {
    op: Op,
    parts: Box<[Edge]>,
    points: Box<[(f64, f64)]>,
}

/// One node.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub work: Work,
    /// It has a value: its first slot has come.
    pub begun: bool,
    /// Its value may change by itself.
    pub timed: bool,
    /// First slot from which its children are heeded.
    pub heed_from: Slot,
    /// First slot at which it has a value.
    pub begin: Slot,
    /// From this slot on its operand lies beyond the recording, to which windows are cut.
    pub cut_at: Slot,
    /// Its memory was full once, and that was told.
    pub merged: bool,
}

/// What every node may look at.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub now: Slot,
    pub start: Time,
    pub ended: bool,
    /// Windows are cut to the recording.
    pub cut: bool,
    pub values: Vec<Flat>,
    /// Slopes of the nodes that may move.
    pub ramps: Vec<Option<Ramp>>,
    /// Per node: its place in `ramps`, or `u32::MAX`.
    pub ramp_places: Vec<u32>,
    pub signals: Vec<SignalState>,
}

impl View {
    /// What the edge leads to; it must stand still.
    #[inline]
    pub fn flat(&self, edge: Edge) -> Flat {
        let value = self.values[edge.place()];
        if edge.is_negated() { value.not() } else { value }
    }
    pub fn bits(&self, edge: Edge) -> Bits {
        let bits = self.values[edge.place()].bits;
        if edge.is_negated() { bits.not() } else { bits }
    }
    /// What the edge leads to, with its slope.
    pub fn val(&self, edge: Edge) -> Val {
        let flat = self.values[edge.place()];
        let ramp = match self.ramp_places[edge.place()] {
            u32::MAX => None,
            place => self.ramps[place as usize],
        };
        let value = Val { flat, ramp };
        if edge.is_negated() { value.not() } else { value }
    }
    pub fn may_move(&self, edge: Edge) -> bool {
        self.ramp_places[edge.place()] != u32::MAX
    }
    /// For arithmetic that can't follow a moving number.
    pub fn interval(&self, edge: Edge) -> Interval {
        if self.may_move(edge) {
            interval::WHOLE
        } else {
            let value = &self.values[edge.place()];
            (value.lo, value.hi)
        }
    }
    /// How sure a number is that is made of others.
    pub fn taint(&self, parts: &[Edge]) -> Bits {
        let mut warm_up = false;
        for &part in parts {
            match self.values[part.place()].bits {
                Bits::TRUE => {}
                Bits::WARM_UP => warm_up = true,
                _ => return Bits::UNKNOWN,
            }
        }
        if warm_up { Bits::WARM_UP } else { Bits::TRUE }
    }
    fn signal(&self, signal: u32) -> &SignalState {
        &self.signals[signal as usize]
    }
}

impl Node {
    /// `room`: entries planned for its memory.
    pub fn new(plan: &Plan, child_is_bare: bool, child_is_number: bool, room: usize) -> Node {
        let child = |i: usize| plan.children[i];
        let work = match &plan.op {
            // What is about time has a slope; a delay line may have one to delay.
            _ if plan.linear => Work::Moving(Box::new(Moving::new(plan, room))),
            Op::Limit { signal, limit, above, strict, scale } => Work::Limit(Limit {
                signal: *signal,
                limit: limit.get(),
                above: *above,
                least: least(*strict),
                scale: scale.get(),
            }),
            Op::And if plan.children.len() == 2 => Work::Both(child(0), child(1)),
            Op::And => Work::All(plan.children.clone().into_boxed_slice()),
            Op::Once { width, looks_before_start } => {
                Work::Once(Box::new(Once::new(*width, *looks_before_start, child_is_bare, room)), child(0))
            }
            Op::Delay { ticks, before } => {
                let before = match before {
                    Before::WarmUp | Before::Nothing => Flat::WARM_UP,
                    Before::False => Flat::FALSE,
                };
                let delay = Delay::new(ticks.saturating_mul(2), before, child_is_number, room);
                Work::Delay(Box::new(delay), child(0))
            }
            Op::Signal(signal) => Work::Signal(*signal),
            Op::Compare { strict, scale } => {
                Work::Compare { more: child(0), less: child(1), strict: *strict, scale: scale.get() }
            }
            Op::Flag(signal) => Work::Flag(*signal),
            Op::State(signal, places) => Work::State(*signal, places.clone().into_boxed_slice()),
            Op::Changed(signal) => Work::Changed(*signal),
            Op::Rate(signal) => Work::Rate(*signal),
            Op::Since { width, looks_before_start } => {
                let since = Since::new(*width, *looks_before_start, plan.bare, room);
                Work::Since(Box::new(since), child(0), child(1))
            }
            Op::Until { width } => Work::Until(Box::new(Until::new(*width, room)), child(0), child(1)),
            Op::Rise => Work::Rise(Box::new(Rise::new()), child(0)),
            Op::Sign => Work::Sign(child(0)),
            Op::Indicator => Work::Indicator(child(0)),
            Op::Early(promise) => Work::Early {
                early: Box::new(Early::new(*promise, room)),
                parts: [child(0), child(1), child(2)],
                // What they rest on stands behind them.
                foresees: plan.children.len() > 3,
            },
            Op::Waiting { width } => {
                Work::Waiting(Box::new(Waiting::new(*width, plan.bare, room)), [child(0), child(1), child(2)])
            }
            Op::Liveness => Work::Liveness(Box::new(Liveness::new()), child(0), child(1)),
            Op::Constant(key) => Work::Fixed(Flat::number(key.get())),
            Op::Truth => Work::Fixed(Flat::TRUE),
            Op::Nothing => Work::Fixed(Flat::UNKNOWN),
            Op::InScope => Work::InScope,
            op => {
                let points = match op {
                    Op::Outside(points) | Op::Table(points) => points.iter().map(|(x, y)| (x.get(), y.get())).collect(),
                    _ => Box::default(),
                };
                let parts = plan.children.clone().into_boxed_slice();
                Work::Number(Box::new(Calculation { op: op.clone(), parts, points }))
            }
        };
        let timed = matches!(
            work,
            Work::Once(..)
                | Work::Delay(..)
                | Work::Changed(_)
                | Work::Since(..)
                | Work::Until(..)
                | Work::Rise(..)
                | Work::Early { .. }
                | Work::Waiting(..)
                | Work::Moving(_)
        );
        Node { work, begun: false, timed, heed_from: Slot::MAX, begin: Slot::MAX, cut_at: NEVER, merged: false }
    }

    /// Bytes of memory of such a node, beside the node itself.
    pub fn bytes(plan: &Plan, child_is_bare: bool, room: usize) -> usize {
        match &plan.op {
            _ if plan.linear => Moving::bytes(plan, room),
            Op::Once { width, .. } => size_of::<Once>() + Once::bytes(*width, child_is_bare, room),
            Op::Since { width, .. } => size_of::<Since>() + Since::bytes(*width, plan.bare, room),
            Op::Waiting { width } => size_of::<Waiting>() + Since::bytes(*width, plan.bare, room),
            Op::Delay { .. } => size_of::<Delay<Flat>>() + Delay::<Flat>::bytes(room),
            Op::Until { .. } => size_of::<Until>() + Until::bytes(room),
            Op::Early(_) => size_of::<Early>() + Early::bytes(room),
            Op::Rise => size_of::<Rise>(),
            Op::Liveness => size_of::<Liveness>() + Liveness::bytes(),
            Op::State(_, places) => size_of_val(places.as_slice()),
            Op::Outside(points) | Op::Table(points) => size_of::<Calculation>() + size_of_val(points.as_slice()),
            op if op.is_number() && !plan.children.is_empty() => {
                size_of::<Calculation>() + size_of_val(plan.children.as_slice())
            }
            _ => 0,
        }
    }

    /// The first instant found broken, of a watch for early violations.
    pub fn broken(&self) -> Option<Slot> {
        match &self.work {
            Work::Early { early, .. } => early.broken,
            _ => None,
        }
    }

    /// Its value from `view.now` on, and when that changes by itself; of a node that may move, see [`Moving::eval`].
    /// `merged` is set when entries of its memory had to be merged.
    pub fn eval(&mut self, view: &View, merged: &mut bool) -> (Flat, Slot) {
        let now = view.now;
        let value = match &mut self.work {
            Work::Limit(limit) => limit.eval(view),
            Work::Both(a, b) => view.flat(*a).and(view.flat(*b)),
            Work::Once(once, p) => {
                let operand = if now >= self.cut_at { Flat::FALSE } else { view.flat(*p) };
                return once.eval(now, operand, merged);
            }
            Work::Delay(delay, p) => return delay.eval(now, view.flat(*p), merged),
            Work::Signal(id) => view.signal(*id).number(now),
            Work::Compare { more, less, strict, scale } => {
                compare(*strict, *scale, &view.flat(*more), &view.flat(*less), || view.taint(&[*more, *less]))
            }
            Work::Flag(id) => Flat::truth(view.signal(*id).flag(now)),
            Work::State(id, places) => Flat::truth(view.signal(*id).state(now, places)),
            Work::Changed(id) => {
                let bits = view.signal(*id).changed(now, slot_of(view.start));
                return (Flat::truth(bits), if now & 1 == 0 { now + 1 } else { NEVER });
            }
            Work::Rate(id) => view.signal(*id).rate(now),
            Work::All(parts) => {
                let mut all = Flat::TRUE;
                for &part in parts.iter() {
                    all = all.and(view.flat(part));
                }
                all
            }
            Work::Since(since, p, q) => return since.eval(now, view.flat(*p), view.flat(*q), merged),
            Work::Until(until, p, q) => {
                let q = if now >= self.cut_at { Flat::FALSE } else { view.flat(*q) };
                return until.eval(now, view.flat(*p), q, merged);
            }
            Work::Rise(rise, p) => return rise.eval(now, view.flat(*p)),
            Work::Sign(p) => Flat::sign_only(view.bits(*p)),
            Work::Indicator(p) => indicator(view.bits(*p)),
            Work::Early { early, parts, .. } => {
                let lasts = Lasts::now(now);
                return early.eval(now, parts.map(|part| view.bits(part)), lasts, lasts);
            }
            Work::Waiting(waiting, [c, p, q]) => {
                return waiting.eval(now, view.flat(*c), view.flat(*p), view.flat(*q), merged);
            }
            Work::Liveness(liveness, c, q) => return liveness.eval(now, view.flat(*c), view.flat(*q), merged),
            Work::Number(calculation) => calculation.eval(view),
            Work::Fixed(value) => *value,
            Work::InScope if !view.ended => Flat::TRUE,
            // Where windows are cut to the recording nothing lies beyond it.
            Work::InScope => {
                if view.cut {
                    Flat::FALSE
                } else {
                    Flat::UNKNOWN
                }
            }
            Work::Moving(_) => unreachable!("a node that may move is evaluated by Moving::eval"),
        };
        (value, NEVER)
    }
}

/// A margin in the rule's unit.
fn scaled(lo: f64, hi: f64, scale: f64, bits: Bits) -> Flat {
    if scale == 1.0 { Flat { lo, hi, bits } } else { Flat { lo: lo / scale, hi: hi / scale, bits } }
}

/// Whether a signed distance within `lo..=hi` holds, which it does from `least` on. Written without branches: truth is
/// what can't be predicted.
#[inline]
fn sign(least: f64, lo: f64, hi: f64) -> Bits {
    Bits((u64::from(lo >= least) * 0b0101) | (u64::from(hi >= least) * 0b1010))
}

/// The same for a comparison as it is written.
pub(super) fn sign_of(strict: bool, lo: f64, hi: f64) -> Bits {
    sign(least(strict), lo, hi)
}

/// Signed distance of one number above another; `taint` tells why it may be unsure.
fn compare(strict: bool, scale: f64, more: &Flat, less: &Flat, taint: impl FnOnce() -> Bits) -> Flat {
    let (lo, hi) = (more.lo - less.hi, more.hi - less.lo);
    let lo = if lo.is_nan() { f64::NEG_INFINITY } else { lo };
    let hi = if hi.is_nan() { f64::INFINITY } else { hi };
    let mut bits = sign_of(strict, lo, hi);
    if bits == Bits::UNKNOWN && taint() == Bits::WARM_UP {
        bits = Bits::WARM_UP;
    }
    scaled(lo, hi, scale, bits)
}

/// A formula as the number 0 or 1.
fn indicator(bits: Bits) -> Flat {
    let sure = if bits == Bits::FALSE || bits == Bits::TRUE {
        Bits::TRUE
    } else if bits.certain_but_for_warm_up() {
        Bits::WARM_UP
    } else {
        Bits::UNKNOWN
    };
    let one = |set: bool| if set { 1.0 } else { 0.0 };
    Flat { lo: one(bits.certain()), hi: one(bits.possible()), bits: sure }
}

/// A number from its interval; wider than a point although its parts are certain: undefined.
pub(super) fn number(i: Interval, bits: Bits) -> Flat {
    let bits = if bits == Bits::TRUE && i.0 != i.1 { Bits::UNKNOWN } else { bits };
    Flat { lo: i.0, hi: i.1, bits }
}

impl Calculation {
    fn eval(&self, view: &View) -> Flat {
        let bits = view.taint(&self.parts);
        let at = |i: usize| view.interval(self.parts[i]);
        let fold = |pick: fn(Interval, Interval) -> Interval| {
            let parts = self.parts.iter().map(|&part| view.interval(part));
            parts.reduce(pick).unwrap_or(interval::WHOLE)
        };
        let value = match &self.op {
            Op::Negate | Op::Add | Op::Subtract | Op::Multiply | Op::Divide => {
                let second = self.parts.get(1).map_or((0.0, 0.0), |&part| view.interval(part));
                moving::arithmetic(&self.op, at(0), second)
            }
            Op::Abs => interval::abs(at(0)),
            Op::Min => fold(interval::min),
            Op::Max => fold(interval::max),
            Op::Clamp => interval::min(interval::max(at(0), at(1)), at(2)),
            Op::Sqrt => interval::sqrt(at(0)),
            Op::Sin => interval::sin(at(0)),
            Op::Cos => interval::cos(at(0)),
            Op::Atan2 => interval::atan2(at(0), at(1)),
            Op::Norm => interval::norm(self.parts.iter().map(|&part| view.interval(part))),
            Op::Outside(_) => interval::outside(&self.points, at(0), at(1)),
            Op::Table(_) => interval::table(&self.points, at(0)),
            _ => unreachable!("only arithmetic is calculated"),
        };
        number(value, bits)
    }
}
