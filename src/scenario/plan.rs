//! The plan: everything a run needs, worked out before anything is opened.

use crate::command::{Command, RuleId};
use crate::expr::ir::Formula;
use crate::fault::FaultSpec;
use crate::guard::{Cause, GuardConfig, LadderId, RungId};
use crate::rig::{Rig, Rule, StopCategory};
use crate::signal::SignalId;
use crate::time::Span;
use crate::wire::{DeviceId, Frame, LinkId};

/// A step, by its place in [`Plan::titles`].
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct StepId(pub u32);

/// A complete, immutable description of one run. Made only by `scenario::check`.
#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    pub name: String,
    pub about: String,
    pub rig: Rig,
    /// Envelope rules, then the scenario's; `RuleId` is the place here.
    pub rules: Vec<Rule>,
    /// Must be tested, or the run is inconclusive.
    pub exercises: Vec<RuleId>,
    /// The states of the signal `phase`: `none` at 0, then the phases in order of first appearance.
    /// [`StepKind::Phase`] and `Value::State` of `phase` both index this list.
    pub phases: Vec<String>,
    pub reserved: Reserved,
    pub steps: Vec<Step>,
    pub finally: Vec<Step>,
    /// What each step is called in lists and events, by `StepId`.
    pub titles: Vec<StepTitle>,
    /// Parameters as resolved, for the record: (name, value as text).
    pub parameters: Vec<(String, String)>,
    pub ladders: Vec<Ladder>,
    pub guard: GuardConfig,
    /// The longest time an open obligation of a rule can take to be decided.
    pub horizon: Span,
    /// How long after the links are up every signal of a stopping rule may take to be heard.
    pub arm_within: Span,
    /// All texts that made the plan, sealed into the recording.
    pub files: Vec<InputFile>,
    /// Seeds every random draw of the run and of its twins.
    pub seed: u64,
    pub mode: Mode,
    /// What the gate does with what it decides.
    pub gate: GateMode,
}

/// What a run's gate does with what it decides about a controller's commands.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum GateMode {
    /// Says what it would do, and lets the command go as it was asked for. Trips act all the same.
    Observe,
    /// Passes, clamps, refuses.
    #[default]
    Enforce,
    /// The same, and the fallbacks of the rig stand ready to take over.
    Fallback,
}

impl GateMode {
    /// All of them, with the words of scenario and command line.
    pub const ALL: [(&'static str, GateMode); 3] =
        [("observe", GateMode::Observe), ("enforce", GateMode::Enforce), ("fallback", GateMode::Fallback)];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            GateMode::Observe => "observe",
            GateMode::Enforce => "enforce",
            GateMode::Fallback => "fallback",
        }
    }
}

impl Plan {
    /// The same run with its gate in another mode. `Err`: this rig has nothing for it, in words.
    pub fn with_gate(mut self, gate: GateMode) -> Result<Plan, String> {
        if gate == GateMode::Fallback && self.rig.devices.iter().all(|device| device.fallback.is_none()) {
            return Err(format!("no controller of rig `{}` has a `fallback`", self.rig.name));
        }
        self.gate = gate;
        Ok(self)
    }

    /// A cause as people say it; numbers stand for what the plan does not name (a recording of another plan).
    pub fn cause_in_words(&self, cause: Cause) -> String {
        let rule = |id: RuleId| self.rules.get(id.0 as usize).map_or(format!("{}", id.0), |rule| rule.name.clone());
        let device = |id: DeviceId| self.rig.devices.get(id.0 as usize).map_or(format!("{}", id.0), |d| d.name.clone());
        let link = |id: LinkId| self.rig.links.get(id.0 as usize).map_or(format!("{}", id.0), |link| link.name.clone());
        match cause {
            Cause::Finish => "the run was over".into(),
            Cause::Unknown(id) => format!("a signal of rule `{}` was unknown", rule(id)),
            Cause::Silence(id) => format!("controller `{}` fell silent", device(id)),
            Cause::Restart(id) => format!("device `{}` started anew", device(id)),
            Cause::WrongIdentity(id) => format!("device `{}` turned out to be another one", device(id)),
            Cause::LinkLost(id) => format!("link `{}` was lost", link(id)),
            Cause::Recorder => "the recorder could not keep up or could not write".into(),
            Cause::Stall => "the harness itself stood still, or could not keep up with what arrived".into(),
            Cause::Watchdog(id) => format!("the watchdog of link `{}` fired or died", link(id)),
            Cause::FallbackLost(id) => format!("the fallback of controller `{}` could not go on", device(id)),
            Cause::LeaseExpired => "the lease of the rig ran out".into(),
            Cause::Released => "the hold-to-run key was let go, or nobody knows whether it is held".into(),
            Cause::Rule(id) => format!("rule `{}` was broken", rule(id)),
            Cause::EmergencyStop => "the e-stop was pressed, or nobody knows whether it is".into(),
            Cause::Operator => "a person said stop".into(),
            Cause::OperatorAgain => "a person said stop twice".into(),
        }
    }
}

impl Plan {
    /// The longest that the run can take: bring-up, every step to its deadline, open obligations, `finally`, and every
    /// ladder one after the other. What a step does at the instant it is over is not counted.
    pub fn longest(&self) -> Span {
        let ladders = self.ladders.iter().flat_map(|ladder| &ladder.rungs).fold(Span::ZERO, |sum, r| sum + r.within);
        let steps = |steps: &[Step]| longest(steps, &self.ladders);
        self.arm_within + steps(&self.steps) + self.horizon + steps(&self.finally) + ladders
    }
}

/// The longest that steps can take, one after the other.
fn longest(steps: &[Step], ladders: &[Ladder]) -> Span {
    let one = |step: &Step| match &step.kind {
        StepKind::Do { within, .. }
        | StepKind::Expect { within, .. }
        | StepKind::Wait { within, .. }
        | StepKind::Mute { within, .. }
        | StepKind::Prompt { within, .. } => *within,
        StepKind::Hold { span } => *span,
        StepKind::Inject { .. } => Span::ZERO,
        StepKind::Rung { ladder, rung } => ladders[ladder.0 as usize].rungs[rung.0 as usize].within,
        StepKind::Phase { steps, .. } | StepKind::When { steps, .. } => longest(steps, ladders),
        StepKind::Parallel { lanes } => lanes.iter().map(|lane| longest(lane, ladders)).max().unwrap_or(Span::ZERO),
        StepKind::Repeat { times, steps } => longest(steps, ladders) * i64::from(*times),
    };
    steps.iter().fold(Span::ZERO, |sum, step| sum + one(step))
}

/// Signals that the run itself tells.
#[derive(Clone, PartialEq, Debug)]
pub struct Reserved {
    pub phase: SignalId,
    /// State 0 is `none`; the state of a step is its [`StepId`] plus one.
    pub step: SignalId,
    pub guard_tripped: SignalId,
    pub guard_reaction: SignalId,
    pub operator_reset: SignalId,
    /// `<controller>.command`, per controller.
    pub commands: Vec<(DeviceId, SignalId)>,
    /// `<controller>.fallback`, per controller that has one: whether it has the machine.
    pub fallbacks: Vec<(DeviceId, SignalId)>,
    /// What controllers are told, as signals of their own; only where a fault of the scenario acts on it.
    pub told: Vec<Told>,
}

/// A signal as a controller is told it: `pilot.tells.fc.altitude`.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// The controller.
    pub device: DeviceId,
    /// The signal itself.
    pub truth: SignalId,
    /// What is told of it.
    pub told: SignalId,
}

/// What stands at the other end of the wires.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Mode {
    /// The real devices.
    Rig,
    /// Every device is its twin.
    Sim,
    /// Envelope only, on recorded inputs or beside the devices: questions are the most that is sent.
    Observe,
}

/// A file that went into the plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InputFile {
    pub role: FileRole,
    /// The path by which the files name each other.
    pub path: String,
    pub bytes: Vec<u8>,
    pub sha256: [u8; 32],
}

/// What a file was to the plan.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum FileRole {
    Rig,
    Envelope,
    Scenario,
    /// `use:` of a scenario.
    Fragment,
    /// A dialect of the rig.
    Dialect,
    /// The net of a policy, in ONNX.
    Policy,
    /// What the numbers of a policy mean.
    Mapping,
}

/// A device's ladder with its frames, encoded before anything moves.
#[derive(Clone, PartialEq, Debug)]
pub struct Ladder {
    pub id: LadderId,
    pub device: DeviceId,
    pub safe: Formula,
    /// Signals that `safe` reads: they must be fresh after a rung's bytes left.
    pub safe_signals: Vec<SignalId>,
    pub rungs: Vec<Rung>,
}

impl Ladder {
    /// The rungs that may be sent by whoever sees nothing, by place: the first one if it has no condition, else the first
    /// one marked blind, and those that follow it for as long as they are marked blind. A rung that a condition was to
    /// come before is no substitute for it: motors off in mid-air is no safe state.
    pub fn blind_rungs(&self) -> std::ops::Range<usize> {
        let unconditional = self.rungs.first().is_some_and(|rung| rung.when.is_none());
        let first = if unconditional { Some(0) } else { self.rungs.iter().position(|rung| rung.blind) };
        let Some(first) = first else { return 0..0 };
        let more = self.rungs[first + 1..].iter().take_while(|rung| rung.blind).count();
        first..first + more + 1
    }
}

/// One rung with its timeless frames.
#[derive(Clone, PartialEq, Debug)]
pub struct Rung {
    pub id: RungId,
    /// The commands' names, for people.
    pub title: String,
    pub frames: Vec<Frame>,
    pub within: Span,
    pub when: Option<Formula>,
    pub blind: bool,
    /// Where the rig says which kind of stop it is.
    pub category: Option<StopCategory>,
}

/// What a step is called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StepTitle {
    /// `do fc.arm`, `expect fc.altitude > 4 m`.
    pub title: String,
    /// Nesting, for indented lists.
    pub depth: u16,
    /// Line in its file, from 1.
    pub line: u32,
    /// Place in [`Plan::files`].
    pub file: u16,
}

/// One step, checked.
#[derive(Clone, PartialEq, Debug)]
pub struct Step {
    pub id: StepId,
    pub kind: StepKind,
}

/// The kinds of step. `use` is gone: its steps stand in its place.
#[derive(Clone, PartialEq, Debug)]
pub enum StepKind {
    /// Gives a command; waits for its acknowledgement if it has one.
    Do {
        command: Command,
        within: Span,
    },
    /// A requirement: not met in time → fail.
    Expect {
        formula: Formula,
        within: Span,
    },
    /// A precondition: not met in time → inconclusive.
    Wait {
        formula: Formula,
        within: Span,
    },
    Hold {
        span: Span,
    },
    /// Starts a fault and goes on.
    Inject {
        fault: FaultSpec,
        /// Where the effect shows: it must have held at some instant of the fault.
        visible: Option<Formula>,
    },
    /// Asks a person; "no" or time-out → aborted.
    Prompt {
        text: String,
        within: Span,
    },
    /// Steps under a name that rules may use.
    Phase {
        phase: u16,
        steps: Vec<Step>,
    },
    /// Lists side by side; joins all; the first failure ends the others.
    Parallel {
        lanes: Vec<Vec<Step>>,
    },
    Repeat {
        times: u32,
        steps: Vec<Step>,
    },
    /// Unknown → the run ends inconclusive.
    When {
        formula: Formula,
        steps: Vec<Step>,
    },
    /// Rehearsals: one rung alone, and whether it makes the device safe in its time.
    Rung {
        ladder: LadderId,
        rung: RungId,
    },
    /// Rehearsals: our heartbeat is held back until the device is safe by itself, or its time is over.
    Mute {
        device: DeviceId,
        ladder: LadderId,
        within: Span,
    },
}
