//! From the rig's words to metrics; every mistake at once.

use super::host::Pick;
use super::payload::{DataType, Datum, TYPES};
use super::state::DEFAULT_HOST;
use super::told_on;
use crate::codec::{CommandMap, ConfigProblem, ConfigSite, Decode, DeviceConfig, FieldValue, LinkConfig, Protocol};
use crate::command::{Command, CommandId};
use crate::time::Span;
use crate::wire::DeviceId;
use std::collections::BTreeMap;

/// A device of the rig: an edge node's own metrics, or those of one device below it.
pub(super) struct Member {
    pub(super) id: DeviceId,
    pub(super) group: String,
    pub(super) node: String,
    pub(super) device: Option<String>,
    /// The primary host that its node waits for.
    pub(super) host: Option<String>,
    pub(super) picks: BTreeMap<String, Vec<Pick>>,
    pub(super) orders: BTreeMap<CommandId, Order>,
    pub(super) facts: Vec<(String, FieldValue)>,
    pub(super) beat: Option<Beat>,
}

impl Member {
    /// Where it is told something.
    pub(super) fn told_on(&self) -> String {
        told_on(&self.group, &self.node, self.device.as_deref())
    }
}

/// A metric that counts while the bench lives.
pub(super) struct Beat {
    name: String,
    kind: DataType,
    pub(super) every: Span,
}

impl Beat {
    /// The metric at this count, which stays below what the least type can hold.
    pub(super) fn metric(&self, count: u8) -> super::payload::Metric {
        super::payload::metric(&self.name, self.kind, &Datum::Number(f64::from(count % 100)))
            .expect("every whole type holds numbers below a hundred")
    }
}

/// A command as metrics.
pub(super) struct Order {
    fields: Vec<(String, DataType, FieldValue)>,
}

impl Order {
    /// Its metrics, each with name, type and value.
    pub(super) fn metrics(&self, command: &Command) -> Result<Vec<super::payload::Metric>, String> {
        let metrics = self.fields.iter().map(|(name, kind, value)| {
            let datum = match value {
                FieldValue::Number(number) => Datum::Number(*number),
                FieldValue::Text(text) => text_as(*kind, text),
                FieldValue::Arg { index, scale, offset } => {
                    let given = command.args().get(usize::from(*index));
                    let given = given.ok_or_else(|| format!("argument {index} was not given"))?;
                    Datum::Number(given * scale + offset)
                }
            };
            super::payload::metric(name, *kind, &datum).map_err(|why| format!("metric `{name}`: {why}"))
        });
        metrics.collect()
    }
}

/// `true` and `false` are flags where a flag is wanted.
fn text_as(kind: DataType, text: &str) -> Datum {
    match (kind, text) {
        (DataType::Boolean, "true") => Datum::Flag(true),
        (DataType::Boolean, "false") => Datum::Flag(false),
        _ => Datum::Text(text.to_owned()),
    }
}

/// Works out the members of a link, or everything that is wrong with its configuration.
pub(super) fn plan(config: &LinkConfig) -> Result<Vec<Member>, Vec<ConfigProblem>> {
    let mut problems = Vec::new();
    let mut members: Vec<Member> = Vec::new();
    for device in &config.devices {
        let Some(member) = member(device, &mut problems) else { continue };
        let other = members.iter().find(|m| m.host != member.host);
        if let Some(other) = other {
            let name = |host: &Option<String>| host.clone().unwrap_or_else(|| DEFAULT_HOST.to_owned());
            // One connection has one will, and so one name.
            problem(
                &mut problems,
                device,
                ConfigSite::Protocol,
                format!(
                    "its host is `{}`, and that of another device of the link `{}`",
                    name(&member.host),
                    name(&other.host)
                ),
                Some("write the same `host` for all devices of a link"),
            );
        }
        members.push(member);
    }
    if problems.is_empty() { Ok(members) } else { Err(problems) }
}

fn problem(
    problems: &mut Vec<ConfigProblem>,
    device: &DeviceConfig,
    site: ConfigSite,
    message: String,
    remedy: Option<&str>,
) {
    problems.push(ConfigProblem { device: device.device, site, message, remedy: remedy.map(str::to_owned) });
}

fn member(device: &DeviceConfig, problems: &mut Vec<ConfigProblem>) -> Option<Member> {
    let mut wrong = |site, message: String, remedy: Option<&str>| problem(problems, device, site, message, remedy);
    let Protocol::Sparkplug { group, node, device: below, host } = &device.protocol else {
        let remedy = Some("give it a link of its own; two links can be `{ mqtt: embedded }`");
        wrong(ConfigSite::Protocol, "a link that speaks Sparkplug B cannot carry another protocol".into(), remedy);
        return None;
    };
    let beat = device.heartbeat.as_ref().and_then(|(text, every)| beat(device, text, *every, &mut wrong));
    if device.poll.is_some() {
        let message = "Sparkplug devices are asked nothing but their birth certificates".into();
        wrong(ConfigSite::Poll, message, Some("leave `poll` out"));
    }
    if device.tells.is_some() {
        let message = "a controller cannot be told anything over Sparkplug".into();
        wrong(ConfigSite::Tells, message, Some("put the controller on a link that speaks `json`"));
    }
    for place in 0..device.may.len() {
        let message = "a controller cannot ask over Sparkplug".into();
        wrong(ConfigSite::May(place), message, Some("put the controller on a link that speaks `json`"));
    }
    let mut picks: BTreeMap<String, Vec<Pick>> = BTreeMap::new();
    for (place, map) in device.signals.iter().enumerate() {
        if map.field.is_empty() {
            wrong(ConfigSite::Signal(place), "a metric has a name".into(), None);
        }
        if let Decode::Bit(bit) = map.decode
            && bit > 52
        {
            wrong(ConfigSite::Signal(place), format!("bit {bit}: numbers have bits 0 to 52 here"), None);
        }
        picks.entry(map.field.clone()).or_default().push(Pick::new(map));
    }
    let mut orders = BTreeMap::new();
    for (place, map) in device.commands.iter().enumerate() {
        if let Some(order) = order(place, map, below.is_some(), &mut wrong) {
            orders.insert(map.command, order);
        }
    }
    Some(Member {
        id: device.device,
        group: group.clone(),
        node: node.clone(),
        device: below.clone(),
        host: host.clone(),
        picks,
        orders,
        facts: device.identity.clone(),
        beat,
    })
}

fn beat(
    device: &DeviceConfig,
    text: &str,
    every: Span,
    wrong: &mut impl FnMut(ConfigSite, String, Option<&str>),
) -> Option<Beat> {
    let named = text.rsplit_once(':').and_then(|(name, kind)| Some((name, DataType::named(kind)?)));
    let Some((name, kind)) = named.filter(|(name, kind)| !name.is_empty() && kind.is_whole()) else {
        let remedy = Some("name a metric of its own with a whole type, such as `watchdog:UInt8`");
        wrong(ConfigSite::Heartbeat, format!("`{text}` cannot count our beats"), remedy);
        return None;
    };
    let sets = |map: &CommandMap| map.with.iter().any(|(field, _)| field.rsplit_once(':').is_some_and(|f| f.0 == name));
    if device.commands.iter().any(sets) {
        // What is sent unasked must not be able to make anything move.
        let remedy = Some("name a metric that nothing but the heartbeat sets");
        wrong(ConfigSite::Heartbeat, format!("a command sets `{name}` too"), remedy);
        return None;
    }
    Some(Beat { name: name.to_owned(), kind, every })
}

fn order(
    place: usize,
    map: &CommandMap,
    below: bool,
    wrong: &mut impl FnMut(ConfigSite, String, Option<&str>),
) -> Option<Order> {
    let wanted = if below { "DCMD" } else { "NCMD" };
    if map.send != wanted {
        let of = if below { "a device" } else { "an edge node" };
        let message = format!("`{}` is not how {of} is told something", map.send);
        wrong(ConfigSite::Command(place), message, Some(&format!("write `send: {wanted}`")));
        return None;
    }
    if let Some(ack) = &map.ack {
        let message = format!("`{ack}`: Sparkplug devices acknowledge nothing");
        wrong(
            ConfigSite::Command(place),
            message,
            Some("leave `ack` out, and watch a signal that shows what the command does"),
        );
    }
    if map.with.is_empty() {
        let message = "a command sets at least one metric".into();
        wrong(ConfigSite::Command(place), message, Some("add `with: { \"name:Boolean\": true }`"));
    }
    let mut fields = Vec::new();
    for (position, (name, value)) in map.with.iter().enumerate() {
        let site = ConfigSite::CommandField(place, position);
        let Some((name, kind)) = name.rsplit_once(':').and_then(|(name, kind)| Some((name, DataType::named(kind)?)))
        else {
            // A device that must guess the type may take the command for no value at all.
            let known: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
            let remedy = format!("write `\"{name}:Int32\"`; types are {}", known.join(", "));
            wrong(site, format!("`{name}` says no data type"), Some(&remedy));
            continue;
        };
        let fixed = match value {
            FieldValue::Number(number) => kind.encode(&Datum::Number(*number)).map(drop),
            FieldValue::Text(text) => kind.encode(&text_as(kind, text)).map(drop),
            FieldValue::Arg { .. } if matches!(kind, DataType::String | DataType::Text) => {
                Err(format!("an argument is a number, and `{name}` a text"))
            }
            FieldValue::Arg { .. } => Ok(()),
        };
        match fixed {
            Ok(()) => fields.push((name.to_owned(), kind, value.clone())),
            Err(why) => wrong(site, why, None),
        }
    }
    Some(Order { fields })
}
