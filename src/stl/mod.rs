//! Rules judged as samples arrive: one graph for all rules, one function for live, replay and judge.
//!
//! One rule over named signals, in three lines ([`Monitor`]):
//!
//! ```
//! # use checkrein::{stl::{Monitor, RuleVerdict}, time::Time};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut monitor = Monitor::new(&["altitude: m"], "altitude <= 8 m")?;
//! monitor.push(Time::ZERO, "altitude", 7.5)?;
//! assert_eq!(monitor.finish(Time::ZERO).verdict, RuleVerdict::Pass);
//! # Ok(())
//! # }
//! ```
//!
//! Many rules over many signals share one graph ([`Engine`]); signals and rules are read from text ([`signal`](fn@signal),
//! [`rule`](fn@rule)) or built from their parts. The language is described in `docs/formulas.md`.
//!
//! ```
//! use checkrein::command::RuleId;
//! use checkrein::expr::Scope;
//! use checkrein::signal::{SignalTable, Value};
//! use checkrein::stl::{self, Engine, RuleVerdict, SignalSpec};
//! use checkrein::time::{Span, Time};
//!
//! let mut signals = SignalTable::new();
//! let altitude = signals.add(stl::signal("altitude: m, every 20 ms").unwrap()).unwrap();
//! let armed = signals.add(stl::signal("armed: flag").unwrap()).unwrap();
//! let scope = Scope { signals: &signals, defines: &Default::default(), parameters: None, run_names: false, future: true };
//! let texts = ["altitude <= 8 m", "when: armed; always: eventually[0, 1 s] altitude > 1 m"];
//! let rules: Vec<_> =
//!     (0..).zip(texts).map(|(id, text)| stl::rule(text, RuleId(id), &scope).unwrap().spec).collect();
//! let specs: Vec<_> = signals.iter().map(|(_, def)| SignalSpec::of(def)).collect();
//!
//! let (mut engine, mut changes) = (Engine::new(&rules, &specs), Vec::new());
//! engine.start(Time::ZERO, &[], &mut changes);
//! engine.push(Time::ZERO, &[(altitude, Value::Number(0.5)), (armed, Value::Flag(true))], &mut changes);
//! engine.push(Time::ZERO + Span::from_millis(20), &[(altitude, Value::Number(7.5))], &mut changes);
//! let verdicts: Vec<_> = engine.finish(Time::ZERO + Span::from_secs(2)).iter().map(|j| j.verdict).collect();
//! // Every instant asks anew for the second rule's promise; what is held at the end answers at once.
//! assert_eq!(verdicts, [RuleVerdict::Pass, RuleVerdict::Pass]);
//! ```
//!
//! How it works: dense time with integer stamps is counted in *slots* (`value`), rules become one graph of nodes with
//! a lateness each (`graph`, `split`), a loop evaluates what is dirty at the slots where something changes (`engine`),
//! operators with a memory stand in `ops`, and each rule keeps its account (`rule`).
//!
//! Where the meaning leaves a choice:
//! - Between ticks a moving quantity (`age`, `mean`, `fraction`) has the value of the last tick, so that a threshold
//!   crossed between ticks counts from the next one. A temporal operator takes from a moving margin only its sign
//!   (margin `0 ..= inf` or `-inf ..= 0`): truth is exact, the margin wider than need be.
//! - At an instant with several values `changed` is true if any of them differs from the one before; a pulse always is.
//! - The first sample of a signal gives no `rate`; nothing is missing then, so that this counts as warm-up.
//! - An unbounded future operator stands at the top of a rule. `always` and `unless` reach to the end of the scope, as
//!   the rule itself does; what has still to come (`eventually`, the right of `until`) is unknown there. Decided values of
//!   such a rule stand at the instants that decide, not at those that asked.
//! - A violation is told at the earliest instant for `always (past implies one bounded future operator)` and conjunctions
//!   of these, and the early upper end of the margin is the least there is when the operands of that operator have no
//!   memory. Of operands with one it is foreseen how long their present truth is bound to last (`historically[0, 1 s] p`
//!   stays false for 1 s after p broke); what is unknown now and certain later is not, nor are windows that end before
//!   the present. Other rules are told when the horizon of the instant has passed.
//!
//! Invariant: nothing here reads a clock: time comes in through `push` and `advance`. Memory is planned from
//! windows and declared rates (`room`), allocated by [`Engine::new`] and never exceeded: what comes faster shares entries.

mod engine;
mod graph;
mod interval;
mod monitor;
mod moving;
mod need;
mod node;
mod ops;
mod room;
mod rule;
mod signals;
mod split;
#[cfg(test)]
mod stories;
mod text;
mod timetable;
mod value;
pub mod why;
mod words;

pub use engine::Engine;
pub use monitor::{Mistakes, Monitor, NotASample, Reading};
pub use need::{RULE_BYTES_MAX, all_too_much, too_much};
pub use split::promises;
pub use text::{TextRule, is_signal_name, rule, signal};

use crate::command::RuleId;
use crate::expr::ir::Formula;
use crate::signal::{Every, SignalDef, SignalId};
use crate::time::{Span, Time};

/// Strong Kleene truth.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Truth {
    False,
    Unknown,
    True,
}

/// How far from breaking, in the rule's unit (SI): every value the unknown could have given lies in `lo..=hi`.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Margin {
    pub lo: f64,
    pub hi: f64,
}

/// One rule for the engine: `always (when implies body)`, from the start to the end of its scope.
#[derive(Clone, PartialEq, Debug)]
pub struct RuleSpec {
    pub id: RuleId,
    /// Judged at every instant; `never: f` arrives here as `Not(f)`.
    pub body: Formula,
    /// The trigger: a rule whose `when` never held is untested.
    pub when: Option<Formula>,
}

/// What the engine must know of a signal.
#[derive(Copy, Clone, PartialEq, Debug, Default)]
pub struct SignalSpec {
    /// A sample holds at most this long; `None`: until the next one.
    pub stale_after: Option<Span>,
    /// The declared time between samples, from which memory is planned; `None`: not declared.
    pub every: Option<Span>,
}

impl SignalSpec {
    /// Of a signal as a rig declares it.
    pub fn of(def: &SignalDef) -> SignalSpec {
        let every = match def.every {
            Every::Period(period) => Some(period),
            Every::Change => None,
        };
        SignalSpec { stale_after: def.stale_after, every }
    }
}

/// What a window sees where it leaves the recording.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum Outside {
    /// Unknown: the only honest answer, and what verdicts rest on.
    #[default]
    Unknown,
    /// Nothing: windows are cut to the recording, as textbooks on discrete-time robustness have it.
    Cut,
}

/// How an engine works.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Options {
    pub outside: Outside,
    /// Decided pieces are kept for [`Engine::take_pieces`].
    pub pieces: bool,
    /// Entries of a window's memory beyond twice the declared rate, for bursts; 64 unless said otherwise.
    pub burst: u16,
}

impl Default for Options {
    fn default() -> Options {
        Options { outside: Outside::Unknown, pieces: false, burst: 64 }
    }
}

/// How a rule stands while its scope goes on.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Running {
    /// Infimum over the decided instants; the whole line when none is decided yet.
    pub decided: Margin,
    /// Where the smallest decided upper end stood.
    pub worst_at: Option<Time>,
    /// The rule's margin over its scope can't come out above this, whatever comes.
    pub early_hi: f64,
    /// False once a violation is proven, else unknown: the scope goes on.
    pub truth: Truth,
}

/// One node of the graph, for people: what `explain` prints.
#[derive(Clone, PartialEq, Debug)]
pub struct Part {
    /// Its place in the graph; the same number in two rules is the same node, worked out once.
    pub id: u32,
    /// What it does, in words, with signals by number: "once over the last 2 s".
    pub what: String,
    /// The nodes it works on; `true`: negated.
    pub children: Vec<(u32, bool)>,
    /// How long after an instant its value there is known.
    pub late: Span,
    /// The most entries its memory holds, planned from windows and declared rates; 0 when it has none.
    pub entries: usize,
    /// Its memory in bytes, allocated before the first sample.
    pub bytes: usize,
}

/// Something about a rule changed; said once, in order of time.
#[derive(Clone, PartialEq, Debug)]
pub enum Change {
    /// The rule's trigger held for the first time.
    Tested { rule: RuleId, at: Time },
    /// The rule is proven broken whatever comes: `instant` is the first instant whose judgement is false,
    /// `at` the instant at which that could first be known.
    Violated { rule: RuleId, instant: Time, at: Time },
    /// An episode of violation begins (`broken`) or ends, by decided instants: what plots shade.
    Episode { rule: RuleId, broken: bool, at: Time },
    /// A signal of the rule became unknown (`unknown`) or known again at the present instant.
    Blind { rule: RuleId, signal: SignalId, unknown: bool, at: Time },
    /// A sample of a signal of the rule was stamped before what is judged already: it counts from `at` on.
    Late { rule: RuleId, signal: SignalId, stamp: Time, at: Time },
    /// Signals of the rule came faster than declared: neighbouring entries of its memory were merged into their
    /// interval hull, so that margins may come out wider. Told once per rule.
    Merged { rule: RuleId, at: Time },
}

/// What a rule is worth from one place in time to the next piece.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Piece {
    pub at: Time,
    /// It begins just after `at`, in the open interval, not at the instant itself.
    pub after: bool,
    pub margin: Margin,
    pub truth: Truth,
    /// The margin moves in a straight line from here to the next piece (`age`, `mean`, `fraction`).
    pub moving: bool,
}

/// The last word on a rule.
#[derive(Clone, PartialEq, Debug)]
pub struct Judgement {
    pub rule: RuleId,
    pub verdict: RuleVerdict,
    /// Infimum over the scope.
    pub margin: Margin,
    /// Where the smallest decided margin stood, if any was decided.
    pub worst_at: Option<Time>,
    /// First instant judged false.
    pub violated_at: Option<Time>,
}

/// Verdict on one rule.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum RuleVerdict {
    Pass,
    Fail,
    /// Its `when` never held.
    Untested,
    /// Data missing.
    Inconclusive,
}
