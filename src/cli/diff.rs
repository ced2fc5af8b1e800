//! `checkrein diff A B`: what is different between two runs.

use super::Exit;
use super::replay::load;
use super::say;
use crate::report::{self, RunDifference, Subject, differences};
use crate::run::RunVerdict;
use crate::trace::Trace;
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `diff`.
#[derive(Args, Debug)]
pub struct DiffArguments {
    /// A run's folder, or its recording
    a: PathBuf,
    /// Another one
    b: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Compares what two runs say of themselves. 0: nothing differs; 1: something does; 64: one cannot be read.
pub fn diff(arguments: &DiffArguments) -> ExitCode {
    let both = told(&arguments.a).and_then(|a| Ok((a, told(&arguments.b)?)));
    let ((a_verdict, a_quality), (b_verdict, b_quality)) = match both {
        Ok(both) => both,
        Err(why) => {
            say::aside(format!("error: {why}"));
            return Exit::Usage.into();
        }
    };
    let found = differences((&a_verdict, &a_quality), (&b_verdict, &b_quality));
    if arguments.json {
        say::line(serde_json::to_string_pretty(&found).expect("it is plain data"));
    } else {
        say::text(&table(&found, &arguments.a, &arguments.b));
    }
    if found.is_empty() { Exit::Good.into() } else { Exit::Verdict(RunVerdict::Fail).into() }
}

fn told(run: &Path) -> Result<(report::Verdict, report::Quality), String> {
    let (recording, plan) = load(run)?;
    let trace = Trace::new(&plan, &recording);
    let subject = Subject {
        plan: &plan,
        trace: &trace,
        run: "",
        recording_sha256: "",
        tool: &recording.head.tool,
        wall_clock_unix_nanos: recording.head.wall_clock_unix_nanos,
    };
    Ok((report::verdict(&subject), report::quality(&plan, &trace)))
}

/// Two values that are no longer stand on one line.
const SHORT: usize = 60;

fn table(found: &[RunDifference], a: &Path, b: &Path) -> String {
    if found.is_empty() {
        return "nothing differs but when they were\n".to_owned();
    }
    let mut text = format!("a: {}\nb: {}\n", a.display(), b.display());
    for (place, one) in found.iter().enumerate() {
        if place == 0 || found[place - 1].kind != one.kind {
            text += &format!("\n{}\n", one.kind);
        }
        let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "-".to_owned());
        let (a, b) = (side(&one.a), side(&one.b));
        text += &match a.len() + b.len() {
            0..=SHORT => format!("  {}: {a} | {b}\n", one.what),
            _ => format!("  {}:\n    a  {a}\n    b  {b}\n", one.what),
        };
    }
    text
}
