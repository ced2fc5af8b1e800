//! CSV: one column of time, the others are signals. Read row by row; the longest row bounds the memory.

use super::heading::{Headings, split_unit};
use super::stamp::{TimeUnit, decimal_nanos, iso8601_nanos};
use super::{Cell, Refusal, Row, Sink};
use crate::diag::{Severity, Spot, nearest};
use crate::time::Time;
use ::csv::{ByteRecord, ReaderBuilder};
use std::cell::Cell as Shared;
use std::io::{self, Read};
use std::ops::Range;
use std::rc::Rc;

/// A longer row is damage (a quote that is never closed), and is not worth the memory.
const ROW_BYTES_MAX: usize = 16 << 20;
/// More columns than this are no table of signals.
const COLUMNS_MAX: usize = 1 << 16;
/// How much of the file is looked at before it is read.
const HEAD_BYTES: usize = 1 << 16;
/// Names of the time column, when nobody names it.
const TIME_NAMES: &[&str] = &["time", "t", "timestamp", "stamp"];
/// A stamp further from zero than this (146 years) is beyond what is counted with.
pub(super) const STAMP_MAX: i64 = i64::MAX / 2 - 1;

/// What the user says of the file.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Options {
    /// The file, as people know it.
    pub file: String,
    /// The time column, when it is not called `time`, `t`, `timestamp` or `stamp`.
    pub time: Option<String>,
    /// What its numbers are, when the heading does not say.
    pub time_unit: Option<TimeUnit>,
}

/// Reads a CSV file to its end and hands each row to the sink.
pub fn read(mut input: impl Read, options: &Options, sink: &mut dyn Sink) -> Result<(), Refusal> {
    let refuse = |message: String, remedy: Option<&str>| Refusal::new(&options.file, message, remedy);
    let failed = |error: io::Error| refuse(format!("reading failed: {error}"), None);
    let mut head = Vec::new();
    input.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(failed)?;
    let delimiter = look(&head).map_err(|(message, remedy)| refuse(message.into(), remedy))?;
    let row_bytes = Rc::new(Shared::new(0));
    let limited = Limited { input: head.as_slice().chain(input), row_bytes: row_bytes.clone() };
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .buffer_capacity(HEAD_BYTES)
        .from_reader(limited);
    let words = |error: ::csv::Error| match error.into_kind() {
        ::csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::InvalidData => refuse(error.to_string(), None),
        ::csv::ErrorKind::Io(error) => failed(error),
        other => refuse(format!("this is no CSV: {other:?}"), None),
    };
    let mut record = ByteRecord::new();
    if !reader.read_byte_record(&mut record).map_err(words)? {
        return Err(refuse("the file is empty".into(), Some("a CSV begins with a row that names its columns")));
    }
    let table = Table::head(&record, delimiter, options, sink)?;
    let mut cells = Vec::new();
    loop {
        row_bytes.set(0);
        if !reader.read_byte_record(&mut record).map_err(words)? {
            return Ok(());
        }
        let mut row_cells = emptied(cells);
        table.row(&record, &mut row_cells, sink);
        cells = emptied(row_cells);
    }
}

/// The same list for another row: its memory is used again.
fn emptied<'b>(mut cells: Vec<(u32, Cell<'_>)>) -> Vec<(u32, Cell<'b>)> {
    cells.clear();
    cells.into_iter().map(|(number, _)| (number, Cell::Unreadable)).collect()
}

/// A file that cannot be read from its beginning.
pub fn unreadable(options: &Options, error: &io::Error) -> Refusal {
    Refusal::new(&options.file, format!("reading failed: {error}"), None)
}

/// Finds the delimiter, and what is no CSV at all.
fn look(head: &[u8]) -> Result<u8, (&'static str, Option<&'static str>)> {
    if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
        return Err(("this is UTF-16; UTF-8 is wanted", Some("`iconv -f UTF-16 -t UTF-8` turns it into UTF-8")));
    }
    if head.contains(&0) {
        return Err(("this is no text: it holds zero bytes", Some("traces are CSV or MCAP")));
    }
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    let mut quoted = false;
    for &byte in head {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            _ if quoted => {}
            _ => counts.iter_mut().filter(|(d, _)| *d == byte).for_each(|(_, n)| *n += 1),
        }
    }
    // The first of the most frequent: a comma where there is none of them.
    let most = counts.iter().map(|(_, n)| *n).max().unwrap_or(0);
    Ok(counts.iter().find(|(_, n)| *n == most).map_or(b',', |(d, _)| *d))
}

/// Stops a row that does not end.
struct Limited<R> {
    input: R,
    row_bytes: Rc<Shared<usize>>,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.row_bytes.get() > ROW_BYTES_MAX {
            let message = format!("a row is longer than {} MiB: is a quote never closed?", ROW_BYTES_MAX >> 20);
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let count = self.input.read(buffer)?;
        self.row_bytes.set(self.row_bytes.get() + count);
        Ok(count)
    }
}

struct Table<'a> {
    file: &'a str,
    delimiter: u8,
    /// The columns as headed.
    headed: Vec<String>,
    time: usize,
    unit: TimeUnit,
    /// Place in the row and number of the columns that matter.
    wanted: Vec<(usize, u32)>,
}

impl<'a> Table<'a> {
    fn head(
        record: &ByteRecord,
        delimiter: u8,
        options: &'a Options,
        sink: &mut dyn Sink,
    ) -> Result<Table<'a>, Refusal> {
        let mut table = Table {
            file: &options.file,
            delimiter,
            headed: Vec::new(),
            time: 0,
            unit: TimeUnit::SECOND,
            wanted: Vec::new(),
        };
        let refuse = |table: &Table<'_>, column: Option<usize>, message: String, remedy: Option<String>| {
            let excerpt = excerpt(record, table.delimiter, column);
            let file = table.file.to_owned();
            Refusal(Box::new(Spot {
                severity: Severity::Error,
                file,
                line: Some(line(record)),
                excerpt: Some(excerpt),
                message,
                remedy,
            }))
        };
        if record.len() > COLUMNS_MAX {
            let message = format!("{} columns; at most {COLUMNS_MAX} are read", record.len());
            return Err(refuse(&table, Some(0), message, None));
        }
        for (place, bytes) in record.iter().enumerate() {
            match std::str::from_utf8(bytes) {
                Ok(text) => table.headed.push(text.trim().to_owned()),
                Err(_) => {
                    let message = format!("the heading of column {} is not UTF-8", place + 1);
                    return Err(refuse(&table, Some(place), message, None));
                }
            }
        }
        let (time, unit) = time_column(&table.headed, options).map_err(|(message, remedy)| {
            // A first row of numbers alone has no headings.
            let numbers = table.headed.iter().all(|text| text.parse::<f64>().is_ok());
            let remedy = if numbers { Some("the first row names the columns".into()) } else { remedy };
            refuse(&table, None, message, remedy)
        })?;
        table.time = time;
        table.unit = match (options.time_unit, unit) {
            (Some(said), Some(headed)) if said != headed => {
                let message = format!("the heading `{}` names another unit than --time-unit", table.headed[time]);
                return Err(refuse(&table, Some(time), message, Some("leave --time-unit out".into())));
            }
            (said, headed) => said.or(headed).unwrap_or(TimeUnit::SECOND),
        };
        let mut headings = Headings::default();
        let columns = table.headed.iter().enumerate().filter(|(place, _)| *place != time);
        for (number, (place, shown)) in columns.enumerate() {
            if sink.column(&headings.read(shown)) {
                table.wanted.push((place, number as u32));
            }
        }
        Ok(table)
    }

    fn row<'r>(&self, record: &'r ByteRecord, cells: &mut Vec<(u32, Cell<'r>)>, sink: &mut dyn Sink) {
        let torn = record.len() != self.headed.len();
        let row_line = line(record);
        let trouble = |column: Option<usize>, message: String, remedy: Option<&str>| Spot {
            severity: Severity::Error,
            file: self.file.to_owned(),
            line: Some(row_line),
            excerpt: Some(excerpt(record, self.delimiter, column)),
            message,
            remedy: remedy.map(str::to_owned),
        };
        if torn {
            let message = format!(
                "this row has {} cells, the heading {}; what it says is unknown",
                record.len(),
                self.headed.len()
            );
            sink.trouble(trouble(None, message, Some("is a cell with a comma in it without quotes, or the file cut?")));
        }
        let stamp = record.get(self.time).unwrap_or_default().trim_ascii();
        let at = self.stamp(stamp);
        if at.is_none() && !(torn && stamp.is_empty()) {
            let shown = shortened(stamp);
            let (message, remedy) = match stamp {
                [] => ("this row has no time".to_owned(), None),
                _ if decimal_nanos(stamp, TimeUnit::SECOND).is_some() => {
                    (format!("the time `{shown}` is beyond what can be counted"), None)
                }
                _ => (format!("`{shown}` in column `{}` is no time", self.headed[self.time]), None),
            };
            let message = format!("{message}; what the row says is unknown");
            sink.trouble(trouble(Some(self.time), message, remedy));
        }
        for &(place, number) in &self.wanted {
            let bytes = record.get(place).unwrap_or_default().trim_ascii();
            if !bytes.is_empty() {
                cells.push((number, cell(bytes)));
            }
        }
        let places: &dyn Fn(u32) -> Option<(String, Range<usize>)> = &|number| {
            let place = self.wanted.iter().find(|(_, n)| *n == number).map(|(place, _)| *place);
            Some(excerpt(record, self.delimiter, place))
        };
        sink.row(&Row { at, line: row_line, cells, torn, excerpt: places });
    }

    fn stamp(&self, text: &[u8]) -> Option<Time> {
        let nanos = decimal_nanos(text, self.unit)
            .or_else(|| iso8601_nanos(std::str::from_utf8(text).ok()?))
            .filter(|nanos| nanos.abs() <= STAMP_MAX)?;
        Some(Time::from_nanos(nanos))
    }
}

/// The place of the time column, and its unit if the heading says one.
pub(super) fn time_column(
    headed: &[String],
    options: &Options,
) -> Result<(usize, Option<TimeUnit>), (String, Option<String>)> {
    let bare = |text: &str| split_unit(text).map_or(text, |(word, _)| word).trim().to_owned();
    if let Some(wanted) = &options.time {
        let found = headed.iter().position(|h| h == wanted).or_else(|| headed.iter().position(|h| bare(h) == *wanted));
        let Some(place) = found else {
            let near = nearest(wanted, headed.iter().map(String::as_str));
            return Err((format!("there is no column `{wanted}`"), near.map(|near| format!("did you mean `{near}`?"))));
        };
        return Ok((place, time_name(&headed[place]).1));
    }
    let places: Vec<usize> = (0..headed.len()).filter(|i| time_name(&headed[*i]).0).collect();
    match places[..] {
        [place] => Ok((place, time_name(&headed[place]).1)),
        [] => Err((
            "no column is the time".into(),
            Some(format!("name it with --time COLUMN; `{}` are found without", TIME_NAMES.join("`, `"))),
        )),
        [first, second, ..] => {
            // One that is called exactly so wins over `t_ns` and the like.
            let plain: Vec<usize> = places
                .iter()
                .copied()
                .filter(|i| TIME_NAMES.contains(&bare(&headed[*i]).to_lowercase().as_str()))
                .collect();
            if let [place] = plain[..] {
                return Ok((place, time_name(&headed[place]).1));
            }
            let message = format!("`{}` and `{}` could both be the time", headed[first], headed[second]);
            Err((message, Some("say which with --time COLUMN".into())))
        }
    }
}

/// Whether a heading names the time, and the unit it says: `time`, `time [ms]`, `t_ns`, `Timestamp (us)`.
fn time_name(heading: &str) -> (bool, Option<TimeUnit>) {
    let lower = heading.to_lowercase();
    let (word, inside) = match split_unit(&lower) {
        Some((word, inside)) => (word, TimeUnit::parse(inside)),
        None => (lower.as_str(), None),
    };
    if TIME_NAMES.contains(&word) {
        return (true, inside);
    }
    match word.rsplit_once('_') {
        Some((name, unit)) => match TimeUnit::parse(unit) {
            Some(unit) => (TIME_NAMES.contains(&name), inside.or(Some(unit))),
            None => (false, inside),
        },
        None => (false, inside),
    }
}

/// What a cell that is not empty says.
fn cell(bytes: &[u8]) -> Cell<'_> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Cell::Unreadable };
    // Only these begin a number, or `nan` and `inf`: names of states are not tried as numbers.
    if matches!(bytes[0], b'0'..=b'9' | b'-' | b'+' | b'.' | b'n' | b'N' | b'i' | b'I')
        && let Ok(number) = text.parse()
    {
        return Cell::Number(number);
    }
    match bytes {
        [b't' | b'T', ..] if text.eq_ignore_ascii_case("true") => Cell::Flag(true),
        [b'f' | b'F', ..] if text.eq_ignore_ascii_case("false") => Cell::Flag(false),
        _ => Cell::Text(text),
    }
}

/// The line on which a row begins.
fn line(record: &ByteRecord) -> u64 {
    record.position().map_or(1, ::csv::Position::line)
}

/// The row as a line of text, with the place of a column in it; of the whole row without one.
fn excerpt(record: &ByteRecord, delimiter: u8, column: Option<usize>) -> (String, Range<usize>) {
    let mut text = String::new();
    let mut span = None;
    for (place, bytes) in record.iter().enumerate() {
        if place > 0 {
            text.push(char::from(delimiter));
        }
        let start = text.len();
        text.push_str(&String::from_utf8_lossy(bytes).replace(['\n', '\r'], " "));
        if column == Some(place) {
            span = Some(start..text.len());
        }
    }
    let whole = if column.is_some() { text.len()..text.len() } else { 0..text.len() };
    let span = span.unwrap_or(whole);
    (text, span)
}

fn shortened(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    match text.char_indices().nth(40) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.into_owned(),
    }
}
