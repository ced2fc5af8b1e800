//! What is different between two runs, in the words of their verdicts.

use super::{Quality, Verdict};
use crate::time::Span;
use crate::trace::words;
use std::collections::BTreeMap;

/// One thing that differs; nothing where one of the runs has no such thing.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct RunDifference {
    /// `run`, `parameter`, `file`, `rule`, `reaction`, `gate` or `data`.
    pub kind: &'static str,
    pub what: String,
    pub a: Option<String>,
    pub b: Option<String>,
}

/// Everything that differs between two runs but when they were and what they are called, the most important first.
pub fn differences(a: (&Verdict, &Quality), b: (&Verdict, &Quality)) -> Vec<RunDifference> {
    let (left, right) = (told(a.0, a.1), told(b.0, b.1));
    let mut all = Vec::new();
    for ((kind, left), (_, right)) in left.into_iter().zip(right) {
        let mut names: Vec<&String> = left.order.iter().collect();
        names.extend(right.order.iter().filter(|name| !left.by_name.contains_key(*name)));
        for what in names {
            let (a, b) = (left.by_name.get(what), right.by_name.get(what));
            if a != b {
                all.push(RunDifference { kind, what: what.clone(), a: a.cloned(), b: b.cloned() });
            }
        }
    }
    all
}

/// Things of one kind, by name, in their order.
#[derive(Default)]
struct Things {
    order: Vec<String>,
    by_name: BTreeMap<String, String>,
}

impl Things {
    fn add(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let name = name.into();
        if self.by_name.insert(name.clone(), value.into()).is_none() {
            self.order.push(name);
        }
    }
}

fn told(verdict: &Verdict, quality: &Quality) -> [(&'static str, Things); 7] {
    let span = |seconds: f64| words::span(Span::from_seconds(seconds));
    let mut run = Things::default();
    run.add("verdict", verdict.verdict.unwrap_or("none"));
    run.add("why", verdict.reasons.join("; "));
    run.add("scenario", &verdict.scenario);
    run.add("rig", &verdict.rig);
    run.add("on", verdict.mode);
    run.add("seed", verdict.seed.to_string());
    run.add("program", &verdict.tool);
    run.add("lasted", span(verdict.duration_s));
    let mut rules = Things::default();
    for rule in &verdict.rules {
        rules.add(format!("{}: formula", rule.rule), &rule.text);
        rules.add(format!("{}: verdict", rule.rule), rule.verdict.unwrap_or("not judged"));
        rules.add(format!("{}: margin", rule.rule), &rule.margin.text);
        if let Some(at) = rule.violated_at_s {
            rules.add(format!("{}: broken from", rule.rule), format!("{at:.3} s"));
        }
    }
    let mut reactions = Things::default();
    for reaction in &verdict.reactions {
        let known = |seconds: Option<f64>| seconds.map_or_else(|| "never".to_owned(), span);
        reactions.add(format!("{}: first byte after", reaction.cause), known(reaction.first_byte_after_s));
        reactions.add(format!("{}: safe after", reaction.cause), known(reaction.safe_after_s));
    }
    let mut parameters = Things::default();
    verdict.parameters.iter().for_each(|parameter| parameters.add(&parameter.name, &parameter.value));
    let mut files = Things::default();
    verdict.files.iter().for_each(|file| files.add(&file.path, format!("sha256 {}", &file.sha256)));
    let mut gate = Things::default();
    for account in verdict.gate.iter().flat_map(|gate| &gate.controllers) {
        for (name, count) in [
            ("received", account.received),
            ("passed", account.passed),
            ("clamped", account.clamped),
            ("rejected", account.rejected),
            ("not understood", account.malformed),
        ] {
            gate.add(format!("{}: {name}", account.controller), count.to_string());
        }
    }
    let mut data = Things::default();
    for signal in &quality.signals {
        data.add(format!("{}: samples", signal.signal), signal.received.to_string());
        data.add(format!("{}: lost", signal.signal), signal.lost.map_or_else(String::new, |lost| lost.to_string()));
        data.add(format!("{}: times unknown", signal.signal), signal.gaps.to_string());
    }
    [
        ("run", run),
        ("rule", rules),
        ("reaction", reactions),
        ("parameter", parameters),
        ("file", files),
        ("gate", gate),
        ("data", data),
    ]
}
