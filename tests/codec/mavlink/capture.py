#!/usr/bin/env python3
"""Writes the captures of this folder with pymavlink, an implementation of MAVLink that we did not write.

usage: capture.py OUT_DIR      (pip install pymavlink==2.4.50)
"""
import json
import os
import sys
from pathlib import Path

os.environ["MAVLINK20"] = "1"
from pymavlink.dialects.v10 import ardupilotmega as v1  # noqa: E402
from pymavlink.dialects.v20 import ardupilotmega as v2  # noqa: E402


class Sink:
    """A file as pymavlink wants it."""

    def __init__(self):
        self.bytes = bytearray()

    def write(self, data):
        self.bytes += data


def story(mavlink, mav):
    """Half a minute of a vehicle's life in a dozen messages."""
    mav.heartbeat_send(mavlink.MAV_TYPE_QUADROTOR, mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA, 81, 4, mavlink.MAV_STATE_STANDBY)
    mav.attitude_send(1000, 0.125, -0.25, 3.0625, 0.01, -0.02, 0.03)
    mav.local_position_ned_send(1020, 1.5, -2.25, -5.125, 0.5, -0.5, 0.25)
    mav.global_position_int_send(1040, 556000000, 124000000, 12345, 5000, -123, 456, -78, 35999)
    mav.sys_status_send(0x1FFFFFFF, 0x1FFFFFFF, 0x1FFFFFF7, 421, 15800, -1, 87, 3, 1, 2, 3, 4, 5)
    mav.command_ack_send(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, mavlink.MAV_RESULT_ACCEPTED)
    mav.command_ack_send(mavlink.MAV_CMD_NAV_TAKEOFF, mavlink.MAV_RESULT_DENIED)
    mav.param_value_send(b"WPNAV_SPEED", 500.0, mavlink.MAV_PARAM_TYPE_REAL32, 900, 42)
    mav.param_value_send(b"SIXTEEN_LETTERS_", -1.5, mavlink.MAV_PARAM_TYPE_REAL32, 900, 43)
    mav.statustext_send(mavlink.MAV_SEVERITY_WARNING, b"PreArm: Gyros not calibrated")
    mav.battery_status_send(0, 1, 3, 2150, [4100, 4099, 4098, 4097] + [65535] * 6, 1234, 250, -1, 86)
    mav.heartbeat_send(mavlink.MAV_TYPE_QUADROTOR, mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA, 209, 4, mavlink.MAV_STATE_ACTIVE)
    # Trailing zeros, and nothing but zeros.
    mav.attitude_send(0, 0, 0, 0, 0, 0, 0)
    mav.local_position_ned_send(61000, 0, 0, -0.0, 0, 0, 0)


def every_message(mavlink, mav):
    """Each message of the dialect once, no field zero."""
    for message_id in sorted(mavlink.mavlink_map):
        cls = mavlink.mavlink_map[message_id]
        args = []
        for place, name in enumerate(cls.ordered_fieldnames):
            length = cls.array_lengths[place]
            kind = cls.fieldtypes[cls.fieldnames.index(name)]
            number = place % 100 + 1
            if kind == "char":
                args.append((name, b"text" if length else b"t"))
            else:
                number = float(number) if kind in ("float", "double") else number
                args.append((name, [number] * length if length else number))
        mav.send(cls(**dict(args)))


def decode(mavlink, data):
    """What pymavlink itself makes of the bytes."""
    parser = mavlink.MAVLink(None)
    parser.robust_parsing = True
    out = []
    for message in parser.parse_buffer(data) or []:
        numbers, texts = {}, {}
        for name, value in message.to_dict().items():
            if name == "mavpackettype":
                continue
            kind = message.fieldtypes[message.fieldnames.index(name)]
            length = message.array_lengths[message.ordered_fieldnames.index(name)]
            if kind == "char" and length:
                texts[name] = value
            elif kind == "char":
                numbers[name] = ord(value)
            elif length:
                numbers.update({f"{name}[{i}]": v for i, v in enumerate(value)})
            else:
                numbers[name] = value
        out.append(
            {
                "name": message.get_type(),
                "system": message.get_srcSystem(),
                "component": message.get_srcComponent(),
                "sequence": message.get_seq(),
                "numbers": numbers,
                "texts": texts,
            }
        )
    return out


def write(out, name, mavlink, sink):
    (out / f"{name}.bin").write_bytes(bytes(sink.bytes))
    messages = decode(mavlink, bytes(sink.bytes))
    lines = ",\n".join(json.dumps(m) for m in messages)
    (out / f"{name}.json").write_text(f"[\n{lines}\n]\n")
    print(name, len(sink.bytes), "bytes,", len(messages), "messages")


if __name__ == "__main__":
    out = Path(sys.argv[1])
    for name, mavlink, sign in [("v1", v1, False), ("v2", v2, False), ("v2-signed", v2, True)]:
        sink = Sink()
        mav = mavlink.MAVLink(sink, srcSystem=1, srcComponent=1)
        if sign:
            mav.signing.secret_key = bytes(range(32))
            mav.signing.link_id = 3
            mav.signing.timestamp = 1_000_000
            mav.signing.sign_outgoing = True
        story(mavlink, mav)
        write(out, name, mavlink, sink)
    sink = Sink()
    every_message(v2, v2.MAVLink(sink, srcSystem=1, srcComponent=1))
    (out / "every.bin").write_bytes(bytes(sink.bytes))
    names = [v2.mavlink_map[i].msgname for i in sorted(v2.mavlink_map)]
    (out / "every.json").write_text(json.dumps(names, indent=0) + "\n")
    print("every", len(sink.bytes), "bytes,", len(names), "messages")
