"""MAVSDK as a ground station, in a process of its own: the library ends the process if its objects go in another order than it likes.

Started with the UDP port to listen at. Each line of its input is `[name, argument…]` in JSON; each answer is what came of it.
"""

import json
import os
import sys

from mavsdk import ComponentType, Configuration, Mavsdk
from mavsdk.plugins.action.action import Action
from mavsdk.plugins.failure import failure
from mavsdk.plugins.offboard import offboard
from mavsdk.plugins.param.param import Param
from mavsdk.plugins.telemetry import telemetry

mavsdk = Mavsdk(Configuration.create_with_component_type(ComponentType.GROUND_STATION))
mavsdk.add_any_connection(f"udpin://127.0.0.1:{sys.argv[1]}")
system = mavsdk.first_autopilot(20.0)
assert system is not None, "no autopilot"
action, tells, param = Action(system), telemetry.Telemetry(system), Param(system)
companion, failures = offboard.Offboard(system), failure.Failure(system)


def state():
    place, gps, battery = tells.position_velocity_ned().position, tells.gps_info(), tells.battery()
    position, health = tells.position(), tells.health()
    return {
        "armed": tells.armed(),
        "mode": int(tells.flight_mode()),
        "ned": [place.north_m, place.east_m, place.down_m],
        "place": [position.latitude_deg, position.longitude_deg, position.relative_altitude_m],
        "satellites": gps.num_satellites,
        "fix": int(gps.fix_type),
        "volts": battery.voltage_v,
        "percent": battery.remaining_percent,
        "armable": health.is_armable,
    }


CALLS = {
    "state": state,
    # The autopilot tells of its receiver only to whom asks for it.
    "gps": lambda: tells.set_rate_gps_info(5.0),
    "params": lambda: {one.name: one.value for one in param.get_all_params().float_params},
    "set": param.set_param_float,
    "get": param.get_param_float,
    "arm": action.arm,
    "takeoff_height": action.set_takeoff_altitude,
    "takeoff": action.takeoff,
    "land": action.land,
    "return": action.return_to_launch,
    "setpoint": lambda north, east, down: companion.set_position_ned(offboard.PositionNedYaw(north, east, down, 0.0)),
    "offboard": companion.start,
    "break_gps": lambda: failures.inject(failure.FailureUnit.SENSOR_GPS, failure.FailureType.OFF, 0),
}

for line in sys.stdin:
    name, *arguments = json.loads(line)
    try:
        value = CALLS[name](*arguments)
        # Results are enumerations, of which 1 is the success of every plugin.
        answer = {"value": value if isinstance(value, (dict, float, type(None))) else int(value)}
    except Exception as why:  # the plugins raise errors of their own
        answer = {"error": str(why) or type(why).__name__}
    print("answer", json.dumps(answer), flush=True)
os._exit(0)
