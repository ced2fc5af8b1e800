//! What is wrong with a text, for people: file, line, column, what was found, what was wanted, what to do.
//!
//! Invariant: nothing here opens a file; [`Files`] lends the bytes.

mod nearest;
mod render;

pub use nearest::nearest;
pub use render::{count_line, report};

use std::ops::Range;
use std::sync::Arc;

/// A text that was read, under the name that people know it by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// The path as the user gave it or as it stands in another file.
    pub name: String,
    pub text: String,
}

/// One mistake in one place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    pub severity: Severity,
    pub source: Arc<Source>,
    /// Bytes of the source's text that are wrong; empty at a place where something is missing.
    pub span: Range<usize>,
    /// What was found and what was wanted: a fragment in lower case.
    pub message: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

/// How bad it is.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// Nothing is refused; something is probably not meant.
    Warning,
    /// The file cannot be used.
    Error,
}

/// One mistake in a file that is too large to be held: the line alone is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spot {
    pub severity: Severity,
    /// The file, under the name that people know it by.
    pub file: String,
    /// The line, from 1.
    pub line: Option<u64>,
    /// The line's text, and the bytes of it that are wrong.
    pub excerpt: Option<(String, Range<usize>)>,
    /// What was found and what was wanted: a fragment in lower case.
    pub message: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

/// Lends the bytes of files, so that checking can be done without a file system.
pub trait Files {
    /// The bytes at `path`, or why not, in words for people.
    fn read(&self, path: &str) -> Result<Vec<u8>, String>;
}

impl Diagnostic {
    /// The line and column (from 1, in characters) at which it begins.
    pub fn place(&self) -> (usize, usize) {
        let before = &self.source.text[..render::floor_char(&self.source.text, self.span.start)];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        (line, before[line_start..].chars().count() + 1)
    }
    /// Renders it like rustc, with the lines of the source, without colours unless asked.
    pub fn render(&self, colour: bool) -> String {
        render::one(self, colour)
    }
}

impl Spot {
    /// Renders it like rustc, without colours unless asked.
    pub fn render(&self, colour: bool) -> String {
        render::spot(self, colour)
    }
}
