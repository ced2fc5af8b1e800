//! What an engine tells when it is asked: how rules stand, and what they rest on.

use super::{Engine, Link};
use crate::command::RuleId;
use crate::stl::graph::Edge;
use crate::stl::node::Node;
use crate::stl::rule::Rule;
use crate::stl::value::{Val, tick_of};
use crate::stl::{Margin, Part, Piece, Running, Truth};
use crate::time::{Span, Time};

impl Engine {
    /// Truth and margin of the rule's inner formula at the last closed instant, for step formulas, `safe` and `when`
    /// (past only; of a formula about the future, those of the last instant that is decided).
    pub fn now(&self, rule: RuleId) -> (Truth, Margin) {
        let unknown = (Truth::Unknown, Margin { lo: f64::NEG_INFINITY, hi: f64::INFINITY });
        let Some(rule) = self.rule(rule) else { return unknown };
        if !self.nodes[rule.body.place()].begun {
            return unknown;
        }
        let value = self.val(rule.body);
        let (lo, hi) = value.at(tick_of(self.view.now - 1));
        (value.flat.bits.truth(), Margin { lo: lo + 0.0, hi: hi + 0.0 })
    }

    fn val(&self, edge: Edge) -> Val {
        let ramp = self.view.ramps.get(self.view.ramp_places[edge.place()] as usize).copied().flatten();
        let value = Val { flat: self.view.values[edge.place()], ramp };
        if edge.is_negated() { value.not() } else { value }
    }

    /// The rule's margin over its scope so far: infimum of what is decided, with the instant of the smallest upper end.
    /// The whole line when nothing is decided yet.
    pub fn margin(&self, rule: RuleId) -> (Margin, Option<Time>) {
        match self.rule(rule) {
            Some(rule) => rule.margin(self.view.now, rule.main_horizon.saturating_mul(2), self.end),
            None => (Margin { lo: f64::NEG_INFINITY, hi: f64::INFINITY }, None),
        }
    }

    /// How the rule stands while its scope goes on.
    pub fn running(&self, rule: RuleId) -> Running {
        match self.rule(rule) {
            Some(rule) => rule.running(self.view.now, rule.main_horizon.saturating_mul(2), self.end),
            None => Running {
                decided: Margin { lo: f64::NEG_INFINITY, hi: f64::INFINITY },
                worst_at: None,
                early_hi: f64::INFINITY,
                truth: Truth::Unknown,
            },
        }
    }

    /// The nodes that the rule rests on, children first.
    pub fn parts(&self, rule: RuleId) -> Vec<Part> {
        let wanted = self.reach(rule, Vec::new());
        let part = |id: usize| {
            let plan = &self.plans[id];
            Part {
                id: id as u32,
                what: plan.op.words(),
                children: plan.children.iter().map(|child| (child.node(), child.is_negated())).collect(),
                late: Span::from_nanos(plan.horizon),
                entries: self.rooms[id],
                bytes: self.node_bytes(id),
            }
        };
        (0..self.plans.len()).filter(|&id| wanted[id]).map(part).collect()
    }

    /// Per node whether the rule rests on it.
    pub(super) fn reach(&self, rule: RuleId, mut wanted: Vec<bool>) -> Vec<bool> {
        wanted.clear();
        wanted.resize(self.plans.len(), false);
        let Some(&place) = self.places.get(usize::from(rule.0)) else { return wanted };
        if let Some(rule) = self.rules.get(place as usize) {
            wanted[rule.body.place()] = true;
        }
        for id in (0..self.plans.len()).rev() {
            wanted[id] |= self.links[id].watches.iter().any(|watch| watch.rule == place);
            if wanted[id] {
                for child in &self.plans[id].children {
                    wanted[child.place()] = true;
                }
            }
        }
        wanted
    }

    fn node_bytes(&self, id: usize) -> usize {
        let plan = &self.plans[id];
        let is_bare = plan.children.first().is_some_and(|child| self.plans[child.place()].bare);
        size_of::<Node>() + Node::bytes(plan, is_bare, self.rooms[id])
    }

    /// Bytes of memory that the engine works in, allocated before the first sample and never exceeded.
    pub fn bytes(&self) -> usize {
        fn list<T>(list: &Vec<T>) -> usize {
            list.capacity() * size_of::<T>()
        }
        let nodes: usize = (0..self.plans.len()).map(|id| self.node_bytes(id) - size_of::<Node>()).sum();
        let neighbours = |link: &Link| size_of_val(&*link.parents) + size_of_val(&*link.watches);
        let links: usize = self.links.iter().map(neighbours).sum();
        let leaves: usize = self.inputs.iter().map(|input| size_of_val(&*input.leaves)).sum();
        let plans: usize = self.plans.iter().map(|plan| list(&plan.children) + plan.op.bytes()).sum();
        let rules: usize = self.rules.iter().map(Rule::bytes).sum();
        let readers: usize = self.readers.iter().map(list).sum();
        let lists = list(&self.nodes) + list(&self.links) + list(&self.view.values) + list(&self.view.ramps);
        let lists = lists + list(&self.view.ramp_places) + list(&self.view.signals) + list(&self.plans);
        let lists = lists + list(&self.rooms) + list(&self.inputs) + list(&self.readers) + list(&self.rules);
        let lists = lists + list(&self.places) + list(&self.items) + self.dirty.bytes() + list(&self.touched);
        let lists = lists + list(&self.turned) + list(&self.merged) + list(&self.scratch) + self.timetable.bytes();
        size_of::<Engine>() + nodes + links + leaves + plans + rules + readers + lists
    }

    /// Margins of instants decided since the last call, per rule, in order: what the margin strip draws.
    pub fn take_decided(&mut self, rule: RuleId, out: &mut Vec<(Time, Margin)>) {
        let mut pieces = Vec::new();
        self.take_pieces(rule, &mut pieces);
        out.extend(pieces.into_iter().map(|piece| (piece.at, piece.margin)));
    }

    /// The same with truth, and with what holds at an instant told apart from what holds after it. Each piece lasts to
    /// the next one; when nobody asks for long, of neighbours only the smaller are kept.
    pub fn take_pieces(&mut self, rule: RuleId, out: &mut Vec<Piece>) {
        if let Some(&place) = self.places.get(usize::from(rule.0))
            && let Some(rule) = self.rules.get_mut(place as usize)
        {
            rule.take_pieces(out);
        }
    }

    /// From here on no decided piece is dropped, however long nobody asks: for readers that take each one.
    pub fn keep_all_pieces(&mut self) {
        for rule in &mut self.rules {
            rule.keep_all_pieces();
        }
    }

    /// True while some obligation of the rule is still open: a decision needs more time.
    pub fn open(&self, rule: RuleId) -> bool {
        self.rule(rule).is_some_and(|rule| rule.is_open(self.view.now))
    }

    /// How many nodes the shared graph has.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn rule(&self, rule: RuleId) -> Option<&Rule> {
        let place = *self.places.get(usize::from(rule.0))?;
        self.rules.get(place as usize)
    }
}
