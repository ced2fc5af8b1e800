//! The faults that a scenario can inject: their names, parameters and what they may act on, as data.

use super::fault_parameters::{Parameter, Want, example, number};
use super::fault_target::{Target, target};
use super::keys::INJECT;
use super::parameters::Parameters;
use super::plan::Mode;
use super::stream_faults::STREAM_FAULTS;
use crate::command::ArgKind;
use crate::fault::{FaultSpec, FaultTarget, PRESETS, PipeFault, Preset, TwinFault, Way};
use crate::rig::twins::{TwinKind, measures};
use crate::rig::yaml::{Entry, Fields, Kind, Node, Page, Word};
use crate::rig::{LinkKind, Loaded, Role};
use crate::signal::SignalKind;
use crate::time::Span;
use crate::units::{Dimension, Unit};
use crate::wire::DeviceId;

/// What a fault may act on.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum On {
    /// All that a controller is told.
    Tells,
    /// One signal that it is told.
    Signal,
    /// All that a controller says.
    Says,
    /// One argument of one command that it may ask for.
    Arg,
    Link,
    Device,
    World,
    /// A field of a twin's own sensors.
    Sensor,
}

impl Fault {
    /// Whether it can act there. What acts on one signal that is told acts on one that is measured.
    pub fn acts_on(&self, on: On) -> bool {
        self.on.contains(&on) || (on == On::Sensor && self.on.contains(&On::Signal))
    }
}

/// A parameter of a fault; the last one is what it is when the scenario does not say.
pub(super) struct Param(pub &'static str, pub Want, pub Option<f64>);

/// A kind of fault.
pub(super) struct Fault {
    pub name: &'static str,
    pub on: &'static [On],
    pub params: &'static [Param],
    pub make: fn(&Given) -> Effect,
}

/// The parameters of a fault as given, in SI.
pub(super) struct Given {
    pub numbers: Vec<f64>,
    text: String,
    /// Of a unit that is read by mistake: what is added after multiplying.
    pub offset: f64,
}

pub(super) enum Effect {
    Pipe(PipeFault),
    Twin(TwinFault),
}

use Effect::{Pipe, Twin};

/// How fast a person walks into a cell, in m/s, where nobody measures it: ISO 13855.
const WALK: f64 = 1.6;

/// The faults that twins and the world act out; those on streams stand in a table of their own.
static FAULTS: &[Fault] = &[
    Fault {
        name: "wind",
        on: &[On::World],
        params: &[Param("speed", Want::Speed, None), Param("from", Want::Angle, Some(0.0))],
        make: |g| Twin(TwinFault::Wind { speed: g.numbers[0], from: g.numbers[1] }),
    },
    Fault {
        name: "approach",
        on: &[On::World],
        params: &[Param("to", Want::Length, None), Param("speed", Want::Speed, Some(WALK))],
        make: |g| Twin(TwinFault::Approach { to: g.numbers[0], speed: g.numbers[1] }),
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
        params: &[Param("every", Want::Period, None)],
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
        params: &[Param("every", Want::Period, None)],
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
    pub fn span(&self, place: usize) -> Span {
        Span::from_seconds(self.numbers[place])
    }
}

/// Every fault.
fn all() -> impl Iterator<Item = &'static Fault> {
    STREAM_FAULTS.iter().chain(FAULTS)
}

/// The names of all faults, for help and completion.
pub fn names() -> impl Iterator<Item = &'static str> {
    let mut seen = std::collections::BTreeSet::new();
    all().map(|fault| fault.name).filter(move |name| seen.insert(*name))
}

/// An `inject` as read.
pub(super) struct Injection {
    pub spec: FaultSpec,
    pub title: String,
    /// Where the effect shows.
    pub visible: Option<Word>,
}

/// Reads the map of an `inject`.
pub(super) fn read(
    page: &mut Page,
    node: &Node,
    loaded: &Loaded,
    parameters: &mut Parameters,
    mode: Mode,
) -> Option<Injection> {
    let fields = page.fields(node, &INJECT)?;
    let lasts = fields.get("for").map(|node| time(page, node, parameters));
    let energised = fields.get("energised").and_then(|node| page.flag(node)).unwrap_or(false);
    let visible = fields.get("visible").and_then(|node| page.scalar(node, "a formula")).cloned();
    let ways = [("out", Way::Out), ("in", Way::In), ("both", Way::Both)];
    let way = fields.get("direction").map(|node| page.choice(node, "direction", &ways));
    // `off` is among the names, and no other word for it would be: here nothing else can be meant.
    let name = page.scalar(fields.get("fault")?, "the name of a fault");
    let on = fields.get("on").and_then(|n| page.text(n, "what it acts on"));
    let kinds: Vec<&Fault> = name.map(|name| all().filter(|f| f.name == name.text).collect()).unwrap_or_default();
    if let (Some(name), true) = (name, kinds.is_empty()) {
        page.unknown(name, format!("there is no fault `{}`", name.text), names());
    }
    let on = on?;
    // A word can stand for several faults; what it acts on tells which is meant.
    let (fault, target) = target(page, on, &kinds, loaded)?;
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
    if let (Pipe(PipeFault::LineNoise { rate }), Target::Link(link)) = (&effect, target)
        && let Some(LinkKind::Serial(serial)) = loaded.links.iter().find(|l| l.id == link).map(|l| &l.kind)
        && *rate > f64::from(serial.baud) / CHARACTER_BITS
    {
        let most = f64::from(serial.baud) / CHARACTER_BITS;
        let message =
            format!("{rate} B/s of noise do not fit on `{}`: at {} baud it carries {most} B/s", on.text, serial.baud);
        let place = fields.get("rate").or_else(|| fields.get("preset")).map_or(on.span.clone(), |n| n.span.clone());
        page.error(place, message, None);
        return None;
    }
    let way = match (way, fields.entry("direction")) {
        (Some(way), Some(entry)) => directed(page, entry, way?, target, mode)?,
        _ => Way::Out,
    };
    if mode == Mode::Rig && !energised && moves(target, way, loaded) {
        page.error(
            fields.head.clone(),
            format!("fault `{}` on `{}` reaches what a real machine is told", fault.name, on.text),
            Some("add `energised: true`, and a person is asked before it starts; or run on twins with --sim".into()),
        );
        return None;
    }
    let target = match (effect, target) {
        (Pipe(fault), Target::Tells(device, signal)) => FaultTarget::Tells { device, signal, fault },
        (Pipe(fault), Target::Says(device, arg)) => FaultTarget::Says { device, arg, fault },
        (Pipe(fault), Target::Link(link)) => FaultTarget::Link { link, way, fault },
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
        // The tables let faults on streams act on streams and twin faults on twins alone.
        _ => return None,
    };
    let lasts = match lasts {
        Some(lasts) => Some(lasts?),
        None => None,
    };
    let until = lasts.map_or(String::new(), |span| format!(" for {span}"));
    let title = format!("inject {} on {}{until}", fault.name, on.text);
    Some(Injection { spec: FaultSpec { name: fault.name.into(), target, lasts }, title, visible })
}

/// Which way a fault acts on a link; what comes in is faulted in the wire of a twin alone.
fn directed(page: &mut Page, entry: &Entry, way: Way, target: Target, mode: Mode) -> Option<Way> {
    if !matches!(target, Target::Link(_)) {
        page.error(entry.key.span.clone(), "only a fault on a link has a direction".into(), None);
        return None;
    }
    if way != Way::Out && mode != Mode::Sim {
        page.error(
            entry.value.span.clone(),
            "what comes in over a real link is what envelope, guard and `safe` judge; it is never faulted".into(),
            Some("run on twins with --sim, whose wires can be faulted".into()),
        );
        return None;
    }
    Some(way)
}

/// Whether a fault changes what a machine is told to do.
fn moves(target: Target, way: Way, loaded: &Loaded) -> bool {
    match target {
        Target::Says(..) => true,
        Target::Link(link) if way != Way::In => {
            let configs = loaded.links.iter().filter(|l| l.id == link).flat_map(|l| &l.codec.devices);
            let machine = |id: DeviceId| {
                let place = loaded.devices.iter().position(|d| d.1 == id);
                place.is_some_and(|place| loaded.roles[place] != Role::Controller)
            };
            configs.into_iter().any(|config| machine(config.device))
        }
        _ => false,
    }
}

/// The twin that acts for a device; a name that is no twin's was told where the rig was read.
pub(super) fn acting(loaded: &Loaded, device: DeviceId) -> Option<&'static TwinKind> {
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
    page.time_within(node, &quantity, Span::from_nanos(1), "5 s")
}

/// A character of 8N1: start bit, eight bits, stop bit.
const CHARACTER_BITS: f64 = 10.0;

/// The keys that every fault has.
const FIXED: &[&str] = &["fault", "on", "for", "energised", "visible", "direction", "preset"];

/// A step of the fault's ladder, where the scenario names one.
fn preset(page: &mut Page, fields: &Fields<'_>, fault: &Fault) -> Option<(&'static Preset, Entry)> {
    let entry = fields.entry("preset")?;
    let word = page.scalar(&entry.value, "a step of the fault's ladder, such as `2`")?;
    let steps = || PRESETS.iter().filter(|p| p.fault == fault.name);
    let found = steps().find(|p| p.name == word.text);
    if found.is_none() {
        let message = format!("fault `{}` has no preset `{}`", fault.name, word.text);
        match steps().next() {
            Some(_) => page.unknown(word, message, steps().map(|p| p.name)),
            None => page.error(word.span.clone(), message, Some("give its parameters".into())),
        }
    }
    Some((found?, entry.clone()))
}

/// The parameter as a step of a ladder has it, as if it stood where the step is named.
fn from_preset(preset: &Option<(&'static Preset, Entry)>, name: &str) -> Option<Entry> {
    let (preset, entry) = preset.as_ref()?;
    let (_, text) = preset.values.iter().find(|(key, _)| *key == name)?;
    let word = entry.value.word()?;
    let word = Word { text: (*text).into(), exact: None, ..word.clone() };
    let key = Word { text: name.into(), exact: None, ..entry.key.clone() };
    Some(Entry { key, value: Node { kind: Kind::Word(word), ..entry.value.clone() } })
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
    for entry in fields.iter().filter(|e| !FIXED.contains(&e.key.text.as_str())) {
        if !fault.params.iter().any(|p| p.0 == entry.key.text) {
            let message = format!("fault `{}` has no parameter `{}`", fault.name, entry.key.text);
            page.unknown(&entry.key, message, fault.params.iter().map(|p| p.0));
            good = false;
        }
    }
    let named = fields.entry("preset").is_some();
    let preset = preset(page, fields, fault);
    good &= named == preset.is_some();
    let mut given = Given { numbers: Vec::new(), text: String::new(), offset: 0.0 };
    for Param(name, want, default) in fault.params {
        let Some(entry) = fields.entry(name).cloned().or_else(|| from_preset(&preset, name)) else {
            match default.or_else(|| end_of_range(*want, target, loaded)) {
                Some(default) => given.numbers.push(default),
                None if named && preset.is_none() => {}
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
        match number(page, &entry, *want, target, loaded, parameters) {
            Some(Parameter { number, text, offset }) => {
                given.numbers.push(number);
                given.text.push_str(&text);
                given.offset += offset;
            }
            None => good = false,
        }
    }
    good.then_some(given)
}

/// What the fault acts on, where that is one stream of numbers: their unit and declared range.
pub(super) fn numbers_of(target: Option<Target>, loaded: &Loaded) -> Option<(Unit, Option<(f64, f64)>)> {
    match target? {
        Target::Tells(_, Some(signal)) => match &loaded.names.signals.def(signal).kind {
            SignalKind::Number { unit, range } => Some((unit.clone(), *range)),
            _ => None,
        },
        Target::Says(_, Some((command, arg))) => match &loaded.commands.def(command).args.get(usize::from(arg))?.kind {
            ArgKind::Number { unit, lo, hi } => Some((unit.clone(), Some((*lo, *hi)))),
            ArgKind::States { .. } => None,
        },
        Target::Sensor(_, field) => Some((measures(field).si_unit(), None)),
        _ => None,
    }
}

/// The end of the declared range that stands where the scenario gives none.
fn end_of_range(want: Want, target: Option<Target>, loaded: &Loaded) -> Option<f64> {
    let (lo, hi) = numbers_of(target, loaded)?.1?;
    match want {
        Want::RangeLow => Some(lo),
        Want::RangeHigh => Some(hi),
        _ => None,
    }
}
