//! The rules of the ladder, one story for each that the other stories do not tell in passing.

use super::cell::{LIMIT, RIG, Story, ms};
use checkrein::guard::LadderId;
use checkrein::run::event::{EventKind, StepOutcome};
use checkrein::run::{Effect, RunVerdict};
use checkrein::time::{Span, Time};

const BOTH: &str = "exercises: [limit]\nsteps:\n  - do: arm.start\n  - do: belt.run\n  - hold: 5 s\n";
const ARM: &str = "exercises: [limit]\nsteps:\n  - do: arm.start\n  - hold: 5 s\n";

/// The usual rig with one line exchanged.
fn rig_with(line: &str, other: &str) -> String {
    assert!(RIG.contains(line), "the rig has no line `{line}`");
    RIG.replacen(line, other, 1)
}

/// When the first event of this kind came.
fn when(story: &Story, wanted: impl Fn(&EventKind) -> bool) -> Time {
    let found = story.events().into_iter().find(|event| wanted(&event.kind));
    found.unwrap_or_else(|| panic!("it never came: {:?}", story.kinds())).at
}

#[test]
fn a_rung_may_be_a_list_and_safe_counts_from_its_last_byte() {
    let rig = rig_with("{ do: arm.stop, within: 1 s }", "{ do: [arm.stop, arm.brake, arm.cut], within: 1 s }");
    let mut story = Story::with_rig(&rig, LIMIT, ARM).arm();
    let frames = &story.plan.ladders[0].rungs[0].frames;
    let topics: Vec<_> = frames.iter().map(|frame| frame.topic.as_deref().unwrap_or_default().to_owned()).collect();
    assert_eq!(topics, ["arm/stop", "arm/brake", "arm/cut"], "in the order of the file");
    story.deaf_to.extend(["arm/stop", "arm/brake"]);
    story.until(499);
    story.pos = "9.5".to_owned();
    story.until(600);
    let arm = story.rungs().iter().filter(|(device, _)| device == "arm").count();
    assert_eq!(arm, 1, "one rung, not three: {:?}", story.rungs());
    assert!(
        !story.on && story.kinds().contains(&EventKind::DeviceSafe { ladder: LadderId(0) }),
        "the third one did it"
    );
}

#[test]
fn ladders_run_side_by_side_where_the_rig_does_not_order_them() {
    let rig = rig_with("    after: [arm]\n", "");
    let mut story = Story::with_rig(&rig, LIMIT, BOTH).arm();
    story.deaf_to.insert("arm/stop");
    story.until(499);
    story.pos = "9.5".to_owned();
    story.tell_arm(ms(500));
    let rungs = story.last.iter().filter(|effect| matches!(effect, Effect::Rung { .. })).count();
    assert_eq!(rungs, 2, "both at once: {:?}", story.rungs());
    story.until(700);
    assert!(!story.runs && story.on, "the belt does not wait for the arm, which hears nothing");
}

#[test]
fn a_rung_whose_condition_is_unknown_is_passed_over() {
    let mut story = Story::armed(LIMIT, ARM);
    story.deaf_to.insert("arm/stop");
    story.until(499);
    // Where the arm is, nobody knows any more; the `when` of the second rung asks for it.
    story.pos = "null".to_owned();
    story.until(1_600);
    assert_eq!(story.rungs()[..2], [("arm".to_owned(), 0), ("arm".to_owned(), 2)]);
}

#[test]
fn the_unknown_is_never_safe() {
    let mut story = Story::armed(LIMIT, ARM);
    story.deaf_to.extend(["arm/stop", "arm/cut"]);
    story.until(499);
    story.stop(500);
    story.arm_speaks = false;
    story.until(1_000);
    story.arm_speaks = true;
    story.on = false;
    // What says neither yes nor no.
    story.publish(ms(1_001), "arm/state", r#"{"pos":1.0,"live":null,"serial":"A7"}"#);
    assert!(!story.kinds().contains(&EventKind::DeviceSafe { ladder: LadderId(0) }), "null is no proof");
    story.tell_arm(ms(1_002));
    assert!(story.kinds().contains(&EventKind::DeviceSafe { ladder: LadderId(0) }), "a word is");
}

#[test]
fn the_way_out_is_obligations_then_finally_then_the_ladders() {
    let envelope = format!(
        "{LIMIT}  promise:\n    always: arm.pos > 2 m implies eventually[0, 1 s] arm.pos < 2 m\n    on_violation: fail\n    because: a test\n"
    );
    let scenario = "exercises: [limit]\nsteps:\n  - do: arm.start\n  - hold: 1 s\nfinally:\n  - hold: 200 ms\n";
    let mut story = Story::armed(&envelope, scenario);
    story.until(900);
    story.pos = "3.0".to_owned();
    story.until(1_500);
    story.pos = "1.0".to_owned();
    story.end();
    let settling = when(&story, |kind| matches!(kind, EventKind::Settling { .. }));
    let finally = story.plan.finally[0].id;
    let began = when(&story, |kind| matches!(kind, EventKind::StepStarted { step } if *step == finally));
    let rung = when(&story, |kind| matches!(kind, EventKind::RungIssued { .. }));
    assert!(began.since(settling) >= Span::from_millis(400), "`finally` waited for the promise: {settling} {began}");
    assert!(rung.since(began) >= Span::from_millis(200), "the ladder waited for `finally`: {began} {rung}");
}

#[test]
fn nothing_passes_unless_every_device_is_confirmed_safe() {
    let scenario = "exercises: [limit]\nsteps:\n  - do: arm.start\n  - hold: 1 s\nfinally:\n  - expect: arm.pos < 2 m\n    within: 1 s\n";
    let mut story = Story::armed(LIMIT, scenario);
    story.deaf_to.extend(["arm/stop", "arm/brake", "arm/cut"]);
    let outcome = story.end();
    assert_eq!(story.step("expect arm.pos < 2 m"), [StepOutcome::Done], "all else is well");
    assert_eq!(outcome.verdict, RunVerdict::Fail);
    assert!(outcome.reasons[0].contains("device arm was not confirmed safe"), "{outcome:?}");
}

#[test]
fn a_device_that_turns_unsafe_while_others_are_brought_down_goes_on_up_its_ladder() {
    let mut story = Story::armed(LIMIT, BOTH);
    story.deaf_to.insert("belt/halt");
    story.until(499);
    story.pos = "9.5".to_owned();
    story.until(700);
    assert_eq!(story.rungs(), [("arm".to_owned(), 0), ("belt".to_owned(), 0)]);
    story.deaf_to.insert("arm/cut");
    story.on = true;
    story.until(1_100);
    assert_eq!(story.rungs()[2], ("arm".to_owned(), 2), "watched until the run ends");
}
