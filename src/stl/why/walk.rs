//! From a formula at a place down to the samples that made it so.

use super::pieces::Pieces;
use super::record::{Slot, Values, place, slot_of};
use super::seen::{Seen, seen};
use super::shape::{awaited, negated};
use super::{Gap, Heard, How, LIST_MAX, Other, Place, STEPS_MAX, Side, Step};
use crate::expr::ir::{Formula, Number, Window};
use crate::signal::SignalId;
use crate::stl::{Margin, RuleSpec, Truth};
use crate::time::Span;

/// Walks one chain.
pub(super) struct Walker<'a> {
    values: &'a Values<'a>,
    /// Steps that may still be taken.
    left: usize,
}

/// What a step follows from.
type Reason = (How, Vec<Step>);

fn slot(place: Place) -> Slot {
    slot_of(place.at) + Slot::from(place.after)
}

impl<'a> Walker<'a> {
    pub fn new(values: &'a Values<'a>) -> Walker<'a> {
        Walker { values, left: STEPS_MAX }
    }

    /// Why the formula is what it is at a place.
    pub fn explain(&mut self, formula: &Formula, at: Place) -> Step {
        self.left = STEPS_MAX;
        self.step(formula, slot(at))
    }

    /// Why the formula is unknown, at the first of these places at which data is missing; if there is none, at the first
    /// that waits for what comes after the end. What only lies before the start is no reason.
    pub fn explain_unknown(&mut self, formula: &Formula, places: &[Slot]) -> Option<Step> {
        let mut waiting = None;
        for at in places {
            let step = self.explain(formula, place(*at));
            if misses(&step) {
                return Some(step);
            }
            if waiting.is_none() && waits(&step) {
                waiting = Some(step);
            }
        }
        waiting
    }

    /// What a rule without a bound still waits for at the end.
    pub fn explain_waiting(&mut self, rule: &RuleSpec) -> Step {
        let (first, last) = (self.values.first(), self.values.last());
        self.left = STEPS_MAX;
        let awaited = awaited(rule);
        let best = awaited.and_then(|answer| self.pieces(&answer, first, last).best().map(|at| (answer, at)));
        let causes = best.map(|(answer, at)| self.step(&answer, at)).into_iter().collect();
        Step {
            formula: rule.body.clone(),
            place: place(last),
            margin: super::record::UNKNOWN,
            truth: Truth::Unknown,
            how: How::StillWaiting,
            causes,
            others: Vec::new(),
            more_others: 0,
        }
    }

    fn pieces(&self, formula: &Formula, from: Slot, to: Slot) -> Pieces {
        let from = from.max(self.values.first());
        let list = if from > to { Vec::new() } else { self.values.range(formula, from, to) };
        Pieces { from, to, list }
    }

    fn step(&mut self, formula: &Formula, at: Slot) -> Step {
        let (margin, truth) = self.values.at(formula, at);
        let mut step = Step {
            formula: formula.clone(),
            place: place(at),
            margin,
            truth,
            how: How::Cut,
            causes: Vec::new(),
            others: Vec::new(),
            more_others: 0,
        };
        if self.left == 0 {
            return step;
        }
        self.left -= 1;
        (step.how, step.causes) = match formula {
            Formula::Constant(_) => (How::Written, Vec::new()),
            Formula::Flag(signal) | Formula::State { signal, .. } => {
                (How::Tested { samples: vec![seen(self.values, *signal, at)] }, Vec::new())
            }
            // `!=` and `not armed` are tests of their signal like any other.
            Formula::Not(p) if matches!(**p, Formula::Flag(_) | Formula::State { .. }) => match &**p {
                Formula::Flag(signal) | Formula::State { signal, .. } => {
                    (How::Tested { samples: vec![seen(self.values, *signal, at)] }, Vec::new())
                }
                _ => (How::Opposite, Vec::new()),
            },
            Formula::Changed(signal) => {
                let mut samples = Vec::new();
                // What held just before, and what then came.
                if at & 1 == 0 && at > self.values.first() {
                    samples.push(seen(self.values, *signal, at - 1));
                }
                samples.push(seen(self.values, *signal, at));
                (How::Tested { samples }, Vec::new())
            }
            Formula::Compare { left, right, .. } => self.compared(&[left, right], at),
            Formula::In { expr, lo, hi, .. } => self.compared(&[expr, lo, hi], at),
            Formula::Not(p) => (How::Opposite, vec![self.step(p, at)]),
            Formula::And(all) => self.parts(all, at, truth, true, &mut step),
            Formula::Or(all) => self.parts(all, at, truth, false, &mut step),
            Formula::Implies(p, q) if truth == Truth::False => {
                (How::Together, vec![self.step(p, at), self.step(q, at)])
            }
            Formula::Implies(p, q) => {
                let parts = [negated(p), (**q).clone()];
                self.parts(&parts, at, truth, false, &mut step)
            }
            Formula::Iff(p, q) => (How::Together, vec![self.step(p, at), self.step(q, at)]),
            Formula::Rise(p) => self.edge(p, at, truth, true),
            Formula::Fall(p) => self.edge(p, at, truth, false),
            Formula::Always(w, p) => self.window(p, ahead(*w, at), truth, true),
            Formula::Eventually(w, p) => self.window(p, ahead(*w, at), truth, false),
            Formula::Historically(w, p) => self.window(p, self.behind(*w, at), truth, true),
            Formula::Once(w, p) => self.window(p, self.behind(*w, at), truth, false),
            Formula::Until(w, p, q) => self.until(*w, p, q, at, truth),
            Formula::Unless(w, p, q) => self.unless(*w, p, q, at, truth),
            Formula::Since(w, p, q) => self.since(*w, p, q, at, truth),
        };
        step
    }

    /// `and` (all must hold) or `or`: the part that decided, and the others.
    fn parts(&mut self, all: &[Formula], at: Slot, truth: Truth, must_all: bool, step: &mut Step) -> Reason {
        let worth: Vec<(Margin, Truth)> = all.iter().map(|p| self.values.at(p, at)).collect();
        let of_truth = || worth.iter().enumerate().filter(|(_, (_, t))| *t == truth);
        let key = |margin: &Margin| if must_all { (margin.hi, margin.lo) } else { (-margin.lo, -margin.hi) };
        let least = |a: &(usize, &(Margin, Truth)), b: &(usize, &(Margin, Truth))| {
            key(&a.1.0).partial_cmp(&key(&b.1.0)).expect("a margin is never NaN")
        };
        let Some((decisive, _)) = of_truth().min_by(least) else { return (How::Cut, Vec::new()) };
        let mut cause = self.step(&all[decisive], at);
        if truth == Truth::Unknown {
            // Data that is missing says more than what lies beyond the record.
            for (other, _) in of_truth() {
                if other != decisive && !misses(&cause) {
                    let candidate = self.step(&all[other], at);
                    if misses(&candidate) {
                        cause = candidate;
                    }
                }
            }
        }
        let others: Vec<Other> = all
            .iter()
            .zip(&worth)
            .filter(|(formula, _)| **formula != cause.formula)
            .map(|(formula, (margin, truth))| Other { formula: formula.clone(), margin: *margin, truth: *truth })
            .collect();
        step.more_others = others.len().saturating_sub(LIST_MAX);
        step.others = others.into_iter().take(LIST_MAX).collect();
        (How::Decided, vec![cause])
    }

    /// `rise` (or `fall`).
    fn edge(&mut self, p: &Formula, at: Slot, truth: Truth, rises: bool) -> Reason {
        let wanted = if rises { Truth::True } else { Truth::False };
        let now = self.values.at(p, at).1;
        // Within an open interval nothing changes; before the first place it counts as not yet so.
        let before = match at {
            at if at <= self.values.first() => None,
            at if at & 1 == 1 => Some((at, now)),
            at => Some((at - 1, self.values.at(p, at - 1).1)),
        };
        match truth {
            Truth::True => {
                let mut causes: Vec<Step> = before.into_iter().map(|(slot, _)| self.step(p, slot)).collect();
                causes.push(self.step(p, at));
                (How::Together, causes)
            }
            Truth::False => match before {
                // It is as it should be, but was so already.
                Some((slot, then)) if now == wanted && then == wanted => (How::JustBefore, vec![self.step(p, slot)]),
                _ if now != wanted && now != Truth::Unknown => (How::Decided, vec![self.step(p, at)]),
                Some((slot, _)) => (How::JustBefore, vec![self.step(p, slot)]),
                None => (How::Decided, vec![self.step(p, at)]),
            },
            Truth::Unknown => match before {
                Some((slot, Truth::Unknown)) if now != Truth::Unknown => (How::JustBefore, vec![self.step(p, slot)]),
                _ => (How::Decided, vec![self.step(p, at)]),
            },
        }
    }

    /// The places of a past window; unbounded ones begin with the scope.
    fn behind(&self, window: Window, at: Slot) -> (Slot, Slot) {
        let oldest = window.to.map_or(self.values.first(), |to| at - slots(to));
        (oldest, at - slots(window.from))
    }

    /// `p` throughout the window (`must_all`) or somewhere in it.
    fn window(&mut self, p: &Formula, (from, to): (Slot, Slot), truth: Truth, must_all: bool) -> Reason {
        let pieces = self.pieces(p, from, to);
        let (from_place, to_place) = (place(pieces.from), place(to));
        let least = How::Least { from: from_place, to: to_place };
        let most = How::Most { from: from_place, to: to_place };
        match (truth, must_all) {
            (Truth::Unknown, _) => return self.open(p, &pieces, from),
            (Truth::False, true) | (Truth::True, true) => {
                if let Some(at) = pieces.least(truth) {
                    return (least, vec![self.step(p, at)]);
                }
            }
            (Truth::True, false) | (Truth::False, false) => {
                if let Some(at) = pieces.most(truth) {
                    return (most, vec![self.step(p, at)]);
                }
            }
        }
        // An empty window decides by itself.
        (if must_all { least } else { most }, Vec::new())
    }

    /// A window whose answer is open: where its part is unknown, or where it leaves the record.
    fn open(&mut self, p: &Formula, pieces: &Pieces, from: Slot) -> Reason {
        let mut found: Option<Step> = None;
        for at in pieces.all(Truth::Unknown).take(LIST_MAX) {
            let step = self.step(p, at);
            let better = found.as_ref().is_none_or(|old| misses(&step) && !misses(old));
            if better {
                let done = misses(&step);
                found = Some(step);
                if done {
                    break;
                }
            }
        }
        let first = self.values.first();
        match found {
            Some(step) if misses(&step) || from >= first => {
                (How::Open { from: place(pieces.from), to: place(pieces.to) }, vec![step])
            }
            _ if from < first => (How::BeforeStart { from: place(from) }, Vec::new()),
            Some(step) => (How::Open { from: place(pieces.from), to: place(pieces.to) }, vec![step]),
            None => (How::StillWaiting, Vec::new()),
        }
    }

    fn until(&mut self, window: Window, p: &Formula, q: &Formula, at: Slot, truth: Truth) -> Reason {
        let (from, to) = ahead(window, at);
        let left = self.pieces(p, at, to);
        match truth {
            Truth::False => self.broken_until(&left, p, q, (from, to)),
            Truth::True => self.came_ahead(&left, p, q, (from, to)),
            Truth::Unknown => self.open_sides(p, q, &left, (from, to), at),
        }
    }

    /// The left side broke before the right one came, or the right one never came.
    fn broken_until(&mut self, left: &Pieces, p: &Formula, q: &Formula, (from, to): (Slot, Slot)) -> Reason {
        let broke = left.first(Truth::False);
        let right = self.pieces(q, from, broke.unwrap_or(to).min(to));
        // With a lower bound the left side must hold up to it, the bound included, whatever the right side does.
        let led = from > left.from && broke.is_some_and(|broke| broke <= from);
        let best = right.best().filter(|_| !led);
        match broke {
            Some(broke) => {
                let how = How::LeftBroke { from: place(left.from), to: place(to) };
                let mut causes: Vec<Step> = best.into_iter().map(|at| self.step(q, at)).collect();
                causes.push(self.step(p, broke));
                (how, causes)
            }
            None => {
                let how = How::NeverCame { from: place(from), to: place(to) };
                (how, best.into_iter().map(|at| self.step(q, at)).collect())
            }
        }
    }

    /// The right side came while the left one held.
    fn came_ahead(&mut self, left: &Pieces, p: &Formula, q: &Formula, (from, to): (Slot, Slot)) -> Reason {
        let right = self.pieces(q, from, to);
        let how = How::Came { from: place(from), to: place(to) };
        let Some(came) = right.first(Truth::True) else { return (how, Vec::new()) };
        let mut causes = Vec::new();
        if let Some(least) = left.part(left.from, came - 1).least(Truth::True) {
            causes.push(self.step(p, least));
        }
        causes.push(self.step(q, came));
        (how, causes)
    }

    /// Which side is unknown: the right one where it could have answered, else the left one.
    fn open_sides(
        &mut self,
        p: &Formula,
        q: &Formula,
        left: &Pieces,
        (from, to): (Slot, Slot),
        oldest: Slot,
    ) -> Reason {
        let right = self.pieces(q, from, to);
        let (how, causes) = self.open(q, &right, from);
        if causes.iter().any(misses) || left.first(Truth::Unknown).is_none() {
            return (how, causes);
        }
        let other = self.open(p, left, oldest);
        if causes.is_empty() || other.1.iter().any(misses) { other } else { (how, causes) }
    }

    fn unless(&mut self, window: Window, p: &Formula, q: &Formula, at: Slot, truth: Truth) -> Reason {
        let (from, to) = ahead(window, at);
        let left = self.pieces(p, at, to);
        match truth {
            Truth::False => self.broken_until(&left, p, q, (from, to)),
            Truth::Unknown => self.open_sides(p, q, &left, (from, to), at),
            Truth::True if left.list.iter().all(|piece| piece.truth == Truth::True) => {
                let how = How::Least { from: place(at), to: place(to) };
                (how, left.least(Truth::True).into_iter().map(|at| self.step(p, at)).collect())
            }
            Truth::True => self.came_ahead(&left, p, q, (from, to)),
        }
    }

    fn since(&mut self, window: Window, p: &Formula, q: &Formula, at: Slot, truth: Truth) -> Reason {
        let (oldest, newest) = self.behind(window, at);
        let left = self.pieces(p, oldest, at);
        let from = oldest.max(self.values.first());
        match truth {
            Truth::False => {
                let broke = left.last(Truth::False);
                let right = self.pieces(q, broke.unwrap_or(from).min(newest).max(from), newest);
                let led = newest < at && broke.is_some_and(|broke| broke >= newest);
                let best = right.best().filter(|_| !led);
                match broke {
                    Some(broke) => {
                        let how = How::LeftBroke { from: place(from), to: place(at) };
                        let mut causes: Vec<Step> = best.into_iter().map(|at| self.step(q, at)).collect();
                        causes.push(self.step(p, broke));
                        (how, causes)
                    }
                    None => {
                        let how = How::NeverCame { from: place(from), to: place(newest) };
                        (how, best.into_iter().map(|at| self.step(q, at)).collect())
                    }
                }
            }
            Truth::True => {
                let right = self.pieces(q, from, newest);
                let how = How::Came { from: place(from), to: place(newest) };
                let Some(came) = right.last(Truth::True) else { return (how, Vec::new()) };
                let mut causes = Vec::new();
                if let Some(least) = left.part(came + 1, at).least(Truth::True) {
                    causes.push(self.step(p, least));
                }
                causes.push(self.step(q, came));
                (how, causes)
            }
            Truth::Unknown => self.open_sides(p, q, &left, (oldest, newest), oldest),
        }
    }

    /// A comparison: the numbers on its sides and the samples behind them.
    fn compared(&mut self, sides: &[&Number], at: Slot) -> Reason {
        let mut samples = Vec::new();
        let mut causes = Vec::new();
        let told: Vec<Side> = sides
            .iter()
            .map(|number| Side { number: (*number).clone(), value: self.values.number(number, at) })
            .collect();
        for side in sides {
            self.samples(side, at, &mut samples, &mut causes);
        }
        let more_samples = samples.len().saturating_sub(LIST_MAX);
        samples.truncate(LIST_MAX);
        (How::Compared { sides: told, samples, more_samples }, causes)
    }

    /// The samples that a number rests on at a place.
    fn samples(&mut self, number: &Number, at: Slot, out: &mut Vec<Seen>, causes: &mut Vec<Step>) {
        match number {
            Number::Signal(signal) | Number::Age(signal) => note(out, seen(self.values, *signal, at)),
            Number::Rate(signal) => {
                note(out, self.sample_before(*signal, at));
                note(out, seen(self.values, *signal, at));
            }
            Number::Delta(window, inner) => {
                self.samples(inner, at - slots(*window), out, causes);
                self.samples(inner, at, out, causes);
            }
            Number::Mean(window, inner) => match self.open_number(number, inner, *window, at) {
                Some(open) => self.samples(inner, open, out, causes),
                None => self.samples(inner, at, out, causes),
            },
            Number::Fraction(window, inner) => {
                let from = at - slots(*window);
                let pieces = self.pieces(inner, from, at - 1);
                let open = pieces.first(Truth::Unknown);
                if let Some(open) = open.filter(|_| !is_point(self.values.number(number, at))) {
                    causes.push(self.step(inner, open));
                } else if let Some(last) = pieces.last(Truth::True).or_else(|| pieces.last(Truth::False)) {
                    causes.push(self.step(inner, last));
                }
            }
            _ => number.children(&mut |part| self.samples(part, at, out, causes)),
        }
    }

    /// What was known just before the sample in force: what a rate counts from.
    fn sample_before(&self, signal: SignalId, at: Slot) -> Seen {
        let told = self.values.told(signal);
        let heard = || told.iter().rev().filter_map(|(stamp, value)| value.map(|value| (*stamp, value)));
        let latest = heard().map(|(stamp, _)| stamp).find(|stamp| slot_of(*stamp) <= at);
        let earlier = latest.and_then(|latest| Some((latest, heard().find(|(stamp, _)| *stamp < latest)?)));
        match earlier {
            Some((latest, _)) if slot_of(latest) > self.values.first() => {
                seen(self.values, signal, slot_of(latest) - 1)
            }
            Some((_, (stamp, value))) => {
                let heard = Heard::Fresh { value, stamp, age: Span::ZERO };
                Seen { signal, place: place(slot_of(stamp)), heard }
            }
            // A first sample has no rate, and nothing is missing.
            None => {
                let heard = Heard::Nothing { gap: Gap::BeforeStart, last: None };
                Seen { signal, place: place(self.values.first()), heard }
            }
        }
    }

    /// Where in its window the number inside a mean is unknown, if the mean is.
    fn open_number(&self, mean: &Number, inner: &Number, window: Span, at: Slot) -> Option<Slot> {
        if is_point(self.values.number(mean, at)) {
            return None;
        }
        let known = Formula::Compare {
            op: crate::expr::ir::Comparison::GreaterEqual,
            left: inner.clone(),
            right: Number::Constant(f64::MIN),
            scale: 1.0,
        };
        let from = at - slots(window);
        let open = self.pieces(&known, from, at - 1).first(Truth::Unknown);
        open.or((from < self.values.first()).then_some(from))
    }
}

fn slots(span: Span) -> Slot {
    span.nanos().saturating_mul(2)
}

/// The places of a future window.
fn ahead(window: Window, at: Slot) -> (Slot, Slot) {
    let to = window.to.unwrap_or(window.from);
    (at + slots(window.from), at + slots(to))
}

fn is_point(value: Margin) -> bool {
    value.lo == value.hi
}

fn note(out: &mut Vec<Seen>, seen: Seen) {
    if !out.contains(&seen) {
        out.push(seen);
    }
}

/// The samples that a step tells of.
fn samples(step: &Step) -> &[Seen] {
    match &step.how {
        How::Compared { samples, .. } | How::Tested { samples } => samples,
        _ => &[],
    }
}

/// Somewhere down the chain data is missing that should have been there.
pub(super) fn misses(step: &Step) -> bool {
    let here = step.causes.is_empty() && (samples(step).iter().any(Seen::is_missing) || undefined(step));
    here || step.causes.iter().any(misses)
}

/// A comparison of known samples that is unknown all the same: arithmetic without a result, or a rate of one sample.
fn undefined(step: &Step) -> bool {
    let known = matches!(&step.how, How::Compared { samples, .. } if samples.iter().all(Seen::is_known));
    known && step.truth == Truth::Unknown && !step.margin.lo.is_finite() && !step.margin.hi.is_finite()
}

/// Somewhere down the chain it waits for what comes after the end.
fn waits(step: &Step) -> bool {
    let after_end = |seen: &Seen| matches!(seen.heard, Heard::Nothing { gap: Gap::AfterEnd, .. });
    matches!(step.how, How::StillWaiting) || samples(step).iter().any(after_end) || step.causes.iter().any(waits)
}
