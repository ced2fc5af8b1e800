//! Text lines: every chunking, noise, answers, orders, safe lines, and sentences of a foreign implementation.

use checkrein::codec::lines::device::{Device, Heard};
use checkrein::codec::lines::{Ask, Ends, Filling, LinesConfig};
use checkrein::codec::{
    Codec, CommandMap, ConfigSite, Decode, DeviceConfig, FieldValue, LinkConfig, Note, Protocol, SignalMap, Turn, build,
};
use checkrein::command::{Command, CommandId, Ticket};
use checkrein::signal::{SignalId, Value};
use checkrein::time::{Span, Time};
use checkrein::wire::{DeviceId, Frame, Lane, LinkId};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use std::sync::Arc;

const LINK: LinkId = LinkId(2);
const HEATER: DeviceId = DeviceId(3);
const VOLTS: SignalId = SignalId(0);
const STATE: SignalId = SignalId(1);
const BITS: SignalId = SignalId(2);
const SET: CommandId = CommandId(0);
const OFF: CommandId = CommandId(1);

fn signal(signal: SignalId, field: &str, scale: f64, decode: Decode) -> SignalMap {
    SignalMap { signal, field: field.into(), scale, offset: 0.0, decode, every: None }
}

fn lines(checksum: Option<&str>, cancel: Option<&str>) -> LinesConfig {
    let named = |name: &str, line: &str| (name.to_string(), line.to_string());
    LinesConfig {
        messages: vec![
            named("reading", "V={mv} S={state}"),
            named("bits", "/B (?<bits>0x[0-9a-f]+)( extra (?<extra>\\d+))?/"),
            named("ok", "OK"),
            named("error", "ERR {code}"),
            named("boot", "/heater v(?<version>[\\d.]+)/"),
        ],
        asks: vec![Ask { answer: "reading".into(), send: "V?".into(), every: Span::from_millis(100) }],
        ends: Ends::CrLf,
        checksum: checksum.map(str::to_string),
        within: Span::from_millis(50),
        refuses: Some("error".into()),
        restarts: Some("boot".into()),
        cancel: cancel.map(str::to_string),
        prompt: None,
    }
}

fn device(lines: LinesConfig) -> DeviceConfig {
    let arg = FieldValue::Arg { index: 0, scale: 1000.0, offset: 0.0 };
    DeviceConfig {
        device: HEATER,
        name: "heater".into(),
        protocol: Protocol::Lines(Arc::new(lines)),
        signals: vec![
            signal(VOLTS, "reading.mv", 0.001, Decode::Number),
            signal(STATE, "reading.state", 1.0, Decode::NamedStates(vec![("RUN".into(), 0), ("IDLE".into(), 1)])),
            signal(BITS, "bits.bits", 1.0, Decode::Bit(4)),
        ],
        commands: vec![
            CommandMap {
                command: SET,
                send: "SET {mv:.0} {mode}".into(),
                with: vec![("mv".into(), arg), ("mode".into(), FieldValue::Text("soft".into()))],
                ack: Some("ok".into()),
            },
            CommandMap { command: OFF, send: "OFF".into(), with: vec![], ack: Some("ok".into()) },
        ],
        identity: vec![],
        heartbeat: Some(("PING".into(), Span::from_millis(400))),
        poll: None,
        tells: None,
        may: vec![],
    }
}

fn host_of(device: DeviceConfig) -> Box<dyn Codec> {
    build(&LinkConfig { link: LINK, devices: vec![device] }).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn at(ms: i64) -> Time {
    Time::ZERO + Span::from_millis(ms)
}

fn hear(host: &mut dyn Codec, when: Time, bytes: &[u8], chunk: usize) -> Turn {
    let mut turn = Turn::default();
    for piece in bytes.chunks(chunk) {
        host.feed(when, &Frame::serial(LINK, piece.to_vec()), &mut turn);
    }
    turn
}

const STREAM: &[u8] = b"half of a li\r\nheater v1.2\r\nV=1500 S=RUN\nV= -20  S=ODD\r\rnobody knows this\r\nB 0x1f\r\n\
    \xff\xfe\x01\r\nB 0x0f extra 3\r\nV=abc S=IDLE\r\nV=12";

#[test]
fn any_chunking_gives_the_same_messages() {
    let whole = hear(&mut *host_of(device(lines(None, None))), Time::ZERO, STREAM, STREAM.len());
    assert_eq!(
        whole.samples,
        [
            (VOLTS, Value::Number(1.5)),
            (STATE, Value::State(0)),
            (VOLTS, Value::Number(-0.02)),
            (STATE, Value::Unknown),
            (BITS, Value::Flag(true)),
            (BITS, Value::Flag(false)),
            (VOLTS, Value::Unknown),
            (STATE, Value::State(1)),
        ]
    );
    assert_eq!(
        whole.notes,
        [
            Note::Noise { bytes: 12 },
            Note::Restart { device: HEATER },
            Note::Identified { device: HEATER },
            Note::Foreign,
            Note::Noise { bytes: 3 },
        ]
    );
    for chunk in 1..STREAM.len() {
        let turn = hear(&mut *host_of(device(lines(None, None))), Time::ZERO, STREAM, chunk);
        assert_eq!((turn.messages, turn.samples), (whole.messages.clone(), whole.samples.clone()), "{chunk}");
        assert_eq!(turn.notes, whole.notes, "{chunk}");
    }
}

#[test]
fn random_bytes_never_panic_and_the_next_line_is_heard() {
    let mut random = Pcg64Mcg::seed_from_u64(5);
    let letters = b"V=SRUN0x1B \r\nERKO*{}.-\xc3";
    for checksum in [None, Some("xor"), Some("CRC-16/MODBUS")] {
        let device = device(lines(checksum, None));
        let mirror = Device::new(&device).expect("right");
        let (mut host, mut other) = (host_of(device.clone()), Device::new(&device).expect("right"));
        for round in 0..3_000 {
            let garbage: Vec<u8> = (0..random.next_u32() % 60)
                .map(|_| match random.next_u32() % 3 {
                    0 => random.next_u32() as u8,
                    _ => letters[random.next_u32() as usize % letters.len()],
                })
                .collect();
            hear(&mut *host, at(round), &garbage, 7);
            other.hear(&garbage);
            hear(&mut *host, at(round), b"\n", 1);
            let line = mirror.say("reading", |hole| match hole {
                "mv" => Some(Filling::Number(500.0)),
                _ => Some(Filling::Text("RUN")),
            });
            let turn = hear(&mut *host, at(round), &line.expect("all given"), 3);
            assert_eq!(turn.samples, [(VOLTS, Value::Number(0.5)), (STATE, Value::State(0))]);
        }
        let long = [vec![b'V'; 100_000], b"\n".to_vec()].concat();
        let told = hear(&mut *host, at(0), &long, 4096).notes;
        let bytes: u32 = told.iter().map(|note| if let Note::Noise { bytes } = note { *bytes } else { 0 }).sum();
        assert_eq!(bytes, 100_000, "{told:?}");
    }
}

#[test]
fn one_thing_waits_at_a_time_and_orders_go_first() {
    let mut host = host_of(device(lines(None, None)));
    hear(&mut *host, at(0), b"\n", 1);
    let mut turn = Turn::default();
    host.tick(at(0), &mut turn);
    let sent = |turn: &Turn| -> Vec<(Lane, String)> {
        turn.sends.iter().map(|(lane, f)| (*lane, String::from_utf8_lossy(&f.bytes).into_owned())).collect()
    };
    let query = |line: &str| (Lane::Query, line.to_string());
    let normal = |line: &str| (Lane::Normal, line.to_string());
    // The feed above asked already.
    assert_eq!(sent(&turn), [query("PING\r\n")]);
    assert_eq!(host.next_deadline(), Some(at(50)));
    turn.clear();
    let set = Command::new(SET, &[0.25]).expect("one");
    let off = Command::new(OFF, &[]).expect("none");
    host.order(at(10), &set, Ticket(1), &mut turn).expect("fits");
    host.order(at(10), &off, Ticket(2), &mut turn).expect("fits");
    assert_eq!(sent(&turn), [], "the answer to the question is awaited");
    let turn = hear(&mut *host, at(20), b"V=1 S=RUN\n", 64);
    assert_eq!(sent(&turn), [normal("SET 250 soft\r\n")]);
    let turn = hear(&mut *host, at(30), b"OK\n", 64);
    assert_eq!((sent(&turn), &turn.notes[..]), (vec![normal("OFF\r\n")], &[Note::Acked { ticket: Ticket(1) }][..]));
    let turn = hear(&mut *host, at(40), b"ERR 7\n", 64);
    assert_eq!(turn.notes, [Note::Refused { ticket: Ticket(2), reason: "ERR 7".into() }]);
    let mut turn = Turn::default();
    host.order(at(41), &off, Ticket(3), &mut turn).expect("fits");
    host.tick(at(91), &mut turn);
    assert_eq!(turn.notes, [Note::Unanswered { ticket: Ticket(3) }]);
    turn.clear();
    host.tick(at(100), &mut turn);
    assert_eq!(sent(&turn), [query("V?\r\n")]);
    // A question that nobody answers is let go, and asked again when it is due.
    turn.clear();
    host.tick(at(150), &mut turn);
    assert_eq!((sent(&turn), host.next_deadline()), (vec![], Some(at(200))));
    // After a trip an answer is one to a safe line.
    host.order(at(160), &set, Ticket(4), &mut turn).expect("fits");
    host.order(at(160), &set, Ticket(5), &mut turn).expect("fits");
    host.abandon();
    let turn = hear(&mut *host, at(170), b"OK\n", 64);
    let commands = vec![SET, OFF];
    assert_eq!(
        (sent(&turn), &turn.notes[..]),
        (vec![], &[Note::SafeAcked { device: HEATER, commands, refused: None }][..])
    );
    assert!(host.mute(HEATER, true) && !host.mute(DeviceId(9), true));
    let mut turn = Turn::default();
    host.tick(at(500), &mut turn);
    assert_eq!(sent(&turn), [query("V?\r\n")]);
}

#[test]
fn a_question_whose_answer_was_the_first_line_is_asked_again_at_once() {
    let mut host = host_of(device(lines(None, None)));
    let mut turn = Turn::default();
    host.tick(at(0), &mut turn);
    assert!(sent(&turn).contains(&"V?\r\n".to_owned()), "{:?}", sent(&turn));
    let first = hear(&mut *host, at(5), b"V=1500 S=RUN\r\n", 64);
    assert_eq!((first.notes.as_slice(), first.samples.len()), (&[Note::Noise { bytes: 12 }][..], 0));
    assert_eq!(sent(&first), ["V?\r\n"]);
    let second = hear(&mut *host, at(9), b"V=1500 S=RUN\r\n", 64);
    assert_eq!((second.samples.len(), sent(&second).len()), (2, 0));
    // Noise in the middle is none of its business: the question comes again when it is due.
    let mut turn = Turn::default();
    host.tick(at(105), &mut turn);
    assert_eq!(sent(&turn), ["V?\r\n"]);
    let noise = hear(&mut *host, at(107), b"\xff\xfe\r\n", 64);
    assert_eq!(sent(&noise), [""; 0]);
}

#[test]
fn the_mirror_hears_what_was_said_and_query_energises_nothing() {
    for checksum in [None, Some("xor"), Some("CRC-32/ISO-HDLC")] {
        let device = device(lines(checksum, None));
        let (mut host, mut mirror) = (host_of(device.clone()), Device::new(&device).expect("right"));
        let mut turn = Turn::default();
        for ms in 0..1_000 {
            host.tick(at(ms), &mut turn);
        }
        assert!(turn.sends.len() > 10);
        for (lane, frame) in &turn.sends {
            assert_eq!(*lane, Lane::Query);
            let heard = mirror.hear(&frame.bytes);
            assert!(matches!(&heard[..], [Heard::Ask(name)] if name == "reading") || heard == [Heard::Heartbeat]);
        }
        let safe = host.safe(&Command::new(SET, &[0.125]).expect("one")).expect("timeless");
        let set = Heard::Command { command: SET, args: vec![0.125] };
        assert_eq!(mirror.hear(&safe[0].bytes), [set]);
        for wrong in [Command::new(SET, &[]), Command::new(SET, &[f64::NAN]), Command::new(CommandId(9), &[])] {
            let wrong = wrong.expect("few");
            assert!(host.safe(&wrong).is_err());
            assert!(host.order(at(0), &wrong, Ticket(1), &mut turn).is_err());
        }
    }
}

#[test]
fn a_safe_line_is_heard_after_any_half_sent_one() {
    for (checksum, cancel) in [(None, None), (Some("CRC-16/XMODEM"), None), (None, Some("\u{3}"))] {
        let device = device(lines(checksum, cancel));
        let host = host_of(device.clone());
        let safe = host.safe(&Command::new(OFF, &[]).expect("none")).expect("timeless");
        let set = host.safe(&Command::new(SET, &[0.25]).expect("one")).expect("timeless");
        let mut random = Pcg64Mcg::seed_from_u64(3);
        let mut prefixes: Vec<Vec<u8>> = (0..set[0].bytes.len()).map(|end| set[0].bytes[..end].to_vec()).collect();
        prefixes.extend((0..500).map(|_| (0..random.next_u32() % 40).map(|_| random.next_u32() as u8).collect()));
        for prefix in prefixes {
            let mut mirror = Device::new(&device).expect("right");
            mirror.hear(&prefix);
            let heard = mirror.hear(&safe[0].bytes);
            assert_eq!(heard.last(), Some(&Heard::Command { command: OFF, args: vec![] }), "{prefix:?}");
            if cancel.is_some() && prefix.starts_with(b"\x03") {
                assert_eq!(heard.len(), 1, "what was half sent is forgotten: {prefix:?}");
            }
        }
    }
}

#[test]
fn identity_is_a_line_that_says_so() {
    let mut config = device(lines(None, None));
    config.identity = vec![("boot.version".into(), FieldValue::Text("1.2".into()))];
    let mut host = host_of(config.clone());
    assert_eq!(hear(&mut *host, at(0), b"\nV=1 S=RUN\n", 64).notes, []);
    let notes = hear(&mut *host, at(0), b"heater v1.2\n", 64).notes;
    assert_eq!(notes, [Note::Restart { device: HEATER }, Note::Identified { device: HEATER }]);
    let notes = hear(&mut *host_of(config), at(0), b"\nheater v1.3\n", 64).notes;
    let wrong =
        Note::WrongIdentity { device: HEATER, fact: "boot.version".into(), found: "1.3".into(), wanted: "1.2".into() };
    assert_eq!(notes, [Note::Restart { device: HEATER }, wrong]);
}

#[test]
fn every_mistake_is_told_where_it_stands() {
    let mut config = device(lines(Some("CRC-16"), None));
    config.signals = ["reading", "readin.mv", "reading.mw"].map(|f| signal(VOLTS, f, 1.0, Decode::Number)).to_vec();
    config.commands[0].with[0].0 = "mw".into();
    config.commands[1].ack = Some("okk".into());
    config.poll = Some(("SET 5 soft".into(), Span::from_millis(10)));
    config.heartbeat = Some(("a\nb".into(), Span::ZERO));
    config.identity = vec![("boot.serial".into(), FieldValue::Number(1.0))];
    config.commands[0].send = "SET {mv:.0} {mode".into();
    let problems = build(&LinkConfig { link: LINK, devices: vec![config.clone()] }).err().expect("wrong");
    let told: Vec<(ConfigSite, &str)> = problems.iter().map(|p| (p.site.clone(), p.message.as_str())).collect();
    assert_eq!(
        told,
        [
            (ConfigSite::Signal(0), "`reading` is no `message.name`"),
            (ConfigSite::Signal(1), "the description has no message `readin`"),
            (ConfigSite::Signal(2), "message `reading` reads no `mw`"),
            (ConfigSite::Command(0), "the line `SET {mv:.0} {mode` has a `{` that nothing closes (`{{` is a brace)"),
            (ConfigSite::Command(1), "the description has no message `okk`"),
            (ConfigSite::Heartbeat, "`a\nb` is no single line"),
            (ConfigSite::Heartbeat, "`a\nb` has no period"),
            (ConfigSite::Identity(0), "message `boot` reads no `serial`"),
            (ConfigSite::Protocol, "`CRC-16` is no check sum known here"),
        ]
    );
    assert_eq!(problems[2].remedy.as_deref(), Some("did you mean `mv`?"));
    let mut config = device(lines(None, None));
    config.poll = Some(("SET 5 soft".into(), Span::from_millis(10)));
    config.commands[0].with[0].0 = "mw".into();
    let problems = build(&LinkConfig { link: LINK, devices: vec![config.clone()] }).err().expect("wrong");
    let sites: Vec<ConfigSite> = problems.iter().map(|p| p.site.clone()).collect();
    assert_eq!(sites, [ConfigSite::Command(0), ConfigSite::CommandField(0, 0)]);
    config.commands[0].with[0].0 = "mv".into();
    let problems = build(&LinkConfig { link: LINK, devices: vec![config.clone()] }).err().expect("wrong");
    assert_eq!(problems[0].site, ConfigSite::Poll);
    assert!(problems[0].message.contains("it is the line of a command"));
    let both = LinkConfig { link: LINK, devices: vec![config.clone(), config] };
    assert!(build(&both).err().expect("two")[0].message.contains("one device to a link"));
}

#[test]
fn sentences_of_pynmea2_read_as_they_were_made() {
    let mut config = device(LinesConfig {
        messages: vec![
            (
                "RMC".into(),
                r"/\$..RMC,[^,]*,(?<fix>[AV]),[^,]*,[NS]?,[^,]*,[EW]?,(?<knots>[^,]*),(?<course>[^,]*),.*/".into(),
            ),
            (
                "GGA".into(),
                r"/\$..GGA,[^,]*,[^,]*,[NS]?,[^,]*,[EW]?,(?<quality>\d),(?<sats>\d*),[^,]*,(?<alt>[^,]*),M,.*/".into(),
            ),
        ],
        asks: vec![],
        refuses: None,
        restarts: None,
        ..lines(Some("xor"), None)
    });
    config.commands.clear();
    config.signals = vec![
        signal(STATE, "RMC.fix", 1.0, Decode::NamedStates(vec![("A".into(), 0), ("V".into(), 1)])),
        signal(VOLTS, "RMC.knots", 1852.0 / 3600.0, Decode::Number),
        signal(BITS, "GGA.alt", 1.0, Decode::Number),
    ];
    let bytes = include_bytes!("lines/pynmea2.nmea");
    let heard = hear(&mut *host_of(config.clone()), at(0), &[&b"\n"[..], bytes].concat(), 1);
    assert_eq!(
        heard.samples,
        [
            (STATE, Value::State(0)),
            (VOLTS, Value::Number(22.4 * (1852.0 / 3600.0))),
            (BITS, Value::Number(545.4)),
            (STATE, Value::State(1)),
            (VOLTS, Value::Unknown),
        ]
    );
    assert_eq!(heard.notes, [Note::Identified { device: HEATER }, Note::Foreign, Note::Foreign], "VTG and GSA");
    let mut broken = bytes.to_vec();
    broken[25] ^= 1;
    let notes = hear(&mut *host_of(config), at(0), &[&b"\n"[..], &broken].concat(), 64).notes;
    assert_eq!(notes[0], Note::Corrupt { bytes: 68 });
}

fn sent(turn: &Turn) -> Vec<String> {
    turn.sends.iter().map(|(_, frame)| String::from_utf8_lossy(&frame.bytes).into_owned()).collect()
}

#[test]
fn a_device_with_a_prompt_is_left_alone_until_it_shows_it() {
    let mut config = device(LinesConfig { prompt: Some(">".into()), ..lines(None, None) });
    config.heartbeat = None;
    let mut host = host_of(config);
    let mut turn = Turn::default();
    host.tick(at(0), &mut turn);
    assert_eq!(sent(&turn), ["V?\r\n"]);
    host.order(at(1), &Command::new(OFF, &[]).expect("none"), Ticket(1), &mut turn).expect("known");
    let answered = hear(&mut *host, at(2), b"\rV=1500 S=RUN\r\r", 1);
    assert_eq!(answered.samples, [(VOLTS, Value::Number(1.5)), (STATE, Value::State(0))]);
    assert_eq!(sent(&answered), [""; 0], "the answer is there and the prompt is not");
    let ready = hear(&mut *host, at(3), b">", 1);
    assert_eq!(sent(&ready), ["OFF\r\n"]);
    // The answer stands behind the prompt of the line before, and both in one chunk do the same.
    assert_eq!(hear(&mut *host, at(4), b"OK\r\r>", 64).notes, [Note::Acked { ticket: Ticket(1) }]);
    let mut turn = Turn::default();
    host.tick(at(100), &mut turn);
    assert_eq!(sent(&turn), ["V?\r\n"]);
    // A prompt without an answer: the question is let go at once, and an order would still wait for its word.
    assert_eq!(sent(&hear(&mut *host, at(101), b"NO DATA\r\r>", 64)), [""; 0]);
    host.order(at(102), &Command::new(OFF, &[]).expect("none"), Ticket(2), &mut turn).expect("known");
    assert_eq!(sent(&turn), ["V?\r\n", "OFF\r\n"]);
    assert_eq!(hear(&mut *host, at(103), b">", 64).notes, []);
    let mut turn = Turn::default();
    host.tick(host.next_deadline().expect("an order waits"), &mut turn);
    assert_eq!(turn.notes, [Note::Unanswered { ticket: Ticket(2) }]);
    // Without any prompt the time for an answer is all that is waited.
    let mut turn = Turn::default();
    host.tick(at(200), &mut turn);
    assert_eq!(host.next_deadline(), Some(at(250)));
    host.tick(at(250), &mut turn);
    host.tick(at(300), &mut turn);
    assert_eq!(sent(&turn), ["V?\r\n", "V?\r\n"]);
}

/// MicroPython on a micro:bit loses what comes while 64 bytes wait: a heartbeat beside a question was one line too many.
#[test]
fn a_heartbeat_waits_for_the_prompt_too_and_for_nothing_else() {
    for (prompt, wanted) in [(None, vec!["PING\r\n", "V?\r\n"]), (Some(">".to_string()), vec!["PING\r\n"])] {
        let mut host = host_of(device(LinesConfig { prompt: prompt.clone(), ..lines(None, None) }));
        let mut turn = Turn::default();
        host.tick(at(0), &mut turn);
        assert_eq!(sent(&turn), wanted);
        let next = sent(&hear(&mut *host, at(1), b"\r\n>", 1));
        assert_eq!(next, if prompt.is_some() { vec!["V?\r\n"] } else { vec![] });
        // No answer comes, so the line is over at 51 ms: only then is the next one of what has become due.
        let mut turn = Turn::default();
        host.tick(at(399), &mut turn);
        host.tick(at(400), &mut turn);
        let beat_during = sent(&turn).iter().any(|line| line == "PING\r\n");
        assert_eq!(beat_during, prompt.is_none(), "{:?}", sent(&turn));
        assert!(host.next_deadline().is_some_and(|due| due > at(400)));
        assert_eq!(sent(&hear(&mut *host, at(401), b">", 1)).first().map(String::as_str), prompt.map(|_| "PING\r\n"));
    }
}

/// What is under way when the guard trips gets no company: the safe line alone, and questions once its prompts are over.
#[test]
fn after_a_trip_a_device_with_a_prompt_is_left_to_its_safe_line() {
    let mut host = host_of(device(LinesConfig { prompt: Some(">".into()), ..lines(None, None) }));
    let mut turn = Turn::default();
    host.tick(at(0), &mut turn);
    host.abandon();
    assert_eq!(sent(&hear(&mut *host, at(10), b"\r\n>", 1)), [""; 0], "the prompt of what was cancelled");
    assert_eq!(sent(&hear(&mut *host, at(15), b"\r\n>", 1)), [""; 0], "that of the empty line");
    let heard = hear(&mut *host, at(30), b"OK\r\n>", 1);
    assert!(matches!(heard.notes[..], [.., Note::SafeAcked { .. }]), "{:?}", heard.notes);
    assert_eq!(sent(&heard), [""; 0]);
    let mut turn = Turn::default();
    host.tick(at(79), &mut turn);
    assert_eq!(sent(&turn), [""; 0]);
    assert_eq!(host.next_deadline(), Some(at(80)));
    host.tick(at(80), &mut turn);
    assert_eq!(sent(&turn), ["V?\r\n"]);
}

#[test]
fn micropython_is_read_at_its_prompt() {
    let mut config = device(LinesConfig {
        messages: vec![("lamp".into(), "LAMP {level} {word}".into()), ("ok".into(), "OK".into())],
        asks: vec![],
        refuses: None,
        restarts: None,
        prompt: Some(">>> ".into()),
        ..lines(None, None)
    });
    config.signals =
        vec![signal(VOLTS, "lamp.level", 1.0, Decode::Number), signal(BITS, "lamp.word:hex", 1.0, Decode::Number)];
    let bytes = include_bytes!("lines/micropython.repl");
    for chunk in [1, 7, bytes.len()] {
        let heard = hear(&mut *host_of(config.clone()), at(0), bytes, chunk);
        assert_eq!(heard.samples, [(VOLTS, Value::Number(7.0)), (BITS, Value::Number(f64::from(0xA001)))]);
        // The banner's second line, the echoes of three lines, and the three of the exception.
        let foreign = heard.notes.iter().filter(|note| **note == Note::Foreign).count();
        assert_eq!(foreign, 7, "{:?}", heard.notes);
    }
}

#[test]
fn numbers_in_hexadecimal_digits_are_read_where_the_field_says_so() {
    let mut config = device(LinesConfig {
        messages: vec![("rpm".into(), "/41 0C (?<data>.*)/".into())],
        asks: vec![],
        refuses: None,
        restarts: None,
        ..lines(None, None)
    });
    config.commands.clear();
    config.signals = vec![
        signal(VOLTS, "rpm.data:hex", 0.25, Decode::Number),
        signal(BITS, "rpm.data:hex", 1.0, Decode::Bit(3)),
        signal(STATE, "rpm.data", 1.0, Decode::Number),
    ];
    // The example of the ELM327's data sheet: 1A F8 are 6904 quarters of a revolution a minute.
    let mut host = host_of(config);
    let samples = hear(&mut *host, at(0), b"\r41 0C 1A F8 \r41 0C 1AF8\r41 0C\r41 0C +1\r41 0C 1G\r", 1).samples;
    let read = [(VOLTS, Value::Number(1726.0)), (BITS, Value::Flag(true)), (STATE, Value::Unknown)];
    let none = [(VOLTS, Value::Unknown), (BITS, Value::Unknown)];
    assert_eq!(samples[..6], [read, read].concat());
    assert_eq!(samples[6..9], [none.as_slice(), &[(STATE, Value::Number(1.0))]].concat());
    assert_eq!(samples[9..], [none.as_slice(), &[(STATE, Value::Unknown)]].concat());
}

#[test]
fn an_order_that_waits_for_its_turn_until_its_time_is_over_is_not_said() {
    let mut host = host_of(device(lines(None, None)));
    hear(&mut *host, at(0), b"\n", 1);
    let mut turn = Turn::default();
    let set = Command::new(SET, &[0.25]).expect("one");
    let off = Command::new(OFF, &[]).expect("none");
    // The question of the feed is not answered yet.
    host.order_until(at(10), &set, Ticket(1), Some(at(19)), &mut turn).expect("fits");
    host.order_until(at(10), &off, Ticket(2), Some(at(20)), &mut turn).expect("fits");
    let turn = hear(&mut *host, at(20), b"V=1 S=RUN\n", 64);
    assert_eq!(turn.notes.last(), Some(&Note::Lapsed { ticket: Ticket(1) }));
    assert_eq!(turn.sends, [(Lane::Normal, Frame::serial(LINK, *b"OFF\r\n").until(Some(at(20))).first_of(2))]);
}

#[test]
fn nobody_waits_for_the_answer_to_an_order_that_never_left() {
    let off = Command::new(OFF, &[]).expect("none");
    for prompt in [None, Some(">".to_owned())] {
        let mut config = device(LinesConfig { prompt: prompt.clone(), ..lines(None, None) });
        config.heartbeat = None;
        let mut host = host_of(config);
        let mut turn = Turn::default();
        let ready = prompt.as_deref().unwrap_or("");
        hear(&mut *host, at(0), b"\r\n", 1);
        hear(&mut *host, at(1), format!("V=1 S=RUN\r\n{ready}").as_bytes(), 1);
        turn.clear();
        host.order_until(at(2), &off, Ticket(1), Some(at(9)), &mut turn).expect("fits");
        host.order_until(at(2), &off, Ticket(2), Some(at(90)), &mut turn).expect("fits");
        assert_eq!(sent(&turn), ["OFF\r\n"], "{prompt:?}");
        turn.clear();
        // That another order was thrown away changes nothing.
        host.lapsed(at(10), Ticket(7), &mut turn);
        assert_eq!(sent(&turn), [""; 0]);
        host.lapsed(at(10), Ticket(1), &mut turn);
        assert_eq!((sent(&turn), &turn.notes[..]), (vec!["OFF\r\n".to_owned()], &[][..]), "{prompt:?}");
        let answered = hear(&mut *host, at(11), format!("OK\r\n{ready}").as_bytes(), 64);
        assert_eq!(answered.notes, [Note::Acked { ticket: Ticket(2) }], "{prompt:?}");
    }
}

#[test]
fn a_line_that_never_ends_is_told_on_its_way() {
    for begun in [&b""[..], b"\n"] {
        let mut host = host_of(device(lines(None, None)));
        hear(&mut *host, at(0), begun, 1);
        let turn = hear(&mut *host, at(1), &[b'x'; 5_000], 64);
        let told: u32 = turn.notes.iter().map(|note| if let Note::Noise { bytes } = note { *bytes } else { 0 }).sum();
        assert!(told >= 3_900, "{:?}", turn.notes);
        // Its end ends what is passed over, and counts the rest.
        let turn = hear(&mut *host, at(2), b"x\nV=1 S=RUN\n", 64);
        let rest = Note::Noise { bytes: 5_001 - told };
        assert!(turn.notes.starts_with(&[rest]) && turn.samples.contains(&(VOLTS, Value::Number(0.001))), "{turn:?}");
    }
}
