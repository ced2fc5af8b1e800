//! Walks over formulas: what they read.

use super::ir::{Formula, Number};
use crate::signal::SignalId;

/// Every signal that the formula reads, each once, in order of first use.
pub fn signals_of(formula: &Formula) -> Vec<SignalId> {
    let mut found = Vec::new();
    in_formula(formula, &mut found);
    found
}

fn note(signal: SignalId, found: &mut Vec<SignalId>) {
    if !found.contains(&signal) {
        found.push(signal);
    }
}

fn in_formula(formula: &Formula, found: &mut Vec<SignalId>) {
    match formula {
        Formula::Constant(_) => {}
        Formula::Flag(signal) | Formula::Changed(signal) | Formula::State { signal, .. } => note(*signal, found),
        Formula::Compare { left, right, .. } => {
            in_number(left, found);
            in_number(right, found);
        }
        Formula::In { expr, lo, hi, .. } => {
            in_number(expr, found);
            in_number(lo, found);
            in_number(hi, found);
        }
        Formula::Not(p)
        | Formula::Rise(p)
        | Formula::Fall(p)
        | Formula::Always(_, p)
        | Formula::Eventually(_, p)
        | Formula::Historically(_, p)
        | Formula::Once(_, p) => in_formula(p, found),
        Formula::And(all) | Formula::Or(all) => all.iter().for_each(|p| in_formula(p, found)),
        Formula::Implies(p, q)
        | Formula::Iff(p, q)
        | Formula::Until(_, p, q)
        | Formula::Unless(_, p, q)
        | Formula::Since(_, p, q) => {
            in_formula(p, found);
            in_formula(q, found);
        }
    }
}

fn in_number(number: &Number, found: &mut Vec<SignalId>) {
    match number {
        Number::Constant(_) => {}
        Number::Signal(signal) | Number::Rate(signal) | Number::Age(signal) => note(*signal, found),
        Number::Negate(a)
        | Number::Abs(a)
        | Number::Sqrt(a)
        | Number::Sin(a)
        | Number::Cos(a)
        | Number::Delta(_, a)
        | Number::Mean(_, a)
        | Number::Table { input: a, .. } => in_number(a, found),
        Number::Add(a, b)
        | Number::Subtract(a, b)
        | Number::Multiply(a, b)
        | Number::Divide(a, b)
        | Number::Atan2(a, b)
        | Number::Outside { x: a, y: b, .. } => {
            in_number(a, found);
            in_number(b, found);
        }
        Number::Min(all) | Number::Max(all) | Number::Norm(all) => all.iter().for_each(|a| in_number(a, found)),
        Number::Clamp(a, lo, hi) => {
            in_number(a, found);
            in_number(lo, found);
            in_number(hi, found);
        }
        Number::Fraction(_, p) => in_formula(p, found),
    }
}
