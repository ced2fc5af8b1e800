//! Time-weighted mean over a sliding window: full pieces are summed by two stacks, never by a running subtraction,
//! and the pieces at both edges make the value a straight line between changes.

use super::ring::Ring;
use crate::stl::value::{Bits, Flat, Line, NEVER, Slot, Val, tick_of};

#[derive(Copy, Clone, Debug, PartialEq)]
struct Piece {
    /// Ticks `from .. to`; the open interval after tick `k` belongs to `k`.
    from: i64,
    value: Flat,
}

/// Sums over some time. Where a bound is infinite only the time is counted.
#[derive(Copy, Clone, Debug, Default)]
struct Sum {
    lo: f64,
    hi: f64,
    lo_infinite: i64,
    hi_infinite: i64,
    missing: i64,
    warm_up: i64,
}

impl Sum {
    fn of(value: &Flat, ticks: i64) -> Sum {
        let mut sum = Sum::default();
        if ticks <= 0 {
            return sum;
        }
        if value.lo.is_finite() {
            sum.lo = value.lo * ticks as f64;
        } else {
            sum.lo_infinite = ticks;
        }
        if value.hi.is_finite() {
            sum.hi = value.hi * ticks as f64;
        } else {
            sum.hi_infinite = ticks;
        }
        if value.bits == Bits::WARM_UP {
            sum.warm_up = ticks;
        } else if value.bits != Bits::TRUE {
            sum.missing = ticks;
        }
        sum
    }
    fn plus(&self, other: &Sum) -> Sum {
        Sum {
            lo: self.lo + other.lo,
            hi: self.hi + other.hi,
            lo_infinite: self.lo_infinite + other.lo_infinite,
            hi_infinite: self.hi_infinite + other.hi_infinite,
            missing: self.missing + other.missing,
            warm_up: self.warm_up + other.warm_up,
        }
    }
}

/// State of one mean.
#[derive(Clone, Debug)]
pub(in crate::stl) struct Mean {
    /// Ticks.
    width: i64,
    /// What the operand was before the start.
    before: Flat,
    /// The piece at the left edge, then all later ones; the last is the present one.
    pieces: Ring<Piece>,
    /// Sums of pieces `1 ..= front.len()`, each to the end of that block; the nearest piece last.
    front: Ring<Sum>,
    /// Sum of the pieces after that block, but for the present one.
    back: Sum,
}

impl Mean {
    pub fn new(width_ticks: i64, before: Flat, room: usize) -> Mean {
        Mean {
            width: width_ticks.max(1),
            before,
            pieces: Ring::new(room),
            front: Ring::new(room),
            back: Sum::default(),
        }
    }

    pub fn bytes(room: usize) -> usize {
        Ring::<Piece>::bytes(room) + Ring::<Sum>::bytes(room)
    }

    /// The operand is `value` from `now` on. `merged` is set when pieces had to be merged.
    pub fn eval(&mut self, now: Slot, value: Flat, merged: &mut bool) -> (Val, Slot) {
        let tick = tick_of(now);
        if self.pieces.is_empty() {
            self.pieces.push_back(Piece { from: tick.saturating_sub(self.width), value: self.before });
        }
        *merged |= self.take(now, tick, value);
        let left = tick.saturating_sub(self.width);
        while self.pieces.get(1).is_some_and(|next| next.from <= left) {
            self.drop_first();
        }
        let last = self.pieces.len() - 1;
        let (sum, entering, next) = if last == 0 {
            (Sum::of(&self.pieces[0].value, self.width), self.pieces[0].value, NEVER)
        } else {
            let second = self.pieces[1].from;
            let mut sum = Sum::of(&self.pieces[0].value, second - left);
            if let Some(front) = self.front.back() {
                sum = sum.plus(front);
            }
            sum = sum.plus(&self.back);
            sum = sum.plus(&Sum::of(&self.pieces[last].value, tick - self.pieces[last].from));
            (sum, self.pieces[last].value, second.saturating_add(self.width).saturating_mul(2))
        };
        let leaving = self.pieces[0].value;
        let mut next = next;
        // An unknown that enters counts from the next tick on: its time in the window is none before that.
        if last > 0 && tick == self.pieces[last].from && entering.bits != Bits::TRUE {
            next = next.min((tick + 1).saturating_mul(2));
        }
        let width = self.width as f64;
        if !sum.lo.is_finite() || !sum.hi.is_finite() {
            // The sum has left the range of numbers: nothing can be said of the mean.
            return (Flat::UNKNOWN.into(), next);
        }
        let lo = if sum.lo_infinite > 0 {
            Line::flat(f64::NEG_INFINITY)
        } else {
            edge_line(sum.lo, entering.lo, leaving.lo, tick, width)
        };
        let hi = if sum.hi_infinite > 0 {
            Line::flat(f64::INFINITY)
        } else {
            edge_line(sum.hi, entering.hi, leaving.hi, tick, width)
        };
        let bits = if sum.missing > 0 {
            Bits::UNKNOWN
        } else if sum.warm_up > 0 {
            Bits::WARM_UP
        } else {
            Bits::TRUE
        };
        (Val::from_lines(lo, hi, bits, tick), next)
    }

    /// Takes note of the operand. A value that holds for no time at all (at an instant only) leaves no piece.
    /// True when pieces had to be merged.
    fn take(&mut self, now: Slot, tick: i64, value: Flat) -> bool {
        let last = self.pieces.len() - 1;
        if now & 1 == 0 && last > 0 && self.pieces[last].value == value {
            return false;
        }
        let mut merged = false;
        if last > 0 && self.pieces[last].from == tick {
            self.pieces[last].value = value;
        } else if last == 0 || self.pieces[last].value != value {
            if last > 0 {
                let ended = self.pieces[last];
                self.back = self.back.plus(&Sum::of(&ended.value, tick - ended.from));
            }
            if self.pieces.is_full() {
                self.merge(tick);
                merged = true;
            }
            self.pieces.push_back(Piece { from: tick, value });
        }
        merged
    }

    /// Neighbours share a piece from here on, but for the one at the left edge; all of them end by `tick`.
    #[cold]
    fn merge(&mut self, tick: i64) {
        self.pieces.merge_neighbours(1, |older, younger| Piece {
            from: older.from,
            value: older.value.number_hull(younger.value),
        });
        self.front.clear();
        self.back = Sum::default();
        for i in 1..self.pieces.len() {
            let end = self.pieces.get(i + 1).map_or(tick, |next| next.from);
            self.back = self.back.plus(&Sum::of(&self.pieces[i].value, end - self.pieces[i].from));
        }
    }

    /// The left edge moves into the next piece.
    fn drop_first(&mut self) {
        let last = self.pieces.len() - 1;
        if last == 1 {
            // The present piece is in no sum.
            self.front.clear();
            self.back = Sum::default();
        } else {
            if self.front.is_empty() {
                let mut sum = Sum::default();
                for i in (1..last).rev() {
                    let ticks = self.pieces[i + 1].from - self.pieces[i].from;
                    sum = Sum::of(&self.pieces[i].value, ticks).plus(&sum);
                    self.front.push_back(sum);
                }
                self.back = Sum::default();
            }
            self.front.pop_back();
        }
        self.pieces.pop_front();
    }
}

fn edge_line(sum: f64, entering: f64, leaving: f64, tick: i64, width: f64) -> Line {
    let slope = entering - leaving;
    if slope == 0.0 || !slope.is_finite() {
        return Line::flat(sum / width);
    }
    Line { off: 0.0, n: sum, s: slope, base: tick, div: width }
}
