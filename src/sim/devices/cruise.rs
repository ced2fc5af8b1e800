//! A scripted cruise controller: keeps a speed, a gap and the lane. It stands in for a learned policy.
//!
//! Gap: constant time headway, R. Rajamani, *Vehicle Dynamics and Control*, 2nd ed., chapter 6 (from memory). It believes what it
//! is told, however old that is.

use super::active::ActiveFaults;
use super::talker::{Ask, Law, Talker, Wiring, beyond, number, sure_of, swing};
use crate::codec::DeviceConfig;
use crate::codec::json::device::Told as Words;
use crate::sim::random::Noise;
use crate::time::{Span, Time};
use crate::wire::{Frame, LinkId};

/// It speaks this often.
const SAYS_EVERY: Span = Span::from_millis(40);
/// What is told beyond this is nobody, in m.
const SIGHT: f64 = 240.0;
/// It stops speaking when it has been told nothing for this long.
const BLIND_AFTER: Span = Span::from_millis(2_500);
/// How hard it goes after a speed, in 1/s, and after a gap, in 1/s²: ours, tuned on the road without lag of sight.
const SPEED_GAIN: f64 = 0.6;
const GAP_GAIN: f64 = 0.12;
const CLOSING_GAIN: f64 = 0.9;
/// The gap that it keeps: so many m and so many s.
const GAP_AT_REST: f64 = 5.0;
const HEADWAY: f64 = 2.0;
/// How it steers, in rad/m and rad/rad: damped well from 5 to 17 m/s on the single-track model.
const OFFSET_GAIN: f64 = 0.0104;
const HEADING_GAIN: f64 = 0.35;
/// Fastest and hardest that it asks for, in m/s².
const ACCEL_MAX: f64 = 1.5;
const BRAKE_MAX: f64 = 4.8;
/// It stops this far before a person, in m, and brakes when that takes so much, in m/s².
const PERSON_ROOM: f64 = 4.0;
const PERSON_BRAKE: f64 = 2.0;
/// Arguments it knows how to fill.
const KNOWN: [&str; 2] = ["accel", "steer"];

/// The controller of one car.
pub(super) struct Cruise {
    wiring: Wiring,
    told: Option<Told>,
    task: Option<f64>,
    /// It has begun to brake for a person, and does until it stands or nobody is there.
    braking: bool,
}

/// What it was last told, in SI.
#[derive(Copy, Clone, Debug)]
struct Told {
    at: Time,
    speed: f64,
    offset: f64,
    heading: f64,
    lead_gap: f64,
    lead_speed: f64,
    person_gap: f64,
}

/// The controller of a device of the rig; the error says what the rig does not give it.
pub(super) fn new(device: &DeviceConfig, link: LinkId, noise: Noise) -> Result<Talker<Cruise>, String> {
    let wiring = Wiring::read("cruise", device, &KNOWN)?;
    Ok(Talker::new(Cruise { wiring, told: None, task: None, braking: false }, link, noise))
}

impl Cruise {
    fn see(&mut self, at: Time, message: &Words) {
        let find = |name: &str| number(message, name);
        let Some(speed) = find("speed") else { return };
        let told = Told {
            at,
            speed,
            offset: find("offset").unwrap_or(0.0),
            heading: find("heading").unwrap_or(0.0),
            lead_gap: find("lead_gap").unwrap_or(f64::MAX),
            lead_speed: find("lead_speed").unwrap_or(speed),
            person_gap: find("person_gap").unwrap_or(f64::MAX),
        };
        let room = (told.person_gap - PERSON_ROOM).max(0.5);
        self.braking = told.person_gap < SIGHT && (self.braking || speed * speed / (2.0 * room) > PERSON_BRAKE);
        self.told = Some(told);
    }
}

impl Law for Cruise {
    fn every(&self) -> Span {
        SAYS_EVERY
    }
    fn topics(&self) -> Vec<String> {
        self.wiring.topics()
    }
    fn hear(&mut self, at: Time, frame: &Frame) {
        match self.wiring.read_message(frame) {
            Some((message, false)) => self.see(at, &message),
            Some((message, true)) => self.task = message.number("speed").or(self.task),
            None => {}
        }
    }
    fn forget(&mut self) {
        (self.told, self.task, self.braking) = (None, None, false);
    }
    fn think(&mut self, at: Time, faults: &ActiveFaults) -> Option<Vec<Ask>> {
        let told = self.told.filter(|t| at.since(t.at) <= BLIND_AFTER)?;
        // It is sure that what is before it is so much farther away.
        let (wrong, _) = sure_of(faults);
        let cruise = SPEED_GAIN * (self.task.unwrap_or(0.0) - told.speed);
        let gap = told.lead_gap + wrong - GAP_AT_REST - HEADWAY * told.speed;
        let closing = told.lead_speed - told.speed;
        // A gap that is large while the lead drives away is no reason to be faster than the task.
        let follow = GAP_GAIN * gap + CLOSING_GAIN * closing;
        let follow = if told.lead_gap < SIGHT { follow } else { f64::MAX };
        // Where only a hard brake helps, the law above is too soft: what stops just behind the lead at its speed.
        let last = if closing < 0.0 && told.lead_gap < SIGHT {
            -closing * closing / (2.0 * (told.lead_gap + wrong - GAP_AT_REST).max(1.0))
        } else {
            0.0
        };
        let last = if last < -1.5 { last } else { f64::MAX };
        let person = match self.braking {
            true => -told.speed * told.speed / (2.0 * (told.person_gap + wrong - PERSON_ROOM).max(0.5)) * 1.2 - 0.3,
            false => f64::MAX,
        };
        let accel =
            cruise.min(follow).min(last).min(person).clamp(-BRAKE_MAX, ACCEL_MAX) + swing(faults, at) + beyond(faults);
        let steer = (-OFFSET_GAIN * told.offset - HEADING_GAIN * told.heading).clamp(-0.2, 0.2);
        Some(self.wiring.ask(|name| if name == "accel" { accel } else { steer }))
    }
}
