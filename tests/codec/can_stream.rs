//! SLCAN as a link: chunks, noise, the mirror, safe frames after anything half sent, questions that make nothing move.

use checkrein::codec::can::device::{Adapter, Received};
use checkrein::codec::can::{DbcSource, Setup};
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
use std::sync::Arc;

const LINK: LinkId = LinkId(3);
const CAR: DeviceId = DeviceId(1);
const SPEED: SignalId = SignalId(0);
const OFFSET: SignalId = SignalId(1);
const GAP: SignalId = SignalId(2);
const MODE: SignalId = SignalId(3);
const ENGINE: SignalId = SignalId(4);
const DRIVE: CommandId = CommandId(0);
const STOP: CommandId = CommandId(1);
const CUT_IN: CommandId = CommandId(2);
const DBC: &str = include_str!("../../rigs/car-bench/vehicle.dbc");

fn at_ms(ms: i64) -> Time {
    Time::ZERO + Span::from_millis(ms)
}

fn config_of(dbc: &str) -> LinkConfig {
    let signal = |signal, field: &str, decode, scale| SignalMap {
        signal,
        field: field.into(),
        scale,
        offset: 0.0,
        decode,
        every: Some(Span::from_millis(100)),
    };
    let arg = |index| FieldValue::Arg { index, scale: 1.0, offset: 0.0 };
    let command = |command, send: &str, with: &[(&str, FieldValue)], ack: Option<&str>| CommandMap {
        command,
        send: send.into(),
        with: with.iter().map(|(name, value)| ((*name).into(), value.clone())).collect(),
        ack: ack.map(Into::into),
    };
    let dbc = Arc::new(DbcSource { name: "vehicle.dbc".into(), text: dbc.into() });
    LinkConfig {
        link: LINK,
        devices: vec![DeviceConfig {
            device: CAR,
            name: "car".into(),
            protocol: Protocol::Slcan { dbc, setup: Setup { bit_rate: 500_000 }, obd: 0x7E0 },
            signals: vec![
                signal(SPEED, "Motion.Speed", Decode::Number, 1.0),
                signal(OFFSET, "Lane.Offset", Decode::Number, 1.0),
                signal(GAP, "Object.PersonGap", Decode::Number, 1.0),
                signal(MODE, "Status.Mode", Decode::States(vec![(0, 0), (1, 1), (2, 2)]), 1.0),
                signal(ENGINE, "obd.010C", Decode::Number, 0.25),
            ],
            commands: vec![
                command(DRIVE, "Drive", &[("Accel", arg(0)), ("Steer", arg(1))], None),
                command(STOP, "Stop", &[("Kind", FieldValue::Text("EMERGENCY".into()))], Some("slcan")),
                command(CUT_IN, "Scene", &[("CutGap", arg(0)), ("CutSpeed", arg(1))], None),
            ],
            identity: vec![("serial".into(), FieldValue::Text("A123".into()))],
            heartbeat: None,
            poll: None,
            tells: None,
            may: Vec::new(),
        }],
    }
}

fn host() -> Box<dyn Codec> {
    build(&config_of(DBC)).expect("right")
}

fn adapter() -> Adapter {
    let mut adapter = Adapter::new(DBC).expect("ours");
    adapter.feed(b"S6\rO\r", &mut Vec::new(), &mut Vec::new());
    assert!(adapter.is_open());
    adapter.serial = "A123".into();
    adapter
}

fn command(id: CommandId, args: &[f64]) -> Command {
    Command::new(id, args).expect("few arguments")
}

/// Everything that a stream says, with samples in place of their ranges.
fn decode(stream: &[u8], chunk: usize) -> (Vec<Vec<(SignalId, Value)>>, Vec<Note>) {
    let (mut host, mut turn) = (host(), Turn::default());
    for part in stream.chunks(chunk) {
        host.feed(at_ms(1), &Frame::serial(LINK, part), &mut turn);
    }
    let samples = turn.messages.iter().map(|message| match &message.body {
        Body::Samples(range) => turn.samples[range.clone()].to_vec(),
        other => panic!("{other:?}"),
    });
    (samples.collect(), turn.notes.clone())
}

fn telemetry(out: &mut Vec<u8>) {
    let mut adapter = adapter();
    adapter.say("Motion", &[("Speed", 12.5), ("Accel", -1.0)], out).expect("fits");
    adapter.say("Lane", &[("Offset", -0.25)], out).expect("fits");
    adapter.say("Object", &[("LeadGap", 30.0)], out).expect("fits");
    adapter.say("Object", &[("PersonGap", 40.0)], out).expect("fits");
    adapter.say("Status", &[("Mode", 1.0)], out).expect("fits");
    adapter.say("Status", &[("Mode", 4.0)], out).expect("fits");
}

#[test]
fn every_chunk_size_gives_the_same_messages_and_noise_is_left_behind() {
    let mut stream = b"VA123\rNA123\r".to_vec();
    telemetry(&mut stream);
    stream.extend_from_slice(b"\x00\xfft100\rt7FF0\r");
    telemetry(&mut stream);
    let whole = decode(&stream, stream.len());
    let once = [
        vec![(SPEED, Value::Number(12.5))],
        vec![(OFFSET, Value::Number(-0.25))],
        // The other branch of the message does not carry the person.
        vec![],
        vec![(GAP, Value::Number(40.0))],
        vec![(MODE, Value::State(1))],
        vec![(MODE, Value::Unknown)],
    ];
    assert_eq!(whole.0, [once.clone(), once].concat());
    assert_eq!(whole.1, [Note::Identified { device: CAR }, Note::Noise { bytes: 7 }, Note::Foreign]);
    for chunk in 1..stream.len() {
        assert_eq!(decode(&stream, chunk), whole, "chunks of {chunk}");
    }
}

#[test]
fn another_adapter_is_told() {
    let (_, notes) = decode(b"NB999\r", 2);
    let [Note::WrongIdentity { found, wanted, .. }] = notes.as_slice() else { panic!("{notes:?}") };
    assert_eq!((found.as_str(), wanted.as_str()), ("B999", "A123"));
}

#[test]
fn a_frame_that_is_too_short_makes_its_signal_unknown() {
    let (samples, _) = decode(b"t1001FF\r", 3);
    assert_eq!(samples, [vec![(SPEED, Value::Unknown)]]);
}

#[test]
fn random_bytes_never_panic_and_the_next_line_is_heard() {
    for seed in 0..500 {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let length = random.next_u32() as usize % 400;
        let letters = b"tTrRzZVNF\r\x070123456789ABCDEF";
        let pick =
            |n: u32| if n.is_multiple_of(3) { (n >> 8) as u8 } else { letters[(n >> 8) as usize % letters.len()] };
        let mut stream: Vec<u8> = (0..length).map(|_| pick(random.next_u32())).collect();
        let mut mirror = adapter();
        mirror.feed(&stream, &mut Vec::new(), &mut Vec::new());
        stream.push(b'\r');
        stream.extend_from_slice(b"t1002E204\r");
        let (samples, _) = decode(&stream, 1 + seed as usize % 9);
        assert_eq!(samples.last(), Some(&vec![(SPEED, Value::Number(12.5))]), "seed {seed}");
    }
}

#[test]
fn the_mirror_hears_what_was_ordered_and_the_adapter_says_that_it_went() {
    let (mut host, mut turn, mut adapter) = (host(), Turn::default(), adapter());
    host.order(at_ms(0), &command(DRIVE, &[-2.5, 0.125]), Ticket(1), &mut turn).expect("fits");
    host.order(at_ms(0), &command(STOP, &[]), Ticket(2), &mut turn).expect("fits");
    host.order(at_ms(0), &command(CUT_IN, &[30.0, 9.5]), Ticket(3), &mut turn).expect("fits");
    assert!(host.order(at_ms(0), &command(DRIVE, &[99.0, 0.0]), Ticket(4), &mut turn).is_err());
    assert_eq!(turn.sends.len(), 3);
    let (mut heard, mut said) = (Vec::new(), Vec::new());
    for (lane, frame) in turn.sends.drain(..) {
        assert_eq!(lane, Lane::Normal);
        frame.bytes.iter().for_each(|byte| adapter.feed(&[*byte], &mut heard, &mut said));
    }
    assert_eq!((heard[0].number("Accel"), heard[0].number("Steer")), (Some(-2.5), Some(0.125)));
    assert_eq!(heard[1].number("Kind"), Some(2.0));
    assert_eq!((heard[2].number("Event"), heard[2].number("CutGap")), (Some(1.0), Some(30.0)));
    turn.clear();
    host.feed(at_ms(1), &Frame::serial(LINK, said), &mut turn);
    assert_eq!(turn.notes, [Note::Acked { ticket: Ticket(2) }]);
    turn.clear();
    host.order(at_ms(2), &command(STOP, &[]), Ticket(5), &mut turn).expect("fits");
    host.feed(at_ms(3), &Frame::serial(LINK, b"\x07"), &mut turn);
    assert!(matches!(turn.notes[..], [Note::Refused { ticket: Ticket(5), .. }]));
    turn.clear();
    host.order(at_ms(4), &command(STOP, &[]), Ticket(6), &mut turn).expect("fits");
    host.tick(at_ms(600), &mut turn);
    assert_eq!(turn.notes, [Note::Unanswered { ticket: Ticket(6) }]);
}

#[test]
fn safe_frames_act_after_anything_half_sent_and_on_an_adapter_that_is_closed() {
    let frames = host().safe(&command(STOP, &[])).expect("timeless");
    assert_eq!(host().safe(&command(STOP, &[])).expect("timeless"), frames);
    for seed in 0..2_000 {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let prefix: Vec<u8> = match seed % 3 {
            0 => b"T1ABCDEF88112233445566"[..random.next_u32() as usize % 23].to_vec(),
            1 => (0..random.next_u32() % 300).map(|_| random.next_u32() as u8).collect(),
            _ => b"C\rS8".to_vec(),
        };
        let mut mirror = if seed % 2 == 0 { adapter() } else { Adapter::new(DBC).expect("ours") };
        mirror.feed(&prefix, &mut Vec::new(), &mut Vec::new());
        let mut heard = Vec::new();
        frames.iter().for_each(|frame| mirror.feed(&frame.bytes, &mut heard, &mut Vec::new()));
        let last = heard.last().and_then(|received| received.number("Kind"));
        assert_eq!(last, Some(2.0), "seed {seed}, after {prefix:02x?}");
    }
}

/// Goal: what is sent unasked only asks. Method: ten seconds of ticks with a mirror that answers; every frame on the Query lane
/// is a question of a reading service or the word to go on with an answer.
#[test]
fn questions_are_answered_and_make_nothing_move() {
    let (mut host, mut turn, mut adapter) = (host(), Turn::default(), adapter());
    let mut asked = 0;
    let mut values = Vec::new();
    for ms in 0..10_000 {
        turn.clear();
        host.tick(at_ms(ms), &mut turn);
        let (mut heard, mut said) = (Vec::new(), Vec::new());
        for (lane, frame) in turn.sends.drain(..) {
            assert_eq!(lane, Lane::Query);
            adapter.feed(&frame.bytes, &mut heard, &mut said);
        }
        for received in heard {
            let Received::Question { to: 0x7E0, bytes } = received else { panic!("{received:?}") };
            assert_eq!(bytes, [0x01, 0x0C]);
            asked += 1;
            // First it asks for patience, as control units do.
            adapter.answer(0x7E0, &[0x7F, 0x01, 0x78], &mut said);
            adapter.answer(0x7E0, &[0x41, 0x0C, 0x14, 0x5F], &mut said);
        }
        host.feed(at_ms(ms), &Frame::serial(LINK, said), &mut turn);
        values.extend(turn.samples.iter().copied());
    }
    assert_eq!(asked, 100, "every 100 ms");
    assert_eq!(values.len(), asked);
    assert!(values.iter().all(|value| *value == (ENGINE, Value::Number(f64::from(0x145F) / 4.0))));
}

/// The vehicle's number takes ELM327-emulator 4.0.0 a third of a second; what is due meanwhile is asked at the answer, and is no
/// deadline that the bench has missed.
#[test]
fn what_a_slow_answer_held_up_is_asked_at_once() {
    let mut config = config_of(DBC);
    config.devices[0].poll = Some(("obd.0902".into(), Span::from_millis(500)));
    let (mut host, mut turn) = (build(&config).expect("right"), Turn::default());
    let heard = |host: &mut Box<dyn Codec>, ms: i64, line: &str| {
        let mut turn = Turn::default();
        host.feed(at_ms(ms), &Frame::serial(LINK, line), &mut turn);
        assert!(host.next_deadline().expect("it asks") > at_ms(ms), "{line}");
        turn.sends.iter().map(|(_, frame)| String::from_utf8_lossy(&frame.bytes).into_owned()).collect::<Vec<_>>()
    };
    host.tick(at_ms(0), &mut turn);
    assert_eq!(heard(&mut host, 5, "z\rt7E8804410C145F000000\r"), ["t7E080209020000000000\r"]);
    assert_eq!(heard(&mut host, 9, "z\rt7E881014490201575030\r"), ["t7E083000000000000000\r"]);
    assert!(heard(&mut host, 10, "t7E88215A5A5A39395A54\r").is_empty());
    assert_eq!(heard(&mut host, 340, "t7E882253333930303030\r"), ["t7E0802010C0000000000\r"]);
}

#[test]
fn a_message_with_a_cycle_is_sent_again_until_a_trip() {
    let cyclic = format!("{DBC}\nBA_ \"GenMsgCycleTime\" BO_ 512 50;\n");
    let mut config = config_of(&cyclic);
    config.devices[0].signals.truncate(1);
    let (mut host, mut turn) = (build(&config).expect("right"), Turn::default());
    host.order(at_ms(0), &command(DRIVE, &[1.0, 0.0]), Ticket(1), &mut turn).expect("fits");
    let first = turn.sends[0].1.bytes.clone();
    (1..=200).for_each(|ms| host.tick(at_ms(ms), &mut turn));
    let count = |turn: &Turn| turn.sends.iter().filter(|(_, frame)| frame.bytes == first).count();
    assert_eq!(count(&turn), 5);
    turn.clear();
    host.abandon();
    (201..=400).for_each(|ms| host.tick(at_ms(ms), &mut turn));
    assert_eq!(count(&turn), 0);
}

#[test]
fn a_heartbeat_beats_until_it_is_held_back_and_is_no_command() {
    let mut config = config_of(DBC);
    config.devices[0].signals.truncate(1);
    config.devices[0].heartbeat = Some(("BenchAlive".into(), Span::from_millis(100)));
    let (mut host, mut turn, mut adapter) = (build(&config).expect("right"), Turn::default(), adapter());
    let mut beats = |host: &mut Box<dyn Codec>, from: i64| {
        turn.clear();
        (from..from + 500).for_each(|ms| host.tick(at_ms(ms), &mut turn));
        let mut heard = Vec::new();
        for (lane, frame) in &turn.sends {
            assert_eq!(*lane, Lane::Query);
            adapter.feed(&frame.bytes, &mut heard, &mut Vec::new());
        }
        assert!(heard.iter().all(|received| received.number("Here") == Some(1.0)));
        heard.len()
    };
    assert_eq!(beats(&mut host, 0), 5);
    assert!(host.mute(CAR, true));
    assert_eq!(beats(&mut host, 500), 0);
    assert!(host.mute(CAR, false));
    assert_eq!(beats(&mut host, 1_000), 5);
    config.devices[0].heartbeat = Some(("Drive".into(), Span::from_millis(100)));
    let problems = build(&config).err().expect("it could make something move");
    assert_eq!(problems[0].site, ConfigSite::Heartbeat);
}

#[test]
fn every_mistake_is_named_where_it_stands() {
    let mut config = config_of(DBC);
    let device = &mut config.devices[0];
    device.signals[0].field = "Motion.Sped".into();
    device.signals[1].field = "Lanes.Offset".into();
    device.signals[4].field = "obd.2F01".into();
    device.commands[0].with[0].0 = "Acel".into();
    device.commands[1].with[0].1 = FieldValue::Text("EMERGENC".into());
    let problems = build(&config).err().expect("wrong");
    let told: Vec<_> = problems.iter().map(|p| (p.site.clone(), p.message.as_str(), p.remedy.as_deref())).collect();
    let find = |site: ConfigSite| told.iter().find(|(other, ..)| *other == site).unwrap_or_else(|| panic!("{told:?}"));
    assert_eq!(find(ConfigSite::Signal(0)).1, "message `Motion` has no signal `Sped`");
    assert_eq!(find(ConfigSite::Signal(0)).2, Some("did you mean `Speed`?"));
    assert_eq!(find(ConfigSite::Signal(1)).1, "there is no message `Lanes` in the DBC file");
    assert_eq!(find(ConfigSite::Signal(4)).1, "`obd.2F01` is no question that only reads");
    assert_eq!(find(ConfigSite::CommandField(0, 0)).2, Some("did you mean `Accel`?"));
    assert_eq!(find(ConfigSite::CommandField(1, 0)).1, "signal `Kind` has no value named `EMERGENC`");
    let problems = build(&config_of("BO_ 1 A: 8")).err().expect("wrong");
    assert_eq!(problems[0].site, ConfigSite::Protocol);
    assert!(problems[0].message.contains("`vehicle.dbc` cannot be read: line 1"), "{}", problems[0].message);
}

#[test]
fn a_cycle_ends_with_the_time_of_its_order_and_what_never_left_has_no_answer() {
    let cyclic = format!("{DBC}\nBA_ \"GenMsgCycleTime\" BO_ 512 50;\n");
    let mut config = config_of(&cyclic);
    config.devices[0].signals.truncate(1);
    let mut host = build(&config).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let mut turn = Turn::default();
    let last = Some(at_ms(120));
    host.order_until(at_ms(0), &command(DRIVE, &[1.0, 0.0]), Ticket(1), last, &mut turn).expect("fits");
    for millis in 1..1_000 {
        if host.next_deadline().is_some_and(|due| due <= at_ms(millis)) {
            host.tick(at_ms(millis), &mut turn);
        }
    }
    let normal: Vec<_> = turn.sends.iter().filter(|(lane, _)| *lane == Lane::Normal).map(|(_, frame)| frame).collect();
    assert_eq!(normal.len(), 3, "at once, after 50 ms and after 100 ms");
    assert!(normal.iter().all(|frame| frame.not_after == last));
}

/// Goal: the answers, which name nothing, are matched with what left, in its order on the wire. Method: the lanes as they are:
/// what is asked overtakes what is ordered, orders are thrown away, doubled and swallowed on their way.
#[test]
fn answers_belong_to_what_left_in_the_order_of_the_wire() {
    let mut config = config_of(DBC);
    config.devices[0].commands[2].ack = Some("slcan".into());
    let mut host = build(&config).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let mut turn = Turn::default();
    assert!(host.hears_leaving());
    host.tick(at_ms(0), &mut turn);
    let asked: Vec<Frame> = turn.sends.drain(..).map(|(_, frame)| frame).collect();
    let [opening, question] = &asked[..] else { panic!("{asked:?}") };
    let z = Frame::serial(LINK, *b"z\r");
    let bell = Frame::serial(LINK, *b"\x07");
    let order = |host: &mut dyn Codec, id: CommandId, args: &[f64], ticket: u64| {
        let mut turn = Turn::default();
        host.order_until(at_ms(1), &command(id, args), Ticket(ticket), Some(at_ms(400)), &mut turn).expect("fits");
        turn.sends.pop().expect("it is said at once").1
    };
    let hear = |host: &mut dyn Codec, frame: &Frame| {
        let mut turn = Turn::default();
        host.feed(at_ms(2), frame, &mut turn);
        turn.notes
    };
    // A question, given after the order, leaves before it; then the order is thrown away.
    let stop = order(&mut *host, STOP, &[], 1);
    host.left(at_ms(2), question);
    assert_eq!(hear(&mut *host, &z), [], "the answer is the question's");
    host.lapsed(at_ms(2), Ticket(1), &mut turn);
    // The same bytes once more, and they leave.
    let again = order(&mut *host, STOP, &[], 2);
    assert_eq!(stop.bytes, again.bytes);
    let cut_in = order(&mut *host, CUT_IN, &[30.0, 9.5], 3);
    host.left(at_ms(2), &again);
    assert_eq!(hear(&mut *host, &z), [Note::Acked { ticket: Ticket(2) }]);
    // One that was doubled on its way is answered twice; what is refused is what left last.
    host.left(at_ms(2), &cut_in);
    host.left(at_ms(2), &cut_in);
    let stop = order(&mut *host, STOP, &[], 4);
    host.left(at_ms(2), &stop);
    assert_eq!(hear(&mut *host, &z), [Note::Acked { ticket: Ticket(3) }]);
    assert_eq!(hear(&mut *host, &z), []);
    let refused = hear(&mut *host, &bell);
    assert!(matches!(refused[..], [Note::Refused { ticket: Ticket(4), .. }]), "{refused:?}");
    // An adapter that is open refuses to be opened, and that is no order's.
    host.left(at_ms(2), opening);
    let stop = order(&mut *host, STOP, &[], 5);
    host.left(at_ms(2), &stop);
    assert_eq!(hear(&mut *host, &bell), []);
    assert_eq!(hear(&mut *host, &bell), []);
    assert_eq!(hear(&mut *host, &z), [Note::Acked { ticket: Ticket(5) }]);
    // Once it has answered the opening, to the flags that were asked for behind it, what it refuses is a frame again.
    host.left(at_ms(2), opening);
    let stop = order(&mut *host, STOP, &[], 9);
    let cut_in = order(&mut *host, CUT_IN, &[30.0, 9.5], 10);
    host.left(at_ms(2), &stop);
    host.left(at_ms(2), &cut_in);
    assert_eq!(hear(&mut *host, &Frame::serial(LINK, *b"\r\r\x07\x07F00\rV1013\r")), []);
    let refused = hear(&mut *host, &bell);
    assert!(matches!(refused[..], [Note::Refused { ticket: Ticket(9), .. }]), "{refused:?}");
    assert_eq!(hear(&mut *host, &z), [Note::Acked { ticket: Ticket(10) }]);
    // One that a fault swallowed is answered by nobody, and takes no answer from the next.
    order(&mut *host, CUT_IN, &[30.0, 9.5], 6);
    let stop = order(&mut *host, STOP, &[], 7);
    host.left(at_ms(2), &stop);
    assert_eq!(hear(&mut *host, &z), [Note::Acked { ticket: Ticket(7) }]);
    turn.clear();
    host.tick(at_ms(600), &mut turn);
    assert_eq!(turn.notes, [Note::Unanswered { ticket: Ticket(6) }]);
    // An adapter that never answers its opening keeps no order waiting for ever.
    turn.sends.iter().for_each(|(_, frame)| host.left(at_ms(600), frame));
    host.left(at_ms(600), opening);
    let stop = order(&mut *host, STOP, &[], 8);
    host.left(at_ms(600), &stop);
    turn.clear();
    host.tick(at_ms(1_101), &mut turn);
    assert!(turn.notes.contains(&Note::Unanswered { ticket: Ticket(8) }), "{:?}", turn.notes);
}
