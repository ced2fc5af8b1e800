//! A wire with a listener: what a twin says and hears passes through the test.

use checkrein::codec::mavlink::DialectSource;
use checkrein::codec::mavlink::device::Vehicle;
use checkrein::io::pty::Pty;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::File;
use std::io::Write;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

#[derive(Default)]
struct Seen {
    armed: bool,
    over: bool,
}

#[derive(Default)]
struct Shared {
    seen: Mutex<Seen>,
    changed: Condvar,
}

/// The listener; the harness opens `path`.
pub struct Relay {
    pub path: String,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// Between the harness and the twin behind this port.
    pub fn to(port: &str) -> Relay {
        let twin = File::options().read(true).write(true).open(port).expect("the twin's port is there");
        let pty = Pty::open().expect("a pseudo-terminal can be had");
        let path = pty.path.clone();
        let shared = Arc::new(Shared::default());
        let theirs = shared.clone();
        let thread = std::thread::spawn(move || carry(&pty, twin, &theirs));
        Relay { path, shared, thread: Some(thread) }
    }

    /// Whether the twin's last heartbeat said that it is armed.
    pub fn is_armed(&self) -> bool {
        self.shared.seen.lock().expect("nobody panics while holding it").armed
    }

    #[track_caller]
    pub fn until_disarmed(&self) {
        let seen = self.shared.seen.lock().expect("nobody panics while holding it");
        let (_seen, late) = self
            .shared
            .changed
            .wait_timeout_while(seen, super::process::PATIENCE, |seen| seen.armed)
            .expect("nobody panics while holding it");
        assert!(!late.timed_out(), "the twin stayed armed");
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Ok(mut seen) = self.shared.seen.lock() {
            seen.over = true;
        }
        if let Some(thread) = self.thread.take() {
            // A listener that panicked has failed its test already.
            let _ = thread.join();
        }
    }
}

fn carry(pty: &Pty, mut twin: File, shared: &Shared) {
    let mut ears = Vehicle::new(&DialectSource::Ardupilotmega, 1, 1).expect("the built-in dialect loads");
    let tick = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
    let mut part = [0; 4096];
    loop {
        let mut ready = [PollFd::new(&pty.master, PollFlags::IN), PollFd::new(&twin, PollFlags::IN)];
        poll(&mut ready, Some(&tick)).expect("both ends are open");
        let (from_harness, from_twin) = (!ready[0].revents().is_empty(), !ready[1].revents().is_empty());
        if from_harness && let Ok(count) = rustix::io::read(&pty.master, &mut part) {
            // A twin that is gone hears nothing more.
            let _ = twin.write_all(&part[..count]);
        }
        let mut heard = Vec::new();
        if from_twin && let Ok(count) = rustix::io::read(&twin, &mut part) {
            ears.feed(&part[..count], &mut heard);
            // A port that nobody reads loses what does not fit.
            let _ = rustix::io::write(&pty.master, &part[..count]);
        }
        let mut seen = shared.seen.lock().expect("nobody panics while holding it");
        for received in heard.iter().filter(|received| received.name == "HEARTBEAT") {
            seen.armed = received.number("base_mode").unwrap_or_default() as u32 & 128 != 0;
        }
        if seen.over {
            return;
        }
        drop(seen);
        shared.changed.notify_all();
    }
}
