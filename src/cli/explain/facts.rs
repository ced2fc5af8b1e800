//! What there is to know of a rule, worked out by the rooms below.

use super::{Subject, words};
use crate::expr::walk::signals_of;
use crate::expr::{history, horizon, known_in_english, rule_in_english};
use crate::rig::{MarginUnit, Reaction, Rule};
use crate::signal::{Every, SignalDef, SignalId, SignalKind, SignalTable};
use crate::stl::{Engine, Part, RuleSpec, SignalSpec, promises};
use crate::time::Span;
use std::collections::BTreeSet;

/// A signal that a rule reads.
pub struct Read {
    pub name: String,
    /// `m`, `{HOLD, LAND}`, `flag`, `event`.
    pub kind: String,
    /// The declared range with its unit.
    pub range: Option<String>,
    /// `None`: whenever it changes.
    pub every: Option<Span>,
    pub stale_after: Option<Span>,
    /// Nodes of the rule that one sample of it reaches.
    pub touches: usize,
}

/// One promise of a rule and when its violation is known.
pub struct Promise {
    pub words: String,
    pub known: String,
}

/// A node of the graph with its signals by name.
pub struct Node {
    pub part: Part,
    pub what: String,
    /// The unit of its values, where it is one.
    pub unit: Option<String>,
    /// Other rules that rest on it, too.
    pub shared_with: Vec<String>,
}

/// Everything about one rule.
pub struct Facts {
    pub name: String,
    /// `always: …` and the trigger, as written.
    pub text: String,
    pub when_text: Option<String>,
    pub because: Option<String>,
    pub source: Option<String>,
    pub english: Vec<String>,
    pub signals: Vec<Read>,
    /// What its margin is measured in.
    pub margin: String,
    pub reaction: String,
    pub react_within: Option<Span>,
    /// How far it looks back; `None`: to the start.
    pub history: Option<Span>,
    /// How long its judgement can stay open; `None`: for ever.
    pub horizon: Option<Span>,
    pub promises: Vec<Promise>,
    /// Children before their parents.
    pub nodes: Vec<Node>,
}

impl Facts {
    /// The most entries that its memory holds.
    pub fn entries(&self) -> usize {
        self.nodes.iter().map(|node| node.part.entries).sum()
    }
    /// Its memory; what it shares with other rules is counted in each.
    pub fn bytes(&self) -> usize {
        self.nodes.iter().map(|node| node.part.bytes).sum()
    }
    /// The most nodes that one sample reaches.
    pub fn touched(&self) -> usize {
        self.signals.iter().map(|read| read.touches).max().unwrap_or(0)
    }
    /// Signals with no declared period.
    pub fn undeclared(&self) -> Vec<&str> {
        self.signals.iter().filter(|read| read.every.is_none()).map(|read| read.name.as_str()).collect()
    }
}

/// The engine that judges these rules.
pub fn engine(rules: &[Rule], signals: &SignalTable) -> Engine {
    let specs: Vec<RuleSpec> = rules.iter().map(|rule| rule.spec.clone()).collect();
    let signals: Vec<SignalSpec> = signals.iter().map(|(_, def)| SignalSpec::of(def)).collect();
    Engine::new(&specs, &signals)
}

/// Everything about the wanted ones of the subject's rules.
pub fn of(subject: &Subject, wanted: &[&Rule]) -> Vec<Facts> {
    let signals = &subject.signals;
    let engine = engine(&subject.rules, signals);
    let graphs: Vec<(String, Vec<Part>)> =
        subject.rules.iter().map(|rule| (rule.name.clone(), engine.parts(rule.spec.id))).collect();
    wanted.iter().map(|rule| one(subject, rule, &graphs)).collect()
}

fn one(subject: &Subject, rule: &Rule, graphs: &[(String, Vec<Part>)]) -> Facts {
    let signals = &subject.signals;
    let parts = graphs.iter().find(|(name, _)| *name == rule.name).map_or(&[][..], |(_, parts)| parts);
    let others: Vec<(&str, BTreeSet<u32>)> = graphs
        .iter()
        .filter(|(name, _)| *name != rule.name)
        .map(|(name, parts)| (name.as_str(), parts.iter().map(|part| part.id).collect()))
        .collect();
    let units = words::units(parts, signals);
    let nodes: Vec<Node> = parts
        .iter()
        .map(|part| Node {
            what: words::named(part, &units, signals),
            unit: units.get(&part.id).map(|unit| unit.text.clone()).filter(|text| !text.is_empty()),
            shared_with: others
                .iter()
                .filter(|(_, ids)| ids.contains(&part.id))
                .map(|(n, _)| (*n).to_owned())
                .collect(),
            part: part.clone(),
        })
        .collect();
    let mut read = signals_of(&rule.spec.body);
    for signal in rule.spec.when.iter().flat_map(signals_of) {
        if !read.contains(&signal) {
            read.push(signal);
        }
    }
    let when = rule.spec.when.as_ref();
    let unit = match &rule.margin {
        MarginUnit::Unit(unit) => Some(unit),
        _ => None,
    };
    let longer = |a: Option<Span>, b: Option<Span>| Some(a?.max(b?));
    Facts {
        name: rule.name.clone(),
        text: rule.text.clone(),
        when_text: rule.when_text.clone(),
        because: rule.because.clone(),
        source: rule.source.clone(),
        english: rule_in_english(&rule.spec.body, when, unit, signals),
        signals: read.iter().map(|id| read_of(*id, signals.def(*id), parts)).collect(),
        margin: match &rule.margin {
            MarginUnit::Unit(unit) => match unit.difference().text {
                text if text.is_empty() => "a plain number".into(),
                text => format!("in {text}"),
            },
            MarginUnit::Share => "a share of what each comparison can differ by".into(),
            MarginUnit::Truth => "none: it is held or broken".into(),
        },
        reaction: match &rule.reaction {
            Reaction::Fail => "the verdict is `fail`, the run goes on".into(),
            Reaction::Stop(devices) => {
                let names: Vec<&str> = devices
                    .iter()
                    .filter_map(|id| subject.devices.get(usize::from(id.0)))
                    .map(String::as_str)
                    .collect();
                format!("the ladder of {}", names.join(", "))
            }
        },
        react_within: rule.react_within,
        history: longer(history(&rule.spec.body), when.map_or(Some(Span::ZERO), history)),
        horizon: horizon(&rule.spec.body),
        promises: promises(&rule.spec)
            .into_iter()
            .map(|(_, promise)| Promise {
                words: crate::expr::words(&promise, signals),
                known: known_in_english(&promise, signals),
            })
            .collect(),
        nodes,
    }
}

fn read_of(id: SignalId, def: &SignalDef, parts: &[Part]) -> Read {
    let (kind, range) = match &def.kind {
        SignalKind::Number { unit, range } => {
            let kind = if unit.text.is_empty() { "number".to_owned() } else { unit.text.clone() };
            (kind, range.map(|(lo, hi)| format!("{} .. {}", unit.show(lo, 6), unit.show(hi, 6))))
        }
        SignalKind::States { names } => (format!("{{{}}}", names.join(", ")), None),
        SignalKind::Flag => ("flag".into(), None),
        SignalKind::Pulse => ("event".into(), None),
    };
    let every = match def.every {
        Every::Period(period) => Some(period),
        Every::Change => None,
    };
    Read { name: def.name.clone(), kind, range, every, stale_after: def.stale_after, touches: reached(id, parts) }
}

/// How many nodes a sample of the signal reaches: those that read it, and all that rests on them.
fn reached(signal: SignalId, parts: &[Part]) -> usize {
    let mut reached = BTreeSet::new();
    for part in parts {
        let reads = words::signal_numbers(&part.what).any(|(_, number)| number == signal.0);
        if reads || part.children.iter().any(|(child, _)| reached.contains(child)) {
            reached.insert(part.id);
        }
    }
    reached.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_reaches_what_rests_on_its_signal() {
        let part = |id: u32, what: &str, children: &[u32]| {
            let children = children.iter().map(|&child| (child, false)).collect();
            Part { id, what: what.into(), children, late: Span::ZERO, entries: 0, bytes: 0 }
        };
        let parts =
            [part(1, "signal 0", &[]), part(2, "signal 1", &[]), part(4, "sum", &[1, 2]), part(9, "once", &[4])];
        assert_eq!(reached(SignalId(0), &parts), 3);
        assert_eq!(reached(SignalId(2), &parts), 0);
    }
}
