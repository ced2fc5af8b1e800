//! What the flight controller decides: modes, arming, take-off and landing, failsafes. As ArduPilot's Copter behaves, seen from
//! the wire, with one difference: while it takes off it does not listen to position targets (Copter breaks the take-off off).

use super::control::{Demand, Motors};
use super::params::{Param, Params};
use super::sensors::Estimate;
use crate::sim::world::space::Vec3;
use crate::time::{Span, Time};

/// The estimator needs this long after power-up before it can be trusted.
const SETTLING: Span = Span::from_secs(2);
/// A take-off is over this near to its height, in m.
const TAKEOFF_NEAR: f64 = 0.25;
/// Slower than this, in m/s, while told to sink: perhaps on the ground.
const STILL: f64 = 0.15;
/// Less thrust than this share of hover while still: the ground carries the rest.
const CARRIED: f64 = 0.75;
/// So long still and carried, the motors idle; so long, it has landed.
const TOUCHDOWN: Span = Span::from_millis(400);
const LANDED: Span = Span::from_millis(1_000);
/// Higher than this, in m, it flies.
const FLYING: f64 = 0.25;
/// More tilt than this, in rad, for [`CRASHED`] cannot be flight (ArduPilot: 30 deg off what was asked, for 2 s).
const CRASH_TILT: f64 = 1.22;
const CRASHED: Span = Span::from_secs(2);
/// Without a fix for this long, its position is no more to be relied on (ArduPilot's EKF failsafe acts on variances that have
/// been too great for 1 s, and lands).
const LOST_AFTER: Span = Span::from_secs(1);
/// So far beyond its fence, in m, it does not try to come home any more (ArduPilot's fence page: 100 m).
const GIVEN_UP: f64 = 100.0;
/// `FENCE_BREACH_MAXALT` and `FENCE_BREACH_BOUNDARY`.
const BREACH_CEILING: u8 = 2;
const BREACH_BOUNDARY: u8 = 3;
/// Assumed deceleration when a place to stop is worked out, in m/s^2.
const BRAKE: f64 = 4.0;
/// `param2` of a disarm command that is obeyed in flight too.
pub const FORCE: f64 = 21196.0;

/// Flight modes, by their numbers on the wire.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Mode {
    Stabilize = 0,
    Guided = 4,
    Rtl = 6,
    Land = 9,
}

impl Mode {
    /// The mode of that number.
    pub fn of(number: f64) -> Option<Mode> {
        [Mode::Stabilize, Mode::Guided, Mode::Rtl, Mode::Land].into_iter().find(|m| *m as u8 as f64 == number)
    }
}

/// `MAV_RESULT`: how a command was taken.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    Accepted = 0,
    TemporarilyRejected = 1,
    Denied = 2,
    Unsupported = 3,
    Failed = 4,
}

/// `MAV_SEVERITY` of what it says in words.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Severity {
    Critical = 2,
    Warning = 4,
    Info = 6,
}

/// `MAV_LANDED_STATE`.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Landed {
    OnGround = 1,
    InAir = 2,
    TakingOff = 3,
    Landing = 4,
}

/// What the guided mode is at.
#[derive(Copy, Clone, PartialEq, Debug)]
enum Guided {
    /// Nothing was asked yet.
    Waiting,
    TakingOff {
        hold: (f64, f64),
        down: f64,
    },
    Target {
        target: Target,
        heard: Time,
    },
}

/// A position target as the wire gives it, parts that are ignored left out.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Target {
    /// m, NED from home.
    pub position: Option<Vec3>,
    /// m/s, NED.
    pub velocity: Option<Vec3>,
    /// rad
    pub yaw: Option<f64>,
}

/// The deciding part of one flight controller, since its last power-up.
#[derive(Clone, Debug)]
pub struct Autopilot {
    booted: Time,
    mode: Mode,
    armed: bool,
    guided: Guided,
    /// Where landing and holding keep to, north and east in m.
    hold: (f64, f64),
    /// While returning: at home, on the way down.
    home_reached: bool,
    yaw: f64,
    landed: bool,
    /// On the ground and armed since.
    grounded: Option<Time>,
    /// Still and carried since.
    still: Option<Time>,
    tilted: Option<Time>,
    ground_heard: Option<Time>,
    ground_lost: bool,
    /// Without a fix since.
    unfixed: Option<Time>,
    position_lost: bool,
    battery_stage: BatteryStage,
    fence: Fence,
    texts: Vec<(Severity, String)>,
}

/// How the machine stands to its fence.
#[derive(Copy, Clone, PartialEq, Debug, Default)]
pub struct Fence {
    /// Which part it is beyond, as `FENCE_BREACH` numbers them; 0: none.
    pub breach: u8,
    /// How often it went beyond.
    pub count: u16,
    /// When it last did.
    pub at: Option<Time>,
}

#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum BatteryStage {
    Good,
    Low,
    Critical,
}

impl Autopilot {
    /// As it is right after power-up.
    pub fn new(booted: Time) -> Autopilot {
        Autopilot {
            booted,
            mode: Mode::Stabilize,
            armed: false,
            guided: Guided::Waiting,
            hold: (0.0, 0.0),
            home_reached: false,
            yaw: 0.0,
            landed: true,
            grounded: None,
            still: None,
            tilted: None,
            ground_heard: None,
            ground_lost: false,
            unfixed: None,
            position_lost: false,
            battery_stage: BatteryStage::Good,
            fence: Fence::default(),
            texts: Vec::new(),
        }
    }
    /// The present mode.
    pub fn mode(&self) -> Mode {
        self.mode
    }
    /// True while the motors may turn.
    pub fn armed(&self) -> bool {
        self.armed
    }
    /// How it stands to its fence.
    pub fn fence(&self) -> Fence {
        self.fence
    }
    /// True while a failsafe is in force.
    pub fn in_failsafe(&self) -> bool {
        self.ground_lost || self.position_lost || self.battery_stage > BatteryStage::Good
    }
    /// What it believes of ground and air.
    pub fn landed(&self) -> Landed {
        match (self.landed, self.mode, self.guided) {
            (true, ..) => Landed::OnGround,
            (false, Mode::Guided, Guided::TakingOff { .. }) => Landed::TakingOff,
            (false, Mode::Land, _) => Landed::Landing,
            (false, Mode::Rtl, _) if self.home_reached => Landed::Landing,
            _ => Landed::InAir,
        }
    }
    /// True once the estimator can be trusted.
    pub fn settled(&self, at: Time) -> bool {
        at.since(self.booted) >= SETTLING
    }
    /// What it has to say in words since the last call.
    pub fn take_texts(&mut self) -> Vec<(Severity, String)> {
        std::mem::take(&mut self.texts)
    }

    /// The ground's heartbeat came.
    pub fn ground_heard(&mut self, at: Time) {
        self.ground_heard = Some(at);
        if self.ground_lost {
            self.ground_lost = false;
            self.say(Severity::Info, "ground heard again; mode stays".to_owned());
        }
    }
    /// Somebody asks to arm.
    pub fn arm(&mut self, at: Time, now: &Estimate, params: &Params, force: bool) -> Answer {
        if self.armed {
            return Answer::Accepted;
        }
        if !self.settled(at) {
            self.say(Severity::Critical, "Arm: estimator is not settled yet".to_owned());
            return Answer::TemporarilyRejected;
        }
        if params.get(Param::ArmingCheck) != 0.0
            && !force
            && let Some(why) = self.arming_fault(now, params)
        {
            self.say(Severity::Critical, format!("Arm: {why}"));
            return Answer::Failed;
        }
        self.armed = true;
        self.landed = true;
        self.grounded = Some(at);
        self.guided = Guided::Waiting;
        self.hold = (now.position.x, now.position.y);
        self.yaw = now.yaw();
        self.say(Severity::Info, "Arming motors".to_owned());
        Answer::Accepted
    }
    /// Somebody asks to disarm: refused in the air unless forced.
    pub fn disarm(&mut self, force: bool) -> Answer {
        if self.armed && !self.landed && !force {
            self.say(Severity::Warning, "Disarm refused: in flight".to_owned());
            return Answer::Failed;
        }
        self.stop_motors("Disarming motors");
        Answer::Accepted
    }
    /// Motors off, wherever it is.
    pub fn terminate(&mut self) -> Answer {
        self.say(Severity::Critical, "Flight terminated".to_owned());
        self.stop_motors("Disarming motors");
        Answer::Accepted
    }
    /// Somebody asks for a mode.
    pub fn set_mode(&mut self, mode: Mode, at: Time, now: &Estimate) -> Answer {
        if mode != Mode::Stabilize && !self.settled(at) {
            self.say(Severity::Warning, format!("Mode {mode:?} refused: needs a position"));
            return Answer::Failed;
        }
        self.enter(mode, now);
        Answer::Accepted
    }
    /// Somebody asks to take off to `altitude` m over home.
    pub fn take_off(&mut self, altitude: f64, now: &Estimate) -> Answer {
        // Written so that an altitude that is not a number is refused too.
        let sensible = altitude > 0.0 && altitude > now.altitude();
        if !self.armed || self.mode != Mode::Guided || !self.landed || !sensible {
            return Answer::Failed;
        }
        self.guided = Guided::TakingOff { hold: (now.position.x, now.position.y), down: -altitude };
        self.yaw = now.yaw();
        Answer::Accepted
    }
    /// A position target came; it counts in flight in GUIDED alone, and after the take-off.
    pub fn steer(&mut self, target: Target, at: Time) {
        if self.mode != Mode::Guided || self.landed || matches!(self.guided, Guided::TakingOff { .. }) {
            return;
        }
        let finite = |v: Vec3| v.x.is_finite() && v.y.is_finite() && v.z.is_finite();
        if !target.position.is_none_or(finite) || !target.velocity.is_none_or(finite) {
            return;
        }
        if let Some(yaw) = target.yaw.filter(|y| y.is_finite()) {
            self.yaw = yaw;
        }
        self.guided = Guided::Target { target, heard: at };
    }

    /// One turn: failsafes, ground, and what the motors shall do. `thrust`: asked for last, as a share of what hovers.
    pub fn step(&mut self, at: Time, now: &Estimate, thrust: f64, params: &Params) -> Motors {
        self.watch_battery(now, params);
        if !self.armed {
            self.still = None;
            return Motors::Off;
        }
        self.watch_ground(at, now, params);
        self.watch_position(at, now);
        self.watch_tilt(at, now);
        self.watch_fence(at, now, params);
        self.watch_landing(at, now, thrust, params);
        if !self.armed {
            return Motors::Off;
        }
        match self.mode {
            // No stick ever says anything on this machine: throttle stays at zero.
            Mode::Stabilize => Motors::Idle,
            Mode::Guided => self.fly_guided(at, now, params),
            Mode::Rtl => self.fly_home(at, now, params),
            Mode::Land => self.sink(at, params),
        }
    }

    fn arming_fault(&self, now: &Estimate, params: &Params) -> Option<String> {
        let needed = params.charge_share(Param::ArmCharge);
        if !matches!(self.mode, Mode::Stabilize | Mode::Guided) {
            Some(format!("mode {:?} cannot be armed", self.mode))
        } else if now.charge < needed {
            Some(format!("battery at {:.0} %, needs {:.0} %", now.charge * 100.0, needed * 100.0))
        } else if self.mode == Mode::Guided && !now.fix {
            Some("needs a position".to_owned())
        } else if tilt(now) > 0.35 {
            Some("leaning".to_owned())
        } else if now.velocity.norm() > 0.5 {
            Some("moving".to_owned())
        } else {
            None
        }
    }
    fn say(&mut self, severity: Severity, text: String) {
        self.texts.push((severity, text));
    }
    fn stop_motors(&mut self, text: &str) {
        if self.armed {
            self.say(Severity::Info, text.to_owned());
        }
        self.armed = false;
        self.landed = true;
        self.grounded = None;
        self.guided = Guided::Waiting;
    }
    fn enter(&mut self, mode: Mode, now: &Estimate) {
        // Where it comes to a stop when it brakes now.
        let stop = |p: f64, v: f64| p + v * (now.velocity.horizontal() / (2.0 * BRAKE) + 0.15);
        if mode != self.mode {
            self.hold = (stop(now.position.x, now.velocity.x), stop(now.position.y, now.velocity.y));
            self.yaw = now.yaw();
            self.home_reached = false;
            self.still = None;
            let place = Vec3::new(self.hold.0, self.hold.1, now.position.z);
            self.guided = match (mode, self.landed) {
                (Mode::Guided, false) => {
                    let target = Target { position: Some(place), velocity: None, yaw: None };
                    Guided::Target { target, heard: Time::MAX }
                }
                _ => Guided::Waiting,
            };
        }
        self.mode = mode;
    }
    fn watch_battery(&mut self, now: &Estimate, params: &Params) {
        let stage = if now.charge <= params.charge_share(Param::CriticalCharge) {
            BatteryStage::Critical
        } else if now.charge <= params.charge_share(Param::LowCharge) {
            BatteryStage::Low
        } else {
            BatteryStage::Good
        };
        // A pack does not recover in flight; a fresh one on the ground clears the failsafe.
        if stage < self.battery_stage && !self.armed {
            self.battery_stage = stage;
        }
        if stage <= self.battery_stage {
            return;
        }
        self.battery_stage = stage;
        let left = now.charge * 100.0;
        if !self.armed {
            self.say(Severity::Warning, format!("Battery at {left:.0} %"));
            return;
        }
        if self.landed {
            self.say(Severity::Critical, format!("Battery failsafe at {left:.0} %: motors stay off"));
            self.stop_motors("Disarming motors");
        } else if stage == BatteryStage::Critical {
            self.say(Severity::Critical, format!("Battery failsafe at {left:.0} %: landing"));
            self.enter(Mode::Land, now);
        } else {
            self.say(Severity::Critical, format!("Battery failsafe at {left:.0} %: returning"));
            if self.mode != Mode::Land {
                self.enter(Mode::Rtl, now);
            }
        }
    }
    fn watch_ground(&mut self, at: Time, now: &Estimate, params: &Params) {
        let allowed = Span::from_seconds(params.get(Param::GroundTimeout));
        // A ground that never spoke cannot be lost.
        let silent = self.ground_heard.is_some_and(|heard| at.since(heard) > allowed);
        if !silent || self.ground_lost || params.get(Param::GroundFailsafe) == 0.0 {
            return;
        }
        self.ground_lost = true;
        if self.landed {
            self.say(Severity::Critical, "Ground lost: motors stay off".to_owned());
            self.stop_motors("Disarming motors");
        } else if params.get(Param::GroundFailsafe) == 5.0 || self.mode == Mode::Land {
            self.say(Severity::Critical, "Ground lost: landing".to_owned());
            self.enter(Mode::Land, now);
        } else {
            self.say(Severity::Critical, "Ground lost: returning".to_owned());
            self.enter(Mode::Rtl, now);
        }
    }
    fn watch_position(&mut self, at: Time, now: &Estimate) {
        if now.fix {
            self.unfixed = None;
            if self.position_lost {
                self.position_lost = false;
                self.say(Severity::Info, "EKF failsafe cleared; mode stays".to_owned());
            }
            return;
        }
        let since = *self.unfixed.get_or_insert(at);
        if self.position_lost || at.since(since) < LOST_AFTER {
            return;
        }
        self.position_lost = true;
        if !self.landed && self.mode != Mode::Land {
            self.say(Severity::Critical, "EKF failsafe: landing".to_owned());
            self.enter(Mode::Land, now);
        }
    }
    fn watch_fence(&mut self, at: Time, now: &Estimate, params: &Params) {
        // Without a position there is no fence.
        if params.get(Param::FenceOn) == 0.0 || !now.fix {
            return;
        }
        let out = now.position.horizontal() - params.get(Param::FenceRadius);
        let above = now.altitude() - params.get(Param::FenceCeiling);
        let breach = if out > 0.0 {
            BREACH_BOUNDARY
        } else if above > 0.0 {
            BREACH_CEILING
        } else {
            0
        };
        let (before, action) = (self.fence.breach, params.get(Param::FenceAction));
        self.fence.breach = breach;
        if breach != 0 && before == 0 {
            self.fence = Fence { breach, count: self.fence.count.saturating_add(1), at: Some(at) };
            let answer = match action {
                0.0 => "nothing is done",
                1.0 => "returning",
                _ => "landing",
            };
            self.say(Severity::Critical, format!("Fence breached: {answer}"));
            if !self.landed && self.mode != Mode::Land && action > 0.0 {
                self.enter(if action == 1.0 { Mode::Rtl } else { Mode::Land }, now);
            }
        }
        if action > 0.0 && out.max(above) > GIVEN_UP && !self.landed && self.mode != Mode::Land {
            self.say(Severity::Critical, "Far beyond the fence: landing".to_owned());
            self.enter(Mode::Land, now);
        }
    }
    fn watch_tilt(&mut self, at: Time, now: &Estimate) {
        if tilt(now) < CRASH_TILT {
            self.tilted = None;
            return;
        }
        let since = *self.tilted.get_or_insert(at);
        if at.since(since) >= CRASHED {
            self.say(Severity::Critical, "Crash: motors off".to_owned());
            self.stop_motors("Disarming motors");
        }
    }
    fn watch_landing(&mut self, at: Time, now: &Estimate, thrust: f64, params: &Params) {
        if self.landed {
            let waits = !matches!(self.guided, Guided::TakingOff { .. });
            if now.altitude() > FLYING && thrust > CARRIED {
                self.landed = false;
                self.grounded = None;
                return;
            }
            let since = *self.grounded.get_or_insert(at);
            let delay = Span::from_seconds(params.get(Param::DisarmDelay));
            let coming_down = matches!(self.mode, Mode::Land | Mode::Rtl);
            if coming_down || (waits && delay > Span::ZERO && at.since(since) >= delay) {
                self.stop_motors("Disarming motors");
            }
            return;
        }
        let sinking = self.mode == Mode::Land || (self.mode == Mode::Rtl && self.home_reached);
        let carried = now.velocity.z.abs() < STILL && thrust < CARRIED;
        match self.still {
            Some(since) if sinking && now.velocity.z.abs() < STILL => {
                if at.since(since) >= LANDED {
                    self.landed = true;
                    self.grounded = Some(at);
                    self.still = None;
                }
            }
            _ if sinking && carried => self.still = Some(at),
            _ => self.still = None,
        }
    }
    fn fly_guided(&mut self, at: Time, now: &Estimate, params: &Params) -> Motors {
        match self.guided {
            Guided::Waiting => Motors::Idle,
            Guided::TakingOff { hold, down } => {
                if (now.position.z - down).abs() < TAKEOFF_NEAR {
                    let target = Target { position: Some(Vec3::new(hold.0, hold.1, down)), velocity: None, yaw: None };
                    self.guided = Guided::Target { target, heard: Time::MAX };
                }
                Motors::Fly(Demand {
                    horizontal: Some(hold),
                    down: Some(down),
                    velocity: Vec3::ZERO,
                    yaw: self.yaw,
                    upright: false,
                })
            }
            Guided::Target { target, heard } => {
                let allowed = Span::from_seconds(params.get(Param::GuidedTimeout));
                if target.velocity.is_some() && at.since(heard) > allowed {
                    // Nobody steers any more: brake, and stay there.
                    let stop = |p: f64, v: f64| p + v * (now.velocity.horizontal() / (2.0 * BRAKE) + 0.15);
                    let place = Vec3::new(
                        stop(now.position.x, now.velocity.x),
                        stop(now.position.y, now.velocity.y),
                        now.position.z,
                    );
                    let target = Target { position: Some(place), velocity: None, yaw: None };
                    self.guided = Guided::Target { target, heard: Time::MAX };
                    self.say(Severity::Warning, "No target for too long: holding".to_owned());
                    return self.fly_guided(at, now, params);
                }
                Motors::Fly(Demand {
                    horizontal: target.position.map(|p| (p.x, p.y)),
                    down: target.position.map(|p| p.z),
                    velocity: target.velocity.unwrap_or(Vec3::ZERO),
                    yaw: self.yaw,
                    upright: false,
                })
            }
        }
    }
    fn fly_home(&mut self, at: Time, now: &Estimate, params: &Params) -> Motors {
        if self.home_reached {
            return self.sink(at, params);
        }
        let height = params.get(Param::ReturnAltitude) / 100.0;
        if now.altitude() < height - TAKEOFF_NEAR {
            // First up, then home.
            return Motors::Fly(Demand {
                horizontal: Some(self.hold),
                down: Some(-height),
                velocity: Vec3::ZERO,
                yaw: self.yaw,
                upright: false,
            });
        }
        if now.position.horizontal() < 0.3 && now.velocity.horizontal() < 0.5 {
            self.home_reached = true;
            self.hold = (0.0, 0.0);
        }
        // Higher than it must be, it stays at its height.
        Motors::Fly(Demand {
            horizontal: Some((0.0, 0.0)),
            down: None,
            velocity: Vec3::ZERO,
            yaw: self.yaw,
            upright: false,
        })
    }
    fn sink(&self, at: Time, params: &Params) -> Motors {
        if self.landed || self.still.is_some_and(|since| at.since(since) >= TOUCHDOWN) {
            return Motors::Idle;
        }
        let speed = params.get(Param::LandSpeed) / 100.0;
        Motors::Fly(Demand {
            horizontal: Some(self.hold),
            down: None,
            velocity: Vec3::new(0.0, 0.0, speed),
            yaw: self.yaw,
            upright: self.position_lost,
        })
    }
}

/// Angle between the machine's upright and the world's, in rad.
fn tilt(now: &Estimate) -> f64 {
    libm::acos(now.attitude.rotate(Vec3::new(0.0, 0.0, 1.0)).z.clamp(-1.0, 1.0))
}
