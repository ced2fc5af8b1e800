//! A rig of what is behind an SLCAN adapter, made by listening to the bus without a word on it.

use super::draft::{Device, Draft, key, quoted};
use super::finding::{put, timed_lines};
use crate::codec::can::dbc::Database;
use crate::codec::can::slcan::{BELL, CanFrame, Framer, Line};
use crate::codec::recognise::further::{SLCAN_BIT_RATES, SLCAN_CLOSE, SLCAN_LISTEN, SLCAN_SERIAL};
use crate::codec::recognise::pace::{self, Pace};
use crate::io::probe::Probe;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

/// A bus that is used says something within this time.
const BUSY_WITHIN: Duration = Duration::from_millis(500);
/// How long it is listened to then.
const LISTENED: Duration = Duration::from_millis(2_000);
/// What setting a bit rate may take.
const SET_WITHIN: Duration = Duration::from_millis(200);
/// Most signals of a rig file; the DBC file has the rest.
const SIGNALS_MAX: usize = 40;
/// The DBC file's name beside the rig file.
const DBC: &str = "bus.dbc";

/// What the person said of the bus.
pub struct Bus<'a> {
    pub bit_rate: Option<u32>,
    pub dbc: Option<&'a Path>,
}

/// Frames of one identifier.
#[derive(Default)]
struct Heard {
    length: usize,
    times_ms: Vec<u64>,
    first: Vec<u8>,
    /// Which bytes were not the same in every frame.
    changes: [bool; 8],
}

type Identifiers = BTreeMap<(bool, u32), Heard>;

/// Finds the bit rate, listens, and writes down what was heard, by the names of a DBC file where there is one.
pub fn draft(probe: &mut Probe, name: &str, version: &str, bus: &Bus<'_>) -> Result<Draft, String> {
    let known = bus.dbc.map(read_dbc).transpose()?;
    // An open channel refuses a bit rate; whether this one was open does not matter.
    put(probe, &SLCAN_CLOSE, answered)?;
    let serial = serial(&put(probe, &SLCAN_SERIAL, answered)?);
    let (bit_rate, lines) = listen(probe, bus.bit_rate)?;
    let heard = identifiers(&lines);
    let (text, mut signals) = match &known {
        Some((text, database)) => (text.clone(), named(database, &heard)),
        None => (made(&heard), plain(&heard)),
    };
    if signals.is_empty() {
        return Err(format!(
            "{} identifiers were heard at {bit_rate} bit/s, and {}",
            heard.len(),
            if known.is_some() { "the DBC file names none of them" } else { "none of them carried a byte" }
        ));
    }
    let serial = serial.map_or_else(String::new, |serial| format!(", serial: \"{serial}\""));
    let keys = vec![
        format!("protocol: {{ slcan: {DBC}, bit_rate: {bit_rate} }}"),
        format!("identity: {{ version: \"{version}\"{serial} }}"),
    ];
    let left_out = signals.len().saturating_sub(SIGNALS_MAX);
    signals.truncate(SIGNALS_MAX);
    let mut draft = Draft::of("can", Device { name: name.to_owned(), keys, signals });
    if left_out > 0 {
        draft.missing.push(format!("{left_out} more values are in {DBC} and not among the signals."));
    }
    draft.missing.push(if known.is_some() {
        "Numbers are in the DBC file's own units: `scale: 1 m/s` says what one of them is; give each a `range`.".to_owned()
    } else {
        format!("{DBC} was made by listening: each byte is a number of its own. Only the car's maker can say what they mean.")
    });
    draft.missing.push(
        "Only `rigs new` listens without a word: `monitor`, `doctor` and runs open the channel, so that the adapter acknowledges."
            .to_owned(),
    );
    draft.beside.push((DBC.to_owned(), text));
    Ok(draft)
}

fn read_dbc(path: &Path) -> Result<(String, Database), String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let database =
        Database::read(&text).map_err(|why| format!("{}, line {}: {}", path.display(), why.line, why.what))?;
    Ok((text, database))
}

/// It did what it was told, or refused.
fn answered(heard: &[u8]) -> bool {
    heard.iter().any(|byte| matches!(*byte, b'\r' | BELL))
}

/// `NA123`: the serial number.
fn serial(heard: &[u8]) -> Option<String> {
    let (mut framer, mut found) = (Framer::default(), None);
    framer.push(heard, |line| {
        if let Line::Word(word) = line
            && let Some(serial) = word.strip_prefix('N').filter(|serial| !serial.is_empty())
        {
            found = Some(serial.to_owned());
        }
    });
    found
}

/// The bit rate at which frames come, and the lines that came; the channel is closed again.
fn listen(probe: &mut Probe, wanted: Option<u32>) -> Result<(u32, Vec<(u64, String)>), String> {
    let rates = SLCAN_BIT_RATES.iter().filter(|(rate, _)| wanted.is_none_or(|wanted| wanted == *rate));
    let mut refused = true;
    for (rate, line) in rates {
        probe.ask(line, SET_WITHIN, answered)?;
        let opened = put(probe, &SLCAN_LISTEN, answered)?;
        if !opened.contains(&b'\r') {
            continue;
        }
        refused = false;
        let busy = probe.ask(b"", BUSY_WITHIN, |heard| frames(heard) > 0)?;
        let lines = if frames(&busy) > 0 { timed_lines(probe, LISTENED, b"\r")? } else { Vec::new() };
        put(probe, &SLCAN_CLOSE, answered)?;
        if frames(&busy) > 0 {
            return Ok((*rate, lines));
        }
    }
    Err(if refused {
        "the adapter opens no channel that only listens (`L`), and one that does more may disturb a bus whose bit rate \
         nobody knows: docs/can.md says how its rig file is written"
            .to_owned()
    } else {
        "no frame came over the bus at any bit rate that was tried: is it connected, ended by its resistors, and does anything \
         on it speak?"
            .to_owned()
    })
}

fn frames(heard: &[u8]) -> usize {
    let (mut framer, mut count) = (Framer::default(), 0);
    framer.push(heard, |line| count += usize::from(matches!(line, Line::Frame(_))));
    count
}

fn frame(line: &str) -> Option<CanFrame> {
    let (mut framer, mut found) = (Framer::default(), None);
    framer.push(format!("{line}\r").as_bytes(), |line| {
        if let Line::Frame(frame) = line {
            found = Some(frame);
        }
    });
    found
}

fn identifiers(lines: &[(u64, String)]) -> Identifiers {
    let mut all = Identifiers::new();
    for (at, frame) in lines.iter().filter_map(|(at, line)| Some((*at, frame(line)?))) {
        if frame.remote {
            continue;
        }
        let one = all.entry((frame.extended, frame.id)).or_default();
        if one.times_ms.is_empty() {
            one.first = frame.bytes().to_vec();
        }
        one.times_ms.push(at);
        one.length = one.length.max(frame.bytes().len());
        for (place, byte) in frame.bytes().iter().enumerate() {
            one.changes[place] |= one.first.get(place) != Some(byte);
        }
    }
    all
}

fn message(extended: bool, id: u32) -> String {
    if extended { format!("Id_{id:08X}") } else { format!("Id_{id:03X}") }
}

/// A DBC file in which every byte is a number.
fn made(heard: &Identifiers) -> String {
    let mut text = "VERSION \"\"\n\nNS_ :\n\nBS_:\n\nBU_: BUS\n".to_owned();
    for ((extended, id), one) in heard {
        // Bit 31 marks an identifier of 29 bits in a DBC file.
        let number = if *extended { id | 0x8000_0000 } else { *id };
        let _ = write!(text, "\nBO_ {number} {}: {} BUS\n", message(*extended, *id), one.length);
        for place in 0..one.length {
            let _ = writeln!(text, " SG_ Byte{place} : {}|8@1+ (1,0) [0|255] \"\" BUS", place * 8);
        }
    }
    text
}

/// The bytes that changed, and the first of a frame in which none did.
fn plain(heard: &Identifiers) -> Vec<String> {
    let mut signals = Vec::new();
    for ((extended, id), one) in heard {
        let often = pace::keys(Pace::of(&one.times_ms));
        let none = !one.changes.contains(&true);
        for place in (0..one.length).filter(|place| one.changes[*place] || (none && *place == 0)) {
            let name = message(*extended, *id);
            signals.push(format!(
                "{}_{place}: {{ field: {name}.Byte{place}, scale: 1, range: 0 .. 255, {often} }}",
                name.to_ascii_lowercase()
            ));
        }
    }
    signals
}

/// The signals of the messages that were heard and are in the file.
fn named(database: &Database, heard: &Identifiers) -> Vec<String> {
    let mut signals = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for ((extended, id), one) in heard {
        let Some(def) = database.by_id(*id, *extended) else { continue };
        for signal in &def.signals {
            let short = signal.name.to_ascii_lowercase();
            let name =
                if names.contains(&short) { format!("{}_{short}", def.name.to_ascii_lowercase()) } else { short };
            // One that depends on another comes when that one says so.
            let pace = Pace::of(&one.times_ms).filter(|_| signal.when.is_none());
            let unit = if signal.unit.is_empty() { String::new() } else { format!("   # in {}", quoted(&signal.unit)) };
            let often = pace::keys(pace);
            signals.push(format!("{}: {{ field: {}.{}, scale: 1, {often} }}{unit}", key(&name), def.name, signal.name));
            names.push(name);
        }
    }
    signals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dbc_file_made_of_what_was_heard_reads_it_back() {
        let lines: Vec<(u64, String)> =
            [(0, "t10021133"), (20, "t10021134"), (40, "T1ABCDEF018F"), (60, "r1002"), (70, "V1013")]
                .map(|(at, line)| (at, line.to_owned()))
                .into();
        let heard = identifiers(&lines);
        let database = Database::read(&made(&heard)).expect("it reads");
        assert_eq!(database.messages.len(), 2);
        let short = database.by_id(0x100, false).expect("it was heard");
        let values: Vec<f64> = short.decode(&[0x11, 0x34]).into_iter().map(|(def, raw)| def.value(raw)).collect();
        assert_eq!(values, [17.0, 52.0]);
        assert!(database.by_id(0x1ABC_DEF0, true).is_some());
        let wanted = [
            "id_100_1: { field: Id_100.Byte1, scale: 1, range: 0 .. 255, every: 20 ms, stale_after: 200 ms }",
            "id_1abcdef0_0: { field: Id_1ABCDEF0.Byte0, scale: 1, range: 0 .. 255, every: change }",
        ];
        assert_eq!(plain(&heard), wanted);
        assert_eq!(serial(b"\x07NA123\r"), Some("A123".into()));
    }
}
