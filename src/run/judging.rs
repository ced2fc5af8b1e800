//! Judgement inside the run: two engines (rules and probes, both judged anew from arming on), and what follows from them.

use super::Effects;
use super::core::Core;
use super::event::EventKind;
use super::lateness::Lateness;
use crate::command::RuleId;
use crate::expr::ir::Formula;
use crate::expr::walk::signals_of;
use crate::guard::Cause;
use crate::rig::{FallbackArg, Reaction, Role};
use crate::scenario::plan::{GateMode, Plan};
use crate::signal::{Sample, SignalId, Value};
use crate::stl::{Change, Engine, Margin, Options, RuleSpec, SignalSpec, Truth};
use crate::time::{Span, Time};
use crate::wire::DeviceId;
use std::collections::BTreeMap;

/// A formula whose present truth the run asks for, by its place in the probe engine.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct ProbeId(pub u16);

/// Margins are thinned to one per rule in this time, the smallest kept: 50 points a second are more than a plot shows.
const MARGIN_EVERY: Span = Span::from_millis(20);

/// Engines and what was heard.
pub(super) struct Judging {
    /// Set at arming; judged from there.
    pub armed_at: Option<Time>,
    /// Per device.
    pub identified: Vec<bool>,
    pub wrong_identity: Option<String>,
    /// Per rule: the instant first judged false, and when that could first be known.
    pub violations: Vec<Option<(Time, Time)>>,
    /// Signals that must be fresh before the run is armed.
    needed: Vec<SignalId>,
    rules: Option<Engine>,
    probes: Engine,
    /// Started at arming: what came before is no start for `once` and `historically`.
    fresh_probes: Engine,
    /// Per signal: the last sample and its stamp.
    heard: Vec<Option<(Value, Time)>>,
    /// Per signal: when the input that brought the last sample arrived.
    arrived: Vec<Time>,
    stale_after: Vec<Option<Span>>,
    /// Samples that came too late to be judged where they belong.
    pub lateness: Lateness,
    changes: Vec<Change>,
    decided: Vec<(Time, Margin)>,
    last_margin: Vec<Option<Margin>>,
    next_margins: Time,
}

impl Judging {
    pub fn new(plan: &Plan, probes: Vec<Formula>) -> Judging {
        let signals: Vec<SignalSpec> = plan.rig.signals.iter().map(|(_, def)| SignalSpec::of(def)).collect();
        let probe_specs: Vec<RuleSpec> = probes
            .into_iter()
            .enumerate()
            .map(|(i, body)| RuleSpec { id: RuleId(i as u16), body, when: None })
            .collect();
        let rule_specs: Vec<RuleSpec> = plan.rules.iter().map(|rule| rule.spec.clone()).collect();
        let fresh_probes = Engine::new(&probe_specs, &signals);
        let mut probes = fresh_probes.clone();
        let mut changes = Vec::new();
        probes.start(Time::ZERO, &[], &mut changes);
        changes.clear();
        Judging {
            armed_at: None,
            identified: vec![false; plan.rig.devices.len()],
            wrong_identity: None,
            violations: vec![None; plan.rules.len()],
            needed: needed_for_arming(plan),
            rules: Some(Engine::with(&rule_specs, &signals, Options { pieces: true, ..Options::default() })),
            probes,
            fresh_probes,
            heard: vec![None; signals.len()],
            arrived: vec![Time::MIN; signals.len()],
            stale_after: signals.iter().map(|s| s.stale_after).collect(),
            lateness: Lateness::default(),
            changes,
            decided: Vec::new(),
            last_margin: vec![None; plan.rules.len()],
            next_margins: Time::MAX,
        }
    }

    pub fn truth(&self, probe: ProbeId) -> Truth {
        self.probes.now(RuleId(probe.0)).0
    }

    /// The number behind a probe of a quantity ([`Number::probe`](crate::expr::ir::Number::probe)), SI; `None`: unknown.
    pub fn quantity(&self, probe: ProbeId) -> Option<f64> {
        let (_, margin) = self.probes.now(RuleId(probe.0));
        (margin.lo == margin.hi && margin.lo.is_finite()).then_some(margin.lo)
    }

    /// The value of a signal now, unknown when stale or never heard.
    pub fn value(&self, signal: SignalId, now: Time) -> Value {
        match self.heard[signal.0 as usize] {
            Some((value, at)) if self.stale_after[signal.0 as usize].is_none_or(|span| now < at + span) => value,
            _ => Value::Unknown,
        }
    }

    /// When the signal was last heard.
    pub fn heard_at(&self, signal: SignalId) -> Option<Time> {
        self.heard[signal.0 as usize].map(|(_, at)| at)
    }

    /// When the input that brought the signal's last sample arrived; its stamp may be some nanoseconds later.
    pub fn arrived_at(&self, signal: SignalId) -> Time {
        self.arrived[signal.0 as usize]
    }

    /// The earliest instant at which an engine says something without a sample.
    pub fn next_deadline(&self) -> Option<Time> {
        let rules = self.armed_at.and(self.rules.as_ref()).and_then(Engine::next_deadline);
        let margins = self.armed_at.map(|_| self.next_margins);
        [rules, self.probes.next_deadline(), margins].into_iter().flatten().min()
    }

    /// True while some obligation of a rule is undecided.
    pub fn open(&self, plan: &Plan) -> bool {
        self.rules.as_ref().is_some_and(|engine| plan.rules.iter().any(|rule| engine.open(rule.spec.id)))
    }

    /// The script is over: obligations that only begin now need not be decided for a verdict.
    pub fn close_scope(&mut self, at: Time) {
        if self.armed_at.is_some()
            && let Some(rules) = &mut self.rules
        {
            rules.close_scope(at);
        }
    }

    /// Takes the rules' engine out, to be finished.
    pub fn take_rules(&mut self) -> Option<Engine> {
        self.armed_at.and(self.rules.take())
    }

    /// Signals without which the run is not armed, beyond those of rules and of `safe`.
    pub fn need(&mut self, signals: &[SignalId]) {
        for signal in signals {
            if !self.needed.contains(signal) {
                self.needed.push(*signal);
            }
        }
    }

    /// Names of what is missing before the run can be armed, in words.
    pub fn missing(&self, plan: &Plan, now: Time) -> Vec<String> {
        let mut missing = Vec::new();
        for device in &plan.rig.devices {
            let awaited = device.role == Role::Machine || device.dead_man.is_some();
            if awaited && !self.identified[device.id.0 as usize] {
                missing.push(format!("device {} was not identified", device.name));
            }
        }
        for signal in &self.needed {
            if self.value(*signal, now).is_unknown() {
                let name = &plan.rig.signals.def(*signal).name;
                missing.push(match self.heard_at(*signal) {
                    None => format!("signal {name} was never heard"),
                    Some(at) => format!("signal {name} was last heard with a known value at {at}"),
                });
            }
        }
        missing
    }
}

/// Signals without which a run of this plan is not armed: those of all stopping rules and of every `safe`; what the run
/// itself tells is always known.
pub fn needed_for_arming(plan: &Plan) -> Vec<SignalId> {
    let mut needed: Vec<SignalId> = Vec::new();
    let mut add = |signals: Vec<SignalId>| {
        for signal in signals {
            let def = plan.rig.signals.def(signal);
            let pulse = def.kind == crate::signal::SignalKind::Pulse;
            if def.device.is_some() && !pulse && !needed.contains(&signal) {
                needed.push(signal);
            }
        }
    };
    for rule in plan.rules.iter().filter(|rule| matches!(rule.reaction, Reaction::Stop(_))) {
        add(signals_of(&rule.spec.body));
        if let Some(when) = &rule.spec.when {
            add(signals_of(when));
        }
    }
    if plan.gate == GateMode::Fallback {
        for fallback in plan.rig.devices.iter().filter_map(|device| device.fallback.as_ref()) {
            let conditions = fallback.when.iter().chain(fallback.hand_back.iter().map(|back| &back.when));
            conditions.for_each(|(formula, _)| add(signals_of(formula)));
            for arg in &fallback.args {
                if let FallbackArg::Number(number) = arg {
                    add(signals_of(&number.clone().probe()));
                }
            }
        }
    }
    for ladder in &plan.ladders {
        add(ladder.safe_signals.clone());
    }
    needed
}

impl Core {
    /// Samples of one message: one instant, closed at once. The guard looks before the script moves.
    pub(super) fn instant(&mut self, at: Time, batch: &[(SignalId, Value)], out: &mut Effects) {
        debug_assert!(at > self.now || self.now == Time::ZERO, "instants never run backwards");
        self.now = at;
        let arrived = self.arrived - self.waited;
        let outdated;
        let batch = if self.waited > Span::ZERO && batch.iter().any(|(signal, _)| self.is_outdated(*signal)) {
            outdated = batch.iter().map(|(s, v)| (*s, if self.is_outdated(*s) { Value::Unknown } else { *v }));
            &outdated.collect::<Vec<_>>()
        } else {
            batch
        };
        for (signal, value) in batch {
            self.judging.heard[signal.0 as usize] = Some((*value, at - self.waited));
            self.judging.arrived[signal.0 as usize] = arrived;
            out.samples.push(Sample { at, signal: *signal, value: *value });
        }
        let mut changes = std::mem::take(&mut self.judging.changes);
        self.judging.probes.push(at, batch, &mut changes);
        self.judging.probes.advance(at.next(), &mut changes);
        changes.clear();
        if self.judging.armed_at.is_some()
            && let Some(rules) = &mut self.judging.rules
        {
            rules.push(at, batch, &mut changes);
            rules.advance(at.next(), &mut changes);
        }
        self.changed(&mut changes, out);
        self.judging.changes = changes;
        self.note_hearing(batch, out);
        self.watch_stops(out);
        self.confirm_safe(out);
    }

    /// A sample of this signal that waited as long as the one at hand is stale before it can be judged.
    fn is_outdated(&self, signal: SignalId) -> bool {
        self.judging.stale_after[signal.0 as usize].is_some_and(|span| self.waited >= span)
    }

    /// Closes every instant up to and including `at`, with no sample.
    pub(super) fn pass_time(&mut self, at: Time, out: &mut Effects) {
        self.now = self.now.max(at);
        let to = self.now.next();
        let mut changes = std::mem::take(&mut self.judging.changes);
        self.judging.probes.advance(to, &mut changes);
        changes.clear();
        if self.judging.armed_at.is_some()
            && let Some(rules) = &mut self.judging.rules
        {
            rules.advance(to, &mut changes);
        }
        self.changed(&mut changes, out);
        self.judging.changes = changes;
        self.watch_stops(out);
        if self.judging.armed_at.is_some() && self.judging.next_margins <= self.now {
            self.judging.next_margins = self.now + MARGIN_EVERY;
            self.margins(out);
        }
    }

    /// These signals are unknown from now on, until heard again.
    pub(super) fn lose(&mut self, signals: &[SignalId], out: &mut Effects) {
        for signal in signals {
            if let Some((value, _)) = &mut self.judging.heard[signal.0 as usize] {
                *value = Value::Unknown;
            }
        }
        let at = self.now.next();
        self.now = at;
        let mut changes = std::mem::take(&mut self.judging.changes);
        self.judging.probes.lose(at, signals, &mut changes);
        self.judging.probes.advance(at.next(), &mut changes);
        changes.clear();
        if self.judging.armed_at.is_some()
            && let Some(rules) = &mut self.judging.rules
        {
            rules.lose(at, signals, &mut changes);
            rules.advance(at.next(), &mut changes);
        }
        self.changed(&mut changes, out);
        self.judging.changes = changes;
        self.watch_stops(out);
        self.confirm_safe(out);
    }

    /// Starts judging: from here on the rules hold.
    pub(super) fn arm(&mut self, out: &mut Effects) {
        let held: Vec<(SignalId, Value, Time)> = self
            .judging
            .heard
            .iter()
            .enumerate()
            .filter_map(|(i, heard)| heard.map(|(value, at)| (SignalId(i as u32), value, at)))
            .collect();
        self.judging.armed_at = Some(self.now);
        self.judging.next_margins = self.now + MARGIN_EVERY;
        self.reacting.guard.arm(self.now);
        self.emit(EventKind::Armed, out);
        let mut changes = std::mem::take(&mut self.judging.changes);
        // Until here the probes judged from a start at which nothing had been heard, which no unbounded past forgets.
        std::mem::swap(&mut self.judging.probes, &mut self.judging.fresh_probes);
        self.judging.probes.start(self.now, &held, &mut changes);
        self.judging.probes.advance(self.now.next(), &mut changes);
        changes.clear();
        if let Some(rules) = &mut self.judging.rules {
            rules.start(self.now, &held, &mut changes);
            rules.advance(self.now.next(), &mut changes);
        }
        self.changed(&mut changes, out);
        self.judging.changes = changes;
    }

    /// What the rules' engine said becomes events, and trips.
    fn changed(&mut self, changes: &mut Vec<Change>, out: &mut Effects) {
        // What the sample at hand shows could be known when it arrived.
        let (now, waited) = (self.now, self.waited);
        let known = |at: Time| if at >= now { at - waited } else { at };
        for change in changes.drain(..) {
            match change {
                Change::Tested { rule, .. } => self.emit(EventKind::RuleTested { rule }, out),
                Change::Violated { rule, instant, at } => {
                    let at = known(at);
                    let slot = &mut self.judging.violations[rule.0 as usize];
                    let first = slot.is_none();
                    slot.get_or_insert((instant, at));
                    if first {
                        if let Reaction::Stop(devices) = &self.plan.clone().rules[rule.0 as usize].reaction {
                            let stop = self.reacting.ladders_of(devices);
                            self.trip(Cause::Rule(rule), stop, Some(at), out);
                        }
                        self.emit(EventKind::RuleViolated { rule, instant }, out);
                        // By how much it was broken belongs beside the violation, not 20 ms later.
                        self.margins(out);
                    }
                }
                Change::Episode { rule, broken, at } => {
                    self.emit(EventKind::RuleEpisode { rule, broken, instant: at }, out);
                }
                Change::Blind { rule, signal, unknown, at } => {
                    let at = known(at);
                    if unknown && let Reaction::Stop(devices) = &self.plan.clone().rules[rule.0 as usize].reaction {
                        let stop = self.reacting.ladders_of(devices);
                        self.trip(Cause::Unknown(rule), stop, Some(at), out);
                    }
                    self.emit(EventKind::RuleBlind { rule, signal, unknown }, out);
                }
                Change::Late { rule, signal, stamp, at } => {
                    let word = self.judging.lateness.take(rule, signal, at.since(stamp), self.now);
                    word.into_iter().for_each(|word| self.emit(word, out));
                }
                Change::Merged { rule, .. } => self.emit(EventKind::RuleMerged { rule }, out),
            }
        }
    }

    /// Emits the smallest margin decided per rule since the last time.
    pub(super) fn margins(&mut self, out: &mut Effects) {
        let mut decided = std::mem::take(&mut self.judging.decided);
        let Some(mut engine) = self.judging.rules.take() else { return };
        for place in 0..self.plan.rules.len() {
            let rule = RuleId(place as u16);
            decided.clear();
            engine.take_decided(rule, &mut decided);
            let smallest = decided.iter().min_by(|a, b| a.1.lo.total_cmp(&b.1.lo)).copied();
            if let Some((instant, margin)) = smallest
                && self.judging.last_margin[place] != Some(margin)
            {
                self.judging.last_margin[place] = Some(margin);
                self.emit(EventKind::RuleMargin { rule, instant, margin }, out);
            }
        }
        self.judging.rules = Some(engine);
        self.judging.decided = decided;
    }

    /// A message of a device arrived, whatever it said.
    pub(super) fn alive(&mut self, device: DeviceId, at: Time) {
        self.reacting.guard.heard(device, at - self.waited);
        self.heard_by_fallback(device, at - self.waited);
    }
}

/// Hands out places in the probe engine, one per distinct formula.
#[derive(Default)]
pub(super) struct ProbeTable {
    pub formulas: Vec<Formula>,
    places: BTreeMap<String, ProbeId>,
}

impl ProbeTable {
    /// The place of a formula; equal formulas share one.
    pub fn place(&mut self, formula: &Formula) -> ProbeId {
        let key = format!("{formula:?}");
        *self.places.entry(key).or_insert_with(|| {
            self.formulas.push(formula.clone());
            ProbeId((self.formulas.len() - 1) as u16)
        })
    }
}
