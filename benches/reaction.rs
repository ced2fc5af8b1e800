//! Reaction, beside the floor of the same wire in the same run.
//!
//! `cargo bench --bench reaction [-- TRIPS]`: about four minutes with the default of 10,000.
//!
//! Everything on the way is the real thing: port or broker, codec, `Run` with an envelope rule that stops, guard,
//! pre-encoded rung, recorder with its file. A trip is final, so the fold under the loop makes a new `Run` of the same plan
//! after each one, while wires and recorder stay.
//!
//! - (a) limit: a violating message is handed to the wire at its far end → the first byte of the safe frame is there. The
//!   floor is a bare thread (over MQTT: a bare client) that writes the same bytes back.
//! - (b) silence and (c) age: the far end falls silent → from the deadline to the first safe byte, as the run stamps it.
//! - (d) lost link: another pseudo-terminal is closed at its far end → the first byte of the safe frame is on the wire.
//! - Missed deadlines: a fold that asks for a tick every 50 us, a million times, under the flood.

mod support;
#[path = "support/brokered.rs"]
mod brokered;

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
/// Samples of one message of the other traffic, and messages a second of it: 100,000 samples a second.
const LOAD_SAMPLES: usize = 6;
const LOAD_MESSAGES: usize = 16_667;
/// The other traffic comes in bursts this far apart.
const BURST: Duration = Duration::from_millis(1);
/// Trips with everything set up anew.
const WHOLE: usize = 150;
/// Trips by a deadline: each takes its time.
const SILENT: usize = 300;
/// Deadlines that the loop is asked to keep, and how far they are apart.
const TURNS: usize = 1_000_000;
const TURN: Span = Span::from_micros(50);
/// A tick later than this missed its deadline: what the aim allows a whole reaction.
const MISSED: Span = Span::from_micros(500);

fn main() {
    let trips = support::count(10_000) / 2;
    let wire = Pty::open().expect("a pseudo-terminal");
    let other = Pty::open().expect("a second pseudo-terminal");
    let limit = plan(&wire.path, &other.path, LIMIT, SLOW);
    let place = tempfile::tempdir().expect("a folder");
    println!("{}", support::machine());
    // The far end of a real wire is another computer: nothing here may keep it waiting. Both floor and trip gain by it.
    let far = os::real_time(PRIORITY).is_ok();
    println!("real-time priority of the far end: {far}");
    println!("microseconds                 trips       p50       p99     99.9%       max   p50/floor  p99/floor");
    for (name, load) in [("idle", false), ("100,000 samples/s", true)] {
        let mute = (!load).then_some(&other);
        let floor = with_load(&other, load, true, || floor(&wire, &limit, trips));
        show(&format!("serial floor, {name}"), &floor, None);
        let (times, quality) = with_load(&other, load, false, || {
            let bench = Bench::start(&limit, place.path(), 1);
            let times = bench.trips(&wire, mute, &limit, trips);
            (times, bench.stop(&wire))
        });
        show(&format!("(a) limit, {name}"), &sorted(&times), Some(&floor));
        parts(&times);
        println!("  real-time priority: {}, memory locked: {}", quality.real_time, quality.memory_locked);
        for (what, rule, often) in [("(b) silence", LIMIT, FAST), ("(c) age", AGE, LONG)] {
            let silent = plan(&wire.path, &other.path, rule, often);
            let times = with_load(&other, load, false, || {
                let bench = Bench::start(&silent, place.path(), 1);
                let times = bench.silences(&wire, mute, SILENT);
                bench.stop(&wire);
                times
            });
            show(&format!("{what}, {name}"), &times, Some(&floor));
        }
    }
    let lost = lost_links(&wire, place.path());
    show("(d) lost link, idle", &lost, None);
    turns(&wire, &other, place.path());
    brokered::measure(trips / 5, place.path());
}

const LIMIT: &str = "always: fc.altitude <= 8 m";
const AGE: &str = "always: age(fc.altitude) <= 20 ms";
/// How often the altitude is said, and how long it holds.
const SLOW: &str = "every: 1 s, stale_after: 10 s";
const FAST: &str = "every: 20 ms, stale_after: 20 ms";
const LONG: &str = "every: 20 ms, stale_after: 10 s";

/// Trips by the loss of another link: a new loop, and a new other wire, each time.
fn lost_links(wire: &Pty, place: &std::path::Path) -> Vec<Duration> {
    let mut times = Vec::with_capacity(WHOLE);
    for _ in 0..WHOLE {
        let mut other = Pty::open().expect("a pseudo-terminal");
        let plan = plan(&wire.path, &other.path, LIMIT, SLOW);
        let safe = &plan.ladders[0].rungs[0].frames[0].bytes;
        let bench = Bench::start(&plan, place, 1);
        bench.arm(wire, Some(&other));
        drain_for(wire, QUIET);
        other.release();
        let begun = Instant::now();
        drop(other);
        times.push(until(wire, safe, begun));
        bench.stop(wire);
    }
    times.sort();
    times
}

/// A fold that wants a tick after each tick, and counts how late they come.
struct Turns {
    due: Option<Time>,
    late: Vec<Span>,
    told: Sender<Vec<Span>>,
}

impl Fold for Turns {
    fn handle(&mut self, input: &Input, out: &mut Effects) {
        if let (Input::Tick { at }, Some(due)) = (input, self.due)
            && *at >= due
        {
            self.late.push(at.since(due));
            self.due = (self.late.len() < TURNS).then(|| *at + TURN);
            if self.due.is_none() {
                let _ = self.told.send(std::mem::take(&mut self.late));
            }
        } else if self.due.is_none() && matches!(input, Input::Link { .. }) {
            self.due = Some(input.at() + TURN);
        }
        if matches!(input, Input::Operator { order: OperatorOrder::Stop, .. }) {
            out.list.push(Effect::Finish(Outcome { verdict: RunVerdict::Aborted, reasons: Vec::new() }));
        }
    }
    fn next_deadline(&self) -> Option<Time> {
        self.due
    }
}

/// Deadlines missed out of a million, under the flood.
fn turns(wire: &Pty, other: &Pty, place: &std::path::Path) {
    let plan = plan(&wire.path, &other.path, LIMIT, SLOW);
    let late = with_load(other, true, false, || {
        let (told, hear) = channel();
        let fold = move |_: Sender<Told>, _: Clock| Turns { due: None, late: Vec::with_capacity(TURNS), told };
        let bench = Bench::start_with(&plan, place, 1, fold);
        let late = hear.recv_timeout(Duration::from_secs(300)).expect("the loop goes on");
        bench.stop(wire);
        late
    });
    let missed = late.iter().filter(|late| **late > MISSED).count();
    let mut late: Vec<Duration> = late.iter().map(|late| Duration::from_nanos(late.nanos().max(0) as u64)).collect();
    late.sort();
    show("tick after its deadline", &late, None);
    println!("  missed by more than {MISSED}: {missed} of {}", late.len());
}

fn plan(wire: &str, other: &str, rule: &str, often: &str) -> Arc<Plan> {
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
      altitude: {{ field: LOCAL_POSITION_NED.z, scale: -1 m, range: -1 m .. 40 m, {often} }}
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
    let envelope = format!(
        "envelope: Bench
rules:
  ceiling:
    {rule}
    because: The bench breaks it.
    source: the bench
    react_within: 100 ms
  tilt:
    always: max(abs(talker.roll), abs(talker.pitch)) <= 3 rad
    because: The other traffic is judged as well.
    source: the bench
    on_violation: fail
"
    );
    let scenario = "scenario: Bench
rig: bench
about: Waits to be tripped.
exercises: [ceiling]
steps:
  - hold: 3600 s
";
    support::plan(rig, envelope, scenario.into())
}

/// How long a trip took, and its parts in microseconds.
type Trip = (Duration, [f64; 5]);

/// What the fold tells the device thread.
#[derive(PartialEq, Eq, Debug)]
enum Told {
    Up,
    Armed,
    /// A trip is over: when its bytes were read, when the run had decided, when the write began and ended;
    /// and the reaction as the run stamps it.
    Tripped([Time; 4], Option<Span>),
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
        let links: Vec<LinkId> = self.run.plan().rig.links.iter().map(|link| link.id).collect();
        for link in links {
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
        // A run that ends by itself measures nothing.
        for effect in &out.list {
            assert!(!matches!(effect, Effect::Finish(_)), "{effect:?}");
        }
        if let (Some((heard, judged)), Input::Sent { at, begun, done, .. }) = (self.tripped, input) {
            let reaction = out.list.iter().find_map(|effect| match effect {
                Effect::Emit(event) => match event.kind {
                    EventKind::RungSent { reaction, .. } => reaction,
                    _ => None,
                },
                _ => None,
            });
            let _ = self.told.send(Told::Tripped([heard, judged, *begun, *done], reaction));
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
        let last = LinkId(self.run.plan().rig.links.len() as u16 - 1);
        if matches!(input, Input::Link { link, state: LinkState::Up, .. } if *link == last) {
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
        let run = Run::new(plan.clone());
        Bench::start_with(plan, place, workers, move |told, clock| Trips {
            run,
            told,
            clock,
            tripped: None,
            anew_at: None,
        })
    }

    fn start_with<F: Fold + Send + 'static>(
        plan: &Arc<Plan>,
        place: &std::path::Path,
        workers: usize,
        fold: impl FnOnce(Sender<Told>, Clock) -> F,
    ) -> Bench {
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
        let thread = spawn(fold(told, clock), setup).expect("the run thread");
        Bench { thread, beside, poster, told: hear, _folder: folder }
    }

    /// Arms, breaks the rule, waits for the safe frame; again and again. `mute`: where the talker says no more than hello.
    fn trips(&self, wire: &Pty, mute: Option<&Pty>, plan: &Plan, trips: usize) -> Vec<Trip> {
        let mut vehicle = Vehicle::new(&DialectSource::Ardupilotmega, 1, 1).expect("the built-in dialect loads");
        let safe = &plan.ladders[0].rungs[0].frames[0].bytes;
        let mut trips_taken = Vec::with_capacity(trips);
        for _ in 0..trips {
            self.arm(wire, mute);
            let mut bad = Vec::new();
            vehicle.send("LOCAL_POSITION_NED", &[("z", -9.0)], &[], &mut bad).expect("known names");
            drain_for(wire, QUIET);
            let clock = self.poster.clock();
            let (written, begun) = (clock.now(), Instant::now());
            write(&wire.master, &bad);
            let took = until(wire, safe, begun);
            let Told::Tripped([heard, judged, began, done], _) = self.next() else { panic!("a trip was to be told") };
            let seen = written + Span::from_nanos(took.as_nanos() as i64);
            let stations = [written, heard, judged, began, done, seen];
            let parts = [0, 1, 2, 3, 4].map(|part| stations[part + 1].since(stations[part]).seconds() * 1e6);
            trips_taken.push((took, parts));
        }
        trips_taken
    }

    /// Says hello until the run is armed. `mute`: where the talker says no more than that.
    fn arm(&self, wire: &Pty, mute: Option<&Pty>) {
        self.wait_for(&Told::Up);
        let mut vehicle = Vehicle::new(&DialectSource::Ardupilotmega, 1, 1).expect("the built-in dialect loads");
        let mut hello = Vec::new();
        let sent = vehicle
            .send("HEARTBEAT", &[("autopilot", 3.0), ("base_mode", 128.0)], &[], &mut hello)
            .and_then(|()| vehicle.send("LOCAL_POSITION_NED", &[("z", -2.0)], &[], &mut hello));
        sent.expect("known names");
        if let Some(other) = mute {
            let mut talker = Vehicle::new(&DialectSource::Ardupilotmega, 2, 1).expect("the built-in dialect loads");
            let mut hello = Vec::new();
            talker.send("HEARTBEAT", &[("autopilot", 3.0)], &[], &mut hello).expect("known names");
            write(&other.master, &hello);
            let _ = rustix::io::read(&other.master, &mut [0; 1024]);
        }
        // Said again until it is armed: on a busy machine what was said first may be stale before the talker is known.
        for _ in 0..1_000 {
            write(&wire.master, &hello);
            if let Ok(told) = self.told.recv_timeout(Duration::from_millis(10)) {
                assert_eq!(told, Told::Armed);
                return;
            }
        }
        panic!("it is never armed");
    }

    /// Arms and falls silent, again and again: from each deadline to the first byte, as the run stamps it.
    fn silences(&self, wire: &Pty, mute: Option<&Pty>, trips: usize) -> Vec<Duration> {
        let mut times = Vec::with_capacity(trips);
        for _ in 0..trips {
            self.arm(wire, mute);
            let Told::Tripped(_, reaction) = self.next() else { panic!("a trip was to be told") };
            times.push(Duration::from_nanos(reaction.expect("the rung answers a trip").nanos().max(0) as u64));
            drain_for(wire, Duration::ZERO);
        }
        times.sort();
        times
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
    let ratio = floor.map_or(String::new(), |floor| {
        format!("{:11.2}{:11.2}", p50 / percentile(floor, 0.5), p99 / percentile(floor, 0.99))
    });
    println!("{name:32} {:8} {p50:9.1} {p99:9.1} {p999:9.1} {max:9.1} {ratio}", sorted.len());
}
