//! What the ground asks of the flight controller, message by message, and what it answers.

use super::FlightController;
use super::autopilot::{Answer, FORCE, Mode, Target};
use super::params::{Param, Params};
use super::sensors::Estimate;
use super::telemetry::AUTOPILOT_VERSION;
use crate::codec::mavlink::device::Received;
use crate::fault::TwinFault;
use crate::sim::world::space::Vec3;
use crate::time::{Span, Time};

// Numbers of `MAV_CMD`.
const NAV_RETURN_TO_LAUNCH: u16 = 20;
const NAV_LAND: u16 = 21;
const NAV_TAKEOFF: u16 = 22;
const DO_SET_MODE: u16 = 176;
const DO_FLIGHTTERMINATION: u16 = 185;
const COMPONENT_ARM_DISARM: u16 = 400;
const INJECT_FAILURE: u16 = 420;
const GET_MESSAGE_INTERVAL: u16 = 510;
const SET_MESSAGE_INTERVAL: u16 = 511;
const REQUEST_MESSAGE: u16 = 512;
const REQUEST_AUTOPILOT_CAPABILITIES: u16 = 520;

// Units and types of `MAV_CMD_INJECT_FAILURE`.
const UNIT_GPS: f64 = 4.0;
const UNIT_MOTOR: f64 = 101.0;
const UNIT_MAVLINK: f64 = 106.0;
const FAILURE_OK: f64 = 0.0;
const FAILURE_OFF: f64 = 1.0;
const FAILURE_STUCK: f64 = 2.0;
const FAILURE_SLOW: f64 = 5.0;
/// How slow a slow motor is; the middle of the fault's own ladder.
const SLOW_MOTOR: Span = Span::from_millis(150);

/// `MAV_FRAME_LOCAL_NED`.
const FRAME_LOCAL_NED: f64 = 1.0;
/// Bits of `POSITION_TARGET_TYPEMASK` that leave a part out.
const IGNORE_POSITION: u16 = 0b111;
const IGNORE_VELOCITY: u16 = 0b111_000;
const IGNORE_YAW: u16 = 1 << 10;
/// `MAV_PARAM_TYPE_REAL32`.
const REAL32: f64 = 9.0;
/// MISSION_INT, COMMAND_INT, MAVLink 2, flight termination, and position targets in the local frame.
const CAPABILITIES: f64 = (4 | 8 | 128 | 2048 | 8192) as f64;

impl FlightController {
    /// Takes one message from the ground.
    pub(super) fn take(&mut self, at: Time, message: &Received) {
        if !self.concerns_us(message) {
            return;
        }
        let number = |field: &str| message.number(field).unwrap_or(0.0);
        let now = self.estimate;
        match message.name.as_str() {
            "HEARTBEAT" => self.autopilot.ground_heard(at),
            "COMMAND_LONG" | "COMMAND_INT" => {
                let command = number("command") as u16;
                // COMMAND_INT carries parameters 5 to 7 as a place on the globe, which this machine does not fly to.
                let answer = if message.name == "COMMAND_INT" {
                    Answer::Unsupported
                } else {
                    self.command(at, command, message)
                };
                self.acknowledge(command, answer, message);
            }
            "SET_MODE" => {
                if let Some(mode) = Mode::of(number("custom_mode")).filter(|_| number("base_mode") as u32 & 1 == 1) {
                    self.autopilot.set_mode(mode, at, &now);
                }
            }
            "SET_POSITION_TARGET_LOCAL_NED" => {
                if let Some(target) = target(message).filter(|_| number("coordinate_frame") == FRAME_LOCAL_NED) {
                    self.autopilot.steer(target, at);
                }
            }
            "PARAM_REQUEST_LIST" => self.params_to_tell = Some(0),
            "PARAM_REQUEST_READ" => {
                let index = number("param_index");
                let place = if index >= 0.0 { Some(index as usize) } else { self.params.find(name_of(message)) };
                if let Some(place) = place {
                    self.tell_param(place);
                }
            }
            "PARAM_SET" => {
                if let Some(place) = self.params.find(name_of(message)) {
                    self.params.set(place, number("param_value"));
                    // The answer carries what holds now, taken or not.
                    self.tell_param(place);
                }
            }
            "REQUEST_DATA_STREAM" => {
                let on = number("start_stop") == 1.0;
                self.telemetry.set_stream(number("req_stream_id") as u8, number("req_message_rate"), on, at);
            }
            "MISSION_REQUEST_LIST" => self.send(
                "MISSION_COUNT",
                &[
                    ("target_system", f64::from(message.system)),
                    ("target_component", f64::from(message.component)),
                    ("count", 0.0),
                ],
                &[],
            ),
            "TIMESYNC" if number("tc1") == 0.0 => {
                let nanos = self.uptime(at).nanos() as f64;
                self.send("TIMESYNC", &[("tc1", nanos), ("ts1", number("ts1"))], &[]);
            }
            "PING" if number("target_system") == 0.0 => {
                let fields = [
                    ("time_usec", number("time_usec")),
                    ("seq", number("seq")),
                    ("target_system", f64::from(message.system)),
                    ("target_component", f64::from(message.component)),
                ];
                self.send("PING", &fields, &[]);
            }
            _ => {}
        }
    }

    /// Parameters still to be told after `PARAM_REQUEST_LIST`: one a loop, so that telemetry goes on between them.
    pub(super) fn tell_next_param(&mut self) {
        let Some(place) = self.params_to_tell else { return };
        self.tell_param(place);
        self.params_to_tell = Some(place + 1).filter(|next| *next < Params::COUNT);
    }

    fn concerns_us(&self, message: &Received) -> bool {
        let is = |field: &str, own: u8| message.number(field).is_none_or(|n| n == 0.0 || n == f64::from(own));
        message.system != self.system && is("target_system", self.system) && is("target_component", self.component)
    }
    fn command(&mut self, at: Time, command: u16, message: &Received) -> Answer {
        let param = |n: u8| {
            let field = ["param1", "param2", "param3", "param4", "param5", "param6", "param7"][usize::from(n) - 1];
            message.number(field).unwrap_or(0.0)
        };
        let now: Estimate = self.estimate;
        match command {
            COMPONENT_ARM_DISARM if param(1) == 1.0 => self.autopilot.arm(at, &now, &self.params, param(2) == FORCE),
            COMPONENT_ARM_DISARM if param(1) == 0.0 => self.autopilot.disarm(param(2) == FORCE),
            COMPONENT_ARM_DISARM => Answer::Denied,
            NAV_TAKEOFF => self.autopilot.take_off(param(7), &now),
            NAV_LAND => self.autopilot.set_mode(Mode::Land, at, &now),
            NAV_RETURN_TO_LAUNCH => self.autopilot.set_mode(Mode::Rtl, at, &now),
            // Without the flag for a custom mode the number means nothing here.
            DO_SET_MODE if param(1) as u32 & 1 == 0 => Answer::Unsupported,
            DO_SET_MODE => match Mode::of(param(2)) {
                Some(mode) => self.autopilot.set_mode(mode, at, &now),
                None => Answer::Failed,
            },
            DO_FLIGHTTERMINATION if param(1) > 0.5 => self.autopilot.terminate(),
            DO_FLIGHTTERMINATION => Answer::Accepted,
            SET_MESSAGE_INTERVAL => match self.telemetry.place(param(1) as u32) {
                Some(place) if param(2).is_finite() => {
                    self.telemetry.set_period(place, param(2), at);
                    Answer::Accepted
                }
                _ => Answer::Failed,
            },
            GET_MESSAGE_INTERVAL => {
                let place = self.telemetry.place(param(1) as u32);
                let micros = match place.map(|p| self.telemetry.period(p)) {
                    Some(Some(period)) => (period.nanos() / 1_000) as f64,
                    Some(None) => -1.0,
                    None => 0.0, // not available
                };
                self.send("MESSAGE_INTERVAL", &[("message_id", param(1)), ("interval_us", micros)], &[]);
                Answer::Accepted
            }
            INJECT_FAILURE => self.inject(param(1), param(2), param(3)),
            REQUEST_MESSAGE => self.tell_message(at, param(1) as u32),
            REQUEST_AUTOPILOT_CAPABILITIES => self.tell_message(at, AUTOPILOT_VERSION),
            _ => Answer::Unsupported,
        }
    }
    /// Breaks a part of the machine from the ground, as PX4 lets one; `kind` 0 mends what was broken so.
    fn inject(&mut self, unit: f64, kind: f64, instance: f64) -> Answer {
        if self.params.get(Param::FailuresOn) == 0.0 {
            return Answer::Denied;
        }
        let motor = (1.0..=4.0).contains(&instance).then_some(instance as u8);
        if kind == FAILURE_OK {
            let own = std::mem::take(&mut self.broken);
            let (mended, kept): (Vec<_>, Vec<_>) = own.into_iter().partition(|(of, _)| *of == unit);
            self.broken = kept;
            self.to_break.extend(mended.into_iter().map(|(_, fault)| (fault, false)));
            return Answer::Accepted;
        }
        let fault = match (unit, kind, motor) {
            (UNIT_GPS, FAILURE_OFF, _) => TwinFault::GpsJam,
            (UNIT_MOTOR, FAILURE_OFF, Some(index)) => TwinFault::Motor { index, gain: 0.0 },
            (UNIT_MOTOR, FAILURE_STUCK, index) => TwinFault::MotorStuck { index, at: None },
            (UNIT_MOTOR, FAILURE_SLOW, index) => TwinFault::MotorSlow { index, lag: SLOW_MOTOR },
            (UNIT_MAVLINK, FAILURE_OFF, _) => TwinFault::Silence,
            _ => return Answer::Unsupported,
        };
        self.broken.push((unit, fault.clone()));
        self.to_break.push((fault, true));
        Answer::Accepted
    }
    fn tell_message(&mut self, at: Time, id: u32) -> Answer {
        if id == AUTOPILOT_VERSION {
            // Major, minor and patch of this program, and 255 for a release, a byte each.
            let version = |text: &str| text.parse::<f64>().unwrap_or(0.0);
            let software = version(env!("CARGO_PKG_VERSION_MAJOR")) * 16_777_216.0
                + version(env!("CARGO_PKG_VERSION_MINOR")) * 65_536.0
                + version(env!("CARGO_PKG_VERSION_PATCH")) * 256.0
                + 255.0;
            let fields = [("capabilities", CAPABILITIES), ("flight_sw_version", software), ("uid", self.uid as f64)];
            self.send("AUTOPILOT_VERSION", &fields, &[]);
            return Answer::Accepted;
        }
        match self.telemetry.place(id) {
            Some(place) => {
                self.tell(at, place);
                Answer::Accepted
            }
            None => Answer::Failed,
        }
    }
    fn acknowledge(&mut self, command: u16, answer: Answer, to: &Received) {
        let fields = [
            ("command", f64::from(command)),
            ("result", f64::from(answer as u8)),
            ("target_system", f64::from(to.system)),
            ("target_component", f64::from(to.component)),
        ];
        self.send("COMMAND_ACK", &fields, &[]);
    }
    fn tell_param(&mut self, place: usize) {
        let Some((name, value)) = self.params.at(place) else { return };
        let fields = [
            ("param_value", value),
            ("param_type", REAL32),
            ("param_count", Params::COUNT as f64),
            ("param_index", place as f64),
        ];
        self.send("PARAM_VALUE", &fields, &[("param_id", name)]);
    }
}

fn name_of(message: &Received) -> &str {
    message.text("param_id").unwrap_or("").trim_end_matches('\0')
}

/// A position target; `None` when it asks for something that Copter does not fly: neither position nor velocity, or parts of one.
fn target(message: &Received) -> Option<Target> {
    let number = |field: &str| message.number(field).unwrap_or(0.0);
    let mask = number("type_mask") as u16;
    // Ignoring a part of a position or velocity is ignoring all of it.
    let position = mask & IGNORE_POSITION == 0;
    let velocity = mask & IGNORE_VELOCITY == 0;
    (position || velocity).then(|| Target {
        position: position.then(|| Vec3::new(number("x"), number("y"), number("z"))),
        velocity: velocity.then(|| Vec3::new(number("vx"), number("vy"), number("vz"))),
        yaw: (mask & IGNORE_YAW == 0).then(|| number("yaw")),
    })
}
