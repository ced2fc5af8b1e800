//! What twins exist and what each can act out, as data: a file is checked against it before anything is opened, and the
//! simulator's own tests hold it against the twins themselves.

use crate::fault::{Concerns, PipeFault, TwinFault};
use crate::units::Dimension;

/// A twin by its name in the rig.
#[derive(Debug)]
pub struct TwinKind {
    pub name: &'static str,
    /// Motors that can be weakened, counted from 1 as they are labelled on a machine.
    pub motors: u8,
    /// Fields of its own that can be off.
    pub biases: &'static [&'static str],
    /// Whether a battery's level can be set.
    pub battery: bool,
    /// Whether it knows where it is, and by what clock.
    pub navigates: bool,
    /// Whether it asks for commands: a controller.
    pub asks: bool,
}

/// The twin that thinks with a net of its own.
pub const POLICY: &str = "policy";

/// Every twin.
pub static TWINS: &[TwinKind] = &[
    TwinKind {
        name: "quadrotor",
        motors: 4,
        biases: &["x", "y", "z", "altitude", "vx", "vy", "vz", "climb", "roll", "pitch", "yaw", "voltage", "battery"],
        battery: true,
        navigates: true,
        asks: false,
    },
    TwinKind { name: "air-handler", motors: 3, biases: &[], battery: false, navigates: false, asks: false },
    TwinKind { name: "room", motors: 0, biases: &[], battery: false, navigates: false, asks: false },
    TwinKind { name: "hvac-controller", motors: 0, biases: &[], battery: false, navigates: false, asks: true },
    TwinKind { name: "grbl", motors: 0, biases: &[], battery: false, navigates: false, asks: false },
    // Motor 1 is the shoulder's drive, motor 2 the elbow's.
    TwinKind { name: "arm", motors: 2, biases: &[], battery: false, navigates: false, asks: false },
    TwinKind { name: "scanner", motors: 0, biases: &["distance"], battery: false, navigates: false, asks: false },
    TwinKind { name: "reacher", motors: 0, biases: &[], battery: false, navigates: false, asks: true },
    TwinKind { name: "hover-pilot", motors: 0, biases: &[], battery: false, navigates: false, asks: true },
    TwinKind {
        name: "car",
        // Motor 1 is drive and brake together.
        motors: 1,
        biases: &["speed", "offset", "lead_gap", "person_gap"],
        battery: false,
        navigates: false,
        asks: false,
    },
    TwinKind {
        name: "signal-controller",
        motors: 0,
        biases: &["main_green_volts", "side_green_volts", "walk_volts", "yellow_time"],
        battery: false,
        navigates: false,
        asks: false,
    },
    TwinKind { name: "cruise", motors: 0, biases: &[], battery: false, navigates: false, asks: true },
    TwinKind {
        name: "conflict-monitor",
        motors: 0,
        biases: &["mains_volts", "mains_hertz", "cabinet_volts", "patience"],
        battery: false,
        navigates: false,
        asks: false,
    },
    TwinKind { name: "signal-timing", motors: 0, biases: &[], battery: false, navigates: false, asks: true },
    TwinKind { name: POLICY, motors: 0, biases: &[], battery: false, navigates: false, asks: true },
];

/// A world by its name in the rig, with its settings and what each measures.
#[derive(Debug)]
pub struct WorldKind {
    pub name: &'static str,
    pub settings: &'static [(&'static str, Dimension, &'static str)],
}

const SPEED: Dimension = Dimension { length: 1, time: -1, ..Dimension::NONE };
const LENGTH: Dimension = Dimension { length: 1, ..Dimension::NONE };
const RATE: Dimension = Dimension { time: -1, ..Dimension::NONE };
const ANGLE: Dimension = Dimension { angle: 1, ..Dimension::NONE };

/// Every world.
pub static WORLDS: &[WorldKind] = &[
    WorldKind { name: "hall", settings: WIND },
    WorldKind { name: "field", settings: WIND },
    WorldKind { name: "road", settings: &[("curvature", CURVATURE, "0 1/m")] },
    WorldKind { name: "floor", settings: FLOOR },
    WorldKind { name: "cell", settings: &[("person", LENGTH, "4 m")] },
    WorldKind { name: "junction", settings: TRAFFIC },
];

const CURVATURE: Dimension = Dimension { length: -1, ..Dimension::NONE };

/// Vehicles that come on the main road and on the side road.
const TRAFFIC: &[(&str, Dimension, &str)] = &[("main", RATE, "0.2 Hz"), ("side", RATE, "0.1 Hz")];

/// The steady wind, and where it blows from.
const WIND: &[(&str, Dimension, &str)] = &[("wind", SPEED, "2 m/s"), ("from", ANGLE, "90 deg")];

/// Mean temperature outdoors, how far the day swings it, the hour at which the run begins, and people per room.
const FLOOR: &[(&str, Dimension, &str)] = &[
    ("outside", TEMPERATURE, "-5 degC"),
    ("swing", TEMPERATURE, "4 K"),
    ("start", DURATION, "8 h"),
    ("people", Dimension::NONE, "4"),
];
const TEMPERATURE: Dimension = Dimension { temperature: 1, ..Dimension::NONE };
const DURATION: Dimension = Dimension { time: 1, ..Dimension::NONE };

/// Why a fault cannot act on one measured value, in words.
fn not_of_values(fault: &PipeFault) -> Option<String> {
    match fault {
        PipeFault::Delay { .. }
        | PipeFault::Drop { .. }
        | PipeFault::Burst { .. }
        | PipeFault::Outages { .. }
        | PipeFault::Off
        | PipeFault::Intermittent { .. }
        | PipeFault::Slow { .. }
        | PipeFault::Freeze
        | PipeFault::Replay { .. } => None,
        _ if fault.concerns() == Concerns::Values => None,
        _ => Some("it is no fault of a single measured value".to_owned()),
    }
}

/// What a field of a twin's sensors measures.
pub fn measures(field: &str) -> Dimension {
    match field {
        "x" | "y" | "z" | "altitude" | "distance" | "offset" | "lead_gap" | "person_gap" => LENGTH,
        "vx" | "vy" | "vz" | "climb" | "speed" => SPEED,
        "roll" | "pitch" | "yaw" => ANGLE,
        "yellow_time" | "patience" => Dimension { time: 1, ..Dimension::NONE },
        "mains_hertz" => RATE,
        "voltage" | "main_green_volts" | "side_green_volts" | "walk_volts" | "mains_volts" | "cabinet_volts" => {
            Dimension { length: 2, mass: 1, time: -3, current: -1, ..Dimension::NONE }
        }
        _ => Dimension::NONE,
    }
}

impl TwinKind {
    /// The twin of that name.
    pub fn find(name: &str) -> Option<&'static TwinKind> {
        TWINS.iter().find(|kind| kind.name == name)
    }

    /// Why this twin cannot act out the fault, in words; `None` if it can.
    pub fn refuses(&self, fault: &TwinFault) -> Option<String> {
        let name = self.name;
        match fault {
            TwinFault::Silence | TwinFault::Deaf | TwinFault::Garbage { .. } | TwinFault::Restart => None,
            TwinFault::PowerOff
            | TwinFault::BrownOut { .. }
            | TwinFault::BootStorm { .. }
            | TwinFault::WatchdogReset { .. } => None,
            TwinFault::Wire { fault } => match fault.concerns() {
                Concerns::Arrival | Concerns::Bytes => None,
                Concerns::Values | Concerns::Stamps => Some("bytes on a wire are no values yet".to_owned()),
            },
            TwinFault::Battery { .. } if self.battery => None,
            TwinFault::Battery { .. } => Some(format!("the twin `{name}` has no battery")),
            TwinFault::Motor { index, .. } => self.refuses_motor(Some(*index)),
            TwinFault::MotorStuck { index, .. }
            | TwinFault::MotorSlow { index, .. }
            | TwinFault::MotorReversed { index } => self.refuses_motor(*index),
            TwinFault::GpsStep { .. } | TwinFault::GpsDrag { .. } | TwinFault::GpsJam if self.navigates => None,
            TwinFault::GpsStep { .. } | TwinFault::GpsDrag { .. } | TwinFault::GpsJam => {
                Some(format!("the twin `{name}` has no receiver that tells it where it is"))
            }
            TwinFault::ClockStep { .. }
            | TwinFault::ClockSkew { .. }
            | TwinFault::ClockRollover { .. }
            | TwinFault::ClockDate { .. }
                if self.navigates =>
            {
                None
            }
            TwinFault::ClockStep { .. }
            | TwinFault::ClockSkew { .. }
            | TwinFault::ClockRollover { .. }
            | TwinFault::ClockDate { .. } => Some(format!("the twin `{name}` stamps nothing by a clock of its own")),
            TwinFault::ConfidentWrong { .. } if self.name == POLICY => {
                Some("nobody knows which of a policy's numbers is its goal: give it another task".to_owned())
            }
            TwinFault::StaleOutput { .. }
            | TwinFault::OutOfRange { .. }
            | TwinFault::NotANumber
            | TwinFault::Oscillate { .. }
            | TwinFault::ConfidentWrong { .. }
            | TwinFault::Rate { .. }
            | TwinFault::UnknownCommands
            | TwinFault::Frozen
                if self.asks =>
            {
                None
            }
            TwinFault::StaleOutput { .. }
            | TwinFault::OutOfRange { .. }
            | TwinFault::NotANumber
            | TwinFault::Oscillate { .. }
            | TwinFault::ConfidentWrong { .. }
            | TwinFault::Rate { .. }
            | TwinFault::UnknownCommands
            | TwinFault::Frozen => Some(format!("the twin `{name}` is no controller: it asks for nothing")),
            TwinFault::Sensor { field, fault } => self.refuses_field(field).or_else(|| not_of_values(fault)),
            TwinFault::SensorBias { field, .. } => self.refuses_field(field),
            TwinFault::Approach { .. } => Some("a person walks in the world, not on one device".to_owned()),
            TwinFault::Wind { .. } => Some("wind blows on the world, not on one device".to_owned()),
        }
    }

    fn refuses_motor(&self, index: Option<u8>) -> Option<String> {
        let name = self.name;
        match index {
            _ if self.motors == 0 => Some(format!("the twin `{name}` has no motors")),
            Some(index) if !(1..=self.motors).contains(&index) => {
                Some(format!("the twin `{name}` has no motor {index}: they count from 1 to {}", self.motors))
            }
            _ => None,
        }
    }

    fn refuses_field(&self, field: &str) -> Option<String> {
        let name = self.name;
        if self.biases.is_empty() {
            Some(format!("the twin `{name}` has no sensors that could be off"))
        } else if self.biases.contains(&field) {
            None
        } else {
            Some(format!("the twin `{name}` has no sensor field `{field}`: there are {}", self.biases.join(", ")))
        }
    }
}
