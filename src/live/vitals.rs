//! What is known of a rig that is only looked at: each signal's rate, age, noise and extremes, each rule's margin, how each
//! link and device stands.
//!
//! Everything is worked out from events and samples as they come; nothing is kept of the past but sums.

use crate::run::event::{Event, EventKind};
use crate::scenario::plan::Plan;
use crate::signal::{Every, Sample, SignalId, SignalKind, Value};
use crate::stl::Margin;
use crate::time::{Span, Time};
use std::sync::Arc;

/// Everything that was seen so far.
pub struct Vitals {
    plan: Arc<Plan>,
    signals: Vec<Option<Pulse>>,
    /// Per rule.
    rules: Vec<RuleVitals>,
    /// Per link.
    links: Vec<LinkVitals>,
    /// Per device.
    devices: Vec<DeviceVitals>,
    /// The rules are judged: every signal that they need was heard.
    pub judged: bool,
    /// What the harness measured of itself: wire, median, worst, enough for the tightest rule.
    pub floors: Vec<EventKind>,
    /// Said by the run for people.
    pub remarks: Vec<String>,
}

/// What is known of one signal.
#[derive(Clone, PartialEq, Debug)]
pub struct Pulse {
    pub count: u64,
    pub first: Time,
    pub last: Time,
    /// The longest that it was silent between two samples.
    pub longest_gap: Span,
    pub value: Value,
    /// Of numbers, SI.
    pub least: f64,
    pub most: f64,
    /// Sum of squared differences of neighbours, SI squared, and how many there were.
    squares: f64,
    steps: u64,
}

/// How a rule stands.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct RuleVitals {
    /// The last margin decided, SI.
    pub margin: Option<Margin>,
    /// The smallest that there was.
    pub least: Option<f64>,
    /// It is broken now, as far as decided.
    pub broken: bool,
    /// It was broken at some time.
    pub was_broken: bool,
    /// A signal of it is unknown.
    pub blind: bool,
}

/// How a link stands.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct LinkVitals {
    pub up: bool,
    /// It was up at some time.
    pub was_up: bool,
    /// Why it is not up, once that was said.
    pub why: Option<String>,
    pub noise_bytes: u64,
    pub corrupt_frames: u64,
    pub foreign_frames: u64,
    pub lost_messages: u64,
}

/// How a device stands.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DeviceVitals {
    pub identified: bool,
    /// Which fact is another one, what was found, what is wanted.
    pub another: Option<(String, String, String)>,
    pub firmware: Option<String>,
    /// Answers to questions of ours: how many, the sum of their times, the longest.
    pub answers: u64,
    pub answers_sum: Span,
    pub answers_most: Span,
    pub clock: Option<ClockVitals>,
    /// It started anew while it was looked at.
    pub restarts: u64,
    /// The last that it said in words.
    pub says: Option<String>,
}

/// A device's clock against ours.
#[derive(Clone, PartialEq, Debug)]
pub struct ClockVitals {
    /// It counts from 1970 (UTC); otherwise from the device's own start.
    pub unix: bool,
    /// What our clock said less what its did, at the first and the last word of it. Of UTC clocks ours is the time of the
    /// run, so that the wall clock at the run's start is to be added.
    pub first: (Time, Span),
    pub last: (Time, Span),
    /// The smallest and the largest difference: how much its words jitter on their way.
    pub least: Span,
    pub most: Span,
}

impl ClockVitals {
    /// How much faster (+) its clock runs than ours in parts per million, and how far that may be off: the jitter of its
    /// words over the time that was looked. `None` under a second.
    pub fn drift_ppm(&self) -> Option<(f64, f64)> {
        let seconds = self.last.0.since(self.first.0).seconds();
        (seconds >= 1.0).then(|| {
            let slower = self.last.1 - self.first.1;
            (-slower.seconds() / seconds * 1e6, (self.most - self.least).seconds() / seconds * 1e6)
        })
    }
}

impl Pulse {
    fn new(sample: &Sample) -> Pulse {
        let number = number(sample.value);
        Pulse {
            count: 1,
            first: sample.at,
            last: sample.at,
            longest_gap: Span::ZERO,
            value: sample.value,
            least: number.unwrap_or(f64::INFINITY),
            most: number.unwrap_or(f64::NEG_INFINITY),
            squares: 0.0,
            steps: 0,
        }
    }

    fn take(&mut self, sample: &Sample) {
        self.longest_gap = self.longest_gap.max(sample.at.since(self.last));
        if let (Some(before), Some(now)) = (number(self.value), number(sample.value)) {
            self.squares += (now - before) * (now - before);
            self.steps += 1;
        }
        if let Some(now) = number(sample.value) {
            self.least = self.least.min(now);
            self.most = self.most.max(now);
        }
        self.count += 1;
        self.last = sample.at;
        self.value = sample.value;
    }

    /// Samples per second between the first and the last; `None` with fewer than two.
    pub fn rate_hz(&self) -> Option<f64> {
        let seconds = self.last.since(self.first).seconds();
        (self.count > 1 && seconds > 0.0).then(|| (self.count - 1) as f64 / seconds)
    }

    /// The standard deviation of what neighbours differ by, over the square root of two, SI: white noise as it is, and a
    /// slow drift counts for next to nothing (the Allan deviation at one period). `None` with fewer than two steps.
    pub fn noise(&self) -> Option<f64> {
        (self.steps > 1).then(|| (self.squares / self.steps as f64 / 2.0).sqrt())
    }

    /// Smallest and largest number, SI.
    pub fn extremes(&self) -> Option<(f64, f64)> {
        (self.least <= self.most).then_some((self.least, self.most))
    }
}

fn number(value: Value) -> Option<f64> {
    match value {
        Value::Number(si) if si.is_finite() => Some(si),
        _ => None,
    }
}

impl Vitals {
    /// Nothing was seen yet.
    pub fn new(plan: Arc<Plan>) -> Vitals {
        Vitals {
            signals: vec![None; plan.rig.signals.len()],
            rules: vec![RuleVitals::default(); plan.rules.len()],
            links: vec![LinkVitals::default(); plan.rig.links.len()],
            devices: vec![DeviceVitals::default(); plan.rig.devices.len()],
            judged: false,
            floors: Vec::new(),
            remarks: Vec::new(),
            plan,
        }
    }

    /// The plan that is looked at.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }
    /// What is known of a signal; `None`: it was never heard.
    pub fn signal(&self, id: SignalId) -> Option<&Pulse> {
        self.signals[id.0 as usize].as_ref()
    }
    /// Per rule of the plan.
    pub fn rules(&self) -> &[RuleVitals] {
        &self.rules
    }
    /// Per link of the rig.
    pub fn links(&self) -> &[LinkVitals] {
        &self.links
    }
    /// Per device of the rig.
    pub fn devices(&self) -> &[DeviceVitals] {
        &self.devices
    }

    /// Whether the last sample of a signal no longer holds at `now`.
    pub fn is_stale(&self, id: SignalId, now: Time) -> bool {
        let Some(pulse) = self.signal(id) else { return true };
        self.plan.rig.signals.def(id).stale_after.is_some_and(|holds| now.since(pulse.last) >= holds)
    }

    /// Takes decoded samples.
    pub fn samples(&mut self, samples: &[Sample]) {
        for sample in samples {
            let slot = &mut self.signals[sample.signal.0 as usize];
            match slot {
                Some(pulse) => pulse.take(sample),
                None => *slot = Some(Pulse::new(sample)),
            }
        }
    }

    /// Takes an event.
    pub fn event(&mut self, event: &Event) {
        match &event.kind {
            EventKind::LinkUp { link } => {
                let link = &mut self.links[usize::from(link.0)];
                (link.up, link.was_up, link.why) = (true, true, None);
            }
            EventKind::LinkLost { link, why } => {
                let link = &mut self.links[usize::from(link.0)];
                (link.up, link.why) = (false, Some(why.clone()));
            }
            EventKind::WireTrouble { link, noise_bytes, corrupt_frames, foreign_frames, lost_messages } => {
                let link = &mut self.links[usize::from(link.0)];
                link.noise_bytes = *noise_bytes;
                link.corrupt_frames = *corrupt_frames;
                link.foreign_frames = *foreign_frames;
                link.lost_messages = *lost_messages;
            }
            EventKind::Identified { device } => {
                let device = &mut self.devices[usize::from(device.0)];
                (device.identified, device.another) = (true, None);
            }
            EventKind::WrongIdentity { device, fact, found, wanted } => {
                let device = &mut self.devices[usize::from(device.0)];
                device.identified = false;
                device.another = Some((fact.clone(), found.clone(), wanted.clone()));
            }
            EventKind::Restarted { device } => {
                let device = &mut self.devices[usize::from(device.0)];
                device.restarts += 1;
                device.clock = None;
            }
            EventKind::DeviceText { device, text, .. } => {
                self.devices[usize::from(device.0)].says = Some(text.clone());
            }
            EventKind::Firmware { device, version } => {
                self.devices[usize::from(device.0)].firmware = Some(version.clone());
            }
            EventKind::RoundTrip { device, took } => {
                let device = &mut self.devices[usize::from(device.0)];
                device.answers += 1;
                device.answers_sum = device.answers_sum + *took;
                device.answers_most = device.answers_most.max(*took);
            }
            EventKind::DeviceClock { device, told, unix } => {
                let behind = event.at.since(Time::ZERO) - *told;
                let slot = &mut self.devices[usize::from(device.0)].clock;
                match slot {
                    Some(clock) if clock.unix == *unix => {
                        clock.last = (event.at, behind);
                        clock.least = clock.least.min(behind);
                        clock.most = clock.most.max(behind);
                    }
                    // A clock on the wall says more than one that counts from its own start.
                    Some(clock) if clock.unix => {}
                    _ => {
                        let now = (event.at, behind);
                        *slot = Some(ClockVitals { unix: *unix, first: now, last: now, least: behind, most: behind });
                    }
                }
            }
            EventKind::Armed => self.judged = true,
            EventKind::RuleMargin { rule, margin, .. } => {
                let rule = &mut self.rules[usize::from(rule.0)];
                rule.margin = Some(*margin);
                rule.least = Some(rule.least.map_or(margin.lo, |least| least.min(margin.lo)));
            }
            EventKind::RuleViolated { rule, .. } => {
                let rule = &mut self.rules[usize::from(rule.0)];
                (rule.broken, rule.was_broken) = (true, true);
            }
            EventKind::RuleEpisode { rule, broken, .. } => {
                let rule = &mut self.rules[usize::from(rule.0)];
                rule.broken = *broken;
                rule.was_broken |= *broken;
            }
            EventKind::RuleBlind { rule, unknown, .. } => self.rules[usize::from(rule.0)].blind = *unknown,
            EventKind::SelfTested { .. } => self.floors.push(event.kind.clone()),
            EventKind::Remark { text } => self.remarks.push(text.clone()),
            _ => {}
        }
    }

    /// What keeps this look from being enough to say how the rig is: `None` when every link is up, every machine
    /// identified, and every signal that has a rate was heard often enough to tell it.
    pub fn wanting(&self) -> Option<String> {
        for (link, def) in self.links.iter().zip(&self.plan.rig.links) {
            if !link.up {
                return Some(format!("link {} is not up", def.name));
            }
        }
        for (device, def) in self.devices.iter().zip(&self.plan.rig.devices) {
            if def.role == crate::rig::Role::Machine && !device.identified && device.another.is_none() {
                return Some(format!("device {} was not identified", def.name));
            }
        }
        for (id, def) in self.plan.rig.signals.iter() {
            let Some(of) = def.device else { continue };
            if self.plan.rig.devices[usize::from(of.0)].role != crate::rig::Role::Machine {
                continue;
            }
            let heard = self.signal(id);
            let enough = match (def.every, heard) {
                (Every::Period(every), Some(pulse)) => pulse.count >= rate_from(every),
                (Every::Period(_), None) => false,
                (Every::Change, _) => true,
            };
            if !enough && def.kind != SignalKind::Pulse {
                return Some(format!("signal {} was not heard often enough", def.name));
            }
        }
        None
    }
}

/// Samples from which a rate is told of a signal of this period: two of a slow one, so that nobody waits for a third.
pub fn rate_from(every: Span) -> u64 {
    if every >= SLOW { 2 } else { 3 }
}

/// From this period on a signal is slow to a person who waits.
const SLOW: Span = Span::from_millis(400);
