//! What lasted, side by side: phase, steps, faults, guard, links.

use super::{Bar, GateTrace, Lane, LinkTrace, Reaction, Recovered, StepRun, Stretch, Tone, words};
use crate::guard::{Cause, Decision, Refusal};
use crate::run::event::{Event, EventKind, StepOutcome};
use crate::scenario::plan::{Plan, Step, StepId, StepKind};
use crate::time::{Span, Time};
use std::collections::BTreeSet;

/// Commands with the same fate this near to each other are one bar.
const ONE_BAR: Span = Span::from_millis(500);

/// All lanes that have something to show, in the order in which they are drawn.
pub fn lanes(
    plan: &Plan,
    events: &[Event],
    steps: &[StepRun],
    links: &[LinkTrace],
    gate: &GateTrace,
    reaction: Option<&Reaction>,
    end: Time,
) -> Vec<Lane> {
    let mut all = vec![
        Lane { name: "phase".into(), bars: phases(plan, events, end) },
        Lane { name: "step".into(), bars: step_bars(plan, steps) },
        Lane { name: "fault injected".into(), bars: faults(events, end) },
        Lane { name: "gate".into(), bars: gate_bars(plan, events) },
        Lane { name: "fallback".into(), bars: recoveries(plan, gate) },
        Lane {
            name: "person".into(),
            bars: gate.person.iter().map(|s| bar(s.from, s.to, "took over", Tone::Plain)).collect(),
        },
        Lane { name: "guard".into(), bars: guard(plan, events, reaction, end) },
        Lane { name: "link lost".into(), bars: down(plan, links) },
    ];
    all.retain(|lane| !lane.bars.is_empty());
    for lane in &mut all {
        lane.bars.sort_by_key(|b| b.stretch.from);
    }
    all
}

fn bar(from: Time, to: Time, label: impl Into<String>, tone: Tone) -> Bar {
    Bar { stretch: Stretch { from, to }, label: label.into(), tone }
}

fn phases(plan: &Plan, events: &[Event], end: Time) -> Vec<Bar> {
    let mut bars = Vec::new();
    let mut open: Option<(Time, u16)> = None;
    let mut close = |open: &mut Option<(Time, u16)>, at: Time| {
        if let Some((from, phase)) = open.take() {
            let name = plan.phases.get(usize::from(phase)).cloned().unwrap_or_else(|| format!("phase {phase}"));
            bars.push(bar(from, at, name, Tone::Plain));
        }
    };
    for event in events {
        if let EventKind::Phase { phase } = &event.kind {
            close(&mut open, event.at);
            open = phase.map(|p| (event.at, p));
        }
    }
    close(&mut open, end);
    bars
}

/// Steps that hold others are left out: what they hold is shown.
fn step_bars(plan: &Plan, steps: &[StepRun]) -> Vec<Bar> {
    let mut holders = BTreeSet::new();
    find_holders(&plan.steps, &mut holders);
    find_holders(&plan.finally, &mut holders);
    steps
        .iter()
        .filter(|run| !holders.contains(&run.step))
        .map(|run| {
            let title = plan.titles.get(run.step.0 as usize).map_or("", |t| t.title.as_str());
            let tone = match &run.outcome {
                Some(StepOutcome::Done) => Tone::Plain,
                Some(StepOutcome::Failed(_)) => Tone::Bad,
                Some(StepOutcome::Inconclusive(_) | StepOutcome::Aborted(_) | StepOutcome::Skipped(_)) | None => {
                    Tone::Faint
                }
            };
            bar(run.stretch.from, run.stretch.to, title, tone)
        })
        .collect()
}

fn find_holders(steps: &[Step], holders: &mut BTreeSet<StepId>) {
    for step in steps {
        match &step.kind {
            StepKind::Phase { steps, .. } | StepKind::Repeat { steps, .. } | StepKind::When { steps, .. } => {
                holders.insert(step.id);
                find_holders(steps, holders);
            }
            StepKind::Parallel { lanes } => {
                holders.insert(step.id);
                for lane in lanes {
                    find_holders(lane, holders);
                }
            }
            StepKind::Do { .. }
            | StepKind::Expect { .. }
            | StepKind::Wait { .. }
            | StepKind::Hold { .. }
            | StepKind::Inject { .. }
            | StepKind::Rung { .. }
            | StepKind::Mute { .. }
            | StepKind::Prompt { .. } => {}
        }
    }
}

fn faults(events: &[Event], end: Time) -> Vec<Bar> {
    let mut bars = Vec::new();
    let mut open: Vec<(Time, &str, &str)> = Vec::new();
    for event in events {
        match &event.kind {
            EventKind::FaultStarted { fault, on } => open.push((event.at, fault, on)),
            EventKind::FaultEnded { fault, on } => {
                if let Some(place) = open.iter().position(|(_, f, o)| f == fault && o == on) {
                    let (from, ..) = open.remove(place);
                    bars.push(bar(from, event.at, format!("{fault} on {on}"), Tone::Fault));
                }
            }
            _ => {}
        }
    }
    bars.extend(open.into_iter().map(|(from, fault, on)| bar(from, end, format!("{fault} on {on}"), Tone::Fault)));
    bars
}

fn guard(plan: &Plan, events: &[Event], reaction: Option<&Reaction>, end: Time) -> Vec<Bar> {
    let mut bars = Vec::new();
    let acted_at = reaction.and_then(|r| r.causes.first()).map_or(end, |(at, _)| *at);
    if let Some(armed) = events.iter().find(|e| e.kind == EventKind::Armed) {
        bars.push(bar(armed.at, acted_at.max(armed.at), "armed", Tone::Good));
    }
    let Some(reaction) = reaction else { return bars };
    let tripped = reaction.causes.iter().any(|(_, cause)| *cause != Cause::Finish);
    for run in reaction.rungs.iter().filter(|run| !run.skipped) {
        let over = |(at, ladder): &&(Time, _)| *ladder == run.ladder && *at >= run.issued_at;
        let next = reaction.rungs.iter().find(|r| r.ladder == run.ladder && r.rung > run.rung && !r.skipped);
        let to = [
            next.map(|r| r.issued_at),
            reaction.safe.iter().find(over).map(|(at, _)| *at),
            reaction.alarms.iter().find(over).map(|(at, _)| *at),
        ]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(end);
        let tone = if tripped { Tone::Bad } else { Tone::Plain };
        bars.push(bar(run.issued_at, to, words::rung(plan, run.ladder, run.rung), tone));
    }
    for (at, ladder) in &reaction.safe {
        let broke = events
            .iter()
            .find(|e| e.at >= *at && e.kind == EventKind::DeviceUnsafe { ladder: *ladder })
            .map_or(end, |e| e.at);
        bars.push(bar(*at, broke, format!("{} safe", words::ladder(plan, *ladder)), Tone::Good));
    }
    for (at, ladder) in &reaction.alarms {
        bars.push(bar(*at, end, format!("alarm: {} not safe", words::ladder(plan, *ladder)), Tone::Bad));
    }
    bars
}

/// Commands that did not pass as they were asked for, those close to each other as one.
fn gate_bars(plan: &Plan, events: &[Event]) -> Vec<Bar> {
    let mut bars: Vec<Bar> = Vec::new();
    for event in events {
        let EventKind::CommandGated { device, decision, .. } = &event.kind else { continue };
        let (word, tone) = match decision {
            // Before arming, after a trip and while somebody else has the machine that is as it should be.
            Decision::Pass | Decision::Reject(Refusal::Closed | Refusal::Outranked) => continue,
            Decision::Clamp { .. } => ("clamped", Tone::Faint),
            Decision::Reject(_) => ("rejected", Tone::Bad),
        };
        let label = format!("{}: {word}", words::device(plan, *device));
        let near = |last: &&mut Bar| last.label == label && event.at.since(last.stretch.to) <= ONE_BAR;
        match bars.iter_mut().rev().find(near) {
            Some(last) => last.stretch.to = event.at,
            None => bars.push(bar(event.at, event.at, label, tone)),
        }
    }
    bars
}

fn recoveries(plan: &Plan, gate: &GateTrace) -> Vec<Bar> {
    let one = |r: &Recovered| {
        let label = format!("for {}: {}", words::device(plan, r.controller), words::fallback_why(r.why));
        bar(r.stretch.from, r.stretch.to, label, if r.too_soon { Tone::Bad } else { Tone::Plain })
    };
    gate.recoveries.iter().map(one).collect()
}

fn down(plan: &Plan, links: &[LinkTrace]) -> Vec<Bar> {
    links.iter().flat_map(|l| l.down.iter().map(|s| bar(s.from, s.to, words::link(plan, l.link), Tone::Bad))).collect()
}
