"""A host of pysparkplug: says every message that it decodes, in JSON, and sends what its input's lines ask for:
`{"rebirth": true}`, or `{"device": …, "metrics": [{"name", "type", "value"}]}`. Its commands carry no data types. Arguments: port,
user, password, group, node."""

import json
import sys
import threading

from pysparkplug import Client, DataType, DCmd, Message, MessageType, Metric, NCmd, NDeath, QoS, Topic, get_current_timestamp

PORT, USER, PASSWORD, GROUP, NODE = int(sys.argv[1]), *sys.argv[2:6]


def say(**what):
    print(json.dumps(what), flush=True)


def heard(_client, message):
    payload = message.payload
    metrics = (payload.bd_seq_metric,) if isinstance(payload, NDeath) else getattr(payload, "metrics", ())
    said = {
        metric.name: {"type": DataType(metric.datatype).name, "value": None if metric.is_null else metric.value}
        for metric in metrics
    }
    topic = message.topic
    say(kind=topic.message_type.value, device=topic.device_id, seq=getattr(payload, "seq", None), metrics=said)


def order(line):
    now = get_current_timestamp()
    asked = json.loads(line)
    wanted = asked.get("metrics", [{"name": "Node Control/Rebirth", "type": "Boolean", "value": True}])
    metrics = tuple(
        Metric(timestamp=now, name=m["name"], datatype=DataType[m["type"].upper()], value=m["value"]) for m in wanted
    )
    if asked.get("rebirth"):
        topic, payload = Topic(message_type=MessageType.NCMD, group_id=GROUP, edge_node_id=NODE), NCmd
    else:
        topic = Topic(message_type=MessageType.DCMD, group_id=GROUP, edge_node_id=NODE, device_id=asked["device"])
        payload = DCmd
    client.publish(Message(topic=topic, payload=payload(timestamp=now, metrics=metrics), qos=QoS.AT_MOST_ONCE, retain=False))


client = Client(client_id="python-host", username=USER, password=PASSWORD)
for kind in (MessageType.NBIRTH, MessageType.NDATA, MessageType.NDEATH):
    client.subscribe(Topic(message_type=kind, group_id=GROUP, edge_node_id=NODE), QoS.AT_LEAST_ONCE, heard)
for kind in (MessageType.DBIRTH, MessageType.DDATA, MessageType.DDEATH):
    topic = Topic(message_type=kind, group_id=GROUP, edge_node_id=NODE, device_id="+")
    client.subscribe(topic, QoS.AT_LEAST_ONCE, heard)
up = threading.Event()
client.connect("127.0.0.1", port=PORT, callback=lambda _: up.set())
up.wait(10)
say(up=True)
for line in sys.stdin:
    order(line)
client.disconnect()
