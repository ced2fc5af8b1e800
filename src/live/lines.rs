//! Events in words, one line each: the plain view, and what scrolls above the status on a terminal.

use crate::guard::Decision;
use crate::run::TestedWire;
use crate::run::event::{EventKind, Motion, StepOutcome};
use crate::scenario::plan::{Plan, StepId};
use crate::stl::Margin;
use crate::trace::words;

/// How much an event matters to the person watching.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Weight {
    /// Margins, gated commands: for the status, not for the list.
    Quiet,
    /// Steps and states.
    Plain,
    /// Something is not as it should be.
    Warning,
    /// The guard acts.
    Alarm,
}

/// How much the event matters.
pub fn weight(kind: &EventKind) -> Weight {
    match kind {
        EventKind::RuleMargin { .. }
        | EventKind::CommandGated { decision: Decision::Pass, .. }
        | EventKind::CommandGiven { .. }
        | EventKind::CommandAcked { .. }
        | EventKind::RuleTested { .. }
        | EventKind::RuleJudged { .. }
        | EventKind::TripOpened { .. }
        | EventKind::RungWritten { .. } => Weight::Quiet,
        // Before arming and after a trip every proposal is rejected: the state says so already.
        // So it is while a fallback or a person has the machine.
        EventKind::CommandGated {
            decision: Decision::Reject(crate::guard::Refusal::Closed | crate::guard::Refusal::Outranked),
            ..
        } => Weight::Quiet,
        EventKind::CommandGated { .. }
        | EventKind::CommandMalformed { .. }
        | EventKind::CommandRefused { .. }
        | EventKind::CommandUnanswered { .. }
        | EventKind::WireTrouble { .. }
        | EventKind::LinkLost { .. }
        | EventKind::Restarted { .. }
        | EventKind::WrongIdentity { .. }
        | EventKind::RuleBlind { unknown: true, .. }
        | EventKind::RuleLate { .. }
        | EventKind::RuleMerged { .. }
        | EventKind::DeviceUnsafe { .. }
        | EventKind::Operator { .. }
        | EventKind::AuthorityChanged { .. }
        | EventKind::FallbackEngaged { .. }
        | EventKind::FallbackOver { .. }
        | EventKind::RungRehearsed { safe: None, .. }
        | EventKind::DeadManRehearsed { safe: None, .. }
        | EventKind::Reset { .. }
        | EventKind::Blocked { .. } => Weight::Warning,
        EventKind::Tripped { .. }
        | EventKind::RuleViolated { .. }
        | EventKind::RungIssued { .. }
        | EventKind::RungSkipped { .. }
        | EventKind::RungSent { .. }
        | EventKind::Alarm { .. }
        | EventKind::TripJudged { late: true, .. }
        | EventKind::EmergencyStop { .. }
        | EventKind::Motion { .. }
        | EventKind::Released { .. }
        | EventKind::SelfTested { enough: false, .. }
        | EventKind::RecorderTrouble { .. } => Weight::Alarm,
        EventKind::StepEnded { outcome, .. } => match outcome {
            StepOutcome::Done | StepOutcome::Skipped(_) => Weight::Plain,
            _ => Weight::Warning,
        },
        _ => Weight::Plain,
    }
}

/// The event in words, for people; `None` for what only the status shows.
pub fn describe(plan: &Plan, kind: &EventKind) -> Option<String> {
    let link = |l: &crate::wire::LinkId| words::link(plan, *l);
    let device = |d: &crate::wire::DeviceId| words::device(plan, *d);
    let rule = |r: &crate::command::RuleId| words::rule(plan, *r);
    let signal = |s: &crate::signal::SignalId| plan.rig.signals.def(*s).name.as_str();
    let ladder_device = |l: &crate::guard::LadderId| words::ladder(plan, *l);
    let rung = |l: &crate::guard::LadderId, r: &crate::guard::RungId| words::rung(plan, *l, *r);
    Some(match kind {
        EventKind::LinkUp { link: l } => format!("link {} is up", link(l)),
        EventKind::LinkLost { link: l, why } => format!("link {} is lost: {why}", link(l)),
        EventKind::WireTrouble { link: l, noise_bytes, corrupt_frames, foreign_frames, lost_messages } => format!(
            "link {}: {noise_bytes} bytes of noise, {corrupt_frames} corrupt and {foreign_frames} foreign frames, {lost_messages} messages lost so far",
            link(l)
        ),
        EventKind::Identified { device: d } => format!("device {} is the one the rig names", device(d)),
        EventKind::WrongIdentity { device: d, fact, found, wanted } => {
            format!("device {} is another one: {fact} is {found}, the rig wants {wanted}", device(d))
        }
        EventKind::Restarted { device: d } => format!("device {} started anew", device(d)),
        EventKind::Firmware { device: d, version } => format!("{} runs firmware {version}", device(d)),
        EventKind::DeviceClock { .. } | EventKind::RoundTrip { .. } => return None,
        EventKind::DeviceText { device: d, text, .. } => format!("{} says: {text}", device(d)),
        EventKind::Armed => "armed: the envelope watches".to_owned(),
        EventKind::Blocked { why } => format!("blocked: {why}"),
        EventKind::StepStarted { step } => format!("> {}", step_title(plan, *step)),
        EventKind::StepEnded { step, outcome } => {
            let title = step_title(plan, *step);
            match outcome {
                StepOutcome::Done => format!("ok {title}"),
                StepOutcome::Failed(why) => format!("FAILED {title}: {why}"),
                StepOutcome::Inconclusive(why) => format!("inconclusive {title}: {why}"),
                StepOutcome::Aborted(why) => format!("aborted {title}: {why}"),
                StepOutcome::Skipped(why) => format!("skipped {title}: {why}"),
            }
        }
        EventKind::Phase { phase } => match phase {
            Some(p) => format!("phase {}", plan.phases[*p as usize]),
            None => return None,
        },
        EventKind::PromptAsked { text, .. } => format!("? {text}"),
        EventKind::PromptAnswered { yes, .. } => format!("answered {}", if *yes { "yes" } else { "no" }),
        EventKind::FaultStarted { fault, on } => format!("fault {fault} on {on} begins"),
        EventKind::FaultEnded { fault, on } => format!("fault {fault} on {on} ends"),
        EventKind::FaultSeen { fault, on, items, altered, visible } => match (visible, items) {
            (true, 0) => format!("fault {fault} on {on} was visible"),
            (true, _) => format!("fault {fault} on {on} was visible: {altered} of {items} came out otherwise"),
            (false, _) => format!("fault {fault} on {on} WAS NOT VISIBLE: {altered} of {items} came out otherwise"),
        },
        EventKind::CommandAsked { .. } => return None,
        EventKind::CommandGiven { .. } | EventKind::CommandAcked { .. } => return None,
        EventKind::CommandRefused { reason, .. } => format!("the device refused: {reason}"),
        EventKind::CommandUnanswered { .. } => "the device did not acknowledge".to_owned(),
        EventKind::CommandGated { device: d, command, decision, enforced, .. } => {
            let said = words::decision(plan, command, *decision)?;
            let would = if *enforced { "" } else { " (observed only: it went out as asked)" };
            format!("guard: {} {said}{would}", device(d))
        }
        EventKind::FallbackEngaged { controller, why } => {
            format!("FALLBACK takes over from {}: {}", device(controller), words::fallback_why(*why))
        }
        EventKind::FallbackOver { controller, handed_back: true } => {
            format!("fallback hands back to {}", device(controller))
        }
        EventKind::FallbackOver { controller, handed_back: false } => {
            format!("fallback of {} lets go: a trip or a person has the machine", device(controller))
        }
        EventKind::AuthorityChanged { holder } => words::holder(*holder).to_owned(),
        EventKind::CommandMalformed { device: d, why } => format!("{} said something unusable: {why}", device(d)),
        EventKind::RuleTested { .. } | EventKind::RuleJudged { .. } | EventKind::RuleMargin { .. } => return None,
        EventKind::RuleViolated { rule: r, instant } => {
            format!("rule {} is broken since {instant}: {}", rule(r), plan.rules[r.0 as usize].text)
        }
        EventKind::RuleEpisode { rule: r, broken, instant } => {
            let what = if *broken { "is broken from" } else { "holds again from" };
            format!("rule {} {what} {instant}", rule(r))
        }
        EventKind::RuleBlind { rule: r, signal: s, unknown } => {
            if *unknown {
                format!("signal {} of rule {} is unknown", signal(s), rule(r))
            } else {
                format!("signal {} of rule {} is known again", signal(s), rule(r))
            }
        }
        EventKind::RuleLate { rule: r, signal: s, count, behind } => {
            let samples = if *count == 1 { "1 sample".to_owned() } else { format!("{count} samples") };
            format!(
                "{samples} of {} came too late for rule {}, up to {} behind what was judged: they count from then on",
                signal(s),
                rule(r),
                words::span(*behind)
            )
        }
        EventKind::RuleMerged { rule: r } => format!(
            "signals of rule {} come faster than the rig declares: its margins may come out wider than they were",
            rule(r)
        ),
        EventKind::Tripped { cause } => format!("TRIP: {}", words::cause(plan, *cause)),
        EventKind::RungIssued { ladder, rung: r } => {
            format!("ladder of {}: {}", ladder_device(ladder), rung(ladder, r))
        }
        EventKind::RungSkipped { ladder, rung: r } => {
            format!("ladder of {}: {} passed over, its `when` does not hold", ladder_device(ladder), rung(ladder, r))
        }
        EventKind::RungSent { reaction, .. } => match reaction {
            Some(span) => format!("first safe byte left {} after the cause could be known", milliseconds(*span)),
            None => return None,
        },
        // Said in other words by the events beside them.
        EventKind::TripOpened { .. } | EventKind::RungWritten { .. } | EventKind::TripJudged { late: false, .. } => {
            return None;
        }
        EventKind::SelfTested { wire, p50, p99, max, allowed, .. } => {
            let what = match wire {
                TestedWire::Loop => "the loop".to_owned(),
                TestedWire::Broker(l) => format!("the broker of link {}", link(l)),
            };
            let allowed = allowed.map_or(String::new(), |allowed| format!("; a rule allows {allowed}"));
            let [p50, p99, max] = [p50, p99, max].map(|span| milliseconds(*span));
            format!("self-test: {what} answers in {p50} (99 % in {p99}, at worst {max}){allowed}")
        }
        EventKind::RungAcked { ladder, rung: r, by, after } => format!(
            "{} heard {}: {} {} after its first byte",
            ladder_device(ladder),
            rung(ladder, r),
            words::acked_by(plan, by),
            milliseconds(*after)
        ),
        EventKind::TripJudged { reaction, react_within, safe_after, safe_within, .. } => {
            let part = |what: &str, took: &Option<crate::time::Span>, allowed: &Option<crate::time::Span>| {
                let took = took.map_or("never".to_owned(), words::span);
                allowed.map(|allowed| format!("{what} {took} of {} allowed", words::span(allowed)))
            };
            let parts: Vec<String> =
                [part("first safe byte after", reaction, react_within), part("safe after", safe_after, safe_within)]
                    .into_iter()
                    .flatten()
                    .collect();
            format!("LATE: {}", parts.join(", "))
        }
        EventKind::DeviceSafe { ladder } => format!("device {} is confirmed safe", ladder_device(ladder)),
        EventKind::DeviceUnsafe { ladder } => format!("device {} is not safe any more", ladder_device(ladder)),
        EventKind::Alarm { ladder } => format!(
            "ALARM: device {} was not confirmed safe by its last rung. Look at it; use the e-stop",
            ladder_device(ladder)
        ),
        EventKind::Operator { again } => {
            if *again { "stop again: straight to the last rung" } else { "stop: a person asked for it" }.to_owned()
        }
        EventKind::RecorderTrouble { why } => format!("recorder: {why}"),
        EventKind::EmergencyStop { unknown: false } => "e-stop: it is pressed".to_owned(),
        EventKind::EmergencyStop { unknown: true } => {
            "e-stop: nobody knows whether it is pressed, so it counts as pressed".to_owned()
        }
        EventKind::Motion { what } => match what {
            Motion::Ended { after } => format!("motion ended {} after the e-stop", words::span(*after)),
            Motion::NotEnded { within, unknown: false } => format!("MOTION did not end within {within} of the e-stop"),
            Motion::NotEnded { within, unknown: true } => {
                format!("nobody saw whether motion ended within {within} of the e-stop: look at the machine")
            }
            Motion::BeganAgain => "MOTION began again after the e-stop".to_owned(),
        },
        EventKind::Released { unknown: false } => "hold-to-run: it was let go".to_owned(),
        EventKind::Released { unknown: true } => {
            "hold-to-run: nobody knows whether it is held, so it counts as let go".to_owned()
        }
        EventKind::Reset { by, after } => format!("reset by {by} after: {after}"),
        EventKind::Settling { at_most } => format!("waiting for open obligations, at most {at_most}"),
        EventKind::Remark { text } => text.clone(),
        EventKind::Leased { by, lasts } => format!("the rig is leased to {by} for {lasts}"),
        EventKind::RungRehearsed { ladder, rung: r, first_byte, safe } => {
            let what = format!("rehearsed {} of {}", rung(ladder, r), ladder_device(ladder));
            match (first_byte, safe) {
                (_, Some(safe)) => format!("{what}: safe after {}", words::span(*safe)),
                (Some(_), None) => format!("{what}: NOT SAFE in its time"),
                (None, None) => format!("{what}: it was not written"),
            }
        }
        EventKind::DeadManRehearsed { device: d, safe } => match safe {
            Some(safe) => format!("rehearsed the dead-man of {}: safe after {}", device(d), words::span(*safe)),
            None => format!("rehearsed the dead-man of {}: NOT SAFE in its time", device(d)),
        },
        EventKind::Finished { outcome } => {
            format!("{}: {}", outcome.verdict.word(), outcome.reasons.first().map_or("", |r| r.as_str()))
        }
    })
}

/// A margin in its rule's unit; an interval where part of it is unknown.
pub fn margin_in_words(plan: &Plan, rule: usize, margin: Margin) -> String {
    let one = |si: f64| words::margin(&plan.rules[rule], si);
    if margin.lo == margin.hi || !margin.hi.is_finite() {
        return one(margin.lo);
    }
    if !margin.lo.is_finite() {
        return "unknown".to_owned();
    }
    format!("{} .. {}", one(margin.lo), one(margin.hi))
}

/// Milliseconds with microsecond digits: reactions are shorter than what `Display` of a span shows well.
pub fn milliseconds(span: crate::time::Span) -> String {
    format!("{:.3} ms", span.nanos() as f64 / 1e6)
}

fn step_title(plan: &Plan, step: StepId) -> String {
    let title = &plan.titles[step.0 as usize];
    format!("{}{}", "  ".repeat(title.depth as usize), title.title)
}
