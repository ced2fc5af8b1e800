//! An account as one JSON document, and margins at stamps as lines of JSON.

use super::account::{Account, RuleAccount, Stretches};
use super::samples::AtSample;
use super::text::{margin_unit, truth};
use crate::rig::Rule;
use crate::stl::{Margin, Outside};
use crate::time::Time;
use crate::trace::words;
use serde_json::{Value, json};

/// Version of the document.
const FORMAT: u32 = 1;

/// The account. Margins are in the rule's `unit` (`%` where dimensions mix); what is infinite is `"inf"` or `"-inf"`; stamps
/// are whole nanoseconds and seconds.
pub fn document(account: &Account) -> Value {
    let (from, to) = account.scope.unzip();
    let heard = |(signal, at): &(String, Option<Time>)| json!({"signal": signal, "first_heard": at.map(stamp)});
    json!({
        "format": FORMAT,
        "tool": concat!("checkrein ", env!("CARGO_PKG_VERSION")),
        "trace": account.trace,
        "verdict": account.verdict().word(),
        "from": from.map(stamp),
        "to": to.map(stamp),
        "rows": account.rows,
        "samples": account.samples,
        "outside": match account.outside {
            Outside::Unknown => "unknown",
            Outside::Cut => "cut",
        },
        "rules": account.rules.iter().map(rule).collect::<Vec<_>>(),
        "missing": account.missing,
        "heard_late": account.heard_late.iter().map(heard).collect::<Vec<_>>(),
        "errors": account.troubles.errors,
        "warnings": account.troubles.warnings,
        "troubles": account.troubles.shown.iter().map(|spot| json!({
            "severity": match spot.severity {
                crate::diag::Severity::Error => "error",
                crate::diag::Severity::Warning => "warning",
            },
            "file": spot.file,
            "line": spot.line,
            "message": spot.message,
        })).collect::<Vec<_>>(),
    })
}

fn rule(account: &RuleAccount) -> Value {
    let RuleAccount { rule, judgement, .. } = account;
    let named = |(signal, blind): &(String, Stretches)| {
        let mut value = stretches(blind);
        value["signal"] = json!(signal);
        value
    };
    json!({
        "rule": rule.name,
        "text": rule.text,
        "when": rule.when_text,
        "verdict": words::verdict(account.verdict()),
        "margin": margin(rule, judgement.margin),
        "unit": margin_unit(rule),
        "observed_ranges": account.observed_ranges,
        "worst_at": judgement.worst_at.map(stamp),
        "tested_at": account.tested_at.map(stamp),
        "violation": account.violation.map(|v| json!({"instant": stamp(v.instant), "known_at": stamp(v.known_at)})),
        "broken": stretches(&account.broken),
        "unknown": stretches(&account.unknown),
        "blind": account.blind.iter().map(named).collect::<Vec<_>>(),
        "late": account.late.iter().map(|(signal, late)| json!({
            "signal": signal, "count": late.count, "stamp": stamp(late.stamp), "counted_from": stamp(late.at),
        })).collect::<Vec<_>>(),
        "open_at_end": account.open,
    })
}

fn stamp(at: Time) -> Value {
    json!({"ns": at.nanos(), "s": at.seconds()})
}

fn margin(rule: &Rule, margin: Margin) -> Value {
    json!({"lo": number(rule, margin.lo), "hi": number(rule, margin.hi)})
}

fn number(rule: &Rule, si: f64) -> Value {
    let number = words::margin_number(rule, si).0;
    if number.is_finite() { json!(number) } else { json!(if number > 0.0 { "inf" } else { "-inf" }) }
}

fn stretches(stretches: &Stretches) -> Value {
    let one = |(from, to): &(Time, Time)| json!({"from": stamp(*from), "to": stamp(*to), "length_ns": to.since(*from).nanos()});
    json!({
        "count": stretches.count,
        "total_ns": stretches.total.nanos(),
        "list": stretches.kept.iter().map(one).collect::<Vec<_>>(),
    })
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
