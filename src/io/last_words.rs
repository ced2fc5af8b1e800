//! What is said for a harness that fell silent, worked out from the plan: the watchdogs' ladders and the brokers' wills.
//!
//! Invariant: nothing here is sent by the harness itself, and every frame was encoded when the plan was made.

use crate::io::climb::{BlindFrame, BlindLadder, BlindRung, Setup};
use crate::io::mqtt::Will;
use crate::scenario::plan::{Ladder, Plan, Rung};
use crate::wire::{DeviceId, LinkId};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Silence after which a watchdog takes the harness for dead: ten of the run's own ticks at 50 Hz.
pub const SILENCE: Duration = Duration::from_millis(200);

/// The watchdog of a link: the ladders of all devices that can be made safe over it. `None` where there is none.
pub fn watchdog(plan: &Plan, link: LinkId) -> Option<Setup> {
    let starts = starts(plan);
    let ladder = |ladder: &Ladder| {
        let rungs: Vec<BlindRung> = usable(ladder).iter().map(|rung| blind(rung, link)).collect();
        let device = &plan.rig.devices[usize::from(ladder.device.0)];
        let starts_ms = starts.get(&ladder.device).copied().unwrap_or(0);
        let says_something = rungs.iter().any(|rung| !rung.frames.is_empty());
        says_something.then(|| BlindLadder { device: device.name.clone(), starts_ms, rungs })
    };
    let ladders: Vec<BlindLadder> = plan.ladders.iter().filter_map(ladder).collect();
    (!ladders.is_empty()).then(|| Setup::new(SILENCE, ladders))
}

/// What the broker of a link says when we fall silent: the first rung of every device's ladder that goes over it.
/// MQTT has one will per connection, so each is carried by a connection of its own.
pub fn wills(plan: &Plan, link: LinkId) -> Vec<Will> {
    let first = plan.ladders.iter().filter_map(|ladder| usable(ladder).first());
    let frames = first.flat_map(|rung| &rung.frames).filter(|frame| frame.link == link);
    frames
        .filter_map(|frame| {
            let topic = frame.topic.as_ref()?.to_string();
            Some(Will { topic, payload: frame.bytes.clone(), qos: frame.flags.qos.max(1), retain: false })
        })
        .collect()
}

/// The rungs that may be sent by whoever sees nothing.
fn usable(ladder: &Ladder) -> &[Rung] {
    &ladder.rungs[ladder.blind_rungs()]
}

fn blind(rung: &Rung, link: LinkId) -> BlindRung {
    let frame = |frame: &crate::wire::Frame| BlindFrame {
        topic: frame.topic.as_ref().map(ToString::to_string),
        qos: frame.flags.qos,
        bytes: frame.bytes.clone(),
    };
    BlindRung {
        frames: rung.frames.iter().filter(|f| f.link == link).map(frame).collect(),
        within_ms: milliseconds(rung),
    }
}

fn milliseconds(rung: &Rung) -> u64 {
    (rung.within.nanos() / 1_000_000).max(1) as u64
}

/// When each device's ladder begins, in milliseconds after the harness was given up: once those it comes after have had
/// the time of all their usable rungs. A device that waits for itself by way of others does not wait: an order that
/// nobody can keep must not keep a machine from being made safe.
fn starts(plan: &Plan) -> BTreeMap<DeviceId, u64> {
    let lasts: BTreeMap<DeviceId, u64> =
        plan.ladders.iter().map(|l| (l.device, usable(l).iter().map(milliseconds).sum())).collect();
    let after: BTreeMap<DeviceId, &[DeviceId]> =
        plan.rig.devices.iter().map(|device| (device.id, device.after.as_slice())).collect();
    lasts.keys().map(|device| (*device, starts_of(*device, &lasts, &after, &mut BTreeSet::new()))).collect()
}

fn starts_of(
    device: DeviceId,
    lasts: &BTreeMap<DeviceId, u64>,
    after: &BTreeMap<DeviceId, &[DeviceId]>,
    on_the_way: &mut BTreeSet<DeviceId>,
) -> u64 {
    if !on_the_way.insert(device) {
        return 0;
    }
    let over = |other: &DeviceId, on_the_way: &mut BTreeSet<DeviceId>| match lasts.get(other) {
        Some(lasts_ms) => starts_of(*other, lasts, after, on_the_way) + lasts_ms,
        // A device without a ladder keeps nobody waiting.
        None => 0,
    };
    let others = after.get(&device).copied().unwrap_or_default();
    let starts = others.iter().map(|other| over(other, on_the_way)).max().unwrap_or(0);
    on_the_way.remove(&device);
    starts
}
