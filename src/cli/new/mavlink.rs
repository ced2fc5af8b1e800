//! A rig of a vehicle that speaks MAVLink.

use super::draft::{Device, Draft};
use super::finding::Found;
use crate::codec::recognise::mavlink::{ask_version, message_names, version_uid};
use std::time::Duration;

/// How long a vehicle may take to say who it is.
const VERSION_WITHIN: Duration = Duration::from_millis(1_500);
/// MAV_AUTOPILOT_ARDUPILOTMEGA.
const ARDUPILOT: u8 = 3;

/// Signals that most autopilots tell: message, lines.
const SIGNALS: &[(&str, &str)] = &[
    ("HEARTBEAT", "armed:    { field: HEARTBEAT.base_mode, bit: 7, every: 1 s }"),
    (
        "ATTITUDE",
        "roll:     { field: ATTITUDE.roll, scale: 1 rad, unit: deg, range: -180 deg .. 180 deg, every: 100 ms }",
    ),
    (
        "ATTITUDE",
        "pitch:    { field: ATTITUDE.pitch, scale: 1 rad, unit: deg, range: -90 deg .. 90 deg, every: 100 ms }",
    ),
    (
        "ATTITUDE",
        "yaw:      { field: ATTITUDE.yaw, scale: 1 rad, unit: deg, range: -180 deg .. 180 deg, every: 100 ms }",
    ),
    (
        "LOCAL_POSITION_NED",
        "x:        { field: LOCAL_POSITION_NED.x, scale: 1 m, range: -1000 m .. 1000 m, every: 100 ms }",
    ),
    (
        "LOCAL_POSITION_NED",
        "y:        { field: LOCAL_POSITION_NED.y, scale: 1 m, range: -1000 m .. 1000 m, every: 100 ms }",
    ),
    (
        "LOCAL_POSITION_NED",
        "altitude: { field: LOCAL_POSITION_NED.z, scale: -1 m, range: -10 m .. 120 m, every: 100 ms }",
    ),
    (
        "GLOBAL_POSITION_INT",
        "height:   { field: GLOBAL_POSITION_INT.relative_alt, scale: 1 mm, unit: m, range: -10 m .. 120 m, every: 200 ms }",
    ),
    (
        "SYS_STATUS",
        "voltage:  { field: SYS_STATUS.voltage_battery, scale: 1 mV, unit: V, range: 0 V .. 60 V, every: 500 ms }",
    ),
    (
        "BATTERY_STATUS",
        "battery:  { field: BATTERY_STATUS.battery_remaining, scale: 1 %, range: 0 % .. 100 %, every: 1 s }",
    ),
];

/// Asks for its `AUTOPILOT_VERSION`, and takes the usual signals of the messages that it was heard to say.
pub fn draft(found: &mut Found, name: &str, (system, component): (u8, u8), autopilot: u8) -> Result<Draft, String> {
    let asked = ask_version(system, component);
    found.heard.extend(found.probe.ask(&asked, VERSION_WITHIN, |heard| version_uid(heard).is_some())?);
    let messages = message_names(&found.heard);
    let dialect = if autopilot == ARDUPILOT { "ardupilotmega" } else { "common" };
    let mut keys = vec![format!("protocol: {{ mavlink: {dialect}, system: {system}, component: {component} }}")];
    if let Some(uid) = version_uid(&found.heard) {
        keys.push(format!("identity: {{ AUTOPILOT_VERSION.uid: {uid:#x} }}"));
    }
    keys.push("heartbeat: { send: HEARTBEAT, every: 1 s }".to_owned());
    let heard = |message: &str| messages.iter().any(|name| name == message);
    // A vehicle that says little unasked tells more when it is asked for: then all of them are taken.
    let chatty = SIGNALS.iter().any(|(message, _)| *message != "HEARTBEAT" && heard(message));
    let taken = SIGNALS.iter().filter(|(message, _)| !chatty || heard(message));
    let signals = taken.map(|(_, line)| (*line).to_owned()).collect();
    Ok(Draft::of("telem", Device { name: name.to_owned(), keys, signals }))
}
