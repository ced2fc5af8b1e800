//! Checkrein: drives physical devices over serial and MQTT through scripted scenarios, records telemetry,
//! and checks what an AI does against safety envelopes while it does it.

// words
pub mod command;
pub mod diag;
pub mod signal;
pub mod time;
pub mod units;
pub mod wire;
// the safety kernel
pub mod guard;
// meaning
pub mod codec;
pub mod expr;
pub mod fault;
pub mod rig;
pub mod scenario;
pub mod stl;
// judgement
pub mod log;
pub mod run;
pub mod sim;
pub mod r#virtual;
