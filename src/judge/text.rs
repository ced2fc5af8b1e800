//! An account as people read it.

use super::account::{Account, RuleAccount, Stretches};
use super::samples::AtSample;
use super::scan::{Contents, Nature};
use crate::rig::{MarginUnit, Rule};
use crate::stl::{Outside, RuleVerdict, Truth};
use crate::time::Time;
use crate::trace::words;
use std::fmt::Write;

/// Stretches that are listed of each kind.
const STRETCHES_SHOWN: usize = 5;
/// Lines of a chain that are shown.
const WHY_LINES_SHOWN: usize = 12;
/// States of a column that are listed.
const STATES_SHOWN: usize = 8;

/// A stamp in seconds, with every digit that it has: `0.02`, `1795378530.123456789`.
pub fn exact_seconds(at: Time) -> String {
    let (sign, nanos) = (if at.nanos() < 0 { "-" } else { "" }, at.nanos().unsigned_abs());
    let fraction = format!("{:09}", nanos % 1_000_000_000);
    let fraction = fraction.trim_end_matches('0');
    let dot = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{dot}{fraction}", nanos / 1_000_000_000)
}

/// The account, verdict first, ending in a line end.
pub fn summary(account: &Account) -> String {
    let mut out = String::new();
    let word = account.verdict().word().to_uppercase();
    let scope = match account.scope {
        Some((from, to)) => format!("{} s to {} s", exact_seconds(from), exact_seconds(to)),
        None => "nothing to judge".into(),
    };
    let _ = writeln!(out, "{word}  {} ({scope}, {} rows)", account.trace, account.rows);
    if account.scope.is_none() {
        let _ = writeln!(out, "  because there is no row within the scope");
    }
    for name in &account.missing {
        let _ = writeln!(out, "  {name} is not in the trace, and so unknown throughout");
    }
    for (name, heard) in &account.heard_late {
        let _ = match heard {
            Some(at) => writeln!(out, "  {name} was first heard at {} s, and is unknown before", exact_seconds(*at)),
            None => writeln!(out, "  {name} was never heard"),
        };
    }
    if account.heard_late.iter().any(|(_, heard)| heard.is_some()) {
        let _ = writeln!(out, "  (--from heard judges from where all have been heard)");
    }
    if account.outside == Outside::Cut {
        let _ = writeln!(out, "  windows are cut to the trace (--outside cut)");
    }
    let mut rows: Vec<&RuleAccount> = account.rules.iter().collect();
    rows.sort_by_key(|r| match r.verdict() {
        RuleVerdict::Fail => 0,
        RuleVerdict::Inconclusive => 1,
        RuleVerdict::Untested => 2,
        RuleVerdict::Pass => 3,
    });
    let width = rows.iter().map(|r| r.rule.name.chars().count()).max().unwrap_or(0);
    for row in rows {
        let _ = writeln!(out);
        one(row, width, &mut out);
    }
    out
}

fn one(account: &RuleAccount, width: usize, out: &mut String) {
    let RuleAccount { rule, judgement, .. } = account;
    let verdict = account.verdict();
    let mut line = format!("{:<12}  {:<width$}", words::verdict(verdict), rule.name);
    if verdict == RuleVerdict::Untested {
        line += &format!("  `{}` never held", rule.when_text.as_deref().unwrap_or_default());
    } else {
        let word = match &rule.margin {
            MarginUnit::Truth => "",
            _ => "margin ",
        };
        line += &format!("  {word}{}", words::margin_between(rule, judgement.margin));
        if account.observed_ranges {
            line += " of what the trace shows";
        }
        if let Some(at) = judgement.worst_at {
            line += &format!(" at {} s", exact_seconds(at));
        }
    }
    let _ = writeln!(out, "{}", line.trim_end());
    let mut say = |text: String| {
        let _ = writeln!(out, "    {text}");
    };
    say(rule.text.clone());
    if let Some(when) = &rule.when_text {
        let tested = account.tested_at.map(|at| format!(" (first held at {} s)", exact_seconds(at)));
        say(format!("when: {when}{}", tested.unwrap_or_default()));
    }
    if let Some(violation) = account.violation {
        let known = match violation.known_at == violation.instant {
            true => "at once".to_string(),
            false => format!("at {} s", exact_seconds(violation.known_at)),
        };
        say(format!("first broken at {} s, which could be known {known}", exact_seconds(violation.instant)));
    }
    if account.broken.count > 0 {
        say(stretches("broken", &account.broken));
    }
    if account.unknown.count > 0 {
        let why = if verdict == RuleVerdict::Pass { " (warm-up: its windows reach before the start)" } else { "" };
        say(format!("{}{why}", stretches("could not be told", &account.unknown)));
    }
    for (name, blind) in &account.blind {
        say(stretches(&format!("{name} was unknown"), blind));
    }
    for (name, late) in &account.late {
        say(format!(
            "{name}: {} late, the first stamped {} s and counted from {} s; what is late is no ground for a pass",
            counted(late.count, "sample"),
            exact_seconds(late.stamp),
            exact_seconds(late.at)
        ));
    }
    if account.cut && judgement.verdict == RuleVerdict::Pass {
        say("the trace ends too early, and what is missing could have broken it".into());
    }
    if account.merged {
        say("samples came denser than memory has room for: the margin may be wider than need be".into());
    }
    if account.open {
        say("something was still to come when the trace ended".into());
    }
    // What was never asked for says nothing about time.
    for timing in account.behind.timings.iter().filter(|timing| timing.count > 0) {
        say(timing.text.clone());
    }
    if let Some(left_out) = &account.behind.left_out {
        say(format!("why: {left_out}"));
    }
    let lines = account.behind.told.as_ref().map_or(&[][..], |told| &told.lines);
    if !lines.is_empty() {
        say(if account.broken.count > 1 { "why, the first time:" } else { "why:" }.into());
        lines.iter().take(WHY_LINES_SHOWN).for_each(|line| say(format!("  {line}")));
        if lines.len() > WHY_LINES_SHOWN {
            say(format!("  … {} more lines with --json", lines.len() - WHY_LINES_SHOWN));
        }
    }
}

fn counted(n: u64, word: &str) -> String {
    if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") }
}

/// `broken 2 times, 1.5 s together: 3 s to 4 s (1 s), 5 s to 5.5 s (500 ms)`.
fn stretches(what: &str, stretches: &Stretches) -> String {
    let one = |(from, to): &(Time, Time)| match from == to {
        true => format!("at {} s", exact_seconds(*from)),
        false => {
            format!("{} s to {} s ({})", exact_seconds(*from), exact_seconds(*to), words::span(to.since(*from)))
        }
    };
    let shown: Vec<String> = stretches.kept.iter().take(STRETCHES_SHOWN).map(one).collect();
    let shown = shown.join(", ");
    if stretches.count == 1 {
        return format!("{what} {shown}");
    }
    let rest = stretches.count - stretches.kept.len().min(STRETCHES_SHOWN) as u64;
    let more = if rest > 0 { format!(", and {rest} more") } else { String::new() };
    format!("{what} {} times, {} together: {shown}{more}", stretches.count, words::span(stretches.total))
}

/// The head of the table of samples.
pub fn sample_heading(rules: usize) -> String {
    let rule = if rules > 1 { "  rule" } else { "" };
    format!("{:>14}  {:>14}  {:>14}  {:<7}{rule}", "time [s]", "lo", "hi", "truth").trim_end().to_owned()
}

/// A line of that table.
pub fn sample_words(sample: &AtSample<'_>, rules: usize) -> String {
    let number = |si: f64| {
        let (number, unit) = words::margin_number(sample.rule, si);
        match number {
            n if n == f64::INFINITY => "inf".into(),
            n if n == f64::NEG_INFINITY => "-inf".into(),
            n => format!("{} {unit}", six_digits(n)).trim_end().to_owned(),
        }
    };
    let name = if rules > 1 { format!("  {}", sample.rule.name) } else { String::new() };
    format!(
        "{:>14}  {:>14}  {:>14}  {:<7}{name}",
        exact_seconds(sample.at),
        number(sample.margin.lo),
        number(sample.margin.hi),
        truth(sample.truth)
    )
    .trim_end()
    .to_owned()
}

/// Six significant digits: enough to read, and without the tail of a binary fraction. The JSON has all of them.
fn six_digits(number: f64) -> f64 {
    format!("{number:.5e}").parse().unwrap_or(number)
}

/// `true`, `false`, `unknown`.
pub fn truth(truth: Truth) -> &'static str {
    match truth {
        Truth::True => "true",
        Truth::False => "false",
        Truth::Unknown => "unknown",
    }
}

/// What a trace holds: one line per column.
pub fn listing(contents: &Contents) -> String {
    let mut out = contents.troubles.render(false);
    let scope = match contents.scope {
        Some((from, to)) => format!("{} s to {} s", exact_seconds(from), exact_seconds(to)),
        None => "no stamps".into(),
    };
    let _ = writeln!(out, "{} rows, {scope}", contents.rows);
    let width = contents.columns.iter().map(|c| c.heading.name.chars().count()).max().unwrap_or(0);
    for column in &contents.columns {
        let unit = column.heading.unit.as_ref().map_or("", |unit| unit.text.as_str());
        let kind = match column.nature() {
            _ if column.samples() == 0 => "empty".to_string(),
            Nature::Flag => "flag".into(),
            Nature::Pulse => "pulse".into(),
            Nature::Number => match column.range {
                Some((lo, hi)) if unit.is_empty() => format!("{lo} .. {hi}"),
                Some((lo, hi)) => format!("{lo} {unit} .. {hi} {unit}"),
                None => "no number".into(),
            },
            Nature::States => {
                let shown: Vec<&str> = column.states.iter().take(STATES_SHOWN).map(String::as_str).collect();
                let more = if column.states.len() > STATES_SHOWN { ", …" } else { "" };
                format!("{{{}{more}}}", shown.join(", "))
            }
        };
        let shown = match column.heading.shown == column.heading.name {
            true => String::new(),
            false => format!("  (`{}`)", column.heading.shown),
        };
        let samples = column.samples();
        let _ = writeln!(out, "  {:<width$}  {kind}  {}{shown}", column.heading.name, counted(samples, "sample"));
    }
    out
}

/// The unit in which a rule's margin is told.
pub fn margin_unit(rule: &Rule) -> String {
    words::margin_number(rule, 0.0).1
}
