//! What rig and envelope files may hold. Readers and JSON Schemas both rest on these tables.

use super::policies;
use super::protocols::SHAPES;
use super::yaml::{Key, Record, Shape, key, schema_of, want};
use Shape::{Choice, Either, Flag, Formula, List, Map, Name, Path, Quantity, Range, Raw, Text, Whole};

/// The JSON Schema of a rig file.
pub fn schema() -> serde_json::Value {
    schema_of(&RIG, "Checkrein rig")
}

/// The JSON Schema of an envelope file.
pub fn envelope_schema() -> serde_json::Value {
    schema_of(&ENVELOPE, "Checkrein envelope")
}

pub(super) const fn record(id: &'static str, what: &'static str, keys: &'static [Key]) -> Record {
    Record { id, what, keys, others: None }
}

pub(super) static RIG: Record = record(
    "rig",
    "a rig",
    &[
        want("rig", Text, "the rig's name; scenarios name it"),
        key("about", Text, "what stands on the bench, in a sentence or two"),
        key("envelope", Text, "path of the envelope file, beside this file; always armed"),
        key("arm_within", Quantity, "how long every signal of a stopping rule may take to be heard (10 s)"),
        want("links", Map(&Shape::Record(&LINK)), "how bytes reach the devices"),
        key("define", Map(&Formula), "named parts of formulas"),
        want("devices", Map(&Shape::Record(&DEVICE)), "what is on the bench"),
        key("world", Shape::Record(&WORLD), "the world behind all twins"),
        key("estop", Shape::Record(&ESTOP), "the wired e-stop, where a signal tells its state"),
        key("hold_to_run", Shape::Record(&HOLD_TO_RUN), "the key that a person must hold while anything may move"),
    ],
);

pub(super) static ESTOP: Record = record(
    "estop",
    "an e-stop",
    &[
        want("pressed", Formula, "holds while it is pressed; unknown counts as pressed"),
        want("stopped", Formula, "holds once motion has ended"),
        want("within", Quantity, "how soon after the press `stopped` must hold"),
    ],
);

pub(super) static HOLD_TO_RUN: Record = record(
    "hold_to_run",
    "a hold-to-run key",
    &[want("held", Formula, "holds while a person holds it; unknown counts as let go")],
);

pub(super) static LINK: Record = record(
    "link",
    "a link",
    &[
        key(
            "serial",
            Either(&[Text, Shape::Record(&USB)]),
            "a stable path, `{ usb: { vid, pid, serial } }`, or `twin`: no port yet",
        ),
        key("baud", Whole, "bits per second on the wire (115200)"),
        key("parity", Choice(&["none", "even", "odd"]), "parity bit (none)"),
        key("flow", Choice(&["none", "software", "hardware"]), "flow control (none)"),
        key("stop_bits", Whole, "1 or 2 (1)"),
        key("mqtt", Text, "`embedded`, `mqtt://host:port` or `mqtts://host:port`"),
        key("version", Whole, "MQTT version: 5 or 3 (5)"),
        key("user", Text, "user at the broker"),
        key("password_env", Text, "environment variable that holds the password"),
        key("password_file", Text, "file that holds the password"),
        key("ca", Text, "file of the authority that signed the broker's certificate"),
        key("cert", Text, "file of our certificate"),
        key("key", Text, "file of our certificate's key"),
    ],
);

pub(super) static USB: Record =
    record("usb-port", "a serial port by its USB numbers", &[want("usb", Shape::Record(&USB_NUMBERS), "vid and pid")]);

pub(super) static USB_NUMBERS: Record = record(
    "usb",
    "a USB adapter",
    &[
        want("vid", Whole, "vendor number, such as 0x0403"),
        want("pid", Whole, "product number, such as 0x6001"),
        key("serial", Text, "serial number, where two adapters of one kind are on the bench"),
    ],
);

pub(super) static DEVICE: Record = record(
    "device",
    "a device",
    &[
        key("role", Choice(&["machine", "controller"]), "`controller`: the AI under test (machine)"),
        want("link", Name, "the link that it is reached by"),
        want("protocol", Either(SHAPES), "how bytes become messages"),
        key(
            "twin",
            Either(&[Text, Shape::Record(&policies::TWIN)]),
            "the simulated device that takes its place with --sim; for a controller also `{ policy, mapping }`",
        ),
        key("identity", Map(&Raw), "facts that must hold, such as `AUTOPILOT_VERSION.uid: 0x1234`"),
        key("heartbeat", Shape::Record(&HEARTBEAT), "what we send so that the device knows we live"),
        key("poll", Shape::Record(&POLL), "what we ask of a device that says nothing unasked"),
        key(
            "acts_within",
            Quantity,
            "machines: how soon a command shows in its samples, its way there and back included (500 ms)",
        ),
        key("dead_man", Shape::Record(&DEAD_MAN), "what the device does by itself when nobody speaks to it"),
        key("signals", Map(&Shape::Record(&SIGNAL)), "what it tells"),
        key("commands", Map(&Shape::Record(&COMMAND)), "what it can be told to do"),
        key("safe", Formula, "the one formula that says it is harmless"),
        key("ladder", List(&Shape::Record(&RUNG)), "the commands that make it safe, gentlest first"),
        key(
            "rehearse",
            Either(&[Text, List(&Shape::Step)]),
            "steps, or the path of a fragment beside this file, after which its ladder can be tried",
        ),
        key("after", List(&Name), "devices whose ladders must be over before this one's starts"),
        key("tells", Shape::Record(&TELLS), "controllers: what it is told"),
        key("fallback", Shape::Record(&FALLBACK), "controllers: what stands in for it when it leads astray"),
        key("may", Map(&Shape::Record(&MAY)), "controllers: what it may ask for, through the guard"),
    ],
);

pub(super) static HEARTBEAT: Record = record(
    "heartbeat",
    "a heartbeat",
    &[want("send", Text, "the message"), want("every", Quantity, "its period, such as `1 s`")],
);

pub(super) static POLL: Record = record(
    "poll",
    "a poll",
    &[want("send", Text, "the question"), want("every", Quantity, "its period, such as `50 ms`")],
);

pub(super) static DEAD_MAN: Record = record(
    "dead_man",
    "a dead_man",
    &[
        key("loses", Choice(&["heartbeat"]), "what the device no longer hears"),
        key("safe_within", Quantity, "how soon it is safe by itself"),
        key("rehearse", Either(&[Text, List(&Shape::Step)]), "where it is tried from another state than the ladder"),
        key("silent_for", Quantity, "controllers: after this much silence it is taken for dead"),
    ],
);

pub(super) static SIGNAL: Record = record(
    "signal",
    "a signal",
    &[
        want("field", Text, "`MESSAGE.field` (MAVLink) or `topic#/json/pointer` (JSON)"),
        key("scale", Quantity, "numbers: what one raw count is, such as `-1 m` or `0.01 V`"),
        key("offset", Quantity, "numbers: the value at raw zero"),
        key("unit", Text, "numbers: the unit people read (the scale's)"),
        key("range", Range, "numbers: the declared range, such as `-1 m .. 40 m`"),
        key(
            "states",
            Either(&[List(&Text), Map(&Raw)]),
            "states by raw number or text: `{ LAND: 9 }` or `[idle, moving]`",
        ),
        key("bit", Whole, "a flag: this bit of the raw number"),
        key("flag", Flag, "a flag: not zero, or JSON true"),
        want("every", Either(&[Choice(&["change"]), Quantity]), "the expected period, or `change`"),
        key("stale_after", Quantity, "how long a sample holds (3 periods; 5 over MQTT)"),
    ],
);

pub(super) static COMMAND: Record = record(
    "command",
    "a command",
    &[
        key(
            "args",
            Map(&Either(&[Range, List(&Name)])),
            "arguments: `0 m .. 8 m drives fc.altitude`, `-3 m/s .. 3 m/s carries fc.x for 500 ms`, or states `[HOLD, LAND]`",
        ),
        want("send", Text, "the message (MAVLink) or topic (JSON)"),
        key("with", Map(&Either(&[Raw, Shape::Record(&FROM_ARG)])), "fields of the message"),
        key("ack", Text, "the message that acknowledges it"),
        key("harmless", Flag, "true: it can never energise anything (false)"),
    ],
);

pub(super) static FROM_ARG: Record = record(
    "field-from-argument",
    "a field",
    &[
        want("arg", Name, "the argument that fills the field"),
        key("scale", Quantity, "what one raw count is, such as `-1 m`"),
    ],
);

pub(super) static RUNG: Record = record(
    "rung",
    "a rung",
    &[
        want("do", Either(&[Path, List(&Path)]), "harmless commands, in order"),
        key("with", Map(&Quantity), "constant arguments, when `do` is one command"),
        want("within", Quantity, "how long it has until `safe` is shown"),
        key("when", Formula, "passed over unless this holds"),
        key(
            "rehearse",
            Either(&[Text, List(&Shape::Step)]),
            "where it is tried from another state than the device's other rungs",
        ),
        key("not_rehearsed", Text, "why it is not tried in a rehearsal: what it would destroy"),
        key("blind", Flag, "true: the watchdog may escalate to it by time alone (false)"),
        key(
            "category",
            Whole,
            "stop category of IEC 60204-1: 0 power off at once, 1 stop then power off, 2 power stays",
        ),
    ],
);

pub(super) static TELLS: Record = record(
    "tells",
    "a telling",
    &[
        want("topic", Text, "MQTT topic"),
        want("every", Quantity, "its period"),
        want("fields", List(&Path), "the signals told"),
    ],
);

pub(super) static MAY: Record = record(
    "may",
    "a permission",
    &[
        want("topic", Text, "MQTT topic on which the controller asks"),
        key("max_age", Quantity, "an older proposal is stale"),
        key("rate", Quantity, "how often at most, such as `50 Hz`"),
    ],
);

pub(super) static FALLBACK: Record = record(
    "fallback",
    "a fallback",
    &[
        key("when", Formula, "it takes over when this holds"),
        key("limits", Flag, "true: also when the gate would hold one of its commands to a rule, or refuse it for one"),
        key("silent_for", Quantity, "also after this much silence of the controller, sooner than its dead_man"),
        want("do", Path, "the recovery function: a command, given every period"),
        key("with", Map(&Formula), "its arguments, over signals of machines: `clamp(fc.x, -4 m, 4 m)`"),
        want("every", Quantity, "its period, such as `50 ms`"),
        key("hand_back", Shape::Record(&HAND_BACK), "when the controller has the machine again (never)"),
    ],
);

pub(super) static HAND_BACK: Record = record(
    "hand_back",
    "a hand_back",
    &[want("when", Formula, "what must hold"), want("for", Quantity, "for how long, such as `2 s`")],
);

pub(super) static WORLD: Record = Record {
    id: "world",
    what: "a world",
    keys: &[want("model", Text, "which world, such as `hall`")],
    others: Some(Quantity),
};

pub(super) static ENVELOPE: Record = record(
    "envelope",
    "an envelope",
    &[
        want("envelope", Text, "what it is called"),
        key("about", Text, "what it protects"),
        want("rules", Map(&Shape::Record(&RULE)), "what must always hold"),
    ],
);

pub(crate) static RULE: Record = record(
    "rule",
    "a rule",
    &[
        key("when", Formula, "the trigger: judged only where this holds"),
        key("always", Formula, "must hold at every instant"),
        key("never", Formula, "must hold at no instant"),
        key("because", Text, "why"),
        key("source", Text, "where it comes from"),
        key("warn_at", Quantity, "margin under which the live view warns"),
        key("react_within", Quantity, "from the instant the violation could first be known to the first safe byte"),
        key("safe_within", Quantity, "from there to `safe`, confirmed"),
        key("process_safety_time", Quantity, "window, reaction and way to safe must fit into this"),
        key(
            "on_violation",
            Either(&[Choice(&["stop", "fail"]), Shape::Record(&STOP)]),
            "`stop`, `{ stop: [device] }` or `fail`",
        ),
    ],
);

pub(super) static STOP: Record =
    record("stop", "a reaction", &[want("stop", List(&Name), "the devices to be made safe")]);
