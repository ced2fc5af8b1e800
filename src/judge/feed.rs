//! The second pass: row after row into the engine, and what it tells into the accounts.

use super::account::{Account, Following, Late, RuleAccount, Stretches};
use super::rules::RuleSet;
use super::samples::{AtSample, Cursor, body};
use super::scan::Contents;
use super::table::Wrong;
use super::{Behind, From, ReadTrace, Refused, Request, Troubles};
use crate::command::RuleId;
use crate::diag::{Severity, Spot};
use crate::import::{Cell, Heading, Row, Sink};
use crate::signal::{SignalDef, SignalId, SignalKind, Value};
use crate::stl::{Change, Engine, Options, Outside, Piece, RuleSpec, SignalSpec};
use crate::time::{Span, Time};
use std::collections::{BTreeMap, VecDeque};

/// Rows between two looks at what the engine has decided.
const ROWS_BETWEEN_LOOKS: u32 = 256;

/// Judges the trace; with the account goes the number of rows that the engine was told before the scope began.
pub fn feed(
    request: &Request,
    set: RuleSet,
    contents: Contents,
    read: &mut ReadTrace<'_>,
    at_sample: &mut dyn FnMut(AtSample<'_>),
) -> Result<(Account, u64), Refused> {
    let mut feed = Feed::new(request, set, contents, at_sample);
    if let Err(refusal) = read(&mut feed) {
        feed.cut(*refusal.0);
    }
    let begun_at = feed.rows_before;
    Ok((feed.finish(), begun_at))
}

struct Feed<'a> {
    request: &'a Request,
    set: RuleSet,
    contents: Contents,
    at_sample: &'a mut dyn FnMut(AtSample<'_>),
    engine: Engine,
    changes: Vec<Change>,
    pieces: Vec<Piece>,
    following: Vec<Following>,
    /// By rule and signal.
    blind: BTreeMap<(RuleId, SignalId), Stretches>,
    late: BTreeMap<SignalId, Late>,
    troubles: Troubles,
    batch: Vec<(SignalId, Value)>,
    /// The scope has begun.
    started: Option<Time>,
    /// Rows pushed before it did.
    rows_before: u64,
    /// When each signal was first heard.
    heard: Vec<Option<Time>>,
    unheard: usize,
    /// The latest stamp so far.
    latest: Option<Time>,
    /// From the stamp before that to it.
    last_step: Span,
    samples: u64,
    rows: u32,
    /// Columns met so far.
    columns: usize,
    /// The trace is not whole.
    cut: bool,
    /// Rows without a stamp stand before the first stamp: no instant of the scope shows them.
    unplaced_first: bool,
    /// The same behind the last stamp.
    unplaced_last: bool,
    cursors: Vec<Cursor>,
    /// Stamps whose margins have yet to be told.
    waiting: VecDeque<Time>,
}

impl<'a> Feed<'a> {
    fn new(
        request: &'a Request,
        set: RuleSet,
        contents: Contents,
        at_sample: &'a mut dyn FnMut(AtSample<'_>),
    ) -> Feed<'a> {
        let mut rules: Vec<RuleSpec> = set.rules.iter().map(|r| r.rule.spec.clone()).collect();
        let count = rules.len();
        let mut cursors = Vec::new();
        if request.at_samples {
            let length = contents.scope.map_or(Span::ZERO, |(first, last)| last.since(first));
            for place in 0..count {
                rules.push(body(&rules[place], RuleId((count + place) as u16), length));
            }
        }
        let signals: Vec<SignalSpec> = set.signals.iter().map(|(_, def)| SignalSpec::of(def)).collect();
        let mut engine =
            Engine::with(&rules, &signals, Options { outside: request.outside, pieces: true, ..Options::default() });
        engine.keep_all_pieces();
        if request.at_samples {
            let late = |place: usize| {
                let parts = engine.parts(RuleId((count + place) as u16));
                parts.iter().map(|part| part.late).max().unwrap_or(Span::ZERO)
            };
            cursors = (0..count).map(|place| Cursor::new(late(place))).collect();
        }
        let unheard = set.signals.iter().filter(|(id, def)| is_heard(&set, *id, def)).count();
        Feed {
            request,
            troubles: contents.troubles.clone(),
            engine,
            changes: Vec::new(),
            pieces: Vec::new(),
            following: vec![Following::default(); count],
            blind: BTreeMap::new(),
            late: BTreeMap::new(),
            batch: Vec::new(),
            started: None,
            rows_before: 0,
            heard: vec![None; set.signals.len()],
            unheard,
            latest: None,
            last_step: Span::ZERO,
            samples: 0,
            rows: 0,
            columns: 0,
            cut: false,
            unplaced_first: false,
            unplaced_last: false,
            cursors,
            waiting: VecDeque::new(),
            set,
            contents,
            at_sample,
        }
    }

    /// Fills the batch with the row's values.
    fn values(&mut self, row: &Row<'_>) {
        self.batch.clear();
        if row.torn || row.at.is_none() {
            // Nothing in it can be trusted: whatever it may have said is unknown.
            let signals = self.set.readers.iter().flatten().map(|reader| reader.signal);
            self.batch.extend(signals.filter(|s| self.heard[s.0 as usize].is_some()).map(|s| (s, Value::Unknown)));
            return;
        }
        for (column, cell) in row.cells {
            let Some(Some(reader)) = self.set.readers.get_mut(*column as usize) else { continue };
            let signal = reader.signal;
            let value = match reader.value(*cell) {
                Ok(value) => value,
                Err(wrong) => {
                    self.wrong(row, *column, *cell, &wrong);
                    Value::Unknown
                }
            };
            self.batch.push((signal, value));
        }
    }

    fn wrong(&mut self, row: &Row<'_>, column: u32, cell: Cell<'_>, wrong: &Wrong) {
        let shown = match cell {
            Cell::Number(number) => format!("{number}"),
            Cell::Flag(flag) => format!("{flag}"),
            Cell::Text(text) => text.chars().take(40).collect(),
            Cell::Unreadable | Cell::Unknown => String::new(),
        };
        let heading = &self.contents.columns[column as usize].heading.shown;
        let (severity, message) = match wrong {
            Wrong::Kind(wanted) => {
                (Severity::Error, format!("`{shown}` in column `{heading}`; wanted {wanted}: it is unknown there"))
            }
            Wrong::Infinite => (Severity::Warning, format!("`{shown}` in column `{heading}`: it is unknown there")),
            Wrong::Unreadable => {
                (Severity::Error, format!("column `{heading}` holds bytes that are not UTF-8: it is unknown there"))
            }
        };
        let file = &self.request.trace;
        self.troubles.push_with(severity, || Spot {
            severity,
            file: file.clone(),
            line: Some(row.line),
            excerpt: (row.excerpt)(column),
            message,
            remedy: None,
        });
    }

    /// Notes that the row's stamp is older than one before it.
    fn is_late(&mut self, row: &Row<'_>, stamp: Time, latest: Time) {
        for (signal, _) in &self.batch {
            self.late.entry(*signal).or_insert(Late { count: 0, stamp, at: latest }).count += 1;
        }
        let file = &self.request.trace;
        self.troubles.push_with(Severity::Error, || Spot {
            severity: Severity::Error,
            file: file.clone(),
            line: Some(row.line),
            excerpt: (row.excerpt)(u32::MAX),
            message: format!(
                "time runs backwards: {} s stands behind {} s; the row counts from the later instant",
                super::text::exact_seconds(stamp),
                super::text::exact_seconds(latest)
            ),
            remedy: None,
        });
    }

    /// Begins the scope when it is time, before the row's samples are pushed.
    fn begin(&mut self, at: Time) {
        let ready = match self.request.from {
            From::Auto | From::First => true,
            From::Heard => self.unheard == 0,
            From::At(from) => at >= from,
        };
        if ready && self.started.is_none() {
            let from = match self.request.from {
                From::At(from) => from,
                _ => at,
            };
            self.started = Some(from);
            self.engine.start(from, &[], &mut self.changes);
        }
    }

    /// Takes in what the engine told and decided.
    fn look(&mut self) {
        for change in self.changes.drain(..) {
            match change {
                Change::Tested { rule, at } => {
                    if let Some(f) = self.following.get_mut(usize::from(rule.0)) {
                        f.tested_at.get_or_insert(at);
                    }
                }
                Change::Violated { rule, instant, at } => {
                    if let Some(f) = self.following.get_mut(usize::from(rule.0)) {
                        f.violation.get_or_insert(super::account::Violation { instant, known_at: at });
                    }
                }
                Change::Blind { rule, signal, unknown, at } => {
                    self.blind.entry((rule, signal)).or_default().set_lasting(unknown, at);
                }
                Change::Merged { rule, .. } => {
                    if let Some(f) = self.following.get_mut(usize::from(rule.0)) {
                        f.merged = true;
                    }
                }
                // Episodes are seen in the pieces, and late samples in the stamps.
                Change::Episode { .. } | Change::Late { .. } => {}
            }
        }
        for place in 0..self.following.len() {
            self.engine.take_pieces(RuleId(place as u16), &mut self.pieces);
            for piece in self.pieces.drain(..).filter(|piece| Some(piece.at) <= self.latest) {
                self.following[place].take(&piece);
            }
        }
        for place in 0..self.cursors.len() {
            let id = RuleId((self.following.len() + place) as u16);
            self.engine.take_pieces(id, &mut self.pieces);
            self.pieces.drain(..).for_each(|piece| self.cursors[place].push(piece));
        }
    }

    /// Tells the stamps that are decided everywhere.
    fn tell(&mut self, ended: bool) {
        let (Some(latest), Some(late)) = (self.latest, self.cursors.iter().map(|c| c.late).max()) else { return };
        while let Some(at) = self.waiting.front().copied() {
            if !ended && at + late >= latest {
                return;
            }
            let mut values = Vec::with_capacity(self.cursors.len());
            for cursor in &mut self.cursors {
                match cursor.at(at, ended) {
                    Some(value) => values.push(value),
                    None => return,
                }
            }
            self.waiting.pop_front();
            for (checked, (margin, truth)) in self.set.rules.iter().zip(values) {
                (self.at_sample)(AtSample { rule: &checked.rule, at, margin, truth });
            }
        }
    }

    fn finish(mut self) -> Account {
        let mut all = Vec::new();
        let end = self.latest.unwrap_or(Time::ZERO);
        let begun = self.started.filter(|from| *from <= end);
        if begun.is_some() {
            // A row that windows are cut to holds as long as the one before it did, as in textbooks, where a window that
            // lies between two samples sees the first of them. Else nothing is known past its instant.
            let known_until = if self.request.outside == Outside::Cut { end + self.last_step } else { end };
            self.engine.advance(known_until, &mut self.changes);
        }
        self.look();
        let open: Vec<bool> = (0..self.following.len()).map(|i| self.engine.open(RuleId(i as u16))).collect();
        let engine = std::mem::replace(&mut self.engine, Engine::new(&[], &[]));
        let judgements = engine.finish_telling(end, &mut all, &mut self.changes);
        // Beside the last word the end can tell that memory was too small for what it decides.
        for change in self.changes.drain(..) {
            if let Change::Merged { rule, .. } = change
                && let Some(following) = self.following.get_mut(usize::from(rule.0))
            {
                following.merged = true;
            }
        }
        let count = self.following.len();
        for (rule, piece) in &all {
            let place = usize::from(rule.0);
            if place < count {
                if piece.at <= end {
                    self.following[place].take(piece);
                }
            } else {
                self.cursors[place - count].push(*piece);
            }
        }
        self.tell(true);
        for stretches in self.blind.values_mut() {
            stretches.set(false, end);
        }
        let scope = begun.map(|from| (from, end));
        let mut rules = Vec::new();
        for (((checked, mut following), judgement), open) in
            self.set.rules.into_iter().zip(self.following).zip(judgements).zip(open)
        {
            following.end(end);
            let name = |id: &SignalId| self.set.signals.def(*id).name.clone();
            let id = checked.rule.spec.id;
            let blind = (checked.signals.iter())
                .filter_map(|s| Some((name(s), self.blind.get(&(id, *s)).filter(|b| b.count > 0)?.clone())))
                .collect();
            let late = checked.signals.iter().filter_map(|s| Some((name(s), *self.late.get(s)?))).collect();
            let first = judgement.violated_at.map(|instant| super::account::Violation { instant, known_at: end });
            rules.push(RuleAccount {
                rule: checked.rule,
                judgement,
                violation: following.violation.or(first),
                tested_at: following.tested_at,
                broken: following.broken,
                unknown: following.unknown,
                blind,
                late,
                merged: following.merged,
                cut: self.cut || self.unplaced_first || self.unplaced_last,
                open,
                observed_ranges: checked.observed_ranges,
                behind: Behind::default(),
            });
        }
        let heard_late = (self.set.readers.iter().flatten())
            .filter_map(|reader| {
                let heard = self.heard[reader.signal.0 as usize];
                let from = begun?;
                if self.set.signals.def(reader.signal).kind == SignalKind::Pulse {
                    return None;
                }
                (heard.is_none_or(|at| at > from)).then(|| (self.set.signals.def(reader.signal).name.clone(), heard))
            })
            .collect();
        Account {
            trace: self.request.trace.clone(),
            scope,
            rows: self.contents.rows,
            samples: self.samples,
            outside: self.request.outside,
            rules,
            troubles: self.troubles,
            hints: self.set.hints,
            missing: self.set.missing.iter().map(|id| self.set.signals.def(*id).name.clone()).collect(),
            heard_late,
        }
    }
}

/// Whether a signal must have been heard before rules can be told. An event has no value: its age counts from the beginning.
fn is_heard(set: &RuleSet, id: SignalId, def: &SignalDef) -> bool {
    def.kind != SignalKind::Pulse && set.rules.iter().any(|r| r.signals.contains(&id))
}

impl Sink for Feed<'_> {
    fn column(&mut self, heading: &Heading) -> bool {
        // Both passes meet the same columns in the same order.
        let place = self.columns;
        self.columns += 1;
        self.contents.columns.get(place).is_some_and(|c| c.heading == *heading) && self.set.readers[place].is_some()
    }

    fn row(&mut self, row: &Row<'_>) {
        self.unplaced_last = row.at.is_none();
        self.unplaced_first |= row.at.is_none() && self.latest.is_none();
        self.values(row);
        let at = match (row.at, self.latest) {
            (Some(at), Some(latest)) if at < latest => {
                self.is_late(row, at, latest);
                at
            }
            (Some(at), _) => at,
            // A row without a stamp lies somewhere behind the last one that has one.
            (None, Some(latest)) => latest.next(),
            (None, None) => return,
        };
        for (signal, _) in &self.batch {
            let heard = &mut self.heard[signal.0 as usize];
            if heard.is_none() {
                *heard = Some(at);
                if is_heard(&self.set, *signal, self.set.signals.def(*signal)) {
                    self.unheard -= 1;
                }
            }
        }
        if row.at.is_some() {
            self.begin(at);
        }
        self.rows_before += u64::from(self.started.is_none());
        self.samples += self.batch.len() as u64;
        self.engine.push(at, &self.batch, &mut self.changes);
        let is_new = row.at.is_some() && self.latest.is_none_or(|latest| at > latest);
        if is_new {
            self.last_step = self.latest.map_or(Span::ZERO, |latest| at.since(latest));
            self.latest = Some(at);
        }
        if is_new && !self.cursors.is_empty() && self.started.is_some_and(|from| at >= from) {
            self.waiting.push_back(at);
        }
        self.rows += 1;
        if self.rows >= ROWS_BETWEEN_LOOKS {
            self.rows = 0;
            self.look();
            self.tell(false);
        }
    }

    fn trouble(&mut self, spot: Spot) {
        self.troubles.push(spot);
    }

    fn cut(&mut self, spot: Spot) {
        self.cut = true;
        self.troubles.push(spot);
    }
}
