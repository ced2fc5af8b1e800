//! Reaction over a broker: a state that breaks a limit is published → the safe command has arrived, beside a client that
//! answers and does nothing else. Both cross the broker twice.

use super::{ANEW, Told, Trips, show};
use crate::support;
use checkrein::io::broker::{Broker, User};
use checkrein::io::clock::Clock;
use checkrein::io::host::{Setup, Table, spawn};
use checkrein::io::mqtt;
use checkrein::io::queue::{Post, Poster, Posts, queue};
use checkrein::io::recorder::{self, FileSink};
use checkrein::run::{Input, LinkState, OperatorOrder, Run};
use checkrein::scenario::plan::Plan;
use checkrein::wire::{Frame, Lane, LinkId};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

const BUS: LinkId = LinkId(0);
/// Messages a second of the other traffic.
const FLOOD: usize = 20_000;
/// Trips by a deadline.
const SILENT: usize = 200;
const LIMIT: &str = "always: arm.pos <= 8 m";
const AGE: &str = "always: age(arm.pos) <= 20 ms";
const SLOW: &str = "every: 1 s, stale_after: 10 s";
const FAST: &str = "every: 20 ms, stale_after: 20 ms";
const LONG: &str = "every: 20 ms, stale_after: 10 s";

fn plan(rule: &str, often: &str) -> Arc<Plan> {
    let rig = format!(
        "rig: bench
about: One device that trips, and one that only talks.
envelope: envelope.yaml
links:
  bus: {{ mqtt: embedded }}
devices:
  arm:
    link: bus
    protocol: json
    signals:
      pos: {{ field: \"arm/state#/pos\", scale: 1 m, range: 0 m .. 10 m, {often} }}
      live: {{ field: \"arm/state#/live\", flag: true, every: 1 s, stale_after: 10 s }}
    commands:
      stop: {{ send: arm/stop, harmless: true }}
    safe: not arm.live
    ladder:
      - {{ do: arm.stop, within: 20 s }}
  talker:
    link: bus
    protocol: json
    signals:
      roll: {{ field: \"talker/state#/roll\", scale: 1, range: -10 .. 10, every: 1 s, stale_after: 10 s }}
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
    always: abs(talker.roll) <= 3
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

/// A client of the broker: what it hears arrives in the queue, stamped.
struct Client {
    handle: mqtt::Handle,
    heard: Posts,
    clock: Clock,
}

impl Client {
    fn start(beside: &tokio::runtime::Runtime, config: mqtt::Config, clock: Clock) -> Client {
        let (poster, mut heard) = queue(clock);
        let handle = mqtt::start(beside.handle(), config, poster);
        loop {
            match heard.blocking_recv().expect("the client lives") {
                Post::Input(Input::Link { state: LinkState::Up, .. }) => return Client { handle, heard, clock },
                Post::Input(Input::Link { state, .. }) => panic!("no broker: {state:?}"),
                _ => (),
            }
        }
    }

    fn say(&self, topic: &str, words: &str) {
        self.handle.send(self.clock.now(), Lane::Normal, None, Frame::publish(BUS, topic, words.as_bytes()));
    }

    /// When the next message of the topic arrived.
    fn hear(&mut self, topic: &str) -> checkrein::time::Time {
        loop {
            if let Post::Input(Input::Bytes { at, frame, .. }) = self.heard.blocking_recv().expect("the client lives")
                && frame.topic.as_deref() == Some(topic)
            {
                return at;
            }
        }
    }
}

struct Around {
    beside: tokio::runtime::Runtime,
    broker: Broker,
    users: Vec<User>,
    clock: Clock,
}

impl Around {
    fn config(&self, name: &str, subscriptions: &[&str]) -> mqtt::Config {
        mqtt::Config {
            link: BUS,
            client_id: name.into(),
            host: "127.0.0.1".into(),
            port: self.broker.port(),
            tls: None,
            version: 5,
            login: Some(mqtt::Login { user: self.users[0].name.clone(), password: self.users[0].password.clone() }),
            subscriptions: subscriptions.iter().map(|topic| (*topic).into()).collect(),
            keep_alive: Duration::from_secs(5),
            will: None,
        }
    }
}

/// Measures and prints.
pub fn measure(trips: usize, place: &Path) {
    let beside = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let users = vec![User::harness().expect("random bytes")];
    let broker = Broker::start(Path::new(env!("CARGO_BIN_EXE_checkrein")), &users).expect("the broker starts");
    let around = Around { beside, broker, users, clock: Clock::start() };
    let mut device = Client::start(&around.beside, around.config("device", &["arm/stop", "echo/out"]), around.clock);
    for (name, load) in [("idle", false), ("20,000 messages/s", true)] {
        let floor = with_flood(&around, load, || floor(&around, &mut device, trips));
        show(&format!("MQTT floor, {name}"), &floor, None);
        let limits =
            with_flood(&around, load, || tripped(&around, &mut device, &plan(LIMIT, SLOW), place, trips, false));
        show(&format!("MQTT (a) limit, {name}"), &limits, Some(&floor));
        for (what, rule, often) in [("(b) silence", LIMIT, FAST), ("(c) age", AGE, LONG)] {
            let silent =
                with_flood(&around, load, || tripped(&around, &mut device, &plan(rule, often), place, SILENT, true));
            show(&format!("MQTT {what}, {name}"), &silent, Some(&floor));
        }
    }
    around.beside.block_on(device.handle.close());
    around.broker.stop().expect("the broker stops");
}

/// A client that answers each message, and nothing else.
fn floor(around: &Around, device: &mut Client, count: usize) -> Vec<Duration> {
    let mut echo = Client::start(&around.beside, around.config("echo", &["echo/in"]), around.clock);
    let mut times = Vec::with_capacity(count);
    std::thread::scope(|scope| {
        let answering = scope.spawn(|| {
            for _ in 0..count {
                echo.hear("echo/in");
                echo.say("echo/out", "{}");
            }
        });
        for _ in 0..count {
            std::thread::sleep(super::QUIET);
            let begun = around.clock.now();
            device.say("echo/in", "{\"pos\":9,\"live\":true}");
            times.push(device.hear("echo/out").since(begun));
        }
        answering.join().expect("the echo ends");
    });
    around.beside.block_on(echo.handle.close());
    sorted(times)
}

/// Arms and breaks the rule (or falls silent), again and again.
fn tripped(
    around: &Around,
    device: &mut Client,
    plan: &Arc<Plan>,
    place: &Path,
    count: usize,
    silent: bool,
) -> Vec<Duration> {
    let (poster, posts): (Poster, _) = queue(around.clock);
    let run = Run::new(plan.clone());
    let mut config = around.config("harness", &[]);
    config.subscriptions = run.subscriptions(BUS);
    let folder = tempfile::tempdir_in(place).expect("a folder");
    let sink = FileSink::create(folder.path(), &support::head(plan, around.clock.wall_clock_unix_nanos()), plan);
    let setup = Setup {
        table: Table::of(plan),
        serial: Vec::new(),
        mqtt: vec![mqtt::start(around.beside.handle(), config, poster.clone())],
        watchdogs: Vec::new(),
        queue: posts,
        poster: poster.clone(),
        recorder: Some(recorder::start(Box::new(sink.expect("a recording")), || ()).expect("the recorder")),
        feed: None,
        twins: None,
        program: "checkrein".into(),
        runtime: around.beside.handle().clone(),
        real_time: true,
    };
    let (told, hear) = channel();
    let clock = around.clock;
    let thread = spawn(Trips { run, told, clock, tripped: None, anew_at: None }, setup).expect("the run thread");
    let next = || hear.recv_timeout(Duration::from_secs(20)).expect("the run goes on");
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        assert_eq!(next(), Told::Up);
        device.say("talker/state", "{\"roll\":0.1}");
        device.say("arm/state", "{\"pos\":1,\"live\":true}");
        assert_eq!(next(), Told::Armed);
        if silent {
            device.hear("arm/stop");
            let Told::Tripped(_, reaction) = next() else { panic!("a trip was to be told") };
            times.push(reaction.expect("the rung answers a trip"));
            continue;
        }
        std::thread::sleep(super::QUIET);
        let begun = clock.now();
        device.say("arm/state", "{\"pos\":9,\"live\":true}");
        times.push(device.hear("arm/stop").since(begun));
        assert!(matches!(next(), Told::Tripped(..)), "a trip was to be told");
    }
    std::thread::sleep(Duration::from_nanos(ANEW.nanos() as u64));
    around.beside.block_on(poster.order(OperatorOrder::Stop));
    let ended = thread.join().expect("no panic").expect("the loop ends in order");
    ended.recording.expect("the recording is whole");
    sorted(times)
}

fn sorted(times: Vec<checkrein::time::Span>) -> Vec<Duration> {
    let mut times: Vec<Duration> = times.iter().map(|t| Duration::from_nanos(t.nanos().max(0) as u64)).collect();
    times.sort();
    times
}

/// Runs with the other traffic, or without.
fn with_flood<T>(around: &Around, load: bool, measured: impl FnOnce() -> T) -> T {
    if !load {
        return measured();
    }
    let talker = Client::start(&around.beside, around.config("talker", &[]), around.clock);
    let over = AtomicBool::new(false);
    let result = std::thread::scope(|scope| {
        let talking = scope.spawn(|| {
            let (begun, mut said) = (Instant::now(), 0);
            while !over.load(Ordering::Relaxed) {
                let due = (begun.elapsed().as_secs_f64() * FLOOD as f64) as usize;
                for _ in said..due.min(said + 200) {
                    talker.say("talker/state", "{\"roll\":0.1}");
                }
                said = due.min(said + 200);
                std::thread::sleep(Duration::from_millis(1));
            }
            said as f64 / begun.elapsed().as_secs_f64()
        });
        let result = measured();
        over.store(true, Ordering::Relaxed);
        println!("  other traffic: {:.0} messages/s given to the client", talking.join().expect("the talker ends"));
        result
    });
    around.beside.block_on(talker.handle.close());
    result
}
