//! Rules judged as samples arrive: one graph for all rules, one function for live, replay and judge.
//!
//! Invariant: nothing here reads a clock or allocates by the hour: time comes in through `push` and `advance`.

mod engine;
mod graph;
mod interval;
mod node;
mod ops;
mod rule;
mod signals;
mod split;
mod timetable;
mod value;

pub use engine::Engine;

use crate::command::RuleId;
use crate::expr::ir::Formula;
use crate::signal::SignalId;
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

/// What a rule is worth from one place in time to the next piece.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Piece {
    pub at: Time,
    /// It begins just after `at`, in the open interval, not at the instant itself.
    pub after: bool,
    pub margin: Margin,
    pub truth: Truth,
    /// The margin moves in a straight line from here to the next piece (`age`, `mean`, `fraction`).
    pub moving: bool,
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
