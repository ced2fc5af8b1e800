//! The gate's look-ahead, worked out from rules before a run: how far each argument of a command may go.

use super::model::{Reaction, Rule};
use crate::command::{ArgKind, Bound, CommandDef, RuleId};
use crate::expr::{Limit, Side, limits};
use crate::signal::SignalId;

/// What a stopping rule leaves of an argument, one step ahead.
#[derive(Clone, PartialEq, Debug)]
pub enum LookAhead {
    /// The argument says where the signal goes: the limit of the signal is that of the argument.
    Place(Bound),
    /// The argument says how fast the signal moves. One command carries it on for `seconds`, from where it is then.
    Pace {
        arg: u8,
        rule: RuleId,
        signal: SignalId,
        /// Limits of the signal, SI.
        lo: f64,
        hi: f64,
        seconds: f64,
    },
}

impl LookAhead {
    /// The bound on the argument, by what the signals hold now. An unknown signal leaves no room: where a machine is that
    /// nobody sees, no pace can be shown to keep it inside.
    pub fn bound(&self, state: &mut dyn FnMut(SignalId) -> Option<f64>) -> Bound {
        match self {
            LookAhead::Place(bound) => *bound,
            LookAhead::Pace { arg, rule, signal, lo, hi, seconds } => {
                let here = state(*signal).unwrap_or(f64::NAN);
                Bound { arg: *arg, lo: (lo - here) / seconds, hi: (hi - here) / seconds, rule: Some(*rule) }
            }
        }
    }
}

/// The declared range of each argument, and then what the stopping ones of these rules leave of it.
pub fn look_ahead<'r>(def: &CommandDef, rules: impl Iterator<Item = &'r Rule>) -> Vec<LookAhead> {
    let mut bounds: Vec<LookAhead> = own_ranges(def).map(LookAhead::Place).collect();
    for rule in rules.filter(|rule| matches!(rule.reaction, Reaction::Stop(_))) {
        // With a `when` the limit holds at some times alone: nobody can say whether it will when the device gets there.
        if rule.spec.when.is_some() {
            continue;
        }
        for limit in limits(&rule.spec.body).iter().filter(|limit| limit.unconditional) {
            let (lo, hi) = sides(limit);
            for (arg, def) in (0_u8..).zip(&def.args) {
                if def.drives == Some(limit.signal) {
                    bounds.push(LookAhead::Place(Bound { arg, lo, hi, rule: Some(rule.spec.id) }));
                }
                if let Some(carry) = def.carries.filter(|carry| carry.signal == limit.signal) {
                    let (rule, signal, seconds) = (rule.spec.id, limit.signal, carry.lasts.seconds());
                    bounds.push(LookAhead::Pace { arg, rule, signal, lo, hi, seconds });
                }
            }
        }
    }
    bounds
}

/// The furthest that a signal may go: the limit itself, or, where that is forbidden, the number next to it.
fn sides(limit: &Limit) -> (f64, f64) {
    let value = limit.value_si;
    match (limit.side, limit.strict) {
        (Side::Upper, false) => (f64::NEG_INFINITY, value),
        (Side::Upper, true) => (f64::NEG_INFINITY, value.next_down()),
        (Side::Lower, false) => (value, f64::INFINITY),
        (Side::Lower, true) => (value.next_up(), f64::INFINITY),
    }
}

fn own_ranges(def: &CommandDef) -> impl Iterator<Item = Bound> + '_ {
    (0_u8..).zip(&def.args).map(|(arg, def)| {
        let (lo, hi) = match &def.kind {
            ArgKind::Number { lo, hi, .. } => (*lo, *hi),
            ArgKind::States { names } => (0.0, names.len() as f64 - 1.0),
        };
        Bound { arg, lo, hi, rule: None }
    })
}
