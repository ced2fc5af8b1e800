//! Twins in a process of their own: simulated devices on real pseudo-terminals and on the real broker.
//!
//! Processes, not threads, so that they outlive a killed harness and the machine can be seen to become safe; and the
//! controller under test is one that the harness shares nothing with, as a real one would be.
//!
//! Invariant: the harness reaches a twin's bytes only over its link; besides it tells faults, and when to stop.

use crate::io::child::Child;
use crate::wire::LinkId;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What a process of twins must know. Scenario and rig are named by path: the child checks them as the harness did.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Setup {
    /// Empty: the rig alone, without faults.
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
    /// A fault begins or ends, by its place in [`Plan::acted_faults`](crate::scenario::plan::Plan::acted_faults): the child
    /// has checked the same scenario.
    Fault {
        place: usize,
        on: bool,
    },
    Stop,
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
    /// Starts or ends a fault by its place in the plan's list. Never waits. The error is the child's end.
    pub fn fault(&mut self, place: usize, on: bool) -> Result<(), String> {
        self.child.say(&Order::Fault { place, on })
    }
    /// Stops the twins at once, and waits for their end.
    pub fn stop(mut self) -> Result<(), String> {
        self.child.say(&Order::Stop)?;
        self.child.wait()
    }
}
