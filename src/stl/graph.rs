//! All rules as one data-flow graph: equal sub-formulas are one node, children stand before their parents.
//!
//! Every node is judged `horizon` ns late, so that a bounded future operator is a past window seen later; operands of
//! different horizons are brought into step by delay lines.

use super::ops::Promise;
use crate::expr::ir::{Comparison, Formula, Number, Window};
use std::collections::BTreeMap;

/// Pieces of an operand that are looked through for what it is bound to be later.
const FORESEEN_MAX: usize = 128;

/// A node by its place.
pub(super) type NodeId = u32;

/// A way from a node to what it works on: a node, as it is or negated. Negation costs no node of its own.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Edge(u32);

impl Edge {
    pub fn to(node: NodeId) -> Edge {
        Edge(node << 1)
    }
    pub fn node(self) -> NodeId {
        self.0 >> 1
    }
    pub fn place(self) -> usize {
        (self.0 >> 1) as usize
    }
    pub fn is_negated(self) -> bool {
        self.0 & 1 != 0
    }
    pub fn not(self) -> Edge {
        Edge(self.0 ^ 1)
    }
}

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
    /// True.
    Truth,
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
    /// A signal against a constant.
    Limit {
        signal: u32,
        limit: Key,
        above: bool,
        strict: bool,
        scale: Key,
    },
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
    /// Mean over this many ticks, and whether of a share, which lies in 0 to 1 even before the start.
    Mean(i64, bool),
    /// A formula as the number 0 or 1.
    Indicator,
    /// First child minus second child, over `scale`.
    Compare {
        strict: bool,
        scale: Key,
    },
    /// Only the sign of a margin that moves: what a temporal operator takes.
    Sign,
    And,
    Rise,
    /// Window in slots.
    Once {
        width: Option<i64>,
        /// What lies before the start is in the window and unknown.
        looks_before_start: bool,
    },
    Since {
        width: Option<i64>,
        looks_before_start: bool,
    },
    Until {
        width: i64,
    },
    Delay {
        ticks: i64,
        before: Before,
    },
    /// Of `c`, `p` and `q`.
    Waiting {
        width: Option<i64>,
    },
    Liveness,
    Early(Promise),
}

/// A node before it has a state.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub op: Op,
    pub children: Vec<Edge>,
    /// How late it is judged, in ns.
    pub horizon: i64,
    /// How much later than its children.
    pub lead: i64,
    /// Its value may move between changes.
    pub linear: bool,
    /// It has no margin but its truth.
    pub bare: bool,
}

impl Op {
    /// A quantity, not a formula; of a delay line what it delays tells.
    pub fn is_number(&self) -> bool {
        use Op::*;
        matches!(
            self,
            Constant(_) | Signal(_) | Rate(_) | Age(_) | Negate | Add | Subtract | Multiply | Divide | Abs | Min | Max
        ) || matches!(self, Clamp | Sqrt | Sin | Cos | Atan2 | Norm | Outside(_) | Table(_) | Mean(..) | Indicator)
    }
    /// Bytes beside itself.
    pub fn bytes(&self) -> usize {
        match self {
            Op::State(_, places) => places.capacity() * size_of::<u16>(),
            Op::Outside(points) | Op::Table(points) => points.capacity() * size_of::<(Key, Key)>(),
            _ => 0,
        }
    }
    /// The signal it reads.
    pub fn signal(&self) -> Option<u32> {
        use Op::*;
        match self {
            Signal(s) | Rate(s) | Age(s) | Flag(s) | State(s, _) | Changed(s) | Limit { signal: s, .. } => Some(*s),
            _ => None,
        }
    }
}

/// Builds the graph.
#[derive(Default, Debug)]
pub(super) struct Builder {
    pub plans: Vec<Plan>,
    known: BTreeMap<(Op, Vec<Edge>, i64), NodeId>,
    cut: bool,
}

impl Builder {
    /// Of an empty graph; `cut`: past windows are cut to the recording.
    pub fn new(cut: bool) -> Builder {
        Builder { cut, ..Builder::default() }
    }

    fn plan(&self, edge: Edge) -> &Plan {
        &self.plans[edge.place()]
    }

    fn is_constant(&self, edge: Edge) -> bool {
        matches!(self.plan(edge).op, Op::Constant(_) | Op::Truth)
    }

    pub fn is_true(&self, edge: Edge) -> bool {
        self.plan(edge).op == Op::Truth && !edge.is_negated()
    }

    /// How late it is judged, in ns.
    pub fn horizon(&self, edge: Edge) -> i64 {
        self.plan(edge).horizon
    }

    /// The node for `op` over `children`, which are brought into step, judged `lead` ns later than they.
    pub fn node(&mut self, op: Op, mut children: Vec<Edge>, lead: i64) -> Edge {
        let own =
            children.iter().filter(|&&c| !self.is_constant(c)).map(|&c| self.horizon(c)).max().unwrap_or_default();
        for child in &mut children {
            let behind = own - self.horizon(*child);
            if behind > 0 && !self.is_constant(*child) {
                let delay = Op::Delay { ticks: behind, before: Before::Nothing };
                let delayed = self.insert(delay, vec![Edge::to(child.node())], own, behind);
                *child = if child.is_negated() { delayed.not() } else { delayed };
            }
        }
        self.insert(op, children, own.saturating_add(lead), lead)
    }

    fn insert(&mut self, op: Op, children: Vec<Edge>, horizon: i64, lead: i64) -> Edge {
        let key = (op, children, horizon);
        if let Some(&id) = self.known.get(&key) {
            return Edge::to(id);
        }
        let id = NodeId::try_from(self.plans.len())
            .ok()
            .filter(|&id| id < 1 << 31)
            .expect("fewer than 2^31 nodes: each needs a word of a file");
        let (op, children, _) = key.clone();
        let any_linear = children.iter().any(|&c| self.plan(c).linear);
        let linear = match op {
            Op::Age(_) | Op::Mean(..) => true,
            Op::Negate | Op::Add | Op::Subtract | Op::Multiply | Op::Divide => any_linear,
            Op::Compare { .. } | Op::And | Op::Delay { .. } => any_linear,
            _ => false,
        };
        let bare = match op {
            Op::Truth | Op::Nothing | Op::InScope | Op::Flag(_) | Op::State(..) | Op::Changed(_) => true,
            Op::Early(_) => true,
            Op::And | Op::Rise | Op::Once { .. } | Op::Since { .. } | Op::Until { .. } => self.all_bare(&children),
            Op::Delay { .. } | Op::Waiting { .. } => self.all_bare(&children),
            _ => false,
        };
        self.plans.push(Plan { op, children, horizon, lead, linear, bare });
        self.known.insert(key, id);
        Edge::to(id)
    }

    fn all_bare(&self, children: &[Edge]) -> bool {
        children.iter().all(|&c| self.plan(c).bare)
    }

    pub fn pure(&mut self, op: Op, children: Vec<Edge>) -> Edge {
        self.node(op, children, 0)
    }

    pub fn truth(&mut self, value: bool) -> Edge {
        let truth = self.pure(Op::Truth, Vec::new());
        if value { truth } else { truth.not() }
    }

    /// The child, or if its margin moves only the sign of it.
    pub fn still(&mut self, child: Edge) -> Edge {
        if !self.plan(child).linear {
            return child;
        }
        let sign = self.pure(Op::Sign, vec![Edge::to(child.node())]);
        if child.is_negated() { sign.not() } else { sign }
    }

    pub fn or(&mut self, children: Vec<Edge>) -> Edge {
        let broken = children.into_iter().map(Edge::not).collect();
        self.and(broken).not()
    }

    pub fn and(&mut self, mut children: Vec<Edge>) -> Edge {
        children.retain(|&child| !self.is_true(child));
        children.sort_unstable();
        children.dedup();
        match children.as_slice() {
            [] => self.truth(true),
            [only] => *only,
            _ => self.pure(Op::And, children),
        }
    }

    /// The child `ticks` ago, with `before` in place of what lies before the start.
    pub fn delay(&mut self, child: Edge, ticks: i64, before: Before) -> Edge {
        if ticks == 0 || self.is_constant(child) && before == Before::Nothing {
            return child;
        }
        self.pure(Op::Delay { ticks, before }, vec![child])
    }

    /// What a bounded past window finds before the start.
    fn before(&self, bounded: bool) -> Before {
        if bounded && !self.cut { Before::WarmUp } else { Before::False }
    }

    /// A watch for the earliest violation of `asked implies promise` over p and q. If these have a memory it stands over
    /// all they rest on, too: what they remember changes before they do.
    pub fn early(&mut self, promise: Promise, asked: Edge, p: Edge, q: Edge) -> Edge {
        let mut children = vec![asked, p, q];
        if self.cut {
            // What lies beyond the recording is not there: nothing can be foreseen of it.
            return self.pure(Op::Early(promise), children);
        }
        let mut beneath: Vec<Edge> = Vec::new();
        let mut next = vec![p, q];
        let mut pieces = 0;
        while let Some(edge) = next.pop() {
            for child in &self.plan(edge).children {
                let child = Edge::to(child.node());
                if !self.plan(child).op.is_number() {
                    beneath.push(child);
                    next.push(child);
                }
            }
            pieces += 1;
            // What is larger is not looked through at every step: it is told when its window has passed.
            if pieces > FORESEEN_MAX {
                return self.pure(Op::Early(promise), children);
            }
        }
        if self.remembers(p) || self.remembers(q) {
            beneath.sort_unstable();
            beneath.dedup();
            children.extend(beneath);
        }
        self.pure(Op::Early(promise), children)
    }

    /// Whether what it will be may be known before its time: it remembers what was, and there is a time beyond now.
    pub fn is_foreseen(&self, edge: Edge) -> bool {
        !self.cut && self.remembers(edge)
    }

    fn remembers(&self, edge: Edge) -> bool {
        let plan = self.plan(edge);
        matches!(plan.op, Op::Once { .. } | Op::Since { .. } | Op::Delay { .. })
            || plan.children.iter().any(|&child| self.remembers(child))
    }

    /// `once` over the window, or with `late` `eventually`.
    pub fn once(&mut self, window: Window, child: Edge, late: bool) -> Edge {
        let child = self.still(child);
        let from = window.from.nanos();
        let width = window.to.map(|to| (to.nanos() - from).max(0).saturating_mul(2));
        if late {
            let lead = window.to.expect("unbounded future operators are rewritten before").nanos();
            return self.node(Op::Once { width, looks_before_start: false }, vec![child], lead);
        }
        let before = self.before(window.to.is_some());
        let shifted = self.delay(child, from, before);
        self.pure(Op::Once { width, looks_before_start: before == Before::WarmUp }, vec![shifted])
    }

    /// Whether the child held within the window, back to the start: before it nothing was asked.
    pub fn asked_before(&mut self, window: Window, child: Edge) -> Edge {
        let child = self.still(child);
        if self.is_true(child) && window.from.nanos() == 0 {
            return child;
        }
        let from = window.from.nanos();
        let width = window.to.map(|to| (to.nanos() - from).max(0).saturating_mul(2));
        let shifted = self.delay(child, from, Before::False);
        self.pure(Op::Once { width, looks_before_start: false }, vec![shifted])
    }

    /// `historically` over the window, or with `late` `always`.
    pub fn historically(&mut self, window: Window, child: Edge, late: bool) -> Edge {
        self.once(window, child.not(), late).not()
    }

    /// The node of a formula.
    pub fn formula(&mut self, formula: &Formula) -> Edge {
        match formula {
            Formula::Always(Window { to: None, .. }, _)
            | Formula::Eventually(Window { to: None, .. }, _)
            | Formula::Until(Window { to: None, .. }, _, _)
            | Formula::Unless(Window { to: None, .. }, _, _) => self.pure(Op::Nothing, Vec::new()),
            Formula::Constant(value) => self.truth(*value),
            Formula::Flag(signal) => self.pure(Op::Flag(signal.0), Vec::new()),
            Formula::State { signal, any_of } => {
                let mut places = any_of.clone();
                places.sort_unstable();
                places.dedup();
                self.pure(Op::State(signal.0, places), Vec::new())
            }
            Formula::Compare { op, left, right, scale } => match op {
                Comparison::Less => self.compare(right, left, true, *scale),
                Comparison::LessEqual => self.compare(right, left, false, *scale),
                Comparison::Greater => self.compare(left, right, true, *scale),
                Comparison::GreaterEqual => self.compare(left, right, false, *scale),
            },
            Formula::In { expr, lo, hi, scale } => {
                let above = self.compare(expr, lo, false, *scale);
                let below = self.compare(hi, expr, false, *scale);
                self.and(vec![above, below])
            }
            Formula::Changed(signal) => self.pure(Op::Changed(signal.0), Vec::new()),
            Formula::Not(inner) => self.formula(inner).not(),
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
                self.pure(Op::Rise, vec![p.not()])
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

    pub fn implies(&mut self, p: Edge, q: Edge) -> Edge {
        self.or(vec![p.not(), q])
    }

    /// Signed distance of `more` above `less`.
    fn compare(&mut self, more: &Number, less: &Number, strict: bool, scale: f64) -> Edge {
        let scale = Key::of(scale);
        match (more, less) {
            (Number::Signal(signal), Number::Constant(limit)) if limit.is_finite() => {
                let limit = Key::of(*limit);
                return self.pure(Op::Limit { signal: signal.0, limit, above: true, strict, scale }, Vec::new());
            }
            (Number::Constant(limit), Number::Signal(signal)) if limit.is_finite() => {
                let limit = Key::of(*limit);
                return self.pure(Op::Limit { signal: signal.0, limit, above: false, strict, scale }, Vec::new());
            }
            _ => {}
        }
        let (more, less) = (self.number(more), self.number(less));
        self.pure(Op::Compare { strict, scale }, vec![more, less])
    }

    fn since(&mut self, window: Window, p: Edge, q: Edge) -> Edge {
        let from = window.from;
        let width = window.to.map(|to| (to - from).nanos().max(0).saturating_mul(2));
        let (p, q) = (self.still(p), self.still(q));
        let before = self.before(window.to.is_some());
        let since = self.pure(Op::Since { width, looks_before_start: before == Before::WarmUp }, vec![p, q]);
        if from.nanos() == 0 {
            return since;
        }
        let held = self.historically(Window { from: crate::time::Span::ZERO, to: Some(from) }, p, false);
        // A moving margin can't come out of `since`, so that a plain delay is `once[a,a]`.
        let earlier = self.delay(since, from.nanos(), before);
        self.and(vec![held, earlier])
    }

    fn until(&mut self, window: Window, p: Edge, q: Edge) -> Edge {
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
    pub fn number(&mut self, number: &Number) -> Edge {
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
                return self.pure(Op::Mean(window.nanos(), false), vec![a]);
            }
            Number::Fraction(window, f) => {
                let f = self.formula(f);
                let share = self.pure(Op::Indicator, vec![f]);
                return self.pure(Op::Mean(window.nanos(), true), vec![share]);
            }
        };
        let children = parts.into_iter().map(|p| self.number(p)).collect();
        self.pure(op, children)
    }
}

fn keys(points: &[(f64, f64)]) -> Vec<(Key, Key)> {
    points.iter().map(|&(x, y)| (Key::of(x), Key::of(y))).collect()
}
