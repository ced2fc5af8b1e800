//! The reaction: trips, rungs, and the proof that a device is safe.

use super::core::Core;
use super::event::{EventKind, TripId};
use super::evidence::{Hearing, Trip};
use super::judging::{ProbeId, ProbeTable};
use super::{Effect, Effects, SendId};
use crate::command::{Bound, CommandId, RuleId};
use crate::guard::{Cause, Guard, LadderId, LadderSet, Order, RungId, Rungs, Stage};
use crate::rig::{LinkKind, LookAhead, look_ahead};
use crate::scenario::plan::{Mode, Plan};
use crate::signal::{SignalId, Value};
use crate::stl::Truth;
use crate::time::{Span, Time};
use crate::wire::{DeviceId, Lane, LinkId};

/// Bits on the wire per byte of a UART: start, eight data, stop.
const UART_BITS_PER_BYTE: i64 = 10;

/// The guard and what surrounds it.
pub(super) struct Reacting {
    pub guard: Guard,
    pub ladders: Vec<LadderRun>,
    /// Trips in order of their latching.
    pub trips: Vec<Trip>,
    bounds: Vec<Vec<LookAhead>>,
    rungs: Rungs,
    /// The queues were emptied: a trip does it once.
    abandoned: bool,
    pub pending: Vec<PendingRung>,
    /// A rung that is tried by itself, in a rehearsal.
    pub trial: Option<Trial>,
}

/// A rung on trial: the guard has not tripped, and nothing waits for it but its step.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Trial {
    pub device: DeviceId,
    /// Writes of its first and its last frame.
    pub first: SendId,
    pub last: SendId,
    /// Its first byte left.
    pub begun: Option<Time>,
    /// Its last byte left: later samples are proof.
    pub left_at: Option<Time>,
}

/// A rung handed to the host, whose bytes are not known to have left.
#[derive(Copy, Clone, Debug)]
pub(super) struct PendingRung {
    id: SendId,
    pub ladder: LadderId,
    rung: RungId,
    /// The trip that it answers; `None`: it climbs on, or a run ends.
    pub answers: Option<TripId>,
}

/// Rungs under way at once, for which room is kept so that a trip allocates nothing for them. Beyond, the oldest is
/// forgotten: its link never said that it left.
const PENDING_MAX: usize = 64;

/// A ladder as the run sees it.
pub(super) struct LadderRun {
    pub device: DeviceId,
    pub safe: ProbeId,
    safe_signals: Vec<SignalId>,
    whens: Vec<(RungId, ProbeId)>,
    /// A rung was issued, or the guard watches the device's safety.
    started: bool,
    /// A person was called to it at some time.
    pub alarmed: bool,
    /// The last rung's write.
    last: Option<SendId>,
    /// The last rung's bytes left then; `safe` counts on later samples alone. `None`: not yet.
    pub left_at: Option<Time>,
    pub standing: LadderStanding,
    /// What will show that the device heard the last rung.
    pub hearing: Hearing,
    /// When a command that may energise was given to the device.
    pub commanded_at: Option<Time>,
}

/// Where a ladder stands.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum LadderStanding {
    Unused,
    Climbing,
    Safe(Time),
    Alarm,
}

impl Reacting {
    pub fn new(plan: &Plan) -> Reacting {
        Reacting {
            guard: Guard::new(&plan.guard),
            ladders: Vec::new(),
            trips: Vec::new(),
            bounds: plan.rig.commands.iter().map(|(_, def)| look_ahead(def, plan.rules.iter())).collect(),
            rungs: Rungs::new(),
            abandoned: false,
            pending: Vec::with_capacity(PENDING_MAX),
            trial: None,
        }
    }

    /// Gives every ladder its probes; called once, before the probe engine is built.
    pub fn prepare(plan: &Plan, probes: &mut ProbeTable) -> Vec<LadderRun> {
        plan.ladders
            .iter()
            .map(|ladder| LadderRun {
                device: ladder.device,
                safe: probes.place(&ladder.safe),
                safe_signals: ladder.safe_signals.clone(),
                whens: ladder
                    .rungs
                    .iter()
                    .filter_map(|rung| rung.when.as_ref().map(|when| (rung.id, probes.place(when))))
                    .collect(),
                started: false,
                alarmed: false,
                last: None,
                left_at: None,
                standing: LadderStanding::Unused,
                hearing: Hearing::new(plan, ladder),
                commanded_at: None,
            })
            .collect()
    }

    /// The ladders of these devices.
    pub fn ladders_of(&self, devices: &[DeviceId]) -> LadderSet {
        self.set(|ladder| devices.contains(&ladder.device))
    }

    /// The condition of a rung, where it has one.
    pub fn when_of(&self, ladder: LadderId, rung: RungId) -> Option<ProbeId> {
        self.ladders[ladder.0 as usize].whens.iter().find(|(of, _)| *of == rung).map(|(_, probe)| *probe)
    }

    /// All ladders.
    pub fn every_ladder(&self) -> LadderSet {
        self.set(|_| true)
    }

    /// Ladders that were asked for, whether they began or wait.
    fn asked_for(&self) -> LadderSet {
        self.in_stage(|stage| stage != Stage::Idle)
    }

    /// Ladders that stand so.
    pub fn in_stage(&self, wanted: impl Fn(Stage) -> bool) -> LadderSet {
        let of = |set: LadderSet, id| if wanted(self.guard.stage(id)) { set.with(id) } else { set };
        (0..self.ladders.len()).map(|place| LadderId(place as u8)).fold(LadderSet::NONE, of)
    }

    fn set(&self, wanted: impl Fn(&LadderRun) -> bool) -> LadderSet {
        let bits = self.ladders.iter().enumerate().filter(|(_, l)| wanted(l)).fold(0, |bits, (i, _)| bits | 1 << i);
        LadderSet(bits)
    }
}

impl Core {
    /// Limits of a command's arguments, by the state at this instant.
    pub(super) fn bounds_of(&self, command: CommandId) -> Vec<Bound> {
        let mut state = |signal| self.number(signal);
        self.reacting.bounds[command.0 as usize].iter().map(|ahead| ahead.bound(&mut state)).collect()
    }

    /// What a signal holds now, SI; `None` when it is unknown or no number.
    pub(super) fn number(&self, signal: SignalId) -> Option<f64> {
        match self.judging.value(signal, self.now) {
            Value::Number(si) if si.is_finite() => Some(si),
            _ => None,
        }
    }

    /// A cause for action. `known_at`: when it could first be known; now, if not told.
    pub(super) fn trip(&mut self, cause: Cause, stop: LadderSet, known_at: Option<Time>, out: &mut Effects) {
        // Recorded devices belong to the old world: the guard says what it would do, and does nothing.
        let stop = if self.plan.mode == Mode::Observe { LadderSet::NONE } else { stop };
        self.tell_conditions();
        let mut rungs = std::mem::take(&mut self.reacting.rungs);
        rungs.clear();
        let before = self.reacting.asked_for();
        self.reacting.guard.observe(self.now, cause, stop, &mut rungs);
        let acts = rungs.as_slice().iter().any(|o| matches!(o, Order::Tripped { .. } | Order::Issue { .. }));
        let new = || self.reacting.trips.iter().all(|trip| trip.cause != cause);
        let trip = (cause.is_trip() && (acts || new())).then(|| self.latch(cause, known_at, acts, stop, before));
        self.carry_out(&rungs, trip, out);
        self.tell_trip(trip, out);
        self.reacting.rungs = rungs;
        self.note_safety();
    }

    /// Lets the guard do what is due.
    pub(super) fn tick_guard(&mut self, out: &mut Effects) {
        self.tell_conditions();
        let mut rungs = std::mem::take(&mut self.reacting.rungs);
        rungs.clear();
        let before = self.reacting.asked_for();
        self.reacting.guard.tick(self.now, &mut rungs);
        // Silence is what the guard finds by itself.
        let found = rungs.as_slice().iter().find_map(|order| match order {
            Order::Tripped { cause } => Some(*cause),
            _ => None,
        });
        let every = self.reacting.every_ladder();
        let trip = found.map(|cause| self.latch(cause, None, true, every, before));
        self.carry_out(&rungs, trip, out);
        self.tell_trip(trip, out);
        self.reacting.rungs = rungs;
    }

    /// Does what the guard ordered. Rungs go to the host before anything else is said.
    fn carry_out(&mut self, rungs: &Rungs, answers: Option<TripId>, out: &mut Effects) {
        let tripped = self.reacting.guard.tripped().is_some();
        for order in rungs.as_slice() {
            if let Order::Issue { ladder, rung } = *order {
                let id = self.send_id();
                if self.reacting.pending.len() == PENDING_MAX {
                    self.reacting.pending.remove(0);
                }
                self.reacting.pending.push(PendingRung { id, ladder, rung, answers });
                let run = &mut self.reacting.ladders[ladder.0 as usize];
                run.started = true;
                run.left_at = None;
                run.last = Some(id);
                self.listen(ladder, rung);
                let run = &mut self.reacting.ladders[ladder.0 as usize];
                // An alarm stays one until the device is shown safe: the last rung is only tried again.
                if run.standing != LadderStanding::Alarm {
                    run.standing = LadderStanding::Climbing;
                }
                let effect = Effect::Rung { id, ladder, rung };
                if tripped {
                    // Ahead of all that this call said so far; what was to move something is not even begun.
                    out.list.retain(|e| !matches!(e, Effect::Send { lane: Lane::Normal, .. }));
                    let first = out.list.iter().position(|e| !matches!(e, Effect::Rung { .. }));
                    out.list.insert(first.unwrap_or(out.list.len()), effect);
                } else {
                    out.list.push(effect);
                }
            }
        }
        for order in rungs.as_slice() {
            match *order {
                Order::Tripped { cause } => self.tripped_now(cause, out),
                Order::Issue { ladder, rung } => self.emit(EventKind::RungIssued { ladder, rung }, out),
                Order::Skipped { ladder, rung } => self.emit(EventKind::RungSkipped { ladder, rung }, out),
                Order::Safe { ladder } => {
                    self.reacting.ladders[ladder.0 as usize].standing = LadderStanding::Safe(self.now);
                    self.emit(EventKind::DeviceSafe { ladder }, out);
                    self.note_safety();
                }
                Order::Alarm { ladder } => {
                    let run = &mut self.reacting.ladders[ladder.0 as usize];
                    run.standing = LadderStanding::Alarm;
                    run.alarmed = true;
                    self.emit(EventKind::Alarm { ladder }, out);
                }
            }
        }
    }

    /// A link is back: what its ladders stand at goes out again, since nobody knows whether it was heard, and most likely it
    /// never left. The rung gets no more time for it.
    pub(super) fn rungs_again(&mut self, link: LinkId, out: &mut Effects) {
        for place in 0..self.reacting.ladders.len() {
            let ladder = LadderId(place as u8);
            let device = self.reacting.ladders[place].device;
            if self.plan.rig.devices[usize::from(device.0)].link != link {
                continue;
            }
            let rung = match self.reacting.guard.stage(ladder) {
                Stage::Running { rung, .. } => rung,
                Stage::Alarm { .. } => match self.plan.ladders[place].rungs.last() {
                    Some(last) => last.id,
                    None => continue,
                },
                Stage::Idle | Stage::Waiting | Stage::Safe { .. } => continue,
            };
            let mut again = Rungs::default();
            again.push(Order::Issue { ladder, rung });
            self.carry_out(&again, None, out);
        }
    }

    fn tripped_now(&mut self, cause: Cause, out: &mut Effects) {
        self.emit(EventKind::Tripped { cause }, out);
        if !std::mem::replace(&mut self.reacting.abandoned, true) {
            for link in &mut self.links {
                link.codec.abandon();
                link.outgoing.clear();
            }
            for controller in &mut self.controllers {
                controller.said.clear();
            }
            self.tell_self(self.plan.reserved.guard_tripped, Value::Flag(true));
        }
        out.list.push(Effect::Flush);
    }

    /// Tells the guard which rungs' `when` hold now; unknown does not.
    fn tell_conditions(&mut self) {
        for (place, ladder) in self.reacting.ladders.iter().enumerate() {
            for (rung, probe) in &ladder.whens {
                let holds = self.judging.truth(*probe) == Truth::True;
                self.reacting.guard.condition(LadderId(place as u8), *rung, holds);
            }
        }
    }

    /// Tells the guard of each started ladder whether `safe` is proven on samples later than the rung's bytes.
    pub(super) fn confirm_safe(&mut self, out: &mut Effects) {
        for place in 0..self.reacting.ladders.len() {
            let ladder = &self.reacting.ladders[place];
            let Some(left_at) = ladder.left_at.filter(|_| ladder.started) else { continue };
            let safe = self.shown_safe(place, left_at);
            let was_safe = matches!(ladder.standing, LadderStanding::Safe(_));
            if safe == was_safe {
                continue;
            }
            let id = LadderId(place as u8);
            if was_safe {
                self.emit(EventKind::DeviceUnsafe { ladder: id }, out);
            }
            self.tell_conditions();
            let mut rungs = std::mem::take(&mut self.reacting.rungs);
            rungs.clear();
            self.reacting.guard.confirmed(id, self.now, safe, &mut rungs);
            self.carry_out(&rungs, None, out);
            self.reacting.rungs = rungs;
        }
    }

    /// Whether the ladder's `safe` is proven on samples that all arrived after `left_at`.
    pub(super) fn shown_safe(&self, place: usize, left_at: Time) -> bool {
        let ladder = &self.reacting.ladders[place];
        let fresh = ladder.safe_signals.iter().all(|s| self.judging.arrived_at(*s) > left_at);
        fresh && self.judging.truth(ladder.safe) == Truth::True
    }

    /// A frame of a rung on trial left.
    fn trial_sent(&mut self, id: SendId, begun: Time, done: Time, queued_ahead: u32) {
        let Some(device) = self.reacting.trial.as_ref().map(|trial| trial.device) else { return };
        let drained = self.drain_time(device, queued_ahead);
        let now = self.now;
        if let Some(trial) = &mut self.reacting.trial {
            if trial.first == id {
                trial.begun = Some(begun + drained);
            }
            if trial.last == id {
                trial.left_at = Some(done.max(now) + drained);
            }
        }
    }

    /// A write was done. For a rung this is when the reaction ends and the proof of safety may begin.
    pub(super) fn sent(&mut self, id: SendId, begun: Time, done: Time, queued_ahead: u32, out: &mut Effects) {
        self.trial_sent(id, begun, done, queued_ahead);
        self.has_left(id, done, queued_ahead);
        self.tell_left(id);
        let Some(place) = self.reacting.pending.iter().position(|rung| rung.id == id) else { return };
        let PendingRung { ladder, rung, answers, .. } = self.reacting.pending.remove(place);
        let device = self.reacting.ladders[ladder.0 as usize].device;
        let drained = self.drain_time(device, queued_ahead);
        let run = &mut self.reacting.ladders[ladder.0 as usize];
        // What left late of a rung before proves nothing of the present one.
        if run.last == Some(id) {
            run.left_at = Some(done.max(self.now) + drained);
        }
        let first_byte = begun + drained;
        let reaction = answers.map(|trip| {
            let trip = &mut self.reacting.trips[usize::from(trip.0)];
            let span = first_byte.since(trip.known_at);
            trip.reaction = Some(trip.reaction.map_or(span, |slowest| slowest.max(span)));
            span
        });
        self.reacting.ladders[ladder.0 as usize].hearing.written(rung, first_byte);
        if let Some(span) = reaction {
            self.tell_self(self.plan.reserved.guard_reaction, Value::Number(span.seconds()));
        }
        self.emit(EventKind::RungSent { ladder, rung, reaction }, out);
        self.emit(EventKind::RungWritten { ladder, rung, trip: answers, begun: first_byte, done }, out);
    }

    /// How long the bytes that waited ahead take on a real UART; a pseudo-terminal has no baud rate.
    fn drain_time(&self, device: DeviceId, queued_ahead: u32) -> Span {
        self.drain_of(self.plan.rig.devices[device.0 as usize].link, queued_ahead)
    }

    /// The same for a link.
    pub(super) fn drain_of(&self, link: LinkId, queued_ahead: u32) -> Span {
        match &self.plan.rig.links[link.0 as usize].kind {
            LinkKind::Serial(serial) if self.plan.mode == Mode::Rig => Span::from_nanos(
                i64::from(queued_ahead) * UART_BITS_PER_BYTE * 1_000_000_000 / i64::from(serial.baud.max(1)),
            ),
            _ => Span::ZERO,
        }
    }

    /// The ladders of these that nothing started.
    pub(super) fn not_started(&self, of: LadderSet) -> LadderSet {
        let guard = &self.reacting.guard;
        let idle = |place: &usize| of.0 & (1 << place) != 0 && guard.stage(LadderId(*place as u8)) == Stage::Idle;
        LadderSet((0..self.reacting.ladders.len()).filter(idle).fold(0, |bits, place| bits | 1 << place))
    }

    /// The ladders whose device is not proven safe now.
    pub(super) fn not_safe(&self) -> LadderSet {
        let unsafe_now = |ladder: &LadderRun| self.judging.truth(ladder.safe) != Truth::True;
        self.reacting.set(unsafe_now)
    }
}

/// The rule behind a cause.
pub(super) fn rule_of(cause: Cause) -> Option<RuleId> {
    match cause {
        Cause::Rule(rule) | Cause::Unknown(rule) => Some(rule),
        _ => None,
    }
}
