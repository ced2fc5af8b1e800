//! rtlola-interpreter 0.11 (Rust): stream equations. Margins are sliding minima and maxima, worked out once a second;
//! a window looks back, so that what asks of the future is mirrored; responses, since and until cannot be said.

use crate::peer::{Said, fed};
use crate::workload::{Case, Shape, Trace};
use quanta::Clock;
use rtlola_interpreter::monitor::Incremental;
use rtlola_interpreter::time::RelativeFloat;
use rtlola_interpreter::{ConfigBuilder, Monitor, Value};
use std::convert::Infallible;
use std::hint::black_box;
use std::time::Duration;

fn spec(shape: Shape) -> Option<(String, bool)> {
    let slide = |name: &str, of: &str, seconds: u32, using: &str| {
        format!("output {name} @1Hz := {of}.aggregate(over: {seconds}s, using: {using}).defaults(to: 0.0)\n")
    };
    let input = "input x: Float64\n";
    match shape {
        Shape::Limit => Some((format!("{input}output r := 3.0 - x\n"), false)),
        Shape::Held => Some((format!("{input}output r := 3.0 - x\n{}", slide("m", "r", 50, "min")), true)),
        Shape::Nested => {
            Some((format!("{input}{}{}", slide("o", "x", 100, "max"), slide("h", "o", 1000, "min")), false))
        }
        Shape::Once(w) => Some((format!("{input}{}", slide("o", "x", w, "max")), false)),
        Shape::Always(w) => Some((format!("{input}output r := 3.0 - x\n{}", slide("m", "r", w, "min")), true)),
        Shape::Response | Shape::Since(_) | Shape::Until(_) => None,
    }
}

pub fn said(clock: &Clock, case: &Case, trace: &Trace) -> Vec<Said> {
    let Some((spec, mirrored)) = spec(case.shape) else { return Vec::new() };
    let (offline, rows, online) = fed(clock, case, trace, || {
        let mut monitor: Monitor<_, _, Incremental, _> = ConfigBuilder::new()
            .spec_str(&spec)
            .offline::<RelativeFloat>()
            .with_array_events::<1, Infallible, [Value; 1]>()
            .with_verdict::<Incremental>()
            .monitor()
            .expect("in its own words");
        move |trace: &Trace, row: usize| {
            let value = Value::try_from(trace.x[row]).expect("no NaN in the trace");
            let at = Duration::from_nanos(trace.at[row] as u64);
            black_box(monitor.accept_event([value], at).expect("it takes what it was made for"));
        }
    });
    let note = if mirrored { "past form" } else { "" };
    vec![Said { engine: "rtlola-interpreter", note, offline, rows, online, bytes: None }]
}
