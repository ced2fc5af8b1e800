//! Every shipped scenario checks clean on its rig, and its plan says what its file says.

use checkrein::diag::{Diagnostic, Files};
use checkrein::log::Entry;
use checkrein::run::event::FallbackWhy;
use checkrein::run::{Effect, Effects, Input, Outcome, RunVerdict};
use checkrein::scenario::plan::{GateMode, Mode, Plan, StepKind};
use checkrein::scenario::{self, Request};
use checkrein::signal::SignalKind;
use checkrein::sim::Bench;
use checkrein::time::Time;
use checkrein::trace::{Scores, Trace};
use checkrein::r#virtual::{Options, Sink, drive};
use std::path::Path;
use std::sync::Arc;

struct Repository;

impl Files for Repository {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).map_err(|e| e.to_string())
    }
}

fn request(path: &str) -> Request {
    Request { scenario: path.into(), rig: None, overrides: Vec::new(), seed: 7, mode: Mode::Sim }
}

fn rendered(list: &[Diagnostic]) -> String {
    list.iter().map(|d| d.render(false)).collect::<Vec<_>>().join("\n")
}

fn checked(request: &Request) -> (Plan, Vec<Diagnostic>) {
    scenario::check(request, &Repository).unwrap_or_else(|list| panic!("{}", rendered(&list)))
}

/// Every scenario below `scenarios/<rig>/`.
fn shipped() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = Vec::new();
    for rig in std::fs::read_dir(root.join("scenarios")).expect("scenarios are shipped") {
        let rig = rig.expect("the folder can be listed").file_name().to_string_lossy().into_owned();
        if !root.join("rigs").join(&rig).exists() {
            continue; // Fragments.
        }
        for file in std::fs::read_dir(root.join("scenarios").join(&rig)).expect("it was just listed") {
            let name = file.expect("the folder can be listed").file_name().to_string_lossy().into_owned();
            all.push(format!("scenarios/{rig}/{name}"));
        }
    }
    all.sort();
    all
}

#[test]
fn every_shipped_scenario_checks_without_a_word() {
    let all = shipped();
    assert!(all.len() >= 3, "{all:?}");
    for path in &all {
        let (plan, warnings) = checked(&request(path));
        assert_eq!(rendered(&warnings), "", "{path}");
        assert!(!plan.steps.is_empty() && !plan.ladders.is_empty(), "{path}");
        for ladder in &plan.ladders {
            for rung in &ladder.rungs {
                assert!(!rung.frames.is_empty(), "{path}: rung `{}` has no frames", rung.title);
            }
        }
    }
}

#[test]
fn the_plan_of_the_gust_says_what_the_file_says() {
    let (plan, _) = checked(&request("scenarios/drone-bench/gust.yaml"));
    assert_eq!(plan.phases, ["none", "gust"]);
    let phase = plan.rig.signals.def(plan.reserved.phase);
    assert_eq!(phase.kind, SignalKind::States { names: plan.phases.clone() });
    let names: Vec<&str> = plan.rules.iter().map(|r| r.name.as_str()).collect();
    assert!(names.starts_with(&["ceiling", "geofence"]), "{names:?}");
    assert!(names.contains(&"holds-height"), "{names:?}");
    for (place, rule) in plan.rules.iter().enumerate() {
        assert_eq!(usize::from(rule.spec.id.0), place, "{}", rule.name);
    }
    let exercised: Vec<&str> = plan.exercises.iter().map(|id| names[usize::from(id.0)]).collect();
    assert_eq!(exercised, ["ceiling", "geofence", "tilt"]);
    // Titles follow the ids, depth first, and point at their lines.
    let source = Repository.read("scenarios/drone-bench/gust.yaml").expect("it is shipped");
    let source = String::from_utf8(source).expect("it is text");
    for title in &plan.titles {
        let line = source.lines().nth(title.line as usize - 1).expect("the line is there");
        let verb = title.title.split(' ').next().expect("a title has a verb");
        assert!(line.contains(&format!("{verb}:")), "{title:?} against {line}");
    }
    let gust = plan.steps.iter().find_map(|s| match &s.kind {
        StepKind::Phase { phase: 1, steps } => Some(steps),
        _ => None,
    });
    let gust = gust.expect("the phase is there");
    let StepKind::Inject { fault, .. } = &gust[0].kind else { panic!("{:?}", gust[0]) };
    assert_eq!(fault.name, "wind");
    // Every file is sealed with its own hash.
    let paths: Vec<&str> = plan.files.iter().map(|f| f.path.as_str()).collect();
    assert_eq!(
        paths,
        ["rigs/drone-bench/rig.yaml", "rigs/drone-bench/envelope.yaml", "scenarios/drone-bench/gust.yaml"]
    );
}

#[test]
fn a_set_changes_the_plan_and_is_held_against_the_range() {
    let mut wanted = request("scenarios/drone-bench/gust.yaml");
    wanted.overrides = vec![("wind".into(), "8m/s".into())];
    let (plan, _) = checked(&wanted);
    assert!(
        plan.parameters.iter().any(|(name, value)| name == "wind" && value.starts_with('8')),
        "{:?}",
        plan.parameters
    );
    for (name, value, wanted_text) in [
        ("wind", "90 m/s", "outside the range"),
        ("wind", "8 m", "found length"),
        ("wind", "8", "found no unit"),
        ("wnid", "8 m/s", "did you mean `wind`?"),
        ("wind", "fast", "--set:1:6"),
    ] {
        wanted.overrides = vec![(name.into(), value.into())];
        let list = scenario::check(&wanted, &Repository).expect_err(value);
        let text = rendered(&list);
        assert!(text.contains(wanted_text), "{name}={value}: wanted `{wanted_text}` in\n{text}");
    }
}

/// The order of signals is a promise: the devices' own in file order, then what the run tells.
#[test]
fn signals_stand_in_file_order() {
    let (plan, _) = checked(&request("scenarios/drone-bench/hover-and-land.yaml"));
    let names: Vec<&str> = plan.rig.signals.names().collect();
    assert!(names.starts_with(&["fc.x", "fc.y", "fc.altitude"]), "{names:?}");
    assert!(names.ends_with(&[
        "phase",
        "step",
        "guard.tripped",
        "guard.reaction",
        "operator.reset",
        "pilot.command",
        "pilot.fallback"
    ]));
    assert_eq!(plan.reserved.commands.len(), 1);
}

#[test]
fn the_same_files_make_the_same_plan() {
    let wanted = request("scenarios/drone-bench/delayed-feed.yaml");
    assert_eq!(checked(&wanted).0, checked(&wanted).0);
}

/// Keeps what a recording would hold.
#[derive(Default)]
struct Tape(Vec<Entry>);

impl Sink for Tape {
    fn input(&mut self, input: &Input) {
        self.0.push(Entry::Input(input.clone()));
    }
    fn effects(&mut self, _at: Time, effects: &Effects) {
        self.0.push(Entry::Samples(effects.samples.clone()));
        let events = effects.list.iter().filter_map(|effect| match effect {
            Effect::Emit(event) => Some(Entry::Event(event.clone())),
            _ => None,
        });
        self.0.extend(events);
    }
}

/// A scenario run on its twins in virtual time, with its gate in this mode.
fn flown(path: &str, gate: GateMode) -> (Outcome, Trace) {
    let plan = Arc::new(checked(&request(path)).0.with_gate(gate).expect("the rig has a fallback"));
    let devices: Vec<_> = plan.rig.devices.iter().map(|device| device.id).collect();
    let bench = Bench::new(&plan.rig, plan.seed, &devices).expect("every device has a twin");
    let mut tape = Tape::default();
    let outcome = drive(plan.clone(), bench, &Options::default(), &mut tape).expect("a run ends by itself");
    (outcome, Trace::of_entries(&plan, &tape.0, None))
}

/// With the fallback the pilot's late sight costs nothing, and the machine is given back; without it the same flight
/// leaves the geofence.
#[test]
fn the_recovery_is_saved_by_its_fallback_and_by_nothing_else() {
    const PATH: &str = "scenarios/drone-bench/recovery.yaml";
    assert_eq!(checked(&request(PATH)).0.gate, GateMode::Fallback);
    let (outcome, trace) = flown(PATH, GateMode::Fallback);
    assert_eq!(outcome.verdict, RunVerdict::Pass, "{outcome:?}");
    let gate = &trace.gate;
    let [recovered] = &gate.recoveries[..] else { panic!("one take-over: {:?}", gate.recoveries) };
    assert_eq!(recovered.why, FallbackWhy::Condition);
    assert!(recovered.handed_back && !recovered.nuisance && !recovered.too_soon, "{recovered:?}");
    assert_eq!(gate.scores, Scores::default());
    let [account] = &gate.accounts[..] else { panic!("one controller: {:?}", gate.accounts) };
    assert_eq!(account.unaccounted(), 0, "{account:?}");
    assert!(account.rejected["outranked"] > 50 && account.passed > 100, "{account:?}");
    assert!(trace.reaction.is_none_or(|reaction| reaction.trip().is_none()));

    let (outcome, trace) = flown(PATH, GateMode::Enforce);
    assert_eq!(outcome.verdict, RunVerdict::Fail, "{outcome:?}");
    assert!(outcome.reasons[0].contains("rule geofence was broken"), "{outcome:?}");
    assert!(trace.gate.recoveries.is_empty());
    assert_eq!(trace.gate.scores.missed.len(), 1);
}
