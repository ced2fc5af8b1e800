//! Bytes on a wire: flipped, cut off, misread, drowned in noise.

use crate::fault::PipeFault;
use crate::fault::rng::Dice;
use crate::time::Time;

/// Bits of a character on the line: a start bit, eight bits, a stop bit.
const CHARACTER_BITS: usize = 10;
/// The most noise before one frame: what a line carries in a second at 921600 baud.
const NOISE_MAX: f64 = 92_160.0;

/// The memory of a fault on bytes.
#[derive(Clone, Debug)]
pub(super) struct ByteFault {
    fault: PipeFault,
    dice: Dice,
    /// Up to when noise was made, and the part of a byte that was not.
    noisy_until: Time,
    owed: f64,
}

impl ByteFault {
    pub fn new(fault: PipeFault, started: Time, dice: Dice) -> ByteFault {
        ByteFault { fault, dice, noisy_until: started, owed: 0.0 }
    }

    /// Changes the bytes of one frame; true when it did.
    pub fn act(&mut self, at: Time, bytes: &mut Vec<u8>) -> bool {
        match self.fault {
            PipeFault::Corrupt { bit_error_rate } => flip_bits(bytes, bit_error_rate, &mut self.dice),
            PipeFault::BitBurst { share, bits } => {
                let hit = self.dice.chance(share);
                // Drawn in any case, so that a smaller share hits a part of what a greater one hits.
                let place = self.dice.uniform();
                hit && flip_run(bytes, place, bits)
            }
            PipeFault::Truncate { share } => {
                let hit = self.dice.chance(share);
                let place = self.dice.uniform();
                if hit && !bytes.is_empty() {
                    bytes.truncate((place * bytes.len() as f64) as usize);
                    return true;
                }
                false
            }
            PipeFault::WrongBaud { ratio } => {
                let read = misread(bytes, ratio);
                let changed = read != *bytes;
                *bytes = read;
                changed
            }
            PipeFault::LineNoise { rate } => {
                self.owed = (self.owed + rate * at.since(self.noisy_until).seconds().max(0.0)).min(NOISE_MAX);
                self.noisy_until = self.noisy_until.max(at);
                let count = self.owed as usize;
                self.owed -= count as f64;
                let dice = &mut self.dice;
                bytes.splice(0..0, (0..count).map(|_| (dice.uniform() * 256.0) as u8));
                count > 0
            }
            _ => false,
        }
    }
}

/// Flips each bit with probability `rate`. Leaps from error to error, so that a clean megabyte costs one draw.
fn flip_bits(bytes: &mut [u8], rate: f64, dice: &mut Dice) -> bool {
    let bits = bytes.len() as u64 * 8;
    let mut bit = dice.failures_before_success(rate);
    let changed = bit < bits;
    while bit < bits {
        bytes[(bit / 8) as usize] ^= 1 << (bit % 8);
        bit = bit.saturating_add(1).saturating_add(dice.failures_before_success(rate));
    }
    changed
}

/// Flips `count` neighbouring bits, or all where there are fewer; `place` in 0..1 says where.
fn flip_run(bytes: &mut [u8], place: f64, count: u32) -> bool {
    let bits = bytes.len() * 8;
    let count = (count as usize).min(bits);
    let first = (place * (bits - count + 1) as f64) as usize;
    for bit in first..first + count {
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    count > 0
}

/// What a receiver of 8N1 characters makes of them that samples at `ratio` times the sender's baud rate. It begins at a
/// falling edge, samples in the middle of what it takes for bits, and hands on a character whose stop bit is missing, as
/// a serial driver does that nobody told to do otherwise.
fn misread(bytes: &[u8], ratio: f64) -> Vec<u8> {
    if !ratio.is_finite() || ratio <= 0.0 {
        return Vec::new();
    }
    let mut line = Vec::with_capacity(bytes.len() * CHARACTER_BITS);
    for byte in bytes {
        line.push(false);
        line.extend((0..8).map(|bit| byte >> bit & 1 == 1));
        line.push(true);
    }
    // Beyond the last character the line rests, which is high.
    let level = |bit: f64| line.get(bit as usize).copied().unwrap_or(true);
    let mut read = Vec::with_capacity(bytes.len());
    let mut place = 0;
    while place < line.len() {
        if line[place] {
            place += 1;
            continue;
        }
        let sample = |bit: f64| level(place as f64 + (bit + 0.5) / ratio);
        read.push((0..8).fold(0_u8, |byte, bit| byte | u8::from(sample(f64::from(bit) + 1.0)) << bit));
        let stopped = sample(9.0);
        place = ((place as f64 + 9.5 / ratio) as usize).max(place + 1);
        // Without a stop bit it waits for the line to rest before it looks for the next edge.
        while !stopped && place < line.len() && !line[place] {
            place += 1;
        }
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    fn fault(fault: PipeFault, seed: u64) -> ByteFault {
        ByteFault::new(fault, Time::ZERO, Dice::new(seed, 1))
    }

    /// What becomes of a frame.
    fn hit(kind: PipeFault, seed: u64, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        let before = bytes.clone();
        assert_eq!(fault(kind, seed).act(Time::ZERO, &mut bytes), bytes != before, "it knows whether it changed any");
        bytes
    }

    #[test]
    fn bits_flip_at_their_rate_and_the_same_for_the_same_seed() {
        let run = |seed: u64, rate: f64| hit(PipeFault::Corrupt { bit_error_rate: rate }, seed, &[0; 12_500]);
        for (rate, of) in [(0.01, 100_000.0), (0.1, 100_000.0)] {
            let flipped: u32 = run(1, rate).iter().map(|byte| byte.count_ones()).sum();
            let measured = f64::from(flipped) / of;
            assert!((measured / rate - 1.0).abs() < 0.1, "{measured} at {rate}");
        }
        assert_eq!(run(1, 0.01), run(1, 0.01));
        assert_ne!(run(1, 0.01), run(2, 0.01));
        assert_eq!(run(1, 0.0), vec![0; 12_500]);
        assert_eq!(run(1, 1.0), vec![255; 12_500]);
    }

    #[test]
    fn a_rare_error_rate_is_met_over_many_frames() {
        let mut rare = fault(PipeFault::Corrupt { bit_error_rate: 1e-4 }, 3);
        let mut flipped = 0;
        for _ in 0..5_000 {
            let mut frame = vec![0_u8; 50];
            rare.act(Time::ZERO, &mut frame);
            flipped += frame.iter().map(|byte| byte.count_ones()).sum::<u32>();
        }
        // 2 million bits: 200 errors, give or take 14.
        assert!((150..250).contains(&flipped), "{flipped}");
    }

    #[test]
    fn a_burst_is_a_run_of_neighbours_in_its_share_of_frames() {
        let mut bursts = fault(PipeFault::BitBurst { share: 0.2, bits: 3 }, 5);
        let mut hits = 0;
        for _ in 0..5_000 {
            let mut frame = vec![0_u8; 4];
            if bursts.act(Time::ZERO, &mut frame) {
                hits += 1;
                let bits = u32::from_le_bytes([frame[0], frame[1], frame[2], frame[3]]);
                assert_eq!(bits >> bits.trailing_zeros(), 0b111, "{bits:b}");
            }
        }
        assert!((900..1_100).contains(&hits), "{hits} of 5000");
        assert_eq!(hit(PipeFault::BitBurst { share: 1.0, bits: 99 }, 1, &[0]), [255]);
        assert_eq!(hit(PipeFault::BitBurst { share: 1.0, bits: 3 }, 1, &[]), [0_u8; 0]);
    }

    #[test]
    fn a_cut_frame_is_a_beginning_of_it() {
        let whole: Vec<u8> = (0..40).collect();
        let lengths: Vec<usize> = (0..400)
            .map(|seed| hit(PipeFault::Truncate { share: 1.0 }, seed, &whole))
            .map(|cut| {
                assert_eq!(cut[..], whole[..cut.len()]);
                cut.len()
            })
            .collect();
        assert!(lengths.iter().all(|length| *length < 40));
        assert!(lengths.contains(&0) && lengths.iter().any(|length| *length > 35), "cut anywhere");
        assert_eq!(hit(PipeFault::Truncate { share: 0.0 }, 1, &whole), whole);
    }

    #[test]
    fn a_receiver_bears_a_few_per_cent_of_baud_rate_and_no_more() {
        let frame: Vec<u8> = (0..=255).collect();
        for ratio in [1.0, 0.97, 1.03] {
            assert_eq!(hit(PipeFault::WrongBaud { ratio }, 1, &frame), frame, "{ratio}");
        }
        for ratio in [0.5, 0.9, 1.1, 2.0, 12.0] {
            assert_ne!(hit(PipeFault::WrongBaud { ratio }, 1, &frame), frame, "{ratio}");
        }
        // At twice the rate each bit is seen twice: start, start, then 01 01 … of U becomes 0110 0110 of another.
        // U (0x55) is 0 1010 1010 1 on the line; sampled twice as fast: 00 11 00 11 00 …
        assert_eq!(misread(b"U", 2.0)[0], 0b0110_0110);
        assert!(misread(b"U", f64::NAN).is_empty());
    }

    #[test]
    fn noise_comes_at_its_rate_before_the_frames() {
        let mut noise = fault(PipeFault::LineNoise { rate: 30.0 }, 1);
        let mut sum = 0;
        for place in 1..=100 {
            let mut frame = b"frame".to_vec();
            noise.act(Time::ZERO + Span::from_millis(place * 10), &mut frame);
            assert!(frame.ends_with(b"frame"));
            sum += frame.len() - 5;
        }
        assert!((29..=30).contains(&sum), "30 bytes in a second, found {sum}");
    }
}
