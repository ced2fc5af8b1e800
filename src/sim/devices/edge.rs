//! What twins that speak Sparkplug share: an edge node with power, faults and a birth.

use super::active::ActiveFaults;
use super::power::{Power, Supply};
use crate::codec::sparkplug::device::{EdgeNode, Heard, Tag};
use crate::codec::sparkplug::payload::{DataType, Datum};
use crate::codec::{DeviceConfig, Protocol};
use crate::fault::TwinFault;
use crate::sim::random::Noise;
use crate::time::Time;
use crate::wire::{Frame, LinkId};

/// An edge node on the bench.
pub(super) struct Edge {
    node: EdgeNode,
    /// The link is known when frames are taken; until then they wait.
    outbox: Vec<Frame>,
    born: bool,
    dead: bool,
    pub(super) power: Power,
    pub(super) faults: ActiveFaults,
    noise: Noise,
}

impl Edge {
    /// The edge node of a device of the rig; the error says what the rig does not give it.
    pub(super) fn new(
        twin: &str,
        config: &DeviceConfig,
        metrics: &[(&str, DataType)],
        noise: Noise,
    ) -> Result<Edge, String> {
        let Protocol::Sparkplug { group, node, device, host } = &config.protocol else {
            return Err(format!("the twin `{twin}` of `{}` speaks Sparkplug alone", config.name));
        };
        let tag =
            |(name, kind): &(&str, DataType)| Tag { device: device.clone(), name: (*name).to_owned(), kind: *kind };
        let node = EdgeNode::new(LinkId(0), group, node, metrics.iter().map(tag).collect());
        let node = match host {
            Some(host) => node.waiting_for(host),
            None => node,
        };
        Ok(Edge {
            node,
            outbox: Vec::new(),
            born: false,
            dead: false,
            power: Power::new(),
            faults: ActiveFaults::default(),
            noise,
        })
    }
    pub(super) fn subscriptions(&self) -> Vec<String> {
        self.node.subscriptions()
    }
    /// True while its program runs.
    pub(super) fn runs(&self, at: Time) -> bool {
        self.power.supply(at) < Supply::Hung
    }
    /// The values that it is told to take; a rebirth is answered at the next turn.
    pub(super) fn hear(&mut self, at: Time, frame: &Frame) -> Vec<(usize, Datum)> {
        self.node.at(at);
        // A STATE is retained: a node that could not hear it now is told when it asks again.
        if let Some(false) = self.node.hear_host(frame) {
            // It says good-bye, and its next session is another one.
            self.restart();
        }
        if self.faults.has(&TwinFault::Deaf) || self.power.supply(at) > Supply::On {
            return Vec::new();
        }
        let mut told = Vec::new();
        for heard in self.node.hear(frame) {
            match heard {
                Heard::Rebirth => self.born = false,
                Heard::Command { tag, value } => told.push((tag, value)),
                Heard::Refused(_) => {}
            }
        }
        told
    }
    /// To be asked every turn: true when it starts anew now.
    pub(super) fn boots(&mut self, at: Time) -> bool {
        self.node.at(at);
        if self.power.supply(at) == Supply::Off && self.born && !self.dead {
            // Its broker says it when the connection is gone; a network's own delay is left out.
            self.dead = true;
            let death = self.node.death();
            self.outbox.push(death);
        }
        let boots = self.power.boots(at);
        if boots {
            self.restart();
        }
        boots
    }
    /// True while its primary host is not there: it has left its broker, and what it drives is to be left safe.
    pub(super) fn is_left_alone(&self) -> bool {
        !self.node.hosted()
    }
    fn restart(&mut self) {
        if self.born && !self.dead {
            let death = self.node.death();
            self.outbox.push(death);
        }
        self.node.restart();
        self.born = false;
        self.dead = false;
    }
    /// Says all values: in births where it was not born yet, else as data by alias.
    pub(super) fn say(&mut self, at: Time, values: Vec<Datum>) {
        self.node.at(at);
        let quiet = self.power.supply(at) > Supply::On || self.faults.has(&TwinFault::Silence);
        if quiet || self.is_left_alone() {
            return;
        }
        if !self.born {
            self.born = true;
            let birth = self.node.birth(&values);
            self.outbox.extend(birth);
            return;
        }
        let changes: Vec<(usize, Datum)> = values.into_iter().enumerate().collect();
        let mut data = self.node.data(&changes);
        if self.faults.latest(|a| matches!(a.fault, TwinFault::Garbage { .. }).then_some(())).is_some() {
            for frame in &mut data {
                let length = frame.bytes.len();
                frame.bytes = (0..length).map(|_| self.noise.byte()).collect();
            }
        }
        self.outbox.extend(data);
    }
    pub(super) fn take(&mut self, link: LinkId, out: &mut Vec<Frame>) {
        out.extend(self.outbox.drain(..).map(|frame| Frame { link, ..frame }));
    }
    /// A fault begins; true when it starts anew by that.
    pub(super) fn start_fault(&mut self, at: Time, fault: &TwinFault) -> bool {
        let key = self.faults.start(at, fault);
        if let Some(active) = self.faults.latest(|a| (a.key == key).then(|| a.clone())) {
            self.power.start(&active);
        }
        let anew = *fault == TwinFault::Restart;
        if anew {
            self.restart();
        }
        anew
    }
}
