//! The guard itself: one latch, one lane, the ladders and the dead-man deadlines.

use crate::command::{Authority, Bound, Command};
use crate::guard::cause::Cause;
use crate::guard::config::GuardConfig;
use crate::guard::fallback::{FallbackId, Fallbacks, Recovery};
use crate::guard::gate::{Decision, Gate, GateConfig, Refusal};
use crate::guard::ladder::{LADDERS_MAX, Ladder, LadderId, LadderSet, RungId, Stage};
use crate::guard::order::{Order, Rungs};
use crate::guard::silence::Silences;
use crate::time::{Span, Time};
use crate::wire::DeviceId;

/// The guard of one run.
///
/// Every method that takes `at` expects instants in the order in which things happened, and every method that takes
/// `out` adds its orders to what is there: carry them out in order, then clear.
#[derive(Clone, Hash, Debug)]
pub struct Guard {
    ladders: [Ladder; LADDERS_MAX],
    count: usize,
    silences: Silences,
    gate: Gate,
    fallbacks: Fallbacks,
    armed: bool,
    finishing: bool,
    /// The highest trip so far; once set, never cleared and never lowered.
    latched: Option<Cause>,
    holder: Authority,
}

impl Guard {
    /// A guard at rest: normal lane closed until [`Guard::arm`].
    pub fn new(config: &GuardConfig) -> Guard {
        let entangled = config.entangled();
        let ladder = |place: usize| {
            let id = LadderId(place as u8);
            let mut ladder = config.ladders[place];
            // An order that nobody can keep is no order: better side by side than never.
            if entangled.contains(id) {
                ladder.after = LadderSet::NONE;
            }
            Ladder::new(id, ladder)
        };
        Guard {
            ladders: core::array::from_fn(ladder),
            count: (config.ladder_count as usize).min(LADDERS_MAX),
            silences: Silences::new(config.silences, config.silence_count),
            gate: Gate::new(),
            fallbacks: Fallbacks::new(config.fallbacks, config.fallback_count),
            armed: false,
            finishing: false,
            latched: None,
            holder: Authority::Controller,
        }
    }

    /// Opens the normal lane and starts the silence deadlines. Does nothing a second time, after a trip or after [`Cause::Finish`].
    pub fn arm(&mut self, at: Time) {
        if !self.armed && !self.finishing && self.latched.is_none() {
            self.armed = true;
            self.silences.begin(at);
        }
    }

    /// The highest cause other than [`Cause::Finish`] that was observed; once there is one, there always is.
    pub fn tripped(&self) -> Option<Cause> {
        self.latched
    }

    /// True while commands may energise: armed, not tripped, not finishing.
    pub fn open(&self) -> bool {
        self.armed && !self.finishing && self.latched.is_none()
    }

    /// Whoever has less authority than this is refused at the gate. At first a controller, so that nobody is.
    pub fn set_holder(&mut self, holder: Authority) {
        self.holder = holder;
    }

    /// Who holds the devices.
    pub fn holder(&self) -> Authority {
        self.holder
    }

    /// A cause for action: latches it if it outranks, closes the normal lane, starts the ladders in `stop` that were not
    /// started before. They start even if their device is safe at this instant: it is shown on samples after the first rung.
    /// (At [`Cause::Finish`] the caller leaves out what is safe.) `OperatorAgain` sends every started ladder that is
    /// not safe to its last rung at once.
    pub fn observe(&mut self, at: Time, cause: Cause, stop: LadderSet, out: &mut Rungs) {
        if !cause.is_trip() {
            self.finishing = true;
        } else if self.latched.is_none_or(|latched| cause.outranks(latched)) {
            self.latched = Some(cause);
            out.push(Order::Tripped { cause });
        }
        for (place, ladder) in self.ladders[..self.count].iter_mut().enumerate() {
            if stop.contains(LadderId(place as u8)) {
                ladder.ask();
            }
        }
        if self.latched == Some(Cause::OperatorAgain) {
            for ladder in &mut self.ladders[..self.count] {
                ladder.hurry(at, out);
            }
        }
        self.release(at, out);
    }

    /// The harness stood still for so long, and saw no sample that could have shown a device safe: a rung is not passed
    /// over for what nobody looked at.
    pub fn stood_still(&mut self, by: Span) {
        for ladder in &mut self.ladders[..self.count] {
            ladder.put_off(by);
        }
    }

    /// Tells whether the `when` of a rung holds now (unknown: false).
    pub fn condition(&mut self, ladder: LadderId, rung: RungId, holds: bool) {
        if let Some(ladder) = self.started_or_not(ladder) {
            ladder.tell_condition(rung, holds);
        }
    }

    /// Tells whether `safe` is proven on samples that arrived after the rung's bytes left. False after true: the next rung
    /// follows, after the last one the last one again. True before any rung was issued proves nothing and changes nothing.
    pub fn confirmed(&mut self, ladder: LadderId, at: Time, safe: bool, out: &mut Rungs) {
        if let Some(ladder) = self.started_or_not(ladder) {
            ladder.confirm(at, safe, out);
        }
        self.release(at, out);
    }

    /// A controller was heard.
    pub fn heard(&mut self, device: DeviceId, at: Time) {
        self.silences.heard(device, at);
    }

    /// Asks the gate about a command that may energise. Order: lane, authority, freshness, rate, argument numbers,
    /// declared ranges (refused), bounds of rules (clamped in place). `age` is `Span::MAX` for what was retained or replayed.
    #[allow(clippy::too_many_arguments)]
    pub fn gate(
        &mut self,
        at: Time,
        from: Authority,
        age: Span,
        command: &mut Command,
        bounds: &[Bound],
        limits: &GateConfig,
    ) -> Decision {
        if !self.open() {
            return Decision::Reject(Refusal::Closed);
        }
        self.gate.decide(at, from < self.holder, age, command, bounds, limits)
    }

    /// The same for a command of this controller: nothing of it passes while its fallback has the machine.
    #[allow(clippy::too_many_arguments)]
    pub fn gate_controller(
        &mut self,
        at: Time,
        controller: DeviceId,
        age: Span,
        command: &mut Command,
        bounds: &[Bound],
        limits: &GateConfig,
    ) -> Decision {
        if !self.open() {
            return Decision::Reject(Refusal::Closed);
        }
        let outranked = Authority::Controller < self.holder || self.fallbacks.has(controller);
        self.gate.decide(at, outranked, age, command, bounds, limits)
    }

    /// One look at a fallback: `take` says whether it should take over, `good` whether it may hand back (unknown: false).
    /// To be called at every instant, and again until it says nothing more. A trip or a person who takes over ends it.
    pub fn recover(&mut self, at: Time, id: FallbackId, take: bool, good: bool) -> Option<Recovery> {
        let allowed = self.open() && self.holder <= Authority::Fallback;
        self.fallbacks.look(at, id, allowed, take, good)
    }

    /// Whether the controller's fallback has the machine.
    pub fn recovering(&self, controller: DeviceId) -> bool {
        self.fallbacks.has(controller)
    }

    /// Does what is due: escalation, silence. A silent controller stops every device of the rig.
    pub fn tick(&mut self, at: Time, out: &mut Rungs) {
        // Ladders first: one that silence starts in this call has its full time.
        for ladder in &mut self.ladders[..self.count] {
            ladder.tick(at, out);
        }
        self.release(at, out);
        if self.open()
            && let Some(device) = self.silences.due(at)
        {
            self.observe(at, Cause::Silence(device), LadderSet::first(self.count as u8), out);
        }
    }

    /// When `tick` wants to be called next.
    pub fn next_deadline(&self) -> Option<Time> {
        let ladders = self.ladders[..self.count].iter().filter_map(Ladder::deadline);
        // A closed lane makes a controller harmless, silent or not.
        let silence = if self.open() { self.silences.next_deadline() } else { None };
        ladders.chain(silence).chain(self.fallbacks.next_deadline()).min()
    }

    /// How far the ladder is. An id that names no ladder was never started.
    pub fn stage(&self, ladder: LadderId) -> Stage {
        self.ladders[..self.count].get(ladder.0 as usize).map_or(Stage::Idle, Ladder::stage)
    }

    /// True when every ladder that was started is safe or in alarm, and none waits.
    pub fn settled(&self) -> bool {
        self.ladders[..self.count].iter().all(|ladder| ladder.stage() == Stage::Idle || ladder.stage().is_over())
    }

    fn started_or_not(&mut self, ladder: LadderId) -> Option<&mut Ladder> {
        self.ladders[..self.count].get_mut(ladder.0 as usize)
    }

    /// Starts what waits and is held up by nobody. Starting never makes a ladder over, so one pass is enough.
    fn release(&mut self, at: Time, out: &mut Rungs) {
        let mut unfinished = LadderSet::NONE;
        for (place, ladder) in self.ladders[..self.count].iter().enumerate() {
            if ladder.stage() != Stage::Idle && !ladder.stage().is_over() {
                unfinished = unfinished.with(LadderId(place as u8));
            }
        }
        for ladder in &mut self.ladders[..self.count] {
            if ladder.stage() == Stage::Waiting && ladder.after().and(unfinished).is_empty() {
                ladder.start(at, out);
            }
        }
    }
}
