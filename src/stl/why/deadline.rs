//! How much earlier or later something could have come: time robustness of rules that are about a deadline.
//!
//! A rule's *slack* is how much tighter its deadline could have been with the rule still holding over the record: the
//! greatest `s` for which the rule holds with `eventually[a, b − s]` in place of `eventually[a, b]`; negative when it
//! would have had to be looser. Kin to the time robustness of Donzé and Maler (FORMATS 2010), which moves the signals;
//! here the deadline is moved.

use super::Place;
use super::record::{Slot, Values, place, slot};
use super::shape::{all_of, negated};
use crate::expr::ir::{Comparison, Formula, Number, Window};
use crate::expr::walk::is_past;
use crate::signal::SignalId;
use crate::stl::{RuleSpec, Truth, promises};
use crate::time::{Span, Time};

/// What a rule demands in time.
#[derive(Clone, PartialEq, Debug)]
pub enum Deadline {
    /// `asked implies eventually[from, to] answer`, or `… implies left until[from, to] answer`.
    Answer(Box<Answer>),
    /// `age(signal) <= limit`.
    Silence { signal: SignalId, limit: Span },
    /// `never: historically[0, limit] inner`: it may hold for less than `limit` at a stretch.
    Stretch { inner: Formula, limit: Span },
}

/// An answer within a window after what asks for it.
#[derive(Clone, PartialEq, Debug)]
pub struct Answer {
    pub asked: Formula,
    /// What must hold until it comes.
    pub left: Option<Formula>,
    pub answer: Formula,
    pub from: Span,
    pub to: Span,
}

/// How near to its deadline a rule came.
#[derive(Clone, PartialEq, Debug)]
pub struct Timing {
    pub deadline: Deadline,
    /// The least slack is at least this; `None`: nothing bounds it (no answer came).
    pub lo: Option<Span>,
    /// The least slack is at most this; `None`: nothing was asked for.
    pub hi: Option<Span>,
    /// The request, the silence or the stretch of the least slack: from where to where.
    pub from: Option<Place>,
    pub to: Option<Place>,
    /// How many requests or stretches there were.
    pub count: usize,
    /// Requests whose deadline lies beyond the end of the record, unanswered: they count for nothing here.
    pub open: usize,
}

/// Every deadline in the rule with how near it came; empty for a rule that is not about time.
pub(super) fn timings(values: &Values<'_>, rule: &RuleSpec) -> Vec<Timing> {
    let deadlines = promises(rule).into_iter().filter_map(|(asked, promise)| deadline(&asked, &promise));
    deadlines.map(|deadline| timing(values, deadline)).collect()
}

/// The deadline in `asked implies promise`, if there is one.
fn deadline(asked: &[Formula], promise: &Formula) -> Option<Deadline> {
    let always = asked.is_empty();
    let answer = |left: Option<&Formula>, answer: &Formula, from: Span, to: Span| {
        let (asked, left, answer) = (all_of(asked), left.cloned(), answer.clone());
        Some(Deadline::Answer(Box::new(Answer { asked, left, answer, from, to })))
    };
    match promise {
        Formula::Eventually(Window { from, to: Some(to) }, q) if is_past(q) => answer(None, q, *from, *to),
        Formula::Until(Window { from, to: Some(to) }, p, q) if is_past(p) && is_past(q) => {
            answer(Some(&**p), q, *from, *to)
        }
        Formula::Not(inner) if always => match &**inner {
            Formula::Historically(Window { from, to: Some(to) }, p) if is_past(p) => {
                Some(Deadline::Stretch { inner: (**p).clone(), limit: *to - *from })
            }
            _ => None,
        },
        Formula::Once(Window { from, to: Some(to) }, q) if always && is_past(q) => {
            Some(Deadline::Stretch { inner: negated(q), limit: *to - *from })
        }
        Formula::Compare { op: Comparison::LessEqual | Comparison::Less, left, right, .. } if always => {
            silence(left, right)
        }
        Formula::Compare { left, right, .. } if always => silence(right, left),
        _ => None,
    }
}

fn silence(age: &Number, limit: &Number) -> Option<Deadline> {
    match (age, limit) {
        (Number::Age(signal), Number::Constant(limit)) => {
            Some(Deadline::Silence { signal: *signal, limit: Span::from_seconds(*limit) })
        }
        _ => None,
    }
}

fn timing(values: &Values<'_>, deadline: Deadline) -> Timing {
    match &deadline {
        Deadline::Answer(promise) => {
            let Answer { asked, left, answer, from, to } = &**promise;
            let asked = Truths::of(values, asked);
            let answer = Truths::of(values, answer);
            let left = left.as_ref().map(|left| Truths::of(values, left));
            let window = (slots(*from), slots(*to));
            let runs = |reading| {
                let left = left.as_ref().map(|left| left.runs(reading));
                requests(
                    &asked.runs(opposite(reading)),
                    &answer.runs(reading),
                    left.as_deref(),
                    window,
                    reading,
                    values.last(),
                )
            };
            let (worst, best) = (runs(Reading::Certain), runs(Reading::Possible));
            let shown = worst.least.or(best.least);
            Timing {
                lo: worst.least.and_then(|least| least.slack()),
                hi: best.least.and_then(|least| least.slack()),
                from: shown.map(|least| place(least.asked)),
                to: shown.and_then(|least| least.answered).map(place),
                count: best.count,
                open: best.open.max(worst.open),
                deadline,
            }
        }
        Deadline::Stretch { inner, limit } => {
            let truths = Truths::of(values, inner);
            let longest = |reading| {
                let runs = truths.runs(reading);
                let longest = runs.iter().copied().max_by_key(|(x, y)| (y - x, std::cmp::Reverse(*x)));
                (longest, runs.len())
            };
            let ((worst, count), (best, _)) = (longest(Reading::Possible), longest(Reading::Certain));
            let slack = |run: Option<(Slot, Slot)>| run.map(|(x, y)| *limit - Span::from_nanos((y - x) >> 1));
            Timing {
                // Nothing of the kind: all of what is allowed is left.
                lo: slack(worst).or(Some(*limit)),
                hi: slack(best).or(Some(*limit)),
                from: worst.map(|(x, _)| place(x)),
                to: worst.map(|(_, y)| place(y)),
                count,
                open: 0,
                deadline,
            }
        }
        Deadline::Silence { signal, limit } => {
            let (longest, from, to, count) = silences(values, *signal);
            let slack = Some(*limit - longest);
            Timing { lo: slack, hi: slack, from: Some(place(from)), to: Some(place(to)), count, open: 0, deadline }
        }
    }
}

/// The longest time without a sample within the scope, by age at its end, and how many samples ended one.
fn silences(values: &Values<'_>, signal: SignalId) -> (Span, Slot, Slot, usize) {
    let (start, end) = (values.record.start, values.record.end);
    let mut stamps: Vec<Time> = values.told(signal).iter().filter(|(_, v)| v.is_some()).map(|(at, _)| *at).collect();
    stamps.dedup();
    let before = stamps.partition_point(|at| *at < start);
    // An age that no sample ever ended counts from the start.
    let mut from = before.checked_sub(1).map_or(start, |last| stamps[last]);
    let mut longest = (Span::from_nanos(-1), from, from);
    let count = stamps.len() - before;
    for (at, heard) in stamps[before..].iter().map(|at| (*at, true)).chain([(end, false)]) {
        // Just before a sample comes its predecessor is one tick younger than the sample's stamp says.
        let to = if heard { at - Span::from_nanos(1) } else { at };
        if to.since(from) > longest.0 && to >= start {
            longest = (to.since(from), from, to);
        }
        from = at;
    }
    let slot = |at: Time| at.nanos().saturating_mul(2);
    (longest.0.max(Span::ZERO), slot(longest.1), slot(longest.2), count)
}

/// How the unknown is read.
#[derive(Copy, Clone, PartialEq, Eq)]
enum Reading {
    /// Holds only where it is true for certain.
    Certain,
    /// Holds wherever it is not false.
    Possible,
}

fn opposite(reading: Reading) -> Reading {
    match reading {
        Reading::Certain => Reading::Possible,
        Reading::Possible => Reading::Certain,
    }
}

fn slots(span: Span) -> Slot {
    span.nanos().saturating_mul(2)
}

/// Where a formula's truth changes.
struct Truths {
    changes: Vec<(Slot, Truth)>,
    last: Slot,
}

impl Truths {
    fn of(values: &Values<'_>, formula: &Formula) -> Truths {
        let mut changes: Vec<(Slot, Truth)> = Vec::new();
        let last = values.last();
        values.each(formula, values.first(), last, &mut |piece| {
            if changes.last().is_none_or(|(_, truth)| *truth != piece.truth) {
                changes.push((slot(&piece), piece.truth));
            }
        });
        Truths { changes, last }
    }

    /// The stretches in which it holds, both ends included.
    fn runs(&self, reading: Reading) -> Vec<(Slot, Slot)> {
        let mut runs: Vec<(Slot, Slot)> = Vec::new();
        for (i, (from, truth)) in self.changes.iter().enumerate() {
            let holds = *truth == Truth::True || *truth == Truth::Unknown && reading == Reading::Possible;
            if !holds {
                continue;
            }
            let to = self.changes.get(i + 1).map_or(self.last, |(next, _)| next - 1);
            match runs.last_mut() {
                Some((_, end)) if *end + 1 == *from => *end = to,
                _ => runs.push((*from, to)),
            }
        }
        runs
    }
}

/// A request and its answer.
#[derive(Copy, Clone)]
struct Request {
    asked: Slot,
    answered: Option<Slot>,
    /// Deadline less answer; `None`: the answer never came, or could not count.
    left: Option<Slot>,
}

impl Request {
    fn slack(self) -> Option<Span> {
        self.left.map(|slots| Span::from_nanos(slots >> 1))
    }

    /// Smaller is worse; an answer that never came is the worst.
    fn rank(self) -> Slot {
        self.left.unwrap_or(Slot::MIN)
    }
}

#[derive(Default)]
struct Requests {
    least: Option<Request>,
    count: usize,
    open: usize,
}

/// Every request with its answer: the instants of one stretch of `asked` that have the same answer are one request, whose
/// first instant has the least slack.
fn requests(
    asked: &[(Slot, Slot)],
    answer: &[(Slot, Slot)],
    left: Option<&[(Slot, Slot)]>,
    (from, to): (Slot, Slot),
    reading: Reading,
    last: Slot,
) -> Requests {
    let mut all = Requests::default();
    for (begin, end) in asked.iter().copied() {
        let mut at = begin;
        while at <= end {
            let due = at + to;
            let earliest = at + from;
            let next = answer.partition_point(|(_, y)| *y < earliest);
            let known = answer.get(next).map(|(x, y)| ((*x).max(earliest), *y));
            // After the end of the record anything may come.
            let beyond = (reading == Reading::Possible).then_some((earliest.max(last + 1), Slot::MAX));
            let found = known.or(beyond);
            let held_until = left.map_or(Slot::MAX, |left| held_until(left, at, reading, last));
            // An open interval is entered before any witness in it, but for the one that asks.
            let needed = |came: Slot| if came & 1 == 0 || came == at { came - 1 } else { came };
            // With a lower bound the left side must hold up to it, the bound included.
            let led = if from > 0 { earliest } else { Slot::MIN };
            let counts = |came: Slot| held_until >= needed(came).max(led);
            let answered = found.filter(|(came, _)| counts(*came));
            let request = Request {
                asked: at,
                answered: answered.map(|(came, _)| came).filter(|came| *came <= last),
                left: answered.map(|(came, _)| due - came),
            };
            let at_once = answered.is_some_and(|(came, _)| came == earliest);
            if at == begin || !at_once {
                all.count += 1;
            }
            // What may still be answered in time says nothing yet.
            let pending = due > last && request.answered.is_none() && held_until >= last;
            if pending {
                all.open += 1;
            } else if all.least.is_none_or(|least| request.rank() < least.rank()) {
                all.least = Some(request);
            }
            at = match answered {
                Some((came, until)) if at_once => {
                    let until = if from > 0 { until.min(held_until) } else { until };
                    until.max(came).saturating_sub(from).saturating_add(1)
                }
                Some((came, _)) if came <= last => came - from + 1,
                // Never answered: what was asked later in this stretch waits for the same, and less long.
                _ if left.is_none() || held_until >= last => break,
                // The left side broke. Nothing changes until it holds again, or an answer is there at once.
                _ => {
                    let behind = held_until.max(at);
                    let holds_again = left.and_then(|left| next_begin(left, behind));
                    let answers = next_begin(answer, behind.saturating_add(from)).map(|x| x - from);
                    let beyond = beyond.map(|(x, _)| x - from).filter(|x| *x > behind);
                    match [holds_again, answers, beyond].into_iter().flatten().min() {
                        Some(next) => next,
                        None => break,
                    }
                }
            };
        }
    }
    all
}

/// Where the first run after `behind` begins.
fn next_begin(runs: &[(Slot, Slot)], behind: Slot) -> Option<Slot> {
    runs.get(runs.partition_point(|(x, _)| *x <= behind)).map(|(x, _)| *x)
}

/// The last place up to which the left side holds from `at` on; one before `at` if it does not.
fn held_until(left: &[(Slot, Slot)], at: Slot, reading: Reading, last: Slot) -> Slot {
    let next = left.partition_point(|(_, y)| *y < at);
    match left.get(next) {
        Some((x, y)) if *x <= at => {
            if *y >= last && reading == Reading::Possible {
                Slot::MAX
            } else {
                *y
            }
        }
        _ => at - 1,
    }
}
