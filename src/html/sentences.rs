//! Why a run ended as it did, in sentences made of the rule, its samples, its margin and what the guard did.

use super::Subject;
use crate::plot::limits::{self, Limit};
use crate::rig::Rule;
use crate::stl::RuleVerdict;
use crate::time::{Span, Time};
use crate::trace::{Chain, RuleTrace, words};

/// One sentence for each rule, broken ones first, then those that could not be judged, those that were never tried, and those that
/// held.
pub(super) fn of_rules(subject: &Subject<'_>) -> Vec<(RuleVerdict, String)> {
    let mut told: Vec<(RuleVerdict, String)> = subject
        .plan
        .rules
        .iter()
        .zip(&subject.trace.rules)
        .map(|(rule, trace)| {
            let verdict = trace.judgement.as_ref().map_or(RuleVerdict::Inconclusive, |j| j.verdict);
            let text = match verdict {
                RuleVerdict::Fail => failed(subject, rule, trace),
                RuleVerdict::Pass => held(subject, rule, trace),
                RuleVerdict::Untested => untested(rule),
                RuleVerdict::Inconclusive => unknown(subject, rule, trace),
            };
            (verdict, text)
        })
        .collect();
    told.sort_by_key(|(verdict, _)| match verdict {
        RuleVerdict::Fail => 0,
        RuleVerdict::Inconclusive => 1,
        RuleVerdict::Untested => 2,
        RuleVerdict::Pass => 3,
    });
    told
}

fn at(at: Time) -> String {
    format!("{:.3} s", at.seconds())
}

/// `altitude 8.42 m, 0.42 m above the limit of 8 m`, of the sample at an instant that is farthest beyond its limit.
fn beyond(subject: &Subject<'_>, rule: &Rule, at: Time) -> Option<String> {
    let told = limits::of_rule(rule, subject.trace)
        .into_iter()
        .filter(|limit| !limit.conditional && limit.counts_at(at))
        .filter_map(|limit| {
            let value = subject.trace.column(limit.signal)?.number_at(at)?;
            Some((limit.room(value), value, limit))
        })
        .min_by(|a, b| a.0.total_cmp(&b.0))?;
    let (room, value, limit) = told;
    (room < 0.0).then(|| beyond_limit(subject, &limit, value, -room)).flatten()
}

fn beyond_limit(subject: &Subject<'_>, limit: &Limit, value: f64, by: f64) -> Option<String> {
    let def = subject.plan.rig.signals.def(limit.signal);
    let crate::signal::SignalKind::Number { unit, .. } = &def.kind else { return None };
    let side = match limit.allowed {
        limits::Allowed::Below => "above",
        limits::Allowed::Above => "below",
    };
    let (value, bound) = (words::value(unit, value), words::value(unit, limit.value));
    let by = words::value(&unit.difference(), by);
    Some(format!("{} {value}, {by} {side} the limit of {bound}", def.name))
}

fn failed(subject: &Subject<'_>, rule: &Rule, trace: &RuleTrace) -> String {
    let judgement = trace.judgement.as_ref();
    let violated = trace.violated.map(|v| v.instant).or(judgement.and_then(|j| j.violated_at));
    let mut text = rule.name.clone() + " failed";
    if let Some(violated) = violated {
        text += &format!(" at {}", at(violated));
    }
    let worst = judgement.and_then(|j| j.worst_at).or(violated);
    match worst.and_then(|worst| beyond(subject, rule, worst)) {
        Some(beyond) => text += &format!(": {beyond}"),
        None => {
            let critical = subject.trace.why(rule.spec.id).and_then(|why| why.critical.clone());
            let margin = critical.or_else(|| judgement.map(|j| words::margin_between(rule, j.margin)));
            text += &margin.map_or_else(String::new, |margin| format!(": margin {margin}"));
        }
    }
    if let Some(worst) = worst.filter(|worst| Some(*worst) != violated) {
        text += &format!(" at worst, at {}", at(worst));
    }
    let broken = trace.broken.iter().fold(Span::ZERO, |sum, stretch| sum + stretch.span());
    if broken > Span::ZERO {
        let times = if trace.broken.len() == 1 { String::new() } else { format!(", {} times", trace.broken.len()) };
        text += &format!(", for {}{times}", words::span(broken));
    }
    let cause = crate::guard::Cause::Rule(rule.spec.id);
    match subject.trace.chains.iter().find(|chain| chain.cause == cause) {
        Some(chain) => text + "; " + &answered(subject, chain) + ".",
        None => text + ".",
    }
}

/// What the guard did about it: `the guard gave fc.land, first byte after 0.21 ms, safe after 3.9 s`.
fn answered(subject: &Subject<'_>, chain: &Chain) -> String {
    let first = chain.devices.iter().find_map(|device| {
        let rung = device.rungs.first()?;
        Some(words::rung(subject.plan, device.ladder, rung.rung))
    });
    let mut text =
        first.map_or_else(|| "the guard had acted already".to_owned(), |rung| format!("the guard gave {rung}"));
    let late = |took: Span, within: Option<Span>| match within {
        Some(within) if took > within => format!(" (LATE: {} allowed)", words::span(within)),
        _ => String::new(),
    };
    let Some(judged) = chain.judged else { return text + ", and the run ended before that was judged" };
    if let Some(reaction) = judged.reaction {
        text += &format!(", first byte after {}{}", words::span(reaction), late(reaction, judged.react_within));
    }
    match judged.safe_after {
        Some(safe) => text += &format!(", safe after {}{}", words::span(safe), late(safe, judged.safe_within)),
        None => text += ", and it was NEVER SHOWN TO BE SAFE",
    }
    text
}

fn held(subject: &Subject<'_>, rule: &Rule, trace: &RuleTrace) -> String {
    let Some(judgement) = &trace.judgement else { return format!("{} was not judged.", rule.name) };
    let critical = subject.trace.why(rule.spec.id).and_then(|why| why.critical.clone());
    let margin = critical.unwrap_or_else(|| words::margin_between(rule, judgement.margin));
    let place = judgement.worst_at.map_or_else(String::new, |worst| format!(", at {}", at(worst)));
    match judgement.margin.lo.is_finite() {
        true => format!("{} held: it came nearest to its limit with a margin of {margin}{place}.", rule.name),
        false => format!("{} held.", rule.name),
    }
}

fn untested(rule: &Rule) -> String {
    match &rule.when_text {
        Some(when) => format!("{} was NOT TESTED: `{when}` never held, so nothing is known of it.", rule.name),
        None => format!("{} was NOT TESTED: nothing tried it, so nothing is known of it.", rule.name),
    }
}

fn unknown(subject: &Subject<'_>, rule: &Rule, trace: &RuleTrace) -> String {
    if trace.judgement.is_none() {
        return format!("{} was NOT JUDGED: the run ended before.", rule.name);
    }
    let blind = trace.blind.iter().fold(Span::ZERO, |sum, stretch| sum + stretch.span());
    let signals: Vec<&str> = crate::expr::walk::signals_of(&rule.spec.body)
        .into_iter()
        .filter(|signal| {
            subject.trace.column(*signal).is_none_or(|column| !column.gaps.is_empty() || column.times.is_empty())
        })
        .map(|signal| subject.plan.rig.signals.def(signal).name.as_str())
        .collect();
    let whom = if signals.is_empty() { "what it needs".to_owned() } else { signals.join(", ") };
    format!("{} is INCONCLUSIVE: {whom} was unknown for {} in all.", rule.name, words::span(blind))
}
