//! One floor of a building: rooms, an air handler, a store of hot water, people and weather.
//!
//! Each room is one thermal mass and one well mixed volume of air:
//!
//! C dT/dt = UA (T_out − T) + m_air c_p (T_supply − T) + people · 75 W + radiator
//! V dc/dt = people · 0.0052 l/s + q (c_supply − c)
//!
//! What each number rests on stands beside it; sizes of rooms and coils are our own for a small floor.

use super::World;
use crate::fault::TwinFault;
use crate::time::Span;
use std::any::Any;

/// One turn of the building: its devices look and act once a second. Our own.
pub const TURN: Span = Span::from_secs(1);
const STEP: f64 = 1.0;
/// Water freezes, in K: temperatures here are in K. By definition.
pub const ZERO_C: f64 = 273.15;
/// Density times heat capacity of air at 20 °C, in J/(m³ K): 1.204 kg/m³ and 1006 J/(kg K), from memory.
const AIR: f64 = 1.204 * 1006.0;
/// Sensible heat of a person, in W: seated, light work (ASHRAE Handbook Fundamentals, chapter 18; from memory).
const PERSON_HEAT: f64 = 75.0;
/// CO2 of a person, in m³/s: 0.0052 l/s at 1.2 met (ASHRAE 62.1-2016, appendix D; from memory).
const PERSON_CO2: f64 = 5.2e-6;
/// CO2 outdoors, as a share of volume: 420 ppm, from memory.
const OUTDOOR_CO2: f64 = 420e-6;
/// Volume of a room, in m³ (60 m² of 3 m): our own.
const ROOM_VOLUME: f64 = 180.0;
/// Loss of a room, in W/K: 30 m² of façade at about 1.5 W/(m² K), windows and leaks in it; our own.
const ROOM_LOSS: f64 = 45.0;
/// Heat that a room stores, in J/K: 165 kJ per m² and K. Source: medium building of ISO 13790, as in the Modelica Buildings
/// library (`ThermalZones.ISO13790.Data.Medium`).
const ROOM_MASS: f64 = 60.0 * 165_000.0;
/// Heat of a room's radiator, in W: our own.
const RADIATOR: f64 = 1_500.0;
/// Air of the handler per room at full fan, in m³/s: six changes an hour, our own.
const ROOM_AIR: f64 = ROOM_VOLUME * 6.0 / 3600.0;
/// Share of the difference to the water that the heating coil takes up at an open valve: our own.
const COIL: f64 = 0.55;
/// How much the cooling coil takes off at an open valve, in K: our own.
const COOLING: f64 = 12.0;
/// Full stroke of damper and valves, in s, as common actuators have it: from memory.
const DAMPER_STROKE: f64 = 90.0;
const VALVE_STROKE: f64 = 60.0;
/// With its current cut the damper is shut by a spring in this time, in s: from memory of spring-return actuators.
const SPRING_RETURN: f64 = 20.0;
/// The fan's ramp, in s: our own.
const FAN_RAMP: f64 = 30.0;
/// Heat that the store holds, in J/K: 500 l of water at 4186 J/(kg K). Our own size.
const STORE: f64 = 500.0 * 4_186.0;
/// The boiler, in W, and what it keeps the store between, in K: our own, above the 60 °C of DVGW W 551.
const BOILER: f64 = 40_000.0;
const STORE_KEPT: (f64, f64) = (ZERO_C + 63.0, ZERO_C + 68.0);
/// Loss of the store, in W/K: our own. Duct and supply sensor follow in so many s: our own.
const STORE_LOSS: f64 = 4.0;
const SUPPLY_LAG: f64 = 30.0;
/// Below this temperature behind the coil, for so many seconds, the freeze thermostat stops the fan. Source: ASHRAE
/// Guideline 36-2021, 5.16.12, third stage (below 1 °C for 5 min).
const FREEZE: (f64, u32) = (ZERO_C + 1.0, 300);

/// A room by its place.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct RoomId(usize);

/// A room and its air.
#[derive(Clone, PartialEq, Debug)]
pub struct Room {
    /// In K.
    pub temperature: f64,
    /// A share of volume.
    pub co2: f64,
    pub people: f64,
    /// 0 to 1.
    pub radiator: f64,
}

/// Something with a stroke: where it is and where it is sent, 0 to 1.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Actuator {
    pub position: f64,
    pub sent: f64,
    stroke: f64,
    /// Stuck here, whatever it is sent.
    pub stuck: bool,
    /// It gives so much of what it is sent.
    pub gain: f64,
    pub reversed: bool,
    /// Its stroke takes so much longer.
    pub slow: f64,
}

impl Actuator {
    fn new(stroke: f64) -> Actuator {
        Actuator { position: 0.0, sent: 0.0, stroke, stuck: false, gain: 1.0, reversed: false, slow: 0.0 }
    }
    fn step(&mut self) {
        if self.stuck {
            return;
        }
        let goal = if self.reversed { 1.0 - self.sent } else { self.sent };
        let most = STEP / (self.stroke + self.slow);
        self.position += ((goal * self.gain).clamp(0.0, 1.0) - self.position).clamp(-most, most);
    }
}

/// The plant that supplies the floor with air.
#[derive(Clone, PartialEq, Debug)]
pub struct Plant {
    pub fan: Actuator,
    pub heat: Actuator,
    pub damper: Actuator,
    pub cool: Actuator,
    /// Temperatures in K: mixed air, supply air, return air, hot water.
    pub mixed: f64,
    pub supply: f64,
    pub back: f64,
    pub store: f64,
    boiler: bool,
    cold_for: u32,
    /// The freeze thermostat has tripped: the fan stands until it is reset.
    pub frozen: bool,
    /// The fire contact is open: fan and damper have no current, whoever sends what.
    pub fire: bool,
    /// The compressor of the cooling coil runs; without it the coil cools nothing.
    pub compressor: bool,
}

/// The floor.
#[derive(Clone, PartialEq, Debug)]
pub struct Floor {
    pub rooms: Vec<Room>,
    pub plant: Plant,
    /// Seconds of the day.
    pub clock: f64,
    mean_outside: f64,
    swing: f64,
    people: f64,
}

impl Floor {
    /// A floor with the settings of the rig's world: `outside` and `swing` in K, `start` in s of the day, `people` per room.
    pub fn new(settings: &[(String, f64)]) -> Result<Floor, String> {
        let (mut outside, mut swing, mut start, mut people) = (ZERO_C + 5.0, 0.0, 8.0 * 3600.0, 4.0);
        for (name, value) in settings {
            match name.as_str() {
                "outside" => outside = *value,
                "swing" => swing = *value,
                "start" => start = *value,
                "people" => people = *value,
                _ => {
                    return Err(format!(
                        "the world has no setting `{name}` (it has `outside`, `swing`, `start` and `people`)"
                    ));
                }
            }
        }
        let warm = ZERO_C + 21.0;
        let plant = Plant {
            fan: Actuator::new(FAN_RAMP),
            heat: Actuator::new(VALVE_STROKE),
            damper: Actuator::new(DAMPER_STROKE),
            cool: Actuator::new(VALVE_STROKE),
            mixed: warm,
            supply: warm,
            back: warm,
            store: ZERO_C + 65.0,
            boiler: false,
            cold_for: 0,
            frozen: false,
            fire: false,
            compressor: false,
        };
        Ok(Floor { rooms: Vec::new(), plant, clock: start, mean_outside: outside, swing, people })
    }
    /// Another room.
    pub fn furnish(&mut self) -> RoomId {
        self.rooms.push(Room { temperature: ZERO_C + 21.0, co2: 600e-6, people: 0.0, radiator: 0.0 });
        RoomId(self.rooms.len() - 1)
    }
    /// A room.
    pub fn room(&mut self, id: RoomId) -> &mut Room {
        &mut self.rooms[id.0]
    }
    /// Outdoors, in K: a daily wave whose warmest hour is 15.
    pub fn outside(&self) -> f64 {
        let turn = (self.clock - 15.0 * 3600.0) / 86_400.0;
        self.mean_outside + self.swing * libm::cos(core::f64::consts::TAU * turn)
    }
    /// People are there from eight to six.
    pub fn occupied(&self) -> bool {
        (8.0..18.0).contains(&(self.clock / 3600.0 % 24.0))
    }
    fn step(&mut self) {
        self.clock += STEP;
        let outside = self.outside();
        let people = if self.occupied() { self.people } else { 0.0 };
        let plant = &mut self.plant;
        if plant.frozen {
            // Hard-wired: whoever sends what.
            (plant.fan.sent, plant.damper.sent, plant.heat.sent, plant.cool.sent) = (0.0, 0.0, 1.0, 0.0);
        }
        if plant.fire {
            (plant.fan.sent, plant.damper.sent) = (0.0, 0.0);
        }
        plant.damper.stroke = if plant.fire { SPRING_RETURN } else { DAMPER_STROKE };
        [&mut plant.fan, &mut plant.heat, &mut plant.damper, &mut plant.cool].into_iter().for_each(Actuator::step);
        let count = self.rooms.len().max(1) as f64;
        let mean = |pick: fn(&Room) -> f64, rooms: &[Room]| rooms.iter().map(pick).sum::<f64>() / count;
        if !self.rooms.is_empty() {
            plant.back = mean(|r| r.temperature, &self.rooms);
        }
        let fresh = plant.damper.position;
        let air = plant.fan.position * ROOM_AIR;
        plant.mixed = fresh * outside + (1.0 - fresh) * plant.back;
        let heated = plant.heat.position * COIL * (plant.store - plant.mixed);
        let cooled = if plant.compressor { plant.cool.position * COOLING } else { 0.0 };
        plant.supply += (plant.mixed + heated - cooled - plant.supply) * (1.0 - libm::exp(-STEP / SUPPLY_LAG));
        match plant.store {
            store if store < STORE_KEPT.0 => plant.boiler = true,
            store if store > STORE_KEPT.1 => plant.boiler = false,
            _ => {}
        }
        let boiler = if plant.boiler { BOILER } else { 0.0 };
        let taken = air * count * AIR * heated.max(0.0);
        plant.store += STEP * (boiler - taken - STORE_LOSS * (plant.store - plant.back)) / STORE;
        plant.cold_for = if plant.supply < FREEZE.0 { plant.cold_for + 1 } else { 0 };
        plant.frozen |= plant.cold_for >= FREEZE.1;
        let back_co2 = if self.rooms.is_empty() { OUTDOOR_CO2 } else { mean(|r| r.co2, &self.rooms) };
        let supply_co2 = fresh * OUTDOOR_CO2 + (1.0 - fresh) * back_co2;
        let supply = plant.supply;
        for room in &mut self.rooms {
            room.people = people;
            let gain = ROOM_LOSS * (outside - room.temperature)
                + air * AIR * (supply - room.temperature)
                + people * PERSON_HEAT
                + room.radiator * RADIATOR;
            room.temperature += STEP * gain / ROOM_MASS;
            room.co2 += STEP * (people * PERSON_CO2 + air * (supply_co2 - room.co2)) / ROOM_VOLUME;
        }
    }
}

impl World for Floor {
    fn turn_length(&self) -> Span {
        TURN
    }
    fn turn(&mut self) {
        self.step();
    }
    fn fault(&mut self, fault: &TwinFault, _on: bool) -> Result<(), String> {
        Err(format!("the world `floor` cannot act out {fault:?}"))
    }
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floor(settings: &[(&str, f64)]) -> Floor {
        let settings: Vec<_> = settings.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        let mut floor = Floor::new(&settings).expect("the settings exist");
        floor.furnish();
        floor
    }

    /// Goal: an unheated room cools as its time constant says. Method: T = T_out + ΔT exp(−t UA/C), against one hour to ten.
    #[test]
    fn an_unheated_room_cools_along_its_exponential() {
        let mut floor = floor(&[("outside", ZERO_C), ("people", 0.0)]);
        for second in 1..=36_000 {
            floor.turn();
            let told = ZERO_C + 21.0 * libm::exp(-f64::from(second) * ROOM_LOSS / ROOM_MASS);
            assert!((floor.rooms[0].temperature - told).abs() < 1e-3, "after {second} s");
        }
    }

    /// Goal: CO2 settles where the mass balance says: c = c_out + G/q.
    #[test]
    fn carbon_dioxide_settles_at_its_balance() {
        let mut floor = floor(&[("outside", ZERO_C + 15.0), ("people", 5.0)]);
        (floor.plant.fan.sent, floor.plant.damper.sent) = (0.5, 1.0);
        (0..9 * 3600).for_each(|_| floor.turn());
        let wanted = OUTDOOR_CO2 + 5.0 * PERSON_CO2 / (0.5 * ROOM_AIR);
        assert!((floor.rooms[0].co2 - wanted).abs() < 1e-7, "{} {wanted}", floor.rooms[0].co2);
    }

    /// Goal: in frost with the coil shut the thermostat stops the fan, and not before its time.
    #[test]
    fn frost_trips_the_thermostat_and_heat_does_not() {
        let mut cold = floor(&[("outside", ZERO_C - 15.0)]);
        (cold.plant.fan.sent, cold.plant.damper.sent) = (0.6, 1.0);
        let tripped = (1..3600).find(|_| {
            cold.turn();
            cold.plant.frozen
        });
        assert!(tripped.is_some_and(|second| second > 300), "{tripped:?}");
        (0..120).for_each(|_| cold.turn());
        assert_eq!((cold.plant.fan.position, cold.plant.damper.position, cold.plant.heat.position), (0.0, 0.0, 1.0));
        let mut warm = floor(&[("outside", ZERO_C - 15.0)]);
        (warm.plant.fan.sent, warm.plant.damper.sent, warm.plant.heat.sent) = (0.6, 0.3, 0.6);
        (0..3600).for_each(|_| warm.turn());
        assert!(!warm.plant.frozen && warm.plant.supply > ZERO_C + 15.0);
    }

    /// Goal: energy is kept. Method: with fan and boiler off the store loses heat along its exponential.
    #[test]
    fn the_store_cools_by_its_loss_alone() {
        let mut floor = floor(&[("outside", ZERO_C + 21.0), ("people", 0.0)]);
        (0..3600).for_each(|_| floor.turn());
        let told = ZERO_C + 21.0 + 44.0 * libm::exp(-3600.0 * STORE_LOSS / STORE);
        assert!((floor.plant.store - told).abs() < 1e-2, "{} {told}", floor.plant.store);
    }

    /// Goal: supply air is what damper and coil make of it. Method: at rest T = m + k h (T_water - m) with m = d T_out + (1 - d) T_back,
    /// against the water and the return air of the same instant.
    #[test]
    fn supply_air_is_mixed_and_heated_as_the_balance_says() {
        let mut floor = floor(&[("outside", ZERO_C - 5.0), ("people", 0.0)]);
        (floor.plant.fan.sent, floor.plant.damper.sent, floor.plant.heat.sent) = (0.6, 0.3, 0.4);
        (0..1200).for_each(|_| floor.turn());
        let plant = &floor.plant;
        let mixed = 0.3 * (ZERO_C - 5.0) + 0.7 * plant.back;
        assert!((plant.mixed - mixed).abs() < 1e-9, "{} K, {mixed} K", plant.mixed);
        let supply = mixed + COIL * 0.4 * (plant.store - mixed);
        // The store drifts, and the duct follows it half a minute late.
        assert!((plant.supply - supply).abs() < 0.3, "{} K, {supply} K", plant.supply);
    }

    /// Goal: no heat is made on the way. Method: over an hour, what the boiler gave is what the store holds more, lost, and gave to the
    /// air, by sums of the equations' own terms.
    #[test]
    fn what_the_boiler_gives_is_stored_lost_or_in_the_air() {
        let mut floor = floor(&[("outside", ZERO_C - 5.0), ("people", 0.0)]);
        (floor.plant.fan.sent, floor.plant.damper.sent, floor.plant.heat.sent) = (1.0, 0.5, 1.0);
        let (before, mut given, mut used, mut fired) = (floor.plant.store, 0.0, 0.0, 0);
        for _ in 0..3600 {
            let store = floor.plant.store;
            floor.turn();
            let plant = &floor.plant;
            let water = store - plant.mixed;
            given += if plant.boiler { BOILER } else { 0.0 };
            fired += u32::from(plant.boiler);
            used += plant.fan.position * ROOM_AIR * AIR * plant.heat.position * COIL * water;
            used += STORE_LOSS * (store - plant.back);
        }
        let stored = (floor.plant.store - before) * STORE;
        assert!(fired > 60 && fired < 3600, "the boiler fired for {fired} s");
        assert!((given - used - stored).abs() < 1e-6 * given, "{given} J given, {used} J used, {stored} J stored");
        assert!((STORE_KEPT.0 - 0.1..STORE_KEPT.1 + 0.1).contains(&floor.plant.store), "{} K", floor.plant.store);
    }

    #[test]
    fn actuators_take_their_stroke_and_the_warmest_hour_is_three() {
        let mut floor = floor(&[("outside", ZERO_C), ("swing", 4.0)]);
        (floor.plant.damper.sent, floor.plant.heat.sent) = (1.0, 1.0);
        (0..45).for_each(|_| floor.turn());
        assert!((floor.plant.damper.position - 0.5).abs() < 1e-9 && (floor.plant.heat.position - 0.75).abs() < 1e-9);
        for (hour, wave) in [(15.0, 4.0), (21.0, 0.0), (3.0, -4.0)] {
            floor.clock = hour * 3600.0;
            assert!((floor.outside() - ZERO_C - wave).abs() < 1e-9, "{} K at {hour}", floor.outside());
        }
    }

    /// Goal: fire beats whoever steers. Method: everything open, then the contact: shut within the spring's stroke, off along the ramp.
    #[test]
    fn a_fire_shuts_the_damper_and_stops_the_fan_in_their_time() {
        let mut floor = floor(&[("outside", ZERO_C)]);
        (floor.plant.fan.sent, floor.plant.damper.sent) = (1.0, 1.0);
        (0..120).for_each(|_| floor.turn());
        floor.plant.fire = true;
        for second in 1..=30 {
            // It is still sent to where it was.
            (floor.plant.fan.sent, floor.plant.damper.sent) = (1.0, 1.0);
            floor.turn();
            let (damper, fan) =
                ((1.0 - f64::from(second) / SPRING_RETURN).max(0.0), 1.0 - f64::from(second) / FAN_RAMP);
            assert!((floor.plant.damper.position - damper).abs() < 1e-9, "{second} s: {}", floor.plant.damper.position);
            assert!((floor.plant.fan.position - fan).abs() < 1e-9, "{second} s: {}", floor.plant.fan.position);
        }
    }

    #[test]
    fn an_unknown_setting_is_named() {
        let error = Floor::new(&[("outisde".to_owned(), 1.0)]).unwrap_err();
        assert!(error.contains("`outisde`") && error.contains("`outside`"), "{error}");
    }
}
