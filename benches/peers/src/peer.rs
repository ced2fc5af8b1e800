//! What all compared engines share: how many rows each is given, and what is said of it.

use crate::measure::{self, Online};
use crate::workload::{Case, Trace};
use quanta::Clock;

/// Longest that one measurement may take, in seconds; a slower engine is given fewer rows, down to twice its window.
const BUDGET: f64 = 2.0;
/// An engine that would take longer than this for the fewest rows is not measured there.
const PATIENCE: f64 = 30.0;

/// What came out of one engine on one case.
pub struct Said {
    pub engine: &'static str,
    /// Why the figures are not of quite the same work, if they are not.
    pub note: &'static str,
    pub offline: Option<f64>,
    pub rows: usize,
    pub online: Option<Online>,
    pub bytes: Option<usize>,
}

/// The fewest rows that say something of the case: its windows filled twice over.
pub fn fewest(case: &Case) -> usize {
    2 * case.window + 2_000
}

/// Rows a second of an engine that is fed row by row: as many rows as fit the budget.
/// `make`: one that is ready, as the function that takes a row of the trace.
pub fn fed<F: FnMut(&Trace, usize)>(
    clock: &Clock,
    case: &Case,
    trace: &Trace,
    mut make: impl FnMut() -> F,
) -> (Option<f64>, usize, Option<Online>) {
    // A first taste tells how many rows the budget holds.
    let taste = fewest(case).min(trace.rows());
    let mut push = make();
    let begun = std::time::Instant::now();
    let mut tasted = 0;
    while tasted < taste && begun.elapsed().as_secs_f64() < PATIENCE {
        push(trace, tasted);
        tasted += 1;
    }
    let took = begun.elapsed().as_secs_f64();
    if tasted < taste || took > BUDGET {
        return (Some(tasted as f64 / took), tasted, None);
    }
    let rows = ((taste as f64 * BUDGET / took) as usize).clamp(taste, trace.rows());
    let rate = measure::rate(2, rows, || {
        let mut push = make();
        measure::seconds(|| (0..rows).for_each(|row| push(trace, row)))
    });
    let mut push = make();
    let warm = (taste / 2).min(rows / 4);
    (Some(rate), rows, Some(measure::online(clock, warm, rows, |row| push(trace, row))))
}

/// Rows a second of an engine that takes a whole trace: doubled until the budget is spent. `work` gives the seconds.
pub fn whole(case: &Case, trace: &Trace, mut work: impl FnMut(usize) -> f64) -> (Option<f64>, usize) {
    let mut rows = fewest(case).min(trace.rows());
    loop {
        let took = work(rows);
        let larger = (2 * rows).min(trace.rows());
        if took > BUDGET / 2.0 || larger == rows {
            return (Some(rows as f64 / took), rows);
        }
        rows = larger;
    }
}
