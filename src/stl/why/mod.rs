//! Why a rule is broken, or could not be judged: the chain of sub-formulas, places in time and samples behind it.
//!
//! [`why`] takes a rule, what is known of its signals and what an engine was told ([`Record`]). It finds the episodes of
//! violation, and walks from the rule at its critical place (the worst of the first episode) down to samples: at each
//! step the part that decided, where it did, by how much. [`Why::tell`] puts it into words.
//!
//! Every margin and truth in it comes from an engine that was given the sub-formula as a rule and just the stretch of
//! the record that it needs, so that there is no second opinion on what a formula means.
//!
//! Invariant: nothing here judges: it asks an engine, and picks. Its size is bounded by the formula's, lists are cut
//! and counted.

mod deadline;
mod pieces;
mod record;
mod seen;
mod shape;
mod survey;
mod tell;
mod walk;

pub use deadline::{Answer, Deadline, Timing};
pub use record::Record;
pub use seen::{Gap, Heard, Seen};
pub use tell::{Told, ToldEpisode, ToldSample, ToldStep, ToldTiming};

use super::{Margin, RuleSpec, RuleVerdict, SignalSpec, Truth};
use crate::expr::ir::{Formula, Number};
use crate::time::{Span, Time};
use record::Values;
use walk::Walker;

/// An instant, or what comes right after it.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    pub at: Time,
    /// Just after `at`: in the open interval up to the next nanosecond.
    pub after: bool,
}

/// Why a rule is as it is.
#[derive(Clone, PartialEq, Debug)]
pub struct Why {
    /// Episodes of violation, in order, at most [`EPISODES_MAX`] of them.
    pub episodes: Vec<Episode>,
    /// How many there were.
    pub episode_count: usize,
    /// How long it was broken, all episodes together.
    pub broken: Span,
    /// The least margin over the scope and where it was, by upper end; `None`: nothing could be judged.
    pub worst: Option<Worst>,
    /// The place that the chain explains, and the chain; `None` when the rule held throughout.
    pub chain: Option<Step>,
}

/// From where to where a rule was broken.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Episode {
    pub from: Place,
    /// First place at which it was not broken any more; `None`: broken to the end.
    pub to: Option<Place>,
    pub worst: Worst,
}

/// A margin and where it was.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Worst {
    pub margin: Margin,
    pub place: Place,
}

/// One formula at one place, and what made it so.
#[derive(Clone, PartialEq, Debug)]
pub struct Step {
    pub formula: Formula,
    pub place: Place,
    /// SI, or a share where the rule's margins are.
    pub margin: Margin,
    pub truth: Truth,
    pub how: How,
    /// What decided, the more telling last.
    pub causes: Vec<Step>,
    /// Parts that did not decide, with what they were worth.
    pub others: Vec<Other>,
    /// How many more of them there were.
    pub more_others: usize,
}

/// A part that did not decide.
#[derive(Clone, PartialEq, Debug)]
pub struct Other {
    pub formula: Formula,
    pub margin: Margin,
    pub truth: Truth,
}

/// How a step follows from its causes.
#[derive(Clone, PartialEq, Debug)]
pub enum How {
    /// A comparison: its sides, and the samples behind them.
    Compared { sides: Vec<Side>, samples: Vec<Seen>, more_samples: usize },
    /// A flag, a state or a change: the signal itself.
    Tested { samples: Vec<Seen> },
    /// `true` or `false` as written.
    Written,
    /// Its part is the other way round.
    Opposite,
    /// One part is enough, or is the nearest of all.
    Decided,
    /// All causes together.
    Together,
    /// The cause was the worst place from `from` to `to`.
    Least { from: Place, to: Place },
    /// The cause was the best place from `from` to `to`.
    Most { from: Place, to: Place },
    /// `until`, `unless`, `since`: the left side (first cause) broke before the right one (second) had come.
    LeftBroke { from: Place, to: Place },
    /// The right side never came from `from` to `to`; the cause is its best place.
    NeverCame { from: Place, to: Place },
    /// The right side came at the place of the last cause, and the left one held till then.
    Came { from: Place, to: Place },
    /// The cause is at the place just before.
    JustBefore,
    /// Unknown at a place from `from` to `to`.
    Open { from: Place, to: Place },
    /// It looks back from `from` to before the scope began.
    BeforeStart { from: Place },
    /// It waits beyond the end of the record.
    StillWaiting,
    /// The chain was cut here, it has too many steps.
    Cut,
}

/// One side of a comparison.
#[derive(Clone, PartialEq, Debug)]
pub struct Side {
    pub number: Number,
    /// Both ends (SI); the whole line where it is unknown.
    pub value: Margin,
}

/// Episodes that are listed; more are counted.
pub const EPISODES_MAX: usize = 100;
/// Steps of a chain.
const STEPS_MAX: usize = 64;
/// Other parts, and samples of a comparison, that are listed.
const LIST_MAX: usize = 8;

/// Why the rule is broken or unknown over the record. For several rules over one record see [`Explainer`].
///
/// Works for every verdict: of a rule that held, `worst` and the episodes (none) are told, and no chain. The verdict is
/// the engine's: nothing here judges.
pub fn why(rule: &RuleSpec, verdict: RuleVerdict, signals: &[SignalSpec], record: &Record) -> Why {
    Explainer::new(signals, record).why(rule, verdict)
}

/// Explains rules over one record, which is sorted by signal once.
pub struct Explainer<'a> {
    values: Values<'a>,
}

impl<'a> Explainer<'a> {
    /// Panics later when a rule or the record speaks of a signal that is not among these.
    pub fn new(signals: &'a [SignalSpec], record: &'a Record) -> Explainer<'a> {
        Explainer { values: Values::new(record, signals) }
    }

    /// Why the rule has its verdict: see [`why`].
    pub fn why(&self, rule: &RuleSpec, verdict: RuleVerdict) -> Why {
        let formula = shape::of_each_instant(rule);
        let survey = survey::survey(&self.values, &formula);
        let mut walker = Walker::new(&self.values);
        let chain = match (survey.episodes.first(), verdict) {
            (Some(episode), _) => Some(walker.explain(&formula, episode.worst.place)),
            (None, RuleVerdict::Inconclusive) => {
                let open = walker.explain_unknown(&formula, &survey.unknown);
                Some(open.unwrap_or_else(|| walker.explain_waiting(rule)))
            }
            (None, _) => None,
        };
        Why {
            episodes: survey.episodes,
            episode_count: survey.episode_count,
            broken: survey.broken,
            worst: survey.worst,
            chain,
        }
    }

    /// What made the rule's margin at a place, whatever its truth: for the tightest place of a rule that held.
    pub fn explain(&self, rule: &RuleSpec, place: Place) -> Step {
        Walker::new(&self.values).explain(&shape::of_each_instant(rule), place)
    }

    /// How near the rule came to each of its deadlines; empty for a rule that is not about time.
    pub fn timings(&self, rule: &RuleSpec) -> Vec<Timing> {
        deadline::timings(&self.values, rule)
    }
}

impl Step {
    /// The last step of the decisive chain: the comparison or state that it all came from.
    pub fn root(&self) -> &Step {
        self.path().last().copied().expect("a path begins with its step")
    }

    /// The decisive steps from this one to its root.
    pub fn path(&self) -> Vec<&Step> {
        let mut path = vec![self];
        while let Some(step) = path.last().filter(|step| !step.is_known_comparison()).and_then(|s| s.causes.last()) {
            path.push(step);
        }
        path
    }

    /// Its numbers say all there is to say, though one of them may rest on formulas (`fraction`).
    fn is_known_comparison(&self) -> bool {
        matches!(self.how, How::Compared { .. }) && self.truth != Truth::Unknown
    }
}
