//! The bench: the twins of a rig and their world, in step.

use super::devices::active::ActiveFaults;
use super::devices::{self, Controller, Machine};
use super::random::Noise;
use super::world::{self, World};
use crate::codec::DeviceConfig;
use crate::fault::{FramePipe, TwinFault};
use crate::rig::twins::{TWINS, TwinKind};
use crate::rig::{DeviceDef, Rig};
use crate::time::{Span, Time};
use crate::wire::{DeviceId, Frame, LinkId};

/// A bench that was not called for longer than this lets the missed time go, where it would else pour it out in one burst.
const LAG_MAX: Span = Span::from_secs(1);
/// The first of the streams of chance of what happens on the twins' wires.
const WIRES: u64 = 1 << 32;
/// The twins of a rig, or some of them, with their world.
pub struct Bench {
    world: Box<dyn World>,
    twins: Vec<Twin>,
    /// The instant of the run at which the bench's own time is zero; set by the first call.
    epoch: Option<Time>,
    /// When the next turn of world and machines is due, in the bench's own time.
    next_turn: Time,
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
    /// Sends what it has said: a serial device's frames together, or, where faults act on the wire, each by itself.
    fn send(&mut self, at: Time, said: Vec<Frame>, out: &mut Vec<Frame>) {
        if !self.clean() {
            said.into_iter().for_each(|frame| self.wire.push(at, frame));
            self.drain(at, out);
        } else if said.iter().all(|frame| frame.topic.is_none()) {
            let bytes: Vec<u8> = said.iter().flat_map(|frame| &frame.bytes).copied().collect();
            if !bytes.is_empty() {
                out.push(Frame::serial(self.link, bytes));
            }
        } else {
            out.extend(said);
        }
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
    /// It stands in the world, and goes on with its turns.
    Machine(Box<dyn Machine>),
    /// It thinks by itself, when it has something to think about.
    Controller(Box<dyn Controller>),
}

impl Bench {
    /// Sets up the twins of `devices` (all devices of the rig that have one: pass every id). The error names a twin that does not exist.
    pub fn new(rig: &Rig, seed: u64, devices: &[DeviceId]) -> Result<Bench, String> {
        let mut world = world::build(rig, seed)?;
        let mut twins = Vec::new();
        for id in devices {
            let def = rig.devices.iter().find(|d| d.id == *id).ok_or_else(|| format!("the rig has no {id:?}"))?;
            let Some(twin) = def.twin.as_deref() else { continue };
            let acts = TwinKind::find(twin).ok_or_else(|| no_twin(twin))?;
            let config = config_of(rig, def)?;
            // Each twin has its own stream of numbers, so that leaving one out does not change the others.
            let noise = Noise::new(seed, 1 + u64::from(id.0));
            let kind = match acts.asks {
                true => Kind::Controller(devices::controller(twin, config, def.policy.as_ref(), def.link, noise)?),
                false => Kind::Machine(devices::machine(twin, config, noise, world.as_mut())?),
            };
            let wire = FramePipe::new(Noise::new(seed, WIRES + u64::from(id.0)).seed());
            twins.push(Twin { device: *id, link: def.link, acts, wire, wire_faults: ActiveFaults::default(), kind });
        }
        let next_turn = Time::ZERO + world.turn_length();
        Ok(Bench { world, twins, epoch: None, next_turn })
    }
    /// MQTT topics that the twins on this link listen to.
    pub fn subscriptions(&self, link: LinkId) -> Vec<String> {
        let own = |twin: &Twin| match &twin.kind {
            Kind::Controller(controller) => controller.subscriptions(),
            Kind::Machine(machine) => machine.subscriptions(),
        };
        self.twins.iter().filter(|twin| twin.link == link).flat_map(own).collect()
    }
    /// Something arrived from the harness or (MQTT) from another client; answers go to `out`.
    pub fn receive(&mut self, at: Time, frame: &Frame, out: &mut Vec<Frame>) {
        let own = self.own_time(at);
        for twin in self.twins.iter_mut().filter(|t| t.link == frame.link) {
            let mut said = Vec::new();
            match &mut twin.kind {
                Kind::Machine(machine) => {
                    machine.receive(own, frame, self.world.as_mut());
                    machine.take(twin.link, &mut said);
                }
                Kind::Controller(controller) => controller.receive(own, frame),
            }
            twin.send(own, said, out);
        }
    }
    /// Does what is due: steps the world, sends telemetry. Frames without a topic are bytes for the serial link they name.
    pub fn tick(&mut self, at: Time, out: &mut Vec<Frame>) {
        let mut own = self.own_time(at);
        let lag = own.since(self.next_turn);
        if lag > LAG_MAX.max(self.world.turn_length()) {
            self.epoch = self.epoch.map(|e| e + lag);
            own = self.own_time(at);
        }
        while self.next_turn <= own {
            self.turn(self.next_turn, out);
            self.next_turn += self.world.turn_length();
        }
        for twin in &mut self.twins {
            let mut said = Vec::new();
            match &mut twin.kind {
                Kind::Controller(controller) => controller.tick(own, &mut said),
                Kind::Machine(machine) if machine.next_deadline().is_some_and(|due| due <= own) => {
                    machine.tick(own, self.world.as_mut());
                    machine.take(twin.link, &mut said);
                }
                Kind::Machine(_) => {}
            }
            twin.send(own, said, out);
            twin.drain(own, out);
        }
    }
    /// When `tick` wants to be called next.
    pub fn next_deadline(&self) -> Option<Time> {
        let Some(epoch) = self.epoch else {
            return (!self.twins.is_empty()).then_some(Time::ZERO);
        };
        let next = self.twins.iter().map(|t| match &t.kind {
            Kind::Machine(machine) => machine.next_deadline().map_or(self.next_turn, |due| due.min(self.next_turn)),
            Kind::Controller(controller) => controller.next_deadline(),
        });
        let wires = self.twins.iter().filter_map(|t| t.wire.next_deadline());
        next.chain(wires).min().map(|own| epoch + own.since(Time::ZERO))
    }
    /// Starts (`on`) or ends a fault; no device means the world. A fault that the twin cannot act out is told in words.
    pub fn fault(&mut self, at: Time, device: Option<DeviceId>, fault: &TwinFault, on: bool) -> Result<(), String> {
        let own = self.own_time(at);
        let Some(device) = device else { return self.world.fault(fault, on) };
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
            (Kind::Machine(machine), true) => machine.start_fault(own, fault, self.world.as_mut()),
            (Kind::Machine(machine), false) => machine.stop_fault(fault, self.world.as_mut()),
            (Kind::Controller(controller), true) => controller.start_fault(own, fault),
            (Kind::Controller(controller), false) => controller.stop_fault(fault),
        }
        Ok(())
    }

    fn own_time(&mut self, at: Time) -> Time {
        let epoch = *self.epoch.get_or_insert(at);
        Time::ZERO + at.since(epoch)
    }
    /// One turn of the machines' loop, with the steps of the world that belong to it.
    fn turn(&mut self, at: Time, out: &mut Vec<Frame>) {
        self.world.turn();
        for twin in &mut self.twins {
            if let Kind::Machine(machine) = &mut twin.kind {
                let mut said = Vec::new();
                machine.turn(at, self.world.as_mut());
                machine.take(twin.link, &mut said);
                twin.send(at, said, out);
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
