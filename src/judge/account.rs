//! What is known of a rule when the trace is over.

use super::{Behind, Troubles};
use crate::diag::Diagnostic;
use crate::rig::Rule;
use crate::run::RunVerdict;
use crate::stl::{Judgement, Outside, Piece, RuleVerdict, Truth};
use crate::time::{Span, Time};

/// Stretches that are kept of each kind; of the others only number and length are.
pub const STRETCHES_KEPT: usize = 1000;

/// Everything about a trace and its rules.
#[derive(Clone, PartialEq, Debug)]
pub struct Account {
    pub trace: String,
    /// From the first judged stamp to the last; `None`: the trace has no stamps.
    pub scope: Option<(Time, Time)>,
    pub rows: u64,
    /// Samples that rules read.
    pub samples: u64,
    pub outside: Outside,
    pub rules: Vec<RuleAccount>,
    pub troubles: Troubles,
    /// What is probably not meant in the rules.
    pub hints: Vec<Diagnostic>,
    /// Signals that rules read and the trace does not hold.
    pub missing: Vec<String>,
    /// Signals that rules read, and when each was first heard after the scope had begun.
    pub heard_late: Vec<(String, Option<Time>)>,
}

impl Account {
    /// The worst of its rules: one broken rule is a fail, one that is not decided or was not tested makes it inconclusive.
    pub fn verdict(&self) -> RunVerdict {
        let has = |wanted: RuleVerdict| self.rules.iter().any(|r| r.verdict() == wanted);
        if has(RuleVerdict::Fail) {
            RunVerdict::Fail
        } else if self.rules.is_empty() || has(RuleVerdict::Inconclusive) || has(RuleVerdict::Untested) {
            RunVerdict::Inconclusive
        } else {
            RunVerdict::Pass
        }
    }
}

/// Everything about one rule.
#[derive(Clone, PartialEq, Debug)]
pub struct RuleAccount {
    pub rule: Rule,
    pub judgement: Judgement,
    /// First instant judged false, and when that could first be known.
    pub violation: Option<Violation>,
    /// When its trigger first held.
    pub tested_at: Option<Time>,
    /// Where it was broken.
    pub broken: Stretches,
    /// Where it could not be told whether it holds.
    pub unknown: Stretches,
    /// Signals that it reads, and where each was not known.
    pub blind: Vec<(String, Stretches)>,
    /// Samples came too dense for the engine's memory, so that its margin may be wider than need be.
    pub merged: bool,
    /// Samples that came with an older stamp than one before them.
    pub late: Vec<(String, Late)>,
    /// The trace was cut or damaged, and ends too early.
    pub cut: bool,
    /// Something was still to come when the trace ended.
    pub open: bool,
    /// Its margin is a share of what the trace shows.
    pub observed_ranges: bool,
    /// Why it is broken or could not be judged, and how near it came to its deadlines.
    pub behind: Behind,
}

impl RuleAccount {
    /// The rule's verdict. A rule that rests on late samples does not pass: they count from the present instant, which is not
    /// when they were taken. Neither does one over a trace that was cut: what is missing could have broken it.
    pub fn verdict(&self) -> RuleVerdict {
        match self.judgement.verdict {
            RuleVerdict::Pass if self.cut || !self.late.is_empty() => RuleVerdict::Inconclusive,
            verdict => verdict,
        }
    }
}

/// When a rule was broken.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Violation {
    pub instant: Time,
    pub known_at: Time,
}

/// Late samples of one signal.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Late {
    pub count: u64,
    /// The first one's stamp, and the instant from which it counted.
    pub stamp: Time,
    pub at: Time,
}

/// Stretches of time: the first of them, how many there are, and how long they are together.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Stretches {
    pub kept: Vec<(Time, Time)>,
    pub count: u64,
    pub total: Span,
    open: Option<Time>,
}

impl Stretches {
    /// The same for what is not worth a word when it lasted no time.
    pub fn set_lasting(&mut self, on: bool, at: Time) {
        if !on && self.open == Some(at) {
            self.open = None;
        } else {
            self.set(on, at);
        }
    }

    /// From `at` on it is so, or not so.
    pub fn set(&mut self, on: bool, at: Time) {
        match (self.open, on) {
            (None, true) => self.open = Some(at),
            (Some(from), false) => {
                self.open = None;
                self.count += 1;
                self.total = self.total + at.since(from);
                if self.kept.len() < STRETCHES_KEPT {
                    self.kept.push((from, at));
                }
            }
            _ => {}
        }
    }
}

/// Follows one rule while the trace is read.
#[derive(Clone, Debug, Default)]
pub struct Following {
    pub tested_at: Option<Time>,
    pub violation: Option<Violation>,
    pub broken: Stretches,
    pub unknown: Stretches,
    pub merged: bool,
}

impl Following {
    /// Takes in what was decided.
    pub fn take(&mut self, piece: &Piece) {
        self.broken.set(piece.truth == Truth::False, piece.at);
        self.unknown.set(piece.truth == Truth::Unknown, piece.at);
    }

    /// The scope ends here.
    pub fn end(&mut self, at: Time) {
        self.broken.set(false, at);
        self.unknown.set(false, at);
    }
}
