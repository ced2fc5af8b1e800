//! `p since[0,b] q`: a wedge of witnesses that `p` clips.
//!
//! In slots the two suprema of the definition are one: the value at `i` is the largest over `j` in `[i - b, i]` of
//! min(q(j), smallest p over `(j, i]`); the limits from the left are the open intervals.

use super::wedge::{LastBits, Wedges};
use crate::stl::value::{Bits, Flat, NEVER, Slot};

/// State of one `since`.
#[derive(Clone, Debug)]
pub(in crate::stl) struct Since {
    /// Length in slots; `None`: to the start.
    width: Option<i64>,
    operands: Option<(Flat, Flat)>,
    /// Not kept where the margin follows from truth alone, nor without a width.
    wedges: Option<Wedges>,
    bits: LastBits,
    /// Without a width: the best witness that lasts.
    best: Flat,
    /// What lies before the start is in the window and unknown.
    looks_before_start: bool,
}

impl Since {
    /// `bare`: the operands have no margin but their truth.
    pub fn new(width: Option<i64>, looks_before_start: bool, bare: bool, room: usize) -> Since {
        Since {
            width,
            operands: None,
            wedges: (!bare && width.is_some()).then(|| Wedges::new(room)),
            bits: LastBits::default(),
            best: Flat::FALSE,
            looks_before_start: looks_before_start && width.is_some(),
        }
    }

    /// Bytes beside itself.
    pub fn bytes(width: Option<i64>, bare: bool, room: usize) -> usize {
        if bare || width.is_none() { 0 } else { Wedges::bytes(room) }
    }

    /// The operands are `p` and `q` from `now` on. `merged` is set when entries had to be merged.
    pub fn eval(&mut self, now: Slot, p: Flat, q: Flat, merged: &mut bool) -> (Flat, Slot) {
        let left_at = match self.width {
            Some(width) => now.saturating_add(width),
            None => NEVER,
        };
        match self.operands {
            Some(held) if held != (p, q) => *merged |= self.witness(&held.1, &p, left_at),
            // Before the start a bounded window sees an unknown witness; an unbounded one starts at the start.
            None if self.looks_before_start => *merged |= self.witness(&Flat::WARM_UP, &p, left_at),
            _ => {}
        }
        self.operands = Some((p, q));
        if self.width.is_none() {
            return (q.or(self.best), NEVER);
        }
        let (mask, bits_change) = self.bits.at(now, q.bits.0);
        let bits = q.bits.or(Bits(mask));
        match &mut self.wedges {
            Some(wedges) => {
                let (lo, hi, next) = wedges.with(now, &q);
                (Flat { lo, hi, bits }, next.min(bits_change))
            }
            None => (Flat::truth(bits), bits_change),
        }
    }

    /// The `q` that ended is a witness for later, as long as `p` lasts.
    fn witness(&mut self, q: &Flat, p: &Flat, left_at: Slot) -> bool {
        if self.width.is_none() {
            self.best = self.best.or(*q).and(*p);
            return false;
        }
        self.bits.push(q.bits.0, left_at);
        self.bits.clip(p.bits.0);
        self.wedges.as_mut().is_some_and(|wedges| {
            let merged = wedges.push(q, left_at);
            wedges.clip(p);
            merged
        })
    }
}
