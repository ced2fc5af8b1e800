//! Twins: simulated devices that speak real bytes, and the one world behind them.
//!
//! Invariant: no clock and no wire: `virtual` and `io::twins` give both. The same seed and the same calls give the same bytes.

mod bench;
mod devices;
#[cfg(test)]
mod flight;
mod random;
mod world;

pub use bench::Bench;
