//! `once[0,b]`: the supremum over a sliding window; `historically` is its mirror image by negation, and a bounded
//! future operator is the same window judged when it has passed.

use super::wedge::{LastBits, Wedge};
use crate::stl::value::{Bits, NEVER, Slot, Val};

/// State of one window.
#[derive(Clone, Debug)]
pub(in crate::stl) struct Once {
    /// Length in slots; `None`: to the start.
    width: Option<i64>,
    current: Option<Val>,
    lo: Wedge,
    hi: Wedge,
    bits: LastBits,
    /// What lies before the start is in the window and unknown.
    looks_before_start: bool,
}

impl Once {
    pub fn new(width: Option<i64>, looks_before_start: bool) -> Once {
        Once {
            width,
            current: None,
            lo: Wedge::default(),
            hi: Wedge::default(),
            bits: LastBits::default(),
            looks_before_start,
        }
    }

    /// The operand is `value` from `now` on.
    pub fn eval(&mut self, now: Slot, value: Val) -> (Val, Slot) {
        let Some(width) = self.width else {
            let held = match self.current {
                Some(held) => held.max_flat(value),
                None => value,
            };
            self.current = Some(held);
            return (held, NEVER);
        };
        let left_at = now.saturating_add(width);
        match self.current {
            Some(held) if held != value => self.leave(held, left_at),
            None if self.looks_before_start => self.leave(Val::WARM_UP, left_at),
            _ => {}
        }
        self.current = Some(value);
        self.lo.expire(now);
        self.hi.expire(now);
        let mut next = NEVER;
        let mut out = value;
        if let Some((lo, expiry)) = self.lo.front()
            && lo > value.lo
        {
            out.lo = lo;
            next = next.min(expiry);
        }
        if let Some((hi, expiry)) = self.hi.front()
            && hi > value.hi
        {
            out.hi = hi;
            next = next.min(expiry);
        }
        let (mask, bits_change) = self.bits.at(now, value.bits.0);
        out.bits = out.bits.or(Bits(mask));
        (out, next.min(bits_change))
    }

    fn leave(&mut self, held: Val, left_at: Slot) {
        self.lo.push(held.lo, left_at);
        self.hi.push(held.hi, left_at);
        self.bits.push(held.bits.0, left_at);
    }
}
