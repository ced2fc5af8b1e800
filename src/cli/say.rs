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

/// A size in memory: `312 B`, `4.5 KiB`, `1.2 MiB`.
pub fn bytes(count: usize) -> String {
    const KIB: f64 = 1024.0;
    let count_f64 = count as f64;
    match count {
        0..1024 => format!("{count} B"),
        1024..1_048_576 => format!("{:.1} KiB", count_f64 / KIB),
        _ => format!("{:.1} MiB", count_f64 / (KIB * KIB)),
    }
}
