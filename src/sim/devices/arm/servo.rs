//! The program that moves the arm: where the tool shall be, and what torques bring it there. SI units.

use crate::sim::world::arm::Arm;

/// What the drives can give, in N m: our own, for an arm that bears 15 kg beside its own weight.
const TORQUE_MAX: [f64; 2] = [160.0, 80.0];
/// N m/rad and N m s/rad of the loop of each joint: our own; at nine tenths of the damping that never swings, with the
/// arm stretched.
const STIFFNESS: [f64; 2] = [3_000.0, 1_500.0];
const DAMPING: [f64; 2] = [100.0, 22.0];
/// m/s^2 along the way, and when it stops: our own.
const GOES: f64 = 1.0;
const STOPS: f64 = 2.0;
/// Under a hold it gives way to what it presses on beyond this, in N, at so many m/s per N.
const BEARS: f64 = 5.0;
const YIELDS: f64 = 0.000_5;
/// How long, in s, it hands the weight over to brakes that close under control, so that nothing sinks: ours.
const HANDS_OVER: f64 = 0.1;

/// What it does; the numbers are those of `proto/arm.proto`.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    Parked = 0,
    Ready = 1,
    Moving = 2,
    Held = 3,
    Stopping = 4,
}

/// What is wrong with a joint's drive.
#[derive(Copy, Clone, PartialEq, Debug)]
pub(super) struct Drive {
    /// How much of the torque it gives.
    pub(super) gain: f64,
    /// It lags behind by this, in s.
    pub(super) lag: f64,
    /// It gives always the same: this share of its most, or (`None`) what it gave when it stuck.
    pub(super) stuck: Option<Option<f64>>,
}

impl Drive {
    pub(super) const SOUND: Drive = Drive { gain: 1.0, lag: 0.0, stuck: None };
}

/// The program and its drives.
pub(super) struct Servo {
    mode: Mode,
    /// A stop ends with closed brakes.
    brakes: bool,
    /// How long it still shares the weight with the closed brakes, in s.
    sharing: Option<f64>,
    /// Where the tool shall be now, and the angles there.
    at: [f64; 2],
    angles: [f64; 2],
    way: [f64; 2],
    speed: f64,
    pace: f64,
    pub(super) drives: [Drive; 2],
    given: [f64; 2],
}

impl Servo {
    /// Without power.
    pub(super) fn new() -> Servo {
        Servo {
            mode: Mode::Parked,
            brakes: false,
            sharing: None,
            at: [0.0; 2],
            angles: [0.0; 2],
            way: [0.0; 2],
            speed: 0.0,
            pace: 0.0,
            drives: [Drive::SOUND; 2],
            given: [0.0; 2],
        }
    }
    pub(super) fn mode(&self) -> Mode {
        self.mode
    }
    /// Whether the brakes shall be closed.
    pub(super) fn brakes(&self) -> bool {
        self.mode == Mode::Parked || self.sharing.is_some()
    }
    /// What the drives give, in N m.
    pub(super) fn given(&self) -> [f64; 2] {
        self.given
    }
    /// Power on, to stay where the arm is.
    pub(super) fn enable(&mut self, arm: &Arm) -> Result<(), &'static str> {
        match self.mode {
            Mode::Parked => {
                (self.at, self.angles) = (arm.tool(), arm.angles);
                self.mode = Mode::Ready;
            }
            Mode::Held => self.mode = Mode::Ready,
            Mode::Ready => {}
            Mode::Moving | Mode::Stopping => return Err("it is moving"),
        }
        self.pace = 0.0;
        Ok(())
    }
    /// Straight to a place.
    pub(super) fn go(&mut self, to: [f64; 2], speed: f64, arm: &Arm) -> Result<(), &'static str> {
        if self.mode != Mode::Ready {
            return Err("it is not ready");
        }
        // Between two such places every place is in reach.
        if to[0] < 0.15 || libm::hypot(to[0], to[1]) > 0.73 || arm.reach(to).is_none() {
            return Err("it is out of reach");
        }
        if !(0.001..=0.5).contains(&speed) {
            return Err("it goes at 1 mm/s to 500 mm/s");
        }
        (self.way, self.speed, self.mode) = (to, speed, Mode::Moving);
        Ok(())
    }
    /// To rest under control, and then, if `brakes`, without power. What was to be braked is never merely held.
    pub(super) fn stop(&mut self, brakes: bool) {
        match self.mode {
            Mode::Parked => {}
            Mode::Stopping => self.brakes |= brakes,
            Mode::Held if !brakes => {}
            Mode::Ready | Mode::Moving | Mode::Held => {
                if self.mode != Mode::Moving {
                    self.way = self.at;
                }
                (self.mode, self.brakes) = (Mode::Stopping, brakes);
            }
        }
    }
    /// The power is gone.
    pub(super) fn off(&mut self) {
        (self.mode, self.pace, self.given, self.sharing) = (Mode::Parked, 0.0, [0.0; 2], None);
    }

    /// Moves on the place where the tool shall be.
    fn plan(&mut self, arm: &Arm, step: f64) {
        let apart = [self.way[0] - self.at[0], self.way[1] - self.at[1]];
        let left = libm::hypot(apart[0], apart[1]);
        match self.mode {
            Mode::Moving => {
                let wanted = self.speed.min((2.0 * GOES * left).sqrt());
                self.pace = (self.pace + GOES * step).min(wanted);
            }
            Mode::Stopping => self.pace = (self.pace - STOPS * step).max(0.0),
            Mode::Held if arm.force() > BEARS => {
                self.at[0] -= YIELDS * arm.force() * step;
                return;
            }
            Mode::Parked | Mode::Ready | Mode::Held => return,
        }
        if left <= self.pace * step || left < 1e-6 {
            (self.at, self.pace) = (self.way, 0.0);
            if self.mode == Mode::Moving {
                self.mode = Mode::Ready;
            }
        } else {
            self.at = std::array::from_fn(|i| self.at[i] + apart[i] / left * self.pace * step);
        }
        if self.mode == Mode::Stopping && self.pace == 0.0 {
            if self.brakes {
                self.sharing.get_or_insert(HANDS_OVER);
            } else {
                self.mode = Mode::Held;
            }
        }
    }

    /// What the drives give in the next step.
    pub(super) fn torques(&mut self, arm: &Arm, step: f64) -> [f64; 2] {
        match &mut self.sharing {
            Some(left) if *left > 0.0 => *left -= step,
            Some(_) => self.off(),
            None => self.plan(arm, step),
        }
        let share = self.sharing.map_or(1.0, |left| (left / HANDS_OVER).max(0.0));
        if self.mode == Mode::Parked {
            return [0.0; 2];
        }
        let before = self.angles;
        self.angles = arm.reach(self.at).unwrap_or(before);
        let weight = arm.gravity(arm.angles);
        for joint in 0..2 {
            let speed = (self.angles[joint] - before[joint]) / step;
            let wanted = weight[joint]
                + STIFFNESS[joint] * (self.angles[joint] - arm.angles[joint])
                + DAMPING[joint] * (speed - arm.speeds[joint]);
            let (most, drive) = (TORQUE_MAX[joint], self.drives[joint]);
            let wanted = share * drive.gain * wanted.clamp(-most, most);
            let given = &mut self.given[joint];
            match drive.stuck {
                Some(Some(share)) => *given = share * most,
                Some(None) => {}
                None if drive.lag > step => *given += (wanted - *given) * step / drive.lag,
                None => *given = wanted,
            }
        }
        self.given
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::world::arm::Links;

    /// Goal: the loops are damped as declared. Method: closed form c / (2 sqrt(k I)) with the inertia of the stretched arm about each
    /// joint, by Steiner's theorem.
    #[test]
    fn the_loops_are_damped_at_nine_tenths_with_the_arm_stretched() {
        let Links { lengths, masses, centres, inertias, .. } = Links::rods();
        let about = |joint: usize, arm: f64| inertias[joint] + masses[joint] * arm * arm;
        let stretched = [about(0, centres[0]) + about(1, lengths[0] + centres[1]), about(1, centres[1])];
        for (joint, inertia) in stretched.into_iter().enumerate() {
            let ratio = DAMPING[joint] / (2.0 * (STIFFNESS[joint] * inertia).sqrt());
            assert!((ratio - 0.9).abs() < 0.05, "joint {joint}: {ratio}");
        }
    }
}
