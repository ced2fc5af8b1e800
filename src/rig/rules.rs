//! Rules, of the envelope and of a scenario alike.

use super::keys::{RULE, STOP};
use super::model::{MarginUnit, Origin, Reaction, Rule};
use super::names::{Names, Place};
use super::yaml::{Entry, Fields, Node, Page, Word};
use crate::command::RuleId;
use crate::expr::ir::Formula;
use crate::expr::{Checked, MarginKind};
use crate::signal::SignalId;
use crate::stl::{RuleSpec, all_too_much};
use crate::time::Span;
use crate::units::Dimension;
use crate::wire::DeviceId;

/// A rule with what the rest of the check wants to know of it.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    pub rule: Rule,
    pub signals: Vec<SignalId>,
    pub parameters: Vec<String>,
    /// How long its judgement can stay open; `None`: for ever.
    pub horizon: Option<Span>,
    /// Where its name and its `react_within` stand.
    pub name_span: std::ops::Range<usize>,
    pub react_span: std::ops::Range<usize>,
    pub safe_span: std::ops::Range<usize>,
}

/// What a rule may stop: the rig's devices by name, with whether they have a ladder.
pub(crate) type Stoppable = [(String, DeviceId, bool)];

/// Reads `rules:`. `first` is the id of the first one.
pub(crate) fn read(
    page: &mut Page,
    node: &Node,
    names: &Names,
    place: Place<'_>,
    origin: Origin,
    first: usize,
    devices: &Stoppable,
) -> Vec<Read> {
    let Some(entries) = page.map(node, "`rules`") else { return Vec::new() };
    let mut list: Vec<Read> = Vec::new();
    for entry in entries {
        if let Some(read) = one(page, entry, names, place, origin, first + list.len(), devices) {
            list.push(read);
        }
    }
    let specs: Vec<RuleSpec> = list.iter().map(|read| read.rule.spec.clone()).collect();
    if let Some((message, remedy)) = all_too_much(&specs, &names.signals) {
        page.error(node.span.start..node.span.start, message, Some(remedy));
    }
    list
}

/// A rule's name may hold hyphens: formulas never read it.
fn is_rule_name(page: &mut Page, word: &Word) -> bool {
    let good = !word.text.is_empty()
        && word.text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        && word.text.starts_with(|c: char| c.is_ascii_alphabetic());
    if !good {
        page.error(
            word.span.clone(),
            format!("`{}` is no rule's name", word.text),
            Some("a rule's name is letters, digits, `-` and `_`, and begins with a letter".into()),
        );
    }
    good
}

fn one(
    page: &mut Page,
    entry: &Entry,
    names: &Names,
    place: Place<'_>,
    origin: Origin,
    id: usize,
    devices: &Stoppable,
) -> Option<Read> {
    let named = is_rule_name(page, &entry.key);
    let fields = page.fields(&entry.value, &RULE)?;
    let body = body(page, &fields, &entry.key, names, place);
    let when = match fields.get("when") {
        Some(node) => {
            let word = page.scalar(node, "a formula such as `fc.mode == GUIDED`");
            let past = match place {
                Place::Envelope | Place::Trace => Place::Device,
                Place::Rule(parameters) => Place::Step(parameters),
                other => other,
            };
            Some(word.and_then(|word| Some((names.formula(page, word, past)?, word.text.clone()))))
        }
        None => None,
    };
    let text = |page: &mut Page, key: &str, what: &str| {
        fields.get(key).and_then(|n| page.text(n, what)).map(|w| one_line(&w.text))
    };
    let because = text(page, "because", "a reason in words");
    let source = text(page, "source", "where the rule comes from, in words");
    let time = |page: &mut Page, key: &str, example: &str| fields.get(key).and_then(|n| page.time(n, example, false));
    let react_within = time(page, "react_within", "100 ms");
    let safe_within = time(page, "safe_within", "25 s");
    let process_safety_time = time(page, "process_safety_time", "500 ms");
    let reaction = match place {
        Place::Trace => Some(Reaction::Fail),
        _ => reaction(page, &entry.key, &fields, origin, devices),
    };
    let span_of = |key: &str| fields.get(key).map_or(entry.key.span.clone(), |n| n.span.clone());
    let (negated, checked, text) = body?;
    let when = match when {
        Some(when) => Some(when?),
        None => None,
    };
    let warn_at = fields.get("warn_at").and_then(|node| warn_at(page, node, &checked.margin));
    let window = sum(window(&checked), when.as_ref().map_or(Some(Span::ZERO), |(c, _)| window(c)));
    fits(page, &fields, window, react_within, safe_within, process_safety_time);
    let mut signals = checked.signals.clone();
    let mut parameters = checked.parameters.clone();
    if let Some((when, _)) = &when {
        signals.extend(when.signals.iter().filter(|s| !checked.signals.contains(s)));
        parameters.extend(when.parameters.iter().filter(|p| !checked.parameters.contains(p)).cloned());
    }
    let margin = match checked.margin {
        MarginKind::Unit(unit) => MarginUnit::Unit(unit),
        MarginKind::Share => MarginUnit::Share,
        MarginKind::Truth => MarginUnit::Truth,
    };
    let formula = if negated { Formula::Not(Box::new(checked.formula)) } else { checked.formula };
    let (when, when_text) = when.map(|(c, text)| (c.formula, one_line(&text))).unzip();
    let id = RuleId(u16::try_from(id).ok()?);
    let rule = Rule {
        name: entry.key.text.clone(),
        spec: RuleSpec { id, body: formula, when },
        origin,
        text,
        when_text,
        because,
        source,
        warn_at,
        react_within,
        safe_within,
        process_safety_time,
        reaction: reaction?,
        margin,
    };
    named.then_some(Read {
        rule,
        signals,
        parameters,
        horizon: checked.horizon,
        name_span: entry.key.span.clone(),
        react_span: span_of("react_within"),
        safe_span: span_of("safe_within"),
    })
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How much time the judgement of an instant can span; `None`: without end.
fn window(checked: &Checked) -> Option<Span> {
    Some(checked.history? + checked.horizon?)
}

/// The longer of two; without end if one is.
fn sum(a: Option<Span>, b: Option<Span>) -> Option<Span> {
    Some(a?.max(b?))
}

fn body(
    page: &mut Page,
    fields: &Fields<'_>,
    name: &Word,
    names: &Names,
    place: Place<'_>,
) -> Option<(bool, Checked, String)> {
    let (key, node, negated) = match (fields.get("always"), fields.get("never")) {
        (Some(node), None) => ("always", node, false),
        (None, Some(node)) => ("never", node, true),
        (Some(_), Some(_)) => {
            let entry = fields.entry("never").expect("it was just found");
            page.error(
                entry.key.span.clone(),
                format!("rule `{}` says both `always` and `never`", name.text),
                Some("make it two rules".into()),
            );
            return None;
        }
        (None, None) => {
            page.error(
                name.span.clone(),
                format!("rule `{}` says neither `always` nor `never`", name.text),
                Some("add `always:` with a formula".into()),
            );
            return None;
        }
    };
    let word = page.scalar(node, "a formula such as `fc.altitude <= 8 m`")?;
    let checked = names.formula(page, word, place)?;
    if checked.signals.is_empty() {
        page.error(word.span.clone(), "this reads no signal, so it judges nothing".into(), None);
        return None;
    }
    Some((negated, checked, format!("{key}: {}", one_line(&word.text))))
}

fn reaction(
    page: &mut Page,
    name: &Word,
    fields: &Fields<'_>,
    origin: Origin,
    devices: &Stoppable,
) -> Option<Reaction> {
    let all = || devices.iter().filter(|d| d.2).map(|d| d.1).collect::<Vec<_>>();
    let node = fields.get("on_violation");
    let said = match node {
        None if origin == Origin::Scenario => "fail",
        None => "stop",
        Some(node) => match node.word() {
            Some(word) if word.text == "stop" || word.text == "fail" => word.text.as_str(),
            Some(word) => {
                let message = format!("`{}` is no reaction", word.text);
                page.unknown(word, message, ["stop", "fail"].into_iter());
                return None;
            }
            None => "some",
        },
    };
    let reaction = match (said, node) {
        ("fail", _) => {
            if origin == Origin::Envelope && fields.get("because").is_none() {
                page.error(
                    name.span.clone(),
                    format!("rule `{}` lets the machine go on when it is broken, and does not say why", name.text),
                    Some("add `because: …`, or let it stop the machine".into()),
                );
            }
            for key in ["react_within", "safe_within", "process_safety_time"] {
                if let Some(entry) = fields.entry(key) {
                    page.error(
                        entry.key.span.clone(),
                        format!("rule `{}` stops nothing, so `{key}` means nothing", name.text),
                        Some("remove it, or add `on_violation: stop`".into()),
                    );
                }
            }
            return Some(Reaction::Fail);
        }
        ("stop", _) => Reaction::Stop(all()),
        (_, Some(node)) => Reaction::Stop(some(page, node, devices)?),
        (_, None) => return None,
    };
    if fields.get("react_within").is_none() {
        page.error(
            name.span.clone(),
            format!("rule `{}` stops the machine but does not say how fast", name.text),
            Some("add `react_within: 100 ms`: from the instant the violation could first be known to the first safe byte".into()),
        );
        return None;
    }
    if matches!(&reaction, Reaction::Stop(list) if list.is_empty()) {
        let message = "there is nothing to stop: no device of the rig has a ladder";
        if !page.has_message(message) {
            page.error(
                name.span.clone(),
                message.into(),
                Some("give a device `safe` and `ladder`, or write `on_violation: fail` with a `because`".into()),
            );
        }
        return None;
    }
    Some(reaction)
}

fn some(page: &mut Page, node: &Node, devices: &Stoppable) -> Option<Vec<DeviceId>> {
    let fields = page.fields(node, &STOP)?;
    let items = page.list(fields.get("stop")?, "`stop`")?;
    let mut list = Vec::new();
    for item in items {
        let word = page.text(item, "the name of a device")?;
        match devices.iter().find(|d| d.0 == word.text) {
            Some((_, id, true)) => list.push(*id),
            Some(_) => {
                let message = format!("`{}` has no ladder, so it cannot be stopped", word.text);
                page.error(word.span.clone(), message, None);
                return None;
            }
            None => {
                let message = format!("device `{}` is not in this rig", word.text);
                page.unknown(word, message, devices.iter().map(|d| d.0.as_str()));
                return None;
            }
        }
    }
    Some(list)
}

/// The warning margin in SI, in the dimension in which the margin is shown.
fn warn_at(page: &mut Page, node: &Node, margin: &MarginKind) -> Option<f64> {
    let word = page.scalar(node, "a margin such as `1 m`")?;
    let (dimension, example) = match margin {
        MarginKind::Unit(unit) => (unit.dimension, format!("1 {}", unit.difference().text)),
        MarginKind::Share => (Dimension::default(), "10 %".to_string()),
        MarginKind::Truth => {
            page.error(
                word.span.clone(),
                "this rule is either held or broken; it has no margin to warn at".into(),
                Some("remove `warn_at`".into()),
            );
            return None;
        }
    };
    let quantity = page.quantity_of(word)?;
    if !page.like(word, &quantity, dimension, &example) {
        return None;
    }
    // A margin is a difference: 2 degC of margin are 2 K.
    Some(quantity.unit.to_si(quantity.number) - quantity.unit.offset)
}

/// Window, reaction and way to safe must fit into the process safety time.
fn fits(
    page: &mut Page,
    fields: &Fields<'_>,
    window: Option<Span>,
    react: Option<Span>,
    safe: Option<Span>,
    limit: Option<Span>,
) {
    let (Some(node), Some(limit)) = (fields.get("process_safety_time"), limit) else { return };
    let Some(window) = window else {
        page.error(
            node.span.clone(),
            "the rule looks back or ahead without end, so that no process safety time can be held".into(),
            Some("give its temporal operators windows, such as `once[0, 1 s]`".into()),
        );
        return;
    };
    let total = window + react.unwrap_or(Span::ZERO) + safe.unwrap_or(Span::ZERO);
    if total > limit {
        let mut parts = vec![format!("{window} window")];
        parts.extend(react.map(|r| format!("{r} reaction")));
        parts.extend(safe.map(|s| format!("{s} to safe")));
        page.error(
            node.span.clone(),
            format!("{} make {total}, more than {limit}", parts.join(" + ")),
            Some("shorten the window or the reaction, or show that the process allows more time".into()),
        );
    }
}
