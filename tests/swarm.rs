//! Many runs in virtual time: shipped scenarios and scenarios that are drawn, each with a seed of its own and disturbances
//! that the seed draws.
//! What must hold, whatever happens: after a trip no command leaves but the ladder's; every run ends safe or in alarm
//! within the ladder's budget; what is unknown never passes; and the fold of what was recorded is the run again.
//!
//! A failing seed prints how to see it again: `CHECKREIN_SWARM_SEED=<seed> cargo test --test swarm`.

mod common;
#[path = "common/invariants.rs"]
mod invariants;
#[path = "swarm/script.rs"]
mod script;

use checkrein::diag::Files;
use checkrein::fault::TwinFault;
use checkrein::log::{self, Head, Recorder, compare_events};
use checkrein::rig::Role;
use checkrein::run::event::EventKind;
use checkrein::run::{Effect, Effects, Event, Input, RunVerdict};
use checkrein::scenario::plan::{GateMode, Mode, Plan};
use checkrein::scenario::{Request, check};
use checkrein::signal::Value;
use checkrein::time::{Span, Time};
use checkrein::r#virtual::{Disturbance, DisturbanceKind, Options, Sink, drive};
use checkrein::wire::{Frame, LinkId};
use common::{Kept, ProjectFiles, bench, events_of, fold, plan, run};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

const SCENARIOS: &[&str] = &[
    "scenarios/drone-bench/hover-and-land.yaml",
    "scenarios/drone-bench/gust.yaml",
    "scenarios/drone-bench/delayed-feed.yaml",
    "scenarios/drone-bench/recovery.yaml",
];

/// Runs per `cargo test`; `CHECKREIN_SWARM=10000` asks for more.
const RUNS: u64 = 1000;

/// A shipped scenario is over by then.
const LONG: Span = Span::from_secs(40);

fn seeds() -> Vec<u64> {
    if let Ok(seed) = std::env::var("CHECKREIN_SWARM_SEED") {
        return vec![seed.parse().expect("CHECKREIN_SWARM_SEED is a number")];
    }
    let runs = std::env::var("CHECKREIN_SWARM").map_or(RUNS, |n| n.parse().expect("CHECKREIN_SWARM is a number"));
    (1..=runs).collect()
}

/// Up to three disturbances within the first seconds.
fn disturbances(seed: u64, plan: &Plan, within: Span) -> Vec<Disturbance> {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let mut drawn = Vec::new();
    for _ in 0..rng.next_u64() % 4 {
        let at = Time::from_nanos((rng.next_u64() % within.nanos() as u64) as i64);
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

/// The plan of a seed: one in eight is a shipped scenario, the others are drawn.
fn plan_of(seed: u64) -> (String, Arc<Plan>) {
    if seed.is_multiple_of(8) {
        let scenario = SCENARIOS[(seed / 8 % SCENARIOS.len() as u64) as usize];
        return (scenario.to_owned(), plan(scenario, seed));
    }
    let text = script::scenario(seed);
    let files = Drawn { text: &text };
    let request = Request {
        scenario: Drawn::PATH.into(),
        rig: Some("rigs/drone-bench/rig.yaml".into()),
        overrides: Vec::new(),
        seed,
        mode: Mode::Sim,
    };
    match check(&request, &files) {
        Ok((plan, _)) => {
            let (word, gate) = GateMode::ALL[(seed % GateMode::ALL.len() as u64) as usize];
            let plan = plan.with_gate(gate).expect("the drone's pilot has a fallback");
            (format!("# gate: {word}\n{text}"), Arc::new(plan))
        }
        Err(wrong) => panic!("{text}\n{}", checkrein::diag::report(&wrong, false)),
    }
}

/// The project's files, and a scenario that stands nowhere.
struct Drawn<'a> {
    text: &'a str,
}

impl Drawn<'_> {
    const PATH: &'static str = "scenarios/drone-bench/drawn.yaml";
}

impl Files for Drawn<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        match path {
            Drawn::PATH => Ok(self.text.as_bytes().to_vec()),
            "scenarios/common/down.yaml" => Ok(script::FRAGMENT.as_bytes().to_vec()),
            _ => ProjectFiles.read(path),
        }
    }
}

#[test]
fn whatever_happens_the_run_ends_safe_or_in_alarm_and_replays() {
    let seeds = seeds();
    let next = AtomicUsize::new(0);
    let tally = Tally::default();
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    // A seed that fails ends its worker; the panic carries the story, and the scope hands it on.
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    one_run(*seed, &tally);
                }
            });
        }
    });
    if seeds.len() >= RUNS as usize {
        tally.finish();
    }
}

fn one_run(seed: u64, tally: &Tally) {
    let (script, plan) = plan_of(seed);
    // A drawn script is over sooner than a shipped one.
    let within = if seed.is_multiple_of(8) { LONG } else { LONG / 4 };
    let mut options = Options { disturbances: disturbances(seed, &plan, within), ..Options::default() };
    // Where the script disturbs enough, a third of the runs have it alone.
    if seed.is_multiple_of(3) {
        options.disturbances.clear();
    }
    options.answer = !seed.is_multiple_of(5);
    let story = format!(
        "{:?}\n{script}\nto see it again: CHECKREIN_SWARM_SEED={seed} cargo test --test swarm whatever",
        options.disturbances
    );
    let (outcome, kept) = run(&plan, &options);
    tally.count(outcome.verdict, &kept.events());
    invariants::hold(&plan, outcome.verdict, &kept, &story);
    let tripped = kept.events().iter().any(|e| matches!(e.kind, EventKind::Tripped { .. }));
    let armed = kept.events().iter().any(|e| e.kind == EventKind::Armed);
    if outcome.verdict == RunVerdict::Pass {
        assert!(!tripped && armed, "a run that tripped or never was armed passed: {story}");
        seen_at_rest_after_the_last_word(&kept, &plan, &story);
    }
}

/// A pass says that the machine rests: it said so after the last word that could have moved it, with time to begin to move.
fn seen_at_rest_after_the_last_word(kept: &Kept, plan: &Plan, story: &str) {
    let armed = plan.rig.signals.find("fc.armed").expect("the drone rig has it");
    let last = kept.samples.iter().rfind(|sample| sample.signal == armed).expect("it was heard");
    assert_eq!(last.value, Value::Flag(false), "a run passed and left the machine armed: {story}");
    let energises = |event: &&Event| match event.kind {
        EventKind::CommandGiven { command, .. } => !plan.rig.commands.def(command.id).harmless,
        _ => false,
    };
    if let Some(commanded) = kept.events().iter().rfind(energises).map(|event| event.at) {
        let rung = kept.effects.iter().any(|(_, effect)| matches!(effect, Effect::Rung { .. }));
        let own: Vec<_> = kept.samples.iter().filter(|s| s.signal == armed).collect();
        let at_work = own.iter().rposition(|s| s.value == Value::Flag(true));
        let seen = at_work.and_then(|place| own.get(place + 1)).is_some_and(|rest| rest.at >= commanded);
        assert!(rung || seen, "commanded at {commanded}, and neither seen at work since nor brought down: {story}");
    }
}

/// What a swarm met: a swarm in which nothing happens shows nothing.
#[derive(Default)]
struct Tally(Mutex<BTreeMap<String, usize>>);

impl Tally {
    fn count(&self, verdict: RunVerdict, events: &[Event]) {
        let mut met: BTreeSet<String> = BTreeSet::from([format!("verdict {}", verdict.word())]);
        for event in events {
            met.extend(match &event.kind {
                EventKind::Tripped { cause } => Some(format!("trip {}", kind_of(&format!("{cause:?}")))),
                EventKind::FaultStarted { fault, .. } => Some(format!("fault {fault}")),
                EventKind::Alarm { .. } => Some("alarm".to_owned()),
                EventKind::DeviceUnsafe { .. } => Some("safe, and then not".to_owned()),
                EventKind::RungSkipped { .. } => Some("rung passed over".to_owned()),
                EventKind::StepEnded { outcome, .. } => Some(format!("step {}", kind_of(&format!("{outcome:?}")))),
                EventKind::CommandGated { decision, .. } => Some(format!("gate {}", kind_of(&format!("{decision:?}")))),
                _ => None,
            });
        }
        let mut tally = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for word in met {
            *tally.entry(word).or_default() += 1;
        }
    }

    /// Runs in which each was met, and a complaint about what never was.
    fn finish(self) {
        let tally = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (what, runs) in &tally {
            println!("{runs:5} runs with {what}");
        }
        let missing: Vec<&&str> = MUST_BE_MET.iter().filter(|what| !tally.contains_key(**what)).collect();
        assert!(missing.is_empty(), "in no run was there {missing:?}");
    }
}

/// The variant's name of what `Debug` wrote.
fn kind_of(debug: &str) -> &str {
    debug.split(|c: char| !c.is_alphanumeric()).next().unwrap_or(debug)
}

/// What a thousand runs must have met, or they try less than they seem to.
const MUST_BE_MET: &[&str] = &[
    "alarm",
    "gate Clamp",
    "gate Pass",
    "gate Reject",
    "rung passed over",
    "step Aborted",
    "step Done",
    "step Failed",
    "step Inconclusive",
    "trip LinkLost",
    "trip Operator",
    "trip OperatorAgain",
    "trip Recorder",
    "trip Restart",
    "trip Rule",
    "trip Silence",
    "trip Unknown",
    "verdict aborted",
    "verdict fail",
    "verdict inconclusive",
    "verdict pass",
];

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
        let options = Options { disturbances: disturbances(seed, &plan, LONG), ..Options::default() };
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
            relies_on: Vec::new(),
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
