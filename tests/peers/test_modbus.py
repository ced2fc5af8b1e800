"""pymodbus as client of the air handler's twin, and as the device that `checkrein run` steers; over pseudo-terminals."""

import asyncio
import json
import re
import struct
import subprocess
import threading

import pytest
from bench import Line
from conftest import run_folder, told, wait_until
from pymodbus.client import ModbusSerialClient
from pymodbus.constants import ExcCodes
from pymodbus.framer import FramerRTU
from pymodbus.pdu import ExceptionResponse
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice

ENVELOPE = """\
envelope: Foreign plant on a bench
rules:
  not-hot:
    always: plant.heat <= 60 degC
    because: The test's own limit.
    source: the test
    react_within: 500 ms
    safe_within: 5 s
"""

RIG = """\
rig: foreign
about: A plant that pymodbus plays.
envelope: envelope.yaml
links:
  line: {{ serial: {port}, baud: 19200 }}
devices:
  plant:
    link: line
    protocol: {{ modbus: 1, timeout: 500 ms, words: {words} }}
    identity:
      "holding[0]": 4660
    heartbeat: {{ send: "holding[9]", every: 1 s }}
    dead_man: {{ loses: heartbeat, safe_within: 30 s }}
    signals:
      heat:  {{ field: "holding[1]:i16", scale: 0.1 degC, range: -50 degC .. 200 degC, every: 200 ms, stale_after: 3 s }}
      power: {{ field: "holding[2]:f32", scale: 1 W, range: -100 W .. 100 W, every: 200 ms, stale_after: 3 s }}
      count: {{ field: "holding[4]:u32", scale: 1 J, range: 0 J .. 5000000000 J, every: 200 ms, stale_after: 3 s }}
      power_in: {{ field: "input[0]:f32", scale: 1 W, range: -100 W .. 100 W, every: 200 ms, stale_after: 3 s }}
      level: {{ field: "input[2]:i32", scale: 1 J, range: -3000000 J .. 0 J, every: 200 ms, stale_after: 3 s }}
      valve: {{ field: "coil[1]", flag: true, every: 200 ms, stale_after: 3 s }}
      pump:  {{ field: "coil[5]", flag: true, every: 200 ms, stale_after: 3 s }}
      full:  {{ field: "discrete[2]", flag: true, every: 200 ms, stale_after: 3 s }}
      runs:  {{ field: "holding[6]", flag: true, every: 200 ms, stale_after: 3 s }}
    commands:
      start: {{ send: write, with: {{ "holding[6]": 1 }}, ack: answer }}
      aim:
        args: {{ heat: 0 degC .. 100 degC, power: -50 W .. 50 W }}
        send: write
        with:
          "holding[1]:i16": {{ arg: heat, scale: 0.1 degC }}
          "holding[2]:f32": {{ arg: power, scale: 1 W }}
        ack: answer
      open:  {{ send: write, with: {{ "coil[1]": 1 }}, ack: answer }}
      pumps: {{ send: write, with: {{ "coil[4]": 1, "coil[5]": 1 }}, ack: answer }}
      stop: {{ send: write, with: {{ "holding[6]": 0 }}, ack: answer, harmless: true }}
    safe: not plant.runs
    ladder:
      - {{ do: plant.stop, within: 2 s, category: 1 }}
      - {{ do: plant.stop, within: 2 s, category: 1 }}
"""

SCENARIO = """\
scenario: Steer a foreign plant
rig: foreign
steps:
  - expect: abs(plant.power - 20.25 W) < 0.01 W and abs(plant.count - {count}) < 1 J
    within: 5 s
  - expect: abs(plant.power_in - 20.25 W) < 0.01 W and abs(plant.level + 2000000 J) < 1 J and plant.full
    within: 5 s
  - expect: not plant.valve and not plant.pump
    within: 5 s
  - do: plant.open
    within: 5 s
  - do: plant.pumps
    within: 5 s
  - expect: plant.valve and plant.pump
    within: 5 s
  - do: plant.start
    within: 5 s
  - do: plant.aim
    with: {{ heat: 40 degC, power: -12.5 W }}
    within: 5 s
  - expect: plant.runs and abs(plant.heat - 40 degC) < 0.1 K and abs(plant.power + 12.5 W) < 0.01 W
    within: 5 s
finally:
  - do: plant.stop
    within: 5 s
  - expect: not plant.runs
    within: 5 s
"""


@pytest.fixture
def line():
    it = Line()
    yield it
    it.close()


class Plant:
    """pymodbus as a device on a thread of its own, with its asyncio loop."""

    def __init__(self, port, order, refuses=None):
        """`refuses`: the exception that a function is answered with."""

        def words(kind, value):
            high, low = struct.unpack(">HH", struct.pack(f">{kind}", value))
            return [high, low] if order == "high-first" else [low, high]

        registers = [4660, 215, *words("f", 20.25), *words("I", 4_000_000_000), 0, 0, 0, 0]
        inputs = [*words("f", 20.25), *words("i", -2_000_000)]
        coils, discrete = [False] * 16, [place == 2 for place in range(16)]
        self.context = SimDevice(
            1,
            simdata=(
                [SimData(0, values=coils, datatype=DataType.BITS)],
                [SimData(0, values=discrete, datatype=DataType.BITS)],
                [SimData(0, values=registers, datatype=DataType.REGISTERS)],
                [SimData(0, values=inputs, datatype=DataType.REGISTERS)],
            ),
        )
        self.port = port
        self.asked = []
        self.refuses = refuses or {}
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_until_complete, args=(self.serve(),), daemon=True)
        self.up = threading.Event()
        self.thread.start()
        assert self.up.wait(10), "the server did not start"

    def heard(self, sending, pdu):
        if not sending:
            self.asked.append(pdu.function_code)
        elif pdu.function_code in self.refuses:
            return ExceptionResponse(pdu.function_code, self.refuses[pdu.function_code], pdu.dev_id)
        return pdu

    async def serve(self):
        self.server = ModbusSerialServer(self.context, port=self.port, baudrate=19200, trace_pdu=self.heard)
        await self.server.serve_forever(background=True)
        self.up.set()
        try:
            await self.server.serving
        except asyncio.CancelledError:
            pass

    def close(self):
        asyncio.run_coroutine_threadsafe(self.server.shutdown(), self.loop).result(5)
        self.thread.join(5)


def steer(checkrein, tmp_path, line, ours, theirs, refuses=None):
    """Runs the scenario against a plant; the plant, and how the run ended."""
    rig = tmp_path / "rigs/foreign"
    rig.mkdir(parents=True)
    (rig / "rig.yaml").write_text(RIG.format(port=line.paths[0], words=ours))
    (rig / "envelope.yaml").write_text(ENVELOPE)
    scenario = tmp_path / "steer.yaml"
    scenario.write_text(SCENARIO.format(count="4000000000 J"))
    plant = Plant(line.paths[1], theirs, refuses)
    try:
        return plant, checkrein("run", scenario, "--no-plots", "--runs", tmp_path / "runs", cwd=tmp_path)
    finally:
        plant.close()


@pytest.mark.parametrize("words", ["high-first", "low-first"])
def test_a_plant_that_pymodbus_plays_is_read_and_steered(checkrein, tmp_path, line, words):
    plant, done = steer(checkrein, tmp_path, line, words, words)
    assert done.returncode == 0, told(done)
    verdict = json.loads((run_folder(tmp_path / "runs") / "verdict.json").read_text())
    assert verdict["verdict"] == "pass", verdict
    # Each of the four tables read, one place written and several.
    assert set(plant.asked) == {1, 2, 3, 4, 5, 6, 15, 16}, set(plant.asked)


def test_another_word_order_is_not_mistaken_for_the_same_numbers(checkrein, tmp_path, line):
    _, done = steer(checkrein, tmp_path, line, "high-first", "low-first")
    assert done.returncode in (1, 2), told(done)


# MODBUS Application Protocol 1.1b3, section 7: the codes that a device may refuse with, in the words of its table.
EXCEPTIONS = [
    (15, ExcCodes.ILLEGAL_FUNCTION, "exception 01: illegal function"),
    (5, ExcCodes.ILLEGAL_ADDRESS, "exception 02: illegal data address"),
    (16, ExcCodes.ILLEGAL_VALUE, "exception 03: illegal data value"),
    (5, ExcCodes.DEVICE_FAILURE, "exception 04: server device failure"),
    (15, ExcCodes.DEVICE_BUSY, "exception 06: server device busy"),
]


@pytest.mark.parametrize(("function", "code", "words"), EXCEPTIONS)
def test_an_exception_of_the_plant_refuses_the_order_in_words(checkrein, tmp_path, line, function, code, words):
    plant, done = steer(checkrein, tmp_path, line, "high-first", "high-first", {function: code})
    # A step that could not be done says nothing against the plant: inconclusive.
    assert done.returncode == 2, told(done)
    assert words in done.stdout, told(done)
    assert function in plant.asked


def test_what_the_plant_refuses_to_tell_is_never_armed_upon(checkrein, tmp_path, line):
    _, done = steer(checkrein, tmp_path, line, "high-first", "high-first", {3: ExcCodes.DEVICE_FAILURE})
    assert done.returncode in (2, 3), told(done)
    assert "exception 04: server device failure" in done.stdout, told(done)


@pytest.fixture
def air_handler(checkrein, repo):
    """The air handler's twin alone, and pymodbus as its client."""
    twins = subprocess.Popen([checkrein.path, "sim", "building-floor"], stdout=subprocess.PIPE, text=True, cwd=repo)
    try:
        port = None
        for said in twins.stdout:
            found = re.search(r"link plant .*: (/dev/\S+)", said)
            if found:
                port = found[1]
                break
        assert port, "the twins told no port"
        client = ModbusSerialClient(port, baudrate=19200, timeout=2)  # a pseudo-terminal has no parity
        assert client.connect()
        yield client
        client.close()
    finally:
        twins.terminate()
        twins.wait(10)


def test_the_twin_answers_pymodbus_as_the_specification_says(air_handler):
    client = air_handler
    supply, back = client.read_input_registers(0, count=2, device_id=1).registers
    assert 50 < supply < 400 and 50 < back < 400, "tenths of a degree"
    assert client.read_discrete_inputs(0, count=1, device_id=1).bits[0] is False, "no frost"
    assert client.read_holding_registers(0, count=1, device_id=1).registers == [1], "on its schedule"
    # One register, then several (functions 6 and 16); both are held.
    assert not client.write_register(0, 3, device_id=1).isError()
    assert not client.write_registers(1, [200, 300, 0, 500], device_id=1).isError()
    assert client.read_holding_registers(0, count=5, device_id=1).registers == [3, 200, 300, 0, 500]
    # MODBUS Application Protocol 1.1b3, 6.4: a place that does not exist is exception 02, and no part of it is answered.
    beyond = client.read_input_registers(60000, count=1, device_id=1)
    assert beyond.isError() and beyond.exception_code == ExcCodes.ILLEGAL_ADDRESS
    # Its one coil opens the fire contact, and closes it again (function 5); there is no second.
    fire = lambda: client.read_discrete_inputs(1, count=1, device_id=1).bits[0]
    assert fire() is False
    for drill in (True, False):
        assert not client.write_coil(0, drill, device_id=1).isError()
        assert client.read_coils(0, count=1, device_id=1).bits[0] is drill
        wait_until(lambda: fire() is drill, "the fire contact to follow")
    assert client.write_coil(1, True, device_id=1).exception_code == ExcCodes.ILLEGAL_ADDRESS
    assert client.read_coils(1, count=1, device_id=1).exception_code == ExcCodes.ILLEGAL_ADDRESS
    # 6.17 is not one of its functions: exception 01.
    assert client.readwrite_registers(
        read_address=0, read_count=1, write_address=0, values=[1], device_id=1
    ).exception_code == ExcCodes.ILLEGAL_FUNCTION


def ask(client, data):
    """Sends a frame with pymodbus' own check sum; what comes back of it, without unit and check sum, or nothing."""
    port = client.socket
    port.reset_input_buffer()
    sum = FramerRTU.compute_CRC(data)
    port.write(data + bytes([sum >> 8, sum & 0xFF]))
    answer = port.read(2) + port.read(3)
    if len(answer) == 5 and not answer[1] & 0x80:
        answer += port.read(8 - 5)
    return answer[1:-2] if answer else None


def test_the_twin_refuses_numbers_that_the_specification_does_not_allow(air_handler):
    """MODBUS Application Protocol 1.1b3: 6.3 and 6.4 allow 1 to 125 registers, 6.1 and 6.2 1 to 2000 bits, 6.5 the values 0000
    and FF00, 6.12 1 to 123 registers with twice as many bytes: exception 03 for all else, before the address is looked at."""
    client = air_handler
    client.socket.timeout = 1
    refused = [
        "01 03 0000 0000",
        "01 03 0000 007E",
        "01 04 0000 0000",
        "01 04 0000 007E",
        "01 02 0000 0000",
        "01 02 0000 07D1",
        "01 05 0000 1200",
        "01 10 0000 0002 02 0001",
        "01 10 0000 0000 00",
    ]
    for request in refused:
        data = bytes.fromhex(request)
        assert ask(client, data) == bytes([data[1] | 0x80, ExcCodes.ILLEGAL_VALUE]), request
    assert ask(client, bytes.fromhex("01 55")) == bytes([0xD5, ExcCodes.ILLEGAL_FUNCTION])
    assert client.read_holding_registers(0, count=1, device_id=1).registers == [1], "and nothing was written"


def test_the_twin_hears_what_is_for_everybody_and_answers_only_what_is_its_own(air_handler):
    """MODBUS over serial line 1.02, 2.1: unit 0 writes to every device, and none answers; 2.2: another unit stays silent, and so
    does a frame whose check sum is wrong (2.5.1.2)."""
    client = air_handler
    client.socket.timeout = 0.5
    assert ask(client, bytes.fromhex("02 03 0000 0001")) is None, "for another unit"
    client.socket.write(bytes.fromhex("01 03 0000 0001 84 0B"))
    assert client.socket.read(1) == b"", "a bad check sum"
    client.write_register(0, 3, device_id=0, no_response_expected=True)
    assert client.socket.read(1) == b"", "nobody answers it"
    client.socket.timeout = 2
    assert client.read_holding_registers(0, count=1, device_id=1).registers == [3], "and it was heard"
