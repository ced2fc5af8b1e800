//! Why a rule of a trace failed, and how near deadlines were.

use super::support::judge;
use serde_json::Value;

/// A response that is missed, a ceiling that is broken, and a gap that leaves a rule undecided.
const STORY: &str = "time [s],altitude [m],link,mode,battery [%]
0,1,true,HOVER,80
1,6,true,HOVER,79
2,8.5,true,HOVER,
3,9,false,HOVER,nan
4,7,false,HOVER,
5,6,false,HOVER,77
6,4,false,LAND,76
7,2,false,LAND,75
";
const STORY_RULES: [&str; 8] = [
    "--rule",
    "ceiling: altitude <= 8 m",
    "--rule",
    "answer: when: fall(link); always: eventually[0, 2 s] mode == LAND",
    "--rule",
    "charge: battery > 20 %",
    "--rule",
    "low: when: mode == LAND; always: altitude < 5 m",
];

#[test]
fn the_account_says_why_in_exactly_these_words() {
    let told = judge(STORY, &STORY_RULES).with(1);
    insta::assert_snapshot!("why", told.stdout);
}

#[test]
fn the_document_holds_the_chain_and_the_time_left() {
    let told = judge(STORY, &[&STORY_RULES[..], &["--json"]].concat()).with(1).json();
    let [ceiling, answer, charge, low] = &told["rules"].as_array().expect("a list")[..] else { panic!("{told}") };
    // What the chain claims is what was judged.
    assert_eq!(ceiling["why"]["chain"]["margin_hi"], ceiling["margin"]["hi"]);
    assert_eq!(ceiling["why"]["critical_at"], ceiling["worst_at"]);
    assert_eq!(ceiling["why"]["chain"]["samples"][0]["value"], "9 m");
    assert_eq!(answer["why"]["chain"]["at_s"], answer["violation"]["instant"]["s"]);
    let timing = &answer["timing"][0];
    assert_eq!((&timing["slack_lo_s"], &timing["slack_hi_s"]), (&Value::from(-1.0), &Value::from(-1.0)));
    assert_eq!(charge["why"]["chain"]["truth"], "unknown");
    assert_eq!(charge["why"]["critical_at"]["s"], 3.0);
    assert_eq!(
        (&low["why"], &low["why_left_out"], &low["timing"]),
        (&Value::Null, &Value::Null, &Value::from([0; 0].to_vec()))
    );
    let cut = judge(STORY, &[&STORY_RULES[..], &["--json", "--outside", "cut"]].concat()).with(1).json();
    let cut = &cut["rules"][0];
    assert_eq!(cut["why"], Value::Null);
    assert!(cut["why_left_out"].as_str().expect("a text").contains("--outside cut"), "{cut}");
}

/// Only the stretch around the first episode is kept; the chain is the one of a short trace all the same, and equals what
/// was judged wherever the worst place is in that episode.
#[test]
fn a_long_trace_is_explained_from_the_stretch_that_matters() {
    let rows = 60_000;
    let mut csv = String::from("t [ms],x [m],asked\n");
    let (broken_from, broken_to) = (40_000, 40_010);
    for k in 0..rows {
        let high = if (broken_from..broken_to).contains(&k) { 9.0 + f64::from(k - broken_from) / 8.0 } else { 1.0 };
        csv.push_str(&format!("{},{high},{}\n", k * 10, (39_900..40_005).contains(&k)));
    }
    let rules = [
        "--rule",
        "plain: x < 8 m",
        "--rule",
        "both: always[0, 50 ms] x < 8 m or historically[0, 3 s] not asked",
        "--rule",
        "steep: rate(x) < 100 m/s",
        "--rule",
        "mean: mean[70 ms](x) < 8 m",
        "--rule",
        "until: when: rise(asked); always: x < 8 m until x > 20 m",
        "--rule",
        "late: when: rise(asked); always: eventually[0, 1 s] x > 20 m",
    ];
    let told = judge(&csv, &[&rules[..], &["--json"]].concat()).with(1).json();
    for rule in told["rules"].as_array().expect("a list") {
        assert_eq!(rule["verdict"], "fail", "{}", rule["rule"]);
        assert_eq!(rule["why_left_out"], Value::Null, "{}", rule["rule"]);
        let (why, margin) = (rule["why"]["chain"]["margin_hi"].as_f64(), rule["margin"]["hi"].as_f64());
        let (why, margin) = (why.expect("a number"), margin.expect("a number"));
        assert!((why - margin).abs() < 1e-9 * margin.abs(), "{}: {why} against {margin}", rule["rule"]);
        assert_eq!(rule["why"]["critical_at"], rule["worst_at"], "{}", rule["rule"]);
        assert_eq!(rule["timing"].as_array().map(Vec::len), Some(0), "so long a trace is not timed");
    }
}

#[test]
fn a_why_that_rests_on_too_much_is_left_out_with_the_number() {
    // Whether it was unknown for a reason may stand anywhere: all of the trace would be needed.
    let mut csv = String::from("t [ms],x,y,z\n");
    (0..340_000).for_each(|k| csv.push_str(&format!("{k},1,1,{}\n", if k == 9 { "nan" } else { "1" })));
    let told = judge(&csv, &["--rule", "x + y + z < 9", "--rule", "x + z < 1"]).with(1);
    told.says("why: left out, since it rests on 1020000 samples and 1000000 are kept");
    told.says("x + z < 1 missed by 1 at 0.000 s");
}

/// Whatever a trace is like, the why of a broken rule is there, begins where the rule was broken first, and claims what was
/// judged: third pass and second one take every row alike.
#[test]
fn the_why_of_any_trace_claims_what_was_judged() {
    let mut seed = 2026u64;
    let mut pick = |n: u64| {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 33) % n
    };
    let rules = [
        "x < 5",
        "(x < 5 and y < 6) or on",
        "historically[100 ms, 1 s] x < 6",
        "always[0, 700 ms] once[0, 500 ms] y > 3",
        "x < 4 since[0, 2 s] on",
        "on implies x < 5 until[0, 1 s] y < 2",
        "rate(x) < 30 1/s",
        "mean[600 ms](x) < 4",
        "delta[400 ms](y) < 3",
        "age(x) < 300 ms",
        "when: rise(on); always: eventually[0, 800 ms] y > 5",
        "fraction[1 s](x > 3) < 0.7",
        "never: historically[0, 400 ms] y > 2",
        "once on implies x < 6",
        "when: on; always: x < 6 until y > 6",
        "x < 7 unless y > 6",
    ];
    let (mut told, mut short) = (0, 0);
    for round in 0..40 {
        let mut csv = String::from("t [ms],x,y,on\n");
        let mut at = 0;
        for _ in 0..80 {
            at += [0, 7, 50, 90, 90, 130, 400][pick(7) as usize];
            let mut cell = || match pick(30) {
                0 => "nan".to_owned(),
                1 => "what".to_owned(),
                2..8 => String::new(),
                _ => format!("{}", pick(64) as f64 / 8.0),
            };
            let (x, y) = (cell(), cell());
            // Every third trace has rows that come late, have no stamp, or are torn.
            let (stamp, torn) = match (round % 3, pick(20)) {
                (0, 0) => (format!("{}", (at - 60).max(0)), ""),
                (0, 1) => ("when".into(), ""),
                (0, 2) => (at.to_string(), ",1"),
                _ => (at.to_string(), ""),
            };
            csv.push_str(&format!("{stamp},{x},{y},{}{torn}\n", if pick(3) == 0 { "true" } else { "false" }));
        }
        let mut arguments = vec!["--json", "--signal", "on: flag"];
        rules.iter().for_each(|rule| arguments.extend(["--rule", rule]));
        if round % 2 == 1 {
            arguments.extend(["--from", "1.5 s"]);
        }
        if round % 5 == 0 {
            arguments.extend(["--stale-after", "250 ms"]);
        }
        let judged = judge(&csv, &arguments);
        let document = judged.json();
        for rule in document["rules"].as_array().expect("a list").iter().filter(|r| r["verdict"] == "fail") {
            assert_eq!(rule["why_left_out"], Value::Null, "{round} {rule:#}\n{csv}");
            let chain = &rule["why"]["chain"];
            let (claimed, margin) = (chain["margin_hi"].as_f64(), rule["margin"]["hi"].as_f64());
            assert_eq!(chain["truth"], "false", "{rule:#}");
            told += 1;
            if let (Some(claimed), Some(margin)) = (claimed, margin) {
                let near = (claimed - margin).abs() <= 1e-9 * margin.abs().max(1.0);
                let is_worst = rule["why"]["critical_at"] == rule["worst_at"];
                assert!(if is_worst { near } else { near || claimed > margin }, "{round} {rule:#}\n{csv}");
                short += usize::from(is_worst);
            }
        }
    }
    assert!(told > 200 && short > 50, "{told} whys, {short} of them of the worst place");
}

/// What was heard before the scope is held, and no sample of it, even with the stamp of its first instant.
#[test]
fn the_why_begins_with_the_row_that_the_scope_begins_with() {
    let csv = "t,x,y\n1,9,\n1,1,1\n2,6,1\n";
    let told = judge(csv, &["--rule", "x < 5 and y < 5", "--from", "heard"]).with(1);
    told.says("first broken at 2 s").says("x < 5 missed by 1; x was 6, sampled at 2.000 s").says_not("left out");
}
