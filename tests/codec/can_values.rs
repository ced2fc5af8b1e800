//! Values of every message as cantools reads them; how the cases are made stands in `can/make.py`.

use checkrein::codec::can::dbc::Database;
use checkrein::codec::can::slcan::{Framer, Line};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/codec/can")
}

/// Checks one file of cases; how many signals were compared.
fn same_as_cantools(path: &Path) -> usize {
    let text = std::fs::read(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    let json: Json = serde_json::from_slice(&text).expect("written by a script");
    if json["fits"] == false {
        assert!(Database::read(json["dbc"].as_str().expect("a text")).is_err(), "{path:?}: a signal does not fit");
        return 0;
    }
    let database =
        Database::read(json["dbc"].as_str().expect("a text")).unwrap_or_else(|why| panic!("{path:?}: {why}"));
    let mut compared = 0;
    for case in json["cases"].as_array().expect("a list") {
        let name = case["message"].as_str().expect("a name");
        let message = database.find(name).unwrap_or_else(|| panic!("{path:?}: no message {name}"));
        let hex = case["data"].as_str().expect("digits");
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("digits");
        let data: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        let ours = message.decode(&data);
        let theirs = case["values"].as_object().expect("a map");
        let names: Vec<&str> = ours.iter().map(|(signal, _)| signal.name.as_str()).collect();
        assert_eq!(names.len(), theirs.len(), "{path:?} {name} {hex}: {names:?} and {theirs:?}");
        for (signal, raw) in &ours {
            let place = format!("{path:?} {name}.{} of {hex}", signal.name);
            let ours = signal.value(*raw);
            let theirs = match &theirs[&signal.name] {
                Json::String(text) => text.parse().expect("nan or inf"),
                number => number.as_f64().unwrap_or_else(|| panic!("{place}: {number}")),
            };
            let off = (ours - theirs).abs();
            let same = ours == theirs || ours.is_nan() && theirs.is_nan() || off <= 1e-12 * theirs.abs().max(1e-3);
            assert!(same, "{place}: {ours}, and cantools reads {theirs}");
            compared += 1;
        }
    }
    compared
}

#[test]
fn values_are_those_that_cantools_reads() {
    for (name, least) in [("features", 180), ("vehicle", 250)] {
        let compared = same_as_cantools(&folder().join(format!("{name}.json")));
        assert!(compared > least, "{name}: {compared}");
    }
}

/// `tests/peers/test_cantools.py` names more files here, of databases that are not ours to hand on.
#[test]
fn so_are_those_of_the_files_named_from_outside() {
    let Ok(folder) = std::env::var("CHECKREIN_CAN_CASES") else { return };
    let mut files = 0;
    for entry in std::fs::read_dir(&folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        println!("{}: {} signals", path.display(), same_as_cantools(&path));
        files += 1;
    }
    assert!(files > 0, "{folder} is empty");
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
