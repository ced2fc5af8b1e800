//! Nets that want the feature `onnx`, held against what ONNX's reference evaluator answers, and our own nets thought by both.
//! `tests/fixtures/policy/make.py` made them.
#![cfg(feature = "onnx")]

use checkrein::policy::Net;
use serde_json::Value;
use std::path::{Path, PathBuf};

fn file(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/policy")
}

fn numbers(list: &Value) -> Vec<f32> {
    list.as_array().expect("a list").iter().map(|n| n.as_f64().expect("a number") as f32).collect()
}

/// Rounding differs by a few units in the last place of the largest number that is added.
fn close(ours: f32, theirs: f32) -> bool {
    (ours - theirs).abs() <= 1e-5 * theirs.abs().max(1.0)
}

/// Every case of a folder's `cases.json`.
fn held_against_the_reference(folder: &Path, own: bool) {
    let all: Value = serde_json::from_slice(&file(&folder.join("cases.json"))).expect("the script writes JSON");
    let nets = all.as_object().expect("it is a map of nets");
    assert!(nets.len() >= 3);
    for (name, cases) in nets {
        let path = fixtures().join(format!("{name}.onnx"));
        let mut net = Net::read(&file(&path)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(net.is_own(), own, "{name}");
        for case in cases.as_array().expect("a list of cases") {
            let theirs = numbers(&case["answer"]);
            let mut ours = vec![f32::NAN; net.output_count()];
            net.think(&numbers(&case["given"]), &mut ours);
            assert!(
                ours.len() == theirs.len() && ours.iter().zip(&theirs).all(|(a, b)| close(*a, *b)),
                "{name}: {ours:?} against {theirs:?}"
            );
        }
    }
}

#[test]
fn nets_that_our_own_evaluator_cannot_think_are_thought_by_tract() {
    held_against_the_reference(&fixtures().join("foreign"), false);
}

#[test]
fn what_our_own_evaluator_knows_stays_with_it() {
    held_against_the_reference(&fixtures(), true);
}

#[test]
fn inputs_and_outputs_are_told_with_their_names_and_sizes() {
    let net = Net::read(&file(&fixtures().join("foreign/view.onnx"))).expect("tract knows it");
    let ports = |ports: &[checkrein::policy::Port]| -> Vec<(String, Vec<usize>)> {
        ports.iter().map(|port| (port.name.clone(), port.sizes.clone())).collect()
    };
    assert_eq!(ports(net.inputs()), [("x".to_owned(), vec![1, 1, 8, 8])]);
    assert_eq!(ports(net.outputs()), [("y".to_owned(), vec![1, 3])]);
}

#[test]
fn what_neither_knows_is_refused_with_both_reasons() {
    let mut bytes = file(&fixtures().join("unsupported.onnx"));
    let place = bytes.windows(7).position(|seven| seven == b"Softmax").expect("the operator is there");
    bytes[place..place + 7].copy_from_slice(b"Sooftma");
    let error = Net::read(&bytes).unwrap_err().to_string();
    assert!(error.contains("`Sooftma`") && error.contains("by tract: "), "{error}");
}

#[test]
fn a_file_that_was_cut_off_or_altered_is_read_or_refused() {
    for name in ["view", "window", "norm"] {
        let whole = file(&fixtures().join(format!("foreign/{name}.onnx")));
        for length in (0..whole.len()).step_by(7) {
            assert!(Net::read(&whole[..length]).is_err(), "{name} with {length} of {} bytes", whole.len());
        }
        let (mut read, mut refused) = (0, 0);
        for place in (0..whole.len()).step_by(11) {
            let mut bytes = whole.clone();
            bytes[place] ^= 1 << (place % 8);
            match Net::read(&bytes) {
                Ok(mut net) => {
                    read += 1;
                    let mut answer = vec![0.0; net.output_count()];
                    net.think(&vec![0.5; net.input_count()], &mut answer);
                }
                Err(_) => refused += 1,
            }
        }
        assert!(read > 5 && refused > 5, "{name}: {read} read, {refused} refused");
    }
}
