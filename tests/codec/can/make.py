"""Writes what cantools reads: for a DBC file, random and edge payloads of every message with the values of its signals.

    pip install cantools python-can
    python3 make.py cases FILE.dbc OUT.json          # payloads and values, of every message
    python3 make.py capture FILE.dbc OUT.bin         # python-can's slcan writer, of every message (8 bytes at most)

`features.json`, `vehicle.json` and `features.bin` beside this file were made so, with cantools 45.1.0 and python-can 4.6.1.
"""

import json
import random
import sys

import cantools


def plain(value):
    return value if isinstance(value, (int, float)) else str(value)


def payloads(message, chance):
    yield bytes(message.length)
    yield b"\xff" * message.length
    for _ in range(12):
        yield bytes(chance.randrange(256) for _ in range(message.length))
    # Every value of every chooser, so that each branch is met.
    for signal in message.signals:
        if signal.is_multiplexer:
            for value in {v for s in message.signals for v in (s.multiplexer_ids or [])}:
                data = bytearray(chance.randrange(256) for _ in range(message.length))
                number = int.from_bytes(data, "little")
                if signal.byte_order == "little_endian" and value < 1 << signal.length:
                    mask = ((1 << signal.length) - 1) << signal.start
                    number = number & ~mask | value << signal.start
                    yield number.to_bytes(message.length, "little")


def cases(database):
    chance = random.Random(1)
    for message in database.messages:
        for data in payloads(message, chance):
            try:
                values = message.decode(data, decode_choices=False)
            except Exception:
                # A chooser's value that belongs to nobody: cantools decodes nothing of such a frame.
                continue
            values = {name: "nan" if value != value else plain(value) for name, value in values.items()}
            values = {name: str(v) if v in (float("inf"), float("-inf")) else v for name, v in values.items()}
            yield {"message": message.name, "data": data.hex(), "values": values}


def capture(database, out):
    import can
    from can.interfaces.slcan import slcanBus

    class Port:
        def __init__(self):
            self.bytes = b""
            self.write_timeout = None

        def write(self, data):
            self.bytes += data

        def flush(self):
            pass

    bus = slcanBus.__new__(slcanBus)
    bus.serialPortOrig = Port()
    chance = random.Random(2)
    for message in database.messages:
        if message.length > 8:
            continue
        data = bytes(chance.randrange(256) for _ in range(message.length))
        bus.send(can.Message(arbitration_id=message.frame_id, is_extended_id=message.is_extended_frame, data=data))
    bus._is_shutdown = True
    with open(out, "wb") as file:
        file.write(bus.serialPortOrig.bytes)


def main():
    what, dbc, out = sys.argv[1:]
    database = cantools.database.load_file(dbc, strict=False)
    try:
        cantools.database.load_file(dbc, strict=True)
        fits = True
    except cantools.database.Error as why:
        # Signals that overlap are read all the same; one that ends beyond its message is refused.
        fits = "does not fit" not in str(why)
    if what == "capture":
        capture(database, out)
    else:
        with open(dbc, encoding="latin-1") as file:
            text = file.read()
        with open(out, "w") as file:
            json.dump({"dbc": text, "fits": fits, "cases": list(cases(database)) if fits else []}, file, indent=None, separators=(",", ":"))
            file.write("\n")


if __name__ == "__main__":
    main()
