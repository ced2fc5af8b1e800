//! `junit.xml`: rules and requirements as test cases, for whatever runs the tests.

use super::Subject;
use super::verdict::{RuleReport, StepVerdict, Verdict, outcome_words, verdict};
use crate::scenario::plan::{Step, StepId, StepKind};
use crate::trace::StepRun;
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

/// JUnit XML: a failed rule is a failure, an inconclusive one an error, an untested one is skipped; margins are properties.
pub fn junit(subject: &Subject<'_>) -> String {
    let verdict = verdict(subject);
    let mut report = Report::new(subject.plan.name.as_str());
    report.set_time(duration(verdict.duration_s));
    report.add_test_suite(rules(&verdict));
    report.add_test_suite(steps(subject, &verdict));
    report.add_test_suite(run(&verdict));
    let text = report.to_string().expect("names and texts are cleaned of control characters");
    // The writer lets these two through, and XML has no way to hold them.
    text.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default()
}

fn bad(kind: NonSuccessKind, message: String, what: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(message).set_type(what);
    status
}

fn skipped(message: String) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(message);
    status
}

fn rules(verdict: &Verdict) -> TestSuite {
    let mut suite = TestSuite::new("rules");
    for rule in &verdict.rules {
        let status = match rule.verdict {
            Some("pass") => TestCaseStatus::success(),
            Some("fail") => bad(NonSuccessKind::Failure, failure_words(rule), "fail"),
            Some("untested") => skipped(match &rule.when {
                Some(when) => format!("untested: `{when}` never held"),
                None => "untested".into(),
            }),
            _ => bad(NonSuccessKind::Error, "data missing".into(), "inconclusive"),
        };
        let mut case = TestCase::new(rule.rule.as_str(), status);
        case.set_classname(format!("{}.{}", verdict.rig, rule.origin));
        case.add_property(Property::new("rule", rule.text.as_str()));
        case.add_property(Property::new("margin", rule.margin.text.as_str()));
        for (name, value) in [
            ("margin.lo", rule.margin.lo),
            ("margin.hi", rule.margin.hi),
            ("worst_at_s", rule.worst_at_s),
            ("reaction_s", rule.reaction_s),
            ("react_within_s", rule.react_within_s),
        ] {
            if let Some(value) = value {
                case.add_property(Property::new(name, value.to_string()));
            }
        }
        if !rule.margin.unit.is_empty() {
            case.add_property(Property::new("margin.unit", rule.margin.unit.as_str()));
        }
        suite.add_test_case(case);
    }
    suite
}

fn failure_words(rule: &RuleReport) -> String {
    let at = rule.violated_at_s.map_or_else(String::new, |at| format!(" at {at:.3} s"));
    format!("broken{at}, margin {}: {}", rule.margin.text, rule.text)
}

/// Requirements and preconditions; other steps only when they did not go well.
fn steps(subject: &Subject<'_>, verdict: &Verdict) -> TestSuite {
    let mut demands = Vec::new();
    find_demands(&subject.plan.steps, &mut demands);
    find_demands(&subject.plan.finally, &mut demands);
    let mut suite = TestSuite::new("steps");
    for (run, step) in subject.trace.steps.iter().zip(&verdict.steps) {
        let went_well = matches!(step.outcome, Some("done" | "skipped"));
        if demands.contains(&run.step) || !went_well {
            suite.add_test_case(step_case(verdict, run, step));
        }
    }
    suite
}

fn step_case(verdict: &Verdict, run: &StepRun, step: &StepVerdict) -> TestCase {
    let why = |run: &StepRun| match run.outcome.as_ref().map(outcome_words) {
        Some((_, Some(why))) => why.to_string(),
        Some((word, None)) => word.to_string(),
        None => "the recording ends before it was over".into(),
    };
    let status = match step.outcome {
        Some("done") => TestCaseStatus::success(),
        Some("failed") => bad(NonSuccessKind::Failure, why(run), "fail"),
        Some("skipped") => skipped(why(run)),
        Some("aborted") => bad(NonSuccessKind::Error, why(run), "aborted"),
        _ => bad(NonSuccessKind::Error, why(run), "inconclusive"),
    };
    let mut case = TestCase::new(format!("{} (line {})", step.title, step.line), status);
    case.set_classname(format!("{}.steps", verdict.rig));
    case.set_time(duration(run.stretch.span().seconds()));
    case
}

fn find_demands(steps: &[Step], demands: &mut Vec<StepId>) {
    for step in steps {
        match &step.kind {
            StepKind::Expect { .. } | StepKind::Wait { .. } | StepKind::Rung { .. } | StepKind::Mute { .. } => {
                demands.push(step.id);
            }
            StepKind::Phase { steps, .. } | StepKind::Repeat { steps, .. } | StepKind::When { steps, .. } => {
                find_demands(steps, demands);
            }
            StepKind::Parallel { lanes } => lanes.iter().for_each(|lane| find_demands(lane, demands)),
            StepKind::Do { .. } | StepKind::Hold { .. } | StepKind::Inject { .. } | StepKind::Prompt { .. } => {}
        }
    }
}

/// The verdict as a whole, so that a run that judged nothing wrong and yet did not pass is red.
fn run(verdict: &Verdict) -> TestSuite {
    let reasons = verdict.reasons.join("; ");
    let status = match verdict.verdict {
        Some("pass") => TestCaseStatus::success(),
        Some("fail") => bad(NonSuccessKind::Failure, reasons, "fail"),
        Some(word) => bad(NonSuccessKind::Error, reasons, word),
        None => bad(NonSuccessKind::Error, reasons, "no verdict"),
    };
    let mut case = TestCase::new("verdict", status);
    case.set_classname(format!("{}.run", verdict.rig));
    case.set_time(duration(verdict.duration_s));
    let mut suite = TestSuite::new("run");
    for (name, value) in
        [("run", verdict.run.clone()), ("tool", verdict.tool.clone()), ("seed", verdict.seed.to_string())]
    {
        suite.add_property(Property::new(name, value));
    }
    suite.add_test_case(case);
    suite
}
