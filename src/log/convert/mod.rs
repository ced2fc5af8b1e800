//! Words of the program <-> messages of the recording. Every match is exhaustive on our side, so that a new
//! variant does not compile until it has a place in `proto/checkrein.proto`.

mod event;
mod head;
mod input;

pub use event::{event_from, event_to};
pub use head::{head_from, head_to};
pub use input::{input_from, input_to, sent_from, sent_to};

use crate::log::proto;
use crate::time::{Span, Time};

/// Why a message of the recording is not one of ours, in words.
pub type Misread = String;

/// Nothing at all: the mark of a variant without content.
const NOTHING: proto::Nothing = proto::Nothing {};

fn time(nanos: i64) -> Time {
    Time::from_nanos(nanos)
}

fn span(nanos: i64) -> Span {
    Span::from_nanos(nanos)
}

/// A small number that must fit its place.
fn small<T: TryFrom<u32>>(number: u32, what: &str) -> Result<T, Misread> {
    T::try_from(number).map_err(|_| format!("the number {number} of a {what} is too large"))
}

/// A part that must be there.
fn need<T>(part: Option<T>, what: &str) -> Result<T, Misread> {
    part.ok_or_else(|| format!("a record has no {what}"))
}
