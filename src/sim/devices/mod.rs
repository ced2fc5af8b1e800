//! Twins of devices: each speaks the real bytes of its kind.
//!
//! # Adding a twin
//! 1. A file here with a [`Machine`] that stands in the world, or a `Law` for a `Talker`, which makes it a [`Controller`].
//! 2. Its name in [`TWINS`](crate::rig::twins::TWINS) and an arm in [`machine`] or [`controller`].

pub mod active;
mod arm;
mod car;
mod cruise;
mod air_handler;
pub mod conflict_monitor;
mod edge;
mod flight_controller;
mod grbl;
mod hover_pilot;
mod hvac_controller;
mod policy;
mod power;
pub mod quadrotor;
mod room;
mod reacher;
mod readings;
mod scanner;
pub mod signal_controller;
mod signal_timing;
mod talker;

use super::random::Noise;
use super::world::World;
use crate::codec::DeviceConfig;
use crate::fault::TwinFault;
use crate::policy::Policy;
use crate::rig::twins::POLICY;
use crate::time::Time;
use crate::wire::{Frame, LinkId};
use std::sync::Arc;

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
        "car" => Ok(Box::new(car::Car::new(config, noise, world)?)),
        "air-handler" => Ok(Box::new(air_handler::AirHandler::new(config, noise, world)?)),
        "room" => Ok(Box::new(room::Sensors::new(config, noise, world)?)),
        "grbl" => Ok(Box::new(grbl::Grbl::new(config, noise, world)?)),
        "arm" => Ok(Box::new(arm::Twin::new(config, noise, world)?)),
        "scanner" => Ok(Box::new(scanner::Scanner::new(config, noise, world)?)),
        "signal-controller" => Ok(Box::new(signal_controller::SignalController::new(config, noise, world)?)),
        "conflict-monitor" => Ok(Box::new(conflict_monitor::ConflictMonitor::new(config, noise, world)?)),
        _ => Err(format!("there is no machine `{name}`")),
    }
}

/// The controller of that name; `thinks` is what a policy thinks with.
pub fn controller(
    name: &str,
    config: &DeviceConfig,
    thinks: Option<&Arc<Policy>>,
    link: LinkId,
    noise: Noise,
) -> Result<Box<dyn Controller>, String> {
    match name {
        "hover-pilot" => Ok(Box::new(hover_pilot::new(config, link, noise)?)),
        "cruise" => Ok(Box::new(cruise::new(config, link, noise)?)),
        "hvac-controller" => Ok(Box::new(hvac_controller::new(config, link, noise)?)),
        "reacher" => Ok(Box::new(reacher::new(config, link, noise)?)),
        POLICY => {
            let thinks = thinks.ok_or_else(|| format!("the twin of `{}` names no policy", config.name))?;
            Ok(Box::new(policy::new(thinks, link, noise)))
        }
        "signal-timing" => Ok(Box::new(signal_timing::new(config, link, noise)?)),
        _ => Err(format!("there is no controller `{name}`")),
    }
}

/// The files of this repository, for tests that set up a twin as a shipped rig does.
#[cfg(test)]
struct Shipped;

#[cfg(test)]
impl crate::diag::Files for Shipped {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        std::fs::read(root.join(path)).map_err(|error| error.to_string())
    }
}
