//! The gate in verdict.json and in the summary: every command accounted for, what fallbacks did, and the scores.

use super::Subject;
use crate::command::RuleId;
use crate::run::event::FallbackWhy;
use crate::time::Time;
use crate::trace::{Account, Stretch, words};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// What the gate did with the commands of controllers.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct GateVerdict {
    /// `observe`, `enforce` or `fallback`.
    pub mode: &'static str,
    pub controllers: Vec<AccountVerdict>,
    pub fallbacks: Vec<RecoveredVerdict>,
    /// A person held the machines.
    pub person: Vec<StretchVerdict>,
    pub scores: ScoresVerdict,
}

/// `received` is the sum of `passed`, `clamped`, `rejected`, `malformed` and `unaccounted`.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct AccountVerdict {
    pub controller: String,
    pub received: u64,
    pub passed: u64,
    pub clamped: u64,
    pub rejected: u64,
    /// By reason: `closed`, `outranked`, `stale`, `too_fast`, `not_a_number`, `out_of_range`, `no_room`.
    pub rejected_by: BTreeMap<&'static str, u64>,
    /// Not understood.
    pub malformed: u64,
    /// Never brought to the gate: held back by a fault on what the controller says. Zero without such faults.
    pub unaccounted: i64,
    /// Went out as asked for, whatever the gate decided: it only observed.
    pub observed: u64,
}

/// One time that a fallback had the machine.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct RecoveredVerdict {
    pub controller: String,
    /// `condition`, `limit` or `silence`.
    pub why: &'static str,
    pub from_s: f64,
    pub to_s: f64,
    pub handed_back: bool,
    pub nuisance: bool,
    pub wrong_hand_back: bool,
}

/// From an instant to another.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct StretchVerdict {
    pub from_s: f64,
    pub to_s: f64,
}

/// How well gate and fallbacks did.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ScoresVerdict {
    /// Rules over driven signals that were broken with no intervention against it.
    pub missed: Vec<BrokenVerdict>,
    /// Broken, and the intervention came only then.
    pub late: Vec<BrokenVerdict>,
    /// Take-overs around which no stopping rule came near its limit.
    pub nuisance: usize,
    /// Hand-backs after which a rule was broken or the fallback was needed again too soon.
    pub wrong_hand_back: usize,
}

/// A rule that was broken.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct BrokenVerdict {
    pub rule: String,
    pub violated_at_s: f64,
}

/// The gate's part of the verdict.
pub(super) fn verdict(subject: &Subject<'_>) -> Option<GateVerdict> {
    let (plan, gate) = (subject.plan, &subject.trace.gate);
    if gate.accounts.is_empty() {
        return None;
    }
    let broken = |list: &[(RuleId, Time)]| {
        let one =
            |(rule, at): &(RuleId, Time)| BrokenVerdict { rule: words::rule(plan, *rule), violated_at_s: at.seconds() };
        list.iter().map(one).collect()
    };
    let controllers = gate.accounts.iter().map(|account| AccountVerdict {
        controller: words::device(plan, account.controller),
        received: account.received,
        passed: account.passed,
        clamped: account.clamped,
        rejected: account.rejections(),
        rejected_by: account.rejected.clone(),
        malformed: account.malformed,
        unaccounted: account.unaccounted(),
        observed: account.observed,
    });
    let fallbacks = gate.recoveries.iter().map(|one| RecoveredVerdict {
        controller: words::device(plan, one.controller),
        why: match one.why {
            FallbackWhy::Condition => "condition",
            FallbackWhy::Limit => "limit",
            FallbackWhy::Silence => "silence",
        },
        from_s: one.stretch.from.seconds(),
        to_s: one.stretch.to.seconds(),
        handed_back: one.handed_back,
        nuisance: one.nuisance,
        wrong_hand_back: one.too_soon,
    });
    let stretch = |s: &Stretch| StretchVerdict { from_s: s.from.seconds(), to_s: s.to.seconds() };
    Some(GateVerdict {
        mode: plan.gate.word(),
        controllers: controllers.collect(),
        fallbacks: fallbacks.collect(),
        person: gate.person.iter().map(stretch).collect(),
        scores: ScoresVerdict {
            missed: broken(&gate.scores.missed),
            late: broken(&gate.scores.late),
            nuisance: gate.scores.nuisance,
            wrong_hand_back: gate.scores.wrong_hand_backs,
        },
    })
}

/// The gate's lines of the summary; none where nothing was asked of it.
pub(super) fn summary(subject: &Subject<'_>, out: &mut String) {
    let (plan, gate) = (subject.plan, &subject.trace.gate);
    if gate.accounts.iter().all(|account| account.received == 0) && gate.person.is_empty() {
        return;
    }
    let _ = writeln!(out, "\ngate ({}):", plan.gate.word());
    for account in &gate.accounts {
        let _ = writeln!(out, "  {}: {}", words::device(plan, account.controller), counts(account));
    }
    for one in &gate.recoveries {
        let after = match (one.handed_back, one.too_soon) {
            (true, false) => format!("handed back at {}", one.stretch.to),
            (true, true) => format!("handed back at {}, too soon", one.stretch.to),
            (false, _) => format!("let go at {}", one.stretch.to),
        };
        let nuisance = if one.nuisance { "; no rule was near its limit" } else { "" };
        let _ = writeln!(
            out,
            "  fallback for {}: took over at {} since {}, {after}{nuisance}",
            words::device(plan, one.controller),
            one.stretch.from,
            words::fallback_why(one.why)
        );
    }
    for held in &gate.person {
        let _ = writeln!(out, "  a person held the machines from {} to {}", held.from, held.to);
    }
    for (what, list) in [("missed", &gate.scores.missed), ("late for", &gate.scores.late)] {
        for (rule, at) in list {
            let _ = writeln!(out, "  {what} rule {}, broken at {at}", words::rule(plan, *rule));
        }
    }
}

/// `512 commands: 500 passed, 2 clamped, 10 rejected (8 outranked, 2 stale)`.
fn counts(account: &Account) -> String {
    let mut text = format!(
        "{} commands: {} passed, {} clamped, {} rejected",
        account.received,
        account.passed,
        account.clamped,
        account.rejections()
    );
    if !account.rejected.is_empty() {
        let reasons: Vec<String> =
            account.rejected.iter().map(|(why, count)| format!("{count} {}", why.replace('_', " "))).collect();
        let _ = write!(text, " ({})", reasons.join(", "));
    }
    if account.malformed > 0 {
        let _ = write!(text, ", {} not understood", account.malformed);
    }
    match account.unaccounted() {
        0 => {}
        held @ 1.. => {
            let _ = write!(text, ", {held} never at the gate");
        }
        made => {
            let _ = write!(text, ", {} more than were recorded: made by a fault, or lost to the recording", made.unsigned_abs());
        }
    }
    if account.observed > 0 {
        let _ = write!(text, "; {} went out as asked, the gate only observed", account.observed);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::DeviceId;
    use std::collections::BTreeMap;

    #[test]
    fn commands_that_a_fault_held_back_or_made_are_counted_in_words() {
        let account = |received| Account {
            controller: DeviceId(0),
            received,
            passed: 3,
            clamped: 0,
            rejected: BTreeMap::from([("stale", 2)]),
            malformed: 0,
            observed: 0,
        };
        let all = |received| format!("{received} commands: 3 passed, 0 clamped, 2 rejected (2 stale)");
        assert_eq!(counts(&account(5)), all(5));
        assert_eq!(counts(&account(7)), all(7) + ", 2 never at the gate");
        assert_eq!(counts(&account(4)), all(4) + ", 1 more than were recorded: made by a fault, or lost to the recording");
    }
}
