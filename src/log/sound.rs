//! A look over the frame of an MCAP file before the reader gets it: whatever the lengths say, nothing may
//! reach outside of what holds it, and every block has a check sum.

use super::open::RECORD_BYTES_MAX;

const MAGIC_LEN: usize = 8;
/// Opcode and length of a record.
const RECORD_HEAD_LEN: usize = 9;
const OP_FOOTER: u8 = 0x02;
const OP_CHUNK: u8 = 0x06;

/// The bytes up to the first record that is not sound, and what is wrong with that.
pub fn prefix(bytes: &[u8]) -> (&[u8], Option<String>) {
    let mut at = MAGIC_LEN;
    while at < bytes.len() {
        let Some((opcode, length)) = record_head(&bytes[at..]) else {
            // The rest is shorter than any record: the reader says what that means.
            return (bytes, None);
        };
        let start = at + RECORD_HEAD_LEN;
        let end = usize::try_from(length).ok().and_then(|length| start.checked_add(length));
        let Some(end) = end.filter(|end| *end <= bytes.len()) else {
            return (&bytes[..at], Some("it ends in the middle of a record".into()));
        };
        if opcode == OP_CHUNK
            && let Err(why) = chunk(&bytes[start..end])
        {
            return (&bytes[..at], Some(why));
        }
        if opcode == OP_FOOTER {
            return (bytes, None);
        }
        at = end;
    }
    (bytes, None)
}

fn record_head(bytes: &[u8]) -> Option<(u8, u64)> {
    let head = bytes.get(..RECORD_HEAD_LEN)?;
    Some((head[0], u64::from_le_bytes(head[1..].try_into().expect("nine bytes without the first are eight"))))
}

/// A block: start, end, uncompressed size (8 bytes each), check sum, length of the compression's name (4 each),
/// the name, compressed size (8), the bytes.
fn chunk(bytes: &[u8]) -> Result<(), String> {
    let short = || "a block is too short to be one".to_string();
    let uncompressed = read_u64(bytes, 16).ok_or_else(short)?;
    let checksum = read_u32(bytes, 24).ok_or_else(short)?;
    let name_len = usize::try_from(read_u32(bytes, 28).ok_or_else(short)?).map_err(|_| short())?;
    let after_name = 32usize.checked_add(name_len).ok_or_else(short)?;
    let compressed = read_u64(bytes, after_name).ok_or_else(short)?;
    let data = bytes.get(after_name + 8..).ok_or_else(short)?;
    if compressed != data.len() as u64 {
        return Err("a block has another length than it says".into());
    }
    if uncompressed > RECORD_BYTES_MAX as u64 {
        return Err("a block claims to be larger than any of ours".into());
    }
    if checksum == 0 {
        return Err("a block has no check sum".into());
    }
    if name_len == 0 {
        if uncompressed != compressed {
            return Err("a block has another length than it says".into());
        }
        return tiles(data);
    }
    Ok(())
}

/// The records of an uncompressed block fill it without a rest.
fn tiles(data: &[u8]) -> Result<(), String> {
    let mut rest = data;
    while !rest.is_empty() {
        let length = record_head(rest)
            .and_then(|(_, length)| usize::try_from(length).ok())
            .and_then(|length| length.checked_add(RECORD_HEAD_LEN))
            .filter(|length| *length <= rest.len())
            .ok_or("a record reaches out of its block")?;
        rest = &rest[length..];
    }
    Ok(())
}

fn read_u64(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}
