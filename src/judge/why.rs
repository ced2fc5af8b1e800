//! One more pass over the trace, for why a rule is broken or could not be judged, and how near it came to its deadlines.
//!
//! It keeps only samples that a rule reads, from as far before the first episode of violation as the rule looks back to as
//! far behind it as it waits; the whole scope where a rule looks further, and where it is small. What would be too much is
//! left out, and said to be.

use super::account::{Account, RuleAccount};
use super::rules::RuleSet;
use super::scan::Contents;
use super::table::Reader;
use super::{ReadTrace, Request};
use crate::diag::Spot;
use crate::expr::walk::{is_unbounded, size};
use crate::expr::{history, horizon};
use crate::import::{Heading, Row, Sink};
use crate::signal::{SignalId, SignalTable, Value};
use crate::stl::why::{Explainer, Record, Told, ToldTiming, Why};
use crate::stl::{Outside, RuleSpec, RuleVerdict, SignalSpec, Truth};
use crate::time::{Span, Time};
use crate::trace::margin_kind;

/// Samples that are kept, of all rules together. Beyond them a why is left out.
pub const SAMPLES_MAX: usize = 1_000_000;
/// Rows of a trace, and samples of a rule's signals in it, up to which deadlines are looked at: with more the third pass
/// would be felt.
pub const ROWS_TIMED: u64 = 50_000;
/// Two margins that differ by less, as a share of the greater, are the same: a mean that is summed from another instant on
/// rounds differently.
const SAME_WITHIN: f64 = 1e-9;
/// Kept before and after what a rule rests on.
const SLACK: Span = Span::from_nanos(1_000_000);

/// What lies behind a verdict.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Behind {
    /// Why the rule is broken or could not be judged: the chain at the critical place of the first episode. Its lists of
    /// episodes may end early; those of the account do not.
    pub told: Option<Told>,
    /// Where that place is.
    pub critical_at: Option<Time>,
    /// Why there is no why, though the rule is broken or could not be judged.
    pub left_out: Option<String>,
    /// How near the rule came to each of its deadlines.
    pub timings: Vec<ToldTiming>,
}

/// What the second pass used and does not leave behind.
pub struct Ask {
    signals: SignalTable,
    specs: Vec<SignalSpec>,
    /// By column.
    readers: Vec<Option<Reader>>,
    headings: Vec<Heading>,
    /// By rule: what it reads, and how many samples of that there are.
    rules: Vec<(Vec<SignalId>, u64)>,
    rows: u64,
    samples_max: usize,
}

/// Part of the trace that is kept for a rule.
struct Kept {
    rule: usize,
    signals: Vec<SignalId>,
    chain: bool,
    timings: bool,
    record: Record,
    /// Too much came.
    overflowed: bool,
}

impl Ask {
    /// Notes what will be needed.
    pub fn new(set: &RuleSet, contents: &Contents) -> Ask {
        let samples = |signal: SignalId| -> u64 {
            let columns = contents.columns.iter().zip(&set.readers);
            columns.filter(|(_, r)| r.as_ref().is_some_and(|r| r.signal == signal)).map(|(c, _)| c.samples()).sum()
        };
        let of_rule = |signals: &Vec<SignalId>| (signals.clone(), signals.iter().map(|s| samples(*s)).sum());
        Ask {
            specs: set.signals.iter().map(|(_, def)| SignalSpec::of(def)).collect(),
            signals: set.signals.clone(),
            readers: set.readers.clone(),
            headings: contents.columns.iter().map(|c| c.heading.clone()).collect(),
            rules: set.rules.iter().map(|checked| of_rule(&checked.signals)).collect(),
            rows: contents.rows,
            samples_max: SAMPLES_MAX,
        }
    }

    /// Works out what lies behind the verdicts, and notes it in the account. `begun_at` is the row with which the scope began.
    pub fn answer(self, request: &Request, account: &mut Account, begun_at: u64, read: &mut ReadTrace<'_>) {
        let Some(scope) = account.scope else { return };
        let mut all = Vec::new();
        for (place, rule) in account.rules.iter_mut().enumerate() {
            match self.wanted(request, place, rule, scope) {
                Ok(kept) => all.extend(kept),
                Err(why) => rule.behind.left_out = Some(why),
            }
        }
        if all.is_empty() {
            return;
        }
        let mut keep = Keep::new(&self, all, begun_at);
        let read = read(&mut keep);
        for kept in keep.all {
            let rule = &mut account.rules[kept.rule];
            let chain = kept.chain;
            let behind = match read {
                _ if kept.overflowed => Err(too_much(self.samples_max)),
                Err(_) => Err("left out, since the trace could not be read once more".into()),
                Ok(()) => self.explain(&kept, rule),
            };
            match behind {
                Ok(behind) => rule.behind = behind,
                Err(why) => rule.behind.left_out = chain.then_some(why),
            }
        }
    }

    /// What to keep for a rule; `Err`: why its why is left out.
    fn wanted(
        &self,
        request: &Request,
        place: usize,
        rule: &RuleAccount,
        (start, end): (Time, Time),
    ) -> Result<Option<Kept>, String> {
        let verdict = rule.judgement.verdict;
        let chain = matches!(verdict, RuleVerdict::Fail | RuleVerdict::Inconclusive);
        if request.outside == Outside::Cut {
            return if chain { Err("left out, since windows are cut (--outside cut)".into()) } else { Ok(None) };
        }
        let (signals, samples) = &self.rules[place];
        let spec = &rule.rule.spec;
        let timings =
            verdict != RuleVerdict::Untested && self.rows.max(*samples) <= ROWS_TIMED && self.is_about_a_deadline(spec);
        if !chain && !timings {
            return Ok(None);
        }
        let stretch = if timings { None } else { stretch(rule) };
        let (from, to) = stretch.unwrap_or((start, end));
        if stretch.is_none() && *samples > self.samples_max as u64 {
            return Err(format!("left out, since it rests on {samples} samples and {} are kept", self.samples_max));
        }
        let record = Record { start: from.max(start), end: to.min(end), ..Record::default() };
        Ok(Some(Kept { rule: place, signals: signals.clone(), chain, timings, record, overflowed: false }))
    }

    fn is_about_a_deadline(&self, spec: &RuleSpec) -> bool {
        let nothing = Record::default();
        !Explainer::new(&self.specs, &nothing).timings(spec).is_empty()
    }

    fn explain(&self, kept: &Kept, rule: &RuleAccount) -> Result<Behind, String> {
        let explainer = Explainer::new(&self.specs, &kept.record);
        let spec = &rule.rule.spec;
        let timings = if kept.timings { explainer.timings(spec) } else { Vec::new() };
        let mut behind =
            Behind { timings: timings.iter().map(|t| t.tell(&self.signals)).collect(), ..Behind::default() };
        if !kept.chain {
            return Ok(behind);
        }
        let why = explainer.why(spec, rule.judgement.verdict);
        if agrees(&why, rule, &kept.record) {
            behind.critical_at = why.chain.as_ref().map(|step| step.place.at);
            behind.told = Some(why.tell(&self.signals, &margin_kind(&rule.rule)));
        } else {
            behind.left_out = Some("left out, since what was kept does not lead to the same margin".into());
        }
        Ok(behind)
    }
}

fn too_much(samples_max: usize) -> String {
    format!("left out, since it rests on more than {samples_max} samples")
}

/// From where to where the first episode rests on samples; `None`: on all of the scope.
fn stretch(rule: &RuleAccount) -> Option<(Time, Time)> {
    let RuleSpec { body, when, .. } = &rule.rule.spec;
    let (from, to) = rule.broken.kept.first().filter(|_| rule.judgement.verdict == RuleVerdict::Fail)?;
    if is_unbounded(body) {
        return None;
    }
    let parts = || std::iter::once(body).chain(when);
    let longest = |reach: fn(&crate::expr::ir::Formula) -> Option<Span>| {
        parts().try_fold(Span::ZERO, |longest, part| Some(longest.max(reach(part)?)))
    };
    // A part that waits within one that looks back, and the other way round.
    let (back, ahead) = (longest(history)?, longest(horizon)?);
    let slack = SLACK + Span::from_nanos(parts().map(size).sum::<usize>() as i64);
    Some((*from - back - slack, *to + ahead + slack))
}

/// Whether the why speaks of what was judged: the same margin, if its place was kept, and none below it.
fn agrees(why: &Why, rule: &RuleAccount, record: &Record) -> bool {
    let Some(chain) = &why.chain else { return false };
    let judged = rule.judgement.margin.hi;
    if rule.judgement.verdict == RuleVerdict::Fail {
        let same_place = match (rule.broken.kept.first(), why.episodes.first()) {
            (Some((from, _)), Some(episode)) => episode.from.at == *from,
            _ => false,
        };
        if !same_place || chain.truth != Truth::False {
            return false;
        }
    }
    let Some(worst) = why.worst.map(|worst| worst.margin.hi) else { return true };
    let is_kept = rule.judgement.worst_at.is_some_and(|at| (record.start..=record.end).contains(&at));
    let near = worst == judged || (worst - judged).abs() <= SAME_WITHIN * worst.abs().max(judged.abs());
    near || (!is_kept && worst > judged)
}

/// Reads the trace as the second pass did, and keeps what is wanted of it.
struct Keep<'a> {
    ask: &'a Ask,
    readers: Vec<Option<Reader>>,
    all: Vec<Kept>,
    /// By signal: who wants it.
    by_signal: Vec<Vec<usize>>,
    /// Samples kept, of all together.
    count: usize,
    begun_at: u64,
    rows: u64,
    columns: usize,
    /// By signal.
    heard: Vec<bool>,
    /// The instant from which the last row counted.
    now: Option<Time>,
    /// The greatest stamp of a row so far.
    latest: Option<Time>,
}

impl<'a> Keep<'a> {
    fn new(ask: &'a Ask, all: Vec<Kept>, begun_at: u64) -> Keep<'a> {
        let mut by_signal = vec![Vec::new(); ask.specs.len()];
        for (place, kept) in all.iter().enumerate() {
            kept.signals.iter().for_each(|signal| by_signal[signal.0 as usize].push(place));
        }
        Keep {
            ask,
            readers: ask.readers.clone(),
            all,
            heard: vec![false; by_signal.len()],
            by_signal,
            count: 0,
            begun_at,
            rows: 0,
            columns: 0,
            now: None,
            latest: None,
        }
    }

    fn take(&mut self, at: Time, signal: SignalId, value: Value) {
        let before_scope = self.rows <= self.begun_at;
        for place in &self.by_signal[signal.0 as usize] {
            let kept = &mut self.all[*place];
            let Record { start, end, held, samples } = &mut kept.record;
            if at > *end || kept.overflowed {
                continue;
            }
            if before_scope || at < *start {
                hold(held, signal, value, at);
                continue;
            }
            if self.count >= self.ask.samples_max {
                kept.overflowed = true;
                self.count -= samples.len();
                *samples = Vec::new();
                continue;
            }
            self.count += 1;
            samples.push((at, signal, Some(value)));
        }
    }
}

/// Keeps a signal's last two stamps: a rate rests on both.
fn hold(held: &mut Vec<(SignalId, Value, Time)>, signal: SignalId, value: Value, at: Time) {
    let mut of_signal = held.iter_mut().filter(|(s, ..)| *s == signal);
    match (of_signal.next(), of_signal.next()) {
        (_, Some(last)) | (Some(last), None) if last.2 == at => last.1 = value,
        (Some(first), Some(last)) => {
            *first = *last;
            *last = (signal, value, at);
        }
        _ => held.push((signal, value, at)),
    }
}

impl Sink for Keep<'_> {
    fn column(&mut self, heading: &Heading) -> bool {
        let place = self.columns;
        self.columns += 1;
        let reader = self.readers.get(place).and_then(Option::as_ref);
        self.ask.headings.get(place) == Some(heading)
            && reader.is_some_and(|reader| !self.by_signal[reader.signal.0 as usize].is_empty())
    }

    fn row(&mut self, row: &Row<'_>) {
        // As in the second pass: a late row counts from the present, one without a stamp from just behind the last.
        let Some(stamp) = row.at.or_else(|| self.latest.map(Time::next)) else { return };
        self.rows += 1;
        let at = self.now.map_or(stamp, |now| now.max(stamp));
        self.now = Some(at);
        self.latest = self.latest.max(row.at);
        if row.torn || row.at.is_none() {
            for place in 0..self.heard.len() {
                if self.heard[place] {
                    self.take(at, SignalId(place as u32), Value::Unknown);
                }
            }
            return;
        }
        for (column, cell) in row.cells {
            let Some(Some(reader)) = self.readers.get_mut(*column as usize) else { continue };
            let (signal, value) = (reader.signal, reader.value(*cell).unwrap_or(Value::Unknown));
            self.heard[signal.0 as usize] = true;
            self.take(at, signal, value);
        }
    }

    fn trouble(&mut self, _spot: Spot) {}

    fn cut(&mut self, _spot: Spot) {}
}
