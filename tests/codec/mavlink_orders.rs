//! Orders and their acknowledgements.

use super::mavlink_bench::{ARM, Bench, FC, GOTO, LAND, LAND_TRICKY, SET_MODE, SET_PARAM, at_ms, command, config};
use checkrein::codec::Note;
use checkrein::command::{CommandId, Ticket};
use checkrein::wire::Lane;

const T: Ticket = Ticket(41);

fn ordered(bench: &mut Bench, ms: i64, id: CommandId, args: &[f64]) {
    bench.host.order(at_ms(ms), &command(id, args), T, &mut bench.turn).expect("the order fits");
}

#[test]
fn the_vehicle_hears_what_was_ordered() {
    let mut bench = Bench::new(&config());
    ordered(&mut bench, 0, ARM, &[]);
    ordered(&mut bench, 1, GOTO, &[5.0, -1.5]);
    ordered(&mut bench, 2, SET_MODE, &[4.0]);
    ordered(&mut bench, 3, SET_PARAM, &[2.5]);
    let heard = bench.heard(Lane::Normal);
    let names: Vec<_> = heard.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(names, ["COMMAND_LONG", "SET_POSITION_TARGET_LOCAL_NED", "SET_MODE", "PARAM_SET"]);
    for received in &heard {
        assert_eq!((received.system, received.component), (255, 190));
        assert_eq!(received.number("target_system"), Some(1.0));
    }
    let number = |n: usize, field: &str| heard[n].number(field).unwrap_or_else(|| panic!("no {field}"));
    assert_eq!((number(0, "command"), number(0, "param1"), number(0, "target_component")), (400.0, 1.0, 1.0));
    assert_eq!((number(1, "z"), number(1, "x"), number(1, "type_mask")), (-5.0, -1.5, 3576.0));
    assert_eq!((number(1, "coordinate_frame"), number(1, "y")), (1.0, 0.0));
    assert_eq!((number(2, "base_mode"), number(2, "custom_mode")), (1.0, 4.0));
    assert_eq!((number(3, "param_value"), heard[3].text("param_id")), (250.0, Some("WPNAV_SPEED")));
}

#[test]
fn an_acknowledgement_answers_the_ticket() {
    for (result, answer) in [
        (0.0, Note::Acked { ticket: T }),
        (2.0, Note::Refused { ticket: T, reason: "MAV_RESULT_DENIED".into() }),
        (1.0, Note::Refused { ticket: T, reason: "MAV_RESULT_TEMPORARILY_REJECTED".into() }),
        (99.0, Note::Refused { ticket: T, reason: "result 99".into() }),
    ] {
        let mut bench = Bench::new(&config());
        ordered(&mut bench, 0, ARM, &[]);
        // Answers to other commands, and to other ground stations, are not ours.
        bench.says(at_ms(10), "COMMAND_ACK", &[("command", 2_000.0), ("result", 0.0)]);
        bench.says(at_ms(10), "COMMAND_ACK", &[("command", 400.0), ("target_system", 254.0)]);
        bench.says(
            at_ms(10),
            "COMMAND_ACK",
            &[("command", 400.0), ("target_system", 255.0), ("target_component", 7.0)],
        );
        assert_eq!(bench.turn.notes, []);
        bench.says(at_ms(20), "COMMAND_ACK", &[("command", 400.0), ("result", result), ("target_system", 255.0)]);
        assert_eq!(bench.turn.notes, [answer]);
        bench.says(at_ms(30), "COMMAND_ACK", &[("command", 400.0)]);
        assert!(!bench.turn.notes[1..].iter().any(|n| matches!(n, Note::Acked { .. })), "the ticket comes back once");
    }
}

#[test]
fn a_message_without_a_command_is_acknowledged_by_its_number() {
    let mut bench = Bench::new(&config());
    ordered(&mut bench, 0, SET_MODE, &[4.0]);
    bench.says(at_ms(10), "COMMAND_ACK", &[("command", 11.0)]);
    assert_eq!(bench.turn.notes, [Note::Acked { ticket: T }]);
}

/// Calls `tick` whenever the host asks for it, up to an instant.
fn run_until(bench: &mut Bench, ms: i64) {
    while let Some(due) = bench.host.next_deadline().filter(|due| *due <= at_ms(ms)) {
        bench.tick(due);
    }
}

#[test]
fn without_an_answer_the_order_is_repeated_with_a_count_and_then_given_up() {
    let mut bench = Bench::new(&config());
    ordered(&mut bench, 0, ARM, &[]);
    run_until(&mut bench, 1_499);
    let counts: Vec<_> = bench.heard(Lane::Normal).iter().map(|r| r.number("confirmation")).collect();
    assert_eq!(counts, [Some(0.0), Some(1.0), Some(2.0)]);
    assert_eq!(bench.turn.notes, []);
    run_until(&mut bench, 10_000);
    assert_eq!(bench.turn.notes, [Note::Unanswered { ticket: T }]);
    assert_eq!(bench.heard(Lane::Normal).len(), 3);
}

#[test]
fn a_vehicle_at_work_on_it_is_not_asked_again() {
    let mut bench = Bench::new(&config());
    ordered(&mut bench, 0, LAND, &[]);
    bench.says(at_ms(100), "COMMAND_ACK", &[("command", 21.0), ("result", 5.0)]);
    run_until(&mut bench, 20_000);
    assert_eq!(bench.turn.notes, []);
    bench.says(at_ms(20_000), "COMMAND_ACK", &[("command", 21.0), ("result", 0.0)]);
    assert_eq!(bench.turn.notes, [Note::Acked { ticket: T }]);
    assert_eq!(bench.heard(Lane::Normal).len(), 1);
}

#[test]
fn after_a_trip_no_order_is_repeated_and_queries_go_on() {
    let mut bench = Bench::new(&config());
    ordered(&mut bench, 0, ARM, &[]);
    bench.clear();
    bench.host.abandon();
    run_until(&mut bench, 10_000);
    assert_eq!(bench.heard(Lane::Normal), []);
    assert_eq!(bench.turn.notes, []);
    assert_eq!(bench.heard(Lane::Query).len(), 11, "a heartbeat each second");
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_is_sent() {
    let mut bench = Bench::new(&config());
    for (id, args) in [
        (GOTO, vec![5.0]),
        (GOTO, vec![f64::NAN, 0.0]),
        (GOTO, vec![0.0, f64::INFINITY]),
        (SET_MODE, vec![-1.0]),
        (SET_MODE, vec![5e9]),
        (CommandId(99), vec![]),
    ] {
        let result = bench.host.order(at_ms(0), &command(id, &args), T, &mut bench.turn);
        assert!(result.is_err(), "{id:?} {args:?}");
        assert!(bench.host.safe(&command(id, &args)).is_err(), "{id:?} {args:?}");
    }
    assert!(bench.turn.sends.is_empty());
}

#[test]
fn an_old_vehicle_is_spoken_to_in_its_own_version() {
    let mut bench = Bench::new(&config());
    bench.vehicle.speak_version_1();
    bench.says(at_ms(0), "HEARTBEAT", &[]);
    ordered(&mut bench, 1, ARM, &[]);
    run_until(&mut bench, 1_200);
    for (_, frame) in &bench.turn.sends {
        assert_eq!(frame.bytes[0], 0xFE, "{:02x?}", frame.bytes);
    }
    assert!(bench.heard(Lane::Normal).len() > 1 && bench.heard(Lane::Query).len() > 1);
}

#[test]
fn the_answer_to_a_safe_frame_names_every_command_that_it_can_mean() {
    let mut bench = Bench::new(&config());
    let to_safe = [("target_system", 255.0), ("target_component", 191.0)];
    let answer = |command: f64, result: f64| [&[("command", command), ("result", result)], to_safe.as_slice()].concat();
    // The order that waits is not what was answered.
    ordered(&mut bench, 0, ARM, &[]);
    bench.says(at_ms(10), "COMMAND_ACK", &answer(400.0, 0.0));
    assert_eq!(bench.turn.notes, [Note::SafeAcked { device: FC, commands: vec![ARM], refused: None }]);
    bench.says(at_ms(11), "COMMAND_ACK", &answer(21.0, 4.0));
    let refused = Some("MAV_RESULT_FAILED".to_owned());
    let landing = |refused| Note::SafeAcked { device: FC, commands: vec![LAND, LAND_TRICKY], refused };
    assert_eq!(bench.turn.notes[1..], [landing(refused)]);
    // At work on it is heard as well; a command that the rig does not list is nothing of ours.
    bench.says(at_ms(12), "COMMAND_ACK", &answer(21.0, 5.0));
    bench.says(at_ms(13), "COMMAND_ACK", &answer(2_000.0, 0.0));
    assert_eq!(bench.turn.notes[2..], [landing(None)]);
    bench.says(at_ms(20), "COMMAND_ACK", &[("command", 400.0)]);
    assert_eq!(bench.turn.notes[3..], [Note::Acked { ticket: T }]);
    // An old autopilot names nobody: with no order of the command about, it answered a safe frame.
    bench.says(at_ms(30), "COMMAND_ACK", &[("command", 400.0)]);
    assert_eq!(bench.turn.notes[4..], [Note::SafeAcked { device: FC, commands: vec![ARM], refused: None }]);
}

#[test]
fn an_order_is_not_repeated_once_its_time_is_over() {
    let mut bench = Bench::new(&config());
    let last = at_ms(700);
    bench.host.order_until(at_ms(0), &command(ARM, &[]), T, Some(last), &mut bench.turn).expect("the order fits");
    run_until(&mut bench, 10_000);
    let sent: Vec<_> = bench.turn.sends.iter().filter(|(lane, _)| *lane == Lane::Normal).collect();
    assert_eq!(sent.len(), 2, "at once and after 500 ms; a second would be too late");
    assert!(sent.iter().all(|(_, frame)| frame.not_after == Some(last)));
    assert_eq!(bench.turn.notes, [Note::Unanswered { ticket: T }]);
    // What repeats it is not what says it: thrown away, it takes nothing back.
    assert_eq!(sent.iter().map(|(_, frame)| frame.order).collect::<Vec<_>>(), [Some(T.0), None]);
}

#[test]
fn an_order_that_never_left_is_neither_repeated_nor_awaited() {
    let mut bench = Bench::new(&config());
    bench.host.order_until(at_ms(0), &command(ARM, &[]), T, Some(at_ms(700)), &mut bench.turn).expect("the order fits");
    bench.clear();
    bench.host.lapsed(at_ms(10), T, &mut bench.turn);
    run_until(&mut bench, 10_000);
    assert_eq!(bench.turn.sends.iter().filter(|(lane, _)| *lane == Lane::Normal).count(), 0);
    assert_eq!(bench.turn.notes, []);
}
