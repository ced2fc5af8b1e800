//! The mirror: JSON as a device or a controller speaks it. Simulated pilots and tests stand on it.

use super::object::{Object, read, write_number, write_text};
use serde_json::Value;

/// One value in a telling, a task or a proposal.
#[derive(Clone, PartialEq, Debug)]
pub enum Word {
    Number(f64),
    Text(String),
    Flag(bool),
    /// Not known.
    Null,
}

/// What a controller was told, or the task it was given: names and values in the order of the text.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Told(pub Vec<(String, Word)>);

impl Told {
    /// Reads the payload of a telling or a task; lists and objects inside of it are passed over.
    /// The error says in words why it cannot be understood.
    pub fn read(payload: &[u8]) -> Result<Told, String> {
        let Object(fields) = read(payload)?;
        let word = |value| match value {
            Value::Null => Some(Word::Null),
            Value::Bool(flag) => Some(Word::Flag(flag)),
            Value::Number(number) => Some(number.as_f64().map_or(Word::Null, Word::Number)),
            Value::String(text) => Some(Word::Text(text)),
            Value::Array(_) | Value::Object(_) => None,
        };
        Ok(Told(fields.into_iter().filter_map(|(name, value)| Some((name, word(value)?))).collect()))
    }
    /// The value of that name.
    pub fn get(&self, name: &str) -> Option<&Word> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, word)| word)
    }
    /// The number of that name.
    pub fn number(&self, name: &str) -> Option<f64> {
        match self.get(name) {
            Some(Word::Number(number)) => Some(*number),
            _ => None,
        }
    }
    /// The text of that name, such as a state.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Word::Text(text)) => Some(text),
            _ => None,
        }
    }
}

/// Reads a payload that is to be looked into by pointers (`/fc.altitude`). The error says in words why it cannot be
/// understood.
pub fn object(payload: &[u8]) -> Result<Value, String> {
    read(payload)
}

/// A payload of values of any kind by name.
pub fn write(words: &[(String, Word)]) -> Vec<u8> {
    let mut out = vec![b'{'];
    for (name, word) in words {
        if out.len() > 1 {
            out.push(b',');
        }
        write_text(name, &mut out);
        out.push(b':');
        match word {
            Word::Number(number) => write_number(*number, &mut out),
            Word::Text(text) => write_text(text, &mut out),
            Word::Flag(flag) => out.extend(flag.to_string().bytes()),
            Word::Null => out.extend(b"null"),
        }
    }
    out.push(b'}');
    out
}

/// The payload of a proposal: its arguments by name, in their own units.
pub fn propose(args: &[(&str, f64)]) -> Vec<u8> {
    let mut out = vec![b'{'];
    for (name, value) in args {
        if out.len() > 1 {
            out.push(b',');
        }
        write_text(name, &mut out);
        out.push(b':');
        write_number(*value, &mut out);
    }
    out.push(b'}');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proposal_reads_back_as_it_was_written() {
        let payload = propose(&[("z", 5.0), ("with \"quotes\"", -0.125)]);
        let told = Told::read(&payload).expect("well formed");
        assert_eq!(told.0, [("z".into(), Word::Number(5.0)), ("with \"quotes\"".into(), Word::Number(-0.125))]);
        assert_eq!(propose(&[]), b"{}");
    }

    #[test]
    fn words_of_every_kind_are_written_as_they_are_read() {
        let words = [
            ("a".to_owned(), Word::Number(0.5)),
            ("b".to_owned(), Word::Text("NS".to_owned())),
            ("c".to_owned(), Word::Flag(true)),
            ("d".to_owned(), Word::Null),
        ];
        let payload = write(&words);
        assert_eq!(Told::read(&payload).expect("well formed").0, words);
        assert_eq!(object(&payload).expect("well formed").pointer("/b").and_then(Value::as_str), Some("NS"));
    }

    #[test]
    fn a_telling_holds_numbers_texts_flags_and_the_unknown() {
        let told = Told::read(br#"{"fc.z":1.5,"fc.mode":"GUIDED","fc.armed":true,"fc.vx":null,"more":[1]}"#);
        let told = told.expect("well formed");
        assert_eq!((told.number("fc.z"), told.text("fc.mode")), (Some(1.5), Some("GUIDED")));
        assert_eq!((told.get("fc.armed"), told.get("fc.vx")), (Some(&Word::Flag(true)), Some(&Word::Null)));
        assert_eq!((told.get("more"), told.number("fc.mode"), told.number("fc.vx")), (None, None, None));
        assert!(Told::read(b"{").is_err());
    }
}
