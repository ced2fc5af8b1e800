//! `docs/guard.md` says what is: its file is the shipped one, its runs end as shown, and no reason is left out.

use std::path::Path;
use std::process::Command;

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The fenced blocks of one kind.
fn blocks<'p>(page: &'p str, kind: &str) -> Vec<&'p str> {
    let fence = format!("```{kind}\n");
    page.split(fence.as_str()).skip(1).map(|rest| rest.split("```").next().expect("a block ends")).collect()
}

#[test]
fn the_fallback_on_the_page_is_the_shipped_one() {
    let page = read("docs/guard.md");
    let [block] = blocks(&page, "yaml")[..] else { panic!("one file is shown") };
    let (first, text) = block.split_once('\n').expect("it begins with its path");
    assert!(read(first.trim_start_matches("# ")).contains(text), "the rig has another fallback");
}

/// What is shown are lines of what is printed, in their order.
#[test]
fn the_runs_on_the_page_end_as_shown() {
    let page = read("docs/guard.md");
    let shown = blocks(&page, "console");
    assert_eq!(shown.len(), 2);
    for block in shown {
        let (command, lines) = block.split_once('\n').expect("a command and what it prints");
        let words = command.strip_prefix("$ checkrein ").expect("a command of ours").split(' ');
        let runs = tempfile::tempdir().expect("a temporary folder can be made");
        let output = Command::new(env!("CARGO_BIN_EXE_checkrein"))
            .args(words)
            .arg("--runs")
            .arg(runs.path())
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("the program can be started");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut rest = printed.lines();
        for line in lines.lines() {
            assert!(rest.any(|printed| printed == line), "`{line}` does not follow in\n{printed}");
        }
    }
}

#[test]
fn the_page_names_every_mode_reason_and_score() {
    let page = read("docs/guard.md");
    for (mode, _) in checkrein::scenario::plan::GateMode::ALL {
        assert!(page.contains(&format!("| `{mode}` |")), "mode {mode}");
    }
    for reason in ["closed", "outranked", "stale", "too_fast", "not_a_number", "out_of_range", "no_room"] {
        assert!(page.contains(&format!("| `{reason}` |")), "reason {reason}");
    }
    for score in ["missed", "late", "nuisance", "wrong_hand_back"] {
        assert!(page.contains(&format!("| `{score}` |")), "score {score}");
    }
}
