//! This side: what a sender of G-code does.
//!
//! - `?` goes out at the rig's period, and 0xFF where a watchdog lives on it; every other question is `$I`, and only while the rig asks for facts.
//! - Lines are counted by their characters: no more than fits the receive buffer is under way, the rest waits here.
//! - Lines are answered in their order, by `ok` or `error:n`; the banner answers what was under way with a refusal.
//! - Real-time bytes wait for nobody. They are what a ladder should be made of: each is valid at any time, also in the
//!   middle of a line.
//! - A half-sent line of somebody who is gone must not be ended, or it would be carried out as far as it came. [`SPOIL`]
//!   makes it one that GRBL refuses as a whole.

mod plan;

use self::plan::{DevicePlan, OrderPlan};
use super::report::{Axes, Report};
use super::{HEARTBEAT, RX_BYTES, words};
use crate::codec::{Body, Codec, ConfigProblem, EncodeError, LinkConfig, Message, NotTimeless, Note, Turn};
use crate::command::{Command, Ticket};
use crate::signal::SignalId;
use crate::time::{Span, Time};
use crate::wire::{DeviceId, Frame, Lane, LinkId};
use std::collections::VecDeque;

/// Ends whatever line was half sent so that it is refused: `)` ends a comment, and no word of G-code begins with `@`.
const SPOIL: &str = ")@\n";
/// Longest line that is read. GRBL's longest, its settings with words, are shorter.
const HEARD_MAX: usize = 256;
/// How often facts are asked for until they were heard; `$I` is answered only at rest.
const IDENTITY_EVERY: Span = Span::from_secs(1);
/// A controller at rest answers a line at once. One that has owed an answer for so long has lost line or answer.
const PATIENCE: Span = Span::from_secs(10);
/// Lines that may wait here. A command that comes long after it was asked for is another command.
const WAITING_MAX: usize = 64;
/// Severities as MAVLink and syslog count them.
const CRITICAL: u8 = 2;
const WARNING: u8 = 4;
const INFO: u8 = 6;

/// Session of one link.
pub struct Host {
    link: LinkId,
    plan: DevicePlan,
    /// What was heard of the line that is under way.
    heard: Vec<u8>,
    /// Anything that GRBL says was heard.
    alive: bool,
    waiting: VecDeque<Waiting>,
    flying: VecDeque<Flying>,
    poll_due: Time,
    beat_due: Time,
    muted: bool,
    offset: Option<Axes>,
    identity: Identity,
}

/// A line that waits for room in the controller's buffer.
struct Waiting {
    line: String,
    ticket: Ticket,
    acked: bool,
    /// Nothing of it is said later.
    not_after: Option<Time>,
}

/// A line that was sent and not answered.
struct Flying {
    bytes: usize,
    sent: Time,
    what: What,
}

#[derive(Copy, Clone, PartialEq)]
enum What {
    Order {
        ticket: Ticket,
        /// Its answer is noted.
        acked: bool,
    },
    /// Our own; whatever the answer is.
    Own,
}

struct Identity {
    /// By the place in the plan's facts: was it heard, and is it right?
    heard: Vec<Option<bool>>,
    told: bool,
    due: Option<Time>,
}

impl Identity {
    fn new(facts: usize) -> Identity {
        Identity { heard: vec![None; facts], told: false, due: None }
    }
}

impl Host {
    /// Builds the session; every mistake of the configuration at once.
    pub fn new(config: &LinkConfig) -> Result<Host, Vec<ConfigProblem>> {
        let plan = plan::plan(&config.devices)?;
        Ok(Host {
            link: config.link,
            identity: Identity::new(plan.facts.len()),
            plan,
            heard: Vec::new(),
            alive: false,
            waiting: VecDeque::new(),
            flying: VecDeque::new(),
            poll_due: Time::ZERO,
            beat_due: Time::ZERO,
            muted: false,
            offset: None,
        })
    }

    /// Sends as many of the waiting lines as fit.
    fn pump(&mut self, at: Time, out: &mut Turn) {
        self.lapse(at, out);
        while let Some(Waiting { line, .. }) = self.waiting.front()
            && self.room() > line.len()
        {
            let Some(Waiting { line, ticket, acked, not_after }) = self.waiting.pop_front() else { return };
            self.fly(at, line + "\n", What::Order { ticket, acked }, Lane::Normal, not_after, out);
        }
    }
    /// Lines whose time is over are not said any more.
    fn lapse(&mut self, at: Time, out: &mut Turn) {
        self.waiting.retain(|waiting| {
            let lapsed = waiting.not_after.is_some_and(|last| last < at);
            if lapsed {
                out.note(Note::Lapsed { ticket: waiting.ticket });
            }
            !lapsed
        });
    }
    fn room(&self) -> usize {
        RX_BYTES.saturating_sub(self.flying.iter().map(|line| line.bytes).sum())
    }
    fn fly(&mut self, at: Time, line: String, what: What, lane: Lane, not_after: Option<Time>, out: &mut Turn) {
        self.flying.push_back(Flying { bytes: line.len(), sent: at, what });
        let frame = Frame::serial(self.link, line).until(not_after);
        out.sends.push(match what {
            What::Order { ticket, .. } => (lane, frame.first_of(ticket.0)),
            What::Own => (lane, frame),
        });
    }

    /// A whole line, without its end.
    fn line(&mut self, at: Time, line: &[u8], out: &mut Turn) {
        // Noise has no line ends of its own: what stands before a report is left behind.
        let start = line.iter().rposition(|b| *b == b'<').unwrap_or(0);
        let (noise, line) = line.split_at(start);
        if !noise.is_empty() {
            out.note(Note::Noise { bytes: noise.len() as u32 });
        }
        let text = std::str::from_utf8(line).ok().filter(|text| text.is_ascii());
        let known = text.is_some_and(|text| self.text(at, text, out));
        match line.first() {
            _ if known => self.alive = true,
            Some(b'<') => out.note(Note::Corrupt { bytes: line.len() as u32 }),
            _ => out.note(Note::Noise { bytes: line.len() as u32 }),
        }
    }

    /// False where GRBL would not say this.
    fn text(&mut self, at: Time, text: &str, out: &mut Turn) -> bool {
        let device = self.plan.id;
        if let Some(report) = text.strip_prefix('<') {
            let Some(report) = report.strip_suffix('>').and_then(Report::read) else { return false };
            self.report(at, &report, out);
            return true;
        }
        let code = |prefix: &str| text.strip_prefix(prefix).and_then(|n| n.parse::<u32>().ok());
        if text.starts_with("Grbl") && text.ends_with("help]") {
            self.banner(at, out);
        } else if text == "ok" {
            self.answered(at, None, out);
        } else if let Some(code) = code("error:") {
            self.answered(at, Some(format!("error:{code}, {}", words::error(code))), out);
        } else if let Some(code) = code("ALARM:") {
            let text = format!("ALARM:{code}, {}", words::alarm(code));
            out.note(Note::Text { device, severity: CRITICAL, text });
        } else if let Some(words) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
            let Some((kind, rest)) = words.split_once(':') else { return false };
            match kind {
                "MSG" => out.note(Note::Text { device, severity: INFO, text: rest.to_owned() }),
                "VER" => {
                    let (version, name) = rest.split_once(':').unwrap_or((rest, ""));
                    self.fact("VER.version", version, out);
                    self.fact("VER.name", name, out);
                }
                "OPT" => self.fact("OPT.codes", rest.split(',').next().unwrap_or(""), out),
                _ if kind.bytes().all(|b| b.is_ascii_alphanumeric()) => {}
                _ => return false,
            }
        } else {
            // A setting, or a startup line with its answer.
            let setting = text.strip_prefix('$').and_then(|t| t.split_once('='));
            let setting = setting.is_some_and(|(name, _)| name.bytes().all(|b| b.is_ascii_alphanumeric()));
            let startup = text.starts_with('>') && text.contains(':');
            if !setting && !startup {
                return false;
            }
        }
        let nothing = out.samples.len()..out.samples.len();
        out.messages.push(Message { device, body: Body::Samples(nothing) });
        true
    }

    fn report(&mut self, at: Time, report: &Report, out: &mut Turn) {
        if let Some(offset) = report.offset {
            self.offset = Some(offset);
        }
        let first = out.samples.len();
        for pick in &self.plan.picks {
            if let Some(value) = pick.value(report, self.offset.as_ref()) {
                let sample: (SignalId, _) = (pick.signal, value);
                out.samples.push(sample);
            }
        }
        out.messages.push(Message { device: self.plan.id, body: Body::Samples(first..out.samples.len()) });
        if !self.identity.told {
            if self.plan.facts.is_empty() {
                self.identity.told = true;
                out.note(Note::Identified { device: self.plan.id });
            } else if self.identity.due.is_none() && !self.identity.heard.contains(&Some(false)) {
                self.identity.due = Some(at);
            }
        }
        let at_rest = ["Idle", "Alarm", "Sleep"].contains(&report.state.as_str());
        if at_rest && self.flying.front().is_some_and(|line| at.since(line.sent) > PATIENCE) {
            for line in std::mem::take(&mut self.flying) {
                if let What::Order { ticket, acked: true } = line.what {
                    out.note(Note::Unanswered { ticket });
                }
            }
            self.pump(at, out);
        }
    }

    fn answered(&mut self, at: Time, refused: Option<String>, out: &mut Turn) {
        let device = self.plan.id;
        match (self.flying.pop_front().map(|line| line.what), refused) {
            (Some(What::Order { ticket, acked: true }), None) => out.note(Note::Acked { ticket }),
            (Some(What::Order { ticket, acked: true }), Some(reason)) => out.note(Note::Refused { ticket, reason }),
            (Some(What::Order { .. }) | None, Some(text)) => {
                out.note(Note::Text { device, severity: WARNING, text });
            }
            (Some(What::Own | What::Order { .. }) | None, _) => {}
        }
        self.pump(at, out);
    }

    /// It started anew: what it had in its buffers is gone, and what waits was meant for another state of it.
    fn banner(&mut self, at: Time, out: &mut Turn) {
        if self.alive {
            out.note(Note::Restart { device: self.plan.id });
        }
        let flying = std::mem::take(&mut self.flying).into_iter().filter_map(|line| match line.what {
            What::Order { ticket, acked } => acked.then_some(ticket),
            What::Own => None,
        });
        let waiting = std::mem::take(&mut self.waiting).into_iter().filter(|line| line.acked).map(|line| line.ticket);
        for ticket in flying.chain(waiting) {
            out.note(Note::Refused { ticket, reason: "the controller started anew".into() });
        }
        self.offset = None;
        self.identity = Identity::new(self.plan.facts.len());
        self.identity.due = (!self.plan.facts.is_empty()).then_some(at);
    }

    fn fact(&mut self, name: &str, found: &str, out: &mut Turn) {
        if self.identity.told || self.plan.facts.is_empty() {
            return;
        }
        let device = self.plan.id;
        for (fact, heard) in self.plan.facts.iter().zip(&mut self.identity.heard) {
            if fact.name != name || heard.is_some() {
                continue;
            }
            *heard = Some(fact.wanted == found);
            if fact.wanted != found {
                let (fact, wanted, found) = (fact.name.clone(), fact.wanted.clone(), found.to_owned());
                out.note(Note::WrongIdentity { device, fact, found, wanted });
                self.identity.due = None;
            }
        }
        if self.identity.heard.iter().all(|heard| *heard == Some(true)) {
            self.identity.told = true;
            self.identity.due = None;
            out.note(Note::Identified { device });
        }
    }

    fn order_of(&self, command: &Command) -> Result<&OrderPlan, String> {
        self.plan.orders.get(&command.id).ok_or_else(|| "no device of this link knows the command".to_owned())
    }
}

impl Codec for Host {
    fn feed(&mut self, at: Time, frame: &Frame, out: &mut Turn) {
        for byte in &frame.bytes {
            if matches!(byte, b'\r' | b'\n') {
                if !self.heard.is_empty() {
                    let line = std::mem::take(&mut self.heard);
                    self.line(at, &line, out);
                    self.heard = line;
                    self.heard.clear();
                }
                continue;
            }
            if self.heard.len() == HEARD_MAX {
                out.note(Note::Noise { bytes: HEARD_MAX as u32 });
                self.heard.clear();
            }
            self.heard.push(*byte);
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
        match self.order_of(command).map_err(EncodeError)? {
            OrderPlan::Now(bytes) => {
                out.sends
                    .push((Lane::Normal, Frame::serial(self.link, bytes.clone()).until(not_after).first_of(ticket.0)));
            }
            OrderPlan::Line { head, words, acked } => {
                let acked = *acked;
                let line = OrderPlan::line(head, words, command).map_err(EncodeError)?;
                self.lapse(at, out);
                if self.waiting.len() >= WAITING_MAX {
                    return Err(EncodeError(format!("{WAITING_MAX} lines already wait for the controller to read on")));
                }
                self.waiting.push_back(Waiting { line, ticket, acked, not_after });
                self.pump(at, out);
            }
        }
        Ok(())
    }

    /// The controller never saw the line: it takes no room, and its answer will not come.
    fn lapsed(&mut self, at: Time, order: Ticket, out: &mut Turn) {
        self.flying.retain(|line| !matches!(line.what, What::Order { ticket, .. } if ticket == order));
        self.pump(at, out);
    }

    fn tick(&mut self, at: Time, out: &mut Turn) {
        if self.plan.poll.is_some_and(|period| falls_due(&mut self.poll_due, period, at)) {
            out.sends.push((Lane::Query, Frame::serial(self.link, *b"?")));
        }
        if self.plan.heartbeat.is_some_and(|period| falls_due(&mut self.beat_due, period, at)) && !self.muted {
            out.sends.push((Lane::Query, Frame::serial(self.link, [HEARTBEAT])));
        }
        if self.identity.due.is_some_and(|due| due <= at) {
            self.identity.due = Some(at + IDENTITY_EVERY);
            // Behind orders it would wait for them, and they for it.
            if self.flying.is_empty() && self.waiting.is_empty() {
                self.fly(at, SPOIL.to_owned(), What::Own, Lane::Query, None, out);
                self.fly(at, "$I\n".to_owned(), What::Own, Lane::Query, None, out);
            }
        }
    }

    fn next_deadline(&self) -> Option<Time> {
        let own =
            [self.plan.poll.map(|_| self.poll_due), self.plan.heartbeat.map(|_| self.beat_due), self.identity.due];
        own.into_iter().flatten().min()
    }

    fn safe(&self, command: &Command) -> Result<Vec<Frame>, NotTimeless> {
        let bytes = match self.order_of(command).map_err(NotTimeless)? {
            OrderPlan::Now(bytes) => bytes.clone(),
            OrderPlan::Line { head, words, .. } => {
                let line = OrderPlan::line(head, words, command).map_err(NotTimeless)?;
                format!("{SPOIL}{line}\n").into_bytes()
            }
        };
        Ok(vec![Frame::serial(self.link, bytes)])
    }

    /// What was under way may never have left: its answers are nobody's from now on.
    fn abandon(&mut self) {
        self.waiting.clear();
        self.flying.clear();
    }

    fn mute(&mut self, _device: DeviceId, on: bool) -> bool {
        self.muted = on;
        self.plan.heartbeat.is_some()
    }
}

/// Whether something that recurs is due. Late ticks keep the beat; a long pause is not made up for.
fn falls_due(due: &mut Time, period: Span, at: Time) -> bool {
    let is_due = *due <= at;
    if is_due {
        *due += period;
        if *due <= at {
            *due = at + period;
        }
    }
    is_due
}
