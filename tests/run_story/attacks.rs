//! The policy goes wrong in every way it can: the cell is safe within its budget, and every command is accounted for.

use super::cell::{BUS, LIMIT, RIG, Story, ms};
use checkrein::codec::json::device::propose;
use checkrein::guard::{Cause, Decision};
use checkrein::run::event::EventKind;
use checkrein::run::{Input, OperatorOrder, RunVerdict};
use checkrein::time::Time;
use checkrein::trace::Account;
use checkrein::wire::{DeviceId, Frame, FrameFlags};
use std::collections::BTreeMap;

const PILOT: DeviceId = DeviceId(2);
const HOLD: &str = "exercises: [limit]\nsteps:\n  - hold: 5 s\n";

/// A live arm under the policy: it moves towards where it was sent last, 50 mm every 20 ms.
struct Attack {
    story: Story,
    said: u64,
}

impl Attack {
    fn new(rig: &str, scenario: &str) -> Attack {
        let mut story = Story::with_rig(rig, LIMIT, scenario).arm();
        story.on = true;
        Attack { story, said: 0 }
    }

    fn say_as(&mut self, millis: i64, topic: &str, flags: FrameFlags, bytes: &[u8]) {
        self.story.until(millis);
        if self.story.outcome.is_none() {
            self.said += 1;
            let frame = Frame { flags, ..Frame::publish(BUS, topic, bytes) };
            self.story.feed(Input::bytes(ms(millis), frame));
        }
    }

    fn say(&mut self, millis: i64, text: &str) {
        self.say_as(millis, "pilot/go", FrameFlags::default(), text.as_bytes());
    }

    fn ask(&mut self, millis: i64, to: f64) {
        self.say_as(millis, "pilot/go", FrameFlags::default(), &propose(&[("to", to)]));
    }

    /// The books of the policy's commands, which must balance against what was said.
    fn account(&self) -> Account {
        let trace = self.story.trace();
        let [account] = &trace.gate.accounts[..] else { panic!("one controller: {:?}", trace.gate) };
        assert_eq!(account.received, self.said, "received is what was said");
        assert_eq!(account.unaccounted(), 0, "{account:?}");
        assert_eq!(
            account.passed + account.clamped + account.rejections() + account.malformed,
            self.said,
            "each is passed, clamped or rejected: {account:?}"
        );
        account.clone()
    }

    /// Both devices safe, and how long after the trip.
    fn made_safe(&self) -> f64 {
        let at = |wanted: fn(&EventKind) -> bool| -> Vec<Time> {
            self.story.events().into_iter().filter(|e| wanted(&e.kind)).map(|e| e.at).collect()
        };
        let tripped = at(|kind| matches!(kind, EventKind::Tripped { .. }));
        let safe = at(|kind| matches!(kind, EventKind::DeviceSafe { .. }));
        assert_eq!(safe.len(), 2, "arm and belt");
        safe[1].since(tripped[0]).seconds()
    }
}

fn rejected(list: &[(&'static str, u64)]) -> BTreeMap<&'static str, u64> {
    list.iter().copied().collect()
}

#[test]
fn killed_it_is_missed_and_the_cell_is_safe() {
    let mut attack = Attack::new(RIG, HOLD);
    attack.ask(100, 3.0);
    attack.story.until(200);
    attack.story.pilot_speaks = false;
    attack.story.ends(RunVerdict::Inconclusive, "controller `pilot` fell silent");
    assert_eq!(attack.story.tripped()[0], Cause::Silence(PILOT));
    // 500 ms of silence, counted from its last word at 200 ms.
    let at = attack.story.events().into_iter().find(|e| matches!(e.kind, EventKind::Tripped { .. })).map(|e| e.at);
    assert!(at.is_some_and(|at| at >= ms(700) && at < ms(701)), "{at:?}");
    assert!(attack.made_safe() < 0.1, "{}", attack.made_safe());
    assert_eq!(attack.account().passed, 1);
}

#[test]
fn frozen_it_goes_on_beating_and_a_rule_on_the_age_of_its_commands_stops_it() {
    // Its heartbeat comes from another thread than its thoughts.
    let rules = "rules:\n  thinks:\n    always: age(pilot.command) <= 300 ms\n    on_violation: stop\n    react_within: 100 ms\n";
    let mut attack = Attack::new(RIG, &format!("{rules}{HOLD}"));
    for place in 1..=5 {
        attack.ask(100 * place, 3.0);
    }
    attack.story.until(790);
    assert!(attack.story.tripped().is_empty());
    attack.story.until(821);
    assert!(matches!(attack.story.tripped()[..], [Cause::Rule(_)]), "{:?}", attack.story.tripped());
    attack.story.ends(RunVerdict::Fail, "rule thinks was broken");
    assert!(attack.made_safe() < 0.1);
    assert_eq!(attack.account().passed, 5);
}

#[test]
fn its_last_command_replayed_for_ever_is_stale_wherever_it_says_that_it_is_a_replay() {
    let mut attack = Attack::new(RIG, HOLD);
    attack.ask(100, 3.0);
    for place in 0..40 {
        let retained = place % 2 == 0;
        let flags = FrameFlags { retained, duplicate: !retained, qos: 1 };
        attack.say_as(200 + place * 50, "pilot/go", flags, &propose(&[("to", 3.0)]));
    }
    let account = attack.account();
    assert_eq!((account.passed, account.rejected), (1, rejected(&[("stale", 40)])));
    assert_eq!(attack.story.moved(), ["arm/go"]);
}

#[test]
fn its_last_command_replayed_as_if_it_were_new_is_no_way_out_of_the_envelope() {
    // Nothing tells such a replay from a policy that means it; but it may ask for no more than any command.
    let mut attack = Attack::new(RIG, HOLD);
    for place in 0..40 {
        attack.ask(100 + place * 100, 8.9);
    }
    let account = attack.account();
    assert_eq!((account.clamped, account.rejections()), (40, 0));
    attack.story.ends(RunVerdict::Pass, "");
}

#[test]
fn numbers_that_are_none_and_texts_that_are_no_json_never_reach_the_arm() {
    let mut attack = Attack::new(RIG, HOLD);
    let words = [
        r#"{"to":NaN}"#,
        r#"{"to":null}"#,
        r#"{"to":"NaN"}"#,
        r#"{"to":1e999}"#,
        r#"{"to":-1e999}"#,
        r#"{"to":Infinity}"#,
        r#"{"to":true}"#,
        r#"{"to":[3]}"#,
        r#"{"to":{}}"#,
        r#"{}"#,
        "",
        "\u{0}",
        "{",
        "[1]",
        r#"{"to":3"#,
        "null",
    ];
    for (place, text) in (0..).zip(words) {
        attack.say(100 + place * 150, text);
    }
    let account = attack.account();
    assert_eq!(account.malformed + account.rejections(), words.len() as u64);
    assert!(attack.story.moved().is_empty(), "{:?}", attack.story.moved());
}

#[test]
fn ten_times_its_rate_is_let_through_at_its_rate() {
    // 10 Hz is what it may; it says 100 a second.
    let mut attack = Attack::new(RIG, HOLD);
    for place in 0..200 {
        attack.ask(100 + place * 10, 3.0);
    }
    let account = attack.account();
    assert_eq!((account.passed, account.rejected), (20, rejected(&[("too_fast", 180)])));
    assert_eq!(attack.story.moved().len(), 20);
}

#[test]
fn out_of_range_is_refused_and_unknown_commands_and_clients_are_not_even_heard() {
    let mut attack = Attack::new(RIG, HOLD);
    for (place, to) in (0..).zip([-0.5, 9.5, 1e300, -1e-300, f64::MAX]) {
        attack.ask(100 + place * 150, to);
    }
    let account = attack.account();
    assert_eq!(account.rejected, rejected(&[("out_of_range", 5)]));
    // Topics that the rig does not name: another command, another client, the machine's own topics.
    let before = attack.story.kinds().len();
    for (place, topic) in (0..).zip(["pilot/start", "pilot/cut", "stranger/go", "arm/go", "arm/start", "$SYS/x"]) {
        attack.say_as(1_000 + place * 10, topic, FrameFlags::default(), &propose(&[("to", 3.0)]));
        attack.said -= 1;
    }
    assert_eq!(attack.account().received, 5);
    let gated = |kind: &EventKind| matches!(kind, EventKind::CommandGated { .. } | EventKind::CommandGiven { .. });
    assert!(!attack.story.kinds()[before..].iter().any(gated));
    assert!(attack.story.moved().is_empty());
    // They are counted as foreign: somebody is there who should not be.
    attack.story.until(3_000);
    let foreign = attack.story.kinds().into_iter().rev().find_map(|kind| match kind {
        EventKind::WireTrouble { foreign_frames, .. } => Some(foreign_frames),
        _ => None,
    });
    assert!(foreign.is_some_and(|count| count >= 1), "{foreign:?}");
    attack.story.end();
    assert_eq!(attack.story.trace().links[0].foreign_frames, 6);
}

#[test]
fn a_policy_that_drives_out_is_stopped_and_its_last_words_are_refused() {
    // Nothing it asks for is beyond the limit, but the arm overshoots.
    let mut attack = Attack::new(RIG, HOLD);
    attack.ask(100, 7.9);
    attack.story.pos = "8.2".to_owned();
    attack.ask(130, 7.9);
    attack.story.ends(RunVerdict::Fail, "rule limit was broken");
    assert!(attack.made_safe() < 0.1);
    let account = attack.account();
    assert_eq!((account.passed, account.rejected), (1, rejected(&[("closed", 1)])));
    assert_eq!(attack.story.trace().gate.scores.missed.len(), 1, "no intervention came before it");
}

#[test]
fn an_observing_gate_keeps_the_same_books() {
    let mut attack = Attack::new(RIG, &format!("gate: observe\n{HOLD}"));
    for (place, to) in (0..).zip([3.0, 8.5, 9.5]) {
        attack.ask(100 + place * 150, to);
    }
    let account = attack.account();
    assert_eq!((account.passed, account.clamped, account.rejections(), account.observed), (1, 1, 1, 3));
    assert_eq!(attack.story.moved().len(), 3);
}

#[test]
fn commands_that_a_fault_swallows_are_told_as_never_at_the_gate() {
    let scenario = "exercises: [limit]\nsteps:\n  - inject: { fault: off, on: pilot.says, for: 1 s, energised: true }\n  - hold: 3 s\n";
    let mut attack = Attack::new(RIG, scenario);
    attack.story.order(20, OperatorOrder::Answer { yes: true });
    for place in 0..10 {
        attack.ask(100 + place * 150, 3.0);
    }
    let trace = attack.story.trace();
    let account = &trace.gate.accounts[0];
    assert_eq!(account.received, 10);
    assert!(account.unaccounted() > 0 && account.passed as i64 + account.unaccounted() == 10, "{account:?}");
    let all = attack
        .story
        .kinds()
        .into_iter()
        .filter(|k| matches!(k, EventKind::CommandGated { decision: Decision::Pass, .. }));
    assert_eq!(all.count() as u64, account.passed);
}
