//! Reaction: a violating frame is handed to a pseudo-terminal → the first byte of the safe frame can be read there,
//! beside the raw echo floor of the same pseudo-terminal in the same run.
//!
//! `cargo bench --bench reaction [-- TRIPS]`. Everything on the way is the real thing: port, MAVLink codec, `Run` with an
//! envelope rule that stops, guard, pre-encoded rung, recorder with its file. A trip is final, so the fold under the loop
//! makes a new `Run` of the same plan after each one, while port and recorder stay; between two trips a device thread says
//! hello, is armed, and stays quiet for a while. `whole` sets up loop, port and recorder anew for each trip as well: the
//! first trip of a process is like that, with nothing warmed up by the one before.
//!
//! The floor is a bare thread that polls, reads and writes back, with the same priority as the run's. Both are measured
//! from before the write at the far end to the first byte of the answer there, so both hold two ways through the kernel.

mod support;

use checkrein::codec::mavlink::DialectSource;
use checkrein::codec::mavlink::device::Vehicle;
use checkrein::io::clock::Clock;
use checkrein::io::host::{Fold, Quality, Setup, Table, spawn};
use checkrein::io::line::SerialLink;
use checkrein::io::os;
use checkrein::io::pty::Pty;
use checkrein::io::queue::queue;
use checkrein::io::recorder::{self, FileSink};
use checkrein::rig::LinkKind;
use checkrein::run::event::EventKind;
use checkrein::run::{Effect, Effects, Input, LinkState, OperatorOrder, Outcome, Run, RunVerdict};
use checkrein::scenario::plan::Plan;
use checkrein::time::{Span, Time};
use checkrein::wire::LinkId;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use support::percentile;

/// Quiet before a trip, so that each is met by a loop that sleeps.
const QUIET: Duration = Duration::from_millis(2);
/// Priority of the run thread, and of the floor's.
const PRIORITY: i32 = 50;
/// Samples of one message of the other traffic, and messages a second of it: 50,000 samples a second.
const LOAD_SAMPLES: usize = 6;
const LOAD_MESSAGES: usize = 8_334;
/// The other traffic comes in bursts this far apart.
const BURST: Duration = Duration::from_millis(1);
/// Trips with everything set up anew.
const WHOLE: usize = 300;

fn main() {
    let trips = support::count(10_000) / 2;
    let wire = Pty::open().expect("a pseudo-terminal");
    let other = Pty::open().expect("a second pseudo-terminal");
    let plan = plan(&wire.path, &other.path);
    let place = tempfile::tempdir().expect("a folder");
    println!("{}", support::machine());
    // The far end of a real wire is another computer: nothing here may keep it waiting. Both floor and trip gain by it.
    let far = os::real_time(PRIORITY).is_ok();
    println!("real-time priority of the far end: {far}");
    println!("microseconds        trips       p50       p99     99.9%       max   p50/floor");
    for (name, load) in [("idle", false), ("50,000 samples/s", true)] {
        let floor = with_load(&other, load, true, || floor(&wire, &plan, trips));
        show(&format!("floor, {name}"), &floor, None);
        let (times, quality) = with_load(&other, load, false, || {
            let bench = Bench::start(&plan, place.path(), 1);
            let times = bench.trips(&wire, (!load).then_some(&other), &plan, trips);
            (times, bench.stop(&wire))
        });
        show(&format!("trip, {name}"), &sorted(&times), Some(&floor));
        parts(&times);
        let whole = with_load(&other, load, false, || {
            let mut all = Vec::new();
            for _ in 0..WHOLE {
                let bench = Bench::start(&plan, place.path(), 1);
                all.append(&mut bench.trips(&wire, (!load).then_some(&other), &plan, 1));
                bench.stop(&wire);
            }
            all
        });
        show(&format!("whole, {name}"), &sorted(&whole), Some(&floor));
        parts(&whole);
        println!("  real-time priority: {}, memory locked: {}", quality.real_time, quality.memory_locked);
    }
}

fn plan(wire: &str, other: &str) -> Arc<Plan> {
    let rig = format!(
        "rig: bench
about: One flight controller that trips, and one that only talks.
envelope: envelope.yaml
links:
  telem: {{ serial: {wire}, baud: 921600 }}
  other: {{ serial: {other}, baud: 921600 }}
devices:
  fc:
    link: telem
    protocol: {{ mavlink: ardupilotmega, system: 1, component: 1 }}
    identity: {{ HEARTBEAT.autopilot: 3 }}
    signals:
      altitude: {{ field: LOCAL_POSITION_NED.z, scale: -1 m, range: -1 m .. 40 m, every: 1 s, stale_after: 10 s }}
      armed: {{ field: HEARTBEAT.base_mode, bit: 7, every: 1 s, stale_after: 10 s }}
    commands:
      land: {{ send: COMMAND_LONG, with: {{ command: MAV_CMD_NAV_LAND }}, harmless: true }}
    safe: not fc.armed
    ladder:
      - {{ do: fc.land, within: 20 s }}
  talker:
    link: other
    protocol: {{ mavlink: ardupilotmega, system: 2, component: 1 }}
    identity: {{ HEARTBEAT.autopilot: 3 }}
    signals:
      roll: {{ field: ATTITUDE.roll, scale: 1 rad, every: 1 s, stale_after: 10 s }}
      pitch: {{ field: ATTITUDE.pitch, scale: 1 rad, every: 1 s, stale_after: 10 s }}
      yaw: {{ field: ATTITUDE.yaw, scale: 1 rad, every: 1 s, stale_after: 10 s }}
      rollspeed: {{ field: ATTITUDE.rollspeed, scale: 1 rad/s, every: 1 s, stale_after: 10 s }}
      pitchspeed: {{ field: ATTITUDE.pitchspeed, scale: 1 rad/s, every: 1 s, stale_after: 10 s }}
      yawspeed: {{ field: ATTITUDE.yawspeed, scale: 1 rad/s, every: 1 s, stale_after: 10 s }}
"
    );
    let envelope = "envelope: Bench
rules:
  ceiling:
    always: fc.altitude <= 8 m
    because: The bench breaks it.
    source: the bench
    react_within: 100 ms
  tilt:
    always: max(abs(talker.roll), abs(talker.pitch)) <= 3 rad
    because: The other traffic is judged as well.
    source: the bench
    on_violation: fail
";
    let scenario = "scenario: Bench
rig: bench
about: Waits to be tripped.
exercises: [ceiling]
steps:
  - hold: 3600 s
";
    support::plan(rig, envelope.into(), scenario.into())
}

/// How long a trip took, and its parts in microseconds.
type Trip = (Duration, [f64; 5]);

/// What the fold tells the device thread.
#[derive(PartialEq, Eq, Debug)]
enum Told {
    Up,
    Armed,
    /// A trip is over: when its bytes were read, when the run had decided, when the write began and ended.
    Tripped([Time; 4]),
}

/// Parts of a trip, between the write at the far end and the answer's first byte there.
const PARTS: [&str; 5] = ["to the read", "codec to guard", "to the write", "the write", "to the far end"];

/// The run of a plan; after each trip a new one of the same plan.
struct Trips {
    run: Run,
    told: Sender<Told>,
    clock: Clock,
    /// When the violating bytes were read and when the run had decided.
    tripped: Option<(Time, Time)>,
    /// When the next run begins: not while the answer is still on its way, which would be measured too.
    anew_at: Option<Time>,
}

/// From the end of the write to the next run.
const ANEW: Span = Span::from_millis(1);

impl Trips {
    /// The rung is written: from here on the next run is on the wires.
    fn anew(&mut self, at: Time, out: &mut Effects) {
        self.run = Run::new(self.run.plan().clone());
        for link in [LinkId(0), LinkId(1)] {
            self.run.handle(&Input::Link { at, link, state: LinkState::Up }, out);
        }
        let _ = self.told.send(Told::Up);
    }
}

impl Fold for Trips {
    fn handle(&mut self, input: &Input, out: &mut Effects) {
        if matches!(input, Input::Operator { order: OperatorOrder::Stop, .. }) {
            out.list.push(Effect::Finish(Outcome { verdict: RunVerdict::Aborted, reasons: Vec::new() }));
            return;
        }
        self.run.handle(input, out);
        if let (Some((heard, judged)), Input::Sent { at, begun, done, .. }) = (self.tripped, input) {
            let _ = self.told.send(Told::Tripped([heard, judged, *begun, *done]));
            self.tripped = None;
            self.anew_at = Some(*at + ANEW);
            return;
        }
        if self.anew_at.is_some_and(|due| due <= input.at()) {
            self.anew_at = None;
            self.anew(input.at(), out);
            return;
        }
        if out.list.iter().any(|effect| matches!(effect, Effect::Rung { .. })) {
            self.tripped = Some((input.at(), self.clock.now()));
        }
        let armed = |effect: &Effect| matches!(effect, Effect::Emit(event) if matches!(event.kind, EventKind::Armed));
        if out.list.iter().any(armed) {
            let _ = self.told.send(Told::Armed);
        }
        if matches!(input, Input::Link { link: LinkId(1), .. }) {
            let _ = self.told.send(Told::Up);
        }
    }
    fn next_deadline(&self) -> Option<Time> {
        [self.run.next_deadline(), self.anew_at].into_iter().flatten().min()
    }
}

/// The loop with its fold, its port and its recorder.
struct Bench {
    thread: JoinHandle<std::io::Result<checkrein::io::host::Ended>>,
    beside: tokio::runtime::Runtime,
    poster: checkrein::io::queue::Poster,
    told: Receiver<Told>,
    // Removed with its recording.
    _folder: tempfile::TempDir,
}

impl Bench {
    fn start(plan: &Arc<Plan>, place: &std::path::Path, workers: usize) -> Bench {
        let beside = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(workers)
            .enable_all()
            .build()
            .expect("a runtime");
        let clock = Clock::start();
        let (poster, queue) = queue(clock);
        let folder = tempfile::tempdir_in(place).expect("a folder");
        let sink = FileSink::create(folder.path(), &support::head(plan, clock.wall_clock_unix_nanos()), plan);
        let recorder = recorder::start(Box::new(sink.expect("a recording")), || ()).expect("the recorder");
        let serial = plan.rig.links.iter().map(|link| match &link.kind {
            LinkKind::Serial(def) => SerialLink { id: link.id, def: def.clone(), watchdog: None },
            LinkKind::Mqtt(_) => unreachable!("the bench's links are serial"),
        });
        let setup = Setup {
            table: Table::of(plan),
            serial: serial.collect(),
            mqtt: Vec::new(),
            watchdogs: Vec::new(),
            queue,
            poster: poster.clone(),
            recorder: Some(recorder),
            feed: None,
            twins: None,
            program: "checkrein".into(),
            runtime: beside.handle().clone(),
            real_time: true,
        };
        let (told, hear) = channel();
        let thread = spawn(Trips { run: Run::new(plan.clone()), told, clock, tripped: None, anew_at: None }, setup)
            .expect("the run thread");
        Bench { thread, beside, poster, told: hear, _folder: folder }
    }

    /// Arms, breaks the rule, waits for the safe frame; again and again. `mute`: where the talker says no more than hello.
    fn trips(&self, wire: &Pty, mute: Option<&Pty>, plan: &Plan, trips: usize) -> Vec<Trip> {
        let mut vehicle = Vehicle::new(&DialectSource::Ardupilotmega, 1, 1).expect("the built-in dialect loads");
        let mut talker = Vehicle::new(&DialectSource::Ardupilotmega, 2, 1).expect("the built-in dialect loads");
        let safe = &plan.ladders[0].rungs[0].frames[0].bytes;
        let mut trips_taken = Vec::with_capacity(trips);
        let mut hello = Vec::new();
        for _ in 0..trips {
            self.wait_for(&Told::Up);
            hello.clear();
            let sent = vehicle
                .send("HEARTBEAT", &[("autopilot", 3.0), ("base_mode", 128.0)], &[], &mut hello)
                .and_then(|()| vehicle.send("LOCAL_POSITION_NED", &[("z", -2.0)], &[], &mut hello));
            sent.expect("known names");
            write(&wire.master, &hello);
            if let Some(other) = mute {
                hello.clear();
                talker.send("HEARTBEAT", &[("autopilot", 3.0)], &[], &mut hello).expect("known names");
                write(&other.master, &hello);
                let _ = rustix::io::read(&other.master, &mut [0; 1024]);
            }
            self.wait_for(&Told::Armed);
            let mut bad = Vec::new();
            vehicle.send("LOCAL_POSITION_NED", &[("z", -9.0)], &[], &mut bad).expect("known names");
            drain_for(wire, QUIET);
            let clock = self.poster.clock();
            let (written, begun) = (clock.now(), Instant::now());
            write(&wire.master, &bad);
            let took = until(wire, safe, begun);
            let Told::Tripped([heard, judged, began, done]) = self.next() else { panic!("a trip was to be told") };
            let seen = written + Span::from_nanos(took.as_nanos() as i64);
            let stations = [written, heard, judged, began, done, seen];
            let parts = [0, 1, 2, 3, 4].map(|part| stations[part + 1].since(stations[part]).seconds() * 1e6);
            trips_taken.push((took, parts));
        }
        trips_taken
    }

    fn next(&self) -> Told {
        self.told.recv_timeout(Duration::from_secs(20)).expect("the run goes on")
    }

    fn wait_for(&self, wanted: &Told) {
        assert_eq!(self.next(), *wanted);
    }

    fn stop(self, wire: &Pty) -> Quality {
        self.beside.block_on(self.poster.order(OperatorOrder::Stop));
        let ended = self.thread.join().expect("no panic").expect("the loop ends in order");
        ended.recording.expect("the recording is whole");
        drain_for(wire, Duration::ZERO);
        ended.quality
    }
}

/// A bare loop on the near end: poll, read, write the safe frame's bytes back.
fn floor(wire: &Pty, plan: &Plan, trips: usize) -> Vec<Duration> {
    let safe = plan.ladders[0].rungs[0].frames[0].bytes.clone();
    let mut vehicle = Vehicle::new(&DialectSource::Ardupilotmega, 1, 1).expect("the built-in dialect loads");
    let near = File::options().read(true).write(true).open(&wire.path).expect("the near end");
    let answer = safe.clone();
    let echo = std::thread::spawn(move || {
        os::sharp_timers();
        // Where it is refused the run's thread goes without as well.
        let _ = os::real_time(PRIORITY);
        let mut part = [0; 1024];
        for _ in 0..trips {
            poll(&mut [PollFd::new(&near, PollFlags::IN)], None).expect("poll");
            rustix::io::read(&near, &mut part).expect("read");
            rustix::io::write(&near, &answer).expect("write");
        }
    });
    let mut times = Vec::with_capacity(trips);
    for _ in 0..trips {
        let mut bad = Vec::new();
        vehicle.send("LOCAL_POSITION_NED", &[("z", -9.0)], &[], &mut bad).expect("known names");
        drain_for(wire, QUIET);
        let begun = Instant::now();
        write(&wire.master, &bad);
        times.push(until(wire, &safe, begun));
    }
    echo.join().expect("the echo ends");
    times.sort();
    times
}

/// Reads until the safe frame is whole; the time is when its first byte could be read.
fn until(wire: &Pty, safe: &[u8], begun: Instant) -> Duration {
    let mut heard: Vec<u8> = Vec::new();
    let mut seen: Vec<(usize, Duration)> = Vec::new();
    let mut part = [0; 1024];
    loop {
        poll(&mut [PollFd::new(&wire.master, PollFlags::IN)], None).expect("poll");
        let now = begun.elapsed();
        let count = rustix::io::read(&wire.master, &mut part).expect("read");
        heard.extend_from_slice(&part[..count]);
        seen.push((heard.len(), now));
        if let Some(place) = heard.windows(safe.len()).position(|window| window == safe) {
            let first = seen.iter().find(|(end, _)| *end > place).expect("its first byte was read");
            return first.1;
        }
        assert!(now < Duration::from_secs(5), "no safe frame came");
    }
}

/// Writes all of it; a full pseudo-terminal is waited for.
fn write(to: &OwnedFd, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match rustix::io::write(to, bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(rustix::io::Errno::AGAIN) => {
                poll(&mut [PollFd::new(to, PollFlags::OUT)], None).map(|_| ()).expect("poll");
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Throws away what comes in this time: both sides go to sleep, as they do on a rig between two messages.
fn drain_for(wire: &Pty, span: Duration) {
    let until = Instant::now() + span;
    let mut part = [0; 4096];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(left.subsec_nanos()) };
        let mut ready = [PollFd::from_borrowed_fd(wire.master.as_fd(), PollFlags::IN)];
        if poll(&mut ready, Some(&timeout)).expect("poll") > 0 {
            let _ = rustix::io::read(&wire.master, &mut part);
        } else if left.is_zero() {
            return;
        }
    }
}

/// Runs with the other traffic on the other wire, or without. `sink`: nobody else reads it there, so a bare thread does.
fn with_load<T>(other: &Pty, load: bool, sink: bool, measured: impl FnOnce() -> T) -> T {
    if !load {
        return measured();
    }
    let over = AtomicBool::new(false);
    let near = sink.then(|| File::options().read(true).open(&other.path).expect("the near end"));
    std::thread::scope(|scope| {
        let talker = scope.spawn(|| talk(other, &over));
        if let Some(near) = near.as_ref() {
            let over = &over;
            scope.spawn(move || {
                let mut part = [0; 1024];
                let timeout = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
                while !over.load(Ordering::Relaxed) {
                    if poll(&mut [PollFd::new(near, PollFlags::IN)], Some(&timeout)).expect("poll") > 0 {
                        rustix::io::read(near, &mut part).expect("read");
                    }
                }
            });
        }
        let result = measured();
        over.store(true, Ordering::Relaxed);
        let rate = talker.join().expect("the talker ends");
        println!("  other traffic: {rate:.0} samples/s");
        result
    })
}

/// Says ATTITUDE at the wanted rate, in bursts; gives back the samples per second that got through.
fn talk(other: &Pty, over: &AtomicBool) -> f64 {
    let mut vehicle = Vehicle::new(&DialectSource::Ardupilotmega, 2, 1).expect("the built-in dialect loads");
    let begun = Instant::now();
    let mut said = 0;
    let mut bytes = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let due = (begun.elapsed().as_secs_f64() * LOAD_MESSAGES as f64) as usize;
        bytes.clear();
        vehicle.send("HEARTBEAT", &[("autopilot", 3.0)], &[], &mut bytes).expect("known names");
        // What nobody read for long is not made up for in one go.
        for _ in said..due.min(said + 64) {
            let fields = [("roll", 0.1), ("pitch", -0.1), ("yaw", 1.0), ("rollspeed", 0.2), ("yawspeed", 0.1)];
            vehicle.send("ATTITUDE", &fields, &[], &mut bytes).expect("known names");
        }
        let mut rest = bytes.as_slice();
        while !rest.is_empty() && !over.load(Ordering::Relaxed) {
            match rustix::io::write(&other.master, rest) {
                Ok(count) => rest = &rest[count..],
                // Between two loops nobody reads.
                Err(rustix::io::Errno::AGAIN) => std::thread::sleep(BURST),
                Err(error) => panic!("{error}"),
            }
        }
        said = due.min(said + 64);
        let mut answers = [0; 1024];
        let _ = rustix::io::read(&other.master, &mut answers);
        std::thread::sleep(BURST);
    }
    (said * LOAD_SAMPLES) as f64 / begun.elapsed().as_secs_f64()
}

fn sorted(trips: &[Trip]) -> Vec<Duration> {
    let mut times: Vec<Duration> = trips.iter().map(|trip| trip.0).collect();
    times.sort();
    times
}

/// Where the time goes: p50 and p99 of each part.
fn parts(trips: &[Trip]) {
    for (part, name) in PARTS.iter().enumerate() {
        let mut times: Vec<f64> = trips.iter().map(|trip| trip.1[part]).collect();
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
        println!("    {name:27} {:9.1} {:9.1}", at(0.5), at(0.99));
    }
}

fn show(name: &str, sorted: &[Duration], floor: Option<&[Duration]>) {
    let [p50, p99, p999, max] = [0.5, 0.99, 0.999, 1.0].map(|share| percentile(sorted, share));
    let ratio = floor.map_or(String::new(), |floor| format!("{:11.2}", p50 / percentile(floor, 0.5)));
    println!("{name:24} {:6} {p50:9.1} {p99:9.1} {p999:9.1} {max:9.1} {ratio}", sorted.len());
}
