//! What is told of late samples, and what several samples at one instant are worth.

use super::feed::{RULE, rule, whole};
use super::random::{self, Dice};
use super::seeds;
use super::shape::mentions;
use checkrein::command::RuleId;
use checkrein::expr::ir::{Comparison, Formula, Number};
use checkrein::signal::{SignalId, Value};
use checkrein::stl::{Change, Engine, Margin, Options, Piece, RuleSpec, SignalSpec, Truth};
use checkrein::time::Time;

fn at(nanos: i64) -> Time {
    Time::from_nanos(nanos)
}

/// `signal <= limit`.
fn at_most(signal: u32, limit: f64) -> Formula {
    let (left, right) = (Number::Signal(SignalId(signal)), Number::Constant(limit));
    Formula::Compare { op: Comparison::LessEqual, left, right, scale: 1.0 }
}

fn lates(changes: &[Change]) -> Vec<Change> {
    changes.iter().filter(|c| matches!(c, Change::Late { .. })).cloned().collect()
}

fn engine(rules: &[RuleSpec], signals: usize) -> Engine {
    let options = Options { pieces: true, ..Options::default() };
    Engine::with(rules, &vec![SignalSpec::default(); signals], options)
}

/// The margin and truth at each place where it changes: at, after, lo, hi, truth.
fn told(engine: &mut Engine) -> Vec<(i64, bool, f64, f64, Truth)> {
    let mut pieces: Vec<Piece> = Vec::new();
    engine.take_pieces(RULE, &mut pieces);
    pieces.iter().map(|p| (p.at.nanos(), p.after, p.margin.lo, p.margin.hi, p.truth)).collect()
}

#[test]
fn a_late_sample_is_told_and_counts_from_now() {
    let mut engine = engine(&[rule(at_most(0, 8.0), None)], 1);
    let mut changes = Vec::new();
    engine.start(at(0), &[(SignalId(0), Value::Number(1.0), at(-1))], &mut changes);
    engine.push(at(10), &[(SignalId(0), Value::Number(2.0))], &mut changes);
    engine.advance(at(20), &mut changes);
    // In time: the instant 20 is open.
    engine.push(at(20), &[(SignalId(0), Value::Number(3.0))], &mut changes);
    assert_eq!(lates(&changes), []);
    engine.advance(at(21), &mut changes);
    // Stamped at an instant that is closed, and long before.
    engine.push(at(20), &[(SignalId(0), Value::Number(9.0))], &mut changes);
    engine.advance(at(30), &mut changes);
    engine.push(at(5), &[(SignalId(0), Value::Number(4.0))], &mut changes);
    engine.advance(at(40), &mut changes);
    let late = |stamp, now| Change::Late { rule: RULE, signal: SignalId(0), stamp: at(stamp), at: at(now) };
    assert_eq!(lates(&changes), [late(20, 21), late(5, 30)]);
    // The past stays as it was judged; 9 m break the limit from 21 on, not from 20.
    let yes = Truth::True;
    assert_eq!(
        told(&mut engine),
        [
            (0, false, 7.0, 7.0, yes),
            (10, false, 6.0, 6.0, yes),
            (20, false, 5.0, 5.0, yes),
            (21, false, -1.0, -1.0, Truth::False),
            (30, false, 4.0, 4.0, yes)
        ]
    );
}

#[test]
fn several_samples_at_one_instant_are_all_there_and_the_last_holds_on() {
    let mut engine = engine(&[rule(at_most(0, 8.0), None)], 1);
    let mut changes = Vec::new();
    engine.start(at(0), &[(SignalId(0), Value::Number(1.0), at(-1))], &mut changes);
    let number = |n| (SignalId(0), Value::Number(n));
    engine.push(at(10), &[number(9.0), number(2.0)], &mut changes);
    engine.push(at(10), &[number(5.0)], &mut changes);
    engine.push(at(20), &[(SignalId(0), Value::Unknown), number(6.0)], &mut changes);
    engine.push(at(30), &[number(10.0), number(9.0)], &mut changes);
    engine.advance(at(40), &mut changes);
    let (yes, no, open) = (Truth::True, Truth::False, Truth::Unknown);
    assert_eq!(
        told(&mut engine),
        [
            (0, false, 7.0, 7.0, yes),
            // Between 9 and 2 there is no telling whether 8 was passed; not a violation, and no proof of health.
            (10, false, -1.0, 6.0, open),
            (10, true, 3.0, 3.0, yes),
            (20, false, f64::NEG_INFINITY, f64::INFINITY, open),
            (20, true, 2.0, 2.0, yes),
            (30, false, -2.0, -1.0, no),
            (30, true, -1.0, -1.0, no)
        ]
    );
    assert_eq!(lates(&changes), []);
    let margin = Margin { lo: f64::NEG_INFINITY, hi: -1.0 };
    assert_eq!(engine.running(RULE).decided, margin);
    let broken: Vec<&Change> = changes.iter().filter(|c| matches!(c, Change::Violated { .. })).collect();
    assert_eq!(broken, [&Change::Violated { rule: RULE, instant: at(30), at: at(30) }]);
}

#[test]
fn a_late_sample_joins_those_of_the_open_instant() {
    let mut engine = engine(&[rule(at_most(0, 8.0), None)], 1);
    let mut changes = Vec::new();
    engine.start(at(0), &[(SignalId(0), Value::Number(1.0), at(-1))], &mut changes);
    engine.push(at(10), &[(SignalId(0), Value::Number(2.0))], &mut changes);
    engine.push(at(4), &[(SignalId(0), Value::Number(7.0))], &mut changes);
    engine.advance(at(20), &mut changes);
    let yes = Truth::True;
    assert_eq!(told(&mut engine), [(0, false, 7.0, 7.0, yes), (10, false, 1.0, 6.0, yes), (10, true, 1.0, 1.0, yes)]);
    let late = Change::Late { rule: RULE, signal: SignalId(0), stamp: at(4), at: at(10) };
    assert_eq!(lates(&changes), [late]);
}

/// Random rules over random traces: each late sample is told once to each rule that the signal matters to, in order.
#[test]
fn every_late_sample_is_told_to_whom_it_matters() {
    let mut count = 0;
    for seed in seeds(90_000_000, 200) {
        let mut dice = Dice::new(seed);
        let rules: Vec<RuleSpec> = (0..3)
            .map(|id| {
                let when = dice.one_in(3).then(|| random::formula(&mut dice, 1, false));
                RuleSpec { id: RuleId(id), body: random::formula(&mut dice, 2, true), when }
            })
            .collect();
        let trace = random::trace(&mut dice, 20);
        let mut engine = Engine::new(&rules, &trace.signals);
        let mut changes = Vec::new();
        let mut expected = Vec::new();
        engine.start(at(trace.start), &trace.held, &mut changes);
        for tick in trace.start..trace.start + 20 {
            engine.advance(at(tick), &mut changes);
            for &(_, signal, value) in trace.samples.iter().filter(|s| s.0 == tick) {
                let Some(value) = value else { continue };
                if dice.one_in(2) {
                    let stamp = at(tick - 1 - dice.below(30) as i64);
                    engine.push(stamp, &[(signal, value)], &mut changes);
                    for rule in rules.iter().filter(|r| mentions(&whole(r), signal)) {
                        expected.push(Change::Late { rule: rule.id, signal, stamp, at: at(tick) });
                    }
                } else {
                    engine.push(at(tick), &[(signal, value)], &mut changes);
                }
            }
        }
        let found = lates(&changes);
        assert_eq!(found, expected, "CHECKREIN_ORACLE_SEED={seed}: {rules:?}\n{trace:?}");
        count += found.len() as u32;
    }
    super::enough(count, 1000, "late samples");
}
