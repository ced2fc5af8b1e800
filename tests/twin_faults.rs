//! What envelope and guard make of the faults that twins act out, in virtual time on the shipped drone rig.

mod common;

use checkrein::diag::Files;
use checkrein::guard::{Cause, Decision, Refusal};
use checkrein::run::event::EventKind;
use checkrein::run::{Input, Outcome, RunVerdict};
use checkrein::scenario::plan::{Mode, Plan};
use checkrein::scenario::{Request, check};
use checkrein::r#virtual::Options;
use common::{Kept, ProjectFiles, run};
use std::sync::Arc;

const FLIGHT: &str = "
scenario: A fault in a hover
rig: drone-bench
steps:
  - do: fc.guided
    within: 2 s
  - do: fc.arm
    within: 2 s
  - do: fc.takeoff
    with: { altitude: 4 m }
    within: 2 s
  - do: pilot.fly_to
    with: { x: 0 m, y: 0 m, z: 4 m }
  - wait: abs(fc.altitude - 4 m) < 0.3 m
    within: 20 s
  - inject: { FAULT }
  - hold: 8 s
finally:
  - do: fc.land
    within: 2 s
  - expect: not fc.armed
    within: 20 s
";

/// The project's files, and one flight that stands nowhere.
struct Flight(String);

const PATH: &str = "scenarios/drone-bench/flight.yaml";

impl Files for Flight {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        if path == PATH { Ok(self.0.clone().into_bytes()) } else { ProjectFiles.read(path) }
    }
}

/// The plan of a hover with this fault (the inside of its map).
fn plan(fault: &str) -> Arc<Plan> {
    let request = Request { scenario: PATH.into(), rig: None, overrides: Vec::new(), seed: 7, mode: Mode::Sim };
    match check(&request, &Flight(FLIGHT.replace("FAULT", fault))) {
        Ok((plan, _)) => Arc::new(plan),
        Err(wrong) => panic!("{}", checkrein::diag::report(&wrong, false)),
    }
}

fn fly(fault: &str) -> (Outcome, Kept, Arc<Plan>) {
    let plan = plan(fault);
    let (outcome, kept) = run(&plan, &Options::default());
    (outcome, kept, plan)
}

/// Why it tripped, in words, but for the end of the run.
fn causes(kept: &Kept, plan: &Plan) -> Vec<String> {
    let events = kept.events();
    let causes = events.iter().filter_map(|e| match e.kind {
        EventKind::Tripped { cause } if cause != Cause::Finish => Some(plan.cause_in_words(cause)),
        _ => None,
    });
    causes.collect()
}

/// Goal: a fault of a twin is judged as it should be, for the right reason, and every command is accounted for. Method: each in a
/// hover of its own; why it tripped is told in order.
fn judged(fault: &str, verdict: RunVerdict, why: &[&str]) -> Kept {
    let (outcome, kept, plan) = fly(fault);
    assert_eq!(outcome.verdict, verdict, "{fault}: {:?}", causes(&kept, &plan));
    assert_eq!(causes(&kept, &plan), why, "{fault}");
    let events = kept.events();
    let begun = events.iter().filter(|e| matches!(e.kind, EventKind::FaultStarted { .. })).count();
    let ended = events.iter().filter(|e| matches!(e.kind, EventKind::FaultEnded { .. })).count();
    assert_eq!((begun, ended), (1, 1), "{fault}: every exit clears it");
    let asked = kept.inputs.iter().filter(|input| match input {
        Input::Bytes { frame, .. } => frame.topic.as_deref() == Some("pilot/goto"),
        _ => false,
    });
    let (passed, held, refused, malformed) = decisions(&kept);
    assert_eq!(asked.count(), passed + held + refused + malformed, "{fault}: every command is accounted for");
    kept
}

/// Commands passed, held to a limit, refused, and not understood.
fn decisions(kept: &Kept) -> (usize, usize, usize, usize) {
    let mut counts = (0, 0, 0, 0);
    for event in kept.events() {
        match event.kind {
            EventKind::CommandGated { decision: Decision::Pass, .. } => counts.0 += 1,
            EventKind::CommandGated { decision: Decision::Clamp { .. }, .. } => counts.1 += 1,
            EventKind::CommandGated { decision: Decision::Reject(_), .. } => counts.2 += 1,
            EventKind::CommandMalformed { .. } => counts.3 += 1,
            _ => {}
        }
    }
    counts
}

#[test]
fn motors_weak_and_a_little_slow_are_flown_and_worse_ones_break_a_rule() {
    judged("fault: motor, on: fc, index: 1, gain: 0.8, for: 3 s", RunVerdict::Pass, &[]);
    judged("fault: motor-slow, on: fc, lag: 50 ms, for: 6 s", RunVerdict::Pass, &[]);
    let tilt = ["rule `tilt` was broken"];
    judged("fault: motor-slow, on: fc, lag: 300 ms, for: 6 s", RunVerdict::Fail, &tilt);
    judged("fault: motor-reversed, on: fc, index: 1, for: 3 s", RunVerdict::Fail, &tilt);
    let ceiling = ["rule `ceiling` was broken"];
    judged("fault: motor-stuck, on: fc, index: 1, at: 95 %, for: 1 s", RunVerdict::Fail, &ceiling);
}

#[test]
fn lost_power_is_unknown_and_a_restart_is_noticed() {
    let unknown = ["a signal of rule `tilt` was unknown"];
    let back = [unknown[0], "device `fc` started anew"];
    judged("fault: power-off, on: fc, for: 500 ms", RunVerdict::Inconclusive, &back);
    judged("fault: watchdog-reset, on: fc", RunVerdict::Inconclusive, &unknown);
    judged("fault: brown-out, on: fc, to: 4.2 V", RunVerdict::Pass, &[]);
    let restart = ["a signal of rule `geofence` was unknown", "device `fc` started anew"];
    judged("fault: brown-out, on: fc, to: 3 V", RunVerdict::Inconclusive, &restart);
    judged("fault: boot-storm, on: fc, every: 500 ms, for: 3 s", RunVerdict::Inconclusive, &restart);
    let silent = ["controller `pilot` fell silent"];
    judged("fault: power-off, on: pilot, for: 3 s", RunVerdict::Inconclusive, &silent);
}

#[test]
fn a_position_within_the_fence_is_flown_after_and_one_beyond_it_trips() {
    judged("fault: gps-step, on: fc, by: 5 m, for: 5 s", RunVerdict::Pass, &[]);
    judged("fault: gps-step, on: fc, by: 20 m, for: 5 s", RunVerdict::Fail, &["rule `geofence` was broken"]);
    // Dragged under every gate: what the machine tells stays within the fence, and no rule over it can know.
    judged("fault: gps-drag, on: fc, speed: 0.5 m/s, for: 5 s", RunVerdict::Pass, &[]);
    judged("fault: gps-drag, on: fc, speed: 3 m/s, for: 5 s", RunVerdict::Fail, &["rule `geofence` was broken"]);
    judged("fault: gps-jam, on: fc, for: 5 s", RunVerdict::Pass, &[]);
}

#[test]
fn a_sensor_that_lies_is_believed_and_a_fault_that_no_twin_has_is_refused() {
    judged("fault: bias, on: fc.sensors.altitude, by: 1 m, for: 3 s", RunVerdict::Pass, &[]);
    judged("fault: freeze, on: fc.sensors.yaw, for: 1 s", RunVerdict::Pass, &[]);
    let ceiling = ["rule `ceiling` was broken"];
    judged("fault: bias, on: fc.sensors.altitude, by: 5 m, for: 3 s", RunVerdict::Fail, &ceiling);
    for (wrong, words) in [
        ("fault: bias, on: fc.sensors.height, by: 1 m", "no sensor field `height`"),
        ("fault: bias, on: fc.sensors.altitude, by: 1 deg", "is angle; wanted length"),
        ("fault: duplicate, on: fc.sensors.altitude, share: 10 %", "is a sensor of a twin"),
        ("fault: replay, on: fc, age: 1 s", "acts on what a controller is told"),
        ("fault: motor-stuck, on: fc, index: 5", "no motor 5"),
        ("fault: gps-jam, on: pilot", "no receiver"),
        ("fault: frozen, on: fc", "no controller"),
        ("fault: clock-date, on: fc, year: 1969", "a year from 1970"),
    ] {
        let text = FLIGHT.replace("FAULT", wrong);
        let request = Request { scenario: PATH.into(), rig: None, overrides: Vec::new(), seed: 7, mode: Mode::Sim };
        let told = checkrein::diag::report(&check(&request, &Flight(text)).expect_err(wrong), false);
        assert!(told.contains(words), "{wrong}: {told}");
    }
}

/// Goal: what a twin sends goes through the same faults as any stream. Method: on its way in, a little is made up for and too
/// much leaves signals unknown.
#[test]
fn what_comes_in_over_a_faulted_wire_is_made_up_for_or_unknown() {
    let kept = judged("fault: drop, on: telem, direction: in, share: 10 %, for: 3 s", RunVerdict::Pass, &[]);
    let seen = |kept: &Kept| kept.inputs.iter().filter(|i| matches!(i, Input::Bytes { .. })).count();
    assert!(seen(&kept) > 1000);
    let unknown = ["a signal of rule `tilt` was unknown"];
    let (_, kept, plan) = fly("fault: off, on: telem, direction: in, for: 1 s");
    assert_eq!(causes(&kept, &plan), unknown);
}

#[test]
fn a_clock_that_is_off_stops_nothing_but_what_looks_like_a_restart() {
    judged("fault: clock-step, on: fc, by: -1 s, for: 3 s", RunVerdict::Pass, &[]);
    judged("fault: clock-skew, on: fc, by: 100 ppm, for: 5 s", RunVerdict::Pass, &[]);
    judged("fault: clock-date, on: fc, year: 2039, for: 3 s", RunVerdict::Pass, &[]);
    let (_, kept, plan) = fly("fault: clock-step, on: fc, by: -8 s, for: 3 s");
    assert!(causes(&kept, &plan).iter().any(|why| why == "device `fc` started anew"), "{:?}", causes(&kept, &plan));
}

#[test]
fn a_controller_that_cannot_be_understood_is_no_controller() {
    let lost = ["rule `offboard-loss` was broken"];
    for fault in ["not-a-number", "unknown-commands"] {
        let kept = judged(&format!("fault: {fault}, on: pilot, for: 3 s"), RunVerdict::Fail, &lost);
        assert!(decisions(&kept).3 > 10, "{fault}: {:?}", decisions(&kept));
    }
}

#[test]
fn what_a_controller_asks_beyond_its_ranges_or_too_often_is_refused_and_nothing_else() {
    let kept = judged("fault: beyond-range, on: pilot, for: 3 s", RunVerdict::Pass, &[]);
    let beyond = |kind: &EventKind| match kind {
        EventKind::CommandGated { decision: Decision::Reject(why), .. } => matches!(why, Refusal::OutOfRange { .. }),
        _ => false,
    };
    assert_eq!(kept.events().iter().filter(|event| beyond(&event.kind)).count(), 75, "25 a second for 3 s");
    let kept = judged("fault: rate, on: pilot, times: 10, for: 3 s", RunVerdict::Pass, &[]);
    let (passed, _, refused, _) = decisions(&kept);
    assert!(refused > 3 * 190 && passed > 11 * 25, "250 a second are asked for, 50 may: {passed}, {refused}");
}

#[test]
fn a_controller_late_or_frozen_or_swinging_is_held_by_envelope_and_dead_man() {
    judged("fault: latency, on: pilot, by: 100 ms, for: 5 s", RunVerdict::Pass, &[]);
    let silent = ["controller `pilot` fell silent"];
    judged("fault: latency, on: pilot, by: 2 s, for: 6 s", RunVerdict::Inconclusive, &silent);
    judged("fault: frozen, on: pilot, for: 5 s", RunVerdict::Pass, &[]);
    judged("fault: stale-output, on: pilot, every: 500 ms, for: 5 s", RunVerdict::Pass, &[]);
    judged("fault: limit-cycle, on: pilot, frequency: 2 Hz, size: 1 m, for: 5 s", RunVerdict::Pass, &[]);
    judged("fault: confident-wrong, on: pilot, by: 5 m, for: 8 s", RunVerdict::Pass, &[]);
    judged("fault: confident-wrong, on: pilot, by: 9 m, for: 8 s", RunVerdict::Fail, &["rule `geofence` was broken"]);
}

/// Goal: what ships fails or passes for the reason that its `about` tells.
#[test]
fn the_shipped_scenarios_of_twin_faults_end_as_they_say() {
    for (name, verdict, why) in [
        ("position-dragged", RunVerdict::Fail, Some("rule `geofence` was broken")),
        ("confident-wrong", RunVerdict::Fail, Some("rule `geofence` was broken")),
        ("flooding-pilot", RunVerdict::Pass, None),
        ("brown-out", RunVerdict::Pass, None),
    ] {
        for seed in 1..4 {
            let plan = common::plan(&format!("scenarios/drone-bench/{name}.yaml"), seed);
            let (outcome, kept) = run(&plan, &Options::default());
            assert_eq!(outcome.verdict, verdict, "{name}, seed {seed}: {:?}", causes(&kept, &plan));
            assert_eq!(causes(&kept, &plan).first().map(String::as_str), why, "{name}, seed {seed}");
        }
    }
}
