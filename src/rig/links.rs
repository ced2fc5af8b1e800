//! The `links:` of a rig file.

use super::keys::{LINK, USB, USB_NUMBERS};
use super::model::{Broker, Flow, LinkDef, LinkKind, MqttDef, Parity, PortName, Secret, SerialDef, Tls};
use super::yaml::{Entry, Fields, Kind, Node, Page, Word};
use crate::codec::LinkConfig;
use crate::wire::LinkId;
use std::collections::BTreeSet;

/// Bits per second where the file says nothing.
const BAUD: u32 = 115_200;

/// Reads all links, in file order, and tells which of them are wrong; those keep their name and a kind that means nothing.
pub(super) fn read(page: &mut Page, node: &Node) -> (Vec<LinkDef>, BTreeSet<LinkId>) {
    let mut links: Vec<LinkDef> = Vec::new();
    let mut broken = BTreeSet::new();
    let Some(entries) = page.map(node, "`links`") else { return (links, broken) };
    for entry in entries {
        if !page.is_name(&entry.key, "a link's name") {
            continue;
        }
        // A password in the file is the one mistake that must not pass for a mere unknown key.
        let word = password(entry);
        if let Some(word) = word {
            page.error(
                word.span.clone(),
                "a password has no place in a rig file".into(),
                Some("use `password_env: NAME` or `password_file: path`".into()),
            );
        }
        let id = LinkId(u16::try_from(links.len()).expect("a file of 1 MiB has fewer than 65536 links"));
        let kind = match word {
            Some(_) => None,
            None => page.fields(&entry.value, &LINK).and_then(|fields| kind(page, &entry.key, &fields)),
        };
        if kind.is_none() {
            broken.insert(id);
        }
        if let Some(LinkKind::Serial(this)) = &kind {
            let other = links.iter().find(|other| match &other.kind {
                LinkKind::Serial(that) => this.port.may_be(&that.port),
                LinkKind::Mqtt(_) => false,
            });
            if let (Some(other), Some(place)) = (other, port_of(entry)) {
                page.error(
                    place.span.clone(),
                    format!("link `{}` has the same port as link `{}`", entry.key.text, other.name),
                    Some("devices of one port belong to one link; two adapters need the `serial` of each".into()),
                );
                broken.insert(id);
            }
        }
        let kind = kind.unwrap_or(LinkKind::Mqtt(MqttDef {
            broker: Broker::Embedded,
            version: 5,
            user: None,
            password: None,
        }));
        links.push(LinkDef {
            id,
            name: entry.key.text.clone(),
            kind,
            codec: LinkConfig { link: id, devices: Vec::new() },
        });
    }
    (links, broken)
}

/// Where a link names its port.
fn port_of(entry: &Entry) -> Option<&Node> {
    match &entry.value.kind {
        Kind::Map(entries) => entries.iter().find(|e| e.key.text == "serial").map(|e| &e.value),
        _ => None,
    }
}

fn password(entry: &Entry) -> Option<&Word> {
    match &entry.value.kind {
        Kind::Map(entries) => entries.iter().map(|e| &e.key).find(|k| k.text == "password"),
        _ => None,
    }
}

fn kind(page: &mut Page, name: &Word, fields: &Fields<'_>) -> Option<LinkKind> {
    let only = |page: &mut Page, keys: &[&str], what: &str| {
        for key in keys {
            if let Some(entry) = fields.entry(key) {
                page.error(
                    entry.key.span.clone(),
                    format!("`{key}` belongs to {what} alone"),
                    Some("remove it".into()),
                );
            }
        }
    };
    match (fields.get("serial"), fields.get("mqtt")) {
        (Some(serial), None) => {
            let not_here = ["version", "user", "password_env", "password_file", "ca", "cert", "key"];
            only(page, &not_here, "a broker (`mqtt`)");
            Some(LinkKind::Serial(serial_def(page, serial, fields)?))
        }
        (None, Some(mqtt)) => {
            only(page, &["baud", "parity", "flow", "stop_bits"], "a port (`serial`)");
            Some(LinkKind::Mqtt(mqtt_def(page, mqtt, fields)?))
        }
        (Some(_), Some(mqtt)) => {
            page.error(
                mqtt.span.clone(),
                format!("link `{}` is both `serial` and `mqtt`", name.text),
                Some("make it two links".into()),
            );
            None
        }
        (None, None) => {
            page.error(
                name.span.clone(),
                format!("link `{}` says neither `serial` nor `mqtt`", name.text),
                Some("write `{ serial: /dev/serial/by-id/…, baud: … }` or `{ mqtt: embedded }`".into()),
            );
            None
        }
    }
}

fn serial_def(page: &mut Page, node: &Node, fields: &Fields<'_>) -> Option<SerialDef> {
    let port = match &node.kind {
        Kind::Map(_) => usb(page, node),
        _ => page.text(node, "the path of a port").and_then(|word| match word.text.as_str() {
            "twin" => Some(PortName::Twin),
            path => stable(page, word).map(|()| PortName::Path(path.into())),
        }),
    };
    let baud = match fields.get("baud") {
        Some(node) => page.whole(node, 300..=20_000_000, "bits per second"),
        None => Some(u64::from(BAUD)),
    };
    let parity = match fields.get("parity") {
        Some(node) => {
            page.choice(node, "parity", &[("none", Parity::None), ("even", Parity::Even), ("odd", Parity::Odd)])
        }
        None => Some(Parity::None),
    };
    let flow = match fields.get("flow") {
        Some(node) => page.choice(
            node,
            "flow control",
            &[("none", Flow::None), ("software", Flow::Software), ("hardware", Flow::Hardware)],
        ),
        None => Some(Flow::None),
    };
    let stop_bits = match fields.get("stop_bits") {
        Some(node) => page.whole(node, 1..=2, "stop bits"),
        None => Some(1),
    };
    let baud = u32::try_from(baud?).expect("at most 20,000,000, as just read");
    let stop_bits = u8::try_from(stop_bits?).expect("1 or 2, as just read");
    Some(SerialDef { port: port?, baud, parity: parity?, flow: flow?, stop_bits })
}

fn usb(page: &mut Page, node: &Node) -> Option<PortName> {
    let outer = page.fields(node, &USB)?;
    let fields = page.fields(outer.get("usb")?, &USB_NUMBERS)?;
    let number = |page: &mut Page, key: &str, what: &str| {
        let number = page.whole(fields.get(key)?, 0..=0xffff, what)?;
        u16::try_from(number).ok()
    };
    let vid = number(page, "vid", "a vendor number");
    let pid = number(page, "pid", "a product number");
    let serial = match fields.get("serial") {
        // Serial numbers are text even where they are all digits.
        Some(node) => Some(page.scalar(node, "a serial number")?.text.clone()),
        None => None,
    };
    Some(PortName::Usb { vid: vid?, pid: pid?, serial })
}

/// Refuses names that belong to another device after the next unplugging.
fn stable(page: &mut Page, word: &Word) -> Option<()> {
    let name = word.text.strip_prefix("/dev/").unwrap_or(&word.text);
    let numbered = |prefix: &str| {
        name.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
    };
    if numbered("ttyACM") || numbered("ttyUSB") || numbered("COM") {
        page.error(
            word.span.clone(),
            format!("`{}` may be another device after the next unplugging", word.text),
            Some("use its path under /dev/serial/by-id/, or `serial: { usb: { vid: …, pid: …, serial: … } }`".into()),
        );
        return None;
    }
    if !word.text.starts_with('/') {
        page.error(
            word.span.clone(),
            format!("`{}` is no path of a port", word.text),
            Some("a port is named by its whole path, such as /dev/serial/by-id/…".into()),
        );
        return None;
    }
    Some(())
}

fn mqtt_def(page: &mut Page, node: &Node, fields: &Fields<'_>) -> Option<MqttDef> {
    let word = page.text(node, "`embedded`, `mqtt://host:port` or `mqtts://host:port`")?;
    let version = match fields.get("version") {
        Some(node) => match node.word().map(|w| w.text.as_str()) {
            Some("5") => 5,
            Some("3") => 3,
            _ => {
                page.wrong(node, "the MQTT version `5`, or `3` for 3.1.1");
                return None;
            }
        },
        None => 5,
    };
    let text_of = |page: &mut Page, key: &str, what: &str| {
        fields.get(key).and_then(|node| page.text(node, what)).map(|word| word.text.clone())
    };
    let tls = Tls {
        ca: text_of(page, "ca", "the path of a certificate"),
        cert: text_of(page, "cert", "the path of a certificate"),
        key: text_of(page, "key", "the path of a key"),
    };
    let broker = broker(page, word, fields, tls)?;
    let user = text_of(page, "user", "a user's name");
    let variable = text_of(page, "password_env", "the name of an environment variable");
    let file = text_of(page, "password_file", "the path of a file");
    let password = match (variable, file) {
        (Some(_), Some(_)) => {
            let entry = fields.entry("password_file").expect("a text was just read from it");
            page.error(
                entry.key.span.clone(),
                "the password comes from two places".into(),
                Some("keep one of them".into()),
            );
            None
        }
        (Some(name), None) => Some(Secret::Environment(name)),
        (None, Some(path)) => Some(Secret::File(path)),
        (None, None) => None,
    };
    if password.is_some() && user.is_none() {
        page.error(fields.head.clone(), "a password without a `user`".into(), Some("add `user: …`".into()));
    }
    Some(MqttDef { broker, version, user, password })
}

fn broker(page: &mut Page, word: &Word, fields: &Fields<'_>, tls: Tls) -> Option<Broker> {
    let wanted = "`embedded`, `mqtt://host:port` or `mqtts://host:port`";
    if word.text == "embedded" {
        for key in ["user", "password_env", "password_file", "ca", "cert", "key"] {
            if let Some(entry) = fields.entry(key) {
                page.error(
                    entry.key.span.clone(),
                    format!("the embedded broker makes its own users; `{key}` is for a broker of your own"),
                    Some("remove it".into()),
                );
            }
        }
        return Some(Broker::Embedded);
    }
    let (secure, rest) = match (word.text.strip_prefix("mqtt://"), word.text.strip_prefix("mqtts://")) {
        (Some(rest), _) => (false, rest),
        (_, Some(rest)) => (true, rest),
        _ => {
            page.error(word.span.clone(), format!("`{}` names no broker; wanted {wanted}", word.text), None);
            return None;
        }
    };
    if rest.contains('@') {
        page.error(
            word.span.clone(),
            "user and password have no place in a broker's address".into(),
            Some("use `user:` with `password_env:` or `password_file:`".into()),
        );
        return None;
    }
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse::<u16>().ok().filter(|p| *p > 0)),
        _ => (rest, Some(if secure { 8883 } else { 1883 })),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let (Some(port), false) = (port, host.is_empty() || host.contains('/')) else {
        page.error(word.span.clone(), format!("`{}` names no broker; wanted {wanted}", word.text), None);
        return None;
    };
    if !secure {
        for key in ["ca", "cert", "key"] {
            if let Some(entry) = fields.entry(key) {
                page.error(
                    entry.key.span.clone(),
                    format!("`{key}` needs an encrypted link"),
                    Some("write `mqtts://`".into()),
                );
            }
        }
    }
    if tls.cert.is_some() != tls.key.is_some() {
        page.error(
            fields.head.clone(),
            "`cert` and `key` belong together".into(),
            Some("give both, or neither".into()),
        );
    }
    Some(Broker::Remote { host: host.into(), port, tls: secure.then_some(tls) })
}
