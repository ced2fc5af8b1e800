//! The faults that a scenario can inject: their names, parameters and what they may act on, as data.

use super::keys::INJECT;
use super::parameters::Parameters;
use crate::fault::{FaultSpec, FaultTarget, PipeFault, TwinFault};
use crate::rig::twins::{TwinKind, measures};
use crate::rig::yaml::{Entry, Fields, Node, Page, Word};
use crate::rig::{Loaded, Role};
use crate::signal::{SignalId, SignalKind};
use crate::time::Span;
use crate::units::{Dimension, Quantity, Unit};
use crate::wire::{DeviceId, LinkId};

/// What a fault may act on.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum On {
    /// What a controller is told.
    Tells,
    /// What a controller says.
    Says,
    Link,
    Device,
    World,
    /// A field of a twin's own sensors.
    Sensor,
}

impl Fault {
    /// Whether it can act there. What acts on values that are told acts on values that are measured.
    fn acts_on(&self, on: On) -> bool {
        self.on.contains(&on) || (on == On::Sensor && self.on.contains(&On::Tells))
    }
}

/// What a parameter of a fault is.
#[derive(Copy, Clone, PartialEq, Debug)]
enum Want {
    /// A time greater than zero.
    Time,
    /// 0 .. 1, or per cent.
    Share,
    /// A number without unit.
    Gain,
    Speed,
    Angle,
    /// Bytes per second.
    Bytes,
    /// A whole number up to 255.
    Index,
    /// A quantity like the one signal that the fault acts on.
    LikeSignal,
    /// A quantity of any kind.
    Any,
    /// The name of a field of the twin.
    Field,
    /// A time, also below zero.
    Shift,
    Length,
    Voltage,
    Frequency,
    /// A number greater than zero.
    Times,
    /// A year from 1970 to 2105.
    Year,
}

/// A parameter of a fault; the last one is what it is when the scenario does not say.
struct Param(&'static str, Want, Option<f64>);

/// A kind of fault.
struct Fault {
    name: &'static str,
    on: &'static [On],
    params: &'static [Param],
    make: fn(&Given) -> Effect,
}

/// The parameters of a fault as given, in SI.
struct Given {
    numbers: Vec<f64>,
    text: String,
}

enum Effect {
    Pipe(PipeFault),
    Twin(TwinFault),
}

use Effect::{Pipe, Twin};

const PIPES: &[On] = &[On::Tells, On::Says, On::Link];

/// Every fault.
static FAULTS: &[Fault] = &[
    Fault {
        name: "delay",
        on: PIPES,
        params: &[Param("by", Want::Time, None)],
        make: |g| Pipe(PipeFault::Delay { by: Span::from_seconds(g.numbers[0]) }),
    },
    Fault {
        name: "drop",
        on: PIPES,
        params: &[Param("share", Want::Share, None)],
        make: |g| Pipe(PipeFault::Drop { share: g.numbers[0] }),
    },
    Fault { name: "off", on: PIPES, params: &[], make: |_| Pipe(PipeFault::Off) },
    Fault {
        name: "duplicate",
        on: PIPES,
        params: &[Param("share", Want::Share, None)],
        make: |g| Pipe(PipeFault::Duplicate { share: g.numbers[0] }),
    },
    Fault { name: "freeze", on: &[On::Tells], params: &[], make: |_| Pipe(PipeFault::Freeze) },
    Fault {
        name: "bias",
        on: &[On::Tells],
        params: &[Param("by", Want::LikeSignal, None)],
        make: |g| Pipe(PipeFault::Bias { by: g.numbers[0] }),
    },
    Fault {
        name: "scale",
        on: &[On::Tells],
        params: &[Param("gain", Want::Gain, None)],
        make: |g| Pipe(PipeFault::Scale { gain: g.numbers[0] }),
    },
    Fault {
        name: "noise",
        on: &[On::Tells],
        params: &[Param("sigma", Want::LikeSignal, None)],
        make: |g| Pipe(PipeFault::Noise { sigma: g.numbers[0] }),
    },
    Fault {
        name: "corrupt",
        on: &[On::Says, On::Link],
        params: &[Param("rate", Want::Share, None)],
        make: |g| Pipe(PipeFault::Corrupt { bit_error_rate: g.numbers[0] }),
    },
    Fault {
        name: "wind",
        on: &[On::World],
        params: &[Param("speed", Want::Speed, None), Param("from", Want::Angle, Some(0.0))],
        make: |g| Twin(TwinFault::Wind { speed: g.numbers[0], from: g.numbers[1] }),
    },
    Fault { name: "silence", on: &[On::Device], params: &[], make: |_| Twin(TwinFault::Silence) },
    Fault {
        name: "garbage",
        on: &[On::Device],
        params: &[Param("rate", Want::Bytes, None)],
        make: |g| Twin(TwinFault::Garbage { rate: g.numbers[0] }),
    },
    Fault { name: "restart", on: &[On::Device], params: &[], make: |_| Twin(TwinFault::Restart) },
    Fault { name: "deaf", on: &[On::Device], params: &[], make: |_| Twin(TwinFault::Deaf) },
    Fault {
        name: "battery",
        on: &[On::Device],
        params: &[Param("level", Want::Share, None)],
        make: |g| Twin(TwinFault::Battery { level: g.numbers[0] }),
    },
    Fault {
        name: "motor",
        on: &[On::Device],
        params: &[Param("index", Want::Index, None), Param("gain", Want::Share, None)],
        make: |g| Twin(TwinFault::Motor { index: g.numbers[0] as u8, gain: g.numbers[1] }),
    },
    Fault {
        name: "sensor-bias",
        on: &[On::Device],
        params: &[Param("field", Want::Field, None), Param("by", Want::Any, None)],
        make: |g| Twin(TwinFault::SensorBias { field: g.text.clone(), by: g.numbers[1] }),
    },
    // What twins act out.
    Fault {
        name: "motor-stuck",
        on: &[On::Device],
        params: &[Param("index", Want::Index, Some(NOT_GIVEN)), Param("at", Want::Share, Some(NOT_GIVEN))],
        make: |g| Twin(TwinFault::MotorStuck { index: g.index(0), at: g.given(1) }),
    },
    Fault {
        name: "motor-slow",
        on: &[On::Device],
        params: &[Param("lag", Want::Time, None), Param("index", Want::Index, Some(NOT_GIVEN))],
        make: |g| Twin(TwinFault::MotorSlow { index: g.index(1), lag: g.span(0) }),
    },
    Fault {
        name: "motor-reversed",
        on: &[On::Device],
        params: &[Param("index", Want::Index, Some(NOT_GIVEN))],
        make: |g| Twin(TwinFault::MotorReversed { index: g.index(0) }),
    },
    Fault { name: "power-off", on: &[On::Device], params: &[], make: |_| Twin(TwinFault::PowerOff) },
    Fault {
        name: "brown-out",
        on: &[On::Device],
        params: &[Param("to", Want::Voltage, None), Param("length", Want::Time, Some(0.02))],
        make: |g| Twin(TwinFault::BrownOut { volts: g.numbers[0], length: g.span(1) }),
    },
    Fault {
        name: "boot-storm",
        on: &[On::Device],
        params: &[Param("every", Want::Time, None)],
        make: |g| Twin(TwinFault::BootStorm { every: g.span(0) }),
    },
    Fault {
        name: "watchdog-reset",
        on: &[On::Device],
        params: &[Param("after", Want::Time, Some(2.0))],
        make: |g| Twin(TwinFault::WatchdogReset { hang: g.span(0) }),
    },
    Fault {
        name: "gps-step",
        on: &[On::Device],
        params: &[Param("by", Want::Length, None), Param("bearing", Want::Angle, Some(0.0))],
        make: |g| Twin(TwinFault::GpsStep { by: g.numbers[0], bearing: g.numbers[1] }),
    },
    Fault {
        name: "gps-drag",
        on: &[On::Device],
        params: &[Param("speed", Want::Speed, None), Param("bearing", Want::Angle, Some(0.0))],
        make: |g| Twin(TwinFault::GpsDrag { speed: g.numbers[0], bearing: g.numbers[1] }),
    },
    Fault { name: "gps-jam", on: &[On::Device], params: &[], make: |_| Twin(TwinFault::GpsJam) },
    Fault {
        name: "clock-step",
        on: &[On::Device],
        params: &[Param("by", Want::Shift, None)],
        make: |g| Twin(TwinFault::ClockStep { by: g.span(0) }),
    },
    Fault {
        name: "clock-skew",
        on: &[On::Device],
        params: &[Param("by", Want::Gain, None)],
        make: |g| Twin(TwinFault::ClockSkew { share: g.numbers[0] }),
    },
    Fault {
        name: "clock-rollover",
        on: &[On::Device],
        params: &[Param("after", Want::Time, None)],
        make: |g| Twin(TwinFault::ClockRollover { after: g.span(0) }),
    },
    Fault {
        name: "clock-date",
        on: &[On::Device],
        params: &[Param("year", Want::Year, None)],
        make: |g| Twin(TwinFault::ClockDate { year: g.numbers[0] as u16 }),
    },
    Fault {
        name: "stale-output",
        on: &[On::Device],
        params: &[Param("every", Want::Time, None)],
        make: |g| Twin(TwinFault::StaleOutput { every: g.span(0) }),
    },
    Fault {
        name: "latency",
        on: &[On::Device],
        params: &[Param("by", Want::Time, None)],
        make: |g| Twin(TwinFault::Wire { fault: PipeFault::Delay { by: g.span(0) } }),
    },
    Fault {
        name: "beyond-range",
        on: &[On::Device],
        params: &[Param("by", Want::Length, Some(100.0))],
        make: |g| Twin(TwinFault::OutOfRange { by: g.numbers[0] }),
    },
    Fault { name: "not-a-number", on: &[On::Device], params: &[], make: |_| Twin(TwinFault::NotANumber) },
    Fault {
        name: "limit-cycle",
        on: &[On::Device],
        params: &[Param("frequency", Want::Frequency, None), Param("size", Want::Length, None)],
        make: |g| Twin(TwinFault::Oscillate { hertz: g.numbers[0], size: g.numbers[1] }),
    },
    Fault {
        name: "confident-wrong",
        on: &[On::Device],
        params: &[Param("by", Want::Length, None), Param("bearing", Want::Angle, Some(0.0))],
        make: |g| Twin(TwinFault::ConfidentWrong { by: g.numbers[0], bearing: g.numbers[1] }),
    },
    Fault {
        name: "rate",
        on: &[On::Device],
        params: &[Param("times", Want::Times, None)],
        make: |g| Twin(TwinFault::Rate { times: g.numbers[0] }),
    },
    Fault { name: "unknown-commands", on: &[On::Device], params: &[], make: |_| Twin(TwinFault::UnknownCommands) },
    Fault { name: "frozen", on: &[On::Device], params: &[], make: |_| Twin(TwinFault::Frozen) },
];

/// What stands for a number that the scenario leaves out where nothing is a meaning of its own; no index or share is.
const NOT_GIVEN: f64 = -1.0;

impl Given {
    /// The number at this place, unless it was left out.
    fn given(&self, place: usize) -> Option<f64> {
        self.numbers.get(place).copied().filter(|number| *number != NOT_GIVEN)
    }
    /// The index at this place, unless it was left out.
    fn index(&self, place: usize) -> Option<u8> {
        self.given(place).map(|number| number as u8)
    }
    /// The time at this place.
    fn span(&self, place: usize) -> Span {
        Span::from_seconds(self.numbers[place])
    }
}

/// The names of all faults, for help and completion.
pub fn names() -> impl Iterator<Item = &'static str> {
    FAULTS.iter().map(|fault| fault.name)
}

/// What the `on:` of a fault names.
#[derive(Copy, Clone, PartialEq, Debug)]
enum Target {
    Tells(DeviceId, Option<SignalId>),
    Says(DeviceId),
    Link(LinkId),
    Device(DeviceId),
    World,
    Sensor(DeviceId, &'static str),
}

impl Target {
    fn on(self) -> On {
        match self {
            Target::Tells(..) => On::Tells,
            Target::Says(_) => On::Says,
            Target::Link(_) => On::Link,
            Target::Device(_) => On::Device,
            Target::World => On::World,
            Target::Sensor(..) => On::Sensor,
        }
    }
}

/// Reads the map of an `inject`; the fault with its title.
pub(super) fn read(
    page: &mut Page,
    node: &Node,
    loaded: &Loaded,
    parameters: &mut Parameters,
) -> Option<(FaultSpec, String)> {
    let fields = page.fields(node, &INJECT)?;
    let lasts = fields.get("for").map(|node| time(page, node, parameters));
    // `off` is among the names, and no other word for it would be: here nothing else can be meant.
    let name = page.scalar(fields.get("fault")?, "the name of a fault");
    let on = fields.get("on").and_then(|n| page.text(n, "what it acts on"));
    let fault = name.and_then(|name| {
        let found = FAULTS.iter().find(|f| f.name == name.text);
        if found.is_none() {
            page.unknown(name, format!("there is no fault `{}`", name.text), FAULTS.iter().map(|f| f.name));
        }
        found
    });
    let fault = fault?;
    let on = on?;
    let target = target(page, on, fault, loaded);
    let given = given(page, &fields, fault, target, loaded, parameters);
    let (target, given) = (target?, given?);
    let effect = (fault.make)(&given);
    if let (Twin(acted), Target::Device(device)) = (&effect, target)
        && let Some(why) = acting(loaded, device).and_then(|twin| twin.refuses(acted))
    {
        let place =
            ["index", "field"].iter().find_map(|key| fields.get(key)).map_or(on.span.clone(), |n| n.span.clone());
        page.error(place, why, None);
        return None;
    }
    let target = match (effect, target) {
        (Pipe(fault), Target::Tells(device, signal)) => FaultTarget::Tells { device, signal, fault },
        (Pipe(fault), Target::Says(device)) => FaultTarget::Says { device, arg: None, fault },
        (Pipe(fault), Target::Link(link)) => FaultTarget::Link { link, fault },
        (Twin(fault), Target::Device(device)) => FaultTarget::Twin { device, fault },
        (Pipe(fault), Target::Sensor(device, field)) => {
            let fault = TwinFault::Sensor { field: field.to_owned(), fault };
            if let Some(why) = acting(loaded, device).and_then(|twin| twin.refuses(&fault)) {
                page.error(on.span.clone(), why, None);
                return None;
            }
            FaultTarget::Twin { device, fault }
        }
        (Twin(fault), Target::World) => FaultTarget::World { fault },
        // The table lets pipe faults act on pipes and twin faults on twins alone.
        _ => return None,
    };
    let lasts = match lasts {
        Some(lasts) => Some(lasts?),
        None => None,
    };
    let until = lasts.map_or(String::new(), |span| format!(" for {span}"));
    let title = format!("inject {} on {}{until}", fault.name, on.text);
    Some((FaultSpec { name: fault.name.into(), target, lasts }, title))
}

/// The twin that acts for a device; a name that is no twin's was told where the rig was read.
fn acting(loaded: &Loaded, device: DeviceId) -> Option<&'static TwinKind> {
    let place = loaded.devices.iter().position(|d| d.1 == device)?;
    TwinKind::find(loaded.twins[place].as_deref()?)
}

/// A time that may be a parameter.
pub(super) fn time(page: &mut Page, node: &Node, parameters: &mut Parameters) -> Option<Span> {
    let word = page.scalar(node, "a time such as `5 s`")?;
    let quantity = parameters.look_up(page, word)?;
    if !page.like(word, &quantity, Dimension { time: 1, ..Dimension::default() }, "5 s") {
        return None;
    }
    match quantity.span().filter(|span| *span > Span::ZERO) {
        Some(span) => Some(span),
        None => {
            page.wrong(node, "a time greater than zero, such as `5 s`");
            None
        }
    }
}

/// What `on:` names, and whether the fault can act on it.
fn target(page: &mut Page, on: &Word, fault: &Fault, loaded: &Loaded) -> Option<Target> {
    let found = find(page, on, fault, loaded)?;
    if !fault.acts_on(found.on()) {
        let can: Vec<&str> = fault.on.iter().map(|on| words(*on)).collect();
        page.error(
            on.span.clone(),
            format!("`{}` is {}; fault `{}` acts on {}", on.text, words(found.on()), fault.name, can.join(", ")),
            None,
        );
        return None;
    }
    if let (Target::Tells(_, None), true) = (found, fault.params.iter().any(|p| p.1 == Want::LikeSignal)) {
        page.error(
            on.span.clone(),
            format!("fault `{}` needs one signal; `{}` are all that the controller is told", fault.name, on.text),
            Some(format!("write it like `{}.fc.altitude`", on.text)),
        );
        return None;
    }
    Some(found)
}

fn words(on: On) -> &'static str {
    match on {
        On::Tells => "what a controller is told (`pilot.tells`)",
        On::Says => "what a controller says (`pilot.says`)",
        On::Link => "a link",
        On::Device => "a device",
        On::World => "the `world`",
        On::Sensor => "a sensor of a twin (`fc.sensors.altitude`)",
    }
}

fn find(page: &mut Page, on: &Word, fault: &Fault, loaded: &Loaded) -> Option<Target> {
    let name = on.text.as_str();
    if name == "world" {
        return Some(Target::World);
    }
    let device = |name: &str| loaded.devices.iter().position(|d| d.0 == name);
    let link = loaded.links.iter().find(|l| l.name == name).map(|l| Target::Link(l.id));
    match (link, device(name)) {
        // A link and a device may share a name; the fault knows which it can act on.
        (Some(link), place) if place.is_none() || fault.on.contains(&On::Link) => return Some(link),
        (_, Some(place)) => {
            let id = loaded.devices[place].1;
            if loaded.twins[place].is_none() {
                page.error(
                    on.span.clone(),
                    format!("`{name}` has no twin that could act this out"),
                    Some("give the device a `twin`, or put the fault on its link".into()),
                );
                return None;
            }
            return Some(Target::Device(id));
        }
        _ => {}
    }
    if let Some((first, rest)) = name.split_once('.')
        && let Some(place) = device(first)
    {
        let id = loaded.devices[place].1;
        let controller = loaded.roles[place] == Role::Controller;
        if let (Some(field), Some(twin)) = (rest.strip_prefix("sensors."), acting(loaded, id)) {
            let known = twin.biases.iter().find(|known| **known == field);
            if known.is_none() {
                let bare = Word { text: field.into(), ..on.clone() };
                page.unknown(
                    &bare,
                    format!("the twin of `{first}` has no sensor field `{field}`"),
                    twin.biases.iter().copied(),
                );
            }
            return known.map(|field| Target::Sensor(id, field));
        }
        match rest.strip_prefix("tells") {
            Some("") if controller => return Some(Target::Tells(id, None)),
            Some(signal) if controller && signal.starts_with('.') => {
                return told(page, on, id, &signal[1..], loaded).map(|signal| Target::Tells(id, Some(signal)));
            }
            _ if rest == "says" && controller => return Some(Target::Says(id)),
            _ => {}
        }
    }
    if loaded.names.signals.find(name).is_some() {
        let teller = loaded.roles.iter().position(|r| *r == Role::Controller).map(|i| loaded.devices[i].0.as_str());
        page.error(
            on.span.clone(),
            format!("`{name}` is what envelope, guard and `safe` judge; no fault can be put on it"),
            teller.map(|t| format!("put it on what the controller is told: `{t}.tells.{name}`")),
        );
        return None;
    }
    let mut known: Vec<String> = vec!["world".into()];
    known.extend(loaded.links.iter().map(|l| l.name.clone()));
    for (device, role) in loaded.devices.iter().zip(&loaded.roles) {
        known.push(device.0.clone());
        if *role == Role::Controller {
            known.push(format!("{}.tells", device.0));
            known.push(format!("{}.says", device.0));
        }
    }
    if !loaded.devices.is_empty() {
        page.unknown(on, format!("`{name}` is nothing that a fault can act on"), known.iter().map(String::as_str));
    }
    None
}

/// The signal behind `pilot.tells.fc.altitude`: one that the controller is told.
fn told(page: &mut Page, on: &Word, device: DeviceId, signal: &str, loaded: &Loaded) -> Option<SignalId> {
    let config = loaded.links.iter().flat_map(|l| &l.codec.devices).find(|d| d.device == device)?;
    let fields = config.tells.as_ref().map(|t| t.fields.as_slice()).unwrap_or_default();
    if let Some(field) = fields.iter().find(|f| f.name == signal) {
        return Some(field.signal);
    }
    if !loaded.names.broken.contains(signal) {
        let bare = Word { text: signal.into(), ..on.clone() };
        page.unknown(
            &bare,
            format!("`{}` is not told `{signal}`", config.name),
            fields.iter().map(|f| f.name.as_str()),
        );
    }
    None
}

/// The fault's parameters.
fn given(
    page: &mut Page,
    fields: &Fields<'_>,
    fault: &Fault,
    target: Option<Target>,
    loaded: &Loaded,
    parameters: &mut Parameters,
) -> Option<Given> {
    let mut good = true;
    for entry in fields.iter().filter(|e| !["fault", "on", "for"].contains(&e.key.text.as_str())) {
        if !fault.params.iter().any(|p| p.0 == entry.key.text) {
            let message = format!("fault `{}` has no parameter `{}`", fault.name, entry.key.text);
            page.unknown(&entry.key, message, fault.params.iter().map(|p| p.0));
            good = false;
        }
    }
    let mut given = Given { numbers: Vec::new(), text: String::new() };
    for Param(name, want, default) in fault.params {
        let Some(entry) = fields.entry(name) else {
            match default {
                Some(default) => given.numbers.push(*default),
                None => {
                    page.error(
                        fields.head.clone(),
                        format!("fault `{}` needs `{name}`", fault.name),
                        Some(format!("add `{name}: {}`", example(*want, None))),
                    );
                    good = false;
                }
            }
            continue;
        };
        match number(page, entry, *want, target, loaded, parameters) {
            Some((number, text)) => {
                given.numbers.push(number);
                given.text.push_str(&text);
            }
            None => good = false,
        }
    }
    good.then_some(given)
}

fn example(want: Want, unit: Option<&Unit>) -> String {
    match (want, unit) {
        (Want::LikeSignal, Some(unit)) => format!("1 {}", unit.difference().text),
        (Want::Time, _) => "100 ms".into(),
        (Want::Share, _) => "20 %".into(),
        (Want::Gain, _) => "0.5".into(),
        (Want::Speed, _) => "6 m/s".into(),
        (Want::Angle, _) => "90 deg".into(),
        (Want::Bytes, _) => "200 B/s".into(),
        (Want::Index, _) => "1".into(),
        (Want::LikeSignal | Want::Any, _) => "1 m".into(),
        (Want::Field, _) => "altitude".into(),
        (Want::Shift, _) => "-1 s".into(),
        (Want::Length, _) => "2 m".into(),
        (Want::Voltage, _) => "4.2 V".into(),
        (Want::Frequency, _) => "2 Hz".into(),
        (Want::Times, _) => "10".into(),
        (Want::Year, _) => "2038".into(),
    }
}

/// One parameter: its number in SI, or its text.
fn number(
    page: &mut Page,
    entry: &Entry,
    want: Want,
    target: Option<Target>,
    loaded: &Loaded,
    parameters: &mut Parameters,
) -> Option<(f64, String)> {
    if want == Want::Field {
        let word = page.text(&entry.value, "the name of a field of the twin")?;
        return Some((0.0, word.text.clone()));
    }
    let unit = match target {
        Some(Target::Tells(_, Some(signal))) => match &loaded.names.signals.def(signal).kind {
            SignalKind::Number { unit, .. } => Some(unit),
            _ => None,
        },
        _ => None,
    };
    let sensor = match target {
        Some(Target::Sensor(_, field)) => Some(measures(field)),
        _ => None,
    };
    if want == Want::LikeSignal && unit.is_none() && sensor.is_none() {
        if target.is_some() {
            page.error(entry.key.span.clone(), "this fault acts on numbers; the signal is none".into(), None);
        }
        return None;
    }
    let example = example(want, unit);
    let word = page.scalar(&entry.value, &format!("a value such as `{example}`"))?;
    let quantity = parameters.look_up(page, word)?;
    let none = Dimension::default();
    let dimension = match want {
        Want::Time | Want::Shift => Dimension { time: 1, ..none },
        Want::Length => Dimension { length: 1, ..none },
        Want::Voltage => Dimension { length: 2, mass: 1, time: -3, current: -1, ..none },
        Want::Frequency => Dimension { time: -1, ..none },
        Want::Speed => Dimension { length: 1, time: -1, ..none },
        Want::Angle => Dimension { angle: 1, ..none },
        Want::Bytes => Dimension { information: 1, time: -1, ..none },
        Want::LikeSignal => sensor.or(unit.map(|u| u.dimension)).unwrap_or(none),
        Want::Any => quantity.unit.dimension,
        Want::Share | Want::Gain | Want::Index | Want::Field | Want::Times | Want::Year => none,
    };
    if !page.like(word, &quantity, dimension, &example) {
        return None;
    }
    let si = in_range(page, &entry.value, want, &quantity)?;
    Some((si, String::new()))
}

fn in_range(page: &mut Page, node: &Node, want: Want, quantity: &Quantity) -> Option<f64> {
    // A bias is a difference: 2 degC are 2 K.
    let difference = quantity.si() - quantity.unit.offset;
    let (si, good, wanted) = match want {
        Want::Time => (quantity.si(), quantity.si() > 0.0, "a time greater than zero"),
        Want::Share => (quantity.si(), (0.0..=1.0).contains(&quantity.si()), "a share from 0 % to 100 %"),
        Want::Speed => (quantity.si(), quantity.si() >= 0.0, "a speed that is not negative"),
        // SI counts bits; the twin counts bytes.
        Want::Bytes => (quantity.si() / 8.0, quantity.si() > 0.0, "a rate greater than zero"),
        Want::Index => {
            let si = quantity.si();
            (si, (0.0..=255.0).contains(&si) && si.fract() == 0.0, "a whole number from 0 to 255")
        }
        Want::Voltage => (quantity.si(), quantity.si() >= 0.0, "a voltage that is not negative"),
        Want::Frequency => (quantity.si(), quantity.si() > 0.0, "a frequency greater than zero"),
        Want::Times => (quantity.si(), quantity.si() > 0.0, "a number greater than zero"),
        Want::Year => {
            let si = quantity.si();
            (si, (1970.0..=2105.0).contains(&si) && si.fract() == 0.0, "a year from 1970 to 2105")
        }
        Want::LikeSignal | Want::Any => (difference, true, ""),
        Want::Gain | Want::Angle | Want::Field | Want::Shift | Want::Length => (quantity.si(), true, ""),
    };
    if !good {
        page.wrong(node, wanted);
        return None;
    }
    Some(si)
}
