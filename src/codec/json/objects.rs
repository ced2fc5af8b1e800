//! JSON objects as the contents of lines: which message an object is, and what stands where in it.

use super::object::{Unambiguous, kind_of, read, shortened, truth, write_number, write_text, write_word};
use crate::codec::framed::{Expect, FramedConfig, Given, Raw, Side, Tongue, Trouble};
use crate::codec::{DeviceConfig, FieldValue, Protocol};
use serde_json::Value as Json;

/// What a rig file says of a device that says one JSON object per line.
#[derive(Clone, PartialEq, Debug)]
pub struct ObjectsConfig {
    pub framed: FramedConfig,
    /// What it says.
    pub says: Vec<ObjectDef>,
    /// What it hears.
    pub hears: Vec<ObjectDef>,
}

/// One message, and how it is known. With neither, any object is one that is no other.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ObjectDef {
    pub name: String,
    /// Names (or pointers) with what always stands there.
    pub with: Vec<(String, FieldValue)>,
    /// Names (or pointers) at which anything stands.
    pub has: Vec<String>,
}

/// The messages of both sides.
pub struct Objects {
    says: Vec<Kind>,
    hears: Vec<Kind>,
}

struct Kind {
    name: String,
    with: Vec<(Pointer, Json)>,
    has: Vec<Pointer>,
}

/// A way into an object, name by name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Pointer(Vec<String>);

impl Pointer {
    /// A name at the top, or a JSON pointer (RFC 6901): `/motor/speed`. `None`: it is none.
    pub fn read(text: &str) -> Option<Pointer> {
        let Some(rest) = text.strip_prefix('/') else {
            return (!text.is_empty()).then(|| Pointer(vec![text.to_owned()]));
        };
        let name = |part: &str| {
            let escapes = part.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
            // In this order: `~01` is the name `~1`.
            escapes.then(|| part.replace("~1", "/").replace("~0", "~"))
        };
        rest.split('/').map(name).collect::<Option<_>>().map(Pointer)
    }

    fn get<'j>(&self, json: &'j Json) -> Option<&'j Json> {
        self.0.iter().try_fold(json, |json, name| match json {
            Json::Object(map) => map.get(name),
            Json::Array(list) => list.get(name.parse::<usize>().ok()?),
            _ => None,
        })
    }
}

/// An object that was heard, and which message it is.
pub struct Object {
    side: Side,
    kind: usize,
    json: Json,
}

/// Where a field stands.
#[derive(Clone)]
pub struct Place {
    side: Side,
    kind: usize,
    pointer: Pointer,
}

/// An object in the order in which it was built.
#[derive(Default)]
struct Built(Vec<(String, Part)>);

enum Part {
    Leaf(Vec<u8>),
    Inner(Built),
}

impl Built {
    /// The error: something else stands there.
    fn set(&mut self, way: &[String], leaf: Vec<u8>) -> Result<(), String> {
        let Some((name, rest)) = way.split_first() else { return Err("nothing is named".into()) };
        let place = self.0.iter().position(|(there, _)| there == name);
        match (place.map(|place| &mut self.0[place].1), rest.is_empty()) {
            (None, true) => self.0.push((name.clone(), Part::Leaf(leaf))),
            (None, false) => {
                let mut inner = Built::default();
                inner.set(rest, leaf)?;
                self.0.push((name.clone(), Part::Inner(inner)));
            }
            (Some(Part::Inner(inner)), false) => inner.set(rest, leaf)?,
            (Some(_), _) => return Err(format!("`{name}` is given twice")),
        }
        Ok(())
    }

    fn holds(&self, way: &[String]) -> bool {
        let Some((name, rest)) = way.split_first() else { return true };
        self.0.iter().any(|(there, part)| {
            there == name
                && match part {
                    Part::Leaf(_) => rest.is_empty(),
                    Part::Inner(inner) => inner.holds(rest),
                }
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (place, (name, part)) in self.0.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            write_text(name, out);
            out.push(b':');
            match part {
                Part::Leaf(leaf) => out.extend_from_slice(leaf),
                Part::Inner(inner) => inner.write(out),
            }
        }
        out.push(b'}');
    }
}

fn leaf(json: &Json) -> Vec<u8> {
    let mut out = Vec::new();
    match json {
        Json::Number(number) => write_number(number.as_f64().unwrap_or(f64::NAN), &mut out),
        other => out.extend_from_slice(other.to_string().as_bytes()),
    }
    out
}

fn constant(value: &FieldValue) -> Option<Json> {
    match value {
        FieldValue::Number(number) => serde_json::Number::from_f64(*number).map(Json::Number),
        FieldValue::Text(text) => Some(truth(text).map_or_else(|| Json::String(text.clone()), Json::Bool)),
        FieldValue::Arg { .. } => None,
    }
}

fn same(found: &Json, wanted: &Json) -> bool {
    match (found.as_f64(), wanted.as_f64()) {
        (Some(found), Some(wanted)) => found == wanted,
        _ => found == wanted,
    }
}

impl Kind {
    fn made(def: &ObjectDef, troubles: &mut Vec<Trouble>) -> Kind {
        let mut pointer = |text: &str| {
            let pointer = Pointer::read(text);
            if pointer.is_none() {
                troubles.push(no_pointer(text));
            }
            pointer
        };
        let with = def.with.iter().filter_map(|(name, value)| Some((pointer(name)?, constant(value)?))).collect();
        let has = def.has.iter().filter_map(|name| pointer(name)).collect();
        Kind { name: def.name.clone(), with, has }
    }
    fn knows(&self, json: &Json) -> bool {
        self.with.iter().all(|(way, wanted)| way.get(json).is_some_and(|found| same(found, wanted)))
            && self.has.iter().all(|way| way.get(json).is_some())
    }
    /// How much it asks of an object: of two messages that an object could be, it is the one that asks more.
    fn asks(&self) -> usize {
        self.with.len() + self.has.len()
    }
    fn is_known_like(&self, other: &Kind) -> bool {
        let with = |kind: &Kind| {
            let mut all: Vec<_> = kind.with.iter().map(|(way, json)| (way.clone(), json.to_string())).collect();
            all.sort();
            all
        };
        let has = |kind: &Kind| {
            let mut all = kind.has.clone();
            all.sort();
            all
        };
        with(self) == with(other) && has(self) == has(other)
    }
}

fn no_pointer(text: &str) -> Trouble {
    let remedy = "write a name, or `/name/name` with ~1 for a slash and ~0 for a tilde in a name";
    Trouble { message: format!("`{text}` is no JSON pointer"), remedy: Some(remedy.into()) }
}

impl Objects {
    fn of_config(config: &ObjectsConfig) -> Result<Objects, Vec<Trouble>> {
        let mut troubles = Vec::new();
        let mut kinds = |defs: &[ObjectDef]| {
            let mut made: Vec<Kind> = Vec::new();
            for def in defs {
                let kind = Kind::made(def, &mut troubles);
                if let Some(twin) = made.iter().find(|other| other.is_known_like(&kind)) {
                    let message = format!("nothing tells message `{}` from `{}`", kind.name, twin.name);
                    let remedy =
                        "say what always stands in it, `with: { type: state }`, or what it alone has: `has: [t]`";
                    troubles.push(Trouble { message, remedy: Some(remedy.into()) });
                }
                made.push(kind);
            }
            made
        };
        let (says, hears) = (kinds(&config.says), kinds(&config.hears));
        if troubles.is_empty() { Ok(Objects { says, hears }) } else { Err(troubles) }
    }

    fn kinds_of(&self, side: Side) -> &[Kind] {
        match side {
            Side::Says => &self.says,
            Side::Hears => &self.hears,
        }
    }
}

impl Tongue for Objects {
    type Message = Object;
    type Place = Place;

    fn of(device: &DeviceConfig) -> Option<Result<(Objects, &FramedConfig), Vec<Trouble>>> {
        let Protocol::JsonLines(config) = &device.protocol else { return None };
        Some(Objects::of_config(config).map(|objects| (objects, &config.framed)))
    }

    fn kinds(&self, side: Side) -> Vec<&str> {
        self.kinds_of(side).iter().map(|kind| kind.name.as_str()).collect()
    }

    /// `message#/pointer`, as over MQTT with the topic in the message's place.
    fn split(field: &str) -> Option<(&str, &str)> {
        field.split_once('#')
    }

    fn absent_is_zero() -> bool {
        false
    }

    fn shape() -> &'static str {
        "message#/name"
    }

    fn place(&self, side: Side, kind: usize, path: &str) -> Result<Place, Trouble> {
        let pointer = Pointer::read(path).ok_or_else(|| no_pointer(path))?;
        Ok(Place { side, kind, pointer })
    }

    fn admits(&self, place: &Place, value: &FieldValue) -> Result<(), Trouble> {
        let kind = &self.kinds_of(place.side)[place.kind];
        if kind.with.iter().any(|(way, _)| *way == place.pointer) {
            let message = format!("`{}` of message `{}` is always the same", place.pointer.0.join("/"), kind.name);
            return Err(Trouble { message, remedy: Some("leave it out".into()) });
        }
        match value {
            FieldValue::Number(number) if !number.is_finite() => Err(Trouble::new(format!("JSON cannot say {number}"))),
            _ => Ok(()),
        }
    }

    fn read(&self, side: Side, content: &[u8]) -> Option<Object> {
        let Unambiguous(json) = read(content).ok()?;
        if !json.is_object() {
            return None;
        }
        let known = self.kinds_of(side).iter().enumerate().filter(|(_, kind)| kind.knows(&json));
        // The first of those that ask most.
        let (kind, _) = known.min_by_key(|(_, kind)| std::cmp::Reverse(kind.asks()))?;
        Some(Object { side, kind, json })
    }

    /// A line that begins like an object and is none; other words, such as those of a boot loader, are noise.
    fn is_damaged(&self, content: &[u8]) -> Option<bool> {
        match read::<Json>(content) {
            Ok(Json::Object(_)) => None,
            _ => Some(content.trim_ascii_start().first() == Some(&b'{')),
        }
    }

    fn is(&self, side: Side, message: &Object, kind: usize) -> bool {
        (message.side, message.kind) == (side, kind)
    }

    fn get(&self, message: &Object, place: &Place) -> Option<Raw> {
        if (message.side, message.kind) != (place.side, place.kind) {
            return None;
        }
        Some(match place.pointer.get(&message.json)? {
            Json::Bool(flag) => Raw::Flag(*flag),
            Json::String(text) => Raw::Text(text.clone()),
            Json::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(whole), _) => Raw::Whole(whole.into()),
                (None, Some(whole)) => Raw::Whole(whole.into()),
                (None, None) => Raw::Real(number.as_f64().unwrap_or(f64::NAN)),
            },
            other => Raw::Nothing(kind_of(other).to_owned()),
        })
    }

    fn words(&self, _side: Side, message: &Object) -> String {
        shortened(&message.json.to_string())
    }

    fn write(&self, side: Side, kind: usize, fields: &[(Place, Given<'_>)]) -> Result<Vec<u8>, String> {
        let kind = &self.kinds_of(side)[kind];
        let mut built = Built::default();
        for (way, json) in &kind.with {
            built.set(&way.0, leaf(json))?;
        }
        for (place, given) in fields {
            let mut leaf = Vec::new();
            match given {
                Given::Number(number) if !number.is_finite() => return Err(format!("JSON cannot say {number}")),
                Given::Number(number) => write_number(*number, &mut leaf),
                Given::Text(text) => write_word(text, &mut leaf),
            }
            built.set(&place.pointer.0, leaf)?;
        }
        if let Some(missing) = kind.has.iter().find(|way| !built.holds(&way.0)) {
            return Err(format!("`{}` is missing, by which message `{}` is known", missing.0.join("/"), kind.name));
        }
        let mut out = Vec::new();
        built.write(&mut out);
        Ok(out)
    }

    fn expect(&self, _side: Side, _start: &[u8]) -> Expect {
        Expect::Never
    }

    fn longest(&self, _side: Side) -> Option<usize> {
        None
    }
}
