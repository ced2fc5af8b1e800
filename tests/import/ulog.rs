//! ULog, written by hand after the PX4 documentation's "ULog File Format".

use crate::seen::{Said, Seen, drawn_bytes_never_panic, every_flipped_bit, every_prefix_is_told, real, seen};
use checkrein::import::{Refusal, ulog};

fn read(bytes: &[u8], sink: &mut Seen) -> Result<(), Refusal> {
    ulog::read(bytes, "flight.ulg", sink)
}

/// Magic, version 1, logging from 1 s on.
fn head() -> Vec<u8> {
    let mut bytes = b"ULog\x01\x12\x35\x01".to_vec();
    bytes.extend(1_000_000u64.to_le_bytes());
    bytes
}

fn message(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u16).to_le_bytes().to_vec();
    bytes.push(kind);
    bytes.extend(payload);
    bytes
}

fn subscribe(instance: u8, number: u16, name: &str) -> Vec<u8> {
    let mut payload = vec![instance];
    payload.extend(number.to_le_bytes());
    payload.extend(name.as_bytes());
    message(b'A', &payload)
}

fn position(number: u16, stamp_us: u64, z: f32, armed: bool) -> Vec<u8> {
    let mut payload = number.to_le_bytes().to_vec();
    payload.extend(stamp_us.to_le_bytes());
    payload.extend(z.to_le_bytes());
    payload.extend(7i16.to_le_bytes());
    payload.extend((-8i16).to_le_bytes());
    payload.push(u8::from(armed));
    payload.extend(b"AUTO\0\0");
    // The padding at the end is left out, as PX4 does.
    message(b'D', &payload)
}

fn parts() -> Vec<Vec<u8>> {
    vec![
        message(b'F', b"pair:int16_t left;int16_t right;"),
        message(b'F', b"pos:uint64_t timestamp;float z;pair p;bool armed;char[6] mode;uint8_t _padding0;"),
        message(b'F', b"rpm:uint64_t timestamp;uint8_t[3] each;"),
        message(b'I', b"\x0bchar[3] sysPX4"),
        subscribe(0, 0, "pos"),
        subscribe(1, 1, "pos"),
        subscribe(0, 9, "rpm"),
        position(0, 1_000_000, -1.5, false),
        message(b'L', b"6\x40\x42\x0f\x00\x00\x00\x00\x00Armed"),
        message(b'S', &[0x2f, 0x73, 0x13, 0x20, 0x25, 0x0c, 0xbb, 0x12]),
        position(1, 1_200_000, -2.25, true),
        // Another topic's stamp may be older than what stands before it.
        message(b'D', b"\x09\x00\xa0\xbb\x0d\x00\x00\x00\x00\x00\x01\x02\xff"),
        message(b'O', &250u16.to_le_bytes()),
        position(0, 2_000_000, -3.0, true),
    ]
}

fn whole() -> (Vec<u8>, Vec<usize>) {
    let mut bytes = head();
    let mut borders = vec![bytes.len()];
    for part in parts() {
        bytes.extend(part);
        borders.push(bytes.len());
    }
    (bytes, borders)
}

#[test]
fn topics_instances_nested_types_arrays_and_texts_become_columns() {
    let seen = seen(read, &whole().0);
    let names: Vec<&str> = seen.columns.iter().map(|c| c.name.as_str()).collect();
    let wanted = "pos.z pos.p.left pos.p.right pos.armed pos.mode pos_1.z pos_1.p.left pos_1.p.right pos_1.armed \
                  pos_1.mode rpm.each._0 rpm.each._1 rpm.each._2";
    assert_eq!(names.join(" "), wanted);
    let at = |ms: i64| Some(ms * 1_000_000);
    assert_eq!(seen.of("pos.z"), [(at(1000), Said::Number(-1.5)), (at(2000), Said::Number(-3.0))]);
    assert_eq!(seen.of("pos.p.right")[0].1, Said::Number(-8.0));
    assert_eq!(seen.of("pos.mode")[0].1, Said::Text("AUTO".into()));
    assert_eq!(seen.of("pos_1.armed"), [(at(1200), Said::Flag(true))]);
    assert_eq!(seen.of("rpm.each._2"), [(at(900), Said::Number(255.0))]);
}

#[test]
fn rows_come_in_the_order_of_time_and_a_dropout_is_a_gap_that_is_told() {
    let seen = seen(read, &whole().0);
    let at: Vec<Option<i64>> = seen.rows.iter().map(|row| row.0.map(|at| at / 1_000_000)).collect();
    assert_eq!(at, [Some(900), Some(1000), Some(1200), None, Some(2000)]);
    assert!(seen.rows[3].1, "what the signals were in the gap is unknown");
    assert_eq!(seen.troubles.len(), 1);
    assert!(seen.troubles[0].contains("250 ms were not logged"), "{:?}", seen.troubles);
}

#[test]
fn a_stamp_that_runs_backwards_in_its_topic_keeps_its_place() {
    let mut bytes = whole().0;
    bytes.extend(position(0, 1_500_000, -4.0, true));
    let seen = seen(read, &bytes);
    let at: Vec<Option<i64>> = seen.of("pos.z").iter().map(|(at, _)| at.map(|at| at / 1_000_000)).collect();
    assert_eq!(at, [Some(1000), Some(2000), Some(1500)], "who judges sees that it is late");
}

#[test]
fn what_was_never_published_is_left_out_and_told() {
    let mut bytes = whole().0;
    bytes.extend(position(1, 0, 0.0, true));
    let seen = seen(read, &bytes);
    assert!(seen.troubles[1].contains("`pos_1`") && seen.troubles[1].contains("stamp 0"), "{:?}", seen.troubles);
    assert_eq!(seen.of("pos_1.z").len(), 1);
}

#[test]
fn a_message_of_a_wrong_length_topic_or_stamp_is_told_with_its_byte() {
    for (message, words) in [
        (position(77, 2_100_000, 0.0, true), "topic 77, which was never named"),
        (position(0, u64::MAX, 0.0, true), "beyond what can be counted"),
        (message(b'D', b"\x00\x00\x01\x02\x03"), "has 3 bytes of 23"),
    ] {
        let mut bytes = whole().0;
        let byte = bytes.len();
        bytes.extend(message);
        bytes.extend(position(0, 2_500_000, -5.0, true));
        let seen = seen(read, &bytes);
        let told = &seen.troubles[0];
        let told = if told.contains("not logged") { &seen.troubles[1] } else { told };
        assert!(told.contains(words) && told.contains(&format!("byte {byte}")), "{told}");
        assert_eq!(seen.rows[seen.rows.len() - 2].0, None, "what it said is unknown");
        assert_eq!(seen.of("pos.z").last(), Some(&(Some(2_500_000_000), Said::Number(-5.0))));
    }
}

#[test]
fn reading_goes_on_behind_damage() {
    let (mut bytes, _) = whole();
    let byte = bytes.len();
    bytes.extend([0xee; 41]);
    for k in 0..5 {
        bytes.extend(position(0, 3_000_000 + k, -6.0, true));
    }
    let seen = seen(read, &bytes);
    let words = format!("bytes {byte} to {} are no messages", byte + 41);
    assert!(seen.troubles.iter().any(|told| told.contains(&words)), "{:?}", seen.troubles);
    assert_eq!(seen.of("pos.z").len(), 2 + 5);
}

#[test]
fn appended_data_goes_on_where_the_first_part_was_cut() {
    let flags = |border: u64| {
        let mut payload = vec![0; 16];
        payload[8] = 1;
        payload.extend(border.to_le_bytes());
        payload.extend([0; 16]);
        message(b'B', &payload)
    };
    let length = flags(0).len();
    let (rest, _) = whole();
    let cut = head().len() + length + rest.len() - head().len() - 5;
    let mut bytes = head();
    bytes.extend(flags(cut as u64));
    bytes.extend(&rest[head().len()..rest.len() - 5]);
    assert_eq!(bytes.len(), cut);
    bytes.extend(position(0, 2_600_000, -7.0, true));
    let seen = seen(read, &bytes);
    assert!(seen.cuts.is_empty() && seen.troubles.iter().any(|told| told.contains("is cut by what was appended")));
    assert_eq!(seen.of("pos.z").last(), Some(&(Some(2_600_000_000), Said::Number(-7.0))));
}

#[test]
fn flags_that_nobody_knows_are_refused() {
    let mut payload = [0; 40];
    payload[9] = 2;
    let mut bytes = head();
    bytes.extend(message(b'B', &payload));
    let refusal = read(&bytes, &mut Seen::default()).expect_err("it may hold anything");
    assert!(refusal.0.message.contains("byte 16"), "{refusal:?}");
}

#[test]
fn every_prefix_is_told_to_be_cut() {
    let mut bytes = head();
    let mut borders = vec![bytes.len()];
    // A dropout is told by itself, which is not what is tried here.
    for part in parts().into_iter().filter(|part| part[2] != b'O') {
        bytes.extend(part);
        borders.push(bytes.len());
    }
    every_prefix_is_told(read, &bytes, &borders);
}

#[test]
fn a_flipped_bit_changes_what_it_says_or_is_told() {
    let (bytes, borders) = whole();
    let right = seen(read, &bytes);
    // The format has no check sums: what cannot be noticed are bits of names, values and stamps. A length or a type can.
    for (bit, seen) in every_flipped_bit(read, &bytes) {
        let Some(seen) = seen else { continue };
        let in_head = borders.iter().any(|border| (*border..*border + 2).contains(&(bit / 8)));
        if in_head {
            assert!(seen.troubles != right.troubles || !seen.cuts.is_empty(), "bit {bit}: {seen:?}");
        }
    }
}

#[test]
fn drawn_bytes_are_survived() {
    drawn_bytes_never_panic(read, &whole().0, 16);
}

#[test]
fn real_logs_are_read_whole() {
    for (name, column, samples) in
        [("px4/sample.ulg", "vehicle_attitude.q._1", 6461), ("px4/sample-small.ulg", "actuator_armed.armed", 38)]
    {
        let Some(bytes) = real(name) else { continue };
        let seen = seen(read, &bytes);
        assert!(seen.cuts.is_empty(), "{name}: {:?}", seen.cuts);
        assert_eq!(seen.of(column).len(), samples, "{name}");
    }
}
