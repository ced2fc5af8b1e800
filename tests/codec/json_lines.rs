//! One JSON object per line: the contract of frames, and lines of foreign implementations.

use super::framed::{
    ARM, HALT, LINK, TURN, at, described, hear, host_of, keeps_the_contract, mirror_of, one_thing_waits_at_a_time,
};
use checkrein::codec::framed::{Framing, Given, Heard, Wire};
use checkrein::codec::json::{ObjectDef, Objects, ObjectsConfig};
use checkrein::codec::{
    CommandMap, ConfigSite, Decode, DeviceConfig, FieldValue, LinkConfig, Note, Protocol, SignalMap, Turn, build,
};
use checkrein::command::{Command, Ticket};
use checkrein::signal::{SignalId, Value};
use checkrein::time::Span;
use checkrein::wire::Lane;
use std::sync::Arc;

const NUMBERS: [&str; 5] = ["/angle", "/count", "/tip/x", "/tip/deep/~0a~1b", "/temps/2"];
const BRAKE: SignalId = SignalId(5);
const MODE: SignalId = SignalId(6);
const NOTHING: SignalId = SignalId(7);
const MODES: [&str; 4] = ["IDLE", "RUN", "ÄRGER", "a \"quoted\" / slash\\"];

fn text(text: &str) -> FieldValue {
    FieldValue::Text(text.into())
}

fn object(name: &str, with: &[(&str, FieldValue)], has: &[&str]) -> ObjectDef {
    ObjectDef {
        name: name.into(),
        with: with.iter().map(|(name, value)| ((*name).to_string(), value.clone())).collect(),
        has: has.iter().map(|name| (*name).to_string()).collect(),
    }
}

fn config(ends: &str) -> ObjectsConfig {
    let wire = Wire { framing: Framing::Lines { ends: ends.into() }, sum: None, longest: Some(4096) };
    ObjectsConfig {
        framed: described(wire),
        says: vec![
            object("state", &[("type", text("state"))], &[]),
            object("ack", &[("ok", text("true"))], &[]),
            object("refusal", &[("ok", text("false"))], &["code"]),
            object("hello", &[("event", text("boot"))], &[]),
        ],
        hears: vec![
            object("turn", &[("cmd", text("turn"))], &[]),
            object("halt", &[("cmd", text("halt"))], &[]),
            object("ask", &[("get", text("state"))], &[]),
            object("alive", &[("alive", FieldValue::Number(1.0))], &[]),
        ],
    }
}

fn device(config: ObjectsConfig) -> DeviceConfig {
    let signal = |place: usize, field: &str, decode| SignalMap {
        signal: SignalId(place as u32),
        field: format!("state#{field}"),
        scale: 1.0,
        offset: 0.0,
        decode,
        every: None,
    };
    let mut signals: Vec<_> = NUMBERS.iter().enumerate().map(|(i, field)| signal(i, field, Decode::Number)).collect();
    let modes = MODES.iter().enumerate().map(|(place, name)| ((*name).to_owned(), place as u16)).collect();
    signals.push(signal(5, "/brake", Decode::Flag));
    signals.push(signal(6, "/mode", Decode::NamedStates(modes)));
    signals.push(signal(7, "/none", Decode::Number));
    let with = [
        ("torque", FieldValue::Arg { index: 0, scale: 1.0, offset: 0.0 }),
        ("joint", FieldValue::Number(2.0)),
        ("soft", text("true")),
        ("note", text("gently")),
        ("/to/y", FieldValue::Number(0.25)),
    ];
    let with = with.map(|(name, value)| (name.to_string(), value)).to_vec();
    let ack = || Some("ack".to_string());
    DeviceConfig {
        device: ARM,
        name: "arm".into(),
        protocol: Protocol::JsonLines(Arc::new(config)),
        signals,
        commands: vec![
            CommandMap { command: TURN, send: "turn".into(), with, ack: ack() },
            CommandMap { command: HALT, send: "halt".into(), with: vec![], ack: ack() },
        ],
        identity: vec![],
        heartbeat: Some(("alive".into(), Span::from_millis(400))),
        poll: None,
        tells: None,
        may: vec![],
    }
}

const STATE: [(&str, f64); 3] = [("/angle", -0.5), ("/tip/x", 7.0), ("/tip/deep/~0a~1b", 3.25)];

#[test]
fn every_line_end_keeps_the_contract() {
    for ends in ["\n", "\r\n", "\r"] {
        let config = config(ends);
        keeps_the_contract::<Objects>(&format!("{ends:?}"), &device(config.clone()), &config.framed, &STATE);
    }
}

#[test]
fn orders_wait_for_their_answers() {
    one_thing_waits_at_a_time::<Objects>(&device(config("\n")), &STATE, ("/code", Given::Number(77.0)));
}

#[test]
fn lines_of_foreign_implementations_are_read_as_they_were_made() {
    let foreign: serde_json::Value = serde_json::from_str(include_str!("json/foreign.json")).expect("JSON");
    let device = device(config("\n"));
    let mut host = host_of(&device);
    let says = foreign["says"].as_array().expect("a list");
    assert!(says.len() > 100);
    for (place, said) in says.iter().enumerate() {
        let by = &said["by"];
        let line = said["line"].as_str().expect("a text");
        let heard = hear(&mut *host, at(0), line.as_bytes(), 1 + place % 17);
        let mut wanted: Vec<_> = NUMBERS
            .iter()
            .enumerate()
            .map(|(signal, field)| {
                let number = said["values"][*field].as_str().expect("a text").parse().expect("a number");
                (SignalId(signal as u32), Value::Number(number))
            })
            .collect();
        wanted.push((BRAKE, Value::Flag(said["brake"].as_bool().expect("a truth value"))));
        let mode = MODES.iter().position(|mode| *mode == said["mode"]).expect("one of them");
        wanted.push((MODE, Value::State(mode as u16)));
        // Something that is there and is no value is unknown.
        wanted.push((NOTHING, Value::Unknown));
        // The reader may be off by the last place of a number.
        let near = |a: &Value, b: &Value| match (a, b) {
            (Value::Number(a), Value::Number(b)) => (a - b).abs() <= f64::EPSILON * b.abs(),
            _ => a == b,
        };
        let same = heard.samples.len() == wanted.len()
            && heard.samples.iter().zip(&wanted).all(|(a, b)| a.0 == b.0 && near(&a.1, &b.1));
        assert!(same, "{by}: {line}: {:?} is not {wanted:?}", heard.samples);
        let told = heard.notes.iter().filter(|note| !matches!(note, Note::Identified { .. })).count();
        assert_eq!(told, 0, "{by}: {:?}", heard.notes);
    }
    let mut turn = Turn::default();
    host.order(at(1), &Command::new(TURN, &[-1.5]).expect("one"), Ticket(1), &mut turn).expect("it fits");
    hear(&mut *host, at(2), b"{\"ok\": true}\r\n", 3);
    let ours = foreign["hears"].as_array().expect("a list");
    let said = |turn: &Turn| {
        let normal = turn.sends.iter().filter(|(lane, _)| *lane == Lane::Normal);
        normal.map(|(_, frame)| String::from_utf8(frame.bytes.clone()).expect("text")).collect::<Vec<_>>()
    };
    let same = |ours: &str, theirs: &serde_json::Value| {
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        read(ours) == read(theirs.as_str().expect("a text")) && ours.ends_with("}\n") && ours.matches('\n').count() == 1
    };
    assert!(same(&said(&turn)[0], &ours[0]), "{:?} is not {}", said(&turn), ours[0]);
    let mut turn = Turn::default();
    host.order(at(3), &Command::new(HALT, &[]).expect("none"), Ticket(2), &mut turn).expect("it fits");
    assert!(same(&said(&turn)[0], &ours[1]), "{:?} is not {}", said(&turn), ours[1]);
}

#[test]
fn what_is_no_object_is_told_from_what_is_a_broken_one() {
    let mut host = host_of(&device(config("\n")));
    let long = format!("{{\"type\":\"state\",\"text\":\"{}\"}}\n", "x".repeat(5_000));
    let stream = [
        "half of a line}\n",
        "ets Jul 29 2019 12:21:46\r\n",
        "\r\n\n",
        "{\"type\":\"state\",\"angle\":1\n",
        "[1,2]\n",
        "{\"other\":1}\n",
        &long,
        "  {\"type\":\"state\",\"angle\":1\n",
        "{\"type\":\"state\",\"angle\":4}\n",
    ]
    .concat();
    let turn = hear(&mut *host, at(0), stream.as_bytes(), 7);
    let noise = |text: &str| Note::Noise { bytes: text.len() as u32 };
    assert_eq!(
        turn.notes,
        [
            noise("half of a line}"),
            noise("ets Jul 29 2019 12:21:46"),
            Note::Corrupt { bytes: 25 },
            noise("[1,2]"),
            Note::Foreign,
            // Told when it is too long, and again at its end.
            Note::Noise { bytes: 4_097 },
            Note::Noise { bytes: long.trim_end().len() as u32 - 4_097 },
            Note::Corrupt { bytes: 27 },
            Note::Identified { device: ARM },
        ]
    );
    assert_eq!(turn.samples, [(SignalId(0), Value::Number(4.0))], "nothing guessed");
}

#[test]
fn the_message_that_asks_more_of_an_object_is_the_one_it_is() {
    let mut config = config("\n");
    config.says = vec![
        object("any", &[], &[]),
        object("hot", &[("type", text("state"))], &["/angle"]),
        object("state", &[("type", text("state"))], &[]),
    ];
    config.framed.asks.clear();
    (config.framed.refuses, config.framed.restarts) = (None, None);
    let mut device = device(config);
    device.commands.clear();
    device.signals.truncate(3);
    for (signal, field) in device.signals.iter_mut().zip(["any#/angle", "hot#/angle", "state#/count"]) {
        signal.field = field.into();
    }
    let mut host = host_of(&device);
    let mut heard = |line: &str| hear(&mut *host, at(0), line.as_bytes(), 64).samples;
    assert_eq!(heard("\n{\"type\":\"other\",\"angle\":1}\n"), [(SignalId(0), Value::Number(1.0))]);
    assert_eq!(heard("{\"type\":\"state\",\"angle\":2,\"count\":9}\n"), [(SignalId(1), Value::Number(2.0))]);
    assert_eq!(heard("{\"type\":\"state\",\"count\":3}\n"), [(SignalId(2), Value::Number(3.0))]);
}

#[test]
fn states_may_be_truth_values_and_a_name_that_is_given_twice_is_not_guessed_at() {
    let mut device = device(config("\n"));
    device.signals[5].decode = Decode::NamedStates(vec![("false".into(), 0), ("true".into(), 1)]);
    let mut host = host_of(&device);
    let mut heard = |line: &str| hear(&mut *host, at(0), format!("{line}\n").as_bytes(), 64).samples;
    let brake = SignalId(5);
    assert_eq!(heard("{\"type\":\"state\",\"brake\":true}"), [(brake, Value::State(1))]);
    assert_eq!(heard("{\"type\":\"state\",\"brake\":\"false\"}"), [(brake, Value::State(0))]);
    assert_eq!(heard("{\"type\":\"state\",\"brake\":1}"), [(brake, Value::Unknown)]);
    let twice = "{\"type\":\"state\",\"brake\":true,\"angle\":1,\"angle\":1,\"brake\":false}";
    assert_eq!(heard(twice), [(SignalId(0), Value::Unknown), (brake, Value::Unknown)]);
    assert_eq!(heard("{\"type\":\"state\",\"tip\":{\"x\":1,\"x\":2}}")[0].1, Value::Unknown);
    assert_eq!(heard("{\"type\":\"state\",\"type\":\"state\",\"angle\":1}"), [], "nobody knows what it is");
}

#[test]
fn identity_is_what_an_object_says_and_truth_values_are_told_by_their_words() {
    let mut device = device(config("\n"));
    device.identity = vec![("hello#/version".into(), text("2.1")), ("hello#/real".into(), text("true"))];
    let notes = |line: &str| hear(&mut *host_of(&device), at(0), format!("\n{line}\n").as_bytes(), 5).notes;
    let restart = Note::Restart { device: ARM };
    assert_eq!(
        notes("{\"event\":\"boot\",\"version\":\"2.1\",\"real\":true}"),
        [restart.clone(), Note::Identified { device: ARM }]
    );
    let wrong = notes("{\"event\":\"boot\",\"version\":\"2.1\",\"real\":false}");
    let [_, Note::WrongIdentity { fact, found, wanted, .. }] = &wrong[..] else { panic!("{wrong:?}") };
    assert_eq!((fact.as_str(), found.as_str(), wanted.as_str()), ("hello#/real", "false", "true"));
    assert!(notes("{\"type\":\"state\"}").is_empty(), "who says nothing of it is not identified");
}

#[test]
fn every_mistake_is_told_where_it_stands() {
    let mut wrong = config("\n");
    wrong.says.push(object("twin", &[("type", text("state"))], &[]));
    wrong.says.push(object("astray", &[("/a~2", text("x"))], &[]));
    let problems =
        |device: DeviceConfig| build(&LinkConfig { link: LINK, devices: vec![device] }).err().expect("it is wrong");
    let told: Vec<_> = problems(device(wrong)).into_iter().map(|problem| problem.message).collect();
    assert_eq!(told, ["nothing tells message `twin` from `state`", "`/a~2` is no JSON pointer"]);
    let mut device = device(config("\n"));
    device.signals[0].field = "/angle".into();
    device.signals[1].field = "sate#/count".into();
    device.signals[2].field = "state#".into();
    device.commands[0].with[1].0 = "cmd".into();
    device.commands[1].send = "hold".into();
    let told: Vec<_> = problems(device).into_iter().map(|problem| (problem.site, problem.message)).collect();
    assert_eq!(
        told,
        [
            (ConfigSite::Signal(0), "`/angle` is no `message#/name`".to_owned()),
            (ConfigSite::Signal(1), "the device says no `sate`".to_owned()),
            (ConfigSite::Signal(2), "`` is no JSON pointer".to_owned()),
            (ConfigSite::CommandField(0, 1), "`cmd` of message `turn` is always the same".to_owned()),
            (ConfigSite::Command(1), "the device hears no `hold`".to_owned()),
        ]
    );
    // Two fields at one place can only be found out when the order is said.
    let mut device = self::device(config("\n"));
    device.commands[0].with.push(("/to".into(), FieldValue::Number(1.0)));
    let host = host_of(&device);
    let why = host.safe(&Command::new(TURN, &[1.0]).expect("one")).expect_err("it cannot be said");
    assert_eq!(why.0, "`to` is given twice");
    let mirror = mirror_of::<Objects>(&self::device(config("\n")));
    assert!(mirror.say("state", &[("/angle", Given::Number(f64::NAN))]).is_err());
    assert_eq!(mirror.say("refusal", &[]), Err("`code` is missing, by which message `refusal` is known".into()));
}

#[test]
fn a_heartbeat_that_lacks_only_the_arguments_of_a_command_is_refused() {
    let mut device = device(config("\n"));
    device.heartbeat = Some(("turn".into(), Span::from_millis(400)));
    let problems = build(&LinkConfig { link: LINK, devices: vec![device] }).err().expect("it may move something");
    assert_eq!(problems[0].message, "`turn` would be sent unasked, and it is the frame of a command");
}

#[test]
fn of_two_orders_in_one_object_the_mirror_hears_the_one_that_says_more() {
    let mut device = device(config("\n"));
    device.commands[0] =
        CommandMap { command: TURN, send: "halt".into(), with: vec![("now".into(), text("true"))], ack: None };
    device.commands.swap(0, 1);
    let host = host_of(&device);
    for command in [TURN, HALT] {
        let said = host.safe(&Command::new(command, &[]).expect("none")).expect("timeless");
        let heard = mirror_of::<Objects>(&device).hear(&said[0].bytes);
        assert_eq!(heard, [Heard::Command { command, args: vec![] }]);
    }
}
