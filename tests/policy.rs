//! Nets that ONNX's own package wrote, held against what its reference evaluator answers for them; and the same files, broken.
//! `tests/fixtures/policy/make.py` made both.

use checkrein::policy::{FILE_MAX, Net};
use rand_core::{Rng, SeedableRng};
use serde_json::Value;
use std::path::PathBuf;

fn file(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/policy").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn cases() -> Vec<(String, Vec<Value>)> {
    let all: Value = serde_json::from_slice(&file("cases.json")).expect("the script writes JSON");
    let nets = all.as_object().expect("it is a map of nets");
    assert!(nets.len() >= 5);
    nets.iter().map(|(name, cases)| (name.clone(), cases.as_array().expect("a list of cases").clone())).collect()
}

fn numbers(list: &Value) -> Vec<f32> {
    list.as_array().expect("a list").iter().map(|n| n.as_f64().expect("a number") as f32).collect()
}

/// Rounding differs between the two by a few units in the last place of the largest number that is added.
fn close(ours: f32, theirs: f32) -> bool {
    (ours - theirs).abs() <= 2e-6 * theirs.abs().max(1.0)
}

#[test]
fn each_net_answers_as_the_reference_evaluator_does() {
    for (name, cases) in cases() {
        let mut net = Net::read(&file(&format!("{name}.onnx"))).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(cases.len() >= 4, "{name}");
        for case in cases {
            let theirs = numbers(&case["answer"]);
            let mut ours = vec![f32::NAN; net.output_count()];
            net.think(&numbers(&case["given"]), &mut ours);
            assert_eq!(ours.len(), theirs.len(), "{name}");
            let fits = ours.iter().zip(&theirs).all(|(a, b)| close(*a, *b));
            assert!(fits, "{name}: {ours:?} against {theirs:?}");
        }
    }
}

#[cfg(not(feature = "onnx"))]
#[test]
fn an_operator_that_is_not_supported_is_named_with_what_is_and_where_there_are_more() {
    let error = Net::read(&file("unsupported.onnx")).unwrap_err().to_string();
    assert!(error.contains("`Softmax`") && error.contains("Relu") && error.contains("Gemm"), "{error}");
    assert!(error.contains("`--features onnx`"), "{error}");
}

#[test]
fn a_file_that_was_cut_off_anywhere_is_an_error() {
    for (name, _) in cases() {
        let whole = file(&format!("{name}.onnx"));
        // The set of operators stands at the end of the file, so that no shorter file is one by chance.
        for length in 0..whole.len() {
            assert!(Net::read(&whole[..length]).is_err(), "{name} with {length} of {} bytes", whole.len());
        }
    }
    assert!(Net::read(&vec![0; FILE_MAX + 1]).unwrap_err().to_string().contains("bytes"));
}

/// Goal: no file makes it panic, hang or ask for much memory. Method: some bytes of each net drawn anew, many times; what is
/// still a net must think.
#[test]
fn a_file_with_wrong_bytes_is_read_or_refused_and_never_panics() {
    let mut draw = rand_pcg::Pcg64Mcg::seed_from_u64(7);
    let (mut read, mut refused) = (0, 0);
    for (name, _) in cases() {
        let whole = file(&format!("{name}.onnx"));
        for _ in 0..4000 {
            let mut bytes = whole.clone();
            for _ in 0..1 + draw.next_u32() % 3 {
                let place = draw.next_u32() as usize % bytes.len();
                bytes[place] = draw.next_u32() as u8;
            }
            match Net::read(&bytes) {
                Ok(mut net) => {
                    read += 1;
                    let mut answer = vec![0.0; net.output_count()];
                    net.think(&vec![0.5; net.input_count()], &mut answer);
                }
                Err(error) => {
                    refused += 1;
                    assert!(!error.to_string().is_empty());
                }
            }
        }
    }
    assert!(read > 100 && refused > 100, "{read} read, {refused} refused: the draw reaches both");
}

#[test]
fn thinking_allocates_nothing() {
    for (name, cases) in cases() {
        let mut net = Net::read(&file(&format!("{name}.onnx"))).expect("it is one of ours");
        let given = numbers(&cases[0]["given"]);
        let mut answer = vec![0.0; net.output_count()];
        let counted = allocation_counter::measure(|| net.think(&given, &mut answer));
        assert_eq!(counted.count_total, 0, "{name}");
    }
}
