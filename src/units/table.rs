//! The closed table of unit names, so that `kt` is never a kilotonne and `min` never a milli-inch.
//!
//! Values: the SI Brochure (BIPM, 9th edition 2019) with its tables of accepted non-SI units; knot and nautical
//! mile by the same (1852 m); foot and mile by the international yard (0.9144 m); standard gravity 9.80665 m/s².

use super::Dimension;

/// A named unit: what it measures and the way to SI.
#[derive(Copy, Clone, PartialEq, Debug)]
pub(super) struct Named {
    pub dimension: Dimension,
    pub scale: f64,
    pub offset: f64,
}

/// name, prefixes allowed before it, dimension, one of it in SI.
type Row = (&'static str, &'static [&'static str], Dimension, f64);

const NONE: Dimension = dim([0; 9]);

/// length, mass, time, current, temperature, amount, luminosity, angle, information
const fn dim(e: [i8; 9]) -> Dimension {
    Dimension {
        length: e[0],
        mass: e[1],
        time: e[2],
        current: e[3],
        temperature: e[4],
        amount: e[5],
        luminosity: e[6],
        angle: e[7],
        information: e[8],
    }
}

const LENGTH: Dimension = dim([1, 0, 0, 0, 0, 0, 0, 0, 0]);
const MASS: Dimension = dim([0, 1, 0, 0, 0, 0, 0, 0, 0]);
const TIME: Dimension = dim([0, 0, 1, 0, 0, 0, 0, 0, 0]);
const TEMPERATURE: Dimension = dim([0, 0, 0, 0, 1, 0, 0, 0, 0]);
const ANGLE: Dimension = dim([0, 0, 0, 0, 0, 0, 0, 1, 0]);
const INFORMATION: Dimension = dim([0, 0, 0, 0, 0, 0, 0, 0, 1]);
const ENERGY: Dimension = dim([2, 1, -2, 0, 0, 0, 0, 0, 0]);
const POWER: Dimension = dim([2, 1, -3, 0, 0, 0, 0, 0, 0]);
const PRESSURE: Dimension = dim([-1, 1, -2, 0, 0, 0, 0, 0, 0]);
const CHARGE: Dimension = dim([0, 0, 1, 1, 0, 0, 0, 0, 0]);
const SPEED: Dimension = dim([1, 0, -1, 0, 0, 0, 0, 0, 0]);
const RESISTANCE: Dimension = dim([2, 1, -3, -2, 0, 0, 0, 0, 0]);
const FLUX_DENSITY: Dimension = dim([0, 1, -2, -1, 0, 0, 0, 0, 0]);

const PI: f64 = std::f64::consts::PI;

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("m", &["n", "u", "µ", "m", "c", "d", "k"], LENGTH, 1.0),
    ("ft", &[], LENGTH, 0.3048),
    ("nmi", &[], LENGTH, 1852.0),
    ("g", &["m", "u", "µ", "k"], MASS, 1e-3),
    ("t", &[], MASS, 1e3),
    ("s", &["n", "u", "µ", "m"], TIME, 1.0),
    ("min", &[], TIME, 60.0),
    ("h", &[], TIME, 3600.0),
    ("d", &[], TIME, 86_400.0),
    ("A", &["n", "u", "µ", "m", "k"], dim([0, 0, 0, 1, 0, 0, 0, 0, 0]), 1.0),
    ("Ah", &["m", "k"], CHARGE, 3600.0),
    ("C", &["n", "u", "µ", "m"], CHARGE, 1.0),
    ("K", &["m"], TEMPERATURE, 1.0),
    ("V", &["n", "u", "µ", "m", "k", "M"], dim([2, 1, -3, -1, 0, 0, 0, 0, 0]), 1.0),
    ("W", &["u", "µ", "m", "k", "M", "G"], POWER, 1.0),
    ("VA", &["k", "M"], POWER, 1.0),
    ("Wh", &["m", "k", "M", "G"], ENERGY, 3600.0),
    ("J", &["u", "µ", "m", "k", "M", "G"], ENERGY, 1.0),
    ("N", &["u", "µ", "m", "k", "M"], dim([1, 1, -2, 0, 0, 0, 0, 0, 0]), 1.0),
    ("Nm", &["m", "k"], ENERGY, 1.0),
    ("Pa", &["m", "h", "k", "M"], PRESSURE, 1.0),
    ("bar", &["m"], PRESSURE, 1e5),
    ("Hz", &["m", "k", "M", "G"], dim([0, 0, -1, 0, 0, 0, 0, 0, 0]), 1.0),
    ("kn", &[], SPEED, 1852.0 / 3600.0),
    ("mph", &[], SPEED, 0.44704),
    ("gn", &[], dim([1, 0, -2, 0, 0, 0, 0, 0, 0]), 9.80665),
    ("rad", &["u", "µ", "m"], ANGLE, 1.0),
    ("deg", &["m"], ANGLE, PI / 180.0),
    ("°", &[], ANGLE, PI / 180.0),
    ("rev", &[], ANGLE, 2.0 * PI),
    ("rpm", &[], dim([0, 0, -1, 0, 0, 0, 0, 1, 0]), 2.0 * PI / 60.0),
    ("sr", &[], dim([0, 0, 0, 0, 0, 0, 0, 2, 0]), 1.0),
    ("%", &[], NONE, 1e-2),
    ("ppm", &[], NONE, 1e-6),
    ("ppb", &[], NONE, 1e-9),
    ("mol", &["m", "u", "µ"], dim([0, 0, 0, 0, 0, 1, 0, 0, 0]), 1.0),
    ("cd", &["m", "k"], dim([0, 0, 0, 0, 0, 0, 1, 0, 0]), 1.0),
    ("lm", &["k"], dim([0, 0, 0, 0, 0, 0, 1, 2, 0]), 1.0),
    ("lx", &["k"], dim([-2, 0, 0, 0, 0, 0, 1, 2, 0]), 1.0),
    ("F", &["p", "n", "u", "µ", "m"], dim([-2, -1, 4, 2, 0, 0, 0, 0, 0]), 1.0),
    ("Ohm", &["m", "k", "M"], RESISTANCE, 1.0),
    ("Ω", &["m", "k", "M"], RESISTANCE, 1.0),
    ("S", &["u", "µ", "m"], dim([-2, -1, 3, 2, 0, 0, 0, 0, 0]), 1.0),
    ("H", &["n", "u", "µ", "m"], dim([2, 1, -2, -2, 0, 0, 0, 0, 0]), 1.0),
    ("T", &["n", "u", "µ", "m"], FLUX_DENSITY, 1.0),
    ("gauss", &["m"], FLUX_DENSITY, 1e-4),
    ("bit", &["k", "M", "G", "Ki", "Mi", "Gi"], INFORMATION, 1.0),
    ("B", &["k", "M", "G", "Ki", "Mi", "Gi"], INFORMATION, 8.0),
    ("byte", &["k", "M", "G", "Ki", "Mi", "Gi"], INFORMATION, 8.0),
    ("l", &["m"], dim([3, 0, 0, 0, 0, 0, 0, 0, 0]), 1e-3),
    ("L", &["m"], dim([3, 0, 0, 0, 0, 0, 0, 0, 0]), 1e-3),
];

/// name, one degree in K, what 0 of it is in K.
const TEMPERATURES: &[(&str, f64, f64)] = &[
    ("degC", 1.0, 273.15),
    ("°C", 1.0, 273.15),
    // 459.67 °F above absolute zero at 5/9 K each.
    ("degF", 5.0 / 9.0, 459.67 * 5.0 / 9.0),
    ("°F", 5.0 / 9.0, 459.67 * 5.0 / 9.0),
];

/// A prefix as a fraction of whole numbers, so that `ms` of `3600 s` stays exact.
fn prefix(name: &str) -> Option<(f64, f64)> {
    Some(match name {
        "p" => (1.0, 1e12),
        "n" => (1.0, 1e9),
        "u" | "µ" => (1.0, 1e6),
        "m" => (1.0, 1e3),
        "c" => (1.0, 1e2),
        "d" => (1.0, 1e1),
        "h" => (1e2, 1.0),
        "k" => (1e3, 1.0),
        "M" => (1e6, 1.0),
        "G" => (1e9, 1.0),
        "Ki" => (1024.0, 1.0),
        "Mi" => (1_048_576.0, 1.0),
        "Gi" => (1_073_741_824.0, 1.0),
        _ => return None,
    })
}

/// The unit of that name.
pub(super) fn find(name: &str) -> Option<Named> {
    if let Some((_, scale, offset)) = TEMPERATURES.iter().find(|(n, ..)| *n == name) {
        return Some(Named { dimension: TEMPERATURE, scale: *scale, offset: *offset });
    }
    ROWS.iter().find_map(|(base, prefixes, dimension, scale)| {
        let before = name.strip_suffix(base)?;
        let (times, parts) = if before.is_empty() {
            (1.0, 1.0)
        } else if prefixes.contains(&before) {
            prefix(before)?
        } else {
            return None;
        };
        // A gram is a thousandth of the SI unit; writing it as a division keeps `kg` at exactly 1.
        let scale = if *base == "g" { times / parts / 1e3 } else { scale * times / parts };
        Some(Named { dimension: *dimension, scale, offset: 0.0 })
    })
}

/// Every name, for suggestions.
pub(super) fn names() -> Vec<String> {
    let prefixed = ROWS.iter().flat_map(|(base, prefixes, ..)| {
        std::iter::once(String::from(*base)).chain(prefixes.iter().map(move |p| format!("{p}{base}")))
    });
    prefixed.chain(TEMPERATURES.iter().map(|(name, ..)| String::from(*name))).collect()
}

/// What people write instead.
const HABITS: &[(&str, &str)] = &[
    ("sec", "s"),
    ("secs", "s"),
    ("second", "s"),
    ("seconds", "s"),
    ("msec", "ms"),
    ("usec", "us"),
    ("minute", "min"),
    ("minutes", "min"),
    ("hr", "h"),
    ("hrs", "h"),
    ("hour", "h"),
    ("hours", "h"),
    ("day", "d"),
    ("days", "d"),
    ("meter", "m"),
    ("meters", "m"),
    ("metre", "m"),
    ("metres", "m"),
    ("kph", "km/h"),
    ("kmh", "km/h"),
    ("mps", "m/s"),
    ("kt", "kn"),
    ("kts", "kn"),
    ("knot", "kn"),
    ("knots", "kn"),
    ("celsius", "degC"),
    ("fahrenheit", "degF"),
    ("kelvin", "K"),
    ("degrees", "deg"),
    ("degree", "deg"),
    ("radian", "rad"),
    ("radians", "rad"),
    ("volt", "V"),
    ("volts", "V"),
    ("amp", "A"),
    ("amps", "A"),
    ("watt", "W"),
    ("watts", "W"),
    ("newton", "N"),
    ("percent", "%"),
    ("pct", "%"),
    ("baud", "bit/s"),
    ("bps", "bit/s"),
    ("kbps", "kbit/s"),
    ("mbps", "Mbit/s"),
    ("litre", "l"),
    ("liter", "l"),
    ("litres", "l"),
    ("liters", "l"),
    ("feet", "ft"),
    ("foot", "ft"),
    ("turn", "rev"),
    ("turns", "rev"),
];

/// The unit that `wrong` probably stands for.
pub(super) fn suggestion(wrong: &str) -> Option<String> {
    let lower = wrong.to_lowercase();
    if let Some((_, right)) = HABITS.iter().find(|(habit, _)| *habit == lower) {
        return Some((*right).to_owned());
    }
    let names = names();
    crate::diag::nearest(wrong, names.iter().map(String::as_str)).map(str::to_owned)
}

/// Dimensions that have a word of their own.
#[rustfmt::skip]
const WORDS: &[([i8; 9], &str)] = &[
    ([0, 0, 0, 0, 0, 0, 0, 0, 0], "no unit"),
    ([1, 0, 0, 0, 0, 0, 0, 0, 0], "length"),
    ([2, 0, 0, 0, 0, 0, 0, 0, 0], "area"),
    ([3, 0, 0, 0, 0, 0, 0, 0, 0], "volume"),
    ([3, 0, -1, 0, 0, 0, 0, 0, 0], "flow"),
    ([0, 1, 0, 0, 0, 0, 0, 0, 0], "mass"),
    ([0, 1, -1, 0, 0, 0, 0, 0, 0], "mass flow"),
    ([-3, 1, 0, 0, 0, 0, 0, 0, 0], "density"),
    ([0, 0, 1, 0, 0, 0, 0, 0, 0], "time"),
    ([0, 0, -1, 0, 0, 0, 0, 0, 0], "frequency"),
    ([1, 0, -1, 0, 0, 0, 0, 0, 0], "speed"),
    ([1, 0, -2, 0, 0, 0, 0, 0, 0], "acceleration"),
    ([1, 0, -3, 0, 0, 0, 0, 0, 0], "jerk"),
    ([0, 0, 0, 1, 0, 0, 0, 0, 0], "current"),
    ([0, 0, 1, 1, 0, 0, 0, 0, 0], "charge"),
    ([2, 1, -3, -1, 0, 0, 0, 0, 0], "voltage"),
    ([2, 1, -3, -2, 0, 0, 0, 0, 0], "resistance"),
    ([-2, -1, 3, 2, 0, 0, 0, 0, 0], "conductance"),
    ([-2, -1, 4, 2, 0, 0, 0, 0, 0], "capacitance"),
    ([2, 1, -2, -2, 0, 0, 0, 0, 0], "inductance"),
    ([0, 1, -2, -1, 0, 0, 0, 0, 0], "magnetic flux density"),
    ([2, 1, -3, 0, 0, 0, 0, 0, 0], "power"),
    ([2, 1, -2, 0, 0, 0, 0, 0, 0], "energy or torque"),
    ([1, 1, -2, 0, 0, 0, 0, 0, 0], "force"),
    ([1, 1, -1, 0, 0, 0, 0, 0, 0], "momentum"),
    ([2, 1, 0, 0, 0, 0, 0, 0, 0], "moment of inertia"),
    ([-1, 1, -2, 0, 0, 0, 0, 0, 0], "pressure"),
    ([0, 0, 0, 0, 1, 0, 0, 0, 0], "temperature"),
    ([0, 0, -1, 0, 1, 0, 0, 0, 0], "temperature per time"),
    ([0, 0, 0, 0, 0, 1, 0, 0, 0], "amount of substance"),
    ([0, 0, 0, 0, 0, 0, 1, 0, 0], "luminous intensity"),
    ([0, 0, 0, 0, 0, 0, 1, 2, 0], "luminous flux"),
    ([-2, 0, 0, 0, 0, 0, 1, 2, 0], "illuminance"),
    ([0, 0, 0, 0, 0, 0, 0, 1, 0], "angle"),
    ([0, 0, 0, 0, 0, 0, 0, 2, 0], "solid angle"),
    ([0, 0, -1, 0, 0, 0, 0, 1, 0], "angle per time"),
    ([0, 0, -2, 0, 0, 0, 0, 1, 0], "angular acceleration"),
    ([0, 0, 0, 0, 0, 0, 0, 0, 1], "information"),
    ([0, 0, -1, 0, 0, 0, 0, 0, 1], "data rate"),
];

/// The word for a dimension, if it has one.
pub(super) fn word(dimension: Dimension) -> Option<&'static str> {
    WORDS.iter().find(|(exponents, _)| dim(*exponents) == dimension).map(|(_, word)| *word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_name_is_written_twice() {
        let names = names();
        let once: BTreeSet<_> = names.iter().collect();
        // A prefixed name that equals another unit (`m` + `in`) would make the meaning depend on the order of rows.
        assert_eq!(names.len(), once.len());
        for name in &names {
            assert!(find(name).is_some(), "{name}");
        }
    }

    #[test]
    fn habits_point_at_units_that_exist() {
        for (habit, right) in HABITS {
            assert!(crate::units::Unit::parse(right).is_ok(), "{habit} -> {right}");
            assert!(find(habit).is_none(), "{habit} is a unit itself");
        }
    }

    #[test]
    fn words_name_each_dimension_once() {
        let once: BTreeSet<_> = WORDS.iter().map(|(exponents, _)| exponents).collect();
        assert_eq!(once.len(), WORDS.len());
    }
}
