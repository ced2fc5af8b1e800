//! How often something came, as a rig file says it.

/// Shortest time that a value holds, in milliseconds: a busy computer's gap is no reason to call it stale.
const HOLDS_MIN_MS: u64 = 200;

/// What a rig file says of how often a signal comes.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Pace {
    pub every_ms: u64,
    pub stale_after_ms: u64,
}

impl Pace {
    /// Of the times at which it came, in milliseconds and in order; `None` where it came less than twice.
    pub fn of(times_ms: &[u64]) -> Option<Pace> {
        let gaps = times_ms.windows(2).map(|two| two[1].saturating_sub(two[0]));
        let count = gaps.clone().count() as u64;
        let total: u64 = gaps.clone().sum();
        let longest = gaps.max()?;
        // A mean that is a little over a round number is that number, measured.
        let every_ms = round_up((total * 19).div_ceil(count * 20));
        let stale_after_ms = (every_ms * 3).max(round_up(longest * 2)).max(HOLDS_MIN_MS);
        Some(Pace { every_ms, stale_after_ms })
    }
}

/// `every` and `stale_after` of a signal in a rig file.
pub fn keys(pace: Option<Pace>) -> String {
    match pace {
        Some(pace) => format!("every: {} ms, stale_after: {} ms", pace.every_ms, pace.stale_after_ms),
        None => "every: change".to_owned(),
    }
}

/// The next of 1, 2, 5, 10, 20, 50, …
fn round_up(least: u64) -> u64 {
    let mut step = 1;
    loop {
        for round in [step, 2 * step, 5 * step] {
            if round >= least {
                return round;
            }
        }
        step *= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_a_round_number_that_is_kept() {
        let pace = |times: &[u64]| Pace::of(times).map(|pace| (pace.every_ms, pace.stale_after_ms));
        assert_eq!(pace(&[0, 1_003, 2_001, 3_020]), Some((1_000, 5_000)));
        assert_eq!(pace(&[0, 20, 41, 60]), Some((20, 200)));
        assert_eq!(pace(&[0, 110, 220]), Some((200, 600)));
        assert_eq!(pace(&[0, 50, 900]), Some((500, 2_000)));
        assert_eq!((pace(&[]), pace(&[7])), (None, None));
        assert_eq!(keys(Pace::of(&[5])), "every: change");
        assert_eq!(keys(Pace::of(&[0, 100])), "every: 100 ms, stale_after: 300 ms");
    }
}
