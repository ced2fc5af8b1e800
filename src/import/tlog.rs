//! Telemetry logs of ground stations (`.tlog`): each field of each MAVLink message a column `MESSAGE.field`.
//!
//! Before each frame stand the microseconds since 1970 at which it was heard, eight bytes with the highest first.
//! Source: MAVLink developer guide, "File Formats", and Mission Planner's logs. The first system that is heard gives its
//! messages their bare names; those of every other system begin with `sysN`, of its further components with `sysN_compM`.

use super::heading::{Heading, Headings, formula_name, unit_of};
use super::{Cell, Refusal, Row, Sink};
use crate::codec::mavlink::DialectSource;
use crate::codec::mavlink::recorded::{At, Recorded};
use crate::diag::{Severity, Spot};
use crate::time::Time;
use crate::units::Unit;
use std::collections::BTreeMap;
use std::io::Read;

/// Bytes of the stamp before each frame.
const STAMP_BYTES: usize = 8;
/// A longer file is not held in memory.
const FILE_BYTES_MAX: u64 = 4 << 30;
/// More columns than this are no table of signals.
const COLUMNS_MAX: usize = 1 << 16;

/// Whether a file that begins with these bytes is a telemetry log: a stamp of this age of the world (1970 to 2255: its first
/// byte is zero) and the first byte of a frame behind it.
pub fn is_tlog(head: &[u8]) -> bool {
    matches!(head, [0, _, _, _, _, _, _, _, 0xFD | 0xFE, ..])
}

/// Reads a telemetry log and hands each frame to the sink. What is no frame is told with its byte, and every signal is
/// unknown from there until it is heard again.
pub fn read(input: impl Read, file: &str, sink: &mut dyn Sink) -> Result<(), Refusal> {
    let refuse = |message: String| Refusal::new(file, message, None);
    let mut bytes = Vec::new();
    let limited = input.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes);
    limited.map_err(|error| refuse(format!("reading failed: {error}")))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(refuse("a telemetry log of more than 4 GiB is not read".into()));
    }
    if !is_tlog(&bytes) {
        return Err(refuse("this is no telemetry log: no stamp and frame stand at its beginning".into()));
    }
    let frames = Recorded::new(&DialectSource::Ardupilotmega).map_err(&refuse)?;
    let mut log = Log {
        file,
        frames,
        messages: BTreeMap::new(),
        headings: Headings::default(),
        columns: 0,
        first: None,
        rows: 0,
    };
    log.read(&bytes, sink);
    Ok(())
}

/// One value of a message.
struct Place {
    field: usize,
    element: usize,
    is_text: bool,
    /// The raw value that means that it is not known.
    invalid: Option<f64>,
    column: u32,
}

struct Log<'a> {
    file: &'a str,
    frames: Recorded,
    /// By system, component and message: the values that matter.
    messages: BTreeMap<(u8, u8, u16), Vec<Place>>,
    headings: Headings,
    columns: u32,
    /// The first that was heard.
    first: Option<(u8, u8)>,
    rows: u64,
}

impl Log<'_> {
    fn spot(&self, severity: Severity, message: String) -> Spot {
        Spot { severity, file: self.file.to_owned(), line: None, excerpt: None, message, remedy: None }
    }

    fn read(&mut self, bytes: &[u8], sink: &mut dyn Sink) {
        let mut at = 0;
        while at < bytes.len() {
            match self.look(bytes, at) {
                At::Frame { length, system, component, message } => {
                    self.frame(bytes, at, (system, component, message), sink);
                    at += STAMP_BYTES + length;
                }
                At::Unlisted { length } if self.stands(bytes, at + STAMP_BYTES + length) => {
                    let message = format!("the frame at byte {at} is of a message that is not known; it is left out");
                    sink.trouble(self.spot(Severity::Warning, message));
                    at += STAMP_BYTES + length;
                }
                found => {
                    let next = (at + 1..bytes.len()).find(|next| matches!(self.look(bytes, *next), At::Frame { .. }));
                    self.lost(at, sink);
                    let Some(next) = next else {
                        let why = match found {
                            At::Cut => format!("the file ends within the frame at byte {at}: it was cut"),
                            _ => format!("from byte {at} on there are no frames: the file is damaged"),
                        };
                        return sink.cut(self.spot(Severity::Error, why));
                    };
                    let message = format!("bytes {at} to {next} are no frames; what they said is unknown");
                    sink.trouble(self.spot(Severity::Error, message));
                    at = next;
                }
            }
        }
    }

    fn look(&mut self, bytes: &[u8], at: usize) -> At {
        match bytes.get(at..at + STAMP_BYTES) {
            Some(_) => self.frames.look(&bytes[at + STAMP_BYTES..]),
            None => At::Cut,
        }
    }

    /// Whether a stamp and a frame, or the end, stand at a byte.
    fn stands(&mut self, bytes: &[u8], at: usize) -> bool {
        at == bytes.len()
            || (at < bytes.len() && matches!(self.look(bytes, at), At::Frame { .. } | At::Unlisted { .. }))
    }

    /// A row that says nothing makes every signal unknown that was heard.
    fn lost(&mut self, at: usize, sink: &mut dyn Sink) {
        self.rows += 1;
        let excerpt = &|_| Some((format!("byte {at}"), 0..4));
        sink.row(&Row { at: None, line: self.rows, cells: &[], torn: true, excerpt });
    }

    fn frame(&mut self, bytes: &[u8], at: usize, key: (u8, u8, u16), sink: &mut dyn Sink) {
        let (system, component, message) = key;
        let first = *self.first.get_or_insert((system, component));
        let mut prefix = self.frames.name(message).to_owned();
        if system != first.0 {
            prefix = format!("sys{system}.{prefix}");
        } else if component != first.1 {
            prefix = format!("sys{system}_comp{component}.{prefix}");
        }
        if !self.messages.contains_key(&key) {
            let places = self.places(message, &prefix, sink);
            self.messages.insert(key, places);
        }
        let stamp_us = u64::from_be_bytes(bytes[at..at + STAMP_BYTES].try_into().expect("eight bytes were cut"));
        let nanos = i64::try_from(stamp_us).ok().and_then(|us| us.checked_mul(1000));
        let Some(nanos) = nanos.filter(|nanos| *nanos <= super::csv::STAMP_MAX) else {
            let words = format!("the stamp {stamp_us} us of `{prefix}` at byte {at} is beyond what can be counted");
            sink.trouble(self.spot(Severity::Error, words));
            return self.lost(at, sink);
        };
        let places = &self.messages[&key];
        let cells: Vec<(u32, Cell<'_>)> = (places.iter())
            .map(|place| {
                if place.is_text {
                    let text = self.frames.text(message, place.field);
                    return (place.column, text.map_or(Cell::Unreadable, Cell::Text));
                }
                let number = self.frames.number(message, place.field, place.element);
                let is_known = place.invalid != Some(number);
                (place.column, if is_known { Cell::Number(number) } else { Cell::Unknown })
            })
            .collect();
        self.rows += 1;
        let excerpt = &|_| Some((format!("{prefix} at byte {at}"), 0..prefix.len()));
        sink.row(&Row { at: Some(Time::from_nanos(nanos)), line: self.rows, cells: &cells, torn: false, excerpt });
    }

    fn places(&mut self, message: u16, prefix: &str, sink: &mut dyn Sink) -> Vec<Place> {
        let mut places = Vec::new();
        for (number, field) in self.frames.fields(message).enumerate() {
            for element in 0..field.elements().unwrap_or(1) {
                if self.columns as usize >= COLUMNS_MAX {
                    return places;
                }
                let shown = match field.elements() {
                    Some(_) => format!("{prefix}.{}[{element}]", field.name()),
                    None => format!("{prefix}.{}", field.name()),
                };
                let name = self.headings.take(formula_name(&shown.replace('[', ".").replace(']', "")));
                let unit = field.units().and_then(unit_in_dialect);
                let no_unit = field.units().filter(|_| unit.is_none()).map(str::to_owned);
                let matters = sink.column(&Heading { shown, name, unit, no_unit, kind: None });
                if matters {
                    let (is_text, invalid) = (field.is_text(), field.invalid());
                    places.push(Place { field: number, element, is_text, invalid, column: self.columns });
                }
                self.columns += 1;
            }
        }
        places
    }
}

/// A unit as the definitions write it; those that no person writes are a plain unit and its scale.
fn unit_in_dialect(text: &str) -> Option<Unit> {
    let (plain, scale) = match text {
        "degE7" => ("deg", 1e-7),
        "degE5" => ("deg", 1e-5),
        "cdeg" => ("deg", 1e-2),
        "m/s/s" => ("m/s^2", 1.0),
        "cA" => ("A", 1e-2),
        "cV" => ("V", 1e-2),
        "mG" => ("gn", 1e-3),
        "d%" => ("%", 1e-1),
        "c%" => ("%", 1e-2),
        other => return unit_of(other),
    };
    let unit = Unit::parse(plain).ok()?;
    Some(Unit { scale: unit.scale * scale, text: text.to_owned(), ..unit })
}
