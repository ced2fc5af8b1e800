"""pymavlink as a ground station talks to the twin of the drone rig, over its pseudo-terminal."""

import json
import os
import subprocess
import time

import pytest
from conftest import wait_until

os.environ.setdefault("MAVLINK20", "1")
from pymavlink import mavutil  # noqa: E402

GUIDED = 4


@pytest.fixture
def port(checkrein, repo):
    """The port of a flight controller's twin that runs by itself."""
    process = subprocess.Popen(
        [checkrein.path, "child", "twins"], cwd=repo, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    setup = {
        "scenario": "scenarios/drone-bench/hover-and-land.yaml",
        "rig": None,
        "overrides": [],
        "seed": 1,
        "devices": ["fc"],
        "brokers": [],
        "grace_ms": 1000,
    }
    process.stdin.write(json.dumps(setup) + "\n")
    process.stdin.flush()
    path = None
    while (fact := json.loads(process.stdout.readline())) != "ready":
        assert "port" in fact, fact
        path = fact["port"]["path"]
    yield path
    process.stdin.write('"stop"\n')
    process.stdin.flush()
    assert process.wait(10) == 0


@pytest.fixture
def ground(port):
    """A ground station that has heard the vehicle, and says its own heartbeat whenever it is asked for a message."""
    link = mavutil.mavlink_connection(port, baud=921600, source_system=255)
    assert link.wait_heartbeat(timeout=10), "the twin says its heartbeat unasked"
    yield link
    link.close()


def hear(link, kind, accept=lambda message: True, seconds=15):
    """The next message of a kind that is accepted; our heartbeat goes on meanwhile."""
    end, beat = time.monotonic() + seconds, 0.0
    while time.monotonic() < end:
        if time.monotonic() >= beat:
            link.mav.heartbeat_send(mavutil.mavlink.MAV_TYPE_GCS, mavutil.mavlink.MAV_AUTOPILOT_INVALID, 0, 0, 0)
            beat = time.monotonic() + 0.5
        message = link.recv_match(type=kind, blocking=True, timeout=0.2)
        if message and accept(message):
            return message
    raise AssertionError(f"waited {seconds} s for {kind}")


def command(link, number, *parameters):
    """Gives a command and returns the result that the vehicle acknowledges."""
    parameters = [*parameters, *([0] * (7 - len(parameters)))]
    link.mav.command_long_send(link.target_system, link.target_component, number, 0, *parameters)
    return hear(link, "COMMAND_ACK", lambda ack: ack.command == number).result


def test_it_introduces_itself_and_its_parameters(ground):
    assert ground.messages["HEARTBEAT"].autopilot == mavutil.mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA
    request = mavutil.mavlink.MAV_CMD_REQUEST_MESSAGE
    assert command(ground, request, mavutil.mavlink.MAVLINK_MSG_ID_AUTOPILOT_VERSION) == 0
    # It may come before the acknowledgement or after it.
    version = ground.messages.get("AUTOPILOT_VERSION") or hear(ground, "AUTOPILOT_VERSION")
    assert version.uid == 0x1234
    ground.param_fetch_all()
    first = hear(ground, "PARAM_VALUE")
    known = {first.param_id}
    wait_until(lambda: known.add(hear(ground, "PARAM_VALUE").param_id) or len(known) == first.param_count, "every parameter")
    ground.param_fetch_one(first.param_id)
    assert hear(ground, "PARAM_VALUE", lambda value: value.param_id == first.param_id).param_value == first.param_value


def test_it_flies_and_lands_as_a_ground_station_asks(ground):
    mav = mavutil.mavlink
    assert command(ground, mav.MAV_CMD_NAV_TAKEOFF, 0, 0, 0, 0, 0, 0, 2) != mav.MAV_RESULT_ACCEPTED, "it is not armed"
    assert command(ground, mav.MAV_CMD_DO_SET_MODE, 1, GUIDED) == mav.MAV_RESULT_ACCEPTED
    hear(ground, "HEARTBEAT", lambda beat: beat.custom_mode == GUIDED)
    wait_until(
        lambda: command(ground, mav.MAV_CMD_COMPONENT_ARM_DISARM, 1) == mav.MAV_RESULT_ACCEPTED, "its arming checks"
    )
    ground.motors_armed_wait()
    assert command(ground, mav.MAV_CMD_NAV_TAKEOFF, 0, 0, 0, 0, 0, 0, 2) == mav.MAV_RESULT_ACCEPTED
    hear(ground, "LOCAL_POSITION_NED", lambda position: abs(-position.z - 2) < 0.3, 20)
    assert command(ground, mav.MAV_CMD_COMPONENT_ARM_DISARM, 0) != mav.MAV_RESULT_ACCEPTED, "not in the air"
    assert command(ground, mav.MAV_CMD_NAV_LAND) == mav.MAV_RESULT_ACCEPTED
    hear(ground, "HEARTBEAT", lambda beat: not beat.base_mode & mav.MAV_MODE_FLAG_SAFETY_ARMED, 25)
    assert abs(hear(ground, "LOCAL_POSITION_NED").z) < 0.3


def test_what_it_does_not_know_is_refused_and_garbage_is_survived(ground):
    assert command(ground, mavutil.mavlink.MAV_CMD_DO_SET_ROI) == mavutil.mavlink.MAV_RESULT_UNSUPPORTED
    ground.write(bytes(range(256)) * 4 + b"\xfd\xff\x00")
    # The half frame at the end swallows what follows it, at most once: a lost command is said again.
    wait_until(lambda: try_version(ground), "an answer after the garbage")


def try_version(link):
    version = mavutil.mavlink.MAVLINK_MSG_ID_AUTOPILOT_VERSION
    link.mav.command_long_send(1, 1, mavutil.mavlink.MAV_CMD_REQUEST_MESSAGE, 0, version, 0, 0, 0, 0, 0, 0)
    return link.recv_match(type="AUTOPILOT_VERSION", blocking=True, timeout=0.5)
