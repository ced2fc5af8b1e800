//! The cascade that flies: position, velocity, attitude, body rates, and the mixer that spreads it over four motors.
//!
//! Built like those of ArduPilot and PX4: a proportional law on position with a square-root approach, proportional and integral
//! on velocity, proportional on attitude, proportional and integral on rates. Gains are in 1/s: each loop is three or more times
//! faster than the one around it, and the innermost stays below the motors' lag (12.5 ms up, 25 ms down). Gains and limits are our
//! own, tuned on this machine; the names of ArduPilot's parameters are from memory.

use super::sensors::Estimate;
use crate::sim::world::quadrotor::{
    ARM_FORWARD, ARM_RIGHT, GRAVITY, INERTIA, MASS, MOMENT_CONSTANT, MOTORS, THRUST_CONSTANT, top_speed,
};
use crate::sim::world::space::{Quat, Vec3};

/// Position error to velocity, 1/s (ArduPilot: `PSC_POSXY_P`, `PSC_POSZ_P`).
const POSITION_GAIN: f64 = 1.0;
/// Velocity error to acceleration, 1/s, horizontal and vertical.
const VELOCITY_GAIN: f64 = 2.5;
const CLIMB_GAIN: f64 = 5.0;
/// Integral of the velocity error to acceleration, 1/s^2.
const VELOCITY_INTEGRAL: f64 = 1.2;
const CLIMB_INTEGRAL: f64 = 2.5;
/// What the integrals may grow to, in m/s^2.
const VELOCITY_INTEGRAL_MAX: f64 = 4.0;
const CLIMB_INTEGRAL_MAX: f64 = 4.0;
/// How fast the wanted velocity may change, m/s^2.
const SLEW: f64 = 6.0;
/// Most vertical acceleration asked for, m/s^2.
const CLIMB_ACCELERATION_MAX: f64 = 5.0;
/// Attitude error to rates, 1/s: roll and pitch, yaw.
const ATTITUDE_GAIN: f64 = 7.0;
const YAW_GAIN: f64 = 1.2;
/// Most rates asked for, rad/s.
const RATE_MAX: f64 = 4.0;
const YAW_RATE_MAX: f64 = 0.8;
/// Rate error to angular acceleration, 1/s: roll and pitch, yaw; integral in 1/s^2.
const RATE_GAIN: f64 = 22.0;
const YAW_RATE_GAIN: f64 = 5.0;
const RATE_INTEGRAL: f64 = 12.0;
/// What the integral of the rate error may grow to, in rad/s^2. Yaw has little torque to give, so its integral stays small.
const RATE_INTEGRAL_MAX: Vec3 = Vec3::new(8.0, 8.0, 0.2);
/// A rotor's thrust stays above this share of its hover thrust, so that attitude never goes uncontrolled.
const THRUST_MIN: f64 = 0.08;
/// Share of a rotor's hover thrust that yaw may use.
const YAW_SHARE: f64 = 0.5;
/// Throttle of an armed machine on the ground.
const IDLE: f64 = 0.12;

/// What the motors shall do.
#[derive(Copy, Clone, PartialEq, Debug)]
pub enum Motors {
    Off,
    /// Armed on the ground.
    Idle,
    Fly(Demand),
}

/// Where to and how fast.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Demand {
    /// North and east in m; `None`: the velocity alone counts.
    pub horizontal: Option<(f64, f64)>,
    /// Down in m; `None`: the velocity alone counts.
    pub down: Option<f64>,
    /// Added to what the position asks for; m/s, NED.
    pub velocity: Vec3,
    /// rad
    pub yaw: f64,
    /// Upright, wherever it drifts: what it believes of its place and speed is not to be relied on.
    pub upright: bool,
}

/// What the cascade may use.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Limits {
    /// m/s
    pub speed: f64,
    /// m/s
    pub speed_up: f64,
    /// m/s
    pub speed_down: f64,
    /// m/s^2, when approaching a point
    pub approach: f64,
    /// rad
    pub tilt: f64,
}

/// The cascade's memory.
#[derive(Clone, Debug)]
pub struct Controller {
    velocity_goal: Vec3,
    velocity_integral: Vec3,
    rate_integral: Vec3,
    /// Asked for last, as a share of what hovers.
    thrust: f64,
}

impl Controller {
    /// At rest.
    pub fn new() -> Controller {
        Controller { velocity_goal: Vec3::ZERO, velocity_integral: Vec3::ZERO, rate_integral: Vec3::ZERO, thrust: 0.0 }
    }
    /// Thrust asked for last, as a share of what hovers.
    pub fn thrust(&self) -> f64 {
        self.thrust
    }
    /// One turn of the cascade: throttles of the four motors, `seconds` after the last one.
    pub fn step(&mut self, motors: &Motors, now: &Estimate, limits: &Limits, seconds: f64) -> [f64; 4] {
        match motors {
            Motors::Off => {
                *self = Controller { velocity_goal: now.velocity, ..Controller::new() };
                [0.0; 4]
            }
            Motors::Idle => {
                *self = Controller { velocity_goal: Vec3::ZERO, ..Controller::new() };
                [IDLE; 4]
            }
            Motors::Fly(demand) => {
                let wanted = wanted_velocity(demand, now, limits);
                self.slew(wanted, seconds);
                let mut acceleration = self.acceleration(now, limits, seconds);
                if demand.upright {
                    acceleration = Vec3::new(0.0, 0.0, acceleration.z);
                    self.velocity_integral = Vec3::new(0.0, 0.0, self.velocity_integral.z);
                }
                let (attitude, thrust) = lean(acceleration, demand.yaw, now);
                self.thrust = thrust / (MASS * GRAVITY);
                let torque = self.torque(attitude, now, seconds);
                mix(thrust, torque, now.voltage)
            }
        }
    }

    fn slew(&mut self, wanted: Vec3, seconds: f64) {
        let change = wanted - self.velocity_goal;
        let most = SLEW * seconds;
        let length = change.norm();
        self.velocity_goal += if length > most { change * (most / length) } else { change };
    }
    fn acceleration(&mut self, now: &Estimate, limits: &Limits, seconds: f64) -> Vec3 {
        let error = self.velocity_goal - now.velocity;
        let gains = Vec3::new(VELOCITY_GAIN, VELOCITY_GAIN, CLIMB_GAIN);
        let asked = error.zip(gains, |e, g| e * g) + self.velocity_integral;
        let sideways_max = GRAVITY * libm::tan(limits.tilt);
        let limited = asked.limit_horizontal(sideways_max);
        let limited = Vec3::new(limited.x, limited.y, limited.z.clamp(-CLIMB_ACCELERATION_MAX, CLIMB_ACCELERATION_MAX));
        // An integral that a limit already holds back does not grow on.
        if limited == asked {
            let gains = Vec3::new(VELOCITY_INTEGRAL, VELOCITY_INTEGRAL, CLIMB_INTEGRAL);
            self.velocity_integral += error.zip(gains, |e, g| e * g * seconds);
            self.velocity_integral = self.velocity_integral.limit_horizontal(VELOCITY_INTEGRAL_MAX);
            self.velocity_integral.z = self.velocity_integral.z.clamp(-CLIMB_INTEGRAL_MAX, CLIMB_INTEGRAL_MAX);
        }
        limited
    }
    fn torque(&mut self, wanted: Quat, now: &Estimate, seconds: f64) -> Vec3 {
        let error = now.attitude.inverse().after(wanted).short_vector();
        let rates = Vec3::new(
            (error.x * ATTITUDE_GAIN).clamp(-RATE_MAX, RATE_MAX),
            (error.y * ATTITUDE_GAIN).clamp(-RATE_MAX, RATE_MAX),
            (error.z * YAW_GAIN).clamp(-YAW_RATE_MAX, YAW_RATE_MAX),
        );
        let error = rates - now.rates;
        self.rate_integral = (self.rate_integral + error * (RATE_INTEGRAL * seconds))
            .zip(RATE_INTEGRAL_MAX, |i, most| i.clamp(-most, most));
        let gains = Vec3::new(RATE_GAIN, RATE_GAIN, YAW_RATE_GAIN);
        (error.zip(gains, |e, g| e * g) + self.rate_integral).zip(INERTIA, |a, i| a * i)
    }
}

/// Speed towards a point `error` away: proportional near it, and from afar no faster than `brake` can stop in time.
fn approach(error: f64, brake: f64) -> f64 {
    let linear = brake / (POSITION_GAIN * POSITION_GAIN);
    if error <= linear { POSITION_GAIN * error } else { (2.0 * brake * (error - linear / 2.0)).sqrt() }
}

fn wanted_velocity(demand: &Demand, now: &Estimate, limits: &Limits) -> Vec3 {
    let mut wanted = demand.velocity;
    if let Some((north, east)) = demand.horizontal {
        let way = Vec3::new(north - now.position.x, east - now.position.y, 0.0);
        let length = way.norm();
        if length > 1e-6 {
            wanted += way * (approach(length, limits.approach) / length);
        }
    }
    if let Some(down) = demand.down {
        let way = down - now.position.z;
        wanted.z += approach(way.abs(), limits.approach).copysign(way);
    }
    let wanted = wanted.limit_horizontal(limits.speed);
    Vec3::new(wanted.x, wanted.y, wanted.z.clamp(-limits.speed_up, limits.speed_down))
}

/// The attitude whose thrust gives the acceleration, and the thrust in N that keeps the height at the present attitude.
fn lean(acceleration: Vec3, yaw: f64, now: &Estimate) -> (Quat, f64) {
    let force = acceleration - Vec3::new(0.0, 0.0, GRAVITY);
    let down = force * (-1.0 / force.norm());
    let (sin, cos) = libm::sincos(yaw);
    // The forward axis lies in the vertical plane of the yaw; `down` is never horizontal, as tilt and climb are limited.
    let right = down.cross(Vec3::new(cos, sin, 0.0));
    let right = right * (1.0 / right.norm());
    let attitude = Quat::from_axes(right.cross(down), right, down);
    let upright = now.attitude.rotate(Vec3::new(0.0, 0.0, 1.0)).z;
    (attitude, MASS * (GRAVITY - acceleration.z) / upright.max(0.5))
}

/// Throttles that give this thrust (N) and torque (N m) at this battery voltage (V), attitude before height, height before yaw.
fn mix(thrust: f64, torque: Vec3, voltage: f64) -> [f64; 4] {
    let hover = MASS * GRAVITY / 4.0;
    let top = top_speed(voltage.max(1.0));
    let most = THRUST_CONSTANT * top * top;
    let least = THRUST_MIN * hover;
    let yaw = (torque.z / (4.0 * MOMENT_CONSTANT)).clamp(-YAW_SHARE * hover, YAW_SHARE * hover);
    let mut parts = MOTORS.map(|(forward, right, turn)| {
        -right * torque.x / (4.0 * ARM_RIGHT) + forward * torque.y / (4.0 * ARM_FORWARD) + turn * yaw
    });
    let highest = parts.iter().copied().fold(f64::MIN, f64::max);
    let lowest = parts.iter().copied().fold(f64::MAX, f64::min);
    // When the spread is more than the motors have, all parts shrink alike: the turn keeps its axis.
    let shrink = ((most - least) / (highest - lowest).max(1e-9)).min(1.0);
    parts = parts.map(|p| p * shrink);
    let common = (thrust / 4.0).min(most - highest * shrink).max(least - lowest * shrink);
    parts.map(|p| ((common + p).clamp(least, most.max(least)) / THRUST_CONSTANT).sqrt() / top)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::devices::quadrotor::sensors::Sensors;
    use crate::sim::random::Noise;
    use crate::sim::world::quadrotor::{Quadrotor, Surroundings};

    const LIMITS: Limits = Limits { speed: 4.0, speed_up: 2.5, speed_down: 1.5, approach: 2.5, tilt: 0.52 };
    const STEP: f64 = 1.0 / 400.0;

    /// Flies a demand for `seconds` and gives what `see` says of each step's body.
    fn fly(demand: Demand, wind: Vec3, seconds: f64, mut see: impl FnMut(f64, &Quadrotor)) -> Quadrotor {
        let mut body = Quadrotor::parked();
        body.position.z = -5.0;
        // Home is the parking place of `Sensors::new`: made on the floor, flown at 5 m.
        let mut sensors = Sensors::new(Noise::new(9, 1), &Quadrotor::parked());
        let mut controller = Controller::new();
        let around = Surroundings { net_height: 1e6, net_side: 1e6, wind };
        for step in 0..(seconds / STEP) as usize {
            let now = sensors.look(&body, STEP);
            body.set_throttles(controller.step(&Motors::Fly(demand), &now, &LIMITS, STEP));
            body.step(STEP / 2.0, &around);
            body.step(STEP / 2.0, &around);
            see(step as f64 * STEP, &body);
        }
        body
    }
    fn at(north: f64, east: f64, down: f64) -> Demand {
        Demand { horizontal: Some((north, east)), down: Some(down), velocity: Vec3::ZERO, yaw: 0.0, upright: false }
    }

    #[test]
    fn it_holds_its_place_in_still_air() {
        let mut worst: f64 = 0.0;
        fly(at(0.0, 0.0, -5.0), Vec3::ZERO, 20.0, |t, body| {
            if t > 5.0 {
                worst = worst.max((body.position - Vec3::new(0.0, 0.0, -5.1)).norm());
            }
        });
        assert!(worst < 0.2, "{worst} m");
    }

    #[test]
    fn it_holds_its_place_in_steady_wind() {
        let body = fly(at(0.0, 0.0, -5.0), Vec3::new(0.0, 8.0, 0.0), 20.0, |_, _| {});
        assert!((body.position - Vec3::new(0.0, 0.0, -5.1)).norm() < 0.3, "{:?}", body.position);
        assert!(body.attitude.to_euler().x < -0.1, "it leans into the wind: {:?}", body.attitude.to_euler());
    }

    #[test]
    fn it_goes_to_a_point_without_passing_it_by_much() {
        let mut farthest: f64 = 0.0;
        let body = fly(at(4.0, -3.0, -6.0), Vec3::ZERO, 12.0, |_, body| farthest = farthest.max(body.position.x));
        assert!((body.position - Vec3::new(4.0, -3.0, -6.1)).norm() < 0.2, "{:?}", body.position);
        assert!(farthest < 4.4, "{farthest} m");
    }

    #[test]
    fn it_turns_to_the_yaw_asked_for() {
        let body = fly(Demand { yaw: 2.0, ..at(0.0, 0.0, -5.0) }, Vec3::ZERO, 8.0, |_, _| {});
        assert!((body.attitude.to_euler().z - 2.0).abs() < 0.05, "{:?}", body.attitude.to_euler());
    }

    #[test]
    fn it_flies_a_velocity_within_its_limit() {
        let demand =
            Demand { horizontal: None, down: Some(-5.0), velocity: Vec3::new(9.0, 0.0, 0.0), yaw: 0.0, upright: false };
        let body = fly(demand, Vec3::ZERO, 8.0, |_, _| {});
        assert!((body.velocity.x - LIMITS.speed).abs() < 0.2, "{:?}", body.velocity);
    }
}
