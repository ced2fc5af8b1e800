//! Reaction: last byte of a violating frame readable on a pseudo-terminal → first byte of the safe frame written,
//! beside the raw echo floor of the same pseudo-terminal in the same run.
//!
//! `cargo bench --bench reaction [-- TRIPS]`. A device thread plays both ends of the wire's far side: it writes a frame,
//! waits for the answer's first byte and takes the time. The floor is a bare thread that polls, reads and writes back.
//! Each trip is measured on a loop of its own state (the stand-in run forgets that it tripped), since a real trip is final.

use checkrein::guard::{LadderId, RungId};
use checkrein::io::clock::Clock;
use checkrein::io::host::{Fold, Setup, Table, spawn};
use checkrein::io::line::SerialLink;
use checkrein::io::pty::Pty;
use checkrein::io::queue::queue;
use checkrein::rig::{Flow, Parity, PortName, SerialDef};
use checkrein::run::{Effect, Effects, Input, OperatorOrder, Outcome, RunVerdict, SendId};
use checkrein::time::{Span, Time};
use checkrein::wire::{Frame, LinkId};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// Bytes of the violating frame and of the safe one: about a MAVLink 2 message each.
const FRAME: [u8; 32] = [0x55; 32];
/// Pause between two trips, so that each is met by an idle loop.
const PAUSE: Duration = Duration::from_millis(2);

/// Issues the first rung for every read: the loop alone is measured.
struct Trips {
    count: u64,
    up: std::sync::mpsc::Sender<()>,
}

impl Fold for Trips {
    fn handle(&mut self, input: &Input, out: &mut Effects) {
        match input {
            Input::Bytes { .. } => {
                self.count += 1;
                out.list.push(Effect::Rung { id: SendId(self.count), ladder: LadderId(0), rung: RungId(0) });
            }
            Input::Link { .. } => self.up.send(()).expect("the bench waits for it"),
            Input::Operator { order: OperatorOrder::Stop, .. } => {
                out.list.push(Effect::Finish(Outcome { verdict: RunVerdict::Aborted, reasons: Vec::new() }));
            }
            _ => (),
        }
    }
    fn next_deadline(&self) -> Option<Time> {
        None
    }
}

fn main() {
    let trips = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(10_000);
    let pty = Pty::open().expect("a pseudo-terminal");
    let floor = floor(&pty, trips);
    let (reaction, quality) = reaction(&pty, trips);
    println!("{trips} trips over one pseudo-terminal, {} bytes each way, microseconds", FRAME.len());
    println!("{:>10} {:>9} {:>9} {:>9}", "", "p50", "p99", "max");
    show("floor", &floor);
    show("reaction", &reaction);
    let ratio = percentile(&reaction, 0.5) / percentile(&floor, 0.5);
    println!("p50 is {ratio:.2} x the floor");
    println!("real-time priority: {}, memory locked: {}", quality.real_time, quality.memory_locked);
}

/// A bare loop on the near end: poll, read, write back.
fn floor(pty: &Pty, trips: usize) -> Vec<Duration> {
    let near = std::fs::File::options().read(true).write(true).open(&pty.path).expect("the near end");
    let echo = std::thread::spawn(move || {
        let mut part = [0; 1024];
        for _ in 0..trips {
            poll(&mut [PollFd::new(&near, PollFlags::IN)], None).expect("poll");
            let count = rustix::io::read(&near, &mut part).expect("read");
            rustix::io::write(&near, &part[..count]).expect("write");
        }
    });
    let times = measure(pty, trips);
    echo.join().expect("the echo ends");
    times
}

fn reaction(pty: &Pty, trips: usize) -> (Vec<Duration>, checkrein::io::host::Quality) {
    let beside = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let (poster, queue) = queue(Clock::start());
    let port = PortName::Path(pty.path.clone());
    let def = SerialDef { port, baud: 921_600, parity: Parity::None, flow: Flow::None, stop_bits: 1 };
    let frame = Frame::serial(LinkId(0), FRAME);
    let setup = Setup {
        table: Table { rungs: vec![vec![vec![frame]]], tightest_reaction: Span::from_millis(20) },
        serial: vec![SerialLink { id: LinkId(0), def, watchdog: None }],
        mqtt: Vec::new(),
        queue,
        poster: poster.clone(),
        recorder: None,
        feed: None,
        twins: None,
        program: "checkrein".into(),
        runtime: beside.handle().clone(),
        real_time: true,
    };
    let (up, is_up) = std::sync::mpsc::channel();
    let thread = spawn(Trips { count: 0, up }, setup).expect("the run thread");
    // Opening the port throws away what was written before.
    is_up.recv().expect("the link comes up");
    let times = measure(pty, trips);
    beside.block_on(poster.order(OperatorOrder::Stop));
    let ended = thread.join().expect("no panic").expect("the loop ends in order");
    (times, ended.quality)
}

/// The far end: from the write of a frame to the first byte of the answer.
fn measure(pty: &Pty, trips: usize) -> Vec<Duration> {
    let mut times = Vec::with_capacity(trips);
    let mut part = [0; 1024];
    for _ in 0..trips {
        let begun = Instant::now();
        rustix::io::write(&pty.master, &FRAME).expect("write");
        let mut heard = 0;
        while heard < FRAME.len() {
            poll(&mut [PollFd::new(&pty.master, PollFlags::IN)], None).expect("poll");
            if heard == 0 {
                times.push(begun.elapsed());
            }
            heard += rustix::io::read(&pty.master, &mut part).expect("read");
        }
        pause(pty);
    }
    times.sort();
    times
}

/// Waits without anything arriving: both sides go to sleep, as they do on a rig between two messages.
fn pause(pty: &Pty) {
    let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(PAUSE.subsec_nanos()) };
    let mut ready = [PollFd::from_borrowed_fd(pty.master.as_fd(), PollFlags::IN)];
    assert_eq!(poll(&mut ready, Some(&timeout)).expect("poll"), 0, "an answer that nobody asked for");
}

fn percentile(sorted: &[Duration], share: f64) -> f64 {
    let place = ((sorted.len() - 1) as f64 * share) as usize;
    sorted[place].as_secs_f64() * 1e6
}

fn show(name: &str, sorted: &[Duration]) {
    let [p50, p99, max] = [0.5, 0.99, 1.0].map(|share| percentile(sorted, share));
    println!("{name:>10} {p50:9.1} {p99:9.1} {max:9.1}");
}
