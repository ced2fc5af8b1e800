//! What speaks on a serial line, by what it says unasked and by what it answers to harmless questions.
//!
//! The questions go out one after the other, and the first answer that is understood ends them, so that each device hears
//! as little as can be of what was meant for another.
//!
//! Invariant: no question here can move anything: each says why, and none holds a byte that another of these protocols takes
//! for an order.

use super::mavlink::DialectSource;
use super::mavlink::device::{Received, Vehicle};

/// A question, and why it is harmless.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Question {
    /// For people: `GRBL`.
    pub of: &'static str,
    /// Empty: only listens.
    pub bytes: &'static [u8],
    /// How long an answer may take, in milliseconds.
    pub wait_ms: u64,
    pub harmless: &'static str,
}

/// All questions, in the order in which they are asked. What has no line end would spoil the next line of a device that waits for
/// one, so it comes after those that have one.
pub const QUESTIONS: &[Question] = &[
    Question { of: "whatever speaks unasked", bytes: b"", wait_ms: 1_300, harmless: "nothing is sent" },
    Question {
        of: "SLCAN",
        bytes: b"V\r",
        wait_ms: 300,
        harmless: "asks the adapter for its version (LAWICEL); the channel stays closed",
    },
    Question {
        of: "ELM327",
        bytes: b"ATI\r",
        wait_ms: 500,
        harmless: "asks the adapter who it is; nothing reaches the car",
    },
    Question {
        of: "GRBL",
        bytes: b"?",
        wait_ms: 300,
        harmless: "the real-time question for the status (GRBL 1.1, interface: real-time commands); moves nothing",
    },
    Question {
        of: "Modbus RTU",
        // Unit 1, function 3 (read holding registers), from 0, two of them; CRC C4 0B.
        bytes: &[0x01, 0x03, 0x00, 0x00, 0x00, 0x02, 0xC4, 0x0B],
        wait_ms: 300,
        harmless: "reads two registers of unit 1 (function 3), which changes nothing",
    },
];

/// What was recognised.
#[derive(Clone, PartialEq, Debug)]
pub enum Recognised {
    Mavlink {
        system: u8,
        component: u8,
        /// MAV_TYPE.
        vehicle: u8,
        /// MAV_AUTOPILOT.
        autopilot: u8,
    },
    /// Version, where it was told.
    Grbl(Option<String>),
    Elm327(String),
    Slcan(String),
    /// The unit answered, perhaps with an exception.
    Modbus {
        unit: u8,
        exception: Option<u8>,
    },
    /// It says lines of text, such as this one.
    Lines(String),
}

impl Recognised {
    /// For people.
    pub fn words(&self) -> String {
        match self {
            Recognised::Mavlink { system, component, vehicle, autopilot } => {
                let autopilot = match autopilot {
                    3 => "ArduPilot".to_owned(),
                    12 => "PX4".to_owned(),
                    other => format!("autopilot {other}"),
                };
                format!("MAVLink: system {system}, component {component}, {autopilot}, vehicle type {vehicle}")
            }
            Recognised::Grbl(Some(version)) => format!("GRBL {version}"),
            Recognised::Grbl(None) => "GRBL".to_owned(),
            Recognised::Elm327(version) => version.clone(),
            Recognised::Slcan(version) => format!("SLCAN adapter, version {version}"),
            Recognised::Modbus { unit, exception: None } => format!("Modbus RTU: unit {unit}"),
            Recognised::Modbus { unit, exception: Some(code) } => {
                format!("Modbus RTU: unit {unit}, which answers with exception {code}")
            }
            Recognised::Lines(line) => format!("lines of text, such as `{line}`"),
        }
    }
}

/// What the bytes show, heard unasked or after a question; `None`: nothing yet.
pub fn recognise(bytes: &[u8]) -> Option<Recognised> {
    mavlink(bytes).or_else(|| modbus(bytes)).or_else(|| text(bytes))
}

/// Bytes that ask a vehicle for `AUTOPILOT_VERSION`: what a run asks for an identity.
pub fn ask_version(system: u8, component: u8) -> Vec<u8> {
    let mut out = Vec::new();
    let fields = [
        ("target_system", f64::from(system)),
        ("target_component", f64::from(component)),
        // MAV_CMD_REQUEST_MESSAGE for AUTOPILOT_VERSION.
        ("command", 512.0),
        ("param1", 148.0),
    ];
    if let Ok(mut us) = Vehicle::new(&DialectSource::Common, 255, 190) {
        // COMMAND_LONG and these fields are of the built-in dialect.
        let _ = us.send("COMMAND_LONG", &fields, &[], &mut out);
    }
    out
}

/// The `uid` of an `AUTOPILOT_VERSION` among the bytes, where it has one.
pub fn version_uid(bytes: &[u8]) -> Option<u64> {
    let version = received(bytes).into_iter().find(|received| received.name == "AUTOPILOT_VERSION")?;
    let uid = version.number("uid")?;
    (uid > 0.0).then_some(uid as u64)
}

/// Names of MAVLink messages among the bytes.
pub fn message_names(bytes: &[u8]) -> Vec<String> {
    let mut names: Vec<String> = received(bytes).into_iter().map(|received| received.name).collect();
    names.sort();
    names.dedup();
    names
}

fn received(bytes: &[u8]) -> Vec<Received> {
    let mut heard = Vec::new();
    if bytes.iter().any(|byte| matches!(byte, 0xFD | 0xFE))
        && let Ok(mut ears) = Vehicle::new(&DialectSource::Common, 255, 190)
    {
        ears.feed(bytes, &mut heard);
    }
    heard
}

/// A heartbeat of an autopilot; ground stations and cameras have MAV_AUTOPILOT_INVALID (8).
fn mavlink(bytes: &[u8]) -> Option<Recognised> {
    received(bytes).iter().find_map(|received| {
        let number = |field| received.number(field).map(|number| number as u8);
        let autopilot = number("autopilot").filter(|autopilot| *autopilot != 8)?;
        (received.name == "HEARTBEAT").then_some(Recognised::Mavlink {
            system: received.system,
            component: received.component,
            vehicle: number("type")?,
            autopilot,
        })
    })
}

/// An answer of unit 1 to function 3: four bytes of registers, or an exception; its check sum decides.
fn modbus(bytes: &[u8]) -> Option<Recognised> {
    bytes
        .windows(5)
        .find_map(|window| {
            (window[0] == 1 && window[1] == 0x83 && crc(&window[..3]) == [window[3], window[4]])
                .then_some(Recognised::Modbus { unit: 1, exception: Some(window[2]) })
        })
        .or_else(|| {
            bytes.windows(9).find_map(|window| {
                (window[..3] == [1, 3, 4] && crc(&window[..7]) == [window[7], window[8]])
                    .then_some(Recognised::Modbus { unit: 1, exception: None })
            })
        })
}

/// CRC-16 of Modbus (polynomial A001 reflected, from FFFF), low byte first.
fn crc(bytes: &[u8]) -> [u8; 2] {
    let mut sum = 0xFFFFu16;
    for byte in bytes {
        sum ^= u16::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ 0xA001 } else { sum >> 1 };
        }
    }
    sum.to_le_bytes()
}

fn text(bytes: &[u8]) -> Option<Recognised> {
    let text = String::from_utf8_lossy(bytes);
    // The last piece may be half a line, but for an answer that ends with a prompt or a carriage return.
    let mut lines = text.split(['\r', '\n', '>']).map(str::trim).filter(|line| !line.is_empty());
    let all: Vec<&str> = lines.by_ref().collect();
    for line in &all {
        if let Some(rest) = line.strip_prefix("Grbl ") {
            return Some(Recognised::Grbl(rest.split_whitespace().next().map(str::to_owned)));
        }
        if line.starts_with('<') && line.contains("Pos:") {
            return Some(Recognised::Grbl(None));
        }
        if line.contains("ELM327") {
            return Some(Recognised::Elm327((*line).to_owned()));
        }
    }
    // `V1013` and a carriage return, and nothing else: hardware and software version of two digits each.
    if let [line] = all.as_slice()
        && text.ends_with('\r')
        && let Some(version) = line.strip_prefix('V')
        && version.len() == 4
        && version.chars().all(|c| c.is_ascii_hexdigit())
    {
        return Some(Recognised::Slcan(version.to_owned()));
    }
    None
}

/// What says lines of readable text, where nothing else was recognised.
pub fn lines(bytes: &[u8]) -> Option<Recognised> {
    let text = std::str::from_utf8(bytes).ok()?;
    let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n')).map(str::trim);
    let line = whole.rev().find(|line| line.chars().count() > 1)?;
    line.chars().all(|c| !c.is_control()).then(|| Recognised::Lines(line.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_known_by_its_own_words() {
        let known = |bytes: &[u8]| recognise(bytes).map(|one| one.words()).unwrap_or_default();
        assert_eq!(known(b"\r\nGrbl 1.1h ['$' for help]\r\n"), "GRBL 1.1h");
        assert_eq!(known(b"<Idle|MPos:0.000,0.000,0.000|FS:0,0>\r\n"), "GRBL");
        assert_eq!(known(b"ATI\r\rELM327 v1.5\r\r>"), "ELM327 v1.5");
        assert_eq!(known(b"V1013\r"), "SLCAN adapter, version 1013");
        // The specification's own example of a CRC: 01 04 02 FF FF -> B8 80.
        assert_eq!(crc(&[0x01, 0x04, 0x02, 0xFF, 0xFF]), [0xB8, 0x80]);
        let mut answer = vec![1, 3, 4, 0, 10, 0, 20];
        answer.extend(crc(&answer));
        assert_eq!(known(&answer), "Modbus RTU: unit 1");
        let mut exception = vec![1, 0x83, 2];
        exception.extend(crc(&exception));
        assert_eq!(known(&exception), "Modbus RTU: unit 1, which answers with exception 2");
        for nothing in [b"".as_slice(), b"\x07", b"error:2\r\n", b"V10", b"?\r\n>"] {
            assert_eq!(recognise(nothing), None, "{nothing:?}");
        }
    }

    #[test]
    fn a_heartbeat_of_an_autopilot_is_recognised_and_one_of_a_ground_station_is_not() {
        for (autopilot, wanted) in [(3.0, true), (8.0, false)] {
            let mut vehicle = Vehicle::new(&DialectSource::Common, 7, 1).expect("the built-in dialect loads");
            let mut bytes = vec![0xFD, 0x00, 0xFE];
            let fields = [("type", 2.0), ("autopilot", autopilot)];
            vehicle.send("HEARTBEAT", &fields, &[], &mut bytes).expect("the message is known");
            let found = recognise(&bytes);
            let right = Recognised::Mavlink { system: 7, component: 1, vehicle: 2, autopilot: 3 };
            assert_eq!(found, wanted.then_some(right));
        }
    }

    /// GRBL takes single bytes for orders wherever they stand; what a CAN adapter would send begins with t, T, r or R, what
    /// opens its channel with O or L; and the text of a question to one must not be a G-code of the other.
    #[test]
    fn no_question_is_an_order_to_another_device() {
        let last = QUESTIONS.last().map(|question| question.bytes).unwrap_or_default();
        assert_eq!(crc(&last[..6]), last[6..]);
        let asks_a_line = |question: &&Question| question.bytes.ends_with(b"\r");
        let begun: Vec<_> = QUESTIONS.iter().skip_while(|q| q.bytes.is_empty()).skip_while(asks_a_line).collect();
        assert!(
            begun.len() < QUESTIONS.len() && !begun.iter().any(asks_a_line),
            "what `{begun:?}` begins is a part of it"
        );
        for question in QUESTIONS {
            for byte in question.bytes {
                // Reset, feed hold, cycle start, and the overrides of GRBL 1.1.
                assert!(!matches!(byte, 0x18 | b'!' | b'~' | 0x84..=0xA1), "{}: {byte:#x}", question.of);
            }
            let first = question.bytes.first().copied().unwrap_or_default();
            assert!(!b"tTrROLSsCGgMmJjXxYyZzFf$".contains(&first), "{}", question.of);
            assert!(!question.harmless.is_empty());
        }
    }
}
