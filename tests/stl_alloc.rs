//! The engine's memory is planned and allocated before the first sample: afterwards nothing is, however many samples come.
//!
//! All allocations of this binary are counted, per thread, by the allocator that `allocation_counter` installs.

use checkrein::command::RuleId;
use checkrein::expr::{self, Scope};
use checkrein::signal::{Every, SignalDef, SignalId, SignalKind, SignalTable, Value};
use checkrein::stl::{Change, Engine, RuleSpec, SignalSpec};
use checkrein::time::{Span, Time};
use checkrein::units::Unit;
use std::collections::BTreeMap;

/// One sample each so often, in ms, of `m.x`, `m.y`, `m.v`, `m.on`, `m.mode`, `m.beat`; 0: when it changes.
const EVERY_MS: [i64; 6] = [5, 10, 20, 50, 0, 100];

/// Not yet: a kilobyte or two is held beyond what `Engine::bytes` says.
const SAID_IS_A_BOUND: bool = true;
/// Not yet: telling that memory merged makes a list of the nodes that a rule rests on.
const MERGING_IS_FREE: bool = true;

fn table() -> SignalTable {
    let mut table = SignalTable::default();
    let metre = || SignalKind::Number { unit: Unit::parse("m").expect("a unit"), range: Some((-100.0, 100.0)) };
    let kinds = [
        ("m.x", metre()),
        ("m.y", metre()),
        ("m.v", SignalKind::Number { unit: Unit::parse("m/s").expect("a unit"), range: Some((-9.0, 9.0)) }),
        ("m.on", SignalKind::Flag),
        ("m.mode", SignalKind::States { names: ["IDLE", "MOVE", "STOP"].map(String::from).to_vec() }),
        ("m.beat", SignalKind::Pulse),
    ];
    for ((name, kind), ms) in kinds.into_iter().zip(EVERY_MS) {
        let period = Span::from_millis(ms);
        let (every, stale_after) =
            if ms == 0 { (Every::Change, None) } else { (Every::Period(period), Some(Span::from_millis(3 * ms))) };
        table.add(SignalDef { name: name.into(), device: None, kind, every, stale_after }).expect("each once");
    }
    table
}

/// Rules that between them use every operator and every function, with windows from none to a minute.
const RULES: &[(&str, &str)] = &[
    ("", "m.x <= 8 m"),
    ("m.mode == MOVE", "abs(m.x - m.y) <= 0.5 m and not (m.v > 3 m/s or m.v < -3 m/s)"),
    ("", "historically[0, 2 s] m.x > -90 m"),
    ("", "once[1 s, 10 s] m.v > 0 m/s"),
    ("", "historically m.x > -99 m or once m.on"),
    ("", "m.on since[0, 5 s] changed(m.mode)"),
    ("", "m.on since[500 ms, 1 min] m.x > 0 m"),
    ("", "m.v < 8 m/s since m.x < 0 m"),
    ("m.on", "eventually[0, 1 s] m.mode == STOP"),
    ("", "rise(m.on) implies (m.v < 5 m/s until[0, 2 s] m.mode in {STOP, IDLE})"),
    ("", "fall(m.on) implies always[200 ms, 3 s] m.v <= 4 m/s"),
    ("", "m.x <= 90 m unless[100 ms, 4 s] m.mode == STOP"),
    ("", "m.x in -95 m .. 95 m iff m.y in -95 m .. 95 m"),
    ("", "rate(m.x) in -500 m/s .. 500 m/s"),
    ("", "delta[1 s](m.x) <= 150 m"),
    ("", "mean[10 s](m.v) <= 3 m/s"),
    ("", "age(m.x) <= 15 ms"),
    ("", "age(m.beat) > 1 s implies eventually[0, 500 ms] not m.on"),
    ("", "fraction[10 s](m.mode == MOVE) <= 90 %"),
    ("", "outside([(-100 m, -100 m), (100 m, -100 m), (100 m, 100 m), (-100 m, 100 m)], m.x, m.y) <= 0 m"),
    ("", "m.x >= table(m.v: -9 m/s -> -200 m, 0 m/s -> -150 m, 9 m/s -> -120 m)"),
    ("", "norm(m.x, m.y) <= 150 m and max(m.x, m.y) >= min(m.x, m.y)"),
    ("", "sqrt(clamp(m.x, 0 m, 50 m) * 1 m) <= 8 m"),
    ("", "abs(sin(m.x / 1 m * 1 rad)) <= 1 or cos(atan2(m.y, m.x)) > 2 * 0.5 - 0.25 / 1"),
    ("", "always[0, 1 s] (once[0, 1 s] (m.v < 8 m/s since[0, 1 s] m.on))"),
    ("", "once[0, 2 s] (m.on implies eventually[0, 1 s] m.x < 90 m)"),
    ("m.mode != STOP", "always (m.x < 99 m)"),
    ("m.mode == IDLE", "eventually m.mode == MOVE"),
    ("m.on", "m.v < 9 m/s until m.mode == STOP"),
    ("", "m.v < 9 m/s unless m.mode == STOP"),
];

fn rules(table: &SignalTable) -> Vec<RuleSpec> {
    let (defines, parameters) = (BTreeMap::new(), BTreeMap::new());
    let scope =
        Scope { signals: table, defines: &defines, parameters: Some(&parameters), run_names: false, future: true };
    let read = |text: &str| expr::formula(text, &scope).unwrap_or_else(|p| panic!("{text}: {p:#?}")).formula;
    let spec = |(place, (when, body)): (usize, &(&str, &str))| RuleSpec {
        id: RuleId(place as u16),
        body: read(body),
        when: (!when.is_empty()).then(|| read(when)),
    };
    RULES.iter().enumerate().map(spec).collect()
}

fn specs(table: &SignalTable) -> Vec<SignalSpec> {
    table.iter().map(|(_, def)| SignalSpec::of(def)).collect()
}

/// A small generator of its own (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

fn value(signal: usize, dice: &mut Dice) -> Value {
    let number = |n: f64| Value::Number(n);
    match signal {
        _ if dice.below(500) == 0 => Value::Unknown,
        0..=2 if dice.below(500) == 0 => number(f64::NAN),
        0 => number(dice.below(2000) as f64 / 10.0 - 100.0),
        1 => number(dice.below(200) as f64 - 100.0),
        2 => number(dice.below(180) as f64 / 10.0 - 9.0),
        3 => Value::Flag(dice.below(2) == 0),
        4 => Value::State(dice.below(3) as u16),
        _ => Value::Pulse,
    }
}

/// Feeds about so many samples at the declared rates, with jitter, gaps, losses, pairs at one stamp and late ones, from
/// `from` on; the instant where it ended, and how many rules were told that memory merged.
fn feed(engine: &mut Engine, from: Time, samples: u64, dice: &mut Dice, changes: &mut Vec<Change>) -> (Time, usize) {
    let mut now = from;
    let mut fed = 0;
    let mut merged = 0;
    let mut due = [from; EVERY_MS.len()];
    while fed < samples {
        let signal = (0..due.len()).min_by_key(|&s| due[s]).expect("there are signals");
        now = due[signal].max(now);
        let ms = if EVERY_MS[signal] == 0 { 200 } else { EVERY_MS[signal] };
        let jitter = Span::from_micros(dice.below(400) as i64 * ms / 2);
        let gap = Span::from_millis(if dice.below(300) == 0 { ms * (2 + dice.below(200) as i64) } else { 0 });
        due[signal] = now + Span::from_micros(ms * 900) + jitter + gap;
        changes.clear();
        let id = SignalId(signal as u32);
        let sample = (id, value(signal, dice));
        match dice.below(400) {
            0 => engine.lose(now, &[id], changes),
            1 => engine.push(now, &[sample, (id, value(signal, dice))], changes),
            2 => engine.push(now - Span::from_millis(3), &[sample], changes),
            3 => engine.advance(now, changes),
            _ => engine.push(now, &[sample], changes),
        }
        fed += 1;
        merged += changes.iter().filter(|c| matches!(c, Change::Merged { .. })).count();
        std::hint::black_box(engine.next_deadline());
        std::hint::black_box(engine.running(RuleId((fed % RULES.len() as u64) as u16)));
    }
    (now, merged)
}

#[test]
fn the_counter_counts() {
    let counted = allocation_counter::measure(|| drop(std::hint::black_box(vec![1_u8; 100])));
    assert_eq!((counted.count_total, counted.bytes_total, counted.count_current), (1, 100, 0));
}

#[test]
fn nothing_is_allocated_after_the_start() {
    let table = table();
    let (rules, specs) = (rules(&table), specs(&table));
    let mut engine = None;
    let built = allocation_counter::measure(|| engine = Some(Engine::new(&rules, &specs)));
    let mut engine = engine.expect("just built");
    let planned = engine.bytes();
    // What is said is what is held. `measure` does not see the engine itself, which stands on the stack.
    let held = built.bytes_current as usize + if SAID_IS_A_BOUND { 0 } else { size_of::<Engine>() };
    assert!(
        (!SAID_IS_A_BOUND || built.bytes_current <= planned as i64) && planned <= 2 * held,
        "{planned} bytes are said, {} are held",
        built.bytes_current
    );
    let mut changes = Vec::with_capacity(4096);
    let mut dice = Dice(1);
    let start = Time::from_nanos(1_000_000_000);
    let mut told = (Time::ZERO, 0);
    let counted = allocation_counter::measure(|| {
        engine.start(start, &[(SignalId(3), Value::Flag(true), Time::ZERO)], &mut changes);
        told = feed(&mut engine, start, 200_000, &mut dice, &mut changes);
    });
    assert_eq!(told.1, 0, "merged at the declared rates");
    assert_eq!(
        (counted.count_total, counted.bytes_total),
        (0, 0),
        "allocations in 200,000 samples over {:?}",
        told.0.since(start)
    );
    assert_eq!(engine.bytes(), planned);
    // The samples meant something: rules were broken, others not.
    let broken = (0..RULES.len()).filter(|&r| engine.running(RuleId(r as u16)).decided.hi < 0.0).count();
    assert!((3..RULES.len() - 3).contains(&broken), "{broken} of {} rules were broken", RULES.len());
}

#[test]
fn a_device_a_hundred_times_too_fast_allocates_nothing_either() {
    let table = table();
    let (rules, mut specs) = (rules(&table), specs(&table));
    for spec in &mut specs {
        spec.every = spec.every.map(|every| Span::from_nanos(every.nanos() * 100));
    }
    let mut engine = Engine::new(&rules, &specs);
    let planned = engine.bytes();
    let mut changes = Vec::with_capacity(4096);
    let mut dice = Dice(2);
    let start = Time::from_nanos(1_000_000_000);
    let mut merged = 0;
    let counted = allocation_counter::measure(|| {
        engine.start(start, &[], &mut changes);
        merged = feed(&mut engine, start, 20_000, &mut dice, &mut changes).1;
    });
    assert_eq!(engine.bytes(), planned);
    assert!(!MERGING_IS_FREE || counted.count_total == 0, "{} allocations", counted.count_total);
    assert!(merged > 0, "nothing was merged: the test says little");
}
