//! The gate: what a controller or script asks for passes, is clamped, or is refused.

use crate::command::{ARGS_MAX, Bound, Command, CommandId, RuleId};
use crate::time::{Span, Time};

/// Most commands of one run that have a greatest rate; the planner refuses more.
pub const RATED_COMMANDS_MAX: usize = 64;

/// Limits of one command that a controller may ask for.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct GateConfig {
    /// A command older than this is stale.
    pub max_age: Option<Span>,
    /// Least time between two commands let through (1 / rate).
    pub min_interval: Option<Span>,
}

/// What became of a command at the gate.
#[derive(Copy, Clone, PartialEq, Debug)]
pub enum Decision {
    Pass,
    /// The argument was brought within the bound, in place. Where several were, this is the first of them.
    Clamp {
        arg: u8,
        from: f64,
        to: f64,
        rule: Option<RuleId>,
    },
    Reject(Refusal),
}

/// Why the gate refused, in the order in which the gate asks.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Refusal {
    /// The normal lane is closed: not armed yet, or tripped.
    Closed,
    /// Somebody with more authority holds the device.
    Outranked,
    Stale,
    TooFast,
    /// An argument is not a finite number.
    NotANumber {
        arg: u8,
    },
    /// An argument is outside its own declared range.
    OutOfRange {
        arg: u8,
    },
    /// No value of the argument satisfies every bound on it, or the state that a bound follows from is unknown.
    NoRoom {
        arg: u8,
        rule: RuleId,
    },
}

impl core::fmt::Display for Refusal {
    /// A fragment for people: why it was refused.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Refusal::Closed => "no command passes: not armed yet, or tripped",
            Refusal::Outranked => "somebody with more authority holds the device",
            Refusal::Stale => "it is too old",
            Refusal::TooFast => "it came too soon after the one before",
            Refusal::NotANumber { .. } => "an argument is not a finite number",
            Refusal::OutOfRange { .. } => "an argument is out of its range",
            Refusal::NoRoom { .. } => "no value of an argument is within the bounds of the rules",
        })
    }
}

/// When each rated command was last let through.
#[derive(Copy, Clone, Hash, Debug)]
pub(crate) struct Gate {
    passed: [(CommandId, Time); RATED_COMMANDS_MAX],
    known: usize,
}

impl Gate {
    pub(crate) fn new() -> Gate {
        Gate { passed: [(CommandId(0), Time::MIN); RATED_COMMANDS_MAX], known: 0 }
    }

    /// Decides about a command, the lane being open. A refused command is left as it came.
    pub(crate) fn decide(
        &mut self,
        at: Time,
        outranked: bool,
        age: Span,
        command: &mut Command,
        bounds: &[Bound],
        limits: &GateConfig,
    ) -> Decision {
        if outranked {
            return Decision::Reject(Refusal::Outranked);
        }
        if is_stale(age, limits.max_age) {
            return Decision::Reject(Refusal::Stale);
        }
        if limits.min_interval.is_some_and(|least| self.too_soon(command.id, at, least)) {
            return Decision::Reject(Refusal::TooFast);
        }
        match limit(command, bounds) {
            Ok(decision) => {
                if limits.min_interval.is_some() {
                    self.remember(command.id, at);
                }
                decision
            }
            Err(refusal) => Decision::Reject(refusal),
        }
    }

    fn too_soon(&self, id: CommandId, at: Time, least: Span) -> bool {
        match self.passed[..self.known].iter().find(|(known, _)| *known == id) {
            Some((_, last)) => at.since(*last) < least,
            // A command that cannot be remembered could not be held to its rate later.
            None => self.known == RATED_COMMANDS_MAX,
        }
    }

    fn remember(&mut self, id: CommandId, at: Time) {
        let known = self.passed[..self.known].iter().position(|(known, _)| *known == id);
        let place = known.unwrap_or(self.known);
        self.passed[place] = (id, at);
        self.known = self.known.max(place + 1);
    }
}

/// `Span::MAX` is the age of what a broker retained or replayed: no limit makes that fresh. Nor is the future.
fn is_stale(age: Span, max_age: Option<Span>) -> bool {
    age == Span::MAX || age < Span::ZERO || max_age.is_some_and(|most| age > most)
}

/// Holds the arguments against numbers, declared ranges and bounds, in this order, and clamps what may be clamped.
fn limit(command: &mut Command, bounds: &[Bound]) -> Result<Decision, Refusal> {
    for (arg, value) in command.args().iter().enumerate() {
        if !value.is_finite() {
            return Err(Refusal::NotANumber { arg: arg as u8 });
        }
    }
    let count = command.args().len();
    for bound in bounds {
        let arg = bound.arg as usize;
        // A bound that is no interval, or on an argument that is not there, permits nothing.
        if arg >= count || !is_interval(bound) {
            return Err(no_room(bound));
        }
        if bound.rule.is_none() && !is_within(bound, command.args()[arg]) {
            return Err(Refusal::OutOfRange { arg: bound.arg });
        }
    }
    let mut limited = [0.0; ARGS_MAX];
    limited[..count].copy_from_slice(command.args());
    let mut first: Option<&Bound> = None;
    for bound in bounds {
        let value = &mut limited[bound.arg as usize];
        if !is_within(bound, *value) {
            *value = value.max(bound.lo).min(bound.hi);
            first = first.or(Some(bound));
        }
    }
    // Bounds can contradict each other: clamping for the second may have broken the first again.
    for bound in bounds {
        if !is_within(bound, limited[bound.arg as usize]) {
            // Where a rule leaves nothing of the declared range, the rule is the one to name.
            let by_rule = bounds.iter().find(|b| b.arg == bound.arg && b.rule.is_some());
            return Err(no_room(if bound.rule.is_some() { bound } else { by_rule.unwrap_or(bound) }));
        }
    }
    let decision = match first {
        None => Decision::Pass,
        Some(bound) => Decision::Clamp {
            arg: bound.arg,
            from: command.args()[bound.arg as usize],
            to: limited[bound.arg as usize],
            rule: bound.rule,
        },
    };
    command.args_mut().copy_from_slice(&limited[..count]);
    Ok(decision)
}

fn no_room(bound: &Bound) -> Refusal {
    match bound.rule {
        Some(rule) => Refusal::NoRoom { arg: bound.arg, rule },
        None => Refusal::OutOfRange { arg: bound.arg },
    }
}

fn is_within(bound: &Bound, value: f64) -> bool {
    bound.lo <= value && value <= bound.hi
}

/// False for NaN on either side, for an empty interval, and for one that holds no finite number.
fn is_interval(bound: &Bound) -> bool {
    bound.lo <= bound.hi && bound.lo < f64::INFINITY && bound.hi > f64::NEG_INFINITY
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: GateConfig = GateConfig { max_age: None, min_interval: None };

    fn ask(args: &[f64], bounds: &[Bound]) -> (Decision, Command) {
        let mut command = Command::new(CommandId(3), args).expect("few arguments");
        let decision = Gate::new().decide(Time::ZERO, false, Span::ZERO, &mut command, bounds, &FREE);
        (decision, command)
    }

    fn range(arg: u8, lo: f64, hi: f64) -> Bound {
        Bound { arg, lo, hi, rule: None }
    }

    fn rule(arg: u8, lo: f64, hi: f64, rule: u16) -> Bound {
        Bound { arg, lo, hi, rule: Some(RuleId(rule)) }
    }

    #[test]
    fn what_is_within_passes_untouched() {
        let (decision, command) = ask(&[2.0, -1.0], &[range(0, 0.0, 8.0), rule(1, -3.0, 3.0, 4)]);
        assert_eq!((decision, command.args()), (Decision::Pass, &[2.0, -1.0][..]));
    }

    #[test]
    fn a_rule_clamps_and_the_first_clamp_is_told() {
        let (decision, command) =
            ask(&[9.0, -5.0], &[rule(0, 0.0, 8.0, 1), rule(0, 0.0, 6.0, 2), rule(1, -3.0, 3.0, 4)]);
        assert_eq!(decision, Decision::Clamp { arg: 0, from: 9.0, to: 6.0, rule: Some(RuleId(1)) });
        assert_eq!(command.args(), [6.0, -3.0]);
    }

    #[test]
    fn outside_the_declared_range_is_refused_even_where_a_rule_would_clamp() {
        let (decision, command) = ask(&[9.0], &[rule(0, 0.0, 6.0, 1), range(0, 0.0, 8.0)]);
        assert_eq!(decision, Decision::Reject(Refusal::OutOfRange { arg: 0 }));
        assert_eq!(command.args(), [9.0], "a refused command is left as it came");
    }

    #[test]
    fn bounds_that_contradict_each_other_permit_nothing_and_name_a_rule() {
        for (bounds, named) in [
            ([rule(0, 0.0, 2.0, 1), rule(0, 3.0, 5.0, 2)], 1),
            ([range(0, 0.0, 10.0), rule(0, 11.0, 12.0, 2)], 2),
            ([rule(0, 5.0, 2.0, 1), range(0, 0.0, 10.0)], 1),
            ([rule(0, f64::NAN, 2.0, 1), range(0, 0.0, 10.0)], 1),
            ([rule(0, f64::INFINITY, f64::INFINITY, 1), range(0, 0.0, 10.0)], 1),
        ] {
            let (decision, command) = ask(&[4.0], &bounds);
            let expected = Decision::Reject(Refusal::NoRoom { arg: 0, rule: RuleId(named) });
            assert_eq!(decision, expected, "{bounds:?}");
            assert_eq!(command.args(), [4.0]);
        }
        assert_eq!(ask(&[4.0], &[range(1, 0.0, 9.0)]).0, Decision::Reject(Refusal::OutOfRange { arg: 1 }));
    }

    #[test]
    fn only_finite_numbers_pass_whatever_the_bounds() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let (decision, _) = ask(&[0.0, bad], &[rule(0, 1.0, 2.0, 1), rule(1, 0.0, 1.0, 1)]);
            assert_eq!(decision, Decision::Reject(Refusal::NotANumber { arg: 1 }));
        }
    }

    #[test]
    fn the_rate_counts_what_was_let_through_and_each_command_by_itself() {
        let mut gate = Gate::new();
        let limits = GateConfig { max_age: None, min_interval: Some(Span::from_millis(20)) };
        let mut ask = |id: u16, millis: i64, value: f64| {
            let mut command = Command::new(CommandId(id), &[value]).expect("few arguments");
            let at = Time::ZERO + Span::from_millis(millis);
            gate.decide(at, false, Span::ZERO, &mut command, &[range(0, 0.0, 8.0)], &limits)
        };
        assert_eq!(ask(1, 0, 1.0), Decision::Pass);
        assert_eq!(ask(1, 19, 1.0), Decision::Reject(Refusal::TooFast));
        assert_eq!(ask(2, 19, 1.0), Decision::Pass);
        assert_eq!(ask(1, 20, 9.0), Decision::Reject(Refusal::OutOfRange { arg: 0 }));
        assert_eq!(ask(1, 21, 1.0), Decision::Pass, "a refused command uses up no rate");
    }

    #[test]
    fn a_rated_command_beyond_the_table_is_refused_rather_than_let_run_free() {
        let mut gate = Gate::new();
        let limits = GateConfig { max_age: None, min_interval: Some(Span::from_millis(1)) };
        let mut ask = |id: u16, limits: &GateConfig| {
            let mut command = Command::new(CommandId(id), &[]).expect("no arguments");
            gate.decide(Time::ZERO, false, Span::ZERO, &mut command, &[], limits)
        };
        for id in 0..RATED_COMMANDS_MAX as u16 {
            assert_eq!(ask(id, &limits), Decision::Pass);
        }
        assert_eq!(ask(999, &limits), Decision::Reject(Refusal::TooFast));
        assert_eq!(ask(999, &FREE), Decision::Pass, "a command without a rate needs no place");
    }

    #[test]
    fn replayed_old_and_future_commands_are_stale() {
        let aged = GateConfig { max_age: Some(Span::from_millis(250)), min_interval: None };
        let ask = |age: Span, limits: &GateConfig| {
            let mut command = Command::new(CommandId(1), &[]).expect("no arguments");
            Gate::new().decide(Time::ZERO, false, age, &mut command, &[], limits)
        };
        assert_eq!(ask(Span::from_millis(250), &aged), Decision::Pass);
        assert_eq!(ask(Span::from_millis(251), &aged), Decision::Reject(Refusal::Stale));
        assert_eq!(ask(Span::MAX, &FREE), Decision::Reject(Refusal::Stale));
        assert_eq!(ask(Span::from_nanos(-1), &FREE), Decision::Reject(Refusal::Stale));
    }
}
