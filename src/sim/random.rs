//! Seeded noise: every draw is fixed by the seed, on every machine.

use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// A stream of random numbers of its own, so that one part of a simulation drawing more never shifts another's.
#[derive(Clone, Debug)]
pub struct Noise {
    source: Pcg64Mcg,
    /// Box and Muller's method makes normal numbers in pairs; this is the second of the last pair.
    spare: Option<f64>,
}

impl Noise {
    /// The stream `stream` of this seed.
    pub fn new(seed: u64, stream: u64) -> Noise {
        // `seed_from_u64` mixes its argument, so neighbouring streams have nothing in common.
        let mixed = seed ^ stream.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Noise { source: Pcg64Mcg::seed_from_u64(mixed), spare: None }
    }
    /// Evenly distributed in `0..1`, in steps of 2^-53.
    pub fn uniform(&mut self) -> f64 {
        (self.source.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0
    }
    /// Normally distributed with mean 0 and standard deviation 1 (Box and Muller, 1958).
    pub fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        // 1 - u lies in (0, 1], where the logarithm is finite.
        let radius = (-2.0 * libm::log(1.0 - self.uniform())).sqrt();
        let (sin, cos) = libm::sincos(core::f64::consts::TAU * self.uniform());
        self.spare = Some(radius * sin);
        radius * cos
    }
    /// One random byte.
    pub fn byte(&mut self) -> u8 {
        (self.source.next_u32() >> 24) as u8
    }
    /// A random 64-bit number, to seed something else.
    pub fn seed(&mut self) -> u64 {
        self.source.next_u64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: normal numbers have the moments they claim. Method: 20,000 draws; the bounds are over five standard errors.
    #[test]
    fn normal_numbers_have_mean_zero_and_deviation_one() {
        let mut noise = Noise::new(1, 0);
        let draws: Vec<f64> = (0..20_000).map(|_| noise.normal()).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let variance = draws.iter().map(|d| (d - mean) * (d - mean)).sum::<f64>() / draws.len() as f64;
        assert!(mean.abs() < 0.04, "mean {mean}");
        assert!((variance - 1.0).abs() < 0.06, "variance {variance}");
    }

    #[test]
    fn streams_of_one_seed_differ_and_repeat() {
        let take = |seed, stream| {
            let mut noise = Noise::new(seed, stream);
            [noise.seed(), noise.seed()]
        };
        assert_eq!(take(7, 1), take(7, 1));
        assert_ne!(take(7, 1), take(7, 2));
        assert_ne!(take(7, 1), take(8, 1));
    }
}
