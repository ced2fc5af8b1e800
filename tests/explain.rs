//! `checkrein explain`: rules in words, what they rest on, what judging them costs.

#[path = "live/process.rs"]
#[allow(dead_code, reason = "the live tests use the rest")]
mod process;

use process::{Ended, run};
use serde_json::Value;

fn json(arguments: &[&str]) -> Vec<Value> {
    let ended = run([&["explain", "--json"], arguments].concat()).with(0);
    let value: Value = serde_json::from_str(&ended.stdout).expect("it is JSON");
    value.as_array().expect("one entry a rule").clone()
}

#[test]
fn the_help_shows_how() {
    let ended = run(["explain", "--help"]).with(0);
    insta::assert_snapshot!(ended.stdout);
}

#[test]
fn every_rule_of_a_rig_is_told_in_a_sentence() {
    let ended = run(["explain", "--rig", "drone-bench"]).with(0);
    ended
        .says("At every instant fc.altitude is at most 8 m.")
        .says("Whenever fc.mode is GUIDED: if the last pilot.command is more than 1 s old,")
        .says("then at some instant in the next 500 ms fc.mode is not GUIDED.")
        .says("6 rules of drone-bench rest on ");
    assert_eq!(ended.stderr, "");
}

#[test]
fn one_rule_is_told_whole() {
    let pages = [
        run(["explain", "ceiling", "--rig", "drone-bench"]),
        run(["explain", "rigs/drone-bench/envelope.yaml", "ceiling"]),
        run(["explain", "ceiling", "rigs/drone-bench/rig.yaml"]),
        run(["explain", "ceiling", "--rig", "rigs/drone-bench/rig.yaml"]),
    ]
    .map(|ended: Ended| ended.with(0).stdout);
    assert!(pages.iter().all(|page| *page == pages[0]), "{pages:#?}");
    for words in [
        "always: fc.altitude <= 8 m",
        "because: The net hangs at 10 m",
        "fc.altitude  m  -1 m .. 40 m  every 20 ms  stale after 200 ms",
        "margin: in m",
        "looks back: nowhere",
        "looks ahead: nowhere",
        "a violation is known: at once, with the sample that breaks it",
        "memory: 0 entries",
        "one sample: touches at most 1 of 1 nodes",
        "fc.altitude <= 8 m",
    ] {
        assert!(pages[0].contains(words), "no `{words}` in\n{}", pages[0]);
    }
}

#[test]
fn a_rule_of_a_scenario_has_its_parameters_filled_in() {
    run(["explain", "holds-height", "scenarios/drone-bench/gust.yaml"]).with(0).says("at most 1 m from 4 m");
    run(["explain", "holds-height", "scenarios/drone-bench/gust.yaml", "--set", "height=5 m"])
        .with(0)
        .says("at most 1 m from 5 m");
}

#[test]
fn what_is_not_there_is_said_with_the_nearest_name() {
    run(["explain", "ceilin", "--rig", "drone-bench"])
        .with(64)
        .says("no rule `ceilin`")
        .says("did you mean `ceiling`?");
    run(["explain", "ceiling", "--rig", "dron-bench"]).with(64).says("did you mean `drone-bench`?");
    run(["explain", "rigs/nowhere/rig.yaml"]).with(64).says("rigs/nowhere/rig.yaml");
    run(["explain", "a.yaml", "b.yaml"]).with(64).says("one file at a time");
    run(["explain", "--signal", "x: m"]).with(64).says("there is none");
    run(["explain", "Cargo.toml", "x.yaml"]).with(64).says("x.yaml");
}

#[test]
fn a_rule_that_stands_in_no_file_is_told_too() {
    let ended = run([
        "explain",
        "--rule",
        "low: never: historically[0, 1 s] x > 3 m",
        "--signal",
        "x: 0 m .. 8 m, every 20 ms, stale after 60 ms",
    ])
    .with(0);
    ended.says("It must never be that throughout the last 1 s x was above 3 m.").says("every 20 ms");
    run(["explain", "--rule", "tilt > 20 deg", "--rig", "drone-bench"]).with(0).says("the larger of");
    let wrong = run(["explain", "--rule", "x > 3 m and y > 1", "--signal", "x: s"]).with(64);
    wrong.says("cannot compare `x`").says("unknown signal `y`").says("--signal");
    run(["explain", "--rule", "x > 3 m", "--signal", "x: furlong"]).with(64).says("unknown unit `furlong`");
    run(["explain", "--rule", "x > 3 m", "--signal", "x: m", "--signal", "x: m"]).with(64).says("described twice");
}

#[test]
fn json_holds_what_the_page_does() {
    let rules = json(&["--rig", "drone-bench"]);
    assert_eq!(rules.len(), 6);
    let tilt = &json(&["tilt", "--rig", "drone-bench"])[0];
    assert_eq!(tilt["history_ns"], 300_000_000);
    assert_eq!(tilt["horizon_ns"], 0);
    assert_eq!(tilt["signals"][0]["every_ns"], 20_000_000);
    let nodes = tilt["nodes"].as_array().expect("its graph");
    let sum = |key: &str| nodes.iter().map(|node| node[key].as_u64().expect("a number")).sum::<u64>();
    assert_eq!(tilt["memory"]["bytes"], sum("bytes"));
    assert_eq!(tilt["memory"]["entries"], sum("entries"));
    assert!(sum("entries") >= 15, "300 ms hold 15 samples: {tilt:#}");
    // Both signals of the rule reach the window, their sizes, the larger of them, and its limit's comparison.
    assert_eq!(tilt["worst_case"]["nodes_touched"], 5);
    let unbounded = &json(&["--rule", "once x > 1 m", "--signal", "x: m"])[0];
    assert_eq!(unbounded["history_ns"], Value::Null);
}

#[test]
fn what_two_rules_share_is_one_node() {
    let arguments = ["--rule", "a: once[0, 1 s] x > 3 m", "--rule", "b: not once[0, 1 s] x > 3 m or x < 0 m"];
    let rules = json(&[&arguments[..], &["--signal", "x: -9 m .. 9 m, every 10 ms"]].concat());
    let ids = |rule: &Value| -> Vec<u64> {
        let nodes = rule["nodes"].as_array().expect("its graph");
        nodes
            .iter()
            .filter(|node| node["shared_with"] != Value::Array(Vec::new()))
            .filter_map(|n| n["id"].as_u64())
            .collect()
    };
    assert!(!ids(&rules[0]).is_empty());
    assert_eq!(ids(&rules[0]), ids(&rules[1]));
}

#[test]
fn check_prints_the_memory_of_the_rules() {
    let ended = run(["check", "scenarios/drone-bench/gust.yaml"]).with(0);
    let line = ended.stdout.lines().find(|line| line.contains("memory of the rules")).expect("it is printed");
    let size = line.split(": ").nth(1).and_then(|rest| rest.split(' ').next()).and_then(|n| n.parse::<f64>().ok());
    assert!(size.is_some_and(|size| size > 0.0), "{line}");
    assert!(line.contains("KiB") || line.contains("MiB"), "{line}");
    ended.says("of offboard-loss: planned from an assumed rate of pilot.command, which declares none");
}
