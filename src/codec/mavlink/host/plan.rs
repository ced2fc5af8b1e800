//! From the rig's words to byte offsets; every mistake at once.

use crate::codec::mavlink::dialect::{Dialect, DialectSource, FieldDef, MessageDef};
use crate::codec::mavlink::encode::{Payload, element_of};
use crate::codec::mavlink::field::Kind;
use crate::codec::{
    CommandMap, ConfigProblem, ConfigSite, Decode, DeviceConfig, FieldValue, LinkConfig, Protocol, SignalMap,
};
use crate::command::CommandId;
use crate::diag::nearest;
use crate::signal::{SignalId, Value};
use crate::time::Span;
use crate::wire::DeviceId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is known of a link before the first byte.
pub(super) struct LinkPlan {
    pub(super) dialect: Arc<Dialect>,
    pub(super) devices: Vec<DevicePlan>,
    /// Shortest heartbeat period that a device of the link asks for.
    pub(super) heartbeat: Option<Span>,
}

/// What is known of a device before the first byte.
pub(super) struct DevicePlan {
    pub(super) id: DeviceId,
    pub(super) system: u8,
    pub(super) component: u8,
    /// By the message's place in the dialect: which `picks` it feeds, as (first, how many).
    pub(super) routes: Vec<(u32, u32)>,
    pub(super) picks: Vec<Pick>,
    /// Messages to ask for: (number, period).
    pub(super) intervals: Vec<(u32, Span)>,
    pub(super) facts: Vec<Fact>,
    pub(super) orders: BTreeMap<CommandId, OrderPlan>,
}

/// One field that becomes a signal.
pub(super) struct Pick {
    pub(super) signal: SignalId,
    pub(super) kind: Kind,
    pub(super) offset: u8,
    pub(super) invalid: Option<f64>,
    pub(super) decode: PickDecode,
}

/// How the raw number becomes a value.
pub(super) enum PickDecode {
    Number {
        scale: f64,
        offset: f64,
    },
    /// In order of the raw numbers.
    States(Box<[(i64, u16)]>),
    Bit(u8),
    Flag,
}

impl Pick {
    /// The signal's value in a payload that is padded to full length.
    #[inline]
    pub(super) fn value(&self, payload: &[u8]) -> Value {
        let at = usize::from(self.offset);
        if let Some(invalid) = self.invalid
            && self.kind.number(payload, at) == invalid
        {
            return Value::Unknown;
        }
        match &self.decode {
            PickDecode::Number { scale, offset } => Value::Number(self.kind.number(payload, at) * scale + offset),
            PickDecode::States(states) => {
                match states.binary_search_by_key(&self.kind.bits(payload, at), |(raw, _)| *raw) {
                    Ok(found) => Value::State(states[found].1),
                    Err(_) => Value::Unknown,
                }
            }
            PickDecode::Bit(bit) => Value::Flag(self.kind.bits(payload, at) >> bit & 1 == 1),
            PickDecode::Flag => match self.kind.number(payload, at) {
                number if number.is_nan() => Value::Unknown,
                number => Value::Flag(number != 0.0),
            },
        }
    }
}

/// Something about the device that must be as the rig says.
pub(super) struct Fact {
    /// `AUTOPILOT_VERSION.uid`
    pub(super) name: String,
    /// Place of its message in the dialect.
    pub(super) place: u16,
    pub(super) message_id: u32,
    /// HEARTBEAT comes by itself; the others are asked for.
    pub(super) asked_for: bool,
    pub(super) field: FieldDef,
    pub(super) element: usize,
    pub(super) wanted: Wanted,
}

/// What a fact must be.
pub(super) enum Wanted {
    Number(f64),
    Text(String),
}

/// A command as a message with holes for its arguments.
pub(super) struct OrderPlan {
    /// Place of the message in the dialect.
    pub(super) place: u16,
    pub(super) payload: Payload,
    pub(super) holes: Vec<Hole>,
    pub(super) acked: bool,
    /// Offset of COMMAND_LONG's count of repetitions.
    pub(super) confirmation: Option<u8>,
    /// Field that COMMAND_ACK repeats; messages without one are acknowledged by their own number.
    pub(super) command: Option<(Kind, u8)>,
}

/// Where an argument goes.
pub(super) struct Hole {
    pub(super) field: String,
    pub(super) kind: Kind,
    pub(super) offset: u8,
    pub(super) index: u8,
    pub(super) scale: f64,
    pub(super) shift: f64,
}

struct Checker<'a> {
    dialect: &'a Dialect,
    device: DeviceId,
    problems: &'a mut Vec<ConfigProblem>,
}

/// Works out the plan of a link, or everything that is wrong with its configuration.
pub(super) fn plan(config: &LinkConfig) -> Result<LinkPlan, Vec<ConfigProblem>> {
    let mut problems = Vec::new();
    let dialect = one_dialect(config, &mut problems);
    // A dialect that cannot be read makes every name unknown: say only that.
    let Some(dialect) = dialect else { return Err(problems) };
    let mut devices = Vec::new();
    let mut heartbeat: Option<Span> = None;
    for device in &config.devices {
        let Protocol::Mavlink { system, component, .. } = device.protocol else { continue };
        if devices.iter().any(|d: &DevicePlan| (d.system, d.component) == (system, component)) {
            problems.push(ConfigProblem {
                device: device.device,
                site: ConfigSite::Protocol,
                message: format!(
                    "system {system}, component {component} is the address of another device of this link"
                ),
                remedy: Some("give each device of a link its own address".into()),
            });
        }
        let mut checker = Checker { dialect: &dialect, device: device.device, problems: &mut problems };
        if device.poll.is_some() {
            let remedy = Some("leave `poll` out; messages are asked for by themselves, as `every` of the signals says");
            checker.problem(ConfigSite::Poll, "MAVLink devices are asked nothing".into(), remedy.map(str::to_string));
        }
        if let Some(period) = checker.heartbeat(device) {
            heartbeat = Some(heartbeat.map_or(period, |p| p.min(period)));
        }
        devices.push(checker.device_plan(device, system, component));
    }
    if problems.is_empty() { Ok(LinkPlan { dialect, devices, heartbeat }) } else { Err(problems) }
}

fn one_dialect(config: &LinkConfig, problems: &mut Vec<ConfigProblem>) -> Option<Arc<Dialect>> {
    let mut source: Option<(&DialectSource, &str)> = None;
    for device in &config.devices {
        let message = match (&device.protocol, source) {
            (Protocol::Mavlink { dialect, .. }, None) => {
                source = Some((dialect, &device.name));
                continue;
            }
            (Protocol::Mavlink { dialect, .. }, Some((first, _))) if dialect == first => continue,
            (Protocol::Mavlink { .. }, Some((_, first))) => {
                format!("another dialect than that of `{first}` on the same link")
            }
            (other, _) => format!("a link that speaks MAVLink cannot carry {}", other.speaks()),
        };
        problems.push(ConfigProblem {
            device: device.device,
            site: ConfigSite::Protocol,
            message,
            remedy: Some("give all devices of a link one protocol and one dialect".into()),
        });
    }
    let first = config.devices.first()?;
    match Dialect::load(source?.0) {
        Ok(dialect) => Some(dialect),
        Err(why) => {
            problems.push(ConfigProblem {
                device: first.device,
                site: ConfigSite::Protocol,
                message: format!("the dialect cannot be read: {why}"),
                remedy: None,
            });
            None
        }
    }
}

/// The nearest known name, as a remedy.
pub(in crate::codec) fn did_you_mean<'a>(found: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    nearest(found, candidates).map(|name| format!("did you mean `{name}`?"))
}

impl<'d> Checker<'d> {
    fn problem(&mut self, site: ConfigSite, message: String, remedy: Option<String>) {
        self.problems.push(ConfigProblem { device: self.device, site, message, remedy });
    }

    fn heartbeat(&mut self, device: &DeviceConfig) -> Option<Span> {
        let (message, period) = device.heartbeat.as_ref()?;
        if message != "HEARTBEAT" {
            // Anything else could make something move, and what we send unasked must not.
            self.problem(
                ConfigSite::Heartbeat,
                format!("`{message}` cannot be sent as a heartbeat"),
                Some("send HEARTBEAT".into()),
            );
            return None;
        }
        if self.dialect.find(message).is_none() {
            self.problem(ConfigSite::Heartbeat, "this dialect has no HEARTBEAT".into(), None);
            return None;
        }
        if *period <= Span::ZERO {
            self.problem(ConfigSite::Heartbeat, format!("a period of {period} is not longer than nothing"), None);
            return None;
        }
        Some(*period)
    }

    fn device_plan(&mut self, device: &DeviceConfig, system: u8, component: u8) -> DevicePlan {
        let mut by_place: BTreeMap<u16, (Vec<Pick>, Option<Span>)> = BTreeMap::new();
        for (index, map) in device.signals.iter().enumerate() {
            let Some((place, pick)) = self.pick(index, map) else { continue };
            let (picks, every) = by_place.entry(place).or_default();
            picks.push(pick);
            if let Some(wanted) = map.every {
                *every = Some(every.map_or(wanted, |shortest: Span| shortest.min(wanted)));
            }
        }
        let mut routes = vec![(0, 0); self.dialect.len()];
        let mut picks = Vec::with_capacity(device.signals.len());
        let mut intervals = Vec::new();
        for (place, (message_picks, every)) in by_place {
            routes[usize::from(place)] = (picks.len() as u32, message_picks.len() as u32);
            picks.extend(message_picks);
            let message = self.dialect.at(place);
            match every {
                // Every MAVLink system sends its heartbeat once a second by itself.
                Some(period) if message.name != "HEARTBEAT" || period < Span::from_secs(1) => {
                    intervals.push((message.id, period));
                }
                _ => {}
            }
        }
        let facts = (device.identity.iter().enumerate())
            .filter_map(|(index, (name, wanted))| self.fact(index, name, wanted))
            .collect();
        let orders = (device.commands.iter().enumerate())
            .filter_map(|(index, map)| Some((map.command, self.order(index, map, system, component)?)))
            .collect();
        DevicePlan { id: device.device, system, component, routes, picks, intervals, facts, orders }
    }

    /// Finds `MESSAGE.field[3]`.
    fn locate(&mut self, site: ConfigSite, path: &str) -> Option<(u16, &'d MessageDef, &'d FieldDef, usize)> {
        let Some((message_name, field_name)) = path.split_once('.') else {
            let remedy = Some("write MESSAGE.field, such as ATTITUDE.roll".to_string());
            self.problem(site, format!("`{path}` names no field of a message"), remedy);
            return None;
        };
        let (place, message) = self.message(site.clone(), message_name)?;
        let (field, element) = self.field(site, message, field_name)?;
        Some((place, message, field, element))
    }

    fn message(&mut self, site: ConfigSite, name: &str) -> Option<(u16, &'d MessageDef)> {
        let found = self.dialect.find(name);
        if found.is_none() {
            let remedy = did_you_mean(name, self.dialect.names());
            self.problem(site, format!("message `{name}` is not in the dialect"), remedy);
        }
        found
    }

    fn field(&mut self, site: ConfigSite, message: &'d MessageDef, text: &str) -> Option<(&'d FieldDef, usize)> {
        let (name, element) = match element_of(text) {
            Ok(found) => found,
            Err(why) => {
                self.problem(site, why, None);
                return None;
            }
        };
        let Some(field) = message.field(name) else {
            let remedy = did_you_mean(name, message.fields.iter().map(|f| f.name.as_str()));
            self.problem(site, format!("message `{}` has no field `{name}`", message.name), remedy);
            return None;
        };
        let bracketed = text.len() > name.len();
        let wrong = match field.array {
            None if bracketed => Some(format!("field `{name}` of `{}` is no array", message.name)),
            Some(length) if element >= usize::from(length) => {
                Some(format!("field `{name}` of `{}` has elements 0 to {}, not {element}", message.name, length - 1))
            }
            Some(_) if !bracketed && !field.is_text() => {
                Some(format!("field `{name}` of `{}` is an array: say which element, as in `{name}[0]`", message.name))
            }
            _ => None,
        };
        if let Some(wrong) = wrong {
            self.problem(site, wrong, None);
            return None;
        }
        Some((field, element))
    }

    fn pick(&mut self, index: usize, map: &SignalMap) -> Option<(u16, Pick)> {
        let site = ConfigSite::Signal(index);
        let (place, message, field, element) = self.locate(site.clone(), &map.field)?;
        if field.is_text() {
            self.problem(site, format!("`{}` is a text, not a number", map.field), None);
            return None;
        }
        let decode = match &map.decode {
            Decode::Number => PickDecode::Number { scale: map.scale, offset: map.offset },
            Decode::Flag => PickDecode::Flag,
            Decode::Bit(bit) if !field.kind.is_integer() => {
                self.problem(site, format!("bit {bit} of `{}`, which is no whole number", map.field), None);
                return None;
            }
            Decode::Bit(bit) if usize::from(*bit) >= 8 * field.kind.size() => {
                let last = 8 * field.kind.size() - 1;
                let message = format!("bit {bit} of `{}`, which has bits 0 to {last}", map.field);
                self.problem(site, message, None);
                return None;
            }
            Decode::Bit(bit) => PickDecode::Bit(*bit),
            Decode::States(_) | Decode::NamedStates(_) if !field.kind.is_integer() => {
                let message = format!("states of `{}`, which is no whole number", map.field);
                self.problem(site, message, Some("map it to a number with a unit".into()));
                return None;
            }
            Decode::NamedStates(_) => {
                let message = format!("states of `{}` are numbers on the wire, not texts", map.field);
                self.problem(site, message, None);
                return None;
            }
            Decode::States(states) => {
                let mut sorted = states.clone();
                sorted.sort_unstable();
                if let Some(pair) = sorted.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                    let message = format!("two states of `{}` have the same number {}", map.field, pair[0].0);
                    self.problem(site, message, None);
                    return None;
                }
                let limits = field.kind.limits().filter(|_| field.kind.size() < 8);
                if let Some((low, high)) = limits
                    && let Some((raw, _)) = sorted.iter().find(|(raw, _)| !(low..=high).contains(&i128::from(*raw)))
                {
                    let message = format!("state {raw} cannot occur: `{}` holds {low} to {high}", map.field);
                    self.problem(site, message, None);
                    return None;
                }
                PickDecode::States(sorted.into())
            }
        };
        // A bit field or state list says itself which numbers it knows.
        let invalid = field.invalid.filter(|_| matches!(map.decode, Decode::Number));
        let offset = field.offset + (element * field.kind.size()) as u8;
        debug_assert!(usize::from(offset) + field.kind.size() <= usize::from(message.full_len));
        Some((place, Pick { signal: map.signal, kind: field.kind, offset, invalid, decode }))
    }

    fn fact(&mut self, index: usize, name: &str, wanted: &FieldValue) -> Option<Fact> {
        let site = ConfigSite::Identity(index);
        let (place, message, field, element) = self.locate(site.clone(), name)?;
        let wanted = match wanted {
            FieldValue::Text(text) if field.is_text() => Wanted::Text(text.clone()),
            FieldValue::Text(entry) => Wanted::Number(self.entry(site, field, entry)? as f64),
            FieldValue::Number(_) if field.is_text() => {
                self.problem(site, format!("`{name}` is a text, not a number"), None);
                return None;
            }
            FieldValue::Number(number) => Wanted::Number(self.fitting(site, field, *number)?),
            FieldValue::Arg { .. } => {
                self.problem(site, format!("`{name}` cannot be an argument: nobody gives one here"), None);
                return None;
            }
        };
        Some(Fact {
            name: name.to_string(),
            place,
            message_id: message.id,
            asked_for: message.name != "HEARTBEAT",
            field: field.clone(),
            element,
            wanted,
        })
    }

    fn entry(&mut self, site: ConfigSite, field: &FieldDef, entry: &str) -> Option<i64> {
        let own = field.enumeration.as_deref().map_or(&[][..], |name| self.dialect.entries_of(name));
        let found = own.iter().find(|(name, _)| name == entry).map(|(_, v)| *v).or_else(|| self.dialect.entry(entry));
        if found.is_none() {
            let remedy = did_you_mean(entry, own.iter().map(|(name, _)| name.as_str()))
                .or_else(|| did_you_mean(entry, self.dialect.entry_names()));
            self.problem(site, format!("`{entry}` is no entry of an enum of the dialect"), remedy);
        }
        found
    }

    /// The number, if the field can hold it.
    fn fitting(&mut self, site: ConfigSite, field: &FieldDef, number: f64) -> Option<f64> {
        match why_unfit(field.kind, number) {
            None => Some(number),
            Some(why) => {
                self.problem(site, format!("field `{}` {why}", field.name), None);
                None
            }
        }
    }

    fn order(&mut self, index: usize, map: &CommandMap, system: u8, component: u8) -> Option<OrderPlan> {
        let (place, message) = self.message(ConfigSite::Command(index), &map.send)?;
        let mut plan = OrderPlan {
            place,
            payload: Payload::new(message),
            holes: Vec::new(),
            acked: map.ack.is_some(),
            confirmation: message.field("confirmation").map(|f| f.offset),
            command: message.field("command").map(|f| (f.kind, f.offset)),
        };
        for (name, address) in [("target_system", system), ("target_component", component)] {
            if let Some(field) = message.field(name) {
                plan.payload.number(field, 0, address.into());
            }
        }
        if let Some(ack) = &map.ack
            && ack != "COMMAND_ACK"
        {
            let remedy = Some("write COMMAND_ACK, or leave `ack` out".to_string());
            self.problem(ConfigSite::Command(index), format!("`{ack}` acknowledges no command"), remedy);
        }
        for (position, (name, value)) in map.with.iter().enumerate() {
            let site = ConfigSite::CommandField(index, position);
            if map.with[..position].iter().any(|(earlier, _)| earlier == name) {
                self.problem(site, format!("field `{name}` is given twice"), None);
                continue;
            }
            let Some((field, element)) = self.field(site.clone(), message, name) else { continue };
            let number = match value {
                FieldValue::Text(text) if field.is_text() => {
                    if text.len() > field.size() {
                        let message = format!("`{text}` is longer than the {} bytes of `{name}`", field.size());
                        self.problem(site, message, None);
                    }
                    plan.payload.text(field, text);
                    continue;
                }
                _ if field.is_text() => {
                    self.problem(site, format!("field `{name}` is a text, not a number"), None);
                    continue;
                }
                FieldValue::Arg { index, scale, offset } => {
                    plan.holes.push(Hole {
                        field: name.clone(),
                        kind: field.kind,
                        offset: field.offset + (element * field.kind.size()) as u8,
                        index: *index,
                        scale: *scale,
                        shift: *offset,
                    });
                    continue;
                }
                FieldValue::Text(entry) => self.entry(site.clone(), field, entry).map(|v| v as f64),
                FieldValue::Number(number) => Some(*number),
            };
            if let Some(number) = number.and_then(|n| self.fitting(site, field, n)) {
                plan.payload.number(field, element, number);
            }
        }
        Some(plan)
    }
}

/// Why a field of this kind cannot hold the number, as the end of a sentence.
pub(super) fn why_unfit(kind: Kind, number: f64) -> Option<String> {
    let (low, high) = kind.limits()?;
    let whole = number as i128;
    if number.is_finite() && whole as f64 != number {
        return Some(format!("holds whole numbers, not {number}"));
    }
    if !number.is_finite() || !(low..=high).contains(&whole) {
        return Some(format!("holds {low} to {high}, not {number}"));
    }
    None
}
