//! Message types made at run time, one per device, from the plan's signals: what lets Foxglove, PlotJuggler,
//! Rerun or ten lines of Python read the signals without us.
//!
//! A field is named `<signal>_<unit>` and holds the value in that unit: `altitude_m`, `roll_deg`. Field 1 is the wall-clock
//! time, field 2 names the signals that were heard but hold no value at that instant.

use super::proto;
use crate::rig::DeviceDef;
use crate::signal::{SignalDef, SignalId, SignalKind, SignalTable};
use crate::wire::DeviceId;
use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet};
use std::collections::{BTreeMap, BTreeSet};

/// Field number of the wall-clock time.
pub const TIMESTAMP_FIELD: u32 = 1;
/// Field number of the names of signals without a value.
pub const UNKNOWN_FIELD: u32 = 2;
/// Topic of the signals that the run itself tells.
pub const RUN_TOPIC: &str = "checkrein/signals";

const PACKAGE: &str = "checkrein.signals";
const TIMESTAMP_FILE: &str = "google/protobuf/timestamp.proto";
/// Descriptors of `google.protobuf.Timestamp`, as the compiler ships them.
const TIMESTAMP_DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/timestamp.fds"));

/// One device's message type and channel.
#[derive(Clone, PartialEq, Debug)]
pub struct DeviceSchema {
    /// Full name of the message type.
    pub name: String,
    /// Serialized `FileDescriptorSet`, imports included.
    pub descriptors: Vec<u8>,
    /// Units and ranges, for people.
    pub metadata: BTreeMap<String, String>,
    /// Topic and fields.
    pub channel: proto::SignalChannel,
}

/// The message types of all devices that have signals, then the run's own.
pub fn schemas(devices: &[DeviceDef], signals: &SignalTable) -> Vec<DeviceSchema> {
    let mut names = Taken::default();
    let own = std::iter::once((None, "run".to_string(), RUN_TOPIC.to_string()));
    devices
        .iter()
        .map(|d| (Some(d.id), d.name.clone(), format!("signals/{}", d.name)))
        .chain(own)
        .filter_map(|(device, name, topic)| device_schema(device, &name, topic, signals, &mut names))
        .collect()
}

fn device_schema(
    device: Option<DeviceId>,
    device_name: &str,
    topic: String,
    signals: &SignalTable,
    names: &mut Taken,
) -> Option<DeviceSchema> {
    let mine: Vec<(SignalId, &SignalDef)> = signals.iter().filter(|(_, def)| def.device == device).collect();
    if mine.is_empty() {
        return None;
    }
    let message_name = names.take(camel_case(device_name));
    let mut taken = Taken::default();
    let mut fields = vec![
        field("timestamp".into(), TIMESTAMP_FIELD, Type::Message, Label::Optional),
        field("unknown".into(), UNKNOWN_FIELD, Type::String, Label::Repeated),
    ];
    fields[0].type_name = Some(".google.protobuf.Timestamp".into());
    for name in ["timestamp", "unknown"] {
        taken.take(name.into());
    }
    let mut metadata = BTreeMap::from([("device".to_string(), device_name.to_string())]);
    let mut channel = proto::SignalChannel { topic, fields: Vec::new() };
    for ((id, def), number) in mine.into_iter().zip(field_numbers()) {
        let short = def.name.strip_prefix(&format!("{device_name}.")).unwrap_or(&def.name);
        let unit = match &def.kind {
            SignalKind::Number { unit, .. } => unit_suffix(&unit.text),
            _ => String::new(),
        };
        let name = taken.take(identifier(&format!("{short}{unit}")));
        let (kind, wire_type) = match &def.kind {
            SignalKind::Number { .. } => (proto::signal_field::Kind::Number, Type::Double),
            SignalKind::States { .. } => (proto::signal_field::Kind::State, Type::String),
            SignalKind::Flag => (proto::signal_field::Kind::Flag, Type::Bool),
            SignalKind::Pulse => (proto::signal_field::Kind::Pulse, Type::Bool),
        };
        fields.push(field(name.clone(), number, wire_type, Label::Optional));
        describe(&name, def, &mut metadata);
        channel.fields.push(signal_field(number, name, id, def, kind));
    }
    // proto2, since there every optional field tells whether it is present, in every reader.
    let file = FileDescriptorProto {
        name: Some(format!("checkrein/signals/{message_name}.proto")),
        package: Some(PACKAGE.into()),
        dependency: vec![TIMESTAMP_FILE.into()],
        message_type: vec![DescriptorProto {
            name: Some(message_name.clone()),
            field: fields,
            ..DescriptorProto::default()
        }],
        syntax: Some("proto2".into()),
        ..FileDescriptorProto::default()
    };
    let mut set = FileDescriptorSet::decode(TIMESTAMP_DESCRIPTORS).expect("the build wrote these bytes");
    set.file.push(file);
    Some(DeviceSchema {
        name: format!("{PACKAGE}.{message_name}"),
        descriptors: set.encode_to_vec(),
        metadata,
        channel,
    })
}

fn signal_field(
    number: u32,
    name: String,
    id: SignalId,
    def: &SignalDef,
    kind: proto::signal_field::Kind,
) -> proto::SignalField {
    let (unit, scale, offset) = match &def.kind {
        SignalKind::Number { unit, .. } => (unit.text.clone(), unit.scale, unit.offset),
        _ => (String::new(), 1.0, 0.0),
    };
    let states = match &def.kind {
        SignalKind::States { names } => names.clone(),
        _ => Vec::new(),
    };
    proto::SignalField {
        number,
        name,
        signal: id.0,
        signal_name: def.name.clone(),
        kind: kind.into(),
        unit,
        scale,
        offset,
        states,
    }
}

/// Notes what a reader without the rig file wants to know of a field.
fn describe(field: &str, def: &SignalDef, metadata: &mut BTreeMap<String, String>) {
    metadata.insert(format!("{field}.signal"), def.name.clone());
    match &def.kind {
        SignalKind::Number { unit, range } => {
            metadata.insert(format!("{field}.unit"), unit.text.clone());
            if let Some((lo, hi)) = range {
                metadata.insert(format!("{field}.range"), format!("{} .. {}", unit.from_si(*lo), unit.from_si(*hi)));
            }
        }
        SignalKind::States { names } => {
            metadata.insert(format!("{field}.states"), names.join(", "));
        }
        SignalKind::Flag | SignalKind::Pulse => {}
    }
}

fn field(name: String, number: u32, wire_type: Type, label: Label) -> FieldDescriptorProto {
    FieldDescriptorProto {
        json_name: Some(name.clone()),
        name: Some(name),
        number: Some(i32::try_from(number).expect("field numbers stay under 2^29")),
        label: Some(label.into()),
        r#type: Some(wire_type.into()),
        ..FieldDescriptorProto::default()
    }
}

/// Numbers for signals: after our own two, without 19000 to 19999, which protobuf keeps for itself.
fn field_numbers() -> impl Iterator<Item = u32> {
    (UNKNOWN_FIELD + 1..19_000).chain(20_000..1 << 29)
}

/// `m/s^2` → `_m_per_s2`, `%` → `_percent`; nothing for a plain number.
fn unit_suffix(unit: &str) -> String {
    if unit.is_empty() {
        return String::new();
    }
    let mut suffix = String::from("_");
    for c in unit.chars() {
        match c {
            '/' => suffix.push_str("_per_"),
            '%' => suffix.push_str("percent"),
            '^' | ' ' => {}
            '-' => suffix.push_str("minus"),
            c if c.is_ascii_alphanumeric() => suffix.push(c),
            _ => suffix.push('_'),
        }
    }
    suffix
}

/// A name that protobuf accepts.
fn identifier(name: &str) -> String {
    let mut out: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if !out.starts_with(|c: char| c.is_ascii_alphabetic()) {
        out.insert(0, 'n');
    }
    out
}

fn camel_case(name: &str) -> String {
    let mut out = String::new();
    let mut start = true;
    for c in identifier(name).chars() {
        if c == '_' {
            start = true;
        } else if start {
            out.push(c.to_ascii_uppercase());
            start = false;
        } else {
            out.push(c);
        }
    }
    out
}

/// Names in use; a second one of the same kind gets a number.
#[derive(Default)]
struct Taken(BTreeSet<String>);

impl Taken {
    fn take(&mut self, name: String) -> String {
        let mut candidate = name.clone();
        let mut count = 1;
        while !self.0.insert(candidate.clone()) {
            count += 1;
            candidate = format!("{name}_{count}");
        }
        candidate
    }
}
