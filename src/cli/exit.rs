//! Exit codes, in one table.

use crate::run::RunVerdict;
use std::process::ExitCode;

/// How the program ends.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Done; of a run: pass.
    Good,
    /// A run's verdict, or a replay that differs (1).
    Verdict(RunVerdict),
    /// A usage or file error: nothing was opened.
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        match exit {
            Exit::Good => ExitCode::SUCCESS,
            Exit::Verdict(verdict) => ExitCode::from(verdict.exit_code()),
            Exit::Usage => ExitCode::from(64),
        }
    }
}
