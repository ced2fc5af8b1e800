//! Headings of columns: the name as it stands there, the name that a formula reads, the unit.

use crate::expr::is_taken;
use crate::signal::SignalKind;
use crate::units::Unit;
use std::collections::BTreeMap;

/// A column as its file heads it.
#[derive(Clone, PartialEq, Debug)]
pub struct Heading {
    /// As in the file: `Battery Voltage [V]`.
    pub shown: String,
    /// As a formula reads it: `Battery_Voltage`.
    pub name: String,
    /// What stands in brackets, when it is a unit.
    pub unit: Option<Unit>,
    /// What stands in brackets, when it is none.
    pub no_unit: Option<String>,
    /// What it is, when the file says it.
    pub kind: Option<SignalKind>,
}

/// A name that a formula can read, made from any text: `/` becomes a dot, whatever else cannot stand in a name becomes `_`, a
/// part that begins with a digit gets a `_` before it, and a word of the formula language one behind it.
pub fn formula_name(text: &str) -> String {
    let mut parts = Vec::new();
    for part in text.split(['.', '/']) {
        let mut name = String::new();
        for c in part.trim().chars() {
            if c.is_alphanumeric() || c == '_' {
                name.push(c);
            } else if !name.ends_with('_') {
                name.push('_');
            }
        }
        let trimmed = if name.chars().all(|c| c == '_') { name.as_str() } else { name.trim_end_matches('_') };
        if !trimmed.is_empty() {
            let digit = trimmed.starts_with(|c: char| c.is_numeric());
            parts.push(if digit { format!("_{trimmed}") } else { trimmed.to_owned() });
        }
    }
    let mut name = parts.join(".");
    if name.is_empty() {
        name.push_str("column");
    }
    if is_taken(&name) {
        name.push('_');
    }
    name
}

/// The headings of all columns: names are different, a second one of the same name gets `_2` behind it.
#[derive(Default)]
pub(crate) struct Headings {
    taken: BTreeMap<String, u32>,
}

impl Headings {
    /// Reads `altitude [m]`, `altitude (m)` or `altitude`.
    pub fn read(&mut self, text: &str) -> Heading {
        let shown = text.trim();
        let (word, unit, no_unit) = match split_unit(shown) {
            Some((word, inside)) => match unit_of(inside) {
                Some(unit) => (word, Some(unit), None),
                // Round brackets often hold a remark, and then belong to the name.
                None if shown.ends_with(')') => (shown, None, None),
                None => (word, None, Some(inside.to_owned())),
            },
            None => (shown, None, None),
        };
        Heading { shown: shown.to_owned(), name: self.take(formula_name(word)), unit, no_unit, kind: None }
    }

    /// A column whose name is known already.
    pub fn take(&mut self, name: String) -> String {
        let count = self.taken.entry(name.clone()).or_insert(0);
        *count += 1;
        if *count == 1 {
            return name;
        }
        let second = format!("{name}_{count}");
        self.take(second)
    }
}

/// `altitude [m]` → `altitude`, `m`.
pub(crate) fn split_unit(text: &str) -> Option<(&str, &str)> {
    let (open, close) = if text.ends_with(']') { ('[', ']') } else { ('(', ')') };
    let inside = text.strip_suffix(close)?;
    let at = inside.rfind(open)?;
    let (word, inside) = (text[..at].trim(), inside[at + 1..].trim());
    (!word.is_empty()).then_some((word, inside))
}

/// The unit, as files write it: `°C` and `µs` are understood; `-` and `1` say that there is none.
pub(crate) fn unit_of(text: &str) -> Option<Unit> {
    if matches!(text, "" | "-" | "1" | "none") {
        return Some(Unit::one());
    }
    let plain = text.replace("°C", "degC").replace("°F", "degF").replace('°', "deg").replace(['µ', 'μ'], "u");
    Unit::parse(&plain).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stl::is_signal_name;

    #[test]
    fn every_heading_becomes_a_name() {
        for (text, name) in [
            ("fc.altitude", "fc.altitude"),
            ("Battery Voltage", "Battery_Voltage"),
            ("/fc/pose/x", "fc.pose.x"),
            ("x-y", "x_y"),
            ("1st", "_1st"),
            ("a.1", "a._1"),
            ("in", "in_"),
            ("backto", "backto_"),
            ("true", "true_"),
            ("", "column"),
            ("höhe", "höhe"),
            ("a b  c!", "a_b_c"),
            ("%", "_"),
            ("a..b", "a.b"),
        ] {
            assert_eq!(formula_name(text), name, "{text}");
            assert!(is_signal_name(name), "{name}");
        }
    }

    #[test]
    fn brackets_hold_units() {
        let mut headings = Headings::default();
        let mut read = |text: &str| {
            let heading = headings.read(text);
            (heading.name, heading.unit.map(|u| u.text), heading.no_unit)
        };
        assert_eq!(read("altitude [m]"), ("altitude".into(), Some("m".into()), None));
        assert_eq!(read("speed(m/s)"), ("speed".into(), Some("m/s".into()), None));
        assert_eq!(read("temp [°C]"), ("temp".into(), Some("degC".into()), None));
        assert_eq!(read("x [furlong]"), ("x".into(), None, Some("furlong".into())));
        assert_eq!(read("x (left)"), ("x_left".into(), None, None));
        assert_eq!(read("n [-]"), ("n".into(), Some(String::new()), None));
        assert_eq!(read("altitude"), ("altitude_2".into(), None, None));
        assert_eq!(read("altitude"), ("altitude_3".into(), None, None));
        assert_eq!(read("[m]").0, "_m");
    }
}
