//! The rehearsal of a rig: a scenario that is made from the rig file itself, so that it is checked, run, recorded and
//! replayed as every other.
//!
//! For each device with a ladder: bring it up, try one rung alone, and so on for every rung; then bring it up once more,
//! hold back our heartbeat, and see whether its own dead-man makes it safe.

use crate::diag::Files;
use crate::rig::{BringUp, DeadMan, DeviceDef, Rig};
use crate::scenario::plan::Mode;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The path of the scenario that is made from a rig.
pub const REHEARSAL: &str = "rehearsal:/rehearsal.yaml";

/// The folder of the files that are made; a recording has it, and a disk is never asked for it.
pub const MADE_FOLDER: &str = "rehearsal:";

/// How long a person may take to say that the machine may move.
const ASK_WITHIN: &str = "2 min";

/// The files of a rig's rehearsal by path: the scenario, and a fragment for each way of bringing a device up. The error
/// says in words why there is nothing to rehearse.
pub(super) fn made(rig: &Rig, mode: Mode, files: &dyn Files) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let mut made = BTreeMap::new();
    let mut steps = String::new();
    if mode == Mode::Rig {
        let _ = writeln!(steps, "  - prompt: The machines will move. Is nobody near?\n    within: {ASK_WITHIN}");
    }
    let mut tried = 0;
    for device in rig.devices.iter().filter(|device| !device.ladder.is_empty()) {
        tried += device_steps(device, files, &mut made, &mut steps)?;
    }
    if tried == 0 {
        return Err(format!(
            "nothing of rig `{}` can be rehearsed: no device with a ladder says how it is brought up (`rehearse: [ … ]`)",
            rig.name
        ));
    }
    let text = format!(
        "scenario: Rehearsal of {name}\nrig: {name}\nabout: Every rung and every dead-man of the rig, tried one by one.\nsteps:\n{steps}",
        name = rig.name
    );
    made.insert(REHEARSAL.to_owned(), text.into_bytes());
    Ok(made)
}

/// Writes the steps of a device; gives how many things are tried.
fn device_steps(
    device: &DeviceDef,
    files: &dyn Files,
    made: &mut BTreeMap<String, Vec<u8>>,
    steps: &mut String,
) -> Result<usize, String> {
    let name = &device.name;
    let mut tried = 0;
    let mut bring_up = |way: Option<&BringUp>, place: &str, steps: &mut String| -> Result<bool, String> {
        let (way, file) = match (way, &device.rehearse) {
            (Some(way), _) => (way, format!("{name}-{place}.yaml")),
            (None, Some(way)) => (way, format!("{name}.yaml")),
            (None, None) => return Ok(false),
        };
        let text = match way {
            BringUp::Steps { text, line, column } => fragment(name, text, *line, *column),
            // A recording holds it under the name by which the rehearsal uses it.
            BringUp::File(path) => files
                .read(&format!("{MADE_FOLDER}/{file}"))
                .or_else(|_| files.read(path))
                .map_err(|why| format!("the fragment `{path}` that brings `{name}` up cannot be read: {why}"))?,
        };
        made.insert(format!("{MADE_FOLDER}/{file}"), text);
        let _ = writeln!(steps, "  - use: {file}");
        Ok(true)
    };
    for (place, rung) in device.ladder.iter().enumerate().filter(|(_, rung)| rung.not_rehearsed.is_none()) {
        if bring_up(rung.rehearse.as_ref(), &format!("rung-{}", place + 1), steps)? {
            let _ = writeln!(steps, "  - rung: {name}\n    place: {}", place + 1);
            tried += 1;
        }
    }
    if let Some(DeadMan::LosesHeartbeat { .. }) = device.dead_man
        && bring_up(device.rehearse_dead_man.as_ref(), "dead-man", steps)?
    {
        let _ = writeln!(steps, "  - mute: {name}");
        tried += 1;
    }
    Ok(tried)
}

/// The steps of a rig file as a fragment in which they stand in the same line and column, so that what is wrong with them
/// is found where it was written.
fn fragment(device: &str, steps: &str, line: u32, column: u32) -> Vec<u8> {
    let mut text = format!("fragment: Bring up {device}\nsteps:\n");
    for _ in 3..line {
        text.push('\n');
    }
    for _ in 1..column {
        text.push(' ');
    }
    text.push_str(steps.trim_end());
    text.push('\n');
    text.into_bytes()
}

/// Files of a rehearsal in front of the others; what is there already (a recording's own) comes first.
pub(super) struct Overlay<'f> {
    pub files: &'f dyn Files,
    pub made: BTreeMap<String, Vec<u8>>,
}

impl Files for Overlay<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        match (self.files.read(path), self.made.get(path)) {
            (Ok(bytes), _) => Ok(bytes),
            (Err(_), Some(bytes)) => Ok(bytes.clone()),
            (Err(why), None) => Err(why),
        }
    }
}
