//! A rig of a car behind an ELM327: the `lines` codec with questions of OBD-II that read.

use super::draft::{Device, Draft, quoted};
use super::finding::put;
use crate::codec::recognise::further::ELM327;
use crate::io::probe::Probe;

/// What a question of service 01 is the rig's: message, question, how often, and the signal's keys behind its field.
const VALUES: [(&str, &str, &str, &str); 3] = [
    ("engine", "010C", "200 ms", "scale: 0.25, range: 0 .. 16384"),
    ("speed", "010D", "200 ms", "scale: 1 km/h, range: 0 km/h .. 255 km/h"),
    ("coolant", "0105", "500 ms", "scale: 1 degC, offset: -40 degC, range: -40 degC .. 215 degC"),
];

/// Asks the adapter for its voltage and the car for three values; those that come are taken.
pub fn draft(probe: &mut Probe, name: &str, version: &str) -> Result<Draft, String> {
    let mut answers = Vec::new();
    for question in ELM327 {
        let heard = put(probe, &question, |heard| heard.contains(&b'>'))?;
        answers.push((question.bytes, String::from_utf8_lossy(&heard).into_owned()));
    }
    let answer_to = |wanted: &str| {
        let found = answers.iter().find(|(bytes, _)| bytes.strip_suffix(b"\r") == Some(wanted.as_bytes()));
        found.map_or("", |(_, text)| text.as_str())
    };
    let says = |question: &str, wanted: &dyn Fn(&str) -> bool| {
        answer_to(question).split(['\r', '\n', '>']).map(str::trim).any(wanted)
    };
    let (mut messages, mut asks, mut signals, mut silent) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    if says("ATRV", &|line| line.strip_suffix('V').is_some_and(|volts| volts.parse::<f64>().is_ok())) {
        messages.push("voltage: '/(?<volts>[0-9.]+)V/'".to_owned());
        asks.push("voltage: { send: ATRV, every: 1 s }".to_owned());
        signals.push(
            "voltage: { field: voltage.volts, scale: 1 V, range: 0 V .. 30 V, every: 1 s, stale_after: 4 s }"
                .to_owned(),
        );
    }
    for (value, question, every, keys) in VALUES {
        let digits = format!("41{}", &question[2..]);
        if !says(question, &|line| line.replace(' ', "").starts_with(&digits)) {
            silent.push(format!("{value} ({question})"));
            continue;
        }
        // Service 01 answers with 41; the digits behind are the data (SAE J1979), with blanks between or without.
        messages.push(format!("{value}: '/41 ?{} ?(?<data>[0-9A-F ]+)/'", &question[2..]));
        asks.push(format!("{value}: {{ send: '{question}', every: {every} }}"));
        signals.push(format!("{value}: {{ field: \"{value}.data:hex\", {keys}, every: {every}, stale_after: 4 s }}"));
    }
    if signals.is_empty() {
        return Err("the adapter was recognised, and tells neither its voltage nor anything of a car".to_owned());
    }
    let number = version.strip_prefix("ELM327").map(str::trim).filter(|number| !number.contains(char::is_whitespace));
    let mut keys = vec!["protocol:".to_owned(), "  lines:".to_owned()];
    let shown =
        if number.is_some() { "ELM327 {number}".to_owned() } else { version.replace('{', "{{").replace('}', "}}") };
    keys.push(format!("    version: {}", quoted(&shown)));
    keys.extend(messages.iter().map(|line| format!("    {line}")));
    for line in ["echo_off: OK", "searching: '/SEARCHING\\.\\.\\..*/'", "unknown: '?'", "no_data: NO DATA"] {
        keys.push(format!("    {line}"));
    }
    keys.push("  asks:".to_owned());
    keys.push("    echo_off: { send: ATE0, every: 10 s }".to_owned());
    keys.push("    version: { send: ATI, every: 10 s }".to_owned());
    keys.extend(asks.iter().map(|line| format!("    {line}")));
    // A byte before the prompt would end what the adapter is doing.
    keys.extend(["  ends: cr", "  prompt: '>'", "  within: 2 s"].map(str::to_owned));
    if let Some(number) = number {
        keys.push(format!("identity: {{ version.number: {} }}", quoted(number)));
    }
    let mut draft = Draft::of("socket", Device { name: name.to_owned(), keys, signals });
    if !silent.is_empty() {
        let list = silent.join(", ");
        draft.missing.push(format!("Not answered by the car, perhaps because its ignition is off: {list}."));
    }
    draft.missing.push("`engine` is in turns a minute. Nothing here is a command: this rig can only look.".to_owned());
    Ok(draft)
}
