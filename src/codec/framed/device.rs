//! The mirror: the device's end of the same description. Twins and tests stand on it.

use super::framing::{Finder, Found};
use super::plan::{Plan, plan_device};
use super::tongue::{Given, Side, Tongue};
use crate::codec::{ConfigProblem, DeviceConfig};
use crate::command::CommandId;

/// What the device heard.
#[derive(Clone, PartialEq, Debug)]
pub enum Heard {
    /// A command, with its arguments in SI.
    Command {
        command: CommandId,
        args: Vec<f64>,
    },
    /// A question, by the message that answers it.
    Ask(String),
    Heartbeat,
    /// A content that means none of these; also the `poll` of the rig file, which names no answer.
    Other(Vec<u8>),
    /// Bytes that are no frame, or whose check sum is wrong.
    Garbage(u32),
}

/// A device that speaks in frames.
pub struct Device<T: Tongue> {
    plan: Plan<T>,
    finder: Finder,
    found: Vec<Found>,
}

impl<T: Tongue> Device<T> {
    /// The mirror of that description; every mistake of it at once.
    pub fn new(config: &DeviceConfig) -> Result<Device<T>, Vec<ConfigProblem>> {
        let plan: Plan<T> = plan_device(config)?;
        Ok(Device { finder: Finder::new(plan.line.clone(), false), plan, found: Vec::new() })
    }

    /// Takes what arrived, in any chunks.
    pub fn hear(&mut self, bytes: &[u8]) -> Vec<Heard> {
        let mut heard = Vec::new();
        for byte in bytes {
            let tongue = &self.plan.tongue;
            self.finder.push(*byte, |start| tongue.expect(Side::Hears, start), &mut self.found);
            for found in std::mem::take(&mut self.found) {
                heard.push(match found {
                    Found::Content(content) => self.understood(content),
                    Found::Noise(bytes) | Found::Corrupt(bytes) => Heard::Garbage(bytes),
                });
            }
        }
        heard
    }

    /// The same as messages, for twins that act on what they hold. What is none is passed over.
    pub fn messages(&mut self, bytes: &[u8]) -> Vec<T::Message> {
        let mut messages = Vec::new();
        for byte in bytes {
            let tongue = &self.plan.tongue;
            self.finder.push(*byte, |start| tongue.expect(Side::Hears, start), &mut self.found);
            messages.extend(self.found.drain(..).filter_map(|found| match found {
                Found::Content(content) => tongue.read(Side::Hears, &content),
                Found::Noise(_) | Found::Corrupt(_) => None,
            }));
        }
        messages
    }

    /// Whether such a message is the one of that name.
    pub fn is(&self, message: &T::Message, name: &str) -> bool {
        let tongue = &self.plan.tongue;
        tongue.kind(Side::Hears, name).is_some_and(|kind| tongue.is(Side::Hears, message, kind))
    }

    /// The number in a field of such a message.
    pub fn number(&self, message: &T::Message, name: &str, path: &str) -> Option<f64> {
        let tongue = &self.plan.tongue;
        let place = tongue.place(Side::Hears, tongue.kind(Side::Hears, name)?, path).ok()?;
        tongue.get(message, &place)?.number()
    }

    fn understood(&self, content: Vec<u8>) -> Heard {
        let (plan, tongue) = (&self.plan, &self.plan.tongue);
        if let Some(answer) = plan.asks.iter().find(|ask| ask.content == content).and_then(|ask| ask.answer) {
            return Heard::Ask(tongue.kinds(Side::Says)[answer].to_owned());
        }
        if plan.heartbeat.as_ref().is_some_and(|beat| beat.content == content) {
            return Heard::Heartbeat;
        }
        let Some(message) = tongue.read(Side::Hears, &content) else { return Heard::Other(content) };
        let meant = plan.orders.iter().filter_map(|order| Some((order, order.args(tongue, &message)?)));
        match meant.min_by_key(|(order, _)| std::cmp::Reverse(order.fills())) {
            Some((order, args)) => Heard::Command { command: order.command, args },
            None => Heard::Other(content),
        }
    }

    /// The bytes of a message of the device with these fields, by their names in it; the error says what does not fit.
    pub fn say(&self, message: &str, fields: &[(&str, Given<'_>)]) -> Result<Vec<u8>, String> {
        let tongue = &self.plan.tongue;
        let kind = tongue.kind(Side::Says, message).ok_or_else(|| format!("the device says no `{message}`"))?;
        let mut placed = Vec::with_capacity(fields.len());
        for (path, given) in fields {
            placed.push((tongue.place(Side::Says, kind, path).map_err(|trouble| trouble.message)?, *given));
        }
        self.plan.line.write(&tongue.write(Side::Says, kind, &placed)?)
    }
}
