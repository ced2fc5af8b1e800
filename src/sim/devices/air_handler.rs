//! An air handler's controller on Modbus: it does what it is sent while somebody watches over it, and else what it knows itself.
//!
//! | place | what |
//! |---|---|
//! | `holding[0]` | mode that is asked for: 0 off, 1 schedule, 2 hold, 3 remote |
//! | `holding[1..4]` | damper, heating, cooling, fan in remote mode, in tenths of a percent |
//! | `holding[90]` | watchdog: without a new value for 60 s remote mode ends in schedule |
//! | `input[0..4]` | supply, return, outside, mixed air and hot water, in tenths of a degree Celsius |
//! | `input[5..8]` | damper, heating, cooling, fan as they are, in tenths of a percent |
//! | `input[9]` | mode that it is in |
//! | `input[10]:u32` | seconds since it was switched on |
//! | `discrete[0]` | the freeze thermostat has tripped |
//! | `discrete[1]` | fire: fan and damper have no current, and it is off until it is asked again |
//! | `discrete[2]` | the compressor of the cooling coil runs |
//! | `coil[0]` | fire drill: opens the fire contact, as the fire panel does |

use super::Machine;
use super::active::ActiveFaults;
use super::power::{Power, Supply};
use crate::codec::modbus::device::Server;
use crate::codec::modbus::{Kind, Table};
use crate::codec::{DeviceConfig, Protocol};
use crate::fault::TwinFault;
use crate::sim::random::Noise;
use crate::sim::world::World;
use crate::sim::world::floor::{Actuator, Floor, Plant, ZERO_C};
use crate::time::{Span, Time};
use crate::wire::{Frame, LinkId};

const MODE: u16 = 0;
const OUTPUTS: u16 = 1;
const WATCHDOG: u16 = 90;
const DRILL: u16 = 0;
const OFF: u16 = 0;
const SCHEDULE: u16 = 1;
const REMOTE: u16 = 3;
/// Nobody watches any more.
const WATCHED_FOR: Span = Span::from_secs(60);
/// What it does itself: air of this temperature in K, this share of fresh air, the fan by day and by night: our own, like its gain.
const OWN_SUPPLY: f64 = ZERO_C + 21.0;
const OWN_DAMPER: f64 = 0.2;
const OWN_FAN: (f64, f64) = (0.6, 0.3);
/// A plant has been on for a while when a run begins: a day, in s.
const ON_SINCE: u32 = 86_400;
/// The compressor runs while more cooling than this share is asked for.
const COOLS_FROM: f64 = 0.05;
/// It rests at least so long, and runs at least so long (the manual of a maker, ECR: 3 and 2 minutes).
const RESTS: Span = Span::from_secs(180);
const RUNS: Span = Span::from_secs(120);
/// Its integral control of the heating valve: share per K and s.
const OWN_GAIN: f64 = 0.0008;

/// The controller of the plant.
pub struct AirHandler {
    server: Server,
    valve: f64,
    /// Seconds since it was switched on.
    uptime: u32,
    beat_at: Time,
    /// When the compressor was switched last; it rests first when the power comes.
    switched_at: Time,
    outbox: Vec<Vec<u8>>,
    power: Power,
    faults: ActiveFaults,
    noise: Noise,
}

impl AirHandler {
    /// The plant of the floor. The error says what the rig does not give it.
    pub fn new(config: &DeviceConfig, noise: Noise, world: &mut dyn World) -> Result<AirHandler, String> {
        let Protocol::Modbus { unit, order, .. } = &config.protocol else {
            return Err(format!("the twin `air-handler` of `{}` speaks Modbus alone", config.name));
        };
        if world.as_any().downcast_mut::<Floor>().is_none() {
            return Err(format!("the twin `air-handler` of `{}` stands in the world `floor` alone", config.name));
        }
        let mut server = Server::new(*unit, *order);
        (0..5).for_each(|place| server.set(Table::Holding, place, 0));
        server.set(Table::Holding, MODE, SCHEDULE);
        server.set(Table::Holding, WATCHDOG, 0);
        server.set(Table::Coil, DRILL, 0);
        let mut handler = AirHandler {
            server,
            valve: 0.0,
            uptime: ON_SINCE,
            beat_at: Time::ZERO,
            // A plant that has been on for a day has rested.
            switched_at: Time::ZERO - RESTS,
            outbox: Vec::new(),
            power: Power::new(),
            faults: ActiveFaults::default(),
            noise,
        };
        handler.show(floor(world));
        Ok(handler)
    }
    fn holding(&self, place: u16) -> u16 {
        self.server.get(Table::Holding, place).unwrap_or(0)
    }
    /// What can be read, as it is now.
    fn show(&mut self, floor: &Floor) {
        let plant = &floor.plant;
        let temperatures = [plant.supply, plant.back, floor.outside(), plant.mixed, plant.store];
        for (place, kelvin) in temperatures.into_iter().enumerate() {
            self.server.set_number(Table::Input, place as u16, Kind::I16, (kelvin - ZERO_C) * 10.0);
        }
        let positions = [plant.damper, plant.heat, plant.cool, plant.fan].map(|a| a.position);
        for (place, position) in positions.into_iter().enumerate() {
            self.server.set_number(Table::Input, 5 + place as u16, Kind::U16, position * 1000.0);
        }
        self.server.set(Table::Input, 9, self.holding(MODE).min(REMOTE));
        self.server.set_number(Table::Input, 10, Kind::U32, f64::from(self.uptime));
        for (place, flag) in [plant.frozen, plant.fire, plant.compressor].into_iter().enumerate() {
            self.server.set(Table::Discrete, place as u16, u16::from(flag));
        }
    }
    /// Switches the compressor as cooling is asked for, and never before it has rested or run for its time.
    fn cool(&mut self, at: Time, plant: &mut Plant) {
        let wanted = plant.cool.sent > COOLS_FROM && !plant.fire;
        let patience = if plant.compressor { RUNS } else { RESTS };
        if wanted != plant.compressor && at.since(self.switched_at) >= patience {
            (plant.compressor, self.switched_at) = (wanted, at);
        }
    }
    fn steer(&mut self, floor: &mut Floor) {
        let by_day = floor.occupied();
        let remote: [f64; 4] = std::array::from_fn(|i| (f64::from(self.holding(OUTPUTS + i as u16)) / 1000.0).min(1.0));
        let plant = &mut floor.plant;
        self.valve = (self.valve + OWN_GAIN * (OWN_SUPPLY - plant.supply)).clamp(0.0, 1.0);
        let fan = if by_day { OWN_FAN.0 } else { OWN_FAN.1 };
        let outputs = match self.holding(MODE) {
            // With the fan off a little heat keeps the coil from freezing.
            OFF => [0.0, if plant.mixed < ZERO_C + 8.0 { 0.3 } else { 0.0 }, 0.0, 0.0],
            REMOTE => remote,
            SCHEDULE => [OWN_DAMPER, self.valve, 0.0, fan],
            _ => [OWN_DAMPER, self.valve, 0.0, OWN_FAN.0],
        };
        if self.holding(MODE) == REMOTE {
            // Who takes over begins where the valve stands.
            self.valve = plant.heat.position;
        }
        [plant.damper.sent, plant.heat.sent, plant.cool.sent, plant.fan.sent] = outputs;
        if self.holding(MODE) != REMOTE && !plant.fire {
            // Who takes over remotely begins where the outputs stand, too.
            for (place, output) in outputs.into_iter().enumerate() {
                self.server.set_number(Table::Holding, OUTPUTS + place as u16, Kind::U16, output * 1000.0);
            }
        }
    }
    /// Starts anew; the compressor stands, and must rest before it runs again.
    fn restart(&mut self, at: Time, plant: &mut Plant) {
        (plant.compressor, self.switched_at) = (false, at);
        self.server.forget();
        self.outbox.clear();
        self.uptime = 0;
        self.server.set(Table::Holding, MODE, SCHEDULE);
        (OUTPUTS..OUTPUTS + 4).for_each(|place| self.server.set(Table::Holding, place, 0));
    }
}

/// The floor in which it stands.
fn floor(world: &mut dyn World) -> &mut Floor {
    world.as_any().downcast_mut().expect("it was built in this floor")
}

/// The actuators by the number of a fault: 1 fan, 2 heating valve, 3 damper.
fn actuators(floor: &mut Floor, index: Option<u8>) -> Vec<&mut Actuator> {
    let plant = &mut floor.plant;
    let all = [(1, &mut plant.fan), (2, &mut plant.heat), (3, &mut plant.damper)];
    all.into_iter().filter(|(own, _)| index.is_none_or(|wanted| wanted == *own)).map(|(_, actuator)| actuator).collect()
}

impl Machine for AirHandler {
    fn receive(&mut self, at: Time, frame: &Frame, world: &mut dyn World) {
        if self.faults.has(&TwinFault::Deaf) || self.power.supply(at) > Supply::On {
            return;
        }
        let mut written = Vec::new();
        self.server.feed(&frame.bytes, &mut self.outbox, &mut written);
        if written.iter().any(|w| w.address == WATCHDOG) {
            self.beat_at = at;
        }
        // What is asked for is shown at once; the plant follows in its own time.
        if written.iter().any(|w| w.address == MODE) {
            self.beat_at = at;
            self.show(floor(world));
        }
    }
    fn turn(&mut self, at: Time, world: &mut dyn World) {
        let floor = floor(world);
        if self.power.boots(at) {
            self.restart(at, &mut floor.plant);
        }
        // The contact is wired to fan and damper: neither the program nor its power stands between.
        floor.plant.fire = self.server.get(Table::Coil, DRILL) == Some(1);
        if self.power.supply(at) >= Supply::Hung {
            if self.power.supply(at) == Supply::Off {
                let plant = &mut floor.plant;
                [plant.damper.sent, plant.heat.sent, plant.cool.sent, plant.fan.sent] = [0.0; 4];
                plant.compressor = false;
            }
            return;
        }
        if self.holding(MODE) == REMOTE && at.since(self.beat_at) > WATCHED_FOR {
            self.server.set(Table::Holding, MODE, SCHEDULE);
        }
        self.uptime = self.uptime.saturating_add(1);
        if floor.plant.fire {
            // Nothing starts by itself when the fire is over: somebody must ask for it.
            self.server.set(Table::Holding, MODE, OFF);
        }
        self.steer(floor);
        self.cool(at, &mut floor.plant);
        self.show(floor);
        for active in self.faults.iter() {
            if let TwinFault::Garbage { rate } = active.fault {
                let bytes = (rate.min(10_000.0)) as usize;
                self.outbox.push((0..bytes).map(|_| self.noise.byte()).collect());
            }
        }
    }
    fn take(&mut self, link: LinkId, out: &mut Vec<Frame>) {
        let said = std::mem::take(&mut self.outbox);
        if !self.faults.has(&TwinFault::Silence) {
            out.extend(said.into_iter().map(|bytes| Frame::serial(link, bytes)));
        }
    }
    fn start_fault(&mut self, at: Time, fault: &TwinFault, world: &mut dyn World) {
        let floor = floor(world);
        let key = self.faults.start(at, fault);
        if let Some(active) = self.faults.latest(|a| (a.key == key).then(|| a.clone())) {
            self.power.start(&active);
        }
        if *fault == TwinFault::Restart {
            self.restart(at, &mut floor.plant);
        }
        act(floor, fault, true);
    }
    fn stop_fault(&mut self, fault: &TwinFault, world: &mut dyn World) {
        if let Some(active) = self.faults.stop(fault) {
            self.power.stop(active.key);
            act(floor(world), fault, false);
            // What of the same kind goes on, goes on.
            self.faults.iter().for_each(|active| act(floor(world), &active.fault, true));
        }
    }
}

/// Spoils or mends the actuators.
fn act(floor: &mut Floor, fault: &TwinFault, on: bool) {
    match *fault {
        TwinFault::Motor { index, gain } => {
            actuators(floor, Some(index)).into_iter().for_each(|a| a.gain = if on { gain } else { 1.0 });
        }
        TwinFault::MotorStuck { index, at } => {
            for actuator in actuators(floor, index) {
                actuator.stuck = on;
                actuator.position =
                    if on { at.unwrap_or(actuator.position).clamp(0.0, 1.0) } else { actuator.position };
            }
        }
        TwinFault::MotorSlow { index, lag } => {
            let slow = if on { lag.seconds() } else { 0.0 };
            actuators(floor, index).into_iter().for_each(|a| a.slow = slow);
        }
        TwinFault::MotorReversed { index } => {
            actuators(floor, index).into_iter().for_each(|a| a.reversed = on);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::modbus::WordOrder;
    use crate::codec::modbus::host::Timing;
    use crate::wire::DeviceId;

    /// An air handler of a floor with one room, in remote mode.
    fn steered(floor: &mut Floor) -> AirHandler {
        floor.furnish();
        let timing = Timing::of(19_200, Span::from_millis(200), 1);
        let config = DeviceConfig {
            device: DeviceId(0),
            name: "ahu".into(),
            protocol: Protocol::Modbus { unit: 1, order: WordOrder::HighFirst, timing },
            signals: vec![],
            commands: vec![],
            identity: vec![],
            heartbeat: None,
            poll: None,
            tells: None,
            may: vec![],
        };
        let mut handler = AirHandler::new(&config, Noise::new(1, 0), floor).expect("it speaks Modbus in a floor");
        handler.server.set(Table::Holding, MODE, REMOTE);
        handler
    }
    fn second(number: u32) -> Time {
        Time::ZERO + Span::from_secs(i64::from(number))
    }
    fn ask(handler: &mut AirHandler, place: u16, share: f64) {
        handler.server.set_number(Table::Holding, OUTPUTS + place, Kind::U16, share * 1000.0);
    }

    /// Goal: however it is asked, the compressor runs two minutes and rests three. Method: cooling asked for and taken back at drawn
    /// seconds for ten hours, with a restart in the midst of every hour; the length of each run and rest.
    #[test]
    fn a_compressor_runs_and_rests_for_its_time_however_it_is_asked() {
        let mut floor = Floor::new(&[]).expect("no settings");
        let mut handler = steered(&mut floor);
        let mut chance = Noise::new(2, 0);
        let (mut ran, mut since, mut runs, mut restarted) = (false, 0, 0, false);
        for number in 1..36_000 {
            handler.beat_at = second(number);
            if chance.uniform() < 0.02 {
                let share = if chance.uniform() < 0.5 { 0.0 } else { 0.6 };
                ask(&mut handler, 2, share);
            }
            if number % 3600 == 1800 {
                handler.start_fault(second(number), &TwinFault::Restart, &mut floor);
                handler.server.set(Table::Holding, MODE, REMOTE);
                restarted = true;
            }
            floor.turn();
            handler.turn(second(number), &mut floor);
            let runs_now = floor.plant.compressor;
            if runs_now != ran {
                let length = number - since;
                if ran {
                    assert!(length >= 120 || restarted, "it ran for {length} s until {number} s");
                    runs += 1;
                } else {
                    assert!(length >= 180 || since == 0, "it rested for {length} s until {number} s");
                }
                (ran, since) = (runs_now, number);
            }
            restarted = false;
        }
        assert!(runs > 50, "it ran {runs} times");
    }

    /// Goal: nobody steers, and the damper goes to its own place in a known time. Method: 60 s without a beat, then 80 % of a stroke
    /// of 90 s; a second for the look and a second for the turn.
    #[test]
    fn without_a_beat_it_steers_by_itself_within_its_stroke() {
        let mut floor = Floor::new(&[]).expect("no settings");
        let mut handler = steered(&mut floor);
        ask(&mut handler, 0, 1.0);
        for number in 1..=120 {
            handler.beat_at = second(number);
            floor.turn();
            handler.turn(second(number), &mut floor);
        }
        assert_eq!(floor.plant.damper.position, 1.0);
        let there = (121..400).find(|number| {
            floor.turn();
            handler.turn(second(*number), &mut floor);
            (floor.plant.damper.position - OWN_DAMPER).abs() < 1e-9
        });
        let wanted = 120.0 + 60.0 + (1.0 - OWN_DAMPER) * 90.0;
        assert!(
            there.is_some_and(|number| (f64::from(number) - wanted).abs() <= 2.0),
            "{there:?}, closed form {wanted} s"
        );
        assert_eq!(handler.holding(MODE), SCHEDULE);
    }

    /// Goal: in a fire nobody is obeyed, and after it nothing starts by itself. Method: the contact opens while it is steered; somebody
    /// asks for remote mode; the contact closes; somebody asks for the schedule.
    #[test]
    fn in_a_fire_nobody_is_obeyed_and_its_end_starts_nothing() {
        let mut floor = Floor::new(&[]).expect("no settings");
        let mut handler = steered(&mut floor);
        ask(&mut handler, 0, 0.5);
        ask(&mut handler, 3, 1.0);
        let mut pass = |handler: &mut AirHandler, from: u32, to: u32| {
            for number in from..to {
                handler.beat_at = second(number);
                floor.turn();
                handler.turn(second(number), &mut floor);
            }
            (floor.plant.damper.position, floor.plant.fan.position)
        };
        let steering = pass(&mut handler, 1, 60);
        assert!(steering.0 > 0.49 && steering.1 > 0.99, "{steering:?}");
        handler.server.set(Table::Coil, DRILL, 1);
        assert_eq!(pass(&mut handler, 60, 100), (0.0, 0.0));
        assert_eq!(handler.holding(MODE), OFF);
        // Whoever asks while it burns is not obeyed.
        handler.server.set(Table::Holding, MODE, REMOTE);
        assert_eq!(pass(&mut handler, 100, 160), (0.0, 0.0));
        handler.server.set(Table::Coil, DRILL, 0);
        assert_eq!(pass(&mut handler, 160, 300), (0.0, 0.0));
        handler.server.set(Table::Holding, MODE, SCHEDULE);
        let own = pass(&mut handler, 300, 500);
        assert!((own.0 - OWN_DAMPER).abs() < 1e-9 && own.1 > 0.29, "{own:?}");
    }
}
