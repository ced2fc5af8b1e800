//! What a run leaves in its folder, made from its recording alone.

use super::Exit;
use super::replay::load;
use super::run::{Done, Prepared};
use super::rundir::attempts;
use super::say;
use crate::html;
use crate::log::Recording;
use crate::plot;
use crate::report;
use crate::run::{Outcome, RunVerdict};
use crate::scenario::plan::Plan;
use crate::trace::Trace;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

const TOOL: &str = env!("CARGO_PKG_VERSION");

/// The report of a run, as one page.
pub fn page(plan: &Plan, recording: &Recording, run: &Path, recording_path: &Path) -> Result<String, String> {
    let trace = Trace::new(plan, recording);
    let sha256 = sha256(recording_path)?;
    Ok(page_of(plan, recording, &trace, run, &sha256))
}

fn page_of(plan: &Plan, recording: &Recording, trace: &Trace, run: &Path, recording_sha256: &str) -> String {
    let name = run.canonicalize().unwrap_or_else(|_| run.to_path_buf());
    let name = name.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned());
    let subject = html::Subject {
        plan,
        trace,
        run: &name,
        recording_sha256,
        tool: TOOL,
        wall_clock_unix_nanos: recording.head.wall_clock_unix_nanos,
    };
    html::report(&subject, &attempts(run, &plan.name))
}

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

/// Prints the summary (or verdict.json), writes verdict, report and plots; gives the exit code of the verdict.
pub fn write(prepared: &Prepared, done: &Done, plots: bool, json: bool) -> ExitCode {
    let mut outcome = done.outcome.clone();
    match judge(prepared, done) {
        Ok(papers) => {
            outcome = papers.outcome.clone();
            say::text(if json { &papers.verdict } else { &papers.summary });
            if let Err(why) = papers.write(prepared, plots) {
                // The verdict stands on what the run saw; only its paper could not be written.
                say::aside(format!("error: the results could not be written: {why}"));
            }
        }
        Err(why) => {
            outcome = on_evidence(&outcome, Some(format!("it cannot be read back: {why}")));
            say::aside(format!("{}: {}", outcome.verdict.word(), outcome.reasons.join("; ")));
        }
    }
    if let Some(quality) = done.loop_quality.as_ref().filter(|_| !json) {
        let granted = |yes: bool| if yes { "granted" } else { "not granted" };
        say::line(format!(
            "loop: real-time priority {}, memory lock {}, latest tick {:.3} ms late, {} stalls, longest wait \
             of what arrived {:.3} ms",
            granted(quality.real_time),
            granted(quality.memory_locked),
            quality.latest_tick.nanos() as f64 / 1e6,
            quality.stalls,
            quality.longest_wait.nanos() as f64 / 1e6
        ));
    }
    Exit::Verdict(outcome.verdict).into()
}

/// Only evidence makes a pass: a run whose recording is not whole cannot keep one, though every other verdict stands.
fn on_evidence(outcome: &Outcome, missing: Option<String>) -> Outcome {
    let Some(why) = missing else { return outcome.clone() };
    let mut reasons = outcome.reasons.clone();
    let verdict = match outcome.verdict {
        RunVerdict::Pass => {
            reasons.clear();
            RunVerdict::Inconclusive
        }
        verdict => verdict,
    };
    reasons.push(format!("the recording is not whole: {why}"));
    Outcome { verdict, reasons }
}

/// What a run says of itself, in the forms in which it is kept.
struct Papers {
    outcome: Outcome,
    recording: Recording,
    plan: Arc<Plan>,
    verdict: String,
    quality: String,
    junit: String,
    summary: String,
    /// SHA-256 of the recording in hexadecimal.
    sha256: String,
}

fn judge(prepared: &Prepared, done: &Done) -> Result<Papers, String> {
    let path = prepared.dir.file("recording.mcap");
    let (recording, plan) = load(&path)?;
    let mut trace = Trace::new(&plan, &recording);
    // A recording that was cut short does not hold the end, but the end was seen.
    let missing = done.recording.clone().err().or_else(|| recording.loss.as_ref().map(|loss| loss.why.clone()));
    let outcome = on_evidence(&done.outcome, missing);
    trace.outcome = Some(outcome.clone());
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
    let quality = report::quality(&plan, &trace).json();
    let junit = report::junit(&subject);
    let summary = report::summary(&subject);
    drop(trace);
    Ok(Papers { outcome, recording, plan, verdict, quality, junit, summary, sha256 })
}

impl Papers {
    fn write(&self, prepared: &Prepared, plots: bool) -> Result<(), String> {
        let dir = &prepared.dir;
        dir.write("verdict.json", self.verdict.as_bytes())?;
        dir.write("quality.json", self.quality.as_bytes())?;
        dir.write("junit.xml", self.junit.as_bytes())?;
        dir.write("summary.txt", self.summary.as_bytes())?;
        if plots {
            let path = dir.file("recording.mcap");
            draw(&self.plan, &self.recording, &dir.path, &path, &dir.file("plots"))?;
            let mut trace = Trace::new(&self.plan, &self.recording);
            trace.outcome = Some(self.outcome.clone());
            let page = page_of(&self.plan, &self.recording, &trace, &dir.path, &self.sha256);
            dir.write("report.html", page.as_bytes())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_pass_without_a_whole_recording_and_nothing_else_changes() {
        let of = |verdict| Outcome { verdict, reasons: vec!["seen".to_owned()] };
        assert_eq!(on_evidence(&of(RunVerdict::Pass), None), of(RunVerdict::Pass));
        let cut = on_evidence(&of(RunVerdict::Pass), Some("the disk is full".to_owned()));
        assert_eq!(cut.verdict, RunVerdict::Inconclusive);
        assert_eq!(cut.reasons, ["the recording is not whole: the disk is full"]);
        for verdict in [RunVerdict::Fail, RunVerdict::Inconclusive, RunVerdict::Blocked, RunVerdict::Aborted] {
            let kept = on_evidence(&of(verdict), Some("the disk is full".to_owned()));
            assert_eq!(kept.verdict, verdict);
            assert_eq!(kept.reasons[0], "seen");
        }
    }
}
