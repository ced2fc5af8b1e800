//! Frames whose contents are messages of a `.proto` that lies beside the rig file. It is compiled when the rig is read.
//!
//! Invariant: no message is known here; what a frame means is in the `.proto` alone.

mod source;
mod tongue;

pub use self::source::{Mistake, ProtoSource};
pub use self::tongue::Messages;

use super::framed::FramedConfig;

/// The session of a link.
pub type Host = super::framed::Host<Messages>;
/// The mirror of a device.
pub type Device = super::framed::Device<Messages>;

/// The description of a device that speaks protobuf.
#[derive(Clone, PartialEq, Debug)]
pub struct ProtobufConfig {
    pub framed: FramedConfig,
    pub source: ProtoSource,
    /// The message of every frame that it says, by its name with or without the package.
    pub says: String,
    /// The message of every frame that it hears, if it hears anything.
    pub hears: Option<String>,
}
