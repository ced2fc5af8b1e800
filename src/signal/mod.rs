//! Signals: named, typed, unit-bearing time series such as `fc.altitude` in m.
//!
//! Invariant: a value is SI and carries no unit of its own; how it came over a wire is `codec`'s business.

mod sample;

pub use sample::{SignalId, Value};

use crate::time::{Span, Time};
use crate::units::Unit;
use crate::wire::DeviceId;
use std::collections::BTreeMap;

/// One value of one signal at one instant.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Sample {
    pub at: Time,
    pub signal: SignalId,
    pub value: Value,
}

/// What a signal is: everything a rule, a plot or a recording must know of it.
#[derive(Clone, PartialEq, Debug)]
pub struct SignalDef {
    /// `device.name`, or a reserved name such as `phase`.
    pub name: String,
    /// The device that tells it; `None` for what the run itself tells (`phase`, `step`, `guard.tripped`).
    pub device: Option<DeviceId>,
    pub kind: SignalKind,
    pub every: Every,
    /// A sample holds until the next one, at most this long.
    /// `None`: until its device dies (`every: change`) or, for signals of the run itself, for ever.
    pub stale_after: Option<Span>,
}

/// The type of a signal's values.
#[derive(Clone, PartialEq, Debug)]
pub enum SignalKind {
    /// A quantity. `unit` is what people read (values are SI); `range` is the declared range in SI.
    Number { unit: Unit, range: Option<(f64, f64)> },
    /// One of the named states; `Value::State(i)` is `names[i]`.
    States { names: Vec<String> },
    /// True or false; usable bare in a formula.
    Flag,
    /// An event without a value, such as `pilot.command`.
    Pulse,
}

/// How often a signal is expected.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Every {
    /// Once per period; silence is a fault.
    Period(Span),
    /// Only when it changes; fresh while its device is alive.
    Change,
}

/// All signals of a run.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SignalTable {
    defs: Vec<SignalDef>,
    by_name: BTreeMap<String, SignalId>,
}

impl SignalTable {
    /// An empty table.
    pub fn new() -> SignalTable {
        SignalTable::default()
    }
    /// Adds a signal. Returns `None`, and changes nothing, when the name is taken.
    pub fn add(&mut self, def: SignalDef) -> Option<SignalId> {
        if self.by_name.contains_key(&def.name) {
            return None;
        }
        let id =
            SignalId(u32::try_from(self.defs.len()).expect("fewer than 2^32 signals: each needs a line of a file"));
        self.by_name.insert(def.name.clone(), id);
        self.defs.push(def);
        Some(id)
    }
    /// The signal of that name.
    pub fn find(&self, name: &str) -> Option<SignalId> {
        self.by_name.get(name).copied()
    }
    /// What the signal is. Panics on an id of another table: ids are made by `add` alone.
    pub fn def(&self, id: SignalId) -> &SignalDef {
        &self.defs[id.0 as usize]
    }
    /// Replaces what a signal is, e.g. the states of `phase` once the scenario is known. The name stays.
    pub fn redefine(&mut self, id: SignalId, kind: SignalKind) {
        self.defs[id.0 as usize].kind = kind;
    }
    /// All signals in order of their ids.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (SignalId, &SignalDef)> {
        self.defs.iter().enumerate().map(|(i, d)| (SignalId(i as u32), d))
    }
    /// How many signals there are.
    pub fn len(&self) -> usize {
        self.defs.len()
    }
    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.defs.is_empty()
    }
    /// Every name, for suggestions.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.defs.iter().map(|d| d.name.as_str())
    }
}
