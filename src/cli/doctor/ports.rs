//! Serial ports before they are opened: which device a stable name is, who may open it, who has it, which others there are; and
//! which brokers the rig means.

use super::findings::{Findings, Grade};
use crate::io::ports;
use crate::rig::{Broker, LinkKind, PortName};
use crate::scenario::plan::Plan;
use rustix::fs::{Access, access};
use serde_json::json;

/// Looks at the port of every serial link.
pub fn read(plan: &Plan, findings: &mut Findings) {
    for link in &plan.rig.links {
        let LinkKind::Serial(def) = &link.kind else { continue };
        let about = format!("link {}", link.name);
        let path = match ports::resolve(&def.port) {
            Ok(path) => path,
            Err(why) => {
                findings.add(Grade::Blocks, &about, "port", why);
                continue;
            }
        };
        let real = std::fs::canonicalize(&path).map_or_else(|_| path.clone(), |real| real.display().to_string());
        let named = in_words(&def.port);
        let figures = json!({ "named": named, "device": real });
        findings.with(Grade::Good, &about, "port", format!("{named} is {real}"), figures);
        match access(&real, Access::READ_OK | Access::WRITE_OK) {
            Ok(()) => findings.add(Grade::Good, &about, "permission", "this user may read and write it"),
            Err(_) => findings.add(
                Grade::Blocks,
                &about,
                "permission",
                format!("{real} may not be opened by this user: join the group that owns it (dialout on most systems)"),
            ),
        }
        let holders: Vec<String> = ports::holders(&path).iter().map(|holder| holder.pid.to_string()).collect();
        if !holders.is_empty() {
            let words = format!("open in process {}", holders.join(", "));
            findings.with(Grade::Warning, &about, "holder", words, json!({ "pids": holders }));
        }
    }
    others(plan, findings);
}

/// Which broker every MQTT link means; whether it answers is told by the link.
pub fn brokers(plan: &Plan, findings: &mut Findings) {
    for link in &plan.rig.links {
        let LinkKind::Mqtt(def) = &link.kind else { continue };
        let version = if def.version == 5 { "5" } else { "3.1.1" };
        let (words, figures) = match &def.broker {
            Broker::Embedded => (
                format!("MQTT {version}: the one that Checkrein starts"),
                json!({ "embedded": true, "version": version }),
            ),
            Broker::Remote { host, port, tls } => {
                let over = if tls.is_some() { "over TLS" } else { "without TLS" };
                let figures =
                    json!({ "embedded": false, "host": host, "port": port, "tls": tls.is_some(), "version": version });
                (format!("MQTT {version}: {host}:{port}, {over}"), figures)
            }
        };
        findings.with(Grade::Good, &format!("link {}", link.name), "broker", words, figures);
    }
}

/// Ports that are there and that no link means: where to look when a device is not on its own.
fn others(plan: &Plan, findings: &mut Findings) {
    let real = |path: &str| std::fs::canonicalize(path).ok();
    let named: Vec<_> = plan
        .rig
        .links
        .iter()
        .filter_map(|link| match &link.kind {
            LinkKind::Serial(def) => ports::resolve(&def.port).ok().and_then(|path| real(&path)),
            LinkKind::Mqtt(_) => None,
        })
        .collect();
    let others: Vec<String> =
        ports::present().into_iter().filter(|path| real(path).is_none_or(|real| !named.contains(&real))).collect();
    let words = match others.as_slice() {
        [] => "no other port is there".to_owned(),
        _ => format!("there, and named by no link: {}", others.join(", ")),
    };
    findings.with(Grade::Good, "rig", "other ports", words, json!({ "ports": others }));
}

fn in_words(port: &PortName) -> String {
    match port {
        PortName::Path(path) => path.clone(),
        PortName::Usb { vid, pid, serial } => {
            let serial = serial.as_ref().map_or_else(String::new, |serial| format!(" with serial number {serial}"));
            format!("USB {vid:04x}:{pid:04x}{serial}")
        }
        PortName::Twin => "the twin's port".to_owned(),
    }
}
