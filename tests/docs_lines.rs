//! The rigs of `docs/lines.md` and `docs/nmea.md` check without a word, and the page names every check sum and key.

use checkrein::codec::checksum::Checksum;
use checkrein::codec::lines::device::{Device, Heard};
use checkrein::codec::{DeviceConfig, LinkConfig, Turn, build};
use checkrein::command::Command;
use checkrein::diag::{Diagnostic, Files};
use checkrein::scenario;
use checkrein::scenario::plan::Mode;
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

fn text() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/lines.md")).expect("it is shipped")
}

fn page() -> Page {
    page_of(&text())
}

fn page_of(text: &str) -> Page {
    let blocks = text.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().expect("a block ends"));
    let named = blocks.map(|block| {
        let path = block.lines().next().and_then(|line| line.strip_prefix("# ")).expect("a block begins with its path");
        (path.to_string(), block.to_string())
    });
    Page(named.collect())
}

fn rendered(list: &[Diagnostic]) -> String {
    list.iter().map(|d| d.render(false)).collect::<Vec<_>>().join("\n")
}

fn told(page: &Page) -> String {
    match scenario::observe("rigs/heater/rig.yaml", page, 1) {
        Ok((_, list)) | Err(list) => rendered(&list),
    }
}

#[test]
fn the_rig_of_the_page_checks_and_works() {
    let (plan, warnings) =
        scenario::observe("rigs/heater/rig.yaml", &page(), 1).unwrap_or_else(|list| panic!("{}", rendered(&list)));
    assert_eq!(rendered(&warnings), "");
    let link: &LinkConfig = &plan.rig.links[0].codec;
    let device: &DeviceConfig = &link.devices[0];
    let mut host = build(link).unwrap_or_else(|problems| panic!("{problems:?}"));
    let mut mirror = Device::new(device).expect("the same description");
    let mut turn = Turn::default();
    let said = b"\r\nT=180.5 P=30 S=heat\r\n";
    host.feed(Time::ZERO, &Frame::serial(link.link, said.to_vec()), &mut turn);
    let wanted = [Value::Number(180.5 + 273.15), Value::Number(0.3), Value::State(1)];
    assert_eq!(turn.samples.iter().map(|(_, value)| *value).collect::<Vec<_>>(), wanted);
    let heat = device.commands[0].command;
    let safe = host.safe(&Command::new(heat, &[0.25]).expect("one argument")).expect("timeless");
    assert_eq!(&safe[0].bytes[..], b"\x03\r\nHEAT 25 soft\r\n");
    assert_eq!(mirror.hear(&safe[0].bytes), [Heard::Command { command: heat, args: vec![0.25] }]);
}

/// Each mistake in the description is told with the line where it stands.
#[test]
fn mistakes_point_at_their_words() {
    for (right, wrong, message, word) in [
        ("'T={celsius} P={power} S={state}'", "'T={celsius P'", "a `{` that nothing closes", "T={celsius P"),
        ("(?<volts>[0-9.]+)", "(?<volts>[0-9.+)", "is no regular expression", "[0-9.+)"),
        ("refuses: error", "refuses: eror", "`eror` is none of the messages in `lines`", "refuses: eror"),
        ("        supply: { send", "        suply: { send", "`suply` is none of the messages", "suply: { send"),
        ("ends: crlf", "ends: crlff", "crlff", "ends: crlff"),
        ("within: 80 ms", "within: 80 m", "80 m", "within: 80 m"),
        ("field: supply.volts", "field: supply.volt", "message `supply` reads no `volt`", "field: supply.volt"),
        ("name.id: P-17", "name.serial: P-17", "message `name` reads no `serial`", "name.serial"),
        ("send: 'T?', every", "send: 'OFF', every", "it is the line of a command", "lines:"),
        ("mode: soft", "speed: soft", "the line has no `{speed}`", "speed: soft"),
        ("cancel:", "checksum: CRC-16/MODBUSS\n      cancel:", "did you mean `CRC-16/MODBUS`?", "CRC-16/MODBUSS"),
    ] {
        let mut page = page();
        let rig = page.0.get_mut("rigs/heater/rig.yaml").expect("the rig is on the page");
        assert!(rig.contains(right), "{right}");
        *rig = rig.replacen(right, wrong, 1);
        let line = rig.lines().position(|line| line.contains(word)).expect("the word is in the file") + 1;
        let told = told(&page);
        assert!(told.contains(message), "{wrong}: {told}");
        assert!(told.contains(&format!("rig.yaml:{line}:")), "{wrong} is not told at line {line}: {told}");
    }
}

#[test]
fn the_page_names_every_check_sum() {
    let text = text();
    for name in Checksum::names() {
        assert!(text.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn the_rig_of_the_page_on_receivers_checks() {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/nmea.md")).expect("it is shipped");
    let (plan, warnings) = scenario::observe("rigs/witness/rig.yaml", &page_of(&text), 1)
        .unwrap_or_else(|list| panic!("{}", rendered(&list)));
    assert_eq!(rendered(&warnings), "");
    let link: &LinkConfig = &plan.rig.links[0].codec;
    assert_eq!(link.devices[0].signals.len(), 6);
    let mut host = build(link).unwrap_or_else(|problems| panic!("{problems:?}"));
    // In order of the signals' names on the page, through any cut of the bytes.
    let said = [
        "GNGGA,120000.00,4807.0380,N,01131.0000,W,4,12,0.7,545.4,M,46.9,M,,",
        "GPRMC,120000.00,A,4807.0380,N,01131.0000,W,010.0,084.4,230394,,",
        "GPRMC,120001.00,V,,,,,,,230394,,",
    ]
    .map(|body| format!("${body}*{:02X}\r\n", body.bytes().fold(0, |sum, byte| sum ^ byte)))
    .concat();
    let mut turn = Turn::default();
    for byte in said.bytes() {
        host.feed(Time::ZERO, &Frame::serial(link.link, vec![byte]), &mut turn);
    }
    let told = |name: &str| -> Vec<Value> {
        let id = plan.rig.signals.find(&format!("receiver.{name}")).expect("the page has it");
        turn.samples.iter().filter(|(signal, _)| *signal == id).map(|(_, value)| *value).collect()
    };
    let near = |name: &str, wanted: f64| match told(name).first() {
        Some(Value::Number(found)) => assert!((found - wanted).abs() < 1e-9, "{name}: {found}"),
        other => panic!("{name}: {other:?}"),
    };
    near("latitude", (48.0 + 7.038 / 60.0) * std::f64::consts::PI / 180.0);
    near("longitude", -(11.0 + 31.0 / 60.0) * std::f64::consts::PI / 180.0);
    near("altitude", 545.4);
    near("speed", 5.14444);
    assert_eq!(told("fix"), [Value::State(3)], "the fourth of the page's states: RTK");
    assert_eq!(told("valid"), [Value::Flag(true), Value::Flag(false)]);
    assert_eq!(told("speed").last(), Some(&Value::Unknown), "an empty field is no zero");
    // A wrong sum is no value.
    let before = turn.samples.len();
    host.feed(Time::ZERO, &Frame::serial(link.link, b"$GPRMC,120002.00,A,,,,,011.0,,,,*00\r\n".to_vec()), &mut turn);
    assert_eq!(turn.samples.len(), before);
}

/// Foreign devices of `tests/peers`, which are started only there: their rigs and scenarios check here too.
#[test]
fn the_rigs_of_foreign_devices_check() {
    struct Disk;
    impl Files for Disk {
        fn read(&self, path: &str) -> Result<Vec<u8>, String> {
            std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).map_err(|why| why.to_string())
        }
    }
    for (rig, scenarios) in [("elm327", ["scenario"].as_slice()), ("microbit", &["light", "wait"])] {
        let folder = format!("tests/peers/{rig}");
        for scenario in scenarios {
            let request = scenario::Request {
                scenario: format!("{folder}/{scenario}.yaml"),
                rig: Some(format!("{folder}/rig.yaml")),
                overrides: Vec::new(),
                seed: 1,
                mode: Mode::Rig,
            };
            let checked = scenario::check(&request, &Disk);
            assert!(checked.is_ok(), "{}", checked.err().map(|list| rendered(&list)).unwrap_or_default());
        }
    }
}
