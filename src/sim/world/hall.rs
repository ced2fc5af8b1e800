//! The netted hall: a floor, a net, wind, and the machines in it. One hall stands behind all twins of a rig.

use super::World;
use super::quadrotor::{Quadrotor, Surroundings};
use super::wind::{GUST_STEP, Wind};
use crate::fault::TwinFault;
use crate::sim::random::Noise;
use crate::time::Span;
use std::any::Any;

/// Physics goes on in steps of this many nanoseconds: 800 Hz, our own.
pub const STEP_NANOS: i64 = 1_250_000;
/// One turn of the flight controller's loop: 400 Hz, as ArduPilot's Copter (from memory).
pub const LOOP: Span = Span::from_micros(2_500);
const STEP_SECONDS: f64 = STEP_NANOS as f64 / 1e9;
/// The net hangs this high, in m: our own hall.
const NET_HEIGHT: f64 = 10.0;
/// The net stands this far from the middle on every side, in m: our own hall.
const NET_SIDE: f64 = 8.0;
/// No machine gets to a net that hangs so far away, in m. Our own.
const FAR_AWAY: f64 = 1e6;
/// The air is drawn anew every so many steps.
const STEPS_PER_GUST: u32 = (GUST_STEP / STEP_SECONDS) as u32;

/// A machine in the hall.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct BodyId(usize);

/// The world behind the twins of a drone rig.
#[derive(Clone, Debug)]
pub struct Hall {
    wind: Wind,
    /// The wind that blows without a fault: speed in m/s and bearing in rad.
    steady: (f64, f64),
    bodies: Vec<Quadrotor>,
    steps_to_gust: u32,
    /// How high the net hangs, and how far from the middle on every side, in m.
    net: (f64, f64),
    /// The winds that were begun and not ended, in order: the latest blows.
    winds: Vec<(f64, f64)>,
}

impl Hall {
    /// The same without a net: a field under the open sky. See [`Hall::new`].
    pub fn open(seed: u64, settings: &[(String, f64)]) -> Result<Hall, String> {
        let hall = Hall::new(seed, settings)?;
        Ok(Hall { net: (FAR_AWAY, FAR_AWAY), ..hall })
    }
    /// A hall with the settings of the rig's world: `wind` in m/s, `from` in rad. The error names an unknown setting.
    pub fn new(seed: u64, settings: &[(String, f64)]) -> Result<Hall, String> {
        let mut steady = (0.0, 0.0);
        for (name, value) in settings {
            match name.as_str() {
                "wind" => steady.0 = *value,
                "from" => steady.1 = *value,
                _ => return Err(format!("the world has no setting `{name}` (it has `wind` and `from`)")),
            }
        }
        let wind = Wind::new(Noise::new(seed, 0), steady.0, steady.1);
        Ok(Hall {
            wind,
            steady,
            bodies: Vec::new(),
            steps_to_gust: STEPS_PER_GUST,
            net: (NET_HEIGHT, NET_SIDE),
            winds: Vec::new(),
        })
    }
    /// Puts another quadrotor on the floor.
    pub fn park(&mut self) -> BodyId {
        let mut body = Quadrotor::parked();
        // A second machine stands beside the first, not inside it.
        body.position.y = self.bodies.len() as f64;
        self.bodies.push(body);
        BodyId(self.bodies.len() - 1)
    }
    /// A machine in the hall.
    pub fn body(&self, id: BodyId) -> &Quadrotor {
        &self.bodies[id.0]
    }
    /// A machine in the hall, to be steered or broken.
    pub fn body_mut(&mut self, id: BodyId) -> &mut Quadrotor {
        &mut self.bodies[id.0]
    }
    /// Lets this wind blow (m/s, from a bearing in rad), or the steady one again.
    pub fn blow(&mut self, fault: Option<(f64, f64)>) {
        let (speed, from) = fault.unwrap_or(self.steady);
        self.wind.set(speed, from);
    }
    /// Goes on by [`STEP_NANOS`].
    pub fn step(&mut self) {
        self.steps_to_gust -= 1;
        if self.steps_to_gust == 0 {
            self.steps_to_gust = STEPS_PER_GUST;
            self.wind.step();
        }
        let around = Surroundings { net_height: self.net.0, net_side: self.net.1, wind: self.wind.velocity() };
        for body in &mut self.bodies {
            body.step(STEP_SECONDS, &around);
        }
    }
}

impl World for Hall {
    fn turn_length(&self) -> Span {
        LOOP
    }
    fn turn(&mut self) {
        for _ in 0..LOOP.nanos() / STEP_NANOS {
            self.step();
        }
    }
    fn fault(&mut self, fault: &TwinFault, on: bool) -> Result<(), String> {
        let TwinFault::Wind { speed, from } = *fault else {
            return Err(format!("the world `hall` cannot act out {fault:?}"));
        };
        if on {
            self.winds.push((speed, from));
        } else if let Some(place) = self.winds.iter().position(|wind| *wind == (speed, from)) {
            self.winds.remove(place);
        }
        self.blow(self.winds.last().copied());
        Ok(())
    }
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_setting_is_named() {
        let error = Hall::new(1, &[("wnid".to_owned(), 3.0)]).unwrap_err();
        assert!(error.contains("`wnid`") && error.contains("`wind`"), "{error}");
    }

    #[test]
    fn the_same_seed_blows_the_same_wind_to_the_bit() {
        let fly = |seed| {
            let mut hall = Hall::new(seed, &[("wind".to_owned(), 8.0)]).expect("the setting exists");
            let body = hall.park();
            hall.body_mut(body).position.z = -5.0;
            for _ in 0..800 {
                hall.step();
            }
            let p = hall.body(body).position;
            [p.x.to_bits(), p.y.to_bits(), p.z.to_bits()]
        };
        assert_eq!(fly(11), fly(11));
        assert_ne!(fly(11), fly(12));
    }
}
