//! Scenario file -> syntax -> checked against the rig -> [`Plan`](plan::Plan): complete and immutable.
//!
//! Invariant: a `Plan` exists only when nothing is wrong with any of the three files, so `Run::new` cannot fail.

mod acted;
mod check;
mod fault_parameters;
mod fault_target;
mod faults;
mod keys;
mod ladders;
mod parameters;
pub mod plan;
mod rehearsal;
mod steps;
mod stream_faults;
mod survey;
mod watch;

pub use acted::ActedFault;
pub use check::{check, observe};
pub use faults::names as fault_names;
pub use keys::schema;
use plan::Mode;
pub use rehearsal::{MADE_FOLDER, REHEARSAL};
pub use watch::{FOR_EVER, watch};

/// What a user asks for.
#[derive(Clone, PartialEq, Debug)]
pub struct Request {
    /// Path of the scenario file, as `Files` knows it.
    pub scenario: String,
    /// Path of the rig file; `None`: `rigs/<name>/rig.yaml` beside the folder `scenarios`, by the scenario's `rig:`.
    pub rig: Option<String>,
    /// `--set name=value`, unchecked.
    pub overrides: Vec<(String, String)>,
    pub seed: u64,
    pub mode: Mode,
}
