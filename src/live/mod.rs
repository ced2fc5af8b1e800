//! The live view: what a person beside the rig sees while the run goes on.
//!
//! Invariant: it may only look; events come in, text goes out, and nothing waits for it.

mod lines;
mod screen;
mod vitals;

pub use lines::{Weight, describe, weight};
pub use screen::Screen;
pub use vitals::{ClockVitals, DeviceVitals, LinkVitals, Pulse, RuleVitals, Vitals, rate_from};
