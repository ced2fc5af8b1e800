//! One rule over signals that are named by text: for whoever wants the engine and nothing else.

use super::text::{TextRule, rule, signal};
use super::{Change, Engine, Judgement, Margin, Options, Running, SignalSpec};
use crate::command::RuleId;
use crate::diag::{Diagnostic, Source, nearest, report};
use crate::expr::{MarginKind, Scope};
use crate::signal::{SignalId, SignalKind, SignalTable, Value};
use crate::time::Time;
use crate::units::{Problem, Quantity, Unit};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Judges one rule while samples come.
///
/// ```
/// use checkrein::stl::{Monitor, RuleVerdict};
/// use checkrein::time::{Span, Time};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut monitor = Monitor::new(&["altitude: m", "mode: {HOLD, LAND}"], "when: mode == HOLD; always: altitude <= 8 m")?;
/// let at = |ms| Time::ZERO + Span::from_millis(ms);
/// monitor.push(at(0), "mode", "HOLD")?;
/// monitor.push(at(0), "altitude", 7.5)?; // in the unit that was declared
/// monitor.push(at(20), "altitude", 7.75)?;
/// assert_eq!(monitor.running().decided.hi, 0.5); // an instant is judged when a later one comes
/// let judged = monitor.finish(at(20));
/// assert_eq!((judged.verdict, judged.margin.lo), (RuleVerdict::Pass, 0.25));
/// # Ok(())
/// # }
/// ```
///
/// What is not known is never counted as good: a signal that falls silent becomes unknown, and a rule that reads it is
/// inconclusive, unless a violation is certain all the same.
///
/// ```
/// use checkrein::stl::{Monitor, RuleVerdict};
/// use checkrein::time::{Span, Time};
///
/// let second = Span::from_secs(1);
/// let mut monitor = Monitor::new(&["x: stale after 1 s"], "x < 3").expect("it is right");
/// monitor.push(Time::ZERO, "x", 1.0).expect("x is a number");
/// assert_eq!(monitor.finish(Time::ZERO + second * 5).verdict, RuleVerdict::Inconclusive);
/// ```
#[derive(Clone, Debug)]
pub struct Monitor {
    engine: Engine,
    signals: SignalTable,
    rule: TextRule,
    started: bool,
    changes: Vec<Change>,
}

/// What is wrong with a rule or with the description of a signal; shown like a compiler's messages.
#[derive(Clone, PartialEq, Debug)]
pub struct Mistakes(pub Vec<Diagnostic>);

impl std::fmt::Display for Mistakes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(report(&self.0, false).trim_end())
    }
}

impl std::error::Error for Mistakes {}

/// A value as a program has it at hand.
#[derive(Copy, Clone, PartialEq, Debug)]
pub enum Reading<'a> {
    /// In the unit in which the signal was declared. NaN and ±∞ are unknown.
    Number(f64),
    Flag(bool),
    /// The name of a state.
    State(&'a str),
    /// Something happened.
    Pulse,
    /// Heard, but not a value that the signal can have.
    Unknown,
}

impl From<f64> for Reading<'_> {
    fn from(number: f64) -> Self {
        Reading::Number(number)
    }
}

impl From<bool> for Reading<'_> {
    fn from(flag: bool) -> Self {
        Reading::Flag(flag)
    }
}

impl<'a> From<&'a str> for Reading<'a> {
    fn from(state: &'a str) -> Self {
        Reading::State(state)
    }
}

/// Why a sample was not taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotASample {
    /// No signal has that name.
    #[error("there is no signal `{name}`{}", near.as_ref().map_or(String::new(), |near| format!("; did you mean `{near}`?")))]
    NoSuchSignal {
        name: String,
        /// The nearest that there is.
        near: Option<String>,
    },
    /// The signal has no such values.
    #[error("`{signal}` cannot have this value; wanted {wanted}")]
    NoSuchValue { signal: String, wanted: &'static str },
}

impl Monitor {
    /// Of signals, described as [`signal`] has it, and a rule as [`rule`](fn@rule) has it. Every mistake at once.
    pub fn new(signals: &[&str], text: &str) -> Result<Monitor, Mistakes> {
        Monitor::with(signals, text, Options::default())
    }

    /// The same with options.
    pub fn with(signals: &[&str], text: &str, options: Options) -> Result<Monitor, Mistakes> {
        let mut mistakes = Vec::new();
        let mut table = SignalTable::new();
        for described in signals {
            let source = Source { name: "signal".into(), text: (*described).to_owned() };
            match signal(described) {
                Ok(def) => {
                    let length = def.name.len();
                    if table.add(def).is_none() {
                        mistakes.extend(told(
                            source,
                            vec![Problem {
                                severity: crate::diag::Severity::Error,
                                span: 0..length,
                                message: "a second signal of this name".into(),
                                remedy: None,
                            }],
                        ));
                    }
                }
                Err(problem) => mistakes.extend(told(source, vec![problem])),
            }
        }
        let defines = BTreeMap::new();
        let scope = Scope { signals: &table, defines: &defines, parameters: None, run_names: true, future: true };
        let read = rule(text, RuleId(0), &scope);
        match read {
            Ok(read) if mistakes.is_empty() => {
                let specs: Vec<SignalSpec> = table.iter().map(|(_, def)| SignalSpec::of(def)).collect();
                let engine = Engine::with(std::slice::from_ref(&read.spec), &specs, options);
                Ok(Monitor { engine, signals: table, rule: read, started: false, changes: Vec::new() })
            }
            Ok(_) => Err(Mistakes(mistakes)),
            Err(problems) => {
                mistakes.extend(told(Source { name: "rule".into(), text: text.to_owned() }, problems));
                Err(Mistakes(mistakes))
            }
        }
    }

    /// Takes a sample; the first one begins the rule's scope. Samples of one stamp are one instant, which is judged when a
    /// later one comes. A sample that is older than another counts from the present instant, and that is told
    /// ([`Change::Late`]).
    pub fn push<'a>(&mut self, at: Time, signal: &str, reading: impl Into<Reading<'a>>) -> Result<(), NotASample> {
        let Some(id) = self.signals.find(signal) else {
            let near = nearest(signal, self.signals.names()).map(str::to_owned);
            return Err(NotASample::NoSuchSignal { name: signal.to_owned(), near });
        };
        let value = value(signal, &self.signals.def(id).kind, reading.into())?;
        self.push_values(at, &[(id, value)]);
        Ok(())
    }

    /// The same without names, for many samples: values are SI, and ids are asked for once.
    pub fn push_values(&mut self, at: Time, batch: &[(SignalId, Value)]) {
        if !self.started {
            self.started = true;
            self.engine.start(at, &[], &mut self.changes);
        }
        self.engine.push(at, batch, &mut self.changes);
    }

    /// The signal of that name.
    pub fn id(&self, signal: &str) -> Option<SignalId> {
        self.signals.find(signal)
    }

    /// Time goes on with no sample: every instant before `to` is judged.
    pub fn advance(&mut self, to: Time) {
        self.engine.advance(to, &mut self.changes);
    }

    /// When something can change with no sample arriving; [`advance`](Monitor::advance) past it to be told.
    pub fn next_deadline(&self) -> Option<Time> {
        self.engine.next_deadline()
    }

    /// What happened since the last call: the rule was tested, broken, blind, …
    pub fn changes(&mut self) -> impl Iterator<Item = Change> + '_ {
        self.changes.drain(..)
    }

    /// How the rule stands; margins in [`unit`](Monitor::unit).
    pub fn running(&self) -> Running {
        let running = self.engine.running(RuleId(0));
        Running { decided: self.shown(running.decided), early_hi: self.show(running.early_hi), ..running }
    }

    /// The rule as it was understood.
    pub fn rule(&self) -> &TextRule {
        &self.rule
    }

    /// The unit of its margins; `%` of the declared ranges where dimensions mix.
    pub fn unit(&self) -> Unit {
        match &self.rule.margin {
            MarginKind::Unit(unit) => unit.difference(),
            MarginKind::Share => Quantity::parse("1 %").map_or_else(|_| Unit::one(), |percent| percent.unit),
            MarginKind::Truth => Unit::one(),
        }
    }

    /// Ends the scope at `end`, which belongs to it; what comes after is unknown. Margins in [`unit`](Monitor::unit).
    pub fn finish(self, end: Time) -> Judgement {
        let unit = self.unit();
        let mut judged = self.engine.finish(end);
        let judged = judged.pop().expect("the engine has one rule, and judges each");
        Judgement { margin: in_unit(&unit, judged.margin), ..judged }
    }

    fn show(&self, si: f64) -> f64 {
        self.unit().from_si(si)
    }

    fn shown(&self, margin: Margin) -> Margin {
        in_unit(&self.unit(), margin)
    }
}

fn in_unit(unit: &Unit, margin: Margin) -> Margin {
    Margin { lo: unit.from_si(margin.lo), hi: unit.from_si(margin.hi) }
}

fn told(source: Source, problems: Vec<Problem>) -> Vec<Diagnostic> {
    let source = Arc::new(source);
    let one = |p: Problem| Diagnostic {
        severity: p.severity,
        source: source.clone(),
        span: p.span,
        message: p.message,
        remedy: p.remedy,
    };
    problems.into_iter().map(one).collect()
}

fn value(signal: &str, kind: &SignalKind, reading: Reading<'_>) -> Result<Value, NotASample> {
    let wanted = |wanted| NotASample::NoSuchValue { signal: signal.to_owned(), wanted };
    match (kind, reading) {
        (_, Reading::Unknown) => Ok(Value::Unknown),
        (SignalKind::Number { unit, .. }, Reading::Number(number)) => Ok(Value::Number(unit.to_si(number))),
        (SignalKind::Number { .. }, _) => Err(wanted("a number")),
        (SignalKind::Flag, Reading::Flag(flag)) => Ok(Value::Flag(flag)),
        (SignalKind::Flag, _) => Err(wanted("true or false")),
        (SignalKind::States { names }, Reading::State(state)) => {
            let place = names.iter().position(|name| name == state).and_then(|place| u16::try_from(place).ok());
            place.map(Value::State).ok_or_else(|| wanted("one of its states"))
        }
        (SignalKind::States { .. }, _) => Err(wanted("the name of a state")),
        (SignalKind::Pulse, _) => Ok(Value::Pulse),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stl::{RuleVerdict, Truth};
    use crate::time::Span;

    fn at(ms: i64) -> Time {
        Time::ZERO + Span::from_millis(ms)
    }

    #[test]
    fn margins_come_back_in_the_units_of_the_rule() {
        let mut monitor = Monitor::new(&["x: m"], "x <= 800 cm").expect("it is right");
        assert_eq!(monitor.unit().text, "cm");
        monitor.push(at(0), "x", 9.0).expect("a number");
        monitor.advance(at(1));
        let running = monitor.running();
        assert_eq!((running.decided.hi, running.truth), (-100.0, Truth::False));
        assert!(monitor.changes().any(|c| matches!(c, Change::Violated { instant, .. } if instant == at(0))));
        assert_eq!(monitor.changes().count(), 0, "said once");
        let judged = monitor.finish(at(5));
        assert_eq!((judged.verdict, judged.margin.lo, judged.violated_at), (RuleVerdict::Fail, -100.0, Some(at(0))));
    }

    #[test]
    fn shares_are_told_in_percent_and_temperatures_in_kelvins() {
        let signals = ["x: 0 m .. 10 m", "soc: 0 % .. 100 %", "room: degC"];
        let mut mixed = Monitor::new(&signals, "x <= 8 m and soc >= 20 %").expect("it is right");
        mixed.push(at(0), "x", 1.0).expect("a number");
        mixed.push(at(0), "soc", 30.0).expect("a number");
        assert_eq!(mixed.unit().text, "%");
        let margin = mixed.finish(at(0)).margin;
        assert!((margin.lo - 10.0).abs() < 1e-9, "{margin:?}");
        let mut warm = Monitor::new(&signals, "room <= 30 degC").expect("it is right");
        warm.push(at(0), "room", 21.0).expect("a number");
        assert_eq!((warm.unit().text.as_str(), warm.finish(at(0)).margin.lo), ("K", 9.0));
    }

    #[test]
    fn mistakes_are_told_together_and_samples_one_by_one() {
        let mistakes = Monitor::new(&["x: furlong", "y", "y"], "z > 1 m").expect_err("three mistakes").to_string();
        for word in ["furlong", "a second signal of this name", "unknown signal `z`"] {
            assert!(mistakes.contains(word), "{mistakes}");
        }
        let mut monitor = Monitor::new(&["mode: {A, B}", "on: flag"], "mode == A or on").expect("it is right");
        let error = monitor.push(at(0), "moed", "A").expect_err("a slip").to_string();
        assert_eq!(error, "there is no signal `moed`; did you mean `mode`?");
        assert!(monitor.push(at(0), "mode", "C").is_err() && monitor.push(at(0), "mode", 1.0).is_err());
        assert!(monitor.push(at(0), "on", "A").is_err());
        monitor.push(at(0), "mode", Reading::Unknown).expect("it can be unknown");
        monitor.push(at(0), "on", true).expect("a flag");
        assert_eq!(monitor.finish(at(0)).verdict, RuleVerdict::Pass);
    }

    #[test]
    fn a_rule_without_a_sample_is_inconclusive() {
        assert_eq!(
            Monitor::new(&["x"], "x > 1").expect("it is right").finish(at(9)).verdict,
            RuleVerdict::Inconclusive
        );
    }
}
