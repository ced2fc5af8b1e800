//! The run: a pure fold over a log of inputs.
//!
//! Invariant: no clock, no wire, no thread, no `Result`: the world's misbehaviour is data, our own bugs panic.

mod closing;
mod controllers;
mod core;
mod ending;
pub mod event;
mod evidence;
mod faults;
mod fallback;
mod fold;
mod judging;
mod lateness;
mod reacting;
mod said;
mod script;
mod self_test;
mod steps;
mod stops;
mod wires;

use crate::fault::TwinFault;
use crate::guard::{LadderId, RungId};
use crate::signal::{Sample, SignalId, Value};
use crate::time::{Span, Time};
use crate::wire::{DeviceId, Frame, Lane, LinkId};
pub use event::{Event, Motion, Outcome, RunVerdict};
pub use fold::Run;
use judging::ProbeId;
pub use judging::needed_for_arming;

/// Names one write, so that its completion can be told.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SendId(pub u64);

/// Everything that can happen to a run. The order of inputs in the recording is the order of the run.
#[derive(Clone, PartialEq, Debug)]
pub enum Input {
    /// Bytes arrived.
    Bytes {
        at: Time,
        /// How long they waited here before the run could take them: they arrived so much earlier.
        waited: Span,
        frame: Frame,
    },
    /// Recorded or imported samples arrived (observe plans).
    Samples {
        at: Time,
        batch: Vec<(SignalId, Value)>,
    },
    Link {
        at: Time,
        link: LinkId,
        state: LinkState,
    },
    /// A write was done: first byte handed over, last byte handed over, bytes that waited before it.
    Sent {
        at: Time,
        id: SendId,
        begun: Time,
        done: Time,
        queued_ahead: u32,
    },
    /// A frame was thrown away on this side: its [`Frame::not_after`] was over before its first byte could leave.
    Lapsed {
        at: Time,
        id: SendId,
    },
    /// More arrived than the run took: its queue was full, and nobody knows when what waits before it arrived.
    Choked {
        at: Time,
    },
    /// Time passed; nothing else happened.
    Tick {
        at: Time,
    },
    Operator {
        at: Time,
        order: OperatorOrder,
    },
    /// The watchdog of the link fired or died.
    Watchdog {
        at: Time,
        link: LinkId,
        fired: bool,
    },
    Recorder {
        at: Time,
        state: RecorderState,
    },
    /// What became of the lease of the rig; without one (twins) nothing is said.
    Lease {
        at: Time,
        state: LeaseState,
    },
    /// The harness measures itself before the run is armed. Virtual runs have none of it.
    SelfTest {
        at: Time,
        state: SelfTest,
    },
}

impl Input {
    /// When it happened.
    pub fn at(&self) -> Time {
        match self {
            Input::Bytes { at, .. }
            | Input::Samples { at, .. }
            | Input::Link { at, .. }
            | Input::Sent { at, .. }
            | Input::Lapsed { at, .. }
            | Input::Choked { at }
            | Input::Tick { at }
            | Input::Operator { at, .. }
            | Input::Watchdog { at, .. }
            | Input::Recorder { at, .. }
            | Input::Lease { at, .. }
            | Input::SelfTest { at, .. } => *at,
        }
    }
}

impl Input {
    /// Bytes that are taken as they arrive.
    pub fn bytes(at: Time, frame: Frame) -> Input {
        Input::Bytes { at, waited: Span::ZERO, frame }
    }

    /// Moves the stamp: whoever hands inputs to the run keeps them in order of time. Bytes keep when they arrived.
    pub fn restamp(&mut self, to: Time) {
        if let Input::Bytes { at, waited, .. } = self {
            *waited = (*waited + to.since(*at)).max(Span::ZERO);
        }
        match self {
            Input::Bytes { at, .. }
            | Input::Samples { at, .. }
            | Input::Link { at, .. }
            | Input::Sent { at, .. }
            | Input::Lapsed { at, .. }
            | Input::Choked { at }
            | Input::Tick { at }
            | Input::Operator { at, .. }
            | Input::Watchdog { at, .. }
            | Input::Recorder { at, .. }
            | Input::Lease { at, .. }
            | Input::SelfTest { at, .. } => *at = to,
        }
    }
}

/// What a link does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LinkState {
    Up,
    /// Gone, with the reason in words.
    Lost(String),
    /// Could not be opened at all, with the reason in words: the run is blocked.
    Refused(String),
}

/// What a person says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OperatorOrder {
    /// Stop. A second one goes straight to the last rung.
    Stop,
    /// Answer to the open prompt.
    Answer { yes: bool },
    /// A person takes the machines over: neither controller, fallback nor script commands them until they are handed back.
    TakeOver,
    /// A person gives the machines back.
    HandBack,
    /// A person answers for the trip of an earlier run on this rig: who, and what it was, in words. Without it such a
    /// run is not begun.
    Reset { by: String, after: String },
}

/// What became of the recorder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RecorderState {
    /// Its queue is full.
    Full,
    /// It cannot write, with the reason in words (disk full).
    Dead(String),
    /// So many records were lost.
    Dropped(u64),
}

/// What becomes of a lease.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LeaseState {
    /// The rig was lent to the run.
    Taken {
        /// Who holds it, in words.
        by: String,
        lasts: Span,
    },
    /// Its time is over: the ladders run, then the rig is given back.
    Expired,
}

/// How the harness measures what it could reach at best.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SelfTest {
    /// So many wires will be told of; the run is not armed before.
    Begins { wires: u16 },
    /// From a write at the far end of a wire to ours, by the very loop that drives the run.
    Floor { wire: TestedWire, samples: u32, p50: Span, p99: Span, max: Span },
    /// A wire that could not be measured, with the reason in words.
    Failed { wire: TestedWire, why: String },
}

/// What was measured.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TestedWire {
    /// The loop itself, over a pseudo-terminal of its own.
    Loop,
    /// The way to the broker of this link and back.
    Broker(LinkId),
}

/// What the run asks of its host.
#[derive(Clone, PartialEq, Debug)]
pub enum Effect {
    Send {
        id: SendId,
        lane: Lane,
        frame: Frame,
    },
    /// Write the frames of this rung, from the plan's table, before anything else; discard what waits in Normal.
    Rung {
        id: SendId,
        ladder: LadderId,
        rung: RungId,
    },
    /// Throw away what waits in Normal and was not begun; the lane stays as open as it was.
    DropNormal,
    /// Tell a twin (or, with no device, the world) to start or end a fault.
    Twin {
        device: Option<DeviceId>,
        fault: TwinFault,
        on: bool,
    },
    /// Ask the person beside the rig; the answer comes as `Input::Operator`.
    Prompt {
        text: String,
        within: Span,
    },
    Emit(Event),
    /// Make what is recorded durable now (a trip).
    Flush,
    /// The run is over; nothing follows.
    Finish(Outcome),
}

/// The effects of one call; reused, cleared by the caller.
#[derive(Default, Debug)]
pub struct Effects {
    pub list: Vec<Effect>,
    /// Decoded samples in order, for the recording.
    pub samples: Vec<Sample>,
}

impl Effects {
    /// Empties it, keeping its memory.
    pub fn clear(&mut self) {
        self.list.clear();
        self.samples.clear();
    }
}
