//! Messages of a `.proto`: the contract in every framing, and messages of Google's own implementation.

use super::framed::{
    ARM, HALT, LINK, TURN, at, bytes_of, described, hear, host_of, keeps_the_contract, mirror_of,
    one_thing_waits_at_a_time, wires,
};
use checkrein::codec::framed::{Counts, Covers, Framing, Given, Heard, Order, Sum, Wire};
use checkrein::codec::protobuf::{Messages, ProtoSource, ProtobufConfig};
use checkrein::codec::{
    CommandMap, ConfigSite, Decode, DeviceConfig, FieldValue, LinkConfig, Note, Protocol, SignalMap, Turn, build,
};
use checkrein::command::{Command, Ticket};
use checkrein::signal::{SignalId, Value};
use checkrein::time::Span;
use std::sync::Arc;

const FIELDS: [&str; 14] = [
    "state.mode",
    "state.brake",
    "state.offset",
    "state.clock",
    "state.small",
    "state.wide",
    "state.flags",
    "FromLab.number",
    "state.angle[2]",
    "state.joints[1].torque",
    "State.joints[1].steps",
    "state.force",
    "state.tip.x",
    "state.tip.y",
];

fn source(lab: &str) -> ProtoSource {
    let units = |name: &str| (name == "units.proto").then(|| include_str!("protobuf/units.proto").to_owned());
    ProtoSource::collect("lab.proto", lab.to_owned(), units)
}

fn config(wire: Wire) -> ProtobufConfig {
    let source = source(include_str!("protobuf/lab.proto"));
    ProtobufConfig { framed: described(wire), source, says: "FromLab".into(), hears: Some("lab.ToLab".into()) }
}

fn device(config: ProtobufConfig) -> DeviceConfig {
    let signal = |(place, field): (usize, &&str)| SignalMap {
        signal: SignalId(place as u32),
        field: field.to_string(),
        scale: 1.0,
        offset: 0.0,
        decode: Decode::Number,
        every: None,
    };
    let text = |text: &str| FieldValue::Text(text.into());
    let torque = FieldValue::Arg { index: 0, scale: 1.0, offset: 0.0 };
    let with = [
        ("joint", FieldValue::Number(2.0)),
        ("torque", torque),
        ("mode", text("MOVE")),
        ("gains[1]", FieldValue::Number(-7.0)),
        ("to.y", FieldValue::Number(0.25)),
        ("note", text("soft")),
    ];
    let with = with.map(|(name, value)| (name.to_string(), value)).to_vec();
    let ack = || Some("ack".to_string());
    DeviceConfig {
        device: ARM,
        name: "arm".into(),
        protocol: Protocol::Protobuf(Arc::new(config)),
        signals: FIELDS.iter().enumerate().map(signal).collect(),
        commands: vec![
            CommandMap { command: TURN, send: "Turn".into(), with, ack: ack() },
            CommandMap { command: HALT, send: "halt".into(), with: vec![], ack: ack() },
        ],
        identity: vec![],
        heartbeat: Some(("alive".into(), Span::from_millis(400))),
        poll: None,
        tells: None,
        may: vec![],
    }
}

/// As elsewhere, and with a length as the foreign implementation writes it.
fn framings() -> Vec<(&'static str, Wire)> {
    let mut all = wires();
    let sum = Sum { name: "CRC-16/KERMIT".into(), order: Order::Little, covers: Covers::Content };
    all[1].1.sum = Some(sum);
    let framing = Framing::Length { sync: vec![0xFA], width: 2, order: Order::Big, counts: Counts::Content };
    all[2].1.framing = framing;
    all
}

const STATE: [(&str, f64); 4] = [("angle[2]", -0.5), ("mode", 7.0), ("joints[1].steps", -9.0), ("flags", 3.0)];

#[test]
fn every_framing_keeps_the_contract() {
    for (name, wire) in framings() {
        let config = config(wire);
        keeps_the_contract::<Messages>(name, &device(config.clone()), &config.framed, &STATE);
    }
}

#[test]
fn orders_wait_for_their_answers() {
    for (_, wire) in framings() {
        one_thing_waits_at_a_time::<Messages>(&device(config(wire)), &STATE, ("code", Given::Number(77.0)));
    }
}

#[test]
fn messages_of_googles_implementation_are_read_as_they_were_made() {
    let foreign: serde_json::Value = serde_json::from_str(include_str!("protobuf/foreign.json")).expect("JSON");
    for (name, wire) in framings() {
        let made = &foreign[name];
        let device = device(config(wire));
        let says = made["says"].as_array().expect("a list");
        assert!(says.len() > 30);
        let mut host = host_of(&device);
        for (number, said) in says.iter().enumerate() {
            let values = said["values"].as_object().expect("a map");
            let heard = hear(&mut *host, at(0), &bytes_of(said["hex"].as_str().expect("hex")), 5);
            let wanted: Vec<_> = FIELDS
                .iter()
                .enumerate()
                .filter_map(|(place, field)| {
                    Some((
                        SignalId(place as u32),
                        Value::Number(values.get(*field)?.as_str().expect("a text").parse().expect("a number")),
                    ))
                })
                .collect();
            assert_eq!(heard.samples, wanted, "{name}: message {number}");
        }
        let mut host = host_of(&device);
        let mut turn = Turn::default();
        host.order(at(0), &Command::new(TURN, &[-1.5]).expect("one"), Ticket(1), &mut turn).expect("it fits");
        let heard = hear(&mut *host, at(1), &bytes_of(made["ack"].as_str().expect("hex")), 1);
        assert!(heard.notes.contains(&Note::Acked { ticket: Ticket(1) }), "{name}: {:?}", heard.notes);
        host.order(at(2), &Command::new(HALT, &[]).expect("none"), Ticket(2), &mut turn).expect("it fits");
        host.tick(at(60), &mut turn);
        let normal = turn.sends.iter().filter(|(lane, _)| *lane == checkrein::wire::Lane::Normal);
        let sent: Vec<&[u8]> = normal.map(|(_, frame)| &frame.bytes[..]).collect();
        let wanted = ["turn", "halt"].map(|key| bytes_of(made[key].as_str().expect("hex")));
        assert_eq!(sent, wanted, "{name}");
    }
}

#[test]
fn a_plain_message_needs_no_envelope_and_names_serve_as_states() {
    let (_, wire) = framings().remove(0);
    let mut made = config(wire);
    (made.says, made.hears) = ("lab.State".into(), None);
    (made.framed.asks, made.framed.refuses, made.framed.restarts) = (vec![], None, None);
    let mut device = device(made);
    (device.commands, device.heartbeat) = (vec![], None);
    let states = vec![("IDLE".to_string(), 0), ("FAULT".to_string(), 1)];
    let decodes = [
        ("State.mode", Decode::NamedStates(states)),
        ("State.name", Decode::NamedStates(vec![("arm".into(), 0)])),
        ("State.brake", Decode::Flag),
        ("State.flags", Decode::Bit(31)),
    ];
    device.signals.truncate(decodes.len());
    for (signal, (field, decode)) in device.signals.iter_mut().zip(decodes) {
        (signal.field, signal.decode) = (field.into(), decode);
    }
    device.identity = vec![("State.name".into(), FieldValue::Text("arm".into()))];
    let mirror = mirror_of::<Messages>(&device);
    let flags = ("flags", Given::Number(f64::from(1u32 << 31)));
    let fields = [("mode", Given::Text("FAULT")), ("name", Given::Text("arm")), ("brake", Given::Text("true")), flags];
    let said = mirror.say("State", &fields).expect("it fits");
    let heard = hear(&mut *host_of(&device), at(0), &said, 3);
    let values: Vec<Value> = heard.samples.iter().map(|(_, value)| *value).collect();
    assert_eq!(values, [Value::State(1), Value::State(0), Value::Flag(true), Value::Flag(true)]);
    assert_eq!(heard.notes, [Note::Identified { device: ARM }]);
    let odd = mirror.say("State", &[("mode", Given::Text("MOVE")), ("name", Given::Text("other"))]).expect("it fits");
    let heard = hear(&mut *host_of(&device), at(0), &odd, 3);
    assert_eq!(heard.samples[0].1, Value::Unknown, "a state that is not listed");
    assert!(matches!(&heard.notes[..], [Note::WrongIdentity { found, .. }] if found == "other"));
    for wrong in [
        ("mode", Given::Text("MOVING")),
        ("mode", Given::Number(5.0)),
        ("offset", Given::Number(3e9)),
        ("flags", Given::Number(-1.0)),
        ("brake", Given::Number(2.0)),
        ("name", Given::Number(2.0)),
        ("offset", Given::Text("much")),
        ("force", Given::Number(f64::NAN)),
    ] {
        assert!(mirror.say("State", &[wrong]).is_err(), "{wrong:?}");
    }
}

#[test]
fn an_envelope_with_nothing_in_it_is_foreign() {
    let (_, wire) = framings().remove(0);
    let device = device(config(wire));
    let mirror = mirror_of::<Messages>(&device);
    let bare = mirror.say("FromLab", &[("number", Given::Number(5.0))]).expect("it fits");
    assert_eq!(hear(&mut *host_of(&device), at(0), &bare, 64).notes, [Note::Foreign]);
    assert!(matches!(&mirror_of::<Messages>(&device).hear(&bare)[..], [Heard::Other(content)] if *content == [8, 5]));
}

#[test]
fn every_mistake_is_told_where_it_stands() {
    let (_, wire) = framings().remove(0);
    let mut device = device(config(wire));
    let fields = [
        "state",
        "stat.mode",
        "State.mod",
        "state.angle",
        "state.mode[0]",
        "state.tip",
        "state.mode.x",
        "state.angle[x]",
        "rest.x",
        "state.angle[1024]",
    ];
    device.signals.truncate(fields.len());
    for (signal, field) in device.signals.iter_mut().zip(fields) {
        signal.field = field.into();
    }
    let text = |text: &str| FieldValue::Text(text.into());
    device.commands[0].with = vec![
        ("joint".into(), FieldValue::Number(-1.0)),
        ("mode".into(), text("MOV")),
        ("note".into(), FieldValue::Arg { index: 0, scale: 1.0, offset: 0.0 }),
        ("note".into(), FieldValue::Number(5.0)),
    ];
    device.commands[0].ack = Some("FromLab".into());
    device.commands[1].send = "hold".into();
    device.commands.push(CommandMap { send: "ToLab".into(), ack: None, ..device.commands[1].clone() });
    device.heartbeat = Some(("Turn".into(), Span::from_millis(5)));
    let problems = build(&LinkConfig { link: LINK, devices: vec![device.clone()] }).err().expect("wrong");
    let told: Vec<(ConfigSite, &str)> = problems.iter().map(|p| (p.site.clone(), p.message.as_str())).collect();
    assert_eq!(
        told,
        [
            (ConfigSite::Signal(0), "`state` is no `message.field`"),
            (ConfigSite::Signal(1), "the device says no `stat`"),
            (ConfigSite::Signal(2), "message `State` has no field `mod`"),
            (ConfigSite::Signal(3), "`angle` is repeated"),
            (ConfigSite::Signal(4), "`mode` is not repeated"),
            (ConfigSite::Signal(5), "`tip` is a message `Vector`"),
            (ConfigSite::Signal(6), "`mode` is no message, and has no fields"),
            (ConfigSite::Signal(7), "`angle[x]` is no field; write `name` or `name[0]`"),
            (ConfigSite::Signal(8), "message `Empty` has no field `x`"),
            (ConfigSite::Signal(9), "`angle` has no place 1024; the last is 1023"),
            (ConfigSite::Command(0), "all messages stand in `FromLab`, so that it tells none from another"),
            (ConfigSite::CommandField(0, 0), "-1 does not fit `joint`"),
            (ConfigSite::CommandField(0, 1), "`Mode` has no entry `MOV`"),
            (ConfigSite::CommandField(0, 2), "`note` is a text, and an argument is a number"),
            (ConfigSite::CommandField(0, 3), "5 is a number, and `note` is a text"),
            (ConfigSite::Command(1), "the device hears no `hold`"),
            (ConfigSite::Command(2), "all messages stand in `ToLab`, so that it tells none from another"),
            (ConfigSite::Heartbeat, "`Turn` would be sent unasked, and it is the frame of a command"),
        ]
    );
    assert_eq!(problems[2].remedy.as_deref(), Some("did you mean `mode`?"));
    assert_eq!(problems[5].remedy.as_deref(), Some("name a field of it, such as `tip.x`"));
    let mut wrong = config(framings()[0].1.clone());
    (wrong.says, wrong.hears) = ("FromLap".into(), Some("Nothing".into()));
    device.protocol = Protocol::Protobuf(Arc::new(wrong.clone()));
    let problems = build(&LinkConfig { link: LINK, devices: vec![device.clone()] }).err().expect("wrong");
    let told: Vec<&str> = problems.iter().map(|p| p.message.as_str()).collect();
    assert_eq!(told, ["`lab.proto` has no message `FromLap`", "`lab.proto` has no message `Nothing`"]);
    assert_eq!(problems[0].remedy.as_deref(), Some("did you mean `FromLab`?"));
    wrong.source = source("message {");
    device.protocol = Protocol::Protobuf(Arc::new(wrong));
    let problems = build(&LinkConfig { link: LINK, devices: vec![device] }).err().expect("wrong");
    assert!(problems[0].message.starts_with("`lab.proto` does not compile: "), "{problems:?}");
}
