//! The end of a run: what was said has left, and a machine that was ever given something that may energise is brought down by its
//! ladder, unless it is shown at rest on samples of a time by which the last word must have begun to act. A sample that says *at
//! rest* may be older than it looks, by the whole way of the command there and of the answer back, and one that says *at work* may
//! speak of the command before; a ladder's order follows the command on the same way.

use super::core::{Core, TicketState};
use super::{Effect, Effects, SendId};
use crate::guard::{LadderId, LadderSet, Stage};
use crate::scenario::plan::Mode;
use crate::time::{Span, Time};
use crate::wire::LinkId;

/// How much longer a device may take to say so where its signals come only when they change, and how long what was said may take to
/// leave.
pub(super) const WORD_WITHIN: Span = Span::from_secs(1);

/// How often it is said at most that commands outlive their time on the way out.
const LAPSED_WORD_EVERY: Span = Span::from_secs(1);

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
        let Some((place, nth)) = self.on_its_way(id) else { return };
        let link = LinkId(u16::try_from(place).expect("a rig has fewer than 65536 links"));
        let left = done.max(self.now) + self.drain_of(link, queued_ahead);
        let link = &mut self.links[place];
        link.leaving.left(nth);
        link.moved_at = link.moved_at.max(Some(left));
    }

    /// Codecs that ask for it hear what left.
    pub(super) fn tell_left(&mut self, id: SendId) {
        for link in &mut self.links {
            if let Some(frame) = link.handed_over.take(id) {
                link.codec.left(self.now, &frame);
            }
        }
    }

    /// The link of a frame that could move something, and where it stands among those on their way.
    fn on_its_way(&self, id: SendId) -> Option<(usize, usize)> {
        self.links.iter().enumerate().find_map(|(place, link)| Some((place, link.leaving.place(id)?)))
    }

    /// A frame was thrown away, since its time to leave was over.
    pub(super) fn has_lapsed(&mut self, id: SendId, out: &mut Effects) {
        let Some((place, nth)) = self.on_its_way(id) else { return };
        let link = LinkId(u16::try_from(place).expect("a rig has fewer than 65536 links"));
        let Some(lapsed) = self.links[place].leaving.lapse(nth) else { return };
        self.lapsed(link, out);
        let Some(order) = lapsed.order else { return };
        self.close_ticket(order, TicketState::Lapsed, out);
        let mut turn = std::mem::take(&mut self.turn);
        turn.clear();
        self.links[place].codec.lapsed(self.now, order, &mut turn);
        self.notes_and_sends(link, &mut turn, out);
        self.turn = turn;
    }

    /// A controller's command outlived its `max_age` on its way out, and was not said: told once a second at most, with
    /// how many there were.
    pub(super) fn lapsed(&mut self, link: LinkId, out: &mut Effects) {
        let slot = &mut self.links[usize::from(link.0)];
        slot.lapsed += 1;
        self.say_lapsed(link, false, out);
    }

    /// Says how many did so far, if there are more than were told and it is time for a word (or `anyway`, at the end).
    pub(super) fn say_lapsed(&mut self, link: LinkId, anyway: bool, out: &mut Effects) {
        let slot = &mut self.links[usize::from(link.0)];
        if slot.lapsed == slot.lapsed_told || (self.now < slot.next_lapsed_word && !anyway) {
            return;
        }
        slot.lapsed_told = slot.lapsed;
        slot.next_lapsed_word = self.now + LAPSED_WORD_EVERY;
        let (count, name) = (slot.lapsed, &self.plan.rig.links[usize::from(link.0)].name);
        let frames = if count == 1 { "1 message".to_owned() } else { format!("{count} messages so far") };
        let why = format!(
            "link {name}: {frames} of a controller waited longer than `max_age` to leave, and were thrown away"
        );
        self.remark(why, out);
    }

    /// How much later than now a command for this link would leave, as far as is known: what waits before it waits for so long
    /// already, and takes its time on the wire.
    pub(super) fn behind(&self, link: LinkId) -> Span {
        let slot = &self.links[usize::from(link.0)];
        let bytes = slot.leaving.waiting_bytes();
        let waits = slot.leaving.oldest().map_or(Span::ZERO, |oldest| self.now.since(oldest.since));
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
        may && self.links.iter().any(|link| link.leaving.is_waiting())
    }

    /// What has not left is thrown away, all but what is on its way out at this instant: that was the last word.
    pub(super) fn drop_normal(&mut self, out: &mut Effects) {
        let now = self.now;
        for link in self.links.iter_mut().filter(|link| link.leaving.is_waiting()) {
            link.leaving.drop_all();
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
