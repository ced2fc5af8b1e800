//! Faults under way: started by a step, ended by their time or by the run's exit, whichever is first.

use super::core::Core;
use super::event::EventKind;
use super::{Effect, Effects};
use crate::fault::FaultKey;
use crate::fault::{FaultSpec, FaultTarget};
use crate::scenario::plan::Mode;
use crate::time::Time;

/// A fault that acts now.
#[derive(Clone, Debug)]
pub(super) struct ActiveFault {
    spec: FaultSpec,
    /// Its key in the pipe that it acts on.
    key: FaultKey,
    ends: Option<Time>,
}

impl Core {
    /// Starts a fault. `Err`: it cannot act here, in words.
    pub(super) fn start_fault(&mut self, spec: &FaultSpec, out: &mut Effects) -> Result<(), String> {
        if self.plan.mode == Mode::Rig
            && let FaultTarget::Twin { .. } | FaultTarget::World { .. } = spec.target
        {
            return Err(format!("fault {} acts on twins, and this run drives the real rig", spec.name));
        }
        let key = FaultKey(self.faults.iter().map(|f| f.key.0).max().map_or(0, |key| key + 1));
        match &spec.target {
            FaultTarget::Tells { device, signal, fault } => {
                let Some(controller) = self.controllers.iter_mut().find(|c| c.device == *device) else {
                    return Err("that device is told nothing".to_owned());
                };
                controller.told.start(key, *fault, *signal);
            }
            FaultTarget::Says { device, fault } => {
                let Some(controller) = self.controllers.iter_mut().find(|c| c.device == *device) else {
                    return Err("that device says nothing".to_owned());
                };
                controller.said.start(key, *fault);
            }
            FaultTarget::Link { link, fault } => self.links[link.0 as usize].outgoing.start(key, *fault),
            FaultTarget::Twin { device, fault } => {
                out.list.push(Effect::Twin { device: Some(*device), fault: fault.clone(), on: true });
            }
            FaultTarget::World { fault } => {
                out.list.push(Effect::Twin { device: None, fault: fault.clone(), on: true });
            }
        }
        self.emit(EventKind::FaultStarted { fault: spec.name.clone(), on: self.acts_on(spec) }, out);
        let ends = spec.lasts.map(|span| self.now + span);
        self.faults.push(ActiveFault { spec: spec.clone(), key, ends });
        Ok(())
    }

    /// Ends the faults whose time is over.
    pub(super) fn tick_faults(&mut self, out: &mut Effects) {
        let now = self.now;
        while let Some(place) = self.faults.iter().position(|f| f.ends.is_some_and(|ends| ends <= now)) {
            let fault = self.faults.remove(place);
            self.end_fault(&fault, out);
        }
        self.tick_outgoing(out);
    }

    /// Ends every fault: each exit clears them.
    pub(super) fn end_all_faults(&mut self, out: &mut Effects) {
        for fault in std::mem::take(&mut self.faults) {
            self.end_fault(&fault, out);
        }
    }

    fn end_fault(&mut self, fault: &ActiveFault, out: &mut Effects) {
        match &fault.spec.target {
            FaultTarget::Tells { device, .. } => {
                for controller in self.controllers.iter_mut().filter(|c| c.device == *device) {
                    controller.told.stop(fault.key);
                }
            }
            FaultTarget::Says { device, .. } => {
                for controller in self.controllers.iter_mut().filter(|c| c.device == *device) {
                    controller.said.stop(fault.key);
                }
            }
            FaultTarget::Link { link, .. } => self.links[link.0 as usize].outgoing.stop(fault.key),
            FaultTarget::Twin { device, fault } => {
                out.list.push(Effect::Twin { device: Some(*device), fault: fault.clone(), on: false });
            }
            FaultTarget::World { fault } => {
                out.list.push(Effect::Twin { device: None, fault: fault.clone(), on: false });
            }
        }
        self.emit(EventKind::FaultEnded { fault: fault.spec.name.clone(), on: self.acts_on(&fault.spec) }, out);
    }

    /// What a fault acts on, as the scenario names it.
    fn acts_on(&self, spec: &FaultSpec) -> String {
        let rig = &self.plan.rig;
        let device = |d: crate::wire::DeviceId| rig.devices[d.0 as usize].name.as_str();
        match &spec.target {
            FaultTarget::Tells { device: d, signal: None, .. } => format!("{}.tells", device(*d)),
            FaultTarget::Tells { device: d, signal: Some(s), .. } => {
                format!("{}.tells.{}", device(*d), rig.signals.def(*s).name)
            }
            FaultTarget::Says { device: d, .. } => format!("{}.says", device(*d)),
            FaultTarget::Link { link, .. } => rig.links[link.0 as usize].name.clone(),
            FaultTarget::Twin { device: d, .. } => device(*d).to_owned(),
            FaultTarget::World { .. } => "world".to_owned(),
        }
    }

    /// When a fault ends or a delayed frame is due.
    pub(super) fn fault_deadline(&self) -> Option<Time> {
        let ends = self.faults.iter().filter_map(|f| f.ends).min();
        let frames = self.links.iter().filter_map(|l| l.outgoing.next_deadline()).min();
        [ends, frames].into_iter().flatten().min()
    }

    /// Sends the frames that a fault held back, unless a trip closed the lane.
    fn tick_outgoing(&mut self, out: &mut Effects) {
        for place in 0..self.links.len() {
            while let Some(frame) = self.links[place].outgoing.pop(self.now) {
                self.send_now(crate::wire::Lane::Normal, frame, out);
            }
        }
    }
}
