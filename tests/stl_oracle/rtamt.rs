//! The cases of RTAMT's own tests (github.com/nickovic/rtamt at 5e30b7b, each with the test it comes from), value for value:
//! facts about formulas and signals, in `rtamt_cases.json`.
//!
//! One second is [`SECOND`] ns here. What is read otherwise than written, so that both mean the same:
//! - Dense signals hold their last value for ever: the recording goes on far beyond the last sample, and an unbounded
//!   future operator gets a window that reaches past it. In discrete time the same: a window that leaves the trace finds
//!   the last sample again, which it found already.
//! - Windows are cut at the start (`Outside::Cut`).
//! - Dense `until` and `since` want their left side at the witness, too: `p until q` is read as `p until (p and q)`.
//! - Online cases are run as the formula about the past that RTAMT rewrote them to.

use super::shape::horizon;
use checkrein::command::RuleId;
use checkrein::expr::ir::{Comparison, Formula, Number, Window};
use checkrein::signal::{SignalId, Value};
use checkrein::stl::{Change, Engine, Options, Outside, Piece, RuleSpec, SignalSpec};
use checkrein::time::{Span, Time};
use serde_json::Value as Json;

/// A second of the cases in ns; their times are whole tenths.
const SECOND: f64 = 10.0;
/// Longer than any trace, in s.
const FOR_EVER: i64 = 40;

/// Why a case is not one of ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Clause {
    /// `prev`, `next` and their strong forms count samples; dense time has none.
    CountsSamples,
    /// `precedes` is RTAMT's own: an `until` whose witness is the present, told later.
    Precedes,
}

/// The cases that are not ours, each by the clause that differs. Every other one is compared.
const NOT_OURS: &[(&str, Clause)] = &[
    ("rtamt_046", Clause::CountsSamples),
    ("rtamt_051", Clause::CountsSamples),
    ("rtamt_055", Clause::CountsSamples),
    ("rtamt_056", Clause::CountsSamples),
    ("rtamt_068", Clause::CountsSamples),
    ("rtamt_078", Clause::CountsSamples),
    ("rtamt_079", Clause::Precedes),
];

struct Parser<'a> {
    text: &'a str,
    signals: &'a [String],
    dense: bool,
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
            let seconds: i64 = self.word().parse().expect("a whole bound");
            self.text = &self.text[1..];
            Span::from_nanos(seconds * SECOND as i64)
        };
        let from = bound();
        let to = bound();
        Window { from, to: Some(to) }
    }
    fn group(&mut self) -> Result<Term, Clause> {
        assert!(self.eat("("), "a group was wanted at {:?}", self.text);
        let inner = self.term()?;
        assert!(self.eat(")"), "a group ends at {:?}", self.text);
        Ok(inner)
    }
    fn term(&mut self) -> Result<Term, Clause> {
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
            "always" => Formula::Always(ahead(window), inner(self)?),
            "eventually" => Formula::Eventually(ahead(window), inner(self)?),
            "historically" => Formula::Historically(window, inner(self)?),
            "once" => Formula::Once(window, inner(self)?),
            "rise" => Formula::Rise(inner(self)?),
            "fall" => Formula::Fall(inner(self)?),
            "previous" | "next" | "s_previous" | "s_next" => return Err(Clause::CountsSamples),
            other => panic!("unknown operator {other:?}"),
        }))
    }
    fn binary(&mut self, left: Term) -> Result<Term, Clause> {
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
        let (left, mut right) = (Box::new(left.formula()), Box::new(self.group()?.formula()));
        if self.dense {
            *right = Formula::And(vec![*right, (*left).clone()]);
        }
        match word.as_str() {
            "since" => Ok(Term::Formula(Formula::Since(window, left, right))),
            "until" => Ok(Term::Formula(Formula::Until(ahead(window), left, right))),
            "precedes" => Err(Clause::Precedes),
            other => panic!("unknown operator {other:?}"),
        }
    }
}

/// A window on the future, with an end.
fn ahead(window: Window) -> Window {
    let for_ever = Span::from_nanos(FOR_EVER * SECOND as i64);
    Window { to: Some(window.to.unwrap_or(for_ever)), ..window }
}

fn text<'a>(case: &'a Json, name: &str) -> &'a str {
    case[name].as_str().expect("a text")
}

fn number(value: &Json) -> f64 {
    // Fractions are texts, which Rust reads to the last bit; the reader of JSON does not.
    match value.as_str() {
        Some(text) => text.parse().expect("a number"),
        None => value.as_f64().expect("a number"),
    }
}

/// A list of values as (tick, value): breakpoints of a dense case, or one value a second.
fn steps(list: &Json, dense: bool) -> Vec<(i64, f64)> {
    let list = list.as_array().expect("a list");
    let step = |(i, entry): (usize, &Json)| {
        let (seconds, value) = if dense { (number(&entry[0]), &entry[1]) } else { (i as f64, entry) };
        ((seconds * SECOND).round() as i64, number(value))
    };
    list.iter().enumerate().map(step).collect()
}

/// Runs one case; how many values were compared, or why it is not one of ours.
fn run(case: &Json) -> Result<usize, Clause> {
    let dense = text(case, "mode").starts_with("dense");
    let asked = case["rtamt_ast"][0].as_str().expect("a formula");
    let columns = case["signals"].as_object().expect("signals");
    let names: Vec<String> = columns.keys().cloned().collect();
    let mut parser = Parser { text: asked, signals: &names, dense };
    let formula = parser.term()?.formula();
    assert!(parser.text.is_empty(), "not all of {asked:?} was read");
    let samples: Vec<Vec<(i64, f64)>> = names.iter().map(|name| steps(&columns[name], dense)).collect();
    let expected = steps(&case["expected"], dense);
    // All signals are there from here on.
    let start = samples.iter().filter_map(|s| s.first()).map(|s| s.0).max().expect("a signal has samples");
    assert_eq!(expected[0].0, start, "the output begins where all inputs are");
    let last = samples.iter().chain([&expected]).filter_map(|s| s.last()).map(|s| s.0).max().expect("samples");

    let rule = RuleId(0);
    let options = Options { outside: Outside::Cut, pieces: true, ..Options::default() };
    let spec = RuleSpec { id: rule, body: formula.clone(), when: None };
    let mut engine = Engine::with(&[spec], &vec![SignalSpec::default(); names.len()], options);
    let mut changes: Vec<Change> = Vec::new();
    let mut told: Vec<(i64, SignalId, Value)> = Vec::new();
    for (id, samples) in samples.iter().enumerate() {
        told.extend(samples.iter().map(|&(at, v)| (at, SignalId(id as u32), Value::Number(v))));
    }
    told.sort_by_key(|t| t.0);
    let (held, told): (Vec<_>, Vec<_>) = told.into_iter().partition(|t| t.0 < start);
    let held: Vec<_> = held.into_iter().map(|(at, id, value)| (id, value, Time::from_nanos(at))).collect();
    engine.start(Time::from_nanos(start), &held, &mut changes);
    for (at, id, value) in told {
        engine.push(Time::from_nanos(at), &[(id, value)], &mut changes);
    }
    engine.advance(Time::from_nanos(last + 10 + horizon(&formula)), &mut changes);
    let mut pieces: Vec<Piece> = Vec::new();
    engine.take_pieces(rule, &mut pieces);

    let places = if dense { 0..=2 * (last - start) + 1 } else { 0..=2 * (last - start) };
    let mut compared = 0;
    for slot in places {
        let (at, after) = (start + slot / 2, slot % 2 == 1);
        if !dense && (after || at % SECOND as i64 != 0) {
            continue;
        }
        let value = expected.iter().rev().find(|e| e.0 <= at).expect("from the start on").1;
        let holds = |p: &&Piece| p.at.nanos() < at || p.at.nanos() == at && (!p.after || after);
        let piece = pieces.iter().rev().find(holds).expect("decided");
        assert!(
            piece.margin.lo == value && piece.margin.hi == value,
            "{} {asked} at {at} (after: {after}): {:?}, expected {value}",
            text(case, "id"),
            piece.margin
        );
        compared += 1;
    }
    Ok(compared)
}

#[test]
fn every_case_of_rtamt_is_equal_or_listed_with_the_clause_that_differs() {
    let cases: Vec<Json> = serde_json::from_str(include_str!("rtamt_cases.json")).expect("a list of cases");
    let (mut values, mut dense) = (0, 0);
    let mut not_ours = Vec::new();
    for case in &cases {
        match run(case) {
            Ok(compared) => {
                assert!(compared >= 5, "{}: only {compared} values", case["id"]);
                values += compared;
                dense += usize::from(text(case, "mode").starts_with("dense"));
            }
            Err(clause) => not_ours.push((text(case, "id"), clause)),
        }
    }
    assert_eq!(not_ours, NOT_OURS);
    assert_eq!((cases.len(), dense), (80, 34));
    assert!(values > 2000, "only {values} values");
}
