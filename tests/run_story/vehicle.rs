//! A vehicle that speaks MAVLink: acknowledgements, restarts, and bytes in any chunks.

use super::cell::{ms, plan_of};
use checkrein::codec::mavlink::DialectSource;
use checkrein::codec::mavlink::device::{Received, Vehicle};
use checkrein::guard::Cause;
use checkrein::run::event::EventKind;
use checkrein::run::{Effect, Effects, Input, LinkState, Outcome, Run, RunVerdict};
use checkrein::scenario::plan::Plan;
use checkrein::time::{Span, Time};
use checkrein::wire::{DeviceId, Frame, Lane, LinkId};
use std::sync::Arc;

const TELEM: LinkId = LinkId(0);
const CEILING: &str = "  ceiling:\n    always: fc.altitude <= 8 m\n    react_within: 100 ms\n    safe_within: 30 s\n";
const FLY: &str = "exercises: [ceiling]\nsteps:\n  - do: fc.arm\n    within: 3 s\n  - hold: 1 s\n";

/// How the vehicle answers orders.
#[derive(Copy, Clone, PartialEq)]
enum Answer {
    Accept,
    Refuse,
    Nothing,
}

struct Flight {
    plan: Arc<Plan>,
    run: Run,
    vehicle: Vehicle,
    answer: Answer,
    now: Time,
    boot: i64,
    altitude: f64,
    armed: bool,
    effects: Vec<Effect>,
    inputs: Vec<Input>,
    outcome: Option<Outcome>,
    next_word: Time,
    leaving: Vec<(Time, Input, Vec<u8>)>,
}

fn vehicle() -> Vehicle {
    Vehicle::new(&DialectSource::Common, 1, 1).expect("the built-in dialect loads")
}

fn flight(scenario: &str) -> Flight {
    let plan = plan_of("vehicle", include_str!("../fixtures/vehicle/rig.yaml"), CEILING, scenario);
    let mut flight = Flight {
        run: Run::new(plan.clone()),
        plan,
        vehicle: vehicle(),
        answer: Answer::Accept,
        now: Time::ZERO,
        boot: 60_000,
        altitude: 1.0,
        armed: false,
        effects: Vec::new(),
        inputs: Vec::new(),
        outcome: None,
        next_word: ms(20),
        leaving: Vec::new(),
    };
    flight.feed(Input::Link { at: ms(1), link: TELEM, state: LinkState::Up });
    flight
}

impl Flight {
    fn feed(&mut self, input: Input) {
        self.now = self.now.max(input.at());
        let mut effects = Effects::default();
        self.run.handle(&input, &mut effects);
        self.inputs.push(input);
        for effect in effects.list {
            let left = self.now + Span::from_micros(100);
            let sent = |id| Input::Sent { at: left, id, begun: left, done: left, queued_ahead: 0 };
            match &effect {
                Effect::Send { id, frame, .. } => self.leaving.push((left, sent(*id), frame.bytes.clone())),
                Effect::Rung { id, ladder, rung } => {
                    let frames = &self.plan.ladders[ladder.0 as usize].rungs[rung.0 as usize].frames;
                    let bytes = frames.iter().flat_map(|f| f.bytes.clone()).collect();
                    self.leaving.push((left, sent(*id), bytes));
                }
                Effect::Finish(outcome) => self.outcome = Some(outcome.clone()),
                _ => {}
            }
            self.effects.push(effect);
        }
    }

    /// What the vehicle says every 20 ms.
    fn words(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let boot = ("time_boot_ms", (self.boot + self.now.nanos() / 1_000_000) as f64);
        let mode = ("base_mode", if self.armed { 128.0 } else { 0.0 });
        self.vehicle.send("HEARTBEAT", &[mode], &[], &mut bytes).expect("known");
        self.vehicle.send("AUTOPILOT_VERSION", &[("uid", 4660.0)], &[], &mut bytes).expect("known");
        self.vehicle.send("LOCAL_POSITION_NED", &[boot, ("z", -self.altitude)], &[], &mut bytes).expect("known");
        bytes
    }

    fn says(&mut self, at: Time, bytes: Vec<u8>) {
        if self.outcome.is_none() {
            self.feed(Input::bytes(at, Frame::serial(TELEM, bytes)));
        }
    }

    fn hears(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut heard = Vec::new();
        self.vehicle.feed(bytes, &mut heard);
        let mut answer = Vec::new();
        let orders: Vec<Received> = heard.into_iter().filter(|m| m.name == "COMMAND_LONG").collect();
        for order in orders {
            let command = order.number("command").expect("an order names its command");
            // MAV_CMD_COMPONENT_ARM_DISARM, MAV_CMD_NAV_LAND, MAV_CMD_DO_FLIGHTTERMINATION.
            let (obeys, result) = match self.answer {
                Answer::Accept => (true, 0.0),
                Answer::Refuse => (false, 2.0),
                Answer::Nothing => (false, f64::NAN),
            };
            match command as i64 {
                400 if obeys => self.armed = true,
                21 | 185 => self.armed = false,
                _ => {}
            }
            if self.answer != Answer::Nothing {
                let fields =
                    [("command", command), ("result", result), ("target_system", 255.0), ("target_component", 190.0)];
                self.vehicle.send("COMMAND_ACK", &fields, &[], &mut answer).expect("known");
            }
        }
        answer
    }

    fn until(&mut self, millis: i64) {
        while self.outcome.is_none() {
            let leaves = self.leaving.first().map(|(at, ..)| *at);
            let due = self.run.next_deadline().map(|due| due.max(self.now));
            let next = [leaves, due, Some(self.next_word)].into_iter().flatten().min().expect("it always speaks");
            if next > ms(millis) {
                break;
            }
            if leaves == Some(next) {
                let (_, sent, bytes) = self.leaving.remove(0);
                let answer = self.hears(&bytes);
                self.feed(sent);
                if !answer.is_empty() {
                    self.says(next, answer);
                }
            } else if self.next_word == next {
                self.next_word = next + Span::from_millis(20);
                self.now = next;
                let bytes = self.words();
                self.says(next, bytes);
            } else {
                self.feed(Input::Tick { at: next });
            }
        }
        self.now = self.now.max(ms(millis));
    }

    fn ends(&mut self, verdict: RunVerdict, words: &str) {
        self.until(self.now.nanos() / 1_000_000 + 60_000);
        let outcome = self.outcome.clone().expect("the run ends by itself");
        assert_eq!(outcome.verdict, verdict, "{outcome:?}");
        assert!(outcome.reasons.iter().any(|reason| reason.contains(words)), "no {words:?} in {outcome:?}");
    }

    fn tripped(&self) -> Vec<Cause> {
        let cause = |effect: &Effect| match effect {
            Effect::Emit(event) => match event.kind {
                EventKind::Tripped { cause } => Some(cause),
                _ => None,
            },
            _ => None,
        };
        self.effects.iter().filter_map(cause).collect()
    }
}

#[test]
fn an_order_that_is_acknowledged_goes_on() {
    let mut flight = flight(FLY);
    flight.until(500);
    assert!(flight.armed, "the vehicle obeyed");
    flight.ends(RunVerdict::Pass, "1 rule held");
    assert!(!flight.armed && flight.tripped().is_empty());
}

#[test]
fn an_order_refused_or_never_answered_leaves_the_run_open() {
    let mut refused = flight(FLY);
    refused.answer = Answer::Refuse;
    refused.ends(RunVerdict::Inconclusive, "the device refused");
    let mut unanswered = flight(FLY);
    unanswered.answer = Answer::Nothing;
    unanswered.ends(RunVerdict::Inconclusive, "do fc.arm");
}

#[test]
fn a_restart_stops_and_the_new_words_are_not_lost_with_the_old() {
    let mut flight = flight(FLY);
    flight.until(500);
    flight.boot = -400;
    flight.until(521);
    assert!(matches!(flight.tripped()[..], [.., Cause::Restart(DeviceId(0))]), "{:?}", flight.tripped());
    flight.ends(RunVerdict::Inconclusive, "device `fc` started anew");
}

#[test]
fn messages_of_one_read_are_instants_of_their_own() {
    let mut flight = flight("exercises: [ceiling]\nsteps:\n  - expect: fc.altitude > 5 m\n    within: 2 s\n");
    flight.until(501);
    let mut bytes = Vec::new();
    for altitude in [6.0, 1.0] {
        flight.altitude = altitude;
        bytes.extend(flight.words());
    }
    flight.says(ms(502), bytes);
    flight.ends(RunVerdict::Pass, "1 expectation was met");
}

#[test]
fn a_violation_and_its_end_in_one_read_trip() {
    let mut flight = flight(FLY);
    flight.until(501);
    let mut bytes = Vec::new();
    for altitude in [9.0, 1.0] {
        flight.altitude = altitude;
        bytes.extend(flight.words());
    }
    flight.says(ms(502), bytes);
    assert_eq!(flight.tripped().len(), 1);
    flight.ends(RunVerdict::Fail, "rule ceiling was broken");
}

#[test]
fn any_chunking_of_the_same_bytes_gives_the_same_events() {
    // A story with an arming, garbage, a restart and a violation, as one stream.
    let mut source = flight(FLY);
    let mut stream = Vec::new();
    for place in 0..40 {
        source.now = ms(place * 20);
        source.altitude = if place == 30 { 9.0 } else { 1.0 };
        source.boot = if place >= 20 { -390 } else { 60_000 };
        stream.extend(source.words());
        if place == 5 {
            stream.extend([0xfd, 1, 2, 3, 0xfe, 0xfd]);
        }
    }
    let told = |chunk: usize| {
        let plan = source.plan.clone();
        let mut run = Run::new(plan);
        let mut effects = Effects::default();
        run.handle(&Input::Link { at: ms(1), link: TELEM, state: LinkState::Up }, &mut effects);
        for bytes in stream.chunks(chunk) {
            run.handle(&Input::bytes(ms(20), Frame::serial(TELEM, bytes)), &mut effects);
        }
        let mut kinds = Vec::new();
        for effect in effects.list {
            match effect {
                // Stamps aside, and counts of noise, which are said when it is time for a word.
                Effect::Emit(event) => match event.kind {
                    EventKind::WireTrouble { .. } => {}
                    EventKind::RuleViolated { rule, .. } => kinds.push(format!("violated {rule:?}")),
                    EventKind::RuleEpisode { rule, broken, .. } => kinds.push(format!("episode {rule:?} {broken}")),
                    EventKind::RuleMargin { rule, margin, .. } => kinds.push(format!("margin {rule:?} {margin:?}")),
                    kind => kinds.push(format!("{kind:?}")),
                },
                Effect::Send { lane: Lane::Normal, frame, .. } => kinds.push(format!("moved {frame:?}")),
                Effect::Rung { ladder, rung, .. } => kinds.push(format!("{ladder:?} {rung:?}")),
                _ => {}
            }
        }
        kinds
    };
    let whole = told(stream.len());
    for word in ["Armed", "Restarted", "violated", "LadderId(0) RungId(0)"] {
        assert!(whole.iter().any(|kind| kind.contains(word)), "{word} is not in {whole:#?}");
    }
    for chunk in [1, 2, 3, 7, 50, 64, 200, 1024] {
        let same = told(chunk);
        // A rung outruns what its own call said: with other calls other words stand before it.
        let sorted =
            |list: &[String]| -> Vec<String> { list.iter().filter(|k| !k.starts_with("LadderId")).cloned().collect() };
        assert_eq!(sorted(&same), sorted(&whole), "in chunks of {chunk}");
        assert_eq!(same.len(), whole.len());
    }
}

#[test]
fn an_order_that_its_protocol_repeats_counts_from_its_last_repetition() {
    // MAVLink repeats what nobody acknowledged every 500 ms: the script ends 150 ms after the first repetition.
    let mut flight = flight("exercises: [ceiling]\nsteps:\n  - do: fc.arm\n    within: 650 ms\n");
    flight.answer = Answer::Nothing;
    flight.until(2_000);
    let normal = |effect: &&Effect| matches!(effect, Effect::Send { lane: Lane::Normal, .. });
    assert_eq!(flight.effects.iter().filter(normal).count(), 2, "the order and its repetition");
    let rungs = flight.effects.iter().filter(|effect| matches!(effect, Effect::Rung { .. })).count();
    assert!(rungs > 0, "rest that was seen since the first word proves nothing about the second");
}
