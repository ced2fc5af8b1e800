//! What is true or false: connectives and windows.

use super::{Checker, Meaning, Truth, ir};
use crate::expr::syntax::{Joint, Kind, Node, Temporal, Window};
use crate::expr::walk;
use crate::time::Span;
use crate::units::Dimension;

impl Checker<'_> {
    /// The formula that a node is; reports when it is a quantity.
    pub(super) fn truth(&mut self, node: &Node) -> Option<Truth> {
        match self.meaning(node)? {
            Meaning::Truth(truth) => Some(truth),
            Meaning::Number(number) => {
                let message = format!("`{}` is a quantity; a comparison or a flag is wanted here", number.shown);
                let limit =
                    if number.unit.text.is_empty() { "…".into() } else { format!("… {}", number.unit.text) };
                let remedy = (number.constant().is_none() || number.dimension != Dimension::NONE)
                    .then(|| format!("compare it: `{} <= {limit}`", number.shown));
                self.error(node.span.clone(), message, remedy);
                None
            }
        }
    }

    /// Formulas made of formulas, and comparisons.
    pub(super) fn connective(&mut self, node: &Node) -> Option<Truth> {
        match &node.kind {
            Kind::Compare(relation, left, right) => self.compare(*relation, left, right, node),
            Kind::InRange { expr, lo, hi } => self.in_range(expr, lo, hi, node),
            Kind::InStates { expr, names } => self.states(expr, names, node),
            Kind::Equal { left, right, .. } => self.equal(left, right, node),
            Kind::State { left, name, negated } => {
                let truth = self.states(left, std::slice::from_ref(name), node)?;
                Some(if *negated { negate(truth) } else { truth })
            }
            Kind::Not(inner) => self.truth(inner).map(negate),
            Kind::And(all) => self.all(all, true),
            Kind::Or(all) => self.all(all, false),
            Kind::Implies(left, right) => {
                let (left, right) = (self.truth(left), self.truth(right));
                let (left, right) = (left?, right?);
                let always = match (left.always, right.always) {
                    (Some(false), _) | (_, Some(true)) => Some(true),
                    (Some(true), known) => known,
                    _ => None,
                };
                Some(Truth { ir: ir::Formula::Implies(Box::new(left.ir), Box::new(right.ir)), always })
            }
            Kind::Iff(left, right) => {
                let (left, right) = (self.truth(left), self.truth(right));
                let (left, right) = (left?, right?);
                let always = left.always.zip(right.always).map(|(a, b)| a == b);
                Some(Truth { ir: ir::Formula::Iff(Box::new(left.ir), Box::new(right.ir)), always })
            }
            Kind::Temporal(op, window, inner) => self.temporal(*op, window.as_ref(), inner, node),
            Kind::Joint(op, window, left, right) => self.joint(*op, window.as_ref(), left, right, node),
            _ => unreachable!("`meaning` handles names and quantities itself"),
        }
    }

    fn all(&mut self, all: &[Node], and: bool) -> Option<Truth> {
        let parts: Vec<Option<Truth>> = all.iter().map(|one| self.truth(one)).collect();
        let parts: Vec<Truth> = parts.into_iter().collect::<Option<_>>()?;
        let decisive = !and;
        let always = if parts.iter().any(|p| p.always == Some(decisive)) {
            Some(decisive)
        } else if parts.iter().all(|p| p.always == Some(!decisive)) {
            Some(!decisive)
        } else {
            None
        };
        let parts = parts.into_iter().map(|p| p.ir).collect();
        Some(Truth { ir: if and { ir::Formula::And(parts) } else { ir::Formula::Or(parts) }, always })
    }

    /// Refuses an operator that waits for what comes where only the past can be judged.
    fn refuse_future(&mut self, word: &str, instead: &str, node: &Node) -> bool {
        if self.shares > 0 {
            let message = format!("`{word}` waits for what comes; `fraction` looks back");
            self.error(node.span.clone(), message, Some(format!("write `{instead}`")));
            return true;
        }
        if !self.scope.future {
            let message = format!("`{word}` waits for what comes; here only the past can be judged");
            self.error(node.span.clone(), message, Some(format!("write `{instead}`")));
            return true;
        }
        false
    }

    fn temporal(&mut self, op: Temporal, window: Option<&Window>, inner: &Node, node: &Node) -> Option<Truth> {
        let word = op.text();
        let instead = if op == Temporal::Always { "historically" } else { "once" };
        let refused = op.is_future() && self.refuse_future(word, instead, node);
        if !refused && op.is_future() && window.is_none() {
            let message = format!("`{word}` without a window waits for ever and can stand only at the top of a rule");
            self.error(
                node.span.clone(),
                message,
                Some(format!(
                    "give it a window, `{word}[0, 5 s]`, or put all it governs into parentheses, `{word} ( … )`"
                )),
            );
        }
        let bounds = window.map(|window| self.window(window, word));
        let inner = self.truth(inner)?;
        if refused || (op.is_future() && window.is_none()) {
            return None;
        }
        let window = match bounds {
            Some(bounds) => bounds?,
            None => UNBOUNDED,
        };
        Some(temporal(op, window, inner))
    }

    fn joint(&mut self, op: Joint, window: Option<&Window>, left: &Node, right: &Node, node: &Node) -> Option<Truth> {
        let word = op.text();
        let future = matches!(op, Joint::Until | Joint::Unless);
        let refused = future && self.refuse_future(word, past_of(op), node);
        if !refused && future && window.is_none() {
            let message = format!("`{word}` without a window waits for ever and can stand only at the top of a rule");
            self.error(
                node.span.clone(),
                message,
                Some(format!(
                    "give it a window, `a {word}[0, 5 s] b`, or put all it governs into parentheses, `a {word} ( … )`"
                )),
            );
        }
        let left = self.truth(left);
        let bounds = window.map(|window| self.window(window, word));
        let right = self.truth(right);
        let (left, right) = (left?, right?);
        if refused || (future && window.is_none()) {
            return None;
        }
        let window = match bounds {
            Some(bounds) => bounds?,
            None => UNBOUNDED,
        };
        if op == Joint::BackTo {
            // Its left side stands twice in what it means, and more often where such operators are nested.
            self.count(walk::size(&left.ir), node)?;
        }
        Some(joint(op, window, left, right))
    }

    /// `always f` as the whole of a rule.
    pub(super) fn unbounded_temporal(&mut self, op: Temporal, node: &Node, inner: &Node) -> Option<Truth> {
        let instead = if op == Temporal::Always { "historically" } else { "once" };
        let refused = self.refuse_future(op.text(), instead, node);
        let inner = self.truth(inner)?;
        (!refused).then(|| temporal(op, UNBOUNDED, inner))
    }

    /// `f until g` as the whole of a rule.
    pub(super) fn unbounded_joint(&mut self, op: Joint, node: &Node, left: &Node, right: &Node) -> Option<Truth> {
        let refused = self.refuse_future(op.text(), past_of(op), node);
        let (left, right) = (self.truth(left), self.truth(right));
        let (left, right) = (left?, right?);
        (!refused).then(|| joint(op, UNBOUNDED, left, right))
    }

    fn window(&mut self, window: &Window, word: &str) -> Option<ir::Window> {
        let from = self.bound(&window.from);
        let to = self.bound(&window.to);
        let ((from, from_shown), (to, to_shown)) = (from?, to?);
        if from > to {
            let remedy = format!("write `{word}[{to_shown}, {from_shown}]`");
            self.error(window.span.clone(), "the bounds of this window are swapped", Some(remedy));
            return None;
        }
        Some(ir::Window { from, to: Some(to) })
    }

    /// One bound of a window with its text; a bare 0 needs no unit.
    fn bound(&mut self, node: &Node) -> Option<(Span, String)> {
        let before = self.written.len();
        let number = self.constant(node, "the bound of a window")?;
        // What was written in a window is no unit for margins.
        self.written.truncate(before);
        let span = self.span_of(&number, node)?;
        if span < Span::ZERO {
            let message = "a window cannot begin before its instant";
            let remedy = "for the past write `historically`, `once` or `since`";
            self.error(node.span.clone(), message, Some(remedy.into()));
            return None;
        }
        Some((span, number.shown))
    }
}

const UNBOUNDED: ir::Window = ir::Window { from: Span::ZERO, to: None };

/// The operator that asks of the past what this one asks of what comes.
fn past_of(op: Joint) -> &'static str {
    if op == Joint::Unless { "backto" } else { "since" }
}

fn negate(truth: Truth) -> Truth {
    Truth { ir: ir::Formula::Not(Box::new(truth.ir)), always: truth.always.map(|holds| !holds) }
}

fn temporal(op: Temporal, window: ir::Window, inner: Truth) -> Truth {
    let f = Box::new(inner.ir);
    let ir = match op {
        Temporal::Always => ir::Formula::Always(window, f),
        Temporal::Eventually => ir::Formula::Eventually(window, f),
        Temporal::Historically => ir::Formula::Historically(window, f),
        Temporal::Once => ir::Formula::Once(window, f),
    };
    Truth { ir, always: inner.always }
}

fn joint(op: Joint, window: ir::Window, left: Truth, right: Truth) -> Truth {
    // Whatever comes first, a right side that never holds leaves `until` and `since` without an end.
    let always = match (op, left.always, right.always) {
        (Joint::Unless | Joint::BackTo, Some(true), _) => Some(true),
        (Joint::Until | Joint::Since, _, Some(false)) => Some(false),
        (_, _, Some(true)) if window.from == Span::ZERO => Some(true),
        _ => None,
    };
    let (left, right) = (Box::new(left.ir), Box::new(right.ir));
    let ir = match op {
        Joint::Until => ir::Formula::Until(window, left, right),
        Joint::Unless => ir::Formula::Unless(window, left, right),
        Joint::Since => ir::Formula::Since(window, left, right),
        // The weak `since`: as `unless` is to `until`.
        Joint::BackTo => {
            let whole = ir::Window { from: Span::ZERO, to: window.to };
            ir::Formula::Or(vec![
                ir::Formula::Historically(whole, left.clone()),
                ir::Formula::Since(window, left, right),
            ])
        }
    };
    Truth { ir, always }
}
