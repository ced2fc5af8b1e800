//! What each codec decodes and encodes in a second, beside a foreign implementation in the same run.
//!
//! `cargo bench --bench codecs`: the bytes are those that the twins of a shipped rig say in its nominal scenario, chunk by chunk as
//! they came, with the questions of the host in between; what no rig speaks is said by its mirror. The peers are Python's, each in a process of its own
//! that times itself over the same bytes (`benches/peers/codecs.py`), from the environments that `tests/peers/run` installs
//! (`PEERS_PYTHON` and `SPARKPLUG_PYTHON` name others). One thread each; the best of several passes.

#[path = "../tests/common/mod.rs"]
mod common;
mod support;

use checkrein::codec::framed::Given;
use checkrein::codec::json::LineDevice;
use checkrein::codec::nmea::device::{clock, degrees, sentence};
use checkrein::codec::{Codec, LinkConfig, Turn, binary, build, protobuf};
use checkrein::command::{ArgDef, ArgKind, Command as Order};
use checkrein::run::Input;
use checkrein::scenario;
use checkrein::scenario::plan::Plan;
use checkrein::time::{Span, Time};
use checkrein::r#virtual::Options;
use checkrein::wire::{Frame, LinkId};
use prost::Message as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Passes over a stream, of which the best counts.
const PASSES: usize = 5;
/// A stream is said again until it has so many bytes.
const STREAM_BYTES: usize = 4 << 20;
/// Commands that are encoded in a pass.
const ORDERS: usize = 100_000;

/// What is measured: its name, rig and link, and the peer's kind.
const STREAMS: [(&str, &str, &str, &str); 7] = [
    ("MAVLink 2", "drone-field", "telem", "pymavlink"),
    ("GRBL", "robot-cell", "motion", "re"),
    ("SLCAN and DBC", "car-bench", "can", "cantools"),
    ("Modbus RTU", "building-floor", "plant", "pymodbus"),
    ("JSON over MQTT", "building-floor", "floor", "json"),
    ("Sparkplug B", "junction", "cabinet", "protobuf"),
    ("lines", "junction", "watch", "re-lines"),
];

fn main() {
    println!("{}", support::machine());
    println!("| codec | decodes MB/s | messages/s | peer | its MB/s | ratio | encodes frames/s | peer's | ratio |");
    println!("|---|---|---|---|---|---|---|---|---|");
    for (name, rig, link, peer) in STREAMS {
        let (plan, frames) = nominal(rig, link);
        let config = &plan.rig.links.iter().find(|l| l.name == link).expect("it was just found").codec;
        row(name, config, &frames, encoded(&plan, config), peer);
    }
    for (name, (plan, frames), peer) in [
        ("binary in COBS", wheel(), "construct"),
        ("protobuf in COBS", gripper(), "google.protobuf"),
        ("JSON lines", pump(), "json-lines"),
        ("NMEA 0183", receiver(), "pynmea2"),
    ] {
        let config = &plan.rig.links[0].codec;
        row(name, config, &frames, encoded(&plan, config), peer);
    }
}

/// One line of the table.
fn row(name: &str, config: &LinkConfig, frames: &[(Time, Frame)], encodes: Option<f64>, peer: &str) {
    let (seconds, messages) = decoded(config, frames);
    let megabytes = frames.iter().map(|(_, frame)| frame.bytes.len()).sum::<usize>() as f64 / 1e6;
    let ours = megabytes / seconds;
    let theirs = asked(peer, frames);
    let figure =
        |value: Option<f64>, digits: usize| value.map_or("–".to_owned(), |value| format!("{value:.digits$}"));
    let ratio = |ours: Option<f64>, theirs: Option<f64>| match (ours, theirs) {
        (Some(ours), Some(theirs)) => format!("{:.0}", ours / theirs),
        _ => "–".to_owned(),
    };
    let (named, reads, writes) = match &theirs {
        Ok((reads, writes)) => (peer.to_owned(), Some(megabytes / reads), *writes),
        Err(why) => (format!("{peer}: {why}"), None, None),
    };
    println!(
        "| {name} | {ours:.1} | {:.0} | {named} | {} | {} | {} | {} | {} |",
        messages as f64 / seconds,
        figure(reads, 2),
        ratio(Some(ours), reads),
        figure(encodes, 0),
        figure(writes, 0),
        ratio(encodes, writes),
    );
}

/// The plan of a rig's nominal scenario, and what came in on one of its links, again and again.
fn nominal(rig: &str, link: &str) -> (std::sync::Arc<Plan>, Vec<(Time, Frame)>) {
    let pages = common::told_scenarios();
    let page = pages.iter().find(|[of, _, _, why]| of == rig && why.contains("nominal"));
    let [_, scenario, ..] = page.expect("each rig has a nominal scenario");
    let plan = common::plan(&format!("scenarios/{rig}/{scenario}.yaml"), 1);
    let place = plan.rig.links.iter().position(|l| l.name == link);
    let own = LinkId(u16::try_from(place.unwrap_or_else(|| panic!("{rig} has no link {link}"))).expect("few links"));
    let (_, kept) = common::run(&plan, &Options::default());
    let came = kept.inputs.into_iter().filter_map(|input| match input {
        Input::Bytes { at, frame, .. } if frame.link == own => Some((at, frame)),
        _ => None,
    });
    let once: Vec<(Time, Frame)> = came.collect();
    (plan, again(once))
}

/// The same until it is long enough to be timed, later each time.
fn again(once: Vec<(Time, Frame)>) -> Vec<(Time, Frame)> {
    let bytes: usize = once.iter().map(|(_, frame)| frame.bytes.len()).sum();
    let lasts = once.last().expect("something came").0.since(Time::ZERO) + Span::from_secs(1);
    let rounds = STREAM_BYTES.div_ceil(bytes.max(1));
    let later = |round: usize| {
        let shift = Span::from_nanos(lasts.nanos() * round as i64);
        once.iter().map(move |(at, frame)| (*at + shift, frame.clone()))
    };
    (0..rounds).flat_map(later).collect()
}

/// The rig of a page of the documentation.
fn documented(page: &str, rig: &str) -> Plan {
    struct Page(String);
    impl checkrein::diag::Files for Page {
        fn read(&self, path: &str) -> Result<Vec<u8>, String> {
            let block = self.0.split("```").skip(1).step_by(2).filter_map(|block| block.split_once('\n'));
            let named =
                |text: &str| text.lines().next().is_some_and(|first| first.trim_start_matches(['#', '/', ' ']) == path);
            let mut found = block.map(|(_, text)| text).filter(|text| named(text));
            found.next().map(|text| text.as_bytes().to_vec()).ok_or_else(|| "not on the page".to_owned())
        }
    }
    let text = std::fs::read_to_string(common::root().join("docs").join(page)).expect("it is shipped");
    let (plan, _) = scenario::observe(&format!("rigs/{rig}/rig.yaml"), &Page(text), 1)
        .unwrap_or_else(|wrong| panic!("{}", checkrein::diag::report(&wrong, false)));
    plan
}

/// A thousand messages of a device that its mirror says, a hundred a second.
fn said(say: impl Fn(f64) -> Vec<u8>) -> Vec<(Time, Frame)> {
    let one = |n: i64| (Time::ZERO + Span::from_millis(10 * n), Frame::serial(LinkId(0), say(n as f64)));
    again((0..1_000).map(one).collect())
}

/// A wheel that says structs in COBS frames with a CRC.
fn wheel() -> (Plan, Vec<(Time, Frame)>) {
    let plan = documented("binary.md", "wheel");
    let mirror = binary::Device::new(&plan.rig.links[0].codec.devices[0]).expect("the same description");
    let frames = said(|n| {
        let fields = [("speed", 10.0 * (n % 900.0)), ("current", -n), ("temperature", 40.0), ("mode", 1.0)];
        mirror.say("state", &fields.map(|(name, value)| (name, Given::Number(value)))).expect("it fits")
    });
    (plan, frames)
}

/// A gripper that says protobuf messages in COBS frames with a CRC.
fn gripper() -> (Plan, Vec<(Time, Frame)>) {
    let plan = documented("protobuf.md", "gripper");
    let mirror = protobuf::Device::new(&plan.rig.links[0].codec.devices[0]).expect("the same description");
    let frames = said(|n| {
        let number = |value| Given::Number(value);
        let fields =
            [("width", number(1e-4 * (n % 900.0))), ("force[1]", number(0.1 * n)), ("supply.voltage", number(24.0))];
        mirror.say("State", &fields).expect("it fits")
    });
    (plan, frames)
}

/// A pump that says one JSON object per line.
fn pump() -> (Plan, Vec<(Time, Frame)>) {
    let plan = documented("json.md", "pump");
    let mirror = LineDevice::new(&plan.rig.links[0].codec.devices[0]).expect("the same description");
    let frames = said(|n| {
        let fields = [("/flow/ml_s", Given::Number(0.001 * n)), ("/on", Given::Text("true"))];
        mirror.say("state", &fields).expect("it fits")
    });
    (plan, frames)
}

/// The rig of docs/nmea.md, and a receiver that drives a circle.
fn receiver() -> (Plan, Vec<(Time, Frame)>) {
    let plan = documented("nmea.md", "witness");
    let said = |n: i64| {
        let (sin, cos) = (n as f64 * 0.01).sin_cos();
        let [latitude, north] = degrees(48.1 + 0.001 * sin, ("N", "S"), 2);
        let [longitude, east] = degrees(11.5 + 0.001 * cos, ("E", "W"), 3);
        let time = clock(36_000.0 + 0.1 * n as f64);
        let texts = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let gga =
            texts(&[&time, &latitude, &north, &longitude, &east, "1", "08", "0.9", "545.4", "M", "46.9", "M", "", ""]);
        let rmc = texts(&[&time, "A", &latitude, &north, &longitude, &east, "022.4", "084.4", "230394", "003.1", "W"]);
        let bytes = [sentence("GNGGA", &gga), sentence("GNRMC", &rmc)].concat();
        (Time::ZERO + Span::from_millis(100 * n), Frame::serial(LinkId(0), bytes))
    };
    (plan, again((0..1_000).map(said).collect()))
}

/// The seconds of the best pass, and the messages in it.
fn decoded(config: &LinkConfig, frames: &[(Time, Frame)]) -> (f64, usize) {
    let mut best = f64::INFINITY;
    let mut messages = 0;
    for _ in 0..PASSES {
        let mut host = build(config).expect("a shipped rig");
        let mut turn = Turn::default();
        messages = 0;
        let begun = Instant::now();
        for (at, frame) in frames {
            while host.next_deadline().is_some_and(|due| due <= *at) {
                turn.clear();
                let due = host.next_deadline().unwrap_or(*at);
                host.tick(due, &mut turn);
            }
            turn.clear();
            host.feed(*at, frame, &mut turn);
            messages += turn.messages.len();
        }
        best = best.min(begun.elapsed().as_secs_f64());
    }
    assert!(messages > 0, "the stream holds messages");
    (best, messages)
}

/// Frames in a second, of the first command of the link's machines that stands for itself at any time.
fn encoded(plan: &Plan, config: &LinkConfig) -> Option<f64> {
    let host = build(config).expect("a shipped rig");
    let orders = config.devices.iter().flat_map(|device| &device.commands).filter_map(|map| {
        let least = |arg: &ArgDef| if let ArgKind::Number { lo, .. } = &arg.kind { *lo } else { 0.0 };
        let args: Vec<f64> = plan.rig.commands.def(map.command).args.iter().map(least).collect();
        Order::new(map.command, &args)
    });
    let order = orders.into_iter().find(|order| host.safe(order).is_ok())?;
    let per_order = host.safe(&order).ok()?.len();
    let pass = |host: &dyn Codec| {
        let begun = Instant::now();
        for _ in 0..ORDERS {
            std::hint::black_box(host.safe(std::hint::black_box(&order)).ok());
        }
        begun.elapsed().as_secs_f64()
    };
    let best = (0..PASSES).map(|_| pass(&*host)).fold(f64::INFINITY, f64::min);
    Some((ORDERS * per_order) as f64 / best)
}

/// Where the peers' Python is.
fn python(peer: &str) -> PathBuf {
    let (variable, folder) =
        if peer == "protobuf" { ("SPARKPLUG_PYTHON", "peers-sparkplug") } else { ("PEERS_PYTHON", "peers") };
    // This program is in `release/deps` of the target folder.
    let own = std::env::current_exe().expect("this program has a path");
    let target = own.ancestors().nth(3).unwrap_or(Path::new("."));
    std::env::var_os(variable).map_or_else(|| target.join(folder).join("bin/python"), PathBuf::from)
}

/// What the peer needs for the stream, in seconds, and the frames that it encodes in a second; the error says why there is none.
fn asked(peer: &str, frames: &[(Time, Frame)]) -> Result<(f64, Option<f64>), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let path = folder.path().join("stream");
    let mut bytes = Vec::new();
    for (_, frame) in frames {
        bytes.extend(u32::try_from(frame.bytes.len()).expect("frames are short").to_le_bytes());
        bytes.extend(&frame.bytes);
    }
    std::fs::write(&path, bytes).map_err(|error| error.to_string())?;
    let script = common::root().join("benches/peers/codecs.py");
    let mut beside = common::root().join("rigs/car-bench/vehicle.dbc");
    if peer == "google.protobuf" {
        beside = folder.path().join("gripper.descriptors");
        let text =
            std::fs::read_to_string(common::root().join("docs/protobuf.md")).map_err(|error| error.to_string())?;
        let proto = text.split("```proto\n").nth(1).and_then(|rest| rest.split("```").next()).ok_or("no .proto")?;
        std::fs::write(folder.path().join("gripper.proto"), proto).map_err(|error| error.to_string())?;
        let set = protox::compile(["gripper.proto"], [folder.path()]).map_err(|error| error.to_string())?;
        std::fs::write(&beside, set.encode_to_vec()).map_err(|error| error.to_string())?;
    }
    let mut child = Command::new(python(peer));
    child.arg(script).arg(peer).arg(&path).arg(&beside);
    let output = child.output().map_err(|_| "not installed (tests/peers/run installs it)".to_owned())?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        return Err(error.lines().last().unwrap_or("it failed").replace('|', "/"));
    }
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    if let Some(why) = said["missing"].as_str() {
        return Err(why.to_owned());
    }
    let reads = said["decode_s"].as_f64().ok_or("it gave no figure")?;
    Ok((reads, said["encodes_per_s"].as_f64()))
}
