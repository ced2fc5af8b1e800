//! What a file may hold, as tables: the readers refuse what is not in them, and the JSON Schemas are made of them.

use serde_json::{Map, Value, json};

/// The shape of a value.
#[derive(Debug)]
pub(crate) enum Shape {
    /// Text for people.
    Text,
    /// A name that formulas can read.
    Name,
    /// `device.name`.
    Path,
    Formula,
    /// `5 m`, or `$name` in a scenario.
    Quantity,
    /// `0 m .. 8 m`.
    Range,
    Whole,
    Flag,
    /// A number or a word of the wire.
    Raw,
    /// A step of a scenario, which that room's own tables describe.
    Step,
    /// One of these words.
    Choice(&'static [&'static str]),
    Record(&'static Record),
    List(&'static Shape),
    /// Any names, each with a value of this shape.
    Map(&'static Shape),
    Either(&'static [Shape]),
}

/// A map with known keys.
#[derive(Debug)]
pub(crate) struct Record {
    /// Its name in the schema's definitions.
    pub id: &'static str,
    /// What it is, for messages: `a device`.
    pub what: &'static str,
    pub keys: &'static [Key],
    /// Other keys are allowed, with values of this shape.
    pub others: Option<Shape>,
}

/// A key of a record.
#[derive(Debug)]
pub(crate) struct Key {
    pub name: &'static str,
    pub needed: bool,
    pub shape: Shape,
    /// For the schema and for the message when it is missing.
    pub about: &'static str,
}

/// A key that may be left out.
pub(crate) const fn key(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key { name, needed: false, shape, about }
}

/// A key that must be there.
pub(crate) const fn want(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key { name, needed: true, shape, about }
}

/// The JSON Schema (draft 2020-12) of a file whose top is this record.
pub(crate) fn schema_of(record: &'static Record, title: &str) -> Value {
    let mut defs = Map::new();
    let top = of_record(record, &mut defs);
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
    });
    let map = schema.as_object_mut().expect("the schema was just written as a map");
    map.extend(top.as_object().expect("a record's schema is a map").clone());
    map.insert("$defs".into(), Value::Object(defs));
    schema
}

fn of_record(record: &'static Record, defs: &mut Map<String, Value>) -> Value {
    let mut properties = Map::new();
    for key in record.keys {
        let mut value = of_shape(&key.shape, defs);
        value
            .as_object_mut()
            .expect("every shape's schema is a map")
            .insert("description".into(), Value::String(key.about.into()));
        properties.insert(key.name.into(), value);
    }
    let others = match &record.others {
        Some(shape) => of_shape(shape, defs),
        None => Value::Bool(false),
    };
    let needed: Vec<&str> = record.keys.iter().filter(|k| k.needed).map(|k| k.name).collect();
    json!({ "type": "object", "properties": properties, "required": needed, "additionalProperties": others })
}

fn of_shape(shape: &'static Shape, defs: &mut Map<String, Value>) -> Value {
    match shape {
        Shape::Text => json!({ "type": "string", "minLength": 1 }),
        Shape::Name => json!({ "type": "string", "pattern": NAME }),
        Shape::Path => json!({ "type": "string", "pattern": r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$" }),
        Shape::Formula => json!({ "type": ["string", "boolean"], "minLength": 1 }),
        Shape::Quantity => json!({ "anyOf": [
            { "type": "string", "pattern": r"^\s*([-+]?[0-9.]|\$[A-Za-z_])" }, { "type": "number" } ] }),
        Shape::Range => json!({ "type": "string", "pattern": r"\.\." }),
        Shape::Whole => json!({ "type": "integer", "minimum": 0 }),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Raw => json!({ "type": ["string", "number", "boolean"] }),
        Shape::Step => json!({ "type": "object", "additionalProperties": true }),
        Shape::Choice(words) => json!({ "enum": words }),
        Shape::List(item) => json!({ "type": "array", "items": of_shape(item, defs) }),
        Shape::Map(value) => json!({ "type": "object", "additionalProperties": of_shape(value, defs) }),
        Shape::Either(shapes) => {
            let any: Vec<Value> = shapes.iter().map(|s| of_shape(s, defs)).collect();
            json!({ "anyOf": any })
        }
        Shape::Record(record) => {
            if !defs.contains_key(record.id) {
                // Set first, so that a record inside itself ends here.
                defs.insert(record.id.into(), Value::Null);
                let value = of_record(record, defs);
                defs.insert(record.id.into(), value);
            }
            json!({ "$ref": format!("#/$defs/{}", record.id) })
        }
    }
}

const NAME: &str = r"^[A-Za-z_]\w*$";
