//! This side: reads what devices publish, tells controllers what they may see, takes what they ask for.
//!
//! - A device is known by its topics: who may publish there is the broker's access list. Its first live publish
//!   identifies it, unless the rig asks for facts.
//! - A retained publish is old news: it feeds only signals that are expected to come when they change, and never
//!   identifies.
//! - Every publish of a controller shows that it lives, even one that cannot be understood.
//! - Orders go out at QoS 0, safe frames at QoS 1, neither retained.

mod decode;
mod plan;

use self::plan::{DevicePlan, Fact, Link, Use, Wanted};
use super::object::{PAYLOAD_MAX, Unambiguous, read, write_number, write_text};
use crate::codec::{Body, Codec, ConfigProblem, EncodeError, LinkConfig, Message, NotTimeless, Note, Turn};
use crate::command::{Command, Ticket};
use crate::signal::{SignalId, Value};
use crate::time::Time;
use crate::wire::{DeviceId, Frame, Lane, LinkId};
use serde_json::Value as Json;

/// Session of one link.
pub struct Host {
    link: LinkId,
    plan: Link,
    /// By the device's place on the link.
    identities: Vec<Identity>,
}

/// What is known of who a device is.
struct Identity {
    /// By the place in the plan's facts: was it heard, and is it right?
    heard: Vec<Option<bool>>,
    told: bool,
}

impl Host {
    /// Builds the session; every mistake of the configuration at once.
    pub fn new(config: &LinkConfig) -> Result<Host, Vec<ConfigProblem>> {
        let plan = plan::plan(config)?;
        let identities =
            plan.devices.iter().map(|d| Identity { heard: vec![None; d.facts.len()], told: false }).collect();
        Ok(Host { link: config.link, plan, identities })
    }

    fn encode(&self, command: &Command) -> Result<Frame, String> {
        let order = self
            .plan
            .devices
            .iter()
            .find_map(|device| device.orders.get(&command.id))
            .ok_or("no device of this link knows the command")?;
        let mut payload = vec![b'{'];
        for (key, value) in &order.fields {
            if payload.len() > 1 {
                payload.push(b',');
            }
            payload.extend_from_slice(key);
            match value {
                plan::Given::Fixed(bytes) => payload.extend_from_slice(bytes),
                plan::Given::Arg { index, scale, offset } => {
                    let given = command.args().get(usize::from(*index));
                    let raw = given.ok_or_else(|| format!("argument {index} was not given"))? * scale + offset;
                    if !raw.is_finite() {
                        return Err(format!("argument {index} would be {raw}"));
                    }
                    write_number(raw, &mut payload);
                }
            }
        }
        payload.push(b'}');
        Ok(Frame { topic: Some(order.topic.clone()), ..Frame::serial(self.link, payload) })
    }

    fn hear(&mut self, use_: &Use, frame: &Frame, parsed: &Result<Json, String>, out: &mut Turn) {
        let device = &self.plan.devices[use_.device];
        let live = !frame.flags.retained;
        let first = out.samples.len();
        match parsed {
            Ok(json) => {
                for pick in use_.picks.iter().filter(|pick| live || pick.on_change) {
                    // A device that tells only what changed leaves the rest as it was.
                    if let Some(value) = json.pointer(&pick.pointer) {
                        out.samples.push((pick.signal, pick.value(value)));
                    }
                }
            }
            Err(why) => out.note(Note::Malformed { device: device.id, why: why.clone() }),
        }
        if live || out.samples.len() > first {
            out.messages.push(Message { device: device.id, body: Body::Samples(first..out.samples.len()) });
        }
        if let Ok(json) = parsed
            && live
        {
            self.identities[use_.device].hear(device, &use_.facts, json, out);
        }
    }
}

impl Identity {
    fn hear(&mut self, device: &DevicePlan, facts: &[usize], json: &Json, out: &mut Turn) {
        if self.told {
            return;
        }
        for index in facts {
            let (fact, heard) = (&device.facts[*index], &mut self.heard[*index]);
            let Some(found) = json.pointer(&fact.pointer) else { continue };
            if heard.is_some() {
                continue;
            }
            *heard = Some(fact.agrees(found));
            if *heard == Some(false) {
                out.note(Note::WrongIdentity {
                    device: device.id,
                    fact: fact.name.clone(),
                    found: super::object::shortened(&found.to_string()),
                    wanted: fact.wanted.to_string(),
                });
            }
        }
        if self.heard.iter().all(|heard| *heard == Some(true)) {
            self.told = true;
            out.note(Note::Identified { device: device.id });
        }
    }
}

impl Fact {
    fn agrees(&self, found: &Json) -> bool {
        match &self.wanted {
            Wanted::Number(wanted) => found.as_f64() == Some(*wanted),
            Wanted::Text(wanted) => match found {
                Json::Bool(flag) => flag.to_string() == *wanted,
                other => other.as_str() == Some(wanted),
            },
        }
    }
}

impl Codec for Host {
    fn feed(&mut self, _at: Time, frame: &Frame, out: &mut Turn) {
        let uses = frame.topic.as_deref().and_then(|topic| self.plan.topics.get(topic)).cloned();
        let Some(uses) = uses else {
            out.note(Note::Foreign);
            return;
        };
        let reads_all = uses.iter().any(|u| u.may.is_none());
        let parsed = if reads_all { read(&frame.bytes).map(|Unambiguous(json)| json) } else { Ok(Json::Null) };
        for use_ in uses.iter() {
            let Some(index) = use_.may else {
                self.hear(use_, frame, &parsed, out);
                continue;
            };
            let device = &self.plan.devices[use_.device];
            let id = device.id;
            if !frame.flags.retained {
                let nothing = out.samples.len()..out.samples.len();
                out.messages.push(Message { device: id, body: Body::Samples(nothing) });
                self.identities[use_.device].hear(device, &[], &Json::Null, out);
            }
            match device.mays[index].proposal(&frame.bytes) {
                Ok(command) => {
                    let stale = frame.flags.retained || frame.flags.duplicate;
                    out.messages.push(Message { device: id, body: Body::Proposal { command, stale } });
                }
                Err(why) => out.note(Note::Malformed { device: id, why }),
            }
        }
    }

    fn order_until(
        &mut self,
        _at: Time,
        command: &Command,
        ticket: Ticket,
        not_after: Option<Time>,
        out: &mut Turn,
    ) -> Result<(), EncodeError> {
        let frame = self.encode(command).map_err(EncodeError)?;
        out.sends.push((Lane::Normal, frame.until(not_after).first_of(ticket.0)));
        Ok(())
    }

    fn tell(&mut self, at: Time, device: DeviceId, values: &[(SignalId, Value)], out: &mut Turn) {
        let tells = self.plan.devices.iter().find(|d| d.id == device).and_then(|d| d.tells.as_ref());
        let Some(tells) = tells else { return };
        let mut payload = Vec::with_capacity(tells.size_hint);
        payload.extend_from_slice(b"{\"t\":");
        write_number(at.seconds(), &mut payload);
        for (place, field) in tells.fields.iter().enumerate() {
            payload.push(b',');
            payload.extend_from_slice(&field.key);
            // The values come in the order of the fields; a caller that leaves some out is understood all the same.
            let value = match values.get(place) {
                Some((signal, value)) if *signal == field.signal => *value,
                _ => values.iter().find(|(s, _)| *s == field.signal).map_or(Value::Unknown, |(_, v)| *v),
            };
            match value {
                Value::Number(si) => write_number((si - field.offset) / field.scale, &mut payload),
                Value::Flag(flag) => payload.extend_from_slice(if flag { b"true" } else { b"false" }),
                Value::State(state) => match field.states.get(usize::from(state)) {
                    Some(name) => write_text(name, &mut payload),
                    None => payload.extend_from_slice(b"null"),
                },
                Value::Pulse | Value::Unknown => payload.extend_from_slice(b"null"),
            }
        }
        payload.push(b'}');
        debug_assert!(payload.len() <= PAYLOAD_MAX);
        let frame = Frame { topic: Some(tells.topic.clone()), ..Frame::serial(self.link, payload) };
        // Telling what is known can make nothing move.
        out.sends.push((Lane::Query, frame));
    }

    fn tick(&mut self, _at: Time, _out: &mut Turn) {}

    fn next_deadline(&self) -> Option<Time> {
        None
    }

    fn safe(&self, command: &Command) -> Result<Vec<Frame>, NotTimeless> {
        let mut frame = self.encode(command).map_err(NotTimeless)?;
        frame.flags.qos = 1;
        Ok(vec![frame])
    }

    /// Nothing waits here: orders leave in the call that gives them.
    fn abandon(&mut self) {}

    fn subscriptions(&self) -> Vec<String> {
        self.plan.topics.keys().map(|topic| topic.to_string()).collect()
    }
}
