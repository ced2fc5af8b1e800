//! The fallback: a recovery function that takes the arm from the policy, and gives it back.

use super::cell::{LIMIT, RIG, Story, ms};
use checkrein::codec::json::device::Told;
use checkrein::command::RuleId;
use checkrein::guard::{Cause, Decision, Refusal};
use checkrein::run::event::{EventKind, FallbackWhy, StepOutcome};
use checkrein::run::{Effect, OperatorOrder, RunVerdict};
use checkrein::trace::Scores;
use checkrein::wire::DeviceId;

const PILOT: DeviceId = DeviceId(2);
const WHEN: &str = "      when: arm.pos > 6 m\n";
const BACK: &str = "      hand_back: { when: arm.pos < 4 m, for: 200 ms }\n";
const HOLD: &str = "gate: fallback\nexercises: [limit]\nsteps:\n  - hold: 5 s\n";

/// The cell with a fallback for its pilot: back towards the middle, a few metres at a time.
fn rig(monitor: &str, hand_back: &str) -> String {
    let fallback = format!(
        "    dead_man: {{ silent_for: 500 ms }}\n    fallback:\n{monitor}      do: arm.go\n      with: {{ to: \"clamp(arm.pos - 3 m, 0 m, 5 m)\" }}\n      every: 50 ms\n{hand_back}"
    );
    RIG.replacen("    dead_man: { silent_for: 500 ms }\n", &fallback, 1)
}

fn story(monitor: &str) -> Story {
    Story::with_rig(&rig(monitor, BACK), LIMIT, HOLD).arm()
}

/// Where the arm was sent, and when (ms).
fn goals(story: &Story) -> Vec<(i64, f64)> {
    let goal = |(at, effect): &(checkrein::time::Time, Effect)| match effect {
        Effect::Send { frame, .. } if frame.topic.as_deref() == Some("arm/go") => {
            let to = Told::read(&frame.bytes).expect("well formed").number("to").expect("it says where to");
            Some((at.nanos() / 1_000_000, to))
        }
        _ => None,
    };
    story.effects.iter().filter_map(goal).collect()
}

/// What the fallback did, in order.
fn switched(story: &Story) -> Vec<EventKind> {
    let own = |kind: &EventKind| matches!(kind, EventKind::FallbackEngaged { .. } | EventKind::FallbackOver { .. });
    story.kinds().into_iter().filter(own).collect()
}

fn decisions(story: &Story) -> Vec<Decision> {
    let decision = |kind| match kind {
        EventKind::CommandGated { decision, .. } => Some(decision),
        _ => None,
    };
    story.kinds().into_iter().filter_map(decision).collect()
}

fn engaged(why: FallbackWhy) -> EventKind {
    EventKind::FallbackEngaged { controller: PILOT, why }
}

fn over(handed_back: bool) -> EventKind {
    EventKind::FallbackOver { controller: PILOT, handed_back }
}

#[test]
fn it_takes_over_commands_every_period_and_hands_back_after_its_time() {
    let mut story = story(WHEN);
    story.propose(100, 7.0);
    story.pos = "6.5".to_owned();
    story.until(250);
    // Told at 120 ms: the first command at once, then every 50 ms, worked out anew each time.
    assert_eq!(goals(&story), [(100, 7.0), (120, 3.5), (170, 3.5), (220, 3.5)]);
    story.propose(260, 7.0);
    story.pos = "3.5".to_owned();
    story.propose(400, 7.0);
    let outranked = Decision::Reject(Refusal::Outranked);
    assert_eq!(decisions(&story), [Decision::Pass, outranked, outranked], "each is an event");
    assert_eq!(goals(&story).last(), Some(&(370, 0.5)));
    // Below 4 m as told at 280 ms: back at 480 ms.
    story.until(479);
    assert_eq!(switched(&story), [engaged(FallbackWhy::Condition)]);
    story.until(481);
    assert_eq!(switched(&story), [engaged(FallbackWhy::Condition), over(true)]);
    let before = goals(&story).len();
    story.propose(600, 2.0);
    assert_eq!(goals(&story)[before..], [(600, 2.0)], "the controller has the machine again");
    story.ends(RunVerdict::Pass, "");
}

#[test]
fn a_break_in_its_condition_starts_the_time_of_handing_back_anew() {
    let mut story = story(WHEN);
    story.pos = "6.5".to_owned();
    story.until(100);
    story.pos = "3.5".to_owned();
    story.until(250);
    story.pos = "4.5".to_owned();
    story.until(300);
    story.pos = "3.5".to_owned();
    story.until(510);
    assert_eq!(switched(&story).len(), 1);
    // Told at 320 ms.
    story.until(521);
    assert_eq!(switched(&story).len(), 2);
}

#[test]
fn it_stands_by_only_where_the_run_asks_for_it() {
    let enforce = HOLD.replace("gate: fallback\n", "");
    let mut story = Story::with_rig(&rig(WHEN, BACK), LIMIT, &enforce).arm();
    story.pos = "6.5".to_owned();
    story.propose(300, 7.0);
    assert!(switched(&story).is_empty());
    assert_eq!(goals(&story), [(300, 7.0)]);
}

#[test]
fn without_a_hand_back_it_holds_to_the_end() {
    let mut story = Story::with_rig(&rig(WHEN, ""), LIMIT, HOLD).arm();
    story.pos = "6.5".to_owned();
    story.until(100);
    story.pos = "1.0".to_owned();
    story.propose(4_000, 2.0);
    assert_eq!(switched(&story), [engaged(FallbackWhy::Condition)]);
    assert_eq!(decisions(&story), [Decision::Reject(Refusal::Outranked)]);
    story.end();
    assert_eq!(switched(&story), [engaged(FallbackWhy::Condition), over(false)]);
}

#[test]
fn a_command_that_the_gate_holds_to_a_rule_can_be_the_reason() {
    let mut story = story("      limits: true\n");
    story.propose(100, 8.5);
    let clamped = Decision::Clamp { arg: 0, from: 8.5, to: 8.0, rule: Some(RuleId(0)) };
    assert_eq!(decisions(&story), [clamped]);
    assert_eq!(switched(&story), [engaged(FallbackWhy::Limit)]);
    assert_eq!(goals(&story), [(100, 8.0), (100, 0.0)], "held to the limit, and at once called back");
    // What is out of its own range is a mistake, not a way out of the envelope.
    let mut mistaken = Story::with_rig(&rig("      limits: true\n", BACK), LIMIT, HOLD).arm();
    mistaken.propose(100, 9.5);
    assert!(switched(&mistaken).is_empty());
}

#[test]
fn silence_can_be_the_reason_before_the_dead_man_trips() {
    let mut story = story("      silent_for: 200 ms\n");
    story.until(300);
    story.pilot_speaks = false;
    story.until(499);
    assert!(switched(&story).is_empty());
    story.until(501);
    assert_eq!(switched(&story), [engaged(FallbackWhy::Silence)]);
    assert_eq!(goals(&story), [(500, 0.0)]);
    // The dead-man is no later for it.
    story.until(801);
    assert_eq!(story.tripped(), [Cause::Silence(PILOT)]);
    assert_eq!(switched(&story).last(), Some(&over(false)));
}

#[test]
fn a_pilot_that_speaks_again_gets_the_machine_back() {
    let mut story = story("      silent_for: 200 ms\n");
    story.until(300);
    story.pilot_speaks = false;
    story.until(550);
    story.pilot_speaks = true;
    story.until(740);
    assert_eq!(switched(&story).len(), 1);
    // Heard at 560 ms: only from then on it counts as good.
    story.until(761);
    assert_eq!(switched(&story), [engaged(FallbackWhy::Silence), over(true)]);
}

#[test]
fn what_it_needs_and_cannot_know_trips() {
    let envelope = "  limit:\n    always: arm.pos <= 8 m\n    react_within: 100 ms\n  belt:\n    always: not belt.runs or arm.pos <= 8 m\n    react_within: 100 ms\n";
    let rig = rig(WHEN, BACK).replace("arm.pos - 3 m", "arm.pos - 1 s * belt.speed");
    let mut story = Story::with_rig(&rig, envelope, HOLD).arm();
    story.pos = "6.5".to_owned();
    story.speed = 2.0;
    story.until(100);
    assert_eq!(goals(&story).last().map(|(_, to)| *to), Some(4.5));
    story.on = true;
    story.belt_speaks = false;
    story.publish(ms(101), "belt/state", r#"{"speed":null,"runs":false}"#);
    story.until(190);
    let tripped = story.tripped();
    assert_eq!(tripped.first(), Some(&Cause::FallbackLost(PILOT)), "{tripped:?}");
    assert_eq!(switched(&story).last(), Some(&over(false)));
    assert_eq!(story.rungs().first(), Some(&("arm".to_owned(), 0)));
    story.ends(RunVerdict::Inconclusive, "the fallback of controller `pilot` could not go on");
}

#[test]
fn a_person_outranks_it_and_a_hand_back_finds_it_where_it_is_needed() {
    let mut story = story(WHEN);
    story.pos = "6.5".to_owned();
    story.until(100);
    story.order(105, OperatorOrder::TakeOver);
    assert_eq!(switched(&story), [engaged(FallbackWhy::Condition), over(false)]);
    let before = goals(&story).len();
    story.until(300);
    assert_eq!(goals(&story).len(), before, "a person has the machine");
    story.order(305, OperatorOrder::HandBack);
    assert_eq!(switched(&story)[2..], [engaged(FallbackWhy::Condition)]);
    assert_eq!(goals(&story).len(), before + 1);
}

#[test]
fn a_trip_ends_it_and_the_ladder_has_the_machine() {
    let mut story = story(WHEN);
    story.on = true;
    story.deaf_to.insert("arm/stop");
    story.pos = "6.5".to_owned();
    story.until(100);
    story.pos = "8.5".to_owned();
    story.until(200);
    assert_eq!(story.tripped(), [Cause::Rule(RuleId(0))]);
    assert_eq!(switched(&story), [engaged(FallbackWhy::Condition), over(false)]);
    let before = goals(&story).len();
    story.until(600);
    assert_eq!(goals(&story).len(), before);
    story.ends(RunVerdict::Fail, "rule limit was broken");
}

#[test]
fn the_script_sees_it_and_is_not_outranked_by_it() {
    let script = "gate: fallback\nsteps:\n  - wait: pilot.fallback\n    within: 1 s\n  - do: arm.go\n    with: { to: 1 m }\n  - expect: not pilot.fallback\n    within: 2 s\n";
    let mut story = Story::with_rig(&rig(WHEN, BACK), LIMIT, script).arm();
    story.until(100);
    story.pos = "6.5".to_owned();
    story.until(200);
    assert_eq!(story.step("arm.go"), [StepOutcome::Done]);
    assert!(goals(&story).iter().any(|(_, to)| *to == 1.0));
    story.pos = "3.0".to_owned();
    story.ends(RunVerdict::Pass, "1 expectation was met");
}

/// The scores, from what a recording would hold.
fn scores(story: &Story) -> Scores {
    story.trace().gate.scores
}

#[test]
fn a_take_over_near_no_limit_is_a_nuisance_and_one_near_it_is_none() {
    let envelope = "  limit:\n    always: arm.pos <= 8 m\n    warn_at: 1 m\n    react_within: 100 ms\n  belt:\n    always: belt.speed <= 4 m/s\n    react_within: 100 ms\n";
    for (pos, nuisances) in [("6.5", 1), ("7.5", 0)] {
        let mut story = Story::with_rig(&rig(WHEN, BACK), envelope, HOLD).arm();
        story.until(2_500);
        story.pos = pos.to_owned();
        story.until(2_700);
        story.pos = "3.0".to_owned();
        story.end();
        assert_eq!(scores(&story).nuisance, nuisances, "at {pos} m");
        let recovered = &story.trace().gate.recoveries;
        assert_eq!((recovered.len(), recovered[0].handed_back, recovered[0].too_soon), (1, true, false));
    }
}

#[test]
fn a_hand_back_that_is_followed_by_another_take_over_was_too_soon() {
    let mut story = story(WHEN);
    story.pos = "6.5".to_owned();
    story.until(100);
    story.pos = "3.0".to_owned();
    story.until(400);
    assert_eq!(switched(&story).len(), 2);
    story.pos = "6.5".to_owned();
    story.until(480);
    story.pos = "3.0".to_owned();
    story.end();
    let recovered = story.trace().gate.recoveries;
    let too_soon: Vec<bool> = recovered.iter().map(|r| r.too_soon).collect();
    assert_eq!(too_soon, [true, false], "{recovered:?}");
    assert_eq!(scores(&story).wrong_hand_backs, 1);
}

#[test]
fn a_rule_broken_with_no_intervention_is_missed_and_one_that_comes_behind_is_late() {
    // A rule that only judges, so that the run goes on.
    let judged = "  limit:\n    always: arm.pos <= 9.5 m and belt.speed <= 4 m/s\n    react_within: 100 ms\n  low:\n    always: arm.pos <= 6 m\n    on_violation: fail\n    because: It should be seen.\n";
    let run = |monitor: &str, gate: &str| {
        let scenario = HOLD.replace("gate: fallback\n", gate);
        let mut story = Story::with_rig(&rig(monitor, BACK), judged, &scenario).arm();
        story.until(2_900);
        story.pos = "5.0".to_owned();
        story.until(3_000);
        story.pos = "6.5".to_owned();
        story.until(3_100);
        story.pos = "7.5".to_owned();
        story.until(3_300);
        story.pos = "3.0".to_owned();
        story.end();
        let Scores { missed, late, .. } = scores(&story);
        (missed.len(), late.len())
    };
    assert_eq!(run("      when: arm.pos > 7 m\n", ""), (1, 0), "it did not stand by");
    assert_eq!(run("      when: arm.pos > 7 m\n", "gate: fallback\n"), (0, 1));
    assert_eq!(run("      when: arm.pos > 2.5 m\n", "gate: fallback\n"), (0, 0), "it had the arm before");
}
