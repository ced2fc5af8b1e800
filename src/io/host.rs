//! The one loop of a run: ports, time and the queue become inputs, effects become bytes.
//!
//! It runs on a thread of its own, on a runtime that nothing else shares. One turn looks at every port, takes a bounded
//! number of posts, then lets time pass; so a flood on one side never silences another, and bytes that have arrived are
//! taken before a tick could call them missing.
//!
//! A stall of ours is visible to the run itself: an input whose `at` is far beyond the run's own `next_deadline`.
//!
//! Invariant: nothing in a turn waits, for a disk, a child or another thread.

use crate::fault::TwinFault;
use crate::io::clock::Clock;
use crate::io::feed::{Feed, Seen};
use crate::io::floor::FloorTest;
use crate::io::lanes::{Left, Waiting};
use crate::io::line::{Line, SerialLink, Surroundings};
use crate::io::queue::{Post, Poster, Posts};
use crate::io::recorder::{self, Batch, Item};
use crate::io::serial::READ_MAX;
use crate::io::timer::Timer;
use crate::io::watchdog::Watchdog;
use crate::io::{mqtt, os};
use crate::run::{Effect, Effects, Input, LinkState, Outcome, SelfTest, SendId, TestedWire};
use crate::scenario::plan::Plan;
use crate::time::{Span, Time};
use crate::wire::{DeviceId, Frame, Lane, LinkId};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::path::PathBuf;
use std::task::{Context, Poll};

/// Reads from one port in one turn, at most.
const READS: usize = 8;
/// Posts taken from the queue in one turn, at most.
const POSTS: usize = 64;
/// Posts taken before a tick, at most: a bound on how much later a flood makes it.
const POSTS_BEFORE_TICK: usize = 1024;
/// Turns before the reactor is asked again what is ready.
const TURNS: usize = 16;
/// Lateness of a tick that is counted as a stall.
const STALL: Span = Span::from_millis(250);
/// Records that are handed to the recorder at the latest.
const BATCH: usize = 4096;

/// A pure fold over inputs: the run, or a stand-in for it in tests.
pub trait Fold {
    /// Takes an input and says what is to be done.
    fn handle(&mut self, input: &Input, out: &mut Effects);
    /// When a tick is wanted at the latest.
    fn next_deadline(&self) -> Option<Time>;
}

/// The frames of every rung, encoded at planning time, and the tightest reaction that they must meet.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// By ladder, then by rung.
    pub rungs: Vec<Vec<Vec<Frame>>>,
    pub tightest_reaction: Span,
}

impl Table {
    /// The table of a plan.
    pub fn of(plan: &Plan) -> Table {
        let frames = |ladder: &crate::scenario::plan::Ladder| ladder.rungs.iter().map(|r| r.frames.clone()).collect();
        Table {
            rungs: plan.ladders.iter().map(frames).collect(),
            // Without a rule that states one: what a person beside the rig would call at once.
            tightest_reaction: plan
                .rules
                .iter()
                .filter_map(|rule| rule.react_within)
                .min()
                .unwrap_or(Span::from_millis(100)),
        }
    }
}

/// Where twins hear of faults.
pub type FaultTeller = Box<dyn FnMut(Option<DeviceId>, &TwinFault, bool) + Send>;

/// Everything the loop needs.
pub struct Setup {
    pub table: Table,
    pub serial: Vec<SerialLink>,
    pub mqtt: Vec<mqtt::Handle>,
    /// Those of links to brokers; a serial link starts its own when it opens its port.
    pub watchdogs: Vec<Watchdog>,
    pub queue: Posts,
    pub poster: Poster,
    pub recorder: Option<recorder::Handle>,
    pub feed: Option<Feed>,
    pub twins: Option<FaultTeller>,
    /// This program, to start watchdogs of.
    pub program: PathBuf,
    /// The runtime beside the run thread.
    pub runtime: tokio::runtime::Handle,
    /// Ask the system for real-time priority and locked memory.
    pub real_time: bool,
}

/// How well the loop could do its work; part of the evidence.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Quality {
    /// SCHED_FIFO was granted to the run thread.
    pub real_time: bool,
    /// The process's memory was locked.
    pub memory_locked: bool,
    pub inputs: u64,
    pub ticks: u64,
    /// The latest tick, against the deadline it was for.
    pub latest_tick: Span,
    /// Ticks that came more than 250 ms late.
    pub stalls: u64,
    /// The longest that bytes waited here, between their arrival and the run.
    pub longest_wait: Span,
}

/// How the loop ended.
#[derive(Clone, PartialEq, Debug)]
pub struct Ended {
    pub outcome: Outcome,
    pub quality: Quality,
    /// Why the recording is not whole, if it is not.
    pub recording: Result<(), String>,
    /// Troubles at the very end that change no verdict.
    pub remarks: Vec<String>,
}

/// Starts the run thread.
pub fn spawn<F: Fold + Send + 'static>(
    fold: F,
    setup: Setup,
) -> io::Result<std::thread::JoinHandle<io::Result<Ended>>> {
    std::thread::Builder::new().name("run".into()).spawn(move || run(fold, setup))
}

/// Starts the run thread with a self-test: the loop measures its own floor, and so many brokers' will be posted beside it.
pub fn spawn_tested<F: Fold + Send + 'static>(
    fold: F,
    setup: Setup,
    brokers: u16,
) -> io::Result<std::thread::JoinHandle<io::Result<Ended>>> {
    std::thread::Builder::new().name("run".into()).spawn(move || drive(fold, setup, Some(brokers)))
}

/// Runs the loop on the calling thread until the fold says that the run is over.
pub fn run<F: Fold>(fold: F, setup: Setup) -> io::Result<Ended> {
    drive(fold, setup, None)
}

fn drive<F: Fold>(fold: F, setup: Setup, self_test: Option<u16>) -> io::Result<Ended> {
    let quality = prepare(setup.real_time);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let beside = setup.runtime.clone();
    let (outcome, mut host) = runtime.block_on(async {
        let mut host = Host::new(fold, setup, quality, self_test)?;
        // The runtime's own accounting would end a turn in the middle; the turns here are bounded by themselves.
        let outcome = tokio::task::unconstrained(poll_fn(|cx| host.poll(cx))).await?;
        io::Result::Ok((outcome, host))
    })?;
    let mut remarks = Vec::new();
    for line in host.lines.drain(..) {
        remarks.extend(line.close().err());
    }
    drop(runtime);
    for watchdog in host.watchdogs.drain(..) {
        remarks.extend(watchdog.disarm().err().map(|error| format!("a watchdog did not leave: {error}")));
    }
    for link in host.mqtt.drain(..) {
        beside.block_on(link.close());
    }
    if let Some(feed) = &mut host.feed {
        feed.push(Seen::Finished(outcome.clone()));
        feed.hand_over();
    }
    let recording = host.recorder.take().map_or(Ok(()), recorder::Handle::finish);
    Ok(Ended { outcome, quality: host.quality, recording, remarks })
}

fn prepare(real_time: bool) -> Quality {
    use rustix::mm::{MlockAllFlags, mlockall};
    use rustix::process::{Resource, getrlimit};
    os::sharp_timers();
    if !real_time {
        return Quality::default();
    }
    // With a limit on locked memory, locking what is still to come would make a later allocation fail.
    let unlimited = getrlimit(Resource::Memlock).current.is_none();
    let later = if unlimited { MlockAllFlags::FUTURE } else { MlockAllFlags::empty() };
    let memory_locked = mlockall(MlockAllFlags::CURRENT | MlockAllFlags::ONFAULT | later).is_ok();
    Quality { real_time: os::real_time(50).is_ok(), memory_locked, ..Quality::default() }
}

struct Host<F> {
    fold: F,
    clock: Clock,
    table: Table,
    around: Surroundings,
    lines: Vec<Line>,
    mqtt: Vec<mqtt::Handle>,
    watchdogs: Vec<Watchdog>,
    queue: Posts,
    recorder: Option<recorder::Handle>,
    feed: Option<Feed>,
    twins: Option<FaultTeller>,
    timer: Timer,
    /// The self-test, while it goes on.
    floor: Option<FloorTest>,
    /// Normal is closed for good.
    tripped: bool,
    finished: Option<Outcome>,
    last: Time,
    quality: Quality,
    // Reused from turn to turn.
    batch: Batch,
    effects: Effects,
    list: Vec<Effect>,
    left: Vec<Left>,
    /// Inputs that come of what we did ourselves.
    own: VecDeque<Input>,
    buffer: Box<[u8; READ_MAX]>,
}

impl<F: Fold> Host<F> {
    fn new(fold: F, setup: Setup, quality: Quality, self_test: Option<u16>) -> io::Result<Host<F>> {
        let clock = *setup.poster.clock();
        let around = Surroundings {
            clock,
            program: setup.program,
            poster: setup.poster,
            runtime: setup.runtime,
            tightest_reaction: setup.table.tightest_reaction,
        };
        let mut host = Host {
            fold,
            clock,
            table: setup.table,
            around,
            lines: Vec::new(),
            mqtt: setup.mqtt,
            watchdogs: setup.watchdogs,
            queue: setup.queue,
            recorder: setup.recorder,
            feed: setup.feed,
            twins: setup.twins,
            timer: Timer::new(clock)?,
            floor: None,
            tripped: false,
            finished: None,
            last: Time::MIN,
            quality,
            batch: Batch::default(),
            effects: Effects::default(),
            list: Vec::with_capacity(256),
            left: Vec::with_capacity(16),
            own: VecDeque::with_capacity(64),
            buffer: Box::new([0; READ_MAX]),
        };
        if let Some(brokers) = self_test {
            host.test_self(brokers);
        }
        for link in setup.serial {
            let id = link.id;
            let (line, opened) = Line::open(link, &host.around);
            host.lines.push(line);
            let state = opened.map_or_else(LinkState::Refused, |()| LinkState::Up);
            host.own.push_back(Input::Link { at: host.clock.now(), link: id, state });
        }
        Ok(host)
    }

    /// Says that the loop is being measured, before any link is up, and begins.
    fn test_self(&mut self, brokers: u16) {
        let at = self.clock.now();
        self.own.push_back(Input::SelfTest { at, state: SelfTest::Begins { wires: brokers + 1 } });
        match FloorTest::start(self.clock) {
            Ok(test) => self.floor = Some(test),
            Err(why) => {
                let state = SelfTest::Failed { wire: TestedWire::Loop, why };
                self.own.push_back(Input::SelfTest { at, state });
            }
        }
    }

    /// Turns until nothing is left to do.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Outcome>> {
        for _ in 0..TURNS {
            let busy = self.turn(cx);
            if self.batch.len() >= BATCH || !busy || self.finished.is_some() {
                self.hand_over();
            }
            if let Some(outcome) = self.finished.take() {
                return Poll::Ready(Ok(outcome));
            }
            if !busy && self.own.is_empty() {
                if let Err(error) = self.timer.set(self.next_deadline()) {
                    return Poll::Ready(Err(error));
                }
                if self.timer.poll(cx).is_pending() {
                    return Poll::Pending;
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// One look at everything; true when there was something.
    fn turn(&mut self, cx: &mut Context<'_>) -> bool {
        let mut busy = self.settle(cx);
        // What was posted is stamped already, what a port holds is stamped when it is read: later.
        busy |= self.take_posts(cx, POSTS);
        if self.finished.is_some() {
            return true;
        }
        for place in 0..self.lines.len() {
            for _ in 0..READS {
                let Some(open) = self.lines[place].port() else { break };
                match open.port.poll_read(cx, &mut self.buffer) {
                    Poll::Pending => break,
                    Poll::Ready(read) => {
                        busy = true;
                        self.arrived(cx, place, read.map_err(|gone| gone.0));
                    }
                }
                if self.finished.is_some() {
                    return true;
                }
            }
        }
        if let Some(test) = &mut self.floor
            && let Some(input) = test.poll(cx, &mut self.buffer)
        {
            self.floor = None;
            self.take(cx, input);
            busy = true;
        }
        self.due(cx) || busy
    }

    /// Takes at most so many posts; true when there was one.
    fn take_posts(&mut self, cx: &mut Context<'_>, most: usize) -> bool {
        let mut busy = false;
        if self.queue.was_full() {
            self.own.push_back(Input::Choked { at: self.clock.now() });
        }
        for _ in 0..most {
            let Poll::Ready(Some(post)) = self.queue.poll_recv(cx) else { break };
            busy = true;
            self.posted(cx, post);
            if self.finished.is_some() {
                break;
            }
        }
        busy
    }

    /// Bytes of a port, or its end.
    fn arrived(&mut self, cx: &mut Context<'_>, place: usize, read: Result<usize, String>) {
        match read {
            Ok(0) => (),
            Ok(count) => {
                let frame = Frame::serial(self.lines[place].id(), &self.buffer[..count]);
                self.take(cx, Input::bytes(self.clock.now(), frame));
            }
            Err(why) => self.lost(place, why),
        }
        self.settle(cx);
    }

    fn posted(&mut self, cx: &mut Context<'_>, post: Post) {
        match post {
            Post::Input(input) => {
                if let Input::Bytes { at, .. } = input {
                    // They keep when they arrived, so that what was due after that is not due before them.
                    let now = self.clock.now();
                    let waited = now.since(at);
                    self.quality.longest_wait = self.quality.longest_wait.max(waited);
                    if waited > STALL {
                        self.own.push_back(Input::Choked { at: now });
                    }
                }
                self.take(cx, input);
            }
            Post::Left(left) => self.left.push(left),
            Post::Lapsed(id) => self.own.push_back(Input::Lapsed { at: self.clock.now(), id }),
            // The recorder died: handing over tells why.
            Post::Wake => self.hand_over(),
        }
        self.settle(cx);
    }

    /// What time asks for: the fold's deadline, heartbeats, lanes that drained, ports that came back.
    fn due(&mut self, cx: &mut Context<'_>) -> bool {
        let mut busy = false;
        let now = self.clock.now();
        for place in 0..self.lines.len() {
            let line = &mut self.lines[place];
            if line.look(now, &self.around) {
                busy = true;
                let link = line.id();
                self.own.push_back(Input::Link { at: now, link, state: LinkState::Up });
            }
            let Some(open) = self.lines[place].port() else { continue };
            open.beat(now);
            let drained = matches!(open.waiting, Waiting::Drain(at) if at <= now);
            if drained || open.waiting == Waiting::Room {
                self.pump(cx, place);
            }
        }
        self.watchdogs.iter_mut().for_each(|watchdog| watchdog.beat(now));
        let deadline = self.fold.next_deadline();
        if deadline.is_some_and(|deadline| deadline <= now) {
            // What arrived by then is taken before time is said to have passed.
            self.take_posts(cx, POSTS_BEFORE_TICK);
            for place in 0..self.lines.len() {
                if let Some(open) = self.lines[place].port() {
                    let read = open.port.read_now(&mut self.buffer).map_err(|gone| gone.0);
                    self.arrived(cx, place, read);
                }
            }
            self.tick(cx);
            busy = true;
        }
        self.settle(cx) || busy
    }

    fn tick(&mut self, cx: &mut Context<'_>) {
        let Some(deadline) = self.fold.next_deadline() else { return };
        let at = self.clock.now();
        if deadline > at || self.finished.is_some() {
            return;
        }
        let late = at.since(deadline);
        self.quality.ticks += 1;
        self.quality.latest_tick = self.quality.latest_tick.max(late);
        self.quality.stalls += u64::from(late > STALL);
        self.take(cx, Input::Tick { at });
    }

    /// Gives the fold what came of our own doing, until nothing more comes of it.
    fn settle(&mut self, cx: &mut Context<'_>) -> bool {
        let mut busy = false;
        loop {
            for left in self.left.drain(..) {
                if let Some(id) = left.id {
                    let Left { begun, done, queued_ahead, .. } = left;
                    self.own.push_back(Input::Sent { at: self.clock.now(), id, begun, done, queued_ahead });
                }
                self.batch.push_left(left);
            }
            let Some(input) = self.own.pop_front() else { return busy };
            if self.finished.is_some() {
                return busy;
            }
            busy = true;
            self.take(cx, input);
        }
    }

    /// The recorder first, then the fold, then what the fold wants.
    fn take(&mut self, cx: &mut Context<'_>, mut input: Input) {
        if self.finished.is_some() {
            return;
        }
        // Posts were stamped on other threads; the run's inputs are in order of time all the same.
        let at = input.at().max(self.last);
        input.restamp(at);
        self.last = at;
        self.quality.inputs += 1;
        self.effects.clear();
        self.batch.items.push(Item::Input(input));
        if let Some(Item::Input(input)) = self.batch.items.last() {
            self.fold.handle(input, &mut self.effects);
        }
        std::mem::swap(&mut self.effects.list, &mut self.list);
        let mut list = std::mem::take(&mut self.list);
        for effect in &list {
            if let Effect::Rung { id, ladder, rung } = effect {
                self.rung(*id, ladder.0 as usize, rung.0 as usize);
            }
        }
        self.batch.push_samples(&self.effects.samples);
        if let Some(feed) = &mut self.feed
            && feed.wants_samples()
            && !self.effects.samples.is_empty()
        {
            feed.push(Seen::Samples(self.effects.samples.clone()));
        }
        for effect in list.drain(..) {
            self.apply(effect);
        }
        self.list = list;
        for place in 0..self.lines.len() {
            self.pump(cx, place);
        }
    }

    fn apply(&mut self, effect: Effect) {
        match effect {
            Effect::Rung { .. } => (),
            Effect::DropNormal => {
                self.lines.iter_mut().filter_map(Line::port).for_each(|open| open.lanes.drop_normal());
                self.mqtt.iter().for_each(mqtt::Handle::drop_normal);
            }
            Effect::Send { id, lane, frame } => self.send(id, lane, frame),
            Effect::Twin { device, fault, on } => {
                if let Some(twins) = &mut self.twins {
                    twins(device, &fault, on);
                }
            }
            Effect::Prompt { text, within } => {
                if let Some(feed) = &mut self.feed {
                    feed.push(Seen::Prompt { text, within });
                }
            }
            Effect::Emit(event) => {
                if let Some(feed) = &mut self.feed {
                    feed.push(Seen::Event(event.clone()));
                }
                self.batch.items.push(Item::Event(event));
            }
            Effect::Flush => {
                self.hand_over();
                if let Some(recorder) = &mut self.recorder {
                    recorder.flush();
                }
            }
            Effect::Finish(outcome) => self.finished = Some(outcome),
        }
    }

    fn send(&mut self, id: SendId, lane: Lane, frame: Frame) {
        if self.tripped && lane == Lane::Normal {
            return;
        }
        if let Some(link) = self.mqtt.iter().find(|link| link.link() == frame.link) {
            link.send(self.clock.now(), lane, Some(id), frame);
        } else if let Some(open) = self.lines.iter_mut().find(|l| l.id() == frame.link).and_then(Line::port) {
            open.push(lane, id, frame);
        }
    }

    /// Closes Normal, throws away what is queued, and writes the rung's frames from the table.
    fn rung(&mut self, id: SendId, ladder: usize, rung: usize) {
        let first = !std::mem::replace(&mut self.tripped, true);
        for open in self.lines.iter_mut().filter_map(Line::port) {
            open.lanes.trip();
            // Once only: the next rung's flush could throw away a safe frame of another ladder.
            if first {
                open.port.discard_output();
            }
        }
        self.mqtt.iter().for_each(mqtt::Handle::drop_normal);
        let Some(frames) = self.table.rungs.get(ladder).and_then(|ladder| ladder.get(rung)) else { return };
        let Some(link) = frames.first().map(|frame| frame.link) else { return };
        let frames: Vec<&Frame> = frames.iter().collect();
        if let Some(place) = self.place(link) {
            let result = match self.lines[place].port() {
                Some(open) => open.rung(id, &frames, &self.clock, &mut self.left),
                None => Ok(()),
            };
            if let Err(gone) = result {
                self.lost(place, gone.0);
            }
        } else if let Some(handle) = self.mqtt.iter().find(|handle| handle.link() == link) {
            for (place, frame) in frames.iter().enumerate() {
                let id = (place + 1 == frames.len()).then_some(id);
                handle.send(self.clock.now(), Lane::Safe, id, (*frame).clone());
            }
        }
    }

    fn place(&self, link: LinkId) -> Option<usize> {
        self.lines.iter().position(|line| line.id() == link)
    }

    fn pump(&mut self, cx: &mut Context<'_>, place: usize) {
        let Some(open) = self.lines[place].port() else { return };
        if open.lanes.is_empty() {
            return;
        }
        let pumped = open.pump(&self.clock, cx, &mut self.left);
        let at = self.clock.now();
        self.own.extend(open.lanes.lapsed.drain(..).map(|id| Input::Lapsed { at, id }));
        if let Err(gone) = pumped {
            self.lost(place, gone.0);
        }
    }

    fn lost(&mut self, place: usize, why: String) {
        let at = self.clock.now();
        let line = &mut self.lines[place];
        line.lose(at, &self.around);
        self.own.push_back(Input::Link { at, link: line.id(), state: LinkState::Lost(why) });
    }

    fn hand_over(&mut self) {
        if let Some(feed) = &mut self.feed {
            feed.hand_over();
        }
        let Some(recorder) = &mut self.recorder else {
            self.batch.clear();
            return;
        };
        if let Some(state) = recorder.hand_over(&mut self.batch) {
            self.own.push_back(Input::Recorder { at: self.clock.now(), state });
        }
    }

    fn next_deadline(&self) -> Option<Time> {
        let lines = self.lines.iter().filter_map(Line::next_deadline);
        let beats = self.watchdogs.iter().map(Watchdog::beat_at);
        let test = self.floor.as_ref().map(FloorTest::next_deadline);
        lines.chain(beats).chain(self.fold.next_deadline()).chain(test).min()
    }
}
