//! The first pass: what each column holds, and from when to when the trace goes.

use super::{ReadTrace, Refused, Request, Troubles};
use crate::diag::{Severity, Spot};
use crate::import::{Cell, Heading, Row, Sink, formula_name};
use crate::signal::SignalKind;
use crate::time::{Span, Time};
use std::collections::{BTreeMap, BTreeSet};

/// A column with more different texts than this holds no states.
const STATES_MAX: usize = 1000;

/// Which names matter.
#[derive(Clone, PartialEq, Debug)]
pub enum Words {
    All,
    Some(BTreeSet<String>),
}

impl Words {
    /// Whether a signal of that name may be read.
    fn has(&self, name: &str) -> bool {
        match self {
            Words::All => true,
            Words::Some(words) => words.contains(name),
        }
    }

    /// Every word of formulas that could be a name.
    pub fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Words {
        let mut words = BTreeSet::new();
        for text in texts {
            for run in text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')) {
                // `0..x` is a range; `a.b` a name.
                for word in run.split("..") {
                    words.insert(word.trim_matches('.').to_owned());
                }
            }
        }
        Words::Some(words)
    }
}

/// What the trace holds.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Contents {
    pub columns: Vec<Column>,
    /// First and last stamp; `None` when there is none.
    pub scope: Option<(Time, Time)>,
    pub rows: u64,
    pub troubles: Troubles,
    /// The trace is not whole.
    pub cut: Option<Spot>,
}

impl Contents {
    /// Whether it is the recording of a run: only that says what each column is.
    pub fn is_recording(&self) -> bool {
        self.columns.iter().any(|column| column.heading.kind.is_some())
    }
}

/// What a column holds.
#[derive(Clone, PartialEq, Debug)]
pub struct Column {
    pub heading: Heading,
    /// Its cells were looked at.
    pub wanted: bool,
    pub numbers: u64,
    pub flags: u64,
    pub texts: u64,
    pub unreadable: u64,
    /// Least and greatest finite number.
    pub range: Option<(f64, f64)>,
    /// Texts as names that a formula can read, in order of appearance; at most [`STATES_MAX`].
    pub states: Vec<String>,
    numbers_of: BTreeMap<String, u16>,
    stamps: Stamps,
}

/// How dense samples come: the engine plans its memory from it.
#[derive(Clone, PartialEq, Debug, Default)]
struct Stamps {
    /// The last stamps, oldest overwritten first.
    ring: Vec<i64>,
    next: usize,
    /// The shortest time that so many samples took.
    least: Option<i64>,
}

/// Samples over which density is measured; the engine has room for as many at once.
const DENSITY: usize = 64;

impl Stamps {
    fn take(&mut self, at: Time) {
        let at = at.nanos();
        if self.ring.len() < DENSITY {
            if self.ring.last().is_none_or(|last| *last < at) {
                self.ring.push(at);
            }
            return;
        }
        let last = self.ring[(self.next + DENSITY - 1) % DENSITY];
        // Several at one instant are one change, and a late one counts at an instant that is there already.
        if at > last {
            let span = at.saturating_sub(self.ring[self.next]);
            self.least = Some(self.least.map_or(span, |least| least.min(span)));
            self.ring[self.next] = at;
            self.next = (self.next + 1) % DENSITY;
        }
    }

    /// A period so short that memory planned from it holds what came: twice a window's periods and 64 more are planned.
    fn every(&self) -> Option<Span> {
        let half = DENSITY as i64 / 2 + 1;
        self.least.map(|least| Span::from_nanos((least / half).max(1)))
    }
}

/// What the cells of a column make it.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Nature {
    Number,
    Flag,
    States,
    Pulse,
}

impl Column {
    fn new(heading: Heading, wanted: bool) -> Column {
        Column {
            heading,
            wanted,
            numbers: 0,
            flags: 0,
            texts: 0,
            unreadable: 0,
            range: None,
            states: Vec::new(),
            numbers_of: BTreeMap::new(),
            stamps: Stamps::default(),
        }
    }

    /// The period for which memory must be planned; `None`: so few samples that any will do.
    pub fn every(&self) -> Option<Span> {
        self.stamps.every()
    }

    /// How many cells say something.
    pub fn samples(&self) -> u64 {
        self.numbers + self.flags + self.texts + self.unreadable
    }

    /// A column with a unit holds numbers, and so does one in which at least half of the cells are numbers; one of
    /// nothing but `true` and `false` holds a flag; any other holds states.
    pub fn nature(&self) -> Nature {
        let said = self.numbers + self.flags + self.texts;
        match &self.heading.kind {
            Some(SignalKind::Number { .. }) => return Nature::Number,
            Some(SignalKind::Flag) => return Nature::Flag,
            Some(SignalKind::States { .. }) => return Nature::States,
            Some(SignalKind::Pulse) => return Nature::Pulse,
            None => {}
        }
        if self.heading.unit.is_some() || 2 * self.numbers >= said {
            Nature::Number
        } else if self.flags == said {
            Nature::Flag
        } else {
            Nature::States
        }
    }

    fn take(&mut self, cell: Cell<'_>) {
        match cell {
            Cell::Number(number) => {
                self.numbers += 1;
                if number.is_finite() {
                    let (lo, hi) = self.range.unwrap_or((number, number));
                    self.range = Some((lo.min(number), hi.max(number)));
                }
            }
            Cell::Flag(flag) => {
                self.flags += 1;
                self.state(if flag { "true" } else { "false" });
            }
            Cell::Text(text) => {
                self.texts += 1;
                self.state(text);
            }
            Cell::Unreadable | Cell::Unknown => self.unreadable += 1,
        }
    }

    fn state(&mut self, text: &str) {
        if self.states.len() >= STATES_MAX || self.numbers_of.contains_key(text) {
            return;
        }
        let name = state_name(text);
        let number = self.states.iter().position(|s| *s == name).unwrap_or_else(|| {
            self.states.push(name);
            self.states.len() - 1
        });
        self.numbers_of.insert(text.to_owned(), number as u16);
    }
}

/// The name by which a formula knows a state: a dot would make it a signal.
pub fn state_name(text: &str) -> String {
    formula_name(text).replace('.', "_")
}

struct Scan<'a> {
    words: &'a Words,
    contents: Contents,
}

impl Sink for Scan<'_> {
    fn column(&mut self, heading: &Heading) -> bool {
        let wanted = self.words.has(&heading.name);
        self.contents.columns.push(Column::new(heading.clone(), wanted));
        wanted
    }

    fn row(&mut self, row: &Row<'_>) {
        self.contents.rows += 1;
        if let Some(at) = row.at {
            let (first, last) = self.contents.scope.unwrap_or((at, at));
            self.contents.scope = Some((first.min(at), last.max(at)));
        }
        if row.torn {
            return;
        }
        for (column, cell) in row.cells {
            let column = &mut self.contents.columns[*column as usize];
            column.take(*cell);
            if let Some(at) = row.at {
                column.stamps.take(at);
            }
        }
    }

    // The second pass tells what is wrong with rows.
    fn trouble(&mut self, _spot: Spot) {}

    fn cut(&mut self, spot: Spot) {
        self.contents.cut = Some(spot);
    }
}

/// Reads the trace once.
pub fn scan(request: &Request, words: &Words, read: &mut ReadTrace<'_>) -> Result<Contents, Refused> {
    let mut scan = Scan { words, contents: Contents::default() };
    read(&mut scan).map_err(|refusal| {
        let mut refused = Refused::default();
        refused.troubles.push(*refusal.0);
        refused
    })?;
    let mut contents = scan.contents;
    let spot = |message: String, remedy: Option<String>| Spot {
        severity: Severity::Warning,
        file: request.trace.clone(),
        line: None,
        excerpt: None,
        message,
        remedy,
    };
    let mut troubles = Troubles::default();
    for column in contents.columns.iter().filter(|c| c.wanted) {
        if let Some(text) = &column.heading.no_unit {
            let message = format!("`{text}` in the heading `{}` is no unit that is known", column.heading.shown);
            let remedy = format!("say what it is: --signal '{}: m/s'", column.heading.name);
            troubles.push(spot(message, Some(remedy)));
        }
        if column.states.len() >= STATES_MAX && column.nature() == Nature::States {
            let message = format!("column `{}` holds more than {STATES_MAX} different texts", column.heading.shown);
            troubles.push(spot(message, None));
        }
    }
    contents.troubles = troubles;
    Ok(contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_densest_stretch_gives_the_period() {
        let mut stamps = Stamps::default();
        for k in 0..64 {
            stamps.take(Time::from_nanos(k * 1_000));
        }
        assert_eq!(stamps.every(), None, "a burst of 64 always has room");
        for k in 64..200 {
            stamps.take(Time::from_nanos(k * 1_000));
            stamps.take(Time::from_nanos(k * 1_000));
        }
        let every = stamps.every().expect("many samples came").nanos();
        // Whatever the window, 64 more than twice its periods is at least what fell into it.
        for window in [1_000i64, 10_000, 64_000, 100_000] {
            assert!(2 * (window / every) + 64 >= window / 1_000 + 1, "{window} ns, every {every} ns");
        }
        assert!(every > 1_000 * 64 / 40, "{every} ns wastes memory");
    }

    #[test]
    fn words_of_formulas_are_names() {
        let words = Words::of(["x in 0 m..limit.y and not fc.armed", "rate(höhe)>1"].into_iter());
        for name in ["x", "limit.y", "fc.armed", "höhe"] {
            assert!(words.has(name), "{name}: {words:?}");
        }
        assert!(!words.has("fc") && Words::All.has("fc"));
    }
}
