//! The guard: stands between controller and device, owns the reaction. Small, ordered, latched.
//!
//! Invariant: `core` alone: no clock, no IO, no allocation. `tests/tidy.rs` compiles this room a second time
//! as `#![no_std]`, so the compiler proves it. Nothing here un-trips.

use crate::command::{Bound, Command, RuleId};
use crate::time::{Span, Time};
use crate::wire::{DeviceId, LinkId};

/// Most devices with a ladder on one rig; checked when the rig is read.
pub const LADDERS_MAX: usize = 16;
/// Most rungs of one ladder; checked when the rig is read.
pub const RUNGS_MAX: usize = 8;
/// Most silence deadlines (controllers with a dead-man); checked when the rig is read.
pub const SILENCES_MAX: usize = 16;

/// A device's ladder, by its place in the plan's list of ladders.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LadderId(pub u8);

/// A rung of a ladder, gentlest first.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RungId(pub u8);

/// A set of ladders: bit `i` is `LadderId(i)`.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct LadderSet(pub u16);

/// Why the guard acts; later variants outrank earlier ones when several come at one instant.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Cause {
    /// The run is over; what is not safe yet is made safe. Not a trip: the verdict does not suffer.
    Finish,
    /// A signal of a stopping rule is unknown at the present instant.
    Unknown(RuleId),
    /// A controller with a dead-man has been silent too long.
    Silence(DeviceId),
    /// A device started anew by itself.
    Restart(DeviceId),
    /// A device turned out to be another one.
    WrongIdentity(DeviceId),
    LinkLost(LinkId),
    /// The recorder is full or dead: what is not recorded does not happen.
    Recorder,
    /// The harness itself stood still longer than it may.
    Stall,
    /// The watchdog child fired.
    Watchdog(LinkId),
    /// A rule is broken.
    Rule(RuleId),
    /// A person said stop.
    Operator,
    /// A person said stop a second time: straight to the last rung.
    OperatorAgain,
}

/// What the guard must know of one ladder.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct LadderConfig {
    pub device: DeviceId,
    pub rungs: u8,
    /// Per rung: how long it has until `safe` must be confirmed.
    pub within: [Span; RUNGS_MAX],
    /// Per rung: it has a `when`, told through [`Guard::condition`].
    pub conditional: [bool; RUNGS_MAX],
    /// Ladders that must be over (safe or in alarm) before this one starts.
    pub after: LadderSet,
}

/// What the guard tells its caller to do or to note, in order.
#[derive(Copy, Clone, PartialEq, Debug)]
pub enum Order {
    /// The first cause, or one that outranks the one before, was latched.
    Tripped { cause: Cause },
    /// Write this rung's frames now.
    Issue { ladder: LadderId, rung: RungId },
    /// This rung was passed over since its `when` did not hold.
    Skipped { ladder: LadderId, rung: RungId },
    /// `safe` was confirmed.
    Safe { ladder: LadderId },
    /// The last rung was not confirmed in time: a person must look.
    Alarm { ladder: LadderId },
}

/// Fixed room for the orders of one call: 16 ladders can pass over all their rungs and issue one, with the trip itself.
pub const ORDERS_MAX: usize = LADDERS_MAX * (RUNGS_MAX + 2) + 2;

/// Orders of one call, in order; no allocation.
#[derive(Clone, Debug)]
pub struct Rungs {
    len: usize,
    orders: [Order; ORDERS_MAX],
}

impl Default for Rungs {
    fn default() -> Rungs {
        Rungs::new()
    }
}

impl Rungs {
    /// None yet.
    pub const fn new() -> Rungs {
        Rungs { len: 0, orders: [Order::Alarm { ladder: LadderId(0) }; ORDERS_MAX] }
    }
    /// Forgets all orders.
    pub fn clear(&mut self) {
        self.len = 0;
    }
    /// Adds an order. The room suffices by construction; a full buffer is our bug and panics.
    pub fn push(&mut self, order: Order) {
        self.orders[self.len] = order;
        self.len += 1;
    }
    /// The orders so far.
    pub fn as_slice(&self) -> &[Order] {
        &self.orders[..self.len]
    }
}

/// Limits of one command that a controller may ask for.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct GateConfig {
    /// A command older than this is stale.
    pub max_age: Option<Span>,
    /// Least time between two commands let through (1 / rate).
    pub min_interval: Option<Span>,
}

/// What became of a command at the gate.
#[derive(Copy, Clone, PartialEq, Debug)]
pub enum Decision {
    Pass,
    /// The argument was brought within the bound, in place.
    Clamp {
        arg: u8,
        from: f64,
        to: f64,
        rule: Option<RuleId>,
    },
    Reject(Refusal),
}

/// Why the gate refused, in the order in which the gate asks.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Refusal {
    /// The normal lane is closed: not armed yet, or tripped.
    Closed,
    /// Somebody with more authority holds the device.
    Outranked,
    Stale,
    TooFast,
    /// An argument is not a finite number.
    NotANumber {
        arg: u8,
    },
    /// An argument is outside its own declared range.
    OutOfRange {
        arg: u8,
    },
}

/// Everything the guard must know, fixed before a run.
#[derive(Clone, PartialEq, Debug)]
pub struct GuardConfig {
    pub ladders: [LadderConfig; LADDERS_MAX],
    pub ladder_count: u8,
    pub silences: [SilenceConfig; SILENCES_MAX],
    pub silence_count: u8,
}

/// A controller's dead-man.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct SilenceConfig {
    pub device: DeviceId,
    pub silent_for: Span,
}

/// The guard of one run.
#[derive(Clone, Debug)]
pub struct Guard;

impl Guard {
    /// A guard at rest: normal lane closed until [`Guard::arm`].
    pub fn new(_config: &GuardConfig) -> Guard {
        todo!()
    }
    /// Opens the normal lane and starts the silence deadlines. Does nothing after a trip.
    pub fn arm(&mut self, _at: Time) {
        todo!()
    }
    /// True once a cause other than [`Cause::Finish`] was latched; never false again.
    pub fn tripped(&self) -> Option<Cause> {
        todo!()
    }
    /// True while commands may energise: armed, not tripped, not finishing.
    pub fn open(&self) -> bool {
        todo!()
    }
    /// A cause for action: latches it if it outranks, closes the normal lane, starts the ladders in `stop` that do not run.
    /// `OperatorAgain` sends every running ladder to its last rung at once.
    pub fn observe(&mut self, _at: Time, _cause: Cause, _stop: LadderSet, _out: &mut Rungs) {
        todo!()
    }
    /// Tells whether the `when` of a rung holds now (unknown: false).
    pub fn condition(&mut self, _ladder: LadderId, _rung: RungId, _holds: bool) {
        todo!()
    }
    /// Tells whether `safe` is proven on samples that arrived after the rung's bytes left. False after true: the next rung follows.
    pub fn confirmed(&mut self, _ladder: LadderId, _at: Time, _safe: bool, _out: &mut Rungs) {
        todo!()
    }
    /// A controller was heard.
    pub fn heard(&mut self, _device: DeviceId, _at: Time) {
        todo!()
    }
    /// Asks the gate about a command. Order: lane, authority, freshness, rate, argument numbers, bounds (clamped in place).
    #[allow(clippy::too_many_arguments)]
    pub fn gate(
        &mut self,
        _at: Time,
        _from: crate::command::Authority,
        _age: Span,
        _command: &mut Command,
        _bounds: &[Bound],
        _limits: &GateConfig,
    ) -> Decision {
        todo!()
    }
    /// Does what is due: escalation, silence.
    pub fn tick(&mut self, _at: Time, _out: &mut Rungs) {
        todo!()
    }
    /// When `tick` wants to be called next.
    pub fn next_deadline(&self) -> Option<Time> {
        todo!()
    }
    /// True when every ladder that was started is safe or in alarm, and none waits.
    pub fn settled(&self) -> bool {
        todo!()
    }
}
