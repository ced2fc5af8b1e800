//! Whether a policy talks as the rig lets its device talk: what it hears must be said to it, and what it says be heard.

use crate::codec::DeviceConfig;
use crate::diag::nearest;
use crate::policy::mapping::{Heard, Mapping, Said};

/// A mistake, in words, and what to do about it.
pub(crate) type Told = (String, Option<String>);

/// Everything in which the mapping and the device's part of the rig do not meet.
pub(crate) fn misfits(config: &DeviceConfig, mapping: &Mapping) -> Vec<Told> {
    let mut told = Vec::new();
    let device = &config.name;
    let heard: Vec<&str> = config
        .tells
        .iter()
        .map(|tells| tells.topic.as_str())
        .chain(config.commands.iter().map(|command| command.send.as_str()))
        .collect();
    for input in &mapping.inputs {
        let name = &input.name;
        let Some(topic) = &input.topic else {
            told.push((format!("`{name}` of the mapping has no topic"), Some(known(None, heard.iter().copied()))));
            continue;
        };
        if !heard.contains(&topic.as_str()) {
            let message = format!("the mapping hears `{name}` on `{topic}`, where nothing is said to `{device}`");
            told.push((message, Some(known(Some(topic), heard.iter().copied()))));
            continue;
        }
        let Some(tells) = config.tells.as_ref().filter(|tells| tells.topic == *topic) else { continue };
        let fields: Vec<&str> = tells.fields.iter().map(|field| field.name.as_str()).collect();
        let field = input.pointer.trim_start_matches('/');
        if !fields.contains(&field) {
            let message = format!("the mapping takes `{name}` from `{field}`, which `{device}` is not told");
            told.push((message, Some(known(Some(field), fields.iter().copied()))));
        }
        let Some(field) = tells.fields.iter().find(|known| known.name == field) else { continue };
        match &input.kind {
            Heard::Number { scale, offset } if field.states.is_empty() => {
                told.extend(miscount(&field.name, (field.scale, field.offset), (*scale, *offset)));
            }
            Heard::States(states) => {
                for (state, _) in states.iter().filter(|(state, _)| !field.states.contains(state)) {
                    let message = format!("`{}` has no state `{state}`", field.name);
                    told.push((message, Some(known(Some(state), field.states.iter().map(String::as_str)))));
                }
            }
            Heard::Number { .. } => {
                let message = format!("`{}` is told as a state, and the mapping takes it for a number", field.name);
                told.push((message, Some("write `states: { … }`".into())));
            }
            Heard::Flag => {}
        }
    }
    let topic_of = |field: &str| field.split('#').next().unwrap_or(field).to_owned();
    let signals: Vec<String> = config.signals.iter().map(|signal| topic_of(&signal.field)).collect();
    for say in &mapping.says {
        let listened = || config.may.iter().map(|may| may.topic.as_str()).chain(signals.iter().map(String::as_str));
        let Some(topic) = &say.topic else {
            told.push(("a message of the mapping has no topic".into(), Some(known(None, listened()))));
            continue;
        };
        let Some(may) = config.may.iter().find(|may| may.topic == *topic) else {
            if !signals.contains(topic) {
                let message = format!("the mapping speaks on `{topic}`, where nobody listens to `{device}`");
                told.push((message, Some(known(Some(topic), listened()))));
            }
            continue;
        };
        for (name, said) in &say.with {
            let (Said::Output { scale, offset, .. } | Said::Input { scale, offset, .. }) = said else { continue };
            if let Some((_, own, zero)) = may.args.iter().find(|(arg, ..)| arg == name) {
                told.extend(miscount(name, (*own, *zero), (*scale, *offset)));
            }
        }
        for (name, ..) in may.args.iter().filter(|(name, ..)| !say.with.iter().any(|(given, _)| given == name)) {
            told.push((format!("the mapping's message on `{topic}` lacks the argument `{name}`"), None));
        }
        for (name, _) in say.with.iter().filter(|(name, _)| !may.args.iter().any(|(arg, ..)| arg == name)) {
            let args = may.args.iter().map(|(arg, ..)| arg.as_str());
            told.push((
                format!("the command asked for on `{topic}` has no argument `{name}`"),
                Some(known(Some(name), args)),
            ));
        }
    }
    told
}

/// Whether a raw count is the same on both ends.
fn miscount(name: &str, rig: (f64, f64), mapping: (f64, f64)) -> Option<Told> {
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
    if near(rig.0, mapping.0) && near(rig.1, mapping.1) {
        return None;
    }
    let count = |(scale, offset): (f64, f64)| match offset == 0.0 {
        true => format!("{scale}"),
        false => format!("{scale} above {offset}"),
    };
    let message =
        format!("one raw count of `{name}` is {} in SI by the rig, and {} by the mapping", count(rig), count(mapping));
    Some((message, Some("write the unit of the rig as `scale`: `scale: 1 deg`".into())))
}

fn known<'k>(wrong: Option<&str>, all: impl Iterator<Item = &'k str>) -> String {
    let all: Vec<&str> = all.collect();
    match wrong.and_then(|wrong| nearest(wrong, all.iter().copied())) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known: {}", all.join(", ")),
    }
}
