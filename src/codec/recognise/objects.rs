//! Which messages a device says that says JSON objects: how each is told from the others, and the values that stand in it.

use serde_json::{Map, Value as Json};

/// Most messages that are told apart, and values in one: a device that says more is described by hand.
const MESSAGES_MAX: usize = 8;
const VALUES_MAX: usize = 60;
/// Most words that a value has as a state, and letters in one.
const WORDS_MAX: usize = 8;
const WORD_LETTERS_MAX: usize = 24;
/// Names of what is one device's own, and never another's.
const IDENTITIES: [&str; 6] = ["serial", "serial_number", "sn", "uid", "mac", "device_id"];

/// Objects that are one message.
#[derive(Clone, PartialEq, Debug)]
pub struct Message {
    pub name: String,
    /// What always stands in it and in no other: name, value.
    pub with: Option<(String, String)>,
    pub values: Vec<Value>,
    /// One of them.
    pub example: String,
}

/// What stands at a place of a message's objects.
#[derive(Clone, PartialEq, Debug)]
pub struct Value {
    /// JSON pointer, with its slash.
    pub pointer: String,
    pub kind: Kind,
    /// When it came, in milliseconds.
    pub times_ms: Vec<u64>,
}

/// What a value is.
#[derive(Clone, PartialEq, Debug)]
pub enum Kind {
    Number,
    Flag,
    /// These words, in the order of their coming.
    Words(Vec<String>),
    /// The same text in every object, under a name that says whose it is.
    Identity(String),
}

/// The messages of these lines with their times; lines that are no objects are passed over.
pub fn messages(lines: &[(u64, String)]) -> Vec<Message> {
    let read = |line: &str| match serde_json::from_str(line) {
        Ok(Json::Object(object)) => Some(object),
        _ => None,
    };
    let objects: Vec<(u64, &str, Map<String, Json>)> =
        lines.iter().filter_map(|(at, line)| Some((*at, line.as_str(), read(line)?))).collect();
    let Some(key) = key_of_messages(&objects) else {
        return (!objects.is_empty()).then(|| message("state", None, &objects)).into_iter().collect();
    };
    let mut kinds: Vec<String> = Vec::new();
    for (.., object) in &objects {
        if let Some(Json::String(kind)) = object.get(&key)
            && !kinds.contains(kind)
        {
            kinds.push(kind.clone());
        }
    }
    let of_kind = |kind: &String| {
        let own: Vec<_> = objects.iter().filter(|(.., o)| o[&key] == kind.as_str()).cloned().collect();
        message(&identifier(kind), Some((key.clone(), kind.clone())), &own)
    };
    let mut made: Vec<Message> = kinds.iter().map(of_kind).collect();
    for message in &mut made {
        message.values.retain(|value| value.pointer != format!("/{}", escaped(&key)));
    }
    made
}

/// The name whose words tell messages apart: it stands in every object, and objects with another word have mostly other names in them.
fn key_of_messages(objects: &[(u64, &str, Map<String, Json>)]) -> Option<String> {
    let (.., first) = objects.first()?;
    let names = |object: &Map<String, Json>| object.keys().cloned().collect::<Vec<_>>();
    let tells = |key: &&String| {
        let mut kinds: Vec<(&str, Vec<String>)> = Vec::new();
        for (.., object) in objects {
            let Some(Json::String(kind)) = object.get(*key) else { return false };
            if is_word(kind) && !kinds.iter().any(|(known, _)| known == kind) {
                kinds.push((kind, names(object)));
            } else if !is_word(kind) {
                return false;
            }
        }
        (2..=MESSAGES_MAX).contains(&kinds.len()) && kinds.windows(2).all(|two| differ(&two[0].1, &two[1].1))
    };
    first.keys().find(tells).cloned()
}

/// Whether less than half of the names stand in both objects: now and then a value is missing in a message.
fn differ(one: &[String], other: &[String]) -> bool {
    // The name that would tell them apart is in both.
    let shared = one.iter().filter(|name| other.contains(name)).count() - 1;
    2 * shared < (one.len() - 1).max(other.len() - 1)
}

fn message(name: &str, with: Option<(String, String)>, objects: &[(u64, &str, Map<String, Json>)]) -> Message {
    let mut values: Vec<Value> = Vec::new();
    for (at, _, object) in objects {
        gather("", object, *at, &mut values);
    }
    // What never changed and says whose it is identifies; what changed is a state like any other.
    for value in &mut values {
        if let Kind::Words(words) = &value.kind
            && let [only] = words.as_slice()
            && IDENTITIES.iter().any(|name| value.pointer.to_lowercase().ends_with(&format!("/{name}")))
        {
            value.kind = Kind::Identity(only.clone());
        }
    }
    values.retain(|value| match &value.kind {
        Kind::Words(words) => words.len() <= WORDS_MAX && words.iter().all(|word| is_word(word)),
        _ => true,
    });
    values.truncate(VALUES_MAX);
    let example = objects.first().map_or_else(String::new, |(_, line, _)| (*line).to_owned());
    Message { name: name.to_owned(), with, values, example }
}

fn gather(way: &str, object: &Map<String, Json>, at: u64, values: &mut Vec<Value>) {
    for (name, json) in object {
        let pointer = format!("{way}/{}", escaped(name));
        let kind = match json {
            Json::Number(_) => Kind::Number,
            Json::Bool(_) => Kind::Flag,
            Json::String(word) => Kind::Words(vec![word.clone()]),
            Json::Object(inner) => {
                gather(&pointer, inner, at, values);
                continue;
            }
            Json::Array(list) => {
                let numbered: Map<String, Json> =
                    list.iter().enumerate().map(|(place, item)| (place.to_string(), item.clone())).collect();
                gather(&pointer, &numbered, at, values);
                continue;
            }
            Json::Null => continue,
        };
        match values.iter_mut().find(|value| value.pointer == pointer) {
            Some(known) => {
                known.times_ms.push(at);
                if let (Kind::Words(known), Kind::Words(new)) = (&mut known.kind, kind)
                    && !known.contains(&new[0])
                {
                    known.extend(new);
                }
            }
            None => values.push(Value { pointer, kind, times_ms: vec![at] }),
        }
    }
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn is_word(text: &str) -> bool {
    text.chars().count() <= WORD_LETTERS_MAX && identifier(text).chars().any(|letter| letter.is_ascii_alphanumeric())
}

/// A name of a rig file out of any text: letters, digits and `_`, a letter first.
pub fn identifier(text: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
    let name: String = text.trim_matches('/').chars().map(plain).collect();
    match name.chars().next() {
        Some(first) if first.is_ascii_alphabetic() => name,
        _ => format!("v_{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> Vec<Message> {
        let timed: Vec<(u64, String)> =
            lines.iter().enumerate().map(|(n, line)| (n as u64 * 100, (*line).to_owned())).collect();
        messages(&timed)
    }

    #[test]
    fn objects_that_say_the_same_names_are_one_message() {
        let made = of(&[
            r#"{"t":21.5,"in":{"a/b":1},"door":"open","on":true,"serial":"X7","list":[1,2],"note":"a long text of many words here","none":null}"#,
            "boot noise",
            r#"{"t":22,"in":{"a/b":2},"door":"shut","on":false,"serial":"X7","list":[3,4],"note":"another long text that nobody reads"}"#,
        ]);
        let [message] = &made[..] else { panic!("{made:?}") };
        assert_eq!((message.name.as_str(), &message.with), ("state", &None));
        let mut told: Vec<(&str, &Kind, usize)> =
            message.values.iter().map(|v| (v.pointer.as_str(), &v.kind, v.times_ms.len())).collect();
        told.sort_by_key(|(pointer, ..)| *pointer);
        let words = Kind::Words(vec!["open".into(), "shut".into()]);
        assert_eq!(
            told,
            [
                ("/door", &words, 2),
                ("/in/a~1b", &Kind::Number, 2),
                ("/list/0", &Kind::Number, 2),
                ("/list/1", &Kind::Number, 2),
                ("/on", &Kind::Flag, 2),
                ("/serial", &Kind::Identity("X7".into()), 2),
                ("/t", &Kind::Number, 2),
            ]
        );
    }

    #[test]
    fn a_word_that_goes_with_other_names_tells_messages_apart() {
        let made = of(&[
            r#"{"type":"state","t":1,"mode":"RUN"}"#,
            r#"{"type":"hello world","version":3}"#,
            r#"{"type":"state","t":2,"mode":"IDLE"}"#,
        ]);
        let told: Vec<_> = made.iter().map(|m| (m.name.as_str(), m.with.clone(), m.values.len())).collect();
        let with = |word: &str| Some(("type".to_owned(), word.to_owned()));
        assert_eq!(told, [("state", with("state"), 2), ("hello_world", with("hello world"), 1)]);
        // A mode that changes makes no second message: the names are the same.
        assert_eq!(of(&[r#"{"mode":"RUN","t":1}"#, r#"{"mode":"IDLE","t":2}"#]).len(), 1);
        assert_eq!(of(&[]), []);
        assert_eq!(identifier("/3 Volt~"), "v_3_Volt_");
    }
}
