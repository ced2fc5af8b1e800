//! What benches share: plans out of texts in memory, percentiles, and who this machine is.

#![allow(dead_code, reason = "each bench uses its own part")]

use checkrein::diag::{Files, report};
use checkrein::log::{FORMAT, Head};
use checkrein::scenario::plan::{Mode, Plan};
use checkrein::scenario::{Request, check};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Files by path, in memory.
pub struct Texts(pub BTreeMap<String, String>);

impl Files for Texts {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        self.0.get(path).map(|text| text.clone().into_bytes()).ok_or_else(|| format!("no file {path}"))
    }
}

/// The plan of these three texts, checked like any other.
pub fn plan(rig: String, envelope: String, scenario: String) -> Arc<Plan> {
    let texts =
        [("rigs/bench/rig.yaml", rig), ("rigs/bench/envelope.yaml", envelope), ("scenarios/bench.yaml", scenario)];
    let files = Texts(texts.into_iter().map(|(path, text)| (path.to_owned(), text)).collect());
    let request = Request {
        scenario: "scenarios/bench.yaml".into(),
        rig: Some("rigs/bench/rig.yaml".into()),
        overrides: Vec::new(),
        seed: 1,
        mode: Mode::Rig,
    };
    match check(&request, &files) {
        Ok((plan, _)) => Arc::new(plan),
        Err(mistakes) => panic!("{}", report(&mistakes, false)),
    }
}

/// The head of a recording of this plan.
pub fn head(plan: &Plan, wall_clock_unix_nanos: i64) -> Head {
    Head {
        format: FORMAT,
        tool: "bench".into(),
        wall_clock_unix_nanos,
        scenario_path: "scenarios/bench.yaml".into(),
        rig_path: "rigs/bench/rig.yaml".into(),
        overrides: Vec::new(),
        seed: plan.seed,
        mode: plan.mode,
        gate: Some(plan.gate),
        files: plan.files.clone(),
        relies_on: Vec::new(),
    }
}

/// The value below which this share of the sorted times lies, in microseconds.
pub fn percentile(sorted: &[Duration], share: f64) -> f64 {
    let place = ((sorted.len() - 1) as f64 * share) as usize;
    sorted[place].as_secs_f64() * 1e6
}

/// The first number on the command line, past what cargo itself adds.
pub fn count(default: usize) -> usize {
    std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(default)
}

/// One line that names the machine: its processor, how many cores, its kernel.
pub fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':')).map_or("?", |(_, m)| m);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!("{} cores of {}, Linux {}", cores, model.trim(), kernel.trim())
}
