//! Twins of devices: each speaks the real bytes of its kind.
//!
//! # Adding a twin
//! 1. A file here with a [`Machine`] that stands in the world, or a [`Controller`].
//! 2. Its name in [`TWINS`](crate::rig::twins::TWINS) and an arm in [`machine`] or [`controller`].

pub mod active;
mod flight_controller;
mod grbl;
pub mod hover_pilot;
mod power;
pub mod quadrotor;
mod reacher;
mod scanner;

use super::random::Noise;
use super::world::World;
use crate::codec::DeviceConfig;
use crate::fault::TwinFault;
use crate::time::Time;
use crate::wire::{Frame, LinkId};

/// A machine that stands in a world. `at` is the bench's own time.
pub trait Machine: Send {
    /// Takes what arrived on its link; of an MQTT link all that it listens to.
    fn receive(&mut self, at: Time, frame: &Frame, world: &mut dyn World);
    /// One turn of its loop, after the world's: reads its sensors, moves its actuators, says what is due.
    fn turn(&mut self, at: Time, world: &mut dyn World);
    /// Does what is due between two turns.
    fn tick(&mut self, _at: Time, _world: &mut dyn World) {}
    /// When `tick` wants to be called, where that is not at a turn.
    fn next_deadline(&self) -> Option<Time> {
        None
    }
    /// Hands out what it has said since it was asked last, message by message.
    fn take(&mut self, link: LinkId, out: &mut Vec<Frame>);
    /// MQTT topics that it listens to; none on serial links.
    fn subscriptions(&self) -> Vec<String> {
        Vec::new()
    }
    /// A fault begins that [`TwinKind::refuses`](crate::rig::twins::TwinKind::refuses) does not refuse.
    fn start_fault(&mut self, at: Time, fault: &TwinFault, world: &mut dyn World);
    /// It ends.
    fn stop_fault(&mut self, fault: &TwinFault, world: &mut dyn World);
}

/// A controller: it hears what it is told, and asks for commands.
pub trait Controller: Send {
    /// MQTT topics that it listens to.
    fn subscriptions(&self) -> Vec<String>;
    /// Takes what arrived on its link.
    fn receive(&mut self, at: Time, frame: &Frame);
    /// Does what is due, and says it.
    fn tick(&mut self, at: Time, out: &mut Vec<Frame>);
    /// When `tick` wants to be called next.
    fn next_deadline(&self) -> Time;
    /// A fault begins that [`TwinKind::refuses`](crate::rig::twins::TwinKind::refuses) does not refuse.
    fn start_fault(&mut self, at: Time, fault: &TwinFault);
    /// It ends.
    fn stop_fault(&mut self, fault: &TwinFault);
}

/// The machine of that name, placed in the world. The error says in words why it cannot be.
pub fn machine(
    name: &str,
    config: &DeviceConfig,
    noise: Noise,
    world: &mut dyn World,
) -> Result<Box<dyn Machine>, String> {
    match name {
        "quadrotor" => Ok(Box::new(flight_controller::Quadrotor::new(config, noise, world)?)),
        "grbl" => Ok(Box::new(grbl::Grbl::new(config, noise, world)?)),
        "scanner" => Ok(Box::new(scanner::Scanner::new(config, noise, world)?)),
        _ => Err(format!("there is no machine `{name}`")),
    }
}

/// The controller of that name.
pub fn controller(
    name: &str,
    config: &DeviceConfig,
    link: LinkId,
    noise: Noise,
) -> Result<Box<dyn Controller>, String> {
    match name {
        "hover-pilot" => Ok(Box::new(hover_pilot::HoverPilot::new(config, link, noise)?)),
        "reacher" => Ok(Box::new(reacher::Reacher::new(config, link, noise)?)),
        _ => Err(format!("there is no controller `{name}`")),
    }
}
