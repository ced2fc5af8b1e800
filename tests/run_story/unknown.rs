//! What is unknown stops, and never passes.

use super::cell::{LIMIT, Story, ms};
use checkrein::command::RuleId;
use checkrein::guard::Cause;
use checkrein::run::event::EventKind;
use checkrein::run::{Effect, RunVerdict};

const HOLD: &str = "exercises: [limit]\nsteps:\n  - hold: 2 s\n";

#[test]
fn a_stale_signal_of_a_stopping_rule_trips_and_the_run_cannot_pass() {
    let mut story = Story::armed(LIMIT, HOLD);
    story.until(500);
    story.arm_speaks = false;
    story.until(700);
    assert_eq!(story.tripped(), [Cause::Unknown(RuleId(0))]);
    story.arm_speaks = true;
    story.ends(RunVerdict::Inconclusive, "a signal of rule `limit` was unknown");
}

#[test]
fn a_value_that_is_no_number_trips_in_the_same_call() {
    for none in ["null", "\"high\""] {
        let mut story = Story::armed(LIMIT, HOLD);
        story.until(500);
        story.pos = none.to_owned();
        story.tell_arm(ms(501));
        assert!(matches!(story.last[0], Effect::Rung { .. }), "{none}: {:?}", story.last);
        assert_eq!(story.tripped(), [Cause::Unknown(RuleId(0))], "{none}");
        story.pos = "1".to_owned();
        story.ends(RunVerdict::Inconclusive, "unknown");
    }
}

#[test]
fn silence_is_a_failure_where_a_rule_says_so() {
    let envelope = format!("{LIMIT}  talks:\n    always: age(arm.pos) <= 50 ms\n    react_within: 100 ms\n");
    let mut story = Story::armed(&envelope, HOLD);
    story.until(500);
    story.arm_speaks = false;
    story.until(700);
    story.arm_speaks = true;
    story.ends(RunVerdict::Fail, "rule talks was broken");
    assert_eq!(story.tripped()[0], Cause::Rule(RuleId(1)), "before it is stale");
}

#[test]
fn a_rule_that_only_fails_lets_the_run_go_on_and_fails_at_the_end() {
    let rules = "rules:\n  soft:\n    always: arm.pos <= 5 m\n    on_violation: fail\n    because: It is a matter of quality.\n";
    let mut story = Story::armed(LIMIT, &format!("{rules}{HOLD}"));
    story.until(500);
    story.pos = "6".to_owned();
    story.until(600);
    story.pos = "1".to_owned();
    story.until(1_900);
    assert!(story.tripped().is_empty() && story.rungs().is_empty());
    story.ends(RunVerdict::Fail, "rule soft was broken");
}

#[test]
fn a_soft_rule_that_is_blind_does_not_trip_and_does_not_pass() {
    let rules = "rules:\n  soft:\n    always: pilot.beat < 100\n    on_violation: fail\n    because: It is a matter of quality.\n";
    let mut story = Story::armed(LIMIT, &format!("{rules}{HOLD}"));
    story.until(500);
    story.pilot_speaks = false;
    story.until(700);
    story.pilot_speaks = true;
    story.until(800);
    assert!(story.tripped().is_empty());
    let blind =
        |unknown| story.kinds().iter().any(|k| matches!(k, EventKind::RuleBlind { unknown: u, .. } if *u == unknown));
    assert!(blind(true) && blind(false));
    story.ends(RunVerdict::Inconclusive, "rule soft could not be judged throughout");
}

#[test]
fn an_untested_rule_passes_only_if_nobody_asked_for_it() {
    let envelope =
        format!("{LIMIT}  fast:\n    when: belt.runs\n    always: arm.pos <= 7 m\n    react_within: 100 ms\n");
    let mut story = Story::armed(&envelope, HOLD);
    story.ends(RunVerdict::Pass, "1 rule held");
    let judged: Vec<_> = story
        .kinds()
        .into_iter()
        .filter_map(|k| match k {
            EventKind::RuleJudged { judgement } => Some(judgement.verdict),
            _ => None,
        })
        .collect();
    assert_eq!(judged, [checkrein::stl::RuleVerdict::Pass, checkrein::stl::RuleVerdict::Untested]);
    let mut story = Story::armed(&envelope, &HOLD.replace("[limit]", "[limit, fast]"));
    story.ends(RunVerdict::Inconclusive, "rule fast was to be exercised");
}

#[test]
fn nothing_judged_never_passes() {
    let envelope = LIMIT.replace("    always", "    when: belt.runs\n    always");
    let scenario = "rules:\n  never-asked:\n    when: belt.runs\n    always: arm.pos < 5 m\nsteps:\n  - hold: 1 s\n";
    let mut story = Story::armed(&envelope, scenario);
    story.ends(RunVerdict::Inconclusive, "nothing was judged");
}

#[test]
fn a_promise_still_open_is_awaited_before_the_end() {
    let rules = "rules:\n  answers:\n    always: rise(belt.runs) implies eventually[0, 3 s] arm.live\n    on_violation: stop\n    react_within: 100 ms\n";
    let steps = "exercises: [limit]\nsteps:\n  - do: belt.run\n  - hold: 200 ms\n";
    // The answer comes after the script and before the horizon.
    let mut story = Story::armed(LIMIT, &format!("{rules}{steps}"));
    story.until(1_000);
    assert!(story.kinds().iter().any(|k| matches!(k, EventKind::Settling { .. })), "{:?}", story.kinds());
    assert!(story.outcome.is_none());
    story.on = true;
    story.ends(RunVerdict::Pass, "2 rules held");
    // No answer: it is broken, at the horizon.
    let mut story = Story::armed(LIMIT, &format!("{rules}{steps}"));
    story.ends(RunVerdict::Fail, "rule answers was broken");
    assert_eq!(story.tripped().len(), 1, "a violation while settling counts");
    let violated = story.events().into_iter().find(|e| matches!(e.kind, EventKind::RuleViolated { .. })).expect("said");
    assert!(violated.at >= ms(3_020) && violated.at <= ms(3_080), "{:?}", violated.at);
}

#[test]
fn every_rule_shows_its_margin() {
    let mut story = Story::armed(LIMIT, HOLD);
    story.until(500);
    story.pos = "7.5".to_owned();
    story.until(600);
    let margins: Vec<f64> = story
        .kinds()
        .iter()
        .filter_map(|k| match k {
            EventKind::RuleMargin { margin, .. } => Some(margin.lo),
            _ => None,
        })
        .collect();
    assert_eq!(margins.len(), 2, "one when it began and one when it moved: {margins:?}");
    assert!(margins[1] < margins[0]);
}

#[test]
fn a_device_faster_than_declared_is_told_and_its_rule_still_judged() {
    // The arm declares 20 ms and speaks every millisecond; climbing, every sample stays a candidate of the window.
    let slow = "  slow:\n    never: historically[0, 1 s] arm.pos > 6 m\n    react_within: 100 ms\n";
    let climb = |story: &mut Story, from: i64, to: i64| {
        for millis in from..to {
            story.until(millis);
            story.pos = format!("{}", 1.0 + millis as f64 * 0.001);
            story.tell_arm(ms(millis));
        }
    };
    let merged = |story: &Story| {
        let kinds = story.kinds();
        kinds.iter().filter(|k| matches!(k, EventKind::RuleMerged { rule: RuleId(1) })).count()
    };
    let mut story = Story::armed(&format!("{LIMIT}{slow}"), "exercises: [limit, slow]\nsteps:\n  - hold: 2 s\n");
    climb(&mut story, 30, 150);
    assert_eq!(merged(&story), 0, "memory has room for bursts");
    climb(&mut story, 150, 900);
    assert_eq!(merged(&story), 1, "it is told, once");
    assert_eq!(story.tripped(), [], "truth does not suffer");
    story.ends(RunVerdict::Pass, "");
}
