//! How causes, margins and verdicts are said; the same words in every report and plot.

use super::Trace;
use crate::command::{ArgKind, Authority, Command, RuleId};
use crate::guard::{Cause, Decision, LadderId, Refusal, RungId};
use crate::rig::{MarginUnit, Rule, StopCategory};
use crate::run::event::{AckedBy, FallbackWhy};
use crate::scenario::plan::Plan;
use crate::stl::{Margin, RuleVerdict};
use crate::time::Span;
use crate::units::Unit;
use crate::wire::{DeviceId, LinkId};

/// The rule's name; its number where the plan has none (a recording of another plan).
pub fn rule(plan: &Plan, id: RuleId) -> String {
    plan.rules.get(usize::from(id.0)).map_or_else(|| format!("rule {}", id.0), |r| r.name.clone())
}

/// The device's name.
pub fn device(plan: &Plan, id: DeviceId) -> String {
    plan.rig.devices.iter().find(|d| d.id == id).map_or_else(|| format!("device {}", id.0), |d| d.name.clone())
}

/// The link's name.
pub fn link(plan: &Plan, id: LinkId) -> String {
    plan.rig.links.iter().find(|l| l.id == id).map_or_else(|| format!("link {}", id.0), |l| l.name.clone())
}

/// The name of the device that a ladder makes safe.
pub fn ladder(plan: &Plan, id: LadderId) -> String {
    plan.ladders.iter().find(|l| l.id == id).map_or_else(|| format!("ladder {}", id.0), |l| device(plan, l.device))
}

/// What a rung sends.
pub fn rung(plan: &Plan, id: LadderId, rung: RungId) -> String {
    plan.ladders
        .iter()
        .find(|l| l.id == id)
        .and_then(|l| l.rungs.iter().find(|r| r.id == rung))
        .map_or_else(|| format!("rung {}", rung.0), |r| r.title.clone())
}

/// The stop category of a rung, where the rig says it.
pub fn category(plan: &Plan, id: LadderId, rung: RungId) -> Option<StopCategory> {
    plan.ladders.iter().find(|l| l.id == id)?.rungs.iter().find(|r| r.id == rung)?.category
}

/// Why the guard acted.
pub fn cause(plan: &Plan, cause: Cause) -> String {
    plan.cause_in_words(cause)
}

/// What the gate did with a command, for people; `None` where it passed.
pub fn decision(plan: &Plan, command: &Command, decision: Decision) -> Option<String> {
    let def = plan.rig.commands.get(command.id);
    let name = def.map_or_else(|| format!("command {}", command.id.0), |def| def.name.clone());
    let arg = |place: u8| {
        def.and_then(|def| def.args.get(usize::from(place))).map_or_else(|| place.to_string(), |a| a.name.clone())
    };
    let shown = |place: u8, si: f64| match def.and_then(|def| def.args.get(usize::from(place))).map(|a| &a.kind) {
        Some(ArgKind::Number { unit, .. }) => value(unit, si),
        _ => number(si),
    };
    Some(match decision {
        Decision::Pass => return None,
        Decision::Clamp { arg: place, from, to, rule: by } => {
            let by = by.map_or_else(|| "its range".to_owned(), |id| format!("rule {}", rule(plan, id)));
            format!("{name}: {} clamped from {} to {} by {by}", arg(place), shown(place, from), shown(place, to))
        }
        Decision::Reject(Refusal::NotANumber { arg: place }) => {
            format!("{name} rejected: {} is not a finite number", arg(place))
        }
        Decision::Reject(Refusal::OutOfRange { arg: place }) => {
            let asked = command.args().get(usize::from(place)).map_or_else(String::new, |si| shown(place, *si));
            format!("{name} rejected: {} is out of its range with {asked}", arg(place))
        }
        Decision::Reject(Refusal::NoRoom { arg: place, rule: by }) => {
            format!("{name} rejected: rule {} leaves no room for {}", rule(plan, by), arg(place))
        }
        Decision::Reject(refusal) => format!("{name} rejected: {refusal}"),
    })
}

/// Why a fallback took over, for people.
pub fn fallback_why(why: FallbackWhy) -> &'static str {
    match why {
        FallbackWhy::Condition => "its `when` holds",
        FallbackWhy::Limit => "the gate had to hold a command to a rule",
        FallbackWhy::Silence => "it fell silent",
    }
}

/// Who holds the machines from here on, for people.
pub fn holder(holder: Authority) -> &'static str {
    match holder {
        Authority::Person => "a person took over: nothing automatic commands the machines",
        Authority::Controller => "handed back: controllers may command again",
        Authority::Fallback | Authority::Script => "the script holds the machines: controllers are outranked",
    }
}

/// What showed that a device heard a rung.
pub fn acked_by(plan: &Plan, by: &AckedBy) -> String {
    match by {
        AckedBy::Protocol { refused: None } => "acknowledged".into(),
        AckedBy::Protocol { refused: Some(why) } => format!("refused ({why})"),
        AckedBy::Sample(signal) if (signal.0 as usize) < plan.rig.signals.len() => {
            format!("{} changed", plan.rig.signals.def(*signal).name)
        }
        AckedBy::Sample(signal) => format!("signal {} changed", signal.0),
    }
}

/// The word people read.
pub fn verdict(verdict: RuleVerdict) -> &'static str {
    match verdict {
        RuleVerdict::Pass => "pass",
        RuleVerdict::Fail => "fail",
        RuleVerdict::Untested => "untested",
        RuleVerdict::Inconclusive => "inconclusive",
    }
}

/// A margin (SI) in the rule's unit: `-0.46 m`, `38 %`, `held`, `broken`, `unknown`.
pub fn margin(rule: &Rule, si: f64) -> String {
    if si.is_nan() {
        return "unknown".into();
    }
    match &rule.margin {
        MarginUnit::Unit(unit) if si.is_finite() => {
            format!("{} {}", number(difference(unit, si)), unit_name(unit)).trim_end().to_owned()
        }
        MarginUnit::Share if si.is_finite() => format!("{} %", number(si * 100.0)),
        _ if si > 0.0 => "held".into(),
        _ => "broken".into(),
    }
}

/// An interval of margins (SI): one number when it is decided, both ends when data is missing.
pub fn margin_between(rule: &Rule, between: Margin) -> String {
    let (lo, hi) = (margin(rule, between.lo), margin(rule, between.hi));
    if lo == hi {
        return lo;
    }
    let end = |si: f64, shown: String, open: &str| if si.is_finite() { shown } else { open.to_string() };
    match (between.lo.is_finite(), between.hi.is_finite()) {
        (false, false) => "unknown".into(),
        _ => format!("{} to {}", end(between.lo, lo, "unknown"), end(between.hi, hi, "unknown")),
    }
}

/// A margin (SI) as a number in the rule's unit, with that unit's name; infinite for states and flags.
pub fn margin_number(rule: &Rule, si: f64) -> (f64, String) {
    match &rule.margin {
        MarginUnit::Unit(unit) => (difference(unit, si), unit_name(unit)),
        MarginUnit::Share => (si * 100.0, "%".into()),
        MarginUnit::Truth => (si, String::new()),
    }
}

/// A value (SI) in the unit, with its name: `8.46 m`.
pub fn value(unit: &Unit, si: f64) -> String {
    let shown = number(unit.from_si(si));
    if unit.text.is_empty() { shown } else { format!("{shown} {}", unit.text) }
}

/// A difference has no zero point: 5 degC apart are 5 K.
fn difference(unit: &Unit, si: f64) -> f64 {
    si / unit.scale
}

fn unit_name(unit: &Unit) -> String {
    if unit.offset != 0.0 { "K".into() } else { unit.text.clone() }
}

/// A length of time for people: `0.38 ms`, `8.92 s`.
pub fn span(span: Span) -> String {
    let seconds = span.seconds();
    match seconds.abs() {
        s if s >= 1.0 || s == 0.0 => format!("{} s", number(seconds)),
        s if s >= 1e-4 => format!("{} ms", number(seconds * 1e3)),
        _ => format!("{} us", number(seconds * 1e6)),
    }
}

/// The verdict and its first reason, in one line.
pub fn sentence(trace: &Trace) -> String {
    match &trace.outcome {
        None => "no verdict: the recording ends before the run did".into(),
        Some(outcome) => match outcome.reasons.first() {
            Some(reason) => format!("{}: {reason}", outcome.verdict.word()),
            None => outcome.verdict.word().into(),
        },
    }
}

/// Nanoseconds since 1970 as `2026-11-22 12:00:00 UTC`. (Days to a date after Howard Hinnant,
/// <https://howardhinnant.github.io/date_algorithms.html>.)
pub fn utc(unix_nanos: i64) -> String {
    let seconds = unix_nanos.div_euclid(1_000_000_000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Years begin in March here, so that the leap day is the last of its year.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC", second / 3_600, second / 60 % 60, second % 60)
}

/// Three significant digits, more before the point where there are more; no exponent in the usual range.
pub fn number(n: f64) -> String {
    if !n.is_finite() {
        return if n.is_nan() {
            "unknown".into()
        } else if n > 0.0 {
            "∞".into()
        } else {
            "-∞".into()
        };
    }
    let size = n.abs();
    if size != 0.0 && !(1e-4..1e7).contains(&size) {
        return format!("{n:.2e}");
    }
    let decimals = match size {
        s if s >= 100.0 => 0,
        s if s >= 10.0 => 1,
        s if s >= 1.0 || s == 0.0 => 2,
        s if s >= 0.1 => 3,
        s if s >= 0.01 => 4,
        s if s >= 0.001 => 5,
        _ => 6,
    };
    let text = format!("{n:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text.as_str() };
    if text == "-0" { "0".into() } else { text.into() }
}
