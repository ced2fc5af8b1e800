//! The operand as it was some time ago.

use crate::stl::value::{NEVER, Slot, Val};
use std::collections::VecDeque;

/// State of one delay line.
#[derive(Clone, Debug)]
pub(in crate::stl) struct Delay {
    slots: i64,
    entries: VecDeque<(Slot, Val)>,
    out: Val,
}

impl Delay {
    /// `before`: what comes out until the operand's first value does.
    pub fn new(slots: i64, before: Val) -> Delay {
        Delay { slots, entries: VecDeque::new(), out: before }
    }

    /// The operand is `value` from `now` on.
    pub fn eval(&mut self, now: Slot, value: Val) -> (Val, Slot) {
        let late = value.delayed(self.slots >> 1);
        let newest = self.entries.back().map(|e| e.1);
        if newest.unwrap_or(self.out) != late || self.entries.is_empty() {
            self.entries.push_back((now.saturating_add(self.slots), late));
        }
        while self.entries.front().is_some_and(|front| front.0 <= now) {
            self.out = self.entries.pop_front().expect("just seen").1;
        }
        (self.out, self.entries.front().map_or(NEVER, |front| front.0))
    }
}
