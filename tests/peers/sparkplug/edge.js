// An edge node of sparkplug-client: a pump with a metric of each kind. It says its values ten times a second, does as it is told,
// and leaves when its input ends. Arguments: port, user, password.
"use strict";
const sparkplug = require("sparkplug-client");

const [port, username, password] = process.argv.slice(2);
const values = { level: 2.5, count: -7, state: -1, relay: false, label: "idle", target: 0.0, watchdog: 0 };
const types = { level: "Float", count: "Int64", state: "Int16", relay: "Boolean", label: "String", target: "Double", watchdog: "UInt8" };
const metrics = () => Object.keys(values).map((name) => ({ name, type: types[name], value: values[name] }));
const say = (what) => process.stdout.write(JSON.stringify(what) + "\n");

const node = sparkplug.newClient({
  serverUrl: `mqtt://127.0.0.1:${port}`,
  username,
  password,
  groupId: "Plant",
  edgeNode: "Edge1",
  clientId: "node-edge",
  version: "spBv1.0",
  publishDeath: true,
});
const births = () => {
  const rebirth = { name: "Node Control/Rebirth", type: "Boolean", value: false };
  node.publishNodeBirth({ timestamp: Date.now(), metrics: [rebirth] });
  node.publishDeviceBirth("Pump", { timestamp: Date.now(), metrics: metrics() });
};
let timer = null;
node.on("birth", () => {
  births();
  say({ born: true });
  timer ??= setInterval(() => node.publishDeviceData("Pump", { timestamp: Date.now(), metrics: metrics() }), 100);
});
node.on("ncmd", (payload) => {
  if (payload.metrics.some((metric) => metric.name === "Node Control/Rebirth" && metric.value === true)) {
    births();
    say({ reborn: true });
  }
});
node.on("dcmd", (device, payload) => {
  for (const { name, type, value } of payload.metrics) {
    say({ told: name, type, value: typeof value === "object" ? Number(value) : value });
    values[name] = value;
  }
});
process.stdin.on("end", () => {
  clearInterval(timer);
  node.stop();
});
process.stdin.resume();
