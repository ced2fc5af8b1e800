//! What looking at the rig showed, held against what its file says.

use super::findings::{Findings, Grade};
use crate::live::{Pulse, Vitals, rate_from};
use crate::rig::{Reaction, Role};
use crate::run::TestedWire;
use crate::run::event::EventKind;
use crate::scenario::plan::Plan;
use crate::signal::{Every, SignalDef, SignalId, SignalKind};
use crate::time::{Span, Time};
use crate::trace::words;
use serde_json::json;

/// A rate this far below the declared one is told.
const SLOW: f64 = 0.8;

/// Reads everything. `plan` is the one that a run would have.
pub fn read(plan: &Plan, vitals: &Vitals, now: Time, wall_nanos: i64, twins: bool, findings: &mut Findings) {
    harness(plan, vitals, findings);
    links(plan, vitals, findings);
    devices(plan, vitals, wall_nanos, twins, findings);
    let needed = crate::run::needed_for_arming(plan);
    for (id, def) in plan.rig.signals.iter().filter(|(_, def)| def.device.is_some()) {
        signal(plan, vitals, now, id, def, needed.contains(&id), findings);
    }
    rules(plan, vitals, twins, findings);
    for remark in &vitals.remarks {
        findings.add(Grade::Unknown, "rig", "remark", remark.clone());
    }
}

fn harness(plan: &Plan, vitals: &Vitals, findings: &mut Findings) {
    for floor in &vitals.floors {
        let EventKind::SelfTested { wire, samples, p50, p99, max, allowed, enough } = floor else { continue };
        let (about, check) = match wire {
            TestedWire::Loop => ("harness".to_owned(), "reaction"),
            TestedWire::Broker(link) => (format!("link {}", words::link(plan, *link)), "round trip"),
        };
        let mut text = format!("{} at the median, {} at worst", words::span(*p50), words::span(*max));
        if let Some(allowed) = allowed {
            text.push_str(&format!("; the tightest rule allows {} for a whole reaction", words::span(*allowed)));
        }
        let figures = json!({
            "samples": samples, "p50_s": p50.seconds(), "p99_s": p99.seconds(), "max_s": max.seconds(),
            "allowed_s": allowed.map(Span::seconds),
        });
        findings.with(if *enough { Grade::Good } else { Grade::Blocks }, &about, check, text, figures);
    }
}

fn links(plan: &Plan, vitals: &Vitals, findings: &mut Findings) {
    for (def, link) in plan.rig.links.iter().zip(vitals.links()) {
        let about = format!("link {}", def.name);
        match (&link.why, link.up) {
            (_, true) => findings.add(Grade::Good, &about, "link", "up"),
            (Some(why), false) => findings.add(Grade::Blocks, &about, "link", why.clone()),
            (None, false) => findings.add(Grade::Blocks, &about, "link", "it did not come up"),
        }
        let noise = link.noise_bytes + link.corrupt_frames + link.lost_messages + link.foreign_frames;
        if noise > 0 {
            let text = format!(
                "{} bytes of noise, {} corrupt and {} foreign frames, {} messages lost",
                link.noise_bytes, link.corrupt_frames, link.foreign_frames, link.lost_messages
            );
            let figures = json!({
                "noise_bytes": link.noise_bytes, "corrupt_frames": link.corrupt_frames,
                "foreign_frames": link.foreign_frames, "lost_messages": link.lost_messages,
            });
            findings.with(Grade::Warning, &about, "wire", text, figures);
        }
    }
}

fn devices(plan: &Plan, vitals: &Vitals, wall_nanos: i64, twins: bool, findings: &mut Findings) {
    for (def, device) in plan.rig.devices.iter().zip(vitals.devices()) {
        let machine = def.role == Role::Machine;
        match (&device.another, device.identified) {
            (Some((fact, found, wanted)), _) => {
                let text = format!("it is another one: {fact} is {found}, the rig wants {wanted}");
                findings.add(Grade::Blocks, &def.name, "identity", text);
            }
            (None, true) => findings.add(Grade::Good, &def.name, "identity", "it is the one that the rig names"),
            (None, false) if machine => findings.add(Grade::Blocks, &def.name, "identity", "it was not identified"),
            (None, false) => findings.add(
                Grade::Unknown,
                &def.name,
                "identity",
                "nothing was heard of it; a controller may wait until it is told something, and doctor tells nothing",
            ),
        }
        if device.restarts > 0 {
            let text = format!("it started anew {} times while it was looked at", device.restarts);
            findings.add(Grade::Warning, &def.name, "restart", text);
        }
        if let Some(version) = &device.firmware {
            findings.with(Grade::Good, &def.name, "firmware", version.clone(), json!({ "version": version }));
        }
        if device.answers > 0 {
            let mean = device.answers_sum / i64::try_from(device.answers).unwrap_or(i64::MAX);
            let text = format!(
                "{} on average, {} at worst, of {} answers",
                words::span(mean),
                words::span(device.answers_most),
                device.answers
            );
            let figures = json!({
                "answers": device.answers, "mean_s": mean.seconds(), "max_s": device.answers_most.seconds(),
            });
            findings.with(Grade::Good, &def.name, "round trip", text, figures);
        }
        if let Some(clock) = &device.clock {
            let drift = clock.drift_ppm();
            let drifts = drift.map_or_else(
                || "looked at too briefly for a drift".to_owned(),
                |(ppm, off)| format!("drift {} ± {} ppm", words::number(ppm.round()), words::number(off.ceil())),
            );
            // Of words that were late on their way the least late one tells the offset best.
            let offset = clock.least.seconds() + if clock.unix { wall_nanos as f64 / 1e9 } else { 0.0 };
            let (text, grade) = if clock.unix {
                let off = -offset;
                // A twin lives in a time of its own.
                let grade = if off.abs() > 1.0 && !twins { Grade::Warning } else { Grade::Good };
                (format!("{} s off ours (UTC); {drifts}", words::number(off)), grade)
            } else {
                (format!("counts from its own start, {} s before ours; {drifts}", words::number(-offset)), Grade::Good)
            };
            let figures = json!({
                "utc": clock.unix, "offset_s": -offset, "drift_ppm": drift.map(|(ppm, _)| ppm),
                "drift_uncertainty_ppm": drift.map(|(_, off)| off),
            });
            findings.with(grade, &def.name, "clock", text, figures);
        }
    }
}

fn signal(
    plan: &Plan,
    vitals: &Vitals,
    now: Time,
    id: SignalId,
    def: &SignalDef,
    needed: bool,
    findings: &mut Findings,
) {
    let machine = def.device.is_some_and(|device| plan.rig.devices[usize::from(device.0)].role == Role::Machine);
    let must = if needed { Grade::Blocks } else { Grade::Warning };
    let Some(pulse) = vitals.signal(id) else {
        let (grade, text) = match (def.every, machine) {
            (_, false) => (Grade::Unknown, "never heard; its controller was told nothing"),
            (Every::Change, true) => (must, "never heard; it comes only when it changes"),
            (Every::Period(_), true) => (must, "never heard"),
        };
        return findings.add(grade, &def.name, "rate", text);
    };
    rate(vitals, now, id, def, pulse, must, findings);
    value(def, pulse, findings);
}

fn rate(
    vitals: &Vitals,
    now: Time,
    id: SignalId,
    def: &SignalDef,
    pulse: &Pulse,
    must: Grade,
    findings: &mut Findings,
) {
    let Every::Period(every) = def.every else {
        return findings.add(
            Grade::Good,
            &def.name,
            "rate",
            format!("heard {} times; declared on change", pulse.count),
        );
    };
    let wanted = 1.0 / every.seconds();
    let gap = pulse.longest_gap.max(now.since(pulse.last));
    let figures = |measured: Option<f64>| json!({ "measured_hz": measured, "declared_hz": wanted, "longest_gap_s": gap.seconds(), "count": pulse.count });
    let Some(measured) = pulse.rate_hz().filter(|_| pulse.count >= rate_from(every)) else {
        let text = format!("heard {} times only; {wanted:.1} Hz declared", pulse.count);
        return findings.with(must, &def.name, "rate", text, figures(None));
    };
    let mut text = format!("{measured:.1} Hz, {wanted:.1} Hz declared; longest gap {}", words::span(gap));
    let holds = def.stale_after.filter(|holds| gap >= *holds);
    let grade = if let Some(holds) = holds {
        text.push_str(&format!(", and a value holds for {} only", words::span(holds)));
        must
    } else if vitals.is_stale(id, now) {
        must
    } else if measured < wanted * SLOW {
        text.push_str(": slower than declared");
        Grade::Warning
    } else {
        Grade::Good
    };
    findings.with(grade, &def.name, "rate", text, figures(Some(measured)));
}

fn value(def: &SignalDef, pulse: &Pulse, findings: &mut Findings) {
    let SignalKind::Number { unit, range } = &def.kind else {
        let text = crate::cli::monitor::value_in_words(&def.kind, pulse.value);
        if def.kind != SignalKind::Pulse {
            let grade = if pulse.value.is_unknown() { Grade::Warning } else { Grade::Good };
            findings.with(grade, &def.name, "value", text.clone(), json!({ "value": text }));
        }
        return;
    };
    let Some((least, most)) = pulse.extremes() else {
        return findings.add(Grade::Warning, &def.name, "value", "heard, but never as a known number");
    };
    let noise = pulse.noise();
    // Noise is a difference: a unit with a zero point of its own is left without it.
    let shown =
        noise.map_or_else(String::new, |noise| format!("; noise {} {}", words::number(noise / unit.scale), unit.text));
    let mut text = format!("{} .. {}{shown}", words::value(unit, least), words::value(unit, most));
    let mut grade = Grade::Good;
    if let Some((lo, hi)) = range
        && (least < *lo || most > *hi)
    {
        text.push_str(&format!("; outside its range {} .. {}", words::value(unit, *lo), words::value(unit, *hi)));
        grade = Grade::Warning;
    }
    let figures = json!({
        "least": least, "most": most, "noise": noise, "range": range.map(|(lo, hi)| [lo, hi]), "unit": "SI",
    });
    findings.with(grade, &def.name, "value", text, figures);
}

fn rules(plan: &Plan, vitals: &Vitals, twins: bool, findings: &mut Findings) {
    if plan.rules.is_empty() {
        return findings.add(Grade::Warning, "envelope", "rules", "the rig has none: nothing is watched");
    }
    for (def, rule) in plan.rules.iter().zip(vitals.rules()) {
        let about = format!("rule {}", def.name);
        let stops = matches!(def.reaction, Reaction::Stop(_));
        if !vitals.judged {
            findings.add(
                Grade::Unknown,
                &about,
                "margin",
                "not judged: not every signal that the rules need was heard",
            );
            continue;
        }
        let margin = rule.margin.map_or_else(|| "not decided".to_owned(), |m| words::margin_between(def, m));
        let figures = json!({ "margin": rule.margin.map(|m| [m.lo, m.hi].map(|si| si.is_finite().then_some(si))) });
        if rule.was_broken {
            let at_rest = if twins { "" } else { " at rest" };
            let text = format!("broken{at_rest} ({margin}): {}", def.text);
            findings.with(if stops { Grade::Blocks } else { Grade::Warning }, &about, "margin", text, figures);
        } else if rule.blind {
            findings.with(
                if stops { Grade::Blocks } else { Grade::Warning },
                &about,
                "margin",
                "a signal of it is unknown".to_owned(),
                figures,
            );
        } else {
            findings.with(Grade::Good, &about, "margin", margin, figures);
        }
    }
}
