//! Ring 2: a child process per actuating serial port, which makes the machine safe when the harness dies or hangs.
//!
//! Its standard input is a socket to the harness, its standard output *is* the port (a second descriptor of the same
//! open file, so the lock on the port lives until the child exits). It knows the ladder's frames from the start.
//! Silence or end of file: it throws away what the port still queues and writes the first rung, again and again.
//! It climbs by time alone only to rungs marked blind, since it cannot see whether the machine is safe.
//!
//! Invariant: the child decodes nothing, and sends nothing but the frames it was given.

use crate::io::os::{self, Deaf};
use crate::io::queue::{Post, Poster};
use crate::run::Input;
use crate::time::Span;
use crate::wire::LinkId;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{QueueSelector, tcflush};
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
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

/// What a watchdog must know.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Setup {
    /// Silence after which the harness is taken for dead.
    pub silence_ms: u64,
    /// Pause between two writings of a rung.
    pub repeat_ms: u64,
    /// How long the last rung that may be sent is repeated before the child leaves.
    pub last_ms: u64,
    /// Rungs in the ladder's order; the first is always used, later ones while `blind` holds without a gap.
    pub rungs: Vec<BlindRung>,
}

/// A rung as the watchdog sees it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct BlindRung {
    pub frames: Vec<Vec<u8>>,
    /// How long it is given before the next one.
    pub within_ms: u64,
    /// May be climbed to by time alone.
    pub blind: bool,
}

impl Setup {
    /// A setup with the usual pauses: the rung every 100 ms, for ten seconds at least.
    pub fn new(silence: Span, rungs: Vec<BlindRung>) -> Setup {
        let silence_ms = (silence.nanos() / 1_000_000).max(1) as u64;
        Setup { silence_ms, repeat_ms: 100, last_ms: 10_000, rungs }
    }
    /// How often the harness must be heard: four times before silence is taken for death.
    pub fn beat_every(&self) -> Span {
        Span::from_millis(self.silence_ms as i64) / 4
    }
}

/// The harness's end of a watchdog. Dropping it without [`Watchdog::disarm`] makes it fire: that is its purpose.
#[derive(Debug)]
pub struct Watchdog {
    beats: UnixStream,
    child: Child,
    beat_every: Span,
}

impl Watchdog {
    /// Starts the child (`program child watchdog`) on a second descriptor of the port and hands it its frames.
    pub fn start(program: &std::path::Path, port: OwnedFd, setup: &Setup) -> io::Result<Watchdog> {
        let (ours, theirs) = UnixStream::pair()?;
        let child = Command::new(program)
            .args(["child", "watchdog"])
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::from(port))
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let mut beats = ours;
        let body = serde_json::to_vec(setup).map_err(io::Error::other)?;
        beats.write_all(&message(SETUP, &body))?;
        beats.set_nonblocking(true)?;
        Ok(Watchdog { beats, child, beat_every: setup.beat_every() })
    }
    /// How often [`Watchdog::beat`] wants to be called.
    pub fn beat_every(&self) -> Span {
        self.beat_every
    }
    /// Tells the child that the harness lives. Never waits; a child that is gone tells by [`listen`].
    pub fn beat(&mut self) {
        let _ = self.beats.write(&message(BEAT, &[]));
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
    setup: Option<Setup>,
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
                    Ok(setup) => {
                        self.setup = Some(setup);
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
    // The port may be higher in priority than anything computing on this machine; a refusal changes nothing.
    let _ = os::real_time(20);
    let Ok(socket) = rustix::stdio::stdin().try_clone_to_owned() else { return ExitCode::FAILURE };
    let Ok(port) = rustix::stdio::stdout().try_clone_to_owned() else { return ExitCode::FAILURE };
    let mut harness = Harness { socket, unread: Vec::new(), setup: None, gone: false };
    let setup = loop {
        match harness.hear(Duration::from_secs(3600)) {
            // Without frames there is nothing that could be written.
            Heard::Gone | Heard::Disarm => return ExitCode::FAILURE,
            Heard::Life | Heard::Nothing => {
                if let Some(setup) = harness.setup.take() {
                    break setup;
                }
            }
        }
    };
    harness.tell(READY);
    watch(&mut harness, &port, &setup)
}

fn watch(harness: &mut Harness, port: &OwnedFd, setup: &Setup) -> ExitCode {
    let silence = Duration::from_millis(setup.silence_ms);
    loop {
        match harness.hear(silence) {
            Heard::Life => continue,
            Heard::Disarm => return ExitCode::SUCCESS,
            Heard::Nothing | Heard::Gone => (),
        }
        match make_safe(harness, port, setup) {
            Some(code) => return code,
            // The harness is back, and tripped: the ladder is its own again, and we watch on.
            None => continue,
        }
    }
}

/// Writes rung after rung; `None` when the harness speaks again.
fn make_safe(harness: &mut Harness, port: &OwnedFd, setup: &Setup) -> Option<ExitCode> {
    let usable = 1 + setup.rungs.iter().skip(1).take_while(|rung| rung.blind).count();
    for (index, rung) in setup.rungs.iter().take(usable).enumerate() {
        let last = index + 1 == usable;
        let lasts = if last { rung.within_ms.max(setup.last_ms) } else { rung.within_ms };
        let until = Instant::now() + Duration::from_millis(lasts);
        let mut told = index > 0;
        // What is queued is from a harness that is no more. A port that cannot flush is written to all the same.
        let _ = tcflush(port, QueueSelector::OFlush);
        loop {
            if !write_frames(harness, port, &rung.frames, until) {
                return Some(ExitCode::FAILURE);
            }
            if !std::mem::replace(&mut told, true) {
                harness.tell(FIRED);
            }
            match harness.hear(Duration::from_millis(setup.repeat_ms.max(1))) {
                Heard::Life => return None,
                Heard::Disarm => return Some(ExitCode::SUCCESS),
                Heard::Nothing | Heard::Gone => (),
            }
            if Instant::now() >= until {
                break;
            }
        }
    }
    Some(ExitCode::SUCCESS)
}

/// False when the port is gone. The port does not block, since the harness and we share its flags.
fn write_frames(harness: &Harness, port: &OwnedFd, frames: &[Vec<u8>], until: Instant) -> bool {
    for frame in frames {
        let mut rest = frame.as_slice();
        while !rest.is_empty() {
            match rustix::io::write(port, rest) {
                Ok(written) => rest = &rest[written..],
                Err(rustix::io::Errno::INTR) => (),
                Err(rustix::io::Errno::AGAIN) => {
                    let now = Instant::now();
                    if now >= until {
                        // The port takes nothing; the next rung may fare better after another flush.
                        return true;
                    }
                    let left = until - now;
                    let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
                    let room = PollFd::from_borrowed_fd(port.as_fd(), PollFlags::OUT);
                    let word = PollFd::from_borrowed_fd(harness.socket.as_fd(), PollFlags::IN);
                    let mut ready = [room, word];
                    // A harness that is gone leaves its socket readable for ever: then only the port is waited for.
                    let watched = if harness.gone { 1 } else { 2 };
                    let _ = poll(&mut ready[..watched], Some(&timeout));
                    if watched == 2 && !ready[1].revents().is_empty() {
                        return true;
                    }
                }
                Err(_) => return false,
            }
        }
    }
    true
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
