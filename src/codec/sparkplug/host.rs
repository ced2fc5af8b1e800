//! This side: a host that listens to births, data and deaths, and asks again for what it missed.
//!
//! - A value counts only after its birth certificate; an alias that no birth announced is told and not guessed.
//! - Where the count of an edge node's messages has a gap, or data came without a birth, its birth certificates are asked for,
//!   at most once in [`ASK_EVERY`].
//! - A death certificate counts only if its bdSeq is that of the birth; it makes every signal unknown.
//! - Commands go by name with their data type, at QoS 0 as the specification wants it (6.4.20), never retained.
//! - A heartbeat counts in a metric that no command sets.
//! - That we are there (STATE) is said by who holds the connection; here is only heard whether somebody denies it.
//! - Every payload has a time stamp (payloads-dcmd-timestamp), which some nodes ask for. Nothing here has a date: it counts
//!   from the start of the run, and is zero in safe frames, which must be valid at any later time.

use super::payload::{DataType, Datum, Metric, Payload, stamped};
use super::plan::{Member, plan};
use super::state::{DEFAULT_HOST, State, presence, topic};
use super::{BD_SEQ, NAMESPACE, REBIRTH, parts, topics};
use crate::codec::{
    Body, Codec, ConfigProblem, Decode, EncodeError, FieldValue, LinkConfig, Message, NotTimeless, Note, SignalMap,
    Turn,
};
use crate::command::{Command, Ticket};
use crate::signal::{SignalId, Value};
use crate::time::{Span, Time};
use crate::wire::{DeviceId, Frame, Lane, LinkId, Presence};
use prost::Message as _;
use std::collections::{BTreeMap, BTreeSet};

/// A node that stays silent is asked for its birth this often.
pub const ASK_EVERY: Span = Span::from_secs(1);
/// Larger payloads are not read.
const PAYLOAD_MAX: usize = 256 * 1024;

/// One metric that becomes a signal.
#[derive(Clone, Debug)]
pub(super) struct Pick {
    signal: SignalId,
    scale: f64,
    offset: f64,
    decode: Decode,
}

impl Pick {
    pub(super) fn new(map: &SignalMap) -> Pick {
        Pick { signal: map.signal, scale: map.scale, offset: map.offset, decode: map.decode.clone() }
    }
    /// The signal's value; what it cannot be is unknown.
    fn value(&self, datum: &Datum) -> Value {
        let whole = |number: f64| (number.abs() < 9e15 && number.floor() == number).then_some(number as i64);
        let found = match (&self.decode, datum) {
            (Decode::Number, Datum::Number(raw)) => Some(Value::Number(raw * self.scale + self.offset)),
            (Decode::States(states), Datum::Number(raw)) => whole(*raw)
                .and_then(|raw| states.iter().find(|(number, _)| *number == raw))
                .map(|(_, state)| Value::State(*state)),
            (Decode::NamedStates(states), Datum::Text(raw)) => {
                states.iter().find(|(name, _)| name == raw).map(|(_, state)| Value::State(*state))
            }
            // As a rig file writes truth values.
            (Decode::NamedStates(states), Datum::Flag(flag)) => {
                let word = if *flag { "true" } else { "false" };
                states.iter().find(|(name, _)| name == word).map(|(_, state)| Value::State(*state))
            }
            (Decode::Bit(bit), Datum::Number(raw)) => whole(*raw).map(|raw| Value::Flag(raw >> bit & 1 == 1)),
            (Decode::Flag, Datum::Flag(flag)) => Some(Value::Flag(*flag)),
            (Decode::Flag, Datum::Number(raw)) => Some(Value::Flag(*raw != 0.0)),
            _ => None,
        };
        found.unwrap_or(Value::Unknown)
    }
}

/// What is known of an edge node.
struct Edge {
    group: String,
    node: String,
    /// Places of its members.
    members: Vec<usize>,
    /// The bdSeq of the birth that counts; `None`: not born, or dead.
    born: Option<Option<u8>>,
    /// The bdSeq of the birth before, if any.
    last: Option<Option<u8>>,
    next_seq: u8,
    /// Devices whose birth was heard since the node's.
    devices: BTreeSet<String>,
    aliases: BTreeMap<u64, Known>,
    types: BTreeMap<(Option<String>, String), DataType>,
    /// When it may be asked again.
    ask_from: Time,
    wants_birth: bool,
}

/// What an alias stands for.
#[derive(Clone)]
struct Known {
    device: Option<String>,
    name: String,
}

/// Session of one link.
pub struct Host {
    link: LinkId,
    members: Vec<Member>,
    identified: Vec<bool>,
    edges: Vec<Edge>,
    pulses: Vec<Pulse>,
    /// Under which we are there, and where that is said.
    name: String,
    own_topic: String,
}

/// The heartbeat of a member.
struct Pulse {
    member: usize,
    due: Time,
    count: u8,
    muted: bool,
}

impl Host {
    /// Builds the session; every mistake of the configuration at once.
    pub fn new(config: &LinkConfig) -> Result<Host, Vec<ConfigProblem>> {
        let members = plan(config)?;
        let mut edges: Vec<Edge> = Vec::new();
        for (place, member) in members.iter().enumerate() {
            match edges.iter_mut().find(|edge| edge.group == member.group && edge.node == member.node) {
                Some(edge) => edge.members.push(place),
                None => edges.push(Edge {
                    group: member.group.clone(),
                    node: member.node.clone(),
                    members: vec![place],
                    born: None,
                    last: None,
                    next_seq: 0,
                    devices: BTreeSet::new(),
                    aliases: BTreeMap::new(),
                    types: BTreeMap::new(),
                    ask_from: Time::ZERO,
                    wants_birth: true,
                }),
            }
        }
        let beating = members.iter().enumerate().filter(|(_, member)| member.beat.is_some());
        let pulses = beating.map(|(member, _)| Pulse { member, due: Time::ZERO, count: 0, muted: false }).collect();
        let name = members.iter().find_map(|member| member.host.clone()).unwrap_or_else(|| DEFAULT_HOST.to_owned());
        let own_topic = topic(&name);
        Ok(Host { link: config.link, identified: vec![false; members.len()], members, edges, pulses, name, own_topic })
    }

    fn encode(&self, at: Time, command: &Command) -> Result<Frame, String> {
        let found = self.members.iter().find_map(|member| Some((member, member.orders.get(&command.id)?)));
        let (member, order) = found.ok_or("no device of this link knows the command")?;
        let payload = stamped(at, order.metrics(command)?);
        Ok(Frame::publish(self.link, &member.told_on(), payload.encode_to_vec()))
    }

    /// Somebody spoke of us. What is retained is of before; that we are there is our own word.
    fn told_of_us(&self, frame: &Frame, out: &mut Turn) {
        let Some(member) = self.members.first().filter(|_| !frame.flags.retained) else { return };
        match State::read(&frame.bytes) {
            Some(State { online: true, .. }) => {}
            Some(State { online: false, .. }) => {
                let text = "somebody says in our name that the host is offline; it is denied".to_owned();
                out.note(Note::Text { device: member.id, severity: 4, text });
            }
            None => out.note(Note::Malformed { device: member.id, why: "a STATE of our name is none".to_owned() }),
        }
    }

    fn beat(&mut self, at: Time, out: &mut Turn) {
        for pulse in self.pulses.iter_mut().filter(|pulse| pulse.due <= at) {
            let member = &self.members[pulse.member];
            let Some(beat) = &member.beat else { continue };
            pulse.due = (pulse.due + beat.every).max(at);
            // Its time goes on while it is muted, so that nothing is overdue when it is heard again.
            if pulse.muted {
                continue;
            }
            pulse.count = pulse.count.wrapping_add(1);
            let payload = stamped(at, vec![beat.metric(pulse.count)]);
            out.sends.push((Lane::Query, Frame::publish(self.link, &member.told_on(), payload.encode_to_vec())));
        }
    }

    fn ask(&mut self, at: Time, edge: usize, out: &mut Turn) {
        let edge = &mut self.edges[edge];
        if !edge.wants_birth || at < edge.ask_from {
            return;
        }
        edge.ask_from = at + ASK_EVERY;
        let rebirth = super::payload::metric(REBIRTH, DataType::Boolean, &Datum::Flag(true));
        let payload = stamped(at, vec![rebirth.expect("a flag is a flag")]);
        let topic = format!("{NAMESPACE}/{}/NCMD/{}", edge.group, edge.node);
        // To say again what is known can make nothing move.
        out.sends.push((Lane::Query, Frame::publish(self.link, &topic, payload.encode_to_vec())));
    }

    fn note(&self, edge: usize, device: Option<&str>, why: String, out: &mut Turn) {
        out.note(Note::Malformed { device: self.members[self.of(edge, device)].id, why });
    }

    /// The member that a message is told of: the device's own, else the node's first.
    fn of(&self, edge: usize, device: Option<&str>) -> usize {
        let members = &self.edges[edge].members;
        let own = members.iter().find(|place| self.members[**place].device.as_deref() == device);
        *own.unwrap_or(&members[0])
    }

    /// Every signal of the node (or of one device) is unknown from now on.
    fn forget(&self, edge: usize, device: Option<&str>, out: &mut Turn) {
        for member in self.edges[edge].members.iter().map(|place| &self.members[*place]) {
            if device.is_some() && member.device.as_deref() != device {
                continue;
            }
            let first = out.samples.len();
            out.samples.extend(member.picks.values().flatten().map(|pick| (pick.signal, Value::Unknown)));
            out.messages.push(Message { device: member.id, body: Body::Samples(first..out.samples.len()) });
        }
    }

    fn count(&mut self, edge: usize, device: Option<&str>, payload: &Payload, out: &mut Turn) {
        let Some(seq) = payload.seq.and_then(|seq| u8::try_from(seq).ok()) else {
            self.note(edge, device, "the message has no sequence number from 0 to 255".into(), out);
            self.edges[edge].wants_birth = true;
            return;
        };
        let lost = seq.wrapping_sub(self.edges[edge].next_seq);
        if lost != 0 {
            out.note(Note::Gap { device: self.members[self.of(edge, device)].id, lost: u32::from(lost) });
            self.edges[edge].wants_birth = true;
        }
        self.edges[edge].next_seq = seq.wrapping_add(1);
    }

    /// A birth certificate of the node or a device: what the metrics are, and their values.
    fn announce(&mut self, edge: usize, device: Option<&str>, payload: &Payload, out: &mut Turn) {
        let known = &mut self.edges[edge];
        let mut twice = None;
        for metric in &payload.metrics {
            let Some(name) = &metric.name else { continue };
            let kind = metric.datatype.and_then(DataType::numbered);
            if let Some(kind) = kind {
                known.types.insert((device.map(str::to_owned), name.clone()), kind);
            }
            if let Some(alias) = metric.alias {
                let stands = Known { device: device.map(str::to_owned), name: name.clone() };
                let before = known.aliases.insert(alias, stands);
                if before.is_some_and(|before| before.name != *name || before.device.as_deref() != device) {
                    twice = Some(alias);
                }
            }
        }
        if let Some(alias) = twice {
            self.note(edge, device, format!("alias {alias} is announced for two metrics"), out);
        }
        self.values(edge, device, payload, out);
        let place = self.of(edge, device);
        if self.members[place].device.as_deref() == device {
            self.identify(place, payload, out);
        }
    }

    fn identify(&mut self, place: usize, payload: &Payload, out: &mut Turn) {
        if self.identified[place] {
            return;
        }
        let member = &self.members[place];
        for (fact, wanted) in &member.facts {
            let metric = payload.metrics.iter().find(|metric| metric.name.as_deref() == Some(fact));
            let found = metric.and_then(|m| DataType::numbered(m.datatype?)?.decode(m.value.as_ref()?));
            let agrees = match (&found, wanted) {
                (Some(Datum::Number(found)), FieldValue::Number(wanted)) => found == wanted,
                (Some(Datum::Text(found)), FieldValue::Text(wanted)) => found == wanted,
                _ => false,
            };
            if !agrees {
                let found = found.map_or("nothing".to_owned(), |found| format!("{found:?}"));
                let (fact, wanted) = (fact.clone(), format!("{wanted:?}"));
                out.note(Note::WrongIdentity { device: member.id, fact, found, wanted });
                return;
            }
        }
        self.identified[place] = true;
        out.note(Note::Identified { device: member.id });
    }

    /// The values of a message become samples of its member.
    fn values(&mut self, edge: usize, device: Option<&str>, payload: &Payload, out: &mut Turn) {
        let first = out.samples.len();
        let mut unknown = Vec::new();
        let place = self.of(edge, device);
        let member = Some(&self.members[place]).filter(|member| member.device.as_deref() == device);
        let known = &self.edges[edge];
        for metric in &payload.metrics {
            match known.name(device, metric) {
                Ok(name) => {
                    // What was measured earlier is not how things are now.
                    if metric.is_historical == Some(true) {
                        continue;
                    }
                    let Some(picks) = member.and_then(|member| member.picks.get(name)) else { continue };
                    let datum = known.datum(device, name, metric);
                    out.samples.extend(picks.iter().map(|pick| (pick.signal, pick.value(&datum))));
                }
                Err(why) => unknown.push(why),
            }
        }
        if let Some(member) = member {
            out.messages.push(Message { device: member.id, body: Body::Samples(first..out.samples.len()) });
        }
        for why in unknown {
            self.note(edge, device, why, out);
            self.edges[edge].wants_birth = true;
        }
    }

    fn hear(&mut self, edge: usize, kind: &str, device: Option<&str>, payload: &Payload, out: &mut Turn) {
        match kind {
            "NBIRTH" => {
                let bd_seq = bd_seq(payload);
                if self.edges[edge].last.is_some_and(|last| last != bd_seq) {
                    for place in self.edges[edge].members.clone() {
                        out.note(Note::Restart { device: self.members[place].id });
                    }
                }
                let seq = payload.seq.and_then(|seq| u8::try_from(seq).ok());
                if seq != Some(0) {
                    self.note(edge, None, "a birth certificate begins the count at 0".into(), out);
                }
                let known = &mut self.edges[edge];
                known.born = Some(bd_seq);
                known.last = Some(bd_seq);
                known.next_seq = seq.unwrap_or(0).wrapping_add(1);
                known.wants_birth = false;
                known.devices.clear();
                known.aliases.clear();
                known.types.clear();
                self.announce(edge, None, payload, out);
            }
            "NDEATH" => {
                let said = bd_seq(payload);
                match self.edges[edge].born {
                    Some(born) if born == said => {
                        self.forget(edge, None, out);
                        let device = self.members[self.of(edge, None)].id;
                        let text = format!("edge node {} is gone (NDEATH)", self.edges[edge].node);
                        out.note(Note::Text { device, severity: 3, text });
                        let known = &mut self.edges[edge];
                        known.born = None;
                        known.devices.clear();
                        known.wants_birth = true;
                    }
                    Some(_) => self.note(edge, None, "a death certificate of another birth is passed over".into(), out),
                    None => {}
                }
            }
            _ if self.edges[edge].born.is_none() => {
                self.edges[edge].wants_birth = true;
                self.note(edge, device, format!("{kind} came before the edge node's birth certificate"), out);
            }
            _ => {
                self.count(edge, device, payload, out);
                match (kind, device) {
                    ("NDATA", None) => self.values(edge, None, payload, out),
                    ("DBIRTH", Some(device)) => {
                        self.edges[edge].devices.insert(device.to_owned());
                        self.announce(edge, Some(device), payload, out);
                    }
                    ("DDATA", Some(name)) if self.edges[edge].devices.contains(name) => {
                        self.values(edge, device, payload, out);
                    }
                    ("DDEATH", Some(name)) => {
                        self.edges[edge].devices.remove(name);
                        self.forget(edge, device, out);
                        let told = self.members[self.of(edge, device)].id;
                        out.note(Note::Text {
                            device: told,
                            severity: 3,
                            text: format!("device {name} is gone (DDEATH)"),
                        });
                    }
                    _ => {
                        self.edges[edge].wants_birth = true;
                        self.note(edge, device, format!("{kind} came before the device's birth certificate"), out);
                    }
                }
            }
        }
    }
}

impl Edge {
    /// The name of a metric: its own, or what its alias stands for.
    fn name<'a>(&'a self, device: Option<&str>, metric: &'a Metric) -> Result<&'a str, String> {
        if let Some(name) = metric.name.as_deref().filter(|name| !name.is_empty()) {
            return Ok(name);
        }
        let Some(alias) = metric.alias else { return Err("a metric has neither name nor alias".to_owned()) };
        match self.aliases.get(&alias) {
            Some(known) if known.device.as_deref() == device => Ok(&known.name),
            Some(_) => Err(format!("alias {alias} was announced for another device")),
            None => Err(format!("alias {alias} was never announced by a birth certificate")),
        }
    }
    /// The value, by the type that it says or that the birth said.
    fn datum(&self, device: Option<&str>, name: &str, metric: &Metric) -> Datum {
        if metric.is_null == Some(true) {
            return Datum::Null;
        }
        let born = || self.types.get(&(device.map(str::to_owned), name.to_owned())).copied();
        let kind = metric.datatype.and_then(DataType::numbered).or_else(born);
        kind.and_then(|kind| kind.decode(metric.value.as_ref()?)).unwrap_or(Datum::Null)
    }
}

/// The bdSeq of a birth or a death.
fn bd_seq(payload: &Payload) -> Option<u8> {
    let metric = payload.metrics.iter().find(|metric| metric.name.as_deref() == Some(BD_SEQ))?;
    // Edge nodes differ in the type that they give it; the number is what ties birth and death.
    match DataType::UInt64.decode(metric.value.as_ref()?)? {
        Datum::Number(number) => u8::try_from(number as u64).ok(),
        _ => None,
    }
}

impl Codec for Host {
    fn feed(&mut self, at: Time, frame: &Frame, out: &mut Turn) {
        if frame.topic.as_deref().is_some_and(|told| told == self.own_topic) {
            self.told_of_us(frame, out);
            return;
        }
        let found = frame.topic.as_deref().and_then(parts).and_then(|(group, kind, node, device)| {
            let edge = self.edges.iter().position(|edge| edge.group == group && edge.node == node)?;
            let known = match device {
                None => matches!(kind, "NBIRTH" | "NDATA" | "NDEATH"),
                Some(_) => matches!(kind, "DBIRTH" | "DDATA" | "DDEATH"),
            };
            known.then_some((edge, kind, device))
        });
        let Some((edge, kind, device)) = found else {
            out.note(Note::Foreign);
            return;
        };
        if frame.flags.retained {
            self.note(edge, device, format!("a retained {kind} is passed over"), out);
            return;
        }
        let payload = match frame.bytes.len() {
            0..=PAYLOAD_MAX => Payload::decode(frame.bytes.as_slice()).map_err(|why| why.to_string()),
            more => Err(format!("{more} bytes; at most {PAYLOAD_MAX} are read")),
        };
        match payload {
            Ok(payload) => self.hear(edge, kind, device, &payload, out),
            Err(why) => {
                self.note(edge, device, format!("{kind} is no Sparkplug payload: {why}"), out);
                self.edges[edge].wants_birth = true;
            }
        }
        self.ask(at, edge, out);
    }

    fn order_until(
        &mut self,
        at: Time,
        command: &Command,
        ticket: Ticket,
        not_after: Option<Time>,
        out: &mut Turn,
    ) -> Result<(), EncodeError> {
        let frame = self.encode(at, command).map_err(EncodeError)?;
        out.sends.push((Lane::Normal, frame.until(not_after).first_of(ticket.0)));
        Ok(())
    }

    fn tick(&mut self, at: Time, out: &mut Turn) {
        for edge in 0..self.edges.len() {
            self.ask(at, edge, out);
        }
        self.beat(at, out);
    }

    fn next_deadline(&self) -> Option<Time> {
        let births = self.edges.iter().filter(|edge| edge.wants_birth).map(|edge| edge.ask_from);
        births.chain(self.pulses.iter().map(|pulse| pulse.due)).min()
    }

    fn mute(&mut self, device: DeviceId, on: bool) -> bool {
        let pulse = self.pulses.iter_mut().find(|pulse| self.members[pulse.member].id == device);
        pulse.map(|pulse| pulse.muted = on).is_some()
    }

    fn safe(&self, command: &Command) -> Result<Vec<Frame>, NotTimeless> {
        Ok(vec![self.encode(Time::ZERO, command).map_err(NotTimeless)?])
    }

    /// Nothing waits here: orders leave in the call that gives them.
    fn abandon(&mut self) {}

    fn subscriptions(&self) -> Vec<String> {
        self.edges.iter().flat_map(|edge| topics(&edge.group, &edge.node).0).collect()
    }

    fn presence(&self) -> Option<Presence> {
        Some(presence(&self.name))
    }
}
