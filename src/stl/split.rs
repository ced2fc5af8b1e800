//! A rule as a conjunction of promises: `always (asked implies promise)` each, with `asked` about the past.
//!
//! Each promise is judged with its own horizon, so that a short one is not held up by a long one, and is watched for
//! the earliest instant at which it is broken.

use crate::expr::ir::{Formula, Number};

/// `always (asked implies promise)`.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// All of these hold; none: always.
    pub asked: Vec<Formula>,
    pub promise: Formula,
}

/// The parts of `always (asked implies formula)`.
pub(super) fn split(asked: &[Formula], formula: &Formula, out: &mut Vec<Part>) {
    match formula {
        Formula::And(parts) => {
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

/// True when no future operator is in it.
pub(super) fn is_past(formula: &Formula) -> bool {
    let mut past = true;
    visit(formula, &mut |f| {
        past &= !matches!(f, Formula::Always(..) | Formula::Eventually(..) | Formula::Until(..) | Formula::Unless(..));
    });
    past
}

/// True when a future operator in it has no bound.
pub(super) fn is_unbounded(formula: &Formula) -> bool {
    let mut unbounded = false;
    visit(formula, &mut |f| {
        if let Formula::Always(w, _) | Formula::Eventually(w, _) | Formula::Until(w, ..) | Formula::Unless(w, ..) = f {
            unbounded |= w.to.is_none();
        }
    });
    unbounded
}

/// Every signal it reads with whether it is read otherwise than by `age`.
pub(super) fn signals(formula: &Formula, found: &mut impl FnMut(u32, bool)) {
    visit(formula, &mut |f| match f {
        Formula::Flag(s) | Formula::State { signal: s, .. } | Formula::Changed(s) => found(s.0, true),
        Formula::Compare { left, right, .. } => {
            number_signals(left, found);
            number_signals(right, found);
        }
        Formula::In { expr, lo, hi, .. } => {
            for n in [expr, lo, hi] {
                number_signals(n, found);
            }
        }
        _ => {}
    });
}

fn number_signals(number: &Number, found: &mut impl FnMut(u32, bool)) {
    match number {
        Number::Signal(s) | Number::Rate(s) => found(s.0, true),
        Number::Age(s) => found(s.0, false),
        _ => {
            for part in parts(number) {
                number_signals(part, found);
            }
        }
    }
}

/// The numbers a number is made of.
fn parts(number: &Number) -> Vec<&Number> {
    match number {
        Number::Constant(_) | Number::Signal(_) | Number::Rate(_) | Number::Age(_) | Number::Fraction(..) => Vec::new(),
        Number::Negate(a)
        | Number::Abs(a)
        | Number::Sqrt(a)
        | Number::Sin(a)
        | Number::Cos(a)
        | Number::Delta(_, a)
        | Number::Mean(_, a)
        | Number::Table { input: a, .. } => vec![a],
        Number::Add(a, b)
        | Number::Subtract(a, b)
        | Number::Multiply(a, b)
        | Number::Divide(a, b)
        | Number::Atan2(a, b)
        | Number::Outside { x: a, y: b, .. } => vec![a, b],
        Number::Clamp(a, b, c) => vec![a, b, c],
        Number::Min(many) | Number::Max(many) | Number::Norm(many) => many.iter().collect(),
    }
}

/// Calls `see` with the formula and every formula in it, those inside numbers too.
fn visit(formula: &Formula, see: &mut dyn FnMut(&Formula)) {
    see(formula);
    match formula {
        Formula::Constant(_) | Formula::Flag(_) | Formula::State { .. } | Formula::Changed(_) => {}
        Formula::Compare { left, right, .. } => {
            visit_number(left, see);
            visit_number(right, see);
        }
        Formula::In { expr, lo, hi, .. } => {
            for n in [expr, lo, hi] {
                visit_number(n, see);
            }
        }
        Formula::Not(p)
        | Formula::Rise(p)
        | Formula::Fall(p)
        | Formula::Always(_, p)
        | Formula::Eventually(_, p)
        | Formula::Historically(_, p)
        | Formula::Once(_, p) => visit(p, see),
        Formula::And(many) | Formula::Or(many) => {
            for p in many {
                visit(p, see);
            }
        }
        Formula::Implies(p, q)
        | Formula::Iff(p, q)
        | Formula::Until(_, p, q)
        | Formula::Unless(_, p, q)
        | Formula::Since(_, p, q) => {
            visit(p, see);
            visit(q, see);
        }
    }
}

fn visit_number(number: &Number, see: &mut dyn FnMut(&Formula)) {
    if let Number::Fraction(_, f) = number {
        visit(f, see);
    }
    for part in parts(number) {
        visit_number(part, see);
    }
}
