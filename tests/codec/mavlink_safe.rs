//! Safe frames after any half-sent frame, judged by the worst receiver there is.

use super::mavlink_bench::{Bench, GOTO, LAND, LAND_TRICKY, SET_PARAM, at_ms, command, config};
use checkrein::codec::mavlink::DialectSource;
use checkrein::codec::mavlink::device::Vehicle;
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// A receiver as autopilots have it: it takes a first byte for the beginning of a frame, swallows as many bytes as
/// that frame claims, and never looks back into what it swallowed. Written apart from the library on purpose.
struct Swallower {
    knows_v1: bool,
    knows_v2: bool,
    frame: Vec<u8>,
    /// (message number, component, payload) of every frame with a right check sum.
    taken: Vec<(u32, u8, Vec<u8>)>,
}

impl Swallower {
    fn new(knows_v1: bool, knows_v2: bool) -> Swallower {
        Swallower { knows_v1, knows_v2, frame: Vec::new(), taken: Vec::new() }
    }
    fn feed(&mut self, byte: u8) {
        if self.frame.is_empty() {
            if (byte == 0xFE && self.knows_v1) || (byte == 0xFD && self.knows_v2) {
                self.frame.push(byte);
            }
            return;
        }
        self.frame.push(byte);
        let frame = &self.frame;
        let (header, signature) = match frame[0] {
            0xFE => (6, 0),
            _ if frame.len() < 3 => return,
            _ => (10, if frame[2] & 1 == 1 { 13 } else { 0 }),
        };
        let body_end = header + usize::from(frame[1]);
        if frame.len() < body_end + 2 + signature {
            return;
        }
        let id = match frame[0] {
            0xFE => u32::from(frame[5]),
            _ => u32::from_le_bytes([frame[7], frame[8], frame[9], 0]),
        };
        // COMMAND_LONG and SET_POSITION_TARGET_LOCAL_NED: the figures of MAVLink's own generated code.
        let extra = match id {
            76 => 152,
            84 => 143,
            _ => 0,
        };
        let mut sum: u16 = 0xFFFF;
        for byte in frame[1..body_end].iter().chain(&[extra]) {
            let mut x = byte ^ (sum & 0xFF) as u8;
            x ^= x << 4;
            sum = (sum >> 8) ^ (u16::from(x) << 8) ^ (u16::from(x) << 3) ^ (u16::from(x) >> 4);
        }
        if frame[body_end..body_end + 2] == sum.to_le_bytes() {
            let component = if frame[0] == 0xFE { frame[4] } else { frame[6] };
            self.taken.push((id, component, frame[header..body_end].to_vec()));
        }
        self.frame.clear();
    }
}

fn lands(safe: &[u8], prefix: &[u8], knows_v1: bool, knows_v2: bool) -> bool {
    let mut receiver = Swallower::new(knows_v1, knows_v2);
    for byte in prefix {
        receiver.feed(*byte);
    }
    receiver.taken.clear();
    for byte in safe {
        receiver.feed(*byte);
    }
    // MAV_CMD_NAV_LAND is 21, at byte 28 of COMMAND_LONG's payload; system 1 and component 1 follow.
    let wanted = [21, 0, 1, 1];
    receiver.taken.iter().any(|(id, component, payload)| (*id, *component, &payload[28..32]) == (76, 191, &wanted))
}

/// Every stand that a receiver can be in: nowhere, or any number of bytes into a frame of any length.
fn half_sent_frames() -> impl Iterator<Item = Vec<u8>> {
    (0..=255u8).flat_map(|length| {
        [[0xFE, length, 0], [0xFD, length, 0], [0xFD, length, 1]].into_iter().flat_map(move |head| {
            let whole = usize::from(length) + if head[0] == 0xFE { 8 } else { 12 + 13 * usize::from(head[2]) };
            let near = [1, 2, 3, 6, 10, whole / 2, whole.saturating_sub(14), whole - 3, whole - 2, whole - 1];
            near.into_iter().filter(move |sent| *sent < whole).map(move |sent| {
                let mut frame = vec![0x55; sent.max(3)];
                frame[..3].copy_from_slice(&head);
                frame.truncate(sent);
                frame
            })
        })
    })
}

#[test]
fn the_vehicle_lands_after_any_half_sent_frame_whichever_version_it_knows() {
    let bench = Bench::new(&config());
    let frames = bench.host.safe(&command(LAND, &[])).expect("timeless");
    let safe: Vec<u8> = frames.iter().flat_map(|f| f.bytes.clone()).collect();
    let mut tried = 0;
    for prefix in half_sent_frames() {
        for (v1, v2) in [(true, false), (false, true), (true, true)] {
            assert!(lands(&safe, &prefix, v1, v2), "v1 {v1}, v2 {v2}, after {prefix:02x?}");
            tried += 1;
        }
    }
    assert!(tried > 15_000, "{tried}");
}

#[test]
fn a_command_that_looks_like_the_beginning_of_a_frame_hides_no_other() {
    for (heard, versions) in [
        (None, &[(true, false), (false, true), (true, true)][..]),
        (Some(1), &[(true, false), (true, true)]),
        (Some(2), &[(false, true), (true, true)]),
    ] {
        let mut bench = Bench::new(&config());
        if heard == Some(1) {
            bench.vehicle.speak_version_1();
        }
        if heard.is_some() {
            bench.says(at_ms(0), "HEARTBEAT", &[]);
        }
        let frames = bench.host.safe(&command(LAND_TRICKY, &[])).expect("timeless");
        // The longest frames of both versions, with any number of bytes still to come.
        for (head, whole) in [([0xFE, 255, 0], 263), ([0xFD, 255, 1], 280)] {
            for missing in 1..=whole {
                let mut prefix = vec![0x55; whole];
                prefix[..3].copy_from_slice(&head);
                prefix.truncate(whole - missing);
                for (v1, v2) in versions {
                    assert!(lands(&frames[0].bytes, &prefix, *v1, *v2), "v1 {v1}, v2 {v2}, {missing} missing");
                }
            }
        }
    }
}

#[test]
fn the_vehicle_lands_after_any_noise() {
    let bench = Bench::new(&config());
    let frames = bench.host.safe(&command(LAND, &[])).expect("timeless");
    let safe: Vec<u8> = frames.iter().flat_map(|f| f.bytes.clone()).collect();
    for seed in 0..2_000 {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let length = random.next_u32() as usize % 400;
        let prefix: Vec<u8> = (0..length)
            .map(|_| match random.next_u32() % 8 {
                0 => 0xFD,
                1 => 0xFE,
                _ => random.next_u32() as u8,
            })
            .collect();
        assert!(lands(&safe, &prefix, true, true), "seed {seed}");
        let mut mirror = Vehicle::new(&DialectSource::Common, 1, 1).expect("the built-in dialect loads");
        let mut heard = Vec::new();
        mirror.feed(&prefix, &mut heard);
        mirror.feed(&safe, &mut heard);
        assert!(heard.iter().any(|r| r.number("command") == Some(21.0) && r.component == 191), "seed {seed}");
    }
}

#[test]
fn the_command_comes_first_and_alone_once_the_version_is_known() {
    for (old, stx) in [(true, 0xFE), (false, 0xFD)] {
        let mut bench = Bench::new(&config());
        if old {
            bench.vehicle.speak_version_1();
        }
        bench.says(at_ms(0), "HEARTBEAT", &[]);
        let frames = bench.host.safe(&command(LAND, &[])).expect("timeless");
        assert_eq!(frames.len(), 1);
        assert_eq!(frames[0].bytes[0], stx);
        let mut heard = Vec::new();
        bench.vehicle.feed(&frames[0].bytes, &mut heard);
        let confirmations: Vec<_> = heard.iter().map(|r| r.number("confirmation")).collect();
        assert_eq!(confirmations, [Some(0.0), Some(1.0)]);
        for prefix in half_sent_frames() {
            assert!(lands(&frames[0].bytes, &prefix, true, !old), "after {prefix:02x?}");
        }
    }
}

#[test]
fn the_same_bytes_at_any_time_from_any_session() {
    let mut bench = Bench::new(&config());
    bench.says(at_ms(0), "HEARTBEAT", &[]);
    let first = bench.host.safe(&command(GOTO, &[1.0, 2.0])).expect("timeless");
    for ms in 1..300 {
        bench.says(at_ms(ms), "ATTITUDE", &[("time_boot_ms", ms as f64)]);
        bench.tick(at_ms(ms * 100));
        bench
            .host
            .order(at_ms(ms), &command(SET_PARAM, &[1.0]), checkrein::command::Ticket(1), &mut bench.turn)
            .expect("fits");
    }
    assert_eq!(bench.host.safe(&command(GOTO, &[1.0, 2.0])).expect("timeless"), first);
    let mut other = Bench::new(&config());
    other.says(at_ms(5), "HEARTBEAT", &[]);
    assert_eq!(other.host.safe(&command(GOTO, &[1.0, 2.0])).expect("timeless"), first);
}
