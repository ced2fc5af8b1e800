//! What is asked of a device once it is recognised, so that its rig file can be written.
//!
//! Invariant: none of these moves anything or is kept by the device beyond its next start; each says why.

use super::Question;
use crate::codec::can::slcan::BIT_RATES;

/// Build, name and options of a GRBL board. The line end before it ends what was half sent.
pub const GRBL_BUILD: Question = Question {
    of: "GRBL",
    bytes: b"\n$I\n",
    wait_ms: 500,
    harmless: "prints the build info; `$I=` alone would write it",
};

/// Position and state, as [`super::QUESTIONS`] asks it.
pub const GRBL_STATUS: Question =
    Question { of: "GRBL", bytes: b"?", wait_ms: 300, harmless: "the real-time question for the status" };

/// Closes the channel: an adapter takes a bit rate only then.
pub const SLCAN_CLOSE: Question =
    Question { of: "SLCAN", bytes: b"C\r", wait_ms: 200, harmless: "takes the adapter off the bus" };

/// Opens the channel so that it sends nothing on the bus, no acknowledgement either (LAWICEL CAN232, command `L`).
pub const SLCAN_LISTEN: Question = Question {
    of: "SLCAN",
    bytes: b"L\r",
    wait_ms: 200,
    harmless: "opens the channel listen-only: no frame, no acknowledgement and no error flag goes to the bus",
};

/// The adapter's serial number.
pub const SLCAN_SERIAL: Question =
    Question { of: "SLCAN", bytes: b"N\r", wait_ms: 200, harmless: "asks the adapter for its serial number" };

/// Bit rates in the order in which they are tried, the likeliest first, with the line that sets each on a closed channel.
pub const SLCAN_BIT_RATES: [(u32, &[u8]); 9] = [
    (BIT_RATES[6], b"S6\r"),
    (BIT_RATES[5], b"S5\r"),
    (BIT_RATES[4], b"S4\r"),
    (BIT_RATES[8], b"S8\r"),
    (BIT_RATES[3], b"S3\r"),
    (BIT_RATES[2], b"S2\r"),
    (BIT_RATES[7], b"S7\r"),
    (BIT_RATES[1], b"S1\r"),
    (BIT_RATES[0], b"S0\r"),
];

/// Of an ELM327: its echo off, the voltage at the socket, and three values of service 01, which only reads.
pub const ELM327: [Question; 5] = [
    Question { of: "ELM327", bytes: b"ATE0\r", wait_ms: 1_000, harmless: "the adapter repeats no more what it hears" },
    Question {
        of: "ELM327",
        bytes: b"ATRV\r",
        wait_ms: 1_000,
        harmless: "the adapter measures; nothing reaches the car",
    },
    // The first question makes the adapter look for the car's bus, which takes it seconds.
    Question { of: "ELM327", bytes: b"010C\r", wait_ms: 12_000, harmless: "service 01 reads: engine speed" },
    Question { of: "ELM327", bytes: b"010D\r", wait_ms: 2_000, harmless: "service 01 reads: vehicle speed" },
    Question { of: "ELM327", bytes: b"0105\r", wait_ms: 2_000, harmless: "service 01 reads: coolant temperature" },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_that_set_a_bit_rate_are_those_of_the_manual() {
        for (rate, line) in SLCAN_BIT_RATES {
            let place = BIT_RATES.iter().position(|known| *known == rate).expect("the manual has it");
            assert_eq!(line, format!("S{place}\r").as_bytes());
        }
    }

    #[test]
    fn a_car_is_asked_for_values_alone() {
        for question in ELM327 {
            let reads = question.bytes.starts_with(b"01");
            assert!(reads || [b"ATE0\r", b"ATRV\r"].iter().any(|line| **line == *question.bytes), "{question:?}");
        }
    }
}
