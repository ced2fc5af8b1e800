//! Text to units and quantities.

use super::number::{number_length, number_value};
use super::table;
use super::{Dimension, Problem, Quantity, Unit};
use crate::diag::Severity;
use std::ops::Range;

/// A unit longer than this is a mistake, not a unit.
const UNIT_LENGTH_MAX: usize = 100;

fn problem(span: Range<usize>, message: impl Into<String>, remedy: Option<String>) -> Problem {
    Problem { severity: Severity::Error, span, message: message.into(), remedy }
}

/// Where the trimmed text stands in the text.
fn trimmed(text: &str) -> Range<usize> {
    let start = text.len() - text.trim_start().len();
    start..start + text.trim().len()
}

/// True for characters that a unit's name is made of.
pub(crate) fn is_unit_char(c: char) -> bool {
    c.is_alphabetic() || matches!(c, '%' | '°' | '_')
}

/// How many bytes of `text`, which begins with a unit's name, belong to the unit: names joined by `*` and `/` without
/// a space between. A name followed by `.` or `(` is a signal or a function, so the operator before it is arithmetic.
pub(crate) fn unit_length(text: &str) -> usize {
    let mut end = power_length(text);
    loop {
        let rest = &text[end..];
        if !rest.starts_with(['*', '/', '·']) {
            return end;
        }
        let operator = rest.chars().next().map_or(0, char::len_utf8);
        let next = &rest[operator..];
        if next.starts_with('(') {
            let Some(close) = next.find(')') else { return end };
            let inside = &next[1..close];
            let unit_like =
                |c: char| is_unit_char(c) || c.is_ascii_digit() || matches!(c, '*' | '/' | '·' | '^' | '-' | '²' | '³');
            if inside.is_empty() || !inside.chars().all(unit_like) || !inside.starts_with(is_unit_char) {
                return end;
            }
            end += operator + close + 1;
            continue;
        }
        let length = power_length(next);
        let after = &next[length..];
        if length == 0 || after.starts_with('(') || (after.starts_with('.') && !after.starts_with("..")) {
            return end;
        }
        end += operator + length;
    }
}

/// The length of `name`, `name^2`, `name²`.
fn power_length(text: &str) -> usize {
    let name: usize = text.chars().take_while(|c| is_unit_char(*c)).map(char::len_utf8).sum();
    if name == 0 {
        return 0;
    }
    let rest = &text[name..];
    if let Some(exponent) = rest.strip_prefix('^') {
        let sign = usize::from(exponent.starts_with('-'));
        let digits = exponent[sign..].bytes().take_while(u8::is_ascii_digit).count();
        return name + 1 + sign + digits;
    }
    name + rest.chars().next().filter(|c| matches!(c, '²' | '³')).map_or(0, char::len_utf8)
}

struct Parts {
    dimension: [i32; 9],
    scale: f64,
    /// The unit is one absolute temperature and nothing else.
    offset: f64,
}

impl Unit {
    /// Reads `m/s^2`, `km/h`, `%`, `degC`. An empty text is no unit.
    pub fn parse(text: &str) -> Result<Unit, Problem> {
        let place = trimmed(text);
        let text = &text[place.clone()];
        if text.is_empty() {
            return Ok(Unit::one());
        }
        if text.len() > UNIT_LENGTH_MAX {
            return Err(problem(place, "this is too long for a unit", None));
        }
        let mut reader = Reader { text, at: 0, base: place.start };
        let parts = reader.product(0)?;
        if reader.at < text.len() {
            let rest = text[reader.at..].trim_start();
            return Err(problem(
                place.end - rest.len()..place.end,
                format!("`{rest}` does not belong to a unit"),
                Some("write units like `m/s^2`, `N*m`, `W/(m^2*K)`, without spaces".into()),
            ));
        }
        let dimension = narrow(parts.dimension)
            .filter(|_| parts.scale.is_finite() && parts.scale > 0.0)
            .ok_or_else(|| problem(place, "the powers in this unit are too high", None))?;
        Ok(Unit { dimension, scale: parts.scale, offset: parts.offset, text: text.to_owned() })
    }
}

fn widen(d: Dimension) -> [i32; 9] {
    [d.length, d.mass, d.time, d.current, d.temperature, d.amount, d.luminosity, d.angle, d.information].map(i32::from)
}

fn narrow(e: [i32; 9]) -> Option<Dimension> {
    let mut n = [0i8; 9];
    for (to, from) in n.iter_mut().zip(e) {
        *to = i8::try_from(from).ok()?;
    }
    Some(Dimension {
        length: n[0],
        mass: n[1],
        time: n[2],
        current: n[3],
        temperature: n[4],
        amount: n[5],
        luminosity: n[6],
        angle: n[7],
        information: n[8],
    })
}

impl Dimension {
    /// The dimension of a product; `None` when a power leaves the range of an i8.
    pub fn times(self, other: Dimension) -> Option<Dimension> {
        combine(self, other, 1)
    }
    /// The dimension of a quotient.
    pub fn over(self, other: Dimension) -> Option<Dimension> {
        combine(self, other, -1)
    }
    /// The dimension of a square root; `None` when a power is odd.
    pub fn root(self) -> Option<Dimension> {
        let e = widen(self);
        if e.iter().any(|n| n % 2 != 0) { None } else { narrow(e.map(|n| n / 2)) }
    }
}

fn combine(a: Dimension, b: Dimension, sign: i32) -> Option<Dimension> {
    let (mut e, other) = (widen(a), widen(b));
    for (to, from) in e.iter_mut().zip(other) {
        *to += sign * from;
    }
    narrow(e)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    base: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }
    fn place(&self, from: usize) -> Range<usize> {
        self.base + from..self.base + self.at
    }
    fn product(&mut self, depth: usize) -> Result<Parts, Problem> {
        let mut parts = if self.rest().starts_with("1/") {
            self.at += 1;
            Parts { dimension: [0; 9], scale: 1.0, offset: 0.0 }
        } else {
            self.factor(depth)?
        };
        let mut divided = false;
        loop {
            let divide = match self.rest().chars().next() {
                Some('/') => true,
                Some('*' | '·') => false,
                _ => return Ok(parts),
            };
            let operator = self.at;
            if divided {
                self.at += 1;
                return Err(problem(
                    self.place(operator),
                    "what belongs below the line is not clear after a second operator",
                    Some("put it into parentheses: `W/(m^2*K)`".into()),
                ));
            }
            self.at += self.rest().chars().next().map_or(0, char::len_utf8);
            divided = divide;
            let start = self.at;
            let next = self.factor(depth)?;
            if parts.offset != 0.0 || next.offset != 0.0 {
                let whole = self.base..self.base + self.at;
                let span = if next.offset != 0.0 { self.place(start) } else { whole };
                return Err(problem(
                    span,
                    "an absolute temperature is no part of another unit",
                    Some("differences are in `K`: write `K/s`, `W/K`".into()),
                ));
            }
            let sign = if divide { -1 } else { 1 };
            for (to, from) in parts.dimension.iter_mut().zip(next.dimension) {
                *to += sign * from;
            }
            parts.scale = if divide { parts.scale / next.scale } else { parts.scale * next.scale };
        }
    }
    fn factor(&mut self, depth: usize) -> Result<Parts, Problem> {
        let start = self.at;
        if self.rest().starts_with('(') {
            if depth > 3 {
                return Err(problem(self.base..self.base + self.text.len(), "too many parentheses for a unit", None));
            }
            self.at += 1;
            let parts = self.product(depth + 1)?;
            if !self.rest().starts_with(')') {
                self.at = self.text.len();
                return Err(problem(self.place(start), "a `)` is missing in this unit", None));
            }
            self.at += 1;
            return Ok(parts);
        }
        let length: usize = self.rest().chars().take_while(|c| is_unit_char(*c)).map(char::len_utf8).sum();
        let name = self.rest()[..length].to_owned();
        self.at += length;
        if name.is_empty() {
            let found = self.rest().chars().next();
            self.at += found.map_or(0, char::len_utf8);
            let found = found.map_or("nothing".into(), |c| format!("`{c}`"));
            return Err(problem(self.place(start), format!("a unit such as `m` is wanted here, found {found}"), None));
        }
        let Some(unit) = table::find(&name) else {
            let remedy = table::suggestion(&name).map(|near| format!("did you mean `{near}`?"));
            return Err(problem(self.place(start), format!("unknown unit `{name}`"), remedy));
        };
        let power = self.power()?;
        if unit.offset != 0.0 && power != 1 {
            return Err(problem(
                self.place(start),
                "an absolute temperature has no powers",
                Some("differences are in `K`".into()),
            ));
        }
        let mut scale = 1.0;
        for _ in 0..power.abs() {
            scale = if power < 0 { scale / unit.scale } else { scale * unit.scale };
        }
        Ok(Parts { dimension: widen(unit.dimension).map(|n| n * power), scale, offset: unit.offset })
    }
    fn power(&mut self) -> Result<i32, Problem> {
        if self.rest().starts_with('²') || self.rest().starts_with('³') {
            let power = if self.rest().starts_with('²') { 2 } else { 3 };
            self.at += '²'.len_utf8();
            return Ok(power);
        }
        if !self.rest().starts_with('^') {
            return Ok(1);
        }
        let start = self.at;
        self.at += 1;
        let sign = usize::from(self.rest().starts_with('-'));
        let digits = self.rest()[sign..].bytes().take_while(u8::is_ascii_digit).count();
        let value = self.rest()[..sign + digits].parse::<i32>().ok().filter(|n| (1..=9).contains(&n.abs()));
        self.at += sign + digits;
        value.ok_or_else(|| {
            problem(self.place(start), "a power is a whole number from 1 to 9, or its negative: `m^2`, `s^-1`", None)
        })
    }
}

impl Quantity {
    /// Reads `3.5 m/s`, `-45 deg`, `250 ms`, `20 %`; a bare number has the unit [`Unit::one`].
    pub fn parse(text: &str) -> Result<Quantity, Problem> {
        let place = trimmed(text);
        let inner = &text[place.clone()];
        if inner.is_empty() {
            return Err(problem(place, "a quantity such as `5 m` is wanted here", None));
        }
        let negative = inner.starts_with('-');
        let start = usize::from(negative);
        let length = number_length(&inner[start..]);
        if length == 0 {
            let remedy =
                if inner[start..].starts_with('.') { Some(format!("write `0{}`", &inner[start..])) } else { None };
            return Err(problem(place, "a quantity begins with a number, such as `5 m`", remedy));
        }
        let end = start + length;
        let size = number_value(&inner[start..end], place.start..place.start + end)?;
        let rest = &inner[end..];
        let after = place.start + end;
        if rest.contains("..") {
            return Err(problem(place, "one quantity is wanted here, found a range", None));
        }
        if rest.starts_with([',', '\'']) || rest.starts_with(|c: char| c == '_' || c == '.' || c.is_ascii_digit()) {
            return Err(problem(
                after..place.end,
                format!("`{}` does not belong to a number", rest.chars().next().unwrap_or(' ')),
                Some("write digits with one decimal point: `1.5`, `1200`, `1e-3`".into()),
            ));
        }
        let unit = Unit::parse(rest).map_err(|mut p| {
            p.span = p.span.start + after..p.span.end + after;
            p
        })?;
        let number = if negative && size != 0.0 { -size } else { size };
        if !unit.to_si(number).is_finite() {
            return Err(problem(place, "this quantity is too large to count with", None));
        }
        Ok(Quantity { number, unit })
    }

    /// Reads `0 m .. 8 m`: both ends with their units, of one dimension, lo <= hi.
    pub fn parse_range(text: &str) -> Result<(Quantity, Quantity), Problem> {
        let place = trimmed(text);
        let Some(dots) = text.find("..") else {
            return Err(problem(place, "a range such as `0 m .. 8 m` is wanted here", None));
        };
        let shifted = |by: usize| {
            move |mut p: Problem| {
                p.span = p.span.start + by..p.span.end + by;
                p
            }
        };
        let lo = Quantity::parse(&text[..dots])?;
        let hi = Quantity::parse(&text[dots + 2..]).map_err(shifted(dots + 2))?;
        if lo.unit.dimension != hi.unit.dimension {
            let bare = |q: &Quantity| q.unit.text.is_empty();
            let (message, remedy) = if bare(&lo) {
                ("the lower end has no unit".to_owned(), Some(format!("write `{lo} {} .. {hi}`", hi.unit.text)))
            } else if bare(&hi) {
                ("the upper end has no unit".to_owned(), Some(format!("write `{lo} .. {hi} {}`", lo.unit.text)))
            } else {
                let (a, b) = (lo.unit.dimension.words(), hi.unit.dimension.words());
                (format!("the ends do not fit: `{lo}` is {a}, `{hi}` is {b}"), None)
            };
            return Err(problem(place, message, remedy));
        }
        if lo.si() > hi.si() {
            return Err(problem(
                place,
                "the lower end of this range is above its upper end",
                Some(format!("write `{hi} .. {lo}`")),
            ));
        }
        Ok((lo, hi))
    }
}
