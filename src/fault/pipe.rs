//! Pipes that faults act on: something goes in at an instant, and comes out later, changed, twice or never.
//!
//! A pipe without faults hands everything on at once. Several faults act one after the other, in the order of their
//! start. What is under way when a delay ends arrives as delayed as it was sent, and nothing overtakes it.

use crate::fault::PipeFault;
use crate::fault::arrival::{Arrival, Fate};
use crate::fault::rng::Dice;
use crate::time::{Span, Time};
use std::collections::BTreeMap;

/// The most that is under way or held back at once; what comes then is lost, as it is when a sender's buffer is full.
const KEPT_MAX: usize = 65_536;

/// Names a fault that acts on a pipe, so that it can be ended: the caller's own number.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FaultKey(pub u32);

/// What a fault did, from the difference of what went in and what came out.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// How much passed while it acted.
    pub items: u64,
    /// How much of that came out otherwise: lost, late, twice, marked or with another content.
    pub altered: u64,
}

impl Tally {
    /// Counts one item.
    pub fn count(&mut self, altered: bool) {
        self.items += 1;
        self.altered += u64::from(altered);
    }
}

/// How a broker marks what it delivers not for the first time.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Mark {
    /// Kept, and delivered on connecting.
    Retained,
    /// Delivered again, since the first delivery was not acknowledged.
    Redelivered,
}

/// What can go through a pipe.
pub trait Carried: Clone + PartialEq {
    /// Marks it as a broker would; what has no such marks stays as it is.
    fn mark(&mut self, mark: Mark);
}

/// When things arrive: acts out the faults that concern arrival, and lets the others be.
#[derive(Clone, Debug)]
pub struct Pipe<T> {
    seed: u64,
    active: Vec<Acting<T>>,
    /// By arrival, and of one instant in order.
    under_way: BTreeMap<(Time, u64), T>,
    /// Held back by a fault, in order.
    waiting: Vec<Waiting<T>>,
    next_number: u64,
    last_arrival: Time,
    /// The latest instant that anyone spoke of.
    now: Time,
    /// What went in last, faults aside.
    last: Option<T>,
}

#[derive(Clone, Debug)]
struct Acting<T> {
    key: FaultKey,
    fault: PipeFault,
    arrival: Arrival,
    /// What went in last before the fault.
    kept: Option<T>,
    /// When what is repeated comes next.
    repeats: Time,
    tally: Tally,
}

#[derive(Clone, Debug)]
struct Waiting<T> {
    key: FaultKey,
    /// Behind so many others; `None`: until the fault ends.
    behind: Option<u32>,
    item: T,
}

impl<T: Carried> Pipe<T> {
    /// A pipe without faults. Its chance is fixed by `seed` and each fault's key.
    pub fn new(seed: u64) -> Pipe<T> {
        Pipe {
            seed,
            active: Vec::new(),
            under_way: BTreeMap::new(),
            waiting: Vec::new(),
            next_number: 0,
            last_arrival: Time::MIN,
            now: Time::MIN,
            last: None,
        }
    }

    /// Starts a fault; one of the same key is replaced.
    pub fn start(&mut self, at: Time, key: FaultKey, fault: PipeFault) {
        self.stop(key);
        self.now = self.now.max(at);
        let dice = Dice::new(self.seed, u64::from(key.0));
        let mut acting = Acting {
            key,
            fault,
            arrival: Arrival::new(fault, at, dice),
            kept: self.last.clone(),
            repeats: Time::MAX,
            tally: Tally::default(),
        };
        match fault {
            PipeFault::Repeat { every } if acting.kept.is_some() => {
                acting.repeats = at + every.max(Span::from_nanos(1))
            }
            PipeFault::Retained => {
                if let Some(mut kept) = acting.kept.clone() {
                    kept.mark(Mark::Retained);
                    acting.tally.count(true);
                    self.put(at, kept);
                }
            }
            _ => {}
        }
        self.active.push(acting);
    }

    /// Ends a fault, and tells what it did. What it held back comes now.
    pub fn stop(&mut self, key: FaultKey) -> Tally {
        let Some(place) = self.active.iter().position(|acting| acting.key == key) else { return Tally::default() };
        let tally = self.active.remove(place).tally;
        let (freed, waiting) = std::mem::take(&mut self.waiting).into_iter().partition(|waiting| waiting.key == key);
        self.waiting = waiting;
        let freed: Vec<Waiting<T>> = freed;
        if !freed.is_empty() {
            self.last_arrival = self.last_arrival.max(self.now);
        }
        for waiting in freed {
            self.put(self.last_arrival, waiting.item);
        }
        tally
    }

    /// Something goes in.
    pub fn push(&mut self, at: Time, mut item: T) {
        self.repeat(at);
        if self.active.is_empty() {
            self.last = Some(item.clone());
            self.last_arrival = self.last_arrival.max(at);
            return self.put(self.last_arrival, item);
        }
        let truth = item.clone();
        let mut fate = Fate::untouched();
        let mut held_by = None;
        let mut retained = false;
        for acting in &mut self.active {
            let gone = fate.lost;
            let altered = match acting.fault {
                PipeFault::Freeze => {
                    let frozen = acting.kept.get_or_insert_with(|| item.clone()).clone();
                    let altered = frozen != item;
                    item = frozen;
                    altered
                }
                PipeFault::Partition => {
                    held_by = Some(acting.key);
                    true
                }
                // A broker that kept nothing yet keeps this, and delivers it to whoever connects next.
                PipeFault::Retained if acting.kept.is_none() => {
                    acting.kept = Some(item.clone());
                    retained = true;
                    true
                }
                PipeFault::Repeat { every } if acting.kept.is_none() => {
                    acting.kept = Some(item.clone());
                    acting.repeats = at + every.max(Span::from_nanos(1));
                    false
                }
                _ => acting.arrival.decide(at, &mut fate),
            };
            // It draws for what a fault before it lost, so that its draws do not depend on the other; it did not pass.
            if !gone {
                acting.tally.count(altered);
            }
        }
        self.last = Some(truth);
        if !fate.lost {
            self.admit(at, item, &fate, held_by, retained);
        }
    }

    /// Places what is not lost.
    fn admit(&mut self, at: Time, item: T, fate: &Fate, held_by: Option<FaultKey>, retained: bool) {
        let mut arrival = at + fate.later;
        if !fate.loose {
            self.last_arrival = self.last_arrival.max(arrival);
            arrival = self.last_arrival;
        }
        let mut items = vec![item; fate.copies];
        for (wanted, mark) in [(fate.redelivered, Mark::Redelivered), (retained, Mark::Retained)] {
            if wanted && let Some(mut marked) = items.first().cloned() {
                marked.mark(mark);
                items.push(marked);
            }
        }
        if let (Some(age), Some(item)) = (fate.again, items.first()) {
            self.put(arrival + age, item.clone());
        }
        if let Some(key) = held_by {
            let room = KEPT_MAX.saturating_sub(self.waiting.len());
            self.waiting.extend(items.into_iter().take(room).map(|item| Waiting { key, behind: None, item }));
            return;
        }
        if let Some(depth) = fate.behind {
            let reordering = self.active.iter().find(|acting| matches!(acting.fault, PipeFault::Reorder { .. }));
            let key = reordering.expect("only this kind puts an item behind others").key;
            let room = KEPT_MAX.saturating_sub(self.waiting.len());
            self.waiting.extend(items.into_iter().take(room).map(|item| Waiting { key, behind: Some(depth), item }));
            return;
        }
        for item in items {
            self.put(arrival, item);
        }
        // Whoever waited for this one to pass is next.
        let mut passed = Vec::new();
        for waiting in &mut self.waiting {
            if let Some(behind) = &mut waiting.behind {
                *behind -= 1;
            }
        }
        self.waiting.retain(|waiting| {
            let free = waiting.behind == Some(0);
            if free {
                passed.push(waiting.item.clone());
            }
            !free
        });
        for item in passed {
            self.put(arrival, item);
        }
    }

    fn put(&mut self, arrival: Time, item: T) {
        if self.under_way.len() >= KEPT_MAX {
            return;
        }
        self.next_number += 1;
        self.under_way.insert((arrival, self.next_number), item);
    }

    /// Puts in what is repeated by now. Periods that a stall swallowed are not made up for.
    fn repeat(&mut self, at: Time) {
        self.now = self.now.max(at);
        let mut due = Vec::new();
        for acting in &mut self.active {
            let (PipeFault::Repeat { every }, Some(kept)) = (acting.fault, &acting.kept) else { continue };
            if acting.repeats <= at {
                due.push((acting.repeats, kept.clone()));
                acting.tally.count(true);
                let every = every.max(Span::from_nanos(1));
                let next = acting.repeats + every;
                acting.repeats = if next <= at { at + every } else { next };
            }
        }
        for (when, item) in due {
            self.put(when, item);
        }
    }

    /// What comes out next, if it has arrived by `at`. Ask until there is nothing.
    pub fn pop(&mut self, at: Time) -> Option<T> {
        self.repeat(at);
        let first = self.under_way.first_entry().filter(|first| first.key().0 <= at)?;
        Some(first.remove())
    }

    /// When the next thing comes out.
    pub fn next_deadline(&self) -> Option<Time> {
        let arrival = self.under_way.first_key_value().map(|((arrival, _), _)| *arrival);
        let repeats = self.active.iter().map(|acting| acting.repeats).filter(|due| *due < Time::MAX).min();
        [arrival, repeats].into_iter().flatten().min()
    }

    /// Forgets what is under way and what is held back (on a trip, at an exit); faults stay.
    pub fn clear(&mut self) {
        self.under_way.clear();
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: FaultKey = FaultKey(1);
    const SECOND: FaultKey = FaultKey(2);

    /// A number, and how it was marked.
    #[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
    struct Item(i64, char);

    impl Carried for Item {
        fn mark(&mut self, mark: Mark) {
            self.1 = if mark == Mark::Retained { 'r' } else { 'd' };
        }
    }

    fn plain(number: i64) -> Item {
        Item(number, ' ')
    }

    fn at(millis: i64) -> Time {
        Time::ZERO + Span::from_millis(millis)
    }

    fn delay(millis: i64) -> PipeFault {
        PipeFault::Delay { by: Span::from_millis(millis) }
    }

    /// Runs the pipe from deadline to deadline and notes what came out when.
    fn drain(pipe: &mut Pipe<Item>) -> Vec<(i64, Item)> {
        let mut out = Vec::new();
        while let Some(due) = pipe.next_deadline() {
            assert!(due == Time::MIN || pipe.pop(due - Span::from_nanos(1)).is_none(), "not before its time");
            let item = pipe.pop(due).expect("due now");
            out.push((due.nanos() / 1_000_000, item));
        }
        out
    }

    fn numbers(out: &[(i64, Item)]) -> Vec<(i64, i64)> {
        out.iter().map(|(at, item)| (*at, item.0)).collect()
    }

    /// What comes of so many items, one a millisecond, and what the fault says of itself.
    fn through(seed: u64, fault: PipeFault, count: i64) -> (Vec<(i64, Item)>, Tally) {
        let mut pipe = Pipe::new(seed);
        pipe.start(at(0), FIRST, fault);
        (0..count).for_each(|number| pipe.push(at(number), plain(number)));
        let tally = pipe.stop(FIRST);
        (drain(&mut pipe), tally)
    }

    #[test]
    fn without_faults_everything_comes_out_at_once_and_in_order() {
        let mut pipe = Pipe::new(1);
        pipe.push(at(1), plain(1));
        pipe.push(at(1), plain(2));
        pipe.push(at(2), plain(3));
        assert_eq!(numbers(&drain(&mut pipe)), [(1, 1), (1, 2), (2, 3)]);
    }

    #[test]
    fn delays_add_up_and_nothing_overtakes_when_one_ends() {
        let mut pipe = Pipe::new(1);
        pipe.start(at(0), FIRST, delay(100));
        pipe.push(at(0), plain(1));
        pipe.start(at(0), SECOND, delay(50));
        pipe.push(at(10), plain(2));
        assert_eq!(pipe.stop(FIRST), Tally { items: 2, altered: 2 });
        pipe.push(at(20), plain(3));
        pipe.stop(SECOND);
        pipe.push(at(170), plain(4));
        assert_eq!(numbers(&drain(&mut pipe)), [(100, 1), (160, 2), (160, 3), (170, 4)]);
    }

    #[test]
    fn off_lets_nothing_in_but_what_is_under_way_arrives() {
        let mut pipe = Pipe::new(1);
        pipe.start(at(0), FIRST, delay(100));
        pipe.push(at(0), plain(1));
        pipe.start(at(0), SECOND, PipeFault::Off);
        pipe.push(at(10), plain(2));
        assert_eq!(pipe.stop(SECOND), Tally { items: 1, altered: 1 });
        pipe.push(at(20), plain(3));
        assert_eq!(numbers(&drain(&mut pipe)), [(100, 1), (120, 3)]);
        pipe.push(at(130), plain(4));
        pipe.clear();
        assert_eq!(drain(&mut pipe), []);
    }

    #[test]
    fn losses_and_doubles_come_at_their_share_and_the_same_for_the_same_seed() {
        let run = |seed: u64, fault: PipeFault| through(seed, fault, 4_000).0;
        let (kept, tally) = through(1, PipeFault::Drop { share: 0.25 }, 4_000);
        assert_eq!(tally, Tally { items: 4_000, altered: 4_000 - kept.len() as u64 });
        assert!((tally.altered as f64 / 4_000.0 - 0.25).abs() < 0.03, "{tally:?}");
        let mut both = Pipe::new(1);
        both.start(at(0), FIRST, PipeFault::Drop { share: 1.0 });
        both.start(at(0), SECOND, delay(10));
        both.push(at(0), plain(0));
        assert_eq!(both.stop(SECOND), Tally::default(), "what was lost before does not pass");
        let doubled = run(1, PipeFault::Duplicate { share: 0.1 });
        assert!(((doubled.len() - 4_000) as f64 / 4_000.0 - 0.1).abs() < 0.02, "{} of 4000", doubled.len());
        assert!(doubled.is_sorted(), "a double comes right behind its original");
        assert_eq!(run(1, PipeFault::Drop { share: 0.25 }), run(1, PipeFault::Drop { share: 0.25 }));
        assert_ne!(run(1, PipeFault::Drop { share: 0.25 }), run(2, PipeFault::Drop { share: 0.25 }));
        assert_eq!(run(1, PipeFault::Drop { share: 0.0 }).len(), 4_000);
        assert_eq!(run(1, PipeFault::Drop { share: 1.0 }).len(), 0);
    }

    #[test]
    fn a_second_fault_leaves_the_draws_of_the_first_as_they_were() {
        let run = |other: bool| {
            let mut pipe = Pipe::new(9);
            if other {
                pipe.start(at(0), SECOND, PipeFault::Duplicate { share: 0.5 });
            }
            pipe.start(at(0), FIRST, PipeFault::Drop { share: 0.5 });
            (0..200).for_each(|number| pipe.push(at(number), plain(number)));
            let mut numbers: Vec<i64> = drain(&mut pipe).into_iter().map(|(_, item)| item.0).collect();
            numbers.dedup();
            numbers
        };
        assert_eq!(run(false), run(true));
    }

    #[test]
    fn jitter_has_its_size_and_keeps_the_order_unless_it_may_not() {
        let sigma = Span::from_millis(20);
        let (kept, _) = through(5, PipeFault::Jitter { sigma, reorder: false }, 4_000);
        assert!(kept.iter().map(|(_, item)| item.0).is_sorted(), "nothing overtakes");
        let (mixed, tally) = through(5, PipeFault::Jitter { sigma, reorder: true }, 4_000);
        assert_eq!((mixed.len(), tally.items), (4_000, 4_000), "nothing is lost");
        let overtaken = mixed.windows(2).filter(|pair| pair[0].1.0 > pair[1].1.0).count();
        assert!(overtaken > 1_000, "items a millisecond apart change places at 20 ms, {overtaken} did");
        // The mean of the size of a normal draw is sigma * sqrt(2 / pi).
        let late = mixed.iter().map(|(came, item)| (came - item.0) as f64).sum::<f64>() / 4_000.0;
        let mean = 20.0 * (2.0 / core::f64::consts::PI).sqrt() - 0.5;
        assert!((late - mean).abs() < 0.6, "late by {late} ms on average (whole milliseconds), not {mean}");
    }

    #[test]
    fn reordered_items_come_behind_as_many_as_was_said() {
        let mut pipe = Pipe::new(1);
        pipe.start(at(0), FIRST, PipeFault::Reorder { share: 1.0, depth: 2 });
        pipe.push(at(0), plain(0));
        pipe.stop(FIRST);
        assert_eq!(numbers(&drain(&mut pipe)), [(0, 0)], "whoever waits when it ends comes then");
        let (out, tally) = through(3, PipeFault::Reorder { share: 0.05, depth: 3 }, 4_000);
        assert_eq!(out.len(), 4_000, "nothing is lost");
        assert!((tally.altered as f64 / 4_000.0 - 0.05).abs() < 0.015, "{tally:?}");
        // One that was held back on its own stands exactly three places behind.
        let alone = out.windows(4).filter(|w| w[3].1.0 + 1 == w[0].1.0 && w[2].1.0 == w[0].1.0 + 2).count();
        assert!(alone > 100, "{alone}");
    }

    #[test]
    fn a_partition_keeps_everything_to_its_end_and_off_loses_it() {
        let mut pipe = Pipe::new(1);
        pipe.start(at(0), FIRST, PipeFault::Partition);
        pipe.push(at(1), plain(1));
        pipe.push(at(5), plain(2));
        assert_eq!((pipe.next_deadline(), pipe.pop(at(10))), (None, None));
        assert_eq!(pipe.stop(FIRST), Tally { items: 2, altered: 2 });
        pipe.push(at(10), plain(3));
        assert_eq!(numbers(&drain(&mut pipe)), [(10, 1), (10, 2), (10, 3)]);
    }

    #[test]
    fn frozen_the_last_item_stands_for_all_that_come() {
        let mut pipe = Pipe::new(1);
        pipe.push(at(0), plain(7));
        pipe.start(at(1), FIRST, PipeFault::Freeze);
        pipe.push(at(2), plain(8));
        pipe.push(at(3), plain(7));
        assert_eq!(pipe.stop(FIRST), Tally { items: 2, altered: 1 }, "the same again is no difference");
        pipe.push(at(5), plain(9));
        assert_eq!(numbers(&drain(&mut pipe)), [(0, 7), (2, 7), (3, 7), (5, 9)]);
    }

    #[test]
    fn replayed_items_come_again_and_a_repeated_one_for_ever() {
        let mut pipe = Pipe::new(1);
        pipe.start(at(0), FIRST, PipeFault::Replay { age: Span::from_millis(10) });
        pipe.push(at(0), plain(1));
        pipe.push(at(4), plain(2));
        pipe.stop(FIRST);
        assert_eq!(numbers(&drain(&mut pipe)), [(0, 1), (4, 2), (10, 1), (14, 2)]);
        let mut pipe = Pipe::new(1);
        pipe.push(at(0), plain(3));
        assert_eq!(pipe.pop(at(0)), Some(plain(3)));
        pipe.start(at(5), FIRST, PipeFault::Repeat { every: Span::from_millis(10) });
        let mut seen = Vec::new();
        for millis in 6..=40 {
            seen.extend(pipe.pop(at(millis)).map(|item| (millis, item.0)));
        }
        assert_eq!(seen, [(15, 3), (25, 3), (35, 3)]);
        assert_eq!(pipe.stop(FIRST), Tally { items: 3, altered: 3 });
        assert_eq!(pipe.next_deadline(), None);
    }

    #[test]
    fn many_doubles_and_long_delays_keep_no_more_than_a_full_buffer() {
        let mut pipe = Pipe::new(1);
        for key in 0..200 {
            pipe.start(at(0), FaultKey(key), PipeFault::Duplicate { share: 1.0 });
        }
        pipe.push(at(0), plain(1));
        assert_eq!(drain(&mut pipe).len(), 64, "six that double make 64, and no more");
        pipe.start(at(0), FaultKey(200), delay(3_600_000));
        (0..2_000).for_each(|number| pipe.push(at(number), plain(number)));
        assert_eq!(drain(&mut pipe).len(), KEPT_MAX);
        let mut pipe = Pipe::new(1);
        pipe.start(at(0), FIRST, PipeFault::Reorder { share: 1.0, depth: 255 });
        pipe.start(at(0), SECOND, PipeFault::Duplicate { share: 1.0 });
        (0..KEPT_MAX as i64).for_each(|number| pipe.push(at(number), plain(number)));
        assert!(pipe.waiting.len() <= KEPT_MAX);
    }

    #[test]
    fn a_broker_marks_what_it_kept_and_what_it_delivers_again() {
        let mut pipe = Pipe::new(1);
        pipe.push(at(0), plain(1));
        pipe.start(at(5), FIRST, PipeFault::Retained);
        pipe.push(at(6), plain(2));
        pipe.start(at(7), SECOND, PipeFault::Redeliver { share: 1.0 });
        pipe.push(at(8), plain(3));
        let expected = [(0, plain(1)), (5, Item(1, 'r')), (6, plain(2)), (8, plain(3)), (8, Item(3, 'd'))];
        assert_eq!(drain(&mut pipe), expected);
        assert_eq!(pipe.stop(FIRST), Tally { items: 3, altered: 1 });
        let mut empty = Pipe::new(1);
        empty.start(at(0), FIRST, PipeFault::Retained);
        empty.push(at(1), plain(4));
        assert_eq!(drain(&mut empty), [(1, plain(4)), (1, Item(4, 'r'))], "what came first was kept");
    }
}
