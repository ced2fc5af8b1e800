//! What people and machines read after a run: summary, verdict, data quality, JUnit.
//!
//! Invariant: no file system and no clock: plan and trace go in, text comes out.

mod junit;
mod quality;
mod summary;
#[cfg(test)]
mod tests;
mod verdict;

pub use junit::junit;
pub use quality::{LinkQuality, Quality, SignalQuality, quality};
pub use summary::summary;
pub use verdict::{
    CauseVerdict, RuleReport, RungVerdict, SafeVerdict, SignalMargin, StepVerdict, TripVerdict, VERDICT_FORMAT,
    Verdict, verdict,
};

use crate::scenario::plan::Plan;
use crate::trace::Trace;

/// Said in every report.
pub const SAFETY_NOTICE: &str = "Checkrein is not certified functional safety and no substitute for a wired e-stop.";

/// What is reported on.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    pub plan: &'a Plan,
    pub trace: &'a Trace,
    /// Directory of the run, as people find it.
    pub run: &'a str,
    /// SHA-256 of the recording in hexadecimal; empty when there is none.
    pub recording_sha256: &'a str,
    /// Version of the program.
    pub tool: &'a str,
    /// UTC nanoseconds since 1970 at the start of the run.
    pub wall_clock_unix_nanos: i64,
}
