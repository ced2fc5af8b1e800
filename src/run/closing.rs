//! The end of a run: what was said has left, and a machine that was ever given something that may energise is brought down by its
//! ladder, unless it is shown at rest on samples of a time by which the last word must have begun to act. A sample that says *at
//! rest* may be older than it looks, by the whole way of the command there and of the answer back, and one that says *at work* may
//! speak of the command before; a ladder's order follows the command on the same way.

use super::core::Core;
use super::wires::LinkRun;
use super::{Effect, Effects, SendId};
use crate::guard::{LadderId, LadderSet, Stage};
use crate::scenario::plan::Mode;
use crate::time::{Span, Time};
use crate::wire::LinkId;

/// How much longer a device may take to say so where its signals come only when they change, and how long what was said may take to
/// leave.
pub(super) const WORD_WITHIN: Span = Span::from_secs(1);

impl Core {
    /// A command that may energise goes to this device.
    pub(super) fn commanded(&mut self, device: crate::wire::DeviceId) {
        let now = self.now;
        for ladder in self.reacting.ladders.iter_mut().filter(|ladder| ladder.device == device) {
            ladder.commanded_at = Some(now);
        }
    }

    /// A frame that could move something left, and with it all that was handed over before it.
    pub(super) fn has_left(&mut self, id: SendId, done: Time, queued_ahead: u32) {
        let find = |link: &LinkRun| link.leaving.iter().position(|leaving| leaving.id == id);
        let Some((place, nth)) = self.links.iter().enumerate().find_map(|(place, link)| Some((place, find(link)?)))
        else {
            return;
        };
        let link = LinkId(u16::try_from(place).expect("a rig has fewer than 65536 links"));
        let left = done.max(self.now) + self.drain_of(link, queued_ahead);
        let link = &mut self.links[place];
        link.leaving.drain(..=nth);
        link.moved_at = link.moved_at.max(Some(left));
    }

    /// How much later than now a command for this link would leave, as far as is known: what waits before it waits for so long
    /// already, and takes its time on the wire.
    pub(super) fn behind(&self, link: LinkId) -> Span {
        let slot = &self.links[usize::from(link.0)];
        let bytes = slot.waiting().fold(0_u32, |bytes, leaving| bytes.saturating_add(leaving.bytes));
        let waits = slot.waiting().next().map_or(Span::ZERO, |oldest| self.now.since(oldest.since));
        let on_the_wire = slot.moved_at.map_or(Span::ZERO, |left| left.since(self.now)).max(Span::ZERO);
        waits.max(on_the_wire + self.drain_of(link, bytes))
    }

    /// Devices that were commanded and are not shown at rest since: that they look safe shows nothing yet.
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
        self.settled_at(place).is_some_and(|settled| !self.shown_safe(place, settled))
    }

    /// Whether something that was said has not left, and may.
    pub(super) fn is_leaving(&self) -> bool {
        let may = self.tripped().is_none() && self.plan.mode != Mode::Observe;
        may && self.links.iter().any(|link| link.waiting().next().is_some())
    }

    /// What has not left is thrown away, all but what is on its way out at this instant: that was the last word.
    pub(super) fn drop_normal(&mut self, out: &mut Effects) {
        let now = self.now;
        for link in self.links.iter_mut().filter(|link| link.waiting().next().is_some()) {
            link.leaving.iter_mut().for_each(|leaving| leaving.dropped = true);
            link.moved_at = link.moved_at.max(Some(now));
        }
        out.list.push(Effect::DropNormal);
    }

    /// Until when the run watches on machines that their ladder made safe; `None`: no longer.
    pub(super) fn watching_until(&self) -> Option<Time> {
        let watched = (0..self.reacting.ladders.len()).filter(|place| {
            let confirmed = matches!(self.reacting.guard.stage(LadderId(*place as u8)), Stage::Safe { .. });
            confirmed && self.is_unsettled(*place)
        });
        watched.filter_map(|place| self.word_due(place)).filter(|due| *due > self.now).min()
    }

    /// From when on samples of this ladder's device count: what is on its way at the last word, and what the machine takes to begin
    /// to move, must not be read as rest.
    fn settled_at(&self, place: usize) -> Option<Time> {
        let ladder = &self.reacting.ladders[place];
        let device = &self.plan.rig.devices[usize::from(ladder.device.0)];
        let left = self.links[usize::from(device.link.0)].moved_at;
        ladder.commanded_at.map(|commanded| left.map_or(commanded, |left| left.max(commanded)) + device.acts_within)
    }

    /// After that the signals of `safe` would be stale, or have had their time: nothing more is to be waited for.
    fn word_due(&self, place: usize) -> Option<Time> {
        let signals = &self.plan.ladders[place].safe_signals;
        let within = |signal| self.plan.rig.signals.def(signal).stale_after.unwrap_or(WORD_WITHIN);
        let longest = signals.iter().map(|signal| within(*signal)).max().unwrap_or(WORD_WITHIN);
        self.settled_at(place).map(|settled| settled + longest)
    }
}
