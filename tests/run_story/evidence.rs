//! Every reaction leaves its chain: known, taken up, first byte, heard, safe, each held against its budget.

use super::cell::{BUS, LIMIT, Story, ms};
use checkrein::command::RuleId;
use checkrein::guard::{Cause, LadderId, LadderSet, RungId};
use checkrein::run::event::{AckedBy, EventKind, TripId};
use checkrein::run::{Input, LinkState, RunVerdict};
use checkrein::time::{Span, Time};

const BOTH: &str = "exercises: [limit]\nsteps:\n  - do: arm.start\n  - do: belt.run\n  - hold: 5 s\n";
const ARM: &str = "exercises: [limit]\nsteps:\n  - do: arm.start\n  - hold: 5 s\n";
const NONE: LadderSet = LadderSet::NONE;

/// The arm's ladder alone, and the belt's.
const OF_ARM: LadderSet = LadderSet(1);
const OF_BELT: LadderSet = LadderSet(2);

fn opened(story: &Story) -> Vec<EventKind> {
    story.kinds().into_iter().filter(|kind| matches!(kind, EventKind::TripOpened { .. })).collect()
}

/// (trip, reaction, safe after, late), by trip.
fn judged(story: &Story) -> Vec<(u16, Option<Span>, Option<Span>, bool)> {
    let judged = |kind| match kind {
        EventKind::TripJudged { trip, reaction, safe_after, late, .. } => Some((trip.0, reaction, safe_after, late)),
        _ => None,
    };
    story.kinds().into_iter().filter_map(judged).collect()
}

fn at_of(story: &Story, wanted: impl Fn(&EventKind) -> bool) -> Time {
    story.events().into_iter().find(|event| wanted(&event.kind)).expect("it happened").at
}

#[test]
fn a_trip_leaves_its_whole_chain() {
    let mut story = Story::armed(LIMIT, ARM);
    story.begins_after = Span::from_micros(300);
    story.until(499);
    story.pos = "9.5".to_owned();
    let outcome = story.end();
    assert_eq!(outcome.verdict, RunVerdict::Fail, "{outcome:?}");
    // Three devices spoke at that instant: each message is a nanosecond after the one before.
    let known_at = ms(500) + Span::from_nanos(2);
    let first_byte = ms(500) + Span::from_micros(300);
    let head = EventKind::TripOpened {
        trip: TripId(0),
        cause: Cause::Rule(RuleId(0)),
        violated_at: Some(known_at),
        known_at,
        taken_at: known_at,
        begins: OF_ARM,
        waits: OF_BELT,
        under_way: NONE,
    };
    assert_eq!(opened(&story), [head]);
    let written = EventKind::RungWritten {
        ladder: LadderId(0),
        rung: RungId(0),
        trip: Some(TripId(0)),
        begun: first_byte,
        done: first_byte + Span::from_micros(50),
    };
    assert!(story.kinds().contains(&written), "{:?}", story.kinds());
    // The arm speaks every 20 ms: `arm.live` is false in its next word.
    let live = story.plan.rig.signals.iter().find(|(_, def)| def.name == "arm.live").expect("the rig has it").0;
    let acked = EventKind::RungAcked {
        ladder: LadderId(0),
        rung: RungId(0),
        by: AckedBy::Sample(live),
        after: (ms(520) + Span::from_nanos(2)).since(first_byte),
    };
    assert!(story.kinds().contains(&acked), "{:?}", story.kinds());
    let safe_at = at_of(&story, |kind| *kind == EventKind::DeviceSafe { ladder: LadderId(1) });
    assert_eq!(judged(&story), [(0, Some(first_byte.since(known_at)), Some(safe_at.since(known_at)), false)]);
}

#[test]
fn a_later_cause_has_a_chain_of_its_own_and_is_not_blamed_for_the_first() {
    let two = format!(
        "{LIMIT}  slow:\n    always: belt.speed <= 3 m/s\n    react_within: 100 ms\n    safe_within: 10 s\n    on_violation: {{ stop: [belt] }}\n"
    );
    let mut story = Story::armed(&two, BOTH);
    story.deaf_to.extend(["arm/stop", "belt/halt"]);
    story.until(499);
    story.pos = "9.5".to_owned();
    story.until(600);
    story.speed = 3.5;
    story.until(640);
    let heads = opened(&story);
    let [_, EventKind::TripOpened { cause, begins, waits, under_way, .. }] = heads.as_slice() else {
        panic!("{heads:?}")
    };
    assert_eq!((*cause, *begins, *waits, *under_way), (Cause::Rule(RuleId(1)), NONE, NONE, OF_BELT));
    assert_eq!(story.tripped(), [Cause::Rule(RuleId(0))], "equals do not trip again");
    story.end();
    let all = judged(&story);
    assert!(matches!(all.as_slice(), [(0, Some(_), ..), (1, None, ..)]), "{all:?}");
}

#[test]
fn a_cause_that_comes_again_opens_one_chain() {
    let mut story = Story::armed(LIMIT, ARM);
    story.deaf_to.extend(["arm/stop", "arm/cut"]);
    story.until(500);
    story.arm_speaks = false;
    story.belt_speaks = false;
    story.until(700);
    story.arm_speaks = true;
    story.until(900);
    story.arm_speaks = false;
    story.until(1_100);
    let unknown = |kind: &&EventKind| matches!(kind, EventKind::TripOpened { cause: Cause::Unknown(_), .. });
    assert_eq!(opened(&story).iter().filter(unknown).count(), 1);
}

#[test]
fn a_host_that_takes_a_deadline_up_late_fails_though_the_machine_is_safe() {
    let mut story = Story::armed(LIMIT, ARM);
    story.until(500);
    story.arm_speaks = false;
    // Unknown from 600 ms on; the host looks 150 ms later, which is no stall yet, and the rung leaves at once.
    story.until(599);
    story.feed(Input::Tick { at: ms(750) });
    let heads = opened(&story);
    let [EventKind::TripOpened { cause: Cause::Unknown(_), known_at, taken_at, .. }] = heads.as_slice() else {
        panic!("{heads:?}")
    };
    assert_eq!((*known_at, *taken_at), (ms(600) + Span::from_nanos(2), ms(750)));
    story.arm_speaks = true;
    story.ends(RunVerdict::Fail, "the reaction to rule limit took 150049998 ns, the budget is 100 ms");
    assert!(!story.on, "the machine is safe all the same");
    assert!(matches!(judged(&story).as_slice(), [(0, Some(_), Some(_), true)]), "{:?}", judged(&story));
}

#[test]
fn a_safe_byte_that_never_leaves_is_as_late_as_can_be() {
    let mut story = Story::armed(LIMIT, ARM);
    story.until(499);
    story.leaves = false;
    story.pos = "9.5".to_owned();
    story.until(540);
    // It becomes safe by a hand at the machine.
    story.on = false;
    story.ends(RunVerdict::Fail, "a safe byte that was to leave for rule limit never left, the budget is 100 ms");
    assert!(matches!(judged(&story).as_slice(), [(0, None, _, true), ..]), "{:?}", judged(&story));
}

#[test]
fn what_cannot_leave_since_its_link_is_gone_is_not_late() {
    let mut story = Story::armed(LIMIT, ARM);
    story.until(500);
    story.arm_speaks = false;
    story.belt_speaks = false;
    story.pilot_speaks = false;
    story.leaves = false;
    story.link(501, LinkState::Lost("pulled".into()));
    assert!(
        opened(&story)
            .iter()
            .any(|kind| matches!(kind, EventKind::TripOpened { cause: Cause::LinkLost(link), .. } if *link == BUS))
    );
    let outcome = story.end();
    assert_eq!(outcome.verdict, RunVerdict::Inconclusive, "{outcome:?}");
    assert!(outcome.reasons.iter().any(|why| why.contains("the link was gone")), "{outcome:?}");
    assert!(judged(&story).iter().all(|(.., late)| !late), "{:?}", judged(&story));
}

#[test]
fn a_cause_without_a_rule_is_held_against_the_tightest_rule() {
    let mut story = Story::armed(LIMIT, ARM);
    story.begins_after = Span::from_millis(130) + Span::from_nanos(1);
    story.until(500);
    story.pilot_speaks = false;
    let outcome = story.end();
    assert_eq!(outcome.verdict, RunVerdict::Inconclusive, "{outcome:?}");
    let late = "the reaction to the trip (controller `pilot` fell silent) took 130 ms, the budget is 100 ms";
    assert!(outcome.reasons.iter().any(|why| why.contains(late)), "{outcome:?}");
}

#[test]
fn a_device_that_shows_nothing_is_not_said_to_have_heard() {
    let mut story = Story::armed(LIMIT, ARM);
    story.deaf_to.extend(["arm/stop", "arm/brake", "arm/cut"]);
    story.until(499);
    story.pos = "9.5".to_owned();
    story.end();
    let arm = |kind: &EventKind| matches!(kind, EventKind::RungAcked { ladder: LadderId(0), .. });
    assert!(!story.kinds().iter().any(arm), "{:?}", story.kinds());
}
