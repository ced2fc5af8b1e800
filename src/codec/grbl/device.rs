//! The mirror: GRBL as the controller hears and speaks it. The simulated cell and tests stand on it.

use super::{LINE_BYTES, RX_BYTES};
use std::collections::VecDeque;

/// What the controller says before anything else after its start, and after a reset.
pub const BANNER: &str = "\r\nGrbl 1.1h ['$' for help]\r\n";

/// The serial side of a controller: real-time bytes are picked off at once, wherever they stand; the rest waits in the
/// receive buffer until the program has time for a line.
#[derive(Clone, Debug, Default)]
pub struct Ears {
    buffer: VecDeque<u8>,
    /// The line that is being read out of the buffer.
    line: Vec<u8>,
    too_long: bool,
    /// Bytes that found no room.
    lost: usize,
}

/// A line as the controller reads it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Line {
    /// Upper case, without blanks and comments.
    Text(String),
    /// Longer than the line buffer.
    TooLong,
}

impl Ears {
    /// Takes bytes; the real-time ones go to `now`.
    pub fn feed(&mut self, bytes: &[u8], now: &mut Vec<u8>) {
        for byte in bytes.iter().copied() {
            match byte {
                b'?' | b'!' | b'~' | super::RESET | 0x80.. => now.push(byte),
                _ if self.buffer.len() < RX_BYTES => self.buffer.push_back(byte),
                _ => self.lost += 1,
            }
        }
    }
    /// The next line, once all of it is there.
    pub fn next_line(&mut self) -> Option<Line> {
        while let Some(byte) = self.buffer.pop_front() {
            if byte == b'\n' || byte == b'\r' {
                let too_long = std::mem::take(&mut self.too_long);
                let line = std::mem::take(&mut self.line);
                return Some(if too_long { Line::TooLong } else { Line::Text(plain(&line)) });
            }
            if self.line.len() < LINE_BYTES {
                self.line.push(byte);
            } else {
                self.too_long = true;
            }
        }
        None
    }
    /// Room in the buffer, in bytes.
    pub fn free(&self) -> usize {
        RX_BYTES - self.buffer.len()
    }
    /// Bytes that were sent into a full buffer.
    pub fn lost(&self) -> usize {
        self.lost
    }
    /// A reset: what was not read is gone.
    pub fn clear(&mut self) {
        self.buffer.clear();
        self.line.clear();
        self.too_long = false;
    }
}

/// Without blanks, control characters and comments, in upper case.
fn plain(line: &[u8]) -> String {
    let mut out = String::new();
    let mut comment = false;
    for byte in line {
        match byte {
            b')' if comment => comment = false,
            _ if comment => {}
            b'(' => comment = true,
            b';' => break,
            0..=b' ' => {}
            byte => out.push(char::from(byte.to_ascii_uppercase())),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_time_bytes_are_picked_out_of_the_middle_of_a_line() {
        let (mut ears, mut now) = (Ears::default(), Vec::new());
        ears.feed(b"g1 x!10 (not this) f5?00 ; nor this\n\x18$", &mut now);
        assert_eq!(now, [b'!', b'?', 0x18]);
        assert_eq!(ears.next_line(), Some(Line::Text("G1X10F500".into())));
        assert_eq!((ears.next_line(), ears.free()), (None, RX_BYTES));
    }

    #[test]
    fn what_finds_no_room_is_lost() {
        let (mut ears, mut now) = (Ears::default(), Vec::new());
        ears.feed(&[b'x'; RX_BYTES], &mut now);
        assert_eq!((ears.free(), ears.lost()), (0, 0));
        ears.feed(b"\n?", &mut now);
        assert_eq!((ears.lost(), now.as_slice()), (1, &b"?"[..]));
        ears.clear();
        ears.feed(&[[b'x'; LINE_BYTES + 1].as_slice(), b"\nG1\n"].concat(), &mut now);
        assert_eq!((ears.next_line(), ears.next_line()), (Some(Line::TooLong), Some(Line::Text("G1".into()))));
    }
}
