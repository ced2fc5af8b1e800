"""sparkplug-client (npm) and pysparkplug as the edge node that `checkrein run` steers, and as host of the junction's twin."""

import json
import os
import pathlib
import queue
import re
import subprocess
import threading

import paho.mqtt.client as paho
import pytest
from conftest import run_folder, told, wait_until

HERE = pathlib.Path(__file__).parent / "sparkplug"
PASSWORD = "a password of the test's own"
USERS = {
    "users": [
        {"name": name, "password": PASSWORD, "publish": ["#"], "subscribe": ["#"]}
        for name in ("harness", "edge", "onlooker")
    ],
    "grace_ms": 500,
}

ENVELOPE = """\
envelope: A foreign pump
rules:
  not-full:
    always: pump.level <= 50 mm
    because: The test's own limit.
    source: the test
    react_within: 500 ms
    safe_within: 5 s
"""

RIG = """\
rig: foreign
about: A pump behind a foreign edge node.
envelope: envelope.yaml
links:
  plant: {{ mqtt: "mqtt://127.0.0.1:{port}", user: harness, password_env: CHECKREIN_TEST_PASSWORD }}
devices:
  pump:
    link: plant
    protocol: {{ sparkplug: Plant/Edge1, device: Pump, host: bench }}
    identity: {{ label: idle }}
    heartbeat: {{ send: "watchdog:UInt8", every: 500 ms }}
    dead_man: {{ loses: heartbeat, safe_within: 30 s }}
    signals:
      level:  {{ field: level, scale: 1 mm, range: 0 mm .. 100 mm, every: 100 ms, stale_after: 3 s }}
      count:  {{ field: count, scale: 1 J, range: -100 J .. 100 J, every: 100 ms, stale_after: 3 s }}
      state:  {{ field: state, states: {{ RESTS: -1, TURNS: 300 }}, every: 100 ms, stale_after: 3 s }}
      relay:  {{ field: relay, flag: true, every: 100 ms, stale_after: 3 s }}
      label:  {{ field: label, states: {{ IDLE: "idle", BUSY: "busy" }}, every: 100 ms, stale_after: 3 s }}
      target: {{ field: target, scale: 1 mm, range: 0 mm .. 100 mm, every: 100 ms, stale_after: 3 s }}
      beats:  {{ field: watchdog, scale: 1, range: 0 .. 100, every: 100 ms, stale_after: 3 s }}
    commands:
      start:
        send: DCMD
        with: {{ "relay:Boolean": true, "state:Int16": 300, "count:Int64": -50, "label:String": busy }}
      aim:
        args: {{ level: 0 mm .. 100 mm drives pump.target }}
        send: DCMD
        with: {{ "target:Double": {{ arg: level, scale: 1 mm }} }}
      stop: {{ send: DCMD, with: {{ "relay:Boolean": false }}, harmless: true }}
    safe: not pump.relay
    ladder:
      - {{ do: pump.stop, within: 2 s, category: 1 }}
      - {{ do: pump.stop, within: 2 s, category: 1 }}
"""

SCENARIO = """\
scenario: Steer a foreign pump
rig: foreign
exercises: [not-full]
steps:
  - expect: abs(pump.level - 2.5 mm) < 0.001 mm and abs(pump.count + 7 J) < 0.1 J and pump.state == RESTS and pump.label == IDLE
    within: 5 s
  - do: pump.start
    within: 5 s
  - expect: pump.relay and pump.state == TURNS and pump.label == BUSY and abs(pump.count + 50 J) < 0.1 J
    within: 5 s
  - do: pump.aim
    with: { level: 12.25 mm }
    within: 5 s
  - expect: abs(pump.target - 12.25 mm) < 0.001 mm
    within: 5 s
  - expect: pump.beats > 1
    within: 5 s
finally:
  - do: pump.stop
    within: 5 s
  - expect: not pump.relay
    within: 5 s
"""


def command(kind, role):
    """How a peer is started: by the language of its library."""
    if kind == "npm":
        modules = os.environ.get("SPARKPLUG_NODE_MODULES")
        assert modules, "run tests/peers/run, which installs what the peers need"
        return ["node", str(HERE / f"{role}.js")], {**os.environ, "NODE_PATH": modules}
    python = os.environ.get("SPARKPLUG_PYTHON")
    assert python, "run tests/peers/run, which installs what the peers need"
    return [python, str(HERE / f"{role}.py")], dict(os.environ)


class Peer:
    """A foreign implementation in a process of its own, that speaks in lines of JSON."""

    def __init__(self, kind, role, *arguments):
        words, env = command(kind, role)
        words += [str(argument) for argument in arguments]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
        self.lines, self.all = queue.Queue(), []
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.process.stdout:
            if line.startswith("{"):
                self.lines.put(json.loads(line))

    def until(self, condition, what, seconds=20):
        """The first line that is so; all lines before it are kept."""

        def look():
            while not self.lines.empty():
                line = self.lines.get()
                self.all.append(line)
                if condition(line):
                    return line
            return None

        return wait_until(look, f"{what}; heard so far: {self.all[-5:]}", seconds)

    def hears(self, condition, seconds):
        """The same, or nothing if no such line comes in time."""
        try:
            return self.until(condition, "", seconds)
        except AssertionError:
            return None

    def ask(self, **what):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()

    def leave(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        finally:
            self.process.kill()


@pytest.fixture
def broker(checkrein):
    process = subprocess.Popen(
        [checkrein.path, "child", "broker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    process.stdin.write(json.dumps(USERS) + "\n")
    process.stdin.flush()
    yield json.loads(process.stdout.readline())["port"]
    process.kill()
    process.wait()


class Onlooker:
    """Everything that goes over a broker, in its order."""

    def __init__(self, port):
        self.heard, self.up = [], threading.Event()
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self.client.username_pw_set("onlooker", PASSWORD)
        self.client.on_connect = lambda client, *_: client.subscribe("spBv1.0/#", 1)
        self.client.on_subscribe = lambda *_: self.up.set()
        self.client.on_message = lambda _client, _data, message: self.heard.append((message.topic, message.payload))
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert self.up.wait(10)

    def states(self):
        return [json.loads(payload) for topic, payload in self.heard if topic == "spBv1.0/STATE/bench"]

    def keep(self, path):
        """What the node said first, for `tests/codec/sparkplug`."""
        said = [(topic, bytes) for topic, bytes in self.heard if re.search("/[ND](BIRTH|DATA|DEATH)/", topic)]
        lines = [json.dumps([topic, payload.hex()]) for topic, payload in said[:40]]
        path.write_text("[\n" + ",\n".join(lines) + "\n]\n")

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


@pytest.mark.parametrize("kind", ["npm", "python"])
def test_a_foreign_edge_node_is_read_and_steered(checkrein, tmp_path, broker, kind):
    rig = tmp_path / "rigs/foreign"
    rig.mkdir(parents=True)
    (rig / "rig.yaml").write_text(RIG.format(port=broker))
    (rig / "envelope.yaml").write_text(ENVELOPE)
    scenario = tmp_path / "steer.yaml"
    scenario.write_text(SCENARIO)
    onlooker = Onlooker(broker)
    # Its births are long over when the run begins: the host asks for them.
    edge = Peer(kind, "edge", broker, "edge", PASSWORD)
    try:
        edge.until(lambda line: "born" in line, "its births")
        done = checkrein(
            "run", scenario, "--no-plots", "--runs", tmp_path / "runs",
            cwd=tmp_path, env={"CHECKREIN_TEST_PASSWORD": PASSWORD},
        )  # fmt: skip
        assert done.returncode == 0, told(done)
        edge.until(lambda line: "reborn" in line, "that it was asked for its births")
    finally:
        edge.leave()
        onlooker.close()
    if "SPARKPLUG_CAPTURE" in os.environ:
        onlooker.keep(pathlib.Path(os.environ["SPARKPLUG_CAPTURE"]) / f"{kind}.json")
    verdict = json.loads((run_folder(tmp_path / "runs") / "verdict.json").read_text())
    assert verdict["verdict"] == "pass", verdict
    # host-topic-phid-birth-*, -death-payload-timestamp-disconnect-clean.
    states = onlooker.states()
    assert [state["online"] for state in states] == [True, False]
    assert states[0]["timestamp"] <= states[1]["timestamp"]
    # payloads-dcmd-timestamp: pysparkplug refuses a command without; every one that was sent reached it.
    edge.until(lambda line: line.get("told") == "target", "its aim")
    aimed = edge.all[-1]
    assert (aimed["type"].upper(), aimed["value"]) == ("DOUBLE", 12.25)
    counted = [line for line in edge.all if line.get("told") == "count"]
    assert [(line["type"].upper(), line["value"]) for line in counted] == [("INT64", -50)]


class Sim:
    """The twins of the junction alone, with the way to the cabinet's broker."""

    def __init__(self, checkrein, tmp_path):
        self.process = subprocess.Popen(
            [checkrein.path, "sim", "junction"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        said, self.port, self.password = [], None, None
        for line in self.process.stdout:
            said.append(line)
            if found := re.search(r"link cabinet .* on 127\.0\.0\.1:(\d+)", line):
                self.port = int(found.group(1))
            if self.port and (found := re.search(r"user checkrein password (\w+):", line)):
                self.password = found.group(1)
                break
        assert self.password, "".join(said)
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def close(self):
        self.process.send_signal(2)
        self.process.wait(10)


BORN = {"mode": "INT32", "main": "INT32", "walk": "BOOLEAN", "main_queue": "FLOAT", "watchdog": "UINT8"}


@pytest.mark.parametrize("kind", ["npm", "python"])
def test_a_foreign_host_reads_and_steers_the_junctions_twin(checkrein, tmp_path, kind):
    sim = Sim(checkrein, tmp_path)
    host = Peer(kind, "host", sim.port, "checkrein", sim.password, "City", "Junction7")
    try:
        host.until(lambda line: "up" in line, "its connection")
        # A subscription may come into force after what was asked for in the same breath.
        for _ in range(7):
            host.ask(rebirth=True)
            if node := host.hears(lambda line: line["kind"] == "NBIRTH", 3):
                break
        else:
            raise AssertionError(f"no birth was heard: {host.all[-5:]}")
        # topics-nbirth-seq-num, topics-nbirth-bdseq-included, payloads-nbirth-rebirth-req.
        assert node["seq"] == 0
        assert node["metrics"]["bdSeq"]["type"].upper() == "INT64"
        assert node["metrics"]["Node Control/Rebirth"]["value"] is False
        born = host.until(lambda line: line["kind"] == "DBIRTH", "the birth of its device")
        assert (born["seq"], born["device"]) == (1, "signals")
        assert {name: born["metrics"][name]["type"].upper() for name in BORN} == BORN
        assert born["metrics"]["mode"]["value"] == 1, "it flashes"
        first = host.until(lambda line: line["kind"] == "DDATA", "data")
        assert first["seq"] == 2
        # By alias alone, which the host turns into names.
        assert first["metrics"].keys() == born["metrics"].keys()
        # Its dead-man wants to hear that somebody is there. pysparkplug leaves data types out, as
        # payloads-metric-datatype-not-req has it.
        host.ask(device="signals", metrics=[{"name": "watchdog", "type": "UInt8", "value": 1}])
        host.ask(device="signals", metrics=[{"name": "mode", "type": "Int32", "value": 0}])
        # sparkplug-payload reads no value whose type is left out; what SHOULD NOT be in data is no fault of ours, and the births
        # have it.
        shows = "DBIRTH" if kind == "npm" else "DDATA"
        if kind == "npm":
            assert first["metrics"]["mode"]["value"] is None
            host.ask(rebirth=True)
        runs = host.until(lambda line: line["kind"] == shows and line["metrics"]["mode"]["value"] == 0, "that it runs")
        assert runs["metrics"]["watchdog"]["value"] == 1
        if kind == "npm":
            for _ in range(20):
                host.until(lambda line: line["kind"] == "DDATA", "more data")
            host.ask(rebirth=True)
        host.until(lambda line: line["kind"] == shows and line["metrics"]["mode"]["value"] == 1, "that it misses its beat")
        host.until(lambda line: line["kind"] == "DDATA" and line["seq"] == 255, "the end of the count", 60)
        after = host.until(lambda line: line["kind"] == "DDATA", "the message after")
        assert after["seq"] == 0
    finally:
        host.leave()
        sim.close()
