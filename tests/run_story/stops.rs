//! What a person's hand stops: the wired e-stop and the hold-to-run key.

use super::cell::{LIMIT, RIG, Story, ms};
use checkrein::guard::Cause;
use checkrein::run::event::EventKind;
use checkrein::run::{Input, LinkState, Motion, RunVerdict};
use checkrein::time::Span;
use checkrein::wire::Frame;

const HOLD: &str = "exercises: [limit]\nsteps:\n  - do: arm.start\n  - hold: 2 s\nfinally:\n  - do: belt.run\n";

const PANEL: &str = r#"  panel:
    link: bus
    protocol: json
    signals:
      closed: { field: "panel/state#/closed", flag: true, every: 20 ms }
      held:   { field: "panel/state#/held", flag: true, every: 20 ms }
"#;
const ESTOP: &str = "estop:\n  pressed: not panel.closed\n  stopped: abs(belt.speed) < 0.1 m/s\n  within: 500 ms\n";
const KEY: &str = "hold_to_run:\n  held: panel.held\n";

const AT_REST: &str = r#"{"closed":true,"held":true}"#;
const PRESSED: &str = r#"{"closed":false,"held":true}"#;
const LET_GO: &str = r#"{"closed":true,"held":false}"#;

/// A story on a cell with a panel, brought up but not armed.
fn story(keys: &str) -> Story {
    let mut story = Story::with_rig(&format!("{RIG}{PANEL}{keys}"), LIMIT, HOLD);
    story.panel = Some(AT_REST);
    story.link(1, LinkState::Up);
    story
}

/// The same, armed at 20 ms.
fn armed(keys: &str) -> Story {
    let mut story = story(keys);
    story.until(20);
    assert!(story.is_armed(), "{:?}", story.kinds());
    story
}

/// The panel says this at this instant and from then on.
fn says(story: &mut Story, millis: i64, text: &'static str) {
    story.until(millis);
    story.panel = Some(text);
    story.feed(Input::bytes(ms(millis), Frame::publish(super::cell::BUS, "panel/state", text.as_bytes())));
}

fn motions(story: &Story) -> Vec<Motion> {
    let motion = |kind| match kind {
        EventKind::Motion { what } => Some(what),
        _ => None,
    };
    story.kinds().into_iter().filter_map(motion).collect()
}

#[test]
fn a_pressed_e_stop_trips_in_the_same_call_and_motion_is_seen_to_end() {
    let mut story = armed(ESTOP);
    story.speed = 2.0;
    says(&mut story, 505, PRESSED);
    assert!(matches!(story.last[0], checkrein::run::Effect::Rung { .. }), "{:?}", story.last);
    assert_eq!(story.tripped(), [Cause::EmergencyStop]);
    assert!(story.kinds().contains(&EventKind::EmergencyStop { unknown: false }));
    story.until(700);
    story.speed = 0.0;
    story.ends(RunVerdict::Aborted, "the e-stop was pressed; motion ended 215 ms later, 500 ms are allowed");
    assert_eq!(motions(&story), [Motion::Ended { after: Span::from_millis(215) }]);
    assert_eq!(story.moved(), ["arm/start"], "nothing moves again, not even in `finally`");
}

#[test]
fn motion_that_does_not_end_in_time_fails_though_every_device_says_that_it_is_safe() {
    let mut story = armed(ESTOP);
    story.speed = 2.0;
    says(&mut story, 505, PRESSED);
    story.until(1_400);
    assert!(story.outcome.is_some(), "it is not waited for longer than it may take");
    story.ends(RunVerdict::Fail, "motion did not end within 500 ms of the e-stop: it was never seen to end");
    assert_eq!(motions(&story), [Motion::NotEnded { within: Span::from_millis(500), unknown: false }]);
}

#[test]
fn motion_that_ends_late_fails_and_says_how_late() {
    let mut story = armed(ESTOP);
    story.speed = 2.0;
    story.deaf_to.extend(["arm/stop", "arm/brake"]);
    says(&mut story, 505, PRESSED);
    story.until(1_200);
    story.speed = 0.0;
    story.ends(RunVerdict::Fail, "motion did not end within 500 ms of the e-stop: it took 715 ms");
}

#[test]
fn motion_that_begins_again_fails() {
    let mut story = armed(ESTOP);
    story.deaf_to.extend(["arm/stop", "arm/brake"]);
    says(&mut story, 505, PRESSED);
    story.until(600);
    story.speed = 1.0;
    story.until(700);
    story.speed = 0.0;
    story.ends(RunVerdict::Fail, "motion began again after the e-stop");
    assert_eq!(motions(&story), [Motion::Ended { after: Span::from_millis(15) }, Motion::BeganAgain]);
}

#[test]
fn what_was_heard_before_the_press_is_no_proof_that_motion_ended() {
    let mut story = armed(ESTOP);
    says(&mut story, 505, PRESSED);
    assert_eq!(motions(&story), [], "the belt stood still before; nobody has looked since");
    story.belt_speaks = false;
    story.until(1_004);
    assert_eq!(motions(&story), []);
    story.until(1_006);
    assert_eq!(motions(&story), [Motion::NotEnded { within: Span::from_millis(500), unknown: true }]);
    story.belt_speaks = true;
    story.ends(RunVerdict::Inconclusive, "nobody saw whether motion ended within 500 ms");
}

#[test]
fn an_e_stop_that_nobody_hears_of_counts_as_pressed() {
    let mut story = armed(ESTOP);
    story.until(500);
    story.panel = None;
    story.until(700);
    assert_eq!(story.tripped(), [Cause::EmergencyStop]);
    assert!(story.kinds().contains(&EventKind::EmergencyStop { unknown: true }));
    story.ends(RunVerdict::Inconclusive, "nobody knew any more whether the e-stop was pressed; motion ended");
}

#[test]
fn a_value_that_is_none_counts_as_pressed() {
    let mut story = armed(ESTOP);
    says(&mut story, 505, r#"{"closed":null,"held":true}"#);
    assert_eq!(story.tripped(), [Cause::EmergencyStop]);
}

#[test]
fn an_e_stop_that_is_pulled_out_again_resumes_nothing() {
    let mut story = armed(ESTOP);
    says(&mut story, 505, PRESSED);
    says(&mut story, 515, AT_REST);
    story.until(560);
    story.ends(RunVerdict::Aborted, "the e-stop was pressed");
    assert_eq!(story.tripped(), [Cause::EmergencyStop]);
    assert_eq!(story.moved(), ["arm/start"]);
}

#[test]
fn a_pressed_e_stop_is_not_armed_and_nothing_moves() {
    let mut pressed = story(ESTOP);
    pressed.panel = Some(PRESSED);
    pressed.until(500);
    assert!(!pressed.is_armed());
    pressed.panel = Some(AT_REST);
    pressed.until(520);
    assert!(pressed.is_armed(), "once it is pulled out");
    let mut story = story(ESTOP);
    story.panel = Some(PRESSED);
    story.ends(RunVerdict::Blocked, "the e-stop is pressed");
    assert!(story.moved().is_empty());
}

#[test]
fn the_signals_of_the_hand_are_needed_to_arm() {
    let mut story = story(&format!("{ESTOP}{KEY}"));
    story.panel = None;
    let outcome = story.end();
    assert_eq!(outcome.verdict, RunVerdict::Blocked);
    for words in ["panel.closed was never heard", "panel.held was never heard", "nobody knows whether the e-stop"] {
        assert!(outcome.reasons[0].contains(words), "{words} in {outcome:?}");
    }
}

#[test]
fn an_e_stop_pressed_while_the_machine_is_brought_to_rest_still_counts() {
    let mut story = armed(ESTOP);
    story.deaf_to.insert("arm/stop");
    story.until(2_100);
    assert!(story.tripped().is_empty() && !story.rungs().is_empty(), "the ladder of the end is under way");
    says(&mut story, 2_105, PRESSED);
    story.ends(RunVerdict::Aborted, "the e-stop was pressed");
    assert_eq!(story.tripped(), [Cause::EmergencyStop]);
}

#[test]
fn after_a_trip_the_e_stop_is_watched_all_the_same() {
    let mut story = armed(ESTOP);
    story.speed = 2.0;
    story.deaf_to.insert("arm/stop");
    story.stop(400);
    says(&mut story, 505, PRESSED);
    assert_eq!(story.tripped(), [Cause::Operator], "the person who said stop stays the reason");
    story.ends(RunVerdict::Fail, "motion did not end within 500 ms of the e-stop");
}

#[test]
fn the_e_stop_outranks_a_broken_rule() {
    let mut story = armed(ESTOP);
    story.until(500);
    story.pos = "9".to_owned();
    story.tell_arm(ms(501));
    says(&mut story, 505, PRESSED);
    assert_eq!(story.tripped().last(), Some(&Cause::EmergencyStop));
    story.ends(RunVerdict::Fail, "rule limit was broken");
}

#[test]
fn a_key_that_is_let_go_trips_in_the_same_call() {
    let mut story = armed(KEY);
    says(&mut story, 505, LET_GO);
    assert!(matches!(story.last[0], checkrein::run::Effect::Rung { .. }), "{:?}", story.last);
    assert_eq!(story.tripped(), [Cause::Released]);
    says(&mut story, 510, AT_REST);
    story.ends(RunVerdict::Aborted, "the hold-to-run key was let go");
    assert_eq!(story.moved(), ["arm/start"], "held again, it starts nothing");
}

#[test]
fn a_key_must_be_held_to_arm() {
    let mut story = story(KEY);
    story.panel = Some(LET_GO);
    story.ends(RunVerdict::Blocked, "the hold-to-run key is not held");
    assert!(story.moved().is_empty());
}

#[test]
fn a_key_of_which_nobody_hears_counts_as_let_go() {
    let mut story = armed(KEY);
    story.until(500);
    story.panel = None;
    story.until(700);
    assert_eq!(story.tripped(), [Cause::Released]);
    story.ends(RunVerdict::Inconclusive, "nobody knew any more whether the hold-to-run key was held");
}

#[test]
fn a_key_may_be_let_go_once_the_run_is_over() {
    let mut story = armed(KEY);
    story.deaf_to.insert("arm/stop");
    story.until(2_100);
    assert!(!story.rungs().is_empty(), "the ladder of the end is under way");
    says(&mut story, 2_105, LET_GO);
    story.ends(RunVerdict::Pass, "");
}
