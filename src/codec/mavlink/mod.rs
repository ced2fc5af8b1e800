//! MAVLink 1 and 2.
//!
//! Invariant: no clock, no port, no file: bytes, texts and instants come in as arguments.

pub mod device;
pub mod dialect;
mod encode;
mod field;
mod framing;
pub mod host;
pub mod recorded;
mod xml;

pub use dialect::DialectSource;
