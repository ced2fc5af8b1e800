//! Mapping files, right and wrong, and what a policy hears and says by them.

use super::read;
use crate::codec::json::device::Told;
use crate::diag::Files;
use crate::policy::{Mind, Nudge, Policy, Silent};
use crate::time::{Span, Time};
use std::sync::Arc;

/// The committed net of three numbers in and two times three out, which stretches its inputs: see `make.py`.
const NET: &[u8] = include_bytes!("../../../tests/fixtures/policy/constants.onnx");

const MAPPING: &str = "\
mapping: A small one
every: 50 ms
inputs:
  height: { field: m/state#/fc.z, scale: 1 cm, stale_after: 200 ms, range: 0 m .. 4 m, outside: clamp, zero: 1 m, one: 2 m }
  mode:   { field: m/state#/fc/mode, states: { HOLD: 0, GO: 1 }, keeps: latest, until_heard: 0 }
  goal:   { field: m/task#/z, scale: 1 m, keeps: first, until_heard: height }
given: [height, mode, goal]
outputs:
  climb: { unit: km/h }
  place: { one: 2 m, zero: 1 m, range: 0 m .. 1.5 m, step: 25 cm }
  busy:  { above: -1.5 }
  light: { pick: [RED, AMBER, GREEN] }
says:
  - topic: m/go
    when: busy
    with: { v: { take: climb, scale: 1 m/s }, z: { take: place, scale: 1 cm }, g: { take: goal, scale: 1 m }, n: 7, w: word }
  - topic: m/light
    with: { show: { take: light }, mode: { take: mode }, busy: { take: busy } }
";

struct Shelf<'s>(&'s [u8], &'s str);

impl Files for Shelf<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        match path {
            "net.onnx" => Ok(self.0.to_vec()),
            "map.yaml" => Ok(self.1.as_bytes().to_vec()),
            _ => Err("there is no such file".into()),
        }
    }
}

fn policy(mapping: &str) -> Arc<Policy> {
    match read("net.onnx", "map.yaml", &Shelf(NET, mapping)) {
        Ok(read) => read.policy,
        Err(problems) => panic!("{}", problems.iter().map(|p| p.render(false)).collect::<String>()),
    }
}

/// What is told of a mapping in which one piece was replaced.
fn told(old: &str, new: &str) -> String {
    assert_eq!(MAPPING.matches(old).count(), 1, "{old}");
    let text = MAPPING.replace(old, new);
    let Err(problems) = read("net.onnx", "map.yaml", &Shelf(NET, &text)) else { panic!("`{new}` was taken") };
    problems.iter().map(|p| p.render(false)).collect()
}

fn at(millis: i64) -> Time {
    Time::ZERO + Span::from_millis(millis)
}

/// What a policy of the small mapping says, by topic.
fn said(mind: &Mind) -> Vec<(String, Told)> {
    let read = |(topic, words): (Option<&str>, Vec<_>)| {
        (topic.unwrap_or("").to_owned(), Told::read(&Mind::bytes(&words)).expect("it is JSON"))
    };
    mind.messages(Nudge::default()).into_iter().map(read).collect()
}

#[test]
fn numbers_go_in_by_their_units_and_come_out_by_theirs() {
    let mut mind = Mind::new(&policy(MAPPING));
    assert_eq!(mind.mapping().topics(), ["m/state", "m/task"]);
    mind.hear(at(0), Some("m/state"), false, br#"{"fc.z": 250, "fc": {"mode": "GO"}, "more": []}"#)
        .expect("it is an object");
    mind.think(at(10)).expect("everything is there");
    // 2.5 m is 1.5 between 1 m and 2 m; without a task the goal is where it is, and is 2.5 to the net.
    let given = [1.5_f32, 1.0, 2.5];
    let mut numbers = [0.0; 6];
    let mut net = mind.policy_net();
    net.think(&given, &mut numbers);
    let words = said(&mind);
    let number = |name: &str| words[0].1.number(name).expect("a number");
    assert_eq!(words.len(), 2);
    assert!((number("v") - f64::from(numbers[0]) / 3.6).abs() < 1e-9);
    let quarters = ((1.0 + f64::from(numbers[1])).clamp(0.0, 1.5) / 0.25).round();
    assert!((number("z") - 25.0 * quarters).abs() < 1e-6);
    assert_eq!((number("g"), number("n"), words[0].1.text("w")), (2.5, 7.0, Some("word")));
    let greatest = (3..6).max_by(|a, b| numbers[*a].total_cmp(&numbers[*b])).expect("there are three");
    assert_eq!(words[1].1.text("show"), Some(["RED", "AMBER", "GREEN"][greatest - 3]));
    assert_eq!(words[1].1.text("mode"), Some("GO"));
    assert_eq!(words[1].1.get("busy"), Some(&crate::codec::json::device::Word::Flag(true)));
}

#[test]
fn on_stale_or_missing_sight_nothing_is_said() {
    let mut mind = Mind::new(&policy(MAPPING));
    assert_eq!(mind.think(at(0)), Err(Silent::NotHeard("height".into())));
    mind.hear(at(0), Some("m/state"), false, br#"{"fc.z": 250}"#).expect("it is an object");
    assert_eq!(mind.think(at(200)), Ok(()));
    assert_eq!(mind.think(at(201)), Err(Silent::Stale("height".into())));
    // Another topic, another kind and no JSON do not freshen it.
    mind.hear(at(201), Some("m/other"), false, br#"{"fc.z": 250}"#).expect("nobody listens there");
    mind.hear(at(201), Some("m/state"), false, br#"{"fc.z": "high"}"#).expect("it is an object");
    assert!(mind.hear(at(201), Some("m/state"), false, b"{").is_err());
    assert_eq!(mind.think(at(202)), Err(Silent::Stale("height".into())));
    mind.hear(at(203), Some("m/state"), false, br#"{"fc.z": 250}"#).expect("it is an object");
    assert_eq!(mind.think(at(204)), Ok(()));
    mind.forget();
    assert_eq!(mind.think(at(205)), Err(Silent::NotHeard("height".into())));
}

#[test]
fn what_a_broker_had_kept_counts_for_values_that_keep_alone() {
    let mut mind = Mind::new(&policy(MAPPING));
    mind.hear(at(0), Some("m/task"), true, br#"{"z": 1}"#).expect("it is an object");
    mind.hear(at(0), Some("m/state"), true, br#"{"fc.z": 250}"#).expect("it is an object");
    assert_eq!(mind.think(at(0)), Err(Silent::NotHeard("height".into())));
    mind.hear(at(0), Some("m/state"), false, br#"{"fc.z": 250}"#).expect("it is an object");
    mind.think(at(0)).expect("everything is there");
    assert_eq!((said(&mind)[0].1.number("g"), mind.outside()), (Some(1.0), None));
}

#[test]
fn the_first_value_or_the_latest_is_kept_as_the_mapping_says() {
    let mut mind = Mind::new(&policy(MAPPING));
    for (time, z) in [(0, 1.0), (10, 3.0)] {
        mind.hear(at(time), Some("m/task"), false, format!("{{\"z\": {z}}}").as_bytes()).expect("it is an object");
    }
    for mode in ["GO", "HOLD", "LAND"] {
        let payload = format!("{{\"fc.z\": 100, \"fc\": {{\"mode\": \"{mode}\"}}}}");
        mind.hear(at(20), Some("m/state"), false, payload.as_bytes()).expect("it is an object");
    }
    mind.think(at(20)).expect("everything is there");
    let words = said(&mind);
    let light = words.iter().find(|(topic, _)| topic == "m/light").expect("it is always said");
    // A state that the mapping does not know changes nothing.
    assert_eq!(light.1.text("mode"), Some("HOLD"));
    if let Some((_, go)) = words.iter().find(|(topic, _)| topic == "m/go") {
        assert_eq!(go.number("g"), Some(1.0));
    }
}

#[test]
fn a_value_outside_its_range_is_clamped_passed_or_a_reason_to_be_silent() {
    let answers = |outside: &str| {
        // The message tells what the net was given.
        let text = MAPPING.replace("outside: clamp", outside).replace("n: 7", "n: { take: height, scale: 1 m }");
        let mut mind = Mind::new(&policy(&text));
        mind.hear(at(0), Some("m/state"), false, br#"{"fc.z": 900}"#).expect("it is an object");
        mind.think(at(0)).map(|()| said(&mind))
    };
    assert_eq!(answers("outside: silent"), Err(Silent::Outside("height".into())));
    let height = |outside: &str| answers(outside).expect("it speaks")[0].1.number("n");
    assert_eq!((height("outside: clamp"), height("outside: pass")), (Some(4.0), Some(9.0)));
}

#[test]
fn a_message_with_a_condition_is_said_only_while_it_holds() {
    // The net's own limit is 1.5, and nothing is above it.
    let mut mind = Mind::new(&policy(&MAPPING.replace("above: -1.5", "above: 1.5")));
    mind.hear(at(0), Some("m/state"), false, br#"{"fc.z": 250}"#).expect("it is an object");
    mind.think(at(0)).expect("everything is there");
    let topics: Vec<String> = said(&mind).into_iter().map(|(topic, _)| topic).collect();
    assert_eq!(topics, ["m/light"]);
}

#[test]
fn an_answer_that_is_no_number_is_never_said() {
    // Infinite as f32, times weights of either sign.
    let net = include_bytes!("../../../tests/fixtures/policy/matmul.onnx");
    let mapping = "\
mapping: A giant
every: 50 ms
inputs: { x: { field: m#/x, scale: 1, keeps: latest } }
given: [x, x, x, x]
outputs: { a: { one: 1 }, b: { one: 1 } }
says: [{ topic: m/go, with: { a: { take: a, scale: 1 }, b: { take: b, scale: 1 } } }]
";
    let Ok(made) = read("net.onnx", "map.yaml", &Shelf(net, mapping)) else { panic!("it was not taken") };
    let mut mind = Mind::new(&made.policy);
    mind.hear(at(0), Some("m"), false, br#"{"x": 1e300}"#).expect("it is an object");
    assert_eq!(mind.think(at(0)), Err(Silent::NotANumber));
    mind.hear(at(1), Some("m"), false, br#"{"x": 1}"#).expect("it is an object");
    assert_eq!(mind.think(at(1)), Ok(()));
}

#[test]
fn a_mapping_that_does_not_fit_its_net_is_told_with_the_nets_own_names() {
    let text = told("given: [height, mode, goal]", "given: [height, mode]");
    assert!(text.contains("takes 3 numbers, and `given` names 2") && text.contains("`x` [3]"), "{text}");
    let text = told("  light: { pick: [RED, AMBER, GREEN] }", "  light: { pick: [RED, GREEN] }");
    assert!(text.contains("gives 6 numbers, and `outputs` names 5"), "{text}");
}

#[test]
fn every_mistake_of_a_mapping_points_at_its_word() {
    let cases = [
        ("m/task#/z", "m/task/z", "names no place in a message"),
        ("keeps: first, ", "", "is said by one of two"),
        ("keeps: first", "keeps: first, stale_after: 1 s", "is said by one of two"),
        ("scale: 1 m, keeps", "keeps", "is said by one of three"),
        ("until_heard: height", "until_heard: hieght", "did you mean `height`?"),
        ("until_heard: height", "until_heard: mode", "measures something else"),
        ("until_heard: height", "until_heard: 3 s", "is time"),
        ("zero: 1 m, one: 2 m", "zero: 2 m, one: 2 m", "the same value"),
        ("zero: 1 m, one: 2 m", "zero: 1 s, one: 2 m", "wanted"),
        ("outside: clamp", "outside: clmap", "did you mean `clamp`?"),
        ("range: 0 m .. 4 m, ", "", "`outside` needs a `range`"),
        ("given: [height", "given: [hieght", "did you mean `height`?"),
        ("climb: { unit: km/h }", "climb: {}", "is said by one of four"),
        ("climb: { unit: km/h }", "climb: { unit: km/h, above: 0 }", "is said by one of four"),
        ("step: 25 cm", "step: 0 cm", "a step greater than zero"),
        ("above: -1.5", "above: often", "the number above which it is true"),
        ("pick: [RED, AMBER, GREEN]", "pick: [RED]", "at least two words"),
        ("when: busy", "when: climb", "no output that is a flag"),
        ("{ take: climb, scale: 1 m/s }", "{ take: climb, scale: 1 m }", "the scale is"),
        ("{ take: climb, scale: 1 m/s }", "{ take: climb }", "add `scale: 1 km/h`"),
        ("{ take: light }", "{ take: light, scale: 1 }", "`light` is no number"),
        ("{ take: light }", "{ take: lihgt }", "did you mean `light`?"),
        ("topic: m/light", "topic: m/+", "wildcard"),
        ("every: 50 ms", "every: 50 m", "wanted"),
    ];
    for (old, new, wanted) in cases {
        let text = told(old, new);
        assert!(text.contains(wanted) && text.contains("map.yaml:"), "`{new}` gave:\n{text}");
    }
}

#[test]
fn files_that_are_not_there_or_no_nets_are_told_by_name() {
    let Err(problems) = read("gone.onnx", "map.yaml", &Shelf(NET, MAPPING)) else { panic!("it was read") };
    assert_eq!((problems.len(), problems[0].source.name.as_str()), (1, "gone.onnx"));
    let Err(problems) = read("net.onnx", "map.yaml", &Shelf(b"no net", MAPPING)) else { panic!("it was read") };
    assert!(problems[0].message.contains("cannot be used"), "{}", problems[0].message);
}
