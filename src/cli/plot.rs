//! `checkrein plot RUN`: draws the figures of a run again, from its recording.

use super::Exit;
use super::replay::{load, recording_path};
use super::results;
use super::say;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `plot`.
#[derive(Args, Debug)]
pub struct PlotArguments {
    /// A run's folder, or its recording
    run: PathBuf,
    /// Where the figures go; by default the folder `plots` beside the recording
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// Draws every figure there is something to show in.
pub fn plot(arguments: &PlotArguments) -> ExitCode {
    let drawn = load(&arguments.run).and_then(|(recording, plan)| {
        if recording.events().next().is_none() {
            return Err("no event of the run is left in the recording: there is nothing to draw".to_owned());
        }
        let path = recording_path(&arguments.run);
        let folder = path.parent().map_or(PathBuf::from("."), PathBuf::from);
        let out = arguments.out.clone().unwrap_or_else(|| folder.join("plots"));
        results::draw(&plan, &recording, &folder, &path, &out)
    });
    match drawn {
        Ok(files) => {
            files.iter().for_each(|file| say::line(format!("{}", file.display())));
            Exit::Good.into()
        }
        Err(why) => {
            say::aside(format!("error: {why}"));
            Exit::Usage.into()
        }
    }
}
