//! Bringing up: armed only when everything is there, and nothing moves before.

use super::cell::{BUS, LIMIT, Story, ms};
use checkrein::run::event::EventKind;
use checkrein::run::{Effect, Input, LinkState, RecorderState, RunVerdict};
use checkrein::time::Time;
use checkrein::wire::{Frame, Lane, LinkId};

const START: &str = "exercises: [limit]\nsteps:\n  - do: arm.start\n  - hold: 1 s\n";

#[test]
fn armed_only_when_identity_and_every_needed_signal_are_there_and_fresh() {
    let mut story = Story::new(LIMIT, START);
    story.arm_speaks = false;
    story.pilot_speaks = false;
    story.link(1, LinkState::Up);
    story.until(400);
    assert!(!story.is_armed(), "the arm was not heard");
    story.arm_speaks = true;
    story.belt_speaks = false;
    story.until(600);
    assert!(!story.is_armed(), "the belt was heard and is stale, the pilot was not identified");
    story.pilot_speaks = true;
    story.until(800);
    assert!(!story.is_armed(), "the belt is stale");
    assert!(story.moved().is_empty(), "nothing moves before");
    story.belt_speaks = true;
    story.until(820);
    assert!(story.is_armed());
    assert_eq!(story.moved(), ["arm/start"]);
}

#[test]
fn a_run_that_is_not_armed_in_time_is_blocked_and_names_what_is_missing() {
    let mut story = Story::new(LIMIT, START);
    story.belt_speaks = false;
    story.link(1, LinkState::Up);
    let outcome = story.end();
    assert_eq!(outcome.verdict, RunVerdict::Blocked);
    for name in ["device belt was not identified", "belt.speed was never heard", "belt.runs was never heard"] {
        assert!(outcome.reasons[0].contains(name), "{name} in {outcome:?}");
    }
    assert!(!outcome.reasons[0].contains("arm."), "{outcome:?}");
    assert!(story.moved().is_empty() && story.rungs().is_empty());
}

#[test]
fn a_link_that_never_comes_up_blocks() {
    let mut story = Story::new(LIMIT, START);
    story.arm_speaks = false;
    story.belt_speaks = false;
    story.pilot_speaks = false;
    story.feed(Input::Tick { at: ms(1) });
    story.ends(RunVerdict::Blocked, "link bus did not come up");
    let mut story = Story::new(LIMIT, START);
    story.link(1, LinkState::Refused("no broker".into()));
    assert_eq!(story.outcome.as_ref().map(|o| o.verdict), Some(RunVerdict::Blocked), "at once");
}

#[test]
fn another_device_is_blocked_and_is_sent_nothing_that_moves() {
    let mut story = Story::new(LIMIT, START);
    story.serial = "B9";
    story.on = true;
    story.link(1, LinkState::Up);
    story.ends(RunVerdict::Blocked, "serial is \"B9\", the rig wants \"A7\"");
    assert!(story.moved().is_empty());
    assert!(story.rungs().is_empty(), "not even a rung goes to a device that nobody knows: {:?}", story.rungs());
}

#[test]
fn a_known_device_that_moves_already_is_brought_down_before_the_run_is_blocked() {
    let mut story = Story::new(LIMIT, START);
    story.on = true;
    story.belt_speaks = false;
    story.link(1, LinkState::Up);
    story.ends(RunVerdict::Blocked, "belt.speed was never heard");
    assert_eq!(story.rungs(), [("arm".to_owned(), 0)]);
    assert!(!story.on, "the arm obeyed");
}

#[test]
fn a_number_that_is_none_does_not_arm() {
    for none in ["null", "\"nan\"", "1e999"] {
        let mut story = Story::new(LIMIT, START);
        story.pos = none.to_owned();
        story.link(1, LinkState::Up);
        story.until(500);
        assert!(!story.is_armed(), "{none}");
        story.pos = "1".to_owned();
        story.until(520);
        assert!(story.is_armed() && story.tripped().is_empty(), "{none}");
    }
}

#[test]
fn trouble_before_arming_blocks_and_never_arms() {
    for (trouble, words) in [
        (Input::Recorder { at: ms(10), state: RecorderState::Full }, "queue was full"),
        (Input::Watchdog { at: ms(10), link: BUS, fired: true }, "the watchdog of link `bus`"),
        (Input::Link { at: ms(10), link: BUS, state: LinkState::Lost("pulled".into()) }, "pulled"),
    ] {
        let mut story = Story::new(LIMIT, START);
        story.link(1, LinkState::Up);
        story.feed(trouble);
        story.ends(RunVerdict::Blocked, words);
        assert!(!story.is_armed() && story.moved().is_empty());
    }
}

#[test]
fn a_person_who_stops_the_bring_up_aborts() {
    let mut story = Story::new(LIMIT, START);
    story.link(1, LinkState::Up);
    story.stop(5);
    story.ends(RunVerdict::Aborted, "before it was armed");
    assert!(story.moved().is_empty());
}

#[test]
fn what_no_link_of_the_rig_brings_is_said_and_harms_nothing() {
    let mut story = Story::armed(LIMIT, START);
    let nowhere = LinkId(99);
    story.feed(Input::bytes(ms(21), Frame::serial(nowhere, [1, 2, 3])));
    story.feed(Input::Link { at: ms(22), link: nowhere, state: LinkState::Up });
    story.feed(Input::Watchdog { at: ms(23), link: nowhere, fired: true });
    let said = |kind: &EventKind| matches!(kind, EventKind::Remark { text } if text.contains("link 99"));
    assert_eq!(story.kinds().iter().filter(|kind| said(kind)).count(), 3);
    story.ends(RunVerdict::Pass, "");
}

#[test]
fn stamps_that_run_backwards_do_not_move_time_back() {
    let mut story = Story::armed(LIMIT, START);
    story.until(500);
    story.feed(Input::Tick { at: Time::ZERO });
    story.feed(Input::Tick { at: Time::MIN });
    story.publish(ms(3), "belt/state", r#"{"speed":1,"runs":false}"#);
    story.ends(RunVerdict::Pass, "");
    let events = story.events();
    assert!(events.windows(2).all(|pair| pair[0].at <= pair[1].at), "events are in order of time");
}

#[test]
fn a_long_sleep_is_survived_and_judged() {
    let mut story = Story::armed(LIMIT, "exercises: [limit]\nsteps:\n  - hold: 100000 s\n");
    story.feed(Input::Tick { at: ms(3_600_000) });
    assert!(!story.tripped().is_empty(), "an hour without a word is a silence");
    story.ends(RunVerdict::Inconclusive, "");
}

#[test]
fn nothing_is_in_the_normal_lane_before_the_event_of_arming() {
    let mut story = Story::new(LIMIT, START);
    story.link(1, LinkState::Up);
    story.until(200);
    let mut armed = false;
    for (_, effect) in &story.effects {
        match effect {
            Effect::Emit(event) if event.kind == EventKind::Armed => armed = true,
            Effect::Send { lane: Lane::Normal, .. } => assert!(armed),
            _ => {}
        }
    }
    assert!(armed);
}
