//! The meaning of formulas, evaluated as slowly and as plainly as possible: one value per instant and one per open
//! nanosecond between instants, every window by going through all of it.

use super::geometry::{outside, table};
use super::shape::{formula_moves, moves};
use checkrein::expr::ir::{Comparison, Formula, Number, Window};
use checkrein::signal::{SignalId, Value};
use checkrein::stl::SignalSpec;
use checkrein::time::{Span, Time};

/// Everything that was told to the engine.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    pub start: i64,
    pub held: Vec<(SignalId, Value, Time)>,
    /// In order of time; `None`: lost.
    pub samples: Vec<(i64, SignalId, Option<Value>)>,
    pub signals: Vec<SignalSpec>,
}

/// A formula at a place: margin, and truth under four readings of the unknown:
/// (missing data, before the start) as (false, false), (true, true), (false, true), (true, false).
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct V {
    pub lo: f64,
    pub hi: f64,
    pub t: [bool; 4],
}

const MISSING: V = V { lo: f64::NEG_INFINITY, hi: f64::INFINITY, t: [false, true, false, true] };
const BEFORE: V = V { lo: f64::NEG_INFINITY, hi: f64::INFINITY, t: [false, true, true, false] };

fn known(truth: bool) -> V {
    let margin = if truth { f64::INFINITY } else { f64::NEG_INFINITY };
    V { lo: margin, hi: margin, t: [truth; 4] }
}

impl V {
    pub fn not(self) -> V {
        V { lo: -self.hi, hi: -self.lo, t: [!self.t[1], !self.t[0], !self.t[3], !self.t[2]] }
    }
    pub fn and(self, o: V) -> V {
        V { lo: self.lo.min(o.lo), hi: self.hi.min(o.hi), t: std::array::from_fn(|i| self.t[i] && o.t[i]) }
    }
    pub fn or(self, o: V) -> V {
        V { lo: self.lo.max(o.lo), hi: self.hi.max(o.hi), t: std::array::from_fn(|i| self.t[i] || o.t[i]) }
    }
    fn implies(self, o: V) -> V {
        self.not().or(o)
    }
}

/// A number at a place.
#[derive(Copy, Clone, Debug)]
struct N {
    lo: f64,
    hi: f64,
    missing: bool,
    before: bool,
}

const NOTHING: N = N { lo: f64::NEG_INFINITY, hi: f64::INFINITY, missing: true, before: false };
const NOT_YET: N = N { missing: false, before: true, ..NOTHING };

/// Evaluates over the slots `first ..= last`; from `unknown_from` on everything is unknown.
pub struct Naive<'a> {
    pub trace: &'a Trace,
    pub first: i64,
    pub last: i64,
    pub unknown_from: i64,
    /// Windows are cut to `first ..= last` instead of seeing unknown beyond.
    cut: bool,
    /// Per signal everything told about it, in order, with its stamp.
    told: Vec<Vec<(i64, Option<Value>)>>,
}

impl<'a> Naive<'a> {
    pub fn new(trace: &'a Trace, last: i64, unknown_from: i64) -> Naive<'a> {
        let mut told = vec![Vec::new(); trace.signals.len()];
        let mut held = trace.held.clone();
        held.sort_by_key(|h| h.2);
        for (signal, value, at) in held {
            told[signal.0 as usize].push((at.nanos(), Some(value)));
        }
        for &(at, signal, value) in &trace.samples {
            told[signal.0 as usize].push((at, value));
        }
        Naive { trace, first: 2 * trace.start, last, unknown_from, cut: false, told }
    }

    /// Over a recording that ends with slot `last`, with every window cut to it.
    pub fn cut(trace: &'a Trace, last: i64) -> Naive<'a> {
        Naive { cut: true, ..Naive::new(trace, last, last + 1) }
    }

    fn each<T>(&self, f: impl Fn(i64) -> T) -> Vec<T> {
        (self.first..=self.last).map(f).collect()
    }

    fn told(&self, id: SignalId) -> &[(i64, Option<Value>)] {
        &self.told[id.0 as usize]
    }

    /// All values of a signal at a slot: several only at an instant.
    fn values(&self, id: SignalId, slot: i64) -> Vec<Value> {
        if slot >= self.unknown_from {
            return vec![Value::Unknown];
        }
        let told = self.told(id);
        if slot % 2 == 0 && slot >= self.first {
            let here: Vec<Value> =
                told.iter().filter(|s| 2 * s.0 == slot).map(|s| s.1.unwrap_or(Value::Unknown)).collect();
            if !here.is_empty() {
                return here;
            }
        }
        match told.iter().rev().find(|s| 2 * s.0 < slot || 2 * s.0 == slot && slot % 2 == 0) {
            Some((at, Some(value))) => {
                let stale = self.trace.signals[id.0 as usize].stale_after;
                if stale.is_some_and(|after| slot >= 2 * (at + after.nanos())) {
                    vec![Value::Unknown]
                } else {
                    vec![*value]
                }
            }
            _ => vec![Value::Unknown],
        }
    }

    fn signal(&self, id: SignalId, slot: i64) -> N {
        let mut out: Option<N> = None;
        for value in self.values(id, slot) {
            let Value::Number(n) = value else { return NOTHING };
            if !n.is_finite() {
                return NOTHING;
            }
            out = Some(match out {
                None => N { lo: n, hi: n, missing: false, before: false },
                Some(o) => N { lo: o.lo.min(n), hi: o.hi.max(n), ..o },
            });
        }
        let mut n = out.expect("a signal always holds something");
        n.missing = n.lo != n.hi;
        n
    }

    fn test(&self, id: SignalId, slot: i64, holds: impl Fn(Value) -> Option<bool>) -> V {
        let tests: Vec<_> = self.values(id, slot).into_iter().map(holds).collect();
        if tests.contains(&None) || tests.iter().any(|t| *t != tests[0]) {
            MISSING
        } else {
            known(tests[0] == Some(true))
        }
    }

    fn changed(&self, id: SignalId, slot: i64) -> V {
        let here = |s: &&(i64, Option<Value>)| 2 * s.0 == slot;
        let told = self.told(id);
        if slot >= self.unknown_from {
            return MISSING;
        }
        if slot % 2 == 1
            || !told.iter().any(|s| here(&s))
            || slot == self.first && !self.trace.samples.iter().any(|s| s.1 == id && 2 * s.0 == slot)
        {
            return if self.values(id, slot).iter().any(|v| v.is_unknown()) { MISSING } else { known(false) };
        }
        // Just before the instant: what the open interval before it holds, or what was held before the start.
        let stale = self.trace.signals[id.0 as usize].stale_after;
        let before = match told.iter().rev().find(|s| 2 * s.0 < slot) {
            Some((at, Some(value))) if stale.is_none_or(|after| slot <= 2 * (at + after.nanos())) => *value,
            _ => Value::Unknown,
        };
        let mut chain = vec![before];
        chain.extend(self.values(id, slot));
        if chain[1..].iter().any(|v| matches!(v, Value::Pulse)) {
            return known(true);
        }
        let definite = chain.windows(2).any(|w| !w[0].is_unknown() && !w[1].is_unknown() && w[0] != w[1]);
        let unsure = chain.windows(2).any(|w| w[0].is_unknown() || w[1].is_unknown());
        if definite {
            known(true)
        } else if !unsure {
            known(false)
        } else if slot == self.first
            && !told.iter().any(|s| 2 * s.0 < slot)
            && !chain[1..].iter().any(|v| v.is_unknown())
        {
            BEFORE
        } else {
            MISSING
        }
    }

    fn rate(&self, id: SignalId, slot: i64) -> N {
        let value = self.signal(id, slot);
        if value.lo == f64::NEG_INFINITY {
            return NOTHING;
        }
        let told = self.told(id);
        let samples: Vec<(i64, Value)> = told.iter().filter_map(|s| s.1.map(|v| (s.0, v))).collect();
        let Some(latest) = samples.iter().rev().map(|s| s.0).find(|at| 2 * at <= slot) else { return NOTHING };
        let Some(&(stamp, before)) = samples.iter().rev().find(|s| s.0 < latest) else { return NOT_YET };
        let stale = self.trace.signals[id.0 as usize].stale_after;
        // Fresh until the later one came, and not lost in between.
        let place = told.iter().position(|s| s.0 == latest && s.1.is_some()).expect("just found");
        let after = told.iter().rposition(|s| s.0 == stamp && s.1.is_some()).expect("just found");
        let lost = told[after..place].iter().any(|s| s.1.is_none());
        let overdue = stale.is_some_and(|after| latest > stamp + after.nanos());
        match before {
            Value::Number(n) if n.is_finite() && !lost && !overdue => {
                let seconds = (latest - stamp) as f64 / 1e9;
                let (lo, hi) = ((value.lo - n) / seconds, (value.hi - n) / seconds);
                if lo.is_finite() && hi.is_finite() { N { lo, hi, ..value } } else { NOTHING }
            }
            _ => NOTHING,
        }
    }

    fn number(&self, number: &Number) -> Vec<N> {
        let one = |a: &Number, f: &dyn Fn(N) -> (f64, f64)| {
            self.still(a).into_iter().map(|x| finish(f(x), &[x])).collect::<Vec<N>>()
        };
        let two = |a: &Number, b: &Number, f: &dyn Fn(N, N) -> (f64, f64)| {
            let (a, b) = (self.number(a), self.number(b));
            a.into_iter().zip(b).map(|(x, y)| finish(f(x, y), &[x, y])).collect::<Vec<N>>()
        };
        match number {
            Number::Constant(c) => self.each(|_| N { lo: *c, hi: *c, missing: false, before: false }),
            Number::Signal(id) => self.each(|s| self.signal(*id, s)),
            Number::Rate(id) => self.each(|s| self.rate(*id, s)),
            Number::Age(id) => {
                let told = self.told(*id);
                self.each(|s| {
                    if s >= self.unknown_from {
                        return NOTHING;
                    }
                    let last = told.iter().rev().find(|x| x.1.is_some() && 2 * x.0 <= s);
                    let at = last.map_or(self.trace.start, |x| x.0);
                    let age = (s.div_euclid(2) - at) as f64 / 1e9;
                    N { lo: age, hi: age, missing: false, before: false }
                })
            }
            Number::Negate(a) => self.number(a).into_iter().map(|x| finish((-x.hi, -x.lo), &[x])).collect(),
            Number::Add(a, b) => two(a, b, &|x, y| (x.lo + y.lo, x.hi + y.hi)),
            Number::Subtract(a, b) => two(a, b, &|x, y| (x.lo - y.hi, x.hi - y.lo)),
            Number::Multiply(a, b) => two(a, b, &|x, y| {
                if x.lo == x.hi && y.lo == y.hi {
                    return (x.lo * y.lo, x.lo * y.lo);
                }
                let p = |u: f64, v: f64| if u == 0.0 || v == 0.0 { 0.0 } else { u * v };
                span(&[p(x.lo, y.lo), p(x.lo, y.hi), p(x.hi, y.lo), p(x.hi, y.hi)])
            }),
            Number::Divide(a, b) => two(a, b, &|x, y| {
                if y.lo <= 0.0 && y.hi >= 0.0 {
                    return (f64::NAN, f64::NAN);
                }
                if x.lo == x.hi && y.lo == y.hi {
                    return (x.lo / y.lo, x.lo / y.lo);
                }
                span(&[x.lo / y.lo, x.lo / y.hi, x.hi / y.lo, x.hi / y.hi])
            }),
            Number::Abs(a) => one(a, &absolute),
            Number::Min(parts) => self.many(parts, |all| {
                (
                    all.iter().map(|x| x.lo).fold(f64::INFINITY, f64::min),
                    all.iter().map(|x| x.hi).fold(f64::INFINITY, f64::min),
                )
            }),
            Number::Max(parts) => self.many(parts, |all| {
                let low = f64::NEG_INFINITY;
                (all.iter().map(|x| x.lo).fold(low, f64::max), all.iter().map(|x| x.hi).fold(low, f64::max))
            }),
            Number::Clamp(a, lo, hi) => {
                let parts = [(**a).clone(), (**lo).clone(), (**hi).clone()];
                self.many(&parts, |x| (x[0].lo.max(x[1].lo).min(x[2].lo), x[0].hi.max(x[1].hi).min(x[2].hi)))
            }
            Number::Sqrt(a) => one(a, &|x| if x.lo < 0.0 { (f64::NAN, f64::NAN) } else { (x.lo.sqrt(), x.hi.sqrt()) }),
            Number::Sin(a) => one(a, &|x| if x.lo == x.hi { (libm::sin(x.lo), libm::sin(x.lo)) } else { (-1.0, 1.0) }),
            Number::Cos(a) => one(a, &|x| if x.lo == x.hi { (libm::cos(x.lo), libm::cos(x.lo)) } else { (-1.0, 1.0) }),
            Number::Atan2(y, x) => self.many(&[(**y).clone(), (**x).clone()], |a| {
                if a[0].lo == a[0].hi && a[1].lo == a[1].hi {
                    let v = libm::atan2(a[0].lo, a[1].lo);
                    (v, v)
                } else {
                    (-std::f64::consts::PI, std::f64::consts::PI)
                }
            }),
            Number::Norm(parts) => self.many(parts, |all| {
                let sizes: Vec<_> = all.iter().map(|x| absolute(*x)).collect();
                let sum = |side: fn(&(f64, f64)) -> f64| sizes.iter().map(|s| side(s) * side(s)).sum::<f64>().sqrt();
                (sum(|s| s.0), sum(|s| s.1))
            }),
            Number::Delta(window, a) => {
                let all = self.number(a);
                let back = 2 * window.nanos() as usize;
                (0..all.len())
                    .map(|i| {
                        let then = if i >= back { all[i - back] } else { NOT_YET };
                        finish((all[i].lo - then.hi, all[i].hi - then.lo), &[all[i], then])
                    })
                    .collect()
            }
            Number::Mean(window, a) => self.mean(*window, NOT_YET, &self.still(a)),
            Number::Fraction(window, f) => {
                let share: Vec<N> = self
                    .formula(f)
                    .iter()
                    .map(|v| {
                        let one = |b: bool| if b { 1.0 } else { 0.0 };
                        let open = v.t[1] && !v.t[0];
                        N { lo: one(v.t[0]), hi: one(v.t[1]), missing: open && !v.t[2], before: open && v.t[2] }
                    })
                    .collect();
                // A share lies in 0 to 1 even where nothing is known.
                self.mean(*window, N { lo: 0.0, hi: 1.0, ..NOT_YET }, &share)
            }
            Number::Outside { polygon, x, y } => self.many(&[(**x).clone(), (**y).clone()], |a| {
                if a[0].lo == a[0].hi && a[1].lo == a[1].hi {
                    let d = outside(polygon, a[0].lo, a[1].lo);
                    return (d, d);
                }
                let centre = |n: N| n.lo + (n.hi - n.lo) * 0.5;
                let reach = |n: N| (n.hi - n.lo) * 0.5;
                let radius = (reach(a[0]) * reach(a[0]) + reach(a[1]) * reach(a[1])).sqrt();
                let d = outside(polygon, centre(a[0]), centre(a[1]));
                (d - radius, d + radius)
            }),
            Number::Table { input, points } => one(input, &|x| {
                let mut seen = vec![table(points, x.lo), table(points, x.hi)];
                if x.lo < x.hi {
                    seen.extend(points.iter().filter(|p| p.0 > x.lo && p.0 < x.hi).map(|p| p.1));
                }
                span(&seen)
            }),
        }
    }

    /// The operand of arithmetic that can't follow a moving number.
    fn still(&self, number: &Number) -> Vec<N> {
        let all = self.number(number);
        if moves(number) {
            all.into_iter().map(|n| N { lo: f64::NEG_INFINITY, hi: f64::INFINITY, ..n }).collect()
        } else {
            all
        }
    }

    fn many(&self, parts: &[Number], f: impl Fn(&[N]) -> (f64, f64)) -> Vec<N> {
        let all: Vec<Vec<N>> = parts.iter().map(|p| self.still(p)).collect();
        (0..all[0].len())
            .map(|i| {
                let here: Vec<N> = all.iter().map(|a| a[i]).collect();
                finish(f(&here), &here)
            })
            .collect()
    }

    fn mean(&self, window: Span, before: N, all: &[N]) -> Vec<N> {
        let width = window.nanos().max(1);
        self.each(|slot| {
            let tick = slot.div_euclid(2);
            let mut sum = N { lo: 0.0, hi: 0.0, missing: false, before: false };
            for k in tick - width..tick {
                let place = 2 * k + 1 - self.first;
                let n = if place < 0 { before } else { all[place as usize] };
                sum.lo += n.lo;
                sum.hi += n.hi;
                sum.missing |= n.missing;
                sum.before |= n.before;
            }
            N { lo: sum.lo / width as f64, hi: sum.hi / width as f64, ..sum }
        })
    }

    /// The operand of a temporal operator: of a moving margin only the sign counts.
    fn operand(&self, formula: &Formula) -> Vec<V> {
        let all = self.formula(formula);
        if !formula_moves(formula) {
            return all;
        }
        let sign = |v: V| V {
            lo: if v.t[0] { 0.0 } else { f64::NEG_INFINITY },
            hi: if v.t[1] { f64::INFINITY } else { 0.0 },
            t: v.t,
        };
        all.into_iter().map(sign).collect()
    }

    /// Largest over the slots `slot - to ..= slot - from`.
    fn past(&self, all: &[V], window: Window) -> Vec<V> {
        self.each(|slot| {
            let mut out = known(false);
            let newest = slot - 2 * window.from.nanos();
            let oldest = window.to.map_or(self.first, |to| slot - 2 * to.nanos());
            for s in oldest..=newest {
                let i = s - self.first;
                if i < 0 && self.cut {
                    continue;
                }
                out = out.or(if i < 0 { BEFORE } else { all[i as usize] });
            }
            out
        })
    }

    fn future(&self, all: &[V], window: Window) -> Vec<V> {
        let to = window.to.expect("bounded");
        self.each(|slot| {
            let mut out = known(false);
            for s in slot + 2 * window.from.nanos()..=slot + 2 * to.nanos() {
                match all.get((s - self.first) as usize) {
                    Some(value) => out = out.or(*value),
                    None if self.cut => break,
                    None => out = out.or(MISSING),
                }
            }
            out
        })
    }

    fn negated(all: Vec<V>) -> Vec<V> {
        all.into_iter().map(V::not).collect()
    }

    fn since(&self, p: &[V], q: &[V], to: Option<Span>) -> Vec<V> {
        let at = |all: &[V], s: i64| if s < self.first { BEFORE } else { all[(s - self.first) as usize] };
        self.each(|slot| {
            let oldest = to.map_or(self.first, |to| slot - 2 * to.nanos());
            let mut out = known(false);
            // p over all slots after t.
            let mut later = known(true);
            for t in (oldest..=slot).rev() {
                if t < self.first && self.cut {
                    break;
                }
                let with_t = later.and(at(p, t));
                // The rest of an open interval belongs to (t, slot] unless t is the present.
                out = out.or(at(q, t).and(if t % 2 == 0 || t == slot { later } else { with_t }));
                // The limit of q from the left of t, with p over [t, slot]; t - b itself and the start are excluded.
                let excluded = t == self.first || to.is_some() && t == oldest;
                if t % 2 == 0 && !excluded {
                    out = out.or(at(q, t - 1).and(with_t));
                }
                later = with_t;
            }
            out
        })
    }

    fn until(&self, p: &[V], q: &[V], to: Span) -> Vec<V> {
        let at = |all: &[V], s: i64| all.get((s - self.first) as usize).copied().unwrap_or(MISSING);
        self.each(|slot| {
            let mut out = known(false);
            // p over all slots from the present to before t.
            let mut earlier = known(true);
            for t in slot..=slot + 2 * to.nanos() {
                if t > self.last && self.cut {
                    break;
                }
                let with_t = earlier.and(at(p, t));
                // An open interval is entered before any witness in it, except the present one.
                out = out.or(at(q, t).and(if t % 2 == 0 || t == slot { earlier } else { with_t }));
                earlier = with_t;
            }
            out
        })
    }

    /// The formula at every slot.
    pub fn formula(&self, formula: &Formula) -> Vec<V> {
        let zip = |p: &Formula, q: &Formula, f: fn(V, V) -> V| {
            self.formula(p).into_iter().zip(self.formula(q)).map(|(x, y)| f(x, y)).collect::<Vec<V>>()
        };
        match formula {
            Formula::Constant(truth) => self.each(|_| known(*truth)),
            Formula::Flag(id) => {
                self.each(|s| self.test(*id, s, |v| if let Value::Flag(b) = v { Some(b) } else { None }))
            }
            Formula::State { signal, any_of } => self.each(|s| {
                self.test(*signal, s, |v| if let Value::State(x) = v { Some(any_of.contains(&x)) } else { None })
            }),
            Formula::Compare { op, left, right, scale } => {
                let (l, r) = (self.number(left), self.number(right));
                l.into_iter().zip(r).map(|(l, r)| compare(*op, l, r, *scale)).collect()
            }
            Formula::In { expr, lo, hi, scale } => {
                let (x, lo, hi) = (self.number(expr), self.number(lo), self.number(hi));
                (0..x.len())
                    .map(|i| {
                        compare(Comparison::GreaterEqual, x[i], lo[i], *scale).and(compare(
                            Comparison::LessEqual,
                            x[i],
                            hi[i],
                            *scale,
                        ))
                    })
                    .collect()
            }
            Formula::Changed(id) => self.each(|s| self.changed(*id, s)),
            Formula::Not(p) => Self::negated(self.formula(p)),
            Formula::And(parts) | Formula::Or(parts) => {
                let and = matches!(formula, Formula::And(_));
                let all: Vec<Vec<V>> = parts.iter().map(|p| self.formula(p)).collect();
                (0..(self.last - self.first + 1) as usize)
                    .map(|i| all.iter().map(|a| a[i]).fold(known(and), |x, y| if and { x.and(y) } else { x.or(y) }))
                    .collect()
            }
            Formula::Implies(p, q) => zip(p, q, V::implies),
            Formula::Iff(p, q) => zip(p, q, |x, y| x.implies(y).and(y.implies(x))),
            Formula::Rise(p) | Formula::Fall(p) => {
                let rise = matches!(formula, Formula::Rise(_));
                let all = self.operand(p);
                let all = if rise { all } else { Self::negated(all) };
                (0..all.len())
                    .map(|i| {
                        let before = match i {
                            0 => known(false),
                            _ if i % 2 == 0 => all[i - 1],
                            _ => all[i],
                        };
                        before.not().and(all[i])
                    })
                    .collect()
            }
            Formula::Once(w, p) => self.past(&self.operand(p), *w),
            Formula::Historically(w, p) => Self::negated(self.past(&Self::negated(self.operand(p)), *w)),
            Formula::Eventually(w, p) => self.future(&self.operand(p), *w),
            Formula::Always(w, p) => Self::negated(self.future(&Self::negated(self.operand(p)), *w)),
            Formula::Since(w, p, q) => {
                let (p, q) = (self.operand(p), self.operand(q));
                let whole = self.since(&p, &q, w.to.map(|to| to - w.from));
                if w.from == Span::ZERO {
                    return whole;
                }
                let lead = Window { from: Span::ZERO, to: Some(w.from) };
                let held = Self::negated(self.past(&Self::negated(p), lead));
                // An unbounded operator starts at the start: there is no witness before it.
                let shifted = self.each(|slot| match slot - 2 * w.from.nanos() - self.first {
                    i if i >= 0 => whole[i as usize],
                    _ if w.to.is_some() && !self.cut => BEFORE,
                    _ => known(false),
                });
                held.into_iter().zip(shifted).map(|(x, y)| x.and(y)).collect()
            }
            Formula::Until(w, p, q) => self.until_window(*w, &self.operand(p), &self.operand(q)),
            Formula::Unless(w, p, q) => {
                let (p, q) = (self.operand(p), self.operand(q));
                let until = self.until_window(*w, &p, &q);
                let whole = Window { from: Span::ZERO, to: w.to };
                let always = Self::negated(self.future(&Self::negated(p), whole));
                always.into_iter().zip(until).map(|(x, y)| x.or(y)).collect()
            }
        }
    }

    fn until_window(&self, w: Window, p: &[V], q: &[V]) -> Vec<V> {
        let whole = self.until(p, q, w.to.expect("bounded") - w.from);
        if w.from == Span::ZERO {
            return whole;
        }
        let held =
            Self::negated(self.future(&Self::negated(p.to_vec()), Window { from: Span::ZERO, to: Some(w.from) }));
        let later = self.future(&whole, Window { from: w.from, to: Some(w.from) });
        held.into_iter().zip(later).map(|(x, y)| x.and(y)).collect()
    }
}

fn compare(op: Comparison, l: N, r: N, scale: f64) -> V {
    let (big, small, strict) = match op {
        Comparison::Less => (r, l, true),
        Comparison::LessEqual => (r, l, false),
        Comparison::Greater => (l, r, true),
        Comparison::GreaterEqual => (l, r, false),
    };
    let (lo, hi) = (big.lo - small.hi, big.hi - small.lo);
    let yes = if strict { lo > 0.0 } else { lo >= 0.0 };
    let no = if strict { hi <= 0.0 } else { hi < 0.0 };
    let t = if yes {
        [true; 4]
    } else if no {
        [false; 4]
    } else if !(l.missing || r.missing) && (l.before || r.before) {
        BEFORE.t
    } else {
        MISSING.t
    };
    V { lo: lo / scale, hi: hi / scale, t }
}

fn finish((lo, hi): (f64, f64), parts: &[N]) -> N {
    let missing = parts.iter().any(|p| p.missing);
    let before = parts.iter().any(|p| p.before);
    let bad = lo.is_nan() || hi.is_nan() || lo == f64::INFINITY || hi == f64::NEG_INFINITY;
    let (lo, hi) = if bad { (f64::NEG_INFINITY, f64::INFINITY) } else { (lo, hi) };
    N { lo, hi, missing: missing || !before && lo != hi, before }
}

fn span(all: &[f64]) -> (f64, f64) {
    let all = || all.iter().copied().filter(|x| !x.is_nan());
    (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max))
}

fn absolute(x: N) -> (f64, f64) {
    if x.lo <= 0.0 && x.hi >= 0.0 {
        (0.0, x.hi.max(-x.lo))
    } else {
        (x.lo.abs().min(x.hi.abs()), x.lo.abs().max(x.hi.abs()))
    }
}
