//! How far a formula looks ahead and back.

use super::ir::{Formula, Number};
use crate::time::Span;

/// `None` is for ever; the longer of two.
fn longer(a: Option<Span>, b: Option<Span>) -> Option<Span> {
    Some(a?.max(b?))
}

fn plus(a: Option<Span>, b: Option<Span>) -> Option<Span> {
    Some(a? + b?)
}

/// How long after an instant the judgement there can stay open; `None`: for ever.
pub fn horizon(formula: &Formula) -> Option<Span> {
    use Formula as F;
    match formula {
        // Numbers look back only: `fraction` refuses formulas that wait.
        F::Constant(_) | F::Flag(_) | F::State { .. } | F::Changed(_) | F::Compare { .. } | F::In { .. } => {
            Some(Span::ZERO)
        }
        F::Not(f) | F::Rise(f) | F::Fall(f) | F::Historically(_, f) | F::Once(_, f) => horizon(f),
        F::And(all) | F::Or(all) => all.iter().map(horizon).fold(Some(Span::ZERO), longer),
        F::Implies(a, b) | F::Iff(a, b) | F::Since(_, a, b) => longer(horizon(a), horizon(b)),
        F::Always(w, f) | F::Eventually(w, f) => plus(w.to, horizon(f)),
        F::Until(w, a, b) | F::Unless(w, a, b) => plus(w.to, longer(horizon(a), horizon(b))),
    }
}

/// How far back it looks; `None`: to the start. The sample before the present one (`rate`, `rise`, `changed`) is near.
pub fn history(formula: &Formula) -> Option<Span> {
    use Formula as F;
    match formula {
        F::Constant(_) | F::Flag(_) | F::State { .. } | F::Changed(_) => Some(Span::ZERO),
        F::Compare { left, right, .. } => longer(reach(left), reach(right)),
        F::In { expr, lo, hi, .. } => longer(reach(expr), longer(reach(lo), reach(hi))),
        F::Not(f) | F::Rise(f) | F::Fall(f) | F::Always(_, f) | F::Eventually(_, f) => history(f),
        F::And(all) | F::Or(all) => all.iter().map(history).fold(Some(Span::ZERO), longer),
        F::Implies(a, b) | F::Iff(a, b) | F::Until(_, a, b) | F::Unless(_, a, b) => longer(history(a), history(b)),
        F::Historically(w, f) | F::Once(w, f) => plus(w.to, history(f)),
        F::Since(w, a, b) => plus(w.to, longer(history(a), history(b))),
    }
}

fn reach(number: &Number) -> Option<Span> {
    use Number as N;
    match number {
        N::Constant(_) | N::Signal(_) | N::Rate(_) | N::Age(_) => Some(Span::ZERO),
        N::Negate(a) | N::Abs(a) | N::Sqrt(a) | N::Sin(a) | N::Cos(a) => reach(a),
        N::Add(a, b) | N::Subtract(a, b) | N::Multiply(a, b) | N::Divide(a, b) | N::Atan2(a, b) => {
            longer(reach(a), reach(b))
        }
        N::Min(all) | N::Max(all) | N::Norm(all) => all.iter().map(reach).fold(Some(Span::ZERO), longer),
        N::Clamp(a, b, c) => longer(reach(a), longer(reach(b), reach(c))),
        N::Delta(w, a) | N::Mean(w, a) => plus(Some(*w), reach(a)),
        N::Fraction(w, f) => plus(Some(*w), history(f)),
        N::Outside { x, y, .. } => longer(reach(x), reach(y)),
        N::Table { input, .. } => reach(input),
    }
}
