//! How formulas are built: their parts, and the forms in which they are explained.

use crate::expr::ir::{Formula, Number, Window};
use crate::signal::SignalId;
use crate::stl::RuleSpec;
use crate::time::Span;
use std::collections::BTreeSet;

/// The formulas and numbers that a formula is made of.
pub(super) fn parts(formula: &Formula) -> (Vec<&Formula>, Vec<&Number>) {
    match formula {
        Formula::Constant(_) | Formula::Flag(_) | Formula::State { .. } | Formula::Changed(_) => {
            (Vec::new(), Vec::new())
        }
        Formula::Compare { left, right, .. } => (Vec::new(), vec![left, right]),
        Formula::In { expr, lo, hi, .. } => (Vec::new(), vec![expr, lo, hi]),
        Formula::Not(p)
        | Formula::Rise(p)
        | Formula::Fall(p)
        | Formula::Always(_, p)
        | Formula::Eventually(_, p)
        | Formula::Historically(_, p)
        | Formula::Once(_, p) => (vec![p], Vec::new()),
        Formula::And(all) | Formula::Or(all) => (all.iter().collect(), Vec::new()),
        Formula::Implies(p, q)
        | Formula::Iff(p, q)
        | Formula::Until(_, p, q)
        | Formula::Unless(_, p, q)
        | Formula::Since(_, p, q) => (vec![p, q], Vec::new()),
    }
}

/// The numbers that a number is made of.
pub(super) fn number_parts(number: &Number) -> Vec<&Number> {
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
        Number::Min(all) | Number::Max(all) | Number::Norm(all) => all.iter().collect(),
    }
}

/// How many formulas it is made of, itself included; those inside numbers too.
pub(super) fn size(formula: &Formula) -> i64 {
    let (formulas, numbers) = parts(formula);
    1 + formulas.into_iter().map(size).sum::<i64>() + numbers.into_iter().map(number_size).sum::<i64>()
}

fn number_size(number: &Number) -> i64 {
    let inside = if let Number::Fraction(_, f) = number { size(f) } else { 0 };
    inside + number_parts(number).into_iter().map(number_size).sum::<i64>()
}

/// Signals whose rate it reads, and signals whose age it reads.
pub(super) fn special(formula: &Formula) -> (BTreeSet<SignalId>, BTreeSet<SignalId>) {
    let (mut rates, mut ages) = (BTreeSet::new(), BTreeSet::new());
    each_number(formula, &mut |number| match number {
        Number::Rate(signal) => drop(rates.insert(*signal)),
        Number::Age(signal) => drop(ages.insert(*signal)),
        _ => {}
    });
    (rates, ages)
}

fn each_number(formula: &Formula, see: &mut dyn FnMut(&Number)) {
    let (formulas, numbers) = parts(formula);
    for f in formulas {
        each_number(f, see);
    }
    for n in numbers {
        each_inside(n, see);
    }
}

fn each_inside(number: &Number, see: &mut dyn FnMut(&Number)) {
    see(number);
    if let Number::Fraction(_, f) = number {
        each_number(f, see);
    }
    for part in number_parts(number) {
        each_inside(part, see);
    }
}

/// The windows of all numbers in it, together: after so long on unknown signals nothing in it moves any more.
pub(super) fn windows(formula: &Formula) -> Span {
    let mut all = Span::ZERO;
    each_number(formula, &mut |number| {
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
    let unbounded = crate::expr::horizon(&rule.body).is_none();
    match &rule.when {
        Some(when) if unbounded => bounded(std::slice::from_ref(when), &rule.body),
        Some(when) => Formula::Implies(Box::new(when.clone()), Box::new(rule.body.clone())),
        None if unbounded => bounded(&[], &rule.body),
        None => rule.body.clone(),
    }
}

fn bounded(asked: &[Formula], formula: &Formula) -> Formula {
    match formula {
        Formula::And(parts) => Formula::And(parts.iter().map(|p| bounded(asked, p)).collect()),
        Formula::Implies(p, q) => {
            let mut more = asked.to_vec();
            more.push((**p).clone());
            bounded(&more, q)
        }
        Formula::Or(parts) => match parts.iter().position(|p| crate::expr::horizon(p) != Some(Span::ZERO)) {
            Some(place) => {
                let mut more = asked.to_vec();
                more.extend(parts.iter().enumerate().filter(|(i, _)| *i != place).map(|(_, p)| negated(p)));
                bounded(&more, &parts[place])
            }
            None => implies(asked, formula.clone()),
        },
        Formula::Not(inner) => match &**inner {
            Formula::Not(p) => bounded(asked, p),
            Formula::Or(parts) => Formula::And(parts.iter().map(|p| bounded(asked, &negated(p))).collect()),
            Formula::And(parts) => bounded(asked, &Formula::Or(parts.iter().map(negated).collect())),
            Formula::Implies(p, q) => Formula::And(vec![bounded(asked, p), bounded(asked, &negated(q))]),
            Formula::Always(w, p) => bounded(asked, &Formula::Eventually(*w, Box::new(negated(p)))),
            Formula::Eventually(w, p) => bounded(asked, &Formula::Always(*w, Box::new(negated(p)))),
            _ => implies(asked, formula.clone()),
        },
        Formula::Always(Window { from, to: None }, p) => match (asked, *from) {
            ([], Span::ZERO) => (**p).clone(),
            _ => Formula::Implies(
                Box::new(Formula::Once(Window { from: *from, to: None }, Box::new(all_of(asked)))),
                p.clone(),
            ),
        },
        // Whether it comes is open to the end.
        Formula::Eventually(Window { to: None, .. }, _) => Formula::Constant(true),
        Formula::Until(Window { from, to: None }, p, q) | Formula::Unless(Window { from, to: None }, p, q) => {
            // Asked for, and not answered from that very instant on.
            let due = Formula::And(vec![
                Formula::Once(Window { from: *from, to: Some(*from) }, Box::new(all_of(asked))),
                // Before the start nothing was asked for.
                Formula::Once(Window { from: *from, to: None }, Box::new(Formula::Constant(true))),
            ]);
            let waiting = Formula::Since(
                Window { from: Span::ZERO, to: None },
                Box::new(negated(q)),
                Box::new(Formula::And(vec![due, negated(q)])),
            );
            let led = Formula::Implies(
                Box::new(Formula::Once(Window { from: Span::ZERO, to: Some(*from) }, Box::new(all_of(asked)))),
                p.clone(),
            );
            let after = Formula::Implies(Box::new(waiting), Box::new(Formula::Or(vec![(**p).clone(), (**q).clone()])));
            if *from == Span::ZERO { after } else { Formula::And(vec![led, after]) }
        }
        _ => implies(asked, formula.clone()),
    }
}

fn implies(asked: &[Formula], promise: Formula) -> Formula {
    if asked.is_empty() { promise } else { Formula::Implies(Box::new(all_of(asked)), Box::new(promise)) }
}

fn all_of(asked: &[Formula]) -> Formula {
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

/// What an operator without a bound, at the top of a rule, still waits for.
pub(super) fn awaited(formula: &Formula) -> Option<&Formula> {
    match formula {
        Formula::Eventually(Window { to: None, .. }, q) | Formula::Until(Window { to: None, .. }, _, q) => Some(q),
        Formula::And(all) | Formula::Or(all) => all.iter().find_map(awaited),
        Formula::Implies(_, q) => awaited(q),
        _ => None,
    }
}
