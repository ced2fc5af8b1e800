//! Faults injected on purpose: seeded, without clock or wire of their own (push, pop, next deadline).
//!
//! Invariant: nothing here draws a number that the seed does not fix.

mod pipe;
mod rng;
mod twin;

pub use pipe::{FaultKey, FramePipe, Pipe, TellPipe, Telling};
pub use rng::Dice;
pub use twin::TwinFault;

use crate::signal::SignalId;
use crate::time::Span;
use crate::wire::{DeviceId, LinkId};

/// A fault of a scenario, checked: quantities are SI.
#[derive(Clone, PartialEq, Debug)]
pub struct FaultSpec {
    /// The fault's name as the scenario has it.
    pub name: String,
    pub target: FaultTarget,
    /// How long; `None`: until the run's exit.
    pub lasts: Option<Span>,
}

/// What a fault acts on, and how. Never on what envelope, guard and `safe` judge.
#[derive(Clone, PartialEq, Debug)]
pub enum FaultTarget {
    /// What a controller is told: one signal or all of them.
    Tells { device: DeviceId, signal: Option<SignalId>, fault: PipeFault },
    /// What a controller says.
    Says { device: DeviceId, fault: PipeFault },
    /// Frames from us to the devices of a link (Normal lane alone: Safe and Query are never touched).
    Link { link: LinkId, fault: PipeFault },
    /// A twin.
    Twin { device: DeviceId, fault: TwinFault },
    /// The world behind all twins.
    World { fault: TwinFault },
}

/// A fault on a stream of samples or frames.
#[derive(Copy, Clone, PartialEq, Debug)]
pub enum PipeFault {
    /// Everything arrives this much later, in order.
    Delay { by: Span },
    /// Each item is lost with this probability, 0..=1.
    Drop { share: f64 },
    /// Nothing arrives.
    Off,
    /// The last value before the fault is repeated (samples only).
    Freeze,
    /// Added to every number, SI (samples only).
    Bias { by: f64 },
    /// Every number is multiplied (samples only).
    Scale { gain: f64 },
    /// Normal noise of this standard deviation is added, SI (samples only).
    Noise { sigma: f64 },
    /// Each bit is flipped with this probability (frames only).
    Corrupt { bit_error_rate: f64 },
    /// Each item arrives twice with this probability.
    Duplicate { share: f64 },
}
