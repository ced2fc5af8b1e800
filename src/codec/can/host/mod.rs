//! This side: a host of an SLCAN adapter.
//!
//! - The channel is opened (`C`, `S…`, `O`) at the start, and again whenever nothing was heard for a second: an adapter that was
//!   plugged in anew is closed. Opening makes nothing move.
//! - A heartbeat is a message that no command sends, with the start values of its signals, on `Lane::Query`.
//! - Questions of OBD-II and what tells who the adapter is go out on `Lane::Query`, one question of a control unit at a time.
//! - A command whose message has a cycle time is sent again in that cycle until another command of that message, or a trip.
//! - Safe frames open the channel by themselves, so that they act on an adapter that was just plugged in, too.

pub(in crate::codec) mod identity;

use super::isotp::{Assembly, FLOW_CONTROL, Heard};
use super::plan::{self, Plan};
use super::slcan::{BIT_RATES, CanFrame, Framer, Line};
use crate::codec::{Body, Codec, ConfigProblem, EncodeError, LinkConfig, Message, NotTimeless, Note, Turn};
use crate::command::{Command, Ticket};
use crate::time::{Span, Time};
use crate::wire::{DeviceId, Frame, Lane, LinkId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The channel is opened again after so long a silence.
const REOPEN_AFTER: Span = Span::from_secs(1);
/// A control unit has so long for an answer and for each of its parts: N_Cr of ISO 15765-2.
const ANSWER_WITHIN: Span = Span::from_secs(1);
/// After "response pending" (7F … 78) it has so long: P2* of ISO 14229-2.
const PENDING_WITHIN: Span = Span::from_secs(5);
/// The adapter has so long to say that it sent a frame.
const SENT_WITHIN: Span = Span::from_millis(500);
/// Negative response of a control unit, and the code that asks for patience.
const NEGATIVE: u8 = 0x7F;
const PENDING: u8 = 0x78;
/// Severity of a warning in words.
const SEVERITY_WARNING: u8 = 4;

/// Session of one link.
pub struct Host {
    link: LinkId,
    plan: Plan,
    framer: Framer,
    lines: Vec<Line>,
    opens: Time,
    /// By the place of its question: when it is asked next.
    asks: Vec<Time>,
    asked: Option<Asked>,
    cycles: BTreeMap<(bool, u32), Cycle>,
    /// Frames for the adapter that have not left, in the order of giving.
    given: VecDeque<Given>,
    /// What left, in the order of the wire.
    underway: VecDeque<Underway>,
    identified: Vec<bool>,
    /// By the place of its heartbeat: when it beats next.
    beats: Vec<Time>,
    /// Devices whose heartbeat is held back.
    muted: BTreeSet<DeviceId>,
    flags: u8,
}

struct Asked {
    question: usize,
    until: Time,
    assembly: Assembly,
}

/// A frame for the adapter, which answers each in turn.
struct Given {
    /// The order that it says for the first time.
    order: Option<Ticket>,
    /// Its answer is noted.
    acked: bool,
    until: Time,
    bytes: Vec<u8>,
}

impl Given {
    fn is(&self, frame: &Frame) -> bool {
        self.order.map(|ticket| ticket.0) == frame.order && self.bytes == frame.bytes
    }
}

/// What left and is not answered yet.
enum Underway {
    Frame(Given),
    /// Lines that open the adapter, which may answer until then. One that is open refuses some of them; none of them is
    /// answered like a frame.
    Opening(Time),
}

impl Underway {
    fn until(&self) -> Time {
        match self {
            Underway::Frame(Given { until, .. }) | Underway::Opening(until) => *until,
        }
    }
}

struct Cycle {
    frame: CanFrame,
    every: Span,
    due: Time,
    /// Repeated until then; without one, until something else is ordered.
    not_after: Option<Time>,
}

impl Host {
    /// Builds the session; every mistake of the configuration at once.
    pub fn new(config: &LinkConfig) -> Result<Host, Vec<ConfigProblem>> {
        let plan = plan::plan(config)?;
        Ok(Host {
            link: config.link,
            framer: Framer::default(),
            lines: Vec::new(),
            opens: Time::ZERO,
            asks: vec![Time::ZERO; plan.questions.len()],
            asked: None,
            cycles: BTreeMap::new(),
            given: VecDeque::new(),
            underway: VecDeque::new(),
            beats: vec![Time::ZERO; plan.beats.len()],
            muted: BTreeSet::new(),
            identified: vec![false; plan.devices.len()],
            flags: 0,
            plan,
        })
    }

    fn opening(&self) -> String {
        let code = BIT_RATES.iter().position(|rate| *rate == self.plan.bit_rate).unwrap_or(6);
        format!("\rS{code}\rO\r")
    }

    /// Says a frame that is no order.
    fn send(&mut self, at: Time, lane: Lane, frame: &CanFrame, not_after: Option<Time>, out: &mut Turn) {
        let mut bytes = Vec::new();
        frame.write(&mut bytes);
        self.given.push_back(Given { order: None, acked: false, until: at + SENT_WITHIN, bytes: bytes.clone() });
        out.sends.push((lane, Frame::serial(self.link, bytes).until(not_after)));
    }

    /// What the adapter answers now, which is what left first. Where nobody tells what left, what was given first.
    fn answered_now(&mut self) -> Option<Underway> {
        self.underway.pop_front().or_else(|| self.given.pop_front().map(Underway::Frame))
    }

    fn line(&mut self, at: Time, line: Line, out: &mut Turn) {
        match line {
            Line::Frame(frame) => {
                self.opens = at + REOPEN_AFTER;
                self.frame(at, &frame, out);
            }
            Line::Sent => {
                while self.underway.pop_front_if(|underway| matches!(underway, Underway::Opening(_))).is_some() {}
                if let Some(Underway::Frame(Given { order: Some(ticket), acked: true, .. })) = self.answered_now() {
                    out.note(Note::Acked { ticket });
                }
            }
            // It refuses to be opened twice, which is how one is opened that may be open already.
            Line::Refused if matches!(self.underway.front(), Some(Underway::Opening(_))) => {}
            Line::Refused => match self.answered_now() {
                Some(Underway::Frame(Given { order: Some(ticket), acked: true, .. })) => {
                    out.note(Note::Refused { ticket, reason: "the adapter did not send the frame".into() });
                }
                Some(Underway::Frame(_)) => self.warn("the adapter did not send a frame", out),
                Some(Underway::Opening(_)) | None => {}
            },
            Line::Done => {}
            Line::Flags(flags) => {
                // Asked for behind the opening, so that the opening is answered: what is refused from here on is a frame.
                self.underway.pop_front_if(|underway| matches!(underway, Underway::Opening(_)));
                if flags != self.flags && flags != 0 {
                    self.warn(&format!("the adapter reports {}", flags_in_words(flags)), out);
                }
                self.flags = flags;
            }
            Line::Word(word) => self.word(&word, out),
            Line::Noise(bytes) => out.note(Note::Noise { bytes }),
        }
    }

    fn warn(&self, text: &str, out: &mut Turn) {
        for device in &self.plan.devices {
            out.note(Note::Text { device: device.id, severity: SEVERITY_WARNING, text: text.into() });
        }
    }

    fn word(&mut self, word: &str, out: &mut Turn) {
        for (index, device) in self.plan.devices.iter_mut().enumerate() {
            let Some(fact) = device.facts.iter_mut().find(|fact| word.starts_with(fact.letter())) else { continue };
            let found = &word[1..];
            if found == fact.wanted {
                fact.agrees = true;
            } else {
                let (fact, wanted) = (fact.name.clone(), fact.wanted.clone());
                out.note(Note::WrongIdentity { device: device.id, fact, found: found.into(), wanted });
            }
            if device.facts.iter().all(|fact| fact.agrees) && !self.identified[index] {
                self.identified[index] = true;
                out.note(Note::Identified { device: device.id });
            }
        }
    }

    fn frame(&mut self, at: Time, frame: &CanFrame, out: &mut Turn) {
        if self.answer(at, frame, out) {
            return;
        }
        let Some(route) = self.plan.routes.get(&(frame.extended, frame.id)).filter(|_| !frame.remote) else {
            out.note(Note::Foreign);
            return;
        };
        for (index, picks) in &route.devices {
            let device = &self.plan.devices[*index];
            if device.facts.is_empty() && !self.identified[*index] {
                self.identified[*index] = true;
                out.note(Note::Identified { device: device.id });
            }
            let first = out.samples.len();
            route.samples(picks, frame.bytes(), &mut out.samples);
            out.messages.push(Message { device: device.id, body: Body::Samples(first..out.samples.len()) });
        }
    }

    /// True if the frame is of a control unit that we ask.
    fn answer(&mut self, at: Time, frame: &CanFrame, out: &mut Turn) -> bool {
        let (id, short) = (frame.id, !frame.extended && !frame.remote);
        if !short || !self.plan.questions.iter().any(|question| question.from == id) {
            return false;
        }
        let Some(asked) = &mut self.asked else { return true };
        let index = asked.question;
        if self.plan.questions[index].from != id {
            return true;
        }
        match asked.assembly.hear(frame) {
            Heard::Nothing => {}
            Heard::First => {
                asked.until = at + ANSWER_WITHIN;
                let go_on = CanFrame::new(self.plan.questions[index].to, false, &FLOW_CONTROL);
                self.send(at, Lane::Query, &go_on, None, out);
            }
            Heard::More => asked.until = at + ANSWER_WITHIN,
            Heard::Whole(bytes) => self.answered(at, index, &bytes, out),
        }
        true
    }

    fn answered(&mut self, at: Time, index: usize, bytes: &[u8], out: &mut Turn) {
        let question = &self.plan.questions[index];
        let device = self.plan.devices[question.device].id;
        if let [NEGATIVE, service, code, ..] = bytes {
            if *service != question.bytes[0] {
                return;
            }
            if let (PENDING, Some(asked)) = (*code, &mut self.asked) {
                asked.until = at + PENDING_WITHIN;
                return;
            }
            let text = format!("answers the question {:02X?} with the refusal {code:#04x}", question.bytes);
            out.note(Note::Text { device, severity: SEVERITY_WARNING, text });
            self.asked = None;
            return;
        }
        // A right answer begins with the service plus 0x40 and then repeats the question.
        let wanted = question.bytes.len();
        let right =
            bytes.first() == Some(&(question.bytes[0] | 0x40)) && bytes.get(1..wanted) == Some(&question.bytes[1..]);
        if !right {
            return;
        }
        self.asked = None;
        let data = &bytes[wanted..];
        let raw = (data.len() <= 7).then(|| data.iter().fold(0, |raw, byte| raw << 8 | i64::from(*byte)));
        let raw = raw.filter(|_| !data.is_empty());
        let first = out.samples.len();
        for (signal, how) in &question.picks {
            let value = raw.map_or(crate::signal::Value::Unknown, |raw| how.value(raw as f64, Some(raw)));
            out.samples.push((*signal, value));
        }
        out.messages.push(Message { device, body: Body::Samples(first..out.samples.len()) });
    }

    /// Asks what is due longest, if nobody is being asked.
    fn ask(&mut self, at: Time, out: &mut Turn) {
        if self.asked.as_ref().is_some_and(|asked| asked.until <= at) {
            self.asked = None;
        }
        if self.asked.is_some() {
            return;
        }
        let next = (0..self.asks.len()).min_by_key(|index| self.asks[*index]).filter(|index| self.asks[*index] <= at);
        let Some(index) = next else { return };
        let question = &self.plan.questions[index];
        self.asks[index] += question.every;
        if self.asks[index] <= at {
            self.asks[index] = at + question.every;
        }
        let mut data = [0; 8];
        data[0] = question.bytes.len() as u8;
        data[1..=question.bytes.len()].copy_from_slice(&question.bytes);
        let frame = CanFrame::new(question.to, false, &data);
        self.asked = Some(Asked { question: index, until: at + ANSWER_WITHIN, assembly: Assembly::default() });
        self.send(at, Lane::Query, &frame, None, out);
    }
}

fn flags_in_words(flags: u8) -> String {
    // Bits of `F` as the CANUSB manual has them.
    let names = [
        "a full receive queue",
        "a full transmit queue",
        "the error warning limit",
        "a data overrun",
        "a flag of its own",
        "the error passive state",
        "a lost arbitration",
        "a bus error",
    ];
    let set: Vec<&str> = (0..8).filter(|bit| flags >> bit & 1 == 1).map(|bit| names[bit]).collect();
    set.join(", ")
}

impl Codec for Host {
    fn feed(&mut self, at: Time, frame: &Frame, out: &mut Turn) {
        let waited = self.asked.is_some();
        let mut lines = std::mem::take(&mut self.lines);
        self.framer.push(&frame.bytes, |line| lines.push(line));
        for line in lines.drain(..) {
            self.line(at, line, out);
        }
        self.lines = lines;
        if waited && self.asked.is_none() {
            // What an answer held up may be due for long: it is not left as a deadline that is over.
            self.ask(at, out);
        }
    }

    fn order_until(
        &mut self,
        at: Time,
        command: &Command,
        ticket: Ticket,
        not_after: Option<Time>,
        out: &mut Turn,
    ) -> Result<(), EncodeError> {
        let order = self.plan.orders.get(&command.id);
        let order = order.ok_or_else(|| EncodeError("no device of this link knows the command".into()))?;
        let frame = order.fill(command).map_err(EncodeError)?;
        let acked = order.acked;
        let key = (frame.extended, frame.id);
        match order.message.cycle_millis {
            Some(millis) => {
                let every = Span::from_millis(i64::from(millis));
                self.cycles.insert(key, Cycle { frame, every, due: at + every, not_after });
            }
            None => drop(self.cycles.remove(&key)),
        }
        let mut bytes = Vec::new();
        frame.write(&mut bytes);
        self.given.push_back(Given { order: Some(ticket), acked, until: at + SENT_WITHIN, bytes: bytes.clone() });
        out.sends.push((Lane::Normal, Frame::serial(self.link, bytes).until(not_after).first_of(ticket.0)));
        Ok(())
    }

    /// The adapter will not answer for it.
    fn lapsed(&mut self, _at: Time, order: Ticket, _out: &mut Turn) {
        self.given.retain(|given| given.order != Some(order));
    }

    fn hears_leaving(&self) -> bool {
        true
    }

    /// The adapter answers in this order. A frame that nobody gave was doubled on its way.
    fn left(&mut self, at: Time, frame: &Frame) {
        if frame.bytes.first() == Some(&b'\r') {
            self.underway.push_back(Underway::Opening(at + SENT_WITHIN));
            return;
        }
        let place = self.given.iter().position(|given| given.is(frame));
        let doubled = || Given { order: None, acked: false, until: at + SENT_WITHIN, bytes: frame.bytes.clone() };
        let given = place.and_then(|place| self.given.remove(place)).unwrap_or_else(doubled);
        self.underway.push_back(Underway::Frame(given));
    }

    fn tick(&mut self, at: Time, out: &mut Turn) {
        if self.opens <= at {
            self.opens = at + REOPEN_AFTER;
            let mut lines = format!("\rC{}F\r", self.opening());
            for fact in self.plan.devices.iter().flat_map(|device| &device.facts).filter(|fact| !fact.agrees) {
                lines.push(fact.letter());
                lines.push('\r');
            }
            out.sends.push((Lane::Query, Frame::serial(self.link, lines)));
        }
        let late = |underway: &mut Underway| underway.until() <= at;
        while let Some(underway) = self.underway.pop_front_if(late) {
            if let Underway::Frame(Given { order: Some(ticket), acked: true, .. }) = underway {
                out.note(Note::Unanswered { ticket });
            }
        }
        while let Some(given) = self.given.pop_front_if(|given| given.until <= at) {
            if let Given { order: Some(ticket), acked: true, .. } = given {
                out.note(Note::Unanswered { ticket });
            }
        }
        // What a controller asked for is not said for it when it has fallen silent.
        self.cycles.retain(|_, cycle| cycle.not_after.is_none_or(|last| at <= last));
        let mut again = Vec::new();
        for cycle in self.cycles.values_mut().filter(|cycle| cycle.due <= at) {
            cycle.due += cycle.every;
            if cycle.due <= at {
                cycle.due = at + cycle.every;
            }
            again.push((cycle.frame, cycle.not_after));
        }
        for (frame, not_after) in again {
            self.send(at, Lane::Normal, &frame, not_after, out);
        }
        for place in 0..self.beats.len() {
            let beat = &self.plan.beats[place];
            let (frame, every, device) = (beat.frame, beat.every, beat.device);
            if self.beats[place] > at {
                continue;
            }
            self.beats[place] += every;
            if self.beats[place] <= at {
                self.beats[place] = at + every;
            }
            if !self.muted.contains(&device) {
                self.send(at, Lane::Query, &frame, None, out);
            }
        }
        self.ask(at, out);
    }

    fn next_deadline(&self) -> Option<Time> {
        let asks = match &self.asked {
            Some(asked) => Some(asked.until),
            None => self.asks.iter().min().copied(),
        };
        let given = self.given.front().map(|given| given.until);
        let underway = self.underway.front().map(Underway::until);
        let cycles = self.cycles.values().map(|cycle| cycle.due);
        cycles.chain(asks).chain(given).chain(underway).chain(self.beats.iter().copied()).chain([self.opens]).min()
    }

    fn safe(&self, command: &Command) -> Result<Vec<Frame>, NotTimeless> {
        let order = self.plan.orders.get(&command.id);
        let order = order.ok_or_else(|| NotTimeless("no device of this link knows the command".into()))?;
        let frame = order.fill(command).map_err(NotTimeless)?;
        // The first end of line ends whatever was half sent; an adapter that is open refuses to be opened, and goes on.
        let mut bytes = self.opening().into_bytes();
        frame.write(&mut bytes);
        Ok(vec![Frame::serial(self.link, bytes)])
    }

    fn abandon(&mut self) {
        self.cycles.clear();
        self.given.clear();
        self.underway.clear();
    }

    fn mute(&mut self, device: DeviceId, on: bool) -> bool {
        // A message that two devices share is heard by both: holding it back from one holds it back from the other.
        let Some(own) = self.plan.beats.iter().find(|beat| beat.device == device) else { return false };
        let key = (own.frame.extended, own.frame.id);
        let same = self.plan.beats.iter().filter(|beat| (beat.frame.extended, beat.frame.id) == key);
        for beat in same {
            if on {
                self.muted.insert(beat.device);
            } else {
                self.muted.remove(&beat.device);
            }
        }
        true
    }
}
