//! Orders that wait for their COMMAND_ACK.
//!
//! An acknowledgement names the command, not the order: of two orders of the same command the older is answered
//! first, and an answer to a repetition may count for the next order.

use super::device::Device;
use super::plan::{OrderPlan, why_unfit};
use super::station::{COMPONENT, COMPONENT_SAFE, SYSTEM, Station};
use crate::codec::mavlink::dialect::{Dialect, MessageDef};
use crate::codec::mavlink::encode::Payload;
use crate::codec::{Note, Turn};
use crate::command::{Command, Ticket};
use crate::time::{Span, Time};
use crate::wire::Lane;

/// How often an order is sent before it counts as unanswered.
const TRIES: u8 = 3;
/// How long an answer is awaited before the order is repeated, and after the last try.
const PATIENCE: Span = Span::from_millis(500);
/// How long is waited for the next word of a vehicle that said MAV_RESULT_IN_PROGRESS.
const PATIENCE_IN_PROGRESS: Span = Span::from_secs(30);

/// MAV_RESULT_ACCEPTED.
const ACCEPTED: i64 = 0;
/// MAV_RESULT_IN_PROGRESS.
const IN_PROGRESS: i64 = 5;

impl OrderPlan {
    /// The number by which COMMAND_ACK names it.
    fn acknowledged_as(&self, payload: &Payload, message: &MessageDef) -> i64 {
        match self.command {
            Some((kind, offset)) => kind.bits(&payload.0, offset.into()),
            None => message.id.into(),
        }
    }

    /// The payload with the arguments in their places; the error says which does not fit.
    pub(super) fn fill(&self, command: &Command) -> Result<Payload, String> {
        let mut payload = self.payload;
        for hole in &self.holes {
            let given = command.args().get(usize::from(hole.index));
            let given = given.ok_or_else(|| format!("argument {} was not given", hole.index))?;
            let mut raw = given * hole.scale + hole.shift;
            if !raw.is_finite() {
                return Err(format!("field `{}` would be {raw}", hole.field));
            }
            if hole.kind.is_integer() && raw.abs() < 4_503_599_627_370_496.0 {
                // The way from SI to raw counts leaves fractions of a count behind.
                raw = (if raw < 0.0 { raw - 0.5 } else { raw + 0.5 }) as i64 as f64;
            }
            if let Some(why) = why_unfit(hole.kind, raw) {
                return Err(format!("field `{}` {why}", hole.field));
            }
            hole.kind.write(&mut payload.0, hole.offset.into(), raw);
        }
        Ok(payload)
    }
}

/// A COMMAND_ACK.
pub(super) struct Ack {
    pub(super) command: i64,
    result: i64,
    target: (i64, i64),
}

impl Ack {
    pub(super) fn read(message: &MessageDef, payload: &[u8]) -> Ack {
        let number = |name| message.field(name).map_or(0, |f| f.kind.bits(payload, f.offset.into()));
        Ack {
            command: number("command"),
            result: number("result"),
            target: (number("target_system"), number("target_component")),
        }
    }

    /// Not meant for another ground station. Old autopilots name nobody (zero).
    pub(super) fn is_for_us(&self) -> bool {
        let (system, component) = self.target;
        (system == 0 || system == i64::from(SYSTEM)) && (component == 0 || component == i64::from(COMPONENT))
    }

    /// As old autopilots do.
    pub(super) fn names_nobody(&self) -> bool {
        self.target == (0, 0)
    }

    /// Meant for the sender of safe frames by name, whether or not an order waits.
    pub(super) fn is_for_safe(&self) -> bool {
        self.target == (i64::from(SYSTEM), i64::from(COMPONENT_SAFE))
    }

    /// Why the vehicle refused; `None` where it accepted or is at work on it.
    fn refusal(&self, dialect: &Dialect) -> Option<String> {
        if self.result == ACCEPTED || self.result == IN_PROGRESS {
            return None;
        }
        let names = dialect.entries_of("MAV_RESULT");
        let name = names.iter().find(|(_, value)| *value == self.result).map(|(name, _)| name.clone());
        Some(name.unwrap_or_else(|| format!("result {}", self.result)))
    }

    /// The answer to a safe frame: every command of the device that it can mean.
    pub(super) fn of_safe(&self, device: &Device, dialect: &Dialect, out: &mut Turn) {
        let meant = |order: &OrderPlan| order.acknowledged_as(&order.payload, dialect.at(order.place)) == self.command;
        let commands: Vec<_> = device.plan.orders.iter().filter(|(_, o)| meant(o)).map(|(id, _)| *id).collect();
        if !commands.is_empty() {
            out.note(Note::SafeAcked { device: device.plan.id, commands, refused: self.refusal(dialect) });
        }
    }
}

/// What was ordered, and until when it may be said.
pub(super) struct Given {
    pub(super) ticket: Ticket,
    pub(super) not_after: Option<Time>,
}

struct Waiting {
    ticket: Ticket,
    not_after: Option<Time>,
    /// Index of the device on the link.
    device: usize,
    /// What the acknowledgement will name.
    command: i64,
    place: u16,
    payload: Payload,
    confirmation: Option<u8>,
    tries: u8,
    in_progress: bool,
    due: Time,
}

/// The orders that wait.
#[derive(Default)]
pub(super) struct Orders {
    waiting: Vec<Waiting>,
}

impl Orders {
    /// An order was sent and will be answered.
    pub(super) fn expect(
        &mut self,
        at: Time,
        device: usize,
        order: &OrderPlan,
        message: &MessageDef,
        payload: Payload,
        given: Given,
    ) {
        let command = order.acknowledged_as(&payload, message);
        self.waiting.push(Waiting {
            ticket: given.ticket,
            not_after: given.not_after,
            device,
            command,
            place: order.place,
            payload,
            confirmation: order.confirmation,
            tries: 1,
            in_progress: false,
            due: at + PATIENCE,
        });
    }

    /// False where no order waits for it.
    pub(super) fn hear_ack(&mut self, at: Time, device: usize, ack: &Ack, dialect: &Dialect, out: &mut Turn) -> bool {
        let found = self.waiting.iter().position(|w| w.device == device && w.command == ack.command);
        let Some(index) = found else { return false };
        if ack.result == IN_PROGRESS {
            self.waiting[index].in_progress = true;
            self.waiting[index].due = at + PATIENCE_IN_PROGRESS;
            return true;
        }
        let ticket = self.waiting.remove(index).ticket;
        out.note(match ack.refusal(dialect) {
            None => Note::Acked { ticket },
            Some(reason) => Note::Refused { ticket, reason },
        });
        true
    }

    /// The order was thrown away before it was said.
    pub(super) fn lapsed(&mut self, order: Ticket) {
        self.waiting.retain(|waiting| waiting.ticket != order);
    }

    /// Repeats what was not answered, and gives up on what was repeated often enough.
    pub(super) fn tick(
        &mut self,
        at: Time,
        devices: &[Device],
        dialect: &Dialect,
        station: &mut Station,
        out: &mut Turn,
    ) {
        self.waiting.retain_mut(|waiting| {
            if waiting.due > at {
                return true;
            }
            let lapsed = waiting.not_after.is_some_and(|last| last < at);
            if waiting.in_progress || waiting.tries >= TRIES || lapsed {
                out.note(Note::Unanswered { ticket: waiting.ticket });
                return false;
            }
            if let Some(offset) = waiting.confirmation {
                waiting.payload.0[usize::from(offset)] = waiting.tries;
            }
            waiting.tries += 1;
            waiting.due = at + PATIENCE;
            let version = devices[waiting.device].version();
            let frame = station.frame(version, dialect.at(waiting.place), &waiting.payload);
            out.sends.extend(frame.map(|frame| (Lane::Normal, frame.until(waiting.not_after))));
            true
        });
    }

    pub(super) fn next_deadline(&self) -> Option<Time> {
        self.waiting.iter().map(|w| w.due).min()
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }
}
