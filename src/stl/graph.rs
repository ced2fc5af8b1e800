//! All rules as one data-flow graph: equal sub-formulas are one node, children stand before their parents.
//!
//! Every node is judged `horizon` ns late, so that a bounded future operator is a past window seen later; operands of
//! different horizons are brought into step by delay lines.

use super::ops::Promise;
use crate::expr::ir::{Comparison, Formula, Number, Window};
use std::collections::BTreeMap;

/// A node by its place.
pub(super) type NodeId = u32;

/// A float as a key: equal bits are equal.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Key(u64);

impl Key {
    pub fn of(value: f64) -> Key {
        Key(value.to_bits())
    }
    pub fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

/// What stands before the start of a delayed operand.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Before {
    /// Unknown, and excused as warm-up.
    WarmUp,
    False,
    /// Nothing: the node itself begins later.
    Nothing,
}

/// What a node does with its children.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Op {
    Constant(Key),
    Truth(bool),
    /// Unknown for ever: an unbounded future operator below the top of a rule, which the checker refuses.
    Nothing,
    /// True until the scope ends, unknown after.
    InScope,
    Signal(u32),
    Rate(u32),
    Age(u32),
    Flag(u32),
    State(u32, Vec<u16>),
    Changed(u32),
    Negate,
    Add,
    Subtract,
    Multiply,
    Divide,
    Abs,
    Min,
    Max,
    Clamp,
    Sqrt,
    Sin,
    Cos,
    Atan2,
    Norm,
    Outside(Vec<(Key, Key)>),
    Table(Vec<(Key, Key)>),
    /// Mean over this many ticks.
    Mean(i64),
    /// A formula as the number 0 or 1.
    Indicator,
    /// First child minus second child, over `scale`.
    Compare {
        strict: bool,
        scale: Key,
    },
    /// Only the sign of a margin that moves: what a temporal operator takes.
    Sign,
    Not,
    And,
    Or,
    Rise,
    /// Window in slots; `late`: it is a future operator.
    Once {
        width: Option<i64>,
        late: bool,
    },
    Since {
        width: Option<i64>,
    },
    Until {
        width: i64,
    },
    Delay {
        ticks: i64,
        before: Before,
    },
    Unless,
    Liveness,
    Early(Promise),
}

/// A node before it has a state.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub op: Op,
    pub children: Vec<NodeId>,
    /// How late it is judged, in ns.
    pub horizon: i64,
    /// How much later than its children.
    pub lead: i64,
    /// Its value may move between changes.
    pub linear: bool,
}

/// Builds the graph.
#[derive(Default, Debug)]
pub(super) struct Builder {
    pub plans: Vec<Plan>,
    known: BTreeMap<(Op, Vec<NodeId>, i64), NodeId>,
}

impl Builder {
    fn is_constant(&self, id: NodeId) -> bool {
        matches!(self.plans[id as usize].op, Op::Constant(_) | Op::Truth(_))
    }

    /// How late the node is judged, in ns.
    pub fn horizon(&self, id: NodeId) -> i64 {
        self.plans[id as usize].horizon
    }

    /// The node for `op` over `children`, which are brought into step, judged `lead` ns later than they.
    pub fn node(&mut self, op: Op, mut children: Vec<NodeId>, lead: i64) -> NodeId {
        let own =
            children.iter().filter(|&&c| !self.is_constant(c)).map(|&c| self.horizon(c)).max().unwrap_or_default();
        for child in &mut children {
            let behind = own - self.horizon(*child);
            if behind > 0 && !self.is_constant(*child) {
                *child = self.insert(Op::Delay { ticks: behind, before: Before::Nothing }, vec![*child], own, behind);
            }
        }
        if matches!(op, Op::And | Op::Or) {
            children.sort_unstable();
            children.dedup();
            if children.len() == 1 {
                return children[0];
            }
        }
        self.insert(op, children, own.saturating_add(lead), lead)
    }

    fn insert(&mut self, op: Op, children: Vec<NodeId>, horizon: i64, lead: i64) -> NodeId {
        let key = (op, children, horizon);
        if let Some(&id) = self.known.get(&key) {
            return id;
        }
        let id = NodeId::try_from(self.plans.len()).expect("fewer than 2^32 nodes: each needs a word of a file");
        let (op, children, _) = key.clone();
        let inherits = match op {
            Op::Age(_) | Op::Mean(_) => true,
            Op::Negate
            | Op::Add
            | Op::Subtract
            | Op::Multiply
            | Op::Divide
            | Op::Compare { .. }
            | Op::Not
            | Op::And
            | Op::Or
            | Op::Delay { .. } => children.iter().any(|&c| self.plans[c as usize].linear),
            _ => false,
        };
        self.plans.push(Plan { op, children, horizon, lead, linear: inherits });
        self.known.insert(key, id);
        id
    }

    pub fn pure(&mut self, op: Op, children: Vec<NodeId>) -> NodeId {
        self.node(op, children, 0)
    }

    /// The child, or if its margin moves only the sign of it.
    pub fn still(&mut self, child: NodeId) -> NodeId {
        if self.plans[child as usize].linear { self.pure(Op::Sign, vec![child]) } else { child }
    }

    pub fn not(&mut self, child: NodeId) -> NodeId {
        let plan = &self.plans[child as usize];
        match plan.op {
            Op::Not => plan.children[0],
            Op::Truth(value) => self.pure(Op::Truth(!value), Vec::new()),
            _ => self.pure(Op::Not, vec![child]),
        }
    }

    pub fn or(&mut self, children: Vec<NodeId>) -> NodeId {
        if children.is_empty() {
            return self.pure(Op::Truth(false), Vec::new());
        }
        self.pure(Op::Or, children)
    }

    pub fn and(&mut self, children: Vec<NodeId>) -> NodeId {
        if children.is_empty() {
            return self.pure(Op::Truth(true), Vec::new());
        }
        self.pure(Op::And, children)
    }

    /// The child `ticks` ago, with `before` in place of what lies before the start.
    pub fn delay(&mut self, child: NodeId, ticks: i64, before: Before) -> NodeId {
        if ticks == 0 || self.is_constant(child) && before == Before::Nothing {
            return child;
        }
        self.pure(Op::Delay { ticks, before }, vec![child])
    }

    /// `once` over the window, or with `late` `eventually`.
    pub fn once(&mut self, window: Window, child: NodeId, late: bool) -> NodeId {
        let child = self.still(child);
        let from = window.from.nanos();
        let width = window.to.map(|to| (to.nanos() - from).max(0).saturating_mul(2));
        if late {
            let lead = window.to.expect("unbounded future operators are rewritten before").nanos();
            return self.node(Op::Once { width, late }, vec![child], lead);
        }
        let before = if window.to.is_some() { Before::WarmUp } else { Before::False };
        let shifted = self.delay(child, from, before);
        self.pure(Op::Once { width, late }, vec![shifted])
    }

    /// `historically` over the window, or with `late` `always`.
    pub fn historically(&mut self, window: Window, child: NodeId, late: bool) -> NodeId {
        let broken = self.not(child);
        let once = self.once(window, broken, late);
        self.not(once)
    }

    /// The node of a formula.
    pub fn formula(&mut self, formula: &Formula) -> NodeId {
        match formula {
            Formula::Always(Window { to: None, .. }, _)
            | Formula::Eventually(Window { to: None, .. }, _)
            | Formula::Until(Window { to: None, .. }, _, _)
            | Formula::Unless(Window { to: None, .. }, _, _) => self.pure(Op::Nothing, Vec::new()),
            Formula::Constant(value) => self.pure(Op::Truth(*value), Vec::new()),
            Formula::Flag(signal) => self.pure(Op::Flag(signal.0), Vec::new()),
            Formula::State { signal, any_of } => {
                let mut places = any_of.clone();
                places.sort_unstable();
                places.dedup();
                self.pure(Op::State(signal.0, places), Vec::new())
            }
            Formula::Compare { op, left, right, scale } => {
                let left = self.number(left);
                let right = self.number(right);
                let (strict, children) = match op {
                    Comparison::Less => (true, vec![right, left]),
                    Comparison::LessEqual => (false, vec![right, left]),
                    Comparison::Greater => (true, vec![left, right]),
                    Comparison::GreaterEqual => (false, vec![left, right]),
                };
                self.pure(Op::Compare { strict, scale: Key::of(*scale) }, children)
            }
            Formula::In { expr, lo, hi, scale } => {
                let (expr, lo, hi) = (self.number(expr), self.number(lo), self.number(hi));
                let scale = Key::of(*scale);
                let above = self.pure(Op::Compare { strict: false, scale }, vec![expr, lo]);
                let below = self.pure(Op::Compare { strict: false, scale }, vec![hi, expr]);
                self.and(vec![above, below])
            }
            Formula::Changed(signal) => self.pure(Op::Changed(signal.0), Vec::new()),
            Formula::Not(inner) => {
                let inner = self.formula(inner);
                self.not(inner)
            }
            Formula::And(parts) => {
                let parts = parts.iter().map(|p| self.formula(p)).collect();
                self.and(parts)
            }
            Formula::Or(parts) => {
                let parts = parts.iter().map(|p| self.formula(p)).collect();
                self.or(parts)
            }
            Formula::Implies(p, q) => {
                let (p, q) = (self.formula(p), self.formula(q));
                self.implies(p, q)
            }
            Formula::Iff(p, q) => {
                let (p, q) = (self.formula(p), self.formula(q));
                let there = self.implies(p, q);
                let back = self.implies(q, p);
                self.and(vec![there, back])
            }
            Formula::Rise(p) => {
                let p = self.formula(p);
                let p = self.still(p);
                self.pure(Op::Rise, vec![p])
            }
            Formula::Fall(p) => {
                let p = self.formula(p);
                let p = self.still(p);
                let broken = self.not(p);
                self.pure(Op::Rise, vec![broken])
            }
            Formula::Always(window, p) => {
                let p = self.formula(p);
                self.historically(*window, p, true)
            }
            Formula::Eventually(window, p) => {
                let p = self.formula(p);
                self.once(*window, p, true)
            }
            Formula::Historically(window, p) => {
                let p = self.formula(p);
                self.historically(*window, p, false)
            }
            Formula::Once(window, p) => {
                let p = self.formula(p);
                self.once(*window, p, false)
            }
            Formula::Since(window, p, q) => {
                let (p, q) = (self.formula(p), self.formula(q));
                self.since(*window, p, q)
            }
            Formula::Until(window, p, q) => {
                let (p, q) = (self.formula(p), self.formula(q));
                self.until(*window, p, q)
            }
            Formula::Unless(window, p, q) => {
                let (p, q) = (self.formula(p), self.formula(q));
                let until = self.until(*window, p, q);
                let always = self.historically(Window { from: crate::time::Span::ZERO, to: window.to }, p, true);
                self.or(vec![always, until])
            }
        }
    }

    pub fn implies(&mut self, p: NodeId, q: NodeId) -> NodeId {
        let broken = self.not(p);
        self.or(vec![broken, q])
    }

    fn since(&mut self, window: Window, p: NodeId, q: NodeId) -> NodeId {
        let from = window.from;
        let width = window.to.map(|to| (to - from).nanos().max(0).saturating_mul(2));
        let (p, q) = (self.still(p), self.still(q));
        let since = self.pure(Op::Since { width }, vec![p, q]);
        if from.nanos() == 0 {
            return since;
        }
        let held = self.historically(Window { from: crate::time::Span::ZERO, to: Some(from) }, p, false);
        let before = if window.to.is_some() { Before::WarmUp } else { Before::False };
        let earlier = self.delay(since, from.nanos(), before);
        // A moving margin can't come out of `since`, so that a plain delay is `once[a,a]`.
        self.and(vec![held, earlier])
    }

    fn until(&mut self, window: Window, p: NodeId, q: NodeId) -> NodeId {
        let from = window.from;
        let to = window.to.expect("unbounded future operators are rewritten before");
        let width = (to - from).nanos().max(0);
        let (p, q) = (self.still(p), self.still(q));
        let until = self.node(Op::Until { width: width.saturating_mul(2) }, vec![p, q], width);
        if from.nanos() == 0 {
            return until;
        }
        let held = self.historically(Window { from: crate::time::Span::ZERO, to: Some(from) }, p, true);
        let later = self.once(Window { from, to: Some(from) }, until, true);
        self.and(vec![held, later])
    }

    /// The node of a number.
    pub fn number(&mut self, number: &Number) -> NodeId {
        let (op, parts): (Op, Vec<&Number>) = match number {
            Number::Constant(value) => (Op::Constant(Key::of(*value)), Vec::new()),
            Number::Signal(signal) => (Op::Signal(signal.0), Vec::new()),
            Number::Rate(signal) => (Op::Rate(signal.0), Vec::new()),
            Number::Age(signal) => (Op::Age(signal.0), Vec::new()),
            Number::Negate(a) => (Op::Negate, vec![&**a]),
            Number::Add(a, b) => (Op::Add, vec![&**a, &**b]),
            Number::Subtract(a, b) => (Op::Subtract, vec![&**a, &**b]),
            Number::Multiply(a, b) => (Op::Multiply, vec![&**a, &**b]),
            Number::Divide(a, b) => (Op::Divide, vec![&**a, &**b]),
            Number::Abs(a) => (Op::Abs, vec![&**a]),
            Number::Min(parts) => (Op::Min, parts.iter().collect()),
            Number::Max(parts) => (Op::Max, parts.iter().collect()),
            Number::Clamp(a, lo, hi) => (Op::Clamp, vec![&**a, &**lo, &**hi]),
            Number::Sqrt(a) => (Op::Sqrt, vec![&**a]),
            Number::Sin(a) => (Op::Sin, vec![&**a]),
            Number::Cos(a) => (Op::Cos, vec![&**a]),
            Number::Atan2(y, x) => (Op::Atan2, vec![&**y, &**x]),
            Number::Norm(parts) => (Op::Norm, parts.iter().collect()),
            Number::Outside { polygon, x, y } => (Op::Outside(keys(polygon)), vec![&**x, &**y]),
            Number::Table { input, points } => (Op::Table(keys(points)), vec![&**input]),
            Number::Delta(window, a) => {
                let now = self.number(a);
                let then = self.delay(now, window.nanos(), Before::WarmUp);
                return self.pure(Op::Subtract, vec![now, then]);
            }
            Number::Mean(window, a) => {
                let a = self.number(a);
                return self.pure(Op::Mean(window.nanos()), vec![a]);
            }
            Number::Fraction(window, f) => {
                let f = self.formula(f);
                let share = self.pure(Op::Indicator, vec![f]);
                return self.pure(Op::Mean(window.nanos()), vec![share]);
            }
        };
        let children = parts.into_iter().map(|p| self.number(p)).collect();
        self.pure(op, children)
    }
}

fn keys(points: &[(f64, f64)]) -> Vec<(Key, Key)> {
    points.iter().map(|&(x, y)| (Key::of(x), Key::of(y))).collect()
}
