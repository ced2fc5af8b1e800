"""The foreign side of `cargo bench --bench codecs`: decodes a stream, encodes a command, and times itself.

    codecs.py PEER STREAM DBC-OR-DESCRIPTORS

STREAM holds frames, each behind its length in four little-endian bytes. Prints one object of JSON: the seconds of the best pass over the
stream, the messages in it, and frames encoded in a second.
"""

import binascii
import json
import re
import struct
import sys
import time

PASSES = 3
ORDERS = 20_000


def frames(path):
    with open(path, "rb") as file:
        whole = file.read()
    at, found = 0, []
    while at < len(whole):
        (length,) = struct.unpack_from("<I", whole, at)
        found.append(whole[at + 4 : at + 4 + length])
        at += 4 + length
    return found


def lines_of(stream, end):
    rest = b""
    for chunk in stream:
        *whole, rest = (rest + chunk).split(end)
        yield from whole


def pymavlink():
    from pymavlink.dialects.v20 import ardupilotmega as dialect

    def decode(stream):
        link, count = dialect.MAVLink(None), 0
        link.robust_parsing = True
        for chunk in stream:
            count += len(link.parse_buffer(chunk) or ())
        return count

    link = dialect.MAVLink(None, srcSystem=255, srcComponent=190)
    return decode, lambda n: link.command_long_encode(1, 1, 400, 0, 0, 21196, 0, 0, 0, 0, n % 7).pack(link)


def cantools(dbc):
    import cantools as tools

    base = tools.database.load_file(dbc)
    known = {message.frame_id: message for message in base.messages}

    def decode(stream):
        count = 0
        for line in lines_of(stream, b"\r"):
            if line[:1] != b"t":
                continue
            frame, length = int(line[1:4], 16), int(line[4:5])
            if frame in known:
                known[frame].decode(bytes.fromhex(line[5 : 5 + 2 * length].decode()), allow_truncated=True)
                count += 1
        return count

    message = base.messages[0]
    values = {signal.name: signal.minimum or 0 for signal in message.signals}

    def encode(_):
        data = message.encode(values, strict=False)
        return b"t%03X%d%s\r" % (message.frame_id, len(data), data.hex().upper().encode())

    return decode, encode


def pymodbus():
    from pymodbus.framer import FramerRTU
    from pymodbus.pdu import DecodePDU
    from pymodbus.pdu.register_message import WriteSingleRegisterRequest

    framer = FramerRTU(DecodePDU(False))

    def decode(stream):
        rest, count = b"", 0
        for chunk in stream:
            rest += chunk
            while rest:
                used, message = framer.handleFrame(rest, 0, 0)
                if not used:
                    break
                rest = rest[used:]
                count += message is not None
        return count

    return decode, lambda n: framer.buildFrame(WriteSingleRegisterRequest(address=0, registers=[n % 4], dev_id=1))


def protobuf():
    from pysparkplug._protobuf.sparkplug_b_pb2 import Payload

    def decode(stream):
        count = 0
        for chunk in stream:
            payload = Payload.FromString(chunk)
            for metric in payload.metrics:
                which = metric.WhichOneof("value")
                if which:
                    getattr(metric, which)
            count += 1
        return count

    def encode(n):
        payload = Payload(timestamp=n)
        metric = payload.metrics.add()
        metric.name, metric.datatype, metric.int_value = "mode", 3, 1
        return payload.SerializeToString()

    return decode, encode


def grbl():
    report = re.compile(
        rb"<(\w+)(?::(\d+))?\|[MW]Pos:(-?[\d.]+),(-?[\d.]+),(-?[\d.]+)(?:\|Bf:(\d+),(\d+))?(?:\|FS:([\d.]+),([\d.]+))?"
    )

    def decode(stream):
        count = 0
        for line in lines_of(stream, b"\n"):
            found = report.match(line)
            if found:
                [float(x) for x in found.group(3, 4, 5, 8) if x is not None]
                count += 1
        return count

    return decode, lambda n: f"$J=G53 X{n % 9:.3f} Y{n % 7:.3f} F{600:.1f}\n".encode()


def lines():
    report = re.compile(r"MON R=(\S+) W=(\S+) K=(\S+) D=(\S+) U=(\S+) F=(\S+) C=(\S+)")

    def decode(stream):
        count = 0
        for line in lines_of(stream, b"\n"):
            body, _, total = line.rpartition(b"*")
            if not body or binascii.crc_hqx(body, 0xFFFF) != int(total, 16):
                continue
            found = report.fullmatch(body.decode())
            if found:
                [float(x) for x in found.group(5, 6, 7)]
                count += 1
        return count

    def encode(_):
        body = b"FLASH"
        return b"%s*%04X\n" % (body, binascii.crc_hqx(body, 0xFFFF))

    return decode, encode


def pynmea2():
    import pynmea2 as tools

    def decode(stream):
        count = 0
        for line in lines_of(stream, b"\r\n"):
            message = tools.parse(line.decode(), check=True)
            message.latitude, message.longitude
            count += 1
        return count

    return decode, None


def plain_json():
    def decode(stream):
        return sum(1 for chunk in stream if json.loads(chunk) is not None)

    return decode, lambda n: json.dumps({"state": "ON", "level": n}).encode()


def json_lines():
    def decode(stream):
        return sum(1 for line in lines_of(stream, b"\n") if json.loads(line) is not None)

    return decode, lambda n: json.dumps({"cmd": "dose", "flow": {"ml_s": n}, "soft": True}).encode() + b"\n"


def stuffed(parse, build):
    from cobs import cobs
    import crcmod.predefined

    kermit = crcmod.predefined.mkCrcFun("kermit")

    def decode(stream):
        count = 0
        for frame in lines_of(stream, b"\0"):
            content = cobs.decode(frame)
            if kermit(content[:-2]) != int.from_bytes(content[-2:], "little"):
                raise ValueError("a check sum is wrong")
            parse(content[:-2])
            count += 1
        return count

    def encode(n):
        content = build(n)
        return cobs.encode(content + kermit(content).to_bytes(2, "little")) + b"\0"

    return decode, encode


def declared():
    import construct as c

    bits = c.BitStruct("fault" / c.BitsInteger(4), "mode" / c.BitsInteger(3), "braked" / c.BitsInteger(1))
    state = c.Struct(
        "id" / c.Const(1, c.Int8ub), "speed" / c.Int16sl, "current" / c.Int16sb, "warm" / c.Int8ub, "bits" / bits
    )
    turn = c.Struct("id" / c.Const(16, c.Int8ub), "kind" / c.Const(2, c.Int8ub), "speed" / c.Int16sl, "ramp" / c.Int8ub)
    return stuffed(state.parse, lambda n: turn.build({"speed": n % 1000, "ramp": 20}))


def google(descriptors):
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    pool = descriptor_pool.DescriptorPool()
    with open(descriptors, "rb") as file:
        for one in descriptor_pb2.FileDescriptorSet.FromString(file.read()).file:
            pool.Add(one)
    kind = lambda name: message_factory.GetMessageClass(pool.FindMessageTypeByName(name))
    says, hears = kind("gripper.FromGripper"), kind("gripper.ToGripper")

    def grip(n):
        message = hears()
        message.grip.force = n
        return message.SerializeToString()

    return stuffed(says.FromString, grip)


def main():
    peer, path, dbc = sys.argv[1:]
    kinds = {
        "pymavlink": pymavlink,
        "cantools": lambda: cantools(dbc),
        "pymodbus": pymodbus,
        "protobuf": protobuf,
        "re": grbl,
        "re-lines": lines,
        "pynmea2": pynmea2,
        "json": plain_json,
        "json-lines": json_lines,
        "construct": declared,
        "google.protobuf": lambda: google(dbc),
    }
    try:
        decode, encode = kinds[peer]()
    except ImportError as error:
        print(json.dumps({"missing": f"not installed ({error.name})"}))
        return
    stream, best, count = frames(path), float("inf"), 0
    for _ in range(PASSES):
        begun = time.perf_counter()
        count = decode(stream)
        best = min(best, time.perf_counter() - begun)
    assert count, "the peer found no message"
    told = {"decode_s": best, "messages": count}
    if encode:
        begun = time.perf_counter()
        for n in range(ORDERS):
            encode(n)
        told["encodes_per_s"] = ORDERS / (time.perf_counter() - begun)
    print(json.dumps(told))


main()
