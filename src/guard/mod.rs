//! The guard: stands between controller and device, owns the reaction. Small, ordered, latched.
//!
//! Invariant: `core` alone: no clock, no IO, no allocation. `tests/tidy.rs` compiles this room a second time
//! as `#![no_std]`, so the compiler proves it. Nothing here un-trips.
//!
//! A trip closes the normal lane for good and starts ladders. Each climbs from its gentlest rung to its last until
//! `safe` is confirmed, calls a person when even the last rung is not confirmed in time, and then goes on trying.
//! The ordinary end of a run goes the same way ([`Cause::Finish`]), so that the emergency path is walked in every run.

mod cause;
mod config;
mod fallback;
mod gate;
mod kernel;
mod ladder;
mod order;
mod silence;

pub use cause::Cause;
pub use config::{ConfigError, GuardConfig};
pub use fallback::{FALLBACKS_MAX, FallbackConfig, FallbackId, Recovery};
pub use gate::{Decision, GateConfig, RATED_COMMANDS_MAX, Refusal};
pub use kernel::Guard;
pub use ladder::{LADDERS_MAX, LadderConfig, LadderId, LadderSet, RUNGS_MAX, RungId, Stage};
pub use order::{ORDERS_MAX, Order, Rungs};
pub use silence::{SILENCES_MAX, SilenceConfig};
