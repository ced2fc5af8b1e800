//! `protocol: { modbus: 1 }`.

use crate::codec::Protocol;
use crate::codec::modbus::WordOrder;
use crate::codec::modbus::host::Timing;
use crate::rig::keys::record;
use crate::rig::load::Reading;
use crate::rig::yaml::{Node, Record, Shape, key, want};
use crate::time::Span;
use std::ops::Range;

/// Until the line's own speed is known, the one that every device must offer (Serial Line 1.02, 3.3).
const BAUD: u32 = 9600;
/// How soon a device begins to answer, where the rig does not say it.
const TIMEOUT: Span = Span::from_millis(200);
/// How often a request is asked again, where the rig does not say it.
const RETRIES: u8 = 1;

pub(super) static KEYS: Record = record(
    "modbus",
    "a protocol",
    &[
        want("modbus", Shape::Whole, "address of the unit on its line, 1 to 247"),
        key(
            "words",
            Shape::Choice(&["high-first", "low-first"]),
            "which word of a value of two registers has the lower address (high-first)",
        ),
        key("timeout", Shape::Quantity, "how soon it begins to answer (200 ms)"),
        key("retries", Shape::Whole, "how often a request without an answer is asked again (1)"),
    ],
);

/// Reads it; complaints point at the unit.
pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> (Option<Protocol>, Range<usize>) {
    let page = &mut reading.page;
    let Some(fields) = page.fields(node, &KEYS) else { return (None, node.span.clone()) };
    let Some(address) = fields.get("modbus") else { return (None, node.span.clone()) };
    let place = address.span.clone();
    let unit = page.whole(address, 1..=247, "a unit").and_then(|n| u8::try_from(n).ok());
    let order = match fields.get("words") {
        Some(node) => {
            let orders = [("high-first", WordOrder::HighFirst), ("low-first", WordOrder::LowFirst)];
            page.choice(node, "order of words", &orders)
        }
        None => Some(WordOrder::HighFirst),
    };
    let timeout = match fields.get("timeout") {
        Some(node) => page.time(node, "200 ms", false),
        None => Some(TIMEOUT),
    };
    let retries = match fields.get("retries") {
        Some(node) => page.whole(node, 0..=9, "a number of retries").and_then(|n| u8::try_from(n).ok()),
        None => Some(RETRIES),
    };
    let read = || Some(Protocol::Modbus { unit: unit?, order: order?, timing: Timing::of(BAUD, timeout?, retries?) });
    (read(), place)
}
