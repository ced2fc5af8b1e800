//! How much memory each node may need, from its window and the declared rates: planned once, before the first sample.
//!
//! A node can only change at a sample of one of its signals, or a fixed time after one (where a window ends). So the
//! instants at which it changes are known as a set of (signal, how much later), and a window holds as many entries as
//! samples of those signals fall into it.

use super::SignalSpec;
use super::graph::{Op, Plan};
use std::collections::{BTreeMap, BTreeSet};

/// Assumed time between samples of a signal that declares none (`every: change`), in ns: 50 per second.
const UNDECLARED_NS: i64 = 20_000_000;

/// Devices are not punctual: room for so many times the declared rate.
const SLACK: i64 = 2;

/// The most entries of one memory; beyond, neighbours merge.
const MOST: i64 = 1 << 20;

/// Sets larger than this are counted instead of kept.
const MOST_EXACT: usize = 256;

/// When a node may change.
#[derive(Clone, Debug, Default)]
struct Times {
    /// A signal, and how many slots after its sample.
    at: BTreeSet<(u32, i64)>,
    /// How many more times per sample of a signal.
    more: BTreeMap<u32, i64>,
    /// How many times as often as that, for lines that cross.
    factor: i64,
}

impl Times {
    fn of(signal: u32, spec: &SignalSpec) -> Times {
        let mut times = Times { factor: 1, ..Times::default() };
        times.at.insert((signal, 0));
        if let Some(stale) = spec.stale_after {
            times.at.insert((signal, stale.nanos().saturating_mul(2)));
        }
        times
    }
    fn add(&mut self, other: &Times, later: i64) {
        self.at.extend(other.at.iter().map(|&(signal, at)| (signal, at.saturating_add(later))));
        for (&signal, &count) in &other.more {
            let sum = self.more.entry(signal).or_default();
            *sum = sum.saturating_add(count);
        }
        self.factor = self.factor.max(other.factor);
        if self.at.len() > MOST_EXACT {
            for (signal, _) in std::mem::take(&mut self.at) {
                *self.more.entry(signal).or_default() += 1;
            }
        }
    }
    /// Entries within a window of `slots`.
    fn entries(&self, slots: i64, signals: &[SignalSpec], burst: u16) -> usize {
        let per_window = |signal: u32| {
            let every = signals[signal as usize].every.map_or(UNDECLARED_NS, |span| span.nanos()).max(1);
            (slots / 2 / every).saturating_mul(SLACK).saturating_add(i64::from(burst))
        };
        let exact = self.at.iter().fold(0i64, |sum, &(signal, _)| sum.saturating_add(per_window(signal)));
        let all = self
            .more
            .iter()
            .fold(exact, |sum, (&signal, &count)| sum.saturating_add(per_window(signal).saturating_mul(count)));
        // No two entries are at the same slot.
        all.saturating_mul(self.factor.max(1)).min(slots.saturating_add(4)).clamp(4, MOST) as usize
    }
}

/// The window of a node's memory, in slots; `None`: it keeps no entries.
fn window(op: &Op) -> Option<i64> {
    use super::ops::Promise;
    match op {
        Op::Once { width, .. } | Op::Since { width, .. } | Op::Waiting { width } => *width,
        Op::Until { width } => Some(*width),
        Op::Delay { ticks, .. } | Op::Mean(ticks, _) => Some(ticks.saturating_mul(2)),
        Op::Early(Promise::Always { to, .. } | Promise::Until { to, .. }) => *to,
        Op::Early(Promise::Eventually { to, .. }) => Some(*to),
        _ => None,
    }
}

/// Per node the entries planned for its memory; 0 where it keeps none.
///
/// `burst`: entries added to each count, since short windows see bursts.
pub(super) fn plan(plans: &[Plan], signals: &[SignalSpec], burst: u16) -> Vec<usize> {
    let mut all: Vec<Times> = Vec::with_capacity(plans.len());
    let mut rooms = Vec::with_capacity(plans.len());
    for plan in plans {
        let mut times = Times { factor: 1, ..Times::default() };
        if let Some(signal) = plan.op.signal() {
            times = Times::of(signal, &signals[signal as usize]);
        }
        for child in &plan.children {
            times.add(&all[child.place()], 0);
        }
        let width = window(&plan.op);
        rooms.push(width.map_or(0, |slots| times.entries(slots, signals, burst)));
        let operands = times.clone();
        match &plan.op {
            Op::Delay { ticks, .. } => {
                times = Times { factor: operands.factor, ..Times::default() };
                times.add(&operands, ticks.saturating_mul(2));
            }
            Op::Mean(..) => {
                times.add(&operands, width.unwrap_or(0));
                times.add(&operands, 2);
            }
            Op::Changed(_) | Op::Rise => times.add(&operands, 1),
            // A line crosses zero, and leaves it, at most once between two changes, for each of its ends.
            Op::Compare { .. } if plan.linear => times.factor = times.factor.saturating_mul(5),
            Op::And if plan.linear => times.factor = times.factor.saturating_mul(3),
            _ => {
                if let Some(width) = width {
                    times.add(&operands, width);
                }
            }
        }
        all.push(times);
    }
    rooms
}
