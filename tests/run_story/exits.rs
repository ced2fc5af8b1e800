//! Every exit is one exit: faults end, obligations settle, `finally`, then the ladder of whatever is not safe.

use super::cell::{LIMIT, Story, ms};
use checkrein::guard::Cause;
use checkrein::run::event::{EventKind, StepOutcome};
use checkrein::run::{Effect, Input, OperatorOrder, RecorderState, RunVerdict};

const MOVE: &str = "exercises: [limit]\nsteps:\n  - do: arm.start\n  - do: belt.run\n  - hold: 2 s\n";

fn with_finally(finally: &str) -> String {
    format!("{MOVE}finally:\n{finally}")
}

#[test]
fn a_script_cannot_leave_a_machine_energised() {
    let mut story = Story::armed(LIMIT, MOVE);
    story.ends(RunVerdict::Pass, "every device is confirmed safe");
    assert_eq!(story.rungs(), [("arm".to_owned(), 0), ("belt".to_owned(), 0)]);
    assert!(!story.on && !story.runs && story.tripped().is_empty());
}

#[test]
fn a_device_that_was_safe_when_the_ladders_began_is_watched_all_the_same() {
    let mut story = Story::armed(LIMIT, "exercises: [limit]\nsteps:\n  - do: arm.start\n  - hold: 1 s\n");
    story.deaf_to.insert("arm/stop");
    story.until(1_100);
    assert_eq!(story.rungs(), [("arm".to_owned(), 0)]);
    story.runs = true;
    story.ends(RunVerdict::Pass, "");
    assert!(story.rungs().contains(&("belt".to_owned(), 0)), "{:?}", story.rungs());
    assert!(!story.runs);
}

#[test]
fn after_a_trip_finally_commands_nothing_and_still_judges() {
    let finally = "  - do: belt.halt\n  - inject: { fault: \"off\", on: pilot.says, energised: true }\n  - expect: not arm.live\n    within: 3 s\n  - expect: belt.speed > 1 m/s\n    within: 100 ms\n";
    let mut story = Story::confirmed(LIMIT, &with_finally(finally));
    story.until(500);
    story.stop(500);
    story.ends(RunVerdict::Fail, "expect belt.speed > 1 m/s");
    assert!(matches!(story.step("do belt.halt")[..], [StepOutcome::Skipped(_)]));
    assert!(matches!(story.step("inject")[..], [StepOutcome::Skipped(_)]));
    assert_eq!(story.step("expect not arm.live"), [StepOutcome::Done]);
    assert_eq!(story.moved(), ["arm/start", "belt/run"]);
}

#[test]
fn finally_goes_on_after_a_step_that_failed() {
    let finally = "  - expect: belt.speed > 1 m/s\n    within: 100 ms\n  - do: arm.stop\n  - do: belt.halt\n  - expect: not belt.runs and not arm.live\n    within: 1 s\n  - hold: 1 s\n";
    let mut story = Story::armed(LIMIT, &with_finally(finally));
    story.ends(RunVerdict::Fail, "expect belt.speed > 1 m/s");
    assert_eq!(story.moved(), ["arm/start", "belt/run", "arm/stop", "belt/halt"]);
    assert_eq!(story.step("expect not belt.runs and"), [StepOutcome::Done]);
    assert!(story.rungs().is_empty(), "the script brought both to rest");
}

#[test]
fn a_trip_during_finally_takes_over() {
    let mut story = Story::armed(LIMIT, &with_finally("  - hold: 1 s\n  - do: belt.halt\n"));
    story.until(2_500);
    story.pos = "9".to_owned();
    story.ends(RunVerdict::Fail, "rule limit was broken");
    assert!(matches!(story.step("do belt.halt")[..], [StepOutcome::Skipped(_)]));
}

#[test]
fn a_violation_on_the_way_down_counts() {
    let mut story = Story::armed(LIMIT, MOVE);
    story.deaf_to.insert("arm/stop");
    story.until(2_100);
    assert_eq!(story.rungs(), [("arm".to_owned(), 0)]);
    story.speed = 4.5;
    story.ends(RunVerdict::Fail, "rule limit was broken");
    assert_eq!(story.tripped().len(), 1);
}

#[test]
fn the_operator_stops_once_and_again() {
    let mut story = Story::armed(LIMIT, MOVE);
    story.deaf_to.insert("arm/stop");
    story.until(500);
    story.stop(500);
    assert!(matches!(story.last[0], Effect::Rung { .. }));
    story.until(600);
    story.stop(600);
    assert_eq!(story.tripped(), [Cause::Operator, Cause::OperatorAgain]);
    let rungs = story.rungs();
    assert!(rungs.contains(&("arm".to_owned(), 2)), "straight to the last: {rungs:?}");
    story.stop(601);
    story.ends(RunVerdict::Aborted, "a person stopped it");
}

#[test]
fn a_stop_on_the_last_way_down_is_heard() {
    let mut story = Story::armed(LIMIT, MOVE);
    story.deaf_to.insert("arm/stop");
    story.until(2_100);
    assert_eq!(story.rungs(), [("arm".to_owned(), 0)], "the run is on its way out");
    story.stop(2_100);
    story.stop(2_101);
    assert!(story.rungs().contains(&("arm".to_owned(), 2)), "{:?}", story.rungs());
    story.ends(RunVerdict::Aborted, "a person stopped it");
}

#[test]
fn a_failing_recorder_trips_and_the_run_cannot_pass() {
    for state in [RecorderState::Full, RecorderState::Dead("disk full".into()), RecorderState::Dropped(3)] {
        let mut story = Story::armed(LIMIT, MOVE);
        story.until(500);
        story.recorder(500, state);
        assert!(matches!(story.last[0], Effect::Rung { .. }));
        story.ends(RunVerdict::Inconclusive, "the recording is not whole");
    }
}

#[test]
fn a_prompt_answered_no_or_not_at_all_aborts() {
    let scenario = "exercises: [limit]\nsteps:\n  - prompt: Hall empty?\n    within: 10 s\n  - do: arm.start\n";
    let mut story = Story::armed(LIMIT, scenario);
    assert!(story.last.iter().any(|e| matches!(e, Effect::Prompt { text, .. } if text == "Hall empty?")));
    story.feed(Input::Operator { at: ms(100), order: OperatorOrder::Answer { yes: false } });
    story.ends(RunVerdict::Aborted, "said no");
    assert!(story.moved().is_empty());
    let mut story = Story::armed(LIMIT, scenario);
    story.ends(RunVerdict::Aborted, "nobody answered in time");
    assert!(story.moved().is_empty());
    let mut story = Story::armed(LIMIT, scenario);
    story.feed(Input::Operator { at: ms(100), order: OperatorOrder::Answer { yes: true } });
    story.ends(RunVerdict::Pass, "");
    assert_eq!(story.moved(), ["arm/start"]);
}

#[test]
fn an_answer_is_for_the_question_that_is_still_open() {
    // The first question goes with the script; its place must not take the answer to the second.
    let scenario = "exercises: [limit]\nsteps:\n  - parallel:\n    - - prompt: First?\n        within: 60 s\n    - - expect: belt.runs\n        within: 100 ms\nfinally:\n  - prompt: Second?\n    within: 60 s\n";
    let mut story = Story::armed(LIMIT, scenario);
    story.until(200);
    story.feed(Input::Operator { at: ms(201), order: OperatorOrder::Answer { yes: true } });
    let answered = story.kinds().iter().any(|k| matches!(k, EventKind::PromptAnswered { yes: true, .. }));
    assert!(answered, "{:?}", story.kinds());
    story.ends(RunVerdict::Fail, "expect belt.runs");
}

#[test]
fn the_end_comes_once_and_nothing_follows_it() {
    let mut story = Story::armed(LIMIT, MOVE);
    story.end();
    assert!(story.run.done() && story.run.next_deadline().is_none());
    assert!(matches!(story.effects.last(), Some((_, Effect::Finish(_)))));
    let mut effects = checkrein::run::Effects::default();
    story.run.handle(&Input::Tick { at: ms(1_000_000) }, &mut effects);
    story.run.handle(&Input::Operator { at: ms(1_000_000), order: OperatorOrder::Stop }, &mut effects);
    assert!(effects.list.is_empty());
}
