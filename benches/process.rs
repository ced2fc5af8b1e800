//! The whole program from outside: process start → first byte on the wire, and its share of a core in the nominal run.
//!
//! `cargo bench --bench process [-- STARTS]`. Startup on a port of one's own: the shipped drone rig with the path of a
//! pseudo-terminal in place of `twin`; the far end waits for the first byte. Startup on twins: the first frame in the
//! recording, by its wall-clock time. Share: processor time of the harness process alone (its children, the twins and the
//! broker, are not counted) while the shipped scenario flies, from the third second on, from `/proc`.

mod support;

use checkrein::io::pty::Pty;
use checkrein::log::{Entry, open};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use support::percentile;

/// How long the nominal run is let alone before its share is taken, and how long it is watched.
const SETTLE: Duration = Duration::from_secs(3);
const WATCH: Duration = Duration::from_secs(10);

fn main() {
    let starts = support::count(30);
    println!("{}", support::machine());
    let place = tempfile::tempdir().expect("a folder");
    println!("process start to first byte, ms   p50       max");
    show("on an open port", (0..starts).map(|n| on_a_port(place.path(), n)).collect());
    show("on twins", (0..starts).map(|n| on_twins(place.path(), n)).collect());
    let (share, threads) = share(place.path());
    println!("share of one core in the nominal run: {:.2} %", share * 100.0);
    for (name, part) in threads {
        println!("  {name:20} {:.2} %", part * 100.0);
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// Starts a run; the recording goes to `runs`.
fn start(scenario: &Path, rig: Option<&Path>, runs: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_checkrein"));
    command.arg("run").arg(scenario).arg("--no-plots").arg("--runs").arg(runs);
    if let Some(rig) = rig {
        command.arg("--rig").arg(rig);
    } else {
        command.arg("--sim");
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts")
}

fn on_a_port(place: &Path, n: usize) -> Duration {
    let wire = Pty::open().expect("a pseudo-terminal");
    let folder = place.join(format!("rig{n}"));
    std::fs::create_dir(&folder).expect("a folder");
    let text = std::fs::read_to_string(root().join("rigs/drone-bench/rig.yaml")).expect("the shipped rig");
    let here = text.replace("serial: twin", &format!("serial: {}", wire.path));
    assert_ne!(here, text, "the rig has a serial link to a twin");
    std::fs::write(folder.join("rig.yaml"), here).expect("a file");
    std::fs::copy(root().join("rigs/drone-bench/envelope.yaml"), folder.join("envelope.yaml")).expect("a file");
    let begun = Instant::now();
    let scenario = root().join("scenarios/drone-bench/hover-and-land.yaml");
    let mut child = start(&scenario, Some(&folder.join("rig.yaml")), &place.join("port"));
    let timeout = Timespec { tv_sec: 10, tv_nsec: 0 };
    let mut ready = [PollFd::new(&wire.master, PollFlags::IN)];
    assert_eq!(poll(&mut ready, Some(&timeout)).expect("poll"), 1, "no byte came");
    let took = begun.elapsed();
    end(&mut child);
    took
}

fn on_twins(place: &Path, n: usize) -> Duration {
    let runs = place.join(format!("twins{n}"));
    let begun = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let scenario = root().join("scenarios/drone-bench/hover-and-land.yaml");
    let mut child = start(&scenario, None, &runs);
    // What was sent is in the file after the next flush; a cut recording opens all the same.
    let first = loop {
        std::thread::sleep(Duration::from_millis(50));
        if let Some(first) = first_sent(&runs) {
            break first;
        }
        assert!(child.try_wait().expect("our child").is_none(), "the run ended before it sent anything");
    };
    end(&mut child);
    first - begun
}

/// The wall-clock time of the first frame that was sent, since 1970.
fn first_sent(runs: &Path) -> Option<Duration> {
    let run = std::fs::read_dir(runs).ok()?.next()?.ok()?.path();
    let recording = open(&std::fs::read(run.join("recording.mcap")).ok()?).ok()?;
    let start = recording.head.wall_clock_unix_nanos;
    let sent = |entry: &Entry| match entry {
        Entry::Sent { at, .. } => Some(Duration::from_nanos((start + at.nanos()) as u64)),
        _ => None,
    };
    recording.entries.iter().find_map(sent)
}

/// Ends a run that has served its purpose. Its twins follow by themselves.
fn end(child: &mut Child) {
    child.kill().expect("our child");
    child.wait().expect("our child");
}

/// The share of the process, and of each of its threads.
fn share(place: &Path) -> (f64, Vec<(String, f64)>) {
    let scenario = root().join("scenarios/drone-bench/hover-and-land.yaml");
    let mut child = start(&scenario, None, &place.join("share"));
    std::thread::sleep(SETTLE);
    let before = times(child.id());
    std::thread::sleep(WATCH);
    let after = times(child.id());
    assert!(child.try_wait().expect("our child").is_none(), "the run is longer than it is watched");
    end(&mut child);
    let mut all = 0.0;
    let mut threads = Vec::new();
    for (id, name, time) in after {
        let earlier = before.iter().find(|(other, ..)| *other == id).map_or(0.0, |(.., time)| *time);
        let part = (time - earlier) / WATCH.as_secs_f64();
        all += part;
        threads.push((name, part));
    }
    threads.sort_by(|a, b| b.1.total_cmp(&a.1));
    (all, threads)
}

/// Thread id, name and processor seconds of every thread, to the nanosecond as the scheduler counts them.
fn times(process: u32) -> Vec<(String, String, f64)> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).expect("the run lives");
    let one = |task: std::io::Result<std::fs::DirEntry>| {
        let path = task.ok()?.path();
        let name = std::fs::read_to_string(path.join("comm")).ok()?.trim().to_owned();
        // The first number is the time on a processor in nanoseconds.
        let stat = std::fs::read_to_string(path.join("schedstat")).ok()?;
        let nanos: f64 = stat.split_whitespace().next()?.parse().ok()?;
        Some((path.file_name()?.to_string_lossy().into_owned(), name, nanos / 1e9))
    };
    tasks.filter_map(one).collect()
}

fn show(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let [p50, max] = [0.5, 1.0].map(|share| percentile(&times, share) / 1e3);
    println!("{name:26} {p50:10.1} {max:9.1}");
}
