//! The command line: one file per command. Only here, in `io` and in `live` are files opened and threads started.
//!
//! Invariant: no command judges anything itself; it asks the rooms below and prints what they say.

mod breakable;
mod check;
mod controller;
mod diff;
mod doctor;
mod exit;
mod explain;
mod judge;
mod lease;
mod live;
mod monitor;
mod new;
mod observing;
mod plot;
mod rehearse;
mod rejudge;
mod replay;
mod report;
mod reset;
mod results;
mod rigs;
mod run;
mod rundir;
mod say;
mod schema;
mod sim;

use clap::{Parser, Subcommand};
pub use exit::Exit;
use std::process::ExitCode;

/// Checkrein drives devices through scripted scenarios, records telemetry, and holds what an AI does against a safety
/// envelope while it does it.
#[derive(Parser, Debug)]
#[command(
    name = "checkrein",
    version,
    about,
    after_help = "Not certified functional safety; no substitute for a wired e-stop.\n\
        Exit codes: 0 pass, 1 fail, 2 inconclusive, 3 blocked, 4 aborted, 64 usage or file error."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Check scenarios with their rig and envelope; nothing is opened
    Check(check::CheckArguments),
    /// Tell what a rule means, what it rests on, and what judging it costs
    Explain(explain::ExplainArguments),
    /// Run a scenario and judge it
    Run(run::RunArguments),
    /// Show what a rig says and how far it is from its envelope, with no scenario
    Monitor(monitor::MonitorArguments),
    /// Start the twins of a rig alone, for any other tool
    Sim(sim::SimArguments),
    /// Let a learned policy control a machine, in a process of its own
    Controller(controller::ControllerArguments),
    /// Judge a trace of any origin against any rule
    Judge(judge::JudgeArguments),
    /// Fold recordings again and demand the identical events, or judge them by another envelope
    Replay(replay::ReplayArguments),
    /// Tell what is different between two runs
    Diff(diff::DiffArguments),
    /// Draw the plots of a run again
    Plot(plot::PlotArguments),
    /// Write the report of a run again, as one page
    Report(report::ReportArguments),
    /// List rigs, rehearse their way to safety, release them after a quarantine
    Rigs(rigs::RigsArguments),
    /// Print the JSON Schema of a kind of file
    Schema(schema::SchemaArguments),
    /// What outlives the harness: started by `run`, not by people
    #[command(hide = true, disable_help_flag = true)]
    Child {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

/// Reads the command line, does what it says, and gives the exit code.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version come as errors too, and are none.
            let wrong = error.use_stderr();
            // A closed terminal is no reason for another exit code.
            let _ = error.print();
            return if wrong { Exit::Usage.into() } else { ExitCode::SUCCESS };
        }
    };
    match arguments.command {
        Command::Check(arguments) => check::check(&arguments),
        Command::Explain(arguments) => explain::explain(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::Monitor(arguments) => monitor::monitor(&arguments),
        Command::Sim(arguments) => sim::sim(&arguments),
        Command::Controller(arguments) => controller::controller(&arguments),
        Command::Judge(arguments) => judge::judge(&arguments),
        Command::Replay(arguments) => replay::replay(&arguments),
        Command::Diff(arguments) => diff::diff(&arguments),
        Command::Plot(arguments) => plot::plot(&arguments),
        Command::Report(arguments) => report::report(&arguments),
        Command::Rigs(arguments) => rigs::rigs(&arguments),
        Command::Schema(arguments) => schema::schema(&arguments),
        Command::Child { arguments } => crate::io::child_main(&arguments),
    }
}
