//! Units: `3.5 m/s` is read, checked for its dimension, held in SI and printed back the same.

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
    /// Reads `m/s^2`, `km/h`, `%`, `degC`.
    pub fn parse(_text: &str) -> Result<Unit, Problem> {
        todo!()
    }
    /// The way to SI.
    pub fn to_si(&self, number: f64) -> f64 {
        number * self.scale + self.offset
    }
    /// The way back.
    pub fn from_si(&self, si: f64) -> f64 {
        (si - self.offset) / self.scale
    }
    /// The unit of a difference: `degC` → `K`; itself otherwise.
    pub fn difference(&self) -> Unit {
        todo!()
    }
    /// Prints an SI value in this unit for people, with its unit and no more digits than `significant`.
    pub fn show(&self, _si: f64, _significant: usize) -> String {
        todo!()
    }
}

impl Quantity {
    /// Reads `3.5 m/s`, `-45 deg`, `250 ms`, `20 %`.
    pub fn parse(_text: &str) -> Result<Quantity, Problem> {
        todo!()
    }
    /// Reads `0 m .. 8 m`: both ends of one dimension, lo <= hi.
    pub fn parse_range(_text: &str) -> Result<(Quantity, Quantity), Problem> {
        todo!()
    }
    /// In SI.
    pub fn si(&self) -> f64 {
        self.unit.to_si(self.number)
    }
    /// As a length of time, when it is one.
    pub fn span(&self) -> Option<crate::time::Span> {
        todo!()
    }
}

impl std::fmt::Display for Quantity {
    /// Prints what was read: `3.5 m/s`.
    fn fmt(&self, _f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        todo!()
    }
}

impl Dimension {
    /// In words: `length`, `speed`, `time`, `temperature`, `angle per time`, `no unit`.
    pub fn words(self) -> String {
        todo!()
    }
}
