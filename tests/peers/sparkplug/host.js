// A host on sparkplug-payload: says every message that it decodes, in JSON, and sends what its input's lines ask for:
// `{"rebirth": true}`, or `{"device": …, "metrics": [{"name", "type", "value"}]}`. Arguments: port, user, password, group, node.
"use strict";
const mqtt = require("mqtt");
const { decodePayload, encodePayload } = require("sparkplug-payload").get("spBv1.0");

const [port, username, password, group, node] = process.argv.slice(2);
const client = mqtt.connect(`mqtt://127.0.0.1:${port}`, { username, password, clientId: "node-host", clean: true });
const aliases = new Map();
const plain = (value) => (value !== null && typeof value === "object" ? Number(value) : value);
client.on("connect", () => {
  client.subscribe("spBv1.0/#", { qos: 1 }, () => process.stdout.write(JSON.stringify({ up: true }) + "\n"));
});
client.on("message", (topic, bytes) => {
  const [, , kind, , device] = topic.split("/");
  if (!/^[ND](BIRTH|DATA|DEATH)$/.test(kind)) return;
  const payload = decodePayload(bytes);
  const metrics = {};
  for (const metric of payload.metrics ?? []) {
    if (metric.name && metric.alias !== undefined && metric.alias !== null) aliases.set(Number(metric.alias), metric.name);
    metrics[metric.name || aliases.get(Number(metric.alias))] = { type: metric.type, value: plain(metric.value) };
  }
  process.stdout.write(JSON.stringify({ kind, device, seq: plain(payload.seq), metrics }) + "\n");
});
require("readline")
  .createInterface({ input: process.stdin })
  .on("line", (line) => {
    const order = JSON.parse(line);
    const metrics = order.rebirth ? [{ name: "Node Control/Rebirth", type: "Boolean", value: true }] : order.metrics;
    const topic = order.rebirth ? `NCMD/${node}` : `DCMD/${node}/${order.device}`;
    const payload = encodePayload({ timestamp: Date.now(), metrics });
    client.publish(`spBv1.0/${group}/${topic}`, Buffer.from(payload));
  })
  .on("close", () => client.end());
