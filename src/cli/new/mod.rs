//! `checkrein rigs new`: asks what is on a port, and writes a rig file for it that checks.
//!
//! Invariant: only the questions of `codec::recognise` are sent, none of which can move anything; nothing is overwritten.

use super::check::print_diagnostics;
use super::{Exit, say};
use crate::codec::recognise::{QUESTIONS, Recognised, ask_version, lines, message_names, recognise, version_uid};
use crate::diag::Files;
use crate::io::{Disk, ports, probe::Probe};
use crate::rig::{Flow, Parity, PortName, SerialDef};
use crate::run::RunVerdict;
use crate::scenario;
use clap::Args;
use std::fmt::Write as _;
use std::io::{BufRead, IsTerminal, stdin};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

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
    /// What the device is called in the rig
    #[arg(long, default_value = "fc", value_name = "NAME")]
    device: String,
    /// Where the rig's folder is made
    #[arg(long, default_value = "rigs", value_name = "FOLDER")]
    rigs: PathBuf,
    /// Ask no person; what is not given is an error
    #[arg(long)]
    yes: bool,
}

/// Speeds that are tried, the likeliest first. Pseudo-terminals and USB boards take any.
const BAUDS: [u32; 6] = [115_200, 57_600, 921_600, 9_600, 38_400, 19_200];
/// How long a vehicle may take to say who it is.
const VERSION_WITHIN: Duration = Duration::from_millis(1_500);

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
        None if asking => ask("What is the rig called?").map_err(Wrong::Usage)?,
        None => return Err(Wrong::Usage("a name is wanted: checkrein rigs new NAME --port PATH".to_owned())),
    };
    for (what, word) in [("rig", &name), ("device", &arguments.device)] {
        if !is_name(word) {
            return Err(Wrong::Usage(format!(
                "`{word}` is no name of a {what}: letters, digits and dashes, a letter first"
            )));
        }
    }
    let file = arguments.rigs.join(&name).join("rig.yaml");
    if file.exists() {
        return Err(Wrong::Usage(format!("{} is there already", file.display())));
    }
    let port = match &arguments.port {
        Some(port) => port.clone(),
        None if asking => choose_port().map_err(Wrong::Usage)?,
        None => {
            let present = ports::present();
            let there = if present.is_empty() { "none is there".to_owned() } else { present.join(", ") };
            return Err(Wrong::Usage(format!("a port is wanted: --port PATH ({there})")));
        }
    };
    let found = find(&port, arguments.baud).map_err(Wrong::Blocked)?;
    say::line(format!("{port} at {} baud: {}", found.baud, found.what.words()));
    let text = written(&name, &arguments.device, &stable(&port), &found).map_err(Wrong::Blocked)?;
    let made = Made { path: file.display().to_string(), text: text.clone() };
    match scenario::observe(&made.path, &made, 1) {
        Ok((_, warnings)) => print_diagnostics(&warnings),
        Err(problems) => {
            print_diagnostics(&problems);
            return Err(Wrong::Blocked("the rig file does not check, for the reasons above".to_owned()));
        }
    }
    write(&file, &text).map_err(Wrong::Blocked)?;
    say::line(format!("{} is written, and checks", file.display()));
    let named = if arguments.rigs == Path::new("rigs") { name } else { file.display().to_string() };
    say::line(format!(
        "next: `checkrein rigs doctor {named}` tells what it hears, `checkrein monitor {named}` shows it"
    ));
    Ok(())
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic()) && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

fn ask(question: &str) -> Result<String, String> {
    say::aside(format!("? {question}"));
    let mut line = String::new();
    stdin().lock().read_line(&mut line).map_err(|error| format!("no answer can be read: {error}"))?;
    match line.trim() {
        "" => Err("nothing was answered".to_owned()),
        answer => Ok(answer.to_owned()),
    }
}

fn choose_port() -> Result<String, String> {
    let present = ports::present();
    if present.is_empty() {
        return ask("No serial port is there; which path is it?");
    }
    for (place, path) in present.iter().enumerate() {
        say::aside(format!("  {}  {path}", place + 1));
    }
    let answer = ask("Which port: its number, or a path?")?;
    match answer.parse::<usize>() {
        Ok(number) => number
            .checked_sub(1)
            .and_then(|place| present.get(place).cloned())
            .ok_or_else(|| format!("there is no port {number}")),
        Err(_) => Ok(answer),
    }
}

/// The name that will be the same tomorrow, where the machine has one.
fn stable(port: &str) -> String {
    let real = std::fs::canonicalize(port).map_or_else(|_| port.to_owned(), |real| real.display().to_string());
    if port.starts_with("/dev/serial/by-id/") {
        return port.to_owned();
    }
    ports::stable_names(&real).into_iter().next().unwrap_or_else(|| port.to_owned())
}

/// What was found on the port.
struct Found {
    what: Recognised,
    baud: u32,
    uid: Option<u64>,
    /// MAVLink messages heard on the way.
    messages: Vec<String>,
}

fn find(port: &str, baud: Option<u32>) -> Result<Found, String> {
    let bauds = baud.map_or_else(|| BAUDS.to_vec(), |baud| vec![baud]);
    let mut text = None;
    for baud in bauds {
        let def = SerialDef {
            port: PortName::Path(port.to_owned()),
            baud,
            parity: Parity::None,
            flow: Flow::None,
            stop_bits: 1,
        };
        let mut probe = Probe::open(&def)?;
        for question in QUESTIONS {
            let wait = Duration::from_millis(question.wait_ms);
            let mut heard = probe.ask(question.bytes, wait, |heard| recognise(heard).is_some())?;
            let Some(what) = recognise(&heard) else {
                text = text.or_else(|| lines(&heard).map(|what| (what, baud)));
                continue;
            };
            let mut uid = None;
            if let Recognised::Mavlink { system, component, .. } = what {
                let asked = ask_version(system, component);
                heard.extend(probe.ask(&asked, VERSION_WITHIN, |heard| version_uid(heard).is_some())?);
                uid = version_uid(&heard);
            }
            return Ok(Found { what, baud, uid, messages: message_names(&heard) });
        }
    }
    let asked: Vec<&str> = QUESTIONS.iter().skip(1).map(|question| question.of).collect();
    match text {
        Some((what, baud)) => Ok(Found { what, baud, uid: None, messages: Vec::new() }),
        None => Err(format!(
            "nothing on {port} was recognised: it said nothing of MAVLink unasked, and answered no question of {}",
            asked.join(", ")
        )),
    }
}

/// The rig file, or why this program cannot make one.
fn written(rig: &str, device: &str, port: &str, found: &Found) -> Result<String, String> {
    match found.what {
        Recognised::Mavlink { system, component, autopilot, .. } => {
            Ok(mavlink(rig, device, port, found, (system, component), autopilot))
        }
        Recognised::Grbl(_)
        | Recognised::Elm327(_)
        | Recognised::Slcan(_)
        | Recognised::Modbus { .. }
        | Recognised::Lines(_) => Err(format!(
            "it was recognised, but what it means must be written by hand: which of its words are signals and which are \
             commands it does not tell ({}); docs/files.md says how a rig file is written",
            found.what.words()
        )),
    }
}

/// Signals that most autopilots tell: message, lines.
const MAVLINK_SIGNALS: &[(&str, &str)] = &[
    ("HEARTBEAT", "armed:    { field: HEARTBEAT.base_mode, bit: 7, every: 1 s }"),
    (
        "ATTITUDE",
        "roll:     { field: ATTITUDE.roll, scale: 1 rad, unit: deg, range: -180 deg .. 180 deg, every: 100 ms }",
    ),
    (
        "ATTITUDE",
        "pitch:    { field: ATTITUDE.pitch, scale: 1 rad, unit: deg, range: -90 deg .. 90 deg, every: 100 ms }",
    ),
    (
        "ATTITUDE",
        "yaw:      { field: ATTITUDE.yaw, scale: 1 rad, unit: deg, range: -180 deg .. 180 deg, every: 100 ms }",
    ),
    (
        "LOCAL_POSITION_NED",
        "x:        { field: LOCAL_POSITION_NED.x, scale: 1 m, range: -1000 m .. 1000 m, every: 100 ms }",
    ),
    (
        "LOCAL_POSITION_NED",
        "y:        { field: LOCAL_POSITION_NED.y, scale: 1 m, range: -1000 m .. 1000 m, every: 100 ms }",
    ),
    (
        "LOCAL_POSITION_NED",
        "altitude: { field: LOCAL_POSITION_NED.z, scale: -1 m, range: -10 m .. 120 m, every: 100 ms }",
    ),
    (
        "GLOBAL_POSITION_INT",
        "height:   { field: GLOBAL_POSITION_INT.relative_alt, scale: 1 mm, unit: m, range: -10 m .. 120 m, every: 200 ms }",
    ),
    (
        "SYS_STATUS",
        "voltage:  { field: SYS_STATUS.voltage_battery, scale: 1 mV, unit: V, range: 0 V .. 60 V, every: 500 ms }",
    ),
    (
        "BATTERY_STATUS",
        "battery:  { field: BATTERY_STATUS.battery_remaining, scale: 1 %, range: 0 % .. 100 %, every: 1 s }",
    ),
];

fn mavlink(rig: &str, device: &str, port: &str, found: &Found, address: (u8, u8), autopilot: u8) -> String {
    // MAV_AUTOPILOT_ARDUPILOTMEGA.
    let dialect = if autopilot == 3 { "ardupilotmega" } else { "common" };
    let mut text = format!(
        "rig: {rig}\nabout: \"Made by `checkrein rigs new`: {words}\"\nlinks:\n  telem: {{ serial: \"{port}\", baud: {baud} }}\n\
         devices:\n  {device}:\n    link: telem\n    protocol: {{ mavlink: {dialect}, system: {system}, component: {component} }}\n",
        words = found.what.words(),
        baud = found.baud,
        system = address.0,
        component = address.1,
    );
    if let Some(uid) = found.uid {
        let _ = writeln!(text, "    identity: {{ AUTOPILOT_VERSION.uid: {uid:#x} }}");
    }
    text.push_str("    heartbeat: { send: HEARTBEAT, every: 1 s }\n    signals:\n");
    let heard = |message: &str| found.messages.iter().any(|name| name == message);
    // A vehicle that says little unasked tells more when it is asked for: then all of them are taken.
    let chatty = MAVLINK_SIGNALS.iter().any(|(message, _)| *message != "HEARTBEAT" && heard(message));
    for (_, line) in MAVLINK_SIGNALS.iter().filter(|(message, _)| !chatty || heard(message)) {
        let _ = writeln!(text, "      {line}");
    }
    text.push_str(
        "    # What is missing for a run: `commands`, `safe`, a `ladder`, a `dead_man`, and an `envelope` file beside this one.\n\
         \x20   # docs/files.md has every key, rigs/drone-bench is a whole example. Check it with `checkrein check`.\n",
    );
    text
}

/// The file that is not written yet, before the disk.
struct Made {
    path: String,
    text: String,
}

impl Files for Made {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        if path == self.path { Ok(self.text.clone().into_bytes()) } else { Disk.read(path) }
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
