//! A room's sensors and radiator valve as Zigbee2MQTT shows them: one JSON state, an availability, a `set` topic, and groups,
//! which are further `set` topics that several devices obey. State and availability are retained.

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
use crate::wire::{Frame, FrameFlags, LinkId};

/// It tells its state this often.
const TELLS_EVERY: Span = Span::from_secs(10);
/// After power-up it says nothing until its CO2 sensor is warm: infrared ones take about three minutes (from memory).
const WARM_UP: Span = Span::from_secs(180);
/// Noise of its thermometer in K and of its CO2 sensor as a share of volume, one standard deviation: our own.
const NOISE: (f64, f64) = (0.03, 5e-6);
/// A mains-powered device that was not heard for so long is called offline (Zigbee2MQTT, device availability, the default of
/// active devices). The bridge says it, not the device.
const GIVEN_UP_AFTER: Span = Span::from_secs(600);
/// Its radiator opens fully this far under the setpoint, in K: our own.
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
    /// When the bridge heard it last, and what the bridge last said of it.
    heard_at: Option<Time>,
    online: Option<bool>,
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
            heard_at: None,
            online: None,
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
        self.tells_at = at + TELLS_EVERY;
    }
    /// What the bridge makes of it: it goes on while the device has no power.
    fn bridge(&mut self, at: Time) {
        if !self.outbox.is_empty() {
            self.heard_at = Some(at);
        }
        let online = self.heard_at.map(|heard| at.since(heard) < GIVEN_UP_AFTER);
        if online.is_some() && online != self.online {
            self.online = online;
            let state = if online == Some(true) { "online" } else { "offline" };
            self.outbox
                .push((format!("{}/availability", self.topic), format!("{{\"state\":\"{state}\"}}").into_bytes()));
        }
    }
    fn run(&mut self, at: Time, floor: &mut Floor) {
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
        self.run(at, floor(world));
        self.bridge(at);
    }
    fn take(&mut self, link: LinkId, out: &mut Vec<Frame>) {
        let said = std::mem::take(&mut self.outbox);
        if !self.faults.has(&TwinFault::Silence) {
            let flags = FrameFlags { retained: true, ..FrameFlags::default() };
            out.extend(said.into_iter().map(|(topic, bytes)| Frame { flags, ..Frame::publish(link, &topic, bytes) }));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{CommandMap, Decode, SignalMap};
    use crate::command::CommandId;
    use crate::signal::SignalId;
    use crate::wire::DeviceId;

    const LINK: LinkId = LinkId(0);

    fn room(name: &str, world: &mut Floor) -> Sensors {
        let topic = format!("zigbee2mqtt/{name}");
        let signal = SignalMap {
            signal: SignalId(0),
            field: format!("{topic}#/temperature"),
            scale: 1.0,
            offset: 0.0,
            decode: Decode::Number,
            every: None,
        };
        let command =
            CommandMap { command: CommandId(0), send: "zigbee2mqtt/rooms/set".into(), with: vec![], ack: None };
        let config = DeviceConfig {
            device: DeviceId(0),
            name: name.into(),
            protocol: Protocol::Json,
            signals: vec![signal],
            commands: vec![command],
            identity: vec![],
            heartbeat: None,
            poll: None,
            tells: None,
            may: vec![],
        };
        Sensors::new(&config, Noise::new(1, 1), world).expect("it has a signal and a floor")
    }
    fn said(room: &mut Sensors) -> Vec<(String, String, bool)> {
        let mut out = Vec::new();
        room.take(LINK, &mut out);
        let text = |frame: &Frame| String::from_utf8_lossy(&frame.bytes).into_owned();
        let line = |frame: Frame| (frame.topic.as_deref().unwrap_or("").to_owned(), text(&frame), frame.flags.retained);
        out.into_iter().map(line).collect()
    }
    fn second(number: i64) -> Time {
        Time::ZERO + Span::from_secs(number)
    }

    /// Goal: a room settles where its radiator's heat and its loss meet. Method: UA (T - T_out) = R (T_set - T) / band, closed form;
    /// the noise of its thermometer does not steer the radiator.
    #[test]
    fn a_heated_room_settles_where_radiator_and_loss_meet() {
        let settings = [("outside".to_owned(), ZERO_C), ("people".to_owned(), 0.0)];
        let mut world = Floor::new(&settings).expect("the settings exist");
        let mut room = room("room_a", &mut world);
        (0..20 * 3600).for_each(|number| {
            world.turn();
            room.turn(second(number), &mut world);
        });
        let (loss, heat) = (45.0, 1_500.0 / BAND);
        let wanted = (loss * ZERO_C + heat * FIRST_SETPOINT) / (loss + heat);
        let found = world.room(room.room).temperature;
        assert!((found - wanted).abs() < 1e-3, "{found} K, closed form {wanted} K");
    }

    /// Goal: one publish to a group moves every member, each says what it took, retained; another topic moves nobody.
    #[test]
    fn a_group_is_obeyed_by_all_its_members() {
        let mut world = Floor::new(&[]).expect("no settings are right");
        let mut rooms = ["room_a", "room_b"].map(|name| room(name, &mut world));
        for (topic, wanted) in [
            ("zigbee2mqtt/other/set", None),
            ("zigbee2mqtt/rooms/set", Some("23.0")),
            ("zigbee2mqtt/room_b/set", Some("17.5")),
        ] {
            let setpoint = wanted.unwrap_or("25.0");
            let asked = format!("{{\"occupied_heating_setpoint\":{setpoint}}}");
            let frame = Frame::publish(LINK, topic, asked);
            for (name, room) in ["room_a", "room_b"].into_iter().zip(&mut rooms) {
                room.receive(second(5), &frame, &mut world);
                let obeys = wanted.is_some() && (topic.contains("rooms") || topic.contains(name));
                let said = said(room);
                assert_eq!(said.len(), usize::from(obeys), "{name} on {topic}: {said:?}");
                let told = |(topic, text, retained): &(String, String, bool)| {
                    let taken = format!("\"occupied_heating_setpoint\":{setpoint}");
                    *topic == format!("zigbee2mqtt/{name}") && text.contains(&taken) && *retained
                };
                assert!(said.iter().all(told), "{name} on {topic}: {said:?}");
            }
        }
    }

    /// Goal: availability is said when it changes and not again, and a device without power is given up after ten minutes.
    #[test]
    fn a_room_without_power_is_offline_after_ten_minutes_and_back_when_it_speaks() {
        let mut world = Floor::new(&[]).expect("no settings are right");
        let mut room = room("room_a", &mut world);
        let mut changes = Vec::new();
        for number in 0..2_000 {
            match number {
                95 => room.start_fault(second(number), &TwinFault::PowerOff, &mut world),
                1_000 => room.stop_fault(&TwinFault::PowerOff, &mut world),
                _ => {}
            }
            room.turn(second(number), &mut world);
            let availability = said(&mut room).into_iter().filter(|(topic, ..)| topic.ends_with("/availability"));
            changes.extend(availability.map(|(_, text, retained)| (number, text, retained)));
        }
        let told = |at: i64, state: &str| (at, format!("{{\"state\":\"{state}\"}}"), true);
        // Heard last at 90 s; after power-up its sensor warms for three minutes.
        assert_eq!(changes, [told(0, "online"), told(690, "offline"), told(1_180, "online")]);
    }
}
