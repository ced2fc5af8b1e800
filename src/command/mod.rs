//! Commands: named things a device can be told to do, with typed, unit-bearing arguments.
//!
//! Invariant: nothing here is on a wire or decided: what a command says, not whether it may go out.

mod call;

pub use call::{ARGS_MAX, Authority, Bound, Command, CommandId, RuleId, Ticket};

use crate::signal::SignalId;
use crate::time::Span;
use crate::units::Unit;
use crate::wire::DeviceId;
use std::collections::BTreeMap;

/// What a command is.
#[derive(Clone, PartialEq, Debug)]
pub struct CommandDef {
    /// `device.name`.
    pub name: String,
    pub device: DeviceId,
    pub args: Vec<ArgDef>,
    /// Every command energises unless marked harmless.
    pub harmless: bool,
    /// The device answers with an acknowledgement that the codec understands.
    pub acked: bool,
}

/// What an argument is.
#[derive(Clone, PartialEq, Debug)]
pub struct ArgDef {
    pub name: String,
    pub kind: ArgKind,
    /// The signal that this argument drives, if the rig says so (`drives fc.altitude`).
    pub drives: Option<SignalId>,
    /// The signal whose rate of change this argument is, if the rig says so (`carries fc.x for 500 ms`).
    pub carries: Option<Carry>,
}

/// How far one command carries a signal of which an argument is the rate of change.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Carry {
    pub signal: SignalId,
    /// How long the machine may go on with one command: one step of the look-ahead.
    pub lasts: Span,
}

/// The type of an argument.
#[derive(Clone, PartialEq, Debug)]
pub enum ArgKind {
    /// A quantity within `lo..hi` (SI), shown to people in `unit`.
    Number { unit: Unit, lo: f64, hi: f64 },
    /// One of the named states.
    States { names: Vec<String> },
}

/// All commands of a rig.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CommandTable {
    defs: Vec<CommandDef>,
    by_name: BTreeMap<String, CommandId>,
}

impl CommandTable {
    /// An empty table.
    pub fn new() -> CommandTable {
        CommandTable::default()
    }
    /// Adds a command. Returns `None`, and changes nothing, when the name is taken or the table is full.
    pub fn add(&mut self, def: CommandDef) -> Option<CommandId> {
        if self.by_name.contains_key(&def.name) {
            return None;
        }
        let id = CommandId(u16::try_from(self.defs.len()).ok()?);
        self.by_name.insert(def.name.clone(), id);
        self.defs.push(def);
        Some(id)
    }
    /// The command of that name.
    pub fn find(&self, name: &str) -> Option<CommandId> {
        self.by_name.get(name).copied()
    }
    /// What the command is; `None` for an id of another table (a recording of another plan).
    pub fn get(&self, id: CommandId) -> Option<&CommandDef> {
        self.defs.get(id.0 as usize)
    }
    /// What the command is. Panics on an id of another table: ids are made by `add` alone.
    pub fn def(&self, id: CommandId) -> &CommandDef {
        &self.defs[id.0 as usize]
    }
    /// All commands in order of their ids.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (CommandId, &CommandDef)> {
        self.defs.iter().enumerate().map(|(i, d)| (CommandId(i as u16), d))
    }
    /// Every name, for suggestions.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.defs.iter().map(|d| d.name.as_str())
    }
}
