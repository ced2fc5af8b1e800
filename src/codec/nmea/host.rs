//! This side: hears a receiver. There is nothing to say to it, so that a rig in which it has commands does not check.
//!
//! - A serial line has one receiver; its first good sentence identifies it, since a sentence says nothing of who sent it.
//! - A field that is empty, as while there is no fix, makes its signal unknown.
//! - Sentences of other kinds and of makers' own show that the receiver lives.

use super::sentence::{FIELDS, Field, Found, Framer, Sentence};
use crate::codec::mavlink::host::plan::did_you_mean;
use crate::codec::{
    Body, Codec, ConfigProblem, ConfigSite, Decode, DeviceConfig, EncodeError, LinkConfig, Message, NotTimeless, Note,
    Turn,
};
use crate::command::{Command, Ticket};
use crate::signal::{SignalId, Value};
use crate::time::Time;
use crate::wire::{DeviceId, Frame};

/// Session of one link.
pub struct Host {
    framer: Framer,
    device: DeviceId,
    picks: Vec<Pick>,
    identified: bool,
}

/// A field that becomes a signal.
struct Pick {
    field: &'static Field,
    signal: SignalId,
    scale: f64,
    offset: f64,
    decode: Decode,
}

impl Pick {
    fn value(&self, raw: Option<f64>) -> Value {
        let Some(raw) = raw else { return Value::Unknown };
        let whole = (raw as i64 as f64 == raw).then_some(raw as i64);
        match &self.decode {
            Decode::Number => Value::Number(raw * self.scale + self.offset),
            Decode::Flag => Value::Flag(raw != 0.0),
            Decode::Bit(bit) => whole.map_or(Value::Unknown, |raw| Value::Flag(raw >> bit & 1 == 1)),
            Decode::States(states) => {
                let state = states.iter().find(|(number, _)| Some(*number) == whole);
                state.map_or(Value::Unknown, |(_, place)| Value::State(*place))
            }
            Decode::NamedStates(_) => Value::Unknown,
        }
    }
}

impl Host {
    /// Builds the session; every mistake of the configuration at once.
    pub fn new(config: &LinkConfig) -> Result<Host, Vec<ConfigProblem>> {
        let mut problems = Vec::new();
        let mut picks = Vec::new();
        for (place, device) in config.devices.iter().enumerate() {
            picks.extend(picks_of(device, place > 0, &mut problems));
        }
        let device = config.devices.first().map_or(DeviceId(0), |device| device.device);
        if problems.is_empty() {
            Ok(Host { framer: Framer::default(), device, picks, identified: false })
        } else {
            Err(problems)
        }
    }
}

fn picks_of(device: &DeviceConfig, second: bool, problems: &mut Vec<ConfigProblem>) -> Vec<Pick> {
    let mut problem = |site, message: String, remedy: Option<String>| {
        problems.push(ConfigProblem { device: device.device, site, message, remedy });
    };
    if second {
        let message = "NMEA has no addresses: two receivers on one line cannot be told apart";
        problem(ConfigSite::Protocol, message.into(), Some("give each a link of its own".into()));
    }
    for place in 0..device.commands.len() {
        let message = "a receiver of NMEA sentences is told nothing";
        problem(ConfigSite::Command(place), message.into(), Some("leave its commands out".into()));
    }
    for (place, (name, _)) in device.identity.iter().enumerate() {
        let message = format!("`{name}`: no sentence says who sent it");
        let remedy = "leave `identity` out, and name the port by the receiver's own serial number";
        problem(ConfigSite::Identity(place), message, Some(remedy.into()));
    }
    let may = (0..device.may.len()).map(|place| (ConfigSite::May(place), true));
    let given = [
        (ConfigSite::Heartbeat, device.heartbeat.is_some()),
        (ConfigSite::Poll, device.poll.is_some()),
        (ConfigSite::Tells, device.tells.is_some()),
    ];
    for (site, given) in given.into_iter().chain(may) {
        if given {
            problem(site, "a receiver speaks by itself, and is sent nothing".into(), Some("leave it out".into()));
        }
    }
    let mut picks = Vec::new();
    for (place, map) in device.signals.iter().enumerate() {
        let site = ConfigSite::Signal(place);
        let Some(field) = Field::find(&map.field) else {
            let names: Vec<String> = FIELDS.iter().map(|field| format!("{}.{}", field.sentence, field.name)).collect();
            let remedy = did_you_mean(&map.field, names.iter().map(String::as_str))
                .unwrap_or_else(|| "write it like `GGA.altitude`; docs/nmea.md lists them".into());
            problem(site, format!("no sentence has a field `{}`", map.field), Some(remedy));
            continue;
        };
        match &map.decode {
            Decode::NamedStates(_) => problem(site, "fields of sentences are numbers, not names".into(), None),
            Decode::Bit(bit) if *bit > 62 => problem(site, format!("bit {bit}: numbers have bits 0 to 62 here"), None),
            decode => picks.push(Pick {
                field,
                signal: map.signal,
                scale: map.scale,
                offset: map.offset,
                decode: decode.clone(),
            }),
        }
    }
    picks
}

impl Codec for Host {
    fn feed(&mut self, _at: Time, frame: &Frame, out: &mut Turn) {
        let Host { framer, device, picks, identified } = self;
        framer.feed(&frame.bytes, |found| match found {
            Found::Noise(bytes) => out.note(Note::Noise { bytes }),
            Found::Corrupt(bytes) => out.note(Note::Corrupt { bytes }),
            Found::Sentence(sentence) => {
                if !std::mem::replace(identified, true) {
                    out.note(Note::Identified { device: *device });
                }
                hear(*device, picks, &sentence, out);
            }
        });
    }

    fn order_until(
        &mut self,
        _at: Time,
        _command: &Command,
        _ticket: Ticket,
        _not_after: Option<Time>,
        _out: &mut Turn,
    ) -> Result<(), EncodeError> {
        Err(EncodeError("a receiver of NMEA sentences is told nothing".into()))
    }

    fn tick(&mut self, _at: Time, _out: &mut Turn) {}

    fn next_deadline(&self) -> Option<Time> {
        None
    }

    fn safe(&self, _command: &Command) -> Result<Vec<Frame>, NotTimeless> {
        Err(NotTimeless("a receiver of NMEA sentences is told nothing".into()))
    }

    fn abandon(&mut self) {}
}

fn hear(device: DeviceId, picks: &[Pick], sentence: &Sentence<'_>, out: &mut Turn) {
    let first = out.samples.len();
    let kind = sentence.kind();
    for pick in picks.iter().filter(|pick| pick.field.sentence == kind) {
        out.samples.push((pick.signal, pick.value(pick.field.read(sentence))));
    }
    out.messages.push(Message { device, body: Body::Samples(first..out.samples.len()) });
}
