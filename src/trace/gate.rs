//! What the gate did with the commands of controllers, and how well: counts, recoveries and scores, from the recording alone.

use super::{RuleTrace, Stretch};
use crate::command::{Authority, RuleId};
use crate::expr::walk::signals_of;
use crate::guard::{Decision, Refusal};
use crate::log::Entry;
use crate::rig::{Reaction, Role};
use crate::run::Input;
use crate::run::event::{Event, EventKind, FallbackWhy};
use crate::scenario::plan::Plan;
use crate::signal::SignalId;
use crate::time::{Span, Time};
use crate::wire::DeviceId;
use std::collections::BTreeMap;

/// An intervention this long before a violation, or after it could be known, counts as one against it; and so much before
/// a take-over belongs to what it answered. Two seconds hold a person's and a machine's reaction, not another manoeuvre.
pub const ATTRIBUTION: Span = Span::from_secs(2);

/// The gate of a run.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct GateTrace {
    /// Of each controller that may ask for commands.
    pub accounts: Vec<Account>,
    pub recoveries: Vec<Recovered>,
    /// A person held the machines.
    pub person: Vec<Stretch>,
    pub scores: Scores,
}

/// What became of everything that a controller asked for.
#[derive(Clone, PartialEq, Debug)]
pub struct Account {
    pub controller: DeviceId,
    /// Messages that arrived on the topics on which it may ask, counted from the inputs.
    pub received: u64,
    pub passed: u64,
    pub clamped: u64,
    /// By reason, in words of the file formats.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Not understood.
    pub malformed: u64,
    /// Of all these, went out as asked for since the gate only observed.
    pub observed: u64,
}

impl Account {
    /// All that was refused.
    pub fn rejections(&self) -> u64 {
        self.rejected.values().sum()
    }
    /// Received and never brought to the gate: held back by a fault on what the controller says, or still on its way at
    /// the end. Below zero where a fault made more of them. Without such faults it is zero.
    pub fn unaccounted(&self) -> i64 {
        let known = self.passed + self.clamped + self.rejections() + self.malformed;
        i64::try_from(self.received).unwrap_or(i64::MAX) - i64::try_from(known).unwrap_or(i64::MAX)
    }
}

/// One time that a fallback had the machine.
#[derive(Clone, PartialEq, Debug)]
pub struct Recovered {
    pub controller: DeviceId,
    pub why: FallbackWhy,
    pub stretch: Stretch,
    pub handed_back: bool,
    /// No stopping rule came near its limit around it.
    pub nuisance: bool,
    /// A rule was broken or it had to take over again, within the time for which its condition had to hold.
    pub too_soon: bool,
}

/// How well the gate and the fallbacks did.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Scores {
    /// Rules over driven signals that were broken with no intervention against it, and from when.
    pub missed: Vec<(RuleId, Time)>,
    /// Broken with an intervention that came only once it was broken.
    pub late: Vec<(RuleId, Time)>,
    pub nuisance: usize,
    pub wrong_hand_backs: usize,
}

/// Reads it off.
pub(super) fn gate(plan: &Plan, entries: &[Entry], events: &[Event], rules: &[RuleTrace], end: Time) -> GateTrace {
    let accounts = accounts(plan, entries);
    if accounts.is_empty() {
        return GateTrace::default();
    }
    let driven = driven(plan);
    let mut recoveries = recoveries(events, end);
    judge_recoveries(plan, rules, &driven, &mut recoveries);
    let scores = scores(plan, events, rules, &driven, &recoveries);
    GateTrace { accounts, recoveries, person: person(events, end), scores }
}

/// The word for a reason, as the files have it.
fn reason(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Closed => "closed",
        Refusal::Outranked => "outranked",
        Refusal::Stale => "stale",
        Refusal::TooFast => "too_fast",
        Refusal::NotANumber { .. } => "not_a_number",
        Refusal::OutOfRange { .. } => "out_of_range",
        Refusal::NoRoom { .. } => "no_room",
    }
}

fn accounts(plan: &Plan, entries: &[Entry]) -> Vec<Account> {
    // What is said on which topic of which link, and by whom.
    let mut topics: Vec<(crate::wire::LinkId, &str, usize)> = Vec::new();
    let mut accounts: Vec<Account> = Vec::new();
    for device in plan.rig.devices.iter().filter(|device| device.role == Role::Controller && !device.may.is_empty()) {
        let configs = plan.rig.links.iter().flat_map(|link| link.codec.devices.iter().map(move |d| (link.id, d)));
        for (link, config) in configs.filter(|(_, config)| config.device == device.id) {
            topics.extend(config.may.iter().map(|may| (link, may.topic.as_str(), accounts.len())));
        }
        accounts.push(Account {
            controller: device.id,
            received: 0,
            passed: 0,
            clamped: 0,
            rejected: BTreeMap::new(),
            malformed: 0,
            observed: 0,
        });
    }
    // Events follow the input that caused them: what is malformed counts where a request was.
    let mut asked: Vec<usize> = Vec::new();
    for entry in entries {
        match entry {
            Entry::Input(input) => {
                asked.clear();
                let Input::Bytes { frame, .. } = input else { continue };
                for (link, topic, place) in &topics {
                    if *link == frame.link && frame.topic.as_deref() == Some(*topic) {
                        accounts[*place].received += 1;
                        asked.push(*place);
                    }
                }
            }
            Entry::Event(Event { kind: EventKind::CommandGated { device, decision, enforced, .. }, .. }) => {
                let Some(account) = accounts.iter_mut().find(|a| a.controller == *device) else { continue };
                match decision {
                    Decision::Pass => account.passed += 1,
                    Decision::Clamp { .. } => account.clamped += 1,
                    Decision::Reject(refusal) => *account.rejected.entry(reason(*refusal)).or_insert(0) += 1,
                }
                account.observed += u64::from(!enforced);
            }
            Entry::Event(Event { kind: EventKind::CommandMalformed { device, .. }, .. }) => {
                if let Some(place) = asked.iter().find(|place| accounts[**place].controller == *device) {
                    accounts[*place].malformed += 1;
                }
            }
            _ => {}
        }
    }
    accounts
}

/// Signals that commands of controllers drive or carry.
fn driven(plan: &Plan) -> Vec<SignalId> {
    let mut driven = Vec::new();
    for may in plan.rig.devices.iter().flat_map(|device| &device.may) {
        let Some(def) = plan.rig.commands.get(may.command) else { continue };
        driven.extend(def.args.iter().flat_map(|arg| [arg.drives, arg.carries.map(|c| c.signal)]).flatten());
    }
    driven
}

fn person(events: &[Event], end: Time) -> Vec<Stretch> {
    let mut held = Vec::new();
    let mut since: Option<Time> = None;
    for event in events {
        if let EventKind::AuthorityChanged { holder } = event.kind {
            match (holder, since) {
                (Authority::Person, None) => since = Some(event.at),
                (Authority::Person, Some(_)) => {}
                (_, Some(from)) => {
                    held.push(Stretch { from, to: event.at });
                    since = None;
                }
                (_, None) => {}
            }
        }
    }
    held.extend(since.map(|from| Stretch { from, to: end.max(from) }));
    held
}

fn recoveries(events: &[Event], end: Time) -> Vec<Recovered> {
    let mut all: Vec<Recovered> = Vec::new();
    let mut open: BTreeMap<DeviceId, usize> = BTreeMap::new();
    for event in events {
        match event.kind {
            EventKind::FallbackEngaged { controller, why } => {
                open.insert(controller, all.len());
                let stretch = Stretch { from: event.at, to: end.max(event.at) };
                all.push(Recovered { controller, why, stretch, handed_back: false, nuisance: false, too_soon: false });
            }
            EventKind::FallbackOver { controller, handed_back } => {
                if let Some(place) = open.remove(&controller) {
                    all[place].stretch.to = event.at;
                    all[place].handed_back = handed_back;
                }
            }
            _ => {}
        }
    }
    all
}

/// Whether the rule speaks of a signal that a controller moves.
fn is_about(plan: &Plan, rule: &RuleTrace, driven: &[SignalId]) -> bool {
    let def = plan.rules.get(usize::from(rule.rule.0));
    def.is_some_and(|def| signals_of(&def.spec.body).iter().any(|signal| driven.contains(signal)))
}

fn judge_recoveries(plan: &Plan, rules: &[RuleTrace], driven: &[SignalId], recoveries: &mut [Recovered]) {
    let starts: Vec<(DeviceId, Time)> = recoveries.iter().map(|r| (r.controller, r.stretch.from)).collect();
    for recovered in recoveries {
        let Stretch { from, to } = recovered.stretch;
        let around = from + Span::from_nanos(-ATTRIBUTION.nanos());
        let near = rules.iter().zip(&plan.rules).any(|(trace, rule)| {
            let limit = rule.warn_at.unwrap_or(0.0);
            matches!(rule.reaction, Reaction::Stop(_))
                && trace.margins.iter().any(|(at, margin)| *at >= around && *at <= to && margin.lo <= limit)
        });
        // Silence is answered for what might come of it, not for where the machine is.
        recovered.nuisance = !near && recovered.why != FallbackWhy::Silence;
        let def = plan.rig.devices.get(usize::from(recovered.controller.0)).and_then(|d| d.fallback.as_ref());
        let Some(back) = def.and_then(|def| def.hand_back.as_ref()).filter(|_| recovered.handed_back) else { continue };
        let soon = |at: Time| at >= to && at <= to + back.lasts;
        let again = starts.iter().any(|(controller, at)| *controller == recovered.controller && soon(*at));
        let broken = rules.iter().filter(|rule| is_about(plan, rule, driven));
        let broken = broken.flat_map(|rule| &rule.broken).any(|episode| soon(episode.from));
        recovered.too_soon = again || broken;
    }
}

fn scores(plan: &Plan, events: &[Event], rules: &[RuleTrace], driven: &[SignalId], recoveries: &[Recovered]) -> Scores {
    let mut interventions: Vec<Stretch> = recoveries.iter().map(|r| r.stretch).collect();
    for event in events {
        if let EventKind::CommandGated { decision, enforced: true, .. } = &event.kind
            && let Decision::Clamp { rule: Some(_), .. } | Decision::Reject(Refusal::NoRoom { .. }) = decision
        {
            interventions.push(Stretch { from: event.at, to: event.at });
        }
    }
    let mut scores = Scores {
        nuisance: recoveries.iter().filter(|r| r.nuisance).count(),
        wrong_hand_backs: recoveries.iter().filter(|r| r.too_soon).count(),
        ..Scores::default()
    };
    for rule in rules.iter().filter(|rule| is_about(plan, rule, driven)) {
        let Some(violation) = rule.violated else { continue };
        let earliest = violation.instant + Span::from_nanos(-ATTRIBUTION.nanos());
        let before = interventions.iter().any(|s| s.from < violation.instant && s.to >= earliest);
        let after = violation.known_at + ATTRIBUTION;
        let behind = interventions.iter().any(|s| s.from >= violation.instant && s.from <= after);
        match (before, behind) {
            (true, _) => {}
            (false, true) => scores.late.push((rule.rule, violation.instant)),
            (false, false) => scores.missed.push((rule.rule, violation.instant)),
        }
    }
    scores
}
