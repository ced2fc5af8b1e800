//! The reference page of the formula language, and the mistakes people make with what they are told.
//!
//! `tests/diagnostics/formulas.md` holds bad formulas and the exact message; `BLESS=1 cargo test --test formulas`
//! writes the messages anew. Read the difference before it is committed: every one of them is read by a person.

use checkrein::diag::{Diagnostic, Source};
use checkrein::expr::{self, Scope};
use checkrein::signal::{Every, SignalDef, SignalKind, SignalTable};
use checkrein::time::Span;
use checkrein::units::{Quantity, Unit};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// What the fenced blocks of a page declare.
#[derive(Default)]
struct Bench {
    signals: SignalTable,
    defines: BTreeMap<String, String>,
    parameters: BTreeMap<String, Quantity>,
}

/// The fenced blocks of a page: the word after the fence, and the text.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let mut out = Vec::new();
    let mut rest = page;
    while let Some(start) = rest.find("\n```") {
        let (info, after) = rest[start + 4..].split_once('\n').expect("a fence ends its line");
        let end = after.find("```").expect("every fence is closed");
        out.push((info.trim(), &after[..end]));
        rest = &after[end + 3..];
    }
    out
}

fn bench(page: &str) -> Bench {
    let mut bench = Bench::default();
    let pairs = |text: &str| -> Vec<(String, String)> {
        let pair = |line: &str| line.split_once('=').map(|(a, b)| (a.trim().to_owned(), b.trim().to_owned()));
        text.lines().filter_map(pair).collect()
    };
    for (info, text) in blocks(page) {
        match info {
            "signals" => text.lines().for_each(|line| declare(&mut bench.signals, line)),
            "define" => bench.defines.extend(pairs(text)),
            "parameters" => {
                let read = |(name, text): (String, String)| (name, Quantity::parse(&text).expect("a quantity"));
                bench.parameters.extend(pairs(text).into_iter().map(read));
            }
            _ => {}
        }
    }
    bench
}

fn declare(signals: &mut SignalTable, line: &str) {
    let (name, kind) = line.split_once(' ').map(|(a, b)| (a, b.trim())).expect("name and kind");
    let kind = if let Some(states) = kind.strip_prefix('{') {
        let names = states.trim_end_matches('}').split(',').map(|s| s.trim().to_owned()).collect();
        SignalKind::States { names }
    } else if kind == "flag" {
        SignalKind::Flag
    } else if kind == "pulse" {
        SignalKind::Pulse
    } else {
        let (unit, range) = kind.split_once(' ').unwrap_or((kind, ""));
        let unit = Unit::parse(unit.trim_matches('-')).expect("a unit");
        let range = (!range.is_empty()).then(|| Quantity::parse_range(range).expect("a range"));
        SignalKind::Number { unit, range: range.map(|(lo, hi)| (lo.si(), hi.si())) }
    };
    let every = Every::Period(Span::from_millis(20));
    let def = SignalDef { name: name.into(), device: None, kind, every, stale_after: None };
    signals.add(def).expect("each signal once");
}

fn page(path: &str) -> (PathBuf, String) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    (path, text)
}

impl Bench {
    fn scope(&self, place: &str) -> Scope<'_> {
        let scenario = Scope {
            signals: &self.signals,
            defines: &self.defines,
            parameters: Some(&self.parameters),
            run_names: true,
            future: true,
        };
        match place {
            "envelope" => Scope { parameters: None, run_names: false, ..scenario },
            "step" => Scope { future: false, ..scenario },
            "scenario" => scenario,
            other => panic!("unknown place `{other}` for a formula"),
        }
    }
}

#[test]
fn every_example_of_the_reference_is_right() {
    let (_, text) = page("docs/formulas.md");
    let bench = bench(&text);
    let mut checked = 0;
    for (_, block) in blocks(&text).into_iter().filter(|(info, _)| *info == "formula") {
        for line in block.lines() {
            let good = expr::formula(line, &bench.scope("scenario")).unwrap_or_else(|p| panic!("{line}: {p:#?}"));
            let trigger = |m: &str| m.contains("as a trigger");
            assert!(good.hints.iter().all(|h| trigger(&h.message)), "{line}: {:#?}", good.hints);
            checked += 1;
        }
    }
    assert!(checked >= 30, "only {checked} examples were found");
    for (name, text) in &bench.defines {
        assert_eq!(expr::definition(name, text, &bench.scope("envelope")), [], "{name}");
    }
}

/// What a person is told about a formula: mistakes, or the hints of a right one.
fn told(formula: &str, bench: &Bench, place: &str) -> String {
    let source = Arc::new(Source { name: format!("{place}.yaml"), text: formula.to_owned() });
    let problems = match expr::formula(formula, &bench.scope(place)) {
        Ok(checked) => checked.hints,
        Err(problems) => problems,
    };
    let diagnostics: Vec<Diagnostic> = problems
        .into_iter()
        .map(|p| Diagnostic {
            severity: p.severity,
            source: source.clone(),
            span: p.span,
            message: p.message,
            remedy: p.remedy,
        })
        .collect();
    checkrein::diag::report(&diagnostics, false)
}

#[test]
fn every_mistake_is_told_as_on_the_page() {
    let (path, text) = page("tests/diagnostics/formulas.md");
    let bench = bench(&text);
    let mut out = String::new();
    let mut place = "scenario".to_owned();
    let mut mistakes = 0;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        if let Some(named) = line.strip_prefix("## In ") {
            place = named.split(' ').next_back().expect("a place follows").trim_end_matches(':').to_owned();
        }
        if line != "```formula" {
            continue;
        }
        let formula: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let formula = formula.join("\n");
        out.push_str(&formula);
        out.push_str("\n```\n");
        // The old message, if there is one, makes way for the present one.
        if lines.peek() == Some(&"```text") {
            lines.by_ref().take_while(|line| *line != "```").for_each(drop);
        }
        let message = told(&formula, &bench, &place);
        assert!(!message.is_empty(), "nothing is wrong with `{formula}`");
        out.push_str("```text\n");
        out.push_str(&message);
        out.push_str("```\n");
        mistakes += 1;
    }
    assert!(mistakes >= 180, "only {mistakes} mistakes were found");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &out).expect("the page can be written");
    }
    let difference = text.lines().zip(out.lines()).find(|(a, b)| a != b);
    if std::env::var_os("BLESS").is_none() {
        assert!(text == out, "the page differs, first at {difference:?}; see the head of this file");
    }
}
