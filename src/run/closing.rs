//! The end of a run: what was said has left, and a machine that was told something since it was last seen at work is brought down
//! by its ladder, whatever its telemetry says. A sample that says *at rest* may be older than it looks, by the whole way of the
//! command there and of the answer back; a ladder's order follows the command on the same way.

use super::core::Core;
use crate::guard::{LadderId, LadderSet, Stage};
use crate::scenario::plan::Mode;
use crate::time::{Span, Time};

/// After a ladder the machine is watched until so long after the last word that could move it: what is on its way then, and what
/// the machine takes to begin to move, must not be read as rest. The project's own figure.
const SETTLE: Span = Span::from_millis(500);
/// How much longer a device may take to say so where its signals come only when they change, and how long what was said may take to
/// leave.
const WORD_WITHIN: Span = Span::from_secs(1);

impl Core {
    /// A command that may energise goes to this device.
    pub(super) fn commanded(&mut self, device: crate::wire::DeviceId) {
        let now = self.now;
        for ladder in self.reacting.ladders.iter_mut().filter(|ladder| ladder.device == device) {
            ladder.commanded_at = Some(now);
        }
    }

    /// Notes which machines are seen at work now.
    pub(super) fn watch_rest(&mut self) {
        for place in 0..self.reacting.ladders.len() {
            if self.judging.truth(self.reacting.ladders[place].safe) == crate::stl::Truth::False {
                self.reacting.ladders[place].at_work = Some(self.now);
            }
        }
    }

    /// Devices that were commanded since they were last seen at work: that they look safe shows nothing yet.
    pub(super) fn unsettled(&self) -> LadderSet {
        if self.plan.mode == Mode::Observe {
            return LadderSet::NONE;
        }
        let unsettled = |place: &usize| self.is_unsettled(*place);
        (0..self.reacting.ladders.len())
            .filter(unsettled)
            .fold(LadderSet::NONE, |set, place| set.with(LadderId(place as u8)))
    }

    fn is_unsettled(&self, place: usize) -> bool {
        let ladder = &self.reacting.ladders[place];
        match (ladder.commanded_at, ladder.at_work) {
            (None, _) => false,
            (Some(commanded), Some(at_work)) => commanded > at_work,
            (Some(_), None) => true,
        }
    }

    /// Until when what was said has the time to leave; `None`: all of it left.
    pub(super) fn leaving_until(&self) -> Option<Time> {
        let under_way = self.links.iter().filter(|link| link.moving.is_some());
        under_way.filter_map(|link| link.moved_at).max().map(|since| since + WORD_WITHIN)
    }

    /// Until when the run watches on machines that their ladder made safe; `None`: no longer.
    pub(super) fn watching_until(&self) -> Option<Time> {
        let watched = (0..self.reacting.ladders.len()).filter(|place| {
            let confirmed = matches!(self.reacting.guard.stage(LadderId(*place as u8)), Stage::Safe { .. });
            let shown = || self.settled_at(*place).is_none_or(|settled| self.shown_safe(*place, settled));
            confirmed && self.is_unsettled(*place) && !shown()
        });
        watched.filter_map(|place| self.word_due(place)).filter(|due| *due > self.now).min()
    }

    /// From when on samples of this ladder's device count.
    fn settled_at(&self, place: usize) -> Option<Time> {
        let ladder = &self.reacting.ladders[place];
        let link = self.plan.rig.devices[usize::from(ladder.device.0)].link;
        let left = self.links[usize::from(link.0)].moved_at;
        ladder.commanded_at.map(|commanded| left.map_or(commanded, |left| left.max(commanded)) + SETTLE)
    }

    /// After that the signals of `safe` would be stale, or have had their time: nothing more is to be waited for.
    fn word_due(&self, place: usize) -> Option<Time> {
        let signals = &self.plan.ladders[place].safe_signals;
        let within = |signal| self.plan.rig.signals.def(signal).stale_after.unwrap_or(WORD_WITHIN);
        let longest = signals.iter().map(|signal| within(*signal)).max().unwrap_or(WORD_WITHIN);
        self.settled_at(place).map(|settled| settled + longest)
    }
}
