//! `checkrein sim RIG`: the twins of a rig alone, with their ports and logins, for whatever tool talks to them.

use super::live::{Around, Stand};
use super::observing::{beside, path_of, plan, take_down};
use super::{Exit, say};
use crate::io::queue::StopSignals;
use crate::rig::LinkKind;
use crate::run::RunVerdict;
use crate::scenario::plan::Plan;
use crate::wire::DeviceId;
use clap::Args;
use serde_json::{Value, json};
use std::process::ExitCode;

/// Arguments of `sim`.
#[derive(Args, Debug)]
pub struct SimArguments {
    /// The rig's name (rigs/NAME/rig.yaml), or its file
    rig: String,
    /// These devices' twins alone; the places of the others are free for something of your own
    #[arg(long, value_name = "DEVICE", value_delimiter = ',')]
    only: Vec<String>,
    /// Seed of every random draw of the twins
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print one line of JSON instead of the table
    #[arg(long)]
    json: bool,
}

/// Starts the twins and waits for Ctrl-C.
pub fn sim(arguments: &SimArguments) -> ExitCode {
    let Some(mut plan) = plan(&arguments.rig) else { return Exit::Usage.into() };
    plan.seed = arguments.seed;
    let whose = match chosen(&plan, &arguments.only) {
        Ok(whose) => whose,
        Err(why) => {
            say::aside(format!("error: {why}"));
            return Exit::Usage.into();
        }
    };
    match stand(&plan, &whose, arguments.json) {
        Ok(()) => Exit::Good.into(),
        Err(why) => {
            say::aside(format!("blocked: {why}"));
            Exit::Verdict(RunVerdict::Blocked).into()
        }
    }
}

fn chosen(plan: &Plan, only: &[String]) -> Result<Vec<DeviceId>, String> {
    let with_twin = || plan.rig.devices.iter().filter(|device| device.twin.is_some());
    if only.is_empty() {
        return match with_twin().next() {
            Some(_) => Ok(with_twin().map(|device| device.id).collect()),
            None => Err(format!("no device of rig {} has a twin", plan.rig.name)),
        };
    }
    only.iter()
        .map(|name| {
            with_twin().find(|device| device.name == *name).map(|device| device.id).ok_or_else(|| {
                let known: Vec<&str> = with_twin().map(|device| device.name.as_str()).collect();
                format!("rig {} has no twin of `{name}`; there are: {}", plan.rig.name, known.join(", "))
            })
        })
        .collect()
}

fn stand(plan: &Plan, whose: &[DeviceId], as_json: bool) -> Result<(), String> {
    let (runtime, program) = beside()?;
    let stop = {
        let _inside = runtime.enter();
        StopSignals::listen().map_err(|error| format!("Ctrl-C cannot be listened to: {error}"))?
    };
    let nowhere = |_: &str| std::path::PathBuf::new();
    let stand = Stand { scenario: "", rig: path_of(plan), overrides: &[], twins: true, logins: &nowhere };
    let around = Around::start_some(plan, &stand, &program, whose)?;
    let links: Vec<Value> = plan.rig.links.iter().filter_map(|link| facts(plan, &around, link)).collect();
    if as_json {
        say::line(json!({ "rig": plan.rig.name, "links": links }));
    } else {
        say::line(format!("the twins of rig {} live until Ctrl-C", plan.rig.name));
        links.iter().for_each(tell);
    }
    runtime.block_on(stop.heard());
    take_down(around);
    Ok(())
}

/// Where a link can be reached.
fn facts(plan: &Plan, around: &Around, link: &crate::rig::LinkDef) -> Option<Value> {
    let devices: Vec<&str> =
        plan.rig.devices.iter().filter(|device| device.link == link.id).map(|device| device.name.as_str()).collect();
    match &link.kind {
        LinkKind::Serial(def) => {
            let (_, path) = around.ports.iter().find(|(id, _)| *id == link.id)?;
            Some(json!({ "link": link.name, "serial": path, "baud": def.baud, "devices": devices }))
        }
        LinkKind::Mqtt(def) => {
            let broker = around.brokers.get(&link.id)?;
            let users: Vec<Value> = around.users[&link.id]
                .iter()
                .map(|user| {
                    json!({
                        "user": user.name, "password": user.password,
                        "publish": user.publish, "subscribe": user.subscribe,
                    })
                })
                .collect();
            Some(json!({
                "link": link.name, "mqtt": { "host": "127.0.0.1", "port": broker.port(), "version": def.version },
                "devices": devices, "users": users,
            }))
        }
    }
}

fn tell(link: &Value) {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| {
        let words: Vec<String> = value.as_array().into_iter().flatten().map(word).collect();
        words.join(", ")
    };
    let devices = list(&link["devices"]);
    if link["serial"].is_string() {
        say::line(format!(
            "  link {} ({devices}): {} at {} baud",
            word(&link["link"]),
            word(&link["serial"]),
            link["baud"]
        ));
        return;
    }
    let mqtt = &link["mqtt"];
    say::line(format!(
        "  link {} ({devices}): MQTT {} on {}:{}",
        word(&link["link"]),
        if mqtt["version"] == 5 { "5" } else { "3.1.1" },
        word(&mqtt["host"]),
        mqtt["port"]
    ));
    for user in link["users"].as_array().into_iter().flatten() {
        say::line(format!(
            "    user {} password {}: may publish {}; may subscribe to {}",
            word(&user["user"]),
            word(&user["password"]),
            some(&list(&user["publish"])),
            some(&list(&user["subscribe"]))
        ));
    }
}

fn some(words: &str) -> &str {
    if words.is_empty() { "nothing" } else { words }
}
