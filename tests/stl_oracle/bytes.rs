//! From any bytes to a formula and a trace, and through parser, checker and engine against the definition: what the fuzz
//! target runs (`fuzz/`), and with a thousand fixed strings a test.

use super::cut;
use super::feed::{Feed, RULE, feed, last_words, rule, whole};
use super::merged;
use super::naive::Trace;
use super::random::{self, Dice};
use super::running;
use super::shape::{any_formula, any_number, horizon, map_spans};
use super::values;
use checkrein::expr::ir::{Formula, Number};
use checkrein::expr::{self, Scope};
use checkrein::signal::{Every, SignalDef, SignalKind, SignalTable};
use checkrein::stl::{Options, RuleSpec};
use checkrein::time::Span;
use checkrein::units::Unit;
use std::collections::BTreeMap;

/// What became of the bytes.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Tried {
    /// They are no formula; the parser said so.
    Refused,
    /// The engine ran; its values are not compared, since the definition is too slow or has other rounding there.
    Ran,
    /// The engine ran and equals the definition.
    Compared,
}

/// Longest text that is read as a formula here.
const TEXT_MAX: usize = 255;

/// The signals of [`random::trace`], by names.
pub fn table() -> SignalTable {
    let mut table = SignalTable::default();
    let metre = || SignalKind::Number { unit: Unit::parse("m").expect("a unit"), range: Some((-2.0, 2.0)) };
    let states = || SignalKind::States { names: ["A", "B", "C"].map(String::from).to_vec() };
    let kinds = [
        ("s.x", metre()),
        ("s.y", metre()),
        ("s.on", SignalKind::Flag),
        ("s.mode", states()),
        ("s.beat", SignalKind::Pulse),
        ("s.z", metre()),
    ];
    for (name, kind) in kinds {
        let every = Every::Period(Span::from_millis(1));
        table.add(SignalDef { name: name.into(), device: None, kind, every, stale_after: None }).expect("each once");
    }
    table
}

/// A formula from a text, with durations made so short that the definition can be worked out for it.
fn from_text(text: &str) -> Option<Formula> {
    let (table, none, parameters) = (table(), BTreeMap::new(), BTreeMap::new());
    let scope =
        Scope { signals: &table, defines: &none, parameters: Some(&parameters), run_names: false, future: true };
    let formula = expr::formula(text, &scope).ok()?.formula;
    // Half the binary digits of the nanoseconds: 1 s becomes 15 ns, and order is kept.
    let short = |span: Span| Span::from_nanos(i64::from((i64::BITS - span.nanos().max(0).leading_zeros()) / 2));
    Some(map_spans(&formula, &short))
}

/// The definition is not too slow for it, and worked out without other rounding than the engine's.
fn is_comparable(formula: &Formula) -> bool {
    let endless = |f: &Formula| match f {
        Formula::Always(w, _) | Formula::Eventually(w, _) | Formula::Until(w, ..) | Formula::Unless(w, ..) => {
            w.to.is_none()
        }
        _ => false,
    };
    !any_formula(formula, &endless) && horizon(formula) <= 40
}

fn rounds(formula: &Formula) -> bool {
    any_number(formula, &|n| matches!(n, Number::Mean(..) | Number::Fraction(..) | Number::Age(_)))
}

/// Tries bytes. Panics where something is wrong: that is the finding.
pub fn try_bytes(data: &[u8]) -> Tried {
    let Some((&kind, rest)) = data.split_first() else { return Tried::Refused };
    let (body, rest) = if kind & 1 == 0 {
        let (text, rest) = match rest.iter().position(|&b| b == 0) {
            Some(end) => (&rest[..end], &rest[end + 1..]),
            None => (rest, &[][..]),
        };
        let text = String::from_utf8_lossy(&text[..text.len().min(TEXT_MAX)]);
        let Some(formula) = from_text(&text) else { return Tried::Refused };
        (Some(formula), rest)
    } else {
        (None, rest)
    };
    let mut dice = Dice::following(rest);
    let length = 4 + dice.below(20) as i64;
    let is_text = body.is_some();
    let spec = match body {
        Some(body) => rule(body, dice.one_in(4).then(|| random::atom(&mut dice))),
        None => {
            let depth = 1 + dice.below(4) as u32;
            values::random_rule(&mut dice, depth)
        }
    };
    let mut trace = random::trace(&mut dice, length);
    if any_number(&whole(&spec), &|n| matches!(n, Number::Mean(..))) {
        random::calm(&mut trace);
    }
    if dice.one_in(3) {
        for signal in &mut trace.signals {
            signal.every = Some(Span::from_nanos([1, 50, 1 << 40][dice.below(3) as usize]));
        }
    }
    let end = trace.start + length;
    let compares = is_comparable(&whole(&spec)) && !(is_text && rounds(&whole(&spec)));
    let found = if compares { compare(&spec, &trace, end, kind >> 1) } else { run(&spec, &trace, end) };
    if let Err(why) = found {
        panic!("{why}\nrule {spec:?}\nuntil {end} of {trace:?}");
    }
    if compares { Tried::Compared } else { Tried::Ran }
}

/// The engine runs through, and holds as much memory at the end as at the beginning.
fn run(spec: &RuleSpec, trace: &Trace, end: i64) -> Result<(), String> {
    let mut bytes = None;
    let how = (Feed::EveryTick, Options { pieces: true, ..Options::default() });
    let (engine, changes) = feed(std::slice::from_ref(spec), trace, end, how, |engine, closed, _| {
        let here = engine.bytes();
        if *bytes.get_or_insert(here) != here {
            return Err(format!("closed {closed}: memory went from {bytes:?} to {here}"));
        }
        let running = engine.running(RULE);
        if running.early_hi > running.decided.hi || running.decided.lo > running.decided.hi {
            return Err(format!("closed {closed}: {running:?}"));
        }
        Ok(())
    })?;
    last_words(engine, changes, end);
    Ok(())
}

fn compare(spec: &RuleSpec, trace: &Trace, end: i64, way: u8) -> Result<(), String> {
    run(spec, trace, end)?;
    let seed = u64::from(way);
    match way % 6 {
        0 => values::prefixes_equal(spec, trace, end, Feed::EveryTick),
        1 => values::prefixes_equal(spec, trace, end, Feed::Late(seed)),
        2 => running::sound(spec, trace, end),
        3 => merged::wider_and_right(spec, trace, end).map(|_| ()),
        4 => cut::cut_equals(spec, trace, end),
        _ => values::splits_equal(spec, trace, end, seed),
    }
}

#[test]
fn a_thousand_strings_of_bytes_find_nothing() {
    const WORDS: &[&str] = &[
        "s.x",
        "s.y",
        "s.on",
        "s.mode",
        "s.beat",
        "s.z",
        "A",
        "B",
        "==",
        "!=",
        "<=",
        ">",
        "in",
        "..",
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        ",",
        "0",
        "1 m",
        "0.5 m",
        "2 s",
        "10 ms",
        "and",
        "or",
        "not",
        "implies",
        "iff",
        "until",
        "unless",
        "since",
        "always",
        "eventually",
        "historically",
        "once",
        "rise",
        "fall",
        "changed",
        "abs",
        "min",
        "rate",
        "delta",
        "mean",
        "age",
        "fraction",
        "outside",
        "table",
        "+",
        "-",
        "*",
        "/",
        "->",
        ":",
    ];
    let page = include_str!("formulas.txt");
    let lines: Vec<&str> = page.lines().collect();
    let mut counts = BTreeMap::new();
    for seed in super::seeds(100_000_000, 1000) {
        let mut dice = Dice::new(seed);
        let mut data = vec![dice.below(256) as u8];
        if data[0] & 1 == 0 {
            let mut text = match dice.below(4) {
                0 => (0..dice.below(14))
                    .map(|_| WORDS[dice.below(WORDS.len() as u64) as usize])
                    .collect::<Vec<_>>()
                    .join(" "),
                _ => lines[dice.below(lines.len() as u64) as usize].to_string(),
            }
            .into_bytes();
            for _ in 0..dice.below(3) {
                if !text.is_empty() {
                    let place = dice.below(text.len() as u64) as usize;
                    text[place] = 1 + dice.below(255) as u8;
                }
            }
            data.extend(text);
            data.push(0);
        }
        data.extend((0..dice.below(300)).map(|_| dice.below(256) as u8));
        let tried = std::panic::catch_unwind(|| try_bytes(&data));
        let tried = tried.unwrap_or_else(|_| panic!("CHECKREIN_ORACLE_SEED={seed}: see above; bytes {data:?}"));
        *counts.entry(tried).or_insert(0) += 1;
    }
    for (tried, least) in [(Tried::Refused, 50), (Tried::Ran, 10), (Tried::Compared, 400)] {
        super::enough(counts.get(&tried).copied().unwrap_or(0), least, &format!("{tried:?}"));
    }
}

#[test]
fn every_formula_of_the_corpus_is_one() {
    for line in include_str!("formulas.txt").lines() {
        assert!(from_text(line).is_some(), "{line}");
    }
}
