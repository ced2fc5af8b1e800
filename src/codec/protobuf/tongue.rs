//! Messages of a `.proto` as the meaning of frames.
//!
//! A link has one message each way. Where that is an envelope, a message with a `oneof` of nothing but messages, each of
//! these is a message of its own here, by the name of its field or, where only one field has it, of its type.

use super::ProtobufConfig;
use super::source::find;
use crate::codec::framed::{Expect, FramedConfig, Given, Raw, Side, Tongue, Trouble};
use crate::codec::{DeviceConfig, FieldValue, Protocol};
use prost_reflect::prost::Message as _;
use prost_reflect::{DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage, Value};

/// The messages of both sides.
pub struct Messages {
    says: Way,
    hears: Option<Way>,
}

/// The message of one direction.
struct Way {
    root: MessageDescriptor,
    envelope: bool,
    kinds: Vec<Member>,
}

/// What may be said: the message itself, or a field of the envelope.
struct Member {
    name: String,
    field: Option<FieldDescriptor>,
}

/// The way to a field from the link's message.
#[derive(Clone)]
pub struct Place {
    side: Side,
    steps: Vec<Step>,
}

#[derive(Clone)]
struct Step {
    field: FieldDescriptor,
    index: Option<usize>,
}

/// Most entries of a repeated field that a command may fill.
const INDEX_MAX: usize = 1023;

impl Way {
    fn new(root: MessageDescriptor) -> Way {
        let one_of = root.oneofs().find(|oneof| {
            oneof.fields().len() > 0 && oneof.fields().all(|field| matches!(field.kind(), Kind::Message(_)))
        });
        let mut kinds = vec![Member { name: root.name().to_owned(), field: None }];
        let envelope = one_of.is_some();
        let members: Vec<FieldDescriptor> = one_of.map(|oneof| oneof.fields().collect()).unwrap_or_default();
        kinds.extend(members.iter().map(|f| Member { name: f.name().to_owned(), field: Some(f.clone()) }));
        for field in &members {
            let Some(name) = type_of(field) else { continue };
            let alone = members.iter().filter(|f| type_of(f).as_deref() == Some(&name)).count() == 1;
            if alone && kinds.iter().all(|kind| kind.name != name) {
                kinds.push(Member { name, field: Some(field.clone()) });
            }
        }
        Way { root, envelope, kinds }
    }
}

fn type_of(field: &FieldDescriptor) -> Option<String> {
    field.kind().as_message().map(|message| message.name().to_owned())
}

impl Messages {
    fn way(&self, side: Side) -> Option<&Way> {
        match side {
            Side::Says => Some(&self.says),
            Side::Hears => self.hears.as_ref(),
        }
    }

    fn of_config(config: &ProtobufConfig) -> Result<Messages, Vec<Trouble>> {
        let pool = config.source.compile().map_err(|mistake| {
            vec![Trouble::new(format!("`{}` does not compile: {}", mistake.file, mistake.message))]
        })?;
        let mut troubles = Vec::new();
        let mut way = |name: &str| {
            let found = find(&pool, name).map(Way::new);
            if found.is_none() {
                let file = config.source.files.first().map_or("", |(name, _)| name);
                let known = config.source.messages(&pool);
                let short = known.iter().map(|full| full.rsplit('.').next().unwrap_or(full));
                let known: Vec<&str> = known.iter().map(String::as_str).chain(short).collect();
                let message = format!("`{file}` has no message `{name}`");
                // The whole list would tell each name twice.
                let Trouble { message, remedy } = Trouble::unknown(message, name, known.into_iter());
                troubles.push(Trouble { message, remedy });
            }
            found
        };
        let says = way(&config.says);
        let hears = config.hears.as_deref().map(&mut way);
        match (says, hears) {
            (Some(says), None) => Ok(Messages { says, hears: None }),
            (Some(says), Some(Some(hears))) => Ok(Messages { says, hears: Some(hears) }),
            _ => Err(troubles),
        }
    }
}

/// A name and the index behind it: `gains[2]`.
fn indexed(text: &str) -> Option<(&str, Option<usize>)> {
    match text.split_once('[') {
        None => Some((text, None)),
        Some((name, rest)) => Some((name, Some(rest.strip_suffix(']')?.parse().ok()?))),
    }
}

fn steps(message: &MessageDescriptor, path: &str) -> Result<Vec<Step>, Trouble> {
    let mut at = message.clone();
    let mut steps = Vec::new();
    let mut words = path.split('.').peekable();
    while let Some(word) = words.next() {
        let Some((name, index)) = indexed(word) else {
            return Err(Trouble::new(format!("`{word}` is no field; write `name` or `name[0]`")));
        };
        let Some(field) = at.get_field_by_name(name) else {
            let fields: Vec<String> = at.fields().map(|field| field.name().to_owned()).collect();
            let message = format!("message `{}` has no field `{name}`", at.name());
            return Err(Trouble::unknown(message, name, fields.iter().map(String::as_str)));
        };
        if field.is_map() {
            return Err(Trouble::new(format!("`{name}` is a map, and no signal can be told from it")));
        }
        match (field.is_list(), index) {
            (true, None) => {
                let remedy = Some(format!("write `{name}[0]` for its first"));
                return Err(Trouble { message: format!("`{name}` is repeated"), remedy });
            }
            (false, Some(_)) => return Err(Trouble::new(format!("`{name}` is not repeated"))),
            (true, Some(index)) if index > INDEX_MAX => {
                return Err(Trouble::new(format!("`{name}` has no place {index}; the last is {INDEX_MAX}")));
            }
            _ => {}
        }
        let kind = field.kind();
        steps.push(Step { field, index });
        match (kind, words.peek()) {
            (Kind::Message(next), Some(_)) => at = next,
            (Kind::Message(next), None) => {
                let fields: Vec<String> = next.fields().map(|f| format!("{path}.{}", f.name())).collect();
                let remedy = fields.first().map(|first| format!("name a field of it, such as `{first}`"));
                return Err(Trouble { message: format!("`{name}` is a message `{}`", next.name()), remedy });
            }
            (_, Some(_)) => return Err(Trouble::new(format!("`{name}` is no message, and has no fields"))),
            (Kind::Bytes, None) => return Err(Trouble::new(format!("`{name}` is bytes, and no number"))),
            (_, None) => {}
        }
    }
    Ok(steps)
}

fn raw(kind: &Kind, value: &Value) -> Option<Raw> {
    Some(match value {
        Value::Bool(on) => Raw::Whole((*on).into()),
        Value::I32(n) => Raw::Whole((*n).into()),
        Value::I64(n) => Raw::Whole((*n).into()),
        Value::U32(n) => Raw::Whole((*n).into()),
        Value::U64(n) => Raw::Whole((*n).into()),
        Value::F32(n) => Raw::Real((*n).into()),
        Value::F64(n) => Raw::Real(*n),
        Value::String(text) => Raw::Text(text.clone()),
        Value::EnumNumber(n) => {
            let named = kind.as_enum().and_then(|names| names.get_value(*n));
            Raw::Named((*n).into(), named.map_or(String::new(), |value| value.name().to_owned()))
        }
        Value::Bytes(_) | Value::Message(_) | Value::List(_) | Value::Map(_) => return None,
    })
}

fn get(message: &DynamicMessage, steps: &[Step]) -> Option<Raw> {
    let (step, rest) = steps.split_first()?;
    if step.field.supports_presence() && !message.has_field(&step.field) {
        return None;
    }
    let value = message.get_field(&step.field);
    let value = match step.index {
        Some(index) => value.as_list()?.get(index)?,
        None => &*value,
    };
    match value {
        Value::Message(inner) => get(inner, rest),
        value => raw(&step.field.kind(), value),
    }
}

fn set(message: &mut DynamicMessage, steps: &[Step], value: Value) -> Option<()> {
    let (step, rest) = steps.split_first()?;
    let slot = message.get_field_mut(&step.field);
    let slot = match step.index {
        Some(index) => {
            let list = slot.as_list_mut()?;
            while list.len() <= index {
                list.push(Value::default_value(&step.field.kind()));
            }
            list.get_mut(index)?
        }
        None => slot,
    };
    match slot {
        Value::Message(inner) => set(inner, rest, value),
        slot => {
            *slot = value;
            Some(())
        }
    }
}

/// A value as the field holds it.
fn value(field: &FieldDescriptor, given: Given<'_>) -> Result<Value, Trouble> {
    let name = field.name();
    let kind = field.kind();
    let number = match (given, &kind) {
        (Given::Text(text), Kind::String) => return Ok(Value::String(text.to_owned())),
        (Given::Text(text), Kind::Enum(names)) => return named(names, text),
        (Given::Text("true"), Kind::Bool) => 1.0,
        (Given::Text("false"), Kind::Bool) => 0.0,
        (Given::Text(text), _) => return Err(Trouble::new(format!("`{text}` is no number, and `{name}` is one"))),
        (Given::Number(number), _) => number,
    };
    let whole = number.round();
    let misfit = || Trouble::new(format!("{number} does not fit `{name}`"));
    let within = |low: f64, high: f64| (low..=high).contains(&whole).then_some(whole).ok_or_else(misfit);
    Ok(match kind {
        Kind::Double => Value::F64(Some(number).filter(|n| n.is_finite()).ok_or_else(misfit)?),
        Kind::Float => Value::F32(Some(number as f32).filter(|n| n.is_finite()).ok_or_else(misfit)?),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(within(i32::MIN.into(), i32::MAX.into())? as i32),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(within(0.0, u32::MAX.into())? as u32),
        // The greatest numbers are not those of 64 bits but the next that a real number has.
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(within(i64::MIN as f64, i64::MAX as f64)? as i64),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(within(0.0, u64::MAX as f64)? as u64),
        Kind::Bool => Value::Bool(within(0.0, 1.0)? != 0.0),
        Kind::Enum(names) => {
            let number = within(i32::MIN.into(), i32::MAX.into())? as i32;
            names.get_value(number).ok_or_else(|| {
                let known: Vec<String> = names.values().map(|v| format!("{} = {}", v.name(), v.number())).collect();
                let remedy = Some(format!("known: {}", known.join(", ")));
                Trouble { message: format!("`{}` has no entry {number}", names.name()), remedy }
            })?;
            Value::EnumNumber(number)
        }
        Kind::String => {
            let remedy = Some(format!("put it in quotes if it is meant: \"{number}\""));
            return Err(Trouble { message: format!("{number} is a number, and `{name}` is a text"), remedy });
        }
        Kind::Bytes | Kind::Message(_) => return Err(Trouble::new(format!("`{name}` can be given nothing"))),
    })
}

fn named(names: &EnumDescriptor, text: &str) -> Result<Value, Trouble> {
    match names.get_value_by_name(text) {
        Some(value) => Ok(Value::EnumNumber(value.number())),
        None => {
            let known: Vec<String> = names.values().map(|value| value.name().to_owned()).collect();
            let message = format!("`{}` has no entry `{text}`", names.name());
            Err(Trouble::unknown(message, text, known.iter().map(String::as_str)))
        }
    }
}

/// What a message holds, without the envelope around it.
fn words(message: &DynamicMessage, into: &mut String) {
    let mut fields = message.fields();
    if let (Some((_, Value::Message(inner))), None) = (fields.next(), fields.next()) {
        return words(inner, into);
    }
    drop(fields);
    into.push_str(message.descriptor().name());
    for (field, value) in message.fields() {
        into.push(' ');
        match value {
            Value::Message(inner) => words(inner, into),
            value => {
                let shown = raw(&field.kind(), value).map_or("…".to_owned(), |raw| raw.shown());
                into.push_str(&format!("{} {shown}", field.name()));
            }
        }
    }
}

impl Tongue for Messages {
    type Message = DynamicMessage;
    type Place = Place;

    fn of(device: &DeviceConfig) -> Option<Result<(Messages, &FramedConfig), Vec<Trouble>>> {
        let Protocol::Protobuf(config) = &device.protocol else { return None };
        Some(Messages::of_config(config).map(|messages| (messages, &config.framed)))
    }

    fn kinds(&self, side: Side) -> Vec<&str> {
        self.way(side).map(|way| way.kinds.iter().map(|kind| kind.name.as_str()).collect()).unwrap_or_default()
    }

    fn is_envelope(&self, side: Side, kind: usize) -> bool {
        self.way(side).is_some_and(|way| way.envelope && way.kinds.get(kind).is_some_and(|kind| kind.field.is_none()))
    }

    fn place(&self, side: Side, kind: usize, path: &str) -> Result<Place, Trouble> {
        let Some((way, member)) = self.way(side).and_then(|way| Some((way, way.kinds.get(kind)?))) else {
            return Err(Trouble::new(format!("there is no message with `{path}`")));
        };
        let Some(field) = &member.field else { return Ok(Place { side, steps: steps(&way.root, path)? }) };
        let mut made = vec![Step { field: field.clone(), index: None }];
        if let Kind::Message(inner) = field.kind() {
            made.extend(steps(&inner, path)?);
        }
        Ok(Place { side, steps: made })
    }

    fn admits(&self, place: &Place, given: &FieldValue) -> Result<(), Trouble> {
        let Some(step) = place.steps.last() else { return Ok(()) };
        let given = match given {
            FieldValue::Number(number) => Given::Number(*number),
            FieldValue::Text(text) => Given::Text(text),
            FieldValue::Arg { .. } if matches!(step.field.kind(), Kind::String) => {
                return Err(Trouble::new(format!("`{}` is a text, and an argument is a number", step.field.name())));
            }
            FieldValue::Arg { .. } => return Ok(()),
        };
        value(&step.field, given).map(|_| ())
    }

    fn read(&self, side: Side, content: &[u8]) -> Option<DynamicMessage> {
        let way = self.way(side)?;
        let message = DynamicMessage::decode(way.root.clone(), content).ok()?;
        let known = |kind: &Member| kind.field.as_ref().is_some_and(|field| message.has_field(field));
        (!way.envelope || way.kinds.iter().any(known)).then_some(message)
    }

    fn is(&self, side: Side, message: &DynamicMessage, kind: usize) -> bool {
        match self.way(side).and_then(|way| way.kinds.get(kind)) {
            Some(Member { field: Some(field), .. }) => message.has_field(field),
            Some(Member { field: None, .. }) => true,
            None => false,
        }
    }

    fn get(&self, message: &DynamicMessage, place: &Place) -> Option<Raw> {
        let way = self.way(place.side)?;
        (message.descriptor() == way.root).then(|| get(message, &place.steps)).flatten()
    }

    fn words(&self, _side: Side, message: &DynamicMessage) -> String {
        let mut told = String::new();
        words(message, &mut told);
        told
    }

    fn write(&self, side: Side, kind: usize, fields: &[(Place, Given<'_>)]) -> Result<Vec<u8>, String> {
        let way = self.way(side).ok_or("there is no such message")?;
        let mut message = DynamicMessage::new(way.root.clone());
        if let Some(Member { field: Some(field), .. }) = way.kinds.get(kind) {
            message.set_field(field, Value::default_value(&field.kind()));
        }
        for (place, given) in fields {
            let Some(step) = place.steps.last() else { continue };
            let value = value(&step.field, *given).map_err(|trouble| trouble.message)?;
            set(&mut message, &place.steps, value).ok_or_else(|| format!("`{}` cannot be set", step.field.name()))?;
        }
        Ok(message.encode_to_vec())
    }

    fn expect(&self, _side: Side, _start: &[u8]) -> Expect {
        Expect::Never
    }

    fn longest(&self, _side: Side) -> Option<usize> {
        None
    }
}
