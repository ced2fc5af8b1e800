//! What holds of every run, whatever was done to it.

use crate::common::{Kept, fold};
use checkrein::guard::{Cause, LadderId};
use checkrein::rig::Reaction;
use checkrein::run::event::EventKind;
use checkrein::run::{Effect, Event, RunVerdict};
use checkrein::scenario::plan::Plan;
use checkrein::time::{Span, Time};
use checkrein::wire::Lane;
use std::collections::BTreeMap;
use std::sync::Arc;

/// All of it; `story` says how the run can be had again.
pub fn hold(plan: &Arc<Plan>, verdict: RunVerdict, kept: &Kept, story: &str) {
    nothing_but_the_ladder_after_a_trip(kept, story);
    ends_safe_or_in_alarm(kept, plan, story);
    what_is_unknown_never_passes(kept, plan, verdict, story);
    events_are_in_order_of_time(kept, story);
    the_fold_gives_the_same(plan, kept, story);
}

/// What was recorded, folded again, gives the same effects.
fn the_fold_gives_the_same(plan: &Arc<Plan>, kept: &Kept, story: &str) {
    let again = fold(plan, &kept.inputs);
    let before = || kept.effects.iter().map(|(_, e)| e);
    if let Some(place) = again.iter().zip(before()).position(|(a, b)| !same(a, b)) {
        panic!("the fold differs at effect {place}: {:?} was {:?}: {story}", again[place], kept.effects[place]);
    }
    assert_eq!(again.len(), kept.effects.len(), "the fold gives another number of effects: {story}");
}

/// Equal, and NaN equals NaN: an unknown telling is the same telling.
fn same(a: &Effect, b: &Effect) -> bool {
    a == b || format!("{a:?}") == format!("{b:?}")
}

/// Nothing that may move anything leaves before arming or after a trip; and nothing un-trips, so that each cause that is
/// told outranks the one before.
fn nothing_but_the_ladder_after_a_trip(kept: &Kept, story: &str) {
    let mut armed = false;
    let mut tripped: Option<Cause> = None;
    for (at, effect) in &kept.effects {
        match effect {
            Effect::Emit(Event { kind: EventKind::Armed, .. }) => armed = true,
            Effect::Emit(Event { kind: EventKind::Tripped { cause }, .. }) if *cause != Cause::Finish => {
                assert!(tripped.is_none_or(|before| cause.outranks(before)), "{cause:?} after {tripped:?}: {story}");
                tripped = Some(*cause);
            }
            Effect::Send { lane: Lane::Normal, frame, .. } => {
                assert!(armed && tripped.is_none(), "a command left at {at}: {frame:?}: {story}");
            }
            _ => {}
        }
    }
}

/// From arming on, a signal of a stopping rule that is unknown trips in that very instant, and no such run passes.
fn what_is_unknown_never_passes(kept: &Kept, plan: &Plan, verdict: RunVerdict, story: &str) {
    let mut tripped = false;
    for event in kept.events() {
        match event.kind {
            EventKind::Tripped { cause } if cause != Cause::Finish => tripped = true,
            EventKind::RuleBlind { rule, unknown: true, .. }
                if matches!(plan.rules[usize::from(rule.0)].reaction, Reaction::Stop(_)) =>
            {
                assert!(tripped, "blind at {} and no trip: {story}", event.at);
                assert_ne!(verdict, RunVerdict::Pass, "blind at {}: {story}", event.at);
            }
            _ => {}
        }
    }
}

fn events_are_in_order_of_time(kept: &Kept, story: &str) {
    let events = kept.events();
    for pair in events.windows(2) {
        assert!(pair[0].at <= pair[1].at, "{:?} was told after {:?}: {story}", pair[1], pair[0]);
    }
}

/// Each ladder is confirmed or in alarm within the time of its rungs, however often it starts anew, and a run ends once.
fn ends_safe_or_in_alarm(kept: &Kept, plan: &Plan, story: &str) {
    // Per ladder that is under way: since when.
    let mut climbing: BTreeMap<LadderId, Time> = BTreeMap::new();
    let mut alarmed = Vec::new();
    let budget = |ladder: LadderId| {
        plan.ladders[usize::from(ladder.0)].rungs.iter().fold(Span::ZERO, |sum, rung| sum + rung.within)
    };
    for event in kept.events() {
        match event.kind {
            EventKind::RungIssued { ladder, .. } if !alarmed.contains(&ladder) => {
                climbing.entry(ladder).or_insert(event.at);
            }
            EventKind::DeviceSafe { ladder } | EventKind::Alarm { ladder } => {
                if matches!(event.kind, EventKind::Alarm { .. }) {
                    alarmed.push(ladder);
                } else {
                    alarmed.retain(|other| *other != ladder);
                }
                if let Some(since) = climbing.remove(&ladder) {
                    let took = event.at.since(since);
                    assert!(took <= budget(ladder), "a ladder took {took}: {story}");
                }
            }
            EventKind::Finished { .. } => assert!(climbing.is_empty(), "a ladder was left open: {story}"),
            _ => {}
        }
    }
    let finished = kept.effects.iter().filter(|(_, e)| matches!(e, Effect::Finish(_))).count();
    assert_eq!(finished, 1, "a run ends once: {story}");
}
