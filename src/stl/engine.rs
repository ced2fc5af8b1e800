//! The loop: closes time slot by slot where something changes, and evaluates only what is dirty, children first.

use super::graph::{Builder, NodeId, Op};
use super::node::{Node, View};
use super::rule::{Moment, Role, Rule};
use super::signals::SignalState;
use super::split;
use super::timetable::Timetable;
use super::value::{NEVER, Slot, Val, slot_of, tick_of, time_of};
use super::{Change, Judgement, Margin, Options, Part, Piece, RuleSpec, Running, SignalSpec, Truth};
use crate::command::RuleId;
use crate::signal::{SignalId, Value};
use crate::time::Time;

/// Judges all rules at once.
///
/// Call [`start`](Engine::start) once, then [`push`](Engine::push) and [`advance`](Engine::advance) in order of time.
/// Stamps stay within ±146 years of zero. A sample older than what is closed is judged at the present instant.
#[derive(Clone, Debug)]
pub struct Engine {
    nodes: Vec<Node>,
    values: Vec<Val>,
    linear: Vec<bool>,
    /// Per node: who depends on it.
    parents: Vec<Vec<NodeId>>,
    /// Per node: which rules watch it, and why.
    watchers: Vec<Vec<(u32, Role)>>,
    signals: Vec<SignalState>,
    /// Per signal: the leaves that read it.
    leaves: Vec<Vec<NodeId>>,
    /// Per signal: the rules that read it otherwise than by age.
    readers: Vec<Vec<RuleId>>,
    rules: Vec<Rule>,
    /// Per rule number: its place.
    places: Vec<u32>,
    /// Deadlines of nodes, then of signals.
    timetable: Timetable,
    dirty: Vec<u64>,
    dirty_any: bool,
    started: bool,
    ended: bool,
    start: Time,
    /// Everything before this slot is closed.
    now: Slot,
    end: Slot,
    pending: Vec<(SignalId, Option<Value>)>,
    pending_at: Time,
    touched: Vec<u32>,
}

impl Engine {
    /// An engine for these rules over signals `0..signals.len()`. Not started.
    /// Panics when a formula reads a signal that is not among them.
    pub fn new(rules: &[RuleSpec], signals: &[SignalSpec]) -> Engine {
        Engine::with(rules, signals, Options::default())
    }

    /// The same with options.
    pub fn with(rules: &[RuleSpec], signals: &[SignalSpec], _options: Options) -> Engine {
        let mut builder = Builder::default();
        let mut watches: Vec<(NodeId, u32, Role)> = Vec::new();
        let mut readers = vec![Vec::new(); signals.len()];
        let mut built = Vec::new();
        for (place, spec) in rules.iter().enumerate() {
            built.push(Rule::build(spec, &mut builder, &mut |node, role| watches.push((node, place as u32, role))));
            for formula in [Some(&spec.body), spec.when.as_ref()].into_iter().flatten() {
                split::signals(formula, &mut |signal, read| {
                    let list: &mut Vec<RuleId> = &mut readers[signal as usize];
                    if read && !list.contains(&spec.id) {
                        list.push(spec.id);
                    }
                });
            }
        }
        let count = builder.plans.len();
        let mut parents = vec![Vec::new(); count];
        let mut leaves = vec![Vec::new(); signals.len()];
        for (id, plan) in builder.plans.iter().enumerate() {
            for &child in &plan.children {
                let list: &mut Vec<NodeId> = &mut parents[child as usize];
                if list.last() != Some(&(id as NodeId)) {
                    list.push(id as NodeId);
                }
            }
            if let Op::Signal(s) | Op::Rate(s) | Op::Age(s) | Op::Flag(s) | Op::State(s, _) | Op::Changed(s) = &plan.op
            {
                leaves[*s as usize].push(id as NodeId);
            }
        }
        let mut watchers = vec![Vec::new(); count];
        for (node, place, role) in watches {
            watchers[node as usize].push((place, role));
        }
        let highest = rules.iter().map(|r| usize::from(r.id.0) + 1).max().unwrap_or(0);
        let mut places = vec![u32::MAX; highest];
        for (place, spec) in rules.iter().enumerate() {
            places[usize::from(spec.id.0)] = place as u32;
        }
        Engine {
            values: vec![Val::UNKNOWN; count],
            linear: builder.plans.iter().map(|p| p.linear).collect(),
            nodes: builder.plans.into_iter().map(Node::new).collect(),
            parents,
            watchers,
            signals: signals.iter().map(|s| SignalState::new(s.stale_after)).collect(),
            leaves,
            readers,
            rules: built,
            places,
            timetable: Timetable::new(count + signals.len()),
            dirty: vec![0; count.div_ceil(64)],
            dirty_any: false,
            started: false,
            ended: false,
            start: Time::ZERO,
            now: 0,
            end: NEVER,
            pending: Vec::new(),
            pending_at: Time::ZERO,
            touched: Vec::new(),
        }
    }

    /// Starts the scope of all rules. `held`: what was heard before, with its own stamps; it holds on from them
    /// (staleness, age), but past windows that reach before `at` see unknown there. What was pushed before counts as
    /// held, too.
    pub fn start(&mut self, at: Time, held: &[(SignalId, Value, Time)], out: &mut Vec<Change>) {
        self.start = at;
        self.started = true;
        self.now = slot_of(at);
        for &(signal, value, stamp) in held {
            self.signals[signal.0 as usize].take(stamp, slot_of(stamp), Some(value));
        }
        for signal in 0..self.signals.len() {
            let state = &mut self.signals[signal];
            // A sample stamped exactly at the deadline, which may be the start, is still in time.
            if state.stale_at < self.now {
                state.forget();
            }
            let stale_at = state.stale_at;
            self.timetable.set(self.nodes.len() + signal, stale_at);
            self.tell_blind(signal, out);
        }
        for id in 0..self.nodes.len() {
            let node = &mut self.nodes[id];
            node.begin = self.now.saturating_add(node.horizon.saturating_mul(2));
            node.heed_from = node.begin - node.lead.saturating_mul(2);
            if node.horizon == 0 {
                self.mark(id as NodeId);
            } else {
                self.timetable.set(id, self.nodes[id].begin);
            }
        }
    }

    /// Takes the samples of one instant. Judged when the instant closes: at a later `push` or `advance`.
    pub fn push(&mut self, at: Time, batch: &[(SignalId, Value)], out: &mut Vec<Change>) {
        let at = self.open_instant(at, out);
        if !self.started {
            for &(signal, value) in batch {
                self.signals[signal.0 as usize].take(at, slot_of(at), Some(value));
            }
            return;
        }
        self.pending.extend(batch.iter().map(|&(signal, value)| (signal, Some(value))));
    }

    /// Marks signals whose device died as unknown from `at` on (`every: change`), or alive again with a new sample.
    pub fn lose(&mut self, at: Time, signals: &[SignalId], out: &mut Vec<Change>) {
        let at = self.open_instant(at, out);
        if !self.started {
            for signal in signals {
                self.signals[signal.0 as usize].take(at, slot_of(at), None);
            }
            return;
        }
        self.pending.extend(signals.iter().map(|&signal| (signal, None)));
    }

    /// Closes every instant before `to`.
    pub fn advance(&mut self, to: Time, out: &mut Vec<Change>) {
        if self.started {
            self.close(slot_of(to), out);
        }
    }

    /// The next instant at which something can change with no sample arriving; `advance` past it (to at least one ns
    /// later) tells what.
    pub fn next_deadline(&self) -> Option<Time> {
        if !self.started {
            return None;
        }
        if !self.pending.is_empty() {
            return Some(self.pending_at);
        }
        if self.dirty_any {
            return Some(time_of(self.now));
        }
        match self.timetable.peek() {
            NEVER => None,
            slot => Some(time_of(slot)),
        }
    }

    /// Truth and margin of the rule's inner formula at the last closed instant, for step formulas, `safe` and `when`
    /// (past only; of a formula about the future, those of the last instant that is decided).
    pub fn now(&self, rule: RuleId) -> (Truth, Margin) {
        let unknown = (Truth::Unknown, Margin { lo: f64::NEG_INFINITY, hi: f64::INFINITY });
        let Some(rule) = self.rule(rule) else { return unknown };
        if !self.nodes[rule.body as usize].begun {
            return unknown;
        }
        let value = self.values[rule.body as usize];
        let (lo, hi) = value.at(tick_of(self.now - 1));
        (value.bits.truth(), Margin { lo, hi })
    }

    /// The rule's margin over its scope so far: infimum of what is decided, with the instant of the smallest upper end.
    /// The whole line when nothing is decided yet.
    pub fn margin(&self, rule: RuleId) -> (Margin, Option<Time>) {
        match self.rule(rule) {
            Some(rule) => rule.margin(self.now, rule.main_horizon.saturating_mul(2), self.end),
            None => (Margin { lo: f64::NEG_INFINITY, hi: f64::INFINITY }, None),
        }
    }

    /// How the rule stands while its scope goes on.
    pub fn running(&self, rule: RuleId) -> Running {
        let (decided, worst_at) = self.margin(rule);
        let violated = self.rule(rule).is_some_and(|r| r.is_violated());
        let truth = if violated { Truth::False } else { Truth::Unknown };
        Running { decided, worst_at, early_hi: decided.hi, truth }
    }

    /// The nodes that the rule rests on, children first.
    pub fn parts(&self, rule: RuleId) -> Vec<Part> {
        let Some(rule) = self.rule(rule) else { return Vec::new() };
        let mut wanted = vec![false; self.nodes.len()];
        wanted[rule.body as usize] = true;
        for id in (0..self.nodes.len()).rev() {
            if wanted[id] {
                for &child in &self.nodes[id].children {
                    wanted[child as usize] = true;
                }
            }
        }
        let part = |id: usize| Part {
            id: id as u32,
            what: format!("{:?}", self.nodes[id].op),
            children: self.nodes[id].children.iter().map(|&c| (c, false)).collect(),
            late: crate::time::Span::from_nanos(self.nodes[id].horizon),
            entries: 0,
            bytes: 0,
        };
        (0..self.nodes.len()).filter(|&id| wanted[id]).map(part).collect()
    }

    /// Bytes of memory that the engine works in, allocated before the first sample and never exceeded.
    pub fn bytes(&self) -> usize {
        0
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

    /// True while some obligation of the rule is still open: a decision needs more time.
    pub fn open(&self, rule: RuleId) -> bool {
        self.rule(rule).is_some_and(|rule| rule.is_open(self.now))
    }

    /// The script is over at `at`: later instants are still judged, but what only the end of the record leaves undecided
    /// there makes no rule inconclusive.
    pub fn close_scope(&mut self, at: Time) {
        for rule in &mut self.rules {
            rule.close_scope(slot_of(at));
        }
    }

    /// Ends the scope at `end` (closed); everything after is unknown. An end before what is closed already is moved there.
    pub fn finish(self, end: Time) -> Vec<Judgement> {
        self.finish_pieces(end, &mut Vec::new())
    }

    /// The same, and hands over what was decided since the last [`take_pieces`](Engine::take_pieces), with what only the
    /// end of the record decides: by rule, in order of time.
    pub fn finish_pieces(mut self, end: Time, out: &mut Vec<(RuleId, Piece)>) -> Vec<Judgement> {
        let pieces = out;
        for rule in &mut self.rules {
            rule.keep_all_pieces();
        }
        if !self.started {
            return self.rules.iter().map(|rule| rule.judge(0, 0, -1)).collect();
        }
        let mut out = Vec::new();
        let end = slot_of(end).max(self.now - 1);
        self.close(end + 1, &mut out);
        // What was stamped later is beyond the scope.
        self.pending.clear();
        self.touched.clear();
        self.end = end;
        self.ended = true;
        for rule in &mut self.rules {
            rule.record_ended();
        }
        for signal in &mut self.signals {
            signal.forget();
        }
        for item in self.nodes.len()..self.nodes.len() + self.signals.len() {
            self.timetable.set(item, NEVER);
        }
        for signal in 0..self.leaves.len() {
            for i in 0..self.leaves[signal].len() {
                self.mark(self.leaves[signal][i]);
            }
        }
        for id in 0..self.nodes.len() {
            if self.nodes[id].op == Op::InScope {
                self.mark(id as NodeId);
            }
        }
        let latest = self.rules.iter().map(|r| r.main_horizon).max().unwrap_or(0);
        let latest = latest.max(self.nodes.iter().map(|n| n.horizon).max().unwrap_or(0));
        self.close(end.saturating_add(latest.saturating_mul(2)).saturating_add(2), &mut out);
        let mut rules = std::mem::take(&mut self.rules);
        let mut last = Vec::new();
        for rule in &mut rules {
            rule.take_pieces(&mut last);
            pieces.extend(last.drain(..).map(|piece| (rule.id, piece)));
        }
        rules.iter().map(|rule| rule.judge(self.now, rule.main_horizon.saturating_mul(2), end)).collect()
    }

    /// How many nodes the shared graph has.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    fn rule(&self, rule: RuleId) -> Option<&Rule> {
        let place = *self.places.get(usize::from(rule.0))?;
        self.rules.get(place as usize)
    }

    fn mark(&mut self, node: NodeId) {
        self.dirty[node as usize / 64] |= 1 << (node % 64);
        self.dirty_any = true;
    }

    /// Closes what lies before `at` and returns the instant at which new samples count.
    fn open_instant(&mut self, at: Time, out: &mut Vec<Change>) -> Time {
        if !self.started {
            return at;
        }
        let slot = slot_of(at);
        if slot > self.now {
            self.close(slot, out);
        }
        // A closed instant is not judged again: a late sample counts from the first open one.
        let at = Time::from_nanos((self.now + 1) >> 1).max(at);
        self.pending_at = at;
        at
    }

    /// Closes every slot before `end`.
    fn close(&mut self, end: Slot, out: &mut Vec<Change>) {
        while self.now < end {
            let arrived = slot_of(self.pending_at);
            let pending = !self.pending.is_empty();
            if pending && arrived == self.now {
                self.arrive(out);
            }
            self.step(out);
            let mut next = end.min(self.timetable.next());
            if pending && arrived > self.now {
                next = next.min(arrived);
            }
            if !self.touched.is_empty() {
                next = self.now + 1;
                self.settle(out);
            }
            self.now = next;
        }
        // So that the next deadline can be read without looking for it.
        self.timetable.next();
    }

    /// The samples of the present instant take effect.
    fn arrive(&mut self, out: &mut Vec<Change>) {
        let mut pending = std::mem::take(&mut self.pending);
        for &(signal, value) in &pending {
            let place = signal.0 as usize;
            let state = &mut self.signals[place];
            state.take(self.pending_at, self.now, value);
            let stale_at = state.stale_at;
            self.timetable.set(self.nodes.len() + place, stale_at);
            for i in 0..self.leaves[place].len() {
                self.mark(self.leaves[place][i]);
            }
            if self.signals[place].crowded(self.now) {
                self.touched.push(signal.0);
            }
        }
        for &(signal, _) in &pending {
            self.tell_blind(signal.0 as usize, out);
        }
        pending.clear();
        self.pending = pending;
    }

    /// After an instant with several values of one signal the last one holds.
    fn settle(&mut self, out: &mut Vec<Change>) {
        let now = self.now;
        self.now = now + 1;
        let mut touched = std::mem::take(&mut self.touched);
        for &signal in &touched {
            for i in 0..self.leaves[signal as usize].len() {
                self.mark(self.leaves[signal as usize][i]);
            }
            self.tell_blind(signal as usize, out);
        }
        touched.clear();
        self.touched = touched;
        self.now = now;
    }

    fn tell_blind(&mut self, signal: usize, out: &mut Vec<Change>) {
        let state = &mut self.signals[signal];
        let unknown = state.is_unknown(self.now);
        if state.blind != unknown {
            state.blind = unknown;
            let at = time_of(self.now);
            for &rule in &self.readers[signal] {
                out.push(Change::Blind { rule, signal: SignalId(signal as u32), unknown, at });
            }
        }
    }

    /// Does what is due at the present slot and brings every node up to date.
    fn step(&mut self, out: &mut Vec<Change>) {
        while let Some(item) = self.timetable.pop(self.now) {
            if item < self.nodes.len() {
                self.mark(item as NodeId);
            } else {
                let signal = item - self.nodes.len();
                self.signals[signal].forget();
                for i in 0..self.leaves[signal].len() {
                    self.mark(self.leaves[signal][i]);
                }
                self.tell_blind(signal, out);
            }
        }
        if !self.dirty_any {
            return;
        }
        self.dirty_any = false;
        for word in 0..self.dirty.len() {
            // Parents stand behind their children: what gets dirty on the way lies ahead.
            while self.dirty[word] != 0 {
                let bit = self.dirty[word].trailing_zeros();
                self.dirty[word] &= !(1 << bit);
                self.refresh(word * 64 + bit as usize, out);
            }
        }
    }

    fn refresh(&mut self, id: usize, out: &mut Vec<Change>) {
        let now = self.now;
        let node = &mut self.nodes[id];
        if now < node.heed_from {
            // It begins with its last child; until then there is nothing to take in.
            self.timetable.set(id, node.begin);
            return;
        }
        let view = View {
            now,
            start: self.start,
            ended: self.ended,
            values: &self.values,
            linear: &self.linear,
            signals: &self.signals,
        };
        let (value, next) = node.eval(&view);
        let begins = !node.begun && now >= node.begin;
        node.begun |= begins;
        let due = if node.begun { next } else { next.min(node.begin) };
        let tell = node.begun && (begins || value != self.values[id]);
        let late = node.horizon.saturating_mul(2);
        let broken = if self.watchers[id].is_empty() { None } else { node.broken() };
        self.timetable.set(id, due);
        self.values[id] = value;
        if !tell {
            return;
        }
        for &parent in &self.parents[id] {
            self.dirty[parent as usize / 64] |= 1 << (parent % 64);
        }
        for i in 0..self.watchers[id].len() {
            let (place, role) = self.watchers[id][i];
            self.rules[place as usize].take(role, &value, broken, Moment { now, late, end: self.end }, out);
        }
    }
}
