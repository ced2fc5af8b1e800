//! From cells to values: what each column's signal is, and how its cells are read.

use super::scan::state_name;
use crate::import::Cell;
use crate::signal::{SignalId, SignalKind, Value};
use crate::units::Unit;
use std::collections::BTreeMap;

/// How the cells of a column are read.
#[derive(Clone, PartialEq, Debug)]
pub struct Reader {
    pub signal: SignalId,
    how: How,
}

#[derive(Clone, PartialEq, Debug)]
enum How {
    /// The numbers are in this unit.
    Number(Unit),
    Flag,
    /// By the text as it stands in a cell, and by its name.
    States(BTreeMap<String, u16>),
    Pulse,
}

/// Why a cell has no value.
#[derive(Clone, PartialEq, Debug)]
pub enum Wrong {
    /// Something else was wanted: `a number`.
    Kind(&'static str),
    /// The number is infinite.
    Infinite,
    /// No text at all.
    Unreadable,
}

impl Reader {
    /// For a signal; `unit` is what the column's heading says of its numbers.
    pub fn new(signal: SignalId, kind: &SignalKind, unit: Option<&Unit>) -> Reader {
        let how = match kind {
            SignalKind::Number { unit: declared, .. } => How::Number(unit.unwrap_or(declared).clone()),
            SignalKind::Flag => How::Flag,
            SignalKind::Pulse => How::Pulse,
            SignalKind::States { names } => {
                let number = |(place, name): (usize, &String)| (name.clone(), place as u16);
                How::States(names.iter().enumerate().map(number).collect())
            }
        };
        Reader { signal, how }
    }

    /// The value of a cell. NaN is a value that is unknown, and nothing is wrong with it.
    pub fn value(&mut self, cell: Cell<'_>) -> Result<Value, Wrong> {
        match (&mut self.how, cell) {
            (_, Cell::Unknown) => Ok(Value::Unknown),
            (_, Cell::Unreadable) => Err(Wrong::Unreadable),
            (How::Number(_), Cell::Number(number)) if number.is_infinite() => Err(Wrong::Infinite),
            (How::Number(unit), Cell::Number(number)) => Ok(Value::Number(unit.to_si(number))),
            (How::Number(_), _) => Err(Wrong::Kind("a number")),
            (How::Flag, Cell::Flag(flag)) => Ok(Value::Flag(flag)),
            (How::Flag, Cell::Number(number)) if number == 0.0 || number == 1.0 => Ok(Value::Flag(number == 1.0)),
            (How::Flag, Cell::Number(number)) if number.is_nan() => Ok(Value::Unknown),
            (How::Flag, _) => Err(Wrong::Kind("`true` or `false`")),
            (How::States(states), Cell::Text(text)) => state(states, text),
            (How::States(states), Cell::Flag(flag)) => state(states, if flag { "true" } else { "false" }),
            (How::States(_), Cell::Number(_)) => Err(Wrong::Kind("the name of a state")),
            (How::Pulse, _) => Ok(Value::Pulse),
        }
    }
}

/// A text is found as it stands, or by the name that it has in formulas; that is learned for the next time.
fn state(states: &mut BTreeMap<String, u16>, text: &str) -> Result<Value, Wrong> {
    if let Some(number) = states.get(text) {
        return Ok(Value::State(*number));
    }
    match states.get(&state_name(text)).copied() {
        Some(number) => {
            states.insert(text.to_owned(), number);
            Ok(Value::State(number))
        }
        None => Err(Wrong::Kind("one of its states")),
    }
}
