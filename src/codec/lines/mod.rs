//! Text lines over a serial port, as the rig file describes them: a pattern per message, a template per command.
//!
//! Invariant: no device is known here; what a line means is in the description alone.

pub mod device;
mod framing;
pub mod host;
mod pattern;
mod plan;

pub use self::framing::Ends;
pub use self::pattern::{Filling, Pattern, Template};

use crate::time::Span;

/// The description of a device that speaks in lines.
#[derive(Clone, PartialEq, Debug)]
pub struct LinesConfig {
    /// What it says: a name, and a template (`V={volts}`) or `/regular expression/`. The first that fits a line counts.
    pub messages: Vec<(String, String)>,
    pub asks: Vec<Ask>,
    /// What ends the lines that we send.
    pub ends: Ends,
    /// `*` and this check sum in hexadecimal stand at the end of every line, both ways.
    pub checksum: Option<String>,
    /// How long an answer or an acknowledgement is awaited.
    pub within: Span,
    /// The message that refuses an order.
    pub refuses: Option<String>,
    /// The message that the device says when it starts.
    pub restarts: Option<String>,
    /// What makes the device forget a half-sent line, such as Ctrl-C; sent before every safe line.
    pub cancel: Option<String>,
    /// What the device shows, without a line end, when it is ready for the next line. Nothing is asked or ordered before it, or
    /// before `within` has passed.
    pub prompt: Option<String>,
}

/// A question that is asked again and again.
#[derive(Clone, PartialEq, Debug)]
pub struct Ask {
    /// The message that answers it.
    pub answer: String,
    pub send: String,
    pub every: Span,
}

/// How long an answer is awaited where the description says nothing.
pub const WITHIN: Span = Span::from_millis(500);
