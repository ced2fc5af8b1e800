//! This side: asks, listens, orders.
//!
//! - One thing waits for its answer at a time; orders go before questions. What answers nothing in time is let go.
//! - Without a check sum, a stuffed frame that was under way when we began to listen is noise.
//! - Safe frames end whatever frame was half sent, then say theirs.

use super::framing::{Finder, Found};
use super::plan::{Plan, plan};
use super::tongue::{Side, Tongue};
use crate::codec::{Body, Codec, ConfigProblem, EncodeError, FieldValue, LinkConfig, Message, NotTimeless, Note, Turn};
use crate::command::{Command, Ticket};
use crate::time::{Span, Time};
use crate::wire::{DeviceId, Frame, Lane, LinkId};
use std::collections::VecDeque;

/// Most orders that wait for the one before them.
const QUEUE_MAX: usize = 16;
/// Longest piece of a device's text in a note, in letters.
pub(super) const SHOWN: usize = 100;

/// Session of one link.
pub struct Host<T: Tongue> {
    link: LinkId,
    plan: Plan<T>,
    finder: Finder,
    found: Vec<Found>,
    waiting: Option<Waiting>,
    queue: VecDeque<Queued>,
    identified: bool,
    /// The lanes are closed: an acknowledgement that nothing waits for answers a safe frame.
    abandoned: bool,
    /// Round-trip times are noted.
    figures: bool,
}

struct Waiting {
    /// The message that ends it.
    answer: usize,
    order: Option<Ticket>,
    until: Time,
}

struct Queued {
    ticket: Ticket,
    bytes: Vec<u8>,
    ack: Option<usize>,
    /// Nothing of it is said later.
    not_after: Option<Time>,
}

impl<T: Tongue> Host<T> {
    /// Builds the session; every mistake of the configuration at once.
    pub fn new(config: &LinkConfig) -> Result<Host<T>, Vec<ConfigProblem>> {
        let plan: Plan<T> = plan(config)?;
        Ok(Host {
            link: config.link,
            finder: Finder::new(plan.line.clone(), true),
            plan,
            found: Vec::new(),
            waiting: None,
            queue: VecDeque::new(),
            identified: false,
            abandoned: false,
            figures: false,
        })
    }

    fn encode(&self, command: &Command) -> Result<(Vec<u8>, Option<usize>), String> {
        let order = self.plan.orders.iter().find(|order| order.command == command.id);
        let order = order.ok_or("no device of this link knows the command")?;
        Ok((self.plan.line.write(&order.content(&self.plan.tongue, command)?)?, order.ack))
    }

    fn content(&mut self, at: Time, content: &[u8], out: &mut Turn) {
        let plan = &mut self.plan;
        let Some(message) = plan.tongue.read(Side::Says, content) else {
            let bytes = u32::try_from(content.len()).unwrap_or(u32::MAX);
            out.note(match plan.tongue.is_damaged(content) {
                None => Note::Foreign,
                Some(true) => Note::Corrupt { bytes },
                Some(false) => Note::Noise { bytes },
            });
            return;
        };
        let is = |kind: usize| plan.tongue.is(Side::Says, &message, kind);
        if plan.restarts.is_some_and(is) {
            out.note(Note::Restart { device: plan.id });
        }
        let first = out.samples.len();
        out.samples.extend(plan.picks.iter().filter_map(|pick| pick.value(&plan.tongue, &message)));
        out.messages.push(Message { device: plan.id, body: Body::Samples(first..out.samples.len()) });
        if !self.identified {
            for fact in plan.facts.iter_mut().filter(|fact| fact.heard.is_none()) {
                let Some(found) = plan.tongue.get(&message, &fact.place) else { continue };
                fact.heard = Some(found.agrees(&fact.wanted));
                if fact.heard == Some(false) {
                    out.note(Note::WrongIdentity {
                        device: plan.id,
                        fact: fact.name.clone(),
                        found: found.shown(),
                        wanted: match &fact.wanted {
                            FieldValue::Text(text) => text.clone(),
                            FieldValue::Number(number) => number.to_string(),
                            FieldValue::Arg { .. } => String::new(),
                        },
                    });
                }
            }
            if plan.facts.iter().all(|fact| fact.heard == Some(true)) {
                self.identified = true;
                out.note(Note::Identified { device: plan.id });
            }
        }
        self.answer(at, &message, out);
    }

    /// Ends what waited for this message.
    fn answer(&mut self, at: Time, message: &T::Message, out: &mut Turn) {
        let plan = &self.plan;
        let is = |kind: usize| plan.tongue.is(Side::Says, message, kind);
        let refused = plan.refuses.is_some_and(is);
        let reason = || plan.tongue.words(Side::Says, message).chars().take(SHOWN).collect::<String>();
        match self.waiting.take_if(|w| refused || is(w.answer)) {
            Some(Waiting { order: Some(ticket), .. }) if refused => {
                out.note(Note::Refused { ticket, reason: reason() });
            }
            Some(Waiting { order: Some(ticket), .. }) => out.note(Note::Acked { ticket }),
            Some(Waiting { order: None, until, .. }) if self.figures && !refused => {
                let took = plan.within - until.since(at);
                out.note(Note::RoundTrip { device: plan.id, took });
            }
            Some(Waiting { order: None, .. }) => {}
            None if self.abandoned => {
                let meant = |ack: Option<usize>| ack.is_some_and(is) || refused && ack.is_some();
                let commands: Vec<_> =
                    plan.orders.iter().filter(|order| meant(order.ack)).map(|order| order.command).collect();
                if !commands.is_empty() {
                    out.note(Note::SafeAcked { device: plan.id, commands, refused: refused.then(reason) });
                }
            }
            None => {}
        }
    }

    /// Orders whose time is over are not said any more.
    fn lapse(&mut self, at: Time, out: &mut Turn) {
        self.queue.retain(|queued| {
            let lapsed = queued.not_after.is_some_and(|last| last < at);
            if lapsed {
                out.note(Note::Lapsed { ticket: queued.ticket });
            }
            !lapsed
        });
    }

    /// Sends what may go now.
    fn pump(&mut self, at: Time, out: &mut Turn) {
        self.lapse(at, out);
        while self.waiting.is_none() {
            if let Some(queued) = self.queue.pop_front() {
                let frame = Frame::serial(self.link, queued.bytes).until(queued.not_after).first_of(queued.ticket.0);
                out.sends.push((Lane::Normal, frame));
                let (order, until) = (Some(queued.ticket), at + self.plan.within);
                self.waiting = queued.ack.map(|answer| Waiting { answer, order, until });
                continue;
            }
            let next = self.plan.asks.iter_mut().min_by_key(|ask| ask.due).filter(|ask| ask.due <= at);
            let Some(ask) = next else { return };
            // That it can be framed was tried when the plan was made.
            out.sends.extend(
                self.plan.line.write(&ask.content).ok().map(|bytes| (Lane::Query, Frame::serial(self.link, bytes))),
            );
            ask.due = after(ask.due, ask.every, at);
            let until = at + self.plan.within;
            self.waiting = ask.answer.map(|answer| Waiting { answer, order: None, until });
        }
    }
}

/// The next instant of something periodic; what was missed is not made up for.
fn after(due: Time, every: Span, at: Time) -> Time {
    if due + every > at { due + every } else { at + every }
}

impl<T: Tongue> Codec for Host<T> {
    fn feed(&mut self, at: Time, frame: &Frame, out: &mut Turn) {
        let mut found = std::mem::take(&mut self.found);
        for byte in frame.bytes.iter() {
            let tongue = &self.plan.tongue;
            self.finder.push(*byte, |start| tongue.expect(Side::Says, start), &mut found);
            for found in found.drain(..) {
                match found {
                    Found::Content(content) => self.content(at, &content, out),
                    Found::Noise(bytes) => out.note(Note::Noise { bytes }),
                    Found::Corrupt(bytes) => out.note(Note::Corrupt { bytes }),
                }
            }
        }
        self.found = found;
        self.pump(at, out);
    }

    fn order_until(
        &mut self,
        at: Time,
        command: &Command,
        ticket: Ticket,
        not_after: Option<Time>,
        out: &mut Turn,
    ) -> Result<(), EncodeError> {
        let (bytes, ack) = self.encode(command).map_err(EncodeError)?;
        self.lapse(at, out);
        if self.queue.len() == QUEUE_MAX {
            return Err(EncodeError(format!("{QUEUE_MAX} orders wait for an answer of the device")));
        }
        self.queue.push_back(Queued { ticket, bytes, ack, not_after });
        self.pump(at, out);
        Ok(())
    }

    fn lapsed(&mut self, at: Time, order: Ticket, out: &mut Turn) {
        self.waiting.take_if(|waiting| waiting.order == Some(order));
        self.pump(at, out);
    }

    fn tick(&mut self, at: Time, out: &mut Turn) {
        if let Some(late) = self.waiting.take_if(|w| w.until <= at)
            && let Some(ticket) = late.order
        {
            out.note(Note::Unanswered { ticket });
        }
        if let Some(beat) = self.plan.heartbeat.as_mut().filter(|beat| beat.due <= at) {
            beat.due = after(beat.due, beat.every, at);
            if !beat.muted
                && let Ok(bytes) = self.plan.line.write(&beat.content)
            {
                out.sends.push((Lane::Query, Frame::serial(self.link, bytes)));
            }
        }
        self.pump(at, out);
    }

    fn next_deadline(&self) -> Option<Time> {
        let beat = self.plan.heartbeat.as_ref().map(|beat| beat.due);
        let rest = match &self.waiting {
            Some(waiting) => Some(waiting.until),
            None => self.plan.asks.iter().map(|ask| ask.due).min(),
        };
        beat.into_iter().chain(rest).min()
    }

    fn safe(&self, command: &Command) -> Result<Vec<Frame>, NotTimeless> {
        let (frame, _) = self.encode(command).map_err(NotTimeless)?;
        let mut bytes = self.plan.line.resync();
        bytes.extend_from_slice(&frame);
        Ok(vec![Frame::serial(self.link, bytes)])
    }

    fn abandon(&mut self) {
        self.queue.clear();
        self.waiting.take_if(|waiting| waiting.order.is_some());
        self.abandoned = true;
    }

    fn note_figures(&mut self) {
        self.figures = true;
    }

    fn mute(&mut self, device: DeviceId, on: bool) -> bool {
        match self.plan.heartbeat.as_mut().filter(|_| device == self.plan.id) {
            Some(beat) => {
                beat.muted = on;
                true
            }
            None => false,
        }
    }
}
