//! Recording -> columns.

use super::{
    Column, LateSamples, LinkTrace, Reaction, RuleTrace, RuleWhy, RungRun, StepRun, Stretch, Trace, Violation, chain,
    gate, lanes, told,
};
use crate::command::RuleId;
use crate::log::{Entry, Recording};
use crate::run::Input;
use crate::run::event::{Event, EventKind};
use crate::scenario::plan::Plan;
use crate::signal::{Sample, SignalId};
use crate::time::{Span, Time};
use crate::wire::LinkId;
use std::collections::BTreeMap;

impl Trace {
    /// Rebuilds the columns of a recording that was made with this plan.
    pub fn new(plan: &Plan, recording: &Recording) -> Trace {
        let trace = Trace::of_entries(plan, &recording.entries, recording.loss.clone());
        Trace { relies_on: recording.head.relies_on.clone(), ..trace }
    }

    /// The same of entries that were never written (a run in memory).
    pub fn of_entries(plan: &Plan, entries: &[Entry], loss: Option<crate::log::Loss>) -> Trace {
        let whole = Stretch {
            from: entries.iter().filter_map(Entry::at).min().unwrap_or(Time::ZERO),
            to: entries.iter().filter_map(Entry::at).max().unwrap_or(Time::ZERO),
        };
        let events: Vec<Event> = entries
            .iter()
            .filter_map(|entry| match entry {
                Entry::Event(event) => Some(event.clone()),
                _ => None,
            })
            .collect();
        let links = links(plan, entries, whole.to);
        let columns = columns(plan, entries, &links, whole.to);
        let steps = steps(&events, whole.to);
        let reaction = reaction(&events);
        let rules = rules(plan, &events, whole.to);
        let gate = gate::gate(plan, entries, &events, &rules, whole.to);
        let lanes = lanes::lanes(plan, &events, &steps, &links, &gate, reaction.as_ref(), whole.to);
        let mut trace = Trace {
            whole,
            armed_at: events.iter().find(|e| e.kind == EventKind::Armed).map(|e| e.at),
            columns,
            told: told::told(plan, entries, &events, whole.to),
            rules,
            links,
            steps,
            lanes,
            reaction,
            chains: chain::chains(&events),
            gate,
            outcome: events.iter().rev().find_map(|e| match &e.kind {
                EventKind::Finished { outcome } => Some(outcome.clone()),
                _ => None,
            }),
            whys: Vec::new(),
            events,
            relies_on: Vec::new(),
            loss,
        };
        trace.whys = trace.work_out_whys(plan);
        trace
    }

    /// What lies behind the rule's verdict, if there is more to say than its margin.
    pub fn why(&self, rule: RuleId) -> Option<&RuleWhy> {
        self.whys.get(usize::from(rule.0))?.as_ref()
    }

    /// The signal's column; `None` for a signal of another plan.
    pub fn column(&self, signal: SignalId) -> Option<&Column> {
        self.columns.get(signal.0 as usize)
    }

    /// The rule's trace; `None` for a rule of another plan.
    pub fn rule(&self, rule: RuleId) -> Option<&RuleTrace> {
        self.rules.get(usize::from(rule.0))
    }

    /// The earliest violation of any rule, by the instant at which it was.
    pub fn first_violation(&self) -> Option<(RuleId, Violation)> {
        self.rules.iter().filter_map(|r| r.violated.map(|v| (r.rule, v))).min_by_key(|(_, v)| v.instant)
    }
}

fn columns(plan: &Plan, entries: &[Entry], links: &[LinkTrace], end: Time) -> Vec<Column> {
    let mut columns: Vec<Column> = plan
        .rig
        .signals
        .iter()
        .map(|(signal, _)| Column { signal, times: Vec::new(), values: Vec::new(), gaps: Vec::new() })
        .collect();
    let mut push = |sample: Sample| {
        if let Some(column) = columns.get_mut(sample.signal.0 as usize) {
            column.times.push(sample.at);
            column.values.push(sample.value);
        }
    };
    // What the run decoded is there as samples; inputs that are samples already are decoded likewise by the run.
    for entry in entries {
        if let Entry::Samples(samples) = entry {
            samples.iter().copied().for_each(&mut push);
        }
    }
    for column in &mut columns {
        let def = plan.rig.signals.def(column.signal);
        let link = def.device.and_then(|d| plan.rig.devices.iter().find(|known| known.id == d)).map(|d| d.link);
        let down = links.iter().find(|l| Some(l.link) == link).map_or(&[][..], |l| &l.down);
        sort(column);
        column.gaps = gaps(column, def.stale_after, down, end);
    }
    columns
}

/// Records come in order of time already; a file from outside may not be in order.
pub(super) fn sort(column: &mut Column) {
    if column.times.is_sorted() {
        return;
    }
    let mut order: Vec<usize> = (0..column.times.len()).collect();
    order.sort_by_key(|i| column.times[*i]);
    column.times = order.iter().map(|i| column.times[*i]).collect();
    column.values = order.iter().map(|i| column.values[*i]).collect();
}

pub(super) fn gaps(column: &Column, stale_after: Option<Span>, down: &[Stretch], end: Time) -> Vec<Stretch> {
    let mut gaps: Vec<Stretch> = Vec::new();
    let mut add = |from: Time, to: Time| {
        if from < to {
            match gaps.last_mut() {
                Some(last) if from <= last.to => last.to = last.to.max(to),
                _ => gaps.push(Stretch { from, to }),
            }
        }
    };
    for (i, at) in column.times.iter().enumerate() {
        let next = column.times.get(i + 1).copied().unwrap_or(end);
        if column.values[i].is_unknown() {
            add(*at, next);
            continue;
        }
        match stale_after {
            Some(limit) => add(*at + limit, next),
            // Without a limit a value holds until its device is gone.
            None => {
                if let Some(lost) = down.iter().find(|s| s.from >= *at && s.from < next) {
                    add(lost.from, next);
                }
            }
        }
    }
    gaps
}

fn rules(plan: &Plan, events: &[Event], end: Time) -> Vec<RuleTrace> {
    let mut rules: Vec<RuleTrace> = (0..plan.rules.len())
        .map(|i| RuleTrace {
            rule: RuleId(u16::try_from(i).expect("rule ids are 16 bits wide")),
            margins: Vec::new(),
            broken: Vec::new(),
            blind: Vec::new(),
            late: Vec::new(),
            merged: false,
            tested_at: None,
            violated: None,
            judgement: None,
        })
        .collect();
    let mut broken_since: BTreeMap<RuleId, Time> = BTreeMap::new();
    let mut blind_since: BTreeMap<(RuleId, SignalId), Time> = BTreeMap::new();
    let with = |rules: &mut Vec<RuleTrace>, id: RuleId, change: &mut dyn FnMut(&mut RuleTrace)| {
        if let Some(rule) = rules.get_mut(usize::from(id.0)) {
            change(rule);
        }
    };
    for event in events {
        match &event.kind {
            EventKind::RuleTested { rule } => {
                with(&mut rules, *rule, &mut |r| r.tested_at = r.tested_at.or(Some(event.at)));
            }
            EventKind::RuleViolated { rule, instant } => with(&mut rules, *rule, &mut |r| {
                r.violated = r.violated.or(Some(Violation { instant: *instant, known_at: event.at }));
            }),
            EventKind::RuleEpisode { rule, broken: true, instant } => {
                broken_since.entry(*rule).or_insert(*instant);
            }
            EventKind::RuleEpisode { rule, broken: false, instant } => {
                if let Some(from) = broken_since.remove(rule) {
                    with(&mut rules, *rule, &mut |r| r.broken.push(Stretch { from, to: *instant }));
                }
            }
            EventKind::RuleBlind { rule, signal, unknown: true } => {
                blind_since.entry((*rule, *signal)).or_insert(event.at);
            }
            EventKind::RuleBlind { rule, signal, unknown: false } => {
                if let Some(from) = blind_since.remove(&(*rule, *signal)) {
                    with(&mut rules, *rule, &mut |r| r.blind.push(Stretch { from, to: event.at }));
                }
            }
            EventKind::RuleLate { rule, signal, count, behind } => with(&mut rules, *rule, &mut |r| {
                // Each word gives the totals since the start: the last one stands.
                r.late.retain(|late| late.signal != *signal);
                r.late.push(LateSamples { signal: *signal, count: *count, behind: *behind });
            }),
            EventKind::RuleMerged { rule } => with(&mut rules, *rule, &mut |r| r.merged = true),
            EventKind::RuleMargin { rule, instant, margin } => {
                with(&mut rules, *rule, &mut |r| r.margins.push((*instant, *margin)));
            }
            EventKind::RuleJudged { judgement } => {
                with(&mut rules, judgement.rule, &mut |r| r.judgement = Some(judgement.clone()));
            }
            _ => {}
        }
    }
    for (rule, from) in broken_since {
        with(&mut rules, rule, &mut |r| r.broken.push(Stretch { from, to: end.max(from) }));
    }
    for ((rule, _), from) in blind_since {
        with(&mut rules, rule, &mut |r| r.blind.push(Stretch { from, to: end.max(from) }));
    }
    for rule in &mut rules {
        rule.margins.sort_by_key(|(at, _)| *at);
    }
    rules
}

fn links(plan: &Plan, entries: &[Entry], end: Time) -> Vec<LinkTrace> {
    let mut links: Vec<LinkTrace> = plan
        .rig
        .links
        .iter()
        .map(|l| LinkTrace {
            link: l.id,
            bytes_in: 0,
            bytes_out: 0,
            noise_bytes: 0,
            corrupt_frames: 0,
            foreign_frames: 0,
            lost_messages: 0,
            down: Vec::new(),
        })
        .collect();
    let mut down_since: BTreeMap<LinkId, Time> = BTreeMap::new();
    for entry in entries {
        match entry {
            Entry::Input(Input::Bytes { frame, .. }) => {
                if let Some(l) = links.iter_mut().find(|l| l.link == frame.link) {
                    l.bytes_in += frame.bytes.len() as u64;
                }
            }
            Entry::Sent { frame, .. } => {
                if let Some(l) = links.iter_mut().find(|l| l.link == frame.link) {
                    l.bytes_out += frame.bytes.len() as u64;
                }
            }
            Entry::Event(Event { at, kind }) => match kind {
                EventKind::LinkLost { link, .. } => {
                    down_since.entry(*link).or_insert(*at);
                }
                EventKind::LinkUp { link } => {
                    if let Some(from) = down_since.remove(link)
                        && let Some(l) = links.iter_mut().find(|l| l.link == *link)
                    {
                        l.down.push(Stretch { from, to: *at });
                    }
                }
                EventKind::WireTrouble { link, noise_bytes, corrupt_frames, foreign_frames, lost_messages } => {
                    // Each word gives the totals since the start: the last one stands.
                    if let Some(l) = links.iter_mut().find(|l| l.link == *link) {
                        l.noise_bytes = *noise_bytes;
                        l.corrupt_frames = *corrupt_frames;
                        l.foreign_frames = *foreign_frames;
                        l.lost_messages = *lost_messages;
                    }
                }
                _ => {}
            },
            Entry::Input(_) | Entry::Samples(_) => {}
        }
    }
    for (link, from) in down_since {
        if let Some(l) = links.iter_mut().find(|l| l.link == link) {
            l.down.push(Stretch { from, to: end.max(from) });
        }
    }
    links
}

fn steps(events: &[Event], end: Time) -> Vec<StepRun> {
    let mut runs: Vec<StepRun> = Vec::new();
    for event in events {
        match &event.kind {
            EventKind::StepStarted { step } => {
                let stretch = Stretch { from: event.at, to: end.max(event.at) };
                runs.push(StepRun { step: *step, stretch, outcome: None });
            }
            EventKind::StepEnded { step, outcome } => {
                match runs.iter_mut().rev().find(|r| r.step == *step && r.outcome.is_none()) {
                    Some(run) => {
                        run.stretch.to = event.at;
                        run.outcome = Some(outcome.clone());
                    }
                    // Skipped without having begun.
                    None => runs.push(StepRun {
                        step: *step,
                        stretch: Stretch { from: event.at, to: event.at },
                        outcome: Some(outcome.clone()),
                    }),
                }
            }
            _ => {}
        }
    }
    runs
}

fn reaction(events: &[Event]) -> Option<Reaction> {
    let mut reaction = Reaction { causes: Vec::new(), rungs: Vec::new(), safe: Vec::new(), alarms: Vec::new() };
    let rung =
        |ladder, rung, issued_at, skipped| RungRun { ladder, rung, issued_at, sent_at: None, reaction: None, skipped };
    for event in events {
        match &event.kind {
            EventKind::Tripped { cause } => reaction.causes.push((event.at, *cause)),
            EventKind::RungIssued { ladder, rung: id } => {
                reaction.rungs.push(rung(*ladder, *id, event.at, false));
            }
            EventKind::RungSkipped { ladder, rung: id } => {
                reaction.rungs.push(rung(*ladder, *id, event.at, true));
            }
            EventKind::RungSent { ladder, rung: id, reaction: time } => {
                let sent = reaction.rungs.iter_mut().rev().find(|r| r.ladder == *ladder && r.rung == *id);
                if let Some(run) = sent.filter(|r| r.sent_at.is_none()) {
                    run.sent_at = Some(event.at);
                    run.reaction = *time;
                }
            }
            EventKind::DeviceSafe { ladder } => reaction.safe.push((event.at, *ladder)),
            EventKind::Alarm { ladder } => reaction.alarms.push((event.at, *ladder)),
            _ => {}
        }
    }
    let nothing = reaction.causes.is_empty()
        && reaction.rungs.is_empty()
        && reaction.safe.is_empty()
        && reaction.alarms.is_empty();
    (!nothing).then_some(reaction)
}
