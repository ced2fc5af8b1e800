//! The rig as everyone else sees it.

use crate::codec::LinkConfig;
use crate::command::{Command, CommandId, CommandTable};
use crate::expr::MarginKind;
use crate::expr::ir::{Formula, Number};
use crate::policy::Policy;
use crate::signal::SignalTable;
use crate::stl::{RuleSpec, TextRule};
use crate::time::Span;
use crate::units::Unit;
use crate::wire::{DeviceId, LinkId};
use std::sync::Arc;

/// The bench: what is on it, and how each thing is made safe.
#[derive(Clone, PartialEq, Debug)]
pub struct Rig {
    pub name: String,
    pub about: String,
    pub links: Vec<LinkDef>,
    pub devices: Vec<DeviceDef>,
    pub signals: SignalTable,
    pub commands: CommandTable,
    /// The envelope's rules; `RuleSpec::id` is their place here.
    pub rules: Vec<Rule>,
    pub world: WorldDef,
    /// The wired e-stop, where its state can be heard.
    pub estop: Option<EStopDef>,
    /// The key that a person must hold.
    pub hold_to_run: Option<HoldDef>,
}

/// A wired e-stop as it is heard: it acts by itself, and the run observes that it did.
#[derive(Clone, PartialEq, Debug)]
pub struct EStopDef {
    /// Pressed, with its text. Unknown counts as pressed.
    pub pressed: (Formula, String),
    /// Motion has ended, with its text.
    pub stopped: (Formula, String),
    /// From the instant at which the press was known to `stopped`.
    pub within: Span,
}

/// A hold-to-run key as it is heard.
#[derive(Clone, PartialEq, Debug)]
pub struct HoldDef {
    /// Held, with its text. Unknown counts as let go.
    pub held: (Formula, String),
}

/// How bytes reach devices.
#[derive(Clone, PartialEq, Debug)]
pub struct LinkDef {
    pub id: LinkId,
    pub name: String,
    pub kind: LinkKind,
    /// What the codec must know.
    pub codec: LinkConfig,
}

/// The kinds of link.
#[derive(Clone, PartialEq, Debug)]
pub enum LinkKind {
    Serial(SerialDef),
    Mqtt(MqttDef),
}

/// A serial port, named so that it is the same port tomorrow.
#[derive(Clone, PartialEq, Debug)]
pub struct SerialDef {
    pub port: PortName,
    pub baud: u32,
    pub parity: Parity,
    pub flow: Flow,
    pub stop_bits: u8,
}

/// What a port is called.
#[derive(Clone, PartialEq, Debug)]
pub enum PortName {
    /// A stable path (`/dev/serial/by-id/…`, a pseudo-terminal).
    Path(String),
    /// A USB adapter by its numbers.
    Usb { vid: u16, pid: u16, serial: Option<String> },
    /// No port yet: the other end is the twin, and a run says so.
    Twin,
}

impl PortName {
    /// Whether both names may lead to one port. An adapter without its serial number is any of its kind; a twin's port is
    /// always one of its own.
    pub fn may_be(&self, other: &PortName) -> bool {
        match (self, other) {
            (PortName::Path(one), PortName::Path(two)) => one == two,
            (
                PortName::Usb { vid, pid, serial },
                PortName::Usb { vid: other_vid, pid: other_pid, serial: other_serial },
            ) => {
                let told_apart = matches!((serial, other_serial), (Some(one), Some(two)) if one != two);
                vid == other_vid && pid == other_pid && !told_apart
            }
            _ => false,
        }
    }
}

/// Parity bit.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Parity {
    None,
    Even,
    Odd,
}

/// Flow control.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Flow {
    None,
    Software,
    Hardware,
}

/// A broker.
#[derive(Clone, PartialEq, Debug)]
pub struct MqttDef {
    pub broker: Broker,
    /// 5 or 3 (3.1.1).
    pub version: u8,
    /// Where user and password come from; never the rig file itself.
    pub user: Option<String>,
    pub password: Option<Secret>,
}

/// Which broker.
#[derive(Clone, PartialEq, Debug)]
pub enum Broker {
    /// The one that Checkrein starts for the run.
    Embedded,
    Remote {
        host: String,
        port: u16,
        tls: Option<Tls>,
    },
}

/// Where a secret is kept.
#[derive(Clone, PartialEq, Debug)]
pub enum Secret {
    Environment(String),
    File(String),
}

/// Files for TLS, by path.
#[derive(Clone, PartialEq, Debug)]
pub struct Tls {
    pub ca: Option<String>,
    pub cert: Option<String>,
    pub key: Option<String>,
}

/// A device.
#[derive(Clone, PartialEq, Debug)]
pub struct DeviceDef {
    pub id: DeviceId,
    pub name: String,
    pub link: LinkId,
    pub role: Role,
    /// The twin that takes its place with `--sim`.
    pub twin: Option<String>,
    /// What that twin thinks with, where it is a policy.
    pub policy: Option<Arc<Policy>>,
    /// The one formula that says it is harmless, with its text.
    pub safe: Option<(Formula, String)>,
    pub ladder: Vec<RungDef>,
    /// Devices whose ladders must be over before this one's starts.
    pub after: Vec<DeviceId>,
    /// How soon a command shows in the device's samples, the way there and back included: rest that is shown earlier proves none.
    pub acts_within: Span,
    /// The device's own dead-man: what it loses, and how soon it is safe by itself.
    pub dead_man: Option<DeadMan>,
    /// How it is brought to the state from which its ladder is rehearsed.
    pub rehearse: Option<BringUp>,
    /// The state from which its dead-man is rehearsed, where it is another.
    pub rehearse_dead_man: Option<BringUp>,
    /// For controllers: per command it may ask for, how old and how often.
    pub may: Vec<MayDef>,
    /// For controllers: what stands in for it when it leads the machine astray.
    pub fallback: Option<FallbackDef>,
}

/// [`DeviceDef::acts_within`] where the file is silent; the project's own figure.
pub const ACTS_WITHIN: Span = Span::from_millis(500);

/// What a device is on the rig.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Role {
    Machine,
    /// The AI under test.
    Controller,
}

/// Dead-man of a device.
#[derive(Clone, PartialEq, Debug)]
pub enum DeadMan {
    /// The machine falls safe by itself when it no longer hears our heartbeat.
    LosesHeartbeat { safe_within: Span },
    /// The controller is taken for dead after this much silence.
    SilentFor(Span),
}

/// One rung of a ladder.
#[derive(Clone, PartialEq, Debug)]
pub struct RungDef {
    /// What is sent, in order; all harmless commands.
    pub commands: Vec<Command>,
    pub within: Span,
    /// Passed over unless this holds, with its text.
    pub when: Option<(Formula, String)>,
    /// May be escalated to by time alone (watchdog).
    pub blind: bool,
    /// Where the rig says which kind of stop it is.
    pub category: Option<StopCategory>,
    /// The state from which this rung is rehearsed, where it is another than the device's.
    pub rehearse: Option<BringUp>,
    /// Why it is not rehearsed: what it would destroy.
    pub not_rehearsed: Option<String>,
}

/// How a device is brought to the state from which its way to safety is rehearsed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BringUp {
    /// Steps as they stand in the rig file.
    Steps {
        text: String,
        /// Line and column of the first character in the rig file, from 1.
        line: u32,
        column: u32,
    },
    /// A fragment, by its path.
    File(String),
}

/// Stop categories of IEC 60204-1 (9.2.2): what becomes of the power while and after the machine stops.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum StopCategory {
    /// Power is removed at once: an uncontrolled stop.
    Zero,
    /// A controlled stop with power, which is removed once it stands.
    One,
    /// A controlled stop; the power stays.
    Two,
}

impl StopCategory {
    /// The number of the standard.
    pub fn number(self) -> u8 {
        match self {
            StopCategory::Zero => 0,
            StopCategory::One => 1,
            StopCategory::Two => 2,
        }
    }
    /// What it does, for people.
    pub fn words(self) -> &'static str {
        match self {
            StopCategory::Zero => "power off at once",
            StopCategory::One => "controlled stop, then power off",
            StopCategory::Two => "controlled stop, power stays",
        }
    }
}

/// What a controller may ask for.
#[derive(Clone, PartialEq, Debug)]
pub struct MayDef {
    pub command: CommandId,
    pub max_age: Option<Span>,
    pub min_interval: Option<Span>,
}

/// A controller's fallback: run-time assurance in the words of ASTM F3269, with its monitor and switch (`when`,
/// `limits`, `silent_for`) and its recovery function (`command` with `args`, every so often).
#[derive(Clone, PartialEq, Debug)]
pub struct FallbackDef {
    /// It takes over when this holds, with its text.
    pub when: Option<(Formula, String)>,
    /// It takes over when the gate would hold a command of the controller to a rule's bound, or refuse it for one.
    pub limits: bool,
    /// It takes over after this much silence of the controller, sooner than a dead-man trips.
    pub silent_for: Option<Span>,
    pub command: CommandId,
    /// In the order of the command's arguments.
    pub args: Vec<FallbackArg>,
    pub every: Span,
    /// `None`: once it took over, it holds to the end.
    pub hand_back: Option<HandBackDef>,
}

/// Where an argument of a recovery function comes from.
#[derive(Clone, PartialEq, Debug)]
pub enum FallbackArg {
    /// SI, or the place of a state.
    Constant(f64),
    /// Worked out anew each time, SI.
    Number(Number),
}

/// When a fallback lets the controller have the machine again.
#[derive(Clone, PartialEq, Debug)]
pub struct HandBackDef {
    pub when: (Formula, String),
    /// It must have held for so long.
    pub lasts: Span,
}

/// The world behind all twins.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct WorldDef {
    /// `hall`, …; empty: none.
    pub model: String,
    /// Settings in SI by name (`wind`).
    pub settings: Vec<(String, f64)>,
}

/// A rule of the envelope or of the scenario.
#[derive(Clone, PartialEq, Debug)]
pub struct Rule {
    pub name: String,
    pub spec: RuleSpec,
    pub origin: Origin,
    /// `always: fc.altitude <= 8 m`, as written.
    pub text: String,
    /// `fc.mode == GUIDED`, as written.
    pub when_text: Option<String>,
    pub because: Option<String>,
    pub source: Option<String>,
    /// Margin under which the live view warns, in the rule's unit (SI).
    pub warn_at: Option<f64>,
    pub react_within: Option<Span>,
    pub safe_within: Option<Span>,
    pub process_safety_time: Option<Span>,
    pub reaction: Reaction,
    pub margin: MarginUnit,
}

impl Rule {
    /// A rule that is only judged: it stands in no file of a rig, stops nothing and has no times to keep.
    pub fn judged(name: String, read: TextRule, origin: Origin) -> Rule {
        Rule {
            name,
            spec: read.spec,
            origin,
            text: read.text,
            when_text: read.when_text,
            because: None,
            source: None,
            warn_at: None,
            react_within: None,
            safe_within: None,
            process_safety_time: None,
            reaction: Reaction::Fail,
            margin: match read.margin {
                MarginKind::Unit(unit) => MarginUnit::Unit(unit),
                MarginKind::Share => MarginUnit::Share,
                MarginKind::Truth => MarginUnit::Truth,
            },
        }
    }
}

/// Which file a rule comes from.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    Envelope,
    Scenario,
}

/// What happens when a rule is broken.
#[derive(Clone, PartialEq, Debug)]
pub enum Reaction {
    /// The ladders of these devices.
    Stop(Vec<DeviceId>),
    /// The verdict alone.
    Fail,
}

/// How a rule's margin is shown.
#[derive(Clone, PartialEq, Debug)]
pub enum MarginUnit {
    /// In this unit; values are SI.
    Unit(Unit),
    /// Dimensions mix: a share of the declared range.
    Share,
    /// States and flags only: held or broken.
    Truth,
}
