//! `rigs new` on a device of each kind: the file checks, the doctor is green, the monitor shows values, and the device never heard
//! anything but the questions that are documented.

use super::process::{Ended, run};
use super::tapped::{Speaks, Tapped};
use checkrein::codec::modbus::device::Server;
use checkrein::codec::modbus::frame::crc;
use checkrein::codec::modbus::{Table, WordOrder};
use checkrein::codec::nmea::device::sentence;
use checkrein::codec::recognise::further::{
    ELM327, GRBL_BUILD, SLCAN_BIT_RATES, SLCAN_CLOSE, SLCAN_LISTEN, SLCAN_SERIAL,
};
use checkrein::codec::recognise::{QUESTIONS, modbus};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

/// A rig file that `rigs new` made.
struct Made {
    folder: TempDir,
    ended: Ended,
}

impl Made {
    #[track_caller]
    fn of(port: &str, more: &[&str]) -> Made {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let rigs = folder.path().display().to_string();
        let usual = ["rigs", "new", "made", "--port", port, "--baud", "115200", "--rigs", &rigs, "--yes"];
        let ended = run([&usual, more].concat()).with(0);
        Made { folder, ended }
    }
    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("made").join(name)
    }
    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).expect("it was written")
    }
    #[track_caller]
    fn says(&self, words: &str) {
        let text = self.text("rig.yaml");
        assert!(text.contains(words), "no `{words}` in:\n{text}");
    }
    /// `check`, `doctor` and `monitor` of it; gives the last look of the monitor.
    #[track_caller]
    fn is_good(&self) -> Value {
        let path = self.file("rig.yaml").display().to_string();
        run(["check", &path]).with(0);
        let doctor = run(["rigs", "doctor", &path, "--json"]).with(0);
        let document: Value = serde_json::from_str(&doctor.stdout).expect("it is JSON");
        let findings = document["findings"].as_array().expect("there are findings");
        let rates: Vec<&Value> = findings.iter().filter(|one| one["check"] == "rate").collect();
        assert!(!rates.is_empty(), "no signal was measured: {document:#}");
        let bad: Vec<&&Value> = rates.iter().filter(|one| one["grade"] != "good").collect();
        assert!(bad.is_empty(), "declared otherwise than heard: {bad:#?}");
        // The first line may be the end of one, and is noise; what is understood amiss is counted otherwise.
        for wire in findings.iter().filter(|one| one["check"] == "wire") {
            let figures = &wire["figures"];
            assert!(figures["foreign_frames"] == 0 && figures["corrupt_frames"] == 0, "not understood: {wire:#}");
        }
        let monitor = run(["monitor", &path, "--json", "--for", "2500ms", "--every", "1s"]).with(0);
        let mut looks = monitor.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let look = looks.rfind(|look| look["signals"].is_object()).expect("it looked");
        for (name, signal) in look["signals"].as_object().expect("signals by name") {
            assert!(!signal["value"].is_null(), "{name} has no value: {look:#}");
        }
        look["signals"].clone()
    }
}

/// What the questions of all kinds leave on a line until one is understood.
fn asked_of_everybody() -> Vec<u8> {
    QUESTIONS.iter().flat_map(|question| question.bytes).copied().collect()
}

/// Splits what was heard into the beginning that everybody hears and what came of the kind's own.
#[track_caller]
fn own_part(heard: &[u8], last: &str) -> Vec<u8> {
    let end = QUESTIONS.iter().position(|question| question.of == last).expect("it is a kind") + 1;
    let begun: Vec<u8> = QUESTIONS[..end].iter().flat_map(|question| question.bytes).copied().collect();
    let rest = heard.strip_prefix(begun.as_slice());
    rest.unwrap_or_else(|| panic!("it heard {heard:?}, and {begun:?} was to come first")).to_vec()
}

#[test]
fn a_motion_controller_tells_where_it_is_and_stays_there() {
    let twin = Tapped::twin("robot-cell", "cell");
    let made = Made::of(&twin.path, &[]);
    made.ended.says("GRBL");
    made.says("identity: { VER.version: \"1.1h.20190825\", VER.name: \"cell-1\" }");
    let own = own_part(&twin.heard(), "GRBL");
    assert_eq!(own, [GRBL_BUILD.bytes, b"?"].concat());
    let signals = made.is_good();
    // It was never homed nor unlocked, and stands where it stood.
    assert_eq!(signals["machine.state"]["value"], "Alarm");
    for axis in ["x", "y", "z", "speed"] {
        assert_eq!(signals[format!("machine.{axis}").as_str()]["value"], 0.0, "{axis}");
    }
    // Looking asks `?` and `$I`, behind `)@`, which no board takes for a line of its program.
    let looked = String::from_utf8(own_part(&twin.heard(), "GRBL")).expect("GRBL is text");
    let lines = looked.replace('?', "");
    assert!(lines.lines().all(|line| ["", "$I", ")@"].contains(&line)), "{looked}");
}

#[test]
fn a_bus_is_listened_to_without_a_word_on_it() {
    let twin = Tapped::twin("car-bench", "car");
    let made = Made::of(&twin.path, &[]);
    made.says("protocol: { slcan: bus.dbc, bit_rate: 500000 }");
    made.says("identity: { version: \"1013\", serial: \"A123\" }");
    let dbc = made.text("bus.dbc");
    assert!(dbc.contains("BO_ 256 Id_100: 8") && dbc.contains("BO_ 259 Id_103: 2"), "{dbc}");
    let own = own_part(&twin.heard(), "SLCAN");
    let listened = [SLCAN_CLOSE.bytes, SLCAN_SERIAL.bytes, SLCAN_BIT_RATES[0].1, SLCAN_LISTEN.bytes, SLCAN_CLOSE.bytes];
    assert_eq!(own, listened.concat(), "no channel was opened that speaks, and no frame was sent");
    let signals = made.is_good();
    assert_eq!(signals["car.id_103_0"]["value"], 0.0, "it stands still: mode 0");
    // Looking opens the channel, and sends no frame either.
    let looked = String::from_utf8(own_part(&twin.heard(), "SLCAN")).expect("SLCAN is text");
    let known = ["", "C", "N", "V", "S6", "L", "O", "F"];
    assert!(looked.split('\r').all(|line| known.contains(&line)), "{looked}");
}

#[test]
fn a_dbc_file_of_the_person_names_what_is_heard() {
    let twin = Tapped::twin("car-bench", "car");
    let made = Made::of(&twin.path, &["--dbc", "rigs/car-bench/vehicle.dbc", "--bit-rate", "250000"]);
    // The bit rate is the person's word; the twin has no wire on which it could be wrong.
    made.says("protocol: { slcan: bus.dbc, bit_rate: 250000 }");
    made.says("speed: { field: Motion.Speed, scale: 1,");
    assert_eq!(made.text("bus.dbc"), std::fs::read_to_string("rigs/car-bench/vehicle.dbc").expect("it is shipped"));
    assert_eq!(made.is_good()["car.speed"]["value"], 0.0);
}

#[test]
fn an_adapter_that_cannot_only_listen_is_left_alone() {
    let adapter = Tapped::by(|heard: &[u8]| match heard.strip_suffix(b"\r")? {
        b"V" => Some(b"V1013\r".to_vec()),
        b"N" => Some(b"N0001\r".to_vec()),
        [b'S', _] => Some(b"\r".to_vec()),
        _ => Some(b"\x07".to_vec()),
    });
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let rigs = folder.path().display().to_string();
    let ended = run(["rigs", "new", "made", "--port", &adapter.path, "--baud", "115200", "--rigs", &rigs, "--yes"]);
    ended.with(3).says("opens no channel that only listens").says("nothing was written");
    assert!(!adapter.heard().contains(&b'O') && !folder.path().join("made").exists());
}

/// Units on one line.
struct Units {
    servers: Arc<Mutex<Vec<Server>>>,
    written: Arc<Mutex<usize>>,
}

impl Speaks for Units {
    fn hear(&mut self, heard: &mut Vec<u8>) -> Vec<u8> {
        let (mut out, mut written) = (Vec::new(), Vec::new());
        for server in self.servers.lock().expect("nobody panics while holding it").iter_mut() {
            server.feed(heard, &mut out, &mut written);
        }
        heard.clear();
        *self.written.lock().expect("nobody panics while holding it") += written.len();
        out.concat()
    }
}

/// Whatever was sent is a sound read of registers of one of the documented units.
#[track_caller]
fn only_reads(requests: &[u8]) {
    assert!(requests.chunks(8).len() > 20, "{requests:?}");
    for request in requests.chunks(8) {
        assert!(modbus::UNITS.contains(&request[0]) && matches!(request[1], 3 | 4), "{request:?}");
        assert_eq!(crc(&request[..6]), request[6..], "{request:?}");
    }
}

#[test]
fn units_on_a_line_are_found_with_the_registers_that_they_have() {
    let mut first = Server::new(2, WordOrder::HighFirst);
    (0..16).for_each(|place| first.set(Table::Holding, place, 100 + place));
    let mut second = Server::new(7, WordOrder::HighFirst);
    second.set(Table::Input, 3, 777);
    second.set(Table::Coil, 0, 1);
    let (servers, written) = (Arc::new(Mutex::new(vec![first, second])), Arc::new(Mutex::new(0)));
    let line = Tapped::by(Units { servers: servers.clone(), written: written.clone() });
    let made = Made::of(&line.path, &["--parity", "even", "--device", "plant"]);
    made.says("parity: even");
    let signals = made.is_good();
    assert_eq!(signals["plant_2.holding_15"]["value"], 115.0);
    assert_eq!(signals["plant_7.input_3"]["value"], 777.0);
    assert_eq!(signals.as_object().map(serde_json::Map::len), Some(17), "{signals:#}");
    let heard = line.heard();
    let rest = heard.strip_prefix(asked_of_everybody().as_slice()).expect("the questions come first");
    only_reads(rest);
    assert_eq!(*written.lock().expect("nobody panics while holding it"), 0);
    assert_eq!(servers.lock().expect("nobody panics")[1].get(Table::Coil, 0), Some(1));
}

#[test]
fn an_air_handler_is_read_and_stays_as_it_was() {
    let twin = Tapped::twin("building-floor", "ahu");
    let made = Made::of(&twin.path, &[]);
    made.says("protocol: { modbus: 1 }");
    let signals = made.is_good();
    assert!(signals["unit.input_0"]["value"].as_f64().is_some_and(|value| value > 0.0), "{signals:#}");
    assert_eq!(signals["unit.input_9"]["value"], 1.0, "it keeps to its schedule");
    only_reads(&own_part(&twin.heard(), "Modbus RTU"));
}

#[test]
fn a_car_behind_an_elm327_is_asked_for_values_alone() {
    // As the adapter's data sheet has it: what is said is repeated until ATE0, and `>` ends each answer.
    let echo = Arc::new(Mutex::new(true));
    let adapter = Tapped::by(move |heard: &[u8]| {
        let line = String::from_utf8_lossy(heard.strip_suffix(b"\r")?).into_owned();
        let mut echo = echo.lock().expect("nobody panics while holding it");
        let repeated = if *echo { format!("{line}\r") } else { String::new() };
        let answer = match line.as_str() {
            "ATI" => "ELM327 v1.5",
            "ATE0" => {
                *echo = false;
                "OK"
            }
            "ATRV" => "12.4V",
            "010C" => "41 0C 1A F8",
            "010D" => "410D32",
            "0105" => "NO DATA",
            _ => "?",
        };
        Some(format!("{repeated}{answer}\r\r>").into_bytes())
    });
    let made = Made::of(&adapter.path, &[]);
    made.ended.says("ELM327 v1.5");
    made.says("Not answered by the car, perhaps because its ignition is off: coolant (0105).");
    let asked: Vec<u8> = ELM327.iter().flat_map(|question| question.bytes).copied().collect();
    assert_eq!(own_part(&adapter.heard(), "ELM327"), asked);
    let signals = made.is_good();
    assert_eq!(signals["car.engine"]["value"], 1726.0);
    assert_eq!(signals["car.speed"]["value"], 50.0);
    assert_eq!(signals["car.voltage"]["value"], 12.4);
    let lines = String::from_utf8(adapter.heard()).expect("it is text");
    let known = ["V", "ATI", "ATE0", "ATRV", "010C", "010D", "0105"];
    assert!(lines.split('\r').all(|line| line.is_empty() || known.contains(&line)), "{lines}");
}

/// Something that speaks by itself, so often, and hears nothing.
struct Talker {
    every: Duration,
    said: u32,
    line: fn(u32) -> Vec<u8>,
}

impl Talker {
    fn on_a_port(every_millis: u64, line: fn(u32) -> Vec<u8>) -> Tapped {
        Tapped::by(Talker { every: Duration::from_millis(every_millis), said: 0, line })
    }
}

impl Speaks for Talker {
    fn hear(&mut self, heard: &mut Vec<u8>) -> Vec<u8> {
        heard.clear();
        Vec::new()
    }
    fn say(&mut self, since: Duration) -> Vec<u8> {
        if since < self.every * self.said {
            return Vec::new();
        }
        self.said += 1;
        (self.line)(self.said)
    }
}

#[test]
fn whoever_says_lines_unasked_is_asked_nothing() {
    let scale = Talker::on_a_port(100, |count| {
        let state = if count % 5 == 0 { "MOVES" } else { "STEADY" };
        format!("W={}.{} kg S={state} N=3\r\nT:{}\r\n", 20 + count % 3, count % 10, 18 + count % 2).into_bytes()
    });
    let made = Made::of(&scale.path, &[]);
    made.says("'W={w} kg S={s_word} N={n}'");
    made.says("'T:{t}'");
    let signals = made.is_good();
    assert_eq!(signals["board.n"]["value"], 3.0);
    assert!(signals["board.w"]["value"].as_f64().is_some_and(|value| (20.0..23.0).contains(&value)), "{signals:#}");
    assert_eq!(scale.heard(), b"", "a line board may take a question for an order");
}

#[test]
fn a_receiver_of_positions_is_described_by_its_sentences() {
    let receiver = Talker::on_a_port(200, |count| {
        let word = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
        let fix = format!("0923{:02}.00,4717.11364,N,00833.91565,E,1,08,1.01,499.6,M,48.0,M,,", count % 60);
        let turned = sentence("GPVTG", &word("77.52,T,,M,0.004,N,0.008,K,A"));
        [sentence("GPGGA", &word(&fix)), turned].concat()
    });
    let made = Made::of(&receiver.path, &[]);
    made.ended.says("NMEA 0183");
    made.says("protocol: nmea");
    let signals = made.is_good();
    assert!(signals["receiver.latitude"]["value"].as_f64().is_some_and(|value| (value - 47.285_227).abs() < 1e-5));
    assert_eq!(signals["receiver.fix"]["value"], "GPS");
    assert_eq!(receiver.heard(), b"");
}

#[test]
fn objects_become_signals_and_nothing_is_asked() {
    let objects = Talker::on_a_port(100, |count| {
        let door = if count % 8 < 4 { "open" } else { "shut" };
        let hello = if count % 5 == 0 { "{\"type\":\"hello\",\"serial\":\"G-7\",\"version\":3}\r\n" } else { "" };
        format!("{{\"type\":\"state\",\"air\":{{\"t\":{count}}},\"on\":true,\"door\":\"{door}\"}}\r\n{hello}")
            .into_bytes()
    });
    let made = Made::of(&objects.path, &[]);
    made.ended.says("JSON objects, one on a line");
    made.says("state: { with: { 'type': 'state' } }");
    made.says("air_t: { field: 'state#/air/t', scale: 1, every: 100 ms");
    made.says("\"on\": { field: 'state#/on', flag: true");
    made.says("identity: { 'hello#/serial': 'G-7' }");
    made.is_good();
    assert_eq!(objects.heard(), b"");
}

#[test]
fn what_only_answers_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let rigs = folder.path().display().to_string();
    let new = |port: &str| run(["rigs", "new", "made", "--port", port, "--baud", "115200", "--rigs", &rigs, "--yes"]);
    let shy = Tapped::by(|heard: &[u8]| heard.ends_with(b"\r").then(|| b"ERR what?\r\n".to_vec()));
    new(&shy.path).with(3).says("it answers in lines of text, such as `ERR what?`, and says none unasked");
    let heard = shy.heard();
    assert!(heard.starts_with(&asked_of_everybody()), "{heard:?}");
}
