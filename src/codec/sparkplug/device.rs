//! The mirror: an edge node with its devices. Twins and tests stand on it.

use super::payload::{DataType, Datum, Metric, Payload, metric, millis, stamped};
use super::state::Primary;
use super::{BD_SEQ, NAMESPACE, REBIRTH, parts, topics};
use crate::time::Time;
use crate::wire::{Frame, FrameFlags, LinkId};
use prost::Message;

/// A metric that the node announces; its place in the list is its alias.
#[derive(Clone, PartialEq, Debug)]
pub struct Tag {
    /// `None`: a metric of the node itself.
    pub device: Option<String>,
    pub name: String,
    pub kind: DataType,
}

/// What a frame meant to the node.
#[derive(Clone, PartialEq, Debug)]
pub enum Heard {
    /// It is asked for its birth certificates.
    Rebirth,
    /// A metric is to have this value; the place in the list of tags.
    Command { tag: usize, value: Datum },
    /// It does nothing, and why.
    Refused(String),
}

/// The session of an edge node.
#[derive(Clone, Debug)]
pub struct EdgeNode {
    link: LinkId,
    group: String,
    node: String,
    tags: Vec<Tag>,
    bd_seq: u8,
    seq: u8,
    now: Time,
    primary: Option<Primary>,
}

impl EdgeNode {
    /// A node that was not born yet.
    pub fn new(link: LinkId, group: &str, node: &str, tags: Vec<Tag>) -> EdgeNode {
        EdgeNode {
            link,
            group: group.to_owned(),
            node: node.to_owned(),
            tags,
            bd_seq: 0,
            seq: 0,
            now: Time::ZERO,
            primary: None,
        }
    }
    /// What it says from here on has this time stamp.
    pub fn at(&mut self, now: Time) {
        self.now = now;
    }
    /// The same node with a primary host: it is to say nothing and do nothing while that is not there.
    pub fn waiting_for(self, host: &str) -> EdgeNode {
        EdgeNode { primary: Some(Primary::new(host)), ..self }
    }
    /// Whether it may be in a session: it has no primary host, or that is there.
    pub fn hosted(&self) -> bool {
        self.primary.as_ref().is_none_or(Primary::online)
    }
    /// Whether its primary host is there now, where the frame has changed that.
    pub fn hear_host(&mut self, frame: &Frame) -> Option<bool> {
        self.primary.as_mut()?.hear(frame.topic.as_deref()?, &frame.bytes)
    }
    /// The topics that it listens to.
    pub fn subscriptions(&self) -> Vec<String> {
        let own = self.primary.iter().map(|primary| primary.topic().to_owned());
        topics(&self.group, &self.node).1.into_iter().chain(own).collect()
    }
    /// A new session: the next birth has another bdSeq.
    pub fn restart(&mut self) {
        self.bd_seq = self.bd_seq.wrapping_add(1);
    }
    /// The birth certificates: of the node, then of each device, with the values of all tags in their order.
    pub fn birth(&mut self, values: &[Datum]) -> Vec<Frame> {
        self.seq = 0;
        let own = [number(BD_SEQ, DataType::Int64, f64::from(self.bd_seq)), flag(REBIRTH, false)];
        let of = |device: Option<&str>| -> Vec<Metric> {
            let mine = self.tags.iter().zip(values).enumerate();
            mine.filter(|(_, (tag, _))| tag.device.as_deref() == device)
                .map(|(alias, (tag, value))| {
                    let value =
                        metric(&tag.name, tag.kind, value).or_else(|_| metric(&tag.name, tag.kind, &Datum::Null));
                    Metric { alias: Some(alias as u64), ..value.expect("every type can be null") }
                })
                .collect()
        };
        let mut said = vec![("NBIRTH", None, own.into_iter().chain(of(None)).collect::<Vec<_>>())];
        for device in self.devices() {
            said.push(("DBIRTH", Some(device.clone()), of(Some(&device))));
        }
        said.into_iter().map(|(kind, device, metrics)| self.publish(kind, device.as_deref(), metrics)).collect()
    }
    /// Values that changed, by their places, by alias alone: one message for the node and one per device.
    pub fn data(&mut self, changes: &[(usize, Datum)]) -> Vec<Frame> {
        let mut said = Vec::new();
        for device in std::iter::once(None).chain(self.devices().into_iter().map(Some)) {
            let mine =
                changes.iter().filter(|(place, _)| self.tags.get(*place).is_some_and(|tag| tag.device == device));
            let metrics: Vec<Metric> = mine
                .map(|(place, value)| {
                    let value = self.tags[*place].kind.encode(value).ok().flatten();
                    let is_null = value.is_none().then_some(true);
                    Metric { alias: Some(*place as u64), is_null, value, ..Metric::default() }
                })
                .collect();
            if !metrics.is_empty() {
                let kind = if device.is_some() { "DDATA" } else { "NDATA" };
                said.push(self.publish(kind, device.as_deref(), metrics));
            }
        }
        said
    }
    /// The node's death certificate, as its broker says it for it: without a sequence number.
    pub fn death(&self) -> Frame {
        let payload = stamped(self.now, vec![number(BD_SEQ, DataType::Int64, f64::from(self.bd_seq))]);
        let flags = FrameFlags { qos: 1, ..FrameFlags::default() };
        Frame { flags, ..Frame::publish(self.link, &self.topic("NDEATH", None), payload.encode_to_vec()) }
    }
    /// The death certificate of one of its devices.
    pub fn device_death(&mut self, device: &str) -> Frame {
        self.publish("DDEATH", Some(device), Vec::new())
    }
    /// What a frame asks of it; nothing where it is for somebody else.
    pub fn hear(&self, frame: &Frame) -> Vec<Heard> {
        let Some((group, kind, node, device)) = frame.topic.as_deref().and_then(parts) else { return Vec::new() };
        if !self.hosted() {
            return Vec::new();
        }
        if group != self.group || node != self.node || !matches!((kind, device), ("NCMD", None) | ("DCMD", Some(_))) {
            return Vec::new();
        }
        if frame.flags.retained {
            return vec![Heard::Refused("a retained command is old news".to_owned())];
        }
        let Ok(payload) = Payload::decode(frame.bytes.as_slice()) else {
            return vec![Heard::Refused("the payload is no Sparkplug payload".to_owned())];
        };
        payload.metrics.iter().map(|metric| self.command(device, metric)).collect()
    }

    fn command(&self, device: Option<&str>, metric: &Metric) -> Heard {
        // A host that knows the birth names the metric by its alias alone (payloads-alias-data-cmd-requirement), and leaves
        // its type out (payloads-metric-datatype-not-req).
        let announced = || metric.alias.and_then(|alias| self.tags.get(usize::try_from(alias).ok()?));
        let name = metric.name.as_deref().or_else(|| announced().map(|tag| tag.name.as_str()));
        let Some(name) = name else {
            return Heard::Refused("a command names its metric, or has an alias of the birth".to_owned());
        };
        let tag = self.tags.iter().position(|tag| tag.device.as_deref() == device && tag.name == name);
        let rebirth = device.is_none() && name == REBIRTH;
        let born = match tag {
            Some(tag) => Some(self.tags[tag].kind),
            None => rebirth.then_some(DataType::Boolean),
        };
        let kind = metric.datatype.map_or(born, DataType::numbered);
        let value = kind.and_then(|kind| kind.decode(metric.value.as_ref()?));
        let Some(value) = value else {
            return Heard::Refused(format!("the command of `{name}` has no value of a known type"));
        };
        if rebirth {
            return match value {
                Datum::Flag(true) => Heard::Rebirth,
                _ => Heard::Refused("no rebirth is asked for".to_owned()),
            };
        }
        match tag {
            Some(tag) => Heard::Command { tag, value },
            None => Heard::Refused(format!("there is no metric `{name}`")),
        }
    }
    fn devices(&self) -> Vec<String> {
        let mut devices: Vec<String> = self.tags.iter().filter_map(|tag| tag.device.clone()).collect();
        devices.sort();
        devices.dedup();
        devices
    }
    fn topic(&self, kind: &str, device: Option<&str>) -> String {
        let node = format!("{NAMESPACE}/{}/{kind}/{}", self.group, self.node);
        device.map_or(node.clone(), |device| format!("{node}/{device}"))
    }
    fn publish(&mut self, kind: &str, device: Option<&str>, mut metrics: Vec<Metric>) -> Frame {
        // payloads-name-birth-data-requirement.
        metrics.iter_mut().for_each(|metric| metric.timestamp = Some(millis(self.now)));
        let payload = Payload { seq: Some(u64::from(self.seq)), ..stamped(self.now, metrics) };
        self.seq = self.seq.wrapping_add(1);
        Frame::publish(self.link, &self.topic(kind, device), payload.encode_to_vec())
    }
}

fn number(name: &str, kind: DataType, value: f64) -> Metric {
    metric(name, kind, &Datum::Number(value)).expect("a small whole number fits")
}

fn flag(name: &str, value: bool) -> Metric {
    metric(name, DataType::Boolean, &Datum::Flag(value)).expect("a flag is a flag")
}
