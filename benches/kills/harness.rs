//! One flight of the shipped drone rig: twin, wire, harness and pilot, each a process of its own (the wire a thread).

use crate::wire::Wire;
use checkrein::io::twins::{BrokerLogin, Setup, Twins};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_checkrein");
/// Nothing here takes longer; what does is a failure.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A flight under way.
pub struct Flight {
    pub wire: Wire,
    pub process: Child,
    lines: Receiver<(Instant, String)>,
    twins: Vec<Twins>,
    pub said: Vec<String>,
}

impl Flight {
    /// Everything up to the moment at which the harness orders the machine to arm. `folder` is this flight's own. The
    /// error says why it never came to that, which is no trial.
    pub fn start(folder: &Path, seed: u64) -> Result<Flight, String> {
        let scenario = scenario(folder);
        let shipped = root().join("rigs/drone-bench/rig.yaml");
        let machine = twin(&scenario, &shipped, seed, "fc", Vec::new())?;
        let wire = Wire::to(&machine.ports().first().expect("the machine has a serial link").1);
        let text = std::fs::read_to_string(&shipped).expect("the rig is shipped");
        let here = text.replace("serial: twin", &format!("serial: {}", wire.path));
        assert_ne!(here, text, "the rig has a serial link to a twin");
        std::fs::write(folder.join("rig.yaml"), here).expect("a file");
        std::fs::copy(root().join("rigs/drone-bench/envelope.yaml"), folder.join("envelope.yaml")).expect("a file");
        let mut process = Command::new(PROGRAM)
            .arg("run")
            .arg(&scenario)
            .arg("--rig")
            .arg(folder.join("rig.yaml"))
            .args(["--no-plots", "--seed", &seed.to_string(), "--runs"])
            .arg(folder.join("runs"))
            .env("CHECKREIN_STATE", folder.join("state"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let (say, lines) = channel();
        let out = process.stdout.take().expect("it is a pipe");
        let err = process.stderr.take().expect("it is a pipe");
        let says = say.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let _ = says.send((Instant::now(), line));
            }
        });
        std::thread::spawn(move || {
            for line in BufReader::new(err).lines().map_while(Result::ok) {
                let _ = say.send((Instant::now(), line));
            }
        });
        let mut flight = Flight { wire, process, lines, twins: vec![machine], said: Vec::new() };
        let (_, told) = flight.until("the embedded broker listens")?;
        let logins = told.trim_end().rsplit(' ').next().expect("the path comes last").to_owned();
        flight.twins.push(pilot(&scenario, &shipped, seed, &logins)?);
        flight.until("> do fc.arm")?;
        Ok(flight)
    }

    /// Waits for a line with these words; the error holds all that was said instead.
    pub fn until(&mut self, words: &str) -> Result<(Instant, String), String> {
        while let Ok((at, line)) = self.lines.recv_timeout(PATIENCE) {
            self.said.push(line.clone());
            if line.contains(words) {
                return Ok((at, line));
            }
        }
        Err(format!("`{words}` was never said:\n{}", self.said.join("\n")))
    }

    /// Waits for the end; the exit code, `None` after a signal.
    pub fn end(&mut self) -> Option<i32> {
        while let Ok((_, line)) = self.lines.recv_timeout(PATIENCE) {
            self.said.push(line);
        }
        self.process.wait().expect("our child").code()
    }

    /// The harness's child of this name.
    pub fn child(&self, name: &str) -> i32 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.process.id())).expect("it runs");
        let read = |path: PathBuf| std::fs::read_to_string(path).unwrap_or_default();
        let all: Vec<i32> = tasks
            .flatten()
            .flat_map(|task| {
                read(task.path().join("children")).split_whitespace().map(str::to_owned).collect::<Vec<_>>()
            })
            .filter_map(|pid| pid.parse().ok())
            .collect();
        let called = |pid: &i32| {
            let line = read(format!("/proc/{pid}/cmdline").into());
            line.split('\0').skip(1).take(2).eq(["child", name])
        };
        all.into_iter().find(called).expect("the harness has this child")
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        for twins in self.twins.drain(..) {
            // The trial is over; a twin that left already is no loss.
            let _ = twins.stop();
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// The shipped flight, low and without an end.
fn scenario(folder: &Path) -> PathBuf {
    let shipped = std::fs::read_to_string(root().join("scenarios/drone-bench/hover-and-land.yaml")).expect("shipped");
    let endless = shipped.replace("default: 3 m", "default: 1.2 m").replace("hold: 5 s", "hold: 10 min");
    assert!(endless.contains("1.2 m") && endless.contains("10 min"), "the shipped scenario has these words");
    let path = folder.join("flight.yaml");
    std::fs::write(&path, endless).expect("a file");
    path
}

fn twin(scenario: &Path, rig: &Path, seed: u64, device: &str, brokers: Vec<BrokerLogin>) -> Result<Twins, String> {
    let setup = Setup {
        scenario: scenario.display().to_string(),
        rig: Some(rig.display().to_string()),
        overrides: Vec::new(),
        seed,
        devices: vec![device.into()],
        brokers,
        grace_ms: 0,
    };
    Twins::start(Path::new(PROGRAM), &setup).map_err(|why| format!("the twin of {device}: {why}"))
}

/// The pilot's twin, with what the harness wrote down for the pilot.
fn pilot(scenario: &Path, rig: &Path, seed: u64, logins: &str) -> Result<Twins, String> {
    let text = std::fs::read_to_string(logins).expect("the logins were written before they were named");
    let logins: serde_json::Value = serde_json::from_str(&text).expect("they are JSON");
    let pilot = &logins["devices"][0];
    let word = |value: &serde_json::Value| value.as_str().expect("it is a text").to_owned();
    let login = BrokerLogin {
        link: "local".into(),
        port: logins["port"].as_u64().and_then(|port| port.try_into().ok()).expect("a port"),
        user: word(&pilot["user"]),
        password: word(&pilot["password"]),
        version: 5,
    };
    twin(scenario, rig, seed, "pilot", vec![login])
}
