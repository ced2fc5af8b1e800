//! The twin of a flight controller: MAVLink bytes on one side, the motors of a body in the hall on the other.

mod autopilot;
mod commands;
mod control;
mod params;
mod sensors;
#[cfg(test)]
mod story;
mod telemetry;

use crate::codec::mavlink::DialectSource;
use crate::codec::mavlink::device::{Received, Vehicle};
use crate::sim::random::Noise;
use crate::sim::world::quadrotor::Quadrotor;
use crate::time::{Span, Time};
use autopilot::{Autopilot, Severity};
use control::Controller;
use params::Params;
use sensors::{Estimate, Sensors};
use telemetry::{Telemetry, View, compose};

/// One turn of the flight controller's loop: 400 Hz, as ArduPilot's Copter.
pub const LOOP: Span = Span::from_micros(2_500);
/// A machine on the bench has been switched on for a while when a run begins.
const ON_SINCE: Span = Span::from_secs(10);
/// `STATUSTEXT` carries this many characters.
const TEXT_MAX: usize = 50;

/// What is wrong with the flight controller, on purpose.
#[derive(Clone, Debug, Default)]
struct Faults {
    silent: bool,
    deaf: bool,
    /// Bytes per second of garbage between the frames.
    garbage: f64,
    /// Garbage that is due, in bytes.
    garbage_due: f64,
}

/// The flight controller of one quadrotor.
pub struct FlightController {
    vehicle: Vehicle,
    system: u8,
    component: u8,
    /// What `AUTOPILOT_VERSION` tells as the board's own number.
    uid: u64,
    noise: Noise,
    sensors: Sensors,
    estimate: Estimate,
    controller: Controller,
    autopilot: Autopilot,
    telemetry: Telemetry,
    params: Params,
    params_to_tell: Option<usize>,
    booted: Time,
    faults: Faults,
    /// Reused between calls.
    received: Vec<Received>,
    /// Bytes on their way to the ground.
    outbox: Vec<u8>,
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
            estimate,
            controller: Controller::new(),
            autopilot: Autopilot::new(booted),
            telemetry: Telemetry::new(Noise::new(noise.seed(), 1), at),
            params: Params::new(system),
            params_to_tell: None,
            booted,
            faults: Faults::default(),
            noise,
            received: Vec::new(),
            outbox: Vec::new(),
        })
    }
    /// Takes bytes from the ground; answers are in [`take_bytes`](Self::take_bytes).
    pub fn receive(&mut self, at: Time, bytes: &[u8]) {
        if self.faults.deaf {
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
        self.estimate = self.sensors.look(body, LOOP.seconds());
        let motors = self.autopilot.step(at, &self.estimate, self.controller.thrust(), &self.params);
        let limits = self.params.limits();
        body.set_throttles(self.controller.step(&motors, &self.estimate, &limits, LOOP.seconds()));
        self.tell_texts();
        self.tell_next_param();
        let due: Vec<usize> = self.telemetry.due(at).collect();
        for place in due {
            self.tell(at, place);
        }
        self.add_garbage();
    }
    /// Bytes for the ground since the last call, if any.
    pub fn take_bytes(&mut self) -> Option<Vec<u8>> {
        let bytes = std::mem::take(&mut self.outbox);
        (!bytes.is_empty() && !self.faults.silent).then_some(bytes)
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
    /// Stops sending, or sends again.
    pub fn set_silent(&mut self, on: bool) {
        self.faults.silent = on;
    }
    /// Ignores the ground, or hears again.
    pub fn set_deaf(&mut self, on: bool) {
        self.faults.deaf = on;
    }
    /// Puts this many bytes of garbage a second between the frames.
    pub fn set_garbage(&mut self, rate: f64) {
        self.faults.garbage = rate.max(0.0);
    }
    /// Puts an error on a sensor, SI; false when there is no such field.
    pub fn set_bias(&mut self, field: &str, by: f64) -> bool {
        self.sensors.set_bias(field, by)
    }
    /// The fields that [`set_bias`](Self::set_bias) knows.
    pub fn bias_fields() -> &'static [&'static str] {
        &sensors::BIASES
    }

    fn uptime(&self, at: Time) -> Span {
        at.since(self.booted)
    }
    fn tell(&mut self, at: Time, place: usize) {
        let view = View {
            uptime: self.uptime(at),
            now: &self.estimate,
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
        self.vehicle
            .send(message, fields, texts, &mut self.outbox)
            .expect("the twin sends only messages and fields of the common dialect; a story test sends each of them");
    }
    fn add_garbage(&mut self) {
        self.faults.garbage_due += self.faults.garbage * LOOP.seconds();
        while self.faults.garbage_due >= 1.0 {
            self.faults.garbage_due -= 1.0;
            self.outbox.push(self.noise.byte());
        }
    }
}
