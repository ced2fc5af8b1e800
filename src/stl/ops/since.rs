//! `p since[0,b] q`: a wedge of witnesses that `p` clips.
//!
//! In slots the two suprema of the definition are one: the value at `i` is the largest over `j` in `[i - b, i]` of
//! min(q(j), smallest p over `(j, i]`); the limits from the left are the open intervals.

use super::wedge::{LastBits, Wedge};
use crate::stl::value::{Bits, NEVER, Slot, Val};

/// State of one `since`.
#[derive(Clone, Debug)]
pub(in crate::stl) struct Since {
    /// Length in slots; `None`: to the start.
    width: Option<i64>,
    operands: Option<(Val, Val)>,
    lo: Wedge,
    hi: Wedge,
    bits: LastBits,
}

impl Since {
    pub fn new(width: Option<i64>) -> Since {
        Since { width, operands: None, lo: Wedge::default(), hi: Wedge::default(), bits: LastBits::default() }
    }

    /// The operands are `p` and `q` from `now` on.
    pub fn eval(&mut self, now: Slot, p: Val, q: Val) -> (Val, Slot) {
        let left_at = match self.width {
            Some(width) => now.saturating_add(width),
            None => NEVER,
        };
        match self.operands {
            Some(held) if held != (p, q) => self.witness(held.1, p, left_at),
            // Before the start a bounded window sees an unknown witness; an unbounded one starts at the start.
            None if self.width.is_some() => self.witness(Val::WARM_UP, p, left_at),
            _ => {}
        }
        self.operands = Some((p, q));
        self.lo.expire(now);
        self.hi.expire(now);
        let mut next = NEVER;
        let mut out = q;
        if let Some((lo, expiry)) = self.lo.front()
            && lo > q.lo
        {
            out.lo = lo;
            next = next.min(expiry);
        }
        if let Some((hi, expiry)) = self.hi.front()
            && hi > q.hi
        {
            out.hi = hi;
            next = next.min(expiry);
        }
        let (mask, bits_change) = self.bits.at(now, q.bits.0);
        out.bits = out.bits.or(Bits(mask));
        (out, next.min(bits_change))
    }

    /// The `q` that ended is a witness for later, as long as `p` lasts.
    fn witness(&mut self, q: Val, p: Val, left_at: Slot) {
        self.lo.push(q.lo, left_at);
        self.hi.push(q.hi, left_at);
        self.bits.push(q.bits.0, left_at);
        self.lo.clip(p.lo);
        self.hi.clip(p.hi);
        self.bits.clip(p.bits.0);
    }
}
