//! The rule `always (c implies eventually q)` without bound: what it is worth so far.
//!
//! Each instant i asks for max(-c(i), sup of q from i on). The smallest of these is kept as groups of instants with
//! the same best q so far; a later q lifts all groups below it and merges them.

use crate::stl::value::{Bits, NEVER, Slot, Val};

/// State of one unbounded `eventually` at the top of a rule.
#[derive(Clone, Debug, Default)]
pub(in crate::stl) struct Liveness {
    /// (best q so far, smallest -c): the first falls and the second rises from old to young.
    groups: Vec<(f64, f64)>,
    /// Bits of the conjunction, over the instants so far, of (not c or q came).
    waiting: u8,
    last: Option<(Val, Val)>,
}

impl Liveness {
    /// The operands are `c` and `q` from `now` on. The value is the rule's worth if nothing more came:
    /// it rises when q comes, so that only the last one counts.
    pub fn eval(&mut self, _now: Slot, c: Val, q: Val) -> (Val, Slot) {
        if self.last != Some((c, q)) {
            self.last = Some((c, q));
            let mut asked = -c.hi;
            while let Some(&(best, old)) = self.groups.last() {
                if best > q.lo {
                    break;
                }
                asked = asked.min(old);
                self.groups.pop();
            }
            // An older group that asks for no less than the younger one, and has more already, never decides.
            while self.groups.last().is_some_and(|&(_, old)| old >= asked) {
                self.groups.pop();
            }
            self.groups.push((q.lo, asked));
            self.waiting = (self.waiting | c.bits.swapped_readings()) & !q.bits.0;
        }
        let lo = self.groups.iter().map(|&(best, asked)| best.max(asked)).fold(f64::INFINITY, f64::min);
        // Whatever comes may still satisfy it.
        let bits = Bits((!self.waiting & 0b0101) | 0b1010);
        (Val { lo, hi: f64::INFINITY, bits, ramp: None }, NEVER)
    }
}

impl Bits {
    /// For each reading, the bit of `c` under which `not c` fails.
    fn swapped_readings(self) -> u8 {
        ((self.0 & 0b0101) << 1) | ((self.0 & 0b1010) >> 1)
    }
}
