//! What no monitor can beat: reading the column, and the bare algorithm in plain numbers by hand.

use crate::workload::{Shape, Trace};
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
    /// With room for all rows of a window, of which there are at most `rows`.
    pub fn new(window: i64, rows: usize) -> Wedge {
        let seconds = usize::try_from(window / 1_000_000_000).unwrap_or(rows);
        // Irregular rows lie a second apart in the mean: twice as many never meet in windows of these lengths, and the
        // ring stays in the cache as the engine's memory does.
        let size = (2 * seconds + 64).min(rows + 2).next_power_of_two();
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

/// `always[0, window](x <= 3)`, or `once` of the same shape: at each row the minimum over the window before it, which is
/// that of the window ahead of its first row.
pub fn slide(trace: &Trace, window: i64) -> f64 {
    let mut wedge = Wedge::new(window, trace.rows());
    let mut low = f64::INFINITY;
    for (&at, &x) in trace.at.iter().zip(&trace.x) {
        low = low.min(black_box(wedge.push(at, 3.0 - x)));
    }
    low
}

/// `always((x > 1) -> eventually[0, window](y < 0.5))`: the request waits until its window has gone by.
pub fn response(trace: &Trace, window: i64) -> f64 {
    let mut wedge = Wedge::new(window, trace.rows());
    let (mut low, mut asked, mut best) = (f64::INFINITY, 0, f64::NEG_INFINITY);
    for (&at, &y) in trace.at.iter().zip(&trace.y) {
        while trace.at[asked] + window < at {
            low = low.min((1.0 - trace.x[asked]).max(best));
            asked += 1;
        }
        // The greatest of 0.5 - y is the least of y - 0.5.
        best = black_box(-wedge.push(at, y - 0.5));
    }
    low
}

/// `historically[0, outer](once[0, inner](x > 0))`.
pub fn nested(trace: &Trace, outer: i64, inner: i64) -> f64 {
    let (mut once, mut always) = (Wedge::new(inner, trace.rows()), Wedge::new(outer, trace.rows()));
    let mut low = f64::INFINITY;
    for (&at, &x) in trace.at.iter().zip(&trace.x) {
        let best = -once.push(at, -x);
        low = low.min(black_box(always.push(at, best)));
    }
    low
}

/// The floor of a formula, where it has one.
pub fn of(shape: Shape) -> Option<fn(&Trace, Shape) -> f64> {
    match shape {
        Shape::Since(_) | Shape::Until(_) => None,
        _ => Some(work),
    }
}

fn work(trace: &Trace, shape: Shape) -> f64 {
    const SECOND: i64 = 1_000_000_000;
    match shape {
        Shape::Limit => limit(trace),
        Shape::Held => slide(trace, 50 * SECOND),
        Shape::Response => response(trace, 100 * SECOND),
        Shape::Nested => nested(trace, 1000 * SECOND, 100 * SECOND),
        Shape::Once(w) | Shape::Always(w) => slide(trace, i64::from(w) * SECOND),
        Shape::Since(_) | Shape::Until(_) => f64::NAN,
    }
}
