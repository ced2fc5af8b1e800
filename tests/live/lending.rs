//! A rig is lent to one run at a time, and nobody has it while it is not known to be safe.

use super::board::Board;
use super::process::{Running, await_end, program};
use super::stand::{Stand, replays};
use rustix::process::Signal;
use serde_json::Value;

/// A run that holds the rig until it is told otherwise.
fn holding(stand: &Stand) -> Running {
    let mut first = stand.start("hop.yaml", &["--set", "held=10min"]);
    first.until("> hold");
    first
}

/// What the list says of the rig; a free rig whose file is elsewhere is not in it.
fn listed(stand: &Stand) -> Value {
    let text = stand.rigs(&["list", "--json"]).with(0).stdout;
    let rows: Value = serde_json::from_str(&text).expect("it is JSON");
    let found = rows.as_array().expect("a list").iter().find(|row| row["rig"] == "stand").cloned();
    found.unwrap_or_else(|| serde_json::json!({ "rig": "stand", "state": "free" }))
}

#[test]
fn a_second_run_is_told_who_has_the_rig_and_until_when_and_opens_nothing() {
    let board = Board::new();
    let stand = Stand::on(&board.path);
    let first = holding(&stand);
    let process = first.pid().as_raw_nonzero().to_string();
    let heard = board.state().commands().len();
    let second = stand.run("asked.yaml", &["--runs", &stand.file("other").display().to_string()]).with(3);
    second
        .says("rig stand is leased to")
        .says(&format!("(process {process}, Hop) until 20"))
        .says("nothing was opened");
    assert_eq!(board.state().commands().len(), heard, "and nothing was said to the machine");
    assert!(!stand.file("other").exists(), "nor is there a run of it");
    let row = listed(&stand);
    assert_eq!(row["state"], "leased");
    assert!(row["words"].as_str().is_some_and(|words| words.contains(&process)), "{row}");
    stand.rigs(&["release", "stand", "--inspected-by", "A. Person"]).with(64).says("is leased to");
    first.signal(Signal::INT);
    first.end().with(4);
    assert_eq!(listed(&stand)["state"], "tripped", "a person said stop, and a person says go");
    replays(&stand.only_run());
}

#[test]
fn a_killed_holder_frees_the_lock_and_leaves_a_quarantine_that_a_person_ends() {
    let board = Board::new();
    let stand = Stand::on(&board.path);
    let first = holding(&stand);
    let watchdogs = first.children("child watchdog");
    assert_eq!(watchdogs.len(), 1);
    first.signal(Signal::KILL);
    board.until("the watchdog lands it", |state| state.was_told_to_land() && !state.armed);
    assert_eq!(listed(&stand)["state"], "quarantined");
    let why = "ended without an end after it had opened the wires";
    stand.run("hop.yaml", &[]).with(3).says(why).says("rigs release stand --inspected-by NAME");
    stand.rigs(&["list"]).with(0).says("quarantined").says(why).says("Hop");
    // The watchdog keeps the port until it is told that nobody needs it, or its time is over.
    for watchdog in watchdogs {
        rustix::process::kill_process(watchdog, Signal::KILL).expect("it is there");
        await_end(watchdog);
    }
    stand
        .rigs(&["release", "stand", "--inspected-by", "A. Person"])
        .with(0)
        .says("is free: inspected by A. Person at 20");
    stand.run("hop.yaml", &[]).with(0).says("PASS");
}

#[test]
fn a_ladder_that_is_not_confirmed_keeps_everybody_off_the_rig() {
    let board = Board::new();
    let stand = Stand::with(&board.path, "300 ms");
    board.state().will_not_land = true;
    board.state().will_not_terminate = true;
    stand
        .run("hop.yaml", &["--set", "down=500ms"])
        .with(1)
        .says("ALARM")
        .says("rig stand is quarantined: device fc was not");
    let row = listed(&stand);
    assert_eq!(row["state"], "quarantined");
    assert!(row["words"].as_str().is_some_and(|words| words.contains("fc was not confirmed safe")), "{row}");
    let heard = board.state().commands().len();
    stand.run("hop.yaml", &[]).with(3).says("quarantined");
    assert_eq!(board.state().commands().len(), heard, "nothing was opened");
    for nobody in ["", "  "] {
        stand.rigs(&["release", "stand", "--inspected-by", nobody]).with(64).says("the name of the person");
    }
    assert_eq!(listed(&stand)["state"], "quarantined");
    let rig = stand.file("rig.yaml").display().to_string();
    stand.rigs(&["release", &rig, "--inspected-by", "A. Person"]).with(0).says("is free");
    stand.rigs(&["release", "stand", "--inspected-by", "A. Person"]).with(64).says("nothing to release");
    let kept = std::fs::read_to_string(stand.state().join("released/stand.jsonl")).expect("it was recorded");
    let release: Value = serde_json::from_str(kept.trim()).expect("it is JSON");
    assert_eq!(release["inspected_by"], "A. Person");
    assert!(release["at"].as_u64() >= release["quarantine"]["since"].as_u64(), "{release}");
}

#[test]
fn a_lease_that_runs_out_runs_the_ladder_and_then_gives_the_rig_back() {
    let board = Board::new();
    let stand = Stand::on(&board.path);
    let ended = stand.run("hop.yaml", &["--set", "held=10min", "--lease", "4s"]).with(2);
    ended.says("the lease of 4 s is shorter than what the run can take");
    ended.says("TRIP: the lease of the rig ran out").says("confirmed safe").says("INCONCLUSIVE");
    assert!(board.state().was_told_to_land() && !board.state().armed);
    assert_eq!(listed(&stand)["state"], "tripped", "given back, and not to be used before a person has reset it");
    let verdict = stand.verdict();
    assert_eq!(verdict["trip"]["causes"][0]["cause"], "the lease of the rig ran out");
    replays(&stand.only_run());
}

#[test]
fn a_lease_file_that_cannot_be_read_is_no_free_rig() {
    let board = Board::new();
    let stand = Stand::on(&board.path);
    std::fs::create_dir_all(stand.state().join("leases")).expect("it can be made");
    stand.write("state/leases/stand.json", "{ \"rig\": \"stand\", \"us");
    assert_eq!(listed(&stand)["state"], "quarantined");
    stand.run("hop.yaml", &[]).with(3).says("its lease file cannot be read");
    assert!(board.state().heard.is_empty(), "nothing was opened");
    stand.rigs(&["release", "stand", "--inspected-by", "A. Person"]).with(0);
    stand.run("hop.yaml", &[]).with(0).says("PASS");
}

#[test]
fn a_state_folder_that_cannot_be_written_blocks_and_names_the_way_out() {
    let board = Board::new();
    let stand = Stand::on(&board.path);
    // `/proc` is read-only to everybody, `/dev/full` is no folder.
    for place in ["/proc/state", "/dev/full"] {
        let run = Running::start(program(stand.arguments("hop.yaml", &[])).env("CHECKREIN_STATE", place)).end();
        run.with(3).says("blocked").says(place).says("CHECKREIN_STATE");
    }
    assert!(board.state().heard.is_empty(), "nothing was opened");
    stand.no_run_was_made();
}

#[test]
fn twins_are_lent_to_nobody() {
    let stand = Stand::on("twin");
    Running::start(program(stand.arguments("hop.yaml", &["--fast"])).env("CHECKREIN_STATE", "/dev/full")).end().with(0);
}
