//! Every rig under the same disturbances: its nominal scenario, with a link lost, noise, a full recorder, a person who says stop,
//! twins that fall silent or start anew, at drawn moments. The invariants of every run hold, and none of it passes unseen.

mod common;
#[path = "common/invariants.rs"]
mod invariants;

use checkrein::fault::TwinFault;
use checkrein::rig::{LinkKind, Role};
use checkrein::run::RunVerdict;
use checkrein::run::event::EventKind;
use checkrein::scenario::plan::Plan;
use checkrein::time::{Span, Time};
use checkrein::r#virtual::{Disturbance, DisturbanceKind, Options};
use common::{folders, plan, run, told_scenarios};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Moments per rig and kind of disturbance.
const MOMENTS: u64 = 2;

/// What is done to a rig, and whether a run to which it was done may pass.
fn disturbances(plan: &Plan) -> Vec<(DisturbanceKind, bool)> {
    let mut all = vec![(DisturbanceKind::Stop, false), (DisturbanceKind::RecorderFull, false)];
    for link in &plan.rig.links {
        all.push((DisturbanceKind::LinkLost(link.id), false));
        // A gap that nobody's deadline is shorter than is no gap.
        all.push((DisturbanceKind::Deafness(link.id, Span::from_millis(200)), true));
        all.push((DisturbanceKind::Deafness(link.id, Span::from_secs(3600)), false));
        if matches!(link.kind, LinkKind::Serial(_)) {
            let noise = (0..700u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
            all.push((DisturbanceKind::Garbage(link.id, noise), true));
        }
    }
    for device in plan.rig.devices.iter().filter(|device| device.twin.is_some()) {
        all.push((DisturbanceKind::Twin(Some(device.id), TwinFault::Silence), false));
        // A controller that starts anew in an instant may be missed by nobody.
        all.push((DisturbanceKind::Twin(Some(device.id), TwinFault::Restart), device.role == Role::Controller));
    }
    all
}

#[test]
fn every_rig_ends_safe_or_in_alarm_whatever_is_done_to_it() {
    let pages = told_scenarios();
    let mut jobs = Vec::new();
    for rig in folders("rigs") {
        let nominal = pages.iter().find(|[of, _, word, why]| *of == rig && word == "pass" && why.contains("nominal"));
        let [_, name, ..] = nominal.unwrap_or_else(|| panic!("the page of {rig} calls no scenario nominal"));
        let scenario = format!("scenarios/{rig}/{name}.yaml");
        let (from, to) = armed_span(&scenario);
        for place in 0..disturbances(&plan(&scenario, 1)).len() {
            jobs.extend((0..MOMENTS).map(|moment| (scenario.clone(), place, moment, from, to)));
        }
    }
    let next = AtomicUsize::new(0);
    let tripped = Mutex::new(0);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((scenario, place, moment, from, to)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let trips = disturbed(scenario, *place, *moment, *from, *to);
                    *tripped.lock().expect("a failed worker ends the test") += usize::from(trips);
                }
            });
        }
    });
    let tripped = *tripped.lock().expect("all workers are done");
    assert!(tripped * 3 > jobs.len(), "only {tripped} of {} runs tripped", jobs.len());
}

/// From arming to the end of the undisturbed run's script.
fn armed_span(scenario: &str) -> (Time, Time) {
    let (outcome, kept) = run(&plan(scenario, 1), &Options::default());
    assert_eq!(outcome.verdict, RunVerdict::Pass, "{scenario}: {:?}", outcome.reasons);
    let events = kept.events();
    let armed = events.iter().find(|event| event.kind == EventKind::Armed).expect("it was armed").at;
    let last = events.iter().rfind(|event| matches!(event.kind, EventKind::StepEnded { .. })).expect("it has steps").at;
    (armed, last)
}

/// One run; true when it tripped.
fn disturbed(scenario: &str, place: usize, moment: u64, from: Time, to: Time) -> bool {
    let plan = plan(scenario, 1);
    let (kind, may_pass) = disturbances(&plan).swap_remove(place);
    let mut rng = Pcg64Mcg::seed_from_u64(place as u64 * 1_000 + moment);
    // Not in the last fifth: there what was asked for is done, and a machine at rest has nothing left to lose.
    let within = to.since(from).nanos() as u64 * 4 / 5;
    let at = from + Span::from_nanos((rng.next_u64() % within.max(1)) as i64);
    let story = format!("{scenario} with {kind:?} at {at}");
    let options = Options { disturbances: vec![Disturbance { at, kind }], ..Options::default() };
    let (outcome, kept) = run(&plan, &options);
    invariants::hold(&plan, outcome.verdict, &kept, &story);
    let tripped = kept.events().iter().any(|event| matches!(event.kind, EventKind::Tripped { .. }));
    assert!(may_pass || outcome.verdict != RunVerdict::Pass, "it passed: {story}");
    assert!(may_pass || tripped, "nothing tripped: {story}: {:?}", outcome.reasons);
    tripped
}
