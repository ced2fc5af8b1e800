//! A run on wires: broker, twins, links, recorder and watcher are set up here, and taken down again.

use super::breakable::Breakable;
use super::lease::{Safing, Watched};
use super::run::{Done, Prepared};
use super::say;
use crate::io::broker::{self, Broker as EmbeddedBroker, User};
use crate::io::clock::Clock;
use crate::io::feed::{Seen, Watcher, feed};
use crate::io::floor::floor;
use crate::io::host::{self, Ended, Quality, Table};
use crate::io::last_words;
use crate::io::line::SerialLink;
use crate::io::queue::{Post, Poster, StopSignals, queue};
use crate::io::recorder::{self, FileSink};
use crate::io::tunnel::TlsSettings;
use crate::io::twins::{BrokerLogin, Setup as TwinSetup, Twins};
use crate::io::watchdog::{self, BrokerWay, Watchdog};
use crate::io::{mqtt, ports};
use crate::live::Screen;
use crate::rig::{Broker, KEEP_ALIVE, LinkKind, MqttDef, PortName, Role};
use crate::run::{Input, OperatorOrder, Outcome, Run, RunVerdict, SelfTest, TestedWire};
use crate::scenario::plan::{Mode, Plan};
use crate::time::Span;
use crate::wire::LinkId;
use std::collections::BTreeMap;
use std::io::{BufRead, IsTerminal, stdin, stdout};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Twins outlive a killed harness by more than any ladder takes, so that one can see them become safe.
const TWINS_GRACE: Duration = Duration::from_secs(60);
/// Another grace, in milliseconds: a test need not leave twins behind for a minute.
const TWINS_GRACE_VARIABLE: &str = "CHECKREIN_TWINS_GRACE_MS";
/// A watchdog's port is waited for this much longer than the rig's own watchdog would hold it: that of another rig, or one
/// that fired a little before we came.
const WATCHDOG_GRACE: Duration = Duration::from_secs(20);
/// Bursts of three messages by which a broker's delay is measured: under a second on a good one.
const PROBE_BURSTS: usize = 20;
/// Messages by which the way to a broker and back is measured before arming: about a fifth of a second.
const FLOOR_MESSAGES: usize = 100;

/// Runs the plan on wires to its end. The error is what kept it from being brought up at all.
pub fn live(prepared: &mut Prepared) -> Result<Done, String> {
    let plan = prepared.plan.clone();
    let program = std::env::current_exe().map_err(|error| format!("this program cannot find itself: {error}"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime for the links: {error}"))?;
    if plan.mode == Mode::Rig {
        await_ports(&plan);
    }
    // Before any wire is opened: a Ctrl-C must never find a harness that it simply ends.
    let signals = {
        let _inside = runtime.enter();
        StopSignals::listen().map_err(|error| format!("Ctrl-C cannot be listened to: {error}"))?
    };
    let stand = Stand {
        scenario: &prepared.head.scenario_path,
        rig: &prepared.head.rig_path,
        overrides: &prepared.head.overrides,
        twins: plan.mode == Mode::Sim,
        logins: &|link| prepared.dir.file(&format!("broker-{link}.json")),
    };
    let around = Around::start(&plan, &stand, &program)?;
    let clock = Clock::start();
    prepared.head.wall_clock_unix_nanos = clock.wall_clock_unix_nanos();
    let (poster, posts) = queue(clock);
    let sink = FileSink::create(&prepared.dir.path, &prepared.head, &plan)
        .map_err(|error| format!("cannot write in {}: {error}", prepared.dir.path.display()))?;
    let waker = poster.clone();
    let recorder = recorder::start(Box::new(sink), move || waker.wake())
        .map_err(|error| format!("the recorder's thread could not be started: {error}"))?;
    let run = Run::new(plan.clone());
    let safing = Arc::new(Safing::default());
    let mqtt = around.mqtt_links(&plan, &run, runtime.handle(), &poster)?;
    let watchdogs = around.watchdogs(&plan, &program, runtime.handle(), &poster)?;
    let delays = around.probe_delays(&plan, runtime.handle())?;
    let floors = around.probe_floors(&plan, runtime.handle(), &poster)?;
    let (feed, watcher) = feed(false);
    runtime.spawn(signals.give_orders(poster.clone()));
    let Around { twins, brokers, ports, .. } = around;
    let (tell_twins, stop_twins) = teller(twins, &plan);
    let setup = host::Setup {
        table: Table::of(&plan),
        serial: serial_links(&plan, &ports),
        mqtt,
        watchdogs,
        queue: posts,
        poster: poster.clone(),
        recorder: Some(recorder),
        feed: Some(feed),
        twins: Some(tell_twins),
        program,
        runtime: runtime.handle().clone(),
        real_time: true,
    };
    if let Some(lease) = &mut prepared.lease {
        lease.begin(runtime.handle(), &poster)?;
    }
    let run = Breakable::new(Watched { run, safing: safing.clone() }, plan.clone());
    let thread = host::spawn_tested(run, setup, floors)
        .map_err(|error| format!("the run's thread could not be started: {error}"))?;
    watch(&plan, prepared, &watcher, &poster);
    let (ended, lost) = match thread.join() {
        Ok(Ok(ended)) => (ended, false),
        Ok(Err(error)) => (broken(format!("the run's loop failed: {error}")), true),
        Err(_) => (broken("the run's thread stopped through a bug of its own".to_owned()), true),
    };
    let Ended { outcome, quality, recording, remarks } = ended;
    if lost {
        // The watchdogs have fired, and what they say must still find its way: broker and twins live on for their grace.
        drop(stop_twins);
        drop(brokers);
    } else {
        stop_twins();
        for broker in brokers.into_values() {
            if let Err(why) = broker.stop() {
                say::aside(format!("warning: the embedded broker did not stop cleanly: {why}"));
            }
        }
    }
    let mut warnings = Vec::new();
    for probe in delays {
        // What was not measured by now is not worth waiting for.
        if probe.is_finished() {
            warnings.extend(runtime.block_on(probe).ok().flatten());
        }
    }
    runtime.shutdown_timeout(Duration::from_millis(200));
    warnings.extend(remarks);
    let unconfirmed = safing.unconfirmed(&plan, lost);
    super::reset::settle(prepared, &safing, lost);
    Ok(Done { outcome, loop_quality: Some(quality), recording, warnings, unconfirmed })
}

/// A port whose last harness died is held by a watchdog until the machine has had the time to become safe: then it is ours.
fn await_ports(plan: &Plan) {
    for link in &plan.rig.links {
        let LinkKind::Serial(def) = &link.kind else { continue };
        // The watchdog was most likely started for this very rig.
        let life = last_words::watchdog(plan, link.id).map_or(Duration::ZERO, |setup| setup.life());
        ports::await_watchdogs(&def.port, life + WATCHDOG_GRACE, |words| {
            say::aside(format!("link {}: {words}", link.name))
        });
    }
}

/// What is said of a run that lost its own thread: nothing was proven, and the watchdogs make the devices safe.
fn broken(why: String) -> Ended {
    let reasons = vec![format!("{why}; the watchdogs make the devices safe, and nobody saw it: look at them")];
    Ended {
        outcome: Outcome { verdict: RunVerdict::Inconclusive, reasons },
        quality: Quality::default(),
        recording: Ok(()),
        remarks: Vec::new(),
    }
}

/// What children are started from.
pub(super) struct Stand<'a> {
    /// Empty: the rig alone.
    pub scenario: &'a str,
    pub rig: &'a str,
    pub overrides: &'a [(String, String)],
    /// Every device's twin takes its place.
    pub twins: bool,
    /// The file, by the name of the link, in which real devices find their way to an embedded broker.
    pub logins: &'a dyn Fn(&str) -> PathBuf,
}

/// Children that stand around a run.
pub(super) struct Around {
    pub twins: Vec<(Vec<crate::wire::DeviceId>, Twins)>,
    pub brokers: BTreeMap<LinkId, EmbeddedBroker>,
    pub users: BTreeMap<LinkId, Vec<User>>,
    /// Where twins' serial links end.
    pub ports: Vec<(LinkId, String)>,
}

impl Around {
    pub fn start(plan: &Plan, stand: &Stand<'_>, program: &Path) -> Result<Around, String> {
        let everybody: Vec<_> = plan.rig.devices.iter().map(|device| device.id).collect();
        Around::start_some(plan, stand, program, &everybody)
    }

    /// Like [`Around::start`], with the twins of these devices alone.
    pub fn start_some(
        plan: &Plan,
        stand: &Stand<'_>,
        program: &Path,
        whose: &[crate::wire::DeviceId],
    ) -> Result<Around, String> {
        let mut around =
            Around { twins: Vec::new(), brokers: BTreeMap::new(), users: BTreeMap::new(), ports: Vec::new() };
        for link in &plan.rig.links {
            if let LinkKind::Mqtt(MqttDef { broker: Broker::Embedded, .. }) = &link.kind {
                let users = users(plan, link.id).map_err(|error| format!("no random passwords: {error}"))?;
                // It stays for as long as a watchdog may have to speak through it.
                let life = last_words::watchdog(plan, link.id).map_or(Duration::ZERO, |setup| setup.life());
                let broker = EmbeddedBroker::start_for(program, &users, life + broker::GRACE)
                    .map_err(|why| format!("link {}: the embedded broker did not start: {why}", link.name))?;
                if !stand.twins {
                    tell_logins(&(stand.logins)(&link.name), &link.name, &broker, &users)?;
                }
                around.brokers.insert(link.id, broker);
                around.users.insert(link.id, users);
            }
        }
        if stand.twins {
            around.start_twins(plan, stand, program, whose)?;
        }
        Ok(around)
    }

    /// Machines share one world and so one process; each controller has a process of its own.
    fn start_twins(
        &mut self,
        plan: &Plan,
        stand: &Stand<'_>,
        program: &Path,
        whose: &[crate::wire::DeviceId],
    ) -> Result<(), String> {
        let with_twin = || plan.rig.devices.iter().filter(|device| device.twin.is_some() && whose.contains(&device.id));
        let machines: Vec<_> = with_twin().filter(|d| d.role == Role::Machine).map(|d| d.id).collect();
        let mut groups = vec![machines];
        groups.extend(with_twin().filter(|d| d.role == Role::Controller).map(|d| vec![d.id]));
        for devices in groups.into_iter().filter(|devices| !devices.is_empty()) {
            let setup = TwinSetup {
                scenario: stand.scenario.to_owned(),
                rig: Some(stand.rig.to_owned()),
                overrides: stand.overrides.to_vec(),
                seed: plan.seed,
                devices: devices.iter().map(|d| plan.rig.devices[d.0 as usize].name.clone()).collect(),
                brokers: self.logins(plan, &devices)?,
                grace_ms: twins_grace_ms(),
            };
            let twins = Twins::start(program, &setup)
                .map_err(|why| format!("the twins of {} did not start: {why}", setup.devices.join(", ")))?;
            self.ports.extend(twins.ports().iter().cloned());
            self.twins.push((devices, twins));
        }
        Ok(())
    }

    /// The way to the brokers for these devices.
    fn logins(&self, plan: &Plan, devices: &[crate::wire::DeviceId]) -> Result<Vec<BrokerLogin>, String> {
        let mut logins = Vec::new();
        for id in devices {
            let device = &plan.rig.devices[id.0 as usize];
            let link = &plan.rig.links[device.link.0 as usize];
            let LinkKind::Mqtt(def) = &link.kind else { continue };
            let Some(broker) = self.brokers.get(&link.id) else {
                return Err(format!(
                    "device {} hangs on a broker outside: its twin needs `mqtt: embedded` on link {}",
                    device.name, link.name
                ));
            };
            // A process is one client of a broker, however many machines it plays there.
            let here = devices.iter().filter(|other| plan.rig.devices[other.0 as usize].link == link.id).count();
            let name = if here > 1 { TWINS_USER } else { device.name.as_str() };
            if logins.iter().any(|login: &BrokerLogin| login.link == link.name) {
                continue;
            }
            let user = self.users[&link.id]
                .iter()
                .find(|user| user.name == name)
                .expect("every device of an embedded link was given a user, and several machines one together");
            logins.push(BrokerLogin {
                link: link.name.clone(),
                port: broker.port(),
                user: user.name.clone(),
                password: user.password.clone(),
                version: def.version,
            });
        }
        Ok(logins)
    }

    /// Measures brokers outside for the delay of a missing TCP_NODELAY; the finding is named when the run is over.
    pub fn probe_delays(
        &self,
        plan: &Plan,
        runtime: &tokio::runtime::Handle,
    ) -> Result<Vec<tokio::task::JoinHandle<Option<String>>>, String> {
        let mut probes = Vec::new();
        for link in &plan.rig.links {
            let LinkKind::Mqtt(def @ MqttDef { broker: Broker::Remote { .. }, .. }) = &link.kind else { continue };
            let config = self.config(link.id, def, Vec::new())?;
            let name = link.name.clone();
            probes.push(runtime.spawn(async move {
                match mqtt::probe_delay(&config, PROBE_BURSTS).await {
                    Ok(finding) => finding.map(|words| format!("link {name}: {words}")),
                    // Access lists may forbid a topic of our own: then nothing is known, and nothing is said.
                    Err(_) => None,
                }
            }));
        }
        Ok(probes)
    }

    /// Measures the way to every broker and back; the run hears of it as part of its self-test. How many it will hear of.
    pub fn probe_floors(&self, plan: &Plan, runtime: &tokio::runtime::Handle, poster: &Poster) -> Result<u16, String> {
        let mut brokers = 0;
        for link in &plan.rig.links {
            let LinkKind::Mqtt(def) = &link.kind else { continue };
            let config = self.config(link.id, def, Vec::new())?;
            let (poster, wire) = (poster.clone(), TestedWire::Broker(link.id));
            brokers += 1;
            runtime.spawn(async move {
                let state = match mqtt::probe_floor(&config, FLOOR_MESSAGES).await {
                    Ok(took) => {
                        let mut took: Vec<Span> = took.iter().map(|t| Span::from_nanos(t.as_nanos() as i64)).collect();
                        floor(wire, &mut took)
                    }
                    Err(why) => SelfTest::Failed { wire, why },
                };
                let at = poster.clock().now();
                poster.post(Post::Input(Input::SelfTest { at, state })).await;
            });
        }
        Ok(brokers)
    }

    /// How to reach the broker of a link.
    pub fn config(&self, link: LinkId, def: &MqttDef, subscriptions: Vec<String>) -> Result<mqtt::Config, String> {
        let (host, port, tls, login) = match &def.broker {
            Broker::Embedded => {
                let harness = &self.users[&link][0];
                let login = mqtt::Login { user: harness.name.clone(), password: harness.password.clone() };
                ("127.0.0.1".to_owned(), self.brokers[&link].port(), None, Some(login))
            }
            Broker::Remote { host, port, tls } => {
                let login = match (&def.user, &def.password) {
                    (Some(user), Some(secret)) => Some(mqtt::Login::read(user, secret)?),
                    _ => None,
                };
                let tls = tls.as_ref().map(TlsSettings::read).transpose()?;
                (host.clone(), *port, tls, login)
            }
        };
        Ok(mqtt::Config {
            link,
            client_id: format!("checkrein-{}", std::process::id()),
            host,
            port,
            tls,
            version: def.version,
            login,
            subscriptions,
            keep_alive: Duration::from_nanos(KEEP_ALIVE.nanos() as u64),
            will: None,
        })
    }

    pub fn mqtt_links(
        &self,
        plan: &Plan,
        run: &Run,
        runtime: &tokio::runtime::Handle,
        poster: &Poster,
    ) -> Result<Vec<mqtt::Handle>, String> {
        let mut links = Vec::new();
        for link in &plan.rig.links {
            let LinkKind::Mqtt(def) = &link.kind else { continue };
            let mut config = self.config(link.id, def, run.subscriptions(link.id))?;
            let mut wills = last_words::wills(plan, link.id).into_iter();
            let presence = run.presence(link.id);
            // One connection has one will: where it is to tell that we are gone, each word of a ladder has one of its own.
            if presence.is_none() {
                config.will = wills.next();
            }
            links.push(mqtt::start_with_wills(runtime, config, wills.collect(), presence, poster.clone()));
        }
        Ok(links)
    }

    /// A watchdog with a connection of its own per broker over which something can be made safe.
    fn watchdogs(
        &self,
        plan: &Plan,
        program: &Path,
        runtime: &tokio::runtime::Handle,
        poster: &Poster,
    ) -> Result<Vec<Watchdog>, String> {
        let mut watchdogs = Vec::new();
        for link in &plan.rig.links {
            let LinkKind::Mqtt(def) = &link.kind else { continue };
            let Some(setup) = last_words::watchdog(plan, link.id) else { continue };
            let in_words =
                |error: std::io::Error| format!("link {}: its watchdog could not be started: {error}", link.name);
            let way = self.way(link.id, def)?;
            let watchdog = Watchdog::start_on_broker(program, way, &setup).map_err(in_words)?;
            runtime.spawn(watchdog::listen(watchdog.ear().map_err(in_words)?, link.id, poster.clone()));
            watchdogs.push(watchdog);
        }
        Ok(watchdogs)
    }

    /// The way to the broker of a link for a process that reads its own certificates.
    fn way(&self, link: LinkId, def: &MqttDef) -> Result<BrokerWay, String> {
        let config = self.config(link, def, Vec::new())?;
        let tls = match &def.broker {
            Broker::Remote { tls: Some(tls), .. } => Some([tls.ca.clone(), tls.cert.clone(), tls.key.clone()]),
            Broker::Remote { tls: None, .. } | Broker::Embedded => None,
        };
        Ok(BrokerWay {
            client_id: format!("{}-watchdog", config.client_id),
            host: config.host,
            port: config.port,
            tls,
            version: config.version,
            login: config.login.map(|login| (login.user, login.password)),
        })
    }
}

fn twins_grace_ms() -> u64 {
    let told = std::env::var(TWINS_GRACE_VARIABLE).ok().and_then(|text| text.parse().ok());
    told.unwrap_or(TWINS_GRACE.as_millis() as u64)
}

/// Who speaks for the machines of a link whose twins share a process. No device has a name with a dash.
const TWINS_USER: &str = "all-twins";

/// The harness first, then one user per device of the link with what its lines of the rig file allow, then one for all machines
/// with a twin together, where they are several.
fn users(plan: &Plan, link: LinkId) -> std::io::Result<Vec<User>> {
    let mut users = vec![User::harness()?];
    for config in &plan.rig.links[link.0 as usize].codec.devices {
        let (publish, subscribe) = crate::codec::topics(config);
        users.push(User::new(&config.name, publish, subscribe)?);
    }
    let machines = plan.rig.devices.iter().filter(|device| device.link == link && device.role == Role::Machine);
    let played: Vec<&str> =
        machines.filter(|device| device.twin.is_some()).map(|device| device.name.as_str()).collect();
    if played.len() > 1 {
        let theirs = users.iter().filter(|user| played.contains(&user.name.as_str()));
        let (publish, subscribe): (Vec<_>, Vec<_>) =
            theirs.map(|user| (user.publish.clone(), user.subscribe.clone())).unzip();
        users.push(User::new(TWINS_USER, publish.concat(), subscribe.concat())?);
    }
    Ok(users)
}

/// Real devices on the embedded broker must be told where it is: in a file that only its owner reads.
fn tell_logins(path: &Path, link: &str, broker: &EmbeddedBroker, users: &[User]) -> Result<(), String> {
    use std::os::unix::fs::OpenOptionsExt;
    let devices: Vec<_> =
        users[1..].iter().map(|user| serde_json::json!({ "user": user.name, "password": user.password })).collect();
    let facts = serde_json::json!({ "host": "127.0.0.1", "port": broker.port(), "devices": devices });
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    std::io::Write::write_all(&mut file, format!("{facts:#}\n").as_bytes())
        .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    say::aside(format!(
        "link {link}: the embedded broker listens on 127.0.0.1:{}; users in {}",
        broker.port(),
        path.display()
    ));
    Ok(())
}

pub(super) fn serial_links(plan: &Plan, ports: &[(LinkId, String)]) -> Vec<SerialLink> {
    let serial = |link: &crate::rig::LinkDef| match &link.kind {
        LinkKind::Serial(def) => {
            let mut def = def.clone();
            if let Some((_, path)) = ports.iter().find(|(id, _)| *id == link.id) {
                def.port = PortName::Path(path.clone());
            }
            Some(SerialLink { id: link.id, def, watchdog: last_words::watchdog(plan, link.id) })
        }
        LinkKind::Mqtt(_) => None,
    };
    plan.rig.links.iter().filter_map(serial).collect()
}

/// Faults go to the twins of the device, or to all for the world; afterwards the twins are stopped.
pub(super) fn teller(
    twins: Vec<(Vec<crate::wire::DeviceId>, Twins)>,
    plan: &Arc<Plan>,
) -> (host::FaultTeller, impl FnOnce()) {
    let shared = Arc::new(std::sync::Mutex::new(twins));
    let theirs = shared.clone();
    let plan = plan.clone();
    let acted = plan.acted_faults();
    let tell: host::FaultTeller = Box::new(move |device, fault, on| {
        let Some(place) = acted.iter().position(|(d, f)| *d == device && f == fault) else {
            say::aside(format!("warning: no twin was told of {fault:?}: it is not of the scenario"));
            return;
        };
        let mut twins = shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for (devices, process) in twins.iter_mut() {
            let machines = devices.iter().any(|d| plan.rig.devices[d.0 as usize].role == Role::Machine);
            let meant = device.map_or(machines, |device| devices.contains(&device));
            if meant && let Err(why) = process.fault(place, on) {
                say::aside(format!("warning: a twin could not be told of a fault: {why}"));
            }
        }
    });
    let stop = move || {
        let mut twins = theirs.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for (_, process) in twins.drain(..) {
            if let Err(why) = process.stop() {
                say::aside(format!("warning: a twin did not stop cleanly: {why}"));
            }
        }
    };
    (tell, stop)
}

/// Shows events and asks prompts until the run is over.
fn watch(plan: &Arc<Plan>, prepared: &Prepared, watcher: &Watcher, poster: &Poster) {
    let mut screen = (!prepared.quiet).then(|| Screen::new(stdout(), plan.clone(), stdout().is_terminal()));
    // Whoever sits at a terminal can take over at any time; elsewhere lines are read only when something is asked.
    let mut asking = in_foreground();
    if asking {
        listen(poster.clone());
    }
    loop {
        let look = watcher.look(Duration::from_millis(250));
        for seen in look.seen {
            match seen {
                Seen::Event(event) => {
                    // A closed terminal must not stop a run.
                    if screen.as_mut().is_some_and(|screen| screen.event(&event).is_err()) {
                        screen = None;
                    }
                }
                Seen::Prompt { text, within } => {
                    if prepared.yes {
                        answer(poster, true);
                    } else {
                        say::aside(format!("? {text} [y/n, within {within}]"));
                        if plan.mode == Mode::Rig && !stdin().is_terminal() {
                            say::aside(
                                "? beside a real rig a person answers at a terminal, and standard input is none: no",
                            );
                            answer(poster, false);
                        } else if !asking {
                            asking = true;
                            listen(poster.clone());
                        }
                    }
                }
                Seen::Samples(_) | Seen::Finished(_) => {}
            }
        }
        if look.over {
            if let Some(screen) = &mut screen {
                // Where the run ended in order there is nothing left to remove.
                let _ = screen.clear_status();
            }
            return;
        }
    }
}

/// Whether standard input is a terminal that this process may read: a job in the background would be stopped for it.
pub fn in_foreground() -> bool {
    let input = stdin();
    input.is_terminal() && rustix::termios::tcgetpgrp(&input).is_ok_and(|group| group == rustix::process::getpgrp())
}

fn answer(poster: &Poster, yes: bool) {
    order(poster, OperatorOrder::Answer { yes });
}

fn order(poster: &Poster, order: OperatorOrder) {
    let at = poster.clock().now();
    poster.post_blocking(crate::io::queue::Post::Input(Input::Operator { at, order }));
}

/// Lines typed by the person beside the rig: answers to prompts, and who holds the machines.
fn listen(poster: Poster) {
    let started = std::thread::Builder::new().name("answers".into()).spawn(move || {
        for line in stdin().lock().lines() {
            let Ok(line) = line else { return };
            match line.trim().to_ascii_lowercase().as_str() {
                "y" | "yes" => answer(&poster, true),
                "n" | "no" => answer(&poster, false),
                "t" => order(&poster, OperatorOrder::TakeOver),
                "h" => order(&poster, OperatorOrder::HandBack),
                _ => say::aside("? answer y or n; t takes the machines over, h hands them back"),
            }
        }
    });
    if let Err(error) = started {
        // Without answers the prompt times out and the run is aborted: nothing moves.
        say::aside(format!("warning: no answer can be read: {error}"));
    }
}
