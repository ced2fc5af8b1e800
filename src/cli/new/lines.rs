//! A rig of whatever says lines of text by itself: a template for each shape of line, a signal for each number.

use super::draft::{Device, Draft, key, quoted};
use super::finding::timed_lines;
use crate::codec::recognise::pace::{self, Pace};
use crate::codec::recognise::shapes::shapes;
use crate::io::probe::Probe;
use std::time::Duration;

/// Long enough for what is said once a second to be said three times.
const LISTENED: Duration = Duration::from_millis(3_300);

/// Listens and infers.
pub fn draft(probe: &mut Probe, name: &str) -> Result<Draft, String> {
    let lines = timed_lines(probe, LISTENED, b"\r\n")?;
    let found = shapes(&lines);
    let mut keys = vec!["protocol:".to_owned(), "  lines:".to_owned()];
    let (mut signals, mut names) = (Vec::new(), Vec::<String>::new());
    for (place, shape) in found.iter().enumerate() {
        let message = format!("line_{}", place + 1);
        keys.push(format!("    {message}: {}   # such as {}", quoted(&shape.template), shape.example));
        for number in &shape.numbers {
            let signal = if names.contains(number) { format!("{number}_of_{message}") } else { number.clone() };
            let often = pace::keys(Pace::of(&shape.times_ms));
            signals.push(format!("{}: {{ field: {message}.{number}, scale: 1, {often} }}", key(&signal)));
            names.push(signal);
        }
    }
    if signals.is_empty() {
        return Err(
            "it said lines, and no number in them for three seconds: nothing can be made a signal of".to_owned()
        );
    }
    let mut draft = Draft::of("board_port", Device { name: name.to_owned(), keys, signals });
    draft.missing.push(
        "Not told: what the numbers mean. Give them names, a `scale` with a unit and a `range`; a word that changes can \
         become a signal with `states`."
            .to_owned(),
    );
    draft.missing.push(
        "Nothing was asked: which lines it understands is in its manual, `asks` and `commands` send them.".to_owned(),
    );
    Ok(draft)
}
