//! A rule as a conjunction of promises: `always (asked implies promise)` each, with `asked` about the past.
//!
//! Each promise is judged with its own horizon, so that a short one is not held up by a long one, and is watched for
//! the earliest instant at which it is broken.

use super::RuleSpec;
use crate::expr::ir::Formula;
use crate::expr::walk;
pub(super) use crate::expr::walk::{is_past, is_unbounded};

/// `always (asked implies promise)`.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// All of these hold; none: always.
    pub asked: Vec<Formula>,
    pub promise: Formula,
}

/// Each promise repeats what asks for it: where so many pieces would come of it, they stay one promise.
const WEIGHT_MAX: usize = 50_000;

fn weight(asked: &[Formula]) -> usize {
    asked.iter().map(walk::size).sum()
}

/// What a rule promises, one by one: each with what asks for it (all of these; none: always). What a violation is told
/// by, and when, is decided for each promise alone.
pub fn promises(rule: &RuleSpec) -> Vec<(Vec<Formula>, Formula)> {
    let asked: Vec<Formula> = rule.when.iter().cloned().collect();
    let mut parts = Vec::new();
    if asked.iter().all(is_past) {
        split(&asked, &rule.body, &mut parts);
    } else {
        parts.push(Part { asked, promise: rule.body.clone() });
    }
    parts.into_iter().map(|part| (part.asked, part.promise)).collect()
}

/// The parts of `always (asked implies formula)`.
pub(super) fn split(asked: &[Formula], formula: &Formula, out: &mut Vec<Part>) {
    match formula {
        Formula::And(parts) if weight(asked) * parts.len() <= WEIGHT_MAX => {
            for part in parts {
                split(asked, part, out);
            }
        }
        Formula::Implies(p, q) if is_past(p) => {
            let mut more = asked.to_vec();
            more.push((**p).clone());
            split(&more, q, out);
        }
        Formula::Or(parts) if parts.iter().filter(|p| !is_past(p)).count() == 1 => {
            let mut more = asked.to_vec();
            let mut future = None;
            for part in parts {
                if is_past(part) {
                    more.push(negated(part));
                } else {
                    future = Some(part);
                }
            }
            split(&more, future.expect("counted above"), out);
        }
        Formula::Not(inner) => match &**inner {
            Formula::Not(p) => split(asked, p, out),
            Formula::Or(parts) => {
                for part in parts {
                    split(asked, &negated(part), out);
                }
            }
            Formula::And(parts) => split_simple(asked, &Formula::Or(parts.iter().map(negated).collect()), out),
            Formula::Implies(p, q) => {
                split(asked, p, out);
                split(asked, &negated(q), out);
            }
            Formula::Always(window, p) => split(asked, &Formula::Eventually(*window, Box::new(negated(p))), out),
            Formula::Eventually(window, p) => split(asked, &Formula::Always(*window, Box::new(negated(p))), out),
            _ => out.push(Part { asked: asked.to_vec(), promise: formula.clone() }),
        },
        _ => out.push(Part { asked: asked.to_vec(), promise: formula.clone() }),
    }
}

/// An `or` made from a negated `and`: split if one part is about the future, as it stands if it is all past.
fn split_simple(asked: &[Formula], or: &Formula, out: &mut Vec<Part>) {
    match or {
        Formula::Or(parts) if parts.iter().filter(|p| !is_past(p)).count() == 1 => split(asked, or, out),
        _ => out.push(Part { asked: asked.to_vec(), promise: or.clone() }),
    }
}

fn negated(formula: &Formula) -> Formula {
    match formula {
        Formula::Not(inner) => (**inner).clone(),
        other => Formula::Not(Box::new(other.clone())),
    }
}

/// Every signal it reads with whether it is read otherwise than by `age`.
pub(super) fn signals(formula: &Formula, found: &mut impl FnMut(u32, bool)) {
    walk::reads(formula, &mut |signal, by_age| found(signal.0, !by_age));
}
