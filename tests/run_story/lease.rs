//! The lease of a rig: who has it is recorded, and when it runs out the ladders run before the rig is given back.

use super::cell::{LIMIT, Story, ms};
use checkrein::guard::Cause;
use checkrein::run::event::EventKind;
use checkrein::run::{Input, LeaseState, LinkState, RunVerdict};
use checkrein::time::Span;

const MOVE: &str = "exercises: [limit]\nsteps:\n  - do: arm.start\n  - do: belt.run\n  - hold: 5 s\n";

fn expire(story: &mut Story, millis: i64) {
    story.until(millis);
    story.feed(Input::Lease { at: ms(millis), state: LeaseState::Expired });
}

#[test]
fn who_has_the_rig_is_an_event() {
    let mut story = Story::new(LIMIT, MOVE);
    let (by, lasts) = ("ada@bench (process 7, A story)".to_owned(), Span::from_secs(60));
    story.feed(Input::Lease { at: ms(0), state: LeaseState::Taken { by: by.clone(), lasts } });
    assert!(story.kinds().contains(&EventKind::Leased { by, lasts }));
    story.arm().ends(RunVerdict::Pass, "every device is confirmed safe");
}

#[test]
fn a_lease_that_runs_out_walks_every_ladder_and_proves_nothing() {
    let mut story = Story::armed(LIMIT, MOVE);
    expire(&mut story, 1_000);
    assert_eq!(story.tripped(), [Cause::LeaseExpired]);
    story.ends(RunVerdict::Inconclusive, "the lease of the rig ran out");
    assert_eq!(story.rungs(), [("arm".to_owned(), 0), ("belt".to_owned(), 0)]);
    assert!(!story.on && !story.runs);
    assert_eq!(story.moved(), ["arm/start", "belt/run"], "nothing passes once it ran out");
}

#[test]
fn a_broken_rule_and_a_person_outrank_the_lease() {
    let mut story = Story::armed(LIMIT, MOVE);
    story.deaf_to.extend(["arm/stop", "arm/cut", "belt/halt"]);
    expire(&mut story, 1_000);
    story.until(1_099);
    story.pos = "9.5".to_owned();
    story.until(1_200);
    story.stop(1_300);
    assert!(
        matches!(story.tripped()[..], [Cause::LeaseExpired, Cause::Rule(_), Cause::Operator]),
        "{:?}",
        story.tripped()
    );
}

#[test]
fn a_lease_that_runs_out_before_arming_blocks() {
    let mut story = Story::new(LIMIT, MOVE);
    story.arm_speaks = false;
    story.link(1, LinkState::Up);
    expire(&mut story, 500);
    story.ends(RunVerdict::Blocked, "the lease of the rig ran out");
    assert!(!story.is_armed() && story.moved().is_empty());
}

#[test]
fn a_lease_that_runs_out_on_the_way_down_changes_no_verdict_that_stands() {
    let mut story = Story::armed(LIMIT, "exercises: [limit]\nsteps:\n  - do: arm.start\n  - hold: 1 s\n");
    story.until(500);
    story.pos = "9.5".to_owned();
    story.until(530);
    expire(&mut story, 531);
    story.ends(RunVerdict::Fail, "rule limit was broken");
}
