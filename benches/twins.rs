//! How much faster than time the twins of each rig are, alone and in whole runs, and what they cost live.
//!
//! `cargo bench --bench twins`: per rig, 60 s of its twins, their world and the codecs of its links, by themselves; the
//! rig's nominal scenario in virtual time; and the same on wires (40 s at most), where the processes of the twins are asked how much
//! of a core they used. The nominal scenario is the one that the rig's page calls so.

#[path = "../tests/common/mod.rs"]
mod common;
mod support;

use checkrein::codec::{Codec, Turn, build};
use checkrein::run::{Effects, Input};
use checkrein::time::{Span, Time};
use checkrein::r#virtual::{Options, Sink, drive};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// USER_HZ, in which `/proc` counts: 100 on every computer that Linux runs a rig on (proc(5)).
const TICKS_PER_SECOND: f64 = 100.0;
/// Seconds of the twins' own time.
const ALONE_S: i64 = 60;
/// A scenario that lasts longer live is stopped by then, as a person would.
const LIVE_MOST: Duration = Duration::from_secs(40);

fn main() {
    println!("{}", support::machine());
    println!("rig                 twins alone    whole run       live, of a core");
    let pages = common::told_scenarios();
    for rig in common::folders("rigs") {
        let nominal = pages.iter().find(|[of, _, _, why]| *of == rig && why.contains("nominal"));
        let Some([_, name, ..]) = nominal else { continue };
        let scenario = format!("scenarios/{rig}/{name}.yaml");
        println!("{rig:18} {:10.0} x {:10.0} x   {}", alone(&scenario), whole(&scenario), live(&scenario));
    }
}

/// How many times faster than time the bench goes with the codecs of its links alone: they open, ask and listen, and order nothing.
fn alone(scenario: &str) -> f64 {
    let plan = common::plan(scenario, 1);
    let mut bench = common::bench(&plan);
    let hosts = plan.rig.links.iter().map(|link| build(&link.codec).unwrap_or_else(|problems| panic!("{problems:?}")));
    let mut hosts: Vec<Box<dyn Codec>> = hosts.collect();
    let end = Time::ZERO + Span::from_secs(ALONE_S);
    let (mut now, mut said, mut turn, mut bytes) = (Time::ZERO, Vec::new(), Turn::default(), 0);
    let begun = Instant::now();
    while now < end {
        for host in &mut hosts {
            if host.next_deadline().is_some_and(|due| due <= now) {
                host.tick(now, &mut turn);
            }
        }
        for (_, frame) in turn.sends.drain(..) {
            bench.receive(now, &frame, &mut said);
        }
        bench.tick(now, &mut said);
        for frame in said.drain(..) {
            bytes += frame.bytes.len();
            hosts[usize::from(frame.link.0)].feed(now, &frame, &mut turn);
        }
        let sends = std::mem::take(&mut turn.sends);
        turn.clear();
        turn.sends = sends;
        let dues = hosts.iter().filter_map(|host| host.next_deadline()).chain(bench.next_deadline());
        now = dues.min().map_or(end, |due| due.max(now + Span::from_nanos(1)));
    }
    let took = begun.elapsed();
    assert!(bytes > 0, "{scenario}: twins say something");
    ALONE_S as f64 / took.as_secs_f64()
}

#[derive(Default)]
struct Ends(Time);

impl Sink for Ends {
    fn input(&mut self, _input: &Input) {}
    fn effects(&mut self, at: Time, _effects: &Effects) {
        self.0 = at;
    }
}

/// The same of a whole run: twins, codecs, rules, guard and script.
fn whole(scenario: &str) -> f64 {
    let plan = common::plan(scenario, 1);
    let bench = common::bench(&plan);
    let mut ends = Ends::default();
    let begun = Instant::now();
    drive(plan, bench, &Options::default(), &mut ends).expect("a run ends by itself");
    ends.0.since(Time::ZERO).seconds() / begun.elapsed().as_secs_f64()
}

/// The share of a core that each of the twins' processes used in a run on wires.
fn live(scenario: &str) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut harness = Command::new(env!("CARGO_BIN_EXE_checkrein"))
        .args(["run", scenario, "--sim", "--no-plots", "--runs"])
        .arg(folder.path().join("runs"))
        .env("CHECKREIN_STATE", folder.path().join("state"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .current_dir(common::root())
        .spawn()
        .expect("the program starts");
    let begun = Instant::now();
    let mut used: Vec<(u32, f64, f64)> = Vec::new();
    let mut stopped = false;
    let ended = loop {
        for (pid, seconds) in twins_of(harness.id()) {
            let elapsed = begun.elapsed().as_secs_f64();
            match used.iter_mut().find(|(known, ..)| *known == pid) {
                Some(twin) => (twin.1, twin.2) = (seconds, elapsed),
                None => used.push((pid, seconds, elapsed)),
            }
        }
        if let Some(status) = harness.try_wait().expect("it is our child") {
            break status;
        }
        if !stopped && begun.elapsed() > LIVE_MOST {
            stopped = true;
            Command::new("kill").args(["-INT", &harness.id().to_string()]).status().expect("there is a kill");
        }
        // How often is looked changes nothing of what is measured.
        std::thread::sleep(Duration::from_millis(100));
    };
    let shares: Vec<String> = used.iter().map(|(_, cpu, lived)| format!("{:.1} %", cpu / lived * 100.0)).collect();
    match ended.code() {
        Some(0) => shares.join(", "),
        _ if stopped => shares.join(", "),
        other => format!("{} (the run ended with {other:?})", shares.join(", ")),
    }
}

/// The processes of twins below this one, with the seconds of processor time that each has used.
fn twins_of(harness: u32) -> Vec<(u32, f64)> {
    let read = |path: String| std::fs::read_to_string(path).unwrap_or_default();
    let tasks = std::fs::read_dir(format!("/proc/{harness}/task")).map(|tasks| tasks.flatten().collect::<Vec<_>>());
    let children = tasks.unwrap_or_default().into_iter().map(|task| {
        let path = task.path().join("children").display().to_string();
        read(path).split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()).collect::<Vec<_>>()
    });
    let twins = children.flatten().filter(|pid| {
        let line = read(format!("/proc/{pid}/cmdline"));
        line.split('\0').skip(1).take(2).eq(["child", "twins"])
    });
    twins
        .filter_map(|pid| {
            let stat = read(format!("/proc/{pid}/stat"));
            // The name is in parentheses and may hold spaces; user and system time are the 14th and 15th field.
            let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
            let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
            Some((pid, ticks / TICKS_PER_SECOND))
        })
        .collect()
}
