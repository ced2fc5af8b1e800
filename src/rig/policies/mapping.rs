//! The mapping file of a policy: which value in which message is which number of its net.

use crate::policy::mapping::{Answer, Heard, Holds, Input, Instead, Mapping, Output, Outside, Said, Say, View};
use crate::rig::keys::record;
use crate::rig::signals::shown;
use crate::rig::yaml::{Entry, Fields, Kind, Node, Page, Record, Shape, key, schema_of, want};
use crate::units::{Dimension, Quantity, Unit};
use Shape::{Choice, Either, Flag, List, Map, Name, Raw, Text};

/// The JSON Schema of a mapping file.
pub fn schema() -> serde_json::Value {
    schema_of(&MAPPING, "Checkrein mapping of a policy")
}

static MAPPING: Record = record(
    "mapping",
    "a mapping",
    &[
        want("mapping", Text, "what the policy is called"),
        key("about", Text, "what it does, and what it was trained for"),
        want("every", Shape::Quantity, "how often it thinks and speaks, such as `40 ms`"),
        want("inputs", Map(&Shape::Record(&INPUT)), "what it hears"),
        want("given", List(&Name), "inputs, in the order in which the net takes their numbers"),
        want(
            "outputs",
            Map(&Shape::Record(&OUTPUT)),
            "what the net's numbers mean, in the order in which they come out",
        ),
        want("says", List(&Shape::Record(&SAY)), "the messages that it says each time"),
    ],
);

static INPUT: Record = record(
    "mapping-input",
    "an input",
    &[
        want("field", Text, "`topic#/json/pointer`; on a serial line `/json/pointer`"),
        key("scale", Shape::Quantity, "a number: what one raw count is, such as `1 m`"),
        key("offset", Shape::Quantity, "a number: the value at raw zero"),
        key("states", Map(&Raw), "texts, with the number that each is to the net: `{ GUIDED: 1 }`"),
        key("flag", Flag, "true: not zero, or JSON true, which is 1 to the net"),
        key("stale_after", Shape::Quantity, "older than this, the policy says nothing"),
        key("keeps", Choice(&["latest", "first"]), "holds until the next one, or the first one for good"),
        key("until_heard", Raw, "another input or a quantity that stands in for it until it is heard"),
        key("range", Shape::Range, "what the policy was made for, such as `-6 m .. 6 m`"),
        key("outside", Choice(&["pass", "clamp", "silent"]), "what becomes of a value outside its range (pass)"),
        key("zero", Shape::Quantity, "the value that the net sees as 0 (0 in SI)"),
        key("one", Shape::Quantity, "the value that the net sees as 1 (1 in SI)"),
    ],
);

static OUTPUT: Record = record(
    "mapping-output",
    "an output",
    &[
        key("unit", Text, "a number: its unit, such as `m/s`; 1 of the net is 1 of it"),
        key("zero", Shape::Quantity, "a number: the value that the net says as 0"),
        key("one", Shape::Quantity, "a number: the value that the net says as 1"),
        key("range", Shape::Range, "a number: it is held within, such as `-3 m/s .. 3 m/s`"),
        key("step", Shape::Quantity, "a number: brought to whole multiples of this, such as `1`"),
        key("above", Raw, "a flag: true above this number"),
        key("pick", List(&Text), "the word whose number is the greatest: takes as many numbers as there are words"),
    ],
);

static SAY: Record = record(
    "mapping-say",
    "a message",
    &[
        key("topic", Text, "MQTT topic; left out on a serial line"),
        key("when", Name, "an output that is a flag: said only while it is true"),
        want("with", Map(&Either(&[Raw, Shape::Record(&TAKE)])), "values by name"),
    ],
);

static TAKE: Record = record(
    "mapping-take",
    "a value of a message",
    &[
        want("take", Name, "an output or an input"),
        key("scale", Shape::Quantity, "a number: what one raw count is, such as `1 m`"),
        key("offset", Shape::Quantity, "a number: the value at raw zero"),
    ],
);

/// An input while the file is read: what it measures, if it is a number.
struct Draft {
    input: Input,
    unit: Option<Unit>,
}

/// Reads a mapping; `None` when something in it is wrong, which is told.
pub(super) fn read(page: &mut Page, node: &Node) -> Option<Mapping> {
    let top = page.fields(node, &MAPPING)?;
    let name = top.get("mapping").and_then(|n| page.text(n, "text"));
    let every = top.get("every").and_then(|n| page.period(n, "40 ms"));
    let inputs = top.get("inputs").and_then(|n| inputs(page, n));
    let outputs = top.get("outputs").and_then(|n| outputs(page, n));
    let inputs = inputs?;
    let given = top.get("given").and_then(|n| given(page, n, &inputs));
    let outputs = outputs?;
    let says = top.get("says").and_then(|n| says(page, n, &inputs, &outputs));
    Some(Mapping {
        name: name?.text.clone(),
        every: every?,
        given: given?,
        says: says?,
        inputs: inputs.into_iter().map(|draft| draft.input).collect(),
        outputs: outputs.into_iter().map(|(output, _)| output).collect(),
    })
}

fn inputs(page: &mut Page, node: &Node) -> Option<Vec<Draft>> {
    let mut drafts: Vec<Draft> = Vec::new();
    let mut good = true;
    for entry in page.map(node, "`inputs`")? {
        match page.is_name(&entry.key, "an input's name").then(|| input(page, entry, &drafts)).flatten() {
            Some(draft) => drafts.push(draft),
            None => good = false,
        }
    }
    good.then_some(drafts)
}

fn input(page: &mut Page, entry: &Entry, before: &[Draft]) -> Option<Draft> {
    let fields = page.fields(&entry.value, &INPUT)?;
    let place = fields.get("field").and_then(|n| place(page, n));
    let kind = heard(page, entry, &fields);
    let holds = match (fields.get("stale_after"), fields.get("keeps")) {
        (Some(node), None) => page.time(node, "200 ms", false).map(Holds::For),
        (None, Some(node)) => {
            page.choice(node, "way to keep a value", &[("latest", Holds::Latest), ("first", Holds::First)])
        }
        _ => {
            let message = format!("how long `{}` may be used is said by one of two", entry.key.text);
            let remedy = "write `stale_after: 200 ms`, or `keeps: latest` (a task) or `keeps: first`";
            page.error(entry.key.span.clone(), message, Some(remedy.into()));
            None
        }
    };
    let ((kind, unit), place) = (kind?, place?);
    let dimension = unit.as_ref().map_or(Dimension::NONE, |unit| unit.dimension);
    let example = unit.as_ref().map_or("1".into(), |unit| shown(1.0, unit));
    let range = match fields.get("range") {
        Some(node) => Some(range(page, node, dimension, &example)?),
        None => None,
    };
    let outside = match fields.get("outside") {
        Some(node) => {
            let known = [("pass", Outside::Pass), ("clamp", Outside::Clamp), ("silent", Outside::Silent)];
            let chosen = page.choice(node, "answer to a value outside its range", &known)?;
            if range.is_none() {
                page.error(node.span.clone(), "`outside` needs a `range`".into(), None);
            }
            chosen
        }
        None => Outside::Pass,
    };
    let until_heard = match fields.get("until_heard") {
        Some(node) => {
            let word = page.scalar(node, "another input, or a quantity")?;
            match before.iter().position(|draft| draft.input.name == word.text) {
                Some(other) if before[other].unit.as_ref().map_or(Dimension::NONE, |u| u.dimension) == dimension => {
                    Some(Instead::Input(other))
                }
                Some(_) => {
                    page.error(word.span.clone(), format!("`{}` measures something else", word.text), None);
                    return None;
                }
                None if word.text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') => {
                    let message = format!("no input `{}` stands before `{}`", word.text, entry.key.text);
                    page.unknown(word, message, before.iter().map(|draft| draft.input.name.as_str()));
                    return None;
                }
                None => Some(Instead::Value(page.quantity_like(node, dimension, &example)?.si())),
            }
        }
        None => None,
    };
    let view = view(page, &fields, dimension, &example)?.unwrap_or(View::SI);
    let (topic, pointer) = place;
    let name = entry.key.text.clone();
    Some(Draft { input: Input { name, topic, pointer, kind, holds: holds?, until_heard, range, outside, view }, unit })
}

/// `topic#/pointer`, or `/pointer` on a serial line.
fn place(page: &mut Page, node: &Node) -> Option<(Option<String>, String)> {
    let word = page.text(node, "`topic#/json/pointer`")?;
    match word.text.split_once('#') {
        Some((topic, pointer)) if pointer.starts_with('/') && !topic.is_empty() && !topic.contains('+') => {
            Some((Some(topic.to_owned()), pointer.to_owned()))
        }
        None if word.text.starts_with('/') => Some((None, word.text.clone())),
        _ => {
            let message = format!("`{}` names no place in a message", word.text);
            page.error(word.span.clone(), message, Some("write it like `pilot/state#/fc.altitude`".into()));
            None
        }
    }
}

/// What is heard, and its unit if it is a number: exactly one of `scale`, `states` and `flag` says so.
fn heard(page: &mut Page, entry: &Entry, fields: &Fields<'_>) -> Option<(Heard, Option<Unit>)> {
    let said: Vec<&Entry> = ["scale", "states", "flag"].iter().filter_map(|key| fields.entry(key)).collect();
    let [only] = said.as_slice() else {
        let message = format!("what `{}` is, is said by one of three", entry.key.text);
        let remedy = "write `scale: 1 m` (a number), `states: { … }` or `flag: true`";
        page.error(entry.key.span.clone(), message, Some(remedy.into()));
        return None;
    };
    match only.key.text.as_str() {
        "scale" => {
            let (scale, offset, unit) = count(page, fields)?;
            Some((Heard::Number { scale, offset }, Some(unit)))
        }
        "states" => {
            let mut states = Vec::new();
            for state in page.map(&only.value, "states: `{ GUIDED: 1 }`")? {
                let number = page.scalar(&state.value, "the number that this state is to the net")?;
                let Some(read) = number.text.parse::<f64>().ok().filter(|read| read.is_finite()) else {
                    page.wrong(&state.value, "the number that this state is to the net");
                    return None;
                };
                states.push((state.key.text.clone(), read));
            }
            Some((Heard::States(states), None))
        }
        _ => page.flag(&only.value)?.then_some((Heard::Flag, None)).or_else(|| {
            page.wrong(&only.value, "`true`, or one of `scale` and `states`");
            None
        }),
    }
}

/// What one raw count is and the value at raw zero, in SI, with the unit.
fn count(page: &mut Page, fields: &Fields<'_>) -> Option<(f64, f64, Unit)> {
    let node = fields.get("scale")?;
    let scale = page.quantity(node, "what one raw count is, such as `1 m`")?;
    if scale.number == 0.0 {
        page.wrong(node, "a scale other than zero");
        return None;
    }
    let offset = match fields.get("offset") {
        Some(node) => page.quantity_like(node, scale.unit.dimension, &shown(1.0, &scale.unit))?.si(),
        None => scale.unit.offset,
    };
    Some((scale.number * scale.unit.scale, offset, scale.unit))
}

fn range(page: &mut Page, node: &Node, dimension: Dimension, example: &str) -> Option<(f64, f64)> {
    let word = page.scalar(node, "a range such as `-1 m .. 1 m`")?;
    let (least, most) = match Quantity::parse_range(&word.text) {
        Ok(pair) => pair,
        Err(problem) => {
            page.problem(word, problem);
            return None;
        }
    };
    if !page.like(word, &least, dimension, &format!("-{example} .. {example}")) {
        return None;
    }
    if least.si() >= most.si() {
        page.wrong(node, "a range that is wider than nothing");
        return None;
    }
    Some((least.si(), most.si()))
}

/// `zero` and `one`; the inner `None` where neither stands.
fn view(page: &mut Page, fields: &Fields<'_>, dimension: Dimension, example: &str) -> Option<Option<View>> {
    let mut part = |key: &str, otherwise: f64| match fields.get(key) {
        Some(node) => page.quantity_like(node, dimension, example).map(|quantity| quantity.si()),
        None => Some(otherwise),
    };
    let (zero, one) = (part("zero", 0.0)?, part("one", 1.0)?);
    let Some(entry) = fields.entry("one").or(fields.entry("zero")) else { return Some(None) };
    if zero == one {
        page.error(entry.key.span.clone(), "`zero` and `one` are the same value".into(), None);
        return None;
    }
    Some(Some(View { zero, one }))
}

fn given(page: &mut Page, node: &Node, inputs: &[Draft]) -> Option<Vec<usize>> {
    let mut places = Vec::new();
    let mut good = true;
    for item in page.list(node, "`given`")? {
        let Some(word) = page.text(item, "the name of an input") else {
            good = false;
            continue;
        };
        match inputs.iter().position(|draft| draft.input.name == word.text) {
            Some(place) => places.push(place),
            None => {
                let message = format!("there is no input `{}`", word.text);
                page.unknown(word, message, inputs.iter().map(|draft| draft.input.name.as_str()));
                good = false;
            }
        }
    }
    good.then_some(places)
}

fn outputs(page: &mut Page, node: &Node) -> Option<Vec<(Output, Option<Unit>)>> {
    let mut list = Vec::new();
    let mut good = true;
    for entry in page.map(node, "`outputs`")? {
        match page.is_name(&entry.key, "an output's name").then(|| output(page, entry)).flatten() {
            Some((kind, unit)) => list.push((Output { name: entry.key.text.clone(), kind }, unit)),
            None => good = false,
        }
    }
    good.then_some(list)
}

fn output(page: &mut Page, entry: &Entry) -> Option<(Answer, Option<Unit>)> {
    let fields = page.fields(&entry.value, &OUTPUT)?;
    let said: Vec<&Entry> = ["above", "pick", "unit", "one"].iter().filter_map(|key| fields.entry(key)).collect();
    let [only] = said.as_slice() else {
        let message = format!("what `{}` is, is said by one of four", entry.key.text);
        let remedy = "write `unit: m/s` or `one: 3 m/s` (a number), `above: 0` (a flag) or `pick: [A, B]`";
        page.error(entry.key.span.clone(), message, Some(remedy.into()));
        return None;
    };
    if matches!(only.key.text.as_str(), "above" | "pick") {
        for key in ["zero", "range", "step"] {
            if let Some(entry) = fields.entry(key) {
                page.error(entry.key.span.clone(), format!("`{key}` is for numbers"), Some("remove it".into()));
            }
        }
    }
    match only.key.text.as_str() {
        "above" => {
            let word = page.scalar(&only.value, "the number above which it is true")?;
            let Some(above) = word.text.parse::<f64>().ok().filter(|above| above.is_finite()) else {
                page.wrong(&only.value, "the number above which it is true");
                return None;
            };
            Some((Answer::Flag { above }, None))
        }
        "pick" => {
            let mut words = Vec::new();
            for item in page.list(&only.value, "`pick`")? {
                words.push(page.text(item, "a word to say")?.text.clone());
            }
            if words.len() < 2 {
                page.wrong(&only.value, "at least two words to choose from");
                return None;
            }
            Some((Answer::Pick(words), None))
        }
        key => {
            let unit = if key == "unit" {
                let word = page.scalar(&only.value, "a unit")?;
                match Unit::parse(&word.text) {
                    Ok(unit) => unit,
                    Err(problem) => {
                        page.problem(word, problem);
                        return None;
                    }
                }
            } else {
                page.quantity(&only.value, "the value that the net says as 1")?.unit
            };
            let example = shown(1.0, &unit);
            let plain = View { zero: unit.to_si(0.0), one: unit.to_si(1.0) };
            let view = match key {
                "unit" => plain,
                _ => view(page, &fields, unit.dimension, &example)?.unwrap_or(plain),
            };
            let range = match fields.get("range") {
                Some(node) => Some(range(page, node, unit.dimension, &example)?),
                None => None,
            };
            let step = match fields.get("step") {
                Some(node) => {
                    let step = page.quantity_like(node, unit.dimension, &example)?.si();
                    if step <= 0.0 {
                        page.wrong(node, "a step greater than zero");
                        return None;
                    }
                    Some(step)
                }
                None => None,
            };
            Some((Answer::Number { view, range, step }, Some(unit)))
        }
    }
}

fn says(page: &mut Page, node: &Node, inputs: &[Draft], outputs: &[(Output, Option<Unit>)]) -> Option<Vec<Say>> {
    let mut list = Vec::new();
    let mut good = true;
    for item in page.list(node, "`says`")? {
        match say(page, item, inputs, outputs) {
            Some(said) => list.push(said),
            None => good = false,
        }
    }
    if list.is_empty() && good {
        page.wrong(node, "at least one message");
        return None;
    }
    good.then_some(list)
}

fn say(page: &mut Page, node: &Node, inputs: &[Draft], outputs: &[(Output, Option<Unit>)]) -> Option<Say> {
    let fields = page.fields(node, &SAY)?;
    let topic = match fields.get("topic") {
        Some(node) => {
            let word = page.text(node, "a topic")?;
            if word.text.contains(['+', '#']) {
                page.error(word.span.clone(), format!("topic `{}` has a wildcard in it", word.text), None);
                return None;
            }
            Some(word.text.clone())
        }
        None => None,
    };
    let when = match fields.get("when") {
        Some(node) => {
            let word = page.text(node, "an output that is a flag")?;
            let flags = || outputs.iter().filter(|(output, _)| matches!(output.kind, Answer::Flag { .. }));
            if !flags().any(|(output, _)| output.name == word.text) {
                let message = format!("no output that is a flag is called `{}`", word.text);
                page.unknown(word, message, flags().map(|(output, _)| output.name.as_str()));
                return None;
            }
            outputs.iter().position(|(output, _)| output.name == word.text)
        }
        None => None,
    };
    let mut with = Vec::new();
    let mut good = true;
    for entry in page.map(fields.get("with")?, "`with`")? {
        match said(page, entry, inputs, outputs) {
            Some(said) => with.push((entry.key.text.clone(), said)),
            None => good = false,
        }
    }
    good.then_some(Say { topic, when, with })
}

fn said(page: &mut Page, entry: &Entry, inputs: &[Draft], outputs: &[(Output, Option<Unit>)]) -> Option<Said> {
    if !matches!(entry.value.kind, Kind::Map(_)) {
        let word = page.scalar(&entry.value, "a number, a word, or `{ take: … }`")?;
        return Some(match (word.quoted, word.text.as_str(), word.text.parse::<f64>()) {
            (false, "true", _) => Said::Flag(true),
            (false, "false", _) => Said::Flag(false),
            (false, _, Ok(number)) if number.is_finite() => Said::Number(number),
            _ => Said::Text(word.text.clone()),
        });
    }
    let fields = page.fields(&entry.value, &TAKE)?;
    let word = page.text(fields.get("take")?, "an output or an input")?;
    let output = outputs.iter().position(|(output, _)| output.name == word.text);
    let input = inputs.iter().position(|draft| draft.input.name == word.text);
    let unit = match (output, input) {
        (Some(output), None) => &outputs[output].1,
        (None, Some(input)) => &inputs[input].unit,
        (Some(_), Some(_)) => {
            page.error(word.span.clone(), format!("`{}` is an input and an output", word.text), None);
            return None;
        }
        (None, None) => {
            let known = outputs.iter().map(|(output, _)| output.name.as_str());
            let known = known.chain(inputs.iter().map(|draft| draft.input.name.as_str()));
            page.unknown(word, format!("there is no output or input `{}`", word.text), known);
            return None;
        }
    };
    let (scale, offset) = match (unit, fields.entry("scale")) {
        (Some(unit), Some(scale)) => {
            let (factor, offset, given) = count(page, &fields)?;
            if given.dimension != unit.dimension {
                let message =
                    format!("`{}` is {}; the scale is {}", word.text, unit.dimension.words(), given.dimension.words());
                page.error(scale.value.span.clone(), message, None);
                return None;
            }
            (factor, offset)
        }
        (Some(unit), None) => {
            let message = format!("what one raw count of `{}` is, is not said", entry.key.text);
            page.error(entry.key.span.clone(), message, Some(format!("add `scale: {}`", shown(1.0, unit))));
            return None;
        }
        (None, Some(scale)) => {
            page.error(scale.key.span.clone(), format!("`{}` is no number", word.text), Some("remove it".into()));
            return None;
        }
        (None, None) => (1.0, 0.0),
    };
    match (output, input) {
        (Some(index), _) => Some(Said::Output { index, scale, offset }),
        (None, index) => Some(Said::Input { index: index?, scale, offset }),
    }
}
