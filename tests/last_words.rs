//! What watchdogs and brokers are told to say for a dead harness, worked out from whole plans.

mod common;

use checkrein::diag::Files;
use checkrein::io::climb::Setup;
use checkrein::io::last_words::{watchdog, wills};
use checkrein::scenario::plan::{Mode, Plan};
use checkrein::scenario::{Request, check};
use checkrein::wire::LinkId;
use std::time::Duration;

/// Two machines on one serial link, one on a broker that comes after both; every command is `harmless` or guarded.
const RIG: &str = "\
rig: yard
about: Two vehicles on one radio and a gate on a broker.
envelope: envelope.yaml
links:
  radio: { serial: /dev/serial/by-id/usb-radio, baud: 57600 }
  bus: { mqtt: embedded }
devices:
  one:
    link: radio
    protocol: { mavlink: ardupilotmega, system: 1, component: 1 }
    signals:
      armed: { field: HEARTBEAT.base_mode, bit: 7, every: 200 ms }
    commands:
      arm:  { send: COMMAND_LONG, with: { command: MAV_CMD_COMPONENT_ARM_DISARM, param1: 1 } }
      land: { send: COMMAND_LONG, with: { command: MAV_CMD_NAV_LAND }, harmless: true }
      halt: { send: COMMAND_LONG, with: { command: MAV_CMD_COMPONENT_ARM_DISARM, param1: 0 }, harmless: true }
      kill: { send: COMMAND_LONG, with: { command: MAV_CMD_DO_FLIGHTTERMINATION, param1: 1 }, harmless: true }
    safe: not one.armed
    ladder: RUNGS
  two:
    link: radio
    protocol: { mavlink: ardupilotmega, system: 2, component: 1 }
    signals:
      armed: { field: HEARTBEAT.base_mode, bit: 7, every: 200 ms }
    commands:
      arm:  { send: COMMAND_LONG, with: { command: MAV_CMD_COMPONENT_ARM_DISARM, param1: 1 } }
      land: { send: COMMAND_LONG, with: { command: MAV_CMD_NAV_LAND }, harmless: true }
    safe: not two.armed
    ladder:
      - { do: two.land, within: 3 s }
  gate:
    link: bus
    protocol: json
    signals:
      open: { field: \"gate/state#/open\", flag: true, every: 200 ms }
    commands:
      open:  { send: gate/open }
      close: { send: gate/close, harmless: true }
      bolt:  { send: gate/bolt, harmless: true }
    safe: not gate.open
    ladder:
      - { do: [gate.close, gate.bolt], within: 2 s }
    after: [one, two]
";

const ENVELOPE: &str = "\
envelope: Yard
rules:
  still:
    never: one.armed and two.armed and gate.open
    because: The test says so.
    source: the test
    react_within: 30 s
";

const SCENARIO: &str = "\
scenario: Nothing
rig: yard
about: Nothing moves.
exercises: [still]
steps:
  - hold: 1 s
";

struct Texts(String);

impl Files for Texts {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let text = match path {
            "rigs/yard/rig.yaml" => &self.0,
            "rigs/yard/envelope.yaml" => ENVELOPE,
            "scenarios/yard/nothing.yaml" => SCENARIO,
            other => return Err(format!("no file {other}")),
        };
        Ok(text.as_bytes().to_vec())
    }
}

/// The plan of the yard; the first vehicle climbs this ladder.
fn yard(ladder: &str) -> Plan {
    let request = Request {
        scenario: "scenarios/yard/nothing.yaml".into(),
        rig: None,
        overrides: Vec::new(),
        seed: 1,
        mode: Mode::Rig,
    };
    let rig = RIG.replace("RUNGS", ladder);
    match check(&request, &Texts(rig)) {
        Ok((plan, _)) => plan,
        Err(diagnostics) => panic!("{}", checkrein::diag::report(&diagnostics, false)),
    }
}

/// Device, start in milliseconds, and how many frames each rung has.
fn shape(setup: &Setup) -> Vec<(&str, u64, Vec<usize>)> {
    let rungs = |ladder: &checkrein::io::climb::BlindLadder| ladder.rungs.iter().map(|r| r.frames.len()).collect();
    setup.ladders.iter().map(|ladder| (ladder.device.as_str(), ladder.starts_ms, rungs(ladder))).collect()
}

#[test]
fn every_device_of_a_link_has_its_own_ladder_that_ends_where_it_would_need_to_see() {
    let plan = yard(
        "[ { do: one.land, within: 5 s }, { do: one.halt, within: 1 s, blind: true }, { do: one.kill, within: 1 s } ]",
    );
    let radio = watchdog(&plan, LinkId(0)).expect("it can make vehicles safe");
    assert_eq!(shape(&radio), [("one", 0, vec![1, 1]), ("two", 0, vec![1])]);
    let [one, two] = [&plan.ladders[0].rungs[0].frames[0].bytes, &plan.ladders[1].rungs[0].frames[0].bytes];
    let rungs = radio.rungs_at(Duration::ZERO);
    let first: Vec<&Vec<u8>> = radio.frames(&rungs).map(|frame| &frame.bytes).collect();
    assert_eq!(first, [one, two], "the first round holds both first rungs");
    // The gate waits for the slower of the two vehicles: 5 s and 1 s of the first one's usable rungs.
    let bus = watchdog(&plan, LinkId(1)).expect("it can close the gate");
    assert_eq!(shape(&bus), [("gate", 6_000, vec![2])]);
}

#[test]
fn a_rung_with_a_condition_is_not_sent_by_whoever_cannot_see() {
    let plan = yard(
        "[ { do: one.halt, within: 1 s, when: one.armed }, { do: one.land, within: 4 s, blind: true }, { do: one.kill, within: 1 s } ]",
    );
    let radio = watchdog(&plan, LinkId(0)).expect("it can make vehicles safe");
    assert_eq!(radio.ladders[0].rungs[0].frames[0].bytes, plan.ladders[0].rungs[1].frames[0].bytes);
    assert_eq!(radio.ladders[0].rungs.len(), 1);
    let bus = watchdog(&plan, LinkId(1)).expect("it can close the gate");
    assert_eq!(bus.ladders[0].starts_ms, 4_000);
}

#[test]
fn a_rung_behind_one_with_a_condition_is_sent_blindly_only_where_the_rig_says_so() {
    // Whoever sees nothing does not know that `halt` was to come first, and `kill` may drop the machine.
    let plan = yard("[ { do: one.halt, within: 1 s, when: one.armed }, { do: one.kill, within: 1 s } ]");
    let radio = watchdog(&plan, LinkId(0)).expect("the other vehicle can be made safe");
    assert_eq!(shape(&radio), [("two", 0, vec![1])]);
    let bus = watchdog(&plan, LinkId(1)).expect("it can close the gate");
    assert_eq!(bus.ladders[0].starts_ms, 3_000, "what is not sent is not waited for");
}

#[test]
fn each_message_of_a_first_rung_is_a_last_will_of_its_own() {
    let plan = yard("[ { do: one.land, within: 5 s } ]");
    assert_eq!(wills(&plan, LinkId(0)), [], "a serial link has no broker");
    let told: Vec<_> = wills(&plan, LinkId(1)).into_iter().map(|will| (will.topic, will.qos, will.retain)).collect();
    assert_eq!(told, [("gate/close".to_owned(), 1, false), ("gate/bolt".to_owned(), 1, false)]);
}

#[test]
fn a_link_of_controllers_alone_has_neither() {
    let plan = common::plan("scenarios/drone-bench/hover-and-land.yaml", 1);
    let local = LinkId(1);
    assert_eq!(watchdog(&plan, local), None);
    assert_eq!(wills(&plan, local), []);
}
