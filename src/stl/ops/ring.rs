//! A queue whose room is planned: allocated once, never grown. When it is full its neighbours are merged.

use std::collections::VecDeque;
use std::ops::{Index, IndexMut};

/// At most `room` entries.
#[derive(Debug)]
pub(in crate::stl) struct Ring<T> {
    entries: VecDeque<T>,
    room: usize,
}

impl<T: Copy> Clone for Ring<T> {
    /// A copy has its own room from the start, as the original has.
    fn clone(&self) -> Ring<T> {
        let mut copy = Ring::new(self.room);
        copy.entries.extend(&self.entries);
        copy
    }
}

impl<T: Copy> Index<usize> for Ring<T> {
    type Output = T;
    fn index(&self, place: usize) -> &T {
        &self.entries[place]
    }
}

impl<T: Copy> IndexMut<usize> for Ring<T> {
    fn index_mut(&mut self, place: usize) -> &mut T {
        &mut self.entries[place]
    }
}

impl<T: Copy> Ring<T> {
    /// Room for `room` entries, at least four.
    pub fn new(room: usize) -> Ring<T> {
        let room = room.max(4);
        Ring { entries: VecDeque::with_capacity(room), room }
    }
    /// Bytes of a ring with this much room.
    pub const fn bytes(room: usize) -> usize {
        if room < 4 { 4 * size_of::<T>() } else { room * size_of::<T>() }
    }
    pub fn len(&self) -> usize {
        self.entries.len()
    }
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
    pub fn is_full(&self) -> bool {
        self.entries.len() >= self.room
    }
    pub fn front(&self) -> Option<&T> {
        self.entries.front()
    }
    pub fn back(&self) -> Option<&T> {
        self.entries.back()
    }
    pub fn get(&self, place: usize) -> Option<&T> {
        self.entries.get(place)
    }
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + ExactSizeIterator {
        self.entries.iter()
    }
    /// Adds an entry; there must be room.
    pub fn push_back(&mut self, entry: T) {
        debug_assert!(!self.is_full());
        self.entries.push_back(entry);
    }
    pub fn push_front(&mut self, entry: T) {
        debug_assert!(!self.is_full());
        self.entries.push_front(entry);
    }
    pub fn pop_front(&mut self) -> Option<T> {
        self.entries.pop_front()
    }
    pub fn pop_back(&mut self) -> Option<T> {
        self.entries.pop_back()
    }
    pub fn clear(&mut self) {
        self.entries.clear();
    }
    pub fn copy_from(&mut self, other: &Ring<T>) {
        self.entries.clear();
        self.entries.extend(&other.entries);
    }
    /// Merges each two neighbours from place `from` on, so that about half the room is free again.
    #[cold]
    pub fn merge_neighbours(&mut self, from: usize, merge: impl Fn(T, T) -> T) {
        let mut kept = from;
        let mut place = from;
        while place < self.entries.len() {
            let first = self.entries[place];
            self.entries[kept] = match self.entries.get(place + 1) {
                Some(&second) => merge(first, second),
                None => first,
            };
            kept += 1;
            place += 2;
        }
        self.entries.truncate(kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_halves_what_lies_behind() {
        let mut ring = Ring::new(7);
        for i in 1..=7 {
            ring.push_back(i);
        }
        assert!(ring.is_full());
        ring.merge_neighbours(1, |a, b| 10 * a + b);
        assert_eq!(ring.iter().copied().collect::<Vec<_>>(), [1, 23, 45, 67]);
        assert_eq!(ring.clone().len(), 4);
    }
}
