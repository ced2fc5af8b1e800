//! mstlo 0.2.2 (Rust): future only; a past operator is asked of the future instead, which is the same work mirrored.

use crate::peer::{Said, fed};
use crate::workload::{Case, Reads, Shape, Trace};
use mstlo::{DelayedQuantitative, Rosi, SemanticType, Step, StlMonitor, parse_stl};
use quanta::Clock;
use std::hint::black_box;
use std::time::Duration;

/// The formula in its words, and whether it had to be mirrored.
fn text(shape: Shape) -> (String, bool) {
    match shape {
        Shape::Limit => ("x <= 3".into(), false),
        Shape::Held => ("G[0, 50](x <= 3)".into(), false),
        Shape::Response => ("(x > 1) -> (F[0, 100](y < 0.5))".into(), false),
        Shape::Nested => ("G[0, 1000](F[0, 100](x > 0))".into(), true),
        Shape::Once(w) => (format!("F[0, {w}](x > 0)"), true),
        Shape::Always(w) => (format!("G[0, {w}](x <= 3)"), false),
        Shape::Since(w) => (format!("(x > -3) U[0, {w}] (y > 2)"), true),
        Shape::Until(w) => (format!("(x > -3) U[0, {w}] (y > 2)"), false),
    }
}

fn measure<S>(engine: &'static str, semantics: S, clock: &Clock, case: &Case, trace: &Trace) -> Said
where
    S: SemanticType + Copy,
    S::Output: mstlo::RobustnessSemantics + std::fmt::Debug + Copy + 'static,
{
    let (text, mirrored) = text(case.shape);
    let make = || {
        let formula = parse_stl(&text).expect("in its own words");
        StlMonitor::builder()
            .formula(formula)
            .semantics(semantics)
            .initialize_signals_to_zero()
            .build()
            .expect("it can be built")
    };
    let (offline, rows, online) = fed(clock, case, trace, || {
        let mut monitor = make();
        let reads = case.reads;
        move |trace: &Trace, row: usize| {
            let at = Duration::from_nanos(trace.at[row] as u64);
            black_box(monitor.update(&Step::new("x", trace.x[row], at)));
            if reads == Reads::Both {
                black_box(monitor.update(&Step::new("y", trace.y[row], at)));
            }
        }
    });
    // By its own count, once its windows are full.
    let bytes = online.map(|_| {
        let mut monitor = make();
        for row in 0..(2 * case.window + 100).min(rows) {
            let at = Duration::from_nanos(trace.at[row] as u64);
            monitor.update(&Step::new("x", trace.x[row], at));
            if case.reads == Reads::Both {
                monitor.update(&Step::new("y", trace.y[row], at));
            }
        }
        monitor.total_size()
    });
    let note = if mirrored { "future form" } else { "" };
    Said { engine, note, offline, rows, online, bytes }
}

/// Both of its semantics with numbers: values once they are decided, and intervals at once as Checkrein has them.
pub fn said(clock: &Clock, case: &Case, trace: &Trace) -> Vec<Said> {
    vec![
        measure("mstlo, delayed", DelayedQuantitative, clock, case, trace),
        measure("mstlo, intervals", Rosi, clock, case, trace),
    ]
}
