//! Quantities: dimensions of arithmetic, temperatures that are places or amounts, what grows between samples.

use super::{Checker, Meaning, Nature, Number, Values, ir};
use crate::expr::syntax::{Kind, Node, Operator};
use crate::units::Dimension;
use std::ops::Range;

/// How a message names the type of a quantity.
pub(super) fn measured(number: &Number) -> String {
    if number.dimension == Dimension::NONE {
        let text = &number.unit.text;
        return if text.is_empty() { "no unit".into() } else { format!("in {text}") };
    }
    let unit = if number.unit.text.is_empty() { number.dimension.si_unit().text } else { number.unit.text.clone() };
    match number.dimension.words() {
        words if words == unit => words,
        words => format!("{words}, in {unit}"),
    }
}

/// What to write where a bare number met a unit.
pub(super) fn unit_missing(a: &Number, b: &Number) -> Option<String> {
    let (bare, other) = if a.is_bare() {
        (a, b)
    } else if b.is_bare() {
        (b, a)
    } else {
        return None;
    };
    Some(format!("write the unit: `{} {}`", bare.shown, other.unit.text))
}

/// The nature of what two temperatures of one scale have in common; `None` when a place meets an amount.
pub(super) fn common_nature(a: Nature, b: Nature) -> Option<Nature> {
    match (a, b) {
        (Nature::Plain, other) | (other, Nature::Plain) => Some(other),
        (a, b) if a == b => Some(a),
        _ => None,
    }
}

impl Checker<'_> {
    /// The quantity that a node is; reports when it is none.
    pub(super) fn number(&mut self, node: &Node) -> Option<Number> {
        match self.meaning(node)? {
            Meaning::Number(number) => Some(number),
            Meaning::Truth(_) => {
                let message = format!("a quantity is wanted here, but `{}` is true or false", self.shown(node));
                self.error(node.span.clone(), message, None);
                None
            }
        }
    }

    /// A quantity that holds its value between samples.
    pub(super) fn stepped(&mut self, node: &Node, by: &str) -> Option<Number> {
        let number = self.number(node)?;
        self.refuse_slope(&number, node.span.clone(), by)?;
        Some(number)
    }

    pub(super) fn refuse_slope(&mut self, number: &Number, span: Range<usize>, by: &str) -> Option<()> {
        let Some(slope) = number.sloped else { return Some(()) };
        let message = format!(
            "`{slope}` grows between samples and may only be added to, or multiplied by, constants and compared; \
             here it meets {by}"
        );
        self.error(span, message, Some(format!("compare `{slope}` on its own and join comparisons with `and`, `or`")));
        None
    }

    /// Refuses a place on a temperature scale where only amounts make sense.
    fn refuse_place(&mut self, number: &Number, span: Range<usize>, what: &str) -> Option<()> {
        if number.nature != Nature::Absolute {
            return Some(());
        }
        let message = format!("`{}` is a place on a temperature scale and cannot be {what}", number.shown);
        let remedy = "subtract two temperatures first: the difference, in K, is an amount";
        self.error(span, message, Some(remedy.into()));
        None
    }

    pub(super) fn negate(&mut self, inner: &Node, node: &Node) -> Option<Number> {
        let number = self.number(inner)?;
        self.refuse_place(&number, inner.span.clone(), "negated")?;
        let ir = match number.ir {
            ir::Number::Constant(value) => ir::Number::Constant(-value),
            other => ir::Number::Negate(Box::new(other)),
        };
        let shown = self.shown(node);
        Some(Number { ir, values: number.values.negate(), shown, ..number })
    }

    pub(super) fn arithmetic(&mut self, op: Operator, left: &Node, right: &Node, node: &Node) -> Option<Number> {
        let (a, b) = (self.number(left), self.number(right));
        let (a, b) = (a?, b?);
        let sloped = self.slope_of(op, &a, &b, node)?;
        let (dimension, nature) = match op {
            Operator::Add | Operator::Subtract => {
                (self.same_dimension(op, &a, &b, node)?, self.summed_nature(op, &a, &b, node)?)
            }
            Operator::Multiply | Operator::Divide => {
                self.refuse_place(&a, left.span.clone(), "multiplied or divided")?;
                self.refuse_place(&b, right.span.clone(), "multiplied or divided")?;
                let product = if op == Operator::Multiply {
                    a.dimension.times(b.dimension)
                } else {
                    a.dimension.over(b.dimension)
                };
                let Some(product) = product else {
                    self.error(node.span.clone(), "the powers of the units here are too high", None);
                    return None;
                };
                // A temperature times a plain number stays the amount it was.
                let kept = [&a, &b].into_iter().find(|n| n.dimension == product).map_or(Nature::Plain, |n| n.nature);
                (product, kept)
            }
        };
        let values = match op {
            Operator::Add => a.values.add(b.values),
            Operator::Subtract => a.values.subtract(b.values),
            Operator::Multiply => a.values.multiply(b.values),
            Operator::Divide => a.values.divide(b.values),
        };
        if op == Operator::Divide && b.constant() == Some(0.0) {
            self.error(right.span.clone(), "division by zero", None);
            return None;
        }
        let mut unbounded = a.unbounded.clone();
        unbounded.extend(b.unbounded.iter().filter(|name| !a.unbounded.contains(name)).cloned());
        if op == Operator::Divide && b.values.lo <= 0.0 && b.values.hi >= 0.0 && unbounded.is_empty() {
            unbounded.push(self.shown(node));
        }
        let ir = match (a.constant(), b.constant()) {
            (Some(x), Some(y)) => {
                let value = match op {
                    Operator::Add => x + y,
                    Operator::Subtract => x - y,
                    Operator::Multiply => x * y,
                    Operator::Divide => x / y,
                };
                if !value.is_finite() {
                    self.error(node.span.clone(), "this is too large to count with", None);
                    return None;
                }
                ir::Number::Constant(value)
            }
            _ => {
                let (x, y) = (Box::new(a.ir), Box::new(b.ir));
                match op {
                    Operator::Add => ir::Number::Add(x, y),
                    Operator::Subtract => ir::Number::Subtract(x, y),
                    Operator::Multiply => ir::Number::Multiply(x, y),
                    Operator::Divide => ir::Number::Divide(x, y),
                }
            }
        };
        let unit = if dimension == a.dimension && nature == a.nature {
            a.unit
        } else if dimension == b.dimension && nature == b.nature {
            b.unit
        } else if dimension == a.dimension {
            a.unit.difference()
        } else {
            dimension.si_unit()
        };
        Some(Number { ir, dimension, nature, values, sloped, unbounded, shown: self.shown(node), unit })
    }

    /// What the result is sloped by; reports a use that is not linear with constants.
    fn slope_of(&mut self, op: Operator, a: &Number, b: &Number, node: &Node) -> Option<Option<&'static str>> {
        let (sloped, other) = match (a.sloped, b.sloped) {
            (None, None) => return Some(None),
            (Some(_), _) => (a, b),
            (None, Some(_)) => (b, a),
        };
        let divides = op == Operator::Divide && a.sloped.is_none();
        if other.constant().is_none() || divides {
            let by = if divides { "a division by it".to_owned() } else { format!("`{}`", other.shown) };
            self.refuse_slope(sloped, node.span.clone(), &by)?;
        }
        Some(sloped.sloped)
    }

    fn same_dimension(&mut self, op: Operator, a: &Number, b: &Number, node: &Node) -> Option<Dimension> {
        if a.dimension == b.dimension {
            return Some(a.dimension);
        }
        let verb = if op == Operator::Add { "add" } else { "subtract" };
        let (x, y) = if op == Operator::Add { (a, b) } else { (b, a) };
        let joint = if op == Operator::Add { "and" } else { "from" };
        let message = format!("cannot {verb} `{}` ({}) {joint} `{}` ({})", x.shown, measured(x), y.shown, measured(y));
        self.error(node.span.clone(), message, unit_missing(a, b));
        None
    }

    fn summed_nature(&mut self, op: Operator, a: &Number, b: &Number, node: &Node) -> Option<Nature> {
        use Nature::{Absolute, Difference, Plain};
        let nature = match (op, a.nature, b.nature) {
            (Operator::Subtract, Absolute, Absolute) => Difference,
            // Kelvins before an absolute temperature are read as one themselves.
            (Operator::Subtract, Plain, Absolute) => Difference,
            (Operator::Add, Absolute, Absolute) => {
                let message = format!("cannot add two temperatures, `{}` and `{}`", a.shown, b.shown);
                self.error(node.span.clone(), message, Some("a step up or down is written in `K`".into()));
                return None;
            }
            (Operator::Subtract, Difference, Absolute) => {
                let message =
                    format!("cannot subtract the temperature `{}` from the difference `{}`", b.shown, a.shown);
                self.error(node.span.clone(), message, Some("a step up or down is written in `K`".into()));
                return None;
            }
            (_, Absolute, _) | (_, _, Absolute) => Absolute,
            (_, Difference, _) | (_, _, Difference) => Difference,
            _ => Plain,
        };
        Some(nature)
    }

    /// Several quantities of one dimension and nature, such as the arguments of `min`.
    pub(super) fn alike(&mut self, numbers: &[Number], by: &str, span: Range<usize>) -> Option<(Dimension, Nature)> {
        let first = numbers.first()?;
        let mut nature = first.nature;
        for other in &numbers[1..] {
            if other.dimension != first.dimension {
                let message = format!(
                    "`{by}` wants quantities of one kind, not `{}` ({}) and `{}` ({})",
                    first.shown,
                    measured(first),
                    other.shown,
                    measured(other)
                );
                self.error(span, message, unit_missing(first, other));
                return None;
            }
            let Some(common) = common_nature(nature, other.nature) else {
                let message = format!(
                    "`{by}` wants temperatures of one kind: one of `{}` and `{}` is a difference",
                    first.shown, other.shown
                );
                self.error(span, message, Some("differences are written in `K`".into()));
                return None;
            };
            nature = common;
        }
        Some((first.dimension, nature))
    }

    /// A plain constant of the wanted dimension, in SI.
    pub(super) fn constant(&mut self, node: &Node, what: &str) -> Option<Number> {
        let number = self.number(node)?;
        if number.constant().is_none() {
            let message = format!("{what} must be a constant; `{}` changes during the run", number.shown);
            self.error(node.span.clone(), message, None);
            return None;
        }
        Some(number)
    }

    /// Places on a scale are no amounts: for functions that want amounts.
    pub(super) fn amount(&mut self, node: &Node, by: &str) -> Option<Number> {
        let number = self.stepped(node, &format!("`{by}`"))?;
        self.refuse_place(&number, node.span.clone(), &format!("used in `{by}`"))?;
        Some(number)
    }

    /// What a tree means.
    pub(super) fn meaning(&mut self, node: &Node) -> Option<Meaning> {
        if !self.enter(node) {
            return None;
        }
        let meaning = match &node.kind {
            Kind::Broken => None,
            Kind::Number(quantity) => Some(Meaning::Number(self.quantity(quantity, node))),
            Kind::Parameter(name) => self.parameter(name, node).map(Meaning::Number),
            Kind::Name(name) => self.name(name, node),
            Kind::Negate(inner) => self.negate(inner, node).map(Meaning::Number),
            Kind::Arithmetic(op, a, b) => self.arithmetic(*op, a, b, node).map(Meaning::Number),
            Kind::Call { function, window, args } => self.call(*function, window.as_deref(), args, node),
            Kind::Outside { corners, x, y } => self.outside(corners, x, y, node).map(Meaning::Number),
            Kind::Table { input, points } => self.table(input, points, node).map(Meaning::Number),
            _ => self.connective(node).map(Meaning::Truth),
        };
        self.leave();
        meaning
    }
}

/// All of the ranges at once.
pub(super) fn fold(numbers: &[Number], with: fn(Values, Values) -> Values) -> Values {
    let mut values = numbers.iter().map(|n| n.values);
    let first = values.next().unwrap_or(Values::ALL);
    values.fold(first, with)
}
