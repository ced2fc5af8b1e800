//! A device faster than declared: memory merges neighbours, so that intervals get wider, and stay right.

use super::awaited::MEMORY_MERGES;
use super::feed::{Feed, RULE, at_most, feed, last_words, slot, truth, whole};
use super::naive::{Naive, Trace};
use super::random::Dice;
use super::shape::{formula_moves, horizon};
use super::shrink::check;
use super::values::{case, last_word, prefixes_equal};
use super::{enough, must, seeds};
use checkrein::stl::{Change, Options, RuleSpec, RuleVerdict, Truth};
use checkrein::time::Span;

fn is_merged(change: &Change) -> bool {
    matches!(change, Change::Merged { .. })
}

/// Intervals contain the definition's values, known truth equals it, memory stays as it was planned; and without a word
/// of merging all is equal.
fn wider_and_right(spec: &RuleSpec, trace: &Trace, end: i64) -> Result<bool, String> {
    let formula = whole(spec);
    let exact = !formula_moves(&formula);
    let closed = 2 * end + 2;
    let naive = Naive::new(trace, closed, closed);
    let values = naive.formula(&formula);
    let mut bytes = None;
    let options = Options { pieces: true, ..Options::default() };
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
    if !said.changes.iter().any(is_merged) {
        prefixes_equal(spec, trace, end, Feed::EveryTick)?;
        return Ok(false);
    }
    let decided = closed - 2 * horizon(&formula);
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
    Ok(true)
}

#[test]
fn memory_that_merges_stays_right_and_never_grows() {
    let mut merged = 0;
    for seed in seeds(70_000_000, 600) {
        let (spec, mut trace, end) = case(seed, 5, 40);
        let mut dice = Dice::new(seed ^ 0xabcd);
        for signal in &mut trace.signals {
            // Declared far slower than it comes, or about right.
            signal.every = Some(Span::from_nanos([1, 3, 8, 1000][dice.below(4) as usize]));
        }
        merged += u32::from(wider_and_right(&spec, &trace, end).unwrap_or(false));
        check(seed, spec, trace, end, &|s, t, e| wider_and_right(s, t, e).map(|_| ()));
    }
    if MEMORY_MERGES {
        enough(merged, 50, "cases in which memory merges");
    }
}
