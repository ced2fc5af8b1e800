//! The script: conditions, groups, phases, and what the verdict hears of them.

use super::cell::{LIMIT, Story, ms};
use checkrein::run::event::{EventKind, StepOutcome};
use checkrein::run::{Effect, Input, RunVerdict};
use checkrein::wire::Frame;

fn steps(text: &str) -> String {
    format!("exercises: [limit]\nsteps:\n{text}")
}

#[test]
fn an_expectation_not_met_fails_and_an_unknown_one_is_inconclusive() {
    let mut story = Story::armed(LIMIT, &steps("  - expect: arm.pos > 5 m\n    within: 1 s\n"));
    story.ends(RunVerdict::Fail, "did not hold within 1 s");
    let mut story = Story::armed(LIMIT, &steps("  - expect: pilot.beat > 5\n    within: 200 ms\n"));
    story.pilot_speaks = false;
    story.ends(RunVerdict::Inconclusive, "unknown at the end of 200 ms");
    let mut story = Story::armed(LIMIT, &steps("  - wait: arm.pos > 5 m\n    within: 1 s\n"));
    story.ends(RunVerdict::Inconclusive, "did not hold within 1 s");
    let mut story = Story::armed(LIMIT, &steps("  - wait: pilot.beat > 5\n    within: 200 ms\n"));
    story.pilot_speaks = false;
    story.ends(RunVerdict::Inconclusive, "unknown at the end of 200 ms");
}

#[test]
fn a_sample_stamped_exactly_at_the_deadline_is_in_time() {
    for (late, verdict) in [(0, RunVerdict::Pass), (1, RunVerdict::Fail)] {
        let mut story = Story::armed(LIMIT, &steps("  - expect: arm.pos > 5 m\n    within: 490 ms\n"));
        let deadline = story.run.next_deadline();
        assert!(deadline.is_some());
        story.until(509);
        let armed = story.events().into_iter().find(|e| e.kind == EventKind::Armed).expect("armed").at;
        let at = checkrein::time::Time::from_nanos(armed.nanos() + 490_000_000 + late);
        story.pos = "6".to_owned();
        story.tell_arm(at);
        story.pos = "1".to_owned();
        let outcome = story.end();
        assert_eq!(outcome.verdict, verdict, "{late} ns late: {outcome:?}");
    }
}

#[test]
fn what_a_step_says_of_all_the_past_begins_at_arming() {
    // Before arming nothing had been heard: an unbounded past that began there would be unknown for ever.
    let past = "  - expect: historically arm.pos < 5 m\n    within: 1 s\n  - wait: not (once arm.pos > 5 m)\n    within: 1 s\n";
    let mut story = Story::armed(LIMIT, &steps(past));
    story.ends(RunVerdict::Pass, "1 expectation was met");
}

#[test]
fn a_truth_of_one_message_is_seen() {
    let mut story = Story::armed(LIMIT, &steps("  - expect: arm.pos > 5 m\n    within: 1 s\n"));
    story.until(101);
    story.pos = "6".to_owned();
    story.tell_arm(ms(102));
    story.pos = "1".to_owned();
    story.tell_arm(ms(102));
    assert_eq!(story.step("expect"), [StepOutcome::Done]);
    story.ends(RunVerdict::Pass, "1 expectation was met");
}

#[test]
fn a_condition_decides_when_it_is_reached_and_unknown_ends_the_run() {
    let when = steps("  - when: arm.pos > 5 m\n    steps:\n      - do: arm.start\n  - do: belt.run\n");
    let mut story = Story::armed(LIMIT, &when);
    assert!(matches!(story.step("when")[..], [StepOutcome::Skipped(_)]));
    assert_eq!(story.moved(), ["belt/run"]);
    story.ends(RunVerdict::Pass, "");
    let unknown =
        steps("  - hold: 200 ms\n  - when: pilot.beat > 5\n    steps:\n      - do: arm.start\n  - do: belt.run\n");
    let mut story = Story::armed(LIMIT, &unknown);
    story.pilot_speaks = false;
    story.ends(RunVerdict::Inconclusive, "its condition is unknown");
    assert!(story.moved().is_empty());
}

#[test]
fn a_condition_unknown_in_a_later_round_is_heard() {
    let text = "  - repeat: 3\n    steps:\n      - when: pilot.beat < 5\n        steps:\n          - hold: 100 ms\n      - hold: 200 ms\n";
    let mut story = Story::armed(LIMIT, &steps(text));
    story.until(200);
    story.pilot_speaks = false;
    story.until(400);
    story.pilot_speaks = true;
    story.ends(RunVerdict::Inconclusive, "its condition is unknown");
}

#[test]
fn repeats_are_counted_and_parallel_lanes_join() {
    let text = "  - repeat: 3\n    steps:\n      - do: arm.start\n      - hold: 100 ms\n  - parallel:\n    - - hold: 300 ms\n    - - hold: 100 ms\n      - do: belt.run\n  - do: arm.stop\n";
    let mut story = Story::armed(LIMIT, &steps(text));
    story.until(519);
    assert_eq!(story.moved(), ["arm/start", "arm/start", "arm/start", "belt/run"]);
    story.until(621);
    assert_eq!(story.moved().last().map(String::as_str), Some("arm/stop"));
}

#[test]
fn the_first_failure_ends_the_lanes_beside_it() {
    let text = "  - parallel:\n    - - hold: 10 s\n      - do: belt.run\n    - - expect: arm.pos > 5 m\n        within: 100 ms\n  - do: arm.start\n";
    let mut story = Story::armed(LIMIT, &steps(text));
    story.ends(RunVerdict::Fail, "expect arm.pos > 5 m");
    assert!(matches!(story.step("hold")[..], [StepOutcome::Skipped(_)]));
    assert!(story.moved().is_empty());
    assert!(story.now < ms(1_000_000));
}

/// The phases told, by name.
fn phases(story: &Story) -> Vec<String> {
    let name = |kind| match kind {
        EventKind::Phase { phase } => Some(phase.map_or("none".into(), |p| story.plan.phases[usize::from(p)].clone())),
        _ => None,
    };
    story.kinds().into_iter().filter_map(name).collect()
}

#[test]
fn nested_phases_give_back_the_one_around_them() {
    let text = "  - phase: outer\n    steps:\n      - phase: inner\n        steps:\n          - hold: 100 ms\n      - hold: 100 ms\n";
    let mut story = Story::armed(LIMIT, &steps(text));
    story.ends(RunVerdict::Pass, "");
    assert_eq!(phases(&story), ["outer", "inner", "outer", "none"]);
}

#[test]
fn phases_of_parallel_lanes_end_in_any_order() {
    let text = "  - parallel:\n    - - phase: short\n        steps:\n          - hold: 100 ms\n    - - phase: long\n        steps:\n          - hold: 200 ms\n  - hold: 100 ms\n";
    let mut story = Story::armed(LIMIT, &steps(text));
    story.ends(RunVerdict::Pass, "");
    assert_eq!(phases(&story), ["short", "long", "none"], "the one still open stays, and none is left at the end");
}

#[test]
fn a_phase_is_left_when_a_step_inside_fails_or_the_guard_trips() {
    let text = "  - phase: climb\n    steps:\n      - expect: arm.pos > 5 m\n        within: 1 s\n";
    let mut story = Story::armed(LIMIT, &steps(text));
    story.ends(RunVerdict::Fail, "");
    assert_eq!(phases(&story), ["climb", "none"]);
    let mut story = Story::armed(LIMIT, &steps(text));
    story.until(100);
    story.stop(100);
    assert_eq!(phases(&story), ["climb", "none"]);
}

#[test]
fn rules_see_phase_step_and_trip_as_signals() {
    let rules = "rules:\n  in-phase:\n    when: phase == climb\n    always: arm.pos <= 2 m\n  in-step:\n    when: step == pause\n    always: arm.pos <= 3 m\n  stays:\n    never: guard.tripped\n";
    let text = "steps:\n  - phase: climb\n    steps:\n      - hold: 100 ms\n  - hold: 100 ms\n    name: pause\n  - hold: 100 ms\n";
    let scenario = format!("exercises: [limit, in-phase, in-step]\n{rules}{text}");
    let mut story = Story::armed(LIMIT, &scenario);
    story.ends(RunVerdict::Pass, "4 rules held");
    let broken = |story: &Story| -> Vec<u16> {
        let rule = |kind| match kind {
            EventKind::RuleViolated { rule, .. } => Some(rule.0),
            _ => None,
        };
        story.kinds().into_iter().filter_map(rule).collect()
    };
    for (at, pos, rules) in [(50, "2.5", vec![1]), (150, "2.5", vec![]), (150, "4", vec![2]), (250, "4", vec![])] {
        let mut story = Story::armed(LIMIT, &scenario);
        story.until(at);
        story.pos = pos.to_owned();
        story.until(at + 20);
        story.pos = "1".to_owned();
        story.end();
        assert_eq!(broken(&story), rules, "{pos} m at {at} ms");
    }
    let mut story = Story::armed(LIMIT, &scenario);
    story.stop(100);
    story.end();
    assert_eq!(broken(&story), [3], "the trip is seen");
}

#[test]
fn a_step_that_is_over_at_once_was_there_all_the_same() {
    let rules = "rules:\n  seen:\n    when: step == blink\n    always: arm.pos <= 5 m\n";
    let scenario = format!(
        "exercises: [seen]\n{rules}steps:\n  - do: arm.start\n    name: blink\n  - do: belt.run\n  - hold: 100 ms\n"
    );
    let mut story = Story::armed(LIMIT, &scenario);
    story.ends(RunVerdict::Pass, "");
}

#[test]
fn faults_on_a_link_hold_back_what_moves_and_never_a_rung() {
    let text = "  - inject: { fault: delay, on: bus, by: 200 ms, energised: true }\n  - do: arm.start\n  - hold: 1 s\n";
    let mut story = Story::confirmed(LIMIT, &steps(text));
    story.until(210);
    assert!(story.moved().is_empty());
    story.until(221);
    assert_eq!(story.moved(), ["arm/start"]);
    // What waits when the guard trips never leaves.
    let mut story = Story::confirmed(LIMIT, &steps(text));
    story.stop(100);
    assert!(story.last.iter().any(|e| matches!(e, Effect::Rung { .. })));
    story.end();
    assert!(story.moved().is_empty());
}

#[test]
fn thousands_of_rounds_of_nothing_come_to_an_end() {
    let text = "  - repeat: 5000\n    steps:\n      - when: arm.pos > 5 m\n        steps:\n          - hold: 1 s\n";
    let mut story = Story::armed(LIMIT, &steps(text));
    story.ends(RunVerdict::Pass, "");
    assert!(story.tripped().is_empty());
}

#[test]
fn garbage_is_counted_and_said() {
    let mut story = Story::armed(LIMIT, &steps("  - hold: 1 s\n"));
    story.feed(Input::bytes(ms(30), Frame::publish(super::cell::BUS, "nobody/knows", "x")));
    story.ends(RunVerdict::Pass, "");
    assert!(story.kinds().iter().any(|k| matches!(k, EventKind::WireTrouble { foreign_frames: 1, .. })));
}
