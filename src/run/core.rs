//! What the run knows and can do, without the script: wires, judgement, guard, controllers, faults.

use super::controllers::Controller;
use super::event::{Event, EventKind, StepOutcome};
use super::fallback::Fallback;
use super::faults::ActiveFault;
use super::judging::{Judging, ProbeId};
use super::reacting::Reacting;
use super::script::Ended;
use super::self_test::SelfTesting;
use super::stops::Stops;
use super::wires::{Leaving, LinkRun};
use super::{Effect, Effects, SendId};
use crate::codec::Turn;
use crate::command::{Authority, Command, CommandId, RuleId, Ticket};
use crate::guard::{Cause, Decision, GateConfig};
use crate::scenario::plan::{Mode, Plan, StepId};
use crate::signal::{SignalId, Value};
use crate::stl::Truth;
use crate::time::{Span, Time};
use crate::wire::{Frame, Lane};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What became of an order given to a codec.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum TicketState {
    Open,
    Acked,
    Refused(String),
    Unanswered,
    /// It outlived its time before it was said.
    Lapsed,
}

/// An order whose acknowledgement may still come.
#[derive(Debug)]
struct OpenTicket {
    given: Time,
    state: TicketState,
    /// A step asks what became of it.
    watched: bool,
}

/// Tickets that no step asks about are only kept to say when they were answered; a device that never answers must not
/// fill the memory.
const IDLE_TICKETS_MAX: usize = 256;

/// Messages that may wait to leave by one link: more than a healthy one ever holds, and a bound on what a link that stopped costs.
const LEAVING_MAX: usize = 1024;

/// A prompt on the operator's screen.
#[derive(Debug)]
struct OpenPrompt {
    step: StepId,
    answer: Option<bool>,
}

/// Everything of a run but the script and its stages.
pub(super) struct Core {
    pub(super) plan: Arc<Plan>,
    /// The last closed instant.
    pub(super) now: Time,
    /// When the input at hand was taken: several instants can come of one input, each a nanosecond after the other.
    pub(super) arrived: Time,
    /// How long it had waited by then.
    pub(super) waited: Span,
    pub(super) links: Vec<LinkRun>,
    pub(super) judging: Judging,
    pub(super) reacting: Reacting,
    pub(super) stops: Stops,
    pub(super) controllers: Vec<Controller>,
    pub(super) faults: Vec<ActiveFault>,
    pub(super) fallbacks: Vec<Fallback>,
    /// Faults that did nothing that could be seen, in words.
    pub(super) unseen_faults: Vec<String>,
    /// Values that the run itself tells, applied at the next free instant.
    pub(super) own_samples: Vec<(SignalId, Value)>,
    /// Steps that did not end well, by themselves and not since one inside them did.
    pub(super) step_troubles: Vec<(StepId, StepOutcome)>,
    pub(super) expects_met: usize,
    pub(super) recorder_trouble: Option<String>,
    pub(super) self_test: SelfTesting,
    /// The person beside the rig said no to something: from there on nothing that may energise is begun.
    refused: bool,
    tickets: BTreeMap<Ticket, OpenTicket>,
    prompts: Vec<OpenPrompt>,
    /// Phases under way, the outermost first; phases of parallel lanes need not end in order.
    phases: Vec<(StepId, u16)>,
    next_send: u64,
    next_ticket: u64,
    pub(super) turn: Turn,
}

impl Core {
    pub fn new(plan: Arc<Plan>, probes: Vec<crate::expr::ir::Formula>) -> Core {
        let mut links: Vec<LinkRun> = plan.rig.links.iter().map(|link| LinkRun::new(link, plan.seed)).collect();
        if plan.mode == Mode::Observe {
            // A device whose dead-man rests on our heartbeat must not come to miss it when the onlooker leaves.
            for device in &plan.rig.devices {
                links[usize::from(device.link.0)].codec.mute(device.id, true);
            }
            links.iter_mut().for_each(|link| link.codec.note_figures());
        }
        let mut own_samples = vec![
            (plan.reserved.phase, Value::State(0)),
            (plan.reserved.step, Value::State(0)),
            (plan.reserved.guard_tripped, Value::Flag(false)),
        ];
        own_samples.extend(plan.reserved.fallbacks.iter().map(|(_, signal)| (*signal, Value::Flag(false))));
        own_samples.retain(|(id, _)| (id.0 as usize) < plan.rig.signals.len());
        Core {
            now: Time::ZERO,
            arrived: Time::MIN,
            waited: Span::ZERO,
            links,
            judging: Judging::new(&plan, probes),
            reacting: Reacting::new(&plan),
            stops: Stops::default(),
            controllers: Controller::all_of(&plan),
            faults: Vec::new(),
            fallbacks: Vec::new(),
            unseen_faults: Vec::new(),
            own_samples,
            step_troubles: Vec::new(),
            expects_met: 0,
            recorder_trouble: None,
            self_test: SelfTesting::default(),
            refused: false,
            tickets: BTreeMap::new(),
            prompts: Vec::new(),
            phases: Vec::new(),
            next_send: 0,
            next_ticket: 0,
            turn: Turn::default(),
            plan,
        }
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The last closed instant.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Whether a step formula is proven at the present instant.
    pub fn truth(&self, probe: ProbeId) -> Truth {
        self.judging.truth(probe)
    }

    /// The cause that tripped the guard, if it did.
    pub fn tripped(&self) -> Option<Cause> {
        self.reacting.guard.tripped()
    }

    pub fn emit(&self, kind: EventKind, out: &mut Effects) {
        out.list.push(Effect::Emit(Event { at: self.now, kind }));
    }

    pub fn remark(&self, text: String, out: &mut Effects) {
        self.emit(EventKind::Remark { text }, out);
    }

    /// Queues a value that the run itself tells; it gets an instant of its own.
    pub fn tell_self(&mut self, signal: SignalId, value: Value) {
        self.own_samples.push((signal, value));
    }

    /// Names the next write.
    pub fn send_id(&mut self) -> SendId {
        self.next_send += 1;
        SendId(self.next_send)
    }

    /// Hands a frame to the host, unless a trip closed its lane.
    pub fn send(&mut self, lane: Lane, frame: Frame, out: &mut Effects) {
        if lane == Lane::Normal {
            // Only what may move something passes through the link's faults.
            let link = frame.link.0 as usize;
            self.links[link].outgoing.push(self.now, frame);
            while let Some(frame) = self.links[link].outgoing.pop(self.now) {
                self.send_now(lane, frame, out);
            }
            return;
        }
        self.send_now(lane, frame, out);
    }

    /// Hands a frame to the host past the link's faults.
    pub(super) fn send_now(&mut self, lane: Lane, mut frame: Frame, out: &mut Effects) {
        if frame.has_lapsed(self.now) {
            // A fault of the link held it back, and what it imitates nobody could have thrown away.
            frame.not_after = None;
        }
        let closed = lane == Lane::Normal && !self.reacting.guard.open();
        // Who only looks may ask, and nothing else.
        if closed || (self.plan.mode == Mode::Observe && lane != Lane::Query) {
            return;
        }
        let id = self.send_id();
        if lane == Lane::Normal {
            let link = &mut self.links[usize::from(frame.link.0)];
            let bytes = u32::try_from(frame.bytes.len()).unwrap_or(u32::MAX);
            let order = frame.order.map(Ticket);
            link.leaving.push(Leaving { id, since: self.now, bytes, order, dropped: false });
            link.moved_at = link.moved_at.max(Some(self.now));
        }
        let link = &mut self.links[usize::from(frame.link.0)];
        if lane != Lane::Safe && link.codec.hears_leaving() {
            link.handed_over.push(id, lane, frame.clone());
        }
        out.list.push(Effect::Send { id, lane, frame });
    }

    /// The earliest instant at which something happens by itself.
    pub(super) fn next_deadline(&self) -> Option<Time> {
        [
            self.judging.next_deadline(),
            self.reacting.guard.next_deadline(),
            self.stops.next_deadline(),
            self.codec_deadline(),
            self.controller_deadline(),
            self.fault_deadline(),
            self.fallback_deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Applies what the run told itself since the last look. What it told twice gets an instant each time: a step or a
    /// phase that is over at once was there all the same.
    pub(super) fn own_instant(&mut self, out: &mut Effects) {
        if self.own_samples.is_empty() {
            return;
        }
        let mut told = std::mem::take(&mut self.own_samples);
        let mut rest = told.as_slice();
        while !rest.is_empty() {
            let again = (1..rest.len()).find(|i| rest[..*i].iter().any(|(signal, _)| *signal == rest[*i].0));
            let (batch, later) = rest.split_at(again.unwrap_or(rest.len()));
            self.instant(self.now.next(), batch, out);
            rest = later;
        }
        // What came of these instants waits for the next look.
        told.clear();
        told.append(&mut self.own_samples);
        self.own_samples = told;
    }

    /// Gives a command through the guard to its device's codec. `Err`: the guard or the codec said no, in words.
    pub fn give(&mut self, from: Authority, mut command: Command, out: &mut Effects) -> Result<Ticket, String> {
        if self.said_no() && !self.plan.rig.commands.def(command.id).harmless {
            return Err("the person beside the rig said no, and it may energise".to_owned());
        }
        let limits = GateConfig { max_age: None, min_interval: None };
        let bounds = self.bounds_of(command.id);
        match self.reacting.guard.gate(self.now, from, Span::ZERO, &mut command, &bounds, &limits) {
            Decision::Pass => self.order(command, true, None, out),
            Decision::Clamp { arg, from, to, rule } => {
                self.say_held(command.id, arg, from, to, rule, out);
                self.order(command, true, None, out)
            }
            Decision::Reject(refusal) => Err(format!("the guard rejected it ({refusal})")),
        }
    }

    /// Says that a command of our own was held to a rule.
    pub(super) fn say_held(&self, id: CommandId, arg: u8, from: f64, to: f64, rule: Option<RuleId>, out: &mut Effects) {
        let def = self.plan.rig.commands.def(id);
        let by = rule.map_or("its range", |rule| self.plan.rules[rule.0 as usize].name.as_str());
        let arg = def.args.get(arg as usize).map_or("?", |arg| arg.name.as_str());
        self.remark(format!("the guard held {} of {} to {by}: {to} instead of {from}", arg, def.name), out);
    }

    /// Hands a command that passed the gate to the codec. `watched`: a step will ask for the ticket. `not_after`: what of it
    /// has not begun to leave by then is thrown away.
    pub(super) fn order(
        &mut self,
        command: Command,
        watched: bool,
        not_after: Option<Time>,
        out: &mut Effects,
    ) -> Result<Ticket, String> {
        let def = self.plan.rig.commands.def(command.id);
        let (device, acked) = (def.device, def.acked);
        let harmless = def.harmless;
        let link = self.plan.rig.devices[device.0 as usize].link;
        if self.links[usize::from(link.0)].leaving.len() >= LEAVING_MAX {
            return Err(format!("{LEAVING_MAX} messages wait to leave before it"));
        }
        if !harmless {
            self.commanded(device);
        }
        self.next_ticket += 1;
        let ticket = Ticket(self.next_ticket);
        if acked {
            self.tickets.insert(ticket, OpenTicket { given: self.now, state: TicketState::Open, watched });
            self.trim_tickets();
        }
        self.emit(EventKind::CommandGiven { command, ticket }, out);
        let mut turn = std::mem::take(&mut self.turn);
        turn.clear();
        let given = self.links[link.0 as usize].codec.order_until(self.now, &command, ticket, not_after, &mut turn);
        self.notes_and_sends(link, &mut turn, out);
        self.turn = turn;
        if given.is_err() {
            self.tickets.remove(&ticket);
        }
        given.map(|()| ticket).map_err(|error| error.to_string())
    }

    pub fn ticket(&self, ticket: Ticket) -> TicketState {
        self.tickets.get(&ticket).map_or(TicketState::Unanswered, |open| open.state.clone())
    }

    /// Closes a ticket; the answer to an unknown one is dropped (a trip may have emptied the table).
    pub(super) fn close_ticket(&mut self, ticket: Ticket, state: TicketState, out: &mut Effects) {
        let Some(open) = self.tickets.get_mut(&ticket) else { return };
        let after = self.now.since(open.given);
        open.state = state.clone();
        if !open.watched {
            self.tickets.remove(&ticket);
        }
        match state {
            TicketState::Acked => self.emit(EventKind::CommandAcked { ticket, after }, out),
            TicketState::Refused(reason) => self.emit(EventKind::CommandRefused { ticket, reason }, out),
            TicketState::Unanswered | TicketState::Open => self.emit(EventKind::CommandUnanswered { ticket }, out),
            // How many there were is said for all of a link together.
            TicketState::Lapsed => {}
        }
    }

    /// No step asks for the ticket any more.
    pub(super) fn leave_ticket(&mut self, ticket: Ticket) {
        if let Some(open) = self.tickets.get_mut(&ticket) {
            open.watched = false;
            if open.state != TicketState::Open {
                self.tickets.remove(&ticket);
            }
            self.trim_tickets();
        }
    }

    fn trim_tickets(&mut self) {
        while self.tickets.len() > IDLE_TICKETS_MAX {
            let Some(oldest) = self.tickets.iter().find(|(_, open)| !open.watched).map(|(t, _)| *t) else { return };
            self.tickets.remove(&oldest);
        }
    }

    /// Asks the person beside the rig.
    pub fn ask(&mut self, step: StepId, text: &str, within: Span, out: &mut Effects) {
        self.prompts.push(OpenPrompt { step, answer: None });
        self.emit(EventKind::PromptAsked { step, text: text.to_owned() }, out);
        out.list.push(Effect::Prompt { text: text.to_owned(), within });
    }

    /// The answer to the step's prompt; taken once.
    pub fn answer(&mut self, step: StepId, out: &mut Effects) -> Option<bool> {
        let place = self.prompts.iter().position(|p| p.step == step && p.answer.is_some())?;
        let yes = self.prompts.remove(place).answer?;
        self.emit(EventKind::PromptAnswered { step, yes }, out);
        if !yes {
            self.refuse(out);
        }
        Some(yes)
    }

    /// A person was asked, and did not say yes.
    pub(super) fn said_no(&self) -> bool {
        self.refused
    }

    /// A person said no, or nobody answered, which is no yes: from here on nothing that may energise is begun, and controllers
    /// and their fallbacks are outranked for good.
    pub fn refuse(&mut self, out: &mut Effects) {
        self.refused = true;
        if self.reacting.guard.holder() < Authority::Script {
            self.take_from_controllers(Authority::Script, out);
        }
    }

    /// The oldest open prompt is answered; a word with no question is dropped.
    pub(super) fn answered(&mut self, yes: bool) {
        if let Some(prompt) = self.prompts.iter_mut().find(|p| p.answer.is_none()) {
            prompt.answer = Some(yes);
        }
    }

    pub fn withdraw_prompt(&mut self, step: StepId) {
        self.prompts.retain(|p| p.step != step);
    }

    pub fn step_started(&mut self, step: StepId, out: &mut Effects) {
        self.emit(super::script::started(step), out);
        // State 0 of the signal `step` is "none".
        self.tell_self(self.plan.reserved.step, Value::State((step.0 + 1).min(u16::MAX as u32) as u16));
    }

    /// A step is over. The verdict hears of it from the step that it began with, not from the groups around that.
    pub fn step_ended(&mut self, step: StepId, ended: Ended, outcome: StepOutcome, out: &mut Effects) {
        match (&outcome, ended) {
            (StepOutcome::Done, Ended::Expect) => self.expects_met += 1,
            (StepOutcome::Done | StepOutcome::Skipped(_), _) | (_, Ended::Around) => {}
            (_, Ended::Itself | Ended::Expect) => self.step_troubles.push((step, outcome.clone())),
        }
        self.emit(EventKind::StepEnded { step, outcome }, out);
    }

    /// Enters the phase of a step.
    pub fn enter_phase(&mut self, step: StepId, phase: u16, out: &mut Effects) {
        self.phases.push((step, phase));
        self.tell_phase(out);
    }

    /// Leaves the phase of a step: what was entered last and is still open is the phase again.
    pub fn leave_phase(&mut self, step: StepId, out: &mut Effects) {
        let before = self.phases.last().copied();
        self.phases.retain(|(open, _)| *open != step);
        if self.phases.last().copied() != before {
            self.tell_phase(out);
        }
    }

    fn tell_phase(&mut self, out: &mut Effects) {
        let phase = self.phases.last().map(|(_, phase)| *phase);
        self.emit(EventKind::Phase { phase }, out);
        // State 0 of the signal `phase` is "none", and so is place 0 of the plan's phases.
        self.tell_self(self.plan.reserved.phase, Value::State(phase.unwrap_or(0)));
    }

    /// No step is under way.
    pub fn no_step(&mut self) {
        self.tell_self(self.plan.reserved.step, Value::State(0));
    }
}
