//! Rules and signals as a person writes them in one line.

use super::{RuleSpec, too_much};
use crate::command::RuleId;
use crate::diag::{Severity, nearest};
use crate::expr::ir::Formula;
use crate::expr::{self, Checked, MarginKind, Scope};
use crate::signal::{Every, SignalDef, SignalKind};
use crate::time::Span;
use crate::units::{Dimension, Problem, Quantity, Unit};
use std::ops::Range;

/// A longer line is refused unread; a formula alone may have 64 KiB.
const LENGTH_MAX: usize = 1 << 18;
/// Nobody reads more mistakes than this about one rule.
const PROBLEMS_MAX: usize = 20;

/// A rule that makes sense, with what people want to know of it.
#[derive(Clone, PartialEq, Debug)]
pub struct TextRule {
    /// `ceiling` in `ceiling: altitude <= 8 m`.
    pub name: Option<String>,
    /// For the engine.
    pub spec: RuleSpec,
    /// What its margin is measured in.
    pub margin: MarginKind,
    /// `always: altitude <= 8 m`.
    pub text: String,
    /// The trigger's text.
    pub when_text: Option<String>,
    /// What the check of the body found out: signals, horizon, hints (of the trigger too; bytes of the line).
    pub checked: Checked,
}

/// Reads a rule from one line: a formula, alone or behind `always:` or `never:`, before it a name and a trigger if wanted.
/// The parts stand apart by `;` or line ends. Every mistake at once, with the bytes of `text` that are wrong.
///
/// ```text
/// altitude <= 8 m
/// never: historically[0, 300 ms] tilt > 60 deg
/// ceiling: always: altitude <= 8 m
/// ceiling: when: mode == GUIDED; always: altitude <= 8 m
/// ```
pub fn rule(text: &str, id: RuleId, scope: &Scope<'_>) -> Result<TextRule, Vec<Problem>> {
    if text.len() > LENGTH_MAX {
        let shown = 0..text.char_indices().nth(20).map_or(text.len(), |(at, _)| at);
        let message = format!("this rule is {} bytes long; at most {LENGTH_MAX} are read", text.len());
        return Err(vec![problem(shown, message, None)]);
    }
    let (name, parts) = parts(text)?;
    let mut problems = Vec::new();
    let mut body: Option<(bool, Range<usize>, Option<Checked>)> = None;
    let mut when: Option<(Range<usize>, Option<Checked>)> = None;
    for part in parts {
        if problems.len() >= PROBLEMS_MAX {
            break;
        }
        let formula = &text[part.formula.clone()];
        let is_when = part.key == Key::When;
        let scope = if is_when { Scope { future: false, ..*scope } } else { *scope };
        let checked = match expr::formula(formula, &scope) {
            Ok(checked) => match too_much(&checked.formula, scope.signals) {
                Some((message, remedy)) => {
                    problems.push(problem(part.formula.clone(), message, Some(remedy)));
                    None
                }
                None => Some(checked),
            },
            Err(found) => {
                problems.extend(found.into_iter().map(|p| moved(p, part.formula.start)));
                None
            }
        };
        let twice = if is_when { when.is_some() } else { body.is_some() };
        if twice {
            let message = if is_when { "a second `when`" } else { "a second formula" };
            let remedy = if is_when { "join them with `and`" } else { "make it two rules, or join them with `and`" };
            problems.push(problem(part.formula.clone(), message, Some(remedy.into())));
        } else if is_when {
            when = Some((part.formula, checked));
        } else {
            body = Some((part.key == Key::Never, part.formula, checked));
        }
    }
    let Some((never, place, checked)) = body else {
        problems.push(problem(text.len()..text.len(), "a formula is missing here", Some("add `always: …`".into())));
        return Err(problems);
    };
    if checked.as_ref().is_some_and(|c| c.signals.is_empty()) {
        problems.push(problem(place.clone(), "this reads no signal, so it judges nothing", None));
    }
    let (Some(mut checked), true) = (checked, problems.is_empty()) else { return Err(problems) };
    checked.hints = checked.hints.into_iter().map(|p| moved(p, place.start)).collect();
    let word = if never { "never" } else { "always" };
    let body = checked.formula.clone();
    let body = if never { Formula::Not(Box::new(body)) } else { body };
    let mut rule = TextRule {
        name,
        spec: RuleSpec { id, body, when: None },
        margin: checked.margin.clone(),
        text: format!("{word}: {}", one_line(&text[place])),
        when_text: None,
        checked,
    };
    if let Some((place, Some(trigger))) = when {
        rule.when_text = Some(one_line(&text[place.clone()]));
        rule.checked.hints.extend(trigger.hints.into_iter().map(|p| moved(p, place.start)));
        for signal in trigger.signals {
            if !rule.checked.signals.contains(&signal) {
                rule.checked.signals.push(signal);
            }
        }
        rule.spec.when = Some(trigger.formula);
    }
    Ok(rule)
}

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Key {
    Always,
    Never,
    When,
}

struct Part {
    key: Key,
    formula: Range<usize>,
}

/// Takes the line apart: name, and formulas with their keys.
fn parts(text: &str) -> Result<(Option<String>, Vec<Part>), Vec<Problem>> {
    let mut name = None;
    let mut parts = Vec::new();
    let mut at = 0;
    for piece in text.split_inclusive([';', '\n']) {
        let mut place = trimmed(text, at..at + piece.trim_end_matches([';', '\n']).len());
        at += piece.len();
        if place.is_empty() {
            continue;
        }
        if parts.is_empty()
            && name.is_none()
            && let Some((word, rest)) = keyed(text, place.clone())
            && key(word).is_none()
        {
            name = Some(word.to_owned());
            place = rest;
            if place.is_empty() {
                continue;
            }
        }
        let part = match keyed(text, place.clone()) {
            Some((word, rest)) => match key(word) {
                Some(key) => Part { key, formula: rest },
                None => {
                    let near = nearest(word, ["always", "never", "when"].into_iter());
                    let remedy = near.map(|near| format!("did you mean `{near}:`?"));
                    let message = format!("`{}:` is no part of a rule; wanted `always:`, `never:` or `when:`", word);
                    return Err(vec![problem(place.start..place.start + word.len(), message, remedy)]);
                }
            },
            None => Part { key: Key::Always, formula: place },
        };
        parts.push(part);
    }
    Ok((name, parts))
}

/// `word: rest`, when the text at `place` begins so.
fn keyed(text: &str, place: Range<usize>) -> Option<(&str, Range<usize>)> {
    let piece = &text[place.clone()];
    let (word, rest) = piece.split_once(':')?;
    let word = word.trim_end();
    let good = word.starts_with(|c: char| c.is_ascii_alphabetic())
        && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    good.then(|| (word, trimmed(text, place.end - rest.len()..place.end)))
}

fn key(word: &str) -> Option<Key> {
    match word {
        "always" => Some(Key::Always),
        "never" => Some(Key::Never),
        "when" => Some(Key::When),
        _ => None,
    }
}

fn trimmed(text: &str, place: Range<usize>) -> Range<usize> {
    let piece = &text[place.clone()];
    let start = place.start + piece.len() - piece.trim_start().len();
    start..start + piece.trim().len()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn moved(problem: Problem, by: usize) -> Problem {
    Problem { span: problem.span.start + by..problem.span.end + by, ..problem }
}

fn problem(span: Range<usize>, message: impl Into<String>, remedy: Option<String>) -> Problem {
    Problem { severity: Severity::Error, span, message: message.into(), remedy }
}

/// Reads a signal from one line: its name, and behind a colon, apart by commas, what is known of it.
///
/// | written | means |
/// |---|---|
/// | `x` | a number without a unit |
/// | `altitude: m` | a quantity in m |
/// | `altitude: -1 m .. 40 m` | the same with its range, which weighs margins where dimensions mix |
/// | `mode: {HOLD, LAND}` | a state |
/// | `armed: flag` | true or false |
/// | `command: pulse` | something that happens, without a value |
/// | `…, every 20 ms` | how often a sample is expected: memory is planned from it |
/// | `…, stale after 60 ms` | how long a sample holds at most; without it, until the next one |
pub fn signal(text: &str) -> Result<SignalDef, Problem> {
    if text.len() > LENGTH_MAX {
        let message = format!("this signal's description is {} bytes long", text.len());
        return Err(problem(0..0, message, None));
    }
    let colon = text.find(':').unwrap_or(text.len());
    let name = trimmed(text, 0..colon);
    if !is_signal_name(&text[name.clone()]) {
        let message = format!("`{}` is no signal's name", shortened(&text[name.clone()]));
        let remedy = "a name is letters, digits and `_`, parts joined by dots: `fc.altitude`";
        return Err(problem(name, message, Some(remedy.into())));
    }
    let mut def = SignalDef {
        name: text[name].to_owned(),
        device: None,
        kind: SignalKind::Number { unit: Unit::one(), range: None },
        every: Every::Change,
        stale_after: None,
    };
    let mut said_kind = false;
    let mut at = (colon + 1).min(text.len());
    while at < text.len() {
        let end = part_end(text, at);
        let place = trimmed(text, at..end);
        at = end + 1;
        let part = &text[place.clone()];
        if let Some(rest) = part.strip_prefix("every ") {
            def.every = Every::Period(time(rest, place.end - rest.len())?);
        } else if let Some(rest) = part.strip_prefix("stale after ") {
            def.stale_after = Some(time(rest, place.end - rest.len())?);
        } else {
            let kind = kind(part, place.start)?;
            match (&mut def.kind, kind) {
                // `m, 0 m .. 40 m` says the unit twice, which does no harm.
                (SignalKind::Number { unit, range }, SignalKind::Number { unit: other, range: wider })
                    if said_kind && unit.dimension == other.dimension && range.is_none() =>
                {
                    *range = wider;
                }
                (_, _) if said_kind => {
                    let message = "the kind of this signal was said already";
                    return Err(problem(place, message, None));
                }
                (old, kind) => *old = kind,
            }
            said_kind = true;
        }
    }
    Ok(def)
}

/// Where the part that begins at `at` ends: at the next comma outside of braces.
fn part_end(text: &str, at: usize) -> usize {
    let mut depth = 0i32;
    for (i, byte) in text.bytes().enumerate().skip(at) {
        match byte {
            b'{' | b'(' => depth += 1,
            b'}' | b')' => depth -= 1,
            b',' if depth <= 0 => return i,
            _ => {}
        }
    }
    text.len()
}

/// A name that a formula can read: parts of letters, digits and `_`, joined by dots.
pub fn is_signal_name(name: &str) -> bool {
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_alphanumeric() || c == '_')
    };
    !name.is_empty() && name.split('.').all(part) && !crate::expr::is_taken(name)
}

fn kind(part: &str, at: usize) -> Result<SignalKind, Problem> {
    if let Some(states) = part.strip_prefix('{') {
        let states = states
            .strip_suffix('}')
            .ok_or_else(|| problem(at..at + part.len(), "the closing `}` of the states is missing", None))?;
        let names: Vec<String> = states.split(',').map(|s| s.trim().to_owned()).filter(|s| !s.is_empty()).collect();
        if let Some(bad) = names.iter().find(|n| !is_signal_name(n) || n.contains('.')) {
            let message = format!("`{}` is no state's name", shortened(bad));
            return Err(problem(at..at + part.len(), message, None));
        }
        if names.is_empty() || names.len() > usize::from(u16::MAX) {
            return Err(problem(at..at + part.len(), "a state needs between 1 and 65535 names", None));
        }
        return Ok(SignalKind::States { names });
    }
    match part {
        "flag" => return Ok(SignalKind::Flag),
        "pulse" => return Ok(SignalKind::Pulse),
        "number" => return Ok(SignalKind::Number { unit: Unit::one(), range: None }),
        _ => {}
    }
    if part.contains("..") {
        let (lo, hi) = Quantity::parse_range(part).map_err(|p| moved(p, at))?;
        return Ok(SignalKind::Number { unit: lo.unit.clone(), range: Some((lo.si(), hi.si())) });
    }
    let unit = Unit::parse(part).map_err(|p| {
        let mut p = moved(p, at);
        p.remedy.get_or_insert_with(|| "wanted a unit, a range, `flag`, `pulse`, or states `{A, B}`".into());
        p
    })?;
    Ok(SignalKind::Number { unit, range: None })
}

/// A length of time greater than zero.
fn time(text: &str, at: usize) -> Result<Span, Problem> {
    const TIME: Dimension = Dimension { time: 1, ..Dimension::NONE };
    let quantity = Quantity::parse(text).map_err(|p| moved(p, at))?;
    let span = quantity.span().filter(|span| *span > Span::ZERO && quantity.unit.dimension == TIME);
    span.ok_or_else(|| problem(at..at + text.len(), "wanted a time greater than zero, such as `60 ms`", None))
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::SignalTable;
    use std::collections::BTreeMap;

    fn table() -> SignalTable {
        let mut table = SignalTable::new();
        for text in ["altitude: -1 m .. 40 m", "mode: {HOLD, LAND}", "armed: flag", "x"] {
            table.add(signal(text).expect("it is right")).expect("each once");
        }
        table
    }

    fn read(text: &str) -> Result<TextRule, Vec<Problem>> {
        let (signals, defines) = (table(), BTreeMap::new());
        let scope = Scope { signals: &signals, defines: &defines, parameters: None, run_names: false, future: true };
        rule(text, RuleId(0), &scope)
    }

    #[test]
    fn a_rule_has_a_name_a_trigger_and_a_body() {
        let whole = read("low-1: when: mode == LAND; never: altitude > 8 m").expect("it is right");
        assert_eq!(whole.name.as_deref(), Some("low-1"));
        assert_eq!(whole.text, "never: altitude > 8 m");
        assert_eq!(whole.when_text.as_deref(), Some("mode == LAND"));
        assert!(matches!(whole.spec.body, Formula::Not(_)) && whole.spec.when.is_some());
        assert_eq!(whole.checked.signals.len(), 2);
        let lines = read("always:\naltitude <=  8 m\n").expect_err("the key stands alone");
        assert_eq!(lines[0].message, "a formula is missing here");
        for (text, name) in [("altitude <= 8 m", None), ("c: altitude <= 8 m", Some("c")), ("always: x > 1", None)] {
            assert_eq!(read(text).expect("it is right").name.as_deref(), name, "{text}");
        }
        // A colon within a formula is not the end of a name.
        let table = read("altitude >= table(x: 0 -> 2 m, 10 -> 6 m)").expect("it is right");
        assert_eq!(table.name, None);
    }

    #[test]
    fn mistakes_point_into_the_line() {
        let text = "c: when: moed == LAND; always: altitude <= 8 s";
        let found = read(text).expect_err("two mistakes");
        assert!(found.len() >= 2, "{found:?}");
        assert_eq!(&text[found[0].span.clone()], "moed");
        assert!(found[1].span.start >= text.find("altitude").expect("it is there"), "{found:?}");
        assert_eq!(read("c: alway: x > 1").expect_err("a slip")[0].remedy.as_deref(), Some("did you mean `always:`?"));
        assert_eq!(read("x > 1; x > 2").expect_err("two formulas")[0].message, "a second formula");
        assert_eq!(read("").expect_err("nothing")[0].message, "a formula is missing here");
        assert_eq!(
            read("1 < 2").expect_err("nothing is read")[0].message,
            "this reads no signal, so it judges nothing"
        );
    }

    #[test]
    fn monstrous_rules_end_in_a_mistake_at_once() {
        let long = format!("x > {}", "1 + ".repeat(250_000));
        assert_eq!(long.len(), 1_000_004);
        assert!(read(&long).expect_err("too long")[0].message.contains("1000004 bytes"), "told by its length");
        let deep = format!("{}x > 1{}", "(".repeat(10_000), ")".repeat(10_000));
        assert!(!read(&deep).expect_err("too deep").is_empty());
        let parts = "x > 1; ".repeat(30_000);
        assert!(!read(&parts).expect_err("too many").is_empty());
    }

    #[test]
    fn signals_are_read_from_a_line() {
        let def = signal("fc.altitude: m, -1 m .. 40 m, every 20 ms, stale after 60 ms").expect("it is right");
        assert_eq!(def.name, "fc.altitude");
        assert_eq!(def.every, Every::Period(Span::from_millis(20)));
        assert_eq!(def.stale_after, Some(Span::from_millis(60)));
        let SignalKind::Number { unit, range } = def.kind else { panic!("a number") };
        assert_eq!((unit.text.as_str(), range), ("m", Some((-1.0, 40.0))));
        let states = signal("mode: {HOLD, LAND}").expect("it is right").kind;
        assert_eq!(states, SignalKind::States { names: vec!["HOLD".into(), "LAND".into()] });
        assert_eq!(signal("go: pulse").expect("it is right").kind, SignalKind::Pulse);
        for bad in
            ["", "1x", "a b", "x: furlong", "x: m, s", "x: every 0 s", "x: {A", "x: flag, m", "x: stale after 3 m"]
        {
            assert!(signal(bad).is_err(), "{bad}");
        }
    }
}
