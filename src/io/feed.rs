//! What a watcher of the run (the live view, the step list) is shown. It may lag; the run never waits for it.
//!
//! Invariant: bounded; what does not fit is dropped and counted, prompts and the end excepted.

use crate::run::{Event, Outcome};
use crate::signal::Sample;
use crate::time::Span;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// Things that may wait for a watcher.
const CAPACITY: usize = 65_536;

/// One thing to show.
#[derive(Clone, PartialEq, Debug)]
pub enum Seen {
    Event(Event),
    /// The decoded samples of one input.
    Samples(Vec<Sample>),
    /// A person is asked; the answer goes through the queue as an order.
    Prompt {
        text: String,
        within: Span,
    },
    /// Nothing follows.
    Finished(Outcome),
}

#[derive(Default)]
struct Inside {
    waiting: Vec<Seen>,
    dropped: u64,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    inside: Mutex<Inside>,
    arrived: Condvar,
}

impl Shared {
    fn inside(&self) -> MutexGuard<'_, Inside> {
        // Nobody panics while holding the lock; if somebody did, the list is still whole.
        self.inside.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The run thread's end.
pub struct Feed {
    shared: Arc<Shared>,
    samples: bool,
    pending: Vec<Seen>,
}

/// The watcher's end.
pub struct Watcher(Arc<Shared>);

/// What a look gave.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Look {
    pub seen: Vec<Seen>,
    /// How many were dropped since the look before.
    pub dropped: u64,
    /// Nothing will ever follow.
    pub over: bool,
}

/// A feed and its watcher. `samples`: the watcher wants those too, not events alone.
pub fn feed(samples: bool) -> (Feed, Watcher) {
    let shared = Arc::new(Shared::default());
    (Feed { shared: shared.clone(), samples, pending: Vec::new() }, Watcher(shared))
}

impl Feed {
    /// The watcher wants samples.
    pub fn wants_samples(&self) -> bool {
        self.samples
    }
    /// Keeps something for the watcher until [`Feed::hand_over`].
    pub fn push(&mut self, seen: Seen) {
        self.pending.push(seen);
    }
    /// Lets the watcher have what was pushed.
    pub fn hand_over(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let mut inside = self.shared.inside();
        for seen in self.pending.drain(..) {
            if inside.waiting.len() < CAPACITY || matches!(seen, Seen::Prompt { .. } | Seen::Finished(_)) {
                inside.waiting.push(seen);
            } else {
                inside.dropped += 1;
            }
        }
        drop(inside);
        self.shared.arrived.notify_one();
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.hand_over();
        self.shared.inside().closed = true;
        self.shared.arrived.notify_one();
    }
}

impl Watcher {
    /// Waits until there is something to see, at most this long.
    pub fn look(&self, at_most: Duration) -> Look {
        let inside = self.0.inside();
        let waiting = |inside: &mut Inside| inside.waiting.is_empty() && inside.dropped == 0 && !inside.closed;
        let (mut inside, _) = self
            .0
            .arrived
            .wait_timeout_while(inside, at_most, waiting)
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let seen = std::mem::take(&mut inside.waiting);
        Look { seen, dropped: std::mem::take(&mut inside.dropped), over: inside.closed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::RunVerdict;
    use crate::run::event::EventKind;
    use crate::time::Time;

    #[test]
    fn a_watcher_that_sleeps_loses_events_but_no_prompt_and_not_the_end() {
        let (mut feed, watcher) = feed(false);
        for _ in 0..CAPACITY + 3 {
            feed.push(Seen::Event(Event { at: Time::ZERO, kind: EventKind::Armed }));
        }
        feed.push(Seen::Prompt { text: "clear?".into(), within: Span::from_secs(1) });
        feed.push(Seen::Finished(Outcome { verdict: RunVerdict::Pass, reasons: Vec::new() }));
        drop(feed);
        let look = watcher.look(Duration::ZERO);
        assert_eq!(look.dropped, 3);
        assert!(look.over);
        assert!(matches!(look.seen[CAPACITY..], [Seen::Prompt { .. }, Seen::Finished(_)]));
    }
}
