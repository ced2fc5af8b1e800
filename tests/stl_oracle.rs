//! The engine against the naive evaluator: random formulas over random traces with gaps, stale signals, NaN, infinities,
//! unknown values, losses, bursts, late samples and several samples at one stamp.
//!
//! `CHECKREIN_ORACLE=100 cargo test --test stl_oracle` tries a hundred times as many cases. A failing one is made small
//! and printed with its seed; `CHECKREIN_ORACLE_SEED=<seed>` and the name of the test run it alone.

#[path = "stl_oracle/awaited.rs"]
mod awaited;
#[path = "stl_oracle/cut.rs"]
mod cut;
#[path = "stl_oracle/feed.rs"]
mod feed;
#[path = "stl_oracle/geometry.rs"]
mod geometry;
#[path = "stl_oracle/merged.rs"]
mod merged;
#[path = "stl_oracle/naive.rs"]
mod naive;
#[path = "stl_oracle/random.rs"]
mod random;
#[path = "stl_oracle/rtamt.rs"]
mod rtamt;
#[path = "stl_oracle/running.rs"]
mod running;
#[path = "stl_oracle/shape.rs"]
mod shape;
#[path = "stl_oracle/sharing.rs"]
mod sharing;
#[path = "stl_oracle/shrink.rs"]
mod shrink;
#[path = "stl_oracle/values.rs"]
mod values;

/// The seed that alone is asked for.
fn wanted() -> Option<u64> {
    let seed = std::env::var("CHECKREIN_ORACLE_SEED").ok()?;
    Some(seed.parse().expect("CHECKREIN_ORACLE_SEED is a number"))
}

/// The seeds to try.
fn seeds(first: u64, count: u64) -> std::ops::Range<u64> {
    if let Some(seed) = wanted() {
        return seed..seed + 1;
    }
    let factor = std::env::var("CHECKREIN_ORACLE").map_or(1, |n| n.parse().expect("CHECKREIN_ORACLE is a number"));
    first..first + count * factor
}

/// A test that met too few of what it is about says little.
fn enough(met: u32, wanted_at_least: u32, what: &str) {
    assert!(met >= wanted_at_least || wanted().is_some(), "met only {met} {what}: the test says little");
}

/// The file of cases is not part of this package; it lies beside it where it is used.
#[test]
fn values_of_rtamts_own_cases() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = root.ancestors().map(|dir| dir.join("shared/data/stl/rtamt_cases.json")).find(|f| f.exists());
    let Some(file) = file else {
        eprintln!("skipped: no shared/data/stl/rtamt_cases.json above {}", root.display());
        return;
    };
    let text = std::fs::read_to_string(file).expect("the cases can be read");
    let cases: Vec<serde_json::Value> = serde_json::from_str(&text).expect("a list of cases");
    let mut skipped: std::collections::BTreeMap<rtamt::Skip, Vec<String>> = std::collections::BTreeMap::new();
    let (mut run, mut values) = (0, 0);
    for case in &cases {
        match rtamt::case(case) {
            Ok(compared) => {
                assert!(compared > 0, "{}: nothing was compared", case["id"]);
                run += 1;
                values += compared;
            }
            Err(why) => skipped.entry(why).or_default().push(case["id"].to_string()),
        }
    }
    eprintln!("{run} cases, {values} values equal; not shared: {skipped:?}");
    assert_eq!((cases.len(), run), (80, 31));
}
