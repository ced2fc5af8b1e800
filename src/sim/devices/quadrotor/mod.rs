//! The twin of a flight controller: MAVLink bytes on one side, the motors of a body in the hall on the other.

mod autopilot;
mod commands;
mod control;
mod faults;
mod params;
mod sensors;
mod spoilt;
#[cfg(test)]
mod story;
mod telemetry;

use crate::codec::mavlink::DialectSource;
use crate::codec::mavlink::device::{Received, Vehicle};
use crate::fault::TwinFault;
use crate::sim::devices::power::{Power, Supply};
use crate::sim::random::Noise;
use crate::sim::world::quadrotor::Quadrotor;
use crate::time::{Span, Time};
use autopilot::{Autopilot, Severity};
use control::Controller;
use faults::Faults;
use params::Params;
use sensors::{Estimate, Sensors};
use spoilt::Spoilt;
use telemetry::{Telemetry, View, compose};

pub use crate::sim::world::hall::LOOP;
/// A machine on the bench has been switched on for a while when a run begins.
const ON_SINCE: Span = Span::from_secs(10);
/// `STATUSTEXT` carries this many characters.
const TEXT_MAX: usize = 50;

/// The flight controller of one quadrotor.
pub struct FlightController {
    vehicle: Vehicle,
    system: u8,
    component: u8,
    /// What `AUTOPILOT_VERSION` tells as the board's own number.
    uid: u64,
    noise: Noise,
    sensors: Sensors,
    spoilt: Spoilt,
    /// What it flies by.
    estimate: Estimate,
    /// What it tells of it: the same, but for values that are no numbers.
    told: Estimate,
    controller: Controller,
    autopilot: Autopilot,
    telemetry: Telemetry,
    params: Params,
    params_to_tell: Option<usize>,
    booted: Time,
    power: Power,
    faults: Faults,
    /// Reused between calls.
    received: Vec<Received>,
    /// Frames on their way to the ground.
    outbox: Vec<Vec<u8>>,
    /// What the ground has broken, by its unit's number; and what is still to be broken or mended.
    broken: Vec<(f64, TwinFault)>,
    to_break: Vec<(TwinFault, bool)>,
}

impl FlightController {
    /// A flight controller under this address on this body, switched on a while before `at`. The error says what is wrong with
    /// the dialect.
    pub fn new(
        dialect: &DialectSource,
        system: u8,
        component: u8,
        uid: u64,
        mut noise: Noise,
        at: Time,
        body: &Quadrotor,
    ) -> Result<FlightController, String> {
        let mut sensors = Sensors::new(Noise::new(noise.seed(), 0), body);
        let estimate = sensors.look(body, LOOP.seconds());
        let booted = at - ON_SINCE;
        Ok(FlightController {
            vehicle: Vehicle::new(dialect, system, component)?,
            system,
            component,
            uid,
            sensors,
            spoilt: Spoilt::new(noise.clone().seed()),
            estimate,
            told: estimate,
            controller: Controller::new(),
            autopilot: Autopilot::new(booted),
            telemetry: Telemetry::new(Noise::new(noise.seed(), 1), at),
            params: Params::new(system),
            params_to_tell: None,
            booted,
            power: Power::new(),
            // From a copy: what others draw stays as it is.
            faults: Faults::new(Noise::new(noise.clone().seed(), 2)),
            noise,
            received: Vec::new(),
            outbox: Vec::new(),
            broken: Vec::new(),
            to_break: Vec::new(),
        })
    }
    /// Takes bytes from the ground; answers are in [`take_frames`](Self::take_frames).
    pub fn receive(&mut self, at: Time, bytes: &[u8]) {
        if self.faults.deaf() || self.power.supply(at) > Supply::On {
            return;
        }
        let mut received = std::mem::take(&mut self.received);
        self.vehicle.feed(bytes, &mut received);
        for message in received.drain(..) {
            self.take(at, &message);
        }
        self.received = received;
        self.tell_texts();
    }
    /// One turn of the loop: looks, decides, steers the body's motors, tells.
    pub fn step(&mut self, at: Time, body: &mut Quadrotor) {
        if self.power.boots(at) {
            self.restart(at, body);
        }
        for (fault, on) in std::mem::take(&mut self.to_break) {
            if on { self.start_fault(at, &fault, body) } else { self.stop_fault(&fault) }
        }
        let supply = self.power.supply(at);
        body.set_drives(self.faults.drives(body.battery.voltage()));
        if supply >= Supply::Hung {
            if supply == Supply::Off {
                body.set_throttles([0.0; 4]);
            }
            self.outbox.clear();
            return;
        }
        self.look(at, body);
        let motors = self.autopilot.step(at, &self.estimate, self.controller.thrust(), &self.params);
        let limits = self.params.limits();
        body.set_throttles(self.controller.step(&motors, &self.estimate, &limits, LOOP.seconds()));
        self.tell_texts();
        self.tell_next_param();
        let due: Vec<usize> = self.telemetry.due(at).collect();
        for place in due {
            self.tell(at, place);
        }
        let garbage = self.faults.garbage(LOOP.seconds());
        if !garbage.is_empty() {
            self.outbox.push(garbage);
        }
        if self.faults.silent() || supply == Supply::NoRadio {
            self.outbox.clear();
        }
    }
    /// Frames for the ground since the last call.
    pub fn take_frames(&mut self) -> Vec<Vec<u8>> {
        let frames = std::mem::take(&mut self.outbox);
        if self.faults.silent() { Vec::new() } else { frames }
    }
    /// A fault begins, on the flight controller or its body.
    pub fn start_fault(&mut self, at: Time, fault: &TwinFault, body: &mut Quadrotor) {
        let active = self.faults.start(at, fault, body.motor_speeds());
        self.power.start(&active);
        match fault {
            TwinFault::Sensor { field, fault } => self.spoilt.start(active, field, *fault, &self.estimate),
            TwinFault::Restart => self.restart(at, body),
            TwinFault::Battery { level } => body.battery.set_charge(*level),
            _ => {}
        }
    }
    /// A fault ends. What was over at once stays as it is: charge does not come back by itself.
    pub fn stop_fault(&mut self, fault: &TwinFault) {
        if let Some(active) = self.faults.stop(fault) {
            self.power.stop(active.key);
            self.spoilt.stop(&active);
        }
    }
    /// Starts anew, as after a power cycle: nothing but the parameters is kept, and the motors stop.
    pub fn restart(&mut self, at: Time, body: &mut Quadrotor) {
        self.booted = at;
        self.autopilot = Autopilot::new(at);
        self.controller = Controller::new();
        self.telemetry = Telemetry::new(Noise::new(self.noise.seed(), 1), at);
        self.params_to_tell = None;
        // Half a frame heard before the power went is gone with it.
        self.received.clear();
        self.outbox.clear();
        body.set_throttles([0.0; 4]);
        self.send_text(Severity::Info, "Checkrein quadrotor twin, started");
    }

    /// Looks at the body through its sensors, and at what they are made to say.
    fn look(&mut self, at: Time, body: &Quadrotor) {
        self.sensors.set_biases(self.faults.biases(&sensors::BIASES));
        self.estimate = self.sensors.look(body, LOOP.seconds());
        self.faults.mislead(at, &mut self.estimate);
        self.told = self.spoilt.pass(at, &mut self.estimate);
    }
    /// Since power-up, as its own clock shows it.
    fn uptime(&self, at: Time) -> Span {
        self.faults.shown(at, at.since(self.booted))
    }
    fn tell(&mut self, at: Time, place: usize) {
        let view = View {
            uptime: self.uptime(at),
            date: self.faults.date(),
            now: &self.told,
            autopilot: &self.autopilot,
            settled: self.autopilot.settled(at),
            thrust: self.controller.thrust(),
        };
        let (name, fields) = compose(place, &view);
        self.send(name, &fields, &[]);
    }
    fn tell_texts(&mut self) {
        for (severity, text) in self.autopilot.take_texts() {
            self.send_text(severity, &text);
        }
    }
    fn send_text(&mut self, severity: Severity, text: &str) {
        let cut: String = text.chars().take(TEXT_MAX).collect();
        self.send("STATUSTEXT", &[("severity", f64::from(severity as u8))], &[("text", &cut)]);
    }
    fn send(&mut self, message: &str, fields: &[(&str, f64)], texts: &[(&str, &str)]) {
        let mut frame = Vec::new();
        self.vehicle
            .send(message, fields, texts, &mut frame)
            .expect("the twin sends only messages and fields of the common dialect; a story test sends each of them");
        self.outbox.push(frame);
    }
}
