//! MAVLink by its heartbeat, and the one question that is asked of a vehicle.

use super::Recognised;
use crate::codec::mavlink::DialectSource;
use crate::codec::mavlink::device::{Received, Vehicle};

/// Bytes that ask a vehicle for `AUTOPILOT_VERSION`: what a run asks for an identity.
pub fn ask_version(system: u8, component: u8) -> Vec<u8> {
    let mut out = Vec::new();
    let fields = [
        ("target_system", f64::from(system)),
        ("target_component", f64::from(component)),
        // MAV_CMD_REQUEST_MESSAGE for AUTOPILOT_VERSION.
        ("command", 512.0),
        ("param1", 148.0),
    ];
    if let Ok(mut us) = Vehicle::new(&DialectSource::Common, 255, 190) {
        // COMMAND_LONG and these fields are of the built-in dialect.
        let _ = us.send("COMMAND_LONG", &fields, &[], &mut out);
    }
    out
}

/// The `uid` of an `AUTOPILOT_VERSION` among the bytes, where it has one.
pub fn version_uid(bytes: &[u8]) -> Option<u64> {
    let version = received(bytes).into_iter().find(|received| received.name == "AUTOPILOT_VERSION")?;
    let uid = version.number("uid")?;
    (uid > 0.0).then_some(uid as u64)
}

/// Names of MAVLink messages among the bytes.
pub fn message_names(bytes: &[u8]) -> Vec<String> {
    let mut names: Vec<String> = received(bytes).into_iter().map(|received| received.name).collect();
    names.sort();
    names.dedup();
    names
}

fn received(bytes: &[u8]) -> Vec<Received> {
    let mut heard = Vec::new();
    if bytes.iter().any(|byte| matches!(byte, 0xFD | 0xFE))
        && let Ok(mut ears) = Vehicle::new(&DialectSource::Common, 255, 190)
    {
        ears.feed(bytes, &mut heard);
    }
    heard
}

/// A heartbeat of an autopilot; ground stations and cameras have MAV_AUTOPILOT_INVALID (8).
pub(super) fn recognise(bytes: &[u8]) -> Option<Recognised> {
    received(bytes).iter().find_map(|received| {
        let number = |field| received.number(field).map(|number| number as u8);
        let autopilot = number("autopilot").filter(|autopilot| *autopilot != 8)?;
        (received.name == "HEARTBEAT").then_some(Recognised::Mavlink {
            system: received.system,
            component: received.component,
            vehicle: number("type")?,
            autopilot,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_of_an_autopilot_is_recognised_and_one_of_a_ground_station_is_not() {
        for (autopilot, wanted) in [(3.0, true), (8.0, false)] {
            let mut vehicle = Vehicle::new(&DialectSource::Common, 7, 1).expect("the built-in dialect loads");
            let mut bytes = vec![0xFD, 0x00, 0xFE];
            let fields = [("type", 2.0), ("autopilot", autopilot)];
            vehicle.send("HEARTBEAT", &fields, &[], &mut bytes).expect("the message is known");
            let found = recognise(&bytes);
            let right = Recognised::Mavlink { system: 7, component: 1, vehicle: 2, autopilot: 3 };
            assert_eq!(found, wanted.then_some(right));
        }
    }
}
