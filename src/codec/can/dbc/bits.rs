//! Bits of a signal in the bytes of a frame, in both orders.

/// Where each bit lies: byte and bit of the byte, from the least significant bit on.
fn places(start: u32, bits: u32, big_endian: bool) -> impl Iterator<Item = (usize, u32)> {
    // Big endian counts on from the most significant bit, through the bytes from bit 7 to bit 0 of each.
    let first = start / 8 * 8 + 7 - start % 8;
    (0..bits).map(move |n| match big_endian {
        false => (((start + n) / 8) as usize, (start + n) % 8),
        true => {
            let at = first + bits - 1 - n;
            ((at / 8) as usize, 7 - at % 8)
        }
    })
}

/// Byte after the last one that the signal touches.
pub(super) fn end(start: u32, bits: u32, big_endian: bool) -> usize {
    let last = match big_endian {
        false => start + bits - 1,
        true => start / 8 * 8 + 7 - start % 8 + bits - 1,
    };
    (last / 8) as usize + 1
}

/// The bits as a number; `None` where the data ends before they do.
pub(super) fn get(data: &[u8], start: u32, bits: u32, big_endian: bool) -> Option<u64> {
    if end(start, bits, big_endian) > data.len() {
        return None;
    }
    let mask = u64::MAX >> (64 - bits);
    // At most 64 bits that begin within a byte: nine bytes hold them.
    let mut window = [0; 16];
    let first = (start / 8) as usize;
    let part = &data[first..data.len().min(first + 9)];
    window[..part.len()].copy_from_slice(part);
    Some(match big_endian {
        false => (u128::from_le_bytes(window) >> (start % 8)) as u64 & mask,
        true => ((u128::from_be_bytes(window) << (7 - start % 8)) >> (128 - bits)) as u64,
    })
}

/// Writes the bits; `None`, and nothing written, where the data ends before they do.
pub(super) fn put(data: &mut [u8], start: u32, bits: u32, big_endian: bool, number: u64) -> Option<()> {
    if end(start, bits, big_endian) > data.len() {
        return None;
    }
    for (n, (byte, bit)) in places(start, bits, big_endian).enumerate() {
        let one = (number >> n & 1) as u8;
        data[byte] = data[byte] & !(1 << bit) | one << bit;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_is_got_at_every_place_and_in_every_length() {
        for bits in 1..=64 {
            for start in 0..64 {
                for big_endian in [false, true] {
                    let number = 0xA5C3_96F0_1E2D_4B87_u64 & (u64::MAX >> (64 - bits));
                    for ground in [0, 0xFF] {
                        let mut data = [ground; 8];
                        let fits = end(start, bits, big_endian) <= 8;
                        assert_eq!(put(&mut data, start, bits, big_endian, number).is_some(), fits);
                        assert_eq!(get(&data, start, bits, big_endian), fits.then_some(number), "{start} {bits}");
                        if fits {
                            assert!(
                                put(&mut data, start, bits, big_endian, if ground == 0 { 0 } else { u64::MAX })
                                    .is_some()
                            );
                        }
                        assert_eq!(data, [ground; 8], "nothing beside it was touched");
                    }
                }
            }
        }
    }

    #[test]
    fn big_endian_counts_as_the_file_does() {
        // Two bytes in the order of networks: the most significant bit of the first is bit 7.
        assert_eq!(get(&[0x12, 0x34], 7, 16, true), Some(0x1234));
        assert_eq!(get(&[0x12, 0x34], 3, 8, true), Some(0x23));
        assert_eq!(get(&[0x12, 0x34], 0, 16, false), Some(0x3412));
        assert_eq!(get(&[0x12, 0x34], 4, 8, false), Some(0x41));
    }
}
