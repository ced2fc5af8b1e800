use super::*;
use crate::guard::{Cause, LadderId, RungId};
use crate::log::fixture::{self, ms};
use crate::log::{Entry, Loss};
use crate::run::event::{Event, EventKind, Outcome, RunVerdict, StepOutcome};
use crate::scenario::plan::Plan;
use crate::scenario::plan::StepId;
use crate::stl::{Judgement, Margin, RuleVerdict};
use crate::time::Span;
use crate::trace::Trace;
use crate::wire::{DeviceId, LinkId};

fn subject<'a>(plan: &'a Plan, trace: &'a Trace) -> Subject<'a> {
    Subject {
        plan,
        trace,
        run: "runs/2026-11-22T120000-delayed-feed",
        recording_sha256: "3f1a09c2d4e5f60718293a4b5c6d7e8f",
        tool: "0.1.0",
        wall_clock_unix_nanos: fixture::WALL_CLOCK,
    }
}

fn flight() -> (Plan, Trace) {
    let (plan, recording) = fixture::recorded_flight();
    let trace = Trace::new(&plan, &recording);
    (plan, trace)
}

/// A run told by its events alone.
fn told(events: Vec<(i64, EventKind)>, loss: Option<Loss>) -> (Plan, Trace) {
    let plan = fixture::plan();
    let entries: Vec<Entry> = events.into_iter().map(|(at, kind)| Entry::Event(Event { at: ms(at), kind })).collect();
    let trace = Trace::of_entries(&plan, &entries, loss);
    (plan, trace)
}

fn judged(rule: crate::command::RuleId, verdict: RuleVerdict, lo: f64, hi: f64) -> (i64, EventKind) {
    let judgement = Judgement { rule, verdict, margin: Margin { lo, hi }, worst_at: None, violated_at: None };
    (9_000, EventKind::RuleJudged { judgement })
}

fn finished(verdict: RunVerdict, reason: &str) -> (i64, EventKind) {
    (9_000, EventKind::Finished { outcome: Outcome { verdict, reasons: vec![reason.into()] } })
}

#[test]
fn summary_of_a_flight_that_broke_the_ceiling() {
    let (plan, trace) = flight();
    insta::assert_snapshot!(summary(&subject(&plan, &trace)));
}

#[test]
fn summary_of_a_pass() {
    let ladder = LadderId(0);
    let (plan, trace) = told(
        vec![
            (0, EventKind::Armed),
            (8_000, EventKind::Tripped { cause: Cause::Finish }),
            (8_000, EventKind::RungIssued { ladder, rung: RungId(0) }),
            (8_500, EventKind::DeviceSafe { ladder }),
            judged(fixture::CEILING, RuleVerdict::Pass, 2.9, 2.9),
            judged(fixture::TILT, RuleVerdict::Pass, 0.8, 0.8),
            judged(fixture::OFFBOARD, RuleVerdict::Pass, f64::INFINITY, f64::INFINITY),
            judged(fixture::HOLDS, RuleVerdict::Untested, f64::INFINITY, f64::INFINITY),
            finished(RunVerdict::Pass, "3 rules held, fc is safe"),
        ],
        None,
    );
    insta::assert_snapshot!(summary(&subject(&plan, &trace)));
}

#[test]
fn summary_of_an_alarm_after_lost_data() {
    let ladder = LadderId(0);
    let link = LinkId(0);
    let (plan, trace) = told(
        vec![
            (0, EventKind::Armed),
            (100, EventKind::StepStarted { step: StepId(2) }),
            (1_000, EventKind::LinkLost { link, why: "unplugged".into() }),
            (1_000, EventKind::Tripped { cause: Cause::LinkLost(link) }),
            (1_000, EventKind::RungIssued { ladder, rung: RungId(0) }),
            (
                1_000,
                EventKind::StepEnded {
                    step: StepId(2),
                    outcome: StepOutcome::Inconclusive("the altitude is unknown".into()),
                },
            ),
            (
                1_200,
                EventKind::WireTrouble {
                    link,
                    noise_bytes: 12,
                    corrupt_frames: 1,
                    foreign_frames: 0,
                    lost_messages: 3,
                },
            ),
            (2_000, EventKind::RungSkipped { ladder, rung: RungId(1) }),
            (3_000, EventKind::Alarm { ladder }),
            judged(fixture::CEILING, RuleVerdict::Inconclusive, f64::NEG_INFINITY, 3.0),
            judged(fixture::TILT, RuleVerdict::Inconclusive, -0.2, 0.4),
            judged(fixture::OFFBOARD, RuleVerdict::Untested, f64::INFINITY, f64::INFINITY),
            finished(RunVerdict::Inconclusive, "link `telem` was lost at 1.000 s"),
        ],
        Some(Loss { whole_until: ms(9_000), bytes: 120, why: "it was cut".into() }),
    );
    insta::assert_snapshot!(summary(&subject(&plan, &trace)));
}

#[test]
fn summary_of_a_late_reaction_and_of_no_verdict() {
    let (ladder, rung) = (LadderId(0), RungId(0));
    let rule = fixture::CEILING;
    let (plan, trace) = told(
        vec![
            (0, EventKind::Armed),
            (500, EventKind::RuleViolated { rule, instant: ms(480) }),
            (500, EventKind::Tripped { cause: Cause::Rule(rule) }),
            (500, EventKind::RungIssued { ladder, rung }),
            (640, EventKind::RungSent { ladder, rung, reaction: Some(Span::from_millis(140)) }),
        ],
        None,
    );
    let text = summary(&subject(&plan, &trace));
    assert!(text.starts_with("NO VERDICT  Hover through a delayed feed on drone-bench (0.640 s)\n"), "{text}");
    assert!(text.contains("fc: fc.land (category 1) first byte after 140 ms (LATE: 100 ms allowed)"), "{text}");
    let verdict = verdict(&subject(&plan, &trace));
    assert_eq!(verdict.verdict, None);
    assert_eq!(verdict.rules[0].violated_at_s, Some(0.48));
    assert_eq!(verdict.rules[0].known_at_s, Some(0.5));
    assert_eq!(verdict.rules[0].safe_after_s, None, "it was never shown to be safe");
}

#[test]
fn verdict_json_of_the_flight() {
    let (plan, trace) = flight();
    insta::assert_snapshot!(verdict(&subject(&plan, &trace)).json());
}

#[test]
fn quality_json_of_the_flight() {
    let (plan, trace) = flight();
    insta::assert_snapshot!(quality(&plan, &trace).json());
}

#[test]
fn junit_xml_of_the_flight() {
    let (plan, trace) = flight();
    insta::assert_snapshot!(junit(&subject(&plan, &trace)));
}

#[test]
fn junit_says_error_for_what_is_inconclusive_and_stays_xml_whatever_a_device_says() {
    let (plan, trace) = told(
        vec![
            (0, EventKind::StepStarted { step: StepId(0) }),
            (
                5,
                EventKind::StepEnded {
                    step: StepId(0),
                    outcome: StepOutcome::Failed("refused: \u{1}\u{1b}[31m<&>\"'\u{fffe}".into()),
                },
            ),
            judged(fixture::TILT, RuleVerdict::Inconclusive, f64::NEG_INFINITY, f64::INFINITY),
            finished(RunVerdict::Inconclusive, "data missing"),
        ],
        None,
    );
    let text = junit(&subject(&plan, &trace));
    let tree = roxmltree::Document::parse(&text).unwrap();
    let case = |name: &str| tree.descendants().find(|n| n.attribute("name").is_some_and(|a| a == name)).unwrap();
    let has = |name: &str, tag: &str| case(name).children().any(|n| n.has_tag_name(tag));
    assert!(has("tilt", "error"));
    assert!(has("verdict", "error"));
    assert!(has("do fc.arm (line 10)", "failure"));
}

#[test]
fn infinite_and_unknown_margins_are_absent_in_json() {
    let (plan, trace) = told(
        vec![
            judged(fixture::CEILING, RuleVerdict::Pass, f64::INFINITY, f64::INFINITY),
            judged(fixture::TILT, RuleVerdict::Inconclusive, f64::NEG_INFINITY, f64::INFINITY),
        ],
        None,
    );
    let value: serde_json::Value = serde_json::from_str(&verdict(&subject(&plan, &trace)).json()).unwrap();
    assert_eq!(value["rules"][0]["margin"]["lo"], serde_json::Value::Null);
    assert_eq!(value["rules"][0]["margin"]["text"], "held");
    assert_eq!(value["rules"][1]["margin"]["text"], "unknown");
}

#[test]
fn every_cause_is_said_with_names() {
    let plan = fixture::plan();
    for (cause, said) in [
        (Cause::Finish, "the run was over"),
        (Cause::Unknown(fixture::TILT), "a signal of rule `tilt` was unknown"),
        (Cause::Silence(fixture::PILOT), "controller `pilot` fell silent"),
        (Cause::Restart(fixture::FC), "device `fc` started anew"),
        (Cause::WrongIdentity(DeviceId(9)), "device `9` turned out to be another one"),
        (Cause::LinkLost(LinkId(1)), "link `local` was lost"),
        (Cause::Recorder, "the recorder could not keep up or could not write"),
        (Cause::Stall, "the harness itself stood still, or could not keep up with what arrived"),
        (Cause::Watchdog(LinkId(0)), "the watchdog of link `telem` fired or died"),
        (Cause::FallbackLost(DeviceId(1)), "the fallback of controller `pilot` could not go on"),
        (Cause::Released, "the hold-to-run key was let go, or nobody knows whether it is held"),
        (Cause::Rule(fixture::CEILING), "rule `ceiling` was broken"),
        (Cause::EmergencyStop, "the e-stop was pressed, or nobody knows whether it is"),
        (Cause::Operator, "a person said stop"),
        (Cause::OperatorAgain, "a person said stop twice"),
    ] {
        assert_eq!(crate::trace::words::cause(&plan, cause), said);
    }
}
