//! A rig of the units on a Modbus line, with those of their first registers that can be read.

use super::draft::{Device, Draft};
use crate::codec::modbus::Table;
use crate::codec::recognise::modbus::{ANSWER_MS, Answer, REGISTERS, TABLES, UNITS, answer, read};
use crate::io::probe::Probe;
use std::time::Duration;

/// Silence between frames, beyond the 3.5 characters of the slowest usual line.
const SILENCE: Duration = Duration::from_millis(5);

/// Asks the other units too, and each for its first registers: all at once, or one by one where that is refused.
pub fn draft(probe: &mut Probe, name: &str, first: u8) -> Result<Draft, String> {
    let mut units = vec![first];
    for unit in UNITS.filter(|unit| *unit != first) {
        if ask(probe, unit, Table::Holding, 0, 2)?.is_some() {
            units.push(unit);
        }
    }
    units.sort_unstable();
    let mut draft = Draft { link: "line", devices: Vec::new(), missing: Vec::new(), beside: Vec::new() };
    for unit in &units {
        let mut signals = Vec::new();
        for table in TABLES {
            let word = if table == Table::Holding { "holding" } else { "input" };
            let found = registers(probe, *unit, table)?;
            signals.extend(found.into_iter().map(|address| {
                format!("{word}_{address}: {{ field: \"{word}[{address}]:u16\", scale: 1, range: 0 .. 65535, every: 500 ms }}")
            }));
        }
        if signals.is_empty() {
            draft
                .missing
                .push(format!("Unit {unit} answers, and lets none of its first {REGISTERS} registers be read."));
            continue;
        }
        let name = if units.len() == 1 { name.to_owned() } else { format!("{name}_{unit}") };
        draft.devices.push(Device { name, keys: vec![format!("protocol: {{ modbus: {unit} }}")], signals });
    }
    if draft.devices.is_empty() {
        return Err(format!(
            "unit {first} answers, and lets none of its first {REGISTERS} holding and input registers be read: its manual \
             says where its registers are, and docs/modbus.md how they are written down"
        ));
    }
    draft.missing.push(
        "Not told: what the registers mean. Give them names, kinds (`i16`, `f32`, …), a `scale` with a unit and a `range`; \
         registers beyond the first, coils and discrete inputs are in the device's manual."
            .to_owned(),
    );
    Ok(draft)
}

/// Which of the first registers can be read.
fn registers(probe: &mut Probe, unit: u8, table: Table) -> Result<Vec<u16>, String> {
    match ask(probe, unit, table, 0, REGISTERS)? {
        Some(Answer::Registers(_)) => return Ok((0..REGISTERS).collect()),
        // The function is not known to it: no address will be.
        Some(Answer::Exception(1)) | None => return Ok(Vec::new()),
        Some(Answer::Exception(_)) => {}
    }
    let mut found = Vec::new();
    for address in 0..REGISTERS {
        if let Some(Answer::Registers(_)) = ask(probe, unit, table, address, 1)? {
            found.push(address);
        }
    }
    Ok(found)
}

fn ask(probe: &mut Probe, unit: u8, table: Table, address: u16, count: u16) -> Result<Option<Answer>, String> {
    let whole = |heard: &[u8]| answer(heard, unit, table).filter(|answer| is_of(answer, count));
    // Devices part frames by silence.
    probe.ask(b"", SILENCE, |_| false)?;
    let question = read(unit, table, address, count);
    let heard = probe.ask(&question, Duration::from_millis(ANSWER_MS), |heard| whole(heard).is_some())?;
    Ok(whole(&heard))
}

/// A late answer to a question before is none to this one.
fn is_of(answer: &Answer, count: u16) -> bool {
    match answer {
        Answer::Registers(values) => values.len() == usize::from(count),
        Answer::Exception(_) => true,
    }
}
