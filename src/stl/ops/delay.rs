//! The operand as it was some time ago.

use super::early::Lasts;
use super::ring::Ring;
use crate::stl::value::{Flat, NEVER, Slot, Val};

/// What can be delayed.
pub(in crate::stl) trait Held: Copy + PartialEq {
    /// The same, that many slots later.
    fn later(self, slots: i64) -> Self;
    /// What contains both.
    fn either(self, other: Self, number: bool) -> Self;
}

impl Held for Flat {
    fn later(self, _slots: i64) -> Flat {
        self
    }
    fn either(self, other: Flat, number: bool) -> Flat {
        if number { self.number_hull(other) } else { self.hull(other) }
    }
}

impl Held for Val {
    fn later(self, slots: i64) -> Val {
        self.delayed(slots >> 1)
    }
    fn either(self, other: Val, _number: bool) -> Val {
        self.hull(other)
    }
}

/// State of one delay line.
#[derive(Clone, Debug)]
pub(in crate::stl) struct Delay<T: Held> {
    slots: i64,
    entries: Ring<(Slot, T)>,
    out: T,
    /// What is delayed is a number, not a formula.
    number: bool,
}

impl<T: Held> Delay<T> {
    /// `before`: what comes out until the operand's first value does.
    pub fn new(slots: i64, before: T, number: bool, room: usize) -> Delay<T> {
        Delay { slots, entries: Ring::new(room), out: before, number }
    }

    /// How long what comes out stays, when the operand stays as long as `operand` says.
    pub fn lasts(&self, operand: Lasts) -> Lasts {
        match self.entries.front() {
            Some(next) => Lasts { to: next.0 - 1, rolling: 0 },
            None => operand.later(self.slots),
        }
    }

    pub fn bytes(room: usize) -> usize {
        Ring::<(Slot, T)>::bytes(room)
    }

    /// The operand is `value` from `now` on. `merged` is set when entries had to be merged.
    pub fn eval(&mut self, now: Slot, value: T, merged: &mut bool) -> (T, Slot) {
        let late = value.later(self.slots);
        if self.entries.back().is_none_or(|newest| newest.1 != late) {
            if self.entries.is_full() {
                let number = self.number;
                self.entries.merge_neighbours(0, |older, younger| (older.0, older.1.either(younger.1, number)));
                *merged = true;
            }
            self.entries.push_back((now.saturating_add(self.slots), late));
        }
        while let Some(front) = self.entries.front()
            && front.0 <= now
        {
            self.out = front.1;
            self.entries.pop_front();
        }
        (self.out, self.entries.front().map_or(NEVER, |front| front.0))
    }
}
