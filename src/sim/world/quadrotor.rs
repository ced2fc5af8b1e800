//! A quadrotor as a rigid body: four motors with lag, thrust and drag, weight, contact with floor and net.
//!
//! The numbers are those of the 3DR Iris, a machine of 1.5 kg, as identified and published with the RotorS simulator (Furrer et
//! al., 2016; `rotors_description/urdf/iris.xacro`, "RotorS" below): mass, inertia, arms, thrust and moment constants, motor time constants,
//! top speed, rotor drag. Its rotors stand 0.22 m (front) and 0.20 m (back) to the side; here all four stand at the mean.
//! What RotorS leaves out is added: drag of the body, battery, and the voltage that limits the motors.

use super::battery::Battery;
use super::space::{Quat, Vec3};

/// In kg. Source: RotorS.
pub const MASS: f64 = 1.5;
/// Standard gravity in m/s^2, by definition.
pub const GRAVITY: f64 = 9.80665;
/// Moments of inertia about forward, right, down, in kg m^2. Source: RotorS.
pub const INERTIA: Vec3 = Vec3::new(0.0347563, 0.0458929, 0.0977);
/// Rotors before and behind the centre, in m. Source: RotorS.
pub const ARM_FORWARD: f64 = 0.13;
/// Rotors beside the centre, in m. Source: RotorS, the mean of front and back.
pub const ARM_RIGHT: f64 = 0.21;
/// Thrust of a rotor is this times its speed squared, in N s^2. Source: RotorS.
pub const THRUST_CONSTANT: f64 = 8.54858e-6;
/// Torque of a rotor about its axis is this times its thrust, in m. Source: RotorS.
pub const MOMENT_CONSTANT: f64 = 0.016;
/// Top speed of a rotor in rad/s at [`NOMINAL_VOLTAGE`]. Source: RotorS; that it holds at this voltage is our own.
const TOP_SPEED: f64 = 838.0;
/// Three cells at 3.7 V, by definition of the name on the pack: a motor's top speed goes with the voltage.
const NOMINAL_VOLTAGE: f64 = 11.1;
/// Motor time constants in s, speeding up and slowing down (the propeller alone brakes it). Source: RotorS.
const LAG_UP: f64 = 0.0125;
const LAG_DOWN: f64 = 0.025;
/// Drag of a rotor in the plane of its disc per rad/s and m/s, in N s^2 / m. Source: RotorS, `rotor_drag_coefficient`.
const ROTOR_DRAG: f64 = 8.06428e-5;
/// Half the density of air at sea level. Source: International Standard Atmosphere, 1.225 kg/m^3.
const HALF_DENSITY: f64 = 0.6125;
/// Drag areas (coefficient times area) in m^2: a body of 0.47 m by 0.11 m at coefficient 0.6 from the sides; with arms,
/// propellers and legs at coefficient 1 seen from above: sizes from RotorS, coefficients our own. With the rotors' drag it leans
/// 15 deg in 10 m/s.
const DRAG_AREA: Vec3 = Vec3::new(0.03, 0.03, 0.05);
/// Damping of body rates by the rotors, in N m s: thrust times arm squared over inflow speed (about 5 m/s) at hover,
/// our own.
const RATE_DAMPING: f64 = 0.02;
/// Electrical power to shaft power of motor and speed controller: our own.
const DRIVE_EFFICIENCY: f64 = 0.75;
/// Flight controller, receiver, telemetry radio, in W: our own.
const AVIONICS_POWER: f64 = 5.0;
/// Share of its thrust that a propeller gives when it turns backwards: its blades meet the air with the wrong edge and the
/// wrong side. Our own, of the order that reversible drives of model aeroplanes reach.
const BACKWARDS: f64 = 0.5;
/// The feet stand this far below the centre, in m: our own.
pub const FOOT_DEPTH: f64 = 0.1;
/// Feet at plus and minus this far ahead and aside, in m: our own.
const FOOT_REACH: f64 = 0.15;
/// Each foot on the floor: spring in N/m (0.5 mm at rest), damper in N s/m (half critical): our own.
const FOOT_SPRING: f64 = 8000.0;
const FOOT_DAMPER: f64 = 80.0;
/// Rubber on concrete, from memory.
const FRICTION: f64 = 0.8;
/// Sliding slower than this, in m/s, friction grows with speed: a foot at rest stays at rest without jitter. Our own.
const SLIP_SPEED: f64 = 0.02;
/// The net, soft: spring in N/m and damper in N s/m on the centre of the machine: our own.
const NET_SPRING: f64 = 60.0;
const NET_DAMPER: f64 = 12.0;

/// Where the motors sit (sign forward, sign right) and how they turn: front right and rear left counterclockwise seen from above,
/// which turns the body clockwise (positive yaw). Numbered as ArduPilot numbers a quadrotor in X form
/// (from memory).
pub const MOTORS: [(f64, f64, f64); 4] = [(1.0, 1.0, 1.0), (-1.0, -1.0, 1.0), (1.0, -1.0, -1.0), (-1.0, 1.0, -1.0)];

/// Floor, net and air where the machine flies.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Surroundings {
    /// The net's height over the floor in m.
    pub net_height: f64,
    /// The net's distance from the middle on each side in m.
    pub net_side: f64,
    /// Velocity of the air in m/s, NED.
    pub wind: Vec3,
}

/// State of one machine.
#[derive(Clone, Debug)]
pub struct Quadrotor {
    /// Of the centre of mass, in m, NED, floor at z = 0.
    pub position: Vec3,
    /// In m/s, NED.
    pub velocity: Vec3,
    pub attitude: Quat,
    /// About forward, right, down, in rad/s.
    pub rates: Vec3,
    pub battery: Battery,
    /// What the speed controllers are told, 0..=1 of top speed.
    throttles: [f64; 4],
    /// In rad/s.
    speeds: [f64; 4],
    drives: [Drive; 4],
}

/// What is wrong with a motor, on purpose.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Drive {
    /// Share of its thrust that it gives.
    pub gain: f64,
    /// It turns at this speed (rad/s), whatever it is told.
    pub stuck: Option<f64>,
    /// It follows with at least this time constant, in s.
    pub lag: f64,
    /// It turns the wrong way.
    pub reversed: bool,
}

impl Drive {
    /// Nothing is wrong.
    pub const GOOD: Drive = Drive { gain: 1.0, stuck: None, lag: 0.0, reversed: false };
}

impl Quadrotor {
    /// On its feet in the middle of the floor, nose to the north, battery full.
    pub fn parked() -> Quadrotor {
        Quadrotor {
            position: Vec3::new(0.0, 0.0, -FOOT_DEPTH),
            velocity: Vec3::ZERO,
            attitude: Quat::LEVEL,
            rates: Vec3::ZERO,
            battery: Battery::full(),
            throttles: [0.0; 4],
            speeds: [0.0; 4],
            drives: [Drive::GOOD; 4],
        }
    }
    /// Tells the speed controllers: shares of top speed, 0..=1.
    pub fn set_throttles(&mut self, throttles: [f64; 4]) {
        self.throttles = throttles.map(|t| t.clamp(0.0, 1.0));
    }
    /// Sets what is wrong with the motors.
    pub fn set_drives(&mut self, drives: [Drive; 4]) {
        self.drives = drives;
    }
    /// Speeds of the motors in rad/s.
    pub fn motor_speeds(&self) -> [f64; 4] {
        self.speeds
    }
    /// Sum of the rotors' thrusts in N.
    #[cfg(test)]
    pub fn thrust(&self) -> f64 {
        self.rotor_thrusts().iter().sum()
    }
    /// Goes on by `seconds` (semi-implicit Euler; at 1.25 ms the stiffest part, a foot on the floor, is stable by a factor of ten).
    pub fn step(&mut self, seconds: f64, around: &Surroundings) {
        self.turn_motors(seconds);
        let thrusts = self.rotor_thrusts();
        let total: f64 = thrusts.iter().sum();

        let air = self.attitude.inverse().rotate(self.velocity - around.wind);
        let spin: f64 = self.speeds.iter().sum();
        let mut body_force = Vec3::new(-ROTOR_DRAG * spin * air.x, -ROTOR_DRAG * spin * air.y, -total);
        body_force += DRAG_AREA.zip(air, |area, v| -HALF_DENSITY * area * v * v.abs());
        let mut torque = self.rates * -RATE_DAMPING;
        for (thrust, (forward, right, turn)) in thrusts.iter().zip(MOTORS) {
            torque +=
                Vec3::new(-right * ARM_RIGHT * thrust, forward * ARM_FORWARD * thrust, turn * MOMENT_CONSTANT * thrust);
        }

        let mut force = self.attitude.rotate(body_force) + Vec3::new(0.0, 0.0, MASS * GRAVITY);
        let (floor_force, floor_torque) = self.floor();
        force += floor_force + self.net(around);
        torque += floor_torque;

        self.velocity += force * (seconds / MASS);
        self.position += self.velocity * seconds;
        let momentum = self.rates.zip(INERTIA, |r, i| r * i);
        let change = (torque - self.rates.cross(momentum)).zip(INERTIA, |t, i| t / i);
        self.rates += change * seconds;
        self.attitude = self.attitude.turned(self.rates, seconds);
    }

    fn turn_motors(&mut self, seconds: f64) {
        let top = top_speed(self.battery.voltage());
        let mut shaft_power = 0.0;
        for motor in 0..4 {
            let drive = &self.drives[motor];
            // A motor that is stuck turns no faster than its battery lets it.
            let goal = drive.stuck.map_or(self.throttles[motor] * top, |speed| speed.min(top));
            let lag = if goal > self.speeds[motor] { LAG_UP } else { LAG_DOWN }.max(drive.lag);
            self.speeds[motor] += (goal - self.speeds[motor]) * (seconds / (lag + seconds));
            let speed = self.speeds[motor];
            shaft_power += MOMENT_CONSTANT * THRUST_CONSTANT * speed * speed * speed;
        }
        self.battery.draw(shaft_power / DRIVE_EFFICIENCY + AVIONICS_POWER, seconds);
    }
    fn rotor_thrusts(&self) -> [f64; 4] {
        std::array::from_fn(|m| {
            let share = if self.drives[m].reversed { -BACKWARDS } else { 1.0 };
            share * self.drives[m].gain * THRUST_CONSTANT * self.speeds[m] * self.speeds[m]
        })
    }
    /// Force (world) and torque (body) of the floor on the feet.
    fn floor(&self) -> (Vec3, Vec3) {
        let mut force = Vec3::ZERO;
        let mut torque = Vec3::ZERO;
        // Above this no foot reaches the floor at any attitude.
        if self.position.z < -(FOOT_DEPTH + 2.0 * FOOT_REACH) {
            return (force, torque);
        }
        for (ahead, aside) in [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)] {
            let arm = Vec3::new(ahead * FOOT_REACH, aside * FOOT_REACH, FOOT_DEPTH);
            let depth = self.position.z + self.attitude.rotate(arm).z;
            if depth <= 0.0 {
                continue;
            }
            let speed = self.velocity + self.attitude.rotate(self.rates.cross(arm));
            // A floor pushes; it never pulls.
            let push = (FOOT_SPRING * depth + FOOT_DAMPER * speed.z).max(0.0);
            let slide = speed.horizontal();
            let grip = FRICTION * push / slide.max(SLIP_SPEED);
            let foot = Vec3::new(-grip * speed.x, -grip * speed.y, -push);
            force += foot;
            torque += arm.cross(self.attitude.inverse().rotate(foot));
        }
        (force, torque)
    }
    fn net(&self, around: &Surroundings) -> Vec3 {
        let hold = |depth: f64, speed: f64| {
            if depth > 0.0 { (NET_SPRING * depth + NET_DAMPER * speed).max(0.0) } else { 0.0 }
        };
        let side = |p: f64, v: f64| hold(-around.net_side - p, -v) - hold(p - around.net_side, v);
        Vec3::new(
            side(self.position.x, self.velocity.x),
            side(self.position.y, self.velocity.y),
            hold(-around.net_height - self.position.z, -self.velocity.z),
        )
    }
}

/// Top speed of a rotor in rad/s at a battery voltage in V.
pub fn top_speed(voltage: f64) -> f64 {
    TOP_SPEED * voltage / NOMINAL_VOLTAGE
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: f64 = 1.0 / 800.0;

    fn open_air() -> Surroundings {
        Surroundings { net_height: 1e6, net_side: 1e6, wind: Vec3::ZERO }
    }
    fn aloft(height: f64) -> Quadrotor {
        let mut body = Quadrotor::parked();
        body.position.z = -height;
        body
    }
    fn fly(body: &mut Quadrotor, around: &Surroundings, seconds: f64) {
        for _ in 0..(seconds / STEP) as usize {
            body.step(STEP, around);
        }
    }
    /// Throttle at which four rotors carry the weight, at the voltage of the body's battery.
    fn hover_throttle(body: &Quadrotor) -> f64 {
        (MASS * GRAVITY / 4.0 / THRUST_CONSTANT).sqrt() / top_speed(body.battery.voltage())
    }
    fn energy(body: &Quadrotor) -> f64 {
        let spin = body.rates.zip(INERTIA, |r, i| r * r * i);
        MASS * (body.velocity.dot(body.velocity) / 2.0 - GRAVITY * body.position.z) + (spin.x + spin.y + spin.z) / 2.0
    }

    #[test]
    fn thrust_equal_to_weight_holds_it_still() {
        let mut body = aloft(5.0);
        // Sag changes the top speed, so the throttle follows the voltage, as a flight controller does.
        for _ in 0..1600 {
            let throttle = hover_throttle(&body);
            body.set_throttles([throttle; 4]);
            body.step(STEP, &open_air());
        }
        body.velocity = Vec3::ZERO;
        let height = -body.position.z;
        for _ in 0..1600 {
            let throttle = hover_throttle(&body);
            body.set_throttles([throttle; 4]);
            body.step(STEP, &open_air());
        }
        assert!((body.thrust() - MASS * GRAVITY).abs() < 0.02, "{} N", body.thrust());
        assert!((-body.position.z - height).abs() < 0.05, "from {height} to {}", -body.position.z);
        assert!(body.attitude.to_euler().norm() < 1e-9);
    }

    /// Goal: motors follow as a lag of the first order. Method: 1 - 1/e after one time constant up, 1/e after one down.
    #[test]
    fn a_motor_follows_with_its_time_constant() {
        let mut body = aloft(50.0);
        body.set_throttles([0.5; 4]);
        let share = |body: &Quadrotor| body.motor_speeds()[0] / (0.5 * top_speed(body.battery.voltage()));
        fly(&mut body, &open_air(), LAG_UP);
        // Ten steps of the implicit method stay a little behind the exponential.
        assert!((share(&body) - 0.632).abs() < 0.025, "{}", share(&body));
        fly(&mut body, &open_air(), 1.0);
        let full = body.motor_speeds()[0];
        body.set_throttles([0.0; 4]);
        fly(&mut body, &open_air(), LAG_DOWN);
        assert!((body.motor_speeds()[0] / full - 0.368).abs() < 0.015, "{}", body.motor_speeds()[0] / full);
    }

    /// Goal: the lean for a speed is the one that drag asks for. Method: held at 15 deg and 10 m/s with its weight carried, what is
    /// left of the horizontal forces must be next to nothing.
    #[test]
    fn fifteen_degrees_of_lean_carry_it_at_ten_metres_per_second() {
        let lean = 15f64.to_radians();
        let mut body = aloft(50.0);
        let mut pull = Vec3::ZERO;
        for _ in 0..400 {
            (body.velocity, body.rates) = (Vec3::new(10.0, 0.0, 0.0), Vec3::ZERO);
            body.attitude = Quat::from_euler(0.0, -lean, 0.0);
            body.set_throttles([hover_throttle(&body) / lean.cos().sqrt(); 4]);
            body.step(STEP, &open_air());
            pull = (body.velocity - Vec3::new(10.0, 0.0, 0.0)) * (1.0 / STEP);
        }
        assert!(pull.x.abs() < 0.15, "{} m/s^2 are left at 10 m/s", pull.x);
    }

    /// Goal: what hovering takes out of the battery. Method: torque times speed of four rotors, closed form; and between the ideal
    /// power of momentum theory, T^1.5 / sqrt(2 rho A), and thrice it, with the rotor of 0.1 m of RotorS.
    #[test]
    fn hovering_takes_the_power_of_its_rotors() {
        let mut body = aloft(50.0);
        for _ in 0..1600 {
            body.set_throttles([hover_throttle(&body); 4]);
            body.step(STEP, &open_air());
        }
        let thrust = MASS * GRAVITY / 4.0;
        let speed = (thrust / THRUST_CONSTANT).sqrt();
        let shaft = MOMENT_CONSTANT * thrust * speed;
        let wanted = 4.0 * shaft / DRIVE_EFFICIENCY + AVIONICS_POWER;
        let drawn = body.battery.voltage() * body.battery.current();
        assert!((drawn / wanted - 1.0).abs() < 2e-3, "{drawn} W, closed form {wanted} W");
        let disc = std::f64::consts::PI * 0.1 * 0.1;
        let ideal = thrust.powf(1.5) / (4.0 * HALF_DENSITY * disc).sqrt();
        assert!(shaft > ideal && shaft < 3.0 * ideal, "{shaft} W a rotor, ideal {ideal} W");
    }

    #[test]
    fn it_falls_as_galilei_says_while_it_is_slow() {
        let mut body = aloft(100.0);
        fly(&mut body, &open_air(), 0.5);
        let fallen = 100.0 + body.position.z;
        assert!((fallen - GRAVITY * 0.125).abs() < 0.02, "{fallen} m in half a second");
    }

    #[test]
    fn a_long_fall_ends_at_the_speed_where_drag_carries_the_weight() {
        let mut body = aloft(5000.0);
        fly(&mut body, &open_air(), 20.0);
        let terminal = (MASS * GRAVITY / (HALF_DENSITY * DRAG_AREA.z)).sqrt();
        assert!((body.velocity.z - terminal).abs() < 0.01 * terminal, "{} against {terminal}", body.velocity.z);
    }

    /// Goal: nothing but the motors adds energy. Method: thrown and tumbling with motors off, from the air to the floor and the net.
    #[test]
    fn energy_never_grows_with_the_motors_off() {
        let around = Surroundings { net_height: 10.0, net_side: 8.0, wind: Vec3::ZERO };
        let mut body = aloft(9.0);
        body.velocity = Vec3::new(9.0, -4.0, -5.0);
        body.rates = Vec3::new(3.0, -2.0, 1.0);
        let start = energy(&body);
        let mut top: f64 = start;
        for _ in 0..8000 {
            body.step(STEP, &around);
            top = top.max(energy(&body));
        }
        assert!(top <= start * 1.001, "{start} J became {top} J");
        assert!(energy(&body) < 4.0, "it came to rest: {} J", energy(&body));
    }

    #[test]
    fn the_floor_carries_it_at_rest() {
        let mut body = Quadrotor::parked();
        fly(&mut body, &open_air(), 2.0);
        assert!((body.position.z + FOOT_DEPTH).abs() < 0.001, "{}", body.position.z);
        assert!(body.velocity.norm() < 1e-3);
    }

    #[test]
    fn wind_carries_a_hovering_machine_along() {
        let mut body = aloft(50.0);
        let around = Surroundings { wind: Vec3::new(0.0, 6.0, 0.0), ..open_air() };
        for _ in 0..8000 {
            let throttle = hover_throttle(&body);
            body.set_throttles([throttle; 4]);
            body.step(STEP, &around);
        }
        assert!(body.velocity.y > 4.0 && body.velocity.y < 6.0, "{:?}", body.velocity);
    }

    /// Goal: each motor turns the body the way its place and spin say. Method: a little more throttle on one motor at a time.
    #[test]
    fn more_of_one_motor_rolls_pitches_and_yaws_as_its_place_says() {
        for (motor, (forward, right, turn)) in MOTORS.into_iter().enumerate() {
            let mut body = aloft(50.0);
            let mut throttles = [hover_throttle(&body); 4];
            throttles[motor] *= 1.1;
            body.set_throttles(throttles);
            fly(&mut body, &open_air(), 0.1);
            assert!(body.rates.x * -right > 0.0, "motor {motor} rolls away from itself: {:?}", body.rates);
            assert!(body.rates.y * forward > 0.0, "motor {motor} in front lifts the nose: {:?}", body.rates);
            assert!(body.rates.z * turn > 0.0, "motor {motor} turns against its spin: {:?}", body.rates);
        }
    }

    #[test]
    fn the_net_stops_it_before_the_hall_ends() {
        let around = Surroundings { net_height: 10.0, net_side: 8.0, wind: Vec3::ZERO };
        let mut body = aloft(5.0);
        body.velocity.x = 6.0;
        let mut farthest: f64 = 0.0;
        for _ in 0..800 {
            body.step(STEP, &around);
            farthest = farthest.max(body.position.x);
        }
        assert!(farthest < 9.0, "{farthest} m");
    }
}
