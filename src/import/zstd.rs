//! Chunks of MCAP files that are compressed with Zstandard, unpacked without native code.

use mcap::sans_io::decompressor::{DecompressResult, Decompressor};
use mcap::{McapError, McapResult};
use ruzstd::decoding::FrameDecoder;

/// The largest block with its header and the largest header of a frame (RFC 8878, 3.1.1): with so much in hand the decoder
/// always gets on.
const ENOUGH: usize = 128 * 1024 + 3 + 18;

/// Unpacks one chunk after the other.
#[derive(Default)]
pub struct Zstd {
    frame: Option<FrameDecoder>,
}

impl Decompressor for Zstd {
    fn next_read_size(&self) -> usize {
        ENOUGH
    }

    fn decompress(&mut self, src: &[u8], dst: &mut [u8]) -> McapResult<DecompressResult> {
        // A chunk may hold several frames.
        if self.frame.as_ref().is_some_and(|frame| frame.is_finished() && frame.can_collect() == 0) {
            self.frame = None;
        }
        let begins = self.frame.is_none();
        let frame = self.frame.get_or_insert_default();
        match frame.decode_from_to(src, dst) {
            Ok((consumed, wrote)) => Ok(DecompressResult { consumed: consumed.min(src.len()), wrote }),
            // Not even the frame's header is there.
            Err(_) if begins && src.len() < 18 => {
                self.frame = None;
                Ok(DecompressResult { consumed: 0, wrote: 0 })
            }
            Err(error) => Err(McapError::DecompressionError(error.to_string())),
        }
    }

    fn reset(&mut self) -> McapResult<()> {
        self.frame = None;
        Ok(())
    }

    fn name(&self) -> &'static str {
        "zstd"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    /// Unpacks as a reader would, `step` bytes at a time.
    fn unpacked(packed: &[u8], length: usize, room: usize) -> Result<Vec<u8>, McapError> {
        let mut zstd = Zstd::default();
        let (mut out, mut at) = (Vec::new(), 0);
        while out.len() < length {
            let source = &packed[at..(at + ENOUGH).min(packed.len())];
            let mut place = vec![0; room.min(length - out.len())];
            let DecompressResult { consumed, wrote } = zstd.decompress(source, &mut place)?;
            if consumed == 0 && wrote == 0 {
                return Err(McapError::UnexpectedEof);
            }
            at += consumed;
            out.extend_from_slice(&place[..wrote]);
        }
        zstd.reset()?;
        Ok(out)
    }

    #[test]
    fn what_was_packed_comes_back_in_any_room_and_over_frames() {
        let text: Vec<u8> = (0..400_000u32).flat_map(|i| (i / 7 * 31).to_le_bytes()).collect();
        let mut packed = compress_to_vec(text.as_slice(), CompressionLevel::Fastest);
        for room in [1 << 20, 4096, 100_001] {
            assert!(unpacked(&packed, text.len(), room).expect("it is whole") == text, "room {room}");
        }
        packed.extend(compress_to_vec(&b"and a second frame"[..], CompressionLevel::Fastest));
        let all = unpacked(&packed, text.len() + 18, 65_536).expect("it is whole");
        assert!(all.ends_with(b"and a second frame") && all.starts_with(&text));
    }

    #[test]
    fn what_is_cut_or_changed_ends_in_an_error() {
        let packed = compress_to_vec(&[7u8; 5000][..], CompressionLevel::Fastest);
        for length in 0..packed.len() - 4 {
            assert!(unpacked(&packed[..length], 5000, 5000).is_err(), "{length}");
        }
        assert!(unpacked(b"this is no frame at all, whatever it is", 100, 100).is_err());
    }
}
