//! Protocols: bytes become messages, commands become bytes.
//!
//! Invariant: a codec opens nothing and waits for nothing; garbage on the wire is a note, never an error.
//!
//! # Adding a protocol
//! 1. A folder `codec/<name>/` with `host.rs` (this side) and `device.rs` (its mirror, for twins and tests).
//! 2. A variant of [`Protocol`] and an arm in [`build`].

pub mod binary;
pub mod can;
pub mod checksum;
pub mod framed;
pub mod grbl;
pub mod json;
pub mod lines;
pub mod mavlink;
pub mod modbus;
pub mod nmea;
pub mod protobuf;
pub mod recognise;
pub mod sparkplug;

use crate::command::{Command, CommandId, Ticket};
use crate::signal::{SignalId, Value};
use crate::time::{Span, Time};
use crate::wire::{DeviceId, Frame, Lane, LinkId, Presence};
use std::ops::Range;

/// One session per link: it demultiplexes the link's devices by address.
pub trait Codec: Send {
    /// Takes what arrived. Any chunking of the same stream gives the same messages.
    fn feed(&mut self, at: Time, frame: &Frame, out: &mut Turn);
    /// Takes an order: its frames go to `out`, now or (flow control) in a later call. The ticket comes back in a note.
    fn order(&mut self, at: Time, command: &Command, ticket: Ticket, out: &mut Turn) -> Result<(), EncodeError> {
        self.order_until(at, command, ticket, None, out)
    }
    /// The same, for an order whose time runs out: nothing of it is begun or repeated later than `not_after`. Each of its
    /// frames carries that instant, and the first of them the ticket's number; what waited inside the codec until then is
    /// noted as [`Note::Lapsed`].
    fn order_until(
        &mut self,
        at: Time,
        command: &Command,
        ticket: Ticket,
        not_after: Option<Time>,
        out: &mut Turn,
    ) -> Result<(), EncodeError>;
    /// The first frame of an order was thrown away behind this codec, since its time to leave was over: nobody will answer.
    fn lapsed(&mut self, _at: Time, _order: Ticket, _out: &mut Turn) {}
    /// Whether it wants to hear what left, for a protocol whose answers name nothing but come in the order of the wire.
    fn hears_leaving(&self) -> bool {
        false
    }
    /// A frame of Normal or Query left, perhaps past others that were given before it.
    fn left(&mut self, _at: Time, _frame: &Frame) {}
    /// Tells a controller what it may see: one telling of `tells[index]` with these values, in the order of its fields.
    fn tell(&mut self, _at: Time, _device: DeviceId, _values: &[(SignalId, Value)], _out: &mut Turn) {}
    /// Does what is due: polls, heartbeats, time-outs, retries.
    fn tick(&mut self, at: Time, out: &mut Turn);
    /// When `tick` wants to be called next.
    fn next_deadline(&self) -> Option<Time>;
    /// The frames of a command in a form that is valid at any later time, from any process, after any half-sent frame.
    fn safe(&self, command: &Command) -> Result<Vec<Frame>, NotTimeless>;
    /// On a trip: empties the queues of everything that is not Safe or Query.
    fn abandon(&mut self);
    /// Holds our heartbeat back from a device (and whoever else hears the same one), or sends it again. False: this
    /// protocol has no heartbeat that could be held back.
    fn mute(&mut self, _device: DeviceId, _on: bool) -> bool {
        false
    }
    /// From here on [`Note::Firmware`], [`Note::Clock`] and [`Note::RoundTrip`] are noted, by protocols that tell them: for
    /// who looks at a rig. A run rests on none of them.
    fn note_figures(&mut self) {}
    /// What the connection of this link tells others on the broker of us: that we are there, and (its will) that we are not.
    fn presence(&self) -> Option<Presence> {
        None
    }
    /// MQTT topics to subscribe to on this link; empty on serial links.
    fn subscriptions(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What came of one call; reused from call to call, cleared by the caller.
#[derive(Default, Debug)]
pub struct Turn {
    /// One message is one instant: its samples apply together.
    pub messages: Vec<Message>,
    /// The samples of all messages, flat.
    pub samples: Vec<(SignalId, Value)>,
    pub notes: Vec<Note>,
    /// Per note of [`Turn::note`]: how many messages stood before it.
    places: Vec<usize>,
    pub sends: Vec<(Lane, Frame)>,
}

impl Turn {
    /// Empties it, keeping its memory.
    pub fn clear(&mut self) {
        self.messages.clear();
        self.samples.clear();
        self.notes.clear();
        self.places.clear();
        self.sends.clear();
    }
    /// Adds a note where it stands among the messages, so that a restart is told before the first message after it.
    pub fn note(&mut self, note: Note) {
        self.places.push(self.messages.len());
        self.notes.push(note);
    }
    /// Whether the note that stood at `place` belongs before the message at `message`.
    pub fn note_is_before(&self, place: usize, message: usize) -> bool {
        self.places.get(place).is_some_and(|before| *before <= message)
    }
}

/// One message of one device.
#[derive(Clone, PartialEq, Debug)]
pub struct Message {
    pub device: DeviceId,
    pub body: Body,
}

/// What a message is.
#[derive(Clone, PartialEq, Debug)]
pub enum Body {
    /// Telemetry: these samples of [`Turn::samples`]. May be empty: the device is alive all the same.
    Samples(Range<usize>),
    /// A controller proposes a command; it goes through the guard's gate. `stale`: retained or replayed.
    Proposal { command: Command, stale: bool },
}

/// Something worth an event or a count.
#[derive(Clone, PartialEq, Debug)]
pub enum Note {
    /// Bytes that belong to no frame.
    Noise { bytes: u32 },
    /// A frame whose check sum is wrong.
    Corrupt { bytes: u32 },
    /// A frame of a device or kind that the rig does not list.
    Foreign,
    /// Sequence numbers say that messages were lost.
    Gap { device: DeviceId, lost: u32 },
    /// The device started anew (banner, boot time ran backwards, rebirth).
    Restart { device: DeviceId },
    /// The device did what the order asked, or took it as its protocol acknowledges.
    Acked { ticket: Ticket },
    /// The device refused.
    Refused { ticket: Ticket, reason: String },
    /// The device answered a safe frame, which has no ticket: one of these commands, with the reason where it refused.
    SafeAcked { device: DeviceId, commands: Vec<CommandId>, refused: Option<String> },
    /// No acknowledgement came in the protocol's own time, retries included.
    Unanswered { ticket: Ticket },
    /// The order waited for its turn until its time was over: nothing of it was said.
    Lapsed { ticket: Ticket },
    /// All identity facts of the device that the rig asks for were heard and agree.
    Identified { device: DeviceId },
    /// The device is another one than the rig says.
    WrongIdentity { device: DeviceId, fact: String, found: String, wanted: String },
    /// A controller's message that could not be understood, in words.
    Malformed { device: DeviceId, why: String },
    /// The version of its firmware, in the words of its protocol.
    Firmware { device: DeviceId, version: String },
    /// What the device's clock says: since 1970 (`unix`, UTC), or since it started. Not more often than once in 100 ms.
    Clock { device: DeviceId, told: Span, unix: bool },
    /// The device answered a question of ours after so long.
    RoundTrip { device: DeviceId, took: Span },
    /// Something the device says in words (STATUSTEXT).
    Text { device: DeviceId, severity: u8, text: String },
}

/// Why an order could not be encoded.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct EncodeError(pub String);

/// Why a command has no form that is valid at any time.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotTimeless(pub String);

/// Everything a codec must know of one link.
#[derive(Clone, PartialEq, Debug)]
pub struct LinkConfig {
    pub link: LinkId,
    pub devices: Vec<DeviceConfig>,
}

/// Everything a codec must know of one device; made by `rig` from the rig file.
#[derive(Clone, PartialEq, Debug)]
pub struct DeviceConfig {
    pub device: DeviceId,
    /// The device's name in the rig file, for notes.
    pub name: String,
    pub protocol: Protocol,
    pub signals: Vec<SignalMap>,
    pub commands: Vec<CommandMap>,
    /// Facts that must hold: (`AUTOPILOT_VERSION.uid`, wanted). None: the first message of the right address identifies it.
    pub identity: Vec<(String, FieldValue)>,
    /// What we send so that the device knows we live: (message, period).
    pub heartbeat: Option<(String, Span)>,
    /// What we ask of a device that says nothing unasked: (question, period).
    pub poll: Option<(String, Span)>,
    /// What a controller is told.
    pub tells: Option<Tells>,
    /// What a controller may ask for.
    pub may: Vec<May>,
}

/// The protocol of a device, with what addresses it there.
#[derive(Clone, PartialEq, Debug)]
pub enum Protocol {
    /// `dialect`: `common`, `ardupilotmega`, or XML texts (the file and its includes) that the rig names.
    Mavlink { dialect: mavlink::DialectSource, system: u8, component: u8 },
    /// Objects over MQTT.
    Json,
    /// Objects over a serial line, one per line of text.
    JsonLines(std::sync::Arc<json::ObjectsConfig>),
    /// CAN through a serial adapter: the signals' file, the adapter's setup, and the identifier of the control unit that
    /// answers questions of OBD-II (it answers at eight more).
    Slcan { dbc: std::sync::Arc<can::DbcSource>, setup: can::Setup, obd: u32 },
    /// Modbus RTU: the unit's address, which word of two comes first, and how the line is timed.
    Modbus { unit: u8, order: modbus::WordOrder, timing: modbus::host::Timing },
    /// Text lines by a description in the rig file.
    Lines(std::sync::Arc<lines::LinesConfig>),
    /// Frames of declared layouts.
    Binary(std::sync::Arc<binary::BinaryConfig>),
    /// Frames of messages that a `.proto` beside the rig file describes.
    Protobuf(std::sync::Arc<protobuf::ProtobufConfig>),
    /// GRBL 1.1: one controller per port.
    Grbl,
    /// NMEA 0183: one receiver per port, which is only heard.
    Nmea,
    /// An edge node, or one device of it. `host`: the primary host that it waits for and obeys, which is us.
    Sparkplug { group: String, node: String, device: Option<String>, host: Option<String> },
}

/// What kind of link a protocol is spoken over.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Over {
    Serial,
    Mqtt,
    Either,
}

impl Protocol {
    /// The kinds of link that carry it.
    pub fn over(&self) -> Over {
        match self {
            Protocol::Mavlink { .. }
            | Protocol::Grbl
            | Protocol::Slcan { .. }
            | Protocol::Modbus { .. }
            | Protocol::Lines(_)
            | Protocol::Binary(_)
            | Protocol::Protobuf(_)
            | Protocol::JsonLines(_)
            | Protocol::Nmea => Over::Serial,
            Protocol::Json | Protocol::Sparkplug { .. } => Over::Mqtt,
        }
    }
    /// Its name for people.
    pub fn speaks(&self) -> &'static str {
        match self {
            Protocol::Mavlink { .. } => "MAVLink",
            Protocol::Json => "JSON",
            Protocol::JsonLines(_) => "JSON lines",
            Protocol::Slcan { .. } => "SLCAN",
            Protocol::Modbus { .. } => "Modbus",
            Protocol::Lines(_) => "lines",
            Protocol::Binary(_) => "binary frames",
            Protocol::Protobuf(_) => "protobuf",
            Protocol::Grbl => "GRBL",
            Protocol::Nmea => "NMEA 0183",
            Protocol::Sparkplug { .. } => "Sparkplug B",
        }
    }
    /// Whether devices of both can share a link.
    pub fn shares_with(&self, other: &Protocol) -> bool {
        match (self, other) {
            (Protocol::Mavlink { dialect: a, .. }, Protocol::Mavlink { dialect: b, .. }) => a == b,
            (Protocol::Modbus { timing: a, .. }, Protocol::Modbus { timing: b, .. }) => a == b,
            (Protocol::Json, Protocol::Json) | (Protocol::Grbl, Protocol::Grbl) | (Protocol::Nmea, Protocol::Nmea) => {
                true
            }
            (Protocol::Sparkplug { .. }, Protocol::Sparkplug { .. }) => true,
            (Protocol::Slcan { setup: a, .. }, Protocol::Slcan { setup: b, .. }) => a == b,
            // Each has the whole port to itself; the address says so.
            (Protocol::Lines(_), Protocol::Lines(_))
            | (Protocol::Binary(_), Protocol::Binary(_))
            | (Protocol::JsonLines(_), Protocol::JsonLines(_))
            | (Protocol::Protobuf(_), Protocol::Protobuf(_)) => true,
            _ => false,
        }
    }
    /// Whether nothing tells its devices apart: one device to a port.
    pub fn has_whole_port(&self) -> bool {
        matches!(
            self,
            Protocol::Grbl
                | Protocol::Lines(_)
                | Protocol::Binary(_)
                | Protocol::Protobuf(_)
                | Protocol::JsonLines(_)
                | Protocol::Nmea
        )
    }
    /// By what a device is told from others on its link, in words; `None` where names of messages do that.
    pub fn address(&self) -> Option<String> {
        match self {
            Protocol::Mavlink { system, component, .. } => Some(format!("system {system}, component {component}")),
            _ if self.has_whole_port() => Some("the whole port".to_owned()),
            Protocol::Modbus { unit, .. } => Some(format!("unit {unit}")),
            Protocol::Sparkplug { group, node, device: None, .. } => Some(format!("edge node {group}/{node}")),
            Protocol::Sparkplug { group, node, device: Some(device), .. } => {
                Some(format!("device {device} of edge node {group}/{node}"))
            }
            // Names of messages tell them apart.
            _ => None,
        }
    }
}

/// How a field becomes a signal: value = raw * scale + offset, in SI.
#[derive(Clone, PartialEq, Debug)]
pub struct SignalMap {
    pub signal: SignalId,
    /// `MESSAGE.field` (MAVLink; `field[3]` for arrays), `topic#/json/pointer` (JSON), `holding[100]:u16` (Modbus).
    pub field: String,
    pub scale: f64,
    pub offset: f64,
    pub decode: Decode,
    /// Expected period, so that the codec can ask the device for it.
    pub every: Option<Span>,
}

/// How the raw number becomes a value.
#[derive(Clone, PartialEq, Debug)]
pub enum Decode {
    Number,
    /// Raw number -> place in the signal's list of states; anything else is unknown.
    States(Vec<(i64, u16)>),
    /// Raw text (JSON) -> place in the list of states.
    NamedStates(Vec<(String, u16)>),
    /// This bit of the raw number.
    Bit(u8),
    /// Not zero, or JSON true.
    Flag,
}

/// How a command becomes a message.
#[derive(Clone, PartialEq, Debug)]
pub struct CommandMap {
    pub command: CommandId,
    /// Message name (MAVLink) or topic (JSON).
    pub send: String,
    /// Field name and value, in file order.
    pub with: Vec<(String, FieldValue)>,
    /// Message that acknowledges (`COMMAND_ACK`), if any.
    pub ack: Option<String>,
}

/// A field's value in a command's message.
#[derive(Clone, PartialEq, Debug)]
pub enum FieldValue {
    Number(f64),
    /// An enum entry (`MAV_CMD_NAV_LAND`) or a text; where a protocol has truth values, `true` and `false` are these.
    Text(String),
    /// The argument at this place times scale plus offset: the raw number the wire wants.
    Arg {
        index: u8,
        scale: f64,
        offset: f64,
    },
}

/// What a controller is told: a JSON object of these signals on a topic.
#[derive(Clone, PartialEq, Debug)]
pub struct Tells {
    pub topic: String,
    pub every: Span,
    /// (signal, its name in the object, the factor from SI to the unit told, states by name).
    pub fields: Vec<TellField>,
}

/// One field of a telling.
#[derive(Clone, PartialEq, Debug)]
pub struct TellField {
    pub signal: SignalId,
    /// The signal's name as the rig knows it: `fc.altitude`.
    pub name: String,
    /// told = (SI − offset) / scale, in the signal's own unit.
    pub scale: f64,
    pub offset: f64,
    /// State names, for state signals.
    pub states: Vec<String>,
}

/// A command that a controller may ask for, on a topic, as a JSON object of arguments in their own units.
#[derive(Clone, PartialEq, Debug)]
pub struct May {
    pub command: CommandId,
    pub topic: String,
    /// Argument names with the way to SI: si = raw * scale + offset.
    pub args: Vec<(String, f64, f64)>,
}

/// A mistake in a configuration, named by where it stands so that the rig checker can point at the word.
#[derive(Clone, PartialEq, Debug)]
pub struct ConfigProblem {
    pub device: DeviceId,
    pub site: ConfigSite,
    /// What was found and what was wanted.
    pub message: String,
    /// What to do; e.g. the nearest known name.
    pub remedy: Option<String>,
}

/// Where in a [`DeviceConfig`] a mistake stands.
#[derive(Clone, PartialEq, Debug)]
pub enum ConfigSite {
    Protocol,
    /// Index into `signals`.
    Signal(usize),
    /// Index into `commands`.
    Command(usize),
    /// Index into `commands` and into its `with`.
    CommandField(usize, usize),
    /// Index into `identity`.
    Identity(usize),
    Heartbeat,
    Poll,
    Tells,
    /// Index into `may`.
    May(usize),
}

/// The topics on which a device of an MQTT link publishes, and those it hears: what its account on the broker may do.
pub fn topics(device: &DeviceConfig) -> (Vec<String>, Vec<String>) {
    if let Protocol::Sparkplug { group, node, host, .. } = &device.protocol {
        let (publishes, mut hears) = sparkplug::topics(group, node);
        hears.extend(host.as_deref().map(sparkplug::state::topic));
        return (publishes, hears);
    }
    let topic = |field: &str| field.split('#').next().unwrap_or(field).to_owned();
    let mut publishes: Vec<String> = device.may.iter().map(|may| may.topic.clone()).collect();
    publishes.extend(device.signals.iter().map(|signal| topic(&signal.field)));
    let mut hears: Vec<String> = device.tells.iter().map(|tells| tells.topic.clone()).collect();
    hears.extend(device.commands.iter().map(|command| command.send.clone()));
    (publishes, hears)
}

/// The topics on which a device of an MQTT link takes its commands.
pub fn command_topics(device: &DeviceConfig) -> Vec<String> {
    match &device.protocol {
        Protocol::Sparkplug { group, node, device: below, .. } if !device.commands.is_empty() => {
            vec![sparkplug::told_on(group, node, below.as_deref())]
        }
        Protocol::Sparkplug { .. } => Vec::new(),
        _ => device.commands.iter().map(|command| command.send.clone()).collect(),
    }
}

/// Builds the session of a link; every mistake at once.
pub fn build(config: &LinkConfig) -> Result<Box<dyn Codec>, Vec<ConfigProblem>> {
    match config.devices.first().map(|d| &d.protocol) {
        Some(Protocol::Slcan { .. }) => Ok(Box::new(can::host::Host::new(config)?)),
        Some(Protocol::Mavlink { .. }) => Ok(Box::new(mavlink::host::Host::new(config)?)),
        Some(Protocol::Modbus { .. }) => Ok(Box::new(modbus::host::Host::new(config)?)),
        Some(Protocol::Lines(_)) => Ok(Box::new(lines::host::Host::new(config)?)),
        Some(Protocol::Protobuf(_)) => Ok(Box::new(protobuf::Host::new(config)?)),
        Some(Protocol::JsonLines(_)) => Ok(Box::new(framed::Host::<json::Objects>::new(config)?)),
        Some(Protocol::Binary(_)) => Ok(Box::new(binary::Host::new(config)?)),
        Some(Protocol::Grbl) => Ok(Box::new(grbl::host::Host::new(config)?)),
        Some(Protocol::Nmea) => Ok(Box::new(nmea::host::Host::new(config)?)),
        Some(Protocol::Sparkplug { .. }) => Ok(Box::new(sparkplug::host::Host::new(config)?)),
        Some(Protocol::Json) | None => Ok(Box::new(json::host::Host::new(config)?)),
    }
}
