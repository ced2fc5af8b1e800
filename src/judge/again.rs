//! Judges a recorded run again, by the rules of another envelope: what it heard is pushed into the same engine, in its order.
//!
//! What the guard did stays as it was: a stricter envelope would have stopped the machine earlier, and what would have come then
//! nobody knows.

use crate::command::RuleId;
use crate::diag::{Diagnostic, Files};
use crate::log::{Entry, RecordedFiles, Recording};
use crate::rig::{self, Rule};
use crate::run::event::EventKind;
use crate::scenario::plan::Plan;
use crate::signal::{SignalId, SignalTable, Value};
use crate::stl::{Engine, Judgement, RuleSpec, SignalSpec};
use crate::time::Time;

/// Rules that may judge a recorded run, and the signals that they read.
#[derive(Clone, PartialEq, Debug)]
pub struct OtherRules {
    pub signals: SignalTable,
    pub rules: Vec<Rule>,
    /// What is odd in the file, though nothing is wrong.
    pub warnings: Vec<Diagnostic>,
}

impl OtherRules {
    /// The rules of a plan.
    pub fn of_plan(plan: &Plan) -> OtherRules {
        OtherRules { signals: plan.rig.signals.clone(), rules: plan.rules.clone(), warnings: Vec::new() }
    }
    /// The rules of an envelope file on the signals of the recorded rig; every mistake at once. That the rig could not be driven under
    /// them, as where a fallback would leave them, is no mistake here.
    pub fn read(path: &str, files: &dyn Files, recording: &Recording) -> Result<OtherRules, Unfit> {
        let bytes = files.read(path).map_err(|why| Unfit::Unread(format!("{path}: {why}")))?;
        let loaded =
            rig::load(&recording.head.rig_path, &RecordedFiles::new(&recording.head)).map_err(Unfit::Unread)?;
        let (page, read) = rig::rules_for_trace(path, &bytes, &loaded.names);
        let wrong = page.has_errors();
        let problems = page.into_problems();
        if wrong {
            return Err(Unfit::Wrong(problems));
        }
        let numbered = read.into_iter().zip(0..).map(|(read, place)| {
            let mut rule = read.rule;
            rule.spec.id = RuleId(place);
            rule
        });
        Ok(OtherRules { signals: loaded.names.signals, rules: numbered.collect(), warnings: problems })
    }
}

/// Why a file's rules cannot judge a run.
#[derive(Clone, PartialEq, Debug)]
pub enum Unfit {
    /// It cannot be read, in words.
    Unread(String),
    Wrong(Vec<Diagnostic>),
}

/// The judgement on each of the rules, in their order; `None` where the run was never armed. `recorded`: the plan of the
/// recording, whose signals are found again by their names.
pub fn again(recording: &Recording, recorded: &Plan, others: &OtherRules) -> Option<Vec<Judgement>> {
    let names = recorded.rig.signals.iter().map(|(_, def)| others.signals.find(&def.name));
    let mut again = Again {
        recorded,
        names: names.collect(),
        engine: engine(others),
        held: vec![None; others.signals.len()],
        begun: false,
        changes: Vec::new(),
        batch: Vec::new(),
    };
    let closes_at = script_ended(recording, recorded);
    let mut closed = false;
    let mut last = Time::ZERO;
    for entry in &recording.entries {
        if let Some(at) = entry.at().filter(|at| closes_at.is_some_and(|closes| *at > closes) && !closed) {
            closed = true;
            again.engine.close_scope(closes_at.unwrap_or(at));
        }
        match entry {
            Entry::Samples(samples) => {
                for instant in samples.chunk_by(|a, b| a.at == b.at) {
                    last = instant[0].at;
                    again.batch.clear();
                    let known = instant.iter().filter_map(|sample| {
                        let signal = (*again.names.get(sample.signal.0 as usize)?)?;
                        Some((signal, sample.value))
                    });
                    again.batch.extend(known);
                    again.push(last);
                }
            }
            Entry::Event(event) => match &event.kind {
                EventKind::Armed => again.begin(event.at),
                EventKind::LinkLost { link, .. } => {
                    let link = *link;
                    again.lose(event.at, |device| device.link == link);
                }
                EventKind::Restarted { device } => {
                    let lost = *device;
                    again.lose(event.at, |device| device.id == lost);
                }
                // The run judges once, at its end.
                EventKind::RuleJudged { .. } => return again.ends(event.at),
                _ => {}
            },
            Entry::Input(_) | Entry::Sent { .. } => {}
        }
    }
    // A recording that was cut, or an envelope without a rule: as far as it goes.
    again.ends(last)
}

fn engine(others: &OtherRules) -> Engine {
    let rules: Vec<RuleSpec> = others.rules.iter().map(|rule| rule.spec.clone()).collect();
    let signals: Vec<SignalSpec> = others.signals.iter().map(|(_, def)| SignalSpec::of(def)).collect();
    Engine::new(&rules, &signals)
}

/// When the script was over: at a trip, when open obligations got their time, or with its last step.
fn script_ended(recording: &Recording, plan: &Plan) -> Option<Time> {
    let mut last_step = None;
    for event in recording.events() {
        match &event.kind {
            EventKind::Settling { .. } | EventKind::Tripped { .. } => return Some(event.at),
            EventKind::StepStarted { step } if plan.finally.iter().any(|last| last.id == *step) => break,
            EventKind::StepEnded { .. } => last_step = Some(event.at),
            _ => {}
        }
    }
    last_step
}

struct Again<'a> {
    recorded: &'a Plan,
    /// By signal of the recording: the same among those of the rules.
    names: Vec<Option<SignalId>>,
    engine: Engine,
    /// Before the run was armed: the last of each signal, with its stamp.
    held: Vec<Option<(Value, Time)>>,
    begun: bool,
    changes: Vec<crate::stl::Change>,
    batch: Vec<(SignalId, Value)>,
}

impl Again<'_> {
    fn push(&mut self, at: Time) {
        if self.begun {
            self.engine.push(at, &self.batch, &mut self.changes);
            self.changes.clear();
        } else {
            self.batch.iter().for_each(|(signal, value)| self.held[signal.0 as usize] = Some((*value, at)));
        }
    }

    fn begin(&mut self, at: Time) {
        let held: Vec<(SignalId, Value, Time)> = self
            .held
            .iter()
            .enumerate()
            .filter_map(|(place, held)| held.map(|(value, at)| (SignalId(place as u32), value, at)))
            .collect();
        self.begun = true;
        self.engine.start(at, &held, &mut self.changes);
        self.changes.clear();
    }

    /// What the devices told is unknown from one tick after that was told.
    fn lose(&mut self, at: Time, of: impl Fn(&crate::rig::DeviceDef) -> bool) {
        let devices: Vec<_> =
            self.recorded.rig.devices.iter().filter(|device| of(device)).map(|d| Some(d.id)).collect();
        let signals =
            self.recorded.rig.signals.iter().filter(|(_, def)| def.device.is_some() && devices.contains(&def.device));
        let lost: Vec<SignalId> = signals.filter_map(|(signal, _)| *self.names.get(signal.0 as usize)?).collect();
        if self.begun {
            self.engine.lose(at.next(), &lost, &mut self.changes);
            self.changes.clear();
        } else {
            lost.iter().for_each(|signal| {
                if let Some((value, _)) = &mut self.held[signal.0 as usize] {
                    *value = Value::Unknown;
                }
            });
        }
    }

    fn ends(self, at: Time) -> Option<Vec<Judgement>> {
        self.begun.then(|| self.engine.finish(at))
    }
}
