//! Units: `3.5 m/s` is read, checked for its dimension, held in SI and printed back the same.
//!
//! Invariant: nothing here knows of signals or files; a unit's name means the same everywhere.

mod number;
mod parse;
mod table;

pub(crate) use number::{exact, number_length, number_value};
pub(crate) use parse::{is_unit_char, unit_length};

use crate::time::Span;

/// Exponents of the base dimensions. Angle and information are dimensions of their own,
/// so that `deg/s` never passes for `Hz` and `bit/s` never for `1/s`.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Dimension {
    pub length: i8,
    pub mass: i8,
    pub time: i8,
    pub current: i8,
    pub temperature: i8,
    pub amount: i8,
    pub luminosity: i8,
    pub angle: i8,
    pub information: i8,
}

/// A unit as a person wrote it, with the way to SI: `si = number * scale + offset`.
#[derive(Clone, PartialEq, Debug)]
pub struct Unit {
    pub dimension: Dimension,
    /// One of this unit in SI.
    pub scale: f64,
    /// Added after scaling; not zero for absolute temperatures alone (`degC`: 273.15).
    pub offset: f64,
    /// As written: `m/s^2`, `%`, `degC`; empty for a plain number.
    pub text: String,
}

/// A number with its unit, as written and in SI.
#[derive(Clone, PartialEq, Debug)]
pub struct Quantity {
    /// The number as written, in `unit`.
    pub number: f64,
    pub unit: Unit,
}

/// What is wrong with a quantity or formula: bytes of the text that was handed in, and words for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    pub severity: crate::diag::Severity,
    pub span: std::ops::Range<usize>,
    pub message: String,
    pub remedy: Option<String>,
}

impl Unit {
    /// No unit: a plain number.
    pub fn one() -> Unit {
        Unit { dimension: Dimension::default(), scale: 1.0, offset: 0.0, text: String::new() }
    }
    /// The way to SI.
    pub fn to_si(&self, number: f64) -> f64 {
        // Dividing by a whole number keeps `35 mm` the same float as `0.035 m`; multiplying by 0.001 would not.
        let parts = self.parts();
        (if parts > 0.0 { number / parts } else { number * self.scale }) + self.offset
    }
    /// The way back.
    pub fn from_si(&self, si: f64) -> f64 {
        let parts = self.parts();
        let above = si - self.offset;
        if parts > 0.0 { above * parts } else { above / self.scale }
    }
    /// How many of this unit make one SI unit, when that is a whole number; else 0.
    fn parts(&self) -> f64 {
        let parts = 1.0 / self.scale;
        if self.scale < 1.0 && parts == parts.round() { parts } else { 0.0 }
    }
    /// The unit of a difference: `degC` → `K`; itself otherwise.
    pub fn difference(&self) -> Unit {
        if self.offset == 0.0 {
            return self.clone();
        }
        Unit { dimension: self.dimension, scale: 1.0, offset: 0.0, text: "K".into() }
    }
    /// True for `degC` and `degF`: a place on a scale, not an amount.
    pub fn is_absolute(&self) -> bool {
        self.offset != 0.0
    }
    /// Prints an SI value in this unit for people, with its unit and no more digits than `significant`: `0.4 m`.
    /// NaN is `unknown`.
    pub fn show(&self, si: f64, significant: usize) -> String {
        let number = number::rounded(self.from_si(si), significant);
        if self.text.is_empty() || si.is_nan() { number } else { format!("{number} {}", self.text) }
    }
}

impl Quantity {
    /// In SI.
    pub fn si(&self) -> f64 {
        self.unit.to_si(self.number)
    }
    /// As a length of time, when it is one: `500 ms` is exactly 500,000,000 ns. `None` also when it does not fit.
    pub fn span(&self) -> Option<Span> {
        const TIME: Dimension = Dimension { time: 1, ..Dimension::NONE };
        if self.unit.dimension != TIME {
            return None;
        }
        let nanos_each = (self.unit.scale * 1e9).round();
        // Whole numbers of whole nanoseconds stay integers; the rest is rounded to the nearest nanosecond.
        if self.number.fract() == 0.0 && self.number.abs() < 1e18 && (1.0..1e15).contains(&nanos_each) {
            let nanos = (self.number as i128) * (nanos_each as i128);
            return i64::try_from(nanos).ok().map(Span::from_nanos);
        }
        let nanos = (self.number * (self.unit.scale * 1e9)).round();
        (nanos.abs() < i64::MAX as f64).then_some(Span::from_nanos(nanos as i64))
    }
}

impl std::fmt::Display for Quantity {
    /// Prints what was read: `3.5 m/s`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&exact(self.number))?;
        if self.unit.text.is_empty() { Ok(()) } else { write!(f, " {}", self.unit.text) }
    }
}

impl Dimension {
    /// Of a plain number.
    pub const NONE: Dimension = Dimension {
        length: 0,
        mass: 0,
        time: 0,
        current: 0,
        temperature: 0,
        amount: 0,
        luminosity: 0,
        angle: 0,
        information: 0,
    };

    /// In words: `length`, `speed`, `time`, `temperature`, `angle per time`, `no unit`; what has no word of its own
    /// is named by its SI base units.
    pub fn words(self) -> String {
        table::word(self).map_or_else(|| self.si_unit().text, str::to_owned)
    }

    /// The SI unit of this dimension, from base units: `kg*m^2/s^3`.
    pub fn si_unit(self) -> Unit {
        let bases = [
            ("kg", self.mass),
            ("m", self.length),
            ("A", self.current),
            ("K", self.temperature),
            ("mol", self.amount),
            ("cd", self.luminosity),
            ("rad", self.angle),
            ("bit", self.information),
            ("s", self.time),
        ];
        let power = |(name, n): (&str, i8)| match n.unsigned_abs() {
            1 => name.to_owned(),
            n => format!("{name}^{n}"),
        };
        let above: Vec<String> = bases.iter().filter(|(_, n)| *n > 0).map(|b| power(*b)).collect();
        let below: Vec<String> = bases.iter().filter(|(_, n)| *n < 0).map(|b| power(*b)).collect();
        let top = if above.is_empty() && !below.is_empty() { "1".to_owned() } else { above.join("*") };
        let text = match below.len() {
            0 => top,
            1 => format!("{top}/{}", below[0]),
            _ => format!("{top}/({})", below.join("*")),
        };
        Unit { dimension: self, scale: 1.0, offset: 0.0, text }
    }
}

#[cfg(test)]
mod tests;
