//! Which values of a signal a rule allows, read from the very formula that judged.

use crate::expr::ir::{Comparison, Formula, Number};
use crate::rig::Rule;
use crate::scenario::plan::Plan;
use crate::signal::{SignalId, SignalKind, Value};
use crate::time::Time;
use crate::trace::{Stretch, Trace};

/// A bound on one signal.
#[derive(Clone, PartialEq, Debug)]
pub struct Limit {
    pub signal: SignalId,
    /// SI.
    pub value: f64,
    pub allowed: Allowed,
    /// Where it counts; `None`: throughout.
    pub active: Option<Vec<Stretch>>,
    /// Beyond it the rule may hold all the same (an alternative, or a condition that cannot be drawn).
    pub conditional: bool,
}

/// Which side is allowed.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Allowed {
    Below,
    Above,
}

impl Allowed {
    fn flipped(self) -> Allowed {
        match self {
            Allowed::Below => Allowed::Above,
            Allowed::Above => Allowed::Below,
        }
    }
}

/// Bounds that a rule sets on single signals; comparisons of several signals have none.
pub fn of_rule(rule: &Rule, trace: &Trace) -> Vec<Limit> {
    let mut context = Context { active: None, conditional: false };
    if let Some(when) = &rule.spec.when {
        context.narrow(when, trace);
    }
    let mut limits = Vec::new();
    collect(&rule.spec.body, true, &context, trace, &mut limits);
    limits
}

impl Limit {
    /// How far a value is from the limit (SI); negative beyond it.
    pub fn room(&self, value: f64) -> f64 {
        match self.allowed {
            Allowed::Below => self.value - value,
            Allowed::Above => value - self.value,
        }
    }

    /// Whether it counts at an instant.
    pub fn counts_at(&self, at: Time) -> bool {
        self.active.as_ref().is_none_or(|active| active.iter().any(|s| (s.from..=s.to).contains(&at)))
    }
}

/// The signals that a rule's margin came from at an instant: those beyond their own limit; when none is, the one that
/// is nearest to it. Several kinds of unit cannot be compared: then all that the rule bounds.
pub fn decisive(rule: &Rule, plan: &Plan, trace: &Trace, at: Time) -> Vec<SignalId> {
    let limits = of_rule(rule, trace);
    let mut rooms: Vec<(SignalId, f64, bool)> = limits
        .iter()
        .filter(|limit| limit.counts_at(at))
        .filter_map(|limit| {
            let value = trace.column(limit.signal)?.number_at(at)?;
            Some((limit.signal, limit.room(value), limit.conditional))
        })
        .collect();
    // An alternative says less than a bound that must hold.
    if rooms.iter().any(|(.., conditional)| !conditional) {
        rooms.retain(|(.., conditional)| !conditional);
    }
    let mut found: Vec<SignalId> = rooms.iter().filter(|(_, room, _)| *room < 0.0).map(|(s, ..)| *s).collect();
    if found.is_empty() {
        let dimension = |signal: SignalId| match &plan.rig.signals.def(signal).kind {
            SignalKind::Number { unit, .. } => Some(unit.dimension),
            _ => None,
        };
        let comparable = rooms.windows(2).all(|pair| dimension(pair[0].0) == dimension(pair[1].0));
        let nearest = rooms.iter().min_by(|a, b| a.1.total_cmp(&b.1)).filter(|_| comparable);
        found = match nearest {
            Some((signal, ..)) => vec![*signal],
            None => limits.iter().map(|limit| limit.signal).collect(),
        };
    }
    found.sort();
    found.dedup();
    found
}

#[derive(Clone)]
struct Context {
    active: Option<Vec<Stretch>>,
    conditional: bool,
}

impl Context {
    /// What follows counts only where `formula` holds.
    fn narrow(&mut self, formula: &Formula, trace: &Trace) {
        match holds(formula, trace) {
            Some(stretches) => {
                self.active = Some(match self.active.take() {
                    Some(before) => intersect(&before, &stretches),
                    None => stretches,
                });
            }
            None => self.conditional = true,
        }
    }
}

fn collect(formula: &Formula, wanted: bool, context: &Context, trace: &Trace, out: &mut Vec<Limit>) {
    let alternative = || Context { conditional: true, ..context.clone() };
    match formula {
        Formula::Compare { op, left, right, .. } => compare(*op, left, right, wanted, context, out),
        Formula::In { expr, lo, hi, .. } => {
            let context = if wanted { context.clone() } else { alternative() };
            compare(Comparison::GreaterEqual, expr, lo, wanted, &context, out);
            compare(Comparison::LessEqual, expr, hi, wanted, &context, out);
        }
        Formula::Not(inner) => collect(inner, !wanted, context, trace, out),
        Formula::And(parts) | Formula::Or(parts) => {
            let all_must = matches!(formula, Formula::And(_)) == wanted;
            let context = if all_must { context.clone() } else { alternative() };
            for part in parts {
                collect(part, wanted, &context, trace, out);
            }
        }
        Formula::Implies(condition, then) if wanted => {
            let mut context = context.clone();
            context.narrow(condition, trace);
            collect(then, true, &context, trace, out);
        }
        // All of these hold for longer than an instant: a value beyond the bound is what they watch for.
        Formula::Always(_, inner) | Formula::Historically(_, inner) => collect(inner, wanted, context, trace, out),
        Formula::Eventually(_, inner) | Formula::Once(_, inner) => {
            collect(inner, wanted, &if wanted { alternative() } else { context.clone() }, trace, out);
        }
        Formula::Implies(..)
        | Formula::Iff(..)
        | Formula::Until(..)
        | Formula::Unless(..)
        | Formula::Since(..)
        | Formula::Rise(_)
        | Formula::Fall(_)
        | Formula::Changed(_)
        | Formula::Constant(_)
        | Formula::Flag(_)
        | Formula::State { .. } => {}
    }
}

fn compare(op: Comparison, left: &Number, right: &Number, wanted: bool, context: &Context, out: &mut Vec<Limit>) {
    let below = matches!(op, Comparison::Less | Comparison::LessEqual) == wanted;
    let allowed = if below { Allowed::Below } else { Allowed::Above };
    if let Some(bound) = constant(right) {
        bounded(left, allowed, bound, context, out);
    } else if let Some(bound) = constant(left) {
        bounded(right, allowed.flipped(), bound, context, out);
    }
}

/// `number` must stay on the allowed side of `bound`.
fn bounded(number: &Number, allowed: Allowed, bound: f64, context: &Context, out: &mut Vec<Limit>) {
    let alternative = || Context { conditional: true, ..context.clone() };
    if let Some((signal, scale, offset)) = affine(number) {
        if scale != 0.0 {
            let allowed = if scale > 0.0 { allowed } else { allowed.flipped() };
            let Context { active, conditional } = context.clone();
            out.push(Limit { signal, value: (bound - offset) / scale, allowed, active, conditional });
        }
        return;
    }
    match number {
        Number::Abs(inner) => {
            let context = if allowed == Allowed::Below { context.clone() } else { alternative() };
            bounded(inner, allowed, bound, &context, out);
            bounded(inner, allowed.flipped(), -bound, &context, out);
        }
        Number::Max(parts) | Number::Min(parts) => {
            let all_must = matches!(number, Number::Max(_)) == (allowed == Allowed::Below);
            let context = if all_must { context.clone() } else { alternative() };
            for part in parts {
                bounded(part, allowed, bound, &context, out);
            }
        }
        Number::Negate(inner) => bounded(inner, allowed.flipped(), -bound, context, out),
        _ => {}
    }
}

/// `number` as scale × signal + offset.
fn affine(number: &Number) -> Option<(SignalId, f64, f64)> {
    Some(match number {
        Number::Signal(signal) => (*signal, 1.0, 0.0),
        Number::Negate(inner) => {
            let (signal, scale, offset) = affine(inner)?;
            (signal, -scale, -offset)
        }
        Number::Add(a, b) => match (affine(a), constant(b)) {
            (Some((signal, scale, offset)), Some(c)) => (signal, scale, offset + c),
            _ => {
                let (signal, scale, offset) = affine(b)?;
                (signal, scale, offset + constant(a)?)
            }
        },
        Number::Subtract(a, b) => match (affine(a), constant(b)) {
            (Some((signal, scale, offset)), Some(c)) => (signal, scale, offset - c),
            _ => {
                let (signal, scale, offset) = affine(b)?;
                (signal, -scale, constant(a)? - offset)
            }
        },
        Number::Multiply(a, b) => {
            let (inner, factor) = match constant(b) {
                Some(factor) => (a, factor),
                None => (b, constant(a)?),
            };
            let (signal, scale, offset) = affine(inner)?;
            (signal, scale * factor, offset * factor)
        }
        Number::Divide(a, b) => {
            let divisor = constant(b)?;
            let (signal, scale, offset) = affine(a)?;
            (signal, scale / divisor, offset / divisor)
        }
        _ => return None,
    })
}

fn constant(number: &Number) -> Option<f64> {
    Some(match number {
        Number::Constant(c) => *c,
        Number::Negate(inner) => -constant(inner)?,
        Number::Add(a, b) => constant(a)? + constant(b)?,
        Number::Subtract(a, b) => constant(a)? - constant(b)?,
        Number::Multiply(a, b) => constant(a)? * constant(b)?,
        Number::Divide(a, b) => constant(a)? / constant(b)?,
        _ => return None,
    })
}

/// Where a formula of states and flags held; `None` when it speaks of anything else.
fn holds(formula: &Formula, trace: &Trace) -> Option<Vec<Stretch>> {
    match formula {
        Formula::Constant(true) => Some(vec![trace.whole]),
        Formula::Constant(false) => Some(Vec::new()),
        Formula::Flag(signal) => where_value(trace, *signal, |v| v == Value::Flag(true)),
        Formula::State { signal, any_of } => {
            where_value(trace, *signal, |v| matches!(v, Value::State(s) if any_of.contains(&s)))
        }
        Formula::Not(inner) => Some(complement(&holds(inner, trace)?, trace.whole)),
        Formula::And(parts) => parts.iter().try_fold(vec![trace.whole], |all, part| {
            let part = holds(part, trace)?;
            Some(intersect(&all, &part))
        }),
        _ => None,
    }
}

fn where_value(trace: &Trace, signal: SignalId, is: impl Fn(Value) -> bool) -> Option<Vec<Stretch>> {
    let column = trace.column(signal)?;
    let mut out: Vec<Stretch> = Vec::new();
    for (i, from) in column.times.iter().enumerate() {
        if !is(column.values[i]) {
            continue;
        }
        let to: Time = column.times.get(i + 1).copied().unwrap_or(trace.whole.to);
        match out.last_mut() {
            Some(last) if last.to == *from => last.to = to,
            _ => out.push(Stretch { from: *from, to }),
        }
    }
    Some(out)
}

fn intersect(a: &[Stretch], b: &[Stretch]) -> Vec<Stretch> {
    let mut out = Vec::new();
    for x in a {
        for y in b {
            let both = Stretch { from: x.from.max(y.from), to: x.to.min(y.to) };
            if both.from < both.to {
                out.push(both);
            }
        }
    }
    out
}

fn complement(stretches: &[Stretch], whole: Stretch) -> Vec<Stretch> {
    let mut out = Vec::new();
    let mut from = whole.from;
    for s in stretches {
        if from < s.from {
            out.push(Stretch { from, to: s.from });
        }
        from = from.max(s.to);
    }
    if from < whole.to {
        out.push(Stretch { from, to: whole.to });
    }
    out
}
