//! `inject`: starts a fault and goes on.

use crate::fault::FaultSpec;
use crate::run::Effects;
use crate::run::core::Core;
use crate::run::event::StepOutcome;

pub(super) fn begin(fault: &FaultSpec, core: &mut Core, out: &mut Effects) -> StepOutcome {
    match core.start_fault(fault, out) {
        Ok(()) => StepOutcome::Done,
        Err(why) => StepOutcome::Inconclusive(why),
    }
}
