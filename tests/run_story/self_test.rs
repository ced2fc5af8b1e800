//! The self-test: no run is armed on a harness that could not keep its promise.

use super::cell::{BUS, LIMIT, Story, ms};
use checkrein::run::event::EventKind;
use checkrein::run::{Input, LinkState, RunVerdict, SelfTest, TestedWire};
use checkrein::time::Span;

const START: &str = "exercises: [limit]\nsteps:\n  - do: arm.start\n  - hold: 1 s\n";

fn tell(story: &mut Story, at: i64, state: SelfTest) {
    story.feed(Input::SelfTest { at: ms(at), state });
}

/// A floor whose median is 100 us, and whose worst is this.
fn floor(wire: TestedWire, max: Span) -> SelfTest {
    SelfTest::Floor { wire, samples: 200, p50: Span::from_micros(100), p99: Span::from_micros(300), max }
}

/// A story that begins with a self-test of the loop and of the broker.
fn tested() -> Story {
    let mut story = Story::new(LIMIT, START);
    tell(&mut story, 0, SelfTest::Begins { wires: 2 });
    story.link(1, LinkState::Up);
    story
}

#[test]
fn nothing_is_armed_before_the_self_test_is_over() {
    let mut story = tested();
    story.until(200);
    assert!(!story.is_armed(), "nothing was measured yet");
    tell(&mut story, 201, floor(TestedWire::Loop, Span::from_millis(50)));
    story.until(240);
    assert!(!story.is_armed(), "the broker is still being measured");
    tell(&mut story, 241, floor(TestedWire::Broker(BUS), Span::from_millis(50)));
    story.until(280);
    assert!(story.is_armed(), "twice 50 ms are the 100 ms that the rule allows");
    let enough = |kind: &&EventKind| matches!(kind, EventKind::SelfTested { enough: true, .. });
    assert_eq!(story.kinds().iter().filter(enough).count(), 2);
    story.ends(RunVerdict::Pass, "1 rule held");
}

#[test]
fn a_slow_floor_blocks_with_its_figures_and_what_to_do() {
    for (wire, what) in [(TestedWire::Loop, "the harness's own loop"), (TestedWire::Broker(BUS), "broker of link bus")]
    {
        let mut story = tested();
        tell(&mut story, 200, floor(wire, Span::from_millis(51) - Span::from_nanos(1)));
        assert!(story.outcome.is_none(), "all wires are told of first");
        let other = if wire == TestedWire::Loop { TestedWire::Broker(BUS) } else { TestedWire::Loop };
        tell(&mut story, 201, floor(other, Span::from_millis(1)));
        let outcome = story.end();
        assert_eq!(outcome.verdict, RunVerdict::Blocked, "{outcome:?}");
        let words = ["51 ms", "100 us", "300 us", "rule limit", "100 ms", "react_within", "priority"];
        for word in words.into_iter().chain([what]) {
            assert!(outcome.reasons[0].contains(word), "no {word:?} in {outcome:?}");
        }
        assert!(!story.is_armed() && story.moved().is_empty());
    }
}

#[test]
fn a_loop_that_cannot_be_measured_blocks_and_a_broker_that_forbids_it_does_not() {
    let failed = |wire| SelfTest::Failed { wire, why: "it is forbidden".into() };
    let mut story = tested();
    tell(&mut story, 200, failed(TestedWire::Loop));
    tell(&mut story, 201, floor(TestedWire::Broker(BUS), Span::from_millis(1)));
    story.ends(RunVerdict::Blocked, "the harness's own loop could not be measured: it is forbidden");
    let mut story = tested();
    tell(&mut story, 200, failed(TestedWire::Broker(BUS)));
    tell(&mut story, 201, floor(TestedWire::Loop, Span::from_millis(1)));
    story.until(240);
    assert!(story.is_armed());
    let said = |kind: &&EventKind| matches!(kind, EventKind::Remark { text } if text.contains("it is forbidden"));
    assert_eq!(story.kinds().iter().filter(said).count(), 1);
}

#[test]
fn a_self_test_that_never_ends_blocks_in_time() {
    let mut story = tested();
    story.ends(RunVerdict::Blocked, "the self-test of the harness is not over");
}

#[test]
fn what_is_told_of_the_floor_after_arming_changes_nothing() {
    let mut story = Story::armed(LIMIT, START);
    tell(&mut story, 100, floor(TestedWire::Loop, Span::from_secs(1)));
    tell(&mut story, 101, SelfTest::Begins { wires: 3 });
    story.ends(RunVerdict::Pass, "1 rule held");
}
