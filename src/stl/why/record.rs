//! What an engine was told, and the values of any formula over a stretch of it: worked out by an engine, not beside one.

use super::Place;
use super::shape::{ages_rest_on, special, windows};
use crate::command::RuleId;
use crate::expr::ir::{Comparison, Formula, Number};
use crate::expr::walk::{signals_of, size};
use crate::expr::{history, horizon};
use crate::signal::{SignalId, Value};
use crate::stl::{Engine, Margin, Options, Piece, RuleSpec, SignalSpec, Truth};
use crate::time::{Span, Time};

/// What an engine was told from its start to its end.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Record {
    /// The scope of the rules begins here.
    pub start: Time,
    /// The last instant of which something is known; everything after it is unknown.
    pub end: Time,
    /// What was heard before the start, with its own stamps.
    pub held: Vec<(SignalId, Value, Time)>,
    /// What came from the start on, by the instants at which it counted, in order; `None`: the device was lost.
    pub samples: Vec<(Time, SignalId, Option<Value>)>,
}

/// Instants between two looks at what was decided: an engine keeps only so many pieces for one who does not ask.
const ASK_EVERY: usize = 1024;
const RULE: RuleId = RuleId(0);

/// Place in time as a number: `2k` is the instant `k` ns, `2k + 1` what comes right after it.
pub(super) type Slot = i64;

pub(super) fn slot_of(at: Time) -> Slot {
    at.nanos().saturating_mul(2)
}

pub(super) fn slot(piece: &Piece) -> Slot {
    slot_of(piece.at) + Slot::from(piece.after)
}

pub(super) fn place(slot: Slot) -> Place {
    Place { at: time_of(slot), after: slot & 1 == 1 }
}

pub(super) fn time_of(slot: Slot) -> Time {
    Time::from_nanos(slot >> 1)
}

/// What was told about one signal: stamp and value, `None` when it was lost.
pub(super) type Telling = (Time, Option<Value>);

/// Answers what a formula was worth.
pub(super) struct Values<'a> {
    pub record: &'a Record,
    pub specs: &'a [SignalSpec],
    /// Per signal, in order of time, what was held before the start first.
    told: Vec<Vec<Telling>>,
    /// Known up to the end and lost after it: an age that rests on it ends there, too.
    lasting: SignalId,
    specs_and_lasting: Vec<SignalSpec>,
}

impl<'a> Values<'a> {
    pub fn new(record: &'a Record, specs: &'a [SignalSpec]) -> Values<'a> {
        let mut told = vec![Vec::new(); specs.len()];
        let mut held = record.held.clone();
        held.sort_by_key(|(_, _, stamp)| *stamp);
        for (signal, value, stamp) in held {
            told[signal.0 as usize].push((stamp, Some(value)));
        }
        for (at, signal, value) in &record.samples {
            told[signal.0 as usize].push((*at, *value));
        }
        let mut specs_and_lasting = specs.to_vec();
        specs_and_lasting.push(SignalSpec::default());
        let lasting = SignalId(specs.len() as u32);
        Values { record, specs, told, lasting, specs_and_lasting }
    }

    /// What was told about a signal.
    pub fn told(&self, signal: SignalId) -> &[Telling] {
        &self.told[signal.0 as usize]
    }

    /// First place of the scope.
    pub fn first(&self) -> Slot {
        slot_of(self.record.start)
    }

    /// Last place of which something is known.
    pub fn last(&self) -> Slot {
        slot_of(self.record.end) + 1
    }

    /// Margin and truth at a place.
    pub fn at(&self, formula: &Formula, slot: Slot) -> (Margin, Truth) {
        let pieces = self.range(formula, slot, slot);
        pieces.first().map_or((UNKNOWN, Truth::Unknown), |piece| (piece.margin, piece.truth))
    }

    /// Both ends of a number at a place; the whole line where it is unknown.
    pub fn number(&self, number: &Number, slot: Slot) -> Margin {
        self.at(&known_above_zero(number), slot).0
    }

    /// The pieces from `from` to `to`, both included; the first one begins at `from`, or where the scope does.
    /// A moving margin has a piece at each of its ends.
    pub fn range(&self, formula: &Formula, from: Slot, to: Slot) -> Vec<Piece> {
        let from = from.max(self.first());
        let mut all: Vec<Piece> = Vec::new();
        self.each(formula, from, to, &mut |piece| {
            // What lies before `from` matters only as what holds there.
            if slot(&piece) <= from && all.len() > 1 && slot(&all[1]) <= from {
                all.remove(0);
            }
            all.push(piece);
        });
        clip(all, from, to)
    }

    /// Tells every piece from somewhere before `from` up to `to`; a margin that moves beyond is told at `to` as well.
    pub fn each(&self, formula: &Formula, from: Slot, to: Slot, sink: &mut dyn FnMut(Piece)) {
        let mut before: Option<Piece> = None;
        self.run(formula, from, to, &mut |piece| {
            if slot(&piece) <= to {
                sink(piece);
            } else if let Some(last) = before.filter(|last| last.moving && slot(last) < to) {
                let (at, after) = (time_of(to), to & 1 == 1);
                sink(Piece { at, after, margin: on_line(&last, Some(&piece), to), ..last });
            }
            before = Some(piece);
        });
    }

    /// Tells every piece from somewhere before `from` to beyond `to`.
    fn run(&self, formula: &Formula, from: Slot, to: Slot, sink: &mut dyn FnMut(Piece)) {
        let ahead = horizon(formula).unwrap_or(Span::ZERO);
        let signals = signals_of(formula);
        let begin = self.begin(formula, &signals, time_of(from));
        let needed = time_of(to) + ahead;
        let last = needed.min(self.record.end).max(begin);
        let spec = RuleSpec { id: RULE, body: ages_rest_on(formula, self.lasting), when: None };
        let mut engine = Engine::with(&[spec], &self.specs_and_lasting, Options { pieces: true, ..Options::default() });
        let mut changes = Vec::new();
        let mut pieces = Vec::new();
        let mut hand_over = |engine: &mut Engine| {
            engine.take_pieces(RULE, &mut pieces);
            pieces.drain(..).for_each(&mut *sink);
        };
        engine.start(begin, &self.held(&signals, begin), &mut changes);
        let samples = &self.record.samples;
        let mut next = samples.partition_point(|(at, ..)| *at < begin);
        let mut batch: Vec<(SignalId, Value)> = Vec::new();
        let mut instants = 0;
        while let Some((at, ..)) = samples.get(next).copied().filter(|(at, ..)| *at <= last) {
            while let Some((_, signal, value)) = samples.get(next).copied().filter(|s| s.0 == at) {
                next += 1;
                if !signals.contains(&signal) {
                    continue;
                }
                match value {
                    Some(value) => batch.push((signal, value)),
                    None => {
                        engine.push(at, &batch, &mut changes);
                        batch.clear();
                        engine.lose(at, &[signal], &mut changes);
                    }
                }
            }
            if !batch.is_empty() {
                engine.push(at, &batch, &mut changes);
                batch.clear();
            }
            instants += 1;
            if instants % ASK_EVERY == 0 {
                changes.clear();
                hand_over(&mut engine);
            }
        }
        // Everything ends here, so that a margin that moves has an end, and what lies after the record is unknown.
        engine.advance(last.next(), &mut changes);
        let mut all = signals;
        all.push(self.lasting);
        engine.lose(last.next(), &all, &mut changes);
        // What waits tells later, and a mean over the unknown goes on moving until its window holds nothing else.
        let settled = needed.max(last) + ahead + windows(formula);
        engine.advance(settled + Span::from_nanos(2), &mut changes);
        hand_over(&mut engine);
    }

    /// Where an engine must start so that the formula is right from `from` on: as far before as it looks back, with the
    /// samples that a rate and an age rest on.
    fn begin(&self, formula: &Formula, signals: &[SignalId], from: Time) -> Time {
        let start = self.record.start;
        let Some(back) = history(formula) else { return start };
        // One tick for each `rise` in another: more than there are.
        let slack = Span::from_nanos(1 + size(formula) as i64);
        let mut begin = (from - back - slack).max(start);
        let (rates, ages) = special(formula);
        for signal in signals {
            let told = self.told(*signal);
            let before = &told[..told.partition_point(|(at, _)| *at < begin)];
            if rates.contains(signal) {
                // Two stamps, of which the second is the one in force.
                let stamps = || before.iter().rev().filter(|(_, v)| v.is_some()).map(|(at, _)| *at);
                let second = stamps().find(|at| Some(*at) != stamps().next());
                begin = second.map_or(start, |at| begin.min(at - Span::from_nanos(1)).max(start));
            }
            if ages.contains(signal) && !before.iter().any(|(_, v)| v.is_some()) {
                begin = start;
            }
        }
        begin
    }

    /// What was known when the engine starts at `begin`.
    fn held(&self, signals: &[SignalId], begin: Time) -> Vec<(SignalId, Value, Time)> {
        let mut held = vec![(self.lasting, Value::Number(0.0), begin)];
        if begin == self.record.start {
            held.extend(self.record.held.iter().filter(|(signal, ..)| signals.contains(signal)));
            return held;
        }
        for signal in signals {
            let told = self.told(*signal);
            let before = &told[..told.partition_point(|(at, _)| *at < begin)];
            let Some((stamp, _)) = before.iter().rev().find(|(_, value)| value.is_some()) else { continue };
            // A lost signal keeps the stamp of its last sample: its age goes on.
            let value = before.last().and_then(|(_, value)| *value).unwrap_or(Value::Unknown);
            held.push((*signal, value, *stamp));
        }
        held
    }
}

/// Nothing is known.
pub(super) const UNKNOWN: Margin = Margin { lo: f64::NEG_INFINITY, hi: f64::INFINITY };

/// A comparison whose margin is the number itself.
fn known_above_zero(number: &Number) -> Formula {
    Formula::Compare { op: Comparison::GreaterEqual, left: number.clone(), right: Number::Constant(0.0), scale: 1.0 }
}

/// Cuts pieces to `from ..= to`.
fn clip(all: Vec<Piece>, from: Slot, to: Slot) -> Vec<Piece> {
    let mut out: Vec<Piece> = Vec::new();
    for (i, piece) in all.iter().enumerate() {
        let (begins, next) = (slot(piece), all.get(i + 1));
        if begins > to {
            break;
        }
        let ends = next.map_or(to, |next| slot(next).max(begins + 1) - 1).min(to);
        if begins < from {
            if ends >= from {
                out.push(Piece {
                    at: time_of(from),
                    after: from & 1 == 1,
                    margin: on_line(piece, next, from),
                    ..*piece
                });
            }
        } else {
            out.push(*piece);
        }
    }
    out
}

/// The margin at a place between two pieces.
fn on_line(piece: &Piece, next: Option<&Piece>, slot: Slot) -> Margin {
    let Some(next) = next.filter(|next| piece.moving && next.at > piece.at) else { return piece.margin };
    let share = time_of(slot).since(piece.at).nanos() as f64 / next.at.since(piece.at).nanos() as f64;
    let between = |a: f64, b: f64| if a == b || !a.is_finite() || !b.is_finite() { a } else { a + (b - a) * share };
    Margin { lo: between(piece.margin.lo, next.margin.lo), hi: between(piece.margin.hi, next.margin.hi) }
}
