//! `rise(p)`: p is false just before and true now. `fall(p)` is `rise(not p)`.

use crate::stl::value::{Flat, NEVER, Slot};

/// State of one `rise`.
#[derive(Clone, Debug)]
pub(in crate::stl) struct Rise {
    /// The operand now and since when, and its value just before that.
    current: Option<(Flat, Slot)>,
    before: Flat,
}

impl Rise {
    /// Before the start `p` counts as false.
    pub fn new() -> Rise {
        Rise { current: None, before: Flat::FALSE }
    }

    /// The operand is `p` from `now` on.
    pub fn eval(&mut self, now: Slot, p: Flat) -> (Flat, Slot) {
        match self.current {
            Some((held, _)) if held == p => {}
            Some((held, _)) => {
                self.before = held;
                self.current = Some((p, now));
            }
            None => self.current = Some((p, now)),
        }
        let since = self.current.map_or(now, |c| c.1);
        // Only at an instant can the value just before differ: an open interval has itself before it.
        if since == now && now & 1 == 0 { (self.before.not().and(p), now + 1) } else { (p.not().and(p), NEVER) }
    }
}
