//! Payloads from named fields.

use super::dialect::{FieldDef, MessageDef, PAYLOAD_MAX};

/// A payload at its full length, in the making.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Payload(pub(super) [u8; PAYLOAD_MAX]);

impl Payload {
    /// All zero, but for the protocol's own version where the message carries it.
    pub(super) fn new(message: &MessageDef) -> Payload {
        let mut payload = Payload([0; PAYLOAD_MAX]);
        for field in message.fields.iter().filter(|f| f.is_version) {
            // The version of the wire protocol in HEARTBEAT: 3 for MAVLink 1 and 2 alike.
            payload.number(field, 0, 3.0);
        }
        payload
    }
    /// Sets one element of a field.
    pub(super) fn number(&mut self, field: &FieldDef, element: usize, value: f64) {
        field.kind.write(&mut self.0, usize::from(field.offset) + element * field.kind.size(), value);
    }
    /// Sets a text, cut to the field's length; the rest is zero.
    pub(super) fn text(&mut self, field: &FieldDef, text: &str) {
        let at = usize::from(field.offset);
        let space = &mut self.0[at..at + field.size()];
        space.fill(0);
        let used = text.len().min(space.len());
        space[..used].copy_from_slice(&text.as_bytes()[..used]);
    }
}

/// Splits `field[3]` into name and element; a plain name means element 0.
/// The error says what is wrong with the brackets.
pub(super) fn element_of(text: &str) -> Result<(&str, usize), String> {
    match text.split_once('[') {
        None => Ok((text, 0)),
        Some((name, rest)) => rest
            .strip_suffix(']')
            .and_then(|digits| digits.parse().ok())
            .map(|element| (name, element))
            .ok_or_else(|| format!("`{text}` does not end in a whole number in brackets, as `{name}[0]` does")),
    }
}

/// The text in a char array: up to the first zero byte, whatever is no UTF-8 replaced.
pub(super) fn text_in(payload: &[u8], field: &FieldDef) -> String {
    let at = usize::from(field.offset);
    let bytes = &payload[at..at + field.size()];
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}
