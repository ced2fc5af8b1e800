//! The mirror: the device's end of the same description. Twins and tests stand on it.

use super::framing::{Found, Splitter, write};
use super::pattern::Filling;
use super::plan::{Plan, plan_device};
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
    /// A line that means none of these; also the `poll` of the rig file, which names no answer.
    Other(String),
    /// Bytes that are no line, or whose check sum is wrong.
    Garbage(u32),
}

/// A device that speaks in lines.
pub struct Device {
    plan: Plan,
    splitter: Splitter,
}

impl Device {
    /// The mirror of that description; every mistake of it at once.
    pub fn new(config: &DeviceConfig) -> Result<Device, Vec<ConfigProblem>> {
        Ok(Device { plan: plan_device(config)?, splitter: Splitter::new(false) })
    }

    /// Takes what arrived, in any chunks.
    pub fn hear(&mut self, bytes: &[u8]) -> Vec<Heard> {
        let mut heard = Vec::new();
        for byte in bytes {
            match self.splitter.push(*byte, &self.plan.cancel, b"", self.plan.sum.as_ref()) {
                Some(Found::Line(line)) => heard.push(self.understood(line)),
                Some(Found::Noise(bytes) | Found::Corrupt(bytes)) => heard.push(Heard::Garbage(bytes)),
                Some(Found::Prompt) | None => {}
            }
        }
        heard
    }

    fn understood(&self, line: String) -> Heard {
        if let Some(ask) = self.plan.asks.iter().find(|ask| ask.send == line)
            && let Some(answer) = ask.answer
        {
            return Heard::Ask(self.plan.messages[answer].name.clone());
        }
        if self.plan.heartbeat.as_ref().is_some_and(|beat| beat.send == line) {
            return Heard::Heartbeat;
        }
        let order = self.plan.orders.iter().find_map(|order| Some((order.command, order.args(&line)?)));
        match order {
            Some((command, args)) => Heard::Command { command, args },
            None => Heard::Other(line),
        }
    }

    /// The bytes of a message that is written as a template; the error says what is missing.
    pub fn say<'a>(&self, message: &str, value_of: impl Fn(&str) -> Option<Filling<'a>>) -> Result<Vec<u8>, String> {
        let found = self.plan.messages.iter().find(|m| m.name == message);
        let template = found.and_then(|m| m.template.as_ref());
        let template = template.ok_or_else(|| format!("`{message}` is no message with a template"))?;
        Ok(self.say_line(&template.write(value_of)?))
    }

    /// The bytes of any line.
    pub fn say_line(&self, line: &str) -> Vec<u8> {
        write(line, self.plan.ends, self.plan.sum.as_ref())
    }
}
