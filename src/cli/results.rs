//! What a run leaves in its folder, made from its recording alone.

use super::Exit;
use super::replay::load;
use super::run::Prepared;
use crate::log::Recording;
use crate::plot::{self, Subject};
use crate::run::Outcome;
use crate::scenario::plan::Plan;
use crate::trace::Trace;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Draws every figure there is something to show in, as SVG and PNG.
pub fn draw(
    plan: &Plan,
    recording: &Recording,
    run: &Path,
    recording_path: &Path,
    out: &Path,
) -> Result<Vec<PathBuf>, String> {
    let bytes = std::fs::read(recording_path).map_err(|error| format!("{}: {error}", recording_path.display()))?;
    let sha256 = hex(&Sha256::digest(&bytes));
    let trace = Trace::new(plan, recording);
    let run = run.canonicalize().unwrap_or_else(|_| run.to_path_buf());
    let name = run.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned());
    let subject = Subject {
        plan,
        trace: &trace,
        run: &name,
        recording_sha256: &sha256,
        tool: env!("CARGO_PKG_VERSION"),
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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes verdict, report and plots; prints the summary; gives the exit code of the verdict.
pub fn write(prepared: &Prepared, outcome: &Outcome, plots: bool, _json: bool) -> ExitCode {
    let path = prepared.dir.file("recording.mcap");
    println!("{}: {:?}", outcome.verdict.word(), outcome.reasons);
    let written = load(&path).and_then(|(recording, plan)| {
        if plots {
            draw(&plan, &recording, &prepared.dir.path, &path, &prepared.dir.file("plots"))?;
        }
        Ok(())
    });
    if let Err(why) = written {
        eprintln!("error: {why}");
    }
    println!("{}", prepared.dir.path.display());
    Exit::Verdict(outcome.verdict).into()
}
