//! Faults in a run: what they change, what is recorded of it, whether it shows, and that every exit ends them.

use super::cell::{BUS, LIMIT, Story, ms};
use checkrein::codec::json::device::Told;
use checkrein::guard::{Decision, Refusal};
use checkrein::log::Entry;
use checkrein::run::event::{EventKind, StepOutcome};
use checkrein::run::{Effect, Input, LinkState, OperatorOrder, RecorderState, RunVerdict};
use checkrein::signal::Value;

/// A scenario with one fault, and 2 s of nothing else.
fn with(fault: &str) -> String {
    format!("exercises: [limit]\nsteps:\n  - inject: {{ {fault} }}\n  - hold: 2 s\n")
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

/// What the gate decided.
fn decisions(story: &Story) -> Vec<Decision> {
    let decision = |kind| match kind {
        EventKind::CommandGated { decision, .. } => Some(decision),
        _ => None,
    };
    story.kinds().into_iter().filter_map(decision).collect()
}

/// What each fault was said to have done: name, items, altered, visible.
fn seen(story: &Story) -> Vec<(String, u64, u64, bool)> {
    let seen = |kind| match kind {
        EventKind::FaultSeen { fault, items, altered, visible, .. } => Some((fault, items, altered, visible)),
        _ => None,
    };
    story.kinds().into_iter().filter_map(seen).collect()
}

/// The values of a signal in the recording.
fn recorded(story: &Story, name: &str) -> Vec<Value> {
    let signal = story.plan.rig.signals.find(name).unwrap_or_else(|| panic!("no signal {name}"));
    let samples = story.entries.iter().filter_map(|entry| match entry {
        Entry::Samples(samples) => Some(samples),
        _ => None,
    });
    samples.flatten().filter(|sample| sample.signal == signal).map(|sample| sample.value).collect()
}

#[test]
fn truth_and_what_was_told_are_both_recorded() {
    let mut story = Story::armed(LIMIT, &with("fault: bias, on: pilot.tells.arm.pos, by: 2 m, for: 1 s"));
    story.ends(RunVerdict::Pass, "");
    let told = recorded(&story, "pilot.tells.arm.pos");
    assert!(told.contains(&Value::Number(3.0)) && told.contains(&Value::Number(1.0)), "{told:?}");
    assert!(recorded(&story, "arm.pos").iter().all(|value| *value == Value::Number(1.0)), "the truth is judged");
    let [(fault, items, altered, true)] = &seen(&story)[..] else { panic!("{:?}", seen(&story)) };
    assert_eq!((fault.as_str(), items), ("bias", altered));
    assert!((9..=11).contains(items), "ten tellings a second, {items}");
}

#[test]
fn what_is_told_has_no_signals_of_its_own_where_nothing_faults_it() {
    let story = Story::armed(LIMIT, "exercises: [limit]\nsteps:\n  - hold: 1 s\n");
    assert!(story.plan.rig.signals.find("pilot.tells.arm.pos").is_none());
}

#[test]
fn a_fault_that_changes_nothing_proves_nothing() {
    let frozen = "exercises: [limit]\nsteps:\n  - hold: 500 ms\n  - inject: { fault: freeze, on: pilot.tells.arm.pos }\n  - hold: 2 s\n";
    let mut story = Story::armed(LIMIT, frozen);
    story
        .ends(RunVerdict::Inconclusive, "fault freeze on pilot.tells.arm.pos was injected and is not visible: none of");
    let mut story = Story::confirmed(LIMIT, &with("fault: drop, share: 50 %, on: pilot.says, energised: true"));
    story.ends(RunVerdict::Inconclusive, "fault drop on pilot.says was injected and is not visible: nothing passed it");
}

#[test]
fn what_was_unknown_before_is_no_effect_of_a_fault_on_a_link() {
    let shows = "fault: drop, share: 100 %, on: bus, energised: true, visible: \"pilot.beat >= 1\"";
    for (known_before, verdict, words) in [
        (true, RunVerdict::Pass, ""),
        (false, RunVerdict::Inconclusive, "was injected and is not visible: what its step calls `visible` held before"),
    ] {
        let steps = format!("exercises: [limit]\nsteps:\n  - hold: 300 ms\n  - inject: {{ {shows} }}\n  - hold: 1 s\n");
        let mut story = Story::confirmed(LIMIT, &steps);
        story.pilot_speaks = false;
        if known_before {
            // It tells 0 until shortly before the fault begins, so that what holds afterwards did not hold before.
            for at in (40..=400).step_by(20) {
                story.until(at);
                story.publish(ms(at), "pilot/beat", r#"{"n":0}"#);
            }
        }
        story.until(420);
        story.pilot_speaks = true;
        story.propose(500, 2.0);
        assert!(goals(&story).is_empty(), "the fault dropped it");
        story.ends(verdict, words);
    }
}

#[test]
fn a_step_can_say_where_the_effect_shows() {
    let fault = |formula: &str| with(&format!("fault: bias, on: pilot.tells.arm.pos, by: 2 m, visible: \"{formula}\""));
    let mut story = Story::armed(LIMIT, &fault("pilot.tells.arm.pos > arm.pos + 1 m"));
    story.ends(RunVerdict::Pass, "");
    let mut story = Story::armed(LIMIT, &fault("arm.pos > 5 m"));
    story.ends(RunVerdict::Inconclusive, "what its step calls `visible` never held");
    let mut story = Story::armed(LIMIT, &fault("arm.pos < 5 m"));
    story.ends(RunVerdict::Inconclusive, "what its step calls `visible` held before it began, and all along");
    let nothing = "fault: bias, on: pilot.tells.arm.pos, by: 0 m, visible: \"arm.pos < 5 m\"";
    let mut story = Story::armed(LIMIT, &with(nothing));
    story.ends(RunVerdict::Inconclusive, "was injected and is not visible: none of");
}

#[test]
fn an_argument_is_changed_on_its_way_to_the_gate_and_both_are_recorded() {
    let mut story = Story::confirmed(LIMIT, &with("fault: bias, on: pilot.says.arm.go.to, by: 2 m, energised: true"));
    story.propose(100, 3.0);
    let asked = story.kinds().into_iter().find_map(|kind| match kind {
        EventKind::CommandAsked { command, stale, .. } => Some((command.args().to_vec(), stale)),
        _ => None,
    });
    assert_eq!(asked, Some((vec![3.0], false)));
    assert_eq!(goals(&story), [5.0]);
    story.ends(RunVerdict::Pass, "");
}

#[test]
fn what_a_fault_makes_of_a_command_still_passes_the_gate() {
    for (fault, refusal) in
        [("nan", Refusal::NotANumber { arg: 0 }), ("stuck, at: 9.5 m", Refusal::OutOfRange { arg: 0 })]
    {
        let scenario = with(&format!("fault: {fault}, on: pilot.says.arm.go.to, energised: true"));
        let mut story = Story::confirmed(LIMIT, &scenario);
        story.propose(100, 3.0);
        assert_eq!(decisions(&story), [Decision::Reject(refusal)], "{fault}");
        assert!(goals(&story).is_empty());
    }
}

#[test]
fn what_is_replayed_repeated_or_kept_by_a_broker_is_stale() {
    let mut story = Story::confirmed(LIMIT, &with("fault: replay, age: 1 s, on: pilot.says, energised: true"));
    story.propose(100, 3.0);
    story.until(1_200);
    assert_eq!(decisions(&story), [Decision::Pass, Decision::Reject(Refusal::Stale)]);
    let repeat = "exercises: [limit]\nsteps:\n  - hold: 500 ms\n  - inject: { fault: repeat, every: 200 ms, on: pilot.says, energised: true }\n  - hold: 1 s\n";
    let mut story = Story::confirmed(LIMIT, repeat);
    story.propose(100, 3.0);
    story.until(1_200);
    let again = decisions(&story);
    assert!(again.len() >= 3 && again[1..].iter().all(|d| *d == Decision::Reject(Refusal::Stale)), "{again:?}");
    assert_eq!(goals(&story), [3.0]);
    let mut story = Story::confirmed(LIMIT, &with("fault: retained, on: pilot.says, energised: true"));
    story.propose(100, 3.0);
    assert_eq!(decisions(&story), [Decision::Pass, Decision::Reject(Refusal::Stale)]);
}

#[test]
fn on_a_real_machine_a_person_is_asked_before_anything_else() {
    let scenario = "exercises: [limit]\nsteps:\n  - do: arm.start\n  - inject: { fault: drop, share: 50 %, on: bus, energised: true }\n  - hold: 1 s\n";
    let mut story = Story::armed(LIMIT, scenario);
    story.until(1_000);
    assert!(story.moved().is_empty() && seen(&story).is_empty(), "it waits");
    story.order(1_000, OperatorOrder::Answer { yes: false });
    story.ends(RunVerdict::Aborted, "said no");
    assert!(story.moved().is_empty());
    let mut story = Story::confirmed(LIMIT, scenario);
    story.until(100);
    assert_eq!(story.moved(), ["arm/start"]);
    assert_eq!(story.step("do arm.start"), [StepOutcome::Done]);
}

#[test]
fn every_exit_ends_every_fault_and_nothing_held_back_moves_anything() {
    let faults = "  - inject: { fault: partition, on: pilot.says, energised: true }\n  - inject: { fault: delay, on: bus, by: 1 s, energised: true }\n  - inject: { fault: \"off\", on: pilot.tells }\n  - inject: { fault: bias, on: pilot.says.arm.go.to, by: 1 m, energised: true }\n";
    let scenario = |rest: &str| format!("exercises: [limit]\nsteps:\n{faults}{rest}");
    let hold = "  - hold: 3 s\n";
    type Exit = fn(&mut Story);
    let exits: [(&str, &str, Exit); 7] = [
        ("the script's end", hold, |_| {}),
        ("a failed step", "  - expect: arm.pos > 5 m\n    within: 500 ms\n", |_| {}),
        ("a person's stop", hold, |story| story.stop(300)),
        ("a broken rule", hold, |story| story.pos = "9".to_owned()),
        ("a dead recorder", hold, |story| story.recorder(300, RecorderState::Dead("disk full".into()))),
        ("a silent controller", hold, |story| story.pilot_speaks = false),
        ("a lost link", hold, |story| {
            story.until(300);
            story.feed(Input::Link { at: ms(300), link: BUS, state: LinkState::Lost("unplugged".into()) });
        }),
    ];
    for (name, rest, exit) in exits {
        let mut story = Story::confirmed(LIMIT, &scenario(rest));
        story.propose(100, 3.0);
        exit(&mut story);
        story.end();
        let count = |wanted: fn(&EventKind) -> bool| story.kinds().iter().filter(|kind| wanted(kind)).count();
        assert_eq!(count(|k| matches!(k, EventKind::FaultStarted { .. })), 4, "{name}");
        assert_eq!(count(|k| matches!(k, EventKind::FaultEnded { .. })), 4, "{name}");
        assert_eq!(seen(&story).len(), 4, "{name}");
        assert!(goals(&story).is_empty() && decisions(&story).is_empty(), "{name}: {:?}", decisions(&story));
    }
}

#[test]
fn a_fault_ends_by_its_time_and_what_it_held_goes_on() {
    let fault = "fault: partition, on: pilot.says, for: 150 ms, energised: true";
    let mut story = Story::confirmed(LIMIT, &with(fault));
    story.propose(100, 3.0);
    assert!(decisions(&story).is_empty());
    story.until(300);
    assert_eq!((decisions(&story), goals(&story)), (vec![Decision::Pass], vec![3.0]), "no older than it may be");
    assert_eq!(seen(&story), [("partition".to_owned(), 1, 1, true)]);
}
