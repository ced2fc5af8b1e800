//! An account as one JSON document, and margins at stamps as lines of JSON.
//!
//! Numbers have full precision. Margins are in the rule's `unit` (`%` where dimensions mix). What is infinite is `"inf"`
//! or `"-inf"`: an unknown end, or the margin of states and flags.

use super::account::{Account, RuleAccount, Stretches};
use super::samples::AtSample;
use super::text::{margin_unit, truth};
use crate::diag::Severity;
use crate::rig::Rule;
use crate::stl::Outside;
use crate::stl::why::{ToldStep, ToldTiming};
use crate::time::Time;
use crate::trace::words;
use serde::Serialize;
use serde_json::Value;

/// Version of the document.
const FORMAT: u32 = 1;

/// The account.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Document {
    pub format: u32,
    pub tool: String,
    pub trace: String,
    /// `pass`, `fail`, `inconclusive`.
    pub verdict: &'static str,
    /// First judged stamp and the last; absent when nothing could be judged.
    pub from: Option<Stamp>,
    pub to: Option<Stamp>,
    /// Rows or messages of the trace.
    pub rows: u64,
    /// Samples that rules read.
    pub samples: u64,
    /// `unknown` or `cut`: what windows see outside of the trace.
    pub outside: &'static str,
    pub rules: Vec<RuleDocument>,
    /// Signals that rules read and the trace does not hold.
    pub missing: Vec<String>,
    /// Signals that were not heard when the scope began.
    pub heard_late: Vec<HeardLate>,
    /// How much is wrong with the trace, and the first of it.
    pub errors: u64,
    pub warnings: u64,
    pub troubles: Vec<Trouble>,
}

/// An instant of the trace.
#[derive(Copy, Clone, PartialEq, Debug, Serialize)]
pub struct Stamp {
    pub ns: i64,
    pub s: f64,
}

/// A signal that was not heard at the beginning.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct HeardLate {
    pub signal: String,
    /// Absent: never.
    pub first_heard: Option<Stamp>,
}

/// Something wrong with the trace.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Trouble {
    /// `error` or `warning`.
    pub severity: &'static str,
    pub file: String,
    pub line: Option<u64>,
    pub message: String,
}

/// One rule.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct RuleDocument {
    pub rule: String,
    pub text: String,
    pub when: Option<String>,
    /// `pass`, `fail`, `untested`, `inconclusive`.
    pub verdict: &'static str,
    /// Infimum over the scope: what the unknown could have given lies within.
    pub margin: Interval,
    pub unit: String,
    /// The margin is a share of what the trace shows, since no ranges are declared.
    pub observed_ranges: bool,
    /// Where the smallest decided margin stood.
    pub worst_at: Option<Stamp>,
    /// When its trigger first held.
    pub tested_at: Option<Stamp>,
    pub violation: Option<ViolationDocument>,
    /// Each episode of violation.
    pub broken: StretchesDocument,
    /// Where it could not be told.
    pub unknown: StretchesDocument,
    /// Signals that it reads, and where each was not known.
    pub blind: Vec<Blind>,
    pub late: Vec<LateDocument>,
    /// Samples came denser than the engine's memory has room for: the margin may be wider than need be.
    pub merged: bool,
    /// The trace was cut or damaged.
    pub cut: bool,
    /// Something was still to come when the trace ended.
    pub open_at_end: bool,
    /// Why it is broken or could not be judged.
    pub why: Option<WhyDocument>,
    /// Why there is no `why`, though it is broken or could not be judged.
    pub why_left_out: Option<String>,
    /// How near it came to each of its deadlines; empty for a rule without any, and for a long trace.
    pub timing: Vec<ToldTiming>,
}

/// The chain of parts, places in time and samples behind a verdict.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct WhyDocument {
    /// One sentence: what it came from.
    pub because: Option<String>,
    /// The place that the chain explains: the worst of the first episode.
    pub critical_at: Option<Stamp>,
    pub chain: Option<ToldStep>,
    /// The chain as indented text.
    pub lines: Vec<String>,
}

/// Both ends of a margin: numbers, `"inf"` or `"-inf"`.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Interval {
    pub lo: Value,
    pub hi: Value,
}

/// First instant judged false, and when that could first be known.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ViolationDocument {
    pub instant: Stamp,
    pub known_at: Stamp,
}

/// Stretches of time: how many, how long together, and the first 1000.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct StretchesDocument {
    pub count: u64,
    pub total_ns: i64,
    pub list: Vec<Stretch>,
}

/// One of them; one instant alone has no length.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Stretch {
    pub from: Stamp,
    pub to: Stamp,
    pub length_ns: i64,
}

/// Where a signal was not known.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Blind {
    pub signal: String,
    #[serde(flatten)]
    pub stretches: StretchesDocument,
}

/// Samples that came with an older stamp than one before them.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct LateDocument {
    pub signal: String,
    pub count: u64,
    /// The first one's stamp, and the instant from which it counted.
    pub stamp: Stamp,
    pub counted_from: Stamp,
}

/// Makes the document.
pub fn document(account: &Account) -> Document {
    let (from, to) = account.scope.unzip();
    let heard =
        |(signal, at): &(String, Option<Time>)| HeardLate { signal: signal.clone(), first_heard: at.map(stamp) };
    let trouble = |spot: &crate::diag::Spot| Trouble {
        severity: match spot.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        file: spot.file.clone(),
        line: spot.line,
        message: spot.message.clone(),
    };
    Document {
        format: FORMAT,
        tool: concat!("checkrein ", env!("CARGO_PKG_VERSION")).into(),
        trace: account.trace.clone(),
        verdict: account.verdict().word(),
        from: from.map(stamp),
        to: to.map(stamp),
        rows: account.rows,
        samples: account.samples,
        outside: match account.outside {
            Outside::Unknown => "unknown",
            Outside::Cut => "cut",
        },
        rules: account.rules.iter().map(rule).collect(),
        missing: account.missing.clone(),
        heard_late: account.heard_late.iter().map(heard).collect(),
        errors: account.troubles.errors,
        warnings: account.troubles.warnings,
        troubles: account.troubles.shown.iter().map(trouble).collect(),
    }
}

fn rule(account: &RuleAccount) -> RuleDocument {
    let RuleAccount { rule, judgement, .. } = account;
    let blind = |(signal, blind): &(String, Stretches)| Blind { signal: signal.clone(), stretches: stretches(blind) };
    let late = |(signal, late): &(String, super::Late)| LateDocument {
        signal: signal.clone(),
        count: late.count,
        stamp: stamp(late.stamp),
        counted_from: stamp(late.at),
    };
    RuleDocument {
        rule: rule.name.clone(),
        text: rule.text.clone(),
        when: rule.when_text.clone(),
        verdict: words::verdict(account.verdict()),
        margin: Interval { lo: number(rule, judgement.margin.lo), hi: number(rule, judgement.margin.hi) },
        unit: margin_unit(rule),
        observed_ranges: account.observed_ranges,
        worst_at: judgement.worst_at.map(stamp),
        tested_at: account.tested_at.map(stamp),
        violation: (account.violation)
            .map(|v| ViolationDocument { instant: stamp(v.instant), known_at: stamp(v.known_at) }),
        broken: stretches(&account.broken),
        unknown: stretches(&account.unknown),
        blind: account.blind.iter().map(blind).collect(),
        late: account.late.iter().map(late).collect(),
        merged: account.merged,
        cut: account.cut,
        open_at_end: account.open,
        why: account.behind.told.as_ref().map(|told| WhyDocument {
            because: told.because.clone(),
            critical_at: account.behind.critical_at.map(stamp),
            chain: told.chain.clone(),
            lines: told.lines.clone(),
        }),
        why_left_out: account.behind.left_out.clone(),
        timing: account.behind.timings.clone(),
    }
}

fn stamp(at: Time) -> Stamp {
    Stamp { ns: at.nanos(), s: at.seconds() }
}

/// A margin (SI) as a number in the rule's unit; text when it is infinite.
fn number(rule: &Rule, si: f64) -> Value {
    let number = words::margin_number(rule, si).0;
    if number.is_finite() { Value::from(number) } else { Value::from(if number > 0.0 { "inf" } else { "-inf" }) }
}

fn stretches(stretches: &Stretches) -> StretchesDocument {
    let one =
        |(from, to): &(Time, Time)| Stretch { from: stamp(*from), to: stamp(*to), length_ns: to.since(*from).nanos() };
    StretchesDocument {
        count: stretches.count,
        total_ns: stretches.total.nanos(),
        list: stretches.kept.iter().map(one).collect(),
    }
}

/// One line per instant and rule: `{"rule":"r","t_ns":0,"lo":0.5,"hi":0.5,"truth":"true"}`.
pub fn sample_line(sample: &AtSample<'_>) -> String {
    format!(
        "{{\"rule\":{},\"t_ns\":{},\"lo\":{},\"hi\":{},\"truth\":\"{}\"}}",
        Value::from(sample.rule.name.as_str()),
        sample.at.nanos(),
        number(sample.rule, sample.margin.lo),
        number(sample.rule, sample.margin.hi),
        truth(sample.truth)
    )
}
