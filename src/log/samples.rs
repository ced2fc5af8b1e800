//! Samples <-> the messages of the `signals/` channels, by hand: this is the path that sees most records.

use super::proto;
use super::schema::{TIMESTAMP_FIELD, UNKNOWN_FIELD};
use crate::signal::{Sample, SignalId, Value};
use crate::time::Time;
use prost::encoding::{self, WireType};
use std::collections::BTreeMap;

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// Knows for every signal where and how it is written.
#[derive(Clone, Debug, Default)]
pub struct SampleWriter {
    /// By signal id.
    places: Vec<Option<Place>>,
}

#[derive(Clone, Debug)]
struct Place {
    channel: usize,
    number: u32,
    name: String,
    how: How,
}

#[derive(Clone, Debug)]
enum How {
    Number { scale: f64, offset: f64 },
    State(Vec<String>),
    Flag,
    Pulse,
}

/// A run of samples of one device at one instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Group {
    /// Place in the list of channels.
    pub channel: usize,
    pub at: Time,
    /// How many samples it takes.
    pub count: usize,
}

impl SampleWriter {
    /// Learns from the channels as the head lists them.
    pub fn new(channels: &[proto::SignalChannel]) -> SampleWriter {
        let mut places = Vec::new();
        for (channel, fields) in channels.iter().enumerate() {
            for field in &fields.fields {
                let how = match field.kind() {
                    proto::signal_field::Kind::Number => How::Number { scale: field.scale, offset: field.offset },
                    proto::signal_field::Kind::State => How::State(field.states.clone()),
                    proto::signal_field::Kind::Flag => How::Flag,
                    proto::signal_field::Kind::Pulse | proto::signal_field::Kind::Unspecified => How::Pulse,
                };
                let index = field.signal as usize;
                if places.len() <= index {
                    places.resize(index + 1, None);
                }
                places[index] = Some(Place { channel, number: field.number, name: field.signal_name.clone(), how });
            }
        }
        SampleWriter { places }
    }

    fn place(&self, signal: SignalId) -> Option<&Place> {
        self.places.get(signal.0 as usize)?.as_ref()
    }

    /// The samples at the front that go into one record: same device, same instant, each signal once.
    /// `None` when there are none, or the first is of no signal of the plan.
    pub fn group(&self, samples: &[Sample]) -> Option<Group> {
        let first = samples.first()?;
        let channel = self.place(first.signal)?.channel;
        let count = samples
            .iter()
            .enumerate()
            .take_while(|(i, s)| {
                s.at == first.at
                    && self.place(s.signal).is_some_and(|p| p.channel == channel)
                    && samples[..*i].iter().all(|earlier| earlier.signal != s.signal)
            })
            .count();
        Some(Group { channel, at: first.at, count })
    }

    /// Writes the samples of one group; `unix_nanos` is the wall-clock time of their instant.
    pub fn encode(&self, unix_nanos: i128, samples: &[Sample], out: &mut Vec<u8>) {
        encode_timestamp(unix_nanos, out);
        for sample in samples {
            let Some(place) = self.place(sample.signal) else { continue };
            match (&place.how, sample.value) {
                (How::Number { scale, offset }, Value::Number(si)) => {
                    encoding::double::encode(place.number, &((si - offset) / scale), out);
                }
                (How::State(names), Value::State(state)) if usize::from(state) < names.len() => {
                    encoding::string::encode(place.number, &names[usize::from(state)], out);
                }
                (How::Flag, Value::Flag(flag)) => encoding::bool::encode(place.number, &flag, out),
                (How::Pulse, Value::Pulse) => encoding::bool::encode(place.number, &true, out),
                _ => encoding::string::encode(UNKNOWN_FIELD, &place.name, out),
            }
        }
    }
}

fn encode_timestamp(unix_nanos: i128, out: &mut Vec<u8>) {
    let seconds = unix_nanos.div_euclid(NANOS_PER_SECOND) as i64;
    let nanos = unix_nanos.rem_euclid(NANOS_PER_SECOND) as i32;
    let length = encoding::int64::encoded_len(1, &seconds) + encoding::int32::encoded_len(2, &nanos);
    encoding::encode_key(TIMESTAMP_FIELD, WireType::LengthDelimited, out);
    encoding::encode_varint(length as u64, out);
    encoding::int64::encode(1, &seconds, out);
    encoding::int32::encode(2, &nanos, out);
}

/// Reads the records of one `signals/` channel.
#[derive(Clone, Debug)]
pub struct SampleReader {
    by_number: BTreeMap<u32, (SignalId, How)>,
    by_name: BTreeMap<String, SignalId>,
}

impl SampleReader {
    /// Learns from the channel as the head lists it.
    pub fn new(channel: &proto::SignalChannel) -> SampleReader {
        let mut by_number = BTreeMap::new();
        let mut by_name = BTreeMap::new();
        for field in &channel.fields {
            let how = match field.kind() {
                proto::signal_field::Kind::Number => How::Number { scale: field.scale, offset: field.offset },
                proto::signal_field::Kind::State => How::State(field.states.clone()),
                proto::signal_field::Kind::Flag => How::Flag,
                proto::signal_field::Kind::Pulse | proto::signal_field::Kind::Unspecified => How::Pulse,
            };
            by_number.insert(field.number, (SignalId(field.signal), how));
            by_name.insert(field.signal_name.clone(), SignalId(field.signal));
        }
        SampleReader { by_number, by_name }
    }

    /// The samples of one record, in the order in which they were written. Numbers come back in SI, exact to the
    /// last place of a double; a replay does not rest on them, it decodes the bytes again.
    pub fn decode(&self, wall_clock_unix_nanos: i64, mut record: &[u8]) -> Result<Vec<Sample>, String> {
        let mut at = None;
        let mut samples = Vec::new();
        let broken = |e: prost::DecodeError| format!("a record of signals cannot be read: {e}");
        let context = encoding::DecodeContext::default();
        while !record.is_empty() {
            let (number, wire_type) = encoding::decode_key(&mut record).map_err(broken)?;
            if number == TIMESTAMP_FIELD {
                let mut stamp = prost_types::Timestamp::default();
                encoding::message::merge(wire_type, &mut stamp, &mut record, context.clone()).map_err(broken)?;
                let unix = i128::from(stamp.seconds) * NANOS_PER_SECOND + i128::from(stamp.nanos);
                let nanos = unix - i128::from(wall_clock_unix_nanos);
                at = Some(Time::from_nanos(i64::try_from(nanos).map_err(|_| "a record of signals is out of time")?));
                continue;
            }
            let (signal, value) = if number == UNKNOWN_FIELD {
                let mut name = String::new();
                encoding::string::merge(wire_type, &mut name, &mut record, context.clone()).map_err(broken)?;
                let signal =
                    self.by_name.get(&name).ok_or_else(|| format!("the signal `{name}` is not in the head"))?;
                (*signal, Value::Unknown)
            } else {
                let (signal, how) = self
                    .by_number
                    .get(&number)
                    .ok_or_else(|| format!("field {number} of a signal is not in the head"))?;
                let value = match how {
                    How::Number { scale, offset } => {
                        let mut number = 0.0;
                        encoding::double::merge(wire_type, &mut number, &mut record, context.clone())
                            .map_err(broken)?;
                        Value::Number(number * scale + offset)
                    }
                    How::State(names) => {
                        let mut name = String::new();
                        encoding::string::merge(wire_type, &mut name, &mut record, context.clone()).map_err(broken)?;
                        let state = names.iter().position(|n| *n == name);
                        state.and_then(|s| u16::try_from(s).ok()).map_or(Value::Unknown, Value::State)
                    }
                    How::Flag | How::Pulse => {
                        let mut flag = false;
                        encoding::bool::merge(wire_type, &mut flag, &mut record, context.clone()).map_err(broken)?;
                        if matches!(how, How::Flag) { Value::Flag(flag) } else { Value::Pulse }
                    }
                };
                (*signal, value)
            };
            let at = at.ok_or("a record of signals has no time")?;
            samples.push(Sample { at, signal, value });
        }
        Ok(samples)
    }
}
