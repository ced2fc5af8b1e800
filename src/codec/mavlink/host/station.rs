//! Our own address on the link, and what we send unasked: nothing here can make anything move.

use crate::codec::Turn;
use crate::codec::mavlink::dialect::{Dialect, MessageDef};
use crate::codec::mavlink::encode::Payload;
use crate::codec::mavlink::framing::{Sender, Version, write_frame};
use crate::wire::{Frame, Lane, LinkId};

/// What a ground station calls itself.
pub(super) const SYSTEM: u8 = 255;
/// MAV_COMP_ID_MISSIONPLANNER: a ground station.
pub(super) const COMPONENT: u8 = 190;
/// Safe frames come from a component of their own, so that their sequence numbers stay apart.
pub(super) const COMPONENT_SAFE: u8 = 191;

/// MAV_TYPE_GCS.
const TYPE_GCS: f64 = 6.0;
/// MAV_AUTOPILOT_INVALID: we are no autopilot.
const AUTOPILOT_NONE: f64 = 8.0;
/// MAV_STATE_ACTIVE.
const STATE_ACTIVE: f64 = 4.0;

/// The requests that may go out on `Lane::Query`.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Request {
    /// MAV_CMD_SET_MESSAGE_INTERVAL.
    Interval = 511,
    /// MAV_CMD_REQUEST_MESSAGE.
    Message = 512,
    /// MAV_CMD_REQUEST_AUTOPILOT_CAPABILITIES: what older autopilots know in place of it.
    Capabilities = 520,
}

/// Our own end.
pub(super) struct Station {
    link: LinkId,
    sequence: u8,
    command_long: Option<u16>,
}

impl Station {
    pub(super) fn new(dialect: &Dialect, link: LinkId) -> Station {
        Station { link, sequence: 0, command_long: dialect.find("COMMAND_LONG").map(|(place, _)| place) }
    }

    /// One frame with the next sequence number; `None` when MAVLink 1 cannot carry the message.
    pub(super) fn frame(&mut self, version: Version, message: &MessageDef, payload: &Payload) -> Option<Frame> {
        let from = Sender { system: SYSTEM, component: COMPONENT, sequence: self.sequence };
        let mut bytes = Vec::with_capacity(64);
        write_frame(version, from, message, &payload.0, &mut bytes)?;
        self.sequence = self.sequence.wrapping_add(1);
        Some(Frame::serial(self.link, bytes))
    }

    /// Says that we live.
    pub(super) fn heartbeat(&mut self, dialect: &Dialect, version: Version, out: &mut Turn) {
        let Some((_, message)) = dialect.find("HEARTBEAT") else { return };
        let mut payload = Payload::new(message);
        for (name, value) in [("type", TYPE_GCS), ("autopilot", AUTOPILOT_NONE), ("system_status", STATE_ACTIVE)] {
            if let Some(field) = message.field(name) {
                payload.number(field, 0, value);
            }
        }
        out.sends.extend(self.frame(version, message, &payload).map(|frame| (Lane::Query, frame)));
    }

    /// Asks a vehicle for something, in the version it speaks. A dialect without COMMAND_LONG asks for nothing.
    pub(super) fn request(
        &mut self,
        dialect: &Dialect,
        version: Version,
        target: (u8, u8),
        request: Request,
        params: [f64; 2],
        out: &mut Turn,
    ) {
        let Some(place) = self.command_long else { return };
        let message = dialect.at(place);
        let mut payload = Payload::new(message);
        for (name, value) in [
            ("target_system", target.0.into()),
            ("target_component", target.1.into()),
            ("command", f64::from(request as u16)),
            ("param1", params[0]),
            ("param2", params[1]),
        ] {
            if let Some(field) = message.field(name) {
                payload.number(field, 0, value);
            }
        }
        out.sends.extend(self.frame(version, message, &payload).map(|frame| (Lane::Query, frame)));
    }
}
