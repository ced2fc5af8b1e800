//! Whether some `c` still waits for its `q`: what `p until q` and `p unless q` rest on while their window is open.
//!
//! Its value at u is the largest over t in `[u - b, u]` of min(c(t), not q at t, no witness in `(t, u]`): as soon as p
//! breaks while it holds, the rule is broken whatever comes. Without a bound, `always (c implies (p unless q))` over a
//! whole scope is `p or not waiting` at each instant:
//! inf over i of max(-c(i), inf over j >= i of max(p(j), sup of q over [i, j])), with the two infima exchanged.

use super::since::Since;
use crate::stl::value::{Flat, Slot};

/// State of one such watch.
#[derive(Clone, Debug)]
pub(in crate::stl) struct Waiting {
    since: Since,
}

impl Waiting {
    /// `width` in slots; `None`: to the start. `bare`: the operands have no margin but their truth.
    pub fn new(width: Option<i64>, bare: bool, room: usize) -> Waiting {
        Waiting { since: Since::new(width, false, bare, room) }
    }

    /// The operands are `c`, `p` and `q` from `now` on. `merged` is set when entries had to be merged.
    pub fn eval(&mut self, now: Slot, c: Flat, p: Flat, q: Flat, merged: &mut bool) -> (Flat, Slot) {
        // In an open interval p has to hold for a while before the witness.
        let head = if now & 1 == 0 { q } else { q.and(p) };
        self.since.eval(now, head.not(), c.and(q.not()), merged)
    }
}
