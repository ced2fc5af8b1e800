//! Opens a recording, whole or not.

use super::recorder::{EVENT_TOPIC, HEAD_TOPIC, INPUT_TOPIC, SENT_TOPIC};
use super::samples::SampleReader;
use super::{Entry, FORMAT, Head, Loss, NotARecording, Recording, convert, proto, sound};
use crate::time::Time;
use mcap::McapError;
use mcap::records::Record;
use mcap::sans_io::linear_reader::{LinearReadEvent, LinearReader, LinearReaderOptions};
use prost::Message;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// No record of ours is longer: a longer one is damage, and is not worth the memory.
pub(super) const RECORD_BYTES_MAX: usize = 64 << 20;

/// Opens a recording, healed: everything before the damage.
pub fn open(bytes: &[u8]) -> Result<Recording, NotARecording> {
    if bytes.is_empty() {
        return Err(NotARecording("the file is empty".into()));
    }
    let magic = &bytes[..bytes.len().min(mcap::MAGIC.len())];
    if magic != &mcap::MAGIC[..magic.len()] {
        return Err(NotARecording("this is no recording: it does not begin like an MCAP file".into()));
    }
    let (sound, mut damage) = sound::prefix(bytes);
    let mut reading = Reading::default();
    let read = read_records(sound, &mut reading);
    let whole_bytes = read.whole_bytes;
    // What the records say of the damage is nearer to the cause than what the scan found behind it.
    match read.end {
        End::Whole => {}
        End::Cut if damage.is_some() => {}
        End::Cut => damage = Some("it ends without its closing records: it was cut, or the program was stopped".into()),
        End::Damaged(why) => damage = Some(why),
        End::Foreign(why) => return Err(NotARecording(why)),
    }
    let Some(head) = reading.head else {
        return Err(NotARecording(match damage {
            Some(why) => format!("nothing of this recording can be used, its head is not whole: {why}"),
            None => "this is an MCAP file, but no recording of Checkrein: it has no head".into(),
        }));
    };
    let loss = damage.map(|why| Loss {
        whole_until: reading.entries.iter().filter_map(Entry::at).max().unwrap_or(Time::ZERO),
        bytes: (bytes.len() - whole_bytes) as u64,
        why,
    });
    Ok(Recording { head, entries: reading.entries, loss })
}

/// How reading ended.
enum End {
    /// With the closing magic, every check sum right.
    Whole,
    /// In the middle.
    Cut,
    Damaged(String),
    /// A well-formed file of somebody else.
    Foreign(String),
}

struct Read {
    end: End,
    /// Bytes up to the end of the last record that could be used.
    whole_bytes: usize,
}

/// What was understood so far.
#[derive(Default)]
struct Reading {
    head: Option<Head>,
    channels: BTreeMap<u16, ChannelKind>,
    signals: BTreeMap<String, SampleReader>,
    entries: Vec<Entry>,
}

#[derive(Clone)]
enum ChannelKind {
    Head,
    Input,
    Sent,
    Event,
    /// By topic.
    Signals(String),
}

fn read_records(bytes: &[u8], reading: &mut Reading) -> Read {
    let options = LinearReaderOptions::default()
        .with_prevalidate_chunk_crcs(true)
        .with_validate_data_section_crc(true)
        .with_validate_summary_section_crc(true)
        .with_check_finishes_after_end_magic(true)
        .with_record_length_limit(RECORD_BYTES_MAX);
    let mut reader = LinearReader::new_with_options(options);
    let mut fed = 0;
    let mut whole_bytes = 0;
    loop {
        let event = match reader.next_event() {
            None => return Read { end: End::Whole, whole_bytes: fed },
            Some(Ok(event)) => event,
            Some(Err(McapError::UnexpectedEof)) => return Read { end: End::Cut, whole_bytes },
            Some(Err(error)) => return Read { end: End::Damaged(damage_words(&error)), whole_bytes },
        };
        match event {
            LinearReadEvent::ReadRequest(wanted) => {
                let rest = &bytes[fed..];
                // The reader is never given room for more than there is: a length that lies costs no memory.
                let length = wanted.min(rest.len());
                reader.insert(length)[..length].copy_from_slice(&rest[..length]);
                reader.notify_read(length);
                fed += length;
            }
            LinearReadEvent::Record { opcode, data } => {
                match mcap::parse_record(opcode, data) {
                    Ok(record) => match reading.take(record) {
                        Ok(()) => {}
                        Err(Trouble::Damage(why)) => return Read { end: End::Damaged(why), whole_bytes },
                        Err(Trouble::Foreign(why)) => return Read { end: End::Foreign(why), whole_bytes },
                    },
                    Err(error) => return Read { end: End::Damaged(damage_words(&error)), whole_bytes },
                }
                whole_bytes = fed;
            }
        }
    }
}

enum Trouble {
    Damage(String),
    Foreign(String),
}

impl Reading {
    fn take(&mut self, record: Record<'_>) -> Result<(), Trouble> {
        match record {
            Record::Channel(channel) => {
                let kind = match channel.topic.as_str() {
                    HEAD_TOPIC => ChannelKind::Head,
                    INPUT_TOPIC => ChannelKind::Input,
                    SENT_TOPIC => ChannelKind::Sent,
                    EVENT_TOPIC => ChannelKind::Event,
                    topic => ChannelKind::Signals(topic.to_string()),
                };
                self.channels.insert(channel.id, kind);
                Ok(())
            }
            Record::Message { header, data } => self.message(header.channel_id, header.sequence, &data),
            _ => Ok(()),
        }
    }

    fn message(&mut self, channel: u16, sequence: u32, data: &[u8]) -> Result<(), Trouble> {
        let kind = self
            .channels
            .get(&channel)
            .cloned()
            .ok_or_else(|| Trouble::Damage("a record belongs to a channel that was never named".into()))?;
        let Some(head) = &self.head else {
            if !matches!(kind, ChannelKind::Head) {
                return Err(Trouble::Foreign(
                    "this is an MCAP file, but no recording of Checkrein: its first record is no head".into(),
                ));
            }
            return self.read_head(data);
        };
        if let ChannelKind::Signals(topic) = &kind
            && !self.signals.contains_key(topic)
        {
            // Somebody added a channel of their own to the file; it is none of our business.
            return Ok(());
        }
        // A block whose kind was damaged is skipped by the reader as something unknown; the count tells.
        let wanted = u32::try_from((self.entries.len() as u64 + 1) % (1 << 32)).expect("a rest of 2^32 fits");
        if sequence != wanted {
            return Err(Trouble::Damage(format!("record {wanted} is missing, the next one is {sequence}")));
        }
        let entry = match kind {
            ChannelKind::Head => return Err(Trouble::Damage("it has a second head".into())),
            ChannelKind::Input => Entry::Input(
                proto::Input::decode(data).map_err(unreadable).and_then(|m| convert::input_from(m).map_err(misread))?,
            ),
            ChannelKind::Event => Entry::Event(
                proto::Event::decode(data).map_err(unreadable).and_then(|m| convert::event_from(m).map_err(misread))?,
            ),
            ChannelKind::Sent => {
                let (at, frame) = proto::Sent::decode(data)
                    .map_err(unreadable)
                    .and_then(|m| convert::sent_from(m).map_err(misread))?;
                Entry::Sent { at, frame }
            }
            ChannelKind::Signals(topic) => {
                Entry::Samples(self.signals[&topic].decode(head.wall_clock_unix_nanos, data).map_err(misread)?)
            }
        };
        self.entries.push(entry);
        Ok(())
    }

    fn read_head(&mut self, data: &[u8]) -> Result<(), Trouble> {
        let message = proto::Head::decode(data).map_err(unreadable)?;
        if message.format > FORMAT {
            return Err(Trouble::Foreign(format!(
                "this recording has format {}, made by Checkrein {}; this program reads formats up to {FORMAT}",
                message.format, message.tool
            )));
        }
        let head = convert::head_from(&message).map_err(misread)?;
        for file in &head.files {
            let hash: [u8; 32] = Sha256::digest(&file.bytes).into();
            if hash != file.sha256 {
                return Err(Trouble::Foreign(format!(
                    "the recorded file `{}` does not match its own SHA-256: the recording was altered",
                    file.path
                )));
            }
        }
        for channel in &message.signal_channels {
            self.signals.insert(channel.topic.clone(), SampleReader::new(channel));
        }
        self.head = Some(head);
        Ok(())
    }
}

fn unreadable(error: prost::DecodeError) -> Trouble {
    Trouble::Damage(format!("a record cannot be read: {error}"))
}

fn misread(why: convert::Misread) -> Trouble {
    Trouble::Damage(why)
}

/// The damage in words, without the library's own names.
fn damage_words(error: &McapError) -> String {
    match error {
        McapError::BadChunkCrc { .. } => "a block does not match its check sum: bytes in it were changed".into(),
        McapError::BadDataCrc { .. } => {
            "the file does not match its check sum: bytes outside of the records were changed".into()
        }
        McapError::BadSummaryCrc { .. } => "the index at the end does not match its check sum".into(),
        McapError::BadMagic => "it does not end like an MCAP file".into(),
        other => format!("it cannot be read on: {other}"),
    }
}
