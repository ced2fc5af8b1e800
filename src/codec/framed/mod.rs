//! Frames of bytes with a check sum, and lines of text: what `binary`, `protobuf` and JSON lines share, which is all but what a
//! frame's content means.
//!
//! Invariant: no layout is known here; the content of a frame is a [`Tongue`]'s to read and to write.

mod device;
mod framing;
mod host;
mod plan;
mod tongue;

pub use self::device::{Device, Heard};
pub use self::framing::{Counts, Covers, Framing, Order, Sum, Wire};
pub use self::host::Host;
pub use self::tongue::{Expect, Given, Raw, Side, Tongue, Trouble};

use crate::time::Span;

/// What a rig file says of a device's frames, whatever they hold.
#[derive(Clone, PartialEq, Debug)]
pub struct FramedConfig {
    pub wire: Wire,
    pub asks: Vec<Ask>,
    /// How long an answer or an acknowledgement is awaited.
    pub within: Span,
    /// The message that refuses an order.
    pub refuses: Option<String>,
    /// The message that the device says when it starts.
    pub restarts: Option<String>,
}

/// A question that is asked again and again.
#[derive(Clone, PartialEq, Debug)]
pub struct Ask {
    /// The message that answers it.
    pub answer: String,
    /// The message that asks.
    pub send: String,
    pub every: Span,
}

/// How long an answer is awaited where the description says nothing.
pub const WITHIN: Span = Span::from_millis(500);
/// The longest content of a frame in bytes, where neither the description nor the layouts say it.
pub const LONGEST: usize = 256;
