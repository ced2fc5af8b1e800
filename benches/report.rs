//! The papers of a long run: an hour of 100 signals, 20 times a second, and 20 rules.
//!
//! `cargo bench --bench report [-- MINUTES]`. The recording is written by the recorder itself; then each part is timed as a
//! reader meets it: opening the recording, judging it by another envelope, rebuilding its columns, the page, the figures.
//! The floor beside it is reading the recording's bytes.

mod support;

use checkrein::command::RuleId;
use checkrein::html;
use checkrein::judge::{OtherRules, again};
use checkrein::log::{Recorder, open};
use checkrein::plot;
use checkrein::run::event::{Event, EventKind, Outcome, RunVerdict};
use checkrein::signal::{Sample, SignalId, Value};
use checkrein::stl::{Judgement, Margin, RuleVerdict};
use checkrein::time::Time;
use checkrein::trace::{Subject, Trace};
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

const SIGNALS: u32 = 100;
const RULES: u16 = 20;
/// Rules of the envelope by which the run is judged again.
const OTHER_RULES: u32 = 50;
const PERIOD_MILLIS: i64 = 50;

fn main() {
    let minutes = support::count(60) as i64;
    println!("{}", support::machine());
    let (mut rig, mut envelope) = (String::from(RIG), String::from("envelope: A plant\nrules:\n"));
    for n in 0..SIGNALS {
        writeln!(
            rig,
            "      s{n}: {{ field: \"plant/state#/s{n}\", scale: 1 m, range: -100 m .. 100 m, every: 50 ms }}"
        )
        .expect("memory");
    }
    for n in 0..RULES {
        writeln!(
            envelope,
            "  r{n}:\n    always: plant.s{n} <= 50 m\n    because: For a bench.\n    on_violation: fail"
        )
        .expect("memory");
    }
    let scenario =
        "scenario: An hour\nrig: bench\nabout: For a bench.\nexercises: [r0]\nsteps:\n  - hold: 1 h\n".to_owned();
    let plan = support::plan(rig, envelope, scenario);
    let signals: Vec<SignalId> =
        (0..SIGNALS).map(|n| plan.rig.signals.find(&format!("plant.s{n}")).expect("named")).collect();
    let mut recorder =
        Recorder::start(std::io::Cursor::new(Vec::new()), &support::head(&plan, 0), &plan).expect("memory");
    let event = |recorder: &mut Recorder<_>, at, kind| recorder.event(&Event { at, kind }).expect("memory");
    event(&mut recorder, Time::ZERO, EventKind::Armed);
    let (mut samples, mut count) = (Vec::new(), 0u64);
    for tick in 0..minutes * 60_000 / PERIOD_MILLIS {
        let at = Time::from_nanos((tick + 1) * PERIOD_MILLIS * 1_000_000);
        samples.clear();
        samples.extend(signals.iter().enumerate().map(|(n, signal)| {
            let phase = (tick % 4_000) as f64 / 4_000.0;
            Sample { at, signal: *signal, value: Value::Number(phase * 40.0 + n as f64 / 10.0) }
        }));
        count += samples.len() as u64;
        recorder.samples(&samples).expect("memory");
        if tick % 20 == 0 {
            for rule in 0..RULES {
                let margin = Margin { lo: 10.0, hi: 10.0 };
                event(&mut recorder, at, EventKind::RuleMargin { rule: RuleId(rule), instant: at, margin });
            }
            recorder.flush().expect("memory");
        }
    }
    let end = Time::from_nanos(minutes * 60_000_000_000);
    for rule in 0..RULES {
        let judgement = Judgement {
            rule: RuleId(rule),
            verdict: RuleVerdict::Pass,
            margin: Margin { lo: 10.0, hi: 10.0 },
            worst_at: Some(end),
            violated_at: None,
        };
        event(&mut recorder, end, EventKind::RuleJudged { judgement });
    }
    event(
        &mut recorder,
        end,
        EventKind::Finished { outcome: Outcome { verdict: RunVerdict::Pass, reasons: Vec::new() } },
    );
    let bytes = recorder.finish().expect("memory").into_inner();
    println!("{count} samples of {SIGNALS} signals, {} MB recorded", bytes.len() / 1_000_000);

    let timed = |what: &str, from: Instant| println!("{what:28} {:8.3} s", from.elapsed().as_secs_f64());
    let begun = Instant::now();
    black_box(bytes.iter().fold(0u64, |sum, byte| sum.wrapping_add(u64::from(*byte))));
    timed("floor: every byte read", begun);
    let whole = Instant::now();
    let recording = open(&bytes).expect("just written");
    let opened = whole.elapsed();
    timed("the recording opened", whole);
    let other: String = (0..OTHER_RULES).fold("envelope: Another\nrules:\n".to_owned(), |text, n| {
        text + &format!("  o{n}:\n    always: plant.s{n} <= 45 m\n    because: For a bench.\n    on_violation: fail\n")
    });
    let files = support::Texts([("other.yaml".to_owned(), other)].into_iter().collect());
    let begun = Instant::now();
    let others = OtherRules::read("other.yaml", &files, &recording).expect("it fits the rig");
    black_box(again(&recording, &plan, &others)).expect("it was armed");
    timed("judged again, 50 rules", begun);
    timed("opened and judged again", whole);
    let begun = Instant::now();
    let trace = Trace::new(&plan, &recording);
    let columns = begun.elapsed();
    timed("its columns rebuilt", begun);
    let subject = Subject {
        plan: &plan,
        trace: &trace,
        run: "bench",
        recording_sha256: "",
        tool: "bench",
        wall_clock_unix_nanos: 0,
    };
    let begun = Instant::now();
    let page = html::report(&subject, &[]);
    timed("the page", begun);
    println!("{:28} {:8.3} s", "report, all together", (opened + columns + begun.elapsed()).as_secs_f64());
    println!("{:28} {:8.3} MB", "size of the page", page.len() as f64 / 1e6);
    for figure in plot::ALL {
        let begun = Instant::now();
        if let Some(scene) = (figure.draw)(&subject) {
            black_box((plot::svg(&scene), plot::png(&scene)));
            timed(&format!("figure {}, SVG and PNG", figure.name), begun);
        }
    }
    if let Some(out) = std::env::var_os("CHECKREIN_BENCH_PAGE") {
        std::fs::write(out, page).expect("it can be written");
    }
}

const RIG: &str = "rig: bench\nabout: A plant.\nenvelope: envelope.yaml\nlinks:\n  local: { mqtt: embedded }\ndevices:\n  plant:\n    link: local\n    protocol: json\n    signals:\n";
