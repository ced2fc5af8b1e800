//! The examples of `docs/files.md` are files that check without a word.

use checkrein::diag::{Diagnostic, Files};
use checkrein::scenario::plan::{Mode, StepKind};
use checkrein::scenario::{self, Request};
use std::collections::BTreeMap;
use std::path::Path;

/// The YAML blocks of the page by the path in their first line.
struct Page(BTreeMap<String, String>);

impl Files for Page {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        self.0.get(path).map(|text| text.clone().into_bytes()).ok_or_else(|| "it is not on the page".into())
    }
}

fn page() -> (String, Page) {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/files.md")).expect("it is shipped");
    let blocks = text.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().expect("a block ends"));
    let named = blocks.map(|block| {
        let path = block.lines().next().and_then(|line| line.strip_prefix("# ")).expect("a block begins with its path");
        (path.to_string(), block.to_string())
    });
    let files = Page(named.collect());
    (text, files)
}

fn rendered(list: &[Diagnostic]) -> String {
    list.iter().map(|d| d.render(false)).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_examples_of_the_page_check_without_a_word() {
    let (_, page) = page();
    let request = Request {
        scenario: "scenarios/small/example.yaml".into(),
        rig: None,
        overrides: vec![("height".into(), "6m".into())],
        seed: 1,
        mode: Mode::Sim,
    };
    let (plan, warnings) = scenario::check(&request, &page).unwrap_or_else(|list| panic!("{}", rendered(&list)));
    assert_eq!(rendered(&warnings), "");
    assert_eq!(plan.files.len(), page.0.len(), "every block of the page is part of the example");
    assert!(plan.parameters.contains(&("height".into(), "6 m".into())), "{:?}", plan.parameters);
    assert!(plan.steps.iter().any(|s| matches!(&s.kind, StepKind::Parallel { lanes } if lanes.len() == 2)));
}

/// The page lists every step and every fault that the schema and the checker know.
#[test]
fn the_page_leaves_nothing_out() {
    let (text, page) = page();
    let request = |steps: &str| {
        let scenario = format!("scenario: x\nrig: small\nexercises: [ceiling]\nsteps:\n{steps}");
        let mut files = page.0.clone();
        files.insert("scenarios/small/x.yaml".into(), scenario);
        let wanted = Request {
            scenario: "scenarios/small/x.yaml".into(),
            rig: None,
            overrides: Vec::new(),
            seed: 1,
            mode: Mode::Sim,
        };
        rendered(&scenario::check(&wanted, &Page(files)).expect_err("the step is wrong"))
    };
    // A word far from every other makes the checker list what it knows.
    let verbs = request("  - qqqqqqqqqqqq: 1\n");
    let known = verbs.split("known: ").nth(1).unwrap_or_else(|| panic!("no list in {verbs}"));
    let verbs: Vec<&str> = known.lines().next().expect("a line").split(", ").map(str::trim).collect();
    assert!(verbs.len() >= 11, "{verbs:?}");
    for verb in verbs {
        assert!(text.contains(&format!("| `{verb}:")), "step `{verb}` is not in the table of steps");
    }
}

/// The rig of the drone bench with the example of `docs/faults.md` among its scenarios.
struct Bench(String);

impl Files for Bench {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        if path == EXAMPLE {
            return Ok(self.0.clone().into_bytes());
        }
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).map_err(|error| error.to_string())
    }
}

const EXAMPLE: &str = "scenarios/drone-bench/faults-example.yaml";

fn page_of_faults() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/faults.md")).expect("it is shipped")
}

#[test]
fn the_page_of_faults_lists_every_fault_and_every_step_of_a_ladder() {
    let text = page_of_faults();
    for fault in checkrein::scenario::fault_names() {
        assert!(text.contains(&format!("`{fault}`")), "fault `{fault}` is not on the page");
    }
    for preset in checkrein::fault::PRESETS {
        let values: Vec<String> = preset.values.iter().map(|(key, value)| format!("{key} {value}")).collect();
        let line = format!("| `{}` | `{}` | {} | {} |", preset.fault, preset.name, values.join(", "), preset.source);
        assert!(text.contains(&line), "the page lacks\n{line}");
    }
    let rows = text.split("## The 25 kinds").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("the list");
    assert_eq!(rows.lines().filter(|line| line.starts_with("| ")).count(), 1 + 25, "a head and 25 kinds");
}

#[test]
fn the_example_of_the_page_of_faults_checks_on_twins_and_asks_for_energised_on_the_rig() {
    let text = page_of_faults();
    let block = text.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let request = Request { scenario: EXAMPLE.into(), rig: None, overrides: Vec::new(), seed: 1, mode: Mode::Sim };
    let (plan, warnings) =
        scenario::check(&request, &Bench(block.into())).unwrap_or_else(|list| panic!("{}", rendered(&list)));
    assert_eq!(rendered(&warnings), "");
    let count = plan.steps.iter().filter(|s| matches!(s.kind, StepKind::Inject { .. })).count();
    assert_eq!(count, block.matches("inject:").count(), "every fault of the example is in the plan");
}
