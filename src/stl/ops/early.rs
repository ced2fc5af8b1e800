//! The earliest instant at which `c implies F` is broken whatever comes, for one future operator F over what is known now.
//!
//! `always[a,b] p` breaks as soon as p does; `p until q` and `p unless q` break when p does before q came; `eventually q`
//! and `p until q` break when q is bound to stay false for all that is left of the window: what an operand with a memory
//! must be later follows from what it remembers ([`Lasts`]).

use super::ring::Ring;
use crate::stl::value::{Bits, Flat, NEVER, Slot};

/// What F promises; windows in slots.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(in crate::stl) enum Promise {
    /// `always[from, to] p`.
    Always { from: i64, to: Option<i64> },
    /// `p until[0, to] q`, or, not `strong`, `p unless[0, to] q`.
    Until { to: Option<i64>, strong: bool },
    /// `eventually[from, to] q`.
    Eventually { from: i64, to: i64 },
}

/// How long a truth that is certain now is bound to stay, whatever comes.
#[derive(Copy, Clone, PartialEq, Debug)]
pub(in crate::stl) struct Lasts {
    /// Up to this slot.
    pub to: Slot,
    /// Up to so many slots after the present one, as long as nothing changes.
    pub rolling: i64,
}

impl Lasts {
    /// For the present slot only: what has no memory.
    pub fn now(now: Slot) -> Lasts {
        Lasts { to: now, rolling: 0 }
    }
    pub fn ever() -> Lasts {
        Lasts { to: NEVER, rolling: NEVER }
    }
    pub fn longer(self, other: Lasts) -> Lasts {
        Lasts { to: self.to.max(other.to), rolling: self.rolling.max(other.rolling) }
    }
    pub fn shorter(self, other: Lasts) -> Lasts {
        Lasts { to: self.to.min(other.to), rolling: self.rolling.min(other.rolling) }
    }
    /// The same, `slots` later.
    pub fn later(self, slots: i64) -> Lasts {
        Lasts { to: self.to.saturating_add(slots), rolling: self.rolling.saturating_add(slots) }
    }
    /// When it will be known to last to `end`, if nothing changes before.
    fn reaches(self, end: Slot) -> Slot {
        end.saturating_sub(self.rolling)
    }
}

/// State of one such watch.
#[derive(Clone, Debug)]
pub(in crate::stl) struct Early {
    promise: Promise,
    /// Runs `from .. to` of instants that certainly asked and are not answered.
    runs: Ring<(Slot, Slot)>,
    /// Start of the run that goes on.
    open: Option<Slot>,
    /// Since when q is certainly false, if it is.
    missing: Option<Slot>,
    /// The first instant that is certainly false.
    pub broken: Option<Slot>,
}

impl Early {
    pub fn new(promise: Promise, room: usize) -> Early {
        Early { promise, runs: Ring::new(room), open: None, missing: None, broken: None }
    }

    pub fn bytes(room: usize) -> usize {
        Ring::<(Slot, Slot)>::bytes(room)
    }

    /// The operands are `c`, `p` and `q` from `now` on; `p_lasts` and `q_lasts` tell how long they stay false if they are.
    pub fn eval(&mut self, now: Slot, [c, p, q]: [Bits; 3], p_lasts: Lasts, q_lasts: Lasts) -> (Flat, Slot) {
        if self.broken.is_some() {
            return (Flat::FALSE, NEVER);
        }
        let (found, next) = match self.promise {
            Promise::Always { from, to } => {
                self.note(now, c.certain(), to);
                self.broken_part(now, from, to, p, p_lasts)
            }
            Promise::Until { to, strong } => {
                // A witness that is possible here answers all that asked before; in an open interval only if p may hold.
                if q.possible() && (now & 1 == 0 || p.possible()) {
                    self.runs.clear();
                    self.open = None;
                }
                self.note(now, c.certain() && !q.possible(), to);
                match (self.broken_part(now, 0, to, p, p_lasts), to) {
                    ((None, _), Some(to)) if strong && !q.possible() => self.missed(Slot::MIN, to, now, q_lasts),
                    (found, _) => found,
                }
            }
            Promise::Eventually { from, to } => {
                self.note(now, c.certain(), Some(to));
                self.missing = if q.possible() { None } else { self.missing.or(Some(now)) };
                match self.missing {
                    Some(since) => {
                        // Who asked earlier may have been answered, and is left to the judgement at the deadline.
                        let earliest = since.saturating_sub(from);
                        while self.runs.front().is_some_and(|run| run.1 <= earliest) {
                            self.runs.pop_front();
                        }
                        self.missed(earliest, to, now, q_lasts)
                    }
                    None => (None, NEVER),
                }
            }
        };
        self.broken = found;
        (if found.is_some() { Flat::FALSE } else { Flat::TRUE }, next)
    }

    /// Takes note of who asks, and forgets whose window has passed.
    fn note(&mut self, now: Slot, asks: bool, to: Option<i64>) {
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
    }

    /// The first instant from `earliest` on that certainly asked.
    fn first(&self, earliest: Slot) -> Option<Slot> {
        let run = self.runs.iter().find(|run| run.1 > earliest).map(|run| run.0);
        run.or(self.open).map(|start| start.max(earliest))
    }

    /// p is false, and stays so: somebody has asked for it.
    fn broken_part(&self, now: Slot, from: i64, to: Option<i64>, p: Bits, lasts: Lasts) -> (Option<Slot>, Slot) {
        if p.possible() {
            return (None, NEVER);
        }
        let Some(first) = self.first(to.map_or(Slot::MIN, |to| now.saturating_sub(to))) else {
            return (None, NEVER);
        };
        if first.saturating_add(from) <= lasts.to {
            (Some(first), NEVER)
        } else {
            (None, lasts.reaches(first.saturating_add(from)).max(now + 1))
        }
    }

    /// q is false, and stays so until the window of somebody who asked at or after `earliest` has passed.
    fn missed(&self, earliest: Slot, to: i64, now: Slot, lasts: Lasts) -> (Option<Slot>, Slot) {
        let Some(first) = self.first(earliest.max(now.saturating_sub(to))) else {
            return (None, NEVER);
        };
        let end = first.saturating_add(to);
        if end <= lasts.to { (Some(first), NEVER) } else { (None, lasts.reaches(end).max(now + 1)) }
    }
}
