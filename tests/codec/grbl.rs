//! GRBL: stories in the bytes of a board that ran GRBL 1.1h, and what every protocol must keep.

use checkrein::codec::grbl::device::{BANNER, Ears, Line};
use checkrein::codec::grbl::{RESET, RX_BYTES};
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
const CELL: DeviceId = DeviceId(3);
const STATE: SignalId = SignalId(0);
const X: SignalId = SignalId(1);
const FEED: SignalId = SignalId(2);
const SWITCH: SignalId = SignalId(3);
const PART: SignalId = SignalId(4);
const WORK_Z: SignalId = SignalId(5);
const MOVE: CommandId = CommandId(0);
const HOLD: CommandId = CommandId(1);
const HOME: CommandId = CommandId(2);
const SLOW: CommandId = CommandId(3);
const SLEEP: CommandId = CommandId(4);
const STATES: [&str; 5] = ["Idle", "Run", "Hold", "Jog", "Alarm"];

fn config() -> LinkConfig {
    let signal = |signal, field: &str, scale, decode| SignalMap {
        signal,
        field: field.into(),
        scale,
        offset: 0.0,
        decode,
        every: Some(Span::from_millis(50)),
    };
    let names = STATES.iter().enumerate().map(|(place, name)| ((*name).to_owned(), place as u16)).collect();
    let command = |command, send: &str, with: Vec<(String, FieldValue)>, ack: Option<&str>| CommandMap {
        command,
        send: send.into(),
        with,
        ack: ack.map(str::to_owned),
    };
    let arg = |index, scale| FieldValue::Arg { index, scale, offset: 0.0 };
    LinkConfig {
        link: LINK,
        devices: vec![DeviceConfig {
            device: CELL,
            name: "cell".into(),
            protocol: Protocol::Grbl,
            signals: vec![
                signal(STATE, "status.state", 1.0, Decode::NamedStates(names)),
                signal(X, "status.MPos.x", 1e-3, Decode::Number),
                signal(FEED, "status.FS.feed", 1.0, Decode::Number),
                signal(SWITCH, "status.Pn.x", 1.0, Decode::Flag),
                signal(PART, "status.substate", 1.0, Decode::States(vec![(0, 0), (1, 1)])),
                signal(WORK_Z, "status.WPos.z", 1.0, Decode::Number),
            ],
            commands: vec![
                command(
                    MOVE,
                    "G53 G1",
                    vec![("X".into(), arg(0, 1e3)), ("Y".into(), FieldValue::Number(-2.5)), ("F".into(), arg(1, 6e4))],
                    Some("ok"),
                ),
                command(HOLD, "!", vec![], None),
                command(HOME, "$H", vec![], Some("ok")),
                command(SLOW, "0x92 0x92", vec![], None),
                command(SLEEP, "$SLP", vec![], None),
            ],
            identity: vec![],
            heartbeat: None,
            poll: Some(("?".into(), Span::from_millis(50))),
            tells: None,
            may: vec![],
        }],
    }
}

fn host() -> Box<dyn Codec> {
    build(&config()).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn at(millis: i64) -> Time {
    Time::ZERO + Span::from_millis(millis)
}

fn hear(host: &mut dyn Codec, when: Time, bytes: impl AsRef<[u8]>) -> Turn {
    let mut turn = Turn::default();
    host.feed(when, &Frame::serial(LINK, bytes.as_ref()), &mut turn);
    turn
}

fn order(host: &mut dyn Codec, id: CommandId, args: &[f64], ticket: u64) -> Turn {
    let mut turn = Turn::default();
    let command = Command::new(id, args).expect("few");
    host.order(Time::ZERO, &command, Ticket(ticket), &mut turn).expect("it fits");
    turn
}

fn sent(turn: &Turn) -> Vec<u8> {
    turn.sends.iter().flat_map(|(_, frame)| frame.bytes.clone()).collect()
}

#[test]
fn a_boards_own_words_become_samples() {
    let mut host = host();
    let turn = hear(&mut *host, at(0), "<Idle|MPos:0.000,0.000,0.000|FS:0,0|WCO:0.000,0.000,0.000>\r\n");
    assert_eq!(
        turn.samples,
        [
            (STATE, Value::State(0)),
            (X, Value::Number(0.0)),
            (FEED, Value::Number(0.0)),
            (SWITCH, Value::Flag(false)),
            (PART, Value::Unknown),
            (WORK_Z, Value::Number(0.0)),
        ]
    );
    assert_eq!(turn.notes, [Note::Identified { device: CELL }]);
    let turn =
        hear(&mut *host, at(50), "<Jog|MPos:1.620,0.000,-3.000|FS:141,0>\r\n<Hold:1|WPos:1.5,0,2|F:9|Pn:XZ>\r\n");
    assert_eq!(
        turn.samples[..3],
        [(STATE, Value::State(3)), (X, Value::Number(1.62 * 1e-3)), (FEED, Value::Number(141.0))]
    );
    // The work's zero is remembered from the first report, and gives one position from the other.
    assert_eq!(turn.samples[5], (WORK_Z, Value::Number(-3.0)));
    assert_eq!(
        turn.samples[6..10],
        [
            (STATE, Value::State(2)),
            (X, Value::Number(1.5 * 1e-3)),
            (FEED, Value::Number(9.0)),
            (SWITCH, Value::Flag(true)),
        ]
    );
    assert_eq!(turn.samples[10], (PART, Value::State(1)));
    assert_eq!(turn.notes, []);
}

#[test]
fn every_size_of_chunk_gives_the_same() {
    let stream = format!(
        "{BANNER}[MSG:'$H'|'$X' to unlock]\r\n\x00\x11<Al<Alarm|MPos:1.000,2.000,3.000|FS:0,0>\r\nnonsense\r\n<Idle|MP\r\n\
         ok\r\nALARM:1\r\n$10=1\r\n>G54:ok\r\n{BANNER}<Idle|MPos:1.000,2.000,3.000|FS:0,0>\r\n"
    );
    let mut whole = None;
    for size in 1..=stream.len() {
        let mut host = host();
        let mut turn = Turn::default();
        for chunk in stream.as_bytes().chunks(size) {
            host.feed(at(0), &Frame::serial(LINK, chunk), &mut turn);
        }
        let text = |note: &Note| matches!(note, Note::Text { .. });
        assert_eq!(turn.notes.iter().filter(|note| text(note)).count(), 2, "chunks of {size}: {:?}", turn.notes);
        let others: Vec<_> = turn.notes.iter().filter(|note| !text(note)).cloned().collect();
        assert_eq!(
            others,
            [
                Note::Noise { bytes: 5 },
                Note::Identified { device: CELL },
                Note::Noise { bytes: 8 },
                Note::Corrupt { bytes: 8 },
                Note::Restart { device: CELL },
                Note::Identified { device: CELL },
            ],
            "chunks of {size}"
        );
        let whole = whole.get_or_insert((turn.samples.clone(), turn.messages.clone()));
        assert_eq!((&turn.samples, &turn.messages), (&whole.0, &whole.1), "chunks of {size}");
    }
}

#[test]
fn random_bytes_neither_panic_nor_speak() {
    let mut random = Pcg64Mcg::seed_from_u64(5);
    let letters = b"<>|:,.-0123456789MPosIdleFSWCO\r\n[]okerrALARM";
    let mut host = host();
    let mut turn = Turn::default();
    for _ in 0..20_000 {
        let bytes: Vec<u8> = (0..random.next_u32() % 40)
            .map(|_| match random.next_u32() % 4 {
                0 => random.next_u32() as u8,
                _ => letters[random.next_u32() as usize % letters.len()],
            })
            .collect();
        host.feed(at(0), &Frame::serial(LINK, bytes), &mut turn);
    }
    assert!(turn.samples.is_empty() && turn.sends.is_empty(), "{:?}", turn.samples);
    assert!(turn.notes.iter().all(|note| !matches!(note, Note::Restart { .. })));
    turn.clear();
    host.feed(at(1), &Frame::serial(LINK, *b"\n<Run|MPos:1.000,0.000,0.000|FS:1,0>\n"), &mut turn);
    assert_eq!(turn.samples[0], (STATE, Value::State(1)));
}

#[test]
fn an_order_is_a_line_and_its_answer_comes_back() {
    let mut host = host();
    let turn = order(&mut *host, MOVE, &[-0.1234567, 0.01], 1);
    assert_eq!(turn.sends, [(Lane::Normal, Frame::serial(LINK, *b"G53 G1 X-123.457 Y-2.5 F600\n").first_of(1))]);
    order(&mut *host, HOME, &[], 2);
    order(&mut *host, MOVE, &[0.0, 0.5], 3);
    let turn = hear(&mut *host, at(1), "ok\r\nerror:5\r\nok\r\nok\r\n");
    let reason = "error:5, homing is not enabled".to_owned();
    assert_eq!(
        turn.notes,
        [
            Note::Acked { ticket: Ticket(1) },
            Note::Refused { ticket: Ticket(2), reason },
            Note::Acked { ticket: Ticket(3) }
        ]
    );
    for (id, args) in [(MOVE, &[0.0][..]), (MOVE, &[f64::NAN, 1.0]), (MOVE, &[1e9, 1.0]), (CommandId(99), &[])] {
        let command = Command::new(id, args).expect("few");
        let mut turn = Turn::default();
        assert!(host.order(at(2), &command, Ticket(9), &mut turn).is_err() && turn.sends.is_empty());
        assert!(host.safe(&command).is_err());
    }
}

/// Goal: the receive buffer is never overrun, and used to the last line that fits. Method: forty lines against the mirror,
/// which answers one line at a time and loses what finds no room.
#[test]
fn characters_are_counted() {
    let (mut host, mut ears, mut now) = (host(), Ears::default(), Vec::new());
    let mut first = Turn::default();
    for ticket in 0..40 {
        first.sends.extend(order(&mut *host, MOVE, &[-0.001 * ticket as f64, 0.01], ticket).sends);
    }
    ears.feed(&sent(&first), &mut now);
    let used = RX_BYTES - ears.free();
    assert!((RX_BYTES - 28..=RX_BYTES).contains(&used), "{used} bytes under way");
    let mut lines = Vec::new();
    while let Some(Line::Text(line)) = ears.next_line() {
        lines.push(line);
        let turn = hear(&mut *host, at(1), "ok\r\n");
        assert_eq!(turn.notes, [Note::Acked { ticket: Ticket(lines.len() as u64 - 1) }]);
        ears.feed(&sent(&turn), &mut now);
    }
    assert_eq!((lines.len(), ears.lost(), now.len()), (40, 0, 0));
    assert_eq!((lines[1].as_str(), lines[39].as_str()), ("G53G1X-1Y-2.5F600", "G53G1X-39Y-2.5F600"));
}

#[test]
fn a_reset_answers_what_was_under_way() {
    let mut host = host();
    hear(&mut *host, at(0), "<Idle|MPos:0.000,0.000,0.000|FS:0,0>\r\n");
    for ticket in 0..9 {
        order(&mut *host, MOVE, &[0.0, 0.01], ticket);
    }
    let turn = hear(&mut *host, at(1), BANNER);
    let refused = turn.notes.iter().filter(|n| matches!(n, Note::Refused { .. })).count();
    assert_eq!((turn.notes[0].clone(), refused), (Note::Restart { device: CELL }, 9));
    assert!(turn.sends.is_empty(), "nothing that waited for the old state is sent to the new one");
    assert_eq!(sent(&order(&mut *host, HOME, &[], 10)), b"$H\n");
}

#[test]
fn a_lost_answer_does_not_stop_the_stream_for_ever() {
    let mut host = host();
    for ticket in 0..9 {
        order(&mut *host, MOVE, &[0.0, 0.01], ticket);
    }
    let idle = "<Idle|MPos:0.000,0.000,0.000|FS:0,0>\r\n";
    assert!(hear(&mut *host, at(9_000), idle).sends.is_empty());
    let turn = hear(&mut *host, at(11_000), idle);
    let lost: Vec<_> = turn.notes.iter().filter(|n| matches!(n, Note::Unanswered { .. })).collect();
    assert!(lost.len() >= 4 && !turn.sends.is_empty(), "{:?}", turn.notes);
}

#[test]
fn what_is_sent_unasked_moves_nothing() {
    let mut config = config();
    config.devices[0].identity = vec![
        ("VER.version".into(), FieldValue::Text("1.1h.20190825".into())),
        ("VER.name".into(), FieldValue::Number(7.0)),
    ];
    let mut host = build(&config).expect("right");
    let (mut ears, mut now) = (Ears::default(), Vec::new());
    // Half a line of somebody who is gone: ended as it stands it would be carried out.
    ears.feed(b"G1 X10", &mut now);
    let mut turn = Turn::default();
    host.tick(at(0), &mut turn);
    host.feed(at(0), &Frame::serial(LINK, *b"<Idle|MPos:0.000,0.000,0.000|FS:0,0>\r\n"), &mut turn);
    assert!(host.next_deadline().is_some_and(|due| due <= at(0)));
    host.tick(at(0), &mut turn);
    assert!(turn.sends.iter().all(|(lane, _)| *lane == Lane::Query));
    ears.feed(&sent(&turn), &mut now);
    assert_eq!(now, b"?");
    let lines: Vec<_> = std::iter::from_fn(|| ears.next_line()).collect();
    assert_eq!(lines, [Line::Text("G1X10)@".into()), Line::Text("$I".into())]);
    let heard = "error:1\r\n[VER:1.1h.20190825:7]\r\n[OPT:V,15,128]\r\nok\r\n";
    assert_eq!(hear(&mut *host, at(5), heard).notes, [Note::Identified { device: CELL }]);

    let mut other = build(&config).expect("right");
    hear(&mut *other, at(0), "<Idle|MPos:0.000,0.000,0.000|FS:0,0>\r\n");
    let notes = hear(&mut *other, at(1), "[VER:1.1f.20170801:7]\r\n").notes;
    assert!(matches!(&notes[..], [Note::WrongIdentity { found, .. }] if found == "1.1f.20170801"), "{notes:?}");
}

/// Goal: safe frames mean the same at any time. Method: each behind 500 random beginnings on the mirror.
#[test]
fn safe_frames_are_heard_behind_anything() {
    let host = host();
    let mut random = Pcg64Mcg::seed_from_u64(11);
    let safe = |id| {
        let frames = host.safe(&Command::new(id, &[]).expect("few")).expect("timeless");
        frames.into_iter().flat_map(|frame| frame.bytes).collect::<Vec<u8>>()
    };
    let letters = b"G53X-1.F(;$J=H?~ \x01\n";
    for _ in 0..500 {
        let (mut ears, mut now) = (Ears::default(), Vec::new());
        let before: Vec<u8> =
            (0..random.next_u32() % 100).map(|_| letters[random.next_u32() as usize % letters.len()]).collect();
        ears.feed(&before, &mut now);
        let begun: Vec<_> = std::iter::from_fn(|| ears.next_line()).collect();
        now.clear();
        ears.feed(&safe(HOLD), &mut now);
        ears.feed(&safe(SLOW), &mut now);
        assert_eq!(now, [b'!', 0x92, 0x92]);
        ears.feed(&safe(SLEEP), &mut now);
        let lines: Vec<_> = std::iter::from_fn(|| ears.next_line()).collect();
        assert_eq!(lines.last(), Some(&Line::Text("$SLP".into())), "behind {before:?} with {begun:?}");
        let half = before.rsplit(|b| *b == b'\n').next().unwrap_or_default();
        let code = half.split(|b| *b == b';').next().unwrap_or_default();
        let open = code.iter().rposition(|b| *b == b'(');
        // A line that ends in a comment was whole when its comment began; any other is spoilt.
        if let (Some(Line::Text(line)), None, false) = (lines.first(), open, half.contains(&b';')) {
            assert!(line.ends_with(")@"), "{line}");
        }
    }
}

#[test]
fn after_a_trip_only_questions_are_left() {
    let mut host = host();
    for ticket in 0..9 {
        order(&mut *host, MOVE, &[0.0, 0.01], ticket);
    }
    host.abandon();
    let turn = hear(&mut *host, at(1), "ok\r\nok\r\nok\r\nok\r\nok\r\nok\r\n");
    assert!(turn.sends.is_empty() && turn.notes.is_empty(), "{turn:?}");
    let mut turn = Turn::default();
    host.tick(at(50), &mut turn);
    assert_eq!(turn.sends, [(Lane::Query, Frame::serial(LINK, *b"?"))]);
}

#[test]
fn a_heartbeat_can_be_held_back_and_the_questions_go_on() {
    let mut config = config();
    assert!(!build(&config).expect("right").mute(CELL, true), "there is none");
    config.devices[0].heartbeat = Some(("0xFF".into(), Span::from_millis(100)));
    let mut host = build(&config).expect("right");
    let beats = |host: &mut dyn Codec, from: i64| {
        let mut turn = Turn::default();
        (from..from + 20).for_each(|tick| host.tick(at(10 * tick), &mut turn));
        assert!(turn.sends.iter().all(|(lane, _)| *lane == Lane::Query));
        let of = |byte: u8| turn.sends.iter().filter(|(_, frame)| frame.bytes == [byte]).count();
        (of(0xFF), of(b'?'))
    };
    assert_eq!(beats(&mut *host, 0), (2, 4));
    assert!(host.mute(CELL, true));
    assert_eq!(beats(&mut *host, 20), (0, 4));
    assert!(host.mute(CELL, false));
    assert_eq!(beats(&mut *host, 40), (2, 4));
}

#[test]
fn an_alarm_is_told_in_words() {
    let mut host = host();
    let turn = hear(&mut *host, at(0), "ALARM:1\r\n[MSG:Reset to continue]\r\n");
    let text = |severity, text: &str| Note::Text { device: CELL, severity, text: text.into() };
    assert_eq!(
        turn.notes,
        [text(2, "ALARM:1, a limit switch was hit; its position is lost"), text(6, "Reset to continue")]
    );
    assert!(turn.messages.iter().all(|m| m.device == CELL && m.body == Body::Samples(0..0)));
    assert_eq!(turn.messages.len(), 2, "it lives");
    assert_eq!(RESET, 0x18);
}

#[test]
fn every_mistake_of_a_grbl_device_is_told_where_it_stands() {
    let mut config = config();
    let device = &mut config.devices[0];
    device.poll = Some(("$G".into(), Span::from_secs(1)));
    device.heartbeat = Some(("?".into(), Span::from_secs(1)));
    device.identity = vec![("VER.versoin".into(), FieldValue::Number(1.0))];
    device.signals[0].decode = Decode::Number;
    device.signals[1].field = "status.Mpos.x".into();
    device.signals[2].decode = Decode::Bit(1);
    device.commands[0].with =
        vec![("x".into(), FieldValue::Number(1.0)), ("F".into(), FieldValue::Text("fast".into()))];
    device.commands[1].send = "0x17".into();
    device.commands[2].ack = Some("OK".into());
    device.commands[3].ack = Some("ok".into());
    device.commands[4].send = "G1 X1\nG1 X2".into();
    let second = DeviceConfig { device: DeviceId(4), ..device.clone() };
    config.devices.push(second);
    let problems = build(&config).err().expect("mistakes");
    let told: Vec<_> = problems.iter().map(|p| (p.site.clone(), p.message.as_str())).collect();
    assert_eq!(
        told,
        [
            (ConfigSite::Heartbeat, "`?` cannot be sent as a heartbeat"),
            (ConfigSite::Poll, "`$G` is no question"),
            (ConfigSite::Signal(0), "`status.state` is a word"),
            (ConfigSite::Signal(1), "`status.Mpos.x` is no field of a status report"),
            (ConfigSite::Signal(2), "`status.FS.feed` is a number"),
            (
                ConfigSite::Identity(0),
                "`VER.versoin` is nothing that `$I` tells (there are VER.version, VER.name, OPT.codes)"
            ),
            (ConfigSite::CommandField(0, 0), "`x` is no word"),
            (ConfigSite::CommandField(0, 1), "`fast` is no number"),
            (ConfigSite::Command(1), "`0x17` is no real-time byte of GRBL 1.1"),
            (ConfigSite::Command(2), "`OK` acknowledges no line"),
            (ConfigSite::Command(3), "real-time bytes are not acknowledged"),
            (ConfigSite::Command(4), "`G1 X1\nG1 X2` is no line of GRBL"),
            (ConfigSite::Protocol, "GRBL knows no addresses: a link carries one controller"),
        ]
    );
    let near = problems.iter().find(|p| p.site == ConfigSite::Signal(1)).and_then(|p| p.remedy.as_deref());
    assert_eq!(near, Some("did you mean `status.MPos.x`?"));
}

fn order_until(host: &mut dyn Codec, millis: i64, x: f64, ticket: u64, last: Option<Time>) -> Turn {
    let mut turn = Turn::default();
    let command = Command::new(MOVE, &[x, 0.01]).expect("few");
    host.order_until(at(millis), &command, Ticket(ticket), last, &mut turn).expect("it fits");
    turn
}

#[test]
fn a_line_that_waits_for_room_until_its_time_is_over_is_not_said() {
    let mut host = host();
    let mut under_way = 0;
    // The buffer is full: what comes now waits here.
    while !order_until(&mut *host, 0, -0.1, 1, None).sends.is_empty() {
        under_way += 1;
    }
    order_until(&mut *host, 0, -0.2, 2, Some(at(250)));
    order_until(&mut *host, 10, -0.3, 3, None);
    let oks = "ok\r\n".repeat(under_way);
    let turn = hear(&mut *host, at(251), &oks);
    let lapsed = turn.notes.iter().filter(|note| **note == Note::Lapsed { ticket: Ticket(2) }).count();
    let said = String::from_utf8(sent(&turn)).expect("text");
    assert!(lapsed == 1 && !said.contains("X-200") && said.contains("X-300"), "{said:?} {:?}", turn.notes);
    // What leaves in time carries until when it may.
    let turn = order_until(&mut *host, 260, -0.4, 4, Some(at(500)));
    assert_eq!(turn.sends[0].1.not_after, Some(at(500)));
}

#[test]
fn a_line_that_never_left_takes_no_room_and_no_answer() {
    let mut host = host();
    let gone = order_until(&mut *host, 0, -0.1, 1, Some(at(250))).sends.remove(0).1;
    assert_eq!(gone.order, Some(1), "by which whoever throws it away names it");
    order_until(&mut *host, 0, -0.2, 2, Some(at(400)));
    let mut turn = Turn::default();
    host.lapsed(at(300), Ticket(1), &mut turn);
    let turn = hear(&mut *host, at(310), "ok\r\n");
    assert_eq!(turn.notes, [Note::Acked { ticket: Ticket(2) }], "the answer is that of the line that left");
}
