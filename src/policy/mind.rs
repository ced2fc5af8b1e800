//! A policy at work: hears messages, thinks every period, says messages. It is told the time and reads none.
//!
//! Whoever drives it decides what a message is: a publish with its topic, or a line of a serial port without one.

use super::mapping::{Answer, Heard, Holds, Input, Instead, Mapping, Outside, Said};
use super::net::Net;
use crate::codec::json::device::{Word, object, write};
use crate::time::Time;
use std::sync::Arc;

/// A net with the mapping that fits it.
#[derive(Clone, PartialEq, Debug)]
pub struct Policy {
    pub net: Net,
    pub mapping: Mapping,
}

/// Why nothing is said.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Silent {
    #[error("`{0}` was not heard yet")]
    NotHeard(String),
    #[error("`{0}` is stale")]
    Stale(String),
    #[error("`{0}` is outside the range that the policy was made for")]
    Outside(String),
    #[error("the net's answer is not a number")]
    NotANumber,
}

/// What is added to what is said, on purpose, by a fault.
#[derive(Copy, Clone, PartialEq, Debug, Default)]
pub struct Nudge {
    /// To every number said that the net worked out, in SI.
    pub shift: f64,
}

/// A message: its topic (none on a serial line) and its values.
pub type Message<'m> = (Option<&'m str>, Vec<(String, Word)>);

/// A policy with what it has heard.
#[derive(Clone, Debug)]
pub struct Mind {
    policy: Arc<Policy>,
    net: Net,
    /// Per input: the value in SI, and when it came.
    heard: Vec<Option<(f64, Time)>>,
    /// Per input, as of the last thought.
    values: Vec<f64>,
    given: Vec<f32>,
    answer: Vec<f32>,
}

impl Mind {
    /// A policy that has heard nothing.
    pub fn new(policy: &Arc<Policy>) -> Mind {
        let mapping = &policy.mapping;
        Mind {
            net: policy.net.clone(),
            heard: vec![None; mapping.inputs.len()],
            values: vec![0.0; mapping.inputs.len()],
            given: vec![0.0; policy.net.input_count()],
            answer: vec![0.0; policy.net.output_count()],
            policy: policy.clone(),
        }
    }
    /// The mapping.
    pub fn mapping(&self) -> &Mapping {
        &self.policy.mapping
    }
    /// A net of its own, that was asked nothing yet.
    #[cfg(test)]
    pub fn policy_net(&self) -> Net {
        self.policy.net.clone()
    }
    /// Forgets everything that was heard.
    pub fn forget(&mut self) {
        self.heard.fill(None);
    }
    /// Takes a message. The error says why it cannot be understood; values that are not of the wanted kind change nothing.
    ///
    /// What a broker had kept (`retained`) may be of any age: it counts for values that keep, and for no others.
    pub fn hear(&mut self, at: Time, topic: Option<&str>, retained: bool, payload: &[u8]) -> Result<(), String> {
        let policy = self.policy.clone();
        let concerned =
            |input: &Input| input.topic.as_deref() == topic && !(retained && matches!(input.holds, Holds::For(_)));
        if !policy.mapping.inputs.iter().any(concerned) {
            return Ok(());
        }
        let message = object(payload)?;
        for (input, heard) in policy.mapping.inputs.iter().zip(&mut self.heard).filter(|(input, _)| concerned(input)) {
            if let Some(value) = message.pointer(&input.pointer).and_then(|value| understood(&input.kind, value))
                && !(input.holds == Holds::First && heard.is_some())
            {
                *heard = Some((value, at));
            }
        }
        Ok(())
    }
    /// Thinks. Allocates nothing, but for the words of a refusal.
    pub fn think(&mut self, at: Time) -> Result<(), Silent> {
        let policy = self.policy.clone();
        let mapping = &policy.mapping;
        for index in 0..mapping.inputs.len() {
            self.values[index] = self.value(&mapping.inputs, index, at)?;
        }
        for (number, index) in self.given.iter_mut().zip(&mapping.given) {
            *number = mapping.inputs[*index].view.seen(self.values[*index]) as f32;
        }
        self.net.think(&self.given, &mut self.answer);
        if self.answer.iter().all(|number| number.is_finite()) { Ok(()) } else { Err(Silent::NotANumber) }
    }
    /// The first of the numbers that the net was given last that is outside the range that it was made for.
    pub fn outside(&self) -> Option<&str> {
        let inputs = &self.policy.mapping.inputs;
        let strays = |index: &&usize| {
            inputs[**index].range.is_some_and(|(least, most)| !(least..=most).contains(&self.values[**index]))
        };
        self.policy.mapping.given.iter().find(strays).map(|index| inputs[*index].name.as_str())
    }
    /// What it says after it has thought.
    pub fn messages(&self, nudge: Nudge) -> Vec<Message<'_>> {
        let mapping = &self.policy.mapping;
        let due = |when: Option<usize>| when.is_none_or(|index| self.word(index, 1.0, 0.0, nudge) == Word::Flag(true));
        mapping
            .says
            .iter()
            .filter(|say| due(say.when))
            .map(|say| {
                let words = say.with.iter().map(|(name, said)| (name.clone(), self.said(said, nudge)));
                (say.topic.as_deref(), words.collect())
            })
            .collect()
    }
    /// A message's bytes.
    pub fn bytes(message: &[(String, Word)]) -> Vec<u8> {
        write(message)
    }

    fn value(&self, inputs: &[Input], index: usize, at: Time) -> Result<f64, Silent> {
        let input = &inputs[index];
        let value = match self.heard[index] {
            Some((value, heard)) => {
                if let Holds::For(span) = input.holds
                    && at.since(heard) > span
                {
                    return Err(Silent::Stale(input.name.clone()));
                }
                value
            }
            None => match input.until_heard {
                // The other one comes before this one, so that no two can stand in for each other.
                Some(Instead::Input(other)) => self.values[other],
                Some(Instead::Value(value)) => value,
                None => return Err(Silent::NotHeard(input.name.clone())),
            },
        };
        match (input.range, input.outside) {
            (Some((least, most)), Outside::Clamp) => Ok(value.clamp(least, most)),
            (Some((least, most)), Outside::Silent) if !(least..=most).contains(&value) => {
                Err(Silent::Outside(input.name.clone()))
            }
            _ => Ok(value),
        }
    }
    fn said(&self, said: &Said, nudge: Nudge) -> Word {
        match said {
            Said::Output { index, scale, offset } => self.word(*index, *scale, *offset, nudge),
            Said::Input { index, scale, offset } => {
                let value = self.values[*index];
                match &self.policy.mapping.inputs[*index].kind {
                    Heard::Number { .. } => Word::Number((value - offset) / scale),
                    Heard::Flag => Word::Flag(value != 0.0),
                    Heard::States(states) => match states.iter().find(|(_, number)| *number == value) {
                        Some((text, _)) => Word::Text(text.clone()),
                        None => Word::Null,
                    },
                }
            }
            Said::Number(number) => Word::Number(*number),
            Said::Text(text) => Word::Text(text.clone()),
            Said::Flag(flag) => Word::Flag(*flag),
        }
    }
    /// What the output at this place comes to.
    fn word(&self, index: usize, scale: f64, offset: f64, nudge: Nudge) -> Word {
        let outputs = &self.policy.mapping.outputs;
        let first: usize = outputs[..index].iter().map(|output| output.kind.count()).sum();
        match &outputs[index].kind {
            Answer::Number { view, range, step } => {
                let meant = view.meant(f64::from(self.answer[first]));
                let held = range.map_or(meant, |(least, most)| meant.clamp(least, most));
                let held = step.map_or(held, |step| (held / step).round() * step);
                Word::Number((held + nudge.shift - offset) / scale)
            }
            Answer::Flag { above } => Word::Flag(f64::from(self.answer[first]) > *above),
            Answer::Pick(words) => {
                let numbers = &self.answer[first..first + words.len()];
                // Of equals the first one, so that the choice is the same everywhere.
                let greatest = (0..numbers.len()).reduce(|a, b| if numbers[b] > numbers[a] { b } else { a });
                Word::Text(greatest.map_or(String::new(), |place| words[place].clone()))
            }
        }
    }
}

/// The value in SI (or the number of a state) that a piece of JSON stands for; `None` if it is of another kind.
fn understood(kind: &Heard, value: &serde_json::Value) -> Option<f64> {
    match kind {
        Heard::Number { scale, offset } => Some(value.as_f64()? * scale + offset),
        Heard::States(states) => {
            let text = value.as_str()?;
            states.iter().find(|(state, _)| state == text).map(|(_, number)| *number)
        }
        Heard::Flag => match value {
            serde_json::Value::Bool(flag) => Some(f64::from(*flag)),
            other => Some(f64::from(other.as_f64()? != 0.0)),
        },
    }
}
