//! Traces of others' making: bytes -> columns with names that formulas can read, and cells with their stamps.
//!
//! A reader hands what it finds to a [`Sink`], row by row; nothing is kept, so that a trace may be longer than memory.
//! Two passes give the same columns in the same order: the first learns what they hold, the second judges.
//!
//! Invariant: no file is opened here, and nothing is mended: what cannot be read is handed on as unreadable.

pub mod csv;
mod heading;
pub mod mcap;
#[cfg(feature = "parquet")]
pub mod parquet;
mod protobuf;
mod stamp;
pub mod tlog;
pub mod ulog;
mod zstd;

pub use heading::{Heading, formula_name};
pub use stamp::{TimeUnit, decimal_nanos, iso8601_nanos};

use crate::diag::Spot;
use crate::time::Time;
use std::ops::Range;

/// What one column says at one instant.
#[derive(Copy, Clone, PartialEq, Debug)]
pub enum Cell<'a> {
    /// A number in the column's unit; NaN and ±∞ as they stand there.
    Number(f64),
    Flag(bool),
    Text(&'a str),
    /// Something stands there that is no text.
    Unreadable,
    /// The trace itself says that it is not known.
    Unknown,
}

/// Cells of one instant.
#[derive(Copy, Clone)]
pub struct Row<'a> {
    /// `None`: its stamp could not be read (the reader told why).
    pub at: Option<Time>,
    /// Which line or message of the file it is, from 1.
    pub line: u64,
    /// Column and cell; columns that say nothing are left out.
    pub cells: &'a [(u32, Cell<'a>)],
    /// The row has too few or too many cells, so that none of them can be trusted (the reader told).
    pub torn: bool,
    /// The line with the place of a column in it, for people.
    pub excerpt: &'a dyn Fn(u32) -> Option<(String, Range<usize>)>,
}

/// Takes what a reader finds.
pub trait Sink {
    /// The next column; `false`: its cells do not matter.
    fn column(&mut self, heading: &Heading) -> bool;
    /// A row, in the order of the file.
    fn row(&mut self, row: &Row<'_>);
    /// Something is wrong with the trace; reading goes on.
    fn trouble(&mut self, spot: Spot);
    /// The trace ends here, though it should not: it was cut or damaged.
    fn cut(&mut self, spot: Spot);
}

/// Why a trace cannot be used at all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal(pub Box<Spot>);

impl Refusal {
    /// A file that cannot be used, for this reason.
    pub fn new(file: &str, message: impl Into<String>, remedy: Option<&str>) -> Refusal {
        Refusal(Box::new(Spot {
            severity: crate::diag::Severity::Error,
            file: file.into(),
            line: None,
            excerpt: None,
            message: message.into(),
            remedy: remedy.map(str::to_owned),
        }))
    }
}
