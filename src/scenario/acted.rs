//! The faults of a plan that its twins act out, in one order: whoever checked the same scenario counts them the same.

use super::plan::{Plan, Step, StepKind};
use crate::fault::{FaultTarget, TwinFault, Way};
use crate::rig::DeviceDef;
use crate::wire::DeviceId;

/// A fault of a plan with the device that acts it out (`None`: the world).
pub type ActedFault = (Option<DeviceId>, TwinFault);

impl Plan {
    /// What twins and world may be told to act out, in the order of the steps.
    pub fn acted_faults(&self) -> Vec<ActedFault> {
        let mut acted = Vec::new();
        collect(&self.steps, &self.rig.devices, &mut acted);
        collect(&self.finally, &self.rig.devices, &mut acted);
        acted
    }
}

fn collect(steps: &[Step], devices: &[DeviceDef], acted: &mut Vec<ActedFault>) {
    for step in steps {
        match &step.kind {
            StepKind::Inject { fault, .. } => match &fault.target {
                FaultTarget::Twin { device, fault } => acted.push((Some(*device), fault.clone())),
                FaultTarget::World { fault } => acted.push((None, fault.clone())),
                FaultTarget::Link { link, way: Way::In | Way::Both, fault } => {
                    let twins = devices.iter().filter(|device| device.link == *link);
                    acted.extend(twins.map(|device| (Some(device.id), TwinFault::Wire { fault: *fault })));
                }
                FaultTarget::Tells { .. } | FaultTarget::Says { .. } | FaultTarget::Link { .. } => {}
            },
            StepKind::Phase { steps, .. } | StepKind::Repeat { steps, .. } | StepKind::When { steps, .. } => {
                collect(steps, devices, acted);
            }
            StepKind::Parallel { lanes } => lanes.iter().for_each(|lane| collect(lane, devices, acted)),
            _ => {}
        }
    }
}
