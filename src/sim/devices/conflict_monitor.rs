//! The twin of a conflict monitor: it looks at the terminals and at its supply, and drops the junction into flash by itself.

use super::Machine;
use super::edge::Edge;
use super::readings::Readings;
use crate::codec::DeviceConfig;
use crate::codec::sparkplug::payload::{DataType, Datum};
use crate::fault::TwinFault;
use crate::sim::random::Noise;
use crate::sim::world::World;
use crate::sim::world::junction::{Junction, TURN};
use crate::time::{Span, Time};
use crate::wire::{Frame, LinkId};

/// It acts on a conflict after this long: not under 200 ms, and over in 450 ms (NEMA TS 2).
const ACTS_AFTER: Span = Span::from_millis(300);
/// A cabinet's supply of 24 V, as a share of the mains that feed it.
const CABINET_SHARE: f64 = 24.0 / 230.0;

const METRICS: [(&str, DataType); 7] = [
    ("flashing", DataType::Boolean),
    ("conflict", DataType::Boolean),
    ("dark", DataType::Boolean),
    ("mains_volts", DataType::Double),
    ("mains_hertz", DataType::Double),
    ("cabinet_volts", DataType::Double),
    ("watchdog", DataType::UInt8),
];
const FLASHING: usize = 0;
const WATCHDOG: usize = 6;
/// Without a beat for so long it lets go of its relay by itself: ours.
const BEAT_WITHIN: Span = Span::from_secs(1);

/// What it reads that can be off. `patience` is how much longer than it should it watches a conflict.
pub const FIELDS: [&str; 4] = ["mains_volts", "mains_hertz", "cabinet_volts", "patience"];

/// The monitor in its cabinet.
pub struct ConflictMonitor {
    edge: Edge,
    readings: Readings<4>,
    conflict_for: Span,
    beat: (Time, f64),
}

impl ConflictMonitor {
    /// A monitor that has seen nothing yet: its relay lets the controller have the lamps.
    pub fn new(config: &DeviceConfig, mut noise: Noise, world: &mut dyn World) -> Result<ConflictMonitor, String> {
        if world.as_any().downcast_mut::<Junction>().is_none() {
            return Err(format!(
                "the twin `conflict-monitor` of `{}` stands in the world `junction` alone",
                config.name
            ));
        }
        let seed = noise.seed();
        Ok(ConflictMonitor {
            edge: Edge::new("conflict-monitor", config, &METRICS, noise)?,
            readings: Readings::new(FIELDS, seed, [230.0, 50.0, 24.0, 0.0]),
            conflict_for: Span::ZERO,
            beat: (Time::ZERO, 0.0),
        })
    }
}

fn junction(world: &mut dyn World) -> &mut Junction {
    world.as_any().downcast_mut().expect("it was set up in this junction")
}

impl Machine for ConflictMonitor {
    fn receive(&mut self, at: Time, frame: &Frame, world: &mut dyn World) {
        for (tag, value) in self.edge.hear(at, frame) {
            match (tag, value) {
                (FLASHING, Datum::Flag(flash)) => junction(world).flash_relay = flash,
                (WATCHDOG, Datum::Number(count)) => self.beat = (at, count),
                _ => {}
            }
        }
    }
    fn turn(&mut self, at: Time, world: &mut dyn World) {
        let world = junction(world);
        if self.edge.boots(at) {
            self.conflict_for = Span::ZERO;
        }
        if !self.edge.runs(at) {
            // The relay is held by the monitor: without it the junction flashes.
            world.flash_relay = true;
            return;
        }
        if at.since(self.beat.0) > BEAT_WITHIN || self.edge.is_left_alone() {
            world.flash_relay = true;
        }
        let true_ones = [world.mains_volts, world.mains_hertz, world.mains_volts * CABINET_SHARE, 0.0];
        let [mains, hertz, cabinet, patience] = self.readings.pass(at, true_ones, &self.edge.faults);
        let conflict = world.conflict();
        self.conflict_for = if conflict { self.conflict_for + TURN } else { Span::ZERO };
        if conflict && self.conflict_for >= ACTS_AFTER + Span::from_seconds(patience.clamp(0.0, 3600.0)) {
            world.flash_relay = true;
        }
        self.edge.say(
            at,
            vec![
                Datum::Flag(world.flash_relay),
                Datum::Flag(conflict),
                Datum::Flag(world.dark()),
                Datum::Number(mains),
                Datum::Number(hertz),
                Datum::Number(cabinet),
                Datum::Number(self.beat.1),
            ],
        );
    }
    fn take(&mut self, link: LinkId, out: &mut Vec<Frame>) {
        self.edge.take(link, out);
    }
    fn subscriptions(&self) -> Vec<String> {
        self.edge.subscriptions()
    }
    fn start_fault(&mut self, at: Time, fault: &TwinFault, _world: &mut dyn World) {
        self.edge.start_fault(at, fault);
        if let Some(active) = self.edge.faults.iter().next_back().cloned() {
            self.readings.start(&active);
        }
    }
    fn stop_fault(&mut self, fault: &TwinFault, _world: &mut dyn World) {
        if let Some(active) = self.edge.faults.stop(fault) {
            self.edge.power.stop(active.key);
            self.readings.stop(&active);
        }
    }
}
