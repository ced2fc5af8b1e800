//! The command line: exit codes, help, and what bad input gets. Nothing is opened by anything here but virtual runs.

#[path = "live/process.rs"]
#[allow(dead_code, reason = "the live tests use the rest")]
mod process;
#[path = "live/stand.rs"]
#[allow(dead_code, reason = "the live tests use the rest")]
mod stand;

use process::{Ended, run};
use stand::{Stand, replays};
use std::path::{Path, PathBuf};

/// Every shipped scenario, as the user names it, with the exit code that it is meant to end with.
fn shipped() -> Vec<(String, i32)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = Vec::new();
    for rig in root.join("rigs").read_dir().expect("rigs are shipped") {
        let rig = rig.expect("it can be listed").file_name().to_string_lossy().into_owned();
        for file in root.join("scenarios").join(&rig).read_dir().expect("each rig has scenarios") {
            let name = file.expect("it can be listed").file_name().to_string_lossy().into_owned();
            let path = format!("scenarios/{rig}/{name}");
            // What a scenario is meant to show stands on the page of its rig.
            let page =
                std::fs::read_to_string(root.join("rigs").join(&rig).join("README.md")).expect("each rig has one");
            let row = format!("| `{}` | ", name.trim_end_matches(".yaml"));
            let ends = page.lines().find_map(|line| line.strip_prefix(&row)).expect("the page tells of it");
            let code = match ends.split(':').next() {
                Some("fail") => 1,
                Some("inconclusive") => 2,
                _ => 0,
            };
            all.push((path, code));
        }
    }
    all.sort();
    assert!(all.len() >= 3, "{all:?}");
    assert!(all.iter().any(|(_, code)| *code == 1), "one shows the guard at work: {all:?}");
    all
}

#[test]
fn help_says_what_there_is() {
    let mut all = String::new();
    for arguments in [
        &["--help"][..],
        &["check", "--help"],
        &["run", "--help"],
        &["monitor", "--help"],
        &["sim", "--help"],
        &["controller", "--help"],
        &["rigs", "doctor", "--help"],
        &["rigs", "new", "--help"],
        &["judge", "--help"],
        &["replay", "--help"],
        &["diff", "--help"],
        &["plot", "--help"],
        &["report", "--help"],
        &["schema", "--help"],
    ] {
        let ended = run(arguments).with(0);
        assert_eq!(ended.stderr, "");
        all.push_str(&format!("$ checkrein {}\n{}\n", arguments.join(" "), ended.stdout));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_rig_file_is_checked_by_itself_with_its_envelope() {
    for rig in Path::new(env!("CARGO_MANIFEST_DIR")).join("rigs").read_dir().expect("rigs are shipped") {
        let name = rig.expect("it can be listed").file_name().to_string_lossy().into_owned();
        let file = format!("rigs/{name}/rig.yaml");
        run(["check", &file])
            .with(0)
            .says(&format!("{file}: good"))
            .says(&format!("rig {name}: "))
            .says("tightest reaction");
    }
    let stand = Stand::on("twin");
    let rig = stand.file("rig.yaml");
    let text = std::fs::read_to_string(&rig).expect("it is there");
    let envelope = std::fs::read_to_string(stand.file("envelope.yaml")).expect("it is there");
    let path = rig.display().to_string();
    stand.write("envelope.yaml", envelope.replace("fc.altitude", "fc.height"));
    let ended = run(["check", &path]).with(64);
    ended.says("fc.height").says("envelope.yaml");
    // Nothing is said of a scenario, since there is none.
    ended.says_not("scenario").says_not("`steps`");
    stand.write("envelope.yaml", &envelope);
    stand.write("rig.yaml", text.replace("link: telem", "link: tele"));
    run(["check", &path]).with(64).says("tele").says_not("scenario");
    // A scenario beside a rig is still one.
    stand.write("rig.yaml", &text);
    let hop = stand.file("hop.yaml").display().to_string();
    run(["check", &path, &hop, "--rig", &path]).with(0).says("rig stand: ").says("Hop on stand");
}

#[test]
fn children_are_nobody_elses_business() {
    run(["--help"]).with(0).says_not("child").says_not("watchdog");
    let ended = run(["child", "cuckoo"]);
    assert_eq!(ended.code, Some(1));
    ended.says("this command is for Checkrein itself");
}

#[test]
fn schemas_are_json() {
    for kind in ["rig", "envelope", "scenario"] {
        let ended = run(["schema", kind]).with(0);
        let schema: serde_json::Value = serde_json::from_str(&ended.stdout).expect("it is JSON");
        assert_eq!(schema["type"], "object", "{kind}");
    }
    run(["schema", "boat"]).with(64).says("boat");
}

#[test]
fn every_shipped_scenario_checks() {
    let paths: Vec<String> = shipped().into_iter().map(|(path, _)| path).collect();
    let arguments: Vec<&str> = std::iter::once("check").chain(paths.iter().map(String::as_str)).collect();
    let ended = run(arguments).with(0);
    for path in &paths {
        ended.says(&format!("{path}: good"));
    }
    let warnings = ended.stderr.lines().filter(|line| line.starts_with("warning: "));
    assert_eq!(warnings.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn a_folder_in_the_place_of_a_file_is_told_with_the_file_that_is_in_it() {
    run(["check", "rigs/junction"]).with(64).says("it is a folder; a file is wanted, such as `rigs/junction/rig.yaml`");
    run(["check", "rigs"]).with(64).says("it is a folder; a file is wanted");
}

/// Checks and runs: both refuse with exit code 64, and no folder is made.
#[track_caller]
fn refused(stand: &Stand, scenario: &str, more: &[&str], words: &[&str]) {
    let path = |name: &str| stand.file(name).display().to_string();
    let mut check = vec!["check".to_owned(), path(scenario), "--rig".into(), path("rig.yaml")];
    check.extend(more.iter().map(|word| (*word).to_owned()));
    for ended in [run(check), stand.run(scenario, more), stand.run(scenario, &[more, &["--fast"]].concat())] {
        let ended: Ended = ended.with(64);
        for word in words {
            ended.says(word);
        }
        assert_eq!(ended.stdout, "", "nothing is good about it");
        stand.no_run_was_made();
    }
}

#[test]
fn an_unknown_field_is_refused_at_its_place() {
    let stand = Stand::on("twin");
    stand.write("bad.yaml", "scenario: Bad\nrig: stand\nabout: x\nexercises: [ceiling]\nstepps:\n  - hold: 1 s\n");
    refused(&stand, "bad.yaml", &[], &["bad.yaml:5:1", "stepps", "steps"]);
}

#[test]
fn a_wrong_unit_is_refused_at_its_place() {
    let stand = Stand::on("twin");
    let text = std::fs::read_to_string(stand.file("hop.yaml")).expect("the fixture is there");
    stand.write("bad.yaml", text.replace("fc.altitude > 0.8 m", "fc.altitude > 0.8 s"));
    refused(&stand, "bad.yaml", &[], &["bad.yaml:16", "0.8 s"]);
}

#[test]
fn every_mistake_of_every_file_is_said_at_once() {
    let stand = Stand::on("twin");
    let text = std::fs::read_to_string(stand.file("hop.yaml")).expect("the fixture is there");
    stand.write("bad.yaml", text.replace("fc.guided", "fc.guidde").replace("fc.land", "fc.lnad"));
    let envelope = std::fs::read_to_string(stand.file("envelope.yaml")).expect("the fixture is there");
    stand.write("envelope.yaml", envelope.replace("fc.altitude <=", "fc.altitud <="));
    refused(&stand, "bad.yaml", &[], &["fc.guidde", "fc.lnad", "fc.altitud", "envelope.yaml", "bad.yaml"]);
}

#[test]
fn files_that_are_no_files_are_refused() {
    let stand = Stand::on("twin");
    refused(&stand, "missing.yaml", &[], &["missing.yaml", "no such file"]);
    std::fs::create_dir(stand.file("folder.yaml")).expect("it is new");
    refused(&stand, "folder.yaml", &[], &["folder.yaml", "folder"]);
    stand.write("binary.yaml", (0..=255u8).cycle().take(5000).collect::<Vec<u8>>());
    refused(&stand, "binary.yaml", &[], &["binary.yaml"]);
    stand.write("empty.yaml", "");
    refused(&stand, "empty.yaml", &[], &["empty.yaml"]);
    stand.write("huge.yaml", "# much\n".repeat(1_000_000));
    refused(&stand, "huge.yaml", &[], &["huge.yaml"]);
}

#[test]
fn bombs_do_not_go_off() {
    let stand = Stand::on("twin");
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let inner = format!("*a{}", level - 1);
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![inner; 9].join(", ")));
    }
    stand.write("bomb.yaml", bomb);
    refused(&stand, "bomb.yaml", &[], &["bomb.yaml"]);
    stand.write("deep.yaml", format!("scenario: {}", "[".repeat(100_000)));
    refused(&stand, "deep.yaml", &[], &["deep.yaml"]);
}

#[test]
fn overrides_are_checked_like_files() {
    let stand = Stand::on("twin");
    refused(&stand, "hop.yaml", &["--set", "held"], &["NAME=VALUE"]);
    refused(&stand, "hop.yaml", &["--set", "held=3 m"], &["held", "3 m"]);
    refused(&stand, "hop.yaml", &["--set", "held=11 min"], &["held"]);
    refused(&stand, "hop.yaml", &["--set", "heldd=1 s"], &["heldd", "held"]);
    refused(&stand, "hop.yaml", &["--set", "held=1 s", "--set", "held=2 s"], &["held", "already", "1 s"]);
    refused(&stand, "hop.yaml", &["--set", "held=\u{1}\u{7}"], &["held"]);
}

/// Two virtual runs of a scenario with one seed.
#[test]
fn every_shipped_scenario_ends_as_it_is_meant_to_and_the_same_way_twice() {
    for (scenario, code) in shipped() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let mut recordings = Vec::new();
        for name in ["first", "second"] {
            let runs = folder.path().join(name);
            let place = runs.display().to_string();
            run(["run", &scenario, "--fast", "--no-plots", "--seed", "5", "--runs", &place]).with(code);
            let only: Vec<PathBuf> =
                runs.read_dir().expect("it was made").map(|entry| entry.expect("it can be listed").path()).collect();
            assert_eq!(only.len(), 1);
            recordings.push(only[0].clone());
        }
        assert!(replays(&recordings[0]).contains("identical"), "{scenario}");
        let inputs = |run: &PathBuf| -> Vec<checkrein::run::Input> {
            let bytes = std::fs::read(run.join("recording.mcap")).expect("it was written");
            checkrein::log::open(&bytes).expect("it opens").inputs().cloned().collect()
        };
        let (first, second) = (inputs(&recordings[0]), inputs(&recordings[1]));
        assert!(!first.is_empty());
        assert!(first == second, "{scenario}: one seed, two stories");
    }
}

#[test]
fn plots_are_drawn_again_from_the_recording_alone() {
    let stand = Stand::on("twin");
    stand.run("hop.yaml", &["--fast"]).with(0);
    let run_folder = stand.only_run();
    assert!(!run_folder.join("plots").exists());
    let drawn = run([Path::new("plot"), &run_folder]).with(0);
    let files: Vec<&str> = drawn.stdout.lines().filter(|line| !line.is_empty()).collect();
    assert!(files.len() >= 2, "{files:?}");
    for file in files {
        assert!(Path::new(file).metadata().is_ok_and(|meta| meta.len() > 0), "{file}");
    }
}

#[test]
fn a_report_is_written_again_from_the_recording_alone() {
    let stand = Stand::on("twin");
    stand.run("hop.yaml", &["--fast"]).with(0);
    let run_folder = stand.only_run();
    assert!(!run_folder.join("report.html").exists(), "no plots and no report were asked for");
    run([Path::new("report"), &run_folder]).with(0).says("report.html");
    let page = std::fs::read_to_string(run_folder.join("report.html")).expect("it is there");
    assert!(page.contains("<span class=\"word pass\">PASS</span>"));
    let name = run_folder.file_name().expect("it has one").to_string_lossy().into_owned();
    assert!(page.contains(&format!("{name}: <strong>pass</strong>")), "it is one of its attempts");
}

/// Two runs of one scenario: what another envelope says of both, and what is different between them.
#[test]
fn recorded_runs_are_judged_by_another_envelope_and_compared() {
    let place = tempfile::tempdir().expect("a folder");
    let runs = place.path().join("runs").display().to_string();
    for (height, folder) in [("2 m", "a"), ("3 m", "b")] {
        let set = format!("height={height}");
        let below = format!("{runs}/{folder}");
        run([
            "run",
            "scenarios/drone-bench/hover-and-land.yaml",
            "--fast",
            "--no-plots",
            "--set",
            &set,
            "--runs",
            &below,
        ])
        .with(0);
    }
    let found = |folder: &str| {
        let entry =
            std::fs::read_dir(format!("{runs}/{folder}")).expect("a run").next().expect("one").expect("readable");
        entry.path().display().to_string()
    };
    let (a, b) = (found("a"), found("b"));
    let shipped = std::fs::read_to_string("rigs/drone-bench/envelope.yaml").expect("it is shipped");
    let file = |name: &str, text: &str| {
        let path = place.path().join(name);
        std::fs::write(&path, text).expect("it can be written");
        path.display().to_string()
    };
    assert!(shipped.contains("fc.altitude <= 8 m"));
    let lower = file("lower.yaml", &shipped.replace("fc.altitude <= 8 m", "fc.altitude <= 2.5 m"));
    run(["replay", &a, "--envelope", &lower]).with(0).says("ceiling  pass");
    let both = run(["replay", &a, &b, "--envelope", &lower]).with(1);
    both.says(&format!("{b}: pass -> fail")).says("broken from never ->").says("5 rules say the same");
    run(["replay", &a, &b, "--envelope", "rigs/drone-bench/envelope.yaml"]).with(0).says("6 rules say the same");
    let json: serde_json::Value =
        serde_json::from_str(&run(["replay", &b, "--envelope", &lower, "--json"]).with(1).stdout).expect("JSON");
    assert_eq!((&json[0]["was"], &json[0]["is"]), (&"pass".into(), &"fail".into()));
    let wrong = file("wrong.yaml", &shipped.replace("fc.altitude <= 8 m", "fc.altitud <= 8 m"));
    run(["replay", &a, "--envelope", &wrong]).with(64).says("did you mean `fc.altitude`?").says("wrong.yaml:");
    run(["replay", &a, "--envelope", "nowhere.yaml"]).with(64).says("nowhere.yaml");
    run(["replay", &a, &b]).with(0).says("identical");
    run(["diff", &a, &b]).with(1).says("height: 2 m | 3 m").says("ceiling: margin: ");
    run(["diff", &a, &a]).with(0).says("nothing differs");
    run(["diff", &a, "nowhere"]).with(64).says("nowhere");
}

#[test]
fn what_is_no_recording_is_refused() {
    let stand = Stand::on("twin");
    stand.write("recording.mcap", [0x55; 4096]);
    for command in ["replay", "plot", "report"] {
        run([command.to_owned(), stand.file("recording.mcap").display().to_string()]).with(64).says("recording.mcap");
        run([command.to_owned(), stand.file("nowhere").display().to_string()]).with(64).says("nowhere");
    }
}

#[test]
fn a_cut_recording_replays_up_to_the_cut_and_nothing_left_is_no_agreement() {
    let stand = Stand::on("twin");
    stand.run("hop.yaml", &["--fast"]).with(0);
    let whole = std::fs::read(stand.only_run().join("recording.mcap")).expect("it was written");
    let events = |bytes: &[u8]| checkrein::log::open(bytes).map_or(0, |recording| recording.events().count());
    // A virtual run is flushed as often as a live one: half of the file is about half of the run.
    let half = &whole[..whole.len() / 2];
    assert!(events(half) * 4 > events(&whole), "{} of {} events are left", events(half), events(&whole));
    stand.write("half.mcap", half);
    run(["replay".to_owned(), stand.file("half.mcap").display().to_string()])
        .with(0)
        .says("not whole")
        .says("identical");
    // The head is sealed before the first event: cut behind it, the file opens and holds nothing to compare.
    let opens = |end: &usize| checkrein::log::open(&whole[..*end]).is_ok();
    let headless = (0..whole.len()).step_by(64).find(opens).expect("the whole file opens");
    assert_eq!(events(&whole[..headless]), 0);
    stand.write("head.mcap", &whole[..headless]);
    run(["replay".to_owned(), stand.file("head.mcap").display().to_string()]).with(2).says("nothing to compare");
    run(["plot".to_owned(), stand.file("head.mcap").display().to_string()]).with(64).says("nothing to draw");
}

#[test]
fn a_run_that_lost_nothing_says_so() {
    let stand = Stand::on("twin");
    stand.run("hop.yaml", &["--fast"]).with(0);
    let quality = std::fs::read_to_string(stand.only_run().join("quality.json")).expect("it was written");
    let quality: serde_json::Value = serde_json::from_str(&quality).expect("it is JSON");
    let signals = quality["signals"].as_array().expect("signals are listed");
    assert!(!signals.is_empty());
    for signal in signals {
        assert!(matches!(signal["lost"].as_u64(), None | Some(0)), "{signal}");
    }
}

#[test]
fn a_pipe_is_no_scenario_and_nobody_waits_for_it() {
    let stand = Stand::on("twin");
    let pipe = stand.file("pipe.yaml");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo is part of every Debian");
    assert!(made.success());
    run(["check".to_owned(), pipe.display().to_string()]).with(64).says("a pipe");
}
