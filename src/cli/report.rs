//! `checkrein report RUN`: writes the report of a run again, from its recording.

use super::Exit;
use super::replay::{load, recording_path};
use super::results;
use super::say;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `report`.
#[derive(Args, Debug)]
pub struct ReportArguments {
    /// A run's folder, or its recording
    run: PathBuf,
    /// Where the page goes; by default `report.html` beside the recording
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Writes the page; also of a run without data, which it says.
pub fn report(arguments: &ReportArguments) -> ExitCode {
    let written = load(&arguments.run).and_then(|(recording, plan)| {
        let path = recording_path(&arguments.run);
        let folder = path.parent().filter(|parent| *parent != "").map_or(PathBuf::from("."), PathBuf::from);
        let out = arguments.out.clone().unwrap_or_else(|| folder.join("report.html"));
        let page = results::page(&plan, &recording, &folder, &path)?;
        std::fs::write(&out, page).map_err(|error| format!("cannot write {}: {error}", out.display()))?;
        Ok(out)
    });
    match written {
        Ok(file) => {
            say::line(format!("{}", file.display()));
            Exit::Good.into()
        }
        Err(why) => {
            say::aside(format!("error: {why}"));
            Exit::Usage.into()
        }
    }
}
