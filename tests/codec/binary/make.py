"""Writes foreign.json: frames that construct, crcmod, cobs and sliplib make, in four framings, both ways.

    pip install construct==2.10.70 crcmod==1.7 cobs==1.2.2 sliplib==0.7.2 && python make.py > foreign.json
"""

import json
import random

import crcmod.predefined
from cobs import cobs
from construct import (
    BitsInteger,
    BitStruct,
    Byte,
    Const,
    Float32l,
    Int8ub,
    Int16sb,
    Int16sl,
    Int16ul,
    Int32ul,
    Padding,
    Struct,
)
from sliplib import Driver

state = Struct(
    "id" / Const(1, Int8ub),
    "angle" / Int16sl,
    "speed" / Int16sb,
    # The bits of a C bit field on a small machine, the last field first.
    "bits" / BitStruct("fault" / BitsInteger(4), "mode" / BitsInteger(3), "brake" / BitsInteger(1)),
    "load" / Float32l,
    "count" / Int32ul,
    "gap" / Padding(1, b"\x5a"),
    "temps" / Byte[2],
)
ack = Struct("id" / Const(2, Int8ub), "number" / Int16ul)
turn = Struct("id" / Const(0x10, Int8ub), "joint" / Int8ub, "torque" / Int16sl)
halt = Struct("id" / Const(0x11, Int8ub), "kind" / Const(1, Int8ub))


def crc(name, width, order):
    made = crcmod.predefined.mkCrcFun(name)
    return lambda data: made(data).to_bytes(width, order)


kermit, iso_hdlc = crc("kermit", 2, "little"), crc("crc-32", 4, "little")
xmodem, smbus = crc("xmodem", 2, "big"), crc("crc-8", 1, "little")


def counted(content):
    built = Struct("length" / Int16ul).build({"length": len(content)}) + content
    return b"\xaa\x55" + built + xmodem(built)


FRAMINGS = {
    "cobs": lambda content: cobs.encode(content + kermit(content)) + b"\x00",
    "slip": lambda content: Driver().send(content + iso_hdlc(content)),
    "length": counted,
    "fixed": lambda content: b"\xaa\x55" + content + smbus(content),
}

random.seed(7)
states = [
    {"angle": 0, "speed": 0, "bits": {"fault": 0, "mode": 0, "brake": 0}, "load": 0.0, "count": 0, "temps": [0, 0]},
    {
        "angle": -0x5524,  # its bytes are DC AA: an escape's second byte, and a sync's first
        "speed": 0x00C0,
        "bits": {"fault": 13, "mode": 5, "brake": 1},
        "load": -0.1,
        "count": 0xC0DBDCDD,
        "temps": [0xAA, 0x55],
    },
]
for _ in range(30):
    states.append(
        {
            "angle": random.randint(-32768, 32767),
            "speed": random.randint(-32768, 32767),
            "bits": {"fault": random.randrange(16), "mode": random.randrange(8), "brake": random.randrange(2)},
            "load": random.uniform(-1e6, 1e6),
            "count": random.randrange(1 << 32),
            "temps": [random.randrange(256), random.randrange(256)],
        }
    )

made = {}
for name, frame in FRAMINGS.items():
    says = []
    for values in states:
        # What 32 bits hold of the number.
        held = state.parse(state.build(values)).load
        flat = {k: v for k, v in values.items() if k not in ("bits", "temps", "load")}
        flat |= values["bits"] | {"load": held, "temps[1]": values["temps"][1]}
        # As texts, so that no reader of JSON rounds them.
        flat = {key: repr(value) for key, value in flat.items()}
        says.append({"values": flat, "hex": frame(state.build(values)).hex()})
    made[name] = {
        "says": says,
        "ack": frame(ack.build({"number": 0x00C0})).hex(),
        "turn": frame(turn.build({"joint": 2, "torque": -1500})).hex(),
        "halt": frame(halt.build({})).hex(),
    }
print(json.dumps(made, indent=1))
