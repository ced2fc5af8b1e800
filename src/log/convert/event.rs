//! Events of a run.

use super::input::{wire_from, wire_to};
use super::{Misread, NOTHING, need, small, span, time};
use crate::command::{Authority, Command, CommandId, RuleId, Ticket};
use crate::guard::{Cause, Decision, LadderId, LadderSet, Refusal, RungId};
use crate::log::proto;
use crate::log::proto::event::Kind;
use crate::run::event::{AckedBy, Event, EventKind, FallbackWhy, Motion, Outcome, RunVerdict, StepOutcome, TripId};
use crate::scenario::plan::StepId;
use crate::signal::SignalId;
use crate::stl::{Judgement, Margin, RuleVerdict};
use crate::time::Span;
use crate::wire::{DeviceId, LinkId};

/// An event as the recording keeps it.
pub fn event_to(event: &Event) -> proto::Event {
    use proto::event as to;
    let kind = match &event.kind {
        EventKind::LinkUp { link } => Kind::LinkUp(to::LinkUp { link: link.0.into() }),
        EventKind::LinkLost { link, why } => Kind::LinkLost(to::LinkLost { link: link.0.into(), why: why.clone() }),
        EventKind::WireTrouble { link, noise_bytes, corrupt_frames, foreign_frames, lost_messages } => {
            Kind::WireTrouble(to::WireTrouble {
                link: link.0.into(),
                noise_bytes: *noise_bytes,
                corrupt_frames: *corrupt_frames,
                foreign_frames: *foreign_frames,
                lost_messages: *lost_messages,
            })
        }
        EventKind::Identified { device } => Kind::Identified(to::Identified { device: device.0.into() }),
        EventKind::WrongIdentity { device, fact, found, wanted } => Kind::WrongIdentity(to::WrongIdentity {
            device: device.0.into(),
            fact: fact.clone(),
            found: found.clone(),
            wanted: wanted.clone(),
        }),
        EventKind::Restarted { device } => Kind::Restarted(to::Restarted { device: device.0.into() }),
        EventKind::DeviceText { device, severity, text } => Kind::DeviceText(to::DeviceText {
            device: device.0.into(),
            severity: (*severity).into(),
            text: text.clone(),
        }),
        EventKind::Firmware { device, version } => {
            Kind::Firmware(to::Firmware { device: device.0.into(), version: version.clone() })
        }
        EventKind::DeviceClock { device, told, unix } => {
            Kind::DeviceClock(to::DeviceClock { device: device.0.into(), told_nanos: told.nanos(), unix: *unix })
        }
        EventKind::RoundTrip { device, took } => {
            Kind::RoundTrip(to::RoundTrip { device: device.0.into(), took_nanos: took.nanos() })
        }
        EventKind::Armed => Kind::Armed(NOTHING),
        EventKind::Blocked { why } => Kind::Blocked(to::Blocked { why: why.clone() }),
        EventKind::StepStarted { step } => Kind::StepStarted(to::StepStarted { step: step.0 }),
        EventKind::StepEnded { step, outcome } => {
            Kind::StepEnded(to::StepEnded { step: step.0, outcome: Some(step_outcome_to(outcome)) })
        }
        EventKind::Phase { phase } => Kind::Phase(to::Phase { phase: phase.map(Into::into) }),
        EventKind::PromptAsked { step, text } => {
            Kind::PromptAsked(to::PromptAsked { step: step.0, text: text.clone() })
        }
        EventKind::PromptAnswered { step, yes } => Kind::PromptAnswered(to::PromptAnswered { step: step.0, yes: *yes }),
        EventKind::FaultStarted { fault, on } => Kind::FaultStarted(to::Fault { fault: fault.clone(), on: on.clone() }),
        EventKind::FaultEnded { fault, on } => Kind::FaultEnded(to::Fault { fault: fault.clone(), on: on.clone() }),
        EventKind::FaultSeen { fault, on, items, altered, visible } => Kind::FaultSeen(to::FaultSeen {
            fault: fault.clone(),
            on: on.clone(),
            items: *items,
            altered: *altered,
            visible: *visible,
        }),
        EventKind::CommandAsked { device, command, stale } => Kind::CommandAsked(to::CommandAsked {
            device: device.0.into(),
            command: Some(command_to(command)),
            stale: *stale,
        }),
        EventKind::CommandGiven { command, ticket } => {
            Kind::CommandGiven(to::CommandGiven { command: Some(command_to(command)), ticket: ticket.0 })
        }
        EventKind::CommandAcked { ticket, after } => {
            Kind::CommandAcked(to::CommandAcked { ticket: ticket.0, after_nanos: after.nanos() })
        }
        EventKind::CommandRefused { ticket, reason } => {
            Kind::CommandRefused(to::CommandRefused { ticket: ticket.0, reason: reason.clone() })
        }
        EventKind::CommandUnanswered { ticket } => Kind::CommandUnanswered(to::CommandUnanswered { ticket: ticket.0 }),
        EventKind::CommandGated { device, command, decision, age, state, enforced } => {
            Kind::CommandGated(to::CommandGated {
                device: device.0.into(),
                command: Some(command_to(command)),
                decision: Some(decision_to(decision)),
                age_nanos: age.nanos(),
                state: *state,
                observed_only: !enforced,
            })
        }
        EventKind::AuthorityChanged { holder } => {
            Kind::AuthorityChanged(to::AuthorityChanged { holder: authority_to(*holder).into() })
        }
        EventKind::FallbackEngaged { controller, why } => Kind::FallbackEngaged(to::FallbackEngaged {
            controller: controller.0.into(),
            why: match why {
                FallbackWhy::Condition => proto::FallbackWhy::Condition,
                FallbackWhy::Limit => proto::FallbackWhy::Limit,
                FallbackWhy::Silence => proto::FallbackWhy::Silence,
            }
            .into(),
        }),
        EventKind::FallbackOver { controller, handed_back } => {
            Kind::FallbackOver(to::FallbackOver { controller: controller.0.into(), handed_back: *handed_back })
        }
        EventKind::CommandMalformed { device, why } => {
            Kind::CommandMalformed(to::CommandMalformed { device: device.0.into(), why: why.clone() })
        }
        EventKind::RuleTested { rule } => Kind::RuleTested(to::RuleTested { rule: rule.0.into() }),
        EventKind::RuleViolated { rule, instant } => {
            Kind::RuleViolated(to::RuleViolated { rule: rule.0.into(), instant_nanos: instant.nanos() })
        }
        EventKind::RuleEpisode { rule, broken, instant } => {
            Kind::RuleEpisode(to::RuleEpisode { rule: rule.0.into(), broken: *broken, instant_nanos: instant.nanos() })
        }
        EventKind::RuleBlind { rule, signal, unknown } => {
            Kind::RuleBlind(to::RuleBlind { rule: rule.0.into(), signal: signal.0, unknown: *unknown })
        }
        EventKind::RuleLate { rule, signal, count, behind } => Kind::RuleLate(to::RuleLate {
            rule: rule.0.into(),
            signal: signal.0,
            count: *count,
            behind_nanos: behind.nanos(),
        }),
        EventKind::RuleMerged { rule } => Kind::RuleMerged(to::RuleMerged { rule: rule.0.into() }),
        EventKind::RuleMargin { rule, instant, margin } => Kind::RuleMargin(to::RuleMargin {
            rule: rule.0.into(),
            instant_nanos: instant.nanos(),
            margin: Some(margin_to(margin)),
        }),
        EventKind::Tripped { cause } => Kind::Tripped(to::Tripped { cause: Some(cause_to(cause)) }),
        EventKind::RungIssued { ladder, rung } => Kind::RungIssued(rung_to(*ladder, *rung)),
        EventKind::RungSkipped { ladder, rung } => Kind::RungSkipped(rung_to(*ladder, *rung)),
        EventKind::RungSent { ladder, rung, reaction } => Kind::RungSent(to::RungSent {
            ladder: ladder.0.into(),
            rung: rung.0.into(),
            reaction_nanos: reaction.map(|r| r.nanos()),
        }),
        EventKind::TripOpened { trip, cause, violated_at, known_at, taken_at, begins, waits, under_way } => {
            Kind::TripOpened(to::TripOpened {
                trip: trip.0.into(),
                cause: Some(cause_to(cause)),
                violated_at_nanos: violated_at.map(|at| at.nanos()),
                known_at_nanos: known_at.nanos(),
                taken_at_nanos: taken_at.nanos(),
                begins: begins.0.into(),
                waits: waits.0.into(),
                under_way: under_way.0.into(),
            })
        }
        EventKind::RungWritten { ladder, rung, trip, begun, done } => Kind::RungWritten(to::RungWritten {
            ladder: ladder.0.into(),
            rung: rung.0.into(),
            trip: trip.map(|trip| trip.0.into()),
            begun_nanos: begun.nanos(),
            done_nanos: done.nanos(),
        }),
        EventKind::RungAcked { ladder, rung, by, after } => Kind::RungAcked(to::RungAcked {
            ladder: ladder.0.into(),
            rung: rung.0.into(),
            after_nanos: after.nanos(),
            by: Some(match by {
                AckedBy::Protocol { refused: None } => to::rung_acked::By::Protocol(NOTHING),
                AckedBy::Protocol { refused: Some(why) } => to::rung_acked::By::Refused(why.clone()),
                AckedBy::Sample(signal) => to::rung_acked::By::Sample(signal.0),
            }),
        }),
        EventKind::TripJudged { trip, reaction, react_within, safe_after, safe_within, late } => {
            Kind::TripJudged(to::TripJudged {
                trip: trip.0.into(),
                reaction_nanos: reaction.map(|span| span.nanos()),
                react_within_nanos: react_within.map(|span| span.nanos()),
                safe_after_nanos: safe_after.map(|span| span.nanos()),
                safe_within_nanos: safe_within.map(|span| span.nanos()),
                late: *late,
            })
        }
        EventKind::SelfTested { wire, samples, p50, p99, max, allowed, enough } => Kind::SelfTested(to::SelfTested {
            broker_link: wire_to(*wire),
            samples: *samples,
            p50_nanos: p50.nanos(),
            p99_nanos: p99.nanos(),
            max_nanos: max.nanos(),
            allowed_nanos: allowed.map(|span| span.nanos()),
            enough: *enough,
        }),
        EventKind::DeviceSafe { ladder } => Kind::DeviceSafe(ladder_to(*ladder)),
        EventKind::DeviceUnsafe { ladder } => Kind::DeviceUnsafe(ladder_to(*ladder)),
        EventKind::Alarm { ladder } => Kind::Alarm(ladder_to(*ladder)),
        EventKind::Operator { again } => Kind::Operator(to::Operator { again: *again }),
        EventKind::RecorderTrouble { why } => Kind::RecorderTrouble(to::RecorderTrouble { why: why.clone() }),
        EventKind::EmergencyStop { unknown } => Kind::EmergencyStop(to::EmergencyStop { unknown: *unknown }),
        EventKind::Motion { what } => Kind::Motion(to::Motion {
            what: Some(match what {
                Motion::Ended { after } => to::motion::What::EndedAfterNanos(after.nanos()),
                Motion::NotEnded { within, unknown } => {
                    to::motion::What::NotEnded(to::motion::NotEnded { within_nanos: within.nanos(), unknown: *unknown })
                }
                Motion::BeganAgain => to::motion::What::BeganAgain(NOTHING),
            }),
        }),
        EventKind::Released { unknown } => Kind::Released(to::Released { unknown: *unknown }),
        EventKind::Reset { by, after } => Kind::Reset(proto::Reset { by: by.clone(), after: after.clone() }),
        EventKind::Settling { at_most } => Kind::Settling(to::Settling { at_most_nanos: at_most.nanos() }),
        EventKind::Remark { text } => Kind::Remark(to::Remark { text: text.clone() }),
        EventKind::RungRehearsed { ladder, rung, first_byte, safe } => Kind::RungRehearsed(to::RungRehearsed {
            ladder: ladder.0.into(),
            rung: rung.0.into(),
            first_byte_nanos: first_byte.map(Span::nanos),
            safe_nanos: safe.map(Span::nanos),
        }),
        EventKind::DeadManRehearsed { device, safe } => {
            Kind::DeadManRehearsed(to::DeadManRehearsed { device: device.0.into(), safe_nanos: safe.map(Span::nanos) })
        }
        EventKind::Leased { by, lasts } => Kind::Leased(to::Leased { by: by.clone(), lasts_nanos: lasts.nanos() }),
        EventKind::RuleJudged { judgement } => Kind::RuleJudged(judgement_to(judgement)),
        EventKind::Finished { outcome } => Kind::Finished(outcome_to(outcome)),
    };
    proto::Event { at_nanos: event.at.nanos(), kind: Some(kind) }
}

/// An event as the program knows it.
pub fn event_from(event: proto::Event) -> Result<Event, Misread> {
    let kind = match need(event.kind, "kind of event")? {
        Kind::LinkUp(e) => EventKind::LinkUp { link: link(e.link)? },
        Kind::LinkLost(e) => EventKind::LinkLost { link: link(e.link)?, why: e.why },
        Kind::WireTrouble(e) => EventKind::WireTrouble {
            link: link(e.link)?,
            noise_bytes: e.noise_bytes,
            corrupt_frames: e.corrupt_frames,
            foreign_frames: e.foreign_frames,
            lost_messages: e.lost_messages,
        },
        Kind::Identified(e) => EventKind::Identified { device: device(e.device)? },
        Kind::WrongIdentity(e) => {
            EventKind::WrongIdentity { device: device(e.device)?, fact: e.fact, found: e.found, wanted: e.wanted }
        }
        Kind::Restarted(e) => EventKind::Restarted { device: device(e.device)? },
        Kind::Firmware(e) => EventKind::Firmware { device: device(e.device)?, version: e.version },
        Kind::DeviceClock(e) => {
            EventKind::DeviceClock { device: device(e.device)?, told: span(e.told_nanos), unix: e.unix }
        }
        Kind::RoundTrip(e) => EventKind::RoundTrip { device: device(e.device)?, took: span(e.took_nanos) },
        Kind::DeviceText(e) => {
            EventKind::DeviceText { device: device(e.device)?, severity: small(e.severity, "severity")?, text: e.text }
        }
        Kind::Armed(_) => EventKind::Armed,
        Kind::Blocked(e) => EventKind::Blocked { why: e.why },
        Kind::StepStarted(e) => EventKind::StepStarted { step: StepId(e.step) },
        Kind::StepEnded(e) => EventKind::StepEnded {
            step: StepId(e.step),
            outcome: step_outcome_from(need(e.outcome, "outcome of a step")?)?,
        },
        Kind::Phase(e) => EventKind::Phase { phase: e.phase.map(|p| small(p, "phase")).transpose()? },
        Kind::PromptAsked(e) => EventKind::PromptAsked { step: StepId(e.step), text: e.text },
        Kind::PromptAnswered(e) => EventKind::PromptAnswered { step: StepId(e.step), yes: e.yes },
        Kind::FaultStarted(e) => EventKind::FaultStarted { fault: e.fault, on: e.on },
        Kind::FaultEnded(e) => EventKind::FaultEnded { fault: e.fault, on: e.on },
        Kind::FaultSeen(e) => {
            EventKind::FaultSeen { fault: e.fault, on: e.on, items: e.items, altered: e.altered, visible: e.visible }
        }
        Kind::CommandAsked(e) => EventKind::CommandAsked {
            device: device(e.device)?,
            command: command_from(&need(e.command, "command")?)?,
            stale: e.stale,
        },
        Kind::CommandGiven(e) => {
            EventKind::CommandGiven { command: command_from(&need(e.command, "command")?)?, ticket: Ticket(e.ticket) }
        }
        Kind::CommandAcked(e) => EventKind::CommandAcked { ticket: Ticket(e.ticket), after: span(e.after_nanos) },
        Kind::CommandRefused(e) => EventKind::CommandRefused { ticket: Ticket(e.ticket), reason: e.reason },
        Kind::CommandUnanswered(e) => EventKind::CommandUnanswered { ticket: Ticket(e.ticket) },
        Kind::CommandGated(e) => EventKind::CommandGated {
            device: device(e.device)?,
            command: command_from(&need(e.command, "command")?)?,
            decision: decision_from(&need(e.decision, "decision")?)?,
            age: span(e.age_nanos),
            state: e.state,
            enforced: !e.observed_only,
        },
        Kind::FallbackEngaged(e) => EventKind::FallbackEngaged {
            controller: device(e.controller)?,
            why: match e.why() {
                proto::FallbackWhy::Condition => FallbackWhy::Condition,
                proto::FallbackWhy::Limit => FallbackWhy::Limit,
                proto::FallbackWhy::Silence => FallbackWhy::Silence,
                proto::FallbackWhy::Unspecified => return Err("a fallback took over for no reason".to_owned()),
            },
        },
        Kind::FallbackOver(e) => {
            EventKind::FallbackOver { controller: device(e.controller)?, handed_back: e.handed_back }
        }
        Kind::AuthorityChanged(e) => EventKind::AuthorityChanged { holder: authority_from(e.holder())? },
        Kind::CommandMalformed(e) => EventKind::CommandMalformed { device: device(e.device)?, why: e.why },
        Kind::RuleTested(e) => EventKind::RuleTested { rule: rule(e.rule)? },
        Kind::RuleViolated(e) => EventKind::RuleViolated { rule: rule(e.rule)?, instant: time(e.instant_nanos) },
        Kind::RuleEpisode(e) => {
            EventKind::RuleEpisode { rule: rule(e.rule)?, broken: e.broken, instant: time(e.instant_nanos) }
        }
        Kind::RuleBlind(e) => {
            EventKind::RuleBlind { rule: rule(e.rule)?, signal: SignalId(e.signal), unknown: e.unknown }
        }
        Kind::RuleLate(e) => EventKind::RuleLate {
            rule: rule(e.rule)?,
            signal: SignalId(e.signal),
            count: e.count,
            behind: span(e.behind_nanos),
        },
        Kind::RuleMerged(e) => EventKind::RuleMerged { rule: rule(e.rule)? },
        Kind::RuleMargin(e) => EventKind::RuleMargin {
            rule: rule(e.rule)?,
            instant: time(e.instant_nanos),
            margin: margin_from(&need(e.margin, "margin")?)?,
        },
        Kind::Tripped(e) => EventKind::Tripped { cause: cause_from(&need(e.cause, "cause")?)? },
        Kind::RungIssued(e) => EventKind::RungIssued { ladder: ladder(e.ladder)?, rung: rung(e.rung)? },
        Kind::RungSkipped(e) => EventKind::RungSkipped { ladder: ladder(e.ladder)?, rung: rung(e.rung)? },
        Kind::RungSent(e) => {
            EventKind::RungSent { ladder: ladder(e.ladder)?, rung: rung(e.rung)?, reaction: e.reaction_nanos.map(span) }
        }
        Kind::TripOpened(e) => EventKind::TripOpened {
            trip: TripId(small(e.trip, "trip")?),
            cause: cause_from(&need(e.cause, "cause")?)?,
            violated_at: e.violated_at_nanos.map(time),
            known_at: time(e.known_at_nanos),
            taken_at: time(e.taken_at_nanos),
            begins: LadderSet(small(e.begins, "set of ladders")?),
            waits: LadderSet(small(e.waits, "set of ladders")?),
            under_way: LadderSet(small(e.under_way, "set of ladders")?),
        },
        Kind::RungWritten(e) => EventKind::RungWritten {
            ladder: ladder(e.ladder)?,
            rung: rung(e.rung)?,
            trip: e.trip.map(|trip| small(trip, "trip")).transpose()?.map(TripId),
            begun: time(e.begun_nanos),
            done: time(e.done_nanos),
        },
        Kind::RungAcked(e) => EventKind::RungAcked {
            ladder: ladder(e.ladder)?,
            rung: rung(e.rung)?,
            by: match need(e.by, "kind of acknowledgement")? {
                proto::event::rung_acked::By::Protocol(_) => AckedBy::Protocol { refused: None },
                proto::event::rung_acked::By::Refused(why) => AckedBy::Protocol { refused: Some(why) },
                proto::event::rung_acked::By::Sample(signal) => AckedBy::Sample(SignalId(signal)),
            },
            after: span(e.after_nanos),
        },
        Kind::TripJudged(e) => EventKind::TripJudged {
            trip: TripId(small(e.trip, "trip")?),
            reaction: e.reaction_nanos.map(span),
            react_within: e.react_within_nanos.map(span),
            safe_after: e.safe_after_nanos.map(span),
            safe_within: e.safe_within_nanos.map(span),
            late: e.late,
        },
        Kind::SelfTested(e) => EventKind::SelfTested {
            wire: wire_from(e.broker_link)?,
            samples: e.samples,
            p50: span(e.p50_nanos),
            p99: span(e.p99_nanos),
            max: span(e.max_nanos),
            allowed: e.allowed_nanos.map(span),
            enough: e.enough,
        },
        Kind::DeviceSafe(e) => EventKind::DeviceSafe { ladder: ladder(e.ladder)? },
        Kind::DeviceUnsafe(e) => EventKind::DeviceUnsafe { ladder: ladder(e.ladder)? },
        Kind::Alarm(e) => EventKind::Alarm { ladder: ladder(e.ladder)? },
        Kind::Operator(e) => EventKind::Operator { again: e.again },
        Kind::RecorderTrouble(e) => EventKind::RecorderTrouble { why: e.why },
        Kind::EmergencyStop(e) => EventKind::EmergencyStop { unknown: e.unknown },
        Kind::Motion(e) => EventKind::Motion {
            what: match need(e.what, "what became of the motion")? {
                proto::event::motion::What::EndedAfterNanos(after) => Motion::Ended { after: span(after) },
                proto::event::motion::What::NotEnded(e) => {
                    Motion::NotEnded { within: span(e.within_nanos), unknown: e.unknown }
                }
                proto::event::motion::What::BeganAgain(_) => Motion::BeganAgain,
            },
        },
        Kind::Released(e) => EventKind::Released { unknown: e.unknown },
        Kind::Reset(e) => EventKind::Reset { by: e.by, after: e.after },
        Kind::Settling(e) => EventKind::Settling { at_most: span(e.at_most_nanos) },
        Kind::Remark(e) => EventKind::Remark { text: e.text },
        Kind::RungRehearsed(e) => EventKind::RungRehearsed {
            ladder: ladder(e.ladder)?,
            rung: rung(e.rung)?,
            first_byte: e.first_byte_nanos.map(span),
            safe: e.safe_nanos.map(span),
        },
        Kind::DeadManRehearsed(e) => {
            EventKind::DeadManRehearsed { device: device(e.device)?, safe: e.safe_nanos.map(span) }
        }
        Kind::Leased(e) => EventKind::Leased { by: e.by, lasts: span(e.lasts_nanos) },
        Kind::RuleJudged(e) => EventKind::RuleJudged { judgement: judgement_from(&e)? },
        Kind::Finished(e) => EventKind::Finished { outcome: outcome_from(e)? },
    };
    Ok(Event { at: time(event.at_nanos), kind })
}

fn link(number: u32) -> Result<LinkId, Misread> {
    Ok(LinkId(small(number, "link")?))
}
fn device(number: u32) -> Result<DeviceId, Misread> {
    Ok(DeviceId(small(number, "device")?))
}
fn rule(number: u32) -> Result<RuleId, Misread> {
    Ok(RuleId(small(number, "rule")?))
}
fn ladder(number: u32) -> Result<LadderId, Misread> {
    Ok(LadderId(small(number, "ladder")?))
}
fn rung(number: u32) -> Result<RungId, Misread> {
    Ok(RungId(small(number, "rung")?))
}

fn rung_to(ladder: LadderId, rung: RungId) -> proto::event::RungRef {
    proto::event::RungRef { ladder: ladder.0.into(), rung: rung.0.into() }
}

fn ladder_to(ladder: LadderId) -> proto::event::LadderRef {
    proto::event::LadderRef { ladder: ladder.0.into() }
}

fn authority_to(authority: Authority) -> proto::Authority {
    match authority {
        Authority::Controller => proto::Authority::Controller,
        Authority::Fallback => proto::Authority::Fallback,
        Authority::Script => proto::Authority::Script,
        Authority::Person => proto::Authority::Person,
    }
}

fn authority_from(authority: proto::Authority) -> Result<Authority, Misread> {
    Ok(match authority {
        proto::Authority::Controller => Authority::Controller,
        proto::Authority::Fallback => Authority::Fallback,
        proto::Authority::Script => Authority::Script,
        proto::Authority::Person => Authority::Person,
        proto::Authority::Unspecified => return Err("an event names nobody as the holder".to_owned()),
    })
}

fn command_to(command: &Command) -> proto::Command {
    proto::Command { id: command.id.0.into(), args: command.args().to_vec() }
}

fn command_from(command: &proto::Command) -> Result<Command, Misread> {
    Command::new(CommandId(small(command.id, "command")?), &command.args)
        .ok_or_else(|| format!("a command has {} arguments, more than there can be", command.args.len()))
}

fn decision_to(decision: &Decision) -> proto::Decision {
    use proto::decision::{self as to, refusal::Why};
    let decision = match decision {
        Decision::Pass => to::Decision::Pass(NOTHING),
        Decision::Clamp { arg, from, to, rule } => to::Decision::Clamp(to::Clamp {
            arg: (*arg).into(),
            from: Some(*from),
            to: Some(*to),
            rule: rule.map(|r| r.0.into()),
        }),
        Decision::Reject(refusal) => to::Decision::Reject(to::Refusal {
            why: Some(match refusal {
                Refusal::Closed => Why::Closed(NOTHING),
                Refusal::Outranked => Why::Outranked(NOTHING),
                Refusal::Stale => Why::Stale(NOTHING),
                Refusal::TooFast => Why::TooFast(NOTHING),
                Refusal::NotANumber { arg } => Why::NotANumber((*arg).into()),
                Refusal::OutOfRange { arg } => Why::OutOfRange((*arg).into()),
                Refusal::NoRoom { arg, rule } => Why::NoRoom(to::NoRoom { arg: (*arg).into(), rule: rule.0.into() }),
            }),
        }),
    };
    proto::Decision { decision: Some(decision) }
}

fn decision_from(decision: &proto::Decision) -> Result<Decision, Misread> {
    use proto::decision::{self as from, refusal::Why};
    Ok(match need(decision.decision.as_ref(), "decision")? {
        from::Decision::Pass(_) => Decision::Pass,
        from::Decision::Clamp(c) => Decision::Clamp {
            arg: small(c.arg, "argument")?,
            from: need(c.from, "clamped argument")?,
            to: need(c.to, "clamped argument")?,
            rule: c.rule.map(rule).transpose()?,
        },
        from::Decision::Reject(refusal) => Decision::Reject(match need(refusal.why.as_ref(), "refusal")? {
            Why::Closed(_) => Refusal::Closed,
            Why::Outranked(_) => Refusal::Outranked,
            Why::Stale(_) => Refusal::Stale,
            Why::TooFast(_) => Refusal::TooFast,
            Why::NotANumber(arg) => Refusal::NotANumber { arg: small(*arg, "argument")? },
            Why::OutOfRange(arg) => Refusal::OutOfRange { arg: small(*arg, "argument")? },
            Why::NoRoom(none) => Refusal::NoRoom { arg: small(none.arg, "argument")?, rule: rule(none.rule)? },
        }),
    })
}

fn cause_to(cause: &Cause) -> proto::Cause {
    use proto::cause::Cause as To;
    proto::Cause {
        cause: Some(match cause {
            Cause::Finish => To::Finish(NOTHING),
            Cause::Unknown(rule) => To::UnknownRule(rule.0.into()),
            Cause::Silence(device) => To::SilentDevice(device.0.into()),
            Cause::Restart(device) => To::RestartedDevice(device.0.into()),
            Cause::WrongIdentity(device) => To::WrongDevice(device.0.into()),
            Cause::LinkLost(link) => To::LostLink(link.0.into()),
            Cause::Recorder => To::Recorder(NOTHING),
            Cause::Stall => To::Stall(NOTHING),
            Cause::Watchdog(link) => To::WatchdogLink(link.0.into()),
            Cause::FallbackLost(device) => To::LostFallback(device.0.into()),
            Cause::LeaseExpired => To::LeaseExpired(NOTHING),
            Cause::Rule(rule) => To::Rule(rule.0.into()),
            Cause::Operator => To::Operator(NOTHING),
            Cause::OperatorAgain => To::OperatorAgain(NOTHING),
            Cause::Released => To::Released(NOTHING),
            Cause::EmergencyStop => To::EmergencyStop(NOTHING),
        }),
    }
}

fn cause_from(cause: &proto::Cause) -> Result<Cause, Misread> {
    use proto::cause::Cause as From;
    Ok(match need(cause.cause.as_ref(), "cause")? {
        From::Finish(_) => Cause::Finish,
        From::UnknownRule(number) => Cause::Unknown(rule(*number)?),
        From::SilentDevice(number) => Cause::Silence(device(*number)?),
        From::RestartedDevice(number) => Cause::Restart(device(*number)?),
        From::WrongDevice(number) => Cause::WrongIdentity(device(*number)?),
        From::LostLink(number) => Cause::LinkLost(link(*number)?),
        From::Recorder(_) => Cause::Recorder,
        From::Stall(_) => Cause::Stall,
        From::WatchdogLink(number) => Cause::Watchdog(link(*number)?),
        From::LostFallback(number) => Cause::FallbackLost(device(*number)?),
        From::LeaseExpired(_) => Cause::LeaseExpired,
        From::Rule(number) => Cause::Rule(rule(*number)?),
        From::Operator(_) => Cause::Operator,
        From::OperatorAgain(_) => Cause::OperatorAgain,
        From::Released(_) => Cause::Released,
        From::EmergencyStop(_) => Cause::EmergencyStop,
    })
}

fn margin_to(margin: &Margin) -> proto::Margin {
    proto::Margin { lo: Some(margin.lo), hi: Some(margin.hi) }
}

fn margin_from(margin: &proto::Margin) -> Result<Margin, Misread> {
    Ok(Margin { lo: need(margin.lo, "margin")?, hi: need(margin.hi, "margin")? })
}

fn judgement_to(judgement: &Judgement) -> proto::Judgement {
    use proto::judgement::Verdict;
    let Judgement { rule, verdict, margin, worst_at, violated_at } = judgement;
    proto::Judgement {
        rule: rule.0.into(),
        verdict: match verdict {
            RuleVerdict::Pass => Verdict::Pass,
            RuleVerdict::Fail => Verdict::Fail,
            RuleVerdict::Untested => Verdict::Untested,
            RuleVerdict::Inconclusive => Verdict::Inconclusive,
        }
        .into(),
        margin: Some(margin_to(margin)),
        worst_at_nanos: worst_at.map(|t| t.nanos()),
        violated_at_nanos: violated_at.map(|t| t.nanos()),
    }
}

fn judgement_from(judgement: &proto::Judgement) -> Result<Judgement, Misread> {
    use proto::judgement::Verdict;
    Ok(Judgement {
        rule: rule(judgement.rule)?,
        verdict: match judgement.verdict() {
            Verdict::Pass => RuleVerdict::Pass,
            Verdict::Fail => RuleVerdict::Fail,
            Verdict::Untested => RuleVerdict::Untested,
            Verdict::Inconclusive => RuleVerdict::Inconclusive,
            Verdict::Unspecified => return Err(format!("unknown verdict {} on a rule", judgement.verdict)),
        },
        margin: margin_from(&need(judgement.margin, "margin")?)?,
        worst_at: judgement.worst_at_nanos.map(time),
        violated_at: judgement.violated_at_nanos.map(time),
    })
}

fn step_outcome_to(outcome: &StepOutcome) -> proto::StepOutcome {
    use proto::step_outcome::Outcome as To;
    proto::StepOutcome {
        outcome: Some(match outcome {
            StepOutcome::Done => To::Done(NOTHING),
            StepOutcome::Failed(why) => To::Failed(why.clone()),
            StepOutcome::Inconclusive(why) => To::Inconclusive(why.clone()),
            StepOutcome::Aborted(why) => To::Aborted(why.clone()),
            StepOutcome::Skipped(why) => To::Skipped(why.clone()),
        }),
    }
}

fn step_outcome_from(outcome: proto::StepOutcome) -> Result<StepOutcome, Misread> {
    use proto::step_outcome::Outcome as From;
    Ok(match need(outcome.outcome, "outcome of a step")? {
        From::Done(_) => StepOutcome::Done,
        From::Failed(why) => StepOutcome::Failed(why),
        From::Inconclusive(why) => StepOutcome::Inconclusive(why),
        From::Aborted(why) => StepOutcome::Aborted(why),
        From::Skipped(why) => StepOutcome::Skipped(why),
    })
}

fn outcome_to(outcome: &Outcome) -> proto::Outcome {
    use proto::outcome::Verdict;
    proto::Outcome {
        verdict: match outcome.verdict {
            RunVerdict::Pass => Verdict::Pass,
            RunVerdict::Fail => Verdict::Fail,
            RunVerdict::Inconclusive => Verdict::Inconclusive,
            RunVerdict::Blocked => Verdict::Blocked,
            RunVerdict::Aborted => Verdict::Aborted,
        }
        .into(),
        reasons: outcome.reasons.clone(),
    }
}

fn outcome_from(outcome: proto::Outcome) -> Result<Outcome, Misread> {
    use proto::outcome::Verdict;
    let verdict = match outcome.verdict() {
        Verdict::Pass => RunVerdict::Pass,
        Verdict::Fail => RunVerdict::Fail,
        Verdict::Inconclusive => RunVerdict::Inconclusive,
        Verdict::Blocked => RunVerdict::Blocked,
        Verdict::Aborted => RunVerdict::Aborted,
        Verdict::Unspecified => return Err(format!("unknown verdict {} on the run", outcome.verdict)),
    };
    Ok(Outcome { verdict, reasons: outcome.reasons })
}
