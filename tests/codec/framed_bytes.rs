//! Any bytes against the codecs of frames: nothing panics, pieces make no difference, and the safe frame behind them is heard.
//! The tests draw the bytes; `fuzz/run` searches for them.

use checkrein::codec::binary::{BinaryConfig, FrameDef};
use checkrein::codec::framed::{
    Counts, Covers, Device, FramedConfig, Framing, Heard, Order, Sum, Tongue, WITHIN, Wire,
};
use checkrein::codec::json::{ObjectDef, Objects, ObjectsConfig};
use checkrein::codec::protobuf::{Messages, ProtoSource, ProtobufConfig};
use checkrein::codec::{
    CommandMap, Decode, DeviceConfig, FieldValue, LinkConfig, Protocol, SignalMap, Turn, binary, build,
};
use checkrein::command::{Command, CommandId};
use checkrein::signal::SignalId;
use checkrein::time::Time;
use checkrein::wire::{DeviceId, Frame, LinkId};
use std::sync::Arc;

const PROTO: &str = r#"
syntax = "proto3";
message Says { oneof body { State state = 1; } }
message State { repeated sint32 a = 1; double b = 2; optional bool c = 3; Kind d = 4; State e = 5; string f = 6; map<int32, State> g = 7; }
enum Kind { ONE = 0; TWO = 1; }
message Hears { oneof body { Turn turn = 1; Halt halt = 2; } }
message Turn { float by = 1; }
message Halt { bytes more = 1; }
"#;

/// The first byte chooses layout, framing and check sum, the second the size of the pieces; the rest arrives.
pub fn try_bytes(data: &[u8]) {
    let [choice, pieces, bytes @ ..] = data else { return };
    if choice >> 6 == 3 {
        let framing = Framing::Lines { ends: vec![b'\n'] };
        let wire = Wire { framing, sum: None, longest: Some(64 + 64 * usize::from(choice & 7)) };
        let framed = FramedConfig { wire, asks: vec![], within: WITHIN, refuses: None, restarts: None };
        return hold::<Objects>(&objects(framed), *pieces, bytes);
    }
    let proto = choice & 1 == 1;
    let sync = vec![0xAA, 0x55];
    let length = |width, order, counts| Framing::Length { sync: sync.clone(), width, order, counts };
    let framing = match (choice >> 1) % 6 {
        0 => Framing::Cobs,
        1 => Framing::Slip,
        2 => length(1, Order::Little, Counts::Content),
        3 => length(2, Order::Big, Counts::Rest),
        4 => length(4, Order::Little, Counts::Frame),
        // Messages have no fixed size.
        _ if proto => Framing::Cobs,
        _ => Framing::Fixed { sync: sync.clone() },
    };
    let sum = |name: &str, covers| Some(Sum { name: name.into(), order: Order::Little, covers });
    let stuffed = matches!(framing, Framing::Cobs | Framing::Slip);
    let sum = match (choice >> 4) % 4 {
        0 => None,
        1 => sum("xor", Covers::Content),
        2 => sum("CRC-16/KERMIT", if stuffed { Covers::Content } else { Covers::Length }),
        _ => sum("CRC-32/ISO-HDLC", if stuffed { Covers::Content } else { Covers::Frame }),
    };
    let wire = Wire { framing, sum, longest: None };
    let framed = FramedConfig { wire, asks: vec![], within: WITHIN, refuses: None, restarts: None };
    match proto {
        true => hold::<Messages>(&messages(framed), *pieces, bytes),
        false => hold::<binary::Layouts>(&layouts(framed), *pieces, bytes),
    }
}

fn hold<T: Tongue>(device: &DeviceConfig, pieces: u8, bytes: &[u8]) {
    let link = LinkConfig { link: LinkId(0), devices: vec![device.clone()] };
    let listen = |size: usize| {
        let mut host = build(&link).unwrap_or_else(|problems| panic!("{problems:?}"));
        let mut turn = Turn::default();
        for piece in bytes.chunks(size.max(1)) {
            host.feed(Time::ZERO, &Frame::serial(LinkId(0), piece), &mut turn);
        }
        (turn, host)
    };
    let (whole, host) = listen(bytes.len());
    let (torn, _) = listen(pieces.into());
    assert_eq!(format!("{whole:?}"), format!("{torn:?}"), "pieces of {pieces}");
    let mut mirror: Device<T> = Device::new(device).unwrap_or_else(|problems| panic!("{problems:?}"));
    mirror.hear(bytes);
    let safe = host.safe(&Command::new(CommandId(1), &[]).expect("none")).expect("timeless");
    let heard: Vec<Heard> = safe.iter().flat_map(|frame| mirror.hear(&frame.bytes)).collect();
    assert_eq!(heard.last(), Some(&Heard::Command { command: CommandId(1), args: vec![] }));
}

fn device(protocol: Protocol, fields: &[&str]) -> DeviceConfig {
    let signal = |(place, field): (usize, &&str)| SignalMap {
        signal: SignalId(place as u32),
        field: format!("state.{field}"),
        scale: 0.5,
        offset: 1.0,
        decode: [Decode::Number, Decode::Flag, Decode::Bit(1)][place % 3].clone(),
        every: None,
    };
    let by = FieldValue::Arg { index: 0, scale: 1.0, offset: 0.0 };
    DeviceConfig {
        device: DeviceId(0),
        name: "device".into(),
        protocol,
        signals: fields.iter().enumerate().map(signal).collect(),
        commands: vec![
            CommandMap { command: CommandId(0), send: "turn".into(), with: vec![("by".into(), by)], ack: None },
            CommandMap { command: CommandId(1), send: "halt".into(), with: vec![], ack: None },
        ],
        identity: vec![],
        heartbeat: None,
        poll: None,
        tells: None,
        may: vec![],
    }
}

fn messages(framed: FramedConfig) -> DeviceConfig {
    let source = ProtoSource::collect("any.proto", PROTO.into(), |_| None);
    let config = ProtobufConfig { framed, source, says: "Says".into(), hears: Some("Hears".into()) };
    device(Protocol::Protobuf(Arc::new(config)), &["a[1]", "b", "c", "d", "e.e.b", "f", "e.a[0]"])
}

fn objects(framed: FramedConfig) -> DeviceConfig {
    let with = |name: &str, value: FieldValue| vec![(name.to_string(), value)];
    let object = |name: &str, with, has: &[&str]| ObjectDef {
        name: name.into(),
        with,
        has: has.iter().map(|name| name.to_string()).collect(),
    };
    let config = ObjectsConfig {
        framed,
        says: vec![object("state", vec![], &["/a/b"]), object("other", with("t", FieldValue::Number(1.0)), &[])],
        hears: vec![
            object("turn", with("do", FieldValue::Text("turn".into())), &[]),
            object("halt", with("do", FieldValue::Text("halt".into())), &[]),
        ],
    };
    let mut device = device(Protocol::JsonLines(Arc::new(config)), &["/a/b", "/c", "/d/0", "/e~0", "/f", "/g"]);
    device.signals.iter_mut().for_each(|signal| signal.field = signal.field.replacen("state.", "state#", 1));
    device
}

fn layouts(framed: FramedConfig) -> DeviceConfig {
    let frame = |name: &str, id, fields: &[(&str, &str)]| FrameDef {
        name: name.into(),
        id: Some(id),
        fields: fields.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect(),
    };
    let config = BinaryConfig {
        framed,
        order: Order::Little,
        id: Some(1),
        says: vec![
            frame("state", 1, &[("a", "i24 big"), ("b", "bits 5"), ("c", "bits 3"), ("d", "f64"), ("e", "f32[2]")]),
            frame("other", 2, &[("a", "u8 = 3"), ("b", "pad 2"), ("c", "i64")]),
        ],
        hears: vec![frame("turn", 1, &[("by", "f32")]), frame("halt", 2, &[("kind", "u16 big = 0xAA55")])],
    };
    device(Protocol::Binary(Arc::new(config)), &["a", "b", "c", "d", "e[0]", "e[1]"])
}
