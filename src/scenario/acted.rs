//! The faults of a plan that its twins act out, in one order: whoever checked the same scenario counts them the same.

use super::plan::{Plan, Step, StepKind};
use crate::fault::{FaultTarget, TwinFault};
use crate::wire::DeviceId;

/// A fault of a plan with the device that acts it out (`None`: the world).
pub type ActedFault = (Option<DeviceId>, TwinFault);

impl Plan {
    /// What twins and world may be told to act out, in the order of the steps.
    pub fn acted_faults(&self) -> Vec<ActedFault> {
        let mut acted = Vec::new();
        collect(&self.steps, &mut acted);
        collect(&self.finally, &mut acted);
        acted
    }
}

fn collect(steps: &[Step], acted: &mut Vec<ActedFault>) {
    for step in steps {
        match &step.kind {
            StepKind::Inject { fault, .. } => match &fault.target {
                FaultTarget::Twin { device, fault } => acted.push((Some(*device), fault.clone())),
                FaultTarget::World { fault } => acted.push((None, fault.clone())),
                FaultTarget::Tells { .. } | FaultTarget::Says { .. } | FaultTarget::Link { .. } => {}
            },
            StepKind::Phase { steps, .. } | StepKind::Repeat { steps, .. } | StepKind::When { steps, .. } => {
                collect(steps, acted);
            }
            StepKind::Parallel { lanes } => lanes.iter().for_each(|lane| collect(lane, acted)),
            _ => {}
        }
    }
}
