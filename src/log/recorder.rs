//! Writes a recording as the run goes.

use super::samples::SampleWriter;
use super::{Head, convert, proto, schema};
use crate::run::Input;
use crate::run::event::Event;
use crate::scenario::plan::{FileRole, Plan};
use crate::signal::Sample;
use crate::time::Time;
use crate::wire::Frame;
use mcap::records::MessageHeader;
use mcap::{Attachment, Compression, McapError, WriteOptions};
use prost::Message;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Seek, Write};

/// Topics of the run's own records.
pub const HEAD_TOPIC: &str = "checkrein/head";
/// Everything that the run was told.
pub const INPUT_TOPIC: &str = "checkrein/input";
/// Frames that we sent.
pub const SENT_TOPIC: &str = "checkrein/sent";
/// Everything that happened.
pub const EVENT_TOPIC: &str = "checkrein/event";

// Compressed with LZ4: a record of three samples costs 0.6 us instead of 0.3, a read of 1 KiB 4 instead of 1, and the file
// is half as long; at a million samples per second that is a seventh of one core, on a thread that has it to itself.

/// A chunk is closed at this size at the latest, so that the buffer stays bounded whatever the caller does.
const CHUNK_BYTES_MAX: u64 = 1 << 20;

/// Writes a recording as the run goes. Dropping one without [`Recorder::finish`] writes the summary if it still can.
pub struct Recorder<W: Write + Seek> {
    writer: mcap::Writer<W>,
    wall_clock_unix_nanos: i64,
    sequence: u32,
    input: u16,
    sent: u16,
    event: u16,
    /// MCAP channel of each device, in the order of the head's list.
    devices: Vec<u16>,
    samples: SampleWriter,
    buffer: Vec<u8>,
}

impl<W: Write + Seek> Recorder<W> {
    /// Writes schemas, channels and the head; after this the file can be read.
    pub fn start(out: W, head: &Head, plan: &Plan) -> io::Result<Recorder<W>> {
        // Seeking back to patch a chunk would leave a hole in a file that is cut meanwhile: chunks are built in
        // memory and written whole.
        let writer = WriteOptions::new()
            .library(format!("checkrein {}", head.tool))
            .compression(Some(Compression::Lz4))
            .chunk_size(Some(CHUNK_BYTES_MAX))
            .disable_seeking(true)
            .create(out)
            .map_err(io_error)?;
        let schemas = schema::schemas(&plan.rig.devices, &plan.rig.signals);
        let channels: Vec<proto::SignalChannel> = schemas.iter().map(|s| s.channel.clone()).collect();
        let mut recorder = Recorder {
            writer,
            wall_clock_unix_nanos: head.wall_clock_unix_nanos,
            sequence: 0,
            input: 0,
            sent: 0,
            event: 0,
            devices: Vec::new(),
            samples: SampleWriter::new(&channels),
            buffer: Vec::new(),
        };
        let head_channel = recorder.own_channel("checkrein.v1.Head", HEAD_TOPIC)?;
        convert::head_to(head, channels).encode(&mut recorder.buffer).expect("a Vec takes any number of bytes");
        recorder.write(head_channel, Time::ZERO)?;
        recorder.input = recorder.own_channel("checkrein.v1.Input", INPUT_TOPIC)?;
        recorder.sent = recorder.own_channel("checkrein.v1.Sent", SENT_TOPIC)?;
        recorder.event = recorder.own_channel("checkrein.v1.Event", EVENT_TOPIC)?;
        for device in &schemas {
            let schema = recorder.writer.add_schema(&device.name, "protobuf", &device.descriptors).map_err(io_error)?;
            let channel = recorder
                .writer
                .add_channel(schema, &device.channel.topic, "protobuf", &device.metadata)
                .map_err(io_error)?;
            recorder.devices.push(channel);
        }
        recorder.attach_files(head)?;
        recorder.flush()?;
        Ok(recorder)
    }

    /// The input files once more as attachments, where any MCAP tool shows them.
    fn attach_files(&mut self, head: &Head) -> io::Result<()> {
        let time = log_time(self.wall_clock_unix_nanos, Time::ZERO);
        for file in &head.files {
            let media_type = match file.role {
                FileRole::Dialect => "application/xml",
                FileRole::Policy => "application/octet-stream",
                FileRole::Rig | FileRole::Envelope | FileRole::Scenario | FileRole::Fragment | FileRole::Mapping => {
                    "application/yaml"
                }
            };
            self.writer
                .attach(&Attachment {
                    log_time: time,
                    create_time: time,
                    name: file.path.clone(),
                    media_type: media_type.into(),
                    data: Cow::Borrowed(&file.bytes),
                })
                .map_err(io_error)?;
        }
        Ok(())
    }

    fn own_channel(&mut self, message: &str, topic: &str) -> io::Result<u16> {
        let schema = self.writer.add_schema(message, "protobuf", proto::DESCRIPTORS).map_err(io_error)?;
        self.writer.add_channel(schema, topic, "protobuf", &BTreeMap::new()).map_err(io_error)
    }

    /// Writes what stands in the buffer, and empties it.
    fn write(&mut self, channel: u16, at: Time) -> io::Result<()> {
        let time = log_time(self.wall_clock_unix_nanos, at);
        let header = MessageHeader { channel_id: channel, sequence: self.sequence, log_time: time, publish_time: time };
        self.sequence = self.sequence.wrapping_add(1);
        let written = self.writer.write_to_known_channel(&header, &self.buffer).map_err(io_error);
        self.buffer.clear();
        written
    }

    /// Keeps an input, before the run sees it.
    pub fn input(&mut self, input: &Input) -> io::Result<()> {
        convert::input_to(input).encode(&mut self.buffer).expect("a Vec takes any number of bytes");
        self.write(self.input, input.at())
    }

    /// Keeps decoded samples: one record per device and instant.
    pub fn samples(&mut self, samples: &[Sample]) -> io::Result<()> {
        let mut rest = samples;
        while !rest.is_empty() {
            let Some(group) = self.samples.group(rest) else {
                // A signal that is not in the plan has no place in the recording; ids are made by the plan alone.
                rest = &rest[1..];
                continue;
            };
            let (now, later) = rest.split_at(group.count);
            let unix_nanos = i128::from(self.wall_clock_unix_nanos) + i128::from(group.at.nanos());
            self.samples.encode(unix_nanos, now, &mut self.buffer);
            self.write(self.devices[group.channel], group.at)?;
            rest = later;
        }
        Ok(())
    }

    /// Keeps an event.
    pub fn event(&mut self, event: &Event) -> io::Result<()> {
        convert::event_to(event).encode(&mut self.buffer).expect("a Vec takes any number of bytes");
        self.write(self.event, event.at)
    }

    /// Bytes we sent, as they left.
    pub fn sent(&mut self, at: Time, frame: &Frame) -> io::Result<()> {
        convert::sent_to(at, frame).encode(&mut self.buffer).expect("a Vec takes any number of bytes");
        self.write(self.sent, at)
    }

    /// Closes the chunk, so that a cut later on loses nothing up to here.
    pub fn flush(&mut self) -> io::Result<()> {
        self.writer.flush().map_err(io_error)
    }

    /// Writes the summary and gives the writer back.
    pub fn finish(mut self) -> io::Result<W> {
        self.writer.finish().map_err(io_error)?;
        let mut out = self.writer.into_inner();
        out.flush()?;
        Ok(out)
    }
}

/// Wall-clock time of an instant, as MCAP wants it: it knows nothing before 1970.
fn log_time(wall_clock_unix_nanos: i64, at: Time) -> u64 {
    let nanos = i128::from(wall_clock_unix_nanos) + i128::from(at.nanos());
    u64::try_from(nanos.max(0)).expect("two i64 add up to less than 2^64")
}

fn io_error(error: McapError) -> io::Error {
    match error {
        McapError::Io(error) => error,
        McapError::AttemptedWriteAfterFailure => io::Error::other("the recording could not be written before"),
        other => io::Error::other(other),
    }
}
