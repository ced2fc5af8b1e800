//! JSON objects, over MQTT (`host`) or over a serial line, one per line of text (`objects`, in the frames of `framed`).
//!
//! Invariant: no broker and no clock: publishes, bytes and instants come in as arguments.

pub mod device;
pub mod host;
mod object;
mod objects;

pub use self::objects::{ObjectDef, Objects, ObjectsConfig, Pointer};

/// The mirror of a device that says one object per line.
pub type LineDevice = super::framed::Device<Objects>;
