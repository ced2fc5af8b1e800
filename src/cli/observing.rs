//! Looking at a rig on wires: `monitor` and `rigs doctor` are plans that only look, run by the host loop of every run.

use super::check::print_diagnostics;
use super::live::{Around, Stand, serial_links};
use super::say;
use crate::io::Disk;
use crate::io::clock::Clock;
use crate::io::feed::{Watcher, feed};
use crate::io::host::{self, Ended, Fold, Table};
use crate::io::queue::{Poster, StopSignals, queue};
use crate::io::state::State;
use crate::rig::{LinkKind, PortName};
use crate::run::{Effects, Input, Run};
use crate::scenario::plan::{FileRole, Plan};
use crate::scenario::{FOR_EVER, watch};
use crate::time::Time;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// A rig that is being looked at.
pub struct Observing {
    pub watcher: Watcher,
    pub poster: Poster,
    pub clock: Clock,
    thread: JoinHandle<std::io::Result<Ended>>,
    around: Around,
    runtime: tokio::runtime::Runtime,
    logins: Vec<PathBuf>,
}

/// The file of a rig that is given by name (rigs/NAME/rig.yaml) or by its file.
pub fn rig_file(rig: &str) -> String {
    if rig.ends_with(".yaml") { rig.to_owned() } else { format!("rigs/{rig}/rig.yaml") }
}

/// The plan that looks at a rig; prints every diagnostic and gives `None` where the files are wrong.
pub fn plan(rig: &str) -> Option<Plan> {
    match watch(&rig_file(rig), &Disk, 1, FOR_EVER) {
        Ok((plan, warnings)) => {
            print_diagnostics(&warnings);
            Some(plan)
        }
        Err(diagnostics) => {
            print_diagnostics(&diagnostics);
            None
        }
    }
}

/// Whether no serial link of the rig names a port: then only its twins are there, and whoever looks says so.
pub fn unattached(plan: &Plan) -> bool {
    let mut ports = plan.rig.links.iter().filter_map(|link| match &link.kind {
        LinkKind::Serial(serial) => Some(&serial.port),
        LinkKind::Mqtt(_) => None,
    });
    let serial = ports.clone().next().is_some();
    serial && ports.all(|port| *port == PortName::Twin)
}

/// The path of the rig file as the plan knows it.
pub fn path_of(plan: &Plan) -> &str {
    plan.files.iter().find(|file| file.role == FileRole::Rig).map_or("", |file| file.path.as_str())
}

/// A runtime for what stands beside the loop, and this program's own path.
pub fn beside() -> Result<(tokio::runtime::Runtime, PathBuf), String> {
    let program = std::env::current_exe().map_err(|error| format!("this program cannot find itself: {error}"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime for the links: {error}"))?;
    Ok((runtime, program))
}

struct Looking(Run);

impl Fold for Looking {
    fn handle(&mut self, input: &Input, out: &mut Effects) {
        self.0.handle(input, out);
    }
    fn next_deadline(&self) -> Option<Time> {
        self.0.next_deadline()
    }
}

/// Opens the links of a rig, or of its twins, and looks. `tested`: the harness and the brokers are measured first.
/// Ctrl-C ends the looking. The error is what kept it from beginning.
pub fn begin(plan: &Arc<Plan>, twins: bool, tested: bool) -> Result<Observing, String> {
    let (runtime, program) = beside()?;
    // Before any child: a Ctrl-C must never leave one behind.
    let signals = {
        let _inside = runtime.enter();
        StopSignals::listen().map_err(|error| format!("Ctrl-C cannot be listened to: {error}"))?
    };
    let folder = State::find()?.folder().join("brokers");
    let login = |link: &str| folder.join(format!("{}-{link}-{}.json", plan.rig.name, std::process::id()));
    let logins = plan.rig.links.iter().map(|link| login(&link.name)).collect();
    if !twins {
        std::fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    }
    let stand = Stand { scenario: "", rig: path_of(plan), overrides: &[], twins, logins: &login };
    let around = Around::start(plan, &stand, &program)?;
    let clock = Clock::start();
    let (poster, posts) = queue(clock);
    let run = Run::new(plan.clone());
    let mqtt = around.mqtt_links(plan, &run, runtime.handle(), &poster)?;
    let floors = if tested { around.probe_floors(plan, runtime.handle(), &poster)? } else { 0 };
    let (feed, watcher) = feed(true);
    runtime.spawn(signals.give_orders(poster.clone()));
    let setup = host::Setup {
        table: Table::of(plan),
        serial: serial_links(plan, &around.ports),
        mqtt,
        watchdogs: Vec::new(),
        queue: posts,
        poster: poster.clone(),
        recorder: None,
        feed: Some(feed),
        twins: None,
        program,
        runtime: runtime.handle().clone(),
        real_time: tested,
    };
    let thread =
        if tested { host::spawn_tested(Looking(run), setup, floors) } else { host::spawn(Looking(run), setup) };
    let thread = thread.map_err(|error| format!("the loop's thread could not be started: {error}"))?;
    Ok(Observing { watcher, poster, clock, thread, around, runtime, logins })
}

impl Observing {
    /// The runtime beside the loop.
    pub fn runtime(&self) -> &tokio::runtime::Runtime {
        &self.runtime
    }

    /// What stands around: brokers and twins.
    pub fn around(&self) -> &Around {
        &self.around
    }

    /// Takes everything down. The error is a bug of the loop's.
    pub fn end(self) -> Result<(), String> {
        let ended = match self.thread.join() {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(format!("the loop failed: {error}")),
            Err(_) => Err("the loop's thread stopped through a bug of its own".to_owned()),
        };
        take_down(self.around);
        for file in self.logins {
            // Most links have none.
            let _ = std::fs::remove_file(file);
        }
        self.runtime.shutdown_timeout(Duration::from_millis(200));
        ended
    }
}

/// Stops twins and brokers.
pub fn take_down(around: Around) {
    for (_, twins) in around.twins {
        if let Err(why) = twins.stop() {
            say::aside(format!("warning: a twin did not stop cleanly: {why}"));
        }
    }
    for broker in around.brokers.into_values() {
        if let Err(why) = broker.stop() {
            say::aside(format!("warning: the embedded broker did not stop cleanly: {why}"));
        }
    }
}
