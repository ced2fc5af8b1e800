//! The loop: closes time slot by slot where something changes, and evaluates only what is dirty, children first.

use super::graph::{Builder, Edge, Op, Plan};
use super::node::{Node, View, Work};
use super::ops::Lasts;
use super::room;
use super::rule::{Moment, Role, Rule};
use super::signals::{Memories, SignalState};
use super::split;
use super::timetable::Timetable;
use super::value::{Flat, NEVER, Slot, Val, slot_of, tick_of, time_of};
use super::{Change, Judgement, Margin, Options, Outside, Part, Piece, RuleSpec, Running, SignalSpec, Truth};
use crate::command::RuleId;
use crate::signal::{SignalId, Value};
use crate::time::{Span, Time};

/// Judges all rules at once.
///
/// Call [`start`](Engine::start) once, then [`push`](Engine::push) and [`advance`](Engine::advance) in order of time.
/// Stamps stay within ±146 years of zero. A sample older than what is closed is judged at the present instant, and told
/// as [`Change::Late`]. All memory is allocated by [`new`](Engine::new), but for the pieces that
/// [`Options::pieces`] asks for and what is told in the lists of the caller.
#[derive(Clone, Debug)]
pub struct Engine {
    nodes: Vec<Node>,
    links: Vec<Link>,
    /// The values of the nodes and signals, and the time.
    view: View,
    plans: Vec<Plan>,
    rooms: Vec<usize>,
    inputs: Vec<Input>,
    /// Per signal: the rules that read it, and whether otherwise than by age.
    readers: Vec<Vec<(RuleId, bool)>>,
    rules: Vec<Rule>,
    /// Per rule number: its place.
    places: Vec<u32>,
    /// Deadlines of the nodes and signals that may change by themselves.
    timetable: Timetable,
    /// Which node, or past the nodes which signal, an item of the timetable is.
    items: Vec<u32>,
    /// Nodes whose children changed.
    dirty: Dirty,
    started: bool,
    end: Slot,
    /// Signals that told several values at the present instant.
    touched: Vec<u32>,
    /// Signals that became unknown or known at the present instant, told when it closes.
    turned: Vec<u32>,
    /// Samples came at the present instant, which is not closed.
    arrived: bool,
    /// Rules that were told that memory was merged.
    merged: Vec<RuleId>,
    /// Room for looking up what rests on a node.
    scratch: Vec<bool>,
}

/// Who depends on a node, and who watches it.
#[derive(Clone, Debug)]
struct Link {
    parents: Box<[u32]>,
    watches: Box<[Watch]>,
    /// Its item in the timetable, or `u32::MAX`.
    item: u32,
    /// Its value is about instants that many slots before.
    late: i64,
}

#[derive(Copy, Clone, Debug)]
struct Watch {
    rule: u32,
    negated: bool,
    /// Of interest only when the truth changes, not the margin.
    truth_only: bool,
    role: Role,
}

/// What a signal sets going.
#[derive(Clone, Debug)]
struct Input {
    leaves: Box<[u32]>,
    /// The item of its staleness in the timetable, or `u32::MAX`.
    item: u32,
}

/// Which nodes are to be brought up to date: one bit each, and one for each group of words of these.
#[derive(Clone, Debug)]
struct Dirty {
    nodes: Vec<u64>,
    groups: u64,
    /// A group has 2 to the power of this many words.
    group_bits: u32,
}

impl Dirty {
    fn new(nodes: usize) -> Dirty {
        let words = nodes.div_ceil(64);
        let group_bits = words.div_ceil(64).next_power_of_two().trailing_zeros();
        Dirty { nodes: vec![0; words], groups: 0, group_bits }
    }

    #[inline]
    fn mark(&mut self, node: u32) {
        let word = node / 64;
        self.nodes[word as usize] |= 1 << (node % 64);
        self.groups |= 1 << (word >> self.group_bits);
    }

    /// The first of them. Parents stand behind their children: what gets marked on the way lies ahead.
    #[inline]
    fn pop(&mut self) -> Option<usize> {
        while self.groups != 0 {
            let first = (self.groups.trailing_zeros() << self.group_bits) as usize;
            let last = self.nodes.len().min(first + (1 << self.group_bits));
            for word in first..last {
                let nodes = &mut self.nodes[word];
                if *nodes != 0 {
                    let node = word * 64 + nodes.trailing_zeros() as usize;
                    *nodes &= *nodes - 1;
                    return Some(node);
                }
            }
            self.groups &= self.groups - 1;
        }
        None
    }
}

impl Engine {
    /// An engine for these rules over signals `0..signals.len()`. Not started.
    /// Panics when a formula reads a signal that is not among them.
    pub fn new(rules: &[RuleSpec], signals: &[SignalSpec]) -> Engine {
        Engine::with(rules, signals, Options::default())
    }

    /// The same with options.
    pub fn with(rules: &[RuleSpec], signals: &[SignalSpec], options: Options) -> Engine {
        let cut = options.outside == Outside::Cut;
        let mut builder = Builder::new(cut);
        let mut found: Vec<(Edge, Watch)> = Vec::new();
        let mut readers: Vec<Vec<(RuleId, bool)>> = vec![Vec::new(); signals.len()];
        let mut built = Vec::new();
        for (place, spec) in rules.iter().enumerate() {
            built.push(Rule::build(spec, &mut builder, options.pieces, &mut |edge, role| {
                let truth_only = role.is_about_truth();
                found.push((edge, Watch { rule: place as u32, negated: edge.is_negated(), truth_only, role }));
            }));
            for formula in [Some(&spec.body), spec.when.as_ref()].into_iter().flatten() {
                split::signals(formula, &mut |signal, read| {
                    let list = &mut readers[signal as usize];
                    match list.iter_mut().find(|(rule, _)| *rule == spec.id) {
                        Some((_, known)) => *known |= read,
                        None => list.push((spec.id, read)),
                    }
                });
            }
        }
        let plans = builder.plans;
        let count = plans.len();
        let rooms = room::plan(&plans, signals, options.burst);
        let mut parents: Vec<Vec<u32>> = vec![Vec::new(); count];
        let mut leaves: Vec<Vec<u32>> = vec![Vec::new(); signals.len()];
        let mut memories = vec![Memories::default(); signals.len()];
        for (id, plan) in plans.iter().enumerate() {
            for child in &plan.children {
                let list = &mut parents[child.place()];
                if list.last() != Some(&(id as u32)) {
                    list.push(id as u32);
                }
            }
            if let Some(signal) = plan.op.signal() {
                leaves[signal as usize].push(id as u32);
                memories[signal as usize].changes |= matches!(plan.op, Op::Changed(_));
                memories[signal as usize].rates |= matches!(plan.op, Op::Rate(_));
            }
        }
        let mut watches: Vec<Vec<Watch>> = vec![Vec::new(); count];
        for (edge, watch) in found {
            watches[edge.place()].push(watch);
        }
        let nodes: Vec<Node> = plans
            .iter()
            .zip(&rooms)
            .map(|(plan, &room)| {
                let child = plan.children.first().map(|child| &plans[child.place()]);
                let is_bare = child.is_some_and(|child| child.bare);
                Node::new(plan, is_bare, is_number(&plans, plan), room)
            })
            .collect();
        let mut items: Vec<u32> = Vec::new();
        let mut item_of = |wanted: bool, what: usize| {
            if wanted {
                items.push(what as u32);
                items.len() as u32 - 1
            } else {
                u32::MAX
            }
        };
        let links = (0..count)
            .map(|id| Link {
                parents: std::mem::take(&mut parents[id]).into_boxed_slice(),
                watches: std::mem::take(&mut watches[id]).into_boxed_slice(),
                item: item_of(nodes[id].timed || plans[id].horizon > 0, id),
                late: plans[id].horizon.saturating_mul(2),
            })
            .collect();
        let inputs = (0..signals.len())
            .map(|signal| Input {
                leaves: std::mem::take(&mut leaves[signal]).into_boxed_slice(),
                item: item_of(signals[signal].stale_after.is_some(), count + signal),
            })
            .collect();
        let mut ramp_places = vec![u32::MAX; count];
        let mut ramps = 0;
        for (id, plan) in plans.iter().enumerate() {
            if plan.linear {
                ramp_places[id] = ramps;
                ramps += 1;
            }
        }
        let highest = rules.iter().map(|r| usize::from(r.id.0) + 1).max().unwrap_or(0);
        let mut places = vec![u32::MAX; highest];
        for (place, spec) in rules.iter().enumerate() {
            places[usize::from(spec.id.0)] = place as u32;
        }
        Engine {
            view: View {
                now: 0,
                start: Time::ZERO,
                ended: false,
                cut,
                values: vec![Flat::UNKNOWN; count],
                ramps: vec![None; ramps as usize],
                ramp_places,
                signals: signals.iter().zip(memories).map(|(s, m)| SignalState::new(s.stale_after, m)).collect(),
            },
            nodes,
            links,
            plans,
            rooms,
            inputs,
            readers,
            rules: built,
            places,
            timetable: Timetable::new(items.len()),
            items,
            dirty: Dirty::new(count),
            started: false,
            end: NEVER,
            touched: Vec::with_capacity(signals.len()),
            turned: Vec::with_capacity(signals.len()),
            arrived: false,
            merged: Vec::with_capacity(rules.len()),
            scratch: vec![false; count],
        }
    }

    /// Starts the scope of all rules. `held`: what was heard before, with its own stamps; it holds on from them
    /// (staleness, age), but past windows that reach before `at` see unknown there. What was pushed before counts as
    /// held, too.
    pub fn start(&mut self, at: Time, held: &[(SignalId, Value, Time)], out: &mut Vec<Change>) {
        self.view.start = at;
        self.started = true;
        self.view.now = slot_of(at);
        for rule in &mut self.rules {
            rule.start(self.view.now);
        }
        for &(signal, value, stamp) in held {
            self.view.signals[signal.0 as usize].take(stamp, slot_of(stamp), Some(value));
        }
        for signal in 0..self.view.signals.len() {
            let state = &mut self.view.signals[signal];
            // A sample stamped exactly at the deadline, which may be the start, is still in time.
            if state.stale_at < self.view.now {
                state.forget();
            }
            let stale_at = state.stale_at;
            let item = self.inputs[signal].item;
            if item != u32::MAX {
                self.timetable.set(item as usize, stale_at);
            }
            self.tell_blind(signal, out);
        }
        for id in 0..self.nodes.len() {
            let plan = &self.plans[id];
            let node = &mut self.nodes[id];
            node.begin = self.view.now.saturating_add(plan.horizon.saturating_mul(2));
            node.heed_from = node.begin - plan.lead.saturating_mul(2);
            if plan.horizon == 0 {
                self.mark(id as u32);
            } else {
                let begin = node.begin;
                self.timetable.set(self.links[id].item as usize, begin);
            }
        }
    }

    /// Takes the samples of one instant. Judged when the instant closes: at a later `push` or `advance`.
    pub fn push(&mut self, at: Time, batch: &[(SignalId, Value)], out: &mut Vec<Change>) {
        if !self.started {
            for &(signal, value) in batch {
                self.view.signals[signal.0 as usize].take(at, slot_of(at), Some(value));
            }
            return;
        }
        let stamp = at;
        let at = self.open_instant(at, out);
        if at != stamp {
            self.tell_late(batch, stamp, at, out);
        }
        for &(signal, value) in batch {
            self.arrive(at, signal.0 as usize, Some(value));
        }
    }

    /// Marks signals whose device died as unknown from `at` on (`every: change`), or alive again with a new sample.
    pub fn lose(&mut self, at: Time, signals: &[SignalId], out: &mut Vec<Change>) {
        if !self.started {
            for signal in signals {
                self.view.signals[signal.0 as usize].take(at, slot_of(at), None);
            }
            return;
        }
        let at = self.open_instant(at, out);
        for &signal in signals {
            self.arrive(at, signal.0 as usize, None);
        }
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
        if self.arrived || self.dirty.groups != 0 {
            return Some(time_of(self.view.now));
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
    fn reach(&self, rule: RuleId, mut wanted: Vec<bool>) -> Vec<bool> {
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
        let lists = lists + list(&self.places) + list(&self.items) + list(&self.dirty.nodes) + list(&self.touched);
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

    /// The same; with [`Options::pieces`] hands over the pieces not taken yet and those that only the end decides.
    pub fn finish_pieces(mut self, end: Time, pieces: &mut Vec<(RuleId, Piece)>) -> Vec<Judgement> {
        if !self.started {
            return self.rules.iter().map(|rule| rule.judge(0, 0, -1, self.view.cut)).collect();
        }
        let mut out = Vec::new();
        // What was stamped later is beyond the scope: it was never closed.
        let end = slot_of(end).max(self.view.now - 1);
        self.close(end + 1, &mut out);
        self.touched.clear();
        self.turned.clear();
        self.end = end;
        self.view.ended = true;
        for rule in &mut self.rules {
            rule.record_ended(end);
        }
        for signal in &mut self.view.signals {
            signal.forget();
        }
        for signal in 0..self.inputs.len() {
            let item = self.inputs[signal].item;
            if item != u32::MAX {
                self.timetable.set(item as usize, NEVER);
            }
            self.mark_leaves(signal);
        }
        for id in 0..self.nodes.len() {
            if self.plans[id].op == Op::InScope {
                self.mark(id as u32);
            }
            self.cut_window(id, end);
        }
        let latest = self.plans.iter().map(|plan| plan.horizon).max().unwrap_or(0);
        let latest = self.rules.iter().map(|r| r.main_horizon).max().unwrap_or(0).max(latest);
        self.close(end.saturating_add(latest.saturating_mul(2)).saturating_add(2), &mut out);
        let mut own = Vec::new();
        for rule in &mut self.rules {
            rule.note_end(self.view.now, rule.main_horizon.saturating_mul(2), end);
            rule.take_pieces(&mut own);
            pieces.extend(own.drain(..).map(|piece| (rule.id, piece)));
        }
        let judge = |rule: &Rule| rule.judge(self.view.now, rule.main_horizon.saturating_mul(2), end, self.view.cut);
        self.rules.iter().map(judge).collect()
    }

    /// Where windows are cut, a future operator finds nothing beyond the end of the recording.
    fn cut_window(&mut self, id: usize, end: Slot) {
        let plan = &self.plans[id];
        let looks_ahead = plan.lead > 0 && matches!(plan.op, Op::Once { .. } | Op::Until { .. });
        if !self.view.cut || !looks_ahead || self.plans[plan.children[0].place()].op == Op::InScope {
            return;
        }
        self.nodes[id].cut_at = end + 1 + (plan.horizon - plan.lead).saturating_mul(2);
        self.mark(id as u32);
    }

    /// How many nodes the shared graph has.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    fn rule(&self, rule: RuleId) -> Option<&Rule> {
        let place = *self.places.get(usize::from(rule.0))?;
        self.rules.get(place as usize)
    }

    fn mark(&mut self, node: u32) {
        self.dirty.mark(node);
    }

    fn mark_leaves(&mut self, signal: usize) {
        for &leaf in &self.inputs[signal].leaves {
            self.dirty.mark(leaf);
        }
    }

    /// Closes what lies before `at` and returns the instant at which new samples count.
    fn open_instant(&mut self, at: Time, out: &mut Vec<Change>) -> Time {
        let slot = slot_of(at);
        if slot == self.view.now {
            return at;
        }
        if slot > self.view.now {
            self.close(slot, out);
            return at;
        }
        // A closed instant is not judged again: a late sample counts from the first open one.
        let open = (self.view.now + 1) & !1;
        if open > self.view.now {
            self.close(open, out);
        }
        time_of(open)
    }

    /// A sample of the present instant takes effect.
    #[inline]
    fn arrive(&mut self, at: Time, signal: usize, value: Option<Value>) {
        let now = self.view.now;
        let state = &mut self.view.signals[signal];
        if state.take(at, now, value) {
            self.touched.push(signal as u32);
        }
        let input = &self.inputs[signal];
        if input.item != u32::MAX {
            self.timetable.set(input.item as usize, state.stale_at);
        }
        let turned = state.is_unknown(now) != state.blind;
        for &leaf in &input.leaves {
            self.dirty.mark(leaf);
        }
        self.arrived = true;
        if turned {
            self.note_turn(signal as u32);
        }
    }

    #[cold]
    fn note_turn(&mut self, signal: u32) {
        if !self.turned.contains(&signal) {
            self.turned.push(signal);
        }
    }

    #[cold]
    fn tell_late(&mut self, batch: &[(SignalId, Value)], stamp: Time, at: Time, out: &mut Vec<Change>) {
        for &(signal, _) in batch {
            for &(rule, _) in &self.readers[signal.0 as usize] {
                out.push(Change::Late { rule, signal, stamp, at });
            }
        }
    }

    /// Closes every slot before `end`.
    fn close(&mut self, end: Slot, out: &mut Vec<Change>) {
        while self.view.now < end {
            if !self.turned.is_empty() {
                self.tell_turned(out);
            }
            if self.timetable.peek() <= self.view.now {
                self.pop(out);
            }
            if self.dirty.groups != 0 {
                self.step(out);
            }
            self.arrived = false;
            if self.touched.is_empty() {
                self.view.now = end.min(self.timetable.next());
            } else {
                self.settle(out);
            }
        }
    }

    /// After an instant with several values of one signal the last one holds.
    #[cold]
    fn settle(&mut self, out: &mut Vec<Change>) {
        self.view.now += 1;
        while let Some(signal) = self.touched.pop() {
            self.mark_leaves(signal as usize);
            self.tell_blind(signal as usize, out);
        }
    }

    #[cold]
    fn tell_turned(&mut self, out: &mut Vec<Change>) {
        for i in 0..self.turned.len() {
            self.tell_blind(self.turned[i] as usize, out);
        }
        self.turned.clear();
    }

    fn tell_blind(&mut self, signal: usize, out: &mut Vec<Change>) {
        let state = &mut self.view.signals[signal];
        let unknown = state.is_unknown(self.view.now);
        if state.blind != unknown {
            state.blind = unknown;
            let at = time_of(self.view.now);
            for &(rule, known) in &self.readers[signal] {
                if known {
                    out.push(Change::Blind { rule, signal: SignalId(signal as u32), unknown, at });
                }
            }
        }
    }

    /// Does what is due at the present slot.
    fn pop(&mut self, out: &mut Vec<Change>) {
        while let Some(item) = self.timetable.pop(self.view.now) {
            let what = self.items[item] as usize;
            if what < self.nodes.len() {
                self.mark(what as u32);
            } else {
                let signal = what - self.nodes.len();
                self.view.signals[signal].forget();
                self.mark_leaves(signal);
                self.tell_blind(signal, out);
            }
        }
    }

    /// Brings every node up to date, children before their parents.
    fn step(&mut self, out: &mut Vec<Change>) {
        while let Some(node) = self.dirty.pop() {
            self.refresh(node, out);
        }
    }

    #[inline]
    fn refresh(&mut self, id: usize, out: &mut Vec<Change>) {
        let now = self.view.now;
        let link = &self.links[id];
        let node = &mut self.nodes[id];
        if !node.begun && now < node.heed_from {
            // It begins with its last child; until then there is nothing to take in.
            self.timetable.set(link.item as usize, node.begin);
            return;
        }
        let mut merged = false;
        let mut due = NEVER;
        let value = match &mut node.work {
            Work::Limit(limit) => limit.eval(&self.view),
            Work::Both(a, b) => self.view.flat(*a).and(self.view.flat(*b)),
            Work::Once(once, p) => {
                let operand = if now >= node.cut_at { Flat::FALSE } else { self.view.flat(*p) };
                let (value, next) = once.eval(now, operand, &mut merged);
                due = next;
                value
            }
            Work::Moving(_) => return self.refresh_moving(id, out),
            Work::Early { foresees: true, .. } => return self.refresh_watch(id, out),
            _ => {
                let (value, next) = node.eval(&self.view, &mut merged);
                due = next;
                value
            }
        };
        self.take_value(id, value, due, out);
        if merged {
            self.tell_merged(id, out);
        }
    }

    /// The same for a watch over operands with a memory.
    #[inline(never)]
    fn refresh_watch(&mut self, id: usize, out: &mut Vec<Change>) {
        let Work::Early { parts, .. } = &self.nodes[id].work else { return };
        let parts = *parts;
        let (p_lasts, q_lasts) = (self.lasts_false(parts[1]), self.lasts_false(parts[2]));
        let Work::Early { early, .. } = &mut self.nodes[id].work else { return };
        let truths = parts.map(|part| self.view.bits(part));
        let (value, due) = early.eval(self.view.now, truths, p_lasts, q_lasts);
        self.take_value(id, value, due, out);
    }

    /// A node that stands still has this value from now on, which may change by itself at `due`.
    #[inline(always)]
    fn take_value(&mut self, id: usize, value: Flat, mut due: Slot, out: &mut Vec<Change>) {
        let now = self.view.now;
        let link = &self.links[id];
        let node = &mut self.nodes[id];
        let held = &mut self.view.values[id];
        let mut tell = value != *held;
        let mut turned = value.bits != held.bits;
        *held = value;
        if !node.begun {
            (tell, due) = begin(node, now, due);
            turned = tell;
        }
        if link.item != u32::MAX {
            let due = if node.cut_at > now { due.min(node.cut_at) } else { due };
            self.timetable.set(link.item as usize, due);
        }
        if tell {
            for &parent in &link.parents {
                self.dirty.mark(parent);
            }
            for watch in &link.watches {
                if watch.truth_only && !turned {
                    continue;
                }
                let value = if watch.negated { value.not() } else { value };
                let rule = &mut self.rules[watch.rule as usize];
                match watch.role {
                    Role::Main => rule.take_main(&value, now - link.late, out),
                    Role::Held { to } => rule.take_held(&value, to, now, out),
                    role => {
                        let moment = Moment { now, late: link.late, end: self.end };
                        rule.take(role, &value, None, node.broken(), moment, out);
                    }
                }
            }
        }
    }

    /// How long a formula that is certainly false is bound to stay so.
    fn lasts_false(&self, edge: Edge) -> Lasts {
        if self.view.bits(edge).possible() { Lasts::now(self.view.now) } else { self.lasts(edge) }
    }

    /// How long a formula, whose truth is certain, is bound to keep it.
    fn lasts(&self, edge: Edge) -> Lasts {
        let now = self.view.now;
        let holds = self.view.values[edge.place()].bits.certain();
        let certain = |part: Edge| self.view.bits(part).certain() || !self.view.bits(part).possible();
        let all = |parts: &[Edge]| {
            if holds {
                parts.iter().fold(Lasts::ever(), |least, &part| least.shorter(self.lasts(part)))
            } else {
                let false_ones = parts.iter().filter(|&&part| !self.view.bits(part).possible());
                false_ones.fold(Lasts::now(now), |most, &part| most.longer(self.lasts(part)))
            }
        };
        match &self.nodes[edge.place()].work {
            Work::Fixed(_) => Lasts::ever(),
            Work::Both(a, b) => all(&[*a, *b]),
            Work::All(parts) => all(parts),
            Work::Once(once, p) if holds => once.lasts(now, self.view.bits(*p).certain().then(|| self.lasts(*p))),
            Work::Once(_, p) => self.lasts(*p),
            Work::Delay(delay, p) if certain(*p) => delay.lasts(self.lasts(*p)),
            Work::Since(_, _, q) if self.view.bits(*q).certain() == holds && certain(*q) => self.lasts(*q),
            _ => Lasts::now(now),
        }
    }

    /// The same for a node that may move.
    #[inline(never)]
    fn refresh_moving(&mut self, id: usize, out: &mut Vec<Change>) {
        let now = self.view.now;
        let link = &self.links[id];
        let node = &mut self.nodes[id];
        let mut merged = false;
        let Work::Moving(moving) = &mut node.work else { return };
        let (value, mut due) = moving.eval(&self.view, &mut merged);
        let held = &mut self.view.ramps[self.view.ramp_places[id] as usize];
        let mut tell = value.flat != self.view.values[id] || *held != value.ramp;
        *held = value.ramp;
        self.view.values[id] = value.flat;
        if !node.begun {
            (tell, due) = begin(node, now, due);
        }
        if link.item != u32::MAX {
            self.timetable.set(link.item as usize, due);
        }
        if tell {
            for &parent in &link.parents {
                self.dirty.mark(parent);
            }
            let moment = Moment { now, late: link.late, end: self.end };
            for watch in &link.watches {
                let value = if watch.negated { value.not() } else { value };
                let line = value.ramp.is_some().then_some(&value);
                self.rules[watch.rule as usize].take(watch.role, &value.flat, line, None, moment, out);
            }
        }
        if merged {
            self.tell_merged(id, out);
        }
    }

    /// Tells the rules that rest on the node, each once.
    #[cold]
    fn tell_merged(&mut self, id: usize, out: &mut Vec<Change>) {
        if std::mem::replace(&mut self.nodes[id].merged, true) {
            return;
        }
        for place in 0..self.rules.len() {
            let rule = self.rules[place].id;
            if self.merged.contains(&rule) {
                continue;
            }
            let room = std::mem::take(&mut self.scratch);
            self.scratch = self.reach(rule, room);
            if self.scratch[id] {
                self.merged.push(rule);
                out.push(Change::Merged { rule, at: time_of(self.view.now) });
            }
        }
    }
}

/// The node has its first value, if its time has come: whether to tell, and when it is due.
#[cold]
fn begin(node: &mut Node, now: Slot, due: Slot) -> (bool, Slot) {
    node.begun = now >= node.begin;
    (node.begun, if node.begun { due } else { due.min(node.begin) })
}

/// Whether the node works on a number, through delay lines.
fn is_number(plans: &[Plan], plan: &Plan) -> bool {
    plan.children.first().is_some_and(|child| {
        let child = &plans[child.place()];
        match child.op {
            Op::Delay { .. } => is_number(plans, child),
            ref op => op.is_number(),
        }
    })
}
