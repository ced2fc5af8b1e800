//! Bytes to samples: chunks, garbage, gaps, restarts.

use super::mavlink_bench::{
    ALTITUDE, ARMED, BATTERY, Bench, CELL_4, FC, LINK, MODE, ROLL, at_ms, config, decode_in_chunks,
};
use checkrein::codec::mavlink::DialectSource;
use checkrein::codec::mavlink::device::Vehicle;
use checkrein::codec::{Body, Note, Turn, build};
use checkrein::signal::Value;
use checkrein::wire::Frame;
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;

fn vehicle() -> Vehicle {
    Vehicle::new(&DialectSource::Ardupilotmega, 1, 1).expect("the built-in dialect loads")
}

/// A few seconds of telemetry, one frame each.
fn telemetry(count: u32) -> Vec<Vec<u8>> {
    let mut vehicle = vehicle();
    (0..count)
        .map(|n| {
            let mut bytes = Vec::new();
            let boot = f64::from(n * 20 + 1);
            let result = match n % 5 {
                0 => vehicle.send("HEARTBEAT", &[("custom_mode", 4.0), ("base_mode", 209.0)], &[], &mut bytes),
                1 => {
                    vehicle.send("ATTITUDE", &[("roll", f64::from(n) * 0.125), ("time_boot_ms", boot)], &[], &mut bytes)
                }
                2 => {
                    vehicle.send("LOCAL_POSITION_NED", &[("z", -f64::from(n)), ("time_boot_ms", boot)], &[], &mut bytes)
                }
                3 => vehicle.send("BATTERY_STATUS", &[("voltages[3]", 4100.0)], &[], &mut bytes),
                // Nothing of this one is mapped.
                _ => vehicle.send("VFR_HUD", &[("airspeed", 254.0)], &[], &mut bytes),
            };
            result.expect("known names");
            bytes
        })
        .collect()
}

#[test]
fn every_chunk_size_gives_the_same_messages() {
    let mut stream = Vec::new();
    for (n, frame) in telemetry(40).into_iter().enumerate() {
        stream.extend_from_slice(&frame);
        if n % 7 == 3 {
            stream.extend_from_slice(&[0xFD, 9, 0, 0xFE, 200, 3, 0xFD]);
        }
        if n % 11 == 5 {
            let mut broken = frame;
            broken[12] ^= 0x40;
            stream.extend_from_slice(&broken);
        }
    }
    let whole = decode_in_chunks(&config(), &stream, stream.len());
    assert_eq!(whole.0.len(), 40);
    assert_eq!(whole.2, 6 * 7, "the garbage is counted as noise");
    assert_eq!(whole.1.iter().filter(|n| matches!(n, Note::Corrupt { .. })).count(), 4);
    for size in 1..=300 {
        assert_eq!(decode_in_chunks(&config(), &stream, size), whole, "chunks of {size}");
    }
}

#[test]
fn fields_become_signals() {
    let mut bench = Bench::new(&config());
    bench.says(at_ms(0), "HEARTBEAT", &[("custom_mode", 6.0), ("base_mode", 128.0)]);
    bench.says(at_ms(1), "HEARTBEAT", &[("custom_mode", 7.0), ("base_mode", 127.0)]);
    bench.says(at_ms(2), "LOCAL_POSITION_NED", &[("z", -2.5)]);
    bench.says(at_ms(3), "ATTITUDE", &[("roll", 0.25)]);
    bench.says(at_ms(4), "BATTERY_STATUS", &[("voltages[3]", 4150.0)]);
    bench.says(at_ms(5), "BATTERY_STATUS", &[("voltages[3]", 65535.0)]);
    bench.says(at_ms(6), "SYS_STATUS", &[("battery_remaining", 40.0)]);
    bench.says(at_ms(7), "SYS_STATUS", &[("battery_remaining", -1.0)]);
    bench.says(at_ms(8), "VFR_HUD", &[]);
    let turn = &bench.turn;
    let samples: Vec<Vec<_>> = turn
        .messages
        .iter()
        .map(|message| {
            assert_eq!(message.device, FC);
            match &message.body {
                Body::Samples(range) => turn.samples[range.clone()].to_vec(),
                other => panic!("{other:?}"),
            }
        })
        .collect();
    assert_eq!(
        samples,
        [
            vec![(MODE, Value::State(2)), (ARMED, Value::Flag(true))],
            vec![(MODE, Value::Unknown), (ARMED, Value::Flag(false))],
            vec![(ALTITUDE, Value::Number(2.5))],
            vec![(ROLL, Value::Number(0.25))],
            vec![(CELL_4, Value::Number(4.15))],
            vec![(CELL_4, Value::Unknown)],
            vec![(BATTERY, Value::Number(0.4))],
            vec![(BATTERY, Value::Unknown)],
            vec![],
        ]
    );
}

#[test]
fn random_garbage_is_counted_to_the_byte_and_no_frame_is_lost_in_it() {
    for seed in 0..200 {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let frames = telemetry(20);
        let mut stream = Vec::new();
        let mut garbage = 0;
        for frame in &frames {
            let length = random.next_u32() as usize % 60;
            for _ in 0..length {
                // Half of it looks like the beginning of a frame.
                let byte = match random.next_u32() % 4 {
                    0 => 0xFD,
                    1 => 0xFE,
                    _ => random.next_u32() as u8,
                };
                stream.push(byte);
            }
            garbage += length as u32;
            stream.extend_from_slice(frame);
        }
        // What a false beginning still waits for comes before the end.
        stream.extend(std::iter::repeat_n(0, 300));
        garbage += 300;
        let (messages, notes, noise) = decode_in_chunks(&config(), &stream, 1 + seed as usize % 64);
        let corrupt: u32 = notes.iter().map(|n| if let Note::Corrupt { bytes } = n { *bytes } else { 0 }).sum();
        let foreign = notes.iter().filter(|n| matches!(n, Note::Foreign)).count();
        assert_eq!(messages.len(), frames.len(), "seed {seed}: {notes:?}");
        assert_eq!(foreign, 0, "seed {seed}");
        assert_eq!(noise + corrupt, garbage, "seed {seed}");
        assert!(!notes.iter().any(|n| matches!(n, Note::Gap { .. })), "seed {seed}: {notes:?}");
    }
}

#[test]
fn lost_frames_are_counted_per_vehicle() {
    let frames = telemetry(10);
    let mut other = Vehicle::new(&DialectSource::Ardupilotmega, 2, 1).expect("the built-in dialect loads");
    let mut stream = Vec::new();
    for (n, frame) in frames.iter().enumerate() {
        if !(4..7).contains(&n) {
            stream.extend_from_slice(frame);
        }
        // A vehicle that the rig does not list, with numbers of its own.
        other.send("HEARTBEAT", &[], &[], &mut stream).expect("known name");
    }
    let (messages, notes, noise) = decode_in_chunks(&config(), &stream, 17);
    assert_eq!((messages.len(), noise), (7, 0));
    let gaps: Vec<_> = notes.iter().filter(|n| matches!(n, Note::Gap { .. })).collect();
    assert_eq!(gaps, [&Note::Gap { device: FC, lost: 3 }]);
    assert_eq!(notes.iter().filter(|n| matches!(n, Note::Foreign)).count(), 10);
}

#[test]
fn a_message_that_the_dialect_does_not_know_is_foreign_not_noise() {
    let richer = r#"<mavlink><include>ardupilotmega.xml</include><messages>
        <message id="54321" name="NEW"><field type="uint32_t[6]" name="v"/></message></messages></mavlink>"#;
    let source = DialectSource::Xml(vec![("richer.xml".into(), richer.into())]);
    let mut vehicle = Vehicle::new(&source, 1, 1).expect("well formed");
    let mut stream = Vec::new();
    vehicle.send("HEARTBEAT", &[], &[], &mut stream).expect("known name");
    vehicle.send("NEW", &[("v[0]", 1.0), ("v[5]", 77.0)], &[], &mut stream).expect("known name");
    vehicle.send("HEARTBEAT", &[], &[], &mut stream).expect("known name");
    for size in 1..stream.len() {
        let (messages, notes, noise) = decode_in_chunks(&config(), &stream, size);
        assert_eq!((messages.len(), noise), (2, 0), "chunks of {size}");
        assert_eq!(notes, [Note::Identified { device: FC }, Note::Foreign], "chunks of {size}");
    }
}

#[test]
fn a_boot_time_that_runs_backwards_is_a_restart() {
    let mut bench = Bench::new(&config());
    let boot = |ms: f64| [("time_boot_ms", ms)];
    for ms in [5_000.0, 60_000.0, 55_500.0, 0.0, 61_000.0] {
        bench.says(at_ms(0), "ATTITUDE", &boot(ms));
    }
    assert_eq!(bench.turn.notes, [], "a little disorder, and no time at all, are no restart");
    bench.vehicle = vehicle();
    bench.says(at_ms(1), "SYSTEM_TIME", &boot(300.0));
    bench.says(at_ms(2), "ATTITUDE", &boot(400.0));
    assert_eq!(bench.turn.notes, [Note::Restart { device: FC }]);
    bench.clear();
    bench.says(at_ms(2), "ATTITUDE", &boot(3_000.0));
    bench.says(at_ms(2), "ATTITUDE", &boot(2_200.0));
    assert_eq!(bench.turn.notes, []);
    bench.says(at_ms(2), "ATTITUDE", &boot(1_200.0));
    assert_eq!(bench.turn.notes, [Note::Restart { device: FC }], "it started twice within seconds");
    bench.clear();
    bench.says(at_ms(3), "ATTITUDE", &boot(4_294_967_000.0));
    bench.says(at_ms(4), "ATTITUDE", &boot(200.0));
    bench.says(at_ms(5), "ATTITUDE", &boot(4_294_967_100.0));
    bench.says(at_ms(6), "ATTITUDE", &boot(300.0));
    assert_eq!(bench.turn.notes, [], "the count of milliseconds starts over after 49.7 days");
}

#[test]
fn words_of_the_vehicle_are_put_together() {
    let mut vehicle = vehicle();
    let mut bytes = Vec::new();
    let long = "PreArm: ".to_string() + &"compass not calibrated ".repeat(5);
    vehicle.send("STATUSTEXT", &[("severity", 2.0)], &[("text", "Throttle armed")], &mut bytes).expect("known");
    for (n, part) in long.as_bytes().chunks(50).enumerate() {
        let part = std::str::from_utf8(part).expect("plain letters");
        let fields = [("severity", 4.0), ("id", 9.0), ("chunk_seq", n as f64)];
        vehicle.send("STATUSTEXT", &fields, &[("text", part)], &mut bytes).expect("known");
    }
    let mut host = build(&config()).expect("right");
    let mut turn = Turn::default();
    host.feed(at_ms(0), &Frame::serial(LINK, bytes), &mut turn);
    let words = |severity, text: &str| Note::Text { device: FC, severity, text: text.into() };
    assert_eq!(turn.notes, [words(2, "Throttle armed"), words(4, &long)]);
}
