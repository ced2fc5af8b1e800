//! What people and machines read after a run: summary, verdict, data quality, JUnit.
//!
//! Invariant: no file system and no clock: plan and trace go in, text comes out.

mod diff;
mod gate;
mod junit;
mod quality;
mod rehearsed;
mod stops;
mod summary;
#[cfg(test)]
mod tests;
mod verdict;

pub use diff::{RunDifference, differences};
pub use gate::{AccountVerdict, BrokenVerdict, GateVerdict, RecoveredVerdict, ScoresVerdict, StretchVerdict};
pub use junit::junit;
pub use quality::{LinkQuality, Quality, SignalQuality, quality};
pub use rehearsed::{Tried, tried};
pub use stops::{EmergencyStopVerdict, ReleasedVerdict, ResetVerdict};
pub use summary::summary;
pub use verdict::{
    CauseVerdict, Relied, RuleReport, RungVerdict, SafeVerdict, SignalMargin, StepVerdict, TripVerdict, VERDICT_FORMAT,
    Verdict, verdict,
};

pub use crate::trace::Subject;

/// Said in every report.
pub const SAFETY_NOTICE: &str = "Checkrein is not certified functional safety and no substitute for a wired e-stop.";
