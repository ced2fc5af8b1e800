//! The harness dies or breaks in every way that a process can, with a machine in the air: the watchdog lands it.

use super::board::Board;
use super::cell::Cell;
use super::process::{Running, await_end, program};
use super::stand::{Stand, replays};
use rustix::process::{Pid, Signal};
use std::path::PathBuf;

/// A harness that breaks in this way when the machine hovers.
fn breaking(stand: &Stand, how: &str) -> Running {
    let arguments = stand.arguments("hop.yaml", &["--set", "held=10min"]);
    let mut command = program(arguments);
    command.env("CHECKREIN_STATE", stand.state()).env("CHECKREIN_TEST_BREAK", format!("{how}:hold"));
    Running::start(&mut command)
}

/// The machine flew, nobody but the watchdog could land it, and it is down.
fn is_landed_by_the_watchdog(board: &Board) {
    board.until("the flight", |state| state.was_told_to_arm());
    board.until("the landing", |state| state.was_told_to_land() && !state.armed);
    assert!(!board.state().was_told_to_terminate(), "not a blind rung");
}

#[test]
fn a_harness_that_aborts_leaves_a_safe_machine() {
    let board = Board::new();
    let stand = Stand::on(&board.path);
    let running = breaking(&stand, "abort");
    is_landed_by_the_watchdog(&board);
    assert_eq!(running.end().code, None, "it died of a signal");
    assert!(replays(&stand.only_run()).contains("not whole"));
}

#[test]
fn a_harness_whose_run_breaks_leaves_a_safe_machine_and_says_what_to_do() {
    let board = Board::new();
    let stand = Stand::on(&board.path);
    let running = breaking(&stand, "panic");
    is_landed_by_the_watchdog(&board);
    let ended = running.end().with(2);
    ended.says("INCONCLUSIVE").says("stopped through a bug of its own").says("nobody saw it: look at them");
    // Where the bug is.
    ended.says("a test asked for it").says("breakable.rs");
    assert_eq!(stand.verdict()["verdict"], "inconclusive");
    replays(&stand.only_run());
}

#[test]
fn a_harness_whose_run_stands_still_leaves_a_safe_machine() {
    let board = Board::new();
    let stand = Stand::on(&board.path);
    let running = breaking(&stand, "hang");
    is_landed_by_the_watchdog(&board);
    // All other threads live on, and nobody can ask the run to end any more.
    running.signal(Signal::KILL);
    assert_eq!(running.end().code, None);
}

#[test]
fn a_run_that_breaks_leaves_the_broker_to_its_machines() {
    for how in ["panic", "hang"] {
        let mut cell = Cell::broken(5, &["--set", "held=10min"], &format!("{how}:hold"));
        // With the run's thread alone at a stand, the connections live on, and no will would ever go out.
        cell.until("the watchdog", |state| state.is_safe() && state.times("arm/stop") > 2);
        let running = cell.running.take().expect("it runs");
        if how == "panic" {
            running.end().with(2).says("stopped through a bug of its own");
        } else {
            running.signal(Signal::KILL);
        }
    }
}

/// A group of processes whose memory can be taken away; `None` where this user may make none. Both versions of control
/// groups are tried, since machines have either.
struct MemoryGroup {
    folder: PathBuf,
    limit: &'static str,
}

impl MemoryGroup {
    fn new() -> Option<MemoryGroup> {
        let name = format!("checkrein-test-{}", std::process::id());
        let all = [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")];
        all.into_iter().find_map(|(root, limit)| {
            let folder = PathBuf::from(root).join(&name);
            std::fs::create_dir(&folder).ok()?;
            let group = MemoryGroup { folder, limit };
            // Without a limit to write it is a folder and no group of memory, and leaves again.
            group.folder.join(limit).exists().then_some(group)
        })
    }
    /// Takes memory away until the kernel has killed the process for want of it.
    fn squeeze(&self, running: &Running) {
        let end = rustix::process::pidfd_open(running.pid(), rustix::process::PidfdFlags::empty()).expect("it runs");
        let soon = rustix::event::Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
        let begun = std::time::Instant::now();
        // Version 2 kills at once to bring the group under the limit; version 1 refuses a limit that it cannot reach, and
        // kills when the process asks for more beyond one that it took. So the limit follows the use down.
        while begun.elapsed() < super::process::PATIENCE {
            let used = ["memory.usage_in_bytes", "memory.current"]
                .iter()
                .find_map(|name| std::fs::read_to_string(self.folder.join(name)).ok())
                .and_then(|text| text.trim().parse::<u64>().ok())
                .expect("a group tells what it uses");
            let wanted = if self.limit == "memory.max" { 1 << 20 } else { used.saturating_sub(1 << 16) };
            let _ = std::fs::write(self.folder.join(self.limit), wanted.to_string());
            let mut ready = [rustix::event::PollFd::new(&end, rustix::event::PollFlags::IN)];
            if rustix::event::poll(&mut ready, Some(&soon)) == Ok(1) {
                return;
            }
        }
        panic!("the kernel did not kill it");
    }
    fn holds(&self, pid: Pid) -> bool {
        let held = std::fs::read_to_string(self.folder.join("cgroup.procs")).unwrap_or_default();
        held.lines().any(|line| line == pid.as_raw_nonzero().to_string())
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.folder);
    }
}

#[test]
fn a_harness_that_is_killed_for_want_of_memory_leaves_a_safe_machine() {
    let Some(group) = MemoryGroup::new() else {
        eprintln!("skipped: this user may make no memory group; a kill by hand is tested elsewhere");
        return;
    };
    let board = Board::new();
    let stand = Stand::on(&board.path);
    let arguments = stand.arguments("hop.yaml", &["--set", "held=10min"]);
    let mut shell = std::process::Command::new("sh");
    // The harness and its watchdog are both born in the group, and it is the kernel that chooses between them.
    let enter = format!("echo $$ > {}/cgroup.procs && exec \"$0\" \"$@\"", group.folder.display());
    shell.arg("-c").arg(enter).arg(super::process::PROGRAM).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    shell.env("CHECKREIN_STATE", stand.state());
    shell.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    shell.env("CHECKREIN_STATE", stand.state());
    let mut running = Running::start(&mut shell);
    running.until("> hold");
    let watchdogs = running.children("child watchdog");
    assert!(watchdogs.iter().all(|pid| group.holds(*pid)) && group.holds(running.pid()));
    group.squeeze(&running);
    is_landed_by_the_watchdog(&board);
    assert_eq!(running.end().code, None, "the kernel killed it");
    drop(board);
    watchdogs.into_iter().for_each(await_end);
}

#[test]
fn the_next_run_waits_for_a_watchdog_that_holds_the_port_and_says_so() {
    let board = Board::new();
    let stand = Stand::on(&board.path);
    let mut first = stand.start("hop.yaml", &["--set", "held=10min"]);
    first.until("> hold");
    let watchdogs = first.children("child watchdog");
    first.signal(Signal::KILL);
    board.until("the watchdog's order", |state| state.was_told_to_land());
    let second = Stand::on(&board.path);
    let mut next = second.start("hop.yaml", &[]);
    let words = next.until_aside("still held by the watchdog of an earlier run");
    assert!(words.contains(&board.path) && words.contains("making the machine safe"), "{words}");
    next.end().with(0).says("PASS");
    watchdogs.into_iter().for_each(await_end);
}
