//! From a violation to `safe`: at once, up the ladder, and never on old news.

use super::cell::{BUS, LIMIT, Story, ms};
use checkrein::command::RuleId;
use checkrein::guard::{Cause, LadderId};
use checkrein::run::event::EventKind;
use checkrein::run::{Effect, Input, LinkState, RunVerdict, SendId};
use checkrein::time::Span;

const BOTH: &str = "exercises: [limit]\nsteps:\n  - do: arm.start\n  - do: belt.run\n  - hold: 5 s\n";
const ARM: &str = "exercises: [limit]\nsteps:\n  - do: arm.start\n  - hold: 5 s\n";

/// A story in which the arm broke its limit at 500 ms; the write of the rung is told by hand.
fn broken(scenario: &str) -> (Story, SendId) {
    let mut story = Story::armed(LIMIT, scenario);
    story.until(499);
    story.leaves = false;
    story.pos = "9.5".to_owned();
    story.tell_arm(ms(500));
    let id = match story.last.first() {
        Some(Effect::Rung { id, .. }) => *id,
        other => panic!("a rung comes first, not {other:?}"),
    };
    (story, id)
}

fn sent(story: &mut Story, id: SendId, done: i64) {
    story.feed(Input::Sent { at: ms(done), id, begun: ms(done), done: ms(done), queued_ahead: 0 });
}

fn is_safe(story: &Story) -> bool {
    story.kinds().contains(&EventKind::DeviceSafe { ladder: LadderId(0) })
}

#[test]
fn one_sample_trips_in_the_same_call_and_the_rung_comes_first() {
    let (story, _) = broken(ARM);
    assert_eq!(story.tripped(), [Cause::Rule(RuleId(0))]);
    assert!(story.last.contains(&Effect::Flush));
    let at = |wanted: fn(&Effect) -> bool| story.last.iter().position(wanted);
    let rung = at(|e| matches!(e, Effect::Rung { .. }));
    let violated = at(|e| matches!(e, Effect::Emit(e) if matches!(e.kind, EventKind::RuleViolated { .. })));
    assert!(rung == Some(0) && violated > rung);
}

#[test]
fn the_rung_outruns_even_what_the_same_call_wanted_to_move() {
    // One read holds an order of the pilot's, delayed until now, and ends in a trip.
    let mut story = Story::armed(
        LIMIT,
        "exercises: [limit]\nsteps:\n  - do: arm.start\n  - wait: arm.pos > 5 m\n    within: 5 s\n  - do: belt.run\n  - hold: 5 s\n",
    );
    story.until(499);
    story.pos = "9.5".to_owned();
    story.tell_arm(ms(500));
    assert!(matches!(story.last[0], Effect::Rung { .. }));
    story.until(600);
    assert_eq!(story.moved(), ["arm/start"], "the belt stays where it is");
}

#[test]
fn an_old_or_simultaneous_word_of_safety_proves_nothing() {
    let (mut story, id) = broken(ARM);
    story.on = false;
    story.tell_arm(ms(505));
    assert!(!is_safe(&story), "the rung has not left");
    sent(&mut story, id, 510);
    story.tell_arm(ms(510));
    assert!(!is_safe(&story), "it arrived as the rung left");
    story.tell_arm(ms(511));
    assert!(is_safe(&story));
}

#[test]
fn only_the_present_rung_counts() {
    let (mut story, first) = broken(ARM);
    story.until(1501);
    assert_eq!(story.rungs(), [("arm".to_owned(), 0), ("arm".to_owned(), 2)], "the second rung's `when` does not hold");
    sent(&mut story, first, 1502);
    story.on = false;
    story.tell_arm(ms(1503));
    assert!(!is_safe(&story), "the rung before left late; the present one has not");
}

#[test]
fn the_next_rung_follows_by_time_and_a_skipped_one_is_said() {
    let mut story = Story::armed(LIMIT, ARM);
    story.deaf_to.insert("arm/stop");
    story.until(499);
    story.pos = "9.5".to_owned();
    story.until(2_000);
    assert_eq!(story.rungs()[..2], [("arm".to_owned(), 0), ("arm".to_owned(), 2)]);
    assert!(story.kinds().iter().any(|k| matches!(k, EventKind::RungSkipped { rung, .. } if rung.0 == 1)));
    let issued: Vec<_> =
        story.events().into_iter().filter(|e| matches!(e.kind, EventKind::RungIssued { .. })).collect();
    assert_eq!(issued[1].at.since(issued[0].at), Span::from_secs(1));
    story.ends(RunVerdict::Fail, "rule limit was broken");
}

#[test]
fn a_rung_whose_condition_holds_is_used() {
    let mut story = Story::armed(LIMIT, ARM);
    story.deaf_to.insert("arm/stop");
    story.until(499);
    story.pos = "0.5".to_owned();
    story.speed = 4.5;
    story.until(2_000);
    assert_eq!(story.rungs().iter().filter(|(d, _)| d == "arm").map(|(_, r)| *r).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn safe_that_breaks_again_brings_the_next_rung() {
    // The belt is deaf, so that the run is not over when the arm is safe.
    let mut story = Story::armed(LIMIT, BOTH);
    story.deaf_to.insert("belt/halt");
    story.until(499);
    story.pos = "9.5".to_owned();
    story.until(600);
    assert!(is_safe(&story));
    story.on = true;
    story.until(640);
    assert!(story.kinds().contains(&EventKind::DeviceUnsafe { ladder: LadderId(0) }));
    let arm: Vec<u8> = story.rungs().iter().filter(|(d, _)| d == "arm").map(|(_, r)| *r).collect();
    assert_eq!(arm, [0, 2]);
}

#[test]
fn silence_after_safe_is_no_safety() {
    let mut story = Story::armed(LIMIT, BOTH);
    story.deaf_to.insert("belt/halt");
    story.until(499);
    story.pos = "9.5".to_owned();
    story.until(600);
    assert!(is_safe(&story));
    story.arm_speaks = false;
    story.until(800);
    assert!(story.kinds().contains(&EventKind::DeviceUnsafe { ladder: LadderId(0) }));
}

#[test]
fn the_last_rung_unconfirmed_raises_the_alarm() {
    let mut story = Story::armed(LIMIT, ARM);
    story.deaf_to.extend(["arm/stop", "arm/brake", "arm/cut"]);
    story.until(1_000);
    story.stop(1_000);
    story.ends(RunVerdict::Fail, "device arm was not confirmed safe by the last rung");
    assert!(story.kinds().iter().any(|k| matches!(k, EventKind::Alarm { ladder } if ladder.0 == 0)));
}

#[test]
fn an_alarm_about_a_silent_device_is_inconclusive() {
    let mut story = Story::armed(LIMIT, ARM);
    story.until(500);
    story.arm_speaks = false;
    story.ends(RunVerdict::Inconclusive, "device arm was not confirmed safe by the last rung");
}

#[test]
fn ladders_come_one_after_the_other_where_the_rig_says_so() {
    let mut story = Story::armed(LIMIT, BOTH);
    story.deaf_to.insert("arm/stop");
    story.until(499);
    story.pos = "9.5".to_owned();
    story.until(1_400);
    assert_eq!(story.rungs(), [("arm".to_owned(), 0)], "the belt waits for the arm");
    story.until(2_000);
    assert_eq!(story.rungs()[1..], [("arm".to_owned(), 2), ("belt".to_owned(), 0)]);
    story.ends(RunVerdict::Fail, "rule limit");
    assert!(!story.runs);
}

#[test]
fn a_late_reaction_fails_even_where_the_cause_alone_would_not() {
    let mut story = Story::armed(LIMIT, ARM);
    story.begins_after = Span::from_millis(150);
    story.until(500);
    story.arm_speaks = false;
    story.until(700);
    assert_eq!(story.tripped(), [Cause::Unknown(RuleId(0))]);
    story.arm_speaks = true;
    story.ends(RunVerdict::Fail, "the reaction to rule limit took 150 ms, the budget is 100 ms");
}

#[test]
fn a_reaction_in_time_is_told_as_a_signal() {
    let mut story = Story::armed(
        LIMIT,
        "exercises: [limit]\nrules:\n  quick:\n    when: guard.tripped\n    always: guard.reaction <= 100 us\n    on_violation: fail\n    because: It can.\nsteps:\n  - do: arm.start\n  - hold: 5 s\n",
    );
    story.begins_after = Span::from_micros(300);
    story.until(499);
    story.pos = "9.5".to_owned();
    story.ends(RunVerdict::Fail, "rule quick was broken");
}

#[test]
fn a_way_to_safety_that_takes_too_long_fails() {
    let envelope = LIMIT.replace("10 s", "900 ms");
    let mut story = Story::armed(&envelope, ARM);
    story.deaf_to.insert("arm/stop");
    story.until(500);
    story.arm_speaks = false;
    story.until(700);
    story.arm_speaks = true;
    story.until(1_900);
    story.ends(RunVerdict::Fail, "it took");
}

#[test]
fn a_second_cause_does_not_blame_the_first_reaction() {
    // The arm falls silent, the guard trips; only then a limit is broken: the ladder has begun long before.
    let mut story = Story::armed(LIMIT, ARM);
    story.deaf_to.insert("arm/stop");
    story.until(500);
    story.arm_speaks = false;
    story.until(700);
    story.speed = 4.5;
    story.until(800);
    assert_eq!(story.tripped(), [Cause::Unknown(RuleId(0)), Cause::Rule(RuleId(0))]);
    story.arm_speaks = true;
    let outcome = story.end();
    assert_eq!(outcome.verdict, RunVerdict::Fail);
    assert!(!outcome.reasons.iter().any(|r| r.contains("the reaction")), "{outcome:?}");
}

#[test]
fn a_link_that_goes_trips_and_a_refused_one_in_the_middle_is_as_gone() {
    for state in [LinkState::Lost("pulled".into()), LinkState::Refused("busy".into())] {
        let mut story = Story::armed(LIMIT, ARM);
        story.until(500);
        story.arm_speaks = false;
        story.belt_speaks = false;
        story.pilot_speaks = false;
        story.leaves = false;
        story.link(501, state);
        assert!(matches!(story.last[0], Effect::Rung { .. }), "{:?}", story.last);
        assert!(story.tripped().contains(&Cause::LinkLost(BUS)));
        story.ends(RunVerdict::Inconclusive, "link `bus` was lost");
    }
}
