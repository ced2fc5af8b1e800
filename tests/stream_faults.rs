//! Faults on streams between harness, controller and device, in virtual time over the bytes of the shipped drone rig.

mod common;

use checkrein::diag::Files;
use checkrein::run::event::EventKind;
use checkrein::run::{Effect, RunVerdict};
use checkrein::scenario::plan::{Mode, Plan};
use checkrein::scenario::{Request, check};
use checkrein::r#virtual::Options;
use common::{Kept, ProjectFiles, events_of, fold, run};
use std::sync::Arc;

/// What each fault did: name, items, altered, visible.
fn seen(kept: &Kept) -> Vec<(String, u64, u64, bool)> {
    let seen = |kind| match kind {
        EventKind::FaultSeen { fault, items, altered, visible, .. } => Some((fault, items, altered, visible)),
        _ => None,
    };
    kept.events().into_iter().filter_map(|event| seen(event.kind)).collect()
}

#[test]
fn the_shipped_scenarios_pass_their_faults_show_and_a_replay_agrees() {
    for scenario in ["lossy-commands", "drifting-sight"] {
        let plan = common::plan(&format!("scenarios/drone-bench/{scenario}.yaml"), 7);
        let (outcome, kept) = run(&plan, &Options::default());
        assert_eq!(outcome.verdict, RunVerdict::Pass, "{scenario}: {outcome:?}");
        let seen = seen(&kept);
        assert!(!seen.is_empty() && seen.iter().all(|fault| fault.3), "{scenario}: {seen:?}");
        let again = fold(&plan, &kept.inputs);
        assert!(events_of(again.iter()) == kept.events(), "{scenario}: the same inputs tell the same again");
        let left = |effects: Vec<&Effect>| {
            effects.into_iter().filter(|e| matches!(e, Effect::Send { .. })).cloned().collect::<Vec<_>>()
        };
        let first = left(kept.effects.iter().map(|(_, effect)| effect).collect());
        assert!(left(again.iter().collect()) == first, "{scenario}: and the same frames leave");
        if scenario == "lossy-commands" {
            let (_, items, altered, _) = seen.iter().find(|fault| fault.0 == "burst-loss").expect("it is injected");
            // The preset loses 2 / (2 + 20) of them, in bursts of five: few enough items for a wide margin.
            let share = *altered as f64 / *items as f64;
            assert!(*items > 300 && (0.03..0.18).contains(&share), "{altered} of {items}");
        }
    }
}

const PATH: &str = "scenarios/drone-bench/wire.yaml";

/// The project's files, and a scenario that stands nowhere.
struct Wire(String);

impl Files for Wire {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        if path == PATH { Ok(self.0.clone().into_bytes()) } else { ProjectFiles.read(path) }
    }
}

/// Three seconds on the ground with one fault.
fn with(fault: &str) -> (RunVerdict, Kept, Arc<Plan>) {
    let text = format!(
        "scenario: On the wire\nrig: drone-bench\nexercises: [ceiling]\nsteps:\n  - hold: 1 s\n  - inject: {{ {fault}, for: 1 s }}\n  - hold: 2 s\n"
    );
    let request = Request { scenario: PATH.into(), rig: None, overrides: Vec::new(), seed: 7, mode: Mode::Sim };
    let (plan, _) =
        check(&request, &Wire(text)).unwrap_or_else(|wrong| panic!("{}", checkrein::diag::report(&wrong, false)));
    let plan = Arc::new(plan);
    let (outcome, kept) = run(&plan, &Options::default());
    (outcome.verdict, kept, plan)
}

/// Corrupt frames and lost messages that the codecs told of, in all.
fn trouble(kept: &Kept) -> (u64, u64) {
    let told = |kind: &EventKind| match kind {
        EventKind::WireTrouble { corrupt_frames, lost_messages, .. } => Some((*corrupt_frames, *lost_messages)),
        _ => None,
    };
    kept.events().iter().filter_map(|event| told(&event.kind)).next_back().unwrap_or_default()
}

#[test]
fn what_comes_in_is_faulted_in_the_wires_of_the_twins_and_the_codec_tells() {
    let (_, clean, _) = with("fault: drop, on: telem, share: 0 %, direction: in");
    assert_eq!(trouble(&clean), (0, 0));
    let (_, hit, _) = with("fault: corrupt, on: telem, rate: 1e-3, direction: in");
    assert!(trouble(&hit).0 > 10, "{:?}", trouble(&hit));
    let (_, lossy, _) = with("fault: drop, on: telem, share: 20 %, direction: in");
    assert!(trouble(&lossy).1 > 10 && trouble(&lossy).0 == 0, "{:?}", trouble(&lossy));
}

#[test]
fn a_link_that_goes_quiet_trips_the_guard_and_one_that_stays_out_of_what_is_judged_does_not() {
    let tripped = |kept: &Kept, plan: &Plan| {
        let cause = |kind: &EventKind| match kind {
            EventKind::Tripped { cause } => Some(plan.cause_in_words(*cause)),
            _ => None,
        };
        kept.events().iter().filter_map(|event| cause(&event.kind)).collect::<Vec<_>>()
    };
    let (verdict, kept, plan) = with("fault: \"off\", on: telem, direction: in");
    assert_eq!(verdict, RunVerdict::Inconclusive);
    assert!(tripped(&kept, &plan).iter().any(|cause| cause.contains("unknown")), "{:?}", tripped(&kept, &plan));
    let (verdict, kept, plan) = with("fault: \"off\", on: pilot.tells");
    assert_eq!((verdict, tripped(&kept, &plan)), (RunVerdict::Pass, Vec::new()), "{:?}", seen(&kept));
}
