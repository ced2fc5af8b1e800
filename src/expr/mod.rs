//! Formulas: text -> syntax -> checked for types and units -> the small trees of [`ir`].
//!
//! Invariant: nothing here knows time passing; `stl` judges what is built here.

mod check;
mod due;
mod foreign;
pub mod ir;
pub mod walk;
mod lex;
mod limits;
mod parse;
mod print;
mod reach;
mod say;
mod syntax;

pub use due::known_in_english;
pub use lex::is_taken;
pub use limits::{Limit, Side, excludes_itself, limits};
pub use print::{number_unit, number_words, number_words_in, words};
pub use reach::{history, horizon};
pub use say::rule_in_english;

use crate::diag::Severity;
use crate::signal::{SignalId, SignalTable};
use crate::time::Span;
use crate::units::{Dimension, Problem, Quantity, Unit};
use std::collections::BTreeMap;
use std::ops::Range;

/// What a formula may speak of.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    pub signals: &'a SignalTable,
    /// Named definitions of the rig: texts, expanded and checked where they are used.
    pub defines: &'a BTreeMap<String, String>,
    /// `$name` → value; `None` where parameters are not allowed (envelope).
    pub parameters: Option<&'a BTreeMap<String, Quantity>>,
    /// `phase` and `step` are allowed (scenario rules and steps).
    pub run_names: bool,
    /// Future operators are allowed (rules; not step formulas, `safe`, `when` of rungs).
    pub future: bool,
}

/// A formula that makes sense.
#[derive(Clone, PartialEq, Debug)]
pub struct Checked {
    pub formula: ir::Formula,
    pub margin: MarginKind,
    /// Signals it reads, each once, in order of first use.
    pub signals: Vec<SignalId>,
    /// Parameters it uses, each once.
    pub parameters: Vec<String>,
    /// How long after an instant its judgement there can stay open; `None`: for ever (unbounded future at the top).
    pub horizon: Option<Span>,
    /// How far back it looks; `None`: to the start.
    pub history: Option<Span>,
    /// By the declared ranges it holds for no value.
    pub never: bool,
    /// Warnings: never fails or never holds over the declared ranges, a trigger that should be a `when`.
    pub hints: Vec<Problem>,
}

/// A quantity over signals that makes sense.
#[derive(Clone, PartialEq, Debug)]
pub struct CheckedQuantity {
    pub number: ir::Number,
    pub dimension: Dimension,
    /// What it can be by the declared ranges, SI; infinite where none is declared.
    pub lo: f64,
    pub hi: f64,
    /// Signals it reads, each once, in order of first use.
    pub signals: Vec<SignalId>,
}

/// What a formula's margin is measured in.
#[derive(Clone, PartialEq, Debug)]
pub enum MarginKind {
    Unit(Unit),
    /// Dimensions mix: every comparison is divided by its scale.
    Share,
    /// States and flags alone: ±∞.
    Truth,
}

/// Reads and checks a formula; every mistake at once.
pub fn formula(text: &str, scope: &Scope<'_>) -> Result<Checked, Vec<Problem>> {
    check::formula(text, scope)
}

/// Reads and checks a quantity over signals (`clamp(fc.x, -4 m, 4 m)`); every mistake at once.
pub fn quantity(text: &str, scope: &Scope<'_>) -> Result<CheckedQuantity, Vec<Problem>> {
    check::quantity(text, scope)
}

/// Checks a definition of the rig on its own: a formula or a quantity. Where it is used, the using formula tells its
/// mistakes too, at the place of its name; here they stand at their own place in the definition's text.
pub fn definition(name: &str, text: &str, scope: &Scope<'_>) -> Vec<Problem> {
    check::definition(name, text, scope)
}

fn problem(span: Range<usize>, message: impl Into<String>, remedy: Option<String>) -> Problem {
    Problem { severity: Severity::Error, span, message: message.into(), remedy }
}

#[cfg(test)]
mod tests;
