//! Ring 2: a child process per link over which something can be energised, which makes the machines safe when the harness
//! dies or hangs.
//!
//! Its standard input is a socket to the harness. On a serial link its standard output *is* the port (a second descriptor
//! of the same open file, so the lock on the port lives until the child exits); to a broker it has a connection of its own.
//! It knows the ladders' frames from the start. Silence or end of file: it throws away what the port still queues and
//! sends the first rung of every device, again and again. It climbs by time alone only to rungs marked blind, since it
//! cannot see whether a machine is safe.
//!
//! Invariant: the child decodes nothing, and sends nothing but the frames it was given.

pub use crate::io::climb::{BlindFrame, BlindLadder, BlindRung, Setup};

use crate::io::mqtt::{self, Login};
use crate::io::os::{self, Deaf};
use crate::io::queue::{Post, Poster, queue};
use crate::io::tunnel::TlsSettings;
use crate::rig::Tls;
use crate::run::{Input, LinkState};
use crate::time::{Span, Time};
use crate::wire::{Frame, FrameFlags, Lane, LinkId};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{QueueSelector, tcflush};
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// What the harness tells the child; each is one kind byte, a length of four bytes (little endian) and the body.
const SETUP: u8 = b'S';
const BEAT: u8 = b'B';
const DISARM: u8 = b'D';
/// What the child tells the harness.
const READY: u8 = b'R';
const FIRED: u8 = b'F';
/// Longest message that either side accepts.
const MESSAGE_MAX: usize = 1 << 20;
/// Repeats left out in a row, at most, while what was written last has not left the machine.
const PATIENCE: u32 = 10;

/// The way to a broker, for a watchdog that has a connection of its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BrokerWay {
    pub client_id: String,
    pub host: String,
    pub port: u16,
    /// Where certificates are: authority, own certificate, own key; `None` without TLS.
    pub tls: Option<[Option<String>; 3]>,
    /// 5, or 3 for 3.1.1.
    pub version: u8,
    /// User and password.
    pub login: Option<(String, String)>,
}

/// Everything the child is told once.
#[derive(Serialize, Deserialize)]
struct Orders {
    climb: Setup,
    broker: Option<BrokerWay>,
}

/// The harness's end of a watchdog. Dropping it without [`Watchdog::disarm`] makes it fire: that is its purpose.
#[derive(Debug)]
pub struct Watchdog {
    beats: UnixStream,
    child: Child,
    beat_every: Span,
    beat_at: Time,
}

impl Watchdog {
    /// Starts the child (`program child watchdog`) on a second descriptor of the port and hands it its frames.
    pub fn start(program: &Path, port: OwnedFd, setup: &Setup) -> io::Result<Watchdog> {
        Watchdog::spawn(program, Stdio::from(port), &Orders { climb: setup.clone(), broker: None })
    }
    /// Starts the child with a connection of its own to a broker.
    pub fn start_on_broker(program: &Path, way: BrokerWay, setup: &Setup) -> io::Result<Watchdog> {
        Watchdog::spawn(program, Stdio::null(), &Orders { climb: setup.clone(), broker: Some(way) })
    }

    fn spawn(program: &Path, out: Stdio, orders: &Orders) -> io::Result<Watchdog> {
        let (ours, theirs) = UnixStream::pair()?;
        let child = Command::new(program)
            .args(["child", "watchdog"])
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(out)
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let mut beats = ours;
        let body = serde_json::to_vec(orders).map_err(io::Error::other)?;
        beats.write_all(&message(SETUP, &body))?;
        beats.set_nonblocking(true)?;
        // Four times before silence is taken for death.
        let beat_every = Span::from_millis(orders.climb.silence_ms as i64) / 4;
        Ok(Watchdog { beats, child, beat_every, beat_at: Time::MIN })
    }
    /// When [`Watchdog::beat`] wants to be called next.
    pub fn beat_at(&self) -> Time {
        self.beat_at
    }
    /// Tells the child that the harness lives, when it is time to. Never waits; a child that is gone tells by [`listen`].
    pub fn beat(&mut self, now: Time) {
        if now >= self.beat_at {
            let _ = self.beats.write(&message(BEAT, &[]));
            self.beat_at = now + self.beat_every;
        }
    }
    /// The socket on which the child tells what it does, for [`listen`].
    pub fn ear(&self) -> io::Result<UnixStream> {
        self.beats.try_clone()
    }
    /// The child's process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
    /// The machine is safe, or none of our business any more: the child leaves without writing. Waits for its end.
    pub fn disarm(mut self) -> io::Result<()> {
        // A child that has left already needs no word.
        let _ = self.beats.write(&message(DISARM, &[]));
        crate::io::child::wait_at_most(&mut self.child, crate::io::child::LEAVE_WITHIN).map(|_| ())
    }
}

/// Carries what the child tells to the run: that it fired, or (`fired: false`) that it is gone.
pub async fn listen(ear: UnixStream, link: LinkId, poster: Poster) {
    let Ok(ear) = tokio::net::UnixStream::from_std(ear) else { return };
    let mut buffer = [0; 16];
    loop {
        if ear.readable().await.is_err() {
            return;
        }
        let fired = match ear.try_read(&mut buffer) {
            Ok(0) => false,
            Ok(count) if buffer[..count].contains(&FIRED) => true,
            Ok(_) => continue,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(_) => false,
        };
        let posted = poster.post(Post::Input(Input::Watchdog { at: poster.clock().now(), link, fired })).await;
        if !posted || !fired {
            return;
        }
    }
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend_from_slice(&(body.len() as u32).to_le_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// Takes whole messages out of what was read; a length that cannot be meant is an error.
fn next_message(bytes: &mut Vec<u8>) -> Result<Option<(u8, Vec<u8>)>, ()> {
    let Some(&[kind, a, b, c, d]) = bytes.first_chunk::<5>() else { return Ok(None) };
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    if length > MESSAGE_MAX {
        return Err(());
    }
    if bytes.len() < 5 + length {
        return Ok(None);
    }
    let body = bytes[5..5 + length].to_vec();
    bytes.drain(..5 + length);
    Ok(Some((kind, body)))
}

/// What the harness said since the last look.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Heard {
    Nothing,
    Life,
    Disarm,
    /// End of file or nonsense: nobody is there who could disarm.
    Gone,
}

/// The child's side of the socket.
struct Harness {
    socket: OwnedFd,
    unread: Vec<u8>,
    orders: Option<Orders>,
    gone: bool,
}

impl Harness {
    /// Waits for a word at most this long.
    fn hear(&mut self, at_most: Duration) -> Heard {
        if self.gone {
            // Nothing can come any more: only the pause is left.
            std::thread::sleep(at_most);
            return Heard::Gone;
        }
        let timeout = Timespec { tv_sec: at_most.as_secs() as i64, tv_nsec: i64::from(at_most.subsec_nanos()) };
        let mut ready = [PollFd::new(&self.socket, PollFlags::IN)];
        match poll(&mut ready, Some(&timeout)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return Heard::Nothing,
            Ok(_) => (),
            Err(_) => return self.lost(),
        }
        let mut buffer = [0; 4096];
        match rustix::io::read(&self.socket, &mut buffer) {
            Ok(0) => return self.lost(),
            Ok(count) => self.unread.extend_from_slice(&buffer[..count]),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => return Heard::Nothing,
            Err(_) => return self.lost(),
        }
        let mut heard = Heard::Nothing;
        loop {
            match next_message(&mut self.unread) {
                Ok(None) => return heard,
                Ok(Some((BEAT, _))) => heard = Heard::Life,
                Ok(Some((DISARM, _))) => return Heard::Disarm,
                Ok(Some((SETUP, body))) => match serde_json::from_slice(&body) {
                    Ok(orders) => {
                        self.orders = Some(orders);
                        heard = Heard::Life;
                    }
                    Err(_) => return self.lost(),
                },
                Ok(Some(_)) | Err(()) => return self.lost(),
            }
        }
    }
    fn lost(&mut self) -> Heard {
        self.gone = true;
        Heard::Gone
    }
    fn tell(&self, what: u8) {
        // The harness may be dead; then nobody needs to be told.
        let _ = rustix::io::write(&self.socket, &[what]);
    }
}

/// The child: `checkrein child watchdog`.
pub fn child() -> ExitCode {
    os::ignore_signals(Deaf::TerminalAndTerminate);
    // Each of these is a favour: a refusal changes nothing of what is done, only how soon and how surely.
    let _ = os::real_time(20);
    os::stay_in_memory();
    let Ok(socket) = rustix::stdio::stdin().try_clone_to_owned() else { return ExitCode::FAILURE };
    let mut harness = Harness { socket, unread: Vec::new(), orders: None, gone: false };
    let orders = loop {
        match harness.hear(Duration::from_secs(3600)) {
            // Without frames there is nothing that could be written.
            Heard::Gone | Heard::Disarm => return ExitCode::FAILURE,
            Heard::Life | Heard::Nothing => {
                if let Some(orders) = harness.orders.take() {
                    break orders;
                }
            }
        }
    };
    let way = match orders.broker {
        None => rustix::stdio::stdout().try_clone_to_owned().map(Way::Port).map_err(|error| error.to_string()),
        Some(way) => Publisher::start(way).map(Way::Broker),
    };
    let Ok(mut way) = way else { return ExitCode::FAILURE };
    harness.tell(READY);
    let code = watch(&mut harness, &mut way, &orders.climb);
    way.close();
    code
}

fn watch(harness: &mut Harness, way: &mut Way, setup: &Setup) -> ExitCode {
    let silence = Duration::from_millis(setup.silence_ms);
    loop {
        match harness.hear(silence) {
            Heard::Life => continue,
            Heard::Disarm => return ExitCode::SUCCESS,
            Heard::Nothing | Heard::Gone => (),
        }
        match make_safe(harness, way, setup) {
            Some(code) => return code,
            // The harness is back, and tripped: the ladders are its own again, and we watch on.
            None => continue,
        }
    }
}

/// Sends rung after rung; `None` when the harness speaks again.
fn make_safe(harness: &mut Harness, way: &mut Way, setup: &Setup) -> Option<ExitCode> {
    let given_up = Instant::now();
    let repeat = Duration::from_millis(setup.repeat_ms.max(1));
    let mut told = false;
    let mut left_out = 0;
    let mut stuck = false;
    let mut before: Option<Vec<Option<usize>>> = None;
    loop {
        let elapsed = given_up.elapsed();
        if told && elapsed >= setup.life() {
            return Some(ExitCode::SUCCESS);
        }
        let rungs = setup.rungs_at(elapsed);
        let climbed = before.as_ref() != Some(&rungs);
        // A repeat must not queue up behind what a slow line has not carried yet; a port that carries nothing at all is
        // emptied and tried again.
        if !climbed && !stuck && left_out < PATIENCE && way.is_busy() {
            left_out += 1;
        } else {
            if climbed || stuck || left_out == PATIENCE {
                // What is queued is from a harness that is no more, or an older rung of ours: every rung that counts is
                // written again right here.
                way.discard();
            }
            left_out = 0;
            match way.send(harness, setup.frames(&rungs), Instant::now() + repeat) {
                Ok(all) => stuck = !all,
                Err(Gone) => return Some(ExitCode::FAILURE),
            }
            if !std::mem::replace(&mut told, true) {
                harness.tell(FIRED);
            }
        }
        before = Some(rungs);
        let elapsed = given_up.elapsed();
        let change = setup.next_change(elapsed).map_or(repeat, |next| next - elapsed);
        match harness.hear(repeat.min(change)) {
            Heard::Life => return None,
            Heard::Disarm => return Some(ExitCode::SUCCESS),
            Heard::Nothing | Heard::Gone => (),
        }
    }
}

/// The port is gone, or the broker will not have us.
struct Gone;

/// How the frames leave.
enum Way {
    Port(OwnedFd),
    Broker(Publisher),
}

impl Way {
    /// What was sent last has not left this machine yet, as far as can be told.
    fn is_busy(&self) -> bool {
        match self {
            Way::Port(port) => os::queued(port) > 0,
            Way::Broker(_) => false,
        }
    }
    /// Throws away what waits to leave. A port that cannot flush is written to all the same.
    fn discard(&self) {
        if let Way::Port(port) = self {
            let _ = tcflush(port, QueueSelector::OFlush);
        }
    }
    /// Sends the frames; false when not all of them went out in time, or the harness spoke in between.
    fn send<'a>(
        &mut self,
        harness: &Harness,
        mut frames: impl Iterator<Item = &'a BlindFrame>,
        until: Instant,
    ) -> Result<bool, Gone> {
        match self {
            Way::Port(port) => {
                for frame in frames {
                    if !write_frame(harness, port, &frame.bytes, until)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Way::Broker(publisher) => Ok(frames.all(|frame| publisher.publish(frame))),
        }
    }
    fn close(self) {
        if let Way::Broker(publisher) = self {
            publisher.close();
        }
    }
}

/// Writes one frame; false when the port took it not whole in time. The port does not block, since the harness and we share
/// its flags.
fn write_frame(harness: &Harness, port: &OwnedFd, bytes: &[u8], until: Instant) -> Result<bool, Gone> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match rustix::io::write(port, rest) {
            Ok(written) => rest = &rest[written..],
            Err(rustix::io::Errno::INTR) => (),
            Err(rustix::io::Errno::AGAIN) => {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Ok(false);
                }
                let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
                let room = PollFd::from_borrowed_fd(port.as_fd(), PollFlags::OUT);
                let word = PollFd::from_borrowed_fd(harness.socket.as_fd(), PollFlags::IN);
                let mut ready = [room, word];
                // A harness that is gone leaves its socket readable for ever: then only the port is waited for.
                let watched = if harness.gone { 1 } else { 2 };
                let _ = poll(&mut ready[..watched], Some(&timeout));
                if watched == 2 && !ready[1].revents().is_empty() {
                    return Ok(false);
                }
            }
            Err(_) => return Err(Gone),
        }
    }
    Ok(true)
}

/// The child's own connection to a broker, kept by a thread beside the one that watches.
struct Publisher {
    runtime: tokio::runtime::Runtime,
    handle: mqtt::Handle,
    clock: crate::io::clock::Clock,
}

impl Publisher {
    fn start(way: BrokerWay) -> Result<Publisher, String> {
        let tls = way.tls.map(|[ca, cert, key]| TlsSettings::read(&Tls { ca, cert, key })).transpose()?;
        let config = mqtt::Config {
            link: LinkId(0),
            client_id: way.client_id,
            host: way.host,
            port: way.port,
            tls,
            version: way.version,
            login: way.login.map(|(user, password)| Login { user, password }),
            subscriptions: Vec::new(),
            keep_alive: Duration::from_nanos(crate::rig::KEEP_ALIVE.nanos() as u64),
            will: None,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        let clock = crate::io::clock::Clock::start();
        let (poster, mut posts) = queue(clock);
        let handle = mqtt::start(runtime.handle(), config, poster);
        runtime.spawn(async move {
            while let Some(post) = posts.recv().await {
                if let Post::Input(Input::Link { state: LinkState::Refused(_), .. }) = post {
                    // A watchdog that will never reach the broker is none, and the harness must hear of it.
                    std::process::exit(1);
                }
            }
        });
        Ok(Publisher { runtime, handle, clock })
    }
    /// False while the broker cannot be reached: the next repeat may fare better.
    fn publish(&self, frame: &BlindFrame) -> bool {
        let topic = frame.topic.as_deref().map(Into::into);
        let flags = FrameFlags { qos: frame.qos, ..FrameFlags::default() };
        let frame = Frame { link: LinkId(0), topic, flags, bytes: frame.bytes.clone(), not_after: None, order: None };
        self.handle.send(self.clock.now(), Lane::Safe, None, frame)
    }
    fn close(self) {
        self.runtime.block_on(self.handle.close());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_whole_however_they_are_cut() {
        let stream: Vec<u8> = [message(BEAT, &[]), message(SETUP, b"{}"), message(DISARM, &[])].concat();
        for cut in 0..stream.len() {
            let mut unread = Vec::new();
            let mut kinds = Vec::new();
            for part in [&stream[..cut], &stream[cut..]] {
                unread.extend_from_slice(part);
                while let Some((kind, _)) = next_message(&mut unread).unwrap() {
                    kinds.push(kind);
                }
            }
            assert_eq!(kinds, [BEAT, SETUP, DISARM]);
        }
    }

    #[test]
    fn a_length_that_cannot_be_meant_is_refused() {
        assert_eq!(next_message(&mut vec![BEAT, 255, 255, 255, 255]), Err(()));
    }
}
