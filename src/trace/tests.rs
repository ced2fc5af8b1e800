use super::*;
use crate::log::Entry;
use crate::log::fixture::{self, ms};
use crate::run::event::{EventKind, RunVerdict};
use crate::signal::Sample;
use crate::stl::RuleVerdict;
use crate::wire::LinkId;

fn flight() -> Trace {
    let (plan, recording) = fixture::recorded_flight();
    Trace::new(&plan, &recording)
}

#[test]
fn columns_hold_every_sample_and_the_gap() {
    let trace = flight();
    let altitude = trace.column(fixture::ALTITUDE).unwrap();
    assert_eq!(altitude.times.len(), (22_000 - 100) / 20 - 800 / 20);
    assert!(altitude.times.is_sorted());
    assert_eq!(altitude.gaps, [Stretch { from: ms(3_980 + 60), to: ms(4_800) }]);
    let battery = trace.column(fixture::BATTERY).unwrap();
    assert_eq!(battery.times.len(), 21, "the second that fell into the gap is missing");
    assert_eq!(battery.gaps, []);
}

#[test]
fn rules_hold_episodes_margins_and_the_last_word() {
    let trace = flight();
    let ceiling = trace.rule(fixture::CEILING).unwrap();
    assert_eq!(ceiling.broken, [Stretch { from: ms(fixture::VIOLATED), to: ms(13_940) }]);
    assert_eq!(ceiling.violated, Some(Violation { instant: ms(11_760), known_at: ms(11_760) }));
    assert_eq!(ceiling.judgement.as_ref().unwrap().verdict, RuleVerdict::Fail);
    assert!(ceiling.margins.len() > 100);
    assert_eq!(trace.rule(fixture::OFFBOARD).unwrap().margins, []);
    assert_eq!(trace.first_violation().unwrap().0, fixture::HOLDS);
    assert_eq!(trace.outcome.as_ref().unwrap().verdict, RunVerdict::Fail);
}

#[test]
fn lanes_show_what_lasted() {
    let trace = flight();
    let names: Vec<&str> = trace.lanes.iter().map(|l| l.name.as_str()).collect();
    assert_eq!(names, ["phase", "step", "fault injected", "gate", "guard"]);
    let labels = |i: usize| trace.lanes[i].bars.iter().map(|b| b.label.as_str()).collect::<Vec<_>>();
    assert_eq!(labels(0), ["climb", "gust"]);
    assert!(!labels(1).contains(&"phase gust"), "a phase holds steps, it is shown in its own lane");
    assert_eq!(labels(2), ["delay 400 ms on pilot.tells"]);
    assert_eq!(trace.lanes[2].bars[0].stretch, Stretch { from: ms(8_000), to: ms(13_000) });
    assert_eq!(labels(3), ["pilot: clamped"]);
    assert_eq!(labels(4), ["armed", "fc.land", "fc safe"]);
    assert_eq!(trace.lanes[4].bars[1].stretch, Stretch { from: ms(11_760), to: ms(21_100) });
}

#[test]
fn the_reaction_runs_from_cause_to_safe() {
    let trace = flight();
    let reaction = trace.reaction.unwrap();
    assert_eq!(reaction.trip(), Some((ms(11_760), Cause::Rule(fixture::CEILING))));
    assert_eq!(reaction.time(), Some(Span::from_micros(380)));
    assert_eq!(reaction.safe, [(ms(21_100), crate::guard::LadderId(0))]);
}

#[test]
fn a_lost_link_is_a_gap_of_what_only_speaks_on_change() {
    let plan = fixture::plan();
    let event = |at, kind| Entry::Event(Event { at: ms(at), kind });
    let pulse = |at| Entry::Samples(vec![Sample { at: ms(at), signal: fixture::PILOT_COMMAND, value: Value::Pulse }]);
    let link = LinkId(1);
    let entries = [
        pulse(10),
        event(50, EventKind::LinkLost { link, why: "broker away".into() }),
        event(90, EventKind::LinkUp { link }),
        pulse(100),
        event(300, EventKind::LinkLost { link, why: "broker away".into() }),
        event(400, EventKind::Remark { text: "end".into() }),
    ];
    let trace = Trace::of_entries(&plan, &entries, None);
    let expected = [Stretch { from: ms(50), to: ms(100) }, Stretch { from: ms(300), to: ms(400) }];
    assert_eq!(trace.column(fixture::PILOT_COMMAND).unwrap().gaps, expected);
    let down = [Stretch { from: ms(50), to: ms(90) }, Stretch { from: ms(300), to: ms(400) }];
    assert_eq!(trace.links[1].down, down);
    assert_eq!(trace.outcome, None);
}

#[test]
fn unknown_values_are_gaps_and_neighbours_become_one() {
    let plan = fixture::plan();
    let sample = |at, value| Entry::Samples(vec![Sample { at: ms(at), signal: fixture::ALTITUDE, value }]);
    let entries = [
        sample(0, Value::Number(1.0)),
        sample(20, Value::Unknown),
        sample(40, Value::Number(f64::NAN)),
        sample(60, Value::Number(1.0)),
        sample(80, Value::Number(1.0)),
    ];
    let trace = Trace::of_entries(&plan, &entries, None);
    assert_eq!(trace.columns[0].gaps, [Stretch { from: ms(20), to: ms(60) }]);
}

#[test]
fn faults_side_by_side_and_one_that_never_ends() {
    let plan = fixture::plan();
    let event = |at, fault: &str, starts| {
        let (fault, on) = (fault.to_string(), "fc".to_string());
        let kind = if starts { EventKind::FaultStarted { fault, on } } else { EventKind::FaultEnded { fault, on } };
        Entry::Event(Event { at: ms(at), kind })
    };
    let entries =
        [event(0, "a", true), event(5, "b", true), event(10, "a", false), event(12, "c", true), event(20, "b", false)];
    let trace = Trace::of_entries(&plan, &entries, None);
    let bars: Vec<_> = trace.lanes[0].bars.iter().map(|b| (b.label.as_str(), b.stretch)).collect();
    let stretch = |from, to| Stretch { from: ms(from), to: ms(to) };
    assert_eq!(bars, [("a on fc", stretch(0, 10)), ("b on fc", stretch(5, 20)), ("c on fc", stretch(12, 20))]);
}

#[test]
fn numbers_are_short_and_margins_carry_the_unit() {
    let plan = fixture::plan();
    for (n, text) in [
        (0.0, "0"),
        (-0.0, "0"),
        (8.4567, "8.46"),
        (-0.5, "-0.5"),
        (123.4, "123"),
        (100.0, "100"),
        (0.01234, "0.0123"),
        (1e-9, "1.00e-9"),
        (f64::INFINITY, "∞"),
    ] {
        assert_eq!(words::number(n), text);
    }
    let margin = |rule: crate::command::RuleId, si| words::margin(&plan.rules[usize::from(rule.0)], si);
    assert_eq!(margin(fixture::CEILING, -0.46), "-0.46 m");
    assert_eq!(margin(fixture::TILT, 0.5), "28.6 deg");
    assert_eq!(margin(fixture::CEILING, f64::INFINITY), "held");
    assert_eq!(margin(fixture::CEILING, f64::NAN), "unknown");
}

#[test]
fn dates_are_right_also_around_leap_days() {
    for (seconds, text) in [
        (0, "1970-01-01 00:00:00 UTC"),
        (951_782_399, "2000-02-28 23:59:59 UTC"),
        (951_782_400, "2000-02-29 00:00:00 UTC"),
        (1_709_251_200, "2024-03-01 00:00:00 UTC"),
        (-1, "1969-12-31 23:59:59 UTC"),
        (1_795_348_800, "2026-11-22 12:00:00 UTC"),
    ] {
        assert_eq!(words::utc(seconds * 1_000_000_000), text);
    }
}

/// The fixture's plan with a pilot that is told altitude (in cm) and mode.
fn plan_that_tells() -> crate::scenario::plan::Plan {
    use crate::codec::{DeviceConfig, Protocol, TellField, Tells};
    let mut plan = fixture::plan();
    let field = |signal, name: &str, scale, states: &[&str]| TellField {
        signal,
        name: name.into(),
        scale,
        offset: 0.0,
        states: states.iter().map(|s| s.to_string()).collect(),
    };
    let tells = Tells {
        topic: "pilot/state".into(),
        every: Span::from_millis(20),
        fields: vec![
            field(fixture::ALTITUDE, "fc.altitude", 0.01, &[]),
            field(fixture::MODE, "fc.mode", 1.0, &["STABILIZE", "GUIDED", "LAND"]),
            field(fixture::ROLL, "fc.roll", 1.0, &[]),
        ],
    };
    plan.rig.links[1].codec.devices.push(DeviceConfig {
        device: fixture::PILOT,
        name: "pilot".into(),
        protocol: Protocol::Json,
        signals: Vec::new(),
        commands: Vec::new(),
        identity: Vec::new(),
        heartbeat: None,
        poll: None,
        tells: Some(tells),
        may: Vec::new(),
    });
    plan
}

#[test]
fn what_a_controller_was_told_is_read_around_faults_from_the_bytes_sent() {
    use crate::wire::Frame;
    let plan = plan_that_tells();
    let fault = |at, starts, on: &str| {
        let (fault, on) = ("delay".to_string(), on.to_string());
        let kind = if starts { EventKind::FaultStarted { fault, on } } else { EventKind::FaultEnded { fault, on } };
        Entry::Event(Event { at: ms(at), kind })
    };
    let sent = |at, link, topic: &str, json: &str| Entry::Sent {
        at: ms(at),
        frame: Frame { topic: Some(topic.into()), ..Frame::serial(LinkId(link), json.as_bytes().to_vec()) },
    };
    let state = |at, json: &str| sent(at, 1, "pilot/state", json);
    let told = |on: &str| {
        let entries = [
            state(500, r#"{"t":0.5,"fc.altitude":50}"#),
            state(4_200, r#"{"t":4.2,"fc.altitude":420,"fc.mode":"GUIDED","fc.roll":null}"#),
            fault(5_000, true, on),
            state(5_010, "not JSON"),
            sent(5_020, 1, "pilot/task", r#"{"fc.altitude":1}"#),
            sent(5_030, 0, "pilot/state", r#"{"fc.altitude":2}"#),
            state(5_040, r#"{"t":5.04,"fc.altitude":250,"fc.mode":"LAND","fc.roll":null}"#),
            state(5_060, r#"{"t":5.06,"fc.altitude":null,"fc.mode":"HOVER","fc.roll":null}"#),
            fault(6_000, false, on),
            state(6_900, r#"{"t":6.9,"fc.altitude":700,"fc.mode":"LAND","fc.roll":null}"#),
            state(9_000, r#"{"t":9.0,"fc.altitude":900,"fc.mode":"LAND","fc.roll":null}"#),
        ];
        Trace::of_entries(&plan, &entries, None).told
    };
    let all = told("pilot.tells");
    assert_eq!(all.len(), 2, "the roll was never told");
    assert!(all.iter().all(|t| t.controller == fixture::PILOT));
    let altitude = &all[0].column;
    assert_eq!(altitude.signal, fixture::ALTITUDE);
    assert_eq!(altitude.times, [4_200, 5_040, 5_060, 6_900].map(ms));
    let number = Value::Number;
    assert_eq!(altitude.values, [number(4.2), number(2.5), Value::Unknown, number(7.0)]);
    let gap = |from, to| Stretch { from: ms(from), to: ms(to) };
    assert_eq!(altitude.gaps, [gap(4_300, 5_040), gap(5_060, 6_900), gap(7_000, 9_000)]);
    assert_eq!(all[1].column.values, [Value::State(1), Value::State(2), Value::Unknown, Value::State(2)]);
    assert_eq!(told("pilot.tells.fc.altitude").len(), 2, "a fault on one signal is one on what is told");
    assert_eq!(told("pilot.says"), []);
    assert_eq!(told("pilot.tellsomeone"), []);
}
