//! What the benches of the envelope engine judge: traces, formulas as a user writes them, and the rules of a rig.
//!
//! Shared by `benches/envelope.rs` and by `benches/peers`, so that both speak of the same work.

#![allow(dead_code, reason = "each bench uses its own part")]

use checkrein::command::RuleId;
use checkrein::expr::{self, Scope};
use checkrein::signal::{Every, SignalDef, SignalId, SignalKind, SignalTable, Value};
use checkrein::stl::{Engine, Options, RuleSpec, SignalSpec};
use checkrein::time::{Span, Time};
use checkrein::units::Unit;
use std::collections::BTreeMap;

const SECOND: i64 = 1_000_000_000;

/// Seeded chance (SplitMix64, Steele, Lea and Flood 2014).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// Uniform in `lo..hi`.
    pub fn between(&mut self, lo: f64, hi: f64) -> f64 {
        lo + (hi - lo) * ((self.next() >> 11) as f64 / (1u64 << 53) as f64)
    }
}

/// How the rows of a trace lie in time.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Stamps {
    /// One row each second.
    Uniform,
    /// Gaps drawn to the nanosecond, from 0 to 2 s, 1 s in the mean.
    Irregular,
}

/// Rows of `x` and `y`.
pub struct Trace {
    pub stamps: Stamps,
    pub at: Vec<i64>,
    pub x: Vec<f64>,
    pub y: Vec<f64>,
}

impl Trace {
    /// `x = 2 sin(0.01 i) + U(-2, 2)`, `y = 0.5 + cos(0.013 i) + U(-1, 1)`: the trace on which the peers' published
    /// figures of `docs/measured.md` were taken.
    pub fn noise(stamps: Stamps, rows: usize) -> Trace {
        let mut dice = Dice::new(42);
        let mut at = 0;
        let mut trace = Trace { stamps, at: Vec::new(), x: Vec::new(), y: Vec::new() };
        for i in 0..rows {
            trace.at.push(at);
            trace.x.push(2.0 * (0.01 * i as f64).sin() + dice.between(-2.0, 2.0));
            trace.y.push(0.5 + (0.013 * i as f64).cos() + dice.between(-1.0, 1.0));
            at += match stamps {
                Stamps::Uniform => SECOND,
                Stamps::Irregular => 1 + dice.between(0.0, 2.0 * SECOND as f64) as i64,
            };
        }
        trace
    }

    /// `x` and `y` fall for 20,000 rows and rise for as many: on one of the slopes a sliding extreme has to remember each
    /// row of its window.
    pub fn ramp(rows: usize) -> Trace {
        let fallen = |i: usize| (i % 40_000).min(40_000 - i % 40_000) as f64 * 1e-4;
        Trace {
            stamps: Stamps::Uniform,
            at: (0..rows).map(|i| i as i64 * SECOND).collect(),
            x: (0..rows).map(|i| 2.0 - fallen(i)).collect(),
            y: (0..rows).map(|i| 1.0 - fallen(i)).collect(),
        }
    }

    pub fn rows(&self) -> usize {
        self.at.len()
    }

    pub fn end(&self) -> i64 {
        self.at.last().copied().unwrap_or(0)
    }
}

/// What an aim is: samples a second offline, and nanoseconds per push at the 50th and 99th percentile online.
#[derive(Copy, Clone, Default)]
pub struct Aim {
    pub offline: Option<f64>,
    pub p50: Option<f64>,
    pub p99: Option<f64>,
}

/// The columns that a formula reads; only these are fed.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Reads {
    X,
    Both,
}

/// What is asked of every engine, told apart so that each peer can say it in its own words.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Shape {
    /// `x <= 3`
    Limit,
    /// `always[0, 50](x <= 3)`
    Held,
    /// `always((x > 1) -> eventually[0, 100](y < 0.5))`
    Response,
    /// `historically[0, 1000](once[0, 100](x > 0))`
    Nested,
    Once(u32),
    Always(u32),
    Since(u32),
    Until(u32),
}

/// One formula with its aims.
#[derive(Clone)]
pub struct Case {
    pub name: String,
    pub shape: Shape,
    /// As a user of Checkrein writes it.
    pub text: String,
    pub reads: Reads,
    /// The longest way that it looks back or ahead, in rows of the uniform trace.
    pub window: usize,
    pub aim: Aim,
}

/// The four formulas (a) to (d).
pub fn four() -> Vec<Case> {
    let case = |name: &str, shape, text: &str, reads, window, aim: [f64; 2]| Case {
        name: name.into(),
        shape,
        text: text.into(),
        reads,
        window,
        aim: Aim { offline: Some(aim[0]), p50: Some(aim[1]), p99: None },
    };
    vec![
        case("(a) x<=3", Shape::Limit, "x <= 3", Reads::X, 0, [50e6, 20.0]),
        case("(b) always[0,50](x<=3)", Shape::Held, "always[0, 50 s] x <= 3", Reads::X, 50, [20e6, 60.0]),
        case(
            "(c) always((x>1) -> eventually[0,100](y<0.5))",
            Shape::Response,
            "x > 1 implies eventually[0, 100 s] y < 0.5",
            Reads::Both,
            100,
            [10e6, 150.0],
        ),
        case(
            "(d) historically[0,1000](once[0,100](x>0))",
            Shape::Nested,
            "historically[0, 1000 s] once[0, 100 s] x > 0",
            Reads::X,
            1100,
            [10e6, 120.0],
        ),
    ]
}

/// Windows of 10 to 10,000 rows.
pub const WINDOWS: [u32; 4] = [10, 100, 1_000, 10_000];

/// `once`, `always`, `since` and `until` over `[0, W]`.
pub fn windows() -> Vec<Case> {
    let mut cases = Vec::new();
    for name in ["once", "always", "since", "until"] {
        for w in WINDOWS {
            let (shape, text, reads) = match name {
                "once" => (Shape::Once(w), format!("once[0, {w} s] x > 0"), Reads::X),
                "always" => (Shape::Always(w), format!("always[0, {w} s] x <= 3"), Reads::X),
                "since" => (Shape::Since(w), format!("(x > -3) since[0, {w} s] (y > 2)"), Reads::Both),
                _ => (Shape::Until(w), format!("(x > -3) until[0, {w} s] (y > 2)"), Reads::Both),
            };
            let p99 = (name == "since" && w == 10_000).then_some(1_000.0);
            let aim = Aim { p99, ..Aim::default() };
            cases.push(Case { name: format!("{name}[0,{w}]"), shape, text, reads, window: w as usize, aim });
        }
    }
    cases
}

/// A table of signals made of names and kinds.
fn table(signals: impl IntoIterator<Item = (String, SignalKind, Span)>) -> SignalTable {
    let mut table = SignalTable::new();
    for (name, kind, period) in signals {
        let def = SignalDef { name, device: None, kind, every: Every::Period(period), stale_after: None };
        table.add(def).expect("each name once");
    }
    table
}

fn number() -> SignalKind {
    SignalKind::Number { unit: Unit::one(), range: None }
}

/// The rules of these texts, checked as any other.
fn rules(texts: &[(Option<String>, String)], signals: &SignalTable) -> Vec<RuleSpec> {
    let defines = BTreeMap::new();
    let scope = Scope { signals, defines: &defines, parameters: None, run_names: false, future: true };
    let read = |text: &String| match expr::formula(text, &scope) {
        Ok(checked) => {
            let mut formula = checked.formula;
            formula.set_scales_to_one();
            formula
        }
        Err(mistakes) => panic!("{text}: {mistakes:?}"),
    };
    let rule = |(n, (when, body)): (usize, &(Option<String>, String))| RuleSpec {
        id: RuleId(n as u16),
        body: read(body),
        when: when.as_ref().map(read),
    };
    texts.iter().enumerate().map(rule).collect()
}

/// What every signal of a case is declared as: one sample a second, held until the next.
pub const EVERY_SECOND: SignalSpec = SignalSpec { every: Some(Span::from_secs(1)), stale_after: None };

/// An engine for the one rule of a case, started at the first row.
pub fn engine(case: &Case) -> Engine {
    let second = Span::from_secs(1);
    let signals = table(["x", "y"].map(|name| (name.to_owned(), number(), second)));
    let rules = rules(&[(None, case.text.clone())], &signals);
    let mut engine = Engine::with(&rules, &[EVERY_SECOND; 2], Options::default());
    engine.start(Time::ZERO, &[], &mut Vec::new());
    engine
}

/// The rules of a rig with what it tells: messages of a few signals each, a millisecond apart.
pub struct Rig {
    pub specs: Vec<SignalSpec>,
    pub rules: Vec<RuleSpec>,
    /// A ring of messages; its length times a millisecond is a whole number of every signal's periods.
    pub messages: Vec<Vec<(SignalId, Value)>>,
}

/// Groups of signals that come in one message: 6 fast, 6 medium, 8 slow.
const GROUPS: usize = 20;

/// Milliseconds between two messages of the group. Of ten messages six are of the fast groups, three of medium ones and
/// one of a slow one.
fn period(group: usize) -> usize {
    match group {
        0..6 => 10,
        6..12 => 20,
        _ => 80,
    }
}

fn group_of(slot: usize) -> usize {
    let (frame, place) = (slot / 10, slot % 10);
    match place {
        0..6 => place,
        6..9 => 6 + 3 * (frame % 2) + place - 6,
        _ => 12 + frame % 8,
    }
}

/// The kind of a signal: of the slow groups every fifth tells a state and every other fifth is a flag.
fn kind(group: usize, place: usize) -> SignalKind {
    let names = ["IDLE", "RUN", "HOLD", "LAND"].map(str::to_owned).to_vec();
    match place % 5 {
        3 if group >= 12 => SignalKind::States { names },
        4 if group >= 12 => SignalKind::Flag,
        _ => number(),
    }
}

impl Rig {
    fn new(per_group: usize, texts: &[(Option<String>, String)]) -> Rig {
        let signal = |n: usize| {
            let group = n / per_group;
            let kind = kind(group, n % per_group);
            let letter = match kind {
                SignalKind::States { .. } => 'm',
                SignalKind::Flag => 'f',
                _ => 's',
            };
            (format!("{letter}{n}"), kind, Span::from_millis(period(group) as i64))
        };
        let signals = table((0..GROUPS * per_group).map(signal));
        let specs = signals
            .iter()
            .map(|(_, def)| SignalSpec { stale_after: Some(Span::from_millis(500)), ..SignalSpec::of(def) })
            .collect();
        let mut dice = Dice::new(7);
        let message = |slot: usize| {
            let group = group_of(slot);
            let value = |n: usize, dice: &mut Dice| match signals.def(SignalId(n as u32)).kind {
                SignalKind::States { .. } => Value::State(u16::from(dice.between(0.0, 10.0) < 9.0)),
                SignalKind::Flag => Value::Flag(dice.between(0.0, 10.0) < 9.0),
                _ => Value::Number(4.0 * (0.003 * slot as f64 + n as f64).sin() + dice.between(-2.0, 2.0)),
            };
            let members = group * per_group..(group + 1) * per_group;
            members.map(|n| (SignalId(n as u32), value(n, &mut dice))).collect()
        };
        Rig { specs, rules: rules(texts, &signals), messages: (0..16_000).map(message).collect() }
    }

    /// 50 rules over 100 signals: limits, limits held for a while, responses, ages, states.
    pub fn fifty() -> Rig {
        Rig::new(5, &mixed(50, 5))
    }

    /// 1,000 rules over 200 signals, of which 250 are distinct: each stands four times, as rules that share definitions
    /// do.
    pub fn thousand() -> Rig {
        let distinct = mixed(250, 10);
        Rig::new(10, &(0..1_000).map(|n| distinct[n % 250].clone()).collect::<Vec<_>>())
    }

    /// The distinct ones of the thousand.
    pub fn distinct() -> Rig {
        Rig::new(10, &mixed(250, 10))
    }

    pub fn engine(&self) -> Engine {
        let mut engine = Engine::with(&self.rules, &self.specs, Options::default());
        engine.start(Time::ZERO, &[], &mut Vec::new());
        engine
    }

    /// Message number `n` since the start, and its instant.
    pub fn message(&self, n: usize) -> (Time, &[(SignalId, Value)]) {
        (Time::from_nanos(n as i64 * 1_000_000), &self.messages[n % self.messages.len()])
    }
}

/// Rules in a rig's proportions: of each ten three limits, three limits held for a while, two responses, an age and a
/// state. No two are the same.
fn mixed(count: usize, per_group: usize) -> Vec<(Option<String>, String)> {
    // Numbers of the fast and medium groups alone, so that every name is one.
    let s = |n: usize| format!("s{}", n % (12 * per_group));
    let slow = |n: usize| 12 * per_group + (n % 8) * per_group;
    let rule = |n: usize| {
        let (round, limit) = (n / 10, 7.0 + n as f64 / 1000.0);
        let (a, b, c) = (s(3 * n), s(3 * n + 1), s(3 * n + 2));
        let (state, flag) = (format!("m{}", slow(n / 10) + 3), format!("f{}", slow(n / 10) + 4));
        match n % 10 {
            0 => (None, format!("{a} <= {limit}")),
            1 => (None, format!("abs({a}) <= {limit}")),
            2 if round % 2 == 0 => (None, format!("max(abs({a}), abs({b})) <= {limit}")),
            2 => (None, format!("norm({a}, {b}, {c}) <= {limit} + 5")),
            3 | 4 => (None, format!("not (historically[0, {} ms] {a} > 5)", 300 + n)),
            5 => (None, format!("not (historically[0, {} ms] ({a} > 4 and {b} > 4))", 200 + n)),
            6 => (None, format!("{a} > 5.5 implies eventually[0, {} ms] {b} < 3", 500 + n)),
            7 => (None, format!("rise({a} > 5) implies eventually[0, {} ms] ({b} < 3 or {flag})", 500 + n)),
            8 => (None, format!("age(s{}) <= {} ms", slow(n / 10), 200 + n)),
            _ if round % 2 == 0 => (Some(format!("{state} == RUN")), format!("abs({a}) <= {limit}")),
            _ => (Some(flag), format!("mean[1 s]({a}) <= {limit}")),
        }
    };
    (0..count).map(rule).collect()
}
