//! From the description to patterns and places; every mistake at once.

use super::pattern::{Filling, Pattern, Template};
use super::{Ends, LinesConfig};
use crate::codec::checksum::Checksum;
use crate::codec::{
    CommandMap, ConfigProblem, ConfigSite, Decode, DeviceConfig, FieldValue, LinkConfig, Protocol, SignalMap,
};
use crate::command::{Command, CommandId};
use crate::diag::nearest;
use crate::signal::{SignalId, Value};
use crate::time::{Span, Time};
use crate::wire::DeviceId;

/// What is known of the device before its first line.
pub(super) struct Plan {
    pub(super) id: DeviceId,
    pub(super) messages: Vec<MessagePlan>,
    pub(super) orders: Vec<OrderPlan>,
    pub(super) asks: Vec<AskPlan>,
    pub(super) heartbeat: Option<Beat>,
    pub(super) facts: Vec<Fact>,
    pub(super) refuses: Option<usize>,
    pub(super) restarts: Option<usize>,
    pub(super) sum: Option<Checksum>,
    pub(super) ends: Ends,
    pub(super) cancel: Vec<u8>,
    pub(super) within: Span,
    /// Empty: the device has none.
    pub(super) prompt: Vec<u8>,
}

pub(super) struct MessagePlan {
    pub(super) name: String,
    pub(super) pattern: Pattern,
    /// For messages that are templates, how the mirror writes them.
    pub(super) template: Option<Template>,
    pub(super) picks: Vec<Pick>,
}

/// What follows the name of a group that is written in hexadecimal digits.
const HEX: &str = ":hex";

pub(super) struct Pick {
    group: String,
    hex: bool,
    signal: SignalId,
    scale: f64,
    offset: f64,
    decode: Decode,
}

pub(super) struct OrderPlan {
    pub(super) command: CommandId,
    pub(super) template: Template,
    pub(super) pattern: Pattern,
    pub(super) with: Vec<(String, FieldValue)>,
    pub(super) ack: Option<usize>,
}

pub(super) struct AskPlan {
    pub(super) send: String,
    pub(super) every: Span,
    pub(super) due: Time,
    /// `None`: nothing says what answers it, so it waits for nothing.
    pub(super) answer: Option<usize>,
}

pub(super) struct Beat {
    pub(super) send: String,
    pub(super) every: Span,
    pub(super) due: Time,
    pub(super) muted: bool,
}

pub(super) struct Fact {
    pub(super) message: usize,
    group: String,
    pub(super) name: String,
    pub(super) wanted: FieldValue,
    pub(super) heard: Option<bool>,
}

impl Plan {
    /// Until when the device is left alone after a line to it, unless its prompt comes before.
    pub(super) fn busy_until(&self, at: Time) -> Option<Time> {
        (!self.prompt.is_empty()).then_some(at + self.within)
    }
}

impl Pick {
    /// The value, where the line holds one.
    pub(super) fn value(&self, groups: &[(&str, &str)]) -> Option<(SignalId, Value)> {
        let (_, text) = groups.iter().find(|(name, _)| *name == self.group)?;
        Some((self.signal, self.decoded(text).unwrap_or(Value::Unknown)))
    }
    fn decoded(&self, text: &str) -> Option<Value> {
        let whole = if self.hex { hexadecimal } else { whole };
        let plain = |text| if self.hex { whole(text).map(|whole| whole as f64) } else { number(text) };
        Some(match &self.decode {
            Decode::Number => {
                let value = plain(text)? * self.scale + self.offset;
                Value::Number(Some(value).filter(|v| v.is_finite())?)
            }
            Decode::States(table) => {
                let raw = whole(text)?;
                Value::State(table.iter().find(|(n, _)| *n == raw)?.1)
            }
            Decode::NamedStates(table) => Value::State(table.iter().find(|(n, _)| n == text)?.1),
            Decode::Bit(bit) => Value::Flag(whole(text)? >> bit & 1 == 1),
            Decode::Flag => Value::Flag(match text {
                "true" | "TRUE" | "on" | "ON" => true,
                "false" | "FALSE" | "off" | "OFF" => false,
                other => plain(other)? != 0.0,
            }),
        })
    }
}

impl Fact {
    /// What the line says of it.
    pub(super) fn found<'l>(&self, groups: &[(&str, &'l str)]) -> Option<&'l str> {
        groups.iter().find(|(name, _)| *name == self.group).map(|(_, text)| *text)
    }
    pub(super) fn agrees(&self, found: &str) -> bool {
        match &self.wanted {
            FieldValue::Number(wanted) => number(found) == Some(*wanted),
            FieldValue::Text(wanted) => found == wanted,
            FieldValue::Arg { .. } => false,
        }
    }
}

impl OrderPlan {
    /// The line of the command; the error says what does not fit.
    pub(super) fn line(&self, command: &Command) -> Result<String, String> {
        self.template.write(|hole| {
            let (_, value) = self.with.iter().find(|(name, _)| name == hole)?;
            Some(match value {
                FieldValue::Number(number) => Filling::Number(*number),
                FieldValue::Text(text) => Filling::Text(text),
                FieldValue::Arg { index, scale, offset } => {
                    Filling::Number(command.args().get(usize::from(*index))? * scale + offset)
                }
            })
        })
    }
    /// The arguments of a line that orders this.
    pub(super) fn args(&self, line: &str) -> Option<Vec<f64>> {
        // A number comes back from the line with the decimals that were written.
        const NEAR: f64 = 1e-6;
        let groups = self.pattern.read(line)?;
        let mut args = Vec::new();
        for (name, value) in &self.with {
            let text = groups.iter().find(|(group, _)| group == name)?.1;
            match value {
                FieldValue::Number(wanted) if (number(text)? - wanted).abs() > NEAR => return None,
                FieldValue::Text(wanted) if text != wanted => return None,
                FieldValue::Number(_) | FieldValue::Text(_) => {}
                FieldValue::Arg { index, scale, offset } => {
                    args.push((*index, (number(text)? - offset) / scale));
                }
            }
        }
        args.sort_by_key(|(index, _)| *index);
        Some(args.into_iter().map(|(_, value)| value).collect())
    }
}

fn number(text: &str) -> Option<f64> {
    let number = match text.strip_prefix("0x") {
        Some(_) => whole(text)? as f64,
        None => text.parse::<f64>().ok()?,
    };
    number.is_finite().then_some(number)
}

fn whole(text: &str) -> Option<i64> {
    match text.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok(),
        None => text.strip_prefix('+').unwrap_or(text).parse().ok(),
    }
}

/// Digits with or without blanks between them, the most significant first.
fn hexadecimal(text: &str) -> Option<i64> {
    let digits: String = text.split([' ', '\t']).collect();
    let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    plain.then(|| i64::from_str_radix(&digits, 16).ok()).flatten()
}

struct Maker<'c> {
    device: &'c DeviceConfig,
    messages: Vec<MessagePlan>,
    problems: Vec<ConfigProblem>,
}

impl Maker<'_> {
    fn problem(&mut self, site: ConfigSite, message: String, remedy: Option<String>) {
        self.problems.push(ConfigProblem { device: self.device.device, site, message, remedy });
    }
    fn message(&mut self, site: ConfigSite, name: &str) -> Option<usize> {
        let place = self.messages.iter().position(|m| m.name == name);
        if place.is_none() {
            let known = nearest(name, self.messages.iter().map(|m| m.name.as_str()));
            let remedy = known.map(|near| format!("did you mean `{near}`?"));
            self.problem(site, format!("the description has no message `{name}`"), remedy);
        }
        place
    }
    /// `message.group`.
    fn field(&mut self, site: ConfigSite, field: &str) -> Option<(usize, String)> {
        let Some((message, group)) = field.split_once('.') else {
            self.problem(site, format!("`{field}` is no `message.name`"), None);
            return None;
        };
        let place = self.message(site.clone(), message)?;
        let groups = self.messages[place].pattern.groups();
        if groups.iter().any(|g| g == group) {
            return Some((place, group.to_string()));
        }
        let remedy = nearest(group, groups.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
        self.problem(site, format!("message `{message}` reads no `{group}`"), remedy);
        None
    }
    fn signal(&mut self, index: usize, map: &SignalMap) {
        let plain = map.field.strip_suffix(HEX);
        if let Some((place, group)) = self.field(ConfigSite::Signal(index), plain.unwrap_or(&map.field)) {
            self.messages[place].picks.push(Pick {
                group,
                hex: plain.is_some(),
                signal: map.signal,
                scale: map.scale,
                offset: map.offset,
                decode: map.decode.clone(),
            });
        }
    }
    fn order(&mut self, index: usize, map: &CommandMap) -> Option<OrderPlan> {
        let site = ConfigSite::Command(index);
        let ack = match &map.ack {
            Some(name) => Some(self.message(site.clone(), name)?),
            None => None,
        };
        let made = Template::new(&map.send).and_then(|t| t.pattern().map(|p| (t, p)));
        let (template, pattern) = match made {
            Ok(made) => made,
            Err(why) => {
                self.problem(site, format!("the line `{}` {why}", map.send), None);
                return None;
            }
        };
        for hole in template.holes().filter(|hole| !map.with.iter().any(|(name, _)| name == hole)) {
            let remedy = Some(format!("add `with: {{ {hole}: … }}`"));
            self.problem(site.clone(), format!("nothing says what `{{{hole}}}` is"), remedy);
        }
        for (place, (name, value)) in map.with.iter().enumerate() {
            let site = ConfigSite::CommandField(index, place);
            if !template.holes().any(|hole| hole == name) {
                self.problem(site, format!("the line has no `{{{name}}}`"), None);
            } else if let FieldValue::Text(text) = value
                && (text.is_empty() || text.contains(|c: char| c.is_control() || c == ' '))
            {
                let remedy = Some("write it into the line itself".into());
                self.problem(site, format!("`{text}` is no single word"), remedy);
            }
        }
        Some(OrderPlan { command: map.command, template, pattern, with: map.with.clone(), ack })
    }
    /// A line that goes out unasked must not be one that orders something.
    fn unasked(&mut self, site: ConfigSite, line: &str, every: Span, orders: &[OrderPlan]) {
        if line.is_empty() || line.contains(['\n', '\r']) {
            self.problem(site.clone(), format!("`{line}` is no single line"), None);
        }
        if every <= Span::ZERO {
            self.problem(site.clone(), format!("`{line}` has no period"), None);
        }
        if orders.iter().any(|order| order.args(line).is_some()) {
            let message = format!("`{line}` would be sent unasked, and it is the line of a command");
            self.problem(site, message, Some("a question or heartbeat must not make anything move".into()));
        }
    }
}

/// Works the description out; one device to a link.
pub(super) fn plan(config: &LinkConfig) -> Result<Plan, Vec<ConfigProblem>> {
    let [device] = config.devices.as_slice() else {
        let device = config.devices.get(1).map_or(DeviceId(0), |d| d.device);
        let message = "lines have no address: one device to a link".to_string();
        return Err(vec![ConfigProblem { device, site: ConfigSite::Protocol, message, remedy: None }]);
    };
    plan_device(device)
}

/// Works out what one device says and hears.
pub(super) fn plan_device(device: &DeviceConfig) -> Result<Plan, Vec<ConfigProblem>> {
    let Protocol::Lines(config) = &device.protocol else {
        let message = "the device does not speak in lines".to_string();
        return Err(vec![ConfigProblem { device: device.device, site: ConfigSite::Protocol, message, remedy: None }]);
    };
    let mut maker = Maker { device, messages: Vec::new(), problems: Vec::new() };
    messages(&mut maker, config);
    for (index, map) in device.signals.iter().enumerate() {
        maker.signal(index, map);
    }
    let orders: Vec<OrderPlan> =
        device.commands.iter().enumerate().filter_map(|(index, map)| maker.order(index, map)).collect();
    let mut asks = Vec::new();
    for ask in &config.asks {
        maker.unasked(ConfigSite::Protocol, &ask.send, ask.every, &orders);
        let answer = maker.message(ConfigSite::Protocol, &ask.answer);
        asks.push(AskPlan { send: ask.send.clone(), every: ask.every, due: Time::ZERO, answer });
    }
    if let Some((send, every)) = &device.poll {
        maker.unasked(ConfigSite::Poll, send, *every, &orders);
        asks.push(AskPlan { send: send.clone(), every: *every, due: Time::ZERO, answer: None });
    }
    let heartbeat = device.heartbeat.as_ref().map(|(send, every)| {
        maker.unasked(ConfigSite::Heartbeat, send, *every, &orders);
        Beat { send: send.clone(), every: *every, due: Time::ZERO, muted: false }
    });
    let mut facts = Vec::new();
    for (index, (name, wanted)) in device.identity.iter().enumerate() {
        if let Some((message, group)) = maker.field(ConfigSite::Identity(index), name) {
            facts.push(Fact { message, group, name: name.clone(), wanted: wanted.clone(), heard: None });
        }
    }
    if device.tells.is_some() {
        maker.problem(ConfigSite::Tells, "a device that speaks in lines is told nothing".into(), None);
    }
    if !device.may.is_empty() {
        maker.problem(ConfigSite::May(0), "a device that speaks in lines proposes nothing".into(), None);
    }
    let mut role = |name: &Option<String>| name.as_ref().and_then(|n| maker.message(ConfigSite::Protocol, n));
    let (refuses, restarts) = (role(&config.refuses), role(&config.restarts));
    let sum = config.checksum.as_ref().and_then(|name| {
        let sum = Checksum::find(name);
        if sum.is_none() {
            let remedy = nearest(name, Checksum::names()).map(|near| format!("did you mean `{near}`?"));
            maker.problem(ConfigSite::Protocol, format!("`{name}` is no check sum known here"), remedy);
        }
        sum
    });
    if !maker.problems.is_empty() {
        return Err(maker.problems);
    }
    Ok(Plan {
        id: device.device,
        messages: maker.messages,
        orders,
        asks,
        heartbeat,
        facts,
        refuses,
        restarts,
        sum,
        ends: config.ends,
        cancel: config.cancel.clone().unwrap_or_default().into_bytes(),
        within: config.within,
        prompt: config.prompt.clone().unwrap_or_default().into_bytes(),
    })
}

fn messages(maker: &mut Maker<'_>, config: &LinesConfig) {
    for (name, text) in &config.messages {
        match Pattern::new(text) {
            Ok(pattern) => {
                let template = if text.starts_with('/') { None } else { Template::new(text).ok() };
                maker.messages.push(MessagePlan { name: name.clone(), pattern, template, picks: Vec::new() });
            }
            Err(why) => maker.problem(ConfigSite::Protocol, format!("message `{name}` {why}"), None),
        }
    }
}
