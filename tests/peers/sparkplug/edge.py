"""An edge node of pysparkplug: a pump with a metric of each kind. It says its values ten times a second, does as it is told, and
leaves when its input ends. Arguments: port, user, password."""

import json
import sys
import threading

from pysparkplug import Client, DataType, Device, EdgeNode, Metric, get_current_timestamp

PORT, USER, PASSWORD = int(sys.argv[1]), sys.argv[2], sys.argv[3]
TYPES = {
    "level": DataType.FLOAT,
    "count": DataType.INT64,
    "state": DataType.INT16,
    "relay": DataType.BOOLEAN,
    "label": DataType.STRING,
    "target": DataType.DOUBLE,
    "watchdog": DataType.UINT8,
}
values = {"level": 2.5, "count": -7, "state": -1, "relay": False, "label": "idle", "target": 0.0, "watchdog": 0}
over = threading.Event()
asked = threading.Event()


def say(**what):
    print(json.dumps(what), flush=True)


def metrics(aliases):
    """The births name and number each; the library leaves the name in data as well."""
    now = get_current_timestamp()
    return tuple(
        Metric(timestamp=now, name=name, datatype=TYPES[name], value=value, alias=place if aliases else None)
        for place, (name, value) in enumerate(values.items())
    )


def told_node(_node, message):
    # The library has no rebirth: to come again with births is to connect again, as another session.
    if any(metric.name == "Node Control/Rebirth" and metric.value for metric in message.payload.metrics):
        asked.set()


def told_device(_node, message):
    for metric in message.payload.metrics:
        say(told=metric.name, type=metric.datatype.name, value=metric.value)
        values[metric.name] = metric.value


def listen():
    sys.stdin.read()
    over.set()


node = EdgeNode(
    "Plant",
    "Edge1",
    (Metric(timestamp=get_current_timestamp(), name="Node Control/Rebirth", datatype=DataType.BOOLEAN, value=False),),
    client=Client(client_id="python-edge", username=USER, password=PASSWORD),
    cmd_callback=told_node,
)
pump = Device("Pump", metrics(True), cmd_callback=told_device)
node.register(pump)
node.connect("127.0.0.1", port=PORT)
say(born=True)
threading.Thread(target=listen, daemon=True).start()
while not over.wait(0.1):
    if asked.is_set():
        asked.clear()
        node.disconnect()
        node.connect("127.0.0.1", port=PORT)
        say(reborn=True)
    node.update_device("Pump", metrics(True))
node.disconnect()
