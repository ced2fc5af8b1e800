//! The guard of the car bench stops the car before it hits, and a nominal drive behind any lead trips nothing.

mod common;

use checkrein::diag::{Files, report};
use checkrein::rig::LinkKind;
use checkrein::run::event::EventKind;
use checkrein::run::{Effect, Event, Input, RunVerdict};
use checkrein::scenario::plan::Mode;
use checkrein::scenario::{Request, check};
use checkrein::r#virtual::{Options, drive};
use common::{Kept, ProjectFiles, bench, plan};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Drives a scenario; the verdict, and every event.
fn driven(plan: &Arc<checkrein::scenario::plan::Plan>) -> (RunVerdict, Kept) {
    let mut kept = Kept::default();
    let outcome = drive(plan.clone(), bench(plan), &Options::default(), &mut kept).expect("a run ends by itself");
    (outcome.verdict, kept)
}

fn tripped(kept: &Kept) -> bool {
    kept.events().iter().any(|event| matches!(event.kind, EventKind::Tripped { .. }))
}

/// Whether the car said that it crashed.
fn crashed(plan: &checkrein::scenario::plan::Plan, kept: &Kept) -> bool {
    let crash = plan.rig.signals.find("car.crash").expect("the rig has it");
    kept.samples.iter().any(|s| s.signal == crash && s.value == checkrein::signal::Value::Flag(true))
}

#[test]
fn what_it_does_not_survive_is_no_pass_and_the_guard_stops_the_car_before_it_hits() {
    // A controller that fell silent broke no rule: the guard stopped the car, and the rest was not tried.
    for (name, wanted) in [("late-sight", RunVerdict::Fail), ("silent-controller", RunVerdict::Inconclusive)] {
        let plan = plan(&format!("scenarios/car-bench/{name}.yaml"), 1);
        let (verdict, kept) = driven(&plan);
        assert_eq!((verdict, tripped(&kept)), (wanted, true), "{name}");
        assert!(!crashed(&plan, &kept), "{name}");
    }
}

#[test]
fn nominal_drives_trip_nothing() {
    for seed in 1..=12u64 {
        let leads = ["5m/s", "8m/s", "11m/s"];
        let request = Request {
            scenario: "scenarios/car-bench/follow.yaml".into(),
            rig: None,
            overrides: vec![("lead".to_owned(), leads[(seed % 3) as usize].to_owned())],
            seed,
            mode: Mode::Sim,
        };
        let plan = match check(&request, &ProjectFiles) {
            Ok((plan, _)) => Arc::new(plan),
            Err(wrong) => panic!("{}", report(&wrong, false)),
        };
        let (verdict, kept) = driven(&plan);
        assert_eq!((verdict, tripped(&kept)), (RunVerdict::Pass, false), "seed {seed}");
    }
}

/// Goal: an order that a fault swallows is answered by nobody, though the adapter goes on answering questions and heartbeats,
/// and its answers name nothing. Method: the park brake is ordered under a fault that drops what is ordered, then without.
#[test]
fn the_answer_to_a_question_is_not_taken_for_that_to_a_swallowed_order() {
    struct Swallows;
    impl Files for Swallows {
        fn read(&self, path: &str) -> Result<Vec<u8>, String> {
            if path != "scenarios/car-bench/swallows.yaml" {
                return ProjectFiles.read(path);
            }
            let text = "scenario: Swallowed\nrig: car-bench\nabout: For a test.\nexercises: [lane]\nsteps:\n  \
                        - inject: { fault: drop, on: can, share: 100 %, for: 1 s }\n  - hold: 100 ms\n  \
                        - do: car.park\n    within: 800 ms\n";
            Ok(text.as_bytes().to_vec())
        }
    }
    let request = Request {
        scenario: "scenarios/car-bench/swallows.yaml".into(),
        rig: None,
        overrides: Vec::new(),
        seed: 1,
        mode: Mode::Sim,
    };
    let plan = match check(&request, &Swallows) {
        Ok((plan, _)) => Arc::new(plan),
        Err(wrong) => panic!("{}", report(&wrong, false)),
    };
    let (_, kept) = driven(&plan);
    let events = kept.events();
    let answers: Vec<_> = events
        .iter()
        .filter(|event| {
            use EventKind::{CommandAcked, CommandRefused, CommandUnanswered};
            matches!(event.kind, CommandAcked { .. } | CommandRefused { .. } | CommandUnanswered { .. })
        })
        .collect();
    assert!(matches!(answers[..], [Event { kind: EventKind::CommandUnanswered { .. }, .. }]), "{answers:?}");
}

/// Goal: in virtual time a wire is as slow as its baud rate, so that what waits behind it grows old. Method: every write of a
/// drive takes at least its time, and none begins before the one before it is through.
#[test]
fn a_wire_carries_one_write_at_a_time_in_virtual_time_too() {
    let plan = plan("scenarios/car-bench/follow.yaml", 1);
    let (_, kept) = driven(&plan);
    let sent: BTreeMap<_, _> = kept
        .inputs
        .iter()
        .filter_map(|input| match input {
            Input::Sent { id, begun, done, .. } => Some((*id, (*begun, *done))),
            _ => None,
        })
        .collect();
    let mut free_at = BTreeMap::new();
    let mut writes: Vec<_> = kept
        .effects
        .iter()
        .filter_map(|(_, effect)| match effect {
            Effect::Send { id, frame, .. } => sent.get(id).map(|times| (*times, frame)),
            _ => None,
        })
        .collect();
    writes.sort_by_key(|((begun, _), _)| *begun);
    let mut counted = 0;
    for ((begun, done), frame) in writes {
        let LinkKind::Serial(serial) = &plan.rig.links[usize::from(frame.link.0)].kind else { continue };
        let least = frame.bytes.len() as i64 * 10 * 1_000_000_000 / i64::from(serial.baud);
        assert!(done.since(begun).nanos() >= least, "{} bytes in {}", frame.bytes.len(), done.since(begun));
        let free = free_at.insert(frame.link, done).unwrap_or(begun);
        assert!(begun >= free, "it began at {begun}, while another was on the wire until {free}");
        counted += 1;
    }
    assert!(counted > 1_000, "{counted} writes");
}
