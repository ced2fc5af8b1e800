//! Ladders with their frames, and what the guard is told of them.

use super::plan::{Ladder, Rung};
use crate::codec::{self, Codec};
use crate::expr::walk::signals_of;
use crate::guard::{
    FallbackConfig, GuardConfig, LADDERS_MAX, LadderConfig, LadderId, LadderSet, RUNGS_MAX, RungId, SILENCES_MAX,
    SilenceConfig,
};
use crate::rig::{DeadMan, DeviceDef, Rig};
use crate::time::Span;
use crate::wire::{DeviceId, LinkId};
use std::collections::BTreeMap;

/// A rung whose commands have no form that is valid at any time.
pub(super) struct Unprotected {
    pub device: DeviceId,
    pub command: String,
    pub why: String,
}

/// Encodes every ladder of the rig, in the order of its devices.
pub(super) fn encode(rig: &Rig) -> (Vec<Ladder>, Vec<Unprotected>) {
    let codecs: BTreeMap<LinkId, Box<dyn Codec>> =
        rig.links.iter().filter_map(|link| Some((link.id, codec::build(&link.codec).ok()?))).collect();
    let mut ladders = Vec::new();
    let mut unprotected = Vec::new();
    for device in with_ladder(rig) {
        let Some((safe, _)) = &device.safe else { continue };
        let mut rungs = Vec::new();
        for (place, def) in device.ladder.iter().enumerate() {
            let mut frames = Vec::new();
            let mut titles = Vec::new();
            for command in &def.commands {
                let name = &rig.commands.def(command.id).name;
                titles.push(name.clone());
                match codecs.get(&device_link(rig, command.id, device)).map(|codec| codec.safe(command)) {
                    Some(Ok(made)) => frames.extend(made),
                    Some(Err(why)) => {
                        unprotected.push(Unprotected { device: device.id, command: name.clone(), why: why.0 });
                    }
                    None => {}
                }
            }
            rungs.push(Rung {
                id: RungId(u8::try_from(place).expect("at most RUNGS_MAX rungs: checked when the rig was read")),
                title: titles.join(", "),
                frames,
                within: def.within,
                when: def.when.as_ref().map(|(formula, _)| formula.clone()),
                blind: def.blind,
                category: def.category,
            });
        }
        let id = u8::try_from(ladders.len()).expect("at most LADDERS_MAX ladders: checked when the rig was read");
        ladders.push(Ladder {
            id: LadderId(id),
            device: device.id,
            safe: safe.clone(),
            safe_signals: signals_of(safe),
            rungs,
        });
    }
    (ladders, unprotected)
}

/// The link of the device that the command is for: a rung may call another device to help.
fn device_link(rig: &Rig, command: crate::command::CommandId, own: &DeviceDef) -> LinkId {
    let device = rig.commands.def(command).device;
    rig.devices.iter().find(|d| d.id == device).map_or(own.link, |d| d.link)
}

fn with_ladder(rig: &Rig) -> impl Iterator<Item = &DeviceDef> {
    rig.devices.iter().filter(|d| !d.ladder.is_empty())
}

/// What the guard must know, fixed before a run.
pub(super) fn guard(rig: &Rig) -> GuardConfig {
    let empty = LadderConfig {
        device: DeviceId(0),
        rungs: 0,
        within: [Span::ZERO; RUNGS_MAX],
        conditional: [false; RUNGS_MAX],
        after: LadderSet(0),
    };
    let mut config = GuardConfig {
        ladders: [empty; LADDERS_MAX],
        ladder_count: 0,
        silences: [SilenceConfig { device: DeviceId(0), silent_for: Span::ZERO }; SILENCES_MAX],
        silence_count: 0,
        ..GuardConfig::empty()
    };
    for device in with_ladder(rig) {
        let ladder = &mut config.ladders[usize::from(config.ladder_count)];
        ladder.device = device.id;
        ladder.rungs =
            u8::try_from(device.ladder.len()).expect("at most RUNGS_MAX rungs: checked when the rig was read");
        for (place, rung) in device.ladder.iter().enumerate() {
            ladder.within[place] = rung.within;
            ladder.conditional[place] = rung.when.is_some();
        }
        for other in &device.after {
            if let Some(bit) = with_ladder(rig).position(|d| d.id == *other) {
                ladder.after.0 |= 1 << bit;
            }
        }
        config.ladder_count += 1;
    }
    for device in &rig.devices {
        if let Some(DeadMan::SilentFor(silent_for)) = device.dead_man {
            config.silences[usize::from(config.silence_count)] = SilenceConfig { device: device.id, silent_for };
            config.silence_count += 1;
        }
    }
    for device in &rig.devices {
        if let Some(fallback) = &device.fallback {
            let hand_back_after = fallback.hand_back.as_ref().map(|back| back.lasts);
            let one = FallbackConfig { controller: device.id, every: fallback.every, hand_back_after };
            config.add_fallback(one).expect("few fallbacks with a period: checked when the rig was read");
        }
    }
    config
}
