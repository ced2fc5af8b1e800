//! `checkrein rigs new`: asks what is on a port, and writes a rig file for it that checks.
//!
//! Invariant: only the questions of `codec::recognise` are sent, none of which can move anything; nothing is overwritten.
//!
//! Each kind of device has a module that asks it further and gives a [`Draft`].

mod ask;
mod draft;
mod elm327;
mod finding;
mod grbl;
mod json;
mod lines;
mod mavlink;
mod modbus;
mod nmea;
mod slcan;

use super::check::print_diagnostics;
use super::{Exit, say};
use crate::codec::can::slcan::BIT_RATES;
use crate::codec::recognise::Recognised;
use crate::diag::Files;
use crate::io::{Disk, ports};
use crate::rig::Parity;
use crate::run::RunVerdict;
use crate::scenario;
use clap::{Args, ValueEnum};
use draft::Draft;
use finding::{Found, find};
use std::io::{IsTerminal, stdin};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `rigs new`.
#[derive(Args, Debug)]
pub struct NewArguments {
    /// The rig's name: letters, digits and dashes; asked for where it is not given
    name: Option<String>,
    /// The serial port to ask; the ones that are there are offered where it is not given
    #[arg(long, value_name = "PATH")]
    port: Option<String>,
    /// Its speed; where it is not given the usual ones are tried
    #[arg(long)]
    baud: Option<u32>,
    /// Its parity bit: Modbus devices often have an even one
    #[arg(long, value_enum, default_value_t = ParityWord::None)]
    parity: ParityWord,
    /// What the device is called in the rig; by its kind where it is not given
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
    /// CAN: the names of what goes over the bus; without it the file is made of what is heard
    #[arg(long, value_name = "FILE")]
    dbc: Option<PathBuf>,
    /// CAN: bits per second of the bus; where it is not given all are tried, listening only
    #[arg(long, value_name = "BIT/S", value_parser = bit_rate)]
    bit_rate: Option<u32>,
    /// Where the rig's folder is made
    #[arg(long, default_value = "rigs", value_name = "FOLDER")]
    rigs: PathBuf,
    /// Ask no person; what is not given is an error
    #[arg(long)]
    yes: bool,
}

/// A parity bit, as the command line says it.
#[derive(Copy, Clone, ValueEnum, Debug)]
enum ParityWord {
    None,
    Even,
    Odd,
}

fn bit_rate(text: &str) -> Result<u32, String> {
    let known = text.parse().ok().filter(|rate| BIT_RATES.contains(rate));
    known.ok_or_else(|| format!("one of {} is wanted", BIT_RATES.map(|rate| rate.to_string()).join(", ")))
}

/// Asks, probes, writes. 0: the file is there; 3: nothing on the port can be made a rig of; 64: usage.
pub fn new(arguments: &NewArguments) -> ExitCode {
    match make(arguments) {
        Ok(()) => Exit::Good.into(),
        Err(Wrong::Usage(why)) => {
            say::aside(format!("error: {why}"));
            Exit::Usage.into()
        }
        Err(Wrong::Blocked(why)) => {
            say::aside(format!("blocked: {why}\nnothing was written"));
            Exit::Verdict(RunVerdict::Blocked).into()
        }
    }
}

enum Wrong {
    Usage(String),
    Blocked(String),
}

fn make(arguments: &NewArguments) -> Result<(), Wrong> {
    let asking = !arguments.yes && stdin().is_terminal();
    let name = match &arguments.name {
        Some(name) => name.clone(),
        None if asking => ask::ask("What is the rig called?").map_err(Wrong::Usage)?,
        None => return Err(Wrong::Usage("a name is wanted: checkrein rigs new NAME --port PATH".to_owned())),
    };
    if !is_name(&name, '-') {
        return Err(Wrong::Usage(format!("`{name}` is no name of a rig: letters, digits and dashes, a letter first")));
    }
    if let Some(device) = arguments.device.as_ref().filter(|device| !is_name(device, '_')) {
        let why = format!("`{device}` is no name of a device: letters, digits and underscores, a letter first");
        return Err(Wrong::Usage(why));
    }
    let file = arguments.rigs.join(&name).join("rig.yaml");
    if file.exists() {
        return Err(Wrong::Usage(format!("{} is there already", file.display())));
    }
    let port = match &arguments.port {
        Some(port) => port.clone(),
        None if asking => ask::choose_port().map_err(Wrong::Usage)?,
        None => {
            let present = ports::present();
            let there = if present.is_empty() { "none is there".to_owned() } else { present.join(", ") };
            return Err(Wrong::Usage(format!("a port is wanted: --port PATH ({there})")));
        }
    };
    let parity = match arguments.parity {
        ParityWord::None => Parity::None,
        ParityWord::Even => Parity::Even,
        ParityWord::Odd => Parity::Odd,
    };
    let mut found = find(&port, arguments.baud, parity).map_err(Wrong::Blocked)?;
    say::line(format!("{port} at {} baud: {}", found.baud, found.what.words()));
    let draft = drafted(arguments, &mut found).map_err(Wrong::Blocked)?;
    let text = draft.text(&name, &ask::stable(&port), found.baud, parity, &found.what.words());
    let folder = file.parent().unwrap_or(Path::new(".")).to_path_buf();
    let mut files = vec![(file.clone(), text)];
    files.extend(draft.beside.iter().map(|(name, text)| (folder.join(name), text.clone())));
    if let Some((there, _)) = files.iter().find(|(path, _)| path.exists()) {
        return Err(Wrong::Usage(format!("{} is there already", there.display())));
    }
    let made = Made(files);
    match scenario::observe(&file.display().to_string(), &made, 1) {
        Ok((_, warnings)) => print_diagnostics(&warnings),
        Err(problems) => {
            print_diagnostics(&problems);
            return Err(Wrong::Blocked("the rig file does not check, for the reasons above".to_owned()));
        }
    }
    // The rig file last: it is there only when all that it names is.
    for (path, text) in made.0.iter().rev() {
        write(path, text).map_err(Wrong::Blocked)?;
    }
    say::line(format!("{} is written, and checks", file.display()));
    for (path, _) in made.0.iter().skip(1) {
        say::line(format!("{} stands beside it", path.display()));
    }
    let named = if arguments.rigs == Path::new("rigs") { name } else { file.display().to_string() };
    say::line(format!(
        "next: `checkrein rigs doctor {named}` tells what it hears, `checkrein monitor {named}` shows it"
    ));
    Ok(())
}

fn is_name(word: &str, also: char) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic()) && word.chars().all(|c| c.is_ascii_alphanumeric() || c == also)
}

/// The rig file, or why this program cannot make one.
fn drafted(arguments: &NewArguments, found: &mut Found) -> Result<Draft, String> {
    let named = |usual: &str| arguments.device.clone().unwrap_or_else(|| usual.to_owned());
    match found.what.clone() {
        Recognised::Mavlink { system, component, autopilot, .. } => {
            mavlink::draft(found, &named("fc"), (system, component), autopilot)
        }
        Recognised::Grbl(_) => grbl::draft(&mut found.probe, &named("machine")),
        Recognised::Elm327(version) => elm327::draft(&mut found.probe, &named("car"), &version),
        Recognised::Slcan(version) => {
            let bus = slcan::Bus { bit_rate: arguments.bit_rate, dbc: arguments.dbc.as_deref() };
            slcan::draft(&mut found.probe, &named("car"), &version, &bus)
        }
        Recognised::Modbus { unit, .. } => modbus::draft(&mut found.probe, &named("unit"), unit),
        Recognised::Nmea(_) => nmea::draft(&mut found.probe, &named("receiver")),
        Recognised::Lines(_) => lines::draft(&mut found.probe, &named("board")),
        Recognised::JsonLines(_) => json::draft(&mut found.probe, &named("board")),
    }
}

/// Files that are not written yet, before the disk.
struct Made(Vec<(PathBuf, String)>);

impl Files for Made {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        match self.0.iter().find(|(made, _)| made == Path::new(path)) {
            Some((_, text)) => Ok(text.clone().into_bytes()),
            None => Disk.read(path),
        }
    }
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    use std::io::Write;
    let wrong = |error: std::io::Error| format!("cannot write {}: {error}", file.display());
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(wrong)?;
    }
    let mut out = std::fs::OpenOptions::new().write(true).create_new(true).open(file).map_err(wrong)?;
    out.write_all(text.as_bytes()).map_err(wrong)
}
