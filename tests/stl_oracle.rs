//! The engine against the naive evaluator: random formulas over random traces with gaps, stale signals, NaN,
//! unknown values, losses and several samples at one stamp.

#[path = "stl_oracle/naive.rs"]
mod naive;
#[path = "stl_oracle/random.rs"]
mod random;
#[path = "stl_oracle/rtamt.rs"]
mod rtamt;

use checkrein::command::RuleId;
use checkrein::expr::ir::Formula;
use checkrein::signal::{SignalId, Value};
use checkrein::stl::{Change, Engine, Judgement, Options, Piece, RuleSpec, RuleVerdict, Truth};
use checkrein::time::Time;
use naive::{Naive, Trace, V, formula_moves, horizon};
use random::Dice;

const RULE: RuleId = RuleId(0);

/// What the engine said.
#[derive(Debug, PartialEq)]
struct Said {
    changes: Vec<Change>,
    pieces: Vec<Piece>,
    judgements: Vec<Judgement>,
    /// How many slots were closed before the end, from slot 0.
    closed: i64,
}

/// How a trace is fed.
#[derive(Copy, Clone, PartialEq)]
enum Feed {
    /// Push all of an instant, then advance one nanosecond, always.
    EveryTick,
    /// As the dice fall: instants in several pushes, advances here and there.
    Split(u64),
}

fn feed(rules: &[RuleSpec], trace: &Trace, end: i64, how: Feed, mut after: impl FnMut(i64, &[Change])) -> Said {
    let mut engine = Engine::with(rules, &trace.signals, Options { pieces: true, ..Options::default() });
    let mut changes = Vec::new();
    let start = Time::from_nanos(trace.start);
    engine.start(start, &trace.held, &mut changes);
    let mut dice = Dice::new(match how {
        Feed::EveryTick => 0,
        Feed::Split(seed) => seed,
    });
    let mut samples = trace.samples.iter().peekable();
    for tick in trace.start..=end {
        let at = Time::from_nanos(tick);
        let mut batch: Vec<(SignalId, Value)> = Vec::new();
        while let Some(&(_, signal, value)) = samples.next_if(|s| s.0 == tick) {
            match value {
                Some(value) => batch.push((signal, value)),
                None => {
                    engine.push(at, &batch, &mut changes);
                    batch.clear();
                    engine.lose(at, &[signal], &mut changes);
                }
            }
            if how != Feed::EveryTick && dice.one_in(3) {
                engine.push(at, &batch, &mut changes);
                batch.clear();
            }
        }
        if !batch.is_empty() {
            engine.push(at, &batch, &mut changes);
        }
        if how == Feed::EveryTick || dice.one_in(4) || tick == end {
            engine.advance(at.next(), &mut changes);
        } else if dice.one_in(4) {
            engine.advance(at, &mut changes);
        }
        after(2 * tick + 2, &changes);
    }
    let mut pieces = Vec::new();
    for rule in rules {
        engine.take_pieces(rule.id, &mut pieces);
    }
    Said { changes, pieces, judgements: engine.finish(Time::from_nanos(end)), closed: 2 * end + 2 }
}

fn truth(v: &V) -> Truth {
    match (v.t[0], v.t[1]) {
        (true, _) => Truth::True,
        (_, false) => Truth::False,
        _ => Truth::Unknown,
    }
}

fn same(a: f64, b: f64, exact: bool) -> bool {
    a == b || !exact && (a - b).abs() <= 1e-12 * (1.0 + a.abs().max(b.abs()))
}

fn rule(body: Formula, when: Option<Formula>) -> RuleSpec {
    RuleSpec { id: RULE, body, when }
}

/// `when implies body`.
fn whole(rule: &RuleSpec) -> Formula {
    match &rule.when {
        Some(when) => Formula::Implies(Box::new(when.clone()), Box::new(rule.body.clone())),
        None => rule.body.clone(),
    }
}

/// Every decided piece equals the naive value at every slot it covers. A margin that moves is carried as a line and
/// may differ in the last bits from one worked out tick by tick; it is compared at the ends of its pieces.
fn check_pieces(seed: u64, spec: &RuleSpec, trace: &Trace, said: &Said) {
    let formula = whole(spec);
    let late = 2 * horizon(&formula);
    let naive = Naive::new(trace, said.closed, said.closed);
    let values = naive.formula(&formula);
    let exact = !formula_moves(&formula);
    let decided = said.closed - late;
    let slot = |piece: &Piece| 2 * piece.at.nanos() + i64::from(piece.after);
    assert_eq!(
        said.pieces.first().map(&slot),
        (decided > naive.first).then_some(naive.first),
        "seed {seed}: begins at the start: {formula:?}"
    );
    for (i, piece) in said.pieces.iter().enumerate() {
        let from = slot(piece);
        let to = said.pieces.get(i + 1).map_or(decided, slot);
        let to = if piece.moving { from + 1 } else { to };
        for s in from..to {
            let v = &values[(s - naive.first) as usize];
            assert!(
                same(piece.margin.lo, v.lo, exact) && same(piece.margin.hi, v.hi, exact) && piece.truth == truth(v),
                "seed {seed}: at slot {s} the engine says {piece:?}, by definition {v:?}\n{formula:?}\n{trace:?}"
            );
        }
    }
}

/// The last word equals the one by definition, with everything after the end unknown.
fn check_judgement(seed: u64, spec: &RuleSpec, trace: &Trace, said: &Said) {
    let formula = whole(spec);
    let naive = Naive::new(trace, said.closed + 2 * horizon(&formula), said.closed);
    let count = (said.closed - naive.first) as usize;
    let values = naive.formula(&formula);
    let scope = &values[..count];
    let lo = scope.iter().map(|v| v.lo).fold(f64::INFINITY, f64::min);
    let hi = scope.iter().map(|v| v.hi).fold(f64::INFINITY, f64::min);
    let tested = spec.when.as_ref().is_none_or(|w| naive.formula(w)[..count].iter().any(|v| v.t[0]));
    let verdict = if scope.iter().any(|v| !v.t[1]) {
        RuleVerdict::Fail
    } else if !tested {
        RuleVerdict::Untested
    } else if scope.iter().all(|v| v.t[2]) {
        RuleVerdict::Pass
    } else {
        RuleVerdict::Inconclusive
    };
    let said = &said.judgements[0];
    let exact = !formula_moves(&formula);
    let first_false = scope.iter().position(|v| !v.t[1]).map(|i| Time::from_nanos((naive.first + i as i64) >> 1));
    assert!(
        said.verdict == verdict
            && same(said.margin.lo, lo, exact)
            && same(said.margin.hi, hi, exact)
            && said.violated_at == first_false,
        "seed {seed}: the engine says {said:?}, by definition {verdict:?} {lo} {hi} {first_false:?}\n{formula:?}\n{trace:?}"
    );
}

/// A rule of bounded horizon from a seed.
fn random_rule(dice: &mut Dice, depth: u32) -> RuleSpec {
    loop {
        let when = dice.one_in(4).then(|| random::formula(dice, 1, false));
        let spec = rule(random::formula(dice, depth, true), when);
        if horizon(&whole(&spec)) <= 24 {
            return spec;
        }
    }
}

/// How many seeds to try: `ORACLE_FACTOR=100` for a long run.
fn seeds(first: u64, count: u64) -> std::ops::Range<u64> {
    let factor = std::env::var("ORACLE_FACTOR").ok().and_then(|f| f.parse().ok()).unwrap_or(1);
    first..first + count * factor
}

#[test]
fn decided_values_and_verdicts_equal_the_definition() {
    for seed in seeds(0, 1500) {
        let mut dice = Dice::new(seed);
        let depth = 1 + dice.below(6) as u32;
        let spec = random_rule(&mut dice, depth);
        let length = 8 + dice.below(24) as i64;
        let trace = random::trace(&mut dice, length);
        let said = feed(std::slice::from_ref(&spec), &trace, trace.start + length, Feed::EveryTick, |_, _| {});
        check_pieces(seed, &spec, &trace, &said);
        check_judgement(seed, &spec, &trace, &said);
    }
}

#[test]
fn any_split_of_the_stream_says_the_same() {
    for seed in seeds(10_000_000, 600) {
        let mut dice = Dice::new(seed);
        let depth = 1 + dice.below(4) as u32;
        let spec = random_rule(&mut dice, depth);
        let length = 8 + dice.below(24) as i64;
        let trace = random::trace(&mut dice, length);
        let rules = std::slice::from_ref(&spec);
        let whole = feed(rules, &trace, trace.start + length, Feed::EveryTick, |_, _| {});
        for way in 0..3 {
            let split = feed(rules, &trace, trace.start + length, Feed::Split(seed + way), |_, _| {});
            assert_eq!(whole, split, "seed {seed}: {spec:?}\n{trace:?}");
        }
    }
}

/// True when the rule is false with everything from slot `closed` on unknown.
fn broken_by_definition(formula: &Formula, trace: &Trace, closed: i64) -> bool {
    let naive = Naive::new(trace, closed + 2 * horizon(formula), closed);
    naive.formula(formula)[..(closed - naive.first) as usize].iter().any(|v| !v.t[1])
}

fn is_violated(changes: &[Change]) -> bool {
    changes.iter().any(|c| matches!(c, Change::Violated { .. }))
}

#[test]
fn a_violation_is_never_raised_wrongly() {
    let mut raised = 0;
    for seed in seeds(20_000_000, 400) {
        let mut dice = Dice::new(seed);
        let depth = 1 + dice.below(3) as u32;
        let spec = random_rule(&mut dice, depth);
        let formula = whole(&spec);
        let trace = random::trace(&mut dice, 16);
        let mut done = false;
        feed(std::slice::from_ref(&spec), &trace, trace.start + 16, Feed::EveryTick, |closed, changes| {
            if is_violated(changes) && !done {
                done = true;
                raised += 1;
                assert!(broken_by_definition(&formula, &trace, closed), "seed {seed}: {formula:?}\n{trace:?}");
            }
        });
    }
    assert!(raised > 100, "only {raised} violations: the test says little");
}

/// `always (past implies one bounded future operator)`, or a conjunction of two. The operands of the future operator
/// have no memory, so that what is unknown after now is unknown in them.
fn promise(dice: &mut Dice) -> Formula {
    let window = random::window(dice, false);
    let (p, q) = (Box::new(random::atom(dice)), Box::new(random::atom(dice)));
    let promise = match dice.below(5) {
        0 => Formula::Always(window, p),
        1 => Formula::Eventually(window, p),
        2 => Formula::Until(window, p, q),
        3 => Formula::Unless(window, p, q),
        _ => Formula::Not(Box::new(Formula::Eventually(window, p))),
    };
    let asked = Box::new(random::formula(dice, 2, false));
    match dice.below(4) {
        0 => promise,
        1 => Formula::Or(vec![Formula::Not(asked), promise]),
        2 => Formula::Not(Box::new(Formula::And(vec![*asked, Formula::Not(Box::new(promise))]))),
        _ => Formula::Implies(asked, Box::new(promise)),
    }
}

#[test]
fn a_broken_promise_is_told_at_the_earliest_instant() {
    let mut raised = 0;
    for seed in seeds(30_000_000, 500) {
        let mut dice = Dice::new(seed);
        let body = if dice.one_in(3) {
            Formula::And(vec![promise(&mut dice), promise(&mut dice)])
        } else {
            promise(&mut dice)
        };
        let when = dice.one_in(4).then(|| random::atom(&mut dice));
        let spec = rule(body, when);
        let formula = whole(&spec);
        let trace = random::trace(&mut dice, 16);
        let mut done = false;
        feed(std::slice::from_ref(&spec), &trace, trace.start + 16, Feed::EveryTick, |closed, changes| {
            if done {
                return;
            }
            let broken = broken_by_definition(&formula, &trace, closed);
            let naive = Naive::new(&trace, closed + 2 * horizon(&formula), closed);
            let at = naive.formula(&formula).iter().position(|v| !v.t[1]).map(|i| i as i64 + naive.first);
            assert_eq!(is_violated(changes), broken, "seed {seed}: slot {at:?} closed {closed} {formula:?}\n{trace:?}");
            done = broken;
            raised += usize::from(broken);
        });
    }
    assert!(raised > 200, "only {raised} violations: the test says little");
}

/// What the engine would have to say with the scope ending before slot `closed`: an unbounded operator at the top of a
/// rule reaches to the end of the scope; whether something still comes after it is unknown, what holds till then held.
fn unbounded_by_definition(asked: &Formula, promise: &Formula, trace: &Trace, closed: i64) -> V {
    let naive = Naive::new(trace, closed - 1, closed);
    let asked = naive.formula(asked);
    let count = asked.len();
    let yes = V { lo: f64::INFINITY, hi: f64::INFINITY, t: [true; 4] };
    let missing = V { lo: f64::NEG_INFINITY, hi: f64::INFINITY, t: [false, true, false, true] };
    let (window, p, q, may_end, must_come) = match promise {
        Formula::Always(w, p) => (w, naive.formula(p), Vec::new(), true, false),
        Formula::Eventually(w, q) => (w, vec![yes; count], naive.formula(q), false, true),
        Formula::Until(w, p, q) => (w, naive.formula(p), naive.formula(q), true, true),
        Formula::Unless(w, p, q) => (w, naive.formula(p), naive.formula(q), true, false),
        other => panic!("not at the top of a rule: {other:?}"),
    };
    let from = 2 * window.from.nanos() as usize;
    let led = matches!(promise, Formula::Until(..) | Formula::Unless(..));
    let mut rule = yes;
    for (i, asked) in asked.iter().enumerate() {
        let mut value = yes;
        if led && from > 0 {
            for j in i..=i + from {
                value = value.and(p.get(j).copied().unwrap_or(missing));
            }
        }
        let first = i + from;
        if first < count {
            let (mut held, mut witness, mut came) = (yes, yes.not(), missing);
            for j in first..count {
                let with_j = held.and(p[j]);
                if !q.is_empty() {
                    // The first slot is an instant: the open intervals are the odd places.
                    witness = witness.or(q[j].and(if j % 2 == 0 || j == first { held } else { with_j }));
                    came = came.or(q[j]);
                }
                held = with_j;
            }
            if may_end {
                value = value.and(held.or(witness));
            }
            if must_come {
                value = value.and(came);
            }
        } else if must_come && !led {
            value = missing;
        }
        rule = rule.and(asked.not().or(value));
    }
    rule
}

#[test]
fn unbounded_operators_at_the_top_reach_to_the_end_of_the_scope() {
    let mut kinds = [0_u32; 4];
    for seed in seeds(40_000_000, 600) {
        let mut dice = Dice::new(seed);
        let window = checkrein::expr::ir::Window { to: None, ..random::window(&mut dice, false) };
        let (p, q) = (Box::new(random::atom(&mut dice)), Box::new(random::atom(&mut dice)));
        let promise = match dice.below(4) {
            0 => Formula::Always(window, p),
            1 => Formula::Eventually(window, p),
            2 => Formula::Until(window, p, q),
            _ => Formula::Unless(window, p, q),
        };
        let asked = if dice.one_in(3) { random::atom(&mut dice) } else { random::formula(&mut dice, 2, false) };
        if formula_moves(&asked) {
            continue;
        }
        let spec = rule(Formula::Implies(Box::new(asked.clone()), Box::new(promise.clone())), None);
        let trace = random::trace(&mut dice, 14);
        let mut done = false;
        let said = feed(std::slice::from_ref(&spec), &trace, trace.start + 14, Feed::EveryTick, |closed, changes| {
            if !done {
                let value = unbounded_by_definition(&asked, &promise, &trace, closed);
                assert_eq!(is_violated(changes), !value.t[1], "seed {seed}: closed {closed} {spec:?}\n{trace:?}");
                done = !value.t[1];
            }
        });
        let value = unbounded_by_definition(&asked, &promise, &trace, said.closed);
        let verdict = match (value.t[1], value.t[2]) {
            (false, _) => RuleVerdict::Fail,
            (_, true) => RuleVerdict::Pass,
            _ => RuleVerdict::Inconclusive,
        };
        let found = &said.judgements[0];
        assert!(
            found.verdict == verdict && found.margin.lo == value.lo && found.margin.hi == value.hi,
            "seed {seed}: the engine says {found:?}, by definition {verdict:?} {value:?}\n{spec:?}\n{trace:?}"
        );
        kinds[verdict as usize] += 1;
    }
    let [pass, fail, _, inconclusive] = kinds;
    assert!(pass > 10 && fail > 10 && inconclusive > 10, "one-sided: {kinds:?}");
}

#[test]
fn nothing_changes_before_the_named_deadline() {
    let mut silent = 0;
    for seed in seeds(50_000_000, 400) {
        let mut dice = Dice::new(seed);
        let depth = 1 + dice.below(4) as u32;
        let spec = random_rule(&mut dice, depth);
        let trace = random::trace(&mut dice, 20);
        let options = Options { pieces: true, ..Options::default() };
        let mut engine = Engine::with(std::slice::from_ref(&spec), &trace.signals, options);
        let mut changes = Vec::new();
        let mut pieces = Vec::new();
        engine.start(Time::from_nanos(trace.start), &trace.held, &mut changes);
        engine.advance(Time::from_nanos(trace.start), &mut changes);
        for tick in trace.start..trace.start + 20 {
            let at = Time::from_nanos(tick);
            for &(_, signal, value) in trace.samples.iter().filter(|s| s.0 == tick) {
                match value {
                    Some(value) => engine.push(at, &[(signal, value)], &mut changes),
                    None => engine.lose(at, &[signal], &mut changes),
                }
            }
            let quiet = engine.next_deadline().is_none_or(|d| d > at);
            changes.clear();
            pieces.clear();
            engine.take_pieces(RULE, &mut pieces);
            pieces.clear();
            engine.advance(at.next(), &mut changes);
            engine.take_pieces(RULE, &mut pieces);
            if quiet {
                silent += 1;
                assert!(
                    changes.is_empty() && pieces.is_empty(),
                    "seed {seed} at {tick}: {changes:?} {pieces:?} {spec:?}"
                );
            }
        }
    }
    assert!(silent > 500, "only {silent} quiet ticks: the test says little");
}

/// The file of cases is not part of this package; it lies beside it where it is used.
#[test]
fn values_of_rtamts_own_cases() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = root.ancestors().map(|dir| dir.join("shared/data/stl/rtamt_cases.json")).find(|f| f.exists());
    let Some(file) = file else {
        eprintln!("skipped: no shared/data/stl/rtamt_cases.json above {}", root.display());
        return;
    };
    let text = std::fs::read_to_string(file).expect("the cases can be read");
    let cases: Vec<serde_json::Value> = serde_json::from_str(&text).expect("a list of cases");
    let mut skipped: std::collections::BTreeMap<rtamt::Skip, Vec<String>> = std::collections::BTreeMap::new();
    let (mut run, mut values) = (0, 0);
    for case in &cases {
        match rtamt::case(case) {
            Ok(compared) => {
                assert!(compared > 0, "{}: nothing was compared", case["id"]);
                run += 1;
                values += compared;
            }
            Err(why) => skipped.entry(why).or_default().push(case["id"].to_string()),
        }
    }
    eprintln!("{run} cases, {values} values equal; not shared: {skipped:?}");
    assert_eq!((cases.len(), run), (80, 31));
}
