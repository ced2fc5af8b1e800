//! The verdict: only evidence makes a pass.

use super::core::Core;
use super::event::{EventKind, Outcome, RunVerdict, StepOutcome};
use super::evidence::LateReactions;
use super::reacting::LadderStanding;
use super::{Effect, Effects};
use crate::guard::Cause;
use crate::scenario::plan::{Mode, StepId};
use crate::stl::{Change, Judgement, RuleVerdict, Truth};

/// Why a run could not be brought up, or was stopped by a person before it was armed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum NeverArmed {
    Blocked(String),
    Stopped,
}

/// Reasons found for each verdict but pass.
#[derive(Default)]
struct Reasons {
    fail: Vec<String>,
    aborted: Vec<String>,
    inconclusive: Vec<String>,
}

impl Core {
    /// Judges the run and ends it.
    pub(super) fn conclude(&mut self, never_armed: Option<&NeverArmed>, out: &mut Effects) {
        self.margins(out);
        for place in 0..self.links.len() {
            let link = crate::wire::LinkId(place as u16);
            self.say_trouble(link, true, out);
            self.say_lapsed(link, true, out);
        }
        for word in self.judging.lateness.rest() {
            self.emit(word, out);
        }
        let mut told = Vec::new();
        let judgements = match self.judging.take_rules() {
            Some(engine) => engine.finish_telling(self.now, &mut Vec::new(), &mut told),
            None => Vec::new(),
        };
        // The rest of what the end tells stands in the judgements.
        for change in told {
            if let Change::Merged { rule, .. } = change {
                self.emit(EventKind::RuleMerged { rule }, out);
            }
        }
        for judgement in &judgements {
            self.emit(EventKind::RuleJudged { judgement: judgement.clone() }, out);
        }
        let late = self.judge_trips(out);
        let outcome = self.outcome(never_armed, &judgements, late);
        self.emit(EventKind::Finished { outcome: outcome.clone() }, out);
        out.list.push(Effect::Finish(outcome));
    }

    fn outcome(&self, never_armed: Option<&NeverArmed>, judgements: &[Judgement], late: LateReactions) -> Outcome {
        let mut reasons = Reasons::default();
        self.machine_reasons(never_armed.is_some(), &mut reasons);
        match never_armed {
            Some(NeverArmed::Blocked(why)) => {
                let mut all = vec![why.clone()];
                all.append(&mut reasons.fail);
                all.append(&mut reasons.inconclusive);
                return Outcome { verdict: RunVerdict::Blocked, reasons: all };
            }
            Some(NeverArmed::Stopped) => reasons.aborted.push("a person stopped it before it was armed".to_owned()),
            None => {
                self.rule_reasons(judgements, &mut reasons);
                reasons.fail.extend(late.to_rules);
                self.step_reasons(&mut reasons);
                self.trip_reasons(&mut reasons);
                reasons.inconclusive.extend(late.to_others);
                self.hand_reasons(&mut reasons);
                reasons.inconclusive.extend(self.unseen_faults.iter().cloned());
                if self.nothing_judged(judgements) {
                    reasons
                        .inconclusive
                        .push("nothing was judged: no rule was tested and no expect was met".to_owned());
                }
            }
        }
        let Reasons { mut fail, mut aborted, mut inconclusive } = reasons;
        if !fail.is_empty() {
            fail.append(&mut aborted);
            fail.append(&mut inconclusive);
            Outcome { verdict: RunVerdict::Fail, reasons: fail }
        } else if !aborted.is_empty() {
            aborted.append(&mut inconclusive);
            Outcome { verdict: RunVerdict::Aborted, reasons: aborted }
        } else if !inconclusive.is_empty() {
            Outcome { verdict: RunVerdict::Inconclusive, reasons: inconclusive }
        } else {
            let tested = judgements.iter().filter(|j| j.verdict == RuleVerdict::Pass).count();
            let met = self.expects_met;
            let rules = if tested == 1 { "rule" } else { "rules" };
            let expectations = if met == 1 { "expectation was" } else { "expectations were" };
            let met = if met == 0 { String::new() } else { format!(" {met} {expectations} met,") };
            let evidence = format!("{tested} {rules} held,{met} every device is confirmed safe");
            Outcome { verdict: RunVerdict::Pass, reasons: vec![evidence] }
        }
    }

    /// What speaks of the machine and the harness, armed or not.
    fn machine_reasons(&self, never_armed: bool, reasons: &mut Reasons) {
        for (place, ladder) in self.plan.ladders.iter().enumerate() {
            let name = &self.plan.rig.devices[ladder.device.0 as usize].name;
            let standing = self.reacting.ladders[place].standing;
            if standing == LadderStanding::Alarm {
                let why = format!("device {name} was not confirmed safe by the last rung of its ladder: look at it");
                match self.safe_truth(place) {
                    Truth::False => reasons.fail.push(why),
                    _ => reasons.inconclusive.push(why),
                }
            } else if self.reacting.ladders[place].alarmed {
                reasons.inconclusive.push(format!("device {name} was confirmed safe only after the alarm: look at it"));
            } else if !never_armed && self.plan.mode != Mode::Observe && self.safe_truth(place) != Truth::True {
                reasons.inconclusive.push(format!("device {name} is not proven safe at the end"));
            }
        }
        if let Some(why) = &self.recorder_trouble {
            reasons.inconclusive.push(format!("the recording is not whole: {why}"));
        }
    }

    fn rule_reasons(&self, judgements: &[Judgement], reasons: &mut Reasons) {
        for judgement in judgements {
            let rule = &self.plan.rules[judgement.rule.0 as usize];
            match judgement.verdict {
                RuleVerdict::Fail => {
                    let at = judgement.violated_at.map_or(String::new(), |at| format!(" at {at}"));
                    reasons.fail.push(format!("rule {} was broken{at}: {}", rule.name, rule.text));
                }
                RuleVerdict::Inconclusive => {
                    reasons
                        .inconclusive
                        .push(format!("rule {} could not be judged throughout: data missing", rule.name));
                }
                RuleVerdict::Untested if self.plan.exercises.contains(&judgement.rule) => {
                    reasons
                        .inconclusive
                        .push(format!("rule {} was to be exercised but its `when` never held", rule.name));
                }
                RuleVerdict::Pass | RuleVerdict::Untested => {}
            }
        }
    }

    fn step_reasons(&self, reasons: &mut Reasons) {
        let title = |step: &StepId| {
            let title = &self.plan.titles[step.0 as usize];
            format!("{} (line {})", title.title, title.line)
        };
        for (step, outcome) in &self.step_troubles {
            match outcome {
                StepOutcome::Failed(why) => reasons.fail.push(format!("step {}: {why}", title(step))),
                StepOutcome::Inconclusive(why) => reasons.inconclusive.push(format!("step {}: {why}", title(step))),
                StepOutcome::Aborted(why) => reasons.aborted.push(format!("step {}: {why}", title(step))),
                StepOutcome::Done | StepOutcome::Skipped(_) => {}
            }
        }
    }

    fn trip_reasons(&self, reasons: &mut Reasons) {
        for trip in self.reacting.trips.iter().filter(|trip| trip.acted) {
            match trip.cause {
                // What a hand stopped is said with what came of it.
                Cause::Finish | Cause::Rule(_) | Cause::EmergencyStop | Cause::Released => {}
                Cause::Operator | Cause::OperatorAgain => reasons.aborted.push("a person stopped it".to_owned()),
                cause => reasons.inconclusive.push(format!("the guard tripped: {}", self.plan.cause_in_words(cause))),
            }
        }
    }

    /// What a person's hand stopped. Motion that did not end in time is a failure of the machine, however the run went.
    fn hand_reasons(&self, reasons: &mut Reasons) {
        match self.stops.released {
            Some(false) => reasons.aborted.push("the hold-to-run key was let go".to_owned()),
            Some(true) => {
                reasons.inconclusive.push("nobody knew any more whether the hold-to-run key was held".to_owned());
            }
            None => {}
        }
        let Some(press) = &self.stops.press else { return };
        let within = press.within;
        match (press.ended, press.overdue) {
            (Some(after), None) => {
                let ended = format!("motion ended {after} later, {within} are allowed");
                if press.unknown {
                    reasons.inconclusive.push(format!("nobody knew any more whether the e-stop was pressed; {ended}"));
                } else {
                    reasons.aborted.push(format!("the e-stop was pressed; {ended}"));
                }
            }
            (ended, Some(false)) => {
                let took = ended.map_or("it was never seen to end".to_owned(), |after| format!("it took {after}"));
                reasons.fail.push(format!("motion did not end within {within} of the e-stop: {took}"));
            }
            (ended, Some(true)) => {
                let seen = ended.map_or(String::new(), |after| format!("; it was seen to have ended after {after}"));
                reasons.inconclusive.push(format!(
                    "the e-stop was pressed or unknown, and nobody saw whether motion ended within {within}{seen}"
                ));
            }
            (None, None) => reasons.inconclusive.push("the run ended before motion after the e-stop did".to_owned()),
        }
        if press.began_again {
            reasons.fail.push("motion began again after the e-stop".to_owned());
        }
    }

    fn safe_truth(&self, place: usize) -> Truth {
        self.truth(self.reacting.ladders[place].safe)
    }

    fn nothing_judged(&self, judgements: &[Judgement]) -> bool {
        let some_rule = judgements.iter().any(|j| matches!(j.verdict, RuleVerdict::Pass | RuleVerdict::Fail));
        !some_rule && self.expects_met == 0
    }
}
