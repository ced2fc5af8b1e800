//! `checkrein controller`: a learned policy in a process of its own, on a broker or a serial port, as any product would be.
//!
//! It shares nothing with a run but the link: it does not know the rig, its rules or its guard.

mod line;
mod talk;
mod way;

use super::check::print_diagnostics;
use super::{Exit, say};
use crate::io::Disk;
use crate::policy::mapping::Mapping;
use crate::policy::{Net, Policy};
use crate::rig::read_policy;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use way::Way;

/// Arguments of `controller`.
#[derive(Args, Debug)]
#[command(after_help = "A run's own broker: --login runs/<run>/broker-<link>.json.\n\
    Without a link it only reads both files, and tells what goes in and what comes out.")]
pub struct ControllerArguments {
    /// The policy: a feed-forward net in ONNX
    #[arg(long, value_name = "FILE")]
    policy: String,
    /// What its numbers mean: a mapping file
    #[arg(long, value_name = "FILE")]
    mapping: String,
    /// The broker it talks by: mqtt://HOST:PORT or mqtts://HOST:PORT
    #[arg(long, value_name = "URL", conflicts_with_all = ["login", "serial"])]
    broker: Option<String>,
    /// The file in which `run` says where its broker is and who may log in
    #[arg(long, value_name = "FILE", conflicts_with = "serial")]
    login: Option<PathBuf>,
    /// User at the broker; with --login needed only where it names several
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Environment variable that holds the user's password
    #[arg(long, value_name = "NAME", requires = "user", conflicts_with = "password_file")]
    password_env: Option<String>,
    /// File that holds the user's password
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<String>,
    /// MQTT version: 5 or 3 (3.1.1)
    #[arg(long, value_name = "VERSION", default_value_t = 5, value_parser = clap::value_parser!(u8).range(3..=5))]
    mqtt: u8,
    /// File of the authority that signed the broker's certificate (the system's)
    #[arg(long, value_name = "FILE")]
    ca: Option<String>,
    /// The serial port it talks by, in lines of JSON
    #[arg(long, value_name = "PORT")]
    serial: Option<String>,
    /// Bits per second of the serial port
    #[arg(long, value_name = "RATE", default_value_t = 115_200)]
    baud: u32,
}

/// Runs the policy until Ctrl-C.
pub fn controller(arguments: &ControllerArguments) -> ExitCode {
    let read = match read_policy(&arguments.policy, &arguments.mapping, &Disk) {
        Ok(read) => read,
        Err(problems) => {
            print_diagnostics(&problems);
            return Exit::Usage.into();
        }
    };
    print_diagnostics(&read.problems);
    let policy = read.policy;
    let way = match Way::chosen(arguments).and_then(|way| fits(&policy.mapping, way)) {
        Ok(way) => way,
        Err(why) => {
            say::aside(format!("error: {why}"));
            return Exit::Usage.into();
        }
    };
    tell(&policy.net, &policy.mapping);
    match run(&policy, way) {
        Ok(()) => Exit::Good.into(),
        Err(why) => {
            say::aside(format!("error: {why}"));
            Exit::Usage.into()
        }
    }
}

fn run(policy: &Arc<Policy>, way: Way) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("no event loop can be had: {error}"))?;
    match way {
        Way::Nowhere => Ok(()),
        Way::Broker(config) => runtime.block_on(talk::over_mqtt(policy, *config)),
        Way::Port(def) => runtime.block_on(line::over_serial(policy, def)),
    }
}

/// Messages on a broker have topics; lines of a serial port have none.
fn fits(mapping: &Mapping, way: Way) -> Result<Way, String> {
    let inputs = mapping.inputs.iter().map(|input| (input.topic.is_some(), &input.name));
    let nameless = "a message".to_owned();
    let mut all: Vec<(bool, &String)> = inputs.collect();
    all.extend(mapping.says.iter().map(|say| (say.topic.is_some(), say.topic.as_ref().unwrap_or(&nameless))));
    let wants = match way {
        Way::Nowhere => return Ok(way),
        Way::Broker(_) => true,
        Way::Port(_) => false,
    };
    match all.iter().find(|(topic, _)| *topic != wants) {
        None => Ok(way),
        Some((true, name)) => Err(format!("`{name}` of the mapping has a topic; lines of a serial port have none")),
        Some((false, name)) => Err(format!("`{name}` of the mapping has no topic; a broker's messages have one")),
    }
}

/// What goes in, what comes out, and how often.
fn tell(net: &Net, mapping: &Mapping) {
    let names = |list: Vec<&str>| list.join(", ");
    let given = names(mapping.given.iter().map(|index| mapping.inputs[*index].name.as_str()).collect());
    let outputs = names(mapping.outputs.iter().map(|output| output.name.as_str()).collect());
    say::line(format!("policy {}: thinks every {}", mapping.name, mapping.every));
    say::line(format!("  {} numbers in: {given}", net.input_count()));
    say::line(format!("  {} numbers out: {outputs}", net.output_count()));
}
