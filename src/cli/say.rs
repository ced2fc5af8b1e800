//! Words for people, on standard output and standard error.
//!
//! Invariant: a reader who has gone away is no reason to stop a run, so nothing here panics or fails.

use std::fmt::Display;
use std::io::{Write, stderr, stdout};

/// Text on standard output, as it is.
pub fn text(text: &str) {
    let mut out = stdout().lock();
    // Nobody is left who could be told that nobody reads.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// A line on standard output.
pub fn line(words: impl Display) {
    text(&format!("{words}\n"));
}

/// A line on standard error.
pub fn aside(words: impl Display) {
    let _ = stderr().lock().write_all(format!("{words}\n").as_bytes());
}
