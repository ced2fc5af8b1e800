//! `rigs new`: what is on a port is recognised by what it says and answers, and a rig file is written that checks.

use super::board::Board;
use super::process::{Ended, Running, at_a_terminal, program, run};
use super::tapped::Tapped;

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
fn a_line_that_is_silent_is_told_and_so_is_what_is_missing() {
    let silent = Tapped::by(|_: &[u8]| None);
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
