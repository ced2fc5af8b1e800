//! Cases from RTAMT's own tests, in discrete time: one sample a period, windows in samples.
//!
//! Shared meaning: values at the samples, where the window lies inside the recording. Not shared, and listed by reason:
//! see [`Skip`].

use checkrein::command::RuleId;
use checkrein::expr::ir::{Comparison, Formula, Number, Window};
use checkrein::signal::{SignalId, Value};
use checkrein::stl::{Change, Engine, Options, Piece, RuleSpec, SignalSpec};
use checkrein::time::{Span, Time};

/// One sample a period of so many ns.
const PERIOD: i64 = 10;

/// Why a case is not one of ours.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Skip {
    /// `prev`, `next` and their strong forms count samples; dense time has none.
    CountsSamples,
    /// Dense cases hold the last value for ever and require the left side of `until` at the witness.
    Dense,
    /// Online cases of future operators print values that belong to earlier samples.
    Shifted,
    /// Unbounded future operators are judged over the whole scope, not per sample.
    WholeScope,
}

struct Parser<'a> {
    text: &'a str,
    signals: &'a [String],
}

enum Term {
    Number(Number),
    Formula(Formula),
}

impl Term {
    fn formula(self) -> Formula {
        match self {
            Term::Formula(f) => f,
            // A bare number is a formula whose robustness it is.
            Term::Number(left) => {
                Formula::Compare { op: Comparison::Greater, left, right: Number::Constant(0.0), scale: 1.0 }
            }
        }
    }
    fn number(self) -> Number {
        match self {
            Term::Number(n) => n,
            Term::Formula(f) => panic!("a number was wanted: {f:?}"),
        }
    }
}

impl Parser<'_> {
    fn eat(&mut self, word: &str) -> bool {
        if let Some(rest) = self.text.strip_prefix(word) {
            self.text = rest;
            return true;
        }
        false
    }
    fn word(&mut self) -> String {
        let end = self.text.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '.').unwrap_or(self.text.len());
        let (word, rest) = self.text.split_at(end);
        self.text = rest;
        word.to_string()
    }
    fn window(&mut self) -> Window {
        if !self.eat("[") {
            return Window { from: Span::ZERO, to: None };
        }
        let mut bound = || -> Span {
            let samples: i64 = self.word().parse().expect("a whole bound");
            self.text = &self.text[1..];
            Span::from_nanos(samples * PERIOD)
        };
        let from = bound();
        let to = bound();
        Window { from, to: Some(to) }
    }
    fn group(&mut self) -> Result<Term, Skip> {
        assert!(self.eat("("), "a group was wanted at {:?}", self.text);
        let inner = self.term()?;
        assert!(self.eat(")"), "a group ends at {:?}", self.text);
        Ok(inner)
    }
    fn term(&mut self) -> Result<Term, Skip> {
        if self.text.starts_with('(') {
            let left = self.group()?;
            return self.binary(left);
        }
        let word = self.word();
        if let Ok(number) = word.parse::<f64>() {
            return Ok(Term::Number(Number::Constant(number)));
        }
        if let Some(place) = self.signals.iter().position(|s| *s == word) {
            return Ok(Term::Number(Number::Signal(SignalId(place as u32))));
        }
        let window = self.window();
        let inner = |p: &mut Self| Ok(Box::new(p.group()?.formula()));
        Ok(Term::Formula(match word.as_str() {
            "always" | "eventually" if window.to.is_none() => return Err(Skip::WholeScope),
            "always" => Formula::Always(window, inner(self)?),
            "eventually" => Formula::Eventually(window, inner(self)?),
            "historically" => Formula::Historically(window, inner(self)?),
            "once" => Formula::Once(window, inner(self)?),
            "rise" => Formula::Rise(inner(self)?),
            "fall" => Formula::Fall(inner(self)?),
            "previous" | "next" | "s_previous" | "s_next" => return Err(Skip::CountsSamples),
            other => panic!("unknown operator {other:?}"),
        }))
    }
    fn binary(&mut self, left: Term) -> Result<Term, Skip> {
        for (sign, op) in [("->", None), ("<=", Some(Comparison::LessEqual)), ("<", Some(Comparison::Less))] {
            if self.eat(sign) {
                let right = self.group()?;
                return Ok(Term::Formula(match op {
                    None => Formula::Implies(Box::new(left.formula()), Box::new(right.formula())),
                    Some(op) => Formula::Compare { op, left: left.number(), right: right.number(), scale: 1.0 },
                }));
            }
        }
        type Make = fn(Box<Number>, Box<Number>) -> Number;
        let signs: [(&str, Make); 4] =
            [("+", Number::Add), ("-", Number::Subtract), ("*", Number::Multiply), ("/", Number::Divide)];
        for (sign, make) in signs {
            if self.eat(sign) {
                let right = self.group()?;
                return Ok(Term::Number(make(Box::new(left.number()), Box::new(right.number()))));
            }
        }
        let word = self.word();
        let window = self.window();
        let (left, right) = (Box::new(left.formula()), Box::new(self.group()?.formula()));
        match word.as_str() {
            "since" => Ok(Term::Formula(Formula::Since(window, left, right))),
            "until" if window.to.is_none() => Err(Skip::WholeScope),
            "until" => Ok(Term::Formula(Formula::Until(window, left, right))),
            "precedes" => Err(Skip::Shifted),
            other => panic!("unknown operator {other:?}"),
        }
    }
}

/// How far the formula looks back and ahead in ns, at most.
fn reach(formula: &Formula) -> (i64, i64) {
    let to = |w: &Window| w.to.map_or(0, Span::nanos);
    match formula {
        Formula::Always(w, _) | Formula::Eventually(w, _) | Formula::Until(w, ..) => (0, to(w)),
        Formula::Historically(w, _) | Formula::Once(w, _) | Formula::Since(w, ..) => (to(w), 0),
        _ => (0, 0),
    }
}

/// Runs one case of the file; how many values were compared, or why it is not one of ours.
pub fn case(case: &serde_json::Value) -> Result<usize, Skip> {
    let text = |name: &str| case[name].as_str().expect("a text").to_string();
    if text("mode").starts_with("dense") {
        return Err(Skip::Dense);
    }
    let asked = case["rtamt_ast"][0].as_str().expect("a formula");
    let written = text("formula");
    if text("mode") == "discrete-online"
        && ["always", "eventually", "next", "until"].iter().any(|w| written.contains(w))
    {
        return Err(Skip::Shifted);
    }
    let columns = case["signals"].as_object().expect("signals");
    let names: Vec<String> = columns.keys().cloned().collect();
    let mut parser = Parser { text: asked, signals: &names };
    let formula = parser.term()?.formula();
    assert!(parser.text.is_empty(), "not all of {asked:?} was read");
    let rule = RuleId(0);
    let signals = vec![SignalSpec::default(); names.len()];
    let options = Options { pieces: true, ..Options::default() };
    let mut engine = Engine::with(&[RuleSpec { id: rule, body: formula.clone(), when: None }], &signals, options);
    let mut changes: Vec<Change> = Vec::new();
    engine.start(Time::ZERO, &[], &mut changes);
    let expected = case["expected"].as_array().expect("values");
    for i in 0..expected.len() {
        let batch: Vec<(SignalId, Value)> = names
            .iter()
            .enumerate()
            .map(|(id, name)| (SignalId(id as u32), Value::Number(columns[name][i].as_f64().expect("a number"))))
            .collect();
        engine.push(Time::from_nanos(i as i64 * PERIOD), &batch, &mut changes);
    }
    let end = expected.len() as i64 * PERIOD;
    engine.advance(Time::from_nanos(end), &mut changes);
    let mut pieces: Vec<Piece> = Vec::new();
    engine.take_pieces(rule, &mut pieces);
    let (back, ahead) = reach(&formula);
    let mut compared = 0;
    for (i, value) in expected.iter().enumerate() {
        let at = i as i64 * PERIOD;
        // The last sample's window may not touch the end of the recording.
        if at < back || at + ahead >= end {
            continue;
        }
        let holds = |p: &&Piece| p.at.nanos() < at || p.at.nanos() == at && !p.after;
        let piece = pieces.iter().rev().find(holds).expect("decided");
        let value = value.as_f64().expect("a finite value");
        assert!(
            piece.margin.lo == value && piece.margin.hi == value,
            "{} {asked} at sample {i}: {:?}, expected {value}",
            text("id"),
            piece.margin
        );
        compared += 1;
    }
    Ok(compared)
}
