//! A cell of an arm and a belt that obey what reaches them, and the run that is held against it: every byte is real,
//! every instant is told.

use checkrein::codec::json::device::propose;
use checkrein::diag::Files;
use checkrein::guard::Cause;
use checkrein::log::Entry;
use checkrein::run::event::{EventKind, StepOutcome};
use checkrein::run::{
    Effect, Effects, Event, Input, LinkState, OperatorOrder, Outcome, RecorderState, Run, RunVerdict, SendId,
};
use checkrein::scenario::plan::{Mode, Plan};
use checkrein::scenario::{Request, check};
use checkrein::time::{Span, Time};
use checkrein::trace::Trace;
use checkrein::wire::{Frame, Lane, LinkId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Files that stand in the test.
pub struct Texts(pub BTreeMap<String, String>);

impl Files for Texts {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        self.0.get(path).map(|text| text.as_bytes().to_vec()).ok_or_else(|| "no such file".to_owned())
    }
}

/// The plan of a scenario on a rig, all three as texts.
pub fn plan_of(name: &str, rig: &str, envelope: &str, scenario: &str) -> Arc<Plan> {
    let scenario = format!("scenario: A story\nrig: {name}\nabout: For a test.\n{scenario}");
    let envelope = format!("envelope: Of a test\nrules:\n{envelope}");
    let files = Texts(BTreeMap::from([
        (format!("rigs/{name}/rig.yaml"), rig.to_owned()),
        (format!("rigs/{name}/envelope.yaml"), envelope),
        (format!("scenarios/{name}/story.yaml"), scenario),
    ]));
    let request = Request {
        scenario: format!("scenarios/{name}/story.yaml"),
        rig: None,
        overrides: Vec::new(),
        seed: 7,
        mode: Mode::Rig,
    };
    match check(&request, &files) {
        Ok((plan, _)) => Arc::new(plan),
        Err(diagnostics) => panic!("{}", checkrein::diag::report(&diagnostics, false)),
    }
}

/// The rule that most stories are about.
pub const LIMIT: &str =
    "  limit:\n    always: arm.pos <= 8 m and belt.speed <= 4 m/s\n    react_within: 100 ms\n    safe_within: 10 s\n";

/// The rig file of the cell.
pub const RIG: &str = include_str!("../fixtures/cell/rig.yaml");

pub const BUS: LinkId = LinkId(0);

pub fn ms(millis: i64) -> Time {
    Time::from_nanos(millis * 1_000_000)
}

/// Frames on their way out.
struct Leaving {
    done: Time,
    id: SendId,
    begun: Time,
    frames: Vec<Frame>,
    lane: Lane,
}

/// A run and the cell that it moves.
pub struct Story {
    pub plan: Arc<Plan>,
    pub run: Run,
    pub now: Time,
    /// Everything so far.
    pub effects: Vec<(Time, Effect)>,
    /// Effects of the last call.
    pub last: Vec<Effect>,
    pub inputs: Vec<Input>,
    /// What a recording would hold.
    pub entries: Vec<Entry>,
    pub outcome: Option<Outcome>,
    /// The arm.
    pub pos: String,
    pub on: bool,
    pub serial: &'static str,
    pub arm_speaks: bool,
    /// The belt.
    pub speed: f64,
    pub runs: bool,
    pub belt_speaks: bool,
    pub pilot_speaks: bool,
    /// What the operator's panel says, where the rig has one.
    pub panel: Option<&'static str>,
    /// Topics of commands that are heard but not obeyed.
    pub deaf_to: BTreeSet<&'static str>,
    /// From the call that names a rung to its first byte.
    pub begins_after: Span,
    /// Rungs leave at all.
    pub leaves: bool,
    /// What is in the Normal lane leaves by itself.
    pub leaves_normal: bool,
    /// How long the link takes for each frame in the Normal lane, one after the other.
    pub slow_by: Span,
    leaving: VecDeque<Leaving>,
    next_state: Time,
}

impl Story {
    pub fn new(envelope: &str, scenario: &str) -> Story {
        Story::with_rig(RIG, envelope, scenario)
    }

    /// The same cell with another rig file.
    pub fn with_rig(rig: &str, envelope: &str, scenario: &str) -> Story {
        let plan = plan_of("cell", rig, envelope, scenario);
        Story {
            run: Run::new(plan.clone()),
            plan,
            now: Time::ZERO,
            effects: Vec::new(),
            last: Vec::new(),
            inputs: Vec::new(),
            entries: Vec::new(),
            outcome: None,
            pos: "1.0".to_owned(),
            on: false,
            serial: "A7",
            arm_speaks: true,
            speed: 0.0,
            runs: false,
            belt_speaks: true,
            pilot_speaks: true,
            panel: None,
            deaf_to: BTreeSet::new(),
            begins_after: Span::from_micros(50),
            leaves: true,
            leaves_normal: true,
            slow_by: Span::ZERO,
            leaving: VecDeque::new(),
            next_state: ms(20),
        }
    }

    /// Brought up and armed at 20 ms.
    pub fn armed(envelope: &str, scenario: &str) -> Story {
        Story::new(envelope, scenario).arm()
    }

    /// Armed, and a person said yes to faults that may act on real machines.
    pub fn confirmed(envelope: &str, scenario: &str) -> Story {
        let mut story = Story::armed(envelope, scenario);
        assert!(story.effects.iter().any(|(_, e)| matches!(e, Effect::Prompt { .. })), "nobody was asked");
        story.order(20, OperatorOrder::Answer { yes: true });
        story
    }

    /// The story brought up and armed at 20 ms.
    pub fn arm(mut self) -> Story {
        self.link(1, LinkState::Up);
        self.until(20);
        assert!(self.is_armed(), "{:?}", self.kinds());
        self
    }

    pub fn feed(&mut self, input: Input) {
        assert!(self.outcome.is_none(), "the run is over: {:?}", self.outcome);
        self.now = self.now.max(input.at());
        let mut effects = Effects::default();
        self.run.handle(&input, &mut effects);
        self.entries.push(Entry::Input(input.clone()));
        self.entries.push(Entry::Samples(std::mem::take(&mut effects.samples)));
        let events = effects.list.iter().filter_map(|effect| match effect {
            Effect::Emit(event) => Some(Entry::Event(event.clone())),
            _ => None,
        });
        self.entries.extend(events);
        self.inputs.push(input);
        self.last = effects.list.clone();
        for effect in effects.list {
            match &effect {
                Effect::Send { id, frame, lane } if *lane != Lane::Normal || self.leaves_normal => {
                    let before = self.leaving.iter().filter(|l| l.lane == *lane).map(|l| l.done).max();
                    let slow = if *lane == Lane::Normal { self.slow_by } else { Span::ZERO };
                    let begun = before.unwrap_or(self.now).max(self.now);
                    self.leave(begun + slow, *id, begun, vec![frame.clone()], *lane);
                }
                Effect::DropNormal => {
                    let now = self.now;
                    // What is on its way out at this instant is not called back.
                    self.leaving.retain(|l| l.lane != Lane::Normal || l.begun < now);
                }
                Effect::Rung { id, ladder, rung } if self.leaves => {
                    let frames = self.plan.ladders[ladder.0 as usize].rungs[rung.0 as usize].frames.clone();
                    let begun = self.now + self.begins_after;
                    self.leave(begun + Span::from_micros(50), *id, begun, frames, Lane::Safe);
                }
                Effect::Finish(outcome) => {
                    assert!(self.outcome.is_none(), "a run ends once");
                    self.outcome = Some(outcome.clone());
                }
                _ => {}
            }
            self.effects.push((self.now, effect));
        }
    }

    fn leave(&mut self, done: Time, id: SendId, begun: Time, frames: Vec<Frame>, lane: Lane) {
        let place = self.leaving.partition_point(|before| before.done <= done);
        self.leaving.insert(place, Leaving { done, id, begun, frames, lane });
    }

    fn obey(&mut self, frame: &Frame) {
        let topic = frame.topic.as_deref().unwrap_or_default();
        if self.deaf_to.contains(topic) {
            return;
        }
        match topic {
            "arm/start" => self.on = true,
            "arm/stop" | "arm/brake" | "arm/cut" => self.on = false,
            "belt/run" => self.runs = true,
            "belt/halt" => self.runs = false,
            _ => {}
        }
    }

    /// Lets time pass up to `millis`, both included: devices speak every 20 ms, frames leave, deadlines are ticked.
    pub fn until(&mut self, millis: i64) {
        let end = ms(millis);
        while self.outcome.is_none() {
            // What was slept through is not said afterwards.
            self.next_state = self.next_state.max(self.now);
            let leaves = self.leaving.front().map(|leaving| leaving.done);
            let due = self.run.next_deadline().map(|due| due.max(self.now));
            let next = [leaves, Some(self.next_state), due].into_iter().flatten().min().expect("devices always speak");
            if next > end {
                break;
            }
            if leaves == Some(next) {
                let Leaving { done, id, begun, frames, .. } = self.leaving.pop_front().expect("it was just seen");
                if frames.iter().any(|frame| frame.has_lapsed(begun)) {
                    self.feed(Input::Lapsed { at: done, id });
                    continue;
                }
                frames.iter().for_each(|frame| self.obey(frame));
                self.feed(Input::Sent { at: done, id, begun, done, queued_ahead: 0 });
            } else if self.next_state == next {
                self.next_state += Span::from_millis(20);
                self.speak(next);
            } else {
                self.feed(Input::Tick { at: next });
            }
        }
        self.now = self.now.max(end);
    }

    fn speak(&mut self, at: Time) {
        if self.belt_speaks {
            let text = format!(r#"{{"speed":{},"runs":{}}}"#, self.speed, self.runs);
            self.publish(at, "belt/state", &text);
        }
        if self.pilot_speaks {
            self.publish(at, "pilot/beat", r#"{"n":1}"#);
        }
        if let Some(text) = self.panel {
            self.publish(at, "panel/state", text);
        }
        if self.arm_speaks {
            self.tell_arm(at);
        }
    }

    /// The arm's state as it is now.
    pub fn tell_arm(&mut self, at: Time) {
        let text = format!(r#"{{"pos":{},"live":{},"serial":"{}"}}"#, self.pos, self.on, self.serial);
        self.publish(at, "arm/state", &text);
    }

    pub fn publish(&mut self, at: Time, topic: &str, text: &str) {
        if self.outcome.is_none() {
            self.feed(Input::bytes(at, Frame::publish(BUS, topic, text.as_bytes())));
        }
    }

    /// What was said `waited` ago, and waited here since.
    pub fn publish_late(&mut self, at: Time, waited: Span, topic: &str, text: impl Into<Vec<u8>>) {
        self.feed(Input::Bytes { at, waited, frame: Frame::publish(BUS, topic, text) });
    }

    /// The pilot asks for a place.
    pub fn propose(&mut self, millis: i64, to: f64) {
        self.until(millis);
        self.feed(Input::bytes(ms(millis), Frame::publish(BUS, "pilot/go", propose(&[("to", to)]))));
    }

    pub fn link(&mut self, millis: i64, state: LinkState) {
        self.feed(Input::Link { at: ms(millis), link: BUS, state });
    }

    pub fn stop(&mut self, millis: i64) {
        self.until(millis);
        self.feed(Input::Operator { at: ms(millis), order: OperatorOrder::Stop });
    }

    /// A person says something but stop.
    pub fn order(&mut self, millis: i64, order: OperatorOrder) {
        self.until(millis);
        self.feed(Input::Operator { at: ms(millis), order });
    }

    pub fn recorder(&mut self, millis: i64, state: RecorderState) {
        self.until(millis);
        self.feed(Input::Recorder { at: ms(millis), state });
    }

    /// To the end of the run, which must come by itself.
    pub fn end(&mut self) -> Outcome {
        self.until(self.now.nanos() / 1_000_000 + 120_000);
        self.outcome.clone().unwrap_or_else(|| panic!("the run does not end: {:?}", self.kinds()))
    }

    /// To the end, which must be this verdict for a reason with these words.
    pub fn ends(&mut self, verdict: RunVerdict, words: &str) {
        let outcome = self.end();
        assert_eq!(outcome.verdict, verdict, "{outcome:?}");
        assert!(outcome.reasons.iter().any(|reason| reason.contains(words)), "no {words:?} in {outcome:?}");
    }

    pub fn events(&self) -> Vec<Event> {
        let event = |(_, effect): &(Time, Effect)| match effect {
            Effect::Emit(event) => Some(event.clone()),
            _ => None,
        };
        self.effects.iter().filter_map(event).collect()
    }

    pub fn kinds(&self) -> Vec<EventKind> {
        self.events().into_iter().map(|event| event.kind).collect()
    }

    /// What a report would be made of.
    pub fn trace(&self) -> Trace {
        Trace::of_entries(&self.plan, &self.entries, None)
    }

    pub fn is_armed(&self) -> bool {
        self.kinds().contains(&EventKind::Armed)
    }

    pub fn tripped(&self) -> Vec<Cause> {
        let cause = |kind| match kind {
            EventKind::Tripped { cause } => Some(cause),
            _ => None,
        };
        self.kinds().into_iter().filter_map(cause).collect()
    }

    /// Rungs issued so far: (device, rung), by name and place.
    pub fn rungs(&self) -> Vec<(String, u8)> {
        let rung = |(_, effect): &(Time, Effect)| match effect {
            Effect::Rung { ladder, rung, .. } => {
                let device = self.plan.ladders[ladder.0 as usize].device;
                Some((self.plan.rig.devices[device.0 as usize].name.clone(), rung.0))
            }
            _ => None,
        };
        self.effects.iter().filter_map(rung).collect()
    }

    /// Topics of what left in the normal lane.
    pub fn moved(&self) -> Vec<String> {
        let topic = |(_, effect): &(Time, Effect)| match effect {
            Effect::Send { lane: Lane::Normal, frame, .. } => frame.topic.as_deref().map(str::to_owned),
            _ => None,
        };
        self.effects.iter().filter_map(topic).collect()
    }

    /// How the steps of this title ended, in order.
    pub fn step(&self, title: &str) -> Vec<StepOutcome> {
        let outcome = |kind| match kind {
            EventKind::StepEnded { step, outcome } if self.plan.titles[step.0 as usize].title.contains(title) => {
                Some(outcome)
            }
            _ => None,
        };
        self.kinds().into_iter().filter_map(outcome).collect()
    }
}
