//! What a session knows of one vehicle while it talks to it.

use super::orders::Ack;
use super::plan::{DevicePlan, Fact, Wanted};
use super::station::{Request, Station};
use crate::codec::mavlink::dialect::{Dialect, MessageDef, PAYLOAD_MAX};
use crate::codec::mavlink::encode::text_in;
use crate::codec::mavlink::framing::Version;
use crate::codec::{Note, Turn};
use crate::time::{Span, Time};

/// Boot times may run backwards by this much: radios deliver late, and a vehicle's tasks stamp their messages before
/// they queue them. In a real flight over a radio 1.44 s were seen.
const REORDER_MS: u32 = 5_000;
/// What comes from so soon after the start is not late: there is too little behind it.
const JUST_STARTED_MS: u32 = 5_000;
/// Boot times of a vehicle that just started may still run backwards by this much.
const REORDER_JUST_STARTED_MS: u32 = 1_000;
/// A boot time counts 49.7 days in milliseconds, then starts over: not a restart if it was this close to the end.
const WRAP_MS: u32 = 60_000;
/// How long an answer to a request for a message's period is awaited.
const INTERVAL_PATIENCE: Span = Span::from_millis(500);
/// How often one message's period is asked for.
const INTERVAL_TRIES: u8 = 3;
/// How often identity facts are asked for.
const IDENTITY_EVERY: Span = Span::from_secs(1);
/// How often its clock is noted for who looks.
const CLOCK_EVERY: Span = Span::from_millis(100);
/// Longest text that is put together from parts.
const TEXT_MAX: usize = 50 * 20;

/// A vehicle on the link.
pub(super) struct Device {
    pub(super) plan: DevicePlan,
    /// Of its last frame.
    pub(super) sequence: Option<u8>,
    /// The version that it speaks, once it spoke. Who ever spoke MAVLink 2 understands it.
    pub(super) version: Option<Version>,
    /// It signs its frames, and that was told.
    pub(super) signs: bool,
    boot_ms: Option<u32>,
    /// Figures are noted for who looks.
    pub(super) figures: bool,
    /// When its clock is noted next.
    clock_due: Time,
    /// Its heartbeat was heard since it started.
    alive: bool,
    intervals: Intervals,
    identity: Identity,
    /// A STATUSTEXT that goes on in the next part: its number, severity, and what was heard.
    text: Option<(i64, u8, String)>,
}

/// Requests for message periods, one at a time.
#[derive(Default)]
struct Intervals {
    /// Which of the plan's intervals is being asked for.
    current: usize,
    tries: u8,
    due: Option<Time>,
}

struct Identity {
    /// By the place in `plan.facts`: was it heard, and is it right?
    heard: Vec<Option<bool>>,
    told: bool,
    /// When to ask next.
    due: Option<Time>,
    asked: u32,
}

impl Device {
    pub(super) fn new(plan: DevicePlan) -> Device {
        let heard = vec![None; plan.facts.len()];
        Device {
            plan,
            sequence: None,
            version: None,
            signs: false,
            boot_ms: None,
            figures: false,
            clock_due: Time::ZERO,
            alive: false,
            intervals: Intervals::default(),
            identity: Identity { heard, told: false, due: None, asked: 0 },
            text: None,
        }
    }

    /// The version to speak to it.
    pub(super) fn version(&self) -> Version {
        self.version.unwrap_or(Version::V2)
    }

    pub(super) fn hear_version(&mut self, version: Version) {
        if self.version != Some(Version::V2) {
            self.version = Some(version);
        }
    }

    /// How many messages were lost before this one. The same number twice is a repetition, not a loss of 255.
    pub(super) fn hear_sequence(&self, sequence: u8) -> Option<u32> {
        let lost = sequence.wrapping_sub(self.sequence?.wrapping_add(1));
        (lost != 0 && lost != u8::MAX).then_some(lost.into())
    }

    /// True when the boot time ran backwards. Zero is what a message without one carries.
    pub(super) fn hear_boot_time(&mut self, boot_ms: u32) -> bool {
        if boot_ms == 0 {
            return false;
        }
        let Some(latest) = self.boot_ms else {
            self.boot_ms = Some(boot_ms);
            return false;
        };
        if boot_ms >= latest {
            // Just before a wrap a late message may seem to be from the far end of the count.
            if !(latest < WRAP_MS && boot_ms > u32::MAX - WRAP_MS) {
                self.boot_ms = Some(boot_ms);
            }
            return false;
        }
        let tolerated = if boot_ms < JUST_STARTED_MS { REORDER_JUST_STARTED_MS } else { REORDER_MS };
        if latest - boot_ms <= tolerated {
            return false;
        }
        self.boot_ms = Some(boot_ms);
        !(latest > u32::MAX - WRAP_MS && boot_ms < WRAP_MS)
    }

    /// What its clock says, for who looks. Zero is a clock that was never set.
    pub(super) fn hear_clock(&mut self, at: Time, told: Span, unix: bool, out: &mut Turn) {
        if !self.figures || told <= Span::ZERO || (!unix && at < self.clock_due) {
            return;
        }
        if !unix {
            self.clock_due = at + CLOCK_EVERY;
        }
        out.note(Note::Clock { device: self.plan.id, told, unix });
    }

    /// The version of its firmware: major, minor, patch and kind in a byte each, from the top.
    pub(super) fn hear_firmware(&mut self, version: u32, out: &mut Turn) {
        if !self.figures || version == 0 {
            return;
        }
        let [major, minor, patch, kind] = version.to_be_bytes();
        // FIRMWARE_VERSION_TYPE of the MAVLink common dialect.
        let kind = match kind {
            255 => "",
            192..255 => " (release candidate)",
            128..192 => " (beta)",
            64..128 => " (alpha)",
            0..64 => " (development)",
        };
        out.note(Note::Firmware { device: self.plan.id, version: format!("{major}.{minor}.{patch}{kind}") });
    }

    /// It started anew: everything is asked for again.
    pub(super) fn restart(&mut self, at: Time) {
        self.alive = false;
        self.intervals = Intervals::default();
        self.identity.heard.fill(None);
        self.identity.told = false;
        self.identity.asked = 0;
        self.identity.due = self.wants_facts().then_some(at);
        self.text = None;
    }

    fn wants_facts(&self) -> bool {
        !self.plan.facts.is_empty()
            && self.plan.facts.iter().zip(&self.identity.heard).any(|(fact, heard)| fact.asked_for && heard.is_none())
            && self.identity.heard.iter().all(|heard| *heard != Some(false))
    }

    /// Its heartbeat. True when something became due.
    pub(super) fn hear_heartbeat(&mut self, at: Time, out: &mut Turn) -> bool {
        if self.plan.facts.is_empty() && !self.identity.told {
            self.identity.told = true;
            out.note(Note::Identified { device: self.plan.id });
        }
        if self.alive {
            return false;
        }
        self.alive = true;
        self.intervals = Intervals::default();
        self.intervals.due = (!self.plan.intervals.is_empty()).then_some(at);
        self.identity.due = self.wants_facts().then_some(at);
        self.intervals.due.is_some() || self.identity.due.is_some()
    }

    /// Any message: it may hold identity facts.
    #[inline]
    pub(super) fn hear_facts(&mut self, at: Time, place: u16, payload: &[u8], out: &mut Turn) {
        if self.identity.told || self.plan.facts.is_empty() {
            return;
        }
        for (fact, heard) in self.plan.facts.iter().zip(&mut self.identity.heard) {
            if fact.place != place || heard.is_some() {
                continue;
            }
            match fact.compare(payload) {
                Ok(()) => *heard = Some(true),
                Err((found, wanted)) => {
                    *heard = Some(false);
                    let (device, fact) = (self.plan.id, fact.name.clone());
                    out.note(Note::WrongIdentity { device, fact, found, wanted });
                }
            }
        }
        if self.identity.heard.iter().all(|heard| *heard == Some(true)) {
            self.identity.told = true;
            out.note(Note::Identified { device: self.plan.id });
        }
        if !self.wants_facts() {
            self.identity.due = None;
        } else if self.identity.due.is_none() {
            self.identity.due = Some(at + IDENTITY_EVERY);
        }
    }

    /// An answer to something we asked for.
    pub(super) fn hear_ack(&mut self, at: Time, ack: &Ack, out: &mut Turn) -> bool {
        let Some(due) = self.intervals.due else { return false };
        if ack.command != Request::Interval as i64 || self.intervals.tries == 0 {
            return false;
        }
        if self.figures {
            // Asked twice, nobody knows which of them was answered; the later one is the least that it can have taken.
            let took = at.since(due) + INTERVAL_PATIENCE;
            out.note(Note::RoundTrip { device: self.plan.id, took });
        }
        // Refused or not, there is no use in asking again.
        self.intervals.current += 1;
        self.intervals.tries = 0;
        self.intervals.due = Some(at);
        true
    }

    /// Sends the requests that are due.
    pub(super) fn ask(&mut self, at: Time, dialect: &Dialect, station: &mut Station, out: &mut Turn) {
        let (target, version) = ((self.plan.system, self.plan.component), self.version());
        if self.intervals.due.is_some_and(|due| due <= at) {
            if self.intervals.tries >= INTERVAL_TRIES {
                self.intervals.current += 1;
                self.intervals.tries = 0;
            }
            self.intervals.due = match self.plan.intervals.get(self.intervals.current) {
                None => None,
                Some((message, period)) => {
                    self.intervals.tries += 1;
                    let params = [f64::from(*message), (period.nanos() / 1_000) as f64];
                    station.request(dialect, version, target, Request::Interval, params, out);
                    Some(at + INTERVAL_PATIENCE)
                }
            };
        }
        if self.identity.due.is_some_and(|due| due <= at) {
            self.identity.due = Some(at + IDENTITY_EVERY);
            self.identity.asked += 1;
            let mut asked_for = None;
            for (fact, heard) in self.plan.facts.iter().zip(&self.identity.heard) {
                if heard.is_some() || !fact.asked_for || asked_for == Some(fact.place) {
                    continue;
                }
                asked_for = Some(fact.place);
                let is_version = dialect.at(fact.place).name == "AUTOPILOT_VERSION";
                let (request, param) = if is_version && self.identity.asked.is_multiple_of(2) {
                    (Request::Capabilities, 1.0)
                } else {
                    (Request::Message, f64::from(fact.message_id))
                };
                station.request(dialect, version, target, request, [param, 0.0], out);
            }
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Time> {
        [self.intervals.due, self.identity.due].into_iter().flatten().min()
    }

    /// A STATUSTEXT; long ones come in parts.
    pub(super) fn hear_text(&mut self, message: &MessageDef, payload: &[u8; PAYLOAD_MAX + 1], out: &mut Turn) {
        let number = |name| message.field(name).map_or(0, |f| f.kind.bits(payload, f.offset.into()));
        let Some(field) = message.field("text").filter(|f| f.is_text()) else { return };
        let (severity, id) = (number("severity") as u8, number("id"));
        let part = text_in(payload, field);
        let ends = payload[usize::from(field.offset)..][..field.size()].contains(&0);
        let device = self.plan.id;
        let text = match self.text.take() {
            Some((earlier, _, mut text)) if id != 0 && earlier == id => {
                text.push_str(&part);
                text
            }
            Some((_, severity, text)) => {
                out.note(Note::Text { device, severity, text });
                part
            }
            None => part,
        };
        if id == 0 || ends || text.len() >= TEXT_MAX {
            out.note(Note::Text { device, severity, text });
        } else {
            self.text = Some((id, severity, text));
        }
    }
}

impl Fact {
    /// Whether the payload says what is wanted; else what it says and what was wanted.
    fn compare(&self, payload: &[u8]) -> Result<(), (String, String)> {
        match &self.wanted {
            Wanted::Text(wanted) => {
                let found = text_in(payload, &self.field);
                if found == *wanted { Ok(()) } else { Err((found, wanted.clone())) }
            }
            Wanted::Number(wanted) => {
                let at = usize::from(self.field.offset) + self.element * self.field.kind.size();
                let found = self.field.kind.number(payload, at);
                // Both went the same way to a float, so that equal numbers stay equal. Single-precision fields
                // are compared as such.
                let wanted_raw = if self.field.kind == crate::codec::mavlink::field::Kind::F32 {
                    f64::from(*wanted as f32)
                } else {
                    *wanted
                };
                if found == wanted_raw { Ok(()) } else { Err((show(found), show(*wanted))) }
            }
        }
    }
}

/// Serial numbers are written in hexadecimal, as on the board's label.
fn show(number: f64) -> String {
    if (0.0..18_446_744_073_709_551_616.0).contains(&number) && number as u64 as f64 == number {
        format!("{} (0x{:x})", number as u64, number as u64)
    } else {
        number.to_string()
    }
}
