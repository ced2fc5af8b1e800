//! The self-test: no run is armed on a harness that could not keep the tightest promise of its rules.
//!
//! What is measured is the floor: a wire with nothing to decode, judge or record on it. A reaction takes longer than that,
//! hence the margin. The worst of all samples counts, and not a percentile: a trip happens once, and the stall that the
//! harness showed in a fraction of a second of self-test it will show again in an hour of run.

use super::core::Core;
use super::event::EventKind;
use super::{Effects, SelfTest, TestedWire};
use crate::rig::{Reaction, Rule};
use crate::time::Span;

/// So many times the worst of the floor must fit into what a rule allows.
pub(super) const MARGIN: i64 = 2;

/// How far the self-test is.
#[derive(Default)]
pub(super) struct SelfTesting {
    /// Wires of which nothing was told yet.
    awaited: u16,
    /// Why the run must not be armed.
    refusal: Option<String>,
}

impl SelfTesting {
    /// Something is still being measured.
    pub fn goes_on(&self) -> bool {
        self.awaited > 0
    }

    /// Why the run must not be armed, once every wire was told of: a person wants all the figures.
    pub fn refusal(&self) -> Option<String> {
        self.refusal.clone().filter(|_| !self.goes_on())
    }
}

impl Core {
    /// Takes what the harness measured of itself.
    pub(super) fn self_tested(&mut self, state: &SelfTest, out: &mut Effects) {
        // What comes once the run is armed can hold nothing back any more.
        let before = self.judging.armed_at.is_none();
        match state {
            SelfTest::Begins { wires } if before => self.self_test.awaited += wires,
            SelfTest::Begins { .. } => {}
            SelfTest::Floor { wire, samples, p50, p99, max } => {
                self.self_test.awaited = self.self_test.awaited.saturating_sub(1);
                let tightest = self.tightest_over(*wire).map(|rule| (rule.name.clone(), rule.react_within));
                let allowed = tightest.as_ref().and_then(|(_, allowed)| *allowed);
                let enough = allowed.is_none_or(|allowed| *max * MARGIN <= allowed);
                let (wire, samples, p50, p99, max) = (*wire, *samples, *p50, *p99, *max);
                self.emit(EventKind::SelfTested { wire, samples, p50, p99, max, allowed, enough }, out);
                if let (false, true, Some((rule, Some(allowed)))) = (enough, before, tightest) {
                    let what = self.wire_in_words(wire);
                    // Rounded up: nobody acts on nanoseconds.
                    let [p50, p99, max] = [p50, p99, max].map(|span| Span::from_micros((span.nanos() + 999) / 1_000));
                    let why = format!(
                        "{what} needs up to {max} to answer (half of {samples} answers within {p50}, 99 % within {p99}); rule {rule} \
                         allows {allowed} for a whole reaction, which must be {MARGIN} times as much: take other work off this \
                         computer, let the program have real-time priority (CAP_SYS_NICE), or allow more in `react_within`"
                    );
                    self.self_test.refusal.get_or_insert(why);
                }
            }
            SelfTest::Failed { wire, why } => {
                self.self_test.awaited = self.self_test.awaited.saturating_sub(1);
                let why = format!("{} could not be measured: {why}", self.wire_in_words(*wire));
                match wire {
                    TestedWire::Loop if before => {
                        self.self_test.refusal.get_or_insert(why);
                    }
                    // Access lists may forbid a topic of our own: that is no reason not to run, but it is said.
                    TestedWire::Loop | TestedWire::Broker(_) => self.remark(why, out),
                }
            }
        }
    }

    /// The rule that allows the least for a device behind this wire.
    fn tightest_over(&self, wire: TestedWire) -> Option<&Rule> {
        let behind = |rule: &&Rule| match (&rule.reaction, wire) {
            (Reaction::Fail, _) => false,
            (Reaction::Stop(_), TestedWire::Loop) => true,
            (Reaction::Stop(devices), TestedWire::Broker(link)) => {
                devices.iter().any(|device| self.plan.rig.devices[usize::from(device.0)].link == link)
            }
        };
        self.plan.rules.iter().filter(|rule| rule.react_within.is_some()).filter(behind).min_by_key(|r| r.react_within)
    }

    fn wire_in_words(&self, wire: TestedWire) -> String {
        match wire {
            TestedWire::Loop => "the harness's own loop".into(),
            TestedWire::Broker(link) => {
                let name = self.plan.rig.links.get(usize::from(link.0)).map_or("?", |link| link.name.as_str());
                format!("the way over the broker of link {name} and back")
            }
        }
    }
}

/// What is missing while the self-test goes on.
pub(super) const GOING_ON: &str = "the self-test of the harness is not over";
