//! A rig of a receiver that says NMEA sentences.

use super::draft::{Device, Draft};
use super::finding::{pace_of, timed_lines};
use crate::codec::recognise::{pace, sentence_kind};
use crate::io::probe::Probe;
use std::time::Duration;

/// Long enough for a receiver that speaks once a second to speak three times.
const LISTENED: Duration = Duration::from_millis(3_300);

/// Signals of the sentences that tell where and how fast: sentence, name, keys behind the field.
const SIGNALS: &[(&str, &str, &str)] = &[
    ("GGA", "latitude", "field: GGA.latitude, scale: 1 deg, range: -90 deg .. 90 deg"),
    ("GGA", "longitude", "field: GGA.longitude, scale: 1 deg, range: -180 deg .. 180 deg"),
    ("GGA", "altitude", "field: GGA.altitude, scale: 1 m, range: -500 m .. 9000 m"),
    ("GGA", "fix", "field: GGA.quality, states: { NONE: 0, GPS: 1, DGPS: 2, PPS: 3, RTK: 4, FLOAT: 5, GUESSED: 6 }"),
    ("GGA", "satellites", "field: GGA.satellites, scale: 1, range: 0 .. 99"),
    ("RMC", "latitude", "field: RMC.latitude, scale: 1 deg, range: -90 deg .. 90 deg"),
    ("RMC", "longitude", "field: RMC.longitude, scale: 1 deg, range: -180 deg .. 180 deg"),
    ("RMC", "speed", "field: RMC.knots, scale: 0.514444 m/s, range: 0 m/s .. 100 m/s"),
    ("RMC", "valid", "field: RMC.valid, flag: true"),
    ("GLL", "latitude", "field: GLL.latitude, scale: 1 deg, range: -90 deg .. 90 deg"),
    ("GLL", "longitude", "field: GLL.longitude, scale: 1 deg, range: -180 deg .. 180 deg"),
    ("VTG", "speed", "field: VTG.knots, scale: 0.514444 m/s, range: 0 m/s .. 100 m/s"),
    ("HDT", "heading", "field: HDT.heading, scale: 1 deg, range: 0 deg .. 360 deg"),
];

/// Listens, and takes each value from the first sentence that tells it.
pub fn draft(probe: &mut Probe, name: &str) -> Result<Draft, String> {
    let lines = timed_lines(probe, LISTENED, b"\n")?;
    let mut signals = Vec::new();
    let mut named: Vec<&str> = Vec::new();
    for (sentence, signal, keys) in SIGNALS {
        let comes = |line: &str| sentence_kind(line) == Some(sentence);
        if named.contains(signal) || !lines.iter().any(|(_, line)| comes(line)) {
            continue;
        }
        named.push(signal);
        signals.push(format!("{signal}: {{ {keys}, {} }}", pace::keys(pace_of(&lines, comes))));
    }
    if signals.is_empty() {
        let mut kinds: Vec<&str> = lines.iter().filter_map(|(_, line)| sentence_kind(line)).collect();
        kinds.sort_unstable();
        kinds.dedup();
        return Err(format!(
            "it says NMEA sentences, and none that tells a place, a speed or a heading (heard: {}); docs/nmea.md lists what can be \
             read",
            kinds.join(", ")
        ));
    }
    Ok(Draft::of("receiver_port", Device { name: name.to_owned(), keys: vec!["protocol: nmea".to_owned()], signals }))
}
