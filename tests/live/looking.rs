//! Looking at a rig without a scenario: `sim`, `monitor`, `rigs doctor`. Nothing that they do moves anything.

use super::board::Board;
use super::process::{Ended, PATIENCE, Running, await_end, program};
use super::stand::Stand;
use checkrein::codec::mavlink::DialectSource;
use checkrein::codec::mavlink::device::Vehicle;
use checkrein::io::broker::{Broker, User};
use checkrein::io::clock::Clock;
use checkrein::io::mqtt::{self, Config, Login};
use checkrein::io::queue::{Post, queue};
use checkrein::run::{Input, LinkState};
use checkrein::wire::LinkId;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// A command of the program on the rig of a stand.
fn on(stand: &Stand, words: &[&str], more: &[&str]) -> Running {
    let rig = stand.file("rig.yaml").display().to_string();
    let all: Vec<&str> = words.iter().copied().chain([rig.as_str()]).chain(more.iter().copied()).collect();
    Running::start(program(all).env("CHECKREIN_STATE", stand.state()))
}

fn doctor(stand: &Stand, more: &[&str]) -> Ended {
    on(stand, &["rigs", "doctor"], &[&["--json"], more].concat()).end()
}

/// The finding about something.
#[track_caller]
fn finding(ended: &Ended, about: &str, check: &str) -> Value {
    let document: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("no JSON: {ended:#?}"));
    let all = document["findings"].as_array().expect("there are findings");
    let one = all.iter().find(|one| one["about"] == about && one["check"] == check);
    one.unwrap_or_else(|| panic!("nothing on {check} of {about}: {document:#}")).clone()
}

/// Waits for a line of JSON that fits.
#[track_caller]
fn until(running: &mut Running, words: &str, fits: impl Fn(&Value) -> bool) -> Value {
    loop {
        let line = running.until(words);
        let value: Value = serde_json::from_str(&line).expect("every line is JSON");
        if fits(&value) {
            return value;
        }
    }
}

#[test]
fn the_monitor_shows_values_rates_and_margins_and_asks_at_most() {
    let board = Board::new();
    let stand = Stand::on(&board.path);
    let mut running = on(&stand, &["monitor"], &["--json", "--every", "50ms"]);
    let seen = until(&mut running, "\"signals\"", |look| {
        look["judged"] == true && look["signals"]["fc.altitude"]["count"].as_u64().is_some_and(|count| count > 10)
    });
    let altitude = &seen["signals"]["fc.altitude"];
    assert_eq!((altitude["value"].as_f64(), altitude["unit"].as_str()), (Some(0.0), Some("m")));
    assert!(altitude["rate_hz"].as_f64().is_some_and(|rate| rate > 1.0 && rate < 2_000.0), "{altitude}");
    assert!(altitude["age_s"].as_f64().is_some_and(|age| age >= 0.0), "{altitude}");
    assert_eq!(seen["signals"]["fc.mode"]["value"], "STABILIZE");
    assert_eq!(seen["rules"]["ceiling"]["margin"], serde_json::json!([8.0, 8.0]));
    // It flies away, and the envelope is broken: who only looks tells it, and does nothing.
    {
        let mut state = board.state();
        (state.altitude, state.target) = (9.0, 9.0);
    }
    until(&mut running, "\"signals\"", |look| look["rules"]["ceiling"]["broken"] == true);
    {
        let mut state = board.state();
        (state.altitude, state.target) = (1.0, 1.0);
    }
    let back = until(&mut running, "\"signals\"", |look| look["rules"]["ceiling"]["broken"] == false);
    assert_eq!(back["rules"]["ceiling"]["was_broken"], true);
    running.signal(Signal::INT);
    running.end().with(0);
    let state = board.state();
    assert!(state.heard_questions_only(), "{:?}", state.heard);
    // A device that counts on a heartbeat of ours must not come to miss it when the onlooker leaves.
    assert!(state.heard.iter().all(|received| received.name != "HEARTBEAT"), "{:?}", state.heard);
    assert!(!state.heard.is_empty(), "it was asked who it is");
    stand.no_run_was_made();
}

#[test]
fn the_monitor_looks_at_twins_and_leaves_none_behind() {
    let stand = Stand::on("twin");
    let mut running = on(&stand, &["monitor"], &["--every", "50ms"]);
    running.until_aside("its twins take the devices' place");
    running.until("margin");
    let twins = running.children("child twins");
    assert_eq!(twins.len(), 1);
    running.signal(Signal::INT);
    running.end().with(0).says_not("TRIP");
    await_end(twins[0]);
}

#[test]
fn the_monitor_of_a_rig_that_is_not_there_is_blocked() {
    let stand = Stand::on("/dev/serial/by-id/usb-nobody-here");
    on(&stand, &["monitor"], &[]).end().with(3).says("no such port");
}

#[test]
fn a_port_of_the_twins_is_real_and_another_tool_hears_the_machine_on_it() {
    let stand = Stand::on("twin");
    let mut running = on(&stand, &["sim"], &["--json"]);
    let line = running.until("\"links\"");
    let told: Value = serde_json::from_str(&line).expect("one line of JSON");
    let path = told["links"][0]["serial"].as_str().expect("the link is serial").to_owned();
    assert_eq!(told["links"][0]["devices"], serde_json::json!(["fc"]));
    let port = std::fs::File::options().read(true).write(true).open(&path).expect("the port is there");
    let mut ears = Vehicle::new(&DialectSource::Ardupilotmega, 1, 1).expect("the built-in dialect loads");
    let mut heard = Vec::new();
    let patience = Timespec { tv_sec: PATIENCE.as_secs() as i64, tv_nsec: 0 };
    while !heard.iter().any(|received: &checkrein::codec::mavlink::device::Received| received.name == "HEARTBEAT") {
        assert_eq!(poll(&mut [PollFd::new(&port, PollFlags::IN)], Some(&patience)), Ok(1), "the twin says nothing");
        let mut part = [0; 4096];
        let count = rustix::io::read(&port, &mut part).expect("it is open");
        ears.feed(&part[..count], &mut heard);
    }
    let twins = running.children("child twins");
    running.signal(Signal::INT);
    running.end().with(0);
    twins.into_iter().for_each(await_end);
    assert!(!Path::new(&path).exists(), "the port goes with its twin");
}

#[test]
fn logins_of_the_twins_broker_work_for_another_tool() {
    let stand = Stand::on("twin");
    let mut running =
        Running::start(program(["sim", "drone-bench", "--only", "fc", "--json"]).env("CHECKREIN_STATE", stand.state()));
    let told: Value = serde_json::from_str(&running.until("\"links\"")).expect("one line of JSON");
    let bus = told["links"].as_array().expect("there are links").iter().find(|l| l["link"] == "local").expect("named");
    let pilot = bus["users"].as_array().expect("users").iter().find(|user| user["user"] == "pilot").expect("free");
    let word = |value: &Value| value.as_str().expect("a text").to_owned();
    let config = Config {
        link: LinkId(0),
        client_id: "another-tool".into(),
        host: word(&bus["mqtt"]["host"]),
        port: bus["mqtt"]["port"].as_u64().and_then(|port| port.try_into().ok()).expect("a port"),
        tls: None,
        version: 5,
        login: Some(Login { user: word(&pilot["user"]), password: word(&pilot["password"]) }),
        subscriptions: vec!["pilot/task".into()],
        keep_alive: Duration::from_secs(5),
        will: None,
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be had");
    let (poster, mut posts) = queue(Clock::start());
    let handle = mqtt::start(runtime.handle(), config, poster);
    let first = posts.blocking_recv();
    assert!(matches!(first, Some(Post::Input(Input::Link { state: LinkState::Up, .. }))), "{first:?}");
    runtime.block_on(handle.close());
    running.signal(Signal::INT);
    running.end().with(0);
}

#[test]
fn twins_of_every_rig_come_up_several_machines_on_one_broker_too() {
    let mut together = 0;
    for rig in std::fs::read_dir("rigs").expect("the rigs are part of the sources") {
        let rig = rig.expect("it can be read").file_name().into_string().expect("it is text");
        // What it prints, it prints once every twin is there and heard by its broker.
        let mut running = Running::start(&mut program(["sim", &rig, "--json"]));
        let told = running.until("\"links\"");
        together += usize::from(told.contains("\"all-twins\""));
        running.signal(Signal::INT);
        running.end().with(0);
    }
    assert!(together > 0, "a rig has several machines on one broker");
}

#[test]
fn a_twin_that_the_rig_does_not_have_is_a_usage_error() {
    let stand = Stand::on("twin");
    on(&stand, &["sim"], &["--only", "pilot"]).end().with(64).says("no twin of `pilot`").says("fc");
}

#[test]
fn the_doctor_finds_a_good_bench_good() {
    let board = Board::new();
    let stand = Stand::on(&board.path);
    let ended = doctor(&stand, &["--at-least", "1200ms"]).with(0);
    for (about, check) in [
        ("rig", "files"),
        ("rig", "lease"),
        ("link telem", "port"),
        ("link telem", "permission"),
        ("rig", "other ports"),
        ("fc", "dead-man"),
        ("link telem", "link"),
        ("fc", "identity"),
        ("fc", "round trip"),
        ("fc", "clock"),
        ("fc.altitude", "rate"),
        ("fc.altitude", "value"),
        ("fc.mode", "value"),
        ("rule ceiling", "margin"),
    ] {
        assert_eq!(finding(&ended, about, check)["grade"], "good", "{about} {check}: {}", ended.stdout);
    }
    assert_eq!(finding(&ended, "fc", "rehearsed")["grade"], "warning");
    let rate = finding(&ended, "fc.altitude", "rate")["figures"]["declared_hz"].as_f64();
    assert_eq!(rate, Some(50.0));
    let answers = finding(&ended, "fc", "round trip")["figures"]["answers"].as_u64();
    assert!(answers.is_some_and(|answers| answers >= 1), "{answers:?}");
    let drift = finding(&ended, "fc", "clock")["figures"]["drift_ppm"].as_f64();
    // The board counts whole milliseconds on the clock of this computer.
    let off = finding(&ended, "fc", "clock")["figures"]["drift_uncertainty_ppm"].as_f64();
    assert!(drift.zip(off).is_some_and(|(drift, off)| drift.abs() <= off), "{drift:?} {off:?}");
    assert!(board.state().heard_questions_only());
}

#[test]
fn the_doctor_tells_another_board_from_the_one_that_the_rig_names() {
    let board = Board::new();
    board.state().uid = 99.0;
    let stand = Stand::on(&board.path);
    let ended = doctor(&stand, &["--for", "1s"]).with(3);
    let identity = finding(&ended, "fc", "identity");
    assert_eq!(identity["grade"], "blocks");
    assert!(
        identity["words"].as_str().is_some_and(|words| words.contains("AUTOPILOT_VERSION.uid is 99")),
        "{identity}"
    );
    // What else there is to know is told all the same.
    assert_eq!(finding(&ended, "fc.altitude", "rate")["grade"], "good");
}

#[test]
fn a_signal_that_is_never_heard_and_a_value_outside_its_range_are_told() {
    let board = Board::new();
    board.state().mute = true;
    let stand = Stand::on(&board.path);
    let ended = doctor(&stand, &["--for", "700ms"]).with(3);
    assert_eq!(finding(&ended, "fc.altitude", "rate")["words"], "never heard");
    assert_eq!(finding(&ended, "fc.altitude", "rate")["grade"], "blocks");
    assert_eq!(finding(&ended, "fc.mode", "rate")["grade"], "good");

    let board = Board::new();
    {
        let mut state = board.state();
        (state.altitude, state.target) = (-5.0, -5.0);
    }
    let stand = Stand::on(&board.path);
    let ended = doctor(&stand, &[]).with(0);
    let value = finding(&ended, "fc.altitude", "value");
    assert_eq!(value["grade"], "warning");
    assert!(value["words"].as_str().is_some_and(|words| words.contains("outside its range")), "{value}");
}

#[test]
fn an_envelope_that_is_broken_at_rest_stands_in_the_way() {
    let board = Board::new();
    {
        let mut state = board.state();
        (state.altitude, state.target) = (9.0, 9.0);
    }
    let stand = Stand::on(&board.path);
    let ended = doctor(&stand, &[]).with(3);
    let margin = finding(&ended, "rule ceiling", "margin");
    assert_eq!(margin["grade"], "blocks");
    assert!(margin["words"].as_str().is_some_and(|words| words.starts_with("broken at rest")), "{margin}");
    assert!(board.state().heard_questions_only(), "nobody stops it for that");
}

#[test]
fn a_missing_port_and_a_leased_rig_stand_in_the_way() {
    let stand = Stand::on("/dev/serial/by-id/usb-nobody-here");
    let ended = doctor(&stand, &[]).with(3);
    assert!(finding(&ended, "link telem", "port")["words"].as_str().is_some_and(|w| w.contains("no such port")));

    let board = Board::new();
    let stand = Stand::on(&board.path);
    let mut run = stand.start("hop.yaml", &["--set", "held=10min"]);
    run.until("> hold");
    let ended = doctor(&stand, &[]).with(3);
    assert!(finding(&ended, "rig", "lease")["words"].as_str().is_some_and(|w| w.starts_with("leased to ")));
    assert_eq!(finding(&ended, "link telem", "link")["grade"], "blocks", "the run holds the port");
    run.signal(Signal::INT);
    run.end().with(4).says("confirmed safe");
}

#[test]
fn the_doctors_table_is_for_people() {
    let stand = Stand::on("twin");
    let ended = on(&stand, &["rigs", "doctor"], &["--sim"]).end().with(0);
    ended.says("rig stand on its twins").says("a run could start").says("50.0 Hz declared");
}

const OUTSIDE: &str = "\
rig: outside
about: An arm behind a broker of the lab; its pilot has a login of its own there.
envelope: envelope.yaml
links:
  bus: { mqtt: \"mqtt://127.0.0.1:PORT\", user: harness, password_env: DOCTOR_HARNESS }
devices:
  arm:
    link: bus
    protocol: json
    identity: { \"arm/state#/serial\": A7 }
    signals:
      live: { field: \"arm/state#/live\", flag: true, every: 20 ms }
    commands:
      move: { args: { to: 0 m .. 1 m }, send: arm/move, with: { to: { arg: to, scale: 1 m } } }
      stop: { send: arm/stop, harmless: true }
    safe: not arm.live
    ladder:
      - { do: arm.stop, within: 1 s }
  pilot:
    role: controller
    link: bus
    protocol: json
    tells: { topic: pilot/state, every: 20 ms, fields: [arm.live] }
    may:
      arm.move: { topic: pilot/move, max_age: 250 ms }
    dead_man: { silent_for: 500 ms }
";

#[test]
fn a_controller_that_could_publish_past_the_guard_is_found_out() {
    let program_path = Path::new(super::process::PROGRAM);
    for (publish, grade) in [(vec!["pilot/#", "arm/move"], "blocks"), (vec!["pilot/#"], "good")] {
        let publish = publish.into_iter().map(str::to_owned).collect();
        let harness = User { name: "harness".into(), ..User::harness().expect("chance can be had") };
        let pilot = User::new("pilot-user", publish, vec!["pilot/#".into()]).expect("chance can be had");
        let broker = Broker::start(program_path, &[harness.clone(), pilot.clone()]).expect("it starts");
        let stand = Stand::on("twin");
        stand.write("rig.yaml", OUTSIDE.replace("PORT", &broker.port().to_string()));
        stand.write("envelope.yaml", "envelope: E\nrules:\n  still:\n    never: arm.live\n    react_within: 1 s\n");
        let rig = stand.file("rig.yaml").display().to_string();
        let words = ["rigs", "doctor", &rig, "--for", "500ms", "--json"];
        let run = |more: &[&str]| {
            let mut command = program(words.iter().chain(more));
            command.env("CHECKREIN_STATE", stand.state());
            command.env("DOCTOR_HARNESS", &harness.password).env("DOCTOR_PILOT", &pilot.password);
            Running::start(&mut command).end()
        };
        // The arm itself is not there, so that no run could start either way.
        let ended = run(&[]).with(3);
        assert_eq!(finding(&ended, "pilot", "access")["grade"], "unknown");
        let figures = finding(&ended, "link bus", "broker")["figures"].clone();
        assert_eq!((&figures["host"], &figures["port"]), (&"127.0.0.1".into(), &broker.port().into()), "{figures}");
        let ended = run(&["--login", "pilot=pilot-user:env:DOCTOR_PILOT"]).with(3);
        let access = finding(&ended, "pilot", "access");
        assert_eq!(access["grade"], grade, "{access}");
        if grade == "blocks" {
            assert_eq!(access["figures"]["open"], serde_json::json!(["arm/move"]));
        }
        run(&["--login", "arm"]).with(64).says("is not DEVICE=USER:env:VARIABLE");
        run(&["--login", "nobody=x:env:Y"]).with(64).says("has no device `nobody`");
    }
}
