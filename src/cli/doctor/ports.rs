//! Serial ports before they are opened: which device a stable name is, who may open it, who has it.

use super::findings::{Findings, Grade};
use crate::io::ports;
use crate::rig::{LinkKind, PortName};
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
