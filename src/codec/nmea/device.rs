//! The mirror: sentences as a receiver says them. Simulated devices and tests stand on it.

use super::sentence::check_sum;
use std::fmt::Write;

/// A sentence with its check sum and line end: address, then the fields.
pub fn sentence(address: &str, fields: &[String]) -> Vec<u8> {
    let mut body = address.to_owned();
    for field in fields {
        body.push(',');
        body.push_str(field);
    }
    let mut line = String::with_capacity(body.len() + 6);
    // Writing to a text cannot fail.
    let _ = write!(line, "${body}*{:02X}\r\n", check_sum(body.as_bytes()));
    line.into_bytes()
}

/// Degrees as the wire writes them, with the letter of the half: `4807.03800,N`. `letters`: positive and negative.
pub fn degrees(value: f64, letters: (&str, &str), digits: usize) -> [String; 2] {
    let letter = if value < 0.0 { letters.1 } else { letters.0 };
    // In ten-thousandths of a minute, so that 59.99999 does not become 60.
    let parts = (value.abs() * 600_000.0 + 0.5) as u64;
    let (whole, minutes) = (parts / 600_000, parts % 600_000);
    let text = format!("{whole:0digits$}{:02}.{:04}", minutes / 10_000, minutes % 10_000);
    [text, letter.to_owned()]
}

/// Seconds since midnight as `hhmmss.ss`.
pub fn clock(seconds: f64) -> String {
    let hundredths = (seconds.max(0.0) * 100.0 + 0.5) as u64 % 8_640_000;
    let whole = hundredths / 100;
    format!("{:02}{:02}{:02}.{:02}", whole / 3600, whole / 60 % 60, whole % 60, hundredths % 100)
}
