"""A recording opens with the official packages, and holds what pymavlink reads from the very same bytes."""

import io
import math
import os

import pytest
from conftest import run_folder, told
from mcap.reader import make_reader
from mcap_protobuf.decoder import DecoderFactory

os.environ.setdefault("MAVLINK20", "1")
from pymavlink.dialects.v20 import ardupilotmega as mavlink  # noqa: E402

# Field of the wire -> signal, with the factor from the wire's unit to the recorded one, as the rig file has it.
FIELDS = {
    ("LOCAL_POSITION_NED", "x"): ("fc.x", 1.0),
    ("LOCAL_POSITION_NED", "z"): ("fc.altitude", -1.0),
    ("LOCAL_POSITION_NED", "vz"): ("fc.climb", -1.0),
    ("ATTITUDE", "roll"): ("fc.roll", math.degrees(1.0)),
}


@pytest.fixture(scope="module")
def recording(checkrein, tmp_path_factory):
    """The messages of a nominal run in virtual time, in their order: (topic, log time, decoded)."""
    runs = tmp_path_factory.mktemp("runs")
    result = checkrein("run", "scenarios/drone-bench/hover-and-land.yaml", "--fast", "--runs", runs)
    assert result.returncode == 0, told(result)
    data = (run_folder(runs) / "recording.mcap").read_bytes()
    reader = make_reader(io.BytesIO(data), validate_crcs=True, decoder_factories=[DecoderFactory()])
    return [(channel.topic, message.log_time, decoded) for _, channel, message, decoded in reader.iter_decoded_messages()]


@pytest.fixture(scope="module")
def head(recording):
    heads = [message for _, _, message in recording if message.DESCRIPTOR.full_name == "checkrein.v1.Head"]
    assert len(heads) == 1 and recording[0][2] is heads[0], "the head is the first record"
    return heads[0]


@pytest.fixture(scope="module")
def signals(recording, head):
    """Signal name -> values in their order."""
    fields = {channel.topic: channel.fields for channel in head.signal_channels}
    values = {field.signal_name: [] for channel in head.signal_channels for field in channel.fields}
    for topic, _, message in recording:
        for field in fields.get(topic, ()):
            if message.HasField(field.name):
                values[field.signal_name].append(getattr(message, field.name))
    return values


def test_the_input_files_are_sealed_in_the_head(head, repo):
    names = [file.path for file in head.files]
    for wanted in ("hover-and-land.yaml", "rig.yaml", "envelope.yaml"):
        assert any(name.endswith(wanted) for name in names), names
    scenario = next(file for file in head.files if file.path.endswith("hover-and-land.yaml"))
    assert scenario.content == (repo / "scenarios/drone-bench/hover-and-land.yaml").read_bytes()


def test_log_times_never_run_backwards_by_channel(recording):
    last = {}
    for topic, time, _ in recording:
        assert time >= last.get(topic, 0), topic
        last[topic] = time


def test_every_signal_of_the_drone_is_there(signals):
    silent = [name for name, values in signals.items() if name.startswith("fc.") and not values]
    assert not silent, f"never recorded: {silent}"


def test_signals_have_the_values_that_pymavlink_reads_from_the_raw_bytes(recording, signals):
    link = mavlink.MAVLink(None)
    link.robust_parsing = True
    wire = {signal: [] for signal, _ in FIELDS.values()}
    for _, _, message in recording:
        if message.DESCRIPTOR.full_name != "checkrein.v1.Input" or message.WhichOneof("kind") != "bytes":
            continue
        if message.bytes.HasField("topic"):
            continue
        for decoded in link.parse_buffer(message.bytes.bytes) or []:
            for (kind, field), (signal, factor) in FIELDS.items():
                if decoded.get_type() == kind and decoded.get_srcSystem() == 1:
                    wire[signal].append(getattr(decoded, field) * factor)
    for signal, expected in wire.items():
        assert len(expected) > 100, f"{signal}: the raw bytes hold {len(expected)} values"
        assert signals[signal] == pytest.approx(expected, rel=1e-9, abs=1e-12), signal
