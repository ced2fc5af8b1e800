//! Stop-watches: whole traces, single pushes, memory.

use quanta::Clock;
use rustix::time::{ClockId, clock_gettime};
use std::hint::black_box;

/// Pushes timed as one for the second estimate of the median.
const BATCH: usize = 16;

/// How single pushes went, in nanoseconds, the cost of looking at the clock included.
#[derive(Copy, Clone, Debug)]
pub struct Online {
    pub p50: f64,
    /// Median of 16 pushes timed together, over 16: the clock's own cost is spread over them.
    pub batch_p50: f64,
    pub p99: f64,
    pub max: f64,
    /// Allocations during as many pushes again, after warm-up.
    pub allocations: u64,
    /// How many pushes these are.
    pub pushes: usize,
}

impl Online {
    /// Allocations per 1,000 pushes.
    pub fn per_thousand(&self) -> f64 {
        self.allocations as f64 * 1e3 / self.pushes as f64
    }
}

/// The rate of the quickest of several passes, in rows a second: whatever else the machine did only slows it down.
pub fn rate(passes: usize, rows: usize, mut pass: impl FnMut() -> f64) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..passes {
        best = best.min(pass());
    }
    rows as f64 / best
}

/// How many seconds of the processor it took; what it gives is not optimised away. The time in which another process had
/// the core is not in it, so that a busy machine tells much the same as a quiet one.
pub fn seconds<T>(work: impl FnOnce() -> T) -> f64 {
    let begun = clock_gettime(ClockId::ThreadCPUTime);
    black_box(work());
    let ended = clock_gettime(ClockId::ThreadCPUTime);
    (ended.tv_sec - begun.tv_sec) as f64 + (ended.tv_nsec - begun.tv_nsec) as f64 * 1e-9
}

/// Times pushes of rows `warm..rows`: a third one by one, a third in batches, a third for its allocations. Rows before
/// `warm` fill the windows and are not timed.
pub fn online(clock: &Clock, warm: usize, rows: usize, mut push: impl FnMut(usize)) -> Online {
    (0..warm).for_each(&mut push);
    let third = (rows - warm) / 3 / BATCH * BATCH;
    let mut single: Vec<u64> = Vec::with_capacity(third);
    for row in warm..warm + third {
        let begun = clock.raw();
        push(row);
        single.push(clock.raw() - begun);
    }
    let mut batches: Vec<u64> = Vec::with_capacity(third / BATCH);
    for first in (warm + third..warm + 2 * third).step_by(BATCH) {
        let begun = clock.raw();
        (first..first + BATCH).for_each(&mut push);
        batches.push(clock.raw() - begun);
    }
    let info = allocation_counter::measure(|| (warm + 2 * third..warm + 3 * third).for_each(&mut push));
    let nanos = |ticks: u64| clock.delta_as_nanos(0, ticks) as f64;
    single.sort_unstable();
    batches.sort_unstable();
    Online {
        p50: nanos(percentile(&single, 0.5)),
        batch_p50: nanos(percentile(&batches, 0.5)) / BATCH as f64,
        p99: nanos(percentile(&single, 0.99)),
        max: nanos(percentile(&single, 1.0)),
        allocations: info.count_total,
        pushes: third,
    }
}

fn percentile(sorted: &[u64], share: f64) -> u64 {
    sorted[((sorted.len() - 1) as f64 * share) as usize]
}
