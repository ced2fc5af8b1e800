//! A rig of whatever says JSON objects by itself, one on a line: a signal for each value.

use super::draft::{Device, Draft, key, quoted};
use super::finding::timed_lines;
use crate::codec::recognise::objects::{Kind, identifier, messages};
use crate::codec::recognise::pace::{self, Pace};
use crate::io::probe::Probe;
use std::time::Duration;

/// Long enough for what is said once a second to be said three times.
const LISTENED: Duration = Duration::from_millis(3_300);

/// Listens and infers.
pub fn draft(probe: &mut Probe, name: &str) -> Result<Draft, String> {
    let lines = timed_lines(probe, LISTENED, b"\r\n")?;
    let found = messages(&lines);
    let mut keys = vec!["protocol:".to_owned(), "  json:".to_owned()];
    let (mut facts, mut signals, mut names) = (Vec::new(), Vec::new(), Vec::<String>::new());
    for message in &found {
        let known = match &message.with {
            Some((key, word)) => format!("{{ with: {{ {}: {} }} }}", quoted(key), quoted(word)),
            None => "{}".to_owned(),
        };
        keys.push(format!("    {}: {known}   # such as {}", message.name, message.example));
        for value in &message.values {
            let field = quoted(&format!("{}#{}", message.name, value.pointer));
            let what = match &value.kind {
                Kind::Identity(text) => {
                    facts.push(format!("{field}: {}", quoted(text)));
                    continue;
                }
                Kind::Number => "scale: 1".to_owned(),
                Kind::Flag => "flag: true".to_owned(),
                Kind::Words(words) => states(words),
            };
            let mut signal = identifier(&value.pointer).to_lowercase();
            while names.contains(&signal) {
                signal = format!("{signal}_of_{}", message.name);
            }
            let often = pace::keys(Pace::of(&value.times_ms));
            signals.push(format!("{}: {{ field: {field}, {what}, {often} }}", key(&signal)));
            names.push(signal);
        }
    }
    if signals.is_empty() {
        return Err("it said objects, and no value in them for three seconds that could be a signal".to_owned());
    }
    if !facts.is_empty() {
        keys.push(format!("identity: {{ {} }}", facts.join(", ")));
    }
    let mut draft = Draft::of("board_port", Device { name: name.to_owned(), keys, signals });
    draft.missing.push(
        "Not told: what the numbers mean. Give each a `scale` with its unit and a `range`; states have the words that were heard."
            .to_owned(),
    );
    draft
        .missing
        .push("Nothing was asked: which objects it understands is in its manual, `hears`, `asks` and `commands` send them (docs/json.md).".to_owned());
    Ok(draft)
}

/// `states: { OPEN: 'open' }`, each word under a name of its own.
fn states(words: &[String]) -> String {
    let mut names: Vec<String> = Vec::new();
    for word in words {
        let mut name = identifier(word).to_uppercase();
        while names.contains(&name) {
            name.push('_');
        }
        names.push(name);
    }
    let pairs: Vec<String> =
        names.iter().zip(words).map(|(name, word)| format!("\"{name}\": {}", quoted(word))).collect();
    format!("states: {{ {} }}", pairs.join(", "))
}
