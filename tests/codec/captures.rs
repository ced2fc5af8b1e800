//! Bytes of implementations that we did not write; see `mavlink/README.md`.

use super::mavlink_bench::{ALTITUDE, ARM, ARMED, BATTERY, CELL_4, FC, MODE, ROLL, at_ms, config, decode_in_chunks};
use checkrein::codec::mavlink::DialectSource;
use checkrein::codec::mavlink::device::{Received, Vehicle};
use checkrein::codec::{Note, Turn, build};
use checkrein::signal::Value;
use checkrein::wire::Frame;
use serde_json::Value as Json;
use std::path::Path;

fn capture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/codec/mavlink").join(name);
    std::fs::read(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

fn json(name: &str) -> Vec<Json> {
    serde_json::from_slice(&capture(name)).expect("written by a script")
}

fn mirror(bytes: &[u8]) -> Vec<Received> {
    let mut vehicle = Vehicle::new(&DialectSource::Ardupilotmega, 1, 1).expect("the built-in dialect loads");
    let mut received = Vec::new();
    vehicle.feed(bytes, &mut received);
    received
}

#[test]
fn values_are_those_that_pymavlink_reads() {
    for name in ["v1", "v2", "v2-signed"] {
        let ours = mirror(&capture(&format!("{name}.bin")));
        let theirs = json(&format!("{name}.json"));
        assert_eq!(ours.len(), theirs.len(), "{name}");
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(theirs["name"], ours.name.as_str(), "{name}");
            assert_eq!(
                (&theirs["system"], &theirs["component"]),
                (&Json::from(ours.system), &Json::from(ours.component))
            );
            let numbers = theirs["numbers"].as_object().expect("written by a script");
            for (field, value) in numbers {
                // Through single precision: the reader of the expected values may be off by a last bit of a double.
                let (ours_read, theirs_read) = (ours.number(field), value.as_f64());
                assert!(ours_read.is_some(), "{name}: {}.{field} is missing", ours.name);
                let pair = (ours_read.map(|v| v as f32), theirs_read.map(|v| v as f32));
                assert_eq!(pair.0, pair.1, "{name}: {}.{field}", ours.name);
            }
            for (field, value) in theirs["texts"].as_object().expect("written by a script") {
                assert_eq!(ours.text(field), value.as_str(), "{name}: {}.{field}", ours.name);
            }
            // Of MAVLink 1 we say the extensions too, as zeros.
            assert!(ours.fields.len() >= numbers.len());
        }
    }
}

#[test]
fn signals_and_notes_are_the_same_in_every_version_and_chunk_size() {
    for (name, chunk) in [("v1", 1), ("v2", 7), ("v2-signed", 64)] {
        let stream = capture(&format!("{name}.bin"));
        let (messages, notes, noise) = decode_in_chunks(&config(), &stream, chunk);
        let samples: Vec<_> = messages.into_iter().flatten().collect();
        let wanted = [
            (MODE, Value::State(1)),
            (ARMED, Value::Flag(false)),
            (ROLL, Value::Number(0.125)),
            (ALTITUDE, Value::Number(5.125)),
            (BATTERY, Value::Number(0.87)),
            (CELL_4, Value::Number(4.097)),
            (MODE, Value::State(1)),
            (ARMED, Value::Flag(true)),
            (ROLL, Value::Number(0.0)),
            (ALTITUDE, Value::Number(0.0)),
        ];
        assert_eq!(samples, wanted, "{name}");
        assert_eq!(noise, 0, "{name}");
        let mut expected = vec![Note::Identified { device: FC }];
        if name == "v2-signed" {
            let text = "signs its frames; the signatures are not checked".to_string();
            expected.insert(0, Note::Text { device: FC, severity: 6, text });
        }
        // Its COMMAND_ACK names no ground station, so that it may answer a safe frame of ours.
        expected.push(Note::SafeAcked { device: FC, commands: vec![ARM], refused: None });
        let text = "PreArm: Gyros not calibrated".to_string();
        expected.push(Note::Text { device: FC, severity: 4, text });
        assert_eq!(notes, expected, "{name}");
    }
}

#[test]
fn every_message_of_the_dialect_is_laid_out_as_pymavlink_lays_it_out() {
    let ours = mirror(&capture("every.bin"));
    let names: Vec<_> = ours.iter().map(|r| r.name.as_str()).collect();
    let theirs = json("every.json");
    assert_eq!(names, theirs.iter().filter_map(Json::as_str).collect::<Vec<_>>());
    for received in &ours {
        let mut last = 0.0;
        let mut last_name = "";
        for (field, value) in &received.fields {
            let name = field.split('[').next().expect("a name");
            if name == last_name {
                assert_eq!(*value, last, "{}.{field}", received.name);
            } else {
                assert!(*value > last && *value <= 101.0, "{}.{field} is {value} after {last}", received.name);
            }
            (last, last_name) = (*value, name);
        }
        // Places are used up without gaps: as many as there are fields.
        let fields = received.texts.len()
            + received.fields.iter().filter(|(f, _)| !f.contains('[') || f.ends_with("[0]")).count();
        assert!(last <= fields as f64, "{}", received.name);
    }
}

/// A flight of a real vehicle, 957 kB: eight bytes of time before each frame, as ground stations store it.
/// The file is not part of the repository: the test looks for it beside the repository and says so when it is not there.
#[test]
fn a_real_flight_decodes_without_a_wrong_check_sum() {
    let log = "shared/data/logs/ardupilot/vtol.tlog";
    let ancestors = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let Some(log) = ancestors.map(|dir| dir.join(log)).find(|path| path.exists()) else {
        eprintln!("skipped: {log} is not beside the repository");
        return;
    };
    let bytes = std::fs::read(log).expect("just seen");
    let mut host = build(&config()).expect("right");
    let mut turn = Turn::default();
    let (mut messages, mut samples, mut frames) = (0, 0, 0);
    let mut rest = &bytes[..];
    while let Some((_, after)) = rest.split_first_chunk::<8>() {
        let length = match after[0] {
            0xFE => 8 + usize::from(after[1]),
            0xFD => 12 + usize::from(after[1]) + 13 * usize::from(after[2] & 1),
            other => panic!("frame {frames} begins with {other:#x}"),
        };
        turn.clear();
        host.feed(at_ms(0), &Frame::serial(config().link, &after[..length]), &mut turn);
        frames += 1;
        messages += turn.messages.len();
        samples += turn.samples.len();
        for note in &turn.notes {
            // It answered the orders of another ground station, in the version that names none.
            let answer = matches!(note, Note::SafeAcked { .. });
            let harmless = answer || matches!(note, Note::Identified { .. } | Note::Text { .. } | Note::Gap { .. });
            assert!(harmless, "frame {frames}: {note:?}");
        }
        rest = &after[length..];
    }
    assert_eq!((frames, messages), (23_894, 23_894));
    // 199 HEARTBEAT of two signals each, 888 ATTITUDE, 807 LOCAL_POSITION_NED, 796 SYS_STATUS, as pymavlink counts.
    assert_eq!(samples, 2 * 199 + 888 + 807 + 796);
}
