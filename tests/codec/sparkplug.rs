//! Sparkplug B: births, data, deaths, gaps, strange aliases, commands, hostile payloads.

use checkrein::codec::sparkplug::device::{EdgeNode, Heard, Tag};
use checkrein::codec::sparkplug::host::ASK_EVERY;
use checkrein::codec::sparkplug::payload::{DataType, Datum, Metric, Payload, Raw, metric};
use checkrein::codec::{
    Body, Codec, CommandMap, ConfigSite, Decode, DeviceConfig, FieldValue, LinkConfig, Note, Protocol, SignalMap, Turn,
    build, command_topics, topics,
};
use checkrein::command::{Command, CommandId, Ticket};
use checkrein::signal::{SignalId, Value};
use checkrein::time::{Span, Time};
use checkrein::wire::{DeviceId, Frame, FrameFlags, Lane, LinkId};
use prost::Message;
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;

const LINK: LinkId = LinkId(2);
const PUMP: DeviceId = DeviceId(3);
const LEVEL: SignalId = SignalId(0);
const STATE: SignalId = SignalId(1);
const RELAY: SignalId = SignalId(2);
const SET: CommandId = CommandId(0);
const STOP: CommandId = CommandId(1);

fn config() -> LinkConfig {
    let signal = |signal, field: &str, decode| SignalMap {
        signal,
        field: field.into(),
        scale: 0.5,
        offset: 1.0,
        decode,
        every: None,
    };
    let command =
        |command, with: Vec<(String, FieldValue)>| CommandMap { command, send: "DCMD".into(), with, ack: None };
    let arg = FieldValue::Arg { index: 0, scale: 2.0, offset: 0.0 };
    let device = DeviceConfig {
        device: PUMP,
        name: "pump".into(),
        protocol: Protocol::Sparkplug {
            group: "Plant".into(),
            node: "Edge1".into(),
            device: Some("Pump".into()),
            host: None,
        },
        signals: vec![
            signal(LEVEL, "tank/level", Decode::Number),
            signal(STATE, "state", Decode::States(vec![(-1, 0), (1, 1)])),
            signal(RELAY, "relay", Decode::Flag),
        ],
        commands: vec![
            command(SET, vec![("state:Int8".into(), arg)]),
            command(STOP, vec![("relay:Boolean".into(), FieldValue::Text("false".into()))]),
        ],
        identity: vec![],
        heartbeat: None,
        poll: None,
        tells: None,
        may: vec![],
    };
    LinkConfig { link: LINK, devices: vec![device] }
}

fn host() -> Box<dyn Codec> {
    build(&config()).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn edge() -> EdgeNode {
    let tag = |name: &str, kind| Tag { device: Some("Pump".into()), name: name.into(), kind };
    let tags = vec![tag("tank/level", DataType::Float), tag("state", DataType::Int8), tag("relay", DataType::Boolean)];
    EdgeNode::new(LINK, "Plant", "Edge1", tags)
}

fn values(level: f64) -> Vec<Datum> {
    vec![Datum::Number(level), Datum::Number(-1.0), Datum::Flag(true)]
}

fn at(millis: i64) -> Time {
    Time::ZERO + Span::from_millis(millis)
}

fn hear(host: &mut dyn Codec, now: Time, frames: impl IntoIterator<Item = Frame>) -> Turn {
    let mut turn = Turn::default();
    frames.into_iter().for_each(|frame| host.feed(now, &frame, &mut turn));
    turn
}

/// A host that has heard the births of a node.
fn born() -> (Box<dyn Codec>, EdgeNode) {
    let (mut host, mut node) = (host(), edge());
    let turn = hear(&mut *host, at(0), node.birth(&values(4.0)));
    assert_eq!(turn.notes, [Note::Identified { device: PUMP }]);
    assert!(turn.sends.is_empty());
    (host, node)
}

/// The only thing sent: the births are asked for again, where nothing can be energised.
fn asks(turn: &Turn, node: &EdgeNode) {
    assert_eq!(turn.sends.len(), 1, "{turn:?}");
    let (lane, frame) = &turn.sends[0];
    assert_eq!((*lane, frame.flags), (Lane::Query, FrameFlags::default()));
    assert_eq!(node.hear(frame), [Heard::Rebirth]);
}

fn said(turn: &Turn, words: &str) -> bool {
    turn.notes.iter().any(|note| matches!(note, Note::Malformed { device: PUMP, why } if why.contains(words)))
}

#[test]
fn births_announce_and_data_come_by_alias() {
    let (mut host, mut node) = born();
    let turn = hear(&mut *host, at(10), node.data(&[(0, Datum::Number(8.0)), (2, Datum::Flag(false))]));
    assert_eq!(turn.samples, [(LEVEL, Value::Number(5.0)), (RELAY, Value::Flag(false))]);
    assert_eq!(turn.messages.len(), 1);
    assert_eq!((turn.notes.len(), turn.sends.len()), (0, 0));
    // A birth carries values as well.
    let turn = hear(&mut *host, at(20), node.birth(&values(4.0)));
    assert_eq!(turn.samples, [(LEVEL, Value::Number(3.0)), (STATE, Value::State(0)), (RELAY, Value::Flag(true))]);
    assert_eq!(turn.notes, [], "a birth that was asked for is no restart");
}

#[test]
fn the_count_runs_over_at_256_and_a_gap_is_told_and_asks() {
    let (mut host, mut node) = born();
    for round in 0..600 {
        let turn = hear(&mut *host, at(round), node.data(&[(0, Datum::Number(8.0))]));
        assert_eq!((turn.notes, turn.sends), (vec![], vec![]), "message {round}");
    }
    let _lost = (node.data(&[(0, Datum::Number(1.0))]), node.data(&[(0, Datum::Number(2.0))]));
    let turn = hear(&mut *host, at(600), node.data(&[(0, Datum::Number(8.0))]));
    assert_eq!(turn.notes, [Note::Gap { device: PUMP, lost: 2 }]);
    asks(&turn, &node);
    // Not with every message, but again when nothing comes of it.
    let turn = hear(&mut *host, at(700), node.data(&[(0, Datum::Number(8.0))]));
    assert!(turn.notes.is_empty() && turn.sends.is_empty());
    assert_eq!(host.next_deadline(), Some(at(600) + ASK_EVERY));
    let mut turn = Turn::default();
    host.tick(at(600) + ASK_EVERY, &mut turn);
    asks(&turn, &node);
    hear(&mut *host, at(1_700), node.birth(&values(4.0)));
    assert_eq!(host.next_deadline(), None);
}

#[test]
fn data_before_a_birth_are_not_guessed() {
    let (mut host, mut node) = (host(), edge());
    assert_eq!(host.next_deadline(), Some(Time::ZERO));
    let turn = hear(&mut *host, at(0), node.data(&[(0, Datum::Number(8.0))]));
    assert!(turn.samples.is_empty() && turn.messages.is_empty());
    assert!(said(&turn, "before the edge node's birth certificate"));
    asks(&turn, &node);
    // The node was born, its device was not.
    let births = node.birth(&values(4.0));
    hear(&mut *host, at(10), births.into_iter().take(1));
    let turn = hear(&mut *host, at(2_000), node.data(&[(0, Datum::Number(8.0))]));
    assert!(turn.samples.is_empty() && said(&turn, "before the device's birth certificate"));
    asks(&turn, &node);
}

#[test]
fn an_alias_that_nobody_announced_is_named_and_asks() {
    let (mut host, node) = born();
    let strange = Metric { alias: Some(77), value: Some(Raw::FloatValue(8.0)), ..Metric::default() };
    let known = Metric { alias: Some(0), value: Some(Raw::FloatValue(8.0)), ..Metric::default() };
    let payload = Payload { metrics: vec![strange, known], seq: Some(2), ..Payload::default() };
    let turn =
        hear(&mut *host, at(0), [Frame::publish(LINK, "spBv1.0/Plant/DDATA/Edge1/Pump", payload.encode_to_vec())]);
    assert!(said(&turn, "alias 77 was never announced"), "{:?}", turn.notes);
    assert_eq!(turn.samples, [(LEVEL, Value::Number(5.0))]);
    asks(&turn, &node);
}

#[test]
fn old_values_are_passed_over_and_null_is_unknown() {
    let (mut host, mut node) = born();
    let mut old = metric("tank/level", DataType::Float, &Datum::Number(99.0)).expect("it fits");
    old.is_historical = Some(true);
    let payload = Payload { metrics: vec![old], seq: Some(2), ..Payload::default() };
    let turn =
        hear(&mut *host, at(0), [Frame::publish(LINK, "spBv1.0/Plant/DDATA/Edge1/Pump", payload.encode_to_vec())]);
    assert!(turn.samples.is_empty() && turn.notes.is_empty());
    assert_eq!(turn.messages.len(), 1, "it lives all the same");
    // The message above was made by hand: the node's own count goes on behind it.
    node.data(&[(0, Datum::Null)]);
    let turn = hear(&mut *host, at(1), node.data(&[(0, Datum::Null), (1, Datum::Number(5.0))]));
    assert_eq!(turn.samples, [(LEVEL, Value::Unknown), (STATE, Value::Unknown)]);
}

#[test]
fn a_death_counts_only_with_the_number_of_its_birth() {
    let (mut host, mut node) = born();
    let old = node.death();
    node.restart();
    let turn = hear(&mut *host, at(5), node.birth(&values(4.0)));
    assert!(turn.notes.contains(&Note::Restart { device: PUMP }));
    let turn = hear(&mut *host, at(10), [old]);
    assert!(turn.samples.is_empty() && said(&turn, "another birth"));
    let turn = hear(&mut *host, at(20), [node.death()]);
    let forgotten: Vec<SignalId> = turn.samples.iter().map(|(signal, _)| *signal).collect();
    assert_eq!(forgotten, [RELAY, STATE, LEVEL]);
    assert!(turn.samples.iter().all(|(_, value)| *value == Value::Unknown));
    assert!(turn.notes.iter().any(|note| matches!(note, Note::Text { text, .. } if text.contains("NDEATH"))));
    asks(&turn, &node);
}

#[test]
fn a_devices_death_leaves_its_node_alive() {
    let (mut host, mut node) = born();
    let turn = hear(&mut *host, at(0), [node.device_death("Pump")]);
    assert_eq!(turn.samples.len(), 3);
    assert!(turn.samples.iter().all(|(_, value)| *value == Value::Unknown));
    assert!(turn.sends.is_empty());
    let turn = hear(&mut *host, at(1), node.data(&[(0, Datum::Number(8.0))]));
    assert!(said(&turn, "before the device's birth"));
}

#[test]
fn commands_go_by_name_with_their_type_and_are_never_retained() {
    let (mut host, node) = born();
    let mut turn = Turn::default();
    host.order(at(0), &Command::new(SET, &[-60.0]).expect("one"), Ticket(1), &mut turn).expect("it fits");
    let (lane, frame) = turn.sends[0].clone();
    assert_eq!((lane, frame.flags), (Lane::Normal, FrameFlags::default()));
    assert_eq!(node.hear(&frame), [Heard::Command { tag: 1, value: Datum::Number(-120.0) }]);
    let payload = Payload::decode(frame.bytes.as_slice()).expect("ours");
    assert_eq!((payload.metrics[0].name.as_deref(), payload.metrics[0].alias), (Some("state"), None));
    assert_eq!(payload.metrics[0].datatype, Some(DataType::Int8 as u32));
    // The mirror does nothing on a retained one.
    let retained = Frame { flags: FrameFlags { retained: true, ..FrameFlags::default() }, ..frame };
    assert!(matches!(&node.hear(&retained)[..], [Heard::Refused(why)] if why.contains("retained")));

    let stop = Command::new(STOP, &[]).expect("none");
    let safe = host.safe(&stop).expect("timeless");
    assert!(!safe[0].flags.retained);
    // A node that was born meanwhile with other aliases and counts understands it as well.
    let mut other = edge();
    other.restart();
    assert_eq!(other.hear(&safe[0]), [Heard::Command { tag: 2, value: Datum::Flag(false) }]);

    for wrong in [
        Command::new(SET, &[64.0]).expect("128 is no Int8"),
        Command::new(SET, &[0.2]).expect("0.4 is none"),
        Command::new(SET, &[f64::NAN]).expect("nor this"),
        Command::new(SET, &[]).expect("nothing given"),
        Command::new(CommandId(9), &[]).expect("unknown"),
    ] {
        assert!(host.order(at(0), &wrong, Ticket(2), &mut turn).is_err(), "{wrong:?}");
        assert!(host.safe(&wrong).is_err());
    }
    assert_eq!(turn.sends.len(), 1);
}

#[test]
fn what_is_retained_or_of_nobody_is_passed_over() {
    let (mut host, mut node) = (host(), edge());
    let births = node
        .birth(&values(4.0))
        .into_iter()
        .map(|frame| Frame { flags: FrameFlags { retained: true, ..FrameFlags::default() }, ..frame });
    let turn = hear(&mut *host, at(0), births);
    assert!(turn.samples.is_empty() && said(&turn, "a retained NBIRTH"));
    for topic in ["spBv1.0/Plant/NDATA/Edge2", "spBv1.0/Plant/NCMD/Edge1", "spBv1.0/Plant", "x", "spBv1.0/a/b/c/d/e"] {
        let turn = hear(&mut *host, at(0), [Frame::publish(LINK, topic, *b"")]);
        assert_eq!(turn.notes, [Note::Foreign], "{topic}");
    }
}

#[test]
fn random_payloads_never_panic_and_the_session_goes_on() {
    let (mut host, mut node) = born();
    let mut random = Pcg64Mcg::seed_from_u64(11);
    let good = node.data(&[(0, Datum::Number(8.0))])[0].bytes.clone();
    for round in 0..20_000 {
        let mut payload = good.clone();
        if round % 2 == 0 {
            payload = (0..random.next_u32() % 40).map(|_| random.next_u32() as u8).collect();
        } else {
            let place = random.next_u32() as usize % payload.len();
            payload[place] = random.next_u32() as u8;
        }
        for kind in [
            "NBIRTH/Edge1",
            "NDATA/Edge1",
            "NDEATH/Edge1",
            "DBIRTH/Edge1/Pump",
            "DDATA/Edge1/Pump",
            "DDEATH/Edge1/Pump",
        ] {
            let frame = Frame::publish(LINK, &format!("spBv1.0/Plant/{kind}"), payload.clone());
            let turn = hear(&mut *host, at(round), [frame]);
            assert!(turn.sends.iter().all(|(lane, _)| *lane == Lane::Query));
            assert!(turn.messages.iter().all(|message| matches!(message.body, Body::Samples(_))));
        }
        node.hear(&Frame::publish(LINK, "spBv1.0/Plant/DCMD/Edge1/Pump", payload));
    }
    node.restart();
    let turn = hear(&mut *host, at(30_000), node.birth(&values(4.0)));
    assert_eq!(turn.samples.len(), 3);
}

#[test]
fn every_mistake_of_a_sparkplug_device_is_told_where_it_stands() {
    let mut config = config();
    let device = &mut config.devices[0];
    device.heartbeat = Some(("x".into(), Span::from_secs(1)));
    device.commands[0].send = "NCMD".into();
    device.commands[1].with =
        vec![("relay".into(), FieldValue::Number(1.0)), ("relay:Boolean".into(), FieldValue::Number(2.0))];
    let problems = build(&config).err().expect("mistakes");
    let sites: Vec<_> = problems.iter().map(|problem| (problem.device, problem.site.clone())).collect();
    assert_eq!(
        sites,
        [
            (PUMP, ConfigSite::Heartbeat),
            (PUMP, ConfigSite::Command(0)),
            (PUMP, ConfigSite::CommandField(1, 0)),
            (PUMP, ConfigSite::CommandField(1, 1)),
        ]
    );
    assert!(problems[2].message.contains("says no data type"));
}

#[test]
fn a_node_takes_commands_by_alias_and_without_a_type_from_who_knows_its_birth() {
    let node = edge();
    let told = |metric: Metric| {
        let payload = Payload { metrics: vec![metric], ..Payload::default() };
        node.hear(&Frame::publish(LINK, "spBv1.0/Plant/DCMD/Edge1/Pump", payload.encode_to_vec()))
    };
    let value = Some(Raw::IntValue(-3i32 as u32));
    let state = [Heard::Command { tag: 1, value: Datum::Number(-3.0) }];
    assert_eq!(told(Metric { alias: Some(1), value: value.clone(), ..Metric::default() }), state);
    assert_eq!(told(Metric { name: Some("state".into()), value: value.clone(), ..Metric::default() }), state);
    for wrong in [
        Metric { alias: Some(9), value: value.clone(), ..Metric::default() },
        Metric { value: value.clone(), ..Metric::default() },
        // The birth says that it is an Int8.
        Metric { alias: Some(1), value: Some(Raw::StringValue("x".into())), ..Metric::default() },
        Metric { alias: Some(1), value, datatype: Some(77), ..Metric::default() },
    ] {
        assert!(matches!(&told(wrong.clone())[..], [Heard::Refused(_)]), "{wrong:?}");
    }
}

#[test]
fn a_host_tells_under_which_name_it_is_there_and_hears_who_denies_it() {
    let named = |host: &str| {
        let mut config = config();
        config.devices[0].protocol = Protocol::Sparkplug {
            group: "Plant".into(),
            node: "Edge1".into(),
            device: Some("Pump".into()),
            host: Some(host.into()),
        };
        config
    };
    let topic = |host: &dyn Codec| host.presence().expect("it is a host").topic.to_string();
    assert_eq!(topic(&*host()), "spBv1.0/STATE/checkrein");
    let mut host = build(&named("bench")).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(topic(&*host), "spBv1.0/STATE/bench");
    // Device and broker's account hear it as well.
    assert!(topics(&named("bench").devices[0]).1.contains(&"spBv1.0/STATE/bench".to_owned()));

    let state = |payload: &str| Frame::publish(LINK, "spBv1.0/STATE/bench", payload.as_bytes());
    assert_eq!(command_topics(&named("bench").devices[0]), ["spBv1.0/Plant/DCMD/Edge1/Pump"]);

    let turn = hear(&mut *host, at(0), [state(r#"{"online":true,"timestamp":5}"#)]);
    assert_eq!((turn.notes, turn.samples), (vec![], vec![]));
    let turn = hear(&mut *host, at(0), [state(r#"{"online":false,"timestamp":5}"#)]);
    assert!(matches!(&turn.notes[..], [Note::Text { device: PUMP, text, .. }] if text.contains("offline")));
    let turn = hear(&mut *host, at(0), [state("OFFLINE")]);
    assert!(said(&turn, "STATE"), "{:?}", turn.notes);
    let old = Frame { flags: FrameFlags { retained: true, ..FrameFlags::default() }, ..state("OFFLINE") };
    assert_eq!(hear(&mut *host, at(0), [old]).notes, [], "what the session before left there");
    let other = Frame::publish(LINK, "spBv1.0/STATE/other", *b"{}");
    assert_eq!(hear(&mut *host, at(0), [other]).notes, [Note::Foreign]);

    // One connection has one name.
    let mut two = named("bench");
    let mut second = config().devices.remove(0);
    second.device = DeviceId(4);
    second.protocol = Protocol::Sparkplug { group: "Plant".into(), node: "Edge1".into(), device: None, host: None };
    second.commands.clear();
    two.devices.push(second);
    let problems = build(&two).err().expect("two names");
    assert_eq!((problems.len(), &problems[0].site), (1, &ConfigSite::Protocol));
    assert!(problems[0].message.contains("`checkrein`") && problems[0].message.contains("`bench`"));
}

#[test]
fn a_heartbeat_counts_in_a_metric_of_its_own_and_can_be_stopped() {
    let beating = |text: &str| {
        let mut config = config();
        config.devices[0].heartbeat = Some((text.into(), Span::from_millis(200)));
        build(&config)
    };
    let mut host = beating("watchdog:UInt8").unwrap_or_else(|problems| panic!("{problems:#?}"));
    let mut counted = Vec::new();
    let mut beats = |host: &mut dyn Codec, from: i64, to: i64| {
        for milli in (from..to).step_by(50) {
            let mut turn = Turn::default();
            host.tick(at(milli), &mut turn);
            for (lane, frame) in turn.sends {
                assert_eq!(lane, Lane::Query);
                let payload = Payload::decode(frame.bytes.as_slice()).expect("our own");
                counted.extend(
                    payload
                        .metrics
                        .iter()
                        .filter(|metric| metric.name.as_deref() == Some("watchdog"))
                        .map(|metric| (milli, metric.value.clone())),
                );
            }
            assert!(host.next_deadline().is_some_and(|due| due > at(milli)), "nothing is overdue at {milli} ms");
        }
        std::mem::take(&mut counted)
    };
    assert_eq!(beats(host.as_mut(), 0, 1000).iter().map(|beat| beat.0).collect::<Vec<_>>(), [0, 200, 400, 600, 800]);
    assert!(host.mute(PUMP, true));
    assert_eq!(beats(host.as_mut(), 1000, 3000), []);
    assert!(host.mute(PUMP, false));
    let again = beats(host.as_mut(), 3000, 3400);
    assert_eq!(again, [(3000, Some(Raw::IntValue(6))), (3200, Some(Raw::IntValue(7)))]);
    // What a command sets could make something move; a number that is not whole does not count.
    for wrong in ["relay:Boolean", "state:Int8", "watchdog", "watchdog:Float", ":UInt8"] {
        let problems = beating(wrong).err().unwrap_or_else(|| panic!("`{wrong}` was taken"));
        assert!(problems.iter().any(|problem| problem.site == ConfigSite::Heartbeat), "{wrong}");
    }
}
