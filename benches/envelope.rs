//! The envelope engine by itself, with the floors beside it: `cargo bench --bench envelope [-- FILTER]`.
//!
//! Each bench feeds a whole trace of 100,000 rows, robustness with intervals, from the first push to the verdict. The same
//! work beside other monitors, with single pushes timed, is `benches/peers/run`.

#[path = "support/floors.rs"]
mod floors;
#[path = "support/workload.rs"]
mod workload;

use checkrein::signal::{SignalId, Value};
use checkrein::stl::Engine;
use checkrein::time::Time;
use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher, black_box};
use std::sync::LazyLock;
use workload::{Case, Reads, Rig, Stamps, Trace};

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

const ROWS: usize = 100_000;

static UNIFORM: LazyLock<Trace> = LazyLock::new(|| Trace::noise(Stamps::Uniform, ROWS));
static IRREGULAR: LazyLock<Trace> = LazyLock::new(|| Trace::noise(Stamps::Irregular, ROWS));
static RAMP: LazyLock<Trace> = LazyLock::new(|| Trace::ramp(ROWS));

fn main() {
    divan::main();
}

fn rows() -> ItemsCount {
    ItemsCount::new(ROWS)
}

/// The case by its name, or the part of it before the first blank.
fn case(name: &str) -> Case {
    let mut cases = workload::four().into_iter().chain(workload::windows());
    cases.find(|case| case.name.split(' ').next() == Some(name)).unwrap_or_else(|| panic!("no case {name}"))
}

fn judge(bencher: Bencher, name: &str, trace: &'static Trace) {
    let case = case(name);
    bencher.counter(rows()).with_inputs(|| (workload::engine(&case), Vec::with_capacity(64))).bench_values(
        |(mut engine, mut out): (Engine, Vec<_>)| {
            for row in 0..trace.rows() {
                let at = Time::from_nanos(trace.at[row]);
                let x = (SignalId(0), Value::Number(trace.x[row]));
                match case.reads {
                    Reads::X => engine.push(at, &[x], &mut out),
                    Reads::Both => engine.push(at, &[x, (SignalId(1), Value::Number(trace.y[row]))], &mut out),
                }
                out.clear();
            }
            engine.finish(Time::from_nanos(trace.end()))
        },
    );
}

const FOUR: [&str; 4] = ["(a)", "(b)", "(c)", "(d)"];

#[divan::bench(args = FOUR)]
fn each_second(bencher: Bencher, name: &str) {
    judge(bencher, name, &UNIFORM);
}

#[divan::bench(args = FOUR)]
fn irregular(bencher: Bencher, name: &str) {
    judge(bencher, name, &IRREGULAR);
}

#[divan::bench(args = [
    "once[0,10]", "once[0,10000]", "always[0,10]", "always[0,10000]", "since[0,10]", "since[0,10000]", "until[0,10]",
    "until[0,10000]",
])]
fn windows(bencher: Bencher, name: &str) {
    judge(bencher, name, &UNIFORM);
}

#[divan::bench(args = ["once[0,10000]", "always[0,10000]", "since[0,10000]", "until[0,10000]"])]
fn ramp(bencher: Bencher, name: &str) {
    judge(bencher, name, &RAMP);
}

/// Samples of a rig's signals, in messages of several.
#[divan::bench(args = ["50 rules", "1000 rules", "250 distinct"])]
fn rig(bencher: Bencher, name: &str) {
    let rig = match name {
        "50 rules" => Rig::fifty(),
        "1000 rules" => Rig::thousand(),
        _ => Rig::distinct(),
    };
    let messages = ROWS / 5;
    let samples: usize = (0..messages).map(|n| rig.message(n).1.len()).sum();
    bencher.counter(ItemsCount::new(samples)).with_inputs(|| (rig.engine(), Vec::with_capacity(4_096))).bench_values(
        |(mut engine, mut out): (Engine, Vec<_>)| {
            for n in 0..messages {
                let (at, batch) = rig.message(n);
                engine.push(at, batch, &mut out);
                out.clear();
            }
            engine.finish(rig.message(messages - 1).0)
        },
    );
}

/// Reading the column: no monitor is quicker.
#[divan::bench]
fn floor_sum(bencher: Bencher) {
    bencher.counter(rows()).bench(|| floors::sum(black_box(&UNIFORM.x)));
}

/// The four formulas by hand in plain numbers: monotone wedges, one value per row, no interval and no truth.
#[divan::bench(args = FOUR)]
fn floor_by_hand(bencher: Bencher, name: &str) {
    let shape = case(name).shape;
    let work = floors::of(shape).expect("the four have one");
    bencher.counter(rows()).bench(|| work(black_box(&UNIFORM), shape));
}
