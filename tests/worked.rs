//! The worked examples of `docs/formulas.md`: what the page prints is what `checkrein judge` says.
//!
//! `BLESS=1 cargo test --test worked` writes margins and truths anew. Read the difference before it is committed.

use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;

/// One example: a rule over one signal `x`.
#[derive(Default)]
struct Worked {
    rule: String,
    options: Vec<String>,
    stale: Option<String>,
    times: Vec<String>,
    values: Vec<String>,
    margins: Vec<String>,
    truths: Vec<String>,
}

/// Cells stand apart by two blanks at least.
fn cells(text: &str) -> Vec<String> {
    text.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
}

fn read(block: &str) -> Worked {
    let mut worked = Worked::default();
    for line in block.lines() {
        let (key, rest) = line.split_once(' ').expect("each line has a key");
        let rest = rest.trim();
        match key {
            "rule" => worked.rule = rest.to_owned(),
            "outside" => worked.options = vec!["--outside".into(), rest.to_owned()],
            "stale" => worked.stale = Some(rest.to_owned()),
            "time" => worked.times = cells(rest),
            "x" => worked.values = cells(rest),
            "margin" => worked.margins = cells(rest),
            "truth" => worked.truths = cells(rest),
            other => panic!("`{other}` is no line of an example"),
        }
    }
    assert_eq!(worked.times.len(), worked.values.len(), "{block}");
    worked
}

/// Margin and truth at each stamp, as the program tells them.
fn judged(worked: &Worked) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("trace.csv");
    let rows =
        worked.times.iter().zip(&worked.values).map(|(time, x)| format!("{},{x}\n", time.trim_end_matches(" s")));
    std::fs::write(&path, format!("time,x\n{}", rows.collect::<String>())).expect("it is new");
    let stale = worked.stale.as_ref().map_or(String::new(), |stale| format!(", stale after {stale}"));
    let output = Command::new(env!("CARGO_BIN_EXE_checkrein"))
        .args(["judge", "--at-samples", "--json", "--rule", &worked.rule, "--signal", &format!("x: m{stale}")])
        .args(&worked.options)
        .arg(&path)
        .output()
        .expect("the program can be started");
    let text = String::from_utf8(output.stdout).expect("it is text");
    let line = |line: &str| {
        let value: Value = serde_json::from_str(line).expect("each line is JSON");
        let end = |key: &str| match &value[key] {
            Value::String(infinite) => infinite.replace("inf", "∞"),
            number => format!("{}", number.as_f64().expect("a number or an infinity")),
        };
        let (lo, hi) = (end("lo"), end("hi"));
        let margin = if lo == hi { lo } else { format!("{lo} .. {hi}") };
        (margin, value["truth"].as_str().expect("it is a word").to_owned())
    };
    let told: Vec<(String, String)> = text.lines().map(line).collect();
    assert!(!told.is_empty(), "{}: {}", worked.rule, String::from_utf8_lossy(&output.stderr));
    told
}

fn padded(cells: &[String]) -> String {
    let all: Vec<String> = cells.iter().map(|cell| format!("{cell:<11}")).collect();
    all.concat().trim_end().to_owned()
}

#[test]
fn worked_examples_are_what_judging_gives() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/formulas.md");
    let page = std::fs::read_to_string(&path).expect("the page is part of the sources");
    let mut out = String::new();
    let mut rest = page.as_str();
    let mut count = 0;
    while let Some(start) = rest.find("\n```worked\n") {
        let body = start + "\n```worked\n".len();
        let end = body + rest[body..].find("```").expect("every fence is closed");
        let block = &rest[body..end];
        let worked = read(block);
        let mut told = judged(&worked).into_iter();
        // Several samples at one stamp are one instant, and told once.
        let repeated = |i: usize| i > 0 && worked.times[i] == worked.times[i - 1];
        let same = || ("″".to_owned(), "″".to_owned());
        let at_each =
            (0..worked.times.len()).map(|i| if repeated(i) { same() } else { told.next().expect("a line a stamp") });
        let (margins, truths): (Vec<String>, Vec<String>) = at_each.unzip();
        assert_eq!(told.next(), None, "more was told than there are stamps");
        if std::env::var_os("BLESS").is_none() {
            assert_eq!((&worked.margins, &worked.truths), (&margins, &truths), "{block}");
        }
        out.push_str(&rest[..body]);
        for line in block.lines() {
            let line = match line.split_once(' ').map(|(key, _)| key) {
                Some("margin") => format!("margin  {}", padded(&margins)),
                Some("truth") => format!("truth   {}", padded(&truths)),
                Some("time") => format!("time    {}", padded(&worked.times)),
                Some("x") => format!("x       {}", padded(&worked.values)),
                _ => line.to_owned(),
            };
            out.push_str(&format!("{line}\n"));
        }
        rest = &rest[end..];
        count += 1;
    }
    out.push_str(rest);
    assert!(count >= 10, "only {count} examples");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, out).expect("the page can be written");
    }
}
