//! Random formulas that make sense: printed and read again they are the same; broken a little they are answered.

use super::Bench;
use super::random::answered;
use crate::expr::{Checked, MarginKind, formula, known_in_english, rule_in_english, words};
use proptest::prelude::*;

fn meters() -> impl Strategy<Value = String> {
    (-40..40i32).prop_map(|quarters| format!("{} m", f64::from(quarters) / 4.0))
}

fn length() -> BoxedStrategy<String> {
    // What is made of constants alone is worked out when it is checked, and printed with the digits people read.
    let leaf = prop::sample::select(vec!["fc.x", "fc.y", "fc.altitude", "height"]).prop_map(str::to_owned);
    leaf.prop_recursive(3, 12, 3, |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            two.clone().prop_map(|(a, b)| format!("({a} + {b})")),
            two.clone().prop_map(|(a, b)| format!("({a} - {b})")),
            two.clone().prop_map(|(a, b)| format!("max({a}, {b})")),
            two.clone().prop_map(|(a, b)| format!("norm({a}, {b})")),
            (two, inner.clone()).prop_map(|((a, b), c)| format!("min({a}, {b}, {c})")),
            (inner.clone(), meters()).prop_map(|(a, m)| format!("({a} + {m})")),
            (inner.clone(), meters()).prop_map(|(a, m)| format!("({m} - {a})")),
            (inner.clone(), meters()).prop_map(|(a, m)| format!("max({a}, {m}, $target)")),
            inner.clone().prop_map(|a| format!("abs({a})")),
            inner.clone().prop_map(|a| format!("-({a})")),
            inner.clone().prop_map(|a| format!("(2 * {a})")),
            inner.clone().prop_map(|a| format!("({a} / 4)")),
            inner.clone().prop_map(|a| format!("clamp({a}, -3 m, 3.5 m)")),
            inner.prop_map(|a| format!("delta[1500 ms]({a})")),
        ]
    })
    .boxed()
}

fn window() -> impl Strategy<Value = String> {
    (0..3000u32, 0..3000u32).prop_map(|(a, b)| format!("[{} ms, {} ms]", a.min(b), a.max(b)))
}

fn comparison() -> BoxedStrategy<String> {
    let op = || prop::sample::select(vec!["<", "<=", ">", ">="]);
    let fixed = [
        "fc.armed",
        "room.occupied",
        "fc.mode == GUIDED",
        "fc.mode != RTL",
        "fc.mode in {RTL, LAND}",
        "phase == wind-gust",
        "changed(fc.mode)",
        "changed(pilot.command)",
        "fc.altitude >= table(fc.vx: 0 m/s -> 2 m, 10 m/s -> 6 m)",
        "room.temperature in 18 degC .. 26.5 degC",
        "abs(room.temperature - room.outdoor) <= 12 K",
        "delta[1 min](room.temperature) <= 1 K",
        "fc.roll <= 30 deg",
        "rate(fc.altitude) in -2 m/s .. 2 m/s",
        "norm(fc.vx, fc.vy) <= 3 m/s",
        "fc.battery < 30 %",
        "fc.satellites >= 6",
        "outside([(0 m, 0 m), (10 m, 0 m), (10 m, 5 m)], fc.x, fc.y) <= 0.5 m",
    ];
    prop_oneof![
        2 => (length(), op(), length()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        2 => (length(), op(), meters()).prop_map(|(a, op, m)| format!("{a} {op} {m}")),
        1 => (length(), meters()).prop_map(|(a, m)| format!("{a} in -15 m .. {m} + 10 m")),
        3 => prop::sample::select(fixed.to_vec()).prop_map(str::to_owned),
        1 => (op(), 1..5000u32).prop_map(|(op, ms)| format!("age(fc.x) {op} {ms} ms")),
        1 => (length(), op(), meters()).prop_map(|(a, op, m)| format!("mean[2 s]({a}) {op} {m}")),
    ]
    .boxed()
}

/// A formula that may be wrong in one way only: a comparison that cannot be weighed against the others.
pub fn typed() -> BoxedStrategy<String> {
    comparison()
        .prop_recursive(4, 24, 3, |inner| {
            let two = (inner.clone(), inner.clone());
            let temporal = prop::sample::select(vec!["always", "eventually", "historically", "once"]);
            let joint = prop::sample::select(vec!["until", "unless", "since", "backto"]);
            prop_oneof![
                inner.clone().prop_map(|a| format!("not ({a})")),
                prop::collection::vec(inner.clone(), 2..4).prop_map(|all| format!("({})", all.join(") and ("))),
                prop::collection::vec(inner.clone(), 2..4).prop_map(|all| format!("({})", all.join(") or ("))),
                two.clone().prop_map(|(a, b)| format!("({a}) implies ({b})")),
                two.clone().prop_map(|(a, b)| format!("({a}) iff ({b})")),
                inner.clone().prop_map(|a| format!("rise({a})")),
                inner.clone().prop_map(|a| format!("fall({a})")),
                (temporal, window(), inner.clone()).prop_map(|(op, w, a)| format!("{op}{w} ({a})")),
                (two, joint, window()).prop_map(|((a, b), op, w)| format!("({a}) {op}{w} ({b})")),
                inner.clone().prop_map(|a| format!("historically ({a})")),
                inner.prop_map(|a| format!("once ({a})")),
            ]
        })
        .boxed()
}

/// The formula, unless it mixes dimensions of which one cannot be weighed.
fn checked(bench: &Bench, text: &str) -> Option<Checked> {
    match formula(text, &bench.scenario()) {
        Ok(checked) => Some(checked),
        Err(problems) => {
            let weighed = |message: &str| message.contains("cannot be weighed against the others");
            assert!(problems.iter().all(|p| weighed(&p.message)), "{text}: {problems:#?}");
            None
        }
    }
}

proptest! {
    #[test]
    fn what_is_printed_is_read_again_as_the_same(text in typed()) {
        let bench = Bench::new();
        if let Some(first) = checked(&bench, &text) {
            let printed = words(&first.formula, &bench.signals);
            let second = formula(&printed, &bench.scenario());
            let second = second.unwrap_or_else(|problems| panic!("{text}\n{printed}\n{problems:#?}"));
            prop_assert_eq!(&second.formula, &first.formula, "{}\n{}", text, printed);
            prop_assert_eq!((second.horizon, second.history), (first.horizon, first.history), "{}", text);
            prop_assert_eq!(second.margin == MarginKind::Share, first.margin == MarginKind::Share, "{}", text);
        }
    }

    #[test]
    fn every_formula_can_be_said_in_english(text in typed(), when in comparison()) {
        let bench = Bench::new();
        let when = checked(&bench, &when).map(|when| when.formula);
        if let Some(checked) = checked(&bench, &text) {
            let margin = match &checked.margin {
                MarginKind::Unit(unit) => Some(unit),
                _ => None,
            };
            let lines = rule_in_english(&checked.formula, when.as_ref(), margin, &bench.signals);
            prop_assert!(lines.iter().all(|line| !line.trim().is_empty()), "{}\n{:#?}", text, lines);
            prop_assert!(lines[0].starts_with(char::is_uppercase), "{}\n{:#?}", text, lines);
            prop_assert!(lines.last().is_some_and(|line| line.ends_with('.')), "{}\n{:#?}", text, lines);
            // Every signal that it reads is named.
            let whole = lines.join("\n");
            for id in &checked.signals {
                let name = &bench.signals.def(*id).name;
                prop_assert!(whole.contains(name.as_str()), "`{}` is not named:\n{}\n{}", name, text, whole);
            }
            prop_assert!(!known_in_english(&checked.formula, &bench.signals).is_empty());
        }
    }

    /// A right formula with one or two slips: a character gone, doubled or exchanged, two words swapped, a word more.
    #[test]
    fn a_slip_is_answered(text in typed(), slips in prop::collection::vec((0..5u8, any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..3)) {
        let mut text = text;
        for (kind, at, other) in slips {
            let mut chars: Vec<char> = text.chars().collect();
            if chars.is_empty() {
                break;
            }
            let (i, j) = (at.index(chars.len()), other.index(chars.len()));
            match kind {
                0 => drop(chars.remove(i)),
                1 => chars.insert(i, chars[i]),
                2 => chars[i] = ['(', ')', '[', ']', '{', '}', ',', '.', ' ', '-', '=', '<', '$', '9', 'µ', '\n'][j % 16],
                3 => {
                    let mut all: Vec<&str> = text.split(' ').collect();
                    let count = all.len();
                    all.swap(i % count, j % count);
                    chars = all.join(" ").chars().collect();
                }
                _ => chars.splice(i..i, " until ".chars()).for_each(drop),
            }
            text = chars.into_iter().collect();
        }
        answered(&text);
    }
}
