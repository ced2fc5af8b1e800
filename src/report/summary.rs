//! The summary on the terminal: verdict first, then why.

use super::quality::quality;
use super::rehearsed;
use super::verdict::verdict;
use super::{SAFETY_NOTICE, Subject};
use crate::rig::Rule;
use crate::run::event::{AckedBy, StepOutcome};
use crate::stl::RuleVerdict;
use crate::time::{Span, Time};
use crate::trace::{ChainStart, RuleTrace, RuleWhy, words};
use std::fmt::Write;

/// Lines of a chain that are shown; verdict.json has all.
const WHY_LINES_MAX: usize = 12;
/// Lost samples under this share are not worth a line.
const LOST_SHARE_TOLD: f64 = 0.001;

/// The summary, without colours, ending in a line end.
pub fn summary(subject: &Subject<'_>) -> String {
    let mut out = String::new();
    first_lines(subject, &mut out);
    rules(subject, &mut out);
    reaction(subject, &mut out);
    super::stops::in_words(subject, &mut out);
    chains(subject, &mut out);
    super::gate::summary(subject, &mut out);
    steps(subject, &mut out);
    data(subject, &mut out);
    rehearsals(subject, &mut out);
    let _ = writeln!(out, "\nevidence: {}", subject.run);
    let _ = writeln!(out, "{SAFETY_NOTICE}");
    out
}

/// What was tried, in a rehearsal; elsewhere what the run relies on.
fn rehearsals(subject: &Subject<'_>, out: &mut String) {
    let tried = rehearsed::tried(subject);
    if !tried.is_empty() {
        let _ = write!(out, "\n{}", rehearsed::table(&tried));
    }
    let relied = &subject.trace.relies_on;
    if relied.is_empty() {
        return;
    }
    let _ = writeln!(out, "\nrelies on:");
    let wide = relied.iter().map(|one| one.what.chars().count()).max().unwrap_or(0);
    for one in relied {
        let _ = writeln!(out, "  {:<wide$}  {}", one.what, one.text);
    }
}

fn first_lines(subject: &Subject<'_>, out: &mut String) {
    let (plan, trace) = (subject.plan, subject.trace);
    let word = trace.outcome.as_ref().map_or("NO VERDICT", |o| o.verdict.word()).to_uppercase();
    let length = trace.whole.to;
    let _ = writeln!(out, "{word}  {} on {} ({length})", plan.name, plan.rig.name);
    match &trace.outcome {
        Some(outcome) => outcome.reasons.iter().for_each(|reason| {
            let _ = writeln!(out, "  because {reason}");
        }),
        None => {
            let _ = writeln!(out, "  because the recording ends before the run did");
        }
    }
    if let Some(loss) = &trace.loss {
        let _ = writeln!(out, "  {loss}");
    }
}

/// Broken rules first, then what could not be judged, then by margin, tightest first.
fn rules(subject: &Subject<'_>, out: &mut String) {
    let mut rows: Vec<(&Rule, &RuleTrace)> = subject.plan.rules.iter().zip(&subject.trace.rules).collect();
    if rows.is_empty() {
        return;
    }
    rows.sort_by(|a, b| rank(a.1).cmp(&rank(b.1)).then_with(|| tightness(*a).total_cmp(&tightness(*b))));
    let tested = rows.iter().filter(|(_, t)| t.judgement.is_some() && !t.untested()).count();
    let _ = writeln!(out, "\nrules: {tested} of {} tested, tightest first", rows.len());
    let name_width = rows.iter().map(|(r, _)| r.name.chars().count()).max().unwrap_or(0);
    for (rule, trace) in rows {
        let judgement = trace.judgement.as_ref();
        let word = judgement.map_or("not judged", |j| words::verdict(j.verdict));
        let mut line = format!("  {word:<12}  {:<name_width$}", rule.name);
        match judgement {
            Some(_) if trace.untested() => match &rule.when_text {
                Some(when) => line += &format!("  `{when}` never held"),
                None => line += "  never tried",
            },
            Some(j) => {
                // Where dimensions mix, the comparison that it came from says more than a share does.
                let critical = subject.trace.why(rule.spec.id).and_then(|why| why.critical.clone());
                let margin = critical.unwrap_or_else(|| words::margin_between(rule, j.margin));
                let word = if j.margin.lo.is_finite() || j.margin.hi.is_finite() { "margin " } else { "" };
                line += &format!("  {word}{margin}");
                if let Some(at) = j.worst_at {
                    line += &format!(" at {at}");
                }
                if let Some(violated) = trace.violated.map(|v| v.instant).or(j.violated_at) {
                    line += &format!(", broken from {violated}");
                }
            }
            None => {}
        }
        let _ = writeln!(out, "{}", line.trim_end());
        if judgement.is_some_and(|j| j.verdict == RuleVerdict::Fail) {
            let _ = writeln!(out, "                {}", rule.text);
        }
        if let Some(why) = subject.trace.why(rule.spec.id) {
            behind(why, out);
        }
    }
}

/// What lies behind a verdict: the chain, how long it lasted, and how near the rule came to its deadlines.
fn behind(why: &RuleWhy, out: &mut String) {
    let mut line = |text: &str| {
        let _ = writeln!(out, "                {text}");
    };
    // What was never asked for says nothing about time.
    for timing in why.timings.iter().filter(|timing| timing.count > 0) {
        line(&timing.text);
    }
    let told = &why.told;
    if let Some(first) = told.episodes.first() {
        let lasted = words::span(Span::from_seconds(told.broken_s));
        let times = if told.episode_count == 1 { "once".into() } else { format!("{} times", told.episode_count) };
        line(&format!("broken {times}, {lasted} in all; at first {}", first.text));
    }
    if !why.meanwhile.is_empty() {
        line(&format!("meanwhile: {}", why.meanwhile.join("; ")));
    }
    if !told.lines.is_empty() {
        line(if told.episode_count > 1 { "why, the first time:" } else { "why:" });
        told.lines.iter().take(WHY_LINES_MAX).for_each(|text| line(&format!("  {text}")));
        if told.lines.len() > WHY_LINES_MAX {
            line(&format!("  … {} more lines in verdict.json", told.lines.len() - WHY_LINES_MAX));
        }
    }
}

fn rank(trace: &RuleTrace) -> u8 {
    match trace.judgement.as_ref().map(|j| j.verdict) {
        Some(RuleVerdict::Fail) => 0,
        Some(RuleVerdict::Inconclusive) | None => 1,
        Some(RuleVerdict::Pass) => 2,
        Some(RuleVerdict::Untested) => 3,
    }
}

/// Margin as a share of what the rule warns at or of the margin's greatest seen value, so that metres and degrees compare.
fn tightness((rule, trace): (&Rule, &RuleTrace)) -> f64 {
    let Some(judgement) = &trace.judgement else { return f64::INFINITY };
    let greatest = trace.margins.iter().map(|(_, m)| m.lo).filter(|m| m.is_finite()).fold(0.0f64, f64::max);
    let scale = rule.warn_at.filter(|w| *w > 0.0).unwrap_or(if greatest > 0.0 { greatest } else { 1.0 });
    judgement.margin.lo / scale
}

fn reaction(subject: &Subject<'_>, out: &mut String) {
    let verdict = verdict(subject);
    let Some(trip) = &verdict.trip else {
        for safe in &verdict.safe {
            let _ = writeln!(out, "\nsafe: {} at {:.3} s", safe.device, safe.at_s);
        }
        return;
    };
    let _ = writeln!(out, "\ntrip:");
    for cause in &trip.causes {
        let _ = writeln!(out, "  {:>9.3} s  {}", cause.decided_at_s, cause.cause);
    }
    for rung in &trip.rungs {
        let kind = rung.category.map_or_else(String::new, |number| format!(" (category {number})"));
        let what = format!("{}: {}{kind}", rung.device, rung.command);
        let how = match (rung.skipped, rung.sent_at_s, rung.reaction_s) {
            (true, ..) => " skipped, its condition did not hold".to_string(),
            (false, None, _) => " was not written".to_string(),
            (false, Some(_), Some(reaction)) => {
                let reaction = words::span(crate::time::Span::from_seconds(reaction));
                format!(" first byte after {reaction}{}", budget(&verdict, rung.rung))
            }
            (false, Some(_), None) => String::new(),
        };
        let _ = writeln!(out, "  {:>9.3} s  {what}{how}", rung.issued_at_s);
    }
    for safe in &verdict.safe {
        let _ = writeln!(out, "  {:>9.3} s  {} is safe", safe.at_s, safe.device);
    }
    for alarm in &verdict.alarms {
        let _ =
            writeln!(out, "  {:>9.3} s  ALARM: {} was never shown to be safe; look at it", alarm.at_s, alarm.device);
    }
}

/// Every cause with its chain, each part against what it was allowed.
fn chains(subject: &Subject<'_>, out: &mut String) {
    for chain in &subject.trace.chains {
        let _ = writeln!(out, "\nreaction to: {}", words::cause(subject.plan, chain.cause));
        let mut line = |at: Time, what: String| {
            let after = words::span(at.since(chain.known_at));
            let _ = writeln!(out, "  {:>12.6} s  {after:>9}  {what}", at.seconds());
        };
        if let Some(violated) = chain.violated_at.filter(|at| *at != chain.known_at) {
            line(violated, "the rule was broken".into());
        }
        line(chain.known_at, "it could be known".into());
        line(chain.taken_at, "taken up and decided".into());
        let judged = chain.judged;
        let allowed = |took: Span, within: Option<Span>| match within {
            Some(within) if took > within => format!(" (LATE: {} allowed)", words::span(within)),
            Some(within) => format!(" (of {} allowed)", words::span(within)),
            None => String::new(),
        };
        for device in &chain.devices {
            let name = words::ladder(subject.plan, device.ladder);
            if device.start == ChainStart::UnderWay {
                line(chain.taken_at, format!("{name}: its ladder was under way already"));
            }
            for (place, rung) in device.rungs.iter().enumerate() {
                let command = words::rung(subject.plan, device.ladder, rung.rung);
                let first = place == 0 && device.start == ChainStart::Began;
                match rung.written {
                    Some((first_byte, _)) => {
                        let within = judged.and_then(|j| j.react_within).filter(|_| first);
                        let budget = allowed(first_byte.since(chain.known_at), within);
                        line(first_byte, format!("{name}: first byte of {command}{budget}"));
                    }
                    None => line(rung.issued_at, format!("{name}: {command} was ordered and NEVER LEFT")),
                }
                match &rung.heard {
                    Some((at, by)) => line(*at, format!("{name}: {command} {}", heard(subject, by))),
                    None if rung.written.is_some() && place == 0 => {
                        line(rung.issued_at, format!("{name}: nothing showed that it heard {command}"));
                    }
                    None => {}
                }
            }
            match device.safe_at {
                Some(at) => {
                    let budget = allowed(at.since(chain.known_at), judged.and_then(|j| j.safe_within));
                    line(at, format!("{name}: confirmed safe{budget}"));
                }
                None => line(subject.trace.whole.to, format!("{name}: NOT CONFIRMED SAFE until here")),
            }
        }
    }
}

/// How a rung was heard, as a part of a sentence.
fn heard(subject: &Subject<'_>, by: &AckedBy) -> String {
    match by {
        AckedBy::Protocol { .. } => format!("was {} by the device", words::acked_by(subject.plan, by)),
        AckedBy::Sample(_) => format!("was heard: {}", words::acked_by(subject.plan, by)),
    }
}

/// What the rule that tripped allows.
fn budget(verdict: &super::Verdict, rung: u8) -> String {
    let rule = verdict.rules.iter().find(|r| rung == 0 && r.reaction_s.is_some());
    match rule.and_then(|r| Some((r.react_within_s?, r.reaction_s?))) {
        Some((allowed, took)) => {
            let word = if took <= allowed { "of" } else { "LATE:" };
            format!(" ({word} {} allowed)", words::span(crate::time::Span::from_seconds(allowed)))
        }
        None => String::new(),
    }
}

fn steps(subject: &Subject<'_>, out: &mut String) {
    let mut shown = false;
    for run in &subject.trace.steps {
        let why = match &run.outcome {
            Some(StepOutcome::Done | StepOutcome::Skipped(_)) => continue,
            Some(StepOutcome::Failed(why)) => format!("failed: {why}"),
            Some(StepOutcome::Inconclusive(why)) => format!("inconclusive: {why}"),
            Some(StepOutcome::Aborted(why)) => format!("aborted: {why}"),
            None => "did not end".into(),
        };
        if !shown {
            let _ = writeln!(out, "\nsteps:");
            shown = true;
        }
        let title = subject.plan.titles.get(run.step.0 as usize).map_or("", |t| t.title.as_str());
        let at: Time = run.stretch.from;
        let _ = writeln!(out, "  {:>9.3} s  {title}: {why}", at.seconds());
    }
}

fn data(subject: &Subject<'_>, out: &mut String) {
    let quality = quality(subject.plan, subject.trace);
    let mut lines = Vec::new();
    for signal in &quality.signals {
        let lost = signal.lost_share.unwrap_or(0.0) > LOST_SHARE_TOLD;
        if signal.received == 0 {
            lines.push(format!("{} was never heard", signal.signal));
        } else if signal.gaps > 0 || lost {
            let mut parts = Vec::new();
            match signal.gaps {
                0 => {}
                1 => parts.push(format!("1 gap ({:.2} s)", signal.gaps_s)),
                gaps => parts.push(format!("{gaps} gaps ({:.2} s)", signal.gaps_s)),
            }
            if let (Some(lost @ 1..), Some(expected)) = (signal.lost, signal.expected) {
                parts.push(format!("{lost} of {expected} samples lost"));
            }
            if let Some(silence) = signal.longest_silence_s {
                parts.push(format!("longest silence {silence:.2} s"));
            }
            lines.push(format!("{}: {}", signal.signal, parts.join(", ")));
        }
    }
    for link in &quality.links {
        let troubles: Vec<String> = [
            (link.noise_bytes, "bytes of noise"),
            (link.corrupt_frames, "corrupt frames"),
            (link.foreign_frames, "foreign frames"),
            (link.lost_messages, "lost messages"),
            (link.times_lost as u64, "times lost"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{what}: {count}"))
        .collect();
        if !troubles.is_empty() {
            lines.push(format!("link {}, {}", link.link, troubles.join(", ")));
        }
    }
    for (rule, trace) in subject.plan.rules.iter().zip(&subject.trace.rules) {
        for late in &trace.late {
            let signal = &subject.plan.rig.signals.def(late.signal).name;
            let behind = words::span(late.behind);
            lines.push(format!("{signal}: {} samples too late for {}, up to {behind} behind", late.count, rule.name));
        }
        if trace.merged {
            lines.push(format!("{}: its signals came faster than declared; its margins may be too wide", rule.name));
        }
    }
    if lines.is_empty() {
        let received: u64 = quality.signals.iter().map(|s| s.received).sum();
        let _ = writeln!(out, "\ndata: {received} samples, none missing");
        return;
    }
    let _ = writeln!(out, "\ndata:");
    for line in lines {
        let _ = writeln!(out, "  {line}");
    }
}
