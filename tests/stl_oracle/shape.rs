//! What can be told of a formula without evaluating it.

use checkrein::expr::ir::{Formula, Number, Window};
use checkrein::signal::SignalId;
use checkrein::time::Span;

/// The number may move between changes of its signals.
pub fn moves(number: &Number) -> bool {
    match number {
        Number::Age(_) | Number::Mean(..) | Number::Fraction(..) => true,
        Number::Negate(a) | Number::Delta(_, a) => moves(a),
        Number::Add(a, b) | Number::Subtract(a, b) | Number::Multiply(a, b) | Number::Divide(a, b) => {
            moves(a) || moves(b)
        }
        _ => false,
    }
}

/// The margin may move between changes of its signals.
pub fn formula_moves(formula: &Formula) -> bool {
    match formula {
        Formula::Compare { left, right, .. } => moves(left) || moves(right),
        Formula::In { expr, lo, hi, .. } => moves(expr) || moves(lo) || moves(hi),
        Formula::Not(p) => formula_moves(p),
        Formula::And(parts) | Formula::Or(parts) => parts.iter().any(formula_moves),
        Formula::Implies(p, q) | Formula::Iff(p, q) => formula_moves(p) || formula_moves(q),
        _ => false,
    }
}

/// How many ns an instant can stay open.
pub fn horizon(formula: &Formula) -> i64 {
    let number_horizon = |n: &Number| number_horizon(n);
    match formula {
        Formula::Constant(_) | Formula::Flag(_) | Formula::State { .. } | Formula::Changed(_) => 0,
        Formula::Compare { left, right, .. } => number_horizon(left).max(number_horizon(right)),
        Formula::In { expr, lo, hi, .. } => number_horizon(expr).max(number_horizon(lo)).max(number_horizon(hi)),
        Formula::Not(p) | Formula::Rise(p) | Formula::Fall(p) | Formula::Historically(_, p) | Formula::Once(_, p) => {
            horizon(p)
        }
        Formula::And(parts) | Formula::Or(parts) => parts.iter().map(horizon).max().unwrap_or(0),
        Formula::Implies(p, q) | Formula::Iff(p, q) | Formula::Since(_, p, q) => horizon(p).max(horizon(q)),
        Formula::Always(w, p) | Formula::Eventually(w, p) => horizon(p) + w.to.map_or(0, Span::nanos),
        Formula::Until(w, p, q) | Formula::Unless(w, p, q) => horizon(p).max(horizon(q)) + w.to.map_or(0, Span::nanos),
    }
}

fn number_horizon(number: &Number) -> i64 {
    match number {
        Number::Fraction(_, f) => horizon(f),
        Number::Constant(_) | Number::Signal(_) | Number::Rate(_) | Number::Age(_) => 0,
        Number::Negate(a)
        | Number::Abs(a)
        | Number::Sqrt(a)
        | Number::Sin(a)
        | Number::Cos(a)
        | Number::Delta(_, a)
        | Number::Mean(_, a)
        | Number::Table { input: a, .. } => number_horizon(a),
        Number::Add(a, b)
        | Number::Subtract(a, b)
        | Number::Multiply(a, b)
        | Number::Divide(a, b)
        | Number::Atan2(a, b)
        | Number::Outside { x: a, y: b, .. } => number_horizon(a).max(number_horizon(b)),
        Number::Clamp(a, b, c) => number_horizon(a).max(number_horizon(b)).max(number_horizon(c)),
        Number::Min(all) | Number::Max(all) | Number::Norm(all) => all.iter().map(number_horizon).max().unwrap_or(0),
    }
}

/// It tells other values when time is stretched, or takes them between ticks.
pub fn reads_the_clock(formula: &Formula) -> bool {
    any_number(formula, &|n| matches!(n, Number::Rate(_) | Number::Age(_) | Number::Mean(..) | Number::Fraction(..)))
}

/// The formula depends on this signal, if only on its age.
pub fn mentions(formula: &Formula, signal: SignalId) -> bool {
    any_formula(formula, &|f| match f {
        Formula::Flag(s) | Formula::State { signal: s, .. } | Formula::Changed(s) => *s == signal,
        _ => false,
    }) || any_number(formula, &|n| matches!(n, Number::Signal(s) | Number::Rate(s) | Number::Age(s) if *s == signal))
}

/// Some number in the formula is so.
pub fn any_number(formula: &Formula, is: &dyn Fn(&Number) -> bool) -> bool {
    any_formula(formula, &|f| numbers_of(f).into_iter().any(|n| number_has(n, is)))
}

/// The formula or some formula in it is so.
pub fn any_formula(formula: &Formula, is: &dyn Fn(&Formula) -> bool) -> bool {
    if is(formula) {
        return true;
    }
    let inner = |f: &Formula| any_formula(f, is);
    let in_number = |n: &Number| number_has(n, &|n| matches!(n, Number::Fraction(_, f) if any_formula(f, is)));
    match formula {
        Formula::Constant(_) | Formula::Flag(_) | Formula::State { .. } | Formula::Changed(_) => false,
        Formula::Compare { .. } | Formula::In { .. } => numbers_of(formula).into_iter().any(in_number),
        Formula::Not(p)
        | Formula::Rise(p)
        | Formula::Fall(p)
        | Formula::Always(_, p)
        | Formula::Eventually(_, p)
        | Formula::Historically(_, p)
        | Formula::Once(_, p) => inner(p),
        Formula::And(all) | Formula::Or(all) => all.iter().any(inner),
        Formula::Implies(p, q)
        | Formula::Iff(p, q)
        | Formula::Until(_, p, q)
        | Formula::Unless(_, p, q)
        | Formula::Since(_, p, q) => inner(p) || inner(q),
    }
}

fn numbers_of(formula: &Formula) -> Vec<&Number> {
    match formula {
        Formula::Compare { left, right, .. } => vec![left, right],
        Formula::In { expr, lo, hi, .. } => vec![expr, lo, hi],
        _ => Vec::new(),
    }
}

fn number_has(number: &Number, is: &dyn Fn(&Number) -> bool) -> bool {
    let inner = |n: &Number| number_has(n, is);
    is(number)
        || match number {
            Number::Constant(_) | Number::Signal(_) | Number::Rate(_) | Number::Age(_) => false,
            // Numbers inside the formula are reached through it.
            Number::Fraction(_, f) => any_number(f, is),
            Number::Negate(a)
            | Number::Abs(a)
            | Number::Sqrt(a)
            | Number::Sin(a)
            | Number::Cos(a)
            | Number::Delta(_, a)
            | Number::Mean(_, a)
            | Number::Table { input: a, .. } => inner(a),
            Number::Add(a, b)
            | Number::Subtract(a, b)
            | Number::Multiply(a, b)
            | Number::Divide(a, b)
            | Number::Atan2(a, b)
            | Number::Outside { x: a, y: b, .. } => inner(a) || inner(b),
            Number::Clamp(a, b, c) => inner(a) || inner(b) || inner(c),
            Number::Min(all) | Number::Max(all) | Number::Norm(all) => all.iter().any(inner),
        }
}

/// The formula with every duration replaced.
pub fn map_spans(formula: &Formula, to: &dyn Fn(Span) -> Span) -> Formula {
    let w = |w: &Window| Window { from: to(w.from), to: w.to.map(to) };
    let f = |p: &Formula| Box::new(map_spans(p, to));
    let all = |parts: &[Formula]| parts.iter().map(|p| map_spans(p, to)).collect();
    let n = |x: &Number| map_number(x, to);
    match formula {
        Formula::Constant(_) | Formula::Flag(_) | Formula::State { .. } | Formula::Changed(_) => formula.clone(),
        Formula::Compare { op, left, right, scale } => {
            Formula::Compare { op: *op, left: n(left), right: n(right), scale: *scale }
        }
        Formula::In { expr, lo, hi, scale } => Formula::In { expr: n(expr), lo: n(lo), hi: n(hi), scale: *scale },
        Formula::Not(p) => Formula::Not(f(p)),
        Formula::And(parts) => Formula::And(all(parts)),
        Formula::Or(parts) => Formula::Or(all(parts)),
        Formula::Implies(p, q) => Formula::Implies(f(p), f(q)),
        Formula::Iff(p, q) => Formula::Iff(f(p), f(q)),
        Formula::Rise(p) => Formula::Rise(f(p)),
        Formula::Fall(p) => Formula::Fall(f(p)),
        Formula::Always(x, p) => Formula::Always(w(x), f(p)),
        Formula::Eventually(x, p) => Formula::Eventually(w(x), f(p)),
        Formula::Until(x, p, q) => Formula::Until(w(x), f(p), f(q)),
        Formula::Unless(x, p, q) => Formula::Unless(w(x), f(p), f(q)),
        Formula::Historically(x, p) => Formula::Historically(w(x), f(p)),
        Formula::Once(x, p) => Formula::Once(w(x), f(p)),
        Formula::Since(x, p, q) => Formula::Since(w(x), f(p), f(q)),
    }
}

fn map_number(number: &Number, to: &dyn Fn(Span) -> Span) -> Number {
    let n = |x: &Number| Box::new(map_number(x, to));
    let all = |parts: &[Number]| parts.iter().map(|p| map_number(p, to)).collect();
    match number {
        Number::Constant(_) | Number::Signal(_) | Number::Rate(_) | Number::Age(_) => number.clone(),
        Number::Negate(a) => Number::Negate(n(a)),
        Number::Abs(a) => Number::Abs(n(a)),
        Number::Sqrt(a) => Number::Sqrt(n(a)),
        Number::Sin(a) => Number::Sin(n(a)),
        Number::Cos(a) => Number::Cos(n(a)),
        Number::Add(a, b) => Number::Add(n(a), n(b)),
        Number::Subtract(a, b) => Number::Subtract(n(a), n(b)),
        Number::Multiply(a, b) => Number::Multiply(n(a), n(b)),
        Number::Divide(a, b) => Number::Divide(n(a), n(b)),
        Number::Atan2(a, b) => Number::Atan2(n(a), n(b)),
        Number::Clamp(a, b, c) => Number::Clamp(n(a), n(b), n(c)),
        Number::Min(parts) => Number::Min(all(parts)),
        Number::Max(parts) => Number::Max(all(parts)),
        Number::Norm(parts) => Number::Norm(all(parts)),
        Number::Delta(w, a) => Number::Delta(to(*w), n(a)),
        Number::Mean(w, a) => Number::Mean(to(*w), n(a)),
        Number::Fraction(w, f) => Number::Fraction(to(*w), Box::new(map_spans(f, to))),
        Number::Outside { polygon, x, y } => Number::Outside { polygon: polygon.clone(), x: n(x), y: n(y) },
        Number::Table { input, points } => Number::Table { input: n(input), points: points.clone() },
    }
}
