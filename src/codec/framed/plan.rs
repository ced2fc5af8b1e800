//! From the description to places; every mistake at once.

use super::framing::{Framing, Line};
use super::tongue::{Given, Raw, Side, Tongue, Trouble, near};
use super::{FramedConfig, LONGEST};
use crate::codec::checksum::Checksum;
use crate::codec::{CommandMap, ConfigProblem, ConfigSite, Decode, DeviceConfig, FieldValue, LinkConfig, SignalMap};
use crate::command::{Command, CommandId};
use crate::signal::{SignalId, Value};
use crate::time::{Span, Time};
use crate::wire::DeviceId;

/// What is known of the device before its first byte.
pub(super) struct Plan<T: Tongue> {
    pub(super) id: DeviceId,
    pub(super) tongue: T,
    pub(super) line: Line,
    pub(super) picks: Vec<Pick<T::Place>>,
    pub(super) orders: Vec<OrderPlan<T::Place>>,
    pub(super) asks: Vec<AskPlan>,
    pub(super) heartbeat: Option<Beat>,
    pub(super) facts: Vec<Fact<T::Place>>,
    pub(super) refuses: Option<usize>,
    pub(super) restarts: Option<usize>,
    pub(super) within: Span,
}

pub(super) struct Pick<P> {
    place: P,
    signal: SignalId,
    scale: f64,
    offset: f64,
    decode: Decode,
}

pub(super) struct OrderPlan<P> {
    pub(super) command: CommandId,
    kind: usize,
    with: Vec<(P, FieldValue)>,
    pub(super) ack: Option<usize>,
}

pub(super) struct AskPlan {
    pub(super) content: Vec<u8>,
    pub(super) every: Span,
    pub(super) due: Time,
    /// `None`: nothing says what answers it, so it waits for nothing.
    pub(super) answer: Option<usize>,
}

pub(super) struct Beat {
    pub(super) content: Vec<u8>,
    pub(super) every: Span,
    pub(super) due: Time,
    pub(super) muted: bool,
}

pub(super) struct Fact<P> {
    pub(super) place: P,
    pub(super) name: String,
    pub(super) wanted: FieldValue,
    pub(super) heard: Option<bool>,
}

impl<P> Pick<P> {
    /// The value, where the message holds one.
    pub(super) fn value<T: Tongue<Place = P>>(&self, tongue: &T, message: &T::Message) -> Option<(SignalId, Value)> {
        let raw = tongue.get(message, &self.place)?;
        Some((self.signal, self.decoded(&raw).unwrap_or(Value::Unknown)))
    }
    fn decoded(&self, raw: &Raw) -> Option<Value> {
        Some(match &self.decode {
            Decode::Number => {
                let value = raw.number()? * self.scale + self.offset;
                Value::Number(Some(value).filter(|v| v.is_finite())?)
            }
            Decode::States(table) => {
                let raw = raw.whole()?;
                Value::State(table.iter().find(|(n, _)| i128::from(*n) == raw)?.1)
            }
            Decode::NamedStates(table) => Value::State(table.iter().find(|(n, _)| Some(n.as_str()) == raw.text())?.1),
            Decode::Bit(bit) => Value::Flag(raw.whole()? >> bit & 1 == 1),
            Decode::Flag => Value::Flag(raw.flag()?),
        })
    }
}

impl<P: Clone> OrderPlan<P> {
    /// How many fields it fills: of two orders that a message could be, it is the one that fills more.
    pub(super) fn fills(&self) -> usize {
        self.with.len()
    }

    /// The content of the command's frame; the error says what does not fit.
    pub(super) fn content<T: Tongue<Place = P>>(&self, tongue: &T, command: &Command) -> Result<Vec<u8>, String> {
        let mut fields = Vec::with_capacity(self.with.len());
        for (place, value) in &self.with {
            let given = match value {
                FieldValue::Number(number) => Given::Number(*number),
                FieldValue::Text(text) => Given::Text(text),
                FieldValue::Arg { index, scale, offset } => {
                    let arg = command.args().get(usize::from(*index)).ok_or("an argument is missing")?;
                    Given::Number(
                        Some(arg * scale + offset).filter(|n| n.is_finite()).ok_or("an argument is no number")?,
                    )
                }
            };
            fields.push((place.clone(), given));
        }
        tongue.write(Side::Hears, self.kind, &fields)
    }
    /// The arguments of a message that orders this.
    pub(super) fn args<T: Tongue<Place = P>>(&self, tongue: &T, message: &T::Message) -> Option<Vec<f64>> {
        if !tongue.is(Side::Hears, message, self.kind) {
            return None;
        }
        let mut args = Vec::new();
        for (place, value) in &self.with {
            let raw = tongue.get(message, place)?;
            match value {
                FieldValue::Arg { index, scale, offset } => args.push((*index, (raw.number()? - offset) / scale)),
                constant if !raw.agrees(constant) => return None,
                FieldValue::Number(_) | FieldValue::Text(_) => {}
            }
        }
        args.sort_by_key(|(index, _)| *index);
        // An argument that stands in several fields must be the same in all of them.
        args.dedup_by(|b, a| a.0 == b.0 && near(a.1, b.1));
        let once = args.windows(2).all(|pair| pair[0].0 != pair[1].0);
        once.then(|| args.into_iter().map(|(_, value)| value).collect())
    }
}

struct Maker<'c, T: Tongue> {
    device: &'c DeviceConfig,
    tongue: &'c T,
    problems: Vec<ConfigProblem>,
}

impl<T: Tongue> Maker<'_, T> {
    fn problem(&mut self, site: ConfigSite, trouble: Trouble) {
        let Trouble { message, remedy } = trouble;
        self.problems.push(ConfigProblem { device: self.device.device, site, message, remedy });
    }
    /// A message by itself.
    fn kind(&mut self, site: ConfigSite, side: Side, name: &str) -> Option<usize> {
        let kind = self.named(site.clone(), side, name)?;
        if self.tongue.is_envelope(side, kind) {
            let inside = self.tongue.kinds(side).into_iter().find(|other| *other != name);
            let remedy = inside.map(|inside| format!("name what stands in it, such as `{inside}`"));
            let message = format!("all messages stand in `{name}`, so that it tells none from another");
            self.problem(site, Trouble { message, remedy });
            return None;
        }
        Some(kind)
    }
    fn named(&mut self, site: ConfigSite, side: Side, name: &str) -> Option<usize> {
        let found = self.tongue.kind(side, name);
        if found.is_none() {
            let message = match side {
                Side::Says => format!("the device says no `{name}`"),
                Side::Hears => format!("the device hears no `{name}`"),
            };
            let trouble = Trouble::unknown(message, name, self.tongue.kinds(side).into_iter());
            self.problem(site, trouble);
        }
        found
    }
    /// `message.field`.
    fn field(&mut self, site: ConfigSite, field: &str) -> Option<T::Place> {
        let Some((message, path)) = T::split(field) else {
            self.problem(site, Trouble::new(format!("`{field}` is no `{}`", T::shape())));
            return None;
        };
        let kind = self.named(site.clone(), Side::Says, message)?;
        match self.tongue.place(Side::Says, kind, path) {
            Ok(place) => Some(place),
            Err(trouble) => {
                self.problem(site, trouble);
                None
            }
        }
    }
    fn signal(&mut self, index: usize, map: &SignalMap) -> Option<Pick<T::Place>> {
        let place = self.field(ConfigSite::Signal(index), &map.field)?;
        let (signal, scale, offset) = (map.signal, map.scale, map.offset);
        Some(Pick { place, signal, scale, offset, decode: map.decode.clone() })
    }
    fn order(&mut self, index: usize, map: &CommandMap) -> Option<OrderPlan<T::Place>> {
        let site = ConfigSite::Command(index);
        let ack = map.ack.as_ref().and_then(|name| self.kind(site.clone(), Side::Says, name));
        let kind = self.kind(site, Side::Hears, &map.send)?;
        let mut with = Vec::new();
        for (at, (path, value)) in map.with.iter().enumerate() {
            let place = self.tongue.place(Side::Hears, kind, path);
            let fits = place.and_then(|place| self.tongue.admits(&place, value).map(|()| place));
            match fits {
                Ok(place) => with.push((place, value.clone())),
                Err(trouble) => self.problem(ConfigSite::CommandField(index, at), trouble),
            }
        }
        Some(OrderPlan { command: map.command, kind, with, ack })
    }
    /// What is sent unasked must not be what orders something.
    fn unasked(
        &mut self,
        site: ConfigSite,
        name: &str,
        every: Span,
        line: Option<&Line>,
        orders: &[OrderPlan<T::Place>],
    ) -> Option<Vec<u8>> {
        if every <= Span::ZERO {
            self.problem(site.clone(), Trouble::new(format!("`{name}` has no period")));
        }
        let kind = self.kind(site.clone(), Side::Hears, name)?;
        let content = match self.tongue.write(Side::Hears, kind, &[]) {
            Ok(content) => content,
            Err(why) => {
                self.problem(site, Trouble::new(format!("`{name}` cannot be said: {why}")));
                return None;
            }
        };
        if let Some(Err(why)) = line.map(|line| line.write(&content)) {
            self.problem(site.clone(), Trouble::new(format!("`{name}` cannot be said: {why}")));
        }
        let message = self.tongue.read(Side::Hears, &content)?;
        let is_order = |order: &OrderPlan<T::Place>| {
            let lacks_only_arguments = !T::absent_is_zero() && order.kind == kind;
            lacks_only_arguments || order.args(self.tongue, &message).is_some()
        };
        if orders.iter().any(is_order) {
            let remedy = Some("a question or heartbeat must not make anything move".into());
            let message = format!("`{name}` would be sent unasked, and it is the frame of a command");
            self.problem(site, Trouble { message, remedy });
        }
        Some(content)
    }
}

/// Works the description out; one device to a link.
pub(super) fn plan<T: Tongue>(config: &LinkConfig) -> Result<Plan<T>, Vec<ConfigProblem>> {
    let [device] = config.devices.as_slice() else {
        let device = config.devices.get(1).map_or(DeviceId(0), |d| d.device);
        let message = "frames have no address: one device to a link".to_string();
        return Err(vec![ConfigProblem { device, site: ConfigSite::Protocol, message, remedy: None }]);
    };
    plan_device(device)
}

/// Works out what one device says and hears.
pub(super) fn plan_device<T: Tongue>(device: &DeviceConfig) -> Result<Plan<T>, Vec<ConfigProblem>> {
    let at_protocol = |Trouble { message, remedy }| ConfigProblem {
        device: device.device,
        site: ConfigSite::Protocol,
        message,
        remedy,
    };
    let (tongue, config) = match T::of(device) {
        None => return Err(vec![at_protocol(Trouble::new("the device does not speak in such frames".into()))]),
        Some(Err(troubles)) => return Err(troubles.into_iter().map(at_protocol).collect()),
        Some(Ok(made)) => made,
    };
    let mut maker = Maker { device, tongue: &tongue, problems: Vec::new() };
    let line = line(&mut maker, config);
    let picks = device.signals.iter().enumerate().filter_map(|(i, map)| maker.signal(i, map)).collect();
    let orders: Vec<_> = device.commands.iter().enumerate().filter_map(|(i, map)| maker.order(i, map)).collect();
    let mut asks = Vec::new();
    for ask in &config.asks {
        let content = maker.unasked(ConfigSite::Protocol, &ask.send, ask.every, line.as_ref(), &orders);
        let answer = maker.kind(ConfigSite::Protocol, Side::Says, &ask.answer);
        asks.extend(content.map(|content| AskPlan { content, every: ask.every, due: Time::ZERO, answer }));
    }
    if let Some((send, every)) = &device.poll {
        let content = maker.unasked(ConfigSite::Poll, send, *every, line.as_ref(), &orders);
        asks.extend(content.map(|content| AskPlan { content, every: *every, due: Time::ZERO, answer: None }));
    }
    let heartbeat = device.heartbeat.as_ref().and_then(|(send, every)| {
        let content = maker.unasked(ConfigSite::Heartbeat, send, *every, line.as_ref(), &orders)?;
        Some(Beat { content, every: *every, due: Time::ZERO, muted: false })
    });
    let mut facts = Vec::new();
    for (index, (name, wanted)) in device.identity.iter().enumerate() {
        if let Some(place) = maker.field(ConfigSite::Identity(index), name) {
            facts.push(Fact { place, name: name.clone(), wanted: wanted.clone(), heard: None });
        }
    }
    if device.tells.is_some() {
        maker.problem(ConfigSite::Tells, Trouble::new("a device that speaks in frames is told nothing".into()));
    }
    if !device.may.is_empty() {
        maker.problem(ConfigSite::May(0), Trouble::new("a device that speaks in frames proposes nothing".into()));
    }
    let mut role = |name: &Option<String>| name.as_ref().and_then(|n| maker.kind(ConfigSite::Protocol, Side::Says, n));
    let (refuses, restarts) = (role(&config.refuses), role(&config.restarts));
    let problems = maker.problems;
    match line {
        Some(line) if problems.is_empty() => Ok(Plan {
            id: device.device,
            tongue,
            line,
            picks,
            orders,
            asks,
            heartbeat,
            facts,
            refuses,
            restarts,
            within: config.within,
        }),
        _ => Err(problems),
    }
}

fn line<T: Tongue>(maker: &mut Maker<'_, T>, config: &FramedConfig) -> Option<Line> {
    let layouts = [Side::Says, Side::Hears].into_iter().filter_map(|side| maker.tongue.longest(side)).max();
    let longest = match (config.wire.longest, layouts, &config.wire.framing) {
        (Some(said), Some(layouts), _) if said < layouts => {
            let message = format!("a frame's content has {layouts} bytes, and the longest is said to have {said}");
            maker.problem(ConfigSite::Protocol, Trouble::new(message));
            return None;
        }
        (Some(said), _, _) => said,
        // A length says how much is awaited, so that it should not say more than can come.
        (None, Some(layouts), Framing::Length { .. } | Framing::Fixed { .. }) => layouts,
        (None, layouts, _) => layouts.unwrap_or(0).max(LONGEST),
    };
    match Line::new(&config.wire, longest) {
        Ok(line) => Some(line),
        Err(name) => {
            let message = format!("`{name}` is no check sum known here");
            maker.problem(ConfigSite::Protocol, Trouble::unknown(message, &name, Checksum::names()));
            None
        }
    }
}
