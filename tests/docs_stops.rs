//! The example of `docs/stops.md` is files that check, and what the page says of them is so.

use checkrein::diag::{Files, Severity};
use checkrein::scenario::plan::Mode;
use checkrein::scenario::{self, Request};
use std::collections::BTreeMap;
use std::path::Path;

struct Page(BTreeMap<String, String>);

impl Files for Page {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        self.0.get(path).map(|text| text.clone().into_bytes()).ok_or_else(|| "it is not on the page".into())
    }
}

fn page() -> Page {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/stops.md")).expect("it is shipped");
    let blocks = text.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().expect("a block ends"));
    let named = blocks.map(|block| {
        let path = block.lines().next().and_then(|line| line.strip_prefix("# ")).expect("a block begins with its path");
        (path.to_owned(), block.to_owned())
    });
    Page(named.collect())
}

fn request() -> Request {
    Request { scenario: "scenarios/cell/run.yaml".into(), rig: None, overrides: Vec::new(), seed: 1, mode: Mode::Rig }
}

#[test]
fn the_example_of_the_page_checks() {
    let page = page();
    let (plan, warnings) =
        scenario::check(&request(), &page).unwrap_or_else(|list| panic!("{}", checkrein::diag::report(&list, false)));
    let told = checkrein::diag::report(&warnings, false);
    assert_eq!(warnings.len(), 2, "{told}");
    assert!(told.contains("`belt` has no dead-man of its own") && told.contains("the broker's last will"), "{told}");
    assert_eq!(plan.files.len(), page.0.len(), "every block of the page is part of the example");
    let estop = plan.rig.estop.as_ref().expect("the page is about it");
    assert_eq!(estop.pressed.1, "not panel.closed");
    assert_eq!(plan.rig.hold_to_run.as_ref().expect("the page is about it").held.1, "panel.held");
}

#[test]
fn the_debounced_formula_of_the_page_is_good_for_stopped_and_for_nothing_else() {
    let debounced = |key: &str, was: &str, is: &str| {
        let mut page = page();
        let rig = page.0.get_mut("rigs/cell/rig.yaml").expect("it is on the page");
        let line = format!("  {key}: {was}");
        assert!(rig.contains(&line), "{line}");
        *rig = rig.replace(&line, &format!("  {key}: {is}"));
        scenario::check(&request(), &page)
    };
    let slow = "historically[0, 100 ms] belt.speed < 0.05 m/s";
    debounced("stopped", "belt.speed < 0.05 m/s", slow).expect("motion may be looked at for a while");
    for (key, was) in [("pressed", "not panel.closed"), ("held", "panel.held")] {
        let told = debounced(key, was, &format!("once[0, 100 ms] ({was})")).expect_err("a hand counts at once");
        assert!(told.iter().any(|d| d.severity == Severity::Error && d.message.contains("looks into the past")));
    }
}
