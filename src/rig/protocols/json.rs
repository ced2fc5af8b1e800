//! `protocol: json` over MQTT; `protocol: { json: { state: {} } }` over a serial line, one object per line of text.

use super::framed;
use crate::codec::Protocol;
use crate::codec::framed::{Framing, Wire};
use crate::codec::json::{ObjectDef, ObjectsConfig, Pointer};
use crate::rig::devices::raw;
use crate::rig::keys::record;
use crate::rig::load::Reading;
use crate::rig::yaml::{Fields, Node, Page, Record, Shape, key, want};
use std::ops::Range;
use std::sync::Arc;

/// Longest line in bytes where the file says nothing: more than a small device has room for.
const LONGEST: usize = 4096;

pub(super) static KEYS: Record = record(
    "json",
    "a protocol",
    &[
        want(
            "json",
            Shape::Map(&Shape::Record(&OBJECT)),
            "what the device says, one object per line: how each is known",
        ),
        key("hears", Shape::Map(&Shape::Record(&OBJECT)), "what it hears, one object per line"),
        key("ends", Shape::Choice(&["lf", "crlf", "cr"]), "what ends the lines we send (lf)"),
        key("longest", Shape::Whole, "bytes of the longest line (4096)"),
        key("asks", Shape::Map(&Shape::Record(&framed::ASK)), "questions, by the message that answers them"),
        key("within", Shape::Quantity, "how long an answer is awaited (500 ms)"),
        key("refuses", Shape::Name, "the message that refuses an order"),
        key("restarts", Shape::Name, "the message that the device says when it starts"),
    ],
);

static OBJECT: Record = record(
    "json_object",
    "a message",
    &[
        key("with", Shape::Map(&Shape::Raw), "what always stands in it: `{ type: state }`"),
        key("has", Shape::List(&Shape::Text), "names that it alone has: `[t]`"),
    ],
);

/// Reads it; complaints point at the messages.
pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> (Option<Protocol>, Range<usize>) {
    let page = &mut reading.page;
    let Some(fields) = page.fields(node, &KEYS) else { return (None, node.span.clone()) };
    let place = fields.entry("json").map_or(node.span.clone(), |entry| entry.key.span.clone());
    (config(page, &fields).map(|config| Protocol::JsonLines(Arc::new(config))), place)
}

fn config(page: &mut Page, fields: &Fields<'_>) -> Option<ObjectsConfig> {
    let ends = match fields.get("ends") {
        Some(node) => page.choice(node, "line end", &[("lf", "\n"), ("crlf", "\r\n"), ("cr", "\r")]),
        None => Some("\n"),
    };
    let longest = framed::longest(page, fields);
    let talk = framed::talk(page, fields);
    let says = objects(page, fields.get("json")?);
    let hears = match fields.get("hears") {
        Some(node) => objects(page, node),
        None => Some(Vec::new()),
    };
    let framing = Framing::Lines { ends: ends?.as_bytes().to_vec() };
    let wire = Wire { framing, sum: None, longest: Some(longest?.unwrap_or(LONGEST)) };
    Some(ObjectsConfig { framed: talk?.with(wire), says: says?, hears: hears? })
}

fn objects(page: &mut Page, node: &Node) -> Option<Vec<ObjectDef>> {
    let mut made = Vec::new();
    let mut good = true;
    for entry in page.map(node, "messages: a name for each, and how it is known")? {
        let named = page.is_name(&entry.key, "a message's name");
        match object(page, &entry.key.text, &entry.value) {
            Some(object) if named => made.push(object),
            _ => good = false,
        }
    }
    good.then_some(made)
}

fn object(page: &mut Page, name: &str, node: &Node) -> Option<ObjectDef> {
    let fields = page.fields(node, &OBJECT)?;
    let mut object = ObjectDef { name: name.to_owned(), ..ObjectDef::default() };
    let mut good = true;
    if let Some(node) = fields.get("with") {
        for entry in page.map(node, "`with`: what always stands in it")? {
            good &= is_pointer(page, &entry.key.text, &entry.key.span);
            match page.scalar(&entry.value, "a number, a text, true or false") {
                Some(word) => object.with.push((entry.key.text.clone(), raw(word))),
                None => good = false,
            }
        }
    }
    if let Some(node) = fields.get("has") {
        for item in page.list(node, "`has`: names that it alone has")? {
            match page.text(item, "a name or a JSON pointer") {
                Some(word) => {
                    let (text, span) = (word.text.clone(), word.span.clone());
                    good &= is_pointer(page, &text, &span);
                    object.has.push(text);
                }
                None => good = false,
            }
        }
    }
    good.then_some(object)
}

fn is_pointer(page: &mut Page, text: &str, span: &Range<usize>) -> bool {
    let good = Pointer::read(text).is_some();
    if !good {
        let remedy = "write a name, or `/name/name` with ~1 for a slash and ~0 for a tilde in a name";
        page.error(span.clone(), format!("`{text}` is no JSON pointer"), Some(remedy.into()));
    }
    good
}
