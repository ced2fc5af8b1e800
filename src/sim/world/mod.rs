//! Worlds: the physics that twins share.
//!
//! Invariant: integer steps of time, trigonometry from `libm`, noise from the seed: the same on every machine to the bit.

pub mod battery;
pub mod hall;
pub mod quadrotor;
pub mod space;
pub mod wind;
