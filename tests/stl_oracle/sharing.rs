//! Rules that share parts say what each of them says alone.

use super::feed::must;
use super::feed::{Feed, feed, is_violated, whole};
use super::naive::{Naive, Trace};
use super::random::{self, Dice};
use super::shape::{any_number, formula_moves, horizon};
use super::values::Compared;
use super::{enough, seeds};
use checkrein::command::RuleId;
use checkrein::expr::ir::{Formula, Number};
use checkrein::stl::{Change, Judgement, Margin, Options, Piece, RuleSpec, Running};
use checkrein::time::Time;

const RULES: u16 = 20;

/// Rules over a few common parts.
fn rules(dice: &mut Dice) -> Vec<RuleSpec> {
    let mut pool: Vec<Formula> = (0..6).map(|_| random::formula(dice, 2, true)).collect();
    pool.extend((0..3).map(|_| random::atom(dice)));
    let mut out = Vec::new();
    while out.len() < usize::from(RULES) {
        let pick = |dice: &mut Dice| Box::new(pool[dice.below(pool.len() as u64) as usize].clone());
        let past = random::window(dice, true);
        let ahead = random::window(dice, false);
        let body = match dice.below(12) {
            0 => *pick(dice),
            1 => Formula::Not(pick(dice)),
            2 => Formula::And(vec![*pick(dice), *pick(dice)]),
            3 => Formula::Or(vec![*pick(dice), *pick(dice)]),
            4 => Formula::Implies(pick(dice), Box::new(Formula::Eventually(ahead, pick(dice)))),
            5 => Formula::Always(ahead, pick(dice)),
            6 => Formula::Until(ahead, pick(dice), pick(dice)),
            7 => Formula::Unless(ahead, pick(dice), pick(dice)),
            8 => Formula::Historically(past, pick(dice)),
            9 => Formula::Since(past, pick(dice), pick(dice)),
            10 => Formula::Iff(pick(dice), pick(dice)),
            _ => Formula::Rise(pick(dice)),
        };
        let when = dice.one_in(4).then(|| *pick(dice));
        let spec = RuleSpec { id: RuleId(out.len() as u16), body, when };
        if horizon(&whole(&spec)) <= 24 {
            out.push(spec);
        }
    }
    out
}

/// All that was said of one rule, with the running account at every prefix.
#[derive(PartialEq, Debug)]
struct Heard {
    changes: Vec<Change>,
    pieces: Vec<Piece>,
    running: Vec<Running>,
    judgement: Judgement,
}

fn about(change: &Change) -> RuleId {
    match change {
        Change::Tested { rule, .. }
        | Change::Violated { rule, .. }
        | Change::Episode { rule, .. }
        | Change::Blind { rule, .. }
        | Change::Late { rule, .. }
        | Change::Merged { rule, .. } => *rule,
    }
}

fn hear(rules: &[RuleSpec], trace: &Trace, end: i64, how: Feed) -> Result<Vec<Heard>, String> {
    let options = Options { pieces: true, ..Options::default() };
    let mut running = vec![Vec::new(); rules.len()];
    let (mut engine, changes) = feed(rules, trace, end, (how, options), |engine, _, _| {
        for (place, rule) in rules.iter().enumerate() {
            running[place].push(engine.running(rule.id));
        }
        Ok(())
    })?;
    let mut pieces = vec![Vec::new(); rules.len()];
    for (place, rule) in rules.iter().enumerate() {
        engine.take_pieces(rule.id, &mut pieces[place]);
    }
    let judgements = engine.finish(Time::from_nanos(end));
    must!(judgements.len() == rules.len(), "{} judgements of {} rules", judgements.len(), rules.len());
    let mut out = Vec::new();
    for (((rule, judgement), pieces), running) in rules.iter().zip(judgements).zip(pieces).zip(running) {
        let changes = changes.iter().filter(|c| about(c) == rule.id).cloned().collect();
        out.push(Heard { changes, pieces, running, judgement });
    }
    Ok(out)
}

/// The same without the pieces, and with margins to twelve digits.
fn without_pieces(heard: &Heard) -> Heard {
    let round = |x: f64| format!("{x:.12e}").parse().expect("a number as it was printed");
    let margin = |m: Margin| Margin { lo: round(m.lo), hi: round(m.hi) };
    Heard {
        changes: heard.changes.clone(),
        pieces: Vec::new(),
        running: heard
            .running
            .iter()
            .map(|r| Running { decided: margin(r.decided), early_hi: round(r.early_hi), worst_at: None, ..*r })
            .collect(),
        judgement: Judgement { margin: margin(heard.judgement.margin), worst_at: None, ..heard.judgement.clone() },
    }
}

/// Where two accounts part.
fn differ(alone: &Heard, together: &Heard) -> Option<String> {
    fn lists<T: PartialEq + std::fmt::Debug>(name: &str, alone: &[T], together: &[T]) -> Option<String> {
        let i = (0..alone.len().max(together.len())).find(|&i| alone.get(i) != together.get(i))?;
        Some(format!("{name} {i}: alone {:?}, together {:?}", alone.get(i), together.get(i)))
    }
    lists("change", &alone.changes, &together.changes)
        .or_else(|| lists("piece", &alone.pieces, &together.pieces))
        .or_else(|| lists("prefix", &alone.running, &together.running))
        .or_else(|| lists("judgement", &[&alone.judgement], &[&together.judgement]))
}

#[test]
fn twenty_rules_together_say_what_each_says_alone() {
    let mut broken = 0;
    for seed in seeds(60_000_000, 25) {
        let mut dice = Dice::new(seed);
        let rules = rules(&mut dice);
        let mut trace = random::trace(&mut dice, 24);
        if rules.iter().any(|r| any_number(&whole(r), &|n| matches!(n, Number::Mean(..)))) {
            random::calm(&mut trace);
        }
        let how = if dice.one_in(2) { Feed::EveryTick } else { Feed::Late(seed) };
        let end = trace.start + 24;
        let fail = |why: String| -> ! { panic!("CHECKREIN_ORACLE_SEED={seed}: {why}\n{trace:?}") };
        let together = hear(&rules, &trace, end, how).unwrap_or_else(|why| fail(why));
        for (rule, together) in rules.iter().zip(&together) {
            let alone = hear(std::slice::from_ref(rule), &trace, end, how).unwrap_or_else(|why| fail(why));
            broken += u32::from(is_violated(&alone[0].changes));
            let formula = whole(rule);
            let found = if formula_moves(&formula) {
                // A line may be told in more pieces where a neighbour makes the engine look; it is the same line.
                let closed = 2 * end + 2;
                let naive = Naive::new(&trace, closed, closed);
                let decided = (closed - 2 * horizon(&formula)).max(naive.first);
                let values = naive.formula(&formula);
                Compared { values: &values, first: naive.first, exact: false, done: 0 }
                    .with(&together.pieces, decided)
                    .err()
                    .or_else(|| differ(&without_pieces(&alone[0]), &without_pieces(together)))
            } else {
                differ(&alone[0], together)
            };
            if let Some(differ) = found {
                fail(format!("{differ}\n{rule:?}\nof {rules:?}"));
            }
        }
    }
    enough(broken, 60, "violations");
}
