//! A harness that is behind what happens: what waited here is as old as it is, what was asked for leaves in its time or not at all.

use super::cell::{LIMIT, Story, ms};
use checkrein::codec::json::device::propose;
use checkrein::guard::{Cause, Decision, Refusal};
use checkrein::run::event::EventKind;
use checkrein::run::{Effect, Input, LinkState, RunVerdict};
use checkrein::signal::Value;
use checkrein::time::{Span, Time};
use checkrein::wire::{Frame, Lane, LinkId};

const HOLD: &str = "exercises: [limit]\nsteps:\n  - hold: 4 s\n";

const BEAT: &str = r#"{"n":1}"#;

/// The same but for the nanoseconds by which the instants of one input differ.
fn about(one: Time, other: Time) -> bool {
    one.since(other).nanos().abs() < 1_000
}

fn span(millis: i64) -> Span {
    Span::from_millis(millis)
}

fn arm_says(pos: f64, live: bool) -> String {
    format!(r#"{{"pos":{pos},"live":{live},"serial":"A7"}}"#)
}

fn last_decision(story: &Story) -> (Decision, Span) {
    let gated = |effect: &Effect| match effect {
        Effect::Emit(event) => match event.kind {
            EventKind::CommandGated { decision, age, .. } => Some((decision, age)),
            _ => None,
        },
        _ => None,
    };
    story.last.iter().find_map(gated).unwrap_or_else(|| panic!("nothing was gated: {:?}", story.last))
}

fn remarks(story: &Story, words: &str) -> usize {
    let said = |kind: &EventKind| matches!(kind, EventKind::Remark { text } if text.contains(words));
    story.kinds().iter().filter(|kind| said(kind)).count()
}

#[test]
fn what_waited_longer_than_a_stall_trips_and_is_said_once() {
    let mut story = Story::armed(LIMIT, HOLD);
    story.until(400);
    story.publish_late(ms(401), span(250), "pilot/beat", BEAT);
    assert!(story.tripped().is_empty(), "250 ms are borne");
    story.publish_late(ms(402), span(251), "pilot/beat", BEAT);
    story.publish_late(ms(403), span(400), "pilot/beat", BEAT);
    assert_eq!(story.tripped(), [Cause::Stall]);
    assert_eq!(remarks(&story, "more arrived than the harness could take: this had waited for 251 ms"), 1);
    assert_eq!(remarks(&story, "more arrived than the harness could take"), 1);
    story.end();
    assert_ne!(story.outcome.as_ref().map(|o| o.verdict), Some(RunVerdict::Pass), "{:?}", story.outcome);
}

#[test]
fn a_full_queue_trips() {
    let mut story = Story::armed(LIMIT, HOLD);
    story.until(100);
    story.feed(Input::Choked { at: ms(101) });
    assert_eq!(story.tripped(), [Cause::Stall]);
    assert_eq!(remarks(&story, "its queue was full"), 1);
}

#[test]
fn before_the_run_is_armed_a_flood_is_borne() {
    let mut story = Story::new(LIMIT, HOLD);
    story.feed(Input::Choked { at: ms(0) });
    story.publish_late(ms(1), span(900), "belt/state", r#"{"speed":0,"runs":false}"#);
    let mut story = story.arm();
    assert!(story.tripped().is_empty());
    story.until(100);
    story.feed(Input::Choked { at: ms(101) });
    assert_eq!(story.tripped(), [Cause::Stall], "and is told of once it matters");
}

#[test]
fn a_proposal_is_as_old_as_it_is() {
    let mut story = Story::armed(LIMIT, HOLD);
    story.until(100);
    story.publish_late(ms(101), span(240), "pilot/go", propose(&[("to", 3.0)]));
    assert_eq!(last_decision(&story), (Decision::Pass, span(240)));
    // It passed with 10 ms left: it may begin to leave in these, and not later.
    let not_after = story.last.iter().find_map(|effect| match effect {
        Effect::Send { lane: Lane::Normal, frame, .. } => Some(frame.not_after),
        _ => None,
    });
    assert!(about(not_after.flatten().expect("its time runs out"), ms(111)), "{not_after:?}");
    story.until(300);
    story.publish_late(ms(301), span(250), "pilot/go", propose(&[("to", 4.0)]));
    assert_eq!(last_decision(&story), (Decision::Pass, span(250)));
    story.slow_by = Span::from_secs(1);
    story.propose(500, 5.0);
    story.until(600);
    story.publish_late(ms(600), span(200), "pilot/go", propose(&[("to", 6.0)]));
    let (decision, age) = last_decision(&story);
    assert_eq!(decision, Decision::Reject(Refusal::Stale));
    assert!(about(Time::ZERO + age, ms(300)), "it waited before us and would wait behind us: {age}");
}

#[test]
fn a_sample_that_was_stale_before_it_could_be_taken_is_unknown() {
    let mut story = Story::armed(LIMIT, HOLD);
    let pos = story.plan.rig.signals.iter().find(|(_, def)| def.name == "arm.pos").expect("the rig has it").0;
    let stale_after = story.plan.rig.signals.def(pos).stale_after.expect("it comes all the time");
    for (waited, known) in [(stale_after - Span::from_nanos(1), true), (stale_after, false)] {
        story.until(story.now.nanos() / 1_000_000 + 100);
        let at = story.now + Span::from_micros(1);
        let samples = |story: &Story| -> Vec<Value> {
            let entries = story.entries.iter().filter_map(|entry| match entry {
                checkrein::log::Entry::Samples(samples) => Some(samples),
                _ => None,
            });
            entries.flatten().filter(|sample| sample.signal == pos).map(|sample| sample.value).collect()
        };
        story.publish_late(at, waited, "arm/state", arm_says(2.5, false));
        let value = *samples(&story).last().expect("it was recorded");
        assert_eq!(value, if known { Value::Number(2.5) } else { Value::Unknown }, "{waited}");
    }
}

#[test]
fn a_reaction_counts_from_the_arrival_of_what_broke_the_rule() {
    let mut story = Story::armed(LIMIT, HOLD);
    story.until(100);
    story.publish_late(ms(101), span(45), "arm/state", arm_says(9.0, true));
    assert!(matches!(story.tripped()[..], [Cause::Rule(_)]));
    story.until(200);
    let reaction = story.kinds().into_iter().find_map(|kind| match kind {
        EventKind::RungSent { reaction, .. } => reaction,
        _ => None,
    });
    // What waited, and 50 us from the call to the first byte.
    assert_eq!(reaction, Some(span(45) + Span::from_micros(50)));
}

#[test]
fn rest_that_was_seen_before_the_ladder_spoke_is_no_proof_however_late_it_is_taken() {
    let mut story = Story::armed(LIMIT, HOLD);
    story.until(100);
    story.on = true;
    story.until(140);
    story.deaf_to.extend(["arm/stop", "arm/brake", "arm/cut"]);
    story.stop(150);
    story.arm_speaks = false;
    story.until(200);
    let said = |story: &Story| {
        story.kinds().iter().any(|kind| matches!(kind, EventKind::DeviceSafe { ladder } if ladder.0 == 0))
    };
    // Said at 149 ms and taken at 209 ms: the rung left at 150 ms.
    story.publish_late(ms(209), span(60), "arm/state", arm_says(1.0, false));
    assert!(!said(&story), "{:?}", story.kinds());
    story.publish_late(ms(210), span(40), "arm/state", arm_says(1.0, false));
    assert!(said(&story), "{:?}", story.kinds());
}

#[test]
fn a_controller_that_fell_silent_is_silent_from_its_last_word_on() {
    let mut story = Story::armed(LIMIT, HOLD);
    story.pilot_speaks = false;
    story.until(400);
    // Its last word, said at 201 ms; 500 ms are allowed.
    story.publish_late(ms(401), span(200), "pilot/beat", BEAT);
    story.until(700);
    assert!(story.tripped().is_empty(), "{:?}", story.tripped());
    story.until(702);
    assert!(matches!(story.tripped()[..], [Cause::Silence(_)]), "{:?}", story.tripped());
}

#[test]
fn what_passed_the_gate_and_then_could_not_leave_is_thrown_away_and_said() {
    let mut story = Story::armed(LIMIT, HOLD);
    story.propose(100, 1.0);
    let Some(Effect::Send { id, frame, .. }) =
        story.effects.iter().rev().map(|(_, e)| e).find(|e| matches!(e, Effect::Send { lane: Lane::Normal, .. }))
    else {
        panic!("it passed: {:?}", story.last)
    };
    assert!(frame.not_after.is_some_and(|last| about(last, ms(350))), "{frame:?}");
    let id = *id;
    story.feed(Input::Lapsed { at: ms(100), id });
    assert_eq!(remarks(&story, "link bus: 1 message of a controller waited longer than `max_age`"), 1);
    // A word a second, with how many there were; one that nobody waits for is no news.
    story.feed(Input::Lapsed { at: ms(101), id });
    assert_eq!(remarks(&story, "waited longer than `max_age`"), 1);
}

/// Goal: an order that never left is neither the device's doing nor waited for. Method: a lamp that acknowledges each order,
/// behind a port that takes nothing for a while.
#[test]
fn what_never_left_is_not_told_as_the_devices_doing() {
    let rig = super::cell::RIG
        .replace("  bus: { mqtt: embedded }\n", "  bus: { mqtt: embedded }\n  lamps: { serial: /dev/serial/by-id/usb-lamps, baud: 9600 }\n")
        .replace("  pilot:\n", "  lamp:\n    link: lamps\n    protocol: { lines: { state: 'S={s}', ok: OK }, within: 500 ms }\n    signals:\n      shows: { field: state.s, scale: 1, range: 0 .. 9, every: 20 ms }\n    commands:\n      show: { args: { what: 0 .. 9 }, send: 'L {n:.0}', with: { n: { arg: what, scale: 1 } }, ack: ok, harmless: true }\n  pilot:\n")
        .replace("may: {", "may: { lamp.show: { topic: pilot/show, max_age: 250 ms, rate: 100 Hz },");
    let lamps = LinkId(1);
    let mut story = Story::with_rig(&rig, LIMIT, HOLD);
    story.feed(Input::Link { at: ms(0), link: lamps, state: LinkState::Up });
    story.feed(Input::bytes(ms(1), Frame::serial(lamps, *b"\nS=1\nS=1\n")));
    let mut story = story.arm();
    let show = |story: &mut Story, millis: i64| {
        story.until(millis);
        story.publish(ms(millis), "pilot/show", &String::from_utf8(propose(&[("what", 3.0)])).expect("JSON is text"));
    };
    let sent = |story: &Story| {
        let lamp = |effect: &Effect| match effect {
            Effect::Send { id, lane: Lane::Normal, frame } if frame.link == lamps => Some(*id),
            _ => None,
        };
        story.effects.iter().filter_map(|(_, effect)| lamp(effect)).collect::<Vec<_>>()
    };
    // The port takes nothing: the first frame stands in its lane, the rest in the codec.
    story.leaves_normal = false;
    for place in 0..10 {
        show(&mut story, 100 + 20 * place);
    }
    assert_eq!(sent(&story).len(), 1);
    story.until(351);
    let first = sent(&story)[0];
    story.feed(Input::Lapsed { at: ms(351), id: first });
    assert_eq!(sent(&story).len(), 2, "nobody waits for an answer to the first");
    story.until(600);
    let second = sent(&story)[1];
    story.feed(Input::Lapsed { at: ms(600), id: second });
    // Eight outlived their time in the codec. It goes on with what comes now, which is answered.
    story.leaves_normal = true;
    show(&mut story, 700);
    story.until(710);
    story.feed(Input::bytes(ms(711), Frame::serial(lamps, *b"OK\n")));
    story.end();
    let kinds = story.kinds();
    let blamed =
        |kind: &&EventKind| matches!(kind, EventKind::CommandRefused { .. } | EventKind::CommandUnanswered { .. });
    assert_eq!(kinds.iter().filter(blamed).count(), 0, "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| matches!(kind, EventKind::CommandAcked { .. })).count(), 1, "{kinds:?}");
    assert_eq!(remarks(&story, "waited longer than `max_age`"), 2, "{kinds:?}");
    assert_eq!(remarks(&story, "link lamps: 10 messages so far"), 1, "{kinds:?}");
}

#[test]
fn what_was_thrown_away_since_the_last_word_is_told_at_the_end() {
    let rig = super::cell::RIG.replace("rate: 10 Hz", "rate: 1000 Hz");
    let mut story = Story::with_rig(&rig, LIMIT, "exercises: [limit]\nsteps:\n  - hold: 1 s\n").arm();
    for n in 0..3 {
        story.propose(500 + 2 * n, 1.0);
        let sent = story.last.iter().find_map(|effect| match effect {
            Effect::Send { id, lane: Lane::Normal, .. } => Some(*id),
            _ => None,
        });
        let id = sent.expect("it passed");
        story.feed(Input::Lapsed { at: ms(500 + 2 * n), id });
    }
    assert_eq!(remarks(&story, "waited longer than `max_age`"), 1);
    story.end();
    assert_eq!(remarks(&story, "3 messages so far of a controller waited longer"), 1);
}

#[test]
fn a_link_that_stops_does_not_let_old_orders_out_when_it_goes_on() {
    let mut story = Story::armed(LIMIT, HOLD);
    // Each frame takes a second: the second of them passes the gate 100 ms after the first, and cannot begin in time.
    story.slow_by = Span::from_secs(1);
    story.propose(100, 1.0);
    story.propose(200, 2.0);
    story.until(3_000);
    assert_eq!(remarks(&story, "waited longer than `max_age`"), 1, "{:?}", story.kinds());
    // What was thrown away waits for nothing: the next is as fresh as it is.
    story.slow_by = Span::ZERO;
    story.propose(3_100, 3.0);
    assert_eq!(last_decision(&story), (Decision::Pass, Span::ZERO));
}

#[test]
fn what_a_script_orders_has_no_time_of_its_own() {
    let mut story = Story::armed(LIMIT, "exercises: [limit]\nsteps:\n  - do: arm.start\n  - hold: 1 s\n");
    story.until(100);
    let sent: Vec<Option<Time>> = story
        .effects
        .iter()
        .filter_map(|(_, effect)| match effect {
            Effect::Send { lane: Lane::Normal, frame, .. } => Some(frame.not_after),
            _ => None,
        })
        .collect();
    assert_eq!(sent, [None]);
}

#[test]
fn what_a_fault_of_the_link_holds_back_leaves_as_late_as_it_says() {
    let scenario =
        "exercises: [limit]\nsteps:\n  - inject: { fault: delay, by: 1 s, on: bus, energised: true }\n  - hold: 3 s\n";
    let mut story = Story::confirmed(LIMIT, scenario);
    story.propose(100, 7.0);
    story.until(2_000);
    let gone = story.effects.iter().find_map(|(at, effect)| match effect {
        Effect::Send { lane: Lane::Normal, frame, .. } => Some((*at, frame.not_after)),
        _ => None,
    });
    assert!(gone.is_some_and(|(at, not_after)| about(at, ms(1_100)) && not_after.is_none()), "{gone:?}");
}

#[test]
fn what_a_controller_is_told_is_as_old_as_it_is() {
    let told = |story: &Story| -> Vec<(Time, String)> {
        let said = story.effects.iter().filter_map(|(at, effect)| match effect {
            Effect::Send { frame, .. } if frame.topic.as_deref() == Some("pilot/state") => {
                Some((*at, String::from_utf8_lossy(&frame.bytes).into_owned()))
            }
            _ => None,
        });
        said.collect()
    };
    let mut story = Story::armed(LIMIT, HOLD);
    let pos = story.plan.rig.signals.find("arm.pos").expect("the rig has it");
    let stale_after = story.plan.rig.signals.def(pos).stale_after.expect("it comes all the time");
    story.until(300);
    for (waited, known) in [(Span::ZERO, true), (stale_after - span(5), false)] {
        let before = told(&story).len();
        let next = told(&story)[before - 1].0 + span(100);
        // Everybody else is heard as ever; the arm was heard 10 ms before the telling, as old as it is.
        story.arm_speaks = false;
        story.until((next - span(10)).nanos() / 1_000_000);
        let at = story.now.max(next - span(10));
        story.publish_late(at, waited, "arm/state", arm_says(2.5, false));
        story.until(next.nanos() / 1_000_000 + 1);
        let (_, text) = told(&story)[before].clone();
        assert_eq!(text.contains("\"arm.pos\":2.5"), known, "{waited}: {text}");
    }
}

#[test]
fn behind_a_link_that_stopped_only_so_much_waits() {
    // However old a command is, it may leave.
    let rig = super::cell::RIG.replace("max_age: 250 ms, rate: 10 Hz", "max_age: 1 h");
    let mut story = Story::with_rig(&rig, LIMIT, "exercises: [limit]\nsteps:\n  - hold: 60 s\n").arm();
    story.slow_by = Span::from_secs(3_600);
    for n in 0..1_100 {
        story.propose(100 + n, 1.0);
    }
    let asked = story.moved().iter().filter(|topic| *topic == "arm/go").count();
    assert_eq!(asked, 1_024);
    assert_eq!(remarks(&story, "1024 messages wait to leave before it"), 76);
}
