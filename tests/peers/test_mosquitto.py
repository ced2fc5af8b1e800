"""The controller's link over mosquitto, with TLS and a password; the pilot is a paho client."""

import json
import pathlib
import shutil
import ssl
import subprocess
import threading

import paho.mqtt.client as paho
import pytest
import rigs
from conftest import can_connect, run_folder, told, wait_until
from vehicle import Vehicle

PASSWORD = "a password of the test's own"


def openssl(*arguments, cwd):
    subprocess.run(["openssl", *arguments], cwd=cwd, check=True, capture_output=True)


@pytest.fixture
def certificates(tmp_path):
    """An authority of the test's own, and a certificate for `localhost` that it signed."""
    folder = tmp_path / "tls"
    folder.mkdir()
    (folder / "ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n")
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=Test authority", "-days", "2", cwd=folder)
    openssl("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost", cwd=folder)
    signing = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "ext"]
    openssl("x509", "-req", "-in", "server.csr", *signing, "-out", "server.crt", cwd=folder)
    return folder


@pytest.fixture
def mosquitto(tmp_path, certificates, free_port):
    """A running mosquitto with TLS and users; gives its port."""
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    passwords = tmp_path / "passwords"
    passwords.touch()
    for user in ("harness", "pilot"):
        subprocess.run(["mosquitto_passwd", "-b", passwords, user, PASSWORD], check=True, capture_output=True)
    passwords.chmod(0o644)
    config = tmp_path / "mosquitto.conf"
    config.write_text(
        f"listener {free_port} 127.0.0.1\ncafile {certificates}/ca.crt\ncertfile {certificates}/server.crt\n"
        f"keyfile {certificates}/server.key\nallow_anonymous false\npassword_file {passwords}\nset_tcp_nodelay true\n"
        # It would otherwise become another user, who may not read the key in the test's folder.
        "user root\n"
    )
    log = open(tmp_path / "mosquitto.log", "w")
    process = subprocess.Popen([program, "-c", config], stdout=log, stderr=log)
    try:
        wait_until(lambda: can_connect(free_port), f"mosquitto to listen (see {log.name})")
        yield free_port
    finally:
        process.terminate()
        process.wait(10)
        log.close()


class Pilot(threading.Thread):
    """Takes its task and asks for the height at 20 Hz, as long as it is told the vehicle's state."""

    def __init__(self, port, ca):
        super().__init__(daemon=True)
        self.task, self.state, self.over = None, None, threading.Event()
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self.client.username_pw_set("pilot", PASSWORD)
        self.client.tls_set(ca_certs=str(ca), cert_reqs=ssl.CERT_REQUIRED)
        self.client.on_connect = lambda client, *_: client.subscribe([("pilot/task", 1), ("pilot/state", 0)])
        self.client.on_message = self.hear
        self.client.connect("localhost", port)

    def hear(self, _client, _data, message):
        if message.topic == "pilot/task":
            self.task = json.loads(message.payload)
        else:
            self.state = json.loads(message.payload)

    def run(self):
        self.client.loop_start()
        while not self.over.wait(0.05):
            height = self.task["z"] if self.task else 0.0
            self.client.publish("pilot/goto", json.dumps({"x": 0.0, "z": height}))
        self.client.disconnect()
        self.client.loop_stop()


def links(port, ca):
    return (
        f"  local: {{ mqtt: mqtts://localhost:{port}, ca: {ca}, user: harness, password_env: CHECKREIN_TEST_PASSWORD }}"
    )


def test_a_pilot_over_mosquitto_with_tls_flies_a_foreign_vehicle(checkrein, tmp_path, mosquitto, certificates):
    vehicle = Vehicle()
    ca = certificates / "ca.crt"
    scenario, rig = rigs.write(tmp_path, vehicle.path, rigs.PILOTED, links(mosquitto, ca), rigs.PILOT)
    pilot = Pilot(mosquitto, ca)
    vehicle.start()
    pilot.start()
    runs = tmp_path / "runs"
    try:
        result = checkrein("run", scenario, "--rig", rig, "--runs", runs, env={"CHECKREIN_TEST_PASSWORD": PASSWORD})
        assert result.returncode == 0, told(result)
        assert pilot.task is not None and pilot.state is not None
        assert vehicle.setpoints > 10, "its setpoints went through the gate"
        assert vehicle.highest == pytest.approx(2.0, abs=0.2)
        evidence = b"".join(path.read_bytes() for path in pathlib.Path(run_folder(runs)).rglob("*") if path.is_file())
        assert PASSWORD.encode() not in evidence, "a secret was recorded"
    finally:
        pilot.over.set()
        pilot.join(5)
        vehicle.stop()


@pytest.mark.parametrize("wrong", ["password", "authority"])
def test_a_broker_that_cannot_be_trusted_or_does_not_trust_us_blocks_the_run(
    checkrein, tmp_path, mosquitto, certificates, wrong
):
    vehicle = Vehicle()
    ca = certificates / "ca.crt"
    password = PASSWORD
    if wrong == "password":
        password = "another one"
    else:
        stranger = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "x.key"]
        openssl("req", "-x509", *stranger, "-out", "x.crt", "-subj", "/CN=Stranger", "-days", "2", cwd=certificates)
        ca = certificates / "x.crt"
    scenario, rig = rigs.write(tmp_path, vehicle.path, rigs.PILOTED, links(mosquitto, ca), rigs.PILOT)
    vehicle.start()
    try:
        result = checkrein(
            "run", scenario, "--rig", rig, "--runs", tmp_path / "runs", env={"CHECKREIN_TEST_PASSWORD": password}
        )
        assert result.returncode == 3, told(result)
        assert vehicle.highest == 0.0 and not vehicle.armed
    finally:
        vehicle.stop()
