//! A link with one flight controller, as the drone rig has it, and its mirror.

use checkrein::codec::mavlink::DialectSource;
use checkrein::codec::mavlink::device::{Received, Vehicle};
use checkrein::codec::{
    Codec, CommandMap, Decode, DeviceConfig, FieldValue, LinkConfig, Note, Protocol, SignalMap, Turn, build,
};
use checkrein::command::{Command, CommandId};
use checkrein::signal::{SignalId, Value};
use checkrein::time::{Span, Time};
use checkrein::wire::{DeviceId, Frame, Lane, LinkId};

pub const LINK: LinkId = LinkId(3);
pub const FC: DeviceId = DeviceId(7);
pub const ALTITUDE: SignalId = SignalId(0);
pub const ROLL: SignalId = SignalId(1);
pub const MODE: SignalId = SignalId(2);
pub const ARMED: SignalId = SignalId(3);
pub const CELL_4: SignalId = SignalId(4);
pub const BATTERY: SignalId = SignalId(5);

pub const ARM: CommandId = CommandId(0);
pub const GOTO: CommandId = CommandId(1);
pub const LAND: CommandId = CommandId(2);
pub const SET_MODE: CommandId = CommandId(3);
pub const SET_PARAM: CommandId = CommandId(4);
/// Lands too, but its payload holds what looks like the beginning of the longest frame there is.
pub const LAND_TRICKY: CommandId = CommandId(5);

pub fn at_ms(ms: i64) -> Time {
    Time::ZERO + Span::from_millis(ms)
}

pub fn text(entry: &str) -> FieldValue {
    FieldValue::Text(entry.into())
}

pub fn signal(signal: SignalId, field: &str, scale: f64, decode: Decode, every: Option<Span>) -> SignalMap {
    SignalMap { signal, field: field.into(), scale, offset: 0.0, decode, every }
}

pub fn config() -> LinkConfig {
    let fast = Some(Span::from_millis(20));
    let command = |id, send: &str, with: Vec<(&str, FieldValue)>, acked: bool| CommandMap {
        command: id,
        send: send.into(),
        with: with.into_iter().map(|(name, value)| (name.to_string(), value)).collect(),
        ack: acked.then(|| "COMMAND_ACK".to_string()),
    };
    let arg = |index, scale| FieldValue::Arg { index, scale, offset: 0.0 };
    LinkConfig {
        link: LINK,
        devices: vec![DeviceConfig {
            device: FC,
            name: "fc".into(),
            protocol: Protocol::Mavlink { dialect: DialectSource::Ardupilotmega, system: 1, component: 1 },
            signals: vec![
                signal(ALTITUDE, "LOCAL_POSITION_NED.z", -1.0, Decode::Number, fast),
                signal(ROLL, "ATTITUDE.roll", 1.0, Decode::Number, fast),
                signal(
                    MODE,
                    "HEARTBEAT.custom_mode",
                    1.0,
                    Decode::States(vec![(0, 0), (4, 1), (6, 2), (9, 3)]),
                    Some(Span::from_secs(1)),
                ),
                signal(ARMED, "HEARTBEAT.base_mode", 1.0, Decode::Bit(7), Some(Span::from_secs(1))),
                signal(CELL_4, "BATTERY_STATUS.voltages[3]", 1e-3, Decode::Number, None),
                signal(BATTERY, "SYS_STATUS.battery_remaining", 0.01, Decode::Number, Some(Span::from_millis(500))),
            ],
            commands: vec![
                command(
                    ARM,
                    "COMMAND_LONG",
                    vec![("command", text("MAV_CMD_COMPONENT_ARM_DISARM")), ("param1", FieldValue::Number(1.0))],
                    true,
                ),
                command(
                    GOTO,
                    "SET_POSITION_TARGET_LOCAL_NED",
                    vec![
                        ("coordinate_frame", text("MAV_FRAME_LOCAL_NED")),
                        ("type_mask", FieldValue::Number(3576.0)),
                        ("z", arg(0, -1.0)),
                        ("x", arg(1, 1.0)),
                    ],
                    false,
                ),
                command(LAND, "COMMAND_LONG", vec![("command", text("MAV_CMD_NAV_LAND"))], true),
                command(
                    SET_MODE,
                    "SET_MODE",
                    vec![("base_mode", text("MAV_MODE_FLAG_CUSTOM_MODE_ENABLED")), ("custom_mode", arg(0, 1.0))],
                    true,
                ),
                command(
                    SET_PARAM,
                    "PARAM_SET",
                    vec![
                        ("param_id", text("WPNAV_SPEED")),
                        ("param_value", arg(0, 100.0)),
                        ("param_type", text("MAV_PARAM_TYPE_REAL32")),
                    ],
                    false,
                ),
                command(
                    LAND_TRICKY,
                    "COMMAND_LONG",
                    vec![
                        ("command", text("MAV_CMD_NAV_LAND")),
                        ("param1", FieldValue::Number(f32::from_bits(0x01FF_FD55).into())),
                        ("param7", FieldValue::Number(f32::from_bits(0x00FF_FE55).into())),
                        ("param6", FieldValue::Number(f32::from_bits(0x01FF_FD55).into())),
                    ],
                    true,
                ),
            ],
            identity: vec![],
            heartbeat: Some(("HEARTBEAT".into(), Span::from_secs(1))),
            poll: None,
            tells: None,
            may: vec![],
        }],
    }
}

/// Host and vehicle, joined by hand.
pub struct Bench {
    pub host: Box<dyn Codec>,
    pub vehicle: Vehicle,
    /// Everything the host said since `take`.
    pub turn: Turn,
}

impl Bench {
    pub fn new(config: &LinkConfig) -> Bench {
        let host = build(config).unwrap_or_else(|problems| panic!("{problems:#?}"));
        let vehicle = Vehicle::new(&DialectSource::Ardupilotmega, 1, 1).expect("the built-in dialect loads");
        Bench { host, vehicle, turn: Turn::default() }
    }
    /// The vehicle says something and the host hears it.
    pub fn says(&mut self, at: Time, message: &str, fields: &[(&str, f64)]) {
        let mut bytes = Vec::new();
        self.vehicle.send(message, fields, &[], &mut bytes).expect("the test names messages that exist");
        self.host.feed(at, &Frame::serial(LINK, bytes), &mut self.turn);
    }
    pub fn tick(&mut self, at: Time) {
        self.host.tick(at, &mut self.turn);
    }
    /// What the vehicle hears of everything the host sent on a lane since the last call of `clear`.
    pub fn heard(&mut self, lane: Lane) -> Vec<Received> {
        let bytes: Vec<u8> =
            self.turn.sends.iter().filter(|(l, _)| *l == lane).flat_map(|(_, f)| f.bytes.clone()).collect();
        let mut received = Vec::new();
        self.vehicle.feed(&bytes, &mut received);
        received
    }
    pub fn clear(&mut self) {
        self.turn.clear();
    }
}

pub fn command(id: CommandId, args: &[f64]) -> Command {
    Command::new(id, args).expect("few arguments")
}

/// Per message its samples; the notes but for noise, which comes in portions; the bytes of noise.
pub type Decoded = (Vec<Vec<(SignalId, Value)>>, Vec<Note>, u32);

/// What a host makes of a stream in chunks of this size.
pub fn decode_in_chunks(config: &LinkConfig, stream: &[u8], size: usize) -> Decoded {
    let mut host = build(config).expect("the test's configuration is right");
    let mut messages = Vec::new();
    let mut notes = Vec::new();
    let mut noise = 0;
    let mut turn = Turn::default();
    for chunk in stream.chunks(size) {
        turn.clear();
        host.feed(at_ms(0), &Frame::serial(config.link, chunk), &mut turn);
        for message in &turn.messages {
            match &message.body {
                checkrein::codec::Body::Samples(range) => messages.push(turn.samples[range.clone()].to_vec()),
                other => panic!("a flight controller proposes nothing: {other:?}"),
            }
        }
        for note in turn.notes.drain(..) {
            match note {
                Note::Noise { bytes } => noise += bytes,
                note => notes.push(note),
            }
        }
    }
    (messages, notes, noise)
}
