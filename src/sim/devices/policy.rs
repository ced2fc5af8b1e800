//! The twin of a learned policy: the net that `checkrein controller` runs in its own process, in the bench's time.

use super::active::ActiveFaults;
use super::talker::{Ask, Law, Talker, beyond, swing};
use crate::policy::{Mind, Nudge, Policy};
use crate::sim::random::Noise;
use crate::time::{Span, Time};
use crate::wire::{Frame, LinkId};
use std::sync::Arc;

/// A policy with a net.
pub(super) struct Learned {
    mind: Mind,
}

/// A policy that has heard nothing.
pub(super) fn new(policy: &Arc<Policy>, link: LinkId, noise: Noise) -> Talker<Learned> {
    Talker::new(Learned { mind: Mind::new(policy) }, link, noise)
}

impl Law for Learned {
    fn every(&self) -> Span {
        self.mind.mapping().every
    }
    fn topics(&self) -> Vec<String> {
        self.mind.mapping().topics().into_iter().map(ToOwned::to_owned).collect()
    }
    fn hear(&mut self, at: Time, frame: &Frame) {
        // What cannot be understood changes nothing: what was heard before grows stale by itself.
        let _ = self.mind.hear(at, frame.topic.as_deref(), frame.flags.retained, &frame.bytes);
    }
    fn forget(&mut self) {
        self.mind.forget();
    }
    fn think(&mut self, at: Time, faults: &ActiveFaults) -> Option<Vec<Ask>> {
        self.mind.think(at).ok()?;
        let nudge = Nudge { shift: swing(faults, at) + beyond(faults) };
        let messages = self.mind.messages(nudge).into_iter();
        Some(messages.map(|(topic, message)| (topic.unwrap_or_default().to_owned(), message)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::TwinFault;
    use crate::rig::read_policy;
    use crate::rig::twins::{POLICY, TwinKind};
    use crate::sim::devices::Controller;
    use crate::sim::devices::Shipped;
    use crate::sim::devices::talker::UNKNOWN;
    use serde_json::Value;

    /// The shipped pilot of the drone bench, told that it is 4 m up, with a task 3 m to the north.
    fn pilot() -> Talker<Learned> {
        let folder = "rigs/drone-bench/learned";
        let read = read_policy(&format!("{folder}/pilot.onnx"), &format!("{folder}/pilot.yaml"), &Shipped);
        let read = read.unwrap_or_else(|problems| panic!("{problems:?}"));
        let mut pilot = new(&read.policy, LinkId(1), Noise::new(1, 1));
        let mut topics = pilot.subscriptions();
        topics.sort();
        assert_eq!(topics, ["pilot/state", "pilot/task"]);
        pilot.receive(Time::ZERO, &Frame::publish(LinkId(1), "pilot/task", r#"{"x": 3, "y": 0, "z": 4}"#));
        tell(&mut pilot, 0);
        pilot
    }
    fn at(millis: i64) -> Time {
        Time::ZERO + Span::from_millis(millis)
    }
    fn tell(pilot: &mut Talker<Learned>, millis: i64) {
        let state = r#"{"fc.x":0,"fc.y":0,"fc.altitude":4,"fc.vx":0,"fc.vy":0,"fc.climb":0,"fc.roll":0,"fc.pitch":0,"fc.yaw":10}"#;
        pilot.receive(at(millis), &Frame::publish(LinkId(1), "pilot/state", state));
    }
    fn said(pilot: &mut Talker<Learned>, millis: i64) -> Vec<Frame> {
        let mut out = Vec::new();
        pilot.tick(at(millis), &mut out);
        out
    }
    fn x(frames: &[Frame]) -> f64 {
        let words: Value = serde_json::from_slice(&frames[0].bytes).expect("it speaks JSON");
        words["x"].as_f64().expect("a number")
    }

    #[test]
    fn it_speaks_every_period_on_fresh_sight_and_not_on_stale_sight() {
        let mut pilot = pilot();
        let first = said(&mut pilot, 0);
        assert_eq!(first.len(), 1);
        assert_eq!(first[0].topic.as_deref(), Some("pilot/goto"));
        assert!(x(&first) > 1.0, "{}", x(&first));
        assert!(said(&mut pilot, 39).is_empty());
        assert_eq!(said(&mut pilot, 40), first);
        assert_eq!(said(&mut pilot, 200).len(), 1);
        assert!(said(&mut pilot, 240).is_empty());
        tell(&mut pilot, 250);
        assert_eq!(said(&mut pilot, 280), first);
    }

    #[test]
    fn it_acts_out_the_faults_of_a_controller() {
        let mut own = 0;
        let mut with = |fault: TwinFault| {
            let twin = TwinKind::find(POLICY).expect("it is a twin");
            assert_eq!(twin.refuses(&fault), None);
            let mut pilot = pilot();
            let before = said(&mut pilot, 0);
            pilot.start_fault(at(10), &fault);
            tell(&mut pilot, 30);
            let during = said(&mut pilot, 90);
            pilot.stop_fault(&fault);
            tell(&mut pilot, 900);
            own += 1;
            let after = said(&mut pilot, 960 + own);
            (before, during, after)
        };
        let (before, during, after) = with(TwinFault::OutOfRange { by: 5.0 });
        assert!((x(&during) - x(&before) - 5.0).abs() < 1e-6);
        assert_eq!(after, before);
        let (before, during, _) = with(TwinFault::Oscillate { hertz: 3.125, size: 2.0 });
        // A quarter of a turn after 80 ms.
        assert!((x(&during) - x(&before) - 2.0).abs() < 1e-6, "{} {}", x(&during), x(&before));
        let (_, during, after) = with(TwinFault::Silence);
        assert!(during.is_empty() && after.len() == 1);
        let (before, during, _) = with(TwinFault::Frozen);
        assert_eq!(during, before);
        let (_, during, _) = with(TwinFault::NotANumber);
        assert!(String::from_utf8_lossy(&during[0].bytes).contains("NaN"));
        let (_, during, _) = with(TwinFault::Garbage { rate: 10.0 });
        assert!(serde_json::from_slice::<Value>(&during[0].bytes).is_err());
        let (_, during, _) = with(TwinFault::UnknownCommands);
        let marked = during[0].topic.as_deref().is_some_and(|topic| topic.ends_with(UNKNOWN));
        assert!(marked || String::from_utf8_lossy(&during[0].bytes).contains(UNKNOWN));
        let (_, during, after) = with(TwinFault::PowerOff);
        assert!(during.is_empty());
        // It starts anew: the task is forgotten, and it stays where it is.
        assert!(after.is_empty() || x(&after).abs() < 0.5);
    }

    #[test]
    fn deaf_it_grows_silent_and_faster_it_speaks_more_often() {
        let mut pilot = pilot();
        pilot.start_fault(Time::ZERO, &TwinFault::Deaf);
        tell(&mut pilot, 190);
        assert!(said(&mut pilot, 240).is_empty());
        pilot.stop_fault(&TwinFault::Deaf);
        pilot.start_fault(at(240), &TwinFault::Rate { times: 4.0 });
        tell(&mut pilot, 250);
        let count = (0..100).filter(|turn| !said(&mut pilot, 250 + turn).is_empty()).count();
        assert_eq!(count, 10);
    }

    #[test]
    fn nobody_knows_what_its_goal_is() {
        let twin = TwinKind::find(POLICY).expect("it is a twin");
        assert!(twin.refuses(&TwinFault::ConfidentWrong { by: 1.0, bearing: 0.0 }).is_some());
    }
}
