//! Frames of bytes with a layout that the rig file declares: COBS, SLIP, a length or a fixed size, with a check sum.
//!
//! Invariant: no device is known here; what a frame means is in the description alone.

mod layout;
mod tongue;

pub use self::layout::{Layout, WIDTHS};
pub use self::tongue::Layouts;

use super::framed::{FramedConfig, Order};

/// The session of a link.
pub type Host = super::framed::Host<Layouts>;
/// The mirror of a device.
pub type Device = super::framed::Device<Layouts>;

/// The description of a device that speaks in frames of declared layouts.
#[derive(Clone, PartialEq, Debug)]
pub struct BinaryConfig {
    pub framed: FramedConfig,
    /// Of every number that does not say it.
    pub order: Order,
    /// Bytes of the number by which frames are told apart, which stands first; `None`: size and constants do that.
    pub id: Option<usize>,
    /// What it says.
    pub says: Vec<FrameDef>,
    /// What it hears.
    pub hears: Vec<FrameDef>,
}

/// One frame: its name, and its fields with their types as texts, in the order of their bytes.
#[derive(Clone, PartialEq, Debug)]
pub struct FrameDef {
    pub name: String,
    pub id: Option<u64>,
    pub fields: Vec<(String, String)>,
}
