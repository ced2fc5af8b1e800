//! The end of a run for devices that no ladder stopped: that they are safe must be seen after the last word that could
//! have moved them, not before it.

use super::core::Core;
use crate::guard::{LadderId, LadderSet, Stage};
use crate::scenario::plan::Mode;
use crate::stl::Truth;
use crate::time::{Span, Time};

/// How long after the last such word a sample counts: what is on its way to the device then, and what the device takes to
/// begin to move, must not be read as rest. The project's own figure.
const SETTLE: Span = Span::from_millis(500);
/// How much longer a device may take to say so where its signals come only when they change.
const WORD_WITHIN: Span = Span::from_secs(1);

impl Core {
    /// From when on samples of this ladder's device count; `None`: nothing was sent over its link that could move it.
    fn settled_at(&self, place: usize) -> Option<Time> {
        let device = self.reacting.ladders[place].device;
        let link = self.plan.rig.devices[usize::from(device.0)].link;
        self.links[usize::from(link.0)].moved_at.map(|moved| moved + SETTLE)
    }

    /// Devices that look safe and whose ladder nobody started, but of which nothing was heard since they could have been
    /// moved.
    pub(super) fn unproven(&self) -> LadderSet {
        if self.plan.mode == Mode::Observe {
            return LadderSet::NONE;
        }
        let unproven = |place: &usize| {
            let ladder = &self.reacting.ladders[*place];
            self.reacting.guard.stage(LadderId(*place as u8)) == Stage::Idle
                && self.judging.truth(ladder.safe) == Truth::True
                && self.settled_at(*place).is_some_and(|settled| !self.shown_safe(*place, settled))
        };
        let with = |set: LadderSet, place| set.with(LadderId(place as u8));
        (0..self.reacting.ladders.len()).filter(unproven).fold(LadderSet::NONE, with)
    }

    /// Of these, the ones whose word should have come by now: their ladders start.
    pub(super) fn overdue(&self, unproven: LadderSet) -> LadderSet {
        let due = |place: &usize| self.word_due(*place).is_some_and(|due| due <= self.now);
        let all = (0..self.reacting.ladders.len()).filter(|place| unproven.contains(LadderId(*place as u8)));
        all.filter(due).fold(LadderSet::NONE, |set, place| set.with(LadderId(place as u8)))
    }

    /// When the first of the unproven devices must have said that it is safe.
    pub(super) fn next_word_due(&self) -> Option<Time> {
        let unproven = self.unproven();
        let places = (0..self.reacting.ladders.len()).filter(|place| unproven.contains(LadderId(*place as u8)));
        places.filter_map(|place| self.word_due(place)).min()
    }

    /// After that the signals of `safe` would be stale, or have had their time.
    fn word_due(&self, place: usize) -> Option<Time> {
        let signals = &self.plan.ladders[place].safe_signals;
        let within = |signal| self.plan.rig.signals.def(signal).stale_after.unwrap_or(WORD_WITHIN);
        let longest = signals.iter().map(|signal| within(*signal)).max().unwrap_or(WORD_WITHIN);
        self.settled_at(place).map(|settled| settled + longest)
    }
}
