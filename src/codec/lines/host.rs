//! This side: asks, listens, orders.
//!
//! - One thing waits for its answer at a time; orders go before questions. What answers nothing in time is let go.
//! - A device with a prompt is left alone until it shows it: some take any byte before as a wish to stop.
//! - A line that was under way when we began to listen is noise, since its end could look like a whole one. If it was an answer,
//!   its question is asked again at once: what is asked seldom, such as who it is, would be known late.
//! - Safe frames end whatever line was half sent (after `cancel`, where the description has one), then say theirs.

use super::framing::{Found, Splitter, write};
use super::plan::{Plan, plan};
use crate::codec::{Body, Codec, ConfigProblem, EncodeError, LinkConfig, Message, NotTimeless, Note, Turn};
use crate::command::{Command, Ticket};
use crate::time::{Span, Time};
use crate::wire::{DeviceId, Frame, Lane, LinkId};
use std::collections::VecDeque;

/// Most orders that wait for the one before them.
const QUEUE_MAX: usize = 16;
/// After a trip a device with a prompt is asked only once it was ready for so long: the safe line brings several prompts, that of
/// what it cancelled, of the empty line, and its own.
const SETTLES: Span = Span::from_millis(50);
/// Longest piece of a device's line in a note, in letters.
const SHOWN: usize = 100;

/// Session of one link.
pub struct Host {
    link: LinkId,
    plan: Plan,
    splitter: Splitter,
    waiting: Option<Waiting>,
    /// The prompt is awaited, at the longest until then.
    busy: Option<Time>,
    /// The order that it is awaited for, if it is one.
    busy_with: Option<Ticket>,
    queue: VecDeque<Queued>,
    identified: bool,
    /// The lanes are closed: an acknowledgement that nothing waits for answers a safe frame.
    abandoned: bool,
    /// The trip was just now.
    hushed: bool,
    /// The first line was noise, whatever it said.
    begun: bool,
}

struct Waiting {
    /// The message that ends it.
    answer: usize,
    what: Awaited,
    until: Time,
}

enum Awaited {
    Order(Ticket),
    /// The place of the question among the plan's.
    Question(usize),
}

impl Waiting {
    fn ticket(&self) -> Option<Ticket> {
        match self.what {
            Awaited::Order(ticket) => Some(ticket),
            Awaited::Question(_) => None,
        }
    }
}

struct Queued {
    ticket: Ticket,
    line: Vec<u8>,
    ack: Option<usize>,
    /// Nothing of it is said later.
    not_after: Option<Time>,
}

impl Host {
    /// Builds the session; every mistake of the configuration at once.
    pub fn new(config: &LinkConfig) -> Result<Host, Vec<ConfigProblem>> {
        let plan = plan(config)?;
        Ok(Host {
            link: config.link,
            plan,
            splitter: Splitter::new(true),
            waiting: None,
            busy: None,
            busy_with: None,
            queue: VecDeque::new(),
            identified: false,
            abandoned: false,
            hushed: false,
            begun: false,
        })
    }

    fn bytes(&self, line: &str) -> Vec<u8> {
        write(line, self.plan.ends, self.plan.sum.as_ref())
    }

    fn encode(&self, command: &Command) -> Result<(Vec<u8>, Option<usize>), String> {
        let order = self.plan.orders.iter().find(|order| order.command == command.id);
        let order = order.ok_or("no device of this link knows the command")?;
        Ok((self.bytes(&order.line(command)?), order.ack))
    }

    fn line(&mut self, line: &str, out: &mut Turn) {
        let plan = &mut self.plan;
        let found = plan.messages.iter().enumerate().find_map(|(place, m)| Some((place, m, m.pattern.read(line)?)));
        let Some((place, message, groups)) = found else {
            out.note(Note::Foreign);
            return;
        };
        if plan.restarts == Some(place) {
            out.note(Note::Restart { device: plan.id });
        }
        let first = out.samples.len();
        out.samples.extend(message.picks.iter().filter_map(|pick| pick.value(&groups)));
        out.messages.push(Message { device: plan.id, body: Body::Samples(first..out.samples.len()) });
        if !self.identified {
            for fact in plan.facts.iter_mut().filter(|fact| fact.message == place && fact.heard.is_none()) {
                let Some(found) = fact.found(&groups) else { continue };
                fact.heard = Some(fact.agrees(found));
                if fact.heard == Some(false) {
                    out.note(Note::WrongIdentity {
                        device: plan.id,
                        fact: fact.name.clone(),
                        found: shortened(found),
                        wanted: match &fact.wanted {
                            crate::codec::FieldValue::Text(text) => text.clone(),
                            crate::codec::FieldValue::Number(number) => number.to_string(),
                            crate::codec::FieldValue::Arg { .. } => String::new(),
                        },
                    });
                }
            }
            if plan.facts.iter().all(|fact| fact.heard == Some(true)) {
                self.identified = true;
                out.note(Note::Identified { device: plan.id });
            }
        }
        self.answer(place, line, out);
    }

    /// Ends what waited for this message.
    fn answer(&mut self, place: usize, line: &str, out: &mut Turn) {
        let refused = self.plan.refuses == Some(place);
        let reason = || shortened(line);
        match self.waiting.take_if(|w| refused || w.answer == place).map(|waiting| waiting.what) {
            Some(Awaited::Order(ticket)) if refused => out.note(Note::Refused { ticket, reason: reason() }),
            Some(Awaited::Order(ticket)) => out.note(Note::Acked { ticket }),
            Some(Awaited::Question(_)) => {}
            None if self.abandoned => {
                let meant = |ack: Option<usize>| ack == Some(place) || refused && ack.is_some();
                let commands: Vec<_> =
                    self.plan.orders.iter().filter(|order| meant(order.ack)).map(|order| order.command).collect();
                if !commands.is_empty() {
                    let refused = refused.then(reason);
                    out.note(Note::SafeAcked { device: self.plan.id, commands, refused });
                }
            }
            None => {}
        }
    }

    /// The device is ready: a question that it has not answered will not be answered.
    fn prompted(&mut self, at: Time) {
        self.busy = self.abandoned.then(|| at + SETTLES);
        self.waiting.take_if(|waiting| waiting.ticket().is_none());
    }

    /// The first line of all may have been the answer to the question that waits.
    fn missed(&mut self, at: Time) {
        if !std::mem::replace(&mut self.begun, true)
            && let Some(waiting) = self.waiting.take_if(|waiting| waiting.ticket().is_none())
            && let Awaited::Question(place) = waiting.what
        {
            self.plan.asks[place].due = at;
        }
    }

    /// Says that we live. A device with a prompt takes it like any other line; others take it whatever they are at.
    fn beat(&mut self, at: Time, out: &mut Turn) {
        let busy = self.busy.is_some();
        let Some(beat) = self.plan.heartbeat.as_mut().filter(|beat| beat.due <= at && !busy) else { return };
        beat.due = after(beat.due, beat.every, at);
        if !beat.muted {
            let line = write(&beat.send, self.plan.ends, self.plan.sum.as_ref());
            out.sends.push((Lane::Query, Frame::serial(self.link, line)));
            self.busy = self.plan.busy_until(at);
            self.busy_with = None;
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
        if !self.plan.prompt.is_empty() {
            if std::mem::take(&mut self.hushed) {
                self.busy = Some(at + SETTLES);
            }
            self.beat(at, out);
        }
        while self.waiting.is_none() && self.busy.is_none() {
            if let Some(queued) = self.queue.pop_front() {
                let frame = Frame::serial(self.link, queued.line).until(queued.not_after).first_of(queued.ticket.0);
                out.sends.push((Lane::Normal, frame));
                self.busy = self.plan.busy_until(at);
                self.busy_with = Some(queued.ticket);
                self.waiting = queued.ack.map(|answer| Waiting {
                    answer,
                    what: Awaited::Order(queued.ticket),
                    until: at + self.plan.within,
                });
                continue;
            }
            let next = (0..self.plan.asks.len()).min_by_key(|i| self.plan.asks[*i].due);
            let Some(next) = next.filter(|i| self.plan.asks[*i].due <= at) else { return };
            let bytes = self.bytes(&self.plan.asks[next].send);
            out.sends.push((Lane::Query, Frame::serial(self.link, bytes)));
            self.busy = self.plan.busy_until(at);
            self.busy_with = None;
            let ask = &mut self.plan.asks[next];
            ask.due = after(ask.due, ask.every, at);
            self.waiting = ask.answer.map(|answer| Waiting {
                answer,
                what: Awaited::Question(next),
                until: at + self.plan.within,
            });
        }
    }
}

/// The next instant of something periodic; what was missed is not made up for.
fn after(due: Time, every: Span, at: Time) -> Time {
    if due + every > at { due + every } else { at + every }
}

fn shortened(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

impl Codec for Host {
    fn feed(&mut self, at: Time, frame: &Frame, out: &mut Turn) {
        for byte in frame.bytes.iter() {
            match self.splitter.push(*byte, b"", &self.plan.prompt, self.plan.sum.as_ref()) {
                Some(Found::Line(line)) => {
                    self.begun = true;
                    self.line(&line, out);
                }
                Some(Found::Prompt) => self.prompted(at),
                Some(Found::Noise(bytes)) => {
                    out.note(Note::Noise { bytes });
                    self.missed(at);
                }
                Some(Found::Corrupt(bytes)) => out.note(Note::Corrupt { bytes }),
                None => {}
            }
        }
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
        let (line, ack) = self.encode(command).map_err(EncodeError)?;
        self.lapse(at, out);
        if self.queue.len() == QUEUE_MAX {
            return Err(EncodeError(format!("{QUEUE_MAX} orders wait for an answer of the device")));
        }
        self.queue.push_back(Queued { ticket, line, ack, not_after });
        self.pump(at, out);
        Ok(())
    }

    fn lapsed(&mut self, at: Time, order: Ticket, out: &mut Turn) {
        self.waiting.take_if(|waiting| waiting.ticket() == Some(order));
        if self.busy_with.take_if(|with| *with == order).is_some() {
            self.busy = None;
        }
        self.pump(at, out);
    }

    fn tick(&mut self, at: Time, out: &mut Turn) {
        self.busy.take_if(|until| *until <= at);
        if let Some(late) = self.waiting.take_if(|w| w.until <= at)
            && let Some(ticket) = late.ticket()
        {
            out.note(Note::Unanswered { ticket });
        }
        if self.plan.prompt.is_empty() {
            self.beat(at, out);
        }
        self.pump(at, out);
    }

    fn next_deadline(&self) -> Option<Time> {
        let beat = self.plan.heartbeat.as_ref().map(|beat| beat.due).filter(|_| self.busy.is_none());
        let awaited = self.waiting.as_ref().map(|waiting| waiting.until).into_iter().chain(self.busy).max();
        let rest = awaited.or_else(|| self.plan.asks.iter().map(|ask| ask.due).min());
        beat.into_iter().chain(rest).min()
    }

    fn safe(&self, command: &Command) -> Result<Vec<Frame>, NotTimeless> {
        let (line, _) = self.encode(command).map_err(NotTimeless)?;
        let mut bytes = self.plan.cancel.clone();
        bytes.extend_from_slice(self.plan.ends.bytes());
        bytes.extend_from_slice(&line);
        Ok(vec![Frame::serial(self.link, bytes)])
    }

    fn abandon(&mut self) {
        self.queue.clear();
        self.waiting.take_if(|waiting| waiting.ticket().is_some());
        self.abandoned = true;
        self.hushed = true;
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
