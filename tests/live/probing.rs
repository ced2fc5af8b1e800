//! `rigs new`: what is on a port is recognised by what it says and answers, and a rig file is written that checks.

use super::board::Board;
use super::process::{Ended, Running, at_a_terminal, program, run};
use checkrein::codec::recognise::QUESTIONS;
use checkrein::io::pty::Pty;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// Something on a line that answers questions, and keeps all that it hears.
struct Answering {
    path: String,
    heard: Arc<Mutex<Vec<u8>>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What it says to the bytes that it heard since it answered last; nothing: it waits for more.
type Answer = fn(&[u8]) -> Option<Vec<u8>>;

impl Answering {
    fn by(answer: Answer) -> Answering {
        let pty = Pty::open().expect("a pseudo-terminal can be had");
        let path = pty.path.clone();
        let (heard, over) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (ears, end) = (heard.clone(), over.clone());
        let thread = std::thread::spawn(move || {
            let tick = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
            let mut since = Vec::new();
            while !end.load(Ordering::Relaxed) {
                poll(&mut [PollFd::new(&pty.master, PollFlags::IN)], Some(&tick)).expect("the pair is held open");
                let mut part = [0; 256];
                let Ok(count) = rustix::io::read(&pty.master, &mut part) else { continue };
                ears.lock().expect("nobody panics while holding it").extend_from_slice(&part[..count]);
                since.extend_from_slice(&part[..count]);
                if let Some(said) = answer(&since) {
                    since.clear();
                    rustix::io::write(&pty.master, &said).expect("it has room");
                }
            }
        });
        Answering { path, heard, over, thread: Some(thread) }
    }

    fn heard(&self) -> Vec<u8> {
        self.heard.lock().expect("nobody panics while holding it").clone()
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // One that panicked has failed its test already.
            let _ = thread.join();
        }
    }
}

fn new(name: &str, port: &str, folder: &tempfile::TempDir) -> Ended {
    let rigs = folder.path().display().to_string();
    run(["rigs", "new", name, "--port", port, "--baud", "115200", "--rigs", &rigs, "--yes"])
}

#[test]
fn a_flight_controller_becomes_a_rig_that_checks_and_that_the_doctor_finds() {
    let board = Board::new();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let ended = new("bench", &board.path, &folder).with(0);
    ended.says("MAVLink: system 1, component 1, ArduPilot").says("is written, and checks");
    let rig = folder.path().join("bench/rig.yaml");
    let text = std::fs::read_to_string(&rig).expect("it was written");
    assert!(text.contains("identity: { AUTOPILOT_VERSION.uid: 0x1234 }"), "{text}");
    assert!(text.contains("LOCAL_POSITION_NED.z") && !text.contains("ATTITUDE"), "what it says is taken: {text}");
    let path = rig.display().to_string();
    run(["check", &path]).with(0).says("good");
    run(["rigs", "doctor", &path]).with(0).says("it is the one that the rig names");
    assert!(board.state().heard_questions_only());
    // Nothing is written over.
    new("bench", &board.path, &folder).with(64).says("is there already");
    assert_eq!(std::fs::read_to_string(&rig).expect("it is still there"), text);
}

#[test]
fn devices_on_a_line_are_recognised_by_their_answers() {
    fn grbl(heard: &[u8]) -> Option<Vec<u8>> {
        heard.contains(&b'?').then(|| b"<Idle|MPos:0.000,0.000,0.000|FS:0,0>\r\n".to_vec())
    }
    fn elm(heard: &[u8]) -> Option<Vec<u8>> {
        // It takes a line, and calls what it does not know `?`.
        heard.ends_with(b"ATI\r").then(|| b"ATI\r\rELM327 v1.5\r\r>".to_vec())
    }
    fn slcan(heard: &[u8]) -> Option<Vec<u8>> {
        let line = heard.strip_suffix(b"\r")?;
        Some(if line == b"V" { b"V1013\r".to_vec() } else { b"\x07".to_vec() })
    }
    fn modbus(heard: &[u8]) -> Option<Vec<u8>> {
        // Answers to a whole frame alone: function 3 at 0, and the registers are not there (exception 2).
        heard.ends_with(&[1, 3, 0, 0, 0, 2, 0xC4, 0x0B]).then(|| vec![1, 0x83, 2, 0xC0, 0xF1])
    }
    let asked: Vec<u8> = QUESTIONS.iter().flat_map(|question| question.bytes).copied().collect();
    let cases: [(Answer, &str); 4] = [
        (grbl, "GRBL"),
        (elm, "ELM327 v1.5"),
        (slcan, "SLCAN adapter, version 1013"),
        (modbus, "Modbus RTU: unit 1, which answers with exception 2"),
    ];
    for (answer, words) in cases {
        let device = Answering::by(answer);
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let ended = new("line", &device.path, &folder).with(3);
        ended.says(words).says("nothing was written");
        assert!(!folder.path().join("line").exists());
        let heard = device.heard();
        assert!(asked.starts_with(&heard), "{words}: it heard the questions in their order, up to its own: {heard:?}");
    }
}

#[test]
fn a_line_that_is_silent_is_told_and_so_is_what_is_missing() {
    let silent = Answering::by(|_| None);
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    new("silent", &silent.path, &folder).with(3).says("nothing on").says("SLCAN, ELM327, GRBL, Modbus RTU");
    run(["rigs", "new"]).with(64).says("a name is wanted");
    run(["rigs", "new", "bench"]).with(64).says("a port is wanted");
    run(["rigs", "new", "../etc", "--port", "/dev/null"]).with(64).says("no name of a rig");
    new("none", "/dev/serial/by-id/usb-nobody-here", &folder).with(3).says("no such port");
}

#[test]
fn a_person_is_asked_for_what_was_not_given() {
    let board = Board::new();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let rigs = folder.path().display().to_string();
    let mut command = program(["rigs", "new", "--baud", "115200", "--rigs", &rigs]);
    let terminal = at_a_terminal(&mut command);
    let mut running = Running::start(&mut command);
    running.until_aside("What is the rig called?");
    rustix::io::write(&terminal.master, b"asked\n").expect("the program listens");
    running.until_aside("?");
    rustix::io::write(&terminal.master, format!("{}\n", board.path).as_bytes()).expect("the program listens");
    running.end().with(0).says("is written, and checks");
    assert!(folder.path().join("asked/rig.yaml").exists());
}
