//! The words of the graph's nodes, with names in place of numbers and with units.
//!
//! The engine knows neither: it speaks of `signal 3` and of SI values.

use crate::signal::{SignalKind, SignalTable};
use crate::stl::Part;
use crate::units::{Dimension, Unit};
use std::collections::BTreeMap;
use std::ops::Range;

/// Digits that people read of a limit.
const DIGITS: usize = 6;

/// Where the words of a part name a signal by number, and which one: `signal 3`.
pub fn signal_numbers(what: &str) -> impl Iterator<Item = (Range<usize>, u32)> {
    const WORD: &str = "signal ";
    what.match_indices(WORD).filter_map(move |(at, _)| {
        let digits = what[at + WORD.len()..].bytes().take_while(u8::is_ascii_digit).count();
        let end = at + WORD.len() + digits;
        Some((at..end, what[at + WORD.len()..end].parse().ok()?))
    })
}

/// The units of all parts that have one; children stand before their parents.
pub fn units(parts: &[Part], signals: &SignalTable) -> BTreeMap<u32, Unit> {
    let mut units: BTreeMap<u32, Unit> = BTreeMap::new();
    for part in parts {
        let read = signal_numbers(&part.what).next().and_then(|(_, number)| signal_unit(number, signals));
        let first = || part.children.iter().find_map(|(child, _)| units.get(child)).cloned();
        let seconds = Dimension { time: 1, ..Dimension::NONE };
        let unit = match part.what.split(' ').next().unwrap_or_default() {
            "signal" if signal_numbers(&part.what).next().is_some_and(|(range, _)| range.end == part.what.len()) => {
                read
            }
            "rate" => read.and_then(|unit| unit.dimension.over(seconds)).map(Dimension::si_unit),
            "age" => Unit::parse("s").ok(),
            "distance" => Unit::parse("m").ok(),
            "angle" => Unit::parse("rad").ok(),
            "minus" | "sum" | "size" | "smallest" | "largest" | "clamped" | "norm" => first(),
            "difference" => first().map(|unit| unit.difference()),
            "mean" | "as" => first(),
            _ => None,
        };
        if let Some(unit) = unit {
            units.insert(part.id, unit);
        }
    }
    // A constant is told in the unit of what it meets.
    for part in parts.iter().filter(|part| part.children.len() > 1 && !is_product(part)) {
        let known = part.children.iter().find_map(|(child, _)| units.get(child)).cloned();
        for (child, _) in &part.children {
            if let Some(unit) = &known
                && parts.iter().any(|other| other.id == *child && other.what.parse::<f64>().is_ok())
            {
                units.entry(*child).or_insert_with(|| unit.clone());
            }
        }
    }
    units
}

fn is_product(part: &Part) -> bool {
    matches!(part.what.as_str(), "product" | "quotient")
}

fn signal_unit(number: u32, signals: &SignalTable) -> Option<Unit> {
    match &signals.iter().nth(number as usize)?.1.kind {
        SignalKind::Number { unit, .. } => Some(unit.clone()),
        _ => None,
    }
}

/// The words of a part with its signals and states by name, its limits in their units.
pub fn named(part: &Part, units: &BTreeMap<u32, Unit>, signals: &SignalTable) -> String {
    let what = part.what.as_str();
    if let (Ok(value), Some(unit)) = (what.parse::<f64>(), units.get(&part.id)) {
        return unit.show(value, DIGITS);
    }
    let mut out = String::new();
    let mut from = 0;
    for (range, number) in signal_numbers(what) {
        let Some((_, def)) = signals.iter().nth(number as usize) else { continue };
        out.push_str(&what[from..range.start]);
        out.push_str(&def.name);
        from = range.end;
        let rest = &what[from..];
        match &def.kind {
            SignalKind::States { names } => {
                if let Some(places) = rest.strip_prefix(" is in state [").and_then(|rest| rest.strip_suffix(']')) {
                    let states: Vec<&str> = places
                        .split(", ")
                        .filter_map(|place| names.get(place.parse::<usize>().ok()?))
                        .map(String::as_str)
                        .collect();
                    out.push_str(&format!(" is {}", states.join(" or ")));
                    from = what.len();
                }
            }
            SignalKind::Number { unit, .. } => {
                let limit = rest.strip_prefix(' ').and_then(|rest| rest.split_once(' '));
                if let Some((sign @ ("<" | "<=" | ">" | ">="), limit)) = limit
                    && let Ok(limit) = limit.parse()
                {
                    out.push_str(&format!(" {sign} {}", unit.show(limit, DIGITS)));
                    from = what.len();
                }
            }
            _ => {}
        }
    }
    out.push_str(&what[from..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::{Every, SignalDef};
    use crate::time::Span;

    fn table() -> SignalTable {
        let mut signals = SignalTable::new();
        let unit = |text: &str| SignalKind::Number { unit: Unit::parse(text).expect("of the table"), range: None };
        let names = ["HOLD", "RTL", "LAND"].map(str::to_owned).to_vec();
        for (name, kind) in [("fc.x", unit("m")), ("fc.roll", unit("deg")), ("fc.mode", SignalKind::States { names })] {
            let def = SignalDef { name: name.into(), device: None, kind, every: Every::Change, stale_after: None };
            signals.add(def).expect("each once");
        }
        signals
    }

    fn part(id: u32, what: &str, children: &[u32]) -> Part {
        let children = children.iter().map(|&child| (child, false)).collect();
        Part { id, what: what.into(), children, late: Span::ZERO, entries: 0, bytes: 0 }
    }

    #[test]
    fn numbers_become_names_and_limits_get_their_units() {
        let signals = table();
        let parts = [
            part(0, "signal 0", &[]),
            part(1, "0.5235987755982988", &[]),
            part(2, "signal 1", &[]),
            part(3, "size", &[2]),
            part(4, "at least", &[1, 3]),
            part(5, "signal 2 is in state [1, 2]", &[]),
            part(6, "signal 1 <= 1.5707963267948966", &[]),
            part(7, "rate of signal 0", &[]),
            part(8, "signal 9 changed", &[]),
            part(9, "product", &[0, 3]),
        ];
        let units = units(&parts, &signals);
        let told: Vec<String> = parts.iter().map(|part| named(part, &units, &signals)).collect();
        assert_eq!(
            told,
            [
                "fc.x",
                "30 deg",
                "fc.roll",
                "size",
                "at least",
                "fc.mode is RTL or LAND",
                "fc.roll <= 90 deg",
                "rate of fc.x",
                "signal 9 changed",
                "product",
            ]
        );
        let texts: Vec<Option<&str>> = parts.iter().map(|p| units.get(&p.id).map(|u| u.text.as_str())).collect();
        assert_eq!(texts[..5], [Some("m"), Some("deg"), Some("deg"), Some("deg"), None]);
        assert_eq!((texts[7], texts[9]), (Some("m/s"), None));
    }
}
