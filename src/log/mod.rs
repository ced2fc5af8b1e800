//! The recording: MCAP with protobuf schemas. Inputs and events go in; the same inputs and events come out, also of a cut file.
//!
//! Invariant: no file system: bytes go to a `Write`, and come from a slice.
//!
//! Topics: `checkrein/head` (first record: the plan's files), `checkrein/input` (everything that the run was told),
//! `checkrein/sent`, `checkrein/event`, `signals/<device>` (values in the units people read, a message type per device made
//! at run time) and `checkrein/signals` for what the run itself tells. Records are counted across all topics, so that
//! a missing one is noticed.
//!
//! # Adding a kind of input or event
//! 1. A message and a new number in the `oneof` of `proto/checkrein.proto`; numbers are never used again.
//! 2. An arm in each direction in `convert/`; the compiler asks for the one.
//! 3. A sample in the list of the tests; the compiler asks for its place.

mod columns;
mod convert;
mod files;
#[cfg(test)]
pub(crate) mod fixture;
mod open;
mod proto;
mod recorder;
mod replay;
mod samples;
mod schema;
mod sound;
#[cfg(test)]
mod tests;

pub use columns::{SignalColumn, signal_columns};
pub use files::RecordedFiles;
pub use open::open;
pub use recorder::HEAD_TOPIC;
pub use recorder::Recorder;
pub use replay::{Difference, compare_events};
pub use schema::UNKNOWN_FIELD;

use crate::run::Input;
use crate::run::event::Event;
use crate::scenario::plan::{GateMode, InputFile, Mode};
use crate::signal::Sample;
use crate::time::Time;
use crate::wire::Frame;

/// The format that this program writes; it reads this one and all before.
pub const FORMAT: u32 = 1;

/// What is sealed before the first byte moves; enough to make the same plan again.
#[derive(Clone, PartialEq, Debug)]
pub struct Head {
    /// Version of the recording's format.
    pub format: u32,
    /// Version of the program.
    pub tool: String,
    /// UTC nanoseconds since 1970 at `Time::ZERO`.
    pub wall_clock_unix_nanos: i64,
    pub scenario_path: String,
    pub rig_path: String,
    /// `--set` of the command line, as given.
    pub overrides: Vec<(String, String)>,
    pub seed: u64,
    pub mode: Mode,
    /// What the gate did; `None` in recordings from before there was a choice, which enforced.
    pub gate: Option<GateMode>,
    pub files: Vec<InputFile>,
    /// What the run relied on to make the rig safe, as known when it began.
    pub relies_on: Vec<Reliance>,
}

/// Something that makes the rig safe, and whether that was ever seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reliance {
    /// `rung 1 of fc (fc.land)`, `ring 3: the dead-man of fc`.
    pub what: String,
    /// `rehearsed 2026-11-23 04:00:00 UTC, safe after 12.3 s`, or that it is only declared.
    pub text: String,
    /// A rehearsal of this rig file on what the run ran on showed that it works.
    pub shown: bool,
}

/// Everything that a recording holds, in its order.
#[derive(Clone, PartialEq, Debug)]
pub struct Recording {
    pub head: Head,
    pub entries: Vec<Entry>,
    /// `None`: whole.
    pub loss: Option<Loss>,
}

/// One record of a recording.
#[derive(Clone, PartialEq, Debug)]
pub enum Entry {
    Input(Input),
    Event(Event),
    /// Numbers in SI, exact to the last place of a double where the signal is shown in another unit.
    Samples(Vec<Sample>),
    Sent {
        at: Time,
        frame: Frame,
    },
}

impl Entry {
    /// When it happened; `None` for samples of which there are none.
    pub fn at(&self) -> Option<Time> {
        match self {
            Entry::Input(input) => Some(input.at()),
            Entry::Event(event) => Some(event.at),
            Entry::Samples(samples) => samples.first().map(|s| s.at),
            Entry::Sent { at, .. } => Some(*at),
        }
    }
}

/// What a cut or damaged recording lost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Loss {
    /// Up to here everything is there.
    pub whole_until: Time,
    /// Bytes at the end that could not be used.
    pub bytes: u64,
    /// In words.
    pub why: String,
}

impl std::fmt::Display for Loss {
    /// One sentence for people.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "the recording is whole up to {}; {} bytes could not be used: {}",
            self.whole_until, self.bytes, self.why
        )
    }
}

/// Why a file is no recording.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotARecording(pub String);
