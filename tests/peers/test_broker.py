"""The embedded broker against clients that nobody here wrote: mosquitto's and paho."""

import json
import queue
import subprocess

import paho.mqtt.client as paho
import pytest
from conftest import wait_until

USERS = {
    "users": [
        {"name": "drone", "password": "p1", "publish": ["drone/#"], "subscribe": ["orders/drone", "drone/+/echo"]},
        {"name": "pilot", "password": "p2", "publish": ["orders/#"], "subscribe": ["drone/#"]},
    ],
    "grace_ms": 500,
}


@pytest.fixture
def broker(checkrein):
    """A running embedded broker: the process and its port."""
    process = subprocess.Popen(
        [checkrein.path, "child", "broker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    process.stdin.write(json.dumps(USERS) + "\n")
    process.stdin.flush()
    port = json.loads(process.stdout.readline())["port"]
    yield process, port
    if process.poll() is None:
        process.kill()
    process.wait()


class Client:
    """A paho client that notes what it hears and waits for what it asked."""

    def __init__(self, port, user, password, version=paho.MQTTv5, will=None):
        self.heard, self.subscribed, self.connected = queue.Queue(), queue.Queue(), queue.Queue()
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=version)
        self.client.username_pw_set(user, password)
        if will:
            self.client.will_set(*will)
        self.client.on_connect = lambda client, data, flags, reason, properties: self.connected.put(reason)
        self.client.on_subscribe = lambda client, data, mid, reasons, properties: self.subscribed.put(reasons)
        self.client.on_message = lambda client, data, message: self.heard.put(message)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.reason = self.connected.get(timeout=10)

    def subscribe(self, topic, qos=2):
        self.client.subscribe(topic, qos)
        return self.subscribed.get(timeout=10)

    def publish(self, topic, payload, qos=2, retain=False):
        self.client.publish(topic, payload, qos, retain).wait_for_publish(10)

    def next(self):
        return self.heard.get(timeout=10)

    def vanish(self):
        """Goes without a word, so that the will is said."""
        self.client.loop_stop()
        self.client.socket().close()

    def leave(self):
        self.client.disconnect()
        self.client.loop_stop()


@pytest.mark.parametrize("version", [paho.MQTTv311, paho.MQTTv5])
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_every_quality_of_service_in_both_versions(broker, version, qos):
    pilot = Client(broker[1], "pilot", "p2", version)
    pilot.subscribe("drone/#", qos)
    drone = Client(broker[1], "drone", "p1", version)
    for number in range(50):
        drone.publish("drone/state", str(number), qos)
    heard = [pilot.next() for _ in range(50)]
    assert [message.payload for message in heard] == [str(number).encode() for number in range(50)]
    assert {message.qos for message in heard} == {qos}
    drone.leave()
    pilot.leave()


def test_retained_messages_are_marked_and_can_be_cleared(broker):
    drone = Client(broker[1], "drone", "p1")
    drone.publish("drone/mode", "HOLD", qos=1, retain=True)
    late = Client(broker[1], "pilot", "p2")
    late.subscribe("drone/mode")
    message = late.next()
    assert (message.payload, message.retain) == (b"HOLD", True)
    drone.publish("drone/mode", "", qos=1, retain=True)
    assert late.next().payload == b""
    later = Client(broker[1], "pilot", "p2")
    later.subscribe("drone/#")
    drone.publish("drone/end", "x", qos=1)
    assert later.next().topic == "drone/end", "the cleared one would have come first"


def test_the_last_will_of_one_who_vanishes_is_said(broker):
    pilot = Client(broker[1], "pilot", "p2")
    pilot.subscribe("drone/alive")
    drone = Client(broker[1], "drone", "p1", will=("drone/alive", "gone", 1, False))
    drone.vanish()
    assert pilot.next().payload == b"gone"


@pytest.mark.parametrize("version", [paho.MQTTv311, paho.MQTTv5])
def test_nobody_gets_in_without_the_right_password(broker, version):
    assert Client(broker[1], "pilot", "wrong", version).reason.is_failure
    assert Client(broker[1], "nobody", "p2", version).reason.is_failure
    assert not Client(broker[1], "pilot", "p2", version).reason.is_failure


def test_the_access_list_holds(broker):
    drone = Client(broker[1], "drone", "p1")
    assert drone.subscribe("drone/#")[0].is_failure, "wider than its list"
    assert not drone.subscribe("orders/drone")[0].is_failure
    pilot = Client(broker[1], "pilot", "p2")
    pilot.subscribe("drone/#")
    pilot.publish("drone/state", "forged", qos=0)
    pilot.publish("orders/drone", "after", qos=1)
    assert drone.next().payload == b"after"
    drone.publish("drone/state", "true", qos=1)
    assert pilot.next().payload == b"true", "the forged state went nowhere"


def test_mosquittos_own_clients_get_through(broker):
    port = str(broker[1])
    listen = ["mosquitto_sub", "-h", "127.0.0.1", "-p", port, "-u", "pilot", "-P", "p2", "-t", "drone/#", "-C", "1", "-W", "10"]
    speak = ["mosquitto_pub", "-h", "127.0.0.1", "-p", port, "-u", "drone", "-P", "p1", "-q", "2", "-t", "drone/x", "-m", "hello"]
    subscriber = subprocess.Popen([*listen, "-q", "2"], stdout=subprocess.PIPE, text=True)
    # Until the subscription stands, nothing is heard: say it again until the subscriber has what it came for.
    wait_until(lambda: subprocess.run(speak, check=True) and subscriber.poll() is not None, "mosquitto_sub to hear it")
    assert (subscriber.stdout.read(), subscriber.returncode) == ("hello\n", 0)
    refused = subprocess.run([*speak[:8], "wrong", *speak[9:]], capture_output=True, text=True, check=False)
    assert refused.returncode != 0


def test_it_stops_at_a_word(broker):
    process, _ = broker
    process.stdin.write('"stop"\n')
    process.stdin.flush()
    assert process.wait(10) == 0


def test_it_leaves_when_its_harness_is_gone(broker):
    process, port = broker
    pilot = Client(port, "pilot", "p2")
    process.stdin.close()
    assert process.wait(15) == 0
    pilot.client.loop_stop()
