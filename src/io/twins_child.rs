//! The child of [`twins`](crate::io::twins): gives `sim` a clock and wires.
//!
//! Invariant: whether anybody reads what a twin sends is nothing to the twin: a full port loses bytes, as a wire does.

use crate::fault::TwinFault;
use crate::io::Disk;
use crate::io::child::{self, Lines};
use crate::io::clock::Clock;
use crate::io::mqtt::{self, Config, Login};
use crate::io::os::{self, Deaf};
use crate::io::pty::Pty;
use crate::io::queue::{Post, Poster, Posts, queue};
use crate::io::timer::Timer;
use crate::io::twins::{BrokerLogin, Fact, Order, Setup};
use crate::rig::{LinkKind, Rig};
use crate::run::{Input, LinkState, SendId};
use crate::scenario::plan::Mode;
use crate::scenario::{self, ActedFault, Request};
use crate::sim;
use crate::time::{Span, Time};
use crate::wire::{DeviceId, Frame, Lane, LinkId};
use std::collections::BTreeSet;
use std::future::poll_fn;
use std::os::fd::OwnedFd;
use std::process::ExitCode;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::unix::AsyncFd;

/// The twins as this loop sees them; [`sim::Bench`] is the real thing.
pub trait World {
    /// MQTT topics that the twins on this link listen to.
    fn subscriptions(&self, link: LinkId) -> Vec<String>;
    /// Something arrived; answers go to `out`.
    fn receive(&mut self, at: Time, frame: &Frame, out: &mut Vec<Frame>);
    /// Does what is due.
    fn tick(&mut self, at: Time, out: &mut Vec<Frame>);
    /// When `tick` wants to be called next.
    fn next_deadline(&self) -> Option<Time>;
    /// Starts or ends a fault.
    fn fault(&mut self, at: Time, device: Option<DeviceId>, fault: &TwinFault, on: bool) -> Result<(), String>;
}

impl World for sim::Bench {
    fn subscriptions(&self, link: LinkId) -> Vec<String> {
        sim::Bench::subscriptions(self, link)
    }
    fn receive(&mut self, at: Time, frame: &Frame, out: &mut Vec<Frame>) {
        sim::Bench::receive(self, at, frame, out);
    }
    fn tick(&mut self, at: Time, out: &mut Vec<Frame>) {
        sim::Bench::tick(self, at, out);
    }
    fn next_deadline(&self) -> Option<Time> {
        sim::Bench::next_deadline(self)
    }
    fn fault(&mut self, at: Time, device: Option<DeviceId>, fault: &TwinFault, on: bool) -> Result<(), String> {
        sim::Bench::fault(self, at, device, fault, on)
    }
}

/// The child: `checkrein child twins`.
pub fn child() -> ExitCode {
    os::ignore_signals(Deaf::Terminal);
    os::sharp_timers();
    let result = begin();
    if let Err(why) = &result {
        // The harness hears it on the line; a person who started this by hand sees it.
        let _ = child::print(&Fact::Failed { why: why.clone() });
        return child::fail(why);
    }
    ExitCode::SUCCESS
}

fn begin() -> Result<(), String> {
    let (setup, lines): (Setup, Lines) = child::hear_setup()?;
    let request = Request {
        scenario: setup.scenario.clone(),
        rig: setup.rig.clone(),
        overrides: setup.overrides.clone(),
        seed: setup.seed,
        mode: Mode::Sim,
    };
    let rig = setup.rig.clone().unwrap_or_default();
    // Without a scenario the twins of a rig stand there by themselves.
    let (plan, _) = match setup.scenario.is_empty() {
        true => scenario::watch(&rig, &Disk, setup.seed, scenario::FOR_EVER),
        false => scenario::check(&request, &Disk),
    }
    .map_err(|wrong| {
        let file = if setup.scenario.is_empty() { &rig } else { &setup.scenario };
        format!("{file}: {} mistakes; run `checkrein check`", wrong.len())
    })?;
    let devices = named(&plan.rig, &setup.devices)?;
    let bench = sim::Bench::new(&plan.rig, setup.seed, &devices)?;
    let wires = wires(&plan.rig, &devices, &setup.brokers)?;
    let serve = serve(bench, wires, plan.acted_faults(), setup.grace_ms, lines, Box::new(child::print));
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?
        .block_on(serve)
}

fn named(rig: &Rig, names: &[String]) -> Result<Vec<DeviceId>, String> {
    let find = |name: &String| rig.devices.iter().find(|device| device.name == *name).map(|device| device.id);
    names.iter().map(|name| find(name).ok_or_else(|| format!("the rig has no device {name}"))).collect()
}

/// The links on which twins live here.
#[derive(Default)]
struct Wires {
    serial: Vec<LinkId>,
    mqtt: Vec<(LinkId, BrokerLogin)>,
}

fn wires(rig: &Rig, devices: &[DeviceId], brokers: &[BrokerLogin]) -> Result<Wires, String> {
    let used: BTreeSet<LinkId> =
        rig.devices.iter().filter(|device| devices.contains(&device.id)).map(|device| device.link).collect();
    let mut wires = Wires::default();
    for link in rig.links.iter().filter(|link| used.contains(&link.id)) {
        match &link.kind {
            LinkKind::Serial(_) => wires.serial.push(link.id),
            LinkKind::Mqtt(_) => {
                let login = brokers.iter().find(|login| login.link == link.name);
                let login = login.ok_or_else(|| format!("no way to the broker of link {} was given", link.name))?;
                wires.mqtt.push((link.id, login.clone()));
            }
        }
    }
    Ok(wires)
}

/// A serial link that ends here.
struct SerialEnd {
    link: LinkId,
    master: AsyncFd<OwnedFd>,
    /// Keeps the pair alive while the harness has the port closed.
    _pty: Pty,
}

struct Ends {
    serial: Vec<SerialEnd>,
    mqtt: Vec<mqtt::Handle>,
    posts: Posts,
    /// Keeps the queue open where no twin is on a broker.
    _poster: Poster,
    sent: u64,
}

impl Ends {
    fn open<W: World>(world: &W, wires: &Wires, clock: Clock, say: &Say) -> Result<Ends, String> {
        let (poster, posts) = queue(clock);
        let mut ends = Ends { serial: Vec::new(), mqtt: Vec::new(), posts, _poster: poster.clone(), sent: 0 };
        for link in &wires.serial {
            let pty = Pty::open().map_err(|error| format!("no pseudo-terminal: {error}"))?;
            let master = os::duplicate(&pty.master).and_then(os::watch).map_err(|error| error.to_string())?;
            say(&Fact::Port { link: link.0, path: pty.path.clone() })?;
            ends.serial.push(SerialEnd { link: *link, master, _pty: pty });
        }
        for (link, login) in &wires.mqtt {
            let config = Config {
                link: *link,
                client_id: format!("{}-twin", login.user),
                host: "127.0.0.1".into(),
                port: login.port,
                tls: None,
                version: login.version,
                login: Some(Login { user: login.user.clone(), password: login.password.clone() }),
                subscriptions: world.subscriptions(*link),
                keep_alive: Duration::from_secs(5),
                will: None,
            };
            ends.mqtt.push(mqtt::start(&tokio::runtime::Handle::current(), config, poster.clone()));
        }
        Ok(ends)
    }

    /// Sends what the twins say; what does not fit or has no way is lost.
    fn send(&mut self, clock: &Clock, out: &mut Vec<Frame>) {
        for frame in out.drain(..) {
            if let Some(end) = self.serial.iter().find(|end| end.link == frame.link) {
                let _ = rustix::io::write(end.master.get_ref(), &frame.bytes);
            } else if let Some(handle) = self.mqtt.iter().find(|handle| handle.link() == frame.link) {
                self.sent += 1;
                handle.send(clock.now(), Lane::Normal, Some(SendId(self.sent)), frame);
            }
        }
    }

    /// What arrives next, at any end.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Arrival> {
        for end in &self.serial {
            while let Poll::Ready(Ok(mut guard)) = end.master.poll_read_ready(cx) {
                let mut part = [0; 1024];
                match rustix::io::read(end.master.get_ref(), &mut part) {
                    Ok(count) if count > 0 => {
                        return Poll::Ready(Arrival::Frame(Frame::serial(end.link, &part[..count])));
                    }
                    _ => guard.clear_ready(),
                }
            }
        }
        match self.posts.poll_recv(cx) {
            Poll::Ready(Some(Post::Input(Input::Bytes { frame, .. }))) => Poll::Ready(Arrival::Frame(frame)),
            Poll::Ready(Some(Post::Input(Input::Link { state, .. }))) => Poll::Ready(Arrival::Link(state)),
            Poll::Ready(Some(_)) => Poll::Ready(Arrival::Nothing),
            // Without an MQTT link nobody holds the other end: that is no news, or it would drown out every order.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

enum Arrival {
    Frame(Frame),
    Link(LinkState),
    Nothing,
}

/// Why the loop woke.
enum Woke {
    Arrived(Arrival),
    Time,
    Told(Option<String>),
}

/// Tells the harness a fact.
type Say = Box<dyn Fn(&Fact) -> Result<(), String>>;

async fn serve<W: World>(
    mut world: W,
    wires: Wires,
    acted: Vec<ActedFault>,
    grace_ms: u64,
    mut lines: Lines,
    say: Say,
) -> Result<(), String> {
    let clock = Clock::start();
    let mut timer = Timer::new(clock).map_err(|error| error.to_string())?;
    let mut ends = Ends::open(&world, &wires, clock, &say)?;
    let mut out = Vec::new();
    let mut awaited = ends.mqtt.len();
    if awaited == 0 {
        say(&Fact::Ready)?;
    }
    let mut leave_at: Option<Time> = None;
    loop {
        let due = [world.next_deadline(), leave_at].into_iter().flatten().min();
        timer.set(due).map_err(|error| error.to_string())?;
        let woke = poll_fn(|cx| {
            if leave_at.is_none()
                && let Poll::Ready(line) = lines.poll_next(cx)
            {
                return Poll::Ready(Woke::Told(line));
            }
            if let Poll::Ready(arrival) = ends.poll(cx) {
                return Poll::Ready(Woke::Arrived(arrival));
            }
            timer.poll(cx).map(|()| Woke::Time)
        })
        .await;
        let now = clock.now();
        if leave_at.is_some_and(|at| at <= now) {
            return Ok(());
        }
        match woke {
            Woke::Arrived(Arrival::Frame(frame)) => world.receive(now, &frame, &mut out),
            Woke::Arrived(Arrival::Link(LinkState::Up)) if awaited > 0 => {
                awaited -= 1;
                if awaited == 0 {
                    say(&Fact::Ready)?;
                }
            }
            Woke::Arrived(Arrival::Link(LinkState::Refused(why))) => return Err(why),
            // The broker has its own grace; a twin without it goes on, as a device does.
            Woke::Arrived(Arrival::Link(_) | Arrival::Nothing) | Woke::Time => (),
            Woke::Told(None) => leave_at = Some(now + Span::from_millis(grace_ms as i64)),
            Woke::Told(Some(line)) => match serde_json::from_str(&line) {
                Ok(Order::Stop) => return Ok(()),
                Ok(Order::Fault { place, on }) => {
                    let result = match acted.get(place) {
                        Some((device, fault)) => world.fault(now, *device, fault, on),
                        None => Err(format!("the scenario has no fault {place}")),
                    };
                    if let Err(why) = result {
                        child::complain(&format!("twins: {why}"));
                    }
                }
                Err(error) => child::complain(&format!("twins: {line:?} is no order: {error}")),
            },
        }
        if world.next_deadline().is_some_and(|at| at <= now) {
            world.tick(now, &mut out);
        }
        ends.send(&clock, &mut out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{PollFd, PollFlags, poll};
    use std::io::Write;
    use tokio::sync::mpsc;

    const LINK: LinkId = LinkId(4);

    /// Says what it hears in capitals, ticks three times, and tells faults.
    struct Parrot {
        ticks: u8,
        fault: Option<String>,
    }

    impl World for Parrot {
        fn subscriptions(&self, _link: LinkId) -> Vec<String> {
            Vec::new()
        }
        fn receive(&mut self, _at: Time, frame: &Frame, out: &mut Vec<Frame>) {
            out.push(Frame::serial(frame.link, frame.bytes.to_ascii_uppercase()));
        }
        fn tick(&mut self, _at: Time, out: &mut Vec<Frame>) {
            if let Some(fault) = self.fault.take() {
                out.push(Frame::serial(LINK, fault));
            } else {
                self.ticks -= 1;
                out.push(Frame::serial(LINK, *b"."));
            }
        }
        fn next_deadline(&self) -> Option<Time> {
            (self.ticks > 0 || self.fault.is_some()).then_some(Time::ZERO)
        }
        fn fault(&mut self, _at: Time, device: Option<DeviceId>, fault: &TwinFault, on: bool) -> Result<(), String> {
            self.fault = Some(format!("{device:?} {fault:?} {on}"));
            Ok(())
        }
    }

    /// A loop on a thread of its own; gives the port as the harness opens it, and the way to give orders.
    fn start(grace_ms: u64) -> (std::fs::File, mpsc::Sender<String>, std::thread::JoinHandle<Result<(), String>>) {
        let (orders, lines) = mpsc::channel(8);
        let (facts, heard) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let say: Say = Box::new(move |fact| facts.send(fact.clone()).map_err(|error| error.to_string()));
            let world = Parrot { ticks: 3, fault: None };
            let wires = Wires { serial: vec![LINK], mqtt: Vec::new() };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let acted = vec![(None, TwinFault::Deaf), (Some(DeviceId(2)), TwinFault::Silence)];
            runtime.block_on(serve(world, wires, acted, grace_ms, Lines::of(lines), say))
        });
        let Fact::Port { link: 4, path } = heard.recv().unwrap() else { panic!("the port comes first") };
        assert_eq!(heard.recv().unwrap(), Fact::Ready);
        let port = std::fs::File::options().read(true).write(true).open(path).unwrap();
        (port, orders, thread)
    }

    fn read(port: &std::fs::File, count: usize) -> String {
        let mut heard = Vec::new();
        while heard.len() < count {
            poll(&mut [PollFd::new(port, PollFlags::IN)], None).unwrap();
            let mut part = [0; 256];
            let got = rustix::io::read(port, &mut part).unwrap();
            heard.extend_from_slice(&part[..got]);
        }
        String::from_utf8(heard).unwrap()
    }

    #[test]
    fn twins_tick_answer_act_out_faults_and_stop_when_told() {
        let (mut port, orders, thread) = start(0);
        assert_eq!(read(&port, 3), "...");
        port.write_all(b"ping").unwrap();
        assert_eq!(read(&port, 4), "PING");
        let order = Order::Fault { place: 1, on: true };
        orders.blocking_send(serde_json::to_string(&order).unwrap()).unwrap();
        let told = "Some(DeviceId(2)) Silence true";
        assert_eq!(read(&port, told.len()), told);
        orders.blocking_send("nonsense".into()).unwrap();
        orders.blocking_send(serde_json::to_string(&Order::Stop).unwrap()).unwrap();
        assert_eq!(thread.join().unwrap(), Ok(()));
    }

    #[test]
    fn twins_outlive_their_harness_for_a_grace_and_then_leave() {
        let (mut port, orders, _thread) = start(3_600_000);
        drop(orders);
        assert_eq!(read(&port, 3), "...");
        port.write_all(b"still there").unwrap();
        assert_eq!(read(&port, 11), "STILL THERE");

        let (_port, orders, thread) = start(1);
        drop(orders);
        assert_eq!(thread.join().unwrap(), Ok(()));
    }
}
