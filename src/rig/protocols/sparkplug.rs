//! `protocol: { sparkplug: Group/Node, device: Name, host: Name }`.

use crate::codec::Protocol;
use crate::rig::keys::record;
use crate::rig::load::Reading;
use crate::rig::yaml::{Node, Record, Shape, key, want};
use std::ops::Range;

pub(super) static KEYS: Record = record(
    "sparkplug",
    "a protocol",
    &[
        want("sparkplug", Shape::Text, "group and edge node: `Group/Node`"),
        key("device", Shape::Text, "the device below the edge node; left out: the edge node's own metrics"),
        key(
            "host",
            Shape::Text,
            "the primary host that the edge node waits for; left out: it waits for none, and we are `checkrein`",
        ),
    ],
);

/// Reads it; complaints point at the edge node.
pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> (Option<Protocol>, Range<usize>) {
    let mut place = node.span.clone();
    let protocol = protocol(reading, node, &mut place);
    (protocol, place)
}

fn protocol(reading: &mut Reading<'_>, node: &Node, place: &mut Range<usize>) -> Option<Protocol> {
    let fields = reading.page.fields(node, &KEYS)?;
    let word = reading.page.text(fields.get("sparkplug")?, "group and edge node: `Group/Node`")?;
    *place = word.span.clone();
    // One level of a topic each: what MQTT gives a meaning cannot stand in it.
    let level = |text: &str| !text.is_empty() && !text.contains(['/', '+', '#', '\0']);
    let Some((group, edge)) = word.text.split_once('/').filter(|(group, edge)| level(group) && level(edge)) else {
        let message = format!("`{}` is no group with its edge node", word.text);
        reading.page.error(word.span.clone(), message, Some("write `Group/Node`, without `+` and `#`".into()));
        return None;
    };
    let (group, edge) = (group.to_owned(), edge.to_owned());
    let mut name = |key: &str, of: &str| -> Option<Option<String>> {
        let Some(node) = fields.get(key) else { return Some(None) };
        let word = reading.page.text(node, &format!("the name of {of}"))?;
        if !level(&word.text) {
            let message = format!("`{}` is no name of {of}", word.text);
            reading.page.error(word.span.clone(), message, Some("one level of a topic: no `/`, `+` or `#`".into()));
            return None;
        }
        Some(Some(word.text.clone()))
    };
    let device = name("device", "a device")?;
    let host = name("host", "a host")?;
    Some(Protocol::Sparkplug { group, node: edge, device, host })
}
