//! What no monitor can beat: reading the column, and the bare algorithm in plain numbers by hand.

use crate::workload::Trace;
use std::hint::black_box;

/// Sum over the column, in eight lanes so that the additions need not wait for each other: memory bandwidth.
pub fn sum(column: &[f64]) -> f64 {
    let mut lanes = [0.0; 8];
    for chunk in column.chunks_exact(8) {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += value;
        }
    }
    lanes.iter().sum()
}

/// The margin of `x <= 3` row by row, and its minimum.
pub fn limit(trace: &Trace) -> f64 {
    trace.x.iter().fold(f64::INFINITY, |low, &x| low.min(3.0 - x))
}

/// A sliding minimum over `[t - window, t]` with stamps, one value in and one out per call: the wedge of Lemire (2006),
/// as a ring of the size of the window. One number per row: no interval, no truth, no gaps.
pub struct Wedge {
    ring: Vec<(i64, f64)>,
    head: usize,
    tail: usize,
    mask: usize,
    window: i64,
}

impl Wedge {
    pub fn new(window: i64, rows: usize) -> Wedge {
        let size = (rows + 2).next_power_of_two();
        Wedge { ring: vec![(0, 0.0); size], head: 0, tail: 0, mask: size - 1, window }
    }

    #[inline]
    pub fn push(&mut self, at: i64, value: f64) -> f64 {
        while self.tail != self.head && self.ring[(self.tail - 1) & self.mask].1 >= value {
            self.tail -= 1;
        }
        self.ring[self.tail & self.mask] = (at, value);
        self.tail += 1;
        while self.ring[self.head & self.mask].0 < at - self.window {
            self.head += 1;
        }
        self.ring[self.head & self.mask].1
    }
}

/// Formula (b) with the bare wedge: at each row the minimum of the last 50 s is that of `always[0,50]` 50 s ago.
pub fn held(trace: &Trace, window: i64, rows: usize) -> f64 {
    let mut wedge = Wedge::new(window, rows);
    let mut low = f64::INFINITY;
    for (&at, &x) in trace.at.iter().zip(&trace.x) {
        low = low.min(black_box(wedge.push(at, 3.0 - x)));
    }
    low
}
