//! ULog, the log of PX4: each field of each topic a column named `topic.field`, of a second instance `topic_1.field`.
//!
//! The topics of a log are written one behind the other as their turn comes, each with the stamp of its own publication, so
//! that the file as a whole is not in the order of time. It is therefore held in memory, indexed and handed on in that
//! order; a stamp that runs backwards within its own topic keeps its place behind the one before it, and is told as late.
//!
//! Layout: PX4 documentation, "ULog File Format", <https://docs.px4.io/main/en/dev_log/ulog_file_format.html>.

use super::heading::{Heading, Headings, formula_name};
use super::{Cell, Refusal, Row, Sink};
use crate::diag::{Severity, Spot};
use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

/// The first bytes of a file; its version stands behind them.
const MAGIC: &[u8; 7] = b"ULog\x01\x12\x35";
/// Magic, version, and the microsecond at which logging began.
const HEAD_BYTES: usize = 16;
/// Length and type before each message.
const MESSAGE_HEAD: usize = 3;
/// What a message of synchronisation holds.
const SYNC: [u8; 8] = [0x2f, 0x73, 0x13, 0x20, 0x25, 0x0c, 0xbb, 0x12];
/// Types of messages that the format knows.
const TYPES: &[u8] = b"BFIMPQARDLCSO";
/// The only incompatible flag that there is: data was appended behind the end.
const DATA_APPENDED: u8 = 1;
/// Messages in a row that must look right before reading goes on behind damage.
const LOOK_RIGHT: usize = 4;
/// Types within types are followed so deep.
const DEPTH_MAX: usize = 8;
/// More columns than this are no table of signals.
const COLUMNS_MAX: usize = 1 << 16;
/// A longer file is not held in memory.
const FILE_BYTES_MAX: u64 = 4 << 30;

/// Whether a file that begins with these bytes is a ULog file.
pub fn is_ulog(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

/// Reads a ULog file and hands each message of its topics to the sink, in the order of their stamps. What is damaged is told
/// with its byte, and every signal is unknown from there until it is heard again.
pub fn read(input: impl Read, file: &str, sink: &mut dyn Sink) -> Result<(), Refusal> {
    let mut bytes = Vec::new();
    input
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Refusal::new(file, format!("reading failed: {error}"), None))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(Refusal::new(file, "a ULog of more than 4 GiB is not read", Some("cut it with `ulog_extract`")));
    }
    if !is_ulog(&bytes) {
        return Err(Refusal::new(file, "this is no ULog file", None));
    }
    if bytes.len() < HEAD_BYTES {
        let message = format!("the file ends at byte {} within its first {HEAD_BYTES}", bytes.len());
        return Err(Refusal::new(file, message, Some("copy it from the vehicle again")));
    }
    let mut log = Log::new(&bytes, file);
    log.index(sink)?;
    log.hand_on(sink);
    Ok(())
}

/// The type of a field of numbers, flags or characters.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Kind {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
    Bool,
    Char,
}

impl Kind {
    fn parse(name: &str) -> Option<Kind> {
        Some(match name {
            "int8_t" => Kind::I8,
            "uint8_t" => Kind::U8,
            "int16_t" => Kind::I16,
            "uint16_t" => Kind::U16,
            "int32_t" => Kind::I32,
            "uint32_t" => Kind::U32,
            "int64_t" => Kind::I64,
            "uint64_t" => Kind::U64,
            "float" => Kind::F32,
            "double" => Kind::F64,
            "bool" => Kind::Bool,
            "char" => Kind::Char,
            _ => return None,
        })
    }

    fn size(self) -> usize {
        match self {
            Kind::I8 | Kind::U8 | Kind::Bool | Kind::Char => 1,
            Kind::I16 | Kind::U16 => 2,
            Kind::I32 | Kind::U32 | Kind::F32 => 4,
            Kind::I64 | Kind::U64 | Kind::F64 => 8,
        }
    }
}

/// A field as its format line says: `float[4] q`.
#[derive(Clone, PartialEq, Debug)]
struct Field {
    type_name: String,
    /// Elements of an array; `None`: a single value.
    count: Option<usize>,
    name: String,
}

impl Field {
    fn parse(text: &str) -> Option<Field> {
        let (of, name) = text.trim().split_once(' ')?;
        let (type_name, count) = match of.split_once('[') {
            Some((type_name, rest)) => (type_name, Some(rest.strip_suffix(']')?.parse::<u16>().ok()?.into())),
            None => (of, None),
        };
        let name = name.trim();
        (!type_name.is_empty() && !name.is_empty()).then(|| Field {
            type_name: type_name.into(),
            count,
            name: name.into(),
        })
    }
}

/// One value of a message: where it stands, and the column that it is.
#[derive(Clone, PartialEq, Debug)]
struct Place {
    kind: Kind,
    /// Bytes behind the message's number.
    offset: usize,
    /// Characters of a text.
    length: usize,
    column: u32,
    wanted: bool,
}

/// A topic's instance that is logged.
#[derive(Clone, PartialEq, Debug)]
struct Topic {
    name: String,
    places: Vec<Place>,
    /// Where its stamp stands.
    stamp: usize,
    /// Bytes that a message must have: padding at its end may be left out.
    needed: usize,
    /// Its greatest stamp so far.
    latest: Option<i64>,
}

/// What is handed on, in the order of time.
#[derive(Copy, Clone, PartialEq, Debug)]
enum What {
    Message {
        topic: u32,
        at: i64,
    },
    /// A gap, or a message that cannot be read: whatever the topics may have said is unknown.
    Lost,
}

/// Where in time a thing of the file belongs, and where in the file it stands.
#[derive(Copy, Clone, PartialEq, Debug)]
struct Entry {
    key: i64,
    byte: usize,
    what: What,
}

struct Log<'a> {
    bytes: &'a [u8],
    file: &'a str,
    formats: BTreeMap<String, Vec<Field>>,
    /// By number of the subscription: place in `topics`.
    numbers: BTreeMap<u16, u32>,
    topics: Vec<Topic>,
    /// Subscriptions that cannot be read, which was told when they were met.
    left_out: BTreeSet<u16>,
    entries: Vec<Entry>,
    headings: Headings,
    columns: u32,
    /// Where data was appended; what stands before may end in the middle of a message.
    appended: Vec<usize>,
    /// The greatest stamp so far, in nanoseconds.
    latest: Option<i64>,
}

impl<'a> Log<'a> {
    fn new(bytes: &'a [u8], file: &'a str) -> Log<'a> {
        Log {
            bytes,
            file,
            formats: BTreeMap::new(),
            numbers: BTreeMap::new(),
            topics: Vec::new(),
            left_out: BTreeSet::new(),
            entries: Vec::new(),
            headings: Headings::default(),
            columns: 0,
            appended: Vec::new(),
            latest: None,
        }
    }

    fn spot(&self, severity: Severity, message: String) -> Spot {
        Spot { severity, file: self.file.to_owned(), line: None, excerpt: None, message, remedy: None }
    }

    fn trouble(&self, message: String, sink: &mut dyn Sink) {
        sink.trouble(self.spot(Severity::Error, message));
    }

    /// Notes that what stands at `byte` was lost, or cannot be placed in time.
    fn lost(&mut self, byte: usize) {
        self.entries.push(Entry { key: self.latest.unwrap_or(i64::MIN), byte, what: What::Lost });
    }

    /// Looks at every message once.
    fn index(&mut self, sink: &mut dyn Sink) -> Result<(), Refusal> {
        let mut at = HEAD_BYTES;
        while at < self.bytes.len() {
            let border = self.appended.iter().copied().find(|border| *border > at);
            let end = border.unwrap_or(self.bytes.len()).min(self.bytes.len());
            match self.message(at) {
                Some((_, payload)) if at + MESSAGE_HEAD + payload.len() > end => {
                    self.trouble(
                        format!("the message at byte {at} is cut by what was appended at byte {end}; it is not known"),
                        sink,
                    );
                    self.lost(at);
                    at = end;
                }
                Some((kind, payload)) if TYPES.contains(&kind) && self.is_plausible(kind, payload) => {
                    self.take(kind, payload, at, sink)?;
                    at += MESSAGE_HEAD + payload.len();
                }
                found => {
                    let next = self.search(at + 1, end).or(border);
                    let message = match (next, found) {
                        (Some(next), _) => {
                            format!("bytes {at} to {next} are no messages; what they said is unknown")
                        }
                        (None, None) => {
                            let message = format!("the file ends within the message at byte {at}: it was cut");
                            self.lost(at);
                            sink.cut(self.spot(Severity::Error, message));
                            return Ok(());
                        }
                        (None, Some(_)) => {
                            let message = format!("from byte {at} on there are no messages: the file is damaged");
                            self.lost(at);
                            sink.cut(self.spot(Severity::Error, message));
                            return Ok(());
                        }
                    };
                    self.trouble(message, sink);
                    self.lost(at);
                    at = next.unwrap_or(end);
                }
            }
        }
        Ok(())
    }

    /// Type and payload of the message at a byte, if the file holds it all.
    fn message(&self, at: usize) -> Option<(u8, &'a [u8])> {
        let head = self.bytes.get(at..at + MESSAGE_HEAD)?;
        let length = usize::from(u16::from_le_bytes([head[0], head[1]]));
        let start = at + MESSAGE_HEAD;
        Some((head[2], self.bytes.get(start..start + length)?))
    }

    /// Whether a message of a known type could hold this: what damage begins with is told by its length.
    fn is_plausible(&self, kind: u8, payload: &[u8]) -> bool {
        match kind {
            b'S' => payload == SYNC,
            b'O' => payload.len() == 2,
            b'B' => payload.len() >= 40,
            b'R' => payload.len() == 2,
            b'A' => payload.len() > 3,
            b'D' => payload.len() > 2,
            b'L' => payload.len() >= 9,
            b'C' => payload.len() >= 11,
            _ => !payload.is_empty(),
        }
    }

    /// The next byte at which messages stand again: several in a row that look right, data among them only of topics that are
    /// known and of their length.
    fn search(&self, from: usize, end: usize) -> Option<usize> {
        (from..end).find(|start| {
            let mut at = *start;
            for _ in 0..LOOK_RIGHT {
                let Some((kind, payload)) = self.message(at) else { return false };
                let known = match kind {
                    b'S' => payload == SYNC,
                    b'D' => self.topic_of(payload).is_some_and(|topic| {
                        let length = payload.len() - 2;
                        length >= self.topics[topic as usize].needed
                    }),
                    b'O' => payload.len() == 2,
                    b'L' => payload.len() >= 9 && (b'0'..=b'7').contains(&payload[0]) && payload[9..].is_ascii(),
                    b'A' => payload.len() > 3 && payload[3..].is_ascii() && !payload[3..].contains(&0),
                    b'F' => payload.contains(&b':') && payload.is_ascii() && !payload.contains(&0),
                    _ => false,
                };
                if !known {
                    return false;
                }
                at += MESSAGE_HEAD + payload.len();
                if at == end {
                    return true;
                }
            }
            true
        })
    }

    fn topic_of(&self, payload: &[u8]) -> Option<u32> {
        let number = u16::from_le_bytes(payload.get(..2)?.try_into().ok()?);
        self.numbers.get(&number).copied()
    }

    fn take(&mut self, kind: u8, payload: &[u8], at: usize, sink: &mut dyn Sink) -> Result<(), Refusal> {
        match kind {
            b'B' => return self.flags(payload, at, sink),
            b'F' => self.format(payload, at, sink),
            b'A' => self.subscribe(payload, at, sink),
            b'R' => {
                self.numbers.remove(&u16::from_le_bytes([payload[0], payload[1]]));
            }
            b'D' => self.data(payload, at, sink),
            b'O' => {
                let lost_ms = u16::from_le_bytes([payload[0], payload[1]]);
                let message =
                    format!("byte {at}: {lost_ms} ms were not logged; each signal is unknown until it is heard again");
                sink.trouble(self.spot(Severity::Warning, message));
                self.lost(at);
            }
            // Information, parameters and logged words are no signals; synchronisation says nothing.
            _ => {}
        }
        Ok(())
    }

    fn flags(&mut self, payload: &[u8], at: usize, sink: &mut dyn Sink) -> Result<(), Refusal> {
        let incompatible = &payload[8..16];
        if incompatible[0] & !DATA_APPENDED != 0 || incompatible[1..].iter().any(|flags| *flags != 0) {
            let message = format!("byte {at}: the flags say that the log holds what this reader does not know");
            return Err(Refusal::new(self.file, message, None));
        }
        if incompatible[0] & DATA_APPENDED != 0 {
            for border in payload[16..40].chunks_exact(8) {
                let border = u64::from_le_bytes(border.try_into().expect("eight bytes were cut"));
                match usize::try_from(border) {
                    Ok(0) => {}
                    Ok(border) if border < self.bytes.len() => self.appended.push(border),
                    _ => {
                        let message =
                            format!("data was appended at byte {border}, and the file ends before: it was cut");
                        sink.cut(self.spot(Severity::Error, message));
                    }
                }
            }
            self.appended.sort_unstable();
        }
        Ok(())
    }

    fn format(&mut self, payload: &[u8], at: usize, sink: &mut dyn Sink) {
        let parsed = std::str::from_utf8(payload).ok().and_then(|text| {
            let (name, fields) = text.split_once(':')?;
            let fields = fields.split(';').filter(|field| !field.trim().is_empty());
            Some((name.to_owned(), fields.map(Field::parse).collect::<Option<Vec<_>>>()?))
        });
        match parsed {
            Some((name, fields)) => {
                self.formats.insert(name, fields);
            }
            None => self.trouble(format!("the format at byte {at} cannot be read; its topics are left out"), sink),
        }
    }

    fn subscribe(&mut self, payload: &[u8], at: usize, sink: &mut dyn Sink) {
        let number = u16::from_le_bytes([payload[1], payload[2]]);
        let Ok(name) = std::str::from_utf8(&payload[3..]) else {
            return self.trouble(format!("the name of the topic at byte {at} is no text; it is left out"), sink);
        };
        // Until its columns are known.
        self.left_out.insert(number);
        let shown = match payload[0] {
            0 => name.to_owned(),
            instance => format!("{name}_{instance}"),
        };
        let mut flat = Vec::new();
        let mut offset = 0;
        if let Err(why) = self.flatten(name, &shown, 0, &mut offset, &mut flat) {
            return self.trouble(format!("topic `{shown}` at byte {at} is left out: {why}"), sink);
        }
        let stamp = flat.iter().find(|(path, of)| *path == format!("{shown}.timestamp") && of.kind == Kind::U64);
        let Some(stamp) = stamp.map(|(_, place)| place.offset) else {
            return self.trouble(format!("topic `{shown}` at byte {at} is left out: it has no stamp"), sink);
        };
        if self.columns as usize + flat.len() > COLUMNS_MAX {
            let message = format!("topic `{shown}` at byte {at} is left out: at most {COLUMNS_MAX} columns are read");
            return self.trouble(message, sink);
        }
        let needed = flat.iter().map(|(_, of)| of.offset + of.kind.size() * of.length).max().unwrap_or(0);
        // A topic that is subscribed again under another number goes on in its columns.
        if let Some(place) = self.topics.iter().position(|topic| topic.name == shown && topic.needed == needed) {
            self.numbers.insert(number, place as u32);
            self.left_out.remove(&number);
            return;
        }
        let mut places = Vec::new();
        for (path, mut place) in flat {
            // The stamp is the row's own.
            if path == format!("{shown}.timestamp") {
                continue;
            }
            let name = self.headings.take(formula_name(&path.replace('[', ".").replace(']', "")));
            let heading = Heading { shown: path, name, unit: None, no_unit: None, kind: None };
            place.wanted = sink.column(&heading);
            place.column = self.columns;
            self.columns += 1;
            places.push(place);
        }
        self.numbers.insert(number, self.topics.len() as u32);
        self.left_out.remove(&number);
        self.topics.push(Topic { name: shown, places, stamp, needed, latest: None });
    }

    /// Lays out a type's values; `offset` is where the next one stands.
    fn flatten(
        &self,
        type_name: &str,
        path: &str,
        depth: usize,
        offset: &mut usize,
        flat: &mut Vec<(String, Place)>,
    ) -> Result<(), String> {
        let Some(fields) = self.formats.get(type_name) else {
            return Err(format!("the log does not say what `{type_name}` is"));
        };
        if depth >= DEPTH_MAX {
            return Err(format!("`{type_name}` stands more than {DEPTH_MAX} types deep"));
        }
        for field in fields {
            let path = format!("{path}.{}", field.name);
            let kind = Kind::parse(&field.type_name);
            let is_text = kind == Some(Kind::Char);
            // A text is one value, whatever its length.
            let (count, length) = if is_text { (1, field.count.unwrap_or(1)) } else { (field.count.unwrap_or(1), 1) };
            for element in 0..count {
                let path = match field.count {
                    Some(_) if !is_text => format!("{path}[{element}]"),
                    _ => path.clone(),
                };
                let Some(kind) = kind else {
                    self.flatten(&field.type_name, &path, depth + 1, offset, flat)?;
                    continue;
                };
                if !field.name.starts_with("_padding") {
                    flat.push((path, Place { kind, offset: *offset, length, column: 0, wanted: false }));
                }
                *offset += kind.size() * length;
                // A message's length is told in two bytes.
                if *offset > usize::from(u16::MAX) {
                    return Err(format!("`{type_name}` is longer than a message can be"));
                }
            }
        }
        Ok(())
    }

    fn data(&mut self, payload: &[u8], at: usize, sink: &mut dyn Sink) {
        let number = u16::from_le_bytes([payload[0], payload[1]]);
        let Some(place) = self.numbers.get(&number).copied() else {
            if self.left_out.contains(&number) {
                return;
            }
            self.trouble(format!("the message at byte {at} belongs to topic {number}, which was never named"), sink);
            return self.lost(at);
        };
        let topic = &mut self.topics[place as usize];
        let said = &payload[2..];
        if said.len() < topic.needed {
            let message = format!(
                "the message of `{}` at byte {at} has {} bytes of {}; what it says is unknown",
                topic.name,
                said.len(),
                topic.needed
            );
            self.trouble(message, sink);
            return self.lost(at);
        }
        let stamp_us = u64::from_le_bytes(take(said, topic.stamp));
        // What a topic holds before its first publication is logged with a stamp of nought.
        if stamp_us == 0 {
            let message = format!("`{}` at byte {at} has the stamp 0, which is no instant; it is left out", topic.name);
            return sink.trouble(self.spot(Severity::Warning, message));
        }
        let nanos = i64::try_from(stamp_us).ok().and_then(|us| us.checked_mul(1000));
        let Some(nanos) = nanos.filter(|nanos| *nanos <= super::csv::STAMP_MAX) else {
            let name = topic.name.clone();
            let message = format!("the stamp {stamp_us} us of `{name}` at byte {at} is beyond what can be counted");
            self.trouble(message, sink);
            return self.lost(at);
        };
        let key = topic.latest.map_or(nanos, |latest| latest.max(nanos));
        topic.latest = Some(key);
        self.latest = self.latest.max(Some(nanos));
        self.entries.push(Entry { key, byte: at, what: What::Message { topic: place, at: nanos } });
    }

    fn hand_on(&mut self, sink: &mut dyn Sink) {
        let mut entries = std::mem::take(&mut self.entries);
        // Stable: what has one stamp stays in the order of the file.
        entries.sort_by_key(|entry| entry.key);
        let mut cells = Vec::new();
        for (count, entry) in entries.iter().enumerate() {
            cells.clear();
            let excerpt_of = |name: &str| Some((format!("{name} at byte {}", entry.byte), 0..name.len()));
            let line = count as u64 + 1;
            match entry.what {
                What::Message { topic, at } => {
                    let topic = &self.topics[topic as usize];
                    let said = &self.bytes[entry.byte + MESSAGE_HEAD + 2..];
                    let wanted = topic.places.iter().filter(|place| place.wanted);
                    cells.extend(wanted.map(|place| (place.column, cell(place, said))));
                    let excerpt = &|_| excerpt_of(&topic.name);
                    let at = Some(Time::from_nanos(at));
                    sink.row(&Row { at, line, cells: &cells, torn: false, excerpt });
                }
                // It lies somewhere behind the row before it, and makes every signal unknown that was heard.
                What::Lost => {
                    let excerpt = &|_| excerpt_of("what is lost");
                    sink.row(&Row { at: None, line, cells: &cells, torn: true, excerpt });
                }
            }
        }
    }
}

fn take<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("the message's length was looked at")
}

fn cell<'b>(place: &Place, said: &'b [u8]) -> Cell<'b> {
    let at = place.offset;
    Cell::Number(match place.kind {
        Kind::I8 => said[at] as i8 as f64,
        Kind::U8 => said[at] as f64,
        Kind::I16 => i16::from_le_bytes(take(said, at)) as f64,
        Kind::U16 => u16::from_le_bytes(take(said, at)) as f64,
        Kind::I32 => i32::from_le_bytes(take(said, at)) as f64,
        Kind::U32 => u32::from_le_bytes(take(said, at)) as f64,
        Kind::I64 => i64::from_le_bytes(take(said, at)) as f64,
        Kind::U64 => u64::from_le_bytes(take(said, at)) as f64,
        Kind::F32 => f32::from_le_bytes(take(said, at)) as f64,
        Kind::F64 => f64::from_le_bytes(take(said, at)),
        Kind::Bool => return Cell::Flag(said[at] != 0),
        Kind::Char => {
            let text = &said[at..at + place.length];
            let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
            return std::str::from_utf8(text).map_or(Cell::Unreadable, Cell::Text);
        }
    })
}
