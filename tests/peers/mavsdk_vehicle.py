"""A vehicle of MAVSDK's own server plugins; a process of its own, started with the UDP port to speak to.

It climbs when it is told to take off, and comes down when it is disarmed: of a flight's commands MAVSDK 4.1 answers these alone.
MAVSDK itself says its heartbeat and acknowledges. What it was told the vehicle prints, a word to a line.
"""

import sys
import threading

from mavsdk import ComponentType, Configuration, Mavsdk
from mavsdk.plugins.action_server.action_server import ActionServer
from mavsdk.plugins.param_server import ParamServer
from mavsdk.plugins.telemetry_server import telemetry_server as telemetry

STEP = 0.02
CLIMB = 1.0


def say(*words):
    print(*words, flush=True)


class Vehicle:
    def __init__(self, port):
        self.mavsdk = Mavsdk(Configuration.create_with_component_type(ComponentType.AUTOPILOT))
        component = self.mavsdk.server_component(0)
        self.params = ParamServer(component)
        self.params.provide_param_float("BENCH_GAIN", 1.5)
        self.telemetry, self.action = telemetry.TelemetryServer(component), ActionServer(component)
        self.armed, self.height, self.target = False, 0.0, 0.0
        self.action.set_armable(True, True)
        self.action.set_disarmable(True, True)
        self.action.set_allow_takeoff(True)
        # Each of them is kept: the library calls it as long as it lives.
        self.heard = [self.on_arm, self.on_takeoff]
        self.action.subscribe_arm_disarm(self.on_arm)
        self.action.subscribe_takeoff(self.on_takeoff)
        self.mavsdk.add_any_connection(f"udpout://127.0.0.1:{port}")

    def on_arm(self, _result, order, *_):
        self.armed = bool(order.arm)
        self.target = self.target if self.armed else 0.0
        say("arm" if self.armed else "disarm")

    def on_takeoff(self, _result, _order, *_):
        self.target = 2.5 if self.armed else 0.0
        say("takeoff")

    def fly(self):
        clock = threading.Event()
        while not clock.wait(STEP):
            way = self.target - self.height
            self.height += max(-CLIMB * STEP, min(CLIMB * STEP, way))
            position = telemetry.Position(47.397742, 8.545594, 488 + self.height, self.height)
            self.telemetry.publish_position(position, telemetry.VelocityNed(0, 0, 0), telemetry.Heading(90.0))


Vehicle(sys.argv[1]).fly()
