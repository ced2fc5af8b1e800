//! The console blocks of `docs/rigs.md` are what the program says, one after the other, on a state folder of their own.

use std::path::Path;
use std::process::Command;

/// The words of a command line; quotes hold a word with blanks together.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().expect("there is always one").push(c),
        }
    }
    words
}

/// Whether a line is as the page shows it; `…` stands for any text.
fn matches(shown: &str, said: &str) -> bool {
    let mut rest = said;
    for (place, part) in shown.split('…').enumerate() {
        let Some(at) = rest.find(part).filter(|at| place > 0 || *at == 0) else { return false };
        rest = &rest[at + part.len()..];
    }
    shown.ends_with('…') || rest.is_empty()
}

#[test]
fn what_the_page_shows_is_what_the_program_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/rigs.md")).expect("the page is part of the sources");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut commands = 0;
    for block in page.split("```console\n").skip(1) {
        let block = block.split("```").next().expect("every fence is closed");
        for part in block.split("$ ").skip(1) {
            let (command, shown) = part.split_once('\n').expect("a command has a line of its own");
            let mut arguments = words(&command.replace("RUNS", &folder.path().join("runs").display().to_string()));
            assert_eq!(arguments.remove(0), "checkrein");
            let output = Command::new(env!("CARGO_BIN_EXE_checkrein"))
                .args(&arguments)
                .current_dir(root)
                .env("CHECKREIN_STATE", folder.path().join("state"))
                .output()
                .expect("the program can be started");
            let said = String::from_utf8([output.stdout, output.stderr].concat()).expect("it is text");
            let mut lines = said.lines();
            for line in shown.lines() {
                assert!(
                    lines.any(|said| matches(line, said)),
                    "`{command}` does not say, in this order:\n{line}\n{said}"
                );
            }
            commands += 1;
        }
    }
    assert!(commands >= 5, "only {commands} commands");
}

#[test]
fn dots_stand_for_any_text_and_nothing_else_does() {
    assert!(matches("a … c", "a b c") && matches("a…", "a") && matches("a", "a"));
    assert!(!matches("a … c", "a b d") && !matches("a", "a b") && !matches("b", "a b"));
}

#[test]
fn every_ladder_and_dead_man_of_the_shipped_rigs_can_be_rehearsed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut rehearsed = 0;
    for rig in std::fs::read_dir(root.join("rigs")).expect("the rigs are part of the sources") {
        let rig = rig.expect("it can be read").file_name().into_string().expect("it is text");
        let output = Command::new(env!("CARGO_BIN_EXE_checkrein"))
            .args(["rigs", "rehearse", &rig, "--sim", "--fast", "--no-plots", "--runs"])
            .arg(folder.path())
            .current_dir(root)
            .env("CHECKREIN_STATE", folder.path().join("state"))
            .output()
            .expect("the program can be started");
        let said = String::from_utf8(output.stdout).expect("it is text");
        assert!(output.status.success(), "{said}");
        let (_, list) = said.split_once("\nrehearsed:\n").unwrap_or_else(|| panic!("{rig} rehearsed nothing:\n{said}"));
        let lines: Vec<&str> = list.lines().take_while(|line| !line.is_empty()).collect();
        let of = |words: &str| lines.iter().filter(|line| line.contains(words)).count();
        assert!(of("  safe after ") > 0 && of("the rehearsal ended before") + of("NOT SAFE") == 0, "{rig}: {lines:#?}");
        assert!(of("ring 3: the dead-man of ") > 0, "{rig} relies on no dead-man: {lines:#?}");
        rehearsed += 1;
    }
    assert!(rehearsed >= 4, "only {rehearsed} rigs");
}
