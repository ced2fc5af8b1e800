//! The recorder's thread: takes batches from a bounded queue, writes them, flushes at least every 100 ms.
//!
//! Invariant: the run thread never waits for the disk. What does not fit is counted and said, never silently lost.

use crate::io::lanes::Left;
use crate::log;
use crate::run::{Event, Input, RecorderState};
use crate::signal::Sample;
use crate::time::Time;
use crate::wire::Frame;
use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Longest time between two flushes while anything arrives: what a `kill -9` can lose, beside the queue.
pub const FLUSH_EVERY: Duration = Duration::from_millis(100);
/// How long the writer sleeps when nothing urgent comes: it is not woken per batch, that would cost the run thread a call.
const NAP: Duration = Duration::from_millis(20);
/// Bytes of memory that the queue holds: some 7 s of 50,000 samples a second with the bytes they came in. While the writer
/// works on a batch as large, the process holds twice that.
const QUEUE: usize = 24 << 20;
/// Bytes kept for what must be said when the queue is full: the trip and what follows it.
const KEPT: usize = 4 << 20;

/// A disk that takes longer than this for one piece of work hangs: the run hears of it while the queue still has room.
/// The longest pauses of healthy SD cards and network disks stay below a second or two. At the end of a run it is given up
/// after six times as long.
const HANGS: Duration = Duration::from_secs(5);

/// One thing to record.
#[derive(Clone, PartialEq, Debug)]
pub enum Item {
    Input(Input),
    /// The next so many samples of [`Batch::samples`].
    Samples(usize),
    Event(Event),
    Sent {
        at: Time,
        frame: Frame,
    },
}

impl Item {
    /// Bytes of memory that it takes; texts of events are too few to count.
    fn weight(&self) -> usize {
        let beyond = match self {
            Item::Input(Input::Bytes { frame, .. }) | Item::Sent { frame, .. } => frame.bytes.capacity(),
            Item::Input(Input::Samples { batch, .. }) => size_of_val(batch.as_slice()),
            Item::Input(_) | Item::Samples(_) | Item::Event(_) => 0,
        };
        size_of::<Item>() + beyond
    }
}

/// What one turn of the run gave to record, in order. Swapped as a whole, so that its memory is used again.
#[derive(Default, Debug)]
pub struct Batch {
    pub items: Vec<Item>,
    pub samples: Vec<Sample>,
}

impl Batch {
    /// Adds decoded samples.
    pub fn push_samples(&mut self, samples: &[Sample]) {
        if !samples.is_empty() {
            self.items.push(Item::Samples(samples.len()));
            self.samples.extend_from_slice(samples);
        }
    }
    /// Adds a frame as it left.
    pub fn push_left(&mut self, left: Left) {
        self.items.push(Item::Sent { at: left.begun, frame: left.frame });
    }
    /// True when there is nothing to record.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
    /// Bytes of memory that it takes.
    fn weight(&self) -> usize {
        self.items.iter().map(Item::weight).sum::<usize>() + self.samples.len() * size_of::<Sample>()
    }
    /// Records in it, samples counted one by one.
    pub fn len(&self) -> usize {
        self.items.len() + self.samples.len()
    }
    /// Empties it, keeping its memory.
    pub fn clear(&mut self) {
        self.items.clear();
        self.samples.clear();
    }
}

/// Where records go. [`log::Recorder`] is the real one.
pub trait Sink: Send {
    /// Writes everything of the batch.
    fn write(&mut self, batch: &Batch) -> io::Result<()>;
    /// Closes what is open, so that a cut loses nothing up to here; `durable`: and waits until the disk has it.
    fn flush(&mut self, durable: bool) -> io::Result<()>;
    /// Writes the end.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// A recording in a file.
pub struct FileSink {
    recorder: log::Recorder<BufWriter<File>>,
    /// The same file, to wait for the disk.
    file: File,
}

impl FileSink {
    /// Creates `recording.mcap` in the run's directory and writes its head.
    pub fn create(directory: &Path, head: &log::Head, plan: &crate::scenario::plan::Plan) -> io::Result<FileSink> {
        let file = File::create_new(directory.join("recording.mcap"))?;
        let out = BufWriter::with_capacity(256 * 1024, file.try_clone()?);
        let mut recorder = log::Recorder::start(out, head, plan)?;
        recorder.flush()?;
        Ok(FileSink { recorder, file })
    }
}

impl Sink for FileSink {
    fn write(&mut self, batch: &Batch) -> io::Result<()> {
        write_batch(&mut self.recorder, batch)
    }
    fn flush(&mut self, durable: bool) -> io::Result<()> {
        self.recorder.flush()?;
        if durable { self.file.sync_data() } else { Ok(()) }
    }
    fn finish(self: Box<Self>) -> io::Result<()> {
        self.recorder.finish()?.flush()?;
        self.file.sync_all()
    }
}

fn write_batch<W: Write + Seek>(recorder: &mut log::Recorder<W>, batch: &Batch) -> io::Result<()> {
    let mut samples = batch.samples.as_slice();
    for item in &batch.items {
        match item {
            Item::Input(input) => recorder.input(input)?,
            Item::Event(event) => recorder.event(event)?,
            Item::Sent { at, frame } => recorder.sent(*at, frame)?,
            Item::Samples(count) => {
                let (these, rest) = samples.split_at(*count);
                recorder.samples(these)?;
                samples = rest;
            }
        }
    }
    Ok(())
}

#[derive(Default)]
struct Inbox {
    batch: Batch,
    /// What the batch weighs.
    weight: usize,
    /// A flush was asked for that waits for the disk.
    flush: bool,
    closed: bool,
    dead: Option<String>,
    /// Since when the writer has been at one piece of work.
    working_since: Option<Instant>,
    /// The writer's thread has ended, in whatever way.
    ended: bool,
}

#[derive(Default)]
struct Shared {
    inbox: Mutex<Inbox>,
    arrived: Condvar,
    /// The writer took up another piece of work, or ended.
    moved: Condvar,
}

impl Shared {
    /// Does one piece of work that may hang.
    fn timed<T>(&self, work: impl FnOnce() -> T) -> T {
        self.inbox().working_since = Some(Instant::now());
        let done = work();
        self.inbox().working_since = None;
        self.moved.notify_all();
        done
    }
    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        // Nobody panics while holding the lock; if somebody did, the queue itself is still whole.
        self.inbox.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The run thread's end of the recorder.
pub struct Handle {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<io::Result<()>>>,
    capacity: usize,
    hangs: Duration,
    full: bool,
    dropped: u64,
    told_dead: bool,
    told_hanging: bool,
}

/// Tells that the writer's thread ended, also when it panicked.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.inbox().ended = true;
        self.0.moved.notify_all();
    }
}

/// Starts the recorder's thread. `wake` is called from that thread when it dies, so that the run hears of it at once.
pub fn start(sink: Box<dyn Sink>, wake: impl FnOnce() + Send + 'static) -> io::Result<Handle> {
    start_sized(sink, QUEUE, HANGS, wake)
}

fn start_sized(
    sink: Box<dyn Sink>,
    capacity: usize,
    hangs: Duration,
    wake: impl FnOnce() + Send + 'static,
) -> io::Result<Handle> {
    let shared = Arc::new(Shared::default());
    let theirs = shared.clone();
    let thread = std::thread::Builder::new().name("recorder".into()).spawn(move || {
        let _ending = Ending(theirs.clone());
        let result = work(&theirs, sink);
        if let Err(error) = &result {
            theirs.inbox().dead = Some(in_words(error));
            wake();
        }
        result
    })?;
    Ok(Handle {
        shared,
        thread: Some(thread),
        capacity,
        hangs,
        full: false,
        dropped: 0,
        told_dead: false,
        told_hanging: false,
    })
}

fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull => "the disk is full".into(),
        io::ErrorKind::QuotaExceeded => "the disk quota is used up".into(),
        io::ErrorKind::FileTooLarge => "the recording is larger than a file may be".into(),
        _ => format!("the recording cannot be written: {error}"),
    }
}

fn work(shared: &Shared, mut sink: Box<dyn Sink>) -> io::Result<()> {
    let mut batch = Batch::default();
    let mut unflushed = false;
    let mut flushed = Instant::now();
    loop {
        let (durable, closed) = {
            let mut inbox = shared.inbox();
            while !inbox.flush && !inbox.closed && inbox.batch.is_empty() && !unflushed {
                inbox = wait(shared, inbox);
            }
            std::mem::swap(&mut inbox.batch, &mut batch);
            inbox.weight = 0;
            (std::mem::take(&mut inbox.flush), inbox.closed)
        };
        if !batch.is_empty() {
            shared.timed(|| sink.write(&batch))?;
            batch.clear();
            unflushed = true;
        }
        if durable || (unflushed && flushed.elapsed() + NAP >= FLUSH_EVERY) {
            shared.timed(|| sink.flush(durable))?;
            unflushed = false;
            flushed = Instant::now();
        }
        if closed {
            return shared.timed(|| sink.finish());
        }
        let inbox = shared.inbox();
        if !inbox.flush && !inbox.closed {
            drop(wait(shared, inbox));
        }
    }
}

fn wait<'a>(shared: &Shared, inbox: MutexGuard<'a, Inbox>) -> MutexGuard<'a, Inbox> {
    shared.arrived.wait_timeout(inbox, NAP).unwrap_or_else(std::sync::PoisonError::into_inner).0
}

impl Handle {
    /// Gives a turn's records away and leaves `batch` empty. What the run must be told of comes back.
    pub fn hand_over(&mut self, batch: &mut Batch) -> Option<RecorderState> {
        if batch.is_empty() && self.told_dead {
            return None;
        }
        let shared = self.shared.clone();
        let mut inbox = shared.inbox();
        if let Some(why) = &inbox.dead {
            batch.clear();
            if self.told_dead {
                return None;
            }
            self.told_dead = true;
            return Some(RecorderState::Dead(why.clone()));
        }
        let hangs = inbox.working_since.is_some_and(|since| since.elapsed() >= self.hangs);
        if hangs && !self.told_hanging {
            // What comes is kept all the same, for as long as there is room: a disk may come back. The batch stays with
            // the caller until the next call.
            self.told_hanging = true;
            return Some(RecorderState::Dead(format!("the disk has not answered for {} s", self.hangs.as_secs())));
        }
        let waiting = inbox.weight;
        if self.full && waiting < self.capacity / 2 && self.dropped > 0 {
            self.full = false;
            return Some(RecorderState::Dropped(std::mem::take(&mut self.dropped)));
        }
        let more = batch.weight();
        if waiting + more > self.capacity {
            let first = !self.full;
            self.full = true;
            self.keep_what_matters(&mut inbox, batch);
            return first.then_some(RecorderState::Full);
        }
        inbox.weight += more;
        if inbox.batch.is_empty() {
            std::mem::swap(&mut inbox.batch, batch);
        } else {
            inbox.batch.items.append(&mut batch.items);
            inbox.batch.samples.append(&mut batch.samples);
        }
        None
    }

    /// More than half of the queue waits for the disk: who can hold back what it feeds had better do so.
    pub fn half_full(&self) -> bool {
        self.shared.inbox().weight > self.capacity / 2
    }

    /// When the queue is full: bytes and samples are dropped and counted; what tells of the trip uses the kept slots.
    fn keep_what_matters(&mut self, inbox: &mut Inbox, batch: &mut Batch) {
        self.dropped += batch.samples.len() as u64;
        batch.samples.clear();
        for item in batch.items.drain(..) {
            let matters = !matches!(item, Item::Samples(_) | Item::Input(Input::Bytes { .. } | Input::Samples { .. }));
            let weight = item.weight();
            if matters && inbox.weight + weight <= self.capacity + KEPT {
                inbox.weight += weight;
                inbox.batch.items.push(item);
            } else if !matches!(item, Item::Samples(_)) {
                self.dropped += 1;
            }
        }
    }

    /// Asks that everything handed over be made durable now. Does not wait.
    pub fn flush(&mut self) {
        self.shared.inbox().flush = true;
        self.shared.arrived.notify_one();
    }

    /// Writes what is left and the end, and waits for the disk. The error says in words what is missing.
    pub fn finish(mut self) -> Result<(), String> {
        self.close()
    }

    fn close(&mut self) -> Result<(), String> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        let shared = self.shared.clone();
        let mut inbox = shared.inbox();
        inbox.closed = true;
        shared.arrived.notify_one();
        // A disk that is slow is waited for, one that does not move is not: the end of a run must not hang on it.
        while !inbox.ended {
            if inbox.working_since.is_some_and(|since| since.elapsed() >= 6 * self.hangs) {
                return Err(format!("the disk did not answer; what it had not taken is lost ({} bytes)", inbox.weight));
            }
            inbox = shared.moved.wait_timeout(inbox, FLUSH_EVERY).unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
        drop(inbox);
        match thread.join() {
            Ok(result) => result.map_err(|error| in_words(&error)),
            Err(_) => Err("the recorder stopped through a bug of its own".into()),
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Also on a panic of the run: what was handed over is written. The error has no one left to hear it.
        let _ = self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// Tells a test what the thread does, and does it only when let.
    struct Probe {
        said: Sender<String>,
        go: Receiver<()>,
        seen: usize,
    }

    impl Sink for Probe {
        fn write(&mut self, batch: &Batch) -> io::Result<()> {
            self.seen += batch.len();
            let _ = self.said.send(format!("write {}", batch.len()));
            self.go.recv().map_err(|_| io::Error::other("the test is over"))
        }
        fn flush(&mut self, durable: bool) -> io::Result<()> {
            let _ = self.said.send(format!("flush {durable}"));
            Ok(())
        }
        fn finish(self: Box<Self>) -> io::Result<()> {
            let _ = self.said.send(format!("finish {}", self.seen));
            Ok(())
        }
    }

    fn probe() -> (Box<Probe>, Receiver<String>, Sender<()>) {
        let (said, hear) = channel();
        let (let_go, go) = channel();
        (Box::new(Probe { said, go, seen: 0 }), hear, let_go)
    }

    fn ticks(count: usize) -> Batch {
        let items = (0..count).map(|i| Item::Input(Input::Tick { at: Time::from_nanos(i as i64) })).collect();
        Batch { items, samples: Vec::new() }
    }

    fn bytes(count: usize) -> Batch {
        let frame = Frame::serial(crate::wire::LinkId(0), [1u8]);
        let input = Input::bytes(Time::ZERO, frame);
        Batch { items: vec![Item::Input(input); count], samples: Vec::new() }
    }

    fn next_write(hear: &Receiver<String>) -> String {
        loop {
            let said = hear.recv().unwrap();
            if said.starts_with("write") {
                return said;
            }
        }
    }

    #[test]
    fn what_is_handed_over_is_written_flushed_and_finished() {
        let (sink, hear, go) = probe();
        let mut handle = start(sink, || ()).unwrap();
        go.send(()).unwrap();
        let mut batch = ticks(3);
        assert_eq!(handle.hand_over(&mut batch), None);
        assert!(batch.is_empty());
        assert_eq!(next_write(&hear), "write 3");
        assert_eq!(hear.recv().unwrap(), "flush false");
        handle.flush();
        assert_eq!(hear.recv().unwrap(), "flush true");
        handle.finish().unwrap();
        assert_eq!(hear.recv().unwrap(), "finish 3");
    }

    #[test]
    fn a_full_queue_is_said_once_and_keeps_room_for_the_trip() {
        let (sink, hear, go) = probe();
        let mut handle = start_sized(sink, bytes(10).weight(), HANGS, || ()).unwrap();
        assert_eq!(handle.hand_over(&mut bytes(1)), None);
        assert_eq!(next_write(&hear), "write 1");
        // The writer stands still now, as on a disk that hangs.
        assert_eq!(handle.hand_over(&mut bytes(10)), None);
        assert_eq!(handle.hand_over(&mut bytes(1)), Some(RecorderState::Full));
        assert_eq!(handle.hand_over(&mut bytes(1)), None);
        assert_eq!(handle.hand_over(&mut ticks(5)), None);
        for _ in 0..3 {
            go.send(()).unwrap();
        }
        assert_eq!(next_write(&hear), "write 15");
        // Two inputs with bytes were dropped, and that is told as soon as there is room.
        let told = loop {
            if let Some(told) = handle.hand_over(&mut Batch::default()) {
                break told;
            }
        };
        assert_eq!(told, RecorderState::Dropped(2));
        drop(go);
        handle.finish().unwrap();
    }

    #[test]
    fn a_disk_that_never_answers_is_told_once_and_does_not_hold_up_the_end() {
        let (sink, hear, go) = probe();
        let mut handle = start_sized(sink, QUEUE, Duration::from_millis(20), || ()).unwrap();
        assert_eq!(handle.hand_over(&mut bytes(1)), None);
        assert_eq!(next_write(&hear), "write 1");
        let mut batch = ticks(1);
        let told = loop {
            if let Some(told) = handle.hand_over(&mut batch) {
                break told;
            }
        };
        assert_eq!(told, RecorderState::Dead("the disk has not answered for 0 s".into()));
        // What comes afterwards is taken, and not told again.
        assert_eq!(handle.hand_over(&mut ticks(3)), None);
        let why = handle.finish().unwrap_err();
        assert!(why.contains("the disk did not answer"), "{why}");
        // Only now is it let go: the end came first.
        drop(go);
    }

    #[test]
    fn one_long_frame_fills_the_queue_as_many_short_ones_do() {
        let (sink, hear, go) = probe();
        let mut handle = start_sized(sink, bytes(10).weight(), HANGS, || ()).unwrap();
        assert_eq!(handle.hand_over(&mut bytes(1)), None);
        assert_eq!(next_write(&hear), "write 1");
        assert_eq!(handle.hand_over(&mut bytes(6)), None);
        assert!(handle.half_full());
        let frame = Frame::serial(crate::wire::LinkId(0), vec![0; bytes(10).weight()]);
        let long = Item::Input(Input::bytes(Time::ZERO, frame));
        let mut batch = Batch { items: vec![long], samples: Vec::new() };
        assert_eq!(handle.hand_over(&mut batch), Some(RecorderState::Full));
        drop(go);
        assert!(handle.finish().is_err(), "the writer was cut off");
    }

    /// `/dev/full` answers every write with "no space left on device", as a full disk does.
    struct FullDisk(BufWriter<File>);

    impl Sink for FullDisk {
        fn write(&mut self, batch: &Batch) -> io::Result<()> {
            self.0.write_all(&vec![0; batch.len()])
        }
        fn flush(&mut self, _durable: bool) -> io::Result<()> {
            self.0.flush()
        }
        fn finish(self: Box<Self>) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_told_in_words_and_the_run_is_woken() {
        let file = File::options().write(true).open("/dev/full").unwrap();
        let (woken, wait) = channel();
        let wake = move || woken.send(()).unwrap();
        let mut handle = start(Box::new(FullDisk(BufWriter::new(file))), wake).unwrap();
        assert_eq!(handle.hand_over(&mut ticks(2)), None);
        wait.recv().unwrap();
        assert_eq!(handle.hand_over(&mut ticks(1)), Some(RecorderState::Dead("the disk is full".into())));
        assert_eq!(handle.hand_over(&mut ticks(1)), None);
        assert_eq!(handle.finish().unwrap_err(), "the disk is full");
    }
}
