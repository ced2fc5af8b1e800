//! Checkrein: drives physical devices over serial and MQTT through scripted scenarios, records telemetry,
//! and checks what an AI does against safety envelopes while it does it.
//!
//! A run is a pure fold over a log of inputs: [`run::Run::handle`] takes what happened and says what to do.
//!
//! ```text
//!  wires ──► io ──► Input ──► run ──► Effect ──► io ──► wires
//!                     │        │         │
//!                     ▼        │         ▼
//!                  recorder    │      events ──► live view
//!                     │        ▼
//!                     │   codec ► stl ► guard ► script
//!                     ▼
//!                    log ──► trace ──► plots, report, verdict
//! ```
//!
//! The modules stand in reading order, bottom to top; each may use those above it in this list, not below.

// words: plain values, no clock
pub mod time;
pub mod wire;
pub mod units;
pub mod diag;
pub mod signal;
pub mod command;
// the safety kernel: rests on words alone
pub mod guard;
// meaning: pure
pub mod expr;
pub mod stl;
pub mod codec;
pub mod fault;
pub mod policy;
pub mod rig;
pub mod scenario;
// judgement: pure, deterministic
pub mod run;
pub mod log;
pub mod sim;
pub mod r#virtual;
pub mod import;
// hands: the only rooms with tokio, sockets, clocks, threads
pub mod io;
// eyes: functions of the log
pub mod trace;
pub mod judge;
pub mod report;
pub mod plot;
pub mod live;
pub mod html;
pub mod cli;
