//! The fold itself: inputs in, effects out, and the stages of a run from bring-up to the one way out.

use super::closing::WORD_WITHIN;
use super::core::Core;
use super::ending::NeverArmed;
use super::event::EventKind;
use super::fallback::Fallback;
use super::judging::ProbeTable;
use super::reacting::Reacting;
use super::script::{Progress, Sequence, Steps, prepare};
use super::self_test::GOING_ON;
use super::stops::Stops;
use super::wires::Standing;
use super::{Effects, Input, LeaseState, LinkState, OperatorOrder, RecorderState};
use crate::codec::Turn;
use crate::command::Authority;
use crate::guard::{Cause, LadderSet};
use crate::scenario::plan::{Mode, Plan};
use crate::time::{Span, Time};
use crate::wire::{Frame, LinkId, Presence};
use std::sync::Arc;

/// A bound on how often one deadline may be looked at again: more is our bug, and the loop must not hang on it.
const LOOKS_MAX: usize = 10_000;
/// With a deadline that never moves, the run looks this often.
const STUCK_PERIOD: Span = Span::from_millis(1);

/// An input so much later than the run's own deadline means that the harness stood still, and that nobody watched.
const STALL: Span = Span::from_millis(250);

/// For people: what is below a millisecond says nothing of a wait.
fn in_ms(span: Span) -> Span {
    Span::from_millis(span.nanos() / 1_000_000)
}

/// One run: feed it inputs, carry out its effects.
pub struct Run {
    core: Core,
    script: Sequence,
    finally: Steps,
    stage: Stage,
    turn: Turn,
    /// The script's own end, once it has one.
    never_armed: Option<NeverArmed>,
    /// Some deadline does not move: our bug. The run goes on from tick to tick, so that the way to safety stays open.
    stuck: bool,
    /// It was said that the harness cannot keep up with what arrives.
    behind: bool,
}

/// Stages of a run; they only go forward.
enum Stage {
    /// Waiting for links, identities and signals. The deadline starts with the first input.
    BringUp {
        deadline: Option<Time>,
    },
    Script,
    /// Open obligations of rules are awaited.
    Settling {
        until: Time,
    },
    Finally(Sequence),
    /// What was said leaves before anything else is done, until then at the latest.
    Leaving {
        until: Time,
    },
    /// The ladder of each device that is not safe.
    Ladder,
    Done,
}

impl Run {
    /// A run of this plan. Cannot fail: a plan is complete.
    pub fn new(plan: Arc<Plan>) -> Run {
        let mut probes = ProbeTable::default();
        let steps = prepare(&plan.steps, &mut |formula| probes.place(formula));
        let finally = prepare(&plan.finally, &mut |formula| probes.place(formula));
        let ladders = Reacting::prepare(&plan, &mut probes);
        let fallbacks = Fallback::prepare(&plan, &mut probes);
        let stops = Stops::prepare(&plan, &mut probes);
        let mut core = Core::new(plan, probes.formulas);
        core.reacting.ladders = ladders;
        core.fallbacks = fallbacks;
        core.judging.need(&stops.signals);
        core.stops = stops;
        Run {
            core,
            script: Sequence::new(steps),
            finally,
            stage: Stage::BringUp { deadline: None },
            turn: Turn::default(),
            never_armed: None,
            stuck: false,
            behind: false,
        }
    }

    /// The plan of the run.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.core.plan
    }

    /// MQTT topics to subscribe to on a link.
    pub fn subscriptions(&self, link: LinkId) -> Vec<String> {
        self.core.links[link.0 as usize].codec.subscriptions()
    }

    /// What the connection of a link tells others on its broker of us; an onlooker is nobody's host, and tells nothing.
    pub fn presence(&self, link: LinkId) -> Option<Presence> {
        let codec = &self.core.links[link.0 as usize].codec;
        codec.presence().filter(|_| self.core.plan.mode != Mode::Observe)
    }

    /// True after `Finish`: whatever comes is ignored.
    pub fn done(&self) -> bool {
        matches!(self.stage, Stage::Done)
    }

    /// Takes one input, running every deadline before it first.
    pub fn handle(&mut self, input: &Input, out: &mut Effects) {
        if self.done() {
            return;
        }
        // Time never runs backwards, whatever the stamps say.
        let at = input.at().max(self.core.arrived);
        self.core.arrived = at;
        if let Stage::BringUp { deadline: deadline @ None } = &mut self.stage {
            *deadline = Some(at + self.core.plan.arm_within);
        }
        // What is stamped exactly at a deadline is in time; a tick at it means nothing came.
        let ticking = matches!(input, Input::Tick { .. });
        self.stalled(at, out);
        self.run_deadlines(at, ticking, out);
        if self.done() {
            return;
        }
        if let Input::Bytes { frame: Frame { link, .. }, .. } | Input::Link { link, .. } | Input::Watchdog { link, .. } =
            input
            && link.0 as usize >= self.core.links.len()
        {
            self.core.remark(format!("something came from link {}, which the rig does not have", link.0), out);
            return;
        }
        match input {
            Input::Bytes { waited, frame, .. } => {
                self.lagging(at, *waited, out);
                self.core.waited = *waited;
                self.bytes(at, frame, out);
                self.core.waited = Span::ZERO;
            }
            Input::Samples { batch, .. } => {
                let stamp = at.max(self.core.now.next());
                let count = self.core.plan.rig.signals.len();
                let known: Vec<_> = batch.iter().copied().filter(|(signal, _)| (signal.0 as usize) < count).collect();
                self.core.instant(stamp, &known, out);
            }
            Input::Link { link, state, .. } => self.link(at, *link, state, out),
            Input::Sent { id, begun, done, queued_ahead, .. } => {
                self.core.now = self.core.now.max(at);
                self.core.sent(*id, *begun, *done, *queued_ahead, out);
            }
            Input::Lapsed { id, .. } => {
                self.core.now = self.core.now.max(at);
                self.core.has_lapsed(*id, out);
            }
            Input::Choked { .. } => {
                self.core.now = self.core.now.max(at);
                self.fall_behind("more arrived than the harness could take: it waited here for more than 250 ms, or its queue was full".to_owned(), out);
            }
            Input::Tick { .. } => {}
            Input::Operator { order, .. } => self.operator(at, order, out),
            Input::Watchdog { link, fired, .. } => {
                let what = if *fired { "fired" } else { "ended unasked" };
                self.core.now = self.core.now.max(at);
                self.core.remark(format!("the watchdog of link {} {what}", self.link_name(*link)), out);
                self.trip_all(Cause::Watchdog(*link), out);
            }
            Input::Recorder { state, .. } => self.recorder(at, state, out),
            Input::Lease { state, .. } => {
                self.core.now = self.core.now.max(at);
                match state {
                    LeaseState::Taken { by, lasts } => {
                        self.core.emit(EventKind::Leased { by: by.clone(), lasts: *lasts }, out);
                    }
                    LeaseState::Expired => self.trip_all(Cause::LeaseExpired, out),
                }
            }
            Input::SelfTest { state, .. } => {
                self.core.now = self.core.now.max(at);
                self.core.self_tested(state, out);
            }
        }
        self.go_on(out);
    }

    /// When the run wants a `Tick` at the latest.
    pub fn next_deadline(&self) -> Option<Time> {
        let stage = match &self.stage {
            Stage::BringUp { deadline } => *deadline,
            Stage::Script => self.script.next_deadline(),
            Stage::Settling { until } => Some(*until),
            Stage::Finally(finally) => finally.next_deadline(),
            Stage::Leaving { until } => Some(*until),
            Stage::Ladder => self.core.watching_until(),
            Stage::Done => return None,
        };
        let due = [stage, self.core.next_deadline()].into_iter().flatten().min();
        if self.stuck { due.map(|due| due.max(self.core.now + STUCK_PERIOD)) } else { due }
    }

    /// The harness stood still: what it did not see, it cannot vouch for. A ladder that starts now starts at the waking;
    /// one that is under way gets the time back in which nobody could see the machine become safe.
    fn stalled(&mut self, at: Time, out: &mut Effects) {
        let Some(due) = self.next_deadline() else { return };
        // What was due before our last look came up in that look, such as a question that an answer let through.
        let late = at.since(due.max(self.core.now));
        if late <= STALL || self.core.judging.armed_at.is_none() || self.core.plan.mode == Mode::Observe {
            return;
        }
        self.core.now = self.core.now.max(at);
        self.core.reacting.guard.stood_still(late);
        self.core.remark(
            format!("the harness stood still for {}: nobody watched, and nothing was judged", in_ms(late)),
            out,
        );
        self.trip_all(Cause::Stall, out);
    }

    /// What arrived waited so long that nobody watched in between.
    fn lagging(&mut self, at: Time, waited: Span, out: &mut Effects) {
        if waited > STALL {
            self.core.now = self.core.now.max(at);
            self.fall_behind(
                format!("more arrived than the harness could take: this had waited for {}", in_ms(waited)),
                out,
            );
        }
    }

    /// The harness is behind what happens: said once, and no more to be vouched for than if it had stood still.
    fn fall_behind(&mut self, why: String, out: &mut Effects) {
        let watches = self.core.judging.armed_at.is_some() || self.core.plan.mode == Mode::Observe;
        if !watches || std::mem::replace(&mut self.behind, true) {
            return;
        }
        self.core.remark(why, out);
        self.trip_all(Cause::Stall, out);
    }

    /// Runs what is due before `to` (with `closed`: at `to` as well).
    fn run_deadlines(&mut self, to: Time, closed: bool, out: &mut Effects) {
        let (mut last, mut looks) = (Time::MIN, 0);
        while let Some(due) = self.next_deadline().filter(|due| *due < to || (*due == to && closed)) {
            looks = if due > last { 0 } else { looks + 1 };
            last = last.max(due);
            if looks == LOOKS_MAX {
                self.stand_still(&format!("the deadline at {due} does not move"), out);
                break;
            }
            self.pass(due.max(self.core.now), out);
        }
        if closed && !self.done() {
            self.pass(to.max(self.core.now), out);
        }
    }

    /// A loop of ours does not come to an end: said, tripped, and left.
    fn stand_still(&mut self, why: &str, out: &mut Effects) {
        if !std::mem::replace(&mut self.stuck, true) {
            self.core.remark(format!("the harness stood still: {why}; this is a bug of the harness"), out);
            self.trip_all(Cause::Stall, out);
        }
    }

    /// Everything that time alone brings at `at`.
    fn pass(&mut self, at: Time, out: &mut Effects) {
        self.core.pass_time(at, out);
        self.core.tick_guard(out);
        self.core.confirm_safe(out);
        self.core.tick_controllers(at, out);
        self.core.tick_faults(out);
        self.core.tick_codecs(at, out);
        self.go_on(out);
    }

    /// Bytes arrived: the script looks after each message, so that no chunking hides an instant from it.
    fn bytes(&mut self, at: Time, frame: &Frame, out: &mut Effects) {
        let mut turn = std::mem::take(&mut self.turn);
        turn.clear();
        self.core.links[frame.link.0 as usize].codec.feed(at, frame, &mut turn);
        let mut notes = std::mem::take(&mut turn.notes);
        let mut waiting = notes.drain(..).enumerate().peekable();
        for place in 0..turn.messages.len() {
            let mut noted = false;
            while let Some((_, note)) = waiting.next_if(|(note, _)| turn.note_is_before(*note, place)) {
                self.core.note(frame.link, note, out);
                noted = true;
            }
            if noted {
                self.go_on(out);
            }
            if self.done() {
                break;
            }
            self.core.message(at, &turn, place, out);
            self.go_on(out);
        }
        if !self.done() {
            for (_, note) in waiting.by_ref() {
                self.core.note(frame.link, note, out);
            }
            self.core.notes_and_sends(frame.link, &mut turn, out);
        }
        drop(waiting);
        turn.notes = notes;
        self.turn = turn;
    }

    fn link(&mut self, at: Time, link: LinkId, state: &LinkState, out: &mut Effects) {
        self.core.now = self.core.now.max(at);
        self.core.link(link, state, out);
    }

    fn operator(&mut self, at: Time, order: &OperatorOrder, out: &mut Effects) {
        self.core.now = self.core.now.max(at);
        match order {
            OperatorOrder::Answer { yes } => self.core.answered(*yes),
            OperatorOrder::TakeOver => self.core.take_over(out),
            OperatorOrder::HandBack => self.core.hand_back(out),
            OperatorOrder::Reset { by, after } => {
                self.core.emit(EventKind::Reset { by: by.clone(), after: after.clone() }, out);
            }
            OperatorOrder::Stop => {
                let again = matches!(self.core.tripped(), Some(Cause::Operator | Cause::OperatorAgain));
                self.core.emit(EventKind::Operator { again }, out);
                if matches!(self.stage, Stage::BringUp { .. }) {
                    self.never_armed = Some(NeverArmed::Stopped);
                }
                self.trip_all(if again { Cause::OperatorAgain } else { Cause::Operator }, out);
            }
        }
    }

    fn recorder(&mut self, at: Time, state: &RecorderState, out: &mut Effects) {
        self.core.now = self.core.now.max(at);
        let why = match state {
            RecorderState::Full => "its queue was full".to_owned(),
            RecorderState::Dead(why) => why.clone(),
            RecorderState::Dropped(n) => format!("{n} records were dropped"),
        };
        self.core.emit(EventKind::RecorderTrouble { why: why.clone() }, out);
        self.core.recorder_trouble.get_or_insert(why);
        self.trip_all(Cause::Recorder, out);
    }

    /// Trips every ladder whose device may have been energised or stands unproven.
    fn trip_all(&mut self, cause: Cause, out: &mut Effects) {
        let stop = self.reachable(self.core.reacting.every_ladder());
        self.core.trip(cause, stop, None, out);
    }

    /// Before arming nothing is sent to a device that was not identified: it may be another one.
    fn reachable(&self, wanted: LadderSet) -> LadderSet {
        if self.core.judging.armed_at.is_some() {
            return wanted;
        }
        let mut bits = 0;
        for (place, ladder) in self.core.plan.ladders.iter().enumerate() {
            let device = &self.core.plan.rig.devices[ladder.device.0 as usize];
            let known = self.core.judging.identified[device.id.0 as usize];
            let up = self.core.links[device.link.0 as usize].state == Standing::Up;
            if known && up {
                bits |= 1 << place;
            }
        }
        LadderSet(wanted.0 & bits)
    }

    fn link_name(&self, link: LinkId) -> &str {
        &self.core.plan.rig.links[link.0 as usize].name
    }

    /// Applies what the run told itself and moves the script and the stages as far as they go.
    fn go_on(&mut self, out: &mut Effects) {
        for _ in 0..LOOKS_MAX {
            self.core.own_instant(out);
            self.core.recover(out);
            self.core.watch_faults();
            if !self.stage_forward(out) && self.core.own_samples.is_empty() {
                return;
            }
            if self.done() {
                return;
            }
        }
        self.stand_still("one instant brings another without end", out);
    }

    /// One look at the stage; true when it changed and must be looked at again.
    fn stage_forward(&mut self, out: &mut Effects) -> bool {
        let now = self.core.now;
        match &mut self.stage {
            Stage::BringUp { deadline } => {
                let deadline = deadline.unwrap_or(Time::MAX);
                self.bring_up(deadline, out)
            }
            Stage::Script => {
                if let Some(cause) = self.core.tripped().filter(|cause| self.ends_script(*cause)) {
                    let why = format!("the guard tripped: {}", self.core.plan.cause_in_words(cause));
                    self.script.cancel(&why, &mut self.core, out);
                    self.leave_script(out);
                    return true;
                }
                match self.script.poll(&mut self.core, out) {
                    Progress::Running => false,
                    Progress::Done | Progress::Ended(_) => {
                        self.leave_script(out);
                        true
                    }
                }
            }
            Stage::Settling { until } => {
                let until = *until;
                if now < until && self.core.judging.open(&self.core.plan) {
                    return false;
                }
                self.stage = Stage::Finally(Sequence::cleanup(self.finally.clone()));
                true
            }
            Stage::Finally(sequence) => match sequence.poll(&mut self.core, out) {
                Progress::Running => false,
                Progress::Done | Progress::Ended(_) => {
                    self.stage = Stage::Leaving { until: now + WORD_WITHIN };
                    // What waits behind others may leave; nothing more is added to it.
                    if self.core.is_leaving() && self.core.reacting.guard.holder() < Authority::Script {
                        self.core.hold(Authority::Script, out);
                    }
                    true
                }
            },
            Stage::Leaving { until } => {
                if now < *until && self.core.is_leaving() {
                    return false;
                }
                self.start_ladders(out);
                true
            }
            Stage::Ladder => {
                // A device that needed no ladder when the others' began is watched all the same.
                if self.core.plan.mode != Mode::Observe {
                    let astray = self.core.not_started(self.reachable(self.core.not_safe()));
                    if !astray.is_empty() {
                        self.core.trip(Cause::Finish, astray, None, out);
                        return true;
                    }
                    if self.core.watching_until().is_some() {
                        return false;
                    }
                }
                if !self.core.reacting.guard.settled() || self.core.stops.watching() {
                    return false;
                }
                self.core.conclude(self.never_armed.as_ref(), out);
                self.stage = Stage::Done;
                true
            }
            Stage::Done => false,
        }
    }

    /// Who only looks goes on looking, whatever is broken or lost, until a person has seen enough.
    fn ends_script(&self, cause: Cause) -> bool {
        self.core.plan.mode != Mode::Observe || matches!(cause, Cause::Operator | Cause::OperatorAgain)
    }

    /// What keeps the run from ever being armed, in words.
    fn refusal(&self) -> Option<String> {
        let core = &self.core;
        let refused = core.links.iter().zip(&core.plan.rig.links).find_map(|(run, def)| match &run.state {
            Standing::Refused(why) => Some(format!("link {}: {why}", def.name)),
            Standing::Lost(why) => Some(format!("link {} was lost before the run was armed: {why}", def.name)),
            Standing::Awaited | Standing::Up => None,
        });
        refused
            .or_else(|| core.judging.wrong_identity.clone())
            .or_else(|| core.recorder_trouble.clone())
            .or_else(|| core.self_test.refusal())
            .or_else(|| {
                core.tripped().map(|cause| {
                    let words = core.plan.cause_in_words(cause);
                    format!("the guard tripped before the run was armed: {words}")
                })
            })
    }

    fn bring_up(&mut self, deadline: Time, out: &mut Effects) -> bool {
        if self.never_armed.is_some() {
            self.start_ladders(out);
            return true;
        }
        // Who only looks shows what there is, and waits for what is not there yet.
        let blocked = if self.core.plan.mode == Mode::Observe { None } else { self.refusal() };
        if let Some(why) = blocked {
            return self.block(why, out);
        }
        let core = &self.core;
        let mut missing: Vec<String> = core
            .links
            .iter()
            .zip(&core.plan.rig.links)
            .filter(|(run, _)| run.state != Standing::Up)
            .map(|(_, def)| format!("link {} did not come up", def.name))
            .collect();
        missing.extend(core.self_test.goes_on().then(|| GOING_ON.to_owned()));
        missing.extend(core.judging.missing(&core.plan, core.now));
        missing.extend(core.held_up_by_hand());
        if missing.is_empty() {
            self.core.arm(out);
            self.stage = Stage::Script;
            return true;
        }
        if self.core.now >= deadline {
            let within = self.core.plan.arm_within;
            return self.block(format!("not armed within {within}: {}", missing.join("; ")), out);
        }
        false
    }

    fn block(&mut self, why: String, out: &mut Effects) -> bool {
        self.core.emit(EventKind::Blocked { why: why.clone() }, out);
        self.never_armed = Some(NeverArmed::Blocked(why));
        self.start_ladders(out);
        true
    }

    /// From the script to the exit: faults end, open obligations get their time.
    fn leave_script(&mut self, out: &mut Effects) {
        self.core.end_all_faults(out);
        self.core.no_step();
        // After a person's no nobody steers what still moves: it is not left to itself while rules wait for their time.
        let waits = self.core.judging.open(&self.core.plan) && !self.core.said_no();
        let at_most = if waits { self.core.plan.horizon } else { Span::ZERO };
        self.core.judging.close_scope(self.core.now);
        if at_most > Span::ZERO {
            self.core.emit(EventKind::Settling { at_most }, out);
        }
        self.stage = Stage::Settling { until: self.core.now + at_most };
    }

    /// The one way out: the ladder of each device that is not proven safe.
    fn start_ladders(&mut self, out: &mut Effects) {
        self.core.end_all_faults(out);
        let looks = self.core.plan.mode == Mode::Observe;
        if !looks {
            self.core.drop_normal(out);
        }
        let mut stop = self.core.not_safe().or(self.core.unsettled());
        if self.never_armed.is_some() {
            // What was never armed was never energised by us; a device known to be energised is still brought down.
            stop = self.reachable(stop);
        }
        if !looks {
            self.core.trip(Cause::Finish, stop, None, out);
        }
        self.stage = Stage::Ladder;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Codec, EncodeError, NotTimeless};
    use crate::command::{Command, Ticket};
    use crate::diag::Files;
    use crate::run::Effect;
    use crate::scenario::{Request, check};

    const RIG: &str = include_str!("../../tests/fixtures/vehicle/rig.yaml");
    const ENVELOPE: &str =
        "envelope: E\nrules:\n  ceiling:\n    always: fc.altitude <= 8 m\n    react_within: 100 ms\n";
    const SCENARIO: &str = "scenario: S\nrig: vehicle\nabout: A\nexercises: [ceiling]\nsteps:\n  - hold: 1 s\n";

    struct Texts;

    impl Files for Texts {
        fn read(&self, path: &str) -> Result<Vec<u8>, String> {
            let text = match path.rsplit('/').next() {
                Some("rig.yaml") => RIG,
                Some("envelope.yaml") => ENVELOPE,
                _ => SCENARIO,
            };
            Ok(text.as_bytes().to_vec())
        }
    }

    /// A codec whose deadline never moves.
    struct Stuck;

    impl Codec for Stuck {
        fn feed(&mut self, _at: Time, _frame: &Frame, _out: &mut Turn) {}
        fn order_until(
            &mut self,
            _: Time,
            _: &Command,
            _: Ticket,
            _: Option<Time>,
            _: &mut Turn,
        ) -> Result<(), EncodeError> {
            Ok(())
        }
        fn tick(&mut self, _at: Time, _out: &mut Turn) {}
        fn next_deadline(&self) -> Option<Time> {
            Some(Time::from_nanos(5))
        }
        fn safe(&self, _command: &Command) -> Result<Vec<Frame>, NotTimeless> {
            Ok(Vec::new())
        }
        fn abandon(&mut self) {}
    }

    #[test]
    fn a_deadline_that_never_moves_is_said_once_and_the_run_goes_on_from_tick_to_tick() {
        let request = Request {
            scenario: "scenarios/vehicle/s.yaml".into(),
            rig: None,
            overrides: Vec::new(),
            seed: 1,
            mode: Mode::Rig,
        };
        let (plan, _) = check(&request, &Texts).expect("the files are right");
        let mut run = Run::new(Arc::new(plan));
        run.core.links[0].codec = Box::new(Stuck);
        let mut out = Effects::default();
        run.handle(&Input::Link { at: Time::from_nanos(1), link: LinkId(0), state: LinkState::Up }, &mut out);
        let mut now = Time::from_nanos(10);
        for _ in 0..20_000 {
            if run.done() {
                break;
            }
            run.handle(&Input::Tick { at: now }, &mut out);
            if let Some(next) = run.next_deadline() {
                assert!(next > now, "the host is not made to spin");
                now = next;
            }
        }
        let said = |e: &&Effect| matches!(e, Effect::Emit(e) if matches!(&e.kind, EventKind::Remark { text } if text.contains("does not move")));
        assert_eq!(out.list.iter().filter(said).count(), 1);
        assert!(run.done(), "and it comes to its end");
    }

    #[test]
    fn what_an_answer_lets_through_late_is_no_stall_of_ours() {
        let request = Request {
            scenario: "scenarios/vehicle/s.yaml".into(),
            rig: None,
            overrides: Vec::new(),
            seed: 1,
            mode: Mode::Rig,
        };
        let (plan, _) = check(&request, &Texts).expect("the files are right");
        let mut run = Run::new(Arc::new(plan));
        run.core.links[0].codec = Box::new(Stuck);
        let mut out = Effects::default();
        run.handle(&Input::Link { at: Time::from_nanos(1), link: LinkId(0), state: LinkState::Up }, &mut out);
        run.core.judging.armed_at = Some(Time::from_nanos(1));
        // The codec wanted to speak at 5 ns, and could only say so a second later.
        run.core.now = Time::from_nanos(1_000_000_000);
        let said = |out: &Effects| {
            let stall = |e: &Effect| matches!(e, Effect::Emit(e) if matches!(&e.kind, EventKind::Remark { text } if text.contains("stood still")));
            out.list.iter().any(stall)
        };
        run.stalled(Time::from_nanos(1_001_000_000), &mut out);
        assert!(!said(&out));
        run.stalled(Time::from_nanos(2_000_000_000), &mut out);
        assert!(said(&out), "a second without any look is one");
    }
}
