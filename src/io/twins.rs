//! Twins in a process of their own: simulated devices on real pseudo-terminals and on the real broker.
//!
//! Processes, not threads, so that they outlive a killed harness and the machine can be seen to become safe; and the
//! controller under test is one that the harness shares nothing with, as a real one would be.
//!
//! Invariant: the harness reaches a twin's bytes only over its link; besides it tells faults, and when to stop.

use crate::fault::TwinFault;
use crate::io::child::Child;
use crate::wire::{DeviceId, LinkId};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What a process of twins must know. Scenario and rig are named by path: the child checks them as the harness did.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Setup {
    pub scenario: String,
    /// As in `scenario::Request`.
    pub rig: Option<String>,
    pub overrides: Vec<(String, String)>,
    pub seed: u64,
    /// The devices whose twins live here, by name.
    pub devices: Vec<String>,
    /// How to reach the broker, by MQTT link of those devices.
    pub brokers: Vec<BrokerLogin>,
    /// How long they live on when the harness is gone without a word.
    pub grace_ms: u64,
}

/// A twin's way to a broker, with its own user.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct BrokerLogin {
    /// The link's name in the rig.
    pub link: String,
    pub port: u16,
    pub user: String,
    pub password: String,
    /// 5, or 3 for 3.1.1.
    pub version: u8,
}

/// What a process of twins says, one line each.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Fact {
    /// The path by which the harness opens this serial link.
    Port { link: u16, path: String },
    /// All ports are there and all brokers are reached.
    Ready,
    /// It cannot go on.
    Failed { why: String },
}

/// What a process of twins is told, one line each.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Order {
    Fault {
        device: Option<u16>,
        #[serde(with = "FaultWire")]
        fault: TwinFault,
        on: bool,
    },
    Stop,
}

/// How a fault is written down; the compiler holds it against [`TwinFault`].
#[derive(Serialize, Deserialize)]
#[serde(remote = "TwinFault", rename_all = "snake_case")]
enum FaultWire {
    Wind { speed: f64, from: f64 },
    Silence,
    Garbage { rate: f64 },
    Restart,
    Deaf,
    Battery { level: f64 },
    Motor { index: u8, gain: f64 },
    SensorBias { field: String, by: f64 },
}

/// A running process of twins. Dropping it closes its standard input: the twins live on for their grace.
#[derive(Debug)]
pub struct Twins {
    child: Child,
    ports: Vec<(LinkId, String)>,
}

impl Twins {
    /// Starts the child (`program child twins`) and waits until its ports are there and its brokers reached.
    pub fn start(program: &Path, setup: &Setup) -> Result<Twins, String> {
        let mut child = Child::start(program, "twins", setup)?;
        let mut ports = Vec::new();
        loop {
            match child.line()? {
                Fact::Port { link, path } => ports.push((LinkId(link), path)),
                Fact::Ready => break,
                Fact::Failed { why } => return Err(why),
            }
        }
        // From now on orders come from the run thread, which waits for nobody.
        child.never_wait()?;
        Ok(Twins { child, ports })
    }
    /// The path of each serial link that ends here.
    pub fn ports(&self) -> &[(LinkId, String)] {
        &self.ports
    }
    /// The child's process id.
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }
    /// Starts or ends a fault; no device means the world. Never waits. The error is the child's end.
    pub fn fault(&mut self, device: Option<DeviceId>, fault: &TwinFault, on: bool) -> Result<(), String> {
        self.child.say(&Order::Fault { device: device.map(|device| device.0), fault: fault.clone(), on })
    }
    /// Stops the twins at once, and waits for their end.
    pub fn stop(mut self) -> Result<(), String> {
        self.child.say(&Order::Stop)?;
        self.child.wait()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_survives_the_way_to_the_child() {
        let faults = [
            TwinFault::Wind { speed: 8.0, from: 1.25 },
            TwinFault::Silence,
            TwinFault::Garbage { rate: 20.0 },
            TwinFault::Restart,
            TwinFault::Deaf,
            TwinFault::Battery { level: 0.1 },
            TwinFault::Motor { index: 3, gain: 0.5 },
            TwinFault::SensorBias { field: "GLOBAL_POSITION_INT.relative_alt".into(), by: -2.0 },
        ];
        for fault in faults {
            let order = Order::Fault { device: Some(1), fault, on: true };
            let line = serde_json::to_string(&order).unwrap();
            assert_eq!(serde_json::from_str::<Order>(&line).unwrap(), order, "{line}");
        }
    }
}
