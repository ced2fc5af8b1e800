//! Formulas: text -> syntax -> checked for types and units -> the small trees of [`ir`].
//!
//! Invariant: nothing here knows time passing; `stl` judges what is built here.

pub mod ir;
pub mod walk;

use crate::signal::{SignalId, SignalTable};
use crate::time::Span;
use crate::units::{Problem, Quantity, Unit};
use std::collections::BTreeMap;

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
    /// Warnings: never fails or never holds over the declared ranges, a trigger that should be a `when`.
    pub hints: Vec<Problem>,
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
pub fn formula(_text: &str, _scope: &Scope<'_>) -> Result<Checked, Vec<Problem>> {
    todo!()
}
