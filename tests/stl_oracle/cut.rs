//! Windows cut to the recording: an empty one holds nothing, so that `once` is false there and `historically` true.

use super::feed::{Feed, RULE, feed, last_words, rule, whole};
use super::naive::{Naive, Trace};
use super::random::FLAG;
use super::seeds;
use super::shape::{formula_moves, horizon};
use super::shrink::check;
use super::values::{Compared, case, judgement_equals, last_word_of};
use checkrein::expr::ir::{Formula, Window};
use checkrein::signal::Value;
use checkrein::stl::{Engine, Options, Outside, RuleSpec, SignalSpec};
use checkrein::time::{Span, Time};

const CUT: Options = Options { outside: Outside::Cut, pieces: true, burst: 64 };

/// What is decided as samples come, and the last word with the recording ending in the open interval after `end`.
pub fn cut_equals(spec: &RuleSpec, trace: &Trace, end: i64) -> Result<(), String> {
    let formula = whole(spec);
    let exact = !formula_moves(&formula);
    let late = 2 * horizon(&formula);
    let closed = 2 * end + 2;
    let naive = Naive::cut(trace, closed - 1);
    let values = naive.formula(&formula);
    let mut pieces = Vec::new();
    let mut compared = Compared { values: &values, first: naive.first, exact, done: 0 };
    let one = std::slice::from_ref(spec);
    let (engine, changes) = feed(one, trace, end, (Feed::EveryTick, CUT), |engine, closed, _| {
        engine.take_pieces(RULE, &mut pieces);
        let decided = (closed - late).max(naive.first);
        compared.with(&pieces, decided).map_err(|e| format!("closed {closed}: {e}"))
    })?;
    let word = last_word_of(spec, &naive, values.len());
    judgement_equals(&last_words(engine, changes, end).judgement, word, exact)
}

/// The same with the recording ending at the instant `end` itself.
pub fn cut_at_an_instant_equals(spec: &RuleSpec, trace: &Trace, end: i64) -> Result<(), String> {
    let naive = Naive::cut(trace, 2 * end);
    let word = last_word_of(spec, &naive, (2 * end - naive.first + 1) as usize);
    let mut engine = Engine::with(std::slice::from_ref(spec), &trace.signals, CUT);
    let mut changes = Vec::new();
    engine.start(Time::from_nanos(trace.start), &trace.held, &mut changes);
    for &(at, signal, value) in &trace.samples {
        match value {
            Some(value) => engine.push(Time::from_nanos(at), &[(signal, value)], &mut changes),
            None => engine.lose(Time::from_nanos(at), &[signal], &mut changes),
        }
    }
    judgement_equals(&last_words(engine, changes, end).judgement, word, !formula_moves(&whole(spec)))
}

/// What is bound to be false after the recording is no violation of a window that is cut there.
#[test]
fn nothing_is_foreseen_beyond_a_recording_to_which_windows_are_cut() {
    let window = |from, to| Window { from: Span::from_nanos(from), to: Some(Span::from_nanos(to)) };
    let flag = || Box::new(Formula::Flag(FLAG));
    let never_again = Formula::Historically(Window { from: Span::ZERO, to: None }, flag());
    let not_yet = Formula::Historically(window(0, 9), flag());
    for body in
        [Formula::Always(window(3, 3), Box::new(never_again)), Formula::Eventually(window(2, 9), Box::new(not_yet))]
    {
        for end in 1..14 {
            let trace = Trace {
                start: 0,
                held: Vec::new(),
                samples: vec![(0, FLAG, Some(Value::Flag(true))), (1, FLAG, Some(Value::Flag(false)))],
                signals: vec![SignalSpec::default(); 6],
            };
            let spec = rule(body.clone(), None);
            cut_equals(&spec, &trace, end).unwrap_or_else(|why| panic!("end {end}: {why}\n{spec:?}"));
            cut_at_an_instant_equals(&spec, &trace, end).unwrap_or_else(|why| panic!("end {end}: {why}\n{spec:?}"));
        }
    }
}

#[test]
fn windows_cut_to_the_recording_equal_the_definition() {
    for seed in seeds(80_000_000, 800) {
        let (spec, trace, end) = case(seed, 5, 24);
        check(seed, spec.clone(), trace.clone(), end, &cut_equals);
        check(seed, spec, trace, end, &cut_at_an_instant_equals);
    }
}
