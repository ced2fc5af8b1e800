//! A room's sensors and radiator valve as Zigbee2MQTT shows them: one JSON state, an availability, a `set` topic.

use super::Machine;
use super::active::ActiveFaults;
use super::power::{Power, Supply};
use crate::codec::json::device::Told;
use crate::codec::{DeviceConfig, Protocol};
use crate::fault::TwinFault;
use crate::sim::random::Noise;
use crate::sim::world::World;
use crate::sim::world::floor::{Floor, RoomId, ZERO_C};
use crate::time::{Span, Time};
use crate::wire::{Frame, LinkId};

/// It tells its state this often.
const TELLS_EVERY: Span = Span::from_secs(10);
/// After power-up it says nothing until its CO2 sensor is warm: infrared ones take about three minutes (from memory).
const WARM_UP: Span = Span::from_secs(180);
/// Noise of its thermometer in K and of its CO2 sensor as a share of volume, one standard deviation.
const NOISE: (f64, f64) = (0.03, 5e-6);
/// Its radiator opens fully this far under the setpoint, in K.
const BAND: f64 = 1.0;

/// The setpoint of its radiator until it is told another, in K.
const FIRST_SETPOINT: f64 = ZERO_C + 19.0;

/// One room.
pub struct Sensors {
    room: RoomId,
    /// `zigbee2mqtt/room_a`
    topic: String,
    /// Topics on which it is told something: its own `set`, and groups.
    sets: Vec<String>,
    /// In K.
    setpoint: f64,
    tells_at: Time,
    outbox: Vec<(String, Vec<u8>)>,
    power: Power,
    faults: ActiveFaults,
    noise: Noise,
}

impl Sensors {
    /// Another room of the floor. The error says what the rig does not give it.
    pub fn new(config: &DeviceConfig, noise: Noise, world: &mut dyn World) -> Result<Sensors, String> {
        let name = &config.name;
        if config.protocol != Protocol::Json {
            return Err(format!("the twin `room` of `{name}` speaks JSON alone"));
        }
        let mut topics = config.signals.iter().map(|map| map.field.split('#').next().unwrap_or_default());
        let topic = topics.find(|topic| !topic.ends_with("/availability"));
        let topic = topic.ok_or_else(|| format!("the twin `room` of `{name}` needs a signal"))?.to_owned();
        let Some(floor) = world.as_any().downcast_mut::<Floor>() else {
            return Err(format!("the twin `room` of `{name}` stands in the world `floor` alone"));
        };
        let mut sets: Vec<String> = config.commands.iter().map(|map| map.send.clone()).collect();
        sets.push(format!("{topic}/set"));
        sets.sort();
        sets.dedup();
        Ok(Sensors {
            room: floor.furnish(),
            topic,
            sets,
            setpoint: FIRST_SETPOINT,
            tells_at: Time::ZERO,
            outbox: Vec::new(),
            power: Power::new(),
            faults: ActiveFaults::default(),
            noise,
        })
    }
    fn restart(&mut self, at: Time) {
        self.setpoint = FIRST_SETPOINT;
        self.tells_at = at + WARM_UP;
        self.outbox.clear();
    }
    fn say(&mut self, at: Time, floor: &mut Floor) {
        let room = floor.room(self.room);
        let celsius = room.temperature - ZERO_C + NOISE.0 * self.noise.normal();
        let ppm = (room.co2 + NOISE.1 * self.noise.normal()) * 1e6;
        let state = format!(
            "{{\"temperature\":{celsius:.2},\"co2\":{ppm:.0},\"occupancy\":{},\"occupied_heating_setpoint\":{:.1}}}",
            room.people > 0.0,
            self.setpoint - ZERO_C,
        );
        self.outbox.push((self.topic.clone(), state.into_bytes()));
        self.outbox.push((format!("{}/availability", self.topic), br#"{"state":"online"}"#.to_vec()));
        self.tells_at = at + TELLS_EVERY;
    }
}

/// The floor of which it is a room.
fn floor(world: &mut dyn World) -> &mut Floor {
    world.as_any().downcast_mut().expect("it was furnished in this floor")
}

impl Machine for Sensors {
    fn receive(&mut self, at: Time, frame: &Frame, world: &mut dyn World) {
        let topic = frame.topic.as_deref().unwrap_or_default();
        let ours = self.sets.iter().any(|set| set == topic);
        if !ours || self.faults.has(&TwinFault::Deaf) || self.power.supply(at) > Supply::On {
            return;
        }
        let told = Told::read(&frame.bytes).ok();
        if let Some(celsius) = told.and_then(|told| told.number("occupied_heating_setpoint")) {
            self.setpoint = celsius.clamp(5.0, 30.0) + ZERO_C;
            // It says at once what it took.
            self.say(at, floor(world));
        }
    }
    fn turn(&mut self, at: Time, world: &mut dyn World) {
        let floor = floor(world);
        if self.power.boots(at) {
            self.restart(at);
        }
        if self.power.supply(at) >= Supply::Hung {
            return;
        }
        let room = floor.room(self.room);
        room.radiator = ((self.setpoint - room.temperature) / BAND).clamp(0.0, 1.0);
        if self.tells_at <= at {
            self.say(at, floor);
        }
        for active in self.faults.iter() {
            if let TwinFault::Garbage { rate } = active.fault {
                let bytes = (0..rate.min(10_000.0) as usize).map(|_| self.noise.byte()).collect();
                self.outbox.push((self.topic.clone(), bytes));
            }
        }
        if self.power.supply(at) == Supply::NoRadio {
            self.outbox.clear();
        }
    }
    fn take(&mut self, link: LinkId, out: &mut Vec<Frame>) {
        let said = std::mem::take(&mut self.outbox);
        if !self.faults.has(&TwinFault::Silence) {
            out.extend(said.into_iter().map(|(topic, bytes)| Frame::publish(link, &topic, bytes)));
        }
    }
    fn subscriptions(&self) -> Vec<String> {
        self.sets.clone()
    }
    fn start_fault(&mut self, at: Time, fault: &TwinFault, _world: &mut dyn World) {
        let key = self.faults.start(at, fault);
        if let Some(active) = self.faults.latest(|a| (a.key == key).then(|| a.clone())) {
            self.power.start(&active);
        }
        if *fault == TwinFault::Restart {
            self.restart(at);
        }
    }
    fn stop_fault(&mut self, fault: &TwinFault, _world: &mut dyn World) {
        if let Some(active) = self.faults.stop(fault) {
            self.power.stop(active.key);
        }
    }
}
