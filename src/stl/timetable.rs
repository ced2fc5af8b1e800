//! What changes when by itself: a tree of minima over a fixed number of items, mended when an item comes up.

use super::value::{NEVER, Slot};

/// Deadlines of items `0..n`. Its memory is fixed.
#[derive(Clone, Debug)]
pub(super) struct Timetable {
    /// When the item really is due.
    due: Vec<Slot>,
    /// Minima: the root is at 1, item `i` at `leaves + i`. An entry may be earlier than its item is due.
    tree: Vec<Slot>,
    leaves: usize,
}

/// So few items are looked through, without a tree.
const FEW: usize = 4;

impl Timetable {
    pub fn new(items: usize) -> Timetable {
        let leaves = items.next_power_of_two().max(1);
        Timetable { due: vec![NEVER; items], tree: vec![NEVER; 2 * leaves], leaves }
    }

    pub fn bytes(&self) -> usize {
        (self.due.len() + self.tree.len()) * size_of::<Slot>()
    }

    /// The item is due at `at`, and not at what was said before.
    #[inline]
    pub fn set(&mut self, item: usize, at: Slot) {
        self.due[item] = at;
        if self.due.len() <= FEW {
            return;
        }
        // An entry that is too early costs one look when it comes up; moving a deadline on costs nothing.
        if at < self.tree[self.leaves + item] {
            self.lower(item, at);
        }
    }

    fn lower(&mut self, item: usize, at: Slot) {
        let mut place = self.leaves + item;
        while place > 0 && at < self.tree[place] {
            self.tree[place] = at;
            place /= 2;
        }
    }

    /// Sets the entry of an item to when it is due.
    fn mend(&mut self, item: usize) {
        let mut place = self.leaves + item;
        self.tree[place] = self.due[item];
        while place > 1 {
            place /= 2;
            let least = self.tree[2 * place].min(self.tree[2 * place + 1]);
            if self.tree[place] == least {
                break;
            }
            self.tree[place] = least;
        }
    }

    fn first(&self) -> usize {
        let least = self.tree[1];
        let mut place = 1;
        while place < self.leaves {
            place *= 2;
            if self.tree[place] != least {
                place += 1;
            }
        }
        place - self.leaves
    }

    /// The next item due at or before `now`.
    pub fn pop(&mut self, now: Slot) -> Option<usize> {
        if self.due.len() <= FEW {
            let item = self.due.iter().position(|&due| due <= now)?;
            self.due[item] = NEVER;
            return Some(item);
        }
        while self.tree[1] <= now {
            let item = self.first();
            let due = self.due[item] <= now;
            if due {
                self.due[item] = NEVER;
            }
            self.mend(item);
            if due {
                return Some(item);
            }
        }
        None
    }

    /// The earliest deadline.
    #[inline]
    pub fn next(&mut self) -> Slot {
        if self.due.len() <= FEW {
            return self.peek();
        }
        if self.tree[1] < NEVER {
            self.mend_first();
        }
        self.tree[1]
    }

    fn mend_first(&mut self) {
        while self.tree[1] < NEVER {
            let item = self.first();
            if self.due[item] == self.tree[1] {
                break;
            }
            self.mend(item);
        }
    }

    /// The earliest deadline, as last worked out by [`Timetable::next`]; never later than it is.
    #[inline]
    pub fn peek(&self) -> Slot {
        if self.due.len() <= FEW {
            return self.due.iter().fold(NEVER, |least, &due| least.min(due));
        }
        self.tree[1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_come_up_in_order_and_can_be_put_off() {
        for items in [FEW, FEW + 1, 9] {
            let mut table = Timetable::new(items);
            for (item, at) in [(0, 50), (1, 20), (2, 30), (3, 20)] {
                table.set(item, at);
            }
            table.set(1, 70);
            assert_eq!(table.next(), 20);
            let popped: Vec<_> = std::iter::from_fn(|| table.pop(40)).collect();
            assert_eq!((popped.len(), popped.contains(&3), popped.contains(&2)), (2, true, true));
            assert_eq!(table.next(), 50);
            table.set(1, NEVER);
            assert_eq!((table.pop(100), table.pop(100)), (Some(0), None));
            assert_eq!(table.next(), NEVER);
        }
    }
}
