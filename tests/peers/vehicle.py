"""A vehicle played by pymavlink on a pseudo-terminal: it knows nothing of Checkrein's code.

It climbs and sinks at a fixed speed, follows position setpoints at a fixed speed, and acknowledges what it is told the
way ArduPilot does. `overshoot` makes it fly through its target altitude, as a vehicle with a bad barometer would.
"""

import math
import os
import select
import threading
import time
import tty

os.environ.setdefault("MAVLINK20", "1")
from pymavlink.dialects.v20 import ardupilotmega as mavlink  # noqa: E402

STABILIZE, GUIDED, LAND = 0, 4, 9
UID = 0x4321
# Seconds between two tellings.
STEP = 0.02


class Vehicle(threading.Thread):
    """One vehicle; `path` is the port at which it can be reached."""

    def __init__(self, overshoot=0.0, uid=UID, speed=1.5):
        super().__init__(daemon=True)
        self.wire, self.far_end = os.openpty()
        tty.setraw(self.far_end)
        os.set_blocking(self.wire, False)
        self.path = os.ttyname(self.far_end)
        self.link = mavlink.MAVLink(self, srcSystem=1, srcComponent=1)
        self.link.robust_parsing = True
        self.overshoot = overshoot
        self.uid = uid
        self.speed = speed
        self.mode, self.armed = STABILIZE, False
        self.position, self.target = [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]
        self.commands, self.setpoints, self.heartbeats = [], 0, 0
        self.highest = 0.0
        self.over = threading.Event()

    def write(self, data):
        """Called by pymavlink. A full line loses what does not fit, like a real one."""
        try:
            os.write(self.wire, bytes(data))
        except BlockingIOError:
            pass

    def stop(self):
        self.over.set()
        self.join(5)
        os.close(self.wire)
        os.close(self.far_end)

    def run(self):
        started = time.monotonic()
        steps = 0
        while not self.over.is_set():
            due = started + steps * STEP
            readable, _, _ = select.select([self.wire], [], [], max(0.0, due - time.monotonic()))
            if readable:
                self.listen()
            if time.monotonic() >= due:
                self.move()
                self.tell(steps, int((time.monotonic() - started) * 1000))
                steps += 1

    def listen(self):
        try:
            data = os.read(self.wire, 4096)
        except OSError:
            return
        for message in self.link.parse_buffer(data) or []:
            kind = message.get_type()
            if kind == "HEARTBEAT":
                self.heartbeats += 1
            elif kind == "COMMAND_LONG":
                self.obey(message)
            elif kind == "SET_POSITION_TARGET_LOCAL_NED" and self.mode == GUIDED:
                self.setpoints += 1
                self.target = [message.x, message.y, -message.z]
            else:
                self.hear_other(message)

    def hear_other(self, message):
        """What a plain vehicle has no ear for."""

    def obey(self, message):
        command = message.command
        result = mavlink.MAV_RESULT_ACCEPTED
        if command == mavlink.MAV_CMD_COMPONENT_ARM_DISARM:
            forced = message.param2 == 21196
            if message.param1 == 1 and self.mode != GUIDED:
                result = mavlink.MAV_RESULT_TEMPORARILY_REJECTED
            elif message.param1 == 0 and self.position[2] > 0.2 and not forced:
                result = mavlink.MAV_RESULT_DENIED
            else:
                self.armed = message.param1 == 1
        elif command == mavlink.MAV_CMD_DO_SET_MODE:
            self.mode = int(message.param2)
        elif command == mavlink.MAV_CMD_NAV_TAKEOFF:
            if self.armed:
                self.target[2] = message.param7 + self.overshoot
            else:
                result = mavlink.MAV_RESULT_DENIED
        elif command == mavlink.MAV_CMD_NAV_LAND:
            self.mode = LAND
        elif command == mavlink.MAV_CMD_DO_FLIGHTTERMINATION:
            self.armed = False
        elif command == mavlink.MAV_CMD_REQUEST_MESSAGE:
            if int(message.param1) != mavlink.MAVLINK_MSG_ID_AUTOPILOT_VERSION:
                result = mavlink.MAV_RESULT_UNSUPPORTED
        elif command != mavlink.MAV_CMD_SET_MESSAGE_INTERVAL:
            result = mavlink.MAV_RESULT_UNSUPPORTED
        self.commands.append((command, result))
        self.link.command_ack_send(command, result)
        if command == mavlink.MAV_CMD_REQUEST_MESSAGE and result == mavlink.MAV_RESULT_ACCEPTED:
            self.link.autopilot_version_send(0, 0, 0, 0, 0, bytes(8), bytes(8), bytes(8), 0, 0, self.uid)

    def move(self):
        if self.mode == LAND:
            self.target[2] = 0.0
        for axis in range(3):
            way = self.target[axis] - self.position[axis]
            most = self.speed * STEP if self.armed or axis == 2 else 0.0
            self.position[axis] += math.copysign(min(abs(way), most), way)
        self.highest = max(self.highest, self.position[2])
        if self.mode == LAND and self.position[2] == 0.0:
            self.armed = False

    def tell(self, steps, boot_ms):
        x, y, up = self.position
        self.link.local_position_ned_send(boot_ms, x, y, -up, 0.0, 0.0, 0.0)
        self.link.attitude_send(boot_ms, 0.02 * math.sin(boot_ms / 500), 0.01, 1.0, 0.0, 0.0, 0.0)
        if steps % 10 == 0:
            armed = mavlink.MAV_MODE_FLAG_SAFETY_ARMED if self.armed else 0
            flags = mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED | armed
            self.link.heartbeat_send(
                mavlink.MAV_TYPE_QUADROTOR,
                mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA,
                flags,
                self.mode,
                mavlink.MAV_STATE_ACTIVE if self.armed else mavlink.MAV_STATE_STANDBY,
            )
