//! The `devices:` of a rig file: who is there, on which link, under which address, and what keeps it honest.

use super::keys::{DEAD_MAN, DEVICE, HEARTBEAT, POLL};
use super::load::Reading;
use super::model::{ACTS_WITHIN, BringUp, DeadMan, LinkDef, LinkKind, PortName, Role};
use super::names::RESERVED_DEVICES;
use super::policies;
use super::protocols;
use super::safety::bring_up;
use super::twins::{POLICY, TWINS, TwinKind};
use super::yaml::{Fields, Kind, Node, Page, Word};
use crate::codec::modbus::host::Timing;
use crate::codec::{ConfigProblem, ConfigSite, DeviceConfig, FieldValue, Over, Protocol};
use crate::policy::Policy;
use crate::time::Span;
use crate::wire::{DeviceId, LinkId};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// A device on the way from file to rig.
pub(super) struct Draft<'n> {
    pub id: DeviceId,
    pub word: &'n Word,
    pub fields: Fields<'n>,
    pub link: Option<LinkId>,
    pub role: Role,
    pub twin: Option<String>,
    /// What its twin thinks with, if that is a policy.
    pub policy: Option<Arc<Policy>>,
    pub acts_within: Span,
    pub dead_man: Option<DeadMan>,
    /// How it is brought up for a rehearsal of its ladder, and of its dead-man where that is another state.
    pub rehearse: Option<BringUp>,
    pub rehearse_dead_man: Option<BringUp>,
    /// Whether it speaks JSON; `None` while that is wrong in the file.
    pub json: Option<bool>,
    /// What the codec will be told; `None` while link or protocol are wrong.
    pub codec: Option<DeviceConfig>,
    pub sites: Sites,
}

/// A field of a command's message in the file.
pub(super) struct FieldSite {
    pub key: Range<usize>,
    pub value: Range<usize>,
    /// The value as written, to tell whether a complaint is about it.
    pub text: String,
}

/// Where the parts of a device's codec configuration stand in the file.
#[derive(Default)]
pub(super) struct Sites {
    pub protocol: Range<usize>,
    pub signals: Vec<Range<usize>>,
    /// The command's `send`, and its fields.
    pub commands: Vec<(Range<usize>, Vec<FieldSite>)>,
    pub identity: Vec<Range<usize>>,
    pub heartbeat: Range<usize>,
    pub poll: Range<usize>,
    pub tells: Range<usize>,
    pub may: Vec<Range<usize>>,
}

impl Sites {
    /// The bytes that a codec's complaint is about.
    pub fn find(&self, problem: &ConfigProblem) -> Range<usize> {
        let whole = self.protocol.clone();
        match &problem.site {
            ConfigSite::Protocol => whole,
            ConfigSite::Signal(i) => self.signals.get(*i).cloned().unwrap_or(whole),
            ConfigSite::Command(i) => self.commands.get(*i).map_or(whole, |c| c.0.clone()),
            ConfigSite::CommandField(i, j) => {
                let Some((send, fields)) = self.commands.get(*i) else { return whole };
                match fields.get(*j) {
                    Some(field) if problem.message.contains(&format!("`{}`", field.text)) => field.value.clone(),
                    Some(field) => field.key.clone(),
                    None => send.clone(),
                }
            }
            ConfigSite::Identity(i) => self.identity.get(*i).cloned().unwrap_or(whole),
            ConfigSite::Heartbeat => self.heartbeat.clone(),
            ConfigSite::Poll => self.poll.clone(),
            ConfigSite::Tells => self.tells.clone(),
            ConfigSite::May(i) => self.may.get(*i).cloned().unwrap_or(whole),
        }
    }
}

/// Reads who is there; signals, commands and the way to safe follow once all names are known.
pub(super) fn read<'n>(
    reading: &mut Reading<'_>,
    node: &'n Node,
    links: &[LinkDef],
    broken: &BTreeSet<LinkId>,
    judged: bool,
) -> Vec<Draft<'n>> {
    let Some(entries) = reading.page.map(node, "`devices`") else { return Vec::new() };
    let mut drafts: Vec<Draft<'n>> = Vec::new();
    for entry in entries {
        if RESERVED_DEVICES.contains(&entry.key.text.as_str()) {
            let message = format!("`{}` is a name that the run keeps for itself", entry.key.text);
            reading.page.error(entry.key.span.clone(), message, Some("choose another name".into()));
            continue;
        }
        if !reading.page.is_name(&entry.key, "a device's name") {
            continue;
        }
        let Some(fields) = reading.page.fields(&entry.value, &DEVICE) else { continue };
        let id = DeviceId(u16::try_from(drafts.len()).expect("a file of 1 MiB has fewer than 65536 devices"));
        drafts.push(draft(reading, id, &entry.key, fields, links, (broken, judged)));
    }
    same_link(&mut reading.page, &drafts, links);
    drafts
}

fn draft<'n>(
    reading: &mut Reading<'_>,
    id: DeviceId,
    word: &'n Word,
    fields: Fields<'n>,
    links: &[LinkDef],
    (broken, judged): (&BTreeSet<LinkId>, bool),
) -> Draft<'n> {
    let page = &mut reading.page;
    let role = match fields.get("role") {
        Some(node) => page
            .choice(node, "role", &[("machine", Role::Machine), ("controller", Role::Controller)])
            .unwrap_or(Role::Machine),
        None => Role::Machine,
    };
    let link = fields.get("link").and_then(|node| {
        let name = page.text(node, "the name of a link")?;
        let found = links.iter().find(|l| l.name == name.text);
        if found.is_none() {
            let message = format!("link `{}` is not in this rig", name.text);
            page.unknown(name, message, links.iter().map(|l| l.name.as_str()));
        }
        found
    });
    let (twin, policy) = match fields.get("twin") {
        Some(node) => twin(reading, node, role),
        None => (None, None),
    };
    let page = &mut reading.page;
    let mut sites = Sites::default();
    let heartbeat = fields.get("heartbeat").and_then(|node| {
        sites.heartbeat = node.span.clone();
        let beat = page.fields(node, &HEARTBEAT)?;
        let send = beat.get("send").and_then(|n| page.text(n, "a message"));
        let every = beat.get("every").and_then(|n| page.period(n, "1 s"));
        if let Some(word) = send {
            sites.heartbeat = word.span.clone();
        }
        Some((send?.text.clone(), every?))
    });
    let poll = fields.get("poll").and_then(|node| {
        sites.poll = node.span.clone();
        let poll = page.fields(node, &POLL)?;
        let send = poll.get("send").and_then(|n| page.text(n, "a question"));
        let every = poll.get("every").and_then(|n| page.period(n, "50 ms"));
        if let Some(word) = send {
            sites.poll = word.span.clone();
        }
        Some((send?.text.clone(), every?))
    });
    let acts_within = fields.get("acts_within").and_then(|node| acts_within(page, node, role)).unwrap_or(ACTS_WITHIN);
    let dead_man =
        fields.get("dead_man").and_then(|node| dead_man(page, node, role, fields.get("heartbeat").is_some()));
    let rehearse = fields.get("rehearse").and_then(|node| bring_up(page, node));
    let rehearse_dead_man = match fields.get("dead_man").map(|node| &node.kind) {
        Some(Kind::Map(entries)) => {
            entries.iter().find(|e| e.key.text == "rehearse").and_then(|entry| bring_up(page, &entry.value))
        }
        _ => None,
    };
    let identity = identity(page, &fields, &mut sites);
    let protocol = fields.get("protocol").and_then(|node| {
        let (protocol, place) = protocols::read(reading, node);
        sites.protocol = place;
        protocol.map(|protocol| at_the_speed_of(protocol, link))
    });
    let page = &mut reading.page;
    if let (Some(link), Some(protocol)) = (link, &protocol)
        && !broken.contains(&link.id)
    {
        fits(page, word, link, protocol, &sites);
        // Nothing rests on it and nothing is sent to it that acts: the wrong board is a wrong picture and no more.
        let only_shown = !judged && heartbeat.is_none() && fields.get("commands").is_none();
        let known = Known { role, has_twin: twin.is_some(), only_shown };
        named(page, word, link, protocol, &identity, &known);
    }
    let json = protocol.as_ref().map(|p| *p == Protocol::Json);
    let codec = match (link, protocol) {
        (Some(_), Some(protocol)) => Some(DeviceConfig {
            device: id,
            name: word.text.clone(),
            protocol,
            signals: Vec::new(),
            commands: Vec::new(),
            identity,
            heartbeat,
            poll,
            tells: None,
            may: Vec::new(),
        }),
        _ => None,
    };
    Draft {
        id,
        word,
        fields,
        link: link.map(|l| l.id),
        role,
        twin,
        policy,
        acts_within,
        dead_man,
        rehearse,
        rehearse_dead_man,
        json,
        codec,
        sites,
    }
}

/// How long a character lasts is the line's to say.
fn at_the_speed_of(protocol: Protocol, link: Option<&LinkDef>) -> Protocol {
    match (protocol, link.map(|link| &link.kind)) {
        (Protocol::Modbus { unit, order, timing }, Some(LinkKind::Serial(serial))) => {
            let timing = Timing::of(serial.baud, timing.timeout, timing.retries);
            Protocol::Modbus { unit, order, timing }
        }
        (protocol, _) => protocol,
    }
}

/// The twin of a device: its name, or a policy.
fn twin(reading: &mut Reading<'_>, node: &Node, role: Role) -> (Option<String>, Option<Arc<Policy>>) {
    if let Kind::Map(_) = node.kind {
        let policy = policies::cast(reading, node, role);
        return (policy.is_some().then(|| POLICY.to_owned()), policy);
    }
    let name = reading.page.text(node, "the name of a twin").map(|word| {
        if word.text == POLICY {
            let remedy = "write `twin: { policy: file.onnx, mapping: file.yaml }`";
            reading.page.error(word.span.clone(), "a policy names its files".into(), Some(remedy.into()));
        } else if TwinKind::find(&word.text).is_none() {
            let known = TWINS.iter().map(|kind| kind.name);
            reading.page.unknown(word, format!("there is no twin `{}`", word.text), known);
        }
        word.text.clone()
    });
    (name, None)
}

/// A machine that begins to act later than this is rare enough to be asked about: the project's own figure.
const ACTS_LONG: Span = Span::from_secs(60);

/// How soon a command shows.
fn acts_within(page: &mut Page, node: &Node, role: Role) -> Option<Span> {
    if role == Role::Controller {
        let remedy = "write it at the machine that the controller commands";
        page.error(node.span.clone(), "`acts_within` is for a machine".into(), Some(remedy.into()));
        return None;
    }
    let within = page.time(node, "500 ms", false)?;
    if within > ACTS_LONG {
        page.warn(
            node.span.clone(),
            format!("every run waits for {within} before it believes that this machine is at rest"),
            Some("this is the time until a command begins to show, not until the machine has done it".into()),
        );
    }
    Some(within)
}

/// What the device does when nobody speaks to it.
fn dead_man(page: &mut Page, node: &Node, role: Role, has_heartbeat: bool) -> Option<DeadMan> {
    let fields = page.fields(node, &DEAD_MAN)?;
    match (fields.get("loses"), fields.get("silent_for")) {
        (None, Some(silent)) => {
            if role != Role::Controller {
                page.error(
                    fields.head.clone(),
                    "`silent_for` is for a controller; a machine's silence is a rule (`age(…)`) or staleness".into(),
                    Some("write `{ loses: heartbeat, safe_within: … }`".into()),
                );
                return None;
            }
            Some(DeadMan::SilentFor(page.time(silent, "500 ms", false)?))
        }
        (Some(loses), None) => {
            page.choice(loses, "thing to lose", &[("heartbeat", ())])?;
            if !has_heartbeat {
                page.error(
                    loses.span.clone(),
                    "the device cannot lose a heartbeat that it is never sent".into(),
                    Some("add `heartbeat: { send: …, every: … }`".into()),
                );
            }
            let Some(within) = fields.get("safe_within") else {
                page.error(
                    fields.head.clone(),
                    "a dead_man needs `safe_within`: how soon the device is safe by itself".into(),
                    Some("add `safe_within: 5 s`".into()),
                );
                return None;
            };
            Some(DeadMan::LosesHeartbeat { safe_within: page.time(within, "5 s", false)? })
        }
        _ => {
            page.error(
                fields.head.clone(),
                "a dead_man is one of two".into(),
                Some(
                    "write `{ loses: heartbeat, safe_within: 5 s }` or, for a controller, `{ silent_for: 500 ms }`"
                        .into(),
                ),
            );
            None
        }
    }
}

fn identity(page: &mut Page, fields: &Fields<'_>, sites: &mut Sites) -> Vec<(String, FieldValue)> {
    let mut facts = Vec::new();
    let Some(entries) = fields.get("identity").and_then(|node| page.map(node, "`identity`")) else { return facts };
    for entry in entries {
        let Some(word) = page.scalar(&entry.value, "a number or text that must hold") else { continue };
        sites.identity.push(entry.key.span.clone());
        facts.push((entry.key.text.clone(), raw(word)));
    }
    facts
}

/// A value of the wire: a number (also `0x…`), or a text.
pub(super) fn raw(word: &Word) -> FieldValue {
    let number = match word.text.strip_prefix("0x") {
        // Rounded as the codec rounds the device's own number, so that equal stays equal.
        Some(hex) => u64::from_str_radix(hex, 16).ok().map(|n| n as f64),
        None => word.text.parse::<f64>().ok().filter(|n| n.is_finite()),
    };
    match number {
        Some(number) if !word.quoted => FieldValue::Number(number),
        _ => FieldValue::Text(word.text.clone()),
    }
}

/// Whether the protocol can be spoken over the link.
fn fits(page: &mut Page, word: &Word, link: &LinkDef, protocol: &Protocol, sites: &Sites) {
    let wants = match (&link.kind, protocol.over()) {
        (LinkKind::Mqtt(_), Over::Serial) => "a serial link",
        (LinkKind::Serial(_), Over::Mqtt) => "an MQTT link",
        _ => return,
    };
    let (name, speaks) = (&word.text, protocol.speaks());
    let remedy = match protocol {
        Protocol::Json => {
            Some("over a serial line write `{ json: { state: {} } }`: one object per line (docs/json.md)")
        }
        Protocol::JsonLines(_) => Some("over MQTT write `protocol: json`: one object per message (docs/json.md)"),
        _ => None,
    };
    page.error(
        sites.protocol.clone(),
        format!("device `{name}` speaks {speaks}, which needs {wants}; link `{}` is another kind", link.name),
        remedy.map(str::to_owned),
    );
}

/// What the file says of a device beside its port and its identity.
struct Known {
    role: Role,
    has_twin: bool,
    /// The rig has no envelope, and the device neither commands nor a heartbeat.
    only_shown: bool,
}

/// Whether a serial device is named so that the wrong board is found out.
fn named(
    page: &mut Page,
    word: &Word,
    link: &LinkDef,
    protocol: &Protocol,
    identity: &[(String, FieldValue)],
    known: &Known,
) {
    let LinkKind::Serial(serial) = &link.kind else { return };
    if serial.port == PortName::Twin && !known.has_twin {
        page.error(
            word.span.clone(),
            format!("link `{}` has no port but its twins, and `{}` has no `twin`", link.name, word.text),
            Some("add `twin: …` to the device, or name the port of the link".into()),
        );
    }
    if !identity.is_empty() || known.role == Role::Controller {
        return;
    }
    let by_name = match &serial.port {
        PortName::Usb { serial, .. } => serial.is_some(),
        PortName::Path(path) => path.starts_with("/dev/serial/by-id/"),
        // A twin is what it is said to be.
        PortName::Twin => return,
    };
    let remedy = Some(match protocol {
        Protocol::Mavlink { .. } => "add `identity: { AUTOPILOT_VERSION.uid: 0x… }`".to_string(),
        _ => "add `identity` with something that it says of itself, such as its serial number".to_string(),
    });
    // Sentences of a receiver say nothing of who sent them: the port's name is all there can be.
    if by_name && *protocol == Protocol::Nmea {
        return;
    }
    if by_name {
        page.warn(
            word.span.clone(),
            format!(
                "nothing proves that `{}` is the board it should be: the first message of its address will do",
                word.text
            ),
            remedy,
        );
    } else if known.only_shown {
        page.warn(
            word.span.clone(),
            format!(
                "`{}` is named by a port that any board may be plugged into, and has no identity: it can be looked at, and with an \
                 envelope or a command this will be an error",
                word.text
            ),
            Some("name the port by its id (/dev/serial/by-id/…), or give the device an `identity` where its protocol has one".into()),
        );
    } else {
        page.error(
            word.span.clone(),
            format!("`{}` is named by a port that any board may be plugged into, and has no identity", word.text),
            remedy,
        );
    }
}

/// Devices of one link speak one protocol, each under its own address.
fn same_link(page: &mut Page, drafts: &[Draft<'_>], links: &[LinkDef]) {
    for (i, draft) in drafts.iter().enumerate() {
        let Some(config) = &draft.codec else { continue };
        let before = drafts[..i].iter().filter(|d| d.link == draft.link).find_map(|d| Some((d, d.codec.as_ref()?)));
        let link = links.iter().find(|l| Some(l.id) == draft.link).map_or("", |l| l.name.as_str());
        if let Some((first, other)) = before
            && !other.protocol.shares_with(&config.protocol)
        {
            page.error(
                draft.sites.protocol.clone(),
                format!("link `{link}` speaks another protocol or dialect with `{}`", first.word.text),
                Some("devices that share a link speak the same".into()),
            );
        }
        let Some(address) = config.protocol.address() else { continue };
        let twin = drafts[..i].iter().filter(|d| d.link == draft.link).find(|d| {
            let other = d.codec.as_ref().map(|c| &c.protocol);
            other.is_some_and(|p| p.shares_with(&config.protocol) && p.address().as_ref() == Some(&address))
        });
        if let Some(twin) = twin {
            page.error(
                draft.sites.protocol.clone(),
                format!("`{}` has the same address on link `{link}`: {address}", twin.word.text),
                Some(match config.protocol.has_whole_port() {
                    true => "give each device a link, and so a port, of its own".into(),
                    false => "give each device an address of its own".into(),
                }),
            );
        }
    }
}
