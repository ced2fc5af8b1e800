//! The twin of a signal controller: it turns the stage that it is asked for into lamps, with the times that nobody may ask it to
//! leave out, and says what it shows and what its detectors count.

use super::Machine;
use super::edge::Edge;
use super::readings::Readings;
use crate::codec::DeviceConfig;
use crate::codec::sparkplug::payload::{DataType, Datum};
use crate::fault::TwinFault;
use crate::sim::random::Noise;
use crate::sim::world::World;
use crate::sim::world::junction::{Junction, Lamp, TURN};
use crate::time::{Span, Time};
use crate::wire::{Frame, LinkId};

/// It says its values every other turn.
const SAYS_EVERY: Span = Span::from_millis(100);
/// Shortest green, yellow and red between, in s: the yellow within the 3 s to 6 s of the MUTCD (section 4D, from memory), the others
/// our own.
const GREEN_MIN: f64 = 5.0;
const YELLOW: f64 = 4.0;
const ALL_RED: f64 = 2.0;
/// Walk and the clearance behind it, in s (MUTCD, from memory: walk at least 7 s; 1.1 m/s over 6.6 m).
const WALK: f64 = 7.0;
const CLEARANCE: f64 = 6.0;

const METRICS: [(&str, DataType); 10] = [
    ("mode", DataType::Int32),
    ("stage", DataType::Int32),
    ("main", DataType::Int32),
    ("side", DataType::Int32),
    ("walk", DataType::Boolean),
    ("call", DataType::Boolean),
    ("main_queue", DataType::Float),
    ("side_queue", DataType::Float),
    ("green_for", DataType::Float),
    ("watchdog", DataType::UInt8),
];
/// Places of what it can be told.
const MODE: usize = 0;
const STAGE: usize = 1;
const WATCHDOG: usize = 9;
/// Without a beat for so long it flashes by itself: ours. A central system's own time-out is seconds to minutes.
const BEAT_WITHIN: Span = Span::from_secs(1);

/// Its readings and settings that can be off: leakage on the terminals of the greens and the walk, and the yellow's length.
pub const FIELDS: [&str; 4] = ["main_green_volts", "side_green_volts", "walk_volts", "yellow_time"];

/// Where in its sequence it is.
#[derive(Copy, Clone, PartialEq, Debug)]
enum Phase {
    /// The stage has green.
    Green(usize),
    /// The stage that had green has yellow.
    Yellow(usize),
    /// All red before this stage.
    Clear(usize),
}

/// The controller in its cabinet.
pub struct SignalController {
    edge: Edge,
    readings: Readings<4>,
    running: bool,
    asked: usize,
    phase: Phase,
    since: f64,
    /// Seconds of walk and clearance left.
    walking: f64,
    says_next: Time,
    beat: (Time, f64),
}

impl SignalController {
    /// It starts in flash, as a cabinet does.
    pub fn new(config: &DeviceConfig, mut noise: Noise, world: &mut dyn World) -> Result<SignalController, String> {
        if world.as_any().downcast_mut::<Junction>().is_none() {
            return Err(format!(
                "the twin `signal-controller` of `{}` stands in the world `junction` alone",
                config.name
            ));
        }
        let seed = noise.seed();
        Ok(SignalController {
            edge: Edge::new("signal-controller", config, &METRICS, noise)?,
            readings: Readings::new(FIELDS, seed, [0.0, 0.0, 0.0, YELLOW]),
            running: false,
            asked: 0,
            phase: Phase::Clear(0),
            since: 0.0,
            walking: 0.0,
            says_next: Time::ZERO,
            beat: (Time::ZERO, 0.0),
        })
    }
    fn boot(&mut self) {
        self.running = false;
        self.asked = 0;
        self.phase = Phase::Clear(0);
        self.since = 0.0;
        self.walking = 0.0;
    }
    /// One turn of the sequence; a stage ends when another was asked for and its least time is over.
    fn sequence(&mut self, yellow: f64, call: bool) {
        self.since += TURN.seconds();
        self.walking = (self.walking - TURN.seconds()).max(0.0);
        let next = match self.phase {
            Phase::Green(stage) if stage != self.asked && self.since >= GREEN_MIN && self.walking == 0.0 => {
                Phase::Yellow(stage)
            }
            Phase::Yellow(stage) if self.since >= yellow => Phase::Clear(1 - stage),
            Phase::Clear(_) if self.since >= ALL_RED => Phase::Green(self.asked),
            same => same,
        };
        if next != self.phase {
            self.phase = next;
            self.since = 0.0;
            if next == Phase::Green(1) && call {
                self.walking = WALK + CLEARANCE;
            }
        }
    }
    fn lamp(&self, approach: usize) -> Lamp {
        match self.phase {
            Phase::Green(stage) if stage == approach => Lamp::Green,
            Phase::Yellow(stage) if stage == approach => Lamp::Yellow,
            _ => Lamp::Red,
        }
    }
    fn walks(&self) -> bool {
        self.running && self.walking > CLEARANCE
    }
}

fn junction(world: &mut dyn World) -> &mut Junction {
    world.as_any().downcast_mut().expect("it was set up in this junction")
}

impl Machine for SignalController {
    fn receive(&mut self, at: Time, frame: &Frame, _world: &mut dyn World) {
        for (tag, value) in self.edge.hear(at, frame) {
            match (tag, value) {
                (MODE, Datum::Number(mode)) if matches!((mode, self.running), (0.0, false) | (1.0, true)) => {
                    self.boot();
                    self.running = mode == 0.0;
                }
                (WATCHDOG, Datum::Number(count)) => self.beat = (at, count),
                (STAGE, Datum::Number(stage)) if stage == 0.0 || stage == 1.0 => self.asked = stage as usize,
                _ => {}
            }
        }
    }
    fn turn(&mut self, at: Time, world: &mut dyn World) {
        if self.edge.boots(at) {
            self.boot();
        }
        if self.running && (at.since(self.beat.0) > BEAT_WITHIN || self.edge.is_left_alone()) {
            self.boot();
        }
        let world = junction(world);
        let volts = world.mains_volts;
        let leaks = self.readings.pass(at, [0.0, 0.0, 0.0, YELLOW], &self.edge.faults);
        if self.edge.runs(at) && self.running {
            self.sequence(leaks[3], world.call);
        }
        // A lamp that flashes is not dark: the model lights it on the red terminal alone.
        let yellow_flash = !self.running || world.flash_relay;
        for (approach, leak) in leaks.into_iter().take(2).enumerate() {
            let mut terminals = match (yellow_flash, self.lamp(approach)) {
                (true, _) | (false, Lamp::Red) => [volts, 0.0, 0.0],
                (false, Lamp::Yellow) => [0.0, volts, 0.0],
                (false, Lamp::Green) => [0.0, 0.0, volts],
                (false, Lamp::Dark) => [0.0; 3],
            };
            if !world.flash_relay {
                terminals[2] += leak;
            }
            world.approaches[approach].terminals = terminals;
        }
        let walk = if self.walks() && !world.flash_relay { volts } else { 0.0 };
        world.walk_volts = walk + if world.flash_relay { 0.0 } else { leaks[2] };
        if at < self.says_next {
            return;
        }
        self.says_next = at + SAYS_EVERY;
        let lamp = |approach| Datum::Number(if self.running { f64::from(self.lamp(approach) as u8) } else { 4.0 });
        let values = vec![
            Datum::Number(if self.running { 0.0 } else { 1.0 }),
            Datum::Number(self.asked as f64),
            lamp(0),
            lamp(1),
            Datum::Flag(self.walks()),
            Datum::Flag(world.call),
            Datum::Number(world.approaches[0].queue),
            Datum::Number(world.approaches[1].queue),
            Datum::Number(if matches!(self.phase, Phase::Green(_)) { self.since } else { 0.0 }),
            Datum::Number(self.beat.1),
        ];
        self.edge.say(at, values);
    }
    fn take(&mut self, link: LinkId, out: &mut Vec<Frame>) {
        self.edge.take(link, out);
    }
    fn subscriptions(&self) -> Vec<String> {
        self.edge.subscriptions()
    }
    fn start_fault(&mut self, at: Time, fault: &TwinFault, _world: &mut dyn World) {
        if self.edge.start_fault(at, fault) {
            self.boot();
        }
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
