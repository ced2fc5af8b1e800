//! The engine against the naive evaluator: random formulas over random traces with gaps, stale signals, NaN, infinities,
//! unknown values, losses, bursts, late samples and several samples at one stamp.
//!
//! `CHECKREIN_ORACLE=100 cargo test --test stl_oracle` tries a hundred times as many cases. A failing one is made small
//! and printed with its seed; `CHECKREIN_ORACLE_SEED=<seed>` and the name of the test run it alone.

#[path = "stl_oracle/bytes.rs"]
pub mod bytes;
#[path = "stl_oracle/cut.rs"]
mod cut;
#[path = "stl_oracle/feed.rs"]
mod feed;
#[path = "stl_oracle/geometry.rs"]
mod geometry;
#[path = "stl_oracle/late.rs"]
mod late;
#[path = "stl_oracle/merged.rs"]
mod merged;
#[path = "stl_oracle/naive.rs"]
mod naive;
#[path = "stl_oracle/random.rs"]
mod random;
#[cfg(test)]
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
