//! Walks over checked formulas: the one place that knows what each kind of formula and quantity is made of.

use super::ir::{Formula, Number};
use crate::signal::SignalId;

impl Formula {
    /// The formulas it is directly made of, in order of the text; not those inside its quantities.
    pub fn children<'a>(&'a self, see: &mut dyn FnMut(&'a Formula)) {
        match self {
            Formula::Constant(_)
            | Formula::Flag(_)
            | Formula::State { .. }
            | Formula::Changed(_)
            | Formula::Compare { .. }
            | Formula::In { .. } => {}
            Formula::Not(p)
            | Formula::Rise(p)
            | Formula::Fall(p)
            | Formula::Always(_, p)
            | Formula::Eventually(_, p)
            | Formula::Historically(_, p)
            | Formula::Once(_, p) => see(p),
            Formula::And(all) | Formula::Or(all) => all.iter().for_each(see),
            Formula::Implies(p, q)
            | Formula::Iff(p, q)
            | Formula::Until(_, p, q)
            | Formula::Unless(_, p, q)
            | Formula::Since(_, p, q) => {
                see(p);
                see(q);
            }
        }
    }

    /// The same, to be changed in place.
    pub fn children_mut(&mut self, see: &mut dyn FnMut(&mut Formula)) {
        match self {
            Formula::Constant(_)
            | Formula::Flag(_)
            | Formula::State { .. }
            | Formula::Changed(_)
            | Formula::Compare { .. }
            | Formula::In { .. } => {}
            Formula::Not(p)
            | Formula::Rise(p)
            | Formula::Fall(p)
            | Formula::Always(_, p)
            | Formula::Eventually(_, p)
            | Formula::Historically(_, p)
            | Formula::Once(_, p) => see(p),
            Formula::And(all) | Formula::Or(all) => all.iter_mut().for_each(see),
            Formula::Implies(p, q)
            | Formula::Iff(p, q)
            | Formula::Until(_, p, q)
            | Formula::Unless(_, p, q)
            | Formula::Since(_, p, q) => {
                see(p);
                see(q);
            }
        }
    }

    /// The quantities it compares, in order of the text.
    pub fn numbers<'a>(&'a self, see: &mut dyn FnMut(&'a Number)) {
        match self {
            Formula::Compare { left, right, .. } => {
                see(left);
                see(right);
            }
            Formula::In { expr, lo, hi, .. } => {
                see(expr);
                see(lo);
                see(hi);
            }
            _ => {}
        }
    }
}

impl Number {
    /// The quantities it is directly made of, in order of the text.
    pub fn children<'a>(&'a self, see: &mut dyn FnMut(&'a Number)) {
        match self {
            Number::Constant(_) | Number::Signal(_) | Number::Rate(_) | Number::Age(_) | Number::Fraction(..) => {}
            Number::Negate(a)
            | Number::Abs(a)
            | Number::Sqrt(a)
            | Number::Sin(a)
            | Number::Cos(a)
            | Number::Delta(_, a)
            | Number::Mean(_, a)
            | Number::Table { input: a, .. } => see(a),
            Number::Add(a, b)
            | Number::Subtract(a, b)
            | Number::Multiply(a, b)
            | Number::Divide(a, b)
            | Number::Atan2(a, b)
            | Number::Outside { x: a, y: b, .. } => {
                see(a);
                see(b);
            }
            Number::Min(all) | Number::Max(all) | Number::Norm(all) => all.iter().for_each(see),
            Number::Clamp(a, lo, hi) => {
                see(a);
                see(lo);
                see(hi);
            }
        }
    }

    /// The formula whose share of time it is.
    pub fn formula(&self) -> Option<&Formula> {
        match self {
            Number::Fraction(_, p) => Some(p),
            _ => None,
        }
    }
}

/// A formula or a quantity on the way through a tree.
enum Piece<'a> {
    Formula(&'a Formula),
    Number(&'a Number),
}

/// Every piece of the tree, each before what it is made of, in order of the text.
fn pieces<'a>(formula: &'a Formula, see: &mut dyn FnMut(Piece<'a>)) {
    see(Piece::Formula(formula));
    formula.numbers(&mut |number| number_pieces(number, see));
    formula.children(&mut |child| pieces(child, see));
}

fn number_pieces<'a>(number: &'a Number, see: &mut dyn FnMut(Piece<'a>)) {
    see(Piece::Number(number));
    number.children(&mut |child| number_pieces(child, see));
    if let Some(formula) = number.formula() {
        pieces(formula, see);
    }
}

/// Calls `see` with the formula and every formula in it, those inside quantities (`fraction`) too.
pub fn formulas<'a>(formula: &'a Formula, see: &mut dyn FnMut(&'a Formula)) {
    pieces(formula, &mut |piece| {
        if let Piece::Formula(formula) = piece {
            see(formula);
        }
    });
}

/// Calls `see` with every quantity in the formula, each before what it is made of.
pub fn numbers<'a>(formula: &'a Formula, see: &mut dyn FnMut(&'a Number)) {
    pieces(formula, &mut |piece| {
        if let Piece::Number(number) = piece {
            see(number);
        }
    });
}

/// Calls `see` with every signal at every place that reads it, and whether that place asks only for its `age`.
pub fn reads(formula: &Formula, see: &mut dyn FnMut(SignalId, bool)) {
    pieces(formula, &mut |piece| match piece {
        Piece::Formula(Formula::Flag(s) | Formula::Changed(s) | Formula::State { signal: s, .. }) => see(*s, false),
        Piece::Number(Number::Signal(s) | Number::Rate(s)) => see(*s, false),
        Piece::Number(Number::Age(s)) => see(*s, true),
        _ => {}
    });
}

/// Every signal that the formula reads, each once, in order of first use.
pub fn signals_of(formula: &Formula) -> Vec<SignalId> {
    let mut found = Vec::new();
    reads(formula, &mut |signal, _| {
        if !found.contains(&signal) {
            found.push(signal);
        }
    });
    found
}

/// How many formulas and quantities it is made of.
pub fn size(formula: &Formula) -> usize {
    let mut count = 0;
    pieces(formula, &mut |_| count += 1);
    count
}

/// True when no future operator is in it.
pub fn is_past(formula: &Formula) -> bool {
    let mut past = true;
    formulas(formula, &mut |f| {
        past &= !matches!(f, Formula::Always(..) | Formula::Eventually(..) | Formula::Until(..) | Formula::Unless(..));
    });
    past
}

/// True when a future operator in it has no bound.
pub fn is_unbounded(formula: &Formula) -> bool {
    let mut unbounded = false;
    formulas(formula, &mut |f| {
        if let Formula::Always(w, _) | Formula::Eventually(w, _) | Formula::Until(w, ..) | Formula::Unless(w, ..) = f {
            unbounded |= w.to.is_none();
        }
    });
    unbounded
}
