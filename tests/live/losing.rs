//! Something is lost mid-run: the port, the twin, the broker, the disk, or the sense of the bytes.

use super::board::Board;
use super::process::{Running, await_end, program, run};
use super::stand::{Stand, replays};
use rustix::process::{Signal, kill_process};
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn nonsense_on_the_wire_is_counted_and_the_run_is_judged_all_the_same() {
    let board = Board::new();
    let stand = Stand::on(&board.path);
    board.state().nonsense = 37;
    stand.run("hop.yaml", &[]).with(0).says("bytes of noise").says("PASS");
    replays(&stand.only_run());
}

#[test]
fn nonsense_of_a_twin_is_counted_and_recorded() {
    let stand = Stand::on("twin");
    let scenario = std::fs::read_to_string(stand.file("hop.yaml")).expect("the fixture is there");
    let scenario = scenario.replace(
        "  - hold: $held\n",
        "  - inject: { fault: garbage, on: fc, rate: 2000 B/s, for: 200 ms }\n  - hold: $held\n",
    );
    stand.write("noisy.yaml", scenario);
    stand.run("noisy.yaml", &[]).with(0).says("bytes of noise").says("PASS");
    replays(&stand.only_run());
}

#[test]
fn a_port_that_is_unplugged_raises_the_alarm_and_ends() {
    let mut board = Board::new();
    let stand = Stand::with(&board.path, "300 ms");
    let mut running = stand.start("hop.yaml", &["--set", "held=10min", "--set", "down=500ms"]);
    running.until("> hold");
    board.unplug();
    running.end().with(2).says("was unplugged").says("TRIP").says("ALARM").says("INCONCLUSIVE");
    replays(&stand.only_run());
}

#[test]
fn a_twin_that_is_killed_raises_the_alarm_and_ends() {
    let stand = Stand::with("twin", "300 ms");
    let mut running = stand.start("hop.yaml", &["--set", "held=10min", "--set", "down=500ms"]);
    running.until("> hold");
    let twins = running.children("child twins");
    assert_eq!(twins.len(), 1);
    kill_process(twins[0], Signal::KILL).expect("it is there");
    running.end().with(2).says("was unplugged").says("TRIP").says("ALARM").says("INCONCLUSIVE");
    replays(&stand.only_run());
}

/// The shipped rig and its twins, broker and all, in a scenario of the test's own.
fn drone(stand: &Stand) -> Running {
    let scenario = "\
scenario: Wait on the ground
rig: drone-bench
about: The machine is armed and stays where it is.
exercises: [ceiling]
steps:
  - do: fc.guided
    within: 5 s
  - do: fc.arm
    within: 5 s
  - do: pilot.fly_to
    with: { x: 0 m, y: 0 m, z: 0 m }
  - hold: 10 min
";
    stand.write("wait.yaml", scenario);
    let mut arguments = stand.arguments("wait.yaml", &[]);
    let rig = arguments.iter().position(|word| word == "--rig").expect("it is always given") + 1;
    arguments[rig] = "rigs/drone-bench/rig.yaml".into();
    Running::start(&mut program(arguments))
}

#[test]
fn a_broker_that_is_killed_trips_and_the_machine_is_made_safe() {
    let stand = Stand::on("twin");
    let mut running = drone(&stand);
    running.until("> hold");
    let brokers = running.children("child broker");
    assert_eq!(brokers.len(), 1);
    kill_process(brokers[0], Signal::KILL).expect("it is there");
    running.end().with(2).says("link local is lost").says("TRIP").says("device fc is confirmed safe");
    replays(&stand.only_run());
}

#[test]
fn nothing_is_left_running_after_a_killed_harness() {
    let stand = Stand::on("twin");
    let mut running = drone(&stand);
    running.until("> hold");
    let all = running.children("child");
    assert!(all.len() >= 4, "broker, two twins, a watchdog: {all:?}");
    running.signal(Signal::KILL);
    assert_eq!(running.end().code, None);
    for pid in all {
        await_end(pid);
    }
    replays(&stand.only_run());
}

#[test]
fn nothing_is_left_running_after_a_run() {
    let stand = Stand::on("twin");
    let mut running = stand.start("hop.yaml", &[]);
    running.until("> hold");
    let all = running.children("child");
    assert_eq!(all.len(), 2, "a twin and a watchdog: {all:?}");
    running.end().with(0);
    for pid in all {
        assert!(!Path::new(&format!("/proc/{}", pid.as_raw_nonzero())).exists(), "{pid:?} is still there");
    }
}

#[test]
fn a_recording_that_cannot_grow_trips_and_what_was_flushed_is_kept() {
    let board = Board::new();
    let stand = Stand::on(&board.path);
    // Much of everything, so that the limit comes soon.
    board.state().nonsense = 700;
    let arguments = stand.arguments("hop.yaml", &["--set", "held=10min"]).join(" ");
    // A limit on the size of files needs no rights, and looks like a full disk to the recorder. Blocks of 512 bytes.
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("trap '' XFSZ; ulimit -f 600; exec {} {arguments}", super::process::PROGRAM));
    shell.env("CHECKREIN_STATE", stand.state());
    shell.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    shell.env("CHECKREIN_STATE", stand.state());
    let ended = Running::start(&mut shell).end().with(2);
    ended.says("larger than a file may be").says("TRIP").says("confirmed safe").says("INCONCLUSIVE");
    assert!(board.state().was_told_to_land() && !board.state().armed);
    assert!(replays(&stand.only_run()).contains("not whole"));
}

/// A disk of 1 MiB in memory; `None` where this user may not mount one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: PathBuf) -> Option<SmallDisk> {
        std::fs::create_dir(&at).expect("the folder is new");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(&at).output();
        mounted.is_ok_and(|done| done.status.success()).then_some(SmallDisk(at))
    }
    /// Leaves no byte of room.
    fn fill(&self) {
        let mut filler = std::fs::File::create(self.0.join("filler")).expect("there is room for a name");
        let mut piece = 64 * 1024;
        while piece > 0 {
            match std::io::Write::write(&mut filler, &vec![0; piece]) {
                Ok(_) => (),
                Err(_) => piece /= 2,
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_disk_that_fills_up_mid_run_trips_and_one_that_is_full_refuses() {
    let board = Board::new();
    let stand = Stand::on(&board.path);
    let Some(disk) = SmallDisk::mount(stand.runs()) else {
        eprintln!("skipped: this user may not mount a disk; the test beside this one fills a file instead");
        return;
    };
    let mut running = stand.start("hop.yaml", &["--set", "held=10min"]);
    running.until("> hold");
    disk.fill();
    let ended = running.end().with(2);
    ended.says("the disk is full").says("TRIP").says("confirmed safe").says("INCONCLUSIVE");
    assert!(board.state().was_told_to_land() && !board.state().armed);
    let runs: Vec<PathBuf> =
        std::fs::read_dir(stand.runs()).expect("it is mounted").map(|e| e.expect("it can be listed").path()).collect();
    let folder = runs.iter().find(|path| path.is_dir()).expect("the run is there");
    assert!(replays(folder).contains("not whole"));
    let heard = board.state().heard.len();
    stand.rigs(&["reset", "stand", "--by", "Ada"]).with(0);
    stand.run("hop.yaml", &[]).with(64).says("nothing was opened");
    assert_eq!(board.state().heard.len(), heard);
    let folders =
        std::fs::read_dir(stand.runs()).expect("it is mounted").filter(|e| e.as_ref().is_ok_and(|e| e.path().is_dir()));
    assert_eq!(folders.count(), 1, "no run, no folder");
    run(["replay", "/nonexistent"]).with(64).says("/nonexistent");
}
