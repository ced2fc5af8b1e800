//! A file with what is wrong with it, and the readers that take typed values off its tree.

use super::shape::Record;
use super::tree::{Entry, Kind, Node, Word, shortened};
use crate::diag::{Diagnostic, Severity, Source, nearest};
use crate::time::Span;
use crate::units::{Dimension, Problem, Quantity};
use std::ops::Range;
use std::sync::Arc;

/// A file and its problems so far.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub source: Arc<Source>,
    problems: Vec<Diagnostic>,
}

/// The entries of a map whose keys were checked against a table.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'n> {
    entries: &'n [Entry],
    /// Where to point when something is missing.
    pub head: Range<usize>,
}

impl<'n> Fields<'n> {
    /// The value under a key.
    pub fn get(&self, name: &str) -> Option<&'n Node> {
        self.entry(name).map(|e| &e.value)
    }
    /// Key and value.
    pub fn entry(&self, name: &str) -> Option<&'n Entry> {
        self.entries.iter().find(|e| e.key.text == name)
    }
    /// Every entry, in file order.
    pub fn iter(&self) -> impl Iterator<Item = &'n Entry> + use<'n> {
        self.entries.iter()
    }
}

impl Page {
    /// A page without problems.
    pub fn new(source: Source) -> Page {
        Page { source: Arc::new(source), problems: Vec::new() }
    }
    /// Notes a mistake.
    pub fn error(&mut self, span: Range<usize>, message: String, remedy: Option<String>) {
        self.note(Severity::Error, span, message, remedy);
    }
    /// Notes something that is probably not meant.
    pub fn warn(&mut self, span: Range<usize>, message: String, remedy: Option<String>) {
        self.note(Severity::Warning, span, message, remedy);
    }
    fn note(&mut self, severity: Severity, span: Range<usize>, message: String, remedy: Option<String>) {
        let source = self.source.clone();
        self.problems.push(Diagnostic { severity, source, span, message, remedy });
    }
    /// Notes a problem of a quantity or formula, at its place in the file.
    pub fn problem(&mut self, word: &Word, problem: Problem) {
        self.note(problem.severity, word.part(problem.span), problem.message, problem.remedy);
    }
    /// Notes that a name is not known, with the nearest one that is.
    pub fn unknown<'a>(&mut self, word: &Word, message: String, known: impl Iterator<Item = &'a str>) {
        let known: Vec<&str> = known.collect();
        let remedy = match nearest(&word.text, known.iter().copied()) {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None if (1..=12).contains(&known.len()) => Some(format!("known: {}", known.join(", "))),
            None => None,
        };
        self.error(word.span.clone(), message, remedy);
    }
    /// Takes over the problems of another reading of the same file, each once.
    pub fn absorb(&mut self, other: Page) {
        for problem in other.problems {
            if !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
        }
    }
    /// True when this was told already.
    pub fn has_message(&self, message: &str) -> bool {
        self.problems.iter().any(|p| p.message == message)
    }
    /// True when something is wrong (warnings do not count).
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|p| p.severity == Severity::Error)
    }
    /// True when a mistake was already told at these bytes.
    pub fn has_error_at(&self, span: &Range<usize>) -> bool {
        self.problems.iter().any(|p| p.span == *span)
    }
    /// The line (from 1) of a byte.
    pub fn line_of(&self, at: usize) -> u32 {
        let before = &self.source.text[..at.min(self.source.text.len())];
        u32::try_from(before.matches('\n').count() + 1).expect("a file of at most 1 MiB has fewer than 2^32 lines")
    }
    /// All problems, in the order of the file.
    pub fn into_problems(mut self) -> Vec<Diagnostic> {
        self.problems.sort_by_key(|p| (p.span.start, p.span.end));
        self.problems
    }

    /// The entries of a map; any other node is told. `what` is what the map should be: `a device`.
    pub fn map<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [Entry]> {
        match &node.kind {
            Kind::Map(entries) => Some(entries),
            _ => {
                self.wrong(node, &format!("{what} as a map"));
                None
            }
        }
    }
    /// The items of a list; any other node is told.
    pub fn list<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [Node]> {
        match &node.kind {
            Kind::List(items) => Some(items),
            _ => {
                self.wrong(node, &format!("{what} as a list `[…]`"));
                None
            }
        }
    }
    /// A map whose keys the table knows; unknown and missing keys are told.
    pub fn fields<'n>(&mut self, node: &'n Node, record: &'static Record) -> Option<Fields<'n>> {
        let entries = self.map(node, record.what)?;
        Some(self.checked(entries, node.head(), record))
    }
    /// The same for entries at hand.
    pub fn checked<'n>(&mut self, entries: &'n [Entry], head: Range<usize>, record: &'static Record) -> Fields<'n> {
        if record.others.is_none() {
            for entry in entries {
                if !record.keys.iter().any(|k| k.name == entry.key.text) && !entry.key.text.starts_with('?') {
                    let message = format!("{} has no key `{}`", record.what, entry.key.text);
                    let known: Vec<&str> = record.keys.iter().map(|k| k.name).collect();
                    self.unknown(&entry.key, message, known.iter().copied());
                }
            }
        }
        for key in record.keys.iter().filter(|k| k.needed) {
            if !entries.iter().any(|e| e.key.text == key.name) {
                self.error(
                    head.clone(),
                    format!("{} needs `{}`: {}", record.what, key.name, key.about),
                    Some(format!("add `{}: …`", key.name)),
                );
            }
        }
        Fields { entries, head }
    }
    /// Tells that something else was wanted.
    pub fn wrong(&mut self, node: &Node, wanted: &str) {
        if self.has_error_at(&node.span) {
            return; // An alias stands there, and was told.
        }
        let found = match node.kind {
            Kind::Nothing => "nothing stands here".to_string(),
            _ => format!("found {}", node.described()),
        };
        self.error(node.span.clone(), format!("{found}; wanted {wanted}"), None);
    }
    /// Any scalar that is there.
    pub fn scalar<'n>(&mut self, node: &'n Node, wanted: &str) -> Option<&'n Word> {
        match &node.kind {
            Kind::Word(word) if !word.text.trim().is_empty() => Some(word),
            _ => {
                self.wrong(node, wanted);
                None
            }
        }
    }
    /// Text for people or a name of free form: what YAML would take for a number, a boolean or null must be quoted.
    pub fn text<'n>(&mut self, node: &'n Node, wanted: &str) -> Option<&'n Word> {
        let word = self.scalar(node, wanted)?;
        if word.quoted {
            return Some(word);
        }
        let text = word.text.as_str();
        let taken_for = match text {
            _ if is_guessed(text) => "a boolean or null",
            _ if text.parse::<f64>().is_ok() && !text.chars().next().is_some_and(|c| c.is_ascii_alphabetic()) => {
                "a number"
            }
            _ => return Some(word),
        };
        self.error(
            word.span.clone(),
            format!("YAML takes `{text}` for {taken_for}; wanted {wanted}"),
            Some(format!("put it in quotes if it is meant: \"{text}\"")),
        );
        None
    }
    /// A name that formulas can read: letters, digits and `_`, a letter or `_` first.
    pub fn name<'n>(&mut self, node: &'n Node, wanted: &str) -> Option<&'n Word> {
        let word = self.text(node, wanted)?;
        self.is_name(word, wanted).then_some(word)
    }
    /// Whether a word is such a name; tells it when not.
    pub fn is_name(&mut self, word: &Word, wanted: &str) -> bool {
        let mut letters = word.text.chars();
        let first = letters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        let good = first && word.text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !word.quoted && is_guessed(&word.text) {
            self.error(
                word.span.clone(),
                format!("YAML takes `{}` for a boolean or null; wanted {wanted}", word.text),
                Some(format!("put it in quotes if it is meant: \"{}\"", word.text)),
            );
            return false;
        }
        if !good {
            self.error(
                word.span.clone(),
                format!("`{}` is no name; wanted {wanted}", shortened(&word.text)),
                Some("a name is letters, digits and `_`, and does not begin with a digit".into()),
            );
        }
        good
    }
    /// `true` or `false`.
    pub fn flag(&mut self, node: &Node) -> Option<bool> {
        match node.word().map(|w| (w.text.as_str(), w.quoted)) {
            Some(("true", false)) => Some(true),
            Some(("false", false)) => Some(false),
            _ => {
                self.wrong(node, "`true` or `false`");
                None
            }
        }
    }
    /// A whole number in a range; `0x…` is read too.
    pub fn whole(&mut self, node: &Node, range: std::ops::RangeInclusive<u64>, what: &str) -> Option<u64> {
        let wanted = format!("{what}: a whole number from {} to {}", range.start(), range.end());
        let word = self.scalar(node, &wanted)?;
        let number = match word.text.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16).ok(),
            None => word.text.parse::<u64>().ok(),
        };
        match number.filter(|n| range.contains(n)) {
            Some(number) => Some(number),
            None => {
                self.wrong(node, &wanted);
                None
            }
        }
    }
    /// One of a few words.
    pub fn choice<T: Copy>(&mut self, node: &Node, what: &str, table: &[(&str, T)]) -> Option<T> {
        let known: Vec<&str> = table.iter().map(|(name, _)| *name).collect();
        let word = self.scalar(node, &format!("{what}: {}", known.join(" or ")))?;
        match table.iter().find(|(name, _)| *name == word.text) {
            Some((_, value)) => Some(*value),
            None => {
                self.unknown(word, format!("`{}` is no {what}", shortened(&word.text)), known.iter().copied());
                None
            }
        }
    }
    /// A quantity of any dimension.
    pub fn quantity(&mut self, node: &Node, wanted: &str) -> Option<Quantity> {
        let word = self.scalar(node, wanted)?;
        self.quantity_of(word)
    }
    /// The same of a word at hand.
    pub fn quantity_of(&mut self, word: &Word) -> Option<Quantity> {
        match Quantity::parse(&word.text) {
            Ok(quantity) => Some(quantity),
            Err(problem) => {
                self.problem(word, problem);
                None
            }
        }
    }
    /// A quantity of one dimension; `example` shows what is wanted: `3 m`.
    pub fn quantity_like(&mut self, node: &Node, dimension: Dimension, example: &str) -> Option<Quantity> {
        let wanted = format!("a quantity such as `{example}`");
        let word = self.scalar(node, &wanted)?;
        let quantity = self.quantity_of(word)?;
        self.like(word, &quantity, dimension, example).then_some(quantity)
    }
    /// Whether a quantity has that dimension; tells it when not.
    pub fn like(&mut self, word: &Word, quantity: &Quantity, dimension: Dimension, example: &str) -> bool {
        if quantity.unit.dimension == dimension {
            return true;
        }
        let found = match quantity.unit.dimension == Dimension::default() && quantity.unit.text.is_empty() {
            true => "a number without a unit".to_string(),
            false => quantity.unit.dimension.words(),
        };
        self.error(
            word.span.clone(),
            format!("`{}` is {found}; wanted {}", shortened(&word.text), dimension.words()),
            Some(format!("write it like `{example}`")),
        );
        false
    }
    /// A length of time, not negative; zero only where it makes sense.
    pub fn time(&mut self, node: &Node, example: &str, zero: bool) -> Option<Span> {
        let least = if zero { Span::ZERO } else { Span::from_nanos(1) };
        let quantity = self.quantity_like(node, time_dimension(), example)?;
        self.time_within(node, &quantity, least, example)
    }
    /// How often something is done, which is never more than a thousand times a second.
    pub fn period(&mut self, node: &Node, example: &str) -> Option<Span> {
        let quantity = self.quantity_like(node, time_dimension(), example)?;
        self.time_within(node, &quantity, PERIOD_LEAST, example)
    }
    /// A quantity that is a time, as a length of time that is at least so long, and that a clock can count.
    pub fn time_within(&mut self, node: &Node, quantity: &Quantity, least: Span, example: &str) -> Option<Span> {
        let span = quantity.span();
        if let Some(span) = span.filter(|span| (least..=TIME_MOST).contains(span)) {
            return Some(span);
        }
        let wanted = match span {
            Some(span) if span <= TIME_MOST && least > Span::from_nanos(1) => format!("a time of at least {least}"),
            Some(span) if span <= TIME_MOST => "a time greater than zero".to_owned(),
            _ => "a time of at most 10000 days".to_owned(),
        };
        self.wrong(node, &format!("{wanted}, such as `{example}`"));
        None
    }
}

/// Longer than any run, and short enough that sums of many such times still fit into 64 bits of nanoseconds.
const TIME_MOST: Span = Span::from_secs(10_000 * 86_400);

/// What is done more often than this is a mistake: it would be all that a run does.
pub(crate) const PERIOD_LEAST: Span = Span::from_millis(1);

/// What YAML 1.1 or 1.2 takes for a boolean or null. Single letters are left alone: `y` is a coordinate.
fn is_guessed(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "~")
}

/// Seconds.
pub(crate) fn time_dimension() -> Dimension {
    Dimension { time: 1, ..Dimension::default() }
}
