//! MCAP: messages of JSON or protobuf, each field a column named `topic.field`; of our own recordings the signals under
//! the names that they have on the rig. Read record by record; the largest chunk bounds the memory.

use super::heading::{Heading, Headings, formula_name};
use super::protobuf::{ELEMENTS_MAX, Types, push_part};
use super::zstd::Zstd;
use super::{Cell, Refusal, Row, Sink};
use crate::diag::{Severity, Spot};
use crate::log::{HEAD_TOPIC, SignalColumn, UNKNOWN_FIELD, signal_columns};
use crate::signal::SignalKind;
use crate::time::Time;
use mcap::McapError;
use mcap::records::Record;
use mcap::sans_io::linear_reader::{LinearReadEvent, LinearReader, LinearReaderOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Arc;

/// A longer record is damage, and is not worth the memory.
const RECORD_BYTES_MAX: usize = 256 << 20;
/// Values in values of JSON are followed so deep.
const DEPTH_MAX: usize = 16;
/// More columns than this are no table of signals.
const COLUMNS_MAX: usize = 1 << 16;

/// Whether a file that begins with these bytes is an MCAP file.
pub fn is_mcap(head: &[u8]) -> bool {
    head.starts_with(mcap::MAGIC)
}

/// Reads an MCAP file to its end and hands each message to the sink. A file that is cut or damaged is read up to there, and
/// that is told.
pub fn read(mut input: impl Read, file: &str, sink: &mut dyn Sink) -> Result<(), Refusal> {
    let options = LinearReaderOptions::default()
        .with_prevalidate_chunk_crcs(true)
        .with_validate_data_section_crc(true)
        .with_validate_summary_section_crc(true)
        .with_record_length_limit(RECORD_BYTES_MAX);
    let mut reader = LinearReader::new_with_options(options);
    reader.add_decompressor(Zstd::default()).expect("it has a name");
    let mut messages = Messages::new(file);
    loop {
        let event = match reader.next_event() {
            None => return Ok(()),
            Some(Ok(event)) => event,
            Some(Err(error)) => {
                let message = match error {
                    McapError::UnexpectedEof => "the file ends in the middle: it was cut".to_owned(),
                    McapError::UnsupportedCompression(how) => {
                        let message = format!("its chunks are compressed with {how}, which is not read");
                        return Err(Refusal::new(
                            file,
                            message,
                            Some("`mcap compress --compression lz4` makes a file that is"),
                        ));
                    }
                    McapError::BadChunkCrc { .. } | McapError::BadDataCrc { .. } | McapError::BadSummaryCrc { .. } => {
                        "a check sum does not match: bytes of the file were changed".to_owned()
                    }
                    McapError::BadMagic if messages.count == 0 => {
                        return Err(Refusal::new(file, "this is no MCAP file", None));
                    }
                    other => format!("it cannot be read on: {other}"),
                };
                let message = format!("{message}; what comes after message {} is not known", messages.count);
                sink.cut(messages.spot(Severity::Error, message));
                return Ok(());
            }
        };
        match event {
            LinearReadEvent::ReadRequest(wanted) => {
                // Never more room than a little: a length that lies costs no memory.
                let wanted = wanted.min(1 << 20);
                let count = match input.read(reader.insert(wanted)) {
                    Ok(count) => count,
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => 0,
                    Err(error) => return Err(Refusal::new(file, format!("reading failed: {error}"), None)),
                };
                reader.notify_read(count);
            }
            LinearReadEvent::Record { opcode, data } => match mcap::parse_record(opcode, data) {
                Ok(record) => messages.take(record, sink),
                Err(error) => {
                    let spot = messages.spot(Severity::Error, format!("a record cannot be read: {error}"));
                    sink.trouble(spot);
                }
            },
        }
    }
}

/// What one channel's messages are.
#[derive(Clone, Debug)]
enum Format {
    Json,
    Protobuf(Arc<Types>, String),
    /// A channel of signals of one of our recordings.
    Signals(Vec<SignalColumn>),
    Head,
    /// Nothing for rules.
    Other,
}

struct Channel {
    topic: String,
    encoding: String,
    schema: u16,
    /// The topic as the beginning of a name.
    prefix: String,
    format: Format,
    /// By path within the message: number of the column, and whether it matters.
    columns: BTreeMap<String, (u32, bool)>,
}

struct Schema {
    name: String,
    encoding: String,
    types: Result<Arc<Types>, String>,
}

struct Messages<'f> {
    file: &'f str,
    schemas: BTreeMap<u16, Schema>,
    channels: BTreeMap<u16, Channel>,
    headings: Headings,
    columns: u32,
    count: u64,
    /// Of a recording of ours: nanoseconds since 1970 at its zero, and its signals.
    ours: Option<(i64, Vec<SignalColumn>)>,
    /// By name: number of the column, and whether it matters.
    signals: BTreeMap<String, (u32, bool)>,
    /// Encodings that were told already.
    told: BTreeSet<String>,
}

impl<'f> Messages<'f> {
    fn new(file: &'f str) -> Messages<'f> {
        Messages {
            file,
            schemas: BTreeMap::new(),
            channels: BTreeMap::new(),
            headings: Headings::default(),
            columns: 0,
            count: 0,
            ours: None,
            signals: BTreeMap::new(),
            told: BTreeSet::new(),
        }
    }

    fn spot(&self, severity: Severity, message: String) -> Spot {
        Spot { severity, file: self.file.to_owned(), line: None, excerpt: None, message, remedy: None }
    }

    fn take(&mut self, record: Record<'_>, sink: &mut dyn Sink) {
        match record {
            Record::Schema { header, data } => {
                let types = match header.encoding.as_str() {
                    "protobuf" => Types::read(&data).map(Arc::new),
                    _ => Err("it has no protobuf schema".into()),
                };
                let schema = Schema { name: header.name, encoding: header.encoding, types };
                self.schemas.insert(header.id, schema);
            }
            Record::Channel(channel) => {
                if self.channels.contains_key(&channel.id) {
                    return;
                }
                let format = self.format(&channel.topic, &channel.message_encoding, channel.schema_id, sink);
                let prefix = formula_name(channel.topic.trim_start_matches('/'));
                let made = Channel {
                    topic: channel.topic,
                    encoding: channel.message_encoding,
                    schema: channel.schema_id,
                    prefix,
                    format,
                    columns: BTreeMap::new(),
                };
                self.channels.insert(channel.id, made);
            }
            Record::Message { header, data } => self.message(header.channel_id, header.log_time, &data, sink),
            _ => {}
        }
    }

    fn format(&mut self, topic: &str, encoding: &str, schema: u16, sink: &mut dyn Sink) -> Format {
        if topic == HEAD_TOPIC {
            return Format::Head;
        }
        if let Some((_, columns)) = &self.ours {
            let mine: Vec<SignalColumn> = columns.iter().filter(|c| c.topic == topic).cloned().collect();
            return if mine.is_empty() { Format::Other } else { Format::Signals(mine) };
        }
        let why = match (encoding, self.schemas.get(&schema)) {
            ("json", _) => return Format::Json,
            ("protobuf", Some(Schema { name, types: Ok(types), .. })) if types.has(name) => {
                return Format::Protobuf(types.clone(), name.clone());
            }
            ("protobuf", Some(Schema { types: Err(why), .. })) => why.clone(),
            ("protobuf", Some(Schema { name, .. })) => format!("its schema does not describe `{name}`"),
            ("protobuf", None) => "it has no schema".into(),
            (other, schema) => {
                let of = schema.map_or(String::new(), |s| format!(" (schema {})", s.encoding));
                format!("its messages are `{other}`{of}; JSON and protobuf are read")
            }
        };
        if self.told.insert(why.clone()) {
            sink.trouble(self.spot(Severity::Warning, format!("channel `{topic}` is left out: {why}")));
        }
        Format::Other
    }

    fn message(&mut self, id: u16, log_time: u64, data: &[u8], sink: &mut dyn Sink) {
        self.count += 1;
        let count = self.count;
        let Some(mut channel) = self.channels.remove(&id) else {
            let message = format!("message {count} belongs to a channel that was never named");
            sink.trouble(self.spot(Severity::Error, message));
            return;
        };
        let zero = self.ours.as_ref().map_or(0, |(zero, _)| i128::from(*zero));
        let at = i64::try_from(i128::from(log_time) - zero).ok().filter(|nanos| nanos.abs() < i64::MAX / 2 - 1);
        let read = match &channel.format {
            Format::Other => None,
            Format::Head => {
                self.head(data, sink);
                None
            }
            _ if at.is_none() => Some(Err("its time is beyond what can be counted".to_owned())),
            Format::Json => Some(self.json(&mut channel, data, sink)),
            Format::Protobuf(types, name) => {
                let (types, name) = (types.clone(), name.clone());
                Some(self.protobuf(&mut channel, &types, &name, data, sink))
            }
            Format::Signals(columns) => {
                let columns = columns.clone();
                Some(self.signals(&columns, data))
            }
        };
        let prefix = channel.prefix.clone();
        let known: Vec<(u32, Cell<'_>)> = match &read {
            // Whatever it may have said is unknown.
            Some(Err(_)) => {
                let mine = match &channel.format {
                    Format::Signals(mine) => mine.iter().filter_map(|s| self.signals.get(&s.name)).collect(),
                    _ => channel.columns.values().collect::<Vec<_>>(),
                };
                mine.into_iter().filter(|c| c.1).map(|c| (c.0, Cell::Unknown)).collect()
            }
            _ => Vec::new(),
        };
        self.channels.insert(id, channel);
        let row = |cells: &[(u32, Cell<'_>)], sink: &mut dyn Sink| {
            let excerpt = &|_| None;
            sink.row(&Row { at: at.map(Time::from_nanos), line: count, cells, torn: false, excerpt });
        };
        match read {
            None => {}
            Some(Ok(values)) => {
                let cells: Vec<(u32, Cell<'_>)> =
                    values.iter().map(|(column, value)| (*column, value.cell())).collect();
                row(&cells, sink);
            }
            Some(Err(why)) => {
                sink.trouble(
                    self.spot(Severity::Error, format!("message {count} on `{prefix}`: {why}; it is unknown there")),
                );
                row(&known, sink);
            }
        }
    }

    /// The first record of a recording of ours says what its channels hold; those named before it are looked at anew.
    fn head(&mut self, data: &[u8], sink: &mut dyn Sink) {
        let Some((zero, signals)) = signal_columns(data) else { return };
        self.ours = Some((zero, signals.clone()));
        for (id, mut channel) in std::mem::take(&mut self.channels) {
            channel.format = self.format(&channel.topic, &channel.encoding, channel.schema, sink);
            self.channels.insert(id, channel);
        }
        for of in &signals {
            let unit = match &of.kind {
                SignalKind::Number { unit, .. } => Some(unit.clone()),
                _ => None,
            };
            let name = self.headings.take(formula_name(&of.name));
            let heading = Heading { shown: of.name.clone(), name, unit, no_unit: None, kind: Some(of.kind.clone()) };
            let matters = sink.column(&heading);
            self.signals.insert(of.name.clone(), (self.columns, matters));
            self.columns += 1;
        }
    }

    /// The column of a path, made when it is met for the first time.
    fn column(&mut self, channel: &mut Channel, path: &str, sink: &mut dyn Sink) -> Option<(u32, bool)> {
        if let Some(found) = channel.columns.get(path) {
            return Some(*found);
        }
        if self.columns as usize >= COLUMNS_MAX {
            return None;
        }
        let shown = if path.is_empty() { channel.prefix.clone() } else { format!("{}.{path}", channel.prefix) };
        let name = self.headings.take(formula_name(&shown));
        let matters = sink.column(&Heading { shown, name, unit: None, no_unit: None, kind: None });
        let column = (self.columns, matters);
        self.columns += 1;
        channel.columns.insert(path.to_owned(), column);
        Some(column)
    }

    fn json(&mut self, channel: &mut Channel, data: &[u8], sink: &mut dyn Sink) -> Result<Vec<(u32, Owned)>, String> {
        let value: serde_json::Value =
            serde_json::from_slice(data).map_err(|error| format!("this is no JSON: {error}"))?;
        let mut out = Vec::new();
        let mut path = String::new();
        self.flatten(channel, &value, &mut path, 0, &mut out, sink);
        Ok(out)
    }

    fn flatten(
        &mut self,
        channel: &mut Channel,
        value: &serde_json::Value,
        path: &mut String,
        depth: usize,
        out: &mut Vec<(u32, Owned)>,
        sink: &mut dyn Sink,
    ) {
        let length = path.len();
        let owned = match value {
            serde_json::Value::Object(fields) if depth < DEPTH_MAX => {
                for (name, inner) in fields {
                    // Dots stand between parts; a name with dots of its own is one more of them.
                    push_part(path, name);
                    self.flatten(channel, inner, path, depth + 1, out, sink);
                    path.truncate(length);
                }
                return;
            }
            serde_json::Value::Array(items) if depth < DEPTH_MAX => {
                for (place, inner) in items.iter().take(ELEMENTS_MAX).enumerate() {
                    push_part(path, &place.to_string());
                    self.flatten(channel, inner, path, depth + 1, out, sink);
                    path.truncate(length);
                }
                return;
            }
            serde_json::Value::Object(_) | serde_json::Value::Array(_) => return,
            serde_json::Value::Null => Owned::Unknown,
            serde_json::Value::Bool(flag) => Owned::Flag(*flag),
            serde_json::Value::Number(number) => number.as_f64().map_or(Owned::Unknown, Owned::Number),
            serde_json::Value::String(text) => match text.as_str() {
                // How JSON that knows no such numbers writes them.
                "NaN" => Owned::Number(f64::NAN),
                "Infinity" => Owned::Number(f64::INFINITY),
                "-Infinity" => Owned::Number(f64::NEG_INFINITY),
                _ => Owned::Text(text.clone()),
            },
        };
        if let Some((column, true)) = self.column(channel, path, sink) {
            out.push((column, owned));
        }
    }

    fn protobuf(
        &mut self,
        channel: &mut Channel,
        types: &Types,
        name: &str,
        data: &[u8],
        sink: &mut dyn Sink,
    ) -> Result<Vec<(u32, Owned)>, String> {
        let mut out = Vec::new();
        types.cells(name, data, &mut |path, cell| {
            if let Some((column, true)) = self.column(channel, path, sink) {
                out.push((column, Owned::from(cell)));
            }
        })?;
        Ok(out)
    }

    fn signals(&self, signals: &[SignalColumn], data: &[u8]) -> Result<Vec<(u32, Owned)>, String> {
        use prost::encoding::{self, DecodeContext};
        let broken = |error: prost::DecodeError| format!("a record of signals cannot be read: {error}");
        let context = DecodeContext::default();
        let mut rest = data;
        let mut out = Vec::new();
        while !rest.is_empty() {
            let (number, wire) = encoding::decode_key(&mut rest).map_err(broken)?;
            let (of, value) = if number == UNKNOWN_FIELD {
                let mut name = String::new();
                encoding::string::merge(wire, &mut name, &mut rest, context.clone()).map_err(broken)?;
                (signals.iter().find(|s| s.name == name), Owned::Unknown)
            } else {
                let of = signals.iter().find(|s| s.field == number);
                let value = match of.map(|of| &of.kind) {
                    Some(SignalKind::Number { .. }) => {
                        let mut number = 0.0;
                        encoding::double::merge(wire, &mut number, &mut rest, context.clone()).map_err(broken)?;
                        Owned::Number(number)
                    }
                    Some(SignalKind::States { .. }) => {
                        let mut name = String::new();
                        encoding::string::merge(wire, &mut name, &mut rest, context.clone()).map_err(broken)?;
                        Owned::Text(name)
                    }
                    Some(SignalKind::Flag | SignalKind::Pulse) => {
                        let mut flag = false;
                        encoding::bool::merge(wire, &mut flag, &mut rest, context.clone()).map_err(broken)?;
                        Owned::Flag(flag)
                    }
                    None => {
                        encoding::skip_field(wire, number, &mut rest, context.clone()).map_err(broken)?;
                        continue;
                    }
                };
                (of, value)
            };
            let Some(of) = of else { continue };
            if let Some((column, true)) = self.signals.get(&of.name) {
                out.push((*column, value));
            }
        }
        Ok(out)
    }
}

/// A cell that outlives its message.
#[derive(Clone, Debug)]
enum Owned {
    Number(f64),
    Flag(bool),
    Text(String),
    Unreadable,
    Unknown,
}

impl Owned {
    fn from(cell: Cell<'_>) -> Owned {
        match cell {
            Cell::Number(number) => Owned::Number(number),
            Cell::Flag(flag) => Owned::Flag(flag),
            Cell::Text(text) => Owned::Text(text.to_owned()),
            Cell::Unreadable => Owned::Unreadable,
            Cell::Unknown => Owned::Unknown,
        }
    }

    fn cell(&self) -> Cell<'_> {
        match self {
            Owned::Number(number) => Cell::Number(*number),
            Owned::Flag(flag) => Cell::Flag(*flag),
            Owned::Text(text) => Cell::Text(text),
            Owned::Unreadable => Cell::Unreadable,
            Owned::Unknown => Cell::Unknown,
        }
    }
}
