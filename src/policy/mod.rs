//! Learned policies: a small network from an ONNX file.
//!
//! Invariant: no clock, no wire and no file; the same net and the same numbers give the same answer to the bit on every
//! machine, and thinking allocates nothing.

mod build;
mod net;
mod ops;
mod proto;
mod shape;
#[cfg(test)]
mod tests;

pub use build::{FILE_MAX, OPERATORS};
pub use net::{Net, NetError, Port};
