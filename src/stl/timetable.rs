//! What changes when by itself: one entry per item in a heap, mended when it comes up.

use super::value::{NEVER, Slot};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Deadlines of items `0..n`.
#[derive(Clone, Debug)]
pub(super) struct Timetable {
    heap: BinaryHeap<Reverse<(Slot, u32)>>,
    /// When the item really is due.
    due: Vec<Slot>,
    /// The earliest entry of the item in the heap.
    entered: Vec<Slot>,
}

impl Timetable {
    pub fn new(items: usize) -> Timetable {
        Timetable { heap: BinaryHeap::with_capacity(2 * items), due: vec![NEVER; items], entered: vec![NEVER; items] }
    }
    /// The item is due at `at`, and not at what was said before.
    pub fn set(&mut self, item: usize, at: Slot) {
        self.due[item] = at;
        // An entry that is too early costs one look when it comes up; moving a deadline on costs nothing.
        if at < self.entered[item] {
            self.entered[item] = at;
            self.heap.push(Reverse((at, item as u32)));
        }
    }
    /// The next item due at or before `now`.
    pub fn pop(&mut self, now: Slot) -> Option<usize> {
        while let Some(&Reverse((at, item))) = self.heap.peek() {
            if at > now {
                return None;
            }
            self.heap.pop();
            let item = item as usize;
            if self.entered[item] != at {
                continue;
            }
            self.entered[item] = NEVER;
            if self.due[item] <= now {
                self.due[item] = NEVER;
                return Some(item);
            }
            let due = self.due[item];
            self.set(item, due);
        }
        None
    }
    /// The earliest deadline.
    pub fn next(&mut self) -> Slot {
        while let Some(&Reverse((at, item))) = self.heap.peek() {
            let item = item as usize;
            if self.entered[item] == at && self.due[item] == at {
                return at;
            }
            self.heap.pop();
            if self.entered[item] == at {
                self.entered[item] = NEVER;
                let due = self.due[item];
                self.set(item, due);
            }
        }
        NEVER
    }
    /// The earliest deadline, as last worked out by [`Timetable::next`].
    pub fn peek(&self) -> Slot {
        self.heap.peek().map_or(NEVER, |&Reverse((at, _))| at)
    }
}
