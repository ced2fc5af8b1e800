//! A device faster than declared: memory merges neighbours, so that intervals get wider, and stay right.

use super::feed::must;
use super::feed::{Feed, RULE, at_most, feed, last_words, rule, slot, truth, whole};
use super::naive::{Naive, Trace};
use super::random::{self, Dice};
use super::shape::{formula_moves, horizon};
use super::shrink::check;
use super::values::{Compared, case, judgement_equals, last_word};
use super::{enough, seeds};
use checkrein::expr::ir::{Comparison, Formula, Number, Window};
use checkrein::signal::{SignalId, Value};
use checkrein::stl::{Change, Options, RuleSpec, RuleVerdict, SignalSpec, Truth};
use checkrein::time::Span;

fn is_merged(change: &Change) -> bool {
    matches!(change, Change::Merged { .. })
}

/// Intervals contain the definition's values, known truth equals it, memory stays as it was planned; and without a word
/// of merging all is equal.
pub fn wider_and_right(spec: &RuleSpec, trace: &Trace, end: i64) -> Result<bool, String> {
    let formula = whole(spec);
    let exact = !formula_moves(&formula);
    let closed = 2 * end + 2;
    let naive = Naive::new(trace, closed, closed);
    let values = naive.formula(&formula);
    let mut bytes = None;
    let options = Options { pieces: true, burst: 0, ..Options::default() };
    let one = std::slice::from_ref(spec);
    let (engine, changes) = feed(one, trace, end, (Feed::EveryTick, options), |engine, closed, changes| {
        let here = engine.bytes();
        must!(*bytes.get_or_insert(here) == here, "closed {closed}: memory went from {bytes:?} to {here}");
        let merged = changes.iter().filter(|c| is_merged(c)).count();
        must!(merged <= 1, "merging told {merged} times");
        let decided = (closed - 2 * horizon(&formula) - naive.first).max(0) as usize;
        let hi = values[..decided].iter().map(|v| v.hi).fold(f64::INFINITY, f64::min);
        let running = engine.running(RULE);
        must!(at_most(hi, running.decided.hi, exact), "closed {closed}: {running:?} below {hi}");
        must!(running.early_hi <= running.decided.hi, "closed {closed}: {running:?}");
        Ok(())
    })?;
    let said = last_words(engine, changes, end);
    let decided = closed - 2 * horizon(&formula);
    let merged = said.changes.iter().any(is_merged);
    if !merged {
        Compared { values: &values, first: naive.first, exact, done: 0 }
            .with(&said.pieces, decided.max(naive.first))?;
        if !said.merged_at_end {
            return judgement_equals(&said.judgement, last_word(spec, trace, end), exact).map(|()| false);
        }
    }
    for (i, piece) in said.pieces.iter().enumerate() {
        let from = slot(piece);
        let to = said.pieces.get(i + 1).map_or(decided, slot);
        let to = if piece.moving { from + 1 } else { to };
        for s in from..to {
            let v = &values[(s - naive.first) as usize];
            must!(
                at_most(piece.margin.lo, v.lo, exact) && at_most(v.hi, piece.margin.hi, exact),
                "at slot {s} {piece:?} does not contain {v:?}"
            );
            must!(piece.truth == Truth::Unknown || piece.truth == truth(v), "at slot {s} {piece:?}, truly {v:?}");
        }
    }
    let found = &said.judgement;
    let (verdict, margin, _) = last_word(spec, trace, end);
    must!(
        !matches!(found.verdict, RuleVerdict::Fail | RuleVerdict::Pass) || found.verdict == verdict,
        "{found:?}, by definition {verdict:?}"
    );
    must!(
        at_most(found.margin.lo, margin.lo, exact) && at_most(margin.hi, found.margin.hi, exact),
        "{found:?} does not contain {margin:?}"
    );
    Ok(merged)
}

/// A number that mostly climbs or mostly falls: what a window must remember of it is much.
fn slope(dice: &mut Dice, at: i64, signal: u32) -> Value {
    let up = if signal == 1 { -1.0 } else { 1.0 };
    let noise = dice.below(3) as f64 / 8.0;
    match signal {
        2 => Value::Flag(dice.one_in(2)),
        3 => Value::State(dice.below(3) as u16),
        4 => Value::Pulse,
        _ if dice.one_in(60) => Value::Unknown,
        5 => Value::Number(noise),
        _ => Value::Number(up * ((at % 150) as f64 / 64.0 - 1.0) + noise),
    }
}

/// A rule with windows so long, and a trace so dense, that samples declared to be rare do not fit.
fn crowded(seed: u64) -> (RuleSpec, Trace, i64) {
    let mut dice = Dice::new(seed);
    let atom = |dice: &mut Dice| {
        Box::new(match dice.below(6) {
            0 => {
                let mean = Number::Mean(Span::from_nanos(128), Box::new(Number::Signal(SignalId(5))));
                let right = Number::Constant(0.125);
                Formula::Compare { op: Comparison::Less, left: mean, right, scale: 1.0 }
            }
            1 => {
                let signal = Box::new(Number::Signal(SignalId(dice.below(2) as u32)));
                let delta = Number::Delta(Span::from_nanos(90 + dice.below(50) as i64), signal);
                let right = Number::Constant(0.5);
                Formula::Compare { op: Comparison::LessEqual, left: delta, right, scale: 1.0 }
            }
            _ => random::atom(dice),
        })
    };
    let (p, q) = (atom(&mut dice), atom(&mut dice));
    let to = Some(Span::from_nanos(80 + dice.below(60) as i64));
    let from = Span::from_nanos(if dice.one_in(2) { 0 } else { dice.below(70) as i64 });
    let window = Window { from, to };
    let body = match dice.below(7) {
        0 => Formula::Historically(window, p),
        1 => Formula::Once(window, p),
        2 => Formula::Since(window, p, q),
        3 => Formula::Always(window, p),
        4 => Formula::Until(window, p, q),
        5 => Formula::Unless(window, p, q),
        _ => Formula::Implies(q, Box::new(Formula::Eventually(window, p))),
    };
    let body = match dice.below(4) {
        0 => Formula::And(vec![body, *atom(&mut dice)]),
        1 => Formula::Historically(Window { from: Span::ZERO, to: Some(Span::from_nanos(40)) }, Box::new(body)),
        _ => body,
    };
    let length = 220 + dice.below(60) as i64;
    let mut trace = Trace { start: 0, ..Trace::default() };
    for _ in 0..random::SIGNALS {
        let every = [3, 1000, 1_000_000, 1_000_000_000][dice.below(4) as usize];
        trace.signals.push(SignalSpec { stale_after: None, every: Some(Span::from_nanos(every)) });
    }
    let busy = 1 + dice.below(2);
    for at in 0..length {
        for signal in 0..random::SIGNALS {
            if dice.one_in(busy) {
                trace.samples.push((at, SignalId(signal), Some(slope(&mut dice, at, signal))));
            }
        }
    }
    (rule(body, None), trace, length)
}

/// Any rule over any trace, declared to be rare.
fn hasty(seed: u64) -> (RuleSpec, Trace, i64) {
    let (spec, mut trace, end) = case(seed, 4, 40);
    for (place, signal) in trace.signals.iter_mut().enumerate() {
        signal.every = Some(Span::from_nanos(if (seed >> place) & 7 == 0 { 2 } else { 1_000_000 }));
    }
    (spec, trace, end)
}

#[test]
fn short_memory_that_merges_stays_right_and_never_grows() {
    let merged = std::cell::Cell::new(0);
    for seed in seeds(71_000_000, 500) {
        let (spec, trace, end) = hasty(seed);
        check(seed, spec, trace, end, &|s, t, e| {
            let told = wider_and_right(s, t, e)?;
            merged.set(merged.get() + u32::from(told));
            Ok(())
        });
    }
    enough(merged.get(), 50, "cases in which memory merges");
}

#[test]
fn memory_that_merges_stays_right_and_never_grows() {
    let merged = std::cell::Cell::new(0);
    for seed in seeds(70_000_000, 40) {
        let (spec, trace, end) = crowded(seed);
        check(seed, spec, trace, end, &|s, t, e| {
            let told = wider_and_right(s, t, e)?;
            merged.set(merged.get() + u32::from(told));
            Ok(())
        });
    }
    enough(merged.get(), 15, "cases in which memory merges");
}
