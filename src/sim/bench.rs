//! The bench: the twins of a rig and their world, in step.

use super::devices::hover_pilot::HoverPilot;
use super::devices::quadrotor::{FlightController, LOOP};
use super::random::Noise;
use super::world::hall::{BodyId, Hall, STEP_NANOS};
use crate::codec::{DeviceConfig, FieldValue, Protocol};
use crate::fault::TwinFault;
use crate::rig::twins::{TWINS, WORLDS};
use crate::rig::{DeviceDef, Rig};
use crate::time::{Span, Time};
use crate::wire::{DeviceId, Frame, LinkId};

/// A bench that was not called for longer than this lets the missed time go, where it would else pour it out in one burst.
const LAG_MAX: Span = Span::from_secs(1);
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
    /// What was begun and not ended, in order: where two of a kind overlap, the later one counts until it ends.
    active: Vec<(Option<DeviceId>, TwinFault)>,
}

struct Twin {
    device: DeviceId,
    link: LinkId,
    kind: Kind,
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
            let config = config_of(rig, def)?;
            // Each twin has its own stream of numbers, so that leaving one out does not change the others.
            let noise = Noise::new(seed, 1 + u64::from(id.0));
            let kind = match twin {
                "quadrotor" => quadrotor(&mut world, config, noise)?,
                "hover-pilot" => Kind::HoverPilot(Box::new(HoverPilot::new(config, def.link, noise)?)),
                _ => {
                    let known: Vec<&str> = TWINS.iter().map(|kind| kind.name).collect();
                    return Err(format!("there is no twin `{twin}` (there are {})", known.join(", ")));
                }
            };
            twins.push(Twin { device: *id, link: def.link, kind });
        }
        Ok(Bench { world, twins, epoch: None, next_turn: Time::ZERO + LOOP, active: Vec::new() })
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
                    out.extend(controller.take_bytes().map(|bytes| Frame::serial(twin.link, bytes)));
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
                pilot.tick(own, out);
            }
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
        next.min().map(|own| epoch + own.since(Time::ZERO))
    }
    /// Starts (`on`) or ends a fault; no device means the world. A fault that the twin cannot act out is told in words.
    pub fn fault(&mut self, at: Time, device: Option<DeviceId>, fault: &TwinFault, on: bool) -> Result<(), String> {
        let own = self.own_time(at);
        self.act(own, device, fault, on)?;
        if on {
            self.active.push((device, fault.clone()));
            return Ok(());
        }
        if let Some(place) = self.active.iter().position(|(d, f)| *d == device && f == fault) {
            self.active.remove(place);
        }
        let lasting = |f: &TwinFault| !matches!(f, TwinFault::Restart | TwinFault::Battery { .. });
        let rest: Vec<TwinFault> =
            self.active.iter().filter(|(d, f)| *d == device && lasting(f)).map(|(_, f)| f.clone()).collect();
        rest.iter().try_for_each(|fault| self.act(own, device, fault, true))
    }

    fn act(&mut self, own: Time, device: Option<DeviceId>, fault: &TwinFault, on: bool) -> Result<(), String> {
        let Some(device) = device else {
            return match fault {
                TwinFault::Wind { speed, from } => {
                    self.world.blow(on.then_some((*speed, *from)));
                    Ok(())
                }
                _ => Err(format!("the world cannot act out {}", words(fault))),
            };
        };
        let twin = self.twins.iter_mut().find(|t| t.device == device);
        let twin = twin.ok_or_else(|| format!("{device:?} has no twin here to act out {}", words(fault)))?;
        match &mut twin.kind {
            Kind::Quadrotor { controller, body } => quadrotor_fault(own, controller, *body, &mut self.world, fault, on),
            Kind::HoverPilot(pilot) => pilot_fault(pilot, fault, on),
        }
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
                out.extend(controller.take_bytes().map(|bytes| Frame::serial(twin.link, bytes)));
            }
        }
    }
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

fn quadrotor_fault(
    at: Time,
    controller: &mut FlightController,
    body: BodyId,
    world: &mut Hall,
    fault: &TwinFault,
    on: bool,
) -> Result<(), String> {
    match fault {
        TwinFault::Silence => controller.set_silent(on),
        TwinFault::Deaf => controller.set_deaf(on),
        TwinFault::Garbage { rate } => controller.set_garbage(if on { *rate } else { 0.0 }),
        TwinFault::Restart if on => controller.restart(at, world.body_mut(body)),
        TwinFault::Battery { level } if on => world.body_mut(body).battery.set_charge(*level),
        // A restart is over at once, and charge does not come back by itself.
        TwinFault::Restart | TwinFault::Battery { .. } => {}
        TwinFault::Motor { index, gain } => {
            // Motors count from 1, as they are labelled on the machine.
            let motor = usize::from(*index).checked_sub(1).unwrap_or(usize::MAX);
            if !world.body_mut(body).set_motor_gain(motor, if on { *gain } else { 1.0 }) {
                return Err(format!("there is no motor {index} (there are 1 to 4)"));
            }
        }
        TwinFault::SensorBias { field, by } => {
            if !controller.set_bias(field, if on { *by } else { 0.0 }) {
                let known = FlightController::bias_fields().join(", ");
                return Err(format!("no sensor field `{field}` can be off (there are {known})"));
            }
        }
        TwinFault::Wind { .. } => return Err("wind blows on the world, not on one device".to_owned()),
    }
    Ok(())
}

fn pilot_fault(pilot: &mut HoverPilot, fault: &TwinFault, on: bool) -> Result<(), String> {
    match fault {
        TwinFault::Silence => pilot.set_silent(on),
        TwinFault::Deaf => pilot.set_deaf(on),
        TwinFault::Garbage { .. } => pilot.set_garbled(on),
        TwinFault::Restart => {
            if on {
                pilot.restart();
            }
        }
        _ => return Err(format!("the twin `hover-pilot` cannot act out {}", words(fault))),
    }
    Ok(())
}

fn words(fault: &TwinFault) -> &'static str {
    match fault {
        TwinFault::Wind { .. } => "wind",
        TwinFault::Silence => "silence",
        TwinFault::Garbage { .. } => "garbage",
        TwinFault::Restart => "a restart",
        TwinFault::Deaf => "deafness",
        TwinFault::Battery { .. } => "a battery level",
        TwinFault::Motor { .. } => "a weak motor",
        TwinFault::SensorBias { .. } => "a sensor bias",
    }
}
