//! The recording: MCAP with protobuf schemas. Inputs and events go in; the same inputs and events come out, also of a cut file.
//!
//! Invariant: no file system: bytes go to a `Write`, and come from a slice.

use crate::run::Input;
use crate::run::event::Event;
use crate::scenario::plan::{Mode, Plan};
use crate::signal::Sample;
use crate::time::Time;
use std::io::{Seek, Write};

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
    pub files: Vec<crate::scenario::plan::InputFile>,
}

/// Writes a recording as the run goes.
pub struct Recorder<W: Write + Seek> {
    _w: std::marker::PhantomData<W>,
}

impl<W: Write + Seek> Recorder<W> {
    /// Writes schemas, channels and the head; after this the file can be read.
    pub fn start(_out: W, _head: &Head, _plan: &Plan) -> std::io::Result<Recorder<W>> {
        todo!()
    }
    /// Keeps an input, before the run sees it.
    pub fn input(&mut self, _input: &Input) -> std::io::Result<()> {
        todo!()
    }
    /// Keeps decoded samples: one record per device and instant.
    pub fn samples(&mut self, _samples: &[Sample]) -> std::io::Result<()> {
        todo!()
    }
    /// Keeps an event.
    pub fn event(&mut self, _event: &Event) -> std::io::Result<()> {
        todo!()
    }
    /// Bytes we sent, as they left.
    pub fn sent(&mut self, _at: Time, _frame: &crate::wire::Frame) -> std::io::Result<()> {
        todo!()
    }
    /// Closes the chunk, so that a cut later on loses nothing up to here.
    pub fn flush(&mut self) -> std::io::Result<()> {
        todo!()
    }
    /// Writes the summary and gives the writer back.
    pub fn finish(self) -> std::io::Result<W> {
        todo!()
    }
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
    Samples(Vec<Sample>),
    Sent { at: Time, frame: crate::wire::Frame },
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

/// Why a file is no recording.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotARecording(pub String);

/// Opens a recording, healed: everything before the damage.
pub fn open(_bytes: &[u8]) -> Result<Recording, NotARecording> {
    todo!()
}
