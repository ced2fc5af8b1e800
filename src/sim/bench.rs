//! The bench: the twins of a rig and their world, in step.

use super::devices::active::ActiveFaults;
use super::devices::hover_pilot::HoverPilot;
use super::devices::quadrotor::{FlightController, LOOP};
use super::random::Noise;
use super::world::hall::{BodyId, Hall, STEP_NANOS};
use crate::codec::{DeviceConfig, FieldValue, Protocol};
use crate::fault::{FramePipe, TwinFault};
use crate::rig::twins::{TWINS, TwinKind, WORLDS};
use crate::rig::{DeviceDef, Rig};
use crate::time::{Span, Time};
use crate::wire::{DeviceId, Frame, LinkId};

/// A bench that was not called for longer than this lets the missed time go, where it would else pour it out in one burst.
const LAG_MAX: Span = Span::from_secs(1);
/// The first of the streams of chance of what happens on the twins' wires.
const WIRES: u64 = 1 << 32;
/// Board number of a flight controller whose rig does not name one.
const UID: u64 = 1;

/// The twins of a rig, or some of them, with their world.
pub struct Bench {
    world: Hall,
    twins: Vec<Twin>,
    /// The instant of the run at which the bench's own time is zero; set by the first call.
    epoch: Option<Time>,
    /// When the next turn of world and machines is due, in the bench's own time.
    next_turn: Time,
    /// The winds that were begun and not ended, in order: the latest blows.
    winds: Vec<(f64, f64)>,
}

struct Twin {
    device: DeviceId,
    link: LinkId,
    /// What it can act out.
    acts: &'static TwinKind,
    /// The way out of it, with the faults on it and their keys.
    wire: FramePipe,
    wire_faults: ActiveFaults,
    kind: Kind,
}

impl Twin {
    /// Sends a serial device's frames: together, or, where faults act on the wire, each by itself.
    fn send_bytes(&mut self, at: Time, frames: Vec<Vec<u8>>, out: &mut Vec<Frame>) {
        if self.clean() {
            let bytes = frames.concat();
            if !bytes.is_empty() {
                out.push(Frame::serial(self.link, bytes));
            }
        } else {
            let link = self.link;
            self.send(at, frames.into_iter().map(|bytes| Frame::serial(link, bytes)), out);
        }
    }
    fn send(&mut self, at: Time, frames: impl IntoIterator<Item = Frame>, out: &mut Vec<Frame>) {
        if self.clean() {
            out.extend(frames);
            return;
        }
        frames.into_iter().for_each(|frame| self.wire.push(at, frame));
        self.drain(at, out);
    }
    /// What the faults on the wire let through by now.
    fn drain(&mut self, at: Time, out: &mut Vec<Frame>) {
        while let Some(frame) = self.wire.pop(at) {
            out.push(frame);
        }
    }
    /// Nothing acts on the wire, and nothing is still under way.
    fn clean(&self) -> bool {
        self.wire_faults.iter().next().is_none() && self.wire.next_deadline().is_none()
    }
}

enum Kind {
    Quadrotor { controller: Box<FlightController>, body: BodyId },
    HoverPilot(Box<HoverPilot>),
}

impl Bench {
    /// Sets up the twins of `devices` (all devices of the rig that have one: pass every id). The error names a twin that does not exist.
    pub fn new(rig: &Rig, seed: u64, devices: &[DeviceId]) -> Result<Bench, String> {
        if !rig.world.model.is_empty() && !WORLDS.iter().any(|kind| kind.name == rig.world.model) {
            let known: Vec<&str> = WORLDS.iter().map(|kind| kind.name).collect();
            return Err(format!("there is no world `{}` (there is {})", rig.world.model, known.join(", ")));
        }
        let mut world = Hall::new(seed, &rig.world.settings)?;
        let mut twins = Vec::new();
        for id in devices {
            let def = rig.devices.iter().find(|d| d.id == *id).ok_or_else(|| format!("the rig has no {id:?}"))?;
            let Some(twin) = def.twin.as_deref() else { continue };
            let acts = TwinKind::find(twin).ok_or_else(|| no_twin(twin))?;
            let config = config_of(rig, def)?;
            // Each twin has its own stream of numbers, so that leaving one out does not change the others.
            let noise = Noise::new(seed, 1 + u64::from(id.0));
            let kind = match twin {
                "quadrotor" => quadrotor(&mut world, config, noise)?,
                "hover-pilot" => Kind::HoverPilot(Box::new(HoverPilot::new(config, def.link, noise)?)),
                _ => return Err(no_twin(twin)),
            };
            let wire = FramePipe::new(Noise::new(seed, WIRES + u64::from(id.0)).seed());
            twins.push(Twin { device: *id, link: def.link, acts, wire, wire_faults: ActiveFaults::default(), kind });
        }
        Ok(Bench { world, twins, epoch: None, next_turn: Time::ZERO + LOOP, winds: Vec::new() })
    }
    /// MQTT topics that the twins on this link listen to.
    pub fn subscriptions(&self, link: LinkId) -> Vec<String> {
        let pilots = self.twins.iter().filter_map(|t| match &t.kind {
            Kind::HoverPilot(pilot) if t.link == link => Some(pilot),
            _ => None,
        });
        pilots.flat_map(|p| p.subscriptions()).map(|t| t.to_string()).collect()
    }
    /// Something arrived from the harness or (MQTT) from another client; answers go to `out`.
    pub fn receive(&mut self, at: Time, frame: &Frame, out: &mut Vec<Frame>) {
        let own = self.own_time(at);
        for twin in self.twins.iter_mut().filter(|t| t.link == frame.link) {
            match (&mut twin.kind, &frame.topic) {
                (Kind::Quadrotor { controller, .. }, None) => {
                    controller.receive(own, &frame.bytes);
                    let frames = controller.take_frames();
                    twin.send_bytes(own, frames, out);
                }
                (Kind::HoverPilot(pilot), Some(topic)) => pilot.receive(own, topic, &frame.bytes),
                // Bytes of the other kind of link cannot come from a rig that was checked.
                _ => {}
            }
        }
    }
    /// Does what is due: steps the world, sends telemetry. Frames without a topic are bytes for the serial link they name.
    pub fn tick(&mut self, at: Time, out: &mut Vec<Frame>) {
        let mut own = self.own_time(at);
        let lag = own.since(self.next_turn);
        if lag > LAG_MAX {
            self.epoch = self.epoch.map(|e| e + lag);
            own = self.own_time(at);
        }
        while self.next_turn <= own {
            self.turn(self.next_turn, out);
            self.next_turn += LOOP;
        }
        for twin in &mut self.twins {
            if let Kind::HoverPilot(pilot) = &mut twin.kind {
                let mut said = Vec::new();
                pilot.tick(own, &mut said);
                twin.send(own, said, out);
            }
            twin.drain(own, out);
        }
    }
    /// When `tick` wants to be called next.
    pub fn next_deadline(&self) -> Option<Time> {
        let Some(epoch) = self.epoch else {
            return (!self.twins.is_empty()).then_some(Time::ZERO);
        };
        let next = self.twins.iter().map(|t| match &t.kind {
            Kind::Quadrotor { .. } => self.next_turn,
            Kind::HoverPilot(pilot) => pilot.next_deadline(),
        });
        let wires = self.twins.iter().filter_map(|t| t.wire.next_deadline());
        next.chain(wires).min().map(|own| epoch + own.since(Time::ZERO))
    }
    /// Starts (`on`) or ends a fault; no device means the world. A fault that the twin cannot act out is told in words.
    pub fn fault(&mut self, at: Time, device: Option<DeviceId>, fault: &TwinFault, on: bool) -> Result<(), String> {
        let own = self.own_time(at);
        let Some(device) = device else { return self.blow(fault, on) };
        let twin = self.twins.iter_mut().find(|t| t.device == device);
        let twin = twin.ok_or_else(|| format!("{device:?} has no twin here to act out {fault:?}"))?;
        if let Some(why) = twin.acts.refuses(fault) {
            return Err(why);
        }
        if let TwinFault::Wire { fault: pipe } = fault {
            if on {
                let key = twin.wire_faults.start(own, fault);
                twin.wire.start(own, key, *pipe);
            } else if let Some(ended) = twin.wire_faults.stop(fault) {
                twin.wire.stop(ended.key);
            }
            return Ok(());
        }
        match (&mut twin.kind, on) {
            (Kind::Quadrotor { controller, body }, true) => {
                controller.start_fault(own, fault, self.world.body_mut(*body));
            }
            (Kind::Quadrotor { controller, .. }, false) => controller.stop_fault(fault),
            (Kind::HoverPilot(pilot), true) => pilot.start_fault(own, fault),
            (Kind::HoverPilot(pilot), false) => pilot.stop_fault(fault),
        }
        Ok(())
    }

    fn blow(&mut self, fault: &TwinFault, on: bool) -> Result<(), String> {
        let TwinFault::Wind { speed, from } = *fault else {
            return Err(format!("the world cannot act out {fault:?}"));
        };
        if on {
            self.winds.push((speed, from));
        } else if let Some(place) = self.winds.iter().position(|wind| *wind == (speed, from)) {
            self.winds.remove(place);
        }
        self.world.blow(self.winds.last().copied());
        Ok(())
    }

    fn own_time(&mut self, at: Time) -> Time {
        let epoch = *self.epoch.get_or_insert(at);
        Time::ZERO + at.since(epoch)
    }
    /// One turn of the machines' loop, with the steps of the world that belong to it.
    fn turn(&mut self, at: Time, out: &mut Vec<Frame>) {
        for _ in 0..LOOP.nanos() / STEP_NANOS {
            self.world.step();
        }
        for twin in &mut self.twins {
            if let Kind::Quadrotor { controller, body } = &mut twin.kind {
                controller.step(at, self.world.body_mut(*body));
                let frames = controller.take_frames();
                twin.send_bytes(at, frames, out);
            }
        }
    }
}

fn no_twin(twin: &str) -> String {
    let known: Vec<&str> = TWINS.iter().map(|kind| kind.name).collect();
    format!("there is no twin `{twin}` (there are {})", known.join(", "))
}

fn config_of<'a>(rig: &'a Rig, def: &DeviceDef) -> Result<&'a DeviceConfig, String> {
    let link = rig.links.iter().find(|l| l.id == def.link);
    link.and_then(|l| l.codec.devices.iter().find(|d| d.device == def.id))
        .ok_or_else(|| format!("device `{}` is not on the link that the rig gives it", def.name))
}

fn quadrotor(world: &mut Hall, config: &DeviceConfig, noise: Noise) -> Result<Kind, String> {
    let Protocol::Mavlink { dialect, system, component } = &config.protocol else {
        return Err(format!("the twin `quadrotor` of `{}` speaks MAVLink alone", config.name));
    };
    let uid = config.identity.iter().find(|(fact, _)| fact == "AUTOPILOT_VERSION.uid");
    let uid = match uid {
        Some((_, FieldValue::Number(uid))) => *uid as u64,
        _ => UID,
    };
    let body = world.park();
    let controller = FlightController::new(dialect, *system, *component, uid, noise, Time::ZERO, world.body(body))?;
    Ok(Kind::Quadrotor { controller: Box::new(controller), body })
}
