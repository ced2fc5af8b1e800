//! Protobuf messages by their descriptors: each field that holds one value becomes a cell.
//!
//! Fields of a message in a message get their path as name; of a repeated field the first elements do, by their place.
//! A field that is left out on the wire and has no presence of its own (proto3) holds its default.

use super::Cell;
use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet};
use std::collections::BTreeMap;

/// Messages within messages are followed so deep.
const DEPTH_MAX: usize = 16;
/// Of a repeated field so many elements become columns.
pub(super) const ELEMENTS_MAX: usize = 64;

/// All types that a schema describes.
#[derive(Clone, Debug, Default)]
pub struct Types {
    messages: BTreeMap<String, Vec<Field>>,
    enums: BTreeMap<String, BTreeMap<i32, String>>,
}

#[derive(Clone, Debug)]
struct Field {
    number: u32,
    name: String,
    kind: Kind,
    repeated: bool,
    /// Left out means its default.
    implicit: bool,
}

#[derive(Clone, PartialEq, Debug)]
enum Kind {
    Double,
    Float,
    Int,
    Uint,
    Zigzag,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Bool,
    Text,
    Enum(String),
    Message(String),
    /// Bytes and groups: not for rules.
    Other,
}

impl Types {
    /// Reads a serialized `FileDescriptorSet`.
    pub fn read(schema: &[u8]) -> Result<Types, String> {
        let set = FileDescriptorSet::decode(schema).map_err(|error| format!("its schema cannot be read: {error}"))?;
        let mut types = Types::default();
        for file in &set.file {
            let package = file.package.as_deref().filter(|p| !p.is_empty()).map_or(String::new(), |p| format!(".{p}"));
            for message in &file.message_type {
                types.message(&package, message, file);
            }
            for of in &file.enum_type {
                types.states(&package, of);
            }
        }
        Ok(types)
    }

    /// Whether the message type is described.
    pub fn has(&self, name: &str) -> bool {
        self.messages.contains_key(&format!(".{name}"))
    }

    fn message(&mut self, prefix: &str, of: &DescriptorProto, file: &FileDescriptorProto) {
        let name = format!("{prefix}.{}", of.name());
        let proto3 = file.syntax() == "proto3";
        let fields = of.field.iter().map(|field| {
            let kind = match field.r#type() {
                Type::Double => Kind::Double,
                Type::Float => Kind::Float,
                Type::Int64 | Type::Int32 => Kind::Int,
                Type::Uint64 | Type::Uint32 => Kind::Uint,
                Type::Sint32 | Type::Sint64 => Kind::Zigzag,
                Type::Fixed64 => Kind::Fixed64,
                Type::Fixed32 => Kind::Fixed32,
                Type::Sfixed32 => Kind::Sfixed32,
                Type::Sfixed64 => Kind::Sfixed64,
                Type::Bool => Kind::Bool,
                Type::String => Kind::Text,
                Type::Enum => Kind::Enum(field.type_name().to_owned()),
                Type::Message => Kind::Message(field.type_name().to_owned()),
                Type::Bytes | Type::Group => Kind::Other,
            };
            let repeated = field.label() == Label::Repeated;
            let own_presence = field.proto3_optional() || field.oneof_index.is_some();
            Field {
                number: u32::try_from(field.number()).unwrap_or(0),
                name: field.name().to_owned(),
                implicit: proto3 && !repeated && !own_presence && !matches!(kind, Kind::Message(_) | Kind::Other),
                kind,
                repeated,
            }
        });
        self.messages.insert(name.clone(), fields.collect());
        for inner in &of.nested_type {
            self.message(&name, inner, file);
        }
        for inner in &of.enum_type {
            self.states(&name, inner);
        }
    }

    fn states(&mut self, prefix: &str, of: &EnumDescriptorProto) {
        let names = of.value.iter().map(|value| (value.number(), value.name().to_owned()));
        self.enums.insert(format!("{prefix}.{}", of.name()), names.collect());
    }

    /// Hands every value of a message of that type to `see`, with its path.
    pub fn cells(&self, name: &str, data: &[u8], see: &mut dyn FnMut(&str, Cell<'_>)) -> Result<(), String> {
        let mut path = String::new();
        self.walk(&format!(".{name}"), data, &mut path, 0, see)
            .map_err(|error| format!("a message cannot be read: {error}"))
    }

    fn walk(
        &self,
        name: &str,
        mut data: &[u8],
        path: &mut String,
        depth: usize,
        see: &mut dyn FnMut(&str, Cell<'_>),
    ) -> Result<(), prost::DecodeError> {
        let Some(fields) = self.messages.get(name) else { return Ok(()) };
        if depth > DEPTH_MAX {
            return Ok(());
        }
        let mut seen = vec![0usize; fields.len()];
        while !data.is_empty() {
            let (number, wire) = decode_key(&mut data)?;
            let Some(place) = fields.iter().position(|field| field.number == number) else {
                skip_field(wire, number, &mut data, DecodeContext::default())?;
                continue;
            };
            let field = &fields[place];
            let length = path.len();
            match (&field.kind, wire) {
                (Kind::Message(inner), WireType::LengthDelimited) => {
                    let bytes = take_bytes(&mut data)?;
                    if self.enter(field, &mut seen[place], path) {
                        self.walk(inner, bytes, path, depth + 1, see)?;
                    }
                }
                (Kind::Text, WireType::LengthDelimited) => {
                    let bytes = take_bytes(&mut data)?;
                    if self.enter(field, &mut seen[place], path) {
                        see(path, std::str::from_utf8(bytes).map_or(Cell::Unreadable, Cell::Text));
                    }
                }
                // Numbers of a repeated field stand together behind one length.
                (kind, WireType::LengthDelimited) if field.repeated && *kind != Kind::Other => {
                    let mut bytes = take_bytes(&mut data)?;
                    while !bytes.is_empty() {
                        let scalar = self.scalar(kind, own_wire(kind), &mut bytes, number)?;
                        if let (true, Some(cell)) = (self.enter(field, &mut seen[place], path), scalar) {
                            see(path, cell);
                        }
                        path.truncate(length);
                    }
                }
                (kind, wire) => {
                    let scalar = self.scalar(kind, wire, &mut data, number)?;
                    if let (Some(cell), true) = (scalar, self.enter(field, &mut seen[place], path)) {
                        see(path, cell);
                    }
                }
            }
            path.truncate(length);
        }
        for (field, _) in fields.iter().zip(&seen).filter(|(field, seen)| field.implicit && **seen == 0) {
            let length = path.len();
            push_part(path, &field.name);
            let cell = match &field.kind {
                Kind::Bool => Cell::Flag(false),
                Kind::Text => Cell::Text(""),
                Kind::Enum(of) => self.state(of, 0),
                _ => Cell::Number(0.0),
            };
            see(path, cell);
            path.truncate(length);
        }
        Ok(())
    }

    /// Goes down into a field; `false`: too many elements came already.
    fn enter(&self, field: &Field, seen: &mut usize, path: &mut String) -> bool {
        push_part(path, &field.name);
        if field.repeated {
            push_part(path, &seen.to_string());
        }
        *seen += 1;
        !field.repeated || *seen <= ELEMENTS_MAX
    }

    fn state(&self, of: &str, number: i32) -> Cell<'_> {
        // A number without a name is no state that a rule could speak of.
        self.enums.get(of).and_then(|names| names.get(&number)).map_or(Cell::Unknown, |name| Cell::Text(name))
    }

    /// A number, flag or state; `None`: something else, passed over.
    fn scalar(
        &self,
        kind: &Kind,
        wire: WireType,
        data: &mut &[u8],
        number: u32,
    ) -> Result<Option<Cell<'_>>, prost::DecodeError> {
        if wire != own_wire(kind) || *kind == Kind::Other {
            skip_field(wire, number, data, DecodeContext::default())?;
            return Ok(None);
        }
        Ok(Some(match kind {
            Kind::Double => Cell::Number(f64::from_le_bytes(take_array(data)?)),
            Kind::Float => Cell::Number(f64::from(f32::from_le_bytes(take_array(data)?))),
            Kind::Fixed64 => Cell::Number(u64::from_le_bytes(take_array(data)?) as f64),
            Kind::Fixed32 => Cell::Number(f64::from(u32::from_le_bytes(take_array(data)?))),
            Kind::Sfixed64 => Cell::Number(i64::from_le_bytes(take_array(data)?) as f64),
            Kind::Sfixed32 => Cell::Number(f64::from(i32::from_le_bytes(take_array(data)?))),
            Kind::Int => Cell::Number(decode_varint(data)? as i64 as f64),
            Kind::Uint => Cell::Number(decode_varint(data)? as f64),
            Kind::Zigzag => {
                let raw = decode_varint(data)?;
                Cell::Number((((raw >> 1) as i64) ^ -((raw & 1) as i64)) as f64)
            }
            Kind::Bool => Cell::Flag(decode_varint(data)? != 0),
            Kind::Enum(of) => self.state(of, decode_varint(data)? as i32),
            Kind::Text | Kind::Message(_) | Kind::Other => Cell::Unreadable,
        }))
    }
}

fn own_wire(kind: &Kind) -> WireType {
    match kind {
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => WireType::SixtyFourBit,
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => WireType::ThirtyTwoBit,
        Kind::Text | Kind::Message(_) | Kind::Other => WireType::LengthDelimited,
        _ => WireType::Varint,
    }
}

/// Puts a part behind the path, apart by a dot.
pub(super) fn push_part(path: &mut String, part: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(part);
}

fn short() -> prost::DecodeError {
    // prost makes its errors itself: reading a number from nothing is the one for data that ends too early.
    decode_varint(&mut &[][..]).expect_err("nothing holds no number")
}

fn take_bytes<'a>(data: &mut &'a [u8]) -> Result<&'a [u8], prost::DecodeError> {
    let length = usize::try_from(decode_varint(data)?).map_err(|_| short())?;
    let bytes = data.get(..length).ok_or_else(short)?;
    *data = &data[length..];
    Ok(bytes)
}

fn take_array<const N: usize>(data: &mut &[u8]) -> Result<[u8; N], prost::DecodeError> {
    let (bytes, rest) = data.split_first_chunk::<N>().ok_or_else(short)?;
    *data = rest;
    Ok(*bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost_types::FieldDescriptorProto;

    fn field(name: &str, number: i32, kind: Type, label: Label, of: Option<&str>) -> FieldDescriptorProto {
        FieldDescriptorProto {
            name: Some(name.into()),
            number: Some(number),
            label: Some(label.into()),
            r#type: Some(kind.into()),
            type_name: of.map(str::to_owned),
            ..FieldDescriptorProto::default()
        }
    }

    fn types() -> Types {
        let inner = DescriptorProto {
            name: Some("Inner".into()),
            field: vec![field("x", 1, Type::Double, Label::Optional, None)],
            ..DescriptorProto::default()
        };
        let outer = DescriptorProto {
            name: Some("Outer".into()),
            field: vec![
                field("n", 1, Type::Sint32, Label::Optional, None),
                field("mode", 2, Type::Enum, Label::Optional, Some(".p.Mode")),
                field("inner", 3, Type::Message, Label::Optional, Some(".p.Inner")),
                field("many", 4, Type::Float, Label::Repeated, None),
                field("on", 5, Type::Bool, Label::Optional, None),
                field("word", 6, Type::String, Label::Optional, None),
                field("raw", 7, Type::Bytes, Label::Optional, None),
            ],
            ..DescriptorProto::default()
        };
        let mode = EnumDescriptorProto {
            name: Some("Mode".into()),
            value: [("HOLD", 0), ("LAND", 1)]
                .map(|(name, number)| prost_types::EnumValueDescriptorProto {
                    name: Some(name.into()),
                    number: Some(number),
                    options: None,
                })
                .to_vec(),
            ..EnumDescriptorProto::default()
        };
        let file = FileDescriptorProto {
            package: Some("p".into()),
            message_type: vec![inner, outer],
            enum_type: vec![mode],
            syntax: Some("proto3".into()),
            ..FileDescriptorProto::default()
        };
        Types::read(&FileDescriptorSet { file: vec![file] }.encode_to_vec()).expect("it is a schema")
    }

    fn cells(data: &[u8]) -> Result<Vec<String>, String> {
        let mut seen = Vec::new();
        types().cells("p.Outer", data, &mut |path, cell| seen.push(format!("{path} {cell:?}")))?;
        Ok(seen)
    }

    #[test]
    fn fields_are_flattened_and_what_is_left_out_is_its_default() {
        let mut data = vec![0x08, 0x03, 0x10, 0x01, 0x1a, 0x09, 0x09];
        data.extend_from_slice(&1.5f64.to_le_bytes());
        data.extend_from_slice(&[0x22, 0x08]);
        data.extend_from_slice(&2.0f32.to_le_bytes());
        data.extend_from_slice(&4.0f32.to_le_bytes());
        // Bytes, and a field that the schema does not know.
        data.extend_from_slice(&[0x3a, 0x01, 0xff, 0x78, 0x05]);
        let seen = cells(&data).expect("it is a message");
        let wanted = [
            "n Number(-2.0)",
            "mode Text(\"LAND\")",
            "inner.x Number(1.5)",
            "many.0 Number(2.0)",
            "many.1 Number(4.0)",
            "on Flag(false)",
            "word Text(\"\")",
        ];
        assert_eq!(seen, wanted);
        assert_eq!(
            cells(&[]).expect("empty is a message"),
            ["n Number(0.0)", "mode Text(\"HOLD\")", "on Flag(false)", "word Text(\"\")"]
        );
        assert!(cells(&[0x10, 0x07]).expect("an unknown state").contains(&"mode Unknown".to_string()));
    }

    #[test]
    fn damage_ends_in_a_mistake() {
        for bad in [&[0x1a, 0x09, 0x09][..], &[0x08], &[0xff, 0xff, 0xff, 0xff, 0xff], &[0x22, 0x03, 1, 2, 3]] {
            assert!(cells(bad).is_err(), "{bad:?}");
        }
    }
}
