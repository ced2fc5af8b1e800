//! Asking the port, speed by speed, until something is recognised.

use crate::codec::modbus::Table;
use crate::codec::recognise::{QUESTIONS, Question, Recognised, lines, modbus, pace::Pace, recognise, shapes};
use crate::io::probe::Probe;
use crate::rig::{Flow, Parity, PortName, SerialDef};
use std::time::{Duration, Instant};

/// Speeds that are tried, the likeliest first. Pseudo-terminals and USB boards take any.
const BAUDS: [u32; 6] = [115_200, 57_600, 921_600, 9_600, 38_400, 19_200];
/// Whoever says lines unasked is listened to for so long before anything is asked: a line board may take a question for an order.
const LINES_LISTENED: Duration = Duration::from_millis(2_000);

/// What was found on the port, with the port still open.
pub struct Found {
    pub what: Recognised,
    pub baud: u32,
    pub probe: Probe,
    /// Everything that was heard until then, and the last answer.
    pub heard: Vec<u8>,
}

/// Asks until something is recognised; the error says what was asked.
pub fn find(port: &str, baud: Option<u32>, parity: Parity) -> Result<Found, String> {
    let bauds = baud.map_or_else(|| BAUDS.to_vec(), |baud| vec![baud]);
    let mut answered = None;
    for baud in bauds {
        let def = SerialDef { port: PortName::Path(port.to_owned()), baud, parity, flow: Flow::None, stop_bits: 1 };
        let mut probe = Probe::open(&def)?;
        if let Some((what, heard)) = at_speed(&mut probe, &mut answered)? {
            return Ok(Found { what, baud, probe, heard });
        }
    }
    let asked: Vec<&str> = QUESTIONS.iter().skip(1).map(|question| question.of).collect();
    let lines = answered.map_or_else(String::new, |line| {
        format!(
            "; it answers in lines of text, such as `{line}`, and says none unasked: which questions it knows must be written \
             by hand (docs/lines.md)"
        )
    });
    Err(format!(
        "nothing on {port} was recognised: it said nothing of MAVLink unasked, and answered no question of {}{lines}",
        asked.join(", ")
    ))
}

/// Asks at one speed. `answered`: a line that was said to a question, of whatever kind.
fn at_speed(probe: &mut Probe, answered: &mut Option<String>) -> Result<Option<(Recognised, Vec<u8>)>, String> {
    for question in QUESTIONS {
        let mut heard = put(probe, question, |heard| recognise(heard).is_some())?;
        if let Some(what) = recognise(&heard) {
            return Ok(Some((what, heard)));
        }
        let Some(Recognised::Lines(line)) = lines(&heard) else { continue };
        if !question.bytes.is_empty() {
            answered.get_or_insert(line);
            continue;
        }
        heard.extend(probe.ask(b"", LINES_LISTENED, |more| recognise(more).is_some())?);
        if let Some(what) = recognise(&heard).or_else(|| goes_on(&heard)) {
            return Ok(Some((what, heard)));
        }
    }
    // The first unit was asked with the rest.
    for unit in modbus::UNITS.skip(1) {
        let bytes = modbus::read(unit, Table::Holding, 0, 2);
        let heard = probe.ask(&bytes, Duration::from_millis(modbus::ANSWER_MS), |heard| recognise(heard).is_some())?;
        if let Some(what) = recognise(&heard) {
            return Ok(Some((what, heard)));
        }
    }
    Ok(None)
}

/// Lines that come again and again with numbers in them; a banner comes once.
fn goes_on(heard: &[u8]) -> Option<Recognised> {
    let what = lines(heard)?;
    let text = String::from_utf8_lossy(heard);
    let whole: Vec<(u64, String)> = text.lines().map(|line| (0, line.trim().to_owned())).collect();
    let again = shapes::shapes(&whole).iter().any(|shape| !shape.numbers.is_empty() && shape.times_ms.len() > 1);
    again.then_some(what)
}

/// Sends a question and gives what is heard until it is enough, or the question's time is over.
pub fn put(probe: &mut Probe, question: &Question, enough: impl FnMut(&[u8]) -> bool) -> Result<Vec<u8>, String> {
    probe.ask(question.bytes, Duration::from_millis(question.wait_ms), enough)
}

/// Listens for so long, and gives what ends in one of these bytes with the time of its end in milliseconds. What was begun
/// before is left out.
pub fn timed_lines(probe: &mut Probe, long: Duration, ends: &[u8]) -> Result<Vec<(u64, String)>, String> {
    let begun = Instant::now();
    let mut marks: Vec<(usize, u64)> = Vec::new();
    let heard = probe.ask(b"", long, |heard| {
        marks.push((heard.len(), begun.elapsed().as_millis() as u64));
        false
    })?;
    let at = |place: usize| marks.iter().find(|(length, _)| place < *length).map_or(0, |(_, at)| *at);
    let mut lines = Vec::new();
    let mut from = 0;
    for (place, _) in heard.iter().enumerate().filter(|(_, byte)| ends.contains(byte)) {
        // Pieces are cut at single bytes of ASCII, so text stays whole.
        let line = String::from_utf8_lossy(&heard[from..place]).trim().to_owned();
        if from > 0 && !line.is_empty() {
            lines.push((at(place), line));
        }
        from = place + 1;
    }
    Ok(lines)
}

/// The pace of those lines that are wanted.
pub fn pace_of(lines: &[(u64, String)], wanted: impl Fn(&str) -> bool) -> Option<Pace> {
    let times: Vec<u64> = lines.iter().filter(|(_, line)| wanted(line)).map(|(at, _)| *at).collect();
    Pace::of(&times)
}
