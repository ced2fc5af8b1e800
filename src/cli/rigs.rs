//! `checkrein rigs`: which rigs there are, who has them, which nobody may use, and what was rehearsed.

use super::Exit;
use super::doctor::{DoctorArguments, doctor};
use super::lease::{instant, refused};
use super::new::{NewArguments, new};
use super::rehearse::{RehearseArguments, rehearse, when};
use super::say;
use crate::io::Disk;
use crate::io::state::{Standing, State};
use crate::rig;
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `rigs`.
#[derive(Args, Debug)]
pub struct RigsArguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// List the rigs: free, leased to whom until when, or quarantined and why
    List(ListArguments),
    /// Tell whether a run could start: ports, identity, rates, noise, clocks, margins at rest
    Doctor(DoctorArguments),
    /// Ask what is on a port, and write a rig file for it
    New(NewArguments),
    /// Try every rung and dead-man of a rig one by one, and keep what they showed
    Rehearse(RehearseArguments),
    /// Give a quarantined rig free, after a person has looked at it
    Release(ReleaseArguments),
    /// Answer for the last trip of a rig, so that it may be energised again
    Reset(ResetArguments),
}

#[derive(Args, Debug)]
struct ListArguments {
    /// Where the rigs' folders are
    #[arg(long, default_value = "rigs", value_name = "FOLDER")]
    rigs: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
struct ReleaseArguments {
    /// The rig's name, or its file
    rig: String,
    /// Who looked at the rig and found it safe
    #[arg(long, value_name = "NAME")]
    inspected_by: String,
}

#[derive(Args, Debug)]
struct ResetArguments {
    /// The rig's name, or its file
    rig: String,
    /// Who answers for it: the cause is gone, and nobody is in danger
    #[arg(long, value_name = "NAME")]
    by: String,
}

/// Does what is asked.
pub fn rigs(arguments: &RigsArguments) -> ExitCode {
    let done = match &arguments.command {
        Command::List(arguments) => list(arguments),
        Command::New(arguments) => return new(arguments),
        Command::Doctor(arguments) => return doctor(arguments),
        Command::Rehearse(arguments) => return rehearse(arguments),
        Command::Release(arguments) => release(arguments),
        Command::Reset(arguments) => reset(arguments),
    };
    match done {
        Ok(exit) => exit.into(),
        Err(why) => {
            say::aside(format!("error: {why}"));
            Exit::Usage.into()
        }
    }
}

/// A rig with what is known of it.
#[derive(serde::Serialize)]
struct Row {
    rig: String,
    /// `free`, `leased`, `quarantined` or `tripped`.
    state: &'static str,
    /// Who, until when, since when, why.
    words: String,
    /// When, on what, and how it ended.
    rehearsed: Vec<String>,
    file: Option<String>,
}

fn list(arguments: &ListArguments) -> Result<Exit, String> {
    let state = State::find()?;
    let files = rig_files(&arguments.rigs);
    let mut names = state.rigs();
    names.extend(files.iter().map(|(name, _)| name.clone()));
    names.sort();
    names.dedup();
    let mut rows = Vec::new();
    for name in names {
        let (mut word, mut words) = in_words(&state.standing(&name)?);
        // Whoever holds it, and whoever has to look at it, comes first.
        if let (Some(tripped), "free") = (state.tripped(&name).filter(|tripped| tripped.reset.is_none()), word) {
            (word, words) = ("tripped", super::reset::in_words(&tripped));
        }
        let file = files.iter().find(|(of, _)| *of == name).map(|(_, path)| path.display().to_string());
        let rehearsed = when(&state, &name);
        rows.push(Row { rig: name, state: word, words, rehearsed, file });
    }
    if arguments.json {
        let text = serde_json::to_string_pretty(&rows).map_err(|error| error.to_string())?;
        say::line(text);
        return Ok(Exit::Good);
    }
    if rows.is_empty() {
        say::line(format!("no rig in {} and none in use", arguments.rigs.display()));
    }
    let wide = rows.iter().map(|row| row.rig.chars().count()).max().unwrap_or(0);
    for row in rows {
        let mut words = row.rehearsed;
        words.splice(0..0, Some(row.words).filter(|words| !words.is_empty()));
        say::line(format!("{:<wide$}  {:<11}  {}", row.rig, row.state, words.join("; ")).trim_end());
    }
    Ok(Exit::Good)
}

fn in_words(standing: &Standing) -> (&'static str, String) {
    match standing {
        Standing::Free => ("free", String::new()),
        Standing::Leased(Some(lease)) => ("leased", format!("to {} until {}", lease.holder(), instant(lease.until))),
        Standing::Leased(None) => ("leased", "its lease file cannot be read".to_owned()),
        Standing::Quarantined(quarantine) => {
            let since =
                if quarantine.since == 0 { String::new() } else { format!("since {}: ", instant(quarantine.since)) };
            let run = if quarantine.run.is_empty() { String::new() } else { format!(" ({})", quarantine.run) };
            ("quarantined", format!("{since}{}{run}", quarantine.why))
        }
    }
}

fn release(arguments: &ReleaseArguments) -> Result<Exit, String> {
    let who = arguments.inspected_by.trim();
    if who.is_empty() {
        return Err("--inspected-by wants the name of the person who looked at the rig".to_owned());
    }
    let rig = name_of(&arguments.rig)?;
    match State::find()?.release(&rig, who).map_err(|why| refused(&rig, why))? {
        Some(release) => {
            say::line(format!(
                "rig {rig} is free: inspected by {} at {}; it was quarantined because {}",
                release.inspected_by,
                instant(release.at),
                release.quarantine.why
            ));
            Ok(Exit::Good)
        }
        None => Err(format!("rig {rig} is not quarantined; there is nothing to release")),
    }
}

fn reset(arguments: &ResetArguments) -> Result<Exit, String> {
    let by = arguments.by.trim();
    if by.is_empty() {
        return Err("--by wants the name of the person who answers for the rig".to_owned());
    }
    let rig = name_of(&arguments.rig)?;
    match State::find()?.reset(&rig, by).map_err(|why| refused(&rig, why))? {
        Some(tripped) => {
            say::line(format!("rig {rig} is reset by {by}; {}", super::reset::in_words(&tripped)));
            Ok(Exit::Good)
        }
        None => Err(format!("rig {rig} has no trip that nobody answered for; there is nothing to reset")),
    }
}

/// The name of a rig that is given by name or by its file.
pub fn name_of(rig: &str) -> Result<String, String> {
    if !rig.ends_with(".yaml") {
        return Ok(rig.to_owned());
    }
    rig::name_in(rig, &Disk).ok_or_else(|| format!("`{rig}` is no rig file with a name in it"))
}

/// The rig files of a folder: (name, path), in order of their names.
fn rig_files(folder: &Path) -> Vec<(String, PathBuf)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<(String, PathBuf)> = entries
        .flatten()
        .map(|entry| entry.path().join("rig.yaml"))
        .filter_map(|path| Some((rig::name_in(&path.display().to_string(), &Disk)?, path)))
        .collect();
    files.sort();
    files
}
