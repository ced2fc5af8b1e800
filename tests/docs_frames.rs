//! The rigs of `docs/binary.md`, `docs/protobuf.md` and `docs/json.md` check without a word, and work.

use checkrein::codec::framed::{Given, Heard};
use checkrein::codec::{Codec, DeviceConfig, LinkConfig, Note, Turn, binary, build, protobuf};
use checkrein::command::Command;
use checkrein::diag::{Diagnostic, Files};
use checkrein::scenario;
use checkrein::signal::Value;
use checkrein::time::Time;
use checkrein::wire::Frame;
use std::collections::BTreeMap;
use std::path::Path;

struct Page(BTreeMap<String, String>);

impl Files for Page {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        self.0.get(path).map(|text| text.clone().into_bytes()).ok_or_else(|| "it is not on the page".into())
    }
}

/// The blocks of a page by the path in their first line.
fn page(name: &str) -> Page {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name));
    let text = text.expect("it is shipped");
    let blocks = text.split("```").skip(1).step_by(2).map(|block| {
        let body = block.split_once('\n').expect("a block has lines").1;
        let first = body.lines().next().expect("a block has a line");
        let path = first.strip_prefix("# ").or(first.strip_prefix("// ")).expect("a block begins with its path");
        (path.to_string(), body.to_string())
    });
    Page(blocks.collect())
}

fn rendered(list: &[Diagnostic]) -> String {
    list.iter().map(|d| d.render(false)).collect::<Vec<_>>().join("\n")
}

fn link(page: &Page, rig: &str) -> LinkConfig {
    let (plan, warnings) = scenario::observe(rig, page, 1).unwrap_or_else(|list| panic!("{}", rendered(&list)));
    assert_eq!(rendered(&warnings), "");
    for path in page.0.keys() {
        assert!(plan.files.iter().any(|file| file.path == *path), "{path} is part of the recording");
    }
    plan.rig.links[0].codec.clone()
}

fn heard(host: &mut dyn Codec, link: &LinkConfig, bytes: Vec<u8>) -> Turn {
    let mut turn = Turn::default();
    host.feed(Time::ZERO, &Frame::serial(link.link, bytes), &mut turn);
    turn
}

fn safe(host: &dyn Codec, device: &DeviceConfig, command: usize, args: &[f64]) -> Vec<u8> {
    let command = Command::new(device.commands[command].command, args).expect("few arguments");
    host.safe(&command).expect("timeless")[0].bytes.to_vec()
}

#[test]
fn the_rig_of_binary_frames_works() {
    let link = link(&page("binary.md"), "rigs/wheel/rig.yaml");
    let device = &link.devices[0];
    let mut host = build(&link).unwrap_or_else(|problems| panic!("{problems:?}"));
    let mut mirror = binary::Device::new(device).expect("the same description");
    let number = |name, value| (name, Given::Number(value));
    let state = [number("speed", 1234.0), number("current", -50.0), number("braked", 1.0)];
    let said = mirror
        .say("state", &[&state[..], &[number("mode", 2.0), number("fault", 4.0), number("temperature", 40.0)]].concat())
        .expect("it fits");
    // Speed in little order, current in big, then the bits: brake, mode, fault from the lowest on.
    assert_eq!(said[..8], [10, 1, 0xd2, 0x04, 0xff, 0xce, 40, 0b0100_0101]);
    let values: Vec<Value> = heard(&mut *host, &link, said).samples.iter().map(|(_, value)| *value).collect();
    let wanted = [Value::Number(12.34), Value::Number(-0.5), Value::Flag(true), Value::State(2), Value::Flag(true)];
    assert_eq!(values, wanted);
    let name = mirror.say("name", &[number("serial", 40961.0)]).expect("it fits");
    assert!(heard(&mut *host, &link, name).notes.contains(&Note::Identified { device: device.device }));
    let turn = safe(&*host, device, 0, &[-5.0]);
    assert_eq!(turn[..7], [0, 8, 0x10, 2, 0x0c, 0xfe, 20]);
    let wanted = Heard::Command { command: device.commands[0].command, args: vec![-5.0] };
    assert_eq!(mirror.hear(&turn), [wanted]);
    let brake = Heard::Command { command: device.commands[1].command, args: vec![] };
    assert_eq!(mirror.hear(&safe(&*host, device, 1, &[])), [brake]);
}

/// Every framing and check sum that the page tells of can be written as it is told, and gives the bytes that it tells.
#[test]
fn what_the_page_says_of_framings_is_what_is_sent() {
    for (framing, checksum, begins, ends) in [
        ("cobs", "xor", &[0, 4, 16, 1, 17, 0][..], 1),
        ("slip", "sum8", &[0xC0, 0xC0, 16, 1, 17, 0xC0], 1),
        ("{ sync: AA 55, length: u8 }", "xor", &[0xAA, 0x55, 2, 16, 1, 17], 6),
        ("{ sync: 0xFA, length: u16, counts: rest }", "{ name: sum8, covers: length }", &[0xFA, 3, 0, 16, 1, 20], 6),
        ("{ sync: aa55, length: u8, counts: frame }", "{ name: xor, covers: frame }", &[0xAA, 0x55, 6, 16, 1, 0xE8], 6),
        ("{ sync: AA 55 }", "{ name: CRC-16/XMODEM, order: big }", &[0xAA, 0x55, 19, 1, 0x46, 0x01], 6),
    ] {
        let mut page = page("binary.md");
        let rig = page.0.get_mut("rigs/wheel/rig.yaml").expect("the rig is on the page");
        *rig = rig
            .replace("framing: cobs", &format!("framing: {framing}"))
            .replace("checksum: CRC-16/KERMIT", &format!("checksum: {checksum}"));
        if !framing.contains("length") && framing.contains("sync") {
            // Without a length two frames of one `id` have one size.
            *rig = rig.replace("brake: { id: 16,", "brake: { id: 19,");
        }
        let link = link(&page, "rigs/wheel/rig.yaml");
        let host = build(&link).unwrap_or_else(|problems| panic!("{problems:?}"));
        let brake = safe(&*host, &link.devices[0], 1, &[]);
        // Behind a `sync` there stands filler first, as long as the longest frame.
        let sent = if ends == 1 { &brake[..] } else { &brake[brake.len() - ends..] };
        assert_eq!(sent, begins, "{framing}, {checksum}");
        assert!(
            ends == 1 || brake.len() > 10 && brake[..brake.len() - ends].iter().all(|byte| *byte == 0),
            "{framing}"
        );
    }
}

#[test]
fn the_rig_of_messages_works() {
    let link = link(&page("protobuf.md"), "rigs/gripper/rig.yaml");
    let device = &link.devices[0];
    let mut host = build(&link).unwrap_or_else(|problems| panic!("{problems:?}"));
    let mut mirror = protobuf::Device::new(device).expect("the same description");
    let said = mirror
        .say(
            "State",
            &[
                ("width", Given::Number(0.0625)),
                ("force[1]", Given::Number(1.5)),
                ("mode", Given::Text("MODE_MOVING")),
                ("supply.voltage", Given::Number(24.0)),
            ],
        )
        .expect("it fits");
    let values: Vec<Value> = heard(&mut *host, &link, said).samples.iter().map(|(_, value)| *value).collect();
    assert_eq!(values, [Value::Number(0.0625), Value::Number(0.0), Value::State(1), Value::Number(24.0)]);
    let hello = mirror.say("hello", &[("serial", Given::Text("G-3"))]).expect("it fits");
    assert!(heard(&mut *host, &link, hello).notes.contains(&Note::Identified { device: device.device }));
    let close = Heard::Command { command: device.commands[0].command, args: vec![40.0] };
    assert_eq!(mirror.hear(&safe(&*host, device, 0, &[40.0])), [close]);
    let relax = Heard::Command { command: device.commands[1].command, args: vec![] };
    assert_eq!(mirror.hear(&safe(&*host, device, 1, &[])), [relax]);
}

/// Each mistake is told with the file and the line where it stands.
#[test]
fn mistakes_point_at_their_words() {
    for (name, rig, file, right, wrong, message, word) in [
        (
            "binary.md",
            "rigs/wheel/rig.yaml",
            "rig.yaml",
            "speed: i16  ",
            "speed: i17  ",
            "which is no type",
            "speed: i17",
        ),
        ("binary.md", "rigs/wheel/rig.yaml", "rig.yaml", "mode: bits 3", "mode: bits 4", "9 bits", "fault: bits 4"),
        (
            "binary.md",
            "rigs/wheel/rig.yaml",
            "rig.yaml",
            "state.speed",
            "state.sped",
            "did you mean `speed`?",
            "state.sped",
        ),
        (
            "binary.md",
            "rigs/wheel/rig.yaml",
            "rig.yaml",
            "refuses: refused",
            "refuses: refusal",
            "the device says no `refusal`",
            "binary:",
        ),
        (
            "binary.md",
            "rigs/wheel/rig.yaml",
            "rig.yaml",
            "send: name_please",
            "send: brake",
            "it is the frame of a command",
            "binary:",
        ),
        (
            "binary.md",
            "rigs/wheel/rig.yaml",
            "rig.yaml",
            "ramp: 20 }",
            "ramp: 256 }",
            "256 does not fit `ramp`",
            "ramp: 256",
        ),
        (
            "protobuf.md",
            "rigs/gripper/rig.yaml",
            "gripper.proto",
            "float width = 1;",
            "float width 1;",
            "expected",
            "float width 1;",
        ),
        (
            "protobuf.md",
            "rigs/gripper/rig.yaml",
            "gripper.proto",
            "Supply supply = 4",
            "Suply supply = 4",
            "Suply",
            "Suply supply",
        ),
        (
            "protobuf.md",
            "rigs/gripper/rig.yaml",
            "gripper.proto",
            "protobuf/empty",
            "protobuf/emty",
            "emty.proto' not found",
            "emty",
        ),
        (
            "protobuf.md",
            "rigs/gripper/rig.yaml",
            "rig.yaml",
            "State.supply.v",
            "State.supply.w",
            "did you mean `voltage`?",
            "State.supply.w",
        ),
        (
            "protobuf.md",
            "rigs/gripper/rig.yaml",
            "rig.yaml",
            "speed: SLOW",
            "speed: SLOWW",
            "did you mean `SLOW`?",
            "speed: SLOWW",
        ),
    ] {
        let mut page = page(name);
        let path = page.0.keys().find(|path| path.ends_with(&format!("/{file}"))).expect("it is there").clone();
        let text = page.0.get_mut(&path).expect("it is there");
        assert!(text.contains(right), "{right}");
        *text = text.replacen(right, wrong, 1);
        let line = text.lines().position(|line| line.contains(word)).expect("the word is in the file") + 1;
        let told = match scenario::observe(rig, &page, 1) {
            Ok((_, list)) | Err(list) => rendered(&list),
        };
        assert!(told.contains(message), "{wrong}: {told}");
        assert!(told.contains(&format!("{file}:{line}:")), "{wrong} is not told at line {line}: {told}");
    }
}

#[test]
fn the_rigs_of_json_work() {
    let page = page("json.md");
    // Each rig of the page stands for itself.
    let only = |rig: &str| {
        let files = page.0.iter().filter(|(path, _)| path.starts_with(&format!("rigs/{rig}/")));
        Page(files.map(|(path, text)| (path.clone(), text.clone())).collect())
    };
    let greenhouse = link(&only("greenhouse"), "rigs/greenhouse/rig.yaml");
    let mut host = build(&greenhouse).unwrap_or_else(|problems| panic!("{problems:?}"));
    let said = b"{\"t\":21.5,\"rh\":48,\"door\":\"open\",\"board\":7}\r\n".to_vec();
    let turn = heard(&mut *host, &greenhouse, said);
    let values: Vec<Value> = turn.samples.iter().map(|(_, value)| *value).collect();
    assert_eq!(values, [Value::Number(294.65), Value::Number(0.48), Value::State(0)]);
    assert!(turn.notes.contains(&Note::Identified { device: greenhouse.devices[0].device }));

    let pump = link(&only("pump"), "rigs/pump/rig.yaml");
    let device = &pump.devices[0];
    let mut host = build(&pump).unwrap_or_else(|problems| panic!("{problems:?}"));
    let said = b"{\"type\":\"state\",\"flow\":{\"ml_s\":1.25},\"on\":true,\"fault\":null}\n".to_vec();
    let values: Vec<Value> = heard(&mut *host, &pump, said).samples.iter().map(|(_, value)| *value).collect();
    let Value::Number(flow) = values[0] else { panic!("{values:?}") };
    assert!((flow - 1.25e-6).abs() < 1e-12 && values[1] == Value::Flag(true), "{values:?}");
    let name = heard(&mut *host, &pump, b"{\"serial\":\"P-3\",\"version\":\"1.4\"}\n".to_vec());
    assert!(name.notes.contains(&Note::Identified { device: device.device }));
    assert_eq!(safe(&*host, device, 0, &[2.5e-6]), b"\n{\"cmd\":\"dose\",\"flow\":{\"ml_s\":2.5},\"soft\":true}\n");
    assert_eq!(safe(&*host, device, 1, &[]), b"\n{\"cmd\":\"stop\"}\n");

    let lamp = link(&only("lamp"), "rigs/lamp/rig.yaml");
    let host = build(&lamp).unwrap_or_else(|problems| panic!("{problems:?}"));
    let mut hosted = build(&lamp).unwrap_or_else(|problems| panic!("{problems:?}"));
    let mut turn = Turn::default();
    let state = *b"{\"state\":\"ON\",\"brightness\":120,\"device\":{\"model\":\"L1\"}}";
    hosted.feed(Time::ZERO, &Frame::publish(lamp.link, "zigbee2mqtt/lamp", state), &mut turn);
    let values: Vec<Value> = turn.samples.iter().map(|(_, value)| *value).collect();
    assert_eq!(values, [Value::State(0), Value::Number(120.0)]);
    assert_eq!(safe(&*host, &lamp.devices[0], 1, &[]), b"{\"state\":\"OFF\"}");
}
