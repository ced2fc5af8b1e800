//! SLCAN: the lines of a serial CAN adapter. Source: the ASCII command set of LAWICEL's CAN232 and CANUSB manuals.

use std::fmt::Write;

/// Bit rates of `S0` to `S8`, in bit/s.
pub const BIT_RATES: [u32; 9] = [10_000, 20_000, 50_000, 100_000, 125_000, 250_000, 500_000, 800_000, 1_000_000];
/// The longest line: `T`, eight digits, the length, sixteen digits and a time stamp of four.
const LINE_MAX: usize = 30;
/// So much without an end is told as noise, so that a line that never ends is not silent.
const NOISE_CHUNK: u32 = 256;
/// An adapter's answer to what it cannot do.
pub const BELL: u8 = 7;
const END: u8 = b'\r';

/// A frame of classic CAN.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct CanFrame {
    /// 11 or 29 bits.
    pub id: u32,
    pub extended: bool,
    /// It asks for data and carries none.
    pub remote: bool,
    /// Bytes of data, at most eight.
    pub len: u8,
    pub data: [u8; 8],
    /// The adapter's own time in ms, 0 to 59999, where it was asked for one.
    pub stamp: Option<u16>,
}

impl CanFrame {
    /// A frame of data; what exceeds eight bytes is left out.
    pub fn new(id: u32, extended: bool, bytes: &[u8]) -> CanFrame {
        let mut frame = CanFrame { id, extended, ..CanFrame::default() };
        let len = bytes.len().min(8);
        frame.data[..len].copy_from_slice(&bytes[..len]);
        frame.len = len as u8;
        frame
    }
    /// Its data.
    pub fn bytes(&self) -> &[u8] {
        &self.data[..usize::from(self.len)]
    }
    /// Appends it as a line.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut line = String::with_capacity(LINE_MAX + 1);
        let kind = match (self.extended, self.remote) {
            (false, false) => 't',
            (true, false) => 'T',
            (false, true) => 'r',
            (true, true) => 'R',
        };
        let wide = if self.extended { 8 } else { 3 };
        write!(line, "{kind}{:0wide$X}{:X}", self.id, self.len).expect("a String takes all that is written");
        if !self.remote {
            for byte in self.bytes() {
                write!(line, "{byte:02X}").expect("a String takes all that is written");
            }
        }
        if let Some(stamp) = self.stamp {
            write!(line, "{stamp:04X}").expect("a String takes all that is written");
        }
        out.extend_from_slice(line.as_bytes());
        out.push(END);
    }
    fn read(line: &[u8]) -> Option<CanFrame> {
        let (extended, remote) = match line.first()? {
            b't' => (false, false),
            b'T' => (true, false),
            b'r' => (false, true),
            b'R' => (true, true),
            _ => return None,
        };
        let wide = if extended { 8 } else { 3 };
        let id = u32::try_from(hex(line.get(1..=wide)?)?).ok()?;
        let len = hex(line.get(wide + 1..wide + 2)?)?;
        if id > if extended { 0x1FFF_FFFF } else { 0x7FF } || len > 8 {
            return None;
        }
        let mut frame = CanFrame { id, extended, remote, len: len as u8, ..CanFrame::default() };
        let mut rest = &line[wide + 2..];
        if !remote {
            for place in 0..len as usize {
                frame.data[place] = hex(rest.get(..2)?)? as u8;
                rest = &rest[2..];
            }
        }
        match rest.len() {
            0 => {}
            4 => frame.stamp = Some(hex(rest)? as u16),
            _ => return None,
        }
        Some(frame)
    }
}

fn hex(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |number: u64, digit| Some(number << 4 | u64::from((*digit as char).to_digit(16)?)))
}

/// A line of an adapter or of its host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Line {
    Frame(CanFrame),
    /// The adapter did what it was told.
    Done,
    /// The adapter put a frame on the bus, or into its queue.
    Sent,
    /// The adapter refuses.
    Refused,
    /// Status flags of the adapter.
    Flags(u8),
    /// Any other line of letters and digits: a command to an adapter, or its version and serial number.
    Word(String),
    /// So many bytes that are no line.
    Noise(u32),
}

/// Takes a stream apart into lines.
#[derive(Clone, Default, Debug)]
pub struct Framer {
    line: Vec<u8>,
    /// Bytes of a line that can be none any more.
    spoilt: u32,
}

impl Framer {
    /// Takes bytes in any chunking, and hands each line to `found`.
    pub fn push(&mut self, bytes: &[u8], mut found: impl FnMut(Line)) {
        for byte in bytes {
            match *byte {
                BELL => {
                    self.give_up(&mut found);
                    found(Line::Refused);
                }
                END if self.spoilt > 0 => {
                    self.spoilt += 1;
                    self.give_up(&mut found);
                }
                END => {
                    found(read(&self.line));
                    self.line.clear();
                }
                _ if self.spoilt > 0 => {
                    self.spoilt += 1;
                    if self.spoilt >= NOISE_CHUNK {
                        found(Line::Noise(self.spoilt - 1));
                        self.spoilt = 1;
                    }
                }
                byte if byte.is_ascii_alphanumeric() && self.line.len() < LINE_MAX => self.line.push(byte),
                _ => {
                    self.spoilt = self.line.len() as u32 + 1;
                    self.line.clear();
                }
            }
        }
    }
    fn give_up(&mut self, found: &mut impl FnMut(Line)) {
        let lost = self.spoilt + self.line.len() as u32;
        if lost > 0 {
            found(Line::Noise(lost));
        }
        self.spoilt = 0;
        self.line.clear();
    }
}

fn read(line: &[u8]) -> Line {
    let noise = Line::Noise(line.len() as u32 + 1);
    match line {
        [] => Line::Done,
        b"z" | b"Z" => Line::Sent,
        [b't' | b'T' | b'r' | b'R', ..] => CanFrame::read(line).map_or(noise, Line::Frame),
        [b'F', high, low] => hex(&[*high, *low]).map_or(noise, |flags| Line::Flags(flags as u8)),
        _ => String::from_utf8(line.to_vec()).map_or(noise, Line::Word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8], chunk: usize) -> Vec<Line> {
        let (mut framer, mut out) = (Framer::default(), Vec::new());
        bytes.chunks(chunk).for_each(|part| framer.push(part, |line| out.push(line)));
        out
    }

    #[test]
    fn the_lines_of_the_manual_are_read() {
        let stream = b"\rz\rZ\r\x07t10021133\rT0000010021133\rr1002\rR000001002\rV1013\rF0A\rt100211335FFF\r";
        let frame = |id, extended| CanFrame::new(id, extended, &[0x11, 0x33]);
        let asks = |extended| CanFrame { id: 0x100, extended, remote: true, len: 2, ..CanFrame::default() };
        let wanted = [
            Line::Done,
            Line::Sent,
            Line::Sent,
            Line::Refused,
            Line::Frame(frame(0x100, false)),
            Line::Frame(frame(0x100, true)),
            Line::Frame(asks(false)),
            Line::Frame(asks(true)),
            Line::Word("V1013".into()),
            Line::Flags(0x0A),
            Line::Frame(CanFrame { stamp: Some(0x5FFF), ..frame(0x100, false) }),
        ];
        for chunk in 1..stream.len() {
            assert_eq!(lines(stream, chunk), wanted, "chunks of {chunk}");
        }
    }

    #[test]
    fn what_is_not_whole_is_noise_to_the_byte() {
        for wrong in
            ["t100211", "t10021133F", "t8002AABB", "t1009AABBCCDDEEFF001122", "T2000000011", "t1x0", "tFFF0", "Fxx"]
        {
            let stream = format!("{wrong}\rt1000\r");
            let found = lines(stream.as_bytes(), 3);
            let wanted = [Line::Noise(wrong.len() as u32 + 1), Line::Frame(CanFrame::new(0x100, false, &[]))];
            assert_eq!(found, wanted, "{wrong}");
        }
        let long = [b'A'; 1000];
        let told: u32 = lines(&[&long[..], b"\r"].concat(), 7)
            .iter()
            .map(|line| if let Line::Noise(bytes) = line { *bytes } else { panic!("{line:?}") })
            .sum();
        assert_eq!(told, 1001);
    }

    #[test]
    fn a_frame_reads_back_as_it_was_written() {
        for frame in [
            CanFrame::new(0x7FF, false, &[1, 2, 3, 4, 5, 6, 7, 0xFF]),
            CanFrame::new(0x1FFF_FFFF, true, &[]),
            CanFrame { stamp: Some(59_999), ..CanFrame::new(0x12, true, &[0]) },
            CanFrame { remote: true, len: 8, ..CanFrame::new(0, false, &[]) },
        ] {
            let mut bytes = Vec::new();
            frame.write(&mut bytes);
            assert_eq!(lines(&bytes, 4), [Line::Frame(frame)]);
        }
    }
}
