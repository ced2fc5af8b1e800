//! `checkrein controller`: a learned policy in a process of its own, by a broker that comes and goes, and by a serial port.

use super::process::{PATIENCE, PROGRAM, Running, program, run};
use checkrein::io::broker::{Broker, User};
use checkrein::io::clock::Clock;
use checkrein::io::mqtt::{self, Config, Login};
use checkrein::io::pty::Pty;
use checkrein::io::queue::{Post, Posts, queue};
use checkrein::run::{Input, LinkState, SendId};
use checkrein::wire::{Frame, Lane, LinkId};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::io::copy;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

const POLICY: &str = "rigs/drone-bench/learned/pilot.onnx";
const MAPPING: &str = "rigs/drone-bench/learned/pilot.yaml";
/// What the bench would say again by then.
const TELLS_AGAIN: Duration = Duration::from_millis(50);

/// A file of this test's own.
fn scratch(name: &str, text: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("thinking-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let path = folder.join(name);
    std::fs::write(&path, text).expect("the file can be written");
    path
}

/// The bench's end: a broker, and a link on which the pilot is told and heard.
struct Bench {
    broker: Broker,
    password: PathBuf,
    runtime: Runtime,
    handle: mqtt::Handle,
    posts: Posts,
    clock: Clock,
    sent: u64,
}

impl Bench {
    fn new(name: &str) -> Bench {
        let list = |topics: &[&str]| topics.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        let harness = User::harness().expect("passwords can be drawn");
        let pilot = User::new("pilot", list(&["pilot/goto"]), list(&["pilot/state", "pilot/task"])).expect("they can");
        let broker = Broker::start(Path::new(PROGRAM), &[harness.clone(), pilot.clone()]).expect("the broker starts");
        let runtime = Runtime::new().expect("a runtime can be had");
        let clock = Clock::start();
        let (poster, posts) = queue(clock);
        let config = Config {
            link: LinkId(0),
            client_id: "bench".into(),
            host: "127.0.0.1".into(),
            port: broker.port(),
            tls: None,
            version: 5,
            login: Some(Login { user: harness.name.clone(), password: harness.password }),
            subscriptions: list(&["pilot/goto"]),
            keep_alive: Duration::from_secs(5),
            will: None,
        };
        let handle = mqtt::start(runtime.handle(), config, poster);
        let password = scratch(&format!("{name}.password"), &pilot.password);
        let mut bench = Bench { broker, password, runtime, handle, posts, clock, sent: 0 };
        let up = bench.posts.blocking_recv();
        assert!(matches!(up, Some(Post::Input(Input::Link { state: LinkState::Up, .. }))), "{up:?}");
        bench
    }
    fn send(&mut self, topic: &str, words: &Value) {
        self.sent += 1;
        let frame = Frame::publish(LinkId(0), topic, words.to_string());
        assert!(self.handle.send(self.clock.now(), Lane::Normal, Some(SendId(self.sent)), frame), "the link is up");
    }
    /// Tells the pilot, again and again as a bench does, until it asks for something of which `wanted` holds.
    #[track_caller]
    fn asks(&mut self, x: f64, wanted: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            self.send("pilot/state", &state(x));
            let runtime = &self.runtime;
            while let Ok(Some(post)) =
                runtime.block_on(async { tokio::time::timeout(TELLS_AGAIN, self.posts.recv()).await })
            {
                let Post::Input(Input::Bytes { frame, .. }) = post else { continue };
                assert_eq!(frame.topic.as_deref(), Some("pilot/goto"));
                let words: Value = serde_json::from_slice(&frame.bytes).expect("it speaks JSON");
                if wanted(&words) {
                    return words;
                }
                break;
            }
        }
        panic!("the pilot never asked for it");
    }
}

/// The machine 4 m above this place, at rest.
fn state(x: f64) -> Value {
    json!({ "fc.x": x, "fc.y": 0, "fc.altitude": 4, "fc.vx": 0, "fc.vy": 0, "fc.climb": 0, "fc.yaw": 30 })
}

fn number(words: &Value, name: &str) -> f64 {
    words[name].as_f64().unwrap_or_else(|| panic!("no {name} in {words}"))
}

/// A way to the broker that can be cut.
struct Cable {
    port: u16,
    ends: Arc<Mutex<Vec<TcpStream>>>,
}

impl Cable {
    fn to(port: u16) -> Cable {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let own = listener.local_addr().expect("it has an address").port();
        let ends: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let kept = ends.clone();
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)) else { return };
                let pair = |s: &TcpStream| s.try_clone().expect("a socket can be copied");
                for (mut from, mut to) in [(pair(&near), pair(&far)), (pair(&far), pair(&near))] {
                    // The end of either is the end of both.
                    std::thread::spawn(move || {
                        let _ = copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
                kept.lock().expect("nobody panics with it").push(near);
            }
        });
        Cable { port: own, ends }
    }
    fn cut(&self) {
        for end in self.ends.lock().expect("nobody panics with it").drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}

fn pilot(bench: &Bench, port: u16) -> Running {
    let url = format!("mqtt://127.0.0.1:{port}");
    let password = bench.password.display().to_string();
    let way = ["--broker", &url, "--user", "pilot", "--password-file", &password];
    let mut command = program(["controller", "--policy", POLICY, "--mapping", MAPPING].iter().chain(&way));
    Running::start(&mut command)
}

/// Goal: the shipped pilot flies by a broker as any product would, is silent on stale sight, and survives the loss of the
/// broker. Method: the test is the bench: it tells where the machine is and hears what is asked for.
#[test]
fn a_policy_talks_by_a_broker_and_comes_back_when_the_broker_does() {
    let mut bench = Bench::new("broker");
    let cable = Cable::to(bench.broker.port());
    let mut running = pilot(&bench, cable.port);
    running.until("9 numbers in: x, y, z, vx, vy, climb, goal_x, goal_y, goal_z");
    running.until_aside("connected to 127.0.0.1");
    // Without a task it stays where it is told it is, with the heading that it was told first.
    let stays = bench.asks(1.0, |_| true);
    assert!((number(&stays, "x") - 1.0).abs() < 0.3 && (number(&stays, "z") - 4.0).abs() < 0.3, "{stays}");
    assert!((number(&stays, "yaw") - 30.0).abs() < 1e-9, "{stays}");
    bench.send("pilot/task", &json!({ "x": 4, "y": 0, "z": 4 }));
    let goes = bench.asks(1.0, |words| number(words, "vx") > 1.0);
    assert!(number(&goes, "x") > 2.0, "{goes}");
    running.until_aside("`x` is stale");

    cable.cut();
    running.until_aside("the broker is gone, and is waited for");
    running.until_aside("connected to 127.0.0.1");
    // What it was told before is still its task.
    bench.asks(1.0, |words| number(words, "vx") > 1.0);
    // Beyond the range that it was made for it goes on, and says so.
    bench.asks(7.5, |words| number(words, "vx") < 0.0);
    running.until_aside("`x` is outside the range");
    running.signal(Signal::INT);
    running.end().with(0).says("times outside the range it was made for");
}

/// Goal: a pilot that was started before its broker, or with a wrong password, says so and tries again.
#[test]
fn a_broker_that_is_not_there_is_tried_again() {
    let bench = Bench::new("refused");
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port is free").local_addr().expect("it has one").port();
    let mut running = pilot(&bench, nobody);
    running.until_aside("no way to 127.0.0.1");
    running.signal(Signal::TERM);
    running.end().with(0).says("said 0 messages");

    std::fs::write(&bench.password, "wrong").expect("the file can be written");
    let mut running = pilot(&bench, bench.broker.port());
    running.until_aside("is tried again");
    running.signal(Signal::INT);
    running.end().with(0).says("said 0 messages");
}

#[test]
fn the_file_of_logins_that_a_run_writes_shows_the_way() {
    let bench = Bench::new("login");
    let password = std::fs::read_to_string(&bench.password).expect("it was just written");
    let device = |user: &str| json!({ "user": user, "password": password });
    let several =
        json!({ "host": "127.0.0.1", "port": bench.broker.port(), "devices": [device("pilot"), device("other")] });
    let file = scratch("broker-local.json", &several.to_string()).display().to_string();
    let start = ["controller", "--policy", POLICY, "--mapping", MAPPING, "--login", &file];
    run(start).with(64).says("choose one by --user: pilot, other");
    run(start.iter().chain(&["--user", "nobody"])).with(64).says("has no such user");
    let mut running = Running::start(&mut program(start.iter().chain(&["--user", "pilot"])));
    running.until_aside("connected to 127.0.0.1");
    running.signal(Signal::INT);
    running.end().with(0);
}

/// The same net by a serial port, with a mapping of its own: lines of JSON both ways.
#[test]
fn a_policy_talks_by_a_serial_port() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(MAPPING)).expect("it is shipped");
    let text = text
        .replace("pilot/state#/", "/")
        .replace("pilot/task#/", "/goal_")
        .replace("topic: pilot/goto\n    with", "with");
    let mapping = scratch("serial.yaml", &text).display().to_string();
    let pty = Pty::open().expect("a pseudo-terminal can be had");
    let start = ["controller", "--policy", POLICY, "--mapping", &mapping];
    run(start.iter().chain(&["--broker", "mqtt://127.0.0.1:1"])).with(64).says("has no topic");
    let mut running = Running::start(&mut program(start.iter().chain(&["--serial", &pty.path])));
    running.until_aside("talks by");
    let mut words = state(1.0);
    words["goal_x"] = json!(4);
    let mut heard = Vec::new();
    let begun = Instant::now();
    while !heard.contains(&b'\n') {
        assert!(begun.elapsed() < PATIENCE, "nothing was said");
        rustix::io::write(&pty.master, format!("noise\n{words}\n").as_bytes()).expect("the port takes it");
        let timeout = Timespec { tv_sec: 0, tv_nsec: TELLS_AGAIN.as_nanos() as i64 };
        let ready = poll(&mut [PollFd::new(&pty.master, PollFlags::IN)], Some(&timeout)).expect("it can be polled");
        if ready == 1 {
            let mut part = [0; 1024];
            let count = rustix::io::read(&pty.master, &mut part).expect("bytes are there");
            heard.extend(&part[..count]);
        }
    }
    let line = heard.split(|byte| *byte == b'\n').next().expect("a split has a first part");
    let asked: Value = serde_json::from_slice(line).expect("it speaks JSON");
    assert!(number(&asked, "vx") > 1.0, "{asked}");
    running.until_aside("not understood");
    running.signal(Signal::INT);
    running.end().with(0);
}

#[test]
fn files_and_ways_that_cannot_be_used_are_told_before_anything_is_opened() {
    let start = |more: &[&str]| run(["controller"].iter().chain(more));
    start(&["--policy", POLICY, "--mapping", MAPPING]).with(0).says("thinks every 40 ms").says("6 numbers out");
    start(&["--policy", MAPPING, "--mapping", MAPPING]).with(64).says("it is no ONNX file");
    start(&["--policy", "tests/fixtures/policy/unsupported.onnx", "--mapping", MAPPING]).with(64).says("`Softmax`");
    start(&["--policy", "tests/fixtures/policy/mlp.onnx", "--mapping", MAPPING]).with(64).says("takes 5 numbers");
    start(&["--policy", POLICY, "--mapping", "gone.yaml"]).with(64).says("gone.yaml").says("cannot be read");
    let link = ["--policy", POLICY, "--mapping", MAPPING, "--broker"];
    start(&[&link[..], &["localhost"]].concat()).with(64).says("write mqtt://HOST:PORT");
    start(&[&link[..], &["mqtt://me@here:1"]].concat()).with(64).says("a user is named by --user");
    start(&[&link[..], &["mqtt://here:many"]].concat()).with(64).says("`many` is no port");
    start(&[&link[..], &["mqtt://here:1", "--user", "me"]].concat()).with(64).says("--password-file");
    start(&["--policy", POLICY, "--mapping", MAPPING, "--serial", "/dev/pts/0"]).with(64).says("has a topic");
}

const FLIGHT: &str = "\
scenario: One metre to the north
rig: drone-bench
exercises: [ceiling, geofence]
steps:
  - do: fc.guided
    within: 5 s
  - do: fc.arm
    within: 5 s
  - do: fc.takeoff
    with: { altitude: 1 m }
    within: 5 s
  - do: pilot.fly_to
    with: { x: 1 m, y: 0 m, z: 1 m }
  - expect: norm(fc.x - 1 m, fc.y) < 0.3 m and abs(fc.altitude - 1 m) < 0.3 m
    within: 20 s
finally:
  - do: fc.land
    within: 5 s
  - expect: not fc.armed
    within: 20 s
";

/// Goal: a visitor's way: the policy in its own process against a run that takes nothing for a twin. Method: the machine is a
/// twin that `sim` lets stand alone; the run has its port by name, and the pilot logs in to the run's own broker.
#[test]
fn a_run_is_flown_by_the_policy_in_its_own_process() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut machine = Running::start(&mut program(["sim", "drone-bench", "--only", "fc", "--json"]));
    let stands: Value = serde_json::from_str(&machine.until("\"serial\"")).expect("it prints JSON");
    let links = stands["links"].as_array().expect("a list");
    let port = links.iter().find_map(|link| link["serial"].as_str()).expect("the machine has a port");
    let read = |name: &str| std::fs::read_to_string(root.join("rigs/drone-bench").join(name)).expect("it is shipped");
    scratch("envelope.yaml", &read("envelope.yaml"));
    let rehearsed = read("rig.yaml").replace("rehearse/on-the-ground.yaml", "on-the-ground.yaml");
    scratch("on-the-ground.yaml", &read("rehearse/on-the-ground.yaml"));
    let rig = scratch("rig.yaml", &rehearsed.replace("serial: twin", &format!("serial: {port}")));
    let scenario = scratch("flight.yaml", FLIGHT);
    let runs = rig.with_file_name("runs");
    let mut arguments: Vec<std::ffi::OsString> = vec!["run".into(), scenario.into(), "--rig".into(), rig.into()];
    arguments.extend(["--no-plots".into(), "--runs".into(), runs.into()]);
    let mut flight = Running::start(&mut program(&arguments));
    let words = flight.until_aside("users in ");
    let login = words.trim().rsplit_once("users in ").expect("it was just found").1.to_owned();
    let start = ["controller", "--policy", POLICY, "--mapping", MAPPING, "--login", &login];
    let mut pilot = Running::start(&mut program(start));
    pilot.until_aside("connected to");
    flight.end().with(0).says("PASS").says("every device is confirmed safe");
    pilot.until_aside("the broker is gone");
    pilot.signal(Signal::INT);
    let ended = pilot.end().with(0);
    ended.says_not("not understood").says_not("said 0 messages");
    machine.signal(Signal::INT);
    machine.end().with(0);
}
