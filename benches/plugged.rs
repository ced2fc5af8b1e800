//! From plugging a known device in to a green doctor, by process: the port's stable name appears, `rigs doctor RIG` is started, and
//! it ends with 0.
//!
//! `cargo bench --bench plugged [-- TIMES]`. The device is the twin of a shipped rig behind a pseudo-terminal, as `sim` starts it;
//! the rig is the shipped one with this device alone, on the stable name, and without what could move it. What the kernel and udev take
//! to make a port of a plug is not in it. Beside each: the slowest `every` of its signals, of which the doctor wants two samples
//! (three of those that come faster than every 400 ms).

mod support;

use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::percentile;

/// Machines of the shipped rigs that are on a serial link.
const DEVICES: [(&str, &str); 6] = [
    ("drone-bench", "fc"),
    ("car-bench", "car"),
    ("robot-cell", "cell"),
    ("robot-cell", "arm"),
    ("junction", "monitor"),
    ("building-floor", "ahu"),
];
/// What of a device says how it is looked at.
const KEPT: [&str; 5] = ["link", "protocol", "identity", "poll", "signals"];

fn main() {
    let times = support::count(20);
    println!("{}", support::machine());
    println!("{:26} {:>9} {:>9} {:>9} {:>9}   slowest every", "plugged in to green, ms", "times", "p50", "p90", "max");
    for (rig, device) in DEVICES {
        let place = tempfile::tempdir().expect("a folder");
        let (mut twins, port) = twin(rig, device);
        let name = place.path().join(format!("usb-{device}-if00"));
        let (file, slowest) = alone(rig, device, &name, place.path());
        let mut took: Vec<Duration> = (0..times).map(|_| plugged(&port, &name, &file, place.path())).collect();
        took.sort();
        println!(
            "{:26} {times:>9} {:>9.0} {:>9.0} {:>9.0}   {slowest}",
            format!("{rig} {device}"),
            percentile(&took, 0.5) / 1e3,
            percentile(&took, 0.9) / 1e3,
            percentile(&took, 1.0) / 1e3,
        );
        rustix::process::kill_process(rustix::process::Pid::from_child(&twins), rustix::process::Signal::INT)
            .expect("it is our child");
        twins.wait().expect("it is our child");
    }
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_checkrein"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null()).stderr(Stdio::null());
    command
}

/// The twins of a rig, and the port behind which the device is.
fn twin(rig: &str, device: &str) -> (Child, String) {
    let mut child = program()
        .args(["sim", rig, "--only", device, "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut line = String::new();
    let out = child.stdout.take().expect("it is a pipe");
    BufReader::new(out).read_line(&mut line).expect("it says one line");
    let told: serde_json::Value = serde_json::from_str(&line).expect("the line is JSON");
    let links = told["links"].as_array().expect("there are links");
    let has =
        |link: &&serde_json::Value| link["devices"].as_array().is_some_and(|all| all.iter().any(|one| one == device));
    let port = links.iter().find(has).and_then(|link| link["serial"].as_str()).expect("its link is serial");
    (child, port.to_owned())
}

/// One plug: the name appears, the doctor is green, the name goes.
fn plugged(port: &str, name: &Path, rig: &Path, place: &Path) -> Duration {
    let begun = Instant::now();
    symlink(port, name).expect("the folder is ours");
    let out = program()
        .args(["rigs", "doctor"])
        .arg(rig)
        .env("CHECKREIN_STATE", place.join("state"))
        .stdout(Stdio::piped())
        .output()
        .expect("the program starts");
    let took = begun.elapsed();
    assert!(out.status.success(), "the doctor is not green:\n{}", String::from_utf8_lossy(&out.stdout));
    std::fs::remove_file(name).expect("it was there");
    took
}

/// The lines under each key at this depth, the key's own line first.
fn blocks(lines: &[String], indent: usize) -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for line in lines {
        let depth = line.len() - line.trim_start().len();
        let text = line.trim_start();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        if depth == indent {
            let key = text.split(':').next().unwrap_or_default().to_owned();
            found.push((key, vec![line.clone()]));
        } else if let Some((_, block)) = found.last_mut() {
            block.push(line.clone());
        }
    }
    found
}

/// The shipped rig with one device on that port, to be looked at; and the slowest `every` in it.
fn alone(rig: &str, device: &str, port: &Path, place: &Path) -> (PathBuf, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rigs").join(rig);
    let text = std::fs::read_to_string(folder.join("rig.yaml")).expect("the shipped rig");
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let top = blocks(&lines, 0);
    let block = |key: &str| &top.iter().find(|(name, _)| name == key).expect("every rig has it").1;
    let devices = blocks(&block("devices")[1..], 2);
    let (_, whole) = devices.into_iter().find(|(name, _)| name == device).expect("the rig has it");
    let keys = blocks(&whole[1..], 4);
    let kept: Vec<String> =
        keys.into_iter().filter(|(key, _)| KEPT.contains(&key.as_str())).flat_map(|(_, lines)| lines).collect();
    let link = kept.iter().find_map(|line| line.trim().strip_prefix("link: ")).expect("it has a link").to_owned();
    let links = blocks(&block("links")[1..], 2);
    let (_, own) = links.into_iter().find(|(name, _)| *name == link).expect("the rig has it");
    let made = format!(
        "rig: {rig}\nabout: {device} alone\nlinks:\n{}\ndevices:\n  {device}:\n{}\n",
        own.join("\n"),
        kept.join("\n")
    );
    let outside = format!("{}/", env!("CARGO_MANIFEST_DIR"));
    let made = made.replace("serial: twin", &format!("serial: {}", port.display())).replace("../../", &outside);
    for entry in std::fs::read_dir(&folder).expect("the shipped rig").flatten() {
        if entry.path().extension().is_some_and(|kind| kind == "dbc") {
            std::fs::copy(entry.path(), place.join(entry.file_name())).expect("a file");
        }
    }
    let file = place.join("rig.yaml");
    std::fs::write(&file, &made).expect("a file");
    let periods = made.split("every: ").skip(1).filter_map(|rest| {
        let period = rest.split([',', ' ', '}']).next()?;
        let unit = rest[period.len()..].split_whitespace().next()?.trim_end_matches(',');
        let millis = period.parse::<f64>().ok()? * if unit == "s" { 1e3 } else { 1.0 };
        Some(millis)
    });
    (file, format!("{} ms", periods.fold(0.0, f64::max)))
}
