//! The `commands:` of a device.

use super::devices::{Draft, FieldSite, raw};
use super::keys::{COMMAND, FROM_ARG};
use super::names::Names;
use super::signals::shown;
use super::yaml::{Entry, Fields, Kind, Node, Page, Word};
use crate::codec::{CommandMap, FieldValue};
use crate::command::{ARGS_MAX, ArgDef, ArgKind, Carry, Command, CommandDef, CommandId, CommandTable};
use crate::signal::SignalKind;
use crate::time::Span;
use crate::units::{Dimension, Quantity, Unit};
use std::collections::BTreeSet;
use std::ops::Range;

/// Adds the commands of a device, in file order. Returns where each of them stands.
pub(super) fn read(
    page: &mut Page,
    draft: &mut Draft<'_>,
    names: &Names,
    table: &mut CommandTable,
    broken: &mut BTreeSet<String>,
) -> Vec<(CommandId, Range<usize>)> {
    let mut made = Vec::new();
    let Some(node) = draft.fields.get("commands") else { return made };
    let Some(entries) = page.map(node, "`commands`") else { return made };
    for entry in entries {
        if !page.is_name(&entry.key, "a command's name") {
            continue;
        }
        let full = format!("{}.{}", draft.word.text, entry.key.text);
        match one(page, draft, entry, &full, names) {
            Some((def, map, site)) => {
                let Some(id) = table.add(def) else { continue };
                made.push((id, entry.key.span.clone()));
                if let Some(codec) = &mut draft.codec {
                    codec.commands.push(CommandMap { command: id, ..map });
                    draft.sites.commands.push(site);
                }
            }
            None => {
                broken.insert(full);
            }
        }
    }
    made
}

type Site = (Range<usize>, Vec<FieldSite>);

fn one(
    page: &mut Page,
    draft: &Draft<'_>,
    entry: &Entry,
    full: &str,
    names: &Names,
) -> Option<(CommandDef, CommandMap, Site)> {
    let fields = page.fields(&entry.value, &COMMAND)?;
    let args = match fields.get("args") {
        Some(node) => args(page, node, full, names),
        None => Some(Vec::new()),
    };
    let send = fields.get("send").and_then(|n| page.text(n, "a message or topic"));
    let ack = match fields.get("ack") {
        Some(node) => Some(page.text(node, "the message that acknowledges it")?.text.clone()),
        None => None,
    };
    let harmless = fields.get("harmless").is_some_and(|n| page.flag(n).unwrap_or(false));
    let args = args?;
    // While the protocol is wrong, nothing is told that hangs on it.
    let with = with(page, &fields, &args, full, draft.json.unwrap_or(true));
    let send = send?;
    let (with, sites) = with?;
    let map = CommandMap {
        // Known once the command is in the table.
        command: CommandId(0),
        send: send.text.clone(),
        with,
        ack: ack.clone(),
    };
    let acked = ack.is_some();
    let def = CommandDef { name: full.into(), device: draft.id, args, harmless, acked };
    Some((def, map, (send.span.clone(), sites)))
}

fn args(page: &mut Page, node: &Node, full: &str, names: &Names) -> Option<Vec<ArgDef>> {
    let entries = page.map(node, "`args`")?;
    if entries.len() > ARGS_MAX {
        let message = format!("`{full}` has {} arguments; at most {ARGS_MAX} are possible", entries.len());
        page.error(entries[ARGS_MAX].key.span.clone(), message, None);
        return None;
    }
    let mut args = Vec::new();
    let mut good = true;
    for entry in entries {
        let named = page.is_name(&entry.key, "an argument's name");
        match arg(page, entry, names) {
            Some(made) if named => args.push(ArgDef { name: entry.key.text.clone(), ..made }),
            _ => good = false,
        }
    }
    good.then_some(args)
}

/// What the text of an argument says; its name stands before it.
fn arg(page: &mut Page, entry: &Entry, names: &Names) -> Option<ArgDef> {
    let unnamed = |kind| ArgDef { name: String::new(), kind, drives: None, carries: None };
    if let Kind::List(items) = &entry.value.kind {
        let mut states = Vec::new();
        for item in items {
            states.push(page.name(item, "a state's name")?.text.clone());
        }
        if states.is_empty() {
            page.wrong(&entry.value, "at least one state");
            return None;
        }
        return Some(unnamed(ArgKind::States { names: states }));
    }
    let word = page.scalar(&entry.value, "a range such as `0 m .. 8 m`, or a list of states")?;
    let (rest, carried) = cut(word, " carries ");
    let (range, driven) = cut(&rest, " drives ");
    let (lo, hi) = match Quantity::parse_range(&range.text) {
        Ok(pair) => pair,
        Err(problem) => {
            page.problem(&range, problem);
            return None;
        }
    };
    let drives = match driven {
        Some(word) => Some(driven_signal(page, &word, &hi, names)?),
        None => None,
    };
    let carries = match carried {
        Some(word) => Some(carried_signal(page, &word, &hi, names)?),
        None => None,
    };
    let kind = ArgKind::Number { unit: hi.unit.clone(), lo: lo.si(), hi: hi.si() };
    Some(ArgDef { drives: drives.flatten(), carries: carries.flatten(), ..unnamed(kind) })
}

/// What stands before and behind the first place of a text.
fn cut(word: &Word, at: &str) -> (Word, Option<Word>) {
    match word.text.find(at) {
        Some(found) => (word.slice(0..found), Some(word.slice(found + at.len()..word.text.len()))),
        None => (word.slice(0..word.text.len()), None),
    }
}

/// The signal and the time behind `carries`; the inner `None`: the signal's own line is wrong and was told.
fn carried_signal(page: &mut Page, word: &Word, like: &Quantity, names: &Names) -> Option<Option<Carry>> {
    let (name, lasts) = cut(word, " for ");
    let Some(lasts) = lasts else {
        page.error(
            word.span.clone(),
            "how long does one command carry it?".into(),
            Some(format!("write `carries {} for 500 ms`", word.text.trim())),
        );
        return None;
    };
    let mut pace = like.unit.clone();
    pace.dimension.time += 1;
    if let Some(id) = names.signals.find(name.text.trim())
        && let SignalKind::Number { unit, .. } = &names.signals.def(id).kind
        && unit.dimension != pace.dimension
    {
        let mut wanted = unit.dimension;
        wanted.time -= 1;
        let message = format!(
            "what carries `{}` is {}; the argument is {}",
            name.text.trim(),
            wanted.words(),
            like.unit.dimension.words()
        );
        page.error(
            name.span.clone(),
            message,
            Some("write `drives` where the argument says where the signal goes".into()),
        );
        return None;
    }
    let signal = driven_signal(page, &name, &Quantity { unit: pace, ..like.clone() }, names)?;
    let time = match Quantity::parse(lasts.text.trim()) {
        Ok(quantity) => quantity,
        Err(problem) => {
            page.problem(&lasts, problem);
            return None;
        }
    };
    let seconds = Dimension { time: 1, ..Dimension::default() };
    if !page.like(&lasts, &time, seconds, "500 ms") {
        return None;
    }
    let lasts_for = Span::from_seconds(time.si());
    if lasts_for <= Span::ZERO {
        page.error(lasts.span.clone(), "a step of the look-ahead is longer than nothing".into(), None);
        return None;
    }
    Some(signal.map(|signal| Carry { signal, lasts: lasts_for }))
}

/// The signal behind `drives`; the inner `None`: its own line is wrong and was told.
fn driven_signal(
    page: &mut Page,
    word: &Word,
    like: &Quantity,
    names: &Names,
) -> Option<Option<crate::signal::SignalId>> {
    let name = word.text.trim();
    if names.broken.contains(name) {
        return Some(None);
    }
    let Some(id) = names.signals.find(name) else {
        let trimmed = Word { text: name.into(), ..word.clone() };
        page.unknown(&trimmed, format!("signal `{name}` is not in this rig"), names.signals.names());
        return None;
    };
    match &names.signals.def(id).kind {
        SignalKind::Number { unit, .. } if unit.dimension == like.unit.dimension => Some(Some(id)),
        SignalKind::Number { unit, .. } => {
            let message =
                format!("`{name}` is {}; the argument is {}", unit.dimension.words(), like.unit.dimension.words());
            page.error(word.span.clone(), message, None);
            None
        }
        _ => {
            page.error(word.span.clone(), format!("`{name}` is no number that an argument could drive"), None);
            None
        }
    }
}

type With = (Vec<(String, FieldValue)>, Vec<FieldSite>);

fn with(page: &mut Page, fields: &Fields<'_>, args: &[ArgDef], full: &str, json: bool) -> Option<With> {
    let Some(node) = fields.get("with") else {
        if !json && let Some(first) = args.first() {
            page.error(
                fields.head.clone(),
                format!("argument `{}` of `{full}` is never sent", first.name),
                Some(format!("add `with: {{ …: {{ arg: {}, scale: … }} }}`", first.name)),
            );
            return None;
        }
        // JSON says every argument under its own name, in its own unit.
        let all = args.iter().enumerate().map(|(i, arg)| (arg.name.clone(), own_unit(i, &arg.kind)));
        let site = |_| FieldSite { key: fields.head.clone(), value: fields.head.clone(), text: String::new() };
        let sites = args.iter().map(site).collect();
        return Some((all.collect(), sites));
    };
    let entries = page.map(node, "`with`")?;
    let mut list = Vec::new();
    let mut sites = Vec::new();
    let mut used = BTreeSet::new();
    let mut good = true;
    for entry in entries {
        match value(page, &entry.value, args, &mut used) {
            Some(value) => {
                list.push((entry.key.text.clone(), value));
                let text = entry.value.word().map_or(String::new(), |w| w.text.clone());
                sites.push(FieldSite { key: entry.key.span.clone(), value: entry.value.span.clone(), text });
            }
            None => good = false,
        }
    }
    if good && let Some(idle) = args.iter().find(|a| !used.contains(&a.name)) {
        page.error(
            node.head(),
            format!("argument `{}` of `{full}` is never sent", idle.name),
            Some(format!("add a field `{{ arg: {}, scale: … }}`, or remove the argument", idle.name)),
        );
        return None;
    }
    good.then_some((list, sites))
}

fn own_unit(index: usize, kind: &ArgKind) -> FieldValue {
    let index = u8::try_from(index).expect("at most ARGS_MAX arguments, as checked");
    match kind {
        ArgKind::Number { unit, .. } => {
            FieldValue::Arg { index, scale: 1.0 / unit.scale, offset: -unit.offset / unit.scale }
        }
        ArgKind::States { .. } => FieldValue::Arg { index, scale: 1.0, offset: 0.0 },
    }
}

fn value(page: &mut Page, node: &Node, args: &[ArgDef], used: &mut BTreeSet<String>) -> Option<FieldValue> {
    if !matches!(node.kind, Kind::Map(_)) {
        let word = page.scalar(node, "a number, a name of the protocol, or `{ arg: …, scale: … }`")?;
        if let Some(name) = word.text.strip_prefix('$') {
            page.error(
                word.span.clone(),
                format!("`${name}` is a scenario's parameter; a command has arguments"),
                Some(format!("write `{{ arg: {name}, scale: … }}`")),
            );
            return None;
        }
        return Some(raw(word));
    }
    let fields = page.fields(node, &FROM_ARG)?;
    let name = page.text(fields.get("arg")?, "the name of an argument")?;
    let Some(index) = args.iter().position(|a| a.name == name.text) else {
        let message = format!("`{}` is no argument of this command", name.text);
        page.unknown(name, message, args.iter().map(|a| a.name.as_str()));
        return None;
    };
    used.insert(name.text.clone());
    let place = u8::try_from(index).expect("at most ARGS_MAX arguments, as checked");
    match (&args[index].kind, fields.get("scale")) {
        (ArgKind::States { .. }, None) => Some(FieldValue::Arg { index: place, scale: 1.0, offset: 0.0 }),
        (ArgKind::States { .. }, Some(scale)) => {
            page.error(scale.span.clone(), "a state has no scale: its place in the list is sent".into(), None);
            None
        }
        (ArgKind::Number { unit, .. }, None) => {
            page.error(
                fields.head.clone(),
                format!("nothing says what one raw count of `{}` is", name.text),
                Some(format!("add `scale: {}`", shown(1.0, unit))),
            );
            None
        }
        (ArgKind::Number { unit, .. }, Some(node)) => {
            let scale = page.quantity_like(node, unit.dimension, &shown(1.0, unit))?;
            let one = scale.number * scale.unit.scale;
            if one == 0.0 {
                page.wrong(node, "a scale other than zero");
                return None;
            }
            Some(FieldValue::Arg { index: place, scale: 1.0 / one, offset: -scale.unit.offset / one })
        }
    }
}

/// An argument as a script or rung gives it: a constant, or a parameter looked up by the caller.
pub(crate) type Lookup<'a> = &'a mut dyn FnMut(&mut Page, &Word) -> Option<Quantity>;

/// Builds a command from the `with:` beside a `do`. `word` is the command's name, `with` its arguments.
pub(crate) fn call(
    page: &mut Page,
    word: &Word,
    id: CommandId,
    table: &CommandTable,
    with: Option<&Node>,
    lookup: Lookup<'_>,
) -> Option<Command> {
    let def = table.def(id);
    let entries: &[Entry] = match with {
        Some(node) => page.map(node, "`with`")?,
        None => &[],
    };
    let mut good = true;
    for entry in entries {
        if !def.args.iter().any(|a| a.name == entry.key.text) {
            let message = format!("`{}` has no argument `{}`", def.name, entry.key.text);
            page.unknown(&entry.key, message, def.args.iter().map(|a| a.name.as_str()));
            good = false;
        }
    }
    let mut values = Vec::new();
    for arg in &def.args {
        let Some(entry) = entries.iter().find(|e| e.key.text == arg.name) else {
            page.error(
                word.span.clone(),
                format!("`{}` needs the argument `{}`", def.name, arg.name),
                Some(format!("add `with: {{ {}: {} }}`", arg.name, argument_example(&arg.kind))),
            );
            good = false;
            continue;
        };
        match argument(page, &entry.value, arg, &def.name, lookup) {
            Some(value) => values.push(value),
            None => good = false,
        }
    }
    if !good {
        return None;
    }
    Some(Command::new(id, &values).expect("at most ARGS_MAX arguments: checked when the rig was read"))
}

fn argument_example(kind: &ArgKind) -> String {
    match kind {
        ArgKind::Number { unit, lo, hi } => unit.show(lo + (hi - lo) / 2.0, 3),
        ArgKind::States { names } => names.first().cloned().unwrap_or_default(),
    }
}

fn argument(page: &mut Page, node: &Node, arg: &ArgDef, command: &str, lookup: Lookup<'_>) -> Option<f64> {
    let wanted = format!("a value such as `{}`", argument_example(&arg.kind));
    let word = page.scalar(node, &wanted)?;
    match &arg.kind {
        ArgKind::States { names } => match names.iter().position(|n| *n == word.text) {
            Some(place) => Some(place as f64),
            None => {
                let message = format!("`{}` of `{command}` has no state `{}`", arg.name, word.text);
                page.unknown(word, message, names.iter().map(String::as_str));
                None
            }
        },
        ArgKind::Number { unit, lo, hi } => {
            let quantity = lookup(page, word)?;
            if !page.like(word, &quantity, unit.dimension, &argument_example(&arg.kind)) {
                return None;
            }
            let si = quantity.si();
            if si < *lo || si > *hi {
                let given = match word.text.starts_with('$') {
                    true => format!("`{}` = {}", word.text, show(&quantity.unit, si)),
                    false => format!("`{}`", word.text),
                };
                page.error(
                    word.span.clone(),
                    format!(
                        "{given} is outside the range of `{}` of `{command}`: {} .. {}",
                        arg.name,
                        show(unit, *lo),
                        show(unit, *hi)
                    ),
                    None,
                );
                return None;
            }
            Some(si)
        }
    }
}

fn show(unit: &Unit, si: f64) -> String {
    unit.show(si, 6)
}
