//! Answers longer than a frame, put together: ISO-TP (ISO 15765-2), as far as one who asks needs it.

use super::slcan::CanFrame;

/// The longest answer that a first frame can announce.
const LENGTH_MAX: usize = 4095;
/// "Go on, all at once": flow status 0, block size 0, no pause between frames. The rest of the frame is padding.
pub(super) const FLOW_CONTROL: [u8; 8] = [0x30, 0, 0, 0, 0, 0, 0, 0];

/// What came of a frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Heard {
    /// Nothing that could be used: out of order, or no frame of ISO-TP.
    Nothing,
    /// The first part; it goes on after [`FLOW_CONTROL`].
    First,
    /// Another part.
    More,
    /// The whole answer.
    Whole(Vec<u8>),
}

/// An answer as it comes in.
#[derive(Clone, Default, Debug)]
pub(super) struct Assembly {
    bytes: Vec<u8>,
    length: usize,
    next: u8,
}

impl Assembly {
    pub(super) fn clear(&mut self) {
        *self = Assembly::default();
    }
    pub(super) fn hear(&mut self, frame: &CanFrame) -> Heard {
        let data = frame.bytes();
        let Some((first, rest)) = data.split_first() else { return Heard::Nothing };
        let low = usize::from(first & 0xF);
        match first >> 4 {
            0 if (1..=7).contains(&low) && rest.len() >= low => {
                self.clear();
                Heard::Whole(rest[..low].to_vec())
            }
            1 if data.len() == 8 => {
                let length = low << 8 | usize::from(data[1]);
                self.clear();
                // What fits into one frame is never announced as longer.
                if !(8..=LENGTH_MAX).contains(&length) {
                    return Heard::Nothing;
                }
                *self = Assembly { bytes: data[2..].to_vec(), length, next: 1 };
                Heard::First
            }
            2 if self.length > 0 && usize::from(self.next) == low => {
                let missing = self.length - self.bytes.len();
                if rest.len() < missing.min(7) {
                    self.clear();
                    return Heard::Nothing;
                }
                self.bytes.extend_from_slice(&rest[..missing.min(rest.len())]);
                self.next = (self.next + 1) & 0xF;
                if self.bytes.len() < self.length {
                    return Heard::More;
                }
                let whole = std::mem::take(&mut self.bytes);
                self.clear();
                Heard::Whole(whole)
            }
            2 => {
                self.clear();
                Heard::Nothing
            }
            _ => Heard::Nothing,
        }
    }
}

/// Frames of a message, for the one who answers.
pub(super) fn frames(id: u32, bytes: &[u8]) -> Vec<CanFrame> {
    let padded = |head: &[u8], body: &[u8]| {
        let mut data = [0; 8];
        data[..head.len()].copy_from_slice(head);
        data[head.len()..head.len() + body.len()].copy_from_slice(body);
        CanFrame::new(id, false, &data)
    };
    if bytes.len() <= 7 {
        return vec![padded(&[bytes.len() as u8], bytes)];
    }
    let length = bytes.len().min(LENGTH_MAX);
    let mut frames = vec![padded(&[0x10 | (length >> 8) as u8, length as u8], &bytes[..6])];
    for (n, part) in bytes[6..length].chunks(7).enumerate() {
        frames.push(padded(&[0x20 | ((n + 1) & 0xF) as u8], part));
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_every_length_come_whole_and_none_with_a_hole() {
        for length in 1..300 {
            let bytes: Vec<u8> = (0..length).map(|n| n as u8 ^ 0x5A).collect();
            let frames = frames(0x7E8, &bytes);
            let mut assembly = Assembly::default();
            let mut heard: Vec<Heard> = frames.iter().map(|frame| assembly.hear(frame)).collect();
            assert_eq!(heard.pop(), Some(Heard::Whole(bytes)), "{length} bytes");
            if frames.len() > 2 {
                let mut assembly = Assembly::default();
                let holed = frames.iter().enumerate().filter(|(n, _)| *n != 1);
                let whole = holed.map(|(_, frame)| assembly.hear(frame)).any(|heard| matches!(heard, Heard::Whole(_)));
                assert!(!whole, "{length} bytes with a hole");
            }
        }
    }
}
