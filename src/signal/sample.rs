//! Signals as the hot path sees them: a small number and a value. `core` only: the guard rests on them.

/// A signal of the run, by its place in the [`SignalTable`](super::SignalTable).
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SignalId(pub u32);

/// What a signal holds at an instant.
#[derive(Copy, Clone, PartialEq, Debug)]
pub enum Value {
    /// A quantity in the SI unit of the signal's dimension. NaN and ±∞ mean unknown.
    Number(f64),
    /// The place of a state in the signal's list of states.
    State(u16),
    /// A flag.
    Flag(bool),
    /// Something happened (a command was received); carries no value. Usable in `age()` and `changed()` only.
    Pulse,
    /// Heard, but not a value this signal can have: an unlisted state, a gap after a restart.
    Unknown,
}

impl Value {
    /// True where the value tells nothing: `Unknown`, or a number that is not finite.
    pub fn is_unknown(self) -> bool {
        match self {
            Value::Unknown => true,
            Value::Number(n) => !n.is_finite(),
            _ => false,
        }
    }
}
