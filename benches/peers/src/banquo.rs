//! banquo 0.2.0 (Rust): whole traces of samples that are not held in between; the future only, no bounded until.

use crate::measure::seconds;
use crate::peer::{Said, whole};
use crate::workload::{Case, Shape, Trace};
use banquo::operators::{Always, Eventually, Implies};
use banquo::predicate::VariableSet;
use banquo::{Formula, predicate};

#[derive(Copy, Clone)]
struct Row {
    x: f64,
    y: f64,
}

impl VariableSet for Row {
    fn value_for(&self, name: &str) -> Option<f64> {
        match name {
            "x" => Some(self.x),
            "y" => Some(self.y),
            _ => None,
        }
    }
}

/// Seconds for the trace, once it is in its own form.
fn time<F: Formula<Row, Metric = f64>>(formula: &F, trace: &banquo::Trace<Row>) -> f64 {
    seconds(|| formula.evaluate(trace).map(|margins| margins.len()).unwrap_or(0))
}

pub fn said(case: &Case, trace: &Trace) -> Vec<Said> {
    let above_zero = || predicate! { -1.0 * x <= 0.0 };
    let limit = || predicate! { x <= 3.0 };
    let wide = |w: u32| 0.0..=f64::from(w);
    let mirrored = match case.shape {
        Shape::Since(_) | Shape::Until(_) => return Vec::new(),
        Shape::Once(_) | Shape::Nested => true,
        _ => false,
    };
    let (offline, rows) = whole(case, trace, |rows| {
        let row = |i: usize| (trace.at[i] as f64 * 1e-9, Row { x: trace.x[i], y: trace.y[i] });
        let trace = banquo::Trace::from_iter((0..rows).map(row));
        match case.shape {
            Shape::Limit => time(&limit(), &trace),
            Shape::Held => time(&Always::bounded(wide(50), limit()), &trace),
            Shape::Response => {
                let asked = predicate! { -1.0 * x <= -1.0 };
                let answer = Eventually::bounded(wide(100), predicate! { y <= 0.5 });
                time(&Always::unbounded(Implies::new(asked, answer)), &trace)
            }
            Shape::Nested => time(&Always::bounded(wide(1000), Eventually::bounded(wide(100), above_zero())), &trace),
            Shape::Always(w) => time(&Always::bounded(wide(w), limit()), &trace),
            Shape::Once(w) => time(&Eventually::bounded(wide(w), above_zero()), &trace),
            Shape::Since(_) | Shape::Until(_) => unreachable!("answered above"),
        }
    });
    let note = if mirrored { "future form" } else { "" };
    vec![Said { engine: "banquo", note, offline, rows, online: None, bytes: None }]
}
