//! The earliest instant at which `c implies F` is broken whatever comes, for one future operator F over what is known now.
//!
//! `always[a,b] p` breaks as soon as p does; `p until q` and `p unless q` break when p does before q came. (`eventually`
//! can't break before its window has passed; there the judged value itself is the earliest.)

use super::ring::Ring;
use crate::stl::value::{Bits, Flat, NEVER, Slot};

/// What F promises.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(in crate::stl) enum Promise {
    /// `always[from, to] p`, in slots.
    Always { from: i64, to: Option<i64> },
    /// `p until[0, to] q` or `p unless[0, to] q`.
    Until { to: Option<i64> },
}

/// State of one such watch.
#[derive(Clone, Debug)]
pub(in crate::stl) struct Early {
    promise: Promise,
    /// Runs `from .. to` of instants that certainly asked and are not answered.
    runs: Ring<(Slot, Slot)>,
    /// Start of the run that goes on.
    open: Option<Slot>,
    /// The first instant that is certainly false.
    pub broken: Option<Slot>,
}

impl Early {
    pub fn new(promise: Promise, room: usize) -> Early {
        Early { promise, runs: Ring::new(room), open: None, broken: None }
    }

    pub fn bytes(room: usize) -> usize {
        Ring::<(Slot, Slot)>::bytes(room)
    }

    /// The operands are `c`, `p` and `q` from `now` on.
    pub fn eval(&mut self, now: Slot, c: Bits, p: Bits, q: Bits) -> (Flat, Slot) {
        if self.broken.is_some() {
            return (Flat::FALSE, NEVER);
        }
        let (from, to) = match self.promise {
            Promise::Always { from, to } => (from, to),
            Promise::Until { to } => (0, to),
        };
        let mut asks = c.certain();
        if matches!(self.promise, Promise::Until { .. }) {
            // A witness that is possible here answers all that asked before; in an open interval only if p may hold.
            if q.possible() && (now & 1 == 0 || p.possible()) {
                self.runs.clear();
                self.open = None;
            }
            asks = asks && !q.possible();
        }
        match (self.open, asks) {
            (None, true) => self.open = Some(now),
            (Some(start), false) => {
                // Without a bound the first one that asked is as good as all; without room what lies behind it waits
                // for the judgement at the deadline.
                if to.is_some() && !self.runs.is_full() || self.runs.is_empty() {
                    self.runs.push_back((start, now));
                }
                self.open = None;
            }
            _ => {}
        }
        if let Some(to) = to {
            let oldest = now.saturating_sub(to);
            while self.runs.front().is_some_and(|run| run.1 <= oldest) {
                self.runs.pop_front();
            }
        }
        if p.possible() {
            return (Flat::TRUE, NEVER);
        }
        let first = self.runs.front().map(|run| run.0).or(self.open);
        let Some(mut first) = first else {
            return (Flat::TRUE, NEVER);
        };
        if let Some(to) = to {
            first = first.max(now.saturating_sub(to));
        }
        if first <= now.saturating_sub(from) {
            self.broken = Some(first);
            (Flat::FALSE, NEVER)
        } else {
            (Flat::TRUE, first.saturating_add(from))
        }
    }
}
