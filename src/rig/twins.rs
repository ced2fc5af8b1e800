//! What twins exist and what each can act out, as data: a file is checked against it before anything is opened, and the
//! simulator's own tests hold it against the twins themselves.

use crate::fault::TwinFault;
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
}

/// Every twin.
pub static TWINS: &[TwinKind] = &[
    TwinKind {
        name: "quadrotor",
        motors: 4,
        biases: &["x", "y", "z", "altitude", "vx", "vy", "vz", "climb", "roll", "pitch", "yaw", "voltage", "battery"],
        battery: true,
    },
    TwinKind { name: "hover-pilot", motors: 0, biases: &[], battery: false },
];

/// A world by its name in the rig, with its settings and what each measures.
#[derive(Debug)]
pub struct WorldKind {
    pub name: &'static str,
    pub settings: &'static [(&'static str, Dimension, &'static str)],
}

const SPEED: Dimension = Dimension { length: 1, time: -1, ..Dimension::NONE };
const ANGLE: Dimension = Dimension { angle: 1, ..Dimension::NONE };

/// Every world.
pub static WORLDS: &[WorldKind] =
    &[WorldKind { name: "hall", settings: &[("wind", SPEED, "2 m/s"), ("from", ANGLE, "90 deg")] }];

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
            TwinFault::Battery { .. } if self.battery => None,
            TwinFault::Battery { .. } => Some(format!("the twin `{name}` has no battery")),
            TwinFault::Motor { index, .. } if (1..=self.motors).contains(index) => None,
            TwinFault::Motor { .. } if self.motors == 0 => Some(format!("the twin `{name}` has no motors")),
            TwinFault::Motor { index, .. } => {
                Some(format!("the twin `{name}` has no motor {index}: they count from 1 to {}", self.motors))
            }
            TwinFault::SensorBias { field, .. } if self.biases.contains(&field.as_str()) => None,
            TwinFault::SensorBias { .. } if self.biases.is_empty() => {
                Some(format!("the twin `{name}` has no sensors that could be off"))
            }
            TwinFault::SensorBias { field, .. } => {
                Some(format!("the twin `{name}` has no sensor field `{field}`: there are {}", self.biases.join(", ")))
            }
            TwinFault::Wind { .. } => Some("wind blows on the world, not on one device".to_owned()),
        }
    }
}
