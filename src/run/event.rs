//! The one vocabulary of what happened: recorder, report, plot and live view all read it.

use super::TestedWire;
use crate::command::{Authority, Command, RuleId, Ticket};
use crate::guard::{Cause, Decision, LadderId, LadderSet, RungId};
use crate::scenario::plan::StepId;
use crate::signal::SignalId;
use crate::stl::{Judgement, Margin};
use crate::time::{Span, Time};
use crate::wire::{DeviceId, LinkId};

/// Something happened at an instant.
#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    pub at: Time,
    pub kind: EventKind,
}

/// What can happen.
#[derive(Clone, PartialEq, Debug)]
pub enum EventKind {
    LinkUp {
        link: LinkId,
    },
    LinkLost {
        link: LinkId,
        why: String,
    },
    /// Noise, corrupt and foreign frames, lost messages: totals of the link since the start, said at most once a second.
    WireTrouble {
        link: LinkId,
        noise_bytes: u64,
        corrupt_frames: u64,
        foreign_frames: u64,
        lost_messages: u64,
    },
    Identified {
        device: DeviceId,
    },
    WrongIdentity {
        device: DeviceId,
        fact: String,
        found: String,
        wanted: String,
    },
    Restarted {
        device: DeviceId,
    },
    /// The version of its firmware, as the device tells it. Said by runs that only look.
    Firmware {
        device: DeviceId,
        version: String,
    },
    /// What the device's own clock says: since 1970 (`unix`, UTC) or since it started. Said by runs that only look.
    DeviceClock {
        device: DeviceId,
        told: Span,
        unix: bool,
    },
    /// How long the device took to answer a question of ours. Said by runs that only look.
    RoundTrip {
        device: DeviceId,
        took: Span,
    },
    DeviceText {
        device: DeviceId,
        severity: u8,
        text: String,
    },
    /// Every condition of arming holds.
    Armed,
    /// It could not be brought up: what is missing, in words.
    Blocked {
        why: String,
    },
    StepStarted {
        step: StepId,
    },
    StepEnded {
        step: StepId,
        outcome: StepOutcome,
    },
    Phase {
        phase: Option<u16>,
    },
    PromptAsked {
        step: StepId,
        text: String,
    },
    PromptAnswered {
        step: StepId,
        yes: bool,
    },
    FaultStarted {
        fault: String,
        on: String,
    },
    FaultEnded {
        fault: String,
        on: String,
    },
    /// What a fault did, said at its end.
    FaultSeen {
        fault: String,
        on: String,
        /// How much passed the fault: tellings, commands or frames.
        items: u64,
        /// How much of that came out otherwise than it went in.
        altered: u64,
        /// The effect shows: in the difference of what went in and came out, or in the step's own formula.
        visible: bool,
    },
    /// What a controller asked for, before the faults on what it says; the gate tells what came of it.
    CommandAsked {
        device: DeviceId,
        command: Command,
        stale: bool,
    },
    /// The script's or ladder's command went to the codec.
    CommandGiven {
        command: Command,
        ticket: Ticket,
    },
    CommandAcked {
        ticket: Ticket,
        after: Span,
    },
    CommandRefused {
        ticket: Ticket,
        reason: String,
    },
    CommandUnanswered {
        ticket: Ticket,
    },
    /// A controller's command passed the gate or not. `age`: since it arrived.
    CommandGated {
        device: DeviceId,
        command: Command,
        decision: Decision,
        age: Span,
        /// What the signal behind the decision held then, SI: that which the argument drives or carries (of a pass, the
        /// first argument that does). `None`: no argument does, or it was unknown.
        state: Option<f64>,
        /// False where the run only observes its gate and sent the command as it was asked for.
        enforced: bool,
    },
    /// A controller said something that could not be understood.
    CommandMalformed {
        device: DeviceId,
        why: String,
    },
    RuleTested {
        rule: RuleId,
    },
    /// The rule is broken from `instant` on; it could first be known now.
    RuleViolated {
        rule: RuleId,
        instant: Time,
    },
    /// An episode of violation begins or ends, by decided instants.
    RuleEpisode {
        rule: RuleId,
        broken: bool,
        instant: Time,
    },
    RuleBlind {
        rule: RuleId,
        signal: SignalId,
        unknown: bool,
    },
    /// Samples of a signal of the rule came stamped before what is judged already; they counted when they came, and
    /// nothing is judged again. Totals since the start, said at most once a second.
    RuleLate {
        rule: RuleId,
        signal: SignalId,
        count: u64,
        /// How far the latest of them was behind.
        behind: Span,
    },
    /// Signals of the rule came faster than declared: its memory holds neighbouring values as one interval, so that its
    /// margins may come out wider. Said once.
    RuleMerged {
        rule: RuleId,
    },
    /// The rule's margin at a decided instant, thinned to what a plot can show, extremes kept.
    RuleMargin {
        rule: RuleId,
        instant: Time,
        margin: Margin,
    },
    Tripped {
        cause: Cause,
    },
    /// A rung was handed to the host.
    RungIssued {
        ladder: LadderId,
        rung: RungId,
    },
    RungSkipped {
        ladder: LadderId,
        rung: RungId,
    },
    /// A rung's first byte left; reaction counts from the instant the cause could first be known.
    RungSent {
        ladder: LadderId,
        rung: RungId,
        reaction: Option<Span>,
    },
    /// A cause for action, with its stamps: the head of its chain of evidence. Said once for each cause.
    TripOpened {
        trip: TripId,
        cause: Cause,
        /// First instant judged false, where a broken rule is the cause.
        violated_at: Option<Time>,
        /// When that could first be known: the stamp of the sample, or the deadline that passed.
        known_at: Time,
        /// When the harness took up the input in whose call the run decided; later than `known_at` where it was late.
        taken_at: Time,
        /// Ladders whose first rung was issued in the same call.
        begins: LadderSet,
        /// Ladders that wait for others to be over.
        waits: LadderSet,
        /// Ladders that had been started before.
        under_way: LadderSet,
    },
    /// The bytes of a rung, as the host stamped them.
    RungWritten {
        ladder: LadderId,
        rung: RungId,
        /// The trip that it answers; `None`: it climbs on, or the run ends.
        trip: Option<TripId>,
        /// When its first byte left: what was queued ahead on a UART is added.
        begun: Time,
        /// When its last byte was handed over.
        done: Time,
    },
    /// The first sign that the device heard a rung; `after` counts from the rung's first byte.
    RungAcked {
        ladder: LadderId,
        rung: RungId,
        by: AckedBy,
        after: Span,
    },
    /// What the harness reaches at best on a wire, measured before arming. `allowed`: the tightest reaction that a rule
    /// wants over it.
    SelfTested {
        wire: TestedWire,
        samples: u32,
        p50: Span,
        p99: Span,
        max: Span,
        allowed: Option<Span>,
        enough: bool,
    },
    /// The reaction to a cause, held against what it was allowed.
    TripJudged {
        trip: TripId,
        /// From `known_at` to the first byte of the slowest ladder that it began; absent when none was begun or none left.
        reaction: Option<Span>,
        /// The rule's own; for other causes the tightest of the rules that stop one of the same devices.
        react_within: Option<Span>,
        /// From `known_at` until every device that it stopped was confirmed safe.
        safe_after: Option<Span>,
        safe_within: Option<Span>,
        late: bool,
    },
    DeviceSafe {
        ladder: LadderId,
    },
    /// `safe` held and then broke.
    DeviceUnsafe {
        ladder: LadderId,
    },
    Alarm {
        ladder: LadderId,
    },
    Operator {
        again: bool,
    },
    RecorderTrouble {
        why: String,
    },
    /// The wired e-stop was pressed; with `unknown` nobody knows, which counts as pressed.
    EmergencyStop {
        unknown: bool,
    },
    /// What became of the motion after the e-stop.
    Motion {
        what: Motion,
    },
    /// The hold-to-run key was let go; with `unknown` nobody knows whether it is held, which counts as let go.
    Released {
        unknown: bool,
    },
    /// A person answered for the trip of an earlier run on this rig.
    Reset {
        by: String,
        /// The trip, in words.
        after: String,
    },
    /// Before `finally`: waiting for open obligations, at most this long.
    Settling {
        at_most: Span,
    },
    /// A person took the machines over, or gave them back: whoever has less authority than the holder commands nothing.
    AuthorityChanged {
        holder: Authority,
    },
    /// The fallback of this controller took the machine from it.
    FallbackEngaged {
        controller: DeviceId,
        why: FallbackWhy,
    },
    /// The fallback lets go: it handed back, or a trip or a person has the machine now.
    FallbackOver {
        controller: DeviceId,
        handed_back: bool,
    },
    /// Something a reader of the run should know, in words.
    Remark {
        text: String,
    },
    /// The rig was lent to this run.
    Leased {
        /// Who holds it, in words.
        by: String,
        lasts: Span,
    },
    /// One rung alone was tried; spans count from the order. `None`: it never came.
    RungRehearsed {
        ladder: LadderId,
        rung: RungId,
        first_byte: Option<Span>,
        safe: Option<Span>,
    },
    /// Our heartbeat was held back from a device; the span counts from there to `safe`. `None`: it never was.
    DeadManRehearsed {
        device: DeviceId,
        safe: Option<Span>,
    },
    RuleJudged {
        judgement: Judgement,
    },
    Finished {
        outcome: Outcome,
    },
}

/// Why a fallback took over.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum FallbackWhy {
    /// Its `when` holds.
    Condition,
    /// The gate had to hold a command of the controller to a rule's bound, or refuse it for one.
    Limit,
    /// The controller was silent.
    Silence,
}

/// A cause that the guard was told of, by its place in the order of their coming.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TripId(pub u16);

/// What showed that a device heard a rung.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AckedBy {
    /// The protocol's own acknowledgement, with its reason in words where the device refused.
    Protocol { refused: Option<String> },
    /// The first sample of this signal that differs from what it was when the rung was issued: the protocol of the
    /// device acknowledges nothing.
    Sample(SignalId),
}

/// What was seen of the motion after the e-stop. Spans count from the instant at which the e-stop was known.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Motion {
    /// It ended.
    Ended { after: Span },
    /// It did not end in time; with `unknown` nobody saw whether it did.
    NotEnded { within: Span, unknown: bool },
    /// It had ended, and began again.
    BeganAgain,
}

/// How a step ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StepOutcome {
    Done,
    /// Not met, with the reason in words.
    Failed(String),
    /// A precondition not met or unknown.
    Inconclusive(String),
    Aborted(String),
    /// Not carried out (after a trip, or another lane failed).
    Skipped(String),
}

/// Verdict of a run, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    pub verdict: RunVerdict,
    /// Most important first; for a pass, what it rests on.
    pub reasons: Vec<String>,
}

/// Verdict of a run. Only evidence makes a pass.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum RunVerdict {
    Pass,
    Fail,
    Inconclusive,
    Blocked,
    Aborted,
}

impl RunVerdict {
    /// The process's exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            RunVerdict::Pass => 0,
            RunVerdict::Fail => 1,
            RunVerdict::Inconclusive => 2,
            RunVerdict::Blocked => 3,
            RunVerdict::Aborted => 4,
        }
    }
    /// The word people read.
    pub fn word(self) -> &'static str {
        match self {
            RunVerdict::Pass => "pass",
            RunVerdict::Fail => "fail",
            RunVerdict::Inconclusive => "inconclusive",
            RunVerdict::Blocked => "blocked",
            RunVerdict::Aborted => "aborted",
        }
    }
}
