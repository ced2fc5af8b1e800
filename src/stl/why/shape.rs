//! How formulas are built: their parts, and the forms in which they are explained.

use crate::expr::ir::{Formula, Number, Window};
use crate::expr::walk::{is_unbounded, numbers};
use crate::signal::SignalId;
use crate::stl::{RuleSpec, promises};
use crate::time::Span;
use std::collections::BTreeSet;

/// Signals whose rate it reads, and signals whose age it reads.
pub(super) fn special(formula: &Formula) -> (BTreeSet<SignalId>, BTreeSet<SignalId>) {
    let (mut rates, mut ages) = (BTreeSet::new(), BTreeSet::new());
    numbers(formula, &mut |number| match number {
        Number::Rate(signal) => drop(rates.insert(*signal)),
        Number::Age(signal) => drop(ages.insert(*signal)),
        _ => {}
    });
    (rates, ages)
}

/// The windows of all numbers in it, together: after so long on unknown signals nothing in it moves any more.
pub(super) fn windows(formula: &Formula) -> Span {
    let mut all = Span::ZERO;
    numbers(formula, &mut |number| {
        if let Number::Mean(w, _) | Number::Fraction(w, _) | Number::Delta(w, _) = number {
            all = all + *w;
        }
    });
    all
}

/// The formula with the age of every signal made to rest on `lasting` as well.
pub(super) fn ages_rest_on(formula: &Formula, lasting: SignalId) -> Formula {
    let f = |p: &Formula| Box::new(ages_rest_on(p, lasting));
    let n = |a: &Number| number_rests_on(a, lasting);
    match formula {
        Formula::Constant(_) | Formula::Flag(_) | Formula::State { .. } | Formula::Changed(_) => formula.clone(),
        Formula::Compare { op, left, right, scale } => {
            Formula::Compare { op: *op, left: n(left), right: n(right), scale: *scale }
        }
        Formula::In { expr, lo, hi, scale } => Formula::In { expr: n(expr), lo: n(lo), hi: n(hi), scale: *scale },
        Formula::Not(p) => Formula::Not(f(p)),
        Formula::And(all) => Formula::And(all.iter().map(|p| ages_rest_on(p, lasting)).collect()),
        Formula::Or(all) => Formula::Or(all.iter().map(|p| ages_rest_on(p, lasting)).collect()),
        Formula::Implies(p, q) => Formula::Implies(f(p), f(q)),
        Formula::Iff(p, q) => Formula::Iff(f(p), f(q)),
        Formula::Rise(p) => Formula::Rise(f(p)),
        Formula::Fall(p) => Formula::Fall(f(p)),
        Formula::Always(w, p) => Formula::Always(*w, f(p)),
        Formula::Eventually(w, p) => Formula::Eventually(*w, f(p)),
        Formula::Historically(w, p) => Formula::Historically(*w, f(p)),
        Formula::Once(w, p) => Formula::Once(*w, f(p)),
        Formula::Until(w, p, q) => Formula::Until(*w, f(p), f(q)),
        Formula::Unless(w, p, q) => Formula::Unless(*w, f(p), f(q)),
        Formula::Since(w, p, q) => Formula::Since(*w, f(p), f(q)),
    }
}

/// An age may only be negated, added to, multiplied and divided: anything else has none in it.
fn number_rests_on(number: &Number, lasting: SignalId) -> Number {
    let n = |a: &Number| Box::new(number_rests_on(a, lasting));
    match number {
        Number::Age(_) => Number::Add(Box::new(number.clone()), Box::new(Number::Signal(lasting))),
        Number::Negate(a) => Number::Negate(n(a)),
        Number::Add(a, b) => Number::Add(n(a), n(b)),
        Number::Subtract(a, b) => Number::Subtract(n(a), n(b)),
        Number::Multiply(a, b) => Number::Multiply(n(a), n(b)),
        Number::Divide(a, b) => Number::Divide(n(a), n(b)),
        Number::Delta(w, a) => Number::Delta(*w, n(a)),
        Number::Fraction(w, f) => Number::Fraction(*w, Box::new(ages_rest_on(f, lasting))),
        _ => number.clone(),
    }
}

/// What the rule says of each instant, in a form that can be judged there.
///
/// An operator without a bound stands at the top of a rule and is judged where it breaks: `asked implies always p` says
/// of an instant that p holds there if it was ever asked for; the answer of an `until` may always still come.
pub(super) fn of_each_instant(rule: &RuleSpec) -> Formula {
    if !is_unbounded(&rule.body) {
        return match &rule.when {
            Some(when) => Formula::Implies(Box::new(when.clone()), Box::new(rule.body.clone())),
            None => rule.body.clone(),
        };
    }
    let mut parts: Vec<Formula> = promises(rule).into_iter().map(|(asked, promise)| bounded(&asked, promise)).collect();
    if parts.len() == 1 { parts.remove(0) } else { Formula::And(parts) }
}

fn bounded(asked: &[Formula], promise: Formula) -> Formula {
    match promise {
        Formula::Always(Window { from, to: None }, p) => match (asked, from) {
            ([], Span::ZERO) => *p,
            _ => {
                let since = Window { from, to: None };
                Formula::Implies(Box::new(Formula::Once(since, Box::new(all_of(asked)))), p)
            }
        },
        // Whether it comes is open to the end.
        Formula::Eventually(Window { to: None, .. }, _) => Formula::Constant(true),
        Formula::Until(Window { from, to: None }, p, q) | Formula::Unless(Window { from, to: None }, p, q) => {
            // Asked for, and not answered from that very instant on.
            let due = Formula::And(vec![
                Formula::Once(Window { from, to: Some(from) }, Box::new(all_of(asked))),
                // Before the start nothing was asked for.
                Formula::Once(Window { from, to: None }, Box::new(Formula::Constant(true))),
            ]);
            let waiting = Formula::Since(
                Window { from: Span::ZERO, to: None },
                Box::new(negated(&q)),
                Box::new(Formula::And(vec![due, negated(&q)])),
            );
            let after = Formula::Implies(Box::new(waiting), Box::new(Formula::Or(vec![(*p).clone(), *q])));
            if from == Span::ZERO {
                return after;
            }
            let lately = Window { from: Span::ZERO, to: Some(from) };
            Formula::And(vec![Formula::Implies(Box::new(Formula::Once(lately, Box::new(all_of(asked)))), p), after])
        }
        promise if asked.is_empty() => promise,
        promise => Formula::Implies(Box::new(all_of(asked)), Box::new(promise)),
    }
}

pub(super) fn all_of(asked: &[Formula]) -> Formula {
    match asked {
        [] => Formula::Constant(true),
        [one] => one.clone(),
        many => Formula::And(many.to_vec()),
    }
}

/// The opposite, without two negations in a row.
pub(super) fn negated(formula: &Formula) -> Formula {
    match formula {
        Formula::Not(inner) => (**inner).clone(),
        other => Formula::Not(Box::new(other.clone())),
    }
}

/// What the rule still waits for at the end, if an operator without a bound stands at its top.
pub(super) fn awaited(rule: &RuleSpec) -> Option<Formula> {
    promises(rule).into_iter().find_map(|(_, promise)| match promise {
        Formula::Eventually(Window { to: None, .. }, q) | Formula::Until(Window { to: None, .. }, _, q) => Some(*q),
        _ => None,
    })
}
