//! From the rig's words to fields of reports and lines of G-code; every mistake at once.

use crate::codec::grbl::report::{AXES_MAX, Axes, Report};
use crate::codec::grbl::{DOOR, HEARTBEAT, JOG_CANCEL, LINE_BYTES, RESET};
use crate::codec::{CommandMap, ConfigProblem, ConfigSite, Decode, DeviceConfig, FieldValue, Protocol, SignalMap};
use crate::command::{Command, CommandId};
use crate::diag::nearest;
use crate::signal::{SignalId, Value};
use crate::time::Span;
use crate::wire::DeviceId;
use std::collections::BTreeMap;

/// Largest number that a word may carry: GRBL keeps eight digits.
const NUMBER_MAX: f64 = 99_999.0;
/// What a field can be, for suggestions.
const FIELDS: &[&str] = &[
    "status.state",
    "status.substate",
    "status.MPos.x",
    "status.MPos.y",
    "status.MPos.z",
    "status.WPos.x",
    "status.WPos.y",
    "status.WPos.z",
    "status.WCO.x",
    "status.WCO.y",
    "status.WCO.z",
    "status.FS.feed",
    "status.FS.spindle",
    "status.Bf.blocks",
    "status.Bf.bytes",
    "status.Ov.feed",
    "status.Ov.rapid",
    "status.Ov.spindle",
    "status.Ln",
    "status.Pn.x",
    "status.Pn.y",
    "status.Pn.z",
    "status.Pn.p",
    "status.Pn.d",
    "status.Pn.h",
    "status.Pn.r",
    "status.Pn.s",
];

/// What is known of the controller before its first byte.
pub(super) struct DevicePlan {
    pub id: DeviceId,
    pub picks: Vec<Pick>,
    pub orders: BTreeMap<CommandId, OrderPlan>,
    pub facts: Vec<Fact>,
    pub poll: Option<Span>,
    pub heartbeat: Option<Span>,
}

/// A field that becomes a signal.
pub(super) struct Pick {
    pub signal: SignalId,
    field: Field,
    scale: f64,
    offset: f64,
    decode: Decode,
}

/// A field of a report.
#[derive(Copy, Clone, PartialEq, Debug)]
enum Field {
    State,
    Substate,
    Machine(usize),
    Work(usize),
    Offset(usize),
    Feed,
    Spindle,
    FreeBlocks,
    FreeBytes,
    Override(usize),
    Line,
    Pin(u8),
}

/// Something about the board that must be as the rig says: `VER.version`, `VER.name`, `OPT.codes`.
pub(super) struct Fact {
    pub name: String,
    pub wanted: String,
}

/// The facts that `$I` tells.
const FACTS: [&str; 3] = ["VER.version", "VER.name", "OPT.codes"];

/// A command as bytes.
pub(super) enum OrderPlan {
    /// Real-time bytes: valid at any time, anywhere in the stream.
    Now(Vec<u8>),
    Line {
        head: String,
        words: Vec<(char, FieldValue)>,
        acked: bool,
    },
}

impl OrderPlan {
    /// The line without its end.
    pub fn line(head: &str, words: &[(char, FieldValue)], command: &Command) -> Result<String, String> {
        let mut line = head.to_owned();
        for (letter, value) in words {
            let raw = match value {
                FieldValue::Number(number) => *number,
                FieldValue::Arg { index, scale, offset } => {
                    let given = command.args().get(usize::from(*index));
                    given.ok_or_else(|| format!("argument {index} was not given"))? * scale + offset
                }
                FieldValue::Text(text) => return Err(format!("`{text}` is no number")),
            };
            if !(-NUMBER_MAX..=NUMBER_MAX).contains(&raw) {
                return Err(format!("word `{letter}` would be {raw}"));
            }
            let number = format!("{raw:.3}");
            let number = number.trim_end_matches('0').trim_end_matches('.');
            let number = if number == "-0" { "0" } else { number };
            line.push(' ');
            line.push(*letter);
            line.push_str(number);
        }
        match line.len() <= LINE_BYTES {
            true => Ok(line),
            false => Err(format!("the line has {} bytes; GRBL takes {LINE_BYTES}", line.len())),
        }
    }
}

impl Pick {
    /// The value in a report; `None` where the report leaves it out. `offset` is the last that was told.
    pub fn value(&self, report: &Report, offset: Option<&Axes>) -> Option<Value> {
        let sum = |told: &Option<Axes>, other: &Option<Axes>, sign: f64| match (told, other, offset) {
            (Some(axes), ..) => Some(*axes),
            (None, Some(axes), Some(offset)) => Some(axes.plus(offset, sign)),
            _ => None,
        };
        let number = match self.field {
            Field::State => {
                let Decode::NamedStates(states) = &self.decode else { return None };
                let found = states.iter().find(|(name, _)| *name == report.state);
                return Some(found.map_or(Value::Unknown, |(_, place)| Value::State(*place)));
            }
            Field::Substate => Some(report.substate.map_or(-1.0, f64::from)),
            Field::Machine(axis) => sum(&report.machine, &report.work, 1.0)?.get(axis),
            Field::Work(axis) => sum(&report.work, &report.machine, -1.0)?.get(axis),
            Field::Offset(axis) => offset?.get(axis),
            Field::Feed => report.feed,
            Field::Spindle => report.spindle,
            Field::FreeBlocks => report.free.map(|free| free.0),
            Field::FreeBytes => report.free.map(|free| free.1),
            Field::Override(place) => report.overrides.map(|overrides| overrides[place]),
            Field::Line => report.line,
            Field::Pin(place) => Some(f64::from(report.pins >> place & 1)),
        }?;
        Some(match &self.decode {
            Decode::Number => Value::Number(number * self.scale + self.offset),
            Decode::Flag => Value::Flag(number != 0.0),
            Decode::States(states) => {
                let found = states.iter().find(|(raw, _)| *raw as f64 == number);
                found.map_or(Value::Unknown, |(_, place)| Value::State(*place))
            }
            Decode::NamedStates(_) | Decode::Bit(_) => Value::Unknown,
        })
    }
}

/// Reads the configuration of the link's one device.
pub(super) fn plan(devices: &[DeviceConfig]) -> Result<DevicePlan, Vec<ConfigProblem>> {
    let mut problems = Vec::new();
    let mut first = None;
    for device in devices {
        let mut problem = |site: ConfigSite, message: String, remedy: Option<String>| {
            problems.push(ConfigProblem { device: device.device, site, message, remedy });
        };
        if device.protocol != Protocol::Grbl {
            let message = format!("a link that speaks GRBL cannot carry {}", device.protocol.speaks());
            problem(ConfigSite::Protocol, message, None);
            continue;
        }
        if first.is_some() {
            let message = "GRBL knows no addresses: a link carries one controller".to_owned();
            problem(ConfigSite::Protocol, message, Some("give it a link of its own".into()));
            continue;
        }
        first = Some(one(device, &mut problem));
    }
    match first {
        Some(plan) if problems.is_empty() => Ok(plan),
        _ => Err(problems),
    }
}

type Problem<'a> = dyn FnMut(ConfigSite, String, Option<String>) + 'a;

fn one(device: &DeviceConfig, problem: &mut Problem<'_>) -> DevicePlan {
    let heartbeat = match &device.heartbeat {
        Some((message, every)) if now(message) == Some(Ok(vec![HEARTBEAT])) => Some(*every),
        Some((message, _)) => {
            let remedy =
                Some("send 0xFF, which GRBL passes over, and let a watchdog at its hold input listen for it".into());
            problem(ConfigSite::Heartbeat, format!("`{message}` cannot be sent as a heartbeat"), remedy);
            None
        }
        None => None,
    };
    let poll = match &device.poll {
        Some((question, every)) if question == "?" => Some(*every),
        Some((question, _)) => {
            problem(ConfigSite::Poll, format!("`{question}` is no question"), Some("write `send: \"?\"`".into()));
            None
        }
        None => {
            if !device.signals.is_empty() {
                let remedy = Some("add `poll: { send: \"?\", every: 50 ms }`".into());
                problem(ConfigSite::Protocol, "GRBL tells its status only when it is asked".into(), remedy);
            }
            None
        }
    };
    let mut picks = Vec::new();
    for (place, map) in device.signals.iter().enumerate() {
        match pick(map) {
            Ok(pick) => picks.push(pick),
            Err((message, remedy)) => problem(ConfigSite::Signal(place), message, remedy),
        }
    }
    let mut facts = Vec::new();
    for (place, (name, wanted)) in device.identity.iter().enumerate() {
        let wanted = match wanted {
            _ if !FACTS.contains(&name.as_str()) => {
                let near = nearest(name, FACTS.into_iter()).map(|name| format!("did you mean `{name}`?"));
                let message = format!("`{name}` is nothing that `$I` tells (there are {})", FACTS.join(", "));
                problem(ConfigSite::Identity(place), message, near);
                continue;
            }
            FieldValue::Text(text) => text.clone(),
            FieldValue::Number(number) => number.to_string(),
            FieldValue::Arg { .. } => continue,
        };
        facts.push(Fact { name: name.clone(), wanted });
    }
    let mut orders = BTreeMap::new();
    for (place, map) in device.commands.iter().enumerate() {
        if let Some(order) = order(place, map, problem) {
            orders.insert(map.command, order);
        }
    }
    DevicePlan { id: device.device, picks, orders, facts, poll, heartbeat }
}

fn pick(map: &SignalMap) -> Result<Pick, (String, Option<String>)> {
    let Some(field) = field(&map.field) else {
        let remedy = nearest(&map.field, FIELDS.iter().copied()).map(|name| format!("did you mean `{name}`?"));
        return Err((
            format!("`{}` is no field of a status report", map.field),
            remedy.or_else(|| Some("write `status.` and what the report tells, such as `status.MPos.x`".into())),
        ));
    };
    match (&map.decode, field) {
        (Decode::NamedStates(_), Field::State)
        | (Decode::Number | Decode::Flag, _)
        | (Decode::States(_), Field::Substate)
            if (field == Field::State) == matches!(map.decode, Decode::NamedStates(_)) => {}
        (_, Field::State) => {
            let remedy = Some("write `states: [Idle, Run, Hold, Jog, Alarm, Door, Check, Home, Sleep]`".into());
            return Err(("`status.state` is a word".into(), remedy));
        }
        _ => return Err((format!("`{}` is a number", map.field), None)),
    }
    Ok(Pick { signal: map.signal, field, scale: map.scale, offset: map.offset, decode: map.decode.clone() })
}

fn field(text: &str) -> Option<Field> {
    let axis =
        |name: &str| ["x", "y", "z", "a", "b", "c"].iter().position(|axis| *axis == name).filter(|a| *a < AXES_MAX);
    let mut parts = text.strip_prefix("status.")?.splitn(2, '.');
    match (parts.next()?, parts.next()) {
        ("state", None) => Some(Field::State),
        ("substate", None) => Some(Field::Substate),
        ("Ln", None) => Some(Field::Line),
        ("MPos", Some(name)) => axis(name).map(Field::Machine),
        ("WPos", Some(name)) => axis(name).map(Field::Work),
        ("WCO", Some(name)) => axis(name).map(Field::Offset),
        ("FS", Some("feed")) => Some(Field::Feed),
        ("FS", Some("spindle")) => Some(Field::Spindle),
        ("Bf", Some("blocks")) => Some(Field::FreeBlocks),
        ("Bf", Some("bytes")) => Some(Field::FreeBytes),
        ("Ov", Some("feed")) => Some(Field::Override(0)),
        ("Ov", Some("rapid")) => Some(Field::Override(1)),
        ("Ov", Some("spindle")) => Some(Field::Override(2)),
        ("Pn", Some(name)) => match name.as_bytes() {
            [letter @ b'a'..=b'z'] => Some(Field::Pin(letter - b'a')),
            _ => None,
        },
        _ => None,
    }
}

/// The real-time bytes that `send` names, if it names nothing else. What asks (`?`) commands nothing.
fn now(send: &str) -> Option<Result<Vec<u8>, String>> {
    let one = |word: &str| match word {
        "!" => Some(Ok(b'!')),
        "~" => Some(Ok(b'~')),
        _ => {
            let hex = u8::from_str_radix(word.strip_prefix("0x")?, 16).ok();
            Some(match hex {
                Some(byte @ (RESET | DOOR | JOG_CANCEL | 0x90..=0x97 | 0x99..=0x9E | 0xA0..=0xA1 | HEARTBEAT)) => {
                    Ok(byte)
                }
                _ => Err(format!("`{word}` is no real-time byte of GRBL 1.1")),
            })
        }
    };
    let words: Option<Vec<_>> = send.split_whitespace().map(one).collect();
    let words = words.filter(|words| !words.is_empty())?;
    Some(words.into_iter().collect())
}

fn order(place: usize, map: &CommandMap, problem: &mut Problem<'_>) -> Option<OrderPlan> {
    let site = ConfigSite::Command(place);
    match now(&map.send) {
        Some(Ok(bytes)) => {
            if map.ack.is_some() {
                let remedy = Some("leave `ack` out, and watch a signal that shows what it does".into());
                problem(site.clone(), "real-time bytes are not acknowledged".into(), remedy);
            }
            if let Some((name, _)) = map.with.first() {
                let site = ConfigSite::CommandField(place, 0);
                problem(site, format!("`{name}`: real-time bytes carry no words"), None);
            }
            return Some(OrderPlan::Now(bytes));
        }
        Some(Err(message)) => {
            problem(site, message, None);
            return None;
        }
        None => {}
    }
    let plain = |b: u8| (b' '..0x7F).contains(&b) && !b"?!~();".contains(&b);
    if map.send.trim().is_empty() || !map.send.bytes().all(plain) {
        let remedy = "write the line as it is sent, such as `G90 G1`; or real-time bytes: `!`, `~`, `0x18`";
        problem(site, format!("`{}` is no line of GRBL", map.send), Some(remedy.into()));
        return None;
    }
    if let Some(ack) = map.ack.as_deref().filter(|ack| *ack != "ok") {
        problem(site, format!("`{ack}` acknowledges no line"), Some("write `ack: ok`".into()));
    }
    let mut words: Vec<(char, FieldValue)> = Vec::new();
    for (position, (name, value)) in map.with.iter().enumerate() {
        let site = ConfigSite::CommandField(place, position);
        let letter = match name.as_bytes() {
            [letter @ b'A'..=b'Z'] => char::from(*letter),
            _ => {
                problem(site, format!("`{name}` is no word"), Some("a word is one letter from A to Z".into()));
                continue;
            }
        };
        if words.iter().any(|(other, _)| *other == letter) {
            problem(site, format!("word `{name}` is given twice"), None);
            continue;
        }
        if let FieldValue::Text(text) = value {
            problem(site, format!("`{text}` is no number"), None);
            continue;
        }
        words.push((letter, value.clone()));
    }
    Some(OrderPlan::Line { head: map.send.trim().to_owned(), words, acked: map.ack.is_some() })
}
