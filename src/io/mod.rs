//! The hands: ports, brokers, clocks, threads and child processes.
//!
//! [`host`] is the one loop of a run. Everything reaches it as an [`Input`](crate::run::Input) and leaves it as an
//! [`Effect`](crate::run::Effect).
//!
//! Invariant: nothing here decodes a byte, judges a signal or decides anything; `unsafe` stands in `os` alone.

pub mod access;
pub mod broker;
pub mod child;
pub mod climb;
pub mod clock;
mod disk;
pub mod feed;
pub mod floor;
pub mod host;
pub mod lanes;
pub mod last_words;
pub mod line;
pub mod mqtt;
mod mqtt_client;
mod mqtt_pace;
pub mod os;
pub mod ports;
pub mod probe;
pub mod pty;
pub mod queue;
pub mod recorder;
pub mod serial;
pub mod state;
pub mod timer;
pub mod tripped;
pub mod tunnel;
pub mod twins;
mod twins_child;
pub mod watchdog;

pub use disk::Disk;

use std::process::ExitCode;

/// Runs a child of the harness: `checkrein child <name>`. `args` begins with the name.
pub fn child_main(args: &[String]) -> ExitCode {
    match args.first().map(String::as_str) {
        Some("watchdog") => watchdog::child(),
        Some("broker") => broker::child(),
        Some("twins") => twins_child::child(),
        _ => child::fail("this command is for Checkrein itself: child watchdog, broker or twins"),
    }
}
