"""Rigs of foreign machines, written into a folder of the test's own."""

ENVELOPE = """\
envelope: Foreign vehicle on a bench
rules:
  ceiling:
    always: fc.altitude <= 4 m
    because: The test's own ceiling.
    source: the test
    react_within: 500 ms
    safe_within: 20 s
"""

RIG = """\
rig: foreign
about: A vehicle that pymavlink plays.
envelope: envelope.yaml
links:
  telem: {{ serial: {port}, baud: 115200 }}
{links}
devices:
  fc:
    link: telem
    protocol: {{ mavlink: ardupilotmega, system: 1, component: 1 }}
    identity: {{ AUTOPILOT_VERSION.uid: 0x4321 }}
    heartbeat: {{ send: HEARTBEAT, every: 1 s }}
    dead_man: {{ loses: heartbeat, safe_within: 30 s }}
    signals:
      x:        {{ field: LOCAL_POSITION_NED.x, scale: 1 m, range: -20 m .. 20 m, every: 20 ms, stale_after: 500 ms }}
      altitude: {{ field: LOCAL_POSITION_NED.z, scale: -1 m, range: -1 m .. 40 m, every: 20 ms, stale_after: 500 ms }}
      roll:     {{ field: ATTITUDE.roll, scale: 1 rad, unit: deg, range: -180 deg .. 180 deg, every: 20 ms, stale_after: 500 ms }}
      mode:     {{ field: HEARTBEAT.custom_mode, states: {{ STABILIZE: 0, GUIDED: 4, RTL: 6, LAND: 9 }}, every: 200 ms, stale_after: 2 s }}
      armed:    {{ field: HEARTBEAT.base_mode, bit: 7, every: 200 ms, stale_after: 2 s }}
    commands:
      arm:     {{ send: COMMAND_LONG, with: {{ command: MAV_CMD_COMPONENT_ARM_DISARM, param1: 1 }}, ack: COMMAND_ACK }}
      guided:  {{ send: COMMAND_LONG, with: {{ command: MAV_CMD_DO_SET_MODE, param1: 1, param2: 4 }}, ack: COMMAND_ACK }}
      takeoff:
        args: {{ altitude: 0 m .. 8 m }}
        send: COMMAND_LONG
        with: {{ command: MAV_CMD_NAV_TAKEOFF, param7: {{ arg: altitude, scale: 1 m }} }}
        ack: COMMAND_ACK
      goto:
        args: {{ x: -6 m .. 6 m, z: 0 m .. 8 m drives fc.altitude }}
        send: SET_POSITION_TARGET_LOCAL_NED
        with:
          coordinate_frame: MAV_FRAME_LOCAL_NED
          type_mask: 3576
          x: {{ arg: x, scale: 1 m }}
          z: {{ arg: z, scale: -1 m }}
      land:
        {{ send: COMMAND_LONG, with: {{ command: MAV_CMD_NAV_LAND }}, ack: COMMAND_ACK, harmless: true }}
      terminate:
        {{ send: COMMAND_LONG, with: {{ command: MAV_CMD_DO_FLIGHTTERMINATION, param1: 1 }}, ack: COMMAND_ACK, harmless: true }}
    safe: not fc.armed
    ladder:
      - {{ do: fc.land, within: 15 s }}
      - {{ do: fc.terminate, within: 2 s }}
{devices}
"""

PILOT = """\
  pilot:
    role: controller
    link: local
    protocol: json
    tells: { topic: pilot/state, every: 50 ms, fields: [fc.x, fc.altitude, fc.mode, fc.armed] }
    may:
      fc.goto: { topic: pilot/goto, max_age: 1 s, rate: 50 Hz }
    commands:
      fly_to: { args: { z: 0 m .. 7 m }, send: pilot/task, harmless: true }
    dead_man: { silent_for: 2 s }
"""

FLIGHT = """\
scenario: Up and down
rig: foreign
about: A foreign vehicle is armed, climbs, and lands.
exercises: [ceiling]
parameters:
  height: { default: 2 m, range: 0 m .. 8 m }
steps:
  - do: fc.guided
    within: 3 s
  - do: fc.arm
    within: 3 s
  - expect: fc.armed and fc.mode == GUIDED
    within: 3 s
  - do: fc.takeoff
    with: { altitude: $height }
    within: 3 s
  - wait: abs(fc.altitude - $height) < 0.2 m
    within: 15 s
  - hold: 1 s
finally:
  - do: fc.land
    within: 3 s
  - expect: not fc.armed
    within: 15 s
"""

PILOTED = """\
scenario: Flown by a pilot
rig: foreign
about: A pilot over a foreign broker takes the vehicle to its height.
exercises: [ceiling]
steps:
  - do: fc.guided
    within: 3 s
  - do: fc.arm
    within: 3 s
  - do: pilot.fly_to
    with: { z: 2 m }
  - wait: abs(fc.altitude - 2 m) < 0.2 m
    within: 20 s
finally:
  - do: fc.land
    within: 3 s
  - expect: not fc.armed
    within: 15 s
"""


def write(folder, port, scenario=FLIGHT, links="", devices=""):
    """Writes the three files; returns the paths of scenario and rig."""
    rig_folder = folder / "rigs" / "foreign"
    scenarios = folder / "scenarios" / "foreign"
    rig_folder.mkdir(parents=True)
    scenarios.mkdir(parents=True)
    rig = rig_folder / "rig.yaml"
    rig.write_text(RIG.format(port=port, links=links, devices=devices))
    (rig_folder / "envelope.yaml").write_text(ENVELOPE)
    path = scenarios / "scenario.yaml"
    path.write_text(scenario)
    return path, rig
