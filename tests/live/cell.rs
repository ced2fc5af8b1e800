//! A cell of an arm and a belt that the test plays itself, as JSON over the broker that the harness started.

use super::process::{PATIENCE, Running, program};
use checkrein::io::clock::Clock;
use checkrein::io::mqtt::{self, Config, Login};
use checkrein::io::queue::{Post, queue};
use checkrein::run::{Input, LinkState};
use checkrein::wire::{Frame, Lane, LinkId};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;
use tempfile::TempDir;

const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/live/cell");
const STEP: Duration = Duration::from_millis(20);

/// What the machines do and have heard.
#[derive(Default)]
pub struct State {
    pub arm_live: bool,
    pub belt_runs: bool,
    /// The order to stop is heard and not obeyed; the brake works.
    pub arm_is_deaf_to_stop: bool,
    /// Topics in the order in which they came.
    pub heard: Vec<String>,
    /// Both machines hear that the broker is gone.
    pub broker_is_gone: bool,
}

impl State {
    pub fn times(&self, topic: &str) -> usize {
        self.heard.iter().filter(|heard| *heard == topic).count()
    }
    pub fn is_safe(&self) -> bool {
        !self.arm_live && !self.belt_runs
    }
    fn obey(&mut self, topic: &str) {
        match topic {
            "arm/start" => self.arm_live = true,
            "arm/stop" if self.arm_is_deaf_to_stop => (),
            "arm/stop" | "arm/brake" | "arm/cut" => self.arm_live = false,
            "belt/run" => self.belt_runs = true,
            "belt/halt" => self.belt_runs = false,
            other => panic!("no machine knows {other}"),
        }
        self.heard.push(topic.to_owned());
    }
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// The cell, its files, and the harness that drives it.
pub struct Cell {
    folder: TempDir,
    pub running: Option<Running>,
    shared: Arc<Shared>,
    /// Holds the machines' connections.
    runtime: tokio::runtime::Runtime,
}

impl Cell {
    /// A harness that waits for the machines, in this version of MQTT; `after`: whom the belt waits for.
    pub fn start(version: u8, after: &str, more: &[&str]) -> Cell {
        Cell::with(version, after, more, None)
    }

    /// Like [`Cell::start`]; the run breaks in this way.
    pub fn broken(version: u8, more: &[&str], how: &str) -> Cell {
        Cell::with(version, "[]", more, Some(how))
    }

    fn with(version: u8, after: &str, more: &[&str], breaks: Option<&str>) -> Cell {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        for file in ["rig.yaml", "envelope.yaml", "work.yaml"] {
            let text = std::fs::read_to_string(Path::new(FILES).join(file)).expect("the fixture is there");
            let text = text.replace("VERSION", &version.to_string());
            let text = text.replace("AFTER", after).replace("ARM_STOPS", "500 ms");
            std::fs::write(folder.path().join(file), text).expect("it can be written");
        }
        let path = |name: &str| folder.path().join(name).display().to_string();
        let mut arguments = vec!["run".to_owned(), path("work.yaml"), "--rig".into(), path("rig.yaml")];
        arguments.extend(["--no-plots".to_owned(), "--runs".into(), path("runs")]);
        arguments.extend(more.iter().map(|word| (*word).to_owned()));
        let mut command = program(arguments);
        command.env("CHECKREIN_STATE", folder.path().join("state"));
        if let Some(how) = breaks {
            command.env("CHECKREIN_TEST_BREAK", how);
        }
        let mut running = Running::start(&mut command);
        let told = running.until_aside("the embedded broker listens");
        let logins = told.trim_end().rsplit(' ').next().expect("the path comes last").to_owned();
        let runtime = tokio::runtime::Runtime::new().expect("a runtime can be had");
        let cell = Cell { folder, running: Some(running), shared: Arc::default(), runtime };
        cell.plug_in(version, &logins);
        cell
    }

    /// Both machines connect with what the harness wrote down for them.
    fn plug_in(&self, version: u8, logins: &str) {
        let text = std::fs::read_to_string(logins).expect("the logins were written before they were named");
        let logins: serde_json::Value = serde_json::from_str(&text).expect("they are JSON");
        let word = |value: &serde_json::Value| value.as_str().expect("it is a text").to_owned();
        for device in logins["devices"].as_array().expect("there are devices") {
            let name = word(&device["user"]);
            let clock = Clock::start();
            let (poster, mut posts) = queue(clock);
            let config = Config {
                link: LinkId(0),
                client_id: format!("machine-{name}"),
                host: word(&logins["host"]),
                port: logins["port"].as_u64().and_then(|port| port.try_into().ok()).expect("a port"),
                tls: None,
                version,
                login: Some(Login { user: name.clone(), password: word(&device["password"]) }),
                subscriptions: match name.as_str() {
                    "arm" => ["arm/start", "arm/stop", "arm/brake", "arm/cut"].map(str::to_owned).into(),
                    _ => ["belt/run", "belt/halt"].map(str::to_owned).into(),
                },
                keep_alive: Duration::from_secs(5),
                will: None,
            };
            let handle = mqtt::start(self.runtime.handle(), config, poster);
            let shared = self.shared.clone();
            self.runtime.spawn(async move {
                let mut tick = tokio::time::interval(STEP);
                loop {
                    tokio::select! {
                        post = posts.recv() => match post {
                            Some(Post::Input(Input::Bytes { frame, .. })) => {
                                shared.lock().obey(frame.topic.as_deref().unwrap_or_default());
                            }
                            Some(Post::Input(Input::Link { state: LinkState::Lost(_), .. })) => {
                                shared.lock().broker_is_gone = true;
                            }
                            Some(_) => (),
                            None => return,
                        },
                        _ = tick.tick() => {
                            let (topic, text) = tell(&name, &shared.lock());
                            handle.send(clock.now(), Lane::Normal, None, Frame::publish(LinkId(0), topic, text.as_bytes()));
                        }
                    }
                    shared.changed.notify_all();
                }
            });
        }
    }

    pub fn running(&mut self) -> &mut Running {
        self.running.as_mut().expect("it was not ended yet")
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.shared.lock()
    }

    /// Waits until the machines are as described.
    #[track_caller]
    pub fn until(&self, what: &str, mut wanted: impl FnMut(&State) -> bool) {
        let (state, late) = self
            .shared
            .changed
            .wait_timeout_while(self.state(), PATIENCE, |state| !wanted(state))
            .expect("nobody panics while holding it");
        assert!(!late.timed_out(), "never came: {what}; heard: {:?}", state.heard);
    }

    pub fn runs(&self) -> PathBuf {
        self.folder.path().join("runs")
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn tell(machine: &str, state: &State) -> (&'static str, String) {
    match machine {
        "arm" => ("arm/state", format!("{{\"serial\":\"A7\",\"pos\":1.0,\"live\":{}}}", state.arm_live)),
        _ => {
            let speed = if state.belt_runs { 1.0 } else { 0.0 };
            ("belt/state", format!("{{\"serial\":\"B2\",\"speed\":{speed},\"runs\":{}}}", state.belt_runs))
        }
    }
}
