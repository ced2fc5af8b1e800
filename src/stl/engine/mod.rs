//! The loop: closes time slot by slot where something changes, and evaluates only what is dirty, children first.

mod asked;
mod build;
mod dirty;
mod ending;
mod foresight;

use crate::command::RuleId;
use crate::signal::{SignalId, Value};
use crate::stl::Change;
use crate::stl::graph::Plan;
use crate::stl::node::{Node, View, Work};
use crate::stl::rule::{Moment, Role, Rule};
use crate::stl::timetable::Timetable;
use crate::stl::value::{Flat, NEVER, Slot, slot_of, time_of};
use crate::time::Time;
use dirty::Dirty;

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

impl Engine {
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
        if self.arrived || self.dirty.is_any() {
            return Some(time_of(self.view.now));
        }
        match self.timetable.peek() {
            NEVER => None,
            slot => Some(time_of(slot)),
        }
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
            if self.dirty.is_any() {
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
