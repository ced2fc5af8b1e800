//! What controllers were told while a fault made it differ from what was.

use super::build::{gaps, sort};
use super::{Column, Stretch, Told};
use crate::codec::{TellField, Tells};
use crate::log::Entry;
use crate::rig::{DeviceDef, Role};
use crate::run::event::{Event, EventKind};
use crate::scenario::plan::Plan;
use crate::signal::Value;
use crate::time::{Span, Time};
use std::collections::BTreeMap;

/// Looked at before and after a fault too, so that its beginning and the way back are seen.
const AROUND: Span = Span::from_secs(1);
/// A controller that hears nothing for so many periods is told nothing.
const PERIODS: i64 = 5;

/// By controller and told signal, where a fault was on what the controller is told; read from the very bytes it was sent.
pub(super) fn told(plan: &Plan, entries: &[Entry], events: &[Event], end: Time) -> Vec<Told> {
    let mut all = Vec::new();
    for device in plan.rig.devices.iter().filter(|d| d.role == Role::Controller) {
        let mut configs = plan.rig.links.iter().flat_map(|link| &link.codec.devices);
        let Some(tells) = configs.find(|c| c.device == device.id).and_then(|c| c.tells.as_ref()) else { continue };
        let faulted = faulted(device, events, end);
        if !faulted.is_empty() {
            all.extend(of_one(device, tells, &faulted, entries, end));
        }
    }
    all
}

/// Where a fault was on what the device is told, with the time around it.
fn faulted(device: &DeviceDef, events: &[Event], end: Time) -> Vec<Stretch> {
    let target = format!("{}.tells", device.name);
    let acts = |on: &str| on.strip_prefix(&target).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let mut open: BTreeMap<(&str, &str), Time> = BTreeMap::new();
    let mut found = Vec::new();
    for event in events {
        match &event.kind {
            EventKind::FaultStarted { fault, on } if acts(on) => {
                open.insert((fault, on), event.at);
            }
            EventKind::FaultEnded { fault, on } => {
                found.extend(open.remove(&(fault.as_str(), on.as_str())).map(|from| (from, event.at)));
            }
            _ => {}
        }
    }
    found.extend(open.into_values().map(|from| (from, end)));
    found.sort();
    let mut stretches: Vec<Stretch> = Vec::new();
    for (from, to) in found {
        let (from, to) = (from - AROUND, to + AROUND);
        match stretches.last_mut() {
            Some(last) if from <= last.to => last.to = last.to.max(to),
            _ => stretches.push(Stretch { from, to }),
        }
    }
    stretches
}

fn of_one(device: &DeviceDef, tells: &Tells, faulted: &[Stretch], entries: &[Entry], end: Time) -> Vec<Told> {
    let column =
        |field: &TellField| Column { signal: field.signal, times: Vec::new(), values: Vec::new(), gaps: Vec::new() };
    let mut columns: Vec<Column> = tells.fields.iter().map(column).collect();
    for entry in entries {
        let Entry::Sent { at, frame } = entry else { continue };
        let wanted = frame.link == device.link
            && frame.topic.as_deref() == Some(tells.topic.as_str())
            && faulted.iter().any(|s| (s.from..=s.to).contains(at));
        if !wanted {
            continue;
        }
        let Ok(object) = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&frame.bytes) else {
            continue;
        };
        for (field, column) in tells.fields.iter().zip(&mut columns) {
            column.times.push(*at);
            column.values.push(value(field, object.get(&field.name)));
        }
    }
    columns
        .into_iter()
        .filter(|column| column.values.iter().any(|v| !v.is_unknown()))
        .map(|mut column| {
            sort(&mut column);
            column.gaps = gaps(&column, Some(tells.every * PERIODS), &[], end);
            Told { controller: device.id, column }
        })
        .collect()
}

/// The inverse of what the telling did.
fn value(field: &TellField, said: Option<&serde_json::Value>) -> Value {
    match said {
        Some(serde_json::Value::Number(n)) => {
            n.as_f64().map_or(Value::Unknown, |n| Value::Number(n * field.scale + field.offset))
        }
        Some(serde_json::Value::Bool(flag)) => Value::Flag(*flag),
        Some(serde_json::Value::String(name)) => field
            .states
            .iter()
            .position(|s| s == name)
            .and_then(|place| u16::try_from(place).ok())
            .map_or(Value::Unknown, Value::State),
        _ => Value::Unknown,
    }
}
