//! The JSON Schemas: well formed, complete against the shipped files, and as strict as the readers.
//!
//! The shipped files are validated by an independent implementation in the tests' named group; here a small validator of
//! the few keywords that the schemas use keeps them honest on every run.

use serde_json::{Value, json};
use std::path::Path;

fn schemas() -> [(&'static str, Value); 4] {
    [
        ("rig", checkrein::rig::schema()),
        ("envelope", checkrein::rig::envelope_schema()),
        ("scenario", checkrein::scenario::schema()),
        ("mapping", checkrein::rig::mapping_schema()),
    ]
}

/// Reads YAML as editors do: plain scalars become numbers and booleans by the YAML 1.2 core schema.
fn yaml(path: &str) -> Value {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path);
    let mut stack: Vec<(Value, Option<String>)> = Vec::new();
    let mut root = Value::Null;
    for event in granit_parser::Parser::new_from_str(&text) {
        use granit_parser::{Event, ScalarStyle};
        let (event, _) = event.expect(path);
        let done = match event {
            Event::Scalar(text, ScalarStyle::Plain, ..) => plain(&text),
            Event::Scalar(text, ..) => Value::String(text.into_owned()),
            Event::MappingStart(..) => {
                stack.push((json!({}), None));
                continue;
            }
            Event::SequenceStart(..) => {
                stack.push((json!([]), None));
                continue;
            }
            Event::MappingEnd | Event::SequenceEnd => stack.pop().expect("ends follow starts").0,
            _ => continue,
        };
        match stack.last_mut() {
            None => root = done,
            Some((Value::Array(list), _)) => list.push(done),
            Some((Value::Object(map), key)) => match key.take() {
                Some(key) => drop(map.insert(key, done)),
                None => *key = Some(done.as_str().map_or_else(|| done.to_string(), str::to_string)),
            },
            Some(_) => unreachable!("only maps and lists are pushed"),
        }
    }
    root
}

fn plain(text: &str) -> Value {
    let hex = text.strip_prefix("0x").and_then(|h| u64::from_str_radix(h, 16).ok()).map(|n| json!(n));
    let whole = text.parse::<i64>().ok().map(|n| json!(n));
    let real = || text.parse::<f64>().ok().filter(|n| n.is_finite()).map(|n| json!(n));
    match text {
        "true" => json!(true),
        "false" => json!(false),
        "~" | "null" => Value::Null,
        _ => hex.or(whole).or_else(real).unwrap_or_else(|| json!(text)),
    }
}

/// Every mistake of `value` against `schema`, by path.
fn mistakes(value: &Value, schema: &Value, root: &Value, path: &str, out: &mut Vec<String>) {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let target =
            root.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("{reference} leads nowhere"));
        mistakes(value, target, root, path, out);
    }
    if let Some(any) = schema.get("anyOf").and_then(Value::as_array) {
        let fits = any.iter().any(|schema| {
            let mut inner = Vec::new();
            mistakes(value, schema, root, path, &mut inner);
            inner.is_empty()
        });
        if !fits {
            out.push(format!("{path}: {value} fits none"));
        }
    }
    if let Some(list) = schema.get("enum").and_then(Value::as_array)
        && !list.contains(value)
    {
        out.push(format!("{path}: {value} is not one of {list:?}"));
    }
    if let Some(wanted) = schema.get("type") {
        let wanted: Vec<&str> = match wanted {
            Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect(),
        };
        let fits = wanted.iter().any(|t| match *t {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "number" => value.is_number(),
            "integer" => value.is_i64() || value.is_u64(),
            "boolean" => value.is_boolean(),
            other => panic!("`{other}` is no JSON type"),
        });
        if !fits {
            out.push(format!("{path}: {value} is none of {wanted:?}"));
        }
    }
    if let (Some(items), Some(list)) = (schema.get("items"), value.as_array()) {
        for (i, item) in list.iter().enumerate() {
            mistakes(item, items, root, &format!("{path}/{i}"), out);
        }
    }
    let Some(map) = value.as_object() else { return };
    for needed in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
        if !map.contains_key(needed.as_str().expect("names are texts")) {
            out.push(format!("{path}: {needed} is missing"));
        }
    }
    for (key, value) in map {
        match (schema.get("properties").and_then(|p| p.get(key)), schema.get("additionalProperties")) {
            (Some(schema), _) => mistakes(value, schema, root, &format!("{path}/{key}"), out),
            (None, Some(Value::Bool(false))) => out.push(format!("{path}: `{key}` is not known")),
            (None, Some(schema @ Value::Object(_))) => mistakes(value, schema, root, &format!("{path}/{key}"), out),
            _ => {}
        }
    }
}

fn check(kind: &str, path: &str) -> Vec<String> {
    let schemas = schemas();
    let (_, schema) = schemas.iter().find(|(name, _)| *name == kind).expect("the kind is one of three");
    let mut out = Vec::new();
    mistakes(&yaml(path), schema, schema, "", &mut out);
    out
}

/// Every reference leads somewhere, every map is closed or says what else it may hold, and everything has a description.
#[test]
fn the_schemas_are_well_formed() {
    fn walk(value: &Value, root: &Value, maps: &mut usize) {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            let target = root.pointer(reference.trim_start_matches('#'));
            assert!(target.is_some_and(Value::is_object), "{reference} leads nowhere");
        }
        if value.get("type") == Some(&json!("object")) {
            *maps += 1;
            assert!(value.get("additionalProperties").is_some(), "an open map: {value}");
            for (key, property) in value.get("properties").and_then(Value::as_object).into_iter().flatten() {
                let about = property.get("description").and_then(Value::as_str).unwrap_or("");
                assert!(!about.is_empty(), "`{key}` has no description");
            }
            for needed in value.get("required").and_then(Value::as_array).into_iter().flatten() {
                assert!(
                    value["properties"].get(needed.as_str().expect("a name")).is_some(),
                    "{needed} is required but unknown"
                );
            }
        }
        match value {
            Value::Object(map) => map.values().for_each(|v| walk(v, root, maps)),
            Value::Array(list) => list.iter().for_each(|v| walk(v, root, maps)),
            _ => {}
        }
    }
    for (name, schema) in schemas() {
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{name}");
        let mut maps = 0;
        walk(&schema, &schema, &mut maps);
        assert!(maps >= 3, "{name}: only {maps} maps");
    }
}

#[test]
fn the_shipped_files_fit() {
    for (kind, path) in [
        ("rig", "rigs/drone-bench/rig.yaml"),
        ("envelope", "rigs/drone-bench/envelope.yaml"),
        ("scenario", "scenarios/drone-bench/hover-and-land.yaml"),
        ("scenario", "scenarios/drone-bench/gust.yaml"),
        ("scenario", "scenarios/drone-bench/delayed-feed.yaml"),
        ("scenario", "scenarios/drone-bench/learned.yaml"),
        ("mapping", "rigs/drone-bench/learned/pilot.yaml"),
        ("mapping", "rigs/car-bench/learned/cruise.yaml"),
        ("mapping", "rigs/robot-cell/learned/reacher.yaml"),
        ("mapping", "rigs/building-floor/learned/hvac.yaml"),
        ("mapping", "rigs/junction/learned/timing.yaml"),
        ("rig", "tests/diagnostics/bench/rig.yaml"),
        ("envelope", "tests/diagnostics/bench/envelope.yaml"),
        ("scenario", "tests/diagnostics/bench/good.yaml"),
    ] {
        assert_eq!(check(kind, path), Vec::<String>::new(), "{path}");
    }
}

/// An editor shows what the checker would: unknown and missing keys, wrong kinds of value.
#[test]
fn what_the_reader_refuses_by_shape_the_schema_refuses() {
    for (kind, name) in [
        ("rig", "rig-unknown-key"),
        ("rig", "rig-missing-keys"),
        ("rig", "rig-policy-key"),
        ("rig", "rig-link-password"),
        ("rig", "rig-link-baud-fast"),
        ("rig", "rig-yaml-version-number"),
        ("envelope", "envelope-no-such-key"),
        ("scenario", "scenario-unknown-verb"),
        ("scenario", "scenario-no-within"),
        ("scenario", "scenario-two-verbs"),
    ] {
        let out = check(kind, &format!("tests/diagnostics/{name}.yaml"));
        assert!(!out.is_empty(), "{name} fits the schema of a {kind}");
    }
}
