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

/// Position in m: a motion-capture or optical-flow estimate, a few centimetres. All of them are our own.
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
    /// Something outside tells where it is.
    pub fix: bool,
}

impl Estimate {
    /// Height of the feet over the place where it was switched on, in m.
    pub fn altitude(&self) -> f64 {
        -self.position.z
    }
    /// A field by its place in [`BIASES`], SI.
    pub fn field(&self, place: usize) -> f64 {
        match BIASES[place] {
            "x" => self.position.x,
            "y" => self.position.y,
            "z" => self.position.z,
            "altitude" => -self.position.z,
            "vx" => self.velocity.x,
            "vy" => self.velocity.y,
            "vz" => self.velocity.z,
            "climb" => -self.velocity.z,
            "roll" => self.attitude.to_euler().x,
            "pitch" => self.attitude.to_euler().y,
            "yaw" => self.attitude.to_euler().z,
            "voltage" => self.voltage,
            _ => self.charge,
        }
    }
    /// Sets a field by its place in [`BIASES`], SI.
    pub fn set_field(&mut self, place: usize, value: f64) {
        let mut angles = self.attitude.to_euler();
        match BIASES[place] {
            "x" => self.position.x = value,
            "y" => self.position.y = value,
            "z" => self.position.z = value,
            "altitude" => self.position.z = -value,
            "vx" => self.velocity.x = value,
            "vy" => self.velocity.y = value,
            "vz" => self.velocity.z = value,
            "climb" => self.velocity.z = -value,
            "roll" => angles.x = value,
            "pitch" => angles.y = value,
            "yaw" => angles.z = value,
            "voltage" => self.voltage = value,
            _ => self.charge = value.clamp(0.0, 1.0),
        }
        if matches!(BIASES[place], "roll" | "pitch" | "yaw") {
            self.attitude = Quat::from_euler(angles.x, angles.y, angles.z);
        }
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
    /// Sets the errors of the fields in the order of [`BIASES`], SI.
    pub fn set_biases(&mut self, biases: [f64; BIASES.len()]) {
        self.biases = biases;
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
            fix: true,
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

    /// Goal: the error that wanders has the deviation and the memory that it declares. Method: a process of the first order has the
    /// deviation sigma at any step and the autocorrelation exp(-t / T); 4000 s, 2000 correlation times, white noise apart.
    #[test]
    fn the_wandering_error_is_of_the_first_order() {
        let (mut noise, mut state) = (Noise::new(9, 0), Vec3::ZERO);
        let quiet = Wander { white: 0.0, ..POSITION };
        let step = 0.01;
        let errors: Vec<f64> = (0..400_000).map(|_| wander(&mut noise, &mut state, &quiet, step).x).collect();
        let product = |lag: usize| {
            errors.iter().zip(&errors[lag..]).map(|(a, b)| a * b).sum::<f64>() / (errors.len() - lag) as f64
        };
        let sigma = product(0).sqrt();
        assert!((sigma / POSITION.sigma - 1.0).abs() < 0.06, "{sigma} m");
        let memory = product((POSITION.seconds / step) as usize) / product(0);
        assert!((memory - libm::exp(-1.0)).abs() < 0.07, "{memory} after one correlation time");
    }

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
}
