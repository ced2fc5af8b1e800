//! This side: the client. It asks for what the signals need, writes what is ordered, and never has two requests under way.
//!
//! - An answer is known by what was asked: unit, function and length, or the echo of a write. Whatever else arrives is noise.
//! - After a request that had to be asked again the line is left alone for one time-out: an answer that comes late must not be
//!   taken for the answer to another question.
//! - Writes go before polls, beats before both. A beat is a count in the watchdog register that the rig names.

use super::field::Table;
use super::frame::{EXCEPTION, Request, exception_name, frame, sound};
use super::plan::{DevicePlan, Pick, plan};
use crate::codec::{
    Body, Codec, ConfigProblem, Decode, EncodeError, LinkConfig, Message, NotTimeless, Note, Protocol, Turn,
};
use crate::command::{Command, CommandId, Ticket};
use crate::signal::Value;
use crate::time::{Span, Time};
use crate::wire::{DeviceId, Frame, Lane, LinkId};
use std::collections::VecDeque;

/// How a line is timed.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Timing {
    /// One character on the line: 11 bits, as Modbus has them (Serial Line 1.02, 2.5.1).
    pub character: Span,
    /// A device begins to answer within this time.
    pub timeout: Span,
    /// How often a request is asked again.
    pub retries: u8,
}

impl Timing {
    /// A line of that speed, in bit/s.
    pub fn of(baud: u32, timeout: Span, retries: u8) -> Timing {
        Timing { character: Span::from_nanos(11_000_000_000 / i64::from(baud.max(1))), timeout, retries }
    }
    /// Silence between frames: 3.5 characters, and above 19200 bit/s 1.75 ms (Serial Line 1.02, 2.5.1.1).
    pub fn gap(&self) -> Span {
        const FIXED: Span = Span::from_micros(1_750);
        let at_19200 = 11_000_000_000 / 19_200;
        if self.character.nanos() < at_19200 { FIXED } else { self.character * 7 / 2 }
    }
}

/// Session of one line.
pub struct Host {
    link: LinkId,
    timing: Timing,
    devices: Vec<Station>,
    /// What was ordered and waits for the line.
    waiting: VecDeque<Job>,
    pending: Option<Pending>,
    /// The line is ours from here on.
    free_at: Time,
    buffer: Vec<u8>,
    /// Bytes that belong to no frame and were not told yet; and how many of the next are told as part of a corrupt frame.
    noise: u32,
    told: u32,
    /// The guard has taken the line: what it writes is not seen here, so the line is left alone for a while.
    make_room: bool,
}

/// A device as it is known by now.
struct Station {
    plan: DevicePlan,
    /// Per poll: when it is due, and the exception that it was last answered with.
    polls: Vec<(Time, Option<u8>)>,
    heard: Vec<Option<bool>>,
    identified: bool,
    beat: u16,
    beat_at: Time,
    muted: bool,
}

#[derive(Clone)]
struct Job {
    device: usize,
    request: Request,
    what: What,
}

#[derive(Copy, Clone, PartialEq)]
enum What {
    Poll(usize),
    Beat,
    /// Part of an order; the last part brings the ticket back.
    Order {
        ticket: Ticket,
        first: bool,
        last: bool,
        /// It is not begun later; what was begun is finished, so that no device stands half commanded.
        not_after: Option<Time>,
    },
}

struct Pending {
    job: Job,
    deadline: Time,
    tries_left: u8,
    again: bool,
}

impl Host {
    /// Builds the session; every mistake of the configuration at once.
    pub fn new(config: &LinkConfig) -> Result<Host, Vec<ConfigProblem>> {
        let timing = config.devices.iter().find_map(|device| match &device.protocol {
            Protocol::Modbus { timing, .. } => Some(*timing),
            _ => None,
        });
        let station = |plan: DevicePlan| Station {
            polls: vec![(Time::ZERO, None); plan.polls.len()],
            heard: vec![None; plan.facts.len()],
            identified: false,
            beat: 0,
            beat_at: Time::ZERO,
            muted: false,
            plan,
        };
        Ok(Host {
            link: config.link,
            timing: timing.unwrap_or(Timing::of(9600, Span::from_millis(200), 1)),
            devices: plan(config)?.into_iter().map(station).collect(),
            waiting: VecDeque::new(),
            pending: None,
            free_at: Time::ZERO,
            buffer: Vec::new(),
            noise: 0,
            told: 0,
            make_room: false,
        })
    }

    fn requests(&self, command: &Command) -> Result<Vec<(usize, Request)>, String> {
        let found = self.devices.iter().enumerate().find_map(|(i, d)| Some((i, d.plan.orders.get(&command.id)?)));
        let (device, writes) = found.ok_or("no device of this link knows the command")?;
        let order = self.devices[device].plan.order;
        writes.iter().map(|write| Ok((device, write.request(command, order)?))).collect()
    }

    /// Sends the next request, if the line is free and something is due.
    fn advance(&mut self, at: Time, out: &mut Turn) {
        if self.make_room {
            self.make_room = false;
            self.free_at = self.free_at.max(at + self.timing.timeout);
        }
        if self.pending.is_some() || at < self.free_at {
            return;
        }
        self.lapse(at, out);
        if let Some(job) = self.due(at) {
            // What lies here was heard before the question, so it is no answer to it.
            self.discard(self.buffer.len());
            self.tell_noise(out);
            self.send(at, job, self.timing.retries, false, out);
        }
    }
    /// Orders whose time is over are not begun any more.
    fn lapse(&mut self, at: Time, out: &mut Turn) {
        while let Some(lapsed) = self.waiting.iter().find_map(|job| job.lapsed(at)) {
            self.waiting.retain(|job| !job.is_of(lapsed));
            out.note(Note::Lapsed { ticket: lapsed });
        }
    }
    fn due(&mut self, at: Time) -> Option<Job> {
        for (device, station) in self.devices.iter_mut().enumerate() {
            if let Some((address, every)) = station.plan.heartbeat
                && station.beat_at <= at
            {
                station.beat_at = (station.beat_at + every).max(at);
                // Its time goes on while it is muted, so that nothing is overdue when it is heard again.
                if station.muted {
                    continue;
                }
                station.beat = station.beat.wrapping_add(1);
                let request = Request::WriteRegister { address, value: station.beat };
                return Some(Job { device, request, what: What::Beat });
            }
        }
        if let Some(job) = self.waiting.pop_front() {
            return Some(job);
        }
        let polls = self.devices.iter().enumerate().flat_map(|(d, station)| {
            station.polls.iter().enumerate().filter(|(p, _)| station.wants(*p)).map(move |(p, (due, _))| (*due, d, p))
        });
        let (due, device, poll) = polls.min().filter(|(due, ..)| *due <= at)?;
        let station = &mut self.devices[device];
        let every = station.plan.polls[poll].every;
        // On a line that is too slow nothing piles up.
        station.polls[poll].0 = if due + every > at { due + every } else { at + every };
        Some(Job { device, request: station.plan.polls[poll].request.clone(), what: What::Poll(poll) })
    }
    fn send(&mut self, at: Time, job: Job, tries_left: u8, again: bool, out: &mut Turn) {
        let bytes = frame(self.devices[job.device].plan.unit, &job.request.data());
        let on_the_line = self.timing.character * (bytes.len() + job.request.answer_length()) as i64;
        let lane = if matches!(job.what, What::Order { .. }) { Lane::Normal } else { Lane::Query };
        let frame = Frame::serial(self.link, bytes).until(job.begins_until());
        out.sends.push(match job.what {
            What::Order { ticket, first: true, .. } if !again => (lane, frame.first_of(ticket.0)),
            _ => (lane, frame),
        });
        self.pending = Some(Pending { deadline: at + on_the_line + self.timing.timeout, job, tries_left, again });
    }

    /// Looks for an answer in what has arrived.
    fn scan(&mut self, at: Time, out: &mut Turn) {
        while self.buffer.len() >= 2 {
            let asked = self.pending.as_ref().and_then(|pending| {
                let unit = self.devices[pending.job.device].plan.unit;
                answer_length(&self.buffer, unit, &pending.job.request)
            });
            // The answer to a frame that the guard wrote.
            let echo = || self.devices.iter().find_map(|d| echo_length(&self.buffer, d.plan.unit));
            let Some(length) = asked.or_else(echo) else {
                self.discard(1);
                continue;
            };
            if self.buffer.len() < length {
                return;
            }
            if !sound(&self.buffer[..length]) {
                if asked.is_some() && self.told == 0 {
                    self.told = length as u32;
                    out.note(Note::Corrupt { bytes: length as u32 });
                }
                self.discard(1);
                continue;
            }
            self.tell_noise(out);
            let bytes: Vec<u8> = self.buffer.drain(..length).collect();
            let data = &bytes[1..length - 2];
            match self.pending.take_if(|_| asked.is_some()) {
                Some(pending) => self.answered(at, pending, data, out),
                None => self.echoed(bytes[0], data, out),
            }
        }
    }
    fn discard(&mut self, bytes: usize) {
        self.buffer.drain(..bytes);
        let told = self.told.min(bytes as u32);
        self.told -= told;
        self.noise += bytes as u32 - told;
    }
    fn tell_noise(&mut self, out: &mut Turn) {
        self.told = 0;
        if self.noise > 0 {
            out.note(Note::Noise { bytes: std::mem::take(&mut self.noise) });
        }
    }

    fn answered(&mut self, at: Time, pending: Pending, data: &[u8], out: &mut Turn) {
        let rest = if pending.again { self.timing.timeout } else { self.timing.gap() };
        self.free_at = at + rest;
        let Job { device, request, what } = pending.job;
        let exception = (data[0] & EXCEPTION != 0).then(|| data[1]);
        let station = &mut self.devices[device];
        let id = station.plan.id;
        let first = out.samples.len();
        match (what, exception) {
            (What::Poll(poll), None) => {
                station.polls[poll].1 = None;
                station.read(poll, &request, &data[2..], out);
            }
            (What::Poll(poll), Some(code)) => {
                // Said once, and again when it says something else: it is asked for ever.
                if station.polls[poll].1.replace(code) != Some(code) {
                    let text = format!("{} is answered with {}", asked(&request), told(code));
                    out.note(Note::Text { device: id, severity: 4, text });
                }
            }
            (What::Beat, Some(code)) => {
                let text = format!("the watchdog register is answered with {}", told(code));
                out.note(Note::Text { device: id, severity: 3, text });
            }
            (What::Beat, None) => {}
            (What::Order { ticket, last, .. }, None) => {
                if last {
                    out.note(Note::Acked { ticket });
                }
            }
            (What::Order { ticket, .. }, Some(code)) => {
                self.waiting.retain(|job| !job.is_of(ticket));
                out.note(Note::Refused { ticket, reason: told(code) });
            }
        }
        out.messages.push(Message { device: id, body: Body::Samples(first..out.samples.len()) });
        self.devices[device].identify(out);
    }
    /// An answer to a write of the guard's: any command that writes there.
    fn echoed(&mut self, unit: u8, data: &[u8], out: &mut Turn) {
        let Some(station) = self.devices.iter().find(|d| d.plan.unit == unit) else { return };
        let refused = (data[0] & EXCEPTION != 0).then(|| told(data[1]));
        let about = |table: Table, address: u16| {
            let of_coils = matches!(data[0] & !EXCEPTION, 5 | 15);
            let there = data.get(1..3).map(|two| u16::from_be_bytes([two[0], two[1]]));
            of_coils == (table == Table::Coil) && (refused.is_some() || there == Some(address))
        };
        let commands: Vec<CommandId> = station
            .plan
            .orders
            .iter()
            .filter(|(_, writes)| writes.iter().any(|write| about(write.table, write.address)))
            .map(|(id, _)| *id)
            .collect();
        if !commands.is_empty() {
            out.note(Note::SafeAcked { device: station.plan.id, commands, refused });
        }
        let nothing = out.samples.len()..out.samples.len();
        out.messages.push(Message { device: station.plan.id, body: Body::Samples(nothing) });
    }
    fn timed_out(&mut self, at: Time, out: &mut Turn) {
        let Some(pending) = self.pending.take_if(|pending| pending.deadline <= at) else { return };
        self.discard(self.buffer.len());
        self.tell_noise(out);
        if pending.tries_left > 0 && pending.job.lapsed(at).is_none() {
            self.send(at, pending.job, pending.tries_left - 1, true, out);
            return;
        }
        self.free_at = at + self.timing.gap();
        if let What::Order { ticket, .. } = pending.job.what {
            self.waiting.retain(|job| !job.is_of(ticket));
            out.note(Note::Unanswered { ticket });
        }
    }
}

impl Job {
    /// The last instant at which it may begin; `None`: any will do.
    fn begins_until(&self) -> Option<Time> {
        match self.what {
            What::Order { first: true, not_after, .. } => not_after,
            _ => None,
        }
    }
    /// The order that it begins, if its time is over.
    fn lapsed(&self, at: Time) -> Option<Ticket> {
        match self.what {
            What::Order { ticket, .. } if self.begins_until().is_some_and(|last| last < at) => Some(ticket),
            _ => None,
        }
    }
    fn is_of(&self, of: Ticket) -> bool {
        matches!(self.what, What::Order { ticket, .. } if ticket == of)
    }
}

impl Station {
    /// A poll of facts is over once they are known.
    fn wants(&self, poll: usize) -> bool {
        let facts = &self.plan.polls[poll].facts;
        facts.is_empty() || facts.iter().any(|fact| self.heard[*fact].is_none())
    }
    fn read(&mut self, poll: usize, request: &Request, data: &[u8], out: &mut Turn) {
        let poll = &self.plan.polls[poll];
        let from = request.address();
        let words = |table: Table, address: u16, places: u16| -> Vec<u16> {
            let first = usize::from(address - from);
            let word = |place: usize| match table.of_bits() {
                true => u16::from(data[place / 8] >> (place % 8) & 1),
                false => u16::from_be_bytes([data[2 * place], data[2 * place + 1]]),
            };
            (first..first + usize::from(places)).map(word).collect()
        };
        for pick in &poll.picks {
            let words = words(pick.cell.table, pick.cell.address, pick.cell.places());
            out.samples.push((pick.signal, pick.value(pick.cell.kind.number(&words, self.plan.order))));
        }
        for place in &poll.facts {
            let fact = &self.plan.facts[*place];
            let words = words(fact.cell.table, fact.cell.address, fact.cell.places());
            let found = fact.cell.kind.number(&words, self.plan.order);
            self.heard[*place] = Some(found == fact.wanted);
            if found != fact.wanted {
                out.note(Note::WrongIdentity {
                    device: self.plan.id,
                    fact: fact.name.clone(),
                    found: found.to_string(),
                    wanted: fact.wanted.to_string(),
                });
            }
        }
    }
    fn identify(&mut self, out: &mut Turn) {
        if !self.identified && self.heard.iter().all(|heard| *heard == Some(true)) {
            self.identified = true;
            out.note(Note::Identified { device: self.plan.id });
        }
    }
}

impl Pick {
    fn value(&self, raw: f64) -> Value {
        match &self.decode {
            Decode::Number => Value::Number(raw * self.scale + self.offset),
            Decode::Flag => Value::Flag(raw != 0.0),
            Decode::Bit(bit) => Value::Flag(raw as i64 >> bit & 1 == 1),
            Decode::States(states) => states
                .iter()
                .find(|(number, _)| *number as f64 == raw)
                .map_or(Value::Unknown, |(_, state)| Value::State(*state)),
            Decode::NamedStates(_) => Value::Unknown,
        }
    }
}

/// How long the frame is that begins here, if it may be the answer to this request of this unit.
fn answer_length(bytes: &[u8], unit: u8, request: &Request) -> Option<usize> {
    if bytes[0] != unit {
        return None;
    }
    if bytes[1] == request.function() | EXCEPTION {
        return Some(5);
    }
    let data = &bytes[1..bytes.len().min(request.answer_length() - 2)];
    (bytes[1] == request.function() && request.answered_by(data)).then(|| request.answer_length())
}

/// The same for the answer to a write that was not asked for here.
fn echo_length(bytes: &[u8], unit: u8) -> Option<usize> {
    let function = bytes[1] & !EXCEPTION;
    let write = bytes[0] == unit && matches!(function, 5 | 6 | 15 | 16);
    write.then_some(if bytes[1] == function { 8 } else { 5 })
}

/// What was asked, in words.
fn asked(request: &Request) -> String {
    let Request::Read { function, address, count } = request else { return "a write".into() };
    let table = ["coil", "discrete", "holding", "input"][usize::from(function.clamp(&1, &4) - 1)];
    format!("{table}[{address}..{}]", u32::from(*address) + u32::from(*count) - 1)
}

/// An exception, in words.
fn told(code: u8) -> String {
    format!("exception {code:02}: {}", exception_name(code))
}

impl Codec for Host {
    fn feed(&mut self, at: Time, frame: &Frame, out: &mut Turn) {
        self.buffer.extend_from_slice(&frame.bytes);
        self.scan(at, out);
        self.advance(at, out);
    }
    fn order_until(
        &mut self,
        at: Time,
        command: &Command,
        ticket: Ticket,
        not_after: Option<Time>,
        out: &mut Turn,
    ) -> Result<(), EncodeError> {
        let requests = self.requests(command).map_err(EncodeError)?;
        let count = requests.len();
        for (place, (device, request)) in requests.into_iter().enumerate() {
            let what = What::Order { ticket, first: place == 0, last: place + 1 == count, not_after };
            self.waiting.push_back(Job { device, request, what });
        }
        self.advance(at, out);
        Ok(())
    }
    fn lapsed(&mut self, at: Time, order: Ticket, out: &mut Turn) {
        self.waiting.retain(|job| !job.is_of(order));
        self.pending.take_if(|pending| pending.job.is_of(order));
        self.advance(at, out);
    }
    fn tick(&mut self, at: Time, out: &mut Turn) {
        self.timed_out(at, out);
        self.advance(at, out);
    }
    fn next_deadline(&self) -> Option<Time> {
        if let Some(pending) = &self.pending {
            return Some(pending.deadline);
        }
        if !self.waiting.is_empty() || self.make_room {
            return Some(self.free_at);
        }
        let beats = self.devices.iter().filter(|d| d.plan.heartbeat.is_some()).map(|d| d.beat_at);
        let polls = self
            .devices
            .iter()
            .flat_map(|d| d.polls.iter().enumerate().filter(|(place, _)| d.wants(*place)).map(|(_, (due, _))| *due));
        beats.chain(polls).min().map(|due| due.max(self.free_at))
    }
    /// Writes are valid at any time. A device that parts frames by silence takes them only after 3.5 characters of it, which no
    /// byte could stand for.
    fn safe(&self, command: &Command) -> Result<Vec<Frame>, NotTimeless> {
        let requests = self.requests(command).map_err(NotTimeless)?;
        let bytes = |(device, request): (usize, Request)| frame(self.devices[device].plan.unit, &request.data());
        Ok(requests.into_iter().map(|one| Frame::serial(self.link, bytes(one))).collect())
    }
    fn abandon(&mut self) {
        self.waiting.clear();
        self.make_room = true;
        if let Some(pending) = &mut self.pending
            && matches!(pending.job.what, What::Order { .. })
        {
            pending.tries_left = 0;
        }
    }
    fn mute(&mut self, device: DeviceId, on: bool) -> bool {
        let station = self.devices.iter_mut().find(|d| d.plan.id == device && d.plan.heartbeat.is_some());
        station.map(|d| d.muted = on).is_some()
    }
}
