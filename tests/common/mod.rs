//! What tests share: shipped scenarios as plans, and virtual runs that keep what went in and out.

#![allow(dead_code, reason = "each test file uses its own part")]

use checkrein::diag::Files;
use checkrein::run::{Effect, Effects, Event, Input, Outcome, Run};
use checkrein::scenario::plan::{Mode, Plan};
use checkrein::scenario::{Request, check};
use checkrein::signal::Sample;
use checkrein::sim::Bench;
use checkrein::time::Time;
use checkrein::r#virtual::{Options, Sink, drive};
use checkrein::wire::DeviceId;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files below the project's root.
pub struct ProjectFiles;

impl Files for ProjectFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        std::fs::read(root().join(path)).map_err(|error| error.to_string())
    }
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// The plan of a shipped scenario.
pub fn plan(scenario: &str, seed: u64) -> Arc<Plan> {
    let request = Request { scenario: scenario.to_owned(), rig: None, overrides: Vec::new(), seed, mode: Mode::Sim };
    match check(&request, &ProjectFiles) {
        Ok((plan, _)) => Arc::new(plan),
        Err(diagnostics) => {
            panic!("{}", checkrein::diag::report(&diagnostics, false));
        }
    }
}

/// All twins of the plan's rig.
pub fn bench(plan: &Plan) -> Bench {
    let devices: Vec<DeviceId> = plan.rig.devices.iter().filter(|d| d.twin.is_some()).map(|d| d.id).collect();
    Bench::new(&plan.rig, plan.seed, &devices).expect("shipped twins exist")
}

/// Everything that went in and out of a run.
#[derive(Default)]
pub struct Kept {
    pub inputs: Vec<Input>,
    pub effects: Vec<(Time, Effect)>,
    pub samples: Vec<Sample>,
}

impl Kept {
    pub fn events(&self) -> Vec<Event> {
        events_of(self.effects.iter().map(|(_, effect)| effect))
    }
}

/// The events among effects.
pub fn events_of<'a>(effects: impl Iterator<Item = &'a Effect>) -> Vec<Event> {
    effects
        .filter_map(|effect| match effect {
            Effect::Emit(event) => Some(event.clone()),
            _ => None,
        })
        .collect()
}

impl Sink for Kept {
    fn input(&mut self, input: &Input) {
        self.inputs.push(input.clone());
    }
    fn effects(&mut self, at: Time, effects: &Effects) {
        self.effects.extend(effects.list.iter().map(|effect| (at, effect.clone())));
        self.samples.extend_from_slice(&effects.samples);
    }
}

/// Runs a plan in virtual time to its end.
pub fn run(plan: &Arc<Plan>, options: &Options) -> (Outcome, Kept) {
    let mut kept = Kept::default();
    let outcome = drive(plan.clone(), bench(plan), options, &mut kept).expect("a run ends by itself");
    (outcome, kept)
}

/// Folds recorded inputs again.
pub fn fold(plan: &Arc<Plan>, inputs: &[Input]) -> Vec<Effect> {
    let mut run = Run::new(plan.clone());
    let mut effects = Effects::default();
    let mut all = Vec::new();
    for input in inputs {
        effects.clear();
        run.handle(input, &mut effects);
        all.append(&mut effects.list);
    }
    all
}

/// Every scenario that a rig's page tells of: rig, scenario, the verdict that it names, and why.
pub fn told_scenarios() -> Vec<[String; 4]> {
    let mut told = Vec::new();
    for rig in folders("rigs") {
        let page = root().join("rigs").join(&rig).join("README.md");
        let page = std::fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        let table = page.split_once("| scenario | ends |");
        let (_, table) = table.unwrap_or_else(|| panic!("{rig} has no table of scenarios"));
        for line in table.lines().skip(2).take_while(|line| line.starts_with('|')) {
            let mut cells = line.split('|').map(str::trim).skip(1);
            let name = cells.next().and_then(|cell| cell.strip_prefix('`')?.strip_suffix('`'));
            let name = name.unwrap_or_else(|| panic!("{rig}: no scenario in `{line}`"));
            let (word, why) = cells.next().and_then(|cell| cell.split_once(": ")).expect("a verdict and why");
            assert!(!why.is_empty(), "{line}");
            told.push([rig.clone(), name.to_owned(), word.to_owned(), why.to_owned()]);
        }
    }
    told
}

/// The folders below a folder of the project.
pub fn folders(below: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root().join(below)).expect("it is shipped").flatten();
    let folders = entries.filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> = folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
