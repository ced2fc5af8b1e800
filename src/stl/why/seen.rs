//! What was known of a signal at a place in time, and if nothing, since when and why.

use super::Place;
use super::record::{Slot, Telling, Values, place, slot_of};
use crate::signal::{SignalId, Value};
use crate::time::{Span, Time};

/// A signal at a place.
#[derive(Clone, PartialEq, Debug)]
pub struct Seen {
    pub signal: SignalId,
    pub place: Place,
    pub heard: Heard,
}

/// What was heard of it.
#[derive(Clone, PartialEq, Debug)]
pub enum Heard {
    /// A known value from the sample of that stamp.
    Fresh { value: Value, stamp: Time, age: Span },
    /// Several values came at this one instant: first and last of them.
    Several { first: Value, last: Value, count: usize },
    /// Nothing is known.
    Nothing { gap: Gap, last: Option<(Value, Time)> },
}

/// Why nothing is known of a signal.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Gap {
    /// No sample had come.
    NeverHeard,
    /// The last sample was too old from here on.
    Stale { since: Time },
    /// The device or its link was lost.
    Lost { since: Time },
    /// Samples came, but were no number, or no state that is listed.
    NoValue { since: Time },
    /// The place lies before the scope.
    BeforeStart,
    /// The place lies after the end of the record.
    AfterEnd,
}

/// The signal at `slot`.
pub(super) fn seen(values: &Values<'_>, signal: SignalId, slot: Slot) -> Seen {
    let heard = heard(values, signal, slot);
    Seen { signal, place: place(slot), heard }
}

fn heard(values: &Values<'_>, signal: SignalId, slot: Slot) -> Heard {
    let told = values.told(signal);
    let up_to = &told[..told.partition_point(|(at, _)| slot_of(*at) <= slot)];
    let known = |telling: &&Telling| telling.1.is_some_and(|value| !value.is_unknown());
    let last = up_to.iter().rev().find(known).and_then(|(at, value)| value.map(|value| (value, *at)));
    let nothing = |gap| Heard::Nothing { gap, last };
    if slot > values.last() {
        return nothing(Gap::AfterEnd);
    }
    if slot < values.first() {
        return nothing(Gap::BeforeStart);
    }
    let here = up_to.iter().rev().take_while(|(at, _)| slot_of(*at) == slot).count();
    if here > 1 {
        let here = &up_to[up_to.len() - here..];
        let value = |telling: &Telling| telling.1.unwrap_or(Value::Unknown);
        if here.iter().any(|telling| value(telling) != value(&here[0])) {
            return Heard::Several { first: value(&here[0]), last: value(&here[here.len() - 1]), count: here.len() };
        }
    }
    let Some((stamp, value)) = up_to.last() else { return nothing(Gap::NeverHeard) };
    match value {
        Some(value) if !value.is_unknown() => {
            let stale_at = values.specs[signal.0 as usize].stale_after.map(|after| *stamp + after);
            match stale_at.filter(|at| slot >= slot_of(*at)) {
                Some(since) => nothing(Gap::Stale { since }),
                // In the open interval before an instant it is as old as it will be at that instant.
                None => {
                    let age = Time::from_nanos((slot + 1) >> 1).since(*stamp);
                    Heard::Fresh { value: *value, stamp: *stamp, age }
                }
            }
        }
        _ => {
            // The first of the row of samples that said nothing.
            let row = up_to.iter().rev().take_while(|telling| !known(telling));
            let (since, first) = row.last().copied().unwrap_or((*stamp, *value));
            nothing(match first {
                None => Gap::Lost { since },
                Some(_) => Gap::NoValue { since },
            })
        }
    }
}

impl Seen {
    /// True when a value was known.
    pub fn is_known(&self) -> bool {
        matches!(self.heard, Heard::Fresh { .. })
    }

    /// True when something should have been told and was not: not the edge of the record.
    pub fn is_missing(&self) -> bool {
        match self.heard {
            Heard::Fresh { .. } => false,
            Heard::Several { .. } => true,
            Heard::Nothing { gap, .. } => !matches!(gap, Gap::BeforeStart | Gap::AfterEnd),
        }
    }
}
