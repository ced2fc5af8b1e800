//! The one loop, with a stand-in for the run, over pseudo-terminals.

use checkrein::guard::{LadderId, RungId};
use checkrein::io::clock::Clock;
use checkrein::io::feed::{Seen, feed};
use checkrein::io::host::{Ended, Fold, Setup, Table, spawn};
use checkrein::io::line::SerialLink;
use checkrein::io::pty::Pty;
use checkrein::io::queue::{Post, Poster, queue};
use checkrein::io::recorder::{self, Batch, Item, Sink};
use checkrein::rig::{Flow, Parity, PortName, SerialDef};
use checkrein::run::event::EventKind;
use checkrein::run::{
    Effect, Effects, Event, Input, LinkState, OperatorOrder, Outcome, RecorderState, RunVerdict, SendId,
};
use checkrein::time::{Span, Time};
use checkrein::wire::{Frame, Lane, LinkId};
use rustix::event::{PollFd, PollFlags, poll};
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use tokio::runtime::Runtime;

const TELEM: LinkId = LinkId(0);
const SAFE: &[u8] = b"\0SAFE";

type React = Box<dyn FnMut(&Input, &mut Effects) -> Option<Time> + Send>;

/// Does what the test says, and tells the test every input.
struct Story {
    react: React,
    deadline: Option<Time>,
    told: Sender<Input>,
}

impl Fold for Story {
    fn handle(&mut self, input: &Input, out: &mut Effects) {
        let _ = self.told.send(input.clone());
        if self.deadline.is_some_and(|deadline| deadline <= input.at()) {
            self.deadline = None;
        }
        if let Some(deadline) = (self.react)(input, out) {
            self.deadline = Some(deadline);
        }
        if matches!(input, Input::Operator { order: OperatorOrder::Stop, .. }) {
            let outcome = Outcome { verdict: RunVerdict::Aborted, reasons: vec!["a person stopped it".into()] };
            out.list.push(Effect::Finish(outcome));
        }
    }
    fn next_deadline(&self) -> Option<Time> {
        self.deadline
    }
}

/// A loop under test.
struct Bench {
    poster: Poster,
    inputs: Receiver<Input>,
    thread: JoinHandle<io::Result<Ended>>,
    runtime: Runtime,
}

impl Bench {
    fn start(paths: &[&str], react: React) -> Bench {
        Bench::start_with(paths, react, |_| ())
    }
    fn start_with(paths: &[&str], react: React, change: impl FnOnce(&mut Setup)) -> Bench {
        let runtime = Runtime::new().unwrap();
        let (poster, queue) = queue(Clock::start());
        let (told, inputs) = channel();
        let link = |(place, path): (usize, &&str)| SerialLink {
            id: LinkId(place as u16),
            def: SerialDef {
                port: PortName::Path((*path).into()),
                baud: 115_200,
                parity: Parity::None,
                flow: Flow::None,
                stop_bits: 1,
            },
            watchdog: None,
        };
        let table = Table {
            rungs: vec![vec![vec![Frame::serial(TELEM, &SAFE[..1]), Frame::serial(TELEM, &SAFE[1..])]]],
            tightest_reaction: Span::from_millis(20),
        };
        let mut setup = Setup {
            table,
            serial: paths.iter().enumerate().map(link).collect(),
            mqtt: Vec::new(),
            watchdogs: Vec::new(),
            queue,
            poster: poster.clone(),
            recorder: None,
            feed: None,
            twins: None,
            program: env!("CARGO_BIN_EXE_checkrein").into(),
            runtime: runtime.handle().clone(),
            real_time: false,
        };
        change(&mut setup);
        let thread = spawn(Story { react, deadline: None, told }, setup).unwrap();
        Bench { poster, inputs, thread, runtime }
    }
    fn next(&self) -> Input {
        self.inputs.recv().expect("the loop goes on until it is told to stop")
    }
    /// The state of the link, passing over everything else.
    fn state(&self) -> LinkState {
        loop {
            if let Input::Link { state, .. } = self.next() {
                return state;
            }
        }
    }
    fn stop(self) -> Ended {
        assert!(self.runtime.block_on(self.poster.order(OperatorOrder::Stop)));
        self.thread.join().unwrap().unwrap()
    }
}

fn write(pty: &Pty, bytes: &[u8]) {
    let mut rest = bytes;
    while !rest.is_empty() {
        match rustix::io::write(&pty.master, rest) {
            Ok(count) => rest = &rest[count..],
            Err(rustix::io::Errno::AGAIN) => {
                poll(&mut [PollFd::new(&pty.master, PollFlags::OUT)], None).map(|_| ()).unwrap();
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Reads until these bytes have come; what came before them is given back, what came after them stays in `heard`.
fn read_on(pty: &Pty, heard: &mut Vec<u8>, wanted: &[u8]) -> Vec<u8> {
    loop {
        if let Some(place) = heard.windows(wanted.len()).position(|window| window == wanted) {
            let rest = heard.split_off(place + wanted.len());
            let mut before = std::mem::replace(heard, rest);
            before.truncate(place);
            return before;
        }
        poll(&mut [PollFd::new(&pty.master, PollFlags::IN)], None).unwrap();
        let mut part = [0; 4096];
        let count = rustix::io::read(&pty.master, &mut part).unwrap();
        heard.extend_from_slice(&part[..count]);
    }
}

/// Reads until these bytes have come; what came before them is given back.
fn read_until(pty: &Pty, wanted: &[u8]) -> Vec<u8> {
    read_on(pty, &mut Vec::new(), wanted)
}

fn send(id: u64, lane: Lane, bytes: &[u8]) -> Effect {
    Effect::Send { id: SendId(id), lane, frame: Frame::serial(TELEM, bytes) }
}

fn rung(id: u64) -> Effect {
    Effect::Rung { id: SendId(id), ladder: LadderId(0), rung: RungId(0) }
}

#[test]
fn bytes_come_in_effects_go_out_and_what_left_is_told() {
    let pty = Pty::open().unwrap();
    let react: React = Box::new(|input, out| {
        if let Input::Bytes { frame, .. } = input {
            out.list.push(send(7, Lane::Normal, &frame.bytes));
        }
        None
    });
    let bench = Bench::start(&[&pty.path], react);
    assert_eq!(bench.state(), LinkState::Up);
    write(&pty, b"hello");
    assert_eq!(read_until(&pty, b"hello"), b"");
    let Input::Bytes { at, frame, .. } = bench.next() else { panic!("bytes come first") };
    assert_eq!(frame, Frame::serial(TELEM, *b"hello"));
    let Input::Sent { at: sent_at, id, begun, done, .. } = bench.next() else { panic!("then that they left") };
    assert_eq!(id, SendId(7));
    assert!(at <= begun && begun <= done && done <= sent_at);
    assert_eq!(bench.stop().outcome.verdict, RunVerdict::Aborted);
}

#[test]
fn a_rung_goes_before_all_else_and_closes_normal_for_good() {
    let pty = Pty::open().unwrap();
    let react: React = Box::new(|input, out| {
        if let Input::Bytes { frame, .. } = input {
            match frame.bytes.as_slice() {
                b"fill" => out.list.extend((0..64).map(|i| send(i, Lane::Normal, &[b'n'; 1024]))),
                b"trip" => {
                    // The rung stands last in the list, and is done first all the same.
                    out.list.push(send(100, Lane::Normal, b"NORMAL"));
                    out.list.push(send(101, Lane::Query, b"query"));
                    out.list.push(rung(102));
                }
                b"again" => {
                    out.list.push(send(103, Lane::Normal, b"NORMAL"));
                    out.list.push(send(104, Lane::Query, b"last"));
                }
                _ => (),
            }
        }
        None
    });
    let bench = Bench::start(&[&pty.path], react);
    assert_eq!(bench.state(), LinkState::Up);
    // More than the pseudo-terminal holds: the port is full, and frames wait in Normal.
    write(&pty, b"fill");
    assert!(matches!(bench.next(), Input::Bytes { .. }));
    write(&pty, b"trip");
    let mut heard = Vec::new();
    let before = read_on(&pty, &mut heard, SAFE);
    assert!(before.iter().all(|byte| *byte == b'n'), "nothing but what had left already comes before the rung");
    assert!(before.len() < 64 * 1024, "what waited in Normal is gone");
    write(&pty, b"again");
    let after = read_on(&pty, &mut heard, b"last");
    assert!(!after.windows(6).any(|window| window == b"NORMAL"), "Normal is closed for good");
    assert!(after.windows(5).any(|window| window == b"query"), "Query goes on");
    let rungs = bench.inputs.try_iter().filter(|i| matches!(i, Input::Sent { id: SendId(102), .. })).count();
    assert_eq!(rungs, 1, "a rung of two frames is told once");
    bench.stop();
}

#[test]
fn deadlines_are_kept_and_never_early() {
    let pty = Pty::open().unwrap();
    let react: React = Box::new(|input, _| match input {
        Input::Link { at, .. } | Input::Tick { at } => Some(*at + Span::from_millis(3)),
        _ => None,
    });
    let bench = Bench::start(&[&pty.path], react);
    let mut before = bench.next().at();
    for _ in 0..20 {
        let Input::Tick { at } = bench.next() else { panic!("nothing but time passes") };
        assert!(at >= before + Span::from_millis(3));
        before = at;
    }
    let ended = bench.stop();
    assert!(ended.quality.ticks >= 20);
}

#[test]
fn a_port_that_cannot_be_opened_is_refused_in_words() {
    let bench = Bench::start(&["/dev/no-such-port"], Box::new(|_, _| None));
    let LinkState::Refused(why) = bench.state() else { panic!("it cannot be up") };
    assert!(why.starts_with("no such port: /dev/no-such-port; "), "{why}");
    bench.stop();
}

#[test]
fn an_unplugged_port_is_lost_once_and_up_again_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("by-id");
    let mut first = Pty::open().unwrap();
    std::os::unix::fs::symlink(&first.path, &path).unwrap();
    let react: React = Box::new(|input, out| {
        if let Input::Bytes { frame, .. } = input {
            out.list.push(send(1, Lane::Query, &frame.bytes));
        }
        None
    });
    let bench = Bench::start(&[&path.display().to_string()], react);
    assert_eq!(bench.state(), LinkState::Up);
    first.release();
    std::fs::remove_file(&path).unwrap();
    drop(first);
    assert!(matches!(bench.state(), LinkState::Lost(_)));
    let second = Pty::open().unwrap();
    std::os::unix::fs::symlink(&second.path, &path).unwrap();
    assert_eq!(bench.state(), LinkState::Up, "and not lost a second time in between");
    write(&second, b"back");
    read_until(&second, b"back");
    bench.stop();
}

#[test]
fn a_flood_on_the_queue_starves_no_port_and_a_flood_on_a_port_no_order() {
    let pty = Pty::open().unwrap();
    let react: React = Box::new(|input, out| {
        if let Input::Bytes { frame, .. } = input
            && frame.topic.is_none()
        {
            out.list.push(send(1, Lane::Query, &frame.bytes[..1]));
        }
        None
    });
    let bench = Bench::start(&[&pty.path], react);
    assert_eq!(bench.state(), LinkState::Up);
    let flood = bench.poster.clone();
    let flooder = std::thread::spawn(move || {
        let frame = Frame::publish(LinkId(9), "flood", *b"x");
        while flood.post_blocking(Post::Input(Input::bytes(Time::ZERO, frame.clone()))) {}
    });
    write(&pty, b"p");
    assert_eq!(read_until(&pty, b"p"), b"");
    // The order stands in the same queue behind at most a queue full, and the run ends.
    bench.stop();
    flooder.join().unwrap();
}

#[test]
fn inputs_are_in_order_of_time_whatever_their_stamps() {
    let pty = Pty::open().unwrap();
    let bench = Bench::start(&[&pty.path], Box::new(|_, _| None));
    let up = bench.next().at();
    let old = Input::bytes(Time::MIN, Frame::publish(LinkId(9), "old", *b"x"));
    assert!(bench.poster.post_blocking(Post::Input(old)));
    assert!(bench.next().at() >= up);
    bench.stop();
}

/// Keeps what would be recorded, for the test to read; fails from the first flush on when told to.
struct Kept(Sender<Item>, bool);

impl Sink for Kept {
    fn write(&mut self, batch: &Batch) -> io::Result<()> {
        batch.items.iter().for_each(|item| drop(self.0.send(item.clone())));
        Ok(())
    }
    fn flush(&mut self, _durable: bool) -> io::Result<()> {
        if self.1 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
    fn finish(self: Box<Self>) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_recording_has_inputs_and_what_came_of_them_in_the_order_of_the_run() {
    let pty = Pty::open().unwrap();
    let react: React = Box::new(|input, out| {
        if let Input::Bytes { at, .. } = input {
            out.list.push(Effect::Emit(Event { at: *at, kind: EventKind::Armed }));
            out.list.push(rung(5));
            out.list.push(Effect::Flush);
        }
        None
    });
    let (kept, items) = channel();
    let (our_feed, watcher) = feed(false);
    let bench = Bench::start_with(&[&pty.path], react, |setup| {
        setup.recorder = Some(recorder::start(Box::new(Kept(kept, false)), || ()).unwrap());
        setup.feed = Some(our_feed);
    });
    assert_eq!(bench.state(), LinkState::Up);
    write(&pty, b"x");
    read_until(&pty, SAFE);
    let ended = bench.stop();
    assert_eq!(ended.recording, Ok(()));
    let kinds: Vec<&str> = items
        .iter()
        .map(|item| match item {
            Item::Input(Input::Link { .. }) => "link",
            Item::Input(Input::Bytes { .. }) => "bytes",
            Item::Input(Input::Sent { .. }) => "told",
            Item::Input(Input::Operator { .. }) => "stop",
            Item::Event(_) => "event",
            Item::Sent { .. } => "sent",
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(kinds, ["link", "bytes", "event", "sent", "sent", "told", "stop"]);
    let look = watcher.look(std::time::Duration::ZERO);
    assert!(matches!(look.seen.as_slice(), [Seen::Event(_), Seen::Finished(_)]));
    assert!(look.over);
}

#[test]
fn a_dead_recorder_reaches_the_run_by_itself() {
    let pty = Pty::open().unwrap();
    let (kept, _items) = channel();
    let bench = Bench::start_with(&[&pty.path], Box::new(|_, _| None), |setup| {
        let poster = setup.poster.clone();
        setup.recorder = Some(recorder::start(Box::new(Kept(kept, true)), move || poster.wake()).unwrap());
    });
    let state = loop {
        if let Input::Recorder { state, .. } = bench.next() {
            break state;
        }
    };
    assert_eq!(state, RecorderState::Dead("the disk is full".into()));
    assert_eq!(bench.stop().recording, Err("the disk is full".into()));
}

#[test]
fn what_may_not_leave_any_more_is_thrown_away_and_named() {
    let pty = Pty::open().unwrap();
    let react: React = Box::new(|input, out| {
        match input {
            Input::Bytes { frame, .. } if frame.bytes == b"fill" => {
                // More than the pseudo-terminal holds.
                out.list.extend((0..64).map(|i| send(i, Lane::Normal, &[b'n'; 1024])));
            }
            Input::Bytes { at, frame, .. } if frame.bytes == b"late" => {
                let until = |id, text: &[u8], last| Effect::Send {
                    id: SendId(id),
                    lane: Lane::Normal,
                    frame: Frame::serial(TELEM, text).until(last),
                };
                out.list.push(until(100, b"OVER", Some(*at)));
                out.list.push(until(101, b"IN TIME", Some(*at + Span::from_secs(3_600))));
                out.list.push(until(102, b"last", None));
            }
            _ => (),
        }
        None
    });
    let bench = Bench::start(&[&pty.path], react);
    assert_eq!(bench.state(), LinkState::Up);
    write(&pty, b"fill");
    assert!(matches!(bench.next(), Input::Bytes { .. }));
    write(&pty, b"late");
    // Nothing is read before the run has taken it, so that it stands behind a full port.
    while !matches!(bench.next(), Input::Bytes { frame, .. } if frame.bytes == b"late") {}
    let heard = read_until(&pty, b"last");
    assert!(!heard.windows(4).any(|window| window == b"OVER"), "it was over");
    assert!(heard.ends_with(b"IN TIME"), "{}", String::from_utf8_lossy(&heard[heard.len().saturating_sub(40)..]));
    let (mut lapsed, mut sent) = (Vec::new(), Vec::new());
    while !sent.contains(&SendId(102)) {
        match bench.next() {
            Input::Lapsed { id, .. } => lapsed.push(id),
            Input::Sent { id, .. } => sent.push(id),
            _ => (),
        }
    }
    assert_eq!(lapsed, [SendId(100)]);
    assert!(!sent.contains(&SendId(100)) && sent.contains(&SendId(101)));
    bench.stop();
}

#[test]
fn a_stop_is_read_before_what_links_brought_and_that_the_queue_was_full_is_told() {
    let pty = Pty::open().unwrap();
    let clock = Clock::start();
    let (gate, open) = channel::<()>();
    // The first message holds the loop until everything is queued.
    let react: React = Box::new(move |input, _| {
        if let Input::Bytes { frame, .. } = input
            && frame.bytes == b"hold"
        {
            open.recv().expect("the test opens it");
        }
        None
    });
    let bench = Bench::start_with(&[&pty.path], react, |_| ());
    assert_eq!(bench.state(), LinkState::Up);
    let post = |bytes: &[u8]| Post::Input(Input::bytes(clock.now(), Frame::publish(LinkId(9), "flood", bytes)));
    assert!(bench.poster.post_blocking(post(b"hold")));
    assert!(matches!(bench.next(), Input::Bytes { .. }));
    let (begun, flooding) = channel::<()>();
    let (poster, flood) = (bench.poster.clone(), post(b"x"));
    let flooder = std::thread::spawn(move || {
        for nth in 0..20_000 {
            // Fewer than there is room for.
            if nth == 1_000 {
                begun.send(()).expect("the test waits");
            }
            assert!(poster.post_blocking(flood.clone()));
        }
    });
    flooding.recv().expect("it floods");
    let order = Input::Operator { at: clock.now(), order: OperatorOrder::HandBack };
    assert!(bench.poster.post_blocking(Post::Input(order)));
    // Until somebody waits for room.
    while !bench.poster.is_full() {
        std::thread::yield_now();
    }
    gate.send(()).expect("the loop waits");
    let (mut before_order, mut after_order, mut ordered, mut choked) = (0, 0, false, 0);
    while before_order + after_order < 20_000 {
        match bench.next() {
            Input::Bytes { waited, .. } if !ordered => {
                before_order += 1;
                assert!(waited >= Span::ZERO);
            }
            Input::Bytes { .. } => after_order += 1,
            Input::Operator { .. } => ordered = true,
            Input::Choked { .. } => choked += 1,
            _ => (),
        }
    }
    flooder.join().unwrap();
    assert!(ordered && before_order < 128, "{before_order} messages were taken before the order");
    assert!(choked >= 1, "nobody was told that the queue had been full");
    let ended = bench.stop();
    assert!(ended.quality.longest_wait > Span::ZERO);
}

#[test]
fn bytes_keep_how_long_they_waited() {
    let pty = Pty::open().unwrap();
    let bench = Bench::start(&[&pty.path], Box::new(|_, _| None));
    assert_eq!(bench.state(), LinkState::Up);
    let now = bench.poster.clock().now();
    let arrived = now - Span::from_secs(2);
    assert!(bench.poster.post_blocking(Post::Input(Input::bytes(arrived, Frame::publish(LinkId(9), "t", *b"x")))));
    let Input::Bytes { at, waited, .. } = bench.next() else { panic!("bytes come next") };
    assert_eq!(at - waited, arrived);
    assert!(matches!(bench.next(), Input::Choked { .. }), "two seconds are more than a stall");
    assert!(bench.stop().quality.longest_wait >= Span::from_secs(2));
}

#[test]
fn what_arrived_before_a_deadline_is_taken_before_it_however_late_the_loop_is() {
    let pty = Pty::open().unwrap();
    let (gate, open) = channel::<()>();
    let react: React = Box::new(move |input, _| match input {
        Input::Bytes { at, frame, .. } if frame.bytes == b"hold" => {
            open.recv().expect("the test opens it");
            Some(*at + Span::from_millis(400))
        }
        _ => None,
    });
    let bench = Bench::start_with(&[&pty.path], react, |_| ());
    assert_eq!(bench.state(), LinkState::Up);
    let post = |bytes: &[u8]| {
        let at = bench.poster.clock().now();
        assert!(bench.poster.post_blocking(Post::Input(Input::bytes(at, Frame::publish(LinkId(9), "t", bytes)))));
        at
    };
    let held = post(b"hold");
    assert!(matches!(bench.next(), Input::Bytes { .. }));
    let early = post(b"early");
    assert!(early < held + Span::from_millis(400), "this computer stood still: nothing is shown");
    // A port that has something to say must not move time past it either.
    write(&pty, b"serial");
    while bench.poster.clock().now() < held + Span::from_millis(410) {
        std::thread::yield_now();
    }
    gate.send(()).expect("the loop waits");
    let Input::Bytes { at, waited, frame } = bench.next() else { panic!("it came before the deadline") };
    assert_eq!((frame.bytes.as_slice(), at - waited), (&b"early"[..], early));
    assert!(at < held + Span::from_millis(400), "{at} is past what was due");
    bench.stop();
}
