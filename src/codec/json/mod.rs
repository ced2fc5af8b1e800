//! JSON objects over MQTT.
//!
//! Invariant: no broker and no clock: publishes and instants come in as arguments.

pub mod device;
pub mod host;
mod object;
