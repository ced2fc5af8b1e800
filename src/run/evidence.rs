//! The chain of evidence of each reaction: what was known when, when the first safe byte left, when the device showed
//! that it heard, when it was confirmed safe, and whether all of that was in time.
//!
//! Invariant: stamps are the host's and the device's; nothing here is estimated but the time that queued bytes take on a UART.

use super::Effects;
use super::core::Core;
use super::event::{AckedBy, EventKind, TripId};
use super::reacting::rule_of;
use super::wires::Standing;
use crate::command::CommandId;
use crate::guard::{Cause, LadderId, LadderSet, RungId, Stage};
use crate::rig::Reaction;
use crate::scenario::plan::{Ladder, Mode, Plan};
use crate::signal::{SignalId, SignalKind, Value};
use crate::time::{Span, Time};
use crate::wire::{DeviceId, LinkId};

/// One cause and how fast it was answered.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Trip {
    pub cause: Cause,
    /// When the cause could first be known.
    pub known_at: Time,
    /// The guard did something for its sake: it was the first, outranked the one before, or began a ladder.
    pub acted: bool,
    /// From `known_at` to the first byte of the first rung, of the slowest device that it stopped.
    pub reaction: Option<Span>,
    /// When every ladder that it asked for was confirmed.
    safe_at: Option<Time>,
    taken_at: Time,
    begins: LadderSet,
    waits: LadderSet,
    under_way: LadderSet,
    /// The link of a ladder that it began was lost before the rung left.
    unreachable: bool,
}

impl Trip {
    /// Every ladder that it asked for.
    fn stop(&self) -> LadderSet {
        LadderSet(self.begins.0 | self.waits.0 | self.under_way.0)
    }
}

/// What will show that a device heard a rung.
#[derive(Clone, Debug)]
pub(super) struct Hearing {
    /// Signals of `safe`: states and flags where there are any, since a number changes by itself.
    witnesses: Vec<SignalId>,
    /// What they were when the rung was issued.
    before: Vec<Value>,
    awaited: Option<Awaited>,
}

/// A rung whose hearing is awaited.
#[derive(Copy, Clone, Debug)]
struct Awaited {
    rung: RungId,
    /// Its first byte; `None`: it has not left.
    first_byte: Option<Time>,
    /// Its protocol acknowledges, so that no sample needs to stand for it.
    by_protocol: bool,
}

impl Hearing {
    pub fn new(plan: &Plan, ladder: &Ladder) -> Hearing {
        let steady = |signal: &SignalId| !matches!(plan.rig.signals.def(*signal).kind, SignalKind::Number { .. });
        let mut witnesses: Vec<SignalId> = ladder.safe_signals.iter().copied().filter(steady).collect();
        if witnesses.is_empty() {
            witnesses.clone_from(&ladder.safe_signals);
        }
        Hearing { before: vec![Value::Unknown; witnesses.len()], witnesses, awaited: None }
    }

    /// The rung's first byte left then.
    pub fn written(&mut self, rung: RungId, first_byte: Time) {
        if let Some(awaited) = self.awaited.as_mut().filter(|awaited| awaited.rung == rung) {
            awaited.first_byte = Some(first_byte);
        }
    }

    /// The first of the witnesses in these samples that is not what it was.
    fn changed(&self, batch: &[(SignalId, Value)]) -> Option<SignalId> {
        batch.iter().find_map(|(signal, value)| {
            let place = self.witnesses.iter().position(|witness| witness == signal)?;
            let differs = !value.is_unknown() && !self.before[place].is_unknown() && *value != self.before[place];
            differs.then_some(*signal)
        })
    }
}

/// Reactions that came too late, in words.
#[derive(Default)]
pub(super) struct LateReactions {
    /// To a rule: the run fails, whatever became of the machine.
    pub to_rules: Vec<String>,
    /// To something else, or over a link that was gone: no run passes that has one.
    pub to_others: Vec<String>,
}

impl Core {
    /// Notes a cause of which the guard was told. `before`: ladders that had been asked for until then.
    pub(super) fn latch(
        &mut self,
        cause: Cause,
        known_at: Option<Time>,
        acted: bool,
        stop: LadderSet,
        before: LadderSet,
    ) -> TripId {
        let waiting = self.reacting.in_stage(|stage| stage == Stage::Waiting);
        let new = LadderSet(stop.0 & !before.0);
        self.reacting.trips.push(Trip {
            cause,
            known_at: known_at.unwrap_or(self.now),
            acted,
            reaction: None,
            safe_at: None,
            // The second message of a read is stamped a nanosecond later than the read.
            taken_at: self.arrived.max(known_at.unwrap_or(self.now)),
            begins: LadderSet(new.0 & !waiting.0),
            waits: new.and(waiting),
            under_way: stop.and(before),
            unreachable: (0..self.reacting.ladders.len() as u8).map(LadderId).any(|ladder| {
                let device = self.reacting.ladders[usize::from(ladder.0)].device;
                let link = self.plan.rig.devices[usize::from(device.0)].link;
                new.contains(ladder) && self.links[usize::from(link.0)].state != Standing::Up
            }),
        });
        TripId((self.reacting.trips.len() - 1) as u16)
    }

    /// Says the head of the chain, once what the guard ordered has been handed on.
    pub(super) fn tell_trip(&mut self, trip: Option<TripId>, out: &mut Effects) {
        let Some(id) = trip else { return };
        let Trip { cause, known_at, taken_at, begins, waits, under_way, .. } = self.reacting.trips[usize::from(id.0)];
        let violated_at = match cause {
            // What waited here broke it when it arrived, not when it was taken.
            Cause::Rule(rule) => self.judging.violations[usize::from(rule.0)].map(|(instant, _)| instant.min(known_at)),
            _ => None,
        };
        let kind = EventKind::TripOpened { trip: id, cause, violated_at, known_at, taken_at, begins, waits, under_way };
        self.emit(kind, out);
    }

    /// A rung is issued: from here on a sign of the device is awaited.
    pub(super) fn listen(&mut self, ladder: LadderId, rung: RungId) {
        let run = &mut self.reacting.ladders[usize::from(ladder.0)];
        let device = &self.plan.rig.devices[usize::from(run.device.0)];
        let commands = device.ladder.get(usize::from(rung.0)).map_or(&[][..], |def| &def.commands);
        let by_protocol = commands.iter().any(|command| self.plan.rig.commands.def(command.id).acked);
        for (place, witness) in run.hearing.witnesses.iter().enumerate() {
            run.hearing.before[place] = self.judging.value(*witness, self.now);
        }
        run.hearing.awaited = Some(Awaited { rung, first_byte: None, by_protocol });
    }

    /// A device answered a safe frame by its protocol.
    pub(super) fn acked(
        &mut self,
        device: DeviceId,
        commands: &[CommandId],
        refused: Option<String>,
        out: &mut Effects,
    ) {
        let heard = |place: &usize| {
            let run = &self.reacting.ladders[*place];
            let Some(Awaited { rung, first_byte: Some(_), .. }) = run.hearing.awaited else { return false };
            let ladder = &self.plan.rig.devices[usize::from(run.device.0)].ladder;
            let sent = ladder.get(usize::from(rung.0)).map_or(&[][..], |def| &def.commands);
            sent.iter().any(|c| self.plan.rig.commands.def(c.id).device == device && commands.contains(&c.id))
        };
        if let Some(place) = (0..self.reacting.ladders.len()).find(heard) {
            self.heard(place, AckedBy::Protocol { refused }, self.now.max(self.arrived), out);
        }
    }

    /// Samples came: where the protocol acknowledges nothing, the first that differs shows that the device heard.
    pub(super) fn note_hearing(&mut self, batch: &[(SignalId, Value)], out: &mut Effects) {
        for place in 0..self.reacting.ladders.len() {
            let run = &self.reacting.ladders[place];
            let Some(Awaited { by_protocol: false, .. }) = run.hearing.awaited else { continue };
            if run.left_at.is_some_and(|left| self.arrived > left)
                && let Some(signal) = run.hearing.changed(batch)
            {
                self.heard(place, AckedBy::Sample(signal), self.now, out);
            }
        }
    }

    fn heard(&mut self, place: usize, by: AckedBy, at: Time, out: &mut Effects) {
        let Some(Awaited { rung, first_byte: Some(first_byte), .. }) =
            self.reacting.ladders[place].hearing.awaited.take()
        else {
            return;
        };
        let after = at.since(first_byte);
        self.emit(EventKind::RungAcked { ladder: LadderId(place as u8), rung, by, after }, out);
    }

    /// A link went: rungs that had not left by it are not late, they cannot leave.
    pub(super) fn unreachable(&mut self, link: LinkId) {
        let gone = |ladder: LadderId| {
            let device = self.reacting.ladders[usize::from(ladder.0)].device;
            self.plan.rig.devices[usize::from(device.0)].link == link
        };
        for pending in self.reacting.pending.iter().filter(|pending| gone(pending.ladder)) {
            if let Some(trip) = pending.answers {
                self.reacting.trips[usize::from(trip.0)].unreachable = true;
            }
        }
    }

    /// A trip is answered when every ladder that it asked for is confirmed.
    pub(super) fn note_safety(&mut self) {
        let safe = self.reacting.in_stage(|stage| matches!(stage, Stage::Safe { .. }));
        let now = self.now;
        for trip in self.reacting.trips.iter_mut().filter(|trip| trip.safe_at.is_none()) {
            if trip.stop().and(safe) == trip.stop() {
                trip.safe_at = Some(now);
            }
        }
    }

    /// Holds every reaction against what it was allowed; told as events, and what came late in words.
    pub(super) fn judge_trips(&mut self, out: &mut Effects) -> LateReactions {
        let mut late = LateReactions::default();
        // Recorded devices cannot be stopped: there is no reaction to judge.
        if self.plan.mode == Mode::Observe {
            return late;
        }
        for place in 0..self.reacting.trips.len() {
            let trip = self.reacting.trips[place].clone();
            let rule = rule_of(trip.cause).map(|rule| &self.plan.rules[usize::from(rule.0)]);
            let react_within = match rule {
                Some(rule) => rule.react_within,
                None => self.tightest_reaction(trip.stop()),
            };
            let safe_within = rule.and_then(|rule| rule.safe_within);
            let id = TripId(place as u16);
            let never_left = self.reacting.pending.iter().any(|pending| pending.answers == Some(id));
            let to = match rule {
                Some(rule) => format!("rule {}", rule.name),
                None => format!("the trip ({})", self.plan.cause_in_words(trip.cause)),
            };
            let mut words = Vec::new();
            let mut gone = Vec::new();
            // A cause on which the guard did nothing more has its chain, but no reaction of its own to be late.
            let react_within = react_within.filter(|_| trip.acted);
            let safe_within = safe_within.filter(|_| trip.acted);
            if let (Some(budget), Some(reaction)) = (react_within, trip.reaction)
                && reaction > budget
            {
                words.push(format!("the reaction to {to} took {reaction}, the budget is {budget}"));
            }
            if let Some(budget) = react_within
                && never_left
                && self.now.since(trip.known_at) > budget
            {
                if trip.unreachable {
                    gone.push(format!("no safe byte could leave for {to}: the link was gone"));
                } else {
                    words.push(format!("a safe byte that was to leave for {to} never left, the budget is {budget}"));
                }
            }
            let stopped = trip.stop() != LadderSet::NONE;
            let safe_after = trip.safe_at.filter(|_| stopped).map(|at| at.since(trip.known_at));
            if let Some(budget) = safe_within.filter(|_| stopped) {
                let took = safe_after.unwrap_or(self.now.since(trip.known_at));
                if took > budget {
                    let what = if safe_after.is_some() { "to be safe" } else { "and it was not safe" };
                    words.push(format!("after {to} it took {took} {what}, the budget is {budget}"));
                }
            }
            let kind = EventKind::TripJudged {
                trip: id,
                reaction: trip.reaction,
                react_within,
                safe_after,
                safe_within,
                late: !words.is_empty(),
            };
            self.emit(kind, out);
            if rule.is_some() {
                late.to_rules.append(&mut words)
            } else {
                late.to_others.append(&mut words)
            }
            late.to_others.append(&mut gone);
        }
        late
    }

    /// What the rules that stop one of these ladders' devices allow, the tightest of them.
    fn tightest_reaction(&self, ladders: LadderSet) -> Option<Span> {
        let stops = |reaction: &Reaction| match reaction {
            Reaction::Stop(devices) => !self.reacting.ladders_of(devices).and(ladders).is_empty(),
            Reaction::Fail => false,
        };
        self.plan.rules.iter().filter(|rule| stops(&rule.reaction)).filter_map(|rule| rule.react_within).min()
    }
}
