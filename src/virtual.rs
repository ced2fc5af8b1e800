//! Drives a run and its twins in virtual time on one thread: the same fold, thousands of times faster than the clock.
//!
//! Invariant: no clock, no wire; whatever is drawn, the seed draws.

use crate::fault::TwinFault;
use crate::rig::LinkKind;
use crate::run::{Effect, Effects, Input, LinkState, OperatorOrder, Outcome, RecorderState, Run, SendId};
use crate::scenario::plan::Plan;
use crate::sim::Bench;
use crate::time::{Span, Time};
use crate::wire::{DeviceId, Frame, Lane, LinkId};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Reads are cut to this, as the host does with a real port.
const READ_MAX: usize = 1024;
/// What a serial port keeps of what was sent and not read: one page, as Linux does for a terminal.
const PORT_BUFFER: i64 = 4096;
/// From the last bit on the wire to the reader, at least; measured on a quiet pseudo-terminal (p50 of a poll loop).
const WAKE_MIN: Span = Span::from_micros(5);
/// … and at most, drawn evenly between: its 99th percentile.
const WAKE_MAX: Span = Span::from_micros(250);
/// A broker's way from publisher to subscriber on one machine: median and 99th percentile measured with TCP_NODELAY.
const BROKER_MIN: Span = Span::from_micros(60);
const BROKER_MAX: Span = Span::from_micros(400);

/// Sees what a run takes and gives, in order.
pub trait Sink {
    /// Called before the run sees the input.
    fn input(&mut self, input: &Input);
    /// Called after.
    fn effects(&mut self, at: Time, effects: &Effects);
    /// A frame left, as it stood on the wire.
    fn sent(&mut self, _at: Time, _frame: &Frame) {}
    /// What became of keeping it all, told once: the run must know.
    fn trouble(&mut self) -> Option<RecorderState> {
        None
    }
}

/// Sees nothing.
impl Sink for () {
    fn input(&mut self, _input: &Input) {}
    fn effects(&mut self, _at: Time, _effects: &Effects) {}
}

/// What is done to a run on purpose, beside its script.
#[derive(Clone, PartialEq, Debug)]
pub struct Disturbance {
    pub at: Time,
    pub kind: DisturbanceKind,
}

/// The kinds of disturbance.
#[derive(Clone, PartialEq, Debug)]
pub enum DisturbanceKind {
    /// The link goes, and stays gone: nothing arrives and nothing leaves.
    LinkLost(LinkId),
    /// A person says stop.
    Stop,
    RecorderFull,
    /// Bytes that mean nothing arrive.
    Garbage(LinkId, Vec<u8>),
    /// Everything from the devices of this link is lost for so long.
    Deafness(LinkId, Span),
    /// A twin (or, with no device, the world) acts out a fault from here on.
    Twin(Option<DeviceId>, TwinFault),
}

/// Settings of a virtual run.
#[derive(Clone, PartialEq, Debug)]
pub struct Options {
    /// The answer to every prompt.
    pub answer: bool,
    pub disturbances: Vec<Disturbance>,
    /// A run that is not over by then is our bug.
    pub limit: Span,
}

impl Default for Options {
    fn default() -> Options {
        Options { answer: true, disturbances: Vec::new(), limit: Span::from_secs(31 * 24 * 3600) }
    }
}

/// The run was not over at the limit.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the run was not over after {0} of virtual time")]
pub struct StillRunning(pub Span);

/// What the connection of a link tells of us when it is up. There is no date in virtual time: it began at zero.
fn present(run: &Run, link: LinkId) -> Option<Frame> {
    let presence = run.presence(link)?;
    Some(Frame::publish(link, &presence.topic, (presence.says)(true, 0)))
}

enum Due {
    Input(Input),
    ToBench(Frame),
    /// The wire of this link may be free for what waits.
    Wire(LinkId),
}

/// What waits to leave by a link: the lanes of the host, with a wire that carries one write at a time.
#[derive(Default)]
struct Outgoing {
    /// By lane: Safe, Query, Normal.
    lanes: [VecDeque<Write>; 3],
    /// The wire is taken until then.
    free_at: Time,
}

/// What the run names by one id: a frame, or all those of a rung.
struct Write {
    id: SendId,
    frames: Vec<Frame>,
}

fn lane_place(lane: Lane) -> usize {
    match lane {
        Lane::Safe => 0,
        Lane::Query => 1,
        Lane::Normal => 2,
    }
}

struct World {
    run: Run,
    bench: Bench,
    plan: Arc<Plan>,
    rng: Pcg64Mcg,
    now: Time,
    /// By time and order of arrival.
    due: BTreeMap<(Time, u64), Due>,
    order: u64,
    /// Per link and direction: nothing overtakes.
    free_at: BTreeMap<(LinkId, bool), Time>,
    /// What waits to leave, by link.
    outgoing: BTreeMap<LinkId, Outgoing>,
    gone: Vec<LinkId>,
    deaf_until: BTreeMap<LinkId, Time>,
    subscriptions: Vec<(LinkId, String)>,
    bench_subscriptions: Vec<(LinkId, String)>,
    effects: Effects,
    outcome: Option<Outcome>,
    answer: bool,
}

/// Runs the plan against its twins to the end. The seed is the plan's.
pub fn drive(plan: Arc<Plan>, bench: Bench, options: &Options, sink: &mut dyn Sink) -> Result<Outcome, StillRunning> {
    let run = Run::new(plan.clone());
    let links: Vec<LinkId> = plan.rig.links.iter().map(|link| link.id).collect();
    let subscriptions = links.iter().flat_map(|l| run.subscriptions(*l).into_iter().map(|t| (*l, t))).collect();
    let bench_subscriptions = links.iter().flat_map(|l| bench.subscriptions(*l).into_iter().map(|t| (*l, t))).collect();
    let present: Vec<Frame> = links.iter().filter_map(|link| present(&run, *link)).collect();
    let mut world = World {
        rng: Pcg64Mcg::seed_from_u64(plan.seed ^ 0x7669_7274_7561_6c21),
        run,
        bench,
        plan,
        now: Time::ZERO,
        due: BTreeMap::new(),
        order: 0,
        free_at: BTreeMap::new(),
        outgoing: BTreeMap::new(),
        gone: Vec::new(),
        deaf_until: BTreeMap::new(),
        subscriptions,
        bench_subscriptions,
        effects: Effects::default(),
        outcome: None,
        answer: options.answer,
    };
    for link in links {
        let at = world.now + world.draw(Span::from_micros(100), Span::from_millis(2));
        world.later(at, Due::Input(Input::Link { at, link, state: LinkState::Up }));
        let told = present.iter().filter(|frame| frame.link == link && world.bench_hears(frame));
        for frame in told.cloned().collect::<Vec<_>>() {
            world.later(at, Due::ToBench(frame));
        }
    }
    let mut disturbances = options.disturbances.clone();
    disturbances.sort_by_key(|d| d.at);
    let mut disturbances = disturbances.into_iter().peekable();
    let limit = Time::ZERO + options.limit;
    while world.outcome.is_none() {
        let next = [
            world.due.first_key_value().map(|((at, _), _)| *at),
            world.run.next_deadline(),
            world.bench.next_deadline(),
            disturbances.peek().map(|d| d.at),
        ]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(Time::MAX);
        if next > limit {
            return Err(StillRunning(options.limit));
        }
        world.now = world.now.max(next);
        if let Some(disturbance) = disturbances.next_if(|d| d.at <= world.now) {
            world.disturb(disturbance.kind, sink);
        } else if world.due.first_key_value().is_some_and(|((at, _), _)| *at <= world.now) {
            // What arrived goes before a tick, as the host drains its ports first.
            let (_, due) = world.due.pop_first().expect("the first key was just seen");
            match due {
                Due::Input(mut input) => {
                    // An input's stamp is when the run is handed it.
                    input.restamp(world.now);
                    world.feed(input, sink);
                }
                Due::Wire(link) => world.pump(link, sink),
                Due::ToBench(frame) => {
                    let mut out = Vec::new();
                    world.bench.receive(world.now, &frame, &mut out);
                    world.leaves_bench(out);
                }
            }
        } else if world.bench.next_deadline().is_some_and(|due| due <= world.now) {
            let mut out = Vec::new();
            world.bench.tick(world.now, &mut out);
            world.leaves_bench(out);
        } else {
            world.feed(Input::Tick { at: world.now }, sink);
        }
    }
    Ok(world.outcome.expect("the loop ends when there is one"))
}

impl World {
    fn draw(&mut self, from: Span, to: Span) -> Span {
        let width = (to - from).nanos().max(1) as u64;
        from + Span::from_nanos((self.rng.next_u64() % width) as i64)
    }

    fn later(&mut self, at: Time, due: Due) {
        self.order += 1;
        self.due.insert((at, self.order), due);
    }

    fn bench_hears(&self, frame: &Frame) -> bool {
        let listens = |topic: &str| {
            self.bench_subscriptions.iter().any(|(link, filter)| *link == frame.link && topic_matches(filter, topic))
        };
        frame.topic.as_deref().is_none_or(listens)
    }

    fn feed(&mut self, input: Input, sink: &mut dyn Sink) {
        sink.input(&input);
        let mut effects = std::mem::take(&mut self.effects);
        effects.clear();
        self.run.handle(&input, &mut effects);
        sink.effects(self.now, &effects);
        for effect in effects.list.drain(..) {
            self.carry_out(effect, sink);
        }
        self.effects = effects;
        if self.outcome.is_none()
            && let Some(state) = sink.trouble()
        {
            self.feed(Input::Recorder { at: self.now, state }, sink);
        }
    }

    fn carry_out(&mut self, effect: Effect, sink: &mut dyn Sink) {
        match effect {
            Effect::Send { id, lane, frame } => self.transmit(id, lane, vec![frame], sink),
            Effect::Rung { id, ladder, rung } => {
                let frames = self.plan.ladders[ladder.0 as usize].rungs[rung.0 as usize].frames.clone();
                self.outgoing.values_mut().for_each(|out| out.lanes[lane_place(Lane::Normal)].clear());
                self.transmit(id, Lane::Safe, frames, sink);
            }
            Effect::Twin { device, fault, on } => self.twin_fault(device, &fault, on),
            Effect::Prompt { .. } => {
                let at = self.now + Span::from_millis(500);
                let order = OperatorOrder::Answer { yes: self.answer };
                self.later(at, Due::Input(Input::Operator { at, order }));
            }
            Effect::DropNormal => {
                self.outgoing.values_mut().for_each(|out| out.lanes[lane_place(Lane::Normal)].clear());
            }
            Effect::Emit(_) | Effect::Flush => {}
            Effect::Finish(outcome) => self.outcome = Some(outcome),
        }
    }

    fn twin_fault(&mut self, device: Option<DeviceId>, fault: &TwinFault, on: bool) {
        // What a twin cannot act out was refused when the scenario was checked.
        if let Err(why) = self.bench.fault(self.now, device, fault, on) {
            debug_assert!(!on, "a fault that no twin acts out: {why}");
        }
    }

    fn transmit(&mut self, id: SendId, lane: Lane, frames: Vec<Frame>, sink: &mut dyn Sink) {
        let Some(link) = frames.first().map(|frame| frame.link) else { return };
        if self.gone.contains(&link) {
            return;
        }
        self.outgoing.entry(link).or_default().lanes[lane_place(lane)].push_back(Write { id, frames });
        self.pump(link, sink);
    }

    /// Lets leave what the wire has room for.
    fn pump(&mut self, link: LinkId, sink: &mut dyn Sink) {
        let now = self.now;
        loop {
            let Some(out) = self.outgoing.get_mut(&link) else { return };
            if self.gone.contains(&link) {
                out.lanes.iter_mut().for_each(VecDeque::clear);
                return;
            }
            if out.free_at > now {
                // Whoever took the wire has left word for when it is free.
                return;
            }
            let normal = &mut out.lanes[lane_place(Lane::Normal)];
            if let Some(late) = normal.pop_front_if(|write| write.frames.iter().any(|frame| frame.has_lapsed(now))) {
                self.later(now, Due::Input(Input::Lapsed { at: now, id: late.id }));
                continue;
            }
            let Some(write) = out.lanes.iter_mut().find_map(VecDeque::pop_front) else { return };
            self.leave(link, write, sink);
        }
    }

    fn leave(&mut self, link: LinkId, write: Write, sink: &mut dyn Sink) {
        let begun = self.now + Span::from_micros(10);
        let mut done = begun + Span::from_micros(10);
        for frame in write.frames {
            done += self.on_the_wire(link, frame.bytes.len());
            sink.sent(begun, &frame);
            if self.bench_hears(&frame) {
                let at = self.arrival(link, true, frame.bytes.len());
                self.later(at, Due::ToBench(frame));
            }
        }
        if let LinkKind::Serial(_) = self.plan.rig.links[link.0 as usize].kind {
            self.outgoing.entry(link).or_default().free_at = done;
            self.later(done, Due::Wire(link));
        }
        self.later(done, Due::Input(Input::Sent { at: done, id: write.id, begun, done, queued_ahead: 0 }));
    }

    /// How long so many bytes take on the wire of a link; a broker's is not reckoned.
    fn on_the_wire(&self, link: LinkId, bytes: usize) -> Span {
        match &self.plan.rig.links[link.0 as usize].kind {
            LinkKind::Serial(serial) => {
                Span::from_nanos(bytes as i64 * 10 * 1_000_000_000 / i64::from(serial.baud.max(1)))
            }
            LinkKind::Mqtt(_) => Span::ZERO,
        }
    }

    /// When so many bytes are through a link; nothing overtakes what left before.
    fn arrival(&mut self, link: LinkId, to_device: bool, bytes: usize) -> Time {
        let free = self.free_at.get(&(link, to_device)).copied().unwrap_or(Time::ZERO).max(self.now);
        let wire = self.on_the_wire(link, bytes);
        let wake = match &self.plan.rig.links[link.0 as usize].kind {
            LinkKind::Serial(_) => self.draw(WAKE_MIN, WAKE_MAX),
            LinkKind::Mqtt(_) => self.draw(BROKER_MIN, BROKER_MAX),
        };
        // Woken late, a reader is handed the next bytes no earlier: order is kept.
        let through = (free + wire).max(self.now + wire + wake);
        self.free_at.insert((link, to_device), through);
        through
    }

    /// Bytes that devices have sent over a serial link and that are not through yet.
    fn backlog(&self, link: LinkId) -> i64 {
        let LinkKind::Serial(serial) = &self.plan.rig.links[link.0 as usize].kind else { return 0 };
        let free = self.free_at.get(&(link, false)).copied().unwrap_or(self.now);
        (free.since(self.now).seconds() * f64::from(serial.baud) / 10.0) as i64
    }

    fn leaves_bench(&mut self, frames: Vec<Frame>) {
        for mut frame in frames {
            let link = frame.link;
            // To who is there when it is published it is news: only what a broker has kept is marked (MQTT 5, 3.3.1.3).
            frame.flags.retained = false;
            if self.gone.contains(&link) || self.deaf_until.get(&link).is_some_and(|until| self.now < *until) {
                continue;
            }
            match frame.topic.clone() {
                None => {
                    for chunk in frame.bytes.chunks(READ_MAX) {
                        if self.backlog(link) > PORT_BUFFER {
                            // As at a real port: what a full buffer cannot take is lost.
                            break;
                        }
                        let at = self.arrival(link, false, chunk.len());
                        self.later(at, Due::Input(Input::bytes(at, Frame::serial(link, chunk))));
                    }
                }
                Some(topic) => {
                    let to_run = self.subscriptions.iter().any(|(l, t)| *l == link && topic_matches(t, &topic));
                    let to_bench = self.bench_subscriptions.iter().any(|(l, t)| *l == link && topic_matches(t, &topic));
                    if to_run {
                        let at = self.arrival(link, false, frame.bytes.len());
                        self.later(at, Due::Input(Input::bytes(at, frame.clone())));
                    }
                    if to_bench {
                        let at = self.arrival(link, true, frame.bytes.len());
                        self.later(at, Due::ToBench(frame));
                    }
                }
            }
        }
    }

    fn disturb(&mut self, kind: DisturbanceKind, sink: &mut dyn Sink) {
        let at = self.now;
        match kind {
            DisturbanceKind::LinkLost(link) => {
                self.gone.push(link);
                self.feed(Input::Link { at, link, state: LinkState::Lost("unplugged".to_owned()) }, sink);
            }
            DisturbanceKind::Stop => self.feed(Input::Operator { at, order: OperatorOrder::Stop }, sink),
            DisturbanceKind::RecorderFull => {
                self.feed(Input::Recorder { at, state: RecorderState::Full }, sink);
            }
            DisturbanceKind::Garbage(link, bytes) => {
                self.feed(Input::bytes(at, Frame::serial(link, bytes)), sink);
            }
            DisturbanceKind::Deafness(link, span) => {
                self.deaf_until.insert(link, at + span);
            }
            DisturbanceKind::Twin(device, fault) => self.twin_fault(device, &fault, true),
        }
    }
}

/// MQTT topic filters with `+` and `#`.
pub fn topic_matches(filter: &str, topic: &str) -> bool {
    let mut filter = filter.split('/');
    let mut topic = topic.split('/');
    loop {
        match (filter.next(), topic.next()) {
            (Some("#"), _) => return true,
            (Some("+"), Some(_)) => {}
            (Some(f), Some(t)) if f == t => {}
            (None, None) => return true,
            _ => return false,
        }
    }
}
