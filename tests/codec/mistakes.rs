//! Mistakes in a configuration are all told at once, each where it stands.

use super::mavlink_bench::{ALTITUDE, config, signal, text};
use checkrein::codec::mavlink::DialectSource;
use checkrein::codec::{ConfigSite, Decode, FieldValue, Protocol, build};
use checkrein::time::Span;

#[test]
fn every_mistake_of_a_mavlink_device_is_told_where_it_stands() {
    let mut config = config();
    let number = FieldValue::Number;
    let device = &mut config.devices[0];
    let commands = &mut device.commands;
    commands[0].with = vec![
        ("comand".into(), text("MAV_CMD_NAV_LAND")),
        ("command".into(), text("MAV_CMD_NAV_LANDD")),
        ("confirmation".into(), number(300.0)),
        ("target_system".into(), number(1.5)),
        ("param1".into(), number(1.0)),
        ("param1".into(), number(1.0)),
    ];
    commands[1].send = "SET_POSITION_TARGET_LOCAL_NET".into();
    commands[2].ack = Some("MISSION_ACK".into());
    commands[4].with =
        vec![("param_id".into(), number(3.0)), ("param_id[2]".into(), text("a name far too long for it"))];
    device.signals = [
        ("ATTITUD.roll", Decode::Number),
        ("ATTITUDE.rol", Decode::Number),
        ("ATTITUDE", Decode::Number),
        ("ATTITUDE.roll", Decode::States(vec![(0, 0)])),
        ("ATTITUDE.roll", Decode::Bit(3)),
        ("HEARTBEAT.base_mode", Decode::Bit(8)),
        ("HEARTBEAT.base_mode", Decode::States(vec![(256, 0)])),
        ("HEARTBEAT.base_mode", Decode::States(vec![(1, 0), (1, 1)])),
        ("HEARTBEAT.base_mode", Decode::NamedStates(vec![("ON".into(), 0)])),
        ("BATTERY_STATUS.voltages[10]", Decode::Number),
        ("BATTERY_STATUS.voltages", Decode::Number),
        ("ATTITUDE.roll[0]", Decode::Number),
        ("BATTERY_STATUS.voltages[x]", Decode::Number),
        ("STATUSTEXT.text", Decode::Number),
    ]
    .into_iter()
    .map(|(field, decode)| signal(ALTITUDE, field, 1.0, decode, None))
    .collect();
    device.identity = vec![
        ("AUTOPILOT_VERSION.uuid".into(), number(1.0)),
        ("AUTOPILOT_VERSION.vendor_id".into(), number(70000.0)),
        ("HEARTBEAT.autopilot".into(), text("MAV_AUTOPILOT_PX5")),
    ];
    device.heartbeat = Some(("MANUAL_CONTROL".into(), Span::from_secs(1)));
    let problems = build(&config).err().expect("mistakes");
    let told: Vec<_> = problems
        .iter()
        .map(|p| {
            format!("{:?}: {}{}", p.site, p.message, p.remedy.as_ref().map_or(String::new(), |r| format!(" — {r}")))
        })
        .collect();
    let wanted = [
        "Heartbeat: `MANUAL_CONTROL` cannot be sent as a heartbeat — send HEARTBEAT",
        "Signal(0): message `ATTITUD` is not in the dialect — did you mean `ATTITUDE`?",
        "Signal(1): message `ATTITUDE` has no field `rol` — did you mean `roll`?",
        "Signal(2): `ATTITUDE` names no field of a message — write MESSAGE.field, such as ATTITUDE.roll",
        "Signal(3): states of `ATTITUDE.roll`, which is no whole number — map it to a number with a unit",
        "Signal(4): bit 3 of `ATTITUDE.roll`, which is no whole number",
        "Signal(5): bit 8 of `HEARTBEAT.base_mode`, which has bits 0 to 7",
        "Signal(6): state 256 cannot occur: `HEARTBEAT.base_mode` holds 0 to 255",
        "Signal(7): two states of `HEARTBEAT.base_mode` have the same number 1",
        "Signal(8): states of `HEARTBEAT.base_mode` are numbers on the wire, not texts",
        "Signal(9): field `voltages` of `BATTERY_STATUS` has elements 0 to 9, not 10",
        "Signal(10): field `voltages` of `BATTERY_STATUS` is an array: say which element, as in `voltages[0]`",
        "Signal(11): field `roll` of `ATTITUDE` is no array",
        "Signal(12): `voltages[x]` does not end in a whole number in brackets, as `voltages[0]` does",
        "Signal(13): `STATUSTEXT.text` is a text, not a number",
        "Identity(0): message `AUTOPILOT_VERSION` has no field `uuid` — did you mean `uid`?",
        "Identity(1): field `vendor_id` holds 0 to 65535, not 70000",
        "Identity(2): `MAV_AUTOPILOT_PX5` is no entry of an enum of the dialect — did you mean `MAV_AUTOPILOT_PX4`?",
        "CommandField(0, 0): message `COMMAND_LONG` has no field `comand` — did you mean `command`?",
        "CommandField(0, 1): `MAV_CMD_NAV_LANDD` is no entry of an enum of the dialect — did you mean `MAV_CMD_NAV_LAND`?",
        "CommandField(0, 2): field `confirmation` holds 0 to 255, not 300",
        "CommandField(0, 3): field `target_system` holds whole numbers, not 1.5",
        "CommandField(0, 5): field `param1` is given twice",
        "Command(1): message `SET_POSITION_TARGET_LOCAL_NET` is not in the dialect — did you mean `SET_POSITION_TARGET_LOCAL_NED`?",
        "Command(2): `MISSION_ACK` acknowledges no command — write COMMAND_ACK, or leave `ack` out",
        "CommandField(4, 0): field `param_id` is a text, not a number",
        "CommandField(4, 1): `a name far too long for it` is longer than the 16 bytes of `param_id[2]`",
    ];
    for (told, wanted) in told.iter().zip(wanted) {
        assert_eq!(told, wanted);
    }
    assert_eq!(told.len(), wanted.len(), "{told:#?}");
}

#[test]
fn devices_of_one_link_agree_on_protocol_and_dialect() {
    let mut config = config();
    let mut same = config.devices[0].clone();
    same.name = "twice".into();
    let mut other = same.clone();
    other.protocol = Protocol::Mavlink { dialect: DialectSource::Common, system: 2, component: 1 };
    let mut json = same.clone();
    json.protocol = Protocol::Json;
    config.devices.extend([same, other, json]);
    let problems = build(&config).err().expect("mistakes");
    let told: Vec<_> = problems.iter().map(|p| p.message.as_str()).collect();
    assert_eq!(
        told,
        [
            "another dialect than that of `fc` on the same link",
            "a link that speaks MAVLink cannot carry JSON",
            "system 1, component 1 is the address of another device of this link",
        ]
    );
}

#[test]
fn a_dialect_that_cannot_be_read_is_the_only_thing_told() {
    let mut config = config();
    let xml = DialectSource::Xml(vec![("mine.xml".into(), "<mavlink>\n<messages>".into())]);
    config.devices[0].protocol = Protocol::Mavlink { dialect: xml, system: 1, component: 1 };
    let problems = build(&config).err().expect("a mistake");
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].site, ConfigSite::Protocol);
    assert!(problems[0].message.starts_with("the dialect cannot be read: `mine.xml` line "), "{problems:?}");
}
