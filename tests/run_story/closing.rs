//! The end of a run: what could still move a machine is no longer under way, and rest is seen after it, not before.

use super::cell::{LIMIT, Story};
use checkrein::run::event::EventKind;
use checkrein::run::{Effect, OperatorOrder, RunVerdict};
use checkrein::wire::Lane;

fn sent_to(story: &Story, topic: &str) -> Vec<i64> {
    let to = |effect: &Effect| matches!(effect, Effect::Send { frame, .. } if frame.topic.as_deref() == Some(topic));
    story.effects.iter().filter(|(_, effect)| to(effect)).map(|(at, _)| at.nanos() / 1_000_000).collect()
}

#[test]
fn a_script_that_ends_by_starting_a_machine_does_not_leave_it_running() {
    let scenario = "exercises: [limit]\nsteps:\n  - expect: not arm.live\n    within: 1 s\n  - do: arm.start\n";
    let mut story = Story::armed(LIMIT, scenario);
    story.end();
    assert_eq!(story.moved(), ["arm/start"]);
    assert!(!story.rungs().is_empty(), "`safe` was shown by samples older than the order that energises");
    assert!(!story.on, "the ladder made it safe");
}

#[test]
fn the_same_in_finally_and_by_a_machine_that_takes_its_time() {
    let scenario =
        "exercises: [limit]\nsteps:\n  - expect: not arm.live\n    within: 1 s\nfinally:\n  - do: arm.start\n";
    let mut story = Story::armed(LIMIT, scenario);
    // It says for a while yet that it stands still.
    story.deaf_to.insert("arm/start");
    while story.moved().is_empty() {
        story.until(story.now.nanos() / 1_000_000 + 20);
    }
    story.until(story.now.nanos() / 1_000_000 + 300);
    assert!(story.outcome.is_none(), "300 ms of rest after a word that may move it are no proof");
    story.on = true;
    story.end();
    assert!(!story.rungs().is_empty() && !story.on);
}

#[test]
fn a_machine_that_says_nothing_after_the_last_word_gets_its_ladder() {
    let scenario = "exercises: [limit]\nsteps:\n  - expect: not arm.live\n    within: 1 s\n  - do: arm.start\n";
    let mut story = Story::armed(LIMIT, scenario);
    story.arm_speaks = false;
    story.end();
    assert!(story.rungs().iter().any(|(device, _)| device == "arm"), "{:?}", story.rungs());
    assert_ne!(story.outcome.as_ref().map(|o| o.verdict), Some(RunVerdict::Pass));
}

#[test]
fn a_machine_that_was_only_told_to_rest_ends_without_its_ladder_once_rest_is_seen() {
    let scenario = "exercises: [limit]\nsteps:\n  - expect: not arm.live\n    within: 1 s\n  - do: arm.stop\n";
    let mut story = Story::armed(LIMIT, scenario);
    story.end();
    assert_eq!(story.outcome.as_ref().map(|o| o.verdict), Some(RunVerdict::Pass), "{:?}", story.outcome);
    assert!(story.rungs().is_empty(), "{:?}", story.rungs());
    let told = sent_to(&story, "arm/stop")[0];
    assert!(story.now.nanos() / 1_000_000 >= told + 500, "it ended {} after {told}", story.now);
}

#[test]
fn what_waits_to_leave_is_thrown_away_when_the_lane_closes() {
    let scenario = "exercises: [limit]\nsteps:\n  - expect: not arm.live\n    within: 1 s\n";
    let mut story = Story::armed(LIMIT, scenario);
    story.end();
    assert!(story.effects.iter().any(|(_, effect)| *effect == Effect::DropNormal));
}

#[test]
fn after_a_no_nothing_that_energises_begins_in_finally() {
    let scenario = "exercises: [limit]\nsteps:\n  - hold: 1 s\nfinally:\n  - inject: { fault: drop, share: 50 %, on: bus, energised: true }\n  - do: arm.start\n  - hold: 500 ms\n";
    let mut story = Story::armed(LIMIT, scenario);
    story.until(1_000);
    story.order(1_000, OperatorOrder::Answer { yes: false });
    story.end();
    let started = story.kinds().iter().filter(|kind| matches!(kind, EventKind::FaultStarted { .. })).count();
    assert!(started == 0 && story.moved().is_empty(), "{started} {:?}", story.moved());
    assert_eq!(story.outcome.as_ref().map(|o| o.verdict), Some(RunVerdict::Aborted), "{:?}", story.outcome);
}

#[test]
fn after_silence_instead_of_a_yes_nothing_that_energises_begins_either() {
    let scenario = "exercises: [limit]\nsteps:\n  - prompt: Clear?\n    within: 1 s\nfinally:\n  - do: arm.start\n  - do: arm.stop\n";
    let mut story = Story::armed(LIMIT, scenario);
    story.end();
    assert_eq!(story.moved(), ["arm/stop"]);
}

#[test]
fn what_a_link_held_back_does_not_leave_after_a_take_over() {
    let scenario =
        "exercises: [limit]\nsteps:\n  - inject: { fault: delay, by: 1 s, on: bus, energised: true }\n  - hold: 3 s\n";
    let mut story = Story::confirmed(LIMIT, scenario);
    story.propose(100, 7.0);
    story.order(300, OperatorOrder::TakeOver);
    assert!(
        story.last.contains(&Effect::DropNormal),
        "what waits in the host is not the controller's to send any more"
    );
    story.until(2_000);
    assert_eq!(sent_to(&story, "arm/go"), Vec::<i64>::new());
    let normal = |effect: &Effect| matches!(effect, Effect::Send { lane: Lane::Normal, .. });
    assert!(!story.effects.iter().any(|(_, effect)| normal(effect)));
}

#[test]
fn after_a_no_controllers_are_refused_too_and_a_hand_back_is_no_yes() {
    let scenario = "exercises: [limit]\nsteps:\n  - prompt: Clear?\n    within: 5 s\nfinally:\n  - hold: 3 s\n";
    let mut story = Story::armed(LIMIT, scenario);
    let now = story.now.nanos() / 1_000_000;
    story.order(now, OperatorOrder::Answer { yes: false });
    story.propose(now + 100, 3.0);
    story.order(now + 200, OperatorOrder::TakeOver);
    story.order(now + 300, OperatorOrder::HandBack);
    story.propose(now + 400, 3.0);
    story.end();
    assert_eq!(sent_to(&story, "arm/go"), Vec::<i64>::new());
    assert_eq!(story.outcome.as_ref().map(|o| o.verdict), Some(RunVerdict::Aborted), "{:?}", story.outcome);
}
