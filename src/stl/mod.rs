//! Rules judged as samples arrive: one graph for all rules, one function for live, replay and judge.
//!
//! Invariant: nothing here reads a clock or allocates by the hour: time comes in through `push` and `advance`.

use crate::command::RuleId;
use crate::expr::ir::Formula;
use crate::signal::{SignalId, Value};
use crate::time::{Span, Time};

/// Strong Kleene truth.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Truth {
    False,
    Unknown,
    True,
}

/// How far from breaking, in the rule's unit (SI): every value the unknown could have given lies in `lo..=hi`.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Margin {
    pub lo: f64,
    pub hi: f64,
}

/// One rule for the engine: `always (when implies body)`, from the start to the end of its scope.
#[derive(Clone, PartialEq, Debug)]
pub struct RuleSpec {
    pub id: RuleId,
    /// Judged at every instant; `never: f` arrives here as `Not(f)`.
    pub body: Formula,
    /// The trigger: a rule whose `when` never held is untested.
    pub when: Option<Formula>,
}

/// What the engine must know of a signal.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct SignalSpec {
    /// A sample holds at most this long; `None`: until the next one.
    pub stale_after: Option<Span>,
}

/// Something about a rule changed; said once, in order of time.
#[derive(Clone, PartialEq, Debug)]
pub enum Change {
    /// The rule's trigger held for the first time.
    Tested { rule: RuleId, at: Time },
    /// The rule is proven broken whatever comes: `instant` is the first instant whose judgement is false,
    /// `at` the instant at which that could first be known.
    Violated { rule: RuleId, instant: Time, at: Time },
    /// An episode of violation begins (`broken`) or ends, by decided instants: what plots shade.
    Episode { rule: RuleId, broken: bool, at: Time },
    /// A signal of the rule became unknown (`unknown`) or known again at the present instant.
    Blind { rule: RuleId, signal: SignalId, unknown: bool, at: Time },
}

/// The last word on a rule.
#[derive(Clone, PartialEq, Debug)]
pub struct Judgement {
    pub rule: RuleId,
    pub verdict: RuleVerdict,
    /// Infimum over the scope.
    pub margin: Margin,
    /// Where the smallest decided margin stood, if any was decided.
    pub worst_at: Option<Time>,
    /// First instant judged false.
    pub violated_at: Option<Time>,
}

/// Verdict on one rule.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum RuleVerdict {
    Pass,
    Fail,
    /// Its `when` never held.
    Untested,
    /// Data missing.
    Inconclusive,
}

/// Judges all rules at once.
#[derive(Clone, Debug)]
pub struct Engine;

impl Engine {
    /// An engine for these rules over signals `0..signals.len()`. Not started.
    pub fn new(_rules: &[RuleSpec], _signals: &[SignalSpec]) -> Engine {
        todo!()
    }
    /// Starts the scope of all rules. `held`: what was heard before, with its own stamps; it holds on from them
    /// (staleness, age), but past windows that reach before `at` see unknown there.
    pub fn start(&mut self, _at: Time, _held: &[(SignalId, Value, Time)], _out: &mut Vec<Change>) {
        todo!()
    }
    /// Takes the samples of one instant. Judged when the instant closes: at a later `push` or `advance`.
    pub fn push(&mut self, _at: Time, _batch: &[(SignalId, Value)], _out: &mut Vec<Change>) {
        todo!()
    }
    /// Marks signals whose device died as unknown from `at` on (`every: change`), or alive again with a new sample.
    pub fn lose(&mut self, _at: Time, _signals: &[SignalId], _out: &mut Vec<Change>) {
        todo!()
    }
    /// Closes every instant before `to`.
    pub fn advance(&mut self, _to: Time, _out: &mut Vec<Change>) {
        todo!()
    }
    /// The next instant at which something can change with no sample arriving; `advance` past it (to at least one ns later) tells what.
    pub fn next_deadline(&self) -> Option<Time> {
        todo!()
    }
    /// Truth and margin of the rule's inner formula at the last closed instant, for step formulas, `safe` and `when` (past only).
    pub fn now(&self, _rule: RuleId) -> (Truth, Margin) {
        todo!()
    }
    /// The rule's margin over its scope so far: infimum of what is decided, with its instant, and what is possible.
    pub fn margin(&self, _rule: RuleId) -> (Margin, Option<Time>) {
        todo!()
    }
    /// Margins of instants decided since the last call, per rule, in order: what the margin strip draws.
    pub fn take_decided(&mut self, _rule: RuleId, _out: &mut Vec<(Time, Margin)>) {
        todo!()
    }
    /// True while some obligation of the rule is still open: a decision needs more time.
    pub fn open(&self, _rule: RuleId) -> bool {
        todo!()
    }
    /// The script is over at `at`: instants after it are still judged for violations, but what stays undecided there
    /// does not make a rule inconclusive.
    pub fn close_scope(&mut self, _at: Time) {
        todo!()
    }
    /// Ends the scope at `end` (closed); everything after is unknown.
    pub fn finish(self, _end: Time) -> Vec<Judgement> {
        todo!()
    }
}
