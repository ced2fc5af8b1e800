//! JSON over MQTT: devices, controllers, hostile payloads.

use checkrein::codec::json::device::{Told, Word, propose};
use checkrein::codec::{
    Body, Codec, CommandMap, ConfigSite, Decode, DeviceConfig, FieldValue, LinkConfig, May, Message, Note, Protocol,
    SignalMap, TellField, Tells, Turn, build,
};
use checkrein::command::{Command, CommandId, Ticket};
use checkrein::signal::{SignalId, Value};
use checkrein::time::{Span, Time};
use checkrein::wire::{DeviceId, Frame, FrameFlags, Lane, LinkId};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;

const LINK: LinkId = LinkId(1);
const PILOT: DeviceId = DeviceId(4);
const LIFT: DeviceId = DeviceId(5);
const GOTO: CommandId = CommandId(0);
const FLY_TO: CommandId = CommandId(1);
const STOP: CommandId = CommandId(2);
const HEIGHT: SignalId = SignalId(0);
const DOOR: SignalId = SignalId(1);
const LOAD: SignalId = SignalId(2);
const ALARM: SignalId = SignalId(3);
const ALTITUDE: SignalId = SignalId(10);
const MODE: SignalId = SignalId(11);
const ARMED: SignalId = SignalId(12);

fn device(device: DeviceId, name: &str) -> DeviceConfig {
    DeviceConfig {
        device,
        name: name.into(),
        protocol: Protocol::Json,
        signals: vec![],
        commands: vec![],
        identity: vec![],
        heartbeat: None,
        poll: None,
        tells: None,
        may: vec![],
    }
}

fn config() -> LinkConfig {
    let mut pilot = device(PILOT, "pilot");
    let told = |signal, name: &str, scale, states: &[&str]| TellField {
        signal,
        name: name.into(),
        scale,
        offset: 0.0,
        states: states.iter().map(|s| s.to_string()).collect(),
    };
    pilot.tells = Some(Tells {
        topic: "pilot/state".into(),
        every: Span::from_millis(20),
        fields: vec![
            told(ALTITUDE, "fc.altitude", 0.5, &[]),
            told(MODE, "fc.mode", 1.0, &["STABILIZE", "GUIDED"]),
            told(ARMED, "fc.armed", 1.0, &[]),
        ],
    });
    pilot.may = vec![May {
        command: GOTO,
        topic: "pilot/goto".into(),
        args: vec![("z".into(), 2.0, 0.0), ("yaw".into(), 0.5, 1.0)],
    }];
    let arg = |index, scale| FieldValue::Arg { index, scale, offset: 0.0 };
    pilot.commands = vec![CommandMap {
        command: FLY_TO,
        send: "pilot/task".into(),
        with: vec![("z".into(), arg(0, 0.5)), ("kind".into(), FieldValue::Text("fly".into()))],
        ack: None,
    }];
    let mut lift = device(LIFT, "lift");
    let every = Some(Span::from_millis(100));
    let signal = |signal, field: &str, decode, every| SignalMap {
        signal,
        field: field.into(),
        scale: 0.01,
        offset: 1.0,
        decode,
        every,
    };
    lift.signals = vec![
        signal(HEIGHT, "lift/state#/cabin/height_cm", Decode::Number, every),
        signal(DOOR, "lift/state#/door", Decode::NamedStates(vec![("open".into(), 0), ("shut".into(), 1)]), None),
        signal(LOAD, "lift/load", Decode::Number, every),
        signal(ALARM, "lift/state#/bits", Decode::Bit(2), every),
    ];
    lift.commands = vec![CommandMap {
        command: STOP,
        send: "lift/stop".into(),
        with: vec![("now".into(), FieldValue::Number(1.0))],
        ack: None,
    }];
    LinkConfig { link: LINK, devices: vec![pilot, lift] }
}

fn host() -> Box<dyn Codec> {
    build(&config()).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn hear(host: &mut dyn Codec, topic: &str, payload: &[u8], flags: FrameFlags) -> Turn {
    let mut turn = Turn::default();
    host.feed(Time::ZERO, &Frame { flags, ..Frame::publish(LINK, topic, payload) }, &mut turn);
    turn
}

fn alive(device: DeviceId) -> Message {
    Message { device, body: Body::Samples(0..0) }
}

#[test]
fn pointers_find_their_values() {
    let mut host = host();
    let live = FrameFlags::default();
    let turn = hear(&mut *host, "lift/state", br#"{"cabin":{"height_cm":250},"door":"shut","bits":5,"more":[]}"#, live);
    assert_eq!(turn.samples, [(HEIGHT, Value::Number(3.5)), (DOOR, Value::State(1)), (ALARM, Value::Flag(true))]);
    assert_eq!(turn.messages, [Message { device: LIFT, body: Body::Samples(0..3) }]);
    assert_eq!(turn.notes, [Note::Identified { device: LIFT }]);
    let turn = hear(&mut *host, "lift/load", b"1e2", live);
    assert_eq!((turn.samples, turn.notes), (vec![(LOAD, Value::Number(2.0))], vec![]));
    // What is left out stays as it was; what it cannot be is unknown.
    let turn = hear(&mut *host, "lift/state", br#"{"door":"ajar"}"#, live);
    assert_eq!(turn.samples, [(DOOR, Value::Unknown)]);
    let turn = hear(&mut *host, "lift/state", br#"{"cabin":{"height_cm":"250"},"door":1,"bits":0.5}"#, live);
    assert_eq!(turn.samples, [(HEIGHT, Value::Unknown), (DOOR, Value::Unknown), (ALARM, Value::Unknown)]);
    // Of a name that is given twice nobody knows which counts.
    let twice = br#"{"cabin":{"height_cm":250,"height_cm":250},"door":"shut","door":"open","bits":5}"#;
    let turn = hear(&mut *host, "lift/state", twice, live);
    assert_eq!(turn.samples, [(HEIGHT, Value::Unknown), (DOOR, Value::Unknown), (ALARM, Value::Flag(true))]);
    // States may be truth values.
    let mut config = config();
    let door = config.devices.iter_mut().flat_map(|d| &mut d.signals).find(|s| s.signal == DOOR).expect("it is there");
    door.decode = Decode::NamedStates(vec![("true".into(), 0), ("false".into(), 1)]);
    let mut host = build(&config).unwrap_or_else(|problems| panic!("{problems:#?}"));
    for (payload, wanted) in [
        (&b"{\"door\":true}"[..], Value::State(0)),
        (b"{\"door\":false}", Value::State(1)),
        (b"{\"door\":0}", Value::Unknown),
    ] {
        assert_eq!(hear(&mut *host, "lift/state", payload, live).samples, [(DOOR, wanted)]);
    }
}

#[test]
fn old_news_is_taken_only_where_it_holds() {
    let mut host = host();
    let retained = FrameFlags { retained: true, ..FrameFlags::default() };
    let turn = hear(&mut *host, "lift/state", br#"{"cabin":{"height_cm":250},"door":"open"}"#, retained);
    assert_eq!((turn.samples, turn.notes), (vec![(DOOR, Value::State(0))], vec![]));
    let turn = hear(&mut *host, "lift/load", b"3", retained);
    assert_eq!((turn.samples, turn.messages, turn.notes), (vec![], vec![], vec![]));
}

#[test]
fn topics_of_nobody_are_foreign() {
    let mut host = host();
    assert_eq!(hear(&mut *host, "lift/other", b"1", FrameFlags::default()).notes, [Note::Foreign]);
    assert_eq!(hear(&mut *host, "", b"1", FrameFlags::default()).notes, [Note::Foreign]);
    let mut turn = Turn::default();
    host.feed(Time::ZERO, &Frame::serial(LINK, *b"1"), &mut turn);
    assert_eq!(turn.notes, [Note::Foreign]);
    assert_eq!(host.subscriptions(), ["lift/load", "lift/state", "pilot/goto"]);
}

#[test]
fn a_telling_reaches_the_mirror_in_the_rigs_units() {
    let mut host = host();
    let mut turn = Turn::default();
    let values = [(ALTITUDE, Value::Number(2.5)), (MODE, Value::State(1)), (ARMED, Value::Flag(true))];
    let at = Time::ZERO + Span::from_millis(1_500);
    host.tell(at, PILOT, &values, &mut turn);
    let unknown = [(ALTITUDE, Value::Number(f64::NAN)), (MODE, Value::State(7))];
    host.tell(at, PILOT, &unknown, &mut turn);
    host.tell(at, LIFT, &values, &mut turn);
    let told: Vec<_> = turn
        .sends
        .iter()
        .map(|(lane, frame)| {
            assert_eq!((*lane, frame.topic.as_deref()), (Lane::Query, Some("pilot/state")));
            Told::read(&frame.bytes).expect("well formed").0
        })
        .collect();
    let words = |altitude, mode, armed| {
        [("t", Word::Number(1.5)), ("fc.altitude", altitude), ("fc.mode", mode), ("fc.armed", armed)]
            .map(|(name, word)| (name.to_string(), word))
    };
    assert_eq!(told.len(), 2, "nobody tells the lift anything");
    assert_eq!(told[0], words(Word::Number(5.0), Word::Text("GUIDED".into()), Word::Flag(true)));
    assert_eq!(told[1], words(Word::Null, Word::Null, Word::Null));
}

#[test]
fn a_proposal_of_the_mirror_becomes_a_command() {
    let mut host = host();
    let payload = propose(&[("yaw", 4.0), ("z", 1.5)]);
    for (flags, stale, proves_life) in [
        (FrameFlags::default(), false, true),
        (FrameFlags { duplicate: true, qos: 1, retained: false }, true, true),
        (FrameFlags { retained: true, ..FrameFlags::default() }, true, false),
    ] {
        let turn = hear(&mut *host, "pilot/goto", &payload, flags);
        let command = Command::new(GOTO, &[3.0, 3.0]).expect("two arguments");
        let proposal = Message { device: PILOT, body: Body::Proposal { command, stale } };
        let wanted = if proves_life { vec![alive(PILOT), proposal] } else { vec![proposal] };
        assert_eq!(turn.messages, wanted, "{flags:?}");
    }
}

#[test]
fn what_a_controller_garbles_is_told_in_words_and_proposes_nothing() {
    let mut host = host();
    let deep = format!("{{\"z\":{}", "[".repeat(50_000));
    let large = format!("{{\"z\":1,\"yaw\":{}1}}", " ".repeat(64 * 1024));
    for (payload, wanted) in [
        (r#"{"z":1}"#, "argument `yaw` is missing"),
        (r#"{"z":1,"yaw":1,"x":1}"#, "`x` is no argument of the command"),
        (r#"{"z":"1","yaw":1}"#, "argument `z` is a text, not a number"),
        (r#"{"z":null,"yaw":1}"#, "argument `z` is null, not a number"),
        (r#"{"z":[1],"yaw":1}"#, "argument `z` is a list, not a number"),
        (r#"{"z":1,"yaw":true}"#, "argument `yaw` is a truth value, not a number"),
        (r#"{"z":1,"z":2,"yaw":1}"#, "`z` is given twice"),
        (r#"{"z":1.7e308,"yaw":1}"#, "argument `z` is too large"),
        (r#"{"z":1e999,"yaw":1}"#, "number out of range"),
        (r#"{"z":NaN,"yaw":1}"#, "expected value"),
        ("", "an empty payload"),
        ("fly!", "expected"),
        (&deep, "recursion limit"),
        (&large, "at most 65536 are read"),
    ] {
        let turn = hear(&mut *host, "pilot/goto", payload.as_bytes(), FrameFlags::default());
        assert_eq!(turn.messages, [alive(PILOT)], "it lives, and asks for nothing");
        let why = turn.notes.iter().find_map(|note| match note {
            Note::Malformed { device: PILOT, why } => Some(why.as_str()),
            _ => None,
        });
        let why = why.unwrap_or_else(|| panic!("no words about {wanted}"));
        assert!(why.contains(wanted), "{why:?} lacks {wanted:?}");
    }
}

#[test]
fn random_payloads_never_panic_and_never_propose() {
    let mut host = host();
    let mut random = Pcg64Mcg::seed_from_u64(7);
    let letters = br#"{}[]":,\u0eE+-.1zyaw null"#;
    for _ in 0..20_000 {
        let length = random.next_u32() as usize % 40;
        let payload: Vec<u8> = (0..length)
            .map(|_| match random.next_u32() % 5 {
                0 => random.next_u32() as u8,
                n => letters[(n as usize * 31 + random.next_u32() as usize) % letters.len()],
            })
            .collect();
        for topic in ["pilot/goto", "lift/state", "lift/load"] {
            let turn = hear(&mut *host, topic, &payload, FrameFlags::default());
            assert_eq!(turn.messages.len(), 1);
            assert!(matches!(turn.messages[0].body, Body::Samples(_)));
        }
    }
}

#[test]
fn orders_are_objects_and_safe_frames_ask_for_delivery() {
    let mut host = host();
    let mut turn = Turn::default();
    let fly = Command::new(FLY_TO, &[5.0]).expect("one argument");
    host.order(Time::ZERO, &fly, Ticket(1), &mut turn).expect("fits");
    assert_eq!(turn.sends.len(), 1);
    let (lane, frame) = &turn.sends[0];
    assert_eq!((*lane, frame.topic.as_deref(), frame.flags), (Lane::Normal, Some("pilot/task"), FrameFlags::default()));
    assert_eq!(frame.bytes, br#"{"z":2.5,"kind":"fly"}"#);
    let task = Told::read(&frame.bytes).expect("well formed");
    assert_eq!((task.number("z"), task.text("kind")), (Some(2.5), Some("fly")));

    let stop = Command::new(STOP, &[]).expect("no argument");
    let safe = host.safe(&stop).expect("timeless");
    let flags = FrameFlags { qos: 1, retained: false, duplicate: false };
    assert_eq!(safe, [Frame { flags, ..Frame::publish(LINK, "lift/stop", *br#"{"now":1}"#) }]);

    for wrong in [
        Command::new(FLY_TO, &[]).expect("few"),
        Command::new(FLY_TO, &[f64::NAN]).expect("few"),
        Command::new(CommandId(77), &[]).expect("few"),
    ] {
        assert!(host.order(Time::ZERO, &wrong, Ticket(2), &mut turn).is_err());
        assert!(host.safe(&wrong).is_err());
    }
    assert_eq!(turn.sends.len(), 1);
}

#[test]
fn facts_identify_and_tell_another_device_apart() {
    let mut config = config();
    config.devices[1].identity = vec![
        ("lift/about#/serial".into(), FieldValue::Text("L-7".into())),
        ("lift/about#/floors".into(), FieldValue::Number(4.0)),
    ];
    let live = FrameFlags::default();
    let mut host = build(&config).expect("right");
    assert_eq!(hear(&mut *host, "lift/load", b"3", live).notes, []);
    let turn = hear(&mut *host, "lift/about", br#"{"serial":"L-7","floors":4}"#, live);
    assert_eq!(turn.notes, [Note::Identified { device: LIFT }]);
    assert_eq!(hear(&mut *host, "lift/about", br#"{"serial":"L-7","floors":4}"#, live).notes, []);

    let mut host = build(&config).expect("right");
    let turn = hear(&mut *host, "lift/about", br#"{"serial":"L-8","floors":4}"#, live);
    let (found, wanted) = ("\"L-8\"".to_string(), "\"L-7\"".to_string());
    assert_eq!(turn.notes, [Note::WrongIdentity { device: LIFT, fact: "lift/about#/serial".into(), found, wanted }]);
}

#[test]
fn nothing_is_sent_unasked() {
    let mut host = host();
    assert_eq!(host.next_deadline(), None);
    let mut turn = Turn::default();
    host.tick(Time::MAX, &mut turn);
    host.abandon();
    hear(&mut *host, "lift/load", b"3", FrameFlags::default());
    assert!(turn.sends.is_empty());
}

#[test]
fn every_mistake_of_a_json_device_is_told_where_it_stands() {
    let mut config = config();
    let lift = &mut config.devices[1];
    let states = |list: &[(i64, u16)]| Decode::States(list.to_vec());
    let fields: [(&str, Decode); 5] = [
        ("#/height", Decode::Number),
        ("lift/+/state#/x", Decode::Number),
        ("lift/state#height", Decode::Number),
        ("lift/state#/a~2", Decode::Number),
        ("lift/state#/a", states(&[(1, 0), (1, 1)])),
    ];
    for (signal, (field, decode)) in lift.signals.iter_mut().zip(fields.clone()) {
        (signal.field, signal.decode) = (field.into(), decode);
    }
    lift.signals.push(SignalMap { field: fields[4].0.into(), decode: fields[4].1.clone(), ..lift.signals[0].clone() });
    lift.heartbeat = Some(("lift/alive".into(), Span::from_secs(1)));
    lift.identity = vec![("lift/about#serial".into(), FieldValue::Number(1.0))];
    lift.commands[0].ack = Some("COMMAND_ACK".into());
    lift.commands[0].with = vec![("a".into(), FieldValue::Number(f64::NAN)), ("a".into(), FieldValue::Number(1.0))];
    lift.may = vec![May { command: STOP, topic: "pilot/goto".into(), args: vec![] }];
    config.devices[0].commands[0].send = "pilot/goto".into();
    config.devices[0].tells.as_mut().expect("told").fields[1].name = "fc.altitude".into();
    let problems = build(&config).err().expect("mistakes");
    let told: Vec<_> = problems.iter().map(|p| (p.device, p.site.clone(), p.message.as_str())).collect();
    let wanted = [
        (PILOT, ConfigSite::Tells, "`fc.altitude` is told twice"),
        (LIFT, ConfigSite::Heartbeat, "JSON devices are sent no heartbeat"),
        (LIFT, ConfigSite::Signal(0), "topic `` is empty"),
        (LIFT, ConfigSite::Signal(1), "topic `lift/+/state` has a wildcard in it; name one topic"),
        (LIFT, ConfigSite::Signal(2), "`height` is no JSON pointer"),
        (LIFT, ConfigSite::Signal(3), "`/a~2` is no JSON pointer"),
        (LIFT, ConfigSite::Signal(4), "two states have the same number 1"),
        (LIFT, ConfigSite::Identity(0), "`serial` is no JSON pointer"),
        (LIFT, ConfigSite::Command(0), "`COMMAND_ACK`: JSON devices acknowledge nothing"),
        (LIFT, ConfigSite::CommandField(0, 0), "field `a` is NaN, which JSON cannot say"),
        (LIFT, ConfigSite::CommandField(0, 1), "field `a` is given twice"),
        (LIFT, ConfigSite::May(0), "on topic `pilot/goto` `pilot` asks for another command"),
        (PILOT, ConfigSite::Command(0), "topic `pilot/goto` is listened to as well: we would hear ourselves"),
    ];
    assert_eq!(told, wanted);
}

#[test]
fn what_is_told_to_a_controller_has_a_topic_on_which_nobody_takes_commands() {
    let mut config = config();
    let topic = config.devices[1].commands[0].send.clone();
    config.devices[0].tells.as_mut().expect("told").topic = topic.clone();
    let problems = build(&config).err().expect("a telling would be a command");
    let told: Vec<_> = problems.iter().map(|p| (p.device, p.site.clone(), p.message.as_str())).collect();
    let wanted = format!("topic `{topic}` is that of a command: each telling would be taken for it");
    assert_eq!(told, [(PILOT, ConfigSite::Tells, wanted.as_str())]);
}
