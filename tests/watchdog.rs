//! Kill the harness, hang it, break it: the safe frame arrives.

use checkrein::io::clock::Clock;
use checkrein::io::host::{Fold, Setup, Table, run};
use checkrein::io::line::SerialLink;
use checkrein::io::pty::Pty;
use checkrein::io::queue::queue;
use checkrein::io::recorder::{self, Batch, Sink};
use checkrein::io::serial::Port;
use checkrein::io::watchdog::{self, BlindFrame, BlindLadder, BlindRung, Watchdog};
use checkrein::rig::{Flow, Parity, PortName, SerialDef};
use checkrein::run::{Effect, Effects, Input, LinkState, Outcome, RecorderState, RunVerdict, SendId};
use checkrein::time::{Span, Time};
use checkrein::wire::{Frame, Lane, LinkId};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, kill_process};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::runtime::Runtime;

const PROGRAM: &str = env!("CARGO_BIN_EXE_checkrein");
/// Names the port to the process that the tests kill.
const PORT: &str = "CHECKREIN_TEST_PORT";
/// Where it is set, that process has a recorder whose disk never answers.
const DEAD_DISK: &str = "CHECKREIN_TEST_DEAD_DISK";
const SAFE: &[u8] = b"\0LAND";

fn def(path: &str) -> SerialDef {
    let port = PortName::Path(path.into());
    SerialDef { port, baud: 115_200, parity: Parity::None, flow: Flow::None, stop_bits: 1 }
}

fn rung(word: &[u8], within_ms: u64) -> BlindRung {
    BlindRung { frames: vec![BlindFrame { topic: None, qos: 0, bytes: word.to_vec() }], within_ms }
}

fn ladder(device: &str, starts_ms: u64, rungs: Vec<BlindRung>) -> BlindLadder {
    BlindLadder { device: device.into(), starts_ms, rungs }
}

fn one_rung(silence: Duration) -> watchdog::Setup {
    watchdog::Setup::new(silence, vec![ladder("fc", 0, vec![rung(SAFE, 1000)])])
}

/// A run that says `alive` when its link is up, `told` when its watchdog fired, and does what the device says.
struct Harness;

impl Fold for Harness {
    fn handle(&mut self, input: &Input, out: &mut Effects) {
        let word: &[u8] = match input {
            Input::Link { state: LinkState::Up, .. } => b"alive",
            Input::Watchdog { fired: true, .. } => b"told",
            Input::Watchdog { fired: false, .. } => b"gone",
            Input::Recorder { state: RecorderState::Dead(_), .. } => b"unrecorded",
            Input::Bytes { frame, .. } if frame.bytes == b"panic" => panic!("the test asked for it"),
            Input::Bytes { frame, .. } if frame.bytes == b"end" => {
                let outcome = Outcome { verdict: RunVerdict::Pass, reasons: Vec::new() };
                out.list.push(Effect::Finish(outcome));
                return;
            }
            _ => return,
        };
        out.list.push(Effect::Send { id: SendId(0), lane: Lane::Query, frame: Frame::serial(LinkId(0), word) });
    }
    fn next_deadline(&self) -> Option<Time> {
        None
    }
}

/// A disk that hangs at the first write, for ever.
struct DeadDisk;

impl Sink for DeadDisk {
    fn write(&mut self, _batch: &Batch) -> std::io::Result<()> {
        loop {
            std::thread::park();
        }
    }
    fn flush(&mut self, _durable: bool) -> std::io::Result<()> {
        Ok(())
    }
    fn finish(self: Box<Self>) -> std::io::Result<()> {
        Ok(())
    }
}

/// No test of its own: the process that the tests below start and kill. Started by the test runner it does nothing.
#[test]
fn harness_process() {
    let Ok(path) = std::env::var(PORT) else { return };
    let runtime = Runtime::new().unwrap();
    let (poster, queue) = queue(Clock::start());
    let setup = Setup {
        table: Table { rungs: Vec::new(), tightest_reaction: Span::from_millis(100) },
        serial: vec![SerialLink {
            id: LinkId(0),
            def: def(&path),
            watchdog: Some(one_rung(Duration::from_millis(300))),
        }],
        mqtt: Vec::new(),
        watchdogs: Vec::new(),
        queue,
        poster,
        recorder: std::env::var_os(DEAD_DISK).map(|_| recorder::start(Box::new(DeadDisk), || ()).unwrap()),
        feed: None,
        twins: None,
        program: PROGRAM.into(),
        runtime: runtime.handle().clone(),
        real_time: false,
    };
    run(Harness, setup).unwrap();
}

struct Victim {
    process: Child,
    pty: Pty,
    heard: Vec<u8>,
}

impl Victim {
    /// A harness process whose link is up and guarded.
    fn start() -> Victim {
        Victim::with(None)
    }
    /// Like [`Victim::start`], with this variable set.
    fn with(variable: Option<&str>) -> Victim {
        let pty = Pty::open().unwrap();
        let process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "harness_process", "--nocapture"])
            .env(PORT, &pty.path)
            .envs(variable.map(|name| (name, "1")))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut victim = Victim { process, pty, heard: Vec::new() };
        victim.read_until(b"alive");
        victim
    }
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }
    fn read_until(&mut self, wanted: &[u8]) {
        read_until(&self.pty, &mut self.heard, wanted);
    }
    /// What the device hears until nobody has the port open any more.
    fn read_to_end(mut self) -> Vec<u8> {
        self.process.wait().unwrap();
        read_to_end(self.pty, self.heard)
    }
}

fn read_until(pty: &Pty, heard: &mut Vec<u8>, wanted: &[u8]) {
    loop {
        if let Some(place) = heard.windows(wanted.len()).position(|window| window == wanted) {
            heard.drain(..place + wanted.len());
            return;
        }
        poll(&mut [PollFd::new(&pty.master, PollFlags::IN)], None).unwrap();
        let mut part = [0; 4096];
        let count = rustix::io::read(&pty.master, &mut part).unwrap();
        heard.extend_from_slice(&part[..count]);
    }
}

fn read_to_end(mut pty: Pty, mut heard: Vec<u8>) -> Vec<u8> {
    pty.release();
    loop {
        poll(&mut [PollFd::new(&pty.master, PollFlags::IN)], None).unwrap();
        let mut part = [0; 4096];
        match rustix::io::read(&pty.master, &mut part) {
            Ok(count) => heard.extend_from_slice(&part[..count]),
            Err(rustix::io::Errno::IO) => return heard,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_killed_harness_leaves_the_machine_safe() {
    let mut victim = Victim::start();
    victim.signal(Signal::KILL);
    victim.read_until(SAFE);
    // And again: one frame may be lost on the way.
    victim.read_until(SAFE);
    victim.process.wait().unwrap();
}

#[test]
fn a_frozen_harness_leaves_the_machine_safe_and_is_told_when_it_wakes() {
    let mut victim = Victim::start();
    victim.signal(Signal::STOP);
    victim.read_until(SAFE);
    victim.signal(Signal::CONT);
    victim.read_until(b"told");
    rustix::io::write(&victim.pty.master, b"end").unwrap();
    victim.read_to_end();
}

#[test]
fn a_harness_with_a_bug_leaves_the_machine_safe() {
    let mut victim = Victim::start();
    rustix::io::write(&victim.pty.master, b"panic").unwrap();
    victim.read_until(SAFE);
    victim.process.wait().unwrap();
}

#[test]
fn a_recorder_that_hangs_is_told_to_a_run_that_goes_on_and_the_watchdog_keeps_still() {
    let mut victim = Victim::with(Some(DEAD_DISK));
    victim.read_until(b"unrecorded");
    assert!(victim.heard.is_empty(), "{:?}", victim.heard);
    // The run is the master of its own ladder, and when it dies now, its watchdog is there.
    victim.signal(Signal::KILL);
    victim.read_until(SAFE);
    victim.process.wait().unwrap();
}

#[test]
fn a_run_that_ends_in_order_disarms_its_watchdog() {
    let victim = Victim::start();
    rustix::io::write(&victim.pty.master, b"end").unwrap();
    assert_eq!(victim.read_to_end(), b"", "nothing is written after the end");
}

fn guarded(pty: &Pty, setup: &watchdog::Setup) -> (Watchdog, Port, Runtime) {
    let runtime = Runtime::new().unwrap();
    let port = runtime.block_on(async { Port::open(&def(&pty.path)).unwrap() });
    let watchdog = Watchdog::start(Path::new(PROGRAM), port.duplicate().unwrap(), setup).unwrap();
    (watchdog, port, runtime)
}

#[test]
fn every_device_of_a_link_climbs_its_own_ladder() {
    // The pump comes first in the list, so that its word comes first in a round, however late that round is.
    let ladders = vec![
        ladder("pump", 30, vec![rung(b"[pump off]", 30)]),
        ladder("arm", 0, vec![rung(b"[arm hold]", 60), rung(b"[arm off]", 60)]),
        ladder("belt", 0, vec![rung(b"[belt stop]", 200)]),
    ];
    let setup = watchdog::Setup { silence_ms: 50, repeat_ms: 10, last_ms: 60, ladders };
    let pty = Pty::open().unwrap();
    let (watchdog, port, _runtime) = guarded(&pty, &setup);
    drop(watchdog);
    drop(port);
    let heard = String::from_utf8(read_to_end(pty, Vec::new())).unwrap();
    // Nobody waits for another's ladder: the first round holds both that begin at once.
    assert!(heard.starts_with("[arm hold][belt stop]"), "{heard}");
    let place = |word: &str| heard.find(word).unwrap_or_else(|| panic!("{word} in {heard}"));
    assert!(place("[pump off]") > place("[belt stop]") && place("[arm off]") > place("[pump off]"), "{heard}");
    // Each is repeated, and the first rung of the arm is no longer sent once it was passed.
    assert!(heard.matches("[belt stop]").count() > 2, "{heard}");
    assert!(heard.rfind("[arm hold]") < Some(place("[arm off]")), "{heard}");
}

#[test]
fn a_full_port_is_emptied_before_the_safe_frame() {
    let pty = Pty::open().unwrap();
    let (watchdog, mut port, _runtime) = guarded(&pty, &one_rung(Duration::from_millis(200)));
    let mut sent = 0;
    loop {
        match port.write(&[b'n'; 4096]).unwrap() {
            0 => break,
            count => sent += count,
        }
    }
    drop(watchdog);
    let mut heard = Vec::new();
    loop {
        poll(&mut [PollFd::new(&pty.master, PollFlags::IN)], None).unwrap();
        let mut part = [0; 4096];
        let count = rustix::io::read(&pty.master, &mut part).unwrap();
        heard.extend_from_slice(&part[..count]);
        if heard.windows(SAFE.len()).any(|window| window == SAFE) {
            break;
        }
    }
    assert!(heard.iter().filter(|byte| **byte == b'n').count() <= sent);
}

#[test]
fn the_end_of_a_watchdog_reaches_the_run() {
    let pty = Pty::open().unwrap();
    let (watchdog, _port, runtime) = guarded(&pty, &one_rung(Duration::from_secs(60)));
    let (poster, mut posts) = queue(Clock::start());
    runtime.spawn(watchdog::listen(watchdog.ear().unwrap(), LinkId(3), poster));
    kill_process(Pid::from_raw(watchdog.pid() as i32).unwrap(), Signal::KILL).unwrap();
    let post = posts.blocking_recv().unwrap();
    let checkrein::io::queue::Post::Input(Input::Watchdog { link, fired, .. }) = post else { panic!("{post:?}") };
    assert_eq!((link, fired), (LinkId(3), false));
    watchdog.disarm().unwrap();
}
