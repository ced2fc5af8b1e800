//! One device's way to safety: rung after rung until `safe` is confirmed, and watched from there on.

use crate::guard::order::{Order, Rungs};
use crate::time::{Span, Time};
use crate::wire::DeviceId;

/// Most devices with a ladder on one rig; checked when the rig is read.
pub const LADDERS_MAX: usize = 16;
/// Most rungs of one ladder; checked when the rig is read.
pub const RUNGS_MAX: usize = 8;

/// A device's ladder, by its place in the plan's list of ladders.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LadderId(pub u8);

/// A rung of a ladder, gentlest first.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RungId(pub u8);

/// A set of ladders: bit `i` is `LadderId(i)`.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct LadderSet(pub u16);

impl LadderSet {
    /// No ladder.
    pub const NONE: LadderSet = LadderSet(0);

    /// The first `count` ladders: all of a rig that has so many.
    pub const fn first(count: u8) -> LadderSet {
        if count as usize >= LADDERS_MAX { LadderSet(u16::MAX) } else { LadderSet((1 << count) - 1) }
    }
    /// This set and one ladder more. An id beyond [`LADDERS_MAX`] names no ladder and changes nothing.
    #[must_use]
    pub const fn with(self, ladder: LadderId) -> LadderSet {
        if ladder.0 as usize >= LADDERS_MAX { self } else { LadderSet(self.0 | (1 << ladder.0)) }
    }
    /// What is in either.
    #[must_use]
    pub const fn or(self, other: LadderSet) -> LadderSet {
        LadderSet(self.0 | other.0)
    }
    /// What is in both.
    #[must_use]
    pub const fn and(self, other: LadderSet) -> LadderSet {
        LadderSet(self.0 & other.0)
    }
    /// Whether the ladder is in the set.
    pub const fn contains(self, ladder: LadderId) -> bool {
        (ladder.0 as usize) < LADDERS_MAX && self.0 & (1 << ladder.0) != 0
    }
    /// Whether the set holds no ladder.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// What the guard must know of one ladder.
#[derive(Copy, Clone, PartialEq, Hash, Debug)]
pub struct LadderConfig {
    pub device: DeviceId,
    pub rungs: u8,
    /// Per rung: how long it has until `safe` must be confirmed.
    pub within: [Span; RUNGS_MAX],
    /// Per rung: it has a `when`, told through [`Guard::condition`](crate::guard::Guard::condition).
    /// Meaningless on the last rung, which has none.
    pub conditional: [bool; RUNGS_MAX],
    /// Ladders that must be over (safe or in alarm) before this one starts. One that was never started holds nobody up.
    pub after: LadderSet,
}

/// How far a ladder is.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Stage {
    /// Nothing asked for it.
    Idle,
    /// Started, but a ladder that it comes after is not over.
    Waiting,
    /// This rung was issued; its next rung follows at `deadline` unless `safe` is confirmed.
    Running { rung: RungId, deadline: Time },
    /// `safe` was confirmed after this rung; watched on.
    Safe { rung: RungId },
    /// The last rung was not confirmed; it is issued again at `deadline`.
    Alarm { deadline: Time },
}

impl Stage {
    /// Safe, or a person was called: nobody needs to wait for it any longer.
    pub fn is_over(self) -> bool {
        matches!(self, Stage::Safe { .. } | Stage::Alarm { .. })
    }
}

/// One ladder in motion.
#[derive(Copy, Clone, Hash, Debug)]
pub(crate) struct Ladder {
    id: LadderId,
    config: LadderConfig,
    /// Per rung: its `when` holds, as last told.
    holds: [bool; RUNGS_MAX],
    stage: Stage,
    /// A person said stop twice: whatever is issued from here on is the last rung.
    urgent: bool,
}

impl Ladder {
    pub(crate) fn new(id: LadderId, config: LadderConfig) -> Ladder {
        Ladder { id, config, holds: [false; RUNGS_MAX], stage: Stage::Idle, urgent: false }
    }

    pub(crate) fn stage(&self) -> Stage {
        self.stage
    }

    pub(crate) fn after(&self) -> LadderSet {
        self.config.after
    }

    /// When it wants to be looked at again.
    pub(crate) fn deadline(&self) -> Option<Time> {
        match self.stage {
            Stage::Running { deadline, .. } | Stage::Alarm { deadline } => Some(deadline),
            Stage::Idle | Stage::Waiting | Stage::Safe { .. } => None,
        }
    }

    /// Nobody looked for so long: what it waits for has that much longer to be seen.
    pub(crate) fn put_off(&mut self, by: Span) {
        if let Stage::Running { deadline, .. } | Stage::Alarm { deadline } = &mut self.stage {
            *deadline += by;
        }
    }

    pub(crate) fn tell_condition(&mut self, rung: RungId, holds: bool) {
        if let Some(slot) = self.holds.get_mut(rung.0 as usize) {
            *slot = holds;
        }
    }

    /// Puts it in the queue, unless it was started before.
    pub(crate) fn ask(&mut self) {
        if self.stage == Stage::Idle {
            self.stage = Stage::Waiting;
        }
    }

    /// Climbs from the first rung: called once nothing holds it up.
    pub(crate) fn start(&mut self, at: Time, out: &mut Rungs) {
        self.climb(0, at, out);
    }

    /// From here on only the last rung counts; one that is not safe and not there yet goes there at once.
    pub(crate) fn hurry(&mut self, at: Time, out: &mut Rungs) {
        self.urgent = true;
        match self.stage {
            Stage::Waiting => self.issue(self.last(), at, out),
            Stage::Running { rung, .. } if rung.0 < self.last() => self.issue(self.last(), at, out),
            Stage::Running { .. } | Stage::Idle | Stage::Safe { .. } | Stage::Alarm { .. } => {}
        }
    }

    pub(crate) fn confirm(&mut self, at: Time, safe: bool, out: &mut Rungs) {
        match (self.stage, safe) {
            (Stage::Running { rung, .. }, true) => self.settle(rung, out),
            (Stage::Alarm { .. }, true) => self.settle(RungId(self.last()), out),
            (Stage::Safe { rung }, false) => self.climb(rung.0.saturating_add(1), at, out),
            // Nothing new, or told before a rung was issued: no proof.
            (Stage::Idle | Stage::Waiting | Stage::Safe { .. }, true) => {}
            (Stage::Idle | Stage::Waiting | Stage::Running { .. } | Stage::Alarm { .. }, false) => {}
        }
    }

    pub(crate) fn tick(&mut self, at: Time, out: &mut Rungs) {
        match self.stage {
            Stage::Running { rung, deadline } if at >= deadline => {
                if rung.0 < self.last() {
                    self.climb(rung.0 + 1, at, out);
                } else {
                    out.push(Order::Alarm { ladder: self.id });
                    self.insist(at, out);
                }
            }
            Stage::Alarm { deadline } if at >= deadline => self.insist(at, out),
            Stage::Running { .. } | Stage::Alarm { .. } | Stage::Idle | Stage::Waiting | Stage::Safe { .. } => {}
        }
    }

    fn last(&self) -> u8 {
        self.config.rungs.clamp(1, RUNGS_MAX as u8) - 1
    }

    fn settle(&mut self, rung: RungId, out: &mut Rungs) {
        self.stage = Stage::Safe { rung };
        out.push(Order::Safe { ladder: self.id });
    }

    /// Issues the first rung from `from` on whose `when` holds. Beyond the last, the last again: there is nothing stronger.
    fn climb(&mut self, from: u8, at: Time, out: &mut Rungs) {
        let last = self.last();
        let mut rung = if self.urgent { last } else { from.min(last) };
        while rung < last && self.config.conditional[rung as usize] && !self.holds[rung as usize] {
            out.push(Order::Skipped { ladder: self.id, rung: RungId(rung) });
            rung += 1;
        }
        self.issue(rung, at, out);
    }

    fn issue(&mut self, rung: u8, at: Time, out: &mut Rungs) {
        self.stage = Stage::Running { rung: RungId(rung), deadline: self.deadline_of(rung, at) };
        out.push(Order::Issue { ladder: self.id, rung: RungId(rung) });
    }

    /// The last rung once more, after the alarm: the device may hear this one.
    fn insist(&mut self, at: Time, out: &mut Rungs) {
        let last = self.last();
        self.stage = Stage::Alarm { deadline: self.deadline_of(last, at) };
        out.push(Order::Issue { ladder: self.id, rung: RungId(last) });
    }

    /// Always after `at`, so that a caller who runs to the next deadline gets on.
    fn deadline_of(&self, rung: u8, at: Time) -> Time {
        (at + self.config.within[rung as usize]).max(at.next())
    }
}
