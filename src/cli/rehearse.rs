//! `checkrein rigs rehearse RIG`: every rung and dead-man of a rig tried one by one, kept, and cited by later runs.

use super::Exit;
use super::lease::instant;
use super::replay::load;
use super::run::{RunArguments, run_in};
use super::say;
use crate::io::state::{State, unix_seconds};
use crate::log::Reliance;
use crate::report::{Tried, tried};
use crate::rig::DeadMan;
use crate::scenario::REHEARSAL;
use crate::scenario::plan::{FileRole, Mode, Plan};
use crate::trace::{Subject, Trace, words};
use clap::{Args, Parser};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `rigs rehearse`.
#[derive(Args, Debug)]
pub struct RehearseArguments {
    /// The rig's name (rigs/NAME/rig.yaml), or its file
    rig: String,
    /// Rehearse on the twins; kept apart from what was shown on the machines
    #[arg(long)]
    sim: bool,
    /// In virtual time (twins only)
    #[arg(long)]
    fast: bool,
    /// Answer yes to every prompt (twins only)
    #[arg(long)]
    yes: bool,
    /// Seed of every random draw
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the folder of the rehearsal is made
    #[arg(long, default_value = "runs", value_name = "FOLDER")]
    runs: PathBuf,
    /// How long the rig is lent to the rehearsal
    #[arg(long, value_name = "TIME")]
    lease: Option<String>,
    /// Draw no plots
    #[arg(long)]
    no_plots: bool,
    /// Print verdict.json instead of the summary
    #[arg(long)]
    json: bool,
}

/// A rehearsal is a run like every other.
#[derive(Parser)]
struct AsRun {
    #[command(flatten)]
    run: RunArguments,
}

/// What is kept of a rehearsal.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Kept {
    rig: String,
    /// `rig` (machines) or `sim` (twins).
    mode: String,
    /// Of the rig file: a rig that was changed has not been rehearsed.
    rig_sha256: String,
    /// Seconds since 1970, UTC.
    at: u64,
    run: String,
    verdict: Option<String>,
    tried: Vec<Tried>,
}

/// Rehearses, keeps what came of it, and gives the verdict's exit code.
pub fn rehearse(arguments: &RehearseArguments) -> ExitCode {
    let file = if arguments.rig.ends_with(".yaml") {
        arguments.rig.clone()
    } else {
        format!("rigs/{}/rig.yaml", arguments.rig)
    };
    let seed = arguments.seed.to_string();
    let runs = arguments.runs.display().to_string();
    let mut words = vec!["run", REHEARSAL, "--rig", &file, "--seed", &seed, "--runs", &runs];
    for (flag, word) in [
        (arguments.sim, "--sim"),
        (arguments.fast, "--fast"),
        (arguments.yes, "--yes"),
        (arguments.no_plots, "--no-plots"),
        (arguments.json, "--json"),
    ] {
        words.extend(flag.then_some(word));
    }
    words.extend(arguments.lease.iter().flat_map(|lasts| ["--lease", lasts.as_str()]));
    let as_run = match AsRun::try_parse_from(words) {
        Ok(as_run) => as_run,
        Err(error) => {
            say::aside(error.to_string().trim_end());
            return Exit::Usage.into();
        }
    };
    let (code, folder) = run_in(&as_run.run);
    if let Some(folder) = folder
        && let Err(why) = keep(&folder)
    {
        say::aside(format!("warning: the rehearsal could not be kept, so no run will cite it: {why}"));
    }
    code
}

/// Keeps what a rehearsal showed, from its recording.
fn keep(folder: &Path) -> Result<(), String> {
    let (recording, plan) = load(folder)?;
    let trace = Trace::new(&plan, &recording);
    let run = folder.display().to_string();
    let subject =
        Subject { plan: &plan, trace: &trace, run: &run, recording_sha256: "", tool: "", wall_clock_unix_nanos: 0 };
    let kept = Kept {
        rig: plan.rig.name.clone(),
        mode: mode_word(plan.mode).to_owned(),
        rig_sha256: rig_sha256(&plan),
        at: unix_seconds(),
        run: run.clone(),
        verdict: trace.outcome.as_ref().map(|outcome| outcome.verdict.word().to_owned()),
        tried: tried(&subject),
    };
    let state = State::find()?;
    state.write(&place(&state, &kept.rig, plan.mode), &kept)
}

fn place(state: &State, rig: &str, mode: Mode) -> PathBuf {
    state.path("rehearsed", rig, &format!("-{}.json", mode_word(mode)))
}

fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Rig => "rig",
        Mode::Sim => "sim",
        Mode::Observe => "observe",
    }
}

fn rig_sha256(plan: &Plan) -> String {
    let rig = plan.files.iter().find(|file| file.role == FileRole::Rig);
    rig.map_or_else(String::new, |file| file.sha256.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What a run of this plan relies on to make the rig safe, and whether that was rehearsed on what it runs on.
pub fn relied_on(plan: &Plan) -> Vec<Reliance> {
    if plan.mode == Mode::Observe || plan.files.iter().any(|file| file.path == REHEARSAL) {
        return Vec::new();
    }
    let kept: Result<Option<Kept>, String> =
        State::find().and_then(|state| state.read(&place(&state, &plan.rig.name, plan.mode)));
    let (kept, trouble) = match kept {
        Ok(Some(kept)) if kept.rig_sha256 != rig_sha256(plan) => {
            let words = format!("the rig file was changed since the rehearsal of {}", instant(kept.at));
            (None, Some(words))
        }
        Ok(kept) => (kept, None),
        Err(why) => (None, Some(format!("the record of its rehearsal cannot be read: {why}"))),
    };
    let shown: BTreeMap<(String, Option<u8>), Tried> =
        kept.iter().flat_map(|kept| &kept.tried).map(|one| ((one.device.clone(), one.rung), one.clone())).collect();
    let at = kept.as_ref().map_or_else(String::new, |kept| instant(kept.at));
    let mut all = Vec::new();
    for ladder in &plan.ladders {
        let device = &plan.rig.devices[usize::from(ladder.device.0)];
        let mut cite = |rung: Option<u8>, what: String| {
            let (good, text) = match (shown.get(&(device.name.clone(), rung)), &trouble) {
                (Some(Tried { safe_s: Some(safe), .. }), _) => {
                    let safe = words::span(crate::time::Span::from_seconds(*safe));
                    (true, format!("rehearsed {at}, safe after {safe}"))
                }
                (Some(Tried { not_tried: Some(why), .. }), _) => (false, format!("declared, not rehearsed: {why}")),
                (Some(_), _) => (false, format!("rehearsed {at}, and it was NOT SAFE in its time")),
                (None, Some(why)) => (false, format!("declared, not rehearsed: {why}")),
                (None, None) => (false, "declared, not rehearsed".to_owned()),
            };
            all.push(Reliance { what, text, shown: good });
        };
        for rung in &ladder.rungs {
            let number = rung.id.0 + 1;
            cite(Some(number), format!("rung {number} of {} ({})", device.name, rung.title));
        }
        if let Some(DeadMan::LosesHeartbeat { .. }) = device.dead_man {
            cite(None, format!("ring 3: the dead-man of {}", device.name));
        }
    }
    all
}

/// When a rig was rehearsed on its machines and on its twins, and how that ended; empty where it never was.
pub fn when(state: &State, rig: &str) -> Vec<String> {
    let one = |(mode, on): (Mode, &str)| {
        let kept: Result<Option<Kept>, String> = state.read(&place(state, rig, mode));
        match kept {
            Ok(None) => None,
            Ok(Some(kept)) => {
                let verdict = kept.verdict.as_deref().unwrap_or("no verdict");
                Some(format!("rehearsed on its {on} {}: {verdict}", instant(kept.at)))
            }
            Err(_) => Some(format!("rehearsed on its {on}, but the record cannot be read")),
        }
    };
    [(Mode::Rig, "machines"), (Mode::Sim, "twins")].into_iter().filter_map(one).collect()
}

/// Warns, where a real rig is about to be relied on, of what was only declared: one line.
pub fn warn(plan: &Plan, relied_on: &[Reliance]) {
    let open: Vec<&str> = relied_on.iter().filter(|one| !one.shown).map(|one| one.what.as_str()).collect();
    if plan.mode == Mode::Rig && !open.is_empty() {
        say::aside(format!(
            "warning: declared, not rehearsed: {}; `checkrein rigs rehearse {}` tries them",
            open.join(", "),
            plan.rig.name
        ));
    }
}
