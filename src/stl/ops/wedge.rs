//! A monotone wedge: the candidates for the largest value of a sliding window, largest and oldest first.

use crate::stl::value::Slot;
use std::collections::VecDeque;

/// Values that fall from front to back, each with the slot at which it has left the window.
#[derive(Clone, Debug, Default)]
pub(super) struct Wedge {
    entries: VecDeque<(f64, Slot)>,
}

impl Wedge {
    /// Adds a value that leaves at `expiry`, which is never before those of earlier entries.
    pub fn push(&mut self, value: f64, expiry: Slot) {
        while self.entries.back().is_some_and(|back| back.0 <= value) {
            self.entries.pop_back();
        }
        // Nothing is smaller than -inf: as a candidate it is as good as none.
        if value > f64::NEG_INFINITY {
            self.entries.push_back((value, expiry));
        }
    }
    /// Cuts every entry down to `limit`.
    pub fn clip(&mut self, limit: f64) {
        let mut last = None;
        while let Some(&(value, expiry)) = self.entries.front() {
            if value <= limit {
                break;
            }
            last = Some(expiry);
            self.entries.pop_front();
        }
        if let Some(expiry) = last {
            let covered = self.entries.front().is_some_and(|&(value, _)| value >= limit);
            if !covered && limit > f64::NEG_INFINITY {
                self.entries.push_front((limit, expiry));
            }
        }
    }
    /// Forgets what has left the window at `now`.
    pub fn expire(&mut self, now: Slot) {
        while self.entries.front().is_some_and(|front| front.1 <= now) {
            self.entries.pop_front();
        }
    }
    /// The largest value and when it leaves.
    pub fn front(&self) -> Option<(f64, Slot)> {
        self.entries.front().copied()
    }
}

/// Per bit of a truth mask, the slot at which it has left the window.
#[derive(Clone, Debug)]
pub(super) struct LastBits {
    until: [Slot; 4],
}

impl Default for LastBits {
    fn default() -> LastBits {
        LastBits { until: [Slot::MIN; 4] }
    }
}

impl LastBits {
    /// The bits of `mask` were set up to a slot that leaves the window at `expiry`.
    pub fn push(&mut self, mask: u8, expiry: Slot) {
        for (bit, until) in self.until.iter_mut().enumerate() {
            if mask & (1 << bit) != 0 {
                *until = expiry;
            }
        }
    }
    /// Forgets the bits that are not in `mask`.
    pub fn clip(&mut self, mask: u8) {
        for (bit, until) in self.until.iter_mut().enumerate() {
            if mask & (1 << bit) == 0 {
                *until = Slot::MIN;
            }
        }
    }
    /// The bits in the window at `now`, and the first slot at which one leaves that is not in `held`.
    pub fn at(&self, now: Slot, held: u8) -> (u8, Slot) {
        let mut mask = 0;
        let mut next = Slot::MAX;
        for (bit, &until) in self.until.iter().enumerate() {
            if until > now {
                mask |= 1 << bit;
                if held & (1 << bit) == 0 {
                    next = next.min(until);
                }
            }
        }
        (mask, next)
    }
}
