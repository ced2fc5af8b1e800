//! After a trip nothing of a real rig is energised again until a person answers for it.

use super::board::Board;
use super::process::{Running, program};
use super::stand::{Stand, replays};
use rustix::process::Signal;
use serde_json::Value;
use std::io::Write;
use std::process::Stdio;

/// A flight whose ceiling breaks; the machine is back on the ground.
fn tripped(board: &Board, stand: &Stand) {
    let mut running = stand.start("hop.yaml", &["--set", "held=10min", "--runs", &first_runs(stand)]);
    running.until("> hold");
    board.state().target = 12.0;
    running.until("TRIP");
    running.end().with(1).says("rig stand tripped: `checkrein rigs reset stand --by NAME`");
    let mut state = board.state();
    assert!(!state.armed);
    state.heard.clear();
}

fn first_runs(stand: &Stand) -> String {
    stand.file("first").display().to_string()
}

fn kept(stand: &Stand) -> Value {
    let text = std::fs::read_to_string(stand.state().join("tripped/stand.json")).expect("it is kept");
    serde_json::from_str(&text).expect("it is JSON")
}

#[test]
fn a_tripped_rig_is_blocked_until_a_person_resets_it_and_the_next_run_says_who() {
    let board = Board::new();
    let stand = Stand::on(&board.path);
    tripped(&board, &stand);
    assert_eq!(kept(&stand)["cause"], "rule `ceiling` was broken");
    assert_eq!(kept(&stand)["reset"], Value::Null);
    // Nobody sits at a terminal: a line in a pipe is no person.
    let mut command = program(stand.arguments("hop.yaml", &[]));
    let mut running = Running::start(command.env("CHECKREIN_STATE", stand.state()).stdin(Stdio::piped()));
    // It may be gone before it has read a line.
    let _ = running.stdin().write_all(b"Ada\n");
    running
        .end()
        .with(3)
        .says("rig stand must be reset by a person")
        .says("rule `ceiling` was broken")
        .says("nothing was opened");
    assert!(board.state().heard.is_empty(), "nothing was said to the machine");
    stand.no_run_was_made();
    stand.rigs(&["list"]).with(0).says("tripped").says("rule `ceiling` was broken");
    stand.rigs(&["reset", "stand", "--by", "Ada"]).with(0).says("rig stand is reset by Ada");
    stand.rigs(&["reset", "stand", "--by", "Bob"]).with(64).says("there is nothing to reset");
    stand.rigs(&["list"]).with(0).says_not("tripped");
    stand.run("hop.yaml", &[]).with(0).says("reset by Ada after: it tripped at 20").says("PASS");
    let verdict = stand.verdict();
    assert_eq!(verdict["reset"]["by"], "Ada");
    assert!(verdict["reset"]["after"].as_str().is_some_and(|words| words.contains("ceiling")), "{verdict}");
    replays(&stand.only_run());
    assert!(!stand.state().join("tripped/stand.json").exists(), "a run that went well makes it history");
    let log = std::fs::read_to_string(stand.state().join("reset/stand.jsonl")).expect("every reset is kept");
    assert_eq!(log.lines().count(), 1);
}

#[test]
fn a_reset_is_good_for_one_trip_and_for_no_other() {
    let board = Board::new();
    let stand = Stand::on(&board.path);
    tripped(&board, &stand);
    stand.rigs(&["reset", "stand", "--by", "Ada"]).with(0);
    board.state().target = 0.0;
    tripped(&board, &stand);
    stand.run("hop.yaml", &[]).with(3).says("must be reset by a person");
    assert!(board.state().heard.is_empty());
}

#[test]
fn a_reset_outlives_a_run_that_could_not_be_armed() {
    let board = Board::new();
    let stand = Stand::on(&board.path);
    tripped(&board, &stand);
    stand.rigs(&["reset", "stand", "--by", "Ada"]).with(0);
    board.state().mute = true;
    stand.run("hop.yaml", &["--runs", &first_runs(&stand)]).with(3).says("not armed within");
    assert_eq!(kept(&stand)["reset"]["by"], "Ada");
    board.state().mute = false;
    stand.run("hop.yaml", &[]).with(0).says("reset by Ada");
}

#[test]
fn a_stop_by_a_person_is_a_trip_and_one_before_arming_is_none() {
    let board = Board::new();
    let stand = Stand::on(&board.path);
    let mut running = stand.start("hop.yaml", &["--set", "held=10min"]);
    running.until("> hold");
    running.signal(Signal::INT);
    running.end().with(4);
    assert_eq!(kept(&stand)["cause"], "a person said stop");
    stand.rigs(&["reset", "stand", "--by", "Ada"]).with(0);
    board.state().mute = true;
    let mut running = stand.start("hop.yaml", &[]);
    running.until("link telem is up");
    running.signal(Signal::INT);
    running.end().with(4);
    assert_eq!(kept(&stand)["reset"]["by"], "Ada", "nothing was energised, so nothing tripped");
}

#[test]
fn nobody_can_say_yes_for_the_person() {
    let board = Board::new();
    let stand = Stand::on(&board.path);
    tripped(&board, &stand);
    stand.run("hop.yaml", &["--yes"]).with(64).says("--yes answers for the person beside the rig");
    for nobody in ["", "  "] {
        stand.rigs(&["reset", "stand", "--by", nobody]).with(64).says("the name of the person");
    }
    assert_eq!(kept(&stand)["reset"], Value::Null);
}

#[test]
fn a_trip_that_cannot_be_read_is_one_all_the_same() {
    let board = Board::new();
    let stand = Stand::on(&board.path);
    std::fs::create_dir_all(stand.state().join("tripped")).expect("it can be made");
    stand.write("state/tripped/stand.json", "{ \"rig\": ");
    stand.run("hop.yaml", &[]).with(3).says("cannot be read").says("must be reset by a person");
    assert!(board.state().heard.is_empty());
    stand.rigs(&["reset", "stand", "--by", "Ada"]).with(0);
    stand.run("hop.yaml", &[]).with(0).says("PASS");
}
