//! The mirror: an adapter with a bus behind it, as a twin or a test has it.

use super::dbc::Database;
use super::isotp;
use super::slcan::{BELL, CanFrame, Framer, Line};

/// An adapter, and the names of what goes over its bus.
pub struct Adapter {
    database: Database,
    framer: Framer,
    open: bool,
    /// The channel was opened with `L`: nothing goes to the bus.
    only_listens: bool,
    stamps: bool,
    /// What it says that it is.
    pub version: String,
    pub serial: String,
    /// Parts of an answer that wait for the one who asked to let them go on.
    waiting: Vec<CanFrame>,
}

/// Something that the host sent.
#[derive(Clone, PartialEq, Debug)]
pub enum Received {
    /// A frame of the DBC file: its name, and its signals in the file's own units.
    Message { name: String, values: Vec<(String, f64)> },
    /// Any other frame.
    Other(CanFrame),
    /// A question of OBD-II to the control unit at this identifier.
    Question { to: u32, bytes: Vec<u8> },
}

impl Received {
    /// The value of a signal.
    pub fn number(&self, signal: &str) -> Option<f64> {
        match self {
            Received::Message { values, .. } => values.iter().find(|(name, _)| name == signal).map(|(_, value)| *value),
            _ => None,
        }
    }
}

/// A control unit listens here, and to its own identifier (ISO 15765-4).
const FUNCTIONAL: u32 = 0x7DF;

impl Adapter {
    /// An adapter that is closed; the error says what is wrong with the DBC file.
    pub fn new(dbc: &str) -> Result<Adapter, String> {
        Ok(Adapter {
            database: Database::read(dbc).map_err(|why| why.to_string())?,
            framer: Framer::default(),
            open: false,
            only_listens: false,
            stamps: false,
            version: "1013".into(),
            serial: "0001".into(),
            waiting: Vec::new(),
        })
    }
    /// The channel is open.
    pub fn is_open(&self) -> bool {
        self.open
    }
    /// Opens the channel without a host, to try what can be said.
    pub fn open_for_trial(&mut self) {
        self.open = true;
        self.only_listens = false;
    }
    /// As after it was plugged in: closed, and nothing waits.
    pub fn restart(&mut self) {
        self.framer = Framer::default();
        self.open = false;
        self.only_listens = false;
        self.stamps = false;
        self.waiting.clear();
    }
    /// Takes bytes of the host in any chunking; answers go to `out`.
    pub fn feed(&mut self, bytes: &[u8], received: &mut Vec<Received>, out: &mut Vec<u8>) {
        let mut lines = Vec::new();
        self.framer.push(bytes, |line| lines.push(line));
        for line in lines {
            match line {
                Line::Frame(frame) if self.open && !self.only_listens => {
                    out.extend_from_slice(if frame.extended { b"Z\r" } else { b"z\r" });
                    self.hear(frame, received, out);
                }
                // An empty line is what a host sends to end what was half sent.
                Line::Done => out.push(b'\r'),
                Line::Word(word) => self.command(&word, out),
                Line::Frame(_) | Line::Sent | Line::Refused | Line::Flags(_) | Line::Noise(_) => out.push(BELL),
            }
        }
    }
    /// Says a message of the DBC file by the values of its signals; those not named are zero, of those that depend on another
    /// only the named. Nothing is said while the channel is closed. The error names what does not exist or does not fit.
    pub fn say(&mut self, message: &str, values: &[(&str, f64)], out: &mut Vec<u8>) -> Result<(), String> {
        let message = self.database.find(message).ok_or_else(|| format!("there is no message `{message}`"))?;
        let data = message.encode(values)?;
        let frame = CanFrame::new(message.id, message.extended, &data);
        self.say_frame(frame, out);
        Ok(())
    }
    /// Says a frame as it is.
    pub fn say_frame(&mut self, mut frame: CanFrame, out: &mut Vec<u8>) {
        if self.open {
            frame.stamp = self.stamps.then_some(0);
            frame.write(out);
        }
    }
    /// Answers a question; a long answer goes on when the one who asked says so.
    pub fn answer(&mut self, to: u32, bytes: &[u8], out: &mut Vec<u8>) {
        let mut frames = isotp::frames(to + 8, bytes);
        self.waiting = frames.split_off(1);
        for frame in frames {
            self.say_frame(frame, out);
        }
    }

    fn command(&mut self, word: &str, out: &mut Vec<u8>) {
        let good = match (word.as_bytes(), self.open) {
            ([b'S', b'0'..=b'8'], false) => true,
            ([mode @ (b'O' | b'L')], false) => {
                self.open = true;
                self.only_listens = *mode == b'L';
                true
            }
            ([b'C'], true) => {
                self.open = false;
                true
            }
            ([b'Z', on @ (b'0' | b'1')], false) => {
                self.stamps = *on == b'1';
                true
            }
            ([b'V'], _) => {
                out.extend_from_slice(format!("V{}", self.version).as_bytes());
                true
            }
            ([b'N'], _) => {
                out.extend_from_slice(format!("N{}", self.serial).as_bytes());
                true
            }
            ([b'F'], true) => {
                out.extend_from_slice(b"F00");
                true
            }
            _ => false,
        };
        out.push(if good { b'\r' } else { BELL });
    }

    fn hear(&mut self, frame: CanFrame, received: &mut Vec<Received>, out: &mut Vec<u8>) {
        if let Some(message) = self.database.by_id(frame.id, frame.extended).filter(|_| !frame.remote) {
            let values = message.decode(frame.bytes());
            let values = values.into_iter().map(|(signal, raw)| (signal.name.clone(), signal.value(raw))).collect();
            received.push(Received::Message { name: message.name.clone(), values });
            return;
        }
        let diagnostic = frame.id == FUNCTIONAL || (0x7E0..=0x7E7).contains(&frame.id);
        match frame.bytes() {
            [0x30..=0x3F, ..] if diagnostic => {
                for part in std::mem::take(&mut self.waiting) {
                    self.say_frame(part, out);
                }
            }
            [length @ 1..=7, rest @ ..] if diagnostic && rest.len() >= usize::from(*length) => {
                let to = if frame.id == FUNCTIONAL { 0x7E0 } else { frame.id };
                received.push(Received::Question { to, bytes: rest[..usize::from(*length)].to_vec() });
            }
            _ => received.push(Received::Other(frame)),
        }
    }
}
