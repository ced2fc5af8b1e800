//! What a run leaves in its folder, made from its recording alone.

use super::Exit;
use super::replay::load;
use super::run::{Done, Prepared};
use crate::log::Recording;
use crate::plot;
use crate::report;
use crate::scenario::plan::Plan;
use crate::trace::Trace;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const TOOL: &str = env!("CARGO_PKG_VERSION");

/// Draws every figure there is something to show in, as SVG and PNG.
pub fn draw(
    plan: &Plan,
    recording: &Recording,
    run: &Path,
    recording_path: &Path,
    out: &Path,
) -> Result<Vec<PathBuf>, String> {
    let trace = Trace::new(plan, recording);
    let run = run.canonicalize().unwrap_or_else(|_| run.to_path_buf());
    let name = run.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned());
    let subject = plot::Subject {
        plan,
        trace: &trace,
        run: &name,
        recording_sha256: &sha256(recording_path)?,
        tool: TOOL,
        wall_clock_unix_nanos: recording.head.wall_clock_unix_nanos,
    };
    std::fs::create_dir_all(out).map_err(|error| format!("cannot make {}: {error}", out.display()))?;
    let mut files = Vec::new();
    for figure in plot::ALL {
        let Some(scene) = (figure.draw)(&subject) else { continue };
        for (ending, bytes) in [("svg", plot::svg(&scene).into_bytes()), ("png", plot::png(&scene))] {
            let path = out.join(format!("{}.{ending}", figure.name));
            std::fs::write(&path, bytes).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
            files.push(path);
        }
    }
    Ok(files)
}

fn sha256(path: &Path) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Writes verdict, report and plots; prints the summary; gives the exit code of the verdict.
pub fn write(prepared: &Prepared, done: &Done, plots: bool, json: bool) -> ExitCode {
    if let Err(why) = write_all(prepared, plots, json) {
        // The verdict stands on what the run saw; only its paper could not be written.
        eprintln!("error: the results could not be written: {why}");
        eprintln!("{}: {}", done.outcome.verdict.word(), done.outcome.reasons.join("; "));
    }
    if let Some(quality) = done.loop_quality.as_ref().filter(|_| !json) {
        let granted = |yes: bool| if yes { "granted" } else { "not granted" };
        println!(
            "loop: real-time priority {}, memory lock {}, latest tick {:.3} ms late, {} stalls",
            granted(quality.real_time),
            granted(quality.memory_locked),
            quality.latest_tick.nanos() as f64 / 1e6,
            quality.stalls
        );
    }
    Exit::Verdict(done.outcome.verdict).into()
}

fn write_all(prepared: &Prepared, plots: bool, json: bool) -> Result<(), String> {
    let path = prepared.dir.file("recording.mcap");
    let (recording, plan) = load(&path)?;
    let trace = Trace::new(&plan, &recording);
    let sha256 = sha256(&path)?;
    let run = prepared.dir.path.display().to_string();
    let subject = report::Subject {
        plan: &plan,
        trace: &trace,
        run: &run,
        recording_sha256: &sha256,
        tool: TOOL,
        wall_clock_unix_nanos: recording.head.wall_clock_unix_nanos,
    };
    let verdict = report::verdict(&subject).json();
    prepared.dir.write("verdict.json", verdict.as_bytes())?;
    prepared.dir.write("quality.json", report::quality(&plan, &trace).json().as_bytes())?;
    prepared.dir.write("junit.xml", report::junit(&subject).as_bytes())?;
    if plots {
        draw(&plan, &recording, &prepared.dir.path, &path, &prepared.dir.file("plots"))?;
    }
    let summary = report::summary(&subject);
    prepared.dir.write("summary.txt", summary.as_bytes())?;
    print!("{}", if json { &verdict } else { &summary });
    Ok(())
}
