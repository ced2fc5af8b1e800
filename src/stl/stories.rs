//! Stories of one rule each, with time as an argument.

use super::*;
use crate::expr::ir::{Comparison, Number, Window};
use crate::signal::Value;

const RULE: RuleId = RuleId(3);
const X: SignalId = SignalId(0);
const Y: SignalId = SignalId(1);

fn ms(n: i64) -> Time {
    Time::ZERO + Span::from_millis(n)
}

fn flag(signal: SignalId) -> Box<Formula> {
    Box::new(Formula::Flag(signal))
}

fn engine(body: Formula, when: Option<Formula>, stale_ms: Option<i64>) -> Engine {
    let signal = SignalSpec { stale_after: stale_ms.map(Span::from_millis), every: None };
    Engine::new(&[RuleSpec { id: RULE, body, when }], &[signal, signal])
}

/// Advances to `to` by deadlines alone, as the host does between samples.
fn wait(engine: &mut Engine, to: Time, changes: &mut Vec<Change>) {
    while let Some(deadline) = engine.next_deadline()
        && deadline < to
    {
        engine.advance(deadline.next(), changes);
    }
    engine.advance(to, changes);
}

#[test]
fn silence_breaks_an_age_rule_one_tick_after_its_limit() {
    let limit = Number::Constant(0.06);
    let body = Formula::Compare { op: Comparison::LessEqual, left: Number::Age(X), right: limit, scale: 1.0 };
    let mut engine = engine(body, None, Some(60));
    let mut changes = Vec::new();
    engine.start(ms(0), &[], &mut changes);
    engine.push(ms(50), &[(X, Value::Number(1.0))], &mut changes);
    // A sample stamped exactly at the limit is in time.
    engine.push(ms(110), &[(X, Value::Number(1.0))], &mut changes);
    engine.advance(ms(110).next(), &mut changes);
    assert_eq!(changes, []);
    wait(&mut engine, ms(200), &mut changes);
    let at = ms(170).next();
    assert_eq!(changes[0], Change::Violated { rule: RULE, instant: at, at });
    // Age alone is read: the stale signal does not make the rule blind.
    assert!(!changes.iter().any(|c| matches!(c, Change::Blind { .. })));
    let judged = &engine.finish(ms(200))[0];
    assert_eq!((judged.verdict, judged.violated_at), (RuleVerdict::Fail, Some(at)));
    assert_eq!((judged.margin.lo, judged.margin.hi), (0.06 - 0.09, 0.06 - 0.09));
}

#[test]
fn a_missed_response_is_told_at_its_deadline_with_no_sample() {
    let window = Window { from: Span::ZERO, to: Some(Span::from_millis(500)) };
    let body = Formula::Implies(flag(X), Box::new(Formula::Eventually(window, flag(Y))));
    let mut engine = engine(body, None, None);
    let mut changes = Vec::new();
    engine.start(ms(0), &[(X, Value::Flag(false), ms(0)), (Y, Value::Flag(false), ms(0))], &mut changes);
    wait(&mut engine, ms(1_000), &mut changes);
    assert!(!engine.open(RULE));
    engine.push(ms(1_000), &[(X, Value::Flag(true))], &mut changes);
    engine.push(ms(1_001), &[(X, Value::Flag(false))], &mut changes);
    engine.advance(ms(1_001).next(), &mut changes);
    assert!(engine.open(RULE));
    wait(&mut engine, ms(1_500), &mut changes);
    assert_eq!(changes, []);
    assert_eq!(engine.next_deadline(), Some(ms(1_500)));
    wait(&mut engine, ms(3_000), &mut changes);
    assert_eq!(changes[0], Change::Violated { rule: RULE, instant: ms(1_000), at: ms(1_500) });
    assert!(!engine.open(RULE));
}

#[test]
fn a_stale_or_lost_signal_blinds_the_rule_and_is_no_pass() {
    let mut engine = engine(*flag(X), None, Some(30));
    let mut changes = Vec::new();
    engine.start(ms(0), &[(X, Value::Flag(true), ms(-10))], &mut changes);
    wait(&mut engine, ms(100), &mut changes);
    engine.push(ms(100), &[(X, Value::Flag(true))], &mut changes);
    engine.lose(ms(110), &[X], &mut changes);
    engine.advance(ms(111), &mut changes);
    let blind = |unknown, at| Change::Blind { rule: RULE, signal: X, unknown, at };
    assert_eq!(changes, [blind(true, ms(20)), blind(false, ms(100)), blind(true, ms(110))]);
    assert_eq!(engine.now(RULE).0, Truth::Unknown);
    assert_eq!(engine.finish(ms(111))[0].verdict, RuleVerdict::Inconclusive);
}

#[test]
fn a_debounce_cannot_trip_early_and_its_warm_up_is_no_gap() {
    let window = Window { from: Span::ZERO, to: Some(Span::from_millis(300)) };
    let body = Formula::Not(Box::new(Formula::Historically(window, flag(X))));
    let run = |ended: i64, falls: i64| {
        let mut engine = engine(body.clone(), None, None);
        let mut changes = Vec::new();
        engine.start(ms(0), &[(X, Value::Flag(true), ms(-5_000))], &mut changes);
        if falls < ended {
            wait(&mut engine, ms(falls), &mut changes);
            engine.push(ms(falls), &[(X, Value::Flag(false))], &mut changes);
        }
        wait(&mut engine, ms(ended), &mut changes);
        (changes, engine.finish(ms(ended))[0].verdict)
    };
    assert_eq!(run(299, 290), (Vec::new(), RuleVerdict::Pass));
    // Where all was warm-up nothing was judged, which is no pass.
    assert_eq!(run(299, 299), (Vec::new(), RuleVerdict::Inconclusive));
    let (changes, verdict) = run(301, 301);
    assert_eq!(changes[0], Change::Violated { rule: RULE, instant: ms(300), at: ms(300) });
    assert_eq!(verdict, RuleVerdict::Fail);
}

#[test]
fn an_answer_that_cannot_come_in_time_is_missed_before_its_deadline() {
    let window = |n: i64| Window { from: Span::ZERO, to: Some(Span::from_millis(n)) };
    let settled = Formula::Historically(window(100), flag(X));
    let mut engine = engine(Formula::Eventually(window(500), Box::new(settled)), None, None);
    let mut changes = Vec::new();
    engine.start(ms(0), &[(X, Value::Flag(false), ms(-1))], &mut changes);
    wait(&mut engine, ms(400), &mut changes);
    assert_eq!(changes, []);
    // The flag would have to be set for 100 ms, and 100 ms are left: with no sample, at that instant.
    wait(&mut engine, ms(401), &mut changes);
    assert_eq!(changes, [Change::Violated { rule: RULE, instant: ms(0), at: ms(400) }]);
}

#[test]
fn a_rule_whose_trigger_never_held_is_untested() {
    let mut engine = engine(*flag(X), Some(*flag(Y)), None);
    let mut changes = Vec::new();
    engine.start(ms(0), &[(X, Value::Flag(false), ms(0)), (Y, Value::Flag(false), ms(0))], &mut changes);
    engine.advance(ms(10), &mut changes);
    let tested = {
        let mut engine = engine.clone();
        engine.push(ms(10), &[(X, Value::Flag(true)), (Y, Value::Flag(true))], &mut changes);
        engine.advance(ms(10).next(), &mut changes);
        engine.finish(ms(20))[0].verdict
    };
    assert_eq!(changes, [Change::Tested { rule: RULE, at: ms(10) }]);
    assert_eq!(tested, RuleVerdict::Pass);
    assert_eq!(engine.finish(ms(20))[0].verdict, RuleVerdict::Untested);
}

#[test]
fn equal_parts_of_rules_are_judged_once() {
    let window = Window { from: Span::ZERO, to: Some(Span::from_millis(500)) };
    let spec = |id, body| RuleSpec { id: RuleId(id), body, when: None };
    let shared = Formula::Once(window, flag(X));
    let signals = [SignalSpec::default(); 2];
    let one = Engine::new(&[spec(0, shared.clone())], &signals).nodes();
    let many: Vec<RuleSpec> = (0..50).map(|i| spec(i, shared.clone())).collect();
    assert_eq!(Engine::new(&many, &signals).nodes(), one);
}
