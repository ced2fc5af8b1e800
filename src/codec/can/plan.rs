//! A link's configuration, checked against the DBC files: which signals of which frame, and how a command becomes one.

use super::dbc::{Database, MessageDef, Raw};
use super::host::identity::Fact;
use super::slcan::{BIT_RATES, CanFrame};
use crate::codec::{
    CommandMap, ConfigProblem, ConfigSite, Decode, DeviceConfig, FieldValue, LinkConfig, Protocol, SignalMap,
};
use crate::command::{Command, CommandId};
use crate::diag::nearest;
use crate::signal::{SignalId, Value};
use crate::time::Span;
use crate::wire::DeviceId;
use std::collections::BTreeMap;

/// Services of OBD-II and UDS that only read: current and frozen data, trouble codes, test results, vehicle information,
/// and data by identifier (SAE J1979, ISO 14229-1).
const READING_SERVICES: [u8; 8] = [0x01, 0x02, 0x03, 0x06, 0x07, 0x09, 0x0A, 0x22];
/// A question without a period of its own is asked so often.
const ASK_EVERY: Span = Span::from_secs(1);

/// What the session works by.
pub(super) struct Plan {
    pub bit_rate: u32,
    pub devices: Vec<DevicePlan>,
    pub routes: BTreeMap<(bool, u32), Route>,
    pub orders: BTreeMap<CommandId, Order>,
    pub questions: Vec<Question>,
    /// What tells a device that we live.
    pub beats: Vec<Beat>,
}

/// A message without a meaning of its own, sent so that a device knows that we live.
pub(super) struct Beat {
    pub device: DeviceId,
    pub frame: CanFrame,
    pub every: Span,
}

pub(super) struct DevicePlan {
    pub id: DeviceId,
    pub facts: Vec<Fact>,
}

/// What a frame means.
pub(super) struct Route {
    pub message: MessageDef,
    /// By the device: its signals of this message.
    pub devices: Vec<(usize, Vec<Pick>)>,
}

/// A signal of the rig in a message.
pub(super) struct Pick {
    pub signal: SignalId,
    place: usize,
    how: How,
}

/// How a raw value becomes one of the rig's.
#[derive(Clone)]
pub(super) struct How {
    scale: f64,
    offset: f64,
    decode: Decode,
}

impl How {
    /// `number` is in the unit of the file, `raw` as it is on the wire.
    pub fn value(&self, number: f64, raw: Option<i64>) -> Value {
        match &self.decode {
            Decode::Number => Value::Number(number * self.scale + self.offset),
            Decode::States(states) => {
                let found = states.iter().find(|(state, _)| Some(*state) == raw);
                found.map_or(Value::Unknown, |(_, place)| Value::State(*place))
            }
            Decode::Bit(bit) => raw.map_or(Value::Unknown, |raw| Value::Flag(raw >> bit.min(&63) & 1 == 1)),
            Decode::Flag if number.is_nan() => Value::Unknown,
            Decode::Flag => Value::Flag(raw.map_or(number != 0.0, |raw| raw != 0)),
            Decode::NamedStates(_) => Value::Unknown,
        }
    }
}

impl Route {
    /// The samples of one of its devices in this data.
    pub fn samples(&self, picks: &[Pick], data: &[u8], out: &mut Vec<(SignalId, Value)>) {
        for pick in picks {
            let there = self.message.carries(pick.place, data);
            if there == Some(false) {
                continue;
            }
            let signal = &self.message.signals[pick.place];
            let raw = there.and_then(|_| signal.raw(data));
            let value = raw.map_or(Value::Unknown, |raw: Raw| pick.how.value(signal.value(raw), raw.whole()));
            out.push((pick.signal, value));
        }
    }
}

/// A command as a message.
pub(super) struct Order {
    pub message: MessageDef,
    values: Vec<(usize, Filling)>,
    pub acked: bool,
}

enum Filling {
    Raw(i64),
    Value(f64),
    Arg { index: usize, scale: f64, offset: f64 },
}

impl Order {
    /// The frame of the command. The error says which signal cannot carry what it was given.
    pub fn fill(&self, command: &Command) -> Result<CanFrame, String> {
        self.frame(command.args())
    }
    fn frame(&self, args: &[f64]) -> Result<CanFrame, String> {
        let mut data = vec![0; self.message.length];
        let given: Vec<usize> = self.values.iter().map(|(place, _)| *place).collect();
        for (place, signal) in self.message.signals.iter().enumerate() {
            if signal.when.is_none() && !given.contains(&place) {
                signal.put_raw(signal.start_value, &mut data)?;
            }
        }
        self.message.choose(&given, &mut data)?;
        for (place, filling) in &self.values {
            let signal = &self.message.signals[*place];
            match filling {
                Filling::Raw(raw) => signal.put_raw(*raw as f64, &mut data)?,
                Filling::Value(value) => signal.put_value(*value, &mut data)?,
                Filling::Arg { index, scale, offset } => {
                    let arg = args.get(*index).ok_or_else(|| format!("argument {index} is missing"))?;
                    signal.put_value(arg * scale + offset, &mut data)?;
                }
            }
        }
        Ok(CanFrame::new(self.message.id, self.message.extended, &data))
    }
}

/// What is asked of a control unit, and what its answer is made into.
pub(super) struct Question {
    pub device: usize,
    /// Service, and the parameter's number where it has one.
    pub bytes: Vec<u8>,
    pub to: u32,
    pub from: u32,
    pub every: Span,
    pub picks: Vec<(SignalId, How)>,
}

struct Checker<'c> {
    problems: Vec<ConfigProblem>,
    device: &'c DeviceConfig,
    database: Database,
}

/// Checks the configuration; every mistake at once.
pub(super) fn plan(config: &LinkConfig) -> Result<Plan, Vec<ConfigProblem>> {
    let mut problems = Vec::new();
    let mut plan = Plan {
        bit_rate: BIT_RATES[6],
        devices: Vec::new(),
        routes: BTreeMap::new(),
        orders: BTreeMap::new(),
        questions: Vec::new(),
        beats: Vec::new(),
    };
    let mut first_rate = None;
    for device in &config.devices {
        let Protocol::Slcan { dbc, setup, obd } = &device.protocol else {
            let message = format!("a link that speaks SLCAN cannot carry {}", device.protocol.speaks());
            problems.push(ConfigProblem { device: device.device, site: ConfigSite::Protocol, message, remedy: None });
            continue;
        };
        let mut check = Checker { problems: Vec::new(), device, database: Database::default() };
        if !BIT_RATES.contains(&setup.bit_rate) {
            let known = BIT_RATES.map(|rate| rate.to_string()).join(", ");
            check.problem(
                ConfigSite::Protocol,
                format!("an adapter has no bit rate of {} bit/s", setup.bit_rate),
                Some(format!("there are {known}")),
            );
        }
        if *first_rate.get_or_insert(setup.bit_rate) != setup.bit_rate {
            check.problem(ConfigSite::Protocol, "another bit rate than the link's first device has".into(), None);
        }
        plan.bit_rate = setup.bit_rate;
        match Database::read(&dbc.text) {
            Ok(database) => {
                check.database = database;
                let index = plan.devices.len();
                check.device(index, *obd, &mut plan);
            }
            Err(why) => check.problem(ConfigSite::Protocol, format!("`{}` cannot be read: {why}", dbc.name), None),
        }
        problems.append(&mut check.problems);
    }
    if problems.is_empty() { Ok(plan) } else { Err(problems) }
}

impl Checker<'_> {
    fn problem(&mut self, site: ConfigSite, message: String, remedy: Option<String>) {
        self.problems.push(ConfigProblem { device: self.device.device, site, message, remedy });
    }

    fn device(&mut self, index: usize, obd: u32, plan: &mut Plan) {
        let device = self.device;
        let mut facts = Vec::new();
        for (place, (name, wanted)) in device.identity.iter().enumerate() {
            match Fact::new(name, wanted) {
                Some(fact) => facts.push(fact),
                None => {
                    let remedy = Some("an adapter tells its `version` and its `serial`, as texts".into());
                    self.problem(ConfigSite::Identity(place), format!("an adapter has no fact `{name}`"), remedy);
                }
            }
        }
        plan.devices.push(DevicePlan { id: device.device, facts });
        for message in self.database.messages.clone() {
            let key = (message.extended, message.id);
            let route = plan.routes.entry(key).or_insert_with(|| Route { message, devices: Vec::new() });
            route.devices.push((index, Vec::new()));
        }
        for (place, map) in device.signals.iter().enumerate() {
            match map.field.strip_prefix("obd.") {
                Some(question) => self.question(place, map, question, index, obd, plan),
                None => self.signal(place, map, index, plan),
            }
        }
        // Where several devices share a file, a message is of those that take something from it.
        for route in plan.routes.values_mut() {
            if route.devices.iter().any(|(_, picks)| !picks.is_empty()) {
                route.devices.retain(|(_, picks)| !picks.is_empty());
            }
        }
        for (place, map) in device.commands.iter().enumerate() {
            if let Some(order) = self.order(place, map) {
                plan.orders.insert(map.command, order);
            }
        }
        if let Some((name, every)) = &device.heartbeat
            && let Some(message) = self.message(ConfigSite::Heartbeat, name)
        {
            // What a command sends may make something move, and what we send unasked must not.
            if device.commands.iter().any(|command| command.send == *name) {
                let remedy = Some("name a message that does nothing but tell that somebody is there".into());
                self.problem(ConfigSite::Heartbeat, format!("`{name}` is the message of a command"), remedy);
            } else {
                let order = Order { message, values: Vec::new(), acked: false };
                match order.frame(&[]) {
                    Ok(frame) => plan.beats.push(Beat { device: device.device, frame, every: *every }),
                    Err(why) => self.problem(ConfigSite::Heartbeat, why, None),
                }
            }
        }
        if let Some((question, every)) = &device.poll {
            match question.strip_prefix("obd.").map(|digits| (digits, bytes_of(digits))) {
                Some((_, Some(bytes))) => {
                    let question =
                        Question { device: index, bytes, to: obd, from: obd + 8, every: *every, picks: Vec::new() };
                    plan.questions.push(question);
                }
                _ => self.no_question(ConfigSite::Poll, question),
            }
        }
    }

    fn no_question(&mut self, site: ConfigSite, question: &str) {
        let message = format!("`{question}` is no question that only reads");
        let remedy = "write service and number in hexadecimal digits, such as `obd.010C`; services that read are 01, \
                      02, 03, 06, 07, 09, 0A and 22";
        self.problem(site, message, Some(remedy.into()));
    }

    fn message(&mut self, site: ConfigSite, name: &str) -> Option<MessageDef> {
        if let Some(message) = self.database.find(name) {
            return Some(message.clone());
        }
        let remedy = did_you_mean(name, self.database.messages.iter().map(|message| message.name.as_str()));
        self.problem(site, format!("there is no message `{name}` in the DBC file"), remedy);
        None
    }

    fn place(&mut self, site: ConfigSite, message: &MessageDef, name: &str) -> Option<usize> {
        if let Some((place, _)) = message.signal(name) {
            return Some(place);
        }
        let remedy = did_you_mean(name, message.signals.iter().map(|signal| signal.name.as_str()));
        self.problem(site, format!("message `{}` has no signal `{name}`", message.name), remedy);
        None
    }

    fn how(&mut self, site: ConfigSite, map: &SignalMap) -> Option<How> {
        if let Decode::NamedStates(_) = map.decode {
            self.problem(site, format!("states of `{}` are numbers on the wire, not texts", map.field), None);
            return None;
        }
        Some(How { scale: map.scale, offset: map.offset, decode: map.decode.clone() })
    }

    fn signal(&mut self, at: usize, map: &SignalMap, device: usize, plan: &mut Plan) {
        let site = ConfigSite::Signal(at);
        let Some((message, signal)) = map.field.split_once('.') else {
            let remedy = Some("write `Message.Signal` with the names of the DBC file, or `obd.010C`".into());
            return self.problem(site, format!("`{}` names no signal of a message", map.field), remedy);
        };
        let Some(message) = self.message(site.clone(), message) else { return };
        let Some(place) = self.place(site.clone(), &message, signal) else { return };
        let Some(how) = self.how(site, map) else { return };
        let route = plan.routes.get_mut(&(message.extended, message.id));
        let own = route.and_then(|route| route.devices.iter_mut().find(|(index, _)| *index == device));
        if let Some((_, picks)) = own {
            picks.push(Pick { signal: map.signal, place, how });
        } else {
            let text =
                format!("another DBC file of this link has another message at the identifier of `{}`", message.name);
            self.problem(ConfigSite::Signal(at), text, None);
        }
    }

    fn question(&mut self, at: usize, map: &SignalMap, digits: &str, device: usize, obd: u32, plan: &mut Plan) {
        let site = ConfigSite::Signal(at);
        let Some(bytes) = bytes_of(digits) else { return self.no_question(site, &map.field) };
        let Some(how) = self.how(site, map) else { return };
        let every = map.every.unwrap_or(ASK_EVERY);
        match plan.questions.iter_mut().find(|other| other.bytes == bytes && other.device == device) {
            Some(other) => {
                other.every = other.every.min(every);
                other.picks.push((map.signal, how));
            }
            None => {
                let picks = vec![(map.signal, how)];
                plan.questions.push(Question { device, bytes, to: obd, from: obd + 8, every, picks });
            }
        }
    }

    fn order(&mut self, at: usize, map: &CommandMap) -> Option<Order> {
        let message = self.message(ConfigSite::Command(at), &map.send)?;
        if message.length > 8 {
            let text = format!("message `{}` has {} bytes; classic CAN carries 8", message.name, message.length);
            self.problem(ConfigSite::Command(at), text, None);
            return None;
        }
        let acked = match map.ack.as_deref() {
            None => false,
            Some("slcan") => true,
            Some(other) => {
                let remedy = Some("`slcan` waits for the adapter's word that the frame was sent".into());
                self.problem(ConfigSite::Command(at), format!("`{other}` acknowledges nothing on CAN"), remedy);
                return None;
            }
        };
        let mut values = Vec::new();
        for (field, (name, value)) in map.with.iter().enumerate() {
            let site = ConfigSite::CommandField(at, field);
            let Some(place) = self.place(site.clone(), &message, name) else { continue };
            let signal = &message.signals[place];
            let filling = match value {
                FieldValue::Number(number) => {
                    let mut scratch = vec![0; message.length];
                    if let Err(why) = signal.put_value(*number, &mut scratch) {
                        self.problem(site, why, None);
                        continue;
                    }
                    Filling::Value(*number)
                }
                FieldValue::Text(text) => match signal.choice(text) {
                    Some(raw) => Filling::Raw(raw),
                    None => {
                        let remedy = did_you_mean(text, signal.choices.values().map(String::as_str));
                        self.problem(site, format!("signal `{name}` has no value named `{text}`"), remedy);
                        continue;
                    }
                },
                FieldValue::Arg { index, scale, offset } => {
                    Filling::Arg { index: usize::from(*index), scale: *scale, offset: *offset }
                }
            };
            values.push((place, filling));
        }
        Some(Order { message, values, acked })
    }
}

fn did_you_mean<'a>(found: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    nearest(found, candidates).map(|name| format!("did you mean `{name}`?"))
}

/// The bytes of a question that only reads.
fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let even = digits.len().is_multiple_of(2) && digits.is_ascii();
    let pairs = digits.as_bytes().chunks(2).map(|pair| {
        let text = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(text, 16).ok().filter(|_| pair.iter().all(u8::is_ascii_hexdigit))
    });
    let bytes: Vec<u8> = pairs.collect::<Option<_>>()?;
    (even && (1..=7).contains(&bytes.len()) && READING_SERVICES.contains(&bytes[0])).then_some(bytes)
}
