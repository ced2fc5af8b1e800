//! Frames of MAVLink 1 and 2 in a stream of bytes.
//!
//! After a rejected candidate the search goes on one byte later, so that no frame hides in garbage.
//! Layout: <https://mavlink.io/en/guide/serialization.html>.

use super::dialect::{Dialect, MessageDef, PAYLOAD_MAX};
use crc::{CRC_16_MCRF4XX, Crc, Digest, Table};

/// First byte of a MAVLink 1 frame.
pub(super) const STX_1: u8 = 0xFE;
/// First byte of a MAVLink 2 frame.
pub(super) const STX_2: u8 = 0xFD;
/// The only incompatibility flag there is: a signature follows.
const SIGNED: u8 = 0x01;
const SIGNATURE_LEN: usize = 13;
/// Longest frame: ten bytes of header, payload, check sum, signature.
pub(super) const FRAME_MAX: usize = 10 + PAYLOAD_MAX + 2 + SIGNATURE_LEN;

static CRC: Crc<u16, Table<16>> = Crc::<u16, Table<16>>::new(&CRC_16_MCRF4XX);

/// The check sum of MAVLink, bit by bit from the parts.
pub(super) struct Sum(Digest<'static, u16, Table<16>>);

impl Sum {
    pub(super) fn new() -> Sum {
        Sum(CRC.digest())
    }
    pub(super) fn add(&mut self, bytes: &[u8]) -> &mut Sum {
        self.0.update(bytes);
        self
    }
    pub(super) fn value(self) -> u16 {
        self.0.finalize()
    }
}

/// The two versions of the protocol.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Version {
    V1,
    V2,
}

/// A frame that passed its check sum.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Header {
    pub(super) version: Version,
    pub(super) sequence: u8,
    pub(super) system: u8,
    pub(super) component: u8,
    /// Place of the message in the dialect.
    pub(super) place: u16,
    pub(super) signed: bool,
}

/// What the search came upon, in the order of the stream.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Found {
    /// A frame; [`Framer::payload`] holds its payload until the next call.
    Frame(Header),
    /// Bytes that belong to no frame.
    Noise(u32),
    /// A frame whose check sum is wrong: so many of its bytes belong to no other frame.
    Corrupt(u32),
    /// What looks like a frame of a message that the dialect does not know, so that no check sum can be worked out.
    /// The bytes may be garbage all the same: the caller judges and may call [`Framer::accept_unlisted`].
    Unlisted { sequence: u8, system: u8, component: u8, len: usize },
}

/// Searches a stream of bytes for frames.
#[derive(Clone, Debug)]
pub(super) struct Framer {
    buffer: Vec<u8>,
    /// Place in `buffer` where the search stands.
    at: usize,
    /// Bytes skipped that belong to nothing.
    noise: u32,
    /// Bytes of the corrupt frame that the search is still inside of, not counted elsewhere.
    corrupt: u32,
    /// Place in `buffer` up to which skipped bytes belong to a corrupt frame.
    corrupt_until: usize,
    /// Place in `buffer` up to which skipped bytes belong to an unlisted frame and are no noise.
    unlisted_until: usize,
    /// Zero-padded to full length, so that truncated payloads and missing extensions read as zero.
    payload: [u8; PAYLOAD_MAX + 1],
}

pub(super) enum Candidate {
    Frame { header: Header, len: usize },
    NeedsMore,
    No,
    BadSum { len: usize },
    Unlisted { sequence: u8, system: u8, component: u8, len: usize },
}

impl Framer {
    pub(super) fn new() -> Framer {
        Framer {
            buffer: Vec::with_capacity(4096),
            at: 0,
            noise: 0,
            corrupt: 0,
            corrupt_until: 0,
            unlisted_until: 0,
            payload: [0; PAYLOAD_MAX + 1],
        }
    }

    /// Appends what arrived; call [`Framer::next`] until it says `None`.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        // What was searched is dropped here, once per chunk: at most one frame stays behind.
        self.buffer.drain(..self.at);
        self.corrupt_until = self.corrupt_until.saturating_sub(self.at);
        self.unlisted_until = self.unlisted_until.saturating_sub(self.at);
        self.at = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The payload of the frame just found, zero-padded to the full length of its message.
    pub(super) fn payload(&self) -> &[u8; PAYLOAD_MAX + 1] {
        &self.payload
    }

    /// The next thing in what was pushed; `None` when the rest is no whole frame yet.
    pub(super) fn next(&mut self, dialect: &Dialect) -> Option<Found> {
        loop {
            if self.corrupt > 0 && self.at >= self.corrupt_until {
                return Some(Found::Corrupt(core::mem::take(&mut self.corrupt)));
            }
            let rest = &self.buffer[self.at..];
            let Some(first) = rest.first() else { return self.flush_noise() };
            let candidate = match *first {
                STX_2 => candidate_v2(rest, dialect),
                STX_1 => candidate_v1(rest, dialect),
                _ => Candidate::No,
            };
            match candidate {
                Candidate::Frame { header, len } => {
                    if self.noise > 0 {
                        return self.flush_noise();
                    }
                    if self.corrupt > 0 {
                        self.corrupt_until = 0;
                        continue;
                    }
                    self.corrupt_until = 0;
                    self.unlisted_until = 0;
                    self.take_payload(header, dialect.at(header.place));
                    self.at += len;
                    return Some(Found::Frame(header));
                }
                Candidate::NeedsMore => return self.flush_noise(),
                Candidate::No => self.skip(),
                Candidate::BadSum { len } => {
                    self.corrupt_until = self.corrupt_until.max(self.at + len);
                    self.skip();
                }
                Candidate::Unlisted { sequence, system, component, len } => {
                    self.skip();
                    return Some(Found::Unlisted { sequence, system, component, len });
                }
            }
        }
    }

    /// The caller takes the unlisted candidate just found for a frame: its `len` bytes are no noise. The search
    /// goes on inside of it all the same.
    pub(super) fn accept_unlisted(&mut self, len: usize) {
        let start = self.at - 1;
        if start >= self.unlisted_until && start >= self.corrupt_until {
            self.noise -= 1;
        }
        self.unlisted_until = self.unlisted_until.max(start + len);
    }

    fn skip(&mut self) {
        if self.at < self.corrupt_until {
            self.corrupt += 1;
        } else if self.at >= self.unlisted_until {
            self.noise += 1;
        }
        self.at += 1;
    }

    fn flush_noise(&mut self) -> Option<Found> {
        match core::mem::take(&mut self.noise) {
            0 => None,
            bytes => Some(Found::Noise(bytes)),
        }
    }

    fn take_payload(&mut self, header: Header, message: &MessageDef) {
        let rest = &self.buffer[self.at..];
        let start = header.version.header_len();
        let len = usize::from(rest[1]).min(message.full_len.into());
        self.payload[..len].copy_from_slice(&rest[start..start + len]);
        self.payload[len..=usize::from(message.full_len)].fill(0);
    }
}

impl Version {
    pub(super) fn header_len(self) -> usize {
        match self {
            Version::V1 => 6,
            Version::V2 => 10,
        }
    }
}

pub(super) fn candidate_v1(rest: &[u8], dialect: &Dialect) -> Candidate {
    let &[_, len, sequence, system, component, id, ..] = rest else { return Candidate::NeedsMore };
    let total = 6 + usize::from(len) + 2;
    let Some(place) = dialect.place(id.into()) else {
        return Candidate::Unlisted { sequence, system, component, len: total };
    };
    let message = dialect.at(place);
    // MAVLink 1 knows neither truncation nor extensions: only one length is right.
    if len != message.base_len {
        return Candidate::No;
    }
    let header = Header { version: Version::V1, sequence, system, component, place, signed: false };
    judge(rest, total - 2, total, message.crc_extra, header)
}

pub(super) fn candidate_v2(rest: &[u8], dialect: &Dialect) -> Candidate {
    // Flags first: most garbage is told from a frame by its third byte.
    match rest.get(2) {
        None => return Candidate::NeedsMore,
        Some(flags) if flags & !SIGNED != 0 => return Candidate::No,
        Some(_) => {}
    }
    let &[_, len, flags, _, sequence, system, component, a, b, c, ..] = rest else { return Candidate::NeedsMore };
    let signed = flags & SIGNED != 0;
    let sum_at = 10 + usize::from(len);
    let total = sum_at + 2 + if signed { SIGNATURE_LEN } else { 0 };
    let Some(place) = dialect.place(u32::from_le_bytes([a, b, c, 0])) else {
        return Candidate::Unlisted { sequence, system, component, len: total };
    };
    let header = Header { version: Version::V2, sequence, system, component, place, signed };
    judge(rest, sum_at, total, dialect.at(place).crc_extra, header)
}

fn judge(rest: &[u8], sum_at: usize, total: usize, crc_extra: u8, header: Header) -> Candidate {
    if rest.len() < total {
        return Candidate::NeedsMore;
    }
    let mut sum = Sum::new();
    sum.add(&rest[1..sum_at]).add(&[crc_extra]);
    if sum.value().to_le_bytes() == rest[sum_at..sum_at + 2] {
        Candidate::Frame { header, len: total }
    } else {
        Candidate::BadSum { len: total }
    }
}

/// Who sends a frame, and as the how-manieth.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Sender {
    pub(super) system: u8,
    pub(super) component: u8,
    pub(super) sequence: u8,
}

/// Appends a frame. `payload` has the full length of the message; MAVLink 2 cuts its trailing zeros,
/// MAVLink 1 its extensions. `None` when the message's number is too large for MAVLink 1.
pub(super) fn write_frame(
    version: Version,
    from: Sender,
    message: &MessageDef,
    payload: &[u8],
    out: &mut Vec<u8>,
) -> Option<()> {
    let start = out.len();
    match version {
        Version::V1 => {
            let id = u8::try_from(message.id).ok()?;
            let body = &payload[..message.base_len.into()];
            out.extend_from_slice(&[STX_1, message.base_len, from.sequence, from.system, from.component, id]);
            out.extend_from_slice(body);
        }
        Version::V2 => {
            let used = payload[..message.full_len.into()].iter().rposition(|b| *b != 0).map_or(0, |p| p + 1);
            // At least one byte stays, says the serialization guide.
            let body = &payload[..used.max(1).min(message.full_len.into())];
            let [a, b, c, _] = message.id.to_le_bytes();
            let Sender { sequence, system, component } = from;
            out.extend_from_slice(&[STX_2, body.len() as u8, 0, 0, sequence, system, component, a, b, c]);
            out.extend_from_slice(body);
        }
    }
    let mut sum = Sum::new();
    sum.add(&out[start + 1..]).add(&[message.crc_extra]);
    out.extend_from_slice(&sum.value().to_le_bytes());
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::mavlink::dialect::DialectSource;
    use rand_core::{Rng, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    /// A frame with a right check sum whose payload is as long as somebody pleases.
    fn any_frame(message: &MessageDef, payload: &[u8], signed: bool) -> Vec<u8> {
        let [a, b, c, _] = message.id.to_le_bytes();
        let mut frame = vec![STX_2, payload.len() as u8, u8::from(signed), 0, 9, 1, 1, a, b, c];
        frame.extend_from_slice(payload);
        let mut sum = Sum::new();
        sum.add(&frame[1..]).add(&[message.crc_extra]);
        frame.extend_from_slice(&sum.value().to_le_bytes());
        if signed {
            frame.extend_from_slice(&[0xFD; SIGNATURE_LEN]);
        }
        frame
    }

    #[test]
    fn payloads_of_any_length_are_padded_or_cut_to_their_message() {
        let dialect = Dialect::load(&DialectSource::Ardupilotmega).expect("the built-in dialect loads");
        let mut framer = Framer::new();
        let mut random = Pcg64Mcg::seed_from_u64(1);
        for round in 0..20_000 {
            let place = (random.next_u32() % dialect.len() as u32) as u16;
            let message = dialect.at(place);
            let payload: Vec<u8> = (0..random.next_u32() % 256).map(|_| random.next_u32() as u8).collect();
            let signed = round % 3 == 0;
            framer.push(&any_frame(message, &payload, signed));
            let header = Header { version: Version::V2, sequence: 9, system: 1, component: 1, place, signed };
            assert_eq!(framer.next(&dialect), Some(Found::Frame(header)), "{} of {}", payload.len(), message.name);
            let full = usize::from(message.full_len);
            let mut wanted = payload;
            wanted.resize(full, 0);
            assert_eq!(framer.payload()[..full], wanted);
            assert_eq!(framer.next(&dialect), None);
        }
    }

    #[test]
    fn what_is_written_is_found_again() {
        let dialect = Dialect::load(&DialectSource::Ardupilotmega).expect("the built-in dialect loads");
        let mut random = Pcg64Mcg::seed_from_u64(2);
        for version in [Version::V1, Version::V2] {
            for place in 0..dialect.len() as u16 {
                let message = dialect.at(place);
                let mut payload = [0; PAYLOAD_MAX];
                for byte in &mut payload[..message.base_len.into()] {
                    // Many zeros, so that payloads end in some.
                    *byte = (random.next_u32() % 3) as u8 * 120;
                }
                let from = Sender { system: 1, component: 2, sequence: 3 };
                let mut bytes = Vec::new();
                let written = write_frame(version, from, message, &payload, &mut bytes);
                assert_eq!(written.is_some(), version == Version::V2 || message.id < 256);
                let mut framer = Framer::new();
                framer.push(&bytes);
                let header = Header { version, sequence: 3, system: 1, component: 2, place, signed: false };
                assert_eq!(framer.next(&dialect), written.map(|()| Found::Frame(header)), "{}", message.name);
                if written.is_some() {
                    assert_eq!(framer.payload()[..message.full_len.into()], payload[..message.full_len.into()]);
                }
            }
        }
    }
}
