//! The table behind a figure, for who reads with ears, and for who wants the numbers.

use super::Subject;
use crate::signal::{SignalKind, Value};
use crate::trace::{Column, words};
use serde::Serialize;

/// Rows of words under a head.
#[derive(Serialize)]
pub(super) struct Table {
    pub caption: &'static str,
    pub head: Vec<&'static str>,
    pub rows: Vec<Vec<String>>,
}

/// Every signal: how it began and ended, and how far it went.
pub(super) fn overview(subject: &Subject<'_>) -> Table {
    let rows = subject
        .trace
        .columns
        .iter()
        .filter(|column| subject.plan.rig.signals.def(column.signal).device.is_some())
        .map(|column| signal(subject, column))
        .collect();
    Table {
        caption: "Every signal, from its first sample to its last",
        head: vec!["signal", "samples", "first", "least", "greatest", "last", "gaps"],
        rows,
    }
}

fn signal(subject: &Subject<'_>, column: &Column) -> Vec<String> {
    let def = subject.plan.rig.signals.def(column.signal);
    let shown = |value: &Value| match (value, &def.kind) {
        (Value::Number(si), SignalKind::Number { unit, .. }) => words::value(unit, *si),
        (Value::Number(si), _) => words::number(*si),
        (Value::State(place), SignalKind::States { names }) => {
            names.get(usize::from(*place)).cloned().unwrap_or_else(|| "unknown".into())
        }
        (Value::Flag(flag), _) => flag.to_string(),
        (Value::Pulse, _) => "came".into(),
        (Value::State(_) | Value::Unknown, _) => "unknown".into(),
    };
    let numbers = || {
        column.values.iter().filter_map(|value| match value {
            Value::Number(si) if si.is_finite() => Some(*si),
            _ => None,
        })
    };
    let extreme = |found: Option<f64>| found.map_or_else(String::new, |si| shown(&Value::Number(si)));
    let end = |value: Option<&Value>| value.map_or_else(|| "never heard".into(), shown);
    vec![
        def.name.clone(),
        column.times.len().to_string(),
        end(column.values.first()),
        extreme(numbers().min_by(f64::total_cmp)),
        extreme(numbers().max_by(f64::total_cmp)),
        end(column.values.last()),
        column.gaps.len().to_string(),
    ]
}

/// Every rule: its verdict and how near it came.
pub(super) fn rules(subject: &Subject<'_>) -> Table {
    let rows = subject
        .plan
        .rules
        .iter()
        .zip(&subject.trace.rules)
        .map(|(rule, trace)| {
            let judgement = trace.judgement.as_ref();
            let at = |at: Option<crate::time::Time>| at.map_or_else(String::new, |at| format!("{:.3} s", at.seconds()));
            vec![
                rule.name.clone(),
                judgement.map_or("not judged", |j| words::verdict(j.verdict)).to_owned(),
                match judgement {
                    Some(_) if trace.untested() => "untested".into(),
                    Some(j) => words::margin_between(rule, j.margin),
                    None => String::new(),
                },
                at(judgement.and_then(|j| j.worst_at)),
                at(trace.violated.map(|v| v.instant)),
                trace.broken.len().to_string(),
            ]
        })
        .collect();
    Table {
        caption: "Every rule, and how near it came to being broken",
        head: vec!["rule", "verdict", "least margin", "at", "broken from", "times broken"],
        rows,
    }
}
