//! What keeps a run from beginning, and a run that nothing keeps.

use super::board::Board;
use super::stand::{Stand, replays};
use rustix::process::Signal;
use std::net::TcpListener;

#[test]
fn a_flight_on_a_port_passes_and_replays() {
    let board = Board::new();
    let stand = Stand::on(&board.path);
    let ended = stand.run("hop.yaml", &[]).with(0);
    ended.says("PASS").says_not("\x1b");
    assert!(board.state().was_told_to_land());
    assert_eq!(stand.verdict()["verdict"], "pass");
    assert!(replays(&stand.only_run()).contains("identical"));
}

#[test]
fn a_port_that_is_not_there_blocks() {
    let stand = Stand::on("/dev/serial/by-id/usb-nobody-if00");
    stand.run("hop.yaml", &[]).with(3).says("usb-nobody-if00").says("BLOCKED");
    assert_eq!(stand.verdict()["verdict"], "blocked");
}

#[test]
fn a_port_that_somebody_else_holds_blocks() {
    let board = Board::new();
    let stand = Stand::on(&board.path);
    let mut first = stand.start("hop.yaml", &["--set", "held=10min"]);
    first.until("hold");
    let other = Stand::on(&board.path);
    let heard = board.state().heard.len();
    other.run("hop.yaml", &[]).with(3).says("busy");
    let orders = board.state().heard[heard..].iter().filter(|received| received.name != "HEARTBEAT").count();
    assert_eq!(orders, 0, "the second harness had nothing to say there");
    first.signal(Signal::INT);
    first.end().with(4);
}

#[test]
fn the_wrong_board_blocks_and_hears_questions_only() {
    let board = Board::new();
    board.state().uid = 4661.0;
    let stand = Stand::on(&board.path);
    stand.run("hop.yaml", &[]).with(3).says("0x1235").says("0x1234");
    let state = board.state();
    assert!(state.heard_questions_only() && !state.heard.is_empty(), "{:?}", state.heard);
}

#[test]
fn a_board_that_tells_nothing_blocks_and_the_missing_signals_are_named() {
    let board = Board::new();
    board.state().mute = true;
    let stand = Stand::on(&board.path);
    stand.run("hop.yaml", &[]).with(3).says("not armed within").says("fc.altitude");
    assert!(board.state().heard_questions_only());
}

#[test]
fn a_broken_ceiling_lands_the_machine_and_fails() {
    let board = Board::new();
    let stand = Stand::on(&board.path);
    let mut running = stand.start("hop.yaml", &["--set", "held=10min"]);
    running.until("> hold");
    board.state().target = 12.0;
    running.until("TRIP");
    running.end().with(1).says("ceiling").says("confirmed safe");
    assert!(board.state().was_told_to_land() && !board.state().armed);
    replays(&stand.only_run());
}

/// The shipped rig on this board, with a broker outside.
fn with_broker(board: &Board, broker: &str) -> Stand {
    let stand = Stand::on(&board.path);
    let rig = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/rigs/drone-bench/rig.yaml"))
        .expect("the rig is shipped")
        .replace("serial: twin", &format!("serial: {}", board.path))
        .replace("mqtt: embedded", &format!("mqtt: {broker}"))
        .replace("drone-bench", "stand");
    stand.write("rig.yaml", rig);
    stand
}

#[test]
fn a_broker_that_is_not_there_blocks() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    drop(listener);
    let board = Board::new();
    let stand = with_broker(&board, &format!("mqtt://127.0.0.1:{port}"));
    stand.run("hop.yaml", &[]).with(3).says("link local").says("refuses the connection");
    assert!(board.state().heard_questions_only());
}

#[test]
fn a_broker_that_never_answers_blocks() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    let board = Board::new();
    let stand = with_broker(&board, &format!("mqtt://127.0.0.1:{port}"));
    stand.run("hop.yaml", &[]).with(3).says("link local");
    assert!(board.state().heard_questions_only());
}

#[test]
fn a_folder_that_cannot_be_written_is_refused_before_anything_is_opened() {
    let board = Board::new();
    let stand = Stand::on(&board.path);
    for place in ["/proc/runs", "/dev/full"] {
        stand.run("hop.yaml", &["--runs", place]).with(64).says(place).says("nothing was opened");
    }
    assert!(board.state().heard.is_empty());
}
