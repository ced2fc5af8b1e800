"""What an outdoor vehicle adds, with pymavlink at either end: setpoints of a companion, its own fence, battery, satellites, and the
command that makes something fail."""

import json
import os
import subprocess

import pytest
import rigs
from bench import signals_of, stop
from conftest import run_folder, told, wait_until
from test_ground_station import GUIDED, command, hear
from vehicle import Vehicle, mavlink

os.environ.setdefault("MAVLINK20", "1")
from pymavlink import mavutil  # noqa: E402

RTL, LAND = 6, 9
# Bits of POSITION_TARGET_TYPEMASK that are set are not heeded.
POSITION_ONLY, VELOCITY_ONLY = 0b1101_1111_1000, 0b1101_1100_0111
GPS, OFF, AIRSPEED = 4, 1, 8


@pytest.fixture
def ground(checkrein, repo):
    """A ground station at the twin of rigs/drone-field."""
    words = [checkrein.path, "sim", "drone-field", "--only", "fc", "--json"]
    twins = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=repo)
    try:
        links = json.loads(twins.stdout.readline())["links"]
        port = next(link["serial"] for link in links if "serial" in link)
        link = mavutil.mavlink_connection(port, baud=921600, source_system=255)
        assert link.wait_heartbeat(timeout=10)
        yield link
        link.close()
    finally:
        stop(twins)


def want(link, name, hertz):
    """Has a message told so often."""
    number = getattr(mavlink, f"MAVLINK_MSG_ID_{name}")
    assert command(link, mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, number, 1e6 / hertz) == 0


def set_parameter(link, name, value):
    link.param_set_send(name, value)
    assert hear(link, "PARAM_VALUE", lambda told: told.param_id == name).param_value == value


def take_off(link, height):
    assert command(link, mavlink.MAV_CMD_DO_SET_MODE, 1, GUIDED) == 0
    wait_until(lambda: command(link, mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 1) == 0, "its arming checks", 20)
    assert command(link, mavlink.MAV_CMD_NAV_TAKEOFF, 0, 0, 0, 0, 0, 0, height) == 0
    hear(link, "LOCAL_POSITION_NED", lambda place: abs(-place.z - height) < 0.4, 40)


def setpoint(link, mask, position=(0, 0, 0), velocity=(0, 0, 0)):
    frame = mavlink.MAV_FRAME_LOCAL_NED
    link.mav.set_position_target_local_ned_send(0, 1, 1, frame, mask, *position, *velocity, 0, 0, 0, 0, 0)


def test_it_follows_the_setpoints_of_a_companion(ground):
    """MAVLink common, SET_POSITION_TARGET_LOCAL_NED: what `type_mask` leaves out is not heeded."""
    take_off(ground, 5)

    # A companion says where to go again and again: what it says while the take-off lasts is not heeded.
    def there(place):
        setpoint(ground, POSITION_ONLY, (6, -4, -8), (9, 9, 9))
        return abs(place.x - 6) < 0.7 and abs(place.y + 4) < 0.7 and abs(place.z + 8) < 0.7

    hear(ground, "LOCAL_POSITION_NED", there, 40)

    def moves(place):
        setpoint(ground, VELOCITY_ONLY, (99, 99, -99), (-1.5, 0, 0))
        return abs(place.vx + 1.5) < 0.4 and abs(place.z + 8) < 1.5

    hear(ground, "LOCAL_POSITION_NED", moves, 30)
    # ArduPilot: it is only in GUIDED that a companion flies it.
    assert command(ground, mavlink.MAV_CMD_NAV_LAND) == 0
    hear(ground, "HEARTBEAT", lambda beat: beat.custom_mode == LAND)

    def sinks_on(place):
        setpoint(ground, POSITION_ONLY, (0, 0, -30))
        return -place.z < 4

    hear(ground, "LOCAL_POSITION_NED", sinks_on, 40)


def test_its_own_fence_turns_it_back(ground):
    set_parameter(ground, "FENCE_RADIUS", 30.0)
    set_parameter(ground, "FENCE_ENABLE", 1.0)
    want(ground, "FENCE_STATUS", 5)
    take_off(ground, 5)
    assert hear(ground, "FENCE_STATUS").breach_status == 0

    def beyond(fence):
        setpoint(ground, POSITION_ONLY, (45, 0, -5))
        return fence.breach_status == 1

    breach = hear(ground, "FENCE_STATUS", beyond, 60)
    assert breach.breach_type == mavlink.FENCE_BREACH_BOUNDARY and breach.breach_count == 1
    hear(ground, "HEARTBEAT", lambda beat: beat.custom_mode == RTL)
    hear(ground, "FENCE_STATUS", lambda fence: fence.breach_status == 0, 40)


def test_it_tells_of_its_battery_and_its_satellites(ground):
    want(ground, "GPS_RAW_INT", 5)
    fix = hear(ground, "GPS_RAW_INT", lambda gps: gps.fix_type >= 3)
    # Ten-millionths of a degree, and thousandths of a metre; the place of the rig's field.
    assert fix.satellites_visible > 5 and abs(fix.lat - 554_765_000) < 1_000 and abs(fix.lon - 103_309_000) < 2_000
    place = hear(ground, "GLOBAL_POSITION_INT")
    assert abs(place.lat - fix.lat) < 1_000 and abs(place.relative_alt) < 1_000
    status, battery = hear(ground, "SYS_STATUS"), hear(ground, "BATTERY_STATUS")
    assert 11_000 < status.voltage_battery < 13_000 and status.battery_remaining == battery.battery_remaining == 100
    full = sum(cell for cell in battery.voltages if cell != 65535)
    assert abs(full - status.voltage_battery) < 200, "its cells add up"


def test_a_failure_is_injected_only_where_it_is_allowed(ground):
    """MAVLink common, MAV_CMD_INJECT_FAILURE, guarded by SYS_FAILURE_EN as in PX4; it lands without a position."""
    inject = mavlink.MAV_CMD_INJECT_FAILURE
    want(ground, "GPS_RAW_INT", 5)
    assert command(ground, inject, GPS, OFF, 0) == mavlink.MAV_RESULT_DENIED
    set_parameter(ground, "SYS_FAILURE_EN", 1.0)
    assert command(ground, inject, AIRSPEED, OFF, 0) == mavlink.MAV_RESULT_UNSUPPORTED
    take_off(ground, 5)
    assert command(ground, inject, GPS, OFF, 0) == mavlink.MAV_RESULT_ACCEPTED
    assert hear(ground, "GPS_RAW_INT", lambda gps: gps.fix_type < 2).satellites_visible == 0
    hear(ground, "HEARTBEAT", lambda beat: beat.custom_mode == LAND)
    hear(ground, "HEARTBEAT", lambda beat: not beat.base_mode & mavlink.MAV_MODE_FLAG_SAFETY_ARMED, 40)


SIGNALS = """\
      percent: { field: BATTERY_STATUS.battery_remaining, scale: 1 %, range: 0 % .. 100 %, every: 100 ms, stale_after: 2 s }
      voltage: { field: SYS_STATUS.voltage_battery, scale: 1 mV, unit: V, range: 0 V .. 30 V, every: 100 ms, stale_after: 2 s }
      fix:
        field: GPS_RAW_INT.fix_type
        states: { NO_GPS: 0, NO_FIX: 1, FLAT: 2, FULL: 3 }
        every: 100 ms
        stale_after: 2 s
      satellites: { field: GPS_RAW_INT.satellites_visible, scale: 1, range: 0 .. 60, every: 100 ms, stale_after: 2 s }
      latitude: { field: GPS_RAW_INT.lat, scale: 0.0000001 deg, range: -90 deg .. 90 deg, every: 100 ms, stale_after: 2 s }
      beyond: { field: FENCE_STATUS.breach_status, flag: true, every: 100 ms, stale_after: 2 s }
"""

COMMANDS = """\
      fence:
        args: { radius: 30 m .. 500 m }
        send: PARAM_SET
        with: { param_id: FENCE_RADIUS, param_type: 9, param_value: { arg: radius, scale: 1 m } }
        harmless: true
      failures_on: { send: PARAM_SET, with: { param_id: SYS_FAILURE_EN, param_type: 9, param_value: 1 }, harmless: true }
      break_gps:
        send: COMMAND_LONG
        with: { command: MAV_CMD_INJECT_FAILURE, param1: 4, param2: 1 }
        ack: COMMAND_ACK
"""

SCENARIO = """\
scenario: Sent about by setpoints, until its GPS is broken
rig: foreign
exercises: [ceiling]
steps:
  - expect: fc.fix == FULL and fc.satellites > 10 and abs(fc.latitude - 55.4765 deg) < 0.0001 deg
    within: 3 s
  - expect: abs(fc.voltage - 12.345 V) < 0.001 V and abs(fc.percent - 87 %) < 0.1 % and not fc.beyond
    within: 3 s
  - do: fc.fence
    with: { radius: 42 m }
  - do: fc.guided
    within: 3 s
  - do: fc.arm
    within: 3 s
  - do: fc.takeoff
    with: { altitude: 2 m }
    within: 3 s
  - wait: abs(fc.altitude - 2 m) < 0.2 m
    within: 15 s
  - do: fc.goto
    with: { x: 3 m, z: 3 m }
  - wait: abs(fc.x - 3 m) < 0.2 m and abs(fc.altitude - 3 m) < 0.2 m
    within: 15 s
  - do: fc.failures_on
  - do: fc.break_gps
    within: 3 s
  - expect: fc.fix == NO_FIX and fc.satellites < 1
    within: 3 s
finally:
  - do: fc.land
    within: 3 s
  - expect: not fc.armed
    within: 15 s
"""


class FieldVehicle(Vehicle):
    """The vehicle, with a receiver, a battery and a fence to tell of."""

    def __init__(self):
        super().__init__()
        self.parameters, self.fix = {}, 3

    def hear_other(self, message):
        if message.get_type() == "PARAM_SET":
            self.parameters[message.param_id] = message.param_value
            self.link.param_value_send(message.param_id.encode(), message.param_value, message.param_type, 1, 0)

    def obey(self, message):
        if message.command != mavlink.MAV_CMD_INJECT_FAILURE:
            return super().obey(message)
        allowed = self.parameters.get("SYS_FAILURE_EN") == 1.0
        result = mavlink.MAV_RESULT_ACCEPTED if allowed else mavlink.MAV_RESULT_DENIED
        if allowed and (message.param1, message.param2) == (GPS, OFF):
            self.fix = 1
        self.commands.append((message.command, result))
        return self.link.command_ack_send(message.command, result)

    def tell(self, steps, boot_ms):
        super().tell(steps, boot_ms)
        if steps % 5 == 0:
            satellites = 14 if self.fix == 3 else 0
            self.link.gps_raw_int_send(boot_ms * 1000, self.fix, 554765000, 103309000, 17000, 80, 90, 0, 0, satellites)
            self.link.sys_status_send(0, 0, 0, 100, 12345, 400, 87, 0, 0, 0, 0, 0, 0)
            cells = [4115] * 3 + [65535] * 7
            self.link.battery_status_send(0, 0, 0, 2500, cells, 400, 10, -1, 87)
            self.link.fence_status_send(0, 0, 0, 0)


@pytest.mark.parametrize("guarded", [False, True])
def test_a_foreign_vehicle_is_sent_about_and_broken(checkrein, tmp_path, guarded):
    vehicle = FieldVehicle()
    text = SCENARIO.replace("  - do: fc.failures_on\n", "") if guarded else SCENARIO
    scenario, rig = rigs.write(tmp_path, vehicle.path, text)
    written = rig.read_text().replace("    commands:\n", f"{SIGNALS}    commands:\n{COMMANDS}", 1)
    rig.write_text(written)
    vehicle.start()
    try:
        done = checkrein("run", scenario, "--rig", rig, "--no-plots", "--runs", tmp_path / "runs")
    finally:
        vehicle.stop()
    assert vehicle.parameters["FENCE_RADIUS"] == 42.0
    assert vehicle.setpoints >= 1 and max(signals_of(tmp_path / "runs")["fc.x"]) == pytest.approx(3.0, abs=0.2)
    if guarded:
        assert done.returncode == 2 and "do fc.break_gps: the device refused" in done.stdout, told(done)
        assert (mavlink.MAV_CMD_INJECT_FAILURE, mavlink.MAV_RESULT_DENIED) in vehicle.commands
    else:
        assert done.returncode == 0, told(done)
        assert json.loads((run_folder(tmp_path / "runs") / "verdict.json").read_text())["verdict"] == "pass"
        assert vehicle.parameters["SYS_FAILURE_EN"] == 1.0 and vehicle.fix == 1
    assert not vehicle.armed
