//! A device that comes back on another tty is found by its stable name, while somebody looks and while a run goes on.

use super::board::Board;
use super::process::{Running, program, run};
use super::stand::{Stand, replays};
use super::tapped::Tapped;
use rustix::process::Signal;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A name that stays, as udev makes it, for whatever tty the board is on.
struct Name {
    folder: TempDir,
}

impl Name {
    fn of(tty: &str) -> Name {
        let name = Name { folder: tempfile::tempdir().expect("a temporary folder can be made") };
        name.means(tty);
        name
    }
    fn path(&self) -> PathBuf {
        self.folder.path().join("usb-Board-if00")
    }
    fn means(&self, tty: &str) {
        let beside = self.folder.path().join("new");
        symlink(Path::new(tty), &beside).expect("the folder is ours");
        std::fs::rename(&beside, self.path()).expect("in place of the old one");
    }
    fn gone(&self) {
        std::fs::remove_file(self.path()).expect("it was there");
    }
}

#[test]
fn the_monitor_goes_on_when_the_board_is_back_on_another_tty() {
    let mut board = Board::new();
    let name = Name::of(&board.path);
    let stand = Stand::on(&name.path().display().to_string());
    let rig = stand.file("rig.yaml").display().to_string();
    let mut running =
        Running::start(program(["monitor", &rig, "--json", "--every", "50ms"]).env("CHECKREIN_STATE", stand.state()));
    running.until("\"judged\":true");
    // The second board is there before the first one leaves, so that it cannot get the same tty.
    let second = Board::new();
    {
        let mut state = second.state();
        (state.altitude, state.target) = (3.0, 3.0);
    }
    name.gone();
    board.unplug();
    running.until("link telem is lost");
    running.until("\"up\":false");
    name.means(&second.path);
    running.until("link telem is up");
    running.until("\"value\":3.0");
    running.signal(Signal::INT);
    running.end().with(0);
    assert!(second.state().heard_questions_only());
    assert_ne!(board.path, second.path);
}

#[test]
fn a_run_whose_board_comes_back_on_another_tty_climbs_its_ladder_there() {
    let mut board = Board::new();
    let name = Name::of(&board.path);
    let stand = Stand::with(&name.path().display().to_string(), "30 s");
    let mut running = stand.start("hop.yaml", &["--set", "held=10min"]);
    running.until("> hold");
    let second = Board::new();
    {
        // It is the same machine: in the air, with its motors on.
        let mut state = second.state();
        (state.altitude, state.target, state.armed) = (1.0, 1.0, true);
    }
    board.unplug();
    running.until("TRIP");
    name.means(&second.path);
    running.until("link telem is up");
    second.until("the ladder reaches it", |state| state.was_told_to_land());
    running.end().with(2).says("was unplugged").says("confirmed safe").says("INCONCLUSIVE");
    assert!(!second.state().armed);
    replays(&stand.only_run());
}

#[test]
fn an_adapter_that_is_back_with_its_channel_closed_is_opened_again() {
    let first = Tapped::twin("car-bench", "car");
    let name = Name::of(&first.path);
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (rigs, port) = (folder.path().display().to_string(), name.path().display().to_string());
    run(["rigs", "new", "car", "--port", &port, "--baud", "921600", "--rigs", &rigs, "--yes"]).with(0);
    let rig = folder.path().join("car/rig.yaml").display().to_string();
    let text = std::fs::read_to_string(&rig).expect("it was written");
    assert!(text.contains(&port) && !text.contains(&first.path), "the rig names what stays: {text}");
    let mut running = Running::start(&mut program(["monitor", &rig, "--json", "--every", "50ms"]));
    running.until("\"value\":0.0");
    let second = Tapped::twin("car-bench", "car");
    name.gone();
    let before = first.path.clone();
    drop(first);
    running.until("link can is lost");
    running.until("\"up\":false");
    name.means(&second.path);
    running.until("link can is up");
    // A new adapter says nothing until its channel is opened: what is fresh comes from this one.
    loop {
        let line = running.until("\"signals\"");
        let look: serde_json::Value = serde_json::from_str(&line).expect("every line is JSON");
        if look["signals"]["car.id_103_0"]["stale"] == false {
            break;
        }
    }
    assert_ne!(before, second.path);
    assert!(second.heard().contains(&b'O'), "{:?}", second.heard());
    running.signal(Signal::INT);
    running.end().with(0);
}
