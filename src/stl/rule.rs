//! One rule's running account: what is decided, what is broken, what is still open.

use super::graph::{Before, Builder, NodeId, Op};
use super::ops::Promise;
use super::split::{self, Part};
use super::value::{Bits, NEVER, Slot, Val, tick_of, time_of};
use super::{Change, Judgement, Margin, Piece, RuleSpec, RuleVerdict};
use crate::command::RuleId;
use crate::expr::ir::{Formula, Window};
use crate::time::{Span, Time};

/// Margins kept for `take_decided`; beyond, of each two neighbours the smaller is kept.
const DECIDED_MAX: usize = 1 << 14;

/// What a node is to a rule.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Role {
    /// The rule at each instant.
    Main,
    /// One promise of it, judged as soon as its own horizon allows.
    Judge,
    /// A watch for early violations; instants are that many slots earlier than said.
    Early {
        shift: i64,
    },
    /// `when`.
    When,
    /// A promise without bound: its last value is what it is worth.
    Live(usize),
    /// What asks for promise `.0`, and what answers it.
    Asked(usize),
    Answered(usize),
}

/// When a node got a new value.
#[derive(Copy, Clone, Debug)]
pub(super) struct Moment {
    pub now: Slot,
    /// The value is about instants this many slots before.
    pub late: i64,
    /// Last slot of the scope.
    pub end: Slot,
}

/// Whether some promise is open.
#[derive(Clone, Debug)]
struct Open {
    /// Last slot at which it was asked for; `NEVER` while it is.
    asked: Slot,
    /// Everything asked up to here is answered; `NEVER` while the answer holds.
    answered: Slot,
    has_answer: bool,
    from: i64,
    to: Option<i64>,
}

/// A rule at work.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub id: RuleId,
    pub body: NodeId,
    pub main_horizon: i64,
    has_when: bool,
    tested: bool,
    /// The present piece of the main node, not yet folded to its end when it moves.
    current: Option<Val>,
    lo: f64,
    hi: f64,
    bits: Bits,
    worst: f64,
    worst_at: Option<Time>,
    violated: Option<Time>,
    broken: bool,
    first_false: Option<Time>,
    live: Vec<Val>,
    open: Vec<Open>,
    decided: Vec<Piece>,
    /// No decided piece is dropped: somebody waits for them.
    keep_all: bool,
    /// Instants after this slot need not be decided by the end of the record.
    scope_end: Slot,
    record_ended: bool,
}

impl Rule {
    /// Adds the rule to the graph; `watch` is told which nodes matter to it.
    pub fn build(spec: &RuleSpec, builder: &mut Builder, watch: &mut impl FnMut(NodeId, Role)) -> Rule {
        let asked: Vec<Formula> = spec.when.iter().cloned().collect();
        let mut parts = Vec::new();
        if asked.iter().all(split::is_past) {
            split::split(&asked, &spec.body, &mut parts);
        } else {
            let whole = asked.iter().fold(spec.body.clone(), |b, w| Formula::Implies(Box::new(w.clone()), Box::new(b)));
            parts.push(Part { asked: Vec::new(), promise: whole });
        }
        let body = builder.formula(&spec.body);
        let mut rule = Rule {
            id: spec.id,
            body,
            main_horizon: 0,
            has_when: spec.when.is_some(),
            tested: false,
            current: None,
            lo: f64::INFINITY,
            hi: f64::INFINITY,
            bits: Bits::TRUE,
            worst: f64::INFINITY,
            worst_at: None,
            violated: None,
            broken: false,
            first_false: None,
            live: Vec::new(),
            open: Vec::new(),
            decided: Vec::new(),
            keep_all: false,
            scope_end: NEVER,
            record_ended: false,
        };
        let mut roots = Vec::new();
        for part in &parts {
            rule.add_part(part, builder, watch, &mut roots);
        }
        let whole = match &spec.when {
            _ if split::is_unbounded(&spec.body) => builder.and(roots.clone()),
            Some(when) => {
                let when = builder.formula(when);
                builder.implies(when, body)
            }
            None => body,
        };
        for root in roots {
            watch(root, Role::Judge);
        }
        watch(whole, Role::Main);
        rule.main_horizon = builder.horizon(whole);
        if let Some(when) = &spec.when {
            watch(builder.formula(when), Role::When);
        }
        rule
    }

    fn add_part(
        &mut self,
        part: &Part,
        builder: &mut Builder,
        watch: &mut impl FnMut(NodeId, Role),
        roots: &mut Vec<NodeId>,
    ) {
        let asked: Vec<NodeId> = part.asked.iter().map(|a| builder.formula(a)).collect();
        let asked = builder.and(asked);
        match &part.promise {
            Formula::Always(window, p) if split::is_past(p) => {
                let p = builder.formula(p);
                self.always(builder, watch, roots, asked, *window, p);
                if let Some(to) = window.to {
                    self.opens(watch, asked, None, 0, Some(to));
                }
            }
            Formula::Until(window, p, q) | Formula::Unless(window, p, q) if split::is_past(p) && split::is_past(q) => {
                let strong = matches!(part.promise, Formula::Until(..));
                let (p, q) = (builder.formula(p), builder.formula(q));
                let (p, q) = (builder.still(p), builder.still(q));
                let from = window.from;
                if window.to.is_some() {
                    let whole = builder.formula(&part.promise);
                    roots.push(builder.implies(asked, whole));
                    self.opens(watch, asked, Some(q), from.nanos(), window.to);
                    if from > Span::ZERO {
                        let promise = Promise::Always { from: 0, to: Some(from.nanos().saturating_mul(2)) };
                        let early = builder.pure(Op::Early(promise), vec![asked, p, p]);
                        watch(early, Role::Early { shift: 0 });
                    }
                } else if from > Span::ZERO {
                    self.always(builder, watch, roots, asked, Window { from: Span::ZERO, to: Some(from) }, p);
                }
                let still = builder.still(asked);
                let later = builder.delay(still, from.nanos(), Before::False);
                let to = window.to.map(|to| (to - from).nanos().max(0).saturating_mul(2));
                let early = builder.pure(Op::Early(Promise::Until { to }), vec![later, p, q]);
                watch(early, Role::Early { shift: from.nanos().saturating_mul(2) });
                if window.to.is_none() {
                    roots.push(builder.pure(Op::Unless, vec![later, p, q]));
                    if strong {
                        self.lives(builder, watch, later, q);
                        self.opens(watch, asked, Some(q), from.nanos(), None);
                    }
                }
            }
            Formula::Eventually(Window { from, to: None }, q) if split::is_past(q) => {
                let q = builder.formula(q);
                let (asked, q) = (builder.still(asked), builder.still(q));
                let later = builder.delay(asked, from.nanos(), Before::False);
                self.lives(builder, watch, later, q);
                self.opens(watch, asked, Some(q), from.nanos(), None);
                // What was asked in the last stretch can't be answered within the scope: unknown.
                let in_scope = builder.pure(Op::InScope, Vec::new());
                let reached = builder.historically(Window { from: Span::ZERO, to: Some(*from) }, in_scope, true);
                roots.push(builder.implies(asked, reached));
            }
            promise => {
                let answer = match promise {
                    Formula::Eventually(window, q) if split::is_past(q) => {
                        Some((builder.formula(q), window.from.nanos()))
                    }
                    _ => None,
                };
                let whole = builder.formula(promise);
                let horizon = builder.horizon(whole);
                if horizon > 0 {
                    let (answer, from) = answer.map_or((None, 0), |(q, from)| (Some(q), from));
                    self.opens(watch, asked, answer, from, Some(Span::from_nanos(horizon)));
                }
                roots.push(builder.implies(asked, whole));
            }
        }
    }

    fn always(
        &mut self,
        builder: &mut Builder,
        watch: &mut impl FnMut(NodeId, Role),
        roots: &mut Vec<NodeId>,
        asked: NodeId,
        window: Window,
        p: NodeId,
    ) {
        let slots = |span: Span| span.nanos().saturating_mul(2);
        let promise = Promise::Always { from: slots(window.from), to: window.to.map(slots) };
        let early = builder.pure(Op::Early(promise), vec![asked, p, p]);
        watch(early, Role::Early { shift: 0 });
        if window.to.is_some() {
            let whole = builder.historically(window, p, true);
            roots.push(builder.implies(asked, whole));
        } else {
            // Over the whole scope: p holds from the first instant that asked for it.
            let asked_before = builder.once(window, asked, false);
            roots.push(builder.implies(asked_before, p));
        }
    }

    fn lives(&mut self, builder: &mut Builder, watch: &mut impl FnMut(NodeId, Role), asked: NodeId, q: NodeId) {
        let live = builder.pure(Op::Liveness, vec![asked, q]);
        watch(live, Role::Live(self.live.len()));
        self.live.push(Val::TRUE);
    }

    fn opens(
        &mut self,
        watch: &mut impl FnMut(NodeId, Role),
        asked: NodeId,
        answer: Option<NodeId>,
        from: i64,
        to: Option<Span>,
    ) {
        let place = self.open.len();
        self.open.push(Open {
            asked: Slot::MIN,
            answered: Slot::MIN,
            has_answer: answer.is_some(),
            from: from.saturating_mul(2),
            to: to.map(|to| to.nanos().saturating_mul(2)),
        });
        watch(asked, Role::Asked(place));
        if let Some(answer) = answer {
            watch(answer, Role::Answered(place));
        }
    }

    /// A node that matters has a new value; `broken` is what a watch for early violations found.
    pub fn take(&mut self, role: Role, value: &Val, broken: Option<Slot>, when: Moment, out: &mut Vec<Change>) {
        let Moment { now, late, end } = when;
        let instant = now - late;
        if instant > end && !matches!(role, Role::Live(_)) {
            return;
        }
        match role {
            Role::Main => self.take_main(value, now, instant, out),
            Role::Judge => {
                if !value.bits.possible() {
                    self.violate(time_of(instant), now, out);
                }
            }
            Role::Early { shift } => {
                if let Some(first) = broken {
                    self.violate(time_of(first - shift), now, out);
                }
            }
            Role::When => {
                if value.bits.certain() && !self.tested {
                    self.tested = true;
                    out.push(Change::Tested { rule: self.id, at: time_of(instant) });
                }
            }
            Role::Live(place) => {
                if now <= end {
                    self.live[place] = *value;
                }
            }
            Role::Asked(place) => {
                let open = &mut self.open[place];
                if value.bits.possible() {
                    open.asked = NEVER;
                } else if open.asked == NEVER {
                    open.asked = now - 1;
                }
            }
            Role::Answered(place) => {
                let open = &mut self.open[place];
                if value.bits.certain() {
                    open.answered = NEVER;
                } else if open.answered == NEVER {
                    open.answered = now - 1;
                }
            }
        }
    }

    fn violate(&mut self, instant: Time, now: Slot, out: &mut Vec<Change>) {
        self.first_false = Some(self.first_false.map_or(instant, |f| f.min(instant)));
        if self.violated.is_none() {
            self.violated = Some(instant);
            out.push(Change::Violated { rule: self.id, instant, at: time_of(now) });
        }
    }

    fn take_main(&mut self, value: &Val, now: Slot, instant: Slot, out: &mut Vec<Change>) {
        if self.record_ended && instant > self.scope_end && value.bits.possible() && !value.bits.certain() {
            // Only the end of the record leaves it open, and nobody asked for a decision on it.
            self.fold_end(now, instant);
            if let Some(held) = &mut self.current {
                held.ramp = None;
            }
            return;
        }
        self.fold_end(now, instant);
        let tick = tick_of(now);
        let (lo, hi) = value.at(tick);
        self.fold(lo, hi, time_of(instant));
        self.bits = self.bits.and(value.bits);
        self.current = Some(*value);
        let broken = !value.bits.possible();
        if broken {
            self.violate(time_of(instant), now, out);
        }
        if broken != self.broken {
            self.broken = broken;
            out.push(Change::Episode { rule: self.id, broken, at: time_of(instant) });
        }
        self.note(instant, lo, hi, value);
    }

    /// A moving margin is at its extremes at the ends of its piece: takes in the end before slot `now`.
    fn fold_end(&mut self, now: Slot, instant: Slot) {
        if let Some(held) = self.current
            && held.ramp.is_some()
        {
            let (lo, hi) = held.at(tick_of(now - 1));
            self.fold(lo, hi, time_of(instant - 1));
            self.note(instant - 1, lo, hi, &held);
        }
    }

    fn fold(&mut self, lo: f64, hi: f64, at: Time) {
        self.lo = self.lo.min(lo);
        self.hi = self.hi.min(hi);
        if hi < self.worst || self.worst_at.is_none() && hi < f64::INFINITY {
            self.worst = hi;
            self.worst_at = Some(at);
        }
    }

    fn note(&mut self, slot: Slot, lo: f64, hi: f64, value: &Val) {
        if self.decided.len() >= DECIDED_MAX && !self.keep_all {
            let mut kept = 0;
            for i in (0..self.decided.len()).step_by(2) {
                let other = self.decided.get(i + 1).copied().unwrap_or(self.decided[i]);
                self.decided[kept] = if other.margin.hi < self.decided[i].margin.hi { other } else { self.decided[i] };
                kept += 1;
            }
            self.decided.truncate(kept);
        }
        self.decided.push(Piece {
            at: time_of(slot),
            after: slot & 1 == 1,
            margin: Margin { lo, hi },
            truth: value.bits.truth(),
            moving: value.ramp.is_some(),
        });
    }

    /// What begins after `slot` need not be decided by the end of the record.
    pub fn close_scope(&mut self, slot: Slot) {
        self.scope_end = slot;
    }

    /// From here on what comes is about a future that was never recorded.
    pub fn record_ended(&mut self) {
        self.record_ended = true;
    }

    /// From here on every decided piece is kept.
    pub fn keep_all_pieces(&mut self) {
        self.keep_all = true;
    }

    /// Hands over what was decided since the last call.
    pub fn take_pieces(&mut self, out: &mut Vec<Piece>) {
        out.append(&mut self.decided);
    }

    /// The infimum over what is decided before slot `closed`.
    pub fn margin(&self, closed: Slot, late: i64, end: Slot) -> (Margin, Option<Time>) {
        let mut probe = (self.lo, self.hi, self.worst, self.worst_at);
        if let Some(held) = self.current
            && held.ramp.is_some()
        {
            let last = (closed - 1).min(end.saturating_add(late));
            let (lo, hi) = held.at(tick_of(last));
            probe.0 = probe.0.min(lo);
            probe.1 = probe.1.min(hi);
            if hi < probe.2 {
                probe.3 = Some(time_of(last - late));
            }
        }
        if self.current.is_none() {
            return (Margin { lo: f64::NEG_INFINITY, hi: f64::INFINITY }, None);
        }
        (Margin { lo: probe.0, hi: probe.1 }, probe.3)
    }

    /// True once it is proven broken.
    pub fn is_violated(&self) -> bool {
        self.violated.is_some()
    }

    /// True while something asked for before slot `closed` may yet be answered.
    pub fn is_open(&self, closed: Slot) -> bool {
        let last = closed - 1;
        self.open.iter().any(|open| {
            let asked = open.asked.min(last);
            if asked == Slot::MIN {
                return false;
            }
            let in_time = open.to.is_none_or(|to| asked.saturating_add(to) > last);
            let answered = open.has_answer && asked <= open.answered.min(last).saturating_sub(open.from);
            in_time && !answered
        })
    }

    /// The last word, when everything up to the end of the scope is decided.
    pub fn judge(&self, closed: Slot, late: i64, end: Slot) -> Judgement {
        let (mut margin, worst_at) = self.margin(closed, late, end);
        let mut bits = if self.current.is_some() { self.bits } else { Bits::UNKNOWN };
        for live in &self.live {
            margin.lo = margin.lo.min(live.lo);
            margin.hi = margin.hi.min(live.hi);
            bits = bits.and(live.bits);
        }
        let verdict = if self.first_false.is_some() || !bits.possible() {
            RuleVerdict::Fail
        } else if self.has_when && !self.tested {
            RuleVerdict::Untested
        } else if !bits.certain_but_for_warm_up() {
            RuleVerdict::Inconclusive
        } else {
            RuleVerdict::Pass
        };
        Judgement { rule: self.id, verdict, margin, worst_at, violated_at: self.first_false }
    }
}
