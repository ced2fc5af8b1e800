//! A flight controller that the test plays itself on a pseudo-terminal: it keeps everything that it hears.

use checkrein::codec::mavlink::DialectSource;
use checkrein::codec::mavlink::device::{Received, Vehicle};
use checkrein::io::pty::Pty;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const GUIDED: f64 = 4.0;
const LAND: f64 = 9.0;
const ARM_DISARM: f64 = 400.0;
const SET_MODE: f64 = 176.0;
const TAKEOFF: f64 = 22.0;
const NAV_LAND: f64 = 21.0;
const TERMINATE: f64 = 185.0;
const REQUEST_MESSAGE: f64 = 512.0;
const REQUEST_VERSION: f64 = 520.0;
const SET_INTERVAL: f64 = 511.0;
const STEP: Duration = Duration::from_millis(20);

/// What the board does and has heard.
pub struct State {
    pub uid: f64,
    /// Says nothing but its heartbeat.
    pub mute: bool,
    /// Orders to land are acknowledged and not obeyed.
    pub will_not_land: bool,
    /// Orders to terminate are acknowledged and not obeyed.
    pub will_not_terminate: bool,
    /// So many bytes of nonsense are put between the frames of each step.
    pub nonsense: usize,
    pub armed: bool,
    pub altitude: f64,
    pub target: f64,
    pub heard: Vec<Received>,
    /// The other end has been opened at least once and is closed now.
    over: bool,
    mode: f64,
    /// First and last time.
    told_to_land: Option<(Instant, Instant)>,
}

impl State {
    /// Numbers of the commands heard, in order.
    pub fn commands(&self) -> Vec<f64> {
        self.heard.iter().filter_map(|received| received.number("command")).collect()
    }
    pub fn was_told_to_land(&self) -> bool {
        self.told_to_land.is_some()
    }
    /// It was told to land for the first time this long ago, and is told it still.
    pub fn was_told_to_land_before(&self, ago: Duration) -> bool {
        self.told_to_land.is_some_and(|(first, last)| last.duration_since(first) >= ago)
    }
    pub fn was_told_to_terminate(&self) -> bool {
        self.commands().contains(&TERMINATE)
    }
    pub fn was_told_to_arm(&self) -> bool {
        self.commands().contains(&ARM_DISARM)
    }
    /// Nothing was said to it that could move anything: heartbeats, questions and wishes for telemetry alone.
    pub fn heard_questions_only(&self) -> bool {
        let question = |received: &Received| match received.name.as_str() {
            "HEARTBEAT" => true,
            "COMMAND_LONG" => received
                .number("command")
                .is_some_and(|command| [REQUEST_MESSAGE, REQUEST_VERSION, SET_INTERVAL].contains(&command)),
            _ => false,
        };
        self.heard.iter().all(question)
    }
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// The board; dropping it pulls the plug.
pub struct Board {
    pub path: String,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Board {
    pub fn new() -> Board {
        let pty = Pty::open().expect("a pseudo-terminal can be had");
        let state = State {
            uid: 4660.0,
            mute: false,
            will_not_land: false,
            will_not_terminate: false,
            nonsense: 0,
            armed: false,
            altitude: 0.0,
            target: 0.0,
            heard: Vec::new(),
            over: false,
            mode: 0.0,
            told_to_land: None,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let path = pty.path.clone();
        let theirs = shared.clone();
        let thread = std::thread::spawn(move || live(&pty, &theirs));
        Board { path, shared, thread: Some(thread) }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().expect("nobody panics while holding it")
    }

    /// Waits until the board is as described.
    #[track_caller]
    pub fn until(&self, what: &str, mut wanted: impl FnMut(&State) -> bool) {
        let state = self.state();
        let (state, late) = self
            .shared
            .changed
            .wait_timeout_while(state, super::process::PATIENCE, |state| !wanted(state))
            .expect("nobody panics while holding it");
        assert!(!late.timed_out(), "never came: {what}; commands heard: {:?}", state.commands());
    }

    /// Takes the machine away from under the wire.
    pub fn unplug(&mut self) {
        self.state().over = true;
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the board does not panic");
        }
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        self.state().over = true;
        if let Some(thread) = self.thread.take() {
            // A board that panicked has failed its test already.
            let _ = thread.join();
        }
    }
}

fn live(pty: &Pty, shared: &Shared) {
    let mut vehicle = Vehicle::new(&DialectSource::Ardupilotmega, 1, 1).expect("the built-in dialect loads");
    let begun = Instant::now();
    let mut due = begun;
    let mut steps = 0u32;
    loop {
        let wait = due.saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(wait.subsec_nanos()) };
        poll(&mut [PollFd::new(&pty.master, PollFlags::IN)], Some(&timeout)).expect("the pair is held open");
        let mut out = Vec::new();
        let mut heard = Vec::new();
        let mut part = [0; 4096];
        while let Ok(count) = rustix::io::read(&pty.master, &mut part) {
            vehicle.feed(&part[..count], &mut heard);
        }
        {
            let mut state = shared.state.lock().expect("nobody panics while holding it");
            if state.over {
                return;
            }
            for received in heard {
                obey(&received, &mut state, &mut vehicle, &mut out);
                state.heard.push(received);
            }
            if Instant::now() >= due {
                let since_boot = begun.elapsed().as_millis() as f64;
                tell(steps, since_boot, &mut state, &mut vehicle, &mut out);
                steps += 1;
                due += STEP;
            }
        }
        shared.changed.notify_all();
        // A port that nobody reads loses what does not fit, as a wire does.
        let _ = rustix::io::write(&pty.master, &out);
    }
}

fn obey(received: &Received, state: &mut State, vehicle: &mut Vehicle, out: &mut Vec<u8>) {
    let Some(command) = received.number("command") else { return };
    if command == NAV_LAND {
        let now = Instant::now();
        state.told_to_land = Some((state.told_to_land.map_or(now, |(first, _)| first), now));
    }
    let param = |name| received.number(name).unwrap_or_default();
    if command == SET_MODE {
        state.mode = param("param2");
    } else if command == ARM_DISARM {
        state.armed = param("param1") == 1.0 && state.mode == GUIDED;
    } else if command == TAKEOFF {
        state.target = param("param7");
    } else if command == NAV_LAND && !state.will_not_land {
        state.mode = LAND;
        state.target = 0.0;
    } else if command == TERMINATE && !state.will_not_terminate {
        state.armed = false;
    }
    vehicle.send("COMMAND_ACK", &[("command", command)], &[], out).expect("the message is known");
    let asked = command == REQUEST_MESSAGE && param("param1") == 148.0 || command == REQUEST_VERSION;
    if asked && !state.mute {
        vehicle.send("AUTOPILOT_VERSION", &[("uid", state.uid)], &[], out).expect("the message is known");
    }
}

fn tell(steps: u32, since_boot: f64, state: &mut State, vehicle: &mut Vehicle, out: &mut Vec<u8>) {
    // 5 m/s up and down.
    state.altitude += (state.target - state.altitude).clamp(-0.1, 0.1);
    if state.mode == LAND && state.altitude <= 0.01 {
        state.armed = false;
    }
    if steps.is_multiple_of(5) {
        let base_mode = if state.armed { 209.0 } else { 81.0 };
        let fields = [("type", 2.0), ("autopilot", 3.0), ("base_mode", base_mode), ("custom_mode", state.mode)];
        vehicle.send("HEARTBEAT", &fields, &[], out).expect("the message is known");
    }
    // Bytes that begin like frames and are none.
    out.extend((0..state.nonsense).map(|place| [0xfd, 0x09, 0x00, 0x55][place % 4]));
    if !state.mute {
        let fields = [("time_boot_ms", since_boot), ("z", -state.altitude)];
        vehicle.send("LOCAL_POSITION_NED", &fields, &[], out).expect("the message is known");
    }
}
