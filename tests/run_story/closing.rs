//! The end of a run: what could still move a machine is no longer under way, and rest is seen after it, not before.

use super::cell::{LIMIT, RIG, Story, ms};
use checkrein::guard::{Decision, Refusal};
use checkrein::run::event::EventKind;
use checkrein::run::{Effect, Event, OperatorOrder, RunVerdict};
use checkrein::time::Span;
use checkrein::wire::Lane;
use std::collections::BTreeSet;

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
fn a_word_to_a_machine_at_work_is_waited_for_as_one_to_a_machine_at_rest() {
    // The second start is given while the first one is seen: what is seen at work then is no answer to it.
    let steps = "  - do: arm.start\n  - wait: arm.live\n    within: 1 s\n  - do: arm.start\n  - do: arm.stop\n";
    let scenario = format!("exercises: [limit]\nsteps:\n{steps}  - wait: not arm.live\n    within: 1 s\n");
    let mut story = Story::armed(LIMIT, &scenario);
    story.until(1_000);
    let stopped = *sent_to(&story, "arm/stop").first().expect("the script got there");
    assert!(story.rungs().contains(&("arm".to_owned(), 0)), "rest {:?} after {stopped} proves nothing", story.now);
    story.end();
    assert_eq!(story.outcome.as_ref().map(|o| o.verdict), Some(RunVerdict::Pass), "{:?}", story.outcome);
    assert!(story.now.nanos() / 1_000_000 >= stopped + 500, "it ended {} after {stopped}", story.now);
}

#[test]
fn a_machine_at_rest_long_after_the_last_word_ends_without_its_ladder() {
    let steps = "  - do: arm.start\n  - wait: arm.live\n    within: 1 s\n  - do: arm.stop\n  - hold: 1 s\n";
    let mut story = Story::armed(LIMIT, &format!("exercises: [limit]\nsteps:\n{steps}"));
    story.end();
    assert!(story.rungs().is_empty(), "{:?}", story.rungs());
    assert_eq!(story.outcome.as_ref().map(|o| o.verdict), Some(RunVerdict::Pass), "{:?}", story.outcome);
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

#[test]
fn a_machine_that_says_that_it_takes_longer_to_act_is_waited_for_longer() {
    let rig = RIG.replace("    safe: not arm.live\n", "    acts_within: 2 s\n    safe: not arm.live\n");
    let scenario = "exercises: [limit]\nsteps:\n  - expect: not arm.live\n    within: 1 s\n  - do: arm.start\n";
    let mut story = Story::with_rig(&rig, LIMIT, scenario);
    story.deaf_to = BTreeSet::from(["arm/start", "arm/stop"]);
    let mut story = story.arm();
    story.until(1_900);
    assert!(story.outcome.is_none(), "1.9 s of rest are no proof for a machine that takes two");
    // Only now it does what it was told first.
    story.on = true;
    story.end();
    assert!(story.rungs().contains(&("arm".to_owned(), 2)) && !story.on, "{:?}", story.rungs());
}

#[test]
fn what_would_leave_too_late_behind_a_slow_link_is_stale_at_the_gate() {
    let mut story = Story::armed(LIMIT, "exercises: [limit]\nsteps:\n  - hold: 4 s\n");
    story.slow_by = Span::from_secs(1);
    story.propose(100, 1.0);
    story.propose(300, 2.0);
    // 300 ms behind, where its rig allows 250 ms.
    story.propose(400, 3.0);
    assert!(
        story.last.iter().any(|effect| matches!(
            effect,
            Effect::Emit(Event {
                kind: EventKind::CommandGated { decision: Decision::Reject(Refusal::Stale), age, .. }, ..
            }) if *age == Span::from_millis(300)
        )),
        "{:?}",
        story.last
    );
    assert_eq!(sent_to(&story, "arm/go"), [100, 300]);
    // What left is no longer ahead.
    story.propose(2_200, 4.0);
    assert_eq!(sent_to(&story, "arm/go"), [100, 300, 2_200]);
}

#[test]
fn what_was_dropped_by_a_take_over_makes_nothing_stale_afterwards() {
    let mut story = Story::armed(LIMIT, "exercises: [limit]\nsteps:\n  - hold: 4 s\n");
    story.slow_by = Span::from_secs(1);
    story.propose(100, 1.0);
    story.propose(200, 2.0);
    story.order(300, OperatorOrder::TakeOver);
    story.order(1_200, OperatorOrder::HandBack);
    story.propose(1_300, 3.0);
    assert_eq!(sent_to(&story, "arm/go"), [100, 200, 1_300]);
}

#[test]
fn what_cannot_leave_keeps_no_run_open_and_its_machine_gets_the_ladder() {
    let scenario = "exercises: [limit]\nsteps:\n  - hold: 1 s\n  - do: arm.start\n";
    let mut story = Story::armed(LIMIT, scenario);
    story.slow_by = Span::from_secs(60);
    story.until(1_100);
    let started = *sent_to(&story, "arm/start").first().expect("the script got there");
    story.until(started + 950);
    assert!(story.rungs().is_empty(), "what was said has a second to leave: {:?}", story.rungs());
    story.until(started + 1_100);
    assert!(story.rungs().contains(&("arm".to_owned(), 0)), "{:?}", story.rungs());
    story.end();
    assert!(story.tripped().is_empty(), "it ends by itself: {:?}", story.tripped());
    let (ended, _) = story.effects.last().expect("it ended");
    assert!(*ended < ms(started + 10_000) && !story.on, "{ended}");
}

#[test]
fn controllers_that_go_on_asking_do_not_put_the_end_off() {
    // However old a command is, it may leave.
    let rig = RIG.replace("max_age: 250 ms, ", "");
    let mut story = Story::with_rig(&rig, LIMIT, "exercises: [limit]\nsteps:\n  - hold: 1 s\n").arm();
    story.slow_by = Span::from_millis(180);
    let mut at = 110;
    loop {
        story.until(at);
        if story.outcome.is_some() || at > 10_000 {
            break;
        }
        story.propose(at, 1.0);
        at += 110;
    }
    let asked = sent_to(&story, "arm/go");
    let last = *asked.last().expect("it was let through at first");
    assert!(asked.len() > 4 && last <= 1_020, "nothing is added once the script is over: {asked:?}");
    assert!(at < 4_000, "the run went on for {at} ms");
}

#[test]
fn after_a_no_the_run_does_not_wait_for_rules_that_want_their_time() {
    let promise = "rules:\n  answers:\n    always: rise(belt.runs) implies eventually[0, 30 s] arm.live\n    on_violation: stop\n    react_within: 100 ms\n";
    let steps = "exercises: [limit]\nsteps:\n  - do: belt.run\n  - hold: 200 ms\n  - prompt: Clear?\n    within: 1 s\n";
    for (yes, settles) in [(true, true), (false, false)] {
        let mut story = Story::armed(LIMIT, &format!("{promise}{steps}"));
        story.order(500, OperatorOrder::Answer { yes });
        story.until(700);
        let settling = story.kinds().iter().any(|kind| matches!(kind, EventKind::Settling { .. }));
        assert_eq!(settling, settles, "{:?}", story.kinds());
        let belt = story.rungs().contains(&("belt".to_owned(), 0));
        assert_eq!(belt, !settles, "nobody steers the belt after a no: {:?}", story.rungs());
    }
}
