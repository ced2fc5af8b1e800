//! How much memory rules need, worked out before any of it is taken.

use super::graph::Builder;
use super::node::Node;
use super::rule::Rule;
use super::{Options, RuleSpec, SignalSpec, room};
use crate::command::RuleId;
use crate::expr::ir::Formula;
use crate::signal::SignalTable;

/// The most memory that one rule may need: what a window of a day over a signal told 50 times a second takes, several
/// times over. A rule that needs more is a slip, or an attack.
pub const RULE_BYTES_MAX: usize = 256 << 20;

/// Bytes that the memories of an engine for these rules would take; nothing is allocated for them here.
fn bytes_needed(rules: &[RuleSpec], signals: &[SignalSpec]) -> usize {
    let mut builder = Builder::new(false);
    for rule in rules {
        Rule::build(rule, &mut builder, false, &mut |_, _| {});
    }
    let plans = &builder.plans;
    let rooms = room::plan(plans, signals, Options::default().burst);
    let needed = plans.iter().zip(rooms).map(|(plan, room)| {
        let is_bare = plan.children.first().is_some_and(|child| plans[child.place()].bare);
        size_of::<Node>() + Node::bytes(plan, is_bare, room)
    });
    needed.fold(0, usize::saturating_add)
}

/// What to tell about a formula that would need more memory than a rule may have: words, and what to do.
pub fn too_much(body: &Formula, signals: &SignalTable) -> Option<(String, String)> {
    let rule = RuleSpec { id: RuleId(0), body: body.clone(), when: None };
    let specs: Vec<SignalSpec> = signals.iter().map(|(_, def)| SignalSpec::of(def)).collect();
    let needed = bytes_needed(&[rule], &specs);
    let mebibytes = |bytes: usize| bytes >> 20;
    (needed > RULE_BYTES_MAX).then(|| {
        let message = format!(
            "judging this would take {} MiB of memory; a rule may have {} MiB",
            mebibytes(needed),
            mebibytes(RULE_BYTES_MAX)
        );
        (message, "shorten its windows: memory is planned from them and from how often its signals are told".into())
    })
}

/// The most memory that rules judged together may need.
const ALL_BYTES_MAX: usize = 4 * RULE_BYTES_MAX;

/// The same about rules that are judged together.
pub fn all_too_much(rules: &[RuleSpec], signals: &SignalTable) -> Option<(String, String)> {
    let specs: Vec<SignalSpec> = signals.iter().map(|(_, def)| SignalSpec::of(def)).collect();
    let needed = bytes_needed(rules, &specs);
    (needed > ALL_BYTES_MAX).then(|| {
        let message = format!(
            "judging all these rules would take {} MiB of memory; they may have {} MiB",
            needed >> 20,
            ALL_BYTES_MAX >> 20
        );
        (message, "shorten the windows of some".into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::ir::{Comparison, Number, Window};
    use crate::signal::SignalId;
    use crate::stl::Engine;
    use crate::time::Span;

    #[test]
    fn what_is_worked_out_is_what_an_engine_takes() {
        let limit = |limit: f64| Formula::Compare {
            op: Comparison::LessEqual,
            left: Number::Signal(SignalId(0)),
            right: Number::Constant(limit),
            scale: 1.0,
        };
        let once = |hours: i64, f| {
            let window = Window { from: Span::ZERO, to: Some(Span::from_secs(3600 * hours)) };
            Formula::Once(window, Box::new(f))
        };
        let signals = [SignalSpec { every: Some(Span::from_millis(20)), ..SignalSpec::default() }];
        let mut last = 0;
        for hours in 1..4 {
            let body = Formula::And((0..hours).map(|i| once(i + 1, limit(i as f64))).collect());
            let rule = RuleSpec { id: RuleId(0), body, when: None };
            let needed = bytes_needed(std::slice::from_ref(&rule), &signals);
            let taken = Engine::new(&[rule], &signals).bytes();
            assert!(needed <= taken && taken - needed < 10_000, "{needed} worked out, {taken} taken");
            assert!(needed > last + 1_000_000, "an hour more needs more: {needed} after {last}");
            last = needed;
        }
    }
}
