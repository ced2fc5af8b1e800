//! Many runs of the shipped scenarios in virtual time, each with a seed of its own and disturbances that the seed draws.
//! What must hold, whatever happens: after a trip no command leaves but the ladder's; every run ends safe or in alarm
//! within the ladder's budget; what is unknown never passes; and the fold of what was recorded is the run again.
//!
//! A failing seed prints how to see it again: `CHECKREIN_SWARM_SEED=<seed> cargo test --test swarm`.

mod common;

use checkrein::fault::TwinFault;
use checkrein::guard::{Cause, LadderSet};
use checkrein::log::{self, Head, Recorder, compare_events};
use checkrein::rig::{Reaction, Role};
use checkrein::run::event::EventKind;
use checkrein::run::{Effect, Effects, Event, Input, RunVerdict};
use checkrein::scenario::plan::Plan;
use checkrein::time::{Span, Time};
use checkrein::r#virtual::{Disturbance, DisturbanceKind, Options, Sink, drive};
use checkrein::wire::{Frame, Lane, LinkId};
use common::{Kept, bench, events_of, fold, plan, run};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use std::io::Cursor;

const SCENARIOS: &[&str] = &[
    "scenarios/drone-bench/hover-and-land.yaml",
    "scenarios/drone-bench/gust.yaml",
    "scenarios/drone-bench/delayed-feed.yaml",
];

/// Runs per `cargo test`; `CHECKREIN_SWARM=1000` asks for more.
const RUNS: u64 = 24;

fn seeds() -> Vec<u64> {
    if let Ok(seed) = std::env::var("CHECKREIN_SWARM_SEED") {
        return vec![seed.parse().expect("CHECKREIN_SWARM_SEED is a number")];
    }
    let runs = std::env::var("CHECKREIN_SWARM").map_or(RUNS, |n| n.parse().expect("CHECKREIN_SWARM is a number"));
    (1..=runs).collect()
}

/// Up to three disturbances within the first 40 s.
fn disturbances(seed: u64, plan: &Plan) -> Vec<Disturbance> {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let mut drawn = Vec::new();
    for _ in 0..rng.next_u64() % 4 {
        let at = Time::from_nanos((rng.next_u64() % 40_000_000_000) as i64);
        let link = LinkId((rng.next_u64() % plan.rig.links.len() as u64) as u16);
        let serial = plan
            .rig
            .links
            .iter()
            .find(|l| matches!(l.kind, checkrein::rig::LinkKind::Serial(_)))
            .expect("the drone rig has a serial link")
            .id;
        let device = |role| plan.rig.devices.iter().find(|d| d.role == role).map(|d| d.id);
        let (machine, controller) = (device(Role::Machine), device(Role::Controller));
        let share = (rng.next_u64() % 1000) as f64 / 1000.0;
        let kind = match rng.next_u64() % 12 {
            0 => DisturbanceKind::LinkLost(link),
            1 => {
                // Who says stop once may say it again, and again.
                for more in 0..rng.next_u64() % 3 {
                    let at = at + Span::from_millis((rng.next_u64() % 2000) as i64 * (more as i64 + 1));
                    drawn.push(Disturbance { at, kind: DisturbanceKind::Stop });
                }
                DisturbanceKind::Stop
            }
            5 => DisturbanceKind::Twin(machine, TwinFault::Silence),
            6 => DisturbanceKind::Twin(machine, TwinFault::Restart),
            7 => DisturbanceKind::Twin(machine, TwinFault::Garbage { rate: 4000.0 * share }),
            8 => DisturbanceKind::Twin(machine, TwinFault::Battery { level: 0.4 * share }),
            9 => {
                DisturbanceKind::Twin(machine, TwinFault::Motor { index: 1 + (rng.next_u64() % 4) as u8, gain: share })
            }
            10 => DisturbanceKind::Twin(controller, TwinFault::Silence),
            11 => DisturbanceKind::Twin(None, TwinFault::Wind { speed: 15.0 * share, from: 6.0 * share }),
            2 => DisturbanceKind::RecorderFull,
            3 => {
                let bytes = (0..rng.next_u64() % 700).map(|_| rng.next_u64() as u8).collect();
                DisturbanceKind::Garbage(serial, bytes)
            }
            _ => DisturbanceKind::Deafness(link, Span::from_millis((rng.next_u64() % 3000) as i64)),
        };
        drawn.push(Disturbance { at, kind });
    }
    drawn
}

#[test]
fn whatever_happens_the_run_ends_safe_or_in_alarm_and_replays() {
    for seed in seeds() {
        let scenario = SCENARIOS[(seed % SCENARIOS.len() as u64) as usize];
        let plan = plan(scenario, seed);
        let options = Options { disturbances: disturbances(seed, &plan), ..Options::default() };
        let story = format!("{scenario}, CHECKREIN_SWARM_SEED={seed}, {:?}", options.disturbances);
        let (outcome, kept) = run(&plan, &options);
        nothing_but_the_ladder_after_a_trip(&kept, &story);
        ends_safe_or_in_alarm(&kept, &plan, &story);
        what_is_unknown_never_passes(&kept, &plan, outcome.verdict, &story);
        events_are_in_order_of_time(&kept, &story);
        let tripped = kept.events().iter().any(|e| matches!(e.kind, EventKind::Tripped { .. }));
        let armed = kept.events().iter().any(|e| e.kind == EventKind::Armed);
        if outcome.verdict == RunVerdict::Pass {
            assert!(!tripped && armed, "a run that tripped or never was armed passed: {story}");
        }
        let again = fold(&plan, &kept.inputs);
        let before: Vec<Effect> = kept.effects.iter().map(|(_, e)| e.clone()).collect();
        if let Some(place) = again.iter().zip(&before).position(|(a, b)| !same(a, b)) {
            panic!("the fold differs at effect {place}: {:?} was {:?}: {story}", again[place], before[place]);
        }
        assert_eq!(again.len(), before.len(), "the fold gives another number of effects: {story}");
    }
}

/// Equal, and NaN equals NaN: an unknown telling is the same telling.
fn same(a: &Effect, b: &Effect) -> bool {
    a == b || format!("{a:?}") == format!("{b:?}")
}

fn nothing_but_the_ladder_after_a_trip(kept: &Kept, story: &str) {
    let mut tripped = false;
    for (at, effect) in &kept.effects {
        match effect {
            Effect::Emit(event) if matches!(event.kind, EventKind::Tripped { cause } if cause != Cause::Finish) => {
                tripped = true;
            }
            Effect::Send { lane: Lane::Normal, frame, .. } => {
                assert!(!tripped, "a command left at {at} after the trip: {frame:?}: {story}");
            }
            _ => {}
        }
    }
}

/// From arming on, a signal of a stopping rule that is unknown trips in that very instant, and no such run passes.
fn what_is_unknown_never_passes(kept: &Kept, plan: &Plan, verdict: RunVerdict, story: &str) {
    let mut tripped = false;
    for event in kept.events() {
        match event.kind {
            EventKind::Tripped { cause } if cause != Cause::Finish => tripped = true,
            EventKind::RuleBlind { rule, unknown: true, .. }
                if matches!(plan.rules[usize::from(rule.0)].reaction, Reaction::Stop(_)) =>
            {
                assert!(tripped, "blind at {} and no trip: {story}", event.at);
                assert_ne!(verdict, RunVerdict::Pass, "blind at {}: {story}", event.at);
            }
            _ => {}
        }
    }
}

fn events_are_in_order_of_time(kept: &Kept, story: &str) {
    let events = kept.events();
    for pair in events.windows(2) {
        assert!(pair[0].at <= pair[1].at, "{:?} was told after {:?}: {story}", pair[1], pair[0]);
    }
}

fn ends_safe_or_in_alarm(kept: &Kept, plan: &Plan, story: &str) {
    let mut open = LadderSet::default().0;
    let mut first_rung = None;
    for (at, effect) in &kept.effects {
        let Effect::Emit(event) = effect else { continue };
        match event.kind {
            EventKind::RungIssued { ladder, .. } => {
                first_rung.get_or_insert(*at);
                open |= 1 << ladder.0;
            }
            EventKind::DeviceSafe { ladder } | EventKind::Alarm { ladder } => open &= !(1 << ladder.0),
            EventKind::DeviceUnsafe { ladder } => open |= 1 << ladder.0,
            EventKind::Finished { .. } => {
                // An alarm stays said while the last rung is tried again, so that its bit may be set anew; then it was alarmed.
                let alarmed = kept.effects.iter().any(
                    |(_, e)| matches!(e, Effect::Emit(e) if matches!(e.kind, EventKind::Alarm { ladder } if open & (1 << ladder.0) != 0)),
                );
                assert!(open == 0 || alarmed, "a ladder was left open: {story}");
                let budget = plan
                    .ladders
                    .iter()
                    .map(|l| l.rungs.iter().fold(Span::ZERO, |sum, r| sum + r.within))
                    .max()
                    .unwrap_or(Span::ZERO);
                // After the ladder: settling, the expectations of `finally`, and one repetition after `safe` broke.
                let exit = Span::from_secs(60) + plan.horizon + budget;
                if let Some(first) = first_rung {
                    assert!(at.since(first) <= exit, "the exit took {}: {story}", at.since(first));
                }
            }
            _ => {}
        }
    }
    let finished = kept.effects.iter().filter(|(_, e)| matches!(e, Effect::Finish(_))).count();
    assert_eq!(finished, 1, "a run ends once: {story}");
}

#[test]
fn shipped_scenarios_end_as_they_are_meant_to() {
    for (scenario, verdict) in
        [(SCENARIOS[0], RunVerdict::Pass), (SCENARIOS[1], RunVerdict::Pass), (SCENARIOS[2], RunVerdict::Fail)]
    {
        for seed in [1, 2, 3] {
            let plan = plan(scenario, seed);
            let (outcome, kept) = run(&plan, &Options::default());
            assert_eq!(outcome.verdict, verdict, "{scenario} with seed {seed}: {outcome:?}");
            let tripped = kept.events().iter().any(|e| matches!(e.kind, EventKind::Tripped { .. }));
            assert_eq!(tripped, verdict == RunVerdict::Fail, "{scenario} with seed {seed}");
            if verdict == RunVerdict::Fail {
                let safe = kept.events().iter().any(|e| matches!(e.kind, EventKind::DeviceSafe { .. }));
                assert!(safe, "the guard brought the drone down: {scenario} with seed {seed}");
            }
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let plan = plan(SCENARIOS[1], 7);
    let (_, first) = run(&plan, &Options::default());
    let (_, second) = run(&plan, &Options::default());
    assert!(first.inputs == second.inputs, "two runs of one seed differ in what arrived");
}

/// Keeps a run as the recorder does: each input before what came of it.
struct Tape {
    recorder: Recorder<Cursor<Vec<u8>>>,
    records: usize,
}

impl Sink for Tape {
    fn input(&mut self, input: &Input) {
        self.recorder.input(input).expect("memory takes all");
    }
    fn effects(&mut self, _at: Time, effects: &Effects) {
        self.recorder.samples(&effects.samples).expect("memory takes all");
        for effect in &effects.list {
            match effect {
                Effect::Emit(event) => self.recorder.event(event).expect("memory takes all"),
                Effect::Flush => self.recorder.flush().expect("memory takes all"),
                _ => {}
            }
        }
        // As the recording thread closes its chunk every 100 ms.
        self.records += 1;
        if self.records.is_multiple_of(500) {
            self.recorder.flush().expect("memory takes all");
        }
    }
    fn sent(&mut self, at: Time, frame: &Frame) {
        self.recorder.sent(at, frame).expect("memory takes all");
    }
}

#[test]
fn a_recording_replays_to_the_same_events_whole_or_cut_anywhere() {
    for seed in [3, 5, 8] {
        let plan = plan(SCENARIOS[(seed % SCENARIOS.len() as u64) as usize], seed);
        let options = Options { disturbances: disturbances(seed, &plan), ..Options::default() };
        let story = format!("seed {seed}, {:?}", options.disturbances);
        let head = Head {
            format: log::FORMAT,
            tool: "a test".into(),
            wall_clock_unix_nanos: 1_700_000_000_000_000_000,
            scenario_path: "scenarios/drone-bench/x.yaml".into(),
            rig_path: "rigs/drone-bench/rig.yaml".into(),
            overrides: Vec::new(),
            seed,
            gate: Some(plan.gate),
            mode: plan.mode,
            files: plan.files.clone(),
        };
        let recorder = Recorder::start(Cursor::new(Vec::new()), &head, &plan).expect("memory takes all");
        let mut tape = Tape { recorder, records: 0 };
        drive(plan.clone(), bench(&plan), &options, &mut tape).expect("a run ends by itself");
        let bytes = tape.recorder.finish().expect("memory takes all").into_inner();
        let whole = log::open(&bytes).expect("it is a recording");
        assert!(whole.loss.is_none(), "{:?}: {story}", whole.loss);
        let recorded: Vec<Event> = whole.events().cloned().collect();
        let inputs: Vec<Input> = whole.inputs().cloned().collect();
        let replayed = events_of(fold(&plan, &inputs).iter());
        compare_events(&recorded, &replayed).unwrap_or_else(|difference| panic!("{difference}: {story}"));
        let mut rng = Pcg64Mcg::seed_from_u64(seed ^ 0x6375_7421);
        let mut shorter = 0;
        for _ in 0..12 {
            let end = (rng.next_u64() % bytes.len() as u64) as usize;
            // Before the head is whole there is nothing to replay.
            let Ok(cut) = log::open(&bytes[..end]) else { continue };
            assert!(cut.loss.is_some() || cut.entries.len() == whole.entries.len(), "cut at {end}: {story}");
            let recorded: Vec<Event> = cut.events().cloned().collect();
            let inputs: Vec<Input> = cut.inputs().cloned().collect();
            let mut replayed = events_of(fold(&plan, &inputs).iter());
            assert!(replayed.len() >= recorded.len(), "an effect without its cause, cut at {end}: {story}");
            shorter += usize::from(recorded.len() < whole.events().count());
            replayed.truncate(recorded.len());
            compare_events(&recorded, &replayed).unwrap_or_else(|d| panic!("{d}, cut at {end}: {story}"));
        }
        assert!(shorter > 0, "some cut took something: {story}");
    }
}
