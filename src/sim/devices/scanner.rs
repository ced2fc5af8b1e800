//! The twin of a safety scanner at the open side of a cell: it tells as JSON over MQTT how far the nearest person is from the
//! machine's reach, and whether the key of the cell stands at teaching.

use super::Machine;
use super::active::{Active, ActiveFaults};
use super::power::{Power, Supply};
use crate::codec::json::device::propose;
use crate::codec::{DeviceConfig, Protocol};
use crate::fault::{TellPipe, Telling, TwinFault};
use crate::signal::{SignalId, Value};
use crate::sim::random::Noise;
use crate::sim::world::World;
use crate::sim::world::cell::Cell;
use crate::time::{Span, Time};
use crate::wire::{Frame, LinkId};

/// It tells this often: 20 Hz, as scanners with a data interface do (from memory).
const TELLS_EVERY: Span = Span::from_millis(50);
/// A safety scanner that starts tests itself before it tells anything: some seconds, from memory. 3 s is short for one.
const STARTS_IN: Span = Span::from_secs(3);
/// Standard deviation of one distance, in m: 10 mm, as the data sheets of safety laser scanners give for some metres (from memory).
const SIGMA: f64 = 0.01;
/// The one value that faults of a sensor act on.
const DISTANCE: SignalId = SignalId(0);

/// A scanner that looks at its cell.
pub struct Scanner {
    topic: String,
    noise: Noise,
    power: Power,
    faults: ActiveFaults,
    pipe: TellPipe,
    spoilt: Vec<Active>,
    /// What it tells while nothing newer comes through its faults.
    shown: f64,
    next: Time,
    said: Vec<Vec<u8>>,
}

impl Scanner {
    /// The scanner of a device of the rig.
    pub fn new(config: &DeviceConfig, noise: Noise, world: &mut dyn World) -> Result<Scanner, String> {
        let name = &config.name;
        if config.protocol != Protocol::Json {
            return Err(format!("the twin `scanner` of `{name}` speaks JSON alone"));
        }
        let topic = config.signals.first().and_then(|map| map.field.split('#').next()).map(str::to_owned);
        let topic = topic.ok_or_else(|| format!("the twin `scanner` of `{name}` needs a signal"))?;
        let Some(cell) = world.as_any().downcast_mut::<Cell>() else {
            return Err(format!("the twin `scanner` of `{name}` stands in the world `cell` alone"));
        };
        Ok(Scanner {
            topic,
            pipe: TellPipe::new(noise.clone().seed()),
            shown: cell.person(),
            noise,
            power: Power::new(),
            faults: ActiveFaults::default(),
            spoilt: Vec::new(),
            next: Time::ZERO,
            said: Vec::new(),
        })
    }
    /// The distance as it is shown, through whatever is wrong with it.
    fn look(&mut self, at: Time, person: f64) -> f64 {
        let bias: f64 =
            self.faults.iter().map(|a| if let TwinFault::SensorBias { by, .. } = a.fault { by } else { 0.0 }).sum();
        let seen = (person + bias + SIGMA * self.noise.normal()).max(0.0);
        if self.spoilt.is_empty() {
            self.shown = seen;
            return seen;
        }
        self.pipe.push(at, &[(DISTANCE, Value::Number(seen))]);
        let mut told = Telling::new();
        while self.pipe.pop(at, &mut told).is_some() {
            for (_, value) in &told {
                if let Value::Number(number) = value {
                    self.shown = *number;
                }
            }
        }
        self.shown
    }
}

impl Machine for Scanner {
    fn receive(&mut self, _at: Time, _frame: &Frame, _world: &mut dyn World) {}
    fn turn(&mut self, at: Time, world: &mut dyn World) {
        if self.power.boots(at) {
            self.next = at + STARTS_IN;
        }
        if at < self.next {
            return;
        }
        self.next = at + TELLS_EVERY;
        let Some(cell) = world.as_any().downcast_mut::<Cell>() else { return };
        let distance = self.look(at, cell.person());
        if self.faults.has(&TwinFault::Silence) || self.power.supply(at) > Supply::On {
            return;
        }
        let garbage = self.faults.iter().any(|a| matches!(a.fault, TwinFault::Garbage { .. }));
        self.said.push(match garbage {
            true => (0..16).map(|_| self.noise.byte()).collect(),
            false => {
                let mut text = propose(&[("distance", (distance * 1e3).round() / 1e3)]);
                text.truncate(text.len() - 1);
                text.extend_from_slice(b",\"teach\":false}");
                text
            }
        });
    }
    fn take(&mut self, link: LinkId, out: &mut Vec<Frame>) {
        out.extend(self.said.drain(..).map(|bytes| Frame::publish(link, &self.topic, bytes)));
    }
    fn start_fault(&mut self, at: Time, fault: &TwinFault, _world: &mut dyn World) {
        let key = self.faults.start(at, fault);
        let Some(active) = self.faults.latest(|a| (a.key == key).then(|| a.clone())) else { return };
        self.power.start(&active);
        if *fault == TwinFault::Restart {
            self.next = at + STARTS_IN;
        }
        if let TwinFault::Sensor { fault, .. } = fault {
            // What is frozen is what was shown before.
            if self.spoilt.is_empty() {
                self.pipe.push(at, &[(DISTANCE, Value::Number(self.shown))]);
                while self.pipe.pop(at, &mut Telling::new()).is_some() {}
            }
            self.pipe.start(at, key, *fault, Some(DISTANCE));
            self.spoilt.push(active);
        }
    }
    fn stop_fault(&mut self, fault: &TwinFault, _world: &mut dyn World) {
        let Some(active) = self.faults.stop(fault) else { return };
        self.power.stop(active.key);
        self.pipe.stop(active.key);
        self.spoilt.retain(|other| other.key != active.key);
    }
}
