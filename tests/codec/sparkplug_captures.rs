//! What foreign edge nodes said in a run; see `sparkplug/README.md`.

use checkrein::codec::{Codec, Decode, DeviceConfig, LinkConfig, Note, Protocol, SignalMap, Turn, build};
use checkrein::signal::{SignalId, Value};
use checkrein::time::{Span, Time};
use checkrein::wire::{DeviceId, Frame, Lane, LinkId};
use std::collections::BTreeMap;
use std::path::Path;

const LINK: LinkId = LinkId(1);
const PUMP: DeviceId = DeviceId(0);
const FIELDS: [&str; 7] = ["level", "count", "state", "relay", "label", "target", "watchdog"];

fn host() -> Box<dyn Codec> {
    let decode = |field: &str| match field {
        "state" => Decode::States(vec![(-1, 0), (300, 1)]),
        "relay" => Decode::Flag,
        "label" => Decode::NamedStates(vec![("idle".into(), 0), ("busy".into(), 1)]),
        _ => Decode::Number,
    };
    let signals = FIELDS.iter().enumerate().map(|(place, field)| SignalMap {
        signal: SignalId(place as u32),
        field: (*field).into(),
        scale: 1.0,
        offset: 0.0,
        decode: decode(field),
        every: None,
    });
    let device = DeviceConfig {
        device: PUMP,
        name: "pump".into(),
        protocol: Protocol::Sparkplug {
            group: "Plant".into(),
            node: "Edge1".into(),
            device: Some("Pump".into()),
            host: None,
        },
        signals: signals.collect(),
        commands: vec![],
        identity: vec![],
        heartbeat: None,
        poll: None,
        tells: None,
        may: vec![],
    };
    build(&LinkConfig { link: LINK, devices: vec![device] }).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// The frames of a file.
fn said(name: &str) -> Vec<Frame> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/codec/sparkplug").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    let lines: Vec<(String, String)> = serde_json::from_str(&text).expect("written by a script");
    let digits = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hexadecimal");
    let frame = |(topic, hex): (String, String)| {
        Frame::publish(LINK, &topic, hex.as_bytes().chunks(2).map(digits).collect::<Vec<u8>>())
    };
    lines.into_iter().map(frame).collect()
}

fn is(frame: &Frame, kind: &str) -> bool {
    frame.topic.as_deref().is_some_and(|topic| topic.split('/').nth(2) == Some(kind))
}

/// What the host makes of it all: the last value of each field, whatever is noted, and how often births were asked for.
#[derive(Default)]
struct Seen {
    values: BTreeMap<&'static str, Value>,
    notes: Vec<Note>,
    asked: usize,
}

fn hear(host: &mut dyn Codec, frames: &[Frame]) -> Seen {
    let mut seen = Seen::default();
    for (place, frame) in frames.iter().enumerate() {
        let mut turn = Turn::default();
        host.feed(Time::ZERO + Span::from_millis(100 * place as i64), frame, &mut turn);
        seen.values.extend(turn.samples.iter().map(|(signal, value)| (FIELDS[signal.0 as usize], *value)));
        seen.notes.append(&mut turn.notes);
        assert!(turn.sends.iter().all(|(lane, _)| *lane == Lane::Query));
        seen.asked += turn.sends.len();
    }
    seen
}

fn at_rest() -> BTreeMap<&'static str, Value> {
    let number = Value::Number;
    let values =
        [number(2.5), number(-7.0), Value::State(0), Value::Flag(false), Value::State(0), number(0.0), number(0.0)];
    FIELDS.into_iter().zip(values).collect()
}

/// After `start`, `aim` at 12.25 and `stop`; the count of the heartbeat is whatever it was.
fn after_the_run(seen: &Seen) {
    let number = Value::Number;
    let values = [number(2.5), number(-50.0), Value::State(1), Value::Flag(false), Value::State(1), number(12.25)];
    for (field, value) in FIELDS.into_iter().zip(values) {
        assert_eq!(seen.values[field], value, "{field}");
    }
    assert!(matches!(seen.values["watchdog"], Value::Number(count) if count >= 2.0));
}

#[test]
fn births_of_foreign_nodes_read_as_they_were_meant() {
    for name in ["npm.json", "python.json"] {
        let frames = said(name);
        let births = frames.iter().take(2).cloned().collect::<Vec<_>>();
        assert!(is(&births[0], "NBIRTH") && is(&births[1], "DBIRTH"), "{name}");
        let seen = hear(&mut *host(), &births);
        assert_eq!(
            (seen.values, seen.notes, seen.asked),
            (at_rest(), vec![Note::Identified { device: PUMP }], 0),
            "{name}"
        );
    }
}

#[test]
fn a_run_with_a_node_of_sparkplug_client_reads_without_a_gap_to_its_death() {
    let frames = said("npm.json");
    let (death, alive) = frames.split_last().expect("it said something");
    assert!(is(death, "NDEATH"));
    assert_eq!(alive.iter().filter(|frame| is(frame, "NBIRTH")).count(), 2, "it was asked for its births once");
    let mut host = host();
    let seen = hear(&mut *host, alive);
    after_the_run(&seen);
    // Its bdSeq is a UInt64 where topics-nbirth-bdseq-included has an Int64: the number is what ties birth and death.
    assert_eq!((seen.notes, seen.asked), (vec![Note::Identified { device: PUMP }], 0));
    let seen = hear(&mut *host, std::slice::from_ref(death));
    assert!(seen.values.len() == FIELDS.len() && seen.values.values().all(|value| *value == Value::Unknown));
    assert!(matches!(&seen.notes[..], [Note::Text { text, .. }] if text.contains("NDEATH")), "{:?}", seen.notes);
}

#[test]
fn a_node_of_pysparkplug_that_dies_with_the_number_of_its_next_birth_is_not_believed() {
    let frames = said("python.json");
    let (death, alive) = frames.split_last().expect("it said something");
    assert!(is(death, "NDEATH"));
    let mut host = host();
    let seen = hear(&mut *host, alive);
    after_the_run(&seen);
    // It says good-bye with a bdSeq that is one too high; payloads-ndeath-bdseq wants that of the birth.
    let malformed = |seen: &Seen, words: &str| {
        let found = |note: &&Note| matches!(note, Note::Malformed { device: PUMP, why } if why.contains(words));
        seen.notes.iter().filter(found).count()
    };
    assert_eq!(malformed(&seen, "another birth"), 1, "{:?}", seen.notes);
    assert!(seen.notes.contains(&Note::Restart { device: PUMP }), "its births come with another bdSeq");
    let seen = hear(&mut *host, std::slice::from_ref(death));
    assert_eq!((seen.values.len(), malformed(&seen, "another birth")), (0, 1), "{:?}", seen.notes);
}

#[test]
fn a_message_that_was_lost_is_missed_and_asked_for() {
    for name in ["npm.json", "python.json"] {
        let mut frames = said(name);
        frames.retain(|frame| !is(frame, "NDEATH"));
        let last = frames.len() - 1;
        frames.remove(last - 1);
        let mut host = host();
        let seen = hear(&mut *host, &frames);
        assert!(seen.notes.contains(&Note::Gap { device: PUMP, lost: 1 }), "{name}: {:?}", seen.notes);
        assert_eq!(seen.asked, 1, "{name}");
    }
}
