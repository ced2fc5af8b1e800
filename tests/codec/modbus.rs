//! Modbus RTU: one request at a time, answers in any chunks, noise, exceptions, retries, and the mirror.

use checkrein::codec::modbus::device::Server;
use checkrein::codec::modbus::frame::frame;
use checkrein::codec::modbus::host::Timing;
use checkrein::codec::modbus::{Kind, Table, WordOrder};
use checkrein::codec::{
    Body, Codec, CommandMap, ConfigSite, Decode, DeviceConfig, FieldValue, LinkConfig, Note, Protocol, SignalMap, Turn,
    build,
};
use checkrein::command::{Command, CommandId, Ticket};
use checkrein::signal::{SignalId, Value};
use checkrein::time::{Span, Time};
use checkrein::wire::{DeviceId, Frame, Lane, LinkId};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;

const LINK: LinkId = LinkId(0);
const UNIT: DeviceId = DeviceId(3);
const SET: CommandId = CommandId(0);
const OFF: CommandId = CommandId(1);

fn config() -> LinkConfig {
    let every = Some(Span::from_millis(100));
    let signal = |number, field: &str, decode| SignalMap {
        signal: SignalId(number),
        field: field.into(),
        scale: 0.1,
        offset: 273.15,
        decode,
        every,
    };
    let signals = vec![
        signal(0, "holding[1]:i16", Decode::Number),
        signal(1, "holding[2]:f32", Decode::Number),
        signal(2, "holding[4]", Decode::States(vec![(0, 0), (7, 1)])),
        signal(3, "coil[0]", Decode::Flag),
        signal(4, "holding[9]", Decode::Bit(3)),
    ];
    let field = |name: &str, value| (name.to_owned(), value);
    let commands = vec![
        CommandMap {
            command: SET,
            send: "write".into(),
            with: vec![
                field("holding[1]:i16", FieldValue::Arg { index: 0, scale: 10.0, offset: -2731.5 }),
                field("holding[2]:f32", FieldValue::Number(1.5)),
            ],
            ack: Some("answer".into()),
        },
        CommandMap {
            command: OFF,
            send: "write".into(),
            with: vec![field("coil[0]", FieldValue::Number(0.0)), field("holding[4]", FieldValue::Number(0.0))],
            ack: Some("answer".into()),
        },
    ];
    let protocol =
        Protocol::Modbus { unit: 1, order: WordOrder::LowFirst, timing: Timing::of(19200, Span::from_millis(50), 1) };
    let device = DeviceConfig {
        device: UNIT,
        name: "ahu".into(),
        protocol,
        signals,
        commands,
        identity: vec![],
        heartbeat: Some(("holding[9]".into(), Span::from_secs(1))),
        poll: None,
        tells: None,
        may: vec![],
    };
    LinkConfig { link: LINK, devices: vec![device] }
}

fn host() -> Box<dyn Codec> {
    build(&config()).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn server() -> Server {
    let mut server = Server::new(1, WordOrder::LowFirst);
    server.set_number(Table::Holding, 1, Kind::I16, -55.0);
    server.set_number(Table::Holding, 2, Kind::F32, 20.25);
    server.set(Table::Holding, 4, 7);
    server.set(Table::Holding, 9, 0);
    server.set(Table::Coil, 0, 1);
    server
}

fn command(id: CommandId, args: &[f64]) -> Command {
    Command::new(id, args).expect("few arguments")
}

/// Goes on until `until`, with answers in chunks of that size; `spoil` may change what arrives.
fn talk(
    host: &mut dyn Codec,
    server: &mut Server,
    from: Time,
    until: Time,
    chunk: usize,
    spoil: &mut dyn FnMut(Vec<u8>) -> Vec<u8>,
) -> Turn {
    let mut all = Turn::default();
    let mut at = from;
    loop {
        host.tick(at, &mut all);
        let asked: Vec<Frame> = all.sends.drain(..).map(|(_, frame)| frame).collect();
        let mut answers = Vec::new();
        asked.iter().for_each(|frame| server.feed(&frame.bytes, &mut answers, &mut Vec::new()));
        let answered = spoil(answers.concat());
        for piece in answered.chunks(chunk) {
            host.feed(at + Span::from_millis(2), &Frame::serial(LINK, piece), &mut all);
        }
        let next = host.next_deadline().expect("it polls").max(at + Span::from_micros(100));
        if all.sends.is_empty() && next > until {
            return all;
        }
        if all.sends.is_empty() {
            at = next;
        }
    }
}

fn values() -> Vec<(SignalId, Value)> {
    vec![
        (SignalId(0), Value::Number(-55.0 * 0.1 + 273.15)),
        (SignalId(1), Value::Number(20.25 * 0.1 + 273.15)),
        (SignalId(2), Value::State(1)),
        (SignalId(3), Value::Flag(true)),
        (SignalId(4), Value::Flag(false)),
    ]
}

fn sorted(turn: &Turn, count: usize) -> Vec<(SignalId, Value)> {
    let mut found: Vec<_> = turn.samples.iter().take(count).copied().collect();
    found.sort_by_key(|(signal, _)| *signal);
    found
}

#[test]
fn answers_in_any_chunks_give_the_same_values() {
    for chunk in 1..=20 {
        let turn =
            talk(&mut *host(), &mut server(), Time::ZERO, Time::from_nanos(90_000_000), chunk, &mut |bytes| bytes);
        assert_eq!(sorted(&turn, 5), values(), "chunks of {chunk}");
        assert_eq!(turn.notes, [Note::Identified { device: UNIT }]);
        // The beat, three registers in one request, one register by itself, one coil.
        assert_eq!(turn.messages.len(), 4);
    }
}

#[test]
fn noise_before_an_answer_is_counted_and_left_behind() {
    let mut rng = Pcg64Mcg::seed_from_u64(5);
    for _ in 0..200 {
        let mut noise = || -> Vec<u8> { (0..rng.next_u32() % 9).map(|_| rng.next_u32() as u8 | 0x80).collect() };
        let mut heard = 0;
        let mut spoil = |bytes: Vec<u8>| {
            let noise = noise();
            heard += noise.len();
            [noise, bytes].concat()
        };
        let turn = talk(&mut *host(), &mut server(), Time::ZERO, Time::from_nanos(90_000_000), 5, &mut spoil);
        assert_eq!(sorted(&turn, 5), values());
        let told: u32 = turn.notes.iter().map(|n| if let Note::Noise { bytes } = n { *bytes } else { 0 }).sum();
        assert_eq!(told as usize, heard);
    }
}

#[test]
fn random_bytes_are_no_answers_and_stop_nothing() {
    let mut rng = Pcg64Mcg::seed_from_u64(6);
    let mut host = host();
    let mut at = Time::ZERO;
    for _ in 0..500 {
        let bytes: Vec<u8> =
            (0..rng.next_u32() % 64).map(|_| [1, 3, 1, 6, rng.next_u32() as u8][rng.next_u32() as usize % 5]).collect();
        let mut turn = Turn::default();
        host.feed(at, &Frame::serial(LINK, bytes), &mut turn);
        host.tick(at, &mut turn);
        assert!(turn.samples.is_empty());
        at += Span::from_millis(7);
    }
    let until = at + Span::from_millis(900);
    let turn = talk(&mut *host, &mut server(), at, until, 3, &mut |bytes| bytes);
    let mut last: Vec<_> = turn.samples.iter().rev().take(5).copied().collect();
    last.sort_by_key(|(signal, _)| *signal);
    assert_eq!(last, values());
}

#[test]
fn a_corrupt_answer_is_told_and_asked_for_again() {
    let mut spoilt = 0;
    let mut spoil = |mut bytes: Vec<u8>| {
        if bytes.get(1) == Some(&3) && spoilt == 0 {
            spoilt += 1;
            bytes[4] ^= 0x10;
        }
        bytes
    };
    let turn = talk(&mut *host(), &mut server(), Time::ZERO, Time::from_nanos(400_000_000), 64, &mut spoil);
    let corrupt = turn.notes.iter().filter(|note| matches!(note, Note::Corrupt { .. })).count();
    assert_eq!((corrupt, sorted(&turn, 5)), (1, values()));
    assert!(turn.samples.iter().all(|sample| values().contains(sample)), "nothing guessed");
}

#[test]
fn one_request_is_under_way_and_the_gap_is_kept() {
    let mut host = host();
    let mut turn = Turn::default();
    host.tick(Time::ZERO, &mut turn);
    assert_eq!(turn.sends.len(), 1);
    let first = turn.sends[0].1.bytes.clone();
    host.tick(Time::from_nanos(1_000_000), &mut turn);
    host.order(Time::from_nanos(1_000_000), &command(SET, &[280.0]), Ticket(1), &mut turn).expect("it fits");
    assert_eq!(turn.sends.len(), 1, "the first was not answered yet");
    let mut answers = Vec::new();
    server().feed(&first, &mut answers, &mut Vec::new());
    let answered = Time::from_nanos(5_000_000);
    host.feed(answered, &Frame::serial(LINK, answers.concat()), &mut turn);
    // 3.5 characters of 11 bits at 19200 bit/s.
    let free = host.next_deadline().expect("an order waits");
    assert_eq!(free.since(answered).nanos(), 11_000_000_000 / 19_200 * 7 / 2);
    host.tick(free - Span::from_micros(1), &mut turn);
    assert_eq!(turn.sends.len(), 1);
    host.tick(free, &mut turn);
    assert_eq!((turn.sends.len(), turn.sends[1].0), (2, Lane::Normal));
    assert_eq!(turn.sends[1].1.bytes[1], 16, "neighbours are written together");
}

#[test]
fn orders_are_acknowledged_refused_or_left_unanswered() {
    let end = Time::from_nanos(90_000_000);
    let mut server = server();
    let mut one = host();
    let mut turn = Turn::default();
    one.order(Time::ZERO, &command(SET, &[280.0]), Ticket(2), &mut turn).expect("it fits");
    let mut answers = Vec::new();
    // The beat went first; its answer lets the order out.
    server.feed(&turn.sends[0].1.bytes, &mut answers, &mut Vec::new());
    one.feed(Time::ZERO, &Frame::serial(LINK, answers.concat()), &mut turn);
    let free = one.next_deadline().expect("it waits");
    let turn = talk(&mut *one, &mut server, free, end, 3, &mut |bytes| bytes);
    assert!(turn.notes.contains(&Note::Acked { ticket: Ticket(2) }), "{:?}", turn.notes);
    assert_eq!(server.get(Table::Holding, 1), Some(69), "280 K in tenths of a degree above 0 degC, rounded");
    // A device without the coil refuses.
    let mut bare = Server::new(1, WordOrder::LowFirst);
    bare.set(Table::Holding, 9, 0);
    let mut two = host();
    two.order(Time::ZERO, &command(OFF, &[]), Ticket(3), &mut Turn::default()).expect("it fits");
    let turn = talk(&mut *two, &mut bare, Time::from_nanos(400_000_000), Time::from_nanos(700_000_000), 64, &mut |b| b);
    let refused = Note::Refused { ticket: Ticket(3), reason: "exception 02: illegal data address".into() };
    assert!(turn.notes.contains(&refused), "{:?}", turn.notes);
    let said =
        turn.notes.iter().filter(|note| matches!(note, Note::Text { text, .. } if text.contains("holding[1..4]")));
    assert_eq!(said.count(), 1, "an exception that goes on is told once");
    // Nobody answers: once again, and then it is told.
    let mut three = host();
    three.order(Time::ZERO, &command(OFF, &[]), Ticket(4), &mut Turn::default()).expect("it fits");
    let mut nobody = Server::new(9, WordOrder::LowFirst);
    let turn = talk(&mut *three, &mut nobody, Time::ZERO, Time::from_nanos(2_000_000_000), 64, &mut |b| b);
    assert!(turn.notes.contains(&Note::Unanswered { ticket: Ticket(4) }), "{:?}", turn.notes);
    // What does not fit is no order.
    let wrong = three.order(Time::ZERO, &command(SET, &[1e6]), Ticket(5), &mut Turn::default());
    assert!(wrong.expect_err("too large for i16").0.contains("does not fit into holding[1]"));
}

#[test]
fn safe_frames_act_at_any_time_after_half_a_frame() {
    let mut rng = Pcg64Mcg::seed_from_u64(7);
    let safe = host().safe(&command(OFF, &[])).expect("writes are timeless");
    for _ in 0..300 {
        let mut server = server();
        // Half a frame of our own, or noise.
        let whole = frame(1, &[16, 0, 1, 0, 3, 6, 0, 1, 0, 2, 0, 3]);
        let noise: Vec<u8> = (0..rng.next_u32() % 300).map(|_| rng.next_u32() as u8).collect();
        let prefix =
            if rng.next_u32() % 2 == 0 { whole[..rng.next_u32() as usize % whole.len()].to_vec() } else { noise };
        server.feed(&prefix, &mut Vec::new(), &mut Vec::new());
        let mut answers = Vec::new();
        safe.iter().for_each(|frame| server.feed(&frame.bytes, &mut answers, &mut Vec::new()));
        assert_eq!(
            (server.get(Table::Coil, 0), server.get(Table::Holding, 4)),
            (Some(0), Some(0)),
            "after {prefix:x?}"
        );
        let mut host = host();
        let mut turn = Turn::default();
        host.abandon();
        host.feed(Time::ZERO, &Frame::serial(LINK, answers.concat()), &mut turn);
        let acked = Note::SafeAcked { device: UNIT, commands: vec![OFF], refused: None };
        assert!(turn.notes.contains(&acked), "{:?}", turn.notes);
    }
}

#[test]
fn nothing_asked_unasked_writes_anything_but_the_watchdog() {
    let mut host = host();
    let (mut server, mut beats, mut at) = (server(), Vec::new(), Time::ZERO);
    while at < Time::from_nanos(5_000_000_000) {
        let mut turn = Turn::default();
        host.tick(at, &mut turn);
        for (lane, frame) in std::mem::take(&mut turn.sends) {
            assert_eq!(lane, Lane::Query);
            let (mut answers, mut written) = (Vec::new(), Vec::new());
            server.feed(&frame.bytes, &mut answers, &mut written);
            beats.extend(written.iter().map(|w| (w.table, w.address, w.value)));
            host.feed(at, &Frame::serial(LINK, answers.concat()), &mut turn);
        }
        at = host.next_deadline().expect("it polls").max(at + Span::from_micros(50));
        if beats.len() == 3 {
            assert!(host.mute(UNIT, true));
        }
    }
    assert_eq!(beats, [1, 2, 3].map(|count| (Table::Holding, 9, count)));
}

#[test]
fn mistakes_are_told_where_they_stand() {
    let mut config = config();
    let device = &mut config.devices[0];
    device.signals[0].field = "holding[65535]:f32".into();
    device.signals[1].field = "holding[2]:f64".into();
    device.signals[2].every = None;
    device.signals[3].decode = Decode::Bit(0);
    device.commands[0].with[0].0 = "input[1]".into();
    device.commands[0].with[1].1 = FieldValue::Text("warm".into());
    device.commands[1].send = "holding[4]".into();
    device.heartbeat = Some(("coil[1]".into(), Span::from_secs(1)));
    device.identity = vec![("holding[0]".into(), FieldValue::Text("x".into()))];
    device.poll = Some(("status".into(), Span::from_secs(1)));
    let problems = build(&config).err().expect("it is full of mistakes");
    let sites: Vec<_> = problems.iter().map(|problem| problem.site.clone()).collect();
    use ConfigSite::{Command, CommandField, Heartbeat, Identity, Poll, Signal};
    let wanted = [
        Poll,
        Signal(0),
        Signal(1),
        Signal(2),
        Signal(3),
        Identity(0),
        CommandField(0, 0),
        CommandField(0, 1),
        Command(1),
        Heartbeat,
    ];
    assert_eq!(sites, wanted, "{problems:#?}");
    assert!(problems[1].message.contains("65536") && problems[1].remedy.as_ref().is_some_and(|r| r.contains("40101")));
}

#[test]
fn every_answer_is_a_sign_of_life() {
    let turn = talk(
        &mut *host(),
        &mut Server::new(1, WordOrder::LowFirst),
        Time::ZERO,
        Time::from_nanos(50_000_000),
        9,
        &mut |b| b,
    );
    assert!(!turn.messages.is_empty(), "exceptions");
    assert!(turn.messages.iter().all(|m| m.device == UNIT && m.body == Body::Samples(0..0)));
}

/// What pymodbus asked and answered; `tests/codec/modbus/make.py` wrote it.
fn captured() -> Vec<(Vec<u8>, Vec<u8>)> {
    let bytes = |hex: &str| -> Vec<u8> {
        let pairs = (0..hex.len()).step_by(2).map(|place| u8::from_str_radix(&hex[place..place + 2], 16));
        pairs.map(|byte| byte.expect("hexadecimal")).collect()
    };
    let lines: Vec<_> = include_str!("modbus/pymodbus.txt").lines().collect();
    let pair = |two: &[&str]| {
        let asked = two[0].strip_prefix("> ").expect("a request");
        (bytes(asked), bytes(two[1].strip_prefix("< ").expect("its answer")))
    };
    lines.chunks(2).map(pair).collect()
}

/// The session of a unit that has one thing to ask: the places of a read, or those of a write with their values.
fn asks(table: &str, address: u16, count: u16, written: Option<&[u16]>) -> Box<dyn Codec> {
    let mut config = config();
    let device = &mut config.devices[0];
    (device.heartbeat, device.signals, device.commands) = (None, vec![], vec![]);
    let places = (address..).take(usize::from(count)).map(|place| format!("{table}[{place}]"));
    match written {
        None => {
            let bits = table == "coil" || table == "discrete";
            let signal = |(number, field)| SignalMap {
                signal: SignalId(number),
                field,
                scale: 1.0,
                offset: 0.0,
                decode: if bits { Decode::Flag } else { Decode::Number },
                every: Some(Span::from_secs(1)),
            };
            device.signals = (0..).zip(places).map(signal).collect();
        }
        Some(values) => {
            let value = |(place, value): (String, &u16)| (place, FieldValue::Number(f64::from(*value)));
            device.commands = vec![CommandMap {
                command: SET,
                send: "write".into(),
                with: places.zip(values).map(value).collect(),
                ack: Some("answer".into()),
            }];
        }
    }
    build(&config).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// Goal: this side asks for a thing with the bytes that pymodbus asks for it, and reads what pymodbus answers.
/// Method: the script of `make.py` once more, with the tables as they must be by then.
#[test]
fn this_side_asks_as_pymodbus_does_and_reads_its_answers() {
    let mut bits: Vec<u16> = (0..20).map(|place| u16::from(place % 3 == 0)).collect();
    let mut registers: Vec<u16> = (0..12).map(|place| 1000 + 7 * place).collect();
    let script: [(&str, u16, u16, Option<&[u16]>); 14] = [
        ("coil", 1, 11, None),
        ("discrete", 3, 8, None),
        ("holding", 2, 5, None),
        ("input", 0, 1, None),
        ("coil", 1, 1, Some(&[1])),
        ("coil", 3, 1, Some(&[0])),
        ("holding", 4, 1, Some(&[0xBEEF])),
        ("coil", 5, 9, Some(&[1, 1, 0, 1, 0, 1, 1, 1, 1])),
        ("holding", 6, 3, Some(&[1, 0xFFFF, 0x8000])),
        ("coil", 0, 20, None),
        ("holding", 0, 12, None),
        ("holding", 60_000, 1, None),
        ("holding", 60_000, 1, Some(&[1])),
        ("holding", 11, 2, Some(&[1, 2])),
    ];
    let captured = captured();
    assert_eq!(captured.len(), script.len());
    for ((table, address, count, written), (asked, answered)) in script.into_iter().zip(captured) {
        let place = format!("{table}[{address}] of {count}, written {written:?}");
        let mut host = asks(table, address, count, written);
        let mut turn = Turn::default();
        if written.is_some() {
            host.order(Time::ZERO, &command(SET, &[]), Ticket(9), &mut turn).expect("it fits");
        }
        host.tick(Time::ZERO, &mut turn);
        let sent: Vec<_> = turn.sends.iter().map(|(_, frame)| frame.bytes.clone()).collect();
        assert_eq!(sent, [asked], "{place}");
        host.feed(Time::ZERO, &Frame::serial(LINK, answered), &mut turn);
        let tables = if table == "coil" || table == "discrete" { &mut bits } else { &mut registers };
        let within = tables.get_mut(usize::from(address)..usize::from(address + count));
        match (within, written) {
            (Some(within), None) => {
                let flag = |value: u16| if table == "input" || table == "holding" { None } else { Some(value != 0) };
                let value = |value: u16| flag(value).map_or(Value::Number(f64::from(value)), Value::Flag);
                let wanted: Vec<_> = (0..).map(SignalId).zip(within.iter().map(|word| value(*word))).collect();
                assert_eq!(sorted(&turn, usize::from(count)), wanted, "{place}");
            }
            (Some(within), Some(values)) => {
                within.copy_from_slice(values);
                assert!(turn.notes.contains(&Note::Acked { ticket: Ticket(9) }), "{place}: {:?}", turn.notes);
            }
            (None, None) => {
                assert!(turn.samples.is_empty(), "{place}: nothing guessed");
                let told = |note: &Note| matches!(note, Note::Text { text, .. } if text.contains("exception 02"));
                assert!(turn.notes.iter().any(told), "{place}: {:?}", turn.notes);
            }
            (None, Some(_)) => {
                let reason = "exception 02: illegal data address".into();
                let refused = Note::Refused { ticket: Ticket(9), reason };
                assert!(turn.notes.contains(&refused), "{place}: {:?}", turn.notes);
            }
        }
    }
}

#[test]
fn the_mirror_answers_every_function_as_pymodbus_does() {
    let mut server = Server::new(1, WordOrder::HighFirst);
    for place in 0..20u16 {
        let bit = u16::from(place % 3 == 0);
        server.set(Table::Coil, place, bit);
        server.set(Table::Discrete, place, bit);
    }
    for place in 0..12u16 {
        server.set(Table::Holding, place, 1000 + 7 * place);
        server.set(Table::Input, place, 1000 + 7 * place);
    }
    let mut functions = std::collections::BTreeSet::new();
    for (asked, theirs) in captured() {
        let (mut ours, mut written) = (Vec::new(), Vec::new());
        // Byte by byte: how a request is cut must not matter.
        asked.iter().for_each(|byte| server.feed(&[*byte], &mut ours, &mut written));
        assert_eq!(ours.concat(), theirs, "asked {asked:02x?}");
        functions.insert(theirs[1]);
    }
    assert_eq!(Vec::from_iter(functions), [1, 2, 3, 4, 5, 6, 15, 16, 0x83, 0x86, 0x90]);
}

#[test]
fn nobody_waits_for_the_answer_to_an_order_that_never_left() {
    let mut host = host();
    let at = |millis: i64| Time::from_nanos(millis * 1_000_000);
    let mut turn = Turn::default();
    host.tick(at(0), &mut turn);
    let mut answers = Vec::new();
    server().feed(&turn.sends[0].1.bytes, &mut answers, &mut Vec::new());
    turn.clear();
    host.feed(at(1), &Frame::serial(LINK, answers.concat()), &mut turn);
    // Of two parts; with the first of them the second is gone, too.
    host.order_until(at(10), &command(SET, &[280.0]), Ticket(1), Some(at(20)), &mut turn).expect("it fits");
    let said = |turn: &Turn| turn.sends.iter().filter_map(|(_, frame)| frame.order).collect::<Vec<_>>();
    while said(&turn).is_empty() {
        turn.clear();
        let due = host.next_deadline().expect("an order waits");
        host.tick(due, &mut turn);
    }
    assert_eq!(said(&turn), [1]);
    turn.clear();
    host.order_until(at(11), &command(OFF, &[]), Ticket(2), Some(at(9_000)), &mut turn).expect("it fits");
    assert_eq!(said(&turn), [0; 0], "order 1 is awaited");
    host.lapsed(at(900), Ticket(1), &mut turn);
    assert_eq!((said(&turn), &turn.notes[..]), (vec![2], &[][..]));
}

#[test]
fn an_order_whose_time_is_over_is_neither_begun_nor_asked_again() {
    let mut host = host();
    let mut turn = Turn::default();
    let at = |millis: i64| Time::from_nanos(millis * 1_000_000);
    // The beat goes first, and nobody answers it.
    host.order_until(at(0), &command(SET, &[280.0]), Ticket(1), Some(at(100)), &mut turn).expect("it fits");
    host.order_until(at(0), &command(OFF, &[]), Ticket(2), Some(at(10_000)), &mut turn).expect("it fits");
    for millis in 0..20_000 {
        if host.next_deadline().is_some_and(|due| due <= at(millis)) {
            host.tick(at(millis), &mut turn);
        }
    }
    assert_eq!(turn.notes.iter().filter(|n| **n == Note::Lapsed { ticket: Ticket(1) }).count(), 1, "{:?}", turn.notes);
    let normal: Vec<_> = turn.sends.iter().filter(|(lane, _)| *lane == Lane::Normal).map(|(_, frame)| frame).collect();
    assert!(!normal.is_empty() && normal.iter().all(|frame| frame.not_after == Some(at(10_000))), "{normal:?}");
    assert!(turn.notes.contains(&Note::Unanswered { ticket: Ticket(2) }), "{:?}", turn.notes);
    // An order that was begun in time, and is over when it would be asked again.
    let mut host = self::host();
    let mut turn = Turn::default();
    host.tick(at(0), &mut turn);
    let mut answers = Vec::new();
    server().feed(&turn.sends[0].1.bytes, &mut answers, &mut Vec::new());
    turn.clear();
    host.feed(at(1), &Frame::serial(LINK, answers.concat()), &mut turn);
    host.order_until(at(1), &command(OFF, &[]), Ticket(3), Some(at(20)), &mut turn).expect("it fits");
    for millis in 2..2_000 {
        if host.next_deadline().is_some_and(|due| due <= at(millis)) {
            host.tick(at(millis), &mut turn);
        }
    }
    let normal = turn.sends.iter().filter(|(lane, _)| *lane == Lane::Normal).count();
    assert_eq!(normal, 1, "{:?}", turn.notes);
    assert!(turn.notes.contains(&Note::Unanswered { ticket: Ticket(3) }), "{:?}", turn.notes);
}
