//! YAML without traps: text -> a tree that knows where each word stands -> typed values, with every mistake kept.
//!
//! Invariant: nothing here stops at the first mistake that it can get past, and nothing of YAML's guessing
//! (`yes` for true, `1_000` for 1000, tags, anchors) survives: a scalar is its text until a reader wants more.

mod page;
mod quote;
mod shape;
mod traps;
mod tree;

pub(crate) use page::{Fields, PERIOD_LEAST, Page};
pub(crate) use shape::{Key, Record, Shape, key, schema_of, want};
pub(crate) use tree::{Entry, Kind, Node, Word, load, shortened};
