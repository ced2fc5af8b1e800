//! `protocol: { lines: { reading: 'V={volts}' }, asks: { reading: { send: 'V?', every: 100 ms } }, ends: crlf }`.

use crate::codec::Protocol;
use crate::codec::checksum::Checksum;
use crate::codec::lines::{Ask, Ends, LinesConfig, Pattern, WITHIN};
use crate::rig::keys::record;
use crate::rig::load::Reading;
use crate::rig::yaml::{Fields, Node, Page, Record, Shape, key, want};
use std::ops::Range;
use std::sync::Arc;

pub(super) static KEYS: Record = record(
    "lines",
    "a protocol",
    &[
        want(
            "lines",
            Shape::Map(&Shape::Text),
            "what the device says: a template or `/regular expression/` per message",
        ),
        key("asks", Shape::Map(&Shape::Record(&ASK)), "questions, by the message that answers them"),
        key("ends", Shape::Choice(&["lf", "crlf", "cr"]), "what ends the lines we send (lf)"),
        key(
            "checksum",
            Shape::Text,
            "`xor`, `sum8` or a CRC such as `CRC-16/MODBUS`: every line ends in `*` and its hex",
        ),
        key("within", Shape::Quantity, "how long an answer is awaited (500 ms)"),
        key("refuses", Shape::Text, "the message that refuses an order"),
        key("restarts", Shape::Text, "the message that the device says when it starts"),
        key(
            "prompt",
            Shape::Text,
            "what it shows without a line end when it is ready, such as \">\"; awaited before a line",
        ),
        key("cancel", Shape::Text, "what makes it forget a half-sent line, such as \"\\x03\"; sent before safe lines"),
    ],
);

static ASK: Record =
    record("ask", "a question", &[want("send", Shape::Text, "the line"), want("every", Shape::Quantity, "how often")]);

/// Reads it; complaints point at the messages.
pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> (Option<Protocol>, Range<usize>) {
    let page = &mut reading.page;
    let Some(fields) = page.fields(node, &KEYS) else { return (None, node.span.clone()) };
    let place = fields.entry("lines").map_or(node.span.clone(), |entry| entry.key.span.clone());
    (config(page, &fields).map(|config| Protocol::Lines(Arc::new(config))), place)
}

fn config(page: &mut Page, fields: &Fields<'_>) -> Option<LinesConfig> {
    let messages = messages(page, fields.get("lines")?);
    let named = |page: &mut Page, key: &str| match fields.get(key) {
        None => Some(None),
        Some(node) => {
            let word = page.text(node, "the name of a message")?;
            let known = messages.as_ref()?;
            if !known.iter().any(|(name, _)| *name == word.text) {
                let message = format!("`{}` is none of the messages in `lines`", word.text);
                page.unknown(word, message, known.iter().map(|(name, _)| name.as_str()));
                return None;
            }
            Some(Some(word.text.clone()))
        }
    };
    let refuses = named(page, "refuses");
    let restarts = named(page, "restarts");
    let asks = asks(page, fields, messages.as_deref());
    let ends = match fields.get("ends") {
        Some(node) => page.choice(node, "line end", &[("lf", Ends::Lf), ("crlf", Ends::CrLf), ("cr", Ends::Cr)]),
        None => Some(Ends::Lf),
    };
    let checksum = match fields.get("checksum") {
        None => Some(None),
        Some(node) => page.text(node, "a check sum").and_then(|word| {
            if Checksum::find(&word.text).is_none() {
                page.unknown(word, format!("`{}` is no check sum known here", word.text), Checksum::names());
                return None;
            }
            Some(Some(word.text.clone()))
        }),
    };
    let within = match fields.get("within") {
        Some(node) => page.time(node, "500 ms", false),
        None => Some(WITHIN),
    };
    let cancel = match fields.get("cancel") {
        Some(node) => page.text(node, "what cancels a line").map(|word| Some(word.text.clone())),
        None => Some(None),
    };
    let prompt = match fields.get("prompt") {
        Some(node) => page.text(node, "what is shown when a line may be sent").and_then(|word| {
            let plain = !word.text.is_empty() && !word.text.contains(['\n', '\r']);
            if !plain {
                page.error(word.span.clone(), "a prompt stands at the end of no line".into(), None);
            }
            plain.then(|| Some(word.text.clone()))
        }),
        None => Some(None),
    };
    Some(LinesConfig {
        messages: messages?,
        asks: asks?,
        ends: ends?,
        checksum: checksum?,
        within: within?,
        refuses: refuses?,
        restarts: restarts?,
        cancel: cancel?,
        prompt: prompt?,
    })
}

fn messages(page: &mut Page, node: &Node) -> Option<Vec<(String, String)>> {
    let mut made = Vec::new();
    let mut good = true;
    for entry in page.map(node, "`lines`: a name and a line for each message")? {
        let named = page.is_name(&entry.key, "a message's name");
        let text = page.text(&entry.value, "a template such as `V={volts}`, or `/regular expression/`");
        let (true, Some(word)) = (named, text) else {
            good = false;
            continue;
        };
        if let Err(why) = Pattern::new(&word.text) {
            page.error(word.span.clone(), format!("message `{}` {why}", entry.key.text), None);
            good = false;
        }
        made.push((entry.key.text.clone(), word.text.clone()));
    }
    good.then_some(made)
}

fn asks(page: &mut Page, fields: &Fields<'_>, messages: Option<&[(String, String)]>) -> Option<Vec<Ask>> {
    let mut made = Vec::new();
    let Some(node) = fields.get("asks") else { return Some(made) };
    let mut good = true;
    for entry in page.map(node, "`asks`: a question for each message")? {
        if let Some(known) = messages
            && !known.iter().any(|(name, _)| *name == entry.key.text)
        {
            let message = format!("`{}` is none of the messages in `lines`", entry.key.text);
            page.unknown(&entry.key, message, known.iter().map(|(name, _)| name.as_str()));
            good = false;
        }
        let Some(ask) = page.fields(&entry.value, &ASK) else {
            good = false;
            continue;
        };
        let send = ask.get("send").and_then(|n| page.text(n, "a line"));
        let every = ask.get("every").and_then(|n| page.period(n, "100 ms"));
        match (send, every) {
            (Some(send), Some(every)) => {
                made.push(Ask { answer: entry.key.text.clone(), send: send.text.clone(), every });
            }
            _ => good = false,
        }
    }
    good.then_some(made)
}
