//! The twin of a GRBL 1.1h board with three axes behind it: lines and real-time bytes on one side, motion on the other.
//!
//! It does what the firmware's source does: a hold, a door or homing stops the reading of lines; a jog ends with any hold; a
//! reset while it moves loses the position and raises an alarm; a limit raises an alarm in which not even `?` is answered
//! until the reset. Homed at the positive ends, it works at coordinates from minus its travel to zero.

mod firmware;
mod gcode;
mod planner;

use super::Machine;
use super::active::ActiveFaults;
use super::power::{Power, Supply};
use crate::codec::grbl::HEARTBEAT;
use crate::codec::{DeviceConfig, FieldValue, Protocol};
use crate::fault::TwinFault;
use crate::sim::random::Noise;
use crate::sim::world::World;
use crate::sim::world::cell::{Cell, TURN};
use crate::time::{Span, Time};
use crate::wire::{Frame, LinkId};
use firmware::Firmware;

/// A watchdog that has heard its byte once holds the machine when it misses it for so long: ours.
const WATCHDOG: Span = Span::from_millis(500);

/// A board in its cell.
pub struct Grbl {
    firmware: Firmware,
    power: Power,
    faults: ActiveFaults,
    noise: Noise,
    garbage_due: f64,
    /// When the watchdog at the hold input heard its byte last, where the rig has one.
    fed: Option<Time>,
    watched: bool,
    /// What it says, until it is taken.
    said: Vec<u8>,
}

impl Grbl {
    /// The board of a device of the rig, switched on and not homed.
    pub fn new(config: &DeviceConfig, noise: Noise, world: &mut dyn World) -> Result<Grbl, String> {
        if config.protocol != Protocol::Grbl {
            return Err(format!("the twin `grbl` of `{}` speaks GRBL alone", config.name));
        }
        if world.as_any().downcast_mut::<Cell>().is_none() {
            return Err(format!("the twin `grbl` of `{}` stands in the world `cell` alone", config.name));
        }
        let name = config.identity.iter().find_map(|(fact, value)| match (fact.as_str(), value) {
            ("VER.name", FieldValue::Text(text)) => Some(text.clone()),
            ("VER.name", FieldValue::Number(number)) => Some(number.to_string()),
            _ => None,
        });
        let firmware = Firmware::new(name.unwrap_or_default());
        let (power, faults) = (Power::new(), ActiveFaults::default());
        Ok(Grbl {
            firmware,
            power,
            faults,
            noise,
            garbage_due: 0.0,
            fed: None,
            watched: config.heartbeat.is_some(),
            said: Vec::new(),
        })
    }
    fn keep(&mut self, audible: bool) {
        let said = self.firmware.take();
        if audible && !self.faults.has(&TwinFault::Silence) {
            self.said.extend(said);
        }
    }
    fn garbage(&mut self) {
        let rate = self.faults.latest(|a| match a.fault {
            TwinFault::Garbage { rate } => Some(rate.max(0.0)),
            _ => None,
        });
        self.garbage_due = rate.map_or(0.0, |rate| self.garbage_due + rate * TURN.seconds());
        for _ in 0..self.garbage_due as usize {
            let byte = self.noise.byte();
            self.said.push(byte);
            self.garbage_due -= 1.0;
        }
    }
}

impl Machine for Grbl {
    fn receive(&mut self, at: Time, frame: &Frame, _world: &mut dyn World) {
        // It listens on the wire, whatever the board does.
        if self.watched && frame.bytes.contains(&HEARTBEAT) {
            self.fed = Some(at);
        }
        let supply = self.power.supply(at);
        if self.faults.has(&TwinFault::Deaf) || supply > Supply::On {
            return;
        }
        self.firmware.hear(&frame.bytes);
        self.keep(true);
    }
    fn turn(&mut self, at: Time, _world: &mut dyn World) {
        if self.power.boots(at) {
            self.firmware.boot();
        }
        if self.fed.is_some_and(|fed| at.since(fed) > WATCHDOG) {
            self.firmware.hold_input();
        }
        let supply = self.power.supply(at);
        match supply {
            // Without power the drives let go, and friction holds the axes where they are.
            Supply::Off => self.firmware.cut(),
            // Steps are made by an interrupt: they go on while the program hangs.
            Supply::Hung => self.firmware.step_only(TURN.seconds()),
            Supply::On | Supply::NoRadio => self.firmware.step(TURN.seconds()),
        }
        self.keep(supply == Supply::On);
        self.garbage();
    }
    fn take(&mut self, link: LinkId, out: &mut Vec<Frame>) {
        if !self.said.is_empty() {
            out.push(Frame::serial(link, std::mem::take(&mut self.said)));
        }
    }
    fn start_fault(&mut self, at: Time, fault: &TwinFault, _world: &mut dyn World) {
        let key = self.faults.start(at, fault);
        if let Some(active) = self.faults.latest(|a| (a.key == key).then(|| a.clone())) {
            self.power.start(&active);
        }
        if *fault == TwinFault::Restart {
            self.firmware.cut();
            self.firmware.boot();
            self.keep(true);
        }
    }
    fn stop_fault(&mut self, fault: &TwinFault, _world: &mut dyn World) {
        if let Some(active) = self.faults.stop(fault) {
            self.power.stop(active.key);
        }
    }
}
