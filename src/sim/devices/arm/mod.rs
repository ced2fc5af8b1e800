//! The twin of a two-link arm that speaks `proto/arm.proto`: drives with torque, brakes closed by springs, and a program that
//! stops by itself when nobody speaks to it.

mod servo;
#[cfg(test)]
mod story;

use super::Machine;
use super::active::ActiveFaults;
use super::power::{Power, Supply};
use crate::codec::framed::Given;
use crate::codec::protobuf::Device;
use crate::codec::{DeviceConfig, FieldValue};
use crate::fault::TwinFault;
use crate::sim::random::Noise;
use crate::sim::world::World;
use crate::sim::world::arm::{Arm, Links, Surface};
use crate::sim::world::cell::{Cell, TURN};
use crate::time::{Span, Time};
use crate::wire::{Frame, LinkId};
use servo::{Drive, Servo};

/// How often it says its state.
const SAYS_EVERY: Span = Span::from_millis(20);
/// An arm that was spoken to once and hears no sign of life for so long stops and closes its brakes: ours.
const UNWATCHED: Span = Span::from_millis(500);
/// Drives that their program does not serve for so long cut their own power: ours.
const UNSERVED: Span = Span::from_millis(50);
/// Where the tool is when the power comes, in m.
const PARKED: [f64; 2] = [0.4, 0.2];
/// Noise of the force that is told, in N: ours.
const FORCE_NOISE: f64 = 0.2;

/// An arm in the cell.
pub struct Twin {
    mirror: Device,
    serial: String,
    body: Arm,
    servo: Servo,
    power: Power,
    faults: ActiveFaults,
    noise: Noise,
    garbage_due: f64,
    /// When it was told last that we live.
    fed: Option<Time>,
    watched: bool,
    hung_for: Span,
    says_next: Time,
    said: Vec<u8>,
}

impl Twin {
    /// The arm of a device of the rig, parked with its brakes closed.
    pub fn new(config: &DeviceConfig, noise: Noise, world: &mut dyn World) -> Result<Twin, String> {
        let name = &config.name;
        if world.as_any().downcast_mut::<Cell>().is_none() {
            return Err(format!("the twin `arm` of `{name}` stands in the world `cell` alone"));
        }
        let mirror = Device::new(config).map_err(|problems| {
            let first = problems.first().map_or("", |problem| &problem.message);
            format!("the twin `arm` of `{name}` speaks arm.proto alone: {first}")
        })?;
        let serial = config.identity.iter().find_map(|(_, value)| match value {
            FieldValue::Text(text) => Some(text.clone()),
            FieldValue::Number(_) | FieldValue::Arg { .. } => None,
        });
        let mut body = Arm::new(Links::rods(), Some(Surface::FIXTURE), [0.0; 2]);
        body.angles = body.reach(PARKED).ok_or("it is parked out of its reach")?;
        (0..2).for_each(|joint| body.brake(joint, true));
        let mut twin = Twin {
            mirror,
            serial: serial.unwrap_or_default(),
            body,
            servo: Servo::new(),
            power: Power::new(),
            faults: ActiveFaults::default(),
            noise,
            garbage_due: 0.0,
            fed: None,
            watched: config.heartbeat.is_some(),
            hung_for: Span::ZERO,
            says_next: Time::ZERO,
            said: Vec::new(),
        };
        // Every message is tried once, so that a file without one of them is refused before anything runs.
        let tried = [twin.state(), twin.hello(), twin.answer(Ok(())), twin.answer(Err("")), twin.started()];
        for said in tried {
            said.map_err(|why| format!("the twin `arm` of `{name}` speaks arm.proto alone: {why}"))?;
        }
        Ok(twin)
    }

    fn state(&mut self) -> Result<Vec<u8>, String> {
        let (body, given) = (&self.body, self.servo.given());
        let [x, y] = body.tool();
        let speed = body.tool_speed();
        let brakes = u8::from(body.is_braked(0)) + 2 * u8::from(body.is_braked(1));
        let force = match body.force() {
            0.0 => 0.0,
            force => (force + FORCE_NOISE * self.noise.normal()).max(0.0),
        };
        let number = |name, value: f64| (name, Given::Number(value));
        let fields = [
            number("mode", f64::from(self.servo.mode() as u8)),
            number("angle[0]", body.angles[0]),
            number("angle[1]", body.angles[1]),
            number("speed[0]", body.speeds[0]),
            number("speed[1]", body.speeds[1]),
            number("torque[0]", given[0]),
            number("torque[1]", given[1]),
            number("x", x),
            number("y", y),
            number("tool_speed", libm::hypot(speed[0], speed[1])),
            number("force", force),
            number("brakes", f64::from(brakes)),
        ];
        self.mirror.say("state", &fields)
    }
    fn hello(&self) -> Result<Vec<u8>, String> {
        self.mirror.say("hello", &[("serial", Given::Text(&self.serial))])
    }
    fn started(&self) -> Result<Vec<u8>, String> {
        self.mirror.say("started", &[])
    }
    fn answer(&self, done: Result<(), &'static str>) -> Result<Vec<u8>, String> {
        match done {
            Ok(()) => self.mirror.say("ack", &[]),
            Err(why) => self.mirror.say("refusal", &[("why", Given::Text(why))]),
        }
    }
    /// What was tried when it was made can be said.
    fn say(&mut self, said: Result<Vec<u8>, String>) {
        self.said.extend(said.unwrap_or_default());
    }

    fn hear(&mut self, at: Time, bytes: &[u8]) {
        for message in self.mirror.messages(bytes) {
            let is = |name| self.mirror.is(&message, name);
            if is("alive") {
                self.fed = Some(at);
                continue;
            }
            if is("who") {
                self.say(self.hello());
                continue;
            }
            let done = if is("enable") {
                let done = self.servo.enable(&self.body);
                if done.is_ok() {
                    (0..2).for_each(|joint| self.body.brake(joint, false));
                }
                done
            } else if is("move") {
                // What is not sent is zero in proto3.
                let number = |path| self.mirror.number(&message, "move", path).unwrap_or(0.0);
                let (to, speed) = ([number("x"), number("y")], number("speed"));
                self.servo.go(to, speed, &self.body)
            } else {
                match (is("hold"), is("brake"), is("off")) {
                    (true, ..) => self.servo.stop(false),
                    (_, true, _) => self.servo.stop(true),
                    (.., true) => self.servo.off(),
                    _ => continue,
                }
                Ok(())
            };
            self.say(self.answer(done));
        }
    }

    /// The drives with the faults that are on them.
    fn drives(&self) -> [Drive; 2] {
        let mut drives = [Drive::SOUND; 2];
        let of = |index: Option<u8>, joint: usize| index.is_none_or(|index| usize::from(index) == joint + 1);
        for (joint, drive) in drives.iter_mut().enumerate() {
            for active in self.faults.iter() {
                match active.fault {
                    TwinFault::Motor { index, gain } if of(Some(index), joint) => drive.gain = gain,
                    TwinFault::MotorReversed { index } if of(index, joint) => drive.gain = -1.0,
                    TwinFault::MotorSlow { index, lag } if of(index, joint) => drive.lag = lag.seconds(),
                    TwinFault::MotorStuck { index, at } if of(index, joint) => drive.stuck = Some(at),
                    _ => {}
                }
            }
        }
        drives
    }

    fn garbage(&mut self) {
        let rate = self.faults.latest(|a| match a.fault {
            TwinFault::Garbage { rate } => Some(rate.max(0.0)),
            _ => None,
        });
        self.garbage_due = rate.map_or(0.0, |rate| self.garbage_due + rate * TURN.seconds());
        for _ in 0..self.garbage_due as usize {
            let byte = self.noise.byte();
            self.said.push(byte);
            self.garbage_due -= 1.0;
        }
    }
    fn boot(&mut self) {
        self.servo.off();
        self.fed = None;
        self.say(self.started());
    }
}

impl Machine for Twin {
    fn receive(&mut self, at: Time, frame: &Frame, _world: &mut dyn World) {
        if self.faults.has(&TwinFault::Deaf) || self.power.supply(at) > Supply::On {
            return;
        }
        let before = self.said.len();
        self.hear(at, &frame.bytes);
        if self.faults.has(&TwinFault::Silence) {
            self.said.truncate(before);
        }
    }
    fn turn(&mut self, at: Time, _world: &mut dyn World) {
        if self.power.boots(at) {
            self.boot();
        }
        if self.watched && self.fed.is_some_and(|fed| at.since(fed) > UNWATCHED) {
            self.servo.stop(true);
        }
        let supply = self.power.supply(at);
        self.hung_for = if supply == Supply::Hung { self.hung_for + TURN } else { Span::ZERO };
        if supply == Supply::Off || self.hung_for > UNSERVED {
            self.servo.off();
        }
        self.servo.drives = self.drives();
        let (servo, hung) = (&mut self.servo, supply == Supply::Hung);
        self.body.run(TURN.seconds(), |body, step| if hung { servo.given() } else { servo.torques(body, step) });
        if self.servo.brakes() {
            // By their springs, when the power is gone or their coils are let go.
            (0..2).for_each(|joint| self.body.brake(joint, true));
        }
        if at >= self.says_next {
            self.says_next = at + SAYS_EVERY;
            let state = self.state();
            self.say(state);
        }
        self.garbage();
        if self.faults.has(&TwinFault::Silence) || supply != Supply::On {
            self.said.clear();
        }
    }
    fn take(&mut self, link: LinkId, out: &mut Vec<Frame>) {
        if !self.said.is_empty() {
            out.push(Frame::serial(link, std::mem::take(&mut self.said)));
        }
    }
    fn start_fault(&mut self, at: Time, fault: &TwinFault, _world: &mut dyn World) {
        let key = self.faults.start(at, fault);
        if let Some(active) = self.faults.latest(|a| (a.key == key).then(|| a.clone())) {
            self.power.start(&active);
        }
        if *fault == TwinFault::Restart {
            self.boot();
        }
    }
    fn stop_fault(&mut self, fault: &TwinFault, _world: &mut dyn World) {
        if let Some(active) = self.faults.stop(fault) {
            self.power.stop(active.key);
        }
    }
}
