//! From the rig's words to topics and pointers; every mistake at once.

use crate::codec::json::object::{write_number, write_text, write_word};
use crate::codec::{
    CommandMap, ConfigProblem, ConfigSite, Decode, DeviceConfig, FieldValue, LinkConfig, Protocol, SignalMap, Tells,
};
use crate::command::{ARGS_MAX, CommandId};
use crate::signal::SignalId;
use crate::wire::DeviceId;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// What is known of a link before the first publish.
pub(super) struct Link {
    pub(super) devices: Vec<DevicePlan>,
    /// What we listen to, and who speaks there of what.
    pub(super) topics: BTreeMap<Arc<str>, Arc<[Use]>>,
}

/// What is known of a device before the first publish.
pub(super) struct DevicePlan {
    pub(super) id: DeviceId,
    pub(super) orders: BTreeMap<CommandId, OrderPlan>,
    pub(super) tells: Option<TellPlan>,
    pub(super) mays: Vec<MayPlan>,
    pub(super) facts: Vec<Fact>,
}

/// What one device says on one topic: telemetry and facts, or proposals of one kind.
#[derive(Clone)]
pub(super) struct Use {
    /// Place of the device on the link.
    pub(super) device: usize,
    pub(super) picks: Vec<Pick>,
    /// Places in the device's facts.
    pub(super) facts: Vec<usize>,
    /// Place in the device's `mays`.
    pub(super) may: Option<usize>,
}

/// One value that becomes a signal.
#[derive(Clone)]
pub(super) struct Pick {
    pub(super) signal: SignalId,
    pub(super) pointer: String,
    pub(super) decode: PickDecode,
    /// It is told when it changes, so that the broker's retained copy holds until then.
    pub(super) on_change: bool,
}

/// How the raw value becomes a value.
#[derive(Clone)]
pub(super) enum PickDecode {
    Number { scale: f64, offset: f64 },
    States(Vec<(i64, u16)>),
    NamedStates(Vec<(String, u16)>),
    Bit(u8),
    Flag,
}

/// Something about the device that must be as the rig says.
pub(super) struct Fact {
    /// As the rig names it.
    pub(super) name: String,
    pub(super) pointer: String,
    pub(super) wanted: Wanted,
}

/// What a fact must be.
pub(super) enum Wanted {
    Number(f64),
    Text(String),
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wanted::Number(number) => write!(f, "{number}"),
            Wanted::Text(text) => write!(f, "{text:?}"),
        }
    }
}

/// A command as an object on a topic.
pub(super) struct OrderPlan {
    pub(super) topic: Arc<str>,
    /// `"name":` as bytes, and the value.
    pub(super) fields: Vec<(Vec<u8>, Given)>,
}

/// A value of an order.
pub(super) enum Given {
    /// As it stands in the payload.
    Fixed(Vec<u8>),
    Arg {
        index: u8,
        scale: f64,
        offset: f64,
    },
}

/// What a controller is told.
pub(super) struct TellPlan {
    pub(super) topic: Arc<str>,
    pub(super) fields: Vec<TellField>,
    /// About as many bytes will be needed.
    pub(super) size_hint: usize,
}

/// One value of a telling.
pub(super) struct TellField {
    pub(super) signal: SignalId,
    /// `"fc.altitude":` as bytes.
    pub(super) key: Vec<u8>,
    pub(super) scale: f64,
    pub(super) offset: f64,
    pub(super) states: Vec<String>,
}

/// What a controller may ask for.
pub(super) struct MayPlan {
    pub(super) command: CommandId,
    /// Names with the way to SI: si = raw * scale + offset.
    pub(super) args: Vec<(String, f64, f64)>,
}

struct Checker {
    problems: Vec<ConfigProblem>,
    heard: BTreeMap<Arc<str>, Vec<Use>>,
    /// Who asks on which topic.
    asked: BTreeMap<Arc<str>, String>,
    /// Topics that we publish on, with where that stands.
    said: Vec<(Arc<str>, DeviceId, ConfigSite)>,
    /// Topics on which devices speak, with where that stands.
    spoken: Vec<(Arc<str>, DeviceId, ConfigSite)>,
}

/// Works out the plan of a link, or everything that is wrong with its configuration.
pub(super) fn plan(config: &LinkConfig) -> Result<Link, Vec<ConfigProblem>> {
    let mut checker = Checker {
        problems: Vec::new(),
        heard: BTreeMap::new(),
        asked: BTreeMap::new(),
        said: Vec::new(),
        spoken: Vec::new(),
    };
    let devices = config.devices.iter().enumerate().map(|(index, device)| checker.device(index, device)).collect();
    checker.own_echo();
    checker.strange_voices(config);
    if !checker.problems.is_empty() {
        return Err(checker.problems);
    }
    let topics = checker.heard.into_iter().map(|(topic, uses)| (topic, uses.into())).collect();
    Ok(Link { devices, topics })
}

/// `"name":` as bytes.
fn key(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_text(name, &mut bytes);
    bytes.push(b':');
    bytes
}

/// What is wrong with a topic that is published on or listened to, as the end of a sentence.
fn wrong_topic(topic: &str) -> Option<&'static str> {
    if topic.is_empty() {
        Some("is empty")
    } else if topic.contains(['+', '#']) {
        Some("has a wildcard in it; name one topic")
    } else if topic.starts_with('$') {
        Some("is the broker's own (MQTT 5, 4.7.2): no device speaks there")
    } else if topic.contains('\0') || topic.len() > usize::from(u16::MAX) {
        Some("is no topic that MQTT can carry")
    } else {
        None
    }
}

impl Checker {
    fn problem(&mut self, device: DeviceId, site: ConfigSite, message: String, remedy: Option<&str>) {
        self.problems.push(ConfigProblem { device, site, message, remedy: remedy.map(str::to_string) });
    }

    fn topic(&mut self, device: DeviceId, site: ConfigSite, topic: &str) -> Option<Arc<str>> {
        match wrong_topic(topic) {
            None => Some(topic.into()),
            Some(wrong) => {
                self.problem(device, site, format!("topic `{topic}` {wrong}"), None);
                None
            }
        }
    }

    /// Splits `topic#/json/pointer`; without `#` the whole payload is meant.
    fn path(&mut self, device: DeviceId, site: ConfigSite, path: &str) -> Option<(Arc<str>, String)> {
        let (topic, pointer) = path.split_once('#').unwrap_or((path, ""));
        let topic = self.topic(device, site.clone(), topic)?;
        let escapes = pointer.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        if !(pointer.is_empty() || pointer.starts_with('/')) || !escapes {
            let remedy = Some("write topic#/name/name, with ~1 for a slash and ~0 for a tilde in a name");
            self.problem(device, site, format!("`{pointer}` is no JSON pointer"), remedy);
            return None;
        }
        Some((topic, pointer.to_string()))
    }

    /// What this device says on the topic beside proposals.
    fn use_of(&mut self, topic: Arc<str>, device: usize) -> &mut Use {
        let uses = self.heard.entry(topic).or_default();
        let place = uses.iter().position(|u| u.device == device && u.may.is_none()).unwrap_or_else(|| {
            uses.push(Use { device, picks: Vec::new(), facts: Vec::new(), may: None });
            uses.len() - 1
        });
        &mut uses[place]
    }

    fn device(&mut self, index: usize, device: &DeviceConfig) -> DevicePlan {
        let id = device.device;
        if device.protocol != Protocol::Json {
            let remedy = Some("give all devices of a link one protocol");
            self.problem(
                id,
                ConfigSite::Protocol,
                "a link that speaks JSON cannot carry another protocol".into(),
                remedy,
            );
        }
        if device.heartbeat.is_some() {
            // A publish on a topic of somebody's choice could make something move, and what we send unasked must not.
            let remedy = Some("leave `heartbeat` out; the broker's last will tells that we are gone");
            self.problem(id, ConfigSite::Heartbeat, "JSON devices are sent no heartbeat".into(), remedy);
        }
        if device.poll.is_some() {
            let remedy = Some("leave `poll` out; over MQTT a device speaks by itself");
            self.problem(id, ConfigSite::Poll, "JSON devices are asked nothing".into(), remedy);
        }
        for (place, map) in device.signals.iter().enumerate() {
            if let Some((topic, pick)) = self.pick(id, place, map) {
                self.spoken.push((topic.clone(), id, ConfigSite::Signal(place)));
                self.use_of(topic, index).picks.push(pick);
            }
        }
        let mut facts = Vec::new();
        for (place, (name, wanted)) in device.identity.iter().enumerate() {
            let site = ConfigSite::Identity(place);
            let Some((topic, pointer)) = self.path(id, site.clone(), name) else { continue };
            self.spoken.push((topic.clone(), id, site.clone()));
            let wanted = match wanted {
                FieldValue::Number(number) => Wanted::Number(*number),
                FieldValue::Text(text) => Wanted::Text(text.clone()),
                FieldValue::Arg { .. } => {
                    let message = format!("`{name}` cannot be an argument: nobody gives one here");
                    self.problem(id, site, message, None);
                    continue;
                }
            };
            let fact = facts.len();
            facts.push(Fact { name: name.clone(), pointer, wanted });
            self.use_of(topic, index).facts.push(fact);
        }
        let mut orders = BTreeMap::new();
        for (place, map) in device.commands.iter().enumerate() {
            if let Some(order) = self.order(id, place, map) {
                orders.insert(map.command, order);
            }
        }
        let tells = device.tells.as_ref().and_then(|tells| self.tells(id, tells));
        let mays = self.mays(index, device);
        DevicePlan { id, orders, tells, mays, facts }
    }

    fn pick(&mut self, id: DeviceId, place: usize, map: &SignalMap) -> Option<(Arc<str>, Pick)> {
        let site = ConfigSite::Signal(place);
        let (topic, pointer) = self.path(id, site.clone(), &map.field)?;
        let decode = match &map.decode {
            Decode::Number => PickDecode::Number { scale: map.scale, offset: map.offset },
            Decode::Flag => PickDecode::Flag,
            Decode::Bit(bit) if *bit > 62 => {
                self.problem(id, site, format!("bit {bit}: numbers have bits 0 to 62 here"), None);
                return None;
            }
            Decode::Bit(bit) => PickDecode::Bit(*bit),
            Decode::States(states) => {
                if let Some(twice) = twice(states.iter().map(|(raw, _)| raw)) {
                    self.problem(id, site, format!("two states have the same number {twice}"), None);
                    return None;
                }
                PickDecode::States(states.clone())
            }
            Decode::NamedStates(states) => {
                if let Some(twice) = twice(states.iter().map(|(raw, _)| raw)) {
                    self.problem(id, site, format!("two states have the same text `{twice}`"), None);
                    return None;
                }
                PickDecode::NamedStates(states.clone())
            }
        };
        Some((topic, Pick { signal: map.signal, pointer, decode, on_change: map.every.is_none() }))
    }

    fn order(&mut self, id: DeviceId, place: usize, map: &CommandMap) -> Option<OrderPlan> {
        let site = ConfigSite::Command(place);
        if let Some(ack) = &map.ack {
            let remedy = Some("leave `ack` out, and watch a signal that shows what the command does");
            self.problem(id, site.clone(), format!("`{ack}`: JSON devices acknowledge nothing"), remedy);
        }
        let topic = self.topic(id, site.clone(), &map.send)?;
        self.said.push((topic.clone(), id, site));
        let mut fields = Vec::new();
        for (position, (name, value)) in map.with.iter().enumerate() {
            let site = ConfigSite::CommandField(place, position);
            if map.with[..position].iter().any(|(earlier, _)| earlier == name) {
                self.problem(id, site, format!("field `{name}` is given twice"), None);
                continue;
            }
            let given = match value {
                FieldValue::Number(number) if !number.is_finite() => {
                    self.problem(id, site, format!("field `{name}` is {number}, which JSON cannot say"), None);
                    continue;
                }
                FieldValue::Number(number) => {
                    let mut bytes = Vec::new();
                    write_number(*number, &mut bytes);
                    Given::Fixed(bytes)
                }
                FieldValue::Text(text) => {
                    let mut bytes = Vec::new();
                    write_word(text, &mut bytes);
                    Given::Fixed(bytes)
                }
                FieldValue::Arg { index, scale, offset } => {
                    Given::Arg { index: *index, scale: *scale, offset: *offset }
                }
            };
            fields.push((key(name), given));
        }
        Some(OrderPlan { topic, fields })
    }

    fn tells(&mut self, id: DeviceId, tells: &Tells) -> Option<TellPlan> {
        let topic = self.topic(id, ConfigSite::Tells, &tells.topic)?;
        self.said.push((topic.clone(), id, ConfigSite::Tells));
        if let Some(twice) = twice(tells.fields.iter().map(|f| &f.name)) {
            self.problem(id, ConfigSite::Tells, format!("`{twice}` is told twice"), None);
        }
        if tells.fields.iter().any(|f| f.name == "t") {
            self.problem(id, ConfigSite::Tells, "`t` is the time of the telling".into(), None);
        }
        let field = |f: &crate::codec::TellField| TellField {
            signal: f.signal,
            key: key(&f.name),
            scale: f.scale,
            offset: f.offset,
            states: f.states.clone(),
        };
        let fields: Vec<_> = tells.fields.iter().map(field).collect();
        // A float needs at most 24 letters.
        let size_hint = 32 + fields.iter().map(|f| f.key.len() + 24).sum::<usize>();
        Some(TellPlan { topic, fields, size_hint })
    }

    fn mays(&mut self, index: usize, device: &DeviceConfig) -> Vec<MayPlan> {
        let id = device.device;
        let mut mays = Vec::new();
        for (place, may) in device.may.iter().enumerate() {
            let site = ConfigSite::May(place);
            let Some(topic) = self.topic(id, site.clone(), &may.topic) else { continue };
            if let Some(other) = self.asked.insert(topic.clone(), device.name.clone()) {
                let message = format!("on topic `{topic}` `{other}` asks for another command");
                self.problem(id, site, message, Some("give each command that may be asked for a topic of its own"));
                continue;
            }
            if let Some(twice) = twice(may.args.iter().map(|(name, ..)| name)) {
                self.problem(id, site, format!("argument `{twice}` is named twice"), None);
                continue;
            }
            if may.args.len() > ARGS_MAX {
                self.problem(id, site, format!("more than {ARGS_MAX} arguments"), None);
                continue;
            }
            self.spoken.push((topic.clone(), id, site));
            let use_ = Use { device: index, picks: Vec::new(), facts: Vec::new(), may: Some(mays.len()) };
            self.heard.entry(topic).or_default().push(use_);
            mays.push(MayPlan { command: may.command, args: may.args.clone() });
        }
        mays
    }

    /// A controller speaks on topics of its own: on one that a machine has too it could report that the machine is safe.
    fn strange_voices(&mut self, config: &LinkConfig) {
        let spoken = std::mem::take(&mut self.spoken);
        for device in config.devices.iter().filter(|device| device.tells.is_some() || !device.may.is_empty()) {
            let mut told = std::collections::BTreeSet::new();
            for (topic, _, site) in spoken.iter().filter(|(_, id, _)| *id == device.device) {
                let other = spoken.iter().find(|(theirs, id, _)| theirs == topic && *id != device.device);
                let Some((_, other, _)) = other.filter(|_| told.insert(topic.clone())) else { continue };
                let name = config.devices.iter().find(|device| device.device == *other).map_or("", |other| &other.name);
                let message = format!("topic `{topic}` is also one of `{name}`: a controller could speak in its name");
                let remedy = Some("let each device speak on topics of its own");
                self.problem(device.device, site.clone(), message, remedy);
            }
        }
    }

    /// Whoever listens to what it says itself takes its own orders for a controller's or a device's word; and a telling on
    /// the topic of a command is that command to whoever listens there, armed or not, tripped or not.
    fn own_echo(&mut self) {
        let said = std::mem::take(&mut self.said);
        let commands: std::collections::BTreeSet<Arc<str>> =
            said.iter().filter(|(.., site)| *site != ConfigSite::Tells).map(|(topic, ..)| topic.clone()).collect();
        for (topic, device, site) in said {
            if site == ConfigSite::Tells && commands.contains(&topic) {
                let message = format!("topic `{topic}` is that of a command: each telling would be taken for it");
                self.problem(device, site.clone(), message, Some("tell it on a topic of its own"));
            }
            if self.heard.contains_key(&topic) {
                let message = format!("topic `{topic}` is listened to as well: we would hear ourselves");
                self.problem(device, site, message, Some("use one topic for each direction"));
            }
        }
    }
}

/// The first item that was there before.
fn twice<T: Ord>(items: impl Iterator<Item = T>) -> Option<T> {
    let mut seen = std::collections::BTreeSet::new();
    for item in items {
        if seen.contains(&item) {
            return Some(item);
        }
        seen.insert(item);
    }
    None
}
