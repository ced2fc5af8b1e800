//! What a rehearsal tried, and what a run relies on that was rehearsed or only declared.

use super::Subject;
use crate::rig::DeadMan;
use crate::run::event::EventKind;
use crate::time::Span;
use crate::trace::words;
use serde::{Deserialize, Serialize};

/// One rung or dead-man of a rehearsal.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Tried {
    pub device: String,
    /// From 1; absent for the device's dead-man.
    pub rung: Option<u8>,
    /// What the rung sends.
    pub command: Option<String>,
    /// Stop category of IEC 60204-1, where the rig says it.
    pub category: Option<u8>,
    pub within_s: f64,
    /// From the order to the first byte on the wire.
    pub first_byte_s: Option<f64>,
    /// From the order (the dead-man: from our silence) to `safe`; absent: it was not shown in time.
    pub safe_s: Option<f64>,
    /// Why it was not tried; absent: it was.
    pub not_tried: Option<String>,
}

impl Tried {
    /// It was tried, and it works.
    pub fn works(&self) -> bool {
        self.safe_s.is_some()
    }

    /// `rung 1 of fc (fc.land)`, `ring 3: the dead-man of fc`.
    pub fn what(&self) -> String {
        match (self.rung, &self.command) {
            (Some(rung), Some(command)) => format!("rung {rung} of {} ({command})", self.device),
            (Some(rung), None) => format!("rung {rung} of {}", self.device),
            (None, _) => format!("ring 3: the dead-man of {}", self.device),
        }
    }
}

/// What was tried in a run, in the order of the rig; empty where it was no rehearsal.
pub fn tried(subject: &Subject<'_>) -> Vec<Tried> {
    let (plan, trace) = (subject.plan, subject.trace);
    if plan.files.iter().all(|file| file.path != crate::scenario::REHEARSAL) {
        return Vec::new();
    }
    let mut all = Vec::new();
    for ladder in &plan.ladders {
        let device = &plan.rig.devices[usize::from(ladder.device.0)];
        for (rung, def) in ladder.rungs.iter().zip(&device.ladder) {
            let told = trace.events.iter().find_map(|event| match &event.kind {
                EventKind::RungRehearsed { ladder: l, rung: r, first_byte, safe }
                    if (*l, *r) == (ladder.id, rung.id) =>
                {
                    Some((*first_byte, *safe))
                }
                _ => None,
            });
            let brought_up = device.rehearse.is_some() || def.rehearse.is_some();
            all.push(Tried {
                device: device.name.clone(),
                rung: Some(rung.id.0 + 1),
                command: Some(rung.title.clone()),
                category: rung.category.map(crate::rig::StopCategory::number),
                within_s: rung.within.seconds(),
                first_byte_s: told.and_then(|(first_byte, _)| first_byte).map(Span::seconds),
                safe_s: told.and_then(|(_, safe)| safe).map(Span::seconds),
                not_tried: told.is_none().then(|| not_tried(def.not_rehearsed.as_deref(), brought_up)),
            });
        }
        if let Some(DeadMan::LosesHeartbeat { safe_within }) = device.dead_man {
            let told = trace.events.iter().find_map(|event| match &event.kind {
                EventKind::DeadManRehearsed { device: d, safe } if *d == device.id => Some(*safe),
                _ => None,
            });
            let brought_up = device.rehearse.is_some() || device.rehearse_dead_man.is_some();
            all.push(Tried {
                device: device.name.clone(),
                rung: None,
                command: None,
                category: None,
                within_s: safe_within.seconds(),
                first_byte_s: None,
                safe_s: told.flatten().map(Span::seconds),
                not_tried: told.is_none().then(|| not_tried(None, brought_up)),
            });
        }
    }
    all
}

fn not_tried(own: Option<&str>, brought_up: bool) -> String {
    match own {
        Some(why) => why.to_owned(),
        None if !brought_up => "the rig does not say how the device is brought up (`rehearse`)".to_owned(),
        None => "the rehearsal ended before".to_owned(),
    }
}

/// The table on the terminal, a line per rung and dead-man.
pub fn table(tried: &[Tried]) -> String {
    let mut out = String::from("rehearsed:\n");
    let what: Vec<String> = tried.iter().map(Tried::what).collect();
    let wide = what.iter().map(|what| what.chars().count()).max().unwrap_or(0);
    for (one, what) in tried.iter().zip(&what) {
        let within = words::span(Span::from_seconds(one.within_s));
        let result = match (&one.not_tried, one.safe_s, one.first_byte_s) {
            (Some(why), ..) => format!("not tried: {why}"),
            (None, Some(safe), first_byte) => {
                let first = first_byte
                    .map_or_else(String::new, |s| format!(", first byte after {}", words::span(Span::from_seconds(s))));
                format!("safe after {} of {within} allowed{first}", words::span(Span::from_seconds(safe)))
            }
            (None, None, _) => format!("NOT SAFE within {within}"),
        };
        out += &format!("  {what:<wide$}  {result}\n");
    }
    out
}
