//! What goes over a link: frames, and the small names of links, devices and lanes.
//!
//! Invariant: a frame is bytes and where they belong; what they mean is `codec`'s business.

pub mod ids;
pub mod presence;

use crate::time::Time;
pub use ids::{DeviceId, Lane, LinkId};
pub use presence::Presence;
use std::sync::Arc;

/// Bytes of one link in one direction: a chunk of a serial stream, or one MQTT publish.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// The link it came from or goes to.
    pub link: LinkId,
    /// MQTT topic; `None` on a serial link.
    pub topic: Option<Arc<str>>,
    /// MQTT delivery flags; all false on a serial link.
    pub flags: FrameFlags,
    /// The bytes as they were on the wire (serial) or the payload (MQTT).
    pub bytes: Vec<u8>,
    /// On its way out: no byte of it may begin to leave after this instant; it is thrown away then. Only what is of the
    /// Normal lane has one. It says nothing of the wire, and is not recorded.
    pub not_after: Option<Time>,
    /// The order that it says for the first time, by the number of its ticket: who threw the frame away threw the order away.
    pub order: Option<u64>,
}

/// MQTT delivery flags of a frame.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct FrameFlags {
    /// The broker replayed a retained message: stale by definition.
    pub retained: bool,
    /// The broker says it may have delivered this before.
    pub duplicate: bool,
    /// Quality of service 0, 1 or 2.
    pub qos: u8,
}

impl Frame {
    /// A chunk of a serial stream.
    pub fn serial(link: LinkId, bytes: impl Into<Vec<u8>>) -> Frame {
        Frame { link, topic: None, flags: FrameFlags::default(), bytes: bytes.into(), not_after: None, order: None }
    }
    /// One MQTT publish at QoS 0, not retained.
    pub fn publish(link: LinkId, topic: &str, bytes: impl Into<Vec<u8>>) -> Frame {
        Frame { topic: Some(topic.into()), ..Frame::serial(link, bytes) }
    }
    /// Whether its time to leave is over.
    pub fn has_lapsed(&self, now: Time) -> bool {
        self.not_after.is_some_and(|last| last < now)
    }
    /// The same, to be thrown away when it has not begun to leave by this instant.
    pub fn until(self, not_after: Option<Time>) -> Frame {
        Frame { not_after, ..self }
    }
    /// The same, as what says an order for the first time.
    pub fn first_of(self, order: u64) -> Frame {
        Frame { order: Some(order), ..self }
    }
}
