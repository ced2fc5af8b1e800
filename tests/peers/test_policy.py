"""Learned policies against ONNX Runtime: `checkrein controller` thinks with our own evaluator, and asks for the same.

The controller runs as a process of its own on a pseudo-terminal, in lines of JSON, with a mapping that passes the net's numbers
through as they are; ONNX Runtime is given the same numbers.
"""

import json
import os
import pathlib
import pty
import select
import signal
import subprocess
import time
import tty

import numpy
import onnxruntime
import pytest

REPO = pathlib.Path(__file__).resolve().parents[2]
NETS = sorted(REPO.glob("rigs/*/learned/*.onnx")) + [
    path for path in sorted(REPO.glob("tests/fixtures/policy/*.onnx")) if path.stem != "unsupported"
]
ROUNDS = 20


def mapping(session):
    """Every number of every input and output by its own name."""
    sizes = lambda ports: [int(numpy.prod([d if isinstance(d, int) else 1 for d in port.shape])) for port in ports]
    given = [f"in{i}" for i in range(sum(sizes(session.get_inputs())))]
    answers = [f"out{i}" for i in range(sum(sizes(session.get_outputs())))]
    inputs = {name: {"field": f"/{name}", "scale": 1, "keeps": "latest"} for name in given}
    outputs = {name: {"one": 1} for name in answers}
    says = [{"with": {"turn": {"take": "turn", "scale": 1}, **{n: {"take": n, "scale": 1} for n in answers}}}]
    inputs["turn"] = {"field": "/turn", "scale": 1, "keeps": "latest"}
    whole = {"mapping": "as it is", "every": "10 ms", "inputs": inputs, "given": given, "outputs": outputs, "says": says}
    return json.dumps(whole), given, answers


class Line:
    """The bench's end of a serial line."""

    def __init__(self, master):
        self.master, self.begun = master, b""

    def ask(self, words, seconds=20.0):
        """Says it, again and again, until an answer to this very turn comes."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            os.write(self.master, json.dumps(words).encode() + b"\n")
            while select.select([self.master], [], [], 0.1)[0]:
                self.begun += os.read(self.master, 65536)
                *whole, self.begun = self.begun.split(b"\n")
                for line in whole:
                    answer = json.loads(line)
                    if answer["turn"] == words["turn"]:
                        return answer
        raise AssertionError(f"no answer to {words}")


@pytest.mark.parametrize("net", NETS, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_a_policy_asks_for_what_onnx_runtime_works_out(checkrein, net, tmp_path):
    assert net.stat().st_size < 200_000
    session = onnxruntime.InferenceSession(net.read_bytes(), providers=["CPUExecutionProvider"])
    text, given, answers = mapping(session)
    file = tmp_path / "mapping.yaml"
    file.write_text(text)
    master, slave = pty.openpty()
    tty.setraw(master)
    tty.setraw(slave)
    arguments = ["controller", "--policy", net, "--mapping", file, "--serial", os.ttyname(slave)]
    process = subprocess.Popen([checkrein.path, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        line = Line(master)
        draw = numpy.random.default_rng(17)
        for turn in range(ROUNDS):
            numbers = (draw.normal(size=len(given)) * draw.choice([0.1, 1.0, 10.0])).astype(numpy.float32)
            answer = line.ask({"turn": turn, **dict(zip(given, map(float, numbers)))})
            feeds, at = {}, 0
            for port in session.get_inputs():
                shape = [d if isinstance(d, int) else 1 for d in port.shape]
                size = int(numpy.prod(shape))
                feeds[port.name] = numbers[at : at + size].reshape(shape)
                at += size
            theirs = numpy.concatenate([numpy.ravel(array) for array in session.run(None, feeds)])
            ours = numpy.array([answer[name] for name in answers])
            numpy.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-5, err_msg=f"turn {turn}")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=20)
        assert process.returncode == 0, out
    finally:
        process.kill()
        os.close(master)
        os.close(slave)
