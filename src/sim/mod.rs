//! Twins: simulated devices that speak real bytes, and the one world behind them.
//!
//! Invariant: no clock and no wire: `virtual` and `io::twins` give both.

use crate::fault::TwinFault;
use crate::rig::Rig;
use crate::time::Time;
use crate::wire::{DeviceId, Frame, LinkId};

/// The twins of a rig, or some of them, with their world.
pub struct Bench;

impl Bench {
    /// Sets up the twins of `devices` (all devices of the rig that have one: pass every id). The error names a twin that does not exist.
    pub fn new(_rig: &Rig, _seed: u64, _devices: &[DeviceId]) -> Result<Bench, String> {
        todo!()
    }
    /// MQTT topics that the twins on this link listen to.
    pub fn subscriptions(&self, _link: LinkId) -> Vec<String> {
        todo!()
    }
    /// Something arrived from the harness or (MQTT) from another client; answers go to `out`.
    pub fn receive(&mut self, _at: Time, _frame: &Frame, _out: &mut Vec<Frame>) {
        todo!()
    }
    /// Does what is due: steps the world, sends telemetry. Frames without a topic are bytes for the serial link they name.
    pub fn tick(&mut self, _at: Time, _out: &mut Vec<Frame>) {
        todo!()
    }
    /// When `tick` wants to be called next.
    pub fn next_deadline(&self) -> Option<Time> {
        todo!()
    }
    /// Starts (`on`) or ends a fault; no device means the world. A fault that the twin cannot act out is told in words.
    pub fn fault(&mut self, _at: Time, _device: Option<DeviceId>, _fault: &TwinFault, _on: bool) -> Result<(), String> {
        todo!()
    }
}

/// Whether a twin of that name exists, and the names that do.
pub const TWINS: &[&str] = &["quadrotor", "hover-pilot"];
/// The worlds that exist.
pub const WORLDS: &[&str] = &["hall"];
