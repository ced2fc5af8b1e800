//! How a trace is fed to an engine, and what the engine said.

use super::naive::{Trace, V};
use super::random::Dice;
use checkrein::command::RuleId;
use checkrein::expr::ir::Formula;
use checkrein::signal::{SignalId, Value};
use checkrein::stl::{Change, Engine, Judgement, Margin, Options, Piece, RuleSpec, Truth};
use checkrein::time::Time;

/// The one rule of a test that has one.
pub const RULE: RuleId = RuleId(0);

/// All that an engine said of one rule.
#[derive(Debug, PartialEq)]
pub struct Said {
    pub changes: Vec<Change>,
    pub pieces: Vec<Piece>,
    pub judgement: Judgement,
    /// Memory merged while the end was worked out.
    pub merged_at_end: bool,
}

/// How a trace is fed.
#[derive(Copy, Clone, PartialEq)]
pub enum Feed {
    /// Push all of an instant, then advance one nanosecond, always.
    EveryTick,
    /// As the dice fall: instants in several pushes, advances here and there.
    Split(u64),
    /// Everything before an instant is closed first; then some samples come with a stamp that lies before it.
    Late(u64),
    /// The fewest calls: one push for each instant that has samples, no advance.
    Batch,
}

/// Feeds a trace from its start to the instant `end`; `after` sees the engine at each prefix: everything before the
/// slot it is told is closed. The engine is handed back with everything up to and after `end` ns closed.
pub fn feed(
    rules: &[RuleSpec],
    trace: &Trace,
    end: i64,
    (how, options): (Feed, Options),
    mut after: impl FnMut(&mut Engine, i64, &[Change]) -> Result<(), String>,
) -> Result<(Engine, Vec<Change>), String> {
    let mut engine = Engine::with(rules, &trace.signals, options);
    let mut changes = Vec::new();
    let start = Time::from_nanos(trace.start);
    engine.start(start, &trace.held, &mut changes);
    let mut dice = Dice::new(match how {
        Feed::EveryTick | Feed::Batch => 0,
        Feed::Split(seed) | Feed::Late(seed) => seed,
    });
    let split = matches!(how, Feed::Split(_));
    let late = matches!(how, Feed::Late(_));
    let mut samples = trace.samples.iter().peekable();
    for tick in trace.start..=end {
        let at = Time::from_nanos(tick);
        let mut batch: Vec<(SignalId, Value)> = Vec::new();
        if late {
            engine.advance(at, &mut changes);
        }
        while let Some(&(_, signal, value)) = samples.next_if(|s| s.0 == tick) {
            match value {
                Some(value) if late && dice.one_in(3) => {
                    engine.push(at, &batch, &mut changes);
                    batch.clear();
                    let stamp = Time::from_nanos(tick - 1 - dice.below(6) as i64);
                    engine.push(stamp, &[(signal, value)], &mut changes);
                }
                Some(value) => batch.push((signal, value)),
                None => {
                    engine.push(at, &batch, &mut changes);
                    batch.clear();
                    engine.lose(at, &[signal], &mut changes);
                }
            }
            if split && dice.one_in(3) {
                engine.push(at, &batch, &mut changes);
                batch.clear();
            }
        }
        if !batch.is_empty() {
            engine.push(at, &batch, &mut changes);
        }
        let whole = matches!(how, Feed::EveryTick | Feed::Late(_));
        if whole || split && dice.one_in(4) || tick == end {
            engine.advance(at.next(), &mut changes);
            after(&mut engine, 2 * tick + 2, &changes)?;
        } else if split && dice.one_in(4) {
            engine.advance(at, &mut changes);
        }
    }
    Ok((engine, changes))
}

/// The same to the last word on [`RULE`].
pub fn hear(spec: &RuleSpec, trace: &Trace, end: i64, how: Feed) -> Result<Said, String> {
    let options = Options { pieces: true, ..Options::default() };
    let (engine, changes) = feed(std::slice::from_ref(spec), trace, end, (how, options), |_, _, _| Ok(()))?;
    Ok(last_words(engine, changes, end))
}

/// The last words of an engine with one rule.
pub fn last_words(mut engine: Engine, changes: Vec<Change>, end: i64) -> Said {
    let mut pieces = Vec::new();
    engine.take_pieces(RULE, &mut pieces);
    let mut at_end = Vec::new();
    let mut judgements = engine.finish_telling(Time::from_nanos(end), &mut Vec::new(), &mut at_end);
    assert_eq!(judgements.len(), 1, "one rule, one judgement");
    let merged_at_end = at_end.iter().any(|change| matches!(change, Change::Merged { .. }));
    Said { changes, pieces, judgement: judgements.remove(0), merged_at_end }
}

/// The slot at which a piece begins.
pub fn slot(piece: &Piece) -> i64 {
    2 * piece.at.nanos() + i64::from(piece.after)
}

/// The truth of a naive value.
pub fn truth(v: &V) -> Truth {
    match (v.t[0], v.t[1]) {
        (true, _) => Truth::True,
        (_, false) => Truth::False,
        _ => Truth::Unknown,
    }
}

/// Equal to the bit; margins that move are carried as a line and may differ in the last ones.
pub fn same(a: f64, b: f64, exact: bool) -> bool {
    a == b || !exact && (a - b).abs() <= 1e-12 * (1.0 + a.abs().max(b.abs()))
}

/// `a <= b`, but for the last bits of margins that move.
pub fn at_most(a: f64, b: f64, exact: bool) -> bool {
    a <= b || same(a, b, exact)
}

/// The infimum of naive values; the whole line when there are none.
pub fn infimum(values: &[V]) -> Margin {
    if values.is_empty() {
        return Margin { lo: f64::NEG_INFINITY, hi: f64::INFINITY };
    }
    let least = |side: fn(&V) -> f64| values.iter().map(side).fold(f64::INFINITY, f64::min);
    Margin { lo: least(|v| v.lo), hi: least(|v| v.hi) }
}

/// The rule of a test that has one.
pub fn rule(body: Formula, when: Option<Formula>) -> RuleSpec {
    RuleSpec { id: RULE, body, when }
}

/// `when implies body`.
pub fn whole(rule: &RuleSpec) -> Formula {
    match &rule.when {
        Some(when) => Formula::Implies(Box::new(when.clone()), Box::new(rule.body.clone())),
        None => rule.body.clone(),
    }
}

pub fn is_violated(changes: &[Change]) -> bool {
    changes.iter().any(|c| matches!(c, Change::Violated { .. }))
}

/// Says why a check failed.
macro_rules! must {
    ($holds:expr, $($why:tt)+) => {
        let holds: bool = $holds;
        if !holds {
            return Err(format!($($why)+));
        }
    };
}
pub(crate) use must;
