//! The `signals:` of a device.

use super::devices::Draft;
use super::keys::SIGNAL;
use super::names::Names;
use super::yaml::{Entry, Fields, Kind, Node, Page, shortened};
use crate::codec::{Decode, SignalMap};
use crate::signal::{Every, SignalDef, SignalKind};
use crate::units::{Quantity, Unit};

/// How many periods a sample holds where the file says nothing: a serial link, MQTT.
const STALE_PERIODS: (i64, i64) = (3, 5);

/// Adds the signals of a device, in file order.
pub(super) fn read(page: &mut Page, draft: &mut Draft<'_>, mqtt: bool, names: &mut Names) {
    let Some(node) = draft.fields.get("signals") else { return };
    let Some(entries) = page.map(node, "`signals`") else { return };
    for entry in entries {
        let full = format!("{}.{}", draft.word.text, entry.key.text);
        if !page.is_name(&entry.key, "a signal's name") {
            continue;
        }
        if entry.key.text == "command" && draft.role == super::model::Role::Controller {
            page.error(
                entry.key.span.clone(),
                format!("`{full}` is a name that the run keeps for itself: a proposal of the controller"),
                Some("choose another name".into()),
            );
            continue;
        }
        let Some((def, map)) = one(page, draft, entry, &full, mqtt) else {
            names.broken.insert(full);
            continue;
        };
        let Some(id) = names.signals.add(def) else { continue };
        if let Some(codec) = &mut draft.codec {
            codec.signals.push(SignalMap { signal: id, ..map });
            let site = entry_field(entry);
            draft.sites.signals.push(site);
        }
    }
}

/// The bytes of the signal's `field`, or of its name.
fn entry_field(entry: &Entry) -> std::ops::Range<usize> {
    let Kind::Map(entries) = &entry.value.kind else { return entry.key.span.clone() };
    entries.iter().find(|e| e.key.text == "field").map_or(entry.key.span.clone(), |e| e.value.span.clone())
}

fn one(page: &mut Page, draft: &Draft<'_>, entry: &Entry, full: &str, mqtt: bool) -> Option<(SignalDef, SignalMap)> {
    let fields = page.fields(&entry.value, &SIGNAL)?;
    let field = fields.get("field").and_then(|n| page.text(n, "where it stands in the messages"));
    let every = fields.get("every").and_then(|n| every(page, n));
    let stale_after = fields.get("stale_after").map(|node| page.time(node, "60 ms", false));
    let kind = kind(page, entry, &fields);
    let (field, every, (kind, scale, offset, decode)) = (field?, every?, kind?);
    let stale_after = match (stale_after, every) {
        (Some(said), _) => Some(said?),
        (None, Every::Period(period)) => Some(period * if mqtt { STALE_PERIODS.1 } else { STALE_PERIODS.0 }),
        (None, Every::Change) => None,
    };
    if let (Every::Period(period), Some(stale)) = (every, stale_after)
        && stale < period
    {
        let span = fields.get("stale_after").map_or(entry.key.span.clone(), |n| n.span.clone());
        page.error(
            span,
            format!("a sample of `{full}` would be stale ({stale}) before the next is due ({period})"),
            Some("`stale_after` is at least one period, better three".into()),
        );
    }
    let map = SignalMap {
        // Known once the signal is in the table.
        signal: crate::signal::SignalId(0),
        field: field.text.clone(),
        scale,
        offset,
        decode,
        every: match every {
            Every::Period(period) => Some(period),
            Every::Change => None,
        },
    };
    let def = SignalDef { name: full.into(), device: Some(draft.id), kind, every, stale_after };
    Some((def, map))
}

fn every(page: &mut Page, node: &Node) -> Option<Every> {
    if node.word().is_some_and(|w| w.text == "change") {
        return Some(Every::Change);
    }
    Some(Every::Period(page.time(node, "20 ms", false)?))
}

type Made = (SignalKind, f64, f64, Decode);

/// What the signal is: exactly one of `scale`, `states`, `bit` and `flag` says so.
fn kind(page: &mut Page, entry: &Entry, fields: &Fields<'_>) -> Option<Made> {
    let said: Vec<&Entry> = ["scale", "states", "bit", "flag"].iter().filter_map(|k| fields.entry(k)).collect();
    let [only] = said.as_slice() else {
        let (span, message) = match said.get(1) {
            Some(second) => (
                second.key.span.clone(),
                format!("`{}` and `{}` say different things of one signal", said[0].key.text, second.key.text),
            ),
            None => (entry.key.span.clone(), format!("nothing says what `{}` is", entry.key.text)),
        };
        let remedy = "exactly one of `scale: 1 m` (a number), `states: { … }`, `bit: 7` and `flag: true` is wanted";
        page.error(span, message, Some(remedy.into()));
        return None;
    };
    if only.key.text != "scale" {
        for key in ["offset", "unit", "range"] {
            if let Some(entry) = fields.entry(key) {
                page.error(
                    entry.key.span.clone(),
                    format!("`{key}` is for numbers (with `scale`)"),
                    Some("remove it".into()),
                );
            }
        }
    }
    match only.key.text.as_str() {
        "scale" => number(page, &only.value, fields),
        "states" => states(page, &only.value),
        "bit" => {
            let bit = page.whole(&only.value, 0..=63, "a bit")?;
            Some((SignalKind::Flag, 1.0, 0.0, Decode::Bit(u8::try_from(bit).expect("at most 63, as just read"))))
        }
        _ => match page.flag(&only.value)? {
            true => Some((SignalKind::Flag, 1.0, 0.0, Decode::Flag)),
            false => {
                page.wrong(&only.value, "`true`, or one of `scale`, `states`, `bit`");
                None
            }
        },
    }
}

fn number(page: &mut Page, node: &Node, fields: &Fields<'_>) -> Option<Made> {
    let scale = page.quantity(node, "what one raw count is, such as `0.01 V`")?;
    if scale.number == 0.0 {
        page.wrong(node, "a scale other than zero");
        return None;
    }
    let dimension = scale.unit.dimension;
    let example = shown(1.0, &scale.unit);
    let offset = match fields.get("offset") {
        Some(node) => page.quantity_like(node, dimension, &example)?.si(),
        None => scale.unit.offset,
    };
    let unit = match fields.get("unit") {
        Some(node) => {
            let word = page.scalar(node, "a unit")?;
            match Unit::parse(&word.text) {
                Ok(unit) if unit.dimension == dimension => unit,
                Ok(unit) => {
                    let message =
                        format!("`{}` is {}; the scale is {}", word.text, unit.dimension.words(), dimension.words());
                    page.error(word.span.clone(), message, None);
                    return None;
                }
                Err(problem) => {
                    page.problem(word, problem);
                    return None;
                }
            }
        }
        None => scale.unit.clone(),
    };
    let range = match fields.get("range") {
        Some(node) => {
            let word = page.scalar(node, &format!("a range such as `{example} .. {}`", shown(2.0, &scale.unit)))?;
            let (lo, hi) = match Quantity::parse_range(&word.text) {
                Ok(pair) => pair,
                Err(problem) => {
                    page.problem(word, problem);
                    return None;
                }
            };
            if !page.like(word, &lo, dimension, &format!("{example} .. {}", shown(2.0, &scale.unit))) {
                return None;
            }
            if lo.si() >= hi.si() {
                page.wrong(node, "a range that is wider than nothing");
                return None;
            }
            Some((lo.si(), hi.si()))
        }
        None => None,
    };
    let scale = scale.number * scale.unit.scale;
    Some((SignalKind::Number { unit, range }, scale, offset, Decode::Number))
}

/// `1 m`, for messages.
pub(super) fn shown(number: f64, unit: &Unit) -> String {
    format!("{number} {}", unit.text).trim_end().to_string()
}

fn states(page: &mut Page, node: &Node) -> Option<Made> {
    let mut names: Vec<String> = Vec::new();
    let mut numbers: Vec<(i64, u16)> = Vec::new();
    let mut texts: Vec<(String, u16)> = Vec::new();
    let mut good = true;
    match &node.kind {
        Kind::List(items) => {
            for item in items {
                let Some(word) = page.name(item, "a state's name") else {
                    good = false;
                    continue;
                };
                if names.contains(&word.text) {
                    page.error(word.span.clone(), format!("state `{}` is listed twice", word.text), None);
                    good = false;
                }
                texts.push((word.text.clone(), u16::try_from(names.len()).ok()?));
                names.push(word.text.clone());
            }
        }
        Kind::Map(entries) => {
            for entry in entries {
                let place = u16::try_from(names.len()).ok()?;
                let value = page.scalar(&entry.value, "the raw number or text of this state");
                let (true, Some(value)) = (page.is_name(&entry.key, "a state's name"), value) else {
                    good = false;
                    continue;
                };
                let number = match value.text.strip_prefix("0x") {
                    Some(hex) => i64::from_str_radix(hex, 16).ok(),
                    None => value.text.parse::<i64>().ok(),
                };
                match number.filter(|_| !value.quoted) {
                    Some(number) => {
                        if let Some((_, first)) = numbers.iter().find(|(n, _)| *n == number) {
                            let message = format!(
                                "raw {number} is both `{}` and `{}`",
                                names[usize::from(*first)],
                                entry.key.text
                            );
                            page.error(value.span.clone(), message, None);
                            good = false;
                        }
                        numbers.push((number, place));
                    }
                    None => texts.push((value.text.clone(), place)),
                }
                names.push(entry.key.text.clone());
            }
        }
        _ => {
            page.wrong(node, "states: `{ LAND: 9 }` or `[idle, moving]`");
            return None;
        }
    }
    if names.is_empty() && good {
        page.error(node.span.clone(), "a signal of states has at least one state".into(), None);
        return None;
    }
    let decode = match (numbers.is_empty(), texts.is_empty()) {
        (false, false) => {
            let found = shortened(&texts[0].0);
            page.error(
                node.span.clone(),
                format!("the states are raw numbers and texts at once (`{found}`)"),
                Some("a field is one or the other".into()),
            );
            return None;
        }
        (false, true) => Decode::States(numbers),
        _ => Decode::NamedStates(texts),
    };
    good.then_some((SignalKind::States { names }, 1.0, 0.0, decode))
}
