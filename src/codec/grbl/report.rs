//! Status reports: `<Idle|MPos:0.000,0.000,0.000|FS:0,0|WCO:0.000,0.000,0.000>`.

use std::fmt::Write;

/// Axes that a report can have.
pub const AXES_MAX: usize = 6;
/// Fewest axes: GRBL 1.1 has three.
const AXES_MIN: usize = 3;

/// A position or an offset, in mm, axis by axis.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Axes {
    values: [f64; AXES_MAX],
    count: usize,
}

impl Axes {
    /// Of up to six axes, in mm; what is more is left out.
    pub fn new(given: &[f64]) -> Axes {
        let mut values = [0.0; AXES_MAX];
        let count = given.len().min(AXES_MAX);
        values[..count].copy_from_slice(&given[..count]);
        Axes { values, count }
    }
    /// The value of an axis, if the machine has it.
    pub fn get(&self, axis: usize) -> Option<f64> {
        self.values[..self.count].get(axis).copied()
    }
    /// Axis by axis, as far as both have them.
    pub fn plus(&self, other: &Axes, sign: f64) -> Axes {
        let sums: [f64; AXES_MAX] = std::array::from_fn(|axis| self.values[axis] + sign * other.values[axis]);
        Axes::new(&sums[..self.count.min(other.count)])
    }
    fn read(text: &str) -> Option<Axes> {
        let values: Option<Vec<f64>> = text.split(',').map(number).collect();
        let values = values.filter(|v| (AXES_MIN..=AXES_MAX).contains(&v.len()))?;
        Some(Axes::new(&values))
    }
    fn write(&self, out: &mut String) {
        for (place, value) in self.values[..self.count].iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(out, "{comma}{value:.3}").expect("a text takes every write");
        }
    }
}

/// What one report says. What it leaves out is `None`.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Report {
    /// `Idle`, `Run`, `Hold`, `Jog`, `Alarm`, `Door`, `Check`, `Home`, `Sleep`.
    pub state: String,
    /// The number behind the state: `Hold:0` has stopped, `Hold:1` is stopping.
    pub substate: Option<u8>,
    /// Machine position in mm.
    pub machine: Option<Axes>,
    /// Work position in mm, which some settings tell instead.
    pub work: Option<Axes>,
    /// Machine position of the work's zero, in mm; told now and then.
    pub offset: Option<Axes>,
    /// Speed now, in mm/min.
    pub feed: Option<f64>,
    /// Tool speed, in turns a minute.
    pub spindle: Option<f64>,
    /// Free blocks of the planner, free bytes of the receive buffer.
    pub free: Option<(f64, f64)>,
    /// Feed, rapid and spindle overrides in percent; told now and then.
    pub overrides: Option<[f64; 3]>,
    /// Line number that is executed.
    pub line: Option<f64>,
    /// Input pins that are on, as bits from `A`.
    pub pins: u32,
}

impl Report {
    /// Reads the text between `<` and `>`. `None` where anything in it is not as GRBL writes it.
    pub fn read(text: &str) -> Option<Report> {
        let mut parts = text.split('|');
        let state = parts.next()?;
        let (name, substate) = match state.split_once(':') {
            Some((name, sub)) if sub.len() == 1 => (name, Some(sub.parse::<u8>().ok()?)),
            Some(_) => return None,
            None => (state, None),
        };
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphabetic()) {
            return None;
        }
        let mut report = Report { state: name.to_owned(), substate, ..Report::default() };
        for part in parts {
            let (key, value) = part.split_once(':')?;
            match key {
                "MPos" => report.machine = Some(Axes::read(value)?),
                "WPos" => report.work = Some(Axes::read(value)?),
                "WCO" => report.offset = Some(Axes::read(value)?),
                "F" => report.feed = Some(number(value)?),
                "FS" => {
                    let [feed, spindle] = numbers(value)?;
                    (report.feed, report.spindle) = (Some(feed), Some(spindle));
                }
                "Bf" => {
                    let [blocks, bytes] = numbers(value)?;
                    report.free = Some((blocks, bytes));
                }
                "Ov" => report.overrides = Some(numbers(value)?),
                "Ln" => report.line = Some(number(value)?),
                "Pn" => report.pins = letters(value)?,
                // Accessories, and what later firmware adds.
                _ if key.bytes().all(|b| b.is_ascii_alphanumeric()) => {}
                _ => return None,
            }
        }
        (report.machine.is_some() || report.work.is_some()).then_some(report)
    }
    /// Writes it as a controller does, with its brackets and its line end.
    pub fn write(&self) -> String {
        let mut out = format!("<{}", self.state);
        let mut put = |text: String| out.push_str(&text);
        if let Some(sub) = self.substate {
            put(format!(":{sub}"));
        }
        for (name, axes) in [("MPos", &self.machine), ("WPos", &self.work)] {
            if let Some(axes) = axes {
                let mut text = format!("|{name}:");
                axes.write(&mut text);
                put(text);
            }
        }
        if let Some((blocks, bytes)) = self.free {
            put(format!("|Bf:{blocks:.0},{bytes:.0}"));
        }
        if let Some(line) = self.line {
            put(format!("|Ln:{line:.0}"));
        }
        match (self.feed, self.spindle) {
            (Some(feed), Some(spindle)) => put(format!("|FS:{feed:.0},{spindle:.0}")),
            (Some(feed), None) => put(format!("|F:{feed:.0}")),
            _ => {}
        }
        if self.pins != 0 {
            let on = (0..26u8).filter(|place| self.pins & (1 << place) != 0);
            put(format!("|Pn:{}", on.map(|place| char::from(b'A' + place)).collect::<String>()));
        }
        if let Some(axes) = &self.offset {
            let mut text = "|WCO:".to_owned();
            axes.write(&mut text);
            put(text);
        }
        if let Some([feed, rapid, spindle]) = self.overrides {
            put(format!("|Ov:{feed:.0},{rapid:.0},{spindle:.0}"));
        }
        out.push_str(">\r\n");
        out
    }
}

/// A bit for each letter from `A`.
fn letters(text: &str) -> Option<u32> {
    text.bytes().try_fold(0, |pins, b| b.is_ascii_uppercase().then(|| pins | 1 << (b - b'A')))
}

/// So many numbers, and no more.
fn numbers<const N: usize>(text: &str) -> Option<[f64; N]> {
    let all: Vec<f64> = text.split(',').map(number).collect::<Option<_>>()?;
    all.try_into().ok()
}

/// A decimal number as GRBL writes it: no exponent, no sign but `-`, nothing left out.
pub(super) fn number(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |t: &str| !t.is_empty() && t.len() <= 10 && t.bytes().all(|b| b.is_ascii_digit());
    (plain(whole) && plain(part)).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_of_a_board_reads_and_writes_back() {
        let seen = "<Idle|MPos:0.000,0.000,0.000|FS:0,0|WCO:0.000,0.000,0.000>\r\n";
        let report = Report::read("Idle|MPos:0.000,0.000,0.000|FS:0,0|WCO:0.000,0.000,0.000").expect("as it was seen");
        assert_eq!(report.write(), seen);
        assert_eq!((report.feed, report.pins, report.free), (Some(0.0), 0, None));
        let full = "Hold:1|WPos:-1.500,2.000,3.250|Bf:15,128|Ln:99|FS:500,8000|Pn:PXZ|Ov:100,50,25";
        let report = Report::read(full).expect("well formed");
        assert_eq!(report.write(), format!("<{full}>\r\n"));
        assert_eq!((report.substate, report.work.and_then(|w| w.get(2))), (Some(1), Some(3.25)));
        assert_eq!(report.pins, 1 << 23 | 1 << 25 | 1 << 15);
    }

    #[test]
    fn what_is_not_quite_a_report_is_none() {
        for text in [
            "",
            "Idle",
            "Idle|FS:0,0",
            "Idle|MPos:0.000,0.000",
            "Idle|MPos:0.000,0.000,1e3",
            "Idle|MPos:0.000,0.000,nan",
            "Idle|MPos:0.000,0.000,0.000|FS:0",
            "Idle|MPos:0.000,0.000,0.000|FS:0,0,",
            "Idle|MPos:0.000,0.000,+1.0",
            "Hold:12|MPos:0.000,0.000,0.000",
            "I le|MPos:0.000,0.000,0.000",
            "Idle|MPos:0.000,0.000,0.000|Pn:x",
            "Idle|MPos:0.000,0.000,0.000|",
        ] {
            assert_eq!(Report::read(text), None, "{text}");
        }
    }
}
