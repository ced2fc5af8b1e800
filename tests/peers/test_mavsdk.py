"""MAVSDK, the C++ library behind its Python package: as the ground station of our flight controller's twin, and as the vehicle of a
run. It speaks UDP on the loopback and a bridge makes that the serial line, since MAVSDK's own reader of ports spins on a core."""

import json
import os
import pathlib
import pty
import subprocess
import sys
import threading
import tty

import pytest
from bench import Bridge, stop
from conftest import run_folder, told, wait_until

HERE = pathlib.Path(__file__).parent


class Ground:
    """MAVSDK before the twin."""

    def __init__(self, port):
        words = [sys.executable, HERE / "mavsdk_ground.py", str(port)]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def ask(self, *words):
        """What came of a call: its value, or an error in words."""
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        # The library says things of its own in between.
        for line in self.process.stdout:
            if line.startswith("answer "):
                return json.loads(line.removeprefix("answer "))
        raise AssertionError(f"MAVSDK ended at {words}")

    def do(self, *words):
        """A call that must succeed; its value."""
        answer = self.ask(*words)
        assert "value" in answer and (not isinstance(answer["value"], int) or answer["value"] == 1), f"{words}: {answer}"
        return answer["value"]

    def see(self, condition, what, seconds=30):
        """Waits until the state fulfils a condition."""
        wait_until(lambda: condition(self.do("state")), what, seconds)

    def fly(self, height):
        """Arms it as soon as its checks let it, and takes it up."""
        self.see(lambda state: state["armable"], "it may be armed")
        self.do("takeoff_height", height)
        wait_until(lambda: self.ask("arm").get("value") == 1, "its arming checks", 20)
        self.see(lambda state: state["armed"], "it is armed")
        self.do("takeoff")
        self.see(lambda state: abs(-state["ned"][2] - height) < 0.4, f"{height} m")

    def land(self):
        self.do("land")
        self.see(lambda state: not state["armed"] and abs(state["ned"][2]) < 0.5, "it has landed", 60)


@pytest.fixture
def ground(checkrein, repo, free_port):
    """The twin of the outdoor drone, alone: the pilot's place is free."""
    words = [checkrein.path, "sim", "drone-field", "--only", "fc", "--json"]
    twins = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=repo)
    try:
        links = json.loads(twins.stdout.readline())["links"]
        port = next(link["serial"] for link in links if "serial" in link)
        handle = os.open(port, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(handle)
        bridge = Bridge(handle, free_port)
        ground = Ground(free_port)
        yield ground
        ground.process.stdin.close()
        ground.process.wait(20)
        bridge.close()
        os.close(handle)
    finally:
        stop(twins)


def test_it_finds_the_autopilot_and_reads_what_it_tells(ground):
    parameters = ground.do("params")
    assert len(parameters) > 10 and parameters["BATT_CAPACITY"] == 5100.0, parameters
    ground.do("gps")
    ground.see(lambda state: state["satellites"] > 5 and state["fix"] >= 3, "satellites")
    state = ground.do("state")
    # The place of rigs/drone-field, from MAVLink's ten-millionths of a degree.
    assert state["place"] == pytest.approx([55.4765, 10.3309, 0.0], abs=0.1), state
    assert 10 < state["volts"] < 13 and state["percent"] > 90, state


def test_it_flies_and_lands(ground):
    ground.fly(3.0)
    ground.land()


def test_setpoints_of_a_companion_move_it(ground):
    ground.fly(3.0)
    place = [4.0, -3.0, -5.0]
    ground.do("setpoint", *place)
    ground.do("offboard")
    ground.see(lambda state: all(abs(a - b) < 0.6 for a, b in zip(state["ned"], place)), "the place of the setpoint", 40)
    ground.do("return")
    ground.see(lambda state: not state["armed"], "it has come home and landed", 90)
    assert all(abs(axis) < 1 for axis in ground.do("state")["ned"])


def test_a_parameter_is_set_and_read_back(ground):
    ground.do("set", "FENCE_RADIUS", 42.0)
    assert ground.do("get", "FENCE_RADIUS") == 42.0


def test_its_gps_is_made_to_fail(ground):
    ground.do("gps")
    ground.see(lambda state: state["fix"] >= 3, "satellites")
    assert ground.ask("break_gps").get("value") != 1, "it is not allowed yet"
    ground.do("set", "SYS_FAILURE_EN", 1.0)
    ground.do("break_gps")
    ground.see(lambda state: state["fix"] < 3, "the fix is lost")


ENVELOPE = """\
envelope: MAVSDK's vehicle on a bench
rules:
  ceiling:
    always: fc.height <= CEILING
    because: The test's own ceiling.
    source: the test
    react_within: 500 ms
    safe_within: 20 s
"""

RIG = """\
rig: mavsdk
about: A vehicle that MAVSDK plays.
envelope: envelope.yaml
links:
  telem: { serial: PORT, baud: 115200 }
devices:
  fc:
    link: telem
    protocol: { mavlink: common, system: 1, component: 1 }
    identity: { AUTOPILOT_VERSION.capabilities: 8192 }   # MAVSDK has no uid of its own: it says 0
    heartbeat: { send: HEARTBEAT, every: 500 ms }
    dead_man: { loses: heartbeat, safe_within: 30 s }
    signals:
      height: { field: GLOBAL_POSITION_INT.relative_alt, scale: 1 mm, unit: m, range: -1 m .. 40 m, every: 50 ms, stale_after: 1 s }
      north:  { field: GLOBAL_POSITION_INT.lat, scale: 0.0000001 deg, range: -90 deg .. 90 deg, every: 50 ms, stale_after: 1 s }
      armed:  { field: HEARTBEAT.base_mode, bit: 7, every: 1 s, stale_after: 4 s }
    commands:
      arm:     { send: COMMAND_LONG, with: { command: MAV_CMD_COMPONENT_ARM_DISARM, param1: 1 }, ack: COMMAND_ACK }
      takeoff: { send: COMMAND_LONG, with: { command: MAV_CMD_NAV_TAKEOFF }, ack: COMMAND_ACK }
      unheard_of: { send: COMMAND_LONG, with: { command: MAV_CMD_DO_CHANGE_SPEED }, ack: COMMAND_ACK }
      disarm:  { send: COMMAND_LONG, with: { command: MAV_CMD_COMPONENT_ARM_DISARM, param1: 0 }, ack: COMMAND_ACK, harmless: true }
      kill:    { send: COMMAND_LONG, with: { command: MAV_CMD_COMPONENT_ARM_DISARM, param1: 0, param2: 21196 }, ack: COMMAND_ACK, harmless: true }
    safe: not fc.armed and fc.height < 0.2 m
    ladder:
      - { do: fc.disarm, within: 10 s }
      - { do: fc.kill, within: 5 s }
"""

FLIGHT = """\
scenario: Up and down
rig: mavsdk
exercises: [ceiling]
steps:
  - expect: abs(fc.north - 47.397742 deg) < 0.000001 deg
    within: 5 s
  - do: fc.arm
    within: 3 s
  - expect: fc.armed
    within: 5 s
  - do: fc.takeoff
    within: 3 s
  - wait: abs(fc.height - 2.5 m) < 0.1 m
    within: 15 s
finally:
  - do: fc.disarm
    within: 3 s
  - expect: not fc.armed and fc.height < 0.2 m
    within: 15 s
"""


@pytest.fixture
def vehicle(tmp_path):
    """MAVSDK's vehicle, its port, and what it was told."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    bridge = Bridge(master)
    words = [sys.executable, HERE / "mavsdk_vehicle.py", str(bridge.port)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    said = []

    def listen():
        for line in process.stdout:
            # The library says things of its own.
            if (word := line.strip()) in ("arm", "disarm", "takeoff"):
                said.append(word)

    threading.Thread(target=listen, daemon=True).start()
    yield os.ttyname(slave), said
    stop(process)
    bridge.close()
    os.close(master)
    os.close(slave)


def run(checkrein, folder, port, ceiling, scenario=FLIGHT):
    (folder / "rig.yaml").write_text(RIG.replace("PORT", port))
    (folder / "envelope.yaml").write_text(ENVELOPE.replace("CEILING", ceiling))
    (folder / "scenario.yaml").write_text(scenario)
    words = ["run", folder / "scenario.yaml", "--rig", folder / "rig.yaml", "--no-plots", "--runs", folder / "runs"]
    return checkrein(*words)


def heard(said, *wanted):
    """It was told these things in this order; what a ladder repeats counts once."""
    wait_until(lambda: wanted[-1] in said, f"{wanted}: {said}")
    assert [word for at, word in enumerate(said) if said[:at][-1:] != [word]] == list(wanted)


def test_a_vehicle_of_mavsdk_is_flown_to_a_pass(checkrein, tmp_path, vehicle):
    port, said = vehicle
    done = run(checkrein, tmp_path, port, "4 m")
    assert done.returncode == 0, told(done)
    assert json.loads((run_folder(tmp_path / "runs") / "verdict.json").read_text())["verdict"] == "pass"
    heard(said, "arm", "takeoff", "disarm")


def test_a_broken_ceiling_brings_it_down(checkrein, tmp_path, vehicle):
    port, said = vehicle
    done = run(checkrein, tmp_path, port, "2 m")
    assert done.returncode == 1, told(done)
    assert "ladder of fc: fc.disarm" in done.stdout and "device fc is confirmed safe" in done.stdout, told(done)
    heard(said, "arm", "takeoff", "disarm")


def test_a_command_that_it_leaves_unanswered_is_told_as_such(checkrein, tmp_path, vehicle):
    """MAVLink's command protocol has every COMMAND_LONG answered, with MAV_RESULT_UNSUPPORTED where it is not known. MAVSDK 4.1 says
    nothing to one without a handler; the run asks again and then says that nobody answered."""
    port, _ = vehicle
    scenario = FLIGHT.replace("  - do: fc.takeoff\n", "  - do: fc.unheard_of\n")
    done = run(checkrein, tmp_path, port, "4 m", scenario)
    assert done.returncode == 2, told(done)
    assert "inconclusive do fc.unheard_of: the device did not acknowledge" in done.stdout, told(done)
