//! Bytes to lines and back.

use crate::codec::checksum::Checksum;

/// What ends a line that we send. Received lines may end in CR, LF or both.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum Ends {
    #[default]
    Lf,
    CrLf,
    Cr,
}

impl Ends {
    /// The bytes.
    pub fn bytes(self) -> &'static [u8] {
        match self {
            Ends::Lf => b"\n",
            Ends::CrLf => b"\r\n",
            Ends::Cr => b"\r",
        }
    }
}

/// Longest line in bytes; longer ones are noise.
pub(super) const LINE_MAX: usize = 1024;

/// Noise is told at least this often, in bytes.
const NOISE_MAX: u32 = 1024;

/// Collects lines from chunks of any size.
pub(super) struct Splitter {
    line: Vec<u8>,
    /// Bytes of the line so far, also of those thrown away.
    seen: u32,
    /// The line's beginning was not heard, or it is too long: it counts as noise.
    skipping: bool,
}

/// What a line turned out to be.
#[derive(PartialEq, Debug)]
pub(super) enum Found {
    Line(String),
    /// The device is ready for the next line.
    Prompt,
    Noise(u32),
    Corrupt(u32),
}

impl Splitter {
    /// `midway`: the first line may have begun before we listened, so it is noise.
    pub(super) fn new(midway: bool) -> Splitter {
        Splitter { line: Vec::new(), seen: 0, skipping: midway }
    }

    /// Takes one byte; gives what a line end completes, or the prompt that stands at the beginning of a line. Empty lines are
    /// nothing.
    pub(super) fn push(&mut self, byte: u8, cancel: &[u8], prompt: &[u8], sum: Option<&Checksum>) -> Option<Found> {
        if byte != b'\n' && byte != b'\r' {
            self.seen = self.seen.saturating_add(1);
            if self.line.len() == LINE_MAX {
                self.skipping = true;
            }
            if !self.skipping {
                self.line.push(byte);
                if !cancel.is_empty() && self.line.ends_with(cancel) {
                    self.line.clear();
                }
                if !prompt.is_empty() && self.line == prompt {
                    self.line.clear();
                    self.seen = 0;
                    return Some(Found::Prompt);
                }
                return None;
            }
            // Told on its way: the end may never come.
            return (self.seen >= NOISE_MAX).then(|| Found::Noise(std::mem::take(&mut self.seen)));
        }
        let (seen, skipped) = (std::mem::take(&mut self.seen), std::mem::take(&mut self.skipping));
        let found = match (skipped, seen) {
            (_, 0) => None,
            (true, _) => Some(Found::Noise(seen)),
            (false, _) => read(&self.line, seen, sum),
        };
        self.line.clear();
        found
    }
}

fn read(line: &[u8], seen: u32, sum: Option<&Checksum>) -> Option<Found> {
    if line.is_empty() {
        return None;
    }
    let Some(text) = std::str::from_utf8(line).ok().filter(|t| t.chars().all(|c| c == '\t' || !c.is_control())) else {
        return Some(Found::Noise(seen));
    };
    let Some(sum) = sum else { return Some(Found::Line(text.trim_end().to_string())) };
    let checked = text.trim_end().rsplit_once('*').filter(|(body, hex)| {
        hex.len() == sum.size() * 2
            && hex.bytes().all(|b| b.is_ascii_hexdigit())
            && u32::from_str_radix(hex, 16).is_ok_and(|told| told == sum.of(summed(body)))
    });
    Some(match checked {
        Some((body, _)) => Found::Line(body.to_string()),
        None => Found::Corrupt(seen),
    })
}

/// What the check sum covers: as in NMEA 0183, a leading `$` or `!` is not part of it.
fn summed(body: &str) -> &[u8] {
    body.strip_prefix(['$', '!']).unwrap_or(body).as_bytes()
}

/// The bytes of a line that is sent.
pub(super) fn write(text: &str, ends: Ends, sum: Option<&Checksum>) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    if let Some(sum) = sum {
        let hex = format!("*{:0width$X}", sum.of(summed(text)), width = sum.size() * 2);
        bytes.extend_from_slice(hex.as_bytes());
    }
    bytes.extend_from_slice(ends.bytes());
    bytes
}
