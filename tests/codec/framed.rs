//! What holds of every protocol of frames, whatever a frame holds: `binary.rs` and `protobuf.rs` bring the descriptions.

use checkrein::codec::framed::{
    Ask, Counts, Covers, Device, FramedConfig, Framing, Given, Heard, Order, Sum, Tongue, Wire,
};
use checkrein::codec::{Codec, DeviceConfig, LinkConfig, Note, Turn, build};
use checkrein::command::{Command, CommandId, Ticket};
use checkrein::time::{Span, Time};
use checkrein::wire::{DeviceId, Frame, Lane, LinkId};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;

pub const LINK: LinkId = LinkId(2);
pub const ARM: DeviceId = DeviceId(3);
/// Its argument is a torque.
pub const TURN: CommandId = CommandId(0);
pub const HALT: CommandId = CommandId(1);

/// The framings under test, by name, with what the foreign implementations chose.
pub fn wires() -> Vec<(&'static str, Wire)> {
    let sum = |name: &str, order, covers| Some(Sum { name: name.into(), order, covers });
    let wire = |framing, sum| Wire { framing, sum, longest: None };
    let length = Framing::Length { sync: vec![0xAA, 0x55], width: 2, order: Order::Little, counts: Counts::Content };
    vec![
        ("cobs", wire(Framing::Cobs, sum("CRC-16/KERMIT", Order::Little, Covers::Content))),
        ("slip", wire(Framing::Slip, sum("CRC-32/ISO-HDLC", Order::Little, Covers::Content))),
        ("length", wire(length, sum("CRC-16/XMODEM", Order::Big, Covers::Length))),
    ]
}

/// What all descriptions say beside their framing.
pub fn described(wire: Wire) -> FramedConfig {
    FramedConfig {
        wire,
        asks: vec![Ask { answer: "state".into(), send: "ask".into(), every: Span::from_millis(100) }],
        within: Span::from_millis(50),
        refuses: Some("refusal".into()),
        restarts: Some("hello".into()),
    }
}

pub fn host_of(device: &DeviceConfig) -> Box<dyn Codec> {
    build(&LinkConfig { link: LINK, devices: vec![device.clone()] }).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

pub fn mirror_of<T: Tongue>(device: &DeviceConfig) -> Device<T> {
    Device::new(device).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

pub fn at(ms: i64) -> Time {
    Time::ZERO + Span::from_millis(ms)
}

pub fn hear(host: &mut dyn Codec, when: Time, bytes: &[u8], chunk: usize) -> Turn {
    let mut turn = Turn::default();
    for piece in bytes.chunks(chunk.max(1)) {
        host.feed(when, &Frame::serial(LINK, piece.to_vec()), &mut turn);
    }
    turn
}

pub fn bytes_of(digits: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal");
    (0..digits.len() / 2).map(|pair| digit(2 * pair)).collect()
}

/// Whether a torn half can pass for a whole: without a check sum that cannot be ruled out.
fn summed(config: &FramedConfig) -> bool {
    config.wire.sum.is_some()
}

fn random_bytes(random: &mut Pcg64Mcg, most: u32, of: &[u8]) -> Vec<u8> {
    let one = |random: &mut Pcg64Mcg| match random.next_u32() % 3 {
        0 => random.next_u32() as u8,
        1 => [0x00, 0xC0, 0xDB, 0xDC, 0xDD, 0xAA, 0x55, 0x01, 0xFF][random.next_u32() as usize % 9],
        _ => of[random.next_u32() as usize % of.len()],
    };
    (0..random.next_u32() % most).map(|_| one(random)).collect()
}

/// Everything at once; `state` are the fields of a message `state`.
pub fn keeps_the_contract<T: Tongue>(name: &str, device: &DeviceConfig, config: &FramedConfig, state: &[(&str, f64)]) {
    let given: Vec<_> = state.iter().map(|(path, number)| (*path, Given::Number(*number))).collect();
    let mirror = mirror_of::<T>(device);
    let said = mirror.say("state", &given).unwrap_or_else(|why| panic!("{name}: {why}"));
    any_chunking(name, device, &said);
    noise_is_left_behind::<T>(name, device, &said);
    what_never_ends_is_told(name, device);
    the_mirror_hears::<T>(name, device);
    safe_frames_are_timeless::<T>(name, device, config);
}

fn any_chunking(name: &str, device: &DeviceConfig, said: &[u8]) {
    let mut broken = said.to_vec();
    broken[said.len() / 2] ^= 0x04;
    let stream = [&said[said.len() / 2..], said, &broken, &[0x00, 0xC0, 1, 2, 0xAA], said, said, &said[..5]].concat();
    let whole = hear(&mut *host_of(device), Time::ZERO, &stream, stream.len());
    assert!(whole.messages.len() >= 2, "{name}: {whole:?}");
    assert!(whole.notes.iter().any(|n| matches!(n, Note::Corrupt { .. } | Note::Noise { .. })), "{name}");
    assert!(whole.notes.contains(&Note::Identified { device: ARM }), "{name}");
    for chunk in 1..stream.len() {
        let turn = hear(&mut *host_of(device), Time::ZERO, &stream, chunk);
        assert_eq!((&turn.messages, &turn.samples), (&whole.messages, &whole.samples), "{name} in pieces of {chunk}");
        assert_eq!(turn.notes, whole.notes, "{name} in pieces of {chunk}");
    }
}

fn noise_is_left_behind<T: Tongue>(name: &str, device: &DeviceConfig, said: &[u8]) {
    let mut random = Pcg64Mcg::seed_from_u64(5);
    let one = hear(&mut *host_of(device), Time::ZERO, &[said, said].concat(), 64);
    let wanted = &one.samples[one.samples.len() / 2..];
    let (mut host, mut mirror) = (host_of(device), mirror_of::<T>(device));
    for round in 0..2_000 {
        let garbage = random_bytes(&mut random, 80, said);
        hear(&mut *host, at(round), &garbage, 7);
        mirror.hear(&garbage);
        // A length that the garbage says may be awaited first; the longest is that of a few messages.
        let heard = (0..40).any(|_| hear(&mut *host, at(round), said, 3).samples.ends_with(wanted));
        assert!(heard, "{name}: not heard after {garbage:02x?}");
    }
}

/// A device that never ends its frames, or speaks at another speed, is not silent.
fn what_never_ends_is_told(name: &str, device: &DeviceConfig) {
    let turn = hear(&mut *host_of(device), Time::ZERO, &[b'A'; 10_000], 64);
    let told: u32 = turn
        .notes
        .iter()
        .map(|note| match note {
            Note::Noise { bytes } | Note::Corrupt { bytes } => *bytes,
            _ => 0,
        })
        .sum();
    assert!(told >= 5_000, "{name}: {:?}", turn.notes);
}

fn the_mirror_hears<T: Tongue>(name: &str, device: &DeviceConfig) {
    let (mut host, mut mirror) = (host_of(device), mirror_of::<T>(device));
    let mut turn = Turn::default();
    for ms in 0..1_000 {
        host.tick(at(ms), &mut turn);
    }
    let mut kinds = [0, 0];
    for (lane, frame) in &turn.sends {
        assert_eq!(*lane, Lane::Query, "{name}");
        match &mirror.hear(&frame.bytes)[..] {
            [Heard::Ask(answer)] if answer == "state" => kinds[0] += 1,
            [Heard::Heartbeat] => kinds[1] += 1,
            other => panic!("{name}: {other:?}"),
        }
    }
    assert!(kinds[0] >= 9 && kinds[1] >= 2, "{name}: {kinds:?}");
    for torque in [0.0, -1.5, 2.25] {
        turn.clear();
        let mut host = host_of(device);
        host.order(at(0), &Command::new(TURN, &[torque]).expect("one"), Ticket(1), &mut turn).expect("it fits");
        let (lane, frame) = &turn.sends[0];
        assert_eq!(*lane, Lane::Normal, "{name}");
        let wanted = Heard::Command { command: TURN, args: vec![torque] };
        assert_eq!(mirror.hear(&frame.bytes), [wanted], "{name}");
    }
    for wrong in [Command::new(TURN, &[]), Command::new(TURN, &[f64::NAN]), Command::new(CommandId(9), &[])] {
        let wrong = wrong.expect("few");
        assert!(host.safe(&wrong).is_err(), "{name}");
        assert!(host.order(at(0), &wrong, Ticket(1), &mut turn).is_err(), "{name}");
    }
}

fn safe_frames_are_timeless<T: Tongue>(name: &str, device: &DeviceConfig, config: &FramedConfig) {
    let mut host = host_of(device);
    let safe = host.safe(&Command::new(HALT, &[]).expect("none")).expect("timeless");
    let mut turn = Turn::default();
    host.order(at(0), &Command::new(TURN, &[2.0]).expect("one"), Ticket(1), &mut turn).expect("it fits");
    let order = turn.sends[0].1.bytes.clone();
    let mut random = Pcg64Mcg::seed_from_u64(3);
    let mut prefixes: Vec<Vec<u8>> = (0..order.len()).map(|end| order[..end].to_vec()).collect();
    prefixes.extend((0..1_000).map(|_| random_bytes(&mut random, 60, &order)));
    for prefix in prefixes {
        let mut mirror = mirror_of::<T>(device);
        let mut heard = mirror.hear(&prefix);
        heard.extend(safe.iter().flat_map(|frame| mirror.hear(&frame.bytes)));
        assert_eq!(heard.last(), Some(&Heard::Command { command: HALT, args: vec![] }), "{name}: {prefix:02x?}");
        // But for its last byte a stuffed frame is whole: what ends the next one ends it too.
        if summed(config) && order.starts_with(&prefix) && prefix.len() + 1 < order.len() {
            let commands = heard.iter().filter(|heard| matches!(heard, Heard::Command { .. })).count();
            assert_eq!(commands, 1, "{name}: the half was obeyed: {prefix:02x?}");
        }
    }
}

/// Orders, answers, refusals and trips, with messages of the device as bytes.
pub fn one_thing_waits_at_a_time<T: Tongue>(device: &DeviceConfig, state: &[(&str, f64)], why: (&str, Given<'_>)) {
    let mirror = mirror_of::<T>(device);
    let given: Vec<_> = state.iter().map(|(path, number)| (*path, Given::Number(*number))).collect();
    let state = mirror.say("state", &given).expect("it fits");
    let ack = mirror.say("ack", &[]).expect("it fits");
    let refusal = mirror.say("refusal", &[why]).expect("it fits");
    let hello = mirror.say("hello", &[]).expect("it fits");
    let mut host = host_of(device);
    let mut turn = Turn::default();
    host.tick(at(0), &mut turn);
    let lanes = |turn: &Turn| turn.sends.iter().map(|(lane, _)| *lane).collect::<Vec<_>>();
    assert_eq!(lanes(&turn), [Lane::Query, Lane::Query], "the heartbeat and the question");
    assert_eq!(host.next_deadline(), Some(at(50)));
    turn.clear();
    let (set, halt) = (Command::new(TURN, &[0.5]).expect("one"), Command::new(HALT, &[]).expect("none"));
    host.order(at(10), &set, Ticket(1), &mut turn).expect("it fits");
    host.order(at(10), &halt, Ticket(2), &mut turn).expect("it fits");
    assert_eq!(lanes(&turn), [], "the answer to the question is awaited");
    let turn = hear(&mut *host, at(20), &state, 64);
    assert_eq!(lanes(&turn), [Lane::Normal]);
    let turn = hear(&mut *host, at(30), &ack, 64);
    assert_eq!((lanes(&turn), &turn.notes[..]), (vec![Lane::Normal], &[Note::Acked { ticket: Ticket(1) }][..]));
    let turn = hear(&mut *host, at(40), &refusal, 64);
    let [Note::Refused { ticket: Ticket(2), reason }] = &turn.notes[..] else { panic!("{:?}", turn.notes) };
    assert!(reason.contains("77"), "{reason}");
    let mut turn = Turn::default();
    host.order(at(41), &set, Ticket(3), &mut turn).expect("it fits");
    host.tick(at(91), &mut turn);
    assert_eq!(turn.notes, [Note::Unanswered { ticket: Ticket(3) }]);
    assert_eq!(hear(&mut *host, at(92), &hello, 1).notes, [Note::Restart { device: ARM }]);
    for ticket in 4..6 {
        host.order(at(95), &set, Ticket(ticket), &mut turn).expect("it fits");
    }
    host.abandon();
    let turn = hear(&mut *host, at(96), &ack, 64);
    let commands = vec![TURN, HALT];
    assert_eq!(turn.notes, [Note::SafeAcked { device: ARM, commands, refused: None }]);
    assert_eq!(lanes(&turn), [], "what waited is gone");
    // What waits for its turn until its time is over is not said.
    let mut late = host_of(device);
    let mut turn = Turn::default();
    late.tick(at(0), &mut turn);
    turn.clear();
    late.order_until(at(10), &set, Ticket(7), Some(at(19)), &mut turn).expect("it fits");
    late.order_until(at(10), &halt, Ticket(8), Some(at(20)), &mut turn).expect("it fits");
    let turn = hear(&mut *late, at(20), &state, 64);
    assert!(turn.notes.contains(&Note::Lapsed { ticket: Ticket(7) }), "{:?}", turn.notes);
    assert_eq!(turn.sends.iter().map(|(_, frame)| frame.not_after).collect::<Vec<_>>(), [Some(at(20))]);
    // Nobody waits for the answer to one that never left.
    let mut turn = Turn::default();
    late.order_until(at(21), &set, Ticket(9), Some(at(90)), &mut turn).expect("it fits");
    late.lapsed(at(22), Ticket(7), &mut turn);
    assert_eq!(turn.sends.len(), 0, "order 8 is awaited");
    late.lapsed(at(22), Ticket(8), &mut turn);
    assert_eq!(turn.sends.iter().map(|(_, frame)| frame.order).collect::<Vec<_>>(), [Some(9)]);
    let mut fresh = host_of(device);
    fresh.note_figures();
    fresh.tick(at(0), &mut Turn::default());
    let took = Span::from_millis(7);
    assert!(hear(&mut *fresh, at(7), &state, 64).notes.contains(&Note::RoundTrip { device: ARM, took }));
    assert!(host.mute(ARM, true) && !host.mute(DeviceId(9), true));
    let mut turn = Turn::default();
    host.tick(at(500), &mut turn);
    assert_eq!(turn.sends.len(), 1, "the question alone");
}

/// Goal: what the fuzzer looks for holds for bytes that look like frames. Method: 6,000 drawn strings, most of them bits of frames.
#[test]
fn any_bytes_keep_the_contract() {
    let mut random = Pcg64Mcg::seed_from_u64(8);
    let likely = [0x00, 0x01, 0x02, 0x0A, 0xAA, 0x55, 0x05, 0x10, 0x12, 0xC0, 0xDB, 0xFF];
    for _ in 0..6_000 {
        let mut data = vec![random.next_u32() as u8, random.next_u32() as u8 % 20];
        data.extend(random_bytes(&mut random, 200, &likely));
        super::framed_bytes::try_bytes(&data);
    }
}
