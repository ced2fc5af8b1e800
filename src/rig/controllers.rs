//! What a controller is told and what it may ask for.

use super::devices::Draft;
use super::keys::{MAY, TELLS};
use super::model::{MayDef, Role};
use super::names::Names;
use super::yaml::Page;
use crate::codec::{May, Protocol, TellField, Tells};
use crate::command::{ArgKind, CommandTable};
use crate::signal::SignalKind;
use crate::time::Span;
use crate::units::Dimension;
use std::collections::BTreeSet;

/// Reads `tells` and `may` of a device.
pub(super) fn read(
    page: &mut Page,
    draft: &mut Draft<'_>,
    names: &Names,
    commands: &CommandTable,
    broken: &BTreeSet<String>,
) -> Vec<MayDef> {
    if draft.role != Role::Controller {
        for key in ["tells", "may"] {
            if let Some(entry) = draft.fields.entry(key) {
                let message = format!("`{key}` is for a controller; `{}` is a machine", draft.word.text);
                page.error(entry.key.span.clone(), message, Some("add `role: controller`, or remove it".into()));
            }
        }
        return Vec::new();
    }
    if let (Some(Protocol::Mavlink { .. }), Some(entry)) =
        (draft.codec.as_ref().map(|c| &c.protocol), draft.fields.entry("tells").or(draft.fields.entry("may")))
    {
        let message = "a controller is told and heard as JSON over MQTT".to_string();
        page.error(entry.key.span.clone(), message, Some("write `protocol: json`".into()));
        return Vec::new();
    }
    let told = tells(page, draft, names);
    if let Some(codec) = &mut draft.codec {
        codec.tells = told;
    }
    may(page, draft, commands, broken)
}

fn tells(page: &mut Page, draft: &mut Draft<'_>, names: &Names) -> Option<Tells> {
    let node = draft.fields.get("tells")?;
    draft.sites.tells = node.head();
    let fields = page.fields(node, &TELLS)?;
    let topic = fields.get("topic").and_then(|n| page.text(n, "a topic"));
    let every = fields.get("every").and_then(|n| page.period(n, "20 ms"));
    let mut told: Vec<TellField> = Vec::new();
    for item in page.list(fields.get("fields")?, "`fields`")? {
        let Some(word) = page.text(item, "the name of a signal") else { continue };
        if names.broken.contains(&word.text) {
            continue;
        }
        let Some(signal) = names.signals.find(&word.text) else {
            let message = format!("signal `{}` is not in this rig", word.text);
            page.unknown(word, message, names.signals.names());
            continue;
        };
        if told.iter().any(|f| f.signal == signal) {
            page.error(word.span.clone(), format!("`{}` is told twice", word.text), None);
            continue;
        }
        let (scale, offset, states) = match &names.signals.def(signal).kind {
            SignalKind::Number { unit, .. } => (unit.scale, unit.offset, Vec::new()),
            SignalKind::States { names } => (1.0, 0.0, names.clone()),
            SignalKind::Flag => (1.0, 0.0, Vec::new()),
            SignalKind::Pulse => {
                page.error(word.span.clone(), format!("`{}` is an event without a value", word.text), None);
                continue;
            }
        };
        told.push(TellField { signal, name: word.text.clone(), scale, offset, states });
    }
    Some(Tells { topic: topic?.text.clone(), every: every?, fields: told })
}

fn may(page: &mut Page, draft: &mut Draft<'_>, commands: &CommandTable, broken: &BTreeSet<String>) -> Vec<MayDef> {
    let mut list = Vec::new();
    let Some(entries) = draft.fields.get("may").and_then(|node| page.map(node, "`may`")) else { return list };
    for entry in entries {
        let Some(fields) = page.fields(&entry.value, &MAY) else { continue };
        let topic = fields.get("topic").and_then(|n| page.text(n, "a topic"));
        let max_age = fields.get("max_age").and_then(|n| page.time(n, "250 ms", false));
        let min_interval = fields.get("rate").and_then(|node| {
            let hertz = Dimension { time: -1, ..Dimension::default() };
            let rate = page.quantity_like(node, hertz, "50 Hz")?;
            if rate.si() <= 0.0 {
                page.wrong(node, "a rate greater than zero, such as `50 Hz`");
                return None;
            }
            Some(Span::from_seconds(1.0 / rate.si()))
        });
        if broken.contains(&entry.key.text) {
            continue;
        }
        let Some(command) = commands.find(&entry.key.text) else {
            let message = format!("command `{}` is not in this rig", entry.key.text);
            page.unknown(&entry.key, message, commands.names());
            continue;
        };
        let def = commands.def(command);
        if def.device == draft.id {
            let message = format!("`{}` is a command to the controller itself", def.name);
            page.error(entry.key.span.clone(), message, Some("a controller asks for commands of machines".into()));
            continue;
        }
        let Some(topic) = topic else { continue };
        let args = def.args.iter().map(|arg| match &arg.kind {
            ArgKind::Number { unit, .. } => (arg.name.clone(), unit.scale, unit.offset),
            ArgKind::States { .. } => (arg.name.clone(), 1.0, 0.0),
        });
        if let Some(codec) = &mut draft.codec {
            codec.may.push(May { command, topic: topic.text.clone(), args: args.collect() });
            draft.sites.may.push(topic.span.clone());
        }
        list.push(MayDef { command, max_age, min_interval });
    }
    list
}
