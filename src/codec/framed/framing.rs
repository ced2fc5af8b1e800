//! Bytes to contents of frames and back.
//!
//! - COBS (Cheshire and Baker, "Consistent Overhead Byte Stuffing", 1999): no zero within a frame, one behind it.
//! - SLIP (RFC 1055): `C0` behind a frame, `DB DC` and `DB DD` for `C0` and `DB` within it.
//! - `sync`, a length, the content; or `sync` and a content whose first bytes say how long it is.
//!
//! A check sum stands behind the content, within the stuffing.

use super::tongue::Expect;
use crate::codec::checksum::Checksum;

/// Which byte of a number comes first.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum Order {
    #[default]
    Little,
    Big,
}

impl Order {
    /// The number in these bytes, at most eight.
    pub fn read(self, bytes: &[u8]) -> u64 {
        let join = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        match self {
            Order::Little => bytes.iter().rev().fold(0, join),
            Order::Big => bytes.iter().fold(0, join),
        }
    }
    /// Writes the number into these bytes, at most eight.
    pub fn write(self, number: u64, bytes: &mut [u8]) {
        let width = bytes.len();
        for (place, byte) in bytes.iter_mut().enumerate() {
            let from_low = match self {
                Order::Little => place,
                Order::Big => width - 1 - place,
            };
            *byte = (number >> (8 * from_low)) as u8;
        }
    }
}

/// What a length in a frame counts.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum Counts {
    /// The content alone.
    #[default]
    Content,
    /// The content and the check sum.
    Rest,
    /// The whole frame, `sync` and itself included.
    Frame,
}

/// From where on the check sum is made; it ends with the content.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum Covers {
    #[default]
    Content,
    /// The length too.
    Length,
    /// `sync` too.
    Frame,
}

/// How a frame is told from what stands around it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Framing {
    Cobs,
    Slip,
    Length {
        sync: Vec<u8>,
        /// Bytes of the length.
        width: usize,
        order: Order,
        counts: Counts,
    },
    Fixed {
        sync: Vec<u8>,
    },
    /// The content is text without line ends, and the line ends with these bytes; what is heard may end with CR, LF or both.
    Lines {
        ends: Vec<u8>,
    },
}

/// A check sum behind a content.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sum {
    pub name: String,
    pub order: Order,
    pub covers: Covers,
}

/// What a rig file says of framing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wire {
    pub framing: Framing,
    pub sum: Option<Sum>,
    /// The longest content in bytes, where it is said.
    pub longest: Option<usize>,
}

/// What a piece of the stream turned out to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Found {
    Content(Vec<u8>),
    Noise(u32),
    Corrupt(u32),
}

/// A framing, ready to use.
#[derive(Clone)]
pub(super) struct Line {
    framing: Framing,
    sum: Option<(Checksum, Order, Covers)>,
    longest: usize,
}

const COBS_END: u8 = 0;
const SLIP_END: u8 = 0xC0;
const SLIP_ESC: u8 = 0xDB;
const SLIP_ESC_END: u8 = 0xDC;
const SLIP_ESC_ESC: u8 = 0xDD;

/// Noise is told at least this often, in bytes.
const NOISE_MAX: u32 = 1024;

impl Line {
    /// The error: the check sum is none.
    pub(super) fn new(wire: &Wire, longest: usize) -> Result<Line, String> {
        let sum = match &wire.sum {
            Some(sum) => {
                let found = Checksum::find(&sum.name).ok_or_else(|| sum.name.clone())?;
                Some((found, sum.order, sum.covers))
            }
            None => None,
        };
        Ok(Line { framing: wire.framing.clone(), sum, longest })
    }

    /// The frame of a content.
    pub(super) fn write(&self, content: &[u8]) -> Result<Vec<u8>, String> {
        if content.len() > self.longest {
            return Err(format!("its content has {} bytes; the longest has {}", content.len(), self.longest));
        }
        let sum_size = self.sum_size();
        let mut bytes = self.head(content.len())?;
        let (head, sync) = (bytes.len(), self.sync().len());
        bytes.extend_from_slice(content);
        if let Some((sum, order, covers)) = &self.sum {
            let told = sum.of(&bytes[start(*covers, sync, head)..]);
            let at = bytes.len();
            bytes.resize(at + sum_size, 0);
            order.write(told.into(), &mut bytes[at..]);
        }
        match &self.framing {
            Framing::Cobs => {
                let mut stuffed = cobs(&bytes);
                stuffed.push(COBS_END);
                Ok(stuffed)
            }
            Framing::Slip if bytes.is_empty() => Err("nothing cannot be said over SLIP".into()),
            Framing::Slip => {
                let mut stuffed = Vec::with_capacity(bytes.len() + 2);
                for byte in bytes {
                    match byte {
                        SLIP_END => stuffed.extend_from_slice(&[SLIP_ESC, SLIP_ESC_END]),
                        SLIP_ESC => stuffed.extend_from_slice(&[SLIP_ESC, SLIP_ESC_ESC]),
                        byte => stuffed.push(byte),
                    }
                }
                stuffed.push(SLIP_END);
                Ok(stuffed)
            }
            Framing::Lines { ends } => {
                bytes.extend_from_slice(ends);
                Ok(bytes)
            }
            Framing::Length { .. } | Framing::Fixed { .. } => Ok(bytes),
        }
    }

    /// What ends any frame that was half sent. SLIP ends twice, since a reader as in RFC 1055 takes an end behind a
    /// lonely escape for a byte of the frame. A length that is not yet used up is used up by bytes that begin no frame.
    pub(super) fn resync(&self) -> Vec<u8> {
        match &self.framing {
            Framing::Cobs => vec![COBS_END],
            Framing::Slip => vec![SLIP_END, SLIP_END],
            Framing::Lines { ends } => ends.clone(),
            Framing::Length { sync, .. } | Framing::Fixed { sync } => {
                let filler = (0..=u8::MAX).find(|byte| !sync.contains(byte)).unwrap_or(0);
                vec![filler; self.longest_frame()]
            }
        }
    }

    fn longest_frame(&self) -> usize {
        let width = match &self.framing {
            Framing::Length { width, .. } => *width,
            _ => 0,
        };
        self.sync().len() + width + self.longest + self.sum_size()
    }

    fn sum_size(&self) -> usize {
        self.sum.as_ref().map_or(0, |(sum, ..)| sum.size())
    }

    fn sync(&self) -> &[u8] {
        match &self.framing {
            Framing::Length { sync, .. } | Framing::Fixed { sync } => sync,
            Framing::Cobs | Framing::Slip | Framing::Lines { .. } => &[],
        }
    }

    /// What stands before a content of that length.
    fn head(&self, content: usize) -> Result<Vec<u8>, String> {
        let mut head = self.sync().to_vec();
        if let Framing::Length { width, order, counts, .. } = &self.framing {
            let told = match counts {
                Counts::Content => content,
                Counts::Rest => content + self.sum_size(),
                Counts::Frame => head.len() + width + content + self.sum_size(),
            } as u64;
            if *width < 8 && told >> (8 * width) != 0 {
                return Err(format!("{told} does not fit the length of {width} byte{}", plural(*width)));
            }
            let at = head.len();
            head.resize(at + width, 0);
            order.write(told, &mut head[at..]);
        }
        Ok(head)
    }

    /// Whether the sum behind the content is right, if there is one: the content's end.
    fn checked(&self, frame: &[u8], head: usize) -> Option<usize> {
        let end = frame.len().checked_sub(self.sum_size()).filter(|end| *end >= head)?;
        match &self.sum {
            Some((sum, order, covers)) => {
                let from = start(*covers, self.sync().len(), head);
                (u64::from(sum.of(&frame[from..end])) == order.read(&frame[end..])).then_some(end)
            }
            None => Some(end),
        }
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn start(covers: Covers, sync: usize, head: usize) -> usize {
    match covers {
        Covers::Content => head,
        Covers::Length => sync,
        Covers::Frame => 0,
    }
}

/// Stuffs: every run of bytes without a zero is preceded by its length plus one; a zero is implied behind it unless it
/// has the greatest length.
fn cobs(bytes: &[u8]) -> Vec<u8> {
    let mut stuffed = vec![1];
    let mut code = 0;
    for (place, byte) in bytes.iter().enumerate() {
        if *byte == 0 {
            code = stuffed.len();
            stuffed.push(1);
            continue;
        }
        stuffed.push(*byte);
        stuffed[code] += 1;
        if stuffed[code] == 0xFF && place + 1 < bytes.len() {
            code = stuffed.len();
            stuffed.push(1);
        }
    }
    stuffed
}

fn uncobs(stuffed: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(stuffed.len());
    let mut rest = stuffed;
    while let Some((code, behind)) = rest.split_first() {
        let run = usize::from(*code).checked_sub(1)?;
        bytes.extend_from_slice(behind.get(..run)?);
        rest = &behind[run..];
        if *code != 0xFF && !rest.is_empty() {
            bytes.push(0);
        }
    }
    Some(bytes)
}

fn unslip(stuffed: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(stuffed.len());
    let mut rest = stuffed.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match (*byte, *byte == SLIP_ESC) {
            (byte, false) => byte,
            (_, true) => match *rest.next()? {
                SLIP_ESC_END => SLIP_END,
                SLIP_ESC_ESC => SLIP_ESC,
                _ => return None,
            },
        });
    }
    Some(bytes)
}

/// Finds frames in chunks of any size.
pub(super) struct Finder {
    line: Line,
    buffer: Vec<u8>,
    /// Bytes since the last end, also those thrown away.
    seen: u32,
    /// The frame's beginning was not heard, or it is too long.
    skipping: bool,
    /// Bytes passed over that were not told yet.
    noise: u32,
    /// Bytes at the front of the buffer that were told as corrupt; a frame may still begin among them.
    told: usize,
}

impl Finder {
    /// `midway`: the first frame may have begun before we listened. Without a check sum nothing would show it, but for lines:
    /// the end of an object is no object, since it closes more than it opens.
    pub(super) fn new(line: Line, midway: bool) -> Finder {
        let skipping = midway && line.sum.is_none() && matches!(line.framing, Framing::Cobs | Framing::Slip);
        Finder { line, buffer: Vec::new(), seen: 0, skipping, noise: 0, told: 0 }
    }

    /// Takes one byte; `expect` tells how long a content is that begins so.
    pub(super) fn push(&mut self, byte: u8, expect: impl Fn(&[u8]) -> Expect, out: &mut Vec<Found>) {
        match self.line.framing {
            Framing::Cobs => self.stuffed(byte, COBS_END, out),
            Framing::Slip => self.stuffed(byte, SLIP_END, out),
            Framing::Lines { .. } => self.lined(byte, out),
            Framing::Length { .. } | Framing::Fixed { .. } => self.marked(byte, expect, out),
        }
    }

    fn stuffed(&mut self, byte: u8, end: u8, out: &mut Vec<Found>) {
        if byte != end {
            self.seen = self.seen.saturating_add(1);
            // SLIP at its worst escapes every byte; COBS adds one in 254.
            if self.buffer.len() > 2 * (self.line.longest_frame() + 1) {
                self.skipping = true;
            }
            if !self.skipping {
                self.buffer.push(byte);
            }
            self.tell_endless(out);
            return;
        }
        let (seen, skipped) = (std::mem::take(&mut self.seen), std::mem::take(&mut self.skipping));
        let stuffed = std::mem::take(&mut self.buffer);
        if seen == 0 {
            return;
        }
        let plain = match (skipped, end) {
            (true, _) => None,
            (false, COBS_END) => uncobs(&stuffed),
            (false, _) => unslip(&stuffed),
        };
        let plain = plain.filter(|plain| plain.len() <= self.line.longest_frame());
        out.push(match plain {
            None => Found::Noise(seen),
            Some(mut plain) => match self.line.checked(&plain, 0) {
                Some(end) => {
                    plain.truncate(end);
                    Found::Content(plain)
                }
                None => Found::Corrupt(seen),
            },
        });
        self.buffer = stuffed;
        self.buffer.clear();
    }

    /// What is passed over until the next end is told on its way: the end may never come.
    fn tell_endless(&mut self, out: &mut Vec<Found>) {
        if self.skipping && self.seen >= NOISE_MAX {
            out.push(Found::Noise(std::mem::take(&mut self.seen)));
        }
    }

    fn lined(&mut self, byte: u8, out: &mut Vec<Found>) {
        if !matches!(byte, b'\r' | b'\n') {
            self.seen = self.seen.saturating_add(1);
            self.skipping |= self.buffer.len() == self.line.longest;
            if !self.skipping {
                self.buffer.push(byte);
            }
            self.tell_endless(out);
            return;
        }
        let (seen, skipped) = (std::mem::take(&mut self.seen), std::mem::take(&mut self.skipping));
        let line = std::mem::take(&mut self.buffer);
        match (seen, skipped) {
            // Also what stands between the two bytes of one line end.
            (0, _) => {}
            (seen, true) => out.push(Found::Noise(seen)),
            (_, false) => out.push(Found::Content(line)),
        }
    }

    fn marked(&mut self, byte: u8, expect: impl Fn(&[u8]) -> Expect, out: &mut Vec<Found>) {
        self.buffer.push(byte);
        loop {
            match self.front(&expect) {
                Front::More => return,
                Front::Not => self.pass(out),
                Front::Frame { head, end, size } => {
                    self.tell_noise(out);
                    out.push(Found::Content(self.buffer[head..end].to_vec()));
                    self.buffer.drain(..size);
                    self.told = self.told.saturating_sub(size);
                }
                Front::Corrupt(size) => {
                    if self.told == 0 {
                        self.tell_noise(out);
                        out.push(Found::Corrupt(u32::try_from(size).unwrap_or(u32::MAX)));
                        self.told = size;
                    }
                    // What looked like a frame may have been noise with a frame in it.
                    self.pass(out);
                }
            }
        }
    }

    /// Passes over the first byte.
    fn pass(&mut self, out: &mut Vec<Found>) {
        self.buffer.remove(0);
        if self.told > 0 {
            self.told -= 1;
            return;
        }
        self.noise += 1;
        if self.noise == NOISE_MAX {
            self.tell_noise(out);
        }
    }

    fn tell_noise(&mut self, out: &mut Vec<Found>) {
        if self.noise > 0 {
            out.push(Found::Noise(std::mem::take(&mut self.noise)));
        }
    }

    /// What the buffer begins with.
    fn front(&self, expect: impl Fn(&[u8]) -> Expect) -> Front {
        let (line, buffer) = (&self.line, &self.buffer);
        let sync = line.sync();
        let same = buffer.len().min(sync.len());
        if buffer[..same] != sync[..same] {
            return Front::Not;
        }
        if buffer.len() <= sync.len() {
            return Front::More;
        }
        let sum = line.sum_size();
        let (head, content) = match &line.framing {
            Framing::Length { width, order, counts, .. } => {
                let head = sync.len() + width;
                let Some(told) = buffer.get(sync.len()..head) else { return Front::More };
                let told = usize::try_from(order.read(told)).ok();
                let over = match counts {
                    Counts::Content => 0,
                    Counts::Rest => sum,
                    Counts::Frame => head + sum,
                };
                (head, told.and_then(|told| told.checked_sub(over)))
            }
            _ => match expect(&buffer[sync.len()..]) {
                Expect::Known(content) => (sync.len(), Some(content)),
                Expect::More => return Front::More,
                Expect::Never => (sync.len(), None),
            },
        };
        let Some(content) = content.filter(|content| *content <= line.longest) else { return Front::Not };
        let size = head + content + sum;
        match buffer.get(..size).map(|frame| line.checked(frame, head)) {
            None => Front::More,
            Some(Some(end)) => Front::Frame { head, end, size },
            Some(None) => Front::Corrupt(size),
        }
    }
}

enum Front {
    More,
    Not,
    Frame { head: usize, end: usize, size: usize },
    Corrupt(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stuffing_is_that_of_the_papers_examples() {
        // Examples of the article "Consistent Overhead Byte Stuffing" (en.wikipedia.org), after Cheshire and Baker.
        let long: Vec<u8> = (1..=255).collect();
        for (plain, stuffed) in [
            (&[0][..], &[1, 1][..]),
            (&[0, 0], &[1, 1, 1]),
            (&[0x11, 0x22, 0, 0x33], &[3, 0x11, 0x22, 2, 0x33]),
            (&[0x11, 0, 0, 0], &[2, 0x11, 1, 1, 1]),
            (&[], &[1]),
            (&long[..254], &[&[0xFF], &long[..254]].concat()),
            (&long, &[&[0xFF], &long[..254], &[2, 0xFF]].concat()),
            (&[&[0], &long[..254]].concat(), &[&[1, 0xFF], &long[..254]].concat()),
        ] {
            assert_eq!(cobs(plain), stuffed, "{plain:?}");
            assert_eq!(uncobs(stuffed).as_deref(), Some(plain), "{stuffed:?}");
        }
        assert_eq!(uncobs(&[5, 1, 2]), None, "a run beyond the end");
        assert_eq!(unslip(&[1, SLIP_ESC]), None);
        assert_eq!(unslip(&[SLIP_ESC, 7]), None);
    }

    #[test]
    fn a_frame_within_a_broken_one_is_found() {
        let framing =
            Framing::Length { sync: vec![0xAA, 0x55], width: 1, order: Order::Little, counts: Counts::Content };
        let sum = Some(Sum { name: "CRC-16/KERMIT".into(), order: Order::Little, covers: Covers::Length });
        let line = Line::new(&Wire { framing, sum, longest: None }, 32).expect("a known sum");
        let frame = line.write(b"whole").expect("short");
        assert_eq!(frame[..3], [0xAA, 0x55, 5]);
        let mut finder = Finder::new(line.clone(), true);
        let mut found = Vec::new();
        // A false beginning says twenty bytes; the real frame stands within them.
        let stream = [&[9, 0xAA, 0x55, 20][..], &frame, &line.resync(), &frame].concat();
        for byte in stream {
            finder.push(byte, |_| Expect::Never, &mut found);
        }
        let whole = Found::Content(b"whole".to_vec());
        assert_eq!(found[..3], [Found::Noise(1), Found::Corrupt(25), whole.clone()]);
        assert_eq!(found.last(), Some(&whole));
        assert_eq!(found.iter().filter(|f| **f == whole).count(), 2);
        assert!(line.write(&[0; 33]).is_err());
    }

    #[test]
    fn numbers_go_both_ways_in_both_orders() {
        for order in [Order::Little, Order::Big] {
            let mut bytes = [0; 3];
            order.write(0x01_02_03, &mut bytes);
            assert_eq!(bytes, if order == Order::Big { [1, 2, 3] } else { [3, 2, 1] });
            assert_eq!(order.read(&bytes), 0x01_02_03);
        }
    }
}
