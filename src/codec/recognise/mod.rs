//! What speaks on a serial line, by what it says unasked and by what it answers to harmless questions.
//!
//! The questions go out one after the other, and the first answer that is understood ends them, so that each device hears
//! as little as can be of what was meant for another.
//!
//! Invariant: no question here can move anything: each says why, and none holds a byte that another of these protocols takes
//! for an order.

pub mod further;
pub mod mavlink;
pub mod modbus;
pub mod objects;
pub mod pace;
pub mod shapes;
mod text;

pub use text::{lines, sentence_kind};

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
    /// It says sentences with their check sums, such as this one.
    Nmea(String),
    /// It says a JSON object on each line, such as this one.
    JsonLines(String),
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
            Recognised::Nmea(line) => format!("NMEA 0183, such as `{line}`"),
            Recognised::JsonLines(line) => format!("JSON objects, one on a line, such as `{line}`"),
            Recognised::Lines(line) => format!("lines of text, such as `{line}`"),
        }
    }
}

/// What the bytes show, heard unasked or after a question; `None`: nothing yet.
pub fn recognise(bytes: &[u8]) -> Option<Recognised> {
    mavlink::recognise(bytes).or_else(|| modbus::recognise(bytes)).or_else(|| text::recognise(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::modbus::Table;
    use crate::codec::modbus::frame::frame;

    #[test]
    fn each_is_known_by_its_own_words() {
        let known = |bytes: &[u8]| recognise(bytes).map(|one| one.words()).unwrap_or_default();
        assert_eq!(known(b"\r\nGrbl 1.1h ['$' for help]\r\n"), "GRBL 1.1h");
        assert_eq!(known(b"<Idle|MPos:0.000,0.000,0.000|FS:0,0>\r\n"), "GRBL");
        assert_eq!(known(b"ATI\r\rELM327 v1.5\r\r>"), "ELM327 v1.5");
        assert_eq!(known(b"V1013\r"), "SLCAN adapter, version 1013");
        assert_eq!(known(&frame(1, &[3, 4, 0, 10, 0, 20])), "Modbus RTU: unit 1");
        assert_eq!(known(&frame(9, &[0x83, 2])), "Modbus RTU: unit 9, which answers with exception 2");
        for nothing in [b"".as_slice(), b"\x07", b"error:2\r\n", b"V10", b"?\r\n>"] {
            assert_eq!(recognise(nothing), None, "{nothing:?}");
        }
    }

    /// GRBL takes single bytes for orders wherever they stand; what a CAN adapter would send begins with t, T, r or R, what
    /// opens its channel with O or L; and the text of a question to one must not be a G-code of the other.
    #[test]
    fn no_question_is_an_order_to_another_device() {
        let last = QUESTIONS.last().map(|question| question.bytes).unwrap_or_default();
        assert_eq!(last, modbus::read(1, Table::Holding, 0, 2));
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
