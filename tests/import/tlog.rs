//! Telemetry logs, their frames written by hand after the MAVLink guide's "Packet Serialization".

use crate::seen::{Said, Seen, drawn_bytes_never_panic, every_flipped_bit, every_prefix_is_told, real, seen};
use checkrein::import::{Refusal, tlog};

fn read(bytes: &[u8], sink: &mut Seen) -> Result<(), Refusal> {
    tlog::read(bytes, "flight.tlog", sink)
}

/// The check sum of X.25, bit by bit; 0x8408 is its polynomial from behind.
fn sum(bytes: impl Iterator<Item = u8>) -> u16 {
    bytes.fold(0xffff, |sum, byte| {
        (0..8).fold(sum ^ u16::from(byte), |sum, _| if sum & 1 == 1 { (sum >> 1) ^ 0x8408 } else { sum >> 1 })
    })
}

/// VFR_HUD (74, check sum seed 20): four floats (airspeed, groundspeed, alt, climb), heading in degrees, throttle in per cent.
fn vfr_hud(stamp_us: u64, system: u8, alt: f32, two: bool) -> Vec<u8> {
    let mut payload = Vec::new();
    for number in [1.5, 2.5, alt, -0.25] {
        payload.extend(number.to_le_bytes());
    }
    payload.extend(270i16.to_le_bytes());
    payload.extend(55u16.to_le_bytes());
    let mut frame = if two { vec![0xFD, 19, 0, 0, 3, system, 1, 74, 0, 0] } else { vec![0xFE, 20, 3, system, 1, 74] };
    // MAVLink 2 cuts zeros at the end: here the upper byte of the throttle.
    frame.extend(&payload[..if two { 19 } else { 20 }]);
    let sum = sum(frame[1..].iter().copied().chain([20]));
    frame.extend(sum.to_le_bytes());
    let mut bytes = stamp_us.to_be_bytes().to_vec();
    bytes.extend(frame);
    bytes
}

const START_US: u64 = 1_500_000_000_000_000;

fn whole() -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, mut borders) = (Vec::new(), Vec::new());
    for k in 0..4u8 {
        bytes.extend(vfr_hud(START_US + u64::from(k) * 1000, 1 + k / 3, 10.0 + f32::from(k), k % 2 == 1));
        borders.push(bytes.len());
    }
    (bytes, borders)
}

#[test]
fn messages_of_both_versions_and_of_two_systems_become_columns() {
    let seen = seen(read, &whole().0);
    let at = |k: i64| Some((START_US as i64 + 1000 * k) * 1000);
    let alt: Vec<_> = (0..3).map(|k| (at(k), Said::Number(10.0 + k as f64))).collect();
    assert_eq!(seen.of("VFR_HUD.alt"), alt);
    assert_eq!(seen.of("sys2.VFR_HUD.alt"), [(at(3), Said::Number(13.0))]);
    assert_eq!(seen.of("VFR_HUD.throttle")[1].1, Said::Number(55.0));
    let unit = |name: &str| seen.columns.iter().find(|c| c.name == name)?.unit.clone().map(|unit| unit.text);
    assert_eq!(unit("VFR_HUD.alt").as_deref(), Some("m"));
    assert_eq!(unit("VFR_HUD.groundspeed").as_deref(), Some("m/s"));
    assert!(!seen.is_told());
}

#[test]
fn what_is_no_frame_is_told_with_its_bytes_and_reading_goes_on() {
    let (mut bytes, _) = whole();
    let byte = bytes.len();
    bytes.extend([0xee; 33]);
    bytes.extend(vfr_hud(START_US + 9000, 1, 99.0, true));
    let seen = seen(read, &bytes);
    assert_eq!(seen.troubles, [format!("bytes {byte} to {} are no frames; what they said is unknown", byte + 33)]);
    assert!(seen.rows[4].1 && seen.rows[4].0.is_none());
    assert_eq!(seen.of("VFR_HUD.alt").last().map(|last| last.1.clone()), Some(Said::Number(99.0)));
}

#[test]
fn every_prefix_is_told_to_be_cut() {
    let (bytes, borders) = whole();
    every_prefix_is_told(read, &bytes, &borders);
}

#[test]
fn a_flipped_bit_of_a_frame_is_told() {
    let (bytes, borders) = whole();
    for (bit, seen) in every_flipped_bit(read, &bytes) {
        let Some(seen) = seen else { continue };
        let start = borders.iter().rfind(|border| **border <= bit / 8).copied().unwrap_or(0);
        // Stamps have no check sum.
        assert!(bit / 8 < start + 8 || seen.is_told(), "bit {bit}: {seen:?}");
    }
}

#[test]
fn drawn_bytes_are_survived() {
    drawn_bytes_never_panic(read, &whole().0, 40);
}

#[test]
fn a_real_log_is_read_whole() {
    let Some(bytes) = real("ardupilot/vtol.tlog") else { return };
    let seen = seen(read, &bytes);
    assert!(seen.cuts.is_empty(), "{:?}", seen.cuts);
    assert!(seen.of("VFR_HUD.alt").len() > 100);
}
