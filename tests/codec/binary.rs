//! Declared layouts: the contract in every framing, and frames of implementations that we did not write.

use super::framed::{
    ARM, HALT, LINK, TURN, at, bytes_of, described, hear, host_of, keeps_the_contract, mirror_of,
    one_thing_waits_at_a_time, wires,
};
use checkrein::codec::binary::{BinaryConfig, FrameDef, Layouts};
use checkrein::codec::framed::{Ask, Counts, Covers, Framing, Given, Heard, Order, Sum, Wire};
use checkrein::codec::{
    CommandMap, ConfigSite, Decode, DeviceConfig, FieldValue, LinkConfig, Note, Protocol, SignalMap, Turn, build,
};
use checkrein::command::{Command, Ticket};
use checkrein::signal::{SignalId, Value};
use checkrein::time::Span;
use std::sync::Arc;

const FIELDS: [&str; 8] = ["angle", "speed", "fault", "mode", "brake", "load", "count", "temps[1]"];

fn frame(name: &str, id: u64, fields: &[(&str, &str)]) -> FrameDef {
    let fields = fields.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect();
    FrameDef { name: name.into(), id: Some(id), fields }
}

fn config(wire: Wire) -> BinaryConfig {
    BinaryConfig {
        framed: described(wire),
        order: Order::Little,
        id: Some(1),
        says: vec![
            frame(
                "state",
                1,
                &[
                    ("angle", "i16"),
                    ("speed", "i16 big"),
                    ("brake", "bits 1"),
                    ("mode", "bits 3"),
                    ("fault", "bits 4"),
                    ("load", "f32"),
                    ("count", "u32"),
                    ("gap", "pad 1"),
                    ("temps", "u8[2]"),
                ],
            ),
            frame("ack", 2, &[("number", "u16")]),
            frame("refusal", 3, &[("code", "u8")]),
            frame("hello", 4, &[("serial", "u32")]),
        ],
        hears: vec![
            frame("turn", 0x10, &[("joint", "u8"), ("torque", "i16")]),
            frame("halt", 0x11, &[("kind", "u8 = 1")]),
            frame("ask", 0x12, &[]),
            frame("alive", 0x13, &[]),
        ],
    }
}

fn device(config: BinaryConfig) -> DeviceConfig {
    let command = |command, send: &str, with| CommandMap { command, send: send.into(), with, ack: Some("ack".into()) };
    let torque = FieldValue::Arg { index: 0, scale: 1000.0, offset: 0.0 };
    let signals = FIELDS.iter().enumerate().map(|(place, field)| SignalMap {
        signal: SignalId(place as u32),
        field: format!("state.{field}"),
        scale: 1.0,
        offset: 0.0,
        decode: Decode::Number,
        every: None,
    });
    DeviceConfig {
        device: ARM,
        name: "arm".into(),
        protocol: Protocol::Binary(Arc::new(config)),
        signals: signals.collect(),
        commands: vec![
            command(TURN, "turn", vec![("joint".into(), FieldValue::Number(2.0)), ("torque".into(), torque)]),
            command(HALT, "halt", vec![]),
        ],
        identity: vec![],
        heartbeat: Some(("alive".into(), Span::from_millis(400))),
        poll: None,
        tells: None,
        may: vec![],
    }
}

/// All framings, the one without a length and those without a check sum too.
fn framings() -> Vec<(&'static str, Wire)> {
    let fixed = Framing::Fixed { sync: vec![0xAA, 0x55] };
    let sum = Sum { name: "CRC-8/SMBUS".into(), order: Order::Little, covers: Covers::Content };
    let mut all = wires();
    all.push(("fixed", Wire { framing: fixed, sum: Some(sum), longest: None }));
    all
}

/// What a length counts changes the length alone.
#[test]
fn a_length_counts_what_it_is_said_to_count() {
    for (counts, order, told) in [
        (Counts::Content, Order::Little, [4, 0]),
        (Counts::Rest, Order::Big, [0, 6]),
        (Counts::Frame, Order::Big, [0, 10]),
    ] {
        let (_, mut wire) = wires().remove(2);
        wire.framing = Framing::Length { sync: vec![0xAA, 0x55], width: 2, order, counts };
        let config = config(wire);
        keeps_the_contract::<Layouts>(&format!("{counts:?}"), &device(config.clone()), &config.framed, &STATE);
        let mut turn = Turn::default();
        let mut host = host_of(&device(config));
        host.order(at(0), &Command::new(TURN, &[1.0]).expect("one"), Ticket(1), &mut turn).expect("it fits");
        assert_eq!(turn.sends[0].1.bytes[2..4], told, "{counts:?}: four bytes of content, two of check sum");
    }
}

const STATE: [(&str, f64); 4] = [("angle", -300.0), ("mode", 5.0), ("load", 0.5), ("count", 3_235_634_397.0)];

#[test]
fn every_framing_keeps_the_contract() {
    for (name, wire) in framings() {
        let config = config(wire);
        keeps_the_contract::<Layouts>(name, &device(config.clone()), &config.framed, &STATE);
        let whole = Sum { name: "xor".into(), order: Order::Big, covers: Covers::Frame };
        if matches!(config.framed.wire.framing, Framing::Length { .. } | Framing::Fixed { .. }) {
            let mut config = config.clone();
            config.framed.wire.sum = Some(whole);
            keeps_the_contract::<Layouts>(name, &device(config.clone()), &config.framed, &STATE);
        }
        let mut bare = config;
        bare.framed.wire.sum = None;
        keeps_the_contract::<Layouts>(&format!("{name} without a sum"), &device(bare.clone()), &bare.framed, &STATE);
    }
}

#[test]
fn orders_wait_for_their_answers() {
    for (_, wire) in framings() {
        one_thing_waits_at_a_time::<Layouts>(&device(config(wire)), &STATE, ("code", Given::Number(77.0)));
    }
}

#[test]
fn frames_of_construct_are_read_as_they_were_made() {
    let foreign: serde_json::Value = serde_json::from_str(include_str!("binary/foreign.json")).expect("JSON");
    for (name, wire) in framings() {
        let made = &foreign[name];
        let mut device = device(config(wire));
        device.heartbeat = None;
        let says = made["says"].as_array().expect("a list");
        assert!(says.len() > 30);
        let stream: Vec<u8> = says.iter().flat_map(|s| bytes_of(s["hex"].as_str().expect("hex"))).collect();
        let heard = hear(&mut *host_of(&device), at(0), &stream, 5);
        assert_eq!(heard.notes, [Note::Identified { device: ARM }], "{name}");
        let wanted = says.iter().flat_map(|said| {
            FIELDS.iter().enumerate().map(|(place, field)| {
                let number = said["values"][*field].as_str().expect("a text").parse().expect("a number");
                (SignalId(place as u32), Value::Number(number))
            })
        });
        assert_eq!(heard.samples, wanted.collect::<Vec<_>>(), "{name}");
        let mut host = host_of(&device);
        let mut turn = Turn::default();
        host.order(at(0), &Command::new(TURN, &[-1.5]).expect("one"), Ticket(1), &mut turn).expect("it fits");
        let heard = hear(&mut *host, at(1), &bytes_of(made["ack"].as_str().expect("hex")), 1);
        assert!(heard.notes.contains(&Note::Acked { ticket: Ticket(1) }), "{name}: {:?}", heard.notes);
        host.order(at(2), &Command::new(HALT, &[]).expect("none"), Ticket(2), &mut turn).expect("it fits");
        // The question waits for its answer between the two.
        host.tick(at(60), &mut turn);
        let normal = turn.sends.iter().filter(|(lane, _)| *lane == checkrein::wire::Lane::Normal);
        let sent: Vec<&[u8]> = normal.map(|(_, frame)| &frame.bytes[..]).collect();
        let wanted = ["turn", "halt"].map(|key| bytes_of(made[key].as_str().expect("hex")));
        assert_eq!(sent, wanted, "{name}");
    }
}

#[test]
fn frames_without_a_number_are_told_apart_by_size_and_constants() {
    let bare = |name: &str, fields: &[(&str, &str)]| FrameDef { id: None, ..frame(name, 0, fields) };
    let mut config = config(framings()[0].1.clone());
    config.id = None;
    config.says = vec![
        bare("state", &[("kind", "u8 = 7"), ("angle", "i16"), ("gap", "pad 16")]),
        bare("ack", &[("kind", "u8 = 8"), ("number", "u16")]),
        bare("refusal", &[("kind", "u8 = 9"), ("code", "u16")]),
        bare("hello", &[("serial", "u32")]),
    ];
    config.hears = vec![
        bare("turn", &[("kind", "u8 = 1"), ("joint", "u8"), ("torque", "i16")]),
        bare("halt", &[("kind", "u8 = 2")]),
        bare("ask", &[("kind", "u8 = 3")]),
        bare("alive", &[("kind", "u8 = 4")]),
    ];
    let mut device = device(config.clone());
    device.signals.truncate(1);
    keeps_the_contract::<Layouts>("no numbers", &device, &config.framed, &[("angle", 5.0)]);
    one_thing_waits_at_a_time::<Layouts>(&device, &[("angle", 5.0)], ("code", Given::Number(77.0)));
    config.says[2].fields[0].1 = "u8 = 8".into();
    device.protocol = Protocol::Binary(Arc::new(config));
    let problems = build(&LinkConfig { link: LINK, devices: vec![device] }).err().expect("two are alike");
    assert_eq!(problems[0].message, "nothing tells frame `refusal` from `ack`");
}

#[test]
fn values_become_signals_as_the_rig_file_says() {
    let (_, wire) = framings().remove(0);
    let mut device = device(config(wire));
    let states = vec![(5, 0), (6, 1)];
    for (place, decode) in [(0, Decode::Number), (2, Decode::Bit(3)), (3, Decode::States(states)), (4, Decode::Flag)] {
        device.signals[place].decode = decode;
    }
    (device.signals[0].scale, device.signals[0].offset) = (0.01, 273.15);
    device.identity = vec![("hello.serial".into(), FieldValue::Number(4_000_000_001.0))];
    let mirror = mirror_of::<Layouts>(&device);
    let say = |fields: &[(&str, f64)]| {
        let given: Vec<_> = fields.iter().map(|(path, number)| (*path, Given::Number(*number))).collect();
        mirror.say("state", &given).expect("it fits")
    };
    let mut host = host_of(&device);
    let told = hear(&mut *host, at(0), &say(&[("angle", 250.0), ("fault", 8.0), ("mode", 6.0), ("brake", 1.0)]), 9);
    assert_eq!(told.samples[0].1, Value::Number(250.0 * 0.01 + 273.15));
    let rest: Vec<Value> = told.samples[2..5].iter().map(|(_, value)| *value).collect();
    assert_eq!(rest, [Value::Flag(true), Value::State(1), Value::Flag(true)]);
    assert_eq!(hear(&mut *host, at(0), &say(&[("mode", 2.0)]), 9).samples[3].1, Value::Unknown);
    let hello = |serial: f64| mirror.say("hello", &[("serial", Given::Number(serial))]).expect("it fits");
    let notes = hear(&mut *host, at(1), &hello(4_000_000_001.0), 9).notes;
    assert_eq!(notes, [Note::Restart { device: ARM }, Note::Identified { device: ARM }]);
    let notes = hear(&mut *host_of(&device), at(1), &hello(17.0), 9).notes;
    assert!(matches!(&notes[1], Note::WrongIdentity { found, .. } if found == "17"), "{notes:?}");
    let mut foreign = mirror_of::<Layouts>(&device);
    assert!(matches!(&foreign.hear(&hello(5.0))[..], [Heard::Other(content)] if content[0] == 4));
}

#[test]
fn every_mistake_is_told_where_it_stands() {
    let (_, wire) = framings().remove(0);
    let mut made = config(wire);
    made.framed.asks = vec![Ask { answer: "stat".into(), send: "aks".into(), every: Span::from_millis(5) }];
    made.framed.refuses = Some("refuse".into());
    made.framed.wire.longest = Some(4);
    let mut device = device(made);
    device.signals = device.signals[..4].to_vec();
    for (signal, field) in device.signals.iter_mut().zip(["state", "stat.angle", "state.angel", "state.temps"]) {
        signal.field = field.into();
    }
    device.commands[0].with = vec![
        ("joint".into(), FieldValue::Number(256.0)),
        ("torq".into(), FieldValue::Number(0.0)),
        ("torque".into(), FieldValue::Text("much".into())),
    ];
    device.commands[1].with = vec![("kind".into(), FieldValue::Number(2.0))];
    device.heartbeat = Some(("halt".into(), Span::ZERO));
    device.poll = Some(("ack".into(), Span::from_millis(5)));
    device.identity = vec![("hello.serail".into(), FieldValue::Number(1.0))];
    let problems = build(&LinkConfig { link: LINK, devices: vec![device.clone()] }).err().expect("wrong");
    let told: Vec<(ConfigSite, &str)> = problems.iter().map(|p| (p.site.clone(), p.message.as_str())).collect();
    assert_eq!(
        told,
        [
            (ConfigSite::Protocol, "a frame's content has 17 bytes, and the longest is said to have 4"),
            (ConfigSite::Signal(0), "`state` is no `message.field`"),
            (ConfigSite::Signal(1), "the device says no `stat`"),
            (ConfigSite::Signal(2), "frame `state` has no field `angel`"),
            (ConfigSite::Signal(3), "frame `state` has no field `temps`"),
            (ConfigSite::CommandField(0, 0), "256 does not fit `joint`"),
            (ConfigSite::CommandField(0, 1), "frame `turn` has no field `torq`"),
            (ConfigSite::CommandField(0, 2), "`much` is no number"),
            (ConfigSite::CommandField(1, 0), "`kind` of frame `halt` is always the same"),
            (ConfigSite::Protocol, "the device hears no `aks`"),
            (ConfigSite::Protocol, "the device says no `stat`"),
            (ConfigSite::Poll, "the device hears no `ack`"),
            (ConfigSite::Heartbeat, "`halt` has no period"),
            (ConfigSite::Heartbeat, "`halt` would be sent unasked, and it is the frame of a command"),
            (ConfigSite::Identity(0), "frame `hello` has no field `serail`"),
            (ConfigSite::Protocol, "the device says no `refuse`"),
        ]
    );
    assert_eq!(problems[3].remedy.as_deref(), Some("did you mean `angle`?"));
    let both = LinkConfig { link: LINK, devices: vec![device.clone(), device] };
    assert!(build(&both).err().expect("two")[0].message.contains("one device to a link"));
}
