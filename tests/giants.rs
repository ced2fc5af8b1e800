//! Formulas that no person wrote: refused, or judged, in bounded time and memory.

use checkrein::command::RuleId;
use checkrein::expr::{self, Checked, Scope};
use checkrein::signal::{Every, SignalDef, SignalId, SignalKind, SignalTable, Value};
use checkrein::stl::{Engine, RULE_BYTES_MAX, RuleSpec, SignalSpec, too_much};
use checkrein::time::{Span, Time};
use checkrein::units::{Problem, Unit};
use std::collections::BTreeMap;

struct Bench {
    signals: SignalTable,
    defines: BTreeMap<String, String>,
}

impl Bench {
    fn new() -> Bench {
        let mut signals = SignalTable::new();
        let unit = Unit::parse("m").expect("a unit of the table");
        for (name, kind) in [("x", SignalKind::Number { unit, range: Some((-20.0, 20.0)) }), ("on", SignalKind::Flag)] {
            let every = Every::Period(Span::from_millis(20));
            let def = SignalDef { name: name.into(), device: None, kind, every, stale_after: None };
            signals.add(def).expect("names differ");
        }
        Bench { signals, defines: BTreeMap::new() }
    }

    fn check(&self, text: &str) -> Result<Checked, Vec<Problem>> {
        let (signals, defines) = (&self.signals, &self.defines);
        expr::formula(text, &Scope { signals, defines, parameters: None, run_names: false, future: true })
    }

    #[track_caller]
    fn refused(&self, text: &str, words: &str) {
        let problems = self.check(text).expect_err("no person wrote this");
        assert!(problems.iter().any(|p| p.message.contains(words)), "{problems:?}");
        assert!(problems.len() <= 20, "{} problems", problems.len());
        for problem in problems {
            assert!(text.get(problem.span.clone()).is_some(), "{problem:?} points out of the text");
            assert!(problem.message.len() < 1000, "{} bytes of message", problem.message.len());
        }
    }

    #[track_caller]
    fn right(&self, text: &str) -> Checked {
        self.check(text).unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    /// It is judged, within the memory that a rule may have.
    #[track_caller]
    fn judged(&self, text: &str) {
        let checked = self.right(text);
        assert_eq!(too_much(&checked.formula, &self.signals), None);
        let specs: Vec<SignalSpec> = self.signals.iter().map(|(_, def)| SignalSpec::of(def)).collect();
        let rule = RuleSpec { id: RuleId(0), body: checked.formula, when: None };
        let mut engine = Engine::new(&[rule], &specs);
        assert!(engine.bytes() <= RULE_BYTES_MAX + (16 << 20), "{} bytes", engine.bytes());
        let mut out = Vec::new();
        engine.start(Time::ZERO, &[], &mut out);
        for i in 0..10 {
            let batch = [(SignalId(0), Value::Number(f64::from(i))), (SignalId(1), Value::Flag(i % 3 == 0))];
            engine.push(Time::from_nanos(i64::from(i) * 20_000_000), &batch, &mut out);
        }
        assert_eq!(engine.finish(Time::from_nanos(300_000_000)).len(), 1);
    }
}

fn joined(count: usize, part: impl Fn(usize) -> String, by: &str) -> String {
    (0..count).map(part).collect::<Vec<_>>().join(by)
}

/// `inner` wrapped so often.
fn wrapped(count: usize, inner: &str, wrap: impl Fn(usize, &str) -> String) -> String {
    (0..count).fold(inner.to_owned(), |inside, i| wrap(i, &inside))
}

#[test]
fn a_million_characters_are_refused_unread() {
    let bench = Bench::new();
    let long = format!("x > {}1 m", "1 m + ".repeat(170_000));
    assert!(long.len() > 1_000_000);
    bench.refused(&long, "bytes long");
    bench.refused(&"(".repeat(1_000_000), "bytes long");
    bench.refused(&"é".repeat(1_000_000), "bytes long");
    bench.refused(&" ".repeat(1_000_000), "bytes long");
}

#[test]
fn ten_thousand_levels_of_anything_are_refused() {
    let bench = Bench::new();
    let deep = "deeper than 100 levels";
    bench.refused(&format!("{}on{}", "(".repeat(10_000), ")".repeat(10_000)), deep);
    bench.refused(&format!("{}on", "not ".repeat(10_000)), deep);
    bench.refused(&format!("{}x > 1 m", "-".repeat(10_000)), deep);
    bench.refused(&format!("{}on", "on implies ".repeat(5_900)), deep);
    bench.refused(&format!("{}on", "always[0, 1 s] ".repeat(4_000)), deep);
    bench.refused(&format!("{}on", "on until[0, 1 s] (".repeat(3_000)), deep);
    bench.refused(&format!("{}x{} > 1 m", "abs(".repeat(10_000), ")".repeat(10_000)), deep);
    bench.refused(&format!("{}on", "rise(".repeat(10_000)), deep);
    bench.refused(&format!("fraction[1 s]({}", "fraction[1 s](".repeat(4_000)), deep);
    bench.refused(&format!("x > {}1 m", "1 m + ".repeat(10_000)), deep);
    bench.refused(&format!("x > table({}", "table(x: 1 m -> ".repeat(3_000)), deep);
    bench.refused(&format!("outside([({}", "outside([(".repeat(4_000)), deep);
    bench.refused(&"once[".repeat(10_000), deep);
    bench.refused(&"on in {".repeat(9_000), "");
}

/// As with entities in XML: each definition twice the one before.
#[test]
fn definitions_that_laugh_are_refused() {
    let mut bench = Bench::new();
    bench.defines.insert("n0".into(), "x".into());
    bench.defines.insert("f0".into(), "on".into());
    for i in 1..100 {
        bench.defines.insert(format!("n{i}"), format!("n{0} + n{0}", i - 1));
        bench.defines.insert(format!("f{i}"), format!("f{0} or not f{0}", i - 1));
        bench.defines.insert(
            format!("b{i}"),
            format!("{} backto[0, 1 s] on", if i == 1 { "on".into() } else { format!("b{}", i - 1) }),
        );
    }
    bench.refused("n39 > 1 m", "grows too large");
    bench.refused("f39", "grows too large");
    bench.judged("n5 > 1 m and f5");
    // The weak `since` repeats its left side, without a definition used twice.
    bench.refused("b39", "grows too large");
    bench.judged("b9");
    bench.refused(&wrapped(40, "on", |i, inner| format!("({inner}) backto[0, {i} s] x > 1 m")), "grows too large");
    for i in 1..300 {
        bench.defines.insert(format!("d{i}"), if i == 1 { "x".into() } else { format!("-d{}", i - 1) });
    }
    bench.refused("d299 > 1 m", "grows too deep");
    bench.judged("d90 > 1 m");
}

/// A definition that says little at length is read once, however often it is used.
#[test]
fn a_page_of_blanks_is_read_once() {
    let mut bench = Bench::new();
    bench.defines.insert("d".into(), format!("x{}", " ".repeat(65_000)));
    bench.defines.insert("d1".into(), format!("max({})", vec!["d"; 100].join(", ")));
    bench.defines.insert("d2".into(), format!("max({})", vec!["d1"; 90].join(", ")));
    bench.judged("d2 > 1 m");
}

#[test]
fn numbers_beyond_counting_are_refused() {
    let bench = Bench::new();
    bench.refused("x < 1e999 m", "too large to count with");
    bench.refused(&format!("x < {} m", "9".repeat(60_000)), "too large to count with");
    bench.refused("x < 1e308 m * 1e308", "too large to count with");
    bench.refused("once[0, 1e300 s] on", "too long to count");
    bench.refused("once[0, 300 d * 1000] on", "too long to count");
    bench.refused("mean[1e30 s](x) > 1 m", "too long to count");
    bench.refused("x > 1 m^99", "power");
    // So long, and longer together, but countable.
    bench.judged("once[0, 100000 d] once[0, 100000 d] eventually[0, 100000 d] always[0, 100000 d] on");
    bench.judged("historically[100000 d, 106000 d] on");
    assert_eq!(bench.right("eventually[0, 100000 d] always[0, 100000 d] on").horizon, Some(Span::from_nanos(i64::MAX)));
}

#[test]
fn what_is_large_but_right_is_judged() {
    let bench = Bench::new();
    bench.judged(&joined(4_300, |i| format!("x > {i} m"), " and "));
    let left = joined(1_500, |i| format!("x > {i} m"), " or ");
    bench.judged(&format!("({left}) implies ({})", joined(1_500, |i| format!("x < {i} m"), " and ")));
    bench.judged(&wrapped(30, "on", |i, inner| format!("(x > {i} m) iff ({inner})")));
    bench.judged(&wrapped(30, "on", |i, inner| format!("on backto[0, {i} s] ({inner})")));
    bench.judged(&wrapped(30, "on", |i, inner| format!("eventually[0, {i} h] always[0, 2 h] ({inner})")));
    bench.judged(&joined(95, |i| format!("x > {i} m"), " implies "));
    bench.judged(&format!("max({}) > 1 m", joined(9_000, |_| "x".into(), ", ")));
}

#[test]
fn memory_beyond_what_a_rule_may_have_is_refused_before_it_is_taken() {
    let bench = Bench::new();
    let windows = joined(1_500, |i| format!("once[0, {} h] x > 1 m", i + 1), " and ");
    let checked = bench.right(&windows);
    let (message, _) = too_much(&checked.formula, &bench.signals).expect("it is far too much");
    assert!(message.contains("MiB of memory; a rule may have 256 MiB"), "{message}");
    let read = checkrein::stl::rule(
        &windows,
        RuleId(0),
        &Scope { signals: &bench.signals, defines: &bench.defines, parameters: None, run_names: false, future: true },
    );
    let problems = read.expect_err("it is far too much");
    assert!(problems[0].message.contains("MiB of memory"), "{problems:?}");
}
