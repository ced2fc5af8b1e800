//! `inject`: starts a fault and goes on.

use crate::fault::FaultSpec;
use crate::run::core::Core;
use crate::run::event::StepOutcome;
use crate::run::{Effects, ProbeId};

pub(super) fn begin(fault: &FaultSpec, visible: Option<ProbeId>, core: &mut Core, out: &mut Effects) -> StepOutcome {
    match core.start_fault(fault, visible, out) {
        Ok(()) => StepOutcome::Done,
        Err(why) => StepOutcome::Inconclusive(why),
    }
}
