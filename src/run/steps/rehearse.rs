//! `rung` and `mute` of a rehearsal: one rung alone, or the device's own dead-man, and how soon it makes the device safe.
//!
//! The guard has not tripped, so its lane for safe frames is used without closing the one for ordinary commands: a rung is
//! made of harmless commands alone. The script gives nothing else meanwhile, and controllers are outranked until it is over,
//! as after a trip; else a pilot would fly on against the rung.

use super::Leaf;
use crate::command::Authority;
use crate::guard::{LadderId, RungId};
use crate::run::core::Core;
use crate::run::event::{EventKind, StepOutcome};
use crate::run::reacting::Trial;
use crate::run::script::Progress;
use crate::run::{Effect, Effects};
use crate::stl::Truth;
use crate::time::{Span, Time};
use crate::wire::{DeviceId, Lane};

/// Sends one rung by itself.
pub(super) fn begin_rung(
    ladder: LadderId,
    rung: RungId,
    core: &mut Core,
    out: &mut Effects,
) -> Result<Leaf, StepOutcome> {
    not_safe_yet(ladder, core)?;
    let plan = core.plan.clone();
    let def = &plan.ladders[ladder.0 as usize].rungs[rung.0 as usize];
    if core.reacting.when_of(ladder, rung).is_some_and(|probe| core.truth(probe) != Truth::True) {
        let why = "its `when` does not hold: bring the device to where it does with a `rehearse` of the rung's own";
        return Err(StepOutcome::Inconclusive(why.to_owned()));
    }
    if def.frames.is_empty() {
        return Err(StepOutcome::Inconclusive("it has no frames that could be sent at any time".to_owned()));
    }
    if core.reacting.guard.holder() > Authority::Script {
        return Err(StepOutcome::Inconclusive("a person holds the machines: nothing is tried".to_owned()));
    }
    core.hold(Authority::Script, out);
    let ids: Vec<_> = def.frames.iter().map(|_| core.send_id()).collect();
    for (frame, id) in def.frames.iter().zip(&ids) {
        out.list.push(Effect::Send { id: *id, lane: Lane::Safe, frame: frame.clone() });
    }
    let device = plan.ladders[ladder.0 as usize].device;
    core.reacting.trial = Some(Trial { device, first: ids[0], last: ids[ids.len() - 1], begun: None, left_at: None });
    Ok(Leaf::Rung { since: core.now(), deadline: core.now() + def.within })
}

/// Holds our heartbeat back.
pub(super) fn begin_mute(
    device: DeviceId,
    ladder: LadderId,
    within: Span,
    core: &mut Core,
) -> Result<Leaf, StepOutcome> {
    not_safe_yet(ladder, core)?;
    let link = core.plan.rig.devices[device.0 as usize].link;
    if !core.links[link.0 as usize].codec.mute(device, true) {
        return Err(StepOutcome::Inconclusive("its protocol has no heartbeat that could be held back".to_owned()));
    }
    Ok(Leaf::Mute { since: core.now(), deadline: core.now() + within })
}

/// What is safe already shows nothing.
fn not_safe_yet(ladder: LadderId, core: &Core) -> Result<(), StepOutcome> {
    match core.truth(core.reacting.ladders[ladder.0 as usize].safe) {
        Truth::False => Ok(()),
        Truth::True => Err(StepOutcome::Inconclusive("the device was safe before: it shows nothing".to_owned())),
        Truth::Unknown => Err(StepOutcome::Inconclusive("whether the device was safe before is unknown".to_owned())),
    }
}

pub(super) fn poll_rung(
    ladder: LadderId,
    rung: RungId,
    since: Time,
    deadline: Time,
    core: &mut Core,
    out: &mut Effects,
) -> Progress {
    let (begun, left_at) = core.reacting.trial.as_ref().map_or((None, None), |trial| (trial.begun, trial.left_at));
    let first_byte = begun.map(|begun| begun.since(since));
    match shown(ladder, left_at, since, deadline, core) {
        Shown::NotYet => Progress::Running,
        Shown::Safe(safe) => {
            core.emit(EventKind::RungRehearsed { ladder, rung, first_byte, safe: Some(safe) }, out);
            Progress::Done
        }
        Shown::Never(why) => {
            core.emit(EventKind::RungRehearsed { ladder, rung, first_byte, safe: None }, out);
            Progress::Ended(StepOutcome::Failed(why))
        }
    }
}

pub(super) fn poll_mute(
    device: DeviceId,
    ladder: LadderId,
    since: Time,
    deadline: Time,
    core: &mut Core,
    out: &mut Effects,
) -> Progress {
    match shown(ladder, Some(since), since, deadline, core) {
        Shown::NotYet => Progress::Running,
        Shown::Safe(safe) => {
            core.emit(EventKind::DeadManRehearsed { device, safe: Some(safe) }, out);
            Progress::Done
        }
        Shown::Never(why) => {
            core.emit(EventKind::DeadManRehearsed { device, safe: None }, out);
            Progress::Ended(StepOutcome::Failed(why))
        }
    }
}

enum Shown {
    NotYet,
    Safe(Span),
    Never(String),
}

/// Whether `safe` is proven on samples later than `left_at`, as for a rung of a ladder that was started.
fn shown(ladder: LadderId, left_at: Option<Time>, since: Time, deadline: Time, core: &Core) -> Shown {
    let now = core.now();
    if left_at.is_some_and(|left| core.shown_safe(ladder.0 as usize, left)) && now <= deadline {
        return Shown::Safe(now.since(since));
    }
    if now < deadline {
        return Shown::NotYet;
    }
    let within = deadline.since(since);
    Shown::Never(match left_at {
        None => format!("it was not written within {within}"),
        Some(_) => format!("the device was not shown safe within {within}"),
    })
}

/// The trial is over, however it ended: everybody has their rights back, and our heartbeat goes out again.
pub(in crate::run) fn leave(muted: Option<DeviceId>, core: &mut Core, out: &mut Effects) {
    match muted {
        Some(device) => {
            let link = core.plan.rig.devices[device.0 as usize].link;
            core.links[link.0 as usize].codec.mute(device, false);
        }
        None => {
            core.reacting.trial = None;
            // A person who took over meanwhile keeps what they took.
            if core.reacting.guard.holder() == Authority::Script {
                core.hold(Authority::Controller, out);
            }
        }
    }
}
