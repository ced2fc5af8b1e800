//! What is wrong with a text, for people: file, line, column, what was found, what was wanted, what to do.
//!
//! Invariant: nothing here opens a file; [`Files`] lends the bytes.

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

/// Lends the bytes of files, so that checking can be done without a file system.
pub trait Files {
    /// The bytes at `path`, or why not, in words for people.
    fn read(&self, path: &str) -> Result<Vec<u8>, String>;
}

impl Diagnostic {
    /// The line and column (from 1, in characters) at which it begins.
    pub fn place(&self) -> (usize, usize) {
        todo!()
    }
    /// Renders it like rustc, with the lines of the source, without colours unless asked.
    pub fn render(&self, _colour: bool) -> String {
        todo!()
    }
}

/// The candidate that the reader probably meant, if any is near enough.
pub fn nearest<'a>(_found: &str, _candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    todo!()
}
