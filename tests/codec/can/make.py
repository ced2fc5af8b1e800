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


def raw_value(signal, chance):
    """A raw value, often one of the ends. Whole numbers only as far as a double holds them."""
    if signal.conversion.is_float:
        return float(f"{chance.uniform(-1, 1) * 10 ** chance.randrange(-6, 7):.7g}")
    bits = min(signal.length, 53)
    least = -(1 << bits - 1) if signal.is_signed else 0
    most = least + (1 << bits) - 1
    return chance.choice([least, most, 0, *(chance.randint(least, most) for _ in range(3))])


def branch(message, tree, chance, met):
    """Raw values of one way through the choosers; `met` is told which choices were taken."""
    raws = {}
    for node in tree:
        if isinstance(node, str):
            raws[node] = raw_value(message.get_signal_by_name(node), chance)
        else:
            for chooser, ways in node.items():
                value = chance.choice(sorted(ways))
                met.add((chooser, value))
                raws[chooser] = value
                raws.update(branch(message, ways[value], chance, met))
    return raws


def every_choice(tree):
    for node in tree:
        if not isinstance(node, str):
            for chooser, ways in node.items():
                for value, way in ways.items():
                    yield chooser, value
                    yield from every_choice(way)


def written(message, chance):
    """Payloads that cantools writes, until every value of every chooser was met: each with the values it was made of."""
    wanted, met, rounds = set(every_choice(message.signal_tree)), set(), 0
    while rounds < 8 or not wanted <= met:
        rounds += 1
        raws = branch(message, message.signal_tree, chance, met)
        try:
            first = message.encode(raws, scaling=False, padding=False, strict=False)
        except OverflowError:
            # It adds up signals that lie over each other, beyond the end of the message.
            return
        values = message.decode(first, decode_choices=False)
        data = message.encode(values, scaling=True, padding=False, strict=False)
        # Where signals lie over each other, cantools itself does not write what it has read.
        yield data, data == first and message.decode(data, decode_choices=False) == values


def json_values(values):
    values = {name: "nan" if value != value else plain(value) for name, value in values.items()}
    return {name: str(v) if v in (float("inf"), float("-inf")) else v for name, v in values.items()}


def cases(database):
    chance = random.Random(1)
    for message in database.messages:
        for data, both in [*((data, False) for data in payloads(message, chance)), *written(message, chance)]:
            try:
                values = message.decode(data, decode_choices=False)
            except Exception:
                # A chooser's value that belongs to nobody: cantools decodes nothing of such a frame.
                continue
            yield {"message": message.name, "data": data.hex(), "values": json_values(values), "encodes": both}


def messages(database):
    for message in database.messages:
        names = {s.name: {str(raw): str(name) for raw, name in (s.choices or {}).items()} for s in message.signals}
        shape = {"id": message.frame_id, "extended": message.is_extended_frame, "length": message.length}
        yield message.name, {**shape, "choices": names}


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


def described(dbc):
    """What cantools makes of a file; `refused` says why where it makes nothing of it."""
    with open(dbc, encoding="cp1252") as file:
        text = file.read()
    try:
        database = cantools.database.load_file(dbc, strict=False)
    except cantools.database.UnsupportedDatabaseFormatError as why:
        return {"dbc": text, "refused": str(why)}
    try:
        cantools.database.load_file(dbc, strict=True)
    except cantools.database.Error as why:
        # Signals that overlap are read all the same; one that ends beyond its message is refused.
        if "does not fit" in str(why):
            return {"dbc": text, "refused": str(why)}
    return {"dbc": text, "messages": dict(messages(database)), "cases": list(cases(database))}


def main():
    what, dbc, out = sys.argv[1:]
    if what == "capture":
        capture(cantools.database.load_file(dbc), out)
    else:
        with open(out, "w") as file:
            json.dump(described(dbc), file, indent=None, separators=(",", ":"))
            file.write("\n")


if __name__ == "__main__":
    main()
