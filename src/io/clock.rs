//! The one clock: CLOCK_MONOTONIC, counted from the start of the run, with its place on the wall.

use crate::time::Time;
use rustix::time::{ClockId, clock_gettime};

/// Turns the machine's monotonic clock into [`Time`]. Copies agree with each other, in every thread of the process.
#[derive(Copy, Clone, Debug)]
pub struct Clock {
    start_nanos: i64,
    wall_clock_unix_nanos: i64,
}

fn nanos(clock: ClockId) -> i64 {
    let now = clock_gettime(clock);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

impl Clock {
    /// A clock whose `Time::ZERO` is now.
    pub fn start() -> Clock {
        // The wall clock is read between two readings of the monotonic one: it belongs to their middle.
        let before = nanos(ClockId::Monotonic);
        let wall = nanos(ClockId::Realtime);
        let after = nanos(ClockId::Monotonic);
        let start = before + (after - before) / 2;
        Clock { start_nanos: start, wall_clock_unix_nanos: wall }
    }
    /// The present instant.
    pub fn now(&self) -> Time {
        Time::from_nanos(nanos(ClockId::Monotonic) - self.start_nanos)
    }
    /// UTC nanoseconds since 1970 at `Time::ZERO`, as the machine's wall clock had it then.
    pub fn wall_clock_unix_nanos(&self) -> i64 {
        self.wall_clock_unix_nanos
    }
    /// The instant as CLOCK_MONOTONIC counts it, in nanoseconds, for a timer of the kernel.
    pub fn monotonic_nanos(&self, at: Time) -> i64 {
        self.start_nanos.saturating_add(at.nanos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_forward_from_zero_and_copies_agree() {
        let clock = Clock::start();
        let copy = clock;
        let first = clock.now();
        let second = copy.now();
        assert!(first >= Time::ZERO);
        assert!(second >= first);
        assert_eq!(clock.monotonic_nanos(Time::from_nanos(5)) - clock.monotonic_nanos(Time::ZERO), 5);
    }

    #[test]
    fn the_wall_anchor_is_this_century() {
        // 2020-01-01 and 2200-01-01 as UTC nanoseconds since 1970.
        let wall = Clock::start().wall_clock_unix_nanos();
        assert!(wall > 1_577_836_800_000_000_000 && wall < 7_258_118_400_000_000_000);
    }
}
