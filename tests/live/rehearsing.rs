//! Every rung and dead-man of a rig tried one by one, on twins and on a machine, and what later runs say of it.

use super::board::Board;
use super::process::{Ended, Running, at_a_terminal, program};
use super::stand::{Stand, replays};
use serde_json::Value;

const BRING_UP: &str = "    rehearse:
      - do: fc.guided
        within: 5 s
      - do: fc.arm
        within: 5 s
      - wait: fc.armed
        within: 5 s
world:";

/// A stand whose machine can be brought up, and has this long to fall safe by itself.
fn stand(port: &str, dead_man: &str) -> Stand {
    let stand = Stand::with(port, "2 s");
    let rig = std::fs::read_to_string(stand.file("rig.yaml")).expect("it is there");
    stand.write(
        "rig.yaml",
        rig.replace("world:", BRING_UP).replace("safe_within: 10 s", &format!("safe_within: {dead_man}")),
    );
    stand
}

/// Rehearses, with these words typed by the person beside the rig.
#[track_caller]
fn rehearse(stand: &Stand, more: &[&str], typed: Option<&str>) -> Ended {
    let (rig, runs) = (stand.file("rig.yaml").display().to_string(), stand.runs().display().to_string());
    let mut arguments = vec!["rigs", "rehearse", &rig, "--runs", &runs, "--no-plots"];
    arguments.extend(more);
    let mut command = program(arguments);
    command.env("CHECKREIN_STATE", stand.state());
    let terminal = at_a_terminal(&mut command);
    let mut running = Running::start(&mut command);
    if let Some(typed) = typed {
        running.until("Is nobody near?");
        rustix::io::write(&terminal.master, format!("{typed}\n").as_bytes()).expect("it listens");
    }
    running.end()
}

fn kept(stand: &Stand, mode: &str) -> Value {
    let path = stand.state().join(format!("rehearsed/stand-{mode}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("it is JSON")
}

#[test]
fn the_shipped_rig_is_rehearsed_on_its_twins_and_later_runs_cite_it() {
    let stand = Stand::on("twin");
    let run = |more: &[&str]| {
        let runs = stand.runs().display().to_string();
        let arguments = [more, &["--runs", &runs, "--no-plots"]].concat();
        Running::start(program(arguments).env("CHECKREIN_STATE", stand.state())).end()
    };
    let hover = ["run", "scenarios/drone-bench/hover-and-land.yaml", "--fast"];
    let before = run(&hover).with(0);
    before.says("ring 3: the dead-man of fc   declared, not rehearsed");
    let ended = run(&["rigs", "rehearse", "drone-bench", "--sim", "--fast"]).with(0);
    ended.says("PASS  Rehearsal of drone-bench").says("rung 1 of fc (fc.land)       safe after");
    ended.says("rung 3 of fc (fc.terminate)  safe after").says("ring 3: the dead-man of fc   safe after");
    let text = std::fs::read_to_string(stand.state().join("rehearsed/drone-bench-sim.json")).expect("it was kept");
    let kept: Value = serde_json::from_str(&text).expect("it is JSON");
    let tried = kept["tried"].as_array().expect("a list");
    assert_eq!(tried.len(), 4, "three rungs and the dead-man");
    for one in tried {
        let (safe, within) = (one["safe_s"].as_f64().expect("it was safe"), one["within_s"].as_f64().expect("a time"));
        assert!(safe > 0.0 && safe <= within, "{one}");
    }
    let heartbeat_lost = tried[3]["safe_s"].as_f64().expect("it was safe");
    assert!(heartbeat_lost > 4.0, "its failsafe waits 5 s for our next word, not {heartbeat_lost} s after the last");
    let after = run(&hover).with(0);
    after.says("ring 3: the dead-man of fc   rehearsed 20").says("rung 2 of fc (fc.kill)       rehearsed 20");
    for run in std::fs::read_dir(stand.runs()).expect("there are runs") {
        replays(&run.expect("it can be listed").path());
    }
}

#[test]
fn a_twin_on_its_wires_is_rehearsed_as_in_virtual_time() {
    let stand = stand("twin", "30 s");
    // A twin that was just switched on does not know yet where it is.
    let rig = std::fs::read_to_string(stand.file("rig.yaml")).expect("it is there");
    stand.write("rig.yaml", rig.replace("      - do: fc.guided", "      - hold: 2 s\n      - do: fc.guided"));
    let ended = rehearse(&stand, &["--sim"], None).with(0);
    ended.says("rung 1 of fc (fc.land)       safe after").says("ring 3: the dead-man of fc   safe after");
    let tried = kept(&stand, "sim")["tried"].clone();
    assert!(tried[2]["safe_s"].as_f64().is_some_and(|seconds| seconds > 3.0), "its failsafe waits 5 s: {tried}");
    assert!(tried[0]["first_byte_s"].as_f64().is_some_and(|seconds| seconds < 1.0), "{tried}");
    replays(&stand.only_run());
}

#[test]
fn a_machine_is_rehearsed_when_a_person_says_so_and_what_fails_is_named() {
    let board = Board::new();
    let stand = stand(&board.path, "1 s");
    // This board has no dead-man: what the rig file declares is not so.
    let ended = rehearse(&stand, &[], Some("y")).with(1);
    ended.says("rung 1 of fc (fc.land)       safe after").says("rung 2 of fc (fc.terminate)  safe after");
    ended.says("ring 3: the dead-man of fc   NOT SAFE within 1 s");
    ended.says("FAIL").says("the device was not shown safe within 1 s");
    assert!(!board.state().armed, "the ladder brought it down");
    assert_eq!(kept(&stand, "rig")["tried"][2]["safe_s"], Value::Null);
    assert!(!stand.state().join("rehearsed/stand-sim.json").exists(), "twins are another matter");
    let verdict = stand.verdict();
    assert_eq!(verdict["rehearsed"][0]["command"], "fc.land");
    replays(&stand.only_run());
    let next = stand.run("hop.yaml", &[]).with(0);
    next.says("warning: declared, not rehearsed: ring 3: the dead-man of fc");
    next.says("and it was NOT SAFE in its time").says("rung 1 of fc (fc.land)       rehearsed 20");
}

#[test]
fn a_rung_that_does_not_make_the_machine_safe_fails_and_the_ladder_follows() {
    let board = Board::new();
    board.state().will_not_land = true;
    let stand = stand(&board.path, "1 s");
    let ended = rehearse(&stand, &[], Some("y")).with(1);
    ended.says("rung 1 of fc (fc.land)       NOT SAFE within 2 s");
    ended.says("rung 2 of fc (fc.terminate)  not tried: the rehearsal ended before");
    assert!(!board.state().armed, "the rest of the ladder brought it down");
}

#[test]
fn nothing_moves_where_nobody_says_that_it_may() {
    let board = Board::new();
    let stand = stand(&board.path, "1 s");
    rehearse(&stand, &[], Some("n")).with(4).says("ABORTED");
    assert!(!board.state().was_told_to_arm());
    rehearse(&stand, &["--yes"], None).with(64).says("works on twins only");
}

#[test]
fn a_folder_of_that_name_is_not_taken_for_the_rehearsal() {
    let stand = stand("twin", "10 s");
    let folder = stand.file("rehearsal:");
    std::fs::create_dir(&folder).expect("it can be made");
    let nothing = "scenario: Nothing\nrig: stand\nabout: Nothing.\nexercises: []\nsteps:\n  - hold: 10 ms\n";
    std::fs::write(folder.join("rehearsal.yaml"), nothing).expect("it can be written");
    let (rig, runs) = (stand.file("rig.yaml").display().to_string(), stand.runs().display().to_string());
    let mut command = program(["rigs", "rehearse", &rig, "--fast", "--no-plots", "--runs", &runs]);
    command.env("CHECKREIN_STATE", stand.state()).current_dir(stand.file(""));
    Running::start(&mut command).end().with(0).says("rung 1 of fc (fc.land)       safe after").says_not("Nothing");
}

#[test]
fn a_rig_that_was_changed_has_not_been_rehearsed() {
    let stand = stand("twin", "10 s");
    rehearse(&stand, &["--fast"], None).with(0);
    stand.run("hop.yaml", &["--fast"]).with(0).says("rung 1 of fc (fc.land)       rehearsed 20");
    let rig = std::fs::read_to_string(stand.file("rig.yaml")).expect("it is there");
    stand.write("rig.yaml", format!("{rig}# another word\n"));
    let ended = stand.run("hop.yaml", &["--fast"]).with(0);
    ended.says("declared, not rehearsed: the rig file was changed since the rehearsal of 20").says_not("rehearsed 20");
    stand.write("state/rehearsed/stand-sim.json", "{ \"rig\"");
    stand.run("hop.yaml", &["--fast"]).with(0).says("the record of its rehearsal cannot be read");
}

#[test]
fn what_cannot_be_rehearsed_is_said_before_anything_is_opened() {
    let stand = Stand::on("twin");
    rehearse(&stand, &["--fast"], None)
        .with(64)
        .says("nothing of rig `stand` can be rehearsed")
        .says("rehearse: [ … ]");
    let stand = self::stand("twin", "10 s");
    let good = std::fs::read_to_string(stand.file("rig.yaml")).expect("it is there");
    // Told where it stands in the rig file.
    stand.write("rig.yaml", good.replace("      - do: fc.arm\n", "      - do: fc.arn\n"));
    let line = good.lines().position(|line| line.contains("- do: fc.arm")).expect("it is there") + 1;
    rehearse(&stand, &["--fast"], None).with(64).says("did you mean `fc.arm`?").says(&format!("fc.yaml:{line}:13"));
    let file = good.replace(BRING_UP, "    rehearse: nowhere.yaml\nworld:");
    stand.write("rig.yaml", file);
    rehearse(&stand, &["--fast"], None).with(64).says("nowhere.yaml").says("cannot be read");
    stand.write("rig.yaml", good.replace("within: 1 s }", "within: 1 s, not_rehearsed: it opens the parachute }"));
    rehearse(&stand, &["--fast"], None).with(0).says("rung 2 of fc (fc.terminate)  not tried: it opens the parachute");
    // What is safe already shows nothing.
    stand.write(
        "rig.yaml",
        good.replace("      - wait: fc.armed\n", "      - do: fc.terminate\n      - wait: not fc.armed\n"),
    );
    rehearse(&stand, &["--fast"], None).with(2).says("the device was safe before: it shows nothing");
    stand.write("rung.yaml", "scenario: x\nrig: stand\nexercises: [ceiling]\nsteps:\n  - rung: fc\n    place: 1\n");
    stand.run("rung.yaml", &["--fast"]).with(64).says("`rung` is no kind of step");
}
