//! Faults injected on purpose: seeded, without clock or wire of their own (push, pop, next deadline).
//!
//! Invariant: nothing here draws a number that the seed does not fix.

mod arrival;
mod bytes;
mod frames;
mod kind;
mod pipe;
mod presets;
mod rng;
mod tells;
mod twin;
mod value;

pub use frames::FramePipe;
pub use kind::{Concerns, PipeFault};
pub use pipe::{Carried, FaultKey, Mark, Pipe, Tally};
pub use presets::{PRESETS, Preset};
pub use rng::Dice;
pub use tells::{TellPipe, Telling};
pub use twin::TwinFault;
pub use value::{ValueFault, same};

use crate::command::CommandId;
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
    /// What a controller says: its commands, or one argument of one command (its place).
    Says { device: DeviceId, arg: Option<(CommandId, u8)>, fault: PipeFault },
    /// Frames of a link. From us to its devices: Normal lane alone, Safe and Query are never touched. From the devices to
    /// us: in the wires of their twins.
    Link { link: LinkId, way: Way, fault: PipeFault },
    /// A twin.
    Twin { device: DeviceId, fault: TwinFault },
    /// The world behind all twins.
    World { fault: TwinFault },
}

/// Which way a fault acts on a link.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Way {
    /// From us to the devices.
    Out,
    /// From the devices to us.
    In,
    Both,
}
