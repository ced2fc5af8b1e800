//! The wire between harness and twin, in the bench's hands: everything passes through, and what matters is stamped.

use checkrein::codec::mavlink::DialectSource;
use checkrein::codec::mavlink::device::{Received, Vehicle};
use checkrein::io::os;
use checkrein::io::pty::Pty;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::File;
use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// MAV_CMD_NAV_LAND, the first rung of the shipped rig.
const LAND: f64 = 21.0;
/// MAV_MODE_FLAG_SAFETY_ARMED
const ARMED: u32 = 128;
const GUIDED: f64 = 4.0;
/// How often the wire looks whether it is to be cut or taken down.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };

/// What passed so far.
#[derive(Default)]
pub struct Seen {
    /// Orders to land, as they came out at the twin's end of the harness's port.
    pub land: Vec<Instant>,
    /// The twin acknowledged an order to land and said that it obeys.
    pub obeyed: Vec<Instant>,
    /// By the twin's last heartbeat, and when that came.
    pub armed: Option<(bool, Instant)>,
    /// The twin was in the mode in which it obeys a pilot.
    pub guided: bool,
    /// When it left that mode for the first time after it was in it.
    pub left_guided: Option<Instant>,
    /// Metres above the ground, by its last word.
    pub altitude: f64,
    /// When the harness's end was pulled out.
    pub cut: Option<Instant>,
    cut_wanted: bool,
    over: bool,
}

#[derive(Default)]
struct Shared {
    seen: Mutex<Seen>,
    changed: Condvar,
}

/// The wire; dropping it takes it down.
pub struct Wire {
    /// Where the harness plugs in.
    pub path: String,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Wire {
    /// A wire to the twin behind this port.
    pub fn to(port: &str) -> Wire {
        let twin = File::options().read(true).write(true).open(port).expect("the twin's port is there");
        let pty = Pty::open().expect("a pseudo-terminal can be had");
        let path = pty.path.clone();
        let shared = Arc::new(Shared::default());
        let theirs = shared.clone();
        let thread = std::thread::spawn(move || carry(pty, twin, &theirs));
        Wire { path, shared, thread: Some(thread) }
    }
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.shared.seen.lock().expect("nobody panics while holding it")
    }
    /// Waits until it is so; false when that takes longer than anything here may.
    pub fn until(&self, patience: Duration, mut wanted: impl FnMut(&Seen) -> bool) -> bool {
        let (_seen, late) = self
            .shared
            .changed
            .wait_timeout_while(self.seen(), patience, |seen| !wanted(seen))
            .expect("nobody panics while holding it");
        !late.timed_out()
    }
    /// Pulls the harness's end out; gives the instant at which it was gone.
    pub fn cut(&self) -> Instant {
        self.seen().cut_wanted = true;
        assert!(self.until(Duration::from_secs(5), |seen| seen.cut.is_some()), "the wire looks every millisecond");
        self.seen().cut.expect("it was waited for")
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if let Ok(mut seen) = self.shared.seen.lock() {
            seen.over = true;
        }
        if let Some(thread) = self.thread.take() {
            // A wire that panicked has failed its trial already.
            let _ = thread.join();
        }
    }
}

fn carry(pty: Pty, mut twin: File, shared: &Shared) {
    // The far end of a real wire is another computer: it does not wait for a processor of this one.
    let _ = os::real_time(60);
    let mut twins_ears = Vehicle::new(&DialectSource::Ardupilotmega, 1, 1).expect("the built-in dialect loads");
    let mut grounds_ears = Vehicle::new(&DialectSource::Ardupilotmega, 1, 1).expect("the built-in dialect loads");
    let mut pty = Some(pty);
    let (mut part, mut heard) = ([0; 4096], Vec::new());
    loop {
        let mut ready = vec![PollFd::new(&twin, PollFlags::IN)];
        ready.extend(pty.as_ref().map(|pty| PollFd::new(&pty.master, PollFlags::IN)));
        poll(&mut ready, Some(&LOOK)).expect("both ends are open");
        let from_twin = !ready[0].revents().is_empty();
        let from_harness = ready.get(1).is_some_and(|end| !end.revents().is_empty());
        drop(ready);
        if from_harness
            && let Some(pty) = &pty
            && let Ok(count) = rustix::io::read(&pty.master, &mut part)
        {
            let at = Instant::now();
            // A twin that is gone hears nothing more, and its trial fails by that.
            let _ = twin.write_all(&part[..count]);
            twins_ears.feed(&part[..count], &mut heard);
            let mut seen = shared.seen.lock().expect("nobody panics while holding it");
            heard.drain(..).filter(is_land).for_each(|_| seen.land.push(at));
        }
        if from_twin && let Ok(count) = rustix::io::read(&twin, &mut part) {
            let at = Instant::now();
            if let Some(pty) = &pty {
                // A port that nobody reads loses what does not fit.
                let _ = rustix::io::write(&pty.master, &part[..count]);
            }
            grounds_ears.feed(&part[..count], &mut heard);
            let mut seen = shared.seen.lock().expect("nobody panics while holding it");
            heard.drain(..).for_each(|received| seen.told(&received, at));
        }
        {
            let mut seen = shared.seen.lock().expect("nobody panics while holding it");
            if seen.over {
                return;
            }
            if seen.cut_wanted && pty.take().is_some() {
                seen.cut = Some(Instant::now());
            }
        }
        shared.changed.notify_all();
    }
}

fn is_land(received: &Received) -> bool {
    received.name == "COMMAND_LONG" && received.number("command") == Some(LAND)
}

impl Seen {
    fn told(&mut self, received: &Received, at: Instant) {
        match received.name.as_str() {
            "HEARTBEAT" => {
                let mode = received.number("base_mode").unwrap_or_default() as u32;
                self.armed = Some((mode & ARMED != 0, at));
                let guided = received.number("custom_mode") == Some(GUIDED);
                self.guided |= guided;
                if self.guided && !guided && self.left_guided.is_none() {
                    self.left_guided = Some(at);
                }
            }
            "COMMAND_ACK" if received.number("command") == Some(LAND) && received.number("result") == Some(0.0) => {
                self.obeyed.push(at);
            }
            "LOCAL_POSITION_NED" => self.altitude = -received.number("z").unwrap_or_default(),
            _ => (),
        }
    }
}
