//! An arm of two links in a vertical plane: joints with torque, friction and brakes, and a tool that may press on a surface.
//!
//! The equations of motion are those of the planar elbow manipulator (Spong, Hutchinson and Vidyasagar, "Robot Modeling and
//! Control", 2006, section 7.3). Angles in rad: the upper arm from the horizontal, the forearm from the upper arm, upwards.

/// m/s^2; by definition (standard gravity).
pub const GRAVITY: f64 = 9.80665;
/// s; the steps of the physics, our own.
const STEP: f64 = 0.000_5;

/// What the arm is made of; of the shoulder's link and the elbow's. SI.
#[derive(Clone, PartialEq, Debug)]
pub struct Links {
    pub lengths: [f64; 2],
    pub masses: [f64; 2],
    /// From the joint to the centre of mass.
    pub centres: [f64; 2],
    /// About the centre of mass.
    pub inertias: [f64; 2],
    /// N m s/rad.
    pub friction: [f64; 2],
    /// What a closed brake holds, in N m, before it slips.
    pub brakes: [f64; 2],
}

impl Links {
    /// Uniform rods of 0.4 m and 4 kg, and 0.35 m and 2.5 kg, tool and all: our own, of the size of a small collaborative robot.
    /// Friction and what the brakes hold are our own too; the brakes bear twice the weight of the stretched arm and more.
    pub fn rods() -> Links {
        let (lengths, masses) = ([0.4, 0.35], [4.0, 2.5]);
        Links {
            lengths,
            masses,
            centres: [0.2, 0.175],
            inertias: [rod(masses[0], lengths[0]), rod(masses[1], lengths[1])],
            friction: [0.5, 0.2],
            brakes: [120.0, 60.0],
        }
    }
}

/// A rod about its centre of mass.
pub fn rod(mass: f64, length: f64) -> f64 {
    mass * length * length / 12.0
}

/// A wall across the arm's way.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Surface {
    /// How far in front of the shoulder, in m.
    pub x: f64,
    /// N/m.
    pub stiffness: f64,
    /// N s/m.
    pub damping: f64,
}

impl Surface {
    /// The fixture of the cell. It yields as the ball of a hand does, 75 N/mm (ISO/TS 15066, table A.3; from memory), so that
    /// what is measured on it is what a hand would bear; the damping is our own.
    pub const FIXTURE: Surface = Surface { x: 0.6, stiffness: 75_000.0, damping: 150.0 };
}

/// A closed brake is a stiff spring that slips: N m/rad and N m s/rad, our own.
const BRAKE: (f64, f64) = (50_000.0, 60.0);

/// The arm.
#[derive(Clone, PartialEq, Debug)]
pub struct Arm {
    links: Links,
    surface: Option<Surface>,
    pub angles: [f64; 2],
    pub speeds: [f64; 2],
    /// Where a closed brake took hold of its joint.
    held: [Option<f64>; 2],
}

impl Arm {
    /// An arm at rest at these angles, its brakes open.
    pub fn new(links: Links, surface: Option<Surface>, angles: [f64; 2]) -> Arm {
        Arm { links, surface, angles, speeds: [0.0; 2], held: [None; 2] }
    }
    /// Closes or opens the brake of a joint.
    pub fn brake(&mut self, joint: usize, closed: bool) {
        self.held[joint] = match (closed, self.held[joint]) {
            (true, None) => Some(self.angles[joint]),
            (true, at) => at,
            (false, _) => None,
        };
    }
    /// Whether the brake of a joint is closed.
    pub fn is_braked(&self, joint: usize) -> bool {
        self.held[joint].is_some()
    }
    /// Goes on by some time, a multiple of half a millisecond; `drive` is asked at every step what torques the drives give.
    pub fn run(&mut self, seconds: f64, mut drive: impl FnMut(&Arm, f64) -> [f64; 2]) {
        for _ in 0..(seconds / STEP).round() as usize {
            let torques = drive(self, STEP);
            self.step(torques);
        }
    }

    /// One step of the classical Runge-Kutta method.
    fn step(&mut self, torques: [f64; 2]) {
        let rate = |angles: [f64; 2], speeds: [f64; 2]| (speeds, self.accelerations(angles, speeds, torques));
        let along = |from: [f64; 2], rate: [f64; 2], by: f64| [from[0] + by * rate[0], from[1] + by * rate[1]];
        let (a, v) = (self.angles, self.speeds);
        let k1 = rate(a, v);
        let k2 = rate(along(a, k1.0, STEP / 2.0), along(v, k1.1, STEP / 2.0));
        let k3 = rate(along(a, k2.0, STEP / 2.0), along(v, k2.1, STEP / 2.0));
        let k4 = rate(along(a, k3.0, STEP), along(v, k3.1, STEP));
        let mean = |i: usize| {
            let of = |k: [[f64; 2]; 4]| (k[0][i] + 2.0 * k[1][i] + 2.0 * k[2][i] + k[3][i]) / 6.0;
            (of([k1.0, k2.0, k3.0, k4.0]), of([k1.1, k2.1, k3.1, k4.1]))
        };
        let angles = std::array::from_fn(|i| a[i] + STEP * mean(i).0);
        let speeds = std::array::from_fn(|i| v[i] + STEP * mean(i).1);
        (self.angles, self.speeds) = (angles, speeds);
        for joint in 0..2 {
            if let Some(at) = &mut self.held[joint] {
                // Beyond what it holds it slips, and holds on from there.
                let room = self.links.brakes[joint] / BRAKE.0;
                *at = at.clamp(self.angles[joint] - room, self.angles[joint] + room);
            }
        }
    }

    fn accelerations(&self, angles: [f64; 2], speeds: [f64; 2], torques: [f64; 2]) -> [f64; 2] {
        let Links { lengths, masses, centres, inertias, friction, brakes } = &self.links;
        let (sin, cos) = (libm::sin(angles[1]), libm::cos(angles[1]));
        let far = masses[1] * lengths[0] * centres[1];
        let m22 = inertias[1] + masses[1] * centres[1] * centres[1];
        let m12 = m22 + far * cos;
        let m11 = inertias[0]
            + masses[0] * centres[0] * centres[0]
            + masses[1] * lengths[0] * lengths[0]
            + m22
            + 2.0 * far * cos;
        let turning =
            [-far * sin * (2.0 * speeds[0] * speeds[1] + speeds[1] * speeds[1]), far * sin * speeds[0] * speeds[0]];
        let gravity = self.gravity(angles);
        let (force, jacobian) = (self.force_at(angles, speeds), self.jacobian(angles));
        let mut net = [0.0; 2];
        for joint in 0..2 {
            let brake = self.held[joint].map_or(0.0, |at| {
                let pull = BRAKE.0 * (at - angles[joint]) - BRAKE.1 * speeds[joint];
                pull.clamp(-brakes[joint], brakes[joint])
            });
            // The surface pushes the tool backwards.
            let pushed = -force * jacobian[0][joint];
            net[joint] =
                torques[joint] + brake + pushed - turning[joint] - gravity[joint] - friction[joint] * speeds[joint];
        }
        let determinant = m11 * m22 - m12 * m12;
        [(m22 * net[0] - m12 * net[1]) / determinant, (m11 * net[1] - m12 * net[0]) / determinant]
    }

    /// The torques that hold the arm at rest at these angles, in N m.
    pub fn gravity(&self, angles: [f64; 2]) -> [f64; 2] {
        let Links { lengths, masses, centres, .. } = &self.links;
        let (upper, fore) = (libm::cos(angles[0]), libm::cos(angles[0] + angles[1]));
        let elbow = masses[1] * centres[1] * GRAVITY * fore;
        [(masses[0] * centres[0] + masses[1] * lengths[0]) * GRAVITY * upper + elbow, elbow]
    }
    /// Where the tool is, in m from the shoulder: forwards and upwards.
    pub fn tool(&self) -> [f64; 2] {
        self.tool_at(self.angles)
    }
    fn tool_at(&self, angles: [f64; 2]) -> [f64; 2] {
        let [upper, fore] = self.links.lengths;
        let sum = angles[0] + angles[1];
        [upper * libm::cos(angles[0]) + fore * libm::cos(sum), upper * libm::sin(angles[0]) + fore * libm::sin(sum)]
    }
    /// How the tool moves with each joint: rows forwards and upwards, columns shoulder and elbow.
    pub fn jacobian(&self, angles: [f64; 2]) -> [[f64; 2]; 2] {
        let fore = self.links.lengths[1];
        let [x, y] = self.tool_at(angles);
        let sum = angles[0] + angles[1];
        [[-y, -fore * libm::sin(sum)], [x, fore * libm::cos(sum)]]
    }
    /// How fast the tool is, in m/s: forwards and upwards.
    pub fn tool_speed(&self) -> [f64; 2] {
        let [forwards, upwards] = self.jacobian(self.angles);
        let along = |row: [f64; 2]| row[0] * self.speeds[0] + row[1] * self.speeds[1];
        [along(forwards), along(upwards)]
    }
    /// With what force the tool presses, in N.
    pub fn force(&self) -> f64 {
        self.force_at(self.angles, self.speeds)
    }
    fn force_at(&self, angles: [f64; 2], speeds: [f64; 2]) -> f64 {
        let Some(surface) = &self.surface else { return 0.0 };
        let depth = self.tool_at(angles)[0] - surface.x;
        if depth <= 0.0 {
            return 0.0;
        }
        let row = self.jacobian(angles)[0];
        let pace = row[0] * speeds[0] + row[1] * speeds[1];
        // A surface pushes and never pulls.
        (surface.stiffness * depth + surface.damping * pace).max(0.0)
    }
    /// The angles at which the tool is there, the elbow above; `None` out of reach.
    pub fn reach(&self, tool: [f64; 2]) -> Option<[f64; 2]> {
        let [upper, fore] = self.links.lengths;
        let square = tool[0] * tool[0] + tool[1] * tool[1];
        let cos = (square - upper * upper - fore * fore) / (2.0 * upper * fore);
        if !(-1.0..=1.0).contains(&cos) {
            return None;
        }
        let elbow = -libm::acos(cos);
        let shoulder =
            libm::atan2(tool[1], tool[0]) - libm::atan2(fore * libm::sin(elbow), upper + fore * libm::cos(elbow));
        Some([shoulder, elbow])
    }
    /// Energy of motion and height, in J.
    #[cfg(test)]
    fn energy(&self) -> f64 {
        let Links { lengths, masses, centres, inertias, .. } = &self.links;
        let (q, v) = (self.angles, self.speeds);
        let fore = v[0] + v[1];
        let far = lengths[0] * centres[1] * libm::cos(q[1]) * v[0] * fore;
        let squares = lengths[0] * lengths[0] * v[0] * v[0] + centres[1] * centres[1] * fore * fore + 2.0 * far;
        let moving = inertias[0] * v[0] * v[0]
            + masses[0] * centres[0] * centres[0] * v[0] * v[0]
            + inertias[1] * fore * fore
            + masses[1] * squares;
        let heights = masses[0] * centres[0] * libm::sin(q[0])
            + masses[1] * (lengths[0] * libm::sin(q[0]) + centres[1] * libm::sin(q[0] + q[1]));
        moving / 2.0 + GRAVITY * heights
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::{FRAC_PI_2, TAU};

    fn free() -> Links {
        Links { friction: [0.0; 2], ..Links::rods() }
    }

    /// Goal: the free single link is a pendulum. Method: one rod, its forearm of nothing, swings from a small angle for ten periods
    /// of T = 2 pi sqrt(2 l / 3 g), the closed form of a rod hung by its end, with the first term of the finite swing.
    #[test]
    fn a_single_free_link_swings_in_the_period_of_a_rod() {
        let links = Links {
            lengths: [0.4, 0.01],
            masses: [4.0, 1e-9],
            centres: [0.2, 0.0],
            inertias: [rod(4.0, 0.4), 1e-9],
            friction: [0.0; 2],
            brakes: [0.0, 60.0],
        };
        let swing = 0.05;
        let mut arm = Arm::new(links, None, [-FRAC_PI_2 + swing, 0.0]);
        let (mut at, mut crossings) = (0.0, Vec::new());
        let mut before = swing;
        arm.run(12.0, |arm, step| {
            let now = arm.angles[0] + FRAC_PI_2;
            if before < 0.0 && now >= 0.0 {
                crossings.push(at - step * now / (now - before));
            }
            (before, at) = (now, at + step);
            [0.0; 2]
        });
        let measured = (crossings[10] - crossings[0]) / 10.0;
        let closed = TAU * (2.0 * 0.4 / (3.0 * GRAVITY)).sqrt() * (1.0 + swing * swing / 16.0);
        assert!((measured / closed - 1.0).abs() < 1e-6, "{measured} s, closed form {closed} s");
    }

    /// Goal: the coupled arm loses no energy. Method: both links fall freely from the horizontal for five seconds, a chaotic motion.
    #[test]
    fn two_free_links_keep_their_energy() {
        let mut arm = Arm::new(free(), None, [0.0, 0.5]);
        let before = arm.energy();
        arm.run(5.0, |_, _| [0.0; 2]);
        assert!((arm.energy() - before).abs() < 1e-4, "{before} J, then {} J", arm.energy());
        assert!(arm.speeds[0].abs() + arm.speeds[1].abs() > 0.5, "it moves");
    }

    /// Goal: static torque under gravity. Method: the stretched arm wants m1 g l1/2 + m2 g (l1 + l2/2) at the shoulder and m2 g l2/2
    /// at the elbow; with these torques it stays, and with the brakes closed it stays without.
    #[test]
    fn the_stretched_arm_is_held_by_the_torques_of_its_weight() {
        let wanted = [4.0 * GRAVITY * 0.2 + 2.5 * GRAVITY * 0.575, 2.5 * GRAVITY * 0.175];
        let mut arm = Arm::new(free(), None, [0.0, 0.0]);
        let given = arm.gravity([0.0, 0.0]);
        assert!((0..2).all(|i| (given[i] - wanted[i]).abs() < 1e-12), "{given:?}, {wanted:?}");
        arm.run(1.0, |_, _| wanted);
        assert!(arm.angles.iter().all(|angle| angle.abs() < 1e-9), "{:?}", arm.angles);
        (0..2).for_each(|joint| arm.brake(joint, true));
        arm.run(1.0, |_, _| [0.0; 2]);
        for (angle, torque) in arm.angles.iter().zip(wanted) {
            let sag = -torque / BRAKE.0;
            assert!((angle - sag).abs() < 1e-6, "{angle} rad for {sag}");
        }
    }

    #[test]
    fn a_brake_slips_beyond_what_it_holds() {
        let mut arm = Arm::new(Links { brakes: [20.0, 60.0], ..Links::rods() }, None, [0.0, 0.0]);
        (0..2).for_each(|joint| arm.brake(joint, true));
        arm.run(1.0, |_, _| [0.0; 2]);
        assert!(arm.angles[0] < -0.2, "the shoulder gives way: {}", arm.angles[0]);
        assert!(arm.is_braked(0) && arm.is_braked(1));
    }

    /// Goal: contact at rest is J^T F = torque - weight. Method: constant torques press on the surface until all is at rest.
    #[test]
    fn what_presses_is_what_the_torques_leave_over() {
        let mut arm = Arm::new(Links { friction: [8.0, 4.0], ..Links::rods() }, Some(Surface::FIXTURE), [0.0; 2]);
        let pose = arm.reach([0.6, 0.2]).expect("in reach");
        arm.angles = pose;
        // A hundred newtons forwards, and a stiff hold of the height, which bears nothing of them at rest.
        let target = arm.tool()[1];
        arm.run(3.0, |arm, _| {
            let [forwards, upwards] = arm.jacobian(arm.angles);
            let weight = arm.gravity(arm.angles);
            let lift = 20_000.0 * (target - arm.tool()[1]);
            std::array::from_fn(|i| weight[i] + 100.0 * forwards[i] + lift * upwards[i])
        });
        assert!((arm.force() - 100.0).abs() < 1e-3, "{} N", arm.force());
        assert!((arm.tool()[0] - 0.6 - 100.0 / 75_000.0).abs() < 1e-7);
        assert_eq!(Arm::new(Links::rods(), Some(Surface::FIXTURE), [1.0, -0.5]).force(), 0.0);
    }

    #[test]
    fn where_the_tool_shall_be_there_it_is() {
        let arm = Arm::new(Links::rods(), None, [0.0; 2]);
        for tool in [[0.4, 0.2], [0.6, -0.2], [0.3, 0.5], [0.7, 0.0]] {
            let there = Arm::new(Links::rods(), None, arm.reach(tool).expect("in reach")).tool();
            assert!((0..2).all(|i| (there[i] - tool[i]).abs() < 1e-12), "{tool:?}: {there:?}");
        }
        assert!(arm.reach([0.8, 0.0]).is_none() && arm.reach([0.01, 0.0]).is_none());
    }
}
