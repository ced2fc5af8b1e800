//! The policy under test: what it asks for passes the gate, is held to a limit, or is refused; its silence stops.

use super::cell::{BUS, LIMIT, Story, ms};
use checkrein::codec::json::device::{Told, propose};
use checkrein::command::RuleId;
use checkrein::guard::{Cause, Decision, Refusal};
use checkrein::run::event::EventKind;
use checkrein::run::{Effect, Input, LinkState, RunVerdict};
use checkrein::wire::{Frame, FrameFlags};

const HOLD: &str = "exercises: [limit]\nsteps:\n  - hold: 3 s\n";

/// What the gate decided, in order.
fn decisions(story: &Story) -> Vec<Decision> {
    let decision = |kind| match kind {
        EventKind::CommandGated { decision, .. } => Some(decision),
        _ => None,
    };
    story.kinds().into_iter().filter_map(decision).collect()
}

/// Where the arm was sent.
fn goals(story: &Story) -> Vec<f64> {
    let goal = |(_, effect): &(_, Effect)| match effect {
        Effect::Send { frame, .. } if frame.topic.as_deref() == Some("arm/go") => {
            Told::read(&frame.bytes).expect("well formed").number("to")
        }
        _ => None,
    };
    story.effects.iter().filter_map(goal).collect()
}

#[test]
fn a_command_passes_once_armed_and_not_before() {
    let mut story = Story::new(LIMIT, HOLD);
    story.link(1, LinkState::Up);
    story.propose(10, 3.0);
    assert_eq!(decisions(&story), [Decision::Reject(Refusal::Closed)]);
    story.until(100);
    story.propose(101, 3.0);
    assert_eq!((decisions(&story)[1], goals(&story)), (Decision::Pass, vec![3.0]));
}

#[test]
fn a_command_above_the_ceiling_is_held_to_it() {
    // The argument may be 9 m; the rule says 8 m.
    let mut story = Story::armed(LIMIT, HOLD);
    story.propose(100, 8.5);
    let rule = Some(RuleId(0));
    assert_eq!(decisions(&story), [Decision::Clamp { arg: 0, from: 8.5, to: 8.0, rule }]);
    assert_eq!(goals(&story), [8.0]);
    story.ends(RunVerdict::Pass, "");
}

#[test]
fn a_forbidden_limit_is_not_reached_and_one_with_a_condition_is_no_limit() {
    let strict = LIMIT.replace("arm.pos <= 8 m", "arm.pos < 8 m");
    let mut story = Story::armed(&strict, HOLD);
    story.propose(100, 9.0);
    assert_eq!(goals(&story), [8.0_f64.next_down()]);
    for conditional in
        ["    when: belt.runs\n    always: arm.pos <= 2 m\n", "    always: belt.runs implies arm.pos <= 2 m\n"]
    {
        let envelope = format!("{LIMIT}  some-times:\n{conditional}    react_within: 100 ms\n");
        let mut story = Story::armed(&envelope, HOLD);
        story.propose(100, 5.0);
        assert_eq!(goals(&story), [5.0], "{conditional}");
    }
}

#[test]
fn the_script_is_held_to_the_limits_too_and_it_is_said() {
    let mut story =
        Story::armed(LIMIT, "exercises: [limit]\nsteps:\n  - do: arm.go\n    with: { to: 9 m }\n  - hold: 1 s\n");
    assert_eq!(goals(&story), [8.0]);
    let said = |k: &EventKind| matches!(k, EventKind::Remark { text } if text.contains("to of arm.go") && text.contains("limit"));
    assert!(story.kinds().iter().any(said), "{:?}", story.kinds());
    story.ends(RunVerdict::Pass, "");
}

#[test]
fn out_of_range_too_fast_no_number_retained_and_malformed_are_refused() {
    let mut story = Story::armed(LIMIT, HOLD);
    story.propose(100, 9.5);
    story.propose(101, 4.0);
    story.propose(150, 5.0);
    story.propose(202, 6.0);
    let refused = Decision::Reject;
    let expected = [refused(Refusal::OutOfRange { arg: 0 }), Decision::Pass, refused(Refusal::TooFast), Decision::Pass];
    assert_eq!(decisions(&story), expected);
    story.until(400);
    for flags in [
        FrameFlags { retained: true, ..FrameFlags::default() },
        FrameFlags { duplicate: true, ..FrameFlags::default() },
    ] {
        let frame = Frame { flags, ..Frame::publish(BUS, "pilot/go", propose(&[("to", 3.0)])) };
        story.feed(Input::bytes(ms(400), frame));
        assert_eq!(decisions(&story).last(), Some(&refused(Refusal::Stale)));
    }
    let before = decisions(&story).len();
    story.until(500);
    for text in ["", "{", "{\"to\":null}", "{\"to\":\"high\"}", "[1]", "{\"too\":1}"] {
        story.publish(ms(500), "pilot/go", text);
    }
    let malformed = story.kinds().iter().filter(|k| matches!(k, EventKind::CommandMalformed { .. })).count();
    assert_eq!(malformed + decisions(&story).len() - before, 6, "each is said");
    assert_eq!(goals(&story), [4.0, 6.0]);
}

#[test]
fn what_was_delayed_too_long_is_stale() {
    let inject = "exercises: [limit]\nsteps:\n  - inject: { fault: delay, on: pilot.says, by: 300 ms, energised: true }\n  - hold: 3 s\n";
    let mut story = Story::confirmed(LIMIT, inject);
    story.propose(100, 4.0);
    assert!(decisions(&story).is_empty());
    story.until(500);
    assert_eq!(decisions(&story), [Decision::Reject(Refusal::Stale)]);
    assert!(goals(&story).is_empty());
}

#[test]
fn a_silent_controller_trips_and_a_retained_word_is_no_life() {
    let mut story = Story::armed(LIMIT, HOLD);
    story.until(300);
    story.pilot_speaks = false;
    story.until(700);
    let flags = FrameFlags { retained: true, ..FrameFlags::default() };
    let frame = Frame { flags, ..Frame::publish(BUS, "pilot/go", propose(&[("to", 3.0)])) };
    story.feed(Input::bytes(ms(701), frame));
    story.until(799);
    assert!(story.tripped().is_empty());
    story.until(801);
    assert!(matches!(story.tripped()[..], [Cause::Silence(_)]), "{:?}", story.tripped());
    story.ends(RunVerdict::Inconclusive, "controller `pilot` fell silent");
}

#[test]
fn after_a_trip_nothing_of_a_controller_passes() {
    let mut story = Story::armed(LIMIT, HOLD);
    story.stop(100);
    story.propose(101, 3.0);
    assert_eq!(decisions(&story), [Decision::Reject(Refusal::Closed)]);
    assert!(story.moved().is_empty());
}

#[test]
fn each_command_is_a_pulse_that_rules_can_see() {
    let rules = "rules:\n  speaks:\n    always: age(pilot.command) <= 1 s\n";
    let mut story = Story::armed(LIMIT, &format!("{rules}{HOLD}"));
    story.propose(500, 3.0);
    story.until(1_000);
    story.propose(1_400, 3.0);
    story.until(2_399);
    let broken =
        |story: &Story| story.kinds().iter().any(|k| matches!(k, EventKind::RuleViolated { rule, .. } if rule.0 == 1));
    assert!(!broken(&story));
    story.until(2_420);
    assert!(broken(&story));
}

#[test]
fn thousands_of_commands_without_an_answer_do_not_cost_a_step_its_own() {
    // The arm's commands are not acknowledged; what they leave behind must not grow.
    let mut story = Story::armed(LIMIT, "exercises: [limit]\nsteps:\n  - hold: 100 s\n");
    for place in 1..=400 {
        let at = place * 100;
        story.until(at);
        story.propose(at, 3.0);
    }
    assert_eq!(goals(&story).len(), 400);
    story.ends(RunVerdict::Pass, "");
}
