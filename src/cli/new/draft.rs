//! The rig file that is being made: what each kind of device puts into it, and how it is written.

use crate::rig::Parity;
use std::fmt::Write as _;

/// A rig of one serial link.
pub struct Draft {
    /// What the link is called.
    pub link: &'static str,
    pub devices: Vec<Device>,
    /// What is missing for a run, or was guessed: a comment to a line.
    pub missing: Vec<String>,
    /// Files that stand beside the rig file: name, text.
    pub beside: Vec<(String, String)>,
}

/// A device of it.
pub struct Device {
    pub name: String,
    /// Whole lines of YAML, indented from the device's own keys: protocol, identity, poll.
    pub keys: Vec<String>,
    /// `name: { field: … }`, a line each.
    pub signals: Vec<String>,
}

impl Draft {
    /// A rig with one device, of which nothing is missing but what every run needs.
    pub fn of(link: &'static str, device: Device) -> Draft {
        Draft { link, devices: vec![device], missing: Vec::new(), beside: Vec::new() }
    }

    /// The text of the rig file. `what`: the words for what was recognised.
    pub fn text(&self, rig: &str, port: &str, baud: u32, parity: Parity, what: &str) -> String {
        let parity = match parity {
            Parity::None => "",
            Parity::Even => ", parity: even",
            Parity::Odd => ", parity: odd",
        };
        let mut text = format!(
            "rig: {rig}\nabout: {about}\nlinks:\n  {link}: {{ serial: {port}, baud: {baud}{parity} }}\ndevices:\n",
            about = quoted(&format!("Made by `checkrein rigs new`: {what}")),
            link = self.link,
            port = quoted(port),
        );
        for device in &self.devices {
            let _ = writeln!(text, "  {}:\n    link: {}", device.name, self.link);
            for line in &device.keys {
                let _ = writeln!(text, "    {line}");
            }
            text.push_str("    signals:\n");
            for line in &device.signals {
                let _ = writeln!(text, "      {line}");
            }
        }
        for line in &self.missing {
            let _ = writeln!(text, "# {line}");
        }
        text.push_str(
            "# Missing for a run: `commands`, `safe`, a `ladder`, a `dead_man`, and an `envelope` file beside this one.\n\
             # docs/files.md has every key, the folders under rigs/ are whole examples. Check it with `checkrein check`.\n",
        );
        text
    }
}

/// A text in YAML's single quotes, as it stands.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A signal's name in YAML: what YAML would take for a boolean or null stands in quotes.
pub fn key(name: &str) -> String {
    let guessed = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"].contains(&name);
    if guessed { format!("\"{name}\"") } else { name.to_owned() }
}
