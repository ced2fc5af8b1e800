//! What a node of the graph holds at a slot: an interval, its three-valued truth, and possibly a slope.
//!
//! Time inside the engine is counted in *slots*: the instant `k` ns is slot `2k`, the open interval up to the next
//! nanosecond is slot `2k + 1`. Dense time with integer stamps is then plain counting: a window of `b` ns is `2b` slots.

use super::Truth;
use crate::time::Time;

/// A place in time: `2k` is the instant `k` ns, `2k + 1` the open interval between `k` and `k + 1` ns.
pub(super) type Slot = i64;

/// Later than any slot that can be reached.
pub(super) const NEVER: Slot = i64::MAX;

/// The slot of an instant.
pub(super) fn slot_of(at: Time) -> Slot {
    at.nanos().saturating_mul(2)
}

/// The nanosecond tick at or just before a slot; values on a slope are those of the last tick.
pub(super) fn tick_of(slot: Slot) -> i64 {
    slot >> 1
}

/// The instant of a slot, for people: an open interval goes by the instant before it.
pub(super) fn time_of(slot: Slot) -> Time {
    Time::from_nanos(slot >> 1)
}

/// Kleene truth under four readings of the unknown, one bit each, so that every connective is bitwise.
///
/// Bit 0: all unknown is false (set: certainly true). Bit 1: all unknown is true (clear: certainly false).
/// Bit 2: missing data is false but what lies before the start is true. Bit 3: its mirror image, for negation.
/// As wide as the margins beside it, so that a value moves in whole words.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Bits(pub u64);

impl Bits {
    pub const FALSE: Bits = Bits(0);
    pub const TRUE: Bits = Bits(0b1111);
    /// Unknown since data is missing.
    pub const UNKNOWN: Bits = Bits(0b1010);
    /// Unknown since it depends on what lies before the start.
    pub const WARM_UP: Bits = Bits(0b0110);

    pub fn of(truth: bool) -> Bits {
        if truth { Bits::TRUE } else { Bits::FALSE }
    }
    pub fn not(self) -> Bits {
        let flipped = !self.0 & 0b1111;
        Bits(((flipped & 0b0101) << 1) | ((flipped & 0b1010) >> 1))
    }
    pub fn and(self, other: Bits) -> Bits {
        Bits(self.0 & other.0)
    }
    pub fn or(self, other: Bits) -> Bits {
        Bits(self.0 | other.0)
    }
    /// Either of the two, nobody knows which: readings that take missing data as false take the smaller.
    pub fn hull(self, other: Bits) -> Bits {
        Bits((self.0 & other.0 & 0b0101) | ((self.0 | other.0) & 0b1010))
    }
    /// In Kleene's words.
    pub fn truth(self) -> Truth {
        match (self.certain(), self.possible()) {
            (true, _) => Truth::True,
            (_, false) => Truth::False,
            _ => Truth::Unknown,
        }
    }
    /// True whatever the unknown is.
    pub fn certain(self) -> bool {
        self.0 & 1 != 0
    }
    /// Not false whatever the unknown is.
    pub fn possible(self) -> bool {
        self.0 & 2 != 0
    }
    /// True, or unknown only for what lies before the start.
    pub fn certain_but_for_warm_up(self) -> bool {
        self.0 & 4 != 0
    }
}

/// A straight line over ticks: `off + (n + s * (tick - base)) / div`.
///
/// Kept in this form so that an age is the correctly rounded quotient of whole nanoseconds: a sample stamped exactly
/// at a deadline is in time, and no accumulated slope can round it away.
#[derive(Copy, Clone, PartialEq, Debug)]
pub(super) struct Line {
    pub off: f64,
    pub n: f64,
    pub s: f64,
    pub base: i64,
    pub div: f64,
}

impl Line {
    pub fn flat(value: f64) -> Line {
        Line { off: value, n: 0.0, s: 0.0, base: 0, div: 1.0 }
    }
    pub fn is_flat(&self) -> bool {
        self.s == 0.0
    }
    pub fn at(&self, tick: i64) -> f64 {
        if self.s == 0.0 && self.n == 0.0 {
            return self.off;
        }
        let quotient = (self.n + self.s * (tick - self.base) as f64) / self.div;
        // Adding a zero could turn a negative zero around; nothing else changes.
        if self.off == 0.0 { quotient } else { self.off + quotient }
    }
    /// Change per tick.
    pub fn rate(&self) -> f64 {
        self.s / self.div
    }
    pub fn negate(self) -> Line {
        Line { off: -self.off, n: -self.n, s: -self.s, ..self }
    }
    pub fn times(self, factor: f64) -> Line {
        Line { off: self.off * factor, n: self.n * factor, s: self.s * factor, ..self }
    }
    pub fn over(self, divisor: f64) -> Line {
        Line { off: self.off / divisor, n: self.n / divisor, s: self.s / divisor, ..self }
    }
    /// The sum, written about `tick` where two slopes meet.
    pub fn plus(self, other: Line, tick: i64) -> Line {
        if other.s == 0.0 {
            return Line { off: self.off + other.at(tick), ..self };
        }
        if self.s == 0.0 {
            return Line { off: self.at(tick) + other.off, ..other };
        }
        if self.base == other.base && self.div == other.div {
            return Line { off: self.off + other.off, n: self.n + other.n, s: self.s + other.s, ..self };
        }
        let s = (self.rate() + other.rate()) * 1e9;
        Line { off: self.at(tick) + other.at(tick), n: 0.0, s, base: tick, div: 1e9 }
    }
    /// The first tick after `tick` at which `holds` of the value differs from now; `None`: never.
    /// `level` is where the line must come to for that.
    pub fn crossing(&self, tick: i64, level: f64, holds: impl Fn(f64) -> bool) -> Option<i64> {
        if self.is_flat() {
            return None;
        }
        let value = self.at(tick);
        let now = holds(value);
        let steps = (level - value) / self.rate();
        first_flip(tick, steps, |t| holds(self.at(t)) != now)
    }
}

/// How many ticks around an estimate are tried.
const NEAR: i64 = 16;

/// The first tick after `tick` for which `flipped`, near `tick + steps`; `None` when that lies behind or too far.
pub(super) fn first_flip(tick: i64, steps: f64, flipped: impl Fn(i64) -> bool) -> Option<i64> {
    if !(-2.0..=4e18).contains(&steps) {
        return None;
    }
    let mut guess = tick.saturating_add(steps.max(1.0) as i64).max(tick + 1);
    // Rounding puts the estimate a few ticks off at most. Where it is worse, looking too early costs one more look.
    for _ in 0..NEAR {
        if flipped(guess) {
            while guess - 1 > tick && flipped(guess - 1) {
                guess -= 1;
            }
            return Some(guess);
        }
        guess += 1;
    }
    (steps > NEAR as f64).then_some(guess - NEAR)
}

/// The smaller of two numbers, neither NaN.
pub(super) fn lesser(a: f64, b: f64) -> f64 {
    if b < a { b } else { a }
}

/// The larger of two numbers, neither NaN.
pub(super) fn greater(a: f64, b: f64) -> f64 {
    if b > a { b } else { a }
}

/// What a node that stands still holds from one slot to its next change.
///
/// A formula: margin `lo..=hi` and truth. A number: the interval it lies in; its bits tell how sure that is
/// (`TRUE` certain, `UNKNOWN` data missing, `WARM_UP` only what lies before the start is missing).
#[derive(Copy, Clone, PartialEq, Debug)]
pub(super) struct Flat {
    pub lo: f64,
    pub hi: f64,
    pub bits: Bits,
}

impl Flat {
    pub const UNKNOWN: Flat = Flat { lo: f64::NEG_INFINITY, hi: f64::INFINITY, bits: Bits::UNKNOWN };
    pub const WARM_UP: Flat = Flat { lo: f64::NEG_INFINITY, hi: f64::INFINITY, bits: Bits::WARM_UP };
    pub const TRUE: Flat = Flat { lo: f64::INFINITY, hi: f64::INFINITY, bits: Bits::TRUE };
    pub const FALSE: Flat = Flat { lo: f64::NEG_INFINITY, hi: f64::NEG_INFINITY, bits: Bits::FALSE };

    /// A known number; unknown when it is not finite.
    pub fn number(value: f64) -> Flat {
        if value.is_finite() { Flat { lo: value, hi: value, bits: Bits::TRUE } } else { Flat::UNKNOWN }
    }
    /// Truth alone: the margin is infinite on the side that holds.
    pub fn truth(bits: Bits) -> Flat {
        Flat {
            lo: if bits.certain() { f64::INFINITY } else { f64::NEG_INFINITY },
            hi: if bits.possible() { f64::INFINITY } else { f64::NEG_INFINITY },
            bits,
        }
    }
    /// A formula of which only the sign of the margin is kept: what a temporal operator takes from a moving margin.
    /// Sound, and wider than need be.
    pub fn sign_only(bits: Bits) -> Flat {
        Flat {
            lo: if bits.certain() { 0.0 } else { f64::NEG_INFINITY },
            hi: if bits.possible() { f64::INFINITY } else { 0.0 },
            bits,
        }
    }
    /// The negation of a formula.
    pub fn not(self) -> Flat {
        Flat { lo: -self.hi, hi: -self.lo, bits: self.bits.not() }
    }
    /// The smaller of two formulas.
    pub fn and(self, other: Flat) -> Flat {
        Flat { lo: lesser(self.lo, other.lo), hi: lesser(self.hi, other.hi), bits: self.bits.and(other.bits) }
    }
    /// The larger of two formulas.
    pub fn or(self, other: Flat) -> Flat {
        Flat { lo: greater(self.lo, other.lo), hi: greater(self.hi, other.hi), bits: self.bits.or(other.bits) }
    }
    /// Of what only more data could lift: its value when none comes.
    pub fn if_nothing_more_came(self) -> Flat {
        let certain = self.bits.0 & 0b0101;
        Flat { lo: self.lo, hi: self.lo, bits: Bits(certain | (certain << 1)) }
    }
    /// The smallest value that contains both: what is left when two neighbours share one entry of a full memory.
    pub fn hull(self, other: Flat) -> Flat {
        Flat { lo: lesser(self.lo, other.lo), hi: greater(self.hi, other.hi), bits: self.bits.hull(other.bits) }
    }
    /// The same of two numbers: wider than a point is no longer certain.
    pub fn number_hull(self, other: Flat) -> Flat {
        let hull = self.hull(other);
        let certain = hull.lo == hull.hi && self.bits == Bits::TRUE && other.bits == Bits::TRUE;
        let warm_up = self.bits == Bits::WARM_UP && other.bits == Bits::WARM_UP;
        let bits = if certain {
            Bits::TRUE
        } else if warm_up {
            Bits::WARM_UP
        } else {
            Bits::UNKNOWN
        };
        Flat { bits, ..hull }
    }
}

/// The two lines of an interval that moves.
#[derive(Copy, Clone, PartialEq, Debug)]
pub(super) struct Ramp {
    pub lo: Line,
    pub hi: Line,
}

/// What a node that may move holds from one slot to its next change: as [`Flat`], possibly with a slope.
#[derive(Copy, Clone, PartialEq, Debug)]
pub(super) struct Val {
    pub flat: Flat,
    /// Present when the value moves with time; `lo` and `hi` of `flat` are then meaningless.
    pub ramp: Option<Ramp>,
}

impl From<Flat> for Val {
    fn from(flat: Flat) -> Val {
        Val { flat, ramp: None }
    }
}

impl Val {
    pub fn lo_line(&self) -> Line {
        match &self.ramp {
            Some(ramp) => ramp.lo,
            None => Line::flat(self.flat.lo),
        }
    }
    pub fn hi_line(&self) -> Line {
        match &self.ramp {
            Some(ramp) => ramp.hi,
            None => Line::flat(self.flat.hi),
        }
    }
    /// From two lines; flat ones are kept as plain numbers.
    pub fn from_lines(lo: Line, hi: Line, bits: Bits, tick: i64) -> Val {
        if lo.is_flat() && hi.is_flat() {
            Flat { lo: lo.at(tick), hi: hi.at(tick), bits }.into()
        } else {
            Val { flat: Flat { lo: 0.0, hi: 0.0, bits }, ramp: Some(Ramp { lo, hi }) }
        }
    }
    /// The interval at a tick.
    pub fn at(&self, tick: i64) -> (f64, f64) {
        match &self.ramp {
            None => (self.flat.lo, self.flat.hi),
            Some(ramp) => (ramp.lo.at(tick), ramp.hi.at(tick)),
        }
    }
    /// The same, later by `ticks`.
    pub fn delayed(mut self, ticks: i64) -> Val {
        if let Some(ramp) = &mut self.ramp {
            ramp.lo.base = ramp.lo.base.saturating_add(ticks);
            ramp.hi.base = ramp.hi.base.saturating_add(ticks);
        }
        self
    }
    /// The negation of a formula.
    pub fn not(self) -> Val {
        Val { flat: self.flat.not(), ramp: self.ramp.map(|r| Ramp { lo: r.hi.negate(), hi: r.lo.negate() }) }
    }
    /// What contains both, when neither moves; of what moves nothing is kept but its truth.
    pub fn hull(self, other: Val) -> Val {
        match (self.ramp, other.ramp) {
            (None, None) => self.flat.hull(other.flat).into(),
            _ => Flat { bits: self.flat.bits.hull(other.flat.bits), ..Flat::UNKNOWN }.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Bits;

    #[test]
    fn negation_swaps_the_readings() {
        assert_eq!(Bits::TRUE.not(), Bits::FALSE);
        assert_eq!(Bits::FALSE.not(), Bits::TRUE);
        assert_eq!(Bits::UNKNOWN.not(), Bits::UNKNOWN);
        assert_eq!(Bits::WARM_UP.not(), Bits::WARM_UP);
        // Missing data taints: the conjunction of both is not excused by the start.
        assert!(!Bits::UNKNOWN.and(Bits::WARM_UP).certain_but_for_warm_up());
        assert!(Bits::WARM_UP.certain_but_for_warm_up());
        // What the start would have made true is excused even beside missing data.
        assert!(Bits::UNKNOWN.or(Bits::WARM_UP).certain_but_for_warm_up());
    }
}
