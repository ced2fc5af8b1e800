//! From a case that fails to a small one: parts of the formula and of the trace are left out as long as it still fails.

use super::naive::Trace;
use checkrein::expr::ir::{Formula, Number, Window};
use checkrein::stl::RuleSpec;
use checkrein::time::Span;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A check of one rule on one trace that lasts until the given instant.
pub type Check<'a> = &'a dyn Fn(&RuleSpec, &Trace, i64) -> Result<(), String>;

/// Tries the check; on failure panics with the smallest case found and how to see it again.
pub fn check(seed: u64, spec: RuleSpec, trace: Trace, end: i64, check: Check) {
    let Err(first) = attempt(check, &spec, &trace, end) else { return };
    let (mut spec, mut trace, mut end, mut why) = (spec, trace, end, first);
    let mut tries = 3000;
    'again: while tries > 0 {
        for (s, t, e) in smaller(&spec, &trace, end) {
            tries -= 1;
            if let Err(still) = attempt(check, &s, &t, e) {
                (spec, trace, end, why) = (s, t, e, still);
                continue 'again;
            }
        }
        break;
    }
    panic!("CHECKREIN_ORACLE_SEED={seed}: {why}\nrule {spec:?}\nuntil {end} of {trace:?}");
}

fn attempt(check: Check, spec: &RuleSpec, trace: &Trace, end: i64) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| check(spec, trace, end))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(format!("panic: {}", text.unwrap_or_else(|| format!("{:?}", panic.downcast_ref::<&str>()))))
    })
}

fn smaller(spec: &RuleSpec, trace: &Trace, end: i64) -> Vec<(RuleSpec, Trace, i64)> {
    let mut out = Vec::new();
    if end > trace.start + 1 {
        for end in [trace.start + (end - trace.start) / 2, end - 1] {
            let mut trace = trace.clone();
            trace.samples.retain(|s| s.0 <= end);
            out.push((spec.clone(), trace, end));
        }
    }
    if spec.when.is_some() {
        out.push((RuleSpec { when: None, ..spec.clone() }, trace.clone(), end));
    }
    for body in formulas(&spec.body) {
        out.push((RuleSpec { body, ..spec.clone() }, trace.clone(), end));
    }
    for when in spec.when.iter().flat_map(formulas) {
        out.push((RuleSpec { when: Some(when), ..spec.clone() }, trace.clone(), end));
    }
    let mut without = |change: &dyn Fn(&mut Trace)| {
        let mut trace = trace.clone();
        change(&mut trace);
        out.push((spec.clone(), trace, end));
    };
    let count = trace.samples.len();
    if count > 8 {
        for k in 0..4 {
            without(&|t| drop(t.samples.drain(k * count / 4..(k + 1) * count / 4)));
        }
    }
    for i in 0..count {
        without(&|t| _ = t.samples.remove(i));
    }
    for i in 0..trace.held.len() {
        without(&|t| _ = t.held.remove(i));
    }
    for i in 0..trace.signals.len() {
        if trace.signals[i].stale_after.is_some() {
            without(&|t| t.signals[i].stale_after = None);
        }
    }
    out
}

fn windows(window: Window) -> Vec<Window> {
    let mut out = Vec::new();
    if window.from > Span::ZERO {
        let to = window.to.map(|to| to - window.from);
        out.push(Window { from: Span::ZERO, to });
    }
    if let Some(to) = window.to
        && to > window.from
    {
        out.push(Window { from: window.from, to: Some(Span::from_nanos(to.nanos() - 1)) });
    }
    out
}

/// Formulas that are a little smaller.
fn formulas(formula: &Formula) -> Vec<Formula> {
    let mut out: Vec<Formula> = Vec::new();
    if !matches!(formula, Formula::Constant(_)) {
        out.extend([Formula::Constant(true), Formula::Constant(false)]);
    }
    let mut unary = |p: &Formula, make: &dyn Fn(Box<Formula>) -> Formula| {
        out.push(p.clone());
        out.extend(formulas(p).into_iter().map(|p| make(Box::new(p))));
    };
    match formula {
        Formula::Constant(_) | Formula::Flag(_) | Formula::State { .. } | Formula::Changed(_) => {}
        Formula::Not(p) => unary(p, &Formula::Not),
        Formula::Rise(p) => unary(p, &Formula::Rise),
        Formula::Fall(p) => unary(p, &Formula::Fall),
        Formula::Always(w, p) => unary(p, &|p| Formula::Always(*w, p)),
        Formula::Eventually(w, p) => unary(p, &|p| Formula::Eventually(*w, p)),
        Formula::Historically(w, p) => unary(p, &|p| Formula::Historically(*w, p)),
        Formula::Once(w, p) => unary(p, &|p| Formula::Once(*w, p)),
        Formula::And(all) | Formula::Or(all) => {
            let and = matches!(formula, Formula::And(_));
            let make = |all| if and { Formula::And(all) } else { Formula::Or(all) };
            out.extend(all.iter().cloned());
            for i in 0..all.len() {
                if all.len() > 2 {
                    let mut fewer = all.clone();
                    fewer.remove(i);
                    out.push(make(fewer));
                }
                for part in formulas(&all[i]) {
                    let mut all = all.clone();
                    all[i] = part;
                    out.push(make(all));
                }
            }
        }
        Formula::Implies(p, q) => pair(&mut out, p, q, &Formula::Implies),
        Formula::Iff(p, q) => pair(&mut out, p, q, &Formula::Iff),
        Formula::Until(w, p, q) => pair(&mut out, p, q, &|p, q| Formula::Until(*w, p, q)),
        Formula::Unless(w, p, q) => pair(&mut out, p, q, &|p, q| Formula::Unless(*w, p, q)),
        Formula::Since(w, p, q) => pair(&mut out, p, q, &|p, q| Formula::Since(*w, p, q)),
        Formula::Compare { op, left, right, scale } => {
            let make = |left, right| Formula::Compare { op: *op, left, right, scale: *scale };
            out.extend(numbers(left).into_iter().map(|left| make(left, right.clone())));
            out.extend(numbers(right).into_iter().map(|right| make(left.clone(), right)));
            if *scale != 1.0 {
                out.push(Formula::Compare { op: *op, left: left.clone(), right: right.clone(), scale: 1.0 });
            }
        }
        Formula::In { expr, lo, hi, scale } => {
            let one =
                |op, right: &Number| Formula::Compare { op, left: expr.clone(), right: right.clone(), scale: *scale };
            out.push(one(checkrein::expr::ir::Comparison::GreaterEqual, lo));
            out.push(one(checkrein::expr::ir::Comparison::LessEqual, hi));
        }
    }
    let window = |w: &Window, make: &dyn Fn(Window) -> Formula| windows(*w).into_iter().map(make).collect::<Vec<_>>();
    out.extend(match formula {
        Formula::Always(w, p) => window(w, &|w| Formula::Always(w, p.clone())),
        Formula::Eventually(w, p) => window(w, &|w| Formula::Eventually(w, p.clone())),
        Formula::Historically(w, p) => window(w, &|w| Formula::Historically(w, p.clone())),
        Formula::Once(w, p) => window(w, &|w| Formula::Once(w, p.clone())),
        Formula::Until(w, p, q) => window(w, &|w| Formula::Until(w, p.clone(), q.clone())),
        Formula::Unless(w, p, q) => window(w, &|w| Formula::Unless(w, p.clone(), q.clone())),
        Formula::Since(w, p, q) => window(w, &|w| Formula::Since(w, p.clone(), q.clone())),
        _ => Vec::new(),
    });
    out
}

fn pair(out: &mut Vec<Formula>, p: &Formula, q: &Formula, make: &dyn Fn(Box<Formula>, Box<Formula>) -> Formula) {
    out.extend([p.clone(), q.clone()]);
    out.extend(formulas(p).into_iter().map(|p| make(Box::new(p), Box::new(q.clone()))));
    out.extend(formulas(q).into_iter().map(|q| make(Box::new(p.clone()), Box::new(q))));
}

/// Numbers in place of this one.
fn numbers(number: &Number) -> Vec<Number> {
    match number {
        Number::Constant(_) | Number::Signal(_) | Number::Rate(_) | Number::Age(_) => Vec::new(),
        Number::Negate(a) | Number::Abs(a) | Number::Sqrt(a) | Number::Sin(a) | Number::Cos(a) => vec![(**a).clone()],
        Number::Delta(_, a) | Number::Table { input: a, .. } => vec![(**a).clone()],
        Number::Mean(w, a) => {
            let mut out: Vec<Number> = numbers(a).into_iter().map(|a| Number::Mean(*w, Box::new(a))).collect();
            out.push((**a).clone());
            out
        }
        Number::Fraction(w, f) => formulas(f).into_iter().map(|f| Number::Fraction(*w, Box::new(f))).collect(),
        Number::Add(a, b) | Number::Subtract(a, b) | Number::Multiply(a, b) | Number::Divide(a, b) => {
            vec![(**a).clone(), (**b).clone()]
        }
        Number::Atan2(a, b) | Number::Outside { x: a, y: b, .. } => vec![(**a).clone(), (**b).clone()],
        Number::Clamp(a, ..) => vec![(**a).clone()],
        Number::Min(all) | Number::Max(all) | Number::Norm(all) => all.clone(),
    }
}
