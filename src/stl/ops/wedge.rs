//! Monotone wedges: the candidates for the largest value of a sliding window, largest and oldest first.
//!
//! An interval needs two, one for its lower and one for its upper ends. As long as all that is in the window are points
//! both are the same, and one is kept.

use super::ring::Ring;
use crate::stl::value::{Flat, NEVER, Slot};

/// A candidate: its value, and the slot at which it has left the window.
type Entry = (f64, Slot);

/// Values that fall from front to back.
#[derive(Clone, Debug)]
struct Wedge {
    entries: Ring<Entry>,
}

impl Wedge {
    /// Adds a value that leaves at `expiry`, which is never before those of earlier entries. False: there is no room.
    fn push(&mut self, value: f64, expiry: Slot) -> bool {
        while self.entries.back().is_some_and(|back| back.0 <= value) {
            self.entries.pop_back();
        }
        // Nothing is smaller than -inf: as a candidate it is as good as none.
        if value > f64::NEG_INFINITY {
            if self.entries.is_full() {
                return false;
            }
            self.entries.push_back((value, expiry));
        }
        true
    }
    /// Cuts every entry down to `limit`.
    fn clip(&mut self, limit: f64) {
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
    fn expire(&mut self, now: Slot) {
        while self.entries.front().is_some_and(|front| front.1 <= now) {
            self.entries.pop_front();
        }
    }
}

/// The wedges of both ends of an interval.
#[derive(Clone, Debug)]
pub(super) struct Wedges {
    lo: Wedge,
    hi: Wedge,
    /// Until this slot something wider than a point is in the window, and the wedges differ; before it `hi` is unused.
    apart_until: Slot,
    /// The latest expiry in either wedge.
    latest: Slot,
}

impl Wedges {
    pub fn new(room: usize) -> Wedges {
        let wedge = || Wedge { entries: Ring::new(room) };
        Wedges { lo: wedge(), hi: wedge(), apart_until: Slot::MIN, latest: Slot::MIN }
    }
    pub const fn bytes(room: usize) -> usize {
        2 * Ring::<Entry>::bytes(room)
    }

    fn part(&mut self, until: Slot) {
        if self.apart_until == Slot::MIN {
            self.hi.entries.copy_from(&self.lo.entries);
        }
        self.apart_until = self.apart_until.max(until);
    }

    /// Adds what leaves at `expiry`, which is never before those added earlier. True when entries had to be merged.
    pub fn push(&mut self, value: &Flat, expiry: Slot) -> bool {
        self.latest = expiry;
        if value.lo != value.hi {
            self.part(expiry);
        }
        let mut merged = false;
        if !self.lo.push(value.lo, expiry) {
            self.merge();
            merged = true;
            self.lo.push(value.lo, expiry);
        }
        if self.apart_until != Slot::MIN && !self.hi.push(value.hi, expiry) {
            self.merge();
            merged = true;
            self.hi.push(value.hi, expiry);
        }
        merged
    }

    /// Two neighbours become their interval hull: the lower end is the smaller value, the upper end the larger one
    /// for as long as the younger lasts.
    #[cold]
    fn merge(&mut self) {
        self.part(self.latest);
        self.lo.entries.merge_neighbours(0, |_, younger| younger);
        self.hi.entries.merge_neighbours(0, |older, younger| (older.0, younger.1));
    }

    /// Cuts every entry down to the ends of `limit`.
    pub fn clip(&mut self, limit: &Flat) {
        if limit.lo != limit.hi {
            self.part(self.latest);
        }
        self.lo.clip(limit.lo);
        if self.apart_until != Slot::MIN {
            self.hi.clip(limit.hi);
        }
    }

    /// Forgets what has left the window at `now`; the largest values of the window together with the present value,
    /// and when the first of them leaves.
    pub fn with(&mut self, now: Slot, value: &Flat) -> (f64, f64, Slot) {
        self.lo.expire(now);
        let mut next = NEVER;
        let mut lo = value.lo;
        if let Some(&(best, expiry)) = self.lo.entries.front()
            && best > lo
        {
            lo = best;
            next = expiry;
        }
        if self.apart_until == Slot::MIN {
            // A present value wider than a point has its upper end beside the same candidates.
            let mut hi = value.hi;
            if let Some(&(best, expiry)) = self.lo.entries.front()
                && best > hi
            {
                hi = best;
                next = expiry;
            }
            return (lo, hi, next);
        }
        self.hi.expire(now);
        let mut hi = value.hi;
        if let Some(&(best, expiry)) = self.hi.entries.front()
            && best > hi
        {
            hi = best;
            next = next.min(expiry);
        }
        if self.apart_until <= now {
            self.apart_until = Slot::MIN;
            self.hi.entries.clear();
        }
        (lo, hi, next)
    }
}

/// Per bit of a truth mask, the slot at which it has left the window.
#[derive(Clone, Debug)]
pub(super) struct LastBits {
    until: [Slot; 4],
    /// Smallest and largest of `until`.
    earliest: Slot,
    latest: Slot,
}

impl Default for LastBits {
    fn default() -> LastBits {
        LastBits { until: [Slot::MIN; 4], earliest: Slot::MIN, latest: Slot::MIN }
    }
}

impl LastBits {
    /// The bits of `mask` were set up to a slot that leaves the window at `expiry`, which never moves back.
    pub fn push(&mut self, mask: u64, expiry: Slot) {
        if mask == 0b1111 {
            *self = LastBits { until: [expiry; 4], earliest: expiry, latest: expiry };
        } else if mask != 0 {
            for (bit, until) in self.until.iter_mut().enumerate() {
                if mask & (1 << bit) != 0 {
                    *until = expiry;
                }
            }
            self.bounds();
        }
    }
    /// Forgets the bits that are not in `mask`.
    pub fn clip(&mut self, mask: u64) {
        if mask == 0b1111 || self.latest == Slot::MIN {
            return;
        }
        for (bit, until) in self.until.iter_mut().enumerate() {
            if mask & (1 << bit) == 0 {
                *until = Slot::MIN;
            }
        }
        self.bounds();
    }
    fn bounds(&mut self) {
        let [a, b, c, d] = self.until;
        self.earliest = a.min(b).min(c).min(d);
        self.latest = a.max(b).max(c).max(d);
    }
    /// Up to which slot what was certain is in the window.
    pub fn certain_to(&self) -> Slot {
        self.until[0].saturating_sub(1)
    }
    /// The bits in the window at `now`, and the first slot at which one leaves that is not in `held`.
    pub fn at(&self, now: Slot, held: u64) -> (u64, Slot) {
        if self.latest <= now {
            return (0, NEVER);
        }
        if self.earliest == self.latest {
            return (0b1111, if held == 0b1111 { NEVER } else { self.latest });
        }
        let mut mask = 0;
        let mut next = NEVER;
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
