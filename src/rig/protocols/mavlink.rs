//! `protocol: { mavlink: common, system: 1, component: 1 }`.

use crate::codec::Protocol;
use crate::codec::mavlink::DialectSource;
use crate::rig::keys::record;
use crate::rig::load::{FileKind, Reading};
use crate::rig::names::beside;
use crate::rig::yaml::{Node, Page, Record, Shape, Word, key, want};
use std::ops::Range;

pub(super) static KEYS: Record = record(
    "mavlink",
    "a protocol",
    &[
        want("mavlink", Shape::Text, "`common`, `ardupilotmega`, or the path of a dialect's XML"),
        key("system", Shape::Whole, "system id of the device (1)"),
        key("component", Shape::Whole, "component id of the device (1)"),
    ],
);

/// Reads it; complaints point at the dialect.
pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> (Option<Protocol>, Range<usize>) {
    let mut place = node.span.clone();
    let protocol = protocol(reading, node, &mut place);
    (protocol, place)
}

fn protocol(reading: &mut Reading<'_>, node: &Node, place: &mut Range<usize>) -> Option<Protocol> {
    let fields = reading.page.fields(node, &KEYS)?;
    let word = reading.page.text(fields.get("mavlink")?, "`common`, `ardupilotmega` or the path of a dialect's XML")?;
    *place = word.span.clone();
    let number = |page: &mut Page, key: &str| match fields.get(key) {
        Some(node) => page.whole(node, 1..=255, "an id").and_then(|n| u8::try_from(n).ok()),
        None => Some(1),
    };
    let system = number(&mut reading.page, "system");
    let component = number(&mut reading.page, "component");
    let dialect = match word.text.as_str() {
        "common" => DialectSource::Common,
        "ardupilotmega" => DialectSource::Ardupilotmega,
        path if path.ends_with(".xml") => xml(reading, word)?,
        other => {
            let message = format!("dialect `{other}` is not built in");
            reading.page.unknown(word, message, ["common", "ardupilotmega"].into_iter());
            return None;
        }
    };
    Some(Protocol::Mavlink { dialect, system: system?, component: component? })
}

/// Reads a dialect and what it includes.
fn xml(reading: &mut Reading<'_>, word: &Word) -> Option<DialectSource> {
    let mut texts: Vec<(String, String)> = Vec::new();
    let mut waiting = vec![beside(&reading.page.source.name, &word.text)];
    while let Some(path) = waiting.pop() {
        if texts.iter().any(|(name, _)| *name == path) {
            continue;
        }
        let bytes = match reading.files.read(&path) {
            Ok(bytes) => bytes,
            Err(why) => {
                reading.page.error(word.span.clone(), format!("dialect `{path}` cannot be read: {why}"), None);
                return None;
            }
        };
        let Ok(text) = String::from_utf8(bytes.clone()) else {
            reading.page.error(word.span.clone(), format!("dialect `{path}` is no text"), None);
            return None;
        };
        // What is wrong with the XML itself is the codec's to say; here only its includes are wanted.
        if let Ok(document) = roxmltree::Document::parse(&text) {
            for include in document.root_element().children().filter(|n| n.has_tag_name("include")) {
                waiting.push(beside(&path, include.text().unwrap_or("").trim()));
            }
        }
        reading.keep(FileKind::Dialect, &path, bytes);
        texts.push((path, text));
    }
    Some(DialectSource::Xml(texts))
}
