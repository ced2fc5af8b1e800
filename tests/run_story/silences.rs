//! Silence of whoever should speak: the controller, a signal, the link, the operator. Each trips, none passes.

use super::cell::{BUS, LIMIT, RIG, Story, ms};
use checkrein::command::RuleId;
use checkrein::guard::Cause;
use checkrein::run::{Input, LinkState, RunVerdict};
use checkrein::time::{Span, Time};

const MOVE: &str = "exercises: [limit]\nsteps:\n  - do: arm.start\n  - hold: 2 s\nfinally:\n  - do: belt.run\n";
const KEY: &str = r#"  panel:
    link: bus
    protocol: json
    signals:
      held: { field: "panel/state#/held", flag: true, every: 20 ms }
hold_to_run:
  held: panel.held
"#;

/// Armed at 20 ms on a cell where somebody holds the key.
fn cell() -> Story {
    let mut story = Story::with_rig(&format!("{RIG}{KEY}"), LIMIT, MOVE);
    story.panel = Some(r#"{"held":true}"#);
    story.link(1, LinkState::Up);
    story.until(500);
    assert!(story.is_armed() && story.tripped().is_empty(), "{:?}", story.kinds());
    story
}

/// When the first trip was, to the microsecond: messages that come together are a nanosecond apart.
fn tripped_at(story: &Story) -> Time {
    let tripped = |kind: &_| matches!(kind, checkrein::run::event::EventKind::Tripped { .. });
    let events = story.events();
    let tripped_at = events.iter().find(|event| tripped(&event.kind)).expect("it tripped");
    Time::from_nanos(tripped_at.at.nanos() / 1_000 * 1_000)
}

fn ends_safe(mut story: Story, words: &str) {
    story.ends(RunVerdict::Inconclusive, words);
    assert!(!story.on && !story.runs, "the cell is at rest");
    assert_eq!(story.moved(), ["arm/start"], "after the trip nothing moves");
}

#[test]
fn of_the_controller() {
    let mut story = cell();
    story.pilot_speaks = false;
    story.until(1_100);
    assert_eq!(story.tripped(), [Cause::Silence(checkrein::wire::DeviceId(2))]);
    assert_eq!(tripped_at(&story), ms(500) + Span::from_millis(500), "its dead-man counts from the last word");
    ends_safe(story, "controller `pilot` fell silent");
}

#[test]
fn of_a_signal() {
    let mut story = cell();
    story.belt_speaks = false;
    story.until(700);
    assert_eq!(story.tripped(), [Cause::Unknown(RuleId(0))]);
    assert_eq!(tripped_at(&story), ms(600), "five periods of 20 ms over MQTT");
    story.belt_speaks = true;
    ends_safe(story, "a signal of rule `limit` was unknown");
}

#[test]
fn of_the_link() {
    let mut story = cell();
    story.feed(Input::Link { at: ms(505), link: BUS, state: LinkState::Lost("pulled".into()) });
    assert_eq!(story.tripped().last(), Some(&Cause::LinkLost(BUS)));
    assert_eq!(tripped_at(&story), ms(505));
    story.feed(Input::Link { at: ms(600), link: BUS, state: LinkState::Up });
    ends_safe(story, "link `bus` was lost");
}

#[test]
fn of_the_operator() {
    let mut story = cell();
    story.panel = None;
    story.until(700);
    assert_eq!(story.tripped(), [Cause::Released]);
    assert_eq!(tripped_at(&story), ms(600), "five periods of 20 ms over MQTT");
    ends_safe(story, "nobody knew any more whether the hold-to-run key was held");
}
