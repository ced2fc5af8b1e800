//! Twins of devices: each speaks the real bytes of its kind.
//!
//! # Adding a twin
//! 1. A file here, with what it does when bytes arrive and when time passes.
//! 2. Its name in [`TWINS`](crate::rig::twins::TWINS) and an arm in `bench`.

pub mod active;
pub mod hover_pilot;
mod power;
pub mod quadrotor;
