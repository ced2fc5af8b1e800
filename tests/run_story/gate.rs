//! The gate: its order, its modes, the look-ahead, and a person who takes over.

use super::cell::{BUS, LIMIT, RIG, Story, ms};
use checkrein::codec::json::device::{Told, propose};
use checkrein::command::{Authority, RuleId};
use checkrein::guard::{Decision, Refusal};
use checkrein::run::event::{EventKind, StepOutcome};
use checkrein::run::{Effect, Input, OperatorOrder, RunVerdict};
use checkrein::time::Span;
use checkrein::wire::{Frame, FrameFlags};

const HOLD: &str = "exercises: [limit]\nsteps:\n  - hold: 3 s\n";

/// What the gate said of one command.
#[derive(Clone, PartialEq, Debug)]
struct Gated {
    decision: Decision,
    age: Span,
    state: Option<f64>,
    enforced: bool,
}

fn gated(story: &Story) -> Vec<Gated> {
    let one = |kind| match kind {
        EventKind::CommandGated { decision, age, state, enforced, .. } => {
            Some(Gated { decision, age, state, enforced })
        }
        _ => None,
    };
    story.kinds().into_iter().filter_map(one).collect()
}

fn decisions(story: &Story) -> Vec<Decision> {
    gated(story).into_iter().map(|gated| gated.decision).collect()
}

/// What was sent on a topic, by one of its numbers.
fn sent(story: &Story, topic: &str, field: &str) -> Vec<f64> {
    let number = |(_, effect): &(_, Effect)| match effect {
        Effect::Send { frame, .. } if frame.topic.as_deref() == Some(topic) => {
            Told::read(&frame.bytes).expect("well formed").number(field)
        }
        _ => None,
    };
    story.effects.iter().filter_map(number).collect()
}

/// The cell with a command that says how fast the arm goes, not where.
fn creeping() -> String {
    let creep =
        "      creep: { args: { pace: -2 m/s .. 2 m/s carries arm.pos for 500 ms }, send: arm/creep }\n      stop:";
    let may = "may: { arm.creep: { topic: pilot/creep }, arm.go:";
    RIG.replacen("      stop:", creep, 1).replacen("may: { arm.go:", may, 1)
}

/// An arm that is live and does not heed the first rung: its ladder takes a second.
fn energised(story: &mut Story) {
    story.on = true;
    story.deaf_to.insert("arm/stop");
}

fn creep(story: &mut Story, millis: i64, pace: f64) {
    story.until(millis);
    story.feed(Input::bytes(ms(millis), Frame::publish(BUS, "pilot/creep", propose(&[("pace", pace)]))));
}

/// Each thing wrong with the command hides those that come later in the order, and none that come earlier.
#[test]
fn the_gate_asks_in_its_documented_order() {
    let mut story = Story::new(LIMIT, HOLD);
    let bad = |retained: bool, to: f64| {
        let flags = FrameFlags { retained, ..FrameFlags::default() };
        Frame { flags, ..Frame::publish(BUS, "pilot/go", propose(&[("to", to)])) }
    };
    story.link(1, checkrein::run::LinkState::Up);
    // Lane: not armed. It is also stale and out of its range.
    story.feed(Input::bytes(ms(10), bad(true, 9.5)));
    story.until(100);
    story.order(100, OperatorOrder::TakeOver);
    // Authority, then freshness, then rate, then range, then bounds.
    story.feed(Input::bytes(ms(110), bad(true, 9.5)));
    story.order(120, OperatorOrder::HandBack);
    story.feed(Input::bytes(ms(130), bad(true, 9.5)));
    story.propose(140, 3.0);
    story.propose(150, 9.5);
    story.propose(300, 9.5);
    story.propose(301, 8.5);
    let refused = Decision::Reject;
    assert_eq!(
        decisions(&story),
        [
            refused(Refusal::Closed),
            refused(Refusal::Outranked),
            refused(Refusal::Stale),
            Decision::Pass,
            refused(Refusal::TooFast),
            refused(Refusal::OutOfRange { arg: 0 }),
            Decision::Clamp { arg: 0, from: 8.5, to: 8.0, rule: Some(RuleId(0)) },
        ]
    );
    assert_eq!(sent(&story, "arm/go", "to"), [3.0, 8.0]);
}

#[test]
fn a_decision_tells_rule_state_and_age() {
    let inject = "exercises: [limit]\nsteps:\n  - inject: { fault: delay, on: pilot.says, by: 60 ms, energised: true }\n  - hold: 3 s\n";
    let mut story = Story::confirmed(LIMIT, inject);
    story.pos = "6.5".to_owned();
    story.propose(100, 8.5);
    story.until(200);
    let decision = Decision::Clamp { arg: 0, from: 8.5, to: 8.0, rule: Some(RuleId(0)) };
    assert_eq!(gated(&story), [Gated { decision, age: Span::from_millis(60), state: Some(6.5), enforced: true }]);
}

#[test]
fn an_observing_gate_says_what_it_would_do_and_lets_the_command_go() {
    let mut story = Story::armed(LIMIT, &format!("gate: observe\n{HOLD}"));
    story.propose(100, 8.5);
    story.propose(101, 8.75);
    let clamp = |from| Decision::Clamp { arg: 0, from, to: 8.0, rule: Some(RuleId(0)) };
    let said: Vec<(Decision, bool)> = gated(&story).into_iter().map(|g| (g.decision, g.enforced)).collect();
    assert_eq!(said, [(clamp(8.5), false), (Decision::Reject(Refusal::TooFast), false)]);
    assert_eq!(sent(&story, "arm/go", "to"), [8.5, 8.75], "as they were asked for");
    // The envelope is no looser for it.
    energised(&mut story);
    story.pos = "8.5".to_owned();
    story.until(200);
    assert_eq!(story.tripped().len(), 1);
    story.propose(300, 3.0);
    assert_eq!(gated(&story)[2].decision, Decision::Reject(Refusal::Closed));
    assert!(gated(&story)[2].enforced, "a closed lane is closed in every mode");
    assert_eq!(sent(&story, "arm/go", "to").len(), 2);
    story.ends(RunVerdict::Fail, "rule limit was broken");
}

#[test]
fn an_observing_gate_leaves_the_machine_to_the_person_who_took_it() {
    let mut story = Story::armed(LIMIT, &format!("gate: observe\n{HOLD}"));
    story.order(90, OperatorOrder::TakeOver);
    story.propose(100, 3.0);
    assert_eq!(decisions(&story), [Decision::Reject(Refusal::Outranked)]);
    assert!(story.moved().is_empty());
}

#[test]
fn a_pace_is_held_to_what_one_step_leaves_of_the_room() {
    let mut story = Story::with_rig(&creeping(), LIMIT, HOLD).arm();
    // 7.4 m and 500 ms at 2 m/s would be 8.4 m; 8 m leave 1.2 m/s.
    story.pos = "7.4".to_owned();
    creep(&mut story, 100, 2.0);
    let to = (8.0 - 7.4) / 0.5;
    assert_eq!(decisions(&story), [Decision::Clamp { arg: 0, from: 2.0, to, rule: Some(RuleId(0)) }]);
    assert_eq!(gated(&story)[0].state, Some(7.4));
    // Away from the limit it may go as fast as it likes, and where there is room too.
    creep(&mut story, 200, -2.0);
    story.pos = "1.0".to_owned();
    creep(&mut story, 300, 2.0);
    assert_eq!(decisions(&story)[1..], [Decision::Pass, Decision::Pass]);
    assert_eq!(sent(&story, "arm/creep", "pace"), [to, -2.0, 2.0]);
}

#[test]
fn where_the_machine_is_unseen_no_pace_is_safe() {
    // The rule that stops allows blindness no longer than the signal holds, so that it is asked just after.
    let envelope = "  limit:\n    when: belt.runs\n    always: arm.pos <= 9 m\n    react_within: 100 ms\n  reach:\n    always: arm.pos <= 8 m\n    react_within: 100 ms\n";
    let rig = creeping().replace("every: 20 ms }\n      live", "every: 20 ms, stale_after: 2 s }\n      live");
    let mut story = Story::with_rig(&rig, envelope, "exercises: [reach]\nsteps:\n  - hold: 3 s\n").arm();
    // What is told to be unknown is unknown at once; the same instant trips.
    energised(&mut story);
    story.pos = "null".to_owned();
    story.until(121);
    creep(&mut story, 121, 0.5);
    assert!(matches!(decisions(&story)[..], [Decision::Reject(_)]), "{:?}", decisions(&story));
    assert!(sent(&story, "arm/creep", "pace").is_empty());
}

#[test]
fn a_person_who_takes_over_outranks_controller_and_script_and_gives_back() {
    let script = "exercises: [limit]\nsteps:\n  - hold: 1 s\n  - do: arm.start\n  - hold: 1 s\n";
    let mut story = Story::armed(LIMIT, script);
    story.order(100, OperatorOrder::TakeOver);
    story.order(110, OperatorOrder::TakeOver);
    story.propose(200, 3.0);
    story.order(300, OperatorOrder::HandBack);
    story.propose(400, 4.0);
    story.order(500, OperatorOrder::TakeOver);
    let held: Vec<Authority> = story
        .kinds()
        .into_iter()
        .filter_map(|kind| match kind {
            EventKind::AuthorityChanged { holder } => Some(holder),
            _ => None,
        })
        .collect();
    assert_eq!(held, [Authority::Person, Authority::Controller, Authority::Person], "each change once");
    assert_eq!(decisions(&story), [Decision::Reject(Refusal::Outranked), Decision::Pass]);
    assert_eq!(sent(&story, "arm/go", "to"), [4.0]);
    story.ends(RunVerdict::Inconclusive, "somebody with more authority holds the device");
    assert!(matches!(story.step("arm.start")[..], [StepOutcome::Inconclusive(_)]));
    assert!(!story.moved().contains(&"arm/start".to_owned()));
}

#[test]
fn a_take_over_holds_off_no_trip() {
    let mut story = Story::armed(LIMIT, HOLD);
    story.order(100, OperatorOrder::TakeOver);
    energised(&mut story);
    story.pos = "8.5".to_owned();
    story.until(200);
    assert_eq!(story.rungs().first(), Some(&("arm".to_owned(), 0)));
    story.order(300, OperatorOrder::HandBack);
    story.propose(400, 3.0);
    assert_eq!(decisions(&story), [Decision::Reject(Refusal::Closed)]);
}
