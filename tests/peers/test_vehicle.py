"""pymavlink plays a vehicle on a pseudo-terminal; `checkrein run` drives it to a verdict."""

import json

import pytest
import rigs
from conftest import run_folder, told
from vehicle import LAND, Vehicle, mavlink


@pytest.fixture
def fly(checkrein, tmp_path):
    """Runs the flight against a vehicle, and gives both back when it is over."""
    vehicles = []

    def fly(vehicle, *arguments):
        vehicles.append(vehicle)
        scenario, rig = rigs.write(tmp_path, vehicle.path)
        vehicle.start()
        runs = tmp_path / "runs"
        result = checkrein("run", scenario, "--rig", rig, "--runs", runs, *arguments)
        return result, runs

    yield fly
    for vehicle in vehicles:
        vehicle.stop()


def test_a_foreign_vehicle_is_flown_to_a_pass(fly):
    vehicle = Vehicle()
    result, runs = fly(vehicle)
    assert result.returncode == 0, told(result)
    verdict = json.loads((run_folder(runs) / "verdict.json").read_text())
    assert verdict["verdict"] == "pass", verdict
    accepted = [command for command, result in vehicle.commands if result == mavlink.MAV_RESULT_ACCEPTED]
    wanted = [
        mavlink.MAV_CMD_DO_SET_MODE,
        mavlink.MAV_CMD_COMPONENT_ARM_DISARM,
        mavlink.MAV_CMD_NAV_TAKEOFF,
        mavlink.MAV_CMD_NAV_LAND,
    ]
    places = [accepted.index(command) for command in wanted]
    assert places == sorted(places), f"out of order: {accepted}"
    assert vehicle.heartbeats >= 2, "a ground station that is not heard is taken for dead"
    assert vehicle.highest == pytest.approx(2.0, abs=0.2)
    assert not vehicle.armed and vehicle.position[2] == 0.0


def test_a_broken_ceiling_lands_the_vehicle_and_fails(fly):
    vehicle = Vehicle(overshoot=4.0, speed=4.0)
    result, runs = fly(vehicle)
    assert result.returncode == 1, told(result)
    verdict = json.loads((run_folder(runs) / "verdict.json").read_text())
    assert verdict["verdict"] == "fail", verdict
    assert "ceiling" in json.dumps(verdict), verdict
    assert 4.0 < vehicle.highest < 5.5, f"it was stopped near the ceiling, not at {vehicle.highest} m"
    assert vehicle.mode == LAND and not vehicle.armed


def test_the_wrong_board_is_blocked_and_nothing_moves(fly):
    vehicle = Vehicle(uid=0x9999)
    result, _ = fly(vehicle)
    assert result.returncode == 3, told(result)
    moving = {mavlink.MAV_CMD_COMPONENT_ARM_DISARM, mavlink.MAV_CMD_DO_SET_MODE, mavlink.MAV_CMD_NAV_TAKEOFF}
    assert not moving & {command for command, _ in vehicle.commands}, vehicle.commands
    assert vehicle.highest == 0.0


def test_a_port_that_is_not_there_is_blocked(checkrein, tmp_path):
    scenario, rig = rigs.write(tmp_path, "/dev/serial/by-id/usb-nobody-if00")
    result = checkrein("run", scenario, "--rig", rig, "--runs", tmp_path / "runs")
    assert result.returncode == 3, told(result)
    assert "usb-nobody-if00" in result.stdout + result.stderr, "the port is named"
