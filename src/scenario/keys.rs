//! What a scenario file may hold. Reader and JSON Schema both rest on these tables.

use crate::rig::yaml::{Key, Record, Shape, key, schema_of, want};
use crate::rig::{POLICY_TWIN, RULE_KEYS};
use Shape::{Choice, Either, Flag, Formula, List, Map, Name, Path, Quantity, Range, Text, Whole};

/// The JSON Schema of a scenario file.
pub fn schema() -> serde_json::Value {
    schema_of(&SCENARIO, "Checkrein scenario")
}

const fn record(id: &'static str, what: &'static str, keys: &'static [Key]) -> Record {
    Record { id, what, keys, others: None }
}

/// Every kind of step, by the key that names it.
pub(super) static VERBS: &[(&str, &Record)] = &[
    ("do", &DO),
    ("expect", &EXPECT),
    ("wait", &WAIT),
    ("hold", &HOLD),
    ("inject", &INJECT_STEP),
    ("prompt", &PROMPT),
    ("phase", &PHASE),
    ("parallel", &PARALLEL),
    ("repeat", &REPEAT),
    ("when", &WHEN),
    ("use", &USE),
];

/// Steps that only the rehearsal of a rig is made of.
pub(super) static REHEARSAL_VERBS: &[(&str, &Record)] = &[("rung", &RUNG_STEP), ("mute", &MUTE_STEP)];

static STEP: Shape = Either(&[
    Shape::Record(&DO),
    Shape::Record(&EXPECT),
    Shape::Record(&WAIT),
    Shape::Record(&HOLD),
    Shape::Record(&INJECT_STEP),
    Shape::Record(&PROMPT),
    Shape::Record(&PHASE),
    Shape::Record(&PARALLEL),
    Shape::Record(&REPEAT),
    Shape::Record(&WHEN),
    Shape::Record(&USE),
]);
static LANE: Shape = List(&STEP);

pub(super) static SCENARIO: Record = record(
    "scenario",
    "a scenario",
    &[
        want("scenario", Text, "what it is called"),
        want("rig", Text, "the rig it runs on"),
        key("about", Text, "what is tried, and why"),
        key("exercises", List(&Text), "rules that must be tested, or the run is inconclusive"),
        key(
            "twins",
            Map(&Shape::Record(&POLICY_TWIN)),
            "policies that take the place of the rig's twins, by controller; paths are beside the rig file",
        ),
        key(
            "gate",
            Choice(&["observe", "enforce", "fallback"]),
            "what the gate does with a controller's commands (enforce)",
        ),
        key("parameters", Map(&PARAMETER_SHAPE), "values that `--set name=value` may change"),
        key("rules", Map(&Shape::Record(&RULE_KEYS)), "for this scenario only, in addition to the envelope"),
        want("steps", List(&STEP), "what is done, in order"),
        key("finally", List(&STEP), "what is done at the end in any case"),
    ],
);

pub(super) static FRAGMENT: Record = record(
    "fragment",
    "a fragment",
    &[
        want("fragment", Text, "what it is called"),
        key("about", Text, "what it does"),
        key("parameters", Map(&PARAMETER_SHAPE), "values that `use … with` gives"),
        want("steps", List(&STEP), "the steps that stand in its place"),
    ],
);

static PARAMETER_SHAPE: Shape = Either(&[Quantity, Shape::Record(&PARAMETER)]);

pub(super) static PARAMETER: Record = record(
    "parameter",
    "a parameter",
    &[
        want("default", Quantity, "its value where nobody sets another"),
        key("range", Range, "where it must stay"),
        key("about", Text, "what it is"),
    ],
);

const NAMED: Key = key("name", Name, "what the signal `step` calls it");

pub(super) static DO: Record = record(
    "do",
    "a `do` step",
    &[
        want("do", Path, "the command: `device.name`"),
        key("with", Map(&Either(&[Quantity, Name])), "its arguments"),
        key("within", Quantity, "how long its acknowledgement may take (5 s)"),
        NAMED,
    ],
);
pub(super) static EXPECT: Record = record(
    "expect",
    "an `expect` step",
    &[
        want("expect", Formula, "a requirement: not met in time → fail"),
        want("within", Quantity, "how long it may take, such as `5 s`"),
        NAMED,
    ],
);
pub(super) static WAIT: Record = record(
    "wait",
    "a `wait` step",
    &[
        want("wait", Formula, "a precondition: not met in time → inconclusive"),
        want("within", Quantity, "how long it may take, such as `5 s`"),
        NAMED,
    ],
);
pub(super) static HOLD: Record =
    record("hold", "a `hold` step", &[want("hold", Quantity, "how long nothing is done"), NAMED]);
pub(super) static INJECT_STEP: Record =
    record("inject", "an `inject` step", &[want("inject", Shape::Record(&INJECT), "the fault"), NAMED]);
pub(super) static INJECT: Record = Record {
    id: "fault",
    what: "a fault",
    keys: &[
        want("fault", Text, "its name, such as `delay`"),
        want("on", Text, "`pilot.tells`, `pilot.tells.fc.altitude`, `pilot.says`, a link, a device or `world`"),
        key("for", Quantity, "how long (until the end of the run)"),
        key(
            "preset",
            Either(&[Whole, Text]),
            "a step of the fault's ladder, such as `2`; parameters beside it stand above its own",
        ),
        key("direction", Choice(&["out", "in", "both"]), "on a link: from us, to us, or both (out)"),
        key("energised", Flag, "it may act on a real machine; a person is asked first (false)"),
        key("visible", Formula, "where the effect shows; never so while it lasts → inconclusive"),
    ],
    // Its parameters: which ones is a matter of the fault.
    others: Some(Either(&[Quantity, Name, Flag])),
};
pub(super) static PROMPT: Record = record(
    "prompt",
    "a `prompt` step",
    &[
        want("prompt", Text, "the question; \"no\" or silence → aborted"),
        want("within", Quantity, "how long a person may take, such as `60 s`"),
        NAMED,
    ],
);
pub(super) static PHASE: Record = record(
    "phase",
    "a `phase` step",
    &[want("phase", Name, "the name that rules may use"), want("steps", List(&STEP), "its steps"), NAMED],
);
pub(super) static PARALLEL: Record =
    record("parallel", "a `parallel` step", &[want("parallel", List(&LANE), "lists of steps, side by side"), NAMED]);
pub(super) static REPEAT: Record = record(
    "repeat",
    "a `repeat` step",
    &[want("repeat", Whole, "how often"), want("steps", List(&STEP), "what is repeated"), NAMED],
);
pub(super) static WHEN: Record = record(
    "when",
    "a `when` step",
    &[
        want("when", Formula, "the condition; unknown → the run ends inconclusive"),
        want("steps", List(&STEP), "done where it holds"),
        NAMED,
    ],
);
pub(super) static USE: Record = record(
    "use",
    "a `use` step",
    &[want("use", Text, "path of a fragment below `scenarios/`"), key("with", Map(&Quantity), "its parameters")],
);
static RUNG_STEP: Record = record(
    "rung-step",
    "a `rung` step",
    &[want("rung", Name, "the device"), want("place", Whole, "which rung, from 1")],
);
static MUTE_STEP: Record = record("mute-step", "a `mute` step", &[want("mute", Name, "the device")]);
