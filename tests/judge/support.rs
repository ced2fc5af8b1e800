//! The program from outside, and traces given as text.

use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// How the program ended, and what it said.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    #[track_caller]
    pub fn with(self, code: i32) -> Ended {
        assert_eq!(self.code, Some(code), "\n{}\n{}", self.stdout, self.stderr);
        self
    }
    #[track_caller]
    pub fn says(&self, words: &str) -> &Ended {
        assert!(self.stdout.contains(words) || self.stderr.contains(words), "no word of `{words}`:\n{self:#?}");
        self
    }
    #[track_caller]
    pub fn says_not(&self, words: &str) -> &Ended {
        assert!(!self.stdout.contains(words) && !self.stderr.contains(words), "`{words}`:\n{self:#?}");
        self
    }
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:#?}"))
    }
    pub fn lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
    }
}

pub fn program(folder: &Path, arguments: &[&str], input: &[u8]) -> Ended {
    let mut child = Command::new(env!("CARGO_BIN_EXE_checkrein"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("COLUMNS")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program can be started");
    let mut stdin = child.stdin.take().expect("it is a pipe");
    // A program that refuses at once does not read; that is no mistake of the test.
    let _ = stdin.write_all(input);
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("what it says is UTF-8");
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Judges a CSV given as text, under the name `trace.csv`.
#[track_caller]
pub fn judge(csv: impl AsRef<[u8]>, arguments: &[&str]) -> Ended {
    let folder = TempDir::new().expect("a temporary folder can be made");
    std::fs::write(folder.path().join("trace.csv"), csv).expect("it can be written");
    let all: Vec<&str> = ["judge", "trace.csv"].iter().chain(arguments).copied().collect();
    program(folder.path(), &all, b"")
}

/// Words of a command line, with quotes.
pub fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().expect("one is there").push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}
