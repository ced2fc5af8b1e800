//! A checked formula in words, in the units people read its signals in: for reports and plots.

use super::ir::{Comparison, Formula, Number, Window};
use crate::signal::{SignalId, SignalKind, SignalTable};
use crate::time::Span;
use crate::units::{Dimension, Unit, exact};

/// Digits that people read of a limit.
const DIGITS: usize = 6;
/// Constants above this many kelvins, met by an absolute temperature, are temperatures and not steps.
const COLDEST_PLACE_K: f64 = 150.0;

/// The formula as a person would have written it: `fc.altitude <= 8 m`. Units of constants are taken from the signals
/// beside them, so that beside a product with a constant that had a unit of its own (`fc.current * 12 V <= 300 W`) the
/// limit is shown in the signal's. Where the text of the file is at hand, show that.
pub fn words(formula: &Formula, signals: &SignalTable) -> String {
    let name = |id: SignalId| signals.def(id).name.clone();
    let both = |a: &Formula, word: &str, b: &Formula| format!("{} {word} {}", part(a, signals), part(b, signals));
    match formula {
        Formula::Constant(value) => value.to_string(),
        Formula::Flag(id) => name(*id),
        Formula::State { signal, any_of } => {
            let SignalKind::States { names } = &signals.def(*signal).kind else { return name(*signal) };
            let states: Vec<&str> =
                any_of.iter().filter_map(|i| names.get(usize::from(*i))).map(String::as_str).collect();
            match states[..] {
                [only] => format!("{} == {only}", name(*signal)),
                _ => format!("{} in {{{}}}", name(*signal), states.join(", ")),
            }
        }
        Formula::Compare { op, left, right, .. } => {
            let unit = unit(left, signals).or_else(|| unit(right, signals)).unwrap_or_else(Unit::one);
            let symbol = match op {
                Comparison::Less => "<",
                Comparison::LessEqual => "<=",
                Comparison::Greater => ">",
                Comparison::GreaterEqual => ">=",
            };
            format!("{} {symbol} {}", number(left, &unit, signals), number(right, &unit, signals))
        }
        Formula::In { expr, lo, hi, .. } => {
            let unit = unit(expr, signals).or_else(|| unit(lo, signals)).unwrap_or_else(Unit::one);
            let show = |n| number(n, &unit, signals);
            format!("{} in {} .. {}", show(expr), show(lo), show(hi))
        }
        Formula::Changed(id) => format!("changed({})", name(*id)),
        Formula::Not(f) => match &**f {
            Formula::State { signal, any_of } if any_of.len() == 1 => {
                words(&Formula::State { signal: *signal, any_of: any_of.clone() }, signals).replacen(" == ", " != ", 1)
            }
            other => format!("not {}", part(other, signals)),
        },
        Formula::And(all) => join(all, " and ", signals),
        Formula::Or(all) => join(all, " or ", signals),
        Formula::Implies(a, b) => both(a, "implies", b),
        Formula::Iff(a, b) => both(a, "iff", b),
        Formula::Rise(f) => format!("rise({})", words(f, signals)),
        Formula::Fall(f) => format!("fall({})", words(f, signals)),
        Formula::Always(w, f) => format!("always{} {}", window(*w), part(f, signals)),
        Formula::Eventually(w, f) => format!("eventually{} {}", window(*w), part(f, signals)),
        Formula::Historically(w, f) => format!("historically{} {}", window(*w), part(f, signals)),
        Formula::Once(w, f) => format!("once{} {}", window(*w), part(f, signals)),
        Formula::Until(w, a, b) => both(a, &format!("until{}", window(*w)), b),
        Formula::Unless(w, a, b) => both(a, &format!("unless{}", window(*w)), b),
        Formula::Since(w, a, b) => both(a, &format!("since{}", window(*w)), b),
    }
}

/// A quantity in words, its constants in the unit that its signals suggest.
pub fn number_words(quantity: &Number, signals: &SignalTable) -> String {
    number(quantity, &unit(quantity, signals).unwrap_or_else(Unit::one), signals)
}

/// The same with its constants in a unit that is known.
pub fn number_words_in(quantity: &Number, unit_here: &Unit, signals: &SignalTable) -> String {
    number(quantity, unit_here, signals)
}

/// The unit in which people read a quantity, as its signals suggest; `None` for constants alone.
pub fn number_unit(quantity: &Number, signals: &SignalTable) -> Option<Unit> {
    unit(quantity, signals)
}

fn join(all: &[Formula], word: &str, signals: &SignalTable) -> String {
    all.iter().map(|f| part(f, signals)).collect::<Vec<_>>().join(word)
}

/// A formula as an operand: in parentheses unless it binds tightest.
fn part(formula: &Formula, signals: &SignalTable) -> String {
    let text = words(formula, signals);
    match formula {
        Formula::And(_)
        | Formula::Or(_)
        | Formula::Implies(..)
        | Formula::Iff(..)
        | Formula::Until(..)
        | Formula::Unless(..)
        | Formula::Since(..) => format!("({text})"),
        _ => text,
    }
}

fn window(window: Window) -> String {
    let bound = |span: Span| if span == Span::ZERO { "0".to_owned() } else { span.to_string() };
    match window.to {
        Some(to) => format!("[{}, {}]", bound(window.from), bound(to)),
        None => String::new(),
    }
}

/// The unit in which people read a quantity; `None` for a constant alone.
pub(super) fn unit(number: &Number, signals: &SignalTable) -> Option<Unit> {
    let named = |text: &str| Unit::parse(text).ok();
    match number {
        Number::Constant(_) => None,
        // Its output has a unit of its own, which the checked tree no longer holds.
        Number::Table { .. } => None,
        Number::Signal(id) => match &signals.def(*id).kind {
            SignalKind::Number { unit, .. } => Some(unit.clone()),
            _ => None,
        },
        Number::Negate(a) | Number::Abs(a) | Number::Mean(_, a) => unit(a, signals),
        Number::Delta(_, a) => unit(a, signals).map(|u| u.difference()),
        Number::Subtract(a, b) => {
            let both = unit(a, signals).or_else(|| unit(b, signals))?;
            let place = |n: &Number| match n {
                Number::Constant(k) => *k > COLDEST_PLACE_K,
                other => unit(other, signals).is_some_and(|u| u.is_absolute()),
            };
            Some(if both.is_absolute() && place(b) { both.difference() } else { both })
        }
        Number::Add(a, b) | Number::Clamp(a, b, _) => unit(a, signals).or_else(|| unit(b, signals)),
        Number::Min(all) | Number::Max(all) | Number::Norm(all) => all.iter().find_map(|a| unit(a, signals)),
        Number::Multiply(a, b) => match (unit(a, signals), unit(b, signals)) {
            (Some(a), Some(b)) => a.dimension.times(b.dimension).map(Dimension::si_unit),
            (one, other) => one.or(other),
        },
        Number::Divide(a, b) => match (unit(a, signals), unit(b, signals)) {
            (Some(a), Some(b)) => a.dimension.over(b.dimension).map(Dimension::si_unit),
            (one, None) => one,
            (None, Some(b)) => Dimension::NONE.over(b.dimension).map(Dimension::si_unit),
        },
        Number::Sqrt(a) => unit(a, signals)?.dimension.root().map(Dimension::si_unit),
        Number::Sin(_) | Number::Cos(_) => Some(Unit::one()),
        Number::Fraction(..) => named("%"),
        Number::Atan2(..) => named("deg"),
        Number::Rate(id) => match &signals.def(*id).kind {
            SignalKind::Number { unit, .. } => {
                unit.dimension.over(Dimension { time: 1, ..Dimension::NONE }).map(Dimension::si_unit)
            }
            _ => None,
        },
        Number::Age(_) => named("s"),
        Number::Outside { .. } => named("m"),
    }
}

pub(super) fn number(quantity: &Number, unit_here: &Unit, signals: &SignalTable) -> String {
    let show = |n: &Number| number(n, unit_here, signals);
    let alone = |n: &Number| number(n, &unit(n, signals).unwrap_or_else(Unit::one), signals);
    let list = |all: &[Number]| all.iter().map(show).collect::<Vec<_>>().join(", ");
    let operand = |text: String, n: &Number| match n {
        Number::Add(..) | Number::Subtract(..) | Number::Multiply(..) | Number::Divide(..) | Number::Negate(_) => {
            format!("({text})")
        }
        _ => text,
    };
    match quantity {
        Number::Constant(value) => unit_here.show(*value, DIGITS),
        Number::Signal(id) => signals.def(*id).name.clone(),
        Number::Negate(a) => format!("-{}", operand(show(a), a)),
        Number::Add(a, b) => {
            // Added to a temperature, a constant is a step.
            let step = unit_here.difference();
            let added = |n: &Number, at: &Unit| operand(number(n, at, signals), n);
            match (&**a, &**b) {
                (Number::Constant(_), _) => format!("{} + {}", added(a, &step), added(b, unit_here)),
                _ => format!("{} + {}", added(a, unit_here), added(b, &step)),
            }
        }
        Number::Subtract(a, b) => {
            let left_unit = unit(a, signals).or_else(|| unit(b, signals)).unwrap_or_else(|| unit_here.clone());
            let right_unit = match &**b {
                Number::Constant(k) if *k <= COLDEST_PLACE_K => left_unit.difference(),
                _ => left_unit.clone(),
            };
            let (left, right) = (number(a, &left_unit, signals), number(b, &right_unit, signals));
            format!("{} - {}", operand(left, a), operand(right, b))
        }
        Number::Multiply(a, b) => format!("{} * {}", operand(alone(a), a), operand(alone(b), b)),
        Number::Divide(a, b) => format!("{} / {}", operand(alone(a), a), operand(alone(b), b)),
        Number::Abs(a) => format!("abs({})", show(a)),
        Number::Min(all) => format!("min({})", list(all)),
        Number::Max(all) => format!("max({})", list(all)),
        Number::Clamp(a, lo, hi) => format!("clamp({}, {}, {})", show(a), show(lo), show(hi)),
        Number::Sqrt(a) => format!("sqrt({})", alone(a)),
        Number::Sin(a) => format!("sin({})", alone(a)),
        Number::Cos(a) => format!("cos({})", alone(a)),
        Number::Atan2(y, x) => format!("atan2({}, {})", alone(y), alone(x)),
        Number::Norm(all) => format!("norm({})", list(all)),
        Number::Rate(id) => format!("rate({})", signals.def(*id).name),
        Number::Delta(w, a) => format!("delta[{w}]({})", alone(a)),
        Number::Mean(w, a) => format!("mean[{w}]({})", show(a)),
        Number::Age(id) => format!("age({})", signals.def(*id).name),
        Number::Fraction(w, f) => format!("fraction[{w}]({})", words(f, signals)),
        Number::Outside { polygon, x, y } => {
            let corners: Vec<String> =
                polygon.iter().map(|(x, y)| format!("({} m, {} m)", exact(*x), exact(*y))).collect();
            format!("outside([{}], {}, {})", corners.join(", "), alone(x), alone(y))
        }
        Number::Table { input, points } => {
            let from = unit(input, signals).unwrap_or_else(Unit::one);
            let points: Vec<String> = points
                .iter()
                .map(|(a, b)| format!("{} -> {}", from.show(*a, DIGITS), unit_here.show(*b, DIGITS)))
                .collect();
            format!("table({}: {})", number(input, &from, signals), points.join(", "))
        }
    }
}
