"""Writes foreign.json: lines that Python's own json, ujson, orjson and simplejson make of the same messages, and what they read
in the lines that we are to say.

    pip install ujson==5.10.0 orjson==3.10.18 simplejson==3.20.1 && python make.py > foreign.json
"""

import json
import math
import random

import orjson
import simplejson
import ujson

WRITERS = {
    "json": json.dumps,
    "json compact": lambda o: json.dumps(o, separators=(",", ":"), sort_keys=True),
    "json plain letters": lambda o: json.dumps(o, ensure_ascii=False),
    "ujson": ujson.dumps,
    "ujson escaped": lambda o: ujson.dumps(o, escape_forward_slashes=True, ensure_ascii=True),
    "orjson": lambda o: orjson.dumps(o).decode(),
    "simplejson": simplejson.dumps,
}
ENDS = ["\n", "\r\n", "\r"]

random.seed(7)


def state(number):
    values = {
        "angle": random.choice([0, -1, 7, random.uniform(-3, 3), 1e-7 * number, -2.5e9, 1.0, 123456789012]),
        "mode": random.choice(["IDLE", "RUN", "ÄRGER", 'a "quoted" / slash\\']),
        "brake": random.choice([True, False]),
        "count": number,
        "none": None,
        "tip": {"x": random.uniform(-1, 1), "deep": {"~a/b": number / 4}},
        "temps": [random.randint(-40, 120) for _ in range(3)],
    }
    if number % 3 == 0:
        values["text"] = "§ \n newline and \u2028 and 🚀"
    return {"type": "state", **values}


made = []
for number in range(24):
    message = state(number)
    for place, (name, writer) in enumerate(WRITERS.items()):
        text = writer(message)
        assert json.loads(text) == message or math.isfinite(message["angle"]), name
        end = ENDS[(number + place) % 3]
        # What came out of that library, read back by another: what they agree on is what stands there.
        read = orjson.loads(text)
        made.append(
            {
                "by": name,
                "line": text + end,
                "values": {
                    "/angle": repr(float(read["angle"])),
                    "/count": repr(float(read["count"])),
                    "/tip/x": repr(float(read["tip"]["x"])),
                    "/tip/deep/~0a~1b": repr(float(read["tip"]["deep"]["~a/b"])),
                    "/temps/2": repr(float(read["temps"][2])),
                },
                "brake": read["brake"],
                "mode": read["mode"],
            }
        )
ours = [
    {"cmd": "turn", "torque": -1.5, "joint": 2, "soft": True, "note": "gently", "to": {"y": 0.25}},
    {"cmd": "halt"},
]
print(
    json.dumps(
        {"says": made, "hears": [orjson.dumps(o).decode() + "\n" for o in ours]},
        indent=1,
        ensure_ascii=True,
    )
)
