//! A person stops the run, the harness is killed, or it stands still.

use super::board::Board;
use super::process::{PROGRAM, await_end, run};
use super::relay::Relay;
use super::stand::{Stand, replays};
use checkrein::io::twins::{Setup, Twins};
use rustix::process::Signal;
use std::path::Path;
use std::time::Duration;

#[test]
fn one_stop_walks_the_ladder_until_the_machine_is_shown_safe() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let board = Board::new();
        let stand = Stand::on(&board.path);
        let mut running = stand.start("hop.yaml", &["--set", "held=10min"]);
        running.until("> hold");
        running.signal(signal);
        running.end().with(4).says("stop: a person asked for it").says("confirmed safe").says("ABORTED");
        let state = board.state();
        assert!(state.was_told_to_land() && !state.was_told_to_terminate() && !state.armed, "{signal:?}");
        drop(state);
        replays(&stand.only_run());
    }
}

#[test]
fn a_second_stop_goes_straight_to_the_last_rung() {
    let board = Board::new();
    let stand = Stand::with(&board.path, "10 min");
    board.state().will_not_land = true;
    let mut running = stand.start("hop.yaml", &["--set", "held=10min"]);
    running.until("> hold");
    running.signal(Signal::INT);
    board.until("the order to land", |state| state.was_told_to_land());
    running.until("ladder of fc: fc.land");
    assert!(!board.state().was_told_to_terminate());
    running.signal(Signal::INT);
    running.end().with(4).says("straight to the last rung").says("confirmed safe");
    assert!(!board.state().armed);
}

#[test]
fn a_machine_that_will_not_be_safe_raises_the_alarm() {
    let board = Board::new();
    let stand = Stand::with(&board.path, "300 ms");
    {
        let mut state = board.state();
        state.will_not_land = true;
        state.will_not_terminate = true;
    }
    let mut running = stand.start("hop.yaml", &["--set", "held=10min", "--set", "down=500ms"]);
    running.until("> hold");
    running.signal(Signal::INT);
    // Proven unsafe at the end: that is a failure of the machine, whoever asked it to stop.
    running.end().with(1).says("ALARM").says("e-stop");
    assert!(board.state().was_told_to_terminate() && board.state().armed);
}

#[test]
fn a_stop_before_arming_moves_nothing() {
    let board = Board::new();
    board.state().mute = true;
    let stand = Stand::on(&board.path);
    let mut running = stand.start("hop.yaml", &[]);
    running.until("link telem is up");
    running.signal(Signal::INT);
    running.end().with(4).says("before it was armed");
    assert!(board.state().heard_questions_only());
}

#[test]
fn a_killed_harness_leaves_a_safe_machine_and_a_recording_that_opens() {
    let board = Board::new();
    let stand = Stand::on(&board.path);
    let mut running = stand.start("hop.yaml", &["--set", "held=10min"]);
    running.until("> hold");
    let watchdogs = running.children("child watchdog");
    assert_eq!(watchdogs.len(), 1);
    running.signal(Signal::KILL);
    board.until("safe without a harness", |state| state.was_told_to_land() && !state.armed);
    assert_eq!(running.end().code, None);
    let replayed = replays(&stand.only_run());
    assert!(replayed.contains("not whole") && replayed.contains("identical"), "{replayed}");
    // The plots of what there is can be drawn all the same.
    let out = stand.file("plots");
    run([Path::new("plot"), &stand.only_run(), Path::new("--out"), &out]).with(0).says(".svg");
    drop(board);
    for pid in watchdogs {
        await_end(pid);
    }
}

#[test]
fn a_frozen_harness_trips_when_it_wakes() {
    let board = Board::new();
    let stand = Stand::on(&board.path);
    let mut running = stand.start("hop.yaml", &["--set", "held=10min"]);
    running.until("> hold");
    running.signal(Signal::STOP);
    // The watchdog begins after 200 ms and repeats itself every 100 ms: by then the harness missed deadlines for longer
    // than it may.
    board.until("orders of the watchdog", |state| state.was_told_to_land_before(Duration::from_millis(300)));
    running.signal(Signal::CONT);
    let ended = running.end().with(2);
    ended
        .says("the harness stood still for")
        .says("TRIP")
        .says("confirmed safe")
        .says_not("ladder of fc: fc.terminate");
    assert!(!board.state().armed);
    replays(&stand.only_run());
}

#[test]
fn a_rung_is_not_passed_over_for_what_nobody_looked_at() {
    let board = Board::new();
    let stand = Stand::with(&board.path, "1 s");
    board.state().will_not_land = true;
    let mut running = stand.start("hop.yaml", &["--set", "held=10min"]);
    running.until("> hold");
    running.signal(Signal::INT);
    running.until("ladder of fc: fc.land");
    running.signal(Signal::STOP);
    // The first order was the run's own, the others are the watchdog's: the rung's second is long over.
    board.until("orders of the watchdog", |state| state.was_told_to_land_before(Duration::from_millis(1500)));
    board.state().will_not_land = false;
    board.until("the landing that nobody saw", |state| !state.armed);
    running.signal(Signal::CONT);
    running
        .end()
        .with(4)
        .says("the harness stood still for")
        .says("confirmed safe")
        .says_not("ladder of fc: fc.terminate");
    assert!(!board.state().was_told_to_terminate());
}

#[test]
fn a_twin_is_landed_by_the_watchdog_of_a_killed_harness() {
    let theirs = Stand::on("twin");
    let path = |name: &str| theirs.file(name).display().to_string();
    let setup = Setup {
        scenario: path("hop.yaml"),
        rig: Some(path("rig.yaml")),
        overrides: Vec::new(),
        seed: 1,
        devices: vec!["fc".into()],
        brokers: Vec::new(),
        grace_ms: 0,
    };
    let twins = Twins::start(Path::new(PROGRAM), &setup).expect("the twin starts");
    let [(_, port)] = twins.ports() else { panic!("one port: {:?}", twins.ports()) };
    let relay = Relay::to(port);
    let stand = Stand::on(&relay.path);
    let mut running = stand.start("hop.yaml", &["--set", "held=10min"]);
    running.until("> hold");
    assert!(relay.is_armed(), "it flies");
    running.signal(Signal::KILL);
    relay.until_disarmed();
    twins.stop().expect("it stops when told");
}
