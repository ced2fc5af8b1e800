//! A car's gateway on the bench: it takes demands from CAN, drives, says how it moves and what it sees, and stops by itself when
//! nobody drives it.

use super::Machine;
use super::active::ActiveFaults;
use super::power::{Power, Supply};
use crate::codec::can::device::{Adapter, Received};
use crate::codec::{DeviceConfig, Protocol};
use crate::fault::{TellPipe, Telling, TwinFault};
use crate::signal::{SignalId, Value};
use crate::sim::random::Noise;
use crate::sim::world::World;
use crate::sim::world::road::{ACCEL_LAG, BRAKE_MAX, DRIVE_MAX, Road, SIGHT, Seen};
use crate::time::{Span, Time};
use crate::wire::{Frame, LinkId};

/// It says everything this often.
const SAYS_EVERY: Span = Span::from_millis(20);
/// Without a demand for so long it stops by itself: ours.
const UNDRIVEN_AFTER: Span = Span::from_millis(300);
/// Without a word that somebody watches it stops as well: ours.
const UNWATCHED_AFTER: Span = Span::from_millis(500);
/// Its own gentle stop, in m/s²: below the 4.0 of UN R157 5.4.3.2.
const GENTLE: f64 = 3.5;
/// The parking brake of a moving car, in m/s²: ours.
const PARKING: f64 = 3.0;
/// Slower than this it stands, in m/s.
const STANDS: f64 = 0.05;
/// Idle and revolutions per m/s of an engine, in 1/min: ours, so that OBD-II has something to say.
const IDLE_RPM: f64 = 800.0;
const RPM_PER_SPEED: f64 = 120.0;
const VIN: &[u8] = b"CHECKREINTWIN0001";
/// The most that a signal of 16 bits in hundredths holds.
const HELD_MAX: f64 = 655.35;
/// Fields of its sensors that can be off.
const FIELDS: [&str; 4] = ["speed", "offset", "lead_gap", "person_gap"];

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Mode {
    Standstill,
    Engaged,
    Stopping,
    Emergency,
    Parked,
}

/// The gateway.
pub struct Car {
    adapter: Adapter,
    mode: Mode,
    driven: Time,
    watched: Time,
    demand: (f64, f64),
    says_next: Time,
    alive: u8,
    said: Vec<u8>,
    power: Power,
    faults: ActiveFaults,
    noise: Noise,
    /// The way of its sensors' values, with the faults on it.
    sensors: TellPipe,
    sensed: Telling,
}

fn road(world: &mut dyn World) -> &mut Road {
    world.as_any().downcast_mut().expect("the car was put on this road")
}

impl Car {
    /// A car that stands on the road.
    pub fn new(config: &DeviceConfig, mut noise: Noise, world: &mut dyn World) -> Result<Car, String> {
        let name = &config.name;
        let Protocol::Slcan { dbc, .. } = &config.protocol else {
            return Err(format!("the twin `car` of `{name}` speaks SLCAN alone"));
        };
        if world.as_any().downcast_mut::<Road>().is_none() {
            return Err(format!("the twin `car` of `{name}` drives in the world `road` alone"));
        }
        let mut car = Car {
            adapter: Adapter::new(&dbc.text)?,
            mode: Mode::Standstill,
            driven: Time::ZERO,
            watched: Time::ZERO,
            demand: (0.0, 0.0),
            says_next: Time::ZERO,
            alive: 0,
            said: Vec::new(),
            power: Power::new(),
            faults: ActiveFaults::default(),
            sensors: TellPipe::new(noise.seed()),
            sensed: Telling::new(),
            noise,
        };
        for (fact, wanted) in &config.identity {
            let text = match wanted {
                crate::codec::FieldValue::Text(text) => text.clone(),
                crate::codec::FieldValue::Number(number) => format!("{number}"),
                crate::codec::FieldValue::Arg { .. } => continue,
            };
            match fact.as_str() {
                "version" => car.adapter.version = text,
                _ => car.adapter.serial = text,
            }
        }
        // Every message is tried once, so that a file without one of them is refused before anything runs.
        let mut scratch = Vec::new();
        car.adapter.open_for_trial();
        car.telemetry(Time::ZERO, road(world), &mut scratch)?;
        car.adapter.restart();
        Ok(car)
    }

    fn hear(&mut self, at: Time, heard: &Received, road: &mut Road) {
        match heard {
            Received::Message { name, .. } => {
                let number = |signal: &str| heard.number(signal).unwrap_or(0.0);
                match name.as_str() {
                    "Drive" => {
                        self.driven = at;
                        self.demand = (number("Accel"), number("Steer"));
                    }
                    "BenchAlive" => self.watched = at,
                    "Engage" if number("Request") == 0.0 => self.stop(Mode::Stopping),
                    "Engage" if matches!(self.mode, Mode::Standstill | Mode::Parked) && !road.car.crashed => {
                        self.mode = Mode::Engaged;
                        self.driven = at;
                        self.demand = (0.0, 0.0);
                    }
                    "Stop" => match number("Kind") as u8 {
                        1 => self.stop(Mode::Stopping),
                        2 => self.stop(Mode::Emergency),
                        3 => self.mode = Mode::Parked,
                        _ => {}
                    },
                    "Scene" => match number("Event") as u8 {
                        0 => road.put_lead(number("LeadGap"), number("LeadSpeed"), false),
                        1 => road.put_lead(number("CutGap"), number("CutSpeed"), true),
                        2 => road.brake_lead(number("BrakeTo"), number("BrakeBy")),
                        _ => road.put_walker(number("WalkGap"), number("WalkSpeed")),
                    },
                    _ => {}
                }
            }
            Received::Question { to, bytes } => {
                let kilometres = road.car.speed * 3.6;
                let turns = (IDLE_RPM + RPM_PER_SPEED * road.car.speed) * 4.0;
                let answer = match bytes.as_slice() {
                    [0x01, 0x0C] => vec![0x41, 0x0C, (turns as u16 >> 8) as u8, turns as u16 as u8],
                    [0x01, 0x0D] => vec![0x41, 0x0D, kilometres as u8],
                    [0x09, 0x02] => [&[0x49, 0x02, 0x01], VIN].concat(),
                    // 0x12: it has no such thing (ISO 14229-1).
                    [service, ..] => vec![0x7F, *service, 0x12],
                    [] => return,
                };
                self.adapter.answer(*to, &answer, &mut self.said);
            }
            Received::Other(_) => {}
        }
    }

    /// A harder stop is never followed by a softer one.
    fn stop(&mut self, how: Mode) {
        match (self.mode, how) {
            (Mode::Engaged | Mode::Stopping, _) => self.mode = how,
            (Mode::Standstill | Mode::Emergency | Mode::Parked, _) => {}
        }
    }

    fn drive(&mut self, at: Time, road: &mut Road) {
        let alone = at.since(self.driven) > UNDRIVEN_AFTER || at.since(self.watched) > UNWATCHED_AFTER;
        if self.mode == Mode::Engaged && alone {
            self.mode = Mode::Stopping;
        }
        let car = &mut road.car;
        let (mut gain, mut lag) = (1.0, ACCEL_LAG);
        for active in self.faults.iter() {
            match active.fault {
                TwinFault::Motor { gain: share, .. } => gain = share,
                TwinFault::MotorReversed { .. } => gain = -1.0,
                TwinFault::MotorSlow { lag: slow, .. } => lag = slow.seconds().max(0.001),
                _ => {}
            }
        }
        (car.gain, car.lag) = (gain, lag);
        if matches!(self.mode, Mode::Stopping | Mode::Emergency) && car.speed < STANDS {
            self.mode = Mode::Standstill;
        }
        // While it stops by itself it keeps its lane by itself.
        let keep = -(0.0104 * car.offset + 0.35 * car.heading);
        let (accel, steer) = match self.mode {
            Mode::Engaged => self.demand,
            Mode::Stopping => (-GENTLE, keep),
            Mode::Emergency => (-BRAKE_MAX, keep),
            Mode::Parked => (-PARKING, keep),
            Mode::Standstill => (-GENTLE, 0.0),
        };
        // An actuator that is stuck keeps what it gave, or gives this share of what the drive can.
        let stuck = self.faults.latest(|active| match active.fault {
            TwinFault::MotorStuck { at, .. } => Some(at.map_or(car.accel_demand, |share| share * DRIVE_MAX)),
            _ => None,
        });
        (car.accel_demand, car.steer_demand) = (stuck.unwrap_or(accel), steer.clamp(-0.5, 0.5));
    }

    /// What the sensors tell of the fields, through the faults on them.
    fn sense(&mut self, at: Time, truth: [f64; 4]) -> [f64; 4] {
        let signal = |place: usize| SignalId(place as u32);
        let now: Telling = (0..4).map(|place| (signal(place), Value::Number(truth[place]))).collect();
        if self.sensed.is_empty() {
            self.sensed = now.clone();
        }
        self.sensors.push(at, &now);
        let mut told = Telling::new();
        while self.sensors.pop(at, &mut told).is_some() {
            self.sensed.clone_from(&told);
        }
        let fields: [f64; 4] = std::array::from_fn(|place| match self.sensed.get(place) {
            Some((_, Value::Number(number))) if number.is_finite() => *number,
            // CAN has no word for "no number": the last that a signal holds stands for it.
            _ => f64::MAX,
        });
        let bias = |field: &str| -> f64 { self.faults.iter().filter_map(|a| bias_of(&a.fault, field)).sum() };
        std::array::from_fn(|place| fields[place] + bias(FIELDS[place]))
    }

    fn telemetry(&mut self, at: Time, road: &Road, out: &mut Vec<u8>) -> Result<(), String> {
        let car = &road.car;
        self.alive = self.alive.wrapping_add(1);
        let alive = f64::from(self.alive);
        // Who is not seen is told far away, as fast as the car.
        let nobody = Seen { gap: SIGHT, speed: car.speed, side: 0.0 };
        let (lead, walker) = (road.lead(), road.walker());
        let [lead_told, walker_told] = [lead, walker].map(|seen| seen.unwrap_or(nobody));
        let [speed, offset, lead_gap, walker_gap] =
            self.sense(at, [car.speed, car.offset, lead_told.gap, walker_told.gap]);
        let held = |number: f64| number.clamp(0.0, HELD_MAX);
        let adapter = &mut self.adapter;
        let motion = [("Speed", held(speed)), ("Accel", car.accel), ("YawRate", car.yaw_rate), ("Alive", alive)];
        adapter.say("Motion", &motion, out)?;
        let heading = car.heading.clamp(-3.0, 3.0);
        let lane = [("Heading", heading), ("Steer", car.steer), ("Offset", offset)];
        adapter.say("Lane", &lane, out)?;
        let seen = |who: Option<Seen>| f64::from(u8::from(who.is_some()));
        let object = [("LeadSeen", seen(lead)), ("LeadGap", held(lead_gap)), ("LeadSpeed", lead_told.speed)];
        adapter.say("Object", &object, out)?;
        let side = walker_told.side;
        let object = [("PersonSeen", seen(walker)), ("PersonGap", held(walker_gap)), ("PersonSide", side)];
        adapter.say("Object", &object, out)?;
        let mode = self.mode as u8;
        let flag = |flag: bool| f64::from(u8::from(flag));
        let hazard = matches!(self.mode, Mode::Stopping | Mode::Emergency) || car.crashed;
        let status = [
            ("Mode", f64::from(mode)),
            ("Hazard", flag(hazard)),
            ("Crash", flag(car.crashed)),
            ("Emergency", flag(self.mode == Mode::Emergency)),
        ];
        adapter.say("Status", &status, out)
    }

    fn mute(&self, at: Time) -> bool {
        self.faults.has(&TwinFault::Silence) || self.power.supply(at) > Supply::On
    }
}

fn bias_of(fault: &TwinFault, field: &str) -> Option<f64> {
    match fault {
        TwinFault::SensorBias { field: of, by } if of == field => Some(*by),
        _ => None,
    }
}

impl Machine for Car {
    fn receive(&mut self, at: Time, frame: &Frame, world: &mut dyn World) {
        if self.faults.has(&TwinFault::Deaf) || self.power.supply(at) > Supply::On {
            return;
        }
        let mut heard = Vec::new();
        let mut said = std::mem::take(&mut self.said);
        self.adapter.feed(&frame.bytes, &mut heard, &mut said);
        self.said = said;
        for heard in &heard {
            self.hear(at, heard, road(world));
        }
        if self.mute(at) {
            self.said.clear();
        }
    }
    fn turn(&mut self, at: Time, world: &mut dyn World) {
        if self.power.boots(at) {
            self.restart();
        }
        if self.power.supply(at) < Supply::Hung {
            self.drive(at, road(world));
        }
        if self.power.supply(at) == Supply::Off {
            // Without power the parking brake closes by its spring.
            road(world).car.accel_demand = -PARKING;
        }
        if at < self.says_next {
            return;
        }
        self.says_next = at + SAYS_EVERY;
        let mut said = std::mem::take(&mut self.said);
        // What a file lacks was refused when the car was made, and every number is held to what its signal carries.
        let _ = self.telemetry(at, road(world), &mut said);
        let garbage = self.faults.latest(|active| match active.fault {
            TwinFault::Garbage { rate } => Some(rate),
            _ => None,
        });
        if let Some(rate) = garbage {
            let count = (rate * SAYS_EVERY.seconds()) as usize;
            said.extend((0..count).map(|_| self.noise.byte()));
            said.push(b'\r');
        }
        self.said = said;
        if self.mute(at) {
            self.said.clear();
        }
    }
    fn take(&mut self, link: LinkId, out: &mut Vec<Frame>) {
        if !self.said.is_empty() {
            out.push(Frame::serial(link, std::mem::take(&mut self.said)));
        }
    }
    fn start_fault(&mut self, at: Time, fault: &TwinFault, _world: &mut dyn World) {
        let key = self.faults.start(at, fault);
        if let Some(active) = self.faults.latest(|active| (active.key == key).then(|| active.clone())) {
            self.power.start(&active);
            if let TwinFault::Sensor { field, fault } = &active.fault
                && let Some(place) = FIELDS.iter().position(|known| known == field)
            {
                self.sensors.start(at, active.key, *fault, Some(SignalId(place as u32)));
            }
        }
        if *fault == TwinFault::Restart {
            self.restart();
        }
    }
    fn stop_fault(&mut self, fault: &TwinFault, _world: &mut dyn World) {
        if let Some(active) = self.faults.stop(fault) {
            self.power.stop(active.key);
            self.sensors.stop(active.key);
        }
    }
}

impl Car {
    /// The adapter is closed and the gateway begins to stop: after a start it does not know who drives.
    fn restart(&mut self) {
        self.adapter.restart();
        self.stop(Mode::Stopping);
        self.alive = 0;
    }
}
