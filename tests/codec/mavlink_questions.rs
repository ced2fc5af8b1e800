//! What the host sends unasked: heartbeats, requests, and nothing else.

use super::mavlink_bench::{Bench, FC, at_ms, config, text};
use checkrein::codec::mavlink::device::Received;
use checkrein::codec::{FieldValue, LinkConfig, Note};
use checkrein::wire::Lane;

fn with_identity(facts: &[(&str, FieldValue)]) -> LinkConfig {
    let mut config = config();
    config.devices[0].identity = facts.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
    config
}

/// Lives through a stretch of time; the vehicle answers each command as told.
fn live(bench: &mut Bench, from_ms: i64, to_ms: i64, answers: bool) -> Vec<(i64, Received)> {
    let mut all = Vec::new();
    for ms in from_ms..to_ms {
        if ms % 1000 == 0 {
            bench.says(at_ms(ms), "HEARTBEAT", &[]);
        }
        if bench.host.next_deadline().is_some_and(|due| due <= at_ms(ms)) {
            bench.tick(at_ms(ms));
        }
        assert!(bench.turn.sends.iter().all(|(lane, _)| *lane == Lane::Query));
        let heard = bench.heard(Lane::Query);
        bench.turn.sends.clear();
        for received in heard {
            let command = received.number("command");
            all.push((ms, received));
            if let Some(command) = command.filter(|_| answers) {
                bench.says(at_ms(ms), "COMMAND_ACK", &[("command", command)]);
            }
        }
    }
    all
}

/// A request that reads or sets a reporting period; nothing that could move anything.
fn is_harmless(received: &Received) -> bool {
    match received.name.as_str() {
        "HEARTBEAT" => true,
        "COMMAND_LONG" => matches!(received.number("command"), Some(511.0 | 512.0 | 520.0)),
        _ => false,
    }
}

#[test]
fn nothing_sent_unasked_can_make_anything_move() {
    let config = with_identity(&[("AUTOPILOT_VERSION.uid", FieldValue::Number(4660.0))]);
    for answers in [true, false] {
        let mut bench = Bench::new(&config);
        let heard = live(&mut bench, 0, 20_000, answers);
        assert!(heard.len() > 30);
        for (ms, received) in &heard {
            assert!(is_harmless(received), "at {ms} ms: {received:?}");
            assert_eq!((received.system, received.component), (255, 190));
        }
    }
}

#[test]
fn the_heartbeat_keeps_its_period() {
    let mut bench = Bench::new(&config());
    assert_eq!(bench.host.next_deadline(), Some(at_ms(0)));
    let heard = live(&mut bench, 0, 5_001, true);
    let beats: Vec<_> = heard.iter().filter(|(_, r)| r.name == "HEARTBEAT").collect();
    assert_eq!(beats.iter().map(|(ms, _)| *ms).collect::<Vec<_>>(), [0, 1000, 2000, 3000, 4000, 5000]);
    assert_eq!(beats[0].1.number("type"), Some(6.0), "a ground station");
    assert_eq!(beats[0].1.number("autopilot"), Some(8.0));
    assert_eq!(beats[0].1.number("mavlink_version"), Some(3.0));
}

#[test]
fn each_mapped_message_is_asked_for_at_the_shortest_period_of_its_signals() {
    for answers in [true, false] {
        let mut bench = Bench::new(&config());
        let heard = live(&mut bench, 0, 10_000, answers);
        let asked: Vec<_> = heard
            .iter()
            .filter(|(_, r)| r.number("command") == Some(511.0))
            .map(|(_, r)| (r.number("param1").expect("asked"), r.number("param2").expect("asked")))
            .collect();
        // SYS_STATUS, ATTITUDE, LOCAL_POSITION_NED; a heartbeat each second comes by itself.
        let wanted = [(1.0, 500_000.0), (30.0, 20_000.0), (32.0, 20_000.0)];
        let times = if answers { 1 } else { 3 };
        let expected: Vec<_> = wanted.iter().flat_map(|w| std::iter::repeat_n(*w, times)).collect();
        assert_eq!(asked, expected, "answers: {answers}");
    }
}

#[test]
fn after_a_restart_everything_is_asked_for_again() {
    let mut bench = Bench::new(&config());
    bench.says(at_ms(0), "ATTITUDE", &[("time_boot_ms", 900_000.0)]);
    let count = |heard: &[(i64, Received)]| heard.iter().filter(|(_, r)| r.number("command") == Some(511.0)).count();
    assert_eq!(count(&live(&mut bench, 0, 3_000, true)), 3);
    assert_eq!(count(&live(&mut bench, 3_000, 6_000, true)), 0);
    bench.says(at_ms(6_000), "ATTITUDE", &[("time_boot_ms", 4_000.0)]);
    assert_eq!(count(&live(&mut bench, 6_001, 9_000, true)), 3);
    let restarts = bench.turn.notes.iter().filter(|n| matches!(n, Note::Restart { .. })).count();
    let identified = bench.turn.notes.iter().filter(|n| matches!(n, Note::Identified { .. })).count();
    assert_eq!((restarts, identified), (1, 2), "identity is verified anew");
}

#[test]
fn without_facts_the_first_heartbeat_identifies() {
    let mut bench = Bench::new(&config());
    bench.says(at_ms(0), "ATTITUDE", &[]);
    assert_eq!(bench.turn.notes, []);
    bench.says(at_ms(1), "HEARTBEAT", &[]);
    bench.says(at_ms(2), "HEARTBEAT", &[]);
    assert_eq!(bench.turn.notes, [Note::Identified { device: FC }]);
}

#[test]
fn facts_are_asked_for_until_they_are_heard() {
    let config = with_identity(&[
        ("AUTOPILOT_VERSION.uid", FieldValue::Number(4660.0)),
        ("AUTOPILOT_VERSION.vendor_id", FieldValue::Number(7.0)),
        ("HEARTBEAT.autopilot", text("MAV_AUTOPILOT_ARDUPILOTMEGA")),
    ]);
    let mut bench = Bench::new(&config);
    bench.says(at_ms(0), "HEARTBEAT", &[("autopilot", 3.0)]);
    let heard = live(&mut bench, 1, 4_000, true);
    let asked: Vec<_> = heard
        .iter()
        .filter_map(|(_, r)| Some((r.number("command").filter(|c| *c != 511.0)?, r.number("param1")?)))
        .collect();
    // Old autopilots know the older request alone.
    assert_eq!(asked, [(512.0, 148.0), (520.0, 1.0), (512.0, 148.0), (520.0, 1.0)]);
    assert_eq!(bench.turn.notes, []);
    bench.says(at_ms(4_000), "AUTOPILOT_VERSION", &[("uid", 4660.0), ("vendor_id", 7.0)]);
    assert_eq!(bench.turn.notes, [Note::Identified { device: FC }]);
    bench.clear();
    let heard = live(&mut bench, 4_001, 8_000, true);
    assert!(heard.iter().all(|(_, r)| r.name == "HEARTBEAT"), "{heard:?}");
    assert_eq!(bench.turn.notes, []);
}

#[test]
fn another_board_is_told_apart() {
    let config = with_identity(&[("AUTOPILOT_VERSION.uid", FieldValue::Number(4660.0))]);
    let mut bench = Bench::new(&config);
    bench.says(at_ms(0), "HEARTBEAT", &[]);
    bench.says(at_ms(1), "AUTOPILOT_VERSION", &[("uid", 4661.0)]);
    let wrong = Note::WrongIdentity {
        device: FC,
        fact: "AUTOPILOT_VERSION.uid".into(),
        found: "4661 (0x1235)".into(),
        wanted: "4660 (0x1234)".into(),
    };
    assert_eq!(bench.turn.notes, [wrong]);
    bench.says(at_ms(2), "AUTOPILOT_VERSION", &[("uid", 4660.0)]);
    assert_eq!(bench.turn.notes.len(), 1, "a board that was wrong once is not right later");
}
