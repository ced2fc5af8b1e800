//! `verdict.json`: everything that was judged, for machines.
//!
//! Times are seconds since the start of the run. A margin is in `unit`; where it is infinite (states and flags)
//! or unknown it is absent, and `held` says what is known. Fields are added, never changed in meaning; a change raises `format`.

use super::gate::GateVerdict;
use super::rehearsed::{Tried, tried};
use super::stops::{self, EmergencyStopVerdict, ReleasedVerdict, ResetVerdict};
use super::{SAFETY_NOTICE, Subject};
use crate::guard::{Cause, RungId};
use crate::rig::{Origin, Reaction as RuleReaction, Rule, StopCategory};
use crate::run::TestedWire;
use crate::run::event::{EventKind, StepOutcome};
use crate::scenario::plan::{FileRole, Mode, Plan};
use crate::stl::why::{Told, ToldTiming};
use crate::time::{Span, Time};
use crate::trace::{Chain, ChainRung, ChainStart, RuleTrace, Stretch, words};
use serde::Serialize;

/// Version of the format of `verdict.json`.
pub const VERDICT_FORMAT: u32 = 1;

/// The verdict of a run with everything it rests on.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Verdict {
    pub format: u32,
    pub tool: String,
    pub run: String,
    pub scenario: String,
    pub rig: String,
    /// `rig` (real devices), `sim` (twins) or `observe`.
    pub mode: &'static str,
    pub seed: u64,
    /// `pass`, `fail`, `inconclusive`, `blocked`, `aborted`; absent when the recording ends before the run did.
    pub verdict: Option<&'static str>,
    /// Most important first.
    pub reasons: Vec<String>,
    pub started_utc: String,
    pub started_unix_ns: i64,
    pub duration_s: f64,
    pub armed_at_s: Option<f64>,
    /// What the harness reaches at best, measured before arming; empty in virtual time.
    pub self_test: Vec<SelfTestVerdict>,
    pub parameters: Vec<Parameter>,
    pub files: Vec<File>,
    pub recording_sha256: String,
    pub rules: Vec<RuleReport>,
    pub steps: Vec<StepVerdict>,
    /// Absent when the guard never tripped.
    pub trip: Option<TripVerdict>,
    /// Every cause for action with its chain of evidence, in order of coming.
    pub reactions: Vec<ReactionVerdict>,
    /// What the gate did; absent where no controller may command.
    pub gate: Option<GateVerdict>,
    /// What makes the rig safe, and whether that was rehearsed, as known when the run began.
    pub relies_on: Vec<Relied>,
    /// What was tried, where this was a rehearsal.
    pub rehearsed: Vec<Tried>,
    /// Absent when no e-stop was pressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emergency_stop: Option<EmergencyStopVerdict>,
    /// Absent when no hold-to-run key was let go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_to_run_released: Option<ReleasedVerdict>,
    /// Absent when no earlier trip was answered for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reset: Option<ResetVerdict>,
    /// Devices whose `safe` was confirmed, with the last instant at which it was.
    pub safe: Vec<SafeVerdict>,
    /// Devices whose last rung was not confirmed.
    pub alarms: Vec<SafeVerdict>,
    pub notice: &'static str,
}

/// Something that makes the rig safe.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Relied {
    pub what: String,
    pub text: String,
    /// A rehearsal showed that it works.
    pub shown: bool,
}

/// The floor of a wire.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct SelfTestVerdict {
    /// `loop`, or `broker of LINK`.
    pub wire: String,
    pub samples: u32,
    pub p50_s: f64,
    pub p99_s: f64,
    pub max_s: f64,
    /// The tightest reaction that a rule wants over it.
    pub react_within_s: Option<f64>,
    /// Twice the worst fits into that.
    pub enough: bool,
}

/// A parameter as resolved.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Parameter {
    pub name: String,
    pub value: String,
}

/// A file that went into the plan.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct File {
    pub role: &'static str,
    pub path: String,
    pub sha256: String,
}

/// What became of a rule.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct RuleReport {
    pub rule: String,
    /// `envelope` or `scenario`.
    pub origin: &'static str,
    pub text: String,
    pub when: Option<String>,
    pub because: Option<String>,
    pub source: Option<String>,
    /// `pass`, `fail`, `untested`, `inconclusive`; absent when the run ended before judging it.
    pub verdict: Option<&'static str>,
    pub tested_at_s: Option<f64>,
    pub margin: SignalMargin,
    pub worst_at_s: Option<f64>,
    /// How near it came to its deadlines, for a rule that is about time.
    pub timing: Vec<ToldTiming>,
    /// Why it is broken or could not be judged: episodes, and the chain of parts and samples at the critical place.
    pub why: Option<Told>,
    /// What was going on when it was first broken: phase, step, faults, lost links.
    pub meanwhile: Vec<String>,
    /// First instant judged false.
    pub violated_at_s: Option<f64>,
    /// When that could first be known.
    pub known_at_s: Option<f64>,
    pub broken_s: f64,
    pub blind_s: f64,
    /// `stop` or `fail`.
    pub on_violation: &'static str,
    pub react_within_s: Option<f64>,
    /// From the instant the violation could be known to the first byte of the ladder; when this rule made the guard trip.
    pub reaction_s: Option<f64>,
    pub safe_within_s: Option<f64>,
    /// From the same instant to `safe` of every device that was stopped.
    pub safe_after_s: Option<f64>,
}

/// The least margin over the rule's scope: what is decided lies within `lo..hi`.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct SignalMargin {
    pub lo: Option<f64>,
    pub hi: Option<f64>,
    pub unit: String,
    /// For people: `-0.46 m`, `held`, `broken`; where dimensions mix `0.4 m at fc.altitude <= 8 m (1 %)`.
    pub text: String,
}

/// One execution of a step.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct StepVerdict {
    pub step: u32,
    pub title: String,
    pub file: Option<String>,
    pub line: u32,
    pub started_s: f64,
    pub ended_s: Option<f64>,
    /// `done`, `failed`, `inconclusive`, `aborted`, `skipped`; absent when it never ended.
    pub outcome: Option<&'static str>,
    pub why: Option<String>,
}

/// The guard's reaction, stamp by stamp: cause → decision → first byte → safe.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct TripVerdict {
    pub causes: Vec<CauseVerdict>,
    pub rungs: Vec<RungVerdict>,
    /// Longest of the first rungs.
    pub reaction_s: Option<f64>,
}

/// One cause, stamp by stamp: violation → known → decided → first safe byte → heard → safe.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ReactionVerdict {
    pub cause: String,
    /// First instant at which the rule was broken, where a broken rule is the cause.
    pub violated_at_s: Option<f64>,
    /// When that could first be known: the stamp of the sample, or the deadline that passed.
    pub known_at_s: f64,
    /// When the harness took up the input in whose call the guard decided.
    pub decided_at_s: f64,
    /// From `known_at_s` to the first byte of the slowest ladder that it began.
    pub first_byte_after_s: Option<f64>,
    /// The rule's own; for other causes the tightest of the rules that stop one of the same devices.
    pub react_within_s: Option<f64>,
    /// From `known_at_s` until every device that it stops was confirmed safe.
    pub safe_after_s: Option<f64>,
    pub safe_within_s: Option<f64>,
    /// Absent when the run ended before it was judged.
    pub late: Option<bool>,
    pub devices: Vec<DeviceReaction>,
}

/// The reaction of one device.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct DeviceReaction {
    pub device: String,
    /// `began`, `waited` for the ladder of another device, or was `under way` for an earlier cause.
    pub start: &'static str,
    pub rungs: Vec<RungReaction>,
    pub safe_at_s: Option<f64>,
}

/// The stamps of one rung.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct RungReaction {
    pub rung: u8,
    pub command: String,
    pub issued_at_s: f64,
    /// Bytes that were queued ahead on a UART are waited for.
    pub first_byte_at_s: Option<f64>,
    pub last_byte_at_s: Option<f64>,
    /// First sign that the device heard it.
    pub heard_at_s: Option<f64>,
    /// `acknowledged` or `refused` by the protocol, or which signal changed first.
    pub heard_by: Option<String>,
}

/// Why the guard acted.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct CauseVerdict {
    pub cause: String,
    /// First instant at which the rule was broken, where a rule is the cause.
    pub violated_at_s: Option<f64>,
    /// When that could first be known.
    pub known_at_s: Option<f64>,
    pub decided_at_s: f64,
}

/// A rung of a ladder.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct RungVerdict {
    pub device: String,
    pub rung: u8,
    pub command: String,
    /// Stop category of IEC 60204-1, where the rig says it.
    pub category: Option<u8>,
    pub issued_at_s: f64,
    pub skipped: bool,
    /// When its frames had been handed over; absent when they were not.
    pub sent_at_s: Option<f64>,
    /// From the instant the cause could be known to the first byte.
    pub reaction_s: Option<f64>,
}

/// When a device was shown to be safe, or the alarm was raised.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct SafeVerdict {
    pub device: String,
    pub at_s: f64,
}

/// Collects the verdict.
pub fn verdict(subject: &Subject<'_>) -> Verdict {
    let (plan, trace) = (subject.plan, subject.trace);
    let reaction = trace.reaction.as_ref();
    let device_at = |(at, ladder): &(Time, _)| SafeVerdict { device: words::ladder(plan, *ladder), at_s: at.seconds() };
    Verdict {
        format: VERDICT_FORMAT,
        tool: format!("checkrein {}", subject.tool),
        run: subject.run.into(),
        scenario: plan.name.clone(),
        rig: plan.rig.name.clone(),
        mode: match plan.mode {
            Mode::Rig => "rig",
            Mode::Sim => "sim",
            Mode::Observe => "observe",
        },
        seed: plan.seed,
        verdict: trace.outcome.as_ref().map(|o| o.verdict.word()),
        reasons: trace.outcome.as_ref().map_or_else(
            || vec!["the recording ends before the run did".to_string()],
            |outcome| outcome.reasons.clone(),
        ),
        started_utc: words::utc(subject.wall_clock_unix_nanos),
        started_unix_ns: subject.wall_clock_unix_nanos,
        duration_s: trace.whole.to.seconds(),
        armed_at_s: trace.armed_at.map(Time::seconds),
        self_test: self_test(subject),
        parameters: plan
            .parameters
            .iter()
            .map(|(name, value)| Parameter { name: name.clone(), value: value.clone() })
            .collect(),
        files: plan
            .files
            .iter()
            .map(|f| File {
                role: match f.role {
                    FileRole::Rig => "rig",
                    FileRole::Envelope => "envelope",
                    FileRole::Scenario => "scenario",
                    FileRole::Fragment => "fragment",
                    FileRole::Dialect => "dialect",
                    FileRole::Policy => "policy",
                    FileRole::Mapping => "mapping",
                },
                path: f.path.clone(),
                sha256: hexadecimal(&f.sha256),
            })
            .collect(),
        recording_sha256: subject.recording_sha256.into(),
        rules: plan.rules.iter().zip(&trace.rules).map(|(rule, t)| rule_report(subject, rule, t)).collect(),
        steps: steps(subject),
        trip: trip(subject),
        reactions: trace.chains.iter().map(|chain| reaction_verdict(plan, chain)).collect(),
        gate: super::gate::verdict(subject),
        relies_on: trace
            .relies_on
            .iter()
            .map(|one| Relied { what: one.what.clone(), text: one.text.clone(), shown: one.shown })
            .collect(),
        rehearsed: tried(subject),
        emergency_stop: stops::emergency_stop(subject),
        hold_to_run_released: stops::released(subject),
        reset: stops::reset(subject),
        safe: reaction.map_or_else(Vec::new, |r| r.safe.iter().map(device_at).collect()),
        alarms: reaction.map_or_else(Vec::new, |r| r.alarms.iter().map(device_at).collect()),
        notice: SAFETY_NOTICE,
    }
}

fn rule_report(subject: &Subject<'_>, rule: &Rule, trace: &RuleTrace) -> RuleReport {
    let judgement = trace.judgement.as_ref();
    let reaction = subject.trace.reaction.as_ref();
    let why = subject.trace.why(rule.spec.id);
    let tripped_by = reaction.filter(|r| r.trip().is_some_and(|(_, cause)| cause == Cause::Rule(rule.spec.id)));
    let own = subject.trace.chains.iter().find(|chain| chain.cause == Cause::Rule(rule.spec.id)).and_then(|c| c.judged);
    let total = |stretches: &[Stretch]| stretches.iter().fold(Span::ZERO, |sum, s| sum + s.span()).seconds();
    let seconds = |span: Option<Span>| span.map(Span::seconds);
    RuleReport {
        rule: rule.name.clone(),
        origin: match rule.origin {
            Origin::Envelope => "envelope",
            Origin::Scenario => "scenario",
        },
        text: rule.text.clone(),
        when: rule.when_text.clone(),
        because: rule.because.clone(),
        source: rule.source.clone(),
        verdict: judgement.map(|j| words::verdict(j.verdict)),
        tested_at_s: trace.tested_at.map(Time::seconds),
        margin: SignalMargin {
            text: why.and_then(|why| why.critical.clone()).unwrap_or_else(|| margin(rule, trace).text),
            ..margin(rule, trace)
        },
        worst_at_s: judgement.and_then(|j| j.worst_at).map(Time::seconds),
        meanwhile: why.map_or_else(Vec::new, |why| why.meanwhile.clone()),
        timing: why.map_or_else(Vec::new, |why| why.timings.clone()),
        why: why.filter(|why| why.told.chain.is_some()).map(|why| why.told.clone()),
        violated_at_s: trace.violated.map(|v| v.instant).or(judgement.and_then(|j| j.violated_at)).map(Time::seconds),
        known_at_s: trace.violated.map(|v| v.known_at.seconds()),
        broken_s: total(&trace.broken),
        blind_s: total(&trace.blind),
        on_violation: match rule.reaction {
            RuleReaction::Stop(_) => "stop",
            RuleReaction::Fail => "fail",
        },
        react_within_s: seconds(rule.react_within),
        reaction_s: match own {
            Some(judged) => seconds(judged.reaction),
            None => tripped_by.and_then(|r| seconds(r.time())),
        },
        safe_within_s: seconds(rule.safe_within),
        safe_after_s: own.map(|judged| seconds(judged.safe_after)).unwrap_or_else(|| {
            tripped_by.and_then(|r| {
                let known = trace.violated.map(|v| v.known_at)?;
                // A device that is not safe in the end makes the answer unknown.
                let last = r.safe.iter().map(|(at, _)| *at).max()?;
                r.alarms.is_empty().then(|| last.since(known).seconds())
            })
        }),
    }
}

fn margin(rule: &Rule, trace: &RuleTrace) -> SignalMargin {
    let finite = |si: f64| Some(words::margin_number(rule, si).0).filter(|m| m.is_finite());
    let unit = words::margin_number(rule, 0.0).1;
    match &trace.judgement {
        Some(_) if trace.untested() => SignalMargin { lo: None, hi: None, unit, text: "untested".into() },
        Some(j) => SignalMargin {
            lo: finite(j.margin.lo),
            hi: finite(j.margin.hi),
            unit,
            text: words::margin_between(rule, j.margin),
        },
        None => SignalMargin { lo: None, hi: None, unit, text: "not judged".into() },
    }
}

fn steps(subject: &Subject<'_>) -> Vec<StepVerdict> {
    subject
        .trace
        .steps
        .iter()
        .map(|run| {
            let title = subject.plan.titles.get(run.step.0 as usize);
            let (outcome, why) = match &run.outcome {
                None => (None, None),
                Some(outcome) => {
                    let (word, why) = outcome_words(outcome);
                    (Some(word), why.map(str::to_string))
                }
            };
            StepVerdict {
                step: run.step.0,
                title: title.map_or_else(|| format!("step {}", run.step.0), |t| t.title.clone()),
                file: title.and_then(|t| subject.plan.files.get(usize::from(t.file))).map(|f| f.path.clone()),
                line: title.map_or(0, |t| t.line),
                started_s: run.stretch.from.seconds(),
                ended_s: run.outcome.is_some().then(|| run.stretch.to.seconds()),
                outcome,
                why,
            }
        })
        .collect()
}

/// The word for how a step ended, and why.
pub(super) fn outcome_words(outcome: &StepOutcome) -> (&'static str, Option<&str>) {
    match outcome {
        StepOutcome::Done => ("done", None),
        StepOutcome::Failed(why) => ("failed", Some(why)),
        StepOutcome::Inconclusive(why) => ("inconclusive", Some(why)),
        StepOutcome::Aborted(why) => ("aborted", Some(why)),
        StepOutcome::Skipped(why) => ("skipped", Some(why)),
    }
}

fn trip(subject: &Subject<'_>) -> Option<TripVerdict> {
    let (plan, trace) = (subject.plan, subject.trace);
    let reaction = trace.reaction.as_ref()?;
    reaction.trip()?;
    let causes = reaction
        .causes
        .iter()
        .map(|(at, cause)| {
            let violation = match cause {
                Cause::Rule(id) => trace.rule(*id).and_then(|r| r.violated),
                _ => None,
            };
            CauseVerdict {
                cause: words::cause(plan, *cause),
                violated_at_s: violation.map(|v| v.instant.seconds()),
                known_at_s: violation.map(|v| v.known_at.seconds()),
                decided_at_s: at.seconds(),
            }
        })
        .collect();
    let rungs = reaction
        .rungs
        .iter()
        .map(|run| {
            let RungId(rung) = run.rung;
            RungVerdict {
                device: words::ladder(plan, run.ladder),
                rung,
                command: words::rung(plan, run.ladder, run.rung),
                category: words::category(plan, run.ladder, run.rung).map(StopCategory::number),
                issued_at_s: run.issued_at.seconds(),
                skipped: run.skipped,
                sent_at_s: run.sent_at.map(Time::seconds),
                reaction_s: run.reaction.map(|r| r.seconds()),
            }
        })
        .collect();
    Some(TripVerdict { causes, rungs, reaction_s: reaction.time().map(|t| t.seconds()) })
}

fn self_test(subject: &Subject<'_>) -> Vec<SelfTestVerdict> {
    let told = subject.trace.events.iter().filter_map(|event| match event.kind {
        EventKind::SelfTested { wire, samples, p50, p99, max, allowed, enough } => Some(SelfTestVerdict {
            wire: match wire {
                TestedWire::Loop => "loop".into(),
                TestedWire::Broker(link) => format!("broker of {}", words::link(subject.plan, link)),
            },
            samples,
            p50_s: p50.seconds(),
            p99_s: p99.seconds(),
            max_s: max.seconds(),
            react_within_s: allowed.map(Span::seconds),
            enough,
        }),
        _ => None,
    });
    told.collect()
}

fn reaction_verdict(plan: &Plan, chain: &Chain) -> ReactionVerdict {
    let seconds = |span: Option<Span>| span.map(Span::seconds);
    let judged = chain.judged;
    let rung = |ladder, run: &ChainRung| RungReaction {
        rung: run.rung.0,
        command: words::rung(plan, ladder, run.rung),
        issued_at_s: run.issued_at.seconds(),
        first_byte_at_s: run.written.map(|(first, _)| first.seconds()),
        last_byte_at_s: run.written.map(|(_, last)| last.seconds()),
        heard_at_s: run.heard.as_ref().map(|(at, _)| at.seconds()),
        heard_by: run.heard.as_ref().map(|(_, by)| words::acked_by(plan, by)),
    };
    ReactionVerdict {
        cause: words::cause(plan, chain.cause),
        violated_at_s: chain.violated_at.map(Time::seconds),
        known_at_s: chain.known_at.seconds(),
        decided_at_s: chain.taken_at.seconds(),
        first_byte_after_s: seconds(judged.and_then(|j| j.reaction)),
        react_within_s: seconds(judged.and_then(|j| j.react_within)),
        safe_after_s: seconds(judged.and_then(|j| j.safe_after)),
        safe_within_s: seconds(judged.and_then(|j| j.safe_within)),
        late: judged.map(|j| j.late),
        devices: chain
            .devices
            .iter()
            .map(|device| DeviceReaction {
                device: words::ladder(plan, device.ladder),
                start: match device.start {
                    ChainStart::Began => "began",
                    ChainStart::Waited => "waited",
                    ChainStart::UnderWay => "under way",
                },
                rungs: device.rungs.iter().map(|run| rung(device.ladder, run)).collect(),
                safe_at_s: device.safe_at.map(Time::seconds),
            })
            .collect(),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

impl Verdict {
    /// As `verdict.json`.
    pub fn json(&self) -> String {
        pretty(self)
    }
}

/// Indented JSON with a line end.
pub(super) fn pretty(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("keys are strings, numbers are finite or absent");
    text.push('\n');
    text
}
