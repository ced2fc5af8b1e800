//! The firmware: states, lines, real-time bytes, homing and limits. Lengths in mm, times in s.

use super::gcode::{Ask, Modal};
use super::planner::{Limits, Place, Planner};
use crate::codec::grbl::device::{BANNER, Ears, Line};
use crate::codec::grbl::report::{Axes, Report};
use crate::codec::grbl::{DOOR, JOG_CANCEL, RESET};

/// How far each axis can go from its home: `$130` to `$132`.
pub const TRAVEL: Place = [600.0, 400.0, 200.0];
/// A switch stands so far behind each end of the travel: ours, as on a machine with room for its switches.
const SWITCH_BEHIND: f64 = 5.0;
/// How far it backs off a switch: `$27`.
const PULL_OFF: f64 = 1.0;
/// mm/s towards the switches, and when it looks for the edge: `$25` of 1500 mm/min and `$24` of 150 mm/min.
const SEEK: f64 = 25.0;
const LOCATE: f64 = 2.5;
/// 30,000 mm/min and 1000 mm/s^2 on x and y, half of it on z: `$110` to `$122` of a fast belt machine. Corners by GRBL's own
/// default of 0.01 mm.
const LIMITS: Limits = Limits { rates: [500.0, 500.0, 250.0], accelerations: [1000.0, 1000.0, 500.0], deviation: 0.01 };
/// Where the axes stand when the power comes, as seen from home.
const PARKED: Place = [-120.0, -80.0, -30.0];
/// Overrides of the feed in percent: the least and the most.
const FEED_OVERRIDE: (f64, f64) = (10.0, 200.0);
/// `WCO` and `Ov` come with every so many reports.
const OFFSET_EVERY: u32 = 30;
const OVERRIDE_EVERY: u32 = 20;

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum State {
    Idle,
    Run,
    Hold,
    Jog,
    Alarm,
    /// After a limit: it hears nothing but the reset.
    Critical,
    Door,
    Home,
    Sleep,
}

/// What comes of a line that cannot be finished at once.
enum Pending {
    Nothing,
    /// A way that waits for room in the planner.
    Way(Place, Option<f64>),
    /// Beyond the soft limits: an alarm once it stands.
    SoftLimit,
    /// `M2`, a tool command: waits until everything before is done.
    Tool(f64),
}

/// The program and the axes that it drives.
pub struct Firmware {
    name: String,
    ears: Ears,
    state: State,
    modal: Modal,
    planner: Planner,
    /// Where the axes are, less where the program believes them to be.
    slip: Place,
    homing: Homing,
    pending: Pending,
    /// A jog is being given up.
    cancel: bool,
    feed_percent: f64,
    rapid_percent: f64,
    tool: f64,
    reports: u32,
    said: Vec<u8>,
}

/// Axes that look for their switches, pair by pair.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Homing {
    Off,
    Seek(usize),
    Back(usize),
    Locate(usize),
    PullOff(usize),
}

/// Which axes home together: z first, as GRBL does by default.
const CYCLES: [[bool; 3]; 2] = [[false, false, true], [true, true, false]];

impl Firmware {
    /// Switched on a while ago, not homed; the banner was said to nobody.
    pub fn new(name: String) -> Firmware {
        Firmware {
            name,
            ears: Ears::default(),
            state: State::Alarm,
            modal: Modal::new(),
            planner: Planner::new(LIMITS, [0.0; 3]),
            slip: PARKED,
            homing: Homing::Off,
            pending: Pending::Nothing,
            cancel: false,
            feed_percent: 100.0,
            rapid_percent: 100.0,
            tool: 0.0,
            reports: 0,
            said: Vec::new(),
        }
    }
    /// What it said since it was asked last.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.said)
    }
    /// Where the axes really are, as seen from home.
    pub fn axes(&self) -> Place {
        std::array::from_fn(|axis| self.planner.at()[axis] + self.slip[axis])
    }
    /// The power is cut: nothing moves, nothing is kept.
    pub fn cut(&mut self) {
        self.planner.halt(self.planner.at());
        self.ears.clear();
        self.said.clear();
        self.tool = 0.0;
    }
    /// The power is there: its position starts at zero wherever the axes are, and it wants to be homed.
    pub fn boot(&mut self) {
        self.slip = self.axes();
        self.planner.halt([0.0; 3]);
        self.state = State::Alarm;
        self.restart();
    }
    /// Bytes from the wire.
    pub fn hear(&mut self, bytes: &[u8]) {
        let mut now = Vec::new();
        self.ears.feed(bytes, &mut now);
        for byte in now {
            self.real_time(byte);
        }
        self.lines();
    }
    /// The hold input is pulled: as `!`.
    pub fn hold_input(&mut self) {
        self.hold(State::Hold);
    }
    /// One turn of the program and its steps.
    pub fn step(&mut self, seconds: f64) {
        self.step_only(seconds);
        self.settle();
        self.lines();
    }
    /// The steps alone.
    pub fn step_only(&mut self, seconds: f64) {
        self.planner.advance(seconds);
        let axes = self.axes();
        let hit = (0..3).any(|axis| !(-TRAVEL[axis] - SWITCH_BEHIND..=SWITCH_BEHIND).contains(&axes[axis]));
        if hit && matches!(self.state, State::Run | State::Jog | State::Hold | State::Door) {
            self.planner.halt(self.planner.at());
            self.alarm(1, State::Critical);
        }
    }

    fn say(&mut self, text: &str) {
        self.said.extend_from_slice(text.as_bytes());
    }
    fn alarm(&mut self, code: u8, state: State) {
        self.state = state;
        self.pending = Pending::Nothing;
        self.say(&format!("ALARM:{code}\r\n"));
        if state == State::Critical {
            self.say("[MSG:Reset to continue]\r\n");
        }
    }
    /// The beginning of the program: what was read and not done is forgotten.
    fn restart(&mut self) {
        self.ears.clear();
        self.modal = Modal::new();
        self.homing = Homing::Off;
        self.pending = Pending::Nothing;
        self.cancel = false;
        (self.feed_percent, self.rapid_percent) = (100.0, 100.0);
        self.planner.set_overrides(1.0, 1.0);
        self.tool = 0.0;
        self.reports = 0;
        self.say(BANNER);
        self.state = match self.state {
            State::Alarm | State::Critical | State::Sleep => State::Alarm,
            _ => State::Idle,
        };
        if self.state == State::Alarm {
            self.say("[MSG:'$H'|'$X' to unlock]\r\n");
        }
    }
    fn reset(&mut self) {
        let moving = matches!(self.state, State::Run | State::Jog | State::Home) || self.planner.speed() > 0.0;
        let homing = self.state == State::Home;
        self.planner.halt(self.planner.at());
        if moving {
            self.alarm(if homing { 6 } else { 3 }, State::Alarm);
        }
        self.restart();
    }

    fn real_time(&mut self, byte: u8) {
        if self.state == State::Critical && byte != RESET {
            return;
        }
        match byte {
            RESET => self.reset(),
            b'?' => self.report(),
            b'~' => self.resume(),
            b'!' => self.hold(State::Hold),
            DOOR => self.door(),
            JOG_CANCEL if self.state == State::Jog => {
                self.cancel = true;
                self.planner.stop();
            }
            0x90 => self.feed_percent = 100.0,
            0x91 => self.feed_percent += 10.0,
            0x92 => self.feed_percent -= 10.0,
            0x93 => self.feed_percent += 1.0,
            0x94 => self.feed_percent -= 1.0,
            0x95 => self.rapid_percent = 100.0,
            0x96 => self.rapid_percent = 50.0,
            0x97 => self.rapid_percent = 25.0,
            _ => {}
        }
        if (0x90..=0x97).contains(&byte) {
            self.feed_percent = self.feed_percent.clamp(FEED_OVERRIDE.0, FEED_OVERRIDE.1);
            self.planner.set_overrides(self.feed_percent / 100.0, self.rapid_percent / 100.0);
        }
    }
    fn hold(&mut self, to: State) {
        match self.state {
            State::Idle | State::Run => {
                self.state = to;
                self.planner.stop();
            }
            // Any hold ends a jog.
            State::Jog => {
                self.cancel = true;
                self.planner.stop();
            }
            _ => {}
        }
    }
    fn door(&mut self) {
        match self.state {
            State::Home => {
                self.planner.halt(self.planner.at());
                self.homing = Homing::Off;
                self.alarm(7, State::Alarm);
            }
            State::Idle | State::Run | State::Hold | State::Jog => {
                self.state = State::Door;
                self.planner.stop();
            }
            _ => {}
        }
    }
    fn resume(&mut self) {
        if matches!(self.state, State::Hold | State::Door) && self.planner.speed() == 0.0 {
            self.planner.resume();
            self.state = if self.planner.done() { State::Idle } else { State::Run };
        }
    }

    /// What has come to rest or to its end since the last turn.
    fn settle(&mut self) {
        match self.state {
            State::Jog if self.cancel && self.planner.speed() == 0.0 => {
                self.cancel = false;
                self.planner.halt(self.planner.at());
                self.state = State::Idle;
            }
            State::Run | State::Jog if self.planner.done() => self.state = State::Idle,
            State::Door if self.planner.speed() == 0.0 => self.tool = 0.0,
            State::Home => self.home_on(),
            _ => {}
        }
        match self.pending {
            Pending::Way(to, feed) if !self.planner.full() && self.reads() => {
                self.pending = Pending::Nothing;
                self.go(to, feed);
                self.say("ok\r\n");
            }
            Pending::SoftLimit if self.planner.speed() == 0.0 => {
                self.planner.halt(self.planner.at());
                self.alarm(2, State::Critical);
            }
            Pending::Tool(speed) if self.planner.done() && self.reads() => {
                self.pending = Pending::Nothing;
                self.tool = speed;
                self.say("ok\r\n");
            }
            _ => {}
        }
    }
    /// Whether the program is free to go on with lines.
    fn reads(&self) -> bool {
        matches!(self.state, State::Idle | State::Run | State::Jog | State::Alarm)
    }
    fn lines(&mut self) {
        while self.reads() && matches!(self.pending, Pending::Nothing) {
            let Some(line) = self.ears.next_line() else { return };
            let answer = match line {
                Line::TooLong => Err(11),
                Line::Text(text) => self.line(&text),
            };
            match answer {
                Ok(true) => self.say("ok\r\n"),
                Ok(false) => {}
                Err(code) => self.say(&format!("error:{code}\r\n")),
            }
        }
    }
    /// True when it is done with it; false when the answer comes later.
    fn line(&mut self, line: &str) -> Result<bool, u8> {
        if let Some(jog) = line.strip_prefix("$J=") {
            return self.jog(jog);
        }
        let at_rest = matches!(self.state, State::Idle | State::Alarm);
        match line {
            "" | "$" => return Ok(true),
            "$X" => {
                if self.state == State::Alarm {
                    self.say("[MSG:Caution: Unlocked]\r\n");
                    self.state = State::Idle;
                }
                return Ok(true);
            }
            "$H" | "$I" | "$SLP" if !at_rest => return Err(8),
            "$H" => {
                self.state = State::Home;
                self.home(Homing::Seek(0));
                return Ok(false);
            }
            "$I" => {
                self.say(&format!("[VER:1.1h.20190825:{}]\r\n[OPT:V,15,128]\r\n", self.name));
                return Ok(true);
            }
            "$SLP" => {
                self.say("ok\r\n[MSG:Sleeping]\r\n");
                self.state = State::Sleep;
                return Ok(false);
            }
            _ if line.starts_with('$') => return Err(3),
            _ => {}
        }
        if matches!(self.state, State::Alarm | State::Jog) {
            return Err(9);
        }
        let ask = self.modal.read(line, self.planner.end()).map_err(|code| code as u8)?;
        Ok(self.ask(&ask))
    }
    fn ask(&mut self, ask: &Ask) -> bool {
        if let Some(to) = ask.to {
            if !within(to) {
                // It first stops under control, so that no position is lost.
                self.planner.stop();
                self.pending = Pending::SoftLimit;
                return false;
            }
            if self.planner.full() {
                self.pending = Pending::Way(to, ask.feed);
                return false;
            }
            self.go(to, ask.feed);
        }
        if let Some(speed) = ask.tool {
            self.pending = Pending::Tool(speed);
            return false;
        }
        true
    }
    fn go(&mut self, to: Place, feed: Option<f64>) {
        self.planner.go(to, feed, true);
        if !self.planner.done() {
            self.state = State::Run;
        }
    }
    /// A jog has its own feed, ends at once when told, and is no business of the overrides.
    fn jog(&mut self, words: &str) -> Result<bool, u8> {
        if !matches!(self.state, State::Idle | State::Jog) {
            return Err(if self.state == State::Alarm { 9 } else { 8 });
        }
        if self.cancel {
            return Err(9);
        }
        let mut modal = Modal { rapid: false, feed: None, ..self.modal.clone() };
        let ask = modal.read(words, self.planner.end()).map_err(|code| code as u8)?;
        let (Some(to), None) = (ask.to, ask.tool) else { return Err(16) };
        if !within(to) {
            return Err(15);
        }
        if !self.planner.full() {
            self.planner.go(to, ask.feed, false);
        }
        if !self.planner.done() {
            self.state = State::Jog;
        }
        Ok(true)
    }

    fn home(&mut self, phase: Homing) {
        self.homing = phase;
        let here = self.planner.at();
        let (cycle, far, speed) = match phase {
            Homing::Off => return,
            Homing::Seek(cycle) => (cycle, 2.0 * TRAVEL[0], SEEK),
            Homing::Back(cycle) => (cycle, -PULL_OFF, SEEK),
            Homing::Locate(cycle) => (cycle, 2.0 * PULL_OFF, LOCATE),
            Homing::PullOff(cycle) => (cycle, -PULL_OFF, SEEK),
        };
        let axes = self.axes();
        let on = |axis: usize| CYCLES[cycle][axis] && (far < 0.0 || axes[axis] < 0.0);
        let to: Place = std::array::from_fn(|axis| if on(axis) { here[axis] + far } else { here[axis] });
        let moving = (0..3).filter(|axis| to[*axis] != here[*axis]).count();
        // So fast that each axis goes at the speed.
        self.planner.go(to, Some(speed * (moving as f64).sqrt()), false);
    }
    fn home_on(&mut self) {
        let axes = self.axes();
        match self.homing {
            Homing::Seek(cycle) | Homing::Locate(cycle) => {
                let mut touched = false;
                let here = self.planner.at();
                let mut place = here;
                for axis in (0..3).filter(|axis| CYCLES[cycle][*axis] && axes[*axis] >= 0.0) {
                    // The step at which the switch closed was the last.
                    place[axis] -= axes[axis];
                    touched |= self.planner.end()[axis] != here[axis];
                }
                let all = (0..3).all(|axis| !CYCLES[cycle][axis] || axes[axis] >= 0.0);
                if all {
                    self.planner.halt(place);
                    self.home(match self.homing {
                        Homing::Seek(_) => Homing::Back(cycle),
                        _ => Homing::PullOff(cycle),
                    });
                } else if touched {
                    self.planner.halt(place);
                    self.home(self.homing);
                }
            }
            Homing::Back(cycle) if self.planner.done() => self.home(Homing::Locate(cycle)),
            Homing::PullOff(cycle) if self.planner.done() => {
                if cycle + 1 < CYCLES.len() {
                    self.home(Homing::Seek(cycle + 1));
                    return;
                }
                self.homing = Homing::Off;
                self.planner.halt(axes);
                self.slip = [0.0; 3];
                self.state = State::Idle;
                self.say("ok\r\n");
            }
            _ => {}
        }
    }

    fn report(&mut self) {
        let moving = self.planner.speed() > 0.0;
        let (state, substate) = match self.state {
            State::Idle => ("Idle", None),
            State::Run => ("Run", None),
            State::Hold => ("Hold", Some(u8::from(moving))),
            State::Jog => ("Jog", None),
            State::Alarm | State::Critical => ("Alarm", None),
            State::Door => ("Door", Some(if moving { 2 } else { 0 })),
            State::Home => ("Home", None),
            State::Sleep => ("Sleep", None),
        };
        let axes = self.axes();
        let switch = |axis: usize| axes[axis] >= 0.0 && self.state == State::Home;
        let pins = (0..3).filter(|axis| switch(*axis)).fold(0, |pins, axis| pins | 1 << (b'X' - b'A' + axis as u8));
        let (offset, overrides) = (self.reports.is_multiple_of(OFFSET_EVERY), self.reports % OVERRIDE_EVERY == 1);
        self.reports += 1;
        let report = Report {
            state: state.to_owned(),
            substate,
            machine: Some(Axes::new(&self.planner.at())),
            feed: Some(self.planner.speed() * 60.0),
            spindle: Some(self.tool),
            offset: offset.then(|| Axes::new(&[0.0; 3])),
            overrides: overrides.then_some([self.feed_percent, self.rapid_percent, 100.0]),
            pins,
            ..Report::default()
        };
        let text = report.write();
        self.say(&text);
    }
}

fn within(to: Place) -> bool {
    (0..3).all(|axis| (-TRAVEL[axis]..=0.0).contains(&to[axis]))
}

#[cfg(test)]
#[path = "story.rs"]
mod story;
