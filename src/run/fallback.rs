//! Fallbacks of controllers: what each asks its switch, and the commands that its recovery function gives.

use super::Effects;
use super::core::Core;
use super::event::{EventKind, FallbackWhy};
use super::judging::{ProbeId, ProbeTable};
use crate::command::{Authority, Command};
use crate::guard::{Cause, Decision, FallbackId, GateConfig, Recovery};
use crate::rig::{FallbackArg, FallbackDef};
use crate::scenario::plan::{GateMode, Plan};
use crate::signal::{SignalId, Value};
use crate::stl::Truth;
use crate::time::{Span, Time};
use crate::wire::DeviceId;

/// A fallback as the run sees it.
pub(super) struct Fallback {
    id: FallbackId,
    controller: DeviceId,
    /// `<controller>.fallback`.
    signal: Option<SignalId>,
    def: FallbackDef,
    when: Option<ProbeId>,
    good: Option<ProbeId>,
    args: Vec<Source>,
    /// The gate had to hold one of the controller's commands to a rule since the last look.
    limited: bool,
    /// When the controller was last heard.
    heard: Time,
}

/// Where an argument comes from.
enum Source {
    Constant(f64),
    /// The margin of this probe.
    Probe(ProbeId),
}

impl Fallback {
    /// Gives every fallback of the rig its probes; none where the run's gate does not use them.
    pub fn prepare(plan: &Plan, probes: &mut ProbeTable) -> Vec<Fallback> {
        if plan.gate != GateMode::Fallback {
            return Vec::new();
        }
        let all = plan.rig.devices.iter().filter_map(|device| Some((device.id, device.fallback.as_ref()?)));
        (0_u8..)
            .zip(all)
            .map(|(place, (controller, def))| Fallback {
                id: FallbackId(place),
                controller,
                signal: plan.reserved.fallbacks.iter().find(|(d, _)| *d == controller).map(|(_, s)| *s),
                def: def.clone(),
                when: def.when.as_ref().map(|(when, _)| probes.place(when)),
                good: def.hand_back.as_ref().map(|back| probes.place(&back.when.0)),
                args: def
                    .args
                    .iter()
                    .map(|arg| match arg {
                        FallbackArg::Constant(si) => Source::Constant(*si),
                        FallbackArg::Number(number) => Source::Probe(probes.place(&number.clone().probe())),
                    })
                    .collect(),
                limited: false,
                heard: Time::MIN,
            })
            .collect()
    }

    /// When silence alone makes it take over.
    fn silent_at(&self, armed_at: Time) -> Option<Time> {
        self.def.silent_for.map(|span| self.heard.max(armed_at) + span)
    }
}

impl Core {
    /// The controller was heard.
    pub(super) fn heard_by_fallback(&mut self, device: DeviceId, at: Time) {
        for fallback in self.fallbacks.iter_mut().filter(|fallback| fallback.controller == device) {
            fallback.heard = at;
        }
    }

    /// The gate had to hold a command of the controller to a rule, or refuse it for one.
    pub(super) fn limited(&mut self, device: DeviceId) {
        for fallback in self.fallbacks.iter_mut().filter(|fallback| fallback.controller == device) {
            fallback.limited = true;
        }
    }

    /// Lets every fallback look at this instant, and do what is due.
    pub(super) fn recover(&mut self, out: &mut Effects) {
        let Some(armed_at) = self.judging.armed_at else { return };
        for place in 0..self.fallbacks.len() {
            let fallback = &mut self.fallbacks[place];
            let silent = fallback.silent_at(armed_at).is_some_and(|due| due <= self.now);
            let limited = std::mem::take(&mut fallback.limited) && fallback.def.limits;
            let holds = |probe: Option<ProbeId>| probe.is_some_and(|probe| self.judging.truth(probe) == Truth::True);
            let condition = holds(fallback.when);
            let good = holds(fallback.good);
            let why = match (condition, limited, silent) {
                (true, ..) => Some(FallbackWhy::Condition),
                (_, true, _) => Some(FallbackWhy::Limit),
                (.., true) => Some(FallbackWhy::Silence),
                _ => None,
            };
            let (id, controller, signal) = (fallback.id, fallback.controller, fallback.signal);
            while let Some(recovery) = self.reacting.guard.recover(self.now, id, why.is_some(), good) {
                let has = match recovery {
                    Recovery::TakeOver => {
                        let why = why.expect("a switch takes over only when it is told to");
                        self.emit(EventKind::FallbackEngaged { controller, why }, out);
                        true
                    }
                    Recovery::Command => {
                        self.give_recovery(place, out);
                        continue;
                    }
                    Recovery::HandBack | Recovery::Release => {
                        let handed_back = recovery == Recovery::HandBack;
                        self.emit(EventKind::FallbackOver { controller, handed_back }, out);
                        false
                    }
                };
                if let Some(signal) = signal {
                    self.tell_self(signal, Value::Flag(has));
                }
            }
        }
    }

    /// One command of the recovery function. What it cannot say, or the gate will not have, is no recovery: that trips.
    fn give_recovery(&mut self, place: usize, out: &mut Effects) {
        let controller = self.fallbacks[place].controller;
        if let Err(why) = self.try_recovery(place, out) {
            let name = &self.plan.rig.devices[controller.0 as usize].name;
            self.remark(format!("the fallback of {name} cannot go on: {why}"), out);
            let every = self.reacting.every_ladder();
            self.trip(Cause::FallbackLost(controller), every, None, out);
        }
    }

    fn try_recovery(&mut self, place: usize, out: &mut Effects) -> Result<(), String> {
        let fallback = &self.fallbacks[place];
        let id = fallback.def.command;
        let def = self.plan.rig.commands.def(id);
        let mut values = Vec::with_capacity(fallback.args.len());
        for (source, arg) in fallback.args.iter().zip(&def.args) {
            let value = match source {
                Source::Constant(si) => Some(*si),
                Source::Probe(probe) => self.judging.quantity(*probe),
            };
            values.push(value.ok_or_else(|| format!("what {} of {} should be is unknown", arg.name, def.name))?);
        }
        let mut command = Command::new(id, &values).expect("as many arguments as the command has");
        let limits = GateConfig { max_age: None, min_interval: None };
        let bounds = self.bounds_of(id);
        let decision =
            self.reacting.guard.gate(self.now, Authority::Fallback, Span::ZERO, &mut command, &bounds, &limits);
        match decision {
            Decision::Pass => {}
            Decision::Clamp { arg, from, to, rule } => self.say_held(id, arg, from, to, rule, out),
            Decision::Reject(refusal) => return Err(format!("the guard rejected {} ({refusal})", def.name)),
        }
        self.order(command, false, None, out).map(drop)
    }

    /// When silence alone makes a fallback take over; the guard knows what is due of one that is engaged.
    pub(super) fn fallback_deadline(&self) -> Option<Time> {
        let armed_at = self.judging.armed_at?;
        let guard = &self.reacting.guard;
        let waiting = self.fallbacks.iter().filter(|f| guard.open() && !guard.recovering(f.controller));
        waiting.filter_map(|fallback| fallback.silent_at(armed_at)).filter(|due| *due > self.now).min()
    }
}
