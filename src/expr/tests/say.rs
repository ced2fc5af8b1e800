//! Formulas in plain English, beside the formula.

use super::Bench;
use crate::expr::ir::Formula;
use crate::expr::{MarginKind, rule_in_english};

fn said(bench: &Bench, text: &str) -> String {
    let body = |text: &str| bench.right(text).formula;
    let (when, rest) = match text.split_once("; ") {
        Some((when, rest)) => (Some(body(when)), rest),
        None => (None, text),
    };
    let margin = match bench.right(rest.trim_start_matches("never: ")).margin {
        MarginKind::Unit(unit) => Some(unit),
        _ => None,
    };
    let body = match rest.strip_prefix("never: ") {
        Some(rest) => Formula::Not(Box::new(body(rest))),
        None => body(rest),
    };
    rule_in_english(&body, when.as_ref(), margin.as_ref(), &bench.signals).join("\n")
}

/// Formulas, each with its trigger before a `; ` if it has one.
const RULES: &[&str] = &[
    "fc.altitude <= 8 m",
    "8 m >= fc.altitude",
    "abs(fc.x) <= 6 m and abs(fc.y) <= 6 m",
    "norm(fc.vx, fc.vy) <= 5 m/s",
    "never: historically[0, 300 ms] tilt > 60 deg",
    "fc.mode == GUIDED; age(pilot.command) > 1 s implies eventually[0, 500 ms] fc.mode != GUIDED",
    "fc.armed; fc.battery <= 15 % implies eventually[0, 6 s] fc.mode in {RTL, LAND}",
    "not fc.mode in {RTL, LAND}",
    "fc.x in -5 m .. 5 m",
    "not fc.x in -5 m .. 5 m",
    "changed(fc.mode) implies once[0, 1 s] changed(pilot.command)",
    "rise(fc.armed) implies once[0, 5 s] fc.mode == STABILIZE",
    "fall(fc.mode == GUIDED) implies not rise(fc.x > 1 m)",
    "fc.armed since[0, 1 s] changed(fc.mode)",
    "fc.armed since changed(fc.mode)",
    "(fc.armed and fc.x > 1 m) since[1 s, 2 s] changed(fc.mode)",
    "fc.altitude < 1 m until[0, 10 s] fc.mode == GUIDED",
    "fc.altitude < 1 m until fc.mode == GUIDED",
    "fc.altitude < 1 m unless[0, 10 s] fc.mode == GUIDED",
    "fc.altitude < 1 m unless fc.mode == GUIDED",
    "not (fc.altitude < 1 m until[0, 10 s] fc.mode == GUIDED)",
    "fc.armed and (fc.mode == LAND or fc.altitude < 0.3 m)",
    "fc.armed or (fc.mode == LAND and fc.altitude < 0.3 m) or fc.x > 1 m",
    "fc.altitude > 0.5 m iff fc.armed",
    "not (fc.altitude > 0.5 m iff fc.armed)",
    "always[1 s, 2 s] eventually[0, 5 s] fc.armed",
    "eventually fc.mode == LAND",
    "always fc.mode == LAND",
    "once fc.armed",
    "historically (fc.armed or fc.x > 1 m)",
    "not once[0, 2 s] (fc.armed or fc.x > 1 m)",
    "abs(room.temperature - 21 degC) <= 2 K",
    "abs(fc.altitude - $target) <= 1 m",
    "rate(fc.altitude) in -2 m/s .. 2 m/s",
    "delta[1 s](fc.altitude) <= 2.5 m",
    "mean[10 s](fc.current) <= 20 A",
    "age(fc.altitude) <= 60 ms",
    "fraction[10 s](fc.mode == GUIDED) >= 90 %",
    "outside([(-8 m, -8 m), (8 m, -8 m), (8 m, 8 m), (-8 m, 8 m)], fc.x, fc.y) <= 0 m",
    "outside([(-8 m, -8 m), (8 m, -8 m), (8 m, 8 m), (-8 m, 8 m)], fc.x, fc.y) <= -1 m",
    "fc.altitude >= table(fc.vx: 0 m/s -> 2 m, 10 m/s -> 6 m)",
    "clamp(fc.current, 0 A, 30 A) * 12 V <= 300 W",
    "atan2(fc.vy, fc.vx) <= 90 deg",
    "fc.armed implies (fc.x > 1 m implies fc.y > 1 m)",
    "not (fc.armed implies fc.x > 1 m)",
    "max(fc.x, fc.y, fc.altitude) <= 3 m",
    "fc.x + 2 * fc.y <= 3 m",
    "phase == wind-gust implies fc.altitude >= 3 m",
    "fc.armed and room.occupied; fc.x < 1 m",
    "fc.armed and (room.occupied or fc.x > 2 m); fc.x < 1 m and fc.y < 1 m",
    "fc.armed; never: once[0, 1 s] (fc.x < 1 m and fc.y < 1 m)",
    "fc.altitude < 1 m backto[0, 10 s] fc.mode == GUIDED",
    "fc.altitude < 1 m backto changed(fc.mode)",
    "historically[0, 1 s] once[0, 2 s] fc.armed",
    "fc.altitude <= 8 m and fc.battery >= 20 % and clamp(fc.current, 0 A, 9 A) * 2 <= 5 A",
    "changed(pilot.command) implies always[0, 1 s] (fc.armed and (fc.x > 1 m or fc.y > 1 m))",
    "fraction[10 s](fc.mode == GUIDED and fc.armed) >= 90 %",
    "historically[1 s, 2 s] fc.armed and once[3 s, 3 s] fc.x > 1 m",
];

#[test]
fn rules_are_told_in_english() {
    let bench = Bench::new();
    let told: Vec<String> =
        RULES.iter().map(|text| format!("{text}\n    {}\n", said(&bench, text).replace('\n', "\n    "))).collect();
    insta::assert_snapshot!(told.join("\n"));
}
