//! Checkrein's engine: samples in by `push`, the last word by `finish`, margins as intervals with truth beside them.

use crate::floors;
use crate::measure::{self, Online};
use crate::workload::{self, Case, Reads, Rig, Shape, Trace};
use checkrein::signal::{SignalId, Value};
use checkrein::stl::{Change, Engine, Judgement};
use checkrein::time::Time;
use quanta::Clock;

const X: SignalId = SignalId(0);
const Y: SignalId = SignalId(1);

#[inline]
fn push(engine: &mut Engine, reads: Reads, trace: &Trace, row: usize, out: &mut Vec<Change>) {
    let at = Time::from_nanos(trace.at[row]);
    let x = (X, Value::Number(trace.x[row]));
    match reads {
        Reads::X => engine.push(at, &[x], out),
        Reads::Both => engine.push(at, &[x, (Y, Value::Number(trace.y[row]))], out),
    }
    out.clear();
}

/// Seconds for the whole trace, from the first push to the verdict.
pub fn offline(case: &Case, trace: &Trace) -> f64 {
    let mut engine = workload::engine(case);
    let mut out = Vec::with_capacity(64);
    let mut judged: Vec<Judgement> = Vec::new();
    let took = measure::seconds(|| {
        for row in 0..trace.rows() {
            push(&mut engine, case.reads, trace, row, &mut out);
        }
        judged = engine.finish(Time::from_nanos(trace.end()));
    });
    if matches!(case.shape, Shape::Limit | Shape::Held) {
        // Every row stands in some window: the least margin is that of the rows.
        assert_eq!(judged[0].margin.hi, floors::limit(trace), "{}: what is measured is the right work", case.name);
    }
    took
}

/// How single pushes go, and the engine's memory by its own count.
pub fn online(clock: &Clock, case: &Case, trace: &Trace) -> (Online, usize) {
    let mut engine = workload::engine(case);
    let mut out = Vec::with_capacity(64);
    let warm = (2 * case.window + 1_000).min(trace.rows() / 2);
    let online = measure::online(clock, warm, trace.rows(), |row| push(&mut engine, case.reads, trace, row, &mut out));
    (online, engine.bytes())
}

/// What a rig's rules cost.
pub struct RigCost {
    pub samples_per_second: f64,
    pub parts: usize,
    pub bytes: usize,
    /// Per message of several samples.
    pub online: Online,
}

/// Messages of a rig, as many as given.
pub fn rig(clock: &Clock, rig: &Rig, messages: usize, passes: usize) -> RigCost {
    let samples: usize = (0..messages).map(|n| rig.message(n).1.len()).sum();
    let feed = |engine: &mut Engine, n: usize, out: &mut Vec<Change>| {
        let (at, batch) = rig.message(n);
        engine.push(at, batch, out);
        out.clear();
    };
    let samples_per_second = measure::rate(passes, samples, || {
        let mut engine = rig.engine();
        let mut out = Vec::with_capacity(4_096);
        measure::seconds(|| {
            (0..messages).for_each(|n| feed(&mut engine, n, &mut out));
            engine.finish(rig.message(messages - 1).0)
        })
    });
    let mut engine = rig.engine();
    let mut out = Vec::with_capacity(4_096);
    let online = measure::online(clock, 4_000.min(messages / 2), messages, |n| feed(&mut engine, n, &mut out));
    RigCost { samples_per_second, parts: engine.nodes(), bytes: engine.bytes(), online }
}
