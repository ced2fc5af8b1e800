//! The rule `always (c implies eventually q)` without bound: what it is worth so far.
//!
//! Each instant i asks for max(-c(i), sup of q from i on). The smallest of these is kept as groups of instants with
//! the same best q so far; a later q lifts all groups below it and merges them.

use super::ring::Ring;
use crate::stl::value::{Bits, Flat, NEVER, Slot, greater, lesser};

/// State of one unbounded `eventually` at the top of a rule.
#[derive(Clone, Debug)]
pub(in crate::stl) struct Liveness {
    /// (best q so far, smallest -c): the first falls and the second rises from old to young.
    groups: Ring<(f64, f64)>,
    /// Bits of the conjunction, over the instants so far, of (not c or q came).
    waiting: u64,
    last: Option<(Flat, Flat)>,
}

impl Liveness {
    /// Room for so many groups; beyond, neighbours count as the worse of both.
    pub const ROOM: usize = 1024;

    pub fn new() -> Liveness {
        Liveness { groups: Ring::new(Liveness::ROOM), waiting: 0, last: None }
    }

    pub fn bytes() -> usize {
        Ring::<(f64, f64)>::bytes(Liveness::ROOM)
    }

    /// The operands are `c` and `q` from `now` on. The value is the rule's worth if nothing more came:
    /// it rises when q comes, so that only the last one counts.
    pub fn eval(&mut self, _now: Slot, c: Flat, q: Flat, merged: &mut bool) -> (Flat, Slot) {
        if self.last != Some((c, q)) {
            self.last = Some((c, q));
            let mut asked = -c.hi;
            while let Some(&(best, old)) = self.groups.back() {
                if best > q.lo {
                    break;
                }
                asked = lesser(asked, old);
                self.groups.pop_back();
            }
            // An older group that asks for no less than the younger one, and has more already, never decides.
            while self.groups.back().is_some_and(|&(_, old)| old >= asked) {
                self.groups.pop_back();
            }
            if self.groups.is_full() {
                self.groups.merge_neighbours(0, |a, b| (lesser(a.0, b.0), lesser(a.1, b.1)));
                *merged = true;
            }
            self.groups.push_back((q.lo, asked));
            self.waiting = (self.waiting | c.bits.swapped_readings()) & !q.bits.0;
        }
        let lo = self.smallest();
        // Whatever comes may still satisfy it.
        let bits = Bits((!self.waiting & 0b0101) | 0b1010);
        (Flat { lo, hi: f64::INFINITY, bits }, NEVER)
    }

    /// The smallest of what the groups are worth: where what was asked takes over from the best that came.
    fn smallest(&self) -> f64 {
        let (mut from, mut to) = (0, self.groups.len());
        while from < to {
            let middle = from + (to - from) / 2;
            let (best, asked) = self.groups[middle];
            if asked >= best {
                to = middle;
            } else {
                from = middle + 1;
            }
        }
        let worth = |group: Option<&(f64, f64)>| group.map_or(f64::INFINITY, |&(best, asked)| greater(best, asked));
        lesser(worth(self.groups.get(from)), worth(from.checked_sub(1).and_then(|k| self.groups.get(k))))
    }
}

impl Bits {
    /// For each reading, the bit of `c` under which `not c` fails.
    fn swapped_readings(self) -> u64 {
        ((self.0 & 0b0101) << 1) | ((self.0 & 0b1010) >> 1)
    }
}
