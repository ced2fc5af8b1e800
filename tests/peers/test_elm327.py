"""ELM327-emulator, a foreign OBD-II adapter with a car behind it: read through `lines`, and through `slcan` in its other mode.

What the values are is said by python-OBD, which decodes the very same answers.
"""

import json
import pathlib
import re
import subprocess
import sys
import types

import obd
import pytest
from bench import Line, copy_rig, signals_of, stop
from conftest import run_folder, told, wait_until

# Signal -> the question of python-OBD that it is the answer of.
QUESTIONS = {
    "car.coolant": obd.commands.COOLANT_TEMP,
    "car.engine": obd.commands.RPM,
    "car.speed": obd.commands.SPEED,
    "car.intake": obd.commands.INTAKE_TEMP,
}

CAN_RIG = """\
rig: socket
about: A car behind a CAN adapter that ELM327-emulator plays.
envelope: envelope.yaml
links:
  socket: { serial: PORT, baud: 115200 }
devices:
  car:
    link: socket
    protocol: { slcan: nothing.dbc, bit_rate: 500000, obd: 0x7E0 }
    identity: { version: "1013" }
    signals:
      coolant: { field: obd.0105, scale: 1 degC, offset: -40 degC, range: -40 degC .. 215 degC, every: 200 ms, stale_after: 3 s }
      engine:  { field: obd.010C, scale: 0.25, range: 0 .. 16384, every: 200 ms, stale_after: 3 s }
      speed:   { field: obd.010D, scale: 1 km/h, range: 0 km/h .. 255 km/h, every: 200 ms, stale_after: 3 s }
      intake:  { field: obd.010F, scale: 1 degC, offset: -40 degC, range: -40 degC .. 215 degC, every: 200 ms, stale_after: 3 s }
    poll: { send: obd.0902, every: 500 ms }
"""

CAN_ENVELOPE = """\
envelope: A car that is looked at
rules:
  not-hot:
    always: car.coolant <= 120 degC
    because: The test's own limit.
    source: the test
    on_violation: fail
"""

CAN_SCENARIO = """\
scenario: Look at a car
rig: socket
exercises: [not-hot]
steps:
  - expect: car.engine > 300 and car.speed > 0 km/h
    within: 10 s
  - hold: 3 s
"""


@pytest.fixture
def line():
    it = Line()
    yield it
    it.close()


@pytest.fixture
def emulator(line, tmp_path):
    """Starts the emulator on the far port, in one of its modes."""
    running = []

    def start(mode):
        elm = pathlib.Path(sys.executable).with_name("elm")
        out = tmp_path / "elm.txt"
        words = [elm, "-s", "car", mode, line.paths[1], "-b", out]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        # It writes a log where it stands.
        running.append(subprocess.Popen(words, cwd=tmp_path, **quiet))
        wait_until(lambda: out.exists() and "STARTED" in out.read_text(), "the emulator's own word that it runs", 30)

    yield start
    for process in running:
        stop(process)


def decoded(question, digits):
    """What python-OBD makes of an answer's digits."""
    return question.decode([types.SimpleNamespace(data=bytearray.fromhex(digits))]).magnitude


def test_an_engine_is_read_as_python_obd_reads_it(checkrein, tmp_path, line, emulator):
    emulator("-p")
    rig = copy_rig("elm327", tmp_path, line.paths[0])
    done = checkrein("run", rig / "scenario.yaml", "--rig", rig / "rig.yaml", "--no-plots", "--runs", tmp_path / "runs")
    assert done.returncode == 0, told(done)
    recorded = signals_of(tmp_path / "runs")
    said = line.heard[0].decode("ascii")
    for signal, question in QUESTIONS.items():
        number = question.command.decode()[2:]
        answers = re.findall(rf"(41 {number} [0-9A-F ]+?) *\r", said)
        theirs = [decoded(question, digits) for digits in answers]
        assert len(theirs) > 5 and len(set(theirs)) > 1, f"{signal}: {theirs}"
        # The run may have ended before the last answer was heard.
        ours = recorded[signal]
        assert ours == pytest.approx(theirs[: len(ours)], rel=1e-12) and len(theirs) - len(ours) <= 1, signal
    volts = [float(one) for one in re.findall(r"([0-9.]+)V\r", said)]
    assert recorded["car.voltage"] == pytest.approx(volts[: len(recorded["car.voltage"])])


def test_nothing_is_asked_before_the_prompt(checkrein, tmp_path, line, emulator):
    """ELM327 data sheet, "Interrupting": a byte that comes while the adapter works ends its work. So each line waits for `>`."""
    emulator("-p")
    rig = copy_rig("elm327", tmp_path, line.paths[0])
    done = checkrein("monitor", rig / "rig.yaml", "--json", "--for", "3s")
    assert done.returncode == 0, told(done)
    asked, answered = line.heard[1].count(b"\r"), line.heard[0].count(b">")
    assert asked > 20 and asked - answered <= 1, f"{asked} lines and {answered} prompts"
    assert b"STOPPED" not in line.heard[0] and b"?" not in line.heard[0]


def test_it_is_recognised_and_examined(checkrein, tmp_path, line, emulator):
    emulator("-p")
    made = checkrein("rigs", "new", "found", "--port", line.paths[0], "--yes", cwd=tmp_path)
    assert made.returncode == 0 and "ELM327 v1.5" in made.stdout + made.stderr, told(made)
    text = (tmp_path / "rigs" / "found" / "rig.yaml").read_text()
    assert "identity: { version.number: 'v1.5' }" in text and all(f"{name}.data:hex" in text for name in ("engine", "speed", "coolant"))
    looked = checkrein("rigs", "doctor", tmp_path / "rigs" / "found" / "rig.yaml", "--json")
    assert looked.returncode == 0 and "never heard" not in looked.stdout, told(looked)
    rig = copy_rig("elm327", tmp_path, line.paths[0])
    looked = checkrein("rigs", "doctor", rig / "rig.yaml", "--json")
    assert looked.returncode == 0, told(looked)
    assert "it is the one that the rig names" in looked.stdout, told(looked)


def test_the_same_car_on_can_is_read_as_python_obd_reads_it(checkrein, tmp_path, line, emulator):
    """Its other mode: an SLCAN adapter whose control unit speaks ISO-TP (ISO 15765-2)."""
    emulator("-c")
    (tmp_path / "nothing.dbc").write_text('VERSION ""\n\nNS_ :\n\nBS_:\n\nBU_:\n')
    (tmp_path / "rig.yaml").write_text(CAN_RIG.replace("PORT", line.paths[0]))
    (tmp_path / "envelope.yaml").write_text(CAN_ENVELOPE)
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text(CAN_SCENARIO)
    done = checkrein("run", scenario, "--rig", tmp_path / "rig.yaml", "--no-plots", "--runs", tmp_path / "runs")
    assert done.returncode == 0, told(done)
    assert json.loads((run_folder(tmp_path / "runs") / "verdict.json").read_text())["verdict"] == "pass"
    recorded = signals_of(tmp_path / "runs")
    said, asked = line.heard[0].decode("ascii"), line.heard[1].decode("ascii")
    for signal, question in QUESTIONS.items():
        number = question.command.decode()[2:]
        # A single frame of the control unit at 7E8: its length, 41, the number, the data, and filling.
        frames = re.findall(rf"t7E8[0-8]0([1-7])((?:41){number}[0-9A-F]*)", said)
        theirs = [decoded(question, data[: 2 * int(length)]) for length, data in frames]
        ours = recorded[signal]
        assert len(ours) > 5, f"{signal}: {ours}"
        assert ours == pytest.approx(theirs[: len(ours)], rel=1e-12) and len(theirs) - len(ours) <= 1, signal
    # The vehicle's number takes several frames: the first one, our word to go on, and the rest (ISO 15765-2, 9.6.5).
    firsts, rests = len(re.findall(r"t7E8810144902", said)), len(re.findall(r"t7E8821", said))
    goes_on = len(re.findall(r"t7E0[0-8]30", asked))
    assert firsts > 2 and goes_on >= firsts and rests >= firsts - 1, (firsts, goes_on, rests)
