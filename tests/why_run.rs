//! A run's own verdict and what lies behind it, worked out from its recording, speak of the same thing.

use std::process::Command;

#[test]
fn what_lies_behind_a_failed_run_agrees_with_its_verdict() {
    let runs = tempfile::tempdir().expect("a place for the run");
    let root = env!("CARGO_MANIFEST_DIR");
    let ended = Command::new(env!("CARGO_BIN_EXE_checkrein"))
        .current_dir(root)
        .args(["run", "scenarios/drone-bench/delayed-feed.yaml", "--fast", "--no-plots", "--json", "--runs"])
        .arg(runs.path())
        .output()
        .expect("the program is there");
    assert_eq!(ended.status.code(), Some(1), "{}", String::from_utf8_lossy(&ended.stderr));
    let verdict: serde_json::Value = serde_json::from_slice(&ended.stdout).expect("verdict.json");
    let rules = verdict["rules"].as_array().expect("rules");
    let mut explained = 0;
    for rule in rules {
        let (name, why) = (&rule["rule"], &rule["why"]);
        if rule["verdict"] != "fail" {
            assert!(rule["verdict"] != "pass" || why.is_null(), "{name}: nothing to explain");
            continue;
        }
        explained += 1;
        assert_eq!(why["episodes"][0]["from_s"], rule["violated_at_s"], "{name}");
        assert_eq!(why["worst_at_s"], rule["worst_at_s"], "{name}");
        assert_eq!(why["broken_s"], rule["broken_s"], "{name}");
        assert_eq!(why["chain"]["truth"], "false", "{name}");
        let meanwhile = rule["meanwhile"].as_array().expect("a list");
        let fault =
            |text: &serde_json::Value| text.as_str().is_some_and(|t| t.starts_with("fault delay on pilot.tells"));
        assert!(meanwhile.iter().any(fault), "{name}: {meanwhile:?}");
    }
    assert!(explained > 0, "the scenario is there to show a failure");
}
