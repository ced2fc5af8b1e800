//! Did the same happen again?

use super::{Entry, Recording, convert};
use crate::run::event::Event;
use prost::Message;

/// The first place at which a replay parts from its recording.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[error("event {}: {}", .number, difference_words(.recorded.as_deref(), .replayed.as_deref()))]
pub struct Difference {
    /// Counted from 1.
    pub number: usize,
    /// `None`: the recording has no more.
    pub recorded: Option<Box<Event>>,
    /// `None`: the replay has no more.
    pub replayed: Option<Box<Event>>,
}

/// Demands that the same happened, in the same order, at the same nanosecond, with the same numbers to the last bit.
pub fn compare_events(recorded: &[Event], replayed: &[Event]) -> Result<(), Difference> {
    for number in 0..recorded.len().max(replayed.len()) {
        let (was, is) = (recorded.get(number), replayed.get(number));
        if !same(was, is) {
            return Err(Difference {
                number: number + 1,
                recorded: was.cloned().map(Box::new),
                replayed: is.cloned().map(Box::new),
            });
        }
    }
    Ok(())
}

/// Bit for bit: a NaN equals itself here, and 0 does not equal −0.
fn same(was: Option<&Event>, is: Option<&Event>) -> bool {
    match (was, is) {
        (Some(was), Some(is)) => convert::event_to(was).encode_to_vec() == convert::event_to(is).encode_to_vec(),
        (was, is) => was.is_none() && is.is_none(),
    }
}

fn difference_words(recorded: Option<&Event>, replayed: Option<&Event>) -> String {
    match (recorded, replayed) {
        (Some(was), Some(is)) if was.kind == is.kind => {
            format!("recorded at {} ns, replayed at {} ns: {:?}", was.at.nanos(), is.at.nanos(), was.kind)
        }
        (Some(was), Some(is)) => {
            format!("recorded {:?} at {}, replayed {:?} at {}", was.kind, was.at, is.kind, is.at)
        }
        (Some(was), None) => format!("recorded {:?} at {}, the replay ended before it", was.kind, was.at),
        (None, Some(is)) => format!("replayed {:?} at {}, the recording ended before it", is.kind, is.at),
        (None, None) => "no difference".into(),
    }
}

impl Recording {
    /// The events alone, in order.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Event(event) => Some(event),
            _ => None,
        })
    }

    /// The inputs alone, in the order in which the run took them.
    pub fn inputs(&self) -> impl Iterator<Item = &crate::run::Input> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Input(input) => Some(input),
            _ => None,
        })
    }
}
