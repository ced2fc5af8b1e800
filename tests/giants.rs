//! Formulas that no person wrote: refused, or judged, in bounded time and memory.

use checkrein::command::RuleId;
use checkrein::expr::{self, Checked, Scope};
use checkrein::signal::{Every, SignalDef, SignalId, SignalKind, SignalTable, Value};
use checkrein::stl::{Engine, RuleSpec, SignalSpec};
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
        let mut add = |name: &str, kind| {
            let def = SignalDef {
                name: name.into(),
                device: None,
                kind,
                every: Every::Period(Span::from_millis(20)),
                stale_after: None,
            };
            signals.add(def).expect("names differ");
        };
        add("x", SignalKind::Number { unit, range: Some((-20.0, 20.0)) });
        add("on", SignalKind::Flag);
        Bench { signals, defines: BTreeMap::new() }
    }

    fn check(&self, text: &str) -> Result<Checked, Vec<Problem>> {
        let scope =
            Scope { signals: &self.signals, defines: &self.defines, parameters: None, run_names: false, future: true };
        expr::formula(text, &scope)
    }

    fn refused(&self, what: &str, text: &str, words: &str) {
        let problems = self.check(text).expect_err(what);
        assert!(problems.iter().any(|p| p.message.contains(words)), "{what}: {problems:?}");
        assert!(problems.len() <= 20, "{what}: {} problems", problems.len());
    }

    fn judged(&self, what: &str, text: &str) {
        let checked = self.check(text).unwrap_or_else(|problems| panic!("{what}: {problems:?}"));
        let began = std::time::Instant::now();
        let specs: Vec<SignalSpec> = self.signals.iter().map(|(_, def)| SignalSpec::of(def)).collect();
        let rule = RuleSpec { id: RuleId(0), body: checked.formula, when: None };
        let mut engine = Engine::new(&[rule], &specs);
        let (bytes, nodes, built) = (engine.bytes(), engine.nodes(), began.elapsed());
        let mut out = Vec::new();
        engine.start(Time::ZERO, &[], &mut out);
        for i in 0..10 {
            let batch = [(SignalId(0), Value::Number(f64::from(i))), (SignalId(1), Value::Flag(i % 3 == 0))];
            engine.push(Time::from_nanos(i64::from(i) * 20_000_000), &batch, &mut out);
        }
        engine.finish(Time::from_nanos(300_000_000));
        println!("{what}: {nodes} nodes, {bytes} bytes, built {built:?}, all {:?}", began.elapsed());
    }
}

#[test]
fn explore() {
    let mut bench = Bench::new();
    let t = std::time::Instant::now();
    bench.refused("a million", &format!("x > {}1 m", "1 m + ".repeat(170_000)), "bytes long");
    println!("{:?}", t.elapsed());
    let spaces = " ".repeat(65_000);
    bench.defines.insert("d".into(), format!("x{spaces}"));
    bench.defines.insert("d1".into(), format!("max({})", vec!["d"; 100].join(", ")));
    bench.defines.insert("d2".into(), format!("max({})", vec!["d1"; 90].join(", ")));
    bench.judged("blanks", "d2 > 1 m");
    println!("{:?}", t.elapsed());
    let wide = |n: usize, f: &dyn Fn(usize) -> String, by: &str| (0..n).map(f).collect::<Vec<_>>().join(by);
    bench.judged("backto left", &{
        let mut s = "on".to_owned();
        for i in 0..9 {
            s = format!("({s}) backto[0, {i} s] x > {i} m");
        }
        s
    });
    bench.judged("backto right", &{
        let mut s = "on".to_owned();
        for i in 0..45 {
            s = format!("on backto[0, {i} s] ({s})");
        }
        s
    });
    println!("{:?}", t.elapsed());
    bench.judged("wide windows", &wide(1500, &|i| format!("once[0, {} h] x > 1 m", i + 1), " and "));
    println!("{:?}", t.elapsed());
    bench.judged(
        "huge left",
        &format!(
            "({}) implies ({})",
            wide(1500, &|i| format!("x > {i} m"), " or "),
            wide(1500, &|i| format!("x < {i} m"), " and ")
        ),
    );
    println!("{:?}", t.elapsed());
    bench.judged("iff chain", &{
        let mut s = "on".to_owned();
        for i in 0..45 {
            s = format!("(x > {i} m) iff ({s})");
        }
        s
    });
    println!("{:?}", t.elapsed());
    bench.judged("implies chain", &wide(95, &|i| format!("x > {i} m"), " implies "));
    bench.judged("nested windows", &{
        let mut s = "on".to_owned();
        for i in 0..45 {
            s = format!("eventually[0, {} h] always[0, 2 h] ({s})", i + 1);
        }
        s
    });
    println!("{:?}", t.elapsed());
    bench.judged("longest window", "once[0, 290 h] once[0, 100000 d] eventually[0, 100000 d] always[0, 100000 d] on");
    println!("{:?}", t.elapsed());
}
