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
    let verdict = stand.verdict();
    let chain = &verdict["reactions"][0];
    assert_eq!(
        (chain["cause"].as_str(), &chain["late"]),
        (Some("rule `ceiling` was broken"), &false.into()),
        "{chain}"
    );
    let rung = &chain["devices"][0]["rungs"][0];
    assert_eq!(rung["heard_by"], "acknowledged", "{chain}");
    let stamps: Vec<f64> = [&chain["violated_at_s"], &chain["known_at_s"], &chain["decided_at_s"]]
        .into_iter()
        .chain([&rung["first_byte_at_s"], &rung["last_byte_at_s"], &rung["heard_at_s"]])
        .chain([&chain["devices"][0]["safe_at_s"]])
        .map(|stamp| stamp.as_f64().expect("every part of the chain is stamped"))
        .collect();
    assert!(stamps.is_sorted(), "{stamps:?}");
    assert_eq!(verdict["self_test"][0]["wire"], "loop");
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

/// A machine behind the embedded broker, and a rule that no computer can keep.
const IMPOSSIBLE: &str = "rig: stand
about: A lamp that must go out within a microsecond.
envelope: envelope.yaml
links:
  bus: { mqtt: embedded }
devices:
  lamp:
    link: bus
    protocol: json
    signals:
      level: { field: \"lamp/state#/level\", scale: 1, range: 0 .. 10, every: 20 ms }
      lit: { field: \"lamp/state#/lit\", flag: true, every: 20 ms }
    commands:
      \"off\": { send: lamp/off, harmless: true }
    safe: not lamp.lit
    ladder:
      - { do: lamp.off, within: 1 s }
";

#[test]
fn a_budget_that_this_computer_cannot_meet_blocks_with_the_figures() {
    let stand = Stand::on("twin");
    stand.write("rig.yaml", IMPOSSIBLE);
    stand.write(
        "envelope.yaml",
        "envelope: Too much\nrules:\n  glare:\n    always: lamp.level <= 8\n    because: It is asked for.\n    source: the test\n    react_within: 1 us\n    safe_within: 10 s\n",
    );
    stand.write(
        "lamp.yaml",
        "scenario: Lamp\nrig: stand\nabout: Nothing moves.\nexercises: [glare]\nsteps:\n  - hold: 1 s\n",
    );
    let ended = stand.run("lamp.yaml", &[]).with(3);
    ended.says("BLOCKED").says("rule glare").says("react_within").says("self-test: the loop answers in");
    let verdict = stand.verdict();
    assert_eq!(verdict["verdict"], "blocked");
    let tested = verdict["self_test"].as_array().expect("what was measured is in the verdict");
    let own = tested.iter().find(|wire| wire["wire"] == "loop").expect("the loop was measured");
    assert_eq!((&own["samples"], &own["enough"]), (&serde_json::json!(200), &serde_json::json!(false)));
    assert!(own["p50_s"].as_f64() > Some(0.0) && own["max_s"].as_f64() >= own["p99_s"].as_f64(), "{own}");
    assert!(replays(&stand.only_run()).contains("identical"));
}
