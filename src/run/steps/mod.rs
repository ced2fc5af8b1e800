//! Leaf steps, one file per kind: each is a small state machine with a deadline.
//!
//! # Adding a step
//! 1. A file here with `begin` and `poll`.
//! 2. A variant of `StepKind` and `ScriptKind`; the compiler lists the rest.

mod command;
mod condition;
mod hold;
mod inject;
mod prompt;
pub(super) mod rehearse;

use super::Effects;
use super::core::Core;
use super::event::StepOutcome;
use super::script::{Progress, ScriptKind, skip_commands};
use crate::command::Ticket;
use crate::scenario::plan::StepId;
use crate::time::Time;

/// A leaf step under way.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Leaf {
    /// A command was given and its acknowledgement is awaited.
    Command {
        ticket: Ticket,
        deadline: Time,
    },
    /// A formula must hold before the deadline.
    Condition {
        deadline: Time,
    },
    Hold {
        until: Time,
    },
    Prompt {
        deadline: Time,
    },
    /// A rung is tried by itself.
    Rung {
        since: Time,
        deadline: Time,
    },
    /// Our heartbeat is held back.
    Mute {
        since: Time,
        deadline: Time,
    },
}

impl Leaf {
    /// When it wants to be polled, samples aside.
    pub fn deadline(&self) -> Option<Time> {
        match self {
            Leaf::Command { deadline, .. }
            | Leaf::Condition { deadline }
            | Leaf::Prompt { deadline }
            | Leaf::Rung { deadline, .. }
            | Leaf::Mute { deadline, .. } => Some(*deadline),
            Leaf::Hold { until } => Some(*until),
        }
    }
}

/// Starts a leaf step; `Err` is one that was over at once.
pub(super) fn begin(id: StepId, kind: &ScriptKind, core: &mut Core, out: &mut Effects) -> Result<Leaf, StepOutcome> {
    if let Some(skipped) = skip_commands(kind, core) {
        return Err(skipped);
    }
    match kind {
        ScriptKind::Do { command, within } => command::begin(id, command, *within, core, out),
        ScriptKind::Expect { within, .. } | ScriptKind::Wait { within, .. } => {
            Ok(Leaf::Condition { deadline: core.now() + *within })
        }
        ScriptKind::Hold { span } => Ok(hold::begin(*span, core)),
        ScriptKind::Inject { fault, visible } => Err(inject::begin(fault, *visible, core, out)),
        ScriptKind::Prompt { text, within } => Ok(prompt::begin(id, text, *within, core, out)),
        ScriptKind::Rung { ladder, rung } => rehearse::begin_rung(*ladder, *rung, core, out),
        ScriptKind::Mute { device, ladder, within } => rehearse::begin_mute(*device, *ladder, *within, core),
        ScriptKind::Phase { .. }
        | ScriptKind::Parallel { .. }
        | ScriptKind::Repeat { .. }
        | ScriptKind::When { .. } => unreachable!("the script walks these itself"),
    }
}

/// Looks at a leaf step at the present instant.
pub(super) fn poll(id: StepId, kind: &ScriptKind, leaf: &mut Leaf, core: &mut Core, out: &mut Effects) -> Progress {
    match (leaf, kind) {
        (Leaf::Command { ticket, deadline }, _) => command::poll(*ticket, *deadline, core),
        (Leaf::Condition { deadline }, ScriptKind::Expect { probe, within }) => {
            condition::poll(*probe, *deadline, *within, condition::Missing::Fails, core)
        }
        (Leaf::Condition { deadline }, ScriptKind::Wait { probe, within }) => {
            condition::poll(*probe, *deadline, *within, condition::Missing::LeavesOpen, core)
        }
        (Leaf::Hold { until }, _) => hold::poll(*until, core),
        (Leaf::Prompt { deadline }, _) => prompt::poll(id, *deadline, core, out),
        (Leaf::Rung { since, deadline }, ScriptKind::Rung { ladder, rung }) => {
            rehearse::poll_rung(*ladder, *rung, *since, *deadline, core, out)
        }
        (Leaf::Mute { since, deadline }, ScriptKind::Mute { device, ladder, .. }) => {
            rehearse::poll_mute(*device, *ladder, *since, *deadline, core, out)
        }
        (Leaf::Rung { .. } | Leaf::Mute { .. }, _) => unreachable!("a leaf belongs to its own kind of step"),
        (Leaf::Condition { .. }, _) => unreachable!("only expect and wait await a condition"),
    }
}
