//! Values of every message as cantools reads them; how the cases are made stands in `can/make.py`.

use checkrein::codec::can::dbc::Database;
use checkrein::codec::can::slcan::{Framer, Line};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/codec/can")
}

/// What was held against cantools in one file.
#[derive(Default, Debug)]
struct Compared {
    messages: usize,
    choices: usize,
    read: usize,
    written: usize,
    refused: Option<String>,
    /// Messages that cantools reads but does not write as it has read them.
    one_way: BTreeSet<String>,
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("digits");
    (0..hex.len()).step_by(2).map(byte).collect()
}

fn number(json: &Json, place: &str) -> f64 {
    match json {
        Json::String(text) => text.parse().expect("nan or inf"),
        number => number.as_f64().unwrap_or_else(|| panic!("{place}: {number}")),
    }
}

/// Checks one file of cases: the messages and their value tables, each payload read, and each written from its values.
fn same_as_cantools(path: &Path) -> Compared {
    let text = std::fs::read(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    let json: Json = serde_json::from_slice(&text).expect("written by a script");
    let read = Database::read(json["dbc"].as_str().expect("a text"));
    if let Some(theirs) = json["refused"].as_str() {
        let ours = read.expect_err(&format!("{path:?}: cantools refuses it: {theirs}"));
        return Compared { refused: Some(ours.to_string()), ..Compared::default() };
    }
    let database = read.unwrap_or_else(|why| panic!("{path:?}: {why}"));
    let theirs = json["messages"].as_object().expect("a map");
    let mut compared = Compared { messages: theirs.len(), ..Compared::default() };
    assert_eq!(database.messages.len(), theirs.len(), "{path:?}");
    for (name, theirs) in theirs {
        let ours = database.find(name).unwrap_or_else(|| panic!("{path:?}: no message {name}"));
        let shape = serde_json::json!([ours.id, ours.extended, ours.length]);
        assert_eq!(shape, serde_json::json!([theirs["id"], theirs["extended"], theirs["length"]]), "{path:?} {name}");
        let choices = theirs["choices"].as_object().expect("a map");
        assert_eq!(ours.signals.len(), choices.len(), "{path:?} {name}");
        for signal in &ours.signals {
            assert_eq!(serde_json::json!(signal.choices), choices[&signal.name], "{path:?} {name}.{}", signal.name);
            compared.choices += signal.choices.len();
        }
        compared.one_way.insert(name.clone());
    }
    for case in json["cases"].as_array().expect("a list") {
        let name = case["message"].as_str().expect("a name");
        let message = database.find(name).expect("looked for before");
        let hex = case["data"].as_str().expect("digits");
        let data = bytes_of(hex);
        let ours = message.decode(&data);
        let theirs = case["values"].as_object().expect("a map");
        let names: Vec<&str> = ours.iter().map(|(signal, _)| signal.name.as_str()).collect();
        assert_eq!(names.len(), theirs.len(), "{path:?} {name} {hex}: {names:?} and {theirs:?}");
        for (signal, raw) in &ours {
            let place = format!("{path:?} {name}.{} of {hex}", signal.name);
            let ours = signal.value(*raw);
            let theirs = number(&theirs[&signal.name], &place);
            let off = (ours - theirs).abs();
            let same = ours == theirs || ours.is_nan() && theirs.is_nan() || off <= 1e-12 * theirs.abs().max(1e-3);
            assert!(same, "{place}: {ours}, and cantools reads {theirs}");
            compared.read += 1;
        }
        if case["encodes"] == true {
            let values: Vec<(&str, f64)> =
                theirs.iter().map(|(name, value)| (name.as_str(), number(value, hex))).collect();
            let ours = message.encode(&values).unwrap_or_else(|why| panic!("{path:?} {name} {values:?}: {why}"));
            assert_eq!(ours, data, "{path:?} {name} {values:?}: cantools writes {hex}");
            compared.written += values.len();
            compared.one_way.remove(name);
        }
    }
    compared
}

#[test]
fn values_are_those_that_cantools_reads_and_writes() {
    for (name, messages, read, written) in [("features", 8, 280, 130), ("vehicle", 9, 400, 180)] {
        let compared = same_as_cantools(&folder().join(format!("{name}.json")));
        assert!(compared.messages >= messages && compared.one_way.is_empty(), "{name}: {compared:?}");
        assert!(compared.read > read && compared.written > written, "{name}: {compared:?}");
    }
}

/// `tests/peers/test_cantools.py` names more files here, of databases that are not ours to hand on, and reads what is printed.
#[test]
fn so_are_those_of_the_files_named_from_outside() {
    let Ok(folder) = std::env::var("CHECKREIN_CAN_CASES") else { return };
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    for path in &files {
        let compared = same_as_cantools(path);
        let Compared { messages, choices, read, written, refused, one_way } = compared;
        let name = path.file_stem().expect("a file").display();
        let told = serde_json::json!({
            "file": name.to_string(), "messages": messages, "choices": choices, "read": read, "written": written,
            "refused": refused, "one_way": one_way,
        });
        println!("compared {told}");
    }
    assert!(!files.is_empty(), "{folder} is empty");
}

#[test]
fn lines_that_python_can_wrote_are_read() {
    let bytes = std::fs::read(folder().join("features.bin")).expect("beside this test");
    let text = std::fs::read_to_string(folder().join("features.dbc")).expect("beside this test");
    let database = Database::read(&text).expect("ours");
    let mut ids = Vec::new();
    Framer::default().push(&bytes, |line| match line {
        Line::Frame(frame) => {
            let message = database.by_id(frame.id, frame.extended).expect("of this file");
            assert_eq!(frame.bytes().len(), message.length);
            ids.push(message.name.clone());
        }
        other => panic!("{other:?}"),
    });
    let wanted: Vec<_> = database.messages.iter().map(|message| message.name.clone()).collect();
    assert_eq!(ids, wanted);
}

#[test]
fn a_file_that_is_none_is_named_with_its_line() {
    for (text, wanted) in [
        (
            "BO_ 1 A: 8 X\n SG_ S : 0|8@2+ (1,0) [0|0] \"\" X",
            "line 2: `2+` stands where `0+`, `0-`, `1+` or `1-` belongs",
        ),
        (
            "BO_ 1 A: 8 X\n SG_ S : 60|8@1+ (1,0) [0|0] \"\" X",
            "line 2: signal `S` ends in byte 9 of message `A`, which has 8",
        ),
        ("BO_ 1 A: 8 X\nBO_ 1 B: 8 X", "line 2: message 1 (`B`) is declared twice"),
        ("\nhello", "line 2: `hello` stands where a statement belongs"),
        ("CM_ \"no end", "line 1: this text has no end"),
        ("BO_ 1 A", "line 1: the end of the file stands where `:` belongs"),
        ("BO_ 9999 A: 8 X", "line 1: 9999 of message `A` is no identifier of CAN"),
    ] {
        assert_eq!(Database::read(text).expect_err(text).to_string(), wanted);
    }
}
