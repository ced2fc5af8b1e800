//! What the flight controller believes of itself: the truth with the noise and the slow errors of an estimator.

use crate::sim::random::Noise;
use crate::sim::world::quadrotor::{FOOT_DEPTH, Quadrotor};
use crate::sim::world::space::{Quat, Vec3};

/// An error that wanders: standard deviation and correlation time (s), and white noise on top.
struct Wander {
    sigma: f64,
    seconds: f64,
    white: f64,
}

/// Position in m: a motion-capture or optical-flow estimate, a few centimetres.
const POSITION: Wander = Wander { sigma: 0.02, seconds: 2.0, white: 0.003 };
/// Velocity in m/s.
const VELOCITY: Wander = Wander { sigma: 0.02, seconds: 1.0, white: 0.01 };
/// Attitude in rad: a quarter of a degree.
const ATTITUDE: Wander = Wander { sigma: 0.004, seconds: 5.0, white: 0.0005 };
/// White noise of the filtered gyroscopes in rad/s.
const GYRO_WHITE: f64 = 0.008;
/// Fields that a bias may be put on, with what they are.
pub const BIASES: [&str; 13] =
    ["x", "y", "z", "altitude", "vx", "vy", "vz", "climb", "roll", "pitch", "yaw", "voltage", "battery"];

/// Everything the flight controller believes at an instant.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Estimate {
    /// Of the feet from where it was switched on, m, NED.
    pub position: Vec3,
    /// m/s, NED.
    pub velocity: Vec3,
    pub attitude: Quat,
    /// rad/s about forward, right, down.
    pub rates: Vec3,
    /// V
    pub voltage: f64,
    /// A
    pub current: f64,
    /// Share of charge left, 0..=1.
    pub charge: f64,
    /// Ah
    pub consumed: f64,
}

impl Estimate {
    /// Height of the feet over the place where it was switched on, in m.
    pub fn altitude(&self) -> f64 {
        -self.position.z
    }
    /// Nose's bearing in rad.
    pub fn yaw(&self) -> f64 {
        self.attitude.to_euler().z
    }
}

/// The sensors and the estimator of one flight controller.
#[derive(Clone, Debug)]
pub struct Sensors {
    noise: Noise,
    home: Vec3,
    position: Vec3,
    velocity: Vec3,
    attitude: Vec3,
    /// By place in [`BIASES`].
    biases: [f64; BIASES.len()],
}

impl Sensors {
    /// Sensors that call the body's present place home.
    pub fn new(noise: Noise, body: &Quadrotor) -> Sensors {
        Sensors {
            noise,
            home: body.position + Vec3::new(0.0, 0.0, FOOT_DEPTH),
            position: Vec3::ZERO,
            velocity: Vec3::ZERO,
            attitude: Vec3::ZERO,
            biases: [0.0; BIASES.len()],
        }
    }
    /// Puts an error on a field (`z`, or with its message: `LOCAL_POSITION_NED.z`), SI; false when no such field is known.
    pub fn set_bias(&mut self, field: &str, by: f64) -> bool {
        let name = field.rsplit('.').next().unwrap_or(field);
        BIASES.iter().position(|b| *b == name).map(|i| self.biases[i] = by).is_some()
    }
    /// Looks at the body, `seconds` after the last look.
    pub fn look(&mut self, body: &Quadrotor, seconds: f64) -> Estimate {
        let position_error = wander(&mut self.noise, &mut self.position, &POSITION, seconds);
        let velocity_error = wander(&mut self.noise, &mut self.velocity, &VELOCITY, seconds);
        let attitude_error = wander(&mut self.noise, &mut self.attitude, &ATTITUDE, seconds);
        let [x, y, z, altitude, vx, vy, vz, climb, roll, pitch, yaw, voltage, battery] = self.biases;
        let turned = attitude_error + Vec3::new(roll, pitch, yaw);
        let feet = body.position + Vec3::new(0.0, 0.0, FOOT_DEPTH);
        Estimate {
            position: feet - self.home + position_error + Vec3::new(x, y, z - altitude),
            velocity: body.velocity + velocity_error + Vec3::new(vx, vy, vz - climb),
            attitude: body.attitude.after(Quat::from_euler(turned.x, turned.y, turned.z)),
            rates: body.rates + draw(&mut self.noise) * GYRO_WHITE,
            voltage: body.battery.voltage() + voltage,
            current: body.battery.current(),
            charge: (body.battery.charge() + battery).clamp(0.0, 1.0),
            consumed: body.battery.consumed(),
        }
    }
}

fn draw(noise: &mut Noise) -> Vec3 {
    Vec3::new(noise.normal(), noise.normal(), noise.normal())
}

/// One step of the wandering error, with white noise on top.
fn wander(noise: &mut Noise, state: &mut Vec3, kind: &Wander, seconds: f64) -> Vec3 {
    let keep = 1.0 - seconds / kind.seconds;
    *state = *state * keep + draw(noise) * (kind.sigma * (1.0 - keep * keep).sqrt());
    *state + draw(noise) * kind.white
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_stay_within_a_few_centimetres_and_are_not_zero() {
        let body = Quadrotor::parked();
        let mut sensors = Sensors::new(Noise::new(5, 0), &body);
        let mut worst: f64 = 0.0;
        for _ in 0..40_000 {
            worst = worst.max(sensors.look(&body, 0.0025).position.norm());
        }
        assert!(worst > 0.01 && worst < 0.15, "{worst} m");
    }

    #[test]
    fn a_bias_shifts_its_field_and_unknown_fields_are_refused() {
        let body = Quadrotor::parked();
        let mut sensors = Sensors::new(Noise::new(5, 0), &body);
        assert!(sensors.set_bias("LOCAL_POSITION_NED.z", -2.0));
        assert!(!sensors.set_bias("LOCAL_POSITION_NED.zz", -2.0));
        assert!((sensors.look(&body, 0.0025).altitude() - 2.0).abs() < 0.2);
    }
}
