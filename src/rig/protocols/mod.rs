//! The `protocol:` of a device: one file per protocol that has settings.
//!
//! # Adding a protocol
//! A file here that reads its map, with the table of its keys; a line in [`RECORDS`] and an arm in [`read`].

mod binary;
mod framed;
mod json;
mod lines;
mod mavlink;
mod slcan;
mod modbus;
mod protobuf;
mod sparkplug;

use super::load::Reading;
use super::yaml::{Kind, Node, Record, Shape};
use crate::codec::Protocol;
use std::ops::Range;

/// Protocols without settings, by their names.
pub(super) const PLAIN: &[&str] = &["json", "grbl", "nmea"];

/// The maps that a `protocol:` can be; the first key of each is the protocol's name.
static RECORDS: &[&Record] = &[
    &mavlink::KEYS,
    &slcan::KEYS,
    &modbus::KEYS,
    &sparkplug::KEYS,
    &lines::KEYS,
    &binary::KEYS,
    &protobuf::KEYS,
    &json::KEYS,
];

/// What a `protocol:` can look like.
pub(super) static SHAPES: &[Shape] = &[
    Shape::Choice(PLAIN),
    Shape::Record(&mavlink::KEYS),
    Shape::Record(&slcan::KEYS),
    Shape::Record(&modbus::KEYS),
    Shape::Record(&sparkplug::KEYS),
    Shape::Record(&lines::KEYS),
    Shape::Record(&binary::KEYS),
    Shape::Record(&protobuf::KEYS),
    Shape::Record(&json::KEYS),
];

/// Reads the protocol, and gives the place that complaints about it point at.
pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> (Option<Protocol>, Range<usize>) {
    let place = node.span.clone();
    let named = |record: &&&Record| match &node.kind {
        Kind::Map(entries) => entries.iter().any(|entry| entry.key.text == record.keys[0].name),
        _ => false,
    };
    if let Some(record) = RECORDS.iter().find(named) {
        return match record.keys[0].name {
            "mavlink" => mavlink::read(reading, node),
            "slcan" => slcan::read(reading, node),
            "modbus" => modbus::read(reading, node),
            "sparkplug" => sparkplug::read(reading, node),
            "lines" => lines::read(reading, node),
            "binary" => binary::read(reading, node),
            "protobuf" => protobuf::read(reading, node),
            "json" => json::read(reading, node),
            other => unreachable!("`{other}` stands in the table above"),
        };
    }
    let name = match &node.kind {
        Kind::Map(entries) => entries.first().map(|entry| &entry.key),
        _ => node.word(),
    };
    let Some(word) = name else {
        reading.page.wrong(node, "a protocol, such as `json` or `{ mavlink: common }`");
        return (None, place);
    };
    let protocol = match word.text.as_str() {
        "json" if matches!(node.kind, Kind::Word(_)) => Some(Protocol::Json),
        "grbl" if matches!(node.kind, Kind::Word(_)) => Some(Protocol::Grbl),
        "nmea" if matches!(node.kind, Kind::Word(_)) => Some(Protocol::Nmea),
        text => {
            let message = format!("`{text}` is no protocol");
            match RECORDS.iter().find(|record| record.keys[0].name == text) {
                Some(record) => reading.page.error(word.span.clone(), message, Some(example(record))),
                None => {
                    let known = PLAIN.iter().copied().chain(RECORDS.iter().map(|record| record.keys[0].name));
                    reading.page.unknown(word, message, known);
                }
            }
            None
        }
    };
    (protocol, place)
}

/// How a protocol with settings is written.
fn example(record: &Record) -> String {
    match record.keys[0].name {
        "mavlink" => "write `{ mavlink: common, system: 1, component: 1 }`".into(),
        "slcan" => "write `{ slcan: vehicle.dbc, bit_rate: 500000 }`".into(),
        "modbus" => "write `{ modbus: 1 }`".into(),
        "sparkplug" => "write `{ sparkplug: Group/Node, device: Name }`".into(),
        "lines" => "write `{ lines: { reading: 'V={volts}' } }`".into(),
        "binary" => "write `{ binary: { state: { fields: { angle: i16 } } }, framing: cobs }`".into(),
        "json" => "write `json` over MQTT, `{ json: { state: {} } }` over a serial line".into(),
        "protobuf" => "write `{ protobuf: device.proto, says: FromDevice, hears: ToDevice, framing: cobs }`".into(),
        name => format!("write `{{ {name}: … }}`"),
    }
}
