//! Comparisons: units that meet, states that exist, and what the declared ranges say of them.

use super::number::{common_nature, measured, unit_missing};
use super::{Checker, Nature, Number, Scaled, Truth, Values, ir};
use crate::diag::nearest;
use crate::expr::syntax::{Kind, Node, Relation, Word};
use crate::signal::{SignalId, SignalKind};
use crate::units::Unit;
use ir::Comparison;
use std::ops::Range;

impl Checker<'_> {
    pub(super) fn compare(&mut self, relation: Relation, left: &Node, right: &Node, node: &Node) -> Option<Truth> {
        let (left_node, right_node) = (left, right);
        let (left, right) = (self.side(left), self.side(right));
        let (left, right) = (left?, right?);
        self.comparable(&left, &right, node.span.clone())?;
        for (side, other, at) in [(&left, &right, left_node), (&right, &left, right_node)] {
            if other.constant().is_none() {
                self.refuse_slope(side, at.span.clone(), &format!("`{}`", other.shown))?;
            }
        }
        let op = match relation {
            Relation::Less => Comparison::Less,
            Relation::LessEqual => Comparison::LessEqual,
            Relation::Greater => Comparison::Greater,
            Relation::GreaterEqual => Comparison::GreaterEqual,
        };
        let distance = left.values.subtract(right.values);
        let scale = self.note_scale(&[&left, &right], distance, node.span.clone());
        let always = distance.compare_to_zero(op);
        if let Some(holds) = always {
            self.hint_constant(node, holds, &[&left, &right]);
        }
        let ir = ir::Formula::Compare { op, left: left.ir, right: right.ir, scale };
        Some(Truth { ir, always })
    }

    /// One side of a comparison, with the likely slip named: a state or flag where a quantity belongs.
    fn side(&mut self, node: &Node) -> Option<Number> {
        if let Kind::Name(name) = &node.kind
            && let Some(id) = self.scope.signals.find(name)
        {
            let slip = match &self.scope.signals.def(id).kind {
                SignalKind::States { .. } => Some(("a state", format!("compare it by name: `{name} == …`"))),
                SignalKind::Flag => Some(("a flag", format!("write it alone: `{name}`, `not {name}`"))),
                _ => None,
            };
            if let Some((what, remedy)) = slip {
                let message = format!("`{name}` is {what} and has no size to compare");
                self.error(node.span.clone(), message, Some(remedy));
                return None;
            }
        }
        self.number(node)
    }

    fn comparable(&mut self, left: &Number, right: &Number, span: Range<usize>) -> Option<()> {
        if left.dimension != right.dimension {
            let message = format!(
                "cannot compare `{}` ({}) with `{}` ({})",
                left.shown,
                measured(left),
                right.shown,
                measured(right)
            );
            self.error(span, message, unit_missing(left, right));
            return None;
        }
        if common_nature(left.nature, right.nature).is_none() {
            let (place, amount) = if left.nature == Nature::Absolute { (left, right) } else { (right, left) };
            let message =
                format!("cannot compare the temperature `{}` with the difference `{}`", place.shown, amount.shown);
            let remedy = format!("a difference is written in K: `{}`", as_kelvin(place));
            self.error(span, message, place.constant().is_some().then_some(remedy));
            return None;
        }
        Some(())
    }

    pub(super) fn in_range(&mut self, expr: &Node, lo: &Node, hi: &Node, node: &Node) -> Option<Truth> {
        let (expr_node, lo_node, hi_node) = (expr, lo, hi);
        let (expr, lo, hi) = (self.side(expr), self.side(lo), self.side(hi));
        let (expr, lo, hi) = (expr?, lo?, hi?);
        let ends = lo_node.span.start..hi_node.span.end;
        for end in [&lo, &hi] {
            self.comparable(&expr, end, node.span.clone())?;
        }
        let constant_ends = lo.constant().is_some() && hi.constant().is_some();
        if !constant_ends {
            self.refuse_slope(&expr, expr_node.span.clone(), "a range that moves")?;
        }
        for (end, at) in [(&lo, lo_node), (&hi, hi_node)] {
            self.refuse_slope(end, at.span.clone(), "a range")?;
        }
        if let (Some(a), Some(b)) = (lo.constant(), hi.constant())
            && a > b
        {
            let remedy = format!("write `{} .. {}`", hi.shown, lo.shown);
            self.error(ends, "the lower end of this range is above its upper end", Some(remedy));
            return None;
        }
        let (above, below) = (expr.values.subtract(lo.values), expr.values.subtract(hi.values));
        let scale = self.note_scale(&[&expr, &lo, &hi], above.join(below), node.span.clone());
        let always =
            match (above.compare_to_zero(Comparison::GreaterEqual), below.compare_to_zero(Comparison::LessEqual)) {
                (Some(true), Some(true)) => Some(true),
                (Some(false), _) | (_, Some(false)) => Some(false),
                _ => None,
            };
        if let Some(holds) = always {
            self.hint_constant(node, holds, &[&expr, &lo, &hi]);
        }
        let ir = ir::Formula::In { expr: expr.ir, lo: lo.ir, hi: hi.ir, scale };
        Some(Truth { ir, always })
    }

    /// Notes what the comparison would be divided by if dimensions mix. Inside `fraction` truth alone counts.
    fn note_scale(&mut self, parts: &[&Number], distance: Values, span: Range<usize>) -> f64 {
        if self.shares > 0 {
            return 1.0;
        }
        let mut width = distance.width();
        // An age has no range of its own: it is weighed against its limit, where it stands at 0.
        if parts.iter().any(|n| n.sloped == Some("age")) {
            let at_zero = if distance.lo.is_finite() { distance.lo } else { distance.hi };
            width = at_zero.abs();
        }
        let mut unbounded: Vec<String> = Vec::new();
        for name in parts.iter().flat_map(|n| &n.unbounded) {
            if !unbounded.contains(name) {
                unbounded.push(name.clone());
            }
        }
        let span = self.site.clone().unwrap_or(span);
        self.scaled.push(Scaled { span, dimension: parts[0].dimension, width, unbounded });
        width
    }

    fn hint_constant(&mut self, node: &Node, holds: bool, parts: &[&Number]) {
        let verdict = if holds { "always holds" } else { "can never hold" };
        let known: Vec<String> = parts
            .iter()
            .filter(|n| n.constant().is_none())
            .map(|n| {
                let unit = if n.nature == Nature::Difference { n.unit.difference() } else { n.unit.clone() };
                let (lo, hi) = (n.values.lo, n.values.hi);
                match (lo.is_finite(), hi.is_finite()) {
                    (true, true) => format!("`{}` lies in {} .. {}", n.shown, unit.show(lo, 6), unit.show(hi, 6)),
                    (true, false) => format!("`{}` is at least {}", n.shown, unit.show(lo, 6)),
                    _ => format!("`{}` is at most {}", n.shown, unit.show(hi, 6)),
                }
            })
            .collect();
        let why = if known.is_empty() { "nothing in it varies".to_owned() } else { known.join(", ") };
        let message = format!("`{}` {verdict} over the declared ranges: {why}", self.shown(node));
        self.hint(node.span.clone(), message, unit_slip(parts));
    }

    /// `left == NAME` and `left in {…}`.
    pub(super) fn states(&mut self, left: &Node, names: &[Word], node: &Node) -> Option<Truth> {
        let id = self.state_signal(left, names, node)?;
        let SignalKind::States { names: known } = self.scope.signals.def(id).kind.clone() else { return None };
        let mut any_of = Vec::new();
        let mut all_found = true;
        for word in names {
            let place = known.iter().position(|state| *state == word.text).and_then(|i| u16::try_from(i).ok());
            match place {
                Some(place) if any_of.contains(&place) => {
                    self.error(word.span.clone(), format!("`{}` stands twice in this set", word.text), None);
                    all_found = false;
                }
                Some(place) => any_of.push(place),
                None => {
                    let shown = self.shown(left);
                    let near = nearest(&word.text, known.iter().map(String::as_str));
                    let remedy = match near {
                        Some(near) => Some(format!("did you mean `{near}`?")),
                        None if known.len() <= 12 => Some(format!("it has {}", known.join(", "))),
                        None => None,
                    };
                    self.error(word.span.clone(), format!("`{shown}` has no state `{}`", word.text), remedy);
                    all_found = false;
                }
            }
        }
        if !all_found {
            return None;
        }
        let always = (any_of.len() == known.len()).then_some(true);
        if always.is_some() {
            let message = format!("`{}` always holds: these are all its states", self.shown(node));
            self.hint(node.span.clone(), message, None);
        }
        any_of.sort_unstable();
        Some(Truth { ir: ir::Formula::State { signal: id, any_of }, always })
    }

    /// The state signal on the left of `==` or `in {…}`.
    fn state_signal(&mut self, left: &Node, names: &[Word], node: &Node) -> Option<SignalId> {
        let Kind::Name(name) = &left.kind else {
            if let Some(number) = self.number(left) {
                self.refuse_equality(&number, names, node);
            }
            return None;
        };
        // A definition that is only another name for a signal is as good as the signal.
        let id = if self.scope.signals.find(name).is_none() && self.scope.defines.contains_key(name) {
            self.signal_of(left, "==")?
        } else {
            self.signal(name, left.span.clone())?
        };
        match &self.scope.signals.def(id).kind {
            SignalKind::States { .. } => Some(id),
            SignalKind::Flag => {
                let remedy = format!("write `{name}` or `not {name}`");
                self.error(node.span.clone(), format!("`{name}` is a flag and stands alone"), Some(remedy));
                None
            }
            SignalKind::Pulse => {
                let remedy = format!("write `age({name})` or `changed({name})`");
                self.error(left.span.clone(), format!("`{name}` is an event without a value"), Some(remedy));
                None
            }
            SignalKind::Number { unit, .. } => {
                let unit = unit.clone();
                self.refuse_float(name, &unit, names, node);
                None
            }
        }
    }

    fn refuse_equality(&mut self, number: &Number, names: &[Word], node: &Node) {
        let (shown, unit) = (number.shown.clone(), number.unit.clone());
        self.refuse_float(&shown, &unit, names, node);
    }

    fn refuse_float(&mut self, shown: &str, unit: &Unit, names: &[Word], node: &Node) {
        let other = names.first().map_or("b", |word| word.text.as_str());
        let is_quantity = other.contains(|c: char| c == '.' || c.is_ascii_digit() || c == '$')
            || self.scope.defines.contains_key(other);
        if matches!(node.kind, Kind::InStates { .. }) || !is_quantity {
            let message = format!("`{shown}` is a quantity and has no states");
            let example = if unit.text.is_empty() { "0 .. 8".into() } else { format!("0 {0} .. 8 {0}", unit.text) };
            self.error(node.span.clone(), message, Some(format!("write a range: `{shown} in {example}`")));
            return;
        }
        let tolerance = if unit.text.is_empty() { "0.1".to_owned() } else { format!("0.1 {}", unit.difference().text) };
        let message = format!("`{shown}` is a quantity: two measured quantities are never exactly equal");
        let remedy = format!("use `abs({shown} - {other}) <= {tolerance}`, with a tolerance of your own");
        self.error(node.span.clone(), message, Some(remedy));
    }

    /// `left == right` where the right side is no bare word.
    pub(super) fn equal(&mut self, left: &Node, right: &Node, node: &Node) -> Option<Truth> {
        if let Kind::Name(name) = &left.kind
            && let Some(id) = self.scope.signals.find(name)
            && !matches!(self.scope.signals.def(id).kind, SignalKind::Number { .. })
        {
            self.signal(name, left.span.clone())?;
            let message = format!("the name of a state is wanted after `==`, found `{}`", self.shown(right));
            self.error(right.span.clone(), message, None);
            return None;
        }
        let (a, b) = (self.number(left), self.number(right));
        if let (Some(a), Some(b)) = (a, b) {
            let word = Word { text: b.shown.clone(), span: right.span.clone() };
            self.refuse_equality(&a, &[word], node);
        }
        None
    }
}

/// The constant place as the amount that was probably meant: `5 degC` → `5 K`.
fn as_kelvin(place: &Number) -> String {
    let size = place.constant().map_or(0.0, |si| place.unit.from_si(si));
    format!("{} K", crate::units::exact(size))
}

/// What was probably meant where a constant stands in another unit than what it is compared with: `30` for `30 %`,
/// `21 K` for `21 degC`.
fn unit_slip(parts: &[&Number]) -> Option<String> {
    let read = parts.iter().find(|n| n.constant().is_none())?;
    let slip = parts.iter().find(|n| {
        let is_share = n.is_bare() && !read.unit.text.is_empty();
        let is_amount = n.constant().is_some() && read.unit.is_absolute() && !n.unit.is_absolute();
        is_share || is_amount
    })?;
    let size = crate::units::exact(slip.unit.from_si(slip.constant()?));
    Some(format!("did you mean `{size} {}`?", read.unit.text))
}
