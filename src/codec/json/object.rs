//! JSON as it is read from strangers and written for them.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Value};
use std::fmt;

/// Longest payload that is looked into, in bytes.
pub(super) const PAYLOAD_MAX: usize = 64 * 1024;

/// An object whose names are in the order of the text, each of them once.
pub(super) struct Object(pub(super) Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Object;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut fields: Vec<(String, Value)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if fields.iter().any(|(earlier, _)| *earlier == name) {
                        return Err(A::Error::custom(format_args!("`{}` is given twice", shortened(&name))));
                    }
                    // Names are compared with all earlier ones: a bound keeps that from growing without end.
                    if fields.len() == FIELDS_MAX {
                        return Err(A::Error::custom(format_args!("more than {FIELDS_MAX} names")));
                    }
                    fields.push((name, value));
                }
                Ok(Object(fields))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// Any value. A name that an object gives twice holds null: which of the two counts nobody knows.
pub(super) struct Unambiguous(pub(super) Value);

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Unambiguous, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Value;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_unit<E: Error>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }
            fn visit_bool<E: Error>(self, flag: bool) -> Result<Value, E> {
                Ok(flag.into())
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
                Ok(number.into())
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
                Ok(number.into())
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
                Ok(number.into())
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
                Ok(text.into())
            }
            fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
                Ok(text.into())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
                let mut items = Vec::new();
                while let Some(Unambiguous(item)) = list.next_element()? {
                    items.push(item);
                }
                Ok(Value::Array(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                let mut fields = Map::new();
                while let Some((name, Unambiguous(value))) = map.next_entry::<String, Unambiguous>()? {
                    match fields.entry(name) {
                        Entry::Vacant(vacant) => drop(vacant.insert(value)),
                        Entry::Occupied(mut twice) => drop(twice.insert(Value::Null)),
                    }
                }
                Ok(Value::Object(fields))
            }
        }
        deserializer.deserialize_any(Reader).map(Unambiguous)
    }
}

/// Most names in an object that carries arguments.
const FIELDS_MAX: usize = 256;

/// A text of strangers, cut to a length that people can read.
pub(super) fn shortened(text: &str) -> String {
    const SHOWN: usize = 100;
    match text.char_indices().nth(SHOWN) {
        None => text.to_string(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// Reads a payload; the error says in words why it cannot be understood. Nesting deeper than 128 is refused by
/// the parser, so that no text can exhaust the stack.
pub(super) fn read<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, String> {
    if payload.is_empty() {
        return Err("an empty payload".into());
    }
    if payload.len() > PAYLOAD_MAX {
        return Err(format!("{} bytes; at most {PAYLOAD_MAX} are read", payload.len()));
    }
    serde_json::from_slice(payload).map_err(|why| shortened(&why.to_string()))
}

/// What a value is, in words.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Appends a number; whole ones without a fraction, since small devices read integers; not finite ones as null.
pub(super) fn write_number(number: f64, out: &mut Vec<u8>) {
    // Up to here every whole number is a float of its own.
    const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
    let written = if number.abs() < WHOLE_MAX && number as i64 as f64 == number {
        serde_json::to_writer(&mut *out, &(number as i64))
    } else {
        serde_json::to_writer(&mut *out, &number)
    };
    written.expect("writing to memory cannot fail, and numbers have no keys");
}

/// Appends a text in quotes.
pub(super) fn write_text(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("writing to memory cannot fail, and a text has no keys");
}

/// `true` and `false` of a rig file, which are truth values wherever they stand.
pub(super) fn truth(word: &str) -> Option<bool> {
    match word {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// Appends a word of a rig file: a truth value, or a text in quotes.
pub(super) fn write_word(word: &str, out: &mut Vec<u8>) {
    match truth(word) {
        Some(_) => out.extend_from_slice(word.as_bytes()),
        None => write_text(word, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_payloads_are_refused_in_words() {
        let deep_object = "{\"a\":".repeat(10_000);
        let many = format!("{{{}}}", (0..300).map(|n| format!("\"n{n}\":1")).collect::<Vec<_>>().join(","));
        for (payload, wanted) in [
            (&b""[..], "an empty payload"),
            (format!("{{\"a\":{}", "[".repeat(30_000)).as_bytes(), "recursion limit"),
            (deep_object.as_bytes(), "recursion limit"),
            (&vec![b' '; PAYLOAD_MAX + 1], "65537 bytes; at most 65536"),
            (br#"{"a":1,"a":2}"#, "`a` is given twice"),
            (b"{\"a\":NaN}", "expected value"),
            (b"{\"a\":1e999}", "number out of range"),
            (b"{\"a\":1} x", "trailing characters"),
            (b"[1]", "expected an object"),
            (b"\xff\xfe", "expected value"),
            (many.as_bytes(), "more than 256 names"),
        ] {
            let why = read::<Object>(payload).err().expect("refused");
            assert!(why.contains(wanted), "{why:?} lacks {wanted:?}");
            assert!(why.len() < 200);
        }
    }

    #[test]
    fn numbers_are_written_so_that_anyone_can_read_them() {
        for (number, wanted) in [
            (5.0, "5"),
            (-0.0, "0"),
            (0.25, "0.25"),
            (-3.0, "-3"),
            (1e300, "1e+300"),
            (f64::NAN, "null"),
            (f64::INFINITY, "null"),
            (0.1 + 0.2, "0.30000000000000004"),
        ] {
            let mut out = Vec::new();
            write_number(number, &mut out);
            assert_eq!(String::from_utf8(out).expect("plain letters"), wanted);
        }
    }
}
