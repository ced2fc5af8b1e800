//! Safe frames: valid at any time, from any process, after any half-sent frame.
//!
//! A vehicle that stands in the middle of a half-sent frame takes what follows for the rest of it: at most
//! [`FRAME_MAX`] bytes, after which the check sum is wrong and it looks for the next frame. Hence:
//!
//! 1. the command at once, for the usual case that nothing was half sent;
//! 2. `FRAME_MAX` zero bytes: whatever frame the vehicle believes to be in ends within them, and zeros begin none;
//! 3. the command again.
//!
//! A vehicle therefore hears the command twice, the second time with a higher `confirmation` where the message
//! counts it. As long as nobody knows which version the vehicle speaks, both versions are sent; see [`bytes`].

use super::station::{COMPONENT_SAFE, SYSTEM};
use crate::codec::mavlink::dialect::MessageDef;
use crate::codec::mavlink::encode::Payload;
use crate::codec::mavlink::framing::{FRAME_MAX, Sender, Version, write_frame};

struct Writer<'a> {
    message: &'a MessageDef,
    confirmation: Option<u8>,
    payload: Payload,
    sequence: u8,
    out: Vec<u8>,
}

impl Writer<'_> {
    fn command(&mut self, version: Version) -> Option<()> {
        if let Some(offset) = self.confirmation {
            self.payload.0[usize::from(offset)] = self.sequence;
        }
        let from = Sender { system: SYSTEM, component: COMPONENT_SAFE, sequence: self.sequence };
        self.sequence += 1;
        write_frame(version, from, self.message, &self.payload.0, &mut self.out)
    }

    fn zeros(&mut self) {
        self.out.resize(self.out.len() + FRAME_MAX, 0);
    }
}

/// The bytes. `heard`: the version that the vehicle speaks, once it spoke. Until then each version is sent so that
/// a vehicle which knows only one of them is in no frame when its own begins.
pub(super) fn bytes(
    heard: Option<Version>,
    message: &MessageDef,
    confirmation: Option<u8>,
    payload: Payload,
) -> Option<Vec<u8>> {
    let mut writer = Writer { message, confirmation, payload, sequence: 0, out: Vec::with_capacity(1024) };
    let fits_v1 =
        message.id < 256 && payload.0[message.base_len.into()..message.full_len.into()].iter().all(|b| *b == 0);
    match heard {
        None if fits_v1 => {
            writer.command(Version::V2)?;
            writer.command(Version::V1)?;
            writer.zeros();
            writer.command(Version::V1)?;
            writer.zeros();
            writer.command(Version::V2)?;
        }
        Some(Version::V1) => {
            writer.command(Version::V1)?;
            writer.zeros();
            writer.command(Version::V1)?;
        }
        None | Some(Version::V2) => {
            writer.command(Version::V2)?;
            writer.zeros();
            writer.command(Version::V2)?;
        }
    }
    Some(writer.out)
}
