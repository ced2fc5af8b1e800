//! `checkrein replay RUN…`: the same fold from the file must give the identical events; or another envelope its own verdicts.

use super::Exit;
use super::rejudge;
use super::say;
use crate::log::{self, RecordedFiles, Recording, compare_events};
use crate::run::{Effect, Effects, Event, Run, RunVerdict};
use crate::scenario::plan::Plan;
use crate::scenario::{self, Request};
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// Arguments of `replay`.
#[derive(Args, Debug)]
pub struct ReplayArguments {
    /// Runs' folders, or their recordings
    #[arg(required = true)]
    runs: Vec<PathBuf>,
    /// Judge what was recorded by this envelope instead, and tell what changes
    #[arg(long, value_name = "FILE")]
    envelope: Option<String>,
    /// With --envelope: tell of rules that did not change, too
    #[arg(long, requires = "envelope")]
    all: bool,
    /// With --envelope: print JSON
    #[arg(long, requires = "envelope")]
    json: bool,
}

/// Folds recordings again, or judges them by another envelope. 0: identical, or every rule holds; 1: one differs, or a rule is
/// broken; 2: nothing is left to compare, or something stays unknown; 64: one cannot be read.
pub fn replay(arguments: &ReplayArguments) -> ExitCode {
    if let Some(envelope) = &arguments.envelope {
        return rejudge::rejudge(&arguments.runs, envelope, arguments.all, arguments.json);
    }
    let exits = arguments.runs.iter().map(|run| {
        if arguments.runs.len() > 1 {
            say::line(format!("{}:", run.display()));
        }
        replay_one(run)
    });
    // What cannot be read is worse than what differs, and that than what is not known.
    let worst = exits.max_by_key(|exit| match exit {
        Exit::Usage => 3,
        Exit::Verdict(RunVerdict::Fail) => 2,
        Exit::Verdict(RunVerdict::Inconclusive) => 1,
        _ => 0,
    });
    worst.unwrap_or(Exit::Usage).into()
}

fn replay_one(run: &Path) -> Exit {
    let (recording, plan) = match load(run) {
        Ok(loaded) => loaded,
        Err(why) => {
            say::aside(format!("error: {why}"));
            return Exit::Usage;
        }
    };
    if let Some(loss) = &recording.loss {
        say::line(format!(
            "the recording is not whole: {} ({} bytes), good until {}",
            loss.why, loss.bytes, loss.whole_until
        ));
    }
    let recorded: Vec<Event> = recording.events().cloned().collect();
    let mut replayed = fold(&plan, &recording);
    if recording.loss.is_some() {
        // Inputs are kept before the events they cause: a cut may leave the last causes without their effects.
        replayed.truncate(recorded.len());
    }
    if recorded.is_empty() {
        say::line("nothing to compare: no event of the run is left in the recording");
        return Exit::Verdict(RunVerdict::Inconclusive);
    }
    match compare_events(&recorded, &replayed) {
        Ok(()) => {
            say::line(format!("identical: {} events from {} inputs", recorded.len(), recording.inputs().count()));
            Exit::Good
        }
        Err(difference) => {
            say::line(format!("different: {difference}"));
            Exit::Verdict(RunVerdict::Fail)
        }
    }
}

/// The recording's file: the path itself, or `recording.mcap` in the folder.
pub fn recording_path(run: &Path) -> PathBuf {
    if run.is_dir() { run.join("recording.mcap") } else { run.to_path_buf() }
}

/// Opens a recording and makes its plan again, from the files that it holds.
pub fn load(run: &Path) -> Result<(Recording, Arc<Plan>), String> {
    let path = recording_path(run);
    let bytes = std::fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let recording = log::open(&bytes).map_err(|error| format!("{}: {error}", path.display()))?;
    let plan = plan_of(&recording).map_err(|why| format!("{}: {why}", path.display()))?;
    Ok((recording, Arc::new(plan)))
}

fn plan_of(recording: &Recording) -> Result<Plan, String> {
    let head = &recording.head;
    let request = Request {
        scenario: head.scenario_path.clone(),
        rig: Some(head.rig_path.clone()),
        overrides: head.overrides.clone(),
        seed: head.seed,
        mode: head.mode,
    };
    match scenario::check(&request, &RecordedFiles::new(head)) {
        Ok((plan, _)) => match recording.head.gate {
            Some(gate) => plan.with_gate(gate),
            None => Ok(plan),
        },
        Err(diagnostics) => Err(format!(
            "the recorded files do not check with this version ({} recorded them):\n{}",
            head.tool,
            crate::diag::report(&diagnostics, false)
        )),
    }
}

fn fold(plan: &Arc<Plan>, recording: &Recording) -> Vec<Event> {
    let mut run = Run::new(plan.clone());
    let mut effects = Effects::default();
    let mut events = Vec::new();
    for input in recording.inputs() {
        effects.clear();
        run.handle(input, &mut effects);
        events.extend(effects.list.drain(..).filter_map(|effect| match effect {
            Effect::Emit(event) => Some(event),
            _ => None,
        }));
    }
    events
}
