//! The rule `always (c implies (p unless q))` without bound, turned to the past: at each instant, p holds or q came
//! since the c that asked for it. Over a whole scope the infimum is that of the rule as written:
//! inf over i of max(-c(i), inf over j >= i of max(p(j), sup of q over [i, j])), with the two infima exchanged.

use crate::stl::value::{NEVER, Slot, Val};

/// State of one unbounded `unless` at the top of a rule.
#[derive(Clone, Debug)]
pub(in crate::stl) struct Unless {
    operands: Option<(Val, Val, Val)>,
    /// How strongly some c still waits for its q.
    waiting: Val,
}

impl Unless {
    pub fn new() -> Unless {
        Unless { operands: None, waiting: Val::FALSE }
    }

    /// The operands are `c`, `p` and `q` from `now` on.
    pub fn eval(&mut self, now: Slot, c: Val, p: Val, q: Val) -> (Val, Slot) {
        if self.operands != Some((c, p, q)) {
            // In an open interval p has to hold for a while before the witness.
            let head = if now & 1 == 0 { q } else { q.min_flat(p) };
            self.waiting = c.min_flat(q.not()).max_flat(self.waiting.min_flat(head.not()));
            self.operands = Some((c, p, q));
        }
        (p.max_flat(self.waiting.not()), NEVER)
    }
}
