//! A tree of words to a tree of meaning: names, types, units, windows; every mistake at once.

mod call;
mod compare;
mod name;
mod number;
mod range;
mod truth;

use super::ir;
use super::limits::{Limit, Side, limits};
use super::parse::{PROBLEMS_MAX, parse};
use super::reach::{history, horizon};
use super::syntax::{Joint, Kind, Node};
use super::{Checked, CheckedQuantity, MarginKind, Scope, problem};
use crate::diag::Severity;
use crate::signal::{SignalId, SignalKind};
use crate::units::{Dimension, Problem, Unit};
use range::Range as Values;
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

/// Pieces that a formula may have once definitions are written out.
const PIECES_MAX: usize = 20_000;
/// Levels that a formula may have once definitions are written out.
const DEPTH_MAX: u32 = 200;

/// Characters of a piece's text that are looked at to show it.
const SHOWN_MAX: usize = 400;

/// What a piece of a formula means.
enum Meaning {
    Truth(Truth),
    Number(Number),
}

/// A formula, and what the declared ranges say of it.
struct Truth {
    ir: ir::Formula,
    /// The same for every value within the declared ranges.
    always: Option<bool>,
}

/// Whether a temperature is a place on a scale or an amount; everything else is `Plain`.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Nature {
    /// Any dimension but temperature, and kelvins, which can be both.
    Plain,
    Absolute,
    Difference,
}

/// A quantity, with everything that decides what may be done with it.
struct Number {
    ir: ir::Number,
    dimension: Dimension,
    nature: Nature,
    values: Values,
    /// Grows with time between samples (`age`, `mean`, `fraction`): linear uses only.
    sloped: Option<&'static str>,
    /// What has no declared range in it.
    unbounded: Vec<String>,
    /// How people call it: for messages.
    shown: String,
    /// The unit people read it in.
    unit: Unit,
}

impl Number {
    fn constant(&self) -> Option<f64> {
        match self.ir {
            ir::Number::Constant(value) => Some(value),
            _ => None,
        }
    }
    /// A constant without a unit.
    fn is_bare(&self) -> bool {
        self.constant().is_some() && self.dimension == Dimension::NONE && self.unit.text.is_empty()
    }
}

/// A comparison that may have to be divided by its scale.
struct Scaled {
    span: Range<usize>,
    dimension: Dimension,
    width: f64,
    unbounded: Vec<String>,
}

/// A definition's text with what was read from it.
struct Parsed {
    text: Rc<str>,
    node: Node,
    problems: Vec<Problem>,
}

struct Checker<'a> {
    scope: &'a Scope<'a>,
    problems: Vec<Problem>,
    hints: Vec<Problem>,
    signals: Vec<SignalId>,
    parameters: Vec<String>,
    /// Comparisons in order of the text, but for those whose truth alone counts.
    scaled: Vec<Scaled>,
    /// Units of quantities as written, in order of the text.
    written: Vec<Unit>,
    /// Units of signals, in order of the text.
    read: Vec<Unit>,
    /// The text at hand: the formula's, or that of the definition being written out.
    text: Rc<str>,
    /// Definitions being written out, outermost first.
    chain: Vec<String>,
    /// Definitions as read, so that one that is used often is read once.
    parsed: BTreeMap<&'a str, Rc<Parsed>>,
    /// Where the formula names the definition being written out.
    site: Option<Range<usize>>,
    pieces: usize,
    depth: u32,
    /// Levels of `fraction` around: its comparisons count by their truth alone, and nothing there may wait.
    shares: u32,
    too_large: bool,
}

/// Checks a whole formula.
pub(super) fn formula(text: &str, scope: &Scope<'_>) -> Result<Checked, Vec<Problem>> {
    let (node, problems) = parse(text);
    let mut checker = Checker::new(text, scope, problems);
    let truth = checker.root(&node);
    let dimension = checker.scaled.first().map(|first| first.dimension);
    let mixed = checker.scaled.iter().any(|s| Some(s.dimension) != dimension);
    let margin = match dimension {
        None => MarginKind::Truth,
        Some(_) if mixed => MarginKind::Share,
        Some(dimension) => MarginKind::Unit(checker.unit_of(dimension)),
    };
    if mixed {
        checker.demand_scales();
    }
    match truth {
        Some(mut truth) if checker.problems.is_empty() => {
            if !mixed {
                truth.ir.set_scales_to_one();
            }
            checker.hint_trigger(&node);
            if truth.always.is_none() {
                checker.hint_contradiction(&node, &truth.ir);
            }
            let (horizon, history) = (horizon(&truth.ir), history(&truth.ir));
            let Checker { signals, parameters, mut hints, .. } = checker;
            // A definition that is used twice says so once.
            hints.dedup();
            hints.truncate(PROBLEMS_MAX);
            let never = truth.always == Some(false);
            Ok(Checked { formula: truth.ir, margin, signals, parameters, horizon, history, never, hints })
        }
        _ => Err(checker.finish()),
    }
}

/// Checks a quantity over signals.
pub(super) fn quantity(text: &str, scope: &Scope<'_>) -> Result<CheckedQuantity, Vec<Problem>> {
    let (node, problems) = parse(text);
    let mut checker = Checker::new(text, scope, problems);
    let meaning = checker.meaning(&node);
    if let Some(Meaning::Truth(_)) = meaning {
        checker.error(node.span.clone(), "this holds or does not; wanted a quantity", None);
    }
    match meaning {
        Some(Meaning::Number(number)) if checker.problems.is_empty() => Ok(CheckedQuantity {
            number: number.ir,
            dimension: number.dimension,
            lo: number.values.lo,
            hi: number.values.hi,
            signals: checker.signals,
        }),
        _ => Err(checker.finish()),
    }
}

/// Checks a definition on its own: it may be a formula or a quantity.
pub(super) fn definition(name: &str, text: &str, scope: &Scope<'_>) -> Vec<Problem> {
    let (node, problems) = parse(text);
    let mut checker = Checker::new(text, scope, problems);
    // Its own name stands in the chain, so that a circle through it is found.
    checker.chain.push(name.to_owned());
    checker.meaning(&node);
    checker.finish()
}

impl<'a> Checker<'a> {
    fn new(text: &str, scope: &'a Scope<'a>, problems: Vec<Problem>) -> Checker<'a> {
        Checker {
            scope,
            problems,
            hints: Vec::new(),
            signals: Vec::new(),
            parameters: Vec::new(),
            scaled: Vec::new(),
            written: Vec::new(),
            read: Vec::new(),
            text: Rc::from(text),
            chain: Vec::new(),
            parsed: BTreeMap::new(),
            site: None,
            pieces: 0,
            depth: 0,
            shares: 0,
            too_large: false,
        }
    }

    fn finish(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|p| (p.span.start, p.span.end));
        self.problems.dedup_by(|a, b| a.span == b.span && a.message == b.message);
        self.problems.truncate(PROBLEMS_MAX);
        self.problems
    }

    /// A mistake at `span` of the text at hand; inside a definition it is told where the formula names it.
    fn error(&mut self, span: Range<usize>, message: impl Into<String>, remedy: Option<String>) {
        let found = self.place(span, message.into(), remedy, Severity::Error);
        self.problems.push(found);
    }
    fn hint(&mut self, span: Range<usize>, message: impl Into<String>, remedy: Option<String>) {
        let found = self.place(span, message.into(), remedy, Severity::Warning);
        self.hints.push(found);
    }
    fn place(&self, span: Range<usize>, message: String, remedy: Option<String>, severity: Severity) -> Problem {
        match (&self.site, self.chain.last()) {
            (Some(site), Some(name)) => Problem {
                severity,
                span: site.clone(),
                message: format!("in the definition of `{name}`: {message}"),
                remedy,
            },
            _ => Problem { severity, span, message, remedy },
        }
    }

    /// What the node looks like in its text, cut when it is long.
    fn shown(&self, node: &Node) -> String {
        let text = self.text.get(node.span.clone()).unwrap_or("");
        // A page of blanks is not looked through again and again.
        let text = text.char_indices().nth(SHOWN_MAX).map_or(text, |(cut, _)| &text[..cut]);
        let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match one_line.char_indices().nth(60) {
            Some((cut, _)) => format!("{}…", &one_line[..cut]),
            None => one_line,
        }
    }

    /// Enters a node; `false` when the formula has grown beyond its bounds. Every `true` is paired with `leave`.
    fn enter(&mut self, node: &Node) -> bool {
        let deep = self.depth >= DEPTH_MAX;
        if deep {
            self.outgrown("deep", node);
        }
        if deep || self.count(1, node).is_none() {
            return false;
        }
        self.depth += 1;
        true
    }
    /// Counts pieces of the formula; `None` when there are too many.
    fn count(&mut self, more: usize, node: &Node) -> Option<()> {
        self.pieces = self.pieces.saturating_add(more);
        if self.pieces > PIECES_MAX {
            self.outgrown("large", node);
        }
        (!self.too_large).then_some(())
    }
    fn outgrown(&mut self, what: &str, node: &Node) {
        if !std::mem::replace(&mut self.too_large, true) {
            let message = format!("this formula grows too {what} once its definitions are written out");
            self.error(node.span.clone(), message, None);
        }
    }
    fn leave(&mut self) {
        self.depth -= 1;
    }

    /// The whole of a formula: the one place where an operator without a window may wait for ever.
    fn root(&mut self, node: &Node) -> Option<Truth> {
        let truth = match &node.kind {
            Kind::Temporal(op, None, inner) if op.is_future() => self.unbounded_temporal(*op, node, inner),
            Kind::Joint(op @ (Joint::Until | Joint::Unless), None, left, right) => {
                self.unbounded_joint(*op, node, left, right)
            }
            _ => self.truth(node),
        }?;
        if let Some(holds) = truth.always
            && self.scope.future
        {
            let verdict = if holds { "can never be false" } else { "can never be true" };
            if let Some(hint) = self.hints.last_mut() {
                hint.message.push_str(&format!(", so the whole {verdict}"));
            }
        }
        Some(truth)
    }

    /// The unit in which people read a margin of this dimension: the first one written, else a signal's.
    fn unit_of(&self, dimension: Dimension) -> Unit {
        let fits = |unit: &&Unit| unit.dimension == dimension;
        let first = self.written.iter().find(fits).or_else(|| self.read.iter().find(fits));
        first.map_or_else(|| dimension.si_unit(), Unit::difference)
    }

    /// Where dimensions mix, each comparison is measured against the width of what it can be.
    fn demand_scales(&mut self) {
        for Scaled { span, dimension, width, unbounded } in std::mem::take(&mut self.scaled) {
            if width.is_finite() && width > 0.0 {
                continue;
            }
            let why = if unbounded.is_empty() {
                "nothing in it can vary".to_owned()
            } else {
                let names: Vec<String> = unbounded.iter().map(|name| format!("`{name}`")).collect();
                format!("{} has no declared range", names.join(", "))
            };
            let message = format!(
                "dimensions mix in this formula, and this comparison of {} cannot be weighed against the others: {why}",
                dimension.words()
            );
            let remedy = "declare `range:` of the signal, bound it with `clamp(…)`, or write two rules";
            self.problems.push(problem(span, message, Some(remedy.into())));
        }
    }

    /// Limits of one signal that exclude each other, or leave nothing out: each of them may be meant, both cannot be.
    fn hint_contradiction(&mut self, node: &Node, ir: &ir::Formula) {
        if !self.scope.future {
            return;
        }
        if let Some((name, least, most)) = self.excluded(&limits(ir)) {
            let message = format!("`{name}` would have to be {least} and {most}, so the whole can never be true");
            self.hint(node.span.clone(), message, None);
        } else if let Some((name, least, most)) = self.excluded(&limits(&ir::Formula::Not(Box::new(ir.clone())))) {
            let message =
                format!("only if `{name}` were {least} and {most} could this be broken: the whole can never be false");
            self.hint(node.span.clone(), message, None);
        }
    }

    /// The first signal whose limits leave no value, with both in words.
    fn excluded(&self, limits: &[Limit]) -> Option<(String, String, String)> {
        for low in limits.iter().filter(|limit| limit.unconditional && limit.side == Side::Lower) {
            let above = |high: &&Limit| high.unconditional && high.side == Side::Upper && high.signal == low.signal;
            let crossed = limits.iter().filter(above).find(|high| {
                low.value_si > high.value_si || (low.value_si == high.value_si && (low.strict || high.strict))
            });
            let Some(high) = crossed else { continue };
            let def = self.scope.signals.def(low.signal);
            let SignalKind::Number { unit, .. } = &def.kind else { continue };
            let least = format!("{} {}", if low.strict { "above" } else { "at least" }, unit.show(low.value_si, 6));
            let most = format!("{} {}", if high.strict { "below" } else { "at most" }, unit.show(high.value_si, 6));
            return Some((def.name.clone(), least, most));
        }
        None
    }

    /// An `implies` at the top whose left side is a state is a trigger in disguise.
    fn hint_trigger(&mut self, node: &Node) {
        fn is_state(node: &Node, checker: &Checker<'_>) -> bool {
            match &node.kind {
                Kind::State { .. } | Kind::InStates { .. } => true,
                Kind::Name(name) => checker.scope.signals.find(name).is_some(),
                Kind::Not(inner) => is_state(inner, checker),
                Kind::And(all) | Kind::Or(all) => all.iter().all(|one| is_state(one, checker)),
                _ => false,
            }
        }
        if let Kind::Implies(left, _) = &node.kind
            && self.scope.future
            && is_state(left, self)
        {
            let message = "this state decides when the rule counts; as a trigger it also shows whether it ever did";
            let remedy = format!("write `when: {}` on a line of its own", self.shown(left));
            self.hints.push(Problem {
                severity: Severity::Warning,
                span: left.span.clone(),
                message: message.into(),
                remedy: Some(remedy),
            });
        }
    }
}
