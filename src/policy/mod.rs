//! Learned policies: a small network from an ONNX file, the mapping of its numbers to messages, and the two at work.
//!
//! Invariant: no clock, no wire and no file; the same net and the same numbers give the same answer to the bit on every
//! machine, and thinking allocates nothing.

mod build;
#[cfg(feature = "onnx")]
mod foreign;
pub mod mapping;
mod mind;
mod net;
mod ops;
mod proto;
mod shape;
#[cfg(test)]
mod tests;

pub use build::{FILE_MAX, OPERATORS};
pub use mind::{Message, Mind, Nudge, Policy, Silent};
pub use net::{Net, NetError, Port};
