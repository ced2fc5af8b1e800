//! `protocol: { binary: { state: { id: 1, fields: { angle: i16 } } }, framing: cobs, checksum: CRC-16/KERMIT }`.

use super::framed;
use crate::codec::Protocol;
use crate::codec::binary::{BinaryConfig, FrameDef, Layout};
use crate::codec::framed::Order;
use crate::rig::keys::record;
use crate::rig::load::Reading;
use crate::rig::yaml::{Fields, Node, Page, Record, Shape, key, want};
use std::ops::Range;
use std::sync::Arc;

pub(super) static KEYS: Record = record(
    "binary",
    "a protocol",
    &[
        want("binary", Shape::Map(&Shape::Record(&FRAME)), "what the device says: a layout per frame"),
        key("hears", Shape::Map(&Shape::Record(&FRAME)), "what it hears: a layout per frame"),
        want(
            "framing",
            Shape::Either(&[Shape::Choice(&["cobs", "slip"]), Shape::Record(&framed::MARKED)]),
            framed::FRAMING_ABOUT,
        ),
        key("checksum", Shape::Either(&[Shape::Text, Shape::Record(&framed::SUM)]), framed::CHECKSUM_ABOUT),
        key("order", Shape::Choice(&["little", "big"]), "which byte of a number comes first (little)"),
        key("id", Shape::Choice(&["u8", "u16", "u32"]), "the number that begins each content and tells frames apart"),
        key("longest", Shape::Whole, "bytes of the longest content (what the layouts say)"),
        key("asks", Shape::Map(&Shape::Record(&framed::ASK)), "questions, by the frame that answers them"),
        key("within", Shape::Quantity, "how long an answer is awaited (500 ms)"),
        key("refuses", Shape::Name, "the frame that refuses an order"),
        key("restarts", Shape::Name, "the frame that the device says when it starts"),
    ],
);

static FRAME: Record = record(
    "frame",
    "a frame",
    &[
        key("id", Shape::Whole, "its number, where frames have one"),
        want("fields", Shape::Map(&Shape::Text), "its numbers in the order of their bytes: `angle: i16`"),
    ],
);

/// Reads it; complaints point at the frames.
pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> (Option<Protocol>, Range<usize>) {
    let page = &mut reading.page;
    let Some(fields) = page.fields(node, &KEYS) else { return (None, node.span.clone()) };
    let place = fields.entry("binary").map_or(node.span.clone(), |entry| entry.key.span.clone());
    (config(page, &fields).map(|config| Protocol::Binary(Arc::new(config))), place)
}

fn config(page: &mut Page, fields: &Fields<'_>) -> Option<BinaryConfig> {
    let order = framed::order(page, fields);
    let common = framed::read(page, fields, order.unwrap_or_default());
    let id = match fields.get("id") {
        Some(node) => page.choice(node, "width of an id", &[("u8", 1), ("u16", 2), ("u32", 4)]).map(Some),
        None => Some(None),
    };
    let says = frames(page, fields.get("binary")?, order.unwrap_or_default());
    let hears = match fields.get("hears") {
        Some(node) => frames(page, node, order.unwrap_or_default()),
        None => Some(Vec::new()),
    };
    Some(BinaryConfig { framed: common?, order: order?, id: id?, says: says?, hears: hears? })
}

fn frames(page: &mut Page, node: &Node, order: Order) -> Option<Vec<FrameDef>> {
    let mut made = Vec::new();
    let mut good = true;
    for entry in page.map(node, "frames: a name and a layout for each")? {
        let named = page.is_name(&entry.key, "a frame's name");
        match frame(page, &entry.key.text, &entry.value, order) {
            Some(frame) if named => made.push(frame),
            _ => good = false,
        }
    }
    good.then_some(made)
}

fn frame(page: &mut Page, name: &str, node: &Node, order: Order) -> Option<FrameDef> {
    let fields = page.fields(node, &FRAME)?;
    let id = match fields.get("id") {
        Some(node) => page.whole(node, 0..=u32::MAX.into(), "an id").map(Some),
        None => Some(None),
    };
    let entries = page.map(fields.get("fields")?, "`fields`: a name and a type for each number")?;
    let mut types = Vec::new();
    for entry in entries {
        if !page.is_name(&entry.key, "a field's name") {
            return None;
        }
        let word = page.text(&entry.value, "a type such as `i16`")?;
        types.push((entry.key.text.clone(), word.text.clone()));
    }
    if let Err((place, why)) = Layout::new(&types, order) {
        let span = entries.get(place).map_or(node.head(), |entry| entry.value.span.clone());
        let field = types.get(place).map_or("", |(name, _)| name.as_str());
        page.error(span, format!("field `{field}` of frame `{name}` {why}"), None);
        return None;
    }
    Some(FrameDef { name: name.to_owned(), id: id?, fields: types })
}
