//! A quadrotor's flight controller on the bench: the machine of the rig between wire and hall.

use super::Machine;
use super::quadrotor::FlightController;
use crate::codec::{DeviceConfig, FieldValue, Protocol};
use crate::fault::TwinFault;
use crate::sim::random::Noise;
use crate::sim::world::World;
use crate::sim::world::hall::{BodyId, Hall};
use crate::time::Time;
use crate::wire::{Frame, LinkId};

/// Board number of a flight controller whose rig does not name one.
const UID: u64 = 1;

/// The controller and the body that it steers.
pub struct Quadrotor {
    controller: FlightController,
    body: BodyId,
}

impl Quadrotor {
    /// Parks another quadrotor in the hall.
    pub fn new(config: &DeviceConfig, noise: Noise, world: &mut dyn World) -> Result<Quadrotor, String> {
        let Protocol::Mavlink { dialect, system, component } = &config.protocol else {
            return Err(format!("the twin `quadrotor` of `{}` speaks MAVLink alone", config.name));
        };
        let uid = config.identity.iter().find(|(fact, _)| fact == "AUTOPILOT_VERSION.uid");
        let uid = match uid {
            Some((_, FieldValue::Number(uid))) => *uid as u64,
            _ => UID,
        };
        let Some(hall) = world.as_any().downcast_mut::<Hall>() else {
            return Err(format!("the twin `quadrotor` of `{}` flies in the world `hall` alone", config.name));
        };
        let body = hall.park();
        let controller = FlightController::new(dialect, *system, *component, uid, noise, Time::ZERO, hall.body(body))?;
        Ok(Quadrotor { controller, body })
    }
}

/// The hall in which it was parked.
fn hall(world: &mut dyn World) -> &mut Hall {
    world.as_any().downcast_mut().expect("it was parked in this hall")
}

impl Machine for Quadrotor {
    fn receive(&mut self, at: Time, frame: &Frame, _world: &mut dyn World) {
        self.controller.receive(at, &frame.bytes);
    }
    fn turn(&mut self, at: Time, world: &mut dyn World) {
        self.controller.step(at, hall(world).body_mut(self.body));
    }
    fn take(&mut self, link: LinkId, out: &mut Vec<Frame>) {
        out.extend(self.controller.take_frames().into_iter().map(|bytes| Frame::serial(link, bytes)));
    }
    fn start_fault(&mut self, at: Time, fault: &TwinFault, world: &mut dyn World) {
        self.controller.start_fault(at, fault, hall(world).body_mut(self.body));
    }
    fn stop_fault(&mut self, fault: &TwinFault, _world: &mut dyn World) {
        self.controller.stop_fault(fault);
    }
}
