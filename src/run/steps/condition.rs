//! `expect` and `wait`: a formula must be proven before the deadline; a sample stamped exactly at it is in time.

use crate::run::ProbeId;
use crate::run::core::Core;
use crate::run::event::StepOutcome;
use crate::run::script::Progress;
use crate::stl::Truth;
use crate::time::{Span, Time};

/// What it means when the formula did not hold in time.
#[derive(Copy, Clone, PartialEq, Eq)]
pub(super) enum Missing {
    /// `expect`: a requirement was not met.
    Fails,
    /// `wait`: a precondition was not met.
    LeavesOpen,
}

pub(super) fn poll(probe: ProbeId, deadline: Time, within: Span, missing: Missing, core: &Core) -> Progress {
    let truth = core.truth(probe);
    if truth == Truth::True && core.now() <= deadline {
        return Progress::Done;
    }
    if core.now() < deadline {
        return Progress::Running;
    }
    let what = match truth {
        Truth::Unknown => format!("unknown at the end of {within}"),
        Truth::True | Truth::False => format!("did not hold within {within}"),
    };
    Progress::Ended(match (missing, truth) {
        (Missing::Fails, Truth::Unknown) | (Missing::LeavesOpen, _) => StepOutcome::Inconclusive(what),
        (Missing::Fails, _) => StepOutcome::Failed(what),
    })
}
