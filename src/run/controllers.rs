//! Controllers: what they are told, and what becomes of what they ask for.

use super::Effects;
use super::core::Core;
use super::event::EventKind;
use super::said::{Proposal, SaidPipe};
use super::wires::Standing;
use crate::codec::Tells;
use crate::command::{ArgDef, Authority, Command};
use crate::fault::TellPipe;
use crate::guard::{Decision, GateConfig, Refusal};
use crate::rig::Role;
use crate::scenario::plan::{GateMode, Mode, Plan, Told};
use crate::signal::{SignalId, Value};
use crate::time::{Span, Time};
use crate::wire::{DeviceId, LinkId};

/// A controller of the rig, with the pipes that its faults act on.
pub(super) struct Controller {
    pub device: DeviceId,
    link: LinkId,
    /// `<controller>.command`: pulses with each command that it proposes.
    command_signal: Option<SignalId>,
    tells: Option<Tells>,
    next_tell: Time,
    pub told: TellPipe,
    pub said: SaidPipe,
    values: Vec<(SignalId, Value)>,
}

impl Controller {
    pub fn all_of(plan: &Plan) -> Vec<Controller> {
        let configs = plan.rig.links.iter().flat_map(|link| &link.codec.devices);
        plan.rig
            .devices
            .iter()
            .filter(|device| device.role == Role::Controller)
            .map(|device| Controller {
                device: device.id,
                link: device.link,
                command_signal: plan.reserved.commands.iter().find(|(d, _)| *d == device.id).map(|(_, s)| *s),
                tells: configs.clone().find(|c| c.device == device.id).and_then(|c| c.tells.clone()),
                next_tell: Time::ZERO,
                // Two streams of one seed: what it is told and what it says are faulted independently.
                told: TellPipe::new(plan.seed ^ (u64::from(device.id.0) << 32 | 1)),
                said: SaidPipe::new(plan.seed ^ (u64::from(device.id.0) << 32 | 2)),
                values: Vec::new(),
            })
            .collect()
    }
}

impl Core {
    /// A controller asks for a command: it becomes a pulse, and goes through the faults on what it says to the gate.
    pub(super) fn proposed(&mut self, at: Time, device: DeviceId, command: Command, stale: bool, out: &mut Effects) {
        let Some(place) = self.controllers.iter().position(|c| c.device == device) else { return };
        if let Some(signal) = self.controllers[place].command_signal {
            self.instant(at, &[(signal, Value::Pulse)], out);
        } else {
            self.pass_time(at, out);
        }
        let arrived = self.now - self.waited;
        if self.controllers[place].said.faulted() {
            // What comes of it is told at the gate.
            self.emit(EventKind::CommandAsked { device, command, stale }, out);
        }
        self.controllers[place].said.push(self.now, Proposal { command, stale, arrived });
        self.gate_proposals(place, out);
    }

    /// Brings what is due out of the pipe before the gate.
    fn gate_proposals(&mut self, place: usize, out: &mut Effects) {
        while let Some(proposal) = self.controllers[place].said.pop(self.now) {
            self.gate(self.controllers[place].device, proposal, out);
        }
    }

    fn gate(&mut self, device: DeviceId, proposal: Proposal, out: &mut Effects) {
        // What a broker kept or repeated is as old as can be: nobody knows when it was meant.
        // What is behind a slow link is as old as it will be when it leaves.
        let age =
            if proposal.stale { Span::MAX } else { self.now.since(proposal.arrived) + self.behind_for(&proposal) };
        let mut command = proposal.command;
        let allowed = self.plan.rig.devices[device.0 as usize].may.iter().find(|may| may.command == command.id);
        let limits = GateConfig {
            max_age: allowed.and_then(|may| may.max_age),
            min_interval: allowed.and_then(|may| may.min_interval),
        };
        let bounds = self.bounds_of(command.id);
        let decision = self.reacting.guard.gate_controller(self.now, device, age, &mut command, &bounds, &limits);
        if let Decision::Clamp { rule: Some(_), .. } | Decision::Reject(Refusal::NoRoom { .. }) = decision {
            self.limited(device);
        }
        // Observing a gate never opens a lane, nor does it take a machine out of a person's hands.
        let closed = matches!(decision, Decision::Reject(Refusal::Closed | Refusal::Outranked));
        let enforced = closed || self.plan.gate != GateMode::Observe;
        let state = self.state_behind(&proposal.command, decision);
        self.emit(EventKind::CommandGated { device, command: proposal.command, decision, age, state, enforced }, out);
        let goes = match decision {
            _ if !enforced => proposal.command,
            Decision::Pass | Decision::Clamp { .. } => command,
            Decision::Reject(_) => return,
        };
        let not_after = limits.max_age.filter(|_| enforced).map(|age| proposal.arrived + age);
        if let Err(why) = self.order(goes, false, not_after, out) {
            let name = &self.plan.rig.commands.def(goes.id).name;
            self.remark(format!("{name} passed the gate and could not be said on the wire: {why}"), out);
        }
    }

    /// How much later than now what is asked for would leave.
    fn behind_for(&self, proposal: &Proposal) -> Span {
        let device = self.plan.rig.commands.def(proposal.command.id).device;
        self.behind(self.plan.rig.devices[usize::from(device.0)].link)
    }

    /// What the signal held that the decision is about; of a pass, that of the first argument that moves a signal.
    fn state_behind(&self, command: &Command, decision: Decision) -> Option<f64> {
        let about = match decision {
            Decision::Clamp { arg, .. }
            | Decision::Reject(
                Refusal::NotANumber { arg } | Refusal::OutOfRange { arg } | Refusal::NoRoom { arg, .. },
            ) => Some(arg),
            _ => None,
        };
        let args = &self.plan.rig.commands.def(command.id).args;
        let moved = |arg: &ArgDef| arg.carries.map(|carry| carry.signal).or(arg.drives);
        let signal = match about {
            Some(arg) => args.get(usize::from(arg)).and_then(moved),
            None => args.iter().find_map(moved),
        };
        self.number(signal?)
    }

    /// A person takes the machines over: whatever is automatic is outranked until they are handed back.
    pub(super) fn take_over(&mut self, out: &mut Effects) {
        self.take_from_controllers(Authority::Person, out);
    }

    /// Nobody below `holder` commands from here on, and what was asked for before must not come out of a queue.
    pub(super) fn take_from_controllers(&mut self, holder: Authority, out: &mut Effects) {
        self.hold(holder, out);
        for link in &mut self.links {
            link.codec.abandon();
            link.outgoing.clear();
        }
        for controller in &mut self.controllers {
            controller.said.clear();
        }
        self.drop_normal(out);
    }

    /// A person gives the machines back.
    pub(super) fn hand_back(&mut self, out: &mut Effects) {
        // Who said no to what energises has not said yes by giving the machines back.
        self.hold(if self.said_no() { Authority::Script } else { Authority::Controller }, out);
    }

    /// From here on whoever has less authority is outranked; said where it is new.
    pub(super) fn hold(&mut self, holder: Authority, out: &mut Effects) {
        if self.reacting.guard.holder() != holder {
            self.reacting.guard.set_holder(holder);
            self.emit(EventKind::AuthorityChanged { holder }, out);
        }
    }

    /// Tells controllers what is due, and lets delayed proposals through.
    pub(super) fn tick_controllers(&mut self, at: Time, out: &mut Effects) {
        for place in 0..self.controllers.len() {
            self.tell(place, at, out);
            self.gate_proposals(place, out);
        }
    }

    fn tell(&mut self, place: usize, at: Time, out: &mut Effects) {
        let controller = &mut self.controllers[place];
        if self.links[controller.link.0 as usize].state != Standing::Up {
            return;
        }
        let Some(tells) = &controller.tells else { return };
        if controller.next_tell <= at {
            // Periods that a stall swallowed are not made up for: old news in a burst helps no controller.
            let period = tells.every;
            controller.next_tell =
                if at.since(controller.next_tell) > period { at + period } else { controller.next_tell + period };
            controller.values.clear();
            for field in &tells.fields {
                controller.values.push((field.signal, self.judging.value(field.signal, at)));
            }
            controller.told.push(at, &controller.values);
        }
        let (device, link) = (controller.device, controller.link);
        let mut values = std::mem::take(&mut controller.values);
        let mut turn = std::mem::take(&mut self.turn);
        loop {
            values.clear();
            let Some(stamp) = self.controllers[place].told.pop(at, &mut values) else { break };
            turn.clear();
            self.links[link.0 as usize].codec.tell(stamp, device, &values, &mut turn);
            if self.plan.mode == Mode::Observe {
                // A controller that is told nothing asks for nothing: who only looks wakes nobody up.
                turn.sends.clear();
            }
            self.record_told(device, &values);
            self.notes_and_sends(link, &mut turn, out);
        }
        self.turn = turn;
        self.controllers[place].values = values;
    }

    /// What a controller is told becomes signals of its own where the scenario can make it differ from the truth.
    fn record_told(&mut self, device: DeviceId, values: &[(SignalId, Value)]) {
        for place in 0..self.plan.reserved.told.len() {
            let Told { device: whose, truth, told } = self.plan.reserved.told[place];
            if whose == device
                && let Some((_, value)) = values.iter().find(|(signal, _)| *signal == truth)
            {
                self.tell_self(told, *value);
            }
        }
    }

    /// When the next telling or delayed item is due.
    pub(super) fn controller_deadline(&self) -> Option<Time> {
        let of_one = |c: &Controller| {
            let up = self.links[c.link.0 as usize].state == Standing::Up;
            let tell = c.tells.as_ref().map(|_| c.next_tell);
            let due = [tell, c.told.next_deadline(), c.said.next_deadline()].into_iter().flatten().min();
            due.filter(|_| up)
        };
        self.controllers.iter().filter_map(of_one).min()
    }
}
