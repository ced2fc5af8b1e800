//! When a broken promise can first be known, in words.

use super::ir::{Formula, Number};
use super::reach::horizon;
use super::walk::{is_past, numbers};
use crate::signal::SignalTable;
use crate::time::Span;

/// How soon it is known that `promise` is broken at an instant that asked for it, and what decides it before.
pub fn known_in_english(promise: &Formula, signals: &SignalTable) -> String {
    let past = is_past;
    match promise {
        f if past(f) => at_once(f, signals),
        Formula::Always(w, p) if past(p) => {
            let from = if w.from > Span::ZERO {
                format!("{} after the instant that asks", w.from)
            } else {
                "that instant".into()
            };
            match w.to {
                Some(to) => format!(
                    "as soon as what must hold is broken between {from} and {to} after it; waiting longer changes nothing"
                ),
                None => format!("as soon as what must hold is broken, from {from} on"),
            }
        }
        Formula::Eventually(w, q) if past(q) => match w.to {
            Some(to) => format!(
                "at its deadline, {to} after the instant that asks, with no sample arriving{}; the answer coming before settles it",
                if remembers(q) { ", or sooner where what it remembers rules the answer out" } else { "" }
            ),
            None => "never by waiting: what has not come by the end of the run is unknown, not broken".into(),
        },
        Formula::Until(w, p, q) if past(p) && past(q) => {
            let early = "as soon as the first side breaks before the second has come";
            match w.to {
                Some(to) => format!(
                    "{early}; if the second never comes, at its deadline {to} after the instant that asks, with no sample arriving"
                ),
                None => format!("{early}; what has not come by the end of the run is unknown, not broken"),
            }
        }
        Formula::Unless(_, p, q) if past(p) && past(q) => {
            "as soon as the first side breaks before the second has come".into()
        }
        other => match horizon(other) {
            Some(after) => format!("{after} after the instant that asks, when all that it looks at has passed"),
            None => "never by waiting: what has not come by the end of the run is unknown, not broken".into(),
        },
    }
}

/// Whether a window over the past is in it, so that it may be known for some time to come.
fn remembers(formula: &Formula) -> bool {
    let mut found = matches!(formula, Formula::Historically(..) | Formula::Once(..) | Formula::Since(..));
    formula.children(&mut |child| found |= remembers(child));
    found
}

fn at_once(formula: &Formula, signals: &SignalTable) -> String {
    let mut moving: Vec<String> = Vec::new();
    numbers(formula, &mut |number| {
        let what = match number {
            Number::Age(id) => format!("the age of {}", signals.def(*id).name),
            Number::Mean(..) => "the mean".to_owned(),
            Number::Fraction(..) => "the share".to_owned(),
            _ => return,
        };
        if !moving.contains(&what) {
            moving.push(what);
        }
    });
    if moving.is_empty() {
        return "at once, with the sample that breaks it".into();
    }
    format!("at once: with the sample that breaks it, or with no sample when {} crosses its limit", moving.join(" or "))
}
