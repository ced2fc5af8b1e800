//! The script's interpreter: sequences of steps, side by side where the scenario says so.
//!
//! Leaf steps live in [`steps`](super::steps), one file per kind; here is what nests.

use super::core::Core;
use super::event::{EventKind, StepOutcome};
use super::steps::{self, Leaf};
use super::{Effects, ProbeId};
use crate::command::Command;
use crate::fault::FaultSpec;
use crate::guard::{LadderId, RungId};
use crate::scenario::plan::{Step, StepId, StepKind};
use crate::stl::Truth;
use crate::time::{Span, Time};
use crate::wire::DeviceId;
use std::sync::Arc;

/// A list of steps, shared between the plan's tree and the lanes that walk it.
pub(super) type Steps = Arc<[ScriptStep]>;

/// A step ready to run: its formulas are probes of the engine.
#[derive(Clone, Debug)]
pub(super) struct ScriptStep {
    pub id: StepId,
    pub kind: ScriptKind,
}

#[derive(Clone, Debug)]
pub(super) enum ScriptKind {
    Do { command: Command, within: Span },
    Expect { probe: ProbeId, within: Span },
    Wait { probe: ProbeId, within: Span },
    Hold { span: Span },
    Inject { fault: FaultSpec, visible: Option<ProbeId> },
    Prompt { text: String, within: Span },
    Phase { phase: u16, steps: Steps },
    Parallel { lanes: Vec<Steps> },
    Repeat { times: u32, steps: Steps },
    When { probe: ProbeId, steps: Steps },
    Rung { ladder: LadderId, rung: RungId },
    Mute { device: DeviceId, ladder: LadderId, within: Span },
}

/// Turns the plan's steps into runnable ones; `probe` hands out the engine's place for a formula.
pub(super) fn prepare(steps: &[Step], probe: &mut dyn FnMut(&crate::expr::ir::Formula) -> ProbeId) -> Steps {
    steps
        .iter()
        .map(|step| ScriptStep {
            id: step.id,
            kind: match &step.kind {
                StepKind::Do { command, within } => ScriptKind::Do { command: *command, within: *within },
                StepKind::Expect { formula, within } => ScriptKind::Expect { probe: probe(formula), within: *within },
                StepKind::Wait { formula, within } => ScriptKind::Wait { probe: probe(formula), within: *within },
                StepKind::Hold { span } => ScriptKind::Hold { span: *span },
                StepKind::Inject { fault, visible } => {
                    ScriptKind::Inject { fault: fault.clone(), visible: visible.as_ref().map(&mut *probe) }
                }
                StepKind::Prompt { text, within } => ScriptKind::Prompt { text: text.clone(), within: *within },
                StepKind::Rung { ladder, rung } => ScriptKind::Rung { ladder: *ladder, rung: *rung },
                StepKind::Mute { device, ladder, within } => {
                    ScriptKind::Mute { device: *device, ladder: *ladder, within: *within }
                }
                StepKind::Phase { phase, steps } => ScriptKind::Phase { phase: *phase, steps: prepare(steps, probe) },
                StepKind::Parallel { lanes } => {
                    ScriptKind::Parallel { lanes: lanes.iter().map(|lane| prepare(lane, probe)).collect() }
                }
                StepKind::Repeat { times, steps } => ScriptKind::Repeat { times: *times, steps: prepare(steps, probe) },
                StepKind::When { formula, steps } => {
                    ScriptKind::When { probe: probe(formula), steps: prepare(steps, probe) }
                }
            },
        })
        .collect()
}

/// How far a sequence or step came in one call.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Progress {
    Running,
    Done,
    /// It ended otherwise; everything around it ends too.
    Ended(StepOutcome),
}

/// What became known when a step ended.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Ended {
    /// A requirement.
    Expect,
    /// Any other step, by itself.
    Itself,
    /// A group, since what is inside it ended: said for the innermost alone.
    Around,
}

/// A walk over a list of steps.
#[derive(Debug)]
pub(super) struct Sequence {
    steps: Steps,
    next: usize,
    active: Option<(usize, Active)>,
    /// Clean-up goes on after a step that did not end well.
    keeps_going: bool,
}

#[derive(Debug)]
enum Active {
    Leaf(Leaf),
    Group { lanes: Vec<Sequence>, repeats_left: u32 },
}

impl Sequence {
    pub fn new(steps: Steps) -> Sequence {
        Sequence { steps, next: 0, active: None, keeps_going: false }
    }

    /// The steps of `finally`: each gets its chance, whatever became of the one before.
    pub fn cleanup(steps: Steps) -> Sequence {
        Sequence { keeps_going: true, ..Sequence::new(steps) }
    }

    /// Goes on as far as it can at the present instant.
    pub fn poll(&mut self, core: &mut Core, out: &mut Effects) -> Progress {
        loop {
            let Some((index, active)) = &mut self.active else {
                if self.next == self.steps.len() {
                    return Progress::Done;
                }
                let index = self.next;
                self.next += 1;
                let step = self.steps[index].clone();
                core.step_started(step.id, out);
                match begin(&step, core, out) {
                    Ok(active) => self.active = Some((index, active)),
                    Err(outcome) => {
                        core.step_ended(step.id, Ended::Itself, outcome.clone(), out);
                        let well = matches!(outcome, StepOutcome::Done | StepOutcome::Skipped(_));
                        if !self.keeps_going && !well {
                            return Progress::Ended(outcome);
                        }
                    }
                }
                continue;
            };
            let step = &self.steps[*index];
            let outcome = match poll_active(step, active, core, out) {
                Progress::Running => return Progress::Running,
                Progress::Done => StepOutcome::Done,
                Progress::Ended(outcome) => outcome,
            };
            leave(step, active, core, out);
            let ended = match (&step.kind, &active) {
                (_, Active::Group { .. }) => Ended::Around,
                (ScriptKind::Expect { .. } | ScriptKind::Rung { .. } | ScriptKind::Mute { .. }, _) => Ended::Expect,
                _ => Ended::Itself,
            };
            core.step_ended(step.id, ended, outcome.clone(), out);
            self.active = None;
            let well = matches!(outcome, StepOutcome::Done | StepOutcome::Skipped(_));
            if !self.keeps_going && !well {
                return Progress::Ended(outcome);
            }
        }
    }

    /// Ends whatever runs.
    pub fn cancel(&mut self, why: &str, core: &mut Core, out: &mut Effects) {
        self.next = self.steps.len();
        if let Some((index, mut active)) = self.active.take() {
            if let Active::Group { lanes, .. } = &mut active {
                for lane in lanes {
                    lane.cancel(why, core, out);
                }
            }
            let step = &self.steps[index];
            leave(step, &active, core, out);
            core.step_ended(step.id, Ended::Itself, StepOutcome::Skipped(why.to_owned()), out);
        }
    }

    /// When it wants to be polled next, samples aside.
    pub fn next_deadline(&self) -> Option<Time> {
        match &self.active {
            Some((_, Active::Leaf(leaf))) => leaf.deadline(),
            Some((_, Active::Group { lanes, .. })) => lanes.iter().filter_map(Sequence::next_deadline).min(),
            None => None,
        }
    }
}

/// Starts a step. `Err` is a step that was over at once.
fn begin(step: &ScriptStep, core: &mut Core, out: &mut Effects) -> Result<Active, StepOutcome> {
    let group = |lanes: Vec<Sequence>, repeats_left| Active::Group { lanes, repeats_left };
    match &step.kind {
        ScriptKind::Phase { phase, steps } => {
            core.enter_phase(step.id, *phase, out);
            Ok(group(vec![Sequence::new(steps.clone())], 0))
        }
        ScriptKind::Parallel { lanes } => Ok(group(lanes.iter().cloned().map(Sequence::new).collect(), 0)),
        ScriptKind::Repeat { times: 0, .. } => Err(StepOutcome::Done),
        ScriptKind::Repeat { times, steps } => Ok(group(vec![Sequence::new(steps.clone())], times - 1)),
        ScriptKind::When { probe, steps } => match core.truth(*probe) {
            Truth::True => Ok(group(vec![Sequence::new(steps.clone())], 0)),
            Truth::False => Err(StepOutcome::Skipped("its condition does not hold".to_owned())),
            Truth::Unknown => Err(StepOutcome::Inconclusive("its condition is unknown".to_owned())),
        },
        leaf => steps::begin(step.id, leaf, core, out).map(Active::Leaf),
    }
}

fn poll_active(step: &ScriptStep, active: &mut Active, core: &mut Core, out: &mut Effects) -> Progress {
    match active {
        Active::Leaf(leaf) => steps::poll(step.id, &step.kind, leaf, core, out),
        Active::Group { lanes, repeats_left } => loop {
            let mut running = false;
            let mut ended = None;
            for lane in lanes.iter_mut() {
                match lane.poll(core, out) {
                    Progress::Running => running = true,
                    Progress::Done => {}
                    Progress::Ended(outcome) => {
                        ended = Some(outcome);
                        break;
                    }
                }
            }
            if let Some(outcome) = ended {
                for lane in lanes.iter_mut() {
                    lane.cancel("another step beside it ended the script", core, out);
                }
                return Progress::Ended(outcome);
            }
            if running {
                return Progress::Running;
            }
            if *repeats_left == 0 {
                return Progress::Done;
            }
            *repeats_left -= 1;
            if let ScriptKind::Repeat { steps, .. } = &step.kind {
                *lanes = vec![Sequence::new(steps.clone())];
            }
        },
    }
}

/// Gives back what a step held, however it ended: its phase, its question, its place in the table of answers.
fn leave(step: &ScriptStep, active: &Active, core: &mut Core, out: &mut Effects) {
    match (&step.kind, active) {
        (ScriptKind::Phase { .. }, _) => core.leave_phase(step.id, out),
        (_, Active::Leaf(Leaf::Prompt { .. })) => core.withdraw_prompt(step.id),
        (_, Active::Leaf(Leaf::Rung { .. })) => steps::rehearse::leave(None, core, out),
        (ScriptKind::Mute { device, .. }, _) => steps::rehearse::leave(Some(*device), core, out),
        (_, Active::Leaf(Leaf::Command { ticket, .. })) => core.leave_ticket(*ticket),
        _ => {}
    }
}

/// Says which steps of a list are left out after a trip (what commands, and what would disturb the way to safety),
/// and lets the rest run.
pub(super) fn skip_commands(kind: &ScriptKind, core: &Core) -> Option<StepOutcome> {
    match kind {
        ScriptKind::Inject { .. } if core.tripped().is_some() => {
            Some(StepOutcome::Skipped("the guard has tripped: nothing more is disturbed".to_owned()))
        }
        ScriptKind::Rung { .. } | ScriptKind::Mute { .. } if core.tripped().is_some() => {
            Some(StepOutcome::Skipped("the guard has tripped: nothing more is tried".to_owned()))
        }
        ScriptKind::Do { .. } if core.tripped().is_some() => {
            Some(StepOutcome::Skipped("the guard has tripped: the ladder alone commands now".to_owned()))
        }
        _ => None,
    }
}

/// The event kind for a started step.
pub(super) fn started(step: StepId) -> EventKind {
    EventKind::StepStarted { step }
}
