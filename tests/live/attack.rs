//! A policy on the real broker that goes wrong in every way: what it says never reaches the machine past the gate, each
//! command is accounted for, and when it dies the machine is made safe.

use super::process::{PATIENCE, Running, program};
use super::stand::replays;
use checkrein::io::clock::Clock;
use checkrein::io::mqtt::{self, Config, Handle, Login};
use checkrein::io::queue::{Post, queue};
use checkrein::run::{Input, LinkState};
use checkrein::wire::{Frame, Lane, LinkId};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

pub const RIG: &str = "\
rig: policed
about: An arm that a policy may move. The test plays both, on the broker that the harness started.
envelope: envelope.yaml
links:
  bus: { mqtt: embedded }
devices:
  arm:
    link: bus
    protocol: json
    identity: { \"arm/state#/serial\": A7 }
    signals:
      pos: { field: \"arm/state#/pos\", scale: 1 m, range: 0 m .. 10 m, every: 20 ms, stale_after: 5 s }
      live: { field: \"arm/state#/live\", flag: true, every: 20 ms, stale_after: 5 s }
    commands:
      start: { send: arm/start }
      go: { args: { to: 0 m .. 9 m drives arm.pos }, send: arm/go }
      stop: { send: arm/stop, harmless: true }
    safe: not arm.live
    ladder:
      - { do: arm.stop, within: 5 s }
  pilot:
    role: controller
    link: bus
    protocol: json
    may: { arm.go: { topic: pilot/go, max_age: 5 s, rate: 1 Hz } }
    signals:
      beat: { field: \"pilot/beat#/n\", scale: 1, range: 0 .. 10, every: 20 ms }
    dead_man: { silent_for: 1 s }
";
pub const ENVELOPE: &str =
    "envelope: Of the arm\nrules:\n  limit:\n    always: arm.pos <= 8 m\n    react_within: 10 s\n";
pub const SCENARIO: &str = "\
scenario: Under attack
rig: policed
about: The arm is live and the policy says what it likes.
exercises: [limit]
steps:
  - do: arm.start
  - hold: 10 min
";
const STEP: Duration = Duration::from_millis(20);

/// What the arm does and has heard.
#[derive(Default)]
pub struct Arm {
    pub live: bool,
    pub heard: Vec<(String, String)>,
}

pub type Shared = Arc<(Mutex<Arm>, Condvar)>;

/// A client of the broker; `words` are what it says every 20 ms.
pub fn plug_in(
    runtime: &tokio::runtime::Runtime,
    logins: &serde_json::Value,
    login: Option<Login>,
    subscriptions: &[&str],
    words: impl Fn() -> Frame + Send + 'static,
    heard: impl Fn(Input) + Send + 'static,
) -> Arc<Handle> {
    let clock = Clock::start();
    let (poster, mut posts) = queue(clock);
    let config = Config {
        link: LinkId(0),
        client_id: login.as_ref().map_or_else(|| "stranger".to_owned(), |login| format!("machine-{}", login.user)),
        host: logins["host"].as_str().expect("a host").to_owned(),
        port: logins["port"].as_u64().and_then(|port| port.try_into().ok()).expect("a port"),
        tls: None,
        version: 5,
        login,
        subscriptions: subscriptions.iter().map(|topic| (*topic).to_owned()).collect(),
        keep_alive: Duration::from_secs(5),
        will: None,
    };
    let handle = Arc::new(mqtt::start(runtime.handle(), config, poster));
    let speaker = handle.clone();
    runtime.spawn(async move {
        let mut tick = tokio::time::interval(STEP);
        loop {
            tokio::select! {
                post = posts.recv() => match post {
                    Some(Post::Input(input)) => heard(input),
                    Some(_) => (),
                    None => return,
                },
                _ = tick.tick() => {
                    speaker.send(clock.now(), Lane::Normal, None, words());
                }
            }
        }
    });
    handle
}

/// The arm, which obeys.
pub fn plug_in_arm(runtime: &tokio::runtime::Runtime, logins: &serde_json::Value, shared: &Shared) -> Arc<Handle> {
    let (telling, obeying) = (shared.clone(), shared.clone());
    let state = move || {
        let live = telling.0.lock().expect("nobody panics while holding it").live;
        publish("arm/state", &format!("{{\"serial\":\"A7\",\"pos\":1.0,\"live\":{live}}}"))
    };
    let obey = move |input: Input| {
        let Input::Bytes { frame, .. } = input else { return };
        let topic = frame.topic.as_deref().unwrap_or_default().to_owned();
        let mut arm = obeying.0.lock().expect("nobody panics while holding it");
        match topic.as_str() {
            "arm/start" => arm.live = true,
            "arm/stop" => arm.live = false,
            _ => {}
        }
        arm.heard.push((topic, String::from_utf8_lossy(&frame.bytes).into_owned()));
        obeying.1.notify_all();
    };
    let topics = ["arm/start", "arm/go", "arm/stop"];
    plug_in(runtime, logins, Some(login(logins, "arm")), &topics, state, obey)
}

pub fn login(logins: &serde_json::Value, name: &str) -> Login {
    let devices = logins["devices"].as_array().expect("there are devices");
    let device = devices.iter().find(|device| device["user"] == name).expect("each device has a login");
    Login { user: name.to_owned(), password: device["password"].as_str().expect("a text").to_owned() }
}

pub fn publish(topic: &str, text: &str) -> Frame {
    Frame::publish(LinkId(0), topic, text.as_bytes())
}

/// Waits until the arm is as described.
#[track_caller]
pub fn until(shared: &Shared, what: &str, wanted: impl Fn(&Arm) -> bool) {
    let arm = shared.0.lock().expect("nobody panics while holding it");
    let waited = shared.1.wait_timeout_while(arm, PATIENCE, |arm| !wanted(arm));
    let (arm, late) = waited.expect("nobody panics while holding it");
    assert!(!late.timed_out(), "never came: {what}; heard: {:?}", arm.heard);
}

#[test]
fn a_policy_that_attacks_and_dies_is_held_by_the_gate_and_survived() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = |name: &str| folder.path().join(name).display().to_string();
    for (name, text) in [("rig.yaml", RIG), ("envelope.yaml", ENVELOPE), ("attack.yaml", SCENARIO)] {
        std::fs::write(folder.path().join(name), text).expect("it can be written");
    }
    let arguments = ["run", &path("attack.yaml"), "--rig", &path("rig.yaml"), "--no-plots", "--runs", &path("runs")];
    let mut command = program(arguments);
    let mut running = Running::start(command.env("CHECKREIN_STATE", folder.path().join("state")));
    let told = running.until_aside("the embedded broker listens");
    let place = told.trim_end().rsplit(' ').next().expect("the path comes last");
    let logins = std::fs::read_to_string(place).expect("the logins were written before they were named");
    let logins: serde_json::Value = serde_json::from_str(&logins).expect("they are JSON");

    let shared: Shared = Arc::default();
    let machines = tokio::runtime::Runtime::new().expect("a runtime can be had");
    let _arm = plug_in_arm(&machines, &logins, &shared);
    let brain = tokio::runtime::Runtime::new().expect("a runtime can be had");
    let beat = || publish("pilot/beat", "{\"n\":1}");
    let pilot = plug_in(&brain, &logins, Some(login(&logins, "pilot")), &[], beat, |_| ());
    running.until("> hold");

    // An unknown client is shown the door.
    let (refused, verdict) = std::sync::mpsc::channel();
    let forged = || publish("pilot/go", "{\"to\":4}");
    let _stranger = plug_in(&machines, &logins, None, &[], forged, move |input| {
        if let Input::Link { state: LinkState::Refused(why), .. } = input {
            // The test may be over: nobody asks any more.
            let _ = refused.send(why);
        }
    });
    verdict.recv_timeout(PATIENCE).expect("a stranger is refused");

    // The policy itself, from bad to worse, in one connection and so in this order.
    let clock = Clock::start();
    let mut said = 0;
    let mut say = |topic: &str, text: &str| {
        said += u64::from(topic == "pilot/go");
        assert!(pilot.send(clock.now(), Lane::Normal, None, publish(topic, text)), "it is connected");
    };
    say("arm/go", "{\"to\":4.5}");
    say("arm/start", "{}");
    say("pilot/start", "{}");
    for text in ["{\"to\":NaN}", "{\"to\":null}", "", "nonsense", "{\"to\":1e999}", "{}", "[8]"] {
        say("pilot/go", text);
    }
    for to in ["9.5", "-0.5", "1e300"] {
        say("pilot/go", &format!("{{\"to\":{to}}}"));
    }
    // Beyond the rule, and then a hundred times as fast as it may.
    for _ in 0..100 {
        say("pilot/go", "{\"to\":8.5}");
    }
    until(&shared, "the command held to its limit", |arm| arm.heard.iter().any(|(topic, _)| topic == "arm/go"));
    // It dies in the middle of it all; what it had said by then is on the broker.
    brain.shutdown_background();
    until(&shared, "the arm's stop", |arm| !arm.live);
    let ended = running.end().with(2);
    ended.says("controller `pilot` fell silent").says("TRIP").says("confirmed safe");

    let arm = shared.0.lock().expect("nobody panics while holding it");
    let went: Vec<&str> = arm.heard.iter().filter(|(t, _)| t == "arm/go").map(|(_, text)| text.as_str()).collect();
    assert!(went.iter().all(|text| *text == "{\"to\":8}" || *text == "{\"to\":8.0}"), "{went:?}");
    let run: PathBuf = std::fs::read_dir(folder.path().join("runs"))
        .expect("there was a run")
        .map(|entry| entry.expect("it can be listed").path())
        .next()
        .expect("one run");
    let verdict = std::fs::read_to_string(run.join("verdict.json")).expect("it was written");
    let verdict: serde_json::Value = serde_json::from_str(&verdict).expect("it is JSON");
    let account = &verdict["gate"]["controllers"][0];
    let count = |key: &str| account[key].as_u64().unwrap_or_else(|| panic!("{key} in {account}"));
    assert_eq!(account["unaccounted"], 0, "{account}");
    assert_eq!(count("passed") + count("clamped") + count("rejected") + count("malformed"), count("received"));
    assert!(count("received") <= said && count("received") >= 11, "of {said}: {account}");
    assert_eq!((count("passed"), account["rejected_by"]["out_of_range"].as_u64()), (0, Some(3)), "{account}");
    assert!(count("clamped") >= 1 && count("malformed") >= 5, "{account}");
    assert_eq!(count("clamped"), went.len() as u64, "what was let through is what the arm heard");
    replays(&run);
}
