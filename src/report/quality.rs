//! How complete the data was: `quality.json`.

use crate::scenario::plan::Plan;
use crate::signal::{Every, SignalId};
use crate::time::Span;
use crate::trace::{LateSamples, Trace, words};
use serde::Serialize;

/// Data quality of a run.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Quality {
    /// Version of this format.
    pub format: u32,
    pub signals: Vec<SignalQuality>,
    pub links: Vec<LinkQuality>,
    /// Rules whose signals came faster than declared, so that their margins may be wider than they were.
    pub merged_rules: Vec<String>,
    /// What the recording itself lost, in words; absent when it is whole.
    pub recording_loss: Option<String>,
}

/// One signal.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct SignalQuality {
    pub signal: String,
    /// Samples from its first one (or the start, when it was never heard) to the end, by its period.
    /// Absent for signals that come only when they change.
    pub expected: Option<u64>,
    pub received: u64,
    /// Expected and not received.
    pub lost: Option<u64>,
    /// Came more than half a period after they were due.
    pub late: Option<u64>,
    /// Came stamped before what was judged already, so that they counted only from then on.
    pub judged_late: u64,
    /// Share of the expected samples that were lost, 0 to 1.
    pub lost_share: Option<f64>,
    /// Longest time without a sample, from its first one to the end.
    pub longest_silence_s: Option<f64>,
    /// Stretches in which the signal was unknown.
    pub gaps: usize,
    /// All of them together.
    pub gaps_s: f64,
}

/// One link.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct LinkQuality {
    pub link: String,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub noise_bytes: u64,
    pub corrupt_frames: u64,
    pub foreign_frames: u64,
    pub lost_messages: u64,
    pub times_lost: usize,
    pub down_s: f64,
}

/// Counts what came and what did not.
pub fn quality(plan: &Plan, trace: &Trace) -> Quality {
    // What a controller was told is spoilt on purpose: its gaps say nothing of the wires.
    let told = |signal| plan.reserved.told.iter().any(|told| told.told == signal);
    let signals = trace
        .columns
        .iter()
        .map(|c| plan.rig.signals.def(c.signal))
        .zip(&trace.columns)
        .filter(|(def, column)| def.device.is_some() && !told(column.signal))
        .map(|(def, column)| {
            let from = column.times.first().copied().unwrap_or(trace.whole.from);
            let ends = column.times.iter().skip(1).copied().chain([trace.whole.to]);
            let silences: Vec<Span> = column.times.iter().zip(ends).map(|(at, next)| next.since(*at)).collect();
            let received = column.times.len() as u64;
            let period = match def.every {
                Every::Period(period) if period > Span::ZERO => Some(period),
                Every::Period(_) | Every::Change => None,
            };
            let expected = period.map(|p| {
                // The first sample opens the count; one that is due within the last half period may still be on its way.
                let periods = (trace.whole.to.since(from).nanos() - p.nanos() / 2).max(0) / p.nanos();
                u64::try_from(periods).unwrap_or(0) + u64::from(received > 0)
            });
            let lost = expected.map(|e| e.saturating_sub(received));
            // The silence up to the end of the run has no sample that could be late.
            let between = &silences[..silences.len().saturating_sub(1)];
            let late = period.map(|p| between.iter().filter(|s| s.nanos() > p.nanos() + p.nanos() / 2).count() as u64);
            let gaps_s = column.gaps.iter().fold(Span::ZERO, |sum, g| sum + g.span()).seconds();
            SignalQuality {
                signal: def.name.clone(),
                expected,
                received,
                lost,
                late,
                // The same sample may have been late for several rules.
                judged_late: late_for(trace, column.signal).map(|late| late.count).max().unwrap_or(0),
                lost_share: expected.zip(lost).filter(|(e, _)| *e > 0).map(|(e, l)| l as f64 / e as f64),
                longest_silence_s: silences.iter().max().map(|s| s.seconds()),
                gaps: column.gaps.len(),
                gaps_s,
            }
        })
        .collect();
    let links = trace
        .links
        .iter()
        .map(|l| LinkQuality {
            link: words::link(plan, l.link),
            bytes_in: l.bytes_in,
            bytes_out: l.bytes_out,
            noise_bytes: l.noise_bytes,
            corrupt_frames: l.corrupt_frames,
            foreign_frames: l.foreign_frames,
            lost_messages: l.lost_messages,
            times_lost: l.down.len(),
            down_s: l.down.iter().fold(Span::ZERO, |sum, s| sum + s.span()).seconds(),
        })
        .collect();
    let merged = plan.rules.iter().zip(&trace.rules).filter(|(_, t)| t.merged);
    let merged_rules = merged.map(|(rule, _)| rule.name.clone()).collect();
    Quality { format: 1, signals, links, merged_rules, recording_loss: trace.loss.as_ref().map(ToString::to_string) }
}

/// Every word on late samples of a signal.
fn late_for(trace: &Trace, signal: SignalId) -> impl Iterator<Item = &LateSamples> {
    trace.rules.iter().flat_map(|rule| &rule.late).filter(move |late| late.signal == signal)
}

impl Quality {
    /// As `quality.json`.
    pub fn json(&self) -> String {
        super::verdict::pretty(self)
    }
}
