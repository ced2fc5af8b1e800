//! The links of a run: their codecs, what state they are in, and what the codecs make of bytes.

use super::Effects;
use super::core::{Core, TicketState};
use super::event::EventKind;
use super::{LinkState, SendId};
use crate::codec::{self, Body, Codec, Note, Turn};
use crate::command::Ticket;
use crate::fault::FramePipe;
use crate::guard::Cause;
use crate::rig::LinkDef;
use crate::time::{Span, Time};
use crate::wire::{DeviceId, Frame, Lane, LinkId};
use std::collections::VecDeque;

/// Trouble on the wire is said at most this often per link; the counts are exact.
const TROUBLE_EVERY: Span = Span::from_secs(1);

/// A link as the run sees it.
pub(super) struct LinkRun {
    pub codec: Box<dyn Codec>,
    pub state: Standing,
    pub trouble: Trouble,
    /// Faults on what we send in the Normal lane.
    pub outgoing: FramePipe,
    /// Frames handed over that could move something, oldest first, until they are known to have left.
    pub leaving: LeavingQueue,
    /// When such a frame was handed over or left, whichever is later.
    pub moved_at: Option<Time>,
    /// What was handed over in Normal and Query and is not known to have left; kept for codecs that ask for it alone.
    pub handed_over: HandedOver,
    /// Commands thrown away on their way out, since their time was over; how many were told, and when more may be.
    pub lapsed: u64,
    pub lapsed_told: u64,
    pub next_lapsed_word: Time,
}

/// A frame on its way out of this computer.
pub(super) struct Leaving {
    pub id: SendId,
    pub since: Time,
    pub bytes: u32,
    /// The order that it says for the first time: where it is thrown away on its way, so is the order.
    pub order: Option<Ticket>,
    /// Thrown away since: it leaves only if it was on its way out at that instant.
    pub dropped: bool,
}

/// How a link stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    Awaited,
    Up,
    Lost(String),
    Refused(String),
}

/// Counts since the start of the run, and what of them was said.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Trouble {
    noise_bytes: u64,
    corrupt_frames: u64,
    foreign_frames: u64,
    lost_messages: u64,
    unsaid: bool,
    next_word: Time,
}

impl LinkRun {
    pub fn new(link: &LinkDef, seed: u64) -> LinkRun {
        let codec = codec::build(&link.codec)
            .unwrap_or_else(|problems| panic!("a plan's links were built once at check time: {problems:?}"));
        LinkRun {
            codec,
            state: Standing::Awaited,
            trouble: Trouble::default(),
            outgoing: FramePipe::new(seed ^ (u64::from(link.id.0) << 48 | 3)),
            leaving: LeavingQueue::default(),
            moved_at: None,
            handed_over: HandedOver::default(),
            lapsed: 0,
            lapsed_told: 0,
            next_lapsed_word: Time::MIN,
        }
    }
}

/// Frames on their way out, oldest first. How many bytes of them wait is counted along, since every proposal asks.
#[derive(Default)]
pub(super) struct LeavingQueue {
    frames: VecDeque<Leaving>,
    /// Of those that were not thrown away.
    waiting_bytes: u64,
}

impl LeavingQueue {
    /// A frame is handed over.
    pub fn push(&mut self, leaving: Leaving) {
        if !leaving.dropped {
            self.waiting_bytes += u64::from(leaving.bytes);
        }
        self.frames.push_back(leaving);
    }
    /// Where a frame stands, if it is here.
    pub fn place(&self, id: SendId) -> Option<usize> {
        // Ids only grow along the queue.
        self.frames.binary_search_by_key(&id, |leaving| leaving.id).ok()
    }
    /// A frame left, and with it all that was handed over before it.
    pub fn left(&mut self, place: usize) {
        let gone = self.frames.drain(..=place).filter(|leaving| !leaving.dropped);
        self.waiting_bytes -= gone.map(|leaving| u64::from(leaving.bytes)).sum::<u64>();
    }
    /// A frame was thrown away on its way; `None` when all of its time were, before it.
    pub fn lapse(&mut self, place: usize) -> Option<Leaving> {
        let lapsed = self.frames.remove(place).filter(|lapsed| !lapsed.dropped)?;
        self.waiting_bytes -= u64::from(lapsed.bytes);
        Some(lapsed)
    }
    /// All that has not left is thrown away, but for what is on its way out at this instant.
    pub fn drop_all(&mut self) {
        self.frames.iter_mut().for_each(|leaving| leaving.dropped = true);
        self.waiting_bytes = 0;
    }
    /// The link is gone, and everything with it.
    pub fn clear(&mut self) {
        self.frames.clear();
        self.waiting_bytes = 0;
    }
    /// The oldest that waits.
    pub fn oldest(&self) -> Option<&Leaving> {
        // What was thrown away stands before all that was handed over since.
        let first = self.frames.partition_point(|leaving| leaving.dropped);
        self.frames.get(first)
    }
    /// How many are on their way, also of those that were thrown away and may be.
    pub fn len(&self) -> usize {
        self.frames.len()
    }
    /// Bytes that wait.
    pub fn waiting_bytes(&self) -> u32 {
        u32::try_from(self.waiting_bytes).unwrap_or(u32::MAX)
    }
    /// Whether any does.
    pub fn is_waiting(&self) -> bool {
        self.oldest().is_some()
    }
}

/// Frames handed over by one link, oldest first.
#[derive(Default)]
pub(super) struct HandedOver(VecDeque<(SendId, Lane, Frame)>);

/// More than that wait on no link that works.
const HANDED_OVER_MAX: usize = 4096;

impl HandedOver {
    /// A frame is handed over.
    pub fn push(&mut self, id: SendId, lane: Lane, frame: Frame) {
        if self.0.len() == HANDED_OVER_MAX {
            self.0.pop_front();
        }
        self.0.push_back((id, lane, frame));
    }
    /// It left. What was handed over before it in its lane and has not left was thrown away.
    pub fn take(&mut self, id: SendId) -> Option<Frame> {
        let place = self.0.binary_search_by_key(&id, |(id, ..)| *id).ok()?;
        let (_, its_lane, frame) = self.0.remove(place)?;
        let mut at = 0;
        self.0.retain(|(_, lane, _)| {
            at += 1;
            at > place || *lane != its_lane
        });
        Some(frame)
    }
    /// The link is gone, and everything with it.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl Core {
    /// One message of a codec's turn: an instant of its own.
    pub(super) fn message(&mut self, at: Time, turn: &Turn, place: usize, out: &mut Effects) {
        let stamp = at.max(self.now.next());
        let message = &turn.messages[place];
        // What a broker kept says nothing about who lives now.
        if !matches!(message.body, Body::Proposal { stale: true, .. }) {
            self.alive(message.device, stamp);
        }
        match &message.body {
            Body::Samples(range) => self.instant(stamp, &turn.samples[range.clone()], out),
            Body::Proposal { command, stale } => self.proposed(stamp, message.device, *command, *stale, out),
        }
    }

    /// Takes notes and frames out of a codec's turn.
    pub(super) fn notes_and_sends(&mut self, link: LinkId, turn: &mut Turn, out: &mut Effects) {
        for note in turn.notes.drain(..) {
            self.note(link, note, out);
        }
        for (lane, frame) in turn.sends.drain(..) {
            self.send(lane, frame, out);
        }
    }

    pub(super) fn note(&mut self, link: LinkId, note: Note, out: &mut Effects) {
        let trouble = &mut self.links[link.0 as usize].trouble;
        match note {
            Note::Noise { bytes } => trouble.noise_bytes += u64::from(bytes),
            Note::Corrupt { .. } => trouble.corrupt_frames += 1,
            Note::Foreign => trouble.foreign_frames += 1,
            Note::Gap { lost, .. } => trouble.lost_messages += u64::from(lost),
            Note::Restart { device } => return self.restarted(device, out),
            Note::Acked { ticket } => return self.close_ticket(ticket, TicketState::Acked, out),
            Note::Refused { ticket, reason } => return self.close_ticket(ticket, TicketState::Refused(reason), out),
            Note::SafeAcked { device, commands, refused } => {
                return self.acked(device, &commands, refused, out);
            }
            Note::Lapsed { ticket } => {
                self.close_ticket(ticket, TicketState::Lapsed, out);
                return self.lapsed(link, out);
            }
            Note::Unanswered { ticket } => return self.close_ticket(ticket, TicketState::Unanswered, out),
            Note::Identified { device } => {
                if !std::mem::replace(&mut self.judging.identified[device.0 as usize], true) {
                    self.emit(EventKind::Identified { device }, out);
                }
                return;
            }
            Note::WrongIdentity { device, fact, found, wanted } => {
                let why = format!(
                    "device {} is another one: {fact} is {found}, the rig wants {wanted}",
                    self.plan.rig.devices[device.0 as usize].name
                );
                self.judging.wrong_identity.get_or_insert(why);
                self.judging.identified[device.0 as usize] = false;
                self.emit(EventKind::WrongIdentity { device, fact, found, wanted }, out);
                if self.judging.armed_at.is_some() {
                    let every = self.reacting.every_ladder();
                    self.trip(Cause::WrongIdentity(device), every, None, out);
                }
                return;
            }
            Note::Firmware { device, version } => return self.emit(EventKind::Firmware { device, version }, out),
            Note::Clock { device, told, unix } => {
                return self.emit(EventKind::DeviceClock { device, told, unix }, out);
            }
            Note::RoundTrip { device, took } => return self.emit(EventKind::RoundTrip { device, took }, out),
            Note::Malformed { device, why } => return self.emit(EventKind::CommandMalformed { device, why }, out),
            Note::Text { device, severity, text } => {
                return self.emit(EventKind::DeviceText { device, severity, text }, out);
            }
        }
        self.links[link.0 as usize].trouble.unsaid = true;
        self.say_trouble(link, false, out);
    }

    /// Says the counts of a link if it is time for a word (or `anyway`, at the end).
    pub(super) fn say_trouble(&mut self, link: LinkId, anyway: bool, out: &mut Effects) {
        let now = self.now;
        let trouble = &mut self.links[link.0 as usize].trouble;
        if !trouble.unsaid || (now < trouble.next_word && !anyway) {
            return;
        }
        trouble.unsaid = false;
        trouble.next_word = now + TROUBLE_EVERY;
        let Trouble { noise_bytes, corrupt_frames, foreign_frames, lost_messages, .. } = *trouble;
        self.emit(EventKind::WireTrouble { link, noise_bytes, corrupt_frames, foreign_frames, lost_messages }, out);
    }

    /// A device started anew: a gap on all its signals, a stop, and its identity must be shown again.
    fn restarted(&mut self, device: DeviceId, out: &mut Effects) {
        self.emit(EventKind::Restarted { device }, out);
        self.judging.identified[device.0 as usize] = false;
        let lost: Vec<_> =
            self.plan.rig.signals.iter().filter(|(_, d)| d.device == Some(device)).map(|(s, _)| s).collect();
        self.lose(&lost, out);
        if self.judging.armed_at.is_some() {
            let every = self.reacting.every_ladder();
            self.trip(Cause::Restart(device), every, None, out);
        }
    }

    /// A link came up, went, or could not be opened.
    pub(super) fn link(&mut self, link: LinkId, state: &LinkState, out: &mut Effects) {
        let slot = &mut self.links[link.0 as usize];
        match state {
            LinkState::Up => {
                // A link that comes back after it was lost never re-opens the run: the trip is latched.
                let back = matches!(slot.state, Standing::Lost(_));
                slot.state = Standing::Up;
                self.emit(EventKind::LinkUp { link }, out);
                if back {
                    self.rungs_again(link, out);
                }
            }
            LinkState::Refused(why) if self.judging.armed_at.is_none() => {
                slot.state = Standing::Refused(why.clone());
                self.emit(EventKind::LinkLost { link, why: why.clone() }, out);
            }
            // One that cannot be opened again in the middle of a run is as gone as can be.
            LinkState::Lost(why) | LinkState::Refused(why) => {
                slot.state = Standing::Lost(why.clone());
                slot.leaving.clear();
                slot.handed_over.clear();
                self.emit(EventKind::LinkLost { link, why: why.clone() }, out);
                self.unreachable(link);
                let devices: Vec<_> =
                    self.plan.rig.devices.iter().filter(|d| d.link == link).map(|d| Some(d.id)).collect();
                let lost: Vec<_> = self
                    .plan
                    .rig
                    .signals
                    .iter()
                    .filter(|(_, d)| d.device.is_some() && devices.contains(&d.device))
                    .map(|(s, _)| s)
                    .collect();
                self.lose(&lost, out);
                if self.judging.armed_at.is_some() {
                    let every = self.reacting.every_ladder();
                    self.trip(Cause::LinkLost(link), every, None, out);
                }
            }
        }
    }

    /// Lets codecs do what is due.
    pub(super) fn tick_codecs(&mut self, at: Time, out: &mut Effects) {
        for place in 0..self.links.len() {
            let link = &mut self.links[place];
            if link.state == Standing::Up && link.codec.next_deadline().is_some_and(|due| due <= at) {
                let mut turn = std::mem::take(&mut self.turn);
                turn.clear();
                self.links[place].codec.tick(at, &mut turn);
                self.notes_and_sends(LinkId(place as u16), &mut turn, out);
                self.turn = turn;
            }
        }
    }

    /// The earliest thing a codec waits for.
    pub(super) fn codec_deadline(&self) -> Option<Time> {
        self.links.iter().filter(|l| l.state == Standing::Up).filter_map(|l| l.codec.next_deadline()).min()
    }
}
