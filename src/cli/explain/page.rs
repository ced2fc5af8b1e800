//! The facts of a rule as a page for people and as JSON for programs.

use super::facts::{Facts, Node};
use crate::cli::say::bytes;
use crate::time::Span;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Promises that are told one by one.
const PROMISES_MAX: usize = 12;
/// Nodes that are drawn; of more only the number is told.
const NODES_MAX: usize = 400;

fn looks_back(facts: &Facts) -> String {
    match facts.history {
        Some(Span::ZERO) => "nowhere: no warm-up".into(),
        Some(span) => format!("{span}: until so much has passed since the start, what it cannot see is warm-up"),
        None => "to the start".into(),
    }
}

fn looks_ahead(facts: &Facts) -> String {
    match facts.horizon {
        Some(Span::ZERO) => "nowhere: each instant is decided when it is over".into(),
        Some(span) => format!("{span}: an instant is decided by then"),
        None => "without end: what has not come by the end of the run is unknown".into(),
    }
}

/// One rule on a few lines.
pub fn brief(facts: &Facts) -> String {
    let mut text = format!("{}\n", facts.name);
    for line in &facts.english {
        text.push_str(&format!("  {line}\n"));
    }
    text
}

/// What stands under a list of rules.
pub fn footer(title: &str, facts: &[Facts]) -> String {
    let nodes: BTreeSet<u32> = facts.iter().flat_map(|f| f.nodes.iter().map(|node| node.part.id)).collect();
    let alone: usize = facts.iter().map(|f| f.nodes.len()).sum();
    format!(
        "{} rules of {} rest on {} nodes ({alone} if nothing were shared). `checkrein explain RULE` tells all about one.",
        facts.len(),
        title,
        nodes.len()
    )
}

/// Everything about one rule.
pub fn whole(facts: &Facts) -> String {
    let mut out = Page::default();
    out.line(0, &facts.name);
    if let Some(when) = &facts.when_text {
        out.line(1, &format!("when: {when}"));
    }
    out.line(1, &facts.text);
    out.head("In words");
    facts.english.iter().for_each(|line| out.line(1, line));
    out.fact("because", facts.because.as_deref());
    out.fact("source", facts.source.as_deref());
    out.fact("if broken", Some(&facts.reaction));
    out.fact("reaction", facts.react_within.map(|span| format!("within {span}")).as_deref());

    out.head("Signals");
    let rows: Vec<[String; 5]> = facts
        .signals
        .iter()
        .map(|read| {
            [
                read.name.clone(),
                read.kind.clone(),
                read.range.clone().unwrap_or_default(),
                read.every.map_or("on change".into(), |span| format!("every {span}")),
                read.stale_after.map_or("holds until the next one".into(), |span| format!("stale after {span}")),
            ]
        })
        .collect();
    out.table(&rows);

    out.head("Judged");
    out.fact("margin", Some(&facts.margin));
    out.fact("looks back", Some(&looks_back(facts)));
    out.fact("looks ahead", Some(&looks_ahead(facts)));
    match &facts.promises[..] {
        [only] => out.fact("a violation is known", Some(&only.known)),
        many => {
            out.line(1, "a violation is known");
            for promise in many.iter().take(PROMISES_MAX) {
                out.line(2, &format!("of `{}`: {}", promise.words, promise.known));
            }
            if many.len() > PROMISES_MAX {
                out.line(2, &format!("and of {} more", many.len() - PROMISES_MAX));
            }
        }
    }

    out.head("Cost");
    out.fact(
        "memory",
        Some(&format!("{} entries, {}, taken before the first sample", facts.entries(), bytes(facts.bytes()))),
    );
    out.fact(
        "one sample",
        Some(&format!(
            "touches at most {} of {} nodes and works through at most {} entries",
            facts.touched(),
            facts.nodes.len(),
            facts.entries()
        )),
    );
    let undeclared = facts.undeclared();
    if !undeclared.is_empty() && facts.entries() > 0 {
        let which = undeclared.join(", ");
        out.fact(
            "no declared period",
            Some(&format!(
                "{which}: memory is planned for 50 samples a second; faster ones are merged, soundly, and told"
            )),
        );
    }

    let shared = facts.nodes.iter().filter(|node| !node.shared_with.is_empty()).count();
    let nodes = if facts.nodes.len() == 1 { "node" } else { "nodes" };
    out.head(&format!("Graph: {} {nodes}, {shared} of them shared with other rules", facts.nodes.len()));
    if facts.nodes.len() <= NODES_MAX {
        tree(&facts.nodes, &mut out);
    } else {
        out.line(1, &format!("too many to draw (more than {NODES_MAX}); --json has them all"));
    }
    out.text
}

/// The nodes from the top, each drawn once.
fn tree(nodes: &[Node], out: &mut Page) {
    let inner: BTreeSet<u32> =
        nodes.iter().flat_map(|node| node.part.children.iter().map(|(child, _)| *child)).collect();
    let mut drawn = BTreeSet::new();
    for root in nodes.iter().rev().filter(|node| !inner.contains(&node.part.id)) {
        branch(root, false, 1, nodes, &mut drawn, out);
    }
}

fn branch(node: &Node, negated: bool, level: usize, nodes: &[Node], drawn: &mut BTreeSet<u32>, out: &mut Page) {
    let part = &node.part;
    let mut line = format!("#{} {}{}", part.id, if negated { "not " } else { "" }, node.what);
    if !drawn.insert(part.id) {
        if !part.children.is_empty() {
            line.push_str(" (above)");
        }
        out.line(level, &line);
        return;
    }
    let mut notes: Vec<String> = Vec::new();
    if node.part.what.parse::<f64>().is_err() {
        notes.extend(node.unit.clone().map(|unit| format!("in {unit}")));
    }
    if part.late > Span::ZERO {
        notes.push(format!("{} late", part.late));
    }
    if part.entries > 0 {
        notes.push(format!("{} entries, {}", part.entries, bytes(part.bytes)));
    }
    if !node.shared_with.is_empty() {
        notes.push(format!("shared with {}", node.shared_with.join(", ")));
    }
    if !notes.is_empty() {
        line.push_str(&format!("  [{}]", notes.join("; ")));
    }
    out.line(level, &line);
    for (child, negated) in &part.children {
        if let Some(child) = nodes.iter().find(|node| node.part.id == *child) {
            branch(child, *negated, level + 1, nodes, drawn, out);
        }
    }
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn line(&mut self, level: usize, words: &str) {
        self.text.push_str(&"  ".repeat(level));
        self.text.push_str(words);
        self.text.push('\n');
    }
    fn head(&mut self, words: &str) {
        self.text.push('\n');
        self.line(0, words);
    }
    fn fact(&mut self, name: &str, words: Option<&str>) {
        if let Some(words) = words {
            self.line(1, &format!("{name}: {words}"));
        }
    }
    /// Columns as wide as their widest word.
    fn table<const N: usize>(&mut self, rows: &[[String; N]]) {
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        for row in rows {
            let cells: Vec<String> = row
                .iter()
                .enumerate()
                .filter(|(i, _)| width(*i) > 0)
                .map(|(i, cell)| format!("{cell:width$}", width = width(i)))
                .collect();
            self.line(1, cells.join("  ").trim_end());
        }
    }
}

/// The same for programs: times in ns, memory in bytes.
pub fn json(facts: &Facts) -> Value {
    let nanos = |span: Option<Span>| span.map(Span::nanos);
    json!({
        "rule": facts.name,
        "text": facts.text,
        "when": facts.when_text,
        "because": facts.because,
        "source": facts.source,
        "words": facts.english,
        "reaction": facts.reaction,
        "react_within_ns": nanos(facts.react_within),
        "margin": facts.margin,
        "history_ns": nanos(facts.history),
        "horizon_ns": nanos(facts.horizon),
        "signals": facts.signals.iter().map(|read| json!({
            "name": read.name,
            "kind": read.kind,
            "range": read.range,
            "every_ns": nanos(read.every),
            "stale_after_ns": nanos(read.stale_after),
            "nodes_touched": read.touches,
        })).collect::<Vec<_>>(),
        "violation_known": facts.promises.iter().map(|promise| json!({
            "promise": promise.words,
            "known": promise.known,
        })).collect::<Vec<_>>(),
        "memory": { "entries": facts.entries(), "bytes": facts.bytes() },
        "worst_case": { "nodes_touched": facts.touched(), "entries": facts.entries() },
        "nodes": facts.nodes.iter().map(|node| json!({
            "id": node.part.id,
            "what": node.what,
            "unit": node.unit,
            "children": node.part.children.iter().map(|(id, negated)| json!({ "id": id, "negated": negated })).collect::<Vec<_>>(),
            "late_ns": node.part.late.nanos(),
            "entries": node.part.entries,
            "bytes": node.part.bytes,
            "shared_with": node.shared_with,
        })).collect::<Vec<_>>(),
    })
}
