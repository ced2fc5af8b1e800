//! From rules to an engine: the graph, who depends on whom, and all memory.

use super::dirty::Dirty;
use super::{Engine, Input, Link, Watch};
use crate::command::RuleId;
use crate::stl::graph::{Builder, Edge, Op, Plan};
use crate::stl::node::{Node, View};
use crate::stl::rule::Rule;
use crate::stl::signals::{Memories, SignalState};
use crate::stl::timetable::Timetable;
use crate::stl::value::{Flat, NEVER};
use crate::stl::{Options, Outside, RuleSpec, SignalSpec, room, split};
use crate::time::Time;

impl Engine {
    /// An engine for these rules over signals `0..signals.len()`. Not started.
    /// Panics when a formula reads a signal that is not among them.
    pub fn new(rules: &[RuleSpec], signals: &[SignalSpec]) -> Engine {
        Engine::with(rules, signals, Options::default())
    }

    /// The same with options.
    pub fn with(rules: &[RuleSpec], signals: &[SignalSpec], options: Options) -> Engine {
        let cut = options.outside == Outside::Cut;
        let mut builder = Builder::new(cut);
        let mut found: Vec<(Edge, Watch)> = Vec::new();
        let mut readers: Vec<Vec<(RuleId, bool)>> = vec![Vec::new(); signals.len()];
        let mut built = Vec::new();
        for (place, spec) in rules.iter().enumerate() {
            built.push(Rule::build(spec, &mut builder, options.pieces, &mut |edge, role| {
                let truth_only = role.is_about_truth();
                found.push((edge, Watch { rule: place as u32, negated: edge.is_negated(), truth_only, role }));
            }));
            for formula in [Some(&spec.body), spec.when.as_ref()].into_iter().flatten() {
                split::signals(formula, &mut |signal, read| {
                    let list = &mut readers[signal as usize];
                    match list.iter_mut().find(|(rule, _)| *rule == spec.id) {
                        Some((_, known)) => *known |= read,
                        None => list.push((spec.id, read)),
                    }
                });
            }
        }
        let plans = builder.plans;
        let count = plans.len();
        let rooms = room::plan(&plans, signals, options.burst);
        let mut parents: Vec<Vec<u32>> = vec![Vec::new(); count];
        let mut leaves: Vec<Vec<u32>> = vec![Vec::new(); signals.len()];
        let mut memories = vec![Memories::default(); signals.len()];
        for (id, plan) in plans.iter().enumerate() {
            for child in &plan.children {
                let list = &mut parents[child.place()];
                if list.last() != Some(&(id as u32)) {
                    list.push(id as u32);
                }
            }
            if let Some(signal) = plan.op.signal() {
                leaves[signal as usize].push(id as u32);
                memories[signal as usize].changes |= matches!(plan.op, Op::Changed(_));
                memories[signal as usize].rates |= matches!(plan.op, Op::Rate(_));
            }
        }
        let mut watches: Vec<Vec<Watch>> = vec![Vec::new(); count];
        for (edge, watch) in found {
            watches[edge.place()].push(watch);
        }
        let nodes: Vec<Node> = plans
            .iter()
            .zip(&rooms)
            .map(|(plan, &room)| {
                let child = plan.children.first().map(|child| &plans[child.place()]);
                let is_bare = child.is_some_and(|child| child.bare);
                Node::new(plan, is_bare, is_number(&plans, plan), room)
            })
            .collect();
        let mut items: Vec<u32> = Vec::new();
        let mut item_of = |wanted: bool, what: usize| {
            if wanted {
                items.push(what as u32);
                items.len() as u32 - 1
            } else {
                u32::MAX
            }
        };
        let links = (0..count)
            .map(|id| Link {
                parents: std::mem::take(&mut parents[id]).into_boxed_slice(),
                watches: std::mem::take(&mut watches[id]).into_boxed_slice(),
                item: item_of(nodes[id].timed || plans[id].horizon > 0, id),
                late: plans[id].horizon.saturating_mul(2),
            })
            .collect();
        let inputs = (0..signals.len())
            .map(|signal| Input {
                leaves: std::mem::take(&mut leaves[signal]).into_boxed_slice(),
                item: item_of(signals[signal].stale_after.is_some(), count + signal),
            })
            .collect();
        let mut ramp_places = vec![u32::MAX; count];
        let mut ramps = 0;
        for (id, plan) in plans.iter().enumerate() {
            if plan.linear {
                ramp_places[id] = ramps;
                ramps += 1;
            }
        }
        let highest = rules.iter().map(|r| usize::from(r.id.0) + 1).max().unwrap_or(0);
        let mut places = vec![u32::MAX; highest];
        for (place, spec) in rules.iter().enumerate() {
            places[usize::from(spec.id.0)] = place as u32;
        }
        Engine {
            view: View {
                now: 0,
                start: Time::ZERO,
                ended: false,
                cut,
                values: vec![Flat::UNKNOWN; count],
                ramps: vec![None; ramps as usize],
                ramp_places,
                signals: signals.iter().zip(memories).map(|(s, m)| SignalState::new(s.stale_after, m)).collect(),
            },
            nodes,
            links,
            plans,
            rooms,
            inputs,
            readers,
            rules: built,
            places,
            timetable: Timetable::new(items.len()),
            items,
            dirty: Dirty::new(count),
            started: false,
            end: NEVER,
            touched: Vec::with_capacity(signals.len()),
            turned: Vec::with_capacity(signals.len()),
            arrived: false,
            merged: Vec::with_capacity(rules.len()),
            scratch: vec![false; count],
        }
    }
}

/// Whether the node works on a number, through delay lines.
fn is_number(plans: &[Plan], plan: &Plan) -> bool {
    plan.children.first().is_some_and(|child| {
        let child = &plans[child.place()];
        match child.op {
            Op::Delay { .. } => is_number(plans, child),
            ref op => op.is_number(),
        }
    })
}
