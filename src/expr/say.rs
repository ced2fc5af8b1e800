//! A checked formula in plain English: for `explain`, and for readers who do not write formulas.
//!
//! Negations are carried down to the words (`is not GUIDED`, `was above 60 deg`), windows of the past speak in the past
//! tense, and what would be ambiguous in one sentence becomes a list.

use super::ir::{Comparison, Formula, Number, Window};
use super::print::{number, unit};
use crate::signal::{SignalId, SignalKind, SignalTable};
use crate::time::Span;
use crate::units::{Unit, exact};

/// Longer sentences are told as a list.
const LINE_LENGTH_MAX: usize = 120;
/// Corners of a polygon that are listed; of more only the number is told.
const CORNERS_MAX: usize = 6;

/// A rule in words, a line each; what belongs under the line before it is indented by two spaces a level.
/// `body` is the rule's as the engine gets it: `never: f` is `not f`; `margin` is what its margin is measured in, where
/// that is one unit: it tells what a product of constants and signals is measured in.
pub fn rule_in_english(
    body: &Formula,
    when: Option<&Formula>,
    margin: Option<&Unit>,
    signals: &SignalTable,
) -> Vec<String> {
    let speaker = Speaker { signals, margin };
    let trigger = Speaker { signals, margin: None };
    let (never, body) = match body {
        Formula::Not(inner) if !matches!(**inner, Formula::State { .. } | Formula::Flag(_)) => (true, &**inner),
        other => (false, other),
    };
    let said = speaker.clause(body, Tone::PLAIN);
    let mut lines = Vec::new();
    let lead = match when.map(|when| trigger.clause(when, Tone::PLAIN)) {
        None if never => "it must never be that ".to_owned(),
        None if said.begins_with_a_phrase() => "at every instant: ".to_owned(),
        None => "at every instant ".to_owned(),
        Some(Said::Line { text, .. }) => {
            format!("whenever {text}{}", if never { ", it must not be that " } else { ": " })
        }
        Some(list) => {
            push_lines(&list.led("whenever "), 0, &mut lines);
            (if never { "then it must not be that " } else { "then " }).to_owned()
        }
    };
    push_lines(&said.led(&lead), 0, &mut lines);
    for line in lines.iter_mut().filter(|line| !line.starts_with(' ')) {
        let first = line.chars().next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
        line.replace_range(..line.chars().next().map_or(0, char::len_utf8), &first);
    }
    if let Some(last) = lines.last_mut() {
        last.push('.');
    }
    lines
}

fn push_lines(said: &Said, level: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(level);
    match said {
        Said::Line { text, .. } => lines.push(format!("{indent}{text}")),
        Said::List { lead, parts } => {
            lines.push(format!("{indent}{lead}"));
            for part in parts {
                let at = lines.len();
                push_lines(part, level + 1, lines);
                let own = "  ".repeat(level + 1);
                lines[at] = format!("{own}- {}", &lines[at][own.len()..]);
                for line in &mut lines[at + 1..] {
                    line.insert_str(0, "  ");
                }
            }
        }
    }
}

/// What was said of a formula.
enum Said {
    /// `loose`: joined by `and`, `or`, `if`, so that it cannot stand beside another one without doubt.
    Line {
        text: String,
        loose: bool,
    },
    List {
        lead: String,
        parts: Vec<Said>,
    },
}

impl Said {
    fn tight(text: String) -> Said {
        Said::Line { text, loose: false }
    }

    /// With words before it; a loose line keeps apart from them by a colon.
    fn led(self, before: &str) -> Said {
        match self {
            Said::Line { text, loose } => {
                let apart = loose && !before.trim_end().ends_with(':') && before.contains("instant in ");
                let before = if apart { format!("{}: ", before.trim_end()) } else { before.to_owned() };
                Said::Line { text: format!("{before}{text}"), loose }
            }
            Said::List { lead, parts } => Said::List { lead: format!("{before}{lead}"), parts },
        }
    }

    /// What it begins with belongs to it alone: a window, an `if`.
    fn begins_with_a_phrase(&self) -> bool {
        let (Said::Line { text, .. } | Said::List { lead: text, .. }) = self;
        ["if ", "at ", "throughout ", "exactly ", "from ", "it ", "whenever "].iter().any(|word| text.starts_with(word))
    }

    fn is_tight(&self) -> bool {
        matches!(self, Said::Line { loose: false, .. })
    }

    fn text(&self) -> Option<&str> {
        match self {
            Said::Line { text, .. } => Some(text),
            Said::List { .. } => None,
        }
    }
}

/// How a formula is to be said.
#[derive(Copy, Clone)]
struct Tone {
    /// Its opposite is meant.
    negated: bool,
    /// It was so, at a past instant.
    past: bool,
    /// Some window speaks of another instant than now.
    away: bool,
}

impl Tone {
    const PLAIN: Tone = Tone { negated: false, past: false, away: false };

    fn opposite(self) -> Tone {
        Tone { negated: !self.negated, ..self }
    }
    fn upright(self) -> Tone {
        Tone { negated: false, ..self }
    }
    fn then(self, past: bool) -> Tone {
        Tone { past: past || self.past, away: true, ..self }
    }
    fn is(self) -> &'static str {
        match (self.past, self.negated) {
            (false, false) => "is",
            (false, true) => "is not",
            (true, false) => "was",
            (true, true) => "was not",
        }
    }
    fn has(self) -> &'static str {
        match (self.past, self.negated) {
            (false, false) => "has",
            (false, true) => "has not",
            (true, false) => "had",
            (true, true) => "had not",
        }
    }
}

/// Whether a window asks for all of its instants or for one.
#[derive(Copy, Clone, PartialEq, Eq)]
enum Asks {
    All,
    One,
}

struct Speaker<'a> {
    signals: &'a SignalTable,
    margin: Option<&'a Unit>,
}

impl Speaker<'_> {
    /// The unit in which a comparison is told.
    fn unit_of_comparison(&self, left: &Number, right: &Number) -> Unit {
        let read = unit(left, self.signals).or_else(|| unit(right, self.signals)).unwrap_or_else(Unit::one);
        match self.margin {
            Some(margin) if margin.dimension != read.dimension => margin.clone(),
            // A constant factor may have a unit of its own, which the checked tree no longer holds.
            None if has_factor(left) || has_factor(right) => Unit::one(),
            _ => read,
        }
    }

    fn name(&self, id: SignalId) -> &str {
        &self.signals.def(id).name
    }

    fn clause(&self, formula: &Formula, tone: Tone) -> Said {
        match formula {
            Formula::Constant(value) => {
                Said::tight(if *value == tone.negated { "nothing can hold" } else { "anything goes" }.into())
            }
            Formula::Flag(id) => Said::tight(format!("{} {} true", self.name(*id), tone.is())),
            Formula::State { signal, any_of } => Said::tight(self.state(*signal, any_of, tone)),
            Formula::Compare { op, left, right, .. } => Said::tight(self.compare(*op, left, right, tone)),
            Formula::In { expr, lo, hi, .. } => {
                let unit = self.unit_of_comparison(expr, lo);
                let (lo, hi) = (self.quantity(lo, &unit), self.quantity(hi, &unit));
                let verb = if tone.past { "was" } else { "is" };
                let place =
                    if tone.negated { format!("outside {lo} .. {hi}") } else { format!("between {lo} and {hi}") };
                Said::tight(format!("{} {verb} {place}", self.quantity(expr, &unit)))
            }
            Formula::Changed(id) => {
                let pulse = self.signals.def(*id).kind == SignalKind::Pulse;
                let done = if pulse { "arrived" } else { "changed" };
                Said::tight(format!("{} {} just {done}", self.name(*id), tone.has()))
            }
            Formula::Not(inner) => self.clause(inner, tone.opposite()),
            Formula::And(all) => self.joined(all, tone, !tone.negated),
            Formula::Or(all) => match self.back_to(all, tone) {
                Some(said) => said,
                None => self.joined(all, tone, tone.negated),
            },
            Formula::Implies(a, b) => self.implication(a, b, tone),
            Formula::Iff(a, b) => {
                let (a, b) = (self.clause(a, tone.upright()), self.clause(b, tone.upright()));
                match (tone.negated, a.text().zip(b.text())) {
                    (false, Some((x, y))) if a.is_tight() && b.is_tight() => {
                        Said::Line { text: format!("{x} exactly when {y}"), loose: true }
                    }
                    (negated, _) => {
                        let lead =
                            if negated { "exactly one of these holds:" } else { "both of these hold or neither does:" };
                        Said::List { lead: lead.into(), parts: vec![a, b] }
                    }
                }
            }
            Formula::Rise(inner) => self.edge(inner, true, tone),
            Formula::Fall(inner) => self.edge(inner, false, tone),
            Formula::Always(w, f) => self.temporal(*w, false, Asks::All, f, tone),
            Formula::Eventually(w, f) => self.temporal(*w, false, Asks::One, f, tone),
            Formula::Historically(w, f) => self.temporal(*w, true, Asks::All, f, tone),
            Formula::Once(w, f) => self.temporal(*w, true, Asks::One, f, tone),
            Formula::Since(w, p, q) => self.since(*w, p, q, tone),
            Formula::Until(w, p, q) => self.until(*w, p, q, tone),
            Formula::Unless(w, p, q) => self.unless(*w, p, q, tone),
        }
    }

    fn state(&self, signal: SignalId, any_of: &[u16], tone: Tone) -> String {
        let SignalKind::States { names } = &self.signals.def(signal).kind else {
            return format!("{} {} in one of its states", self.name(signal), tone.is());
        };
        let states: Vec<&str> = any_of.iter().filter_map(|i| names.get(usize::from(*i))).map(String::as_str).collect();
        let verb = if tone.past { "was" } else { "is" };
        match (states[..].as_ref(), tone.negated) {
            ([only], _) => format!("{} {} {only}", self.name(signal), tone.is()),
            (_, true) => format!("{} {verb} neither {}", self.name(signal), listed(&states, "nor")),
            (_, false) => format!("{} {verb} {}", self.name(signal), listed(&states, "or")),
        }
    }

    fn compare(&self, op: Comparison, left: &Number, right: &Number, tone: Tone) -> String {
        // `5 m > x` reads better as `x < 5 m`.
        let (op, left, right) = match (left, right) {
            (Number::Constant(_), Number::Constant(_)) => (op, left, right),
            (Number::Constant(_), _) => (mirrored(op), right, left),
            _ => (op, left, right),
        };
        let op = if tone.negated { opposite(op) } else { op };
        let unit = self.unit_of_comparison(left, right);
        let limit = match (left, right) {
            (Number::Age(_), Number::Constant(seconds)) => age(*seconds),
            _ => self.quantity(right, &unit),
        };
        let is = if tone.past { "was" } else { "is" };
        match (left, right) {
            (Number::Age(id), Number::Constant(_)) => {
                let old = match op {
                    Comparison::Less => format!("less than {limit} old"),
                    Comparison::LessEqual => format!("at most {limit} old"),
                    Comparison::Greater => format!("more than {limit} old"),
                    Comparison::GreaterEqual => format!("at least {limit} old"),
                };
                return format!("the last {} {is} {old}", self.name(*id));
            }
            (Number::Outside { polygon, x, y }, Number::Constant(zero)) if *zero == 0.0 => {
                let place = match op {
                    Comparison::Less => "inside",
                    Comparison::LessEqual => "inside or on the edge of",
                    Comparison::Greater => "outside",
                    Comparison::GreaterEqual => "outside or on the edge of",
                };
                return format!("the place ({}, {}) {is} {place} {}", self.alone(x), self.alone(y), corners(polygon));
            }
            (Number::Abs(inner), Number::Constant(_)) => {
                if let Number::Subtract(a, b) = &**inner {
                    let near = match op {
                        Comparison::Less => format!("less than {limit} from"),
                        Comparison::LessEqual => format!("at most {limit} from"),
                        Comparison::Greater => format!("more than {limit} from"),
                        Comparison::GreaterEqual => format!("at least {limit} from"),
                    };
                    let unit = self.unit_of_both(a, b);
                    return format!("{} {is} {near} {}", self.quantity(a, &unit), self.quantity(b, &unit));
                }
            }
            _ => {}
        }
        let how = match op {
            Comparison::Less => "below",
            Comparison::LessEqual => "at most",
            Comparison::Greater => "above",
            Comparison::GreaterEqual => "at least",
        };
        format!("{} {is} {how} {limit}", self.quantity(left, &unit))
    }

    fn joined(&self, all: &[Formula], tone: Tone, and: bool) -> Said {
        let parts: Vec<Said> = all.iter().map(|one| self.clause(one, tone)).collect();
        let texts: Option<Vec<&str>> = parts.iter().map(|p| p.text().filter(|_| p.is_tight())).collect();
        if let Some(texts) = texts
            && texts.len() <= 3
            && texts.iter().map(|t| t.len()).sum::<usize>() <= LINE_LENGTH_MAX
        {
            return Said::Line { text: listed(&texts, if and { "and" } else { "or" }), loose: true };
        }
        let lead = match (and, tone.past) {
            (true, false) => "all of these hold:",
            (true, true) => "all of these held:",
            (false, false) => "at least one of these holds:",
            (false, true) => "at least one of these held:",
        };
        Said::List { lead: lead.into(), parts }
    }

    fn implication(&self, a: &Formula, b: &Formula, tone: Tone) -> Said {
        if tone.negated {
            let parts = vec![self.clause(a, tone.upright()), self.clause(b, tone)];
            return match (parts[0].text(), parts[1].text()) {
                (Some(x), Some(y)) if parts[1].is_tight() => {
                    Said::Line { text: format!("{x}, and yet {y}"), loose: true }
                }
                _ => Said::List { lead: "all of these hold:".into(), parts },
            };
        }
        let (a, b) = (self.clause(a, tone), self.clause(b, tone));
        match (a, b) {
            (Said::Line { text: a, .. }, Said::Line { text: b, .. }) => {
                Said::Line { text: format!("if {a}, then {b}"), loose: true }
            }
            (Said::Line { text: a, .. }, list) => list.led(&format!("if {a}, then ")),
            (a, b) => {
                Said::List { lead: "whenever the first of these holds, so does the second:".into(), parts: vec![a, b] }
            }
        }
    }

    fn edge(&self, inner: &Formula, rising: bool, tone: Tone) -> Said {
        let has = tone.has();
        match inner {
            Formula::Flag(id) => {
                let what = if rising { "true" } else { "false" };
                return Said::tight(format!("{} {has} just become {what}", self.name(*id)));
            }
            Formula::State { signal, any_of } if any_of.len() == 1 => {
                let state = self.state(*signal, any_of, Tone::PLAIN);
                let state = state.split(" is ").nth(1).unwrap_or_default().to_owned();
                let verb = if rising { "become" } else { "left" };
                return Said::tight(format!("{} {has} just {verb} {state}", self.name(*signal)));
            }
            _ => {}
        }
        let verb = if rising { "become" } else { "ceased to be" };
        match self.clause(inner, tone.upright()) {
            Said::Line { text, loose } => Said::Line { text: format!("it {has} just {verb} true that {text}"), loose },
            list => list.led(&format!("it {has} just {verb} true that ")),
        }
    }

    fn temporal(&self, window: Window, past: bool, asks: Asks, inner: &Formula, tone: Tone) -> Said {
        // What is not so throughout is otherwise at some instant, and the other way round.
        let asks = match (asks, tone.negated) {
            (Asks::All, true) => Asks::One,
            (Asks::One, true) => Asks::All,
            (asks, false) => asks,
        };
        let phrase = stretch(window, past, asks, tone.away);
        let said = self.clause(inner, tone.then(past));
        match said {
            Said::Line { text, loose: true } => Said::Line { text: format!("{phrase}: {text}"), loose: true },
            // Beside another clause it would not be clear how far the window reaches.
            Said::Line { text, loose: false } => Said::Line { text: format!("{phrase} {text}"), loose: true },
            said => said.led(&format!("{phrase} ")),
        }
    }

    /// Two formulas in one sentence, or as a list if one of them is no plain clause.
    fn pair(&self, p: &Formula, q: &Formula, tone: Tone, one: impl Fn(&str, &str) -> String, lead: String) -> Said {
        let (p, q) = (self.clause(p, tone.upright()), self.clause(q, tone.upright()));
        if let (Some(x), Some(y)) = (p.text(), q.text())
            && p.is_tight()
            && q.is_tight()
        {
            let text = one(x, y);
            let text = if tone.negated { format!("it {} so that {text}", tone.is()) } else { text };
            return Said::Line { text, loose: true };
        }
        let lead = if tone.negated { format!("it {} so that {lead}", tone.is()) } else { lead };
        Said::List { lead, parts: vec![p, q] }
    }

    fn since(&self, window: Window, p: &Formula, q: &Formula, tone: Tone) -> Said {
        let when = stretch(window, true, Asks::One, tone.away);
        let lead = format!("{when} the second of these held, and the first ever since:");
        self.pair(p, q, tone.then(true), |p, q| format!("{when} {q}, and ever since {p}"), lead)
    }

    fn until(&self, window: Window, p: &Formula, q: &Formula, tone: Tone) -> Said {
        let when = stretch(window, false, Asks::One, tone.away);
        let lead = format!("{when} the second of these holds, and until then the first:");
        self.pair(p, q, tone.then(false), |p, q| format!("{when} {q}, and until then {p}"), lead)
    }

    fn unless(&self, window: Window, p: &Formula, q: &Formula, tone: Tone) -> Said {
        let all = Window { from: Span::ZERO, to: window.to };
        let when = stretch(all, false, Asks::All, tone.away);
        let not_before =
            if window.from > Span::ZERO { format!(" (not before {} are over)", window.from) } else { String::new() };
        let lead = format!("{when}, or at least until the second of these holds{not_before}, the first does:");
        self.pair(p, q, tone.then(false), |p, q| format!("{when} {p}, or at least until {q}{not_before}"), lead)
    }

    /// `p backto q`, which stands as `historically p or p since q`.
    fn back_to(&self, all: &[Formula], tone: Tone) -> Option<Said> {
        let [Formula::Historically(whole, p), Formula::Since(window, held, q)] = all else { return None };
        if p != held || whole.from != Span::ZERO || whole.to != window.to {
            return None;
        }
        let when = stretch(*whole, true, Asks::All, tone.away);
        let back = if window.from > Span::ZERO { format!(" (at least {} ago)", window.from) } else { String::new() };
        let lead = format!("{when}, or at least back to where the second of these held{back}, the first did:");
        let one = |p: &str, q: &str| format!("{when} {p}, or at least back to where {q}{back}");
        Some(self.pair(p, q, tone.then(true), one, lead))
    }

    fn alone(&self, n: &Number) -> String {
        self.quantity(n, &unit(n, self.signals).unwrap_or_else(Unit::one))
    }

    fn unit_of_both(&self, a: &Number, b: &Number) -> Unit {
        unit(a, self.signals).or_else(|| unit(b, self.signals)).unwrap_or_else(Unit::one)
    }

    fn quantity(&self, quantity: &Number, unit_here: &Unit) -> String {
        let show = |n: &Number| self.quantity(n, unit_here);
        let all = |many: &[Number]| -> String {
            let texts: Vec<String> = many.iter().map(show).collect();
            listed(&texts.iter().map(String::as_str).collect::<Vec<_>>(), "and")
        };
        let of_two = |many: &[Number], two: &'static str, more: &'static str| if many.len() == 2 { two } else { more };
        match quantity {
            Number::Abs(a) => match &**a {
                Number::Subtract(x, y) => {
                    let unit = self.unit_of_both(x, y);
                    format!("the distance between {} and {}", self.quantity(x, &unit), self.quantity(y, &unit))
                }
                _ => format!("the size of {}", show(a)),
            },
            Number::Min(many) => format!("the {} of {}", of_two(many, "smaller", "smallest"), all(many)),
            Number::Max(many) => format!("the {} of {}", of_two(many, "larger", "largest"), all(many)),
            Number::Clamp(a, lo, hi) => format!("{} (held within {} .. {})", show(a), show(lo), show(hi)),
            Number::Sqrt(a) => format!("the square root of {}", self.alone(a)),
            Number::Sin(a) => format!("the sine of {}", self.alone(a)),
            Number::Cos(a) => format!("the cosine of {}", self.alone(a)),
            Number::Atan2(y, x) => format!("the direction of the vector ({}, {})", self.alone(x), self.alone(y)),
            Number::Norm(many) => {
                let parts: Vec<String> = many.iter().map(show).collect();
                format!("the length of the vector ({})", parts.join(", "))
            }
            Number::Rate(id) => format!("the rate of change of {}", self.name(*id)),
            Number::Delta(w, a) => format!("the change of {} over the last {w}", self.alone(a)),
            Number::Mean(w, a) => format!("the mean of {} over the last {w}", show(a)),
            Number::Age(id) => format!("the age of the last {}", self.name(*id)),
            Number::Fraction(w, f) => match (Speaker { margin: None, ..*self }).clause(f, Tone::PLAIN.then(true)) {
                Said::Line { text, .. } => format!("the share of the last {w} in which {text}"),
                Said::List { .. } => number(quantity, unit_here, self.signals),
            },
            Number::Outside { polygon, x, y } => {
                format!(
                    "the distance of ({}, {}) from {}, inside it below zero,",
                    self.alone(x),
                    self.alone(y),
                    corners(polygon)
                )
            }
            Number::Table { input, points } => {
                let from = unit(input, self.signals).unwrap_or_else(Unit::one);
                let places: Vec<String> =
                    points.iter().map(|(a, b)| format!("{} at {}", unit_here.show(*b, 6), from.show(*a, 6))).collect();
                let places = listed(&places.iter().map(String::as_str).collect::<Vec<_>>(), "and");
                format!("what the line through {places} gives for {}", self.quantity(input, &from))
            }
            // Sums and products read best as they are written.
            _ => number(quantity, unit_here, self.signals),
        }
    }
}

/// A length of time in the unit that shows it best.
fn age(seconds: f64) -> String {
    let nanos = (seconds * 1e9).round();
    if nanos.abs() < 9e18 { Span::from_nanos(nanos as i64).to_string() } else { format!("{} s", exact(seconds)) }
}

/// Whether a product or quotient with a constant decides its unit.
fn has_factor(n: &Number) -> bool {
    match n {
        Number::Multiply(a, b) | Number::Divide(a, b) => {
            matches!(**a, Number::Constant(_)) || matches!(**b, Number::Constant(_)) || has_factor(a) || has_factor(b)
        }
        Number::Add(a, b) | Number::Subtract(a, b) => has_factor(a) || has_factor(b),
        Number::Negate(a) | Number::Abs(a) | Number::Mean(_, a) | Number::Delta(_, a) | Number::Sqrt(a) => {
            has_factor(a)
        }
        Number::Min(all) | Number::Max(all) | Number::Norm(all) => all.iter().any(has_factor),
        Number::Clamp(a, ..) => has_factor(a),
        _ => false,
    }
}

fn corners(polygon: &[(f64, f64)]) -> String {
    if polygon.len() > CORNERS_MAX {
        return format!("the polygon of {} corners", polygon.len());
    }
    let places: Vec<String> = polygon.iter().map(|(x, y)| format!("({} m, {} m)", exact(*x), exact(*y))).collect();
    format!("the polygon {}", places.join(" "))
}

/// The words for a window; `away`: it is reckoned from another instant than the present one.
fn stretch(window: Window, past: bool, asks: Asks, away: bool) -> String {
    let from = window.from;
    let Some(to) = window.to else {
        let late = from > Span::ZERO;
        return match (past, asks, late) {
            (true, Asks::All, false) => if away { "at all times up to then" } else { "at all times so far" }.into(),
            (true, Asks::One, false) => {
                if away { "at some instant up to then" } else { "at some instant so far" }.into()
            }
            (true, Asks::All, true) => format!("at all times up to {from} before"),
            (true, Asks::One, true) => format!("at some instant at least {from} before"),
            (false, Asks::All, false) => "from then on".into(),
            (false, Asks::One, false) => "at some later instant".into(),
            (false, Asks::All, true) => format!("from {from} later on"),
            (false, Asks::One, true) => format!("at some instant at least {from} later"),
        };
    };
    match (past, asks) {
        _ if to == Span::ZERO => "at that very instant".into(),
        (true, _) if from == to => {
            if away {
                format!("exactly {to} before that")
            } else {
                format!("exactly {to} ago")
            }
        }
        (false, _) if from == to => format!("exactly {to} later"),
        (true, Asks::All) if from == Span::ZERO && away => format!("throughout the {to} before that"),
        (true, Asks::All) if from == Span::ZERO => format!("throughout the last {to}"),
        (true, Asks::One) if from == Span::ZERO && away => format!("at some instant in the {to} before that"),
        (true, Asks::One) if from == Span::ZERO => format!("at some instant in the last {to}"),
        (true, Asks::All) if away => format!("throughout the time from {to} to {from} before that"),
        (true, Asks::All) => format!("throughout the time from {to} to {from} ago"),
        (true, Asks::One) if away => format!("at some instant from {to} to {from} before that"),
        (true, Asks::One) => format!("at some instant from {to} to {from} ago"),
        (false, Asks::All) if from == Span::ZERO && away => format!("throughout the {to} after that"),
        (false, Asks::All) if from == Span::ZERO => format!("throughout the next {to}"),
        (false, Asks::One) if from == Span::ZERO && away => format!("at some instant in the {to} after that"),
        (false, Asks::One) if from == Span::ZERO => format!("at some instant in the next {to}"),
        (false, Asks::All) => format!("throughout the time from {from} to {to} later"),
        (false, Asks::One) => format!("at some instant from {from} to {to} later"),
    }
}

fn mirrored(op: Comparison) -> Comparison {
    match op {
        Comparison::Less => Comparison::Greater,
        Comparison::LessEqual => Comparison::GreaterEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterEqual => Comparison::LessEqual,
    }
}

fn opposite(op: Comparison) -> Comparison {
    match op {
        Comparison::Less => Comparison::GreaterEqual,
        Comparison::LessEqual => Comparison::Greater,
        Comparison::Greater => Comparison::LessEqual,
        Comparison::GreaterEqual => Comparison::Less,
    }
}

/// `a`, `a and b`, `a, b and c`.
fn listed(all: &[&str], word: &str) -> String {
    match all {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [many @ .., last] => format!("{} {word} {last}", many.join(", ")),
    }
}
