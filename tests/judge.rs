//! `checkrein judge` from outside: the examples of its page, every kind of trace, and what bad input gets.

#[path = "judge/formats.rs"]
mod formats;
#[path = "judge/support.rs"]
mod support;
#[path = "judge/why.rs"]
mod why;

use serde_json::Value;
use std::collections::BTreeMap;
use support::{judge, program, root, words};
use tempfile::TempDir;

#[test]
fn every_example_of_the_page_is_as_it_says() {
    let page = std::fs::read_to_string(root().join("docs/judge.md")).expect("it is shipped");
    let mut run = 0;
    for block in page.split("```console\n").skip(1) {
        let block = block.split("```").next().expect("a block ends");
        let mut code = 0;
        for example in block.split("$ ").skip(1) {
            let (line, wanted) = example.split_once('\n').expect("a command ends its line");
            if line == "echo $?" {
                assert_eq!(wanted.trim(), code.to_string(), "{block}");
                continue;
            }
            let arguments = words(line);
            assert_eq!(arguments[0], "checkrein", "{line}");
            let arguments: Vec<&str> = arguments[1..].iter().map(String::as_str).collect();
            let ended = program(&root(), &arguments, b"");
            let said = format!("{}{}", ended.stdout, ended.stderr);
            match wanted.strip_suffix("...\n") {
                Some(begin) => assert!(said.starts_with(begin), "{line}\n{said}"),
                None => assert_eq!(said, wanted, "{line}"),
            }
            code = ended.code.expect("it ends by itself");
            run += 1;
        }
    }
    assert!(run >= 7, "only {run} examples were found");
}

#[test]
fn verdicts_are_exit_codes() {
    let csv = "time,x,on\n0,1,false\n1,2,false\n2,3,false\n";
    judge(csv, &["--rule", "x <= 3"]).with(0).says("PASS");
    judge(csv, &["--rule", "x < 3"]).with(1).says("FAIL").says("first broken at 2 s");
    judge(csv, &["--rule", "x < 9", "--stale-after", "500ms"]).with(2).says("x was unknown 2 times");
    judge(csv, &["--rule", "when: on; always: x < 3"]).with(2).says("`on` never held").says("untested");
    judge(csv, &["--rule", "eventually[0, 5 s] x > 9"]).with(2).says("something was still to come");
    judge(csv, &["--rule", "x <= 3", "--rule", "x < 3"]).with(1);
    judge(csv, &[]).with(64).says("no rule was given").says("1 .. 3");
    judge(csv, &["--rule", "y < 3"]).with(64).says("unknown signal `y`");
    judge(csv, &["--rule", "x < 3 m"]).with(64).says("length");
    judge(csv, &["--rule", "a: x < 3", "--rule", "a: x < 4"]).with(64).says("two rules are called `a`");
    judge(csv, &["--rule", "x < 3", "--outside", "nowhere"]).with(64);
}

#[test]
fn a_violation_is_told_with_its_instants_and_episodes() {
    let csv = "time,x\n0,1\n1,9\n2,1\n3,9\n4,9.5\n5,1\n6,1\n7,9\n";
    let told = judge(csv, &["--rule", "cap: always[0, 1 s] x < 8", "--json"]).with(1).json();
    let rule = &told["rules"][0];
    assert_eq!(rule["rule"], "cap");
    assert_eq!(rule["margin"]["hi"], -1.5);
    assert_eq!(rule["margin"]["lo"], "-inf", "what comes after the end is unknown");
    assert_eq!(rule["worst_at"]["ns"], 3_000_000_000i64);
    // At 0 s the violation at 1 s lies within the window, and was known then.
    assert_eq!(rule["violation"]["instant"]["ns"], 0);
    assert_eq!(rule["violation"]["known_at"]["ns"], 1_000_000_000i64);
    let stretch = |s: &Value| (s["from"]["ns"].as_i64(), s["to"]["ns"].as_i64(), s["length_ns"].as_i64());
    let episodes: Vec<_> = rule["broken"]["list"].as_array().expect("a list").iter().map(stretch).collect();
    let s =
        |from: i64, to: i64| (Some(from * 1_000_000_000), Some(to * 1_000_000_000), Some((to - from) * 1_000_000_000));
    assert_eq!(episodes, [s(0, 5), s(6, 7)]);
    assert_eq!((rule["broken"]["count"].as_u64(), &rule["open_at_end"]), (Some(2), &Value::Bool(true)));
    // A violation of the last instant alone is one, too.
    let last = judge("t,x\n0,1\n1,9\n", &["--rule", "x < 8", "--json"]).with(1).json();
    assert_eq!(last["rules"][0]["broken"]["list"][0]["from"]["ns"], 1_000_000_000i64);
    assert_eq!(last["rules"][0]["violation"]["known_at"]["ns"], 1_000_000_000i64);
}

/// What `once[0, 2 s]` is worth at each stamp, worked out from the definition.
#[test]
fn margins_at_stamps_are_those_of_the_definition() {
    let (mut csv, mut values) = (String::from("time,x,y\n"), Vec::new());
    let mut seed = 12345u64;
    let mut time = 0i64;
    for _ in 0..2000 {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let value = ((seed >> 40) % 64) as f64 / 8.0;
        csv.push_str(&format!("{}.{:03},{value},0\n", time / 1000, time % 1000));
        values.push((time, value));
        time += 1 + ((seed >> 20) % 900) as i64;
    }
    let arguments =
        ["--rule", "past: once[0, 2 s] x > 4", "--rule", "next: always[0, 2 s] x > 4", "--at-samples", "--json"];
    for outside in ["unknown", "cut"] {
        let all: Vec<&str> = arguments.iter().chain(&["--outside", outside]).copied().collect();
        let lines = judge(&csv, &all).with(1).lines();
        assert_eq!(lines.len(), 2 * values.len());
        let end = values.last().expect("many").0;
        for (i, (at, _)) in values.iter().enumerate() {
            // A sample holds until the next one: the one before the window's begin counts, if there is one.
            let until_next = |k: usize| values.get(k + 1).map_or(i64::MAX, |v| v.0);
            let within = |from: i64, to: i64| {
                values
                    .iter()
                    .enumerate()
                    .filter(move |(k, v)| v.0 <= to && until_next(*k) > from)
                    .map(|(_, v)| v.1 - 4.0)
            };
            let before = at - 2000 < 0 && outside == "unknown";
            let sup = within(at - 2000, *at).fold(f64::NEG_INFINITY, f64::max);
            let after = at + 2000 > end && outside == "unknown";
            let inf = within(*at, at + 2000).fold(f64::INFINITY, f64::min);
            let past = &lines[2 * i];
            let next = &lines[2 * i + 1];
            assert_eq!((&past["rule"], &next["rule"]), (&Value::from("past"), &Value::from("next")));
            assert_eq!(past["t_ns"], at * 1_000_000);
            assert_eq!(past["lo"], sup, "{past}");
            assert_eq!(past["hi"], if before { Value::from("inf") } else { Value::from(sup) }, "{past}");
            assert_eq!(next["hi"], inf, "{next}");
            assert_eq!(next["lo"], if after { Value::from("-inf") } else { Value::from(inf) }, "{next}");
        }
    }
}

#[test]
fn a_moving_margin_is_worth_at_a_stamp_what_it_is_there() {
    // x comes every second, y between: the age of x has grown when y comes.
    let csv = "t_ms,x,y\n0,1,\n300,,1\n900,,2\n1000,2,\n1250,,3\n";
    let lines = judge(csv, &["--rule", "age(x) < 1 s", "--at-samples", "--json"]).lines();
    let told: Vec<(i64, f64)> =
        lines.iter().map(|l| (l["t_ns"].as_i64().expect("ns"), l["hi"].as_f64().expect("a number"))).collect();
    for ((at, margin), wanted) in told.iter().zip([(0, 1.0), (300, 0.7), (900, 0.1), (1000, 1.0), (1250, 0.75)]) {
        assert_eq!(*at, wanted.0 * 1_000_000);
        assert!((margin - wanted.1).abs() < 1e-9, "{told:?}");
    }
    assert_eq!(told.len(), 5);
    judge(csv, &["--rule", "y < 9", "--at-samples", "--from", "300ms"])
        .says("           0.3               8               8  true");
}

#[test]
fn stamps_are_exact_and_may_be_dates() {
    let csv = "time,x\n1795378530.123456789,1\n1795378530.123456790,9\n1795378530.123456791,1\n";
    let told = judge(csv, &["--rule", "x < 8", "--json"]).with(1).json();
    let broken = &told["rules"][0]["broken"]["list"][0];
    assert_eq!(broken["from"]["ns"], 1_795_378_530_123_456_790i64);
    assert_eq!(broken["length_ns"], 1);
    let dates = "timestamp,x\n2026-11-22T20:15:30Z,1\n2026-11-22T20:15:31.5+00:00,9\n";
    let told = judge(dates, &["--rule", "x < 8", "--json"]).with(1).json();
    assert_eq!(told["rules"][0]["worst_at"]["ns"], 1_795_378_531_500_000_000i64);
    for (csv, arguments) in [
        ("t_us,x\n0,1\n1500000,9\n", &[][..]),
        ("Time (ms),x\n0,1\n1500,9\n", &[]),
        ("when,x\n0,1\n1500,9\n", &["--time", "when", "--time-unit", "ms"]),
        ("time;x\r\n0;1\r\n1.5;9\r\n", &[]),
        ("time\tx\n0\t1\n1.5\t9", &[]),
        ("\u{feff}time,x\n0,1\n1.5,9\n", &[]),
        ("\"time\",\"x\"\n\"0\",\"1\"\n\"1.5\",\"9\"\n", &[]),
        ("time,t_offset,x\n0,0,1\n1.5,0,9\n", &[]),
    ] {
        let all: Vec<&str> = ["--rule", "x < 8", "--json"].iter().chain(arguments).copied().collect();
        let told = judge(csv, &all).with(1).json();
        assert_eq!(told["rules"][0]["worst_at"]["ns"], 1_500_000_000i64, "{csv}");
        assert_eq!(told["errors"], 0, "{csv}");
    }
}

#[test]
fn columns_are_what_their_cells_make_them() {
    let csv =
        "time,Motor Temp [°C],state of flight,ok,1st,in,zero\n0,20,On Ground,true,1,2,0\n1,21,In Air,false,1,2,1\n";
    let listing = judge(csv, &[]).with(64);
    listing
        .says("Motor_Temp       20 degC .. 21 degC")
        .says("{On_Ground, In_Air}")
        .says("_1st")
        .says("in_")
        .says("flag");
    judge(csv, &["--rule", "Motor_Temp <= 21.5 degC"]).with(0).says("margin 0.5 K");
    judge(csv, &["--rule", "when: state_of_flight == In_Air; always: not ok"]).with(0).says("held");
    judge(csv, &["--rule", "not zero"]).with(64);
    judge(csv, &["--rule", "not zero", "--signal", "zero: flag"]).with(1).says("first broken at 1 s");
    judge(csv, &["--rule", "_1st + in_ < 4"]).with(0);
    // A described unit is that of the numbers, and what the rule is told in.
    judge("time,x\n0,1200\n", &["--rule", "x < 1.5 m", "--signal", "x: mm"]).with(0).says("margin 0.3 m");
    judge("time,x [mm]\n0,1200\n", &["--rule", "x < 1.5 m", "--signal", "x: m"]).with(0).says("margin 0.3 m");
    judge("time,x [mm]\n0,1\n", &["--rule", "x < 1.5 s", "--signal", "x: s"]).with(64).says("the heading `x [mm]`");
    judge("time,x\n0,1\n", &["--rule", "x < 1", "--signal", "y: m"]).with(64).says("`y` is not in trace.csv");
}

#[test]
fn mixed_dimensions_are_weighed_by_what_the_trace_shows() {
    let csv = "time,x [m],v [m/s]\n0,0,1\n1,10,1\n";
    let told = judge(csv, &["--rule", "x <= 9 m and v <= 3 m/s", "--json"]).with(1).json();
    let rule = &told["rules"][0];
    assert_eq!((&rule["unit"], &rule["observed_ranges"]), (&Value::from("%"), &Value::Bool(true)));
    assert_eq!(rule["margin"]["lo"], -10.0, "1 m of the 10 m that x moved");
    let declared = ["--signal", "x: m, 0 m .. 100 m", "--signal", "v: m/s, 0 m/s .. 5 m/s"];
    let all: Vec<&str> = ["--rule", "x <= 9 m and v <= 3 m/s", "--json"].iter().chain(&declared).copied().collect();
    let told = judge(csv, &all).with(1).json();
    assert_eq!(told["rules"][0]["margin"]["lo"], -1.0);
    assert_eq!(told["rules"][0]["observed_ranges"], false);
}

/// Every mistake in a row is told with its line, and what it says is unknown: the rule is judged on the rest.
#[test]
fn bad_cells_are_told_and_unknown() {
    let csv = b"time,x,y,mode\n0,1,1,A\n1,oops,1,A\n2,1,inf,A\n3,1,1\n4,1,1,A\nabc,1,1,A\n5,1,nan,A\n6,1,\xff,A\n7,2,2,A\n7.5,1,1,A,extra\n8,1,1,A\n";
    let ended = judge(csv, &["--rule", "x < 8", "--rule", "y < 8", "--rule", "mode == A"]).with(2);
    insta::assert_snapshot!("bad_cells", format!("{}\n{}", ended.stderr, ended.stdout));
}

#[test]
fn the_first_twenty_mistakes_are_shown_and_the_rest_counted() {
    let mut csv = String::from("time,x\n");
    for i in 0..1000 {
        csv.push_str(&format!("{i},{}\n", if i % 2 == 0 { "1" } else { "one" }));
    }
    let ended = judge(&csv, &["--rule", "x < 8"]).with(2);
    assert_eq!(ended.stderr.matches("wanted a number").count(), 20);
    ended.says("and 480 more like these").says("could not be told 500 times");
    let told = judge(&csv, &["--rule", "x < 8", "--json"]).json();
    assert_eq!(told["errors"], 500);
    assert_eq!(told["troubles"][0]["line"], 3);
}

/// Late samples count from the present instant, are told, and are no ground for a pass; a violation they show is one.
#[test]
fn time_that_runs_backwards_makes_no_rule_pass() {
    let csv = "time,x,y\n0,1,1\n1,1,1\n0.5,2,\n2,1,1\n";
    let told = judge(csv, &["--rule", "a: x < 8", "--rule", "b: y < 8", "--json"]).with(2).json();
    assert_eq!(told["troubles"][0]["line"], 4);
    let of = |name: &str| told["rules"].as_array().expect("rules").iter().find(|r| r["rule"] == name).expect("there");
    assert_eq!((&of("a")["verdict"], &of("b")["verdict"]), (&Value::from("inconclusive"), &Value::from("pass")));
    let late = &of("a")["late"][0];
    assert_eq!((late["count"].as_u64(), &late["signal"]), (Some(1), &Value::from("x")));
    assert_eq!(late["stamp"]["ns"], 500_000_000);
    assert_eq!(late["counted_from"]["ns"], 1_000_000_000);
    judge("time,x\n0,1\n1,1\n0.5,9\n2,1\n", &["--rule", "x < 8"]).with(1).says("1 sample late");
    // A clock that starts anew half way.
    let mut twice = String::from("time,x\n");
    (0..50).chain(0..50).for_each(|t| twice.push_str(&format!("{t},1\n")));
    judge(&twice, &["--rule", "x < 8"]).with(2).says("49 samples late").says("and 29 more like these");
    // Several rows of one stamp are one instant, and not late.
    judge("time,x\n0,1\n1,2\n1,3\n2,1\n", &["--rule", "x < 8"]).with(0).says("margin 5 at 1 s");
}

/// A row without a stamp before the first or behind the last one lies outside of the scope, where nothing becomes unknown.
#[test]
fn a_row_without_a_stamp_at_either_end_makes_no_rule_pass() {
    for csv in ["time,x\n0,5\n1,5\nbad,-5\n", "time,x\nbad,-5\n0,5\n1,5\n", "time,x\n0,5\n,-5\n"] {
        judge(csv, &["--rule", "x > 0"]).with(2).says("what the row says is unknown").says("ends too early");
        judge(csv, &["--rule", "x > 6"]).with(1);
    }
}

/// A share lies in 0 to 1 before the start, too: three seconds of four are enough for a verdict.
#[test]
fn a_share_that_is_certainly_too_large_is_no_warm_up() {
    let csv = "time,b\n0,true\n1,true\n3,false\n3.5,false\n";
    judge(csv, &["--rule", "never: fraction[4 s](b) > 20 %"]).with(1).says("first broken at 0.8");
    // Nowhere certain, though by warm-up alone: nothing was judged, which is no pass.
    judge(csv, &["--rule", "fraction[4 s](b) < 80 %"]).with(2).says("certain nowhere");
}

#[test]
fn what_leaves_nothing_to_judge_is_refused() {
    let wide = format!("time,x\n0,\"{}", "9".repeat(20 << 20));
    let cases: Vec<(Vec<u8>, &[&str], &str)> = vec![
        (b"".to_vec(), &[], "the file is empty"),
        (b"x,y\n1,2\n".to_vec(), &[], "no column is the time"),
        (b"0.1,2\n0.2,3\n".to_vec(), &[], "the first row names the columns"),
        (b"t,time,stamp\n1,2,3\n".to_vec(), &[], "could both be the time"),
        (b"time,x\n1,2\n".to_vec(), &["--time", "tine"], "did you mean `time`?"),
        (b"time [ms],x\n1,2\n".to_vec(), &["--time-unit", "s"], "another unit than --time-unit"),
        (b"time,\xff\xfe\n1,2\n".to_vec(), &[], "the heading of column 2 is not UTF-8"),
        (b"\xff\xfet\0i\0m\0e\0".to_vec(), &[], "this is UTF-16"),
        (b"\x00\x01\x02".to_vec(), &[], "this is no text"),
        (wide.into_bytes(), &[], "a row is longer than 16 MiB"),
        (b"\x89MCAP0\r\n".to_vec(), &[], "unknown signal `x`"),
    ];
    for (bytes, arguments, words) in cases {
        let all: Vec<&str> = ["--rule", "x < 8"].iter().chain(arguments).copied().collect();
        let ended = judge(&bytes, &all).with(64);
        ended.says(words);
        assert!(ended.stdout.is_empty() && ended.stderr.len() < 4000, "{ended:?}");
    }
    let folder = TempDir::new().expect("a temporary folder can be made");
    program(folder.path(), &["judge", "nowhere.csv", "--rule", "x < 1"], b"").with(64).says("there is no such file");
    program(folder.path(), &["judge", ".", "--rule", "x < 1"], b"").with(64).says("holds no recording.mcap");
    // A stream that never ends is not kept first.
    program(folder.path(), &["judge", "/dev/zero", "--rule", "x < 1"], b"").with(64).says("byte 0 is zero");
    program(folder.path(), &["judge", "-", "--rule", "x < 1"], b"time,x\n0,\0").with(64).says("byte 9 is zero");
}

#[cfg(not(feature = "parquet"))]
#[test]
fn a_parquet_file_is_told_which_build_reads_it() {
    judge(b"PAR1\0\0\0\0PAR1", &["--rule", "x < 8"]).with(64).says("--features parquet");
}

#[test]
fn no_rows_and_no_stamps_are_inconclusive() {
    judge("time,x\n", &["--rule", "x < 8"]).with(2).says("there is no row within the scope");
    judge("time,x\nabc,1\n", &["--rule", "x < 8"]).with(2).says("`abc` in column `time` is no time");
    judge("time,x\n0,1\n", &["--rule", "x < 8", "--from", "5 s"]).with(2).says("there is no row within the scope");
    judge("time,x,y\n0,1,\n", &["--rule", "x < 8 or y < 8", "--from", "heard"]).with(2);
    // Time may lie before zero, on the command line too.
    let early = "time,x\n-100,5\n-60,9\n-10,5\n";
    judge(early, &["--rule", "x < 8", "--from", "-50s"]).with(1).says("(-50 s to -10 s");
    judge("time,x,y\n0,1,\n1,1,1\n", &["--rule", "x < 8 and y < 8"]).with(2).says("y was first heard at 1 s");
    judge("time,x,y\n0,1,\n1,1,1\n", &["--rule", "x < 8 and y < 8", "--from", "heard"]).with(0).says("(1 s to 1 s");
}

#[test]
fn monstrous_formulas_get_a_diagnostic() {
    // An argument has at most 128 KiB, so that the longest stands in a file.
    let folder = TempDir::new().expect("a temporary folder can be made");
    std::fs::write(folder.path().join("trace.csv"), "time,x\n0,1\n").expect("it can be written");
    let long = format!("x > {}1", "1 + ".repeat(250_000));
    let rules = format!("envelope: long\nrules:\n  long:\n    always: {long}\n");
    std::fs::write(folder.path().join("long.yaml"), rules).expect("it can be written");
    let ended = program(folder.path(), &["judge", "trace.csv", "--rules", "long.yaml"], b"").with(64);
    assert!(ended.stderr.contains("bytes") && ended.stderr.len() < 4000, "{}", ended.stderr);
    let deep = format!("{}x > 1{}", "(".repeat(10_000), ")".repeat(10_000));
    let ended = program(folder.path(), &["judge", "trace.csv", "--rule", &deep], b"").with(64);
    assert!(ended.stderr.contains("deep") && ended.stderr.len() < 4000, "{}", ended.stderr);
    let nots = format!("{} x > 1", "not ".repeat(10_000));
    program(folder.path(), &["judge", "trace.csv", "--rule", &nots], b"").with(64);
}

/// Each of them fits, all of them don't: refused before any of it is taken.
#[test]
fn rules_that_need_too_much_memory_together_are_refused() {
    let rules: Vec<String> = (0..6)
        .map(|rule| {
            let parts: Vec<String> = (0..6).map(|i| format!("once[0, {} s] x > {rule}", 30_000 + i)).collect();
            parts.join(" and ")
        })
        .collect();
    let said: Vec<&str> = rules.iter().flat_map(|rule| ["--rule", rule.as_str()]).collect();
    judge("time,x\n0,1\n1,1\n", &said[..2]).with(0);
    judge("time,x\n0,1\n1,1\n", &said).with(64).says("all these rules would take").says("shorten the windows");
}

#[test]
fn standard_input_is_read_twice_all_the_same() {
    let ended = program(&root(), &["judge", "-", "--rule", "x < 2"], b"time,x\n0,1\n1,3\n").with(1);
    ended.says("FAIL  <stdin> (0 s to 1 s, 2 rows)");
}

#[test]
fn a_table_with_the_names_of_a_rig_fits_its_envelope() {
    let rig = ["--rig", "rigs/drone-bench/rig.yaml", "--rules", "rigs/drone-bench/envelope.yaml", "--json"];
    let folder = TempDir::new().expect("a temporary folder can be made");
    let trace = folder.path().join("flight.csv");
    let mut csv = String::from("time,fc.altitude [cm],fc.x [m],fc.y [m],fc.mode,fc.roll [deg],fc.pitch [deg]\n");
    for i in 0..200 {
        csv.push_str(&format!("{}.{:02},{},0,0,GUIDED,1,2\n", i / 50, i % 50 * 2, 700 + i));
    }
    std::fs::write(&trace, csv).expect("it can be written");
    let path = trace.to_str().expect("a temporary path is UTF-8");
    let all: Vec<&str> = ["judge", path].iter().chain(&rig).copied().collect();
    let told = program(&root(), &all, b"").with(1).json();
    let rules: BTreeMap<&str, &Value> =
        told["rules"].as_array().expect("rules").iter().map(|r| (r["rule"].as_str().expect("named"), r)).collect();
    assert_eq!(rules["ceiling"]["verdict"], "fail");
    assert!((rules["ceiling"]["margin"]["hi"].as_f64().expect("a number") + 0.99).abs() < 1e-9, "{told}");
    assert_eq!(rules["geofence"]["verdict"], "pass", "{told}");
    // The table holds no battery: unknown, never guessed.
    assert!(told["missing"].as_array().expect("a list").contains(&Value::from("fc.battery")), "{told}");
    assert_eq!(rules["low-battery"]["verdict"], "untested", "whether it was armed is unknown, too");
    assert_eq!(rules["speed"]["verdict"], "inconclusive");
}
