//! What is decided, and the last word, equal the definition; however the stream is split, wherever zero is.

use super::feed::must;
use super::feed::{Feed, RULE, Said, feed, hear, infimum, is_violated, last_words, rule, same, slot, truth, whole};
use super::naive::{Naive, Trace, V};
use super::random::{self, Dice};
use super::seeds;
use super::shape::{any_number, formula_moves, horizon, reads_the_clock};
use super::shrink::check;
use checkrein::expr::ir::{Formula, Number};
use checkrein::stl::{Change, Judgement, Margin, Options, Piece, RuleSpec, RuleVerdict};
use checkrein::time::{Span, Time};

/// A rule of bounded horizon.
pub fn random_rule(dice: &mut Dice, depth: u32) -> RuleSpec {
    loop {
        let when = dice.one_in(4).then(|| {
            let future = dice.one_in(5);
            random::formula(dice, 1, future)
        });
        let spec = rule(random::formula(dice, depth, true), when);
        if horizon(&whole(&spec)) <= 24 {
            return spec;
        }
    }
}

/// Every piece equals the naive value at every slot it covers, and pieces cover what is decided without a hole.
/// A margin that moves is carried as a line; it is compared at the ends of its pieces.
pub struct Compared<'a> {
    pub values: &'a [V],
    pub first: i64,
    pub exact: bool,
    /// So many pieces are compared to their ends.
    pub done: usize,
}

impl Compared<'_> {
    /// Compares what is new, with everything before the slot `decided` decided.
    pub fn with(&mut self, pieces: &[Piece], decided: i64) -> Result<(), String> {
        let (first, exact) = (self.first, self.exact);
        let begins = pieces.first().map(slot);
        must!(begins == (decided > first).then_some(first), "pieces begin at {begins:?}, decided {first}..{decided}");
        for (i, piece) in pieces.iter().enumerate().skip(self.done) {
            let from = slot(piece);
            let to = pieces.get(i + 1).map_or(decided, slot);
            must!(from <= to, "pieces out of order: {piece:?} ends at slot {to}");
            let to = if piece.moving { from + 1 } else { to };
            for s in from..to {
                let v = &self.values[(s - first) as usize];
                must!(
                    same(piece.margin.lo, v.lo, exact) && same(piece.margin.hi, v.hi, exact) && piece.truth == truth(v),
                    "at slot {s} the engine says {piece:?}, by definition {v:?}"
                );
            }
        }
        self.done = pieces.len().saturating_sub(1);
        Ok(())
    }
}

/// The last word by definition, with everything after the end unknown.
pub fn last_word(spec: &RuleSpec, trace: &Trace, end: i64) -> (RuleVerdict, Margin, Option<Time>) {
    let formula = whole(spec);
    let closed = 2 * end + 2;
    let naive = Naive::new(trace, closed + 2 * horizon(&formula), closed);
    let count = (closed - naive.first) as usize;
    last_word_of(spec, &naive, count)
}

/// The same from an evaluation whose first `count` slots are the scope.
pub fn last_word_of(spec: &RuleSpec, naive: &Naive, count: usize) -> (RuleVerdict, Margin, Option<Time>) {
    let values = naive.formula(&whole(spec));
    let scope = &values[..count];
    let when = spec.when.as_ref().map(|w| naive.formula(w));
    let tested = when.is_none_or(|w| w[..count].iter().any(|v| v.t[0]));
    let verdict = if scope.iter().any(|v| !v.t[1]) {
        RuleVerdict::Fail
    } else if !tested {
        RuleVerdict::Untested
    } else if scope.iter().all(|v| v.t[2]) && scope.iter().any(|v| v.t[0]) {
        RuleVerdict::Pass
    } else {
        RuleVerdict::Inconclusive
    };
    let first_false = scope.iter().position(|v| !v.t[1]).map(|i| Time::from_nanos((naive.first + i as i64) >> 1));
    (verdict, infimum(scope), first_false)
}

/// The engine's last word is this one.
pub fn judgement_equals(
    found: &Judgement,
    (verdict, margin, first_false): (RuleVerdict, Margin, Option<Time>),
    exact: bool,
) -> Result<(), String> {
    must!(
        found.verdict == verdict
            && same(found.margin.lo, margin.lo, exact)
            && same(found.margin.hi, margin.hi, exact)
            && found.violated_at == first_false,
        "the engine says {found:?}, by definition {verdict:?} {margin:?} {first_false:?}"
    );
    Ok(())
}

/// At every prefix: what is decided, its infimum and where it stood; and that a violation is not raised too early, nor
/// later than its horizon closes. Then the last word.
pub fn prefixes_equal(spec: &RuleSpec, trace: &Trace, end: i64, how: Feed) -> Result<(), String> {
    let formula = whole(spec);
    let late = 2 * horizon(&formula);
    let exact = !formula_moves(&formula);
    let closed = 2 * end + 2;
    let naive = Naive::new(trace, closed, closed);
    let values = naive.formula(&formula);
    let mut pieces = Vec::new();
    let mut compared = Compared { values: &values, first: naive.first, exact, done: 0 };
    let options = Options { pieces: true, ..Options::default() };
    let one = std::slice::from_ref(spec);
    let (engine, changes) = feed(one, trace, end, (how, options), |engine, closed, changes| {
        engine.take_pieces(RULE, &mut pieces);
        let decided = (closed - late).max(naive.first);
        compared.with(&pieces, decided).map_err(|e| format!("closed {closed}: {e}"))?;
        let scope = &values[..(decided - naive.first) as usize];
        let (running, margin) = (engine.running(RULE), infimum(scope));
        must!(
            same(running.decided.lo, margin.lo, exact) && same(running.decided.hi, margin.hi, exact),
            "closed {closed}: {running:?}, by definition {margin:?}"
        );
        must!(engine.margin(RULE) == (running.decided, running.worst_at), "closed {closed}: two accounts");
        let worst = scope.iter().position(|v| v.hi < f64::INFINITY && same(v.hi, margin.hi, true));
        let worst = worst.map(|i| Time::from_nanos((naive.first + i as i64) >> 1));
        must!(!exact || running.worst_at == worst, "closed {closed}: {running:?}, worst at {worst:?}");
        must!(
            is_violated(changes) || scope.iter().all(|v| v.t[1]),
            "closed {closed}: a violation is decided and not told"
        );
        Ok(())
    })?;
    let said = last_words(engine, changes, end);
    let tested = spec.when.as_ref().and_then(|when| {
        let decided = closed - 2 * horizon(when);
        let values = naive.formula(when);
        let first = values.iter().take((decided - naive.first).max(0) as usize).position(|v| v.t[0]);
        first.map(|i| Time::from_nanos((naive.first + i as i64) >> 1))
    });
    let told: Vec<Time> =
        said.changes.iter().filter_map(|c| if let Change::Tested { at, .. } = c { Some(*at) } else { None }).collect();
    must!(told == tested.into_iter().collect::<Vec<_>>(), "tested at {told:?}, by definition {tested:?}");
    judgement_equals(&said.judgement, last_word(spec, trace, end), exact)
}

/// A rule and a trace with its last instant.
pub fn case(seed: u64, depth: u64, length: u64) -> (RuleSpec, Trace, i64) {
    let mut dice = Dice::new(seed);
    let depth = 1 + dice.below(depth) as u32;
    let spec = random_rule(&mut dice, depth);
    let length = 8 + dice.below(length) as i64;
    let mut trace = random::trace(&mut dice, length);
    if any_number(&whole(&spec), &|n| matches!(n, Number::Mean(..))) {
        random::calm(&mut trace);
    }
    let end = trace.start + length;
    (spec, trace, end)
}

#[test]
fn decided_values_and_verdicts_equal_the_definition_at_every_prefix() {
    for seed in seeds(0, 1500) {
        let (spec, trace, end) = case(seed, 6, 24);
        check(seed, spec, trace, end, &|s, t, e| prefixes_equal(s, t, e, Feed::EveryTick));
    }
}

#[test]
fn long_traces_equal_the_definition() {
    for seed in seeds(1_000_000, 60) {
        let (spec, trace, end) = case(seed, 3, 150);
        check(seed, spec, trace, end, &|s, t, e| prefixes_equal(s, t, e, Feed::EveryTick));
    }
}

#[test]
fn a_late_sample_counts_from_the_first_open_instant() {
    for seed in seeds(2_000_000, 300) {
        let (spec, trace, end) = case(seed, 4, 24);
        check(seed, spec, trace, end, &|s, t, e| prefixes_equal(s, t, e, Feed::Late(seed)));
    }
}

/// However the stream is split, the same is said.
pub fn splits_equal(spec: &RuleSpec, trace: &Trace, end: i64, seed: u64) -> Result<(), String> {
    let whole = hear(spec, trace, end, Feed::EveryTick)?;
    for how in [Feed::Batch, Feed::Split(seed), Feed::Split(seed + 1), Feed::Split(seed + 2)] {
        let split = hear(spec, trace, end, how)?;
        must!(whole == split, "fed tick by tick {whole:?}\nfed otherwise {split:?}");
    }
    Ok(())
}

#[test]
fn batch_and_any_split_of_the_stream_say_the_same() {
    for seed in seeds(10_000_000, 600) {
        let (spec, trace, end) = case(seed, 5, 24);
        check(seed, spec, trace, end, &|s, t, e| splits_equal(s, t, e, seed));
    }
}

/// The same trace with every stamp and duration times `factor`, then later by `shift`.
fn moved_trace(trace: &Trace, factor: i64, shift: i64) -> Trace {
    let at = |tick: i64| tick * factor + shift;
    Trace {
        start: at(trace.start),
        held: trace.held.iter().map(|h| (h.0, h.1, Time::from_nanos(at(h.2.nanos())))).collect(),
        samples: trace.samples.iter().map(|s| (at(s.0), s.1, s.2)).collect(),
        signals: trace
            .signals
            .iter()
            .map(|s| {
                let times = |span: Span| Span::from_nanos(span.nanos() * factor);
                checkrein::stl::SignalSpec { stale_after: s.stale_after.map(times), every: s.every.map(times) }
            })
            .collect(),
    }
}

/// Feeds instants alone, so that a trace in which they lie far apart costs no more than one in which they are dense.
pub fn hear_instants(spec: &RuleSpec, trace: &Trace, end: i64) -> Said {
    let options = Options { pieces: true, ..Options::default() };
    let one = std::slice::from_ref(spec);
    let mut engine = checkrein::stl::Engine::with(one, &trace.signals, options);
    let mut changes = Vec::new();
    engine.start(Time::from_nanos(trace.start), &trace.held, &mut changes);
    for &(at, signal, value) in &trace.samples {
        match value {
            Some(value) => engine.push(Time::from_nanos(at), &[(signal, value)], &mut changes),
            None => engine.lose(Time::from_nanos(at), &[signal], &mut changes),
        }
    }
    engine.advance(Time::from_nanos(end), &mut changes);
    last_words(engine, changes, end)
}

/// What was said, as it would be said of the moved trace.
fn moved_words(mut said: Said, factor: i64, shift: i64) -> Said {
    let to = |time: &mut Time| *time = Time::from_nanos(time.nanos() * factor + shift);
    for change in &mut said.changes {
        match change {
            Change::Tested { at, .. } | Change::Episode { at, .. } | Change::Blind { at, .. } => to(at),
            Change::Violated { instant, at, .. } => {
                to(instant);
                to(at);
            }
            Change::Late { stamp, at, .. } => {
                to(stamp);
                to(at);
            }
            Change::Merged { at, .. } => to(at),
        }
    }
    said.pieces.iter_mut().for_each(|p| to(&mut p.at));
    said.judgement.worst_at.iter_mut().for_each(to);
    said.judgement.violated_at.iter_mut().for_each(to);
    said
}

#[test]
fn it_does_not_matter_where_zero_lies() {
    for seed in seeds(11_000_000, 300) {
        let (spec, trace, end) = case(seed, 5, 24);
        let shift = [1_i64 << 40, -(1 << 50), 999_999_999_999_999_937][(seed % 3) as usize];
        check(seed, spec, trace, end, &|s, t, e| {
            let here = moved_words(hear_instants(s, t, e), 1, shift);
            let there = hear_instants(s, &moved_trace(t, 1, shift), e + shift);
            must!(here == there, "here, moved by {shift}: {here:?}\nthere: {there:?}");
            Ok(())
        });
    }
}

#[test]
fn time_can_be_stretched_by_powers_of_two() {
    let mut tried = 0;
    for seed in seeds(12_000_000, 400) {
        let (spec, trace, end) = case(seed, 5, 24);
        if reads_the_clock(&whole(&spec)) {
            continue;
        }
        tried += 1;
        let factor = 1_i64 << (1 + seed % 30);
        check(seed, spec, trace, end, &|s, t, e| {
            if reads_the_clock(&whole(s)) {
                return Ok(());
            }
            let stretched = RuleSpec {
                id: RULE,
                body: stretch(&s.body, factor),
                when: s.when.as_ref().map(|w| stretch(w, factor)),
            };
            let here = moved_words(hear_instants(s, t, e), factor, 0);
            let there = hear_instants(&stretched, &moved_trace(t, factor, 0), e * factor);
            must!(here == there, "here, times {factor}: {here:?}\nthere: {there:?}");
            Ok(())
        });
    }
    super::enough(tried, 100, "formulas that don't read the clock");
}

/// Every window of a formula times `factor`.
fn stretch(formula: &Formula, factor: i64) -> Formula {
    super::shape::map_spans(formula, &|span| Span::from_nanos(span.nanos() * factor))
}

#[test]
fn nothing_changes_before_the_named_deadline() {
    let mut silent = 0;
    for seed in seeds(50_000_000, 400) {
        let (spec, trace, _) = case(seed, 4, 16);
        let options = Options { pieces: true, ..Options::default() };
        let mut engine = checkrein::stl::Engine::with(std::slice::from_ref(&spec), &trace.signals, options);
        let mut changes = Vec::new();
        let mut pieces = Vec::new();
        engine.start(Time::from_nanos(trace.start), &trace.held, &mut changes);
        engine.advance(Time::from_nanos(trace.start), &mut changes);
        for tick in trace.start..trace.start + 24 {
            let at = Time::from_nanos(tick);
            for &(_, signal, value) in trace.samples.iter().filter(|s| s.0 == tick) {
                match value {
                    Some(value) => engine.push(at, &[(signal, value)], &mut changes),
                    None => engine.lose(at, &[signal], &mut changes),
                }
            }
            let quiet = engine.next_deadline().is_none_or(|d| d > at);
            changes.clear();
            engine.take_pieces(RULE, &mut pieces);
            pieces.clear();
            let before = engine.running(RULE);
            engine.advance(at.next(), &mut changes);
            engine.take_pieces(RULE, &mut pieces);
            if quiet {
                silent += 1;
                assert!(
                    changes.is_empty() && pieces.is_empty() && engine.running(RULE).truth == before.truth,
                    "CHECKREIN_ORACLE_SEED={seed} at {tick}: {changes:?} {pieces:?} {spec:?}\n{trace:?}"
                );
            }
        }
    }
    super::enough(silent, 500, "quiet ticks");
}

/// Sums of huge numbers leave the range of numbers; what comes of that is unknown, never a verdict.
#[test]
fn a_mean_that_overflows_is_unknown() {
    use checkrein::expr::ir::Comparison;
    use checkrein::signal::{SignalId, Value};
    let mean = Number::Mean(Span::from_nanos(8), Box::new(Number::Signal(SignalId(0))));
    let body = Formula::Compare { op: Comparison::LessEqual, left: mean, right: Number::Constant(1.5e308), scale: 1.0 };
    let huge = Value::Number(1e308);
    let trace = Trace {
        start: 0,
        held: vec![(SignalId(0), huge, Time::from_nanos(-1))],
        samples: vec![(4, SignalId(0), Some(huge)), (9, SignalId(0), Some(Value::Number(1.0)))],
        signals: vec![checkrein::stl::SignalSpec::default()],
    };
    let said = hear_instants(&rule(body, None), &trace, 30);
    for piece in &said.pieces {
        // By hand: 1e308 throughout until 9 ns, then falling to 1 within 8 ns; never above the limit.
        assert!(piece.margin.lo <= 1.5e308 && piece.margin.hi >= 0.4e308, "{piece:?}");
        assert_ne!(piece.truth, checkrein::stl::Truth::False, "{piece:?}");
    }
    assert_ne!(said.judgement.verdict, RuleVerdict::Fail, "{:?}", said.judgement);
}
