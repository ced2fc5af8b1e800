//! What the `signals/` channels of a recording hold, for readers that want columns and no run.

use super::proto;
use crate::signal::SignalKind;
use crate::units::Unit;
use prost::Message;

/// One field of the messages of a channel, and the signal that it is.
#[derive(Clone, PartialEq, Debug)]
pub struct SignalColumn {
    pub topic: String,
    /// Its number in the messages.
    pub field: u32,
    /// `device.name`.
    pub name: String,
    /// Numbers stand there in this unit; no range.
    pub kind: SignalKind,
}

/// Reads the first record of a recording: nanoseconds since 1970 at its zero, and its columns. `None`: it is no head.
pub fn signal_columns(head: &[u8]) -> Option<(i64, Vec<SignalColumn>)> {
    let head = proto::Head::decode(head).ok()?;
    let mut columns = Vec::new();
    for channel in &head.signal_channels {
        for field in &channel.fields {
            let kind = match field.kind() {
                proto::signal_field::Kind::Number => {
                    SignalKind::Number { unit: Unit::parse(&field.unit).unwrap_or_else(|_| Unit::one()), range: None }
                }
                proto::signal_field::Kind::State => SignalKind::States { names: field.states.clone() },
                proto::signal_field::Kind::Flag => SignalKind::Flag,
                proto::signal_field::Kind::Pulse | proto::signal_field::Kind::Unspecified => SignalKind::Pulse,
            };
            let (topic, name) = (channel.topic.clone(), field.signal_name.clone());
            columns.push(SignalColumn { topic, field: field.number, name, kind });
        }
    }
    Some((head.wall_clock_unix_nanos, columns))
}
