//! `protocol: { slcan: vehicle.dbc, bit_rate: 500000 }`.

use crate::codec::Protocol;
use crate::codec::can::{DbcSource, Setup};
use crate::rig::keys::record;
use crate::rig::load::{FileKind, Reading};
use crate::rig::names::beside;
use crate::rig::yaml::{Node, Record, Shape, key, want};
use std::ops::Range;
use std::sync::Arc;

/// What most cars use.
const BIT_RATE: u64 = 500_000;
/// The first control unit of a car: its engine's (ISO 15765-4).
const OBD: u64 = 0x7E0;

pub(super) static KEYS: Record = record(
    "slcan",
    "a protocol",
    &[
        want("slcan", Shape::Text, "the path of the DBC file that names messages and signals"),
        key("bit_rate", Shape::Whole, "bit/s of the bus (500000)"),
        key("obd", Shape::Whole, "identifier of the control unit that answers questions of OBD-II (0x7E0)"),
    ],
);

/// Reads it; complaints point at the file.
pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> (Option<Protocol>, Range<usize>) {
    let mut place = node.span.clone();
    let protocol = protocol(reading, node, &mut place);
    (protocol, place)
}

fn protocol(reading: &mut Reading<'_>, node: &Node, place: &mut Range<usize>) -> Option<Protocol> {
    let fields = reading.page.fields(node, &KEYS)?;
    let word = reading.page.text(fields.get("slcan")?, "the path of a DBC file")?;
    *place = word.span.clone();
    let bit_rate = match fields.get("bit_rate") {
        Some(node) => reading.page.whole(node, 1..=1_000_000, "bits per second")?,
        None => BIT_RATE,
    };
    let obd = match fields.get("obd") {
        Some(node) => reading.page.whole(node, 0x7E0..=0x7E7, "an identifier")?,
        None => OBD,
    };
    let path = beside(&reading.page.source.name, &word.text);
    let bytes = match reading.files.read(&path) {
        Ok(bytes) => bytes,
        Err(why) => {
            reading.page.error(word.span.clone(), format!("`{path}` cannot be read: {why}"), None);
            return None;
        }
    };
    reading.keep(FileKind::Dialect, &path, bytes.clone());
    // Old files are in Latin-1, whose letters are the first of Unicode.
    let text =
        String::from_utf8(bytes).unwrap_or_else(|wrong| wrong.into_bytes().into_iter().map(char::from).collect());
    let dbc = Arc::new(DbcSource { name: path, text });
    Some(Protocol::Slcan { dbc, setup: Setup { bit_rate: bit_rate as u32 }, obd: obd as u32 })
}
