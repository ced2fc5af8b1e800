//! Columns rebuilt from a recording: what report, plot and live view share.
//!
//! Invariant: nothing here judges: verdicts, margins and episodes are taken from the events as the run said them. The
//! reasons behind a verdict are worked out by the engine that gave it, from the same samples.

mod build;
mod chain;
mod gate;
mod lanes;
#[cfg(test)]
mod tests;
mod told;
mod why;
pub mod words;

pub use chain::{Chain, ChainDevice, ChainJudged, ChainRung, ChainStart};
pub use gate::{Account, GateTrace, Recovered, Scores};
pub use why::{RuleWhy, margin_kind};

use crate::command::RuleId;
use crate::guard::{Cause, LadderId, RungId};
use crate::log::{Loss, Reliance};
use crate::run::event::{Event, Outcome, StepOutcome};
use crate::scenario::plan::{Plan, StepId};
use crate::signal::{SignalId, Value};
use crate::stl::{Judgement, Margin, RuleVerdict};
use crate::time::{Span, Time};
use crate::wire::{DeviceId, LinkId};

/// From an instant to another.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Stretch {
    pub from: Time,
    pub to: Time,
}

impl Stretch {
    /// Its length.
    pub fn span(self) -> Span {
        self.to.since(self.from)
    }
}

/// A run to report on or to draw: what report and plot are functions of.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    pub plan: &'a Plan,
    pub trace: &'a Trace,
    /// Directory of the run, as people find it; figures show its last name.
    pub run: &'a str,
    /// SHA-256 of the recording in hexadecimal; empty when there is none.
    pub recording_sha256: &'a str,
    /// Version of the program.
    pub tool: &'a str,
    /// UTC nanoseconds since 1970 at the start of the run.
    pub wall_clock_unix_nanos: i64,
}

/// A whole run, as columns.
#[derive(Clone, PartialEq, Debug)]
pub struct Trace {
    /// First and last instant of anything in the recording.
    pub whole: Stretch,
    /// From here on rules were judged.
    pub armed_at: Option<Time>,
    /// By signal.
    pub columns: Vec<Column>,
    /// What controllers were told, around each fault on it; elsewhere it is what was.
    pub told: Vec<Told>,
    /// By rule.
    pub rules: Vec<RuleTrace>,
    /// By link.
    pub links: Vec<LinkTrace>,
    /// Each time a step was carried out, in order of beginning.
    pub steps: Vec<StepRun>,
    pub lanes: Vec<Lane>,
    /// What the guard did, if it did.
    pub reaction: Option<Reaction>,
    /// Every cause with its stamps; empty for recordings of versions that did not keep them.
    pub chains: Vec<Chain>,
    /// What the gate did with the commands of controllers.
    pub gate: GateTrace,
    /// `None`: the recording ends before the run did.
    pub outcome: Option<Outcome>,
    /// By rule: what lies behind its verdict, where there is more to say than its margin.
    pub whys: Vec<Option<RuleWhy>>,
    pub events: Vec<Event>,
    /// What the run relied on to make the rig safe, as known when it began.
    pub relies_on: Vec<Reliance>,
    pub loss: Option<Loss>,
}

/// One signal.
#[derive(Clone, PartialEq, Debug)]
pub struct Column {
    pub signal: SignalId,
    /// Ascending.
    pub times: Vec<Time>,
    /// One for each time; numbers in SI.
    pub values: Vec<Value>,
    /// Where the signal was unknown: stale, told to be unknown, or its link was gone. Before its first sample is none.
    pub gaps: Vec<Stretch>,
}

impl Column {
    /// The number that held at an instant, SI.
    pub fn number_at(&self, at: Time) -> Option<f64> {
        let after = self.times.partition_point(|t| *t <= at);
        match self.values[after.checked_sub(1)?] {
            Value::Number(si) if si.is_finite() => Some(si),
            _ => None,
        }
    }
}

/// What a controller was told of one signal.
#[derive(Clone, PartialEq, Debug)]
pub struct Told {
    pub controller: DeviceId,
    /// By the instant at which it was sent.
    pub column: Column,
}

/// One rule.
#[derive(Clone, PartialEq, Debug)]
pub struct RuleTrace {
    pub rule: RuleId,
    /// Decided margins by instant, thinned by the run with extremes kept; SI.
    pub margins: Vec<(Time, Margin)>,
    /// Episodes of violation; one that did not end goes to the end of the run.
    pub broken: Vec<Stretch>,
    /// Where one of its signals was unknown.
    pub blind: Vec<Stretch>,
    /// Samples that came too late to be judged where they belong, by signal.
    pub late: Vec<LateSamples>,
    /// Its signals came faster than declared, so that its margins may be wider than they were.
    pub merged: bool,
    pub tested_at: Option<Time>,
    pub violated: Option<Violation>,
    pub judgement: Option<Judgement>,
}

impl RuleTrace {
    /// Its `when` never held: its margin means nothing.
    pub fn untested(&self) -> bool {
        self.judgement.as_ref().is_some_and(|j| j.verdict == RuleVerdict::Untested)
    }
}

/// Samples of a signal that a rule was told of too late.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct LateSamples {
    pub signal: SignalId,
    pub count: u64,
    /// How far the latest of them was behind what was judged.
    pub behind: Span,
}

/// A violation, when it was and when it could first be known.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    pub instant: Time,
    pub known_at: Time,
}

/// One link.
#[derive(Clone, PartialEq, Debug)]
pub struct LinkTrace {
    pub link: LinkId,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub noise_bytes: u64,
    pub corrupt_frames: u64,
    pub foreign_frames: u64,
    pub lost_messages: u64,
    /// Where it was gone.
    pub down: Vec<Stretch>,
}

/// One execution of a step.
#[derive(Clone, PartialEq, Debug)]
pub struct StepRun {
    pub step: StepId,
    pub stretch: Stretch,
    /// `None`: it was still going when the recording ended.
    pub outcome: Option<StepOutcome>,
}

/// The guard's reaction from cause to safe.
#[derive(Clone, PartialEq, Debug)]
pub struct Reaction {
    /// Causes in the order in which they were latched; later ones outrank earlier ones. [`Cause::Finish`] alone is no trip.
    pub causes: Vec<(Time, Cause)>,
    pub rungs: Vec<RungRun>,
    /// `safe` was confirmed.
    pub safe: Vec<(Time, LadderId)>,
    /// The last rung was not confirmed.
    pub alarms: Vec<(Time, LadderId)>,
}

impl Reaction {
    /// The first cause that is a trip.
    pub fn trip(&self) -> Option<(Time, Cause)> {
        self.causes.iter().copied().find(|(_, cause)| *cause != Cause::Finish)
    }
    /// Longest time from the instant the cause could be known to the first byte of a ladder's first rung on the wire.
    pub fn time(&self) -> Option<Span> {
        self.rungs.iter().filter(|r| r.rung == RungId(0)).filter_map(|r| r.reaction).max()
    }
}

/// One rung.
#[derive(Clone, PartialEq, Debug)]
pub struct RungRun {
    pub ladder: LadderId,
    pub rung: RungId,
    pub issued_at: Time,
    /// `None`: not written while the recording went.
    pub sent_at: Option<Time>,
    pub reaction: Option<Span>,
    pub skipped: bool,
}

/// Things of one kind that lasted, in order of beginning; they may overlap.
#[derive(Clone, PartialEq, Debug)]
pub struct Lane {
    pub name: String,
    pub bars: Vec<Bar>,
}

/// Something that lasted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bar {
    pub stretch: Stretch,
    pub label: String,
    pub tone: Tone,
}

/// What a bar means.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Tone {
    Plain,
    /// Something was done to the machine or what the controller sees, on purpose.
    Fault,
    /// Not as it should be.
    Bad,
    Good,
    /// Not carried out, or not known.
    Faint,
}
