"""Writes foreign.json: messages of lab.proto as Google's protobuf for Python writes them, framed by cobs, sliplib and crcmod.

    pip install protobuf==7.36.2 grpcio-tools==1.85.1 crcmod==1.7 cobs==1.2.2 sliplib==0.7.2 && python make.py > foreign.json
"""

import json
import os
import random
import struct
import sys
import tempfile

import crcmod.predefined
from cobs import cobs
from grpc_tools import protoc
from sliplib import Driver

here = os.path.dirname(os.path.abspath(__file__))
made_in = tempfile.mkdtemp()
google = os.path.join(os.path.dirname(protoc.__file__), "_proto")
if protoc.main(["", f"-I{here}", f"-I{google}", f"--python_out={made_in}", "lab.proto", "units.proto"]):
    sys.exit("protoc failed")
sys.path.insert(0, made_in)
import lab_pb2  # noqa: E402

kermit = crcmod.predefined.mkCrcFun("kermit")
xmodem = crcmod.predefined.mkCrcFun("xmodem")


def counted(content):
    body = struct.pack(">H", len(content)) + content
    return b"\xfa" + body + struct.pack(">H", xmodem(body))


FRAMINGS = {
    "cobs": lambda content: cobs.encode(content + struct.pack("<H", kermit(content))) + b"\x00",
    "slip": lambda content: Driver().send(content + struct.pack("<H", kermit(content))),
    "length": counted,
}

random.seed(11)
says = []
for number in range(40):
    message = lab_pb2.FromLab(number=number)
    state = message.state
    state.angle.extend([random.uniform(-3, 3) for _ in range(number % 4)])
    for place in range(number % 3):
        state.joints.add(torque=random.uniform(-50, 50), steps=random.randint(-(1 << 40), 1 << 40))
    state.mode = random.choice([0, 1, 7, 5])
    state.brake = bool(number & 1)
    state.offset = random.randint(-(1 << 31), (1 << 31) - 1)
    state.clock = random.randrange(1 << 53)
    if number % 5:
        state.force = random.uniform(0, 200) if number % 3 else 0.0
    state.small = -number
    state.wide = random.randint(-(1 << 52), 1 << 52)
    if number % 2:
        state.tip.x, state.tip.y = random.uniform(-1, 1), 0.0
    state.name = f"Gerät {number}"
    state.flags = random.randrange(1 << 32)
    values = {
        "state.mode": state.mode,
        "state.brake": int(state.brake),
        "state.offset": state.offset,
        "state.clock": state.clock,
        "state.small": state.small,
        "state.wide": state.wide,
        "state.flags": state.flags,
        "FromLab.number": number,
    }
    if number % 4 > 2:
        values["state.angle[2]"] = state.angle[2]
    if number % 3 > 1:
        values["state.joints[1].torque"] = state.joints[1].torque
        values["State.joints[1].steps"] = state.joints[1].steps
    if state.HasField("force"):
        values["state.force"] = state.force
    if state.HasField("tip"):
        values["state.tip.x"], values["state.tip.y"] = state.tip.x, state.tip.y
    # As texts, so that no reader of JSON rounds them.
    values = {key: repr(value) for key, value in values.items()}
    says.append((values, message.SerializeToString()))

turn = lab_pb2.ToLab()
turn.turn.joint = 2
turn.turn.torque = -1.5
turn.turn.mode = lab_pb2.MOVE
turn.turn.gains.extend([0, -7])
turn.turn.to.y = 0.25
turn.turn.note = "soft"
halt = lab_pb2.ToLab()
halt.halt.SetInParent()
ack = lab_pb2.FromLab()
ack.ack.number = 300

made = {}
for name, frame in FRAMINGS.items():
    made[name] = {
        "says": [{"values": values, "hex": frame(content).hex()} for values, content in says],
        "ack": frame(ack.SerializeToString()).hex(),
        "turn": frame(turn.SerializeToString()).hex(),
        "halt": frame(halt.SerializeToString()).hex(),
    }
print(json.dumps(made, indent=1))
