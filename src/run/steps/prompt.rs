//! `prompt`: asks the person beside the rig; "no" or silence aborts.

use super::Leaf;
use crate::run::Effects;
use crate::run::core::Core;
use crate::run::event::StepOutcome;
use crate::run::script::Progress;
use crate::scenario::plan::StepId;
use crate::time::{Span, Time};

pub(super) fn begin(id: StepId, text: &str, within: Span, core: &mut Core, out: &mut Effects) -> Leaf {
    core.ask(id, text, within, out);
    Leaf::Prompt { deadline: core.now() + within }
}

pub(super) fn poll(id: StepId, deadline: Time, core: &mut Core, out: &mut Effects) -> Progress {
    match core.answer(id, out) {
        Some(true) => Progress::Done,
        Some(false) => Progress::Ended(StepOutcome::Aborted("the person beside the rig said no".to_owned())),
        None if core.now() >= deadline => {
            core.refuse(out);
            Progress::Ended(StepOutcome::Aborted("nobody answered in time".to_owned()))
        }
        None => Progress::Running,
    }
}
