"""python-can's slcan interface and cantools at the car's twin: what it says, what it obeys, and what a recording holds of it."""

import io
import json
import os
import pty
import subprocess
import threading
import tty

import can
import cantools
import obd
import pytest
from bench import signals_of, stop
from conftest import run_folder, told
from mcap.reader import make_reader
from mcap_protobuf.decoder import DecoderFactory

# Signal of the rig -> message and signal of the DBC file, where the rig keeps the file's unit.
FIELDS = {
    "car.speed": ("Motion", "Speed"),
    "car.accel": ("Motion", "Accel"),
    "car.offset": ("Lane", "Offset"),
    "car.heading": ("Lane", "Heading"),
    "car.steer": ("Lane", "Steer"),
    "car.lead_gap": ("Object", "LeadGap"),
    "car.lead_speed": ("Object", "LeadSpeed"),
    "car.person_gap": ("Object", "PersonGap"),
    "car.mode": ("Status", "Mode"),
}
STEPS = 400


@pytest.fixture(scope="module")
def database(repo):
    return cantools.database.load_file(repo / "rigs/car-bench/vehicle.dbc")


class Car:
    """The twin, and python-can before it."""

    def __init__(self, bus, database):
        self.bus, self.database, self.cycles = bus, database, []

    def say(self, message, **values):
        """Sends a message of the DBC file once."""
        self.bus.send(self.frame(message, values))

    def keep_saying(self, message, period, **values):
        """Sends it again and again."""
        self.cycles.append(self.bus.send_periodic(self.frame(message, values), period))

    def frame(self, message, values):
        kind = self.database.get_message_by_name(message)
        data = kind.encode(values, padding=True)
        return can.Message(arbitration_id=kind.frame_id, is_extended_id=False, data=data)

    def be_silent(self):
        for cycle in self.cycles:
            cycle.stop()
        self.cycles = []

    def hear(self, message, accept, what):
        """The values of the next message of that name that is accepted; `what` is said if none comes within 20 s of frames."""
        kind = self.database.get_message_by_name(message)
        # It says four messages every 20 ms, so so many frames are that time, and a machine under load only takes longer.
        values = None
        for _ in range(20 * 50 * 5):
            frame = self.bus.recv(timeout=10)
            assert frame is not None, f"silence, while waiting for: {what}"
            if frame.arbitration_id == kind.frame_id:
                values = self.database.decode_message(frame.arbitration_id, frame.data)
                if accept(values):
                    return values
        raise AssertionError(f"{what}; the last was {values}")


@pytest.fixture
def car(checkrein, repo, database):
    """The car's twin alone; the place of the cruise control is free for python-can."""
    words = [checkrein.path, "sim", "car-bench", "--only", "car", "--json"]
    twins = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=repo)
    try:
        links = json.loads(twins.stdout.readline())["links"]
        port = next(link["serial"] for link in links if "serial" in link)
        with can.Bus(interface="slcan", channel=port, bitrate=500_000, sleep_after_open=0.1) as bus:
            it = Car(bus, database)
            yield it
            it.be_silent()
    finally:
        stop(twins)


def test_it_says_who_it_is_and_how_it_stands(car):
    assert car.bus.get_serial_number(timeout=5) == "A123"
    heard = {name: car.hear(name, lambda _: True, name) for name in ["Motion", "Lane", "Status"]}
    assert heard["Motion"]["Speed"] == 0.0 and heard["Status"]["Mode"] == "STANDSTILL"
    # Both faces of the multiplexed message.
    assert car.hear("Object", lambda values: values["Kind"] == 0, "who drives ahead")["LeadGap"] == 250.0
    assert car.hear("Object", lambda values: values["Kind"] == 1, "who walks")["PersonGap"] == 250.0


def test_it_drives_and_stops_as_python_can_says(car):
    car.keep_saying("BenchAlive", 0.1, Here=1)
    car.say("Engage", Request="ENGAGE")
    car.hear("Status", lambda values: values["Mode"] == "ENGAGED", "it is engaged")
    car.keep_saying("Drive", 0.04, Accel=1.5, Steer=0.0)
    moving = car.hear("Motion", lambda values: values["Speed"] > 3.0, "it drives")
    assert 0.5 < moving["Accel"] < 2.0, moving
    car.say("Stop", Kind="EMERGENCY")
    car.hear("Motion", lambda values: values["Accel"] < -5.0, "it brakes hard, though Drive is still said")
    car.hear("Motion", lambda values: values["Speed"] == 0.0, "it stands")
    assert car.hear("Status", lambda _: True, "its mode")["Mode"] in ("EMERGENCY", "STANDSTILL")


def test_it_stops_by_itself_when_python_can_falls_silent(car):
    car.keep_saying("BenchAlive", 0.1, Here=1)
    car.say("Engage", Request="ENGAGE")
    car.keep_saying("Drive", 0.04, Accel=1.5, Steer=0.0)
    car.hear("Motion", lambda values: values["Speed"] > 2.0, "it drives")
    car.be_silent()
    car.hear("Status", lambda values: values["Mode"] == "STOPPING", "it notices")
    car.hear("Motion", lambda values: values["Speed"] == 0.0, "it stands")


def test_who_it_sees_is_who_python_can_puts_on_the_road(car):
    car.say("Scene", Event="LEAD", LeadGap=40.0, LeadSpeed=0.0)
    seen = car.hear("Object", lambda values: values.get("LeadSeen") == 1, "it sees the car ahead")
    assert seen["LeadGap"] == pytest.approx(40.0, abs=1.0), seen
    car.say("Scene", Event="WALK", WalkGap=30.0, WalkSpeed=0.0)
    seen = car.hear("Object", lambda values: values.get("PersonSeen") == 1, "it sees the person")
    assert seen["PersonGap"] == pytest.approx(30.0, abs=1.0), seen


def test_its_engine_answers_as_obd_wants_it(car):
    """ISO 15765-4: the answer to 7E0 comes from 7E8, a single frame of ISO-TP; SAE J1979: quarters of a turn a minute."""
    question = can.Message(arbitration_id=0x7E0, is_extended_id=False, data=bytes.fromhex("02010C0000000000"))
    car.bus.send(question)
    answer = next((frame for frame in (car.bus.recv(10) for _ in range(STEPS)) if frame.arbitration_id == 0x7E8), None)
    assert answer is not None, "no answer"
    length = answer.data[0]
    message = type("Message", (), {"data": answer.data[1 : 1 + length]})
    assert obd.commands.RPM.decode([message]).magnitude == 800.0, "it idles"


def frames_of(runs):
    """The bytes that the run heard on its serial line, read by python-can at a pseudo-terminal."""
    reader = make_reader(io.BytesIO((run_folder(runs) / "recording.mcap").read_bytes()), decoder_factories=[DecoderFactory()])
    heard = b""
    for _, _, _, message in reader.iter_decoded_messages():
        if message.DESCRIPTOR.full_name == "checkrein.v1.Input" and message.WhichOneof("kind") == "bytes":
            if not message.bytes.HasField("topic"):
                heard += message.bytes.bytes
    master, slave = pty.openpty()
    tty.setraw(slave)
    with can.Bus(interface="slcan", channel=os.ttyname(slave), bitrate=500_000, sleep_after_open=0) as bus:
        # Opening throws away what was in the line, so it is filled from here on; the last frame is one that no car sends.
        writer = threading.Thread(target=lambda: write_all(master, heard + b"\rt7FF0\r"), daemon=True)
        writer.start()
        while (frame := bus.recv(timeout=10)) is not None and frame.arbitration_id != 0x7FF:
            yield frame
        assert frame is not None, "the end of the recording was not read"
        writer.join()
    os.close(master)
    os.close(slave)


def write_all(handle, data):
    while data:
        data = data[os.write(handle, data[:1024]) :]


def test_a_recording_holds_the_values_that_cantools_decodes_from_its_frames(checkrein, database, tmp_path):
    result = checkrein("run", "scenarios/car-bench/cut-in.yaml", "--fast", "--no-plots", "--runs", tmp_path / "runs")
    assert result.returncode in (0, 1), told(result)
    recorded = signals_of(tmp_path / "runs")
    theirs = {signal: [] for signal in FIELDS}
    for frame in frames_of(tmp_path / "runs"):
        try:
            kind = database.get_message_by_frame_id(frame.arbitration_id)
        except KeyError:
            continue  # answers of OBD-II
        values = database.decode_message(frame.arbitration_id, frame.data)
        for signal, (message, field) in FIELDS.items():
            if kind.name == message and field in values:
                value = values[field]
                theirs[signal].append(value if isinstance(value, (int, float)) else str(value))
    for signal, expected in theirs.items():
        assert len(expected) > 200, f"{signal}: {len(expected)} values"
        words = isinstance(expected[0], str)
        assert recorded[signal] == (expected if words else pytest.approx(expected, rel=1e-9, abs=1e-12)), signal
    # Somebody was seen, or it would be a recording of noughts.
    assert min(theirs["car.lead_gap"]) < 100 and max(theirs["car.speed"]) > 5
