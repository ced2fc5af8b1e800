//! One rule's running account: what is decided, what is broken, what is still open.

use super::graph::{Before, Builder, Edge, Op};
use super::ops::Promise;
use super::split::{self, Part};
use super::value::{Bits, Flat, NEVER, Slot, Val, lesser, tick_of, time_of};
use super::{Change, Judgement, Margin, Piece, RuleSpec, RuleVerdict, Running, Truth};
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
    /// Nothing that comes can lift the rule's margin over this: the part of it that concerns the present.
    Ceiling,
    /// The same, and asked for at every instant for the last `to` slots: where it breaks, the rule does.
    Held {
        to: i64,
    },
    /// `when`.
    When,
    /// A promise without bound: its last value is what it is worth.
    Live(usize),
    /// What asks for promise `.0`, and what answers it.
    Asked(usize),
    Answered(usize),
}

impl Role {
    /// Margins don't matter to it.
    pub fn is_about_truth(self) -> bool {
        matches!(self, Role::Early { .. } | Role::When | Role::Asked(_) | Role::Answered(_))
    }
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
    pub body: Edge,
    pub main_horizon: i64,
    has_when: bool,
    tested: bool,
    /// Something is decided.
    decided_any: bool,
    /// The present piece of the main node when it moves, not yet folded to its end.
    moving: Option<Val>,
    lo: f64,
    hi: f64,
    bits: Bits,
    /// The disjunction over the decided instants: whether anything was ever certain.
    any: Bits,
    worst_slot: Option<Slot>,
    /// What the rule's margin can't come out above.
    ceiling: f64,
    /// The slot at which it was proven broken.
    violated: Option<Slot>,
    broken: bool,
    first_false: Option<Time>,
    live: Vec<Flat>,
    open: Vec<Open>,
    keeps_pieces: bool,
    /// None of them is dropped.
    keeps_all: bool,
    decided: Vec<Piece>,
    /// Instants after this slot need not be decided by the end of the record.
    scope_end: Slot,
    start: Slot,
    /// The last slot of the record, once it has ended.
    record_end: Slot,
    /// The next value of the main node asks for more than the account.
    is_particular: bool,
}

impl Rule {
    /// Adds the rule to the graph; `watch` is told which nodes matter to it.
    pub fn build(
        spec: &RuleSpec,
        builder: &mut Builder,
        keeps_pieces: bool,
        watch: &mut impl FnMut(Edge, Role),
    ) -> Rule {
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
            decided_any: false,
            moving: None,
            lo: f64::INFINITY,
            hi: f64::INFINITY,
            bits: Bits::TRUE,
            any: Bits::FALSE,
            worst_slot: None,
            ceiling: f64::INFINITY,
            violated: None,
            broken: false,
            first_false: None,
            live: Vec::new(),
            open: Vec::new(),
            keeps_pieces,
            keeps_all: false,
            decided: Vec::new(),
            scope_end: NEVER,
            start: 0,
            record_end: NEVER,
            is_particular: true,
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
            // What the main node tells need not be told twice.
            if root != whole {
                watch(root, Role::Judge);
            }
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
        watch: &mut impl FnMut(Edge, Role),
        roots: &mut Vec<Edge>,
    ) {
        let asked: Vec<Edge> = part.asked.iter().map(|a| builder.formula(a)).collect();
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
                        let early = builder.early(promise, asked, p, p);
                        watch(early, Role::Early { shift: 0 });
                        let first = Window { from: Span::ZERO, to: Some(from) };
                        self.ceiling(builder, watch, asked, first, p);
                    }
                } else if from > Span::ZERO {
                    self.always(builder, watch, roots, asked, Window { from: Span::ZERO, to: Some(from) }, p);
                }
                let still = builder.still(asked);
                let later = builder.delay(still, from.nanos(), Before::False);
                let to = window.to.map(|to| (to - from).nanos().max(0).saturating_mul(2));
                let early = builder.early(Promise::Until { to, strong: strong && from == Span::ZERO }, later, p, q);
                watch(early, Role::Early { shift: from.nanos().saturating_mul(2) });
                let waiting = builder.pure(Op::Waiting { width: to }, vec![later, p, q]);
                let lasting = builder.or(vec![p, waiting.not()]);
                watch(lasting, Role::Ceiling);
                if window.to.is_none() {
                    roots.push(lasting);
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
                if let Formula::Eventually(Window { from, to: Some(to) }, q) = promise
                    && split::is_past(q)
                {
                    let q = builder.formula(q);
                    let (asked, q) = (builder.still(asked), builder.still(q));
                    // Without a memory nothing is known before the window has passed.
                    if builder.is_foreseen(q) {
                        let slots = |span: Span| span.nanos().saturating_mul(2);
                        let promise = Promise::Eventually { from: slots(*from), to: slots(*to) };
                        let early = builder.early(promise, asked, q, q);
                        watch(early, Role::Early { shift: 0 });
                    }
                }
            }
        }
    }

    fn always(
        &mut self,
        builder: &mut Builder,
        watch: &mut impl FnMut(Edge, Role),
        roots: &mut Vec<Edge>,
        asked: Edge,
        window: Window,
        p: Edge,
    ) {
        let slots = |span: Span| span.nanos().saturating_mul(2);
        let still = builder.still(p);
        if builder.is_true(asked) && window.from == Span::ZERO {
            watch(still, Role::Held { to: window.to.map_or(NEVER, slots) });
        } else {
            let promise = Promise::Always { from: slots(window.from), to: window.to.map(slots) };
            let early = builder.early(promise, asked, p, p);
            watch(early, Role::Early { shift: 0 });
            if window.to.is_some() {
                self.ceiling(builder, watch, asked, window, still);
            }
        }
        if window.to.is_some() {
            let whole = builder.historically(window, p, true);
            roots.push(builder.implies(asked, whole));
        } else {
            // Over the whole scope: p holds from the first instant that asked for it.
            let asked_before = builder.once(window, asked, false);
            roots.push(builder.implies(asked_before, p));
        }
    }

    /// `always (asked implies always[a,b] p)` is broken at the first instant at which p is, and asked was true `a` to
    /// `b` before: the same written about the past, so that nothing waits.
    fn ceiling(&self, builder: &mut Builder, watch: &mut impl FnMut(Edge, Role), asked: Edge, window: Window, p: Edge) {
        let asked_before = builder.asked_before(window, asked);
        let ceiling = builder.implies(asked_before, p);
        watch(ceiling, Role::Ceiling);
    }

    fn lives(&mut self, builder: &mut Builder, watch: &mut impl FnMut(Edge, Role), asked: Edge, q: Edge) {
        let live = builder.pure(Op::Liveness, vec![asked, q]);
        watch(live, Role::Live(self.live.len()));
        self.live.push(Flat::TRUE);
    }

    fn opens(
        &mut self,
        watch: &mut impl FnMut(Edge, Role),
        asked: Edge,
        answer: Option<Edge>,
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

    /// A node that matters has a new value: `value`, and `moving` when it has a slope. `broken` is what a watch for
    /// early violations found.
    pub fn take(
        &mut self,
        role: Role,
        value: &Flat,
        moving: Option<&Val>,
        broken: Option<Slot>,
        when: Moment,
        out: &mut Vec<Change>,
    ) {
        let Moment { now, late, end } = when;
        let instant = now - late;
        if instant > end && !matches!(role, Role::Live(_)) {
            return;
        }
        match role {
            Role::Main => self.take_particular(value, moving, instant, out),
            Role::Judge => {
                if moving.is_none() {
                    self.ceiling = lesser(self.ceiling, value.hi);
                }
                if !value.bits.possible() {
                    self.violate(time_of(instant), now, out);
                }
            }
            Role::Ceiling => self.ceiling = lesser(self.ceiling, value.hi),
            Role::Held { to } => self.take_held(value, to, now, out),
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

    /// What is asked for at every instant of the last `to` slots has a new value.
    #[inline]
    pub fn take_held(&mut self, value: &Flat, to: i64, now: Slot, out: &mut Vec<Change>) {
        if now > self.record_end {
            return;
        }
        self.ceiling = lesser(self.ceiling, value.hi);
        if !value.bits.possible() && self.violated.is_none_or(|told| told == now) {
            self.violate(time_of(self.start.max(now.saturating_sub(to))), now, out);
        }
    }

    #[cold]
    fn violate(&mut self, instant: Time, now: Slot, out: &mut Vec<Change>) {
        self.first_false = Some(self.first_false.map_or(instant, |f| f.min(instant)));
        match self.violated {
            None => {
                self.violated = Some(now);
                out.push(Change::Violated { rule: self.id, instant, at: time_of(now) });
            }
            // Of several promises that break at once the one that was broken first is told.
            Some(told) if told == now => {
                let id = self.id;
                let told = out.iter_mut().rev().find_map(|change| match change {
                    Change::Violated { rule, instant, .. } if *rule == id => Some(instant),
                    _ => None,
                });
                if let Some(told) = told {
                    *told = instant.min(*told);
                }
            }
            Some(_) => {}
        }
    }

    /// The main node has a new value, which stands still, about the slot `instant`.
    #[inline]
    pub fn take_main(&mut self, value: &Flat, instant: Slot, out: &mut Vec<Change>) {
        if self.is_particular {
            self.take_particular(value, None, instant, out);
        } else {
            self.fold(value.lo, value.hi, instant);
            self.bits = self.bits.and(value.bits);
            self.any = self.any.or(value.bits);
            let broken = !value.bits.possible();
            if broken != self.broken {
                self.turn(broken, instant, out);
            }
        }
    }

    /// The same where more is asked than the account: pieces, slopes, the first value, the end.
    #[inline(never)]
    fn take_particular(&mut self, value: &Flat, moving: Option<&Val>, instant: Slot, out: &mut Vec<Change>) {
        if instant > self.record_end {
            return;
        }
        let now = instant + self.main_horizon.saturating_mul(2);
        self.fold_end(now, instant);
        self.moving = None;
        let undecided = value.bits.possible() && !value.bits.certain();
        if self.record_end < NEVER && instant > self.scope_end && undecided {
            // Only the end of the record leaves it open, and nobody asked for a decision on it.
            return;
        }
        let (lo, hi) = match moving {
            Some(line) => line.at(tick_of(now)),
            None => (value.lo, value.hi),
        };
        self.fold(lo, hi, instant);
        self.bits = self.bits.and(value.bits);
        self.any = self.any.or(value.bits);
        self.decided_any = true;
        self.moving = moving.copied();
        let broken = !value.bits.possible();
        if broken != self.broken {
            self.turn(broken, instant, out);
        }
        if self.keeps_pieces {
            self.note(instant, lo, hi, value.bits.truth(), moving.is_some());
        }
        self.is_particular = self.keeps_pieces || moving.is_some() || self.record_end < NEVER;
    }

    /// An episode of violation begins or ends.
    #[inline(never)]
    fn turn(&mut self, broken: bool, instant: Slot, out: &mut Vec<Change>) {
        if broken {
            self.violate(time_of(instant), instant + self.main_horizon.saturating_mul(2), out);
        }
        self.broken = broken;
        out.push(Change::Episode { rule: self.id, broken, at: time_of(instant) });
    }

    /// A moving margin is at its extremes at the ends of its piece: takes in the end before slot `now`.
    fn fold_end(&mut self, now: Slot, instant: Slot) {
        if let Some(held) = self.moving {
            let (lo, hi) = held.at(tick_of(now - 1));
            self.fold(lo, hi, instant - 1);
            if self.keeps_pieces {
                self.note(instant - 1, lo, hi, held.flat.bits.truth(), true);
            }
        }
    }

    fn fold(&mut self, lo: f64, hi: f64, instant: Slot) {
        self.lo = lesser(self.lo, lo);
        if hi < self.hi {
            self.hi = hi;
            self.worst_slot = Some(instant);
        }
    }

    #[cold]
    fn note(&mut self, slot: Slot, lo: f64, hi: f64, truth: Truth, moving: bool) {
        if self.decided.len() >= DECIDED_MAX && !self.keeps_all {
            let mut kept = 0;
            for i in (0..self.decided.len()).step_by(2) {
                let other = self.decided.get(i + 1).copied().unwrap_or(self.decided[i]);
                self.decided[kept] = if other.margin.hi < self.decided[i].margin.hi { other } else { self.decided[i] };
                kept += 1;
            }
            self.decided.truncate(kept);
        }
        // Adding zero turns a negative zero around: people read margins.
        let margin = Margin { lo: lo + 0.0, hi: hi + 0.0 };
        self.decided.push(Piece { at: time_of(slot), after: slot & 1 == 1, margin, truth, moving });
    }

    /// Bytes beside itself, but for the pieces it is asked to keep.
    pub fn bytes(&self) -> usize {
        self.live.capacity() * size_of::<Flat>() + self.open.capacity() * size_of::<Open>()
    }

    /// The scope starts.
    pub fn start(&mut self, slot: Slot) {
        self.start = slot;
    }

    /// What begins after `slot` need not be decided by the end of the record.
    pub fn close_scope(&mut self, slot: Slot) {
        self.scope_end = slot;
    }

    /// From here on what comes is about a future that was never recorded.
    pub fn record_ended(&mut self, end: Slot) {
        self.record_end = end;
        self.is_particular = true;
    }

    /// From here on every decided piece is kept until it is taken.
    pub fn keep_all_pieces(&mut self) {
        self.keeps_all = true;
    }

    /// Notes where a margin that still moves stands at the end of the scope.
    pub fn note_end(&mut self, closed: Slot, late: i64, end: Slot) {
        if let (Some(held), true) = (self.moving, self.keeps_pieces) {
            let last = (closed - 1).min(end.saturating_add(late));
            let (lo, hi) = held.at(tick_of(last));
            self.note(last - late, lo, hi, held.flat.bits.truth(), true);
        }
    }

    /// Hands over what was decided since the last call.
    pub fn take_pieces(&mut self, out: &mut Vec<Piece>) {
        out.append(&mut self.decided);
    }

    /// The infimum over what is decided before slot `closed`.
    pub fn margin(&self, closed: Slot, late: i64, end: Slot) -> (Margin, Option<Time>) {
        if !self.decided_any {
            return (Margin { lo: f64::NEG_INFINITY, hi: f64::INFINITY }, None);
        }
        let (mut lo, mut hi, mut worst) = (self.lo, self.hi, self.worst_slot);
        if let Some(held) = self.moving {
            let last = (closed - 1).min(end.saturating_add(late));
            let at_end = held.at(tick_of(last));
            lo = lesser(lo, at_end.0);
            if at_end.1 < hi {
                hi = at_end.1;
                worst = Some(last - late);
            }
        }
        (Margin { lo: lo + 0.0, hi: hi + 0.0 }, worst.map(time_of))
    }

    /// How it stands before slot `closed`.
    pub fn running(&self, closed: Slot, late: i64, end: Slot) -> Running {
        let (decided, worst_at) = self.margin(closed, late, end);
        let (truth, most) = match self.violated {
            // What is broken has nothing left, by how much is told when it is decided.
            Some(_) => (Truth::False, 0.0),
            None => (Truth::Unknown, f64::INFINITY),
        };
        let early_hi = lesser(lesser(decided.hi, self.ceiling), most) + 0.0;
        Running { decided, worst_at, early_hi, truth }
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

    /// The last word, when everything up to the end of the scope is decided. `cut`: nothing comes after the recording.
    pub fn judge(&self, closed: Slot, late: i64, end: Slot, cut: bool) -> Judgement {
        let (mut margin, worst_at) = self.margin(closed, late, end);
        let mut bits = if self.decided_any { self.bits } else { Bits::UNKNOWN };
        for live in &self.live {
            let live = if cut { live.if_nothing_more_came() } else { *live };
            margin.lo = lesser(margin.lo, live.lo);
            margin.hi = lesser(margin.hi, live.hi);
            bits = bits.and(live.bits);
        }
        let verdict = if self.first_false.is_some() || !bits.possible() {
            RuleVerdict::Fail
        } else if self.has_when && !self.tested {
            RuleVerdict::Untested
        } else if !bits.certain_but_for_warm_up() || !self.any.certain() {
            // Warm-up is no gap, but where all was warm-up nothing was judged.
            RuleVerdict::Inconclusive
        } else {
            RuleVerdict::Pass
        };
        Judgement { rule: self.id, verdict, margin, worst_at, violated_at: self.first_false }
    }
}
