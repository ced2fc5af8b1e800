//! The plain limits in a rule: what a plot draws beside a signal, and what the gate holds a driven signal to.

use super::ir::{Comparison, Formula, Number};
use crate::signal::SignalId;
use crate::time::Span;

/// Which side of the limit is forbidden.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Side {
    /// The signal must stay below.
    Upper,
    /// The signal must stay above.
    Lower,
}

/// A constant limit of one signal.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Limit {
    pub signal: SignalId,
    pub side: Side,
    /// In the signal's SI unit.
    pub value_si: f64,
    /// The limit itself is forbidden (`<`, `>`).
    pub strict: bool,
    /// It must hold at every instant: it stands neither behind an `implies` nor in a window that lets it be broken for
    /// a while. The gate holds commands to these alone; a plot draws all.
    pub unconditional: bool,
}

/// The constant limits of single signals in a formula that must hold: through `and`, `not`, `always`, `historically`
/// and the right side of `implies`; through `abs`, `min`, `max` and steps by constants. Each once, in order of the
/// formula. A limit that is only one way among several (`or`) is none.
pub fn limits(formula: &Formula) -> Vec<Limit> {
    let mut walk = Walk { out: Vec::new(), unconditional: true };
    walk.formula(formula, true);
    walk.out
}

/// Whether the constant limits in a formula leave some signal no value, so that it can never hold.
pub fn excludes_itself(formula: &Formula) -> bool {
    let limits: Vec<Limit> = limits(formula).into_iter().filter(|limit| limit.unconditional).collect();
    let below = |low: &Limit, high: &Limit| {
        low.value_si > high.value_si || (low.value_si == high.value_si && (low.strict || high.strict))
    };
    limits
        .iter()
        .filter(|low| low.side == Side::Lower)
        .any(|low| limits.iter().any(|high| high.side == Side::Upper && high.signal == low.signal && below(low, high)))
}

struct Walk {
    out: Vec<Limit>,
    unconditional: bool,
}

impl Walk {
    /// Walks a formula that must hold (`wanted`) or must not.
    fn formula(&mut self, formula: &Formula, wanted: bool) {
        match formula {
            Formula::Compare { op, left, right, .. } => self.compare(*op, left, right, wanted),
            // Outside a range is below it or above it: no single limit.
            Formula::In { expr, lo, hi, .. } if wanted => {
                self.compare(Comparison::GreaterEqual, expr, lo, true);
                self.compare(Comparison::LessEqual, expr, hi, true);
            }
            Formula::Not(f) => self.formula(f, !wanted),
            Formula::And(all) if wanted || all.len() == 1 => all.iter().for_each(|f| self.formula(f, wanted)),
            Formula::Or(all) if !wanted || all.len() == 1 => all.iter().for_each(|f| self.formula(f, wanted)),
            Formula::Implies(_, f) if wanted => self.behind_condition(f, wanted),
            Formula::Implies(a, b) => {
                self.formula(a, true);
                self.formula(b, false);
            }
            // What must hold throughout a window that begins now must hold now, and so at every instant.
            Formula::Always(w, f) | Formula::Historically(w, f) if wanted && w.from == Span::ZERO => {
                self.formula(f, wanted);
            }
            Formula::Eventually(w, f) | Formula::Once(w, f) if !wanted && w.from == Span::ZERO => {
                self.formula(f, wanted);
            }
            Formula::Always(_, f) | Formula::Historically(_, f) | Formula::Eventually(_, f) | Formula::Once(_, f) => {
                self.behind_condition(f, wanted)
            }
            _ => {}
        }
    }

    fn behind_condition(&mut self, formula: &Formula, wanted: bool) {
        let before = std::mem::replace(&mut self.unconditional, false);
        self.formula(formula, wanted);
        self.unconditional = before;
    }

    fn compare(&mut self, op: Comparison, left: &Number, right: &Number, wanted: bool) {
        let (number, constant, flipped) = match (left, right) {
            (Number::Constant(_), Number::Constant(_)) => return,
            (number, Number::Constant(c)) => (number, *c, false),
            (Number::Constant(c), number) => (number, *c, true),
            _ => return,
        };
        let (upper, strict) = match op {
            Comparison::Less => (true, true),
            Comparison::LessEqual => (true, false),
            Comparison::Greater => (false, true),
            Comparison::GreaterEqual => (false, false),
        };
        let side = if upper != flipped { Side::Upper } else { Side::Lower };
        // `not x > 5 m` is `x <= 5 m`.
        let (side, strict) = if wanted { (side, strict) } else { (other(side), !strict) };
        self.number(number, side, constant, strict);
    }

    fn number(&mut self, number: &Number, side: Side, value: f64, strict: bool) {
        match number {
            Number::Signal(signal) => {
                let limit = Limit { signal: *signal, side, value_si: value, strict, unconditional: self.unconditional };
                if !self.out.contains(&limit) {
                    self.out.push(limit);
                }
            }
            Number::Negate(a) => self.number(a, other(side), -value, strict),
            Number::Add(a, b) => match (&**a, &**b) {
                (x, Number::Constant(c)) | (Number::Constant(c), x) => self.number(x, side, value - c, strict),
                _ => {}
            },
            Number::Subtract(a, b) => match (&**a, &**b) {
                (x, Number::Constant(c)) => self.number(x, side, value + c, strict),
                (Number::Constant(c), x) => self.number(x, other(side), c - value, strict),
                _ => {}
            },
            Number::Multiply(a, b) => match (&**a, &**b) {
                (x, Number::Constant(c)) | (Number::Constant(c), x) if *c != 0.0 => {
                    let side = if *c > 0.0 { side } else { other(side) };
                    self.number(x, side, value / c, strict);
                }
                _ => {}
            },
            Number::Divide(a, b) => {
                if let Number::Constant(c) = **b
                    && c != 0.0
                {
                    let side = if c > 0.0 { side } else { other(side) };
                    self.number(a, side, value * c, strict);
                }
            }
            Number::Abs(a) if side == Side::Upper => {
                self.number(a, Side::Upper, value, strict);
                self.number(a, Side::Lower, -value, strict);
            }
            Number::Max(all) if side == Side::Upper => all.iter().for_each(|a| self.number(a, side, value, strict)),
            Number::Min(all) if side == Side::Lower => all.iter().for_each(|a| self.number(a, side, value, strict)),
            _ => {}
        }
    }
}

fn other(side: Side) -> Side {
    match side {
        Side::Upper => Side::Lower,
        Side::Lower => Side::Upper,
    }
}
