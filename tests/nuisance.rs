//! How often the guard acts when nothing is wrong: on each rig the scenario that its page calls nominal, in virtual time, again and
//! again, each time with a seed of its own. One trip is one too many.
//!
//! `CHECKREIN_NUISANCE_HOURS=8 cargo test --test nuisance -- --nocapture` runs each for eight hours and prints what it counted.

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

/// Hours that `cargo test` spends on each rig.
const HOURS: f64 = 0.1;

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
fn hours_of_nominal_runs_trip_nothing() {
    let hours = std::env::var("CHECKREIN_NUISANCE_HOURS")
        .map_or(HOURS, |text| text.parse().expect("CHECKREIN_NUISANCE_HOURS is a number"));
    let pages = common::told_scenarios();
    for rig in common::folders("rigs") {
        let nominal = pages.iter().find(|[of, _, word, why]| *of == rig && word == "pass" && why.contains("nominal"));
        let [_, name, ..] = nominal.unwrap_or_else(|| panic!("the page of {rig} calls no scenario nominal"));
        on(&format!("scenarios/{rig}/{name}.yaml"), hours);
    }
}

fn on(scenario: &str, hours: f64) {
    let wanted = Span::from_seconds(hours * 3600.0).nanos();
    let armed_for = AtomicI64::new(0);
    let runs = AtomicU64::new(0);
    let all = Mutex::new(BTreeMap::<String, u64>::new());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while armed_for.load(Ordering::Relaxed) < wanted {
                    let counts = once(scenario, runs.fetch_add(1, Ordering::Relaxed) + 1);
                    let armed = counts.last.since(counts.armed_at.expect("a nominal run is armed"));
                    armed_for.fetch_add(armed.nanos(), Ordering::Relaxed);
                    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                    for (what, count) in counts.met {
                        *all.entry(what).or_default() += count;
                    }
                }
            });
        }
    });
    let all = all.into_inner().unwrap_or_else(PoisonError::into_inner);
    let armed_for = Span::from_nanos(armed_for.into_inner()).seconds() / 3600.0;
    println!("{scenario}: armed for {armed_for:.2} h in {} runs: {all:?}", runs.into_inner());
    let nuisance: Vec<_> = all.iter().filter(|(what, _)| *what != "gate Pass").collect();
    assert!(nuisance.is_empty(), "{scenario}: in {armed_for:.2} nominal hours: {nuisance:?}");
    assert!(all.contains_key("gate Pass"), "{scenario}: its controller was at work");
}

fn once(scenario: &str, seed: u64) -> Counts {
    let heights = ["1.5m", "2m", "3m", "4.5m", "6m"];
    let height = ("height".to_owned(), heights[(seed % heights.len() as u64) as usize].to_owned());
    let mut request = Request {
        scenario: scenario.into(),
        rig: None,
        // Where a scenario has a height, it is another one each time.
        overrides: vec![height],
        seed,
        mode: Mode::Sim,
    };
    let plan = check(&request, &ProjectFiles).or_else(|_| {
        request.overrides.clear();
        check(&request, &ProjectFiles)
    });
    let plan = match plan {
        Ok((plan, _)) => Arc::new(plan),
        Err(wrong) => panic!("{}", checkrein::diag::report(&wrong, false)),
    };
    let mut counts = Counts::default();
    let outcome = drive(plan.clone(), bench(&plan), &Options::default(), &mut counts).expect("a run ends by itself");
    assert_eq!(outcome.verdict, RunVerdict::Pass, "{scenario}, seed {seed}: {outcome:?}");
    counts
}
