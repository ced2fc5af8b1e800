//! The running account at every prefix: the early upper end, and the instant at which a violation is told.

use super::feed::must;
use super::feed::{Feed, RULE, at_most, feed, infimum, is_violated, last_words, rule, same, whole};
use super::naive::{Naive, Trace, V};
use super::random::{self, Dice};
use super::shape::{formula_moves, horizon};
use super::shrink::check;
use super::values::case;
use super::{enough, seeds};
use checkrein::expr::ir::{Formula, Window};
use checkrein::stl::{Change, Options, RuleSpec, RuleVerdict, Truth};
use checkrein::time::Span;

/// Naive values of every instant before slot `closed`, with everything from there on unknown.
fn at_prefix(formula: &Formula, trace: &Trace, closed: i64) -> Vec<V> {
    let naive = Naive::new(trace, closed + 2 * horizon(formula), closed);
    let mut values = naive.formula(formula);
    values.truncate((closed - naive.first) as usize);
    values
}

/// Any rule: nothing is told that is not so.
pub fn sound(spec: &RuleSpec, trace: &Trace, end: i64) -> Result<(), String> {
    let formula = whole(spec);
    let exact = !formula_moves(&formula);
    let mut early_before = f64::INFINITY;
    let mut told_before = 0;
    feed(std::slice::from_ref(spec), trace, end, (Feed::EveryTick, Options::default()), |engine, closed, changes| {
        let values = at_prefix(&formula, trace, closed);
        let hi = infimum(&values).hi;
        let broken = values.iter().any(|v| !v.t[1]);
        let running = engine.running(RULE);
        let say = || format!("closed {closed}: {running:?}, by definition hi {hi} broken {broken}");
        must!(at_most(hi, running.early_hi, exact), "too low an upper end; {}", say());
        must!(at_most(running.early_hi, running.decided.hi, exact), "above what is decided; {}", say());
        must!(at_most(running.early_hi, early_before, exact), "rises from {early_before}; {}", say());
        must!(broken || running.truth == Truth::Unknown, "told too early; {}", say());
        must!((running.truth == Truth::False) == is_violated(changes), "two tales; {}", say());
        let room = running.truth == Truth::False && running.early_hi > 0.0;
        must!(!room, "broken with room left; {}", say());
        // A violation names the prefix that proved it, and an instant that is false.
        for change in &changes[told_before..] {
            if let Change::Violated { instant, at, .. } = change {
                let slot = 2 * (instant.nanos() - trace.start);
                let here = values.iter().skip(slot as usize).take(2).any(|v| !v.t[1]);
                must!(here, "{instant} is not false; {}", say());
                must!(at.nanos() == (closed - 1) >> 1, "known at {at}; {}", say());
            }
        }
        told_before = changes.len();
        early_before = running.early_hi;
        Ok(())
    })?;
    Ok(())
}

#[test]
fn nothing_is_told_early_that_is_not_so() {
    for seed in seeds(20_000_000, 150) {
        let (spec, trace, end) = case(seed, 4, 12);
        check(seed, spec, trace, end, &sound);
    }
}

/// `always (past implies one bounded future operator)`, or a conjunction of two. The operands of the future operator
/// have no memory, so that what is unknown after now is unknown in them.
fn promise(dice: &mut Dice) -> Formula {
    let window = random::window(dice, false);
    let (p, q) = (Box::new(random::atom(dice)), Box::new(random::atom(dice)));
    let promise = match dice.below(5) {
        0 => Formula::Always(window, p),
        1 => Formula::Eventually(window, p),
        2 => Formula::Until(window, p, q),
        3 => Formula::Unless(window, p, q),
        _ => Formula::Not(Box::new(Formula::Eventually(window, p))),
    };
    let asked = Box::new(random::formula(dice, 2, false));
    match dice.below(4) {
        0 => promise,
        1 => Formula::Or(vec![Formula::Not(asked), promise]),
        2 => Formula::Not(Box::new(Formula::And(vec![*asked, Formula::Not(Box::new(promise))]))),
        _ => Formula::Implies(asked, Box::new(promise)),
    }
}

/// Small cases of a promise may not be one any more.
fn is_of_the_fragment(formula: &Formula) -> bool {
    let past = |f: &Formula| horizon(f) == 0;
    let atom = |f: &Formula| match f {
        Formula::Flag(_) | Formula::State { .. } => true,
        Formula::Compare { left, right, .. } => {
            matches!((left, right), (checkrein::expr::ir::Number::Signal(_), checkrein::expr::ir::Number::Constant(_)))
        }
        _ => false,
    };
    let one = |f: &Formula| match f {
        Formula::Always(_, p) | Formula::Eventually(_, p) => atom(p),
        Formula::Until(_, p, q) | Formula::Unless(_, p, q) => atom(p) && atom(q),
        Formula::Not(f) => matches!(&**f, Formula::Eventually(_, p) if atom(p)),
        _ => false,
    };
    past(formula)
        || one(formula)
        || match formula {
            Formula::And(all) => all.iter().all(is_of_the_fragment),
            Formula::Implies(p, q) => past(p) && one(q),
            Formula::Or(all) => all.len() == 2 && past(&all[0]) && one(&all[1]),
            Formula::Not(f) => match &**f {
                Formula::And(all) => all.len() == 2 && past(&all[0]) && matches!(&all[1], Formula::Not(f) if one(f)),
                _ => false,
            },
            _ => false,
        }
}

/// A rule of the fragment in which the earliest is known: told no later than by definition, and as low. Of a margin that
/// moves beside a promise only the sign need be foreseen.
fn earliest(spec: &RuleSpec, trace: &Trace, end: i64) -> Result<(), String> {
    earliest_of(spec, trace, end, true)
}

/// The same; `margins`: the upper end too, not the truth alone.
fn earliest_of(spec: &RuleSpec, trace: &Trace, end: i64, margins: bool) -> Result<(), String> {
    let formula = whole(spec);
    let exact = !formula_moves(&formula);
    feed(std::slice::from_ref(spec), trace, end, (Feed::EveryTick, Options::default()), |engine, closed, changes| {
        let values = at_prefix(&formula, trace, closed);
        let hi = infimum(&values).hi;
        let broken = values.iter().any(|v| !v.t[1]);
        let running = engine.running(RULE);
        must!(
            is_violated(changes) == broken,
            "closed {closed}: told {changes:?}, broken by definition: {broken}, hi {hi}"
        );
        for change in changes {
            if let Change::Violated { instant, at, .. } = change
                && at.nanos() == (closed - 1) >> 1
            {
                let first = trace.start + (values.iter().position(|v| !v.t[1]).unwrap_or(usize::MAX) >> 1) as i64;
                must!(instant.nanos() == first, "closed {closed}: {change:?}, by definition from {first} ns on");
            }
        }
        must!(
            !(exact && margins) || same(running.early_hi, hi, true),
            "closed {closed}: {running:?}, by definition hi {hi}"
        );
        Ok(())
    })?;
    Ok(())
}

/// What remembers, so that part of what it will be is known: `historically`, `once` of what has no memory, and what joins
/// them. (`once` over what remembers may be false later and unknown now, which is not foreseen.)
fn remembered(dice: &mut Dice, depth: u32) -> Formula {
    if depth == 0 {
        let atom = random::atom(dice);
        return if dice.one_in(4) { Formula::Not(Box::new(atom)) } else { atom };
    }
    let window = Window { from: Span::ZERO, to: random::window(dice, false).to };
    match dice.below(7) {
        0 => Formula::And(vec![remembered(dice, depth - 1), remembered(dice, depth - 1)]),
        1 => Formula::Or(vec![remembered(dice, depth - 1), remembered(dice, depth - 1)]),
        2 => Formula::Once(window, Box::new(remembered(dice, 0))),
        _ => Formula::Historically(window, Box::new(remembered(dice, depth - 1))),
    }
}

/// `asked implies` one future operator over operands that remember, which the test does not take apart when it shrinks.
fn is_over_what_is_remembered(formula: &Formula) -> bool {
    fn remembers(f: &Formula) -> bool {
        match f {
            Formula::Flag(_) | Formula::State { .. } => true,
            Formula::Compare { left, right, .. } => {
                use checkrein::expr::ir::Number::{Constant, Signal};
                matches!((left, right), (Signal(_), Constant(_)))
            }
            Formula::Not(f) => remembers(f),
            Formula::And(all) | Formula::Or(all) => all.iter().all(remembers),
            Formula::Once(w, f) | Formula::Historically(w, f) => w.from == Span::ZERO && w.to.is_some() && remembers(f),
            _ => false,
        }
    }
    match formula {
        Formula::Implies(asked, promise) => {
            horizon(asked) == 0
                && match &**promise {
                    Formula::Always(w, p) | Formula::Eventually(w, p) => w.to.is_some() && remembers(p),
                    Formula::Until(w, p, q) => w.from == Span::ZERO && w.to.is_some() && remembers(p) && remembers(q),
                    _ => false,
                }
        }
        _ => false,
    }
}

#[test]
fn what_must_come_of_what_is_remembered_is_told_at_the_earliest_instant() {
    let mut early = 0;
    for seed in seeds(80_000_000, 400) {
        let mut dice = Dice::new(seed);
        let window = random::window(&mut dice, false);
        let mut operand = || Box::new(remembered(&mut dice, 2));
        let (p, q) = (operand(), operand());
        let promise = match dice.below(4) {
            0 => Formula::Always(window, p),
            1 => Formula::Until(Window { from: Span::ZERO, ..window }, p, q),
            _ => Formula::Eventually(window, p),
        };
        let spec = rule(Formula::Implies(Box::new(random::atom(&mut dice)), Box::new(promise)), None);
        let trace = random::trace(&mut dice, 18);
        let end = trace.start + 18;
        let formula = whole(&spec);
        let told =
            (2 * trace.start..2 * end).find(|&closed| at_prefix(&formula, &trace, closed).iter().any(|v| !v.t[1]));
        early += u32::from(told.is_some());
        check(seed, spec, trace, end, &|s, t, e| {
            sound(s, t, e)?;
            if is_over_what_is_remembered(&s.body) { earliest_of(s, t, e, false) } else { Ok(()) }
        });
    }
    enough(early, 100, "violations");
}

#[test]
fn a_broken_promise_is_told_at_the_earliest_instant() {
    let mut raised = 0;
    for seed in seeds(30_000_000, 250) {
        let mut dice = Dice::new(seed);
        let mut body = promise(&mut dice);
        if dice.one_in(3) {
            let mut all: Vec<Formula> = (0..1 + dice.below(2)).map(|_| promise(&mut dice)).collect();
            all.push(body);
            body = Formula::And(all);
        }
        let when = dice.one_in(4).then(|| random::atom(&mut dice));
        let spec = rule(body, when);
        let trace = random::trace(&mut dice, 18);
        let end = trace.start + 18;
        raised += u32::from(at_prefix(&whole(&spec), &trace, 2 * end + 2).iter().any(|v| !v.t[1]));
        check(seed, spec, trace, end, &|s, t, e| {
            sound(s, t, e)?;
            if is_of_the_fragment(&s.body) { earliest(s, t, e) } else { Ok(()) }
        });
    }
    enough(raised, 100, "violations");
}

/// What the engine would have to say with the scope ending before slot `closed`: an unbounded operator at the top of a
/// rule reaches to the end of the scope; whether something still comes after it is unknown, what holds till then held.
fn unbounded_by_definition(asked: &Formula, promise: &Formula, trace: &Trace, closed: i64) -> V {
    let naive = Naive::new(trace, closed - 1, closed);
    let asked = naive.formula(asked);
    let count = asked.len();
    let yes = V { lo: f64::INFINITY, hi: f64::INFINITY, t: [true; 4] };
    let missing = V { lo: f64::NEG_INFINITY, hi: f64::INFINITY, t: [false, true, false, true] };
    let (window, p, q, may_end, must_come) = match promise {
        Formula::Always(w, p) => (w, naive.formula(p), Vec::new(), true, false),
        Formula::Eventually(w, q) => (w, vec![yes; count], naive.formula(q), false, true),
        Formula::Until(w, p, q) => (w, naive.formula(p), naive.formula(q), true, true),
        Formula::Unless(w, p, q) => (w, naive.formula(p), naive.formula(q), true, false),
        other => panic!("not at the top of a rule: {other:?}"),
    };
    let from = 2 * window.from.nanos() as usize;
    let led = matches!(promise, Formula::Until(..) | Formula::Unless(..));
    let mut rule = yes;
    for (i, asked) in asked.iter().enumerate() {
        let mut value = yes;
        if led && from > 0 {
            for j in i..=i + from {
                value = value.and(p.get(j).copied().unwrap_or(missing));
            }
        }
        let first = i + from;
        if first < count {
            let (mut held, mut witness, mut came) = (yes, yes.not(), missing);
            for j in first..count {
                let with_j = held.and(p[j]);
                if !q.is_empty() {
                    // The first slot is an instant: the open intervals are the odd places.
                    witness = witness.or(q[j].and(if j % 2 == 0 || j == first { held } else { with_j }));
                    came = came.or(q[j]);
                }
                held = with_j;
            }
            if may_end {
                value = value.and(held.or(witness));
            }
            if must_come {
                value = value.and(came);
            }
        } else if must_come && !led {
            value = missing;
        }
        rule = rule.and(asked.not().or(value));
    }
    rule
}

fn unbounded(
    spec: &RuleSpec,
    (asked, promise): (&Formula, &Formula),
    trace: &Trace,
    end: i64,
    verdict: &mut RuleVerdict,
) -> Result<(), String> {
    let how = (Feed::EveryTick, Options { pieces: true, ..Options::default() });
    let (engine, changes) = feed(std::slice::from_ref(spec), trace, end, how, |engine, closed, changes| {
        let value = unbounded_by_definition(asked, promise, trace, closed);
        let running = engine.running(RULE);
        let say = || format!("closed {closed}: {running:?} {changes:?}, by definition {value:?}");
        let broken = !value.t[1];
        must!(is_violated(changes) == broken && (running.truth == Truth::False) == broken, "{}", say());
        must!(value.hi <= running.early_hi && running.early_hi <= running.decided.hi, "{}", say());
        Ok(())
    })?;
    let value = unbounded_by_definition(asked, promise, trace, 2 * end + 2);
    *verdict = match (value.t[1], value.t[2]) {
        (false, _) => RuleVerdict::Fail,
        (_, true) => RuleVerdict::Pass,
        _ => RuleVerdict::Inconclusive,
    };
    let found = last_words(engine, changes, end).judgement;
    must!(
        // What was nowhere certain is no pass, which the value of the whole does not show.
        (found.verdict == *verdict || !value.t[0] && found.verdict == RuleVerdict::Inconclusive)
            && found.margin.lo == value.lo
            && found.margin.hi == value.hi,
        "the engine says {found:?}, by definition {verdict:?} {value:?}"
    );
    Ok(())
}

#[test]
fn unbounded_operators_at_the_top_reach_to_the_end_of_the_scope() {
    let mut kinds = [0_u32; 4];
    for seed in seeds(40_000_000, 600) {
        let mut dice = Dice::new(seed);
        let window = Window { to: None, ..random::window(&mut dice, false) };
        let (p, q) = (Box::new(random::atom(&mut dice)), Box::new(random::atom(&mut dice)));
        let promise = match dice.below(4) {
            0 => Formula::Always(window, p),
            1 => Formula::Eventually(window, p),
            2 => Formula::Until(window, p, q),
            _ => Formula::Unless(window, p, q),
        };
        let asked = if dice.one_in(3) { random::atom(&mut dice) } else { random::formula(&mut dice, 2, false) };
        if formula_moves(&asked) {
            continue;
        }
        let spec = rule(Formula::Implies(Box::new(asked.clone()), Box::new(promise.clone())), None);
        let trace = random::trace(&mut dice, 14);
        let end = trace.start + 14;
        let mut verdict = RuleVerdict::Untested;
        let both = (&asked, &promise);
        unbounded(&spec, both, &trace, end, &mut verdict)
            .unwrap_or_else(|why| panic!("CHECKREIN_ORACLE_SEED={seed}: {why}\n{spec:?}\n{trace:?}"));
        kinds[verdict as usize] += 1;
    }
    let [pass, fail, _, inconclusive] = kinds;
    enough(pass.min(fail).min(inconclusive), 10, "of one verdict");
}
