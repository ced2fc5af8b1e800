//! The page on how to read a why: every example on it is judged, and explained in exactly these words.
//!
//! `BLESS=1 cargo test --test why_page` writes the answers anew. Read the difference before it is committed: every one
//! of them is read by a person.

use checkrein::command::RuleId;
use checkrein::expr::ir::Formula;
use checkrein::expr::{self, Checked, MarginKind, Scope};
use checkrein::signal::{Every, SignalDef, SignalId, SignalKind, SignalTable, Value};
use checkrein::stl::why::{Explainer, Record};
use checkrein::stl::{Engine, RuleSpec, RuleVerdict, SignalSpec};
use checkrein::time::{Span, Time};
use checkrein::units::{Quantity, Unit};
use std::collections::BTreeMap;
use std::path::PathBuf;

const RULE: RuleId = RuleId(0);

/// `name kind[, stale after SPAN]`.
fn declare(signals: &mut SignalTable, line: &str) {
    let (line, stale) = match line.split_once(", stale after ") {
        Some((line, stale)) => (line, Quantity::parse(stale).expect("a span").span()),
        None => (line, None),
    };
    let (name, kind) = line.split_once(' ').map(|(a, b)| (a, b.trim())).expect("name and kind");
    let kind = if let Some(states) = kind.strip_prefix('{') {
        let names = states.trim_end_matches('}').split(',').map(|s| s.trim().to_owned()).collect();
        SignalKind::States { names }
    } else if kind == "flag" {
        SignalKind::Flag
    } else if kind == "pulse" {
        SignalKind::Pulse
    } else {
        let (unit, range) = kind.split_once(' ').expect("unit and range");
        let (lo, hi) = Quantity::parse_range(range.trim()).expect("a range");
        SignalKind::Number { unit: Unit::parse(unit).expect("a unit"), range: Some((lo.si(), hi.si())) }
    };
    let every = Every::Period(Span::from_millis(20));
    let def = SignalDef { name: name.into(), device: None, kind, every, stale_after: stale };
    signals.add(def).expect("each signal once");
}

/// A rule and what was heard.
struct Example {
    rule: RuleSpec,
    margin: MarginKind,
    record: Record,
}

fn checked(text: &str, signals: &SignalTable) -> Checked {
    let defines = BTreeMap::new();
    let scope = Scope { signals, defines: &defines, parameters: None, run_names: false, future: true };
    expr::formula(text, &scope).unwrap_or_else(|problems| panic!("{text}: {problems:?}"))
}

fn value(signals: &SignalTable, signal: SignalId, text: &str) -> Option<Value> {
    Some(match (text, &signals.def(signal).kind) {
        ("lost", _) => return None,
        ("nonsense", SignalKind::Number { .. }) => Value::Number(f64::NAN),
        ("nonsense", _) => Value::Unknown,
        (text, SignalKind::Number { .. }) => Value::Number(Quantity::parse(text).expect("a quantity").si()),
        (text, SignalKind::States { names }) => {
            Value::State(names.iter().position(|name| name == text).expect("a state") as u16)
        }
        (text, SignalKind::Flag) => Value::Flag(text == "yes"),
        (_, SignalKind::Pulse) => Value::Pulse,
    })
}

fn example(text: &str, signals: &SignalTable) -> Example {
    let mut record = Record::default();
    let (mut body, mut when, mut margin) = (None, None, MarginKind::Truth);
    for line in text.lines() {
        if let Some(formula) = line.strip_prefix("when: ") {
            when = Some(checked(formula, signals).formula);
        } else if let Some(formula) = line.strip_prefix("always: ") {
            let checked = checked(formula, signals);
            margin = checked.margin;
            body = Some(checked.formula);
        } else if let Some(formula) = line.strip_prefix("never: ") {
            let checked = checked(formula, signals);
            margin = checked.margin;
            body = Some(Formula::Not(Box::new(checked.formula)));
        } else {
            let (at, heard) = line.split_once("  ").expect("an instant, two spaces, what was heard");
            let at = Time::ZERO + Quantity::parse(at).expect("an instant").span().expect("a time");
            record.end = at;
            for one in heard.trim().split(", ").filter(|one| *one != "end") {
                let (name, said) = one.split_once(' ').unwrap_or((one, ""));
                let signal = signals.find(name).unwrap_or_else(|| panic!("no signal {name}"));
                record.samples.push((at, signal, value(signals, signal, said)));
            }
        }
    }
    let rule = RuleSpec { id: RULE, body: body.expect("a rule"), when };
    Example { rule, margin, record }
}

fn verdict(example: &Example, specs: &[SignalSpec]) -> RuleVerdict {
    let mut engine = Engine::new(std::slice::from_ref(&example.rule), specs);
    let mut changes = Vec::new();
    engine.start(example.record.start, &[], &mut changes);
    for (at, signal, value) in &example.record.samples {
        match value {
            Some(value) => engine.push(*at, &[(*signal, *value)], &mut changes),
            None => engine.lose(*at, &[*signal], &mut changes),
        }
    }
    engine.advance(example.record.end.next(), &mut changes);
    engine.finish(example.record.end)[0].verdict
}

/// What a person is told.
fn answer(text: &str, signals: &SignalTable) -> String {
    let example = example(text, signals);
    let specs: Vec<SignalSpec> =
        signals.iter().map(|(_, def)| SignalSpec { every: None, ..SignalSpec::of(def) }).collect();
    let verdict = verdict(&example, &specs);
    let explainer = Explainer::new(&specs, &example.record);
    let why = explainer.why(&example.rule, verdict);
    let told = why.tell(signals, &example.margin);
    let word = match verdict {
        RuleVerdict::Pass => "pass",
        RuleVerdict::Fail => "fail",
        RuleVerdict::Untested => "untested",
        RuleVerdict::Inconclusive => "inconclusive",
    };
    let mut lines = vec![match &told.because {
        Some(because) => format!("{word}: {because}"),
        None => word.to_owned(),
    }];
    for episode in &told.episodes {
        lines.push(format!("broken {}, {}", episode.text, episode.worst_text));
    }
    if let Some(worst) = why.worst.filter(|_| example.margin == MarginKind::Share) {
        let step = explainer.explain(&example.rule, worst.place);
        lines.extend(step.critical(signals, &example.margin).map(|critical| format!("least margin {critical}")));
    }
    lines.extend(explainer.timings(&example.rule).iter().map(|timing| timing.tell(signals).text));
    lines.extend(told.lines.iter().map(|line| format!("  {line}")));
    lines.join("\n") + "\n"
}

#[test]
fn every_example_is_explained_in_these_words() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/why.md");
    let page = std::fs::read_to_string(&path).expect("the page is there");
    let mut signals = SignalTable::new();
    let (mut out, mut rest, mut examples) = (String::new(), page.as_str(), 0);
    while let Some(start) = rest.find("\n```") {
        let (info, after) = rest[start + 4..].split_once('\n').expect("a fence ends its line");
        let end = after.find("```").expect("every fence is closed");
        let text = &after[..end];
        out.push_str(&rest[..start + 5 + info.len()]);
        match info.trim() {
            "signals" => {
                text.lines().for_each(|line| declare(&mut signals, line));
                out.push_str(text);
            }
            "why" => {
                examples += 1;
                let asked = text.split_once("---\n").map_or(text, |(asked, _)| asked);
                out.push_str(&format!("{asked}---\n{}", answer(asked, &signals)));
            }
            _ => out.push_str(text),
        }
        out.push_str("```");
        rest = &after[end + 3..];
    }
    out.push_str(rest);
    assert!(examples >= 25, "only {examples} examples");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &out).expect("it can be written");
        return;
    }
    for (line, (is, should)) in page.lines().zip(out.lines()).enumerate() {
        assert_eq!(is, should, "docs/why.md:{}: BLESS=1 writes it anew", line + 1);
    }
    assert_eq!(page, out, "docs/why.md: BLESS=1 writes it anew");
}
