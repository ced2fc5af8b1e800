//! Faults under way: started by a step, ended by their time or by the run's exit, whichever is first.

use super::core::Core;
use super::event::EventKind;
use super::{Effect, Effects, ProbeId};
use crate::fault::{FaultKey, FaultSpec, FaultTarget, PipeFault, Tally, TwinFault, Way};
use crate::scenario::plan::Mode;
use crate::stl::Truth;
use crate::time::Time;
use crate::wire::LinkId;

/// A fault that acts now.
#[derive(Clone, Debug)]
pub(super) struct ActiveFault {
    spec: FaultSpec,
    /// Its key in the pipe that it acts on.
    key: FaultKey,
    ends: Option<Time>,
    /// Holds where the effect shows.
    visible: Option<ProbeId>,
    /// That did not hold at some instant of the fault: what holds all along is no effect of it.
    unlike_before: bool,
    seen: bool,
}

impl Core {
    /// Starts a fault; `visible` must hold at some instant of it. `Err`: it cannot act here, in words.
    pub(super) fn start_fault(
        &mut self,
        spec: &FaultSpec,
        visible: Option<ProbeId>,
        out: &mut Effects,
    ) -> Result<(), String> {
        if self.plan.mode == Mode::Rig
            && let FaultTarget::Twin { .. }
            | FaultTarget::World { .. }
            | FaultTarget::Link { way: Way::In | Way::Both, .. } = spec.target
        {
            return Err(format!("fault {} acts on twins, and this run drives the real rig", spec.name));
        }
        let key = FaultKey(self.faults.iter().map(|f| f.key.0).max().map_or(0, |key| key + 1));
        if self.said_no() && self.plan.mode == Mode::Rig {
            return Err(format!("fault {} is not begun: the person beside the rig said no", spec.name));
        }
        let now = self.now;
        match &spec.target {
            FaultTarget::Tells { device, signal, fault } => {
                let Some(controller) = self.controllers.iter_mut().find(|c| c.device == *device) else {
                    return Err("that device is told nothing".to_owned());
                };
                controller.told.start(now, key, *fault, *signal);
            }
            FaultTarget::Says { device, arg, fault } => {
                let Some(controller) = self.controllers.iter_mut().find(|c| c.device == *device) else {
                    return Err("that device says nothing".to_owned());
                };
                controller.said.start(now, key, *fault, *arg);
            }
            FaultTarget::Link { link, way, fault } => {
                if *way != Way::In {
                    self.links[link.0 as usize].outgoing.start(now, key, *fault);
                }
                if *way != Way::Out {
                    self.wires(*link, *fault, true, out);
                }
            }
            FaultTarget::Twin { device, fault } => {
                out.list.push(Effect::Twin { device: Some(*device), fault: fault.clone(), on: true });
            }
            FaultTarget::World { fault } => {
                out.list.push(Effect::Twin { device: None, fault: fault.clone(), on: true });
            }
        }
        self.emit(EventKind::FaultStarted { fault: spec.name.clone(), on: self.acts_on(spec) }, out);
        let ends = spec.lasts.map(|span| now + span);
        self.faults.push(ActiveFault { spec: spec.clone(), key, ends, visible, unlike_before: false, seen: false });
        self.watch_faults();
        Ok(())
    }

    /// Looks whether the effects of faults show now.
    pub(super) fn watch_faults(&mut self) {
        for place in 0..self.faults.len() {
            let Some(probe) = self.faults[place].visible else { continue };
            let truth = self.truth(probe);
            let holds = truth == Truth::True;
            let fault = &mut self.faults[place];
            // A stream shows by itself what was altered in it; of a twin nothing is known but this formula, and what was not
            // known before is no effect.
            let twin = matches!(fault.spec.target, FaultTarget::Twin { .. } | FaultTarget::World { .. });
            fault.unlike_before |= truth == Truth::False || (truth == Truth::Unknown && !twin);
            fault.seen |= holds && fault.unlike_before;
        }
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

    /// Ends every fault: each exit clears them, and nothing that they held back moves anything any more.
    pub(super) fn end_all_faults(&mut self, out: &mut Effects) {
        self.watch_faults();
        for fault in std::mem::take(&mut self.faults) {
            self.end_fault(&fault, out);
        }
        for controller in &mut self.controllers {
            controller.told.clear();
            controller.said.clear();
        }
        self.links.iter_mut().for_each(|link| link.outgoing.clear());
    }

    fn end_fault(&mut self, fault: &ActiveFault, out: &mut Effects) {
        let mut tally = None;
        match &fault.spec.target {
            FaultTarget::Tells { device, .. } => {
                for controller in self.controllers.iter_mut().filter(|c| c.device == *device) {
                    tally = Some(controller.told.stop(fault.key));
                }
            }
            FaultTarget::Says { device, .. } => {
                for controller in self.controllers.iter_mut().filter(|c| c.device == *device) {
                    tally = Some(controller.said.stop(fault.key));
                }
            }
            FaultTarget::Link { link, way, fault: acting } => {
                if *way != Way::In {
                    let outwards = self.links[link.0 as usize].outgoing.stop(fault.key);
                    // What came in passed in the twins: what went out is not the whole of it.
                    tally = (*way == Way::Out).then_some(outwards);
                }
                if *way != Way::Out {
                    self.wires(*link, *acting, false, out);
                }
            }
            FaultTarget::Twin { device, fault } => {
                out.list.push(Effect::Twin { device: Some(*device), fault: fault.clone(), on: false });
            }
            FaultTarget::World { fault } => {
                out.list.push(Effect::Twin { device: None, fault: fault.clone(), on: false });
            }
        }
        let on = self.acts_on(&fault.spec);
        self.emit(EventKind::FaultEnded { fault: fault.spec.name.clone(), on: on.clone() }, out);
        if tally.is_none() && fault.visible.is_none() {
            // What a twin does to itself is not seen from here unless the step says where it shows.
            return;
        }
        let changed = tally.is_none_or(|tally| tally.altered > 0);
        let Tally { items, altered } = tally.unwrap_or_default();
        let visible = changed && (fault.visible.is_none() || fault.seen);
        if !visible {
            let passed = match items {
                _ if changed && fault.unlike_before => "what its step calls `visible` never held".to_owned(),
                _ if changed => "what its step calls `visible` held before it began, and all along".to_owned(),
                0 => "nothing passed it".to_owned(),
                _ => format!("none of {items} came out otherwise"),
            };
            let name = &fault.spec.name;
            self.unseen_faults.push(format!("fault {name} on {on} was injected and is not visible: {passed}"));
        }
        self.emit(EventKind::FaultSeen { fault: fault.spec.name.clone(), on, items, altered, visible }, out);
    }

    /// What comes in over a link is faulted in the wires of the twins at its end.
    fn wires(&self, link: LinkId, fault: PipeFault, on: bool, out: &mut Effects) {
        for device in self.plan.rig.devices.iter().filter(|device| device.link == link) {
            let fault = TwinFault::Wire { fault };
            out.list.push(Effect::Twin { device: Some(device.id), fault, on });
        }
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
            FaultTarget::Says { device: d, arg: None, .. } => format!("{}.says", device(*d)),
            FaultTarget::Says { device: d, arg: Some((command, arg)), .. } => {
                let def = rig.commands.def(*command);
                format!("{}.says.{}.{}", device(*d), def.name, def.args[usize::from(*arg)].name)
            }
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
