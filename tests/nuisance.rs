//! How often the guard acts when nothing is wrong: nominal flights in virtual time, one after the other, each with a seed
//! and a height of its own. One trip is one too many.
//!
//! `CHECKREIN_NUISANCE_HOURS=8 cargo test --test nuisance -- --nocapture` flies eight hours and prints what it counted.

mod common;

use checkrein::guard::{Decision, Refusal};
use checkrein::run::event::EventKind;
use checkrein::run::{Effect, Effects, Input, RunVerdict};
use checkrein::scenario::plan::Mode;
use checkrein::scenario::{Request, check};
use checkrein::time::{Span, Time};
use checkrein::r#virtual::{Options, Sink, drive};
use common::{ProjectFiles, bench};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Hours of flying that `cargo test` spends on it.
const HOURS: f64 = 0.25;

/// Counts what may not happen in a nominal flight, and how long it was armed.
#[derive(Default)]
struct Counts {
    met: BTreeMap<String, u64>,
    armed_at: Option<Time>,
    /// Steps under way; with none of them the script has ended, and what a controller goes on asking is told `closed`.
    steps: usize,
    last: Time,
}

impl Sink for Counts {
    fn input(&mut self, _input: &Input) {}
    fn effects(&mut self, at: Time, effects: &Effects) {
        self.last = at;
        for effect in &effects.list {
            let Effect::Emit(event) = effect else { continue };
            let what = match &event.kind {
                EventKind::Armed => {
                    self.armed_at = Some(event.at);
                    continue;
                }
                EventKind::StepStarted { .. } => {
                    self.steps += 1;
                    continue;
                }
                EventKind::StepEnded { .. } => {
                    self.steps -= 1;
                    continue;
                }
                EventKind::CommandGated { decision: Decision::Reject(Refusal::Closed), .. } if self.steps == 0 => {
                    continue;
                }
                EventKind::Tripped { cause } => format!("trip {cause:?}"),
                EventKind::CommandGated { decision, .. } => {
                    let decision = format!("{decision:?}");
                    format!("gate {}", decision.split([' ', '{']).next().unwrap_or_default())
                }
                EventKind::Alarm { .. } => "alarm".to_owned(),
                EventKind::RuleBlind { unknown: true, .. } => "rule blind".to_owned(),
                _ => continue,
            };
            *self.met.entry(what).or_default() += 1;
        }
    }
}

#[test]
fn hours_of_nominal_flight_trip_nothing() {
    let hours = std::env::var("CHECKREIN_NUISANCE_HOURS")
        .map_or(HOURS, |text| text.parse().expect("CHECKREIN_NUISANCE_HOURS is a number"));
    let wanted = Span::from_seconds(hours * 3600.0).nanos();
    let flown = AtomicI64::new(0);
    let flights = AtomicU64::new(0);
    let all = Mutex::new(BTreeMap::<String, u64>::new());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while flown.load(Ordering::Relaxed) < wanted {
                    let seed = flights.fetch_add(1, Ordering::Relaxed) + 1;
                    let counts = fly(seed);
                    let armed = counts.last.since(counts.armed_at.expect("a nominal flight is armed"));
                    flown.fetch_add(armed.nanos(), Ordering::Relaxed);
                    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                    for (what, count) in counts.met {
                        *all.entry(what).or_default() += count;
                    }
                }
            });
        }
    });
    let all = all.into_inner().unwrap_or_else(PoisonError::into_inner);
    let flown = Span::from_nanos(flown.into_inner());
    println!("armed for {:.2} h in {} flights: {all:?}", flown.seconds() / 3600.0, flights.into_inner());
    let nuisance: Vec<_> = all.iter().filter(|(what, _)| *what != "gate Pass").collect();
    assert!(nuisance.is_empty(), "in {:.2} h of nominal flight: {nuisance:?}", flown.seconds() / 3600.0);
    assert!(all.contains_key("gate Pass"), "the pilot flew");
}

fn fly(seed: u64) -> Counts {
    let heights = ["1.5m", "2m", "3m", "4.5m", "6m"];
    let request = Request {
        scenario: "scenarios/drone-bench/hover-and-land.yaml".into(),
        rig: None,
        overrides: vec![("height".to_owned(), heights[(seed % heights.len() as u64) as usize].to_owned())],
        seed,
        mode: Mode::Sim,
    };
    let plan = match check(&request, &ProjectFiles) {
        Ok((plan, _)) => Arc::new(plan),
        Err(wrong) => panic!("{}", checkrein::diag::report(&wrong, false)),
    };
    let mut counts = Counts::default();
    let outcome = drive(plan.clone(), bench(&plan), &Options::default(), &mut counts).expect("a run ends by itself");
    assert_eq!(outcome.verdict, RunVerdict::Pass, "seed {seed}: {outcome:?}");
    counts
}
