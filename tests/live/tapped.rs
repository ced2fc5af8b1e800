//! Devices on a line whose every heard byte is kept: ones that the test answers for, and twins behind a wire with a listener.

use super::process::{Running, program};
use checkrein::io::pty::Pty;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;
use std::fs::File;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const TICK: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };

/// What a device says: to bytes that it heard (`heard` is emptied once they were answered), and with time.
pub trait Speaks: Send + 'static {
    fn hear(&mut self, heard: &mut Vec<u8>) -> Vec<u8>;
    /// Unasked, after so long.
    fn say(&mut self, _since: Duration) -> Vec<u8> {
        Vec::new()
    }
}

impl<F: FnMut(&[u8]) -> Option<Vec<u8>> + Send + 'static> Speaks for F {
    fn hear(&mut self, heard: &mut Vec<u8>) -> Vec<u8> {
        let said = self(heard);
        if said.is_some() {
            heard.clear();
        }
        said.unwrap_or_default()
    }
}

/// A port with a device behind it.
pub struct Tapped {
    pub path: String,
    heard: Arc<Mutex<Vec<u8>>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    twins: Option<Running>,
}

impl Tapped {
    /// A device that the test answers for.
    pub fn by(mut device: impl Speaks) -> Tapped {
        let mut since = Vec::new();
        let begun = Instant::now();
        Tapped::with(None, move |pty, _, part| {
            since.extend_from_slice(part);
            let mut said = if part.is_empty() { Vec::new() } else { device.hear(&mut since) };
            said.extend(device.say(begun.elapsed()));
            // A port that nobody reads loses what does not fit, as a wire does.
            let _ = rustix::io::write(&pty.master, &said);
        })
    }

    /// The twin of a device of a shipped rig.
    pub fn twin(rig: &str, device: &str) -> Tapped {
        let mut twins = Running::start(&mut program(["sim", rig, "--only", device, "--json"]));
        let told: serde_json::Value = serde_json::from_str(&twins.until("\"links\"")).expect("one line of JSON");
        let links = told["links"].as_array().expect("there are links");
        let port = links.iter().find_map(|link| link["serial"].as_str()).expect("the link is serial");
        let file = File::options().read(true).write(true).open(port).expect("the twin's port is there");
        Tapped::with(Some((file, twins)), |pty, twin, part| {
            let Some(twin) = twin else { return };
            // A twin that is gone hears nothing more.
            let _ = twin.write_all(part);
            let mut ready = [PollFd::new(twin, PollFlags::IN)];
            let now = Timespec { tv_sec: 0, tv_nsec: 0 };
            let mut part = [0; 4096];
            if poll(&mut ready, Some(&now)) == Ok(1)
                && let Ok(count) = rustix::io::read(&*twin, &mut part)
            {
                let _ = rustix::io::write(&pty.master, &part[..count]);
            }
        })
    }

    fn with(
        behind: Option<(File, Running)>,
        mut turn: impl FnMut(&Pty, Option<&mut File>, &[u8]) + Send + 'static,
    ) -> Tapped {
        let pty = Pty::open().expect("a pseudo-terminal can be had");
        let path = pty.path.clone();
        let (heard, over) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (ears, end) = (heard.clone(), over.clone());
        let (mut file, twins) = behind.map_or((None, None), |(file, twins)| (Some(file), Some(twins)));
        let thread = std::thread::spawn(move || {
            while !end.load(Ordering::Relaxed) {
                let mut ready = vec![PollFd::new(&pty.master, PollFlags::IN)];
                ready.extend(file.as_ref().map(|file| PollFd::new(file, PollFlags::IN)));
                poll(&mut ready, Some(&TICK)).expect("the pair is held open");
                let mut part = [0; 256];
                let count = rustix::io::read(&pty.master, &mut part).unwrap_or(0);
                ears.lock().expect("nobody panics while holding it").extend_from_slice(&part[..count]);
                turn(&pty, file.as_mut(), &part[..count]);
            }
        });
        Tapped { path, heard, over, thread: Some(thread), twins }
    }

    /// Every byte that the device heard, from the beginning.
    pub fn heard(&self) -> Vec<u8> {
        self.heard.lock().expect("nobody panics while holding it").clone()
    }
}

impl Drop for Tapped {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // One that panicked has failed its test already.
            let _ = thread.join();
        }
        if let Some(twins) = self.twins.take() {
            twins.signal(Signal::INT);
            // Its end is the twins' own matter; a test that failed must not fail twice.
            drop(twins);
        }
    }
}
