//! Functions: how many arguments, of what kind, and what comes out.

use super::number::{fold, measured, unit_missing};
use super::{Checker, Meaning, Nature, Number, Truth, Values, ir};
use crate::expr::syntax::{Function, Kind, Node};
use crate::signal::SignalKind;
use crate::time::Span;
use crate::units::{Dimension, Quantity, Unit};
use std::ops::Range;

const ANGLE: Dimension = Dimension { angle: 1, ..Dimension::NONE };
const LENGTH: Dimension = Dimension { length: 1, ..Dimension::NONE };
const TIME: Dimension = Dimension { time: 1, ..Dimension::NONE };
/// A polygon or table with more points than this is no hand-written one.
const POINTS_MAX: usize = 1000;

impl Checker<'_> {
    pub(super) fn call(
        &mut self,
        function: Function,
        window: Option<&Node>,
        args: &[Node],
        node: &Node,
    ) -> Option<Meaning> {
        let name = function.text();
        let width = match window {
            Some(window) if function.wants_window() => Some(self.duration(window, name)),
            Some(window) => {
                self.error(window.span.clone(), format!("`{name}` takes no window"), None);
                None
            }
            None if function.wants_window() => {
                let message = format!("`{name}` needs a window");
                self.error(node.span.clone(), message, Some(format!("write `{name}[500 ms](x)`")));
                return None;
            }
            None => None,
        };
        let (least, most) = match function {
            Function::Min | Function::Max | Function::Norm => (2, usize::MAX),
            Function::Clamp => (3, 3),
            Function::Atan2 => (2, 2),
            _ => (1, 1),
        };
        if args.len() < least || args.len() > most {
            let wanted = match (least, most) {
                (1, 1) => "one argument".to_owned(),
                (n, usize::MAX) => format!("at least {n} arguments"),
                (n, _) => format!("{n} arguments"),
            };
            let found = args.len();
            self.error(node.span.clone(), format!("`{name}` takes {wanted}, found {found}"), None);
            return None;
        }
        if let Some(None) = width {
            return None;
        }
        let width = width.flatten().unwrap_or(Span::ZERO);
        match function {
            Function::Rise | Function::Fall => {
                let inner = self.truth(&args[0])?;
                let inner = Box::new(inner.ir);
                let ir = if function == Function::Rise { ir::Formula::Rise(inner) } else { ir::Formula::Fall(inner) };
                Some(Meaning::Truth(Truth { ir, always: None }))
            }
            Function::Changed => {
                let id = self.signal_of(&args[0], name)?;
                Some(Meaning::Truth(Truth { ir: ir::Formula::Changed(id), always: None }))
            }
            Function::Fraction => self.fraction(width, &args[0], node).map(Meaning::Number),
            Function::Age => self.age(&args[0], node).map(Meaning::Number),
            Function::Rate => self.rate(&args[0], node).map(Meaning::Number),
            Function::Delta | Function::Mean => self.windowed(function, width, &args[0], node).map(Meaning::Number),
            _ => self.plain(function, args, node).map(Meaning::Number),
        }
    }

    /// A length of time, as a window of `mean`, `delta`, `fraction`.
    fn duration(&mut self, window: &Node, name: &str) -> Option<Span> {
        let before = self.written.len();
        let number = self.constant(window, "a window")?;
        // What was written in a window is no unit for margins.
        self.written.truncate(before);
        let span = self.span_of(&number, window)?;
        if span <= Span::ZERO {
            self.error(window.span.clone(), format!("the window of `{name}` must be longer than 0 s"), None);
            return None;
        }
        Some(span)
    }

    /// A constant as a length of time; a bare 0 is one.
    pub(super) fn span_of(&mut self, number: &Number, node: &Node) -> Option<Span> {
        if number.dimension == Dimension::NONE && number.constant() == Some(0.0) && number.unit.text.is_empty() {
            return Some(Span::ZERO);
        }
        if number.dimension != TIME {
            let message = format!("a time is wanted here, not `{}` ({})", number.shown, measured(number));
            let remedy =
                number.is_bare().then(|| format!("write the unit: `{} s` or `{} ms`", number.shown, number.shown));
            self.error(node.span.clone(), message, remedy);
            return None;
        }
        // A quantity as written is exact to the nanosecond; a computed one is rounded to it.
        let value = number.constant()?;
        let written = match &node.kind {
            Kind::Number(quantity) => Some(quantity.clone()),
            Kind::Parameter(name) => self.scope.parameters.and_then(|all| all.get(name)).cloned(),
            _ => None,
        };
        let seconds = Unit { dimension: TIME, scale: 1.0, offset: 0.0, text: "s".into() };
        let span = written.unwrap_or(Quantity { number: value, unit: seconds }).span();
        if span.is_none() {
            self.error(node.span.clone(), "this time is too long to count in nanoseconds", None);
        }
        span
    }

    fn fraction(&mut self, width: Span, arg: &Node, node: &Node) -> Option<Number> {
        let (written, read) = (self.written.len(), self.read.len());
        self.shares += 1;
        let inner = self.truth(arg);
        self.shares -= 1;
        // Units in there say nothing of the share.
        self.written.truncate(written);
        self.read.truncate(read);
        let ir = ir::Number::Fraction(width, Box::new(inner?.ir));
        let values = Values::new(0.0, 1.0);
        let unit = Unit::parse("%").unwrap_or_else(|_| Unit::one());
        Some(Number {
            ir,
            dimension: Dimension::NONE,
            nature: Nature::Plain,
            values,
            sloped: Some("fraction"),
            unbounded: Vec::new(),
            shown: self.shown(node),
            unit,
        })
    }

    fn age(&mut self, arg: &Node, node: &Node) -> Option<Number> {
        let id = self.signal_of(arg, "age")?;
        let unit = Unit { dimension: TIME, scale: 1.0, offset: 0.0, text: "s".into() };
        Some(Number {
            ir: ir::Number::Age(id),
            dimension: TIME,
            nature: Nature::Plain,
            values: Values::new(0.0, f64::INFINITY),
            sloped: Some("age"),
            unbounded: Vec::new(),
            shown: self.shown(node),
            unit,
        })
    }

    fn rate(&mut self, arg: &Node, node: &Node) -> Option<Number> {
        let id = self.signal_of(arg, "rate")?;
        let SignalKind::Number { unit, .. } = self.scope.signals.def(id).kind.clone() else {
            let message = format!("`rate` wants a quantity; `{}` is none", self.shown(arg));
            self.error(arg.span.clone(), message, None);
            return None;
        };
        let Some(dimension) = unit.dimension.over(TIME) else {
            self.error(node.span.clone(), "the powers of the units here are too high", None);
            return None;
        };
        let mut per_second = unit.difference();
        per_second.dimension = dimension;
        // `m/s` per second is clearer in base units than `m/s/s`.
        if per_second.text.contains(['/', '*']) || per_second.text.is_empty() {
            per_second = dimension.si_unit();
        } else {
            per_second.text.push_str("/s");
        }
        self.read.push(per_second.clone());
        let shown = self.shown(node);
        Some(Number {
            ir: ir::Number::Rate(id),
            dimension,
            nature: Nature::Plain,
            values: Values::ALL,
            sloped: None,
            unbounded: vec![shown.clone()],
            shown,
            unit: per_second,
        })
    }

    fn windowed(&mut self, function: Function, width: Span, arg: &Node, node: &Node) -> Option<Number> {
        let number = match self.meaning(arg)? {
            Meaning::Number(number) => number,
            Meaning::Truth(_) => {
                let what = self.shown(arg);
                let message = format!("`{}` wants a quantity, but `{what}` is true or false", function.text());
                let remedy = format!("the share of time in which it held: `fraction[{width}]({what})`");
                self.error(arg.span.clone(), message, (function == Function::Mean).then_some(remedy));
                return None;
            }
        };
        self.refuse_slope(&number, arg.span.clone(), &format!("`{}`", function.text()))?;
        let shown = self.shown(node);
        if function == Function::Mean {
            let ir = ir::Number::Mean(width, Box::new(number.ir));
            return Some(Number { ir, sloped: Some("mean"), shown, ..number });
        }
        let nature = if number.nature == Nature::Absolute { Nature::Difference } else { number.nature };
        let unit = number.unit.difference();
        let values = number.values.subtract(number.values);
        let ir = ir::Number::Delta(width, Box::new(number.ir));
        Some(Number { ir, nature, values, unit, shown, ..number })
    }

    fn plain(&mut self, function: Function, args: &[Node], node: &Node) -> Option<Number> {
        let name = function.text();
        let places = matches!(function, Function::Min | Function::Max | Function::Clamp);
        let mut numbers = Vec::new();
        for arg in args {
            numbers.push(if places { self.stepped(arg, &format!("`{name}`")) } else { self.amount(arg, name) });
        }
        let numbers: Vec<Number> = numbers.into_iter().collect::<Option<_>>()?;
        let span = node.span.clone();
        let (dimension, nature) = self.alike(&numbers, name, span.clone())?;
        let first = numbers[0].values;
        let mut out = dimension;
        let values = match function {
            Function::Abs => first.abs(),
            Function::Min => fold(&numbers, Values::min),
            Function::Max => fold(&numbers, Values::max),
            Function::Clamp => {
                if let (Some(lo), Some(hi)) = (numbers[1].constant(), numbers[2].constant())
                    && lo > hi
                {
                    let remedy =
                        format!("write `clamp({}, {}, {})`", numbers[0].shown, numbers[2].shown, numbers[1].shown);
                    self.error(span, "the lower end of this clamp is above its upper end", Some(remedy));
                    return None;
                }
                first.max(numbers[1].values).min(numbers[2].values)
            }
            Function::Norm => {
                let squares = numbers.iter().map(|n| n.values.abs().multiply(n.values.abs()));
                squares.fold(Values::point(0.0), Values::add).sqrt()
            }
            Function::Sqrt => {
                let Some(root) = dimension.root() else {
                    let message = format!("`sqrt` of `{}` ({}) has no unit", numbers[0].shown, measured(&numbers[0]));
                    self.error(span, message, None);
                    return None;
                };
                if numbers[0].values.hi < 0.0 {
                    let message = format!("`sqrt` of `{}`, which is negative", numbers[0].shown);
                    self.error(span, message, None);
                    return None;
                }
                out = root;
                first.sqrt()
            }
            Function::Sin | Function::Cos => {
                if dimension != ANGLE {
                    let message =
                        format!("`{name}` wants an angle, not `{}` ({})", numbers[0].shown, measured(&numbers[0]));
                    let remedy = format!("write the unit: `{} deg`", numbers[0].shown);
                    self.error(span, message, numbers[0].is_bare().then_some(remedy));
                    return None;
                }
                out = Dimension::NONE;
                Values::new(-1.0, 1.0)
            }
            Function::Atan2 => {
                out = ANGLE;
                Values::new(-std::f64::consts::PI, std::f64::consts::PI)
            }
            _ => unreachable!("functions with a window or over signals are handled before"),
        };
        // A clamp is bounded by its ends, a sine by itself; else what is unbounded stays so.
        let unbounded = if values.is_finite() {
            Vec::new()
        } else {
            let mut names: Vec<String> = numbers.iter().flat_map(|n| n.unbounded.iter().cloned()).collect();
            names.dedup();
            names
        };
        let unit = if out == dimension { self.unit_among(&numbers) } else { out.si_unit() };
        let constants: Option<Vec<f64>> = numbers.iter().map(Number::constant).collect();
        let folded = constants.map(|all| fold_constants(function, &all));
        let mut parts: Vec<ir::Number> = numbers.into_iter().map(|n| n.ir).collect();
        let ir = match (folded, function) {
            (Some(value), _) if value.is_finite() => ir::Number::Constant(value),
            (_, Function::Min) => ir::Number::Min(parts),
            (_, Function::Max) => ir::Number::Max(parts),
            (_, Function::Norm) => ir::Number::Norm(parts),
            (_, other) => {
                let mut next = || Box::new(parts.remove(0));
                match other {
                    Function::Abs => ir::Number::Abs(next()),
                    Function::Clamp => ir::Number::Clamp(next(), next(), next()),
                    Function::Sqrt => ir::Number::Sqrt(next()),
                    Function::Sin => ir::Number::Sin(next()),
                    Function::Cos => ir::Number::Cos(next()),
                    _ => ir::Number::Atan2(next(), next()),
                }
            }
        };
        let values = if let ir::Number::Constant(value) = ir { Values::point(value) } else { values };
        let shown = self.shown(node);
        Some(Number { ir, dimension: out, nature, values, sloped: None, unbounded, shown, unit })
    }

    /// The unit in which people read what `min` or `norm` gives.
    fn unit_among(&self, numbers: &[Number]) -> Unit {
        let named = numbers.iter().find(|n| !n.unit.text.is_empty());
        named.or(numbers.first()).map_or_else(Unit::one, |n| n.unit.clone())
    }

    pub(super) fn outside(&mut self, corners: &[(Node, Node)], x: &Node, y: &Node, node: &Node) -> Option<Number> {
        let mut polygon = Vec::new();
        for (a, b) in corners {
            let (a, b) = (self.coordinate(a, true), self.coordinate(b, true));
            if let (Some(a), Some(b)) = (a, b) {
                polygon.push((a.constant().unwrap_or_default(), b.constant().unwrap_or_default()));
            }
        }
        let (x, y) = (self.coordinate(x, false), self.coordinate(y, false));
        if polygon.len() < corners.len() {
            return None;
        }
        let (x, y) = (x?, y?);
        if polygon.len() < 3 || polygon.len() > POINTS_MAX {
            let message = format!("a polygon has 3 to {POINTS_MAX} corners, found {}", polygon.len());
            self.error(node.span.clone(), message, None);
            return None;
        }
        if let Some(fault) = polygon_fault(&polygon) {
            self.error(node.span.clone(), fault, Some("list the corners in order along the edge".into()));
            return None;
        }
        let values = distances(&polygon, x.values, y.values);
        let mut unbounded = x.unbounded.clone();
        unbounded.extend(y.unbounded.iter().filter(|name| !x.unbounded.contains(name)).cloned());
        let unit = x.unit.clone();
        let (x, y) = (Box::new(x.ir), Box::new(y.ir));
        Some(Number {
            ir: ir::Number::Outside { polygon, x, y },
            dimension: LENGTH,
            nature: Nature::Plain,
            values,
            sloped: None,
            unbounded,
            shown: self.shown(node),
            unit,
        })
    }

    fn coordinate(&mut self, node: &Node, corner: bool) -> Option<Number> {
        let number = if corner { self.constant(node, "a corner")? } else { self.stepped(node, "`outside`")? };
        if number.dimension != LENGTH {
            let message = format!("`outside` wants lengths, not `{}` ({})", number.shown, measured(&number));
            let bare = number.is_bare();
            let remedy = bare.then(|| format!("write the unit: `{} m`", number.shown));
            self.error(node.span.clone(), message, remedy);
            return None;
        }
        Some(number)
    }

    pub(super) fn table(&mut self, input: &Node, points: &[(Node, Node)], node: &Node) -> Option<Number> {
        let input = self.stepped(input, "`table`");
        let mut pairs: Vec<(Number, Number, Range<usize>)> = Vec::new();
        for (from, to) in points {
            let pair = (self.constant(from, "a point of a table"), self.constant(to, "a point of a table"));
            if let (Some(a), Some(b)) = pair {
                pairs.push((a, b, from.span.start..to.span.end));
            }
        }
        let input = input?;
        if pairs.len() < points.len() {
            return None;
        }
        if pairs.len() < 2 || pairs.len() > POINTS_MAX {
            let message = format!("a table has 2 to {POINTS_MAX} points, found {}", pairs.len());
            self.error(node.span.clone(), message, Some("write `table(x: 0 m/s -> 2 m, 10 m/s -> 6 m)`".into()));
            return None;
        }
        let mut out: Vec<(f64, f64)> = Vec::new();
        let (_, first, _) = &pairs[0];
        let (dimension, nature, unit) = (first.dimension, first.nature, first.unit.clone());
        for (from, to, span) in &pairs {
            if from.dimension != input.dimension || to.dimension != dimension {
                let (wrong, wanted) = if from.dimension == input.dimension { (to, first) } else { (from, &input) };
                let message = format!(
                    "this point does not fit the table: `{}` ({}) against `{}` ({})",
                    wrong.shown,
                    measured(wrong),
                    wanted.shown,
                    measured(wanted)
                );
                self.error(span.clone(), message, unit_missing(wrong, wanted));
                return None;
            }
            let natures = super::number::common_nature(from.nature, input.nature)
                .and(super::number::common_nature(to.nature, nature));
            if natures.is_none() {
                self.error(
                    span.clone(),
                    "a temperature and a difference of temperatures meet in this table",
                    Some("differences are written in `K`".into()),
                );
                return None;
            }
            let (from, to) = (from.constant().unwrap_or_default(), to.constant().unwrap_or_default());
            if out.last().is_some_and(|(before, _)| *before >= from) {
                self.error(span.clone(), "the points of a table must ascend", None);
                return None;
            }
            out.push((from, to));
        }
        let values = out.iter().map(|(_, to)| Values::point(*to)).reduce(Values::join).unwrap_or(Values::ALL);
        Some(Number {
            ir: ir::Number::Table { input: Box::new(input.ir), points: out },
            dimension,
            nature,
            values,
            sloped: None,
            unbounded: Vec::new(),
            shown: self.shown(node),
            unit,
        })
    }
}

fn fold_constants(function: Function, all: &[f64]) -> f64 {
    match function {
        Function::Abs => all[0].abs(),
        Function::Min => all.iter().copied().fold(f64::INFINITY, f64::min),
        Function::Max => all.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        Function::Clamp => all[0].max(all[1]).min(all[2]),
        Function::Sqrt => all[0].sqrt(),
        Function::Sin => libm::sin(all[0]),
        Function::Cos => libm::cos(all[0]),
        Function::Atan2 => libm::atan2(all[0], all[1]),
        _ => all.iter().map(|v| v * v).sum::<f64>().sqrt(),
    }
}

/// Why the corners make no area with one inside, if they do not.
fn polygon_fault(corners: &[(f64, f64)]) -> Option<&'static str> {
    let edge = |i: usize| (corners[i], corners[(i + 1) % corners.len()]);
    let turn = |a: (f64, f64), b: (f64, f64), c: (f64, f64)| (b.0 - a.0) * (c.1 - a.1) - (b.1 - a.1) * (c.0 - a.0);
    let doubled: f64 = (0..corners.len()).map(edge).map(|(a, b)| a.0 * b.1 - b.0 * a.1).sum();
    if doubled == 0.0 {
        return Some("this polygon has no area");
    }
    for i in 0..corners.len() {
        // Neighbouring edges share a corner and are left out.
        for j in i + 2..corners.len() {
            if i == 0 && j == corners.len() - 1 {
                continue;
            }
            let ((a, b), (c, d)) = (edge(i), edge(j));
            let apart = turn(a, b, c) * turn(a, b, d) > 0.0 || turn(c, d, a) * turn(c, d, b) > 0.0;
            let touching = turn(a, b, c) == 0.0 && turn(a, b, d) == 0.0;
            if !apart && !touching {
                return Some("the edges of this polygon cross");
            }
        }
    }
    None
}

/// Bounds of the signed distance from the polygon over a box of positions.
fn distances(corners: &[(f64, f64)], x: Values, y: Values) -> Values {
    let extent = |of: fn(&(f64, f64)) -> f64| {
        let all = corners.iter().map(of);
        all.clone().fold(f64::NEG_INFINITY, f64::max) - all.fold(f64::INFINITY, f64::min)
    };
    // No point inside is farther from the edge than half the narrower side of the box around the polygon.
    let lo = -extent(|c| c.0).min(extent(|c| c.1)) / 2.0;
    let far = |corner: &(f64, f64)| {
        let reach = |values: Values, at: f64| (values.lo - at).abs().max((values.hi - at).abs());
        libm::hypot(reach(x, corner.0), reach(y, corner.1))
    };
    // The distance to the polygon is at most that to any of its corners.
    let hi = corners.iter().map(far).fold(f64::INFINITY, f64::min);
    Values::new(lo, hi)
}
