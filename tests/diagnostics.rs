//! Every bad file of `tests/diagnostics/` gives exactly the message beside it.
//!
//! `rig-….yaml` stands in for the rig of a bench, `envelope-….yaml` for its envelope, `scenario-….yaml` for a scenario
//! on it; the good ones are in `bench/`. A first line `# set: name=value` is a `--set`; `# sim` asks for twins.
//! `BLESS=1 cargo test --test diagnostics` writes the messages anew: read them before committing.

use checkrein::diag::{Diagnostic, Files, Severity};
use checkrein::scenario::plan::Mode;
use checkrein::scenario::{self, Request};
use std::path::Path;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/diagnostics");

/// The bench with one file exchanged.
struct Bench {
    replaced: String,
    bytes: Vec<u8>,
}

impl Files for Bench {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        if path == self.replaced {
            return Ok(self.bytes.clone());
        }
        let real = match path {
            "rigs/bench/rig.yaml" => "bench/rig.yaml".to_string(),
            "rigs/bench/envelope.yaml" => "bench/envelope.yaml".to_string(),
            _ => path.replace("scenarios/common/", "bench/").replace("rigs/bench/", "bench/"),
        };
        std::fs::read(Path::new(FOLDER).join(real)).map_err(|_| "there is no such file".to_string())
    }
}

fn request(path: &str, text: &[u8]) -> Request {
    let head = text.split(|b| *b == b'\n').next().unwrap_or_default();
    let head = String::from_utf8_lossy(head);
    let set = head.strip_prefix("# set: ").and_then(|s| s.split_once('='));
    Request {
        scenario: path.into(),
        rig: None,
        overrides: set.map(|(name, value)| (name.to_string(), value.to_string())).into_iter().collect(),
        seed: 1,
        mode: if head == "# sim" { Mode::Sim } else { Mode::Rig },
    }
}

/// Everything that is said about one bad file.
fn told(name: &str, bytes: Vec<u8>) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
    let kind = name.split('-').next().expect("a name has a first part");
    match kind {
        "rig" | "envelope" => {
            let bench = Bench { replaced: format!("rigs/bench/{kind}.yaml"), bytes };
            scenario::observe("rigs/bench/rig.yaml", &bench, 1).map(|(_, warnings)| warnings)
        }
        "scenario" => {
            let path = format!("scenarios/bench/{name}");
            let request = request(&path, &bytes);
            let bench = Bench { replaced: path, bytes };
            scenario::check(&request, &bench).map(|(_, warnings)| warnings)
        }
        other => panic!("{name}: `{other}` is no kind of file here"),
    }
}

fn rendered(told: &Result<Vec<Diagnostic>, Vec<Diagnostic>>) -> String {
    let list = match told {
        Ok(list) | Err(list) => list,
    };
    list.iter().map(|d| d.render(false).trim_end().to_string() + "\n").collect::<Vec<_>>().join("\n")
}

fn cases() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(FOLDER)
        .expect("the folder of bad files is part of the sources")
        .map(|entry| entry.expect("the folder can be listed").file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".yaml"))
        .collect();
    names.sort();
    names
}

#[test]
fn every_bad_file_gives_exactly_its_message() {
    let cases = cases();
    assert!(cases.len() >= 40, "only {} bad files", cases.len());
    let mut differing = Vec::new();
    for name in &cases {
        let path = Path::new(FOLDER).join(name);
        let told = told(name, std::fs::read(&path).expect("the file was just listed"));
        let text = rendered(&told);
        if told.is_ok() != name.contains("-warn-") {
            differing.push(format!("--- {name}: refused or not, against its name\n{text}"));
        }
        assert!(!text.is_empty(), "{name}: nothing is said");
        let beside = path.with_extension("txt");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&beside, &text).expect("the message can be written beside the file");
        } else if std::fs::read_to_string(&beside).unwrap_or_default() != text {
            differing.push(format!("--- {name}\n{text}"));
        }
    }
    assert!(differing.is_empty(), "messages changed (BLESS=1 if they are better now):\n{}", differing.join("\n"));
}

/// A message without a file that makes it, or the other way round, is a leftover.
#[test]
fn every_message_has_its_file() {
    for entry in std::fs::read_dir(FOLDER).expect("the folder of bad files is part of the sources") {
        let name = entry.expect("the folder can be listed").file_name().to_string_lossy().into_owned();
        if let Some(stem) = name.strip_suffix(".txt") {
            assert!(Path::new(FOLDER).join(format!("{stem}.yaml")).exists(), "{name} has no file");
        }
    }
}

/// The bench itself is good, so that each case shows its own mistake alone.
#[test]
fn the_good_bench_has_nothing_to_say() {
    let bench = Bench { replaced: String::new(), bytes: Vec::new() };
    let (plan, warnings) =
        scenario::observe("rigs/bench/rig.yaml", &bench, 1).unwrap_or_else(|list| panic!("{}", rendered(&Err(list))));
    assert_eq!(rendered(&Ok(warnings)), "");
    assert_eq!(plan.rules.len(), 3);
    let good = std::fs::read(Path::new(FOLDER).join("bench/good.yaml")).expect("the good scenario is there");
    let warnings = told("scenario-good.yaml", good).unwrap_or_else(|list| panic!("{}", rendered(&Err(list))));
    assert_eq!(rendered(&Ok(warnings)), "");
}

/// Files that no author wrote: never a panic, always an error, quickly.
#[test]
fn files_from_hell_are_refused_with_a_message() {
    let bomb = {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for i in 1..30 {
            let prev = format!("*a{}", i - 1);
            text.push_str(&format!("a{i}: &a{i} [{}]\n", vec![prev; 9].join(", ")));
        }
        text.into_bytes()
    };
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("a bomb of aliases", bomb, "anchors are not read here"),
        ("nothing", Vec::new(), "the file is empty"),
        ("comments alone", b"# nothing\n".to_vec(), "the file is empty"),
        ("binary", (0..=255u8).cycle().take(5000).collect(), "no text file"),
        ("latin-1", b"scenario: caf\xe9\n".to_vec(), "0xe9 in line 1 is not UTF-8"),
        ("zeros", vec![0; 100], "control character 0x00"),
        ("far too large", vec![b'a'; 2 << 20], "at most 1048576 are read"),
        ("deep flow", vec![b'['; 10_000], "nested too deep"),
        (
            "deep blocks",
            (0..400).flat_map(|i| format!("{}a:\n", " ".repeat(i)).into_bytes()).collect(),
            "nested too deep",
        ),
        ("two documents", b"scenario: a\n---\nscenario: b\n".to_vec(), "a second document begins here"),
        ("a list", b"- a\n- b\n".to_vec(), "wanted a scenario as a map"),
        ("a word", b"hello\n".to_vec(), "wanted a scenario as a map"),
        ("a directive", b"%YAML 1.1\n---\nscenario: a\n".to_vec(), "YAML cannot read this"),
        ("half a flow", b"scenario: {\n".to_vec(), "YAML cannot read this"),
        ("tabs", b"scenario: a\nsteps:\n\t- hold: 1 s\n".to_vec(), "YAML cannot read this"),
        ("a map as key", b"? {a: b}\n: c\n".to_vec(), "a key is a word"),
    ];
    for (what, bytes, wanted) in cases {
        let told = told("scenario-hell.yaml", bytes).expect_err(what);
        assert!(told.iter().any(|d| d.severity == Severity::Error), "{what}");
        let text = rendered(&Err(told));
        assert!(text.contains(wanted), "{what}: wanted `{wanted}` in\n{text}");
    }
}

/// Whatever is cut off or garbled, the check answers: every prefix of a good file, and every byte of it exchanged.
#[test]
fn no_damage_to_a_good_file_makes_the_check_panic() {
    let good = std::fs::read(Path::new(FOLDER).join("bench/good.yaml")).expect("the good scenario is there");
    let rig = std::fs::read(Path::new(FOLDER).join("bench/rig.yaml")).expect("the good rig is there");
    let mut refused = 0;
    for end in (0..good.len()).step_by(7) {
        refused += usize::from(told("scenario-cut.yaml", good[..end].to_vec()).is_err());
    }
    assert!(refused > 10, "a scenario cut in half is no scenario");
    for (place, odd) in (0..rig.len()).step_by(23).zip("{}[]:#&*!|>'\"%@`,-? \n\t$~0".bytes().cycle()) {
        let mut damaged = rig.clone();
        damaged[place] = odd;
        // Either answer will do; a panic would fail the test.
        let _ = told("rig-damaged.yaml", damaged).is_err();
    }
}

#[test]
fn the_page_of_bad_input_names_files_that_are_here() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/bad-input.md")).expect("it is shipped");
    let names: Vec<&str> = page.split('`').filter(|word| word.starts_with("rig-")).collect();
    assert!(names.len() > 30, "{names:?}");
    for name in names {
        assert!(root.join(format!("tests/diagnostics/{name}.yaml")).exists(), "{name}");
    }
}
