//! `do`: gives a command and waits for its acknowledgement.

use super::Leaf;
use crate::command::{Authority, Command, Ticket};
use crate::run::Effects;
use crate::run::core::{Core, TicketState};
use crate::run::event::StepOutcome;
use crate::run::script::Progress;
use crate::scenario::plan::StepId;
use crate::time::{Span, Time};

pub(super) fn begin(
    _id: StepId,
    command: &Command,
    within: Span,
    core: &mut Core,
    out: &mut Effects,
) -> Result<Leaf, StepOutcome> {
    let acked = core.plan().rig.commands.def(command.id).acked;
    match core.give(Authority::Script, *command, out) {
        Ok(ticket) if acked => Ok(Leaf::Command { ticket, deadline: core.now() + within }),
        Ok(_) => Err(StepOutcome::Done),
        Err(why) => Err(StepOutcome::Inconclusive(why)),
    }
}

pub(super) fn poll(ticket: Ticket, deadline: Time, core: &mut Core) -> Progress {
    match core.ticket(ticket) {
        TicketState::Acked => Progress::Done,
        TicketState::Refused(reason) => {
            Progress::Ended(StepOutcome::Inconclusive(format!("the device refused: {reason}")))
        }
        TicketState::Unanswered => {
            Progress::Ended(StepOutcome::Inconclusive("the device did not acknowledge".to_owned()))
        }
        TicketState::Lapsed => {
            Progress::Ended(StepOutcome::Inconclusive("its time was over before it could leave".to_owned()))
        }
        TicketState::Open if core.now() >= deadline => {
            Progress::Ended(StepOutcome::Inconclusive("no acknowledgement in time".to_owned()))
        }
        TicketState::Open if core.tripped().is_some() => {
            Progress::Ended(StepOutcome::Skipped("the guard has tripped".to_owned()))
        }
        TicketState::Open => Progress::Running,
    }
}
