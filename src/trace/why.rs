//! Why each rule came out as it did, worked out again from what was recorded: the same recording tells the same.

use super::{Column, RuleTrace, Trace};
use crate::expr::MarginKind;
use crate::rig::{MarginUnit, Rule};
use crate::run::event::EventKind;
use crate::scenario::plan::Plan;
use crate::signal::{SignalId, Value};
use crate::stl::why::{Explainer, Record, Told, ToldTiming};
use crate::stl::{RuleVerdict, SignalSpec};
use crate::time::Time;

/// What lies behind the verdict on one rule.
#[derive(Clone, PartialEq, Debug)]
pub struct RuleWhy {
    /// Episodes, worst margin and, where the rule is broken or could not be judged, the chain behind it.
    pub told: Told,
    /// `0.4 m at fc.altitude <= 8 m (1 %)`: what the least margin came from, where dimensions mix.
    pub critical: Option<String>,
    /// How near the rule came to each of its deadlines.
    pub timings: Vec<ToldTiming>,
    /// What was going on when it was first broken: `phase late`, `fault delay on pilot.tells since 2.760 s`.
    pub meanwhile: Vec<String>,
}

impl Trace {
    /// The reasons behind every judged rule, by rule; `None` where there is nothing more to say than the margin.
    pub(super) fn work_out_whys(&self, plan: &Plan) -> Vec<Option<RuleWhy>> {
        let Some(record) = self.record(plan) else { return vec![None; plan.rules.len()] };
        let specs: Vec<SignalSpec> = plan.rig.signals.iter().map(|(_, def)| SignalSpec::of(def)).collect();
        let explainer = Explainer::new(&specs, &record);
        let judged = |rule: &RuleTrace| rule.judgement.as_ref().map(|j| j.verdict);
        let told = |(rule, of): (&Rule, &RuleTrace)| {
            let why = of_rule(plan, rule, judged(of)?, &explainer)?;
            let meanwhile = of.violated.map_or_else(Vec::new, |violated| self.meanwhile(violated.instant));
            Some(RuleWhy { meanwhile, ..why })
        };
        plan.rules.iter().zip(&self.rules).map(told).collect()
    }

    /// What was going on at an instant, as far as somebody did it on purpose or it broke.
    fn meanwhile(&self, at: Time) -> Vec<String> {
        let mut all = Vec::new();
        for lane in self.lanes.iter().filter(|lane| lane.name != "guard") {
            for bar in lane.bars.iter().filter(|bar| (bar.stretch.from..=bar.stretch.to).contains(&at)) {
                let what = lane.name.strip_suffix(" injected").unwrap_or(&lane.name);
                all.push(format!("{what} {} since {}", bar.label, bar.stretch.from));
            }
        }
        all
    }

    /// What the rules' engine was told; `None` when the run was not armed, or ended before it judged.
    pub fn record(&self, plan: &Plan) -> Option<Record> {
        let start = self.armed_at?;
        let end = self.events.iter().rev().find(|e| matches!(e.kind, EventKind::RuleJudged { .. }))?.at;
        let lost = self.lost(plan);
        let mut held = Vec::new();
        let mut samples: Vec<(Time, SignalId, Option<Value>)> = Vec::new();
        for column in &self.columns {
            let before = column.times.partition_point(|at| *at <= start);
            held.extend(last_before(column, before, &lost, start));
            let later = column.times[before..].iter().zip(&column.values[before..]);
            samples.extend(later.map(|(at, value)| (*at, column.signal, Some(*value))));
        }
        samples.extend(lost.iter().filter(|(at, _)| *at > start).map(|(at, signal)| (*at, *signal, None)));
        samples.sort_by_key(|(at, ..)| *at);
        Some(Record { start, end, held, samples })
    }

    /// Signals that became unknown because their device or its link was lost: one tick after that was told.
    fn lost(&self, plan: &Plan) -> Vec<(Time, SignalId)> {
        let mut lost = Vec::new();
        for event in &self.events {
            let gone = |device| match &event.kind {
                EventKind::Restarted { device: gone } => device == *gone,
                EventKind::LinkLost { link, .. } => plan.rig.devices.iter().any(|d| d.id == device && d.link == *link),
                _ => false,
            };
            let signals = plan.rig.signals.iter().filter(|(_, def)| def.device.is_some_and(gone));
            lost.extend(signals.map(|(signal, _)| (event.at.next(), signal)));
        }
        lost
    }
}

/// What was known of a signal at the start: its last sample, or nothing if it was lost since.
fn last_before(
    column: &Column,
    before: usize,
    lost: &[(Time, SignalId)],
    start: Time,
) -> Option<(SignalId, Value, Time)> {
    let last = before.checked_sub(1)?;
    let (stamp, value) = (column.times[last], column.values[last]);
    let gone = lost.iter().any(|(at, signal)| *signal == column.signal && *at >= stamp && *at <= start);
    Some((column.signal, if gone { Value::Unknown } else { value }, stamp))
}

fn of_rule(plan: &Plan, rule: &Rule, verdict: RuleVerdict, explainer: &Explainer<'_>) -> Option<RuleWhy> {
    let signals = &plan.rig.signals;
    let mixed = rule.margin == MarginUnit::Share && verdict != RuleVerdict::Untested;
    let asks = matches!(verdict, RuleVerdict::Fail | RuleVerdict::Inconclusive);
    let timings = if verdict == RuleVerdict::Untested { Vec::new() } else { explainer.timings(&rule.spec) };
    if !asks && !mixed && timings.is_empty() {
        return None;
    }
    let kind = margin_kind(rule);
    let why = explainer.why(&rule.spec, verdict);
    let tightest = why.worst.filter(|_| mixed).map(|worst| explainer.explain(&rule.spec, worst.place));
    Some(RuleWhy {
        told: why.tell(signals, &kind),
        critical: tightest.and_then(|step| step.critical(signals, &kind)),
        timings: timings.iter().map(|timing| timing.tell(signals)).collect(),
        meanwhile: Vec::new(),
    })
}

/// How the rule's margin is measured, in the words of formulas.
pub fn margin_kind(rule: &Rule) -> MarginKind {
    match &rule.margin {
        MarginUnit::Unit(unit) => MarginKind::Unit(unit.clone()),
        MarginUnit::Share => MarginKind::Share,
        MarginUnit::Truth => MarginKind::Truth,
    }
}
