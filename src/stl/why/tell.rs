//! A why in words: for a terminal, a report and a file.

use super::seen::{Gap, Heard, Seen};
use super::{Deadline, Episode, How, Place, Side, Step, Timing, Why, Worst};
use crate::expr::ir::{Formula, Number};
use crate::expr::{MarginKind, horizon, number_unit, number_words_in, words};
use crate::signal::{SignalKind, SignalTable, Value};
use crate::stl::{Margin, Truth};
use crate::time::{Span, Time};
use crate::units::Unit;
use serde::Serialize;

/// Digits of a measured value, and of a margin.
const VALUE_DIGITS: usize = 4;
const MARGIN_DIGITS: usize = 3;

/// A why for files and people. Times are seconds since the start of the run.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Told {
    /// One sentence: what it came from.
    pub because: Option<String>,
    pub episodes: Vec<ToldEpisode>,
    /// How many there were; more than are listed, if there were very many.
    pub episode_count: usize,
    pub broken_s: f64,
    pub worst_at_s: Option<f64>,
    pub worst_text: Option<String>,
    /// The place that the chain explains.
    pub critical_at_s: Option<f64>,
    pub chain: Option<ToldStep>,
    /// The chain as indented text.
    pub lines: Vec<String>,
}

/// An episode of violation.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ToldEpisode {
    pub from_s: f64,
    /// Absent: broken to the end.
    pub to_s: Option<f64>,
    pub worst_at_s: f64,
    /// In `unit`; absent where it is infinite.
    pub worst_lo: Option<f64>,
    pub worst_hi: Option<f64>,
    pub unit: String,
    pub worst_text: String,
    /// `from 5.641 s to 5.841 s`, `at 1.000 s`.
    pub text: String,
}

/// A step of the chain.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ToldStep {
    pub formula: String,
    pub at_s: f64,
    /// Just after that instant, not at it.
    pub just_after: bool,
    /// `true`, `false` or `unknown`.
    pub truth: &'static str,
    /// In `unit`; absent where it is infinite.
    pub margin_lo: Option<f64>,
    pub margin_hi: Option<f64>,
    pub unit: String,
    /// `at 5.641 s`, `just before 2.000 s`.
    pub when: String,
    /// `missed by 0.1 m`.
    pub text: String,
    /// How it follows from its causes; empty where that is plain.
    pub how: String,
    pub samples: Vec<ToldSample>,
    pub more_samples: usize,
    pub causes: Vec<ToldStep>,
    /// Parts that did not decide: `fc.battery >= 20 % held with 31 % to spare`.
    pub others: Vec<String>,
    pub more_others: usize,
}

/// A signal at a place.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ToldSample {
    pub signal: String,
    pub at_s: f64,
    /// Stamp of the sample that it rests on, or of the last known one.
    pub stamp_s: Option<f64>,
    /// `8.4 m`, `GUIDED`; absent when unknown.
    pub value: Option<String>,
    /// The whole sentence.
    pub text: String,
}

/// How long before its deadline an answer came: see [`super::Timing`].
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ToldTiming {
    /// Negative: too late. Absent where it is not bounded.
    pub slack_lo_s: Option<f64>,
    pub slack_hi_s: Option<f64>,
    pub allowed_s: f64,
    /// The request, silence or stretch of the least slack: from where to where.
    pub from_s: Option<f64>,
    pub to_s: Option<f64>,
    /// How many requests, silences or stretches there were.
    pub count: usize,
    /// Requests that could still have been answered in time when the record ended; they count for nothing here.
    pub open: usize,
    pub text: String,
}

/// Whose names and units are used.
#[derive(Copy, Clone)]
struct Names<'a> {
    signals: &'a SignalTable,
    margin: &'a MarginKind,
}

impl Why {
    /// In words, with the names of these signals and the unit of the rule's margin.
    pub fn tell(&self, signals: &SignalTable, margin: &MarginKind) -> Told {
        let names = Names { signals, margin };
        let formula = self.chain.as_ref().map(|step| &step.formula);
        let chain = self.chain.as_ref().map(|step| names.step(step));
        let mut lines = Vec::new();
        if let Some(step) = &chain {
            write(step, None, 0, &mut lines);
        }
        let of_rule = |worst: &Worst| names.whole(formula, worst.margin);
        Told {
            because: self.chain.as_ref().map(|step| names.because(step)),
            episodes: self.episodes.iter().map(|episode| names.episode(formula, episode)).collect(),
            episode_count: self.episode_count,
            broken_s: self.broken.seconds(),
            worst_at_s: self.worst.map(|worst| worst.place.at.seconds()),
            worst_text: self.worst.as_ref().map(|worst| of_rule(worst).text),
            critical_at_s: self.chain.as_ref().map(|step| step.place.at.seconds()),
            chain,
            lines,
        }
    }
}

impl Step {
    /// `0.4 m at fc.altitude <= 8 m (1 %)`: the margin in the unit of the comparison that it came from, which is found
    /// by following the steps that decided. `None` when it came from a state.
    pub fn critical(&self, signals: &SignalTable, margin: &MarginKind) -> Option<String> {
        let names = Names { signals, margin };
        let root = self.root();
        if !matches!(root.how, How::Compared { .. }) || !(root.margin.lo.is_finite() || root.margin.hi.is_finite()) {
            return None;
        }
        // Where the comparison is to be missed, its margin counts the other way round.
        let Margin { lo, hi } = root.margin;
        let margin_here = if root.truth == self.truth { root.margin } else { Margin { lo: -hi, hi: -lo } };
        let whole = names.whole(Some(&root.formula), margin_here);
        let share = match margin {
            MarginKind::Share => format!(" ({})", shown_between(margin_here, &percent())),
            _ => String::new(),
        };
        Some(format!("{} at {}{share}", whole.between, words(&root.formula, signals)))
    }
}

impl Timing {
    /// In words, with the names of these signals.
    pub fn tell(&self, signals: &SignalTable) -> ToldTiming {
        let allowed = match &self.deadline {
            Deadline::Answer(promise) => promise.to,
            Deadline::Silence { limit, .. } | Deadline::Stretch { limit, .. } => *limit,
        };
        let text = match &self.deadline {
            Deadline::Answer(promise) => self.answer(&words(&promise.answer, signals)),
            Deadline::Silence { signal, .. } => self.longest(&format!("silence of {}", signals.def(*signal).name)),
            Deadline::Stretch { inner, .. } => self.longest(&format!("stretch of {}", words(inner, signals))),
        };
        ToldTiming {
            slack_lo_s: self.lo.map(Span::seconds),
            slack_hi_s: self.hi.map(Span::seconds),
            allowed_s: allowed.seconds(),
            from_s: self.from.map(|place| place.at.seconds()),
            to_s: self.to.map(|place| place.at.seconds()),
            count: self.count,
            open: self.open,
            text,
        }
    }

    fn answer(&self, answer: &str) -> String {
        let of = match self.count {
            0 | 1 => "the only request".to_owned(),
            count => format!("smallest of {count} requests"),
        };
        let when = match (self.from, self.to) {
            (Some(asked), Some(came)) => format!(" (asked at {}, answered at {}; {of})", asked.at, came.at),
            (Some(asked), None) => format!(" (asked at {}; {of})", asked.at),
            _ => String::new(),
        };
        let slack = |slack: Span| match slack {
            slack if slack < Span::ZERO => format!("{} too late", span(Span::ZERO - slack)),
            slack => format!("{} before its deadline", span(slack)),
        };
        match (self.lo, self.hi) {
            _ if self.from.is_none() && self.open > 0 => {
                format!("{answer} was asked for, and not due before the record ended")
            }
            _ if self.from.is_none() => format!("nothing asked for {answer}"),
            (Some(lo), Some(hi)) if lo == hi => format!("{answer} came {}{when}", slack(lo)),
            (Some(lo), Some(hi)) => {
                format!("{answer} came between {} and {}, since data is missing{when}", slack(lo), slack(hi))
            }
            (None, Some(hi)) if hi < Span::ZERO && self.to.is_none() => {
                format!(
                    "{answer} had not come {} after its deadline, when the record ended{when}",
                    span(Span::ZERO - hi)
                )
            }
            (None, Some(hi)) => format!("{answer} is not known to have come; {} at best{when}", slack(hi)),
            (_, None) => format!("what had to hold until {answer} broke before it came{when}"),
        }
    }

    fn longest(&self, what: &str) -> String {
        let limit = match &self.deadline {
            Deadline::Answer(promise) => promise.to,
            Deadline::Silence { limit, .. } | Deadline::Stretch { limit, .. } => *limit,
        };
        let (Some(from), Some(to)) = (self.from, self.to) else { return format!("there was no {what}") };
        let length = |slack: Option<Span>| limit - slack.unwrap_or(Span::ZERO);
        let shown = match (length(self.hi), length(self.lo)) {
            (least, most) if least == most => span(most),
            (least, most) => format!("between {} and {} (data is missing)", span(least), span(most)),
        };
        format!("the longest {what} was {shown} of {} allowed (from {} to {})", span(limit), from.at, to.at)
    }
}

/// A margin with its unit.
struct Worth {
    lo: Option<f64>,
    hi: Option<f64>,
    unit: String,
    /// `-0.4 m`, `0.1 m to 0.3 m`.
    between: String,
    /// `missed by 0.4 m`.
    text: String,
}

impl Names<'_> {
    /// The unit of a formula's margin and what a margin of 1 is in SI; `None` where only states are judged.
    fn unit(&self, formula: &Formula) -> Option<(Unit, f64)> {
        let mut units: Vec<(Unit, f64)> = Vec::new();
        self.collect(formula, &mut units);
        let (unit, scale) = units.first()?.clone();
        let like = |(other, weight): &(Unit, f64)| other.dimension == unit.dimension && *weight == scale;
        if !units.iter().all(like) {
            return Some((percent(), 1.0));
        }
        let unit = match self.margin {
            MarginKind::Unit(own) if own.dimension == unit.dimension => own.clone(),
            _ => unit,
        };
        Some((unit.difference(), scale))
    }

    fn collect(&self, formula: &Formula, out: &mut Vec<(Unit, f64)>) {
        match formula {
            Formula::Compare { left, right, scale, .. } => out.push((self.side_unit(left, right), *scale)),
            Formula::In { expr, lo, scale, .. } => out.push((self.side_unit(expr, lo), *scale)),
            _ => formula.children(&mut |part| self.collect(part, out)),
        }
    }

    fn side_unit(&self, left: &Number, right: &Number) -> Unit {
        let unit = |number| number_unit(number, self.signals);
        unit(left).or_else(|| unit(right)).unwrap_or_else(Unit::one)
    }

    fn whole(&self, formula: Option<&Formula>, margin: Margin) -> Worth {
        let truth = match margin {
            Margin { lo, .. } if lo > 0.0 => Truth::True,
            Margin { hi, .. } if hi < 0.0 => Truth::False,
            _ => Truth::Unknown,
        };
        self.worth(formula, margin, truth)
    }

    fn worth(&self, formula: Option<&Formula>, margin: Margin, truth: Truth) -> Worth {
        let known = formula.and_then(|formula| self.unit(formula));
        let (unit, scale) = known.clone().unwrap_or_else(|| (Unit::one(), 1.0));
        let si = Margin { lo: margin.lo * scale, hi: margin.hi * scale };
        let finite = |n: f64| Some(unit.from_si(n)).filter(|n| n.is_finite());
        let mut text = phrase(si, truth, &unit);
        if *self.margin == MarginKind::Share && unit.text != "%" && margin.hi.is_finite() && margin.lo.is_finite() {
            text += &format!(" ({})", shown_between(absolute(margin), &percent()));
        }
        Worth {
            lo: finite(si.lo),
            hi: finite(si.hi),
            unit: if known.is_some() { unit.text.clone() } else { String::new() },
            between: shown_between(si, &unit),
            text,
        }
    }

    fn episode(&self, formula: Option<&Formula>, episode: &Episode) -> ToldEpisode {
        let worth = self.worth(formula, episode.worst.margin, Truth::False);
        ToldEpisode {
            from_s: episode.from.at.seconds(),
            to_s: episode.to.map(|to| to.at.seconds()),
            worst_at_s: episode.worst.place.at.seconds(),
            worst_lo: worth.lo,
            worst_hi: worth.hi,
            unit: worth.unit,
            worst_text: worth.text,
            text: match episode.to {
                Some(to) if to.at <= episode.from.at.next() => at(episode.from),
                Some(to) => format!("from {} to {}", episode.from.at, to.at),
                None => format!("from {} to the end", episode.from.at),
            },
        }
    }

    fn step(&self, step: &Step) -> ToldStep {
        let worth = self.worth(Some(&step.formula), step.margin, step.truth);
        let (samples, more_samples) = match &step.how {
            How::Compared { samples, more_samples, .. } => (samples.as_slice(), *more_samples),
            How::Tested { samples } => (samples.as_slice(), 0),
            _ => (&[][..], 0),
        };
        ToldStep {
            formula: words(&step.formula, self.signals),
            at_s: step.place.at.seconds(),
            just_after: step.place.after,
            truth: match step.truth {
                Truth::True => "true",
                Truth::False => "false",
                Truth::Unknown => "unknown",
            },
            margin_lo: worth.lo,
            margin_hi: worth.hi,
            unit: worth.unit,
            when: at(step.place),
            text: worth.text,
            how: self.how(step),
            samples: samples.iter().map(|seen| self.sample(seen, step.place)).collect(),
            more_samples,
            causes: step.causes.iter().map(|cause| self.step(cause)).collect(),
            others: step
                .others
                .iter()
                .map(|other| {
                    let worth = self.worth(Some(&other.formula), other.margin, other.truth);
                    format!("{} {}", words(&other.formula, self.signals), worth.text)
                })
                .collect(),
            more_others: step.more_others,
        }
    }

    /// What follows the formula and its margin; ends in a colon where causes follow.
    fn how(&self, step: &Step) -> String {
        let (held, broken) = (step.truth == Truth::True, step.truth == Truth::False);
        match &step.how {
            How::Compared { sides, .. } => self.sides(sides),
            How::Tested { .. } | How::Written | How::Opposite => String::new(),
            How::Decided => match (&step.formula, step.truth) {
                (Formula::Or(_), Truth::False) => "no part held; the nearest:".into(),
                (Formula::Or(_) | Formula::Implies(..), Truth::True) => "one part is enough:".into(),
                (Formula::And(_), Truth::True) => "every part held; the nearest to breaking:".into(),
                _ => String::new(),
            },
            How::Together => match (&step.formula, step.truth) {
                (Formula::Implies(..), _) => "the left side held and the right side did not:".into(),
                (Formula::Iff(..), Truth::False) => "one side held and the other did not:".into(),
                (Formula::Iff(..), Truth::True) => "both sides were alike:".into(),
                (Formula::Rise(_) | Formula::Fall(_), _) => "before and after:".into(),
                _ => String::new(),
            },
            How::Least { from, to } if held => format!("throughout {}; at worst:", stretch(*from, *to)),
            How::Least { from, to } => format!("at worst, {}:", stretch(*from, *to)),
            How::Most { from, to } if broken => format!("nowhere {}; at best:", stretch(*from, *to)),
            How::Most { from, to } => format!("somewhere {}:", stretch(*from, *to)),
            How::LeftBroke { .. } => "the left side broke before the right side had come:".into(),
            How::NeverCame { from, to } => format!("the right side did not come {}; at best:", stretch(*from, *to)),
            How::Came { .. } => "the right side came while the left one held:".into(),
            How::JustBefore => "just before:".into(),
            How::Open { from, to } => format!("unknown {}:", stretch(*from, *to)),
            How::BeforeStart { from } => format!("it looks back to {}, before judging began", at(*from)),
            // Without an operator that waits for ever only warm-up leaves a whole scope uncertain.
            How::StillWaiting if horizon(&step.formula).is_some() => {
                "certain nowhere: it looks back to before judging began throughout".into()
            }
            How::StillWaiting => "it still waited for an answer when the record ended:".into(),
            How::Cut => "…".into(),
        }
    }

    fn sides(&self, sides: &[Side]) -> String {
        let mut told = Vec::new();
        let unit = sides.iter().find_map(|side| number_unit(&side.number, self.signals)).unwrap_or_else(Unit::one);
        for side in sides {
            if matches!(side.number, Number::Constant(_)) {
                continue;
            }
            let unit = number_unit(&side.number, self.signals).unwrap_or_else(|| unit.clone());
            let name = number_words_in(&side.number, &unit, self.signals);
            let value = match side.value {
                Margin { lo, hi } if lo == hi => format!("was {}", unit.show(lo, VALUE_DIGITS)),
                Margin { lo, hi } if lo.is_finite() && hi.is_finite() => {
                    format!("was between {} and {}", unit.show(lo, VALUE_DIGITS), unit.show(hi, VALUE_DIGITS))
                }
                _ => "was unknown".into(),
            };
            told.push(format!("{name} {value}"));
        }
        told.join(", ")
    }

    fn sample(&self, seen: &Seen, looked_from: Place) -> ToldSample {
        let def = self.signals.def(seen.signal);
        let name = def.name.clone();
        let show = |value: Value| match (&def.kind, value) {
            (SignalKind::Number { unit, .. }, Value::Number(si)) if si.is_finite() => unit.show(si, VALUE_DIGITS),
            (SignalKind::States { names }, Value::State(state)) => {
                names.get(usize::from(state)).cloned().unwrap_or_else(|| format!("state {state}"))
            }
            (_, Value::Flag(flag)) => flag.to_string(),
            (_, Value::Pulse) => "heard".into(),
            (_, Value::Number(si)) if si.is_finite() => Unit::one().show(si, VALUE_DIGITS),
            _ => "no value".into(),
        };
        let there = if seen.place == looked_from { String::new() } else { format!(" {}", at(seen.place)) };
        let (stamp, value, text) = match &seen.heard {
            Heard::Fresh { value, stamp, age } => {
                let shown = show(*value);
                let what = match value {
                    Value::Pulse => format!("{name} was last heard at {stamp}"),
                    _ => format!("{name} was {shown}{there}, sampled at {stamp}"),
                };
                let old = if *age > Span::ZERO { format!(", {} before", span(*age)) } else { String::new() };
                (Some(*stamp), Some(shown), what + &old)
            }
            Heard::Several { first, last, count } => {
                let text =
                    format!("{name} had {count} values at one instant, from {} to {}", show(*first), show(*last));
                (Some(seen.place.at), None, text)
            }
            Heard::Nothing { gap, last } => {
                let before = match last {
                    Some((value, stamp)) => format!("; last known: {} at {stamp}", show(*value)),
                    None => String::new(),
                };
                let stale = |since: Time| match last {
                    Some((_, stamp)) => format!("a sample holds for {} at most", span(since.since(*stamp))),
                    None => "its samples are too old".into(),
                };
                let text = match gap {
                    Gap::NeverHeard => format!("{name} had never been heard{there}"),
                    Gap::Stale { since } => {
                        format!("{name} was unknown since {since}: no sample came, and {}{before}", stale(*since))
                    }
                    Gap::Lost { since } => format!("{name} was unknown since {since}: its device was lost{before}"),
                    Gap::NoValue { since } => {
                        format!("{name} was unknown since {since}: its samples were no value{before}")
                    }
                    Gap::BeforeStart => format!("nothing counts of {name} before judging began"),
                    Gap::AfterEnd => format!("nothing is known of {name} after the end of the record"),
                };
                (last.map(|(_, stamp)| stamp), None, text)
            }
        };
        ToldSample { signal: name, at_s: seen.place.at.seconds(), stamp_s: stamp.map(Time::seconds), value, text }
    }

    /// What it all came from, in one sentence.
    fn because(&self, step: &Step) -> String {
        if step.how == How::StillWaiting && horizon(&step.formula).is_some() {
            return format!("{} was certain nowhere: all was warm-up", words(&step.formula, self.signals));
        }
        if step.how == How::StillWaiting {
            return format!("{} still waited when the record ended", words(&step.formula, self.signals));
        }
        let path = step.path();
        let root = step.root();
        let told = self.step(root);
        let what = match &root.how {
            How::Compared { .. } if root.truth != Truth::Unknown => told.how.clone(),
            _ => {
                match told.samples.iter().zip(samples(root)).find(|(_, seen)| !seen.is_known()).map(|(told, _)| told) {
                    Some(missing) => missing.text.clone(),
                    None => told.samples.first().map_or(told.how.trim_end_matches(':').to_owned(), |s| s.text.clone()),
                }
            }
        };
        let what = if what.is_empty() { what } else { format!(": {what}") };
        // Of what never came the whole window matters, not the instant at which it was nearest.
        let above = path.len().checked_sub(2).map(|place| path[place]);
        let when = match above.filter(|above| above.truth == Truth::False).map(|above| &above.how) {
            Some(How::Most { from, to } | How::NeverCame { from, to }) if from.at < to.at => {
                format!("at best {}", stretch(*from, *to))
            }
            _ => at(root.place),
        };
        format!("{} {} {when}{what}", told.formula, told.text)
    }
}

fn samples(step: &Step) -> &[Seen] {
    match &step.how {
        How::Compared { samples, .. } | How::Tested { samples } => samples,
        _ => &[],
    }
}

/// The step and what it follows from, indented.
fn write(step: &ToldStep, above: Option<(f64, bool)>, depth: usize, out: &mut Vec<String>) {
    let here = (step.at_s, step.just_after);
    let when = if above == Some(here) { String::new() } else { format!(" {}", step.when) };
    let mut line = format!("{}{} {}{when}", "  ".repeat(depth), step.formula, step.text);
    // A single sample fits on the same line, and says what the side of the comparison would.
    let single = match step.samples.as_slice() {
        [only] if step.more_samples == 0 => Some(only),
        _ => None,
    };
    let repeated = single.is_some_and(|only| step.how.starts_with(&format!("{} was", only.signal)));
    if !step.how.is_empty() && !repeated {
        line += &format!("; {}", step.how);
    }
    if let Some(only) = single {
        line += &format!("; {}", only.text);
    }
    out.push(line);
    let inner = "  ".repeat(depth + 1);
    if single.is_none() {
        out.extend(step.samples.iter().map(|sample| format!("{inner}{}", sample.text)));
        if step.more_samples > 0 {
            out.push(format!("{inner}and {} more signals", step.more_samples));
        }
    }
    for cause in &step.causes {
        write(cause, Some(here), depth + 1, out);
    }
    for other in &step.others {
        out.push(format!("{inner}(beside it: {other})"));
    }
    if step.more_others > 0 {
        out.push(format!("{inner}(and {} more parts)", step.more_others));
    }
}

fn percent() -> Unit {
    Unit::parse("%").expect("the table of units has it")
}

fn absolute(margin: Margin) -> Margin {
    if margin.hi < 0.0 { Margin { lo: -margin.hi, hi: -margin.lo } } else { margin }
}

/// `0.4 m`, `0.1 m to 0.3 m`, `unknown to 0.3 m`; `held` and `broken` at the infinities.
fn shown_between(si: Margin, unit: &Unit) -> String {
    let one = |n: f64| match n {
        n if n.is_finite() => unit.show(n, MARGIN_DIGITS),
        n if n > 0.0 => "held".into(),
        _ => "broken".into(),
    };
    let open = |n: f64| if n.is_finite() { one(n) } else { "unknown".into() };
    match si {
        Margin { lo, hi } if lo == hi => one(lo),
        Margin { lo, hi } if !lo.is_finite() && !hi.is_finite() => "unknown".into(),
        Margin { lo, hi } => format!("{} to {}", open(lo), open(hi)),
    }
}

fn phrase(si: Margin, truth: Truth, unit: &Unit) -> String {
    let shown = |n: f64| unit.show(n, MARGIN_DIGITS);
    match truth {
        Truth::False => match absolute(si) {
            _ if si.hi == 0.0 => "missed, at the very limit".into(),
            Margin { lo, .. } if !lo.is_finite() => "did not hold".into(),
            Margin { lo, hi } if lo == hi => format!("missed by {}", shown(lo)),
            Margin { lo, hi } if hi.is_finite() => format!("missed by {} to {}", shown(lo), shown(hi)),
            Margin { lo, .. } => format!("missed by at least {}", shown(lo)),
        },
        Truth::True => match si {
            Margin { lo: 0.0, .. } => "held, at the very limit".into(),
            Margin { lo, .. } if !lo.is_finite() => "held".into(),
            Margin { lo, hi } if lo == hi => format!("held with {} to spare", shown(lo)),
            Margin { lo, .. } => format!("held with at least {} to spare", shown(lo)),
        },
        Truth::Unknown => match si {
            Margin { lo, hi } if !lo.is_finite() && !hi.is_finite() => "is unknown".into(),
            Margin { lo, hi } if !lo.is_finite() => format!("is unknown, at most {}", shown(hi)),
            Margin { lo, hi } if !hi.is_finite() => format!("is unknown, at least {}", shown(lo)),
            Margin { lo, hi } => format!("is unknown, {} to {}", shown(lo), shown(hi)),
        },
    }
}

/// The open interval between two ticks is just after the one and just before the other: the rounder of them is named.
fn at(place: Place) -> String {
    let zeros = |at: Time| (1..18).take_while(|digits| at.nanos() % 10_i64.pow(*digits) == 0).count();
    match place {
        Place { at, after: false } => format!("at {at}"),
        Place { at, .. } if zeros(at.next()) > zeros(at) => format!("just before {}", at.next()),
        Place { at, .. } => format!("just after {at}"),
    }
}

fn stretch(from: Place, to: Place) -> String {
    if from.at == to.at { at(from) } else { format!("from {} to {}", from.at, to.at) }
}

/// A length of time with three digits: `120 ms`, `2.5 s`.
pub(super) fn span(span: Span) -> String {
    let seconds = span.seconds();
    let (number, unit) = match seconds.abs() {
        s if s >= 1.0 || s == 0.0 => (seconds, "s"),
        s if s >= 1e-3 => (seconds * 1e3, "ms"),
        s if s >= 1e-6 => (seconds * 1e6, "us"),
        _ => (seconds * 1e9, "ns"),
    };
    format!("{} {unit}", Unit::one().show(number, MARGIN_DIGITS))
}
